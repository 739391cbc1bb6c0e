/* A style's file -> a style.
 *
 *   conversation.style ─▶ everything; then the style's own file ─▶ what it says in place of that */
#include "dialogue/style.h"

#include "dialogue/script_impl.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CW_STYLES_DIR
#define CW_STYLES_DIR "/usr/share/castwright/styles"
#endif
#define ENDING ".style"

enum { STYLE_MAX_BYTES = 65536, STYLE_LINE_MAX = 600 };

static const char *styles_dir(void) {
    const char *dir = getenv("CASTWRIGHT_STYLES");
    return dir != NULL && dir[0] != '\0' ? dir : CW_STYLES_DIR;
}

/* "conversation, debate, …" in order of name. */
static void list_styles(struct cw_text *out) {
    struct dirent **names = NULL;
    int count = scandir(styles_dir(), &names, NULL, alphasort), listed = 0;
    for (int i = 0; i < count; i++) {
        size_t n = strlen(names[i]->d_name), e = strlen(ENDING);
        if (n > e && strcmp(names[i]->d_name + n - e, ENDING) == 0) {
            cw_text_printf(out, "%s%.*s", listed++ > 0 ? ", " : "", (int)(n - e), names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

static char *trim(char *s) {
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r')) {
        s[--n] = '\0';
    }
    return s;
}

/* The next field before a '|' of *rest, trimmed; NULL when there is none left. */
static char *field(char **rest) {
    if (*rest == NULL) {
        return NULL;
    }
    char *s = *rest, *bar = strchr(s, '|');
    if (bar != NULL) {
        *bar = '\0';
    }
    *rest = bar != NULL ? bar + 1 : NULL;
    return trim(s);
}

struct style_reader {
    struct cw_style *style;
    const char *path;
    int line, section; /* section: -1 before the first */
    bool own_personas, own_examples, own_props, own_section[MOVES_ALL];
};

static int refuse(const struct style_reader *r, struct cw_error *err, const char *expected, const char *found) {
    return cw_fail(err, CW_BAD_INPUT, "%s:%d: expected %s; found \"%.60s\"", r->path, r->line, expected, found);
}

static int read_section(struct style_reader *r, char *s, struct cw_error *err) {
    static const char *const names[MOVES_ALL] = {"opens",  "turns",   "asks",    "leads", "tells",
                                                 "reacts", "replies", "extends", "sums",  "closes"};
    for (int i = 0; i < MOVES_ALL; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(s + 1, names[i], n) == 0 && strcmp(s + 1 + n, "]") == 0) {
            r->section = i;
            return 0;
        }
    }
    return refuse(r, err, "one of [opens] [turns] [asks] [leads] [tells] [reacts] [replies] [extends] [sums] [closes]", s);
}

static int read_move(struct style_reader *r, char *s, struct cw_error *err) {
    struct cw_style *style = r->style;
    if (!r->own_section[r->section]) { /* the first line replaces what conversation.style says */
        r->own_section[r->section] = true;
        style->sections[r->section].count = 0;
    }
    if (style->sections[r->section].count == STYLE_MOVES) {
        return refuse(r, err, "at most twelve lines in a section", s);
    }
    struct style_move *m = &style->sections[r->section].moves[style->sections[r->section].count++];
    *m = (struct style_move){.note = field(&s), .first = style->opener_count};
    for (char *opener; (opener = field(&s)) != NULL;) {
        if (opener[0] == '\0') {
            continue;
        }
        if (m->opener_count == STYLE_OPENERS || style->opener_count == STYLE_OPENERS_ALL) {
            return refuse(r, err, "at most eight openers in a line", opener);
        }
        if (opener[strcspn(opener, "<>[]{}*#_\\:;\"")] != '\0') {
            return refuse(r, err, "an opener that can be spoken", opener);
        }
        m->openers[m->opener_count++] = opener;
        style->opener_count++;
    }
    return m->note[0] != '\0' ? 0 : refuse(r, err, "what the turn does, then | openers", "nothing");
}

static int read_number(const struct style_reader *r, const char *s, long lo, long hi, int *out, struct cw_error *err) {
    char expected[64];
    long n;
    if (!cw_parse_int(s, lo, hi, &n)) {
        snprintf(expected, sizeof expected, "a whole number from %ld to %ld", lo, hi);
        return refuse(r, err, expected, s);
    }
    *out = (int)n;
    return 0;
}

static int read_choice(const struct style_reader *r, const char *s, const char *no, const char *yes, bool *out, struct cw_error *err) {
    char expected[64];
    if (strcmp(s, no) != 0 && strcmp(s, yes) != 0) {
        snprintf(expected, sizeof expected, "%s or %s", no, yes);
        return refuse(r, err, expected, s);
    }
    *out = strcmp(s, yes) == 0;
    return 0;
}

static int read_example(struct style_reader *r, char *s, struct cw_error *err) {
    struct cw_style *style = r->style;
    if (!r->own_examples) {
        r->own_examples = true;
        style->example_count = 0;
    }
    char *who = field(&s), *note = field(&s), *line = field(&s);
    int speaker = 1;
    if (note == NULL || line == NULL || line[0] == '\0' || style->example_count == STYLE_EXAMPLES) {
        return refuse(r, err, "at most eight lines \"1 | what the line does | the line\"", who);
    }
    if (read_number(r, who, 1, CW_CAST_MAX, &speaker, err) != 0) {
        return -1;
    }
    style->examples[style->example_count].speaker = speaker - 1;
    style->examples[style->example_count].note = note;
    style->examples[style->example_count++].line = line;
    return 0;
}

static int read_key(struct style_reader *r, char *s, struct cw_error *err) {
    struct cw_style *style = r->style;
    char *colon = strchr(s, ':');
    if (colon == NULL) {
        return refuse(r, err, "\"key: value\" or a [section]", s);
    }
    *colon = '\0';
    const char *key = trim(s);
    char *value = trim(colon + 1);
    if (strcmp(key, "how") == 0) {
        style->how = value;
    } else if (strcmp(key, "cast") == 0) {
        style->cast = value;
    } else if (strcmp(key, "subject") == 0) {
        style->subject = value;
    } else if (strcmp(key, "disclosure") == 0) {
        style->disclosure = strcmp(value, "none") == 0 ? "" : value;
    } else if (strcmp(key, "roles") == 0) {
        return read_choice(r, value, "equal", "fixed", &style->fixed_roles, err);
    } else if (strcmp(key, "sides") == 0) {
        return read_choice(r, value, "no", "yes", &style->sides, err);
    } else if (strcmp(key, "questions") == 0) {
        return read_number(r, value, 0, 10, &style->questions, err);
    } else if (strcmp(key, "speakers") == 0) {
        char *dash = strchr(value, '-');
        if (dash == NULL) {
            return refuse(r, err, "speakers as \"2-6\"", value);
        }
        *dash = '\0';
        return read_number(r, value, 1, CW_CAST_MAX, &style->least, err) == 0 &&
                       read_number(r, dash + 1, style->least, CW_CAST_MAX, &style->most, err) == 0
                   ? 0
                   : -1;
    } else if (strcmp(key, "persona") == 0) {
        if (!r->own_personas) {
            r->own_personas = true;
            style->persona_count = 0;
        }
        if (style->persona_count == CW_CAST_MAX) {
            return refuse(r, err, "at most six personas", value);
        }
        style->personas[style->persona_count++] = value;
    } else if (strcmp(key, "example") == 0) {
        return read_example(r, value, err);
    } else if (strcmp(key, "props") == 0) {
        if (!r->own_props) {
            r->own_props = true;
            style->prop_count = 0;
        }
        for (char *p = value, *comma; p != NULL; p = comma != NULL ? comma + 1 : NULL) {
            comma = strchr(p, ',');
            if (comma != NULL) {
                *comma = '\0';
            }
            if (style->prop_count < STYLE_PROPS && trim(p)[0] != '\0') {
                style->props[style->prop_count++] = trim(p);
            }
        }
    } else {
        return refuse(r, err, "how, roles, sides, questions, speakers, cast, disclosure, persona, subject, example or props", key);
    }
    return 0;
}

/* `text` is cut up in place. */
static int read_style(struct cw_style *style, const char *path, char *text, struct cw_error *err) {
    struct style_reader r = {.style = style, .path = path, .section = -1};
    const struct script_source src = {.name = path, .text = text, .len = strlen(text), .line = 1};
    if (script_check_chars(&src, true, err) != 0) {
        return -1;
    }
    for (char *line = text, *next; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        r.line++;
        char *s = trim(line);
        if (s[0] == '\0' || s[0] == '#') {
            continue;
        }
        if (strlen(s) > STYLE_LINE_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "%s:%d: expected lines of at most %d bytes; found one of %zu", path, r.line, STYLE_LINE_MAX,
                           strlen(s));
        }
        int status = s[0] == '[' ? read_section(&r, s, err) : r.section >= 0 ? read_move(&r, s, err) : read_key(&r, s, err);
        if (status != 0) {
            return -1;
        }
    }
    return 0;
}

/* "interview" -> the path of its file; a path stays one. */
static int find_style(const char *name, char path[CW_PATH_MAX], struct cw_error *err) {
    struct cw_text list = {0};
    char file[128];
    size_t n = strlen(name), e = strlen(ENDING);
    if (n > e && strcmp(name + n - e, ENDING) == 0) {
        if (n >= CW_PATH_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "style: expected a path of at most %d bytes; found %zu", CW_PATH_MAX - 1, n);
        }
        memcpy(path, name, n + 1);
        return 0;
    }
    bool plain = n > 0 && n < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
    snprintf(file, sizeof file, "%.64s%s", name, ENDING);
    if (plain && cw_path_join(path, styles_dir(), file, err) == 0 && cw_file_exists(path)) {
        return 0;
    }
    list_styles(&list);
    if (cw_text_check(&list, "style", err) == 0) {
        if (list.len == 0) {
            cw_fail(err, CW_FAILED, "%s: expected the styles there (conversation%s and others); found none", styles_dir(), ENDING);
        } else {
            cw_fail(err, CW_BAD_INPUT, "style: expected one of: %s, or a file NAME%s; found \"%.60s\"", list.data, ENDING, name);
        }
    }
    cw_text_free(&list);
    return -1;
}

int cw_style_open(struct cw_style **out, const char *name, struct cw_error *err) {
    int status = -1;
    char paths[2][CW_PATH_MAX];
    size_t len;
    struct cw_sha256 sum;
    struct cw_style *s = calloc(1, sizeof *s);
    *out = NULL;
    name = name != NULL && name[0] != '\0' ? name : "conversation";
    if (s == NULL) {
        return cw_fail_memory(err, "style");
    }
    s->most = CW_CAST_MAX;
    s->least = 1;
    s->how = s->disclosure = s->subject = "";
    s->cast = "Maya=af_heart,Tom=am_michael";
    if (find_style(name, paths[1], err) != 0 || find_style("conversation", paths[0], err) != 0) {
        goto done;
    }
    int files = strcmp(paths[0], paths[1]) == 0 ? 1 : 2;
    cw_sha256_start(&sum);
    for (int i = 0; i < files; i++) {
        if (cw_file_read(paths[i], STYLE_MAX_BYTES, &s->texts[i], &len, err) != 0) {
            goto done;
        }
        if (strlen(s->texts[i]) != len) {
            cw_fail(err, CW_BAD_INPUT, "%s: expected a text; found a NUL byte in it", paths[i]);
            goto done;
        }
        cw_sha256_add(&sum, s->texts[i], len + 1);
        if (read_style(s, paths[i], s->texts[i], err) != 0) {
            goto done;
        }
    }
    cw_sha256_end(&sum, s->sum);
    for (int i = 0; i < MOVES_ALL; i++) {
        if (s->sections[i].count == 0 || s->how[0] == '\0' || s->persona_count == 0) {
            cw_fail(err, CW_BAD_INPUT, "%s: expected a \"how\", a persona and every section, here or in conversation%s; found one missing",
                    paths[files - 1], ENDING);
            goto done;
        }
    }
    const char *base = strrchr(paths[1], '/');
    s->name = cw_strndup(base != NULL ? base + 1 : paths[1], strlen(base != NULL ? base + 1 : paths[1]) - strlen(ENDING));
    if (s->name == NULL) {
        cw_fail_memory(err, "style");
        goto done;
    }
    *out = s;
    s = NULL;
    status = 0;
done:
    cw_style_close(s);
    return status;
}

void cw_style_close(struct cw_style *s) {
    if (s == NULL) {
        return;
    }
    free((char *)(uintptr_t)s->name);
    free(s->texts[0]);
    free(s->texts[1]);
    free(s);
}

const char *cw_style_cast(const struct cw_style *s) {
    return s->cast;
}

const char *cw_style_sum(const struct cw_style *s) {
    return s->sum;
}
