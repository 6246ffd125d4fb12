/* SPDX-License-Identifier: ISC */
/* Folders of training data for tests. */
#include "data_folder.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 1024, NUM_PATHS = 8, OPEN_FOLDERS = 8 };

char *data_folder_new(void)
{
    const char *parent = getenv("TMPDIR");
    char *folder;
    assert_true(asprintf(&folder, "%s/bsm-data-XXXXXX", parent ? parent : "/tmp") > 0);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

void data_folder_remove(char *folder)
{
    assert_int_equal(nftw(folder, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS), 0);
    free(folder);
}

const char *data_folder_path(const char *folder, const char *name)
{
    static char paths[NUM_PATHS][PATH_SIZE];
    static size_t next;
    char *path = paths[next++ % NUM_PATHS];
    assert_true(snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE);
    return path;
}

const char *data_folder_make(const char *folder, const char *name)
{
    char parent[PATH_SIZE];
    assert_true(snprintf(parent, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE);
    for (char *slash = parent + strlen(folder); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        assert_true(mkdir(parent, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
    return data_folder_path(folder, name);
}

void data_folder_file(const char *folder, const char *name)
{
    FILE *file = fopen(data_folder_make(folder, name), "wb");
    assert_non_null(file);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
}

void data_folder_link(const char *folder, const char *target, const char *name)
{
    assert_int_equal(symlink(target, data_folder_make(folder, name)), 0);
}

static void write_audio(const char *path, int format, int rate, int channels, const float *samples,
                        size_t frames)
{
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, samples, (sf_count_t)frames), frames);
    assert_int_equal(sf_close(file), 0);
}

void data_folder_audio(const char *folder, const char *name, int rate, int channels,
                       const float *samples, size_t frames)
{
    write_audio(data_folder_make(folder, name), SF_FORMAT_WAV | SF_FORMAT_FLOAT, rate, channels,
                samples, frames);
}

void data_folder_flac(const char *folder, const char *name, int rate, int channels,
                      const float *samples, size_t frames)
{
    write_audio(data_folder_make(folder, name), SF_FORMAT_FLAC | SF_FORMAT_PCM_24, rate, channels,
                samples, frames);
}

void data_folder_announce(const char *folder, const char *name, uint32_t frames)
{
    enum { TOTAL_SAMPLES = 22 }; /* from this byte on: the lower 32 of STREAMINFO's 36 bits */
    const unsigned char bytes[] = {(unsigned char)(frames >> 24), (unsigned char)(frames >> 16),
                                   (unsigned char)(frames >> 8), (unsigned char)frames};
    FILE *file = fopen(data_folder_path(folder, name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, TOTAL_SAMPLES, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    assert_int_equal(fclose(file), 0);
}
