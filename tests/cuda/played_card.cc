/* SPDX-License-Identifier: ISC */
/* The host plays a card: everything of card.h with plain loops, recordings included.
 *
 * The "card's memory" can be touched only while something queued runs, so that the device's own
 * code cannot read or write it by mistake; it starts out as NaN. Networks may be used from several
 * threads; one thing runs at a time. */
#include "played_card.h"

#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <vector>

#include "card.h"
#include "exec_stream.h"
#include "value.h"

static played_card two_cards()
{
    played_card played = {};
    played.cards = 2;
    return played;
}

played_card the_played_card = two_cards();

struct bsm_card {
    bsm_precision precision;
    bsm_exec_stream stream;
    bool failed;
    bool cannot_record; /* what is being recorded now */
};

struct bsm_card_recording {
    std::vector<std::function<void()>> work;
};

namespace
{

std::recursive_mutex turn; /* of all that follows, of what runs, and of the_played_card */
std::map<void *, size_t> mappings;
int inside; /* work runs */

using my_turn = std::lock_guard<std::recursive_mutex>;

void protect(bool open)
{
    if (open) {
        turn.lock();
    }
    inside += open ? 1 : -1;
    if (inside == (open ? 1 : 0)) {
        for (const auto &mapping : mappings) {
            mprotect(mapping.first, mapping.second, open ? PROT_READ | PROT_WRITE : PROT_NONE);
        }
    }
    if (!open) {
        turn.unlock();
    }
}

/* Queue work, unless something has failed or is to fail now. */
void queue(bsm_card *card, const std::function<void()> &work)
{
    const my_turn mine(turn);
    the_played_card.operations++;
    if (the_played_card.operations == the_played_card.fail_at) {
        card->failed = true;
    }
    if (!card->failed) {
        card->stream.queue(work);
    }
}

} // namespace

bsm_status bsm_card_find(char *text, size_t size, bsm_error *error)
{
    if (the_played_card.missing) {
        return bsm_fail(error, BSM_NO_DEVICE, "cuda: no card to play");
    }
    std::snprintf(text, size, "played by the host");
    return BSM_OK;
}

bsm_status bsm_card_take(size_t, size_t processes, bsm_error *error)
{
    return processes <= the_played_card.cards
               ? BSM_OK
               : bsm_fail(error, BSM_INVALID_ARGUMENT, "cuda: %zu processes, %zu played cards",
                          processes, the_played_card.cards);
}

bsm_status bsm_card_new(bsm_precision precision, bsm_card **card, bsm_error *error)
{
    char text[64];
    bsm_status status = bsm_card_find(text, sizeof text, error);
    if (!status) {
        *card = new bsm_card{precision, {}, false, false};
        (*card)->stream.around = protect;
    }
    return status;
}

void bsm_card_free(bsm_card *card)
{
    delete card;
}

void bsm_card_use(bsm_card *) {}

bsm_kernel_queue bsm_card_queue(const bsm_card *card)
{
    return {const_cast<bsm_exec_stream *>(&card->stream),
            card->precision == BSM_PRECISION_BFLOAT16};
}

bsm_status bsm_card_allocate(bsm_card *, size_t bytes, const char *what, void **memory,
                             bsm_error *error)
{
    const my_turn mine(turn);
    if (the_played_card.memory && the_played_card.used + bytes > the_played_card.memory) {
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: no memory for %s", what);
    }
    *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (*memory == MAP_FAILED) {
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: no memory for %s", what);
    }
    std::memset(*memory, 0xff, bytes);
    mprotect(*memory, bytes, PROT_NONE);
    mappings[*memory] = bytes;
    the_played_card.used += bytes;
    return BSM_OK;
}

bsm_status bsm_card_allocate_host(bsm_card *, size_t bytes, void **memory, bsm_error *error)
{
    *memory = std::malloc(bytes);
    return *memory ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "no memory");
}

void bsm_card_release(void *memory)
{
    if (memory) {
        const my_turn mine(turn);
        the_played_card.used -= mappings[memory];
        munmap(memory, mappings[memory]);
        mappings.erase(memory);
    }
}

void bsm_card_release_host(void *memory)
{
    std::free(memory);
}

void bsm_card_upload(bsm_card *card, void *to, const void *host, size_t bytes)
{
    queue(card, [=]() {
        the_played_card.uploads++;
        std::memcpy(to, host, bytes);
    });
}

void bsm_card_download(bsm_card *card, void *host, const void *from, size_t bytes)
{
    queue(card, [=]() {
        the_played_card.downloads++;
        std::memcpy(host, from, bytes);
    });
}

void bsm_card_zero(bsm_card *card, void *memory, size_t bytes)
{
    queue(card, [=]() { std::memset(memory, 0, bytes); });
}

/* ---- Products ---- */

namespace
{

template <class T> float at(const void *matrix, size_t index)
{
    return bsm_value<T>::to_float(static_cast<const T *>(matrix)[index]);
}

template <class T> float dot(const bsm_card_product &p, size_t batch, size_t i, size_t j)
{
    const size_t a = batch * p.stride_a, b = batch * p.stride_b;
    double sum = 0;
    for (size_t k = 0; k < p.k; k++) {
        const float x = at<T>(p.a, a + (p.transpose_a ? k * p.lda + i : i * p.lda + k));
        const float y = at<T>(p.b, b + (p.transpose_b ? j * p.ldb + k : k * p.ldb + j));
        sum += (double)x * (double)y;
    }
    return (float)sum;
}

template <class T, class C> void multiply(const bsm_card_product &p)
{
    for (size_t batch = 0; batch < p.batches; batch++) {
        for (size_t i = 0; i < p.m; i++) {
            C *row = static_cast<C *>(p.c) + batch * p.stride_c + i * p.ldc;
            for (size_t j = 0; j < p.n; j++) {
                /* As in BLAS, a beta of 0 does not read c. */
                const float before = p.beta == 0 ? 0.0f : p.beta * bsm_value<C>::to_float(row[j]);
                row[j] = bsm_value<C>::from(dot<T>(p, batch, i, j) + before);
            }
        }
    }
}

} // namespace

void bsm_card_multiply(bsm_card *card, const bsm_card_product *product)
{
    const bsm_card_product p = *product;
    const bool bf16 = card->precision == BSM_PRECISION_BFLOAT16;
    queue(card, [=]() {
        if (!bf16) {
            multiply<float, float>(p);
        } else if (p.c_is_values) {
            multiply<bsm_bf16, bsm_bf16>(p);
        } else {
            multiply<bsm_bf16, float>(p);
        }
    });
}

/* ---- Order ---- */

void bsm_card_wait(bsm_card *)
{
    const my_turn mine(turn);
    the_played_card.waits++;
}

bool bsm_card_busy(bsm_card *card)
{
    return the_played_card.busy && !card->failed;
}

bool bsm_card_works(const bsm_card *card)
{
    return !card->failed;
}

void bsm_card_fail(bsm_card *card, const char *, const char *)
{
    card->failed = true;
}

bsm_status bsm_card_status(bsm_card *card, bsm_error *error)
{
    return card->failed ? bsm_fail(error, BSM_DEVICE_FAILED, "cuda: the played card fails")
                        : BSM_OK;
}

void bsm_card_record(bsm_card *card)
{
    card->cannot_record = the_played_card.no_recordings;
    card->stream.recording = true;
}

bsm_card_recording *bsm_card_recorded(bsm_card *card)
{
    card->stream.recording = false;
    auto *recording = new bsm_card_recording{std::move(card->stream.recorded)};
    card->stream.recorded.clear();
    if (card->cannot_record || card->failed) {
        delete recording;
        return nullptr;
    }
    const my_turn mine(turn);
    the_played_card.recordings++;
    return recording;
}

void bsm_card_play(bsm_card *card, bsm_card_recording *recording)
{
    const my_turn mine(turn);
    the_played_card.plays++;
    queue(card, [=]() {
        for (const auto &work : recording->work) {
            work();
        }
    });
}

void bsm_card_recording_free(bsm_card_recording *recording)
{
    delete recording;
}
