/* SPDX-License-Identifier: ISC */
/** The exit status of every bsm program, by kind of failure. */
#ifndef BSM_STANDALONE_EXIT_CODE_H
#define BSM_STANDALONE_EXIT_CODE_H

#include "bsm/status.h"

typedef enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_OTHER = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_MODEL = 3,  /**< the model file is missing, unreadable or bad */
    EXIT_CODE_INPUT = 4,  /**< the audio file is missing, unreadable or bad */
    EXIT_CODE_OUTPUT = 5, /**< exists already, no space, no permission */
    EXIT_CODE_DEVICE = 6, /**< the compute device is missing or failed */
    EXIT_CODE_MEMORY = 7,
    EXIT_CODE_AUDIO = 8,       /**< the audio system: no server, no such device, or it went away */
    EXIT_CODE_CANCELLED = 130, /**< as a shell says of a program that Ctrl-C ended */
} exit_code;

/** What a program was doing when something failed: "not found" is another thing for a model than
 *  for an audio file. */
typedef enum exit_activity {
    DOING_ELSE,
    READING_MODEL,
    READING_INPUT,
    WRITING_OUTPUT,
    USING_AUDIO,
} exit_activity;

exit_code exit_code_for(bsm_status status, exit_activity activity);

/** The last words of a program that ends with `code`: hand on what is waiting for standard output.
 *  If that fails, or did before, say so, and return EXIT_CODE_OUTPUT unless `code` tells of another
 *  failure. */
exit_code exit_code_after_output(const char *program, exit_code code);

#endif
