/* PDF -> paragraphs, through poppler-glib, in a child process with little memory and time: a hostile file can end the child, not us.
 *
 *   bytes ─▶ fork ─▶ child: poppler, page by page ─▶ pipe ─▶ text, within limits */
#include "dialogue/source.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <poppler.h>

enum { PDF_TEXT_MAX = 32 << 20, PDF_PAGES_MAX = 5000, PDF_SECONDS = 60 };
#define PDF_MEMORY ((rlim_t)2 << 30)
/* How the child ends. */
enum { CHILD_OK = 0, CHILD_ENCRYPTED = 10, CHILD_DAMAGED = 11, CHILD_PAGES = 12 };

static void write_all(int fd, const char *s, size_t n) {
    while (n > 0) {
        ssize_t k = write(fd, s, n);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k <= 0) {
            _exit(CHILD_DAMAGED);
        }
        s += k;
        n -= (size_t)k;
    }
}

static void quiet(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer arg) {
    (void)domain;
    (void)level;
    (void)message;
    (void)arg;
}

static _Noreturn void child(const char *data, size_t len, int fd) {
    struct rlimit core = {0, 0}, cpu = {PDF_SECONDS, PDF_SECONDS};
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_CPU, &cpu);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow memory alone is larger */
    struct rlimit memory = {PDF_MEMORY, PDF_MEMORY};
    setrlimit(RLIMIT_AS, &memory);
#endif
    g_log_set_default_handler(quiet, NULL);
    GError *error = NULL;
    GBytes *bytes = g_bytes_new_static(data, len);
    PopplerDocument *doc = poppler_document_new_from_bytes(bytes, NULL, &error);
    if (doc == NULL) {
        _exit(error != NULL && error->domain == POPPLER_ERROR && error->code == POPPLER_ERROR_ENCRYPTED ? CHILD_ENCRYPTED : CHILD_DAMAGED);
    }
    int pages = poppler_document_get_n_pages(doc);
    if (pages > PDF_PAGES_MAX) {
        _exit(CHILD_PAGES);
    }
    for (int i = 0; i < pages; i++) {
        PopplerPage *page = poppler_document_get_page(doc, i);
        char *text = page != NULL ? poppler_page_get_text(page) : NULL;
        if (text != NULL) {
            write_all(fd, text, strlen(text));
        }
        write_all(fd, "\f", 1); /* of an empty page, too: they are counted */
        g_free(text);
        if (page != NULL) {
            g_object_unref(page);
        }
    }
    _exit(CHILD_OK);
}

/* Lines of a page -> paragraphs: words cut at a line's end are joined, a line that stops short or a blank one ends a paragraph. */
static void join_lines(const char *raw, struct cw_text *out) {
    size_t width = 0, lines = 0, total = 0;
    for (const char *p = raw; *p != '\0';) {
        size_t n = strcspn(p, "\n\f");
        if (n > 20) {
            total += n;
            lines++;
        }
        p += n + (p[n] != '\0');
    }
    width = lines > 0 ? total / lines : 0;
    for (const char *p = raw; *p != '\0';) {
        size_t n = strcspn(p, "\n\f");
        size_t from = 0, to = n;
        while (from < to && (p[from] == ' ' || p[from] == '\t')) {
            from++;
        }
        while (to > from && (p[to - 1] == ' ' || p[to - 1] == '\t' || p[to - 1] == '\r')) {
            to--;
        }
        bool number_only = to > from && strspn(p + from, "0123456789 ") >= to - from; /* a page's number */
        if (to > from && !number_only) {
            bool hyphen = out->len > 1 && out->data[out->len - 1] == '-' && out->data[out->len - 2] >= 'a' &&
                          out->data[out->len - 2] <= 'z' && p[from] >= 'a' && p[from] <= 'z';
            if (hyphen) {
                out->data[--out->len] = '\0';
            } else if (out->len > 0 && out->data[out->len - 1] != '\n') {
                cw_text_add_char(out, ' ');
            }
            cw_text_add_n(out, p + from, to - from);
        }
        bool ended = to > from && strchr(".?!:", p[to - 1]) != NULL && (to - from) * 10 < width * 8;
        if (to == from || ended) {
            cw_text_add(out, "\n\n");
        }
        p += n + (p[n] != '\0');
    }
}

int source_pdf(const char *data, size_t len, struct cw_text *out, const char *name, struct cw_error *err) {
    int result = -1, ends[2] = {-1, -1}, status = 0;
    pid_t pid = -1;
    struct cw_text raw = {0};
    bool too_long = false, ended = false;
    if (pipe(ends) != 0 || (pid = fork()) < 0) {
        cw_fail(err, CW_FAILED, "%s: cannot start reading the PDF: %s", name, strerror(errno));
        goto done;
    }
    if (pid == 0) {
        close(ends[0]);
        child(data, len, ends[1]);
    }
    close(ends[1]);
    ends[1] = -1;
    double deadline = cw_seconds() + 2.0 * PDF_SECONDS;
    for (char block[65536];;) {
        struct pollfd fd = {.fd = ends[0], .events = POLLIN};
        double left = deadline - cw_seconds();
        int ready = left > 0 ? poll(&fd, 1, (int)(left * 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        ssize_t n = ready > 0 ? read(ends[0], block, sizeof block) : -1;
        ended = n == 0;
        too_long = n > 0 && raw.len + (size_t)n > PDF_TEXT_MAX;
        if (n <= 0 || too_long) {
            break;
        }
        cw_text_add_n(&raw, block, (size_t)n);
    }
    if (!ended) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (too_long) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a PDF with at most %d bytes of text; found more", name, PDF_TEXT_MAX);
    } else if (code == CHILD_ENCRYPTED) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a PDF that opens without a password; found an encrypted one", name);
    } else if (code == CHILD_PAGES) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a PDF of at most %d pages; found more", name, PDF_PAGES_MAX);
    } else if (code != CHILD_OK && raw.len == 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a whole PDF; found a damaged one", name);
    } else if (code != CHILD_OK) { /* a crash, no memory or no time left: part of a document is not the document */
        int page = 1;
        for (size_t i = 0; i < raw.len; i++) {
            page += raw.data[i] == '\f';
        }
        cw_fail(err, CW_BAD_INPUT, "%s: expected a PDF that can be read to its end; reading stopped at page %d", name, page);
    } else if (cw_text_check(&raw, name, err) == 0) {
        cw_text_add(&raw, "");
        join_lines(raw.data, out);
        result = cw_text_check(out, name, err);
    }
done:
    if (ends[0] >= 0) {
        close(ends[0]);
    }
    if (ends[1] >= 0) {
        close(ends[1]);
    }
    cw_text_free(&raw);
    return result;
}
