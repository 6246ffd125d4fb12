/* SPDX-License-Identifier: ISC */
/* Writes tags and cover as ID3v2.4 (https://id3.org/id3v2.4.0-structure). */
#include "file/audio_tags.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 10, UTF8 = 3, FRONT = 3 };

/* Sizes have seven bits per byte. */
static void put_size(unsigned char to[4], size_t size)
{
    for (size_t i = 0; i < 4; i++) {
        to[i] = (unsigned char)(size >> (21 - 7 * i) & 0x7F);
    }
}

/* Write a frame: its name, the bytes `before` its text, and its data. */
static unsigned char *put_frame(unsigned char *to, const char *name, const void *before,
                                size_t before_size, const void *data, size_t size)
{
    memcpy(to, name, 4);
    put_size(to + 4, before_size + size);
    to[8] = to[9] = 0;
    memcpy(to + HEADER, before, before_size);
    memcpy(to + HEADER + before_size, data, size);
    return to + HEADER + before_size + size;
}

static unsigned char *put_texts(unsigned char *to, const bsm_audio_tags *tags)
{
    static const char *const names[BSM_NUM_TAGS] = {
        [BSM_TAG_TITLE] = "TIT2",   [BSM_TAG_ARTIST] = "TPE1",   [BSM_TAG_ALBUM] = "TALB",
        [BSM_TAG_DATE] = "TDRC",    [BSM_TAG_TRACK] = "TRCK",    [BSM_TAG_GENRE] = "TCON",
        [BSM_TAG_COMMENT] = "COMM", [BSM_TAG_COPYRIGHT] = "TCOP"};
    static const char text[] = {UTF8}, comment[] = {UTF8, 'e', 'n', 'g', 0};
    for (size_t i = 0; i < BSM_NUM_TAGS; i++) {
        const bool is_comment = i == BSM_TAG_COMMENT;
        if (*tags->texts[i]) {
            to = put_frame(to, names[i], is_comment ? comment : text,
                           is_comment ? sizeof comment : sizeof text, tags->texts[i],
                           strlen(tags->texts[i]));
        }
    }
    return to;
}

/* Write the encoding, the picture's type, its kind, an empty description and the picture. */
static unsigned char *put_cover(unsigned char *to, const bsm_cover *cover)
{
    unsigned char before[sizeof cover->type + 4] = {UTF8};
    const size_t type = strlen(cover->type);
    memcpy(before + 1, cover->type, type);
    before[type + 2] = FRONT;
    return cover->data ? put_frame(to, "APIC", before, type + 4, cover->data, cover->size) : to;
}

unsigned char *bsm_id3_tag(const bsm_audio_tags *tags, size_t *size)
{
    const size_t room = HEADER + BSM_NUM_TAGS * (sizeof tags->texts[0] + 2 * HEADER) + 2 * HEADER +
                        sizeof tags->cover.type + tags->cover.size;
    unsigned char *tag = malloc(room);
    if (!tag) {
        return NULL;
    }
    unsigned char *end = put_cover(put_texts(tag + HEADER, tags), &tags->cover);
    *size = (size_t)(end - tag);
    memcpy(tag, "ID3\4\0\0", 6);
    put_size(tag + 6, *size - HEADER);
    if (*size == HEADER) {
        free(tag);
        return NULL;
    }
    return tag;
}
