/* SPDX-License-Identifier: ISC */
/** The configuration of a BSMamba2 network, which determines all its shapes.
 *
 *  Names are those of Kim and Choi, "Mamba2 Meets Silence" (2025) and of Mamba2 (Dao and Gu,
 *  "Transformers are SSMs", 2024). */
#ifndef BSM_CONFIG_H
#define BSM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

enum {
    BSM_MAX_BANDS = 512,
    BSM_MAX_STEMS = 16,
    BSM_MAX_STEM_NAME = 32, /**< bytes, including the final zero */
    BSM_MAX_CHANNELS = 2,
};

typedef struct bsm_config {
    /* The numbers in parentheses are those of "paper", the published configuration. */

    size_t dim;            /**< features per band and frame (256) */
    size_t depth;          /**< number of dual-path layers (6) */
    size_t expand;         /**< d_inner = expand * dim (4) */
    size_t headdim;        /**< channels per head of the scan (64) */
    size_t d_state;        /**< size of the state per channel of the scan (128) */
    size_t d_conv;         /**< taps of the causal convolution (4) */
    size_t mask_expansion; /**< hidden width of the mask estimator / dim (4) */

    size_t num_bands;
    size_t bands[BSM_MAX_BANDS]; /**< bins per band; their sum is n_fft / 2 + 1 */

    size_t n_fft;       /**< samples per frame (2048), even */
    size_t hop;         /**< samples from one frame to the next, 1 to n_fft (441) */
    size_t sample_rate; /**< Hz, 8000 to 192000 (44100) */
    size_t channels;    /**< 1 or 2 */

    size_t num_stems;
    char stems[BSM_MAX_STEMS][BSM_MAX_STEM_NAME]; /**< "vocals", ... */

    double segment; /**< seconds of audio in one training example: from one frame, which lasts
                         n_fft / sample_rate, to 60 (8) */

    double expander; /**< dB, 0 to 120: a separated stem is turned down where it is further than
                          this below the mixture, see docs/model.md, Expander. 0, as published: it
                          never is. In a file this is metadata that is no part of the network's
                          configuration, so it has to be set separately when a model is written */
} bsm_config;

/** Set `config` to a named configuration: "paper" (48.1 M parameters), "lite" (22.8 M), "live"
 *  (1.9 M, for one core of a laptop) or "tiny" (for tests and demonstrations). Any thread.
 *  BSM_NOT_FOUND for any other name. */
BSM_API BSM_NODISCARD bsm_status bsm_config_preset(const char *name, bsm_config *config,
                                                   bsm_error *error);

/** Check that a network of these shapes can exist and that its sizes do not overflow. Any thread.
 *  BSM_INVALID_ARGUMENT, with a message that names the field and its range. */
BSM_API BSM_NODISCARD bsm_status bsm_config_validate(const bsm_config *config, bsm_error *error);

/** Whether both describe networks with the same shapes, rate and transform. The names of the stems,
 *  the segment and the expander may differ. Any thread. */
BSM_API bool bsm_config_same_shapes(const bsm_config *a, const bsm_config *b);

/* Sizes that follow from a valid configuration; arguments are not checked. Any thread. */
BSM_API size_t bsm_config_d_inner(const bsm_config *config);  /**< expand * dim */
BSM_API size_t bsm_config_heads(const bsm_config *config);    /**< d_inner / headdim */
BSM_API size_t bsm_config_conv_dim(const bsm_config *config); /**< d_inner + 2 * d_state */
BSM_API size_t bsm_config_bins(const bsm_config *config);     /**< n_fft / 2 + 1 */
BSM_API size_t
bsm_config_features(const bsm_config *config); /**< floats per frame: 2 * channels * bins */
BSM_API size_t bsm_config_parameters(const bsm_config *config); /**< number of weights */

/** Multiply-accumulates per frame of a window: `time_path` and `band_path` are for all layers,
 *  `mask` is for all stems. */
typedef struct bsm_macs {
    double band_split, time_path, band_path, mask;
} bsm_macs;

/** Compute them for a scan along time in chunks of `chunk` steps. Any thread. */
BSM_API bsm_macs bsm_config_macs(const bsm_config *config, size_t chunk);

/** The sum over all modules. Any thread. */
BSM_API double bsm_config_macs_per_frame(const bsm_config *config, size_t chunk);

BSM_END_DECLS

#endif
