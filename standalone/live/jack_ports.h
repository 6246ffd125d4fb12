/* SPDX-License-Identifier: ISC */
/** The ports of bsm-live on JACK: their names and connections. */
#ifndef BSM_LIVE_JACK_PORTS_H
#define BSM_LIVE_JACK_PORTS_H

#include <jack/jack.h>

#include "backend.h"

typedef enum jack_port_index {
    PORT_IN_LEFT,
    PORT_IN_RIGHT,
    PORT_VOCALS_LEFT,
    PORT_VOCALS_RIGHT,
    PORT_INSTRUMENTAL_LEFT,
    PORT_INSTRUMENTAL_RIGHT,
    PORT_OUT_LEFT,
    PORT_OUT_RIGHT,
    NUM_PORTS,
    NUM_INPUTS = PORT_VOCALS_LEFT
} jack_port_index;

bsm_status jack_ports_register(jack_client_t *client, jack_port_t *ports[NUM_PORTS],
                               bsm_error *error);

/** Set aliases and metadata as names for people, as far as the server supports them. */
void jack_ports_describe(jack_client_t *client, jack_port_t *const ports[NUM_PORTS]);

/** Remove the metadata, which would outlive the client. */
void jack_ports_undescribe(jack_client_t *client, jack_port_t *const ports[NUM_PORTS]);

/** Connect as the options say. A port that cannot be connected causes a notice. */
void jack_ports_connect(jack_client_t *client, jack_port_t *const ports[NUM_PORTS],
                        const backend_options *options, const backend_callbacks *callbacks);

#endif
