/* The speaker encoder against the published one (tests/make_encoder_reference.py), and who it tells apart. */
#include "models/catalogue.h"
#include "tests/test_reference.h"
#include "tests/test.h"
#include "voices/encoder_loss.h"
#include "voices/recording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEL_STEP = 8 };

struct matrix {
    char name[17];
    int rows, cols;
    const float *data;
};

/* The file's matrices, borrowed from *file. */
static int read_matrices(char **file, struct matrix *m, int most) {
    struct cw_error err = {0};
    size_t len = 0, at = 8;
    int n = 0;
    if (!CHECKF(cw_file_read(cw_test_data("encoder.bin"), 1 << 20, file, &len, &err) == 0, "%s", err.text) ||
        !CHECK(len > 8 && memcmp(*file, "CWREF001", 8) == 0)) {
        return 0;
    }
    while (n < most && at + 24 <= len) {
        int32_t shape[2];
        memcpy(m[n].name, *file + at, 16);
        m[n].name[16] = '\0';
        memcpy(shape, *file + at + 16, sizeof shape);
        m[n].rows = shape[0];
        m[n].cols = shape[1];
        m[n].data = (const float *)(const void *)(*file + at + 24);
        at += 24 + sizeof(float) * (size_t)shape[0] * (size_t)shape[1];
        n++;
    }
    CHECK(at == len);
    return n;
}

static double farthest(const float *a, const float *b, int n) {
    double worst = 0;
    for (int i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    }
    return worst;
}

static bool open_encoder(struct cw_device **d, struct cw_encoder **e, const char *isa) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    if (cw_model_path("ge2e", path, &err) != 0) {
        cw_test_skip("the speaker encoder is not installed");
        return false;
    }
    struct cw_device_params p = cw_device_params_default();
    p.isa = isa;
    return CHECKF(cw_device_open(d, p, &err) == 0, "%s", err.text) && CHECKF(cw_encoder_open(e, *d, path, &err) == 0, "%s", err.text);
}

static void test_mel(void) {
    struct cw_error err = {0};
    struct matrix m[3];
    struct cw_recording r = {0};
    char *file = NULL;
    float *mel = NULL;
    int frames = 0;
    if (read_matrices(&file, m, 3) == 3 && CHECKF(cw_recording_read(&r, cw_test_data("encoder.flac"), &err) == 0, "%s", err.text) &&
        CHECK(r.rate == CW_ENCODER_RATE) && CHECKF(cw_encoder_mel(r.samples, r.count, &mel, &frames, &err) == 0, "%s", err.text) &&
        CHECK(frames == 401 && m[0].rows == 51 && m[0].cols == CW_ENCODER_MELS)) {
        double worst = 0, most = 0;
        for (int f = 0; f < m[0].rows; f++) {
            for (int k = 0; k < CW_ENCODER_MELS; k++) {
                double want = (double)m[0].data[f * CW_ENCODER_MELS + k];
                worst = fmax(worst, fabs((double)mel[f * MEL_STEP * CW_ENCODER_MELS + k] - want));
                most = fmax(most, want);
            }
        }
        CHECKF(worst < 1e-5 * most, "mel off by %g of %g", worst, most);
    }
    free(mel);
    free(file);
    cw_recording_free(&r);
}

static void test_reference(void) {
    struct matrix m[3];
    struct cw_recording r = {0};
    struct cw_error err = {0};
    char *file = NULL;
    static const char *const isas[] = {NULL, "c"};
    if (read_matrices(&file, m, 3) == 3 && CHECKF(cw_recording_read(&r, cw_test_data("encoder.flac"), &err) == 0, "%s", err.text)) {
        for (size_t i = 0; i < 2; i++) {
            struct cw_device *d = NULL;
            struct cw_encoder *e = NULL;
            float embedding[CW_EMBEDDING], *pieces = NULL;
            int count = 0;
            if (open_encoder(&d, &e, isas[i]) &&
                CHECKF(cw_encoder_pieces(e, r.samples, r.count, embedding, &pieces, &count, &err) == 0, "%s", err.text) &&
                CHECKF(count == m[1].rows, "%d pieces, expected %d", count, m[1].rows)) {
                double piece = farthest(pieces, m[1].data, count * CW_EMBEDDING), whole = farthest(embedding, m[2].data, CW_EMBEDDING);
                CHECKF(piece < 1e-4 && whole < 1e-4, "%s: pieces off by %g, the embedding by %g", cw_device_isa(d), piece, whole);
            }
            free(pieces);
            cw_encoder_close(e);
            cw_device_close(d);
        }
    }
    free(file);
    cw_recording_free(&r);
}

/* Sounds of any length, and the same bytes for any number of threads. */
static void test_lengths(void) {
    struct cw_device *d = NULL, *one = NULL;
    struct cw_encoder *e = NULL, *alone = NULL;
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    static const struct {
        size_t n;
        int pieces; /* as the reference cuts them */
    } cases[] = {{1, 1}, {25599, 1}, {25600, 1}, {31000, 1}, {31521, 2}, {44000, 3}, {64000, 4}};
    float *x = calloc(64000, sizeof *x);
    struct cw_device_params p = cw_device_params_default();
    p.threads = 1;
    if (CHECK(x != NULL) && open_encoder(&d, &e, NULL) && cw_model_path("ge2e", path, &err) == 0 &&
        CHECK(cw_device_open(&one, p, &err) == 0) && CHECK(cw_encoder_open(&alone, one, path, &err) == 0)) {
        cw_gauss(cw_test_seed(), 1, 0, 64000, x);
        for (size_t i = 0; i < 64000; i++) {
            x[i] *= 0.05F * (float)(1 + sin((double)i * 2e-4));
        }
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            float a[CW_EMBEDDING], b[CW_EMBEDDING], *pieces = NULL;
            int count = 0;
            CHECKF(cw_encoder_pieces(e, x, cases[c].n, a, &pieces, &count, &err) == 0, "%s", err.text);
            CHECKF(count == cases[c].pieces, "%zu samples: %d pieces, expected %d", cases[c].n, count, cases[c].pieces);
            CHECK(cw_encoder_embed(alone, x, cases[c].n, b, &err) == 0 && memcmp(a, b, sizeof a) == 0);
            CHECK(fabs(cw_embedding_cosine(a, a) - 1) < 1e-6);
            free(pieces);
        }
        float a[CW_EMBEDDING];
        CHECK_REFUSED(cw_encoder_embed(e, x, 0, a, &err), &err, "expected 1 sample");
        memset(x, 0, 64000 * sizeof *x);
        CHECK_REFUSED(cw_encoder_listen(e, x, 64000, 16000, a, &err), &err, "half a second of speech");
        cw_encoder_close(alone);
        CHECK_REFUSED(cw_encoder_open(&alone, d, cw_test_data("encoder.bin"), &err), &err, "encoder.bin");
    }
    cw_encoder_close(alone);
    cw_encoder_close(e);
    cw_device_close(one);
    cw_device_close(d);
    free(x);
}

/* Resampling keeps a tone's level and place; another rate gives the same speaker. */
static void test_rates(void) {
    struct cw_device *d = NULL;
    struct cw_encoder *e = NULL;
    struct cw_recording r = {0};
    struct cw_error err = {0};
    float a[CW_EMBEDDING], b[CW_EMBEDDING], *up = NULL;
    size_t count = 0;
    if (open_encoder(&d, &e, NULL) && CHECKF(cw_recording_read(&r, cw_test_data("encoder.flac"), &err) == 0, "%s", err.text) &&
        CHECK(cw_resample(r.samples, r.count, 16000, 44100, &up, &count, &err) == 0) && CHECK(count == 176400) &&
        CHECK(cw_encoder_listen(e, r.samples, r.count, 16000, a, &err) == 0) &&
        CHECK(cw_encoder_listen(e, up, count, 44100, b, &err) == 0)) {
        double same = cw_embedding_cosine(a, b);
        CHECKF(same > 0.995, "the same speech at 44.1 kHz: cosine %.4f", same);
    }
    free(up);
    cw_recording_free(&r);
    cw_encoder_close(e);
    cw_device_close(d);
}

static void test_recordings(void) {
    struct cw_recording r = {0};
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    snprintf(path, sizeof path, "%s/text.wav", cw_test_dir());
    CHECK(cw_file_write(path, "no sound at all", 15, &err) == 0);
    CHECK_REFUSED(cw_recording_read(&r, path, &err), &err, "text.wav", "expected a recording");
    CHECK_REFUSED(cw_recording_read(&r, "/nowhere/at.wav", &err), &err, "/nowhere/at.wav", "no file");
    CHECK_REFUSED(cw_recording_read(&r, cw_test_dir(), &err), &err, "expected a recording");
}

/* Each sequence is what the bidirectional operation, which is compared with plain C elsewhere, gives forwards. */
static void test_sequences(void) {
    static const int sizes[][4] = {{3, 1, 40, 7}, {1, 31, 5, 33}, {4, 17, 65, 256}}; /* sequences, rows, in, hidden */
    struct cw_device *d = NULL;
    struct cw_error err = {0};
    if (!CHECK(cw_device_open(&d, cw_device_params_default(), &err) == 0)) {
        return;
    }
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int b = sizes[s][0], t = sizes[s][1], in = sizes[s][2], h = sizes[s][3];
        size_t numbers = (size_t)4 * (size_t)h * (size_t)(in + h + 2), xs = (size_t)b * (size_t)t * (size_t)in;
        float *w = calloc(numbers + xs, sizeof *w);
        struct cw_lstm *l = NULL;
        struct cw_arena *arena = NULL;
        struct cw_mat x, y, gates, both, wide;
        if (CHECK(w != NULL) && CHECK(cw_arena_open(&arena, 64 << 20, &err) == 0)) {
            cw_gauss(cw_test_seed(), s, 0, numbers + xs, w);
            const float *hh = w + (size_t)4 * (size_t)h * (size_t)in, *bias = hh + (size_t)4 * (size_t)h * (size_t)h;
            x = (struct cw_mat){w + numbers, b * t, in, in};
            if (CHECK(cw_lstm_open(&l, d, w, hh, bias, bias + 4 * h, in, h, &err) == 0) &&
                CHECK(cw_arena_mat(arena, b * t, h, &y, &err) == 0 && cw_arena_mat(arena, b * t, 4 * h, &gates, &err) == 0 &&
                      cw_arena_mat(arena, t, 2 * h, &both, &err) == 0 && cw_arena_mat(arena, t, 8 * h, &wide, &err) == 0) &&
                CHECKF(cw_lstm_sequences(d, x, l, t, gates, y, &err) == 0, "%s", err.text)) {
                for (int k = 0; k < b; k++) {
                    double worst = 0;
                    CHECK(cw_lstm_bidirectional(d, cw_mat_rows(x, k * t, t), l, l, wide, both, &err) == 0);
                    for (int r = 0; r < t; r++) {
                        worst = fmax(worst, farthest(y.data + (size_t)(k * t + r) * (size_t)y.stride,
                                                     both.data + (size_t)r * (size_t)both.stride, h));
                    }
                    CHECKF(worst < 1e-6, "sequence %d of %d x %d -> %d: off by %g", k, t, in, h, worst);
                }
                CHECK_REFUSED(cw_lstm_sequences(d, x, l, t * b + 1, gates, y, &err), &err, "lstm_sequences", "in sequences of");
                CHECK_REFUSED(cw_lstm_sequences(d, x, l, t, y, y, &err), &err, "scratch");
            }
        }
        cw_arena_close(arena);
        cw_lstm_close(l);
        free(w);
    }
    cw_device_close(d);
}

/* From 0 to 1; the script computes the same. */
static double hashed(int i, int salt) {
    const double x = sin((double)i * 12.9898 + salt) * 43758.5453;
    return x - floor(x);
}

/* The encoder as a loss: its value and gradient by a wave are PyTorch's, and the loss moves as the gradient says. */
static void test_gradient(void) {
    enum { N = 14400, STEP = 5 };
    static const char *const isas[] = {NULL, "c"};
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    float *wave = calloc(N, sizeof *wave), *moved = calloc(N, sizeof *moved), *grad = calloc(N, sizeof *grad), like[CW_EMBEDDING];
    double squares = 0, first = 0;
    char path[CW_PATH_MAX];
    int n = 0, one = 0;
    if (cw_model_path("ge2e", path, &err) != 0) {
        cw_test_skip("the speaker encoder is not installed");
        goto done;
    }
    if (!CHECK(wave && moved && grad) || !CHECKF(cw_reference_open(&r, "encoder_gradient.bin", &err) == 0, "%s", err.text)) {
        goto done;
    }
    const float *want = cw_reference_floats(r, "gradient", &n), *loss = cw_reference_floats(r, "loss", &one);
    if (!CHECK(want != NULL && loss != NULL && n == N / STEP)) {
        goto done;
    }
    for (int i = 0; i < N; i++) {
        double tone = 0;
        for (int h = 1; h <= 12; h++) {
            tone += sin(2 * M_PI * 140 * h * i / 24000) / h;
        }
        wave[i] = (float)(0.05 * tone + 0.01 * (hashed(i, 3) - 0.5));
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        like[i] = (float)hashed(i, 4);
        squares += (double)like[i] * (double)like[i];
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        like[i] = (float)((double)like[i] / sqrt(squares));
    }
    for (size_t k = 0; k < 2; k++) {
        struct cw_device_params p = cw_device_params_default();
        struct cw_device *d = NULL;
        struct cw_encoder_loss *l = NULL;
        double at = 0, by[2], apart = 0, length = 0, slope = 0;
        p.isa = isas[k];
        if (!CHECKF(cw_device_open(&d, p, &err) == 0 && cw_encoder_loss_open(&l, d, path, N, &err) == 0, "%s", err.text)) {
            cw_device_close(d);
            break;
        }
        memset(grad, 0, N * sizeof *grad);
        CHECKF(cw_encoder_loss_run(l, wave, N, like, &at, 2, grad, &err) == 0, "%s", err.text);
        CHECKF(fabs(at - (double)loss[0]) < 1e-5, "loss %.7f, PyTorch's %.7f", at, (double)loss[0]);
        for (int i = 0; i < n; i++) {
            const double e = (double)grad[i * STEP] / 2 - (double)want[i];
            apart += e * e;
            length += (double)want[i] * (double)want[i];
        }
        CHECKF(sqrt(apart / length) < 1e-3, "%s: the gradient is %.2g from PyTorch's", cw_device_isa(d), sqrt(apart / length));
        length = 0;
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < N; i++) {
                moved[i] = wave[i] + (float)((side == 0 ? 2e-3 : -2e-3) * (hashed(i, 5) - 0.5));
            }
            CHECK(cw_encoder_loss_run(l, moved, N, like, &by[side], 0, NULL, &err) == 0);
        }
        for (int i = 0; i < N; i++) {
            slope += (double)grad[i] / 2 * (hashed(i, 5) - 0.5);
            length += (double)grad[i] * (double)grad[i] / 4;
        }
        const double found = (by[0] - by[1]) / 4e-3;
        CHECKF(fabs(found - slope) < 0.02 * sqrt(length), "the loss changes by %g, the gradient says %g", found, slope);
        CHECK(k == 1 || (first = at) > 0);
        CHECK(fabs(first - at) < 1e-5);
        CHECK_REFUSED(cw_encoder_loss_run(l, wave, N + 1, like, &at, 1, grad, &err), &err, "speaker encoder", "14401");
        cw_encoder_loss_close(l);
        cw_device_close(d);
    }
done:
    cw_reference_close(r);
    free(wave);
    free(moved);
    free(grad);
}

const struct cw_test cw_tests_encoder[] = {
    {"encoder.gradient", "the encoder as a loss: value and gradient are PyTorch's and those of differences", test_gradient},
    {"encoder.sequences", "the LSTM over several sequences is each of them alone", test_sequences},
    {"encoder.mel", "the mel spectrogram equals librosa's", test_mel},
    {"encoder.reference", "embeddings equal the published encoder's within 1e-4, in plain C too", test_reference},
    {"encoder.lengths", "any length is cut as the reference cuts it; any number of threads gives the same bytes", test_lengths},
    {"encoder.rates", "the rate of a recording does not change who speaks", test_rates},
    {"encoder.recordings", "what is no recording is refused by name", test_recordings},
    {0},
};
