/* A language model in a GGUF file, through libllama. The only file that knows libllama.
 *
 *   messages ─▶ the model's own chat template ─▶ tokens ─▶ the prefix that is in the KV cache already is kept, the rest decoded
 *   ─▶ token by token: repeat penalty, min-p, temperature, one seeded draw; the grammar looks at the drawn token only, and at
 *      more of them when it refuses that one ─▶ text
 *
 * Runs on the CPU, with the instruction set that ggml finds at run time in CASTWRIGHT_LLAMA_DIR (or the folder built in). */
#include "dialogue/llm_impl.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <llama.h>

#ifndef CW_LLAMA_LIB_DIR
#define CW_LLAMA_LIB_DIR "/usr/lib/castwright"
#endif

enum {
    BATCH = 512,         /* tokens decoded at once in a prompt */
    PENALTY_WINDOW = 64, /* generated tokens that the repeat penalty looks back on */
    FIRST_LOOK = 40,     /* most likely tokens that the grammar sees when it refused the drawn one */
};

struct candidate {
    llama_token id;
    float logit;
};

struct local {
    struct cw_llm base;
    struct llama_model *model;
    struct llama_context *ctx;
    const struct llama_vocab *vocab;
    struct cw_llm_params params;
    char *template; /* chat template; "chatml" when the file has none that libllama knows */
    int vocab_size;
    uint64_t requests;
    uint64_t seed, stream; /* of the request that runs */
    float temperature;
    llama_token *held; /* [context] what the KV cache holds */
    int held_count;
    int anchor;                       /* the first message's tokens at the front of it, decoded by themselves: always the same values */
    bool *wordy;                      /* [vocab] the token holds a letter or digit: repeats of it count */
    float *logits;                    /* [vocab] after the penalty */
    struct candidate *candidates;     /* [vocab] */
    llama_token_data *grammar_tokens; /* [vocab] */
};

struct cw_llm_params cw_llm_params_default(void) {
    return (struct cw_llm_params){.context = 4096, .seed = 1, .temperature = 0.8f, .min_p = 0.05f, .repeat_penalty = 1.1f};
}

/* ---- libllama's own voice ------------------------------------------------------------------------------------------ */

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char log_line[400]; /* the last error libllama told: the reason for a message of ours */
static pthread_once_t backend_once = PTHREAD_ONCE_INIT;
static char backend_dir[CW_PATH_MAX];

static void keep_log(enum ggml_log_level level, const char *text, void *arg) {
    (void)arg;
    if (level != GGML_LOG_LEVEL_ERROR) {
        return;
    }
    pthread_mutex_lock(&log_mutex);
    size_t n = strcspn(text, "\n");
    /* "llama_model_load: error loading model: ..." says more than the lines that follow it */
    if (n > 0 && log_line[0] == '\0') {
        snprintf(log_line, sizeof log_line, "%.*s", (int)(n < 300 ? n : 300), text);
    }
    pthread_mutex_unlock(&log_mutex);
}

static void clear_log(void) {
    pthread_mutex_lock(&log_mutex);
    log_line[0] = '\0';
    pthread_mutex_unlock(&log_mutex);
}

static void take_log(char *out, size_t size) {
    pthread_mutex_lock(&log_mutex);
    const char *s = strstr(log_line, "error loading model: ");
    s = s != NULL ? s + strlen("error loading model: ") : log_line;
    snprintf(out, size, "%s", s[0] != '\0' ? s : "no reason given");
    pthread_mutex_unlock(&log_mutex);
}

static void load_backends(void) {
    const char *dir = getenv("CASTWRIGHT_LLAMA_DIR");
    snprintf(backend_dir, sizeof backend_dir, "%s", dir != NULL && dir[0] != '\0' ? dir : CW_LLAMA_LIB_DIR);
    llama_log_set(keep_log, NULL);
    ggml_backend_load_all_from_path(backend_dir);
    llama_backend_init();
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

/* A file that cannot be a model is refused before libllama sees it. */
static int check_file(const char *path, struct cw_error *err) {
    int status = -1;
    struct stat st;
    unsigned char head[24];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        cw_fail(err, errno == ENOENT ? CW_NO_MODEL : CW_BAD_INPUT, "%s: cannot open the language model; expected a GGUF file; found: %s",
                path, strerror(errno));
        goto done;
    }
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
        cw_fail(err, CW_BAD_INPUT, "%s: not a language model; expected a GGUF file; found no regular file", path);
        goto done;
    }
    size_t n = fread(head, 1, sizeof head, f);
    if (n < sizeof head || memcmp(head, "GGUF", 4) != 0) {
        cw_fail(err, CW_BAD_INPUT,
                "%s: not a language model; expected a GGUF file (it begins with \"GGUF\"); found %lld bytes of something else", path,
                (long long)st.st_size);
        goto done;
    }
    unsigned version = head[4] | (unsigned)head[5] << 8 | (unsigned)head[6] << 16 | (unsigned)head[7] << 24;
    if (version < 2 || version > 3) {
        cw_fail(err, CW_BAD_INPUT, "%s: GGUF version not supported; expected 2 or 3; found %u", path, version);
        goto done;
    }
    status = 0;
done:
    if (f != NULL) {
        fclose(f);
    }
    return status;
}

static int core_count(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}

static void mark_wordy(struct local *m) {
    char piece[64];
    for (int i = 0; i < m->vocab_size; i++) {
        int n = llama_token_to_piece(m->vocab, i, piece, sizeof piece, 0, false);
        for (int k = 0; k < n && !m->wordy[i]; k++) {
            unsigned char c = (unsigned char)piece[k];
            m->wordy[i] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
        }
    }
}

static const struct llm_kind kind;

static void close_local(struct cw_llm *base) {
    struct local *m = (struct local *)base;
    if (m->ctx != NULL) {
        llama_free(m->ctx);
    }
    if (m->model != NULL) {
        llama_model_free(m->model);
    }
    free(m->template);
    free(m->held);
    free(m->wordy);
    free(m->logits);
    free(m->candidates);
    free(m->grammar_tokens);
    free(m);
}

int cw_llm_open_local(struct cw_llm **out, const char *gguf, struct cw_llm_params params, struct cw_error *err) {
    int status = -1;
    char reason[400];
    struct local *m = NULL;
    *out = NULL;
    if (params.context < 512 || params.context > 1 << 20 || params.threads < 0 || params.threads > 512 || !(params.temperature >= 0) ||
        params.temperature > 10 || !(params.min_p >= 0) || params.min_p > 1 || !(params.repeat_penalty >= 0.1f) ||
        params.repeat_penalty > 10) {
        cw_fail(
            err, CW_BAD_INPUT,
            "language model: parameter out of range; expected context 512 to 1048576, threads 0 to 512, temperature 0 to 10, min_p 0 to 1, "
            "repeat_penalty 0.1 to 10");
        goto done;
    }
    if (check_file(gguf, err) != 0) {
        goto done;
    }
    pthread_once(&backend_once, load_backends);
    if (ggml_backend_dev_count() == 0) {
        cw_fail(err, CW_FAILED, "%s: no code for this machine's CPU; expected libggml-cpu-*.so there; found none that runs here",
                backend_dir);
        goto done;
    }
    m = calloc(1, sizeof *m);
    if (m == NULL) {
        cw_fail_memory(err, "language model");
        goto done;
    }
    m->base.kind = &kind;
    m->params = params;
    clear_log();
    struct llama_model_params mp = llama_model_default_params();
    mp.n_gpu_layers = 0;
    m->model = llama_model_load_from_file(gguf, mp);
    if (m->model == NULL) {
        take_log(reason, sizeof reason);
        cw_fail(err, CW_BAD_INPUT, "%s: cannot load the language model; expected a whole GGUF language model; found: %s", gguf, reason);
        goto done;
    }
    m->vocab = llama_model_get_vocab(m->model);
    m->vocab_size = llama_vocab_n_tokens(m->vocab);
    if (!llama_model_has_decoder(m->model) || llama_model_has_encoder(m->model) || llama_model_is_diffusion(m->model) ||
        m->vocab_size < 1) {
        cw_fail(err, CW_BAD_INPUT, "%s: not a model that writes; expected a decoder-only language model", gguf);
        goto done;
    }
    if (params.context > llama_model_n_ctx_train(m->model)) {
        m->params.context = llama_model_n_ctx_train(m->model);
    }
    int threads = params.threads > 0 ? params.threads : core_count();
    struct llama_context_params cp = llama_context_default_params();
    cp.n_ctx = (uint32_t)m->params.context;
    cp.n_batch = BATCH;
    cp.n_ubatch = BATCH;
    cp.n_threads = threads;
    cp.n_threads_batch = threads;
    /* flash attention shares a long cache among the threads and sums their parts: the numbers would depend on how many there are */
    cp.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    m->ctx = llama_init_from_model(m->model, cp);
    if (m->ctx == NULL) {
        take_log(reason, sizeof reason);
        cw_fail(err, CW_FAILED, "%s: cannot start the language model with a context of %d tokens: %s", gguf, m->params.context, reason);
        goto done;
    }
    m->params.context = (int)llama_n_ctx(m->ctx);
    const char *own = llama_model_chat_template(m->model, NULL);
    struct llama_chat_message probe = {"user", "x"};
    const bool known = own != NULL && llama_chat_apply_template(own, &probe, 1, true, NULL, 0) > 0;
    m->template = cw_strdup(known ? own : "chatml");
    size_t v = (size_t)m->vocab_size;
    m->held = calloc((size_t)m->params.context, sizeof *m->held);
    m->wordy = calloc(v, sizeof *m->wordy);
    m->logits = calloc(v, sizeof *m->logits);
    m->candidates = calloc(v, sizeof *m->candidates);
    m->grammar_tokens = calloc(v, sizeof *m->grammar_tokens);
    if (m->template == NULL || m->held == NULL || m->wordy == NULL || m->logits == NULL || m->candidates == NULL ||
        m->grammar_tokens == NULL) {
        cw_fail_memory(err, "language model");
        goto done;
    }
    mark_wordy(m);
    const char *slash = strrchr(gguf, '/');
    snprintf(m->base.name, sizeof m->base.name, "%s", slash != NULL ? slash + 1 : gguf);
    if (!known) {
        snprintf(m->base.note, sizeof m->base.note, "%s: %s, so it is asked in the form of ChatML: another model may do better",
                 m->base.name, own != NULL ? "its chat template is none that libllama knows" : "it has no chat template");
    }
    m->base.context = m->params.context;
    *out = &m->base;
    m = NULL;
    status = 0;
done:
    if (m != NULL) {
        close_local(&m->base);
    }
    return status;
}
/* ---- the prompt ---------------------------------------------------------------------------------------------------- */

struct tokens {
    llama_token *ids;
    int count, cap;
};

/* Appends the tokens of a text. `special`: control tokens in it count as such; never for what people or models wrote. */
static int add_tokens(struct local *m, struct tokens *t, const char *s, size_t n, bool special, struct cw_error *err) {
    if (n == 0) {
        return 0;
    }
    if (n > INT32_MAX / 2) {
        return cw_fail(err, CW_BAD_INPUT, "prompt: expected at most %d bytes; found %zu", INT32_MAX / 2, n);
    }
    for (;;) {
        int got = llama_tokenize(m->vocab, s, (int32_t)n, t->ids + t->count, t->cap - t->count, false, special);
        if (got >= 0) {
            t->count += got;
            return 0;
        }
        int cap = t->count - got + 256;
        llama_token *ids = got == INT32_MIN ? NULL : realloc(t->ids, (size_t)cap * sizeof *ids);
        if (ids == NULL) {
            return cw_fail_memory(err, "prompt");
        }
        t->ids = ids;
        t->cap = cap;
    }
}

static int count_tokens(struct cw_llm *base, const char *text) {
    struct local *m = (struct local *)base;
    int n = llama_tokenize(m->vocab, text, (int32_t)strlen(text), NULL, 0, false, false);
    return n < 0 ? -n : n;
}

/* The chat as the model's template writes it. The messages' own text is cut out of the template's and tokenised apart, so that
 * a "<|im_end|>" in a topic is text and ends nothing. */
static int make_prompt(struct local *m, const struct cw_llm_request *r, struct tokens *t, int *anchor, struct cw_error *err) {
    int status = -1;
    char *chat = NULL;
    struct llama_chat_message *messages = calloc((size_t)r->message_count, sizeof *messages);
    if (messages == NULL) {
        cw_fail_memory(err, "prompt");
        goto done;
    }
    size_t size = 4096;
    for (int i = 0; i < r->message_count; i++) {
        messages[i] = (struct llama_chat_message){r->messages[i].role, r->messages[i].text};
        size += strlen(r->messages[i].text) + 256;
    }
    chat = malloc(size + 1);
    if (chat == NULL || size > INT32_MAX) {
        cw_fail_memory(err, "prompt");
        goto done;
    }
    int n = llama_chat_apply_template(m->template, messages, (size_t)r->message_count, true, chat, (int32_t)size);
    if (n < 0 || (size_t)n > size) {
        cw_fail(err, CW_FAILED, "%s: its chat template cannot hold this conversation", m->base.name);
        goto done;
    }
    chat[n] = '\0';
    llama_token bos = llama_vocab_bos(m->vocab);
    char piece[64];
    if (llama_vocab_get_add_bos(m->vocab) && bos >= 0) {
        int len = llama_token_to_piece(m->vocab, bos, piece, sizeof piece, 0, true);
        if (len > 0 && strncmp(chat, piece, (size_t)len) != 0 && add_tokens(m, t, piece, (size_t)len, true, err) != 0) {
            goto done;
        }
    }
    const char *from = chat;
    for (int i = 0; i < r->message_count; i++) {
        const char *text = r->messages[i].text, *at = text[0] != '\0' ? strstr(from, text) : NULL;
        if (at != NULL) {
            if (add_tokens(m, t, from, (size_t)(at - from), true, err) != 0 || add_tokens(m, t, at, strlen(text), false, err) != 0) {
                goto done;
            }
            from = at + strlen(text);
            *anchor = i == 0 ? t->count : *anchor;
        } else if (strstr(text, "<|") != NULL) {
            cw_fail(err, CW_BAD_INPUT,
                    "prompt: expected plain text; found \"<|\", which this model's chat template would take for its own");
            goto done;
        }
    }
    if (add_tokens(m, t, from, strlen(from), true, err) != 0) {
        goto done;
    }
    if (r->prefill != NULL && add_tokens(m, t, r->prefill, strlen(r->prefill), false, err) != 0) {
        goto done;
    }
    status = 0;
done:
    free(messages);
    free(chat);
    return status;
}

/* 0, or what libllama says. */
static int decode(struct local *m, llama_token *ids, int n) {
    if (m->base.threads != NULL) {
        int threads = m->base.threads(m->base.threads_arg, n);
        llama_set_n_threads(m->ctx, threads, threads);
    }
    return llama_decode(m->ctx, llama_batch_get_one(ids, n));
}

/* Brings the KV cache to hold exactly these tokens and leaves the logits after the last one. The first `anchor` tokens, the first
 * message's, are decoded apart from the rest: their values then depend on nothing else, so a fresh start can keep them. */
static int decode_prompt(struct local *m, const struct tokens *t, int anchor, bool fresh, struct cw_error *err) {
    int keep = 0;
    while (keep < m->held_count && keep < t->count - 1 && m->held[keep] == t->ids[keep]) {
        keep++;
    }
    if (keep < anchor || m->anchor != anchor) {
        llama_memory_clear(llama_get_memory(m->ctx), true);
        keep = 0;
        m->anchor = anchor;
    } else if (fresh) {
        keep = anchor;
    }
    llama_memory_t memory = llama_get_memory(m->ctx);
    if (!llama_memory_seq_rm(memory, 0, keep, -1)) {
        llama_memory_clear(memory, true);
        keep = 0;
    }
    m->held_count = keep;
    m->base.usage.prompt_reused += keep;
    while (m->held_count < t->count) {
        int end = m->held_count < anchor ? anchor : t->count;
        int n = end - m->held_count < BATCH ? end - m->held_count : BATCH;
        if (decode(m, t->ids + m->held_count, n) != 0) {
            llama_memory_clear(memory, true);
            m->held_count = 0;
            return cw_fail(err, CW_FAILED, "%s: the language model could not read its prompt", m->base.name);
        }
        memcpy(m->held + m->held_count, t->ids + m->held_count, (size_t)n * sizeof *m->held);
        m->held_count += n;
        m->base.usage.prompt_tokens += n;
    }
    return 0;
}

/* ---- sampling -------------------------------------------------------------------------------------------------------- */

static int more_likely(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->logit != y->logit) {
        return x->logit > y->logit ? -1 : 1;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

/* One draw among n candidates, sorted by logit: min-p, temperature, softmax. */
static int draw(const struct local *m, const struct candidate *c, int n, uint64_t step) {
    if (m->temperature < 1e-3f) {
        return 0;
    }
    float floor_logit = c[0].logit + (m->params.min_p > 0 ? logf(m->params.min_p) : -1e9f);
    double sum = 0;
    int kept = 0;
    for (; kept < n && c[kept].logit >= floor_logit; kept++) {
        sum += exp((double)(c[kept].logit - c[0].logit) / m->temperature);
    }
    uint32_t words[4];
    cw_philox(m->seed, m->stream, step, words);
    double target = (words[0] + 0.5) / 4294967296.0 * sum;
    for (int i = 0; i < kept; i++) {
        target -= exp((double)(c[i].logit - c[0].logit) / m->temperature);
        if (target <= 0) {
            return i;
        }
    }
    return kept - 1;
}

/* What may come next: the grammar (or NULL) and the caller's own word on it. */
struct gate {
    struct llama_sampler *grammar;
    const struct cw_llm_request *request;
    struct cw_text *reply; /* so far; a candidate's text is put at its end for the caller to see, and taken off again */
};

static bool caller_admits(struct local *m, struct gate *g, llama_token id) {
    char piece[256];
    int n = llama_token_to_piece(m->vocab, id, piece, sizeof piece, 0, false);
    if (g->request->admit == NULL || n <= 0) {
        return true;
    }
    size_t len = g->reply->len;
    cw_text_add_n(g->reply, piece, (size_t)n);
    bool ok = g->reply->failed || g->request->admit(g->request->arg, g->reply->data);
    if (!g->reply->failed) {
        g->reply->len = len;
        g->reply->data[len] = '\0';
    }
    return ok;
}

/* Keeps those of n candidates that may come next, in their order; returns how many. */
static int admit(struct local *m, struct gate *g, struct candidate *c, int n) {
    int kept = 0;
    if (g->grammar == NULL) {
        for (int i = 0; i < n; i++) {
            if (caller_admits(m, g, c[i].id)) {
                c[kept++] = c[i];
            }
        }
        return kept;
    }
    for (int i = 0; i < n; i++) {
        m->grammar_tokens[i] = (llama_token_data){.id = c[i].id, .logit = c[i].logit};
    }
    llama_token_data_array array = {.data = m->grammar_tokens, .size = (size_t)n, .selected = -1};
    llama_sampler_apply(g->grammar, &array);
    for (size_t i = 0; i < array.size; i++) {
        if (isfinite(array.data[i].logit) && caller_admits(m, g, array.data[i].id)) {
            c[kept++] = (struct candidate){array.data[i].id, array.data[i].logit};
        }
    }
    return kept;
}

/* The next token, or LLAMA_TOKEN_NULL when none may come. `recent` are the tokens generated so far. */
static llama_token sample(struct local *m, struct gate *gate, const llama_token *recent, int recent_count, uint64_t step) {
    int v = m->vocab_size;
    memcpy(m->logits, llama_get_logits_ith(m->ctx, -1), (size_t)v * sizeof *m->logits);
    for (int i = recent_count > PENALTY_WINDOW ? recent_count - PENALTY_WINDOW : 0; i < recent_count; i++) {
        float *l = &m->logits[recent[i]];
        bool again = false; /* a token is penalised once, however often it came */
        for (int k = i + 1; k < recent_count && !again; k++) {
            again = recent[k] == recent[i];
        }
        if (m->wordy[recent[i]] && !again) {
            *l = *l > 0 ? *l / m->params.repeat_penalty : *l * m->params.repeat_penalty;
        }
    }
    float top = -INFINITY;
    for (int i = 0; i < v; i++) {
        top = m->logits[i] > top ? m->logits[i] : top;
    }
    /* far below the top nothing is ever drawn: sort only what can be, with room for what the grammar refuses */
    float least = top - 12.0f;
    int n = 0;
    for (int i = 0; i < v; i++) {
        if (m->logits[i] >= least) {
            m->candidates[n++] = (struct candidate){i, m->logits[i]};
        }
    }
    if (n == 0) {
        return LLAMA_TOKEN_NULL; /* no finite logit: a broken model */
    }
    qsort(m->candidates, (size_t)n, sizeof *m->candidates, more_likely);
    int drawn = draw(m, m->candidates, n, step);
    struct candidate one = m->candidates[drawn];
    if (admit(m, gate, &one, 1) == 1) {
        return one.id;
    }
    /* the grammar is slow on many tokens: few at first, then all that could be drawn, then the whole vocabulary */
    int look = n < FIRST_LOOK ? n : FIRST_LOOK, kept = admit(m, gate, m->candidates, look);
    if (kept == 0 && look < n) {
        memmove(m->candidates, m->candidates + look, (size_t)(n - look) * sizeof *m->candidates);
        kept = admit(m, gate, m->candidates, n - look);
    }
    if (kept == 0) {
        for (int i = 0; i < v; i++) {
            m->candidates[i] = (struct candidate){i, m->logits[i]};
        }
        kept = admit(m, gate, m->candidates, v);
        qsort(m->candidates, (size_t)kept, sizeof *m->candidates, more_likely);
    }
    return kept == 0 ? LLAMA_TOKEN_NULL : m->candidates[draw(m, m->candidates, kept, step)].id;
}

static int generate(struct cw_llm *base, const struct cw_llm_request *r, struct cw_text *out, struct cw_error *err) {
    struct local *m = (struct local *)base;
    int status = -1;
    struct tokens t = {0};
    struct llama_sampler *grammar = NULL;
    struct cw_text reply = {0};
    llama_token *recent = NULL;
    int recent_count = 0, anchor = 0;
    double start = cw_seconds();
    m->requests++;
    m->seed = r->seed != 0 ? r->seed : m->params.seed;
    m->stream = r->seed != 0 ? 0 : m->requests;
    m->temperature = r->temperature > 0 ? r->temperature : m->params.temperature;
    if (make_prompt(m, r, &t, &anchor, err) != 0) {
        goto done;
    }
    if (t.ids == NULL || t.count < 1 || t.count >= m->params.context) {
        cw_fail(err, CW_BAD_INPUT, "prompt too long for the language model's context; expected fewer than %d tokens; found %d",
                m->params.context, t.count);
        goto done;
    }
    recent = calloc((size_t)m->params.context, sizeof *recent);
    if (recent == NULL) {
        cw_fail_memory(err, "language model");
        goto done;
    }
    if (r->grammar != NULL) {
        grammar = llama_sampler_init_grammar(m->vocab, r->grammar, "root");
        if (grammar == NULL) {
            cw_fail(err, CW_BAD_INPUT, "grammar: expected GBNF with a rule \"root\"; found something that is not");
            goto done;
        }
    }
    if (decode_prompt(m, &t, anchor, r->fresh, err) != 0) {
        goto done;
    }
    m->base.usage.prompt_seconds += cw_seconds() - start;
    start = cw_seconds();
    struct gate gate = {grammar, r, &reply};
    while (recent_count < r->max_tokens && m->held_count < m->params.context) {
        llama_token id = sample(m, &gate, recent, recent_count, (uint64_t)recent_count);
        if (id == LLAMA_TOKEN_NULL || llama_vocab_is_eog(m->vocab, id)) {
            break;
        }
        if (grammar != NULL) {
            llama_sampler_accept(grammar, id);
        }
        char piece[256];
        int n = llama_token_to_piece(m->vocab, id, piece, sizeof piece, 0, false);
        recent[recent_count++] = id;
        m->base.usage.generated_tokens++;
        if (n > 0) {
            cw_text_add_n(&reply, piece, (size_t)n);
            cw_text_add_n(out, piece, (size_t)n);
            if (r->piece != NULL && !r->piece(r->arg, piece, (size_t)n)) {
                break;
            }
        }
        if (recent_count >= r->max_tokens) {
            break;
        }
        if (decode(m, &id, 1) != 0) {
            llama_memory_clear(llama_get_memory(m->ctx), true);
            m->held_count = 0;
            cw_fail(err, CW_FAILED, "%s: the language model stopped in the middle of its reply", m->base.name);
            goto done;
        }
        m->held[m->held_count++] = id;
    }
    m->base.usage.generate_seconds += cw_seconds() - start;
    status = cw_text_check(out, "language model", err);
done:
    if (grammar != NULL) {
        llama_sampler_free(grammar);
    }
    cw_text_free(&reply);
    free(recent);
    free(t.ids);
    return status;
}

static const struct llm_kind kind = {generate, count_tokens, close_local, true};
