/* SPDX-License-Identifier: ISC */
/** Folders of training data for tests, with folders inside them. Any error fails the test. */
#ifndef BSM_TESTS_DATA_FOLDER_H
#define BSM_TESTS_DATA_FOLDER_H

#include <stddef.h>
#include <stdint.h>

/** Make a new empty folder; the caller passes it to data_folder_remove. */
char *data_folder_new(void);

/** Remove the folder with everything in it, without following links. */
void data_folder_remove(char *folder);

/** Return the path of a file or folder in it; valid until the next eight calls. */
const char *data_folder_path(const char *folder, const char *name);

/** Make the folders that contain `name`, and return its path. */
const char *data_folder_make(const char *folder, const char *name);

/** Write a file of one byte, and make the folders that contain it. */
void data_folder_file(const char *folder, const char *name);

/** Make a symbolic link NAME to TARGET, and the folders that contain it. */
void data_folder_link(const char *folder, const char *target, const char *name);

/** Write a WAV file of interleaved float samples, and make the folders that contain it. */
void data_folder_audio(const char *folder, const char *name, int rate, int channels,
                       const float *samples, size_t frames);

/** Like data_folder_audio, but write a FLAC file of 24 bits. */
void data_folder_flac(const char *folder, const char *name, int rate, int channels,
                      const float *samples, size_t frames);

/** Let the header of such a FLAC file announce `frames` samples, whatever the file contains. */
void data_folder_announce(const char *folder, const char *name, uint32_t frames);

#endif
