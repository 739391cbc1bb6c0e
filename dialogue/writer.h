/* The writer: a topic -> a script, turn by turn. Plans an outline, then writes each segment under a grammar that admits
 * only the cast's names and speakable text, carrying a summary of what was said. */
#ifndef CW_WRITER_H
#define CW_WRITER_H

#include "dialogue/llm.h"
#include "dialogue/script.h"

struct cw_sources;
struct cw_style;

struct cw_writer_params {
    const char *topic;
    double minutes;               /* target length; default 3 */
    double words_per_minute;      /* speaking rate until turns were measured; default 165 */
    const struct cw_style *style; /* NULL: conversation.style */
    struct cw_sources *sources;   /* what the talk rests on, or NULL */
    struct cw_llm *planner;       /* plans and gathers facts; NULL: the one that writes */
    bool no_disclosure;           /* leaves out the line that says the talk is synthetic */
    /* A file where every reply of the model is kept until the talk is finished: a run that was cut off goes on from there when
     * `journal_key` (a hash of all that was asked for) is the same. NULL: none. */
    const char *journal, *journal_key;
    struct cw_llm_usage *usage; /* [2]: what planning and facts took, what lines took, with the runs before; NULL: not wanted */
    double budget;              /* money, by the models' prices, for all these runs: stops before it is exceeded; 0: no limit */
    uint64_t seed;
};
struct cw_writer_params cw_writer_params_default(void);

struct cw_writer_events {
    void *arg;
    /* The script holds the new turn already: segment index, turn index. Returns false to stop (cancelled). May be NULL. */
    bool (*turn)(void *arg, const struct cw_script *s, int segment, int turn);
    /* Seconds of the talk so far, the newest turn included, when the listener knows: else words and their rate tell. May be NULL. */
    double (*seconds)(void *arg);
    /* What the writer is doing now ("planning", "writing 2/4"), and how far in [0, 1]. May be NULL. */
    void (*stage)(void *arg, const char *what, double fraction);
    /* A line of the model that did not pass, and why: it is asked again. May be NULL. */
    void (*refused)(void *arg, const char *text, const char *why);
};

/* `s` comes with its cast, language and seed set; title, segments and turns are written. Empty or unspeakable topic, or
 * longer than 2,000 bytes: CW_BAD_INPUT. */
CW_MUST_CHECK int cw_writer_run(struct cw_llm *llm, struct cw_writer_params params, const struct cw_writer_events *events,
                                struct cw_script *s, struct cw_error *err);

#endif
