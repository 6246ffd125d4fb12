/* SPDX-License-Identifier: ISC */
/* Registers and connects the ports of bsm-live on JACK. */
#include "jack_ports.h"

#include <errno.h>
#include <jack/metadata.h>
#include <jack/uuid.h>
#include <stdio.h>
#include <string.h>

typedef struct port_text {
    const char *name, *pretty, *group;
} port_text;

static const port_text texts[NUM_PORTS] = {
    [PORT_IN_LEFT] = {"in_l", "Input left", "Input"},
    [PORT_IN_RIGHT] = {"in_r", "Input right", "Input"},
    [PORT_VOCALS_LEFT] = {"vocals_l", "Vocals left", "Vocals"},
    [PORT_VOCALS_RIGHT] = {"vocals_r", "Vocals right", "Vocals"},
    [PORT_INSTRUMENTAL_LEFT] = {"instrumental_l", "Instrumental left", "Instrumental"},
    [PORT_INSTRUMENTAL_RIGHT] = {"instrumental_r", "Instrumental right", "Instrumental"},
    [PORT_OUT_LEFT] = {"out_l", "Remix left", "Remix"},
    [PORT_OUT_RIGHT] = {"out_r", "Remix right", "Remix"},
};

/* The URIs are written out because some libraries lack the variables. */
static const char KEY_PRETTY_NAME[] = "http://jackaudio.org/metadata/pretty-name";
static const char KEY_PORT_GROUP[] = "http://jackaudio.org/metadata/port-group";
static const char KEY_ORDER[] = "http://jackaudio.org/metadata/order";
static const char TYPE_TEXT[] = "text/plain";
static const char TYPE_INTEGER[] = "http://www.w3.org/2001/XMLSchema#integer";

static bool is_input(size_t port)
{
    return port < NUM_INPUTS;
}

bsm_status jack_ports_register(jack_client_t *client, jack_port_t *ports[NUM_PORTS],
                               bsm_error *error)
{
    for (size_t p = 0; p < NUM_PORTS; p++) {
        unsigned long flags = is_input(p) ? JackPortIsInput : JackPortIsOutput;
        ports[p] = jack_port_register(client, texts[p].name, JACK_DEFAULT_AUDIO_TYPE, flags, 0);
        if (!ports[p]) {
            return bsm_fail(error, BSM_UNSUPPORTED, "JACK: port %s: the server has no room for it",
                            texts[p].name);
        }
    }
    return BSM_OK;
}

/* ---- Names for people ---- */

void jack_ports_describe(jack_client_t *client, jack_port_t *const ports[NUM_PORTS])
{
    for (size_t p = 0; p < NUM_PORTS; p++) {
        char alias[BACKEND_MAX_NAME], order[16];
        snprintf(alias, sizeof alias, "%s:%s", jack_get_client_name(client), texts[p].pretty);
        snprintf(order, sizeof order, "%zu", p + 1);
        jack_port_set_alias(ports[p], alias);
        jack_uuid_t uuid = jack_port_uuid(ports[p]);
        if (!jack_uuid_empty(uuid)) {
            jack_set_property(client, uuid, KEY_PRETTY_NAME, texts[p].pretty, TYPE_TEXT);
            jack_set_property(client, uuid, KEY_PORT_GROUP, texts[p].group, TYPE_TEXT);
            jack_set_property(client, uuid, KEY_ORDER, order, TYPE_INTEGER);
        }
    }
}

void jack_ports_undescribe(jack_client_t *client, jack_port_t *const ports[NUM_PORTS])
{
    for (size_t p = 0; p < NUM_PORTS; p++) {
        jack_uuid_t uuid = jack_port_uuid(ports[p]);
        if (!jack_uuid_empty(uuid)) {
            jack_remove_properties(client, uuid);
        }
    }
}

/* ---- Connections ---- */

static bool is_ours(jack_client_t *client, const char *port)
{
    const char *name = jack_get_client_name(client);
    size_t length = strlen(name);
    return strncmp(port, name, length) == 0 && port[length] == ':';
}

/* Find the first two matching ports of other clients, for left and right. A single one serves as
 * both. */
static size_t find_pair(jack_client_t *client, const char *const *names, const char *pair[2])
{
    size_t found = 0;
    for (size_t i = 0; names && names[i] && found < 2; i++) {
        if (!is_ours(client, names[i])) {
            pair[found++] = names[i];
        }
    }
    if (found == 1) {
        pair[1] = pair[0];
    }
    return found;
}

/* Connect sources to the inputs, or destinations to the remix. Return false if there are none. */
static bool connect_side(jack_client_t *client, jack_port_t *const ports[NUM_PORTS],
                         const char *pattern, unsigned long flags,
                         const backend_callbacks *callbacks)
{
    const bool source = flags & JackPortIsOutput;
    const char **names = jack_get_ports(client, pattern, JACK_DEFAULT_AUDIO_TYPE, flags);
    const char *pair[2];
    size_t found = find_pair(client, names, pair);
    for (size_t c = 0; c < 2 && found > 0; c++) {
        const char *own = jack_port_name(ports[(source ? PORT_IN_LEFT : PORT_OUT_LEFT) + c]);
        const char *from = source ? pair[c] : own;
        const char *to = source ? own : pair[c];
        int failure = jack_connect(client, from, to);
        if (failure && failure != EEXIST) {
            char text[2 * BACKEND_MAX_NAME + 64];
            snprintf(text, sizeof text, "cannot connect %s to %s", from, to);
            callbacks->notice(callbacks->user, text);
        }
    }
    jack_free(names);
    return found > 0;
}

static void connect_both_sides(jack_client_t *client, jack_port_t *const ports[NUM_PORTS],
                               const char *pattern, unsigned long flags,
                               const backend_callbacks *callbacks)
{
    bool sources = connect_side(client, ports, pattern, flags | JackPortIsOutput, callbacks);
    bool sinks = connect_side(client, ports, pattern, flags | JackPortIsInput, callbacks);
    if (!sources && !sinks) {
        char text[BACKEND_MAX_NAME + 64];
        snprintf(text, sizeof text, "nothing to connect to: no port %s%s",
                 pattern ? "matches " : "is physical", pattern ? pattern : "");
        callbacks->notice(callbacks->user, text);
    }
}

void jack_ports_connect(jack_client_t *client, jack_port_t *const ports[NUM_PORTS],
                        const backend_options *options, const backend_callbacks *callbacks)
{
    if (options->connect) {
        connect_both_sides(client, ports, NULL, JackPortIsPhysical, callbacks);
    }
    for (size_t i = 0; i < options->num_patterns; i++) {
        connect_both_sides(client, ports, options->patterns[i], 0, callbacks);
    }
}
