/* SPDX-License-Identifier: ISC */
/* Tests files that were joined, cut off or written as a stream: everything in them is read, and it
 * is known what is missing. */
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "fake.h"
#include "file/audio_links.h"
#include "file/audio_reader.h"
#include "noise.h"
#include "test_folder.h"

enum { FRAMES = 100000, RATE = 44100, ROOM = 4 << 20 };

typedef struct bytes {
    size_t size;
    unsigned char at[ROOM];
} bytes;

static bytes whole, other, made;

/* ---- Making files ---- */

static void load(bytes *to)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    to->size = fread(to->at, 1, ROOM, file);
    fclose(file);
}

/* Encode noise that is loud, then quiet, so that a variable bit rate varies. */
static void encode(const char *name, int format, int rate, int channels, bytes *to)
{
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *file = sf_open(in_folder(name), SFM_WRITE, &info);
    assert_non_null(file);
    double quality = 0.4;
    uint64_t seed = 5;
    static float noise[2 * 10000];
    sf_command(file, SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof quality);
    for (size_t at = 0; at < FRAMES; at += 10000) {
        noise_fill(&seed, noise, 2 * 10000);
        for (size_t i = 0; i < 2 * 10000; i++) {
            noise[i] *= at < FRAMES / 3 ? 0.5F : 0.001F;
        }
        assert_int_equal(sf_writef_float(file, noise, 10000), 10000);
    }
    assert_int_equal(sf_close(file), 0);
    load(to);
}

static void begin(void)
{
    made.size = 0;
}

static void add(const void *data, size_t size)
{
    assert_true(made.size + size <= ROOM);
    memcpy(made.at + made.size, data, size);
    made.size += size;
}

/* ---- Reading them ---- */

static bsm_audio_info info;

/* Return the number of samples that can be read from `made`. Set `info` to its state at the end,
 * but with the number of frames that was announced at the start. */
static uint64_t count(const char *name)
{
    static float left[4096], right[4096], *audio[] = {left, right};
    bsm_audio_reader *reader;
    bsm_error error = {0};
    write_bytes(name, made.at, made.size);
    if (bsm_audio_reader_open(path, &reader, &error)) {
        fail_msg("%s", error.message);
    }
    const uint64_t announced = bsm_audio_reader_info(reader)->frames;
    uint64_t total = 0;
    size_t got = 4096;
    while (got == 4096) {
        assert_int_equal(bsm_audio_reader_read(reader, audio, 4096, &got, NULL), BSM_OK);
        total += got;
    }
    info = *bsm_audio_reader_info(reader);
    info.frames = announced;
    bsm_audio_reader_free(reader);
    return total;
}

static void check_whole(const char *name, uint64_t got, uint64_t expected)
{
    if (got != expected || info.missing || info.remark[0]) {
        fail_msg("%s: %llu samples for %llu, %llu missing; %s", name, (unsigned long long)got,
                 (unsigned long long)expected, (unsigned long long)info.missing, info.remark);
    }
}

typedef struct format {
    const char *name;
    int format;
    size_t slack; /* by how many samples the number that a cut file lacks may be wrong */
} format;

static const format formats[] = {
    {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4},
    {"a.rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_24, 4},
    {"a.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 4},
    {"a.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 4},
    {"a.au", SF_FORMAT_AU | SF_FORMAT_PCM_16, 4},
    {"a.caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 4},
    {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 4},
    {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 2 * 1152},
    {"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 0},
    {"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 0},
};

enum { NUM_FORMATS = sizeof formats / sizeof *formats };

static bool can_write(int which)
{
    const SF_INFO wanted = {.samplerate = 48000, .channels = 2, .format = which};
    return sf_format_check(&wanted);
}

static int rate_of(int which)
{
    return (which & SF_FORMAT_SUBMASK) == SF_FORMAT_OPUS ? 48000 : RATE;
}

static void test_whole_and_joined(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_FORMATS; i++) {
        const format *f = &formats[i];
        if (!can_write(f->format)) {
            continue;
        }
        encode(f->name, f->format, rate_of(f->format), 2, &whole);
        begin();
        add(whole.at, whole.size);
        const uint64_t one = count(f->name);
        check_whole(f->name, one, FRAMES);
        assert_int_equal(info.frames, one);
        assert_int_equal(info.parts, 1);
        if (strcmp(f->name, "a.au") == 0 || strcmp(f->name, "a.caf") == 0) {
            continue; /* nobody joins these */
        }
        add(whole.at, whole.size);
        add(whole.at, whole.size);
        check_whole(f->name, count(f->name), 3 * one);
        assert_int_equal(info.parts, 3);
    }
}

/* A mono jingle at half of the rate, then music: everything is read at the higher rate with two
 * channels. */
static void test_joined_with_other_rates(void **state)
{
    (void)state;
    const int kinds[] = {SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III,
                         SF_FORMAT_OGG | SF_FORMAT_VORBIS};
    for (size_t i = 0; i < 2; i++) {
        if (!can_write(kinds[i])) {
            continue;
        }
        encode("a", kinds[i], RATE / 2, 1, &other);
        encode("b", kinds[i], RATE, 2, &whole);
        begin();
        add(other.at, other.size);
        add(whole.at, whole.size);
        check_whole("joined", count("joined"), 3 * FRAMES);
        assert_int_equal(info.rate, RATE);
        assert_int_equal(info.channels, 2);
    }
}

/* Only two thirds of the file are left. The reader reports how much is missing, except for Ogg. */
static void test_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_FORMATS; i++) {
        const format *f = &formats[i];
        if (!can_write(f->format)) {
            continue;
        }
        encode(f->name, f->format, rate_of(f->format), 2, &whole);
        begin();
        add(whole.at, whole.size * 2 / 3);
        const uint64_t got = count(f->name);
        assert_in_range(got, FRAMES / 10, FRAMES * 9 / 10);
        if (f->slack) {
            assert_in_range(info.frames, FRAMES - f->slack, FRAMES + f->slack);
            assert_in_range(info.missing + got, FRAMES - f->slack, FRAMES + f->slack);
        } else { /* Ogg does not say how long it is; it is only known that a page is torn */
            assert_int_equal(info.missing, 0);
            assert_non_null(strstr(info.remark, "cut off"));
        }
    }
}

static void put(unsigned char *at, uint64_t value, size_t size, bool big)
{
    for (size_t i = 0; i < size; i++) {
        at[big ? size - 1 - i : i] = (unsigned char)(value >> 8 * i);
    }
}

static unsigned char *find(const char *name)
{
    unsigned char *found = memmem(made.at, made.size, name, 4);
    assert_non_null(found);
    return found;
}

/* Sizes that are left by programs that write to a pipe or that were interrupted. */
static void test_sizes_that_are_wrong(void **state)
{
    (void)state;
    const struct {
        const char *name, *chunk;
        int format;
        /* before: bytes from the chunk's name to its size; size: bytes of that */
        size_t before, size;
        bool big;
    } cases[] = {
        {"a.wav", "data", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4, 4, false},
        {"a.wav", "data", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 4, 4, false},
        {"a.wav", "data", SF_ENDIAN_BIG | SF_FORMAT_WAV | SF_FORMAT_PCM_16, 4, 4, true},
        {"a.w64", "data", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 16, 8, false},
        {"a.aiff", "SSND", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 4, 4, true},
        {"a.au", ".snd", SF_FORMAT_AU | SF_FORMAT_PCM_16, 8, 4, true},
        {"a.caf", "data", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 4, 8, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        encode(cases[i].name, cases[i].format, RATE, 2, &whole);
        const uint64_t most = cases[i].size == 8 ? UINT64_MAX : UINT32_MAX;
        const uint64_t sizes[] = {0, most, most / 2, most / 2 + 1, most / 2 - 36, 40000};
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            begin();
            add(whole.at, whole.size);
            put(find(cases[i].chunk) + cases[i].before, sizes[s], cases[i].size, cases[i].big);
            check_whole(cases[i].name, count(cases[i].name), FRAMES);
        }
    }
}

/* The file is longer than a WAV header can express. A recorder has left sizes that have wrapped
 * around at 4 GB. */
static void test_wav_of_more_than_4_gb(void **state)
{
    (void)state;
    const uint64_t frames = 1200000000, tail = 4 * 1000;
    encode("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, RATE, 2, &whole);
    begin();
    add(whole.at, whole.size);
    unsigned char *data = find("data") + 4;
    const uint64_t sizes[] = {(4 * frames) & UINT32_MAX, UINT32_MAX};
    for (size_t s = 0; s < 2; s++) {
        float left[1001], right[1001], *audio[] = {left, right};
        size_t got;
        bsm_audio_reader *reader;
        put(data, sizes[s], 4, false);
        write_bytes("long.wav", made.at, (size_t)(data + 4 - made.at));
        const off_t start = data + 4 - made.at;
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseeko(file, start + (off_t)(4 * frames - tail), SEEK_SET), 0);
        assert_int_equal(fwrite(data + 4, 1, tail, file), tail); /* the rest is a hole */
        assert_int_equal(fclose(file), 0);
        assert_int_equal(bsm_audio_reader_open(path, &reader, NULL), BSM_OK);
        assert_int_equal(bsm_audio_reader_info(reader)->frames, frames);
        assert_int_equal(bsm_audio_reader_seek(reader, frames - 1000, NULL), BSM_OK);
        assert_int_equal(bsm_audio_reader_read(reader, audio, 1001, &got, NULL), BSM_OK);
        assert_int_equal(got, 1000);
        for (size_t i = 0; i < got; i++) {
            const int value = (int16_t)(data[4 + 4 * i] | data[5 + 4 * i] << 8);
            assert_true(left[i] == (float)value / 32768);
        }
        bsm_audio_reader_free(reader);
    }
}

/* ---- MP3 ---- */

/* Return the position of the first audio frame of an MP3 file, which follows the note about its
 * length. */
static size_t behind_note(const bytes *mp3)
{
    bsm_mpeg_frame frame;
    uint64_t announced;
    assert_true(bsm_mpeg_parse(mp3->at, &frame));
    assert_true(bsm_mpeg_note(&frame, mp3->at, mp3->size, &announced));
    assert_true(announced > 0);
    return frame.size;
}

static bool encode_mp3(void)
{
    const int mp3 = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
    if (!can_write(mp3)) {
        print_message("libsndfile writes no MP3 here\n");
        return false;
    }
    encode("a.mp3", mp3, RATE, 2, &whole);
    return true;
}

static const unsigned char id3[] = "ID3\4\0\0\0\0\0\12words \xFF\xFB\x90\x64";
static const unsigned char id3v1[128] = "TAG a song";

static void test_mp3_without_a_note(void **state)
{
    (void)state;
    if (!encode_mp3()) {
        return;
    }
    const size_t note = behind_note(&whole);
    begin();
    add(whole.at + note, whole.size - note);
    const uint64_t all = count("plain.mp3");
    assert_in_range(all, FRAMES + 1, FRAMES + 4 * 1152); /* including the encoder's padding */
    check_whole("plain.mp3", all, info.frames);
    begin();
    add(id3, sizeof id3 - 1);
    add(whole.at + note, whole.size - note);
    add(id3v1, sizeof id3v1);
    check_whole("tags.mp3", count("tags.mp3"), all);
    add(id3, sizeof id3 - 1);
    add(whole.at + note, whole.size - note);
    check_whole("tags.mp3", count("tags.mp3"), 2 * all);
    static unsigned char junk[5000];
    begin();
    add(junk, sizeof junk);
    memset(junk, 0xFF, sizeof junk);
    add(junk, sizeof junk);
    add(whole.at + note, whole.size - note);
    check_whole("junk.wav", count("junk.wav"), all);
}

/* The first frame and the last one are incomplete, as in a recording of a radio station. */
static void test_mp3_from_the_middle(void **state)
{
    (void)state;
    if (!encode_mp3()) {
        return;
    }
    const size_t start = behind_note(&whole) + 1234;
    begin();
    add(whole.at + start, whole.size - start - 111);
    const uint64_t got = count("middle.mp3");
    assert_in_range(got, FRAMES - 4 * 1152, FRAMES + 1152);
    check_whole("middle.mp3", got, info.frames);
}

static void test_damaged_mp3(void **state)
{
    (void)state;
    if (!encode_mp3()) {
        return;
    }
    begin();
    add(whole.at, whole.size);
    memset(made.at + made.size / 2, 0, 6000);
    const uint64_t got = count("damaged.mp3");
    assert_in_range(got, FRAMES / 2, FRAMES);
    assert_non_null(strstr(info.remark, "damaged"));
}

/* With wrong bytes anywhere, reading comes to an end, and yields no more audio than the file can
 * hold. */
static void test_bytes_that_are_wrong(void **state)
{
    (void)state;
    uint64_t seed = 11;
    static float left[4096], right[4096], *audio[] = {left, right};
    for (size_t i = 0; i < NUM_FORMATS; i++) {
        if (!can_write(formats[i].format)) {
            continue;
        }
        encode(formats[i].name, formats[i].format, rate_of(formats[i].format), 2, &whole);
        for (size_t round = 0; round < 12; round++) {
            begin();
            add(whole.at, whole.size);
            /* in every second round only in the header */
            const size_t range = round % 2 ? 200 : made.size;
            for (size_t k = 0; k < 1 + 4 * round; k++) {
                made.at[noise_size(&seed, 0, range - 1)] = (unsigned char)noise_size(&seed, 0, 255);
            }
            write_bytes(formats[i].name, made.at, made.size);
            bsm_audio_reader *reader;
            size_t got = bsm_audio_reader_open(path, &reader, NULL) ? 0 : 4096;
            uint64_t total = 0;
            for (; got == 4096; total += got) {
                assert_int_equal(bsm_audio_reader_read(reader, audio, 4096, &got, NULL), BSM_OK);
            }
            assert_true(total < 40 * FRAMES);
            bsm_audio_reader_free(reader);
        }
    }
}

/* ---- Names ---- */

static void test_names_say_nothing(void **state)
{
    (void)state;
    encode("a", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, RATE, 1, &whole);
    begin();
    add(id3, sizeof id3 - 1);
    add(whole.at, whole.size);
    check_whole("a.mp3", count("a.mp3"), FRAMES);
    encode("a", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 22050, 1, &whole);
    begin();
    add(whole.at, whole.size);
    check_whole("a.ogg", count("a.ogg"), FRAMES);
    assert_int_equal(info.rate, 22050);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up_folder, tear_down_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_whole_and_joined),
        IN_FOLDER(test_joined_with_other_rates),
        IN_FOLDER(test_cut_off),
        IN_FOLDER(test_sizes_that_are_wrong),
        IN_FOLDER(test_wav_of_more_than_4_gb),
        IN_FOLDER(test_mp3_without_a_note),
        IN_FOLDER(test_mp3_from_the_middle),
        IN_FOLDER(test_damaged_mp3),
        IN_FOLDER(test_bytes_that_are_wrong),
        IN_FOLDER(test_names_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
