/* SPDX-License-Identifier: ISC */
/* Writes a model file whose mask is 1, so that all music becomes vocals: make_identity FILE */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "identity.h"

int main(int argc, char **argv)
{
    bsm_error error = {0};
    bsm_config config = small_stream_config();
    bsm_model *model = argc == 2 ? identity_model(&config) : NULL;
    if (!model || bsm_model_save(model, argv[1], BSM_F32, true, &error)) {
        fprintf(stderr, "make_identity FILE: %s\n", error.message);
        return 1;
    }
    bsm_model_free(model);
    return 0;
}
