/* SPDX-License-Identifier: ISC */
/** The GPU's memory of one network, and what its modules share.
 *
 *  x, the stream's states and the spectra stay on the GPU from module to module. Everything else
 *  is scratch, whose size does not depend on the window: sequences are worked on in slabs of some
 *  thousand rows. */
#ifndef BSM_CUDA_WORKSPACE_H
#define BSM_CUDA_WORKSPACE_H

#include "device/carve.h"
#include "device/device.h"
#include "fft.h"
#include "weights.h"

/** Rows of a slab, if a sequence is not longer; four times as many where the scan is one kernel,
 * which needs little scratch. */
#ifndef BSM_SLAB_ROWS
#define BSM_SLAB_ROWS 16384
#endif

/** Scratch of a mixer, for one slab; sizes as in kernels.h. */
typedef struct bsm_mixer_scratch {
    void *u;       /**< values [row][dim] */
    void *zxBC;    /**< values [row][2 d_inner + 2 d_state] */
    float *raw_dt; /**< [row][heads], where both share u, of one direction and then of the other */
    bsm_decays decays;
    void *x, *BC, *scaled;
    float *G;
    void *M;
    float *added; /**< by each chunk to the state */
    void *before; /**< each chunk */
    float *inside, *outside;
    void *y, *gated; /**< values [row][d_inner] */
    float *squares;  /**< [row][heads] of y, if that is gated */
    void *mixed;     /**< values [row][dim] */
} bsm_mixer_scratch;

/** Scratch of the mask estimator, for one slab of frames. */
typedef struct bsm_mask_scratch {
    void *u;       /**< values [band][frame][dim] */
    float *hidden; /**< [band][frame][mask_expansion dim] */
    void *tanh;    /**< the same, values */
    float *values; /**< [band][frame][2 width] */
} bsm_mask_scratch;

/** What the transforms work on. */
typedef struct bsm_sound_scratch {
    bsm_gpu_fft *fft;     /**< of `batch` frames */
    size_t batch;         /**< frames that are transformed at a time */
    float *window;        /**< [n_fft] */
    float *audio;         /**< [channel][samples] of a block */
    float *sums;          /**< [wanted stem][channel][samples] of what is summed */
    float *frames, *bins; /**< [frame][channel][n_fft], or [n_fft / 2 + 1][re, im]: scratch */
    void *fft_scratch;
    float *host_audio, *host_sums; /**< reached by the GPU; NULL until first used */
} bsm_sound_scratch;

/** What a slab may hold at most. */
typedef struct bsm_slab_limits {
    size_t rows;   /**< in chunks, and so of any kind */
    size_t chunks; /**< of all its sequences */
    size_t frames; /**< of the mask estimator */
} bsm_slab_limits;

/** A kind of block that has been seen, and once it has been captured, how to play it. */
typedef struct bsm_known_block {
    bsm_block block; /**< without its samples */
    size_t state;    /**< that it goes on from */
    uint32_t stems;  /**< a bit for each that is wanted */
    bool seen, unrecordable;
    bsm_gpu_graph *graph;
} bsm_known_block;

enum { BSM_KNOWN_BLOCKS = 6 }; /* of each state those that are heard and those that are not */

typedef struct bsm_cuda_space {
    const bsm_cuda_weights *weights;
    bsm_workspace_options options;
    bsm_mixer_shape shape;
    bsm_gpu *gpu;
    bsm_slab_limits limits;

    void *memory;    /**< all that follows on the GPU */
    size_t bytes;    /**< of it */
    float *x;        /**< [band][frame][dim] */
    void *joined;    /**< values [band][frame][forward: dim | backward: dim], each with x */
    float *spectrum; /**< the mixture's */
    float *masked;   /**< a stem's */
    float *states[BSM_MAX_STATES]; /**< [layer][band][d_state][d_inner]; NULL: none */
    float *tails[BSM_MAX_STATES];  /**< [layer][band][d_conv - 1][conv_dim] */
    size_t state;                  /**< the selected one's number */
    void *packed;                  /**< values, the bands' features on their way into x */
    bsm_mixer_scratch mixer;
    bsm_mask_scratch mask;
    bsm_sound_scratch sound;

    bsm_known_block known[BSM_KNOWN_BLOCKS];
    size_t next_known; /**< the one to forget first */
    bool observed;     /**< the block in work is */
} bsm_cuda_space;

bsm_status bsm_cuda_workspace_new(const void *weights, const bsm_workspace_options *options,
                                  void **workspace, bsm_error *error);
void bsm_cuda_workspace_free(void *workspace);

/** Whether the scan is one kernel; asks no more than the GPU and the shape. */
static inline bool bsm_cuda_is_fused(const bsm_cuda_space *space)
{
    return bsm_fused_scan_can(bsm_gpu_queue(space->gpu), space->shape);
}

/** Samples per channel that `frames` frames cover, and numbers of a frame of all channels. */
static inline size_t bsm_cuda_covered(const bsm_config *config, size_t frames)
{
    return (frames - 1) * config->hop + config->n_fft;
}

static inline size_t bsm_cuda_frame_size(const bsm_config *config)
{
    return config->channels * config->n_fft;
}

/** Samples of all channels that the most frames cover. */
static inline size_t bsm_cuda_most_audio(const bsm_cuda_space *space)
{
    const bsm_config *config = &space->weights->config;
    return config->channels * bsm_cuda_covered(config, space->options.max_frames);
}

/** Sizes that many places need. */
size_t bsm_cuda_state_size(const bsm_config *config); /**< of S of one mixer and sequence */
size_t bsm_cuda_tail_size(const bsm_config *config);  /**< of the convolution's tail */

/** BSM_NO_MEMORY: more rows than can be counted on the GPU. */
bsm_status bsm_cuda_check_size(const bsm_config *config, size_t frames, bsm_error *error);

/** What the slabs of windows of `frames` frames hold at most; asks for the GPU, the shape and the
 *  weights' configuration. */
bsm_slab_limits bsm_cuda_slab_limits(const bsm_cuda_space *space, size_t frames);

/** Carve space->mixer, for the limits, shape, weights' configuration and GPU that are there, but
 *  for zxBC, raw_dt and y, which training keeps elsewhere; where the scan is one kernel nothing but
 *  that one's scratch. */
void bsm_cuda_divide_mixer(bsm_cuda_space *space, bsm_carver *carver);

/** Carve what the mixer's backward needs besides where the scan is one kernel: the decays, x and
 * the states before the chunks. */
void bsm_cuda_divide_chunks(bsm_cuda_space *space, bsm_carver *carver);

/** The rows that a slab of sequences of this length takes. */
bsm_steps bsm_cuda_steps(size_t steps, size_t split);

/** The steps and the rows of a slab's sequences; both of a path's directions read them. */
typedef struct bsm_slab {
    bsm_rows rows;
    bsm_steps steps;
    float *states, *tails; /**< of the first sequence; NULL: from zero */
    bool keep;             /**< the state after step `split` */
} bsm_slab;

/** joined[direction] = x + M(u, dt) for the sequences of a slab; then x += bias if it is not NULL.
 *  @param direction 0 forward, 1 backward */
void bsm_cuda_mixer_slab(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                         const bsm_slab *slab, size_t direction, const float *bias);

/** A block's samples on their way to the GPU, and its stems' from there. */
bsm_status bsm_cuda_sound_begin(bsm_cuda_space *space, const bsm_block *block, bsm_error *error);
void bsm_cuda_sound_end(const bsm_cuda_space *space, const bsm_block *block);

/** End a module: wait if it is observed, and say what has failed. */
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
