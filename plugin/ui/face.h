/* SPDX-License-Identifier: ISC */
/** The state of the window: everything that it shows. All functions are called in the host's user
 *  interface thread. Times are in seconds, on the clock of bsm_face_tick. */
#ifndef BSM_PLUGIN_UI_FACE_H
#define BSM_PLUGIN_UI_FACE_H

#include <stdbool.h>
#include <stddef.h>

#include "default_model.h"
#include "news.h"
#include "ports.h"
#include "watch.h"

/* ---- A meter, which falls slowly and holds its highest peak for a while ---- */

typedef struct bsm_meter {
    double db, hold;   /**< the level and the held peak in dB; BSM_METER_SILENT: none */
    double hold_until; /**< when the held peak is released */
} bsm_meter;

#define BSM_METER_SILENT (-120.0)

/** Feed a meter with a peak relative to full scale, `elapsed` seconds after the last one. */
void bsm_meter_feed(bsm_meter *meter, double peak, double elapsed, double now);

/** Whether the meter shows anything, so that it will still move. */
bool bsm_meter_moves(const bsm_meter *meter);

/* ---- The spectrum of the mixture over the last seconds, and the vocals' share of it ---- */

enum { BSM_SPECTRUM_BANDS = 80, BSM_SPECTRUM_COLUMNS = 128 };

/** The range of the bands in Hz. All bands have the same width on a logarithmic scale. */
#define BSM_SPECTRUM_LOW 60.0
#define BSM_SPECTRUM_HIGH 18000.0

/** One band at one time. Both values are 0 to 255. */
typedef struct bsm_spectrum_cell {
    uint8_t level;  /**< level of the mixture, on a scale in dB */
    uint8_t vocals; /**< the vocals' share of its power */
} bsm_spectrum_cell;

typedef struct bsm_spectrum {
    unsigned next; /**< the next column to write, which is the oldest one */
    bsm_spectrum_cell cells[BSM_SPECTRUM_COLUMNS][BSM_SPECTRUM_BANDS]; /**< lowest band first */
} bsm_spectrum;

/** Compute a column from a scene, in place of the oldest one. */
void bsm_spectrum_add(bsm_spectrum *spectrum, const bsm_scene *scene);

/** Return the position of a frequency in Hz, from 0 at the bottom to 1 at the top. */
double bsm_spectrum_place(double frequency);

/* ---- Lists of model files to choose from ---- */

typedef enum bsm_row_kind {
    BSM_ROW_HEADING,
    BSM_ROW_MODEL,  /**< chooses the model `path`; "": the plugin's default */
    BSM_ROW_FOLDER, /**< lists the folder `path` */
} bsm_row_kind;

typedef struct bsm_row {
    bsm_row_kind kind;
    char *path, *name;
    char facts[160];   /**< size, stems and number of weights; "": nothing is known */
    char figures[512]; /**< how well it separates, or why it cannot be used */
} bsm_row;

typedef struct bsm_model_rows {
    size_t count, room; /**< used and allocated rows */
    bsm_row *rows;
} bsm_model_rows;

/** What is known about a model file: the texts of its row, and the number of its weights. */
typedef struct bsm_model_facts {
    char facts[160], figures[512];
    double parameters; /**< 0: unknown */
} bsm_model_facts;

/** Read the facts of a model file. */
bsm_model_facts bsm_model_facts_of(const char *path);

/** Return the part of a path after the last '/'. */
const char *bsm_file_name(const char *path);

void bsm_model_rows_free(bsm_model_rows *rows);

/** List the default, a row that leads to other files, the models used lately, and those in the
 *  folders for models. */
void bsm_model_rows_list_models(bsm_model_rows *rows);

/** List the folders and models in a folder. */
void bsm_model_rows_list_folder(bsm_model_rows *rows, const char *folder);

/** Remember that a model was used, in $XDG_STATE_HOME/bsm/models, or ~/.local/state/bsm/models if
 *  that is not set. */
void bsm_remember_model(const char *path);

/* ---- All that the window shows, as plain values; drawing needs nothing else ---- */

/** The parts of the window that mouse and keyboard can point at. Those from BSM_FADER to BSM_METERS
 *  exist once per bsm_part, which is the `index` of the target. */
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
    BSM_POPUP, /**< covers others while it is open */
    BSM_CLOSE,
    BSM_CHOICE, /**< `index` is setting * BSM_CHOICES + choice */
    BSM_ROW,    /**< `index` is that of the row */
} bsm_widget;

/** The number of settings in the popup "More", and the most choices of one. */
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

/** Flags for the parts of the window that must be drawn again. */
enum { BSM_DIRTY_ALL = 1, BSM_DIRTY_METERS = 2, BSM_DIRTY_SPECTRUM = 4, BSM_DIRTY_TEXT = 8 };

typedef struct bsm_face {
    bool stems;
    float control[BSM_NUM_PORTS]; /**< values by bsm_port; 0 for other than control ports */
    double rate;                  /**< sample rate in Hz; 0: not known yet */
    double now;                   /**< the current time */

    char model[BSM_PATH_SIZE];    /**< value of the model parameter */
    bsm_model_facts facts;        /**< the facts about `model` */
    char status[BSM_STATUS_SIZE]; /**< value of the status parameter */
    double status_since;          /**< when it changed */
    double late_until;            /**< until then, the last miss counts as recent */

    bsm_meter separated[BSM_NUM_PARTS], heard[BSM_NUM_PARTS];
    double last_scene; /**< when the last scene arrived */
    bsm_spectrum spectrum;

    bsm_popup_kind popup;
    bsm_model_rows rows;
    double scroll; /**< by how many units (layout.h) the list is moved up */
    int chosen;    /**< the row or setting that the keyboard has selected; -1: none */

    bsm_target hot, pressed, focus; /**< under the mouse; held by it; with the keyboard's focus */
    bool focus_shown;               /**< the keyboard was used last */
    char typed[8];                  /**< a number that the user is typing; "": none */

    /** where the mouse rests, in units, and since when, for tips; since 0: it does not rest */
    double pointer_x, pointer_y, rest_since;

    unsigned dirty; /**< flags BSM_DIRTY_... */
} bsm_face;

/** Set the state in which the window is before the plugin has sent anything. */
void bsm_face_init(bsm_face *face, bool stems);
void bsm_face_free(bsm_face *face);

/* Values that the plugin sends. */

void bsm_face_set_control(bsm_face *face, bsm_port port, float value);
void bsm_face_set_model(bsm_face *face, const char *path);
void bsm_face_set_status(bsm_face *face, const char *status);
void bsm_face_set_scene(bsm_face *face, const bsm_scene *scene);

/** Let the time advance to `now`. */
void bsm_face_tick(bsm_face *face, double now);

typedef enum bsm_mood { BSM_GOOD, BSM_BUSY, BSM_BAD } bsm_mood;

/** Write in whole sentences what the plugin does, or why it does not do it. */
bsm_mood bsm_face_sentence(const bsm_face *face, char *text, size_t size);

/** Get the model's file name without its extension, as "default", or a request to choose one. */
void bsm_face_model_name(const bsm_face *face, char *text, size_t size);

/** Get the tip that explains a target; "" if there is none. */
void bsm_face_tip(const bsm_face *face, bsm_target target, char *text, size_t size);

/** Get the tip that is shown at the moment; false if there is none. */
bool bsm_face_shown_tip(const bsm_face *face, char *text, size_t size);

/** A setting in the popup "More". */
typedef struct bsm_setting {
    bsm_port port;
    const char *name, *what;
    const char *choices[BSM_CHOICES]; /**< labels as in ttl/, with NULL after the last */
} bsm_setting;

extern const bsm_setting bsm_face_settings[BSM_SETTINGS];

#endif
