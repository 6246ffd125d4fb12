/* SPDX-License-Identifier: ISC */
/** The kernels that only training needs, in the manner of ../kernels.h. One family per .cu file.
 *
 *  d_ before a name means the loss's gradient by it. Gradients by weights are sums over rows. A
 *  kernel sums pieces of BSM_PIECE_ROWS rows, or chunks; bsm_kernel_add_pieces adds these up. So
 *  every sum has an order that follows from the sizes alone. */
#ifndef BSM_CUDA_TRAINING_TRAINING_KERNELS_H
#define BSM_CUDA_TRAINING_TRAINING_KERNELS_H

#include "kernels.h"

/* The kernels that only training needs, in the manner of ../kernels.h. One family per .cu file.
 *
 *  d_ before a name means the loss's gradient by it. Gradients by weights are sums over rows. A
 *  kernel sums pieces of BSM_PIECE_ROWS rows, or chunks; bsm_kernel_add_pieces adds these up. So
 *  every sum has an order that follows from the sizes alone. */

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
    uint32_t ld;          /**< from piece to piece; a batch is `pieces` of them */
    const float *partial; /**< from the first column that is wanted */
    float *out;           /**< [batch][columns] */
} bsm_add_pieces;
void bsm_kernel_add_pieces(bsm_kernel_queue queue, const bsm_add_pieces *add);

/** partial[piece][column]: sums of the rows of in[row][column]. */
typedef struct bsm_sum_rows {
    uint32_t rows, columns;
    const float *in;
    float *partial;
} bsm_sum_rows;
void bsm_kernel_sum_rows(bsm_kernel_queue queue, const bsm_sum_rows *sum);

/** packed[i] = vector[index[i]] */
void bsm_kernel_gather(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                       const float *vector, float *packed);

/** vector[index[i]] += packed[i]; no two indices are the same. */
void bsm_kernel_scatter_add(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                            const float *packed, float *vector);

/** A[i] = -exp(vector[index[i]]) */
void bsm_kernel_decay_rates(bsm_kernel_queue queue, size_t count, const uint32_t *index,
                            const float *vector, float *A);

/* ---- residual.cu ---- */

/** Dropout of what a mixer gives (device/dropout.h); p = 0: none. */
typedef struct bsm_gpu_dropout {
    uint64_t key;
    double p;
    uint32_t frames, bands; /**< of x */
    bool along_bands;
} bsm_gpu_dropout;

/** out = x + bias for each row. */
typedef struct bsm_add_bias {
    uint32_t rows, dim;
    const float *x, *bias;
    float *out;
} bsm_add_bias;
void bsm_kernel_add_bias(bsm_kernel_queue queue, const bsm_add_bias *add);

/** One direction's half of the pair that is merged: pair = x + dropout(mixed) as values. */
typedef struct bsm_residual {
    bsm_rows rows;
    bsm_gpu_dropout dropout;
    uint32_t dim, direction;
    const float *x;
    const float *mixed; /**< in rows */
    void *pair;         /**< values [row of x][2 dim] */
} bsm_residual;
void bsm_kernel_residual(bsm_kernel_queue queue, const bsm_residual *residual);

/** The same backward: d_x += d_pair; d_mixed = dropout(d_pair) as values. */
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

/** bsm_rms_norm or bsm_l2_norm backward: d_x is added. */
typedef struct bsm_norm_backward {
    bsm_rows rows;
    uint32_t dim;
    bool l2; /**< else rms */
    const float *x, *weight;
    const float *d_u; /**< in rows */
    float *d_x;
    float *scalars; /**< [row][2] scratch */
    float *partial; /**< [piece][dim] of the gradient by the weight */
} bsm_norm_backward;
void bsm_kernel_norm_backward(bsm_kernel_queue queue, const bsm_norm_backward *norm);

/* ---- gate_backward.cu ---- */

/** gated = rms(y SiLU(z)) * weight backward, and `gated` once more. All in rows. */
typedef struct bsm_gate_backward {
    bsm_mixer_shape shape;
    uint32_t rows;
    const void *y;    /**< values [row][d_inner] */
    const void *zxBC; /**< values; z comes first */
    const float *weight;
    void *gradient; /**< values [row][d_inner], in: d_gated; out: d_y */
    void *gated;    /**< values */
    void *d_zxbcdt; /**< values; the columns of z */
    float *scalars; /**< [row][2] scratch */
    float *partial; /**< [piece][d_inner] of the gradient by the weight */
} bsm_gate_backward;
void bsm_kernel_gate_backward(bsm_kernel_queue queue, const bsm_gate_backward *gate);

/* ---- scan_backward.cu ---- */

/** The gradients by the decays, [sequence][chunk][head][step]. */
typedef struct bsm_decay_gradients {
    float *d_dt; /**< apart from what goes through cum */
    float *d_cum;
    float *d_all;    /**< [sequence][chunk][head] by the logarithm of `all`: cum of the last step */
    float *diagonal; /**< of the gradient by M: its sum is the gradient by D */
} bsm_decay_gradients;

/** d_y in the two orders that products read, and what the state before a chunk gave: d_cum. */
typedef struct bsm_lay_out {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *d_y;           /**< values in rows [d_inner] */
    const float *outside, *in; /**< outside NULL: zeros */
    void *d_inside;            /**< values [sequence][chunk][head][step][headdim] */
    void *d_outside;           /**< values in chunks [d_inner], d_y times in; not if no outside */
    float *d_cum;              /**< written */
} bsm_lay_out;
void bsm_kernel_lay_out(bsm_kernel_queue queue, const bsm_lay_out *lay_out);

/** bsm_scores backward. M is computed again. */
typedef struct bsm_scores_backward {
    bsm_scores forward;            /**< its M is written */
    float *d_M;                    /**< [sequence][chunk][head][step i][step j]; used up */
    void *d_G;                     /**< values [sequence][chunk][step i][step j] */
    bsm_decay_gradients gradients; /**< d_dt is written, d_cum added, diagonal written */
} bsm_scores_backward;
void bsm_kernel_scores_backward(bsm_kernel_queue queue, const bsm_scores_backward *scores);

/** bsm_pass_states backward, from zero behind the last chunk. */
typedef struct bsm_pass_states_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *d_before; /**< [sequence][chunk][d_state][d_inner] by the state before a chunk,
                                apart from what goes through the next */
    const void *before;    /**< values, the state before each chunk */
    const float *all;      /**< of the decays */
    void *d_behind;        /**< values, by the state behind each chunk; may be the same memory as
                                d_before if these are float32 */
    float *d_all;          /**< written */
} bsm_pass_states_backward;
void bsm_kernel_pass_states_backward(bsm_kernel_queue queue, const bsm_pass_states_backward *pass);

/** What the steps left behind their chunk, V being B times the gradient by the state there. */
typedef struct bsm_leave_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *x;  /**< values [sequence][chunk][head][step][headdim] */
    const float *V; /**< in chunks [d_inner] */
    bsm_decays decays;
    float *d_x;                    /**< as x, float32; added */
    bsm_decay_gradients gradients; /**< d_dt, d_cum and d_all are added */
    float *left;                   /**< [sequence][chunk][head][step] scratch */
} bsm_leave_backward;
void bsm_kernel_leave_backward(bsm_kernel_queue queue, const bsm_leave_backward *leave);

/** bsm_kernel_decays backward. */
typedef struct bsm_decays_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *raw_dt; /**< in rows [heads] */
    const float *dt_bias, *A;
    bsm_decays decays;
    bsm_decay_gradients gradients;
    bool with_states; /**< d_all counts; else it is zero */
    void *d_zxbcdt;   /**< values in rows; the columns of dt */
    float *partial;   /**< [chunk][3 heads] gradients by dt_bias | A_log | D */
} bsm_decays_backward;
void bsm_kernel_decays_backward(bsm_kernel_queue queue, const bsm_decays_backward *decays);

/* ---- fused_scan_backward.cu ---- */

/** All that lies between d_y and the gradients by x, B, C and the decays, where
 *  bsm_fused_scan_can. All values are bfloat16. */
typedef struct bsm_fused_scan_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *d_y; /**< values in rows [d_inner] */
    const void *x;   /**< values [sequence][chunk][head][step][headdim] */
    const void *BC;  /**< values in chunks, [B | C] */
    const float *D;  /**< [heads] */
    bsm_decays decays;
    const void *before; /**< values [sequence][chunk][d_state][d_inner], the state before each
                             chunk; NULL: zeros, and nobody asks for the state behind it */
    void *d_behind;     /**< the same by the state behind each chunk: scratch if `before` */
    void *d_x;          /**< values as x */
    float *d_BC;        /**< in chunks [B | C] */
    bsm_decay_gradients gradients; /**< written; d_all only if `before` */
} bsm_fused_scan_backward;
void bsm_kernel_fused_scan_backward(bsm_kernel_queue queue, const bsm_fused_scan_backward *scan);

/* ---- convolution_backward.cu ---- */

/** x | B | C = SiLU(convolution) backward. */
typedef struct bsm_convolution_backward {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const void *zxBC;           /**< values in rows */
    const float *weight, *bias; /**< [conv_dim][taps], [conv_dim] */
    const void *d_x;            /**< [sequence][chunk][head][step][headdim] */
    bool d_x_is_values;         /**< else it is float32 */
    const float *d_BC;          /**< in chunks [B | C] */
    void *d_zxbcdt;             /**< values in rows; the columns of x, B and C */
    float *partial;             /**< [chunk][conv_dim (taps + 1)] by the weight, then by the bias */
} bsm_convolution_backward;
void bsm_kernel_convolution_backward(bsm_kernel_queue queue,
                                     const bsm_convolution_backward *convolution);

/* ---- bands_backward.cu ---- */

/** bsm_split backward: by gamma alone. */
typedef struct bsm_split_backward {
    uint32_t frames, num_bands, features;
    const uint16_t *band_of; /**< [features / 2] */
    const bsm_packed_band *bands;
    const float *spectrum; /**< [frame][features] */
    const float *d_packed; /**< as `packed` */
    float *factors;        /**< [band][frame] scratch */
    float *partial;        /**< [piece][features] */
} bsm_split_backward;
void bsm_kernel_split_backward(bsm_kernel_queue queue, const bsm_split_backward *split);

/** bsm_tanh backward. */
typedef struct bsm_tanh_backward {
    uint32_t num_bands, rows, width;
    const void *out;    /**< values [band][row][width] */
    const float *d_out; /**< the same */
    void *d_hidden;     /**< values, the same */
    float *partial;     /**< [band][piece][width] by the bias */
} bsm_tanh_backward;
void bsm_kernel_tanh_backward(bsm_kernel_queue queue, const bsm_tanh_backward *tanh);

/** bsm_apply_mask backward. */
typedef struct bsm_apply_mask_backward {
    bsm_apply_mask forward; /**< `masked` is not read */
    const float *d_masked;  /**< [frame][features] */
    void *d_values;         /**< values, as forward.values */
    float *partial;         /**< [piece][2 features of a frame] by the bias, as packed */
} bsm_apply_mask_backward;
void bsm_kernel_apply_mask_backward(bsm_kernel_queue queue, const bsm_apply_mask_backward *mask);

/* ---- optimiser.cu ---- */

/** Blocks of kernels that reduce a whole buffer to one number. */
enum { BSM_REDUCING_BLOCKS = 264 };

/** *sum = the sum of squares, in double. partial: [BSM_REDUCING_BLOCKS] */
void bsm_kernel_square_sum(bsm_kernel_queue queue, size_t count, const float *values,
                           double *partial, double *sum);

/** What a step of AdamW is for every weight alike (bsm/training.h). */
typedef struct bsm_gpu_adamw {
    float scale;                        /**< of the gradient */
    float beta1, share1, beta2, share2; /**< share = 1 - beta */
    float keep;                         /**< of the weight, by its decay */
    float step;                         /**< learning rate / the first moments' correction */
    float correct2;                     /**< 1 / the root of the second moments' correction */
    float epsilon;
    float ema_share; /**< 1 - ema */
    size_t count;
    float *weights, *gradients, *first, *second, *average;
    void *values; /**< the weights as bfloat16; NULL: not wanted */
} bsm_gpu_adamw;
void bsm_kernel_adamw(bsm_kernel_queue queue, const bsm_gpu_adamw *adamw);

/* ---- loss.cu ---- */

/** predicted -= target; gradient = step * its sign; *sum = the sum of its moduli. */
typedef struct bsm_time_term {
    size_t count;
    float step;
    const float *target;
    float *predicted, *gradient;
    double *partial, *sum; /**< as for bsm_kernel_square_sum */
    double floor;          /**< of the mean square; for bsm_kernel_square_term */
} bsm_time_term;
void bsm_kernel_time_term(bsm_kernel_queue queue, const bsm_time_term *term);

/** The same of the L2 norm: `sum` is that of the squares, and the gradient
 *  step * (predicted - target) / sqrt(sum / count + floor). */
void bsm_kernel_square_term(bsm_kernel_queue queue, const bsm_time_term *term);

/** *sum = what is predicted in pieces whose target is silent, dB, as in bsm/training.h; the
 * gradient of that, times `step`, is added. A piece is `piece` samples of all channels. */
typedef struct bsm_silence_term {
    size_t samples; /**< of a channel */
    size_t piece;
    uint32_t channels;
    double floor; /**< of the target's energy over the mixture's */
    double step;
    const float *mixture, *target, *difference;
    float *gradient;
    double *partial, *sum; /**< as for bsm_kernel_square_sum */
} bsm_silence_term;
void bsm_kernel_silence_term(bsm_kernel_queue queue, const bsm_silence_term *term);

/** *sum = the sum of |z| over the bins z [transform][bin]; z becomes step * z / |z| so that the
 *  inverse transform, which counts inner bins twice, is the adjoint of the transform. */
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

/** The first of the two kernels of a fused scan backward: d_behind of each chunk. */
void bsm_fused_states_backward(bsm_kernel_queue queue, const bsm_fused_scan_backward &b);
#endif

#endif
