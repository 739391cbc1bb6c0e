/* The timeline and its mixer: placed clips -> one mono stream, pulled in blocks. Memory holds the clips that sound now, never
 * the episode. */
#ifndef CW_MIXER_H
#define CW_MIXER_H

#include "base/base.h"

struct cw_clip {
    char path[CW_PATH_MAX]; /* a float WAV, mono */
    float *samples;         /* [count] in place of a file; or NULL */
    int64_t from;           /* first sample of the file */
    int64_t start;          /* sample on the timeline */
    int64_t count;          /* samples */
    double gain_db;
};

struct cw_mixer;
CW_MUST_CHECK int cw_mixer_open(struct cw_mixer **m, int rate, struct cw_error *err);
void cw_mixer_close(struct cw_mixer *m);
/* Clips come in order of their start. The mixer takes a clip's samples, unless it fails. */
CW_MUST_CHECK int cw_mixer_add(struct cw_mixer *m, const struct cw_clip *clip, struct cw_error *err);
/* The next n samples of the timeline (silence where nothing sounds). */
CW_MUST_CHECK int cw_mixer_read(struct cw_mixer *m, float *out, size_t n, struct cw_error *err);

#endif
