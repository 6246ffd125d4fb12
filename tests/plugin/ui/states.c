/* SPDX-License-Identifier: ISC */
#include "states.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/remix.h"

static const char path[] = "/home/ada/.local/share/bsm/models/bsmamba2-vocals.safetensors";

/* Set the facts of a model file, which the tests do not have. */
static void give_model(bsm_face *face, double parameters)
{
    snprintf(face->model, sizeof face->model, "%s", path);
    snprintf(face->facts.facts, sizeof face->facts.facts, "96 MB, separates vocals, %.1f M weights",
             1e-6 * parameters);
    face->facts.parameters = parameters;
}

/* Return a scene of some tones; a melody is the vocals. */
static bsm_scene scene(size_t moment)
{
    static const double melody[] = {440, 523.25, 659.25, 587.33, 493.88, 440, 392, 440};
    const double sung = melody[moment / 16 % 8];
    bsm_scene s = {.rate = 48000, .levels = {.separated = {0.4F, 0.7F}, .heard = {0.5F, 0.2F}}};
    for (size_t i = 0; i < BSM_SCENE_WINDOW; i++) {
        const double t = 2 * M_PI * (double)i / 48000;
        double voice = 0, band = 0.2 * sin(110 * t) + 0.1 * sin(165 * t);
        for (int h = 1; h < 12; h++) {
            voice += 0.25 * sin(h * sung * t) / h;
            band += 0.06 * sin(h * 331 * t) / h;
        }
        voice *= moment % 16 < 12 ? 1 : 0;
        s.vocals[i] = (int16_t)(BSM_SCENE_FULL * voice);
        s.mixture[i] = (int16_t)(BSM_SCENE_FULL * (voice + band));
    }
    return s;
}

static void play(bsm_face *face)
{
    give_model(face, 48.1e6);
    bsm_face_set_status(face, "ready: bsmamba2-vocals.safetensors on cuda (NVIDIA H100, bfloat16)");
    bsm_face_set_control(face, BSM_PORT_LATENCY, 35808);
    bsm_face_set_control(face, BSM_PORT_LOAD, 23);
    bsm_face_set_control(face, BSM_PORT_VOCALS_GAIN, 2);
    bsm_face_set_control(face, BSM_PORT_INSTRUMENTAL_GAIN, -9.5F);
    for (size_t moment = 0; moment < BSM_SPECTRUM_COLUMNS; moment++) {
        const bsm_scene s = scene(moment);
        bsm_face_tick(face, (double)moment / BSM_SCENES_PER_SECOND);
        bsm_face_set_scene(face, &s);
    }
}

static void make_idle(bsm_face *face)
{
    give_model(face, 1.9e6);
    face->rate = 48000;
    bsm_face_set_control(face, BSM_PORT_LATENCY, 35808);
    bsm_face_set_status(
        face, "ready: bsmamba2-vocals.safetensors on cpu (oneDNN 2.6.3, AVX-512); fits this "
              "machine: load 6 % at 0.75 s of latency, with blocks of 0.35 s, 0.28 s of "
              "look-ahead, memory carried, in bfloat16");
}

static void make_playing(bsm_face *face)
{
    play(face);
}

static void make_loading(bsm_face *face)
{
    play(face);
    bsm_face_set_status(face, "loading: /home/ada/Downloads/bs_mamba2_vocals.ckpt");
    bsm_face_tick(face, face->now + 3);
}

static void make_failed(bsm_face *face)
{
    play(face);
    bsm_face_set_control(face, BSM_PORT_VOCALS_MUTE, 1);
    bsm_face_set_control(face, BSM_PORT_SOLO, BSM_SOLO_INSTRUMENTAL);
    bsm_face_set_control(face, BSM_PORT_VOCALS_GAIN, BSM_GAIN_MUTE);
    bsm_face_set_control(face, BSM_PORT_ENABLED, 0);
    bsm_face_set_status(
        face,
        "failed: /home/ada/Downloads/a very long folder/bs_mamba2_vocals.ckpt: the tensor "
        "band_split.to_features.0.1.weight has the shape [128, 32] where the configuration needs "
        "[128, 16]; instead plays /usr/share/bsm/models/default.safetensors");
}

static void make_too_slow(bsm_face *face)
{
    play(face);
    bsm_face_set_control(face, BSM_PORT_LOAD, 132);
    bsm_face_set_control(face, BSM_PORT_MISSES, 1234);
    bsm_face_set_status(face, "too slow: load 132 %, at worst 210 %; 1234 blocks were late");
}

static void row(bsm_face *face, size_t at, bsm_row_kind kind, const char *name, const char *facts,
                const char *figures)
{
    bsm_row *r = &face->rows.rows[at];
    *r = (bsm_row){.kind = kind, .name = strdup(name), .path = strdup(name)};
    snprintf(r->facts, sizeof r->facts, "%s", facts);
    snprintf(r->figures, sizeof r->figures, "%s", figures);
}

static void make_models(bsm_face *face)
{
    static const char figures[] = "mean uSDR of 8 songs by acts that were not trained on (of the "
                                  "vocals, silence has 0 dB and "
                                  "centre extraction 2.90 dB); whole files: vocals 4.92 dB, "
                                  "instrumental 9.72 dB; live, 0.8 s "
                                  "late: vocals 4.28 dB, instrumental 9.08 dB";
    play(face);
    face->popup = BSM_POPUP_MODELS;
    face->rows = (bsm_model_rows){.count = 8, .room = 8, .rows = calloc(8, sizeof(bsm_row))};
    row(face, 0, BSM_ROW_MODEL, "The default", "",
        "What $BSM_MODEL names, or else the model that came with the plugin.");
    row(face, 1, BSM_ROW_FOLDER, "Other file...", "", "");
    row(face, 2, BSM_ROW_HEADING, "Used lately", "", "");
    row(face, 3, BSM_ROW_MODEL, "bs_mamba2_vocals", "193 MB",
        "A PyTorch checkpoint: what it has is seen when it is loaded.");
    row(face, 4, BSM_ROW_HEADING, "/home/ada/.local/share/bsm/models", "", "");
    row(face, 5, BSM_ROW_MODEL, "bsmamba2-vocals", "96 MB, separates vocals, 48.1 M weights",
        "Its file does not say how well it separates.");
    row(face, 6, BSM_ROW_HEADING, "/usr/share/bsm/models", "", "");
    row(face, 7, BSM_ROW_MODEL, "default", "3.9 MB, separates vocals, 1.9 M weights", figures);
    face->hot = (bsm_target){BSM_ROW, 5};
}

static void make_more(bsm_face *face)
{
    make_idle(face);
    face->popup = BSM_POPUP_MORE;
    face->chosen = 1;
    face->focus_shown = true;
}

static void make_tip(bsm_face *face)
{
    make_idle(face);
    snprintf(face->typed, sizeof face->typed, "-12.");
    face->focus = (bsm_target){BSM_FADER, 1};
    face->focus_shown = true;
    face->hot = (bsm_target){BSM_FADER, 0};
    face->pointer_x = 60;
    face->pointer_y = 150;
    face->rest_since = 1;
    bsm_face_tick(face, 3);
}

const window_state window_states[WINDOW_STATES] = {
    {"idle", false, make_idle},        {"playing", false, make_playing},
    {"loading", true, make_loading},   {"failed", false, make_failed},
    {"too-slow", true, make_too_slow}, {"models", false, make_models},
    {"more", true, make_more},         {"tip", false, make_tip},
};
