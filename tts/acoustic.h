/* Acoustic models: phoneme ids + a voice -> acoustic frames with the time of each phoneme. A voice is a pack of style numbers (Kokoro), or
 * a reference: speech and what is said in it (F5). A model is immutable and shared between threads; a session is one mutable timeline of
 * work with its own arena. Engines stand in one table (acoustic.c); adding one means adding a file and a line there. */
#ifndef CW_ACOUSTIC_H
#define CW_ACOUSTIC_H

#include "base/frames.h"
#include "base/learnt.h"
#include "kernels/kernels.h"

struct cw_acoustic;         /* immutable: weights */
struct cw_acoustic_session; /* mutable: activations */

/* Opens the GGUF at `path` with the engine that its `general.architecture` names. */
CW_MUST_CHECK int cw_acoustic_open(struct cw_acoustic **m, struct cw_device *d, const char *path, struct cw_error *err);
/* `base` with what a voice learnt folded into its weights; layers of other rooms are passed over. What no voice changes is shared with
 * base, which outlives it. */
CW_MUST_CHECK int cw_acoustic_open_learnt(struct cw_acoustic **m, const struct cw_acoustic *base, const struct cw_learnt *learnt,
                                          struct cw_error *err);
void cw_acoustic_close(struct cw_acoustic *m);

const char *cw_acoustic_engine(const struct cw_acoustic *m); /* "kokoro", "f5" */
int cw_acoustic_max_phonemes(const struct cw_acoustic *m);   /* most symbols in one run, padding not counted: 510 */
/* Id of a phoneme symbol (a Unicode code point), -1 when the model has none; F5 takes them all, for their lengths alone. */
int cw_acoustic_symbol(const struct cw_acoustic *m, uint32_t code_point);

CW_MUST_CHECK int cw_acoustic_session_open(struct cw_acoustic_session **s, const struct cw_acoustic *m, struct cw_error *err);
void cw_acoustic_session_close(struct cw_acoustic_session *s);
/* Goes on with another model of the same engine: the one it was opened with, or one opened from that with what a voice learnt. */
void cw_acoustic_session_use(struct cw_acoustic_session *s, const struct cw_acoustic *m);

/* A voice of an engine that is shown how somebody speaks. */
struct cw_acoustic_reference {
    const float *mel; /* [frames, bands] */
    int frames, bands;
    const char *text; /* what is said in it, whole sentences */
    double weight;    /* of its phonemes (cw_f5_weight_of) */
};

struct cw_acoustic_input {
    const int *ids; /* [P] symbol ids; the session adds the padding symbol (0) at both ends itself */
    int count;      /* P, 1 .. max_phonemes */
    /* A voice: [rows, 256] float32. Row P - 1 is used, as the published pipeline does (facts/kokoro.md, defect 1). */
    const float *pack;
    int pack_rows;
    float f0_slope, f0_offset; /* voiced log F0 -> slope log F0 + offset; slope 0: as the model says */
    float speed;               /* 1 = as trained; scales the durations of real symbols only (defect 3) */
    int max_edge_units;        /* most duration units for the padding symbol at either end; 0: as the model says (parity) */
    /* F5's, in the place of pack and F0 map: */
    const struct cw_acoustic_reference *reference;
    const char *text; /* what the ids are the phonemes of */
    uint64_t seed;    /* of the noise it starts from */
    bool by_bytes;    /* lasts as the published code guesses, by bytes; else by the ids */
    int steps;        /* from noise to mel; 0: 7 */
};
/* frames->durations has P + 2 entries (with padding); everything in `frames` is borrowed until the next run. */
CW_MUST_CHECK int cw_acoustic_run(struct cw_acoustic_session *s, const struct cw_acoustic_input *in, struct cw_frames *frames,
                                  struct cw_error *err);
/* The same of in [count] as one batch, frames [count]. What comes of an input does not depend on those beside it. */
CW_MUST_CHECK int cw_acoustic_run_together(struct cw_acoustic_session *s, const struct cw_acoustic_input *in, int count,
                                           struct cw_frames *frames, struct cw_error *err);
int cw_acoustic_together(const struct cw_acoustic *m); /* most inputs of a batch: 1, of F5 4 */
/* About how much is computed for an input, its reference included, by which a batch is chosen; 0 where only the run can tell. */
double cw_acoustic_seconds(const struct cw_acoustic *m, const struct cw_acoustic_input *in);

/* For parity tests: calls `tap` with each named stage ("d_en", "t_en", "F0", "N", "asr", "encode", "decode.0" ...), the
 * names of the reference. Matrices are [T, C]. */
void cw_acoustic_session_tap(struct cw_acoustic_session *s, void (*tap)(void *arg, const char *stage, struct cw_mat m), void *arg);

#endif
