/* One text said by one style: what fitting and measuring a voice listens to. */
#ifndef CW_SAYING_H
#define CW_SAYING_H

#include "voices/enrol.h"

/* A text as the acoustic model reads it: one run a chunk. */
struct cw_symbols {
    int **ids; /* [chunks][counts[i]] */
    int *counts, chunks;
};
CW_MUST_CHECK int cw_symbols_of(struct cw_symbols *s, const struct cw_enrol_engine *g, const char *text, struct cw_error *err);
void cw_symbols_free(struct cw_symbols *s);

struct cw_saying {
    struct cw_acoustic_session *acoustic;
    struct cw_vocoder_session *vocoder;
};
CW_MUST_CHECK int cw_saying_open(struct cw_saying *s, const struct cw_acoustic *a, const struct cw_vocoder *v, struct cw_error *err);
void cw_saying_close(struct cw_saying *s);
/* pack [510, 256]; the F0 map as in struct cw_voice. *samples [*count] at 24 kHz is free()d by the caller. */
CW_MUST_CHECK int cw_saying_run(struct cw_saying *s, const struct cw_symbols *text, const float *pack, float f0_slope, float f0_offset,
                                float **samples, size_t *count, struct cw_error *err);

#endif
