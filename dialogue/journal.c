/* The journal of a talk that is being written: every reply of the model, so that a run that was killed goes on, and what they took.
 *
 * All else the writer does follows from its replies. One JSON object a line: first the key of what was asked for, then replies, each with a
 * hash of its question, and a mark after the plan and after every part. What follows the last mark is forgotten when a run is taken up, for
 * a model that remembers (its cache); a part begins afresh, so it comes out as it would have. What it took is not forgotten: a reply, and a
 * line of its own where none came, says what all runs took until then. A line that is none of these, or the reply to another question, ends
 * what counts. */
#include "dialogue/writer_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

enum { JOURNAL_MAX = 64 << 20 };

struct journal {
    char path[CW_PATH_MAX];
    int fd;
    struct entry {
        char *reply, asked[65];
        size_t at; /* bytes before its line */
    } * entries;   /* from the runs before */
    int count, next;
    struct cw_llm_usage spent[2];
};

static void forget(struct journal *j, int kept) {
    while (j->count > kept) {
        free(j->entries[--j->count].reply);
    }
}

void journal_close(struct journal *j) {
    if (j == NULL) {
        return;
    }
    if (j->fd >= 0) {
        close(j->fd);
    }
    forget(j, 0);
    free(j->entries);
    free(j);
}

static json_t *pack_spent(const struct cw_llm_usage spent[2]) {
    json_t *list = json_array();
    for (int i = 0; i < 2; i++) {
        const struct cw_llm_usage *u = &spent[i];
        json_array_append_new(list,
                              json_pack("[IIIIff]", (json_int_t)u->prompt_tokens, (json_int_t)u->prompt_reused,
                                        (json_int_t)u->generated_tokens, (json_int_t)u->retries, u->prompt_seconds, u->generate_seconds));
    }
    return list;
}

static bool read_spent(json_t *list, struct cw_llm_usage spent[2]) {
    struct cw_llm_usage found[2] = {{0}};
    for (size_t i = 0; i < 2; i++) {
        json_int_t n[4];
        double prompt, generate;
        if (json_unpack(json_array_get(list, i), "[IIIIFF!]", &n[0], &n[1], &n[2], &n[3], &prompt, &generate) != 0 || n[0] < 0 ||
            n[1] < 0 || n[2] < 0 || n[3] < 0 || !(prompt >= 0) || !(generate >= 0)) {
            return false;
        }
        found[i] = (struct cw_llm_usage){(long)n[0], (long)n[1], (long)n[2], (long)n[3], prompt, generate};
    }
    memcpy(spent, found, sizeof found);
    return json_array_size(list) == 2;
}

static void add_line(struct cw_text *all, json_t *line) {
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    cw_text_add(all, text != NULL ? text : "");
    cw_text_add_char(all, '\n');
    all->failed |= text == NULL;
    free(text);
    json_decref(line);
}

static int append(struct journal *j, json_t *line, bool sync, struct cw_error *err) {
    int status = -1;
    struct cw_text all = {0};
    add_line(&all, line);
    if (cw_text_check(&all, "journal", err) != 0) {
        goto done;
    }
    if (write(j->fd, all.data, all.len) != (ssize_t)all.len || (sync && fdatasync(j->fd) != 0)) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", j->path, strerror(errno));
        goto done;
    }
    status = 0;
done:
    cw_text_free(&all);
    return status;
}

/* Takes in the lines, as far as they are ours; *end: the bytes up to the last mark, or of them all without `marks`. */
static int read_lines(struct journal *j, const char *text, size_t len, const char *key, bool marks, size_t *end, struct cw_error *err) {
    int kept = 0;
    bool right = true;
    *end = 0;
    for (size_t at = 0; right && at < len;) {
        const char *stop = memchr(text + at, '\n', len - at), *reply = NULL, *asked = NULL, *mark = NULL, *found = NULL;
        json_t *line = stop != NULL ? json_loadb(text + at, (size_t)(stop - text) - at, 0, NULL) : NULL, *spent = NULL;
        if (at == 0) {
            right = json_unpack(line, "{ss!}", "key", &found) == 0 && strcmp(found, key) == 0;
        } else if (json_unpack(line, "{ss ss so!}", "asked", &asked, "reply", &reply, "spent", &spent) == 0) {
            right = strlen(asked) == 64 && read_spent(spent, j->spent);
        } else {
            reply = NULL;
            right = json_unpack(line, "{ss!}", "done", &mark) == 0 ||
                    (json_unpack(line, "{so!}", "spent", &spent) == 0 && read_spent(spent, j->spent));
        }
        if (right && reply != NULL) {
            void *grown = realloc(j->entries, (size_t)(j->count + 1) * sizeof *j->entries);
            j->entries = grown != NULL ? grown : j->entries;
            char *copy = grown != NULL ? cw_strdup(reply) : NULL;
            if (copy == NULL) {
                json_decref(line);
                return cw_fail_memory(err, "journal");
            }
            j->entries[j->count] = (struct entry){.reply = copy, .at = at};
            memcpy(j->entries[j->count++].asked, asked, 65);
        }
        if (right) {
            at = (size_t)(stop - text) + 1;
            if (mark != NULL || !marks) {
                *end = at;
                kept = j->count;
            }
        }
        json_decref(line);
    }
    forget(j, kept);
    return 0;
}

/* Makes the file its first `end` bytes (none: the key) and what was spent in all, at once or not at all, and goes on behind them. */
static int cut(struct journal *j, const char *text, size_t end, const char *key, struct cw_error *err) {
    int status = -1;
    struct cw_text all = {0};
    cw_text_add_n(&all, text != NULL ? text : "", end);
    if (end == 0) {
        add_line(&all, json_pack("{ss}", "key", key));
    }
    add_line(&all, json_pack("{so}", "spent", pack_spent(j->spent)));
    if (cw_text_check(&all, "journal", err) != 0 || cw_file_write(j->path, all.data, all.len, err) != 0) {
        goto done;
    }
    if (j->fd >= 0) {
        close(j->fd);
    }
    j->fd = open(j->path, O_WRONLY | O_CLOEXEC | O_APPEND);
    if (j->fd < 0) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", j->path, strerror(errno));
        goto done;
    }
    status = 0;
done:
    cw_text_free(&all);
    return status;
}

int journal_open(struct journal **out, const char *path, const char *key, bool marks, struct cw_error *err) {
    int status = -1;
    size_t end = 0, len = 0;
    char *text = NULL;
    *out = NULL;
    if (path == NULL) {
        return 0;
    }
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return cw_fail_memory(err, "journal");
    }
    j->fd = -1;
    if (strlen(path) >= sizeof j->path) {
        cw_fail(err, CW_BAD_INPUT, "%.80s…: expected a path of at most %d bytes", path, CW_PATH_MAX - 1);
        goto done;
    }
    memcpy(j->path, path, strlen(path) + 1);
    if ((cw_file_exists(path) && cw_file_read(path, JOURNAL_MAX, &text, &len, err) != 0) ||
        read_lines(j, text, len, key, marks, &end, err) != 0 || cut(j, text, end, key, err) != 0) {
        goto done;
    }
    *out = j;
    j = NULL;
    status = 0;
done:
    free(text);
    journal_close(j);
    return status;
}

int journal_read(struct journal *j, const char *asked, struct cw_text *out, bool *found, struct cw_error *err) {
    *found = j != NULL && j->next < j->count;
    if (!*found) {
        return 0;
    }
    const struct entry *e = &j->entries[j->next];
    if (strcmp(e->asked, asked) == 0) {
        cw_text_add(out, e->reply);
        j->next++;
        return cw_text_check(out, "journal", err);
    }
    char *text = NULL; /* another state of the program asked it: nothing from here on is an answer to what follows */
    size_t len = 0, end = e->at;
    *found = false;
    int status = cw_file_read(j->path, JOURNAL_MAX, &text, &len, err);
    if (status == 0) {
        status = cut(j, text, end < len ? end : len, "", err);
    }
    free(text);
    forget(j, j->next);
    return status;
}

int journal_add(struct journal *j, const char *asked, const char *reply, const struct cw_llm_usage spent[2], struct cw_error *err) {
    if (j == NULL) {
        return 0;
    }
    json_t *sums = pack_spent(spent);
    return append(j,
                  reply != NULL ? json_pack("{ss ss so}", "asked", asked, "reply", reply, "spent", sums) : json_pack("{so}", "spent", sums),
                  false, err);
}

int journal_mark(struct journal *j, const char *what, struct cw_error *err) {
    return j != NULL && j->next == j->count ? append(j, json_pack("{ss}", "done", what), true, err) : 0;
}

void journal_spent(const struct journal *j, struct cw_llm_usage spent[2]) {
    if (j != NULL) {
        memcpy(spent, j->spent, sizeof j->spent);
    }
}
