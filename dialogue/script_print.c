/* The script -> its text. What comes out parses to the same script, and prints to the same bytes. */
#include "dialogue/script_impl.h"

#include <inttypes.h>
#include <string.h>

/* A YAML scalar: plain where that is plainly safe, else double-quoted. */
static void print_scalar(struct cw_text *out, const char *s) {
    size_t n = strlen(s);
    bool plain = n > 0 && ((s[0] >= 'a' && s[0] <= 'z') || (s[0] >= 'A' && s[0] <= 'Z')) && s[n - 1] != ' ' && s[n - 1] != ':';
    for (size_t i = 0; i < n && plain; i++) {
        plain = s[i] != '"' && s[i] != '\\' && !(s[i] == ':' && s[i + 1] == ' ') && !(s[i] == ' ' && s[i + 1] == '#');
    }
    if (plain) {
        cw_text_add(out, s);
        return;
    }
    cw_text_add_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"' || s[i] == '\\') {
            cw_text_add_char(out, '\\');
        }
        cw_text_add_char(out, s[i]);
    }
    cw_text_add_char(out, '"');
}

static void print_time(struct cw_text *out, const char *direction, int ms) {
    if (ms >= 1000 && ms % 100 == 0) {
        cw_text_printf(out, "[%s %d", direction, ms / 1000);
        if (ms % 1000 != 0) {
            cw_text_printf(out, ".%d", ms % 1000 / 100);
        }
        cw_text_add(out, "s]");
    } else {
        cw_text_printf(out, "[%s %dms]", direction, ms);
    }
}

static void print_words(struct cw_text *out, const char *s) {
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        size_t word = 0, link = script_ipa_link(s + i, n - i, &word);
        if (link > 0) {
            cw_text_add_n(out, s + i, link);
            i += link;
            continue;
        }
        if (s[i] == '[' || s[i] == '\\' || strncmp(s + i, "<!--", 4) == 0) {
            cw_text_add_char(out, '\\');
        }
        cw_text_add_char(out, s[i++]);
    }
}

static void print_comment(struct cw_text *out, const char *comment) {
    if (comment != NULL) {
        cw_text_printf(out, "%s\n", comment);
    }
}

void script_print_turn(struct cw_text *out, const struct cw_script *s, const struct cw_turn *t) {
    cw_text_printf(out, "%s:", s->cast[t->speaker].name);
    if (t->overlap_ms > 0) {
        cw_text_add_char(out, ' ');
        print_time(out, "overlap", t->overlap_ms);
    }
    for (int i = 0; i < t->span_count; i++) {
        if (t->spans[i].pause_ms > 0) {
            cw_text_add_char(out, ' ');
            print_time(out, "pause", t->spans[i].pause_ms);
        }
        cw_text_add_char(out, ' ');
        print_words(out, t->spans[i].text);
    }
    if (t->tail_pause_ms > 0) {
        cw_text_add_char(out, ' ');
        print_time(out, "pause", t->tail_pause_ms);
    }
    cw_text_add(out, "\n");
}

int cw_script_print(const struct cw_script *s, struct cw_text *out, struct cw_error *err) {
    cw_text_add(out, "---\n");
    if (s->title != NULL && s->title[0] != '\0') {
        cw_text_add(out, "title: ");
        print_scalar(out, s->title);
        cw_text_add(out, "\n");
    }
    cw_text_printf(out, "language: %s\nseed: %" PRIu64 "\ncast:\n", s->language != NULL ? s->language : "en-us", s->seed);
    for (int i = 0; i < s->cast_count; i++) {
        cw_text_add(out, "  ");
        print_scalar(out, s->cast[i].name);
        cw_text_add(out, ": ");
        print_scalar(out, s->cast[i].voice);
        cw_text_add(out, "\n");
    }
    if (s->pronunciation_count > 0) {
        cw_text_add(out, "pronunciations:\n");
    }
    for (int i = 0; i < s->pronunciation_count; i++) {
        cw_text_add(out, "  ");
        print_scalar(out, s->pronunciations[i].word);
        cw_text_add(out, ": ");
        print_scalar(out, s->pronunciations[i].value);
        cw_text_add(out, "\n");
    }
    bool personas = false;
    for (int i = 0; i < s->cast_count; i++) {
        if (s->cast[i].persona != NULL) {
            cw_text_add(out, personas ? "  " : "personas:\n  ");
            print_scalar(out, s->cast[i].name);
            cw_text_add(out, ": ");
            print_scalar(out, s->cast[i].persona);
            cw_text_add(out, "\n");
            personas = true;
        }
    }
    bool words = false, openers = false;
    for (int i = 0; i < s->cast_count; i++) {
        if (s->cast[i].words > 0) {
            cw_text_add(out, words ? "  " : "words:\n  ");
            print_scalar(out, s->cast[i].name);
            cw_text_printf(out, ": %d\n", s->cast[i].words);
            words = true;
        }
    }
    for (int i = 0; i < s->cast_count; i++) {
        if (s->cast[i].opener_count > 0) {
            struct cw_text list = {0};
            for (int k = 0; k < s->cast[i].opener_count; k++) {
                cw_text_printf(&list, "%s%s", k > 0 ? " | " : "", s->cast[i].openers[k]);
            }
            cw_text_add(out, openers ? "  " : "openers:\n  ");
            print_scalar(out, s->cast[i].name);
            cw_text_add(out, ": ");
            print_scalar(out, list.data != NULL ? list.data : "");
            cw_text_add(out, "\n");
            out->failed |= list.failed;
            cw_text_free(&list);
            openers = true;
        }
    }
    cw_text_add(out, "---\n");
    for (int i = 0; i < s->segment_count; i++) {
        const struct cw_segment *g = &s->segments[i];
        cw_text_add(out, "\n");
        print_comment(out, g->comment);
        if (g->title[0] != '\0') {
            cw_text_printf(out, "# %s\n\n", g->title);
        }
        for (int j = 0; j < g->turn_count; j++) {
            print_comment(out, g->turns[j].comment);
            script_print_turn(out, s, &g->turns[j]);
        }
    }
    if (s->comment != NULL) {
        cw_text_printf(out, "\n%s\n", s->comment);
    }
    return cw_text_check(out, "script", err);
}
