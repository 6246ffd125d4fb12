/* SPDX-License-Identifier: ISC */
/* Tests the remix of vocals and instrumental: its content, its level, and that nothing clicks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/remix.h"
#include "noise.h"

enum { RATE = 48000, FRAMES = 512, COLUMN = RATE / BSM_REMIX_COLUMNS_PER_SECOND };

/* Constant vocals of 0.5 and instrumental of 0.25, so that every step of a gain is visible. */
typedef struct parts {
    float data[6][FRAMES];
    float *vocals[2], *instrumental[2], *out[2];
} parts;

static parts *constant_parts(void)
{
    static parts p;
    for (size_t c = 0; c < 2; c++) {
        p.vocals[c] = p.data[c];
        p.instrumental[c] = p.data[2 + c];
        p.out[c] = p.data[4 + c];
        for (size_t n = 0; n < FRAMES; n++) {
            p.vocals[c][n] = 0.5f;
            p.instrumental[c][n] = 0.25f;
        }
    }
    return &p;
}

static bsm_remix *open_remix(const bsm_remix_settings *settings)
{
    bsm_remix *remix = NULL;
    assert_int_equal(bsm_remix_new(RATE, settings, &remix, NULL), BSM_OK);
    return remix;
}

static void mix(bsm_remix *remix, const parts *p, float *const out[2], size_t frames)
{
    bsm_remix_mix(remix, (const float *const *)p->vocals, (const float *const *)p->instrumental,
                  out, frames);
}

/* Mix for a second; return the largest step from sample to sample. `last` is the last sample. */
static float largest_step(bsm_remix *remix, const parts *p, float *last)
{
    float largest = 0;
    for (size_t block = 0; block < RATE / FRAMES; block++) {
        mix(remix, p, p->out, FRAMES);
        for (size_t n = 0; n < FRAMES; n++) {
            largest = fmaxf(largest, fabsf(p->out[0][n] - *last));
            assert_true(p->out[0][n] == p->out[1][n]);
            *last = p->out[0][n];
        }
    }
    return largest;
}

static const struct {
    bsm_remix_settings settings;
    double vocals, instrumental; /* factors */
} cases[] = {
    {{.solo = BSM_SOLO_VOCALS}, 1, 0},
    {{.solo = BSM_SOLO_INSTRUMENTAL}, 0, 1},
    {{.mute = {true, false}}, 0, 1},
    {{.mute = {false, true}, .solo = BSM_SOLO_INSTRUMENTAL}, 0, 0},
    {{.gain_db = {BSM_REMIX_MIN_DB, 0}}, 0, 1},
    {{.gain_db = {NAN, 0}}, 0, 1},
    {{.gain_db = {99, 0}}, 10, 1},
    {{.gain_db = {-6, 6}}, 0.501187, 1.995262},
    {{.gain_db = {-6, 6}, .solo = BSM_SOLO_INSTRUMENTAL}, 0, 1.995262},
    {{.gain_db = {-6, 6}, .solo = BSM_SOLO_VOCALS, .bypass = true}, 1, 1},
    {{.gain_db = {BSM_REMIX_MIN_DB, BSM_REMIX_MIN_DB}}, 0, 0},
    {{.gain_db = {0, 0}}, 1, 1},
};

static void test_what_is_heard(void **state)
{
    (void)state;
    const parts *p = constant_parts();
    const bsm_remix_settings as_it_is = {0};
    bsm_remix *remix = open_remix(&as_it_is);
    float last = 0.75f;
    assert_true(largest_step(remix, p, &last) == 0); /* both at 0 dB: exactly their sum */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double level = 0.5 * cases[i].vocals + 0.25 * cases[i].instrumental;
        const double way = fabs(level - (double)last);
        bsm_remix_set(remix, &cases[i].settings);
        /* A gain changes over 20 ms. */
        assert_true((double)largest_step(remix, p, &last) < 2 * way / (RATE / 50) + 1e-6);
        assert_true(fabs((double)last - level) < 1e-5);
    }
    assert_true(largest_step(remix, p, &last) == 0);
    bsm_remix_free(remix);
}

static void test_what_is_let_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bsm_remix_settings *s = &cases[i].settings;
        assert_int_equal(bsm_remix_lets_through(s, BSM_VOCALS), cases[i].vocals > 0);
        assert_int_equal(bsm_remix_lets_through(s, BSM_INSTRUMENTAL), cases[i].instrumental > 0);
    }
}

static void test_begins_with_its_settings(void **state)
{
    (void)state;
    const parts *p = constant_parts();
    const bsm_remix_settings solo = {.solo = BSM_SOLO_VOCALS}, muted = {.mute = {true, true}};
    bsm_remix *remix = open_remix(&solo);
    mix(remix, p, p->out, 1);
    assert_true(p->out[0][0] == 0.5f);
    bsm_remix_set(remix, &muted);
    bsm_remix_restart(remix);
    mix(remix, p, p->out, 1);
    assert_true(p->out[0][0] == 0);
    bsm_remix_free(remix);
}

/* Mix in place, which yields the same in calls of any length. */
static void test_stems(void **state)
{
    (void)state;
    float whole[4][FRAMES], cut[4][FRAMES];
    for (size_t r = 0; r < 2; r++) {
        const parts *p = constant_parts();
        const bsm_remix_settings as_it_is = {0}, soft = {.gain_db = {-6, BSM_REMIX_MIN_DB}};
        bsm_remix *remix = open_remix(&as_it_is);
        for (size_t at = 0; at < FRAMES;) {
            const size_t count = r && at + 7 <= FRAMES ? 7 : FRAMES - at;
            float *const vocals[2] = {p->vocals[0] + at, p->vocals[1] + at};
            float *const rest[2] = {p->instrumental[0] + at, p->instrumental[1] + at};
            bsm_remix_stems(remix, vocals, rest, at == 0 ? 7 : count);
            bsm_remix_set(remix, &soft);
            at += at == 0 ? 7 : count;
        }
        memcpy(r ? cut : whole, p->data, sizeof whole);
        bsm_remix_free(remix);
    }
    assert_memory_equal(whole, cut, sizeof whole);
    assert_true(whole[0][6] == 0.5f && whole[2][6] == 0.25f);
    assert_true(whole[0][FRAMES - 1] < 0.4f && whole[2][FRAMES - 1] < 0.15f);
}

static void test_bypassed_stems(void **state)
{
    (void)state;
    const parts *p = constant_parts();
    const bsm_remix_settings bypass = {.gain_db = {-20, 12}, .bypass = true};
    bsm_remix *remix = open_remix(&bypass);
    bsm_remix_stems(remix, p->vocals, p->instrumental, FRAMES);
    for (size_t n = 0; n < FRAMES; n++) {
        assert_true(p->vocals[1][n] == 0 && p->instrumental[1][n] == 0.75f);
    }
    bsm_remix_free(remix);
}

static void test_in_place(void **state)
{
    (void)state;
    const parts *p = constant_parts();
    const bsm_remix_settings as_it_is = {0};
    bsm_remix *remix = open_remix(&as_it_is);
    p->vocals[1][17] = -0.9f;
    mix(remix, p, p->vocals, FRAMES);
    assert_true(p->vocals[0][3] == 0.75f && p->vocals[1][17] == -0.9f + 0.25f);
    bsm_remix_free(remix);
}

/* There is a column for every 40 ms, however long the calls are. */
static void test_levels(void **state)
{
    (void)state;
    const bsm_remix_settings soft = {.gain_db = {-6, BSM_REMIX_MIN_DB}};
    bsm_remix *remix = open_remix(&soft);
    uint64_t seed = 3;
    size_t columns = 0;
    for (size_t done = 0; done < 300 * COLUMN;) {
        const parts *p = constant_parts();
        const size_t frames = noise_size(&seed, 1, FRAMES);
        const bool complete = bsm_remix_mix(remix, (const float *const *)p->vocals,
                                            (const float *const *)p->instrumental, p->out, frames);
        done += frames;
        assert_int_equal(bsm_remix_columns(remix), done / COLUMN);
        assert_int_equal(complete, done / COLUMN > columns);
        columns = done / COLUMN;
    }
    const bsm_levels last = bsm_remix_levels(remix, columns - 1);
    assert_true(last.separated[BSM_VOCALS] == 0.5f && last.separated[BSM_INSTRUMENTAL] == 0.25f);
    assert_true(fabsf(last.heard[BSM_VOCALS] - 0.5f * 0.501187f) < 1e-6f);
    assert_true(last.heard[BSM_INSTRUMENTAL] == 0);
    assert_true(bsm_remix_levels(remix, columns - BSM_REMIX_COLUMNS).separated[0] == 0.5f);
    assert_true(bsm_remix_levels(remix, columns - BSM_REMIX_COLUMNS - 1).separated[0] == 0);
    assert_true(bsm_remix_levels(remix, columns).separated[0] == 0);
    assert_true(bsm_remix_levels(remix, UINT64_MAX).separated[0] == 0);
    bsm_remix_free(remix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_heard),
        cmocka_unit_test(test_what_is_let_through),
        cmocka_unit_test(test_begins_with_its_settings),
        cmocka_unit_test(test_stems),
        cmocka_unit_test(test_bypassed_stems),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
