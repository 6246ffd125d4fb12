/* SPDX-License-Identifier: ISC */
/* The LV2 interface of both plugins: instances, ports, and run(), which only copies. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lv2/core/lv2.h>
#include <lv2/core/lv2_util.h>
#include <lv2/worker/worker.h>

#include "bsm/remix.h"
#include "inline_display.h"
#include "loading.h"
#include "log_lines.h"
#include "messages.h"
#include "news.h"
#include "ports.h"
#include "watch.h"
#ifdef BSM_HAVE_CAIRO
#include "display.h"
#endif

enum { MIN_SCRATCH = 64 };

typedef struct bsm_plugin {
    /* ---- Constant after instantiate ---- */
    bool stems;
    LV2_Log_Logger log;
    const LV2_Worker_Schedule *schedule;
    const bsm_inline_host *inline_host; /* NULL: the host has no inline display */

    bsm_log_listener log_lines;

    bsm_ports ports;
    bsm_loader loader;

    bsm_remix *remix;

    /* ---- Belongs to the audio thread ---- */
    size_t room;    /* samples in each scratch buffer */
    float *scratch; /* [2][room], for the instrumental in Remix */
    bsm_messages messages;
    bsm_watch watch;
    bsm_news news, newer; /* the latest news, and room to receive the next ones */
    unsigned edition;     /* the edition of `news` */
    bsm_settings asked;   /* the last settings that were sent to the worker */
    bsm_trouble trouble;  /* what the host has been told about */

#ifdef BSM_HAVE_CAIRO
    bsm_display display; /* belongs to the drawing thread */
#endif
} bsm_plugin;

/* ---- Work ---- */

typedef enum work_kind { WORK_APPLY, WORK_CHOOSE } work_kind;

typedef struct work_order {
    work_kind kind;
    bsm_settings settings;
    char path[BSM_PATH_SIZE]; /* only the used part is sent */
} work_order;

static bool send(const bsm_plugin *p, const work_order *order)
{
    size_t size = offsetof(work_order, path);
    size += order->kind == WORK_CHOOSE ? strlen(order->path) + 1 : 0;
    return p->schedule->schedule_work(p->schedule->handle, (uint32_t)size, order) ==
           LV2_WORKER_SUCCESS;
}

/* Orders that the host refuses are sent again in the next call. The settings are sent first, so
 * that a model that is chosen in the same call is not loaded with the old ones. */
static void ask_worker(bsm_plugin *p, bsm_settings wish)
{
    work_order order = {.kind = WORK_APPLY, .settings = wish};
    if (!bsm_settings_equal(wish, p->asked)) {
        p->asked = send(p, &order) ? wish : p->asked;
    }
    if (p->messages.chosen) {
        order.kind = WORK_CHOOSE;
        memcpy(order.path, p->messages.choice, sizeof order.path);
        p->messages.chosen = !send(p, &order);
        p->messages.tell_change = p->messages.tell_change || !p->messages.chosen;
    }
}

static LV2_Worker_Status work(LV2_Handle instance, LV2_Worker_Respond_Function respond,
                              LV2_Worker_Respond_Handle handle, uint32_t size, const void *data)
{
    (void)respond; /* results are returned as news, see loading.h */
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
    }
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
                          choice_of(*ports->precision, BSM_NUM_PRECISIONS, BSM_CHOICE_LIVE),
                          choice_of(*ports->memory, BSM_NUM_MEMORIES, BSM_KEEP_AS_MODEL)};
}

/* A NaN stays a NaN, which the remix treats as silence. */
static float gain_of(float port)
{
    return port > BSM_GAIN_MAX ? BSM_GAIN_MAX : port;
}

static void follow_controls(bsm_plugin *p)
{
    const bsm_ports *ports = &p->ports;
    const bsm_remix_settings mix = {
        .gain_db = {gain_of(*ports->vocals_gain), gain_of(*ports->instrumental_gain)},
        .mute = {*ports->mute[BSM_VOCALS] > 0, *ports->mute[BSM_INSTRUMENTAL] > 0},
        .solo = (bsm_solo)choice_of(*ports->solo, BSM_NUM_SOLOS, BSM_SOLO_NONE),
        .bypass = !(*ports->enabled > 0)};
    bsm_remix_set(p->remix, &mix);
    bsm_stream_set_freewheel(p->loader.stream, *ports->freewheel > 0);
}

static void watch(bsm_plugin *p, float *const vocals[2], float *const instrumental[2],
                  size_t frames)
{
    bsm_watch_feed(&p->watch, p->remix, (const float *const *)vocals,
                   (const float *const *)instrumental, frames);
}

/* Processes the same samples of all buffers at once, so that a host may use one buffer for several
 * ports. */
static bool process(bsm_plugin *p, size_t at, size_t frames)
{
    const bsm_ports *ports = &p->ports;
    const float *const in[2] = {ports->in[0] + at, ports->in[1] + at};
    float *const out[2] = {ports->out[0] + at, ports->out[1] + at};
    if (p->stems) {
        float *const rest[2] = {ports->instrumental[0] + at, ports->instrumental[1] + at};
        bsm_stream_process(p->loader.stream, in, out, rest, frames);
        watch(p, out, rest, frames);
        return bsm_remix_stems(p->remix, out, rest, frames);
    }
    float *const rest[2] = {p->scratch, p->scratch + p->room};
    bsm_stream_process(p->loader.stream, in, out, rest, frames);
    watch(p, out, rest, frames);
    return bsm_remix_mix(p->remix, (const float *const *)out, (const float *const *)rest, out,
                         frames);
}

/* Called after the audio is processed, because the host may want the latency of this very audio. */
static void report(bsm_plugin *p)
{
    bsm_stream_stats stats;
    bsm_stream_get_stats(p->loader.stream, &stats);
    *p->ports.latency = (float)stats.latency;
    *p->ports.load = (float)(100 * stats.load);
    *p->ports.misses = (float)stats.misses;
    char trouble[BSM_STATUS_SIZE];
    const char *status = p->news.status;
    p->messages.tell_status |= bsm_trouble_is_new(&p->trouble, &stats, p->loader.rate);
    if (p->messages.tell_status && bsm_trouble_status(p->loader.stream, status, trouble)) {
        status = trouble;
    }
    bsm_messages_write(&p->messages, p->ports.notify, p->news.model, status,
                       p->watch.complete ? &p->watch.scene : NULL);
    p->watch.complete = false;
}

static void take_news(bsm_plugin *p)
{
    if (bsm_news_take(&p->loader.board, &p->edition, &p->newer)) {
        p->news = p->newer;
        p->messages.tell_model = p->messages.tell_status = true;
    }
}

static void run(LV2_Handle instance, uint32_t frames)
{
    bsm_plugin *p = instance;
    const bsm_ports *ports = &p->ports;
    bsm_messages_read(&p->messages, ports->control);
    if (p->messages.watched) {
        p->messages.watched = false;
        bsm_watch_ask(&p->watch);
    }
    ask_worker(p, settings_of(ports));
    take_news(p);
    follow_controls(p);
    bool drawable = false;
    for (size_t at = 0; at < frames;) {
        size_t count = frames - at < p->room ? frames - at : p->room;
        drawable = process(p, at, count) || drawable;
        at += count;
    }
    if (drawable && p->inline_host) {
        p->inline_host->queue_draw(p->inline_host->handle);
    }
    report(p);
}

/* ---- Instances ---- */

/* The longest block that the host announces in its options; 0 if it does not say. */
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

/* Calls with more samples than this are processed in pieces. */
static size_t scratch_size(const bsm_uris *uris, const LV2_Options_Option *options)
{
    size_t block = option_block(uris, options);
    if (block == 0 || block > BSM_STREAM_MAX_BLOCK) {
        return BSM_STREAM_MAX_BLOCK;
    }
    return block < MIN_SCRATCH ? MIN_SCRATCH : block;
}

static void close_parts(bsm_plugin *p)
{
    bsm_loader_free(&p->loader);
    bsm_remix_free(p->remix);
    free(p->scratch);
}

static bsm_status open_parts(bsm_plugin *p, double rate, const char *bundle, bsm_error *error)
{
    static const bsm_remix_settings as_it_is;
    if (!(rate >= BSM_STREAM_MIN_RATE && rate <= BSM_STREAM_MAX_RATE) || rate != floor(rate)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "sample rate %g: expected %d to %d Hz", rate,
                        BSM_STREAM_MIN_RATE, BSM_STREAM_MAX_RATE);
    }
    bsm_status status = bsm_loader_init(&p->loader, (size_t)rate, p->room, bundle, &p->log, error);
    if (status) {
        return status;
    }
    bsm_watch_init(&p->watch, (size_t)rate);
    status = bsm_remix_new((size_t)rate, &as_it_is, &p->remix, error);
    p->scratch = calloc(2 * p->room, sizeof *p->scratch);
    if (!status && !p->scratch) {
        status = bsm_fail(error, BSM_NO_MEMORY, "no memory for an instance of the plugin");
    }
    if (status) {
        close_parts(p);
    }
    return status;
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
        p->asked = (bsm_settings){-1, -1, -1, -1};
        bsm_messages_init(&p->messages, map, &uris);
        bsm_log_lines_begin(&p->log_lines, &p->log);
        p->room = scratch_size(&uris, options);
        open_parts(p, rate, bundle, &error);
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
    const bsm_port which = bsm_port_at(p->stems, port);
    if (which < BSM_NUM_PORTS) {
        p->ports.any[which] = data;
    }
}

static void activate(LV2_Handle instance)
{
    bsm_plugin *p = instance;
    bsm_stream_restart(p->loader.stream);
    bsm_remix_restart(p->remix);
}

static void cleanup(LV2_Handle instance)
{
    bsm_plugin *p = instance;
    close_parts(p);
    bsm_log_lines_end(&p->log_lines); /* only after the stream's thread has ended */
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

/* If the host has set the ports before, the latency of the saved project is there from the first
 * call of run() on. */
static LV2_State_Status restore(LV2_Handle instance, LV2_State_Retrieve_Function retrieve,
                                LV2_State_Handle handle, uint32_t flags,
                                const LV2_Feature *const *features)
{
    (void)flags;
    bsm_plugin *p = instance;
    const bsm_ports *ports = &p->ports;
    const bool connected = ports->lookahead && ports->device && ports->precision && ports->memory;
    const bsm_settings settings = connected ? settings_of(ports) : (bsm_settings){0};
    return bsm_state_restore(&p->loader, connected ? &settings : NULL, &p->messages.uris, retrieve,
                             handle, features);
}

#ifdef BSM_HAVE_CAIRO
static bsm_inline_picture *render(LV2_Handle instance, uint32_t width, uint32_t max_height)
{
    bsm_plugin *p = instance;
    char status[BSM_STATUS_SIZE];
    bsm_loader_get_status(&p->loader, status);
    return bsm_display_render(&p->display, p->remix, status, width, max_height);
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
