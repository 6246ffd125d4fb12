/* SPDX-License-Identifier: ISC */
/* Shows the progress of a training to the person who started it. */
#include "output/output.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress_line.h"

enum { MAX_LINE = 512, DEFAULT_WIDTH = 80, LEAST_BAR = 24, MOST_BAR = 50 };

static double spectral(const bsm_pace *pace)
{
    double sum = 0;
    for (size_t i = 0; i < pace->num_windows; i++) {
        sum += pace->loss.spectral[i];
    }
    return sum;
}

void bsm_pace_format(const bsm_pace *pace, char *text, size_t size)
{
    char speed[96] = "";
    if (pace->steps_per_second > 0) {
        snprintf(speed, sizeof speed, ", %.3g steps/s, %.3g s of audio per s, %.0f %% waiting",
                 pace->steps_per_second, pace->audio_per_second, 100 * pace->waiting);
    }
    char silence[32] = "";
    if (pace->loss.silence > 0) {
        snprintf(silence, sizeof silence, ", silence %.3g", pace->loss.silence);
    }
    snprintf(text, size, "loss %.4g (time %.3g, stft %.3g%s), norm %.3g%s", pace->loss.total,
             pace->loss.time, spectral(pace), silence, pace->norm, speed);
}

/* The loader's threads report which files they skip. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void clear(bsm_console *console)
{
    if (console->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        console->drawn = false;
    }
}

static void say(bsm_console *console, const char *format, va_list arguments)
{
    char text[2 * MAX_LINE], line[MAX_LINE];
    vsnprintf(text, sizeof text, format, arguments);
    bsm_format_line(line, sizeof line, "%s", text);
    pthread_mutex_lock(&lock);
    clear(console);
    fprintf(stderr, "%s\n", line);
    pthread_mutex_unlock(&lock);
}

void bsm_console_say(bsm_console *console, const char *format, ...)
{
    va_list arguments;
    if (!console->quiet) {
        va_start(arguments, format);
        say(console, format, arguments);
        va_end(arguments);
    }
}

void bsm_console_warn(bsm_console *console, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(console, format, arguments);
    va_end(arguments);
}

void bsm_console_clear(bsm_console *console)
{
    pthread_mutex_lock(&lock);
    clear(console);
    pthread_mutex_unlock(&lock);
}

static void show(bsm_console *console, const char *line)
{
    pthread_mutex_lock(&lock);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    console->drawn = true;
    pthread_mutex_unlock(&lock);
}

void bsm_console_show(bsm_console *console, const char *format, ...)
{
    char text[2 * MAX_LINE], line[DEFAULT_WIDTH];
    if (console->quiet || !console->terminal) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bsm_format_line(line, sizeof line, "%s", text);
    show(console, line);
}

static size_t terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : DEFAULT_WIDTH;
}

/* Draws "epoch 3/500  [====>    ]  12 %  1.93x  0:48 left  loss ...", cut to the terminal's
 * width. */
static void draw(bsm_console *console, const bsm_pace *pace)
{
    const double audio_per_step =
        pace->steps_per_second > 0 ? pace->audio_per_second / pace->steps_per_second : 1;
    const bsm_progress progress = {
        .done = (double)pace->step * audio_per_step,
        .total = (double)pace->num_steps * audio_per_step,
        .speed = pace->audio_per_second,
    };
    char bar[128], figures[256], line[MAX_LINE];
    const size_t width = terminal_width();
    progress_line_format(&progress, width > 2 * MOST_BAR ? MOST_BAR : LEAST_BAR, bar, sizeof bar);
    bsm_pace_format(pace, figures, sizeof figures);
    snprintf(line, sizeof line, "epoch %llu/%llu  %s  %s", (unsigned long long)pace->epoch,
             (unsigned long long)pace->num_epochs, bar, figures);
    /* not in the last column, because some terminals then begin a new line */
    if (strlen(line) >= width) {
        line[width - 1] = '\0';
    }
    show(console, line);
}

void bsm_console_pace(bsm_console *console, const bsm_pace *pace)
{
    if (console->quiet) {
        return;
    }
    if (console->terminal) {
        draw(console, pace);
        return;
    }
    const int tenths = (int)(10 * pace->step / pace->num_steps);
    if (tenths > console->tenths && tenths < 10) { /* the line about the epoch reports its end */
        char figures[256];
        bsm_pace_format(pace, figures, sizeof figures);
        bsm_console_say(console, "epoch %llu/%llu: %d %%: %s", (unsigned long long)pace->epoch,
                        (unsigned long long)pace->num_epochs, 10 * tenths, figures);
    }
    console->tenths = tenths % 10;
}
