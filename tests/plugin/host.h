/* SPDX-License-Identifier: ISC */
/** A small LV2 host: it finds the plugins as every host does, and misbehaves where it is told to.
 */
#ifndef BSM_TESTS_PLUGIN_HOST_H
#define BSM_TESTS_PLUGIN_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lilv/lilv.h>

#include "inline_display.h"
#include "messages.h"
#include "ports.h"
#include "watch.h"

enum { HOST_MAX_BLOCK = 16384, HOST_TEXT = 4096 };

typedef enum host_worker {
    HOST_THREADED,    /**< a thread of its own, as hosts do while they play */
    HOST_SYNCHRONOUS, /**< inside schedule_work, as hosts do while they export */
    HOST_FAILING,     /**< never accepts work */
} host_worker;

typedef struct host {
    LilvWorld *world;
    const LilvPlugin *remix, *stems;
} host;

typedef struct instance instance;

/** The bundle on LV2_PATH; a failure fails the test. */
void host_open(host *h);
void host_close(host *h);

/** The URI map of all instances. */
LV2_URID host_map(const char *uri);
LV2_URID_Map *host_urid_map(void);
LV2_URID_Unmap *host_urid_unmap(void);

/** An activated instance with every port connected to a buffer of its own; NULL if it was refused.
 */
instance *instance_open(const LilvPlugin *plugin, double rate, host_worker worker);
void instance_close(instance *i);

LilvInstance *instance_lilv(instance *i);
void instance_set_worker(instance *i, host_worker worker);

/** A control port's value. */
float *instance_control(instance *i, bsm_port port);

/** An audio port's buffer, of HOST_MAX_BLOCK samples. */
float *instance_audio(instance *i, bsm_port port);

/** Connect an audio port to another buffer. */
void instance_connect(instance *i, bsm_port port, float *buffer);

/** Called around the plugin's run(), by this thread. */
extern void (*host_before_run)(void);
extern void (*host_after_run)(void);

/** One call of run(); then read what the plugin tells. */
void instance_run(instance *i, size_t frames);

/** Wait until the worker thread has nothing to do. */
void instance_settle(instance *i);

/** With the next run(): patch:Set of the model, patch:Get of all. */
void instance_set_model(instance *i, const char *path);
void instance_get_all(instance *i);

/** With the next run(): ask for scenes, as a window does. */
void instance_watch(instance *i);

/** With the next run(): a message of a window's, of at most HOST_TEXT bytes, one at a time. */
void instance_send(instance *i, const LV2_Atom *atom);

/** Called with every message that the plugin tells. */
void instance_listen(instance *i, void (*hear)(void *user, const LV2_Atom *atom), void *user);

/** How many scenes the plugin has told, and the last of them. */
size_t instance_scenes(const instance *i);
const bsm_scene *instance_scene(const instance *i);

/** Ask for the picture of the mixer strip, as a host's drawing thread does. */
bsm_inline_picture *instance_render(instance *i, uint32_t width, uint32_t max_height);

/** How often the plugin wished to be drawn: inside run() and, which no plugin should, elsewhere. */
size_t instance_draws(const instance *i);
size_t instance_strange_draws(const instance *i);

bool host_is_stems(const LilvPlugin *plugin);

/** What the plugin has written into the host's log so far, HOST_TEXT bytes, and how often it did so
 *  inside run(), which no plugin should. */
void instance_read_log(instance *i, char *text);
size_t instance_strange_lines(const instance *i);

/** The last values that the plugin told; "": none. */
const char *instance_told_model(const instance *i);
const char *instance_told_status(const instance *i);
void instance_forget(instance *i);

#endif
