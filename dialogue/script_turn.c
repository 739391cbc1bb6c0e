/* One turn's text -> overlap, and stretches of speech with the pauses between them.
 *
 *   [overlap 200ms] Words, [Inference](/ˈɪnfəɹəns/) too. [pause 300ms] More words.
 *
 * A backslash before punctuation takes it literally. Any other bracket is an error: it would be read aloud. */
#include "dialogue/script_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int script_line_of(const struct script_source *src, size_t at) {
    int line = src->line;
    for (size_t i = 0; i < at && i < src->len; i++) {
        line += src->text[i] == '\n';
    }
    return line;
}

int script_fail(const struct script_source *src, size_t at, struct cw_error *err, const char *format, ...) {
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const size_t end = at < src->len ? at : src->len;
    size_t start = end;
    while (start > 0 && src->text[start - 1] != '\n') {
        start--;
    }
    const int column = 1 + (int)cw_utf8_count(src->text + start, end - start);
    return cw_fail(err, CW_BAD_INPUT, "%s:%d:%d: %s", src->name, script_line_of(src, at), column, text);
}

bool script_char_ok(uint32_t c) {
    return c >= 0x20 && (c < 0x7F || c > 0x9F) && c != 0x2028 && c != 0x2029 && c != 0xFEFF && !(c >= 0x202A && c <= 0x202E) &&
           !(c >= 0x2066 && c <= 0x2069) && (c & 0xFFFE) != 0xFFFE;
}

int script_check_chars(const struct script_source *src, bool lines, struct cw_error *err) {
    for (size_t i = 0; i < src->len;) {
        uint32_t c = 0;
        int len = cw_utf8_next(src->text + i, src->len - i, &c);
        if (len == 0) {
            return script_fail(src, i, err, "invalid UTF-8 at byte %zu; expected UTF-8 text; found 0x%02x", i,
                               (unsigned)(unsigned char)src->text[i]);
        }
        bool line_end = c == '\n' || (c == '\r' && i + 1 < src->len && src->text[i + 1] == '\n');
        if (!script_char_ok(c) && !(lines && (line_end || c == '\t'))) {
            return script_fail(src, i, err, "control character at byte %zu; expected printable text; found U+%04X", i, (unsigned)c);
        }
        i += (size_t)len;
    }
    return 0;
}

size_t script_ipa_link(const char *s, size_t n, size_t *word_len) {
    if (n == 0 || s[0] != '[') {
        return 0;
    }
    size_t i = 1;
    while (i < n && i <= SCRIPT_IPA_MAX && strchr("[]\\<>\n\r\t\001", s[i]) == NULL) {
        i++;
    }
    size_t word = i - 1;
    if (word == 0 || s[1] == ' ' || s[i - 1] == ' ' || i + 3 > n || strncmp(s + i, "](/", 3) != 0) {
        return 0;
    }
    size_t k = i + 3;
    while (k < n && k - i <= SCRIPT_IPA_MAX && strchr("/()[]\\<>\n\r\t\001", s[k]) == NULL) {
        k++;
    }
    if (k == i + 3 || s[k - 1] == ' ' || s[i + 3] == ' ' || k + 2 > n || s[k] != '/' || s[k + 1] != ')') {
        return 0;
    }
    *word_len = word;
    return k + 2;
}

/* "300ms", "1.5s" -> milliseconds, or -1. */
static long parse_time(const char *s, size_t n) {
    char number[16];
    double unit;
    if (n > 2 && strncmp(s + n - 2, "ms", 2) == 0) {
        unit = 1;
        n -= 2;
    } else if (n > 1 && s[n - 1] == 's') {
        unit = 1000;
        n -= 1;
    } else {
        return -1;
    }
    while (n > 0 && s[n - 1] == ' ') {
        n--;
    }
    double value;
    if (n == 0 || n >= sizeof number || strspn(s, "0123456789.") < n) {
        return -1;
    }
    memcpy(number, s, n);
    number[n] = '\0';
    if (!cw_parse_double(number, 0, 1e6, &value)) {
        return -1;
    }
    return (long)(value * unit + 0.5);
}

bool script_speakable(const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int len = cw_utf8_next(s + i, n - i, &c);
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= 0xC0 && c < 0x2000 && c != 0xD7 && c != 0xF7) || (c >= 0x3040 && c < 0xE000)) {
            return true;
        }
        i += len > 0 ? (size_t)len : 1;
    }
    return false;
}

struct turn_parser {
    struct cw_turn *turn;
    const struct script_source *src;
    struct cw_text text; /* the stretch being read, blanks collapsed */
    long pause_ms;       /* the pause before it */
    int links;           /* pronunciations read */
    bool blank;          /* a blank waits: written only when something follows */
};

static void add_bytes(struct turn_parser *p, const char *s, size_t n) {
    if (p->blank && p->text.len > 0) {
        cw_text_add_char(&p->text, ' ');
    }
    p->blank = false;
    cw_text_add_n(&p->text, s, n);
}

size_t cw_direction_length(const char *s, size_t n, int *pause_ms) {
    size_t close = 1;
    *pause_ms = 0;
    if (n < 2 || s[0] != '[') {
        return 0;
    }
    while (close < n && s[close] != ']' && s[close] != '\n') {
        close++;
    }
    bool pause = n > 7 && strncmp(s, "[pause ", 7) == 0, overlap = n > 9 && strncmp(s, "[overlap ", 9) == 0;
    size_t skip = pause ? 7 : 9;
    if (close == n || s[close] != ']' || (!pause && !overlap) || close < skip) {
        return 0;
    }
    long ms = parse_time(s + skip, close - skip);
    if (ms < 1 || ms > (pause ? CW_PAUSE_MAX_MS : CW_OVERLAP_MAX_MS)) {
        return 0;
    }
    *pause_ms = pause ? (int)ms : 0;
    return close + 1;
}

/* Closes the stretch before a pause or at the end. Bare punctuation joins the stretch before it. */
static int close_span(struct turn_parser *p, struct cw_error *err) {
    int status = -1;
    struct cw_turn *t = p->turn;
    char *joined = NULL;
    p->blank = false;
    if (cw_text_check(&p->text, "script", err) != 0) {
        goto done;
    }
    if (p->text.len == 0) {
        status = 0;
        goto done;
    }
    if (!script_speakable(p->text.data, p->text.len)) {
        if (t->span_count > 0) {
            struct cw_span *last = &t->spans[t->span_count - 1];
            struct cw_text both = {0};
            cw_text_add(&both, last->text);
            cw_text_add_n(&both, p->text.data, p->text.len);
            if (cw_text_check(&both, "script", err) != 0) {
                cw_text_free(&both);
                goto done;
            }
            free(last->text);
            last->text = both.data;
        }
        cw_text_clear(&p->text);
        status = 0; /* before any word there is nothing for punctuation to join */
        goto done;
    }
    struct cw_span *spans = script_grow(t->spans, t->span_count, sizeof *spans);
    if (spans == NULL) {
        cw_fail_memory(err, "script");
        goto done;
    }
    t->spans = spans;
    joined = cw_strndup(p->text.data, p->text.len);
    if (joined == NULL) {
        cw_fail_memory(err, "script");
        goto done;
    }
    t->spans[t->span_count++] = (struct cw_span){.pause_ms = (int)p->pause_ms, .text = joined};
    p->pause_ms = 0;
    cw_text_clear(&p->text);
    status = 0;
done:
    return status;
}

/* The bracket at `at` -> the position after it. */
static int parse_bracket(struct turn_parser *p, size_t at, size_t end, size_t *next, struct cw_error *err) {
    const char *s = p->src->text + at;
    size_t n = end - at, word = 0, link = script_ipa_link(s, n, &word);
    if (link > 0) {
        add_bytes(p, s, link);
        p->links++;
        *next = at + link;
        return 0;
    }
    size_t close = 1;
    while (close < n && s[close] != ']' && s[close] != '[' && s[close] != '\n') {
        close++;
    }
    int shown = (int)(close > 60 ? 60 : close);
    if (close >= n || s[close] != ']') {
        return script_fail(p->src, at, err,
                           "\"[\" is not closed on its line; expected \"]\", or \"\\[\" for a bracket that is text; found \"%.*s\"", shown,
                           s);
    }
    if (close + 1 < n && s[close + 1] == '(') {
        return script_fail(p->src, at, err, "malformed pronunciation; expected [word](/ipa/); found \"%.*s](\"", shown, s);
    }
    bool pause = strncmp(s, "[pause ", 7) == 0, overlap = strncmp(s, "[overlap ", 9) == 0;
    if (!pause && !overlap) {
        return script_fail(p->src, at, err,
                           "unknown direction; expected [pause 300ms], [overlap 200ms] or [word](/ipa/), or \"\\[\" for a bracket that is "
                           "text; found \"%.*s]\"",
                           shown, s);
    }
    size_t skip = pause ? 7 : 9;
    long most = pause ? CW_PAUSE_MAX_MS : CW_OVERLAP_MAX_MS, ms = parse_time(s + skip, close - skip);
    if (ms < 1 || ms > most) {
        return script_fail(p->src, at, err, "bad time; expected 1ms to %lds; found \"%.*s]\"", most / 1000, shown, s);
    }
    if (overlap) {
        if (p->turn->span_count > 0 || p->text.len > 0 || p->pause_ms > 0 || p->turn->overlap_ms > 0) {
            return script_fail(p->src, at, err, "[overlap] in the middle of a turn; expected it once, at the turn's start");
        }
        p->turn->overlap_ms = (int)ms;
    } else {
        if (close_span(p, err) != 0) {
            return -1;
        }
        p->pause_ms += ms;
        if (p->pause_ms > CW_PAUSE_MAX_MS) {
            return script_fail(p->src, at, err, "pause too long; expected at most %ds in one place; found %ldms", CW_PAUSE_MAX_MS / 1000,
                               p->pause_ms);
        }
    }
    p->blank = true;
    *next = at + close + 1;
    return 0;
}

int script_parse_turn(struct cw_turn *t, const struct script_source *src, size_t start, size_t end, struct cw_error *err) {
    int status = -1;
    struct turn_parser p = {.turn = t, .src = src};
    memset(t, 0, sizeof *t);
    if (end - start > CW_TURN_MAX_BYTES) {
        script_fail(src, start, err, "turn too long; expected at most %d bytes; found %zu", CW_TURN_MAX_BYTES, end - start);
        goto done;
    }
    for (size_t i = start; i < end;) {
        char c = src->text[i];
        if (c == SCRIPT_HOLE) {
            i++;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            p.blank = true;
            i++;
        } else if (c == '[') {
            if (parse_bracket(&p, i, end, &i, err) != 0) {
                goto done;
            }
        } else if (c == '\\' && i + 1 < end && src->text[i + 1] > ' ' &&
                   strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", src->text[i + 1]) != NULL) {
            add_bytes(&p, src->text + i + 1, 1);
            i += 2;
        } else {
            add_bytes(&p, src->text + i, 1);
            i++;
        }
    }
    if (close_span(&p, err) != 0) {
        goto done;
    }
    if (t->span_count == 0) {
        script_fail(src, start, err, "nothing to say in this turn; expected words; found %s",
                    t->overlap_ms > 0 || p.pause_ms > 0 ? "directions only" : "none");
        goto done;
    }
    /* the plain text is what later stages read: a bracket meant as text must not have become a pronunciation in it */
    for (int k = 0; k < t->span_count; k++) {
        const char *text = t->spans[k].text;
        for (size_t i = 0, n = strlen(text), word; i < n; i++) {
            p.links -= script_ipa_link(text + i, n - i, &word) > 0;
        }
    }
    if (p.links != 0) {
        script_fail(src, start, err, "an escaped bracket begins a pronunciation in this turn; expected [word](/ipa/) without \"\\\"");
        goto done;
    }
    t->tail_pause_ms = (int)p.pause_ms;
    status = 0;
done:
    cw_text_free(&p.text);
    if (status != 0) {
        script_turn_free(t);
    }
    return status;
}
