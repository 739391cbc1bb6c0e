/* A word's class from the words around it: a linear model over hashed features, trained by tts/train_tagger.py. Between tts/tagger.c,
 * tts/tag.c and the weights only. */
#ifndef CW_TAGGER_H
#define CW_TAGGER_H

#include "tts/front.h"

enum word_class { CLASS_VERB, CLASS_NOUN, CLASS_ADJECTIVE, CLASS_PAST, CLASS_PARTICIPLE, CLASS_COUNT };

/* How much speaks for each class of token i; sixths of a logit, of any sign. */
void cw_tagger_score(const struct cw_tokens *t, size_t i, int score[CLASS_COUNT]);

/* Is "that", token i, a demonstrative ("that one")? Its own model: above 0, yes. */
int cw_tagger_that(const struct cw_tokens *t, size_t i);

/* The model: rows of CW_TAGGER_ROW entries (the last may have fewer), CW_TAGGER_ENTRY symbols each. */
enum { CW_TAGGER_ROW = 14, CW_TAGGER_ENTRY = 9 };
extern const size_t cw_tagger_entries;
extern const char cw_tagger_table[][CW_TAGGER_ROW * CW_TAGGER_ENTRY + 1];

#endif
