/* Was every word of a chunk said, once and in its time? Its sound, laid along the sounds of its words by pocketsphinx's acoustic model; a
 * word may be left out or said again, at a price. For English: other languages' sounds are not all in that model. */
#ifndef CW_EAR_H
#define CW_EAR_H

#include "tts/speech.h"

struct cw_ear; /* mutable: one thread at a time */

bool cw_ear_knows(const char *language);
/* The model is not installed: CW_NO_MODEL, naming the package. */
CW_MUST_CHECK int cw_ear_open(struct cw_ear **ear, struct cw_error *err);
void cw_ear_close(struct cw_ear *ear);

struct cw_heard {
    int words;              /* of the chunk */
    int lost, again, drawn; /* of these: not heard; heard more than once; heard far too long, or a sound of them */
    int stray;              /* sounds as loud as speech, a fifth of a second and more, that are none of them */
};
/* Chunk `chunk` of u, said in x [n]; sound_seconds: how long one sound (cw_f5_weight) takes in this voice at this speed. */
CW_MUST_CHECK int cw_ear_listen(struct cw_ear *ear, const float *x, size_t n, int rate, const struct cw_utterance *u, int chunk,
                                double sound_seconds, struct cw_heard *heard, struct cw_error *err);

#endif
