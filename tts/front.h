/* The parts of the text front end (speech.h) among themselves: the normaliser's tokens, number words, G2P. Not for other rooms.
 *
 *   text ─▶ cw_tokens_make (normalise.c) ─▶ cw_g2p_tokens (g2p.c) ─▶ chunks (speech.c)
 */
#ifndef CW_FRONT_H
#define CW_FRONT_H

#include "base/base.h"
#include "tts/lexicon.h"
#include "tts/speech.h"

/* ---- tokens -------------------------------------------------------------------------------------------------------- */

enum cw_token_kind { CW_TOKEN_WORD, CW_TOKEN_MARK, CW_TOKEN_INLINE };

enum cw_token_flag {
    CW_TOKEN_SPACE = 1,       /* white space stands before it */
    CW_TOKEN_SPELL = 2,       /* say its letters: "AM", "US" */
    CW_TOKEN_WEAK = 4,        /* without stress: the "point" of a decimal */
    CW_TOKEN_SHOUT = 8,       /* capitals mean nothing here: all of the text is in capitals */
    CW_TOKEN_PLAIN = 16,      /* a number or abbreviation spoken out: capitals are not emphasis */
    CW_TOKEN_NUMBER = 32,     /* its span in the source has a digit */
    CW_TOKEN_DICTIONARY = 64, /* the user's dictionary said it */
    CW_TOKEN_RESPELT = 128,   /* by a respelling: "koo-ber-NET-eez" */
};

/* What kind of thing of the script a token comes from: the reader that knew its pattern decides. speech.c names them. */
enum cw_token_class {
    CW_CLASS_WORD,
    CW_CLASS_ACRONYM,
    CW_CLASS_ABBREVIATION,
    CW_CLASS_CARDINAL,
    CW_CLASS_ORDINAL,
    CW_CLASS_DECIMAL,
    CW_CLASS_FRACTION,
    CW_CLASS_ROMAN,
    CW_CLASS_SERIAL,
    CW_CLASS_DATE,
    CW_CLASS_TIME,
    CW_CLASS_MONEY,
    CW_CLASS_MEASURE,
    CW_CLASS_PERCENT,
    CW_CLASS_TELEPHONE,
    CW_CLASS_ADDRESS,
    CW_CLASS_ELECTRONIC,
    CW_CLASS_SYMBOL,
};

#define CW_NO_STRESS 100 /* of cw_token.stress */

/* One spoken word or one mark. Strings are offsets into the pool, because it grows. */
struct cw_token {
    size_t spoken;         /* offset in pool */
    size_t phonemes;       /* offset in pool; written by G2P, or given inline */
    size_t offset, length; /* its span in the source text */
    int kind, flags, source;
    int class;
    float stress; /* [word](+1): a stress asked for; or CW_NO_STRESS */
};

struct cw_tokens {
    struct cw_token *v;
    size_t n, cap;
    struct cw_text pool; /* NUL-terminated strings, one after another; offset 0 is "" */
    bool silent;         /* refused because there is nothing to speak */
};

/* Checks the text (UTF-8, control characters, length, something to speak) and makes its spoken tokens. */
CW_MUST_CHECK int cw_tokens_make(struct cw_tokens *t, const char *text, bool british, struct cw_error *err);
void cw_tokens_free(struct cw_tokens *t);
const char *cw_token_spoken(const struct cw_tokens *t, size_t i);
const char *cw_token_phonemes(const struct cw_tokens *t, size_t i);
/* Adds a string to the pool; its offset. Allocation failures show in pool.failed. */
size_t cw_tokens_keep(struct cw_tokens *t, const char *s, size_t n);

/* The marks the model knows and that end or divide clauses: ; : , . ! ? — … (not quotes and parentheses). */
bool cw_mark_is_clause(const char *mark);

/* ---- number words (numbers.c): appended to `out`, separated by single blanks ------------------------------------------ */

/* Where "and" is said: Americans say it before the last two digits of a quantity at most ("one hundred and five", but "one hundred five
 * million") and not in names, ordinals and years; the British always. */
enum cw_and { CW_AND_NONE, CW_AND_LAST, CW_AND_ALL };
/* `d` holds n ASCII digits. More than 39 of them are read one by one. */
void cw_say_cardinal(struct cw_text *out, const char *d, size_t n, enum cw_and and);
/* British: with "and"; the same for the three below. */
void cw_say_ordinal(struct cw_text *out, const char *d, size_t n, bool british);
void cw_say_digits(struct cw_text *out, const char *d, size_t n);
/* 0 .. 9999 as a year: "nineteen eighty seven", "two thousand five", "twenty ten". */
void cw_say_year(struct cw_text *out, int year, bool british);
void cw_say_int(struct cw_text *out, long n, bool british);
void cw_say_ordinal_int(struct cw_text *out, long n, bool british);
/* A whole word's plural, in place at the end of `out`: "ninety" -> "nineties", "six" -> "sixes". */
void cw_say_plural(struct cw_text *out);

/* ---- g2p ----------------------------------------------------------------------------------------------------------- */

/* Is this symbol in the model's vocabulary? */
bool cw_symbol_known(uint32_t code_point);
int cw_symbols_count(const char *s); /* code points */

/* Fills phonemes and source of every token. */
CW_MUST_CHECK int cw_g2p_tokens(const struct cw_lexicon *lexicon, bool british, struct cw_tokens *t, struct cw_error *err);

/* The languages that espeak-ng alone reads (foreign.c): the same checks and tokens, then the phonemes. `language` must be a literal. */
CW_MUST_CHECK int cw_foreign_tokens(struct cw_tokens *t, const char *text, struct cw_error *err);
CW_MUST_CHECK int cw_foreign_sounds(struct cw_tokens *t, const char *language, struct cw_error *err);

/* A word's phonemes, at the end of `out`, become its possessive's. */
void cw_phonemes_add_s(struct cw_text *out, bool british);

/* What part of speech token i plays, as the lexicon names it; CW_TAG_NONE for no opinion, which takes the lexicon's default. `word` is the
 * token, or its stem, in small letters; `has` says which tags its entry holds (bits 1 << tag). */
enum cw_tag { CW_TAG_NONE, CW_TAG_NOUN, CW_TAG_VERB, CW_TAG_ADJ, CW_TAG_ADV, CW_TAG_VBD, CW_TAG_DT };
enum cw_tag cw_tag_token(const struct cw_tokens *t, size_t i, const char *word, unsigned has);
/* Is token i, a word that may be both, a verb here? */
bool cw_tag_is_verb(const struct cw_tokens *t, size_t i);

/* The phonemes of a word whose sense its neighbours tell (homographs.c), or NULL: the lexicon knows. `word` as above. */
const char *cw_homograph(const struct cw_tokens *t, size_t i, const char *word, bool british);

#endif
