/* Progress on stderr: on a terminal one line that is redrawn (stage, bar, turn i/n, × real time, time left, what is being
 * done); otherwise a plain line for each stage and each finished turn. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static bool drawn;
static double last_draw;
static int last_stage = -1;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    if (interrupted)
        _exit(130);
    interrupted = 1;
}

void cli_catch_interrupt(void) {
    struct sigaction sa = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit then is an error of the write, reported like a full disk */
}

bool cli_interrupted(void) {
    return interrupted != 0;
}

void cli_progress_end(void) {
    if (drawn)
        fputs("\r\033[K", stderr);
    drawn = false;
}

static const char *stage_name(enum cw_stage s) {
    switch (s) {
    case CW_STAGE_OPEN:
        return "Opening models";
    case CW_STAGE_PLAN:
        return "Planning";
    case CW_STAGE_WRITE:
        return "Writing";
    case CW_STAGE_SPEAK:
        return "Speaking";
    case CW_STAGE_MASTER:
        return "Mastering";
    case CW_STAGE_PUBLISH:
        return "Publishing";
    case CW_STAGE_PLAY:
        return "Playing";
    }
    return "";
}

/* Text cut to `columns` code points, so that the line never wraps. */
static void put_cut(const char *s, int columns) {
    size_t n = strlen(s), i = 0;
    for (int c = 0; c < columns && i < n; c++) {
        uint32_t code;
        int len = cw_utf8_next(s + i, n - i, &code);
        if (!len)
            break;
        i += (size_t)len;
    }
    fwrite(s, 1, i, stderr);
}

static bool on_progress(void *arg, const struct cw_progress *p) {
    (void)arg;
    if (interrupted)
        return false;
    if (!isatty(STDERR_FILENO)) {
        if ((int)p->stage != last_stage && p->stage != CW_STAGE_OPEN && p->stage != CW_STAGE_SPEAK)
            fprintf(stderr, "%s%s%s\n", stage_name(p->stage), p->what ? ": " : "", p->what ? p->what : "");
        last_stage = (int)p->stage;
        return true;
    }
    double now = cw_seconds();
    if (drawn && (int)p->stage == last_stage && now - last_draw < 0.05)
        return true;
    last_draw = now;
    last_stage = (int)p->stage;
    struct winsize w = {0};
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 40 ? w.ws_col : 80;
    char head[200], speed[32] = "", left[32] = "", turns[32] = "";
    if (p->total > 0)
        snprintf(turns, sizeof turns, " turn %d/%d", p->done < p->total ? p->done + 1 : p->total, p->total);
    else if (p->done > 0)
        snprintf(turns, sizeof turns, " turn %d", p->done);
    if (p->times_real_time > 0)
        snprintf(speed, sizeof speed, " %.1f× real time", p->times_real_time);
    if (p->seconds_left >= 0)
        snprintf(left, sizeof left, " %d:%02d left", (int)p->seconds_left / 60, (int)p->seconds_left % 60);
    char bar[21];
    int full = p->fraction <= 0 ? 0 : p->fraction >= 1 ? 20 : (int)(p->fraction * 20);
    for (int i = 0; i < 20; i++)
        bar[i] = i < full ? '#' : '.';
    bar[20] = '\0';
    int used = snprintf(head, sizeof head, "%-14s [%s]%s%s%s  ", stage_name(p->stage), bar, turns, speed, left);
    fputs("\r", stderr);
    put_cut(head, columns - 1);
    if (p->what && used < columns - 1)
        put_cut(p->what, columns - 1 - used);
    fputs("\033[K", stderr);
    drawn = true;
    return true;
}

static void on_line(void *arg, const char *text) {
    (void)arg;
    cli_progress_end();
    fprintf(stderr, "%s\n", text);
}

static bool only_interrupt(void *arg, const struct cw_progress *p) {
    (void)arg;
    (void)p;
    return !interrupted;
}

struct cw_listener cli_listener(bool quiet) {
    struct cw_listener l = {.progress = quiet ? only_interrupt : on_progress, .line = quiet ? NULL : on_line};
    return l;
}
