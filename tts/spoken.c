/* Tokens ─▶ the line that shows what is said: words as spoken, the marks as the script writes them. */
#include "tts/front.h"

#include <stdlib.h>
#include <string.h>

/* The typographic apostrophe of the source stays one. */
static void add_word(struct cw_text *out, const char *word, const char *source, size_t n) {
    bool curly = false;
    for (size_t k = 0; strchr(word, '\'') && !curly && k + 3 <= n; k++) {
        curly = memcmp(source + k, "\u2019", 3) == 0;
    }
    for (; *word; word++) {
        if (*word == '\'' && curly) {
            cw_text_add(out, "\u2019");
        } else {
            cw_text_add_char(out, *word);
        }
    }
}

/* The model knows one kind of bracket, quotation mark and dash, and one mark of a run; the reader of the line knows the script's. Bytes of
 * the source that were shown: `most` is what belongs to no other token. */
static size_t add_mark(struct cw_text *out, const char *mark, const char *source, size_t n, size_t most) {
    bool quote = strcmp(mark, "\u201c") == 0 || strcmp(mark, "\u201d") == 0, dash = strcmp(mark, "—") == 0;
    bool bracket = *mark == '(' || *mark == ')';
    size_t run = dash ? strspn(source, "-") : strspn(source, ".,;:!?");
    run = run > most ? most : run;
    if (dash && run == 1 && strcspn(source - 1, " -\t\n\r") == 1 && strcspn(source + 1, " -\t\n\r")) { /* 978-0 */
        cw_text_add(out, out->len && out->data[out->len - 1] == ' ' ? "- " : " - ");
    } else if (run > 1 || (run == 1 && (dash || *source == *mark))) {
        cw_text_add_n(out, source, run);
        return run;
    } else if (dash && n == 3 && memcmp(source, "–", 3) == 0) {
        cw_text_add(out, "–");
    } else if (n == 1 && ((quote && *source == '"') || (bracket && strchr("[]{}", *source)))) {
        cw_text_add_char(out, *source);
    } else if (quote && n > 1 && (*source == '`' || *source == '\'')) {
        cw_text_add_char(out, '"');
    } else {
        cw_text_add(out, mark);
    }
    return n;
}

static bool blank_at(const char *s, size_t n, size_t k) {
    return k < n && strchr(" \t\r\n", s[k]);
}

/* Bytes of the single quote at s: 0, there is none. */
static size_t quote_at(const char *s, size_t n) {
    bool curly = n >= 3 && (memcmp(s, "\u2018", 3) == 0 || memcmp(s, "\u2019", 3) == 0);
    return curly ? 3 : n > 0 && (*s == '\'' || *s == '`');
}

/* What stands in the source between two tokens and is not said: tags, single quotes, a hyphen or a stroke inside of a run of letters.
 * `words`: a word stands on either side; a blank parts them at least. */
static void add_gap(struct cw_text *out, const char *gap, size_t n, bool words) {
    bool stroke = words && n == 1 && strchr("-/'", *gap);
    size_t before = out->len;
    for (size_t k = 0; k < n; k++) {
        const char *close = gap[k] == '<' ? memchr(gap + k, '>', n - k) : NULL;
        if (close) {
            cw_text_add(out, out->len && out->data[out->len - 1] != ' ' ? " " : "");
            cw_text_add_n(out, gap + k, (size_t)(close - gap) - k + 1);
            cw_text_add_char(out, ' ');
            k = (size_t)(close - gap);
        } else if (quote_at(gap + k, n - k)) {
            size_t quote = quote_at(gap + k, n - k);
            cw_text_add_n(out, gap + k, quote);
            k += quote - 1;
        } else if (stroke) {
            cw_text_add_char(out, gap[k]);
        } else if (blank_at(gap, n, k) && out->len && out->data[out->len - 1] != ' ') {
            cw_text_add_char(out, ' ');
        }
    }
    if (words && out->len == before && out->len && out->data[out->len - 1] != ' ') {
        cw_text_add_char(out, ' ');
    }
}

/* A text without a word: its tags, and the marks that a word would have had. */
static void add_silent(struct cw_text *out, const char *text) {
    for (uint32_t c = 0; *text;) {
        size_t n = (size_t)cw_utf8_next(text, strlen(text), &c), tag = c == '<' ? strcspn(text, ">") : 0;
        if (tag && text[tag]) {
            n = tag + 1;
            add_gap(out, text, n, false);
        } else if (c < 0x80 ? strchr(".,;:!?-", (char)c) != NULL : c >= 0x2010 && c <= 0x2026) {
            cw_text_add_n(out, text, n);
        }
        text += n;
    }
    while (out->len && out->data[out->len - 1] == ' ') {
        out->data[--out->len] = '\0';
    }
}

static bool clause(const struct cw_tokens *t, size_t i) {
    return t->v[i].kind == CW_TOKEN_MARK && cw_mark_is_clause(cw_token_spoken(t, i)) && strcmp(cw_token_spoken(t, i), "—") != 0;
}

static bool plain(const struct cw_tokens *t, size_t i) {
    return t->v[i].kind == CW_TOKEN_WORD && (t->v[i].flags & CW_TOKEN_PLAIN);
}

/* Does a mark without a blank after it get one, before word i? A comma does beside what was spoken out ("5pm,4pm", "$5,then"), a question
 * mark before it, and a mark that has a blank before it in the source ("a ,b"). */
static bool blank_after_mark(const struct cw_tokens *t, size_t i, const char *text) {
    const char *mark = cw_token_spoken(t, i - 1);
    size_t at = t->v[i - 1].offset;
    bool comma = strcmp(mark, ",") == 0;
    return (comma && (text[at] != ',' || plain(t, i) || (i > 1 && plain(t, i - 2)))) || (strcmp(mark, "?") == 0 && plain(t, i)) ||
           (clause(t, i - 1) && at > 0 && blank_at(text, at, at - 1));
}

int cw_normalise_in(const char *text, const char *language, struct cw_text *spoken, struct cw_error *err) {
    struct cw_tokens t = {0};
    if (cw_speech_language(language, err)) {
        return -1;
    }
    if (cw_tokens_make(&t, text, strcmp(language, "en-gb") == 0, err)) {
        add_silent(spoken, t.silent ? text : "");
        return -1;
    }
    size_t end = 0; /* of the source that is behind us */
    for (size_t i = 0; i < t.n; i++) {
        const struct cw_token *k = &t.v[i];
        const char *source = text + k->offset, *word = cw_token_spoken(&t, i);
        bool mark = k->kind == CW_TOKEN_MARK, after_mark = i > 0 && t.v[i - 1].kind == CW_TOKEN_MARK;
        size_t n = k->offset > end ? k->offset - end : 0, shown = k->length;
        bool own_comma = after_mark && strcmp(cw_token_spoken(&t, i - 1), ",") == 0 &&
                         text[t.v[i - 1].offset] != ','; /* a pause of our own, in a telephone number */
        if (i == 0) {
            size_t marks = strspn(text, ".,;:!?");
            cw_text_add_n(spoken, text, marks <= n ? marks : 0);
            add_gap(spoken, text, n, false);
        } else if (clause(&t, i)) { /* hugs the word before it */
            for (size_t q = 0; q < n; q++) {
                cw_text_add_n(spoken, text + end + q, quote_at(text + end + q, n - q));
            }
        } else if (n && !own_comma) {
            add_gap(spoken, text + end, n, !mark && !after_mark);
        } else if (mark ? after_mark && clause(&t, i - 1) && blank_after_mark(&t, i, text) : !after_mark || blank_after_mark(&t, i, text)) {
            cw_text_add_char(spoken, ' ');
        }
        if (mark) {
            size_t next = i + 1 < t.n ? t.v[i + 1].offset : strlen(text);
            shown = add_mark(spoken, word, source, k->length, next > k->offset ? next - k->offset : 1);
        } else {
            add_word(spoken, word, source, k->length);
        }
        end = k->offset + shown > end ? k->offset + shown : end;
    }
    if (end < strlen(text)) {
        add_gap(spoken, text + end, strlen(text) - end, false);
    }
    while (spoken->len && spoken->data[spoken->len - 1] == ' ') {
        spoken->data[--spoken->len] = '\0';
    }
    cw_tokens_free(&t);
    return cw_text_check(spoken, "spoken text", err);
}

int cw_normalise(const char *text, struct cw_text *spoken, struct cw_error *err) {
    return cw_normalise_in(text, "en-us", spoken, err);
}
