/* SPDX-License-Identifier: ISC */
/* Chooses the packed products that this processor and this system support. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "device/cpu/packed.h"
#ifdef BSM_X86_64_KERNELS
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

extern const bsm_packed_kernels bsm_packed_plain;

enum { MOST_SETS = 5 };

static const bsm_packed_kernels *sets[MOST_SETS + 1], *best_bf16, *best_int8;

/* Whether the list in $BSM_WITHOUT, such as "amx,avx512", contains this name. */
static bool is_left_out(const char *name)
{
    const char *list = getenv("BSM_WITHOUT");
    const size_t length = strlen(name);
    while (list && *list) {
        if (!strncmp(list, name, length) && (list[length] == '\0' || list[length] == ',')) {
            return true;
        }
        list = strchr(list, ',');
        list = list ? list + 1 : NULL;
    }
    return false;
}

#ifdef BSM_X86_64_KERNELS
extern const bsm_packed_kernels bsm_packed_amx, bsm_packed_avx512_bf16, bsm_packed_avx512_vnni,
    bsm_packed_avxvnni;

typedef struct features {
    unsigned int c7, d7, a71; /* leaf 7 of cpuid: ECX, EDX, and EAX of its second subleaf */
} features;

static features read_features(void)
{
    unsigned int a, b;
    features f = {0};
    if (__get_cpuid_count(7, 0, &a, &b, &f.c7, &f.d7) && a >= 1) {
        unsigned int c, d;
        __cpuid_count(7, 1, f.a71, b, c, d);
    }
    return f;
}

/* Ask the system to save the tiles of threads; the request holds for the whole process. */
static bool system_grants_amx(void)
{
#ifdef __linux__
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}

static size_t find_sets(size_t count)
{
    enum { AVX512_VNNI = 1 << 11, AVX_VNNI = 1 << 4, AVX512_BF16 = 1 << 5 };
    enum { AMX = 1 << 22 | 1 << 24 | 1 << 25 }; /* bfloat16, tiles, int8 */
    const features f = read_features();
    const bool avx512 = !is_left_out("avx512") && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    if (__builtin_cpu_supports("avx2") && (f.a71 & AVX_VNNI) && !is_left_out("avxvnni")) {
        sets[count++] = &bsm_packed_avxvnni;
    }
    if (avx512 && (f.c7 & AVX512_VNNI)) {
        sets[count++] = &bsm_packed_avx512_vnni;
    }
    if (avx512 && (f.a71 & AVX512_BF16)) {
        sets[count++] = &bsm_packed_avx512_bf16;
    }
    if (avx512 && (f.d7 & AMX) == AMX && !is_left_out("amx") && system_grants_amx()) {
        sets[count++] = &bsm_packed_amx;
    }
    return count;
}

/* Per cycle, Intel's VDPBF16PS multiplies half as much as its float32 instructions, AMD's twice as
 * much. */
static bool is_worth_it(const bsm_packed_kernels *set)
{
    return set != &bsm_packed_avx512_bf16 || !__builtin_cpu_is("intel");
}
#else
static size_t find_sets(size_t count)
{
    return count;
}

static bool is_worth_it(const bsm_packed_kernels *set)
{
    (void)set;
    return true;
}
#endif

static void find(void)
{
    sets[0] = &bsm_packed_plain;
    const size_t count = find_sets(1);
    for (size_t i = 1; i < count; i++) {
        best_int8 = sets[i]->int8 ? sets[i] : best_int8;
        best_bf16 = sets[i]->bf16 && is_worth_it(sets[i]) ? sets[i] : best_bf16;
    }
}

static void find_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find);
}

const bsm_packed_kernels *bsm_packed_bf16(void)
{
    find_once();
    return best_bf16;
}

const bsm_packed_kernels *bsm_packed_int8(void)
{
    find_once();
    return best_int8;
}

const bsm_packed_kernels *bsm_packed_at(size_t index)
{
    find_once();
    return index < MOST_SETS ? sets[index] : NULL;
}
