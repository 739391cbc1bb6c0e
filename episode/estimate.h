/* What a talk will take before it is written, from what talks took here before. */
#ifndef CW_ESTIMATE_H
#define CW_ESTIMATE_H

#include "episode/brief.h"

struct cw_estimate {
    long prompt_tokens, generated_tokens;
    double seconds, money;
    const char *by; /* "as the last one here", ... */
};
/* By the rates of the last talk of these models on this machine; the first time by means of ours, and the local model's speed in a probe of
 * a second or two. Fails only where the model does. */
CW_MUST_CHECK int cw_estimate_make(const struct cw_brief *b, struct cw_llm *writer, struct cw_llm *planner, struct cw_estimate *e,
                                   struct cw_error *err);
/* Keeps what a whole talk took. That it cannot be kept is no error. */
void cw_estimate_keep(const struct cw_brief *b, long prompt_tokens, long generated_tokens, double seconds);

#endif
