/* How loud something is, by BS.1770 (libebur128): a timeline while it is still being laid, or a file. */
#ifndef CW_LOUDNESS_H
#define CW_LOUDNESS_H

#include "episode/mixer.h"

/* What silence is called, where a number must be finite: the meter's absolute gate, and less than 24 bits can hold. */
#define CW_SILENT_LUFS (-70.0)
#define CW_SILENT_DBTP (-150.0)

/* The timeline as the mix bus gives it, heard in both channels, at its own rate: a higher one adds nothing to its loudness. */
struct cw_loudness;
CW_MUST_CHECK int cw_loudness_open(struct cw_loudness **l, int rate, struct cw_error *err);
void cw_loudness_close(struct cw_loudness *l);
/* Clips come in order of their start, none before what was heard. */
CW_MUST_CHECK int cw_loudness_add(struct cw_loudness *l, const struct cw_clip *clip, struct cw_error *err);
/* Every clip that begins before sample `until` is there: what can be measured by that is. */
CW_MUST_CHECK int cw_loudness_hear(struct cw_loudness *l, int64_t until, struct cw_error *err);
/* Every clip is there: of all `total` samples, CW_SILENT_LUFS at least. */
CW_MUST_CHECK int cw_loudness_end(struct cw_loudness *l, int64_t total, double *lufs, struct cw_error *err);

struct cw_measured {
    double lufs, dbtp, seconds; /* integrated loudness, true peak */
    int64_t frames;
};
/* Of any file libsndfile reads. Finite even for silence. Sound shorter than the meter's block of 0.4 s is measured with silence after
 * it. `progress`: NULL, or false to cancel. */
CW_MUST_CHECK int cw_measure(const char *path, bool (*progress)(void *arg, double fraction), void *arg, struct cw_measured *m,
                             struct cw_error *err);

#endif
