/* A word's phonemes while they are made, and the alphabet. Between g2p.c, espeak.c, dictionary.c only. */
#ifndef CW_SOUND_H
#define CW_SOUND_H

#include "tts/front.h"

#define PRIMARY "ˈ"
#define SECONDARY "ˌ"
#define MAX_WORD 96 /* bytes; longer "words" are read in pieces */

struct sound {
    char s[2048]; /* NUL-terminated; what does not fit is dropped, which no word of MAX_WORD bytes reaches */
    size_t n;
};

extern const char sound_vowels[], sound_consonants[];
bool symbol_in(uint32_t c, const char *set);

void sound_set(struct sound *p, const char *s, size_t n);
void sound_put(struct sound *p, const char *s);
void sound_put_n(struct sound *p, const char *s, size_t n);
bool sound_has(const struct sound *p, const char *s);
void sound_replace(struct sound *p, const char *from, const char *to);
/* The last symbol, or with back = 1 the one before it, and where it is; 0 when there is none. */
uint32_t sound_last(const struct sound *p, int back, size_t *at);
/* misaki's scale: below -1 no stress at all; -1 demote; 0 and -0.5 demote if primary; 0, 0.5, 1 give a secondary one to a word without;
 * 1 and more promote; 2 give a primary one to a word without; CW_NO_STRESS leaves it. */
void sound_stress(struct sound *p, float stress);

/* espeak-ng's reading of one word (espeak.c), in misaki's alphabet. */
CW_MUST_CHECK int espeak_word(const char *word, bool british, struct sound *p, struct cw_error *err);

/* A clause of another language, words parted by single blanks; added to `out` in the alphabet that Kokoro has for these languages.
 * `language` must be a literal: it is kept. */
CW_MUST_CHECK int espeak_clause(const char *words, const char *language, struct cw_text *out, struct cw_error *err);

#endif
