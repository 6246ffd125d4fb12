/* SPDX-License-Identifier: ISC */
/* Reads a YAML document. */
#include "config/layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"

enum { MAX_FILE = 1 << 20 };

static bsm_status syntax_error(const bsm_layer *layer, const yaml_parser_t *parser,
                               bsm_error *error)
{
    const char *problem = parser->problem; /* libyaml may say nothing when it is out of memory */
    if (parser->error == YAML_MEMORY_ERROR || !problem) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", layer->name);
    }
    if (!layer->has_lines) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: %s", layer->name, problem);
    }
    const bool tab = strstr(problem, "cannot start any token") != NULL;
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s:%zu: %s%s", layer->name,
                    parser->problem_mark.line + 1, problem,
                    tab ? ": if it is a tab, put spaces there" : "");
}

/* libyaml returns a document without a root after the last one. */
static bsm_status expect_end(const bsm_layer *layer, yaml_parser_t *parser, bsm_error *error)
{
    yaml_document_t next;
    if (!yaml_parser_load(parser, &next)) {
        return syntax_error(layer, parser, error);
    }
    const bool more = yaml_document_get_root_node(&next) != NULL;
    yaml_document_delete(&next);
    return more ? bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: more than one document", layer->name)
                : BSM_OK;
}

static bsm_status load_document(bsm_layer *layer, const char *text, size_t size, bsm_error *error)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", layer->name);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    bsm_status status = BSM_OK;
    if (!yaml_parser_load(&parser, &layer->document)) {
        status = syntax_error(layer, &parser, error);
    } else if (yaml_document_get_root_node(&layer->document)) {
        status = expect_end(layer, &parser, error);
        if (status) {
            yaml_document_delete(&layer->document);
        }
    }
    yaml_parser_delete(&parser);
    return status;
}

bsm_status bsm_layer_parse(const char *name, bool has_lines, const char *text, size_t size,
                           bsm_layer *layer, bsm_error *error)
{
    *layer = (bsm_layer){.name = strdup(name), .has_lines = has_lines};
    if (!layer->name) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    }
    bsm_status status = load_document(layer, text, size, error);
    if (status) {
        free(layer->name);
        *layer = (bsm_layer){0};
    }
    return status;
}

static bsm_status read_all(const char *path, int fd, char *text, size_t size, bsm_error *error)
{
    for (size_t done = 0; done < size;) {
        const ssize_t count = read(fd, text + done, size - done);
        if (count == 0) {
            return bsm_fail(error, BSM_IO, "%s: became shorter while it was read", path);
        }
        if (count < 0 && errno != EINTR) {
            return bsm_fail_errno(error, errno, path, "cannot read");
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return BSM_OK;
}

static bsm_status read_open_file(const char *path, int fd, size_t size, bsm_layer *layer,
                                 bsm_error *error)
{
    char *text = malloc(size);
    if (!text) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    bsm_status status = read_all(path, fd, text, size, error);
    if (!status) {
        status = bsm_layer_parse(path, true, text, size, layer, error);
    }
    free(text);
    return status;
}

bsm_status bsm_layer_read(const char *path, bsm_layer *layer, bsm_error *error)
{
    int fd = -1;
    struct stat info;
    bsm_status status = bsm_open_regular(path, BSM_INVALID_ARGUMENT, &fd, &info, error);
    if (status) {
        return status;
    }
    status = info.st_size > MAX_FILE
                 ? bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: too long for a configuration", path)
                 : read_open_file(path, fd, (size_t)info.st_size, layer, error);
    close(fd);
    return status;
}

/* Turn "a.b=V" into the text "{a: {b: V}}". It is in flow style, because V may be a list. NULL
 * when out of memory. */
static char *nest(const char *assignment, size_t key_length, size_t *size)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, size);
    if (!stream) {
        return NULL;
    }
    size_t depth = 1;
    fputc('{', stream);
    for (size_t i = 0; i < key_length; i++) {
        if (assignment[i] == '.') {
            fputs(": {", stream);
            depth++;
        } else {
            fputc(assignment[i], stream);
        }
    }
    fprintf(stream, ": %s", assignment + key_length + 1);
    for (; depth > 0; depth--) {
        fputc('}', stream);
    }
    if (fclose(stream)) {
        free(text);
        return NULL;
    }
    return text;
}

bsm_status bsm_layer_assign(const char *assignment, bsm_layer *layer, bsm_error *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    char name[BSM_MAX_KEY + 16];
    const size_t key_length = strcspn(assignment, "=");
    bool valid = key_length < BSM_MAX_KEY && assignment[key_length] == '=';
    for (size_t start = 0; valid && start <= key_length;) {
        const size_t word = strspn(assignment + start, letters);
        valid = word > 0 && (start + word == key_length || assignment[start + word] == '.');
        start += word + 1;
    }
    if (!valid) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--set %s: is not SECTION.KEY=VALUE",
                        assignment);
    }
    snprintf(name, sizeof name, "--set %.*s", (int)key_length, assignment);
    size_t size;
    char *text = nest(assignment, key_length, &size);
    if (!text) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    }
    const bsm_status status = bsm_layer_parse(name, false, text, size, layer, error);
    free(text);
    return status;
}

void bsm_layer_free(bsm_layer *layer)
{
    if (layer->name) {
        yaml_document_delete(&layer->document);
    }
    free(layer->name);
    *layer = (bsm_layer){0};
}

bool bsm_yaml_is_null(const yaml_node_t *node)
{
    if (!node || node->type != YAML_SCALAR_NODE) {
        return !node;
    }
    const char *value = (const char *)node->data.scalar.value;
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*value || strcmp(value, "~") == 0 || strcmp(value, "null") == 0);
}

yaml_node_t *bsm_yaml_get(yaml_document_t *document, const yaml_node_t *mapping, const char *key)
{
    if (!mapping || mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE &&
            strcmp((const char *)name->data.scalar.value, key) == 0) {
            return yaml_document_get_node(document, pair->value);
        }
    }
    return NULL;
}

yaml_node_t *bsm_layer_find(bsm_layer *layer, const char *key)
{
    yaml_node_t *node = yaml_document_get_root_node(&layer->document);
    while (node && *key) {
        char word[BSM_MAX_KEY];
        const size_t length = strcspn(key, ".");
        if (length >= sizeof word) {
            return NULL;
        }
        memcpy(word, key, length);
        word[length] = '\0';
        node = bsm_yaml_get(&layer->document, node, word);
        key += length + (key[length] == '.');
    }
    return node;
}
