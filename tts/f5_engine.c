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
    struct {
        int durations[PHONEMES_MAX + 2], ids[CW_F5_FRAMES_MAX];
    } of[CW_F5_TOGETHER];
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

static double weight_of(const struct cw_acoustic_input *in) {
    double sum = 0;
    for (int i = 0; i < in->count; i++)
        sum += cw_f5_weight((uint32_t)in->ids[i]);
    return sum;
}

/* The symbols' shares of `samples`, [count + 2] with nothing at either end. */
static void share_out(const struct cw_acoustic_input *in, int samples, int *durations) {
    const double all = weight_of(in);
    double sum = 0;
    int before = 0;
    durations[0] = durations[in->count + 1] = 0;
    for (int i = 0; i < in->count; i++) {
        sum += cw_f5_weight((uint32_t)in->ids[i]);
        int at = (int)lround(samples * sum / all);
        durations[i + 1] = at - before;
        before = at;
    }
}

/* Frames of both, as many as the graph takes: a very slow speaker hurries. */
static int frames_of(const struct cw_acoustic_input *in, size_t reference_bytes) {
    const struct cw_acoustic_reference *r = in->reference;
    const struct cw_f5_timing timing = {.reference_frames = r->frames,
                                        .reference_weight = r->weight,
                                        .weight = weight_of(in),
                                        .reference_bytes = reference_bytes,
                                        .bytes = strlen(in->text),
                                        .speed = (double)in->speed,
                                        .by_bytes = in->by_bytes};
    const int made = cw_f5_frames(&timing);
    return made < CW_F5_FRAMES_MAX - r->frames ? r->frames + made : CW_F5_FRAMES_MAX;
}

static double seconds(const struct cw_acoustic_input *in) {
    struct cw_text said = {0};
    if (!in->reference || !in->text)
        return 0;
    cw_f5_write_reference(in->reference->text, &said);
    const size_t bytes = said.len;
    cw_text_free(&said);
    return (double)frames_of(in, bytes) * HOP / RATE;
}

/* What the graph is asked for `in`; ids [CW_F5_FRAMES_MAX]. */
static int ask(const struct cw_f5 *model, const struct cw_acoustic_input *in, int *ids, struct cw_f5_input *f, struct cw_error *err) {
    const struct cw_acoustic_reference *r = in->reference;
    const int bands = cw_f5_bands(model);
    struct cw_text said = {0}, text = {0};
    int result = -1;
    *f = cw_f5_input_default();
    if (!r || !in->text) {
        cw_fail(err, CW_BAD_INPUT, "f5: expected a voice with a reference and a text, found none");
        goto done;
    }
    if (r->bands != bands) {
        cw_fail(err, CW_BAD_INPUT, "f5: expected a reference of %d bands, found %d", bands, r->bands);
        goto done;
    }
    cw_f5_write_reference(r->text, &said);
    const size_t reference_bytes = said.len;
    cw_text_add(&said, in->text);
    cw_f5_write(said.data ? said.data : "", &text);
    if (cw_text_check(&said, "text", err) != 0 || cw_text_check(&text, "text", err) != 0 ||
        cw_f5_ids(model, text.data, ids, CW_F5_FRAMES_MAX - 1, &f->count, err) != 0)
        goto done;
    f->reference = r->mel;
    f->reference_frames = r->frames;
    f->ids = ids;
    f->frames = frames_of(in, reference_bytes);
    f->frames = f->frames > f->count ? f->frames : f->count + 1; /* a symbol needs a frame */
    f->seed = in->seed;
    f->steps = in->steps ? in->steps : f->steps;
    result = 0;
done:
    cw_text_free(&said);
    cw_text_free(&text);
    return result;
}

static int run_together(void *session, const struct cw_acoustic_input *in, int count, const struct cw_acoustic_tap *tap,
                        struct cw_frames *frames, struct cw_error *err) {
    struct session *s = session;
    struct cw_f5_input asked[CW_F5_TOGETHER];
    const float *mel[CW_F5_TOGETHER];
    const int bands = cw_f5_bands(s->model);
    for (int i = 0; i < count; i++)
        if (ask(s->model, &in[i], s->of[i].ids, &asked[i], err) != 0)
            return -1;
    cw_f5_session_tap(s->graph, tap->call, tap->arg);
    if (cw_f5_run(s->graph, asked, count, mel, err) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        const int shown = asked[i].reference_frames, made = asked[i].frames - shown;
        share_out(&in[i], (made - 1) * HOP, s->of[i].durations);
        frames[i] = (struct cw_frames){.kind = "mel-vocos",
                                       .count = made,
                                       .channels = bands,
                                       .data = mel[i] + (size_t)shown * (size_t)bands,
                                       .sample_rate = RATE,
                                       .hop = HOP,
                                       .durations = s->of[i].durations,
                                       .phonemes = in[i].count + 2,
                                       .unit_samples = 1,
                                       .guessed = true};
    }
    return 0;
}

const struct cw_acoustic_engine cw_f5_engine = {
    .architecture = "f5",
    .open = open_model,
    .close = close_model,
    .max_phonemes = max_phonemes,
    .symbol = symbol,
    .session_open = open_session,
    .session_close = close_session,
    .together = CW_F5_TOGETHER,
    .seconds = seconds,
    .run_together = run_together,
};
