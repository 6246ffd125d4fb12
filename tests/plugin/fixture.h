/* SPDX-License-Identifier: ISC */
/** What the plugin's tests share: a host, model files, and a delay line to compare with. */
#ifndef BSM_TESTS_PLUGIN_FIXTURE_H
#define BSM_TESTS_PLUGIN_FIXTURE_H

#include "bsm/model.h"
#include "host.h"

/** Group setup and teardown: a host, and a folder with models that is removed at the end. */
int fixture_open(void **state);
int fixture_close(void **state);

const host *fixture_host(void *const *state);

/** Return true with sanitizers, where shorter tests are enough. */
bool fixture_quick(void);

/** Return the path of a model file whose mask is 1, or of one with other weights. */
const char *fixture_identity(void);
const char *fixture_other(void);

/** Write a model file, and free the model. Its memory is set to "carried", which needs so little
 *  time that it fits every machine. */
void fixture_save(bsm_model *model, const char *path);

/** Return a path in the tests' folder, valid until the next call. */
const char *fixture_path(const char *name);

/** Like instance_open, but failure fails the test. */
instance *fixture_instance(const LilvPlugin *plugin, double rate, host_worker worker);

/** Call run() until the status begins with `status`, in about real time, while the plugin waits for
 *  its results; fails the test after 20 s. */
void fixture_run_until(instance *i, const char *status);

/** The last samples that were given to an instance. */
enum { DELAY_LINE = 1 << 19 };
typedef struct delay_line {
    float *samples[2];
    size_t count;
} delay_line;

/** Initialise a delay line. Its memory is freed at the program's end; only one can be used at a
 *  time. */
void delay_line_init(delay_line *line);

/** Fill the inputs with noise and remember it. */
void delay_line_feed(delay_line *line, instance *i, uint64_t *seed, size_t frames);

/** Return the largest difference between the outputs' sum and the input `latency` samples ago. */
float delay_line_compare(const delay_line *line, instance *i, bool stems, size_t latency,
                         size_t frames);

#endif
