/* Directing a script that is there: one turn or a segment said again another way, a turn put in, the rest of the talk written anew. */
#ifndef CW_REWRITE_H
#define CW_REWRITE_H

#include "dialogue/llm.h"
#include "dialogue/script.h"

struct cw_sources;
struct cw_style;

enum cw_rewrite_what {
    CW_REWRITE_TURN,     /* turn `at` */
    CW_REWRITE_SEGMENT,  /* every turn of segment `at` */
    CW_REWRITE_INSERT,   /* a new turn after turn `at` (0: before the first) */
    CW_REWRITE_CONTINUE, /* the rest of the talk after turn `at`, each segment as long as it was */
};
struct cw_rewrite_params {
    enum cw_rewrite_what what;
    int at;                           /* from 1 */
    const char *say;                  /* what is wanted: "shorter, with an example" */
    const char *speaker;              /* of a turn put in; NULL: whoever did not speak last */
    const struct cw_style *style;     /* NULL: conversation.style */
    uint64_t seed;                    /* another one, another try */
    const struct cw_sources *sources; /* beside the script's own passages; NULL: none */
    double budget;                    /* money, by the model's prices; 0: no limit */
};
/* Comments stay where they are; what a new turn rests on is noted anew. A passage of `sources` that it rests on joins the script's own.
 * Where it fails half-way, the turns done before are in the script and in the text that cw_rewrite_text makes; the others are there as they
 * were. */
CW_MUST_CHECK int cw_rewrite(struct cw_llm *llm, struct cw_script *s, struct cw_rewrite_params p, struct cw_error *err);
/* The text that the script was parsed from, with the turns that cw_rewrite changed or put in, and the passages that it added; every other
 * byte as it was. */
CW_MUST_CHECK int cw_rewrite_text(const struct cw_script *s, const char *before, struct cw_text *after, struct cw_error *err);
/* What changed between two texts, line by line, in the form of `diff -u`; nothing when they are the same. */
void cw_rewrite_diff(struct cw_text *out, const char *name, const char *before, const char *after);

#endif
