/* SPDX-License-Identifier: ISC */
/** What bsm-live asks of an audio system, and what the audio system asks of bsm-live. One file per
 *  audio system implements it. */
#ifndef BSM_LIVE_BACKEND_H
#define BSM_LIVE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

enum { BACKEND_MAX_PATTERNS = 8, BACKEND_MAX_NAME = 256 };

typedef struct backend_driver backend_driver;

/** All zero but the name is a good choice. */
typedef struct backend_options {
    /* JACK */
    const char *name;                           /**< of the client */
    bool connect;                               /**< to the physical ports */
    const char *patterns[BACKEND_MAX_PATTERNS]; /**< connect to the ports that match */
    size_t num_patterns;
    bool reconnect; /**< the program waits for the server, which is not to be started */
    /* PortAudio */
    const char *input_device, *output_device; /**< name or index; NULL: the system's default */
    size_t rate;                              /**< 0: the device's default */
    size_t block;                             /**< 0: as the device likes */
} backend_options;

/** Left and right each. */
typedef struct backend_buffers {
    const float *in[2];
    float *vocals[2], *instrumental[2]; /**< NULL where the audio system has no place for them */
    float *out[2];                      /**< the remix */
} backend_buffers;

/** From the audio system to the program. */
typedef struct backend_callbacks {
    void *user;

    /** Audio thread: the next `frames` samples, any number of them. */
    BSM_REALTIME void (*process)(void *user, const backend_buffers *buffers, size_t frames);
    /** Audio thread, or another: samples were lost between the device and us. */
    BSM_REALTIME void (*xrun)(void *user);

    /* Called by threads of the audio system that are not the audio thread. */
    size_t (*latency)(void *user); /**< samples from `in` to all outputs */
    void (*freewheel)(void *user, bool on);
    void (*rate_changed)(void *user, size_t rate);
    void (*block_changed)(void *user, size_t block);
    void (*stopped)(void *user, const char *why); /**< there will be no more audio */
    void (*notice)(void *user, const char *text); /**< a line for the user */
} backend_callbacks;

/** An open audio system; each driver's own struct starts with it. */
typedef struct audio_backend {
    const backend_driver *driver;
    size_t rate;                 /**< Hz, when it was opened */
    size_t block;                /**< samples per call of `process`, 0: varies */
    char name[BACKEND_MAX_NAME]; /**< what the audio system calls us or the device, to print */
} audio_backend;

/** All functions are for one and the same thread, which is not the audio thread. */
struct backend_driver {
    const char *name; /**< "JACK" */

    /** No callback but `notice` is called before `activate`. */
    bsm_status (*open)(const backend_options *options, const backend_callbacks *callbacks,
                       audio_backend **backend, bsm_error *error);
    bsm_status (*activate)(audio_backend *backend, bsm_error *error);
    /** What `latency` returns is another number now. */
    void (*latency_changed)(audio_backend *backend);
    /** To be called now and then: fails if the device has gone away, maybe without a word. Then
     *  `close` may not return. */
    bsm_status (*check)(audio_backend *backend, bsm_error *error);
    /** No callback is called after it. */
    void (*close)(audio_backend *backend);
};

#ifdef HAVE_JACK
extern const backend_driver backend_jack;
#endif
#ifdef HAVE_PORTAUDIO
extern const backend_driver backend_portaudio;

/** Print the devices that PortAudio knows. */
BSM_NODISCARD bsm_status backend_portaudio_list(bsm_error *error);
#endif

#endif
