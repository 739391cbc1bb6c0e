/* Which finds the passage that answers a question: BM25, as the writer uses it, or mean-pooled embeddings of a language model (libllama)?
 *
 *   bench_passages DOCUMENT QUESTIONS.tsv [MODEL.gguf]
 *
 * A line of QUESTIONS: a question, a tab, words that only the passages that answer it have, "|" between them. */
#include "dialogue/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <llama.h>

enum { FOUND = 4, TOKENS_MAX = 512, QUESTIONS_MAX = 1000 };

struct pair {
    char *question, *answer;
};

static double processor_seconds(void) { /* one thread's: a busy machine does not count */
    return (double)clock() / CLOCKS_PER_SEC;
}

static bool answers(const char *passage, const char *words) {
    for (size_t n; *words != '\0'; words += n + (words[n] == '|')) {
        n = strcspn(words, "|");
        if (memmem(passage, strlen(passage), words, n) != NULL) {
            return true;
        }
    }
    return false;
}

static void count(const struct cw_sources *s, const struct pair *p, const int *found, int n, int hits[2]) {
    for (int i = 0; i < n; i++) {
        if (answers(s->passages[found[i]].text, p->answer)) {
            hits[0] += i == 0;
            hits[1]++;
            return;
        }
    }
}

static void tell(const char *what, const int hits[2], int questions, double ms) {
    printf("| %s | %d of %d (%.0f %%) | %d (%.0f %%) | %.2f |\n", what, hits[0], questions, 100.0 * hits[0] / questions, hits[1],
           100.0 * hits[1] / questions, ms);
}

/* ---- embeddings ------------------------------------------------------------------------------------------------------------ */

static void quiet(enum ggml_log_level level, const char *text, void *arg) {
    (void)arg;
    if (level == GGML_LOG_LEVEL_ERROR) {
        fputs(text, stderr);
    }
}

/* The mean of the last layer's states over the text, of length 1. */
static int embed(struct llama_context *ctx, const struct llama_vocab *vocab, const char *text, float *out, int width) {
    llama_token tokens[TOKENS_MAX];
    int n = llama_tokenize(vocab, text, (int)strlen(text), tokens, TOKENS_MAX, true, false);
    llama_memory_clear(llama_get_memory(ctx), true);
    if (n <= 0 || llama_decode(ctx, llama_batch_get_one(tokens, n)) != 0) {
        return -1;
    }
    const float *e = llama_get_embeddings_seq(ctx, 0);
    double norm = 0;
    for (int i = 0; e != NULL && i < width; i++) {
        norm += (double)e[i] * e[i];
    }
    for (int i = 0; i < width; i++) {
        out[i] = norm > 0 ? (float)(e[i] / sqrt(norm)) : 0;
    }
    return norm > 0 ? 0 : -1;
}

/* Takes the mean of all off each: what all texts have in common tells none from another. */
static void centre(float *x, int rows, int width, const float *mean) {
    for (int r = 0; r < rows; r++) {
        double norm = 0;
        for (int i = 0; i < width; i++) {
            x[(size_t)r * width + i] -= mean[i];
            norm += (double)x[(size_t)r * width + i] * x[(size_t)r * width + i];
        }
        for (int i = 0; i < width; i++) {
            x[(size_t)r * width + i] /= norm > 0 ? (float)sqrt(norm) : 1;
        }
    }
}

static void rank(const float *passages, int count_of, const float *question, int width, int found[FOUND]) {
    double best[FOUND];
    int n = 0;
    for (int k = 0; k < count_of; k++) {
        double dot = 0;
        for (int i = 0; i < width; i++) {
            dot += (double)passages[(size_t)k * width + i] * question[i];
        }
        int at = n < FOUND ? n++ : FOUND;
        for (; at > 0 && dot > best[at - 1]; at--) {
            if (at < FOUND) {
                best[at] = best[at - 1];
                found[at] = found[at - 1];
            }
        }
        if (at < FOUND) {
            best[at] = dot;
            found[at] = k;
        }
    }
}

static int by_embeddings(const char *path, const struct cw_sources *s, const struct pair *pairs, int questions) {
    int result = 1;
    struct llama_model *model = NULL;
    struct llama_context *ctx = NULL;
    float *x = NULL, *mean = NULL;
    llama_log_set(quiet, NULL);
    ggml_backend_load_all_from_path(CW_LLAMA_LIB_DIR);
    llama_backend_init();
    model = llama_model_load_from_file(path, llama_model_default_params());
    if (model == NULL) {
        fprintf(stderr, "%s: expected a language model\n", path);
        goto done;
    }
    struct llama_context_params p = llama_context_default_params();
    p.n_ctx = p.n_batch = p.n_ubatch = TOKENS_MAX;
    p.embeddings = true;
    p.pooling_type = LLAMA_POOLING_TYPE_MEAN;
    p.n_threads = p.n_threads_batch = 1;
    ctx = llama_init_from_model(model, p);
    const int width = llama_model_n_embd(model), rows = s->count + questions;
    x = calloc((size_t)rows * width, sizeof *x);
    mean = calloc((size_t)width, sizeof *mean);
    if (ctx == NULL || x == NULL || mean == NULL) {
        fputs("out of memory\n", stderr);
        goto done;
    }
    double start = processor_seconds(), spent = 0;
    for (int i = 0; i < rows; i++) {
        struct cw_text text = {0};
        if (i < s->count) {
            cw_text_printf(&text, "%s. %s", s->headings[i], s->passages[i].text);
        } else {
            cw_text_add(&text, pairs[i - s->count].question);
        }
        int status = text.failed ? -1 : embed(ctx, llama_model_get_vocab(model), text.data, x + (size_t)i * width, width);
        cw_text_free(&text);
        if (status != 0) {
            fprintf(stderr, "text %d cannot be embedded\n", i);
            goto done;
        }
        spent = i < s->count ? processor_seconds() - start : spent;
    }
    for (int centred = 0; centred < 2; centred++) {
        int hits[2] = {0}, found[FOUND] = {0};
        for (int i = 0; centred == 1 && i < width; i++) {
            for (int r = 0; r < s->count; r++) {
                mean[i] += x[(size_t)r * width + i] / (float)s->count;
            }
        }
        if (centred == 1) {
            centre(x, rows, width, mean);
        }
        for (int q = 0; q < questions; q++) {
            rank(x, s->count, x + (size_t)(s->count + q) * width, width, found);
            count(s, &pairs[q], found, s->count < FOUND ? s->count : FOUND, hits);
        }
        tell(centred == 1 ? "embeddings, the passages' mean taken off" : "embeddings, mean of the states", hits, questions,
             1000 * spent / s->count);
    }
    result = 0;
done:
    free(x);
    free(mean);
    llama_free(ctx);
    llama_model_free(model);
    return result;
}

int main(int argc, char **argv) {
    struct cw_error err = {0};
    struct cw_sources s = {0};
    static struct pair pairs[QUESTIONS_MAX];
    char *text = NULL;
    size_t len = 0;
    int questions = 0, hits[2] = {0}, code = 2;
    if (argc < 3 || argc > 4) {
        fputs("usage: bench_passages DOCUMENT QUESTIONS.tsv [MODEL.gguf]\n", stderr);
        return 2;
    }
    if (cw_sources_add(&s, argv[1], cw_source_params_default(), &err) != 0 || cw_file_read(argv[2], 1 << 20, &text, &len, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        goto done;
    }
    for (char *line = text, *next; line != NULL && *line != '\0' && questions < QUESTIONS_MAX; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        char *tab = strchr(line, '\t');
        if (line[0] == '#' || tab == NULL) {
            continue;
        }
        *tab = '\0';
        pairs[questions] = (struct pair){line, tab + 1};
        bool known = false;
        for (int i = 0; i < s.count; i++) {
            known = known || answers(s.passages[i].text, tab + 1);
        }
        if (!known) {
            fprintf(stderr, "%s: \"%s\": expected words of a passage; found none that has \"%s\"\n", argv[2], line, tab + 1);
            goto done;
        }
        questions++;
    }
    printf("%d questions, %d passages\n\n| by | first | among four | processor ms a passage |\n|---|---|---|---|\n", questions, s.count);
    double start = processor_seconds();
    int found[FOUND];
    if (cw_sources_find(&s, "index", NULL, found, FOUND, &err) < 0) { /* made at first use */
        fprintf(stderr, "%s\n", err.text);
        goto done;
    }
    double indexed = processor_seconds() - start;
    for (int q = 0; q < questions; q++) {
        int n = cw_sources_find(&s, pairs[q].question, NULL, found, FOUND, &err);
        if (n < 0) {
            fprintf(stderr, "%s\n", err.text);
            goto done;
        }
        count(&s, &pairs[q], found, n, hits);
    }
    if (questions > 0) {
        tell("BM25", hits, questions, 1000 * indexed / s.count);
        code = argc == 4 ? by_embeddings(argv[3], &s, pairs, questions) : 0;
    }
done:
    cw_sources_free(&s);
    free(text);
    return code;
}
