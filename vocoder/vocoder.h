/* Vocoders: acoustic frames -> waveform, float, mono, at frames->sample_rate. Same split as acoustic models: an immutable
 * model, a mutable session; engines in one table (vocoder.c). */
#ifndef CW_VOCODER_H
#define CW_VOCODER_H

#include "base/frames.h"
#include "base/learnt.h"
#include "kernels/kernels.h"

struct cw_vocoder;
struct cw_vocoder_session;

CW_MUST_CHECK int cw_vocoder_open(struct cw_vocoder **v, struct cw_device *d, const char *path, struct cw_error *err);
/* The same with what a voice learnt folded into the weights; layers of other rooms are passed over. learnt may be NULL. */
CW_MUST_CHECK int cw_vocoder_open_learnt(struct cw_vocoder **v, struct cw_device *d, const char *path, const struct cw_learnt *learnt,
                                         struct cw_error *err);
void cw_vocoder_close(struct cw_vocoder *v);
/* What it takes and gives. Strings live as long as it. */
struct cw_vocoder_info {
    const char *name; /* general.name of the file */
    const char *kind; /* of the frames; for those of mel.h "mel-..." */
    int channels;     /* C of the frames */
    int sample_rate, hop;
    int frames_max;      /* most that a run takes */
    const char *licence; /* short name; "" where the file says none */
    const char *terms;   /* what has to be said when it is used; "" */
};
const struct cw_vocoder_info *cw_vocoder_info(const struct cw_vocoder *v);
CW_MUST_CHECK int cw_vocoder_session_open(struct cw_vocoder_session **s, const struct cw_vocoder *v, struct cw_error *err);
void cw_vocoder_session_close(struct cw_vocoder_session *s);
/* Goes on with another opening of the same file, with what another voice learnt. Only of an engine that takes learnt weights (iSTFTNet). */
void cw_vocoder_session_use(struct cw_vocoder_session *s, const struct cw_vocoder *v);

/* `seed` keys the Gaussian noise of the source: same frames and seed, same bytes, for any number of threads.
 * *samples [N], N = frames->count * frames->hop, one hop less where frames are centred (Vocos), is borrowed until the next run. */
CW_MUST_CHECK int cw_vocoder_run(struct cw_vocoder_session *s, const struct cw_frames *frames, uint64_t seed, const float **samples,
                                 size_t *count, struct cw_error *err);

/* For parity tests, of an iSTFTNet: stages "har" (source spectrum [T', 22]), "ups.0", "ups.1", "conv_post", [T, C]. */
void cw_vocoder_session_tap(struct cw_vocoder_session *s, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg);
/* For parity tests: replaces the source spectrum "har" [T', 22] of the next runs by this one (NULL: back to our own). */
void cw_vocoder_session_force_source(struct cw_vocoder_session *s, const float *har, int rows);

#endif
