/* The user's dictionary within the front end: entries found in a text and written over it. Between dictionary.c and speech.c only. */
#ifndef CW_DICTIONARY_H
#define CW_DICTIONARY_H

#include "tts/front.h"

/* A stretch of the new text, and what it stands for in the old one. */
struct cw_swap {
    size_t at, length, source, source_length;
    bool respelt; /* a respelling, not phonemes */
};
struct cw_swaps {
    struct cw_swap *v;
    size_t n, cap;
};

/* `text` with the dictionary's words replaced: by [word](/phonemes/), or by their respelling. */
CW_MUST_CHECK int cw_dictionary_apply(const struct cw_dictionary *d, const char *text, bool british, struct cw_text *out,
                                      struct cw_swaps *swaps, struct cw_error *err);
/* The tokens of the new text: their spans become spans of the old one, and those that the dictionary gave are flagged. */
void cw_swaps_undo(const struct cw_swaps *swaps, struct cw_tokens *t);

#endif
