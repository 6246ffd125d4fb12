/* SPDX-License-Identifier: ISC */
/* What is made of the table of keys. The published values are YAML. A section is a text of its own:
 * where the 17th, 33rd, ... node of a text is a section or a list, libyaml 0.2.5 leaks without
 * memory. Without a value a key is null.
 */
#include <stdio.h>

#include "config/settings.h"

#define LINE(S, KIND, KEY, DEFAULT, ...) S #KEY ": " DEFAULT "\n"

const char *const bsm_settings_defaults[BSM_NUM_DEFAULTS] = {
    "model:\n" BSM_MODEL_KEYS(LINE, "  "),
    "audio:\n" BSM_AUDIO_KEYS(LINE, "  "),
    "training:\n" BSM_TRAINING_KEYS(LINE, "  "),
    "training:\n  schedule:\n" BSM_SCHEDULE_KEYS(LINE, "    "),
    "loss:\n" BSM_LOSS_KEYS(LINE, "  "),
    "data:\n" BSM_DATA_KEYS(LINE, "  "),
    "sad:\n" BSM_SAD_KEYS(LINE, "  "),
    "validation:\n" BSM_VALIDATION_KEYS(LINE, "  "),
};

/* ---- The keys, explained: YAML with comments, which is a configuration itself ---- */

typedef struct row {
    const char *indent, *key, *value;
    double low, high; /**< both 0: no range of a number */
    const char *help;
} row;

#define ROW(S, KIND, KEY, DEFAULT, LOW, HIGH, HELP) {S, #KEY, DEFAULT, LOW, HIGH, HELP},
#define HEADING(NAME) {"", NAME, "", 0, 0, ""},

static const row rows[] = {
    HEADING("model") BSM_MODEL_KEYS(ROW, "  ") HEADING("audio") BSM_AUDIO_KEYS(ROW, "  ")
        HEADING("training") BSM_TRAINING_KEYS(ROW, "  "){"  ", "schedule", "", 0, 0, ""},
    BSM_SCHEDULE_KEYS(ROW, "    ") HEADING("loss") BSM_LOSS_KEYS(ROW, "  ") HEADING("data")
        BSM_DATA_KEYS(ROW, "  ") HEADING("sad") BSM_SAD_KEYS(ROW, "  ") HEADING("validation")
            BSM_VALIDATION_KEYS(ROW, "  ")};

static void print_row(const row *r)
{
    printf("%s%s:%s%s", r->indent, r->key, *r->value ? " " : "", r->value);
    if (*r->help) {
        printf("  # %s", r->help);
    }
    if (r->low != 0 || r->high != 0) {
        printf(r->high < 1e6 ? " %g to %g." : " %g or more.", r->low, r->high);
    }
    putchar('\n');
}

void bsm_settings_print_keys(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_row(&rows[i]);
    }
}
