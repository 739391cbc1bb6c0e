/* Training: the loss, and the whole decoder's gradients, against PyTorch (tests/make_training_reference.py). */
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/kernels.h"
#include "tests/test_reference.h"
#include "tts/train.h"
#include "vocoder/train.h"
#include "tests/synthetic.h"
#include "voices/loss.h"
#include "voices/train.h"

enum { RANK = 16, STYLE = 128 };

static bool model_path(char *out) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX];
    return cw_models_dir(dir, &err) == 0 && cw_path_join(out, dir, "kokoro.gguf", &err) == 0 && cw_file_exists(out);
}

static float *pack_of(const char *name) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], leaf[64], path[CW_PATH_MAX], *data = NULL;
    size_t len = 0;
    snprintf(leaf, sizeof leaf, "voices/%s.bin", name);
    CHECKF(cw_models_dir(dir, &err) == 0 && cw_path_join(path, dir, leaf, &err) == 0 &&
               cw_file_read(path, (size_t)1 << 24, &data, &len, &err) == 0 && len >= SYNTHETIC_PACK * sizeof(float),
           "%s", err.text);
    return (float *)(void *)data;
}

/* numbers from -scale/2 to scale/2; the script computes the same */
static float *hashed(size_t n, int salt, double scale) {
    float *v = malloc(n * sizeof *v);
    if (!v)
        abort();
    for (size_t i = 0; i < n; i++) {
        const double x = sin((double)i * 12.9898 + salt) * 43758.5453;
        v[i] = (float)((x - floor(x) - 0.5) * scale);
    }
    return v;
}

/* Relative L2 distance of every step-th number of x [n] from the record. */
static double apart(const struct cw_reference *r, const char *kind, const char *name, const float *x, int n, int step) {
    char leaf[96];
    int count = 0;
    double d = 0, w = 0;
    snprintf(leaf, sizeof leaf, "%s%s", kind, name);
    const float *want = cw_reference_floats(r, leaf, &count);
    if (!want || count != (n + step - 1) / step)
        return INFINITY;
    for (int i = 0; i < count; i++) {
        const double e = (double)x[i * step] - (double)want[i];
        d += e * e;
        w += (double)want[i] * (double)want[i];
    }
    return w > 0 ? sqrt(d / w) : sqrt(d);
}

/* ---- the loss ---------------------------------------------------------------------------------------------------------- */

/* Does the loss change along a direction by what the gradient says? */
static void check_slope(struct cw_loss *l, struct cw_device *d, const float *wave, const float *target, int n) {
    struct cw_error err = {0};
    float *direction = hashed((size_t)n, 5, 2), *grad = hashed((size_t)n, 0, 0), *moved = hashed((size_t)n, 0, 0);
    double at, by[2] = {0}, slope = 0, length = 0;
    const float h = 1e-4F;

    CHECKF(cw_loss_run(l, d, wave, target, n, &at, grad, &err) == 0, "%s", err.text);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < n; i++)
            moved[i] = wave[i] + (side ? -h : h) * direction[i];
        CHECK(cw_loss_run(l, d, moved, target, n, &by[side], NULL, &err) == 0);
    }
    for (int i = 0; i < n; i++) {
        slope += (double)grad[i] * (double)direction[i];
        length += (double)grad[i] * (double)grad[i];
    }
    const double found = (by[0] - by[1]) / (2 * (double)h);
    CHECKF(fabs(found - slope) < 1e-2 * sqrt(length), "the loss changes by %g, the gradient says %g", found, slope);
    free(direction);
    free(grad);
    free(moved);
}

static void loss(void) {
    enum { N = 3000, RATE = 24000 };
    struct cw_error err = {0};
    struct cw_loss *l = NULL;
    struct cw_device *d = device("c", 2), *one = device("c", 1);
    float *wave = hashed(N, 3, 0.1), *target = hashed(N, 4, 0.2), grad[N], again[N];
    double at = 0;

    if (!CHECKF(cw_loss_open(&l, RATE, 7600, N, &err) == 0, "%s", err.text))
        return;
    CHECK(cw_loss_run(l, d, wave, wave, N, &at, NULL, &err) == 0 && at == 0);
    CHECK(cw_loss_run(l, d, wave, target, N, &at, grad, &err) == 0 && at > 0.1);
    CHECK(cw_loss_run(l, one, wave, target, N, &at, again, &err) == 0 && memcmp(grad, again, sizeof grad) == 0);
    check_slope(l, d, wave, target, N);
    CHECK_REFUSED(cw_loss_run(l, d, wave, target, N + 1, &at, NULL, &err), &err, "loss", "3001");
    cw_loss_close(l);
    l = NULL;
    CHECK_REFUSED(cw_loss_open(&l, RATE, 13000, N, &err), &err, "loss", "13000");
    cw_device_close(d);
    cw_device_close(one);
    free(wave);
    free(target);
}

/* A sound, and the same a little late here and early there: where that is forgiven they are nearly the same, and another sound is not. */
static void timing(void) {
    enum { N = 24000, PART = 3000, RATE = 24000, REACH = 1200 };
    struct cw_error err = {0};
    struct cw_loss *strict = NULL, *kind = NULL;
    struct cw_device *d = device("c", 2);
    float *wave = hashed(N, 3, 0), *late = hashed(N, 4, 0), *other = hashed(N, 5, 0), *loud = hashed(PART, 6, 0.1);
    double far, near, unlike, at;

    for (int i = 0; i < N; i++)
        for (int k = 1; k < 40; k++) {
            const double t = (double)i / RATE, off = t - 0.03 * sin(2 * M_PI * t), tone = 0.1 / k * sin(2 * M_PI * 150 * k * t);
            wave[i] += (float)(tone * (1 + 0.9 * sin(2 * M_PI * (4 * t + k / 7.0))));
            late[i] += (float)(tone * (1 + 0.9 * sin(2 * M_PI * (4 * off + k / 7.0))));
            other[i] += (float)(tone * (1 + 0.9 * sin(2 * M_PI * (4 * t + k / 3.0))));
        }
    if (!CHECKF(cw_loss_open(&strict, RATE, 7600, N, &err) == 0 && cw_loss_open(&kind, RATE, 7600, N, &err) == 0 &&
                    cw_loss_forgive_timing(kind, REACH, &err) == 0,
                "%s", err.text))
        return;
    CHECK(cw_loss_run(strict, d, wave, late, N, &far, NULL, &err) == 0 && cw_loss_run(kind, d, wave, late, N, &near, NULL, &err) == 0 &&
          cw_loss_run(kind, d, wave, other, N, &unlike, NULL, &err) == 0);
    CHECKF(near < 0.5 * far && near < 0.5 * unlike, "strict %g, forgiven %g, another sound %g", far, near, unlike);
    CHECK(cw_loss_run(kind, d, wave, wave, N, &at, NULL, &err) == 0 && at == 0);
    check_slope(kind, d, loud, late, PART);
    wave[N / 2] = NAN;
    CHECK(cw_loss_run(kind, d, wave, late, N, &at, NULL, &err) == 0 && isnan(at));
    cw_loss_close(strict);
    cw_loss_close(kind);
    cw_device_close(d);
    free(wave);
    free(late);
    free(other);
    free(loud);
}

/* A tone that stops, recorded in a noisy room: once the room is known, the tone alone is nearer to the recording than with noise. */
static void room(void) {
    enum { N = 12000, TONE = 8000, RATE = 24000, PART = 3000 };
    struct cw_error err = {0};
    struct cw_loss *l = NULL;
    struct cw_device *d = device("c", 2);
    float *recording = hashed(N, 3, 0.02), *noisy = hashed(N, 4, 0.02), *clean = hashed(N, 0, 0), *loud = hashed(PART, 6, 0.1);
    double alone, with;

    for (int i = 0; i < TONE; i++) {
        for (int k = 1; k < 40; k++)
            clean[i] += (float)(0.1 / k * sin(2 * M_PI * 150 * k * i / RATE));
        recording[i] += clean[i];
        noisy[i] += clean[i];
    }
    if (!CHECKF(cw_loss_open(&l, RATE, 7600, N, &err) == 0, "%s", err.text))
        return;
    CHECK(cw_loss_run(l, d, clean, recording, N, &alone, NULL, &err) == 0 &&
          cw_loss_run(l, d, noisy, recording, N, &with, NULL, &err) == 0);
    CHECKF(alone > with, "without the room: tone alone %g, with noise %g", alone, with);
    CHECK(cw_loss_learn_room(l, (const float *const[]){recording, noisy}, (const int[]){N, N}, 2, &err) == 0);
    CHECK(cw_loss_run(l, d, clean, recording, N, &alone, NULL, &err) == 0 &&
          cw_loss_run(l, d, noisy, recording, N, &with, NULL, &err) == 0);
    CHECKF(alone < 0.9 * with, "with the room: tone alone %g, with noise %g", alone, with);
    check_slope(l, d, loud, recording, PART);
    /* silence has no room, nor has what is too short to hear one in */
    memset(noisy, 0, sizeof *noisy * N);
    CHECK(cw_loss_learn_room(l, (const float *const[]){noisy}, (const int[]){N}, 1, &err) == 0);
    CHECK(cw_loss_run(l, d, clean, clean, N, &alone, NULL, &err) == 0 && alone == 0);
    CHECK(cw_loss_learn_room(l, (const float *const[]){recording}, (const int[]){100}, 1, &err) == 0);
    CHECK(cw_loss_run(l, d, clean, clean, N, &alone, NULL, &err) == 0 && alone == 0);
    cw_loss_close(l);
    cw_device_close(d);
    free(recording);
    free(noisy);
    free(clean);
    free(loud);
}

/* ---- the whole decoder --------------------------------------------------------------------------------------------------- */

struct decoder {
    struct cw_device *device;
    struct cw_acoustic_trainer *acoustic;
    struct cw_vocoder_trainer *vocoder;
    struct cw_tape *tape;
    struct cw_loss *loss;
    struct cw_layer *layers[256];
    int count;
};

static void decoder_close(struct decoder *m) {
    for (int i = 0; i < m->count; i++) {
        free(m->layers[i]->offset_grad);
        free((void *)(uintptr_t)m->layers[i]->down);
        free((void *)(uintptr_t)m->layers[i]->up);
        free(m->layers[i]->down_grad);
        free(m->layers[i]->up_grad);
    }
    cw_acoustic_trainer_close(m->acoustic);
    cw_vocoder_trainer_close(m->vocoder);
    cw_tape_close(m->tape);
    cw_loss_close(m->loss);
    cw_device_close(m->device);
}

static bool decoder_open(struct decoder *m, const char *path, int threads) {
    struct cw_error err = {0};
    int n[2];
    *m = (struct decoder){.device = device(cw_device_isas()[0], threads)};
    if (!CHECKF(cw_acoustic_trainer_open(&m->acoustic, m->device, path, &err) == 0 &&
                    cw_vocoder_trainer_open(&m->vocoder, m->device, path, &err) == 0 &&
                    cw_tape_open(&m->tape, m->device, (size_t)1 << 30, &err) == 0 && cw_loss_open(&m->loss, 24000, 7600, 36000, &err) == 0,
                "%s", err.text))
        return false;
    struct cw_layer *lists[2] = {cw_acoustic_trainer_layers(m->acoustic, &n[0]), cw_vocoder_trainer_layers(m->vocoder, &n[1])};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < n[k]; i++)
            m->layers[m->count++] = &lists[k][i];
    for (int i = 0; i < m->count; i++) {
        m->layers[i]->offset_grad = m->layers[i]->bias ? calloc((size_t)m->layers[i]->out, sizeof(float)) : NULL;
    }
    return true;
}

static void add_rank(struct decoder *m, const char *name, int number) {
    struct cw_error err = {0};
    for (int i = 0; i < m->count; i++) {
        struct cw_layer *l = m->layers[i];
        if (strcmp(l->name, name) != 0)
            continue;
        const size_t down = (size_t)RANK * l->in * l->taps, up = (size_t)RANK * l->out;
        l->rank = RANK;
        l->down = hashed(down, 1 + number, 0.1);
        l->up = hashed(up, 101 + number, 0.1);
        l->down_grad = calloc(down, sizeof(float));
        l->up_grad = calloc(up, sizeof(float));
        CHECKF(l->may_rank && cw_layer_update(l, &err) == 0, "%s: %s", name, err.text);
        return;
    }
    CHECKF(false, "no layer \"%s\"", name);
}

/* One step on the reference's stretch; dstyle [128]; the wave's gradient in dwave. */
static double step(struct decoder *m, const struct cw_reference *r, float *dstyle, float *wave_out, float *dwave) {
    struct cw_error err = {0};
    int n = 0, T = 0;
    double value = 0;
    bool add;
    const float *asr = cw_reference_floats(r, "asr", &n), *f0 = cw_reference_floats(r, "f0", &T);
    const float *energy = cw_reference_floats(r, "energy", &T), *style = cw_reference_floats(r, "style", &n);
    const float *har = cw_reference_floats(r, "har", &n), *target = cw_reference_floats(r, "target", &n);
    T /= 2;
    if (!CHECK(asr && f0 && energy && style && har && target && n == T * 600))
        return 0;
    cw_tape_start(m->tape);
    struct cw_var *s =
        cw_tape_leaf(m->tape, (struct cw_mat){(float *)(uintptr_t)style, 1, STYLE, STYLE}, (struct cw_mat){dstyle, 1, STYLE, STYLE});
    struct cw_var *frames =
        cw_acoustic_trainer_run(m->acoustic, m->tape, (struct cw_mat){(float *)(uintptr_t)asr, T, 512, 512}, f0, energy, s);
    struct cw_var *wave = cw_vocoder_trainer_run(m->vocoder, m->tape, frames, s, f0, 0, har);
    if (!CHECKF(cw_tape_check(m->tape, &err) == 0, "%s", err.text))
        return 0;
    CHECK(wave->value.cols == n && cw_tape_grad(m->tape, wave, &add, &err) == 0 && !add);
    CHECKF(cw_loss_run(m->loss, m->device, wave->value.data, target, n, &value, wave->grad.data, &err) == 0, "%s", err.text);
    memcpy(wave_out, wave->value.data, sizeof(float) * (size_t)n);
    memcpy(dwave, wave->grad.data, sizeof(float) * (size_t)n);
    CHECKF(cw_tape_backward(m->tape, &err) == 0, "%s", err.text);
    return value;
}

/* What is normed next takes no bias: PyTorch has rounding in double precision there. */
static bool no_gradient(const struct cw_reference *r, const char *name) {
    char leaf[96];
    int n = 0;
    snprintf(leaf, sizeof leaf, "b/%s", name);
    const float *b = cw_reference_floats(r, leaf, &n);
    double length = 0;
    for (int i = 0; b && i < n; i++)
        length += (double)b[i] * (double)b[i];
    return sqrt(length) < 1e-12;
}

static void decoder(void) {
    static const char *const low_rank[] = {"decoder.asr_res.0",
                                           "decoder.encode.conv1",
                                           "decoder.decode.1.conv2",
                                           "decoder.decode.3.conv1x1",
                                           "decoder.generator.noise_convs.0",
                                           "decoder.generator.resblocks.1.convs1.2",
                                           "decoder.generator.resblocks.5.convs2.0",
                                           "decoder.generator.conv_post"};
    char path[CW_PATH_MAX];
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    if (!model_path(path)) {
        cw_test_skip("no kokoro.gguf");
        return;
    }
    if (!CHECKF(cw_reference_open(&r, "training.bin", &err) == 0, "%s", err.text))
        return;
    int n = 0;
    float first[STYLE];
    for (int threads = 1; threads <= 2; threads++) {
        struct decoder m;
        float dstyle[STYLE], *wave = calloc(36000, sizeof *wave), *dwave = calloc(36000, sizeof *dwave);
        double worst = 0;
        int offsets = 0;
        if (!wave || !dwave || !decoder_open(&m, path, threads))
            return;
        for (int i = 0; i < (int)(sizeof low_rank / sizeof *low_rank); i++)
            add_rank(&m, low_rank[i], i);
        const double value = step(&m, r, dstyle, wave, dwave);
        if (threads == 2)
            CHECKF(memcmp(first, dstyle, sizeof first) == 0, "two threads gave other gradients than one");
        memcpy(first, dstyle, sizeof first);
        (void)cw_reference_floats(r, "wave", &n);
        CHECKF(cw_reference_distance_whole(r, "wave", wave, n) < 1e-3, "wave: %g", cw_reference_distance_whole(r, "wave", wave, n));
        CHECKF(value > 0.1, "loss %g", value);
        CHECKF(cw_reference_distance_whole(r, "dwave", dwave, n) < 1e-3, "dwave: %g", cw_reference_distance_whole(r, "dwave", dwave, n));
        CHECKF(cw_reference_distance_whole(r, "dstyle", dstyle, STYLE) < 1e-3, "dstyle: %g",
               cw_reference_distance_whole(r, "dstyle", dstyle, STYLE));
        for (int i = 0; i < m.count; i++) {
            const struct cw_layer *l = m.layers[i];
            if (!l->offset_grad)
                continue;
            double e = apart(r, "b/", l->name, l->offset_grad, l->out, 7), length = 0, style_length = 0;
            if (isfinite(e) && no_gradient(r, l->name)) {
                for (int k = 0; k < l->out; k++)
                    length += (double)l->offset_grad[k] * (double)l->offset_grad[k];
                for (int k = 0; k < STYLE; k++)
                    style_length += (double)dstyle[k] * (double)dstyle[k];
                e = sqrt(length / style_length) / 10;
            }
            CHECKF(e < 1e-3, "%s: gradient by the bias: %g", l->name, e);
            offsets += l->out;
            worst = fmax(worst, e);
            if (l->rank > 0) {
                const double down = apart(r, "d/", l->name, l->down_grad, RANK * l->in * l->taps, 53);
                const double up = apart(r, "u/", l->name, l->up_grad, RANK * l->out, 53);
                CHECKF(down < 1e-3 && up < 1e-3, "%s: gradients by down and up: %g, %g", l->name, down, up);
                worst = fmax(worst, fmax(down, up));
            }
        }
        CHECKF(offsets == 57774, "%d offsets", offsets); /* all biases but the source's one */
        CHECKF(worst > 0 && worst < 1e-3, "worst relative error %g", worst);
        decoder_close(&m);
        free(wave);
        free(dwave);
    }
    cw_reference_close(r);
}

/* ---- the predictor -------------------------------------------------------------------------------------------------------- */

enum { CODING, DURATIONS, F0, ENERGY, STAGES };

/* What the engine itself says of the reference's sentence. */
struct predicted {
    struct cw_mat stages[STAGES]; /* without gaps */
    int durations[128];
};

static void keep_stage(void *arg, const char *stage, struct cw_mat m) {
    static const char *const names[STAGES] = {"d_en", "durations_float", "F0", "N"};
    struct predicted *p = arg;
    for (int i = 0; i < STAGES; i++) {
        if (strcmp(stage, names[i]) != 0)
            continue;
        p->stages[i] = (struct cw_mat){malloc(sizeof(float) * (size_t)m.rows * (size_t)m.cols), m.rows, m.cols, m.cols};
        for (int r = 0; p->stages[i].data && r < m.rows; r++)
            memcpy(p->stages[i].data + (ptrdiff_t)r * m.cols, m.data + (ptrdiff_t)r * m.stride, sizeof(float) * (size_t)m.cols);
    }
}

static bool predict(struct predicted *p, struct cw_device *d, const char *model, const int *ids, int count, const float *pack) {
    struct cw_acoustic *a = NULL;
    struct cw_acoustic_session *s = NULL;
    struct cw_error err = {0};
    struct cw_frames frames;
    *p = (struct predicted){0};
    bool ok = cw_acoustic_open(&a, d, model, &err) == 0 && cw_acoustic_session_open(&s, a, &err) == 0;
    if (ok) {
        cw_acoustic_session_tap(s, keep_stage, p);
        ok = cw_acoustic_run(s, &(struct cw_acoustic_input){.ids = ids + 1, .count = count - 2, .pack = pack, .pack_rows = 510, .speed = 1},
                             &frames, &err) == 0;
        memcpy(p->durations, frames.durations, sizeof(int) * (size_t)(ok ? count : 0));
    }
    cw_acoustic_session_close(s);
    cw_acoustic_close(a);
    return CHECKF(ok, "%s", err.text) && CHECK(p->stages[0].data && p->stages[1].data && p->stages[2].data && p->stages[3].data);
}

/* The gradient of the sum of w * v comes to v. */
static double weigh(struct cw_tape *t, struct cw_var *v, int salt, double scale) {
    struct cw_error err = {0};
    float *w = hashed((size_t)v->value.rows, salt, scale);
    double sum = 0;
    bool add;
    CHECKF(cw_tape_grad(t, v, &add, &err) == 0 && !add, "%s", err.text);
    for (int r = 0; r < v->value.rows; r++) {
        sum += (double)w[r] * (double)v->value.data[(ptrdiff_t)r * v->value.stride];
        v->grad.data[(ptrdiff_t)r * v->grad.stride] = w[r];
    }
    free(w);
    return sum;
}

/* [n, 1] without gaps */
static const float *column(const struct cw_var *v, float *room, int most) {
    CHECK(v->value.rows <= most && v->value.cols == 1);
    for (int r = 0; r < v->value.rows && r < most; r++)
        room[r] = v->value.data[(ptrdiff_t)r * v->value.stride];
    return room;
}

static double column_apart(const struct cw_var *v, struct cw_mat want) {
    double d = 0, w = 0;
    if (v->value.rows != want.rows)
        return INFINITY;
    for (int r = 0; r < want.rows; r++) {
        const double e = (double)v->value.data[(ptrdiff_t)r * v->value.stride] - (double)want.data[r];
        d += e * e;
        w += (double)want.data[r] * (double)want.data[r];
    }
    return sqrt(d / w);
}

/* With its own durations the trainer says what the engine says; with given ones, what PyTorch does, with PyTorch's gradient, which the
 * differences agree with too. */
static void predictor(void) {
    enum { MOST = 1024 };
    char path[CW_PATH_MAX];
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    int count = 0, n = 0;
    float first[STYLE], dstyle[STYLE], room[MOST];
    if (!model_path(path)) {
        cw_test_skip("no kokoro.gguf");
        return;
    }
    if (!CHECKF(cw_reference_open(&r, "training_prosody.bin", &err) == 0, "%s", err.text))
        return;
    const int *ids = cw_reference_ints(r, "ids", &count), *given = cw_reference_ints(r, "given", &n);
    const float *published = cw_reference_floats(r, "style", &n);
    float *pack = pack_of("af_heart"), style[STYLE];
    if (!CHECK(ids && given && published && pack && count > 10 && count <= 128 && n == STYLE))
        return;
    CHECK(memcmp(pack + (ptrdiff_t)(count - 3) * 256 + STYLE, published, sizeof style) == 0);
    memcpy(style, published, sizeof style);
    for (int threads = 1; threads <= 2; threads++) {
        struct cw_device *d = device(cw_device_isas()[0], threads);
        struct cw_prosody_trainer *p = NULL;
        struct cw_tape *t = NULL;
        struct predicted own;
        const struct cw_mat value = {style, 1, STYLE, STYLE}, grad = {dstyle, 1, STYLE, STYLE};
        if (!predict(&own, d, path, ids, count, pack) ||
            !CHECKF(cw_prosody_trainer_open(&p, d, path, &err) == 0 && cw_tape_open(&t, d, (size_t)1 << 28, &err) == 0, "%s", err.text))
            return;
        cw_tape_start(t);
        struct cw_predicted said = cw_prosody_trainer_run(p, t, own.stages[CODING], own.durations, cw_tape_leaf(t, value, grad));
        CHECKF(cw_tape_check(t, &err) == 0, "%s", err.text);
        struct cw_var *const parts[] = {said.durations, said.f0, said.energy};
        for (int i = 0; i < 3; i++)
            CHECKF(column_apart(parts[i], own.stages[DURATIONS + i]) < 1e-4, "part %d is %g from the engine's", i,
                   column_apart(parts[i], own.stages[DURATIONS + i]));
        double sums[3] = {0}, slope = 0, length = 0;
        float *direction = hashed(STYLE, 8, 2);
        const float h = 2e-3F;
        for (int side = 0; side < 3; side++) { /* the last one goes back */
            for (int i = 0; i < STYLE; i++)
                style[i] = published[i] + (side == 0 ? h : side == 1 ? -h : 0) * direction[i];
            cw_tape_start(t);
            said = cw_prosody_trainer_run(p, t, own.stages[CODING], given, cw_tape_leaf(t, value, grad));
            if (!CHECKF(cw_tape_check(t, &err) == 0, "%s", err.text))
                return;
            sums[side] = weigh(t, said.durations, 1, 2) + weigh(t, said.f0, 2, 0.02) + weigh(t, said.energy, 3, 2);
        }
        static const char *const names[] = {"durations", "F0", "energy"};
        const struct cw_var *const again[] = {said.durations, said.f0, said.energy};
        for (int i = 0; i < 3; i++) {
            const double e = cw_reference_distance_whole(r, names[i], column(again[i], room, MOST), again[i]->value.rows);
            CHECKF(e < 1e-4, "%s: %g from PyTorch's", names[i], e);
        }
        CHECKF(cw_tape_backward(t, &err) == 0, "%s", err.text);
        const double e = cw_reference_distance_whole(r, "dstyle", dstyle, STYLE);
        CHECKF(e < 1e-3, "gradient by the style: %g from PyTorch's", e);
        for (int i = 0; i < STYLE; i++) {
            slope += (double)dstyle[i] * (double)direction[i];
            length += (double)dstyle[i] * (double)dstyle[i];
        }
        const double found = (sums[0] - sums[1]) / (2 * (double)h);
        CHECKF(fabs(found - slope) < 1e-2 * sqrt(length), "the sum changes by %g, the gradient says %g (length %g)", found, slope,
               sqrt(length));
        if (threads == 2)
            CHECKF(memcmp(first, dstyle, sizeof first) == 0, "two threads gave another gradient than one");
        memcpy(first, dstyle, sizeof first);

        cw_tape_start(t);
        (void)cw_prosody_trainer_run(p, t, own.stages[CODING], (const int[128]){0}, cw_tape_leaf(t, value, grad));
        CHECK_REFUSED(cw_tape_check(t, &err), &err, "repeats of 1 to", "found 0");
        cw_tape_start(t);
        (void)cw_prosody_trainer_run(p, t, own.stages[CODING], given, cw_tape_leaf(t, (struct cw_mat){style, 1, 100, 100}, grad));
        CHECK_REFUSED(cw_tape_check(t, &err), &err, "a row of 128", "1 x 100");
        for (int i = 0; i < STAGES; i++)
            free(own.stages[i].data);
        free(direction);
        cw_prosody_trainer_close(p);
        cw_tape_close(t);
        cw_device_close(d);
    }
    free(pack);
    cw_reference_close(r);
}

/* ---- training ------------------------------------------------------------------------------------------------------------- */

struct watch {
    int steps, stop_at, full_at; /* full_at: after this step no file can be longer than 4 KB */
    double first, last;          /* loss held out */
};

/* What is written beyond `most` fails, as on a full disk. */
static void limit_files(rlim_t most) {
    struct rlimit r;
    if (CHECK(getrlimit(RLIMIT_FSIZE, &r) == 0)) {
        r.rlim_cur = most < r.rlim_max ? most : r.rlim_max;
        CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
    }
}

static int files_in(const char *dir) {
    DIR *d = opendir(dir);
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static bool watch_progress(void *arg, const struct cw_train_progress *p) {
    struct watch *w = arg;
    if (w->steps++ == 0)
        w->first = p->held_out;
    w->last = p->best_held_out;
    if (w->steps == w->full_at)
        limit_files(4096);
    return w->steps != w->stop_at;
}

static bool same_result(const struct cw_trained *a, const struct cw_trained *b) {
    if (memcmp(a->style, b->style, sizeof a->style) != 0 || a->learnt.count != b->learnt.count || a->learnt.count == 0)
        return false;
    for (int i = 0; i < a->learnt.count; i++) {
        const struct cw_learnt_layer *p = &a->learnt.layers[i], *q = &b->learnt.layers[i];
        if (strcmp(p->name, q->name) != 0 || !p->offset != !q->offset || p->rank != q->rank ||
            (p->offset && memcmp(p->offset, q->offset, sizeof(float) * (size_t)p->out) != 0) ||
            (p->rank && (memcmp(p->down, q->down, sizeof(float) * (size_t)(p->rank * p->in * p->taps)) != 0 ||
                         memcmp(p->up, q->up, sizeof(float) * (size_t)(p->rank * p->out)) != 0)))
            return false;
    }
    return true;
}

/* So many units of silence at the start of the middle symbol, with an energy in their middle that no loss survives. */
static bool add_pause(struct cw_enrol_utterance *u, int units) {
    enum { EDGE = 12 };
    const int all = u->units + units;
    float *f0 = calloc((size_t)(2 * all), sizeof *f0), *energy = calloc((size_t)(2 * all), sizeof *energy);
    float *samples = calloc((size_t)(CW_ENROL_UNIT * all), sizeof *samples);
    int at = 0;
    if (!f0 || !energy || !samples)
        return false;
    for (int p = 0; p < u->count / 2; p++)
        at += u->durations[p];
    u->durations[u->count / 2] += units;
    for (int k = 0; k < u->units; k++) {
        const int to = k < at ? k : k + units;
        memcpy(f0 + (size_t)(2 * to), u->f0 + (size_t)(2 * k), 2 * sizeof *f0);
        memcpy(energy + (size_t)(2 * to), u->energy + (size_t)(2 * k), 2 * sizeof *energy);
        memcpy(samples + (size_t)(CW_ENROL_UNIT * to), u->samples + (size_t)(CW_ENROL_UNIT * k), CW_ENROL_UNIT * sizeof *samples);
    }
    for (int k = 2 * at; k < 2 * (at + units); k++)
        energy[k] = k < 2 * (at + EDGE) || k >= 2 * (at + units - EDGE) ? -9 : 1e30F;
    free(u->f0);
    free(u->energy);
    free(u->samples);
    u->f0 = f0;
    u->energy = energy;
    u->samples = samples;
    u->units = all;
    return true;
}

/* The first of the symbols do not fit their text, and what stands there no step could bear. */
static bool spoil(struct cw_enrol_utterance *u, int symbols) {
    int at = 0;
    u->cost = calloc((size_t)u->count + 2, sizeof *u->cost);
    for (int p = 0; u->cost != NULL && p < symbols; p++) {
        u->cost[p] = 1000;
        at += u->durations[p];
    }
    for (int k = 0; u->cost != NULL && k < 2 * at; k++)
        u->energy[k] = 1e30F;
    return u->cost != NULL;
}

/* One sentence said by a voice, fitted from another: two steps a tier. With two threads; with one, stopped in the middle and gone
 * on with from its checkpoint. */
static void fit(void) {
    static const char *const sentence[] = {"ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps."};
    char model[CW_PATH_MAX], checkpoint[CW_PATH_MAX];
    struct cw_error err = {0};
    struct cw_trained whole = {0}, resumed = {0};
    struct cw_enrolment e = {0};
    struct watch w = {0};
    if (!model_path(model)) {
        cw_test_skip("no kokoro.gguf");
        return;
    }
    struct cw_device *two = device(cw_device_isas()[0], 2), *one = device(cw_device_isas()[0], 1);
    float *said = pack_of("bm_george"), *start = pack_of("am_michael");
    struct cw_train_params p = cw_train_params_default();
    p.steps[0] = p.steps[1] = p.steps[2] = 2;
    p.segment_units = 12;
    p.rate[0] = 0.02;
    p.check_every = 1;
    p.progress = watch_progress;
    p.arg = &w;
    p.seed = 5;
    if (!said || !start || !CHECKF(synthetic_make(&e, two, model, said, sentence, 1, &err) == 0, "%s", err.text))
        goto done;
    if (!CHECKF(cw_train_run(&whole, two, model, &e, start + 100 * 256, p, &err) == 0, "%s", err.text))
        goto done;
    CHECKF(w.steps == 6 && w.last < whole.held_out[0], "%d steps, held out %g -> %g", w.steps, whole.held_out[0], w.last);
    CHECKF(whole.held_out[3] <= whole.held_out[1] && whole.held_out[1] <= whole.held_out[0], "a tier made it worse");

    p.checkpoint = checkpoint;
    CHECK(cw_path_join(checkpoint, cw_test_dir(), "checkpoint", &err) == 0);
    w = (struct watch){.stop_at = 3};
    CHECK_REFUSED(cw_train_run(&resumed, one, model, &e, start + 100 * 256, p, &err), &err, "stopped", "checkpoint");
    CHECK(resumed.learnt.count == 0);
    w = (struct watch){0};
    CHECKF(cw_train_run(&resumed, one, model, &e, start + 100 * 256, p, &err) == 0, "%s", err.text);
    CHECKF(w.steps == 3, "%d steps after going on, expected 3", w.steps);
    CHECKF(same_result(&whole, &resumed), "stopped and gone on with, on one thread, gave other numbers");

    cw_trained_free(&resumed);
    /* a full disk from the third step on: said, nothing half-written, and what was kept is gone on from */
    CHECK(remove(checkpoint) == 0);
    const int files = files_in(cw_test_dir());
    signal(SIGXFSZ, SIG_IGN);
    w = (struct watch){.full_at = 2};
    CHECK_REFUSED(cw_train_run(&resumed, two, model, &e, start + 100 * 256, p, &err), &err, "checkpoint", "make room for");
    limit_files(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    CHECKF(w.steps == 2 && files_in(cw_test_dir()) == files + 1, "%d steps, %d files more, expected 2 and the checkpoint", w.steps,
           files_in(cw_test_dir()) - files);
    w = (struct watch){0};
    CHECKF(cw_train_run(&resumed, two, model, &e, start + 100 * 256, p, &err) == 0 && w.steps == 4, "%s, %d steps after going on", err.text,
           w.steps);
    CHECK(same_result(&whole, &resumed));
    cw_trained_free(&resumed);
    /* what was learnt of another engine's numbers is not gone on from */
    w = (struct watch){.stop_at = 1};
    p.model_sha256 = "b";
    CHECK_REFUSED(cw_train_run(&resumed, two, model, &e, start + 100 * 256, p, &err), &err, "stopped");
    CHECKF(w.steps == 1, "%d steps after another engine's checkpoint, expected one before it was stopped", w.steps);

    /* of little speech every step is taken, whatever is held out says */
    w = (struct watch){0};
    struct cw_train_params little = p;
    little.checkpoint = NULL;
    little.to_the_end = true;
    little.patience = 1;
    little.rate[0] = 9;
    CHECKF(cw_train_run(&resumed, two, model, &e, start + 100 * 256, little, &err) == 0 && w.steps == 6 &&
               resumed.held_out[1] > resumed.held_out[0],
           "%s, %d steps, held out %g -> %g", err.text, w.steps, resumed.held_out[0], resumed.held_out[1]);
    cw_trained_free(&resumed);
    /* a pause is no stretch: in the middle of this one stands what no step could bear */
    w = (struct watch){0};
    little.rate[0] = 0.1;
    little.steps[0] = 12;
    little.steps[1] = little.steps[2] = 0;
    CHECKF(add_pause(&e.utterances[0], 40) && cw_train_run(&resumed, two, model, &e, start + 100 * 256, little, &err) == 0 && w.steps == 12,
           "%s, %d steps", err.text, w.steps);
    cw_trained_free(&resumed);
    /* nor is what does not fit its text */
    w = (struct watch){0};
    CHECKF(spoil(&e.utterances[0], 8) && cw_train_run(&resumed, two, model, &e, start + 100 * 256, little, &err) == 0 && w.steps == 12,
           "%s, %d steps", err.text, w.steps);
    cw_trained_free(&resumed);

    e.utterances[0].samples[1000] = NAN;
    CHECK_REFUSED(cw_train_run(&resumed, one, model, &e, start, p, &err), &err, "utterance 1", "finite");
    e.count = 0;
    CHECK_REFUSED(cw_train_run(&resumed, one, model, &e, start, p, &err), &err, "at least one utterance");
    e.count = 1;
done:
    cw_trained_free(&whole);
    cw_trained_free(&resumed);
    synthetic_free(&e);
    free(said);
    free(start);
    cw_device_close(two);
    cw_device_close(one);
}

/* ---- folding --------------------------------------------------------------------------------------------------------------- */

/* Samples of one short sentence with this folded in; free() them. */
static float *say(struct cw_device *d, const char *model, const float *pack, const struct cw_learnt *learnt, size_t *n) {
    static const int ids[] = {50, 83, 54, 156, 57, 135};
    struct cw_acoustic *base = NULL, *a = NULL;
    struct cw_acoustic_session *as = NULL;
    struct cw_vocoder *v = NULL;
    struct cw_vocoder_session *vs = NULL;
    struct cw_error err = {0};
    struct cw_frames frames;
    const float *samples;
    float *out = NULL;
    *n = 0;
    CHECKF(cw_acoustic_open(&base, d, model, &err) == 0 && (!learnt || cw_acoustic_open_learnt(&a, base, learnt, &err) == 0) &&
               cw_acoustic_session_open(&as, a ? a : base, &err) == 0 && cw_vocoder_open_learnt(&v, d, model, learnt, &err) == 0 &&
               cw_vocoder_session_open(&vs, v, &err) == 0 &&
               cw_acoustic_run(as, &(struct cw_acoustic_input){.ids = ids, .count = 6, .pack = pack, .pack_rows = 510, .speed = 1}, &frames,
                               &err) == 0 &&
               cw_vocoder_run(vs, &frames, 3, &samples, n, &err) == 0,
           "%s", err.text);
    if (*n > 0 && (out = malloc(sizeof *out * *n)))
        memcpy(out, samples, sizeof *out * *n);
    cw_vocoder_session_close(vs);
    cw_vocoder_close(v);
    cw_acoustic_session_close(as);
    cw_acoustic_close(a);
    cw_acoustic_close(base);
    return out;
}

static void folding(void) {
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    struct decoder m;
    if (!model_path(path)) {
        cw_test_skip("no kokoro.gguf");
        return;
    }
    if (!decoder_open(&m, path, 2))
        return;
    struct cw_learnt learnt = {.layers = calloc((size_t)m.count, sizeof *learnt.layers), .count = m.count};
    float *pack = pack_of("af_heart"), *zeros = calloc((size_t)1 << 18, sizeof *zeros), *some = hashed((size_t)1 << 18, 9, 0.02);
    size_t n[3] = {0};
    if (!learnt.layers || !zeros || !pack)
        abort();
    for (int i = 0; i < m.count; i++) {
        const struct cw_layer *l = m.layers[i];
        struct cw_learnt_layer *to = &learnt.layers[i];
        memcpy(to->name, l->name, sizeof to->name);
        to->out = l->out;
        to->in = l->in;
        to->taps = l->taps;
        to->offset = l->bias ? zeros : NULL;
        to->rank = l->may_rank ? RANK : 0;
        to->down = to->up = l->may_rank ? zeros : NULL;
    }
    float *stock = say(m.device, path, pack, NULL, &n[0]), *same = say(m.device, path, pack, &learnt, &n[1]);
    CHECKF(n[0] > 0 && n[0] == n[1] && stock && same && memcmp(stock, same, sizeof *stock * n[0]) == 0,
           "zeros folded in gave other bytes than the stock voice");
    for (int i = 0; i < m.count; i++)
        if (learnt.layers[i].offset)
            learnt.layers[i].offset = some;
    float *other = say(m.device, path, pack, &learnt, &n[2]);
    CHECKF(n[2] == n[0] && other && stock && memcmp(stock, other, sizeof *stock * n[0]) != 0, "offsets folded in changed nothing");

    struct cw_vocoder *v = NULL;
    struct cw_acoustic *base = NULL, *a = NULL;
    struct cw_learnt_layer *last = &learnt.layers[m.count - 1]; /* the generator's */
    last->taps++;
    CHECK_REFUSED(cw_vocoder_open_learnt(&v, m.device, path, &learnt, &err), &err, "conv_post", "x 7", "x 8");
    last->taps--;
    memcpy(last->name, "decoder.generator.other", sizeof "decoder.generator.other");
    CHECK_REFUSED(cw_vocoder_open_learnt(&v, m.device, path, &learnt, &err), &err, "layers that the engine has");
    memcpy(learnt.layers[0].name, "decoder.other", sizeof "decoder.other");
    CHECKF(cw_acoustic_open(&base, m.device, path, &err) == 0, "%s", err.text);
    CHECK_REFUSED(cw_acoustic_open_learnt(&a, base, &learnt, &err), &err, "layers that the engine has");
    cw_acoustic_close(base);
    decoder_close(&m);
    free(learnt.layers);
    free(pack);
    free(zeros);
    free(some);
    free(stock);
    free(same);
    free(other);
}

/* What training heard is what synthesis says: the tape's wave with offsets and low rank, and the folded vocoder's. */
static void folded_is_trained(void) {
    static const char *const low_rank[] = {"decoder.generator.resblocks.1.convs1.2", "decoder.generator.noise_convs.0"};
    char path[CW_PATH_MAX];
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    struct decoder m;
    int n = 0, T = 0, har_count = 0;
    if (!model_path(path)) {
        cw_test_skip("no kokoro.gguf");
        return;
    }
    if (!CHECKF(cw_reference_open(&r, "training.bin", &err) == 0, "%s", err.text))
        return;
    if (!decoder_open(&m, path, 2))
        return;
    struct cw_learnt learnt = {.layers = calloc((size_t)m.count, sizeof *learnt.layers)};
    float *some = hashed((size_t)1 << 12, 9, 0.02);
    const float *f0 = cw_reference_floats(r, "f0", &T), *style = cw_reference_floats(r, "style", &n);
    const float *har = cw_reference_floats(r, "har", &har_count);
    float *frames = hashed((size_t)T * 512, 11, 1);
    for (int i = 0; i < m.count; i++) {
        struct cw_layer *l = m.layers[i];
        if (strncmp(l->name, "decoder.generator.", 18) != 0)
            continue;
        l->offset = some;
        for (int k = 0; k < 2; k++)
            if (strcmp(l->name, low_rank[k]) == 0)
                add_rank(&m, l->name, k);
        CHECK(cw_layer_update(l, &err) == 0);
        struct cw_learnt_layer *to = &learnt.layers[learnt.count++];
        memcpy(to->name, l->name, sizeof to->name);
        to->out = l->out, to->in = l->in, to->taps = l->taps;
        to->offset = l->offset, to->rank = l->rank, to->down = l->down, to->up = l->up;
    }
    struct cw_vocoder *v = NULL;
    struct cw_vocoder_session *vs = NULL;
    const float *samples = NULL;
    size_t count = 0;
    const struct cw_frames f = {.kind = "kokoro-istftnet",
                                .count = T,
                                .channels = 512,
                                .data = frames,
                                .f0 = f0,
                                .style = style,
                                .style_len = STYLE,
                                .sample_rate = 24000,
                                .hop = 300};
    CHECKF(cw_vocoder_open_learnt(&v, m.device, path, &learnt, &err) == 0 && cw_vocoder_session_open(&vs, v, &err) == 0, "%s", err.text);
    for (int own = 0; own < 2; own++) { /* the record's source, then our own with its noise */
        double d = 0, w = 0;
        cw_tape_start(m.tape);
        struct cw_var *s = cw_tape_leaf(m.tape, (struct cw_mat){(float *)(uintptr_t)style, 1, STYLE, STYLE}, (struct cw_mat){0});
        struct cw_var *x = cw_tape_leaf(m.tape, (struct cw_mat){frames, T, 512, 512}, (struct cw_mat){0});
        struct cw_var *wave = cw_vocoder_trainer_run(m.vocoder, m.tape, x, s, f0, 3, own ? NULL : har);
        CHECKF(cw_tape_check(m.tape, &err) == 0, "%s", err.text);
        cw_vocoder_session_force_source(vs, own ? NULL : har, own ? 0 : T * 60 + 1);
        CHECKF(cw_vocoder_run(vs, &f, 3, &samples, &count, &err) == 0 && (int)count == wave->value.cols, "%s", err.text);
        for (size_t i = 0; i < count; i++) {
            d += ((double)samples[i] - (double)wave->value.data[i]) * ((double)samples[i] - (double)wave->value.data[i]);
            w += (double)wave->value.data[i] * (double)wave->value.data[i];
        }
        /* 16-bit products in one of them */
        CHECKF(sqrt(d / w) < 0.05, "%s source: the folded vocoder's wave is %.3g from the tape's", own ? "our" : "the record's",
               sqrt(d / w));
    }
    cw_vocoder_session_close(vs);
    cw_vocoder_close(v);
    decoder_close(&m);
    cw_reference_close(r);
    free(learnt.layers);
    free(some);
    free(frames);
}

const struct cw_test cw_tests_train[] = {
    {"train.loss", "the spectral loss: zero for equals, its gradient its differences", loss},
    {"train.timing", "a sound a little late or early is nearly the same, where that is forgiven", timing},
    {"train.room", "once a room's noise is known, speech without it is nearer to a recording with it", room},
    {"train.decoder", "gradients through decoder and generator by style, offsets and low rank are PyTorch's", decoder},
    {"train.predictor", "the predictor on the tape says what the engine says; its gradient by the style is PyTorch's", predictor},
    {"train.fit", "a fit lowers the loss; stopped and gone on with, on other threads, it gives the same bytes", fit},
    {"train.folding", "zeros folded in give the stock voice's bytes; a wrong layer is refused", folding},
    {"train.folded_is_trained", "what synthesis says with a folded voice is what training heard", folded_is_trained},
    {0},
};
