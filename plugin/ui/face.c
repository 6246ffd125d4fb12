/* SPDX-License-Identifier: ISC */
/* The window's state. */
#include "face.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double FALL = 26; /* dB per second */
static const double HOLD = 1.5;

void bsm_meter_feed(bsm_meter *meter, double peak, double elapsed, double now)
{
    const double db = peak > 1e-6 ? 20 * log10(peak) : BSM_METER_SILENT;
    meter->db = fmax(fmax(db, meter->db - FALL * elapsed), BSM_METER_SILENT);
    if (meter->db >= meter->hold || now >= meter->hold_until) {
        meter->hold = fmax(meter->db, BSM_METER_SILENT);
        meter->hold_until = now + HOLD;
    }
}

bool bsm_meter_moves(const bsm_meter *meter)
{
    return meter->db > BSM_METER_SILENT || meter->hold > BSM_METER_SILENT;
}

static const double LATE_SECONDS = 3, TIP_SECONDS = 0.7, QUIET_SECONDS = 0.3;
static const double SMALL_MODEL =
    5e6; /* weights; smaller models gain nothing from less exact products */

const bsm_setting bsm_face_settings[BSM_SETTINGS] = {
    {BSM_PORT_LOOKAHEAD,
     "Look-ahead",
     "How far the network hears into the future, which is the latency. More separates better and "
     "computes less.",
     {"Low (0.3 s)", "Normal (0.8 s)", "High (2 s)"}},
    {BSM_PORT_PRECISION,
     "Precision",
     "How exactly the network multiplies. Automatic is the fastest that keeps errors under -40 dB. "
     "What a device does not have it replaces by the next more exact one.",
     {"float32", "tf32", "bfloat16", "int8", "Automatic"}},
    {BSM_PORT_MEMORY,
     "Memory",
     "How far back the network remembers: for ever, or no further than it was trained to, which "
     "computes "
     "more, above all when bounded.",
     {"Model's own", "Carried", "Bounded", "Rolling"}},
    {BSM_PORT_DEVICE,
     "Device",
     "Where the network computes. Automatic is the fastest one that works.",
     {"Automatic", "CPU", "CUDA"}},
};

void bsm_face_init(bsm_face *face, bool stems)
{
    *face = (bsm_face){.stems = stems, .chosen = -1, .dirty = BSM_DIRTY_ALL};
    face->control[BSM_PORT_LOOKAHEAD] = BSM_LOOKAHEAD_NORMAL;
    face->control[BSM_PORT_ENABLED] = 1;
    face->control[BSM_PORT_PRECISION] = BSM_CHOICE_LIVE;
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        face->separated[p].db = face->separated[p].hold = BSM_METER_SILENT;
        face->heard[p].db = face->heard[p].hold = BSM_METER_SILENT;
    }
}

void bsm_face_free(bsm_face *face)
{
    bsm_model_rows_free(&face->rows);
}

/* ---- News ---- */

static unsigned dirt_of(bsm_port port)
{
    return port == BSM_PORT_LATENCY || port == BSM_PORT_LOAD || port == BSM_PORT_MISSES
               ? BSM_DIRTY_TEXT
               : BSM_DIRTY_ALL;
}

void bsm_face_set_control(bsm_face *face, bsm_port port, float value)
{
    if (port == BSM_PORT_LOAD) { /* only as much as is shown */
        value = roundf(value);
    }
    if (face->control[port] == value) {
        return;
    }
    if (port == BSM_PORT_MISSES && value > face->control[port]) {
        face->late_until = face->now + LATE_SECONDS;
    }
    face->control[port] = value;
    face->dirty |= dirt_of(port);
}

void bsm_face_set_model(bsm_face *face, const char *path)
{
    snprintf(face->model, sizeof face->model, "%s", path);
    face->facts = *path ? bsm_model_facts_of(path) : (bsm_model_facts){0};
    face->dirty |= BSM_DIRTY_ALL;
}

void bsm_face_set_status(bsm_face *face, const char *status)
{
    if (strcmp(face->status, status) != 0) {
        snprintf(face->status, sizeof face->status, "%s", status);
        face->status_since = face->now;
        face->dirty |= BSM_DIRTY_ALL; /* the spectrum makes room for the words */
    }
}

static void feed_meters(bsm_face *face, const bsm_levels *levels, double elapsed)
{
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        bsm_meter_feed(&face->separated[p], (double)levels->separated[p], elapsed, face->now);
        bsm_meter_feed(&face->heard[p], (double)levels->heard[p], elapsed, face->now);
    }
}

static bool meters_move(const bsm_face *face)
{
    bool moves = false;
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        moves = moves || bsm_meter_moves(&face->separated[p]) || bsm_meter_moves(&face->heard[p]);
    }
    return moves;
}

static bool is_silent(const bsm_scene *scene)
{
    for (size_t i = 0; i < BSM_SCENE_WINDOW; i++) {
        if (scene->mixture[i]) {
            return false;
        }
    }
    return true;
}

static bool is_empty(const bsm_spectrum *spectrum)
{
    static const bsm_spectrum empty;
    return memcmp(spectrum->cells, empty.cells, sizeof empty.cells) == 0;
}

/* Silence after silence changes nothing in the picture. */
void bsm_face_set_scene(bsm_face *face, const bsm_scene *scene)
{
    const bool moved = meters_move(face);
    const double elapsed = fmin(face->now - face->last_scene, QUIET_SECONDS);
    face->last_scene = face->now;
    feed_meters(face, &scene->levels, elapsed);
    face->dirty |= moved || meters_move(face) ? BSM_DIRTY_METERS : 0;
    if (!is_silent(scene) || !is_empty(&face->spectrum)) {
        bsm_spectrum_add(&face->spectrum, scene);
        face->dirty |= BSM_DIRTY_SPECTRUM;
    }
    if (face->rate != (double)scene->rate) {
        face->rate = (double)scene->rate;
        face->dirty |= BSM_DIRTY_TEXT;
    }
}

/* ---- Time ---- */

static bool is_loading(const bsm_face *face)
{
    return strncmp(face->status, "loading", 7) == 0;
}

static bool tip_is_due(const bsm_face *face, double now)
{
    return face->rest_since > 0 && now - face->rest_since >= TIP_SECONDS;
}

void bsm_face_tick(bsm_face *face, double now)
{
    const double before = face->now;
    face->now = now;
    if (floor(10 * before) != floor(10 * now)) {
        if (now - face->last_scene > QUIET_SECONDS && meters_move(face)) {
            feed_meters(face, &(bsm_levels){0}, 0.1); /* the host has stopped */
            face->dirty |= BSM_DIRTY_METERS;
        }
        /* The sentence grows with the seconds and may need another line. */
        const bool second = floor(before) != floor(now);
        face->dirty |= !is_loading(face) ? 0 : second ? BSM_DIRTY_ALL : BSM_DIRTY_TEXT;
    }
    if ((before < face->late_until) != (now < face->late_until) ||
        tip_is_due(face, before) != tip_is_due(face, now)) {
        face->dirty |= BSM_DIRTY_ALL;
    }
}

/* ---- Words ---- */

void bsm_face_model_name(const bsm_face *face, char *text, size_t size)
{
    const char *file = bsm_file_name(face->model);
    const size_t length = model_folders_name_length(file);
    if (!*file) {
        snprintf(text, size, "Choose a model");
    } else {
        snprintf(text, size, "%.*s", (int)(length ? length : strlen(file)), file);
    }
}

/* Semicolons separate the parts of a status; each part becomes a sentence. */
static void make_sentences(char *text, size_t size)
{
    const size_t length = strlen(text);
    text[0] = (char)toupper((unsigned char)text[0]);
    for (char *part = strstr(text, "; "); part; part = strstr(part, "; ")) {
        part[0] = '.';
        part[2] = (char)toupper((unsigned char)part[2]);
    }
    if (length > 0 && length + 1 < size && !strchr(".!?", text[length - 1])) {
        memcpy(text + length, ".", 2);
    }
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bsm_mood bsm_face_sentence(const bsm_face *face, char *text, size_t size)
{
    if (!*face->status) {
        snprintf(text, size, "The plugin has not said anything yet. Does the host run it?");
        return BSM_BUSY;
    }
    if (is_loading(face)) {
        char name[160];
        const double seconds = face->now - face->status_since;
        const char *path = strchr(face->status, ':');
        snprintf(name, sizeof name, "%s", bsm_file_name(path ? path + 1 : face->status));
        snprintf(text, size, "Loading %s, since %.0f s. What plays now plays on.",
                 name + strspn(name, " "), floor(seconds));
        return BSM_BUSY;
    }
    snprintf(text, size, "%s", face->status);
    make_sentences(text, size);
    if (begins(face->status, "too slow:")) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used,
                 " Then the input is heard instead. Choose a smaller model, or under More a longer "
                 "look-ahead%s.",
                 face->facts.parameters > SMALL_MODEL ? " or a less exact precision" : "");
    }
    return begins(face->status, "ready") ? BSM_GOOD : BSM_BAD;
}

/* ---- Tips ---- */

static void choice_tip(const bsm_face *face, int index, char *text, size_t size)
{
    const bsm_setting *setting = &bsm_face_settings[index / BSM_CHOICES];
    const double weights = face->facts.parameters;
    if (setting->port == BSM_PORT_PRECISION && weights > 0 && weights < SMALL_MODEL) {
        snprintf(text, size,
                 "This model is small (%.1f million weights): float32 is about as fast as any less "
                 "exact precision.",
                 1e-6 * weights);
    } else {
        snprintf(text, size, "%s", setting->what);
    }
}

void bsm_face_tip(const bsm_face *face, bsm_target target, char *text, size_t size)
{
    static const char *const parts[] = {"vocals", "instrumental"};
    const char *part = parts[target.index ? 1 : 0];
    text[0] = '\0';
    switch (target.widget) {
    case BSM_FADER:
    case BSM_VALUE:
        snprintf(text, size,
                 "The gain of the %s. Drag, turn the wheel (with Shift in fine steps), press the "
                 "arrow keys or type a number; a double click resets it to 0 dB.",
                 part);
        break;
    case BSM_MUTE: snprintf(text, size, "Silence the %s.", part); break;
    case BSM_SOLO: snprintf(text, size, "Hear the %s alone.", part); break;
    case BSM_METERS:
        snprintf(
            text, size,
            "The %s as separated (left) and after the fader (right). The meters show peaks in dB "
            "of full scale; a line marks the highest recent one.",
            part);
        break;
    case BSM_MODEL_BUTTON:
        snprintf(text, size, "%s", *face->model ? face->model : "Choose a model file.");
        break;
    case BSM_BYPASS:
        snprintf(text, size, "Pass the input unchanged, with the same latency.");
        break;
    case BSM_MORE: snprintf(text, size, "Look-ahead, precision, memory and device."); break;
    case BSM_SPECTRUM:
        snprintf(text, size,
                 "The music's spectrum over the last seconds. What the network takes for vocals is "
                 "orange.");
        break;
    case BSM_LATENCY_CELL:
        snprintf(text, size,
                 "How much later the output is than the input. The host knows this and "
                 "shifts other tracks to match.");
        break;
    case BSM_LOAD_CELL:
        snprintf(text, size,
                 "The network's computing time in percent of the time available. "
                 "Over 100 (the line), it cannot keep up.");
        break;
    case BSM_MISSES_CELL:
        snprintf(text, size,
                 "How often since the start a result was not ready in time, so that the "
                 "input was heard instead.");
        break;
    case BSM_CHOICE: choice_tip(face, target.index, text, size); break;
    case BSM_ROW:
        if (target.index < (int)face->rows.count) {
            const bsm_row *row = &face->rows.rows[target.index];
            snprintf(text, size, "%s%s%s", row->path, *row->figures ? ": " : "", row->figures);
        }
        break;
    case BSM_NOTHING:
    case BSM_POPUP:
    case BSM_CLOSE: break;
    }
}

bool bsm_face_shown_tip(const bsm_face *face, char *text, size_t size)
{
    text[0] = '\0';
    if (tip_is_due(face, face->now) && face->pressed.widget == BSM_NOTHING) {
        bsm_face_tip(face, face->hot, text, size);
    }
    return *text;
}
