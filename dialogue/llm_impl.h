/* Inside of the language models: what every kind of them is made of. */
#ifndef CW_LLM_IMPL_H
#define CW_LLM_IMPL_H

#include "dialogue/llm.h"

struct llm_kind {
    int (*generate)(struct cw_llm *m, const struct cw_llm_request *r, struct cw_text *out, struct cw_error *err);
    int (*count_tokens)(struct cw_llm *m, const char *text);
    void (*close)(struct cw_llm *m);
    bool grammar; /* follows one, a prefill and `admit`; else the schema is asked for */
};
struct cw_llm { /* the first member of each kind's own struct */
    const struct llm_kind *kind;
    struct cw_llm_usage usage;
    int context;
    int (*threads)(void *arg, int tokens); /* cw_llm_share; may be NULL */
    void *threads_arg;
    double prompt_price, generated_price; /* per million tokens */
    char name[256], note[400];
};

#endif
