/* SPDX-License-Identifier: ISC */
/** The kernels that only training needs, in the style of ../kernels.h. There is one family per .cu
 *  file.
 *
 *  The prefix d_ means the gradient of the loss w.r.t. what follows. Gradients w.r.t. weights are
 *  sums over rows: a kernel sums pieces of BSM_PIECE_ROWS rows each, or chunks, and
 *  bsm_kernel_add_pieces adds these sums up. So the order of every sum follows from the sizes
 *  alone. */
#ifndef BSM_CUDA_TRAINING_TRAINING_KERNELS_H
#define BSM_CUDA_TRAINING_TRAINING_KERNELS_H

#include "kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BSM_PIECE_ROWS = 64 };

BSM_BOTH_SIDES static inline uint32_t bsm_pieces_of(uint32_t rows)
{
    return (rows + BSM_PIECE_ROWS - 1) / BSM_PIECE_ROWS;
}

/* ---- sums.cu ---- */

/** out[batch][column] += the sum of partial[batch][piece][column]. */
typedef struct bsm_add_pieces {
    uint32_t batches, pieces, columns;
    uint32_t ld;          /**< numbers from piece to piece; a batch is `pieces` pieces */
    const float *partial; /**< starts at the first wanted column */
    float *out;           /**< [batch][columns] */
} bsm_add_pieces;
void bsm_kernel_add_pieces(bsm_kernel_queue queue, const bsm_add_pieces *add);

/** partial[piece][column] = the sums of the rows of in[row][column]. */
typedef struct bsm_sum_rows {
    uint32_t rows, columns;
    const float *in;
    float *partial;
} bsm_sum_rows;
void bsm_kernel_sum_rows(bsm_kernel_queue queue, const bsm_sum_rows *sum);

/** packed[i] = vector[index[i]] */
void bsm_kernel_gather(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                       const float *vector, float *packed);

/** vector[index[i]] += packed[i]; no two indices may be equal. */
void bsm_kernel_scatter_add(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                            const float *packed, float *vector);

/** A[i] = -exp(vector[index[i]]) */
void bsm_kernel_decay_rates(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                            const float *vector, float *A);

/* ---- residual.cu ---- */

/** Dropout of a mixer's output (device/dropout.h); p = 0: none. */
typedef struct bsm_gpu_dropout {
    uint64_t key;
    double p;
    uint32_t frames, bands; /**< number of frames and bands of x */
    bool along_bands;
} bsm_gpu_dropout;

/** out = x + bias for each row. */
typedef struct bsm_add_bias {
    uint32_t rows, dim;
    const float *x, *bias;
    float *out;
} bsm_add_bias;
void bsm_kernel_add_bias(bsm_kernel_queue queue, const bsm_add_bias *add);

/** Compute one direction's half of the pair that is merged: pair = x + dropout(mixed) as values. */
typedef struct bsm_residual {
    bsm_rows rows;
    bsm_gpu_dropout dropout;
    uint32_t dim, direction;
    const float *x;
    const float *mixed; /**< in rows */
    void *pair;         /**< values [row of x][2 dim] */
} bsm_residual;
void bsm_kernel_residual(bsm_kernel_queue queue, const bsm_residual *residual);

/** The backward pass of bsm_residual: d_x += d_pair; d_mixed = dropout(d_pair) as values. */
typedef struct bsm_residual_backward {
    bsm_rows rows;
    bsm_gpu_dropout dropout;
    uint32_t dim, direction;
    const float *d_pair; /**< [row of x][2 dim] */
    float *d_x;
    void *d_mixed; /**< in rows */
} bsm_residual_backward;
void bsm_kernel_residual_backward(bsm_kernel_queue queue, const bsm_residual_backward *residual);

/* ---- norm_backward.cu ---- */

/** The backward pass of bsm_rms_norm or bsm_l2_norm. The gradient is added to d_x. */
typedef struct bsm_norm_backward {
    bsm_rows rows;
    uint32_t dim;
    bool l2; /**< L2 norm, otherwise RMS norm */
    const float *x, *weight;
    const float *d_u; /**< in rows */
    float *d_x;
    float *scalars; /**< scratch [row][2] */
    float *partial; /**< [piece][dim], sums for the gradient w.r.t. the weight */
} bsm_norm_backward;
void bsm_kernel_norm_backward(bsm_kernel_queue queue, const bsm_norm_backward *norm);

/* ---- gate_backward.cu ---- */

/** The backward pass of gated = rms(y SiLU(z)) * weight, which also computes `gated` again. All
 *  arrays are in rows. */
typedef struct bsm_gate_backward {
    bsm_mixer_shape shape;
    uint32_t rows;
    const void *y;    /**< values [row][d_inner] */
    const void *zxBC; /**< values; z comes first */
    const float *weight;
    void *gradient; /**< values [row][d_inner]; in: d_gated, out: d_y */
    void *gated;    /**< values */
    void *d_zxbcdt; /**< values; only the columns of z are written */
    float *scalars; /**< scratch [row][2] */
    float *partial; /**< [piece][d_inner], sums for the gradient w.r.t. the weight */
} bsm_gate_backward;
void bsm_kernel_gate_backward(bsm_kernel_queue queue, const bsm_gate_backward *gate);

/* ---- scan_backward.cu ---- */

/** The gradients w.r.t. the decays, [sequence][chunk][head][step]. */
typedef struct bsm_decay_gradients {
    float *d_dt; /**< without the part that passes through cum */
    float *d_cum;
    float *d_all; /**< [sequence][chunk][head], w.r.t. the logarithm of `all`, which is cum of the
                     last step */
    float *diagonal; /**< the diagonal of d_M, whose sum is the gradient w.r.t. D */
} bsm_decay_gradients;

/** Copy d_y in the two orders that products read, and compute the part of d_cum that comes from the
 *  state before the chunk. */
typedef struct bsm_lay_out {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *d_y;           /**< values in rows [d_inner] */
    const float *outside, *in; /**< outside may be NULL: zeros */
    void *d_inside;            /**< values [sequence][chunk][head][step][headdim] */
    void *d_outside;           /**< values in chunks [d_inner], d_y times in; only if outside */
    float *d_cum;              /**< written */
} bsm_lay_out;
void bsm_kernel_lay_out(bsm_kernel_queue queue, const bsm_lay_out *lay_out);

/** The backward pass of bsm_scores, which computes M again. */
typedef struct bsm_scores_backward {
    bsm_scores forward;            /**< M is written */
    float *d_M;                    /**< [sequence][chunk][head][step i][step j]; overwritten */
    void *d_G;                     /**< values [sequence][chunk][step i][step j] */
    bsm_decay_gradients gradients; /**< d_dt and diagonal are written, d_cum is added to */
} bsm_scores_backward;
void bsm_kernel_scores_backward(bsm_kernel_queue queue, const bsm_scores_backward *scores);

/** The backward pass of bsm_pass_states. The gradient after the last chunk is zero. */
typedef struct bsm_pass_states_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *d_before; /**< [sequence][chunk][d_state][d_inner], w.r.t. the state before each
                              chunk, without the part that passes through later chunks */
    const void *before;    /**< values, the state before each chunk */
    const float *all;      /**< bsm_decays.all */
    void *d_behind;        /**< values, w.r.t. the state after each chunk; may be the same memory as
                              d_before if values are float32 */
    float *d_all;          /**< written */
} bsm_pass_states_backward;
void bsm_kernel_pass_states_backward(bsm_kernel_queue queue, const bsm_pass_states_backward *pass);

/** The backward pass of what the steps add to the state after their chunk. V is B times the
 *  gradient w.r.t. that state. */
typedef struct bsm_leave_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *x;  /**< values [sequence][chunk][head][step][headdim] */
    const float *V; /**< in chunks [d_inner] */
    bsm_decays decays;
    float *d_x;                    /**< float32, in the order of x; added to */
    bsm_decay_gradients gradients; /**< d_dt, d_cum and d_all are added to */
    float *left;                   /**< scratch [sequence][chunk][head][step] */
} bsm_leave_backward;
void bsm_kernel_leave_backward(bsm_kernel_queue queue, const bsm_leave_backward *leave);

/** The backward pass of bsm_kernel_decays. */
typedef struct bsm_decays_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *raw_dt; /**< in rows [heads] */
    const float *dt_bias, *A;
    bsm_decays decays;
    bsm_decay_gradients gradients;
    bool with_states; /**< d_all is used, otherwise it counts as zero */
    void *d_zxbcdt;   /**< values in rows; only the columns of dt are written */
    float *partial;   /**< [chunk][3 heads], gradients w.r.t. dt_bias | A_log | D */
} bsm_decays_backward;
void bsm_kernel_decays_backward(bsm_kernel_queue queue, const bsm_decays_backward *decays);

/* ---- fused_scan_backward.cu ---- */

/** Everything between d_y and the gradients w.r.t. x, B, C and the decays, for the shapes that
 *  bsm_fused_scan_can allows. All values are bfloat16. */
typedef struct bsm_fused_scan_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *d_y; /**< values in rows [d_inner] */
    const void *x;   /**< values [sequence][chunk][head][step][headdim] */
    const void *BC;  /**< values in chunks, [B | C] */
    const float *D;  /**< [heads] */
    bsm_decays decays;
    const void *before; /**< values [sequence][chunk][d_state][d_inner], the state before each
                           chunk; NULL: zeros, and the state after the chunk is not used */
    void *d_behind;     /**< scratch for the gradient w.r.t. the state after each chunk; only if
                           `before` */
    void *d_x;          /**< values in the order of x */
    float *d_BC;        /**< in chunks [B | C] */
    bsm_decay_gradients gradients; /**< written; d_all only if `before` */
} bsm_fused_scan_backward;
void bsm_kernel_fused_scan_backward(bsm_kernel_queue queue, const bsm_fused_scan_backward *scan);

/* ---- convolution_backward.cu ---- */

/** The backward pass of x | B | C = SiLU(convolution). */
typedef struct bsm_convolution_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *zxBC;           /**< values in rows */
    const float *weight, *bias; /**< [conv_dim][taps], [conv_dim] */
    const void *d_x;            /**< [sequence][chunk][head][step][headdim] */
    bool d_x_is_values;         /**< otherwise d_x is float32 */
    const float *d_BC;          /**< in chunks [B | C] */
    void *d_zxbcdt;             /**< values in rows; only the columns of x, B and C are written */
    float *partial;             /**< [chunk][conv_dim (taps + 1)], w.r.t. weights, then biases */
} bsm_convolution_backward;
void bsm_kernel_convolution_backward(bsm_kernel_queue queue,
                                     const bsm_convolution_backward *convolution);

/* ---- bands_backward.cu ---- */

/** The backward pass of bsm_split, only w.r.t. gamma. */
typedef struct bsm_split_backward {
    uint32_t frames, num_bands, features;
    const uint16_t *band_of; /**< [features / 2] */
    const bsm_packed_band *bands;
    const float *spectrum; /**< [frame][features] */
    const float *d_packed; /**< in the order of bsm_split.packed */
    float *factors;        /**< scratch [band][frame] */
    float *partial;        /**< [piece][features] */
} bsm_split_backward;
void bsm_kernel_split_backward(bsm_kernel_queue queue, const bsm_split_backward *split);

/** The backward pass of bsm_tanh. */
typedef struct bsm_tanh_backward {
    uint32_t num_bands, rows, width;
    const void *out;    /**< values [band][row][width] */
    const float *d_out; /**< the same */
    void *d_hidden;     /**< values, the same */
    float *partial;     /**< [band][piece][width], w.r.t. the bias */
} bsm_tanh_backward;
void bsm_kernel_tanh_backward(bsm_kernel_queue queue, const bsm_tanh_backward *tanh);

/** The backward pass of bsm_apply_mask. */
typedef struct bsm_apply_mask_backward {
    bsm_apply_mask forward; /**< `masked` is not read */
    const float *d_masked;  /**< [frame][features] */
    void *d_values;         /**< values, in the order of forward.values */
    float *partial;         /**< [piece][2 features of a frame], w.r.t. the packed bias */
} bsm_apply_mask_backward;
void bsm_kernel_apply_mask_backward(bsm_kernel_queue queue, const bsm_apply_mask_backward *mask);

/* ---- optimiser.cu ---- */

/** The most blocks of kernels that reduce a whole buffer to one number. */
enum { BSM_REDUCING_BLOCKS = 264 };

/** *sum = the sum of squares, in double. partial is [BSM_REDUCING_BLOCKS]. */
void bsm_kernel_square_sum(bsm_kernel_queue queue, size_t count, const float *values,
                           double *partial, double *sum);

/** The numbers of a step of AdamW that are the same for all weights (bsm/training.h). */
typedef struct bsm_gpu_adamw {
    float scale;                        /**< multiplies the gradient */
    float beta1, share1, beta2, share2; /**< share = 1 - beta */
    float keep;                         /**< multiplies the weight, for weight decay */
    float step;                         /**< learning rate / correction of the first moments */
    float correct2;                     /**< 1 / root of the correction of the second moments */
    float epsilon;
    float ema_share; /**< 1 - ema */
    size_t count;
    float *weights, *gradients, *first, *second, *average;
    void *values; /**< the weights as bfloat16; NULL: not wanted */
} bsm_gpu_adamw;
void bsm_kernel_adamw(bsm_kernel_queue queue, const bsm_gpu_adamw *adamw);

/* ---- loss.cu ---- */

/** predicted -= target; gradient = step * the sign of that; *sum = the sum of its moduli. */
typedef struct bsm_time_term {
    size_t count;
    float step;
    const float *target;
    float *predicted, *gradient;
    double *partial, *sum; /**< as for bsm_kernel_square_sum */
    double floor;          /**< added to the mean square by bsm_kernel_square_term */
} bsm_time_term;
void bsm_kernel_time_term(bsm_kernel_queue queue, const bsm_time_term *term);

/** The same for the L2 norm: *sum is the sum of squares, and gradient = step * (predicted - target)
 *  / sqrt(*sum / count + floor). */
void bsm_kernel_square_term(bsm_kernel_queue queue, const bsm_time_term *term);

/** *sum = the silence term of bsm/training.h in dB: what is predicted in pieces whose target is
 *  silent. Its gradient, times `step`, is added to `gradient`. A piece is `piece` samples of all
 *  channels. */
typedef struct bsm_silence_term {
    size_t samples; /**< samples per channel */
    size_t piece;
    uint32_t channels;
    double floor; /**< silent: target's energy / mixture's is below this */
    double step;
    const float *mixture, *target, *difference;
    float *gradient;
    double *partial, *sum; /**< as for bsm_kernel_square_sum */
} bsm_silence_term;
void bsm_kernel_silence_term(bsm_kernel_queue queue, const bsm_silence_term *term);

/** *sum = the sum of |z| over the bins z [transform][bin]. Each z is replaced by step * z / |z|,
 *  scaled so that the inverse transform, which counts inner bins twice, gives the gradient w.r.t.
 *  the frames. */
typedef struct bsm_moduli {
    uint32_t n_fft;
    size_t transforms;
    float step;
    float *bins;
    double *partial, *sum;
} bsm_moduli;
void bsm_kernel_moduli(bsm_kernel_queue queue, const bsm_moduli *moduli);

#ifdef __cplusplus
}

/** The first of the two kernels of the fused backward scan: computes d_behind of each chunk. */
void bsm_fused_states_backward(bsm_kernel_queue queue, const bsm_fused_scan_backward &b);
#endif

#endif
