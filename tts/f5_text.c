/* text -> as the model reads it -> ids;  phonemes -> sounds -> frames, at the reference's own pace */
#include "tts/f5_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/gguf.h"

struct symbol {
    uint32_t code;
    int id;
};

struct cw_f5_symbols {
    struct symbol *v; /* of one code point each, in order */
    size_t single;
    int count;
};

/* ---- vocabulary ------------------------------------------------------------------------------------------------------------- */

static int by_code(const void *a, const void *b) {
    const struct symbol *x = a, *y = b;
    return (x->code > y->code) - (x->code < y->code);
}

int cw_f5_symbols_open(struct cw_f5_symbols **out, const struct cw_gguf *g, struct cw_error *err) {
    const char *s;
    size_t len, count = 0;
    int result = -1;
    struct cw_f5_symbols *o = calloc(1, sizeof *o);
    *out = NULL;
    if (!o) {
        cw_fail_memory(err, "f5");
        goto done;
    }
    if (cw_gguf_string_at(g, "f5.symbols", 0, NULL, NULL, &count, err) != 0)
        goto done;
    o->v = malloc(sizeof *o->v * (count + 1));
    if (!o->v) {
        cw_fail_memory(err, "f5");
        goto done;
    }
    o->count = (int)count;
    for (size_t i = 0; i < count; i++) {
        struct symbol *to = &o->v[o->single];
        if (cw_gguf_string_at(g, "f5.symbols", i, &s, &len, NULL, err) != 0)
            goto done;
        if (len > 0 && cw_utf8_next(s, len, &to->code) == (int)len) {
            to->id = (int)i;
            o->single++;
        }
    }
    qsort(o->v, o->single, sizeof *o->v, by_code);
    *out = o;
    o = NULL;
    result = 0;
done:
    cw_f5_symbols_close(o);
    return result;
}

void cw_f5_symbols_close(struct cw_f5_symbols *s) {
    if (!s)
        return;
    free(s->v);
    free(s);
}

int cw_f5_symbols_count(const struct cw_f5_symbols *s) {
    return s->count;
}

int cw_f5_symbols_of(const struct cw_f5_symbols *s, const char *text, int *ids, int most, int *count, struct cw_error *err) {
    size_t left = strlen(text);
    *count = 0;
    while (left > 0) {
        struct symbol key = {0};
        int n = cw_utf8_next(text, left, &key.code);
        if (n == 0)
            return cw_fail(err, CW_BAD_INPUT, "f5: expected a text in UTF-8, found a byte that is none after %d symbols", *count);
        const struct symbol *found = bsearch(&key, s->v, s->single, sizeof key, by_code);
        if (!found)
            return cw_fail(err, CW_BAD_INPUT, "f5: expected a text of the model's symbols, found \"%.*s\" (U+%04X); write it another way",
                           n, text, (unsigned)key.code);
        if (*count == most)
            return cw_fail(err, CW_BAD_INPUT, "f5: expected a text of at most %d symbols, found more; cut it at a sentence", most);
        if (ids)
            ids[*count] = found->id;
        ++*count;
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

static const struct {
    uint32_t from;
    const char *to;
} marks[] = {{';', ","},      {0x201C, "\""}, {0x201D, "\""}, {0x2018, "'"}, {0x2019, "'"},
             {0x2026, "..."}, {0x2014, ","},  {0x2013, ","},  {0xA0, " "}};

/* A dash that becomes a comma stands at the word before it, as commas do. */
static void replace_marks(const char *text, struct cw_text *out) {
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code = 0;
        int n = cw_utf8_next(text, left, &code);
        n = n > 0 ? n : 1; /* left for cw_f5_symbols_of to refuse */
        const char *to = NULL;
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            to = marks[i].from == code ? marks[i].to : to;
        while (to && *to == ',' && out->len > 0 && out->data[out->len - 1] == ' ')
            out->data[--out->len] = '\0';
        to ? cw_text_add(out, to) : cw_text_add_n(out, text, (size_t)n);
        text += n;
        left -= (size_t)n;
    }
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Bytes of what the published code's cutter (rjieba) takes for one piece of Latin text: a word with the points and hyphens inside it and a
 * percent sign after it, a run of such signs, or one byte. */
static size_t piece_at(const char *s) {
    size_t n = 0;
    if (is_letter(s[0])) {
        while (is_letter(s[n]) || (s[n] != '\0' && strchr(".-_", s[n]) && is_letter(s[n + 1])))
            n++;
        return n + (s[n] == '%');
    }
    n = strspn(s, "+#&._%-");
    return n > 0 ? n : 1;
}

void cw_f5_write(const char *text, struct cw_text *out) {
    struct cw_text t = {0};
    const size_t start = out->len;
    replace_marks(text, &t);
    out->failed |= t.failed;
    for (const char *s = t.data; s && *s; s += piece_at(s)) {
        const size_t n = piece_at(s);
        if (n > 1 && out->len > start && !strchr(" :'\"", out->data[out->len - 1]))
            cw_text_add_char(out, ' ');
        cw_text_add_n(out, s, n);
    }
    cw_text_free(&t);
}

void cw_f5_write_reference(const char *text, struct cw_text *out) {
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ')
        n--;
    cw_text_add_n(out, text, n);
    cw_text_add(out, n > 0 && text[n - 1] == '.' ? " " : ". ");
}

/* ---- time ------------------------------------------------------------------------------------------------------------------- */

double cw_f5_weight(uint32_t code) {
    switch (code) {
    case ',':
    case ';':
    case ':':
    case 0x2014: /* — */
        return 1.4;
    case '.':
    case '!':
    case '?':
    case 0x2026: /* … */
        return 2.6;
    case 'A': /* diphthongs, which misaki writes as one */
    case 'I':
    case 'O':
    case 'W':
    case 'Y':
    case 'Q':
        return 2;
    case 0x2A4: /* ʤ */
    case 0x2A7: /* ʧ */
        return 1.5;
    default:
        return 1;
    }
}

double cw_f5_weight_of(const char *phonemes) {
    size_t left = strlen(phonemes);
    double sum = 0;
    while (left > 0) {
        uint32_t code = 0;
        int n = cw_utf8_next(phonemes, left, &code);
        n = n > 0 ? n : 1;
        sum += cw_f5_weight(code);
        phonemes += n;
        left -= (size_t)n;
    }
    return sum;
}

int cw_f5_frames(const struct cw_f5_timing *t) {
    if (t->by_bytes) {
        const double speed = t->bytes < 10 ? 0.3 : t->speed;
        return (int)fmax(1, (double)t->reference_frames / (double)t->reference_bytes * (double)t->bytes / speed);
    }
    const double weight = fmax(t->weight, 10 + t->weight * 2 / 3);
    return (int)fmax(1, ceil(t->reference_frames / fmax(1, t->reference_weight) * weight / t->speed));
}
