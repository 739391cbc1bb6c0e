/* Which mix of the stock voices sounds like a speaker: regression from GE2E embeddings to weights, learnt from mixtures whose weights are
 * known. No gradient; what was heard of the mixtures is kept in a file, so it is made once on a machine. */
#ifndef CW_LIKENESS_H
#define CW_LIKENESS_H

#include "voices/enrol.h"
#include "voices/file.h"

enum { CW_STOCK_MAX = 64, CW_MIXTURES = 96 };

struct cw_stock {
    int voices, count; /* the stock voices of English; those and the mixtures of them */
    int all;           /* the stock voices of English, then those of the speaker's language: whose prosody may be nearest */
    char names[CW_STOCK_MAX][CW_VOICE_NAME_MAX + 1];
    float *packs;      /* [all, 510, 256] */
    float *weights;    /* [count, voices]; row i < voices is voice i alone */
    float *embeddings; /* [count, 256] */
};

/* `cache`: a file that embeddings are kept in, or NULL. `mixtures`: CW_MIXTURES, or fewer for a test. */
CW_MUST_CHECK int cw_stock_open(struct cw_stock *s, const struct cw_enrol_engine *g, const char *engine_sha256, const char *cache,
                                int mixtures, bool (*progress)(void *arg, int done, int all), void *arg, struct cw_error *err);
void cw_stock_close(struct cw_stock *s);
/* The voice alone whose embedding is nearest; *cosine may be NULL. */
int cw_stock_nearest(const struct cw_stock *s, const float embedding[CW_EMBEDDING], double *cosine);
/* weights [voices], their sum is 1, some may be below 0: kernel ridge regression, its ridge by leaving one out. *error: the mean distance
 * of a style left out from what the rest says, in units of the styles' own spread. */
CW_MUST_CHECK int cw_stock_like(const struct cw_stock *s, const float embedding[CW_EMBEDDING], float *weights, double *error,
                                struct cw_error *err);

#endif
