/* SPDX-License-Identifier: ISC */
/* The keys of a configuration, explained: YAML with comments, which is a configuration itself. */
#include <stdio.h>

#include "config/settings.h"

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
