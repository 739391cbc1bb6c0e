/* An enrolment whose every number is known: sentences said by a stock voice of the engine itself. */
#ifndef CW_TESTS_SYNTHETIC_H
#define CW_TESTS_SYNTHETIC_H

#include <stdlib.h>
#include <string.h>

#include "tts/acoustic.h"
#include "vocoder/vocoder.h"
#include "voices/enrol.h"

enum { SYNTHETIC_PACK = 510 * 256 };

static inline void synthetic_tap(void *arg, const char *stage, struct cw_mat m) {
    struct cw_enrol_utterance *u = arg;
    float **to = strcmp(stage, "F0") == 0 ? &u->f0 : strcmp(stage, "N") == 0 ? &u->energy : NULL;

    if (!to || !(*to = malloc(sizeof(float) * (size_t)m.rows)))
        return;
    for (int i = 0; i < m.rows; i++)
        (*to)[i] = m.data[(size_t)i * (size_t)m.stride];
}

static inline void synthetic_free(struct cw_enrolment *e) {
    for (int i = 0; i < e->count; i++) {
        free(e->utterances[i].ids);
        free(e->utterances[i].durations);
        free(e->utterances[i].f0);
        free(e->utterances[i].energy);
        free(e->utterances[i].cost);
        free(e->utterances[i].samples);
    }
    free(e->utterances);
    *e = (struct cw_enrolment){0};
}

/* `phonemes`: code points of one sentence each, in the engine's symbols. pack [510, 256]. */
CW_MUST_CHECK static inline int synthetic_make(struct cw_enrolment *e, struct cw_device *d, const char *model, const float *pack,
                                               const char *const *phonemes, int count, struct cw_error *err) {
    struct cw_acoustic *a = NULL;
    struct cw_acoustic_session *as = NULL;
    struct cw_vocoder *v = NULL;
    struct cw_vocoder_session *vs = NULL;
    struct cw_frames frames;
    int rc = -1;

    *e = (struct cw_enrolment){.utterances = calloc((size_t)count, sizeof *e->utterances), .band_hz = 11000};
    if (!e->utterances || cw_acoustic_open(&a, d, model, err) != 0 || cw_acoustic_session_open(&as, a, err) != 0 ||
        cw_vocoder_open(&v, d, model, err) != 0 || cw_vocoder_session_open(&vs, v, err) != 0)
        goto done;
    for (; e->count < count; e->count++) {
        struct cw_enrol_utterance *u = &e->utterances[e->count];
        const char *s = phonemes[e->count];
        const float *samples;
        size_t left = strlen(s), n = 0;
        uint32_t code = 0;

        u->ids = calloc(left + 1, sizeof *u->ids);
        for (int len; u->ids && left > 0 && (len = cw_utf8_next(s, left, &code)) > 0; s += len, left -= (size_t)len) {
            u->ids[u->count] = cw_acoustic_symbol(a, code);
            u->count += u->ids[u->count] > 0 ? 1 : 0;
        }
        cw_acoustic_session_tap(as, synthetic_tap, u);
        if (cw_acoustic_run(as, &(struct cw_acoustic_input){.ids = u->ids, .count = u->count, .pack = pack, .pack_rows = 510, .speed = 1},
                            &frames, err) != 0 ||
            cw_vocoder_run(vs, &frames, 7, &samples, &n, err) != 0)
            goto done;
        u->units = frames.count / 2;
        u->durations = malloc(sizeof *u->durations * (size_t)frames.phonemes);
        u->samples = malloc(sizeof *u->samples * n);
        if (!u->durations || !u->samples || !u->f0 || !u->energy) {
            cw_fail_memory(err, "synthetic enrolment");
            goto done;
        }
        memcpy(u->durations, frames.durations, sizeof *u->durations * (size_t)frames.phonemes);
        memcpy(u->samples, samples, sizeof *u->samples * n);
        for (int i = 0; i < frames.count; i++)
            u->f0[i] = u->f0[i] > 10 ? u->f0[i] : 0;
        e->seconds += (double)n / CW_ENROL_RATE;
    }
    rc = 0;
done:
    cw_vocoder_session_close(vs);
    cw_vocoder_close(v);
    cw_acoustic_session_close(as);
    cw_acoustic_close(a);
    if (rc != 0) {
        e->count += e->count < count ? 1 : 0;
        synthetic_free(e);
    }
    return rc;
}

#endif
