/* SPDX-License-Identifier: ISC */
/* Reads a PyTorch tensor as a pickle describes it: a view of a storage. */
#include "model/torch.h"

#include <stdint.h>
#include <string.h>

typedef bsm_pickle_value value;

static const bsm_torch_type *find_type(const value *global)
{
    static const bsm_torch_type types[] = {
        {"FloatStorage", "float32", 4, true, BSM_F32},
        {"HalfStorage", "float16", 2, true, BSM_F16},
        {"BFloat16Storage", "bfloat16", 2, true, BSM_BF16},
        {"DoubleStorage", "float64", 8, true, BSM_F64},
        {"LongStorage", "int64", 8, false, BSM_F32},
        {"IntStorage", "int32", 4, false, BSM_F32},
        {"ShortStorage", "int16", 2, false, BSM_F32},
        {"CharStorage", "int8", 1, false, BSM_F32},
        {"ByteStorage", "uint8", 1, false, BSM_F32},
        {"BoolStorage", "bool", 1, false, BSM_F32},
        {"ComplexFloatStorage", "complex64", 8, false, BSM_F32},
        {"ComplexDoubleStorage", "complex128", 16, false, BSM_F32},
    };
    if (global->kind != BSM_PICKLE_GLOBAL || strcmp(global->global.module, "torch") != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(global->global.name, types[i].storage) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

static bool read_size(const value *v, size_t *size)
{
    if (v->kind != BSM_PICKLE_INT || v->integer < 0 || (uint64_t)v->integer > SIZE_MAX / 2) {
        return false;
    }
    *size = (size_t)v->integer;
    return true;
}

/* Reads a persistent id: ('storage', torch.FloatStorage, key, location, elements). */
static const char *read_storage(const value *v, bsm_torch_view *view)
{
    const value *tuple = v->kind == BSM_PICKLE_PERSISTENT ? v->identity : NULL;
    if (!tuple || tuple->kind != BSM_PICKLE_TUPLE || tuple->list.count < 5 ||
        !bsm_pickle_is_text(tuple->list.items[0], "storage")) {
        return "its storage is described in an unknown way";
    }
    const value *key = tuple->list.items[2];
    view->type = find_type(tuple->list.items[1]);
    if (!view->type) {
        return "its type is unknown";
    }
    if (key->kind != BSM_PICKLE_TEXT || !read_size(tuple->list.items[4], &view->storage_count)) {
        return "its storage is described in an unknown way";
    }
    view->key = key->text.bytes;
    view->key_length = key->text.length;
    return NULL;
}

static bool read_sizes(const value *tuple, size_t rank, size_t *sizes)
{
    if (tuple->kind != BSM_PICKLE_TUPLE || tuple->list.count != rank) {
        return false;
    }
    for (size_t i = 0; i < rank; i++) {
        if (!read_size(tuple->list.items[i], &sizes[i])) {
            return false;
        }
    }
    return true;
}

/* Check that every element lies inside the storage, and set the number of elements. */
static bool lies_inside(bsm_torch_view *view)
{
    size_t last = view->offset;
    view->count = 1;
    for (size_t i = 0; i < view->rank; i++) {
        size_t step;
        if (__builtin_mul_overflow(view->count, view->shape[i], &view->count)) {
            return false;
        }
        if (view->shape[i] > 1 &&
            (__builtin_mul_overflow(view->shape[i] - 1, view->stride[i], &step) ||
             __builtin_add_overflow(last, step, &last))) {
            return false;
        }
    }
    return view->count == 0 || last < view->storage_count;
}

/* Reads _rebuild_tensor_v2(storage, offset, shape, stride, ...). */
static const char *read_tensor(const value *arguments, bsm_torch_view *view)
{
    if (arguments->kind != BSM_PICKLE_TUPLE || arguments->list.count < 4) {
        return "it is described in an unknown way";
    }
    value **items = arguments->list.items;
    const char *cause = read_storage(items[0], view);
    if (cause) {
        return cause;
    }
    view->rank = items[2]->kind == BSM_PICKLE_TUPLE ? items[2]->list.count : 0;
    if (view->rank > BSM_MAX_RANK) {
        return "it has more than 8 dimensions";
    }
    if (!read_size(items[1], &view->offset) || !read_sizes(items[2], view->rank, view->shape) ||
        !read_sizes(items[3], view->rank, view->stride)) {
        return "its shape makes no sense";
    }
    return lies_inside(view) ? NULL : "it reaches beyond its storage";
}

const char *bsm_torch_view_read(const value *v, bsm_torch_view *view)
{
    *view = (bsm_torch_view){0};
    if (bsm_pickle_is_call(v, "torch._utils", "_rebuild_parameter") ||
        bsm_pickle_is_call(v, "torch._utils", "_rebuild_parameter_with_state")) {
        const value *arguments = v->call.arguments;
        if (arguments->kind != BSM_PICKLE_TUPLE || arguments->list.count == 0) {
            return "it is described in an unknown way";
        }
        v = arguments->list.items[0];
    }
    if (bsm_pickle_is_call(v, "torch._utils", "_rebuild_tensor_v2") ||
        bsm_pickle_is_call(v, "torch._utils", "_rebuild_tensor")) {
        return read_tensor(v->call.arguments, view);
    }
    return "it is no tensor";
}
