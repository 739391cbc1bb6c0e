/* Look-up in the mapped dictionary: binary search over byte offsets, each probe stepping back to its line's start. */
#include "tts/lexicon.h"

#include <stdlib.h>
#include <string.h>

static int compare(const unsigned char *a, size_t a_len, const char *b, size_t b_len) {
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return c ? c : (a_len > b_len) - (a_len < b_len);
}

enum { BUCKETS = 65536 };

/* By a line's first two bytes; in order, because a tab sorts before all that a longer word may have second. */
static size_t bucket_of(const unsigned char *line) {
    return (size_t)line[0] << 8 | line[1];
}

int cw_lexicon_open(struct cw_lexicon *l, const char *path, const char *region, struct cw_error *err) {
    int result = -1;
    struct cw_lexicon o = {0};
    char head[64];
    if (!cw_file_exists(path)) {
        return cw_fail(err, CW_NO_MODEL, "%s: not there: expected the %s lexicon (castwright models fetch)", path, region);
    }
    if (cw_map_open(&o.map, path, err)) {
        goto done;
    }
    const unsigned char *data = o.map.data, *end = data + o.map.len;
    size_t head_len = 0;
    for (const char *p = "#castwright-lexicon 1 "; *p; p++) {
        head[head_len++] = *p;
    }
    for (const char *p = region; *p && head_len < sizeof head - 1; p++) {
        head[head_len++] = *p;
    }
    head[head_len] = '\0';
    if (o.map.len <= head_len || memcmp(data, head, head_len) != 0 || data[head_len] != '\n') {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a first line \"%s\", found something else", path, head);
        goto done;
    }
    o.first = head_len + 1;
    ptrdiff_t bad = cw_utf8_invalid((const char *)data, o.map.len);
    if (bad >= 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: byte %td: expected UTF-8, found an invalid sequence", path, bad);
        goto done;
    }
    if (end[-1] != '\n') {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a newline at the end, found a cut line", path);
        goto done;
    }
    const unsigned char *before = NULL;
    size_t before_len = 0, bucket = 0;
    long line = 2;
    o.starts = o.map.len < UINT32_MAX ? calloc(BUCKETS + 1, sizeof *o.starts) : NULL;
    if (!o.starts) {
        cw_fail_memory(err, path);
        goto done;
    }
    for (const unsigned char *p = data + o.first; p < end; line++) {
        const unsigned char *stop = memchr(p, '\n', (size_t)(end - p));
        const unsigned char *tab = memchr(p, '\t', (size_t)(stop - p));
        if (!tab || tab == p || memchr(p, '\0', (size_t)(stop - p))) {
            cw_fail(err, CW_BAD_INPUT, "%s: line %ld: expected word, tab, phonemes, found none", path, line);
            goto done;
        }
        if (before && compare(before, before_len, (const char *)p, (size_t)(tab - p)) >= 0) {
            cw_fail(err, CW_BAD_INPUT, "%s: line %ld: expected words sorted by bytes, each once, found one out of order", path, line);
            goto done;
        }
        before = p;
        before_len = (size_t)(tab - p);
        for (; bucket <= bucket_of(p); bucket++) {
            o.starts[bucket] = (uint32_t)(p - data);
        }
        p = stop + 1;
    }
    for (; bucket <= BUCKETS; bucket++) {
        o.starts[bucket] = (uint32_t)o.map.len;
    }
    *l = o;
    o = (struct cw_lexicon){0};
    result = 0;
done:
    cw_lexicon_close(&o);
    return result;
}

void cw_lexicon_close(struct cw_lexicon *l) {
    free(l->starts);
    if (l->map.data) {
        cw_map_close(&l->map);
    }
    *l = (struct cw_lexicon){0};
}

const char *cw_lexicon_find(const struct cw_lexicon *l, const char *word, size_t word_len, size_t *len) {
    const unsigned char *data = l->map.data;
    if (word_len == 0) {
        return NULL;
    }
    const unsigned char head[2] = {(unsigned char)word[0], word_len > 1 ? (unsigned char)word[1] : '\t'};
    /* both at starts of lines; the word, if there, starts in [lo, hi) */
    size_t lo = l->starts[bucket_of(head)], hi = l->starts[bucket_of(head) + 1];
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const unsigned char *before = memrchr(data + lo, '\n', mid - lo);
        mid = before ? (size_t)(before - data) + 1 : lo;
        const unsigned char *stop = memchr(data + mid, '\n', l->map.len - mid);
        const unsigned char *tab = memchr(data + mid, '\t', (size_t)(stop - (data + mid)));
        int c = compare(data + mid, (size_t)(tab - (data + mid)), word, word_len);
        if (c == 0) {
            *len = (size_t)(stop - tab - 1);
            return (const char *)tab + 1;
        }
        if (c < 0) {
            lo = (size_t)(stop - data) + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

const char *cw_lexicon_value(const char *entry, size_t entry_len, const char *key, size_t *len) {
    if (!memchr(entry, '=', entry_len)) {
        *len = entry_len;
        return entry;
    }
    size_t key_len = strlen(key);
    const char *end = entry + entry_len;
    for (const char *p = entry; p < end;) {
        const char *stop = memchr(p, '\t', (size_t)(end - p));
        stop = stop ? stop : end;
        if ((size_t)(stop - p) > key_len && p[key_len] == '=' && memcmp(p, key, key_len) == 0) {
            *len = (size_t)(stop - p) - key_len - 1;
            return p + key_len + 1;
        }
        p = stop < end ? stop + 1 : end;
    }
    return NULL;
}
