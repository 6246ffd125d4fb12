/* SPDX-License-Identifier: ISC */
/* Reads a safetensors file and trusts nothing in its header. */
#include "model/safetensors.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "safetensors files are little-endian and their tensors are used in place");

enum {
    PREFIX = 8,
    /* The largest configuration that bsm accepts needs about 7 MB; parsed JSON takes some thirty
     * times as much memory as in the file. */
    MAX_HEADER = 16 << 20,
    MAX_METADATA = 1024,
};

/** The bytes of a tensor, for finding overlaps and gaps. */
typedef struct extent {
    size_t begin, end;
    const char *name;
} extent;

/** A file that is being parsed. */
typedef struct parser {
    const char *path;
    const char *bytes; /**< number of tensors */
    size_t size;       /**< number of `bytes` */
    bsm_safetensors *file;
    extent *extents;
    size_t num_extents;
    bsm_error *error;
} parser;

static bsm_status bad(const parser *p, const char *name, const char *cause)
{
    return bsm_fail(p->error, BSM_BAD_MODEL, "%s: %s: %s", p->path, name, cause);
}

static bsm_status no_memory(const parser *p)
{
    return bsm_fail(p->error, BSM_NO_MEMORY, "%s: out of memory", p->path);
}

/* ---- The header's values ---- */

/* Read a JSON number that is a size. Doubles are exact up to 2^53, which is more than any file
 * has. */
static bool read_size(const cJSON *item, size_t *value)
{
    double number = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(number >= 0) || number > 0x1p53 || number > (double)(SIZE_MAX / 2) ||
        number != (double)(uint64_t)number) {
        return false;
    }
    *value = (size_t)number;
    return true;
}

typedef struct dtype_name {
    const char *name;
    size_t size;
    bool is_float;
    bsm_dtype dtype;
} dtype_name;

static const dtype_name *find_dtype(const cJSON *item)
{
    static const dtype_name dtypes[] = {
        {"F32", 4, true, BSM_F32}, {"F16", 2, true, BSM_F16}, {"BF16", 2, true, BSM_BF16},
        {"F64", 8, true, BSM_F64}, {"I64", 8, false, 0},      {"I32", 4, false, 0},
        {"I16", 2, false, 0},      {"I8", 1, false, 0},       {"U64", 8, false, 0},
        {"U32", 4, false, 0},      {"U16", 2, false, 0},      {"U8", 1, false, 0},
        {"BOOL", 1, false, 0},     {"F8_E4M3", 1, false, 0},  {"F8_E5M2", 1, false, 0},
    };
    const char *name = cJSON_GetStringValue(item);
    for (size_t i = 0; name && i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(name, dtypes[i].name) == 0) {
            return &dtypes[i];
        }
    }
    return NULL;
}

static bsm_status read_shape(const parser *p, const cJSON *item, bsm_tensor *tensor)
{
    if (!cJSON_IsArray(item)) {
        return bad(p, tensor->name, "no shape");
    }
    tensor->count = 1;
    for (const cJSON *size = item->child; size; size = size->next) {
        if (tensor->rank == BSM_MAX_RANK) {
            return bad(p, tensor->name, "more than 8 dimensions");
        }
        size_t *dimension = &tensor->shape[tensor->rank++];
        if (!read_size(size, dimension) ||
            __builtin_mul_overflow(tensor->count, *dimension, &tensor->count)) {
            return bad(p, tensor->name, "impossible shape");
        }
    }
    return BSM_OK;
}

/* Read a tensor's offsets, which must span as many bytes as its dtype and shape say. */
static bsm_status read_place(parser *p, const cJSON *item, size_t element, bsm_tensor *tensor)
{
    const cJSON *first = cJSON_GetArrayItem(item, 0);
    const cJSON *last = cJSON_GetArrayItem(item, 1);
    size_t begin, end, bytes;
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 || !read_size(first, &begin) ||
        !read_size(last, &end) || begin > end) {
        return bad(p, tensor->name, "impossible data_offsets");
    }
    if (end > p->size) {
        return bad(p, tensor->name, "lies beyond the end of the file, which is cut short or wrong");
    }
    if (__builtin_mul_overflow(tensor->count, element, &bytes) || bytes != end - begin) {
        return bad(p, tensor->name, "data_offsets do not fit its dtype and shape");
    }
    tensor->data = p->bytes + begin;
    p->extents[p->num_extents++] = (extent){.begin = begin, .end = end, .name = tensor->name};
    return BSM_OK;
}

static bsm_status read_tensor(parser *p, const cJSON *item)
{
    bsm_tensor tensor = {.name = item->string};
    if (!cJSON_IsObject(item)) {
        return bad(p, tensor.name, "is not described by an object");
    }
    const dtype_name *dtype = find_dtype(cJSON_GetObjectItemCaseSensitive(item, "dtype"));
    if (!dtype) {
        return bad(p, tensor.name, "unknown dtype");
    }
    tensor.dtype = dtype->dtype;
    bsm_status status = read_shape(p, cJSON_GetObjectItemCaseSensitive(item, "shape"), &tensor);
    if (!status) {
        status = read_place(p, cJSON_GetObjectItemCaseSensitive(item, "data_offsets"), dtype->size,
                            &tensor);
    }
    if (status) {
        return status;
    }
    const bsm_table_entry entry = {
        .tensor = tensor,
        .is_float = dtype->is_float,
        .type_name = dtype->name,
    };
    return bsm_table_add(&p->file->table, &entry) ? BSM_OK : no_memory(p);
}

static bsm_status read_metadata(const parser *p, const cJSON *object)
{
    if (!cJSON_IsObject(object)) {
        return bad(p, object->string, "is not an object");
    }
    for (const cJSON *pair = object->child; pair; pair = pair->next) {
        if (!cJSON_IsString(pair)) {
            return bad(p, pair->string, "metadata is not text");
        }
        if (p->file->metadata.count == MAX_METADATA) {
            return bad(p, object->string, "has more than 1024 pairs");
        }
        if (bsm_metadata_get(&p->file->metadata, pair->string)) {
            return bad(p, pair->string, "is in the metadata twice");
        }
        if (!bsm_metadata_set(&p->file->metadata, pair->string, pair->valuestring)) {
            return no_memory(p);
        }
    }
    return BSM_OK;
}

/* ---- The whole file ---- */

static int compare_extents(const void *a, const void *b)
{
    const extent *left = a;
    const extent *right = b;
    if (left->begin != right->begin) {
        return left->begin < right->begin ? -1 : 1;
    }
    return (left->end > right->end) - (left->end < right->end);
}

static bsm_status check_extents(const parser *p)
{
    qsort(p->extents, p->num_extents, sizeof *p->extents, compare_extents);
    size_t end = 0;
    for (size_t i = 0; i < p->num_extents; i++) {
        if (p->extents[i].begin < end) {
            return bad(p, p->extents[i].name, "overlaps another tensor");
        }
        if (p->extents[i].begin > end) {
            return bad(p, p->extents[i].name, "does not follow the tensor before it");
        }
        end = p->extents[i].end;
    }
    if (end != p->size) {
        return bsm_fail(p->error, BSM_BAD_MODEL, "%s: %zu bytes after the last tensor", p->path,
                        p->size - end);
    }
    return BSM_OK;
}

static bsm_status read_items(parser *p, const cJSON *header)
{
    p->extents = calloc((size_t)cJSON_GetArraySize(header) + 1, sizeof *p->extents);
    if (!p->extents) {
        return no_memory(p);
    }
    bool has_metadata = false;
    for (const cJSON *item = header->child; item; item = item->next) {
        bsm_status status;
        if (strcmp(item->string, "__metadata__") != 0) {
            status = read_tensor(p, item);
        } else if (!has_metadata) {
            has_metadata = true;
            status = read_metadata(p, item);
        } else {
            status = bad(p, item->string, "is there twice");
        }
        if (status) {
            return status;
        }
    }
    const char *twice = bsm_table_sort(&p->file->table);
    return twice ? bad(p, twice, "is there twice") : check_extents(p);
}

/* The header may be padded with spaces only. */
static bool is_padding(const char *text, const char *end)
{
    while (text < end && (*text == ' ' || *text == '\n' || *text == '\t' || *text == '\r')) {
        text++;
    }
    return text == end;
}

static bsm_status parse_header(parser *p, const char *text, size_t length)
{
    const char *end = NULL;
    errno = 0; /* cJSON's two kinds of failure cannot be told apart otherwise */
    cJSON *header = text[0] == '{' ? cJSON_ParseWithLengthOpts(text, length, &end, false) : NULL;
    p->file->json = header;
    if (!header && errno == ENOMEM) {
        return no_memory(p);
    }
    if (!header || !is_padding(end, text + length)) {
        return bsm_fail(p->error, BSM_BAD_MODEL, "%s: the header is not a JSON object", p->path);
    }
    return read_items(p, header);
}

bsm_status bsm_safetensors_parse(const char *path, const void *data, size_t size,
                                 bsm_safetensors *file, bsm_error *error)
{
    *file = (bsm_safetensors){0};
    uint64_t length = 0;
    if (size > PREFIX) {
        memcpy(&length, data, PREFIX);
    }
    if (length < 2 || length > size - PREFIX) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: cut short, or not a safetensors file", path);
    }
    if (length > MAX_HEADER) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: a header of %llu bytes is larger than %d", path,
                        (unsigned long long)length, MAX_HEADER);
    }
    const char *text = (const char *)data + PREFIX;
    parser p = {
        .path = path,
        .bytes = text + length,
        .size = size - PREFIX - (size_t)length,
        .file = file,
        .error = error,
    };
    bsm_status status = parse_header(&p, text, (size_t)length);
    free(p.extents);
    if (status) {
        bsm_safetensors_free(file);
    }
    return status;
}

void bsm_safetensors_free(bsm_safetensors *file)
{
    bsm_table_free(&file->table);
    bsm_metadata_free(&file->metadata);
    cJSON_Delete(file->json);
    *file = (bsm_safetensors){0};
}
