/* SPDX-License-Identifier: ISC */
/** Embeds the plugins' window like a host, and operates its mouse and keyboard. */
#ifndef BSM_TESTS_UI_HOST_H
#define BSM_TESTS_UI_HOST_H

#include <cairo.h>

#include "fixture.h"
#include "window.h"

typedef struct ui_host ui_host;

/** Open the window of an instance (NULL: nothing answers it) inside one of ours, at a scale. */
ui_host *ui_open(const LilvPlugin *plugin, instance *i, double scale);
void ui_close(ui_host *ui);

/** Tell the window a port's value, or a message, as from the plugin. */
void ui_tell(ui_host *ui, bsm_port port, float value);
void ui_tell_text(ui_host *ui, const char *property, const char *text);
void ui_tell_scene(ui_host *ui, const bsm_scene *scene);

/** Let time pass: the plugin runs, and the window is idle, for so many rounds of 10 ms. */
void ui_rounds(ui_host *ui, size_t rounds);

/** Use mouse and keyboard of the X server; positions are in units of a face that is shown. Each
 *  call lasts for some rounds. */
void ui_point(ui_host *ui, bsm_box box);
void ui_point_by(ui_host *ui, double dx, double dy);
void ui_button(ui_host *ui, int button, bool down);
void ui_click(ui_host *ui, bsm_box box);
void ui_double_click(ui_host *ui, bsm_box box);
void ui_key(ui_host *ui, uint32_t sign);
void ui_shift(ui_host *ui, bool down);

void ui_resize(ui_host *ui, int width, int height);

/** Return what the server shows. */
cairo_surface_t *ui_picture(ui_host *ui);

#endif
