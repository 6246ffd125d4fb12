/* SPDX-License-Identifier: ISC */
/* Reads and writes covers. */
#include "file/audio_tags.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/audio_links.h"

enum {
    MOST = (1 << 24) - 128, /* bytes: FLAC has 24 bits for the size of a block */
    FRONT = 3,              /* the picture type "front cover" */
    NUMBERS = 32            /* bytes of the eight numbers in a block */
};

static const char *look(const unsigned char *data, size_t size)
{
    return size > 3 && memcmp(data, "\xff\xd8\xff", 3) == 0        ? "image/jpeg"
           : size > 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0 ? "image/png"
                                                                   : "";
}

void bsm_cover_set(bsm_cover *cover, const char *type, const void *data, size_t size)
{
    if (cover->data || size == 0 || size > MOST) {
        return;
    }
    type = strncmp(type, "image/", 6) == 0 ? type : look(data, size);
    cover->data = *type ? malloc(size) : NULL;
    if (cover->data) {
        memcpy(cover->data, data, size);
        cover->size = size;
        snprintf(cover->type, sizeof cover->type, "%s", type);
    }
}

void bsm_cover_clear(bsm_cover *cover)
{
    free(cover->data);
    *cover = (bsm_cover){0};
}

/* ---- FLAC's block ---- */

/* Read a number and as many bytes after it; NULL if there are fewer. */
static const unsigned char *take(const unsigned char **at, const unsigned char *end, size_t *count)
{
    if (end - *at < 4) {
        return NULL;
    }
    *count = (size_t)bsm_big(*at, 4);
    const unsigned char *bytes = *at + 4;
    if (*count > (size_t)(end - bytes)) {
        return NULL;
    }
    *at = bytes + *count;
    return bytes;
}

static void set_block(bsm_cover *cover, const unsigned char *block, size_t size)
{
    const unsigned char *at = block + 4, *end = block + size;
    size_t type_length, length, data_size;
    const unsigned char *type = size > NUMBERS ? take(&at, end, &type_length) : NULL;
    if (!type || !take(&at, end, &length) || end - at < 16) {
        return;
    }
    at += 16; /* width, height, depth and colours */
    const unsigned char *data = take(&at, end, &data_size);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(type_length < 63 ? type_length : 63),
             (const char *)type);
    if (data) {
        bsm_cover_set(cover, name, data, data_size);
    }
}

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

void bsm_cover_set_base64(bsm_cover *cover, const char *text, size_t length)
{
    unsigned char *block = malloc(length / 4 * 3 + 3);
    size_t size = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; block && i < length && base64_value(text[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t)base64_value(text[i]);
        have += 6;
        if (have >= 8) {
            have -= 8;
            block[size++] = (unsigned char)(bits >> have);
        }
    }
    if (block) {
        set_block(cover, block, size);
    }
    free(block);
}

static unsigned char *put_number(unsigned char *to, size_t number)
{
    for (size_t i = 0; i < 4; i++) {
        to[i] = (unsigned char)(number >> (24 - 8 * i));
    }
    return to + 4;
}

unsigned char *bsm_cover_block(const bsm_cover *cover, size_t *size)
{
    const size_t type = strlen(cover->type);
    *size = NUMBERS + type + cover->size;
    unsigned char *block = calloc(1, *size);
    if (block) {
        unsigned char *at = put_number(put_number(block, FRONT), type);
        memcpy(at, cover->type, type);
        at += type + 4 + 16; /* has no description, and its dimensions are those in its data */
        memcpy(put_number(at, cover->size), cover->data, cover->size);
    }
    return block;
}

char *bsm_cover_comment(const bsm_cover *cover, size_t *length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size;
    unsigned char *block = bsm_cover_block(cover, &size);
    char *text = block ? malloc(sizeof BSM_COVER_COMMENT + (size + 2) / 3 * 4) : NULL;
    if (text) {
        char *to = stpcpy(text, BSM_COVER_COMMENT);
        for (size_t i = 0; i < size; i += 3) {
            const size_t left = size - i;
            const uint32_t bits = (uint32_t)block[i] << 16 |
                                  (left > 1 ? (uint32_t)block[i + 1] << 8 : 0) |
                                  (left > 2 ? block[i + 2] : 0);
            for (size_t k = 0; k < 4; k++) {
                *to++ = k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=';
            }
        }
        *length = (size_t)(to - text);
    }
    free(block);
    return text;
}
