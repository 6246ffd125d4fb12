/* SPDX-License-Identifier: ISC */
/* Tests configurations: presets, limits, derived sizes and the tensors that they imply. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/model.h"

static bsm_config preset(const char *name)
{
    bsm_config config;
    bsm_error error;
    assert_int_equal(bsm_config_preset(name, &config, &error), BSM_OK);
    return config;
}

static void test_presets(void **state)
{
    (void)state;
    const struct {
        const char *name;
        size_t parameters;
        size_t bands;
    } expected[] = {{"paper", 48098188, 62},
                    {"lite", 22811660, 48},
                    {"live", 1919452, 22},
                    {"tiny", 704348, 62}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bsm_config config = preset(expected[i].name);
        assert_int_equal(bsm_config_validate(&config, NULL), BSM_OK);
        assert_int_equal(bsm_config_parameters(&config), expected[i].parameters);
        assert_int_equal(config.num_bands, expected[i].bands);
        assert_int_equal(bsm_config_features(&config), 4100);
        assert_string_equal(config.stems[0], "vocals");
    }
    bsm_config config;
    bsm_error error;
    assert_int_equal(bsm_config_preset("huge", &config, &error), BSM_NOT_FOUND);
    assert_non_null(strstr(error.message, "huge"));
}

static void test_live_preset(void **state)
{
    (void)state;
    const bsm_config config = preset("live"), paper = preset("paper");
    assert_int_equal(bsm_config_d_inner(&config), 128);
    assert_int_equal(bsm_config_heads(&config), 4);
    assert_int_equal(config.mask_expansion, 2);
    assert_int_equal(config.hop, 1024);
    assert_true(config.segment == 4.0);
    assert_int_equal(bsm_config_d_inner(&paper), 1024);
    assert_int_equal(paper.mask_expansion, 4);
    assert_int_equal(paper.hop, 441);
    assert_true(paper.segment == 8.0);
}

static void test_derived_sizes(void **state)
{
    (void)state;
    bsm_config config = preset("paper");
    assert_int_equal(bsm_config_d_inner(&config), 1024);
    assert_int_equal(bsm_config_heads(&config), 16);
    assert_int_equal(bsm_config_conv_dim(&config), 1280);
    assert_int_equal(bsm_config_bins(&config), 1025);
}

/* The sum of the terms for one mixer of `paper`, worked out by hand. */
static void test_macs(void **state)
{
    (void)state;
    bsm_config config = preset("paper");
    double in_proj = 256 * (1024 + 1280 + 16);
    double conv = 1280 * 4;
    double out_proj = 1024 * 256;
    double time_scan = 64 * 128 + 64 * 1024 + 2 * 1024 * 128;
    double band_scan = 62 * 128 + 62 * 1024;
    double mixers = 4 * (in_proj + conv + out_proj) + 2 * (time_scan + band_scan);
    double layers = 6 * 62 * (mixers + 2 * 512 * 256);
    double ends = 4100 * 256 + 62 * 256 * 1024 + 1024 * 8200;
    assert_true(fabs(bsm_config_macs_per_frame(&config, 64) - (layers + ends)) < 1);

    double one_stem = bsm_config_macs_per_frame(&config, 64);
    config.num_stems = 3;
    double three_stems = bsm_config_macs_per_frame(&config, 64);
    assert_true(fabs(three_stems - one_stem - 2 * (62 * 256 * 1024 + 1024 * 8200)) < 1);
}

typedef void spoil(bsm_config *config);

static void no_dim(bsm_config *c)
{
    c->dim = 0;
}
static void huge_dim(bsm_config *c)
{
    c->dim = SIZE_MAX / 2;
}
static void huge_depth(bsm_config *c)
{
    c->depth = SIZE_MAX;
}
static void odd_headdim(bsm_config *c)
{
    c->headdim = 7;
}
static void no_state(bsm_config *c)
{
    c->d_state = 0;
}
static void too_many_bands(bsm_config *c)
{
    c->num_bands = BSM_MAX_BANDS + 1;
}
static void empty_band(bsm_config *c)
{
    c->bands[1] += c->bands[0];
    c->bands[0] = 0;
}
static void wrong_sum(bsm_config *c)
{
    c->bands[0]++;
}
static void overflowing_sum(bsm_config *c)
{
    c->bands[0] = SIZE_MAX;
    c->bands[1] += 3;
}
static void odd_fft(bsm_config *c)
{
    c->n_fft++;
}
static void no_hop(bsm_config *c)
{
    c->hop = 0;
}
static void large_hop(bsm_config *c)
{
    c->hop = c->n_fft + 1;
}
static void many_channels(bsm_config *c)
{
    c->channels = 3;
}
static void no_stems(bsm_config *c)
{
    c->num_stems = 0;
}
static void path_as_stem(bsm_config *c)
{
    strcpy(c->stems[0], "../vocals");
}
static void unnamed_stem(bsm_config *c)
{
    c->num_stems = 2;
}
static void unterminated_stem(bsm_config *c)
{
    memset(c->stems[0], 'v', sizeof c->stems[0]);
}
static void equal_stems(bsm_config *c)
{
    c->num_stems = 2;
    strcpy(c->stems[1], "vocals");
}
static void low_rate(bsm_config *c)
{
    c->sample_rate = 7999;
}
static void high_rate(bsm_config *c)
{
    c->sample_rate = 192001;
}
static void short_segment(bsm_config *c)
{
    c->segment = 2047.0 / 44100;
}
static void long_segment(bsm_config *c)
{
    c->segment = 60.001;
}
static void no_segment(bsm_config *c)
{
    c->segment = 0;
}
static void nan_segment(bsm_config *c)
{
    c->segment = NAN;
}

static void negative_expander(bsm_config *c)
{
    c->expander = -1;
}
static void large_expander(bsm_config *c)
{
    c->expander = 120.5;
}
static void nan_expander(bsm_config *c)
{
    c->expander = NAN;
}

static void test_limits(void **state)
{
    (void)state;
    spoil *const spoils[] = {
        no_dim,
        huge_dim,
        huge_depth,
        odd_headdim,
        no_state,
        wrong_sum,
        empty_band,
        odd_fft,
        no_hop,
        large_hop,
        no_stems,
        many_channels,
        path_as_stem,
        unterminated_stem,
        unnamed_stem,
        equal_stems,
        no_segment,
        nan_segment,
        too_many_bands,
        overflowing_sum,
        low_rate,
        high_rate,
        short_segment,
        long_segment,
        negative_expander,
        large_expander,
        nan_expander,
    };
    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        bsm_config config = preset("tiny");
        bsm_error error = {0};
        spoils[i](&config);
        assert_int_equal(bsm_config_validate(&config, &error), BSM_INVALID_ARGUMENT);
        assert_string_not_equal(error.message, "");
        bsm_model *model = NULL;
        assert_int_equal(bsm_model_new_untrained(&config, &model, &error), BSM_INVALID_ARGUMENT);
        assert_null(model);
    }
}

/* The limits themselves are allowed. */
static void test_extremes(void **state)
{
    (void)state;
    const size_t rates[] = {8000, 192000};
    for (size_t i = 0; i < 2; i++) {
        bsm_config config = preset("tiny");
        config.sample_rate = rates[i];
        config.segment = 2048.0 / (double)rates[i];
        assert_int_equal(bsm_config_validate(&config, NULL), BSM_OK);
        config.segment = 60;
        config.expander = 120;
        assert_int_equal(bsm_config_validate(&config, NULL), BSM_OK);
    }
}

static void test_same_shapes(void **state)
{
    (void)state;
    bsm_config a = preset("tiny");
    bsm_config b = a;
    strcpy(b.stems[0], "drums");
    b.segment = 3;
    assert_true(bsm_config_same_shapes(&a, &b));
    b.bands[0]++;
    b.bands[1]--;
    assert_false(bsm_config_same_shapes(&a, &b));
    b = a;
    b.hop = 512;
    assert_false(bsm_config_same_shapes(&a, &b));
}

static void assert_shape(const bsm_model *model, const char *name, size_t rank, const size_t *shape)
{
    const bsm_tensor *tensor = bsm_model_find(model, name);
    if (!tensor) {
        fail_msg("no %s", name);
    }
    assert_int_equal(tensor->rank, rank);
    assert_memory_equal(tensor->shape, shape, rank * sizeof *shape);
}

/* Two stems and one channel: shapes that no golden file has. */
static void test_tensors_of_unusual_configuration(void **state)
{
    (void)state;
    bsm_config config = {
        .dim = 6,
        .depth = 1,
        .expand = 3,
        .headdim = 9,
        .d_state = 5,
        .d_conv = 3,
        .mask_expansion = 2,
        .num_bands = 2,
        .bands = {3, 6},
        .n_fft = 16,
        .hop = 5,
        .sample_rate = 8000,
        .channels = 1,
        .num_stems = 2,
        .stems = {"vocals", "drums"},
        .segment = 1,
    };
    bsm_error error = {0};
    bsm_model *model = NULL;
    assert_int_equal(bsm_model_new_untrained(&config, &model, &error), BSM_OK);
    assert_shape(model, "layers.0.1.backward_blocks.0.mixer.in_proj.weight", 2, (size_t[]){48, 6});
    assert_shape(model, "layers.0.0.forward_blocks.0.mixer.conv1d.weight", 3, (size_t[]){28, 1, 3});
    assert_shape(model, "layers.0.0.linear.weight", 3, (size_t[]){12, 6, 1});
    assert_shape(model, "band_split.to_features.1.0.gamma", 1, (size_t[]){12});
    assert_shape(model, "mask_estimators.1.to_freqs.1.0.2.weight", 2, (size_t[]){24, 12});
    assert_null(bsm_model_find(model, "mask_estimators.2.to_freqs.0.0.0.bias"));
    assert_null(bsm_model_find(model, ""));
    assert_null(bsm_model_tensor(model, bsm_model_num_tensors(model)));
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_live_preset),
        cmocka_unit_test(test_derived_sizes),
        cmocka_unit_test(test_macs),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_same_shapes),
        cmocka_unit_test(test_tensors_of_unusual_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
