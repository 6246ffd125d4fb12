/* SPDX-License-Identifier: ISC */
/** Measures how loud the vocals of a song are compared with the rest. */
#ifndef BSM_STANDALONE_BALANCE_H
#define BSM_STANDALONE_BALANCE_H

#include "bsm/separate.h"

/** Sums of squares. All zeros at the start. */
typedef struct balance {
    double vocals, rest;
} balance;

/** Add the next block. */
void balance_add(balance *b, const bsm_separated_block *block);

/** Format "vocals 6.3 dB below the rest", or a sentence for the case that one of them is silent. */
void balance_format(const balance *b, char *text, size_t size);

#endif
