/* SPDX-License-Identifier: ISC */
/* Walks through the frames of MPEG audio: finds where joined files begin, how many frames there
 * are, and which bytes lie between and after them. */
#include <string.h>

#include "file/audio_links.h"

enum { MAX_TAG = 1 << 28 };

/* ---- Tags ---- */

static uint64_t id3_size(const unsigned char *tag)
{
    uint64_t size = 0;
    for (size_t i = 6; i < 10; i++) {
        if (tag[i] > 127) {
            return 0;
        }
        size = size << 7 | tag[i];
    }
    return size + 10 + (tag[5] & 0x10 ? 10 : 0);
}

/* An APE tag may begin with a header, which `size` does not include. */
static uint64_t ape_size(const unsigned char *tag)
{
    const uint64_t size = bsm_little(tag + 12, 4);
    const bool header = bsm_little(tag + 20, 4) >> 29 & 1;
    return size > MAX_TAG ? 0 : header ? size + 32 : 32;
}

static const unsigned char lyrics_end[8] = "LYRICS20";

uint64_t bsm_skip_tag(bsm_byte_window *window, uint64_t at)
{
    const uint64_t end = window->bytes.end;
    const unsigned char *tag = bsm_byte_window_at(window, at, 32);
    uint64_t size = 0;
    if (tag && memcmp(tag, "ID3", 3) == 0 && tag[3] < 16) {
        size = id3_size(tag);
    } else if (tag && memcmp(tag, "APETAGEX", 8) == 0) {
        size = ape_size(tag);
    } else if (tag && memcmp(tag, "LYRICSBEGIN", 11) == 0) {
        size = bsm_byte_window_find(window, at, lyrics_end) + 9 - at;
    } else if (tag && memcmp(tag, "TAG", 3) == 0 && at + 128 <= end) {
        size = 128;
    }
    return at + size < end ? at + size : end;
}

/* ---- Frames ---- */

typedef struct walk {
    bsm_byte_window *window;
    bsm_audio_links *links;
    bsm_audio_link link; /* the current link; without frames: none */
    bsm_mpeg_frame kind; /* the kind of its frames */
    uint64_t at;
} walk;

static bool read_header(walk *w, uint64_t at, bsm_mpeg_frame *frame)
{
    const unsigned char *header = bsm_byte_window_at(w->window, at, BSM_MPEG_HEADER);
    return header && bsm_mpeg_parse(header, frame);
}

/* Whether `wanted` whole frames of one kind follow each other from `at` on. Fewer are enough if
 * the file ends or a tag begins after one. */
static bool is_run(walk *w, uint64_t at, size_t wanted, bsm_mpeg_frame *first)
{
    bsm_mpeg_frame frame;
    for (size_t i = 0; i < wanted; i++) {
        if (i > 0 && (at == w->window->bytes.end || bsm_skip_tag(w->window, at) != at)) {
            return true;
        }
        if (!read_header(w, at, &frame) || at + frame.size > w->window->bytes.end ||
            (i > 0 && !bsm_mpeg_alike(&frame, first))) {
            return false;
        }
        if (i == 0) {
            *first = frame;
        }
        at += frame.size;
    }
    return true;
}

static bool end_link(walk *w, uint64_t end)
{
    const bool any = w->link.present > 0;
    w->link.end = end;
    /* some encoders count the information frame, too */
    if (w->link.announced <= w->link.present + 1) {
        w->link.announced = w->link.present;
    }
    const bool added = !any || bsm_audio_links_add(w->links, &w->link);
    w->link = (bsm_audio_link){.codec = BSM_CODEC_MPEG};
    return added;
}

/* Add the whole frame at w->at. */
static bool take_frame(walk *w, const bsm_mpeg_frame *frame)
{
    const size_t size = frame->size < BSM_MPEG_NOTE ? frame->size : BSM_MPEG_NOTE;
    const unsigned char *bytes = bsm_byte_window_at(w->window, w->at, size);
    uint64_t announced = 0;
    const bool note = bytes && bsm_mpeg_note(frame, bytes, size, &announced);
    if (w->link.present && (note || !bsm_mpeg_alike(frame, &w->kind)) && !end_link(w, w->at)) {
        return false;
    }
    if (w->link.present == 0 && w->link.announced == 0) {
        w->link.start = w->at;
        w->kind = *frame;
    }
    if (note) {
        w->link.announced = announced;
    } else {
        w->link.present++;
    }
    w->at += frame->size;
    return true;
}

static bool is_padding(walk *w, uint64_t at)
{
    for (const unsigned char *byte; (byte = bsm_byte_window_at(w->window, at, 1)); at++) {
        if (*byte) {
            return false;
        }
    }
    return true;
}

/* No frame follows: count the remaining bytes as the beginning of a frame, or as something else. */
static void end_walk(walk *w)
{
    bsm_mpeg_frame frame;
    const uint64_t left = w->window->bytes.end - w->at;
    if (read_header(w, w->at, &frame) && left < frame.size) {
        w->links->torn = left;
    } else if (!is_padding(w, w->at)) {
        w->links->others += left;
    }
    w->at = w->window->bytes.end;
}

/* There is no frame at w->at: skip a tag, or go to where frames begin again. */
static void find_sync(walk *w)
{
    const uint64_t behind = bsm_skip_tag(w->window, w->at);
    bsm_mpeg_frame frame;
    if (behind > w->at) {
        w->at = behind;
        return;
    }
    for (uint64_t at = w->at + 1; at < w->window->bytes.end; at++) {
        if (bsm_skip_tag(w->window, at) != at || is_run(w, at, 3, &frame)) {
            w->links->others += at - w->at;
            w->at = at;
            return;
        }
    }
    end_walk(w);
}

static bool walk_on(walk *w)
{
    bsm_mpeg_frame frame, next;
    while (w->at < w->window->bytes.end) {
        const bool whole =
            read_header(w, w->at, &frame) && w->at + frame.size <= w->window->bytes.end &&
            ((w->link.present && bsm_mpeg_alike(&frame, &w->kind)) || is_run(w, w->at, 2, &next));
        if (!whole) {
            find_sync(w);
        } else if (!take_frame(w, &frame)) {
            return false;
        }
    }
    return end_link(w, w->at);
}

bool bsm_mpeg_links(bsm_byte_window *window, uint64_t junk, size_t certain, bsm_audio_links *links)
{
    walk w = {.window = window, .links = links, .link = {.codec = BSM_CODEC_MPEG}};
    bsm_mpeg_frame frame;
    const uint64_t start = window->bytes.start;
    for (w.at = start; w.at <= start + junk && w.at < window->bytes.end; w.at++) {
        if (is_run(&w, w.at, certain, &frame)) {
            return walk_on(&w);
        }
    }
    return true;
}
