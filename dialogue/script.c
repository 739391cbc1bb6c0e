/* The script's text -> a script.
 *
 *   bytes ─▶ characters checked ─▶ front matter (YAML: title, language, seed, cast, pronunciations) ─▶ body, line by line:
 *   "# heading" starts a segment, "Name: text" a turn, other lines go on with the turn above, blank lines close it,
 *   <!-- comments --> are kept with what follows them, never spoken.
 *
 * Every error names file, line and column, what was expected and what was found. */
#include "dialogue/script_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* ---- front matter ------------------------------------------------------------------------------------------------ */

struct front {
    yaml_parser_t yaml;
    yaml_event_t event;
    bool has_event;
    const struct script_source *src; /* the whole script */
    size_t start;                    /* where the YAML begins in it */
    struct cw_script *script;
    bool seen_title, seen_language, seen_seed, seen_cast, seen_personas, seen_words, seen_openers, seen_pronunciations;
    unsigned personas, words, openers; /* who has one: a bit for each place in the cast */
};

/* libyaml's marks count characters from the start of what it was given. */
static size_t front_at(const struct front *f, yaml_mark_t mark) {
    size_t at = f->start;
    for (size_t k = 0; k < mark.index && at < f->src->len;) {
        at++;
        if (at >= f->src->len || ((unsigned char)f->src->text[at] & 0xC0) != 0x80) {
            k++;
        }
    }
    return at;
}

static int front_fail(const struct front *f, yaml_mark_t mark, struct cw_error *err, const char *expected, const char *found) {
    return script_fail(f->src, front_at(f, mark), err, "front matter: expected %s; found %s", expected, found);
}

/* Fetches the next event; aliases, anchors, tags and sequences have no place in a script, at any depth. */
static int front_next(struct front *f, struct cw_error *err) {
    if (f->has_event) {
        yaml_event_delete(&f->event);
        f->has_event = false;
    }
    if (!yaml_parser_parse(&f->yaml, &f->event)) {
        if (f->yaml.error == YAML_MEMORY_ERROR) {
            return cw_fail_memory(err, f->src->name);
        }
        const char *problem = f->yaml.problem != NULL ? f->yaml.problem : "unreadable";
        return front_fail(f, f->yaml.problem_mark, err, "\"key: value\" lines", problem);
    }
    f->has_event = true;
    const yaml_event_t *e = &f->event;
    const char *anchor = NULL, *tag = NULL;
    if (e->type == YAML_SCALAR_EVENT) {
        anchor = (const char *)e->data.scalar.anchor;
        tag = (const char *)e->data.scalar.tag;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = (const char *)e->data.mapping_start.anchor;
        tag = (const char *)e->data.mapping_start.tag;
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        return front_fail(f, e->start_mark, err, "one value", "a list");
    } else if (e->type == YAML_ALIAS_EVENT) {
        return front_fail(f, e->start_mark, err, "a value", "a YAML alias");
    }
    if (anchor != NULL || tag != NULL) {
        return front_fail(f, e->start_mark, err, "a plain value", anchor != NULL ? "a YAML anchor" : "a YAML tag");
    }
    return 0;
}

/* The scalar that is current -> a checked copy of it. */
static int front_scalar(struct front *f, const char *what, size_t max, char **out, struct cw_error *err) {
    char expected[128];
    if (f->event.type != YAML_SCALAR_EVENT) {
        return front_fail(f, f->event.start_mark, err, what, f->event.type == YAML_MAPPING_START_EVENT ? "nested keys" : "nothing");
    }
    const char *s = (const char *)f->event.data.scalar.value;
    size_t n = f->event.data.scalar.length;
    if (n == 0) {
        return front_fail(f, f->event.start_mark, err, what, "nothing");
    }
    if (n > max) {
        snprintf(expected, sizeof expected, "%s of at most %zu bytes", what, max);
        return front_fail(f, f->event.start_mark, err, expected, "a longer one");
    }
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int len = cw_utf8_next(s + i, n - i, &c);
        if (len == 0 || !script_char_ok(c)) {
            return front_fail(f, f->event.start_mark, err, what, "a control character in it");
        }
        i += (size_t)len;
    }
    *out = cw_strndup(s, n);
    return *out != NULL ? 0 : cw_fail_memory(err, f->src->name);
}

static bool language_ok(const char *s) {
    size_t n = strlen(s), part = 0;
    if (n < 2 || n > 35) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool letter = s[i] >= 'a' && s[i] <= 'z', digit = s[i] >= '0' && s[i] <= '9';
        if (s[i] == '-') {
            if (part < 2) {
                return false;
            }
            part = 0;
        } else if (letter || (digit && i > 1)) {
            part++;
        } else {
            return false;
        }
    }
    return part >= 2;
}

static int find_speaker(const struct cw_script *s, const char *name, size_t n) {
    for (int i = 0; i < s->cast_count; i++) {
        if (strlen(s->cast[i].name) == n && memcmp(s->cast[i].name, name, n) == 0) {
            return i;
        }
    }
    return -1;
}

/* Every line of the mapping that starts here: its key is the current event when `entry` is called, its value when it returns. */
static int front_mapping(struct front *f, const char *expected, int (*entry)(struct front *f, struct cw_error *err), struct cw_error *err) {
    if (f->event.type != YAML_MAPPING_START_EVENT) {
        return front_fail(f, f->event.start_mark, err, expected, "none");
    }
    for (;;) {
        if (front_next(f, err) != 0) {
            return -1;
        }
        if (f->event.type == YAML_MAPPING_END_EVENT) {
            return 0;
        }
        if (entry(f, err) != 0) {
            return -1;
        }
    }
}

static int cast_entry(struct front *f, struct cw_error *err) {
    int status = -1;
    char *name = NULL, *voice = NULL;
    struct cw_script *s = f->script;
    yaml_mark_t mark = f->event.start_mark;
    if (front_scalar(f, "a speaker's name", SCRIPT_NAME_MAX, &name, err) != 0 || front_next(f, err) != 0 ||
        front_scalar(f, "a voice", SCRIPT_VOICE_MAX, &voice, err) != 0) {
        goto done;
    }
    if (cw_script_add_cast(s, name, voice, err) != 0) {
        if (err->code == CW_BAD_INPUT) {
            char text[sizeof err->text];
            memcpy(text, err->text, sizeof text);
            script_fail(f->src, front_at(f, mark), err, "%s", text);
        }
        goto done;
    }
    s->cast[s->cast_count - 1].line = script_line_of(f->src, front_at(f, mark));
    status = 0;
done:
    free(name);
    free(voice);
    return status;
}

static int pronunciation_entry(struct front *f, struct cw_error *err) {
    int status = -1;
    struct cw_pronunciation p = {0};
    struct cw_script *s = f->script;
    p.line = script_line_of(f->src, front_at(f, f->event.start_mark));
    if (front_scalar(f, "a word or phrase", SCRIPT_SAID_MAX, &p.word, err) != 0 || front_next(f, err) != 0 ||
        front_scalar(f, "how the word is said", SCRIPT_SAID_MAX, &p.value, err) != 0) {
        goto done;
    }
    struct cw_pronunciation *more = script_grow(s->pronunciations, s->pronunciation_count, sizeof *more);
    if (more == NULL) {
        cw_fail_memory(err, f->src->name);
        goto done;
    }
    s->pronunciations = more;
    s->pronunciations[s->pronunciation_count++] = p;
    p = (struct cw_pronunciation){0};
    status = 0;
done:
    free(p.word);
    free(p.value);
    return status;
}

/* The name of one of the cast, which has to stand above, and the value after it. `seen` counts who had one before, by place in the cast. */
static int member_entry(struct front *f, const char *what, unsigned *seen, struct cw_cast_member **m, char **value, struct cw_error *err) {
    int status = -1;
    char *name = NULL;
    yaml_mark_t mark = f->event.start_mark;
    if (front_scalar(f, "a speaker's name", SCRIPT_NAME_MAX, &name, err) != 0 || front_next(f, err) != 0) {
        goto done;
    }
    int speaker = find_speaker(f->script, name, strlen(name));
    if (speaker < 0 || (*seen & 1u << speaker) != 0) {
        front_fail(f, mark, err, "a speaker of the cast above, each once", name);
        goto done;
    }
    *seen |= 1u << speaker;
    *m = &f->script->cast[speaker];
    status = front_scalar(f, what, SCRIPT_VOICE_MAX, value, err);
done:
    free(name);
    return status;
}

/* How this one talks; after the cast. */
static int persona_entry(struct front *f, struct cw_error *err) {
    struct cw_cast_member *m = NULL;
    char *value = NULL;
    if (member_entry(f, "a persona", &f->personas, &m, &value, err) != 0) {
        return -1;
    }
    m->persona = value;
    return 0;
}

static int words_entry(struct front *f, struct cw_error *err) {
    struct cw_cast_member *m = NULL;
    char *value = NULL, expected[80], found[80];
    long n = 0;
    if (member_entry(f, "a number of words", &f->words, &m, &value, err) != 0) {
        return -1;
    }
    bool good = cw_parse_int(value, SCRIPT_WORDS_LEAST, SCRIPT_WORDS_MOST, &n);
    snprintf(expected, sizeof expected, "the words of a turn, about, a whole number from %d to %d", SCRIPT_WORDS_LEAST, SCRIPT_WORDS_MOST);
    snprintf(found, sizeof found, "\"%.60s\"", value);
    free(value);
    m->words = (int)n;
    return good ? 0 : front_fail(f, f->event.start_mark, err, expected, found);
}

/* "Look, | At sea," */
static int openers_entry(struct front *f, struct cw_error *err) {
    static const char expected[] = "openers that can be spoken, 1 to 8 of at most 60 bytes, as \"Look, | At sea,\"";
    int status = -1;
    struct cw_cast_member *m = NULL;
    char *value = NULL, found[80];
    if (member_entry(f, expected, &f->openers, &m, &value, err) != 0) {
        goto done;
    }
    for (const char *p = value, *end; p != NULL; p = *end == '|' ? end + 1 : NULL) {
        end = p + strcspn(p, "|");
        p += strspn(p, " ");
        size_t n = p < end ? (size_t)(end - p) : 0;
        while (n > 0 && p[n - 1] == ' ') {
            n--;
        }
        snprintf(found, sizeof found, "\"%.*s\"", n > 60 ? 60 : (int)n, p);
        if (n > SCRIPT_OPENER_MAX || strcspn(p, "<>[]{}()*#_\\:;\"") < n || !script_speakable(p, n) || m->opener_count == CW_OPENERS_MAX) {
            front_fail(f, f->event.start_mark, err, expected, found);
            goto done;
        }
        m->openers[m->opener_count] = cw_strndup(p, n);
        if (m->openers[m->opener_count] == NULL) {
            cw_fail_memory(err, f->src->name);
            goto done;
        }
        m->opener_count++;
    }
    status = 0;
done:
    free(value);
    return status;
}

/* One "key: value" of the front matter; the key is the current event. */
static int front_entry(struct front *f, struct cw_error *err) {
    int status = -1;
    char *key = NULL, *value = NULL;
    struct cw_script *s = f->script;
    yaml_mark_t mark = f->event.start_mark;
    if (front_scalar(f, "a key (title, language, seed, cast, personas, words, openers or pronunciations)", SCRIPT_TITLE_MAX, &key, err) !=
            0 ||
        key == NULL) {
        goto done;
    }
    bool *seen = strcmp(key, "title") == 0            ? &f->seen_title
                 : strcmp(key, "language") == 0       ? &f->seen_language
                 : strcmp(key, "seed") == 0           ? &f->seen_seed
                 : strcmp(key, "cast") == 0           ? &f->seen_cast
                 : strcmp(key, "personas") == 0       ? &f->seen_personas
                 : strcmp(key, "words") == 0          ? &f->seen_words
                 : strcmp(key, "openers") == 0        ? &f->seen_openers
                 : strcmp(key, "pronunciations") == 0 ? &f->seen_pronunciations
                                                      : NULL;
    if (seen == NULL) {
        script_fail(f->src, front_at(f, mark), err,
                    "unknown key \"%.60s\"; expected one of: title, language, seed, cast, personas, words, openers, pronunciations", key);
        goto done;
    }
    if (*seen) {
        script_fail(f->src, front_at(f, mark), err, "key \"%s\" given twice; expected it once", key);
        goto done;
    }
    *seen = true;
    if (front_next(f, err) != 0) {
        goto done;
    }
    mark = f->event.start_mark;
    if (seen == &f->seen_cast) {
        status = front_mapping(f, "\"Name: voice\" lines under cast, indented", cast_entry, err);
    } else if (seen == &f->seen_personas) {
        status = front_mapping(f, "\"Name: how this one talks\" lines under personas, indented", persona_entry, err);
    } else if (seen == &f->seen_words) {
        status = front_mapping(f, "\"Name: 12\" lines under words, indented", words_entry, err);
    } else if (seen == &f->seen_openers) {
        status = front_mapping(f, "\"Name: Look, | At sea,\" lines under openers, indented", openers_entry, err);
    } else if (seen == &f->seen_pronunciations) {
        status =
            front_mapping(f, "\"word: respelling\" or \"word: /phonemes/\" lines under pronunciations, indented", pronunciation_entry, err);
    } else if (seen == &f->seen_title) {
        status = front_scalar(f, "a title", SCRIPT_TITLE_MAX, &s->title, err);
    } else if (seen == &f->seen_language) {
        if (front_scalar(f, "a language such as en-us", 64, &value, err) != 0) {
            goto done;
        }
        if (!language_ok(value)) {
            script_fail(f->src, front_at(f, mark), err, "bad language; expected a code such as en-us or en-gb; found \"%s\"", value);
            goto done;
        }
        s->language = value;
        value = NULL;
        status = 0;
    } else {
        if (front_scalar(f, "a seed", 64, &value, err) != 0) {
            goto done;
        }
        errno = 0;
        char *end = NULL;
        unsigned long long seed = strtoull(value, &end, 10);
        if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0) {
            script_fail(f->src, front_at(f, mark), err, "bad seed; expected a whole number from 0 to %llu; found \"%s\"",
                        (unsigned long long)UINT64_MAX, value);
            goto done;
        }
        s->seed = seed;
        status = 0;
    }
done:
    free(key);
    free(value);
    return status;
}

/* The front matter of `src` -> title, language, seed, cast; `body` is where the text after it begins. */
static int parse_front(struct cw_script *s, const struct script_source *src, size_t *body, struct cw_error *err) {
    int status = -1;
    struct front f = {.src = src, .script = s};
    bool open = false;
    const char *text = src->text;
    size_t start = strncmp(text, "---\n", 4) == 0 ? 4 : strncmp(text, "---\r\n", 5) == 0 ? 5 : 0;
    if (start == 0) {
        script_fail(src, 0, err, "no front matter; expected a line \"---\" first, then title, language, seed and cast, then \"---\"");
        goto done;
    }
    size_t end = start;
    for (;; end++) {
        const char *line = text + end;
        size_t n = strcspn(line, "\n"), trimmed = n;
        while (trimmed > 0 && (line[trimmed - 1] == '\r' || line[trimmed - 1] == ' ' || line[trimmed - 1] == '\t')) {
            trimmed--;
        }
        if (trimmed == 3 && strncmp(line, "---", 3) == 0) {
            *body = end + n + (line[n] == '\n');
            break;
        }
        end += n;
        if (text[end] == '\0') {
            script_fail(src, end, err, "front matter not closed; expected a line \"---\" after the cast; found the end of the file");
            goto done;
        }
    }
    if (end - start > SCRIPT_FRONT_MAX) {
        script_fail(src, start, err, "front matter too long; expected at most %d bytes; found %zu", SCRIPT_FRONT_MAX, end - start);
        goto done;
    }
    if (!yaml_parser_initialize(&f.yaml)) {
        cw_fail_memory(err, src->name);
        goto done;
    }
    open = true;
    f.start = start;
    yaml_parser_set_encoding(&f.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&f.yaml, (const unsigned char *)text + start, end - start);
    do { /* the start of the stream and of the document */
        if (front_next(&f, err) != 0) {
            goto done;
        }
    } while (f.event.type == YAML_STREAM_START_EVENT || f.event.type == YAML_DOCUMENT_START_EVENT);
    if (f.event.type == YAML_MAPPING_START_EVENT) {
        for (;;) {
            if (front_next(&f, err) != 0) {
                goto done;
            }
            if (f.event.type == YAML_MAPPING_END_EVENT) {
                break;
            }
            if (front_entry(&f, err) != 0) {
                goto done;
            }
        }
        do {
            if (front_next(&f, err) != 0) {
                goto done;
            }
        } while (f.event.type == YAML_DOCUMENT_END_EVENT);
    }
    if (f.event.type != YAML_STREAM_END_EVENT) {
        front_fail(&f, f.event.start_mark, err, "\"key: value\" lines", "something else");
        goto done;
    }
    if (s->cast_count == 0) {
        script_fail(src, end, err, "front matter: expected a cast of 1 to %d speakers; found none", CW_CAST_MAX);
        goto done;
    }
    status = 0;
done:
    if (f.has_event) {
        yaml_event_delete(&f.event);
    }
    if (open) {
        yaml_parser_delete(&f.yaml);
    }
    return status;
}

/* ---- body -------------------------------------------------------------------------------------------------------- */

/* The comments of a body in order, and how many have found their place. */
struct comments {
    struct {
        size_t at;
        char *text;
    } * list;
    int count, taken;
};

static void comments_free(struct comments *c) {
    for (int i = 0; i < c->count; i++) {
        free(c->list[i].text);
    }
    free(c->list);
}

/* Moves the comments before byte `end` that are still without a place to the end of `*to`. */
static int take_comments(struct comments *c, size_t end, char **to, struct cw_error *err) {
    if (c->taken == c->count || c->list[c->taken].at >= end) {
        return 0;
    }
    struct cw_text all = {0};
    cw_text_add(&all, *to != NULL ? *to : "");
    for (; c->taken < c->count && c->list[c->taken].at < end; c->taken++) {
        cw_text_add(&all, all.len > 0 ? "\n" : "");
        cw_text_add(&all, c->list[c->taken].text);
    }
    free(*to);
    *to = all.data;
    return cw_text_check(&all, "script", err);
}

/* Comments become holes, so that what follows them keeps its line and column. */
static int blank_comments(const struct script_source *src, char *text, size_t start, struct comments *c, struct cw_error *err) {
    for (size_t i = start; i < src->len;) {
        if (text[i] == '\\' && i + 1 < src->len && text[i + 1] != '\n') {
            i += 2;
        } else if (src->len - i >= 4 && memcmp(text + i, "<!--", 4) == 0) {
            char *end = strstr(text + i + 4, "-->");
            if (end == NULL) {
                return script_fail(src, i, err, "comment not closed; expected \"-->\"; found the end of the file");
            }
            size_t stop = (size_t)(end - text) + 3;
            void *list = script_grow(c->list, c->count, sizeof *c->list);
            if (list == NULL) {
                return cw_fail_memory(err, src->name);
            }
            c->list = list;
            c->list[c->count].at = i;
            if ((c->list[c->count].text = cw_strndup(text + i, stop - i)) == NULL) {
                return cw_fail_memory(err, src->name);
            }
            char *to = c->list[c->count++].text;
            for (const char *p = to; (*to = *p) != '\0'; p++) { /* lines end as elsewhere, whoever edited them */
                to += p[0] != '\r' || p[1] != '\n';
            }
            for (; i < stop; i++) {
                if (text[i] != '\n') {
                    text[i] = SCRIPT_HOLE;
                }
            }
        } else {
            i++;
        }
    }
    return 0;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == SCRIPT_HOLE;
}

/* "Dr. Kim" before a colon is meant as a name, "here is the thing" is not: up to three words, all but a single one capital. */
static bool looks_like_name(const char *s, size_t n) {
    if (script_name_problem(s, n) != NULL) {
        return false;
    }
    int words = 1;
    bool capital = s[0] < 'a' || s[0] > 'z';
    for (size_t i = 1; i < n; i++) {
        if (s[i - 1] == ' ') {
            words++;
            capital = capital && (s[i] < 'a' || s[i] > 'z');
        }
    }
    return words == 1 || (words <= 3 && capital);
}

static int parse_heading(struct cw_script *s, const struct script_source *src, size_t at, size_t end, int number, struct cw_error *err) {
    int status = -1;
    struct cw_text title = {0};
    char text[sizeof err->text];
    if (at + 1 >= end || (src->text[at + 1] != ' ' && src->text[at + 1] != '\t')) {
        return script_fail(src, at, err, "malformed heading; expected \"# \" and words; found \"%.*s\"",
                           (int)(end - at > 40 ? 40 : end - at), src->text + at);
    }
    bool blank = false;
    for (size_t i = at + 1; i < end; i++) {
        char c = src->text[i];
        if (c == SCRIPT_HOLE) {
            continue;
        }
        if (is_space(c)) {
            blank = title.len > 0;
            continue;
        }
        if (blank) {
            cw_text_add_char(&title, ' ');
            blank = false;
        }
        cw_text_add_char(&title, c);
    }
    if (cw_text_check(&title, src->name, err) != 0) {
        goto done;
    }
    if (title.len == 0) {
        script_fail(src, at, err, "empty heading; expected \"# \" and words");
        goto done;
    }
    if (cw_script_add_segment(s, title.data, err) != 0) {
        if (err->code == CW_BAD_INPUT) {
            memcpy(text, err->text, sizeof text);
            script_fail(src, at, err, "%s", text);
        }
        goto done;
    }
    s->segments[s->segment_count - 1].line = number;
    status = 0;
done:
    cw_text_free(&title);
    return status;
}

/* A turn that is open: bytes [start, end) of the body, or none. */
struct open_turn {
    bool open;
    int speaker, line;
    size_t from, start, end; /* from: of its first line */
};

static int close_turn(struct cw_script *s, const struct script_source *src, struct open_turn *o, struct comments *c, struct cw_error *err) {
    int status = -1;
    struct cw_turn t = {0};
    if (!o->open) {
        return 0;
    }
    o->open = false;
    if (s->segment_count == 0 && cw_script_add_segment(s, "", err) != 0) {
        goto done;
    }
    size_t lead = c->taken < c->count && c->list[c->taken].at < o->from ? c->list[c->taken].at : o->from;
    if (script_parse_turn(&t, src, o->start, o->end, err) != 0 || take_comments(c, o->end, &t.comment, err) != 0) {
        goto done;
    }
    t.speaker = o->speaker;
    t.line = o->line;
    t.lead = lead;
    t.from = o->from;
    t.to = o->end;
    status = script_push_turn(s, &t, err);
done:
    script_turn_free(&t);
    return status;
}

static int check_segment(const struct cw_script *s, const struct script_source *src, size_t at, struct cw_error *err) {
    if (s->segment_count == 0 || s->segments[s->segment_count - 1].turn_count > 0) {
        return 0;
    }
    const struct cw_segment *g = &s->segments[s->segment_count - 1];
    return script_fail(src, at, err, "no turns under the heading \"%.80s\" of line %d; expected at least one", g->title, g->line);
}

static int parse_body(struct cw_script *s, const struct script_source *src, size_t start, struct comments *c, struct cw_error *err) {
    const char *text = src->text;
    struct open_turn o = {0};
    int number = script_line_of(src, start);
    for (size_t line = start, next; line < src->len; line = next, number++) {
        size_t end = line + strcspn(text + line, "\n");
        next = end + (end < src->len);
        while (end > line && text[end - 1] == '\r') {
            end--;
        }
        size_t at = line;
        bool comment = false;
        for (; at < end && is_space(text[at]); at++) {
            comment = comment || text[at] == SCRIPT_HOLE;
        }
        if (at == end) {
            if (!comment && close_turn(s, src, &o, c, err) != 0) {
                return -1;
            }
            continue;
        }
        if (o.open && (text[line] == ' ' || text[line] == '\t')) {
            o.end = end; /* indented: the turn goes on, whatever the line looks like */
            continue;
        }
        if (text[at] == '#') {
            if (close_turn(s, src, &o, c, err) != 0 || check_segment(s, src, at, err) != 0 ||
                parse_heading(s, src, at, end, number, err) != 0 ||
                take_comments(c, end, &s->segments[s->segment_count - 1].comment, err) != 0) {
                return -1;
            }
            continue;
        }
        const char *colon = memchr(text + at, ':', end - at);
        size_t name = colon != NULL ? (size_t)(colon - text) - at : 0, after = at + name + 1;
        while (name > 0 && is_space(text[at + name - 1])) {
            name--;
        }
        int speaker = name > 0 ? find_speaker(s, text + at, name) : -1;
        if (speaker < 0 && name > 0 && (after == end || is_space(text[after])) && looks_like_name(text + at, name)) {
            struct cw_text cast = {0};
            script_list_cast(s, &cast);
            if (cw_text_check(&cast, src->name, err) == 0) {
                script_fail(src, at, err, "unknown speaker \"%.*s\"; expected one of: %s%s", (int)name, text + at, cast.data,
                            o.open ? " (indent a line that goes on with the turn above)" : "");
            }
            cw_text_free(&cast);
            return -1;
        }
        if (speaker >= 0) {
            if (close_turn(s, src, &o, c, err) != 0) {
                return -1;
            }
            o = (struct open_turn){.open = true, .speaker = speaker, .line = number, .from = line, .start = after, .end = end};
        } else if (o.open) {
            o.end = end;
        } else {
            return script_fail(src, at, err, "text outside a turn; expected \"Name: text\", \"# heading\" or a blank line; found \"%.*s\"",
                               (int)(end - at > 40 ? 40 : end - at), text + at);
        }
    }
    if (close_turn(s, src, &o, c, err) != 0 || check_segment(s, src, src->len, err) != 0 ||
        take_comments(c, src->len, &s->comment, err) != 0) {
        return -1;
    }
    if (s->segment_count == 0) {
        return script_fail(src, src->len, err, "no turns in this script; expected at least one line \"Name: text\" after the front matter");
    }
    return 0;
}

int cw_script_parse(struct cw_script *s, const char *name, const char *text, size_t len, struct cw_error *err) {
    int status = -1;
    char *copy = NULL;
    struct comments comments = {0};
    memset(s, 0, sizeof *s);
    struct script_source src = {.name = name, .text = text, .len = len, .line = 1};
    if (len > CW_SCRIPT_MAX_BYTES) {
        cw_fail(err, CW_BAD_INPUT, "%s: script too long; expected at most %d bytes; found %zu", name, CW_SCRIPT_MAX_BYTES, len);
        goto done;
    }
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark: some editors write one */
        src.text += 3;
        src.len -= 3;
    }
    if (src.len == 0) {
        script_fail(&src, 0, err, "empty script; expected front matter and turns");
        goto done;
    }
    if (script_check_chars(&src, true, err) != 0) {
        goto done;
    }
    copy = cw_strndup(src.text, src.len);
    if (copy == NULL) {
        cw_fail_memory(err, name);
        goto done;
    }
    src.text = copy;
    size_t body = 0;
    if (parse_front(s, &src, &body, err) != 0 || blank_comments(&src, copy, body, &comments, err) != 0 ||
        parse_body(s, &src, body, &comments, err) != 0) {
        goto done;
    }
    size_t skipped = len - src.len;
    for (int i = 0; i < s->segment_count; i++) {
        for (int j = 0; j < s->segments[i].turn_count; j++) {
            s->segments[i].turns[j].lead += skipped;
            s->segments[i].turns[j].from += skipped;
            s->segments[i].turns[j].to += skipped;
        }
    }
    if (s->title == NULL) {
        s->title = cw_strdup("");
    }
    if (s->language == NULL) {
        s->language = cw_strdup("en-us");
    }
    if (s->title == NULL || s->language == NULL) {
        cw_fail_memory(err, name);
        goto done;
    }
    status = 0;
done:
    free(copy);
    comments_free(&comments);
    if (status != 0) {
        cw_script_free(s);
    }
    return status;
}

int cw_script_read_cast(struct cw_script *s, const char *path, struct cw_error *err) {
    int status = -1;
    char *text = NULL;
    size_t len = 0, body = 0;
    memset(s, 0, sizeof *s);
    if (cw_file_read(path, CW_SCRIPT_MAX_BYTES, &text, &len, err) != 0) {
        return -1;
    }
    const struct script_source src = {.name = path, .text = text, .len = len, .line = 1};
    if (script_check_chars(&src, true, err) == 0 && parse_front(s, &src, &body, err) == 0) {
        status = 0;
    } else {
        cw_script_free(s);
    }
    free(text);
    return status;
}

int cw_script_read(struct cw_script *s, const char *path, struct cw_error *err) {
    char *text = NULL;
    size_t len = 0;
    memset(s, 0, sizeof *s);
    if (cw_file_read(path, CW_SCRIPT_MAX_BYTES, &text, &len, err) != 0) {
        return -1;
    }
    const char *slash = strrchr(path, '/');
    int status = cw_script_parse(s, slash != NULL ? slash + 1 : path, text, len, err);
    free(text);
    return status;
}
