/* The one error convention: a code and one line of text in the caller's own struct, and the clocks that reports need. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Keeps the text one printable line of valid UTF-8: it may quote hostile input, or have been cut inside a character by the end
 * of its buffer. */
static void clean(char *s, size_t size) {
    size_t n = strlen(s), i = 0;
    while (i < n) {
        uint32_t code = 0;
        int len = cw_utf8_next(s + i, n - i, &code);
        if (len == 0 && n + 1 == size && n - i < 4 && (unsigned char)s[i] >= 0xC0) {
            s[i] = '\0';
            return;
        }
        if (len == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029) {
            len = len == 0 ? 1 : len;
            memset(s + i, '?', (size_t)len);
        }
        i += (size_t)len;
    }
}

int(cw_fail)(struct cw_error *err, int code, const char *format, ...) {
    /* the arguments may point into err->text itself */
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    clean(text, sizeof text);
    err->code = code;
    memcpy(err->text, text, sizeof text);
    return -1;
}

int(cw_fail_in)(struct cw_error *err, const char *format, ...) {
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t n = strlen(text), rest = strlen(err->text);
    if (n + 2 < sizeof text) {
        memcpy(text + n, ": ", 2);
        rest = rest < sizeof text - n - 3 ? rest : sizeof text - n - 3;
        memcpy(text + n + 2, err->text, rest);
        text[n + 2 + rest] = '\0';
    }
    clean(text, sizeof text);
    memcpy(err->text, text, sizeof text);
    if (err->code == CW_OK) {
        err->code = CW_FAILED;
    }
    return -1;
}

int(cw_fail_memory)(struct cw_error *err, const char *what) {
    return cw_fail(err, CW_FAILED, "%s: out of memory", what);
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0.0;
    }
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double cw_seconds(void) {
    return seconds_of(CLOCK_MONOTONIC);
}

double cw_cpu_seconds(void) {
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

long cw_peak_rss_kib(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return usage.ru_maxrss;
}
