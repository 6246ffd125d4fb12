/* SPDX-License-Identifier: ISC */
/* Finds how much audio the headers of WAV, RF64, Wave64, AIFF, AU and CAF announce, and how much
 * there is.
 *
 * A program that writes to a pipe, or that ended early, leaves sizes of 0, of the largest number,
 * or of what there was some time before. The audio then extends to the end of the file, and
 * libsndfile is shown the right size. */
#include <ctype.h>
#include <string.h>

#include "file/audio_links.h"

enum { MOST_PADDING = 1 << 20 /* bytes: more zeros than these count as silence */ };

/** How a family of formats writes its chunks. */
typedef struct chunk_family {
    const char *name; /* the first bytes of the file ... */
    const char *form; /* ... and the bytes after the size, or NULL */
    size_t first;     /* position of the first chunk */
    size_t id, size;  /* bytes of a chunk's name and of its size */
    bool big;         /* numbers are big-endian */
    bool inclusive;   /* the size includes the chunk's header */
    size_t alignment;
    const char *data; /* the name of the chunk with the audio */
} chunk_family;

static const chunk_family families[] = {
    {"RIFF", "WAVE", 12, 4, 4, false, false, 2, "data"},
    {"RF64", "WAVE", 12, 4, 4, false, false, 2, "data"},
    {"BW64", "WAVE", 12, 4, 4, false, false, 2, "data"},
    {"RIFX", "WAVE", 12, 4, 4, true, false, 2, "data"},
    {"FORM", "AIFF", 12, 4, 4, true, false, 2, "SSND"},
    {"FORM", "AIFC", 12, 4, 4, true, false, 2, "SSND"},
    {"riff", NULL, 40, 16, 8, false, true, 8, "data"},
    {"caff", NULL, 8, 4, 8, true, false, 1, "data"},
};

/** What was found out about a file. */
typedef struct chunk_file {
    bsm_byte_window *window;
    const chunk_family *family;
    bsm_audio_link link;
    uint64_t size_at;   /* position of the audio's size ... */
    size_t size_bytes;  /* ... its width in bytes ... */
    uint64_t size_more; /* ... and what it counts in addition to the audio */
    uint64_t data;      /* position of the audio */
    uint64_t announced;
    uint64_t wide_at;   /* RF64: position of the 64-bit size; 0: none */
    uint64_t frames_at; /* AIFF: position of the number of samples ... */
    size_t frame_size;  /* ... and its width in bytes */
    bool mpeg;          /* the audio is MPEG audio ... */
    bool plain;         /* ... or plain samples, which link.raw describes */
} chunk_file;

static uint64_t number(const chunk_file *f, const unsigned char *bytes, size_t size)
{
    return f->family->big ? bsm_big(bytes, size) : bsm_little(bytes, size);
}

static void patch(chunk_file *f, size_t place, uint64_t at, size_t size, uint64_t value)
{
    bsm_byte_patch *p = &f->link.patches[place];
    const bool fits = size == 8 || value <= UINT32_MAX;
    p->at = at;
    p->size = size;
    for (size_t i = 0; i < size; i++) {
        const size_t place_value = f->family->big ? size - 1 - i : i;
        p->bytes[i] = (unsigned char)(fits ? value >> 8 * place_value : 0xFF);
    }
}

/* ---- The size of the audio ---- */

/* Whether a size is one that programs write if they do not know it: 0, or close to the largest
 * number. */
static bool is_no_size(uint64_t size, size_t bytes)
{
    const uint64_t slack = 1 << 16;
    const uint64_t half = (uint64_t)1 << (8 * bytes - 1), most = half - 1 + half;
    return size > most - slack || (size > half - slack && size < half + slack) ||
           /* sox writes this one */
           (bytes == 4 && size > 0x7F000000 - slack && size < 0x7F000000 + slack);
}

static bool is_printable(const unsigned char *id)
{
    return isprint(id[0]) && isprint(id[1]) && isprint(id[2]) && isprint(id[3]);
}

/* Whether the audio may end at `at`: the file's end, another chunk or file, a tag, or nothing but
 * zeros follow. */
static bool can_follow(const chunk_file *f, uint64_t at)
{
    const uint64_t end = f->window->bytes.end;
    const size_t header = f->family->id + f->family->size;
    const unsigned char *bytes = bsm_byte_window_at(f->window, at, header);
    if (!bytes || bsm_skip_tag(f->window, at) != at) {
        return true;
    }
    if (is_printable(bytes) &&
        (memcmp(bytes, f->family->name, 4) == 0 || memcmp(bytes, "LIST", 4) == 0 ||
         number(f, bytes + f->family->id, f->family->size) <= end - at)) {
        return true;
    }
    if (end - at > MOST_PADDING) {
        return false;
    }
    for (; (bytes = bsm_byte_window_at(f->window, at, 1)); at++) {
        if (*bytes) {
            return false;
        }
    }
    return true;
}

static uint64_t behind_sound(const chunk_file *f)
{
    const uint64_t alignment = f->family->alignment;
    return f->data + (f->announced + alignment - 1) / alignment * alignment;
}

static void show_right_size(chunk_file *f, uint64_t size)
{
    patch(f, 0, f->wide_at ? f->wide_at : f->size_at, f->wide_at ? 8 : f->size_bytes,
          size + f->size_more);
    if (f->frames_at) {
        patch(f, 1, f->frames_at, 4, size / f->frame_size);
    }
}

static void measure(chunk_file *f)
{
    const uint64_t end = f->window->bytes.end, there = f->data < end ? end - f->data : 0;
    const size_t bytes = f->wide_at ? 8 : f->size_bytes;
    f->link.end = end;
    f->link.announced = f->link.present = 1;
    if (is_no_size(f->announced + f->size_more, bytes) ||
        (f->announced <= there && !can_follow(f, behind_sound(f)))) {
        show_right_size(f, there);
    } else if (f->announced > there) {
        f->link.announced = f->announced;
        f->link.present = there;
        show_right_size(f, there);
    } else {
        f->link.end = behind_sound(f);
    }
}

/* ---- Chunks ---- */

/* In WAV's extensible format the extension begins with two bytes of format again. */
static void read_format(chunk_file *f, uint64_t at, uint64_t size)
{
    enum { PCM = 1, FLOAT = 3, MPEG = 0x50, MP3 = 0x55, EXTENSIBLE = 0xFFFE };
    const unsigned char *format = bsm_byte_window_at(f->window, at, size < 26 ? 16 : 26);
    if (!format || !f->family->form || strcmp(f->family->form, "WAVE") != 0) {
        return;
    }
    uint64_t tag = number(f, format, 2);
    if (tag == EXTENSIBLE && size >= 26) {
        tag = number(f, format + 24, 2);
    }
    f->mpeg = tag == MPEG || tag == MP3;
    f->plain = !f->family->big && (tag == PCM || tag == FLOAT);
    f->link.raw = (bsm_raw_samples){.rate = (size_t)number(f, format + 4, 4),
                                    .channels = (size_t)number(f, format + 2, 2),
                                    .bits = (size_t)number(f, format + 14, 2),
                                    .real = tag == FLOAT};
}

static void read_common(chunk_file *f, uint64_t at)
{
    const unsigned char *common = bsm_byte_window_at(f->window, at, 8);
    if (common) {
        f->frame_size = (size_t)(bsm_big(common, 2) * ((bsm_big(common + 6, 2) + 7) / 8));
        f->frames_at = f->frame_size ? at + 2 : 0;
    }
}

static void read_wide(chunk_file *f, uint64_t at)
{
    const unsigned char *wide = bsm_byte_window_at(f->window, at, 16);
    if (wide) {
        f->wide_at = at + 8;
        f->announced = bsm_little(wide + 8, 8);
    }
}

static void take_data(chunk_file *f, uint64_t body, uint64_t size, uint64_t header)
{
    const bool aiff =
        f->family->big && f->family->alignment == 2 && !strcmp(f->family->data, "SSND");
    const uint64_t before = aiff ? 8 : strcmp(f->family->name, "caff") == 0 ? 4 : 0;
    f->size_bytes = f->family->size;
    f->size_at = body - f->size_bytes;
    f->size_more = before + (f->family->inclusive ? header : 0);
    f->data = body + before;
    if (f->wide_at && size == UINT32_MAX) {
        return; /* `announced` has come from the 64-bit size */
    }
    f->wide_at = 0;
    f->announced = size > before ? size - before : 0;
}

/* Read the chunks before the audio. False if there is no audio. */
static bool find_data(chunk_file *f)
{
    const chunk_family *family = f->family;
    const size_t header = family->id + family->size;
    uint64_t at = f->window->bytes.start + family->first;
    const unsigned char *id;
    while ((id = bsm_byte_window_at(f->window, at, header))) {
        uint64_t size = number(f, id + family->id, family->size);
        size -= family->inclusive && size >= header ? header : 0;
        const uint64_t body = at + header;
        if (memcmp(id, family->data, 4) == 0) {
            take_data(f, body, size, header);
            return true;
        }
        if (memcmp(id, "fmt ", 4) == 0) {
            read_format(f, body, size);
        } else if (memcmp(id, "COMM", 4) == 0) {
            read_common(f, body);
        } else if (memcmp(id, "ds64", 4) == 0) {
            read_wide(f, body);
        }
        if (size > f->window->bytes.end - at) {
            return false;
        }
        at = body + (size + family->alignment - 1) / family->alignment * family->alignment;
    }
    return false;
}

/* The position after the chunks that follow the audio. */
static uint64_t end_of_chunks(const chunk_file *f, uint64_t at)
{
    const size_t header = f->family->id + f->family->size;
    const unsigned char *id;
    while ((id = bsm_byte_window_at(f->window, at, header)) && is_printable(id) &&
           memcmp(id, f->family->name, 4) != 0 && bsm_skip_tag(f->window, at) == at) {
        const uint64_t size =
            number(f, id + f->family->id, f->family->size) + (f->family->inclusive ? 0 : header);
        if (size < header || size > f->window->bytes.end - at) {
            break;
        }
        at += (size + f->family->alignment - 1) / f->family->alignment * f->family->alignment;
    }
    return at < f->window->bytes.end ? at : f->window->bytes.end;
}

static bool add_link(chunk_file *f, bsm_audio_links *links)
{
    if (f->mpeg) {
        f->window->bytes.start = f->data;
        f->window->bytes.end = f->link.end;
        return bsm_mpeg_links(f->window, 1 << 12, 2, links);
    }
    if (f->plain && f->size_bytes == 4 && !f->wide_at &&
        f->link.end - f->data > UINT32_MAX - MOST_PADDING) { /* libsndfile stops at 4 GB */
        f->link.codec = BSM_CODEC_RAW;
        f->link.start = f->data;
    } else if (f->link.end < f->window->bytes.end) {
        f->link.end = end_of_chunks(f, f->link.end);
    }
    return bsm_audio_links_add(links, &f->link);
}

/* Sun's format has a header with three numbers that matter, and no chunks. */
static bool au_link(chunk_file *f, bsm_audio_links *links)
{
    static const chunk_family au = {
        .name = ".snd", .id = 4, .size = 4, .big = true, .alignment = 1};
    const uint64_t start = f->window->bytes.start;
    const unsigned char *header = bsm_byte_window_at(f->window, start, 24);
    if (!header) {
        return true;
    }
    f->family = &au;
    f->size_bytes = 4;
    f->size_at = start + 8;
    f->data = start + bsm_big(header + 4, 4);
    f->announced = bsm_big(header + 8, 4);
    measure(f);
    f->link.end = f->window->bytes.end;
    return bsm_audio_links_add(links, &f->link);
}

bool bsm_chunk_links(bsm_byte_window *window, bsm_audio_links *links)
{
    const uint64_t start = window->bytes.start;
    chunk_file f = {.window = window, .link = {.codec = BSM_CODEC_SNDFILE, .start = start}};
    const unsigned char *head = bsm_byte_window_at(window, start, 12);
    if (head && memcmp(head, ".snd", 4) == 0) {
        return au_link(&f, links);
    }
    for (size_t i = 0; head && i < sizeof families / sizeof *families; i++) {
        const chunk_family *family = &families[i];
        if (memcmp(head, family->name, 4) == 0 &&
            (!family->form || memcmp(head + 8, family->form, 4) == 0)) {
            f.family = family;
            break;
        }
    }
    if (!f.family || !find_data(&f)) {
        return true;
    }
    measure(&f);
    return add_link(&f, links);
}
