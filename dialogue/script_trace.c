/* Traces: what a turn rests on, kept in the script's comments (the forms stand in script.h). */
#include "dialogue/script_impl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define RESTS "<!-- rests on"
#define CHECK_MARK "<!-- check:"
#define PASSAGES "<!-- passages\n"

int cw_comment_add(char **comment, const char *text, struct cw_error *err) {
    struct cw_text all = {0};
    cw_text_printf(&all, "%s%s<!-- ", *comment != NULL ? *comment : "", *comment != NULL ? "\n" : "");
    for (; *text != '\0'; text++) {
        cw_text_add_char(&all, *text);
        if (text[0] == '-' && text[1] == '-') {
            cw_text_add_char(&all, ' ');
        }
    }
    cw_text_add(&all, " -->");
    if (cw_text_check(&all, "comment", err) != 0) {
        cw_text_free(&all);
        return -1;
    }
    free(*comment);
    *comment = all.data;
    return 0;
}

/* "[12]" at s: the number, and where it ends; 0 when there is none. */
static int bracketed(const char *s, const char **end) {
    long n = 0;
    if (*s != '[') {
        return 0;
    }
    const char *p = s + 1;
    for (; *p >= '0' && *p <= '9' && n < 1000000; p++) {
        n = n * 10 + (*p - '0');
    }
    if (*p != ']' || p == s + 1 || n < 1 || n > 1000000) {
        return 0;
    }
    *end = p + 1;
    return (int)n;
}

int cw_turn_sources(const struct cw_turn *t, int *numbers, int max) {
    int count = 0;
    const char *p = t->comment != NULL ? t->comment : "";
    while ((p = strstr(p, RESTS)) != NULL) {
        p += strlen(RESTS);
        for (int n; *p == ' ' && (n = bracketed(p + 1, &p)) > 0;) {
            bool known = false;
            for (int i = 0; i < count && i < max; i++) {
                known = known || numbers[i] == n;
            }
            if (!known && count < max) {
                numbers[count++] = n;
            }
        }
    }
    return count;
}

bool cw_turn_flagged(const struct cw_turn *t) {
    return t->comment != NULL && strstr(t->comment, CHECK_MARK) != NULL;
}

void cw_passages_free(struct cw_passage *passages, int count) {
    for (int i = 0; i < count; i++) {
        free(passages[i].source);
        free(passages[i].text);
    }
    free(passages);
}

int cw_script_passages(const struct cw_script *s, struct cw_passage **passages, int *count, struct cw_error *err) {
    int status = -1, n = 0;
    struct cw_passage *list = NULL;
    *passages = NULL;
    *count = 0;
    const char *p = s->comment != NULL ? strstr(s->comment, PASSAGES) : NULL;
    p = p != NULL ? p + strlen(PASSAGES) : "";
    while (*p == '[') { /* "[3] (source) text" */
        const char *end = p + strcspn(p, "\n"), *from = NULL, *stop = memmem(p, (size_t)(end - p), "-->", 3);
        for (end = stop != NULL ? stop : end; stop != NULL && end[-1] == ' '; end--) { /* closed on its last line */
        }
        int number = bracketed(p, &from);
        const char *close = number > 0 && strncmp(from, " (", 2) == 0 ? memchr(from, ')', (size_t)(end - from)) : NULL;
        if (close == NULL) {
            break;
        }
        void *grown = script_grow(list, n, sizeof *list);
        if (grown == NULL) {
            cw_fail_memory(err, "passages");
            goto done;
        }
        list = grown;
        const char *text = close + 1 + (close[1] == ' ');
        list[n++] = (struct cw_passage){number, cw_strndup(from + 2, (size_t)(close - from - 2)), cw_strndup(text, (size_t)(end - text))};
        if (list[n - 1].source == NULL || list[n - 1].text == NULL) {
            cw_fail_memory(err, "passages");
            goto done;
        }
        p = end + (*end == '\n');
    }
    *passages = list;
    *count = n;
    list = NULL;
    n = 0;
    status = 0;
done:
    cw_passages_free(list, n);
    return status;
}

/* One line, nothing in it that ends a comment, no bracket that ends a source's name early. */
static void add_flat(struct cw_text *out, const char *s, bool name) {
    for (; *s != '\0'; s++) {
        char c = *s == '\n' || *s == '\r' || *s == '\t' ? ' ' : *s;
        cw_text_add_char(out, name && c == ')' ? '>' : c);
        if (s[0] == '-' && s[1] == '-') {
            cw_text_add_char(out, ' ');
        }
    }
}

void script_print_passage(struct cw_text *out, const struct cw_passage *p) {
    cw_text_printf(out, "[%d] (", p->number);
    add_flat(out, p->source, true);
    cw_text_add(out, ") ");
    add_flat(out, p->text, false);
}

int cw_script_add_passages(struct cw_script *s, const struct cw_passage *passages, int count, struct cw_error *err) {
    struct cw_text all = {0};
    const char *comment = s->comment != NULL ? s->comment : "", *block = strstr(comment, PASSAGES);
    const char *end = block != NULL ? strstr(block, "-->") : NULL; /* the block that is there goes on */
    size_t head = end != NULL ? (size_t)(end - comment) : strlen(comment);
    cw_text_add_n(&all, comment, head);
    if (head > 0 && comment[head - 1] != '\n') {
        cw_text_add(&all, "\n");
    }
    cw_text_add(&all, end != NULL ? "" : PASSAGES);
    for (int i = 0; i < count; i++) {
        script_print_passage(&all, &passages[i]);
        cw_text_add(&all, "\n");
    }
    cw_text_add(&all, end != NULL ? end : "-->");
    if (cw_text_check(&all, "passages", err) != 0) {
        cw_text_free(&all);
        return -1;
    }
    free(s->comment);
    s->comment = all.data;
    return 0;
}
