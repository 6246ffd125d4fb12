/* SPDX-License-Identifier: ISC */
/** What the plugin's tests share: a host, model files, and a delay to compare with. */
#ifndef BSM_TESTS_PLUGIN_FIXTURE_H
#define BSM_TESTS_PLUGIN_FIXTURE_H

#include "bsm/model.h"
#include "host.h"

/** Group setup and teardown: a host, and a folder with models that vanishes at the end. */
int fixture_open(void **state);
int fixture_close(void **state);

const host *fixture_host(void *const *state);

/** Under sanitizers: shorter is enough. */
bool fixture_quick(void);

/** A model file whose mask is 1, and another of other weights. */
const char *fixture_identity(void);
const char *fixture_other(void);

/** Write a model file, and free the model. Its memory is carried, which takes so little time that
 * it fits every machine. */
void fixture_save(bsm_model *model, const char *path);

/** A path in the tests' folder, valid until the next call. */
const char *fixture_path(const char *name);

/** As instance_open, but must succeed. */
instance *fixture_instance(const LilvPlugin *plugin, double rate, host_worker worker);

/** run() until the status begins with `status`, in about real time, waiting for the plugin's
 * results; fails after 20 s. */
void fixture_run_until(instance *i, const char *status);

/** The last samples that went into an instance. */
enum { DELAY_LINE = 1 << 19 };
typedef struct delay_line {
    float *samples[2];
    size_t count;
} delay_line;

/** Freed at the program's end; one at a time. */
void delay_line_init(delay_line *line);

/** Fill the inputs with noise and remember it. */
void delay_line_feed(delay_line *line, instance *i, uint64_t *seed, size_t frames);

/** The largest difference between the outputs' sum and the input `latency` samples ago. */
float delay_line_compare(const delay_line *line, instance *i, bool stems, size_t latency,
                         size_t frames);

#endif
