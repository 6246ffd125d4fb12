/* SPDX-License-Identifier: ISC */
/** A small LV2 host: it finds the plugins like every host, and can be told to misbehave. */
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
    HOST_THREADED,    /**< on a thread of its own, like hosts that play */
    HOST_SYNCHRONOUS, /**< inside schedule_work, like hosts that export */
    HOST_FAILING,     /**< work is never accepted */
} host_worker;

typedef struct host {
    LilvWorld *world;
    const LilvPlugin *remix, *stems;
} host;

typedef struct instance instance;

/** Load the bundle on LV2_PATH; an error fails the test. */
void host_open(host *h);
void host_close(host *h);

/** The URI map of all instances. */
LV2_URID host_map(const char *uri);
LV2_URID_Map *host_urid_map(void);
LV2_URID_Unmap *host_urid_unmap(void);

/** Return an activated instance with every port connected to a buffer of its own; NULL if the
 *  plugin refuses. */
instance *instance_open(const LilvPlugin *plugin, double rate, host_worker worker);
void instance_close(instance *i);

LilvInstance *instance_lilv(instance *i);
void instance_set_worker(instance *i, host_worker worker);

/** Return a pointer to a control port's value. */
float *instance_control(instance *i, bsm_port port);

/** Return an audio port's buffer, of HOST_MAX_BLOCK samples. */
float *instance_audio(instance *i, bsm_port port);

/** Connect an audio port to another buffer. */
void instance_connect(instance *i, bsm_port port, float *buffer);

/** Called before and after the plugin's run(), on its thread. */
extern void (*host_before_run)(void);
extern void (*host_after_run)(void);

/** Call run() once, then read what the plugin has sent. */
void instance_run(instance *i, size_t frames);

/** Wait until the worker thread has nothing to do. */
void instance_settle(instance *i);

/** Send with the next run(): patch:Set of the model, or patch:Get of all properties. */
void instance_set_model(instance *i, const char *path);
void instance_get_all(instance *i);

/** Send with the next run(): a request for scenes, as from a window. */
void instance_watch(instance *i);

/** Send with the next run(): a window's message of at most HOST_TEXT bytes, one at a time. */
void instance_send(instance *i, const LV2_Atom *atom);

/** Call `hear` for every message that the plugin sends. */
void instance_listen(instance *i, void (*hear)(void *user, const LV2_Atom *atom), void *user);

/** Return how many scenes the plugin has sent, or the last of them. */
size_t instance_scenes(const instance *i);
const bsm_scene *instance_scene(const instance *i);

/** Request the picture of the mixer strip, like a host's drawing thread. */
bsm_inline_picture *instance_render(instance *i, uint32_t width, uint32_t max_height);

/** Return how often the plugin has asked to be drawn: inside run(), or elsewhere, which is an
 *  error. */
size_t instance_draws(const instance *i);
size_t instance_strange_draws(const instance *i);

bool host_is_stems(const LilvPlugin *plugin);

/** Read what the plugin has written to the host's log so far, HOST_TEXT bytes; or return how often
 *  it did so inside run(), which is an error. */
void instance_read_log(instance *i, char *text);
size_t instance_strange_lines(const instance *i);

/** Return the last text that the plugin has sent; "": none. */
const char *instance_told_model(const instance *i);
const char *instance_told_status(const instance *i);
void instance_forget(instance *i);

#endif
