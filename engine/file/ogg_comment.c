/* SPDX-License-Identifier: ISC */
/* Adds a comment to an Ogg stream of Vorbis or Opus while it is written. */
#include "file/ogg_comment.h"

#include <ogg/ogg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bsm_ogg_comment {
    char *comment;
    size_t length;
    ogg_sync_state pages;            /* the incoming bytes */
    ogg_stream_state before, behind; /* the stream's header as it comes in, and as it goes out */
    bool begun, is_vorbis;
    unsigned packets;   /* packets of the header that have gone out */
    bool header_gone;   /* the whole header has gone out */
    uint32_t next_page; /* number of the next outgoing page */
    unsigned char *out;
    size_t size, capacity;
};

bsm_ogg_comment *bsm_ogg_comment_new(char *comment, size_t length)
{
    bsm_ogg_comment *filter = calloc(1, sizeof *filter);
    if (!filter) {
        free(comment);
        return NULL;
    }
    filter->comment = comment;
    filter->length = length;
    ogg_sync_init(&filter->pages);
    return filter;
}

void bsm_ogg_comment_free(bsm_ogg_comment *filter)
{
    if (filter) {
        ogg_sync_clear(&filter->pages);
        ogg_stream_clear(&filter->before);
        ogg_stream_clear(&filter->behind);
        free(filter->out);
        free(filter->comment);
        free(filter);
    }
}

/* ---- Outgoing pages ---- */

static bool put(bsm_ogg_comment *f, const void *data, long count)
{
    const size_t needed = f->size + (size_t)count;
    if (needed > f->capacity) {
        unsigned char *larger = realloc(f->out, 2 * needed);
        if (!larger) {
            return false;
        }
        f->out = larger;
        f->capacity = 2 * needed;
    }
    memcpy(f->out + f->size, data, (size_t)count);
    f->size = needed;
    return true;
}

static bool put_page(bsm_ogg_comment *f, ogg_page *page)
{
    enum { NUMBER = 18 }; /* bytes before the page's number */
    for (int i = 0; i < 4; i++) {
        page->header[NUMBER + i] = (unsigned char)(f->next_page >> (8 * i));
    }
    f->next_page++;
    ogg_page_checksum_set(page);
    return put(f, page->header, page->header_len) && put(f, page->body, page->body_len);
}

/* Put out everything that has been packed, so that what follows begins on a new page. */
static bool put_packed(bsm_ogg_comment *f)
{
    ogg_page page;
    while (ogg_stream_flush(&f->behind, &page)) {
        if (!put_page(f, &page)) {
            return false;
        }
    }
    return true;
}

/* ---- The header ---- */

static uint32_t little(const unsigned char *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

static unsigned char *put_little(unsigned char *to, size_t number)
{
    for (size_t i = 0; i < 4; i++) {
        to[i] = (unsigned char)(number >> (8 * i));
    }
    return to + 4;
}

/* Make the packet of comments with ours before all others, which free() frees. NULL when out of
 * memory, or if the packet does not hold comments. */
static unsigned char *with_comment(const bsm_ogg_comment *f, const ogg_packet *packet, size_t *size)
{
    const size_t name = f->is_vorbis ? 7 : 8; /* after "\3vorbis" or "OpusTags" */
    const size_t bytes = (size_t)packet->bytes;
    const size_t vendor = bytes >= name + 8 ? little(packet->packet + name) : SIZE_MAX;
    if (vendor > bytes - name - 8) {
        return NULL;
    }
    const size_t count = name + 4 + vendor; /* position of the number of comments */
    *size = bytes + 4 + f->length;
    unsigned char *made = malloc(*size);
    if (made) {
        memcpy(made, packet->packet, count);
        unsigned char *to = put_little(made + count, little(packet->packet + count) + 1);
        to = put_little(to, f->length);
        memcpy(to, f->comment, f->length);
        memcpy(to + f->length, packet->packet + count + 4, bytes - count - 4);
    }
    return made;
}

static bool pack(bsm_ogg_comment *f, ogg_packet *packet)
{
    unsigned char *made = NULL;
    if (f->packets == 0) {
        f->is_vorbis = packet->bytes > 0 && packet->packet[0] == 1;
    } else if (f->packets == 1) {
        size_t size = 0;
        made = with_comment(f, packet, &size);
        if (made) {
            packet->packet = made;
            packet->bytes = (long)size;
        }
    }
    packet->granulepos = 0;
    const bool packed = !ogg_stream_packetin(&f->behind, packet);
    free(made);
    f->packets++;
    f->header_gone = f->packets == (f->is_vorbis ? 3 : 2);
    const bool page_ends = f->packets == 1 || f->header_gone;
    return packed && (!page_ends || put_packed(f));
}

static bool begin(bsm_ogg_comment *f, ogg_page *page)
{
    const int serial = ogg_page_serialno(page);
    f->begun = true;
    return !ogg_stream_init(&f->before, serial) && !ogg_stream_init(&f->behind, serial);
}

static bool take_header(bsm_ogg_comment *f, ogg_page *page)
{
    ogg_packet packet;
    if ((!f->begun && !begin(f, page)) || ogg_stream_pagein(&f->before, page)) {
        return false;
    }
    while (!f->header_gone && ogg_stream_packetout(&f->before, &packet) == 1) {
        if (!pack(f, &packet)) {
            return false;
        }
    }
    return true;
}

size_t bsm_ogg_comment_pass(bsm_ogg_comment *filter, const void *data, size_t count,
                            const void **out)
{
    char *room = ogg_sync_buffer(&filter->pages, (long)count);
    if (!room) {
        return SIZE_MAX;
    }
    memcpy(room, data, count);
    ogg_sync_wrote(&filter->pages, (long)count);
    filter->size = 0;
    ogg_page page;
    while (ogg_sync_pageout(&filter->pages, &page) == 1) {
        if (!(filter->header_gone ? put_page(filter, &page) : take_header(filter, &page))) {
            return SIZE_MAX;
        }
    }
    *out = filter->out;
    return filter->size;
}
