/* Inside of the writer: the texts it sends, the grammars it sets, the checks each turn has to pass. */
#ifndef CW_WRITER_IMPL_H
#define CW_WRITER_IMPL_H

#include "dialogue/writer.h"

/* What a turn is for. The order of a segment: a question, a fact, a reaction, a step further, and so on. */
enum beat {
    BEAT_OPEN,   /* greets and names the topic: the first turn of all */
    BEAT_TURN,   /* opens a later segment with its question */
    BEAT_ASK,    /* a short question */
    BEAT_TELL,   /* brings in a fact */
    BEAT_REACT,  /* surprise, doubt, a comparison, a joke */
    BEAT_EXTEND, /* an example, a reason, a limit */
    BEAT_SUM,    /* what to remember: the last turn but one */
    BEAT_CLOSE,  /* thanks and goodbye: the last turn of all */
};

/* ---- prompts.c ------------------------------------------------------------------------------------------------- */

struct style {
    const char *name;
    const char *how;  /* one line for the system prompt */
    bool fixed_roles; /* the first of the cast asks, the others tell, throughout */
    bool sides;       /* the speakers disagree */
};
const struct style *writer_style(const char *name); /* NULL: unknown */
void writer_list_styles(struct cw_text *out);
/* "French" for "fr", NULL when the grammar has no letters for the language. */
const char *writer_language(const char *code);
void writer_system_prompt(struct cw_text *out, const struct cw_script *s, const struct style *style);
extern const char writer_expert_prompt[];
/* The lines of the worked examples, so that copies of them can be refused: NULL after the last. */
const char *writer_example_line(int i);
/* Speaks of the example's own things, that the facts (`known`) do not have? `lower` is in lower case. */
bool writer_of_example(const char *lower, const char *known);
/* The note in parentheses that says what the next turn does, and the words that the turn opens with (or ""): `used` counts how often
 * each opener was taken, and the least used ones are taken first. `pick` chooses among ways to say the same. */
enum { OPENERS_MAX = 64 };
void writer_note(struct cw_text *note, struct cw_text *opener, enum beat beat, const struct style *style, const char *name,
                 const char *other, const char *subject, uint32_t pick, unsigned char used[OPENERS_MAX]);

/* ---- grammar.c --------------------------------------------------------------------------------------------------- */

/* The rest of a line after "NAME:" (and an opener, when `opened`): least..most sentences and a newline, or one question. */
void writer_grammar_turn(struct cw_text *out, bool opened, int least, int most, bool question);
/* The same for the last turn of all: one sentence and a goodbye. */
void writer_grammar_close(struct cw_text *out);
/* "Title: ..." and `parts` lines "1. question?" */
void writer_grammar_outline(struct cw_text *out, int parts);
/* `count` lines "- sentence." */
void writer_grammar_facts(struct cw_text *out, int count);

/* ---- check.c ----------------------------------------------------------------------------------------------------- */

/* What was said so far, in a form that makes likeness cheap to measure. */
struct words {
    uint32_t *all; /* hashes of every word in order */
    int all_count;
    uint32_t *content; /* hashes of the words that carry meaning, each once */
    int content_count;
    uint32_t opener[2]; /* the first two words */
    char *plain;        /* " all words in lower case " with single blanks */
};
struct ledger {
    struct words *turns;
    int count;
};
CW_MUST_CHECK int words_of(struct words *w, const char *text, struct cw_error *err);
void words_free(struct words *w);
CW_MUST_CHECK int ledger_add(struct ledger *l, const char *text, struct cw_error *err);
void ledger_free(struct ledger *l);
int words_count(const char *text);
/* Share of the meaning of the shorter that is in the other as well, 0..1; 0 when there is too little of it. */
double words_likeness(const struct words *a, const struct words *b);
/* Share of a's word triples that b has. */
double words_copied(const struct words *a, const struct words *b);

/* A line that begins so may not go on: empty agreement, or words that stand in the ledger in the same order. */
bool writer_bad_start(const char *line);
bool ledger_has_run(const struct ledger *l, const char *line);
/* The phrase of empty agreement that a turn opens with ("absolutely"), or NULL. */
const char *writer_banned_opener(const char *text);
bool writer_greets(const char *text);
bool writer_takes_leave(const char *text);
/* Words since the last sentence end. */
int words_in_sentence(const char *line);

struct turn_check {
    const struct cw_script *script;
    int speaker;
    enum beat beat;
    const struct ledger *said;     /* turns of the script, oldest first */
    const struct ledger *examples; /* never to be copied */
    const char *fact;              /* what it should bring in, or NULL */
    const char *known;             /* text whose numbers may be used */
    int most_words;
};
/* 0: nothing to object to; up to 100: acceptable, the less the better; more: refused. `why` names the worst, for diagnosis. */
CW_MUST_CHECK int writer_check_turn(const struct turn_check *c, const char *text, int *penalty, const char **why, struct cw_error *err);

#endif
