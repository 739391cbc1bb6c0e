/* How many written ~ spoken pairs of a folder's *.tsv come out as one of their spoken forms, by file.
 *
 *   build/release/tests/normalisation_score FOLDER [-v] [--british]
 *
 * A line is written~spoken[~spoken…]. "Right" ignores case, blanks at either end and marks at the end. "Any file" also takes the forms
 * that another line or file gives for the same written text (some of them stand twice, with different forms). "Words" does that and
 * ignores all marks. -v prints what is not right. */
#include "base/base.h"
#include "tts/speech.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool sounding(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '\'';
}

/* Small letters; dashes, quotes and dots of more than one byte become '-', so that they count as the marks they are. */
static void fold(const char *s, size_t n, bool words, struct cw_text *out) {
    cw_text_clear(out);
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(s + i, n - i, &c);
        k = k ? k : 1;
        if (c >= 'A' && c <= 'Z') {
            c += 32;
        }
        if (c == 0x2019 && words) {
            c = '\'';
        }
        bool mark = c >= 0x2010 && c <= 0x203F;
        bool letter = c < 0x80 ? sounding((unsigned char)c) : !mark;
        if (words && !letter) {
            c = ' ';
        }
        if (!(c == ' ' && (out->len == 0 || out->data[out->len - 1] == ' '))) {
            cw_text_add_code(out, c);
        }
        i += k;
    }
    while (out->len) { /* blanks and marks at the end */
        size_t at = out->len - 1;
        while (at > 0 && ((unsigned char)out->data[at] & 0xC0) == 0x80) {
            at--;
        }
        uint32_t c = 0;
        cw_utf8_next(out->data + at, out->len - at, &c);
        if (c < 0x80 ? sounding((unsigned char)c) && c != '\'' : !(c >= 0x2010 && c <= 0x203F)) {
            break;
        }
        out->len = at;
        out->data[at] = '\0';
    }
    cw_text_add(out, "");
}

static bool equal(const char *a, size_t an, const char *b, size_t bn, bool words) {
    struct cw_text x = {0}, y = {0};
    fold(a, an, words, &x);
    fold(b, bn, words, &y);
    bool same = x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
    cw_text_free(&x);
    cw_text_free(&y);
    return same;
}

struct line {
    const char *file, *written, *forms;
};

struct count {
    int cases, right, any, words;
};

static bool one_form(const char *got, const char *forms, bool words) {
    for (const char *form = forms; form; form = strchr(form, '~') ? strchr(form, '~') + 1 : NULL) {
        if (equal(got, strlen(got), form, strcspn(form, "~"), words)) {
            return true;
        }
    }
    return false;
}

static void score_line(const struct line *lines, size_t n, size_t i, const char *language, bool verbose, struct count *count) {
    struct cw_text spoken = {0};
    struct cw_error err = {0};
    bool said = cw_normalise_in(lines[i].written, language, &spoken, &err) == 0;
    const char *got = spoken.data ? spoken.data : ""; /* what cannot be said is shown as it stands */
    bool right = one_form(got, lines[i].forms, false), any = right, words = false;
    for (size_t k = 0; k < n; k++) {
        if (strcmp(lines[k].written, lines[i].written) == 0) {
            any = any || one_form(got, lines[k].forms, false);
            words = words || one_form(got, lines[k].forms, true);
        }
    }
    count->cases++;
    count->right += right;
    count->any += any;
    count->words += words;
    if (verbose && !right) {
        printf("%s %s: \"%s\"\n    expected %s\n    found    %s\n",
               any     ? "other"
               : words ? "marks"
                       : "WRONG",
               lines[i].file, lines[i].written, lines[i].forms, said || *got ? got : err.text);
    }
    cw_text_free(&spoken);
}

static int tsv(const struct dirent *e) {
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".tsv") == 0;
}

static void print_row(const char *name, struct count c) {
    printf("| %s | %d | %d | %.1f | %.1f | %.1f |\n", name, c.cases, c.right, 100.0 * c.right / c.cases, 100.0 * c.any / c.cases,
           100.0 * c.words / c.cases);
}

#define MOST 100000

int main(int argc, char **argv) {
    static struct line lines[MOST];
    const char *folder = NULL, *language = "en-us";
    bool verbose = false;
    struct dirent **files = NULL;
    size_t n = 0;
    struct count all = {0};
    struct cw_error err = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--british") == 0) {
            language = "en-gb";
        } else {
            folder = argv[i];
        }
    }
    int file_count = folder ? scandir(folder, &files, tsv, alphasort) : -1;
    if (file_count < 0) {
        fprintf(stderr, "usage: normalisation_score FOLDER [-v] [--british]\n");
        return 2;
    }
    for (int i = 0; i < file_count; i++) { /* the texts stay until the process ends: the lines point into them */
        char path[CW_PATH_MAX], *data = NULL, *rest = NULL;
        size_t len = 0;
        if (cw_path_join(path, folder, files[i]->d_name, &err) || cw_file_read(path, 1 << 24, &data, &len, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        files[i]->d_name[strlen(files[i]->d_name) - 4] = '\0';
        for (char *line = strtok_r(data, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
            char *forms = strchr(line, '~');
            if (forms && n < MOST) {
                *forms = '\0';
                lines[n++] = (struct line){files[i]->d_name, line, forms + 1};
            }
        }
    }
    if (!verbose) {
        printf("| class | cases | right | %% | %% any file | %% words |\n|---|---|---|---|---|---|\n");
    }
    for (size_t i = 0; i < n;) {
        struct count count = {0};
        const char *file = lines[i].file;
        for (; i < n && lines[i].file == file; i++) {
            score_line(lines, n, i, language, verbose, &count);
        }
        if (!verbose) {
            print_row(file, count);
        }
        all.cases += count.cases;
        all.right += count.right;
        all.any += count.any;
        all.words += count.words;
    }
    if (all.cases) {
        print_row("all", all);
    }
    return all.cases ? 0 : 1;
}
