/* SPDX-License-Identifier: ISC */
/** Finds and lists the devices that PortAudio knows. To be used between Pa_Initialize and
 *  Pa_Terminate. */
#ifndef BSM_LIVE_PORTAUDIO_DEVICES_H
#define BSM_LIVE_PORTAUDIO_DEVICES_H

#include <portaudio.h>
#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

/** Format the label of a device, such as "ALSA: HDA Intel PCH". */
void portaudio_device_label(PaDeviceIndex device, char *label, size_t size);

/** Find the device for `text`: its index, its name, its label, or a part of the label that no other
 *  device has, whatever the case of its letters. NULL stands for the default device. The device can
 *  record if `input` is true, otherwise it can play. BSM_NOT_FOUND, BSM_INVALID_ARGUMENT. */
BSM_NODISCARD bsm_status portaudio_device_find(const char *text, bool input, PaDeviceIndex *device,
                                               bsm_error *error);

void portaudio_devices_print(void);

#endif
