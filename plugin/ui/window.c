/* SPDX-License-Identifier: ISC */
/* The window on an X server, by xcb. */
#include "window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <X11/keysym.h>
#include <cairo-xcb.h>
#include <xcb/xcb.h>

#include "draw.h"

enum { MAX_SIZE = 16384 };

struct bsm_ui_window {
    bsm_hands *hands;
    xcb_connection_t *server;
    xcb_window_t window, parent;
    int width, height; /* in pixels */
    double scale, unit;
    xcb_atom_t delete; /* the message by which a window manager closes the window */
    xcb_get_keyboard_mapping_reply_t *keys;
    xcb_keycode_t first_key;
    cairo_surface_t *shown, *canvas; /* the window, and an image of its contents */
};

/* ---- Opening ---- */

static xcb_screen_t *first_screen(xcb_connection_t *server, int number)
{
    xcb_screen_iterator_t screens = xcb_setup_roots_iterator(xcb_get_setup(server));
    for (; screens.rem > 1 && number > 0; number--) {
        xcb_screen_next(&screens);
    }
    return screens.data;
}

static xcb_visualtype_t *visual_of(xcb_screen_t *screen)
{
    xcb_depth_iterator_t depths = xcb_screen_allowed_depths_iterator(screen);
    for (; depths.rem; xcb_depth_next(&depths)) {
        xcb_visualtype_iterator_t visuals = xcb_depth_visuals_iterator(depths.data);
        for (; visuals.rem; xcb_visualtype_next(&visuals)) {
            if (visuals.data->visual_id == screen->root_visual) {
                return visuals.data;
            }
        }
    }
    return NULL;
}

static xcb_atom_t atom(xcb_connection_t *server, const char *name)
{
    xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(
        server, xcb_intern_atom(server, 0, (uint16_t)strlen(name), name), NULL);
    const xcb_atom_t found = reply ? reply->atom : XCB_ATOM_NONE;
    free(reply);
    return found;
}

/* Get the scale that the desktop sets for its screen in a line "Xft.dpi: 144"; 96 is scale 1. */
static double screen_scale(xcb_connection_t *server, const xcb_screen_t *screen)
{
    static const char key[] = "Xft.dpi:";
    double scale = 1;
    xcb_get_property_reply_t *reply =
        xcb_get_property_reply(server,
                               xcb_get_property(server, 0, screen->root, XCB_ATOM_RESOURCE_MANAGER,
                                                XCB_ATOM_STRING, 0, 16384),
                               NULL);
    const int length = reply ? xcb_get_property_value_length(reply) : 0;
    char *text = length > 0 ? strndup(xcb_get_property_value(reply), (size_t)length) : NULL;
    const char *found = text ? strstr(text, key) : NULL;
    if (found) {
        scale = strtod(found + sizeof key - 1, NULL) / 96;
    }
    free(text);
    free(reply);
    return scale >= 0.5 && scale <= 8 ? scale : 1;
}

/* Set properties that tell hosts the smallest size, and window managers how to close the window. */
static void tell_hints(bsm_ui_window *w)
{
    enum { MIN_SIZE = 1 << 4, WORDS = 18 };
    static const char title[] = "bsm";
    const uint32_t hints[WORDS] = {[0] = MIN_SIZE,
                                   [5] = (uint32_t)(w->scale * BSM_MIN_WIDTH),
                                   [6] = (uint32_t)(w->scale * BSM_MIN_HEIGHT)};
    w->delete = atom(w->server, "WM_DELETE_WINDOW");
    xcb_change_property(w->server, XCB_PROP_MODE_REPLACE, w->window, XCB_ATOM_WM_NORMAL_HINTS,
                        XCB_ATOM_WM_SIZE_HINTS, 32, WORDS, hints);
    xcb_change_property(w->server, XCB_PROP_MODE_REPLACE, w->window, XCB_ATOM_WM_NAME,
                        XCB_ATOM_STRING, 8, sizeof title - 1, title);
    xcb_change_property(w->server, XCB_PROP_MODE_REPLACE, w->window,
                        atom(w->server, "WM_PROTOCOLS"), XCB_ATOM_ATOM, 32, 1, &w->delete);
}

static void read_keyboard(bsm_ui_window *w)
{
    const xcb_setup_t *setup = xcb_get_setup(w->server);
    w->first_key = setup->min_keycode;
    w->keys = xcb_get_keyboard_mapping_reply(
        w->server,
        xcb_get_keyboard_mapping(w->server, setup->min_keycode,
                                 (uint8_t)(setup->max_keycode - setup->min_keycode + 1)),
        NULL);
}

static bool resize(bsm_ui_window *w, int width, int height)
{
    w->width = width < 1 ? 1 : width > MAX_SIZE ? MAX_SIZE : width;
    w->height = height < 1 ? 1 : height > MAX_SIZE ? MAX_SIZE : height;
    cairo_surface_destroy(w->canvas);
    w->canvas = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w->width, w->height);
    cairo_xcb_surface_set_size(w->shown, w->width, w->height);
    w->unit = bsm_unit(w->width, w->height, w->scale);
    w->hands->layout.width = w->width / w->unit;
    w->hands->layout.height = w->height / w->unit;
    w->hands->face->dirty |= BSM_DIRTY_ALL;
    return cairo_surface_status(w->canvas) == CAIRO_STATUS_SUCCESS;
}

/* Create the window with the screen's own depth and colours. The host's window may have others, and
 * then the server requires a border and a colour map. */
static void create(bsm_ui_window *w, xcb_screen_t *screen)
{
    const uint32_t events = XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_STRUCTURE_NOTIFY |
                            XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_BUTTON_RELEASE |
                            XCB_EVENT_MASK_POINTER_MOTION | XCB_EVENT_MASK_LEAVE_WINDOW |
                            XCB_EVENT_MASK_KEY_PRESS;
    const uint32_t values[] = {screen->black_pixel, events, screen->default_colormap};
    w->window = xcb_generate_id(w->server);
    xcb_create_window(w->server, screen->root_depth, w->window,
                      w->parent ? w->parent : screen->root, 0, 0, (uint16_t)w->width,
                      (uint16_t)w->height, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual,
                      XCB_CW_BORDER_PIXEL | XCB_CW_EVENT_MASK | XCB_CW_COLORMAP, values);
    tell_hints(w);
}

bsm_ui_window *bsm_ui_window_open(uint32_t parent, double scale, bsm_hands *hands)
{
    int number = 0;
    bsm_ui_window *w = calloc(1, sizeof *w);
    if (!w) {
        return NULL;
    }
    *w = (bsm_ui_window){.hands = hands, .parent = parent, .server = xcb_connect(NULL, &number)};
    xcb_screen_t *screen =
        xcb_connection_has_error(w->server) ? NULL : first_screen(w->server, number);
    xcb_visualtype_t *visual = screen ? visual_of(screen) : NULL;
    if (!visual) {
        bsm_ui_window_close(w);
        return NULL;
    }
    w->scale = scale > 0 ? scale : screen_scale(w->server, screen);
    w->width = (int)(w->scale * BSM_START_WIDTH);
    w->height = (int)(w->scale * BSM_START_HEIGHT);
    create(w, screen);
    read_keyboard(w);
    w->shown = cairo_xcb_surface_create(w->server, w->window, visual, w->width, w->height);
    if (!resize(w, w->width, w->height)) {
        bsm_ui_window_close(w);
        return NULL;
    }
    if (parent) {
        bsm_ui_window_show(w, true);
    }
    return w;
}

void bsm_ui_window_close(bsm_ui_window *w)
{
    if (!w) {
        return;
    }
    if (w->shown) {
        cairo_device_t *device = cairo_device_reference(cairo_surface_get_device(w->shown));
        cairo_surface_destroy(w->shown);
        cairo_device_finish(device); /* it uses the connection, which is closed below */
        cairo_device_destroy(device);
    }
    cairo_surface_destroy(w->canvas);
    if (w->window) {
        xcb_destroy_window(w->server, w->window); /* harmless if the host has done it already */
        xcb_flush(w->server);
    }
    free(w->keys);
    xcb_disconnect(w->server);
    free(w);
}

uint32_t bsm_ui_window_id(const bsm_ui_window *w)
{
    return w->window;
}

void bsm_ui_window_size(const bsm_ui_window *w, int *width, int *height)
{
    *width = w->width;
    *height = w->height;
}

void bsm_ui_window_show(bsm_ui_window *w, bool shown)
{
    if (shown) {
        xcb_map_window(w->server, w->window);
    } else {
        xcb_unmap_window(w->server, w->window);
    }
    xcb_flush(w->server);
}

/* ---- Drawing ---- */

/* Copy a rectangle of pixels from the canvas to the window. The rectangle becomes an image of its
 * own, because cairo sends the whole source to the server. */
static void present(bsm_ui_window *w, int x, int y, int width, int height)
{
    width = width < w->width - x ? width : w->width - x;
    height = height < w->height - y ? height : w->height - y;
    if (x < 0 || y < 0 || width <= 0 || height <= 0) {
        return;
    }
    const int stride = cairo_image_surface_get_stride(w->canvas);
    cairo_surface_flush(w->canvas);
    cairo_surface_t *part = cairo_image_surface_create_for_data(
        cairo_image_surface_get_data(w->canvas) + y * stride + 4 * x, CAIRO_FORMAT_RGB24, width,
        height, stride);
    cairo_t *cr = cairo_create(w->shown);
    cairo_set_source_surface(cr, part, x, y);
    cairo_rectangle(cr, x, y, width, height);
    cairo_fill(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(part);
}

/* Draw a box, enlarged to whole pixels, into the canvas, and copy it to the window. */
static void draw_box(bsm_ui_window *w, bsm_box box)
{
    const double x = floor(box.x * w->unit), y = floor(box.y * w->unit);
    const double width = ceil((box.x + box.w) * w->unit) - x;
    const double height = ceil((box.y + box.h) * w->unit) - y;
    cairo_t *cr = cairo_create(w->canvas);
    cairo_rectangle(cr, x, y, width, height);
    cairo_clip(cr);
    cairo_scale(cr, w->unit, w->unit);
    bsm_draw_face(cr, w->hands->face, &w->hands->layout);
    cairo_destroy(cr);
    present(w, (int)x, (int)y, (int)width, (int)height);
}

static void draw(bsm_ui_window *w)
{
    bsm_face *face = w->hands->face;
    bsm_layout *layout = &w->hands->layout;
    bsm_box boxes[BSM_MAX_PARTS] = {{0, 0, layout->width, layout->height}};
    size_t count = 1;
    if (!face->dirty) {
        return;
    }
    if (face->dirty & BSM_DIRTY_ALL) {
        cairo_t *cr = cairo_create(w->canvas);
        cairo_scale(cr, w->unit, w->unit);
        bsm_lay_out(face, layout->width, layout->height, layout);
        bsm_fit_sentence(cr, face, layout);
        cairo_destroy(cr);
    } else {
        count = bsm_dirty_boxes(layout, face->dirty, boxes);
    }
    face->dirty = 0;
    for (size_t b = 0; b < count; b++) {
        draw_box(w, boxes[b]);
    }
    cairo_surface_flush(w->shown);
}

/* ---- Events of the server ---- */

/* The symbol of a key with these modifiers; 0 if it has none. The second symbols of the keypad are
 * digits, which Num Lock selects. */
static uint32_t sign_of(const bsm_ui_window *w, xcb_keycode_t code, uint16_t state)
{
    const int per_key = w->keys ? w->keys->keysyms_per_keycode : 0;
    if (per_key < 1 || code < w->first_key) {
        return 0;
    }
    const xcb_keysym_t *signs = xcb_get_keyboard_mapping_keysyms(w->keys);
    const int at = (code - w->first_key) * per_key;
    if (at + per_key > xcb_get_keyboard_mapping_keysyms_length(w->keys)) {
        return 0;
    }
    const uint32_t plain = signs[at], shifted = per_key > 1 ? signs[at + 1] : 0;
    const bool keypad = shifted >= XK_KP_Multiply && shifted <= XK_KP_9;
    const bool second = keypad ? (state & XCB_MOD_MASK_2) != 0 : (state & XCB_MOD_MASK_SHIFT) != 0;
    return second && shifted ? shifted : plain;
}

/* Handle a key. A key that has no meaning here is passed on to the host. */
static void take_key(bsm_ui_window *w, xcb_key_press_event_t *event)
{
    const uint16_t of_the_host = XCB_MOD_MASK_CONTROL | XCB_MOD_MASK_1 | XCB_MOD_MASK_4;
    const uint32_t sign = sign_of(w, event->detail, event->state);
    const bool ours = sign && !(event->state & of_the_host) &&
                      bsm_hands_key(w->hands, sign, event->state & XCB_MOD_MASK_SHIFT);
    if (!ours && w->parent) {
        xcb_key_press_event_t copy = *event;
        copy.event = w->parent;
        copy.child = XCB_NONE;
        xcb_send_event(w->server, 1, w->parent, XCB_EVENT_MASK_KEY_PRESS, (const char *)&copy);
    }
}

static void take_button(bsm_ui_window *w, const xcb_button_press_event_t *event)
{
    const double x = event->event_x / w->unit, y = event->event_y / w->unit;
    const bool fine = event->state & XCB_MOD_MASK_SHIFT;
    if (event->detail == XCB_BUTTON_INDEX_4 || event->detail == XCB_BUTTON_INDEX_5) {
        bsm_hands_wheel(w->hands, x, y, event->detail == XCB_BUTTON_INDEX_4 ? 1 : -1, fine);
    } else if (event->detail == XCB_BUTTON_INDEX_1) {
        xcb_set_input_focus(w->server, XCB_INPUT_FOCUS_PARENT, w->window, event->time);
        bsm_hands_press(w->hands, x, y, event->time / 1000.0);
    }
}

/* Handle an event. Returns false if the window is to be closed. */
static bool take(bsm_ui_window *w, xcb_generic_event_t *event)
{
    switch (event->response_type & 0x7f) {
    case XCB_EXPOSE: {
        const xcb_expose_event_t *e = (void *)event;
        present(w, e->x, e->y, e->width, e->height);
        break;
    }
    case XCB_CONFIGURE_NOTIFY: {
        const xcb_configure_notify_event_t *e = (void *)event;
        if (e->width != w->width || e->height != w->height) {
            return resize(w, e->width, e->height);
        }
        break;
    }
    case XCB_MOTION_NOTIFY: {
        const xcb_motion_notify_event_t *e = (void *)event;
        bsm_hands_move(w->hands, e->event_x / w->unit, e->event_y / w->unit,
                       e->state & XCB_MOD_MASK_SHIFT);
        break;
    }
    case XCB_LEAVE_NOTIFY: bsm_hands_leave(w->hands); break;
    case XCB_BUTTON_PRESS: take_button(w, (void *)event); break;
    case XCB_BUTTON_RELEASE:
        if (((xcb_button_release_event_t *)(void *)event)->detail == XCB_BUTTON_INDEX_1) {
            bsm_hands_release(w->hands);
        }
        break;
    case XCB_KEY_PRESS: take_key(w, (void *)event); break;
    case XCB_CLIENT_MESSAGE:
        return ((xcb_client_message_event_t *)(void *)event)->data.data32[0] != w->delete;
    case XCB_DESTROY_NOTIFY: return false;
    default: break;
    }
    return true;
}

bool bsm_ui_window_idle(bsm_ui_window *w)
{
    bool open = true;
    for (xcb_generic_event_t *event; open && (event = xcb_poll_for_event(w->server));) {
        open = take(w, event);
        free(event);
    }
    if (!open || xcb_connection_has_error(w->server)) {
        return false;
    }
    draw(w);
    xcb_flush(w->server);
    return true;
}
