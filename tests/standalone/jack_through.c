/* SPDX-License-Identifier: ISC */
/* Plays a WAV file through a JACK client, records the output, and prints how they differ.
 *
 *      jack_through [--block N] [--freewheel] WAV [CLIENT]
 *
 * It plays from the ports through-play:l and r, and records at through-record:out_l ...
 * instrumental_r. With CLIENT it connects both to that client; otherwise another program has to do
 * that. --block changes the server's period in the middle, --freewheel lets the server freewheel
 * for the second third. The result is one JSON object.
 *
 * The server must run in synchronous mode, so that every client takes part in every cycle. */
#include <jack/jack.h>
#include <math.h>
#include <signal.h>
#include <sndfile.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PLAYED = 2, RECORDED = 6, TIMEOUT = 20 /* TIMEOUT: seconds */ };

static const char *const played_names[PLAYED] = {"l", "r"};
/* PortAudio connects to a client's first ports. */
static const char *const recorded_names[RECORDED] = {
    "out_l", "out_r", "vocals_l", "vocals_r", "instrumental_l", "instrumental_r"};

typedef struct through {
    jack_client_t *player, *recorder;
    jack_port_t *play[PLAYED], *record[RECORDED];
    float *input[PLAYED], *output[RECORDED];
    size_t length, total; /* samples of the input; samples to record */
    jack_latency_range_t latency, playback_latency;
    _Atomic bool go;          /* main thread: begin in the next cycle */
    _Atomic bool playing;     /* player: has begun; the recorder runs later in the same cycle */
    _Atomic size_t at_play;   /* the player's own position */
    _Atomic size_t at_record; /* the recorder's own position */
    _Atomic unsigned xruns;
    jack_nframes_t block; /* the period at the end */
} through;

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void die(const char *text)
{
    fprintf(stderr, "jack_through: %s\n", text);
    exit(1);
}

/* ---- Audio threads ---- */

static int on_play(jack_nframes_t frames, void *user)
{
    through *t = user;
    size_t at = t->at_play;
    const bool playing = t->go;
    t->playing = playing;
    for (size_t c = 0; c < PLAYED; c++) {
        float *out = jack_port_get_buffer(t->play[c], frames);
        for (size_t n = 0; n < frames; n++) {
            out[n] = playing && at + n < t->length ? t->input[c][at + n] : 0;
        }
    }
    t->at_play = playing ? at + frames : at;
    return 0;
}

static int on_record(jack_nframes_t frames, void *user)
{
    through *t = user;
    if (!t->playing) {
        return 0;
    }
    const size_t at = t->at_record;
    const size_t left = t->total - at;
    const size_t count = frames < left ? frames : left;
    for (size_t c = 0; c < RECORDED; c++) {
        const float *in = jack_port_get_buffer(t->record[c], frames);
        memcpy(t->output[c] + at, in, count * sizeof *in);
    }
    t->at_record = at + count;
    return 0;
}

static int on_xrun(void *user)
{
    through *t = user;
    t->xruns++;
    return 0;
}

/* ---- Setting up ---- */

static void *allocate(size_t floats)
{
    void *memory = calloc(floats, sizeof(float));
    if (!memory) {
        die("out of memory");
    }
    return memory;
}

static void read_wav(through *t, const char *path)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file || info.channels != PLAYED) {
        die("cannot read the WAV file, or it is not stereo");
    }
    t->length = (size_t)info.frames;
    float *frames = allocate(t->length * PLAYED);
    if (sf_readf_float(file, frames, info.frames) != info.frames) {
        die("the WAV file is too short");
    }
    for (size_t c = 0; c < PLAYED; c++) {
        t->input[c] = allocate(t->length);
        for (size_t n = 0; n < t->length; n++) {
            t->input[c][n] = frames[n * PLAYED + c];
        }
    }
    free(frames);
    sf_close(file);
}

static jack_client_t *open_client(const char *name)
{
    jack_client_t *client = jack_client_open(name, JackNoStartServer | JackUseExactName, NULL);
    if (!client) {
        die("no server, or the name is taken");
    }
    return client;
}

static void open_clients(through *t)
{
    t->player = open_client("through-play");
    t->recorder = open_client("through-record");
    for (size_t c = 0; c < PLAYED; c++) {
        t->play[c] = jack_port_register(t->player, played_names[c], JACK_DEFAULT_AUDIO_TYPE,
                                        JackPortIsOutput, 0);
    }
    for (size_t c = 0; c < RECORDED; c++) {
        t->record[c] = jack_port_register(t->recorder, recorded_names[c], JACK_DEFAULT_AUDIO_TYPE,
                                          JackPortIsInput, 0);
    }
    jack_set_process_callback(t->player, on_play, t);
    jack_set_process_callback(t->recorder, on_record, t);
    jack_set_xrun_callback(t->recorder, on_xrun, t);
    if (jack_activate(t->player) || jack_activate(t->recorder)) {
        die("cannot activate");
    }
}

/* Close the clients, because a server waits for a client that ends without closing. */
static void close_clients(const through *t)
{
    jack_client_close(t->player);
    jack_client_close(t->recorder);
}

static void nap(const through *t)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    nanosleep(&pause, NULL);
    if (stop) {
        close_clients(t);
        die("stopped");
    }
}

typedef bool condition(const through *t, const char *client);

static void wait_until(condition *holds, const through *t, const char *client, const char *failure)
{
    const time_t start = time(NULL);
    while (!holds(t, client)) {
        if (time(NULL) - start > TIMEOUT) {
            die(failure);
        }
        nap(t);
    }
}

static bool is_connected(const through *t, const char *client)
{
    (void)client;
    return jack_port_connected(t->play[0]) && jack_port_connected(t->play[1]) &&
           jack_port_connected(t->record[0]) && jack_port_connected(t->record[1]);
}

static void port_name(char *name, size_t size, const char *client, const char *port)
{
    snprintf(name, size, "%s:%s", client, port);
}

/* Return whether the client's ports can be connected, which means that it is active. */
static bool connects(const through *t, const char *client)
{
    char name[256];
    for (size_t c = 0; c < PLAYED; c++) {
        port_name(name, sizeof name, client, c ? "in_r" : "in_l");
        jack_connect(t->player, jack_port_name(t->play[c]), name);
    }
    for (size_t c = 0; c < RECORDED; c++) {
        port_name(name, sizeof name, client, recorded_names[c]);
        jack_connect(t->recorder, name, jack_port_name(t->record[c]));
    }
    return is_connected(t, client);
}

static bool has_latency(const through *t, const char *client)
{
    (void)client;
    jack_latency_range_t range;
    jack_port_get_latency_range(t->record[0], JackCaptureLatency, &range);
    return range.max > 0;
}

static void connect_all(through *t, const char *client)
{
    if (client) {
        wait_until(connects, t, client, "cannot connect");
        wait_until(has_latency, t, client, "no latency is reported");
    } else {
        puts("ready");
        fflush(stdout);
        wait_until(is_connected, t, client, "nobody has connected");
    }
    for (size_t i = 0; i < 40; i++) { /* wait until connections and latencies have settled */
        nap(t);
    }
    jack_port_get_latency_range(t->record[0], JackCaptureLatency, &t->latency);
    jack_port_get_latency_range(t->play[0], JackPlaybackLatency, &t->playback_latency);
}

/* ---- Playing ---- */

static void wait_position(const through *t, size_t position)
{
    size_t seen = 0;
    time_t moved = time(NULL);
    while (t->at_record < position) {
        if (t->at_record != seen) {
            seen = t->at_record;
            moved = time(NULL);
        } else if (time(NULL) - moved > TIMEOUT) {
            die("the server stands still");
        }
        nap(t);
    }
}

static void play(through *t, size_t block, bool freewheel)
{
    t->go = true;
    wait_position(t, t->length / 3);
    if (freewheel && jack_set_freewheel(t->player, 1)) {
        die("cannot freewheel");
    }
    wait_position(t, t->length / 2);
    if (block && jack_set_buffer_size(t->player, (jack_nframes_t)block)) {
        die("cannot change the period");
    }
    wait_position(t, 2 * t->length / 3);
    if (freewheel && jack_set_freewheel(t->player, 0)) {
        die("cannot stop freewheeling");
    }
    wait_position(t, t->total);
}

/* ---- Comparing ---- */

/* Return a recorded sample or, if `second` is a channel, the sum of the samples of two channels. */
static double recorded(const through *t, size_t first, size_t second, size_t n)
{
    return (double)t->output[first][n] + (second < RECORDED ? (double)t->output[second][n] : 0);
}

static double decibels(double energy, double reference)
{
    return energy > 0 ? 10 * log10(energy / reference) : -300;
}

/* Return the energy of a pair of channels (plus another pair), minus `gain` times the delayed
 * input. */
static double difference(const through *t, size_t first, size_t second, double gain, size_t delay)
{
    double energy = 0, reference = 0;
    for (size_t c = 0; c < PLAYED; c++) {
        for (size_t n = 0; n < t->total; n++) {
            bool inside = n >= delay && n - delay < t->length;
            double wanted = inside ? gain * (double)t->input[c][n - delay] : 0;
            double error = recorded(t, first + c, second + c, n) - wanted;
            energy += error * error;
        }
        for (size_t n = 0; n < t->length; n++) {
            reference += (double)t->input[c][n] * (double)t->input[c][n];
        }
    }
    return decibels(energy, reference);
}

/* Return the delay of the remix, by looking for the middle of the left input in the output. */
static size_t find_delay(const through *t)
{
    enum { PROBE = 2048 };
    size_t from = t->length / 2, best = 0;
    double highest = -1;
    for (size_t delay = 0; from + PROBE + delay < t->total; delay++) {
        double sum = 0;
        for (size_t n = from; n < from + PROBE; n++) {
            sum += (double)t->input[0][n] * (double)t->output[0][n + delay];
        }
        if (sum > highest) {
            highest = sum;
            best = delay;
        }
    }
    return best;
}

static void print_result(const through *t)
{
    const size_t delay = find_delay(t);
    const size_t latency = t->latency.max;
    enum { OUT = 0, VOCALS = 2, INSTRUMENTAL = 4, NONE = RECORDED };
    printf("{\"latency\": [%u, %u], \"playback_latency\": [%u, %u], \"delay\": %zu, \"xruns\": %u, "
           "\"block\": %u, \"vocals_error_db\": %.1f, \"vocals_level_db\": %.1f, "
           "\"instrumental_error_db\": %.1f, \"instrumental_level_db\": %.1f, "
           "\"sum_error_db\": %.1f, \"out_error_db\": %.1f, \"out_level_db\": %.1f, "
           "\"delayed_error_db\": %.1f}\n",
           t->latency.min, t->latency.max, t->playback_latency.min, t->playback_latency.max, delay,
           t->xruns, t->block, difference(t, VOCALS, NONE, 1, latency),
           difference(t, VOCALS, NONE, 0, latency), difference(t, INSTRUMENTAL, NONE, 1, latency),
           difference(t, INSTRUMENTAL, NONE, 0, latency),
           difference(t, VOCALS, INSTRUMENTAL, 1, latency), difference(t, OUT, NONE, 1, latency),
           difference(t, OUT, NONE, 0, latency), difference(t, OUT, NONE, 1, delay));
}

int main(int argc, char **argv)
{
    static through t;
    size_t block = 0;
    bool freewheel = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "--freewheel")) {
            freewheel = true;
        } else if (!strcmp(argv[i], "--block") && i + 1 < argc) {
            block = strtoul(argv[++i], NULL, 10);
        }
    }
    if (i >= argc) {
        die("no WAV file");
    }
    const char *client = i + 1 < argc ? argv[i + 1] : NULL;
    read_wav(&t, argv[i]);
    t.total = 2 * t.length;
    for (size_t c = 0; c < RECORDED; c++) {
        t.output[c] = allocate(t.total);
    }
    signal(SIGTERM, on_signal);
    open_clients(&t);
    connect_all(&t, client);
    if (t.latency.max > t.length) {
        die("the WAV file is shorter than the latency");
    }
    if (client) { /* otherwise the delay may exceed the reported latency */
        t.total = t.length + t.latency.max;
    }
    play(&t, block, freewheel);
    t.block = jack_get_buffer_size(t.player);
    close_clients(&t);
    print_result(&t);
    return 0;
}
