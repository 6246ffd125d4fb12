/* SPDX-License-Identifier: ISC */
/* Compares the reference device's gradients with finite differences of its own modules, at odd
 * sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/differences.h"
#include "device/host/host.h"
#include "device/reference/space.h"
#include "device/small_network.h"
#include "model/weight_vector.h"
#include "noise.h"

static const double NOISE = 1e-5;

static float *random_values(uint64_t seed, size_t count)
{
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    noise_fill(&seed, values, count);
    return values;
}

static double *zeros(size_t count)
{
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

static double *doubles(const float *values, size_t count)
{
    double *copy = zeros(count);
    for (size_t i = 0; i < count; i++) {
        copy[i] = (double)values[i];
    }
    return copy;
}

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

/* ---- Layers: y is a function of x and of weights, and dy . y the number whose gradient is
 * checked ---- */

typedef struct layer {
    size_t in, out;
    float *x, *weight, *bias, *dy, *y;
    void (*forward)(const struct layer *layer);
} layer;

static double layer_function(void *user)
{
    const layer *l = user;
    l->forward(l);
    return dot(l->dy, l->y, l->out);
}

static layer layer_new(size_t in, size_t out, size_t weights,
                       void (*forward)(const struct layer *layer))
{
    return (layer){.in = in,
                   .out = out,
                   .x = random_values(1, in),
                   .weight = random_values(2, weights),
                   .bias = random_values(3, out),
                   .dy = random_values(4, out),
                   .y = random_values(5, out),
                   .forward = forward};
}

static void layer_check(const char *name, layer *l, size_t weights, double *dx, double *dweight,
                        double *dbias)
{
    differences_input inputs[] = {{"x", l->x, dx, l->in},
                                  {"weight", l->weight, dweight, weights},
                                  {"bias", l->bias, dbias, l->out}};
    differences_check(name, layer_function, l, inputs, dbias ? 3 : 2, NOISE);
    free(dx);
    free(dweight);
    free(dbias);
    free(l->x);
    free(l->weight);
    free(l->bias);
    free(l->dy);
    free(l->y);
}

static void linear_forward(const layer *l)
{
    bsm_reference_linear(l->in, l->out, l->x, &(bsm_linear){l->weight, l->bias}, l->y);
}

static void rms_forward(const layer *l)
{
    bsm_reference_rms_norm(l->in, l->x, l->weight, l->y);
}

static void l2_forward(const layer *l)
{
    bsm_reference_l2_norm(l->in, l->x, l->weight, l->y);
}

static void test_linear(void **unused)
{
    (void)unused;
    static const size_t sizes[][2] = {{1, 1}, {5, 3}, {3, 17}};
    for (size_t i = 0; i < 3; i++) {
        size_t in = sizes[i][0], out = sizes[i][1];
        layer l = layer_new(in, out, in * out, linear_forward);
        double *dy = doubles(l.dy, out), *dx = zeros(in), *dweight = zeros(in * out);
        double *dbias = zeros(out);
        bsm_reference_linear_backward(in, out, l.x, l.weight, dy, dx, dweight, dbias);
        free(dy);
        layer_check("linear", &l, in * out, dx, dweight, dbias);
    }
}

static void test_rms_norm(void **unused)
{
    (void)unused;
    for (size_t n = 1; n <= 13; n += 6) {
        layer l = layer_new(n, n, n, rms_forward);
        double *dy = doubles(l.dy, n), *dx = zeros(n), *dweight = zeros(n);
        bsm_reference_rms_norm_backward(n, l.x, l.weight, dy, dx, dweight);
        free(dy);
        layer_check("RMS norm", &l, n, dx, dweight, NULL);
    }
}

static void test_l2_norm(void **unused)
{
    (void)unused;
    for (size_t n = 1; n <= 13; n += 6) {
        layer l = layer_new(n, n, n, l2_forward);
        double *dy = doubles(l.dy, n), *dx = zeros(n), *dweight = zeros(n);
        bsm_reference_l2_norm_backward(n, l.x, l.weight, dy, dx, dweight);
        free(dy);
        layer_check("L2 norm", &l, n, dx, dweight, NULL);
    }
}

/* For silence the norm is limited to 1e-12, so the gradient is that of a constant factor. */
static void test_l2_norm_of_silence(void **unused)
{
    (void)unused;
    const float x[4] = {0}, gamma[4] = {1, 2, 3, 4};
    const double dy[4] = {1, -1, 1, -1};
    double dx[4] = {0}, dgamma[4] = {0};
    bsm_reference_l2_norm_backward(4, x, gamma, dy, dx, dgamma);
    for (size_t i = 0; i < 4; i++) {
        assert_true(dgamma[i] == 0);
        assert_true(fabs(dx[i] - dy[i] * (double)gamma[i] * 2e12) < 1e3);
    }
}

/* ---- Modules, with the weights of a whole model ---- */

typedef struct network {
    bsm_model *model;
    bsm_weights *weights;
    float *vector;
    double *gradient; /* by all weights */
    size_t size;
} network;

static network network_new(const bsm_config *config)
{
    network n;
    bsm_error error = {0};
    n.model = small_network_model(config, &n.vector);
    assert_int_equal(bsm_vector_size(config, &n.size, &error), BSM_OK);
    assert_int_equal(bsm_weights_new(n.model, &n.weights, &error), BSM_OK);
    n.gradient = zeros(n.size);
    return n;
}

static void network_free(network *n)
{
    bsm_weights_free(n->weights);
    bsm_model_free(n->model);
    free(n->gradient);
}

static bsm_reference_gradients gradients_of(const network *n)
{
    return (bsm_reference_gradients){.weights = n->vector, .values = n->gradient};
}

/* Check the gradients by `x` (if dx is not NULL) and by each tensor whose name starts with
 * `prefix`. */
static void check_module(network *n, const char *prefix, differences_function *function, void *user,
                         float *x, const double *dx, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < bsm_model_num_tensors(n->model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(n->model, i);
        size_t offset = (size_t)((const float *)tensor->data - n->vector);
        differences_input input = {tensor->name, n->vector + offset, n->gradient + offset,
                                   tensor->count};
        if (strncmp(tensor->name, prefix, strlen(prefix)) == 0) {
            differences_check(prefix, function, user, &input, 1, NOISE);
            found++;
        }
    }
    assert_true(found > 0);
    if (dx) {
        differences_input input = {"x", x, dx, count};
        differences_check(prefix, function, user, &input, 1, NOISE);
    }
}

/* ---- A path ---- */

typedef struct path_case {
    bsm_reference_path path;
    bsm_reference_path_memory memory;
    void *block;
    float *x, *y, *dy;
    size_t count;
} path_case;

static double path_function(void *user)
{
    const path_case *c = user;
    bsm_reference_path_forward(&c->path, c->x, &c->memory, c->y);
    return dot(c->dy, c->y, c->count);
}

static path_case path_new(const network *n, size_t length, double dropout)
{
    const bsm_config *config = &n->weights->config;
    path_case c = {
        .path = {.config = config,
                 .weights = &n->weights->band[0],
                 .length = length,
                 .dropout = {.p = dropout, .forward_key = 123, .backward_key = 456, .sequence = 2}},
        .count = length * config->dim};
    bsm_carver carver = {0};
    bsm_reference_path_carve(config, length, &carver);
    c.block = aligned_alloc(BSM_CARVE_ALIGNMENT, carver.used);
    assert_non_null(c.block);
    memset(c.block, 0xff, carver.used); /* NaN, because nothing may be read before it is written */
    c.memory = bsm_reference_path_carve(config, length, &(bsm_carver){.block = c.block});
    c.x = random_values(6, c.count);
    c.y = random_values(7, c.count);
    c.dy = random_values(8, c.count);
    return c;
}

static void check_path(size_t heads, size_t d_state, size_t d_conv, size_t length, double dropout)
{
    bsm_config config = small_network_config(heads, d_state, d_conv, 2);
    network n = network_new(&config);
    path_case c = path_new(&n, length, dropout);
    double *dy = doubles(c.dy, c.count), *dx = zeros(c.count);
    bsm_reference_gradients gradients = gradients_of(&n);
    bsm_reference_path_backward(&c.path, c.x, dy, &c.memory, dx, &gradients);
    check_module(&n, "layers.0.1.", path_function, &c, c.x, dx, c.count);
    free(dx);
    free(dy);
    free(c.x);
    free(c.y);
    free(c.dy);
    free(c.block);
    network_free(&n);
}

static void test_path(void **unused)
{
    (void)unused;
    static const size_t sizes[][4] = {/* heads, d_state, d_conv, length */
                                      {1, 1, 1, 1}, {3, 5, 1, 4}, {1, 5, 3, 2}, {3, 1, 3, 9},
                                      {1, 1, 4, 3}, {3, 5, 4, 1}, {3, 5, 4, 11}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t *s = sizes[i];
        check_path(s[0], s[1], s[2], s[3], 0);
    }
    check_path(3, 5, 4, 7, 0.4);
}

/* ---- Band split and masks ---- */

typedef struct band_case {
    const network *network;
    size_t band, features;
    float *in, *mixture, *out, *dout, *scratch;
    bsm_reference_mask mask;
    bsm_reference_mask_values values;
} band_case;

static band_case band_new(const network *n, size_t band)
{
    const bsm_config *config = &n->weights->config;
    size_t features = bsm_reference_band_features(config, band);
    size_t most = features > config->dim ? features : config->dim;
    band_case c = {.network = n,
                   .band = band,
                   .features = features,
                   .in = random_values(9, most),
                   .mixture = random_values(10, most),
                   .out = random_values(11, most),
                   .dout = random_values(12, most),
                   .mask = bsm_reference_mask_of(n->weights, config->num_stems - 1, band)};
    c.scratch = random_values(13, most + c.mask.hidden + 2 * features);
    c.values = (bsm_reference_mask_values){.normed = c.scratch,
                                           .hidden = c.scratch + most,
                                           .values = c.scratch + most + c.mask.hidden};
    return c;
}

static void band_free(band_case *c)
{
    free(c->in);
    free(c->mixture);
    free(c->out);
    free(c->dout);
    free(c->scratch);
}

static double split_function(void *user)
{
    const band_case *c = user;
    bsm_reference_split_band(c->mask.dim, c->features, &c->network->weights->bands[c->band], c->in,
                             c->scratch, c->out);
    return dot(c->dout, c->out, c->mask.dim);
}

static void check_split(size_t channels, size_t band)
{
    bsm_config config = small_network_config(1, 1, 1, channels);
    network n = network_new(&config);
    band_case c = band_new(&n, band);
    double *dx = doubles(c.dout, config.dim), *dnormed = zeros(c.features);
    bsm_reference_gradients gradients = gradients_of(&n);
    bsm_reference_split_band_backward(config.dim, c.features, &n.weights->bands[band], c.in, dx,
                                      c.scratch, dnormed, &gradients);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "band_split.to_features.%zu.", band);
    check_module(&n, prefix, split_function, &c, NULL, NULL, 0);
    free(dx);
    free(dnormed);
    band_free(&c);
    network_free(&n);
}

static void test_band_split(void **unused)
{
    (void)unused;
    for (size_t band = 0; band < 3; band++) {
        check_split(1, band);
        check_split(2, band);
    }
}

static double mask_function(void *user)
{
    const band_case *c = user;
    bsm_reference_mask_frame(&c->mask, c->in, c->mixture, &c->values, c->out);
    return dot(c->dout, c->out, c->features);
}

static void check_mask(size_t channels, size_t band)
{
    bsm_config config = small_network_config(1, 1, 1, channels);
    network n = network_new(&config);
    band_case c = band_new(&n, band);
    bsm_reference_mask_gradients scratch = {.normed = zeros(config.dim),
                                            .hidden = zeros(c.mask.hidden),
                                            .values = zeros(2 * c.features)};
    double *dx = zeros(config.dim);
    bsm_reference_gradients gradients = gradients_of(&n);
    mask_function(&c);
    bsm_reference_mask_frame_backward(&c.mask, c.in, c.mixture, &c.values, c.dout, &scratch, dx,
                                      &gradients,
                                      bsm_reference_gradient(&gradients, c.mask.final_norm));
    char prefix[64];
    snprintf(prefix, sizeof prefix, "mask_estimators.1.to_freqs.%zu.", band);
    check_module(&n, prefix, mask_function, &c, c.in, dx, config.dim);
    check_module(&n, "final_norm.", mask_function, &c, NULL, NULL, 0);
    free(scratch.normed);
    free(scratch.hidden);
    free(scratch.values);
    free(dx);
    band_free(&c);
    network_free(&n);
}

static void test_mask(void **unused)
{
    (void)unused;
    for (size_t band = 0; band < 3; band++) {
        check_mask(1, band);
        check_mask(2, band);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),  cmocka_unit_test(test_rms_norm),
        cmocka_unit_test(test_l2_norm), cmocka_unit_test(test_l2_norm_of_silence),
        cmocka_unit_test(test_path),    cmocka_unit_test(test_band_split),
        cmocka_unit_test(test_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
