/* SPDX-License-Identifier: ISC */
/** The kernels, as C functions that queue them on a stream. One family per .cu file.
 *
 *  "Values" are what matrix products read: float32, or bfloat16 where `bf16` is true. All else is
 *  float32. Pointers are to the GPU's memory. Whether a launch went well is asked of the GPU
 *  (gpu.h) afterwards. Everything is row-major. */
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

/** Where a kernel runs, and what its values are. */
typedef struct bsm_kernel_queue {
    void *stream;
    bool bf16;
} bsm_kernel_queue;

/** Rows of x that a scratch buffer holds without gaps: row r of the buffer is row
 *  first + (r / per) * stride + r % per of x. */
typedef struct bsm_rows {
    uint32_t first, per, stride, batches;
} bsm_rows;

/* ---- norm.cu ---- */

/** u = rms(x) * weight as values; without a weight, if it is NULL. */
typedef struct bsm_rms_norm {
    bsm_rows rows;
    uint32_t dim;
    const float *x, *weight;
    void *u;
} bsm_rms_norm;
void bsm_kernel_rms_norm(bsm_kernel_queue queue, const bsm_rms_norm *norm);

/** joined = x + r mixed, a row's factor r being 1 / the root of the mean of `inner` squares; then x
 * += bias if it is not NULL. */
typedef struct bsm_join {
    bsm_rows rows;
    uint32_t dim, joined_stride, heads, inner;
    const float *squares; /**< in rows [heads], as from bsm_fused_scan; NULL: r is 1 */
    const void *mixed;    /**< values in rows [dim] */
    float *x;             /**< [row of x][dim] */
    const float *bias;
    void *joined; /**< values, a row of `joined_stride` for each of x */
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

/** Bands of a frame, packed band after band, each padded to its class's width. */
typedef struct bsm_packed_band {
    uint32_t offset;   /**< of its features in a frame */
    uint32_t features; /**< of its own */
    uint32_t width;    /**< of its class */
    uint32_t before;   /**< widths of the bands before it, together */
} bsm_packed_band;

/** The spectrum's bands, each divided by its norm, as values packed[band][frame][width]; also
 *  x[band][frame] = bias[band]. */
typedef struct bsm_split {
    uint32_t frames, num_bands, features, dim; /**< features: of a frame */
    const bsm_packed_band *bands;
    const float *spectrum; /**< [frame][features] */
    const float *gamma;    /**< [features] */
    const float *bias;     /**< [band][dim] */
    void *packed;
    float *x; /**< [band][frame][dim] */
} bsm_split;
void bsm_kernel_split(bsm_kernel_queue queue, const bsm_split *split);

/** out = tanh(hidden + bias) as values, [band][row][width], bias [band][width]. */
typedef struct bsm_tanh {
    uint32_t num_bands, rows, width;
    const float *hidden, *bias;
    void *out;
} bsm_tanh;
void bsm_kernel_tanh(bsm_kernel_queue queue, const bsm_tanh *tanh);

/** masked = mixture * (a sigmoid(b)), complex; values[band][frame][a: width | b: width], bias in
 *  the same order without frames. */
typedef struct bsm_apply_mask {
    uint32_t frames, features; /**< features: of a frame */
    const uint16_t *band_of;   /**< [features / 2] the band of each complex number */
    const bsm_packed_band *bands;
    const float *values, *bias;
    const float *mixture; /**< [frame][features] */
    float *masked;        /**< the same */
} bsm_apply_mask;
void bsm_kernel_apply_mask(bsm_kernel_queue queue, const bsm_apply_mask *mask);

/* ---- The scan ---- */

enum { BSM_MAX_CHUNK = 64 };

/** Sequences cut into chunks of up to `chunk` steps. Buffers "in chunks" hold `chunk` rows for
 *  each, zero where a chunk is shorter; buffers "in rows" hold a row for each step, without gaps.
 *  A chunk ends at step `split`, so that the state there is known; split = steps: nowhere else. */
typedef struct bsm_steps {
    uint32_t sequences, steps;
    uint32_t sequence_stride, step_stride;       /**< in rows: of step i of sequence s, i as in x */
    bool reversed;                               /**< the first step is the last in x */
    uint32_t chunk, chunks, split, split_chunks; /**< chunks: of a sequence, split_chunks: up to
                                                      `split` */
} bsm_steps;

/** What a mixer's kernels share. */
typedef struct bsm_mixer_shape {
    uint32_t heads, headdim, d_state, taps;
} bsm_mixer_shape;

/** d_inner, conv_dim and what the input projection gives for a row, z | x | B | C | dt. */
BSM_BOTH_SIDES static inline uint32_t bsm_shape_inner(bsm_mixer_shape s)
{
    return s.heads * s.headdim;
}

BSM_BOTH_SIDES static inline uint32_t bsm_shape_conv(bsm_mixer_shape s)
{
    return bsm_shape_inner(s) + 2 * s.d_state;
}

/** Without dt. */
BSM_BOTH_SIDES static inline uint32_t bsm_shape_zxBC(bsm_mixer_shape s)
{
    return bsm_shape_inner(s) + bsm_shape_conv(s);
}

BSM_BOTH_SIDES static inline uint32_t bsm_shape_projected(bsm_mixer_shape s)
{
    return bsm_shape_zxBC(s) + s.heads;
}

/** Decays of each chunk and head, [sequence][chunk][head][step]: cum is the sum of dt A up to and
 *  with a step, in double, since small differences of large sums are what counts. */
typedef struct bsm_decays {
    float *dt;   /**< softplus(dt + bias), 0 behind the chunk's end */
    double *cum; /**< sums of dt A */
    float *in;   /**< exp(cum): what is left there of the state before */
    float *out;  /**< dt exp(cum of the last - cum): what the state gets of a step */
    float *all;  /**< [sequence][chunk][head] exp(cum of the last) */
} bsm_decays;

/* ---- convolution.cu ---- */

typedef struct bsm_prepare {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *zxBC;    /**< values in rows */
    const float *raw_dt; /**< in rows [heads], not through softplus yet */
    const float *dt_bias, *A;
    const float *weight, *bias; /**< [conv_dim][taps], [conv_dim] */
    const float *tail; /**< [sequence][taps - 1][conv_dim], the inputs before; NULL: zeros */
    bool only_BC;      /**< of the convolution; x is not wanted */
    bsm_decays decays;
    void *x;      /**< values [sequence][chunk][head][step][headdim] */
    void *BC;     /**< values in chunks, [B | C] */
    void *scaled; /**< values in chunks [d_inner], x times decays.out; NULL: not needed */
} bsm_prepare;

void bsm_kernel_decays(bsm_kernel_queue queue, const bsm_prepare *p);

/** x | B | C = SiLU(convolution), after the decays. */
void bsm_kernel_convolution(bsm_kernel_queue queue, const bsm_prepare *p);

/** tail = the last taps - 1 inputs up to step `split`, after the convolution. */
void bsm_kernel_save_tail(bsm_kernel_queue queue, const bsm_prepare *p, float *tail);

/* ---- scan.cu ---- */

/** M = values [sequence][chunk][head][step i][step j]: G exp(cum_i - cum_j) dt_j for j <= i, plus D
 *  on the diagonal, else 0. */
typedef struct bsm_scores {
    uint32_t chunks, chunk, heads; /**< chunks: of all sequences */
    const float *G;                /**< [sequence][chunk][step i][step j]: C_i . B_j */
    const float *D;
    bsm_decays decays;
    void *M;
} bsm_scores;
void bsm_kernel_scores(bsm_kernel_queue queue, const bsm_scores *scores);

/** The state before each chunk out of what each chunk adds to it. */
typedef struct bsm_pass_states {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *added; /**< [sequence][chunk][d_state][d_inner] */
    const float *all;   /**< of the decays */
    const float *first; /**< [sequence][d_state][d_inner] before the first chunk; NULL: zeros */
    float *kept;        /**< the same after step `split`; NULL: not kept; may be `first` */
    void *before;       /**< values, as `added`, and may be the same memory if these are float32 */
} bsm_pass_states;
void bsm_kernel_pass_states(bsm_kernel_queue queue, const bsm_pass_states *pass);

/** y of the scan as values in rows: inside + in * outside. */
typedef struct bsm_collect {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *inside;  /**< [sequence][chunk][head][step][headdim] */
    const float *outside; /**< in chunks [d_inner]: S C; NULL: zeros */
    const float *in;      /**< of the decays */
    void *y;              /**< [row][d_inner] */
} bsm_collect;
void bsm_kernel_collect(bsm_kernel_queue queue, const bsm_collect *collect);

/* ---- fused_scan.cu ---- */

/** The whole scan, from zxBC and the B and C that bsm_kernel_convolution has made. All values are
 *  bfloat16. */
typedef struct bsm_fused_scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *zxBC;             /**< values in rows */
    const float *raw_dt;          /**< in rows [heads] */
    const float *dt_bias, *A, *D; /**< [heads] */
    const float *weight, *bias;   /**< of the convolution, [conv_dim][taps], [conv_dim] */
    const float *tail;            /**< [sequence][taps - 1][conv_dim]; NULL: zeros */
    const void *BC;               /**< values in chunks, [B | C] */
    const float *first;           /**< [sequence][d_state][d_inner] the state; NULL: zeros */
    float *kept;                  /**< the same after step `split`; NULL: not kept */
    void *before;                 /**< values [sequence][chunk][d_state][d_inner], the state before
                                       each chunk; NULL: not wanted */
    void *y;                      /**< values in rows [d_inner]; NULL: not wanted */
    float *squares; /**< [row][heads]: y is y SiLU(z), and this a head's sum of its squares; NULL: y
                         alone */
} bsm_fused_scan;
void bsm_kernel_fused_scan(bsm_kernel_queue queue, const bsm_fused_scan *scan);

/** Whether there is such a kernel; the steps do not matter. */
bool bsm_fused_scan_can(bsm_kernel_queue queue, bsm_mixer_shape shape);

/* ---- naive_scan.cu ---- */

/** The scan step by step, in float32 whatever the queue's values are: a launch for each operation
 *  on whole arrays. To compare with; from what bsm_kernel_decays and bsm_kernel_convolution make in
 *  float32. */
typedef struct bsm_naive_scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *dt;     /**< of the decays */
    const float *x, *BC; /**< as in bsm_prepare */
    const float *A, *D;  /**< [heads] */
    float *state;        /**< [sequence][d_state][d_inner], before the first step; then after the
                              last */
    float *added;        /**< the same: scratch */
    float *scaled;       /**< [sequence][d_inner]: scratch */
    float *y;            /**< in rows [d_inner] */
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

/** Frames of a signal of `channels` planes, as in signal/transform.h: a batch of
 *  frames * channels transforms, channels next to each other. Frame f starts f * hop - before
 *  samples behind the signal's first. */
typedef struct bsm_framing {
    uint32_t n_fft, window_size, hop, channels, samples, frames;
    uint32_t before;      /**< n_fft / 2: centred frames; 0: all lie in the signal */
    const float *window;  /**< [window_size] */
    const float *weights; /**< [samples] 1 / the sum of the squared windows; NULL: not normalised */
} bsm_framing;

/** out[frame][channel][n_fft]: the windowed frames of `audio` [channel][samples], reflected at its
 *  ends, or, for the adjoint of the inverse, of audio * weights with zeros there. */
void bsm_kernel_cut_frames(bsm_kernel_queue queue, const bsm_framing *framing, const float *audio,
                           bool adjoint, float *out);

/** bins [frame][channel][bin][re, im] -> spectrum [frame][bin][channel][re, im]. For the adjoint
 *  of the inverse, times 1 / n_fft, and twice where a bin stands for two. */
void bsm_kernel_store_bins(bsm_kernel_queue queue, const bsm_framing *framing, const float *bins,
                           bool adjoint, float *spectrum);

/** The other way, for the inverse: times 1 / n_fft. */
void bsm_kernel_load_bins(bsm_kernel_queue queue, const bsm_framing *framing, const float *spectrum,
                          float *bins);

/** audio = weights * the sum of the windowed frames; without weights the sum itself. */
void bsm_kernel_overlap_add(bsm_kernel_queue queue, const bsm_framing *framing, const float *frames,
                            float *audio);

/** audio += the sum of the windowed frames, what lies outside folded back: the adjoint of
 *  bsm_kernel_cut_frames. */
void bsm_kernel_fold_frames(bsm_kernel_queue queue, const bsm_framing *framing, const float *frames,
                            float *audio);

/* ---- copy.cu ---- */

/** Float32 to values of bfloat16. */
void bsm_kernel_to_bf16(void *stream, size_t count, const float *in, void *out);

#ifdef __cplusplus
}
#endif

#endif
