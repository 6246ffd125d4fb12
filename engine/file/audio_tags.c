/* SPDX-License-Identifier: ISC */
/* Collects a file's tags. */
#include "file/audio_tags.h"

#include <string.h>
#include <strings.h>

/* A UTF-8 character must not be cut in two. */
static size_t fitting(const char *text, size_t length, size_t room)
{
    if (length > room) {
        length = room;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    return length;
}

void bsm_audio_tags_clear(bsm_audio_tags *tags)
{
    bsm_cover_clear(&tags->cover);
    *tags = (bsm_audio_tags){0};
}

void bsm_audio_tags_set(bsm_audio_tags *tags, bsm_tag tag, const char *text, size_t length)
{
    char *to = tags->texts[tag];
    if (text && !*to) {
        length = fitting(text, length, sizeof tags->texts[tag] - 1);
        memcpy(to, text, length);
        to[length] = '\0';
    }
}

void bsm_audio_tags_set_named(bsm_audio_tags *tags, const char *name, size_t name_length,
                              const char *text, size_t length)
{
    static const struct {
        const char *name;
        bsm_tag tag;
    } names[] = {{"title", BSM_TAG_TITLE},        {"artist", BSM_TAG_ARTIST},
                 {"album", BSM_TAG_ALBUM},        {"date", BSM_TAG_DATE},
                 {"year", BSM_TAG_DATE},          {"tracknumber", BSM_TAG_TRACK},
                 {"track", BSM_TAG_TRACK},        {"genre", BSM_TAG_GENRE},
                 {"comment", BSM_TAG_COMMENT},    {"description", BSM_TAG_COMMENT},
                 {"copyright", BSM_TAG_COPYRIGHT}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) == name_length &&
            strncasecmp(names[i].name, name, name_length) == 0) {
            bsm_audio_tags_set(tags, names[i].tag, text, length);
        }
    }
}

void bsm_audio_tags_set_comment(bsm_audio_tags *tags, const char *comment, size_t length)
{
    static const char picture[] = BSM_COVER_COMMENT;
    const size_t picture_length = sizeof picture - 1;
    const char *equals = memchr(comment, '=', length);
    if (length > picture_length && strncasecmp(comment, picture, picture_length) == 0) {
        bsm_cover_set_base64(&tags->cover, comment + picture_length, length - picture_length);
    }
    if (equals) {
        const size_t name = (size_t)(equals - comment);
        bsm_audio_tags_set_named(tags, comment, name, equals + 1, length - name - 1);
    }
}
