/* SPDX-License-Identifier: ISC */
/** The devices that PortAudio knows: which one is meant, and a list of all. Between Pa_Initialize
 *  and Pa_Terminate. */
#ifndef BSM_LIVE_PORTAUDIO_DEVICES_H
#define BSM_LIVE_PORTAUDIO_DEVICES_H

#include <portaudio.h>
#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

/** "ALSA: HDA Intel PCH" */
void portaudio_device_label(PaDeviceIndex device, char *label, size_t size);

/** The device that `text` means: its index, its name, its label, or a part of the label that no
 *  other has, whatever the case; NULL: the default one. It can record if `input`, else play.
 *  BSM_NOT_FOUND, BSM_INVALID_ARGUMENT. */
BSM_NODISCARD bsm_status portaudio_device_find(const char *text, bool input, PaDeviceIndex *device,
                                               bsm_error *error);

void portaudio_devices_print(void);

#endif
