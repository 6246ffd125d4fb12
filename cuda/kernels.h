/* SPDX-License-Identifier: ISC */
/** The kernels, as C functions that queue them on a stream. There is one family per .cu file.
 *
 *  "Values" are the numbers that matrix products read: bfloat16 if `bf16` is true, otherwise
 *  float32. All other numbers are float32. Pointers are to the GPU's memory, and arrays are
 *  row-major. A launch returns no status: gpu.h reports failures afterwards.
 *
 *  Buffers "in rows" and "in chunks" are explained at bsm_steps. */
#ifndef BSM_CUDA_KERNELS_H
#define BSM_CUDA_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __CUDACC__
#define BSM_BOTH_SIDES __host__ __device__
#else
#define BSM_BOTH_SIDES
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The stream that a kernel runs on, and the type of its values. */
typedef struct bsm_kernel_queue {
    void *stream;
    bool bf16;
} bsm_kernel_queue;

/** The rows of x that a scratch buffer holds without gaps: row r of the buffer is row first + (r /
 *  per) * stride + r % per of x. */
typedef struct bsm_rows {
    uint32_t first, per, stride, batches;
} bsm_rows;

/* ---- norm.cu ---- */

/** u = rms(x) * weight as values; if the weight is NULL, u = rms(x). */
typedef struct bsm_rms_norm {
    bsm_rows rows;
    uint32_t dim;
    const float *x, *weight;
    void *u;
} bsm_rms_norm;
void bsm_kernel_rms_norm(bsm_kernel_queue queue, const bsm_rms_norm *norm);

/** joined = x + r mixed, where r is a factor per row: 1 / the root of the mean of `inner` squares.
 *  Then x += bias, unless the bias is NULL. */
typedef struct bsm_join {
    bsm_rows rows;
    uint32_t dim, joined_stride, heads, inner;
    const float *squares; /**< in rows [heads], sums of squares from bsm_fused_scan; NULL: r is 1 */
    const void *mixed;    /**< values in rows [dim] */
    float *x;             /**< [row of x][dim] */
    const float *bias;
    void *joined; /**< values, one row of `joined_stride` per row of x */
} bsm_join;
void bsm_kernel_join(bsm_kernel_queue queue, const bsm_join *join);

/** u = x / max(|x|, 1e-12) * sqrt(dim) * gamma as values. */
typedef struct bsm_l2_norm {
    bsm_rows rows;
    uint32_t dim;
    const float *x, *gamma;
    void *u;
} bsm_l2_norm;
void bsm_kernel_l2_norm(bsm_kernel_queue queue, const bsm_l2_norm *norm);

/* ---- bands.cu ---- */

/** One band of a frame. Bands are packed one after the other, each padded to the width of its class
 *  (bsm_band_class). */
typedef struct bsm_packed_band {
    uint32_t offset;   /**< where its features start in a frame */
    uint32_t features; /**< number of its own features */
    uint32_t width;    /**< width of its class */
    uint32_t before;   /**< sum of the widths of the bands before it */
} bsm_packed_band;

/** Write the bands of a spectrum, each divided by its norm, as values to
 *  packed[band][frame][width]; also set x[band][frame] = bias[band]. */
typedef struct bsm_split {
    uint32_t frames, num_bands, features, dim; /**< features: number per frame */
    const bsm_packed_band *bands;
    const float *spectrum; /**< [frame][features] */
    const float *gamma;    /**< [features] */
    const float *bias;     /**< [band][dim] */
    void *packed;
    float *x; /**< [band][frame][dim] */
} bsm_split;
void bsm_kernel_split(bsm_kernel_queue queue, const bsm_split *split);

/** out = tanh(hidden + bias) as values [band][row][width]; bias is [band][width]. */
typedef struct bsm_tanh {
    uint32_t num_bands, rows, width;
    const float *hidden, *bias;
    void *out;
} bsm_tanh;
void bsm_kernel_tanh(bsm_kernel_queue queue, const bsm_tanh *tanh);

/** masked = mixture * (a sigmoid(b)), complex. values[band][frame] is [a: width | b: width] before
 *  the bias, which has the same order without frames. */
typedef struct bsm_apply_mask {
    uint32_t frames, features; /**< features: number per frame */
    const uint16_t *band_of;   /**< [features / 2] the band that each complex number belongs to */
    const bsm_packed_band *bands;
    const float *values, *bias;
    const float *mixture; /**< [frame][features] */
    float *masked;        /**< the same */
} bsm_apply_mask;
void bsm_kernel_apply_mask(bsm_kernel_queue queue, const bsm_apply_mask *mask);

/* ---- The scan ---- */

enum { BSM_MAX_CHUNK = 64 };

/** Sequences that are cut into chunks of up to `chunk` steps. Buffers "in rows" hold one row per
 *  step, without gaps. Buffers "in chunks" hold `chunk` rows per chunk; those after the end of a
 *  shorter chunk are zero.
 *
 *  One chunk ends after step `split`, so that the state there is known; if split = steps, no chunk
 *  ends early for this reason. */
typedef struct bsm_steps {
    uint32_t sequences, steps;
    uint32_t sequence_stride, step_stride; /**< in rows; steps count in the order of x */
    bool reversed;                         /**< the scan's first step is the last one in x */
    /** chunks: number per sequence; split_chunks: number of them up to `split` */
    uint32_t chunk, chunks, split, split_chunks;
} bsm_steps;

/** The sizes that all kernels of a mixer need. */
typedef struct bsm_mixer_shape {
    uint32_t heads, headdim, d_state, taps;
} bsm_mixer_shape;

/** Widths in numbers: d_inner, conv_dim, and a row of the input projection, z | x | B | C | dt. */
BSM_BOTH_SIDES static inline uint32_t bsm_shape_inner(bsm_mixer_shape s)
{
    return s.heads * s.headdim;
}

BSM_BOTH_SIDES static inline uint32_t bsm_shape_conv(bsm_mixer_shape s)
{
    return bsm_shape_inner(s) + 2 * s.d_state;
}

/** The input projection's width without dt. */
BSM_BOTH_SIDES static inline uint32_t bsm_shape_zxBC(bsm_mixer_shape s)
{
    return bsm_shape_inner(s) + bsm_shape_conv(s);
}

BSM_BOTH_SIDES static inline uint32_t bsm_shape_projected(bsm_mixer_shape s)
{
    return bsm_shape_zxBC(s) + s.heads;
}

/** The decays of each chunk and head, [sequence][chunk][head][step]. cum is the sum of dt A up
 *  to and including a step; it is a double, because small differences of large sums are what
 *  counts. */
typedef struct bsm_decays {
    float *dt;   /**< softplus(dt + bias); 0 after the chunk's end */
    double *cum; /**< sums of dt A from the chunk's start */
    float *in;   /**< exp(cum): how much of the state before the chunk is left at the step */
    float *out;  /**< dt exp(cum of the last step - cum): how much of a step goes into the state
                    after the chunk */
    float *all;  /**< [sequence][chunk][head] exp(cum of the last step) */
} bsm_decays;

/* ---- convolution.cu ---- */

typedef struct bsm_prepare {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *zxBC;    /**< values in rows */
    const float *raw_dt; /**< in rows [heads], before the softplus */
    const float *dt_bias, *A;
    const float *weight, *bias; /**< [conv_dim][taps], [conv_dim] */
    const float *tail; /**< [sequence][taps - 1][conv_dim], the inputs before; NULL: zeros */
    bool only_BC;      /**< only convolve B and C */
    bsm_decays decays;
    void *x;      /**< values [sequence][chunk][head][step][headdim] */
    void *BC;     /**< values in chunks, [B | C] */
    void *scaled; /**< values in chunks [d_inner], x times decays.out; NULL: not wanted */
} bsm_prepare;

void bsm_kernel_decays(bsm_kernel_queue queue, const bsm_prepare *p);

/** x | B | C = SiLU(convolution). Must be queued after bsm_kernel_decays if `scaled` is wanted. */
void bsm_kernel_convolution(bsm_kernel_queue queue, const bsm_prepare *p);

/** tail = the last taps - 1 inputs up to step `split`. Must be queued after all kernels that read
 *  the old contents, such as the convolution. */
void bsm_kernel_save_tail(bsm_kernel_queue queue, const bsm_prepare *p, float *tail);

/* ---- scan.cu ---- */

/** M, values [sequence][chunk][head][step i][step j]: G exp(cum_i - cum_j) dt_j for j <= i, plus D
 *  on the diagonal; 0 elsewhere. */
typedef struct bsm_scores {
    uint32_t chunks, chunk, heads; /**< chunks: number in all sequences */
    const float *G;                /**< [sequence][chunk][step i][step j]: C_i . B_j */
    const float *D;
    bsm_decays decays;
    void *M;
} bsm_scores;
void bsm_kernel_scores(bsm_kernel_queue queue, const bsm_scores *scores);

/** Compute the state before each chunk from what each chunk adds to the state. */
typedef struct bsm_pass_states {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *added; /**< [sequence][chunk][d_state][d_inner] */
    const float *all;   /**< bsm_decays.all */
    const float *first; /**< [sequence][d_state][d_inner], before the first chunk; NULL: zeros */
    float *kept;        /**< the same after step `split`; may be `first`; NULL: not wanted */
    void *before; /**< values, shaped like `added`; may be the same memory if values are float32 */
} bsm_pass_states;
void bsm_kernel_pass_states(bsm_kernel_queue queue, const bsm_pass_states *pass);

/** Compute y of the scan as values in rows: inside + in * outside. */
typedef struct bsm_collect {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *inside;  /**< [sequence][chunk][head][step][headdim] */
    const float *outside; /**< in chunks [d_inner], S C; NULL: zeros */
    const float *in;      /**< bsm_decays.in */
    void *y;              /**< [row][d_inner] */
} bsm_collect;
void bsm_kernel_collect(bsm_kernel_queue queue, const bsm_collect *collect);

/* ---- fused_scan.cu ---- */

/** The whole scan in one kernel, from zxBC and from the B and C that bsm_kernel_convolution
 *  computes. All values are bfloat16. */
typedef struct bsm_fused_scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *zxBC;             /**< values in rows */
    const float *raw_dt;          /**< in rows [heads] */
    const float *dt_bias, *A, *D; /**< [heads] */
    const float *weight, *bias; /**< weights of the convolution, [conv_dim][taps] and [conv_dim] */
    const float *tail;          /**< [sequence][taps - 1][conv_dim], as in bsm_prepare */
    const void *BC;             /**< values in chunks, [B | C] */
    const float *first; /**< [sequence][d_state][d_inner], before the first step; NULL: zeros */
    float *kept;        /**< the same after step `split`; NULL: not wanted */
    void *before;       /**< values [sequence][chunk][d_state][d_inner], the state before
                             each chunk; NULL: not wanted */
    void *y;            /**< values in rows [d_inner]; NULL: not wanted */
    float *squares; /**< [row][heads]: if not NULL, y is multiplied by SiLU(z), and these are the
                       sums of each head's squares of it; NULL: y is not gated */
} bsm_fused_scan;
void bsm_kernel_fused_scan(bsm_kernel_queue queue, const bsm_fused_scan *scan);

/** Return whether there is such a kernel for this precision and shape; the steps do not matter. */
bool bsm_fused_scan_can(bsm_kernel_queue queue, bsm_mixer_shape shape);

/* ---- naive_scan.cu ---- */

/** The scan step by step, with a launch for each operation on whole arrays, as a yardstick for the
 *  fast scans. It is float32 whatever the queue's values are, and reads what bsm_kernel_decays and
 *  bsm_kernel_convolution compute in float32. */
typedef struct bsm_naive_scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *dt;     /**< bsm_decays.dt */
    const float *x, *BC; /**< as in bsm_prepare */
    const float *A, *D;  /**< [heads] */
    float *state;  /**< [sequence][d_state][d_inner], before the first step; then after the last */
    float *added;  /**< scratch, of the same shape */
    float *scaled; /**< scratch [sequence][d_inner] */
    float *y;      /**< in rows [d_inner] */
} bsm_naive_scan;
void bsm_kernel_naive_scan(bsm_kernel_queue queue, const bsm_naive_scan *scan);

/* ---- gate.cu ---- */

/** out = rms(y SiLU(z)) * weight as values in rows. */
typedef struct bsm_gate {
    bsm_mixer_shape shape;
    uint32_t rows;
    const void *y;       /**< values [row][d_inner] */
    const void *zxBC;    /**< values in rows; z comes first */
    const float *weight; /**< NULL: ones */
    void *out;           /**< [row][d_inner] */
} bsm_gate;
void bsm_kernel_gate(bsm_kernel_queue queue, const bsm_gate *gate);

/* ---- signals.cu ---- */

/** The frames of a signal of `channels` planes, as in signal/transform.h. They are a batch of
 *  frames * channels transforms, in which the channels of a frame are adjacent. Frame f starts at
 *  sample (f * hop - before) of the signal. */
typedef struct bsm_framing {
    uint32_t n_fft, window_size, hop, channels, samples, frames;
    uint32_t before;      /**< n_fft / 2: frames are centred; 0: all frames lie inside the signal */
    const float *window;  /**< [window_size] */
    const float *weights; /**< [samples], 1 / the sum of the squared windows; NULL: ones */
} bsm_framing;

/** out[frame][channel][n_fft] = the windowed frames of `audio` [channel][samples], which is
 *  reflected at its ends. For the adjoint of the inverse transform, they are frames of (audio *
 *  weights), which is zero outside. */
void bsm_kernel_cut_frames(bsm_kernel_queue queue, const bsm_framing *framing, const float *audio,
                           bool adjoint, float *out);

/** bins [frame][channel][bin][re, im] -> spectrum [frame][bin][channel][re, im]. For the adjoint of
 *  the inverse transform, all bins are multiplied by 1 / n_fft, and those that stand for two bins
 *  of the full transform also by 2. */
void bsm_kernel_store_bins(bsm_kernel_queue queue, const bsm_framing *framing, const float *bins,
                           bool adjoint, float *spectrum);

/** spectrum -> bins, times 1 / n_fft, for the inverse transform. */
void bsm_kernel_load_bins(bsm_kernel_queue queue, const bsm_framing *framing, const float *spectrum,
                          float *bins);

/** audio = weights * the sum of the windowed frames; without weights, the sum itself. */
void bsm_kernel_overlap_add(bsm_kernel_queue queue, const bsm_framing *framing, const float *frames,
                            float *audio);

/** audio += the sum of the windowed frames, with the parts outside the signal folded back onto it:
 *  the adjoint of bsm_kernel_cut_frames. */
void bsm_kernel_fold_frames(bsm_kernel_queue queue, const bsm_framing *framing, const float *frames,
                            float *audio);

/* ---- copy.cu ---- */

/** Convert float32 numbers to bfloat16. */
void bsm_kernel_to_bf16(void *stream, size_t count, const float *in, void *out);

#ifdef __cplusplus
}
#endif

#endif
