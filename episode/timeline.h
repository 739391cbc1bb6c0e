/* The timeline: lengths of turns -> where each one starts, in samples at 24 kHz. Integer arithmetic; one turn after another,
 * so an episode can be placed while it is still being written. */
#ifndef CW_TIMELINE_H
#define CW_TIMELINE_H

#include "dialogue/script.h"
#include "episode/studio.h"

/* Milliseconds. A table in one place; the tests hold it to its meaning. */
struct cw_gaps {
    int lead_in, tail;                                            /* before the first turn, after the last */
    int segment;                                                  /* before a turn that opens a segment */
    int same, same_trailing;                                      /* the same speaker goes on; after "…" */
    int statement, question, exclamation, trailing, comma, other; /* change of speaker, by how the turn before ended */
    int cut_off;                                                  /* it ended in a dash: the next speaker comes in on it */
};
extern const struct cw_gaps cw_gaps;

struct cw_timeline { /* zero-initialise */
    int turns;
    int64_t prev_start, prev_end; /* of the turn before */
    int64_t end;                  /* of all turns so far */
    int64_t speaker_end[CW_CAST_MAX];
    int prev_speaker;
    uint32_t prev_mark;
};
struct cw_timeline_turn {
    int speaker;
    int overlap_ms;     /* > 0: starts that long before the turn before ends */
    bool opens_segment; /* first turn of a segment that is not the first */
};
/* Where the turn would start if it came next: never before the turn before it starts, nor while its own speaker talks. */
int64_t cw_timeline_next(const struct cw_timeline *t, struct cw_timeline_turn turn);
/* Puts it there; `samples` long, ending in `mark` (cw_timeline_mark). Returns its start. */
int64_t cw_timeline_add(struct cw_timeline *t, struct cw_timeline_turn turn, int64_t samples, uint32_t mark);
/* Length of the whole, tail included. */
int64_t cw_timeline_total(const struct cw_timeline *t);
/* The code point that ends a text, closing quotes and brackets aside; 0: none. */
uint32_t cw_timeline_mark(const char *text);

#endif
