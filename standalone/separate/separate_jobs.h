/* SPDX-License-Identifier: ISC */
/** The command line of bsm-separate, and the files of one run. */
#ifndef BSM_STANDALONE_SEPARATE_SEPARATE_JOBS_H
#define BSM_STANDALONE_SEPARATE_SEPARATE_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bsm/config.h"
#include "bsm/separate.h"
#include "bsm/status.h"
#include "program_options.h"

/* ---- The command line of bsm-separate ---- */

typedef struct separate_args {
    program_action action;
    const char *model; /**< NULL: the default model */
    bsm_device_kind device;
    bsm_precision precision;
    size_t threads; /**< 0: one per core */
    bool quiet;
    bool picture; /**< also draw spectrograms */
    bsm_separate_options options;
    char *const *inputs; /**< files and folders */
    size_t num_inputs;   /**< at least 1, if the action is PROGRAM_RUN */
} separate_args;

/** Parse the command line; the order of `argv` may change. BSM_INVALID_ARGUMENT names the option or
 *  the value; BSM_UNSUPPORTED: this program cannot draw. */
BSM_NODISCARD bsm_status separate_args_parse(int argc, char **argv, separate_args *args,
                                             bsm_error *error);

extern const program_table separate_program;

/* ---- The audio files of a folder ---- */

typedef struct audio_folder {
    char **paths; /**< sorted */
    size_t count;
    char **others; /**< sorted names of entries that are no audio files; folders end in '/' */
    size_t num_others;
    size_t num_outputs; /**< audio files that an earlier run wrote */
} audio_folder;

/** List the audio files in `folder` itself, by their extensions, without hidden ones and without
 *  what an earlier run with a model of `config` wrote there.
 *  BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_BAD_AUDIO (there is none), BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status audio_folder_list(const char *folder, const bsm_config *config,
                                           audio_folder *list, bsm_error *error);
void audio_folder_clear(audio_folder *list);

/** Describe in a few words what was left out of the list. Return false if nothing was. */
bool audio_folder_left_out(const audio_folder *list, char *text, size_t size);

/** Return true for names like "song.vocals.flac". */
bool audio_folder_is_output(const char *name, const bsm_config *config);

/* Makes standard input a file, because some formats can be read only from their end. */

/** Copy standard input to its end into a file called "stdin" in a new folder in $TMPDIR.
 *  BSM_INVALID_ARGUMENT (it is a terminal), BSM_NO_SPACE, BSM_IO. */
BSM_NODISCARD bsm_status standard_input_save(char path[BSM_MAX_PATH], bsm_error *error);

/** Remove the file and its folder. */
void standard_input_remove(const char *path);

/* ---- The files that one run of bsm-separate works on ---- */

typedef struct separate_job {
    char *path;
    uint64_t size; /**< size of the file in bytes; 0 if it is not known */
    dev_t device;  /**< identity of the file ... */
    ino_t inode;   /**< ... both 0: not known */
} separate_job;

typedef struct separate_jobs {
    separate_job *jobs;
    size_t count;
} separate_jobs;

/** Add a file, which need not exist. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status separate_jobs_add(separate_jobs *list, const char *path, bsm_error *error);
void separate_jobs_clear(separate_jobs *list);

/** Drop jobs whose inputs are outputs of other jobs, as in a folder that was separated before.
 *  Return their number; without memory, drop none. */
size_t separate_jobs_drop_outputs(separate_jobs *list, const bsm_config *config,
                                  const bsm_separate_options *options);

/** Keep every `size`-th job, starting with number `rank`. */
void separate_jobs_share(separate_jobs *list, size_t rank, size_t size);

/** Fail before anything is written if two jobs would write the same file, or if an output would
 *  replace the input of another job. The file system itself tells which names are the same, as
 *  those that differ only in case may be. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status separate_jobs_check(const separate_jobs *list, const bsm_config *config,
                                             const bsm_separate_options *options, bsm_error *error);

#endif
