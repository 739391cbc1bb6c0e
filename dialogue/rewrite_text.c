/* A script that was directed -> its text, in which nothing else has changed.
 *
 *   the text as it was: bytes up to a new turn's place, the editor's remarks, the new line; bytes up to the next ... */
#include "dialogue/rewrite.h"

#include "dialogue/script_impl.h"

#include <stdio.h>
#include <string.h>

/* A comment at `at` (before `end`): its bytes, or 0. */
static size_t comment_length(const char *text, size_t at, size_t end) {
    bool escaped = at > 0 && text[at - 1] == '\\';
    if (end - at < 7 || escaped || strncmp(text + at, "<!--", 4) != 0) {
        return 0;
    }
    const char *close = strstr(text + at + 4, "-->");
    size_t n = close != NULL ? (size_t)(close - text) + 3 - at : 0;
    return n <= end - at ? n : 0;
}

/* What the program noted about a line, and does not hold for another. */
static bool is_trace(const char *comment) {
    return strncmp(comment, "<!-- rests on ", 14) == 0 || strncmp(comment, "<!-- check:", 11) == 0;
}

/* The bytes before a turn that is said anew: all but the traces, which go with their line end. */
static void copy_remarks(struct cw_text *out, const char *text, size_t from, size_t to) {
    for (size_t i = from; i < to;) {
        size_t n = comment_length(text, i, to);
        if (n > 0 && is_trace(text + i)) {
            i += n;
            i += i < to && text[i] == '\r';
            i += i < to && text[i] == '\n';
            continue;
        }
        n = n > 0 ? n : 1;
        cw_text_add_n(out, text + i, n);
        i += n;
    }
}

/* Remarks inside of a line that goes: each on a line of its own. */
static void keep_inner_remarks(struct cw_text *out, const char *text, const struct cw_turn *t, const char *line_end) {
    for (size_t i = t->from; i < t->to; i++) {
        size_t n = comment_length(text, i, t->to);
        if (n > 0 && !is_trace(text + i)) {
            cw_text_add_n(out, text + i, n);
            cw_text_add(out, line_end);
        }
        i += n > 0 ? n - 1 : 0;
    }
}

/* The new line with its traces, without a line end after it. */
static void put_line(struct cw_text *out, const struct cw_script *s, const struct cw_turn *t, const char *line_end) {
    for (const char *c = t->comment; c != NULL && *c != '\0';) {
        const char *close = strstr(c, "-->");
        size_t n = close != NULL ? (size_t)(close - c) + 3 : strlen(c);
        if (is_trace(c)) {
            cw_text_add_n(out, c, n);
            cw_text_add(out, line_end);
        }
        c += n;
        c += *c == '\n';
    }
    script_print_turn(out, s, t);
    if (!out->failed) {
        out->data[--out->len] = '\0';
    }
}

/* Passages that the script has and `tail`, the text after the last turn, has not: at the end of its block, or in one of their own. */
static int put_tail(struct cw_text *out, const struct cw_script *s, const char *tail, const char *line_end, struct cw_error *err) {
    int count = 0;
    struct cw_passage *passages = NULL;
    struct cw_text added = {0};
    const char *block = strstr(tail, "<!-- passages"), *end = block != NULL ? strstr(block, "-->") : NULL;
    if (cw_script_passages(s, &passages, &count, err) != 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char mark[24];
        int n = snprintf(mark, sizeof mark, "\n[%d] (", passages[i].number);
        if (end == NULL || memmem(block, (size_t)(end - block), mark, (size_t)n) == NULL) {
            script_print_passage(&added, &passages[i]);
            cw_text_add(&added, line_end);
        }
    }
    if (end != NULL) {
        cw_text_add_n(out, tail, (size_t)(end - tail));
        if (added.len > 0) {
            cw_text_printf(out, "%s%s", end[-1] == '\n' ? "" : line_end, added.data); /* an editor may have closed it on its last line */
        }
        cw_text_add(out, end);
    } else {
        size_t n = strlen(tail);
        cw_text_add(out, tail);
        if (added.len > 0) {
            cw_text_printf(out, "%s%s<!-- passages%s%s-->%s", n > 0 && tail[n - 1] == '\n' ? "" : line_end, line_end, line_end, added.data,
                           line_end);
        }
    }
    int status = cw_text_check(&added, "passages", err);
    cw_passages_free(passages, count);
    cw_text_free(&added);
    return status;
}

int cw_rewrite_text(const struct cw_script *s, const char *before, struct cw_text *after, struct cw_error *err) {
    size_t at = 0, last = 0;
    const char *line_end = strstr(before, "\r\n") != NULL ? "\r\n" : "\n";
    for (int g = 0; g < s->segment_count; g++) {
        const struct cw_turn *turns = s->segments[g].turns;
        for (int i = 0; i < s->segments[g].turn_count; i++) {
            const struct cw_turn *t = &turns[i];
            last = t->to > last ? t->to : last;
            if (t->line > 0) {
                continue; /* as it was */
            }
            if (t->to > 0) { /* in another one's place */
                cw_text_add_n(after, before + at, t->lead - at);
                copy_remarks(after, before, t->lead, t->from);
                keep_inner_remarks(after, before, t, line_end);
                put_line(after, s, t, line_end);
                at = t->to;
            } else if (i > 0) {
                cw_text_add_n(after, before + at, turns[i - 1].to - at);
                cw_text_add(after, line_end);
                put_line(after, s, t, line_end);
                at = turns[i - 1].to;
            } else if (i + 1 < s->segments[g].turn_count) {
                cw_text_add_n(after, before + at, turns[i + 1].lead - at);
                put_line(after, s, t, line_end);
                cw_text_add(after, line_end);
                at = turns[i + 1].lead;
            }
        }
    }
    last = last > at ? last : at;
    cw_text_add_n(after, before + at, last - at);
    return put_tail(after, s, before + last, line_end, err) == 0 ? cw_text_check(after, "script", err) : -1;
}
