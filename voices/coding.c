/* One run of the acoustic model for each utterance, with a tap on the stage. */
#include "voices/coding.h"

#include "voices/file.h"

#include <stdlib.h>
#include <string.h>

struct wanted {
    const char *stage;
    float *coding;
};

static void keep(void *arg, const char *stage, struct cw_mat m) {
    struct wanted *w = arg;
    const size_t row = sizeof(float) * CW_CODING_WIDTH;
    if (strcmp(stage, w->stage) != 0 || w->coding != NULL || (w->coding = malloc(row * (size_t)m.rows)) == NULL) {
        return;
    }
    for (int r = 0; r < m.rows; r++) {
        memcpy(w->coding + (size_t)r * CW_CODING_WIDTH, m.data + (ptrdiff_t)r * m.stride, row);
    }
}

int cw_code_utterances(const struct cw_acoustic *a, const char *stage, const struct cw_enrol_utterance *u, int count, float **codings,
                       struct cw_error *err) {
    struct cw_acoustic_session *s = NULL;
    struct cw_frames frames;
    const int rows = cw_acoustic_max_phonemes(a);
    float *pack = calloc((size_t)rows * CW_PACK_STYLE, sizeof *pack); /* any style does */
    int done = 0;
    memset(codings, 0, sizeof(float *) * (size_t)count);
    if (pack == NULL) {
        cw_fail_memory(err, "codings");
    } else if (cw_acoustic_session_open(&s, a, err) == 0) {
        for (; done < count; done++) {
            const struct cw_acoustic_input in = {.ids = u[done].ids, .count = u[done].count, .pack = pack, .pack_rows = rows, .speed = 1};
            struct wanted wanted = {.stage = stage};
            cw_acoustic_session_tap(s, keep, &wanted);
            const int rc = cw_acoustic_run(s, &in, &frames, err);
            codings[done] = wanted.coding;
            if (rc != 0) {
                cw_fail_in(err, "utterance %d", done + 1);
                break;
            }
            if (wanted.coding == NULL) {
                cw_fail_memory(err, "codings");
                break;
            }
        }
    }
    cw_acoustic_session_close(s);
    free(pack);
    if (done == count) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        free(codings[i]);
        codings[i] = NULL;
    }
    return -1;
}
