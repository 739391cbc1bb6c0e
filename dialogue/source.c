/* Sources -> passages.
 *
 *   name ─▶ bytes (file, folder, page) ─▶ kind, by what the bytes are and else by the name ─▶ paragraphs ─▶ sentences ─▶ passages of
 *   some ninety words, never across a heading */
#include "dialogue/source.h"

#include "dialogue/http.h"
#include "dialogue/writer_impl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
    PASSAGE_WORDS = 90,    /* a passage is closed when it has that many, */
    PASSAGE_MOST = 140,    /* and a sentence that would make it longer than this begins the next */
    PASSAGES_MAX = 100000, /* of all sources */
    FOLDER_FILES_MAX = 2000,
    FOLDER_DEPTH = 8,
};

struct cw_source_params cw_source_params_default(void) {
    return (struct cw_source_params){.bytes = 32 << 20, .seconds = 60};
}

/* ---- kinds ----------------------------------------------------------------------------------------------------------------- */

enum kind { KIND_NONE, KIND_TEXT, KIND_MARKDOWN, KIND_HTML, KIND_PDF, KIND_SUBTITLES };

static const struct {
    const char *ending;
    enum kind kind;
} endings[] = {
    {".txt", KIND_TEXT}, {".text", KIND_TEXT},  {".md", KIND_MARKDOWN}, {".markdown", KIND_MARKDOWN}, {".html", KIND_HTML},
    {".htm", KIND_HTML}, {".xhtml", KIND_HTML}, {".pdf", KIND_PDF},     {".srt", KIND_SUBTITLES},     {".vtt", KIND_SUBTITLES},
};

static enum kind kind_of_name(const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t e = strlen(endings[i].ending);
        if (n > e && strcasecmp(name + n - e, endings[i].ending) == 0) {
            return endings[i].kind;
        }
    }
    return KIND_NONE;
}

static bool begins(const char *data, size_t len, const char *with) {
    size_t n = strlen(with);
    while (len > 0 && (isspace((unsigned char)*data) || strncmp(data, "\xEF\xBB\xBF", len < 3 ? len : 3) == 0)) {
        size_t skip = isspace((unsigned char)*data) ? 1 : 3;
        data += skip;
        len -= skip < len ? skip : len;
    }
    return len >= n && strncasecmp(data, with, n) == 0;
}

static enum kind kind_of(const char *name, const char *type, const char *data, size_t len) {
    if (len >= 5 && memcmp(data, "%PDF-", 5) == 0) {
        return KIND_PDF;
    }
    if (begins(data, len, "WEBVTT")) {
        return KIND_SUBTITLES;
    }
    if (begins(data, len, "<!doctype html") || begins(data, len, "<html") || strcasestr(type, "text/html") != NULL ||
        strcasestr(type, "xhtml") != NULL) {
        return KIND_HTML;
    }
    enum kind k = kind_of_name(name);
    return k != KIND_NONE && k != KIND_PDF ? k : KIND_TEXT;
}

/* ---- paragraphs --------------------------------------------------------------------------------------------------------------- */

void source_plain(const char *data, struct cw_text *out) {
    for (const char *p = data; *p != '\0'; p++) {
        if (*p != '\r') {
            cw_text_add_char(out, *p == '\t' || *p == '\f' ? ' ' : *p);
        }
    }
}

/* The words of a Markdown line, without its marks. */
static void add_marked(struct cw_text *out, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '!' && i + 1 < n && s[i + 1] == '[') { /* an image: its text is no part of the talk */
            const char *close = memchr(s + i, ']', n - i);
            if (close != NULL && (size_t)(close - s) + 1 < n && close[1] == '(') {
                const char *end = memchr(close, ')', n - (size_t)(close - s));
                i = end != NULL ? (size_t)(end - s) : n;
                continue;
            }
        }
        if (c == ']' && i + 1 < n && s[i + 1] == '(') { /* [words](address) */
            const char *end = memchr(s + i, ')', n - i);
            i = end != NULL ? (size_t)(end - s) : i;
            continue;
        }
        if (c == '<') {
            const char *end = memchr(s + i, '>', n - i);
            if (end != NULL && i + 1 < n && (isalpha((unsigned char)s[i + 1]) || s[i + 1] == '/' || s[i + 1] == '!')) {
                i = (size_t)(end - s);
                continue;
            }
        }
        if (c == '\\' && i + 1 < n && ispunct((unsigned char)s[i + 1])) {
            cw_text_add_char(out, s[++i]);
        } else if (c == '|') {
            cw_text_add(out, ", ");
        } else if (c == '_' && i > 0 && i + 1 < n && isalnum((unsigned char)s[i - 1]) && isalnum((unsigned char)s[i + 1])) {
            cw_text_add_char(out, c);
        } else if (strchr("*`[]_\r", c) == NULL) {
            cw_text_add_char(out, c == '\t' ? ' ' : c);
        }
    }
}

void source_markdown(const char *data, struct cw_text *out) {
    bool fence = false, first = true, front = false;
    for (const char *p = data; *p != '\0'; first = false) {
        size_t n = strcspn(p, "\n"), from = 0;
        const char *next = p + n + (p[n] != '\0');
        while (from < n && (p[from] == ' ' || p[from] == '>' || p[from] == '\t')) {
            from++;
        }
        const char *s = p + from;
        size_t len = n - from;
        p = next;
        if (first && len >= 3 && strncmp(s, "---", 3) == 0) {
            front = true;
            continue;
        }
        if (front) {
            front = len < 3 || strncmp(s, "---", 3) != 0;
            continue;
        }
        if (len >= 3 && (strncmp(s, "```", 3) == 0 || strncmp(s, "~~~", 3) == 0)) {
            fence = !fence;
            cw_text_add(out, "\n\n");
            continue;
        }
        if (fence || (from >= 4 && s[0] != '-' && s[0] != '*')) {
            continue; /* code */
        }
        size_t marks = 0;
        while (marks < len && s[marks] == '#') {
            marks++;
        }
        size_t rule = len - (len > 0 && s[len - 1] == '\r');
        bool line = rule >= 3 && (strspn(s, "-:| ") >= rule || strspn(s, "=") >= rule || strspn(s, "* ") >= rule);
        size_t digits = strspn(s, "0123456789");
        bool item =
            len > 2 && (((s[0] == '-' || s[0] == '*' || s[0] == '+') && s[1] == ' ') || (digits > 0 && digits < 4 && s[digits] == '.'));
        if (len == 0 || line) {
            cw_text_add(out, "\n\n");
        } else if (marks > 0 && marks < 7 && marks < len && s[marks] == ' ') {
            cw_text_add(out, "\n\n# ");
            add_marked(out, s + marks + 1, len - marks - 1);
            cw_text_add(out, "\n\n");
        } else {
            cw_text_add(out, item ? "\n\n" : "\n");
            size_t skip = item ? (digits > 0 ? digits + 1 : 2) : 0;
            add_marked(out, s + skip, len - skip);
        }
    }
}

void source_subtitles(const char *data, struct cw_text *out) {
    char before[200] = "";
    bool header = true, note = false;
    for (const char *p = data; *p != '\0';) {
        size_t n = strcspn(p, "\r\n");
        const char *s = p;
        p += n;
        p += strspn(p, "\r") > 0 && p[1] == '\n' ? 2 : *p != '\0';
        if (n == 0) {
            header = note = false;
            continue;
        }
        bool timing = memmem(s, n, "-->", 3) != NULL, number = strspn(s, "0123456789") >= n;
        if (timing) {
            header = note = false;
            continue;
        }
        if (header && (begins(s, n, "WEBVTT") || note || memchr(s, ':', n) != NULL)) {
            note = true;
            continue;
        }
        if (number || note || (n >= 4 && (strncmp(s, "NOTE", 4) == 0 || strncmp(s, "STYLE", n < 5 ? n : 5) == 0))) {
            note = note || !number;
            continue;
        }
        struct cw_text line = {0};
        add_marked(&line, s, n);
        cw_text_add(&line, "");
        const char *words = line.failed ? "" : line.data;
        words += strspn(words, "- ");
        if (words[0] != '\0' && strncmp(words, before, sizeof before - 1) != 0) { /* captions that roll show each line twice */
            cw_text_add(out, out->len > 0 && out->data[out->len - 1] != '\n' ? " " : "");
            cw_text_add(out, words);
            size_t k = strlen(words) < sizeof before - 1 ? strlen(words) : sizeof before - 1;
            memcpy(before, words, k);
            before[k] = '\0';
        }
        cw_text_free(&line);
    }
    cw_text_add(out, "\n");
}

/* ---- passages ---------------------------------------------------------------------------------------------------------------- */

/* The word before a full stop that does not end a sentence. */
static bool abbreviation(const char *start, const char *stop) {
    static const char *const list[] = {"mr", "mrs", "ms",  "dr",  "prof", "st", "vs",  "etc", "fig",    "no", "inc", "ltd", "co",
                                       "jr", "sr",  "e.g", "i.e", "cf",   "al", "vol", "pp",  "approx", "ca", "gen", "sec"};
    const char *w = stop;
    while (w > start && (isalpha((unsigned char)w[-1]) || w[-1] == '.')) {
        w--;
    }
    size_t n = (size_t)(stop - w);
    if (n == 1 && isupper((unsigned char)w[0])) { /* an initial */
        return true;
    }
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (strlen(list[i]) == n && strncasecmp(w, list[i], n) == 0) {
            return true;
        }
    }
    return n > 2 && memchr(w, '.', n) != NULL; /* "U.S" */
}

size_t source_sentence(const char *s) {
    for (const char *p = s; *p != '\0'; p++) {
        if (*p != '.' && *p != '?' && *p != '!') {
            continue;
        }
        const char *end = p + 1;
        while (*end == '"' || *end == '\'' || *end == ')' || *end == ']' || *end == '.' || strncmp(end, "\xE2\x80\x9D", 3) == 0) {
            end += (unsigned char)*end == 0xE2 ? 3 : 1;
        }
        if (*end != ' ' && *end != '\0') {
            continue;
        }
        const char *next = end + strspn(end, " ");
        bool lower = *next >= 'a' && *next <= 'z';
        if (*next == '\0' || (!lower && !(*p == '.' && abbreviation(s, p)))) {
            return (size_t)(end - s);
        }
    }
    return strlen(s);
}

struct cutter {
    struct cw_sources *sources;
    const char *name;
    struct cw_text passage;
    int words;
    char heading[160];
};

static int close_passage(struct cutter *c, struct cw_error *err) {
    struct cw_sources *s = c->sources;
    if (c->words == 0) {
        return 0;
    }
    if (cw_text_check(&c->passage, c->name, err) != 0) {
        return -1;
    }
    if (s->count >= PASSAGES_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected sources of at most %d passages in all; found more", c->name, PASSAGES_MAX);
    }
    if ((s->count & (s->count - 1)) == 0) { /* capacities are powers of two */
        size_t cap = s->count == 0 ? 1 : (size_t)s->count * 2;
        void *passages = realloc(s->passages, cap * sizeof *s->passages);
        s->passages = passages != NULL ? passages : s->passages;
        void *headings = passages != NULL ? realloc(s->headings, cap * sizeof *s->headings) : NULL;
        s->headings = headings != NULL ? headings : s->headings;
        if (headings == NULL) {
            return cw_fail_memory(err, c->name);
        }
    }
    struct cw_passage p = {s->count + 1, cw_strdup(c->name), cw_strdup(c->passage.data)};
    char *heading = cw_strdup(c->heading);
    if (p.source == NULL || p.text == NULL || heading == NULL) {
        free(p.source);
        free(p.text);
        free(heading);
        return cw_fail_memory(err, c->name);
    }
    s->headings[s->count] = heading;
    s->passages[s->count++] = p;
    cw_text_clear(&c->passage);
    c->words = 0;
    return 0;
}

/* Some way through a sentence that is longer than a passage: a blank. */
static size_t cut_long(const char *s, size_t n) {
    int words = 0;
    for (size_t i = 0; i < n; i++) {
        words += s[i] == ' ';
        if (words >= PASSAGE_MOST) {
            return i;
        }
    }
    return n;
}

/* One paragraph: blanks are single, its sentences join the passage that is open. */
static int cut_paragraph(struct cutter *c, const char *text, struct cw_error *err) {
    for (const char *p = text; *p != '\0';) {
        size_t n = cut_long(p, source_sentence(p));
        char *sentence = cw_strndup(p, n);
        if (sentence == NULL) {
            return cw_fail_memory(err, c->name);
        }
        int words = words_count(sentence);
        int status = c->words > 0 && c->words + words > PASSAGE_MOST ? close_passage(c, err) : 0;
        if (status == 0 && words > 0) {
            cw_text_add(&c->passage, c->words > 0 ? " " : "");
            cw_text_add(&c->passage, sentence);
            c->words += words;
            status = c->words >= PASSAGE_WORDS ? close_passage(c, err) : 0;
        }
        free(sentence);
        if (status != 0) {
            return -1;
        }
        p += n;
        p += strspn(p, " ");
    }
    return 0;
}

/* Only what a script may hold; invisible marks that could hide orders or turn text around go. */
static bool character_ok(uint32_t c) {
    return c >= 0x20 && !(c >= 0x7F && c <= 0xA0) && c != 0xAD && !(c >= 0x200B && c <= 0x200F) && !(c >= 0x2028 && c <= 0x202E) &&
           !(c >= 0x2060 && c <= 0x206F) && c != 0xFEFF && !(c >= 0xE000 && c <= 0xF8FF) && !(c >= 0xFFF0 && c <= 0xFFFF) && c < 0xE0000;
}

static void keep_heading(struct cutter *c, const char *words) {
    size_t n = strlen(words) < sizeof c->heading - 1 ? strlen(words) : sizeof c->heading - 1;
    while (n > 0 && ((unsigned char)words[n] & 0xC0) == 0x80) {
        n--;
    }
    memcpy(c->heading, words, n);
    c->heading[n] = '\0';
}

/* A short paragraph in capitals only: a heading of a plain text. */
static bool all_capitals(const char *s) {
    int letters = 0;
    for (const char *p = s; *p != '\0'; p++) {
        if (islower((unsigned char)*p)) {
            return false;
        }
        letters += isupper((unsigned char)*p) != 0;
    }
    return letters > 3 && words_count(s) <= 16;
}

/* Paragraphs -> passages. */
static int cut(struct cw_sources *s, const char *name, const char *text, struct cw_error *err) {
    int status = -1;
    struct cutter c = {.sources = s, .name = name};
    struct cw_text paragraph = {0};
    for (const char *p = text;;) {
        const char *end = p;
        cw_text_clear(&paragraph);
        cw_text_add(&paragraph, "");
        while (*end != '\0' && !(end[0] == '\n' && end[1 + strspn(end + 1, " ")] == '\n')) {
            uint32_t code = 0;
            int n = cw_utf8_next(end, strlen(end) < 4 ? strlen(end) : 4, &code);
            bool blank = code <= 0x20 || code == 0xA0 || code == 0x2009 || code == 0x202F || code == 0x3000;
            if (n > 0 && !blank && character_ok(code)) {
                cw_text_add_n(&paragraph, end, (size_t)n);
            } else if (blank && paragraph.len > 0 && paragraph.data[paragraph.len - 1] != ' ') {
                cw_text_add_char(&paragraph, ' ');
            }
            end += n > 0 ? n : 1;
        }
        if (cw_text_check(&paragraph, name, err) != 0) {
            goto done;
        }
        while (paragraph.len > 0 && paragraph.data[paragraph.len - 1] == ' ') {
            paragraph.data[--paragraph.len] = '\0';
        }
        const char *words = paragraph.data;
        if (all_capitals(words)) {
            if (close_passage(&c, err) != 0) {
                goto done;
            }
            keep_heading(&c, words);
        } else if (strncmp(words, "# ", 2) == 0) {
            if (close_passage(&c, err) != 0) {
                goto done;
            }
            keep_heading(&c, words + 2);
        } else if (words[0] != '\0' && cut_paragraph(&c, words, err) != 0) {
            goto done;
        }
        if (*end == '\0') {
            break;
        }
        p = end + 1;
    }
    status = close_passage(&c, err);
done:
    cw_text_free(&c.passage);
    cw_text_free(&paragraph);
    return status;
}

/* ---- bytes ---------------------------------------------------------------------------------------------------------------------- */

/* What is not UTF-8 is taken for Windows-1252, which old English text is. */
static int to_utf8(char **data, size_t *len, const char *name, struct cw_error *err) {
    if (cw_utf8_invalid(*data, *len) < 0) {
        return 0;
    }
    size_t cap = *len * 3 + 1, left = cap - 1, in_left = *len;
    char *out = malloc(cap), *to = out, *in = *data;
    iconv_t cd = iconv_open("UTF-8", "WINDOWS-1252");
    bool made = out != NULL && cd != (iconv_t)-1;
    while (made && in_left > 0 && iconv(cd, &in, &in_left, &to, &left) == (size_t)-1) {
        if (errno != EILSEQ || left < 1) {
            made = false;
        } else { /* five bytes of it mean nothing */
            in++;
            in_left--;
            *to++ = '?';
            left--;
        }
    }
    if (cd != (iconv_t)-1) {
        iconv_close(cd);
    }
    if (!made) {
        free(out);
        return cw_fail(err, CW_BAD_INPUT, "%s: expected UTF-8 or Western text; found neither", name);
    }
    *to = '\0';
    free(*data);
    *data = out;
    *len = (size_t)(to - out);
    return 0;
}

static int remember_document(struct cw_sources *s, const char *name, const char *data, size_t len, struct cw_error *err) {
    void *names = realloc(s->names, (size_t)(s->name_count + 1) * sizeof *s->names);
    s->names = names != NULL ? names : s->names;
    void *sums = names != NULL ? realloc(s->sums, (size_t)(s->name_count + 1) * sizeof *s->sums) : NULL;
    s->sums = sums != NULL ? sums : s->sums;
    char *copy = sums != NULL ? cw_strdup(name) : NULL;
    if (copy == NULL) {
        return cw_fail_memory(err, name);
    }
    cw_sha256_of(data, len, s->sums[s->name_count]);
    s->names[s->name_count++] = copy;
    return 0;
}

/* The bytes of one document; `data` is taken over. `cited`: its name in the script. */
static int add_document(struct cw_sources *s, const char *name, const char *cited, const char *type, char *data, size_t len,
                        struct cw_error *err) {
    int status = -1, before = s->count;
    struct cw_text text = {0};
    enum kind kind = kind_of(name, type, data, len);
    if (kind_of_name(name) == KIND_PDF && kind != KIND_PDF) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a PDF (it begins with \"%%PDF-\"); found something else", name);
        goto done;
    }
    if (remember_document(s, cited, data, len, err) != 0) {
        goto done;
    }
    if (kind == KIND_PDF) {
        if (source_pdf(data, len, &text, name, err) != 0) {
            goto done;
        }
    } else if (memchr(data, '\0', len) != NULL) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected text, Markdown, HTML, PDF or subtitles; found something binary", name);
        goto done;
    } else if (kind == KIND_HTML) {
        if (source_html(data, len, type, &text, name, err) != 0) {
            goto done;
        }
    } else {
        if (to_utf8(&data, &len, name, err) != 0) {
            goto done;
        }
        (kind == KIND_MARKDOWN ? source_markdown : kind == KIND_SUBTITLES ? source_subtitles : source_plain)(data, &text);
    }
    cw_text_add(&text, "");
    if (cw_text_check(&text, name, err) != 0 || cut(s, cited, text.data, err) != 0) {
        goto done;
    }
    int words = 0;
    for (int i = before; i < s->count && words < 5; i++) {
        words += words_count(s->passages[i].text);
    }
    if (words < 5) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected text; found %s", name, kind == KIND_PDF ? "none on its pages (a scan?)" : "none");
        goto done;
    }
    status = 0;
done:
    cw_text_free(&text);
    free(data);
    return status;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static int add_file(struct cw_sources *s, const char *path, const char *cited, struct cw_source_params p, struct cw_error *err) {
    char *data = NULL;
    size_t len = 0;
    if (cw_file_read(path, p.bytes, &data, &len, err) != 0) {
        if (err->code == CW_FAILED && !cw_file_exists(path)) {
            err->code = CW_BAD_INPUT;
        }
        return -1;
    }
    return add_document(s, path, cited, "", data, len, err);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct cw_sources *s, const char *dir, size_t root, int depth, int *files, struct cw_source_params p,
                      struct cw_error *err) {
    int status = -1;
    struct dirent **names = NULL;
    int count = scandir(dir, &names, NULL, by_name);
    if (count < 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: cannot read the folder: %s", dir, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        char path[CW_PATH_MAX];
        struct stat st;
        if (names[i]->d_name[0] == '.') {
            continue;
        }
        if (cw_path_join(path, dir, names[i]->d_name, err) != 0) {
            goto done;
        }
        if (lstat(path, &st) != 0) {
            continue;
        }
        if (S_ISDIR(st.st_mode) && depth < FOLDER_DEPTH) {
            if (add_folder(s, path, root, depth + 1, files, p, err) != 0) {
                goto done;
            }
        } else if (S_ISREG(st.st_mode) && kind_of_name(path) != KIND_NONE) {
            if (++*files > FOLDER_FILES_MAX) {
                cw_fail(err, CW_BAD_INPUT, "%s: expected a folder of at most %d files; found more", dir, FOLDER_FILES_MAX);
                goto done;
            }
            if (add_file(s, path, path + root, p, err) != 0) {
                goto done;
            }
        }
    }
    status = 0;
done:
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    return status;
}

int cw_sources_add(struct cw_sources *s, const char *from, struct cw_source_params p, struct cw_error *err) {
    struct stat st;
    if (strncasecmp(from, "http://", 7) == 0 || strncasecmp(from, "https://", 8) == 0) {
        struct http_reply reply;
        struct http_limits limits = {.bytes = p.bytes, .seconds = p.seconds, .allow_local = p.allow_local};
        int status = http_get(from, limits, &reply, err);
        if (status == 0) {
            cw_text_add(&reply.body, "");
            status = cw_text_check(&reply.body, from, err);
        }
        if (status == 0) {
            bool media = strncasecmp(reply.type, "image/", 6) == 0 || strncasecmp(reply.type, "audio/", 6) == 0 ||
                         strncasecmp(reply.type, "video/", 6) == 0;
            if (media) {
                status = cw_fail(err, CW_BAD_INPUT, "%s: expected text, HTML or PDF; found %.60s", from, reply.type);
            } else {
                status = add_document(s, from, from, reply.type, reply.body.data, reply.body.len, err);
                memset(&reply.body, 0, sizeof reply.body);
            }
        }
        http_reply_free(&reply);
        return status;
    }
    if (strstr(from, "://") != NULL) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a file, a folder or an http(s) address", from);
    }
    if (stat(from, &st) != 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a file, a folder or an http(s) address; found: %s", from, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        int files = 0, before = s->count;
        if (add_folder(s, from, strlen(from) + (from[strlen(from) - 1] != '/'), 0, &files, p, err) != 0) {
            return -1;
        }
        return s->count > before
                   ? 0
                   : cw_fail(err, CW_BAD_INPUT, "%s: expected .txt, .md, .html, .pdf, .srt or .vtt files in the folder; found none", from);
    }
    if (!S_ISREG(st.st_mode)) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a file, a folder or an http(s) address; found no regular file", from);
    }
    return add_file(s, from, base_name(from), p, err);
}
