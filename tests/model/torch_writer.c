/* SPDX-License-Identifier: ISC */
/* Writes PyTorch checkpoints for the tests, valid and invalid ones. */
#include "torch_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zip.h>

#include "scratch.h"

/* ---- Bytes ---- */

void bytes_add(bytes *b, const void *data, size_t size)
{
    if (b->size + size > b->capacity) {
        b->capacity = 2 * (b->size + size) + 64;
        b->data = realloc(b->data, b->capacity);
        assert_non_null(b->data);
    }
    if (size) {
        memcpy(b->data + b->size, data, size);
    }
    b->size += size;
}

void bytes_add_text(bytes *b, const char *text)
{
    bytes_add(b, text, strlen(text));
}

void bytes_free(bytes *b)
{
    free(b->data);
    *b = (bytes){0};
}

/* ---- Pickles ---- */

void pickle_text(bytes *b, const char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    bytes_add_text(b, "X");
    bytes_add(b, &length, 4);
    bytes_add(b, text, length);
}

void pickle_integer(bytes *b, long long value)
{
    int64_t number = value;
    bytes_add(b, "\x8a\x08", 2);
    bytes_add(b, &number, 8);
}

static void pickle_sizes(bytes *b, const size_t *sizes, size_t count)
{
    bytes_add_text(b, "(");
    for (size_t i = 0; i < count; i++) {
        pickle_integer(b, (long long)sizes[i]);
    }
    bytes_add_text(b, "t");
}

/** A checkpoint that is being written. */
typedef struct writer {
    const bsm_model *model;
    const torch_style *style;
    bytes pickle;
    member *members;
    size_t num_members;
    bytes shared;  /**< the only storage, with one_storage */
    size_t offset; /**< in it, in elements */
    float factor;  /**< multiplies all weights */
} writer;

static size_t element_size(const writer *w)
{
    return w->style->doubles ? 8 : 4;
}

/* Return the elements in the order and type of the storage. */
static bytes encode(const writer *w, const bsm_tensor *tensor)
{
    bytes b = {0};
    const float *values = tensor->data;
    size_t rows = tensor->shape[0];
    size_t columns = tensor->count / rows;
    bool transposed = w->style->transposed && tensor->rank == 2;
    size_t count = w->style->expanded ? 1 : tensor->count;
    for (size_t i = 0; i < count; i++) {
        float single = transposed ? values[i % rows * columns + i / rows] : values[i];
        single *= w->factor;
        double wide = (double)single;
        char element[8];
        size_t size = element_size(w);
        memcpy(element, w->style->doubles ? (void *)&wide : (void *)&single, size);
        for (size_t j = 0; w->style->big_endian && j < size / 2; j++) {
            char swap = element[j];
            element[j] = element[size - 1 - j];
            element[size - 1 - j] = swap;
        }
        bytes_add(&b, element, size);
    }
    char *zeros = calloc(w->style->padding + 1, element_size(w));
    assert_non_null(zeros);
    bytes_add(&b, zeros, w->style->padding * element_size(w));
    free(zeros);
    return b;
}

/* Put the elements into a storage of their own or into the shared one; return the offset. */
static size_t store(writer *w, const bsm_tensor *tensor, char key[32])
{
    bytes b = encode(w, tensor);
    size_t offset = 0;
    if (w->style->one_storage) {
        strcpy(key, "0");
        offset = w->offset;
        w->offset += tensor->count;
        bytes_add(&w->shared, b.data, b.size);
        bytes_free(&b);
    } else {
        sprintf(key, "%zu", w->num_members);
        w->members[w->num_members++] = (member){strdup(key), b.data, b.size};
    }
    return offset;
}

static void pickle_storage(writer *w, const bsm_tensor *tensor, const char *key)
{
    size_t elements = (w->style->expanded ? 1 : tensor->count) + w->style->padding;
    if (w->style->one_storage) {
        elements = 0;
        for (size_t i = 0; i < bsm_model_num_tensors(w->model); i++) {
            elements += bsm_model_tensor(w->model, i)->count;
        }
    }
    if (w->style->long_tensor && strcmp(tensor->name, w->style->long_tensor) == 0) {
        elements++;
    }
    bytes_add_text(&w->pickle, "(");
    pickle_text(&w->pickle, "storage");
    bytes_add_text(&w->pickle,
                   w->style->doubles ? "ctorch\nDoubleStorage\n" : "ctorch\nFloatStorage\n");
    pickle_text(&w->pickle, key);
    pickle_text(&w->pickle, "cuda:0");
    pickle_integer(&w->pickle, (long long)elements);
    bytes_add_text(&w->pickle, "tQ");
}

static void pickle_tensor(writer *w, const bsm_tensor *tensor)
{
    bytes *b = &w->pickle;
    char key[32];
    size_t offset = store(w, tensor, key);
    size_t stride[BSM_MAX_RANK] = {0};
    size_t step = 1;
    for (size_t i = tensor->rank; i-- > 0;) {
        stride[i] = w->style->expanded ? 0 : step;
        step *= tensor->shape[i];
    }
    if (w->style->transposed && tensor->rank == 2) {
        stride[0] = 1;
        stride[1] = tensor->shape[0];
    }
    if (w->style->parameters) {
        bytes_add_text(b, "ctorch._utils\n_rebuild_parameter\n(");
    }
    bytes_add_text(b, "ctorch._utils\n_rebuild_tensor_v2\n(");
    pickle_storage(w, tensor, key);
    pickle_integer(b, (long long)offset);
    pickle_sizes(b, tensor->shape, tensor->rank);
    pickle_sizes(b, stride, tensor->rank);
    bytes_add_text(b, "\x89"
                      "ccollections\nOrderedDict\n)RtR");
    if (w->style->parameters) {
        bytes_add_text(b, "\x88"
                          "ccollections\nOrderedDict\n)RtR");
    }
}

static void pickle_name(writer *w, const char *prefix, const char *name)
{
    static const char mixer[] = "mixer.";
    char full[256];
    const char *found = w->style->infix ? strstr(name, mixer) : NULL;
    const size_t head = found ? (size_t)(found - name) + sizeof mixer - 1 : 0;
    char dotless[256] = "";
    for (const char *c = name; prefix && prefix == w->style->average_prefix && *c; c++) {
        strncat(dotless, c, *c != '.');
    }
    if (w->style->dotless && *dotless) {
        name = dotless;
    }
    snprintf(full, sizeof full, "%s%.*s%s%s", prefix ? prefix : "", (int)head, name,
             found ? w->style->infix : "", name + head);
    pickle_text(&w->pickle, full);
}

static void pickle_weights(writer *w, const char *prefix, float factor)
{
    w->factor = factor;
    for (size_t i = 0; i < bsm_model_num_tensors(w->model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(w->model, i);
        if (!w->style->without || strcmp(tensor->name, w->style->without) != 0) {
            pickle_name(w, prefix, tensor->name);
            pickle_tensor(w, tensor);
        }
    }
    w->factor = 1;
}

/* If a name begins with a prefix, return the part up to the next dot after it, and whether more
 * follows. */
static bool next_part(const char *name, const char *prefix, char part[64], bool *more)
{
    const size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0) {
        return false;
    }
    snprintf(part, 64, "%.*s", (int)strcspn(name + length, "."), name + length);
    *more = name[length + strlen(part)] == '.';
    return true;
}

/* Write the tensors whose names begin with `prefix` as an object of a class that nobody has. */
static void pickle_module(writer *w, const char *prefix, float factor)
{
    static const char *const parts[] = {"_parameters", "_buffers", "_modules"};
    bytes_add_text(&w->pickle, "cmy.own\nNet\n)\x81}(");
    for (size_t p = 0; p < 3; p++) {
        char part[64], last[64] = "";
        bool more;
        pickle_text(&w->pickle, parts[p]);
        bytes_add_text(&w->pickle, p == 1 ? "}" : "ccollections\nOrderedDict\n)R(");
        for (size_t i = 0; p != 1 && i < bsm_model_num_tensors(w->model); i++) {
            const bsm_tensor *tensor = bsm_model_tensor(w->model, i);
            if (!next_part(tensor->name, prefix, part, &more) || more != (p == 2)) {
                continue;
            }
            if (!more) {
                w->factor = factor;
                pickle_text(&w->pickle, part);
                pickle_tensor(w, tensor);
            } else if (strcmp(part, last) != 0) { /* the names of a module are adjacent */
                char inner[256];
                snprintf(inner, sizeof inner, "%s%s.", prefix, part);
                pickle_text(&w->pickle, part);
                pickle_module(w, inner, factor);
                strcpy(last, part);
            }
        }
        bytes_add_text(&w->pickle, p == 1 ? "" : "u");
    }
    pickle_text(&w->pickle, "training");
    bytes_add_text(&w->pickle, "\x88ub");
    w->factor = 1;
}

static void pickle_state_dict(writer *w, float factor)
{
    if (w->style->modules) {
        pickle_module(w, "", factor);
        return;
    }
    bytes_add_text(&w->pickle, "ccollections\nOrderedDict\n)R(");
    pickle_weights(w, w->style->prefix, factor);
    if (w->style->average_prefix) {
        pickle_weights(w, w->style->average_prefix, 2 * factor);
    }
    if (w->style->with) {
        static const float zero;
        const bsm_tensor extra = {
            .name = w->style->with, .rank = 1, .shape = {1}, .count = 1, .data = &zero};
        pickle_name(w, w->style->prefix, extra.name);
        pickle_tensor(w, &extra);
    }
    bytes_add_text(&w->pickle, "u}");
    pickle_text(&w->pickle, "_metadata");
    bytes_add_text(&w->pickle, "}sb");
}

/* Write what a reader must not run, and what must not confuse it. */
static void pickle_code(bytes *b)
{
    pickle_text(b, "callbacks");
    bytes_add_text(b, "cos\nsystem\n");
    pickle_text(b, "touch bsm-was-here");
    bytes_add_text(b, "\x85R}");
    pickle_text(b, "state");
    bytes_add_text(b, "Nsb");
    pickle_text(b, "hyper_parameters");
    bytes_add_text(b, "cbuiltins\nexec\n");
    pickle_text(b, "open('bsm-was-here', 'w')");
    bytes_add_text(b, "\x85\x81(");
    pickle_text(b, "key");
    bytes_add_text(b, "Nu");
    pickle_text(b, "set");
    bytes_add_text(b, "\x8f(K\x01K\x02\x90");
}

static void pickle_averages(writer *w)
{
    pickle_text(&w->pickle, "optimizer_states");
    bytes_add_text(&w->pickle, "]}");
    pickle_text(&w->pickle, "ema");
    bytes_add_text(&w->pickle, "(");
    for (size_t i = 0; i < w->style->ema; i++) {
        pickle_tensor(w, bsm_model_tensor(w->model, i % bsm_model_num_tensors(w->model)));
    }
    bytes_add_text(&w->pickle, "tsa");
}

/* Write a key and its state dict: "a.b" is b in a dict of its own. */
static void pickle_state_dict_at(writer *w, const char *key, float factor)
{
    const char *dot = strchr(key, '.');
    char first[64];
    const size_t length = dot ? (size_t)(dot - key) : strlen(key);
    assert_true(length < sizeof first);
    memcpy(first, key, length);
    first[length] = 0;
    pickle_text(&w->pickle, first);
    if (dot) {
        bytes_add_text(&w->pickle, "}(");
        pickle_state_dict_at(w, dot + 1, factor);
        bytes_add_text(&w->pickle, "u");
    } else {
        pickle_state_dict(w, factor);
    }
}

static void pickle_checkpoint(writer *w)
{
    bytes_add_text(&w->pickle, "\x80\x02");
    if (w->style->wrapper) {
        bytes_add_text(&w->pickle, "}(");
        if (w->style->code) {
            pickle_code(&w->pickle);
        }
        pickle_state_dict_at(w, w->style->wrapper, 1);
        if (w->style->average) {
            pickle_state_dict_at(w, w->style->average, 2);
        }
    } else {
        pickle_state_dict(w, 1);
    }
    if (w->style->wrapper) {
        if (w->style->ema) {
            pickle_averages(w);
        }
        bytes_add_text(&w->pickle, "u");
    }
    bytes_add_text(&w->pickle, ".");
}

/* Assign the members their positions in the archive, and write it. */
static void write_members(writer *w, const char *path)
{
    const char *root = w->style->root ? w->style->root : "archive/";
    size_t extra = 0;
    member *all = calloc(w->num_members + 3, sizeof *all);
    assert_non_null(all);
    char names[3][64];
    snprintf(names[0], sizeof names[0], "%sdata.pkl", root);
    all[extra++] = (member){names[0], w->pickle.data, w->pickle.size};
    snprintf(names[1], sizeof names[1], "%sbyteorder", root);
    all[extra++] =
        w->style->big_endian ? (member){names[1], "big", 3} : (member){names[1], "little", 6};
    if (w->style->one_storage) {
        snprintf(names[2], sizeof names[2], "%sdata/0", root);
        all[extra++] = (member){names[2], w->shared.data, w->shared.size};
    }
    for (size_t i = 0; i < w->num_members; i++) {
        char name[128];
        snprintf(name, sizeof name, "%sdata/%s", root, w->members[i].name);
        all[extra + i] = (member){strdup(name), w->members[i].data, w->members[i].size};
    }
    zip_write(path, all, extra + w->num_members, w->style->deflated);
    for (size_t i = 0; i < w->num_members; i++) {
        free((char *)all[extra + i].name);
        free((char *)w->members[i].name);
        free((char *)w->members[i].data);
    }
    free(all);
}

void torch_write(const char *path, const bsm_model *model, const torch_style *style)
{
    size_t most = 3 * bsm_model_num_tensors(model) + style->ema + 1;
    writer w = {
        .model = model, .style = style, .factor = 1, .members = calloc(most, sizeof *w.members)};
    assert_non_null(w.members);
    pickle_checkpoint(&w);
    write_members(&w, path);
    free(w.members);
    bytes_free(&w.pickle);
    bytes_free(&w.shared);
}

/* ---- Archives ---- */

void zip_write(const char *path, const member *members, size_t count, bool deflated)
{
    unlink(path);
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_EXCL, NULL);
    assert_non_null(archive);
    for (size_t i = 0; i < count; i++) {
        zip_source_t *source = zip_source_buffer(archive, members[i].data, members[i].size, 0);
        assert_non_null(source);
        zip_int64_t index = zip_file_add(archive, members[i].name, source, 0);
        assert_true(index >= 0);
        assert_int_equal(zip_set_file_compression(archive, (zip_uint64_t)index,
                                                  deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0),
                         0);
    }
    assert_int_equal(zip_close(archive), 0);
}

static uint32_t number_at(const unsigned char *data, size_t count)
{
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number |= (uint32_t)data[i] << 8 * i;
    }
    return number;
}

void zip_clear_checksums(const char *path)
{
    enum { END = 22, END_COUNT = 10, END_PLACE = 16 }; /* the record at the end of the archive */
    enum { CRC = 16, NAME = 28, EXTRA = 30, COMMENT = 32, LOCAL = 42, SIZE = 46, LOCAL_CRC = 14 };
    size_t size;
    unsigned char *data = scratch_read(path, &size);
    const unsigned char *end = data + size - END;
    unsigned char *entry = data + number_at(end + END_PLACE, 4);
    for (size_t left = number_at(end + END_COUNT, 2); left > 0; left--) {
        memset(entry + CRC, 0, 4);
        memset(data + number_at(entry + LOCAL, 4) + LOCAL_CRC, 0, 4);
        entry += SIZE + number_at(entry + NAME, 2) + number_at(entry + EXTRA, 2) +
                 number_at(entry + COMMENT, 2);
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(data);
}
