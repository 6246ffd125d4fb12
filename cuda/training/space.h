/* SPDX-License-Identifier: ISC */
/** The GPU's memory of one training, and the functions that its modules share.
 *
 *  All vectors, the item's signals, and what is kept from the forward to the backward pass stay on
 *  the GPU. Everything else is scratch: paths are processed in slabs of sequences, as in inference
 *  (../workspace.h). Weights are used where they lie in their vector, so nothing is packed again
 *  after a step; only for bfloat16 products there is a copy of the vector in bfloat16. */
#ifndef BSM_CUDA_TRAINING_SPACE_H
#define BSM_CUDA_TRAINING_SPACE_H

#include "bsm/config.h"
#include "bsm/status.h"
#include "device/training.h"
#include "fft.h"
#include "mixer.h"
#include "peers.h"
#include "training/training_kernels.h"

/* ---- Where each tensor lies in the vectors of bsm/training.h, counted in floats ---- */

/* These structs consist of offsets only, in the order of the vectors. */

typedef struct bsm_mixer_places {
    size_t norm;
    size_t dt_bias, A_log, D;
    size_t in_proj;
    size_t conv_weight, conv_bias;
    size_t gate_norm;
    size_t out_proj;
} bsm_mixer_places;

typedef struct bsm_path_places {
    bsm_mixer_places mixers[2]; /**< forward, backward */
    size_t merge, merge_bias;
} bsm_path_places;

typedef struct bsm_split_places {
    size_t gamma, weight, bias;
} bsm_split_places;

typedef struct bsm_mask_places {
    size_t hidden, hidden_bias, out, out_bias;
} bsm_mask_places;

typedef struct bsm_places {
    size_t size;                  /**< length of a vector in floats */
    const bsm_path_places *paths; /**< [2 layer + axis] */
    size_t final_norm;
    const bsm_split_places *splits; /**< [band] */
    const bsm_mask_places *masks;   /**< [stem][band] */
    size_t *memory;
} bsm_places;

/** Fill `places`. BSM_NO_MEMORY, BSM_INVALID_ARGUMENT. */
bsm_status bsm_places_new(const bsm_config *config, bsm_places *places, bsm_error *error);
void bsm_places_clear(bsm_places *places);

/** Neighbouring bands of the same width. Corresponding tensors of theirs are equally far apart in
 *  the vectors. */
typedef struct bsm_band_run {
    size_t first, count;
    size_t features; /**< features of each band */
    size_t before;   /**< sum of the features of the bands before the run */
} bsm_band_run;

/** Fill `runs` (which has room for num_bands); return the number of runs. */
size_t bsm_band_runs(const bsm_config *config, bsm_band_run *runs);

/** What is kept of a path from the forward to the backward pass, in the rows of its slabs. */
typedef struct bsm_cuda_kept_path {
    void *pair;       /**< values [row of x][2 dim], both directions, each with x added */
    void *zxBC[2];    /**< values [row][2 d_inner + 2 d_state], per direction */
    float *raw_dt[2]; /**< [row][heads] */
    void *y[2];       /**< values [row][d_inner], output of the scan */
} bsm_cuda_kept_path;

/** Scratch of a mixer's backward pass, for one slab. Shapes are those of training_kernels.h. The
 *  rest lies in the scratch of the forward mixer. Members that only products need are not allocated
 *  if the scan is one kernel. */
typedef struct bsm_cuda_mixer_gradients {
    void *d_mixed;  /**< values [row][dim] */
    void *d_y;      /**< values [row][d_inner] */
    void *d_zxbcdt; /**< values in rows */
    float *d_u;     /**< [row][dim] */
    float *scalars; /**< [row][2] */
    void *d_x;      /**< [sequence][chunk][head][step][headdim]: values if the scan is one kernel,
                       otherwise float32 */
    float *d_BC;    /**< in chunks [B | C] */
    void *d_behind; /**< values [chunk][d_state][d_inner] */
    bsm_decay_gradients decays;
    /* For products: */
    void *d_inside;  /**< values */
    void *d_outside; /**< values */
    float *d_M;      /**< [sequence][chunk][head][step][step] */
    void *d_G;       /**< values */
    float *left;     /**< [sequence][chunk][head][step] */
    float *d_before; /**< as d_behind; the same memory if values are float32 */
    /* For the forward pass: */
    float *mixed; /**< [row][dim], the mixer's output */
} bsm_cuda_mixer_gradients;

/** Scratch of the band split, and of a mask for a range of frames. */
typedef struct bsm_bands_scratch {
    size_t frames;   /**< frames of a range */
    void *packed;    /**< values, the normalised features of the bands */
    float *d_packed; /**< the same shape */
    float *factors;  /**< [band][frame] */
    void *u;         /**< values [band][frame][dim] */
    float *d_u;      /**< the same */
    float *hidden;   /**< [band][frame][mask_expansion dim]; then the gradient w.r.t. the output of
                        tanh */
    void *tanh, *d_hidden; /**< values, the same */
    float *values;         /**< [band][frame][2 features] */
    void *d_values;        /**< values, the same */
    float *scalars;        /**< [row][2] */
} bsm_bands_scratch;

/** One transform of the item's signals. */
typedef struct bsm_gpu_transform {
    bsm_framing framing;
    bsm_gpu_fft *fft;
    float *window, *weights; /**< members of `framing` */
} bsm_gpu_transform;

enum {
    BSM_TIME_TERM,
    BSM_SILENCE_TERM,
    BSM_FIRST_WINDOW_TERM,
    BSM_NUM_TERMS = BSM_FIRST_WINDOW_TERM + BSM_MAX_LOSS_WINDOWS
};

typedef struct bsm_gpu_signals {
    bsm_gpu_transform model, windows[BSM_MAX_LOSS_WINDOWS];
    float *audio;           /**< [mixture, then stems][channel][samples] */
    float *targets;         /**< [stem][channel][samples] */
    float *predicted;       /**< [channel][samples]; later minus the target */
    float *gradient;        /**< w.r.t. the predicted audio */
    float *mixture;         /**< [frame][features], spectrum of the mixture */
    float *masked;          /**< spectrum of the current stem */
    float *masked_gradient; /**< w.r.t. `masked` */
    float *frames, *bins;   /**< scratch for the largest transform */
    void *fft_scratch;
    double *partial; /**< [BSM_REDUCING_BLOCKS] */
    double *sums;    /**< [BSM_NUM_TERMS] */
} bsm_gpu_signals;

/** The vectors of all bands, packed one after the other as kernels need them. */
typedef struct bsm_packed_vectors {
    size_t count;                    /**< number of floats in all */
    size_t gamma, bias;              /**< where those of the band split start */
    size_t hidden_bias, stem_hidden; /**< hidden layers of masks: where the first stem's starts, and
                                        the floats per stem */
    size_t out_bias, stem_out;       /**< the same for the output layers of masks */
    uint32_t *index;                 /**< position of each float in the vectors */
    float *values, *gradients;
} bsm_packed_vectors;

typedef struct bsm_cuda_training {
    bsm_config config;
    bsm_training_options options;
    size_t frames, rows; /**< frames of an item; rows of x: bands times frames */
    bsm_places places;
    bsm_band_run *runs;
    size_t num_runs;
    bsm_gpu *gpu;
    bsm_peers *peers; /**< NULL: not joined */

    void *memory; /**< the GPU's memory that the members below lie in */
    float *vectors[BSM_NUM_TRAINING_VECTORS];
    void *bf16; /**< the parameters as bfloat16; NULL in other precisions */
    float *A;   /**< [path][direction][heads] */
    uint32_t *A_index;
    bsm_packed_band *bands;
    uint16_t *band_of; /**< [features / 2] */
    bsm_packed_vectors packed;
    float *x; /**< [2 depth + 1][band][frame][dim]: the input of each path, and the output of the
                 last */
    bsm_cuda_kept_path *kept; /**< [2 depth]; if checkpointing, only the first is used */
    float *d_x;               /**< [band][frame][dim], gradient w.r.t. the features */
    void *d_x_values;         /**< the same as values; the same memory if these are float32 */
    float *d_pair;            /**< [band][frame][2 dim] */
    float *partial;           /**< sums of pieces (training_kernels.h) */
    bsm_cuda_mixer_gradients gradients;
    bsm_bands_scratch scratch;
    bsm_gpu_signals signals;

    /* The same memory as the forward mixer expects it. */
    bsm_cuda_weights weights;
    bsm_cuda_space net;

    float *host_audio;    /**< host memory that the GPU reaches */
    float *host_piece;    /**< the same; a piece of a vector of up to BSM_PIECE_FLOATS */
    double *host_sums;    /**< the same */
    bool uploading;       /**< the GPU may still read host_audio */
    uint64_t dropout_key; /**< key of the item */
} bsm_cuda_training;

bsm_status bsm_cuda_training_peers_join(void *space, const bsm_peers_id *id, size_t rank,
                                        size_t size, bsm_error *error);
bsm_status bsm_cuda_training_sum_gradients(void *space, bsm_error *error);

enum { BSM_PIECE_FLOATS = 1 << 20 };

/** Compute the bytes of the groups that bsm_training_memory names. */
bsm_status bsm_cuda_training_plan(const bsm_config *config, const bsm_training_options *options,
                                  bsm_training_memory *memory, bsm_error *error);
bsm_status bsm_cuda_training_new(const bsm_config *config, const bsm_training_options *options,
                                 const float *parameters, void **space, bsm_error *error);
void bsm_cuda_training_free(void *space);

/** Divide the memory, or only count its bytes. The sizes and the transforms' plans need to be
 *  set. */
void bsm_cuda_training_divide(bsm_cuda_training *space, bsm_carver *carver,
                              bsm_training_memory *memory);

/** Make the plans of the signals' transforms. */
bsm_status bsm_gpu_signals_open(bsm_cuda_training *space, bsm_error *error);
void bsm_gpu_signals_close(bsm_cuda_training *space);
void bsm_gpu_signals_divide(bsm_cuda_training *space, bsm_carver *carver);
void bsm_gpu_signals_divide_scratch(bsm_cuda_training *space, bsm_carver *carver);

/** Fill the windows and the weights of the transforms. */
bsm_status bsm_gpu_signals_fill(bsm_cuda_training *space, bsm_error *error);

/** Compute where each packed vector starts. */
bsm_packed_vectors bsm_packed_vectors_of(const bsm_config *config);

/** Fill the tables of the bands and of the positions in the vectors. */
bsm_status bsm_cuda_training_fill_tables(bsm_cuda_training *space, bsm_error *error);

/** Copy to the GPU by way of host_piece. */
void bsm_cuda_training_upload(bsm_cuda_training *space, void *to, const void *from, size_t bytes);

/** The address of value number `index`. */
static inline void *bsm_values_at(const bsm_cuda_training *space, void *values, size_t index)
{
    return bsm_gpu_queue(space->gpu).bf16 ? (void *)((uint16_t *)values + index)
                                          : (void *)((float *)values + index);
}

/** The address of the weights at an offset of their vector, as values. */
static inline const void *bsm_weights_at(const bsm_cuda_training *space, size_t place)
{
    return bsm_values_at(space, space->bf16 ? space->bf16 : space->vectors[BSM_PARAMETERS], place);
}

static inline float *bsm_gradients_at(const bsm_cuda_training *space, size_t place)
{
    return space->vectors[BSM_GRADIENTS] + place;
}

static inline float *bsm_features_at(const bsm_cuda_training *space, size_t path)
{
    return space->x + path * space->rows * space->config.dim;
}

/** Add up the sums of `pieces` pieces in `partial`, `columns` adjacent numbers each, and add the
 *  result to a gradient. */
static inline void bsm_add_sums(const bsm_cuda_training *space, size_t pieces, size_t columns,
                                float *gradient)
{
    bsm_add_pieces add = {.batches = 1,
                          .pieces = (uint32_t)pieces,
                          .columns = (uint32_t)columns,
                          .ld = (uint32_t)columns,
                          .partial = space->partial,
                          .out = gradient};
    bsm_kernel_add_pieces(bsm_gpu_queue(space->gpu), &add);
}

/** Compute d_x_values from d_x. */
void bsm_cuda_training_convert_gradient(const bsm_cuda_training *space);

/** The backward pass of a mixer over a slab: from d_pair to d_x and the gradients w.r.t. its
 *  weights. */
void bsm_cuda_mixer_backward(const bsm_cuda_training *space, const bsm_cuda_space *net,
                             const bsm_cuda_mixer *mixer, const bsm_mixer_places *places,
                             const bsm_slab *slab, const bsm_gpu_dropout *dropout,
                             size_t direction);

/* The functions of bsm_training_device. */
bsm_status bsm_cuda_training_read(void *space, bsm_training_vector vector, float *values,
                                  bsm_error *error);
bsm_status bsm_cuda_training_write(void *space, bsm_training_vector vector, const float *values,
                                   bsm_error *error);
bsm_status bsm_cuda_training_norm(void *space, double *norm, bsm_error *error);
bsm_status bsm_cuda_training_update(void *space, const bsm_adamw *step, bsm_error *error);
bsm_status bsm_cuda_training_load(void *space, const bsm_training_item *item, bsm_error *error);
bsm_status bsm_cuda_training_loss(void *space, size_t stem, double scale, bsm_loss *loss,
                                  bsm_error *error);
bsm_status bsm_cuda_training_band_split(void *space, bsm_error *error);
bsm_status bsm_cuda_training_band_split_backward(void *space, bsm_error *error);
bsm_status bsm_cuda_training_mask(void *space, size_t stem, bsm_error *error);
bsm_status bsm_cuda_training_mask_backward(void *space, size_t stem, bsm_error *error);
bsm_status bsm_cuda_training_path(void *space, size_t layer, bsm_axis axis, bsm_error *error);
bsm_status bsm_cuda_training_path_backward(void *space, size_t layer, bsm_axis axis,
                                           bsm_error *error);

#endif
