/* SPDX-License-Identifier: ISC */
/* Draws the window. */
#include "draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const bsm_ink part_inks[BSM_NUM_PARTS] = {BSM_INK_VOCALS, BSM_INK_REST};

/* ---- Pieces ---- */

static void focus_frame(cairo_t *cr, const bsm_face *face, bsm_target target, bsm_box box)
{
    if (face->focus_shown && bsm_same_target(face->focus, target)) {
        bsm_paint_frame(cr, bsm_box_inset(box, -2, -2), 5, BSM_INK_TEXT);
    }
}

static bool is_hot(const bsm_face *face, bsm_target target)
{
    return bsm_same_target(face->hot, target);
}

void bsm_draw_button(cairo_t *cr, const bsm_face *face, bsm_target target, bsm_box box, bool on,
                     bsm_ink bright, const char *text)
{
    const bsm_ink ink = on ? bright : is_hot(face, target) ? BSM_INK_HOT : BSM_INK_CONTROL;
    const bsm_style style = on ? BSM_BOLD : BSM_TEXT;
    const bool tight = bsm_text_width(cr, style, text) > box.w - 4;
    bsm_paint_box(cr, box, 4, ink);
    bsm_paint_line(cr, bsm_box_inset(box, 2, 0), 0.5, tight ? BSM_SMALL : style,
                   on ? BSM_INK_DARK : BSM_INK_TEXT, text);
    focus_frame(cr, face, target, box);
}

/* ---- Header ---- */

static void draw_header(cairo_t *cr, const bsm_face *face, const bsm_layout *l)
{
    if (!bsm_paint_shows(cr, l->header)) {
        return;
    }
    const bsm_target model = {BSM_MODEL_BUTTON, 0}, bypass = {BSM_BYPASS, 0};
    char name[200];
    bsm_face_model_name(face, name, sizeof name);
    bsm_paint_line(cr, l->title, 0, BSM_TITLE, BSM_INK_TEXT,
                   face->stems ? "BSM Stems" : "BSM Remix");
    bsm_paint_box(cr, l->model, 4,
                  is_hot(face, model) || face->popup == BSM_POPUP_MODELS ? BSM_INK_HOT
                                                                         : BSM_INK_CONTROL);
    bsm_box in = bsm_box_inset(l->model, 10, 2);
    const bsm_box arrow = bsm_box_cut_right(&in, 18);
    bsm_paint_line(cr, arrow, 1, BSM_SMALL, BSM_INK_TEXT, "\xe2\x96\xbc");
    if (*face->facts.facts) {
        bsm_paint_line(cr, bsm_box_cut_top(&in, in.h / 2), 0, BSM_BOLD, BSM_INK_TEXT, name);
        bsm_paint_line(cr, in, 0, BSM_SMALL, BSM_INK_DIM, face->facts.facts);
    } else {
        bsm_paint_line(cr, in, 0, BSM_BOLD, BSM_INK_TEXT, name);
    }
    focus_frame(cr, face, model, l->model);
    bsm_draw_button(cr, face, bypass, l->bypass, face->control[BSM_PORT_ENABLED] <= 0, BSM_INK_BUSY,
                    "Bypass");
}

/* ---- Faders ---- */

static double y_of(bsm_box track, double db)
{
    return track.y + track.h * (1 - bsm_fader_place(db));
}

static void draw_scale(cairo_t *cr, bsm_box box)
{
    static const double marks[] = {12, 6, 0, -6, -12, -20, -30, -60};
    double last = -100;
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
        const double y = y_of(box, marks[m]);
        const bool end = m + 1 == sizeof marks / sizeof *marks;
        char text[8];
        if (y - last < 11 || (!end && box.y + box.h - y < 11 && m > 2)) {
            continue;
        }
        last = y;
        snprintf(text, sizeof text, end ? "-\xe2\x88\x9e" : "%+.0f", marks[m]);
        bsm_paint_line(cr, (bsm_box){box.x, y - 6, box.w - 3, 12}, 1, BSM_SMALL, BSM_INK_DIM,
                       marks[m] == 0 ? "0" : text);
    }
}

static bool is_heard(const bsm_face *face, int part)
{
    const int solo = (int)face->control[BSM_PORT_SOLO];
    return face->control[BSM_PORT_VOCALS_MUTE + part] <= 0 &&
           (solo == BSM_SOLO_NONE || solo == part + 1);
}

static void draw_fader(cairo_t *cr, const bsm_face *face, const bsm_layout *l, int part)
{
    const bsm_box box = l->fader[part];
    const double db = (double)face->control[BSM_PORT_VOCALS_GAIN + part],
                 middle = box.x + box.w / 2;
    const double y = y_of(box, db), zero = y_of(box, 0);
    const bsm_target target = {BSM_FADER, part};
    bsm_paint_box(cr, (bsm_box){middle - 2, box.y, 4, box.h}, 2, BSM_INK_TRACK);
    bsm_paint_box(cr, (bsm_box){middle - 2, y, 4, box.y + box.h - y}, 2,
                  is_heard(face, part) ? part_inks[part] : BSM_INK_LINE);
    bsm_paint_box(cr, (bsm_box){middle - 9, zero - 0.5, 18, 1}, 0, BSM_INK_LINE);
    const bsm_box knob = {middle - 12, y - 7, 24, 14};
    bsm_paint_box(cr, knob, 4,
                  is_hot(face, target) || face->pressed.widget == BSM_FADER ? BSM_INK_TEXT
                                                                            : BSM_INK_DIM);
    bsm_paint_box(cr, (bsm_box){knob.x + 3, y - 1, knob.w - 6, 2}, 0, BSM_INK_DARK);
    focus_frame(cr, face, target, knob);
}

static void draw_meter(cairo_t *cr, bsm_box box, const bsm_meter *meter, bsm_ink ink)
{
    bsm_paint_box(cr, box, 0, BSM_INK_TRACK);
    const double top = y_of(box, meter->db), hold = y_of(box, meter->hold);
    bsm_paint_box(cr, (bsm_box){box.x, top, box.w, box.y + box.h - top}, 0, ink);
    if (meter->hold > (double)BSM_GAIN_MUTE) {
        bsm_paint_box(cr, (bsm_box){box.x, hold - 1, box.w, 2}, 0,
                      meter->hold > 0 ? BSM_INK_BAD : BSM_INK_TEXT);
    }
}

static void draw_meters(cairo_t *cr, const bsm_face *face, const bsm_layout *l, int part)
{
    bsm_box in = l->meters[part];
    const double width = (in.w - 3) / 2;
    draw_meter(cr, bsm_box_cut_left(&in, width), &face->separated[part], BSM_INK_LINE);
    draw_meter(cr, bsm_box_cut_right(&in, width), &face->heard[part], part_inks[part]);
}

static void draw_value(cairo_t *cr, const bsm_face *face, const bsm_layout *l, int part)
{
    const bsm_target target = {BSM_VALUE, part};
    const double db = (double)face->control[BSM_PORT_VOCALS_GAIN + part];
    const bool typing = *face->typed && face->focus.index == part;
    char text[24];
    if (typing) {
        snprintf(text, sizeof text, "%s|", face->typed);
    } else if (db <= (double)BSM_GAIN_MUTE) {
        snprintf(text, sizeof text, "silent");
    } else {
        snprintf(text, sizeof text, "%+.1f dB", db);
    }
    bsm_paint_box(cr, l->value[part], 3, BSM_INK_TRACK);
    bsm_paint_line(cr, l->value[part], 0.5, BSM_TEXT, BSM_INK_TEXT, text);
    if (typing || is_hot(face, target)) {
        bsm_paint_frame(cr, l->value[part], 3, typing ? BSM_INK_TEXT : BSM_INK_LINE);
    }
}

static void draw_strip(cairo_t *cr, const bsm_face *face, const bsm_layout *l, int part)
{
    static const char *const names[] = {"Vocals", "Instrumental"};
    const bsm_ink ink = part_inks[part];
    if (!bsm_paint_shows(cr, l->strip[part])) {
        return;
    }
    bsm_paint_box(cr, l->strip[part], 6, BSM_INK_PANEL);
    bsm_paint_line(cr, l->heading[part], 0.5, BSM_BOLD, ink, names[part]);
    draw_scale(cr,
               (bsm_box){l->scale[part].x, l->fader[part].y, l->scale[part].w, l->fader[part].h});
    draw_fader(cr, face, l, part);
    draw_meters(cr, face, l, part);
    draw_value(cr, face, l, part);
    bsm_draw_button(cr, face, (bsm_target){BSM_MUTE, part}, l->mute[part],
                    face->control[BSM_PORT_VOCALS_MUTE + part] > 0, BSM_INK_BAD, "Mute");
    bsm_draw_button(cr, face, (bsm_target){BSM_SOLO, part}, l->solo[part],
                    (int)face->control[BSM_PORT_SOLO] == part + 1, BSM_INK_BUSY, "Solo");
}

/* ---- Spectrum and sentence ---- */

/* The colour of a cell, computed in integers because there are many cells. */
static uint32_t cell_colour(bsm_spectrum_cell cell)
{
    uint32_t pixel = 0xff;
    for (size_t c = 0; c < 3; c++) {
        const int dark = bsm_inks[BSM_INK_TRACK][c];
        const int full = ((255 - cell.vocals) * bsm_inks[BSM_INK_REST][c] +
                          cell.vocals * bsm_inks[BSM_INK_VOCALS][c]) /
                         255;
        pixel = pixel << 8 | (uint32_t)(dark + cell.level * (full - dark) / 255);
    }
    return pixel;
}

/* The newest column is on the right. */
static void paint_cells(cairo_t *cr, const bsm_spectrum *spectrum, bsm_box box)
{
    uint32_t pixels[BSM_SPECTRUM_BANDS][BSM_SPECTRUM_COLUMNS];
    for (unsigned x = 0; x < BSM_SPECTRUM_COLUMNS; x++) {
        const bsm_spectrum_cell *column =
            spectrum->cells[(spectrum->next + x) % BSM_SPECTRUM_COLUMNS];
        for (unsigned y = 0; y < BSM_SPECTRUM_BANDS; y++) {
            pixels[BSM_SPECTRUM_BANDS - 1 - y][x] = cell_colour(column[y]);
        }
    }
    cairo_surface_t *image = cairo_image_surface_create_for_data(
        (unsigned char *)pixels, CAIRO_FORMAT_RGB24, BSM_SPECTRUM_COLUMNS, BSM_SPECTRUM_BANDS,
        (int)sizeof pixels[0]);
    cairo_save(cr);
    cairo_translate(cr, box.x, box.y);
    cairo_scale(cr, box.w / BSM_SPECTRUM_COLUMNS, box.h / BSM_SPECTRUM_BANDS);
    cairo_set_source_surface(cr, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_rectangle(cr, 0, 0, BSM_SPECTRUM_COLUMNS, BSM_SPECTRUM_BANDS);
    cairo_fill(cr);
    cairo_restore(cr);
    cairo_surface_destroy(image);
}

static void draw_spectrum(cairo_t *cr, const bsm_face *face, bsm_box box)
{
    static const struct {
        double frequency;
        const char *text;
    } marks[] = {{100, "100 Hz"}, {1000, "1 kHz"}, {10000, "10 kHz"}};
    if (box.h <= 0 || !bsm_paint_shows(cr, box)) {
        return;
    }
    paint_cells(cr, &face->spectrum, box);
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
        const double y = box.y + box.h * (1 - bsm_spectrum_place(marks[m].frequency));
        const double width = bsm_text_width(cr, BSM_SMALL, marks[m].text) + 8;
        const bsm_box label = {box.x, y - 7, width, 14};
        bsm_paint_box(cr, label, 0, BSM_INK_GROUND);
        bsm_paint_line(cr, label, 0.5, BSM_SMALL, BSM_INK_DIM, marks[m].text);
    }
}

static const bsm_ink mood_inks[] = {BSM_INK_GOOD, BSM_INK_BUSY, BSM_INK_BAD};

/* The box for the words of the sentence. */
static bsm_box words_box(const bsm_layout *l)
{
    return (bsm_box){l->sentence.x + 14, l->sentence.y + 7, l->sentence.w - 38, l->sentence.h - 10};
}

void bsm_fit_sentence(cairo_t *cr, const bsm_face *face, bsm_layout *layout)
{
    char text[BSM_STATUS_SIZE];
    bsm_face_sentence(face, text, sizeof text);
    layout->sentence = layout->right;
    bsm_make_room(layout,
                  bsm_paint_lines(cr, words_box(layout), BSM_LINE, BSM_TEXT, BSM_NUM_INKS, text));
}

static void draw_sentence(cairo_t *cr, const bsm_face *face, const bsm_layout *l)
{
    const bsm_box panel = l->sentence;
    char text[BSM_STATUS_SIZE];
    if (!bsm_paint_shows(cr, panel)) {
        return;
    }
    const bsm_mood mood = bsm_face_sentence(face, text, sizeof text);
    bsm_paint_box(cr, panel, 6, BSM_INK_PANEL);
    bsm_paint_box(cr, (bsm_box){panel.x, panel.y + 4, 4, panel.h - 8}, 2, mood_inks[mood]);
    bsm_paint_lines(cr, words_box(l), BSM_LINE, BSM_TEXT,
                    mood == BSM_GOOD ? BSM_INK_TEXT : mood_inks[mood], text);
    if (mood == BSM_BUSY) { /* a light moves back and forth */
        const double part = 0.5 - 0.5 * cos(2 * face->now);
        bsm_paint_box(cr, (bsm_box){panel.x + part * (panel.w - 40), panel.y, 40, 3}, 1.5,
                      BSM_INK_BUSY);
    }
}

/* ---- Footer ---- */

static bsm_box draw_cell(cairo_t *cr, bsm_box box, const char *name)
{
    bsm_paint_box(cr, box, 6, BSM_INK_PANEL);
    bsm_box in = bsm_box_inset(box, 10, 5);
    bsm_paint_line(cr, bsm_box_cut_top(&in, 15), 0, BSM_SMALL, BSM_INK_DIM, name);
    return in;
}

/* Write a number with commas, as in "35,808". */
static const char *grouped(unsigned long number, char text[32])
{
    char plain[24];
    const int length = snprintf(plain, sizeof plain, "%lu", number);
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        text[at++] = plain[i];
        if (i + 1 < length && (length - i - 1) % 3 == 0) {
            text[at++] = ',';
        }
    }
    text[at] = '\0';
    return text;
}

static void draw_latency(cairo_t *cr, const bsm_face *face, bsm_box box)
{
    const double samples = (double)face->control[BSM_PORT_LATENCY];
    char text[64], number[32];
    bsm_box in = draw_cell(cr, box, "Latency");
    if (face->rate > 0) {
        snprintf(text, sizeof text, "%.0f ms", 1000 * samples / face->rate);
        bsm_box_cut_left(&in, bsm_paint_line(cr, in, 0, BSM_BOLD, BSM_INK_TEXT, text) + 8);
    }
    snprintf(text, sizeof text, "%s samples", grouped((unsigned long)samples, number));
    bsm_paint_line(cr, in, 0, BSM_SMALL, BSM_INK_DIM, text);
}

static void draw_load(cairo_t *cr, const bsm_face *face, bsm_box box)
{
    static const double most = 150;
    const double load = (double)face->control[BSM_PORT_LOAD];
    char text[32];
    bsm_box in = draw_cell(cr, box, "Load");
    snprintf(text, sizeof text, "%.0f %%", load);
    bsm_paint_line(cr, bsm_box_cut_left(&in, 46), 0, BSM_BOLD, BSM_INK_TEXT, text);
    const bsm_box bar = {in.x, in.y + in.h / 2 - 4, in.w, 8};
    const bsm_ink ink = load > 100 ? BSM_INK_BAD : load > 70 ? BSM_INK_BUSY : BSM_INK_GOOD;
    bsm_paint_box(cr, bar, 0, BSM_INK_TRACK);
    bsm_paint_box(cr, (bsm_box){bar.x, bar.y, bar.w * fmin(load / most, 1), bar.h}, 0, ink);
    bsm_paint_box(cr, (bsm_box){bar.x + bar.w * 100 / most - 1, bar.y - 3, 2, bar.h + 6}, 0,
                  BSM_INK_TEXT);
}

static void draw_footer(cairo_t *cr, const bsm_face *face, const bsm_layout *l)
{
    char number[32];
    const unsigned long misses = (unsigned long)face->control[BSM_PORT_MISSES];
    if (!bsm_paint_shows(cr, l->footer)) {
        return;
    }
    draw_latency(cr, face, l->latency);
    draw_load(cr, face, l->load);
    const bsm_box in = draw_cell(cr, l->misses, "Misses");
    bsm_paint_line(cr, in, 0, BSM_BOLD, face->now < face->late_until ? BSM_INK_BAD : BSM_INK_TEXT,
                   grouped(misses, number));
    bsm_draw_button(cr, face, (bsm_target){BSM_MORE, 0}, l->more, face->popup == BSM_POPUP_MORE,
                    BSM_INK_DIM, "More");
}

/* ---- The whole window ---- */

static void draw_tip(cairo_t *cr, const bsm_face *face, const bsm_layout *l)
{
    char text[BSM_PATH_SIZE + 600];
    if (!bsm_face_shown_tip(face, text, sizeof text)) {
        return;
    }
    const double width = fmin(300, l->width - 20);
    const double full = bsm_text_width(cr, BSM_SMALL, text);
    const bsm_box room = {0, 0, width - 16, 0};
    const size_t lines = bsm_paint_lines(cr, room, BSM_SMALL_LINE, BSM_SMALL, BSM_NUM_INKS, text);
    bsm_box box = {face->pointer_x + 12, face->pointer_y + 16,
                   lines > 1 ? width : fmin(full + 17, width), (double)lines * BSM_SMALL_LINE + 12};
    box.x = fmax(fmin(box.x, l->width - box.w - 4), 4);
    box.y = box.y + box.h > l->height - 4 ? face->pointer_y - box.h - 8 : box.y;
    box.y = fmax(box.y, 4);
    bsm_paint_box(cr, box, 4, BSM_INK_TRACK);
    bsm_paint_frame(cr, box, 4, BSM_INK_LINE);
    bsm_paint_lines(cr, bsm_box_inset(box, 8, 6), BSM_SMALL_LINE, BSM_SMALL, BSM_INK_TEXT, text);
}

void bsm_draw_face(cairo_t *cr, const bsm_face *face, const bsm_layout *layout)
{
    bsm_paint_ink(cr, BSM_INK_GROUND);
    cairo_paint(cr);
    draw_header(cr, face, layout);
    for (int part = 0; part < BSM_NUM_PARTS; part++) {
        draw_strip(cr, face, layout, part);
    }
    draw_spectrum(cr, face, layout->spectrum);
    draw_sentence(cr, face, layout);
    draw_footer(cr, face, layout);
    bsm_draw_popup(cr, face, layout);
    draw_tip(cr, face, layout);
}

size_t bsm_dirty_boxes(const bsm_layout *layout, unsigned dirty, bsm_box boxes[BSM_MAX_PARTS])
{
    size_t count = 0;
    if (dirty & BSM_DIRTY_METERS) {
        boxes[count++] = layout->meters[BSM_VOCALS];
        boxes[count++] = layout->meters[BSM_INSTRUMENTAL];
    }
    if (dirty & BSM_DIRTY_SPECTRUM) {
        boxes[count++] = layout->spectrum;
    }
    if (dirty & BSM_DIRTY_TEXT) {
        boxes[count++] = layout->sentence;
        boxes[count++] = layout->footer;
    }
    return count;
}
