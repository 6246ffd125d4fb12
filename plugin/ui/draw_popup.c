/* SPDX-License-Identifier: ISC */
/* Draws the popups: the list of models, and the settings of "More". */
#include <math.h>
#include <string.h>

#include "draw.h"

static void draw_row(cairo_t *cr, const bsm_face *face, const bsm_layout *l, size_t index)
{
    const bsm_row *row = &face->rows.rows[index];
    const bsm_box box = bsm_row_box(face, l, index);
    if (!bsm_paint_shows(cr, box)) {
        return;
    }
    bsm_box in = bsm_box_inset(box, 8, 0);
    if (row->kind == BSM_ROW_HEADING) {
        bsm_paint_line(cr, in, 0, BSM_SMALL, BSM_INK_DIM, row->name);
        bsm_paint_box(cr, (bsm_box){box.x, box.y + box.h - 2, box.w, 1}, 0, BSM_INK_LINE);
        return;
    }
    const bool hot = bsm_same_target(face->hot, (bsm_target){BSM_ROW, (int)index});
    if (hot || face->chosen == (int)index) {
        bsm_paint_box(cr, box, 4, BSM_INK_CONTROL);
    }
    bsm_box first = bsm_box_cut_top(&in, 22);
    if (row->kind == BSM_ROW_FOLDER) {
        bsm_paint_line(cr, bsm_box_cut_left(&first, 16), 0, BSM_SMALL, BSM_INK_DIM, "\xe2\x96\xb6");
    }
    const double width = bsm_text_width(cr, BSM_BOLD, row->name);
    bsm_box facts = first;
    bsm_box_cut_left(&facts, fmin(width, first.w / 2) + 12);
    const bool plays = row->kind == BSM_ROW_MODEL && strcmp(row->path, face->model) == 0;
    bsm_paint_line(cr, (bsm_box){first.x, first.y, *row->facts ? first.w / 2 : first.w, first.h}, 0,
                   BSM_BOLD, plays ? BSM_INK_GOOD : BSM_INK_TEXT, row->name);
    bsm_paint_line(cr, facts, 0, BSM_SMALL, BSM_INK_TEXT, row->facts);
    bsm_paint_lines(cr, in, BSM_SMALL_LINE, BSM_SMALL, BSM_INK_DIM, row->figures);
}

static void draw_list(cairo_t *cr, const bsm_face *face, const bsm_layout *l)
{
    const double all = bsm_rows_height(face, l);
    cairo_save(cr);
    cairo_rectangle(cr, l->list.x, l->list.y, l->list.w, l->list.h);
    cairo_clip(cr);
    for (size_t r = 0; r < face->rows.count; r++) {
        draw_row(cr, face, l, r);
    }
    if (all > l->list.h) {
        const double x = l->list.x + l->list.w - 5;
        bsm_paint_box(cr,
                      (bsm_box){x, l->list.y + l->list.h * face->scroll / all, 5,
                                l->list.h * l->list.h / all},
                      2, BSM_INK_LINE);
    }
    cairo_restore(cr);
}

static void draw_setting(cairo_t *cr, const bsm_face *face, const bsm_layout *l, int index)
{
    const bsm_setting *setting = &bsm_face_settings[index];
    bsm_box box = bsm_setting_box(l, index);
    bsm_paint_line(cr, (bsm_box){box.x, box.y, 80, 24}, 0, BSM_BOLD, BSM_INK_TEXT, setting->name);
    for (int c = 0; c < bsm_num_choices(index); c++) {
        bsm_draw_button(cr, face, (bsm_target){BSM_CHOICE, index * BSM_CHOICES + c},
                        bsm_choice_box(l, index, c), (int)face->control[setting->port] == c,
                        BSM_INK_GOOD, setting->choices[c]);
    }
    if (face->focus_shown && face->chosen == index) {
        bsm_box buttons = bsm_choice_box(l, index, 0);
        buttons.w = (buttons.w + 2) * bsm_num_choices(index);
        bsm_paint_frame(cr, bsm_box_inset(buttons, -2, -2), 5, BSM_INK_TEXT);
    }
    bsm_box_cut_top(&box, 25);
    bsm_paint_lines(cr, box, BSM_SMALL_LINE, BSM_SMALL, BSM_INK_DIM, setting->what);
}

void bsm_draw_popup(cairo_t *cr, const bsm_face *face, const bsm_layout *l)
{
    if (face->popup == BSM_POPUP_NONE || !bsm_paint_shows(cr, l->popup)) {
        return;
    }
    bsm_paint_box(cr, l->popup, 6, BSM_INK_PANEL);
    bsm_paint_frame(cr, l->popup, 6, BSM_INK_LINE);
    bsm_paint_line(cr, l->popup_title, 0, BSM_TITLE, BSM_INK_TEXT,
                   face->popup == BSM_POPUP_MODELS ? "Models" : "More");
    bsm_draw_button(cr, face, (bsm_target){BSM_CLOSE, 0}, bsm_box_inset(l->close, 0, 2), false,
                    BSM_INK_BAD, "\xc3\x97");
    if (face->popup == BSM_POPUP_MODELS) {
        draw_list(cr, face, l);
    } else {
        for (int s = 0; s < BSM_SETTINGS; s++) {
            draw_setting(cr, face, l, s);
        }
    }
}
