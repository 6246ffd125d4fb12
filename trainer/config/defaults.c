/* SPDX-License-Identifier: ISC */
/* The published values as YAML. A section is a text of its own: where the 17th, 33rd, ... node of a
 * text is a section or a list, libyaml 0.2.5 leaks without memory. Without a value a key is null.
 */
#include "config/settings.h"

#define LINE(S, KIND, KEY, DEFAULT, ...) S #KEY ": " DEFAULT "\n"

const char *const bsm_settings_defaults[BSM_NUM_DEFAULTS] = {
    "model:\n" BSM_MODEL_KEYS(LINE, "  "),
    "audio:\n" BSM_AUDIO_KEYS(LINE, "  "),
    "training:\n" BSM_TRAINING_KEYS(LINE, "  "),
    "training:\n  schedule:\n" BSM_SCHEDULE_KEYS(LINE, "    "),
    "loss:\n" BSM_LOSS_KEYS(LINE, "  "),
    "data:\n" BSM_DATA_KEYS(LINE, "  "),
    "sad:\n" BSM_SAD_KEYS(LINE, "  "),
    "validation:\n" BSM_VALIDATION_KEYS(LINE, "  "),
};
