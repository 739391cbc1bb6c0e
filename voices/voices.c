/* Voices: expression -> parts {name, weight} -> packs read and checked -> one weighted pack, its hash and its language.
 *
 *   expression := part { '+' part }        part := name [ '*' weight ]
 *
 * A part without a weight weighs 1; weights are then scaled to sum to 1, so "a + b" is half and half. */
#include "voices/voices.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_LEN = 63,
    PARTS_MAX = 8,
    EXPR_MAX = 4096,
    NEAREST = 3,
    PACK_NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE,
};

struct part {
    char name[CW_PATH_MAX]; /* a name, or a path when it holds a '/' */
    double weight;
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
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_name(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!is_name_char(s[i])) {
            return false;
        }
    }
    return n > 0 && n <= NAME_MAX_LEN;
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

int cw_voices_list(const char *voices_dir, struct cw_voice_info **list, size_t *count, struct cw_error *err) {
    int result = -1;
    struct cw_voice_info *found = NULL;
    size_t n = 0, cap = 0;
    DIR *dir = opendir(voices_dir);
    if (dir == NULL) {
        cw_fail(err, CW_NO_MODEL, "%s: cannot open the folder of voices: %s; `castwright models fetch` brings them", voices_dir,
                strerror(errno));
        goto done;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 4, ".bin") != 0 || !is_name(entry->d_name, len - 4)) {
            continue;
        }
        if (n == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            struct cw_voice_info *more = realloc(found, cap * sizeof *found);
            if (more == NULL) {
                cw_fail_memory(err, "list of voices");
                goto done;
            }
            found = more;
        }
        struct cw_voice_info *v = &found[n++];
        *v = (struct cw_voice_info){0};
        memcpy(v->name, entry->d_name, len - 4);
        const struct language *l = language_of(v->name, &v->gender);
        snprintf(v->language, sizeof v->language, "%s", l->code);
        v->language_name = l->name;
        v->has_front_end = l->has_front_end;
    }
    if (errno != 0) {
        cw_fail(err, CW_FAILED, "%s: cannot read the folder of voices: %s", voices_dir, strerror(errno));
        goto done;
    }
    if (n == 0) {
        cw_fail(err, CW_NO_MODEL, "%s: expected voice packs (NAME.bin), found none; `castwright models fetch` brings them", voices_dir);
        goto done;
    }
    qsort(found, n, sizeof *found, by_name);
    *list = found;
    *count = n;
    found = NULL;
    result = 0;
done:
    if (dir != NULL) {
        closedir(dir);
    }
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
    size_t column = 1; /* in characters, not bytes */
    for (size_t i = 0; i < at; i++) {
        column += ((unsigned char)expr[i] & 0xC0) != 0x80;
    }
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

static int parse(const char *expr, struct part *parts, int *count, struct cw_error *err) {
    size_t i = 0;
    *count = 0;
    for (;;) {
        i = skip_spaces(expr, i);
        size_t end = token_end(expr, i);
        const char *first = expr + i;
        bool is_path = memchr(first, '/', end - i) != NULL;
        if (end == i) {
            return fail_column(expr, i, "the name of a voice", err);
        }
        if (!is_path && !is_name(first, end - i)) {
            size_t bad = i;
            while (bad < end && is_name_char(expr[bad])) {
                bad++;
            }
            if (bad == end) {
                return cw_fail(err, CW_BAD_INPUT, "voice \"%.80s…\": expected a name of at most %d characters, found %zu", first,
                               NAME_MAX_LEN, end - i);
            }
            return fail_column(expr, bad, "letters, digits and _ in the name of a voice (or a path, which holds a '/')", err);
        }
        if (*count == PARTS_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "voice \"%.200s\": expected at most %d parts, found more", expr, PARTS_MAX);
        }
        if (end - i >= CW_PATH_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "voice: expected a path of at most %d bytes, found %zu", CW_PATH_MAX - 1, end - i);
        }
        struct part *p = &parts[(*count)++];
        memcpy(p->name, first, end - i);
        p->name[end - i] = '\0';
        p->weight = 1.0;
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
            if (!cw_parse_double(number, 1e-6, 1e6, &p->weight)) {
                return fail_column(expr, i, "a weight above 0, such as 0.7", err);
            }
            i = skip_spaces(expr, end);
        }
        if (expr[i] == '\0') {
            return 0;
        }
        if (expr[i] != '+') {
            return fail_column(expr, i, "'+' and another voice, '*' and a weight, or the end", err);
        }
        i++;
    }
}

/* ---- packs --------------------------------------------------------------------------------------------------------------- */

static float little_endian_float(const unsigned char *b) {
    uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Adds weight * pack to sum [510, 256]; `bytes` receives the file as it is. */
static int add_pack(const char *voices_dir, const struct part *p, double *sum, char **bytes, struct cw_error *err) {
    char path[CW_PATH_MAX], file[CW_PATH_MAX + 8];
    size_t len = 0;
    const size_t expected = sizeof(float) * (size_t)PACK_NUMBERS;
    bool is_path = strchr(p->name, '/') != NULL;
    if (is_path) {
        snprintf(path, sizeof path, "%s", p->name);
    } else {
        snprintf(file, sizeof file, "%s.bin", p->name);
        if (cw_path_join(path, voices_dir, file, err) != 0) {
            return -1;
        }
        if (!cw_file_exists(path)) {
            return fail_unknown(voices_dir, p->name, err);
        }
    }
    if (cw_file_read(path, 16 * expected, bytes, &len, err) != 0) {
        return cw_fail_in(err, "voice \"%s\"", p->name);
    }
    if (len != expected) {
        return cw_fail(err, CW_BAD_INPUT, "voice \"%s\": %s: expected %zu bytes (%d x %d floats), found %zu", p->name, path, expected,
                       CW_PACK_ROWS, CW_PACK_STYLE, len);
    }
    for (size_t i = 0; i < PACK_NUMBERS; i++) {
        float x = little_endian_float((const unsigned char *)*bytes + i * sizeof x);
        if (!isfinite(x)) {
            return cw_fail(err, CW_BAD_INPUT, "voice \"%s\": %s: row %zu, number %zu: expected a finite number, found %s", p->name, path,
                           i / CW_PACK_STYLE, i % CW_PACK_STYLE, isnan(x) ? "NaN" : "infinity");
        }
        sum[i] += p->weight * (double)x;
    }
    return 0;
}

/* The same voice named twice is one part. */
static void merge(struct part *parts, int *count) {
    int kept = 0;
    double total = 0.0;
    for (int i = 0; i < *count; i++) {
        int same = 0;
        while (same < kept && strcmp(parts[same].name, parts[i].name) != 0) {
            same++;
        }
        total += parts[i].weight;
        if (same < kept) {
            parts[same].weight += parts[i].weight;
        } else if (kept++ != i) {
            parts[kept - 1] = parts[i];
        }
    }
    for (int i = 0; i < kept; i++) {
        parts[i].weight = kept == 1 ? 1.0 : parts[i].weight / total;
    }
    *count = kept;
}

int cw_voice_open(struct cw_voice *v, const char *voices_dir, const char *expr, struct cw_error *err) {
    int result = -1;
    int count = 0;
    struct part *parts = NULL;
    double *sum = NULL; /* [510, 256] */
    char *bytes = NULL;
    struct cw_text name = {0};
    const char *gender;
    *v = (struct cw_voice){0};
    size_t len = strlen(expr);
    if (len > EXPR_MAX) {
        cw_fail(err, CW_BAD_INPUT, "voice: expected at most %d bytes, found %zu", EXPR_MAX, len);
        goto done;
    }
    ptrdiff_t invalid = cw_utf8_invalid(expr, len);
    if (invalid >= 0) {
        cw_fail(err, CW_BAD_INPUT, "voice: expected UTF-8, found an invalid sequence at byte %td", invalid + 1);
        goto done;
    }
    parts = calloc(PARTS_MAX, sizeof *parts);
    sum = calloc(PACK_NUMBERS, sizeof *sum);
    v->pack = malloc(sizeof(float) * (size_t)PACK_NUMBERS);
    if (parts == NULL || sum == NULL || v->pack == NULL) {
        cw_fail_memory(err, "voice pack");
        goto done;
    }
    if (strchr(expr, '/') != NULL && len < CW_PATH_MAX && cw_file_exists(expr)) {
        /* a path as it stands, so that it may hold spaces and '+' */
        memcpy(parts[0].name, expr, len + 1);
        parts[0].weight = 1.0;
        count = 1;
    } else if (parse(expr, parts, &count, err) != 0) {
        goto done;
    }
    merge(parts, &count);
    for (int i = 0; i < count; i++) {
        free(bytes);
        bytes = NULL;
        if (add_pack(voices_dir, &parts[i], sum, &bytes, err) != 0) {
            goto done;
        }
        if (count > 1) {
            cw_text_printf(&name, "%s%s*%.4g", i > 0 ? " + " : "", parts[i].name, parts[i].weight);
        } else {
            cw_text_add(&name, parts[i].name);
        }
    }
    for (size_t i = 0; i < PACK_NUMBERS; i++) {
        v->pack[i] = (float)sum[i];
    }
    if (cw_text_check(&name, "voice name", err) != 0) {
        goto done;
    }
    cw_sha256_of(v->pack, sizeof(float) * (size_t)PACK_NUMBERS, v->sha256);
    snprintf(v->language, sizeof v->language, "%s", language_of(parts[0].name, &gender)->code);
    v->name = name.data;
    name = (struct cw_text){0};
    result = 0;
done:
    if (result != 0) {
        cw_voice_close(v);
    }
    cw_text_free(&name);
    free(bytes);
    free(sum);
    free(parts);
    return result;
}

void cw_voice_close(struct cw_voice *v) {
    free(v->name);
    free(v->pack);
    *v = (struct cw_voice){0};
}
