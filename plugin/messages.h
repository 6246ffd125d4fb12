/* SPDX-License-Identifier: ISC */
/** What the plugin and its host say to each other through the atom ports: the model file is asked
 *  for and set, and the host is told what became of it. */
#ifndef BSM_PLUGIN_MESSAGES_H
#define BSM_PLUGIN_MESSAGES_H

#include "loading.h"
#include "scene.h"
#include "uris.h"

typedef struct bsm_messages {
    bsm_uris uris;
    LV2_Atom_Forge forge;
    LV2_Atom_Forge_Frame sequence;
    bool chosen;                               /**< `choice` waits to be handed to the worker */
    char choice[BSM_PATH_SIZE];                /**< the model file that the host has set */
    bool watched;                              /**< a window has asked for scenes */
    bool tell_model, tell_status, tell_change; /**< the host is to be told, as soon as it fits */
} bsm_messages;

void bsm_messages_init(bsm_messages *messages, LV2_URID_Map *map, const bsm_uris *uris);

/** Understand patch:Get and patch:Set of the parameters. */
BSM_REALTIME void bsm_messages_read(bsm_messages *messages, const LV2_Atom_Sequence *control);

/** Fill the notify port with what is to be told. A scene (NULL: none) that does not fit is lost:
 * the next one is near. */
BSM_REALTIME void bsm_messages_write(bsm_messages *messages, LV2_Atom_Sequence *notify,
                                     const char *model, const char *status, const bsm_scene *scene);

#endif
