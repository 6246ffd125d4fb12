/* SPDX-License-Identifier: ISC */
/** The GPU's memory of one network, and the functions that its modules share.
 *
 *  x, the stream's states and the spectra stay on the GPU from module to module. Everything else is
 *  scratch, whose size does not depend on the window: sequences are processed in slabs of some
 *  thousand rows. */
#ifndef BSM_CUDA_WORKSPACE_H
#define BSM_CUDA_WORKSPACE_H

#include "device/carve.h"
#include "device/device.h"
#include "fft.h"
#include "weights.h"

/** Rows of a slab, unless a single sequence is longer. Slabs have four times as many rows if the
 *  scan is one kernel, which needs little scratch. */
#ifndef BSM_SLAB_ROWS
#define BSM_SLAB_ROWS 16384
#endif

/** Scratch of a mixer, for one slab. Shapes are those of kernels.h. */
typedef struct bsm_mixer_scratch {
    void *u;       /**< values [row][dim] */
    void *zxBC;    /**< values [row][2 d_inner + 2 d_state] */
    float *raw_dt; /**< [row][heads]; if both directions share u, twice that: first one direction,
                      then the other */
    bsm_decays decays;
    void *x, *BC, *scaled;
    float *G;
    void *M;
    float *added; /**< what each chunk adds to the state */
    void *before; /**< the state before each chunk */
    float *inside, *outside;
    void *y, *gated; /**< values [row][d_inner] */
    float *squares;  /**< [row][heads], sums of squares of y, if y is gated */
    void *mixed;     /**< values [row][dim] */
} bsm_mixer_scratch;

/** Scratch of the mask estimator, for one slab of frames. */
typedef struct bsm_mask_scratch {
    void *u;       /**< values [band][frame][dim] */
    float *hidden; /**< [band][frame][mask_expansion dim] */
    void *tanh;    /**< values, of the same shape */
    float *values; /**< [band][frame][2 width] */
} bsm_mask_scratch;

/** Memory of the Fourier transforms. */
typedef struct bsm_sound_scratch {
    bsm_gpu_fft *fft;     /**< plan for `batch` frames */
    size_t batch;         /**< frames that one call transforms */
    float *window;        /**< [n_fft] */
    float *audio;         /**< [channel][samples], a block's audio */
    float *sums;          /**< [wanted stem][channel][samples], overlapped sums */
    float *frames, *bins; /**< scratch: see bsm_framing */
    void *fft_scratch;
    float *host_audio, *host_sums; /**< in host memory that the GPU reaches; NULL until used */
} bsm_sound_scratch;

/** The most that a slab may hold. */
typedef struct bsm_slab_limits {
    size_t rows;   /**< rows in chunks, of which there are never fewer than in rows */
    size_t chunks; /**< chunks of all its sequences */
    size_t frames; /**< frames of the mask estimator */
} bsm_slab_limits;

/** A kind of block that has been computed before, and, once captured, its graph. */
typedef struct bsm_known_block {
    bsm_block block; /**< the block without its samples */
    size_t state;    /**< number of the state that it starts from */
    uint32_t stems;  /**< one bit per wanted stem */
    bool seen, unrecordable;
    bsm_gpu_graph *graph;
} bsm_known_block;

enum { BSM_KNOWN_BLOCKS = 6 }; /* for each state: blocks that are heard, and others */

typedef struct bsm_cuda_space {
    const bsm_cuda_weights *weights;
    bsm_workspace_options options;
    bsm_mixer_shape shape;
    bsm_gpu *gpu;
    bsm_slab_limits limits;

    void *memory; /**< the GPU's memory that the members below lie in */
    size_t bytes; /**< bytes of `memory` */
    float *x;     /**< [band][frame][dim] */
    void *joined; /**< values [band][frame][forward: dim | backward: dim]; x has been added to each
                     half */
    float *spectrum;               /**< spectrum of the mixture */
    float *masked;                 /**< spectrum of a stem */
    float *states[BSM_MAX_STATES]; /**< [layer][band][d_state][d_inner]; NULL: no such state */
    float *tails[BSM_MAX_STATES];  /**< [layer][band][d_conv - 1][conv_dim], the last inputs of the
                                      convolutions */
    size_t state;                  /**< number of the selected state */
    void *packed; /**< values, the normalised features of the bands, input of the band split's
                     products */
    bsm_mixer_scratch mixer;
    bsm_mask_scratch mask;
    bsm_sound_scratch sound;

    bsm_known_block known[BSM_KNOWN_BLOCKS];
    size_t next_known; /**< index of the entry to replace next */
    bool observed;     /**< the current block is observed (bsm_device_modules) */
} bsm_cuda_space;

bsm_status bsm_cuda_workspace_new(const void *weights, const bsm_workspace_options *options,
                                  void **workspace, bsm_error *error);
void bsm_cuda_workspace_free(void *workspace);

/** Return whether the scan is one kernel. Only the GPU and the shape need to be set. */
static inline bool bsm_cuda_is_fused(const bsm_cuda_space *space)
{
    return bsm_fused_scan_can(bsm_gpu_queue(space->gpu), space->shape);
}

/** The samples per channel that `frames` frames cover, and those of one frame in all channels. */
static inline size_t bsm_cuda_covered(const bsm_config *config, size_t frames)
{
    return (frames - 1) * config->hop + config->n_fft;
}

static inline size_t bsm_cuda_frame_size(const bsm_config *config)
{
    return config->channels * config->n_fft;
}

/** The samples of all channels together that the longest block covers. */
static inline size_t bsm_cuda_most_audio(const bsm_cuda_space *space)
{
    const bsm_config *config = &space->weights->config;
    return config->channels * bsm_cuda_covered(config, space->options.max_frames);
}

/** Sizes in numbers, for one mixer and one sequence. */
size_t bsm_cuda_state_size(const bsm_config *config); /**< of the state S */
size_t bsm_cuda_tail_size(const bsm_config *config);  /**< of `tails` */

/** Check that windows of `frames` frames have no more rows than the GPU can count.
 *  BSM_NO_MEMORY. */
bsm_status bsm_cuda_check_size(const bsm_config *config, size_t frames, bsm_error *error);

/** The most that the slabs of windows of `frames` frames hold. The GPU, the shape and the weights'
 *  configuration need to be set. */
bsm_slab_limits bsm_cuda_slab_limits(const bsm_cuda_space *space, size_t frames);

/** Carve space->mixer. The limits, the shape, the weights' configuration and the GPU need to be
 *  set. zxBC, raw_dt, y, mixed and squares are not carved: training keeps the first four elsewhere
 *  and does not need the last. If the scan is one kernel, the scratch of the scan by products is
 *  left out. */
void bsm_cuda_divide_mixer(bsm_cuda_space *space, bsm_carver *carver);

/** Carve what the backward mixer needs in addition if the scan is one kernel: the decays, x and the
 *  states before the chunks. */
void bsm_cuda_divide_chunks(bsm_cuda_space *space, bsm_carver *carver);

/** Cut sequences of `steps` steps into chunks, one of which ends after step `split`; 0: no split.
 *  The number of sequences, the strides and `reversed` are left zero. */
bsm_steps bsm_cuda_steps(size_t steps, size_t split);

/** A slab: the steps of its sequences, and the rows of x that these read. */
typedef struct bsm_slab {
    bsm_rows rows;
    bsm_steps steps;
    float *states, *tails; /**< memory of the first sequence; NULL: start from zero */
    bool keep;             /**< store the state after step `split` in `states` and `tails` */
} bsm_slab;

/** joined[direction] = x + M(u, dt) for the sequences of a slab; then x += bias, unless the bias is
 *  NULL.
 *
 *  @param direction 0 forward, 1 backward */
void bsm_cuda_mixer_slab(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                         const bsm_slab *slab, size_t direction, const float *bias);

/** Begin: copy a block's samples to host memory that the GPU can read. End: add the sums that the
 *  GPU has written to the block's stems. */
bsm_status bsm_cuda_sound_begin(bsm_cuda_space *space, const bsm_block *block, bsm_error *error);
void bsm_cuda_sound_end(const bsm_cuda_space *space, const bsm_block *block);

/** End a module: wait if the block is observed, and report failures. */
static inline bsm_status bsm_cuda_module_done(const bsm_cuda_space *space, bsm_error *error)
{
    if (space->observed) {
        bsm_gpu_wait(space->gpu);
    }
    return bsm_gpu_status(space->gpu, error);
}

/* The device's functions (device.h). */
bsm_status bsm_cuda_run(void *workspace, const bsm_block *block, const bsm_device_modules *modules,
                        bsm_error *error);
bsm_status bsm_cuda_band_split(void *workspace, const float *spectrum, size_t frames,
                               bsm_error *error);
bsm_status bsm_cuda_time_path(void *workspace, size_t layer, const bsm_block *block,
                              bsm_error *error);
bsm_status bsm_cuda_band_path(void *workspace, size_t layer, const bsm_block *block,
                              bsm_error *error);
bsm_status bsm_cuda_mask_stem(void *workspace, size_t stem, const bsm_block *block,
                              const float *spectrum, float *masked, bsm_error *error);
bsm_status bsm_cuda_analyse(void *workspace, const bsm_block *block, bsm_error *error);
bsm_status bsm_cuda_synthesise(void *workspace, size_t stem, const bsm_block *block,
                               bsm_error *error);
bsm_status bsm_cuda_scan_times(void *workspace, size_t frames, size_t repeats,
                               bsm_scan_times *times, bsm_error *error);

#endif
