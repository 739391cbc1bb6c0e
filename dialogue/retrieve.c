/* Which passages fit a question: BM25 (Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009) over
 * stemmed words, a passage's heading counted with it. */
#include "dialogue/source.h"
#include "dialogue/writer_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct posting {
    uint32_t word;
    int passage, times;
};
struct source_index {
    struct posting *postings; /* by word, then passage */
    size_t count;
    int *lengths; /* [passages] words that carry meaning */
    double mean;
    int passages; /* indexed: more may have been added since */
};

static int by_word(const void *a, const void *b) {
    const struct posting *x = a, *y = b;
    if (x->word != y->word) {
        return x->word < y->word ? -1 : 1;
    }
    return x->passage < y->passage ? -1 : x->passage > y->passage;
}

static void index_free(struct source_index *x) {
    if (x != NULL) {
        free(x->postings);
        free(x->lengths);
        free(x);
    }
}

/* Adds each content word of `text`, once or more, to the postings of a passage. */
static int index_text(struct source_index *x, size_t *cap, int passage, const char *text, struct cw_error *err) {
    uint32_t *words = NULL;
    int count = 0;
    if (words_content(text, &words, &count, err) != 0) {
        return -1;
    }
    if (x->count + (size_t)count > *cap) {
        size_t more = (x->count + (size_t)count) * 2;
        struct posting *grown = realloc(x->postings, more * sizeof *grown);
        if (grown == NULL) {
            free(words);
            return cw_fail_memory(err, "sources");
        }
        x->postings = grown;
        *cap = more;
    }
    for (int i = 0; i < count; i++) {
        x->postings[x->count++] = (struct posting){words[i], passage, 1};
    }
    x->lengths[passage] += count;
    free(words);
    return 0;
}

static int index_make(struct cw_sources *s, struct cw_error *err) {
    int status = -1;
    size_t cap = 0, kept = 0;
    double total = 0;
    struct source_index *x = calloc(1, sizeof *x);
    if (x == NULL || (x->lengths = calloc((size_t)s->count + 1, sizeof *x->lengths)) == NULL) {
        cw_fail_memory(err, "sources");
        goto done;
    }
    for (int i = 0; i < s->count; i++) {
        const char *heading = s->headings != NULL ? s->headings[i] : ""; /* a script keeps its passages without */
        if (index_text(x, &cap, i, s->passages[i].text, err) != 0 || index_text(x, &cap, i, heading, err) != 0) {
            goto done;
        }
        total += x->lengths[i];
    }
    if (x->count > 0) {
        qsort(x->postings, x->count, sizeof *x->postings, by_word);
    }
    for (size_t i = 0; i < x->count; i++) { /* the same word of the same passage: one posting */
        if (kept > 0 && by_word(&x->postings[kept - 1], &x->postings[i]) == 0) {
            x->postings[kept - 1].times++;
        } else {
            x->postings[kept++] = x->postings[i];
        }
    }
    x->count = kept;
    x->passages = s->count;
    x->mean = s->count > 0 && total > 0 ? total / s->count : 1;
    index_free(s->index);
    s->index = x;
    x = NULL;
    status = 0;
done:
    index_free(x);
    return status;
}

int cw_sources_find(struct cw_sources *s, const char *question, const unsigned char *used, int *found, int max, struct cw_error *err) {
    static const double k1 = 1.2, b = 0.75, worn = 0.5; /* a passage used before counts half, one used twice a quarter */
    int result = -1, words = 0, n = 0;
    uint32_t *query = NULL;
    double *scores = NULL;
    if ((s->index == NULL || s->index->passages != s->count) && index_make(s, err) != 0) {
        return -1;
    }
    const struct source_index *x = s->index;
    if (words_content(question, &query, &words, err) != 0) {
        return -1;
    }
    scores = calloc((size_t)s->count + 1, sizeof *scores);
    if (scores == NULL) {
        cw_fail_memory(err, "sources");
        goto done;
    }
    for (int i = 0; i < words; i++) {
        size_t lo = 0, hi = x->count;
        while (lo < hi) { /* the word's first posting */
            size_t mid = (lo + hi) / 2;
            if (x->postings[mid].word < query[i]) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        size_t end = lo;
        while (end < x->count && x->postings[end].word == query[i]) {
            end++;
        }
        double idf = log(1 + ((double)s->count - (double)(end - lo) + 0.5) / ((double)(end - lo) + 0.5));
        for (size_t k = lo; k < end; k++) {
            double tf = x->postings[k].times, length = x->lengths[x->postings[k].passage];
            scores[x->postings[k].passage] += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / x->mean));
        }
    }
    for (int i = 0; used != NULL && i < s->count; i++) {
        scores[i] *= pow(worn, used[i]);
    }
    while (n < max) {
        int best = -1;
        for (int i = 0; i < s->count; i++) {
            best = scores[i] > 0 && (best < 0 || scores[i] > scores[best]) ? i : best;
        }
        if (best < 0) {
            break;
        }
        found[n++] = best;
        scores[best] = 0;
    }
    result = n;
done:
    free(query);
    free(scores);
    return result;
}

void cw_sources_free(struct cw_sources *s) {
    cw_passages_free(s->passages, s->count);
    for (int i = 0; i < s->count && s->headings != NULL; i++) {
        free(s->headings[i]);
    }
    for (int i = 0; i < s->name_count; i++) {
        free(s->names[i]);
    }
    free(s->headings);
    free(s->names);
    free(s->sums);
    index_free(s->index);
    memset(s, 0, sizeof *s);
}
