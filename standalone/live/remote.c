/* SPDX-License-Identifier: ISC */
/* Takes gains by OSC with liblo. */
#include "live.h"

#include <lo/lo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    AT_ONCE =
        64 /* the number of messages per call, so that a flood of them does not stop the music */
};

struct remote {
    lo_server server;
    bsm_remix_settings *mix; /* valid while messages are taken */
    bool changed;
};

/* Read the number in a message and limit it to a range. Return false if there is none. */
static bool number(const char *types, lo_arg **values, int count, double lowest, double highest,
                   float *value)
{
    if (count < 1 || !lo_is_numerical_type((lo_type)types[0])) {
        return false;
    }
    const double given = (double)lo_hires_val((lo_type)types[0], values[0]);
    if (isnan(given)) {
        return false;
    }
    *value = (float)fmin(highest, fmax(lowest, given));
    return true;
}

static int on_gain(remote *r, bsm_part part, const char *types, lo_arg **values, int count)
{
    r->changed |=
        number(types, values, count, BSM_REMIX_MIN_DB, BSM_REMIX_MAX_DB, &r->mix->gain_db[part]);
    return 0;
}

static int on_vocals(const char *path, const char *types, lo_arg **values, int count,
                     lo_message message, void *user)
{
    (void)path, (void)message;
    return on_gain(user, BSM_VOCALS, types, values, count);
}

static int on_instrumental(const char *path, const char *types, lo_arg **values, int count,
                           lo_message message, void *user)
{
    (void)path, (void)message;
    return on_gain(user, BSM_INSTRUMENTAL, types, values, count);
}

static int on_solo(const char *path, const char *types, lo_arg **values, int count,
                   lo_message message, void *user)
{
    (void)path, (void)message;
    remote *r = user;
    float value;
    if (number(types, values, count, 0, BSM_NUM_PARTS, &value)) {
        r->mix->solo = (bsm_solo)lrintf(value);
        r->changed = true;
    }
    return 0;
}

static int on_bypass(const char *path, const char *types, lo_arg **values, int count,
                     lo_message message, void *user)
{
    (void)path, (void)message;
    remote *r = user;
    float value;
    if (number(types, values, count, 0, 1, &value)) {
        r->mix->bypass = value >= 0.5F;
        r->changed = true;
    }
    return 0;
}

/* remote_open reports errors of its own, and broken messages are ignored. */
static void on_error(int number_of_error, const char *message, const char *path)
{
    (void)number_of_error, (void)message, (void)path;
}

bsm_status remote_open(size_t port, remote **result, bsm_error *error)
{
    char name[16];
    remote *r = calloc(1, sizeof *r);
    if (!r) {
        return bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    snprintf(name, sizeof name, "%zu", port);
    r->server = lo_server_new_with_proto(name, LO_UDP, on_error);
    if (!r->server) {
        free(r);
        return bsm_fail(error, BSM_IO, "--osc %zu: cannot listen on this port: is it taken?", port);
    }
    lo_server_add_method(r->server, "/bsm/vocals", NULL, on_vocals, r);
    lo_server_add_method(r->server, "/bsm/instrumental", NULL, on_instrumental, r);
    lo_server_add_method(r->server, "/bsm/solo", NULL, on_solo, r);
    lo_server_add_method(r->server, "/bsm/bypass", NULL, on_bypass, r);
    *result = r;
    return BSM_OK;
}

void remote_close(remote *r)
{
    if (r) {
        lo_server_free(r->server);
        free(r);
    }
}

int remote_fd(const remote *r)
{
    return r ? lo_server_get_socket_fd(r->server) : -1;
}

bool remote_take(remote *r, bsm_remix_settings *mix)
{
    r->mix = mix;
    r->changed = false;
    for (size_t i = 0; i < AT_ONCE && lo_server_recv_noblock(r->server, 0) > 0; i++) {
    }
    return r->changed;
}
