/* SPDX-License-Identifier: ISC */
/* Computes the layout of the window. */
#include "layout.h"

#include <math.h>
#include <string.h>

enum { GAP = 8, HEADER = 44, FOOTER = 46, ROW_NAME = 22, SETTING = 56, LOW_SPECTRUM = 40 };

/* In units. Windows that are larger than this show everything larger. */
static const double LARGE_WIDTH = 1000, LARGE_HEIGHT = 620;

double bsm_unit(int width, int height, double scale)
{
    const double fits = fmin(width / (double)BSM_MIN_WIDTH, height / (double)BSM_MIN_HEIGHT);
    const double large = fmin(width / LARGE_WIDTH, height / LARGE_HEIGHT);
    return fmax(fmin(fmax(scale, large), fits), 0.05);
}

/* ---- Faders ---- */

static const double CURVE = 1.8; /* gives more room near 0 dB */

double bsm_fader_place(double db)
{
    const double part = (db - (double)BSM_GAIN_MUTE) / (double)(BSM_GAIN_MAX - BSM_GAIN_MUTE);
    return pow(fmin(fmax(part, 0), 1), CURVE);
}

double bsm_fader_db(double place)
{
    const double part = pow(fmin(fmax(place, 0), 1), 1 / CURVE);
    return (double)BSM_GAIN_MUTE + part * (double)(BSM_GAIN_MAX - BSM_GAIN_MUTE);
}

/* ---- The window ---- */

static void lay_out_strip(bsm_layout *l, int p, bsm_box strip)
{
    l->strip[p] = strip;
    bsm_box in = bsm_box_inset(strip, 8, 6);
    l->heading[p] = bsm_box_cut_top(&in, 20);
    bsm_box buttons = bsm_box_cut_bottom(&in, 22);
    bsm_box_cut_bottom(&in, 5);
    l->value[p] = bsm_box_cut_bottom(&in, 20);
    bsm_box_cut_bottom(&in, 8);
    bsm_box_cut_top(&in, 6);
    l->mute[p] = bsm_box_cut_left(&buttons, (buttons.w - 4) / 2);
    bsm_box_cut_left(&buttons, 4);
    l->solo[p] = buttons;
    l->scale[p] = bsm_box_cut_left(&in, 30);
    l->meters[p] = bsm_box_cut_right(&in, fmin(32, in.w / 2));
    bsm_box_cut_right(&in, 4);
    l->fader[p] = in;
}

static void lay_out_footer(bsm_layout *l)
{
    bsm_box in = l->footer;
    const double wide = (in.w - 4 * GAP) / 100;
    l->latency = bsm_box_cut_left(&in, 40 * wide);
    bsm_box_cut_left(&in, GAP);
    l->load = bsm_box_cut_left(&in, 28 * wide);
    bsm_box_cut_left(&in, GAP);
    l->misses = bsm_box_cut_left(&in, 14 * wide);
    bsm_box_cut_left(&in, GAP);
    l->more = in;
}

static void lay_out_popup(const bsm_face *face, bsm_layout *l)
{
    if (face->popup == BSM_POPUP_NONE) {
        return;
    }
    l->popup = (bsm_box){GAP, HEADER, l->width - 2 * GAP, l->height - HEADER - GAP};
    if (face->popup == BSM_POPUP_MORE) {
        const double height = 34 + BSM_SETTINGS * SETTING;
        l->popup.y += fmax(l->popup.h - height, 0);
        l->popup.h = fmin(l->popup.h, height);
    }
    bsm_box in = bsm_box_inset(l->popup, 10, 4);
    l->popup_title = bsm_box_cut_top(&in, 24);
    l->close = bsm_box_cut_right(&l->popup_title, 24);
    l->list = in;
}

void bsm_lay_out(const bsm_face *face, double width, double height, bsm_layout *layout)
{
    *layout = (bsm_layout){.width = width, .height = height};
    bsm_box all = {GAP, 0, width - 2 * GAP, height - GAP};
    layout->header = bsm_box_cut_top(&all, HEADER);
    layout->footer = bsm_box_cut_bottom(&all, FOOTER);
    bsm_box_cut_bottom(&all, GAP);
    bsm_box header = bsm_box_inset(layout->header, 0, 5);
    layout->title = bsm_box_cut_left(&header, 104);
    layout->bypass = bsm_box_cut_right(&header, 76);
    bsm_box_cut_right(&header, GAP);
    layout->model = header;
    const double strip = fmin(fmax(0.17 * width, 106), 150);
    for (int p = 0; p < BSM_NUM_PARTS; p++) {
        lay_out_strip(layout, p, bsm_box_cut_left(&all, strip));
        bsm_box_cut_left(&all, GAP);
    }
    layout->right = all;
    lay_out_footer(layout);
    lay_out_popup(face, layout);
}

void bsm_make_room(bsm_layout *layout, size_t lines)
{
    const bsm_box all = layout->right;
    layout->spectrum = layout->sentence = all;
    layout->spectrum.h -= (double)lines * BSM_LINE + 22;
    if (layout->spectrum.h < LOW_SPECTRUM) {
        layout->spectrum.h = 0;
        return;
    }
    layout->sentence.y += layout->spectrum.h + 8;
    layout->sentence.h -= layout->spectrum.h + 8;
}

/* ---- Popups ---- */

/* A row has room for as many lines as its figures may need, up to 4; letters of this size are
 * narrower than 6 units. */
static double row_height(const bsm_face *face, const bsm_layout *layout, size_t row)
{
    const bsm_row *r = &face->rows.rows[row];
    const double lines = ceil(6.0 * (double)strlen(r->figures) / (layout->list.w - 24));
    return ROW_NAME + BSM_SMALL_LINE * fmin(lines, 4) + (lines > 0 ? 4 : 0);
}

bsm_box bsm_row_box(const bsm_face *face, const bsm_layout *layout, size_t row)
{
    bsm_box box = layout->list;
    box.w -= 8; /* the scroll bar */
    box.y -= face->scroll;
    for (size_t r = 0; r < row; r++) {
        box.y += row_height(face, layout, r);
    }
    box.h = row_height(face, layout, row);
    return box;
}

double bsm_rows_height(const bsm_face *face, const bsm_layout *layout)
{
    double height = 0;
    for (size_t r = 0; r < face->rows.count; r++) {
        height += row_height(face, layout, r);
    }
    return height;
}

int bsm_num_choices(int setting)
{
    int count = 0;
    while (count < BSM_CHOICES && bsm_face_settings[setting].choices[count]) {
        count++;
    }
    return count;
}

bsm_box bsm_setting_box(const bsm_layout *layout, int setting)
{
    return (bsm_box){layout->list.x, layout->list.y + setting * SETTING, layout->list.w, SETTING};
}

bsm_box bsm_choice_box(const bsm_layout *layout, int setting, int choice)
{
    enum { NAME = 84 };
    const bsm_box box = bsm_setting_box(layout, setting);
    const double width = fmin((box.w - NAME) / bsm_num_choices(setting), 150);
    return (bsm_box){box.x + NAME + choice * width, box.y, width - 2, 24};
}

/* ---- The target at a point ---- */

static bsm_target in_popup(const bsm_face *face, const bsm_layout *l, double x, double y)
{
    if (bsm_box_has(l->close, x, y)) {
        return (bsm_target){BSM_CLOSE, 0};
    }
    if (face->popup == BSM_POPUP_MODELS && bsm_box_has(l->list, x, y)) {
        for (size_t r = 0; r < face->rows.count; r++) {
            if (bsm_box_has(bsm_row_box(face, l, r), x, y)) {
                return (bsm_target){BSM_ROW, (int)r};
            }
        }
    }
    for (int s = 0; face->popup == BSM_POPUP_MORE && s < BSM_SETTINGS; s++) {
        for (int c = 0; c < bsm_num_choices(s); c++) {
            if (bsm_box_has(bsm_choice_box(l, s, c), x, y)) {
                return (bsm_target){BSM_CHOICE, s * BSM_CHOICES + c};
            }
        }
    }
    return (bsm_target){BSM_POPUP, 0};
}

bsm_target bsm_target_at(const bsm_face *face, const bsm_layout *l, double x, double y)
{
    if (bsm_box_has(l->popup, x, y)) {
        return in_popup(face, l, x, y);
    }
    /* The boxes of the faders are enlarged by half a knob at both ends. */
    const struct {
        bsm_box box;
        bsm_target target;
    } places[] = {
        {l->model, {BSM_MODEL_BUTTON, 0}},
        {l->bypass, {BSM_BYPASS, 0}},
        {l->more, {BSM_MORE, 0}},
        {l->latency, {BSM_LATENCY_CELL, 0}},
        {l->load, {BSM_LOAD_CELL, 0}},
        {l->misses, {BSM_MISSES_CELL, 0}},
        {bsm_box_inset(l->fader[0], 0, -7), {BSM_FADER, 0}},
        {bsm_box_inset(l->fader[1], 0, -7), {BSM_FADER, 1}},
        {l->value[0], {BSM_VALUE, 0}},
        {l->value[1], {BSM_VALUE, 1}},
        {l->mute[0], {BSM_MUTE, 0}},
        {l->mute[1], {BSM_MUTE, 1}},
        {l->solo[0], {BSM_SOLO, 0}},
        {l->solo[1], {BSM_SOLO, 1}},
        {l->meters[0], {BSM_METERS, 0}},
        {l->meters[1], {BSM_METERS, 1}},
        {l->right, {BSM_SPECTRUM, 0}},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (bsm_box_has(places[i].box, x, y)) {
            return places[i].target;
        }
    }
    return (bsm_target){BSM_NOTHING, 0};
}
