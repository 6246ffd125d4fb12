/* SPDX-License-Identifier: ISC */
/* Finds the links of an audio file. */
#include "file/audio_links.h"

#include <stdlib.h>
#include <string.h>

/* ---- A list of the links of an audio file ---- */

bool bsm_audio_links_add(bsm_audio_links *links, const bsm_audio_link *link)
{
    bsm_audio_link *more = realloc(links->links, (links->count + 1) * sizeof *more);
    if (!more) {
        return false;
    }
    links->links = more;
    links->links[links->count++] = *link;
    return true;
}

void bsm_audio_links_clear(bsm_audio_links *links)
{
    free(links->links);
    *links = (bsm_audio_links){0};
}

/* ---- What an audio file consists of ---- */

enum {
    CERTAIN = 3,      /* consecutive MPEG frames that are proof at the beginning of a file */
    VERY_CERTAIN = 6, /* consecutive MPEG frames that are proof after anything else */
};

static const unsigned char flac_heads[2][8] = {"fLaC\0\0\0\x22", "fLaC\x80\0\0\x22"};

static bool starts_with(bsm_byte_window *window, const char *magic)
{
    const size_t length = strlen(magic);
    const unsigned char *bytes = bsm_byte_window_at(window, window->bytes.start, length);
    return bytes && memcmp(bytes, magic, length) == 0;
}

/* A FLAC stream does not say how many bytes it has: it extends to where another one begins, or to
 * the end. */
static bool add_flac(bsm_byte_window *window, bsm_audio_links *links)
{
    const uint64_t start = window->bytes.start, behind = start + sizeof flac_heads[0];
    bsm_audio_link link = {.codec = BSM_CODEC_FLAC, .start = start, .end = window->bytes.end};
    for (size_t i = 0; i < 2; i++) {
        const uint64_t next = bsm_byte_window_find(window, behind, flac_heads[i]);
        link.end = next < link.end ? next : link.end;
    }
    return bsm_audio_links_add(links, &link);
}

/* Add the links that begin at window->bytes.start, whatever they are. */
static bool add_next(bsm_byte_window *window, bsm_audio_links *links)
{
    if (starts_with(window, "fLaC")) {
        return add_flac(window, links);
    }
    if (starts_with(window, "OggS")) {
        return bsm_ogg_links(window, links);
    }
    const size_t before = links->count;
    return bsm_chunk_links(window, links) &&
           (links->count > before || bsm_mpeg_links(window, 0, CERTAIN, links));
}

static uint64_t skip_tags(bsm_byte_window *window, uint64_t at)
{
    uint64_t next;
    while ((next = bsm_skip_tag(window, at)) > at) {
        at = next;
    }
    return at;
}

static bool is_zero(bsm_byte_window *window, uint64_t at)
{
    const unsigned char *byte;
    while ((byte = bsm_byte_window_at(window, at, 1)) && *byte == 0) {
        at++;
    }
    return !byte;
}

/* Add one link after the other; bytes that form no link are counted. */
static bool add_all(bsm_byte_window *window, uint64_t start, uint64_t size, bsm_audio_links *links)
{
    bool good = true;
    size_t before;
    do {
        before = links->count;
        window->bytes.start = skip_tags(window, start);
        window->bytes.end = size;
        good = window->bytes.start == size || add_next(window, links);
        if (links->count > before) {
            start = links->links[links->count - 1].end;
        } else if (before > 0 && !is_zero(window, window->bytes.start)) {
            links->others += size - window->bytes.start;
        }
    } while (good && links->count > before && start < size);
    return good;
}

/* What only looks like MPEG audio goes to ffmpeg, because libsndfile's decoder would complain on
 * the terminal. */
static bool add_unknown(bsm_byte_window *window, bsm_audio_links *links)
{
    const uint64_t behind = skip_tags(window, window->bytes.start);
    const unsigned char *head = bsm_byte_window_at(window, behind, 2);
    const bool mpeg = head && head[0] == 0xFF && head[1] >= 0xE0;
    const bsm_audio_link link = {.codec = mpeg ? BSM_CODEC_PROGRAM : BSM_CODEC_SNDFILE,
                                 .start = window->bytes.start,
                                 .end = window->bytes.end};
    return bsm_mpeg_links(window, window->bytes.end, VERY_CERTAIN, links) &&
           (links->count > 0 || bsm_audio_links_add(links, &link));
}

static bsm_byte_window *new_window(int fd, uint64_t start, uint64_t size)
{
    bsm_byte_window *window = malloc(sizeof *window);
    if (window) {
        bsm_byte_window_init(window, fd, start, size);
    }
    return window;
}

static bsm_status end_search(bsm_byte_window *window, bool good, const char *path,
                             bsm_audio_links *links, bsm_error *error)
{
    const int cause = window ? window->bytes.cause : 0;
    free(window);
    if (good && !cause) {
        return BSM_OK;
    }
    bsm_audio_links_clear(links);
    return good ? bsm_fail_errno(error, cause, path, "cannot read")
                : bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
}

bsm_status bsm_audio_links_find(int fd, uint64_t size, const char *path, bsm_audio_links *links,
                                bsm_error *error)
{
    *links = (bsm_audio_links){0};
    bsm_byte_window *window = new_window(fd, 0, size);
    bool good = window && add_all(window, 0, size, links);
    if (good && links->count == 0) {
        window->bytes.start = 0;
        window->bytes.end = size;
        good = add_unknown(window, links);
    }
    return end_search(window, good, path, links, error);
}
