/* SPDX-License-Identifier: ISC */
/* Runs bsm-live on PortAudio: ALSA and others, without a sound server. */
#include <fcntl.h>
#include <portaudio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "portaudio_devices.h"

#ifdef HAVE_PA_JACK
#include <pa_jack.h>
#endif
#ifdef HAVE_PA_LINUX_ALSA
#include <pa_linux_alsa.h>
#endif

/* ---- What libraries print is kept away from the terminal ---- */

static int hush_begin(void)
{
    fflush(stderr);
    const int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept >= 0 && null >= 0) {
        dup2(null, STDERR_FILENO);
    }
    if (null >= 0) {
        close(null);
    }
    return kept;
}

static void hush_end(int kept)
{
    if (kept >= 0) {
        dup2(kept, STDERR_FILENO);
        close(kept);
    }
}

enum {
    CHUNK = 1024,
    SILENT_SECONDS = 5, /* a device that has not called for so long has gone */
};

typedef struct portaudio_backend {
    audio_backend base;
    backend_callbacks callbacks;
    PaStream *stream;
    bool initialised;
    int in_channels, out_channels;
    _Atomic bool closing;
    _Atomic unsigned calls; /**< calls of the audio thread */
    /* The values at the last check(). */
    unsigned calls_seen;
    time_t seen_at;
    /* Used by the audio thread alone. */
    float silence[CHUNK];
    float remix[2][CHUNK]; /**< buffer for a device with one channel */
} portaudio_backend;

static bsm_status fail_pa(PaError code, const char *what, bsm_error *error)
{
    const PaHostErrorInfo *host = Pa_GetLastHostErrorInfo();
    const bool detail = code == paUnanticipatedHostError && host && host->errorText;
    return bsm_fail(error, code == paInsufficientMemory ? BSM_NO_MEMORY : BSM_IO,
                    "PortAudio: %s: %s%s%s", what, Pa_GetErrorText(code), detail ? ": " : "",
                    detail ? host->errorText : "");
}

static sigjmp_buf before_start;

static void on_abort(int number)
{
    (void)number;
    siglongjmp(before_start, 1);
}

/* PortAudio 19.6 ends the program if ALSA's configuration is missing. Return false if that
 * happened; PortAudio cannot be used any more then. */
static bool initialise_guarded(PaError *code)
{
    struct sigaction before;
    const struct sigaction action = {.sa_handler = on_abort};
    sigaction(SIGABRT, &action, &before);
    const bool alive = sigsetjmp(before_start, 1) == 0;
    if (alive) {
        *code = Pa_Initialize();
    }
    sigaction(SIGABRT, &before, NULL);
    return alive;
}

/* The libraries that look for devices print many lines about devices that do not exist. */
static bsm_status initialise(bsm_error *error)
{
    PaError code = paNoError;
    const int kept = hush_begin();
#ifdef HAVE_PA_JACK
    PaJack_SetClientName("bsm");
#endif
    const bool alive = initialise_guarded(&code);
    hush_end(kept);
    if (!alive) {
        return bsm_fail(error, BSM_IO,
                        "PortAudio: no start: ALSA has no configuration or knows no devices (on "
                        "Debian, libasound2-data has one)");
    }
    return code ? fail_pa(code, "no start", error) : BSM_OK;
}

bsm_status backend_portaudio_list(bsm_error *error)
{
    bsm_status status = initialise(error);
    if (status) {
        return status;
    }
    portaudio_devices_print();
    Pa_Terminate();
    return BSM_OK;
}

/* ---- The audio thread ---- */

static void mix_down(const portaudio_backend *p, float *out, size_t frames)
{
    for (size_t n = 0; n < frames; n++) {
        out[n] = 0.5F * (p->remix[0][n] + p->remix[1][n]);
    }
}

/* Process a chunk, at most as long as the buffers that replace missing channels. */
static void process_chunk(portaudio_backend *p, const float *const *in, float *const *out,
                          size_t done, size_t frames)
{
    const float *left = in ? in[0] + done : p->silence;
    const float *right = in && p->in_channels > 1 ? in[1] + done : left;
    const bool mono = p->out_channels == 1;
    const backend_buffers buffers = {
        .in = {left, right},
        .out = {mono ? p->remix[0] : out[0] + done, mono ? p->remix[1] : out[1] + done},
    };
    p->callbacks.process(p->callbacks.user, &buffers, frames);
    if (mono) {
        mix_down(p, out[0] + done, frames);
    }
}

static int on_process(const void *in, void *out, unsigned long frames,
                      const PaStreamCallbackTimeInfo *times, PaStreamCallbackFlags flags,
                      void *user)
{
    (void)times;
    portaudio_backend *p = user;
    const PaStreamCallbackFlags xruns =
        paInputUnderflow | paInputOverflow | paOutputUnderflow | paOutputOverflow;
    if (flags & xruns) {
        p->callbacks.xrun(p->callbacks.user);
    }
    for (size_t done = 0; done < frames;) {
        size_t left = frames - done;
        size_t chunk = left < CHUNK ? left : CHUNK;
        process_chunk(p, in, out, done, chunk);
        done += chunk;
    }
    atomic_fetch_add_explicit(&p->calls, 1, memory_order_relaxed);
    return paContinue;
}

/* ---- A device that goes away ---- */

static void on_finished(void *user)
{
    portaudio_backend *p = user;
    if (!atomic_load(&p->closing)) {
        char text[BACKEND_MAX_NAME + 64];
        snprintf(text, sizeof text, "PortAudio: the device has stopped: %s", p->base.name);
        p->callbacks.stopped(p->callbacks.user, text);
    }
}

static time_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static bsm_status check_portaudio(audio_backend *backend, bsm_error *error)
{
    portaudio_backend *p = (portaudio_backend *)backend;
    if (Pa_IsStreamActive(p->stream) != 1) {
        return bsm_fail(error, BSM_IO, "PortAudio: the device has stopped: %s", p->base.name);
    }
    unsigned calls = atomic_load_explicit(&p->calls, memory_order_relaxed);
    if (calls != p->calls_seen) {
        p->calls_seen = calls;
        p->seen_at = now();
    } else if (now() - p->seen_at > SILENT_SECONDS) {
        return bsm_fail(error, BSM_IO, "PortAudio: the device has not asked for sound for %d s: %s",
                        SILENT_SECONDS, p->base.name);
    }
    return BSM_OK;
}

/* ---- The driver ---- */

static void close_portaudio(audio_backend *backend)
{
    portaudio_backend *p = (portaudio_backend *)backend;
    atomic_store(&p->closing, true);
    if (p->stream) {
        Pa_CloseStream(p->stream);
    }
    if (p->initialised) {
        Pa_Terminate();
    }
    free(p);
}

static PaStreamParameters parameters(PaDeviceIndex device, int max_channels, double latency)
{
    return (PaStreamParameters){
        .device = device,
        .channelCount = max_channels < 2 ? 1 : 2,
        .sampleFormat = paFloat32 | paNonInterleaved,
        .suggestedLatency = latency,
    };
}

static void name_devices(portaudio_backend *p, PaDeviceIndex input, PaDeviceIndex output)
{
    char in[BACKEND_MAX_NAME / 2 - 8], out[BACKEND_MAX_NAME / 2 - 8];
    portaudio_device_label(input, in, sizeof in);
    portaudio_device_label(output, out, sizeof out);
    if (input == output) {
        snprintf(p->base.name, sizeof p->base.name, "%s", in);
    } else {
        snprintf(p->base.name, sizeof p->base.name, "%s -> %s", in, out);
    }
}

/* Give the audio thread a higher priority than the worker of the stream, if the system allows it.
 */
static void raise_priority(const portaudio_backend *p, const PaDeviceInfo *device)
{
#ifdef HAVE_PA_LINUX_ALSA
    if (Pa_GetHostApiInfo(device->hostApi)->type == paALSA) {
        PaAlsa_EnableRealtimeScheduling(p->stream, 1);
    }
#else
    (void)p;
    (void)device;
#endif
}

static bsm_status open_stream(portaudio_backend *p, const backend_options *options,
                              PaDeviceIndex input, PaDeviceIndex output, bsm_error *error)
{
    const PaDeviceInfo *in = Pa_GetDeviceInfo(input);
    const PaDeviceInfo *out = Pa_GetDeviceInfo(output);
    const PaStreamParameters from =
        parameters(input, in->maxInputChannels, in->defaultLowInputLatency);
    const PaStreamParameters to =
        parameters(output, out->maxOutputChannels, out->defaultLowOutputLatency);
    const double rate = options->rate ? (double)options->rate : in->defaultSampleRate;
    p->in_channels = from.channelCount;
    p->out_channels = to.channelCount;
    name_devices(p, input, output);
    const int kept = hush_begin(); /* the reason is in `code` */
    PaError code =
        Pa_OpenStream(&p->stream, &from, &to, rate, options->block, paNoFlag, on_process, p);
    hush_end(kept);
    if (code) {
        return fail_pa(code, p->base.name, error);
    }
    raise_priority(p, in);
    p->base.rate = (size_t)(Pa_GetStreamInfo(p->stream)->sampleRate + 0.5);
    p->base.block = options->block;
    code = Pa_SetStreamFinishedCallback(p->stream, on_finished);
    return code ? fail_pa(code, p->base.name, error) : BSM_OK;
}

static bsm_status start(portaudio_backend *p, const backend_options *options, bsm_error *error)
{
    PaDeviceIndex input = paNoDevice, output = paNoDevice;
    bsm_status status = initialise(error);
    p->initialised = status == BSM_OK;
    if (!status) {
        status = portaudio_device_find(options->input_device, true, &input, error);
    }
    if (!status) {
        status = portaudio_device_find(options->output_device, false, &output, error);
    }
    return status ? status : open_stream(p, options, input, output, error);
}

static bsm_status open_portaudio(const backend_options *options, const backend_callbacks *callbacks,
                                 audio_backend **backend, bsm_error *error)
{
    portaudio_backend *p = calloc(1, sizeof *p);
    if (!p) {
        return bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    p->base.driver = &backend_portaudio;
    p->callbacks = *callbacks;
    bsm_status status = start(p, options, error);
    if (status) {
        close_portaudio(&p->base);
        return status;
    }
    *backend = &p->base;
    return BSM_OK;
}

static bsm_status activate_portaudio(audio_backend *backend, bsm_error *error)
{
    portaudio_backend *p = (portaudio_backend *)backend;
    p->seen_at = now();
    const int kept = hush_begin();
    PaError code = Pa_StartStream(p->stream);
    hush_end(kept);
    return code ? fail_pa(code, p->base.name, error) : BSM_OK;
}

static void latency_changed_portaudio(audio_backend *backend)
{
    (void)backend; /* PortAudio takes no latency */
}

const backend_driver backend_portaudio = {
    .name = "PortAudio",
    .open = open_portaudio,
    .activate = activate_portaudio,
    .latency_changed = latency_changed_portaudio,
    .check = check_portaudio,
    .close = close_portaudio,
};
