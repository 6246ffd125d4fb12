/* SPDX-License-Identifier: ISC */
/* The effects of mouse and keyboard. */
#include "window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <X11/keysym.h>

static const double DOUBLE_CLICK = 0.4, STEP_DB = 1, FINE_DB = 0.1, PAGE_DB = 6, SCROLL = 44;

/* ---- Controls ---- */

static void set(bsm_hands *h, bsm_port port, float value)
{
    if (h->face->control[port] != value) {
        bsm_face_set_control(h->face, port, value);
        h->set_control(h->user, port, value);
    }
}

static bsm_port gain_port(int part)
{
    return part ? BSM_PORT_INSTRUMENTAL_GAIN : BSM_PORT_VOCALS_GAIN;
}

/* Gains are multiples of a tenth of a dB. */
static void set_gain(bsm_hands *h, int part, double db)
{
    db = fmin(fmax(round(10 * db) / 10, (double)BSM_GAIN_MUTE), (double)BSM_GAIN_MAX);
    set(h, gain_port(part), (float)db);
}

static void move_gain(bsm_hands *h, int part, double by)
{
    set_gain(h, part, (double)h->face->control[gain_port(part)] + by);
}

static void toggle(bsm_hands *h, bsm_port port)
{
    set(h, port, h->face->control[port] > 0 ? 0 : 1);
}

static void toggle_solo(bsm_hands *h, int part)
{
    const float solo = (float)(part + 1);
    set(h, BSM_PORT_SOLO, h->face->control[BSM_PORT_SOLO] == solo ? 0 : solo);
}

static void choose(bsm_hands *h, int setting, int choice)
{
    if (choice >= 0 && choice < bsm_num_choices(setting)) {
        set(h, bsm_face_settings[setting].port, (float)choice);
    }
}

/* ---- Popups ---- */

static void lay_out(bsm_hands *h)
{
    bsm_lay_out(h->face, h->layout.width, h->layout.height, &h->layout);
    h->face->dirty |= BSM_DIRTY_ALL;
}

static void open_popup(bsm_hands *h, bsm_popup_kind kind)
{
    bsm_face *face = h->face;
    face->popup = face->popup == kind ? BSM_POPUP_NONE : kind;
    face->scroll = 0;
    face->chosen = kind == BSM_POPUP_MORE ? 0 : -1;
    face->typed[0] = '\0';
    if (face->popup == BSM_POPUP_MODELS) {
        bsm_model_rows_list_models(&face->rows);
    }
    lay_out(h);
}

static void scroll_to(bsm_hands *h, double to)
{
    const double most = bsm_rows_height(h->face, &h->layout) - h->layout.list.h;
    h->face->scroll = fmax(fmin(to, most), 0);
    h->face->dirty |= BSM_DIRTY_ALL;
}

static void take_row(bsm_hands *h, int index)
{
    bsm_face *face = h->face;
    if (index < 0 || index >= (int)face->rows.count) {
        return;
    }
    const bsm_row *row = &face->rows.rows[index];
    if (row->kind == BSM_ROW_MODEL) {
        h->choose_model(h->user, row->path);
        if (*row->path) {
            bsm_remember_model(row->path);
        }
        open_popup(h, BSM_POPUP_NONE);
    } else if (row->kind == BSM_ROW_FOLDER) {
        char *path = strdup(row->path); /* the row is about to be freed */
        if (path) {
            bsm_model_rows_list_folder(&face->rows, path);
        }
        free(path);
        face->chosen = -1;
        scroll_to(h, 0);
    }
}

/* ---- The mouse ---- */

static void drag(bsm_hands *h, double y, bool fine)
{
    const bsm_box box = h->layout.fader[h->face->pressed.index];
    h->drag_place += (h->drag_y - y) / box.h * (fine ? 0.1 : 1);
    h->drag_y = y;
    set_gain(h, h->face->pressed.index, bsm_fader_db(h->drag_place));
}

static void rest(bsm_face *face)
{
    char tip[1];
    if (bsm_face_shown_tip(face, tip, sizeof tip)) {
        face->dirty |= BSM_DIRTY_ALL; /* the tip disappears */
    }
    face->rest_since = face->now;
}

void bsm_hands_move(bsm_hands *hands, double x, double y, bool fine)
{
    bsm_face *face = hands->face;
    const bsm_target target = bsm_target_at(face, &hands->layout, x, y);
    if (face->pressed.widget == BSM_FADER) {
        drag(hands, y, fine);
        return;
    }
    rest(face);
    face->pointer_x = x;
    face->pointer_y = y;
    if (!bsm_same_target(target, face->hot)) {
        face->hot = target;
        face->dirty |= BSM_DIRTY_ALL;
    }
}

void bsm_hands_leave(bsm_hands *hands)
{
    rest(hands->face);
    hands->face->rest_since = 0;
    if (hands->face->hot.widget != BSM_NOTHING) {
        hands->face->hot = (bsm_target){0};
        hands->face->dirty |= BSM_DIRTY_ALL;
    }
}

static void press_on(bsm_hands *h, bsm_target target, bool twice)
{
    bsm_face *face = h->face;
    const int index = target.index;
    switch (target.widget) {
    case BSM_FADER:
        h->touch(h->user, gain_port(index), true);
        h->drag_place = bsm_fader_place((double)face->control[gain_port(index)]);
        if (twice) {
            set_gain(h, index, 0);
            h->drag_place = bsm_fader_place(0);
        }
        break;
    case BSM_VALUE:
        if (twice) {
            set_gain(h, index, 0);
        }
        break;
    case BSM_MUTE: toggle(h, BSM_PORT_VOCALS_MUTE + (bsm_port)index); break;
    case BSM_SOLO: toggle_solo(h, index); break;
    case BSM_MODEL_BUTTON: open_popup(h, BSM_POPUP_MODELS); break;
    case BSM_BYPASS: toggle(h, BSM_PORT_ENABLED); break;
    case BSM_MORE: open_popup(h, BSM_POPUP_MORE); break;
    case BSM_CLOSE: open_popup(h, BSM_POPUP_NONE); break;
    case BSM_CHOICE: choose(h, index / BSM_CHOICES, index % BSM_CHOICES); break;
    case BSM_ROW: take_row(h, index); break;
    case BSM_NOTHING:
    case BSM_METERS:
    case BSM_SPECTRUM:
    case BSM_LATENCY_CELL:
    case BSM_LOAD_CELL:
    case BSM_MISSES_CELL:
    case BSM_POPUP: break;
    }
}

void bsm_hands_press(bsm_hands *hands, double x, double y, double time)
{
    bsm_face *face = hands->face;
    const bsm_target target = bsm_target_at(face, &hands->layout, x, y);
    const bool twice =
        bsm_same_target(target, hands->last_target) && time - hands->last_press < DOUBLE_CLICK;
    rest(face);
    hands->last_press = twice ? time - 1 : time;
    hands->last_target = target;
    hands->drag_y = y;
    face->typed[0] = '\0';
    face->focus_shown = false;
    face->pressed = target;
    face->focus = target.widget == BSM_VALUE ? (bsm_target){BSM_FADER, target.index} : target;
    face->dirty |= BSM_DIRTY_ALL;
    press_on(hands, target, twice);
}

void bsm_hands_release(bsm_hands *hands)
{
    const bsm_target was = hands->face->pressed;
    if (was.widget == BSM_FADER) {
        hands->touch(hands->user, gain_port(was.index), false);
    }
    hands->face->pressed = (bsm_target){0};
    hands->face->dirty |= BSM_DIRTY_ALL;
}

void bsm_hands_wheel(bsm_hands *hands, double x, double y, int up, bool fine)
{
    const bsm_target target = bsm_target_at(hands->face, &hands->layout, x, y);
    rest(hands->face);
    if (target.widget == BSM_FADER || target.widget == BSM_VALUE || target.widget == BSM_METERS) {
        hands->touch(hands->user, gain_port(target.index), true);
        move_gain(hands, target.index, up * (fine ? FINE_DB : STEP_DB));
        hands->touch(hands->user, gain_port(target.index), false);
    } else if (hands->face->popup == BSM_POPUP_MODELS) {
        scroll_to(hands, hands->face->scroll - up * SCROLL);
    }
}

/* ---- The keyboard ---- */

static void move_focus(bsm_face *face, int by)
{
    static const bsm_target order[] = {
        {BSM_MODEL_BUTTON, 0}, {BSM_BYPASS, 0}, {BSM_FADER, 0}, {BSM_MUTE, 0}, {BSM_SOLO, 0},
        {BSM_FADER, 1},        {BSM_MUTE, 1},   {BSM_SOLO, 1},  {BSM_MORE, 0},
    };
    const int count = sizeof order / sizeof *order;
    int at = by > 0 ? -1 : count;
    for (int i = 0; i < count; i++) {
        at = bsm_same_target(order[i], face->focus) ? i : at;
    }
    face->focus = order[(at + by + count) % count];
}

/* The character of a key, or 0. Keys of the keypad count like the others, a comma like a point. */
static char letter_of(uint32_t key)
{
    if (key >= XK_KP_0 && key <= XK_KP_9) {
        return (char)('0' + (key - XK_KP_0));
    }
    return key == XK_KP_Subtract                                          ? '-'
           : key == XK_KP_Add                                             ? '+'
           : key == XK_KP_Decimal || key == XK_KP_Separator || key == ',' ? '.'
           : key > 0x20 && key < 0x7f                                     ? (char)key
                                                                          : '\0';
}

static bool type_number(bsm_hands *h, uint32_t key)
{
    char *typed = h->face->typed;
    const size_t length = strlen(typed);
    const char letter = letter_of(key);
    if (letter && strchr("0123456789.+-", letter)) {
        if (length + 1 < sizeof h->face->typed) {
            typed[length] = letter;
            typed[length + 1] = '\0';
        }
        return true;
    }
    if (length == 0) {
        return false;
    }
    if (key == XK_BackSpace) {
        typed[length - 1] = '\0';
    } else if (key == XK_Return || key == XK_KP_Enter || key == XK_Tab) {
        char *end;
        const double db = strtod(typed, &end);
        if (end != typed) {
            set_gain(h, h->face->focus.index, db);
        }
        typed[0] = '\0';
    } else if (key == XK_Escape) {
        typed[0] = '\0';
    }
    return true;
}

static bool key_on_fader(bsm_hands *h, uint32_t key, bool shift)
{
    const int part = h->face->focus.index;
    if (type_number(h, key)) {
        return true;
    }
    switch (key) {
    case XK_Up: move_gain(h, part, shift ? FINE_DB : STEP_DB); return true;
    case XK_Down: move_gain(h, part, shift ? -FINE_DB : -STEP_DB); return true;
    case XK_Page_Up: move_gain(h, part, PAGE_DB); return true;
    case XK_Page_Down: move_gain(h, part, -PAGE_DB); return true;
    case XK_Home: set_gain(h, part, 0); return true;
    case XK_End: set_gain(h, part, (double)BSM_GAIN_MUTE); return true;
    case XK_Left:
    case XK_Right: h->face->focus.index = key == XK_Right; return true;
    case XK_m:
    case XK_M: toggle(h, BSM_PORT_VOCALS_MUTE + (bsm_port)part); return true;
    case XK_s:
    case XK_S: toggle_solo(h, part); return true;
    default: return false;
    }
}

static void choose_row(bsm_hands *h, int by)
{
    bsm_face *face = h->face;
    const int count = (int)face->rows.count;
    int next = face->chosen;
    do {
        next += by;
    } while (next >= 0 && next < count && face->rows.rows[next].kind == BSM_ROW_HEADING);
    if (next < 0 || next >= count) {
        return;
    }
    face->chosen = next;
    const bsm_box box = bsm_row_box(face, &h->layout, (size_t)next), list = h->layout.list;
    if (box.y < list.y) {
        scroll_to(h, face->scroll - (list.y - box.y));
    } else if (box.y + box.h > list.y + list.h) {
        scroll_to(h, face->scroll + (box.y + box.h - list.y - list.h));
    }
}

static bool key_in_models(bsm_hands *h, uint32_t key)
{
    switch (key) {
    case XK_Up: choose_row(h, -1); return true;
    case XK_Down: choose_row(h, 1); return true;
    case XK_Page_Up: scroll_to(h, h->face->scroll - h->layout.list.h); return true;
    case XK_Page_Down: scroll_to(h, h->face->scroll + h->layout.list.h); return true;
    case XK_Return:
    case XK_KP_Enter: take_row(h, h->face->chosen); return true;
    default: return false;
    }
}

static bool key_in_more(bsm_hands *h, uint32_t key)
{
    bsm_face *face = h->face;
    const int now = (int)face->control[bsm_face_settings[face->chosen].port];
    switch (key) {
    case XK_Up: face->chosen = (face->chosen + BSM_SETTINGS - 1) % BSM_SETTINGS; return true;
    case XK_Tab:
    case XK_Down: face->chosen = (face->chosen + 1) % BSM_SETTINGS; return true;
    case XK_Left: choose(h, face->chosen, now - 1); return true;
    case XK_Right: choose(h, face->chosen, now + 1); return true;
    default: return false;
    }
}

static bool key_in_popup(bsm_hands *h, uint32_t key)
{
    if (key == XK_Escape) {
        open_popup(h, BSM_POPUP_NONE);
        return true;
    }
    return h->face->popup == BSM_POPUP_MODELS ? key_in_models(h, key) : key_in_more(h, key);
}

static bool key_in_window(bsm_hands *h, uint32_t key, bool shift)
{
    if (h->face->focus.widget == BSM_FADER && key_on_fader(h, key, shift)) {
        return true;
    }
    switch (key) {
    case XK_Tab: move_focus(h->face, shift ? -1 : 1); return true;
    case XK_ISO_Left_Tab: move_focus(h->face, -1); return true;
    case XK_b:
    case XK_B: toggle(h, BSM_PORT_ENABLED); return true;
    case XK_Return:
    case XK_KP_Enter:
        if (h->face->focus.widget != BSM_NOTHING) {
            press_on(h, h->face->focus, false);
            return true;
        }
        return false;
    default: return false;
    }
}

bool bsm_hands_key(bsm_hands *hands, uint32_t key, bool shift)
{
    bsm_face *face = hands->face;
    const bool used =
        face->popup == BSM_POPUP_NONE ? key_in_window(hands, key, shift) : key_in_popup(hands, key);
    if (used) {
        rest(face);
        face->rest_since = 0;
        face->focus_shown = true;
        face->dirty |= BSM_DIRTY_ALL;
    }
    return used;
}
