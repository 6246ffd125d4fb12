/* SPDX-License-Identifier: ISC */
/** All that the window shows, as plain values: to draw it needs nothing else. */
#ifndef BSM_UI_FACE_H
#define BSM_UI_FACE_H

#include "meter.h"
#include "model_files.h"
#include "news.h"
#include "ports.h"
#include "spectrum.h"

/** What the mouse and the keyboard can be at. The first ones come once per part, by `index`. */
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
    BSM_POPUP, /**< what covers the others while it is open */
    BSM_CLOSE,
    BSM_CHOICE, /**< index: setting * BSM_CHOICES + choice */
    BSM_ROW,    /**< index: of the row */
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

/** Parts of the picture that are to be drawn again. */
enum { BSM_DIRTY_ALL = 1, BSM_DIRTY_METERS = 2, BSM_DIRTY_SPECTRUM = 4, BSM_DIRTY_TEXT = 8 };

typedef struct bsm_face {
    bool stems;
    float control[BSM_NUM_PORTS]; /**< by bsm_port; those that are no control ports: 0 */
    double rate;                  /**< Hz; 0: not known yet */
    double now;                   /**< seconds */

    char model[BSM_PATH_SIZE];
    bsm_model_facts facts; /**< of `model` */
    char status[BSM_STATUS_SIZE];
    double status_since;
    double late_until; /**< there was a miss lately */

    bsm_meter separated[BSM_NUM_PARTS], heard[BSM_NUM_PARTS];
    double last_scene; /**< when it came */
    bsm_spectrum spectrum;

    bsm_popup_kind popup;
    bsm_model_rows rows;
    double scroll; /**< units that the list is moved up */
    int chosen;    /**< the row, or the setting, that the keyboard is at; -1: none */

    bsm_target hot, pressed, focus;
    bool focus_shown;                        /**< the keyboard was used last */
    char typed[8];                           /**< "": nobody types */
    double pointer_x, pointer_y, rest_since; /**< where the mouse rests, for tooltips */

    unsigned dirty;
} bsm_face;

/** As it is before the plugin has said anything. */
void bsm_face_init(bsm_face *face, bool stems);
void bsm_face_free(bsm_face *face);

/** News from the plugin. */
void bsm_face_set_control(bsm_face *face, bsm_port port, float value);
void bsm_face_set_model(bsm_face *face, const char *path);
void bsm_face_set_status(bsm_face *face, const char *status);
void bsm_face_set_scene(bsm_face *face, const bsm_scene *scene);

/** Time goes on, to `now` seconds. */
void bsm_face_tick(bsm_face *face, double now);

typedef enum bsm_mood { BSM_GOOD, BSM_BUSY, BSM_BAD } bsm_mood;

/** What the plugin does, or why it does not, in whole sentences. */
bsm_mood bsm_face_sentence(const bsm_face *face, char *text, size_t size);

/** "default" for ".../default.safetensors". */
void bsm_face_model_name(const bsm_face *face, char *text, size_t size);

/** What a widget is for; "": nothing to say. */
void bsm_face_tip(const bsm_face *face, bsm_target target, char *text, size_t size);

/** The tip that is shown now; false: none. */
bool bsm_face_shown_tip(const bsm_face *face, char *text, size_t size);

/** A setting of "more". */
typedef struct bsm_setting {
    bsm_port port;
    const char *name, *what;
    const char *choices[BSM_CHOICES]; /**< as in ttl/; NULL behind the last */
} bsm_setting;

extern const bsm_setting bsm_face_settings[BSM_SETTINGS];

#endif
