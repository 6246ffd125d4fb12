/* SPDX-License-Identifier: ISC */
/** Where in a checkpoint a network's weights lie: trainers agree on no key. */
#ifndef BSM_MODEL_TORCH_PLACES_H
#define BSM_MODEL_TORCH_PLACES_H

#include "model/pickle.h"
#include "model/wrapped_name.h"

typedef struct bsm_torch_place {
    const bsm_pickle_value *values;    /**< a dict with names, or a sequence in the order of one */
    char name[BSM_MAX_WRAPPED_NAME];   /**< how to tell it from others: "ema.online_model"; "" */
    char prefix[BSM_MAX_WRAPPED_NAME]; /**< of the network's own names in a dict, unwrapped */
    bool average;
    bool dotless; /**< an average whose names have lost their dots */
} bsm_torch_place;

enum { BSM_MAX_TORCH_PLACES = 16 };

/** Find the first of them, outermost first, in dicts and sequences a few levels deep.
 *  @return how many there are */
size_t bsm_torch_find_places(const bsm_pickle_value *top,
                             bsm_torch_place places[BSM_MAX_TORCH_PLACES]);

#endif
