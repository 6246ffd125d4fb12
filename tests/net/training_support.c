/* SPDX-License-Identifier: ISC */
/* What the tests of training share. */
#include "training_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

bsm_training *training_of(const bsm_config *config, const bsm_training_options *options)
{
    bsm_model *model = NULL;
    bsm_training *training = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_model_new_untrained(config, &model, NULL), BSM_OK);
    if (bsm_training_new(model, options, &training, &error)) {
        fail_msg("%s", error.message);
    }
    bsm_model_free(model);
    return training;
}

float *read_vector(bsm_training *training, bsm_training_vector vector)
{
    float *values = malloc(bsm_training_vector_size(training) * sizeof *values);
    assert_int_equal(bsm_training_read(training, vector, values, NULL), BSM_OK);
    return values;
}

bsm_adamw published_step(uint64_t number, double norm)
{
    return (bsm_adamw){.learning_rate = 5e-4,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .epsilon = 1e-8,
                       .weight_decay = 0.01,
                       .step = number,
                       .gradient_scale = fmin(1, 3 / (norm + 1e-6)),
                       .ema = 0.999};
}

double largest(const float *values, size_t count)
{
    double found = 0;
    for (size_t i = 0; i < count; i++) {
        found = fmax(found, fabs((double)values[i]));
    }
    return found;
}
