/* SPDX-License-Identifier: ISC */
/* bsm-bench: measures how fast a model runs on this machine. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_args.h"
#include "default_model.h"
#include "program_options.h"

static bsm_status open_model(const bench_args *args, bsm_model **model, bsm_error *error)
{
    if (args->model_path) {
        return bsm_model_open(args->model_path, NULL, model, error);
    }
    if (!args->preset) {
        return default_model_open(NULL, model, error);
    }
    bsm_config config;
    bsm_status status = bsm_config_preset(args->preset, &config, error);
    return status ? status : bsm_model_new_untrained(&config, model, error);
}

/* ---- Text ---- */

static void print_result(const bench_result *r)
{
    printf("%6.2f s audio  %9.1f ms  RTF %6.3f  %8.1f frames/s  %6.1f GFLOP/s  %6.0f MB",
           r->seconds, 1e3 * r->median, r->median / r->seconds, (double)r->frames / r->median,
           r->gflops, r->peak_memory / 1e6);
    if (r->gpu_memory) {
        printf("  %6.0f MB of the GPU", 1e-6 * (double)r->gpu_memory);
    }
    printf("\n     ");
    for (size_t s = 0; s < BENCH_STAGES; s++) {
        printf("  %s %.1f ms", bench_stage_name(s), 1e3 * r->stage[s]);
    }
    putchar('\n');
}

static void print_profile(const bench_result *r, double peak)
{
    for (size_t s = 0; s < BENCH_STAGES; s++) {
        if (r->stage_gflops[s] > 0) {
            printf("       %-10s  %9.1f ms  %7.1f GFLOP/s", bench_stage_name(s), 1e3 * r->stage[s],
                   r->stage_gflops[s]);
            printf(peak > 0 ? "  %4.1f %% of the peak, %.0f\n" : "\n",
                   100 * r->stage_gflops[s] / peak, peak);
        }
    }
}

static bsm_status profile(const bench_args *args, const bench_result *result, bsm_error *error)
{
    double peak = 0;
    const bool on_cpu = !strncmp(result->device, "cpu ", 4);
    bsm_status status = on_cpu ? bench_peak(args->threads, args->precision, &peak, error) : BSM_OK;
    if (!status) {
        print_profile(result, peak);
    }
    return status;
}

static void print_scan(double seconds, const bench_scan_result *scan)
{
    printf("%6.2f s audio  scan, one thread: sequential %9.2f ms  chunked %8.2f ms  %5.1f times\n",
           seconds, 1e3 * scan->sequential, 1e3 * scan->chunked, scan->sequential / scan->chunked);
}

static void print_device_scan(double seconds, const bench_device_scan_result *scan)
{
    printf("%6.2f s audio  scan, %zu sequences: sequential %9.2f ms  fast %8.3f ms  %5.1f times, "
           "off by %.1e\n",
           seconds, scan->sequences, 1e3 * scan->sequential, 1e3 * scan->fast,
           scan->sequential / scan->fast, scan->difference);
}

static void print_call(size_t block, const bench_call_result *r)
{
    printf("bsm_stream_process, %zu samples, other core loaded: median %.2f us, worst %.1f us of "
           "%zu calls\n",
           block, 1e6 * r->median, 1e6 * r->worst, r->calls);
}

static void print_play(size_t rate, const bench_play_result *r)
{
    const bsm_stream_stats *s = &r->stats;
    printf("%5zu samples per call, %.0f s: %llu misses, load %.2f mean %.2f worst, latency %zu "
           "samples (%.0f ms), commit %zu look-ahead %zu history %zu "
           "segment %zu warm-up %zu\n",
           r->block, r->seconds, (unsigned long long)s->misses, s->mean_load, s->worst_load,
           s->latency, 1e3 * (double)s->latency / (double)rate, s->commit, s->lookahead, s->history,
           s->segment, s->warmup);
}

/* Sums and worst cases over all block sizes that were played on a device. */
typedef struct bench_verdict {
    double seconds, worst_load, latency;
    uint64_t misses;
} bench_verdict;

static void add_to_verdict(bench_verdict *v, size_t rate, const bench_play_result *r)
{
    v->seconds += r->seconds;
    v->misses += r->stats.misses;
    v->latency = (double)r->stats.latency / (double)rate;
    v->worst_load = r->stats.worst_load > v->worst_load ? r->stats.worst_load : v->worst_load;
}

static void print_verdict(const bsm_fit *fit, const bench_verdict *v)
{
    printf("%s at %.2f s of latency: %llu misses in %.0f s, worst load %.0f %%%s%s\n",
           v->misses ? "does not fit" : "fits", v->latency, (unsigned long long)v->misses,
           v->seconds, 100 * v->worst_load, fit->fits ? "" : "; ", fit->fits ? "" : fit->sentence);
}

static double planned_bytes(const bsm_training_memory *planned)
{
    return (double)planned->parameters + (double)planned->activations + (double)planned->scratch;
}

/* A GPU allocates exactly the planned memory, so the host's is printed beside it. On the CPU, the
 * memory that was used is printed, for comparison with the plan. */
static void print_train_memory(const bench_train_result *r)
{
    const bsm_training_memory *planned = &r->planned;
    printf("       memory: %s %.0f MB (parameters %.0f, activations %.0f, scratch %.0f), ",
           planned->on_gpu ? "of the GPU" : "planned", 1e-6 * planned_bytes(planned),
           1e-6 * (double)planned->parameters, 1e-6 * (double)planned->activations,
           1e-6 * (double)planned->scratch);
    printf("%s %.0f MB\n", planned->on_gpu ? "of the host" : "used", 1e-6 * r->used_memory);
}

static void print_train(const bench_train_result *r)
{
    printf("%6.2f s audio  step %9.1f ms  %6.3f s audio/s", r->seconds, 1e3 * r->step,
           r->seconds / r->step);
    printf("  %.2f forward passes  %.2f network passes of %.1f ms\n     ", r->passes,
           r->network_passes, 1e3 * r->network);
    for (size_t p = 0; p < BENCH_TRAIN_PARTS; p++) {
        printf("  %s %.1f ms", bench_train_part_name(p), 1e3 * r->parts[p]);
    }
    putchar('\n');
    print_train_memory(r);
}

/* ---- JSON ---- */

static cJSON *json_result(const bench_result *r)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "device", r->device);
    cJSON_AddNumberToObject(object, "audio_s", r->seconds);
    cJSON_AddNumberToObject(object, "frames", (double)r->frames);
    cJSON_AddNumberToObject(object, "repeats", (double)r->repeats);
    cJSON_AddNumberToObject(object, "median_ms", 1e3 * r->median);
    cJSON_AddNumberToObject(object, "best_ms", 1e3 * r->best);
    cJSON_AddNumberToObject(object, "rtf", r->median / r->seconds);
    cJSON_AddNumberToObject(object, "frames_per_s", (double)r->frames / r->median);
    cJSON_AddNumberToObject(object, "gflops", r->gflops);
    cJSON_AddNumberToObject(object, "peak_memory_bytes", r->peak_memory);
    if (r->gpu_memory) {
        cJSON_AddNumberToObject(object, "gpu_memory_bytes", (double)r->gpu_memory);
    }
    cJSON *gflops = cJSON_AddObjectToObject(object, "stages_gflops");
    for (size_t s = 0; s < BENCH_STAGES; s++) {
        cJSON_AddNumberToObject(gflops, bench_stage_name(s), r->stage_gflops[s]);
    }
    cJSON *stages = cJSON_AddObjectToObject(object, "stages_ms");
    for (size_t s = 0; s < BENCH_STAGES; s++) {
        cJSON_AddNumberToObject(stages, bench_stage_name(s), 1e3 * r->stage[s]);
    }
    return object;
}

static cJSON *json_scan(double seconds, const bench_scan_result *scan)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "audio_s", seconds);
    cJSON_AddNumberToObject(object, "sequential_ms", 1e3 * scan->sequential);
    cJSON_AddNumberToObject(object, "chunked_ms", 1e3 * scan->chunked);
    return object;
}

static cJSON *json_device_scan(double seconds, const bench_device_scan_result *scan)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "device", scan->device);
    cJSON_AddNumberToObject(object, "audio_s", seconds);
    cJSON_AddNumberToObject(object, "frames", (double)scan->frames);
    cJSON_AddNumberToObject(object, "sequences", (double)scan->sequences);
    cJSON_AddNumberToObject(object, "sequential_ms", 1e3 * scan->sequential);
    cJSON_AddNumberToObject(object, "fast_ms", 1e3 * scan->fast);
    cJSON_AddNumberToObject(object, "difference", scan->difference);
    return object;
}

static cJSON *json_call(size_t block, const bench_call_result *r)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "samples", (double)block);
    cJSON_AddNumberToObject(object, "calls", (double)r->calls);
    cJSON_AddNumberToObject(object, "median_us", 1e6 * r->median);
    cJSON_AddNumberToObject(object, "worst_us", 1e6 * r->worst);
    return object;
}

static cJSON *json_play(const bench_play_result *r)
{
    const bsm_stream_stats *s = &r->stats;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "device", r->device);
    cJSON_AddNumberToObject(object, "samples", (double)r->block);
    cJSON_AddNumberToObject(object, "seconds", r->seconds);
    cJSON_AddNumberToObject(object, "misses", (double)s->misses);
    cJSON_AddNumberToObject(object, "dry_samples", (double)s->dry_samples);
    cJSON_AddNumberToObject(object, "mean_load", s->mean_load);
    cJSON_AddNumberToObject(object, "worst_load", s->worst_load);
    cJSON_AddNumberToObject(object, "latency", (double)s->latency);
    cJSON_AddNumberToObject(object, "commit", (double)s->commit);
    cJSON_AddNumberToObject(object, "lookahead", (double)s->lookahead);
    cJSON_AddNumberToObject(object, "history", (double)s->history);
    cJSON_AddNumberToObject(object, "segment", (double)s->segment);
    cJSON_AddNumberToObject(object, "warmup", (double)s->warmup);
    return object;
}

static cJSON *json_fit(const bsm_fit *fit)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddBoolToObject(object, "fits", fit->fits);
    cJSON_AddNumberToObject(object, "load", fit->load);
    cJSON_AddNumberToObject(object, "latency_s", fit->latency);
    cJSON_AddNumberToObject(object, "speed", fit->speed);
    cJSON_AddStringToObject(object, "precision", bsm_precision_name(fit->options.precision));
    cJSON_AddStringToObject(object, "sentence", fit->sentence);
    return object;
}

static cJSON *json_train(const bench_train_result *r)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "device", r->device);
    cJSON_AddNumberToObject(object, "audio_s", r->seconds);
    cJSON_AddNumberToObject(object, "repeats", (double)r->repeats);
    cJSON_AddNumberToObject(object, "step_ms", 1e3 * r->step);
    cJSON_AddNumberToObject(object, "network_ms", 1e3 * r->network);
    cJSON_AddNumberToObject(object, "forward_passes", r->passes);
    cJSON_AddNumberToObject(object, "network_passes", r->network_passes);
    cJSON_AddNumberToObject(object, "audio_s_per_s", r->seconds / r->step);
    cJSON *parts = cJSON_AddObjectToObject(object, "parts_ms");
    for (size_t p = 0; p < BENCH_TRAIN_PARTS; p++) {
        cJSON_AddNumberToObject(parts, bench_train_part_name(p), 1e3 * r->parts[p]);
    }
    cJSON *planned = cJSON_AddObjectToObject(object, "planned_bytes");
    cJSON_AddNumberToObject(planned, "parameters", (double)r->planned.parameters);
    cJSON_AddNumberToObject(planned, "activations", (double)r->planned.activations);
    cJSON_AddNumberToObject(planned, "scratch", (double)r->planned.scratch);
    if (r->planned.on_gpu) {
        cJSON_AddNumberToObject(object, "gpu_memory_bytes", planned_bytes(&r->planned));
    }
    cJSON_AddNumberToObject(object, r->planned.on_gpu ? "host_memory_bytes" : "used_memory_bytes",
                            r->used_memory);
    return object;
}

/* ---- The measurements ---- */

static bsm_status bench_devices(const bench_args *args, bsm_model *model, cJSON *report,
                                bsm_error *error)
{
    cJSON *results = cJSON_AddArrayToObject(report, "windows");
    for (size_t d = 0; d < args->num_devices; d++) {
        for (size_t s = 0; s < args->num_seconds; s++) {
            bench_result result;
            bsm_network_options options = {
                .device = args->devices[d], .threads = args->threads, .precision = args->precision};
            bsm_status status =
                bench_network(model, &options, args->seconds[s], args->repeats, &result, error);
            if (status) {
                return status;
            }
            if (!args->json) {
                if (s == 0) {
                    printf("%s\n", result.device);
                }
                print_result(&result);
            }
            if (args->profile && !args->json) {
                status = profile(args, &result, error);
            }
            if (status) {
                return status;
            }
            cJSON_AddItemToArray(results, json_result(&result));
        }
    }
    return BSM_OK;
}

static bsm_status bench_scans(const bench_args *args, const bsm_config *config, cJSON *report,
                              bsm_error *error)
{
    cJSON *results = cJSON_AddArrayToObject(report, "scan");
    for (size_t s = 0; s < args->num_seconds; s++) {
        bench_scan_result scan;
        bsm_status status = bench_scan(config, args->seconds[s], args->repeats, &scan, error);
        if (status) {
            return status;
        }
        if (!args->json) {
            print_scan(args->seconds[s], &scan);
        }
        cJSON_AddItemToArray(results, json_scan(args->seconds[s], &scan));
    }
    return BSM_OK;
}

/* Return BSM_OK and print nothing if the device has no such timing. */
static bsm_status bench_scans_of(const bench_args *args, bsm_device_kind device, bsm_model *model,
                                 cJSON *results, bsm_error *error)
{
    const bsm_network_options options = {
        .device = device, .threads = args->threads, .precision = args->precision};
    for (size_t s = 0; s < args->num_seconds; s++) {
        bench_device_scan_result scan;
        bsm_status status =
            bench_device_scan(model, &options, args->seconds[s], args->repeats, &scan, error);
        if (status) {
            return status == BSM_UNSUPPORTED ? BSM_OK : status;
        }
        if (!args->json) {
            if (s == 0) {
                printf("%s\n", scan.device);
            }
            print_device_scan(args->seconds[s], &scan);
        }
        cJSON_AddItemToArray(results, json_device_scan(args->seconds[s], &scan));
    }
    return BSM_OK;
}

static bsm_status bench_device_scans(const bench_args *args, bsm_model *model, cJSON *report,
                                     bsm_error *error)
{
    cJSON *results = cJSON_AddArrayToObject(report, "device_scan");
    bsm_status status = BSM_OK;
    for (size_t d = 0; d < args->num_devices && !status; d++) {
        const bsm_device_kind device = args->devices[d];
        if (device != BSM_DEVICE_CPU &&
            device != BSM_DEVICE_REFERENCE) { /* these devices have no such timing */
            status = bench_scans_of(args, device, model, results, error);
        }
    }
    return status;
}

static bsm_status bench_call(const bench_args *args, bsm_model *model, cJSON *report,
                             bsm_error *error)
{
    enum { BLOCK = 64, CALLS = 1000000 };
    bench_call_result call;
    bsm_status status = bench_calls(model, &args->stream_options, BLOCK, CALLS, &call, error);
    if (status) {
        return status;
    }
    if (!args->json) {
        print_call(BLOCK, &call);
    }
    cJSON_AddItemToObject(report, "call", json_call(BLOCK, &call));
    return BSM_OK;
}

static bsm_status play_all(const bench_args *args, bsm_model *model, const bsm_fit *fit,
                           cJSON *results, bsm_error *error)
{
    bench_verdict verdict = {0};
    for (size_t b = 0; b < args->num_blocks; b++) {
        bench_play_result play;
        bsm_status status =
            bench_play(model, &fit->options, args->blocks[b], args->play, &play, error);
        if (status) {
            return status;
        }
        if (!args->json) {
            if (b == 0) {
                printf("%s\n", play.device);
            }
            print_play(fit->options.sample_rate, &play);
        }
        add_to_verdict(&verdict, fit->options.sample_rate, &play);
        cJSON_AddItemToArray(results, json_play(&play));
    }
    if (!args->json) {
        print_verdict(fit, &verdict);
    }
    return BSM_OK;
}

static bsm_status bench_streams(const bench_args *args, bsm_model *model, cJSON *report,
                                bsm_error *error)
{
    static const double most_latency = 2;
    cJSON *fits = cJSON_AddArrayToObject(report, "fit");
    cJSON *results = cJSON_AddArrayToObject(report, "play");
    for (size_t d = 0; d < args->num_devices; d++) {
        bsm_stream_options options = args->stream_options;
        options.device = args->devices[d];
        options.threads = args->threads;
        bsm_fit fit;
        bsm_status status = bsm_fit_stream(model, &options, most_latency, &fit, error);
        if (!status) {
            if (!args->json) {
                puts(fit.sentence);
            }
            cJSON_AddItemToArray(fits, json_fit(&fit));
            status = play_all(args, model, &fit, results, error);
        }
        if (status) {
            return status;
        }
    }
    return BSM_OK;
}

static bsm_status bench_training(const bench_args *args, bsm_model *model, cJSON *report,
                                 bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    cJSON *results = cJSON_AddArrayToObject(report, "training");
    for (size_t d = 0; d < args->num_devices; d++) {
        for (size_t s = 0; s < args->num_seconds; s++) {
            bench_train_result result;
            bsm_training_options options = {
                .device = args->devices[d],
                .precision = args->precision,
                .threads = args->threads,
                .samples = (size_t)(args->seconds[s] * (double)config->sample_rate),
                .checkpointing = args->checkpointing,
                .loss = args->loss};
            bsm_status status = bench_train(model, &options, args->repeats, &result, error);
            if (status) {
                return status;
            }
            if (!args->json) {
                if (s == 0) {
                    printf("%s\n", result.device);
                }
                print_train(&result);
            }
            cJSON_AddItemToArray(results, json_train(&result));
        }
    }
    return BSM_OK;
}

static bsm_status bench_modes(const bench_args *args, bsm_model *model, cJSON *report,
                              bsm_error *error)
{
    if (args->train) {
        return bench_training(args, model, report, error);
    }
    if (args->stream) {
        bsm_status status = bench_call(args, model, report, error);
        return status ? status : bench_streams(args, model, report, error);
    }
    bsm_status status = bench_devices(args, model, report, error);
    if (!status) {
        status = bench_scans(args, bsm_model_config(model), report, error);
    }
    return status ? status : bench_device_scans(args, model, report, error);
}

static bsm_status bench_all(const bench_args *args, bsm_model *model, bsm_error *error)
{
    cJSON *report = cJSON_CreateObject();
    const bsm_config *config = bsm_model_config(model);
    cJSON_AddStringToObject(report, "model", bsm_model_path(model));
    cJSON_AddNumberToObject(report, "parameters", (double)bsm_config_parameters(config));
    cJSON_AddStringToObject(report, "precision", bsm_precision_name(args->precision));
    bsm_status status = bench_modes(args, model, report, error);
    if (!status && args->json) {
        char *text = cJSON_Print(report);
        puts(text ? text : "null");
        free(text);
    }
    cJSON_Delete(report);
    return status;
}

static exit_code run(const bench_args *args)
{
    if (args->list_devices) {
        program_list_devices();
        return EXIT_CODE_OK;
    }
    bsm_error error = {0};
    bsm_model *model = NULL;
    exit_activity activity = READING_MODEL;
    bsm_status status = open_model(args, &model, &error);
    if (!status) {
        activity = DOING_ELSE;
        status = bench_all(args, model, &error);
    }
    bsm_model_free(model);
    if (status) {
        fprintf(stderr, "bsm-bench: %s\n", error.message);
    }
    return exit_code_for(status, activity);
}

int main(int argc, char **argv)
{
    bench_args args;
    bsm_error error;
    if (bench_args_parse(argc, argv, &args, &error)) {
        return (int)program_refuse(&bench_program, &error);
    }
    exit_code code = EXIT_CODE_OK;
    if (args.action == PROGRAM_RUN) {
        code = run(&args);
    } else {
        program_print(&bench_program, args.action);
    }
    return (int)exit_code_after_output("bsm-bench", code);
}
