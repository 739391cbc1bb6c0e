/* The user's own pronunciations: "word = /phonemes/" or "word = respelling" ─▶ entries sorted by their small letters ─▶ found in a text,
 * longest first, and written over it before the normaliser sees it. */
#include "tts/dictionary.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4 << 20, ENTRY_MAX = 200, ENTRIES_MAX = 100000 };

struct entry {
    char *word;  /* as written: with a capital in it, it fits only words written so */
    char *small; /* in small letters: the sort key */
    char *value; /* phonemes without their slashes, or a respelling */
    bool any_case, phonemes;
};

struct cw_dictionary {
    struct entry *v;
    size_t n, cap;
};

int cw_dictionary_new(struct cw_dictionary **d, struct cw_error *err) {
    *d = calloc(1, sizeof **d);
    return *d ? 0 : cw_fail_memory(err, "dictionary");
}

static void entry_free(struct entry *e) {
    free(e->word);
    free(e->small);
    free(e->value);
}

void cw_dictionary_close(struct cw_dictionary *d) {
    for (size_t i = 0; d && i < d->n; i++) {
        entry_free(&d->v[i]);
    }
    if (d) {
        free(d->v);
    }
    free(d);
}

/* ---- letters: ASCII, Latin, Greek and Cyrillic have two cases; the rest of the world's letters have none that matters here --------- */

static uint32_t small_letter(uint32_t c) {
    bool latin = (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7), greek = c >= 0x391 && c <= 0x3A9;
    bool pairs = (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177),
         odd_pairs = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
    return latin || greek || (c >= 0x410 && c <= 0x42F) ? c + 32
           : c >= 0x400 && c <= 0x40F                   ? c + 80
           : c == 0x178                                 ? 0xFF
           : pairs                                      ? c | 1
           : odd_pairs                                  ? c + (c & 1)
                                                        : c;
}

static bool is_letter(uint32_t c) { /* or a digit: what a word does not end before */
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (c >= 0xAA && c != 0xAB && c != 0xB7 && c != 0xBB && c != 0xBF && c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x2BFF) &&
            !(c >= 0x3000 && c <= 0x303F) && !(c >= 0xFF00 && c <= 0xFF0F));
}

static uint32_t code_at(const char *s, size_t *len) {
    uint32_t c = 0;
    int k = cw_utf8_next(s, strnlen(s, 4), &c);
    *len = k > 0 ? (size_t)k : 1;
    return k > 0 ? c : 0;
}

static uint32_t code_before(const char *text, size_t at) {
    size_t k = at, len;
    while (k > 0 && at - k < 4) {
        k--;
        if (((unsigned char)text[k] & 0xC0) != 0x80) {
            return code_at(text + k, &len);
        }
    }
    return 0;
}

static void add_small(struct cw_text *out, const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t len;
        uint32_t c = code_at(s + i, &len);
        cw_text_add_code(out, small_letter(c == 0x2019 ? '\'' : c));
        i += len;
    }
}

/* ---- entries ----------------------------------------------------------------------------------------------------------------- */

static int order(const struct entry *a, const struct entry *b) {
    int c = strcmp(a->small, b->small);
    return c ? c : strcmp(a->word, b->word);
}

static int check(const char *what, const char *s, struct cw_error *err) {
    size_t n = strlen(s);
    if (n == 0 || n > ENTRY_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "expected %s of 1 to %d bytes, found %zu", what, ENTRY_MAX, n);
    }
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int k = cw_utf8_next(s + i, n - i, &c);
        if (k == 0) {
            return cw_fail(err, CW_BAD_INPUT, "expected UTF-8 in %s, found an invalid sequence", what);
        }
        if (c < 0x20 || c == 0x7F || c == '[' || c == ']') {
            return cw_fail(err, CW_BAD_INPUT, "expected %s without brackets and control characters, found U+%04X", what, (unsigned)c);
        }
        i += (size_t)k;
    }
    return 0;
}

static int check_phonemes(const char *s, size_t n, struct cw_error *err) {
    bool sound = false;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int k = cw_utf8_next(s + i, n - i, &c);
        if (k == 0 || !cw_symbol_known(c) || c == '(' || c == ')') {
            return cw_fail(err, CW_BAD_INPUT, "expected phonemes of the model's alphabet between the slashes, found \"%.*s\" (U+%04X)", k,
                           s + i, (unsigned)c);
        }
        sound = sound || (c >= 'A' && c < 0x2000 && c != 0x2C8 && c != 0x2CC && c != 0x2D0);
        i += (size_t)k;
    }
    return sound ? 0 : cw_fail(err, CW_BAD_INPUT, "expected phonemes between the slashes, found none");
}

int cw_dictionary_add(struct cw_dictionary *d, const char *word, const char *value, struct cw_error *err) {
    int result = -1;
    struct entry e = {0};
    struct cw_text small = {0};
    size_t n = strlen(value);
    if (check("a word or phrase", word, err) || check("a respelling or /phonemes/", value, err)) {
        goto done;
    }
    e.phonemes = n >= 2 && value[0] == '/' && value[n - 1] == '/';
    if (value[0] == '/' && !e.phonemes) {
        cw_fail(err, CW_BAD_INPUT, "expected a slash after the phonemes too, found \"%.60s\"", value);
        goto done;
    }
    if (e.phonemes && check_phonemes(value + 1, n - 2, err)) {
        goto done;
    }
    add_small(&small, word, strlen(word));
    e.word = cw_strdup(word);
    e.value = e.phonemes ? cw_strndup(value + 1, n - 2) : cw_strdup(value);
    if (cw_text_check(&small, "dictionary", err)) {
        goto done;
    }
    e.small = small.data;
    small.data = NULL;
    if (!e.word || !e.value) {
        cw_fail_memory(err, "dictionary");
        goto done;
    }
    e.any_case = strcmp(e.small, word) == 0;
    size_t lo = 0, hi = d->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (order(&d->v[mid], &e) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo < d->n && order(&d->v[lo], &e) == 0) { /* said again: the last one counts */
        struct entry before = d->v[lo];
        d->v[lo] = e;
        e = before;
    } else {
        if (d->n == ENTRIES_MAX) {
            cw_fail(err, CW_BAD_INPUT, "expected at most %d entries, found more", ENTRIES_MAX);
            goto done;
        }
        if (d->n == d->cap) {
            size_t cap = d->cap ? d->cap * 2 : 64;
            struct entry *more = realloc(d->v, cap * sizeof *more);
            if (!more) {
                cw_fail_memory(err, "dictionary");
                goto done;
            }
            d->v = more;
            d->cap = cap;
        }
        memmove(d->v + lo + 1, d->v + lo, (d->n - lo) * sizeof *d->v);
        d->n++;
        d->v[lo] = e;
        e = (struct entry){0};
    }
    result = 0;
done:
    entry_free(&e);
    cw_text_free(&small);
    return result;
}

static char *trimmed(char *s) {
    while (*s == ' ' || *s == '\t') {
        s++;
    }
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r')) {
        s[--n] = '\0';
    }
    return s;
}

int cw_dictionary_read(struct cw_dictionary *d, const char *path, struct cw_error *err) {
    int result = -1;
    char *data = NULL;
    size_t len = 0;
    long line = 0;
    if (cw_file_read(path, FILE_MAX, &data, &len, err)) {
        return -1;
    }
    ptrdiff_t bad = cw_utf8_invalid(data, len);
    if (bad >= 0 || strlen(data) != len) {
        cw_fail(err, CW_BAD_INPUT, "%s: byte %td: expected UTF-8 text, found %s", path, bad >= 0 ? bad : (ptrdiff_t)strlen(data),
                bad >= 0 ? "an invalid sequence" : "a zero byte");
        goto done;
    }
    char *s = strncmp(data, "\xEF\xBB\xBF", 3) == 0 ? data + 3 : data;
    while (*s) {
        char *end = s + strcspn(s, "\n"), *next = *end ? end + 1 : end;
        *end = '\0';
        line++;
        char *word = trimmed(s), *equals = strchr(word, '=');
        s = next;
        if (!*word || *word == '#') {
            continue;
        }
        if (!equals) {
            cw_fail(err, CW_BAD_INPUT, "%s:%ld: expected \"word = respelling\" or \"word = /phonemes/\", found \"%.60s\"", path, line,
                    word);
            goto done;
        }
        *equals = '\0';
        if (cw_dictionary_add(d, trimmed(word), trimmed(equals + 1), err)) {
            cw_fail_in(err, "%s:%ld", path, line);
            goto done;
        }
    }
    result = 0;
done:
    free(data);
    return result;
}

/* ---- in a text ------------------------------------------------------------------------------------------------------------------ */

/* Bytes of `text` that read as `word`, any number of blanks as one; with `any_case`, `word` is in small letters. 0: they do not. */
static size_t reads_as(const char *text, const char *word, bool any_case) {
    size_t i = 0, k = 0;
    while (word[k]) {
        size_t n, m;
        uint32_t want = code_at(word + k, &m), c = code_at(text + i, &n);
        c = c == 0x2019 ? '\'' : c;
        want = want == 0x2019 ? '\'' : want;
        if (want == ' ' && c == ' ') {
            while (text[i] == ' ') {
                i++;
            }
            while (word[k] == ' ') {
                k++;
            }
            continue;
        }
        if (!text[i] || (any_case ? small_letter(c) : c) != want) {
            return 0;
        }
        i += n;
        k += m;
    }
    size_t n;
    uint32_t after = code_at(text + i, &n), last = code_before(text, i);
    return text[i] && is_letter(after) && is_letter(last) ? 0 : i;
}

/* The entry for what begins at text[at]: the longest; of two as long, the one with the case as written. */
static const struct entry *entry_at(const struct cw_dictionary *d, const char *text, size_t *length) {
    const struct entry *best = NULL;
    struct cw_text key = {0};
    size_t first = 0, n;
    while (text[first] && text[first] != ' ' && first < ENTRY_MAX) { /* candidates share what stands before the first blank, or less */
        code_at(text + first, &n);
        first += n;
    }
    code_at(text, &n);
    add_small(&key, text, n);
    *length = 0;
    if (key.failed || !key.data) {
        goto done;
    }
    size_t lo = 0, hi = d->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (strcmp(d->v[mid].small, key.data) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    cw_text_clear(&key);
    add_small(&key, text, first);
    for (; lo < d->n && !key.failed; lo++) {
        const struct entry *e = &d->v[lo];
        int c = strncmp(e->small, key.data, strcspn(e->small, " '-."));
        if (c > 0) {
            break;
        }
        size_t found = c == 0 ? reads_as(text, e->word, e->any_case) : 0;
        if (found && (found > *length || (found == *length && !e->any_case))) {
            best = e;
            *length = found;
        }
    }
done:
    cw_text_free(&key);
    return best;
}

/* The length of a "[word](/…/)" at s; 0: there is none. */
static size_t inline_length(const char *s) {
    size_t n = *s == '[' ? strcspn(s, "]\n") : 0;
    if (!n || strncmp(s + n, "](", 2) != 0) {
        return 0;
    }
    size_t end = n + strcspn(s + n, ")\n");
    return s[end] == ')' ? end + 1 : 0;
}

static int keep_swap(struct cw_swaps *s, struct cw_swap swap, struct cw_error *err) {
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct cw_swap *more = realloc(s->v, cap * sizeof *more);
        if (!more) {
            return cw_fail_memory(err, "dictionary");
        }
        s->v = more;
        s->cap = cap;
    }
    s->v[s->n++] = swap;
    return 0;
}

int cw_dictionary_apply(const struct cw_dictionary *d, const char *text, bool british, struct cw_text *out, struct cw_swaps *swaps,
                        struct cw_error *err) {
    uint32_t before = 0;
    for (size_t i = 0; text[i];) {
        size_t n, link = inline_length(text + i), length = 0;
        uint32_t c = code_at(text + i, &n);
        const struct entry *e = link || (is_letter(before) && is_letter(c)) || c == ' ' ? NULL : entry_at(d, text + i, &length);
        if (!e) {
            n = link ? link : n;
            cw_text_add_n(out, text + i, n);
            before = link ? ')' : c;
            i += n;
            continue;
        }
        struct cw_swap swap = {.at = out->len, .source = i, .source_length = length, .respelt = !e->phonemes};
        if (e->phonemes) {
            bool owner = (strncmp(text + i + length, "'s", 2) == 0 && !is_letter((unsigned char)text[i + length + 2])) ||
                         strncmp(text + i + length, "\u2019s", 4) == 0;
            cw_text_add(out, "[");
            cw_text_add_n(out, text + i, length);
            cw_text_add(out, "](/");
            cw_text_add(out, e->value);
            if (owner) {
                cw_phonemes_add_s(out, british);
                swap.source_length += text[i + length] == '\'' ? 2 : 4;
            }
            cw_text_add(out, "/)");
        } else {
            cw_text_add(out, e->value);
            size_t m;
            if (text[i + length] == '-' &&
                is_letter(code_at(text + i + length + 1, &m))) { /* a compound's other half is as it is written */
                cw_text_add(out, " ");
                swap.source_length++;
            }
        }
        swap.length = out->len - swap.at;
        i += swap.source_length;
        before = code_before(text, i);
        if (keep_swap(swaps, swap, err)) {
            return -1;
        }
    }
    return cw_text_check(out, "text", err);
}

/* Where a place of the new text lies in the old one; inside of a swap, at its start or its end. */
static size_t place(const struct cw_swaps *s, size_t at, bool end, const struct cw_swap **inside) {
    size_t lo = 0, hi = s->n; /* the last swap that begins before `at`, or at it */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (s->v[mid].at < at || (s->v[mid].at == at && !end)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo == 0) {
        return at;
    }
    const struct cw_swap *w = &s->v[lo - 1];
    if (at < w->at + w->length || (end && at == w->at + w->length)) {
        *inside = w;
        return end ? w->source + w->source_length : w->source;
    }
    return w->source + w->source_length + (at - w->at - w->length);
}

void cw_swaps_undo(const struct cw_swaps *swaps, struct cw_tokens *t) {
    for (size_t i = 0; i < t->n; i++) {
        const struct cw_swap *inside = NULL, *last = NULL;
        size_t from = place(swaps, t->v[i].offset, false, &inside), to = place(swaps, t->v[i].offset + t->v[i].length, true, &last);
        t->v[i].offset = from;
        t->v[i].length = to > from ? to - from : 0;
        inside = inside ? inside : last;
        if (inside && t->v[i].kind != CW_TOKEN_MARK) {
            t->v[i].flags |= CW_TOKEN_DICTIONARY | (inside->respelt ? CW_TOKEN_RESPELT : 0);
        }
    }
}
