/* SPDX-License-Identifier: ISC */
#include "ui_host.h"

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lv2/atom/forge.h>
#include <lv2/ui/ui.h>
#include <xcb/xcb.h>
#include <xcb/xtest.h>

#include <X11/keysym.h>

#include "noise.h"

enum { BLOCK = 480, RATE = 48000 };

struct ui_host {
    instance *plugin;
    bool stems;
    xcb_connection_t *server;
    xcb_window_t parent;
    xcb_window_t window;
    int width, height;
    double unit;
    void *module;
    const LV2UI_Descriptor *descriptor;
    LV2UI_Handle ui;
    const LV2UI_Idle_Interface *idle;
    uint64_t seed;
    double pointer_x, pointer_y;
};

/* ---- The host's side ---- */

static void ui_write(LV2UI_Controller controller, uint32_t index, uint32_t size, uint32_t protocol,
                     const void *buffer)
{
    ui_host *ui = controller;
    const bsm_port port = bsm_port_at(ui->stems, index);
    if (!ui->plugin) {
        return;
    }
    if (protocol == 0) {
        assert_int_equal(size, sizeof(float));
        memcpy(instance_control(ui->plugin, port), buffer, sizeof(float));
    } else {
        assert_int_equal(protocol, host_map(LV2_ATOM__eventTransfer));
        assert_int_equal(port, BSM_PORT_CONTROL);
        instance_send(ui->plugin, buffer);
        instance_run(ui->plugin, 1); /* one message at a time */
    }
}

static int resized(LV2UI_Feature_Handle handle, int width, int height)
{
    ui_host *ui = handle;
    ui->width = width;
    ui->height = height;
    return 0;
}

static void hear(void *user, const LV2_Atom *atom)
{
    ui_host *ui = user;
    ui->descriptor->port_event(ui->ui, BSM_PORT_NOTIFY, lv2_atom_total_size(atom),
                               host_map(LV2_ATOM__eventTransfer), atom);
}

/* Load the module that the plugin's description names. */
static void load(ui_host *ui, const LilvPlugin *plugin)
{
    LilvUIs *uis = lilv_plugin_get_uis(plugin);
    assert_int_equal(lilv_uis_size(uis), 1);
    const LilvUI *only = lilv_uis_get(uis, lilv_uis_begin(uis));
    char *path = lilv_file_uri_parse(lilv_node_as_uri(lilv_ui_get_binary_uri(only)), NULL);
    ui->module = dlopen(path, RTLD_NOW);
    assert_non_null(ui->module);
    const LV2UI_DescriptorFunction find =
        (LV2UI_DescriptorFunction)dlsym(ui->module, "lv2ui_descriptor");
    assert_non_null(find);
    ui->descriptor = find(0);
    assert_string_equal(ui->descriptor->URI, lilv_node_as_uri(lilv_ui_get_uri(only)));
    assert_null(find(1));
    lilv_free(path);
    lilv_uis_free(uis);
}

static void instantiate(ui_host *ui, const char *uri, float scale)
{
    float rate = RATE;
    const LV2_Options_Option options[] = {
        {LV2_OPTIONS_INSTANCE, 0, host_map(LV2_UI__scaleFactor), sizeof scale,
         host_map(LV2_ATOM__Float), &scale},
        {LV2_OPTIONS_INSTANCE, 0, host_map("http://lv2plug.in/ns/ext/parameters#sampleRate"),
         sizeof rate, host_map(LV2_ATOM__Float), &rate},
        {0},
    };
    LV2UI_Resize resize = {ui, resized};
    const LV2_Feature features[] = {
        {LV2_URID__map, host_urid_map()},
        {LV2_OPTIONS__options, (void *)(uintptr_t)options},
        {LV2_UI__parent, (void *)(uintptr_t)ui->parent},
        {LV2_UI__resize, &resize},
    };
    const LV2_Feature *list[] = {&features[0], &features[1], &features[2], &features[3], NULL};
    LV2UI_Widget widget = NULL;
    ui->ui = ui->descriptor->instantiate(ui->descriptor, uri, "", ui_write, ui, &widget, list);
    assert_non_null(ui->ui);
    ui->window = (xcb_window_t)(uintptr_t)widget;
    ui->idle = ui->descriptor->extension_data(LV2_UI__idleInterface);
    assert_non_null(ui->idle);
}

static void tell_controls(ui_host *ui)
{
    for (unsigned index = 0; index < bsm_port_index(ui->stems, BSM_NUM_PORTS); index++) {
        const bsm_port port = bsm_port_at(ui->stems, index);
        if (port >= BSM_PORT_VOCALS_GAIN &&
            (port < BSM_PORT_OUT_LEFT || port >= BSM_PORT_PRECISION)) {
            ui_tell(ui, port, *instance_control(ui->plugin, port));
        }
    }
}

ui_host *ui_open(const LilvPlugin *plugin, instance *i, double scale)
{
    ui_host *ui = calloc(1, sizeof *ui);
    assert_non_null(ui);
    ui->plugin = i;
    ui->stems = host_is_stems(plugin);
    ui->seed = 5;
    ui->server = xcb_connect(NULL, NULL);
    assert_false(xcb_connection_has_error(ui->server));
    xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(ui->server)).data;
    ui->parent = xcb_generate_id(ui->server);
    xcb_create_window(ui->server, XCB_COPY_FROM_PARENT, ui->parent, screen->root, 0, 0, 1600, 1000,
                      0, XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, 0, NULL);
    xcb_map_window(ui->server, ui->parent);
    free(xcb_get_input_focus_reply(ui->server, xcb_get_input_focus(ui->server), NULL));
    load(ui, plugin);
    instantiate(ui, lilv_node_as_uri(lilv_plugin_get_uri(plugin)), (float)scale);
    ui->unit = bsm_unit(ui->width, ui->height, scale);
    if (i) {
        instance_listen(i, hear, ui);
        tell_controls(ui);
    }
    ui_rounds(ui, 5);
    return ui;
}

void ui_close(ui_host *ui)
{
    if (ui->plugin) {
        instance_listen(ui->plugin, NULL, NULL);
    }
    ui->descriptor->cleanup(ui->ui);
    dlclose(ui->module);
    xcb_disconnect(ui->server);
    free(ui);
}

/* ---- Told ---- */

void ui_tell(ui_host *ui, bsm_port port, float value)
{
    ui->descriptor->port_event(ui->ui, bsm_port_index(ui->stems, port), sizeof value, 0, &value);
}

void ui_tell_text(ui_host *ui, const char *property, const char *text)
{
    _Alignas(8) uint8_t buffer[HOST_TEXT];
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame frame;
    lv2_atom_forge_init(&forge, host_urid_map());
    lv2_atom_forge_set_buffer(&forge, buffer, sizeof buffer);
    lv2_atom_forge_object(&forge, &frame, 0, host_map(LV2_PATCH__Set));
    lv2_atom_forge_key(&forge, host_map(LV2_PATCH__property));
    lv2_atom_forge_urid(&forge, host_map(property));
    lv2_atom_forge_key(&forge, host_map(LV2_PATCH__value));
    lv2_atom_forge_string(&forge, text, (uint32_t)strlen(text));
    lv2_atom_forge_pop(&forge, &frame);
    hear(ui, (const void *)buffer);
}

void ui_tell_scene(ui_host *ui, const bsm_scene *scene)
{
    _Alignas(8) uint8_t buffer[HOST_TEXT + sizeof *scene];
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame frame;
    lv2_atom_forge_init(&forge, host_urid_map());
    lv2_atom_forge_set_buffer(&forge, buffer, sizeof buffer);
    lv2_atom_forge_object(&forge, &frame, 0, host_map(BSM_SCENE_URI));
    lv2_atom_forge_key(&forge, host_map(BSM_SCENE_URI));
    lv2_atom_forge_atom(&forge, sizeof *scene, forge.Chunk);
    lv2_atom_forge_write(&forge, scene, sizeof *scene);
    lv2_atom_forge_pop(&forge, &frame);
    hear(ui, (const void *)buffer);
}

static void run_plugin(ui_host *ui)
{
    for (int channel = 0; channel < 2; channel++) {
        float *in = instance_audio(ui->plugin, BSM_PORT_IN_LEFT + (bsm_port)channel);
        for (size_t n = 0; n < BLOCK; n++) {
            in[n] = 0.3F * noise_float(&ui->seed);
        }
    }
    instance_run(ui->plugin, BLOCK);
    for (bsm_port port = BSM_PORT_LATENCY; port <= BSM_PORT_MISSES; port++) {
        ui_tell(ui, port, *instance_control(ui->plugin, port));
    }
}

void ui_rounds(ui_host *ui, size_t rounds)
{
    xcb_flush(ui->server);
    for (size_t r = 0; r < rounds; r++) {
        if (ui->plugin) {
            run_plugin(ui);
        }
        assert_int_equal(ui->idle->idle(ui->ui), 0);
        usleep(10000);
    }
}

/* ---- Mouse and keys ---- */

/* Wait until both the server and the window have handled the event. */
static void settle(ui_host *ui)
{
    free(xcb_get_input_focus_reply(ui->server, xcb_get_input_focus(ui->server), NULL));
    ui_rounds(ui, 3);
}

static void fake(ui_host *ui, uint8_t type, uint8_t detail, double x, double y)
{
    xcb_test_fake_input(ui->server, type, detail, XCB_CURRENT_TIME, XCB_NONE, (int16_t)lrint(x),
                        (int16_t)lrint(y), 0);
    settle(ui);
}

void ui_point(ui_host *ui, bsm_box box)
{
    ui->pointer_x = ui->unit * (box.x + box.w / 2);
    ui->pointer_y = ui->unit * (box.y + box.h / 2);
    fake(ui, XCB_MOTION_NOTIFY, 0, ui->pointer_x, ui->pointer_y);
}

void ui_point_by(ui_host *ui, double dx, double dy)
{
    ui->pointer_x += ui->unit * dx;
    ui->pointer_y += ui->unit * dy;
    fake(ui, XCB_MOTION_NOTIFY, 0, ui->pointer_x, ui->pointer_y);
}

void ui_button(ui_host *ui, int button, bool down)
{
    fake(ui, down ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, (uint8_t)button, 0, 0);
}

void ui_click(ui_host *ui, bsm_box box)
{
    ui_point(ui, box);
    ui_button(ui, 1, true);
    ui_button(ui, 1, false);
}

/* The clicks follow immediately, however busy the machine is. */
void ui_double_click(ui_host *ui, bsm_box box)
{
    ui_point(ui, box);
    for (int event = 0; event < 4; event++) {
        xcb_test_fake_input(ui->server, event % 2 ? XCB_BUTTON_RELEASE : XCB_BUTTON_PRESS, 1,
                            XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
    }
    settle(ui);
}

static uint8_t code_of(ui_host *ui, uint32_t sign)
{
    const xcb_setup_t *setup = xcb_get_setup(ui->server);
    xcb_get_keyboard_mapping_reply_t *keys = xcb_get_keyboard_mapping_reply(
        ui->server,
        xcb_get_keyboard_mapping(ui->server, setup->min_keycode,
                                 (uint8_t)(setup->max_keycode - setup->min_keycode + 1)),
        NULL);
    assert_non_null(keys);
    const xcb_keysym_t *signs = xcb_get_keyboard_mapping_keysyms(keys);
    const int count = xcb_get_keyboard_mapping_keysyms_length(keys);
    int found = 0;
    while (found < count && signs[found] != sign) {
        found += keys->keysyms_per_keycode;
    }
    assert_true(found < count);
    found /= keys->keysyms_per_keycode;
    free(keys);
    return (uint8_t)(setup->min_keycode + found);
}

void ui_key(ui_host *ui, uint32_t sign)
{
    const uint8_t code = code_of(ui, sign);
    fake(ui, XCB_KEY_PRESS, code, 0, 0);
    fake(ui, XCB_KEY_RELEASE, code, 0, 0);
}

void ui_shift(ui_host *ui, bool down)
{
    fake(ui, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, code_of(ui, XK_Shift_L), 0, 0);
}

void ui_resize(ui_host *ui, int width, int height)
{
    const uint32_t size[] = {(uint32_t)width, (uint32_t)height};
    xcb_configure_window(ui->server, ui->window, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT,
                         size);
    ui->width = width;
    ui->height = height;
    settle(ui);
}

cairo_surface_t *ui_picture(ui_host *ui)
{
    xcb_get_image_reply_t *reply =
        xcb_get_image_reply(ui->server,
                            xcb_get_image(ui->server, XCB_IMAGE_FORMAT_Z_PIXMAP, ui->window, 0, 0,
                                          (uint16_t)ui->width, (uint16_t)ui->height, ~0U),
                            NULL);
    assert_non_null(reply);
    cairo_surface_t *picture =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, ui->width, ui->height);
    assert_int_equal(xcb_get_image_data_length(reply), 4 * ui->width * ui->height);
    cairo_surface_flush(picture);
    memcpy(cairo_image_surface_get_data(picture), xcb_get_image_data(reply),
           (size_t)(4 * ui->width * ui->height));
    cairo_surface_mark_dirty(picture);
    free(reply);
    return picture;
}
