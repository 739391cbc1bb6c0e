/* F5-TTS as an acoustic engine.
 *
 *   reference text + text ─▶ ids ─┐
 *   phonemes ─▶ frames to make ───┼─▶ f5.c ─▶ mel of both ─▶ what follows the reference
 *   mel of the reference ─────────┘
 *
 * The model reads letters, not phonemes: these only say how long it takes. Nor does it say when it says what: the durations given are the
 * guess it was made by. */
#include "tts/f5.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tts/acoustic_engine.h"
#include "tts/f5_text.h"

enum { RATE = 24000, HOP = 256, PHONEMES_MAX = 510 };

struct session {
    struct cw_f5_session *graph;
    const struct cw_f5 *model;
    int durations[PHONEMES_MAX + 2], ids[CW_F5_FRAMES_MAX];
};

static int open_model(void **model, struct cw_device *d, const struct cw_gguf *g, struct cw_error *err) {
    struct cw_f5 *m = NULL;
    if (cw_f5_load(&m, d, g, "f5", err) != 0)
        return -1;
    cw_gguf_release(g); /* weights are copied */
    *model = m;
    return 0;
}

static void close_model(void *model) {
    cw_f5_close(model);
}

static int max_phonemes(const void *model) {
    (void)model;
    return PHONEMES_MAX;
}

static int symbol(const void *model, uint32_t code_point) {
    (void)model;
    return (int)code_point;
}

static void close_session(void *session) {
    struct session *s = session;
    if (!s)
        return;
    cw_f5_session_close(s->graph);
    free(s);
}

static int open_session(void **session, const void *model, struct cw_error *err) {
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return cw_fail_memory(err, "f5 session");
    s->model = model;
    if (cw_f5_session_open(&s->graph, model, err) != 0) {
        free(s);
        return -1;
    }
    *session = s;
    return 0;
}

/* The symbols' shares of `samples`, [count + 2] with nothing at either end. */
static void share_out(const struct cw_acoustic_input *in, int samples, int *durations) {
    double all = 0, sum = 0;
    int before = 0;
    for (int i = 0; i < in->count; i++)
        all += cw_f5_weight((uint32_t)in->ids[i]);
    durations[0] = durations[in->count + 1] = 0;
    for (int i = 0; i < in->count; i++) {
        sum += cw_f5_weight((uint32_t)in->ids[i]);
        int at = (int)lround(samples * sum / all);
        durations[i + 1] = at - before;
        before = at;
    }
}

static int run(void *session, const struct cw_acoustic_input *in, const struct cw_acoustic_tap *tap, struct cw_frames *frames,
               struct cw_error *err) {
    struct session *s = session;
    const struct cw_acoustic_reference *r = in->reference;
    struct cw_text said = {0}, text = {0};
    struct cw_f5_timing timing = {.speed = (double)in->speed, .by_bytes = in->by_bytes};
    struct cw_f5_input f = cw_f5_input_default();
    const float *mel = NULL;
    int result = -1, bands = cw_f5_bands(s->model);
    if (!r || !in->text) {
        cw_fail(err, CW_BAD_INPUT, "f5: expected a voice with a reference and a text, found none");
        goto done;
    }
    if (r->bands != bands) {
        cw_fail(err, CW_BAD_INPUT, "f5: expected a reference of %d bands, found %d", bands, r->bands);
        goto done;
    }
    cw_f5_write_reference(r->text, &said);
    timing.reference_bytes = said.len;
    timing.bytes = strlen(in->text);
    cw_text_add(&said, in->text);
    cw_f5_write(said.data ? said.data : "", &text);
    if (cw_text_check(&said, "text", err) != 0 || cw_text_check(&text, "text", err) != 0 ||
        cw_f5_ids(s->model, text.data, s->ids, CW_F5_FRAMES_MAX - 1, &f.count, err) != 0)
        goto done;
    for (int i = 0; i < in->count; i++)
        timing.weight += cw_f5_weight((uint32_t)in->ids[i]);
    timing.reference_frames = r->frames;
    timing.reference_weight = r->weight;
    f.reference = r->mel;
    f.reference_frames = r->frames;
    f.ids = s->ids;
    f.frames = r->frames + cw_f5_frames(&timing);
    f.frames = f.frames < CW_F5_FRAMES_MAX ? f.frames : CW_F5_FRAMES_MAX; /* a very slow speaker hurries */
    f.frames = f.frames > f.count ? f.frames : f.count + 1;               /* a symbol needs a frame */
    f.seed = in->seed;
    f.steps = in->steps ? in->steps : f.steps;
    cw_f5_session_tap(s->graph, tap->call, tap->arg);
    if (cw_f5_run(s->graph, &f, &mel, err) != 0)
        goto done;
    const int made = f.frames - r->frames;
    share_out(in, (made - 1) * HOP, s->durations);
    *frames = (struct cw_frames){.kind = "mel-vocos",
                                 .count = made,
                                 .channels = bands,
                                 .data = mel + (size_t)r->frames * (size_t)bands,
                                 .sample_rate = RATE,
                                 .hop = HOP,
                                 .durations = s->durations,
                                 .phonemes = in->count + 2,
                                 .unit_samples = 1,
                                 .guessed = true};
    result = 0;
done:
    cw_text_free(&said);
    cw_text_free(&text);
    return result;
}

const struct cw_acoustic_engine cw_f5_engine = {
    .architecture = "f5",
    .open = open_model,
    .close = close_model,
    .max_phonemes = max_phonemes,
    .symbol = symbol,
    .session_open = open_session,
    .session_close = close_session,
    .run = run,
};
