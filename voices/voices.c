/* Voices: expression -> parts {name, weight} -> packs read and checked -> one weighted pack, its hash and its language.
 *
 *   expression := sum | "timbre:" sum "prosody:" sum        sum := part { '+' part }        part := name [ '*' weight ]
 *
 * A part without a weight weighs 1; weights are then scaled to sum to 1, so "a + b" is half and half. The first half of a style is
 * timbre (the decoder reads it), the second prosody (durations, pitch, energy). */
#include "voices/voices.h"

#include "voices/learnt.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_LEN = CW_VOICE_NAME_MAX,
    PARTS_MAX = 8,
    EXPR_MAX = 4096,
    NEAREST = 3,
    PACK_NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE,
};

enum half { TIMBRE, PROSODY };
static const char *const half_names[2] = {"timbre", "prosody"};

struct part {
    char name[CW_PATH_MAX]; /* a name, or a path when it holds a '/' */
    double weight[2];       /* of each half */
    char sha256[65];        /* of what was found under the name */
    struct cw_voice_file f; /* of a voice file: its parents, consents and seal; of any part: nothing else once it was added */
    bool stock;             /* a pack of the stock voices */
};

struct mixture {
    struct part parts[2 * PARTS_MAX];
    int count;
    bool apart; /* the halves were given apart */
};

static const struct language {
    const char *code, *name;
    char letter;
    bool has_front_end;
} languages[] = {
    {"en-us", "American English", 'a', true},
    {"en-gb", "British English", 'b', true},
    {"es", "Spanish", 'e', true},
    {"fr-fr", "French", 'f', true},
    {"hi", "Hindi", 'h', true},
    {"it", "Italian", 'i', true},
    {"ja", "Japanese", 'j', false},
    {"pt-br", "Brazilian Portuguese", 'p', true},
    {"cmn", "Mandarin Chinese", 'z', false},
};

static bool is_name_char(char c) {
    return cw_voice_is_name(&c, 1);
}

/* "af_heart" says American English and female. A name of another shape (a pack of one's own) is taken as American English. */
static const struct language *language_of(const char *name, const char **gender) {
    const char *slash = strrchr(name, '/');
    name = slash != NULL ? slash + 1 : name;
    *gender = "unknown";
    if (name[0] != '\0' && (name[1] == 'f' || name[1] == 'm') && name[2] == '_') {
        for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
            if (languages[i].letter == name[0]) {
                *gender = name[1] == 'f' ? "female" : "male";
                return &languages[i];
            }
        }
    }
    return &languages[0];
}

/* ---- what there is --------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    const struct cw_voice_info *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static const struct language *language_by_code(const char *code) {
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        if (strcmp(languages[i].code, code) == 0) {
            return &languages[i];
        }
    }
    return NULL;
}

static bool ends_with(const char *s, size_t len, const char *end) {
    return len > strlen(end) && strcmp(s + len - strlen(end), end) == 0;
}

/* The consent of whoever is in the voice file. */
static int allow(const char *voices_dir, const struct cw_voice_file *f, struct cw_voice_person people[CW_VOICE_PEOPLE_MAX], int *count,
                 struct cw_error *err) {
    struct cw_trust trust = {0};
    if (cw_trust_open(&trust, err) != 0) {
        return cw_fail_in(err, "voice \"%s\"", f->name);
    }
    int result = cw_voice_file_allowed(f, voices_dir, &trust, people, count, err);
    cw_trust_close(&trust);
    return result;
}

/* What the voice file of one's own says of itself; "broken" when it cannot or may not speak. */
static void look_into(const char *voices_dir, const char *dir, struct cw_voice_info *v) {
    char file[CW_VOICE_NAME_MAX + 8], path[CW_PATH_MAX];
    struct cw_voice_file f = {0};
    struct cw_error ignored = {0};
    snprintf(file, sizeof file, "%s.gguf", v->name);
    snprintf(v->made, sizeof v->made, "broken");
    if (cw_path_join(path, dir, file, &ignored) == 0 && cw_voice_file_read(&f, path, &ignored) == 0) {
        const struct language *l = language_by_code(f.language);
        struct cw_voice_person people[CW_VOICE_PEOPLE_MAX];
        int count = 0;
        bool allowed = allow(voices_dir, &f, people, &count, &ignored) == 0;
        if (allowed) {
            snprintf(v->made, sizeof v->made, "%s", f.made);
        }
        snprintf(v->language, sizeof v->language, "%s", f.language);
        v->language_name = l != NULL ? l->name : f.language[0] != '\0' ? "unknown" : "";
        v->has_front_end = allowed && l != NULL && l->has_front_end;
        cw_voice_file_free(&f);
    }
}

/* Adds the voices of one folder, sorted. voices_dir: NULL when this is the folder of the stock voices. */
static int list_folder(const char *dir_path, const char *voices_dir, struct cw_voice_info **list, size_t *count, struct cw_error *err) {
    int result = -1;
    bool own = voices_dir != NULL;
    const char *end = own ? ".gguf" : ".bin";
    struct cw_voice_info *found = *list;
    size_t n = *count, cap = n, before = n;
    DIR *dir = opendir(dir_path);
    if (dir == NULL && own && errno == ENOENT) {
        return 0;
    }
    if (dir == NULL) {
        cw_fail(err, own ? CW_FAILED : CW_NO_MODEL, "%s: cannot open the folder of voices: %s%s", dir_path, strerror(errno),
                own ? "" : "; `castwright models fetch` brings them");
        goto done;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        size_t len = strlen(entry->d_name);
        if (!ends_with(entry->d_name, len, end) || !cw_voice_is_name(entry->d_name, len - strlen(end))) {
            continue;
        }
        if (n == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            struct cw_voice_info *more = realloc(found, cap * sizeof *found);
            if (more == NULL) {
                cw_fail_memory(err, "list of voices");
                goto done;
            }
            *list = found = more;
        }
        struct cw_voice_info *v = &found[n++];
        *v = (struct cw_voice_info){.made = "stock"};
        memcpy(v->name, entry->d_name, len - strlen(end));
        const struct language *l = language_of(v->name, &v->gender);
        snprintf(v->language, sizeof v->language, "%s", l->code);
        v->language_name = l->name;
        v->has_front_end = l->has_front_end;
        if (own) {
            look_into(voices_dir, dir_path, v);
        }
    }
    if (errno != 0) {
        cw_fail(err, CW_FAILED, "%s: cannot read the folder of voices: %s", dir_path, strerror(errno));
        goto done;
    }
    if (n > before) {
        qsort(found + before, n - before, sizeof *found, by_name);
    }
    *count = n;
    result = 0;
done:
    if (dir != NULL) {
        closedir(dir);
    }
    return result;
}

int cw_voices_list(const char *voices_dir, struct cw_voice_info **list, size_t *count, struct cw_error *err) {
    int result = -1;
    struct cw_voice_info *found = NULL;
    size_t n = 0;
    char home[CW_PATH_MAX];
    if (list_folder(voices_dir, NULL, &found, &n, err) != 0) {
        goto done;
    }
    if (n == 0) {
        cw_fail(err, CW_NO_MODEL, "%s: expected voice packs (NAME.bin), found none; `castwright models fetch` brings them", voices_dir);
        goto done;
    }
    if (cw_voices_home(home, err) != 0 || list_folder(home, voices_dir, &found, &n, err) != 0) {
        goto done;
    }
    *list = found;
    *count = n;
    found = NULL;
    result = 0;
done:
    free(found);
    return result;
}

/* ---- unknown names --------------------------------------------------------------------------------------------------- */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Levenshtein's distance, case aside; both names are at most NAME_MAX_LEN long. */
static int distance(const char *a, const char *b) {
    int row[NAME_MAX_LEN + 2];
    int n = (int)strlen(b);
    for (int j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (int i = 1; a[i - 1] != '\0'; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            diagonal = row[j];
            int least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[n];
}

/* Compared with the whole name and with what follows the "af_": people remember "heart". */
static int distance_to_voice(const char *wanted, const char *voice) {
    int whole = distance(wanted, voice);
    const char *given = strchr(voice, '_');
    int part = given != NULL ? 1 + distance(wanted, given + 1) : whole;
    return part < whole ? part : whole;
}

static int fail_unknown(const char *voices_dir, const char *name, struct cw_error *err) {
    struct cw_voice_info *list = NULL;
    size_t count = 0;
    char nearest[NEAREST * (NAME_MAX_LEN + 3)] = "";
    size_t used = 0;
    if (cw_voices_list(voices_dir, &list, &count, err) != 0) {
        return -1;
    }
    for (int k = 0; k < NEAREST; k++) {
        size_t best = count;
        int least = 0;
        for (size_t i = 0; i < count; i++) {
            int d = list[i].name[0] == '\0' ? 0 : distance_to_voice(name, list[i].name);
            if (list[i].name[0] != '\0' && (best == count || d < least)) {
                best = i;
                least = d;
            }
        }
        if (best == count) {
            break;
        }
        used += (size_t)snprintf(nearest + used, sizeof nearest - used, "%s%s", used > 0 ? ", " : "", list[best].name);
        list[best].name[0] = '\0'; /* taken */
    }
    free(list);
    return cw_fail(err, CW_BAD_INPUT, "voice \"%s\": not among the %zu voices there are; nearest: %s", name, count, nearest);
}

/* ---- the expression ---------------------------------------------------------------------------------------------------- */

static size_t skip_spaces(const char *s, size_t i) {
    while (s[i] == ' ' || s[i] == '\t') {
        i++;
    }
    return i;
}

static int fail_column(const char *expr, size_t at, const char *expected, struct cw_error *err) {
    const size_t column = 1 + cw_utf8_count(expr, at); /* in characters, not bytes */
    if (expr[at] == '\0') {
        return cw_fail(err, CW_BAD_INPUT, "voice \"%.200s\": column %zu: expected %s, found the end", expr, column, expected);
    }
    uint32_t code = 0;
    int len = cw_utf8_next(expr + at, strlen(expr + at), &code);
    return cw_fail(err, CW_BAD_INPUT, "voice \"%.200s\": column %zu: expected %s, found \"%.*s\"", expr, column, expected,
                   len > 0 ? len : 1, expr + at);
}

static size_t token_end(const char *s, size_t i) {
    while (s[i] != '\0' && s[i] != ' ' && s[i] != '\t' && s[i] != '+' && s[i] != '*') {
        i++;
    }
    return i;
}

/* "timbre:" or "prosody:" at s: its length, or 0. */
static size_t half_at(const char *s, enum half *half) {
    for (int h = TIMBRE; h <= PROSODY; h++) {
        size_t n = strlen(half_names[h]);
        if (strncmp(s, half_names[h], n) == 0 && s[n] == ':') {
            *half = (enum half)h;
            return n + 1;
        }
    }
    return 0;
}

/* The weights of `half` (both halves when < 0) of a name; the same voice named twice is one part. */
static int add_part(struct mixture *m, const char *expr, const char *name, size_t len, double weight, int half, struct cw_error *err) {
    if (len >= CW_PATH_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "voice: expected a path of at most %d bytes, found %zu", CW_PATH_MAX - 1, len);
    }
    int at = 0, in_half = 0;
    while (at < m->count && (strlen(m->parts[at].name) != len || memcmp(m->parts[at].name, name, len) != 0)) {
        at++;
    }
    if (at == m->count) {
        for (int i = 0; i < m->count; i++) {
            in_half += half < 0 || m->parts[i].weight[half] > 0;
        }
        if (in_half == PARTS_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "voice \"%.200s\": expected at most %d parts, found more", expr, PARTS_MAX);
        }
        m->parts[m->count++] = (struct part){0};
        memcpy(m->parts[at].name, name, len);
    }
    for (int h = TIMBRE; h <= PROSODY; h++) {
        m->parts[at].weight[h] += half < 0 || half == h ? weight : 0;
    }
    return 0;
}

/* One sum from *at to the end or the next "timbre:" or "prosody:". */
static int parse_sum(const char *expr, size_t *at, int half, struct mixture *m, struct cw_error *err) {
    size_t i = *at;
    enum half next;
    for (;;) {
        i = skip_spaces(expr, i);
        size_t end = token_end(expr, i);
        const char *first = expr + i;
        size_t len = end - i;
        double weight = 1;
        if (len == 0) {
            return fail_column(expr, i, "the name of a voice", err);
        }
        if (memchr(first, '/', len) == NULL && !cw_voice_is_name(first, len)) {
            size_t bad = i;
            while (bad < end && is_name_char(expr[bad])) {
                bad++;
            }
            if (bad == end) {
                return cw_fail(err, CW_BAD_INPUT, "voice \"%.80s…\": expected a name of at most %d characters, found %zu", first,
                               NAME_MAX_LEN, len);
            }
            return fail_column(expr, bad, "letters, digits and _ in the name of a voice (or a path, which holds a '/')", err);
        }
        i = skip_spaces(expr, end);
        if (expr[i] == '*') {
            char number[32];
            i = skip_spaces(expr, i + 1);
            end = token_end(expr, i);
            if (end == i || end - i >= sizeof number) {
                return fail_column(expr, i, "a weight such as 0.7", err);
            }
            memcpy(number, expr + i, end - i);
            number[end - i] = '\0';
            if (!cw_parse_double(number, 1e-6, 1e6, &weight)) {
                return fail_column(expr, i, "a weight above 0, such as 0.7", err);
            }
            i = skip_spaces(expr, end);
        }
        if (add_part(m, expr, first, len, weight, half, err) != 0) {
            return -1;
        }
        if (expr[i] == '\0' || (half >= 0 && half_at(expr + i, &next) > 0)) {
            *at = i;
            return 0;
        }
        if (expr[i] != '+') {
            return fail_column(expr, i, "'+' and another voice, '*' and a weight, or the end", err);
        }
        i++;
    }
}

static int parse(const char *expr, struct mixture *m, struct cw_error *err) {
    size_t i = skip_spaces(expr, 0);
    bool given[2] = {false, false};
    enum half half;
    size_t len = half_at(expr + i, &half);
    m->apart = len > 0;
    if (!m->apart) {
        return parse_sum(expr, &i, -1, m, err);
    }
    while (len > 0) {
        if (given[half]) {
            return fail_column(expr, i, given[!half] ? "the end" : half == TIMBRE ? "prosody:" : "timbre:", err);
        }
        given[half] = true;
        i += len;
        if (parse_sum(expr, &i, (int)half, m, err) != 0) {
            return -1;
        }
        len = half_at(expr + i, &half);
    }
    if (!given[TIMBRE] || !given[PROSODY]) {
        return fail_column(expr, i, given[TIMBRE] ? "prosody: and a voice" : "timbre: and a voice", err);
    }
    return 0;
}

static void scale_weights(struct mixture *m) {
    double total[2] = {0, 0};
    for (int i = 0; i < m->count; i++) {
        for (int h = TIMBRE; h <= PROSODY; h++) {
            total[h] += m->parts[i].weight[h];
        }
    }
    for (int i = 0; i < m->count; i++) {
        for (int h = TIMBRE; h <= PROSODY; h++) {
            double *w = &m->parts[i].weight[h];
            *w = *w == total[h] ? 1.0 : *w / total[h];
        }
    }
}

static void name_sum(const struct mixture *m, enum half half, struct cw_text *name) {
    int parts = 0, written = 0;
    for (int i = 0; i < m->count; i++) {
        parts += m->parts[i].weight[half] > 0;
    }
    for (int i = 0; i < m->count; i++) {
        double w = m->parts[i].weight[half];
        if (w > 0 && parts > 1) {
            cw_text_printf(name, "%s%s*%.4g", written++ > 0 ? " + " : "", m->parts[i].name, w);
        } else if (w > 0) {
            cw_text_add(name, m->parts[i].name);
        }
    }
}

static void name_mixture(const struct mixture *m, struct cw_text *name) {
    if (!m->apart) {
        name_sum(m, TIMBRE, name);
        return;
    }
    cw_text_add(name, "timbre:");
    name_sum(m, TIMBRE, name);
    cw_text_add(name, " prosody:");
    name_sum(m, PROSODY, name);
}

/* ---- packs --------------------------------------------------------------------------------------------------------------- */

static float little_endian_float(const unsigned char *b) {
    uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct sum {
    double *pack;           /* [510, 256] */
    double slope, offset;   /* of the F0 maps */
    char language[8];       /* of the first part */
    char engine_sha256[65]; /* of the first voice file */
    bool mapped;
    struct cw_voice_person people[CW_VOICE_PEOPLE_MAX];
    int people_count;
    struct cw_learnt learnt;
    float *reference; /* of a zero-shot voice, which is the only part */
    int reference_count;
    char *reference_text, sha256[65];
    float embedding[256];
};

/* Numbers that are checked: a plain pack's bytes -> floats. */
static int pack_numbers(const char *name, const char *path, const char *bytes, size_t len, float *pack, struct cw_error *err) {
    const size_t expected = sizeof(float) * (size_t)PACK_NUMBERS;
    if (len != expected) {
        return cw_fail(err, CW_BAD_INPUT, "voice \"%s\": %s: expected %zu bytes (%d x %d floats), found %zu", name, path, expected,
                       CW_PACK_ROWS, CW_PACK_STYLE, len);
    }
    for (size_t i = 0; i < PACK_NUMBERS; i++) {
        pack[i] = little_endian_float((const unsigned char *)bytes + i * sizeof *pack);
        if (!isfinite(pack[i])) {
            return cw_fail(err, CW_BAD_INPUT, "voice \"%s\": %s: row %zu, number %zu: expected a finite number, found %s", name, path,
                           i / CW_PACK_STYLE, i % CW_PACK_STYLE, isnan(pack[i]) ? "NaN" : "infinity");
        }
    }
    return 0;
}

/* Reads what `p` names, a plain pack or a voice file, into f; a plain pack leaves f->engine empty. */
static int read_part(const char *voices_dir, struct part *p, struct cw_voice_file *f, struct cw_error *err) {
    char path[CW_PATH_MAX], file[CW_PATH_MAX + 8], *bytes = NULL;
    const char *gender;
    size_t len = 0;
    int result = -1;
    bool is_path = strchr(p->name, '/') != NULL;
    if (is_path) {
        snprintf(path, sizeof path, "%s", p->name);
    } else {
        snprintf(file, sizeof file, "%s.bin", p->name);
        if (cw_path_join(path, voices_dir, file, err) != 0) {
            return -1;
        }
        p->stock = cw_file_exists(path);
        if (!p->stock && (cw_voices_own_path(p->name, path, err) != 0 || !cw_file_exists(path))) {
            return fail_unknown(voices_dir, p->name, err);
        }
    }
    len = strlen(path);
    if (ends_with(path, len, ".gguf")) {
        if (cw_voice_file_read(f, path, err) != 0) {
            return cw_fail_in(err, "voice \"%s\"", p->name);
        }
        if (language_by_code(f->language) == NULL) {
            cw_fail(err, CW_BAD_INPUT, "voice \"%s\": %s: expected the code of a language, such as en-us, found \"%s\"", p->name, path,
                    f->language);
            goto done;
        }
        return 0;
    }
    if (cw_file_read(path, 16 * sizeof(float) * (size_t)PACK_NUMBERS, &bytes, &len, err) != 0) {
        return cw_fail_in(err, "voice \"%s\"", p->name);
    }
    f->pack = malloc(sizeof(float) * (size_t)PACK_NUMBERS);
    f->f0_slope = 1;
    if (f->pack == NULL) {
        cw_fail_memory(err, "voice pack");
        goto done;
    }
    snprintf(f->language, sizeof f->language, "%s", language_of(p->name, &gender)->code);
    result = pack_numbers(p->name, path, bytes, len, f->pack, err);
done:
    free(bytes);
    if (result != 0) {
        cw_voice_file_free(f);
    }
    return result;
}

/* Adds a part to the sum, after what its file says was checked. */
static int add_voice(const char *voices_dir, struct part *p, struct sum *sum, struct cw_error *err) {
    struct cw_voice_file f = {0};
    int result = -1;
    if (read_part(voices_dir, p, &f, err) != 0) {
        return -1;
    }
    if (f.engine[0] != '\0' && allow(voices_dir, &f, sum->people, &sum->people_count, err) != 0) {
        goto done;
    }
    if (f.reference != NULL) {
        cw_voice_file_content(&f, sum->sha256);
        free(sum->reference); /* of a second one: refused when all parts are known */
        free(sum->reference_text);
        sum->reference = f.reference;
        sum->reference_count = f.reference_count;
        sum->reference_text = f.reference_text;
        f.reference = NULL;
        f.reference_text = NULL;
        memcpy(sum->embedding, f.embedding, sizeof sum->embedding);
        memcpy(sum->language, f.language, sizeof sum->language);
        result = 0;
        goto done;
    }
    if (p->weight[TIMBRE] > 0 && cw_learnt_add(&sum->learnt, f.additions, f.addition_count, p->weight[TIMBRE], err) != 0) {
        cw_fail_in(err, "voice \"%s\"", p->name);
        goto done;
    }
    if (f.engine[0] != '\0' && sum->engine_sha256[0] != '\0' && strcmp(f.engine_sha256, sum->engine_sha256) != 0) {
        cw_fail(err, CW_BAD_INPUT, "voice \"%s\": expected parts made for one engine, found sha256 %.12s… and %.12s…", p->name,
                sum->engine_sha256, f.engine_sha256);
        goto done;
    }
    if (f.engine[0] != '\0') {
        memcpy(sum->engine_sha256, f.engine_sha256, sizeof sum->engine_sha256);
    }
    if (f.pack == NULL) {
        cw_fail(err, CW_FAILED, "voice \"%s\": expected a style, found none", p->name);
        goto done;
    }
    for (size_t i = 0; i < PACK_NUMBERS; i++) {
        sum->pack[i] += p->weight[i % CW_PACK_STYLE < CW_PACK_TIMBRE ? TIMBRE : PROSODY] * (double)f.pack[i];
    }
    sum->slope += p->weight[PROSODY] * f.f0_slope;
    sum->offset += p->weight[PROSODY] * f.f0_offset;
    sum->mapped |= p->weight[PROSODY] > 0 && (f.f0_slope != 1 || f.f0_offset != 0);
    if (sum->language[0] == '\0') {
        memcpy(sum->language, f.language, sizeof sum->language);
    }
    if (f.engine[0] != '\0') {
        cw_voice_file_content(&f, p->sha256);
    } else {
        cw_sha256_of(f.pack, sizeof(float) * (size_t)PACK_NUMBERS, p->sha256);
    }
    p->f = f;
    f = (struct cw_voice_file){0};
    free(p->f.pack);
    p->f.pack = NULL;
    result = 0;
done:
    cw_voice_file_free(&f);
    return result;
}

static void free_mixture(struct mixture *m) {
    for (int i = 0; m != NULL && i < m->count; i++) {
        cw_voice_file_free(&m->parts[i].f);
    }
    free(m);
}

/* What an expression means. */
static int read_mixture(const char *expr, struct mixture *m, struct cw_error *err) {
    size_t len = strlen(expr);
    if (len > EXPR_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "voice: expected at most %d bytes, found %zu", EXPR_MAX, len);
    }
    ptrdiff_t invalid = cw_utf8_invalid(expr, len);
    if (invalid >= 0) {
        return cw_fail(err, CW_BAD_INPUT, "voice: expected UTF-8, found an invalid sequence at byte %td", invalid + 1);
    }
    if (strchr(expr, '/') != NULL && len < CW_PATH_MAX && cw_file_exists(expr)) {
        /* a path as it stands, so that it may hold spaces and '+' */
        if (add_part(m, expr, expr, len, 1, -1, err) != 0) {
            return -1;
        }
    } else if (parse(expr, m, err) != 0) {
        return -1;
    }
    scale_weights(m);
    return 0;
}

/* The first part of the timbre comes first: its language is the voice's. */
static int open_mixture(struct cw_voice *v, const char *voices_dir, struct mixture *m, struct cw_error *err) {
    int result = -1;
    struct sum sum = {.pack = calloc(PACK_NUMBERS, sizeof(double))};
    struct cw_text name = {0};
    v->pack = malloc(sizeof(float) * (size_t)PACK_NUMBERS);
    if (sum.pack == NULL || v->pack == NULL) {
        cw_fail_memory(err, "voice pack");
        goto done;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < m->count; i++) {
            if ((m->parts[i].weight[TIMBRE] > 0) == (pass == 0) && add_voice(voices_dir, &m->parts[i], &sum, err) != 0) {
                goto done;
            }
        }
    }
    name_mixture(m, &name);
    if (cw_text_check(&name, "voice name", err) != 0) {
        goto done;
    }
    snprintf(v->engine, sizeof v->engine, "%s", sum.reference != NULL ? "f5" : "kokoro");
    memcpy(v->language, sum.language, sizeof v->language);
    memcpy(v->people, sum.people, sizeof v->people);
    v->people_count = sum.people_count;
    if (sum.reference != NULL) {
        if (m->count > 1) {
            cw_fail(err, CW_BAD_INPUT,
                    "voice \"%s\": expected no zero-shot voice in a mix, found one; such a voice is a recording, which cannot be mixed",
                    name.data);
            goto done;
        }
        v->reference = sum.reference;
        v->reference_count = sum.reference_count;
        v->reference_text = sum.reference_text;
        sum.reference = NULL;
        sum.reference_text = NULL;
        memcpy(v->embedding, sum.embedding, sizeof v->embedding);
        memcpy(v->sha256, sum.sha256, sizeof v->sha256);
        free(v->pack);
        v->pack = NULL;
        v->f0_slope = 1;
        v->name = name.data;
        name = (struct cw_text){0};
        result = 0;
        goto done;
    }
    for (size_t i = 0; i < PACK_NUMBERS; i++) {
        v->pack[i] = (float)sum.pack[i];
    }
    cw_sha256_of(v->pack, sizeof(float) * (size_t)PACK_NUMBERS, v->sha256);
    v->f0_slope = sum.mapped ? (float)sum.slope : 1;
    v->f0_offset = sum.mapped ? (float)sum.offset : 0;
    if (sum.mapped) { /* heard as well */
        char both[128];
        int n = snprintf(both, sizeof both, "%s f0 %.9g %.9g", v->sha256, (double)v->f0_slope, (double)v->f0_offset);
        cw_sha256_of(both, (size_t)n, v->sha256);
    }
    if (sum.learnt.count > 0) {
        char both[160];
        cw_learnt_content(&sum.learnt, v->learnt_sha256);
        int n = snprintf(both, sizeof both, "%s learnt %s", v->sha256, v->learnt_sha256);
        cw_sha256_of(both, (size_t)n, v->sha256);
        v->learnt = sum.learnt;
        sum.learnt = (struct cw_learnt){0};
    }
    memcpy(v->engine_sha256, sum.engine_sha256, sizeof v->engine_sha256);
    v->name = name.data;
    name = (struct cw_text){0};
    result = 0;
done:
    cw_text_free(&name);
    cw_learnt_clear(&sum.learnt);
    free(sum.reference);
    free(sum.reference_text);
    free(sum.pack);
    return result;
}

int cw_voice_open(struct cw_voice *v, const char *voices_dir, const char *expr, struct cw_error *err) {
    *v = (struct cw_voice){0};
    struct mixture *m = calloc(1, sizeof *m);
    int result = -1;
    if (m == NULL) {
        cw_fail_memory(err, "voice");
    } else if (read_mixture(expr, m, err) == 0) {
        result = open_mixture(v, voices_dir, m, err);
    }
    if (result != 0) {
        cw_voice_close(v);
    }
    free_mixture(m);
    return result;
}

void cw_voice_close(struct cw_voice *v) {
    free(v->name);
    free(v->pack);
    free(v->reference);
    free(v->reference_text);
    cw_learnt_clear(&v->learnt);
    *v = (struct cw_voice){0};
}

int cw_voice_fits(const struct cw_voice *v, const char *model_sha256, struct cw_error *err) {
    if (v->engine_sha256[0] != '\0' && strcmp(v->engine_sha256, model_sha256) != 0) {
        return cw_fail(err, CW_BAD_INPUT, "voice \"%s\": expected a voice made for the model of sha256 %.12s…, found one made for %.12s…",
                       v->name, model_sha256, v->engine_sha256);
    }
    return 0;
}

/* ---- a mix as a voice file --------------------------------------------------------------------------------------------------- */

enum { PARENTS_MAX = 64 };

static int add_parent(struct cw_voice_file *f, const char *name, double timbre, double prosody, const char *sha256, struct cw_error *err) {
    struct cw_text line = {0};
    const char *slash = strrchr(name, '/');
    if (f->parent_count == PARENTS_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "mix: expected at most %d parents, found more", PARENTS_MAX);
    }
    cw_text_printf(&line, "%s %.9g %.9g %s", slash != NULL ? slash + 1 : name, timbre, prosody, sha256);
    if (cw_text_check(&line, "mix", err) != 0) {
        return -1;
    }
    f->parents[f->parent_count++] = line.data;
    return 0;
}

/* A mix of stock voices stands for its parents, so that the mix can be made anew from them (seal.c). */
static int add_parents(struct cw_voice_file *f, const struct part *p, struct cw_error *err) {
    if (p->stock || p->f.parent_count == 0 || p->f.seal[0] != '\0') {
        return add_parent(f, p->name, p->weight[TIMBRE], p->weight[PROSODY], p->sha256, err);
    }
    for (size_t i = 0; i < p->f.parent_count; i++) {
        char name[CW_VOICE_NAME_MAX + 1], hash[65];
        double weight[2];
        if (sscanf(p->f.parents[i], "%63s %lf %lf %64s", name, &weight[TIMBRE], &weight[PROSODY], hash) != 4) {
            return cw_fail(err, CW_FAILED, "mix: expected the parents of %s, found others", p->name);
        }
        if (add_parent(f, name, weight[TIMBRE] * p->weight[TIMBRE], weight[PROSODY] * p->weight[PROSODY], hash, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The records of the people in it, each once; sealed with one's own key where it is more than stock voices. */
static int seal_mix(struct cw_voice_file *f, const struct mixture *m, struct cw_error *err) {
    int result = -1, count = 0;
    bool stock = true;
    struct cw_consent *records = calloc(CW_VOICE_PEOPLE_MAX + 1, sizeof *records);
    struct cw_key key = {0};
    f->seal = cw_strdup("");
    if (records == NULL || f->seal == NULL) {
        cw_fail_memory(err, "mix");
        goto done;
    }
    for (int i = 0; i < m->count; i++) {
        const struct cw_voice_file *p = &m->parts[i].f;
        stock &= m->parts[i].stock || (p->parent_count > 0 && p->seal[0] == '\0');
        for (size_t k = 0; k < p->consent_count; k++) {
            if (cw_consent_parse(&records[count], p->consents[k], strlen(p->consents[k]), err) != 0) {
                goto done;
            }
            bool again = false;
            for (int r = 0; r < count; r++) {
                again |= strcmp(records[r].signature, records[count].signature) == 0;
            }
            count += !again;
            if (count > CW_VOICE_PEOPLE_MAX) {
                cw_fail(err, CW_BAD_INPUT, "mix: expected at most %d people in a voice, found more", CW_VOICE_PEOPLE_MAX);
                goto done;
            }
        }
    }
    if (!stock && (cw_key_open(&key, err) != 0 || cw_voice_seal(f, records, count, &key, err) != 0)) {
        goto done;
    }
    result = 0;
done:
    cw_key_close(&key);
    free(records);
    return result;
}

int cw_voice_mix(struct cw_voice_file *f, const char *voices_dir, const char *name, const char *expr, const char *engine_sha256,
                 struct cw_error *err) {
    int result = -1;
    struct mixture *m = calloc(1, sizeof *m);
    struct cw_voice v = {0};
    struct cw_text how = {0};
    char path[CW_PATH_MAX], file[CW_VOICE_NAME_MAX + 8];
    *f = (struct cw_voice_file){.made = "mix", .engine = "kokoro"};
    if (m == NULL) {
        cw_fail_memory(err, "voice");
        goto done;
    }
    if (cw_voices_own_path(name, path, err) != 0) {
        goto done;
    }
    if (cw_file_exists(path)) {
        cw_fail(err, CW_BAD_INPUT, "voice \"%s\": expected a new name, found %s; `castwright voices remove %s` removes it", name, path,
                name);
        goto done;
    }
    snprintf(file, sizeof file, "%s.bin", name);
    if (cw_path_join(path, voices_dir, file, err) != 0) {
        goto done;
    }
    if (cw_file_exists(path)) {
        cw_fail(err, CW_BAD_INPUT, "voice \"%s\": expected a new name, found a stock voice of this name", name);
        goto done;
    }
    if (read_mixture(expr, m, err) != 0 || open_mixture(&v, voices_dir, m, err) != 0) {
        goto done;
    }
    if (v.reference != NULL) {
        cw_fail(err, CW_BAD_INPUT,
                "mix: expected voices of style numbers, found %s, which is a recording; `castwright voices export` copies it", v.name);
        goto done;
    }
    memcpy(f->engine_sha256, engine_sha256, sizeof f->engine_sha256);
    if (cw_voice_fits(&v, engine_sha256, err) != 0) {
        goto done;
    }
    snprintf(f->name, sizeof f->name, "%s", name);
    memcpy(f->language, v.language, sizeof f->language);
    cw_text_printf(&how, "mixed: %s", v.name);
    f->parents = calloc(PARENTS_MAX + 1, sizeof *f->parents);
    f->licence = cw_strdup(v.people_count > 0 ? "what its consent records allow" : "Apache-2.0");
    f->how = how.failed ? NULL : cw_strdup(how.data);
    if (f->parents == NULL || f->licence == NULL || f->how == NULL) {
        cw_fail_memory(err, "voice");
        goto done;
    }
    for (int i = 0; i < m->count; i++) {
        if (add_parents(f, &m->parts[i], err) != 0) {
            goto done;
        }
    }
    f->f0_slope = (double)v.f0_slope;
    f->f0_offset = (double)v.f0_offset;
    f->pack = v.pack;
    v.pack = NULL;
    if (v.learnt.count > 0 && cw_learnt_store(&v.learnt, f, err) != 0) {
        goto done;
    }
    result = seal_mix(f, m, err);
done:
    cw_text_free(&how);
    cw_voice_close(&v);
    free_mixture(m);
    if (result != 0) {
        cw_voice_file_free(f);
    }
    return result;
}
