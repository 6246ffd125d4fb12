/* SPDX-License-Identifier: ISC */
#include "host.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lv2/atom/util.h>
#include <lv2/log/log.h>
#include <lv2/worker/worker.h>

enum { MAX_URIS = 512, ORDERS = 16, ORDER_SIZE = 8192, ATOM_SIZE = 16384 };

/* ---- URIDs ---- */

static pthread_mutex_t uri_lock = PTHREAD_MUTEX_INITIALIZER;
static char *uris[MAX_URIS];

LV2_URID host_map(const char *uri)
{
    LV2_URID urid = 0;
    pthread_mutex_lock(&uri_lock);
    while (uris[urid] && strcmp(uris[urid], uri) != 0) {
        urid++;
    }
    assert_true(urid < MAX_URIS - 1);
    if (!uris[urid]) {
        uris[urid] = strdup(uri);
    }
    pthread_mutex_unlock(&uri_lock);
    return urid + 1;
}

static LV2_URID map(LV2_URID_Map_Handle unused, const char *uri)
{
    (void)unused;
    return host_map(uri);
}

static const char *unmap(LV2_URID_Unmap_Handle unused, LV2_URID urid)
{
    (void)unused;
    return urid > 0 && urid < MAX_URIS ? uris[urid - 1] : NULL;
}

LV2_URID_Map *host_urid_map(void)
{
    static LV2_URID_Map feature = {NULL, map};
    return &feature;
}

LV2_URID_Unmap *host_urid_unmap(void)
{
    static LV2_URID_Unmap feature = {NULL, unmap};
    return &feature;
}

/* ---- The world ---- */

static const LilvPlugin *find(const host *h, const char *uri)
{
    LilvNode *node = lilv_new_uri(h->world, uri);
    const LilvPlugin *plugin = lilv_plugins_get_by_uri(lilv_world_get_all_plugins(h->world), node);
    lilv_node_free(node);
    assert_non_null(plugin);
    return plugin;
}

void host_open(host *h)
{
    h->world = lilv_world_new();
    lilv_world_load_all(h->world);
    h->remix = find(h, BSM_REMIX_URI);
    h->stems = find(h, BSM_STEMS_URI);
}

static void free_uris(void)
{
    for (size_t i = 0; i < MAX_URIS; i++) {
        free(uris[i]);
        uris[i] = NULL;
    }
}

void host_close(host *h)
{
    lilv_world_free(h->world);
    free_uris();
}

/* ---- Instances ---- */

typedef struct order {
    uint32_t size;
    char data[ORDER_SIZE];
} order;

typedef union atom_buffer {
    LV2_Atom_Sequence sequence;
    _Alignas(8) uint8_t bytes[ATOM_SIZE];
} atom_buffer;

struct instance {
    LilvInstance *lilv;
    LV2_Handle handle;
    const LV2_Worker_Interface *work;
    LV2_Worker_Schedule schedule;
    bsm_inline_host inline_host;
    _Atomic size_t draws, strange_draws;
    LV2_Log_Log log;
    pthread_mutex_t log_lock;
    char logged[HOST_TEXT]; /* the newest lines; guarded by log_lock */
    _Atomic size_t strange_lines;
    _Atomic host_worker worker;

    pthread_t thread;
    sem_t wake;
    order orders[ORDERS];
    _Atomic size_t given, done; /* numbers of orders; the thread owns `done` */
    _Atomic bool quit;

    float controls[BSM_NUM_PORTS];
    float audio[BSM_NUM_PORTS][HOST_MAX_BLOCK];
    atom_buffer control, notify;
    char set_model[HOST_TEXT];
    bool send_set, send_get, send_watch;
    _Alignas(8) uint8_t sent[HOST_TEXT + 64]; /* a message; its size is 0 if there is none */
    void (*hear)(void *user, const LV2_Atom *atom);
    void *listener;
    size_t scenes;
    bsm_scene scene; /* the last one */
    char told_model[HOST_TEXT], told_status[HOST_TEXT];
};

void (*host_before_run)(void);
void (*host_after_run)(void);

static LV2_Worker_Status respond(LV2_Worker_Respond_Handle handle, uint32_t size, const void *data)
{
    (void)handle;
    (void)size;
    (void)data;
    return LV2_WORKER_ERR_NO_SPACE; /* a plugin that needs answers would fail */
}

static LV2_Worker_Status schedule(LV2_Worker_Schedule_Handle handle, uint32_t size,
                                  const void *data)
{
    instance *i = handle;
    size_t given = atomic_load(&i->given);
    if (i->worker == HOST_FAILING || size > ORDER_SIZE || given - atomic_load(&i->done) >= ORDERS) {
        return LV2_WORKER_ERR_NO_SPACE;
    }
    if (i->worker == HOST_SYNCHRONOUS) {
        return i->work->work(i->handle, respond, NULL, size, data);
    }
    i->orders[given % ORDERS].size = size;
    memcpy(i->orders[given % ORDERS].data, data, size);
    atomic_store(&i->given, given + 1);
    sem_post(&i->wake);
    return LV2_WORKER_SUCCESS;
}

static void *worker_thread(void *argument)
{
    instance *i = argument;
    for (;;) {
        sem_wait(&i->wake);
        if (atomic_load(&i->quit)) {
            return NULL;
        }
        order *next = &i->orders[atomic_load(&i->done) % ORDERS];
        i->work->work(i->handle, respond, NULL, next->size, next->data);
        atomic_fetch_add(&i->done, 1);
    }
}

/* ---- The picture in the mixer strip ---- */

static _Thread_local bool in_run;

static void queue_draw(void *handle)
{
    instance *i = handle;
    atomic_fetch_add(in_run ? &i->draws : &i->strange_draws, 1);
}

bsm_inline_picture *instance_render(instance *i, uint32_t width, uint32_t max_height)
{
    const bsm_inline_interface *display =
        lilv_instance_get_extension_data(i->lilv, BSM_INLINE_DISPLAY_INTERFACE);
    assert_non_null(display);
    return display->render(i->handle, width, max_height);
}

size_t instance_draws(const instance *i)
{
    return atomic_load(&i->draws);
}

size_t instance_strange_draws(const instance *i)
{
    return atomic_load(&i->strange_draws);
}

/* ---- Log ---- */

static int log_vprintf(LV2_Log_Handle handle, LV2_URID type, const char *format, va_list arguments)
{
    instance *i = handle;
    (void)type;
    atomic_fetch_add(&i->strange_lines, in_run ? 1 : 0);
    pthread_mutex_lock(&i->log_lock);
    size_t used = strlen(i->logged);
    int length = vsnprintf(i->logged + used, sizeof i->logged - used, format, arguments);
    pthread_mutex_unlock(&i->log_lock);
    return length;
}

static int log_printf(LV2_Log_Handle handle, LV2_URID type, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = log_vprintf(handle, type, format, arguments);
    va_end(arguments);
    return length;
}

void instance_read_log(instance *i, char *text)
{
    pthread_mutex_lock(&i->log_lock);
    memcpy(text, i->logged, sizeof i->logged);
    pthread_mutex_unlock(&i->log_lock);
}

size_t instance_strange_lines(const instance *i)
{
    return atomic_load(&i->strange_lines);
}

/* ---- Life ---- */

static bool is_audio(bsm_port port)
{
    return port == BSM_PORT_IN_LEFT || port == BSM_PORT_IN_RIGHT ||
           (port >= BSM_PORT_OUT_LEFT && port <= BSM_PORT_INSTRUMENTAL_RIGHT);
}

bool host_is_stems(const LilvPlugin *plugin)
{
    return lilv_plugin_get_num_ports(plugin) == BSM_NUM_PORTS;
}

static void connect_all(instance *i, const LilvPlugin *plugin)
{
    float initial[BSM_NUM_PORTS];
    uint32_t count = lilv_plugin_get_num_ports(plugin);
    assert_true(count <= BSM_NUM_PORTS);
    lilv_plugin_get_port_ranges_float(plugin, NULL, NULL, initial);
    for (uint32_t index = 0; index < count; index++) {
        const bsm_port port = bsm_port_at(host_is_stems(plugin), index);
        i->controls[port] = initial[index];
        void *place = port == BSM_PORT_CONTROL  ? (void *)&i->control
                      : port == BSM_PORT_NOTIFY ? (void *)&i->notify
                      : is_audio(port)          ? (void *)i->audio[port]
                                                : (void *)&i->controls[port];
        lilv_instance_connect_port(i->lilv, index, place);
    }
}

static LilvInstance *instantiate(instance *i, const LilvPlugin *plugin, double rate)
{
    int32_t longest = 8192;
    LV2_Options_Option options[2] = {
        {LV2_OPTIONS_INSTANCE, 0, host_map(LV2_BUF_SIZE__maxBlockLength), sizeof longest,
         host_map(LV2_ATOM__Int), &longest},
        {0},
    };
    i->schedule = (LV2_Worker_Schedule){i, schedule};
    LV2_Feature map_feature = {LV2_URID__map, host_urid_map()};
    LV2_Feature schedule_feature = {LV2_WORKER__schedule, &i->schedule};
    LV2_Feature options_feature = {LV2_OPTIONS__options, options};
    i->inline_host = (bsm_inline_host){i, queue_draw};
    LV2_Feature draw_feature = {BSM_INLINE_DISPLAY_QUEUE_DRAW, &i->inline_host};
    i->log = (LV2_Log_Log){i, log_printf, log_vprintf};
    LV2_Feature log_feature = {LV2_LOG__log, &i->log};
    const LV2_Feature *features[] = {&map_feature,  &schedule_feature, &options_feature,
                                     &draw_feature, &log_feature,      NULL};
    return lilv_plugin_instantiate(plugin, rate, features);
}

instance *instance_open(const LilvPlugin *plugin, double rate, host_worker worker)
{
    instance *i = calloc(1, sizeof *i);
    assert_non_null(i);
    i->worker = worker;
    pthread_mutex_init(&i->log_lock, NULL);
    i->lilv = instantiate(i, plugin, rate);
    if (!i->lilv) {
        free(i);
        return NULL;
    }
    i->handle = lilv_instance_get_handle(i->lilv);
    i->work = lilv_instance_get_extension_data(i->lilv, LV2_WORKER__interface);
    assert_non_null(i->work);
    sem_init(&i->wake, 0, 0);
    assert_int_equal(pthread_create(&i->thread, NULL, worker_thread, i), 0);
    connect_all(i, plugin);
    lilv_instance_activate(i->lilv);
    return i;
}

void instance_close(instance *i)
{
    instance_settle(i);
    atomic_store(&i->quit, true);
    sem_post(&i->wake);
    pthread_join(i->thread, NULL);
    lilv_instance_deactivate(i->lilv);
    lilv_instance_free(i->lilv);
    sem_destroy(&i->wake);
    free(i);
}

LilvInstance *instance_lilv(instance *i)
{
    return i->lilv;
}

void instance_set_worker(instance *i, host_worker worker)
{
    i->worker = worker;
}

float *instance_control(instance *i, bsm_port port)
{
    return &i->controls[port];
}

float *instance_audio(instance *i, bsm_port port)
{
    return i->audio[port];
}

void instance_connect(instance *i, bsm_port port, float *buffer)
{
    lilv_instance_connect_port(i->lilv, port, buffer);
}

void instance_settle(instance *i)
{
    while (atomic_load(&i->given) != atomic_load(&i->done)) {
        usleep(1000);
    }
}

/* ---- Messages ---- */

static void forge_set(LV2_Atom_Forge *forge, const char *path)
{
    LV2_Atom_Forge_Frame frame;
    lv2_atom_forge_frame_time(forge, 0);
    lv2_atom_forge_object(forge, &frame, 0, host_map(LV2_PATCH__Set));
    lv2_atom_forge_key(forge, host_map(LV2_PATCH__property));
    lv2_atom_forge_urid(forge, host_map(BSM_MODEL_URI));
    lv2_atom_forge_key(forge, host_map(LV2_PATCH__value));
    lv2_atom_forge_path(forge, path, (uint32_t)strlen(path));
    lv2_atom_forge_pop(forge, &frame);
}

/* Write a patch:Get of a property or, if that is NULL, of all properties. */
static void forge_get(LV2_Atom_Forge *forge, const char *property)
{
    LV2_Atom_Forge_Frame frame;
    lv2_atom_forge_frame_time(forge, 0);
    lv2_atom_forge_object(forge, &frame, 0, host_map(LV2_PATCH__Get));
    if (property) {
        lv2_atom_forge_key(forge, host_map(LV2_PATCH__property));
        lv2_atom_forge_urid(forge, host_map(property));
    }
    lv2_atom_forge_pop(forge, &frame);
}

static void write_control(instance *i)
{
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame frame;
    lv2_atom_forge_init(&forge, host_urid_map());
    lv2_atom_forge_set_buffer(&forge, i->control.bytes, sizeof i->control);
    lv2_atom_forge_sequence_head(&forge, &frame, 0);
    if (i->send_set) {
        forge_set(&forge, i->set_model);
    }
    if (i->send_get) {
        forge_get(&forge, NULL);
    }
    if (i->send_watch) {
        forge_get(&forge, BSM_SCENE_URI);
    }
    LV2_Atom *sent = (void *)i->sent;
    if (sent->size) {
        lv2_atom_forge_frame_time(&forge, 0);
        lv2_atom_forge_raw(&forge, sent, lv2_atom_total_size(sent));
        lv2_atom_forge_pad(&forge, sent->size);
        sent->size = 0;
    }
    lv2_atom_forge_pop(&forge, &frame);
    i->send_set = i->send_get = i->send_watch = false;
    i->notify.sequence.atom.size = sizeof i->notify - sizeof(LV2_Atom);
    i->notify.sequence.atom.type = host_map(LV2_ATOM__Chunk);
}

static void read_scene(instance *i, const LV2_Atom_Object *object)
{
    const LV2_Atom *value = NULL;
    lv2_atom_object_get(object, host_map(BSM_SCENE_URI), &value, 0);
    assert_non_null(value);
    assert_int_equal(value->type, host_map(LV2_ATOM__Chunk));
    assert_int_equal(value->size, sizeof i->scene);
    memcpy(&i->scene, LV2_ATOM_BODY_CONST(value), sizeof i->scene);
    i->scenes++;
}

static void read_notify(instance *i)
{
    LV2_ATOM_SEQUENCE_FOREACH(&i->notify.sequence, event)
    {
        const LV2_Atom_Object *object = (const LV2_Atom_Object *)&event->body;
        const LV2_Atom *property = NULL, *value = NULL;
        if (i->hear) {
            i->hear(i->listener, &event->body);
        }
        if (object->body.otype == host_map(BSM_SCENE_URI)) {
            read_scene(i, object);
        }
        if (object->body.otype != host_map(LV2_PATCH__Set)) {
            continue;
        }
        lv2_atom_object_get(object, host_map(LV2_PATCH__property), &property,
                            host_map(LV2_PATCH__value), &value, 0);
        assert_non_null(property);
        assert_non_null(value);
        LV2_URID which = ((const LV2_Atom_URID *)property)->body;
        bool is_model = which == host_map(BSM_MODEL_URI);
        assert_true(is_model || which == host_map(BSM_STATUS_URI));
        assert_int_equal(value->type, host_map(is_model ? LV2_ATOM__Path : LV2_ATOM__String));
        snprintf(is_model ? i->told_model : i->told_status, HOST_TEXT, "%s",
                 (const char *)LV2_ATOM_BODY_CONST(value));
    }
}

void instance_set_model(instance *i, const char *path)
{
    snprintf(i->set_model, sizeof i->set_model, "%s", path);
    i->send_set = true;
}

void instance_get_all(instance *i)
{
    i->send_get = true;
}

void instance_watch(instance *i)
{
    i->send_watch = true;
}

void instance_send(instance *i, const LV2_Atom *atom)
{
    assert_true(lv2_atom_total_size(atom) <= sizeof i->sent);
    memcpy(i->sent, atom, lv2_atom_total_size(atom));
}

void instance_listen(instance *i, void (*hear)(void *user, const LV2_Atom *atom), void *user)
{
    i->hear = hear;
    i->listener = user;
}

size_t instance_scenes(const instance *i)
{
    return i->scenes;
}

const bsm_scene *instance_scene(const instance *i)
{
    return &i->scene;
}

const char *instance_told_model(const instance *i)
{
    return i->told_model;
}

const char *instance_told_status(const instance *i)
{
    return i->told_status;
}

void instance_forget(instance *i)
{
    *i->told_model = *i->told_status = 0;
}

void instance_run(instance *i, size_t frames)
{
    write_control(i);
    if (host_before_run) {
        host_before_run();
    }
    in_run = true;
    lilv_instance_run(i->lilv, (uint32_t)frames);
    in_run = false;
    if (host_after_run) {
        host_after_run();
    }
    read_notify(i);
}
