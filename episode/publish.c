/* transcript -> transcript.vtt (WebVTT, W3C), transcript.json (ours), chapters.json (Podcasting 2.0 JSON chapters 1.2).
 * Every number has three decimals, so that the same episode gives the same bytes. */
#include "episode/publish.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CUE_CHARS = 84 }; /* two lines of 42, what subtitles are held to */

/* ---- checks and numbers ---------------------------------------------------------------------------------------------- */

static int check_times(const char *what, int i, double start, double end, struct cw_error *err) {
    if (isfinite(start) && isfinite(end) && start >= 0.0 && end >= start && end < 1e6) {
        return 0;
    }
    return cw_fail(err, CW_FAILED, "transcript: %s %d: expected 0 <= start <= end in seconds, found %g and %g", what, i + 1, start, end);
}

static int check_text(const char *what, int i, const char *s, struct cw_error *err) {
    ptrdiff_t bad = s == NULL ? 0 : cw_utf8_invalid(s, strlen(s));
    return bad < 0 ? 0 : cw_fail(err, CW_FAILED, "transcript: %s %d: expected UTF-8, found none at byte %td", what, i + 1, bad + 1);
}

static int check(const struct cw_transcript *t, struct cw_error *err) {
    if (check_times("episode", 0, 0.0, t->seconds, err) != 0 || check_text("title", 0, t->title, err) != 0 ||
        check_text("language", 0, t->language, err) != 0) {
        return -1;
    }
    for (int i = 0; i < t->cue_count; i++) {
        const struct cw_cue *c = &t->cues[i];
        if (check_times("turn", i, c->start, c->end, err) != 0 || check_text("speaker of turn", i, c->speaker, err) != 0 ||
            check_text("turn", i, c->text, err) != 0) {
            return -1;
        }
        for (int w = 0; w < c->word_count; w++) {
            if (check_times("a word of turn", i, c->words[w].start, c->words[w].end, err) != 0 ||
                check_text("a word of turn", i, c->words[w].text, err) != 0) {
                return -1;
            }
        }
    }
    for (int i = 0; i < t->chapter_count; i++) {
        if (check_times("chapter", i, t->chapters[i].start, t->chapters[i].end, err) != 0 ||
            check_text("title of chapter", i, t->chapters[i].title, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- WebVTT ----------------------------------------------------------------------------------------------------------- */

/* 3725.5 -> 01:02:05.500; shifted to whole milliseconds first, so that a cue never ends before it starts. */
static void add_clock(struct cw_text *out, long long ms) {
    cw_text_printf(out, "%02lld:%02lld:%02lld.%03lld", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

/* Cue text and speaker names: no markup but our own, no "-->" (escaping '>' sees to it), no line break (an empty line would
 * end the cue), no control characters. */
static void add_escaped(struct cw_text *out, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '&') {
            cw_text_add(out, "&amp;");
        } else if (c == '<') {
            cw_text_add(out, "&lt;");
        } else if (c == '>') {
            cw_text_add(out, "&gt;");
        } else {
            cw_text_add_char(out, c < 0x20 || c == 0x7F ? ' ' : s[i]);
        }
    }
}

static void add_cue(struct cw_text *out, const char *speaker, const char *text, size_t n, double start, double end) {
    long long from = llround(start * 1000.0), to = llround(end * 1000.0);
    while (n > 0 && (*text == ' ' || *text == '\n')) {
        text++;
        n--;
    }
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n')) {
        n--;
    }
    if (n == 0) {
        return;
    }
    cw_text_add_char(out, '\n');
    add_clock(out, from);
    cw_text_add(out, " --> ");
    add_clock(out, to > from ? to : from + 1); /* a cue must last */
    cw_text_add(out, "\n<v ");
    add_escaped(out, speaker, strlen(speaker));
    cw_text_add(out, ">");
    add_escaped(out, text, n);
    cw_text_add(out, "</v>\n");
}

/* Where each word stands in the turn's text: offsets[w], in bytes; false when one is not there in order. */
static bool locate_words(const struct cw_cue *c, size_t *offsets) {
    const char *at = c->text;
    for (int w = 0; w < c->word_count; w++) {
        const char *found = c->words[w].text[0] != '\0' ? strstr(at, c->words[w].text) : NULL;
        if (found == NULL) {
            return false;
        }
        offsets[w] = (size_t)(found - c->text);
        at = found + strlen(c->words[w].text);
    }
    return true;
}

static bool ends_with_one_of(const char *s, size_t n, const char *marks) {
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '"' || s[n - 1] == ')')) {
        n--;
    }
    return n > 0 && strchr(marks, s[n - 1]) != NULL;
}

/* The word before which a cue that begins with word `first` ends: as many as fit, but at the end of a sentence, else of a
 * clause, when there is one past the middle. */
static int cue_end(const struct cw_cue *c, const size_t *offsets, int first) {
    int fits = first + 1, sentence = 0, clause = 0;
    for (int w = first + 1; w <= c->word_count; w++) {
        size_t end = w < c->word_count ? offsets[w] : strlen(c->text);
        size_t chars = cw_utf8_count(c->text + offsets[first], end - offsets[first]);
        if (w > first + 1 && chars > CUE_CHARS + 1) { /* the space after the last word does not show */
            break;
        }
        fits = w;
        if (chars > CUE_CHARS / 2 && ends_with_one_of(c->text, end, ".!?")) {
            sentence = w;
        } else if (chars > CUE_CHARS / 2 && ends_with_one_of(c->text, end, ",;:")) {
            clause = w;
        }
    }
    return fits == c->word_count ? fits : sentence > 0 ? sentence : clause > 0 ? clause : fits;
}

static int add_turn(struct cw_text *out, const struct cw_cue *c, struct cw_error *err) {
    size_t len = strlen(c->text);
    if (cw_utf8_count(c->text, len) <= CUE_CHARS || c->word_count < 2) {
        add_cue(out, c->speaker, c->text, len, c->start, c->end);
        return 0;
    }
    size_t *offsets = malloc((size_t)c->word_count * sizeof *offsets);
    if (offsets == NULL) {
        return cw_fail_memory(err, "transcript");
    }
    if (!locate_words(c, offsets)) {
        add_cue(out, c->speaker, c->text, len, c->start, c->end);
    } else {
        offsets[0] = 0; /* an opening quote before the first word belongs to it */
        for (int w = 0; w < c->word_count;) {
            int next = cue_end(c, offsets, w);
            size_t end = next < c->word_count ? offsets[next] : len;
            add_cue(out, c->speaker, c->text + offsets[w], end - offsets[w], w == 0 ? c->start : c->words[w].start,
                    next == c->word_count ? c->end : c->words[next - 1].end);
            w = next;
        }
    }
    free(offsets);
    return 0;
}

int cw_publish_vtt(const struct cw_transcript *t, const char *path, struct cw_error *err) {
    int result = -1;
    struct cw_text out = {0};
    if (check(t, err) != 0) {
        goto done;
    }
    cw_text_add(&out, "WEBVTT\n");
    for (int i = 0; i < t->cue_count; i++) {
        if (add_turn(&out, &t->cues[i], err) != 0) {
            goto done;
        }
    }
    if (cw_text_check(&out, path, err) != 0) {
        goto done;
    }
    result = cw_file_write(path, out.data, out.len, err);
done:
    cw_text_free(&out);
    return result;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------------- */

/* jansson quotes and escapes strings; the rest is written here, for its numbers' sake. */
static void add_string(struct cw_text *out, const char *s) {
    json_t *value = json_string(s);
    char *quoted = value != NULL ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    if (quoted != NULL) {
        cw_text_add(out, quoted);
    } else {
        out->failed = true;
    }
    free(quoted);
    json_decref(value);
}

static void add_field(struct cw_text *out, const char *name, const char *s) {
    cw_text_printf(out, "\"%s\": ", name);
    add_string(out, s);
}

static void add_turn_json(struct cw_text *out, const struct cw_cue *c) {
    cw_text_add(out, "    {");
    add_field(out, "speaker", c->speaker);
    cw_text_printf(out, ", \"start\": %.3f, \"end\": %.3f, ", c->start, c->end);
    add_field(out, "key", c->key);
    cw_text_add(out, ",\n     ");
    add_field(out, "text", c->text);
    if (c->source_count > 0) {
        cw_text_add(out, ",\n     \"sources\": [");
        for (int i = 0; i < c->source_count; i++) {
            cw_text_printf(out, i > 0 ? ", %d" : "%d", c->sources[i]);
        }
        cw_text_add_char(out, ']');
    }
    if (c->flagged) {
        cw_text_add(out, ",\n     \"check\": true");
    }
    cw_text_add(out, ",\n     \"words\": [");
    for (int w = 0; w < c->word_count; w++) {
        cw_text_add(out, w > 0 ? ", {" : "{");
        add_field(out, "text", c->words[w].text);
        cw_text_printf(out, ", \"start\": %.3f, \"end\": %.3f}", c->words[w].start, c->words[w].end);
    }
    cw_text_add(out, "]}");
}

int cw_publish_json(const struct cw_transcript *t, const char *path, struct cw_error *err) {
    int result = -1;
    struct cw_text out = {0};
    if (check(t, err) != 0) {
        goto done;
    }
    cw_text_add(&out, "{\n  ");
    add_field(&out, "title", t->title);
    cw_text_add(&out, ",\n  ");
    add_field(&out, "language", t->language);
    cw_text_printf(&out, ",\n  \"seconds\": %.3f,\n  \"segments\": [", t->seconds);
    for (int i = 0; i < t->chapter_count; i++) {
        cw_text_add(&out, i > 0 ? ",\n    {" : "\n    {");
        add_field(&out, "title", t->chapters[i].title);
        cw_text_printf(&out, ", \"start\": %.3f, \"end\": %.3f}", t->chapters[i].start, t->chapters[i].end);
    }
    cw_text_add(&out, t->chapter_count > 0 ? "\n  ],\n  \"turns\": [" : "],\n  \"turns\": [");
    for (int i = 0; i < t->cue_count; i++) {
        cw_text_add(&out, i > 0 ? ",\n" : "\n");
        add_turn_json(&out, &t->cues[i]);
    }
    cw_text_add(&out, t->cue_count > 0 ? "\n  ]" : "]");
    for (int i = 0; i < t->passage_count; i++) {
        cw_text_printf(&out, "%s\n    {\"number\": %d, ", i > 0 ? "," : ",\n  \"passages\": [", t->passages[i].number);
        add_field(&out, "source", t->passages[i].source);
        cw_text_add(&out, ", ");
        add_field(&out, "text", t->passages[i].text);
        cw_text_add_char(&out, '}');
    }
    cw_text_add(&out, t->passage_count > 0 ? "\n  ]\n}\n" : "\n}\n");
    if (cw_text_check(&out, path, err) != 0) {
        goto done;
    }
    result = cw_file_write(path, out.data, out.len, err);
done:
    cw_text_free(&out);
    return result;
}

int cw_publish_chapters(const struct cw_transcript *t, const char *path, struct cw_error *err) {
    int result = -1;
    struct cw_text out = {0};
    if (check(t, err) != 0) {
        goto done;
    }
    cw_text_add(&out, "{\n  \"version\": \"1.2.0\",\n  ");
    add_field(&out, "title", t->title);
    cw_text_add(&out, ",\n  \"chapters\": [");
    for (int i = 0; i < t->chapter_count; i++) {
        cw_text_printf(&out, "%s\n    {\"startTime\": %.3f, \"endTime\": %.3f, ", i > 0 ? "," : "", t->chapters[i].start,
                       t->chapters[i].end);
        add_field(&out, "title", t->chapters[i].title);
        cw_text_add_char(&out, '}');
    }
    cw_text_add(&out, t->chapter_count > 0 ? "\n  ]\n}\n" : "]\n}\n");
    if (cw_text_check(&out, path, err) != 0) {
        goto done;
    }
    result = cw_file_write(path, out.data, out.len, err);
done:
    cw_text_free(&out);
    return result;
}
