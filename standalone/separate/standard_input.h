/* SPDX-License-Identifier: ISC */
/** Standard input as a file: what is in it may only be known at its end, and is read from there. */
#ifndef BSM_STANDALONE_STANDARD_INPUT_H
#define BSM_STANDALONE_STANDARD_INPUT_H

#include "bsm/separate.h"

/** Copy it, to its end, to a file called "stdin" in a folder of its own in $TMPDIR.
 *  BSM_INVALID_ARGUMENT (it is a terminal), BSM_NO_SPACE, BSM_IO. */
BSM_NODISCARD bsm_status standard_input_save(char path[BSM_MAX_PATH], bsm_error *error);

/** Remove the file and its folder. */
void standard_input_remove(const char *path);

#endif
