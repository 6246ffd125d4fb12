/* SPDX-License-Identifier: ISC */
/* The two plugins' LV2 interface: instances, ports, and run(), which only copies. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lv2/core/lv2.h>
#include <lv2/core/lv2_util.h>
#include <lv2/worker/worker.h>

#include "controls.h"
#include "handover.h"
#include "inline_display.h"
#include "levels.h"
#include "loading.h"
#include "log_lines.h"
#include "messages.h"
#include "ports.h"
#include "state.h"
#include "uris.h"
#ifdef BSM_HAVE_CAIRO
#include "display.h"
#endif

enum { MIN_SCRATCH = 64 };

typedef struct bsm_plugin {
    /* ---- Constant after instantiate ---- */
    bool stems;
    LV2_Log_Logger log;
    const LV2_Worker_Schedule *schedule;
    const bsm_inline_host *inline_host; /* NULL: none */

    bsm_log_listener log_lines;

    bsm_ports ports;
    bsm_loader loader;

    /* ---- The audio thread's own ---- */
    bsm_handover handover;
    bsm_controls controls;
    bsm_messages messages;
    bsm_settings asked; /* what the worker has been asked for last */
    bsm_status stopped; /* why the network has stopped, as the host was told ... */
    char stopped_status[BSM_STATUS_SIZE]; /* ... in words */

    bsm_levels levels; /* from the audio thread to the drawing thread */
#ifdef BSM_HAVE_CAIRO
    bsm_display display; /* the drawing thread's own */
#endif
} bsm_plugin;

/* ---- Work ---- */

typedef enum work_kind { WORK_APPLY, WORK_CHOOSE, WORK_COLLECT } work_kind;

typedef struct work_order {
    work_kind kind;
    bsm_settings settings;
    char path[BSM_PATH_SIZE]; /* sent only as far as it goes */
} work_order;

static bool send(const bsm_plugin *p, const work_order *order)
{
    size_t size = offsetof(work_order, path);
    size += order->kind == WORK_CHOOSE ? strlen(order->path) + 1 : 0;
    return p->schedule->schedule_work(p->schedule->handle, (uint32_t)size, order) ==
           LV2_WORKER_SUCCESS;
}

/* What the host refuses now is asked for again in the next call. */
static void ask_worker(bsm_plugin *p, bsm_settings wish)
{
    work_order order = {.kind = WORK_COLLECT};
    if (p->handover.to_collect) {
        p->handover.to_collect = !send(p, &order);
    }
    if (p->messages.chosen) {
        order.kind = WORK_CHOOSE;
        memcpy(order.path, p->messages.choice, sizeof order.path);
        p->messages.chosen = !send(p, &order);
        p->messages.tell_change = p->messages.tell_change || !p->messages.chosen;
    }
    if (!bsm_settings_equal(wish, p->asked)) {
        order.kind = WORK_APPLY;
        order.settings = wish;
        p->asked = send(p, &order) ? wish : p->asked;
    }
}

static LV2_Worker_Status work(LV2_Handle instance, LV2_Worker_Respond_Function respond,
                              LV2_Worker_Respond_Handle handle, uint32_t size, const void *data)
{
    (void)respond; /* deliveries go their own way, see loading.h */
    (void)handle;
    bsm_plugin *p = instance;
    work_order order = {0};
    if (size > sizeof order || size < offsetof(work_order, path)) {
        return LV2_WORKER_ERR_UNKNOWN;
    }
    memcpy(&order, data, size);
    switch (order.kind) {
    case WORK_APPLY: bsm_loader_apply(&p->loader, order.settings); break;
    case WORK_CHOOSE: bsm_loader_choose(&p->loader, order.path); break;
    case WORK_COLLECT: break;
    }
    bsm_loader_collect(&p->loader);
    return LV2_WORKER_SUCCESS;
}

static LV2_Worker_Status work_response(LV2_Handle instance, uint32_t size, const void *body)
{
    (void)instance;
    (void)size;
    (void)body;
    return LV2_WORKER_SUCCESS;
}

/* ---- run() ---- */

static int choice_of(float port, int number, int fallback)
{
    return port > -0.5f && port < (float)number - 0.5f ? (int)lrintf(port) : fallback;
}

static bsm_settings settings_of(const bsm_ports *ports)
{
    return (bsm_settings){choice_of(*ports->lookahead, BSM_NUM_LOOKAHEADS, BSM_LOOKAHEAD_NORMAL),
                          choice_of(*ports->device, BSM_NUM_CHOICES, BSM_CHOICE_AUTO),
                          choice_of(*ports->precision, BSM_NUM_PRECISIONS, BSM_CHOICE_FLOAT32)};
}

/* The same offset in all buffers at a time: so the host may use one for several ports. */
static void process(bsm_plugin *p, size_t at, size_t frames)
{
    const bsm_ports *ports = &p->ports;
    const float *const in[2] = {ports->in[0] + at, ports->in[1] + at};
    float *const out[2] = {ports->out[0] + at, ports->out[1] + at};
    bsm_parts parts = bsm_handover_process(&p->handover, in, frames);
    if (p->stems) {
        float *const rest[2] = {ports->instrumental[0] + at, ports->instrumental[1] + at};
        bsm_controls_stems(&p->controls, &parts, out, rest, frames);
    } else {
        bsm_controls_remix(&p->controls, &parts, out, frames);
    }
    if (bsm_levels_feed(&p->levels, &parts, &p->controls, frames) && p->inline_host) {
        p->inline_host->queue_draw(p->inline_host->handle);
    }
}

/* After the sound, since the host may want the latency of what it just heard. */
static void report(bsm_plugin *p)
{
    bsm_stream_stats stats = bsm_handover_stats(&p->handover);
    *p->ports.latency = (float)bsm_handover_latency(&p->handover);
    *p->ports.load = (float)(100 * stats.load);
    *p->ports.misses = (float)stats.misses;
    if (stats.status != p->stopped) {
        p->stopped =
            bsm_stopped_status(p->handover.stream, p->stopped_status) ? stats.status : BSM_OK;
        p->messages.tell_status = true;
    }
    bsm_messages_write(&p->messages, p->ports.notify, p->handover.newest->model,
                       p->stopped ? p->stopped_status : p->handover.newest->status);
}

static void run(LV2_Handle instance, uint32_t frames)
{
    bsm_plugin *p = instance;
    const bsm_ports *ports = &p->ports;
    bsm_messages_read(&p->messages, ports->control);
    ask_worker(p, settings_of(ports));
    if (bsm_handover_receive(&p->handover)) {
        p->messages.tell_model = p->messages.tell_status = true;
    }
    bsm_handover_set_freewheel(&p->handover, *ports->freewheel > 0);
    bsm_controls_set(&p->controls, *ports->vocals_gain, *ports->instrumental_gain,
                     *ports->enabled > 0);
    for (size_t at = 0; at < frames;) {
        size_t count = frames - at < p->handover.room ? frames - at : p->handover.room;
        process(p, at, count);
        at += count;
    }
    report(p);
}

/* ---- Life ---- */

/* Of the host's options; 0: not said. */
static size_t option_block(const bsm_uris *uris, const LV2_Options_Option *options)
{
    for (; options && options->key; options++) {
        if (options->key == uris->max_block && options->type == uris->atom_int &&
            options->size == sizeof(int32_t)) {
            int32_t value = *(const int32_t *)options->value;
            return value > 0 ? (size_t)value : 0;
        }
    }
    return 0;
}

/* Calls of any size are done in pieces of this one. */
static size_t scratch_size(const bsm_uris *uris, const LV2_Options_Option *options)
{
    size_t block = option_block(uris, options);
    if (block == 0 || block > BSM_STREAM_MAX_BLOCK) {
        return BSM_STREAM_MAX_BLOCK;
    }
    return block < MIN_SCRATCH ? MIN_SCRATCH : block;
}

static bsm_status open_parts(bsm_plugin *p, double rate, const char *bundle, size_t max_block,
                             bsm_error *error)
{
    if (!(rate >= BSM_STREAM_MIN_RATE && rate <= BSM_STREAM_MAX_RATE) || rate != floor(rate)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "sample rate %g: expected %d to %d Hz", rate,
                        BSM_STREAM_MIN_RATE, BSM_STREAM_MAX_RATE);
    }
    bsm_status status =
        bsm_loader_init(&p->loader, (size_t)rate, max_block, bundle, &p->log, error);
    if (status) {
        return status;
    }
    status = bsm_handover_init(&p->handover, &p->loader, error);
    if (status) {
        bsm_loader_free(&p->loader);
        return status;
    }
    bsm_controls_init(&p->controls, (size_t)rate);
    bsm_levels_init(&p->levels, (size_t)rate);
    return BSM_OK;
}

static LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate, const char *bundle,
                              const LV2_Feature *const *features)
{
    bsm_plugin *p = calloc(1, sizeof *p);
    LV2_URID_Map *map = NULL;
    LV2_Log_Log *log = NULL;
    const LV2_Options_Option *options = NULL;
    if (!p) {
        return NULL;
    }
    const char *missing =
        lv2_features_query(features, LV2_LOG__log, &log, false, LV2_URID__map, &map, true,
                           LV2_WORKER__schedule, &p->schedule, true, LV2_OPTIONS__options, &options,
                           false, BSM_INLINE_DISPLAY_QUEUE_DRAW, &p->inline_host, false, NULL);
    lv2_log_logger_init(&p->log, map, log);
    bsm_error error = {0};
    if (missing) {
        bsm_fail(&error, BSM_UNSUPPORTED, "the host has no %s", missing);
    } else {
        bsm_uris uris = bsm_map_uris(map, descriptor->URI);
        p->stems = !strcmp(descriptor->URI, BSM_STEMS_URI);
        p->asked = (bsm_settings){-1, -1, -1};
        bsm_messages_init(&p->messages, map, &uris);
        bsm_log_lines_begin(&p->log_lines, &p->log);
        open_parts(p, rate, bundle, scratch_size(&uris, options), &error);
    }
    if (error.status) {
        lv2_log_error(&p->log, "bsm: %s\n", error.message);
        bsm_log_lines_end(&p->log_lines);
        free(p);
        return NULL;
    }
    return p;
}

static void connect_port(LV2_Handle instance, uint32_t port, void *data)
{
    bsm_plugin *p = instance;
    if (!p->stems && port == BSM_REMIX_PORT_PRECISION) {
        p->ports.precision = data;
    } else if (port < BSM_STEMS_PORTS) {
        p->ports.any[port] = data;
    }
}

static void activate(LV2_Handle instance)
{
    bsm_plugin *p = instance;
    bsm_handover_restart(&p->handover);
    bsm_controls_restart(&p->controls);
}

static void cleanup(LV2_Handle instance)
{
    bsm_plugin *p = instance;
    bsm_handover_free(&p->handover);
    bsm_loader_free(&p->loader);
    bsm_log_lines_end(&p->log_lines); /* last: the streams' threads have ended */
#ifdef BSM_HAVE_CAIRO
    bsm_display_free(&p->display);
#endif
    free(p);
}

/* ---- Extensions ---- */

static LV2_State_Status save(LV2_Handle instance, LV2_State_Store_Function store,
                             LV2_State_Handle handle, uint32_t flags,
                             const LV2_Feature *const *features)
{
    (void)flags;
    bsm_plugin *p = instance;
    return bsm_state_save(&p->loader, &p->messages.uris, store, handle, features);
}

static LV2_State_Status restore(LV2_Handle instance, LV2_State_Retrieve_Function retrieve,
                                LV2_State_Handle handle, uint32_t flags,
                                const LV2_Feature *const *features)
{
    (void)flags;
    bsm_plugin *p = instance;
    return bsm_state_restore(&p->loader, &p->messages.uris, retrieve, handle, features);
}

#ifdef BSM_HAVE_CAIRO
static bsm_inline_picture *render(LV2_Handle instance, uint32_t width, uint32_t max_height)
{
    bsm_plugin *p = instance;
    char status[BSM_STATUS_SIZE];
    bsm_loader_get_status(&p->loader, status);
    return bsm_display_render(&p->display, &p->levels, status, width, max_height);
}
#endif

static const void *extension_data(const char *uri)
{
    static const LV2_Worker_Interface worker = {work, work_response, NULL};
    static const LV2_State_Interface state = {save, restore};
    if (!strcmp(uri, LV2_WORKER__interface)) {
        return &worker;
    }
    if (!strcmp(uri, LV2_STATE__interface)) {
        return &state;
    }
#ifdef BSM_HAVE_CAIRO
    static const bsm_inline_interface inline_display = {render};
    if (!strcmp(uri, BSM_INLINE_DISPLAY_INTERFACE)) {
        return &inline_display;
    }
#endif
    return NULL;
}

static const LV2_Descriptor descriptors[] = {
    {BSM_REMIX_URI, instantiate, connect_port, activate, run, NULL, cleanup, extension_data},
    {BSM_STEMS_URI, instantiate, connect_port, activate, run, NULL, cleanup, extension_data},
};

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index)
{
    return index < sizeof descriptors / sizeof *descriptors ? &descriptors[index] : NULL;
}
