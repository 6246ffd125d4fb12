/* SPDX-License-Identifier: ISC */
/** Separate a whole audio file into files.
 *
 *  Reads WAV, FLAC, MP3, Ogg and Opus and what else libsndfile reads, anything else through the
 *  program ffmpeg if it is installed, at any rate; the result has the input's rate, channels and
 *  length, and vocals + instrumental = input. More than two channels, up to 8, are mixed down to
 * two before, the middle with -3 dB. Memory does not depend on the file's length. Reading and
 * writing have a thread each, which have ended when the call returns. Not for the audio thread; one
 * call at a time per bsm_network. */
#ifndef BSM_SEPARATE_H
#define BSM_SEPARATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/network.h"
#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef enum bsm_file_format {
    BSM_FILE_WAV,  /**< RF64 where WAV's 4 GB do not suffice */
    BSM_FILE_FLAC, /**< 16 or 24 bits */
    BSM_FILE_OGG,  /**< Vorbis; lossy, so the sum of the parts is the input only about */
    BSM_FILE_MP3,  /**< lossy, too; of the rates to 48 kHz that MPEG has, others are converted */
    BSM_FILE_OPUS, /**< lossy, too; at 48 kHz where the rate is none of Opus's */
    BSM_FILE_RAW,  /**< samples without a header, interleaved, little-endian; into a stream only */
} bsm_file_format;

/** Which of the two parts are written. */
typedef enum bsm_separate_only {
    BSM_BOTH_PARTS,
    BSM_ONLY_VOCALS,
    BSM_ONLY_INSTRUMENTAL,
} bsm_separate_only;

typedef struct bsm_progress {
    double done;  /**< seconds of audio separated */
    double total; /**< seconds of audio in the file; 0 if it does not say */
    double speed; /**< audio seconds per second of computing, 0 until known */
} bsm_progress;

/** Called now and then, by the thread that separates; return false to stop with BSM_CANCELLED. */
typedef bool bsm_progress_fn(void *user, const bsm_progress *progress);

/** Samples of the two parts on their way to their files. */
typedef struct bsm_separated_block {
    const float *const *vocals;       /**< [channels][count] */
    const float *const *instrumental; /**< [channels][count]; both together are the input */
    size_t channels, count;
    size_t rate; /**< of the file, Hz */
} bsm_separated_block;

/** Called with every sample of the file once, in order, and not after the separation; by the thread
 *  that separates or by one of its own, never by both at once, but maybe beside bsm_progress_fn. */
typedef void bsm_listen_fn(void *listener, const bsm_separated_block *block);

typedef struct bsm_separate_options {
    const char *output_dir; /**< NULL: beside the input */
    bsm_file_format format;
    int bits;       /**< 16, 24 or 32 (float); 0: the format's default (24 for FLAC, else 32) */
    bool all_stems; /**< also one file for each stem of the model */
    bool force;     /**< replace existing outputs */
    bsm_separate_only only;
    const char *name; /**< of outputs, without their extension, where "{name}" and "{ext}", of the
                           input, and "{stem}" are replaced; NULL: "{name}.{stem}" */
    double gain;      /**< dB, of all outputs */
    bool normalize;   /**< give all outputs the one gain, in place of `gain`, with which the loudest
                           sample of them is at -1 dB; until it is known, all wait in a file */
    int stream;       /**< > 0: a descriptor, which stays open, for the one output in WAV or raw */
    double window;    /**< seconds, to BSM_MAX_WINDOW; 0: the model's training segment */
    double overlap;   /**< 0 to 0.9, the part of a window shared with the next; negative: 0.5 */
    size_t commit;    /**< > 0: as the live engine, committing so many frames, to BSM_MAX_BLOCK, */
    size_t lookahead; /**< and looking so many ahead, */
    bsm_memory memory;         /**< remembering so much; */
    size_t history;            /**< see bsm_stream_options */
    double warmup;             /**< see bsm_stream_options */
    bsm_progress_fn *progress; /**< may be NULL */
    void *user;
    bsm_listen_fn *listen; /**< may be NULL */
    void *listener;
} bsm_separate_options;

enum {
    BSM_MAX_PATH = 4096,
    BSM_MAX_WINDOW = 60, /**< seconds; an hour would need tens of GB */
    BSM_MAX_BLOCK = 6000 /**< frames to commit, and to look ahead */
};

/** What was written, and what was odd. */
typedef struct bsm_separate_result {
    size_t num_outputs;
    char (*outputs)[BSM_MAX_PATH]; /**< [num_outputs]; bsm_separate_result_free frees them */
    double seconds;                /**< of audio */
    double compute_seconds;        /**< wall clock */
    uint64_t nonfinite_samples;    /**< NaN and Inf in the input, taken as 0 */
    uint64_t clipped_samples;      /**< did not fit an integer format */
    double missing_seconds;        /**< that the file announced and did not have: it was cut off */
    size_t parts;                  /**< files that were joined end to end to the input */
    size_t mixed_channels;         /**< that were mixed down to two, or 0 */
    char remark[240];              /**< what else is odd about the file, or "" */
    bool output_failed;            /**< on failure: an output was at fault, not the input */
} bsm_separate_result;

/** True if a file of this name, without its folders, is likely one that bsm reads: it is not hidden
 *  and has the extension of an audio format (".wav", ".FLAC", ".opus", ...). Any thread. */
BSM_API bool bsm_is_audio_name(const char *name);

/** What a network of `model` has to be able to do to separate with these options: sets max_frames,
 *  streaming and rolling of `network`. BSM_INVALID_ARGUMENT, BSM_BAD_MODEL (its memory). */
BSM_API BSM_NODISCARD bsm_status bsm_separate_network(const bsm_model *model,
                                                      const bsm_separate_options *options,
                                                      bsm_network_options *network,
                                                      bsm_error *error);

/** Separate `path`. Outputs NAME.vocals.EXT and NAME.instrumental.EXT (the input minus the vocals)
 *  appear whole or not at all. The vocals are the stem named "vocals", or the first. `network` is
 * as bsm_separate_network says. BSM_NOT_FOUND, BSM_BAD_AUDIO, BSM_EXISTS, BSM_NO_SPACE,
 * BSM_NO_PERMISSION, BSM_IO, BSM_CANCELLED and what the network reports. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_file(bsm_network *network, const char *path,
                                                   const bsm_separate_options *options,
                                                   bsm_separate_result *result, bsm_error *error);

/** List the names of the files that bsm_separate_file would write for `input`, which need not
 * exist: sets num_outputs and outputs of `result`. BSM_INVALID_ARGUMENT if one is too long;
 *  BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_names(const bsm_config *config, const char *input,
                                                    const bsm_separate_options *options,
                                                    bsm_separate_result *result, bsm_error *error);

/** Make the name of one more file beside the outputs for `input`: "{stem}" is `stem`, and the
 *  extension `extension`. BSM_INVALID_ARGUMENT if it is too long. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_name(const char *input,
                                                   const bsm_separate_options *options,
                                                   const char *stem, const char *extension,
                                                   char path[BSM_MAX_PATH], bsm_error *error);

/** Free the names in a result and forget them. A result that is all zeros is allowed. */
BSM_API void bsm_separate_result_free(bsm_separate_result *result);

/** Separate samples that lie in memory, at the model's rate: bsm_model_config(model)->sample_rate.
 *  Of the options window, overlap, commit, lookahead, memory, history, warmup and progress count;
 *  `network` is as bsm_separate_network says.
 *  @param audio    [channels][samples]
 *  @param channels the model's, or 2, which a model of one channel separates each on its own
 *  @param stems    [bsm_model_config(model)->num_stems][channels][samples]; NULL for a stem that is
 *                  not wanted. What no stem has is the mixture less their sum.
 *  BSM_INVALID_ARGUMENT, BSM_NO_MEMORY, BSM_UNSUPPORTED, BSM_CANCELLED, BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_array(bsm_network *network, const float *const *audio,
                                                    size_t channels, size_t samples,
                                                    const bsm_separate_options *options,
                                                    float *const *const *stems, bsm_error *error);

BSM_END_DECLS

#endif
