/* Clean text (unicode.c) ─▶ atoms: runs of letters (with inner apostrophes), runs of digits, single marks, [label](value) links. And the
 * way back out: atoms' spoken words ─▶ tokens. */
#include "tts/atoms.h"

#include <stdlib.h>
#include <string.h>

bool letter_upper(uint32_t c) {
    return (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F) ||
           (c >= 0x100 && c <= 0x137 && !(c & 1)) || (c >= 0x139 && c <= 0x148 && (c & 1)) || (c >= 0x14A && c <= 0x177 && !(c & 1)) ||
           (c >= 0x1E00 && c <= 0x1EFF && !(c & 1));
}

bool letter_lower(uint32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7) || (c >= 0x3B1 && c <= 0x3C9) || (c >= 0x430 && c <= 0x44F) ||
           (c >= 0x100 && c <= 0x17F && !letter_upper(c)) || (c >= 0x1E00 && c <= 0x1EFF && (c & 1));
}

/* Letters of the scripts that espeak-ng's English voices can at least name. */
static bool letter(uint32_t c) {
    return letter_upper(c) || letter_lower(c) || (c >= 0x180 && c <= 0x2AF) || c == 0x2C8 || c == 0x2CC || c == 0x2D0 ||
           (c >= 0x370 && c <= 0x3FF && c != 0x37E && c != 0x387) || (c >= 0x400 && c <= 0x52F) || c == 0xAA || c == 0xBA ||
           (c >= 0x531 && c <= 0x587) || (c >= 0x5D0 && c <= 0x5EA) || (c >= 0x620 && c <= 0x64A) || (c >= 0x904 && c <= 0x939) ||
           (c >= 0xE01 && c <= 0xE30) || (c >= 0x3041 && c <= 0x30FA) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3);
}

/* The block of letters that c belongs to: a word has letters of one (espeak-ng 1.51 reads freed memory in a word like "ʔՌ"). */
static int script(uint32_t c) {
    static const uint32_t starts[] = {0x370, 0x400, 0x531, 0x5D0, 0x620, 0x904, 0xE01, 0x1E00, 0x3041, 0x3400, 0xAC00};
    int k = 0;
    while (k < (int)(sizeof starts / sizeof starts[0]) && c >= starts[k]) {
        k++;
    }
    return k == 8 ? 0 : k; /* 0x1E00: Latin again */
}

static bool same_script(uint32_t c, uint32_t d) {
    bool unit = (c < 0x250 && (d == 0x3BC || d == 0x3A9)) || (d < 0x250 && (c == 0x3BC || c == 0x3A9)); /* μm, kΩ */
    return unit || script(c) == script(d);
}

static bool combining(uint32_t c) {
    return c >= 0x300 && c <= 0x36F;
}

/* The model knows one kind of bracket. */
static uint32_t bracket(uint32_t c) {
    return c == '[' || c == '{' ? '(' : c == ']' || c == '}' ? ')' : c;
}

static bool inner_apostrophe(const char *s, size_t n, size_t at) {
    uint32_t after = 0;
    return s[at] == '\'' && at + 1 < n && cw_utf8_next(s + at + 1, n - at - 1, &after) && letter(after);
}

/* A mark-up tag "<break/>", "</b>", "<a href=x>" at s: its length, 0 when there is none. Tags are not said. */
static size_t tag_length(const char *s, size_t n) {
    size_t k = 1 + (n > 1 && s[1] == '/');
    bool attribute = false;
    if (k >= n || !((s[k] | 32) >= 'a' && (s[k] | 32) <= 'z')) {
        return 0;
    }
    for (; k < n && k < 200 && s[k] != '<' && s[k] != '\n'; k++) {
        if (s[k] == '>') {
            return k + 1;
        }
        attribute = attribute || s[k] == '=' || (s[k] == '/' && k + 1 < n && s[k + 1] == '>');
        if (s[k] == ' ' && !attribute && !memchr(s + k, '=', n - k < 40 ? n - k : 40) && !(k + 2 < n && s[k + 1] == '/')) {
            return 0;
        }
    }
    return 0;
}

int atoms_read(struct reader *r, struct cw_error *err) {
    const char *s = r->text;
    size_t n = r->length, count = 0, label = 0;
    r->atoms = calloc(n + 1, sizeof *r->atoms);
    if (!r->atoms) {
        return cw_fail_memory(err, "text");
    }
    bool space = true;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(s + i, n - i, &c), tag = c == '<' ? tag_length(s + i, n - i) : 0;
        if (c == ' ' || c == '\n' || tag) {
            space = true;
            i += tag ? tag : k;
            continue;
        }
        struct atom *a = &r->atoms[count];
        size_t end = i + k, link = c == '[' ? link_length(s + i, n - i, &label) : 0;
        if (link) {
            *a = (struct atom){
                .kind = ATOM_LINK, .label = i + 1, .label_length = label, .value = i + label + 3, .value_length = link - label - 4};
            end = i + link;
        } else if (c >= '0' && c <= '9') {
            a->kind = ATOM_NUMBER;
            while (end < n && s[end] >= '0' && s[end] <= '9') {
                end++;
            }
        } else if (letter(c)) {
            a->kind = ATOM_WORD;
            while (end < n) {
                uint32_t d = 0;
                size_t m = (size_t)cw_utf8_next(s + end, n - end, &d);
                if (!(letter(d) && same_script(c, d)) && !combining(d) && !inner_apostrophe(s, n, end)) {
                    break;
                }
                end += m;
            }
        } else {
            a->kind = ATOM_MARK;
            a->mark = bracket(c);
        }
        a->offset = i;
        a->length = end - i;
        a->space = space;
        space = false;
        count++;
        i = end;
    }
    r->atom_count = count;
    r->atoms[count] = (struct atom){.kind = ATOM_END, .space = true, .offset = n};
    return 0;
}

const struct atom *atom_at(const struct reader *r, size_t i) {
    return &r->atoms[i < r->atom_count ? i : r->atom_count];
}

const char *atom_text(const struct reader *r, size_t i) {
    return r->text + atom_at(r, i)->offset;
}

bool atom_is(const struct reader *r, size_t i, const char *word) {
    const struct atom *a = atom_at(r, i);
    /* the first byte settles nearly all of the comparisons with the tables' words */
    return a->length && r->text[a->offset] == *word && a->length == strlen(word) && memcmp(r->text + a->offset, word, a->length) == 0;
}

bool atom_is_any_case(const struct reader *r, size_t i, const char *word) {
    const struct atom *a = atom_at(r, i);
    if (a->length != strlen(word)) {
        return false;
    }
    for (size_t k = 0; k < a->length; k++) {
        char c = r->text[a->offset + k];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[k]) {
            return false;
        }
    }
    return true;
}

bool atom_in(const struct reader *r, size_t i, const char *const *list) {
    for (; *list; list++) {
        if (atom_is(r, i, *list)) {
            return true;
        }
    }
    return false;
}

bool atom_in_any_case(const struct reader *r, size_t i, const char *const *list) {
    for (; *list; list++) {
        if (atom_is_any_case(r, i, *list)) {
            return true;
        }
    }
    return false;
}

bool atom_mark(const struct reader *r, size_t i, uint32_t mark) {
    const struct atom *a = atom_at(r, i);
    return a->kind == ATOM_MARK && a->mark == mark;
}

bool atom_joined(const struct reader *r, size_t i, int kind) {
    const struct atom *a = atom_at(r, i);
    return a->kind == kind && !a->space;
}

bool atom_joined_mark(const struct reader *r, size_t i, uint32_t mark) {
    return atom_mark(r, i, mark) && !atom_at(r, i)->space;
}

static uint32_t first_letter(const struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    uint32_t c = 0;
    if (a->kind == ATOM_WORD) {
        cw_utf8_next(r->text + a->offset, a->length, &c);
    } else if (a->kind == ATOM_LINK) {
        cw_utf8_next(r->text + a->label, a->label_length, &c);
    }
    return c;
}

bool atom_capital(const struct reader *r, size_t i) {
    return letter_upper(first_letter(r, i));
}

bool atom_capitals(const struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    for (size_t k = 0; k < a->length; k++) {
        if (r->text[a->offset + k] < 'A' || r->text[a->offset + k] > 'Z') {
            return false;
        }
    }
    return a->kind == ATOM_WORD;
}

bool atom_lower(const struct reader *r, size_t i) {
    return letter_lower(first_letter(r, i));
}

int atom_int(const struct reader *r, size_t i) {
    const struct atom *a = atom_at(r, i);
    if (a->kind != ATOM_NUMBER || a->length > 6) {
        return -1;
    }
    int v = 0;
    for (size_t k = 0; k < a->length; k++) {
        v = v * 10 + (r->text[a->offset + k] - '0');
    }
    return v;
}

static bool opening(const char *mark) {
    return strcmp(mark, "\u201c") == 0 || strcmp(mark, "(") == 0;
}

static bool dash(const char *mark) {
    return strcmp(mark, "\u2014") == 0;
}

/* Does a blank stand between the last token and the next one? Dashes keep the script's way; else by the kinds of the two. */
static bool spaced(const struct reader *r, int kind, const char *spoken, const struct atom *a) {
    const struct cw_tokens *t = r->out;
    if (!t->n) {
        return false;
    }
    const char *before = t->v[t->n - 1].kind == CW_TOKEN_MARK ? cw_token_spoken(t, t->n - 1) : "";
    if (opening(before)) {
        return false;
    }
    if (dash(before)) {
        return a->space;
    }
    if (kind == CW_TOKEN_MARK && !opening(spoken)) {
        return dash(spoken) && a->space;
    }
    return true;
}

static void add_token(struct reader *r, int kind, const char *spoken, size_t n, size_t a, size_t b, int flags) {
    struct cw_tokens *t = r->out;
    const struct atom *first = atom_at(r, a), *last = atom_at(r, b > a ? b - 1 : a);
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        struct cw_token *grown = realloc(t->v, cap * sizeof *grown);
        if (!grown) {
            t->pool.failed = true;
            return;
        }
        t->v = grown;
        t->cap = cap;
    }
    size_t kept = cw_tokens_keep(t, spoken, n);
    if (t->pool.failed) {
        return;
    }
    if (spaced(r, kind, t->pool.data + kept, first)) {
        flags |= CW_TOKEN_SPACE;
    }
    t->v[t->n++] = (struct cw_token){.spoken = kept,
                                     .offset = r->map[first->offset],
                                     .length = r->map[last->offset + last->length] - r->map[first->offset],
                                     .kind = kind,
                                     .flags = flags,
                                     .class = (int)r->class,
                                     .stress = CW_NO_STRESS};
}

void speak(struct reader *r, const char *words, size_t a, size_t b, int flags) {
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, " ");
        if (n) {
            add_token(r, CW_TOKEN_WORD, p, n, a, b, flags);
        }
        p += n;
        p += *p == ' ';
    }
}

void speak_atom(struct reader *r, size_t i, int flags) {
    add_token(r, CW_TOKEN_WORD, atom_text(r, i), atom_at(r, i)->length, i, i + 1, flags);
}

void speak_mark(struct reader *r, const char *mark, size_t i) {
    const struct cw_tokens *t = r->out;
    size_t run = 0;
    while (run < 3 && run < t->n && t->v[t->n - 1 - run].kind == CW_TOKEN_MARK) {
        run++;
    }
    if (run == 3) { /* more of them in a row are decoration: nothing to hear */
        return;
    }
    add_token(r, CW_TOKEN_MARK, mark, strlen(mark), i, i + 1, 0);
}

void respan(struct reader *r, size_t token, size_t a, size_t b) {
    const struct atom *first = atom_at(r, a), *last = atom_at(r, b > a ? b - 1 : a);
    for (size_t i = token; i < r->out->n; i++) {
        if (r->out->v[i].kind != CW_TOKEN_MARK) {
            r->out->v[i].offset = r->map[first->offset];
            r->out->v[i].length = r->map[last->offset + last->length] - r->map[first->offset];
        }
    }
}

void reclass(struct reader *r, size_t token, enum cw_token_class class) {
    r->class = class;
    for (size_t i = token; i < r->out->n; i++) {
        r->out->v[i].class = (int)class;
    }
}

void speak_scratch(struct reader *r, size_t a, size_t b) {
    if (r->words.failed) {
        r->out->pool.failed = true;
    } else if (r->words.len) {
        speak(r, r->words.data, a, b, CW_TOKEN_PLAIN);
    }
    cw_text_clear(&r->words);
}
