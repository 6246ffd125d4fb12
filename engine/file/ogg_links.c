/* SPDX-License-Identifier: ISC */
/* Walks through the pages of Ogg (RFC 3533): finds where the songs of a chain begin, and which
 * streams they have. */
#include <string.h>

#include "file/audio_links.h"

enum { PAGE_HEADER = 27, BEGINS = 2 };

static const unsigned char capture[4] = "OggS";

/* The size of the page at `at`, or 0 if there is none. */
static uint64_t page_size(bsm_byte_window *window, uint64_t at, bool *begins)
{
    const unsigned char *page = bsm_byte_window_at(window, at, PAGE_HEADER);
    if (!page || memcmp(page, capture, sizeof capture) != 0 || page[4] != 0) {
        return 0;
    }
    const size_t segments = page[26];
    *begins = page[5] & BEGINS;
    page = bsm_byte_window_at(window, at, PAGE_HEADER + segments);
    uint64_t size = PAGE_HEADER + segments;
    for (size_t i = 0; page && i < segments; i++) {
        size += page[PAGE_HEADER + i];
    }
    return page ? size : 0;
}

/* The codec of the stream that begins on a page. If there are several streams, the better known
 * codec counts. */
static bsm_codec stream_codec(bsm_byte_window *window, uint64_t page, bsm_codec before)
{
    const unsigned char *header = bsm_byte_window_at(window, page, PAGE_HEADER);
    const uint64_t packet = page + PAGE_HEADER + (header ? header[26] : 0);
    const unsigned char *head = bsm_byte_window_at(window, packet, 8);
    if (before == BSM_CODEC_VORBIS || before == BSM_CODEC_OPUS || !head) {
        return before;
    }
    return memcmp(head, "\001vorbis", 7) == 0                                 ? BSM_CODEC_VORBIS
           : memcmp(head, "OpusHead", 8) == 0                                 ? BSM_CODEC_OPUS
           : memcmp(head, "\177FLAC", 5) == 0 || memcmp(head, "fLaC", 4) == 0 ? BSM_CODEC_SNDFILE
                                                                              : before;
}

static uint64_t find_page(bsm_byte_window *window, uint64_t at)
{
    const unsigned char *bytes;
    while ((bytes = bsm_byte_window_at(window, at, sizeof capture)) &&
           memcmp(bytes, capture, sizeof capture) != 0) {
        at++;
    }
    return bytes ? at : window->bytes.end;
}

/* There is no page at `at`: find where the next one begins. */
static uint64_t pass_over(bsm_byte_window *window, uint64_t at, bsm_audio_links *links)
{
    const uint64_t behind = bsm_skip_tag(window, at);
    if (behind > at) {
        return behind;
    }
    const uint64_t next = find_page(window, at + 1);
    links->others += next - at;
    return next;
}

static bool end_link(bsm_audio_links *links, bsm_audio_link *link, uint64_t end)
{
    link->end = end;
    return link->start == end || bsm_audio_links_add(links, link);
}

bool bsm_ogg_links(bsm_byte_window *window, bsm_audio_links *links)
{
    bool begins = false, beginning = false;
    uint64_t at = window->bytes.start, size = page_size(window, at, &begins);
    if (size == 0) {
        return true;
    }
    bsm_audio_link link = {.codec = BSM_CODEC_PROGRAM, .start = at};
    for (; at < window->bytes.end; at += size) {
        size = page_size(window, at, &begins);
        if (size == 0) {
            size = pass_over(window, at, links) - at;
            continue;
        }
        if (at + size > window->bytes.end) {
            links->torn = window->bytes.end - at;
            break;
        }
        if (begins && !beginning && at > link.start) { /* all streams of a song begin together */
            if (!end_link(links, &link, at)) {
                return false;
            }
            link = (bsm_audio_link){.codec = BSM_CODEC_PROGRAM, .start = at};
        }
        beginning = begins;
        link.codec = begins ? stream_codec(window, at, link.codec) : link.codec;
    }
    return end_link(links, &link, window->bytes.end);
}
