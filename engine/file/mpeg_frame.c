/* SPDX-License-Identifier: ISC */
/* Parses the header of a frame of MPEG audio. */
#include "file/audio_links.h"

#include <string.h>

/* Bit rates in kbit/s by the header's index; the indices 0 and 15 have none here. */
static const unsigned short rates_1[3][14] = {
    {32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
    {32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
    {32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}};
static const unsigned short rates_2[3][14] = {
    {32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
    {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
    {8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}};
static const unsigned sample_rates[3] = {44100, 48000, 32000};

static size_t frame_size(const bsm_mpeg_frame *f, unsigned kilobits, unsigned padding)
{
    const unsigned bits = kilobits * 1000;
    if (f->layer == 1) {
        return (12 * bits / f->rate + padding) * 4;
    }
    return (f->layer == 3 && f->version != 3 ? 72 : 144) * bits / f->rate + padding;
}

bool bsm_mpeg_parse(const unsigned char header[BSM_MPEG_HEADER], bsm_mpeg_frame *frame)
{
    const unsigned version = header[1] >> 3 & 3, layer = 4 - (header[1] >> 1 & 3);
    const unsigned bits = header[2] >> 4, rate = header[2] >> 2 & 3;
    if (header[0] != 0xFF || header[1] < 0xE0 || version == 1 || layer == 4 || bits == 0 ||
        bits == 15 || rate == 3) {
        return false;
    }
    *frame = (bsm_mpeg_frame){.version = version,
                              .layer = layer,
                              .rate = sample_rates[rate] >> (version == 3   ? 0
                                                             : version == 2 ? 1
                                                                            : 2),
                              .mono = header[3] >> 6 == 3};
    frame->size = frame_size(frame, (version == 3 ? rates_1 : rates_2)[layer - 1][bits - 1],
                             header[2] >> 1 & 1);
    return true;
}

bool bsm_mpeg_alike(const bsm_mpeg_frame *a, const bsm_mpeg_frame *b)
{
    return a->version == b->version && a->layer == b->layer && a->rate == b->rate &&
           a->mono == b->mono;
}

bool bsm_mpeg_note(const bsm_mpeg_frame *frame, const unsigned char *bytes, size_t size,
                   uint64_t *frames)
{
    const size_t side = frame->version == 3 ? (frame->mono ? 17 : 32) : (frame->mono ? 9 : 17);
    *frames = 0;
    if (frame->layer != 3) {
        return false;
    }
    for (size_t checksum = 0; checksum <= 2; checksum += 2) {
        const unsigned char *note = bytes + BSM_MPEG_HEADER + checksum + side;
        if (size < (size_t)(note - bytes) + 12) {
            return false;
        }
        if (memcmp(note, "Xing", 4) == 0 || memcmp(note, "Info", 4) == 0) {
            *frames = note[7] & 1 ? bsm_big(note + 8, 4) : 0;
            return true;
        }
    }
    const unsigned char *note = bytes + BSM_MPEG_HEADER + 32;
    if (size >= BSM_MPEG_HEADER + 32 + 18 && memcmp(note, "VBRI", 4) == 0) {
        *frames = bsm_big(note + 14, 4);
        return true;
    }
    return false;
}
