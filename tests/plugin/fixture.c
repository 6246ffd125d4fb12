/* SPDX-License-Identifier: ISC */
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "identity.h"
#include "noise.h"

static char folder[HOST_TEXT / 2], identity_path[HOST_TEXT], other_path[HOST_TEXT];
static float line_memory[2][DELAY_LINE];

void fixture_save(bsm_model *model, const char *path)
{
    bsm_error error = {0};
    if (bsm_model_set_metadata(model, "memory", "carry", &error) ||
        bsm_model_save(model, path, BSM_F32, true, &error)) {
        fail_msg("%s", error.message);
    }
    bsm_model_free(model);
}

int fixture_open(void **state)
{
    static host the_host;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/bsm-plugin-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(folder)) {
        return -1;
    }
    unsetenv("BSM_MODEL");
    bsm_config config = small_stream_config();
    snprintf(identity_path, sizeof identity_path, "%s/identity.safetensors", folder);
    snprintf(other_path, sizeof other_path, "%s/other.safetensors", folder);
    fixture_save(identity_model(&config), identity_path);
    fixture_save(hash_model(&config), other_path);
    host_open(&the_host);
    *state = &the_host;
    return 0;
}

int fixture_close(void **state)
{
    host_close(*state);
    char command[HOST_TEXT];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

const host *fixture_host(void *const *state)
{
    return *state;
}

bool fixture_quick(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

const char *fixture_identity(void)
{
    return identity_path;
}

const char *fixture_other(void)
{
    return other_path;
}

const char *fixture_path(const char *name)
{
    static char path[HOST_TEXT];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

instance *fixture_instance(const LilvPlugin *plugin, double rate, host_worker worker)
{
    instance *i = instance_open(plugin, rate, worker);
    assert_non_null(i);
    return i;
}

/* With sanitizers the stream may be too slow; then the plugin reports that instead. */
static bool is_told(const instance *i, const char *status)
{
    const char *told = instance_told_status(i), ready[] = "ready: ";
    const size_t length = sizeof ready - 1;
    return !strncmp(told, status, strlen(status)) ||
           (fixture_quick() && !strncmp(status, ready, length) && !strncmp(told, "too slow", 8) &&
            strstr(told, status + length));
}

/* Meanwhile the plugin waits for its results, so that nothing is late on a busy machine. */
void fixture_run_until(instance *i, const char *status)
{
    float *freewheel = instance_control(i, BSM_PORT_FREEWHEEL);
    const float before = *freewheel;
    *freewheel = 1;
    instance_run(i, 512);
    for (size_t tries = 0; tries < 2000 && !is_told(i, status); tries++) {
        usleep(10000);
        instance_run(i, 512);
    }
    if (!is_told(i, status)) {
        fail_msg("'%s' instead of '%s'", instance_told_status(i), status);
    }
    *freewheel = before;
}

/* ---- The delay ---- */

void delay_line_init(delay_line *line)
{
    memset(line_memory, 0, sizeof line_memory);
    *line = (delay_line){.samples = {line_memory[0], line_memory[1]}};
}

void delay_line_feed(delay_line *line, instance *i, uint64_t *seed, size_t frames)
{
    for (size_t c = 0; c < 2; c++) {
        float *in = instance_audio(i, BSM_PORT_IN_LEFT + (bsm_port)c);
        for (size_t n = 0; n < frames; n++) {
            in[n] = noise_float(seed) / 2;
            line->samples[c][(line->count + n) % DELAY_LINE] = in[n];
        }
    }
    line->count += frames;
}

float delay_line_compare(const delay_line *line, instance *i, bool stems, size_t latency,
                         size_t frames)
{
    float worst = 0;
    assert_true(latency + frames < DELAY_LINE);
    for (size_t c = 0; c < 2; c++) {
        const float *out = instance_audio(i, BSM_PORT_OUT_LEFT + (bsm_port)c);
        const float *rest = instance_audio(i, BSM_PORT_INSTRUMENTAL_LEFT + (bsm_port)c);
        for (size_t n = 0; n < frames; n++) {
            size_t now = line->count - frames + n;
            float expected = now < latency ? 0 : line->samples[c][(now - latency) % DELAY_LINE];
            worst = fmaxf(worst, fabsf(out[n] + (stems ? rest[n] : 0) - expected));
        }
    }
    return worst;
}
