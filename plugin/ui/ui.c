/* SPDX-License-Identifier: ISC */
/* The LV2 interface of the window of both plugins. Values of ports and messages go to the window's
 * state, and changes by the user go to the ports. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lv2/atom/util.h>
#include <lv2/core/lv2_util.h>
#include <lv2/parameters/parameters.h>
#include <lv2/ui/ui.h>

#include "messages.h"
#include "window.h"

static const double ASK_SECONDS = 1;

typedef struct bsm_ui {
    bsm_uris uris;
    LV2_URID scale_factor, event_transfer, sample_rate, atom_float;
    LV2_Atom_Forge forge;
    LV2UI_Write_Function write;
    LV2UI_Controller controller;
    const LV2UI_Touch *touch;

    bsm_face face;
    bsm_hands hands;
    bsm_ui_window *window;
    double asked; /* when the plugin was last asked for scenes, in seconds; 0: never */
} bsm_ui;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- To the plugin ---- */

static void set_control(void *user, bsm_port port, float value)
{
    bsm_ui *ui = user;
    ui->write(ui->controller, bsm_port_index(ui->face.stems, port), sizeof value, 0, &value);
}

static void touch(void *user, bsm_port port, bool begins)
{
    bsm_ui *ui = user;
    if (ui->touch) {
        ui->touch->touch(ui->touch->handle, bsm_port_index(ui->face.stems, port), begins);
    }
}

typedef struct message {
    _Alignas(8) uint8_t bytes[BSM_PATH_SIZE + 256];
} message;

static void begin(bsm_ui *ui, message *m, LV2_Atom_Forge_Frame *frame, LV2_URID type)
{
    lv2_atom_forge_set_buffer(&ui->forge, m->bytes, sizeof m->bytes);
    lv2_atom_forge_object(&ui->forge, frame, 0, type);
    lv2_atom_forge_key(&ui->forge, ui->uris.patch_subject);
    lv2_atom_forge_urid(&ui->forge, ui->uris.plugin);
}

static void send(bsm_ui *ui, message *m, LV2_Atom_Forge_Frame *frame)
{
    lv2_atom_forge_pop(&ui->forge, frame);
    const LV2_Atom *atom = (const void *)m->bytes;
    ui->write(ui->controller, BSM_PORT_CONTROL, lv2_atom_total_size(atom), ui->event_transfer,
              atom);
}

static void choose_model(void *user, const char *path)
{
    bsm_ui *ui = user;
    message m;
    LV2_Atom_Forge_Frame frame;
    begin(ui, &m, &frame, ui->uris.patch_set);
    lv2_atom_forge_key(&ui->forge, ui->uris.patch_property);
    lv2_atom_forge_urid(&ui->forge, ui->uris.model);
    lv2_atom_forge_key(&ui->forge, ui->uris.patch_value);
    lv2_atom_forge_path(&ui->forge, path, (uint32_t)strlen(path));
    send(ui, &m, &frame);
}

/* Ask the plugin for a property, or for all of them if it is 0. */
static void ask(bsm_ui *ui, LV2_URID property)
{
    message m;
    LV2_Atom_Forge_Frame frame;
    begin(ui, &m, &frame, ui->uris.patch_get);
    if (property) {
        lv2_atom_forge_key(&ui->forge, ui->uris.patch_property);
        lv2_atom_forge_urid(&ui->forge, property);
    }
    send(ui, &m, &frame);
}

/* ---- From the plugin ---- */

static void take_property(bsm_ui *ui, const LV2_Atom_Object *object)
{
    const LV2_Atom *property = NULL, *value = NULL;
    lv2_atom_object_get(object, ui->uris.patch_property, &property, ui->uris.patch_value, &value,
                        0);
    if (!property || property->type != ui->uris.atom_urid || !value ||
        !memchr(LV2_ATOM_BODY_CONST(value), 0, value->size)) {
        return;
    }
    const LV2_URID which = ((const LV2_Atom_URID *)property)->body;
    if (which == ui->uris.model) {
        bsm_face_set_model(&ui->face, LV2_ATOM_BODY_CONST(value));
    } else if (which == ui->uris.status) {
        bsm_face_set_status(&ui->face, LV2_ATOM_BODY_CONST(value));
    }
}

static void take_scene(bsm_ui *ui, const LV2_Atom_Object *object)
{
    const LV2_Atom *value = NULL;
    bsm_scene scene;
    lv2_atom_object_get(object, ui->uris.scene, &value, 0);
    if (value && value->size == sizeof scene) {
        memcpy(&scene, LV2_ATOM_BODY_CONST(value), sizeof scene);
        bsm_face_set_scene(&ui->face, &scene);
    }
}

static void take_message(bsm_ui *ui, const LV2_Atom *atom)
{
    const LV2_Atom_Object *object = (const void *)atom;
    if (!lv2_atom_forge_is_object_type(&ui->forge, atom->type)) {
        return;
    }
    if (object->body.otype == ui->uris.patch_set) {
        take_property(ui, object);
    } else if (object->body.otype == ui->uris.scene) {
        take_scene(ui, object);
    }
}

static void port_event(LV2UI_Handle handle, uint32_t index, uint32_t size, uint32_t format,
                       const void *buffer)
{
    bsm_ui *ui = handle;
    const bsm_port port = bsm_port_at(ui->face.stems, index);
    if (format == ui->event_transfer && size >= sizeof(LV2_Atom)) {
        take_message(ui, buffer);
    } else if (format == 0 && size == sizeof(float) && port < BSM_NUM_PORTS) {
        float value;
        memcpy(&value, buffer, sizeof value);
        bsm_face_set_control(&ui->face, port, value);
    }
}

/* ---- Instances ---- */

static float option(const bsm_ui *ui, const LV2_Options_Option *options, LV2_URID key)
{
    float value = 0;
    for (; options && options->key; options++) {
        if (options->key == key && options->type == ui->atom_float &&
            options->size == sizeof value) {
            memcpy(&value, options->value, sizeof value);
        }
    }
    return value;
}

static void init(bsm_ui *ui, const char *plugin, LV2_URID_Map *map)
{
    ui->uris = bsm_map_uris(map, plugin);
    ui->scale_factor = map->map(map->handle, LV2_UI__scaleFactor);
    ui->sample_rate = map->map(map->handle, LV2_PARAMETERS__sampleRate);
    ui->event_transfer = map->map(map->handle, LV2_ATOM__eventTransfer);
    ui->atom_float = map->map(map->handle, LV2_ATOM__Float);
    lv2_atom_forge_init(&ui->forge, map);
    bsm_face_init(&ui->face, strcmp(plugin, BSM_STEMS_URI) == 0);
    ui->hands = (bsm_hands){.face = &ui->face,
                            .user = ui,
                            .set_control = set_control,
                            .touch = touch,
                            .choose_model = choose_model};
}

static LV2UI_Handle instantiate(const LV2UI_Descriptor *descriptor, const char *plugin,
                                const char *bundle, LV2UI_Write_Function write,
                                LV2UI_Controller controller, LV2UI_Widget *widget,
                                const LV2_Feature *const *features)
{
    (void)descriptor;
    (void)bundle;
    LV2_URID_Map *map = NULL;
    const LV2_Options_Option *options = NULL;
    const LV2UI_Resize *resize = NULL;
    void *parent = NULL;
    bsm_ui *ui = calloc(1, sizeof *ui);
    if (!ui || lv2_features_query(features, LV2_URID__map, &map, true, LV2_OPTIONS__options,
                                  &options, false, LV2_UI__parent, &parent, false, LV2_UI__resize,
                                  &resize, false, LV2_UI__touch, &ui->touch, false, NULL)) {
        free(ui);
        return NULL;
    }
    init(ui, plugin, map);
    ui->write = write;
    ui->controller = controller;
    ui->face.rate = (double)option(ui, options, ui->sample_rate);
    ui->window = bsm_ui_window_open((uint32_t)(uintptr_t)parent,
                                    (double)option(ui, options, ui->scale_factor), &ui->hands);
    if (!ui->window) {
        bsm_face_free(&ui->face);
        free(ui);
        return NULL;
    }
    if (resize) {
        int width, height;
        bsm_ui_window_size(ui->window, &width, &height);
        resize->ui_resize(resize->handle, width, height);
    }
    *widget = (LV2UI_Widget)(uintptr_t)bsm_ui_window_id(ui->window);
    return ui;
}

static void cleanup(LV2UI_Handle handle)
{
    bsm_ui *ui = handle;
    bsm_ui_window_close(ui->window);
    bsm_face_free(&ui->face);
    free(ui);
}

/* By the first call, the host has sent the values that it knows. It does not know the status, so
 * the plugin is asked until that arrives. */
static int idle(LV2UI_Handle handle)
{
    bsm_ui *ui = handle;
    const double now = seconds();
    bsm_face_tick(&ui->face, now);
    if (now - ui->asked >= ASK_SECONDS) {
        ui->asked = now;
        if (!*ui->face.status) {
            ask(ui, 0);
        }
        ask(ui, ui->uris.scene);
    }
    return bsm_ui_window_idle(ui->window) ? 0 : 1;
}

static int show(LV2UI_Handle handle)
{
    bsm_ui_window_show(((bsm_ui *)handle)->window, true);
    return 0;
}

static int hide(LV2UI_Handle handle)
{
    bsm_ui_window_show(((bsm_ui *)handle)->window, false);
    return 0;
}

static const void *extension_data(const char *uri)
{
    static const LV2UI_Idle_Interface idle_interface = {idle};
    static const LV2UI_Show_Interface show_interface = {show, hide};
    return !strcmp(uri, LV2_UI__idleInterface)   ? (const void *)&idle_interface
           : !strcmp(uri, LV2_UI__showInterface) ? (const void *)&show_interface
                                                 : NULL;
}

LV2_SYMBOL_EXPORT const LV2UI_Descriptor *lv2ui_descriptor(uint32_t index)
{
    static const LV2UI_Descriptor descriptor = {BSM_LV2_URI "window", instantiate, cleanup,
                                                port_event, extension_data};
    return index == 0 ? &descriptor : NULL;
}
