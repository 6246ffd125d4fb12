/* SPDX-License-Identifier: ISC */
/* The program's display: a small panel and keys on a terminal, plain lines elsewhere. */
#include "panel.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char PROGRAM[] = "bsm-live: ";
static const float FALL = 0.8F; /* factor by which a shown level falls per drawing */

/* ---- What the panel says ---- */

enum {
    BAR_FLOOR_DB = -60,
    NAME_WIDTH = 13,
    VALUES_WIDTH = 38,
    LOAD_WIDTH = 48,
    MIN_BAR = 8,
    MAX_BAR = 50
};

static const char *const stem_names[BSM_NUM_PARTS] = {"vocals", "instrumental"};

static double decibels(float level)
{
    return level > 0 ? 20 * log10((double)level) : -INFINITY;
}

static void format_db(double db, char text[16])
{
    if (db <= BSM_REMIX_MIN_DB) {
        snprintf(text, 16, "-inf");
    } else {
        snprintf(text, 16, "%+.1f", db);
    }
}

/* Append a line of at most `width` columns, and return its end. '?' replaces control characters, so
 * that names of files and devices cannot control the terminal. */
static char *put_line(char *at, size_t width, const char *format, ...) BSM_PRINTF(3, 4);
static char *put_line(char *at, size_t width, const char *format, ...)
{
    char line[PANEL_TEXT_SIZE / PANEL_MOST_LINES / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    size_t columns = 0, bytes = 0;
    for (; line[bytes]; bytes++) {
        unsigned char c = (unsigned char)line[bytes];
        columns += (c & 0xc0) != 0x80; /* in UTF-8, only the first byte of a character counts */
        if (columns > width) {
            break;
        }
        at[bytes] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    at[bytes] = '\n';
    at[bytes + 1] = '\0';
    return at + bytes + 1;
}

/* Draw a bar that fits into a line of `width` columns, of which other text takes `rest`. */
static void draw_bar(double part, size_t width, size_t rest, char bar[MAX_BAR + 1])
{
    size_t cells = width > rest + MIN_BAR ? width - rest : MIN_BAR;
    cells = cells < MAX_BAR ? cells : MAX_BAR;
    const size_t full = part > 0 ? (size_t)(fmin(part, 1) * (double)cells + 0.5) : 0;
    memset(bar, '.', cells);
    memset(bar, '#', full);
    bar[cells] = '\0';
}

static char *put_stem(char *at, size_t width, const live_view *view, size_t stem, float level)
{
    char bar[MAX_BAR + 1], peak[16], gain[16];
    draw_bar(1 - decibels(level) / BAR_FLOOR_DB, width, NAME_WIDTH + VALUES_WIDTH, bar);
    format_db(decibels(level), peak);
    format_db((double)view->mix.gain_db[stem], gain);
    bool silent = !bsm_remix_lets_through(&view->mix, (bsm_part)stem);
    return put_line(at, width, "%-12s [%s] %6s dB   gain %6s dB%s", stem_names[stem], bar, peak,
                    gain, silent ? "  silent" : "");
}

static const char *model_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *state_text(const live_view *view)
{
    if (*view->failure) {
        return "STOPPED";
    }
    if (view->stream.late) {
        return "TOO SLOW";
    }
    if (view->mix.bypass) {
        return "BYPASS";
    }
    return view->mix.solo == BSM_SOLO_VOCALS         ? "solo vocals"
           : view->mix.solo == BSM_SOLO_INSTRUMENTAL ? "solo instrumental"
                                                     : "remix";
}

/* The bar ends at 100 %, where the network cannot keep up any more. */
static char *put_load(char *at, size_t width, const live_view *view)
{
    const bsm_stream_stats *s = &view->stream;
    char bar[MAX_BAR + 1];
    draw_bar(s->load, width, NAME_WIDTH + LOAD_WIDTH, bar);
    return put_line(at, width, "%-12s [%s] %3.0f %% (worst %.0f %%)  misses %llu  xruns %llu",
                    "load", bar, 100 * s->load, 100 * s->worst_load, (unsigned long long)s->misses,
                    (unsigned long long)view->xruns);
}

/* Return the number of bytes in the next line of a sentence: as many words as fit. */
static size_t line_length(const char *text, size_t width)
{
    size_t length = strlen(text);
    if (length <= width) {
        return length;
    }
    for (length = width; length > 0 && text[length] != ' '; length--) {
    }
    return length ? length : strcspn(text, " ");
}

static char *put_sentence(char *at, size_t width, const char *sentence)
{
    for (size_t i = 0; i < PANEL_FIT_LINES && *sentence; i++) {
        const size_t length = line_length(sentence, width);
        at = put_line(at, width, "%.*s", (int)length, sentence);
        sentence += length;
        sentence += *sentence == ' ';
    }
    return at;
}

/* Of a long answer, only the end is shown. */
static void put_answer(char *at, size_t width, const char *answer)
{
    static const char question[] = "model file: ";
    const size_t room = width > sizeof question ? width - sizeof question : 0;
    const size_t length = strlen(answer), start = length > room ? length - room : 0;
    put_line(at, width, "%s%s_", question, answer + start);
}

void panel_format(const live_view *view, const float levels[BSM_NUM_PARTS], const char *answer,
                  size_t width, char text[PANEL_TEXT_SIZE])
{
    char *at = put_line(text, width, "latency %.0f ms, %zu samples  %s  %s %s  %zu Hz",
                        live_view_latency_ms(view), view->stream.latency, state_text(view),
                        view->system, view->name, view->rate);
    at = put_line(at, width, "model %s on %s", model_file(view->model), view->device);
    for (size_t stem = 0; stem < BSM_NUM_PARTS; stem++) {
        at = put_stem(at, width, view, stem, levels[stem]);
    }
    at = put_load(at, width, view);
    at = put_sentence(at, width, *view->failure ? view->failure : view->fit ? view->fit : "");
    if (answer) {
        put_answer(at, width, answer);
    } else {
        put_line(at, width,
                 "v V vocals  i I instrumental  s solo  b bypass  m model  r reload  q quit");
    }
}

/* ---- The terminal ---- */

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0) {
        return 79;
    }
    /* Use one column less than there are, because some terminals wrap a full line. */
    size_t width = (size_t)size.ws_col - 1;
    return width < PANEL_MAX_WIDTH ? width : PANEL_MAX_WIDTH;
}

/* In the background, changing the terminal would stop the program. */
static bool has_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind && strcmp(kind, "dumb") != 0 &&
           tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void panel_open(panel *p, bool quiet)
{
    *p = (panel){.quiet = quiet};
    if (quiet || !has_terminal() || tcgetattr(STDIN_FILENO, &p->saved)) {
        return;
    }
    struct termios keys = p->saved;
    keys.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    keys.c_cc[VMIN] = 0;
    keys.c_cc[VTIME] = 0;
    p->terminal = tcsetattr(STDIN_FILENO, TCSADRAIN, &keys) == 0;
}

void panel_close(panel *p)
{
    if (p->terminal) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &p->saved);
        p->terminal = false;
        p->drawn = 0; /* the panel stays on the screen, above later output */
    }
}

static void erase(panel *p)
{
    if (p->drawn) {
        printf("\033[%zuA\r\033[J", p->drawn);
        p->drawn = 0;
    }
}

static void print_line(FILE *file, const char *format, va_list arguments)
{
    char line[1024];
    vsnprintf(line, sizeof line, format, arguments);
    for (char *c = line; *c; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    fprintf(file, "%s%s\n", PROGRAM, line);
    fflush(file);
}

void panel_print(panel *p, const char *format, ...)
{
    if (p->quiet) {
        return;
    }
    erase(p);
    va_list arguments;
    va_start(arguments, format);
    print_line(stdout, format, arguments);
    va_end(arguments);
}

void panel_complain(panel *p, const char *format, ...)
{
    erase(p);
    fflush(stdout);
    va_list arguments;
    va_start(arguments, format);
    print_line(stderr, format, arguments);
    va_end(arguments);
}

void panel_draw(panel *p, const live_view *view)
{
    if (!p->terminal) {
        return;
    }
    for (size_t s = 0; s < BSM_NUM_PARTS; s++) {
        float fallen = FALL * p->shown[s];
        p->shown[s] = view->peak[s] > fallen ? view->peak[s] : fallen;
    }
    char text[PANEL_TEXT_SIZE];
    panel_format(view, p->shown, p->asking ? p->answer : NULL, terminal_width(), text);
    if (p->drawn) {
        printf("\033[%zuA\r", p->drawn);
    }
    p->drawn = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, p->drawn++) {
        printf("%.*s\033[K\n", (int)(end - line), line);
    }
    printf("\033[J"); /* the previous panel may have had more lines */
    fflush(stdout);
}

char panel_key(const panel *p)
{
    char key;
    return p->terminal && read(STDIN_FILENO, &key, 1) == 1 ? key : '\0';
}

/* ---- Answers ---- */

void panel_ask(panel *p)
{
    p->asking = true;
    p->answer[0] = '\0';
}

/* Remove all bytes of the last letter. */
static void erase_letter(char *answer)
{
    size_t length = strlen(answer);
    while (length > 0 && ((unsigned char)answer[--length] & 0xc0) == 0x80) {
    }
    answer[length] = '\0';
}

bool panel_type(panel *p, char key)
{
    enum { ESCAPE = 0x1b, DELETE = 0x7f };
    const size_t length = strlen(p->answer);
    if (key == '\n' || key == '\r' || key == ESCAPE) {
        p->asking = false;
        return key != ESCAPE && length > 0;
    }
    if (key == '\b' || key == DELETE) {
        erase_letter(p->answer);
    } else if ((unsigned char)key >= 0x20 && length + 1 < sizeof p->answer) {
        p->answer[length] = key;
        p->answer[length + 1] = '\0';
    }
    return false;
}
