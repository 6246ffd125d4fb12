/* SPDX-License-Identifier: ISC */
/* bsm-bench: how fast a model runs here. */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "exit_code.h"

enum { MAX_LIST = 16 };

typedef struct bench_arguments {
    const char *model_path; /* NULL: an untrained model of `preset` */
    const char *preset;
    bsm_device_kind devices[MAX_LIST];
    size_t num_devices;
    double seconds[MAX_LIST];
    size_t num_seconds;
    size_t threads;
    size_t repeats;
    bool json;
} bench_arguments;

static void print_help(void)
{
    puts("Usage: bsm-bench [OPTION...]\n"
         "Measure how fast a model separates on this machine.\n"
         "\n"
         "  --model FILE      the model to run\n"
         "  --config NAME     without a model: an untrained one, paper (default), lite or tiny\n"
         "  --device NAME     auto (default), cpu, reference or cuda; may be given several times\n"
         "  --seconds LIST    lengths of audio, default 1,4,8\n"
         "  --threads N       threads on the CPU, default one per core\n"
         "  --repeats N       timed runs of each, default 5\n"
         "  --json            print JSON\n"
         "  --help, --version\n"
         "\n"
         "Prints, for each device and length, the median time from waveform to waveform, the\n"
         "real-time factor (computing time / audio time: below 1 is faster than real time),\n"
         "frames and arithmetic per second, peak memory and the time of each module; then the\n"
         "sequential scan against the chunked one, for one mixer on one thread.");
}

static bool parse_number(const char *text, double low, double high, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value >= low && *value <= high;
}

static bool parse_size(const char *text, double high, size_t *value)
{
    double number;
    if (!parse_number(text, 1, high, &number) || number != (double)(size_t)number) {
        return false;
    }
    *value = (size_t)number;
    return true;
}

static bool parse_seconds(char *list, bench_arguments *arguments)
{
    arguments->num_seconds = 0;
    for (char *save, *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
        if (arguments->num_seconds == MAX_LIST ||
            !parse_number(item, 0.01, 3600, &arguments->seconds[arguments->num_seconds])) {
            return false;
        }
        arguments->num_seconds++;
    }
    return arguments->num_seconds > 0;
}

static bool parse_device(const char *name, bench_arguments *arguments)
{
    return arguments->num_devices < MAX_LIST &&
           !bsm_device_kind_parse(name, &arguments->devices[arguments->num_devices++], NULL);
}

enum { CONTINUE = -1 };

static int parse_option(int option, bench_arguments *arguments)
{
    bool valid = true;
    switch (option) {
    case 'm': arguments->model_path = optarg; break;
    case 'c': arguments->preset = optarg; break;
    case 'd': valid = parse_device(optarg, arguments); break;
    case 's': valid = parse_seconds(optarg, arguments); break;
    case 't': valid = parse_size(optarg, 1024, &arguments->threads); break;
    case 'r': valid = parse_size(optarg, BENCH_MAX_REPEATS, &arguments->repeats); break;
    case 'j': arguments->json = true; break;
    case 'h': print_help(); return EXIT_CODE_OK;
    case 'V': puts("bsm-bench " BSM_VERSION); return EXIT_CODE_OK;
    default: fputs("Try bsm-bench --help.\n", stderr); return EXIT_CODE_USAGE;
    }
    if (!valid) {
        fprintf(stderr, "bsm-bench: bad value '%s'. Try bsm-bench --help.\n", optarg);
        return EXIT_CODE_USAGE;
    }
    return CONTINUE;
}

static int parse_arguments(int argc, char **argv, bench_arguments *arguments)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'},   {"config", required_argument, NULL, 'c'},
        {"device", required_argument, NULL, 'd'},  {"seconds", required_argument, NULL, 's'},
        {"threads", required_argument, NULL, 't'}, {"repeats", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int end = parse_option(option, arguments);
        if (end != CONTINUE) {
            return end;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bsm-bench: '%s'? Try bsm-bench --help.\n", argv[optind]);
        return EXIT_CODE_USAGE;
    }
    if (arguments->num_devices == 0) {
        arguments->devices[arguments->num_devices++] = BSM_DEVICE_AUTO;
    }
    return CONTINUE;
}

static bsm_status open_model(const bench_arguments *arguments, bsm_model **model, bsm_error *error)
{
    if (arguments->model_path) {
        return bsm_model_open(arguments->model_path, NULL, model, error);
    }
    bsm_config config;
    bsm_status status = bsm_config_preset(arguments->preset, &config, error);
    return status ? status : bsm_model_new_untrained(&config, model, error);
}

/* ---- Text ---- */

static void print_result(const bench_result *r)
{
    printf("%6.2f s audio  %9.1f ms  RTF %6.3f  %8.1f frames/s  %6.1f GFLOP/s  %6.0f MB\n",
           r->seconds, 1e3 * r->median, r->median / r->seconds, (double)r->frames / r->median,
           r->gflops, r->peak_memory / 1e6);
    printf("     ");
    for (size_t s = 0; s < BENCH_STAGES; s++) {
        printf("  %s %.1f ms", bench_stage_name(s), 1e3 * r->stage[s]);
    }
    putchar('\n');
}

static void print_scan(double seconds, const bench_scan_result *scan)
{
    printf("%6.2f s audio  scan: sequential %9.2f ms  chunked %8.2f ms  %5.1f times\n", seconds,
           1e3 * scan->sequential, 1e3 * scan->chunked, scan->sequential / scan->chunked);
}

/* ---- JSON ---- */

static cJSON *json_result(const char *device, const bench_result *r)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "device", device);
    cJSON_AddNumberToObject(object, "audio_s", r->seconds);
    cJSON_AddNumberToObject(object, "frames", (double)r->frames);
    cJSON_AddNumberToObject(object, "repeats", (double)r->repeats);
    cJSON_AddNumberToObject(object, "median_ms", 1e3 * r->median);
    cJSON_AddNumberToObject(object, "best_ms", 1e3 * r->best);
    cJSON_AddNumberToObject(object, "rtf", r->median / r->seconds);
    cJSON_AddNumberToObject(object, "frames_per_s", (double)r->frames / r->median);
    cJSON_AddNumberToObject(object, "gflops", r->gflops);
    cJSON_AddNumberToObject(object, "peak_memory_bytes", r->peak_memory);
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

/* ---- The measurements ---- */

static bsm_status bench_devices(const bench_arguments *arguments, bsm_model *model, cJSON *report,
                                bsm_error *error)
{
    cJSON *results = cJSON_AddArrayToObject(report, "windows");
    for (size_t d = 0; d < arguments->num_devices; d++) {
        for (size_t s = 0; s < arguments->num_seconds; s++) {
            char device[128];
            bench_result result;
            bsm_status status =
                bench_network(model, arguments->devices[d], arguments->threads,
                              arguments->seconds[s], arguments->repeats, device, &result, error);
            if (status) {
                return status;
            }
            if (!arguments->json) {
                if (s == 0) {
                    printf("%s\n", device);
                }
                print_result(&result);
            }
            cJSON_AddItemToArray(results, json_result(device, &result));
        }
    }
    return BSM_OK;
}

static bsm_status bench_scans(const bench_arguments *arguments, const bsm_config *config,
                              cJSON *report, bsm_error *error)
{
    cJSON *results = cJSON_AddArrayToObject(report, "scan");
    for (size_t s = 0; s < arguments->num_seconds; s++) {
        bench_scan_result scan;
        bsm_status status =
            bench_scan(config, arguments->seconds[s], arguments->repeats, &scan, error);
        if (status) {
            return status;
        }
        if (!arguments->json) {
            print_scan(arguments->seconds[s], &scan);
        }
        cJSON_AddItemToArray(results, json_scan(arguments->seconds[s], &scan));
    }
    return BSM_OK;
}

static bsm_status bench_all(const bench_arguments *arguments, bsm_model *model, bsm_error *error)
{
    cJSON *report = cJSON_CreateObject();
    const bsm_config *config = bsm_model_config(model);
    cJSON_AddStringToObject(report, "model", bsm_model_path(model));
    cJSON_AddNumberToObject(report, "parameters", (double)bsm_config_parameters(config));
    bsm_status status = bench_devices(arguments, model, report, error);
    if (!status) {
        status = bench_scans(arguments, config, report, error);
    }
    if (!status && arguments->json) {
        char *text = cJSON_Print(report);
        puts(text ? text : "null");
        free(text);
    }
    cJSON_Delete(report);
    return status;
}

int main(int argc, char **argv)
{
    bench_arguments arguments = {
        .preset = "paper", .seconds = {1, 4, 8}, .num_seconds = 3, .repeats = 5};
    int end = parse_arguments(argc, argv, &arguments);
    if (end != CONTINUE) {
        return end;
    }
    bsm_error error = {0};
    bsm_model *model = NULL;
    exit_activity activity = READING_MODEL;
    bsm_status status = open_model(&arguments, &model, &error);
    if (!status) {
        activity = DOING_ELSE;
        status = bench_all(&arguments, model, &error);
    }
    bsm_model_free(model);
    if (status) {
        fprintf(stderr, "bsm-bench: %s\n", error.message);
    }
    return exit_code_for(status, activity);
}
