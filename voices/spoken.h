/* Are these the words? A recording -> pocketsphinx over the statement's words and common others -> compared with the statement. */
#ifndef CW_SPOKEN_H
#define CW_SPOKEN_H

#include "base/base.h"

/* What was heard of a statement. */
struct cw_spoken {
    int words, right;           /* of the statement before its code words: those the recogniser knows, those heard in their order */
    int code_words, code_right; /* at its end */
    char heard[1024];           /* the words, cut to what fits */
};
/* x [n] at any rate. The code words are the last `code_words` words of the statement. */
CW_MUST_CHECK int cw_spoken_listen(struct cw_spoken *s, const float *x, size_t n, int rate, const char *statement, int code_words,
                                   struct cw_error *err);
/* Enough of both (docs/voices.md has the figures)? */
bool cw_spoken_right(const struct cw_spoken *s);

/* The statement's code words are taken from these. */
enum { CW_CODE_WORDS = 25 };
extern const char *const cw_code_words[CW_CODE_WORDS];

#endif
