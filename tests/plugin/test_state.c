/* SPDX-License-Identifier: ISC */
/* Tests what a saved project keeps: it is saved and loaded again through lilv's state, with mapped
 * paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

static const void *port_value(const char *symbol, void *user, uint32_t *size, uint32_t *type)
{
    static float value;
    instance *i = user;
    *size = sizeof value;
    *type = host_map(LV2_ATOM__Float);
    value = *instance_control(i, !strcmp(symbol, "vocals")      ? BSM_PORT_VOCALS_GAIN
                                 : !strcmp(symbol, "lookahead") ? BSM_PORT_LOOKAHEAD
                                                                : BSM_PORT_ENABLED);
    return &value;
}

static void set_port(const char *symbol, void *user, const void *value, uint32_t size,
                     uint32_t type)
{
    (void)size;
    (void)type;
    instance *i = user;
    float number;
    memcpy(&number, value, sizeof number);
    if (!strcmp(symbol, "vocals")) {
        *instance_control(i, BSM_PORT_VOCALS_GAIN) = number;
    } else if (!strcmp(symbol, "instrumental")) {
        *instance_control(i, BSM_PORT_INSTRUMENTAL_GAIN) = number;
    } else if (!strcmp(symbol, "lookahead")) {
        *instance_control(i, BSM_PORT_LOOKAHEAD) = number;
    }
}

/* Save with the folders that Ardour passes to lilv. */
static LilvState *save(const host *h, instance *i, const char *name)
{
    char dir[HOST_TEXT], scratch[HOST_TEXT + 32], copies[HOST_TEXT + 32], links[HOST_TEXT + 32];
    snprintf(dir, sizeof dir, "%s", fixture_path(name));
    snprintf(scratch, sizeof scratch, "%s-scratch", dir);
    snprintf(copies, sizeof copies, "%s-copies", dir);
    snprintf(links, sizeof links, "%s-externals", dir);
    mkdir(dir, 0700);
    mkdir(links, 0700);
    LilvState *state =
        lilv_state_new_from_instance(h->remix, instance_lilv(i), host_urid_map(), scratch, copies,
                                     links, dir, port_value, i, LV2_STATE_IS_POD, NULL);
    assert_non_null(state);
    assert_int_equal(lilv_state_save(h->world, host_urid_map(), host_urid_unmap(), state, NULL, dir,
                                     "state.ttl"),
                     0);
    lilv_state_free(state);
    char file[HOST_TEXT + 32];
    snprintf(file, sizeof file, "%s/state.ttl", dir);
    state = lilv_state_new_from_file(h->world, host_urid_map(), NULL, file);
    assert_non_null(state);
    return state;
}

static void restore(const LilvState *state, instance *i)
{
    lilv_state_restore(state, instance_lilv(i), set_port, i, 0, NULL);
}

static const char *real_path(const char *path)
{
    static char resolved[HOST_TEXT];
    assert_non_null(realpath(path, resolved));
    return resolved;
}

static void test_model_survives_save_and_load(void **state)
{
    const host *h = fixture_host(state);
    instance *i = fixture_instance(h->remix, 48000, HOST_THREADED);
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    *instance_control(i, BSM_PORT_VOCALS_GAIN) = -7;
    LilvState *saved = save(h, i, "project1");
    instance_close(i);

    i = fixture_instance(h->remix, 48000, HOST_FAILING); /* restore needs no worker */
    *instance_control(i, BSM_PORT_LOOKAHEAD) = BSM_LOOKAHEAD_HIGH;
    lilv_state_restore(saved, instance_lilv(i), NULL, NULL, 0, NULL); /* as in Ardour */
    instance_run(i, 512);
    assert_true(*instance_control(i, BSM_PORT_LATENCY) > 1.5f * 48000);
    instance_close(i);

    i = fixture_instance(h->remix, 48000, HOST_FAILING);
    restore(saved, i);
    assert_true(*instance_control(i, BSM_PORT_VOCALS_GAIN) == -7);
    instance_run(i, 512);
    assert_true(!strncmp(instance_told_status(i), "ready: identity.safetensors", 26));
    assert_string_equal(real_path(instance_told_model(i)), real_path(fixture_identity()));
    LilvState *again = save(h, i, "project2");
    assert_non_null(again);
    lilv_state_free(again);
    lilv_state_free(saved);
    instance_close(i);
}

static void test_lost_file_is_kept_in_mind(void **state)
{
    const host *h = fixture_host(state);
    char path[HOST_TEXT], command[3 * HOST_TEXT];
    snprintf(path, sizeof path, "%s", fixture_path("lost.safetensors"));
    snprintf(command, sizeof command, "cp '%s' '%s'", fixture_identity(), path);
    assert_int_equal(system(command), 0);
    instance *i = fixture_instance(h->remix, 48000, HOST_THREADED);
    instance_set_model(i, path);
    fixture_run_until(i, "ready: lost");
    LilvState *saved = save(h, i, "lost1");
    instance_close(i);
    unlink(path);

    setenv("BSM_MODEL", fixture_other(), 1);
    i = fixture_instance(h->remix, 48000, HOST_THREADED);
    restore(saved, i);
    instance_run(i, 512);
    print_message("%s\n", instance_told_status(i));
    assert_true(!strncmp(instance_told_status(i), "failed: ", 8));
    assert_non_null(strstr(instance_told_status(i), "instead plays"));
    assert_non_null(strstr(instance_told_model(i), "lost.safetensors"));
    LilvState *again = save(h, i, "lost2");
    instance_close(i);
    unsetenv("BSM_MODEL");

    assert_int_equal((snprintf(command, sizeof command, "cp '%s' '%s'", fixture_identity(), path),
                      system(command)),
                     0); /* the file exists again */
    i = fixture_instance(h->remix, 48000, HOST_THREADED);
    restore(again, i);
    fixture_run_until(i, "ready: lost.safetensors");
    instance_close(i);
    lilv_state_free(saved);
    lilv_state_free(again);
}

static void test_default_is_restored_as_such(void **state)
{
    const host *h = fixture_host(state);
    instance *i = fixture_instance(h->remix, 48000, HOST_THREADED);
    LilvState *saved = save(h, i, "default");
    instance_set_model(i, fixture_other());
    fixture_run_until(i, "ready: other");
    restore(saved, i);
    fixture_run_until(i, "no model: ");
    lilv_state_free(saved);
    instance_close(i);
}

typedef struct preset_check {
    const LilvPlugin *plugin;
    const char *uri;
    float vocals, instrumental;
} preset_check;

static void check_preset(const host *h, instance *i, const preset_check *check)
{
    LilvNode *uri = lilv_new_uri(h->world, check->uri);
    assert_true(lilv_world_load_resource(h->world, uri) > 0);
    LilvState *preset = lilv_state_new_from_world(h->world, host_urid_map(), uri);
    assert_non_null(preset);
    restore(preset, i);
    assert_true(*instance_control(i, BSM_PORT_VOCALS_GAIN) == check->vocals);
    assert_true(*instance_control(i, BSM_PORT_INSTRUMENTAL_GAIN) == check->instrumental);
    lilv_state_free(preset);
    lilv_node_free(uri);
}

/* A preset sets gains and does not change the model. */
static void test_presets_set_ports_only(void **state)
{
    const host *h = fixture_host(state);
    const preset_check checks[] = {
        {h->remix, BSM_REMIX_URI "/karaoke", BSM_GAIN_MUTE, 0},
        {h->remix, BSM_REMIX_URI "/a-cappella", 0, BSM_GAIN_MUTE},
        {h->remix, BSM_REMIX_URI "/vocals-up", 3, 0},
        {h->remix, BSM_REMIX_URI "/vocals-down", -6, 0},
        {h->remix, BSM_REMIX_URI "/instrumental-duck", 0, -9},
        {h->stems, BSM_STEMS_URI "/neutral", 0, 0},
    };
    for (size_t c = 0; c < sizeof checks / sizeof *checks; c++) {
        instance *i = fixture_instance(checks[c].plugin, 48000, HOST_THREADED);
        *instance_control(i, BSM_PORT_VOCALS_GAIN) = 1;
        *instance_control(i, BSM_PORT_INSTRUMENTAL_GAIN) = 1;
        instance_set_model(i, fixture_identity());
        fixture_run_until(i, "ready: identity");
        check_preset(h, i, &checks[c]);
        instance_get_all(i);
        instance_run(i, 64);
        assert_string_equal(instance_told_model(i), fixture_identity());
        instance_close(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_survives_save_and_load),
        cmocka_unit_test(test_lost_file_is_kept_in_mind),
        cmocka_unit_test(test_default_is_restored_as_such),
        cmocka_unit_test(test_presets_set_ports_only),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
