/* Language models behind one interface: a prompt and what the reply must look like in, text out, piece by piece.
 * llm_local.c: a GGUF file, through libllama. llm_remote.c: an OpenAI-compatible endpoint, through libcurl. */
#ifndef CW_LLM_H
#define CW_LLM_H

#include "base/base.h"

struct cw_llm;

struct cw_llm_params {
    int threads; /* 0: as many as cores */
    int context; /* tokens; default 4096 */
    uint64_t seed;
    float temperature, min_p, repeat_penalty; /* defaults 0.8, 0.05, 1.1 */
};
struct cw_llm_params cw_llm_params_default(void);
CW_MUST_CHECK int cw_llm_open_local(struct cw_llm **m, const char *gguf, struct cw_llm_params params, struct cw_error *err);

struct cw_llm_endpoint {
    const char *url;          /* "https://host/v1" */
    const char *model;        /* as the server calls it */
    const char *key_file;     /* NULL: $CASTWRIGHT_API_KEY, else $OPENAI_API_KEY, else none */
    const char *key_variable; /* of the environment in place of these two, or NULL */
    double seconds;           /* of silence before a request is given up; 60 */
    int tries;                /* 5 */
    double wait_seconds;      /* before the second try, doubled each time; 1 */
    int context;              /* tokens; 16384 */
};
struct cw_llm_endpoint cw_llm_endpoint_default(void);
/* Opens no connection yet. */
CW_MUST_CHECK int cw_llm_open_remote(struct cw_llm **m, struct cw_llm_endpoint p, struct cw_error *err);
void cw_llm_close(struct cw_llm *m);
/* Whether `prefill`, `grammar` and `admit` of a request count; where not, `schema` does. */
bool cw_llm_follows_grammar(const struct cw_llm *m);
const char *cw_llm_name(const struct cw_llm *m);
const char *cw_llm_note(const struct cw_llm *m); /* what people should know of it, in a line, or "" */

struct cw_llm_message {
    const char *role; /* "system", "user", "assistant" */
    const char *text;
};
struct cw_llm_request {
    const struct cw_llm_message *messages;
    int message_count;
    const char *prefill; /* the assistant's reply begins with this, or NULL; not part of the result */
    const char *grammar; /* GBNF, or NULL */
    const char *schema;  /* JSON schema, or NULL */
    int max_tokens;
    double most_cost;  /* money, by the model's price, of all tries together: none begins that could exceed it; 0: no limit */
    float temperature; /* 0: the model's own */
    uint64_t seed;     /* 0: the model's seed and the number of the request */
    bool fresh;        /* forget what came before: this request and those after it give the same text as in any other run */
    /* May refuse a token as the grammar does: `text` is the reply with that token's text at its end. May be NULL. */
    bool (*admit)(void *arg, const char *text);
    /* Called with each new piece of text; returns false to stop there. May be NULL. */
    bool (*piece)(void *arg, const char *text, size_t len);
    void *arg; /* of both */
};
struct cw_llm_usage { /* summed over the life of the model */
    long prompt_tokens, prompt_reused, generated_tokens, retries;
    double prompt_seconds, generate_seconds;
};
/* Appends the reply to `out`. A prompt that does not fit the context is refused, never cut. */
CW_MUST_CHECK int cw_llm_generate(struct cw_llm *m, const struct cw_llm_request *r, struct cw_text *out, struct cw_error *err);
/* Who shares the cores with others: a local model then asks before each step, a reading of `tokens` of them at once, how many threads it
 * takes. The text does not depend on it. An endpoint never asks. */
void cw_llm_share(struct cw_llm *m, int (*threads)(void *arg, int tokens), void *arg);
int cw_llm_count_tokens(struct cw_llm *m, const char *text);
int cw_llm_context(const struct cw_llm *m);
struct cw_llm_usage cw_llm_usage(const struct cw_llm *m);
/* Prices of a million tokens, in whatever money; 0 until set. What some tokens cost, and what was spent so far. */
void cw_llm_set_price(struct cw_llm *m, double prompt, double generated);
double cw_llm_price(const struct cw_llm *m, long prompt_tokens, long generated_tokens);
double cw_llm_cost(const struct cw_llm *m);

#endif
