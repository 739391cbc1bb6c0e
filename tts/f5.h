/* F5-TTS (Chen et al., "F5-TTS: a fairytaler that fakes fluent and faithful speech with flow matching", 2024): the mel of a reference
 * and the text of it and of what is to be said -> the mel of both, by a transformer whose flow is followed from noise.
 *
 * An immutable model, shared between threads; a mutable session. This is the graph; whose voice, how long, in which pieces is f5_engine.c's
 * and its callers'.
 */
#ifndef CW_F5_H
#define CW_F5_H

#include "kernels/kernels.h"

struct cw_f5;
struct cw_f5_session;
struct cw_gguf;

CW_MUST_CHECK int cw_f5_open(struct cw_f5 **m, struct cw_device *d, const char *path, struct cw_error *err);
/* The same of an open file, nothing of which is kept; `path` is for messages. */
CW_MUST_CHECK int cw_f5_load(struct cw_f5 **m, struct cw_device *d, const struct cw_gguf *g, const char *path, struct cw_error *err);
void cw_f5_close(struct cw_f5 *m);
/* cw_f5_symbols_of (f5_text.h) with the model's vocabulary. */
CW_MUST_CHECK int cw_f5_ids(const struct cw_f5 *m, const char *text, int *ids, int most, int *count, struct cw_error *err);
int cw_f5_bands(const struct cw_f5 *m);
CW_MUST_CHECK int cw_f5_session_open(struct cw_f5_session **s, const struct cw_f5 *m, struct cw_error *err);
void cw_f5_session_close(struct cw_f5_session *s);

enum { CW_F5_FRAMES_MAX = 4096, CW_F5_STEPS_MAX = 64, CW_F5_TOGETHER = 4 };
struct cw_f5_input {
    const float *reference; /* [R, bands] */
    int reference_frames;
    const int *ids; /* [P] of the vocabulary, reference text first */
    int count;
    int frames; /* T, reference included: more than R and P */
    int steps;  /* 5, 6, 7, 10, 12 and 16 by the published non-uniform schedules, others evenly */
    double guidance, sway;
    uint64_t seed;
    const float *noise; /* [T, bands] to start from, or NULL: by the seed */
};
struct cw_f5_input cw_f5_input_default(void); /* 7 steps, guidance 2, sway -1 */
/* in, mel [count], 1 to CW_F5_TOGETHER sequences as one batch, of CW_F5_FRAMES_MAX frames together; steps, guidance and sway are the same
 * in all. mel[i] [T, bands], the reference's frames first as given, borrowed until the next run. Same input, same bytes, for any number of
 * threads and whatever is beside it. */
CW_MUST_CHECK int cw_f5_run(struct cw_f5_session *s, const struct cw_f5_input *in, int count, const float **mel, struct cw_error *err);

/* For parity tests: stages of the first step, "text", "input", "block.0" …, "flow", [B T, C], T of all sequences in turn: B = 2, with
 * guidance and without it. */
void cw_f5_session_tap(struct cw_f5_session *s, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg);

#endif
