/* SPDX-License-Identifier: ISC */
/** The interface between bsm-live and an audio system. One file per audio system implements it. */
#ifndef BSM_LIVE_BACKEND_H
#define BSM_LIVE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

enum { BACKEND_MAX_PATTERNS = 8, BACKEND_MAX_NAME = 256 };

typedef struct backend_driver backend_driver;

/** What the user chose. With all zeros except the name, the defaults apply. */
typedef struct backend_options {
    /* JACK */
    const char *name;                           /**< name of the client */
    bool connect;                               /**< connect to the physical ports */
    const char *patterns[BACKEND_MAX_PATTERNS]; /**< patterns of the ports to connect to */
    size_t num_patterns;
    bool reconnect; /**< wait for the server instead of starting it */
    /* PortAudio */
    const char *input_device, *output_device; /**< name or index; NULL: the default of the system */
    size_t rate;                              /**< 0: default of the device */
    size_t block;                             /**< 0: chosen by the device */
} backend_options;

/** Buffers of the audio system, each for left and right. */
typedef struct backend_buffers {
    const float *in[2];
    float *vocals[2], *instrumental[2]; /**< NULL if the audio system has no output for them */
    float *out[2];                      /**< the remix */
} backend_buffers;

/** Calls from the audio system to the program. */
typedef struct backend_callbacks {
    void *user;

    /** Audio thread: process the next `frames` samples, any number of them. */
    BSM_REALTIME void (*process)(void *user, const backend_buffers *buffers, size_t frames);
    /** Audio thread or another one: samples were lost between the device and the program. */
    BSM_REALTIME void (*xrun)(void *user);

    /* Called by threads of the audio system that are not the audio thread. */
    size_t (*latency)(void *user); /**< latency in samples from `in` to all outputs */
    void (*freewheel)(void *user, bool on);
    void (*rate_changed)(void *user, size_t rate);
    void (*block_changed)(void *user, size_t block);
    void (*stopped)(void *user, const char *why); /**< no more audio will come */
    void (*notice)(void *user, const char *text); /**< show a line to the user */
} backend_callbacks;

/** An open audio system. The struct of each implementation starts with it. */
typedef struct audio_backend {
    const backend_driver *driver;
    size_t rate;                 /**< sample rate in Hz when it was opened */
    size_t block;                /**< samples per call of `process`; 0: it varies */
    char name[BACKEND_MAX_NAME]; /**< name of the client or device, for printing */
} audio_backend;

/** All functions must be called by the same thread, which is not the audio thread. */
struct backend_driver {
    const char *name; /**< "JACK" */

    /** Open the audio system. Before `activate`, no callback except `notice` is called. */
    bsm_status (*open)(const backend_options *options, const backend_callbacks *callbacks,
                       audio_backend **backend, bsm_error *error);
    /** Start the audio and all callbacks. */
    bsm_status (*activate)(audio_backend *backend, bsm_error *error);
    /** Report that `latency` now returns another number. */
    void (*latency_changed)(audio_backend *backend);
    /** Fail if the device has vanished, which it may do silently; `close` may then not return. To
     *  be called now and then. */
    bsm_status (*check)(audio_backend *backend, bsm_error *error);
    /** Close the audio system. No callback is called after this. */
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
