/* SPDX-License-Identifier: ISC */
/** Folders of training data for tests, with folders inside them. Any failure fails the test. */
#ifndef BSM_TESTS_DATA_FOLDER_H
#define BSM_TESTS_DATA_FOLDER_H

#include <stddef.h>
#include <stdint.h>

/** A new empty folder; the caller gives it to data_folder_remove. */
char *data_folder_new(void);

/** Remove it with all that is in it, without following links. */
void data_folder_remove(char *folder);

/** The path of what lies in it; valid until the next eight calls. */
const char *data_folder_path(const char *folder, const char *name);

/** Make the folders that `name` lies in, and return its path. */
const char *data_folder_make(const char *folder, const char *name);

/** A file of one byte, with the folders that it lies in. */
void data_folder_file(const char *folder, const char *name);

/** A symbolic link NAME to TARGET, with the folders that it lies in. */
void data_folder_link(const char *folder, const char *target, const char *name);

/** A WAV file of interleaved float samples, with the folders that it lies in. */
void data_folder_audio(const char *folder, const char *name, int rate, int channels,
                       const float *samples, size_t frames);

/** The same as a FLAC file of 24 bits. */
void data_folder_flac(const char *folder, const char *name, int rate, int channels,
                      const float *samples, size_t frames);

/** Let the header of such a file announce `frames` samples, whatever is in it. */
void data_folder_announce(const char *folder, const char *name, uint32_t frames);

#endif
