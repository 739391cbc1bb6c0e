/* The text front end: one turn's text -> chunks of phonemes that the acoustic model can speak, with the words they come from.
 *
 *   text ─▶ normalise (numbers, dates, abbreviations -> spoken words) ─▶ g2p (misaki's phoneme alphabet) ─▶ chunks
 *
 * Inline [word](/ipa/) gives a word its phonemes. Deterministic; needs no acoustic model.
 */
#ifndef CW_SPEECH_H
#define CW_SPEECH_H

#include "base/base.h"

/* The user's own pronunciations, as many as 100,000. A word written in small letters fits any case, one with a capital only itself; a
 * phrase's blanks fit any white space; the longest that fits wins, and one added later wins over the same one added before. */
struct cw_dictionary;
CW_MUST_CHECK int cw_dictionary_new(struct cw_dictionary **d, struct cw_error *err);
void cw_dictionary_close(struct cw_dictionary *d);
/* `value`: "/phonemes/" of misaki's alphabet, or other words to say instead ("koo-ber-NET-eez": capitals bear the stress). */
CW_MUST_CHECK int cw_dictionary_add(struct cw_dictionary *d, const char *word, const char *value, struct cw_error *err);
/* A text file of "word = value" lines; empty lines and those that begin with # are left out. Errors name file and line. */
CW_MUST_CHECK int cw_dictionary_read(struct cw_dictionary *d, const char *path, struct cw_error *err);

struct cw_speech; /* immutable: lexicon and rules; espeak-ng behind it is called under a lock */

/* `lexicon_dir` holds the converted lexicons; missing: CW_NO_MODEL. */
CW_MUST_CHECK int cw_speech_open(struct cw_speech **s, const char *lexicon_dir, struct cw_error *err);
void cw_speech_close(struct cw_speech *s);

/* Is there a front end for this language ("en-us", "es")? CW_BAD_INPUT naming the language and the ones there are. */
CW_MUST_CHECK int cw_speech_language(const char *language, struct cw_error *err);
/* "en", "en-us", "en-gb". */
bool cw_speech_english(const char *language);

enum cw_word_source { CW_WORD_LEXICON, CW_WORD_RULE, CW_WORD_ESPEAK, CW_WORD_INLINE, CW_WORD_PUNCTUATION, CW_WORD_DICTIONARY };

struct cw_spoken_word {
    char *text;     /* as in the script, e.g. "$1,249.50" or "Tokens"; several spoken words may share one script word */
    char *spoken;   /* as spoken, e.g. "one" */
    char *phonemes; /* misaki's alphabet, UTF-8 */
    enum cw_word_source source;
    const char *class; /* what kind of thing of the script it is: "word", "acronym", "cardinal", "money", "time", … (speech.c lists them) */
    size_t offset;     /* byte offset of `text` in the turn's text */
    bool space;        /* white space stands before it */
    int chunk;         /* index of its chunk */
    /* Phoneme symbols of its chunk that are this word's (code points; punctuation and spaces not included). A mark is an entry of its own
     * (CW_WORD_PUNCTUATION); count is 0 where it was left out of the chunk. Only the mark that a chunk without one is given at its end
     * has no entry. A word longer than a chunk becomes several entries with the same text. */
    int first, count;
};

struct cw_chunk {
    char *phonemes; /* what the model is given, UTF-8, <= max_symbols code points */
    int symbols;    /* code points in it */
    int pause_ms; /* silence the punctuation at its end asks for, after trimming: , 120  ; : — 200  . ! ? … 350  a cut inside a clause 0 */
};

struct cw_utterance {
    struct cw_chunk *chunks;
    int chunk_count;
    struct cw_spoken_word *words;
    int word_count;
};

struct cw_speech_params {
    const char *language;                   /* "en-us", "en-gb" */
    const struct cw_dictionary *dictionary; /* or NULL */
    int max_symbols;                        /* 20 .. 510: cut at clause ends so that no chunk is longer; default 250 */
};
struct cw_speech_params cw_speech_params_default(void);

/* Text without anything speakable, invalid UTF-8 or control characters, longer than 20,000 bytes: CW_BAD_INPUT. */
CW_MUST_CHECK int cw_speech_plan(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_utterance *u,
                                 struct cw_error *err);
/* The words alone, without chunks: what `castwright text` shows. Marks are all kept. */
CW_MUST_CHECK int cw_speech_words(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_utterance *u,
                                  struct cw_error *err);
const char *cw_word_source_name(enum cw_word_source source); /* "lexicon", "rule", "espeak", "inline", "punctuation", "dictionary" */
void cw_utterance_free(struct cw_utterance *u);

/* The spoken line, added to `spoken`: words as they are said, the marks as the text writes them. What `castwright text` shows and what is
 * measured (tests/normalisation_score.c) in English; in other languages the words as espeak-ng is given them. A text of marks or tags alone
 * fails as having nothing to say, and is added as its marks and tags. */
CW_MUST_CHECK int cw_speech_spoken(const struct cw_speech *s, const char *text, struct cw_speech_params params, struct cw_text *spoken,
                                   struct cw_error *err);
/* The English part of it without a dictionary, which needs no lexicon: American reading ("one thousand two hundred ..."). */
CW_MUST_CHECK int cw_normalise(const char *text, struct cw_text *spoken, struct cw_error *err);
/* The same, as a language reads it ("en-us", "en-gb"). */
CW_MUST_CHECK int cw_normalise_in(const char *text, const char *language, struct cw_text *spoken, struct cw_error *err);

#endif
