/* The crew: turns go in, are spoken by one worker or by several side by side, and come out in the order they went in.
 *
 *   cw_crew_add ─▶ queue ─▶ worker: plan ─▶ in the cache? else speak into it ─▶ cw_crew_next
 *
 * One worker computes each operation on all threads, for the soonest next turn; several compute alone, a turn each, for the
 * most turns an hour; beside a writer that shares the cores they compute alone as well. One worker that computes on all threads, while
 * nobody listens, takes several turns of F5 at once, which makes batches of them. The bytes are the same either way. One thread
 * adds and takes; none of its calls waits for speech but cw_crew_next, which waits as long as it is told to, and cw_crew_share. */
#ifndef CW_CREW_H
#define CW_CREW_H

#include "episode/turn.h"

enum { CW_CREW_MAX = 8 }; /* workers: each has activations of its own */

struct cw_crew;
/* `turns_dir`: the cache's folder. */
CW_MUST_CHECK int cw_crew_open(struct cw_crew **c, struct cw_studio *s, const char *turns_dir, int workers, struct cw_error *err);
void cw_crew_close(struct cw_crew *c); /* abandons what is not done */
/* A writer on the same cores asks before each of its steps, a reading of `tokens` tokens, how many of the device's threads it takes. Turns
 * begin at steps of one token only, on a core each: such a step waits for memory and loses least by it. A long step gets all cores where
 * speech would take half of them: what is being spoken is waited for, and has them all till then. Once nobody asks any more:
 * cw_crew_alone. */
int cw_crew_share(struct cw_crew *c, int tokens);
void cw_crew_alone(struct cw_crew *c);

/* The next turn; its spans are copied, its voice and language must outlive the crew. `level`: measure the voice's gain with it. */
CW_MUST_CHECK int cw_crew_add(struct cw_crew *c, const struct cw_turn_request *r, bool level, struct cw_error *err);

struct cw_crew_turn {
    char key[65], path[CW_PATH_MAX]; /* of its file in the cache */
    struct cw_take take;             /* the caller's: cw_take_free */
    bool levelled, rendered;         /* rendered: else it was there already */
    double gain_db;                  /* of the voice, where levelled */
    int64_t heard;                   /* samples that were given away as pieces */
};
/* 1: the turn next in order; 0: it is not done after `wait` seconds, or none is under way; -1: it failed. */
CW_MUST_CHECK int cw_crew_next(struct cw_crew *c, double wait, struct cw_crew_turn *t, struct cw_error *err);

/* A turn may be heard while it is made: from cw_crew_listen on, what has been made of the turn next in order since the last piece.
 * false: nothing. */
struct cw_crew_piece {
    float *samples; /* [count], the caller's */
    int64_t first, count;
    bool levelled; /* as of the turn */
    double gain_db;
};
void cw_crew_listen(struct cw_crew *c);
CW_MUST_CHECK bool cw_crew_piece(struct cw_crew *c, struct cw_crew_piece *p);

struct cw_crew_stats {
    double ahead_seconds;                     /* speech made of turns not taken yet */
    double made_seconds, speak_seconds;       /* speech made in all; wall clock while any worker was speaking */
    double acoustic_seconds, vocoder_seconds; /* summed over the workers */
    int together;                             /* most turns that one worker spoke at once */
};
struct cw_crew_stats cw_crew_stats(struct cw_crew *c);

#endif
