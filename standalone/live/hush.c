/* SPDX-License-Identifier: ISC */
/* Keeping what libraries print away from the terminal. */
#include "hush.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int hush_begin(void)
{
    fflush(stderr);
    const int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept >= 0 && null >= 0) {
        dup2(null, STDERR_FILENO);
    }
    if (null >= 0) {
        close(null);
    }
    return kept;
}

void hush_end(int kept)
{
    if (kept >= 0) {
        dup2(kept, STDERR_FILENO);
        close(kept);
    }
}
