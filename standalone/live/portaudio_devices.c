/* SPDX-License-Identifier: ISC */
/* Lists the devices that PortAudio knows. */
#include "portaudio_devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABEL = 256 };

static int channels(PaDeviceIndex device, bool input)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
    return input ? info->maxInputChannels : info->maxOutputChannels;
}

static const char *direction(bool input)
{
    return input ? "input" : "output";
}

void portaudio_device_label(PaDeviceIndex device, char *label, size_t size)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
    snprintf(label, size, "%s: %s", Pa_GetHostApiInfo(info->hostApi)->name, info->name);
}

/* ---- Finding ---- */

static bool is_index(const char *text, PaDeviceIndex *index)
{
    char *end;
    long number = strtol(text, &end, 10);
    *index = (PaDeviceIndex)number;
    return *text >= '0' && *text <= '9' && *end == '\0' && number < Pa_GetDeviceCount();
}

static bool is_called(PaDeviceIndex device, const char *text)
{
    char label[MAX_LABEL];
    portaudio_device_label(device, label, sizeof label);
    return !strcmp(text, Pa_GetDeviceInfo(device)->name) || !strcmp(text, label);
}

static bool contains(PaDeviceIndex device, const char *text)
{
    char label[MAX_LABEL];
    portaudio_device_label(device, label, sizeof label);
    return strcasestr(label, text) != NULL;
}

typedef bool device_test(PaDeviceIndex device, const char *text);

/* Count the devices of the right direction that match; `device` is set to the first one. */
static size_t count_matches(device_test *test, const char *text, bool input, PaDeviceIndex *device)
{
    size_t count = 0;
    for (PaDeviceIndex d = 0; d < Pa_GetDeviceCount(); d++) {
        if (channels(d, input) > 0 && test(d, text) && count++ == 0) {
            *device = d;
        }
    }
    return count;
}

static bsm_status find_named(const char *text, bool input, PaDeviceIndex *device, bsm_error *error)
{
    if (is_index(text, device)) {
        return BSM_OK;
    }
    size_t count = count_matches(is_called, text, input, device);
    if (count == 0) {
        count = count_matches(contains, text, input, device);
    }
    if (count > 1) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "PortAudio: '%s' means %zu %s devices; --list-audio-devices shows their "
                        "full names",
                        text, count, direction(input));
    }
    return count == 1 ? BSM_OK
                      : bsm_fail(error, BSM_NOT_FOUND,
                                 "PortAudio: no %s device '%s'; --list-audio-devices shows all",
                                 direction(input), text);
}

bsm_status portaudio_device_find(const char *text, bool input, PaDeviceIndex *device,
                                 bsm_error *error)
{
    if (text) {
        bsm_status status = find_named(text, input, device, error);
        if (status) {
            return status;
        }
    } else {
        *device = input ? Pa_GetDefaultInputDevice() : Pa_GetDefaultOutputDevice();
        if (*device == paNoDevice) {
            return bsm_fail(error, BSM_NOT_FOUND, "PortAudio: there is no %s device",
                            direction(input));
        }
    }
    if (channels(*device, input) < 1) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "PortAudio: device %d has no %s", *device,
                        direction(input));
    }
    return BSM_OK;
}

/* ---- Listing ---- */

static void print_device(PaDeviceIndex device)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
    char label[MAX_LABEL];
    portaudio_device_label(device, label, sizeof label);
    printf("%3d  %s  (%d in, %d out, %.0f Hz)%s%s\n", device, label, info->maxInputChannels,
           info->maxOutputChannels, info->defaultSampleRate,
           device == Pa_GetDefaultInputDevice() ? "  default input" : "",
           device == Pa_GetDefaultOutputDevice() ? "  default output" : "");
}

void portaudio_devices_print(void)
{
    if (Pa_GetDeviceCount() <= 0) {
        puts("PortAudio has found no devices.");
    }
    for (PaDeviceIndex d = 0; d < Pa_GetDeviceCount(); d++) {
        print_device(d);
    }
}
