/* SPDX-License-Identifier: ISC */
#include "news.h"

#include <stddef.h>

/* Each byte orders what is around it, since the thread sanitizer knows no fences. */
void bsm_news_put(bsm_news_board *board, const bsm_news *news)
{
    const char *text = (const char *)news;
    const unsigned edition = atomic_load_explicit(&board->edition, memory_order_relaxed);
    atomic_store_explicit(&board->edition, edition + 1, memory_order_relaxed);
    for (size_t i = 0; i < sizeof board->text; i++) {
        atomic_store_explicit(&board->text[i], text[i], memory_order_release);
    }
    atomic_store_explicit(&board->edition, edition + 2, memory_order_release);
}

/* What is just being written is taken in a later call. */
bool bsm_news_take(const bsm_news_board *board, unsigned *seen, bsm_news *news)
{
    const unsigned edition = atomic_load_explicit(&board->edition, memory_order_acquire);
    if (edition == *seen || edition % 2) {
        return false;
    }
    char *text = (char *)news;
    for (size_t i = 0; i < sizeof board->text; i++) {
        text[i] = atomic_load_explicit(&board->text[i], memory_order_acquire);
    }
    if (atomic_load_explicit(&board->edition, memory_order_relaxed) != edition) {
        return false;
    }
    *seen = edition;
    return true;
}
