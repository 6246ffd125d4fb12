/* SPDX-License-Identifier: ISC */
/* Shows the progress of a long computation. */
#include "progress_line.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MIN_BAR = 5, MAX_BAR = 60, DEFAULT_WIDTH = 80, MAX_LINE = 256 };

static double fraction(const bsm_progress *progress)
{
    double part = progress->total > 0 ? progress->done / progress->total : 0;
    return part < 0 ? 0 : part > 1 ? 1 : part;
}

void progress_format_time(double seconds, char *text, size_t size)
{
    unsigned long whole = seconds > 0 && seconds < 1e8 ? (unsigned long)(seconds + 0.5) : 0;
    if (whole < 3600) {
        snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
    } else {
        snprintf(text, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    }
}

/* Format "1.93x  0:48 left", or nothing while the speed is not known. */
static void format_rest(const bsm_progress *progress, char *text, size_t size)
{
    text[0] = '\0';
    if (progress->speed > 0) {
        char left[32];
        progress_format_time((progress->total - progress->done) / progress->speed, left,
                             sizeof left);
        snprintf(text, size, "%.3gx  %s left", progress->speed, left);
    }
}

/* Format " 52 %  1.93x  0:48 left", or "1:23 done  1.93x" for a file of unknown length. */
static void format_numbers(const bsm_progress *progress, int percent, char *text, size_t size)
{
    char part[64];
    if (progress->total > 0) {
        format_rest(progress, part, sizeof part);
        snprintf(text, size, "%3d %%%s%s", percent, *part ? "  " : "", part);
    } else {
        progress_format_time(progress->done, part, sizeof part);
        int length = snprintf(text, size, "%s done", part);
        if (progress->speed > 0 && length > 0 && (size_t)length < size) {
            snprintf(text + length, size - (size_t)length, "  %.3gx", progress->speed);
        }
    }
}

void progress_line_format(const bsm_progress *progress, size_t width, char *text, size_t size)
{
    char numbers[80], bar[MAX_BAR + 1];
    format_numbers(progress, (int)(100 * fraction(progress)), numbers, sizeof numbers);
    const size_t needed = strlen(numbers) + 4; /* brackets and blanks */
    size_t cells = width > needed ? width - needed : 0;
    cells = cells < MAX_BAR ? cells : MAX_BAR;
    if (cells < MIN_BAR || !(progress->total > 0)) {
        snprintf(text, width < size ? width + 1 : size, "%s", numbers);
        return;
    }
    const size_t full = (size_t)(fraction(progress) * (double)cells);
    memset(bar, ' ', cells);
    memset(bar, '=', full);
    if (full < cells) {
        bar[full] = '>';
    }
    bar[cells] = '\0';
    snprintf(text, size, "[%s]  %s", bar, numbers);
}

double progress_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Format "3 of 12, 4:10 left in all", or nothing for a single file. */
static void format_batch(const progress_line *line, const bsm_progress *progress, char *text,
                         size_t size)
{
    const double done = line->before + line->share * fraction(progress);
    char left[32];
    text[0] = '\0';
    if (line->of > 1) {
        progress_format_time((progress_now() - line->start) * (1 - done) / (done > 0 ? done : 1),
                             left, sizeof left);
        const bool known = done > line->before;
        snprintf(text, size, "%zu of %zu%s%s%s", line->number, line->of, known ? ", " : "",
                 known ? left : "", known ? " left in all" : "");
    }
}

static size_t terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : DEFAULT_WIDTH;
}

void progress_line_begin(progress_line *line, const char *name)
{
    bsm_format_line(line->name, sizeof line->name, "%s", name);
    line->step = 0;
    if (!line->quiet && line->terminal) {
        fprintf(stderr, "%s\n", line->name);
    }
}

static void show_bar(progress_line *line, const bsm_progress *progress)
{
    char text[MAX_LINE], batch[80];
    format_batch(line, progress, batch, sizeof batch);
    const size_t width = terminal_width() - 1, taken = *batch ? strlen(batch) + 2 : 0;
    /* The last column stays free, because some terminals begin a new line after it. */
    const bool both = width > taken + 24;
    progress_line_format(progress, both ? width - taken : width, text, sizeof text);
    fprintf(stderr, "\r%s%s%s\033[K", text, both && *batch ? "  " : "", both ? batch : "");
    fflush(stderr);
    line->drawn = true;
}

static void show_line(progress_line *line, const bsm_progress *progress)
{
    const bool known = progress->total > 0;
    const int step = known ? (int)(10 * fraction(progress)) : (int)(progress->done / 60);
    if (step > line->step) {
        char numbers[80], batch[80];
        format_numbers(progress, 10 * step, numbers, sizeof numbers);
        format_batch(line, progress, batch, sizeof batch);
        fprintf(stderr, "%s: %s%s%s\n", line->name, numbers + strspn(numbers, " "),
                *batch ? "; " : "", batch);
        line->step = step;
    }
}

void progress_line_show(progress_line *line, const bsm_progress *progress)
{
    if (line->quiet) {
        return;
    }
    if (line->terminal) {
        show_bar(line, progress);
    } else {
        show_line(line, progress);
    }
}

void progress_line_end(progress_line *line)
{
    if (line->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        line->drawn = false;
    }
}
