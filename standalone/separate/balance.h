/* SPDX-License-Identifier: ISC */
/** How loud a song's vocals are against the rest of it. */
#ifndef BSM_STANDALONE_BALANCE_H
#define BSM_STANDALONE_BALANCE_H

#include "bsm/separate.h"

/** Sums of squares; starts as zeros. */
typedef struct balance {
    double vocals, rest;
} balance;

/** Take in what follows. */
void balance_add(balance *b, const bsm_separated_block *block);

/** "vocals 6.3 dB below the rest", and what there is to say where one of them is silent. */
void balance_format(const balance *b, char *text, size_t size);

#endif
