/* SPDX-License-Identifier: ISC */
/* Decodes with the program ffmpeg, which writes Sun's AU format with 32-bit floats to a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file/decoder.h"

enum { AU_HEADER = 24, AU_FLOAT = 6, MAX_WORDS = 8192 };

extern char **environ;

typedef struct program {
    pid_t pid; /* 0 if it has ended */
    int out;   /* where it writes audio ... */
    int words; /* ... and messages, which go to a file in memory */
    char complaint[200];
    char *path;
} program;

/* ---- The process ---- */

/* Start the program in a process group of its own, so that Ctrl-C lets the current window end
 * first, and with default signal handling. */
static int spawn(program *p, char *const *arguments, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, p->words, STDERR_FILENO);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    const int failure =
        posix_spawnp(&p->pid, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    p->pid = failure ? 0 : p->pid;
    return failure;
}

/* Have it write its audio as AU, or the picture that comes with it. "file:" keeps a name from
 * being taken for an option or an address. */
static int start(program *p, const char *path, bool picture)
{
    int ends[2];
    char *input;
    p->words = memfd_create("bsm-ffmpeg", MFD_CLOEXEC);
    if (p->words < 0 || pipe2(ends, O_CLOEXEC)) {
        return errno;
    }
    p->out = ends[0];
    if (asprintf(&input, "file:%s", path) < 0) {
        close(ends[1]);
        return ENOMEM;
    }
    char *sound[] = {"ffmpeg",
                     "-nostdin",
                     "-hide_banner",
                     "-nostats",
                     "-loglevel",
                     "level+info",
                     "-protocol_whitelist",
                     "file",
                     "-i",
                     input,
                     "-vn",
                     "-f",
                     "au",
                     "-c:a",
                     "pcm_f32be",
                     "pipe:1",
                     NULL};
    char *cover[] = {"ffmpeg", "-nostdin",  "-loglevel", "quiet", "-protocol_whitelist",
                     "file",   "-i",        input,       "-an",   "-c:v",
                     "copy",   "-frames:v", "1",         "-f",    "image2pipe",
                     "pipe:1", NULL};
    const int failure = spawn(p, picture ? cover : sound, ends[1]);
    close(ends[1]);
    free(input);
    return failure;
}

static int wait_for(program *p, bool stop)
{
    int status = 0;
    if (p->pid) {
        if (stop) {
            kill(p->pid, SIGKILL);
        }
        while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
        }
        p->pid = 0;
    }
    return status;
}

static size_t read_pipe(program *p, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = read(p->out, (char *)to + done, size - done);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return done;
}

/* ---- Its messages ---- */

static void read_words(const program *p, char text[MAX_WORDS])
{
    const ssize_t got = pread(p->words, text, MAX_WORDS - 1, 0);
    text[got > 0 ? got : 0] = '\0';
}

/* Find the first line of an error, without its prefix. */
static bool find_error(const char *text, const char *before, char *line, size_t size)
{
    static const char *const levels[] = {"[fatal] ", "[error] "};
    for (size_t i = 0; i < 2; i++) {
        const char *found = strstr(text, levels[i]);
        if (found) {
            found += strlen(levels[i]);
            bsm_format_line(line, size, "%s%.*s", before, (int)strcspn(found, "\n"), found);
            return true;
        }
    }
    return false;
}

/* The frames of the announced duration, for files with audio alone: the duration of a film is that
 * of its picture. */
static uint64_t find_frames(const char *text, size_t rate)
{
    const char *found = strstr(text, "Duration: ");
    unsigned hours, minutes;
    double seconds;
    const char *picture = strstr(text, "Video:");
    if (!found || sscanf(found, "Duration: %u:%u:%lf", &hours, &minutes, &seconds) != 3 ||
        strstr(text, "Estimating duration") || (picture && !strstr(picture, "attached pic"))) {
        return BSM_UNKNOWN_FRAMES;
    }
    return (uint64_t)((hours * 3600.0 + minutes * 60.0 + seconds) * (double)rate);
}

/* ---- The decoder's functions ---- */

static size_t read_samples(bsm_decoder *decoder, float *samples, size_t count)
{
    const size_t frame = decoder->channels * sizeof *samples;
    const size_t got = read_pipe(decoder->state, samples, count * frame) / frame;
    for (size_t i = 0; i < got * decoder->channels; i++) {
        const uint32_t bits = (uint32_t)bsm_big((const unsigned char *)&samples[i], 4);
        memcpy(&samples[i], &bits, sizeof bits);
    }
    return got;
}

static const char *complaint(bsm_decoder *decoder)
{
    program *p = decoder->state;
    char text[MAX_WORDS];
    const bool failed = wait_for(p, false) != 0;
    read_words(p, text);
    if (find_error(text, "ffmpeg says: ", p->complaint, sizeof p->complaint)) {
        return p->complaint;
    }
    return failed ? "ffmpeg ended with an error" : NULL;
}

static void free_program(program *p)
{
    wait_for(p, true);
    if (p->out >= 0) {
        close(p->out);
    }
    if (p->words >= 0) {
        close(p->words);
    }
    free(p->path);
    free(p);
}

/* A cover is a film of one picture, which is not in the bytes of the audio. */
static void read_cover(const program *sound, bsm_cover *cover)
{
    enum { MOST = 1 << 24 };
    unsigned char *data = malloc(MOST);
    program *p = calloc(1, sizeof *p);
    if (p) {
        p->out = p->words = -1;
        if (data && start(p, sound->path, true) == 0) {
            const size_t size = read_pipe(p, data, MOST);
            bsm_cover_set(cover, "", data, size < MOST ? size : 0);
        }
        free_program(p);
    }
    free(data);
}

/* ffmpeg shows the tags of its input in lines such as "[info]     title           : A Song". */
static void read_tags(bsm_decoder *decoder, bsm_audio_tags *tags)
{
    char text[MAX_WORDS];
    read_words(decoder->state, text);
    char *line = strstr(text, "Input #0"), *end = line ? strstr(line, "Duration:") : NULL;
    for (; line && end && line < end; line = strchr(line, '\n') + 1) {
        const size_t length = strcspn(line, "\n");
        const char *name = line + strcspn(line, " \n"), *colon = memmem(line, length, " : ", 3);
        name += strspn(name, " ");
        if (colon && name < colon) {
            bsm_audio_tags_set_named(tags, name, strcspn(name, " "), colon + 3,
                                     (size_t)(line + length - colon - 3));
        }
    }
    if (strstr(text, "attached pic")) {
        read_cover(decoder->state, &tags->cover);
    }
}

static void close_program(bsm_decoder *decoder)
{
    free_program(decoder->state);
}

/* Explain why there was no output. */
static bsm_status fail_program(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    const char *text = complaint(decoder);
    if (text && strstr(text, "does not contain any stream")) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: has no sound that ffmpeg can decode", path);
    }
    return bsm_fail(error, BSM_BAD_AUDIO, "%s: not an audio file: %s", path,
                    text ? text : "ffmpeg says nothing");
}

static bsm_status read_header(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    program *p = decoder->state;
    unsigned char header[AU_HEADER], rest[256];
    char text[MAX_WORDS];
    if (read_pipe(p, header, AU_HEADER) < AU_HEADER || memcmp(header, ".snd", 4) != 0 ||
        bsm_big(header + 12, 4) != AU_FLOAT) {
        return fail_program(decoder, path, error);
    }
    const uint64_t more = bsm_big(header + 4, 4) - AU_HEADER;
    if (more > sizeof rest || read_pipe(p, rest, more) < more) {
        return fail_program(decoder, path, error);
    }
    decoder->rate = (size_t)bsm_big(header + 16, 4);
    decoder->channels = (size_t)bsm_big(header + 20, 4);
    read_words(p, text);
    decoder->frames = find_frames(text, decoder->rate);
    return BSM_OK;
}

bsm_status bsm_program_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    static const bsm_decoder_functions functions = {
        .read = read_samples, .close = close_program, .complaint = complaint, .tags = read_tags};
    program *p = calloc(1, sizeof *p);
    if (!p || !(p->path = strdup(path))) {
        free(p);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    p->out = p->words = -1;
    decoder->functions = &functions;
    decoder->state = p;
    const int failure = start(p, path, false);
    bsm_status status =
        failure == ENOENT
            ? bsm_fail(error, BSM_UNSUPPORTED, "%s: the program ffmpeg is not installed", path)
        : failure ? bsm_fail_errno(error, failure, path, "cannot run ffmpeg")
                  : read_header(decoder, path, error);
    if (status) {
        bsm_decoder_close(decoder);
    }
    return status;
}
