/* Would speculative decoding pay? Over a script that the writer's model wrote: how many tokens a decode would give where the tokens
 * to come are drafted, by looking up what followed the same tokens before or by a smaller model of the same family, and what such a
 * decode costs on this machine beside one of a single token.
 *   bench_draft SCRIPT.md MODEL.gguf DRAFT.gguf [SOURCE.md]     (what SOURCE says stands before the script, as a place to look) */
#include "dialogue/script.h"

#include <ggml-backend.h>
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 16384, BATCH = 256, LONGEST = 16, TIMED = 24, PROMPT = 900 };

struct model {
    const char *path;
    struct llama_model *model;
    struct llama_context *ctx;
    llama_token *likeliest; /* of each place of the text, the token that the model thinks most likely there */
};

static void hush(enum ggml_log_level level, const char *text, void *arg) {
    (void)arg;
    if (level == GGML_LOG_LEVEL_ERROR)
        fputs(text, stderr);
}

static int open_model(struct model *m, int threads) {
    struct llama_model_params mp = llama_model_default_params();
    struct llama_context_params cp = llama_context_default_params();
    mp.n_gpu_layers = 0;
    cp.n_ctx = CONTEXT;
    cp.n_batch = cp.n_ubatch = BATCH;
    cp.n_threads = cp.n_threads_batch = threads;
    cp.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    m->model = llama_model_load_from_file(m->path, mp);
    m->ctx = m->model ? llama_init_from_model(m->model, cp) : NULL;
    return m->ctx ? 0 : -1;
}

/* The whole text through the model; what it thinks comes at each place, from the second on. */
static int read_text(struct model *m, const llama_token *ids, int count) {
    const int vocab = llama_vocab_n_tokens(llama_model_get_vocab(m->model));
    struct llama_batch batch = llama_batch_init(BATCH, 0, 1);
    int status = -1;
    for (int from = 0; from < count; from += BATCH) {
        batch.n_tokens = count - from < BATCH ? count - from : BATCH;
        for (int i = 0; i < batch.n_tokens; i++) {
            batch.token[i] = ids[from + i];
            batch.pos[i] = from + i;
            batch.n_seq_id[i] = 1;
            batch.seq_id[i][0] = 0;
            batch.logits[i] = 1;
        }
        if (llama_decode(m->ctx, batch) != 0)
            goto done;
        for (int i = 0; i < batch.n_tokens && from + i + 1 < count; i++) {
            const float *logits = llama_get_logits_ith(m->ctx, i);
            int best = 0;
            for (int k = 1; k < vocab; k++)
                best = logits[k] > logits[best] ? k : best;
            m->likeliest[from + i + 1] = best;
        }
    }
    status = 0;
done:
    llama_batch_free(batch);
    return status;
}

/* Median seconds of decoding n tokens at once after as many as the writer's prompts have; -1 when it cannot. */
static double time_decode(struct model *m, const llama_token *ids, int n) {
    double took[TIMED];
    llama_token some[LONGEST + 1];
    memcpy(some, ids, (size_t)n * sizeof *some);
    llama_memory_seq_rm(llama_get_memory(m->ctx), 0, PROMPT, -1);
    for (int i = 0; i < TIMED; i++) {
        const double t = cw_seconds();
        if (llama_decode(m->ctx, llama_batch_get_one(some, n)) != 0)
            return -1;
        took[i] = cw_seconds() - t;
        llama_memory_seq_rm(llama_get_memory(m->ctx), 0, PROMPT, -1);
        for (int k = i; k > 0 && took[k] < took[k - 1]; k--) {
            const double x = took[k];
            took[k] = took[k - 1];
            took[k - 1] = x;
        }
    }
    return took[TIMED / 2];
}

struct draft {
    int made, right; /* tokens that were drafted, and how many of them from the first on were the ones to come */
};

/* Drafts what followed the latest of the longest runs of `least` tokens and more that stood before. */
static struct draft look_up(const llama_token *ids, int count, int at, int least, int most) {
    struct draft d = {0, 0};
    int best = 0, found = at;
    for (int before = at - 1; before > 0; before--) {
        int same = 0;
        while (same < LONGEST && same < before && ids[before - 1 - same] == ids[at - 1 - same])
            same++;
        if (same >= least && same > best) {
            best = same;
            found = before;
        }
    }
    d.made = at - found < most ? at - found : most;
    while (d.right < d.made && at + d.right < count && ids[found + d.right] == ids[at + d.right])
        d.right++;
    return d;
}

static struct draft drafted_by(const struct model *m, const llama_token *ids, int count, int at, int most) {
    struct draft d = {most, 0};
    while (d.right < most && at + d.right < count && m->likeliest[at + d.right] == ids[at + d.right])
        d.right++;
    return d;
}

/* What is said, "Maya: ..." a line; or a source's text as it is. */
static int read_words(const char *path, bool script, struct cw_text *out, struct cw_error *err) {
    struct cw_script s = {0};
    char *text = NULL;
    size_t size = 0;
    int status = script ? cw_script_read(&s, path, err) : cw_file_read(path, CW_SCRIPT_MAX_BYTES, &text, &size, err);
    cw_text_add(out, text ? text : "");
    for (int i = 0; status == 0 && i < s.segment_count; i++)
        for (int k = 0; status == 0 && k < s.segments[i].turn_count; k++) {
            cw_text_printf(out, "%s: ", s.cast[s.segments[i].turns[k].speaker].name);
            status = cw_turn_plain(&s.segments[i].turns[k], out, err);
            cw_text_add(out, "\n");
        }
    cw_script_free(&s);
    free(text);
    return status == 0 ? cw_text_check(out, path, err) : -1;
}

static int report(struct model m[2], const llama_token *ids, int start, int count) {
    static const int leasts[] = {1, 2, 3, 4, 6}, mosts[] = {1, 2, 3, 4, 8};
    enum { WAYS = sizeof leasts / sizeof *leasts + 1, MOST = 8 };
    double cost[MOST + 1], small = time_decode(&m[1], ids, 1);
    int agree = 0, chosen = 0;
    for (int i = 0; i <= MOST; i++)
        if ((cost[i] = time_decode(&m[0], ids, i + 1)) < 0 || small < 0)
            return -1;
    for (int i = start; i < count; i++) {
        agree += m[0].likeliest[i] == m[1].likeliest[i];
        chosen += m[1].likeliest[i] == ids[i];
    }
    printf("%d tokens of script after %d others; the draft model's decode takes %.1f ms, the large one's of 1 to %d tokens", count - start,
           start, 1e3 * small, MOST + 1);
    for (int i = 0; i <= MOST; i++)
        printf(" %.1f", 1e3 * cost[i]);
    printf("\nthe draft model's likeliest token is the large model's in %.1f %% of the places, the one that was drawn in %.1f %%\n",
           100.0 * agree / (count - start), 100.0 * chosen / (count - start));
    printf("tokens a decode, and times as fast with what decodes of the drafted tokens cost (and drafting by the model)\n"
           "at most   looked up by 1 token and more, 2, 3, 4, 6 and more; the draft model\n");
    for (size_t k = 0; k < sizeof mosts / sizeof *mosts; k++) {
        printf("%7d", mosts[k]);
        for (int way = 0; way < WAYS; way++) {
            int decodes = 0;
            double spent = 0;
            for (int at = start; at < count; decodes++) {
                const struct draft d =
                    way < WAYS - 1 ? look_up(ids, count, at, leasts[way], mosts[k]) : drafted_by(&m[1], ids, count, at, mosts[k]);
                at += d.right + 1;
                spent += cost[d.made] + (way < WAYS - 1 ? 0 : d.made * small);
            }
            const double tokens = count - start;
            printf("   %.2f (%.2f)", tokens / decodes, tokens * cost[0] / spent);
        }
        printf("\n");
    }
    return 0;
}

int main(int argc, char **argv) {
    int status = 1, count = 0, start = 0;
    if (argc < 4) {
        fprintf(stderr, "usage: bench_draft SCRIPT.md MODEL.gguf DRAFT.gguf [SOURCE.md]\n");
        return 2;
    }
    struct model m[2] = {{.path = argv[2]}, {.path = argv[3]}};
    static llama_token ids[CONTEXT], again[CONTEXT];
    struct cw_error err = {0};
    struct cw_text script = {0}, source = {0};
    if (read_words(argv[1], true, &script, &err) != 0 || (argc > 4 && read_words(argv[4], false, &source, &err) != 0)) {
        fprintf(stderr, "bench_draft: %s\n", err.text);
        goto done;
    }
    llama_log_set(hush, NULL);
    ggml_backend_load_all_from_path(CW_LLAMA_LIB_DIR);
    llama_backend_init();
    for (int i = 0; i < 2; i++) {
        m[i].likeliest = calloc(CONTEXT, sizeof *m[i].likeliest);
        if (!m[i].likeliest || open_model(&m[i], 2) != 0) {
            fprintf(stderr, "bench_draft: %s: cannot be opened\n", m[i].path);
            goto done;
        }
        llama_token *into = i ? again : ids;
        const struct llama_vocab *vocab = llama_model_get_vocab(m[i].model);
        start = source.len ? llama_tokenize(vocab, source.data, (int)source.len, into, CONTEXT / 2, false, false) : 1;
        into[0] = source.len ? into[0] : llama_vocab_nl(vocab);
        count = start > 0 ? llama_tokenize(vocab, script.data, (int)script.len, into + start, CONTEXT - 64 - start, false, false) : -1;
        if (count < 0) {
            fprintf(stderr, "bench_draft: %s: expected a script and a source of some %d tokens at most\n", argv[1], CONTEXT);
            goto done;
        }
        count += start;
    }
    if (memcmp(ids, again, sizeof ids) != 0) {
        fprintf(stderr, "bench_draft: expected two models of one vocabulary, found two ways to cut the script into tokens\n");
        goto done;
    }
    for (int i = 0; i < 2; i++)
        if (read_text(&m[i], ids, count) != 0) {
            fprintf(stderr, "bench_draft: %s: cannot read the script\n", m[i].path);
            goto done;
        }
    if (count <= PROMPT || report(m, ids, start, count) != 0) {
        fprintf(stderr, "bench_draft: expected more than %d tokens in all, found %d\n", PROMPT, count);
        goto done;
    }
    status = 0;
done:
    for (int i = 0; i < 2; i++) {
        llama_free(m[i].ctx);
        llama_model_free(m[i].model);
        free(m[i].likeliest);
    }
    cw_text_free(&script);
    cw_text_free(&source);
    return status;
}
