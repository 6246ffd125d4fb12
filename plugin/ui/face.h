/* SPDX-License-Identifier: ISC */
/** A meter that falls slowly, with its highest peak held for a while. */
#ifndef BSM_PLUGIN_UI_FACE_H
#define BSM_PLUGIN_UI_FACE_H

#include <stdbool.h>
#include <stddef.h>

#include "default_model.h"
#include "news.h"
#include "ports.h"
#include "watch.h"

/* ---- A meter that falls slowly, with its highest peak held for a while ---- */

typedef struct bsm_meter {
    double db, hold;   /**< dB as shown; BSM_METER_SILENT: nothing is shown */
    double hold_until; /**< seconds */
} bsm_meter;

#define BSM_METER_SILENT (-120.0)

/** Add a peak (a factor) that comes `elapsed` seconds after the last one. */
void bsm_meter_feed(bsm_meter *meter, double peak, double elapsed, double now);

/** Return true while the meter still shows something. */
bool bsm_meter_moves(const bsm_meter *meter);

/* ---- The mixture's spectrum over the last seconds, and how much of it is vocals ---- */

enum { BSM_SPECTRUM_BANDS = 80, BSM_SPECTRUM_COLUMNS = 128 };

/** The range of the bands, which are equally wide on a logarithmic scale. */
#define BSM_SPECTRUM_LOW 60.0
#define BSM_SPECTRUM_HIGH 18000.0

/** One band at one time: 0 is silence, 255 full. */
typedef struct bsm_spectrum_cell {
    uint8_t level;  /**< of the mixture, in decibels */
    uint8_t vocals; /**< their share of its power */
} bsm_spectrum_cell;

typedef struct bsm_spectrum {
    unsigned next; /**< the column that is written next, which is the oldest one */
    bsm_spectrum_cell cells[BSM_SPECTRUM_COLUMNS][BSM_SPECTRUM_BANDS]; /**< lowest band first */
} bsm_spectrum;

/** Add a column. */
void bsm_spectrum_add(bsm_spectrum *spectrum, const bsm_scene *scene);

/** Return the position of a frequency, from 0 at the bottom to 1 at the top. */
double bsm_spectrum_place(double frequency);

/* ---- Lists of model files to choose from ---- */

typedef enum bsm_row_kind {
    BSM_ROW_HEADING,
    BSM_ROW_MODEL,  /**< choose `path`; "": the default model */
    BSM_ROW_FOLDER, /**< open the folder `path` */
} bsm_row_kind;

typedef struct bsm_row {
    bsm_row_kind kind;
    char *path, *name;
    char facts[160];   /**< size and stems; "": nothing is known */
    char figures[512]; /**< the measured quality, or why the file cannot be used */
} bsm_row;

typedef struct bsm_model_rows {
    size_t count, room;
    bsm_row *rows;
} bsm_model_rows;

/** Describe one file: the texts of its row, and its number of weights (0: not known). */
typedef struct bsm_model_facts {
    char facts[160], figures[512];
    double parameters;
} bsm_model_facts;

bsm_model_facts bsm_model_facts_of(const char *path);

/** Return the part of a path after its last '/'. */
const char *bsm_file_name(const char *path);

void bsm_model_rows_free(bsm_model_rows *rows);

/** List the default model, recently used ones, those in the models' folders, and a way to other
 *  files. */
void bsm_model_rows_list_models(bsm_model_rows *rows);

/** List the folders and models in a folder. */
void bsm_model_rows_list_folder(bsm_model_rows *rows, const char *folder);

/** Remember in ~/.local/state/bsm/models that a model was used. */
void bsm_remember_model(const char *path);

/* ---- All that the window shows, as plain values: to draw it needs nothing else ---- */

/** The controls that mouse and keyboard can reach. The first ones exist once per part, given by
 *  `index`. */
typedef enum bsm_widget {
    BSM_NOTHING,
    BSM_FADER,
    BSM_VALUE,
    BSM_MUTE,
    BSM_SOLO,
    BSM_METERS,
    BSM_MODEL_BUTTON,
    BSM_BYPASS,
    BSM_MORE,
    BSM_SPECTRUM,
    BSM_LATENCY_CELL,
    BSM_LOAD_CELL,
    BSM_MISSES_CELL,
    BSM_POPUP, /**< the popup, which covers the others while it is open */
    BSM_CLOSE,
    BSM_CHOICE, /**< index: setting * BSM_CHOICES + choice */
    BSM_ROW,    /**< index: the row */
} bsm_widget;

enum { BSM_SETTINGS = 4, BSM_CHOICES = 8 };

typedef struct bsm_target {
    bsm_widget widget;
    int index;
} bsm_target;

static inline bool bsm_same_target(bsm_target a, bsm_target b)
{
    return a.widget == b.widget && a.index == b.index;
}

typedef enum bsm_popup_kind { BSM_POPUP_NONE, BSM_POPUP_MODELS, BSM_POPUP_MORE } bsm_popup_kind;

/** The parts of the window that must be drawn again. */
enum { BSM_DIRTY_ALL = 1, BSM_DIRTY_METERS = 2, BSM_DIRTY_SPECTRUM = 4, BSM_DIRTY_TEXT = 8 };

typedef struct bsm_face {
    bool stems;
    float control[BSM_NUM_PORTS]; /**< indexed by bsm_port; 0 for ports that are no control ports */
    double rate;                  /**< Hz; 0: not known yet */
    double now;                   /**< seconds */

    char model[BSM_PATH_SIZE];
    bsm_model_facts facts; /**< of `model` */
    char status[BSM_STATUS_SIZE];
    double status_since;
    double late_until; /**< whether there was a miss recently */

    bsm_meter separated[BSM_NUM_PARTS], heard[BSM_NUM_PARTS];
    double last_scene; /**< the time when the status arrived */
    bsm_spectrum spectrum;

    bsm_popup_kind popup;
    bsm_model_rows rows;
    double scroll; /**< units by which the list is scrolled */
    int chosen;    /**< the row or setting with the keyboard focus; -1: none */

    bsm_target hot, pressed, focus;
    bool focus_shown; /**< whether the keyboard was used last */
    char typed[8];    /**< the number being typed; "": none */
    double pointer_x, pointer_y,
        rest_since; /**< the control under the resting mouse, for tooltips */

    unsigned dirty;
} bsm_face;

/** Set the state that holds before the plugin has sent anything. */
void bsm_face_init(bsm_face *face, bool stems);
void bsm_face_free(bsm_face *face);

/** Take a message from the plugin. */
void bsm_face_set_control(bsm_face *face, bsm_port port, float value);
void bsm_face_set_model(bsm_face *face, const char *path);
void bsm_face_set_status(bsm_face *face, const char *status);
void bsm_face_set_scene(bsm_face *face, const bsm_scene *scene);

/** Advance the time to `now` seconds. */
void bsm_face_tick(bsm_face *face, double now);

typedef enum bsm_mood { BSM_GOOD, BSM_BUSY, BSM_BAD } bsm_mood;

/** Describe in whole sentences what the plugin does, or why it does nothing. */
bsm_mood bsm_face_sentence(const bsm_face *face, char *text, size_t size);

/** "default" for ".../default.safetensors". */
void bsm_face_model_name(const bsm_face *face, char *text, size_t size);

/** Describe the purpose of a control; "" if there is nothing to say. */
void bsm_face_tip(const bsm_face *face, bsm_target target, char *text, size_t size);

/** Get the tooltip that is shown now; false if there is none. */
bool bsm_face_shown_tip(const bsm_face *face, char *text, size_t size);

/** A setting of "more". */
typedef struct bsm_setting {
    bsm_port port;
    const char *name, *what;
    const char *choices[BSM_CHOICES]; /**< as in ttl/; NULL after the last one */
} bsm_setting;

extern const bsm_setting bsm_face_settings[BSM_SETTINGS];

#endif
