/* The normaliser's view of the source text, and its readers. Between the normaliser's own files only:
 *
 *   source ─▶ unicode.c (clean text) ─▶ atoms.c (letters, digits, single marks) ─▶ normalise.c: the walk; at each atom the first reader
 *   that knows the pattern speaks it (dates.c, money.c, units.c, measure.c, digits.c, electronic.c, address.c, abbreviations.c) ─▶ tokens
 *
 * A reader returns the atom after what it spoke, or i when its pattern is not there.
 */
#ifndef CW_ATOMS_H
#define CW_ATOMS_H

#include "tts/front.h"

#define EN_DASH 0x2013
#define EM_DASH 0x2014
#define ELLIPSIS 0x2026
#define MINUS_SIGN 0x2212

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
    const char *source;
    char *text; /* clean, NUL-terminated */
    size_t length;
    uint32_t *map;      /* [length + 1]: where in the source each byte of `text` comes from */
    struct atom *atoms; /* atom_count of them, then one ATOM_END */
    size_t atom_count;
    bool british;
    bool quoted;               /* inside of double quotes */
    enum cw_token_class class; /* of what is being read */
    struct cw_tokens *out;
    struct cw_text words; /* scratch */
};

/* Fills text and map; free() both. */
CW_MUST_CHECK int text_clean(struct reader *r, const char *source, struct cw_error *err);
/* A link "[label](value)" at s: its length, 0 when there is none. */
size_t link_length(const char *s, size_t n, size_t *label);
CW_MUST_CHECK int atoms_read(struct reader *r, struct cw_error *err);

/* ---- looking at atoms: beyond either end stands the ATOM_END ---------------------------------------------------------- */

const struct atom *atom_at(const struct reader *r, size_t i);
const char *atom_text(const struct reader *r, size_t i);
bool atom_is(const struct reader *r, size_t i, const char *word); /* exactly this word, number or mark */
bool atom_is_any_case(const struct reader *r, size_t i, const char *word);
bool atom_in(const struct reader *r, size_t i, const char *const *list);          /* exactly one of these */
bool atom_in_any_case(const struct reader *r, size_t i, const char *const *list); /* the list is in small letters */
bool atom_mark(const struct reader *r, size_t i, uint32_t mark);                  /* this mark */
bool atom_joined(const struct reader *r, size_t i, int kind);                     /* of this kind, with no space before it */
bool atom_joined_mark(const struct reader *r, size_t i, uint32_t mark);
bool atom_capital(const struct reader *r, size_t i);  /* a word that starts with a capital */
bool atom_capitals(const struct reader *r, size_t i); /* a word of A-Z only */
bool atom_lower(const struct reader *r, size_t i);    /* a word that starts with a small letter */
int atom_int(const struct reader *r, size_t i);       /* a number of at most 6 digits, else -1 */
bool letter_upper(uint32_t c);
bool letter_lower(uint32_t c);

/* ---- speaking ---------------------------------------------------------------------------------------------------------- */

/* Speaks `words` (blanks between) for source atoms [a, b). */
void speak(struct reader *r, const char *words, size_t a, size_t b, int flags);
void speak_scratch(struct reader *r, size_t a, size_t b); /* r->words, then clears it */
void speak_atom(struct reader *r, size_t i, int flags);   /* the atom's own letters */
void speak_mark(struct reader *r, const char *mark, size_t i);
/* The source of all words from `token` on is atoms [a, b): "40%" is one word of the script. */
void respan(struct reader *r, size_t token, size_t a, size_t b);
/* What is being read turns out to be of this class, all words from `token` on. */
void reclass(struct reader *r, size_t token, enum cw_token_class class);

/* ---- numerals (measure.c) ---------------------------------------------------------------------------------------------- */

struct numeral {
    size_t end;       /* atom after it */
    char digits[128]; /* whole part without commas; "" for ".5" */
    size_t n;
    size_t fraction, fraction_n; /* place of the digits after the point; 0: none */
    bool commas;
};

bool numeral_at(const struct reader *r, size_t i, struct numeral *m);
int numeral_int(const struct numeral *m); /* its whole part up to 6 digits, else -1 */
bool numeral_is_one(const struct numeral *m);
bool numeral_year(const struct numeral *m); /* looks like a year: 1001 .. 2100 */
void say_numeral(struct reader *r, const struct numeral *m, size_t a);
void say_fraction_digits(struct reader *r, const struct numeral *m, size_t a, size_t b);
/* Digits in pairs, as names are read: "four oh one", "seven forty seven", "fourteen twenty eight". */
void say_pairs(struct reader *r, const char *digits, size_t n);
bool range_at(const struct reader *r, size_t i); /* a hyphen or dash right between two things */
/* Speaks "to" for the dash at i when a number or a currency's sign follows; the atom after. */
size_t read_to(struct reader *r, size_t i);
bool equation_at(const struct reader *r, size_t i); /* does this arithmetic run into, or from, an "="? */
int small_int(const char *digits, size_t n);        /* -1 when it is longer than 6 digits */

/* ---- readers ------------------------------------------------------------------------------------------------------------- */

size_t read_number(struct reader *r, size_t i);          /* measure.c */
bool number_in_serial(const struct reader *r, size_t i); /* measure.c: a part of a name, "B2A23C" */
size_t read_phone(struct reader *r, size_t i);           /* digits.c, and the next two: from "(212) …", "+1 …" */
size_t read_groups(struct reader *r, size_t i);          /* 212-555-0123 */
size_t read_version(struct reader *r, size_t i);         /* 1.2.3 */
size_t read_money(struct reader *r, size_t i);           /* money.c */
const char *magnitude_at(const struct reader *r, size_t i, bool money, size_t *atoms); /* money.c: "million", "bn", "k" */
size_t read_suffix(struct reader *r, size_t a, size_t i, bool one);                    /* units.c: what follows the number [a, i) */
size_t read_per(struct reader *r, size_t i);                                           /* units.c: "/month" */
bool describes(const struct reader *r, size_t a, size_t end);                          /* units.c: "a 5 km run": the unit stays singular */

size_t read_date_words(struct reader *r, size_t i); /* "May 6, 2021", "Sept. 1999" */
size_t read_weekday(struct reader *r, size_t i);    /* "Mon-Fri", "Tue, Jan 5" */
size_t read_date(struct reader *r, size_t i);       /* 5/6/2021, 2021-05-06 */
size_t read_day_month(struct reader *r, size_t i);  /* 6 May 2021 */
size_t read_time(struct reader *r, size_t i);       /* 7:45, 14:10:30 */
size_t read_hour(struct reader *r, size_t i);       /* 7 pm, 1.59 p.m. */
bool month_name(const struct reader *r, size_t i);
void say_year(struct reader *r, int year);

size_t read_abbreviation(struct reader *r, size_t i); /* abbreviations.c, and the next two */
size_t read_dotted(struct reader *r, size_t i);       /* U.S., a.m., J. K. Rowling */
size_t read_roman(struct reader *r, size_t i);
int roman_value(const char *s, size_t n); /* 0: not a Roman numeral in its usual form */
/* An abbreviation's dot at `dot`: does it end the sentence too? (The text ends there, or a new sentence visibly begins.) */
bool dot_ends(const struct reader *r, size_t dot);
/* Speaks `words` for the abbreviation [i, dot], and the dot itself when it ends a sentence. The atom after it. */
size_t speak_abbreviated(struct reader *r, const char *words, size_t i, size_t dot, int flags);

size_t read_address(struct reader *r, size_t i); /* electronic.c: example.com/path, name@example.org, report.pdf */
size_t read_handle(struct reader *r, size_t i);  /* electronic.c: @name, #topic */
size_t read_street(struct reader *r, size_t i);  /* address.c: 1428 Elm St */
size_t read_state(struct reader *r, size_t i);   /* address.c: ", CA 95051" */

#endif
