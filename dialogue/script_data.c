/* The script as data: growing it turn by turn, freeing it, the cast from the command line, a turn as plain text. */
#include "dialogue/script_impl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void *script_grow(void *items, int count, size_t size) {
    if (count > 0 && (count & (count - 1)) != 0) {
        return items; /* capacities are powers of two */
    }
    if (count > INT_MAX / 4) {
        return NULL;
    }
    return realloc(items, (count == 0 ? 1 : (size_t)count * 2) * size);
}

void script_turn_free(struct cw_turn *t) {
    for (int i = 0; i < t->span_count; i++) {
        free(t->spans[i].text);
    }
    free(t->spans);
    free(t->comment);
    memset(t, 0, sizeof *t);
}

static void free_cast(struct cw_script *s) {
    for (int i = 0; i < s->cast_count; i++) {
        struct cw_cast_member *m = &s->cast[i];
        free(m->name);
        free(m->voice);
        free(m->persona);
        for (int k = 0; k < m->opener_count; k++) {
            free(m->openers[k]);
        }
    }
    free(s->cast);
}

void cw_script_free(struct cw_script *s) {
    free_cast(s);
    for (int i = 0; i < s->segment_count; i++) {
        for (int j = 0; j < s->segments[i].turn_count; j++) {
            script_turn_free(&s->segments[i].turns[j]);
        }
        free(s->segments[i].turns);
        free(s->segments[i].title);
        free(s->segments[i].comment);
    }
    for (int i = 0; i < s->pronunciation_count; i++) {
        free(s->pronunciations[i].word);
        free(s->pronunciations[i].value);
    }
    free(s->pronunciations);
    free(s->segments);
    free(s->title);
    free(s->language);
    free(s->comment);
    memset(s, 0, sizeof *s);
}

int cw_script_turns(const struct cw_script *s) {
    int n = 0;
    for (int i = 0; i < s->segment_count; i++) {
        n += s->segments[i].turn_count;
    }
    return n;
}

/* ---- growing ---------------------------------------------------------------------------------------------------- */

const char *script_name_problem(const char *name, size_t n) {
    if (n == 0) {
        return "a name of at least one letter";
    }
    if (n > SCRIPT_NAME_MAX) {
        return "a name of at most 40 bytes";
    }
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int len = cw_utf8_next(name + i, n - i, &c);
        if (len == 0 || !script_char_ok(c)) {
            return "a name of letters";
        }
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xC0;
        bool inner = (c >= '0' && c <= '9') || c == ' ' || c == '\'' || c == '-' || c == '.' || c == '_' || c == '&';
        if (i == 0 && !letter) {
            return "a name that begins with a letter";
        }
        if (!letter && !inner) {
            return "a name of letters, digits, blanks, and ' - . _ & only";
        }
        if (c == ' ' && (i + 1 == n || name[i + 1] == ' ')) {
            return "a name with single blanks inside only";
        }
        i += (size_t)len;
    }
    return NULL;
}

void script_list_cast(const struct cw_script *s, struct cw_text *out) {
    for (int i = 0; i < s->cast_count; i++) {
        cw_text_add(out, i == 0 ? "" : ", ");
        cw_text_add(out, s->cast[i].name);
    }
}

int cw_script_add_cast(struct cw_script *s, const char *name, const char *voice, struct cw_error *err) {
    int status = -1;
    struct cw_cast_member m = {0};
    const struct script_source voice_text = {.name = "voice", .text = voice, .len = strlen(voice), .line = 1};
    const char *problem = script_name_problem(name, strlen(name));
    if (problem != NULL) {
        cw_fail(err, CW_BAD_INPUT, "speaker \"%.80s\": expected %s", name, problem);
        goto done;
    }
    if (s->cast_count >= CW_CAST_MAX) {
        cw_fail(err, CW_BAD_INPUT, "speaker \"%s\": expected at most %d speakers; found one more", name, CW_CAST_MAX);
        goto done;
    }
    for (int i = 0; i < s->cast_count; i++) {
        if (strcmp(s->cast[i].name, name) == 0) {
            cw_fail(err, CW_BAD_INPUT, "speaker \"%s\": expected each name once; found it twice in the cast", name);
            goto done;
        }
    }
    if (voice_text.len == 0 || voice_text.len > SCRIPT_VOICE_MAX) {
        cw_fail(err, CW_BAD_INPUT, "speaker \"%s\": expected a voice of 1 to %d bytes; found %zu", name, SCRIPT_VOICE_MAX, voice_text.len);
        goto done;
    }
    if (script_check_chars(&voice_text, false, err) != 0) {
        cw_fail_in(err, "speaker \"%s\"", name);
        goto done;
    }
    struct cw_cast_member *cast = script_grow(s->cast, s->cast_count, sizeof *cast);
    if (cast == NULL) {
        cw_fail_memory(err, "script");
        goto done;
    }
    s->cast = cast;
    m.name = cw_strdup(name);
    m.voice = cw_strdup(voice);
    if (m.name == NULL || m.voice == NULL) {
        cw_fail_memory(err, "script");
        goto done;
    }
    s->cast[s->cast_count++] = m;
    memset(&m, 0, sizeof m);
    status = 0;
done:
    free(m.name);
    free(m.voice);
    return status;
}

int cw_script_add_segment(struct cw_script *s, const char *title, struct cw_error *err) {
    int status = -1;
    struct cw_segment g = {0};
    const struct script_source text = {.name = "heading", .text = title, .len = strlen(title), .line = 1};
    if (text.len > SCRIPT_TITLE_MAX) {
        cw_fail(err, CW_BAD_INPUT, "heading: expected at most %d bytes; found %zu", SCRIPT_TITLE_MAX, text.len);
        goto done;
    }
    if (text.len == 0 && s->segment_count > 0) {
        cw_fail(err, CW_BAD_INPUT, "heading: expected words; only what stands before the first heading has none");
        goto done;
    }
    if (text.len > 0 && (title[0] == ' ' || title[text.len - 1] == ' ')) {
        cw_fail(err, CW_BAD_INPUT, "heading: expected no blank at its ends");
        goto done;
    }
    if (strstr(title, "<!--") != NULL) {
        cw_fail(err, CW_BAD_INPUT, "heading: expected words; found the start of a comment");
        goto done;
    }
    if (script_check_chars(&text, false, err) != 0) {
        goto done;
    }
    struct cw_segment *segments = script_grow(s->segments, s->segment_count, sizeof *segments);
    if (segments == NULL) {
        cw_fail_memory(err, "script");
        goto done;
    }
    s->segments = segments;
    g.title = cw_strdup(title);
    if (g.title == NULL) {
        cw_fail_memory(err, "script");
        goto done;
    }
    s->segments[s->segment_count++] = g;
    status = 0;
done:
    return status;
}

int script_push_turn(struct cw_script *s, struct cw_turn *t, struct cw_error *err) {
    struct cw_segment *g = &s->segments[s->segment_count - 1];
    struct cw_turn *turns = script_grow(g->turns, g->turn_count, sizeof *turns);
    if (turns == NULL) {
        return cw_fail_memory(err, "script");
    }
    g->turns = turns;
    g->turns[g->turn_count++] = *t;
    memset(t, 0, sizeof *t);
    return 0;
}

int cw_script_add_turn(struct cw_script *s, int speaker, const char *text, struct cw_error *err) {
    int status = -1;
    struct cw_turn t = {0};
    const struct script_source src = {.name = "turn", .text = text, .len = strlen(text), .line = 1};
    if (speaker < 0 || speaker >= s->cast_count) {
        cw_fail(err, CW_BAD_INPUT, "turn: expected a speaker of the cast (0 to %d); found %d", s->cast_count - 1, speaker);
        goto done;
    }
    if (s->segment_count == 0) {
        cw_fail(err, CW_BAD_INPUT, "turn: expected a segment to put it in; found none");
        goto done;
    }
    if (script_check_chars(&src, false, err) != 0 || script_parse_turn(&t, &src, 0, src.len, err) != 0) {
        goto done;
    }
    t.speaker = speaker;
    status = script_push_turn(s, &t, err);
done:
    script_turn_free(&t);
    return status;
}

int cw_script_parse_cast(struct cw_script *s, const char *spec, struct cw_error *err) {
    int status = -1;
    struct cw_script fresh = {0};
    char *name = NULL, *voice = NULL;
    const char *p = spec;
    if (*spec == '\0') {
        cw_fail(err, CW_BAD_INPUT, "cast: expected NAME=VOICE,NAME=VOICE; found nothing");
        goto done;
    }
    for (;;) {
        const char *end = p + strcspn(p, ",");
        const char *equals = memchr(p, '=', (size_t)(end - p));
        if (equals == NULL) {
            cw_fail(err, CW_BAD_INPUT, "cast: expected NAME=VOICE; found \"%.*s\"", (int)(end - p > 80 ? 80 : end - p), p);
            goto done;
        }
        const char *a = p, *b = equals, *c = equals + 1, *d = end;
        for (; a < b && *a == ' '; a++) {
        }
        for (; b > a && b[-1] == ' '; b--) {
        }
        for (; c < d && *c == ' '; c++) {
        }
        for (; d > c && d[-1] == ' '; d--) {
        }
        free(name);
        free(voice);
        name = cw_strndup(a, (size_t)(b - a));
        voice = cw_strndup(c, (size_t)(d - c));
        if (name == NULL || voice == NULL) {
            cw_fail_memory(err, "cast");
            goto done;
        }
        if (cw_script_add_cast(&fresh, name, voice, err) != 0) {
            cw_fail_in(err, "cast");
            goto done;
        }
        if (*end == '\0') {
            break;
        }
        p = end + 1;
    }
    /* the spec replaces the cast that was there */
    free_cast(s);
    s->cast = fresh.cast;
    s->cast_count = fresh.cast_count;
    memset(&fresh, 0, sizeof fresh);
    status = 0;
done:
    free(name);
    free(voice);
    cw_script_free(&fresh);
    return status;
}

int cw_turn_plain(const struct cw_turn *t, struct cw_text *out, struct cw_error *err) {
    for (int i = 0; i < t->span_count; i++) {
        const char *s = t->spans[i].text;
        size_t n = strlen(s);
        if (i > 0) {
            cw_text_add_char(out, ' ');
        }
        for (size_t k = 0; k < n;) {
            size_t word = 0, link = script_ipa_link(s + k, n - k, &word);
            if (link > 0) {
                cw_text_add_n(out, s + k + 1, word);
                k += link;
            } else {
                cw_text_add_char(out, s[k++]);
            }
        }
    }
    return cw_text_check(out, "turn", err);
}
