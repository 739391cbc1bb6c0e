/* Growable text, UTF-8, and number parsing that accepts a whole string or nothing. */
#include "base/base.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL. */
static bool text_reserve(struct cw_text *t, size_t more) {
    if (t->failed) {
        return false;
    }
    if (more > SIZE_MAX / 2 - t->len - 1) {
        t->failed = true;
        return false;
    }
    size_t need = t->len + more + 1;
    if (need <= t->cap) {
        return true;
    }
    size_t cap = t->cap < 64 ? 64 : t->cap;
    while (cap < need) {
        cap *= 2;
    }
    char *data = realloc(t->data, cap);
    if (data == NULL) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->cap = cap;
    return true;
}

void cw_text_add_n(struct cw_text *t, const char *s, size_t n) {
    if (!text_reserve(t, n)) {
        return;
    }
    if (n > 0) {
        memcpy(t->data + t->len, s, n);
    }
    t->len += n;
    t->data[t->len] = '\0';
}

void cw_text_add(struct cw_text *t, const char *s) {
    cw_text_add_n(t, s, strlen(s));
}

void cw_text_add_char(struct cw_text *t, char c) {
    cw_text_add_n(t, &c, 1);
}

void cw_text_add_code(struct cw_text *t, uint32_t code_point) {
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
        code_point = 0xFFFD; /* keeps the text valid UTF-8 whatever the caller holds */
    }
    char s[4];
    size_t n;
    if (code_point < 0x80) {
        s[0] = (char)code_point;
        n = 1;
    } else if (code_point < 0x800) {
        s[0] = (char)(0xC0 | (code_point >> 6));
        s[1] = (char)(0x80 | (code_point & 0x3F));
        n = 2;
    } else if (code_point < 0x10000) {
        s[0] = (char)(0xE0 | (code_point >> 12));
        s[1] = (char)(0x80 | ((code_point >> 6) & 0x3F));
        s[2] = (char)(0x80 | (code_point & 0x3F));
        n = 3;
    } else {
        s[0] = (char)(0xF0 | (code_point >> 18));
        s[1] = (char)(0x80 | ((code_point >> 12) & 0x3F));
        s[2] = (char)(0x80 | ((code_point >> 6) & 0x3F));
        s[3] = (char)(0x80 | (code_point & 0x3F));
        n = 4;
    }
    cw_text_add_n(t, s, n);
}

void cw_text_printf(struct cw_text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        t->failed = true;
    } else if (text_reserve(t, (size_t)n)) {
        va_start(args, format);
        vsnprintf(t->data + t->len, (size_t)n + 1, format, args);
        va_end(args);
        t->len += (size_t)n;
    }
}

void cw_text_clear(struct cw_text *t) {
    t->len = 0;
    if (t->data != NULL) {
        t->data[0] = '\0';
    }
}

void cw_text_free(struct cw_text *t) {
    free(t->data);
    memset(t, 0, sizeof *t);
}

int cw_text_check(const struct cw_text *t, const char *what, struct cw_error *err) {
    return t->failed ? cw_fail_memory(err, what) : 0;
}

int cw_utf8_next(const char *s, size_t n, uint32_t *code_point) {
    if (n == 0) {
        return 0;
    }
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        *code_point = u[0];
        return 1;
    }
    int len;
    uint32_t code, least;
    if (u[0] >= 0xC2 && u[0] <= 0xDF) {
        len = 2, code = u[0] & 0x1Fu, least = 0x80;
    } else if (u[0] >= 0xE0 && u[0] <= 0xEF) {
        len = 3, code = u[0] & 0x0Fu, least = 0x800;
    } else if (u[0] >= 0xF0 && u[0] <= 0xF4) {
        len = 4, code = u[0] & 0x07u, least = 0x10000;
    } else {
        return 0;
    }
    if ((size_t)len > n) {
        return 0;
    }
    for (int i = 1; i < len; i++) {
        if ((u[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = (code << 6) | (u[i] & 0x3Fu);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    *code_point = code;
    return len;
}

size_t cw_utf8_count(const char *s, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += ((unsigned char)s[i] & 0xC0) != 0x80;
    }
    return count;
}

ptrdiff_t cw_utf8_invalid(const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t code;
        int len = cw_utf8_next(s + i, n - i, &code);
        if (len == 0) {
            return (ptrdiff_t)i;
        }
        i += (size_t)len;
    }
    return -1;
}

char *cw_strndup(const char *s, size_t n) {
    char *copy = n == SIZE_MAX ? NULL : malloc(n + 1);
    if (copy != NULL) {
        memcpy(copy, s, n);
        copy[n] = '\0';
    }
    return copy;
}

char *cw_strdup(const char *s) {
    return cw_strndup(s, strlen(s));
}

int cw_order_floats(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int cw_order_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool cw_parse_int(const char *s, long lo, long hi, long *out) {
    const char *digits = *s == '-' || *s == '+' ? s + 1 : s;
    if (*digits < '0' || *digits > '9') {
        return false; /* strtol would take leading spaces */
    }
    char *end = NULL;
    errno = 0;
    long value = strtol(s, &end, 10);
    if (errno != 0 || end == s || *end != '\0' || value < lo || value > hi) {
        return false;
    }
    *out = value;
    return true;
}

/* strtod in the C locale, so that a user's decimal comma changes nothing. */
static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static void c_locale_make(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool cw_parse_double(const char *s, double lo, double hi, double *out) {
    /* Only [+-] digits [. digits] [e[+-]digits]: no hexadecimal, no "inf", no "nan", no spaces. */
    const char *p = *s == '-' || *s == '+' ? s + 1 : s;
    size_t digits = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        digits++;
    }
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++) {
            digits++;
        }
    }
    if (digits == 0) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        if (*p < '0' || *p > '9') {
            return false;
        }
        while (*p >= '0' && *p <= '9') {
            p++;
        }
    }
    if (*p != '\0') {
        return false;
    }
    pthread_once(&c_locale_once, c_locale_make);
    char *end = NULL;
    double value = c_locale == (locale_t)0 ? strtod(s, &end) : strtod_l(s, &end, c_locale);
    if (end != p || !isfinite(value) || value < lo || value > hi) {
        return false;
    }
    *out = value;
    return true;
}
