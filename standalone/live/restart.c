/* SPDX-License-Identifier: ISC */
/* Restarts the program when the JACK server comes back. */
#include "live.h"

#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { MORE = 8, RETRY_MS = 1000 };

/* Later options override earlier ones, so these are appended. */
static void add_present(const live *l, char *arguments[MORE + 1], char texts[2][32])
{
    static char *const solos[] = {NULL, "vocals", "instrumental"};
    const bsm_remix_settings *mix = &l->options.mix;
    size_t count = 0;
    snprintf(texts[0], sizeof texts[0], "%g", (double)mix->gain_db[BSM_VOCALS]);
    snprintf(texts[1], sizeof texts[1], "%g", (double)mix->gain_db[BSM_INSTRUMENTAL]);
    arguments[count++] = "--vocals";
    arguments[count++] = texts[0];
    arguments[count++] = "--instrumental";
    arguments[count++] = texts[1];
    if (l->options.model) {
        arguments[count++] = "--model";
        arguments[count++] = (char *)l->options.model;
    }
    if (solos[mix->solo]) {
        arguments[count++] = "--solo";
        arguments[count++] = solos[mix->solo];
    }
    arguments[count < MORE ? count : MORE] = NULL;
}

void live_restart(const live *l)
{
    size_t count = 0;
    char texts[2][32];
    while (l->arguments[count]) {
        count++;
    }
    char **arguments = calloc(count + MORE + 1, sizeof *arguments);
    if (arguments) {
        memcpy(arguments, l->arguments, count * sizeof *arguments);
        add_present(l, arguments + count, texts);
        close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
        execv("/proc/self/exe", arguments);
    }
    free(arguments);
}

void live_wait_to_retry(live *l)
{
    struct pollfd signals = {.fd = l->signals, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&signals, 1, RETRY_MS) > 0 && read(l->signals, &info, sizeof info) == sizeof info) {
        l->stop = info.ssi_signo != SIGHUP && info.ssi_signo != SIGTSTP;
    }
}
