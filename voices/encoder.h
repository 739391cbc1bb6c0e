/* Who is speaking: the GE2E speaker encoder (Wan et al., "Generalized end-to-end loss for speaker verification", 2018; weights and
 * constants of Resemblyzer 0.1.4).
 *
 *   16 kHz ─▶ 40 mels, 25 ms every 10 ms ─▶ pieces of 1.6 s ─▶ three LSTM layers ─▶ linear, ReLU, length 1 ─▶ mean of the pieces
 *
 * Two recordings of one speaker have a cosine near 0.9, of two speakers near 0.55 (docs/voices.md has the figures). */
#ifndef CW_ENCODER_H
#define CW_ENCODER_H

#include "kernels/kernels.h"

enum { CW_EMBEDDING = 256, CW_ENCODER_RATE = 16000, CW_ENCODER_MELS = 40, CW_ENCODER_FRAMES = 160, CW_ENCODER_HOP = 160 };

struct cw_encoder; /* immutable: weights */

CW_MUST_CHECK int cw_encoder_open(struct cw_encoder **e, struct cw_device *d, const char *path, struct cw_error *err);
void cw_encoder_close(struct cw_encoder *e);

/* The embedding of x [n] at 16 kHz as it stands, as the reference's embed_utterance gives it. n >= 1. */
CW_MUST_CHECK int cw_encoder_embed(const struct cw_encoder *e, const float *x, size_t n, float embedding[CW_EMBEDDING],
                                   struct cw_error *err);
/* The same, and that of each piece: *pieces [*count, 256], free()d by the caller; piece i begins at sample i * CW_ENCODER_STEP. */
CW_MUST_CHECK int cw_encoder_pieces(const struct cw_encoder *e, const float *x, size_t n, float embedding[CW_EMBEDDING], float **pieces,
                                    int *count, struct cw_error *err);
enum { CW_ENCODER_STEP = 77 * CW_ENCODER_HOP }; /* samples between the beginnings of two pieces */

/* Any sound as the encoder wants it: 16 kHz, brought up to -30 dBFS, long silences shortened. *out is free()d by the caller. */
CW_MUST_CHECK int cw_encoder_prepare(const float *x, size_t n, int rate, float **out, size_t *count, struct cw_error *err);
/* prepare + embed. Without speech: CW_BAD_INPUT. */
CW_MUST_CHECK int cw_encoder_listen(const struct cw_encoder *e, const float *x, size_t n, int rate, float embedding[CW_EMBEDDING],
                                    struct cw_error *err);

/* Cosine of two embeddings. */
double cw_embedding_cosine(const float a[CW_EMBEDDING], const float b[CW_EMBEDDING]);
/* For parity tests: mel [frames, 40] of x [n]; frames = 1 + n / 160. free() it. */
CW_MUST_CHECK int cw_encoder_mel(const float *x, size_t n, float **mel, int *frames, struct cw_error *err);

#endif
