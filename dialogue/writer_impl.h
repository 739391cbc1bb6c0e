/* Inside of the writer: the texts it sends, the grammars it sets, the checks each turn has to pass. */
#ifndef CW_WRITER_IMPL_H
#define CW_WRITER_IMPL_H

#include "dialogue/source.h"
#include "dialogue/style.h"
#include "dialogue/writer.h"

/* What a turn is for. The order of a segment: a question, a fact, a reaction, a step further, and so on. */
enum beat {
    BEAT_OPEN,   /* greets and names the topic: the first turn of all */
    BEAT_TURN,   /* opens a later segment with its question */
    BEAT_ASK,    /* a short question */
    BEAT_TELL,   /* brings in a fact */
    BEAT_REACT,  /* surprise, doubt, a comparison, a joke */
    BEAT_OBJECT, /* holds the view that the plan gives the speaker against what was said */
    BEAT_EXTEND, /* an example, a reason, a limit */
    BEAT_SUM,    /* what to remember: the last turn but one */
    BEAT_CLOSE,  /* thanks and goodbye: the last turn of all */
};

/* ---- prompts.c ------------------------------------------------------------------------------------------------- */

/* "French" for "fr", NULL when the grammar has no letters for the language. */
const char *writer_language(const char *code);
void writer_system_prompt(struct cw_text *out, const struct cw_script *s, const struct cw_style *style);
extern const char writer_expert_prompt[];
/* Speaks of the example's own things, that the facts (`known`) do not have? `lower` is in lower case. */
bool writer_of_example(const struct cw_style *style, const char *lower, const char *known);
/* The note in parentheses that says what the next turn does, and the words that the turn opens with (or ""): the speaker's `own`, or where
 * that is NULL one of the style's. `used` counts how often each of these was taken: the least used ones are taken first, whole sentences
 * once. `pick` chooses among ways to say the same.
 * `sourced`: what is told is a document's: questions lead to it, and nobody denies it unless the style takes sides. */
void writer_note(struct cw_text *note, struct cw_text *opener, enum beat beat, const struct cw_style *style, bool sourced, const char *name,
                 const char *other, const char *subject, const char *own, uint32_t pick, unsigned char used[STYLE_OPENERS_ALL]);

/* ---- grammar.c --------------------------------------------------------------------------------------------------- */

/* The rest of a line after "NAME:" (and an opener, when `opened`): least..most sentences and a newline, or one question. */
void writer_grammar_turn(struct cw_text *out, bool opened, int least, int most, bool question);
/* The same for the last turn of all: one sentence and a goodbye. */
void writer_grammar_close(struct cw_text *out);
/* "Title: ...", "Angle: The talk shows that ..." when `angle`, and `parts` lines "1. question?", each with " A thinks ... B thinks ..."
 * after it where two names are given (else NULL). */
void writer_grammar_outline(struct cw_text *out, int parts, bool angle, const char *a, const char *b);
/* "- sentence." of at most `words` words: what was said in a part. */
void writer_grammar_summary(struct cw_text *out, int words);
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
/* Hashes of the words that carry meaning, stemmed, as often as they come; free() them. */
CW_MUST_CHECK int words_content(const char *text, uint32_t **hashes, int *count, struct cw_error *err);
CW_MUST_CHECK int ledger_add(struct ledger *l, const char *text, struct cw_error *err);
void ledger_free(struct ledger *l);
int words_count(const char *text);
/* Share of the meaning of the shorter that is in the other as well, 0..1; 0 when there is too little of it. */
double words_likeness(const struct words *a, const struct words *b);
/* Share of a's word triples that b has. */
double words_copied(const struct words *a, const struct words *b);

/* A line that begins so may not go on: empty agreement, or words that stand in the ledger in the same order. */
bool writer_bad_start(const char *line);
bool writer_runs_again(const char *text); /* ends with words that it had before in the same order */
bool ledger_has_run(const struct ledger *l, const char *line);
/* Is a whole sentence of the text, of two words or more, in the ledger? */
bool ledger_has_sentence(const struct ledger *l, const char *text, struct cw_error *err);
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
    const struct cw_style *style;
    const char *fact;  /* what it should bring in, or NULL */
    const char *known; /* text whose numbers may be used */
    bool sourced;      /* it rests on documents: no figure of its own, no denial of what they say */
    bool loose;        /* from a model that follows no grammar: words may have run together, and it may tell what its note says */
    int most_words, least_words;
};
/* 0: nothing to object to; up to 100: acceptable, the less the better; more: refused. `why` names the worst, for diagnosis. */
/* "No, ...", "I doubt that.", "Where is the proof?" */
bool writer_denies(const char *text);
/* Takes the sentences out of `text` that hold five words in a row of what was said, words that ran together, or what the note says, told
 * instead of done; `*all`: every one does, and the text stays. */
CW_MUST_CHECK int writer_leave_out(const struct turn_check *c, char *text, bool *all, struct cw_error *err);
CW_MUST_CHECK int writer_check_turn(const struct turn_check *c, const char *text, int *penalty, const char **why, struct cw_error *err);

/* ---- the writer at work ------------------------------------------------------------------------------------------- */

enum {
    TOPIC_MAX = 2000, /* bytes */
    PARTS_MAX = 150,
    FACTS_MAX = 14,     /* of one part */
    PART_PASSAGES = 4,  /* that one part rests on, */
    SHOWN_PASSAGES = 2, /* and of them put before the model whole: the others by their sentences */
    PLAN_AHEAD = 4,     /* parts whose facts are gathered together */
    ANGLE_TOKENS = 48,
    ANGLE_LETTERS = 200,
};
#define ANGLE_FORM "The talk shows that "

struct fact {
    char *text;
    int passage; /* index into the sources, -1: the model's own */
    long at;     /* where in the passage it stands */
    int side;    /* 0: for the view of the first of the cast, told by him alone; 1: for the second's; -1: told by anybody */
};
struct part {
    char *question; /* what the part answers, and its heading */
    char *views[2]; /* what each of the first two of the cast holds on it, or NULL: they do not agree */
    char *said;     /* what was said in it, in the model's own words: a line, or NULL */
    bool objected;  /* a view was put against what was said */
    double seconds; /* that it is to take, as planned when it was begun */
    struct fact facts[FACTS_MAX];
    int fact_count, told;
    int passages[PART_PASSAGES], passage_count;
};

struct writer {
    struct cw_llm *plan_llm, *llm; /* the same one, unless one plans and another writes */
    struct cw_writer_params params;
    const struct cw_writer_events *events;
    struct cw_script *script;
    const struct cw_style *style;
    struct cw_sources *sources; /* NULL: none */
    char topic[TOPIC_MAX + 1];
    char *angle; /* what the talk sets out to show ("bees fly by light"), or NULL */
    struct part parts[PARTS_MAX];
    int part_count;
    struct cw_text system, user, prefill, known;
    char **history; /* "(note)\nName: text\n", the newest last */
    int history_count, history_from;
    struct ledger said, examples;
    double seconds; /* the talk so far */
    int words_by[CW_CAST_MAX], turns_by[CW_CAST_MAX];
    double seconds_by[CW_CAST_MAX];
    int last_speaker;
    unsigned char used[STYLE_OPENERS_ALL];
    unsigned char own_used[CW_CAST_MAX][CW_OPENERS_MAX]; /* the cast's own openers */
    int own_turns[CW_CAST_MAX];                          /* that might have begun with one of them */
    unsigned char *passage_used;                         /* [sources->count] */
    bool *passage_cited;                                 /* [sources->count] */
    bool fresh[2]; /* the next request to the one that writes, and to another that plans, begins a part */
    struct journal *journal;
    struct cw_llm_usage spent[2]; /* on plan and facts, and on lines, in this run and those before that it goes on from */
    double spent_before;          /* money, in those before */
    uint64_t calls, picks;
    uint64_t topic_hash; /* another topic, another order of moves and openers */
};

/* ---- writer.c ---------------------------------------------------------------------------------------------------- */

uint32_t writer_random(struct writer *w);
void writer_tell(const struct writer *w, const char *what);
/* Words that still fit in so many seconds of talk. */
int writer_words_in(const struct writer *w, double seconds);

struct shape {
    int least, most; /* sentences */
    int words;       /* at most, about */
    bool question;
};
/* How long a turn may be. `fact` may be NULL. */
struct shape writer_shape(struct writer *w, enum beat beat, int speaker, const struct fact *fact, int most_words);
/* The opener of the speaker's own that the next turn begins with, by the same rules as the style's: one turn in three has one; else NULL.
 */
const char *writer_own_opener(struct writer *w, enum beat beat, int speaker);
/* Does a turn of this kind want an answer? */
bool writer_beat_asks(enum beat b);
/* Does the first of the cast ask, and the others tell, to the end? */
bool writer_roles(const struct writer *w);
int writer_next_speaker(const struct writer *w, enum beat beat);
/* What comes after `last` with this many words and facts left. */
enum beat writer_next_beat(struct writer *w, enum beat last, const struct part *p, int words_left, int extended);
/* Brings the speaker's next fact, or one of nobody's, to the front of those untold; false where there is none. */
bool writer_bring_fact(struct part *p, int speaker);
/* What a turn is about; a reaction becomes an objection once in a part, where the plan gives its speaker another view. */
const char *writer_subject(const struct writer *w, struct part *p, int speaker, enum beat *beat);
/* May a part that has so many words left end after `last`? It ends neither on a question nor just before one without room for an answer. */
bool writer_part_full(const struct writer *w, enum beat last, int left);
/* Ends a line after its last whole sentence, and after the last that `words` have room for (0: all). */
void writer_trim(char *line, int words);
/* Takes the line into the script, notes what it rests on, and tells who listens. `fact` may be NULL. */
CW_MUST_CHECK int writer_take_turn(struct writer *w, int part, int speaker, const char *note, const char *text, const struct fact *fact,
                                   struct cw_error *err);
/* Writes one turn; `*written` is false when no line passed and the beat is left out. */
CW_MUST_CHECK int writer_write_turn(struct writer *w, int part, enum beat beat, int speaker, const char *subject, const struct fact *fact,
                                    int most_words, bool *written, struct cw_error *err);

/* at_once.c: the turns of a part, several in one request, for a model that follows no grammar; the part ends at the second `until` of the
 * talk, with room for `spare` words more. */
CW_MUST_CHECK int writer_part_at_once(struct writer *w, int part, double until, int spare, struct cw_error *err);

/* journal.c. A journal that is NULL keeps nothing. */
struct journal;
/* Opens or begins it; what is there counts when its key is the same, up to the last mark when `marks`. */
CW_MUST_CHECK int journal_open(struct journal **j, const char *path, const char *key, bool marks, struct cw_error *err);
/* The next reply of the runs before, when it answers what is `asked` (a hash of it). */
CW_MUST_CHECK int journal_read(struct journal *j, const char *asked, struct cw_text *out, bool *found, struct cw_error *err);
/* A reply (NULL: none came), and what plan and facts, and lines, took in all runs until then. */
CW_MUST_CHECK int journal_add(struct journal *j, const char *asked, const char *reply, const struct cw_llm_usage spent[2],
                              struct cw_error *err);
CW_MUST_CHECK int journal_mark(struct journal *j, const char *what, struct cw_error *err);
/* What the runs before took; left alone without a journal. */
void journal_spent(const struct journal *j, struct cw_llm_usage spent[2]);
void journal_close(struct journal *j); /* the file stays */

/* ask.c: one request to a model. */
struct line_watch {
    const struct writer *writer;
    const char *opener, *name;
    struct cw_text text;
};
enum question_kind { ASK_PLAN, ASK_FACTS, ASK_LINE, ASK_TURNS };
/* One of several turns asked for at once. */
struct turn_order {
    int number; /* from 1: with the name it is the turn's key in the reply */
    const char *name, *note, *opener;
    struct shape shape;
    bool wanted;       /* now; else it is there and good */
    const char *found; /* the line that was no good, or NULL, */
    const char *why;   /* and what it does ("repeats an earlier turn") */
};
struct question {
    enum question_kind kind;
    struct cw_llm *llm;
    const char *system, *user;
    const char *prefill, *grammar;    /* for a model that follows a grammar; the others are told the rest */
    int count;                        /* questions of a plan, facts, turns */
    bool angle;                       /* of a plan: it has one */
    const char *name, *note, *opener; /* of a line */
    const struct turn_order *turns;   /* [count] ASK_TURNS: the reply has a line "N: text" for each wanted one that came */
    const char *before;               /* the reply that had lines that were no good, or NULL */
    struct shape shape;               /* of a line */
    bool closes;                      /* it ends with a goodbye */
    int max_tokens;
    float temperature;
};
/* What the runs before spent counts. */
void writer_take_up(struct writer *w);
/* Appends the reply in the grammar's form, whatever the model. */
CW_MUST_CHECK int writer_ask(struct writer *w, const struct question *q, struct cw_text *out, struct cw_error *err);

/* plan.c: title, angle, questions, views; what was said. */
CW_MUST_CHECK int writer_plan(struct writer *w, struct cw_error *err);
/* Is a talk's angle the plan's own, and no question; of a document's talk one that has half of its words there, without a figure, which
 * would be said? */
CW_MUST_CHECK int writer_angle_good(const struct writer *w, const char *angle, bool *good, struct cw_error *err);
bool writer_is_wish(const char *question); /* says what a plan is asked for, not a thing that a listener would ask */
/* Ends a text after so many words and bytes, never inside a character; nothing in it may look like a comment of the script. */
void writer_keep_short(char *s, int words, size_t bytes);
/* Frees what a part holds; nothing is left in it. */
void writer_part_free(struct part *p);
/* Asks for one line that says what was told in a part; the parts after it are shown it. */
CW_MUST_CHECK int writer_sum_up(struct writer *w, int part, struct cw_error *err);
/* The message that stays the same while a part is written. */
CW_MUST_CHECK int writer_part_prompt(struct writer *w, int part, struct cw_error *err);

/* facts.c: what there is to tell. */
/* Taken over from an example that the model was shown? */
bool writer_is_copied(const struct writer *w, const char *text);
/* Sentences of a passage that can be said as they stand, counted up to `most`. */
int writer_tellable(const char *passage, int most);
/* The passage, its heading included, that has most of what a question asks for, and how much of it, 0..1: rare words count more. */
CW_MUST_CHECK int writer_answered(const struct writer *w, const char *question, double *share, int *passage, struct cw_error *err);
/* How much of what a text says has words somewhere in the sources, 0..1, weighed in the same way. */
CW_MUST_CHECK int writer_borne_out(const struct writer *w, const char *text, double *share, struct cw_error *err);
/* Are its facts gathered for either view? In a style that takes sides, where the plan has two. */
bool writer_by_side(const struct writer *w, const struct part *p);
/* Gathers up to `count` more facts about a part, in a style that takes sides half of them for either view: from the sources, the model's
 * own where they have no more. */
CW_MUST_CHECK int writer_gather(struct writer *w, int part, int count, struct cw_error *err);

/* trace.c: what a turn rests on. */
/* Adds `note` to a turn's remarks, and frees it. */
CW_MUST_CHECK int writer_remark(struct cw_turn *t, struct cw_text *note, struct cw_error *err);
/* Notes in the turn's comment what it rests on, and what an editor should look at. `fact` may be NULL. */
CW_MUST_CHECK int writer_trace(struct writer *w, int part, const struct fact *fact, struct cw_turn *t, struct cw_error *err);
/* The passages cited so far are the end of the script. */
CW_MUST_CHECK int writer_add_passages(struct writer *w, struct cw_error *err);

#endif
