/* One interface to language models of several kinds. */
#include "dialogue/llm_impl.h"

void cw_llm_close(struct cw_llm *m) {
    if (m != NULL) {
        m->kind->close(m);
    }
}

const char *cw_llm_name(const struct cw_llm *m) {
    return m->name;
}

const char *cw_llm_note(const struct cw_llm *m) {
    return m->note;
}

int cw_llm_context(const struct cw_llm *m) {
    return m->context;
}

bool cw_llm_follows_grammar(const struct cw_llm *m) {
    return m->kind->grammar;
}

struct cw_llm_usage cw_llm_usage(const struct cw_llm *m) {
    return m->usage;
}

int cw_llm_generate(struct cw_llm *m, const struct cw_llm_request *r, struct cw_text *out, struct cw_error *err) {
    if (r->message_count < 1 || r->max_tokens < 1) {
        return cw_fail(err, CW_BAD_INPUT, "language model: expected at least one message and one token to write");
    }
    return m->kind->generate(m, r, out, err);
}

void cw_llm_share(struct cw_llm *m, int (*threads)(void *arg, int tokens), void *arg) {
    m->threads = threads;
    m->threads_arg = arg;
}

int cw_llm_count_tokens(struct cw_llm *m, const char *text) {
    return m->kind->count_tokens(m, text);
}

void cw_llm_set_price(struct cw_llm *m, double prompt, double generated) {
    m->prompt_price = prompt;
    m->generated_price = generated;
}

double cw_llm_price(const struct cw_llm *m, long prompt_tokens, long generated_tokens) {
    return ((double)prompt_tokens * m->prompt_price + (double)generated_tokens * m->generated_price) / 1e6;
}

double cw_llm_cost(const struct cw_llm *m) {
    return cw_llm_price(m, m->usage.prompt_tokens, m->usage.generated_tokens);
}
