/* The journal of a talk that is being written: every reply of the model, so that a run that was killed goes on.
 *
 * All else the writer does follows from its replies. One JSON object a line: first the key of what was asked for, then replies, and a mark
 * after the plan and after every part. What follows the last mark is forgotten when a run is taken up, for a model that remembers
 * (its cache); a part begins afresh, so it comes out as it would have. */
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
    char **replies; /* from the run before */
    int count, next;
};

void journal_close(struct journal *j) {
    if (j == NULL) {
        return;
    }
    if (j->fd >= 0) {
        close(j->fd);
    }
    for (int i = 0; i < j->count; i++) {
        free(j->replies[i]);
    }
    free(j->replies);
    free(j);
}

static int append(struct journal *j, json_t *line, bool sync, struct cw_error *err) {
    int status = -1;
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    struct cw_text all = {0};
    if (text == NULL) {
        cw_fail_memory(err, "journal");
        goto done;
    }
    cw_text_printf(&all, "%s\n", text);
    if (cw_text_check(&all, "journal", err) != 0) {
        goto done;
    }
    if (write(j->fd, all.data, all.len) != (ssize_t)all.len || (sync && fdatasync(j->fd) != 0)) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", j->path, strerror(errno));
        goto done;
    }
    status = 0;
done:
    free(text);
    cw_text_free(&all);
    json_decref(line);
    return status;
}

/* The whole lines of the run before, up to the last mark when `marks`; *end: the bytes of them. */
static int load(struct journal *j, const char *key, bool marks, size_t *end, struct cw_error *err) {
    int status = -1, kept = 0;
    char *text = NULL;
    size_t len = 0;
    *end = 0;
    if (!cw_file_exists(j->path)) {
        return 0;
    }
    if (cw_file_read(j->path, JOURNAL_MAX, &text, &len, err) != 0) {
        return -1;
    }
    for (size_t at = 0; at < len;) {
        const char *stop = memchr(text + at, '\n', len - at);
        json_t *line = stop != NULL ? json_loadb(text + at, (size_t)(stop - text) - at, 0, NULL) : NULL;
        const char *reply = json_string_value(json_object_get(line, "reply")), *found = json_string_value(json_object_get(line, "key"));
        bool right = line != NULL && (at == 0 ? found != NULL && strcmp(found, key) == 0 : found == NULL);
        if (right && reply != NULL) {
            void *grown = realloc(j->replies, (size_t)(j->count + 1) * sizeof *j->replies);
            j->replies = grown != NULL ? grown : j->replies;
            if (grown == NULL || (j->replies[j->count] = cw_strdup(reply)) == NULL) {
                json_decref(line);
                cw_fail_memory(err, "journal");
                goto done;
            }
            j->count++;
        }
        bool mark = right && reply == NULL;
        json_decref(line);
        if (!right) {
            break;
        }
        at = (size_t)(stop - text) + 1;
        if (mark || !marks) {
            *end = at;
            kept = j->count;
        }
    }
    while (j->count > kept) {
        free(j->replies[--j->count]);
    }
    status = 0;
done:
    free(text);
    return status;
}

int journal_open(struct journal **out, const char *path, const char *key, bool marks, struct cw_error *err) {
    int status = -1;
    size_t end = 0;
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
    if (load(j, key, marks, &end, err) != 0) {
        goto done;
    }
    j->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
    if (j->fd < 0 || ftruncate(j->fd, (off_t)end) != 0) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(errno));
        goto done;
    }
    if (end == 0 && append(j, json_pack("{ss}", "key", key), true, err) != 0) {
        goto done;
    }
    *out = j;
    j = NULL;
    status = 0;
done:
    journal_close(j);
    return status;
}

int journal_read(struct journal *j, struct cw_text *out, bool *found, struct cw_error *err) {
    *found = j != NULL && j->next < j->count;
    if (*found) {
        cw_text_add(out, j->replies[j->next++]);
        return cw_text_check(out, "journal", err);
    }
    return 0;
}

int journal_add(struct journal *j, const char *reply, struct cw_error *err) {
    return j != NULL ? append(j, json_pack("{ss}", "reply", reply), false, err) : 0;
}

int journal_mark(struct journal *j, const char *what, struct cw_error *err) {
    return j != NULL && j->next == j->count ? append(j, json_pack("{ss}", "done", what), true, err) : 0;
}
