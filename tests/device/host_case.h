/* SPDX-License-Identifier: ISC */
/** A bsm_host with a small network and an item, for tests of device/host. */
#ifndef BSM_TESTS_HOST_CASE_H
#define BSM_TESTS_HOST_CASE_H

#include "device/host/host.h"

enum { CHANNELS = 2, SAMPLES = 13230 };

bsm_config tiny(void);

/** Return options with the published loss and items of SAMPLES. */
bsm_training_options options(size_t threads);

bsm_host *host_with(const bsm_config *config, const bsm_training_options *with);
void host_free(bsm_host *host);

size_t spectrum_floats(const bsm_host *host);

/** Load signals of [channel][SAMPLES] each, which the caller keeps; every stem is `target`. */
void load(bsm_host *host, const float *mixture, const float *target);

/** Return a host with a random mixture and masked spectrum. The target is `level` times the
 *  mixture, but silent in the first `silent` samples. Only one can exist at a time, because they
 *  share their signals. */
bsm_host *random_host(const bsm_training_options *with, float level, size_t silent);

bsm_loss loss_of(bsm_host *host, double scale);

void assert_near(double actual, double expected, double relative);
double dot(const float *a, const float *b, size_t count);

#endif
