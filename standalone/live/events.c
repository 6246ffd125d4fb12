/* SPDX-License-Identifier: ISC */
/* Passes news from other threads to the main thread. */
#include "live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TEXT_FREE, TEXT_BUSY, TEXT_FULL };

bsm_status events_open(events *e, bsm_error *error)
{
    memset(e, 0, sizeof *e);
    e->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return e->fd >= 0 ? BSM_OK : bsm_fail_errno(error, errno, "eventfd", "cannot open");
}

void events_close(events *e)
{
    close(e->fd);
}

static void wake(events *e)
{
    const uint64_t one = 1;
    (void)!write(e->fd, &one,
                 sizeof one); /* a failure means that the descriptor is readable already */
}

static void put_text(events *e, event_text *to, const char *text)
{
    int expected = TEXT_FREE;
    if (atomic_compare_exchange_strong(&to->state, &expected, TEXT_BUSY)) {
        snprintf(to->text, sizeof to->text, "%s", text);
        atomic_store(&to->state, TEXT_FULL);
        wake(e);
    }
}

void events_xrun(events *e)
{
    atomic_fetch_add_explicit(&e->xruns, 1, memory_order_relaxed);
}

void events_rate(events *e, size_t rate)
{
    atomic_store(&e->rate, rate);
    wake(e);
}

void events_block(events *e, size_t block)
{
    atomic_store(&e->block, block);
    wake(e);
}

void events_stopped(events *e, const char *why)
{
    put_text(e, &e->stopped, why);
}

void events_notice(events *e, const char *text)
{
    put_text(e, &e->notice, text);
}

void events_acknowledge(events *e)
{
    uint64_t count;
    (void)!read(e->fd, &count, sizeof count);
}

bool event_text_take(event_text *from, char *text)
{
    if (atomic_load(&from->state) != TEXT_FULL) {
        return false;
    }
    memcpy(text, from->text, EVENT_TEXT_SIZE);
    atomic_store(&from->state, TEXT_FREE);
    return true;
}
