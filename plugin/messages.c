/* SPDX-License-Identifier: ISC */
/* Reads and writes messages over the atom ports. */
#include "messages.h"

#include <string.h>

#include <lv2/atom/util.h>

/* Bytes that are enough for a patch:Set with its properties, without the text of the value. */
enum { SET_SIZE = 160 };

void bsm_messages_init(bsm_messages *messages, LV2_URID_Map *map, const bsm_uris *uris)
{
    messages->uris = *uris;
    lv2_atom_forge_init(&messages->forge, map);
}

/* ---- From the host ---- */

static LV2_URID urid_value(const bsm_messages *m, const LV2_Atom *atom)
{
    return atom && atom->type == m->uris.atom_urid ? ((const LV2_Atom_URID *)atom)->body : 0;
}

static bool for_us(const bsm_messages *m, const LV2_Atom *subject)
{
    return !subject || urid_value(m, subject) == m->uris.plugin;
}

static void read_get(bsm_messages *m, const LV2_Atom_Object *object)
{
    const LV2_Atom *subject = NULL, *property = NULL;
    lv2_atom_object_get(object, m->uris.patch_subject, &subject, m->uris.patch_property, &property,
                        0);
    if (!for_us(m, subject)) {
        return;
    }
    LV2_URID wish = urid_value(m, property);
    m->tell_model = m->tell_model || !property || wish == m->uris.model;
    m->tell_status = m->tell_status || !property || wish == m->uris.status;
    m->watched = m->watched || wish == m->uris.scene;
}

/* A text that is too long for a path is ignored, and the host is told the current value. */
static void read_choice(bsm_messages *m, const LV2_Atom *value)
{
    const char *text = LV2_ATOM_BODY_CONST(value);
    size_t length = strnlen(text, value->size);
    if (length >= sizeof m->choice) {
        m->tell_model = true;
        return;
    }
    memcpy(m->choice, text, length);
    m->choice[length] = 0;
    m->chosen = true;
}

static void read_set(bsm_messages *m, const LV2_Atom_Object *object)
{
    const LV2_Atom *subject = NULL, *property = NULL, *value = NULL;
    lv2_atom_object_get(object, m->uris.patch_subject, &subject, m->uris.patch_property, &property,
                        m->uris.patch_value, &value, 0);
    if (for_us(m, subject) && urid_value(m, property) == m->uris.model && value &&
        (value->type == m->uris.atom_path || value->type == m->uris.atom_string)) {
        read_choice(m, value);
    }
}

void bsm_messages_read(bsm_messages *messages, const LV2_Atom_Sequence *control)
{
    LV2_ATOM_SEQUENCE_FOREACH(control, event)
    {
        if (!lv2_atom_forge_is_object_type(&messages->forge, event->body.type)) {
            continue;
        }
        const LV2_Atom_Object *object = (const LV2_Atom_Object *)&event->body;
        if (object->body.otype == messages->uris.patch_get) {
            read_get(messages, object);
        } else if (object->body.otype == messages->uris.patch_set) {
            read_set(messages, object);
        }
    }
}

/* ---- To the host ---- */

static bool fits(const bsm_messages *m, size_t size)
{
    return m->forge.size - m->forge.offset >= size;
}

/* Returns whether it was written. A message is written whole or, if it does not fit, not at all. */
static bool write_set(bsm_messages *m, LV2_URID property, LV2_URID type, const char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    LV2_Atom_Forge *forge = &m->forge;
    LV2_Atom_Forge_Frame frame;
    if (!fits(m, SET_SIZE + length)) {
        return false;
    }
    lv2_atom_forge_frame_time(forge, 0);
    lv2_atom_forge_object(forge, &frame, 0, m->uris.patch_set);
    lv2_atom_forge_key(forge, m->uris.patch_subject);
    lv2_atom_forge_urid(forge, m->uris.plugin);
    lv2_atom_forge_key(forge, m->uris.patch_property);
    lv2_atom_forge_urid(forge, property);
    lv2_atom_forge_key(forge, m->uris.patch_value);
    lv2_atom_forge_typed_string(forge, type, text, length);
    lv2_atom_forge_pop(forge, &frame);
    return true;
}

static bool write_change(bsm_messages *m)
{
    LV2_Atom_Forge_Frame frame;
    if (!fits(m, SET_SIZE)) {
        return false;
    }
    lv2_atom_forge_frame_time(&m->forge, 0);
    lv2_atom_forge_object(&m->forge, &frame, 0, m->uris.state_changed);
    lv2_atom_forge_pop(&m->forge, &frame);
    return true;
}

static void write_scene(bsm_messages *m, const bsm_scene *scene)
{
    LV2_Atom_Forge_Frame frame;
    if (!fits(m, SET_SIZE + sizeof *scene)) {
        return;
    }
    lv2_atom_forge_frame_time(&m->forge, 0);
    lv2_atom_forge_object(&m->forge, &frame, 0, m->uris.scene);
    lv2_atom_forge_key(&m->forge, m->uris.scene);
    lv2_atom_forge_atom(&m->forge, sizeof *scene, m->forge.Chunk);
    lv2_atom_forge_write(&m->forge, scene, sizeof *scene);
    lv2_atom_forge_pop(&m->forge, &frame);
}

void bsm_messages_write(bsm_messages *messages, LV2_Atom_Sequence *notify, const char *model,
                        const char *status, const bsm_scene *scene)
{
    bsm_messages *m = messages;
    lv2_atom_forge_set_buffer(&m->forge, (uint8_t *)notify, notify->atom.size);
    lv2_atom_forge_sequence_head(&m->forge, &m->sequence, 0);
    if (m->tell_model) {
        m->tell_model = !write_set(m, m->uris.model, m->uris.atom_path, model);
    }
    if (m->tell_status) {
        m->tell_status = !write_set(m, m->uris.status, m->uris.atom_string, status);
    }
    if (m->tell_change) {
        m->tell_change = !write_change(m);
    }
    if (scene) {
        write_scene(m, scene);
    }
    lv2_atom_forge_pop(&m->forge, &m->sequence);
}
