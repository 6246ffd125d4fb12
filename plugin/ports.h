/* SPDX-License-Identifier: ISC */
/** The ports of both plugins, which ttl/ describes. Stems has all of them, with these numbers.
 *  Remix lacks the outputs of the instrumental, so the ports after them have lower numbers there
 *  (bsm_port_index). Numbers never change: new ports are added at the end. */
#ifndef BSM_PLUGIN_PORTS_H
#define BSM_PLUGIN_PORTS_H

#include <stdbool.h>

#include <lv2/atom/atom.h>

typedef enum bsm_port {
    BSM_PORT_CONTROL,
    BSM_PORT_NOTIFY,
    BSM_PORT_IN_LEFT,
    BSM_PORT_IN_RIGHT,
    BSM_PORT_VOCALS_GAIN,
    BSM_PORT_INSTRUMENTAL_GAIN,
    BSM_PORT_LOOKAHEAD,
    BSM_PORT_DEVICE,
    BSM_PORT_ENABLED,
    BSM_PORT_FREEWHEEL,
    BSM_PORT_LATENCY,
    BSM_PORT_LOAD,
    BSM_PORT_MISSES,
    BSM_PORT_OUT_LEFT, /**< the mix in Remix, the vocals in Stems */
    BSM_PORT_OUT_RIGHT,
    BSM_PORT_INSTRUMENTAL_LEFT, /**< this and the next are in Stems only */
    BSM_PORT_INSTRUMENTAL_RIGHT,
    BSM_PORT_PRECISION,
    BSM_PORT_VOCALS_MUTE,
    BSM_PORT_INSTRUMENTAL_MUTE,
    BSM_PORT_SOLO,
    BSM_PORT_MEMORY,
    BSM_NUM_PORTS,
    BSM_REMIX_LACKS = BSM_PORT_PRECISION - BSM_PORT_INSTRUMENTAL_LEFT,
} bsm_port;

/** Return a port's number in the Turtle of a plugin. */
static inline unsigned bsm_port_index(bool stems, bsm_port port)
{
    return (unsigned)port - (!stems && port >= BSM_PORT_PRECISION ? BSM_REMIX_LACKS : 0);
}

/** Return the port that has this number in the Turtle of a plugin. */
static inline bsm_port bsm_port_at(bool stems, unsigned index)
{
    return index + (!stems && index >= BSM_PORT_INSTRUMENTAL_LEFT ? BSM_REMIX_LACKS : 0);
}

/** The range of the gain ports in dB. At its lower end a part is silent. */
#define BSM_GAIN_MUTE (-60.0f)
#define BSM_GAIN_MAX 12.0f

/** Values of BSM_PORT_LOOKAHEAD. */
enum { BSM_LOOKAHEAD_LOW, BSM_LOOKAHEAD_NORMAL, BSM_LOOKAHEAD_HIGH, BSM_NUM_LOOKAHEADS };

/** Values of BSM_PORT_DEVICE. */
enum { BSM_CHOICE_AUTO, BSM_CHOICE_CPU, BSM_CHOICE_CUDA, BSM_NUM_CHOICES };

/** Values of BSM_PORT_PRECISION: from the most to the least exact, and then later additions. */
enum {
    BSM_CHOICE_FLOAT32,
    BSM_CHOICE_TF32,
    BSM_CHOICE_BFLOAT16,
    BSM_CHOICE_INT8,
    BSM_CHOICE_LIVE, /**< automatic: BSM_PRECISION_LIVE */
    BSM_NUM_PRECISIONS
};

/** The number of values of BSM_PORT_SOLO, which are those of bsm_solo. */
enum { BSM_NUM_SOLOS = 3 };

/** Values of BSM_PORT_MEMORY. */
enum { BSM_KEEP_AS_MODEL, BSM_KEEP_CARRIED, BSM_KEEP_BOUNDED, BSM_KEEP_ROLLING, BSM_NUM_MEMORIES };

/** The buffers that the host has connected, in the order of bsm_port. */
typedef union bsm_ports {
    void *any[BSM_NUM_PORTS];
    struct {
        const LV2_Atom_Sequence *control;
        LV2_Atom_Sequence *notify;
        const float *in[2];
        const float *vocals_gain, *instrumental_gain, *lookahead, *device, *enabled, *freewheel;
        float *latency, *load, *misses;
        float *out[2];
        float *instrumental[2];
        const float *precision, *mute[2], *solo, *memory;
    };
} bsm_ports;

_Static_assert(sizeof(((bsm_ports *)0)->any) == sizeof(bsm_ports), "a member for each port");

#endif
