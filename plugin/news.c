/* SPDX-License-Identifier: ISC */
/* News from the loader and the stream for the host. */
#include "news.h"

#include <stddef.h>
#include <string.h>

/* The accesses to the bytes themselves order memory, instead of fences, which the thread sanitizer
 * does not support. */
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

/* News that are being written at the moment are taken in a later call. */
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

bool bsm_trouble_is_new(bsm_trouble *told, const bsm_stream_stats *stats, size_t rate)
{
    const bool new = stats->status != told->stopped || stats->late != told->late ||
                     (stats->late && stats->processed >= told->due);
    if (new) {
        *told = (bsm_trouble){stats->status, stats->late, stats->processed + rate};
    }
    return new;
}

/* ---- The status as text, without the C library's formatting, which may allocate ---- */

static char *put_text(char *at, const char *text)
{
    const size_t length = strlen(text);
    memcpy(at, text, length + 1);
    return at + length;
}

static char *put_number(char *at, uint64_t number)
{
    char digits[24], *digit = digits + sizeof digits - 1;
    *digit = 0;
    do {
        *--digit = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put_text(at, digit);
}

static char *put_percent(char *at, double part)
{
    const double most = 99999;
    return put_text(put_number(at, (uint64_t)(part < most ? 100 * part + 0.5 : 100 * most)), " %");
}

static bool stopped_status(const bsm_stream *stream, char *status)
{
    static const char before[] = "failed: ", after[] = "; the sound passes dry";
    char *line = status + sizeof before - 1;
    if (!bsm_stream_failure(stream, line, BSM_STATUS_SIZE - sizeof before - sizeof after)) {
        return false;
    }
    memcpy(status, before, sizeof before - 1);
    put_text(line + strlen(line), after);
    return true;
}

static bool plays(const char *news)
{
    return !strncmp(news, "ready", 5) || !strncmp(news, "too slow", 8);
}

bool bsm_trouble_status(const bsm_stream *stream, const char *news, char *status)
{
    bsm_stream_stats stats;
    if (stopped_status(stream, status)) {
        return true;
    }
    bsm_stream_get_stats(stream, &stats);
    if (!stats.late || !plays(news)) {
        return false;
    }
    char *at = put_percent(put_text(status, "too slow: load "), stats.load);
    at = put_percent(put_text(at, ", at worst "), stats.worst_load);
    at = put_number(put_text(at, "; "), stats.misses);
    put_text(at, stats.misses == 1 ? " block was late" : " blocks were late");
    return true;
}
