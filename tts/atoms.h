/* The normaliser's view of the source text: letters, digits and single marks, each with its place. Between tts/atoms.c, normalise.c,
 * measure.c only. */
#ifndef CW_ATOMS_H
#define CW_ATOMS_H

#include "tts/front.h"

enum atom_kind { ATOM_END, ATOM_WORD, ATOM_NUMBER, ATOM_MARK, ATOM_LINK };

struct atom {
    int kind;
    bool space; /* white space, or the text's start, stands before it */
    size_t offset, length;
    uint32_t mark;              /* ATOM_MARK: its code point, with look-alikes made one */
    size_t label, label_length; /* ATOM_LINK: the word inside the brackets */
    size_t value, value_length; /* ATOM_LINK: what stands in the parentheses */
};

struct reader {
    const char *text;
    size_t length;
    struct atom *atoms; /* atom_count of them, then one ATOM_END */
    size_t atom_count;
    bool british;
    struct cw_tokens *out;
    struct cw_text words; /* scratch */
};

CW_MUST_CHECK int atoms_read(struct reader *r, struct cw_error *err);

/* The atom at i; beyond either end, the ATOM_END. */
const struct atom *atom_at(const struct reader *r, size_t i);
const char *atom_text(const struct reader *r, size_t i);
bool atom_is(const struct reader *r, size_t i, const char *word); /* exactly this word, number or mark */
bool atom_is_any_case(const struct reader *r, size_t i, const char *word);
bool atom_mark(const struct reader *r, size_t i, uint32_t mark); /* this mark */
bool atom_joined(const struct reader *r, size_t i, int kind);    /* of this kind, with no space before it */
bool atom_joined_mark(const struct reader *r, size_t i, uint32_t mark);
bool atom_capital(const struct reader *r, size_t i); /* a word that starts with a capital */
bool atom_lower(const struct reader *r, size_t i);   /* a word that starts with a small letter */
int atom_int(const struct reader *r, size_t i);      /* a number of at most 6 digits, else -1 */
bool letter_upper(uint32_t c);
bool letter_lower(uint32_t c);

/* Speaks `words` (blanks between) for source atoms [a, b). */
void speak(struct reader *r, const char *words, size_t a, size_t b, int flags);
void speak_scratch(struct reader *r, size_t a, size_t b); /* r->words, then clears it */

void speak_mark(struct reader *r, const char *mark, size_t i);
/* The source of all tokens from `token` on is atoms [a, b): "40%" is one word of the script. */
void respan(struct reader *r, size_t token, size_t a, size_t b);
/* An abbreviation's dot at `dot`: does it end the sentence too? (The text ends there, or a new sentence visibly begins.) */
bool dot_ends(const struct reader *r, size_t dot);

/* Numbers with what stands around them (measure.c). Each returns the atom after what it spoke, or i when it does not apply. */
size_t read_money(struct reader *r, size_t i);
size_t read_number(struct reader *r, size_t i);
size_t read_date_words(struct reader *r, size_t i);                  /* "May 6, 2021", "Sept. 1999" */
const char *month_of(const struct reader *r, size_t i, size_t *dot); /* the month's full name; *dot = 1 when "Jan." has its dot */
int roman_value(const char *s, size_t n);                            /* 0: not a Roman numeral in its usual form */

#endif
