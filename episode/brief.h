/* What is known before the first word is written: topic, style, sources, cast. */
#ifndef CW_BRIEF_H
#define CW_BRIEF_H

#include "dialogue/llm.h"
#include "dialogue/source.h"
#include "dialogue/style.h"
#include "episode/studio.h"

struct cw_brief {
    struct cw_write_params asked; /* topic filled in where there was none */
    struct cw_style *style;
    struct cw_sources sources;
    char topic[400];
    char writer[CW_PATH_MAX], planner[CW_PATH_MAX]; /* model files; "": an endpoint, or no planner of its own */
};
/* The models, opened; `planner` is NULL when one does both. Prices are set. */
CW_MUST_CHECK int cw_brief_models(const struct cw_brief *b, int threads, struct cw_llm **writer, struct cw_llm **planner,
                                  struct cw_error *err);
/* "talks/sea.md", "writing" -> "talks/.sea.md.writing": what a run that was cut off leaves beside its script. */
CW_MUST_CHECK int cw_brief_beside(const char *out, const char *ending, char path[CW_PATH_MAX], struct cw_error *err);
/* Checks what was asked for, opens style and sources, gives `script` its cast, personas and seed. A topic that was not given is the first
 * source's heading or name. */
CW_MUST_CHECK int cw_brief_open(struct cw_brief *b, const struct cw_studio *s, const struct cw_write_params *w, struct cw_script *script,
                                struct cw_error *err);
void cw_brief_close(struct cw_brief *b);

#endif
