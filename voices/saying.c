/* Text -> phonemes -> the model's symbols -> frames -> sound, without what only episodes need (pauses, marks, levels). */
#include "voices/saying.h"

#include "voices/file.h"

#include <stdlib.h>
#include <string.h>

enum { SYMBOLS_MAX = 510 };

int cw_symbols_of(struct cw_symbols *s, const struct cw_enrol_engine *g, const char *text, struct cw_error *err) {
    struct cw_speech_params p = cw_speech_params_default();
    struct cw_utterance u = {0};
    int result = -1;
    *s = (struct cw_symbols){0};
    p.language = g->language;
    if (cw_speech_plan(g->speech, text, p, &u, err) != 0) {
        goto done;
    }
    const size_t chunks = u.chunk_count > 0 ? (size_t)u.chunk_count : 0;
    s->ids = calloc(chunks + 1, sizeof *s->ids);
    s->counts = calloc(chunks + 1, sizeof *s->counts);
    if (s->ids == NULL || s->counts == NULL) {
        cw_fail_memory(err, "text");
        goto done;
    }
    for (; s->chunks < u.chunk_count; s->chunks++) {
        const char *at = u.chunks[s->chunks].phonemes;
        int *ids = s->ids[s->chunks] = calloc(SYMBOLS_MAX, sizeof *ids), *n = &s->counts[s->chunks];
        if (ids == NULL) {
            cw_fail_memory(err, "text");
            goto done;
        }
        for (uint32_t code; *at != '\0' && *n < SYMBOLS_MAX;) {
            int len = cw_utf8_next(at, strlen(at), &code), id = len > 0 ? cw_acoustic_symbol(g->acoustic, code) : -1;
            if (len <= 0) {
                break;
            }
            if (id >= 0) {
                ids[(*n)++] = id;
            }
            at += len;
        }
        if (*n == 0) {
            cw_fail(err, CW_BAD_INPUT, "expected a text that can be spoken, found none");
            s->chunks++;
            goto done;
        }
    }
    result = 0;
done:
    cw_utterance_free(&u);
    if (result != 0) {
        cw_symbols_free(s);
    }
    return result;
}

void cw_symbols_free(struct cw_symbols *s) {
    for (int i = 0; i < s->chunks; i++) {
        free(s->ids[i]);
    }
    free(s->ids);
    free(s->counts);
    *s = (struct cw_symbols){0};
}

int cw_saying_open(struct cw_saying *s, const struct cw_acoustic *a, const struct cw_vocoder *v, struct cw_error *err) {
    *s = (struct cw_saying){0};
    return cw_acoustic_session_open(&s->acoustic, a, err) != 0 ? -1 : cw_vocoder_session_open(&s->vocoder, v, err);
}

void cw_saying_close(struct cw_saying *s) {
    cw_vocoder_session_close(s->vocoder);
    cw_acoustic_session_close(s->acoustic);
    *s = (struct cw_saying){0};
}

int cw_saying_run(struct cw_saying *s, const struct cw_symbols *text, const float *pack, float f0_slope, float f0_offset, float **samples,
                  size_t *count, struct cw_error *err) {
    int result = -1;
    *samples = NULL;
    *count = 0;
    for (int i = 0; i < text->chunks; i++) {
        const struct cw_acoustic_input in = {.ids = text->ids[i],
                                             .count = text->counts[i],
                                             .pack = pack,
                                             .pack_rows = CW_PACK_ROWS,
                                             .f0_slope = f0_slope,
                                             .f0_offset = f0_offset,
                                             .speed = 1};
        struct cw_frames frames;
        const float *x;
        size_t n;
        if (cw_acoustic_run(s->acoustic, &in, &frames, err) != 0 || cw_vocoder_run(s->vocoder, &frames, 1, &x, &n, err) != 0) {
            goto done;
        }
        float *more = realloc(*samples, (*count + n + 1) * sizeof *more);
        if (more == NULL) {
            cw_fail_memory(err, "speech");
            goto done;
        }
        *samples = more;
        memcpy(more + *count, x, n * sizeof *x);
        *count += n;
    }
    result = 0;
done:
    if (result != 0) {
        free(*samples);
        *samples = NULL;
    }
    return result;
}
