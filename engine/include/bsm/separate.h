/* SPDX-License-Identifier: ISC */
/** Separation of a whole audio file into files, or of samples in memory.
 *
 *  WAV, FLAC, MP3, Ogg, Opus and the other formats of libsndfile are read at any rate; all others
 *  are read through the program ffmpeg, if it is installed. The result has the input's rate,
 *  channels and length, and vocals + instrumental = input. Before, 3 to 8 channels are mixed down
 *  to two (ITU-R BS.775: centre and rear channels by -3 dB, low frequency effects not at all). The
 *  memory needed does not depend on the file's length. Reading and writing have a thread each,
 *  which has ended when the call returns.
 *
 *  Not for the audio thread. A network can be used by one call at a time. */
#ifndef BSM_SEPARATE_H
#define BSM_SEPARATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/network.h"
#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef enum bsm_file_format {
    BSM_FILE_WAV,  /**< RF64 if the file may exceed WAV's 4 GB */
    BSM_FILE_FLAC, /**< 16 or 24 bits */
    BSM_FILE_OGG,  /**< Vorbis; lossy, so the sum of the parts is only about the input */
    BSM_FILE_MP3,  /**< lossy; a rate that MPEG lacks becomes its next higher one, at most 48 kHz */
    BSM_FILE_OPUS, /**< lossy; a rate that Opus lacks becomes its next higher one, at most 48 kHz */
    BSM_FILE_RAW,  /**< samples without a header, interleaved, little-endian; only for `stream` */
} bsm_file_format;

/** The parts to write. */
typedef enum bsm_separate_only {
    BSM_BOTH_PARTS,
    BSM_ONLY_VOCALS,
    BSM_ONLY_INSTRUMENTAL,
} bsm_separate_only;

typedef struct bsm_progress {
    double done;  /**< seconds of audio separated so far */
    double total; /**< seconds of audio in total; 0 if the file does not say */
    double speed; /**< seconds of audio per second; 0 if unknown, as for bsm_separate_array */
} bsm_progress;

/** Called from time to time by the thread that separates. If it returns false, the separation stops
 *  with BSM_CANCELLED. */
typedef bool bsm_progress_fn(void *user, const bsm_progress *progress);

/** The next samples of the two parts, as they are written to their files. */
typedef struct bsm_separated_block {
    const float *const *vocals;       /**< [channels][count] */
    const float *const *instrumental; /**< [channels][count] */
    size_t channels, count;
    size_t rate; /**< the file's rate in Hz */
} bsm_separated_block;

/** Called with every sample of the file once and in order, as long as the separation runs. It may
 *  be called from the thread that separates or from another one, never from two at once, but
 *  possibly at the same time as bsm_progress_fn. */
typedef void bsm_listen_fn(void *listener, const bsm_separated_block *block);

typedef struct bsm_separate_options {
    const char *output_dir; /**< NULL: the folder of the input */
    bsm_file_format format;
    int bits; /**< 16, 24 or 32 (float, not for FLAC); 0: 24 for FLAC, otherwise 32. Lossy formats
                   have no number of bits, so it must be 0 */
    bool all_stems; /**< also write a file for each other stem of the model */
    bool force;     /**< replace existing outputs */
    bsm_separate_only only;
    const char *name; /**< names of the outputs without their extension. "{stem}" is replaced by the
                           stem's name, "{name}" and "{ext}" by the name and extension of the input;
                           NULL: "{name}.{stem}" */
    double gain;      /**< gain of all outputs in dB */
    bool normalize;   /**< instead of `gain`, use for all outputs the gain with which the loudest
                           sample in them is at -1 dB. Until that is known, all samples wait in a
                           temporary file */
    int stream;       /**< > 0: a descriptor to write the only output to, as WAV or raw; it is not
                           closed */

    /* A file is separated in windows that overlap ... */

    double window;  /**< seconds, up to BSM_MAX_WINDOW; 0: the model's training segment */
    double overlap; /**< the part of a window shared with the next, 0 to 0.9; negative: 0.5 */

    /* ... or, with a commit above 0, in blocks as in a stream; see bsm_stream_options. */

    size_t commit;    /**< frames, up to BSM_MAX_BLOCK */
    size_t lookahead; /**< frames, up to BSM_MAX_BLOCK */
    bsm_memory memory;
    size_t history; /**< frames */
    double warmup;  /**< seconds */

    bsm_progress_fn *progress; /**< may be NULL */
    void *user;                /**< for `progress` */
    bsm_listen_fn *listen;     /**< may be NULL */
    void *listener;            /**< for `listen` */
} bsm_separate_options;

enum {
    BSM_MAX_PATH = 4096,                 /**< bytes, including the final zero */
    BSM_MAX_OUTPUTS = BSM_MAX_STEMS + 2, /**< files per input: both parts, and every stem */
    BSM_MAX_WINDOW = 60,                 /**< seconds; an hour would need tens of GB of memory */
    BSM_MAX_BLOCK = 6000                 /**< limit of `commit` and of `lookahead`, in frames */
};

/** What was written, and what was unusual. */
typedef struct bsm_separate_result {
    size_t num_outputs;
    char (*outputs)[BSM_MAX_PATH]; /**< [num_outputs]; bsm_separate_result_free frees them */
    double seconds;                /**< seconds of audio */
    double compute_seconds;        /**< seconds that the separation took, by the wall clock */
    uint64_t nonfinite_samples;    /**< NaN and infinities in the input, which were read as 0 */
    uint64_t clipped_samples; /**< samples of all outputs that an integer format could not hold */
    double missing_seconds;   /**< seconds that the file announces but lacks: it was cut off */
    size_t parts; /**< number of files that were joined end to end to make the input, usually 1 */
    size_t mixed_channels; /**< number of channels that were mixed down to two, or 0 */
    char remark[240];      /**< anything else that the user should know about the file, or "" */
    bool output_failed;    /**< after an error: an output was the cause, not the input */
} bsm_separate_result;

/** Whether a file is probably one that bsm reads, by its name without folders: it is not hidden and
 *  has the extension of an audio or film format (".wav", ".FLAC", ".mp4", ...). Any thread. */
BSM_API bool bsm_is_audio_name(const char *name);

/** Set those options that a network of `model` needs to separate with `options`: max_frames,
 *  streaming and rolling of `network`. BSM_INVALID_ARGUMENT, BSM_BAD_MODEL (the memory that its
 *  metadata name is unknown). */
BSM_API BSM_NODISCARD bsm_status bsm_separate_network(const bsm_model *model,
                                                      const bsm_separate_options *options,
                                                      bsm_network_options *network,
                                                      bsm_error *error);

/** Separate the file `path` into files for the vocals and the instrumental, by default
 *  NAME.vocals.EXT and NAME.instrumental.EXT. They appear complete or not at all. The vocals are
 *  the stem "vocals", or the first stem if none has that name; the instrumental is the input minus
 *  the vocals.
 *  @param network  made with the options that bsm_separate_network gives
 *  BSM_INVALID_ARGUMENT, BSM_NOT_FOUND, BSM_BAD_AUDIO, BSM_EXISTS, BSM_NO_SPACE, BSM_NO_PERMISSION,
 *  BSM_IO, BSM_NO_MEMORY, BSM_UNSUPPORTED (blocks of a stereo file with a mono model),
 *  BSM_CANCELLED, and the errors of bsm_network_run. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_file(bsm_network *network, const char *path,
                                                   const bsm_separate_options *options,
                                                   bsm_separate_result *result, bsm_error *error);

/** List the names of the files that bsm_separate_file would write for `input`, which need not
 * exist: sets num_outputs and outputs of `result`. BSM_INVALID_ARGUMENT if one is too long;
 *  BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_outputs(const bsm_config *config, const char *input,
                                                      const bsm_separate_options *options,
                                                      bsm_separate_result *result,
                                                      bsm_error *error);

/** Make the name of one more file beside the outputs for `input`: "{stem}" is `stem`, and the
 *  extension `extension`. BSM_INVALID_ARGUMENT if it is too long. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_name(const char *input,
                                                   const bsm_separate_options *options,
                                                   const char *stem, const char *extension,
                                                   char path[BSM_MAX_PATH], bsm_error *error);

/** Free the names in a result and forget them. A result that is all zeros is allowed. */
BSM_API void bsm_separate_result_free(bsm_separate_result *result);

/** Separate samples in memory, at the model's rate, bsm_model_config(model)->sample_rate. These of
 *  the options are used: window, overlap, commit, lookahead, memory, history, warmup, progress and
 *  user. The others must be valid.
 *  @param network   made with the options that bsm_separate_network gives
 *  @param audio     [channels][samples]
 *  @param channels  the model's number of channels; or 2 for a mono model, which separates each
 *                   channel by itself
 *  @param stems     [bsm_model_config(model)->num_stems][channels][samples], or NULL for a stem
 *  that is not wanted. What belongs to no stem is the mixture minus the sum of all stems.
 *  BSM_INVALID_ARGUMENT, BSM_NO_MEMORY, BSM_UNSUPPORTED (blocks of two channels with a mono model),
 *  BSM_CANCELLED, BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_separate_array(bsm_network *network, const float *const *audio,
                                                    size_t channels, size_t samples,
                                                    const bsm_separate_options *options,
                                                    float *const *const *stems, bsm_error *error);

BSM_END_DECLS

#endif
