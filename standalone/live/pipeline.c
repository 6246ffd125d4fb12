/* SPDX-License-Identifier: ISC */
/* Turns the input into both stems and their remix. */
#include "pipeline.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

/** The crossfade from one sample rate to another takes 5 ms. */
enum { FADES_PER_SECOND = 200, MAX_FADE = BSM_STREAM_MAX_RATE / FADES_PER_SECOND };

/** The state that belongs to one sample rate. */
typedef struct lane {
    size_t fade; /**< samples */
    bsm_stream *stream;
    bsm_remix *remix;
} lane;

struct pipeline {
    /* ---- The main thread's ---- */
    bsm_stream_options options;
    bsm_model *model;
    bsm_remix_settings mix;
    lane *newest; /**< the state that the audio thread uses, or will use after the next block */
    uint64_t columns_taken; /**< how many columns of levels pipeline_take_peaks has read */

    /* ---- Between the main and the audio thread ---- */
    _Atomic(lane *) incoming; /**< passed to the audio thread */
    _Atomic(lane *) outgoing; /**< passed back to the main thread, which frees it */
    _Atomic size_t latency;
    _Atomic bool freewheel;

    /* ---- The audio thread's ---- */
    lane *current;
    lane *leaving;    /**< the state that fades out, or NULL */
    size_t fade_left; /**< samples */
    bool freewheeling;
    float scratch[4][BSM_STREAM_MAX_BLOCK]; /**< buffers for stems without an output */
    float fading[8][MAX_FADE]; /**< input of the new state, and outputs of the leaving one */
};

/* ---- Denormals ---- */

/* Operations with denormals, which occur when filters decay, take a hundred times as long as
 * others. */
static unsigned denormals_off(void)
{
#ifdef __SSE2__
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return before;
#else
    return 0;
#endif
}

static void denormals_restore(unsigned before)
{
#ifdef __SSE2__
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

/* ---- Lanes ---- */

static void free_lane(lane *l)
{
    if (l) {
        bsm_stream_free(l->stream);
        bsm_remix_free(l->remix);
        free(l);
    }
}

static bsm_status new_lane(const pipeline *p, const bsm_stream_options *options, lane **made,
                           bsm_error *error)
{
    lane *l = calloc(1, sizeof *l);
    if (!l) {
        return bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    l->fade = options->sample_rate / FADES_PER_SECOND;
    bsm_status status = bsm_stream_new(p->model, options, &l->stream, error);
    if (!status) {
        status = bsm_remix_new(options->sample_rate, &p->mix, &l->remix, error);
    }
    if (status) {
        free_lane(l);
        return status;
    }
    *made = l;
    return BSM_OK;
}

bsm_status pipeline_new(bsm_model *model, const bsm_stream_options *options,
                        const bsm_remix_settings *mix, pipeline **made, bsm_error *error)
{
    pipeline *p = calloc(1, sizeof *p);
    if (!p) {
        return bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    p->options = *options;
    p->options.max_block = BSM_STREAM_MAX_BLOCK;
    p->mix = *mix;
    p->model = bsm_model_ref(model);
    bsm_status status = new_lane(p, &p->options, &p->newest, error);
    if (status) {
        pipeline_free(p);
        return status;
    }
    p->current = p->newest;
    pipeline_follow_latency(p);
    *made = p;
    return BSM_OK;
}

void pipeline_free(pipeline *p)
{
    if (!p) {
        return;
    }
    pipeline_tidy(p);
    free_lane(p->leaving);
    if (p->current != p->newest) {
        free_lane(p->current);
    }
    free_lane(p->newest);
    bsm_model_free(p->model);
    free(p);
}

void pipeline_tidy(pipeline *p)
{
    free_lane(atomic_exchange(&p->outgoing, NULL));
}

/* ---- The audio thread ---- */

static void take_incoming(pipeline *p)
{
    if (atomic_load_explicit(&p->incoming, memory_order_relaxed) && !p->leaving &&
        !atomic_load(&p->outgoing)) { /* the main thread has freed the previous state */
        lane *next = atomic_exchange(&p->incoming, NULL);
        if (next) {
            p->leaving = p->current;
            p->current = next;
            p->fade_left = next->fade;
            p->freewheeling = false;
        }
    }
}

static void follow_freewheel(pipeline *p)
{
    bool wanted = atomic_load_explicit(&p->freewheel, memory_order_acquire);
    if (wanted != p->freewheeling) {
        bsm_stream_set_freewheel(p->current->stream, wanted);
        p->freewheeling = wanted;
    }
}

static float *at(float *buffer, size_t offset, float *scratch)
{
    return buffer ? buffer + offset : scratch;
}

static void process_lane(const lane *l, const float *const in[2], float *const vocals[2],
                         float *const instrumental[2], float *const out[2], size_t frames)
{
    bsm_stream_process(l->stream, in, vocals, instrumental, frames);
    bsm_remix_mix(l->remix, (const float *const *)vocals, (const float *const *)instrumental, out,
                  frames);
}

static void process_block(pipeline *p, const backend_buffers *b, size_t offset, size_t frames)
{
    const float *const in[2] = {b->in[0] + offset, b->in[1] + offset};
    float *const vocals[2] = {at(b->vocals[0], offset, p->scratch[0]),
                              at(b->vocals[1], offset, p->scratch[1])};
    float *const instrumental[2] = {at(b->instrumental[0], offset, p->scratch[2]),
                                    at(b->instrumental[1], offset, p->scratch[3])};
    float *const out[2] = {b->out[0] + offset, b->out[1] + offset};
    process_lane(p->current, in, vocals, instrumental, out, frames);
}

static float part_left(const pipeline *p, size_t i)
{
    return (float)(p->fade_left - i) / (float)p->current->fade;
}

static void add_leaving(const pipeline *p, float *to, const float *leaving, size_t frames)
{
    for (size_t i = 0; to && i < frames; i++) {
        to[i] += part_left(p, i) * leaving[i];
    }
}

/* Run both states at once while the input of the new one fades in. Inputs and outputs may be the
 * same buffers. */
static void process_fade(pipeline *p, const backend_buffers *b, size_t offset, size_t frames)
{
    float(*f)[MAX_FADE] = p->fading;
    backend_buffers risen = *b;
    const float *const in[2] = {b->in[0] + offset, b->in[1] + offset};
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < frames; i++) {
            f[c][i] = (1 - part_left(p, i)) * in[c][i];
        }
    }
    process_lane(p->leaving, in, (float *[]){f[2], f[3]}, (float *[]){f[4], f[5]},
                 (float *[]){f[6], f[7]}, frames);
    for (size_t c = 0; c < 2; c++) {
        risen.in[c] = f[c];
        risen.out[c] += offset;
        risen.vocals[c] = at(b->vocals[c], offset, NULL);
        risen.instrumental[c] = at(b->instrumental[c], offset, NULL);
    }
    process_block(p, &risen, 0, frames);
    for (size_t c = 0; c < 2; c++) {
        add_leaving(p, risen.vocals[c], f[2 + c], frames);
        add_leaving(p, risen.instrumental[c], f[4 + c], frames);
        add_leaving(p, risen.out[c], f[6 + c], frames);
    }
    p->fade_left -= frames;
    if (p->fade_left == 0) {
        atomic_store(&p->outgoing, p->leaving);
        p->leaving = NULL;
    }
}

static size_t process_part(pipeline *p, const backend_buffers *b, size_t offset, size_t frames)
{
    const size_t most = p->leaving ? p->fade_left : BSM_STREAM_MAX_BLOCK;
    const size_t part = frames < most ? frames : most;
    if (p->leaving) {
        process_fade(p, b, offset, part);
    } else {
        process_block(p, b, offset, part);
    }
    return part;
}

void pipeline_process(pipeline *p, const backend_buffers *buffers, size_t frames)
{
    const unsigned float_mode = denormals_off();
    take_incoming(p);
    follow_freewheel(p);
    for (size_t done = 0; done < frames;) {
        done += process_part(p, buffers, done, frames - done);
    }
    denormals_restore(float_mode);
}

/* ---- Other threads ---- */

size_t pipeline_latency(const pipeline *p)
{
    return atomic_load(&p->latency);
}

bool pipeline_follow_latency(pipeline *p)
{
    const size_t latency = bsm_stream_latency(p->newest->stream);
    return atomic_exchange(&p->latency, latency) != latency;
}

void pipeline_set_freewheel(pipeline *p, bool on)
{
    atomic_store_explicit(&p->freewheel, on, memory_order_release);
}

bsm_status pipeline_set_rate(pipeline *p, size_t rate, bsm_error *error)
{
    lane *made;
    bsm_stream_options options = p->options;
    options.sample_rate = rate;
    bsm_status status =
        rate == p->options.sample_rate ? BSM_OK : new_lane(p, &options, &made, error);
    if (status || rate == p->options.sample_rate) {
        return status;
    }
    p->options = options;
    p->newest = made;
    p->columns_taken = 0;
    pipeline_follow_latency(p);
    pipeline_tidy(p);
    free_lane(atomic_exchange(&p->incoming, made)); /* frees a state that was never taken */
    return BSM_OK;
}

bsm_status pipeline_set(pipeline *p, bsm_model *model, const bsm_stream_options *options,
                        bsm_error *error)
{
    bsm_stream_options wanted = *options;
    wanted.sample_rate = p->options.sample_rate;
    wanted.max_block = p->options.max_block;
    bsm_status status = bsm_stream_set(p->newest->stream, model, &wanted, error);
    if (!status) {
        bsm_model_ref(model);
        bsm_model_free(p->model);
        p->model = model;
        p->options = wanted;
    }
    return status;
}

void pipeline_set_mix(pipeline *p, const bsm_remix_settings *mix)
{
    p->mix = *mix;
    bsm_remix_set(p->newest->remix, mix);
}

void pipeline_take_peaks(pipeline *p, float peaks[BSM_NUM_PARTS])
{
    const bsm_remix *remix = p->newest->remix;
    const uint64_t columns = bsm_remix_columns(remix);
    peaks[BSM_VOCALS] = peaks[BSM_INSTRUMENTAL] = 0;
    for (uint64_t c = p->columns_taken; c < columns; c++) {
        const bsm_levels levels = bsm_remix_levels(remix, c);
        for (size_t part = 0; part < BSM_NUM_PARTS; part++) {
            peaks[part] = fmaxf(peaks[part], levels.separated[part]);
        }
    }
    p->columns_taken = columns;
}

size_t pipeline_rate(const pipeline *p)
{
    return p->options.sample_rate;
}

const bsm_model *pipeline_model(const pipeline *p)
{
    return p->model;
}

void pipeline_get_stats(const pipeline *p, bsm_stream_stats *stats)
{
    bsm_stream_get_stats(p->newest->stream, stats);
}

void pipeline_failure(const pipeline *p, char *line, size_t size)
{
    if (!bsm_stream_failure(p->newest->stream, line, size)) {
        *line = '\0';
    }
}

void pipeline_device_name(pipeline *p, char *name, size_t size)
{
    bsm_stream_device_name(p->newest->stream, name, size);
}
