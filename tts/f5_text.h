/* What F5-TTS is told of a text: its symbols, and how many frames it is given to say it in. */
#ifndef CW_F5_TEXT_H
#define CW_F5_TEXT_H

#include "base/base.h"

struct cw_gguf;

/* A model's vocabulary. Symbols of several code points (syllables of Chinese) are not for text as it stands. */
struct cw_f5_symbols;
CW_MUST_CHECK int cw_f5_symbols_open(struct cw_f5_symbols **s, const struct cw_gguf *g, struct cw_error *err);
void cw_f5_symbols_close(struct cw_f5_symbols *s);
int cw_f5_symbols_count(const struct cw_f5_symbols *s); /* those of several code points included */
/* ids [*count] of a text, one a code point, at most `most`. What the vocabulary lacks is refused by name: the published code would say a
 * space. ids may be NULL to only ask. */
CW_MUST_CHECK int cw_f5_symbols_of(const struct cw_f5_symbols *s, const char *text, int *ids, int most, int *count, struct cw_error *err);

/* Adds a text as the model was taught to read it: marks it never saw become those it did, and a piece of two letters or marks and more gets
 * a blank before it unless a blank, a colon or a quote stands there. The published code's rule (convert_char_to_pinyin), for Latin text. */
void cw_f5_write(const char *text, struct cw_text *out);
/* Adds what is said in a reference as it stands before another text: ended by a full stop and a blank. */
void cw_f5_write_reference(const char *text, struct cw_text *out);

/* How long a text of misaki's phonemes lasts, in sounds: marks that end a clause hold longer. Kokoro's durations for the 30 sentences of
 * tests/data/kokoro_phonemes.txt are 2.2 units for a symbol of any kind, 2.9 for a comma and 5.7 for a full stop. */
double cw_f5_weight(uint32_t code_point);
double cw_f5_weight_of(const char *phonemes);

struct cw_f5_timing {
    int reference_frames;
    double reference_weight, weight; /* of the reference's phonemes; of what is to be said */
    size_t reference_bytes, bytes;   /* of the texts, the first as cw_f5_write_reference has it */
    double speed;
    bool by_bytes; /* as the published code guesses: by the lengths of the texts in bytes */
};
/* Frames to make after the reference, at least one. By phonemes, a text of less than thirty sounds gets up to ten more: short ones are
 * swallowed otherwise. By bytes, one of less than ten bytes is said at a speed of 0.3. */
int cw_f5_frames(const struct cw_f5_timing *t);

#endif
