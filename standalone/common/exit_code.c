/* SPDX-License-Identifier: ISC */
/* The exit status of every bsm program, by kind of failure. */
#include "exit_code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static exit_code exit_code_of_activity(exit_activity activity)
{
    switch (activity) {
    case READING_MODEL: return EXIT_CODE_MODEL;
    case READING_INPUT: return EXIT_CODE_INPUT;
    case WRITING_OUTPUT: return EXIT_CODE_OUTPUT;
    case USING_AUDIO: return EXIT_CODE_AUDIO;
    case DOING_ELSE: break;
    }
    return EXIT_CODE_OTHER;
}

exit_code exit_code_for(bsm_status status, exit_activity activity)
{
    switch (status) {
    case BSM_OK: return EXIT_CODE_OK;
    case BSM_INVALID_ARGUMENT: return EXIT_CODE_USAGE;
    case BSM_NO_MEMORY: return EXIT_CODE_MEMORY;
    case BSM_NO_SPACE:
    case BSM_EXISTS: return EXIT_CODE_OUTPUT;
    case BSM_BAD_MODEL: return EXIT_CODE_MODEL;
    case BSM_BAD_AUDIO: return EXIT_CODE_INPUT;
    case BSM_NO_DEVICE:
    case BSM_DEVICE_FAILED: return EXIT_CODE_DEVICE;
    case BSM_CANCELLED: return EXIT_CODE_CANCELLED;
    case BSM_UNSUPPORTED: /* without a file at hand it is what was asked for */
        return activity == DOING_ELSE ? EXIT_CODE_USAGE : exit_code_of_activity(activity);
    case BSM_NOT_FOUND:
    case BSM_NO_PERMISSION:
    case BSM_IO: return exit_code_of_activity(activity);
    }
    return EXIT_CODE_OTHER;
}

exit_code exit_code_after_output(const char *program, exit_code code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return code;
    }
    fprintf(stderr, "%s: cannot write to standard output%s%s\n", program, errno ? ": " : "",
            errno ? strerror(errno) : "");
    return code ? code : EXIT_CODE_OUTPUT;
}
