/* Measures of a script: how much it repeats itself, how it shares out the talk, what its figures rest on. */
#ifndef CW_STATS_H
#define CW_STATS_H

#include "dialogue/script.h"

struct cw_script_finding {
    int turn; /* from 1 */
    int line; /* in the file, 0 when the program made it */
    const char *what;
    char text[100];
};

struct cw_script_stats {
    int segments, turns, words;
    int words_by[CW_CAST_MAX], turns_by[CW_CAST_MAX];
    int questions;                     /* turns that end in one */
    int greetings, farewells;          /* of these: greetings after the first turn, farewells before the last */
    int sentences, repeated_sentences; /* of two words or more */
    int grams, repeated_grams;         /* runs of five words inside turns, case aside */
    int banned_openers;                /* turns that open with empty agreement */
    int banned_twice;                  /* of them, those that open as one before did */
    double turn_words, turn_variation; /* mean, and standard deviation over mean */
    int passages, traced;              /* passages kept in the script; turns that rest on some */
    int stating, stating_traced;       /* turns that state something: neither the first nor the last, eight words or more, no question;
                                        * those of them that rest on passages */
    int claims, claims_cited;          /* figures in turns when there are passages; those that stand in a passage their turn rests on */
    int claims_flagged;                /* the others, in turns that a comment asks the editor to check */
    struct cw_script_finding *findings;
    int finding_count;
};
CW_MUST_CHECK int cw_script_measure(const struct cw_script *s, struct cw_script_stats *out, struct cw_error *err);
void cw_script_stats_free(struct cw_script_stats *s);

#endif
