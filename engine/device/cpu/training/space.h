/* SPDX-License-Identifier: ISC */
/** The CPU device's memory for training, and one chunk of the scan backward. */
#ifndef BSM_DEVICE_CPU_TRAINING_SPACE_H
#define BSM_DEVICE_CPU_TRAINING_SPACE_H

#include "device/carve.h"
#include "device/cpu/kernels_backward.h"
#include "device/cpu/mixer.h"
#include "device/cpu/training/products.h"
#include "device/host/host.h"

/* The scan of mixer.h backward, chunk by chunk from the last to the first, as matrix products. */

/** One thread's memory for a chunk. */
typedef struct bsm_scan_scratch {
    const bsm_config *config;
    const bsm_kernels *kernels;
    bsm_products products; /**< in float32, as states are kept */
    float *G, *dG, *M;     /**< [chunk][BSM_CHUNK] */
    float *rows;           /**< [chunk][d_inner], rows bsm_cpu_ld apart */
    /** [chunk][d_inner] C S: the share of the state before the chunk, without its decay */
    float *share;
    bsm_decay_gradient decay;
} bsm_scan_scratch;

bsm_scan_scratch bsm_scan_scratch_carve(bsm_carver *carver, const bsm_config *config,
                                        const bsm_kernels *kernels);

/** One chunk. d_x means the gradient of the loss w.r.t. x. Rows of d_inner and of conv_dim are
 *  bsm_cpu_ld apart. */
typedef struct bsm_scan_chunk {
    size_t rows;
    const float *xbc; /**< [rows][conv_dim] */
    const float *D;   /**< [heads] */
    const float *S;   /**< [d_state][d_inner] the state before the chunk; NULL: zero */
    bsm_decay decay;
    const float *d_y; /**< [rows][d_inner] */
    float *d_xbc;     /**< [rows][conv_dim] */
    float *d_D;       /**< [heads], added to */
} bsm_scan_chunk;

/** One chunk backward. Afterwards the gradients w.r.t. its decays are in scratch->decay.
 *  @param d_S  in: the gradient w.r.t. the state after the chunk; out: w.r.t. that before it
 *  @param zero in: d_S counts as zero, whatever it holds; out: false if it was computed
 *  @param first nothing precedes this chunk: d_S is not computed */
void bsm_scan_chunk_backward(const bsm_scan_scratch *scratch, const bsm_scan_chunk *chunk,
                             float *d_S, bool *zero, bool first);

/* The CPU device's memory for training, and its modules.
 *
 * A path works on groups of whole sequences, whose rows are stored consecutively, so that the
 * products of its linear layers are tall. Groups are assigned to threads in a fixed way. Each
 * thread but the first sums a path's gradients in its own memory, and the sums are added in the
 * order of the threads, so the same call gives the same bits. Weights are used in the checkpoint's
 * layout; those that are faster in another one are converted for each path. */

/** The rows that a group of sequences should have (unless it has only one sequence), and that the
 *  modules with weights for each band process at a time. */
enum { BSM_GROUP_ROWS = 320 };

/** What is kept of one direction from forward to backward, in the direction's own order. */
typedef struct bsm_kept_direction {
    float *projected; /**< [row][2 d_inner + 2 d_state + heads] z | x | B | C | dt */
    float *y;         /**< [row][d_inner] of the scan */
    /** [sequence][all chunks but the first][d_state][d_inner] the state before the chunk, rows
     *  bsm_cpu_ld apart */
    float *states;
} bsm_kept_direction;

typedef struct bsm_kept_path {
    float *pair; /**< [row][2 dim] both directions plus x, in the sequence's order */
    bsm_kept_direction directions[2];
} bsm_kept_path;

/** What is kept of the current stem's mask. */
typedef struct bsm_kept_mask {
    float *hidden; /**< [band][frame][mask_expansion dim] */
    float *values; /**< [band][frame][2 features of the band] */
} bsm_kept_mask;

/** Gradients of those weights of a mixer that are not matrices, for one group. */
typedef struct bsm_mixer_sums {
    float *norm;
    float *conv_weight; /**< [d_conv][conv_dim] */
    float *conv_bias;
    float *dt_bias, *A, *D;
    float *gate_norm;
} bsm_mixer_sums;

/** One thread's memory for a group; d_x means the gradient of the loss w.r.t. x. Rows of d_inner
 *  and of conv_dim are bsm_cpu_ld apart. */
typedef struct bsm_group_scratch {
    float *x;           /**< [row][dim] */
    float *u;           /**< [row][dim] normalised */
    float *gate;        /**< [row][d_inner] after the gate's norm */
    float *out;         /**< [row][dim] of the mixer */
    bsm_cpu_tile tile;  /**< of a chunk */
    float *state;       /**< of a sequence in the forward pass */
    float *d_S;         /**< [d_state][d_inner] w.r.t. the state */
    bsm_kept_path kept; /**< when checkpointing */
    float *d_next;      /**< [row][dim] w.r.t. the path's output */
    float *d_pair;      /**< [row][2 dim] */
    float *d_x;         /**< [row][dim] */
    float *d_out;       /**< [row][dim] w.r.t. the mixer's output, then w.r.t. u */
    float *d_y;         /**< [row][d_inner] */
    float *d_projected; /**< [row][projected] */
    float *slope;       /**< [chunk][conv_dim] the slope of SiLU after the convolution */
    float *d_xbc;       /**< [chunk + d_conv - 1][conv_dim] */
    bsm_scan_scratch scan;
    bsm_products products;
    float *sums; /**< of both mixers and of the merge's bias */
    size_t num_sums;
    bsm_mixer_sums mixers[2];
    float *merge_bias;
} bsm_group_scratch;

/** One thread's memory for the rows of a band. */
typedef struct bsm_band_scratch {
    float *normed, *d_normed; /**< [row][dim or features of the widest band] */
    float *hidden, *d_hidden; /**< [row][mask_expansion dim] */
    float *values, *d_values; /**< [row][2 features of the widest band] */
    bsm_products products;
} bsm_band_scratch;

typedef struct bsm_cpu_training_thread {
    bsm_group_scratch group; /**< overlaps with `band`: only one module runs at a time */
    bsm_band_scratch band;
    /** [path_size] of a path; NULL for the first thread, which adds to the item's */
    float *gradients;
} bsm_cpu_training_thread;

/** A path's sequences, divided into groups. */
typedef struct bsm_grouping {
    size_t sequences, length; /**< sequences, and rows of each */
    size_t groups;            /**< a multiple of the number of threads, unless that is larger */
    size_t max_rows;          /**< sequences of a group */
} bsm_grouping;

typedef struct bsm_cpu_training_space {
    bsm_host host; /**< must be first */
    const bsm_kernels *kernels;
    const bsm_packed_kernels *bf16; /**< of products in bfloat16; NULL: in float32 */
    size_t rows;                    /**< bands times frames */
    size_t path_size;               /**< floats of a path's weights, with padding */
    bsm_grouping grouping[2];       /**< per bsm_axis */
    /** [2 depth + 1][band][frame][dim] the input of each path, and the output of the last */
    float *x;
    bsm_kept_path *kept;   /**< [2 depth]; NULL when checkpointing */
    bsm_kept_mask mask;    /**< NULL when checkpointing */
    float *d_x;            /**< [band][frame][dim] the gradient w.r.t. the features */
    float *d_final_norm;   /**< [band][dim] */
    float *conv_weight[2]; /**< of the current path, per direction: [d_conv][conv_dim] */
    float *A[2];           /**< likewise: [heads] */
    bsm_cpu_training_thread *threads;
    void *memory;
} bsm_cpu_training_space;

/** The number of rows of the input projection: 2 d_inner + 2 d_state + heads. */
size_t bsm_cpu_training_projected(const bsm_config *config);

/** The chunks of a sequence, and the floats of the states before all of them but the first. */
size_t bsm_cpu_training_chunks(size_t length);
size_t bsm_cpu_training_states(const bsm_config *config, size_t length);

/** The number of features of a band, and where they start in a frame. */
size_t bsm_cpu_training_features(const bsm_config *config, size_t band);
size_t bsm_cpu_training_offset(const bsm_config *config, size_t band);

/** Divide the space's memory for its options, config and kernels. `activations` is the part, in
 *  bytes, that is kept from forward to backward. */
void bsm_cpu_training_divide(bsm_cpu_training_space *space, bsm_carver *carver,
                             size_t *activations);

/** The input x of path 2 * layer + axis, or the output of the last path. */
static inline float *bsm_cpu_training_x(const bsm_cpu_training_space *space, size_t path)
{
    return space->x + path * space->rows * space->host.config.dim;
}

/* The modules of bsm_training_device. */
bsm_status bsm_cpu_training_band_split(void *space, bsm_error *error);
bsm_status bsm_cpu_training_band_split_backward(void *space, bsm_error *error);
bsm_status bsm_cpu_training_mask(void *space, size_t stem, bsm_error *error);
bsm_status bsm_cpu_training_mask_backward(void *space, size_t stem, bsm_error *error);
bsm_status bsm_cpu_training_path(void *space, size_t layer, bsm_axis axis, bsm_error *error);
bsm_status bsm_cpu_training_path_backward(void *space, size_t layer, bsm_axis axis,
                                          bsm_error *error);

#endif
