/* vocoder: the STFT against a naive DFT, the source against its equations, the generator against the published modules. */
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_reference.h"
#include "tests/test_sounding.h"
#include "vocoder/source.h"
#include "vocoder/stft.h"
#include "vocoder/vocoder.h"

#define RATE 24000
#define HOP 300
#define HAR 22
#define BINS 11

/* ---- reference data: tests/make_vocoder_reference.py --------------------------------------------------------------------- */

struct reference {
    char *file;
    struct cw_mat frames, f0, style, l_linear, source, har, ups[2], norms, conv_post, audio;
};

static bool reference_open(struct reference *r, int number) {
    struct cw_error err = {0};
    char name[32];
    size_t len = 0;
    memset(r, 0, sizeof *r);
    const struct {
        const char *name;
        struct cw_mat *m;
    } want[] = {{"frames", &r->frames},       {"f0", &r->f0},         {"style", &r->style},
                {"l_linear", &r->l_linear},   {"source", &r->source}, {"har", &r->har},
                {"ups.0", &r->ups[0]},        {"ups.1", &r->ups[1]},  {"norms", &r->norms},
                {"conv_post", &r->conv_post}, {"audio", &r->audio}};
    const size_t n = sizeof want / sizeof *want;

    snprintf(name, sizeof name, "vocoder_%d.bin", number);
    if (!CHECKF(!cw_file_read(cw_test_data(name), (size_t)1 << 24, &r->file, &len, &err), "%s", err.text))
        return false;
    size_t at = 8;
    for (size_t i = 0; i < n; i++) {
        char title[17] = {0};
        int32_t shape[2] = {0};
        if (at + 24 <= len) {
            memcpy(title, r->file + at, 16);
            memcpy(shape, r->file + at + 16, 8);
        }
        const size_t bytes = 4 * (size_t)shape[0] * (size_t)shape[1];
        if (!CHECKF(!strcmp(title, want[i].name) && at + 24 + bytes <= len, "%s: expected %s", name, want[i].name))
            return false;
        *want[i].m = (struct cw_mat){(float *)(void *)(r->file + at + 24), shape[0], shape[1], shape[1]};
        at += 24 + bytes;
    }
    return CHECK(at == len);
}

static struct cw_frames frames_of(const struct reference *r) {
    return (struct cw_frames){.kind = "kokoro-istftnet",
                              .count = r->frames.rows,
                              .channels = r->frames.cols,
                              .data = r->frames.data,
                              .f0 = r->f0.data,
                              .style = r->style.data,
                              .style_len = r->style.cols,
                              .sample_rate = RATE,
                              .hop = HOP};
}

static struct cw_source source_of(const struct reference *r) {
    struct cw_source s = {.sample_rate = RATE, .hop = HOP, .harmonics = 9, .sine_amp = 0.1, .threshold = 10};
    for (int h = 0; h < 9; h++)
        s.weight[h] = (double)r->l_linear.data[h];
    s.bias = (double)r->l_linear.data[9];
    return s;
}

static double relative(const float *got, const float *want, size_t n) {
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        const double e = (double)got[i] - (double)want[i];
        d += e * e;
        w += (double)want[i] * (double)want[i];
    }
    return sqrt(d / w);
}

static struct cw_device *device_open(const char *isa, int threads) {
    struct cw_device *d = NULL;
    struct cw_error err = {0};
    struct cw_device_params p = cw_device_params_default();
    p.isa = isa;
    p.threads = threads;
    CHECKF(!cw_device_open(&d, p, &err), "%s", err.text);
    return d;
}

/* How much further from the reference than float32 an instruction set may be: those with 16-bit products are. */
static double looseness(const char *isa) {
    return strcmp(isa, "avx512vnni") == 0 ? 100 : strcmp(isa, "avx512bf16") == 0 || strncmp(isa, "amx", 3) == 0 ? 600 : 1;
}

/* ---- STFT -------------------------------------------------------------------------------------------------------------- */

struct spectra {
    int bins;
    double *re, *im; /* [T, bins] */
};

static void spectra_bins(void *arg, size_t frame, double *re, double *im) {
    const struct spectra *s = arg;
    memcpy(re, s->re + frame * (size_t)s->bins, sizeof *re * (size_t)s->bins);
    memcpy(im, s->im + frame * (size_t)s->bins, sizeof *im * (size_t)s->bins);
}

static double uniform(uint64_t i) {
    uint32_t w[4];
    cw_philox(cw_test_seed(), 77, i, w);
    return (double)w[0] * 0x1p-31 - 1;
}

static void stft_naive(void) {
    static const struct {
        int size, hop;
        size_t n;
    } cases[] = {{20, 5, 11}, {20, 5, 300}, {20, 5, 3000}, {16, 4, 129}, {20, 10, 4097}, {2, 1, 33}, {1024, 256, 4097}};

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const int size = cases[c].size, half = size / 2, hop = cases[c].hop, bins = half + 1;
        const size_t n = cases[c].n;
        struct cw_error err = {0};
        struct cw_stft *s = NULL;
        if (!CHECKF(!cw_stft_open(&s, size, hop, &err), "%s", err.text))
            return;
        const size_t frames = cw_stft_frames(s, n);
        double *x = malloc(sizeof *x * n), *y = malloc(sizeof *y * n), *z = malloc(sizeof *z * n);
        struct spectra sp = {bins, malloc(sizeof(double) * frames * (size_t)bins), malloc(sizeof(double) * frames * (size_t)bins)};
        CHECK(cw_stft_bins(s) == bins);
        CHECK(frames == 1 + n / (size_t)hop);
        for (size_t i = 0; i < n; i++)
            x[i] = uniform(i);

        double worst = 0;
        for (size_t t = 0; t < frames; t++) {
            double *re = sp.re + t * (size_t)bins, *im = sp.im + t * (size_t)bins;
            cw_stft_analyse(s, x, n, t, re, im);
            for (int k = 0; k < bins; k++) { /* the definition, term by term */
                double a = 0, b = 0;
                for (int i = 0; i < size; i++) {
                    ptrdiff_t at = (ptrdiff_t)t * hop + i - half;
                    if (at < 0)
                        at = -at;
                    if (at > (ptrdiff_t)n - 1)
                        at = 2 * ((ptrdiff_t)n - 1) - at;
                    const double w = pow(sin(M_PI * i / size), 2), angle = 2 * M_PI * (double)(k * i % size) / size;
                    a += w * x[at] * cos(angle);
                    b -= w * x[at] * sin(angle);
                }
                worst = fmax(worst, fmax(fabs(a - re[k]), fabs(b - im[k])));
            }
        }
        CHECKF(worst < 1e-12 * size, "size %d: %g from the definition", size, worst);

        const size_t whole = (frames - 1) * (size_t)hop;
        cw_stft_synthesise(s, frames, spectra_bins, &sp, 0, whole, y);
        worst = 0;
        for (size_t i = 0; i < whole; i++)
            worst = fmax(worst, fabs(y[i] - x[i]));
        CHECKF(worst < 1e-12, "size %d hop %d n %zu: round trip off by %g", size, hop, n, worst);
        for (size_t at = 0, step; at < whole; at += step) { /* in pieces: the same bytes */
            step = 1 + at % 37 < whole - at ? 1 + at % 37 : whole - at;
            cw_stft_synthesise(s, frames, spectra_bins, &sp, at, step, z + at);
        }
        CHECK(!memcmp(y, z, sizeof *y * whole));
        free(x);
        free(y);
        free(z);
        free(sp.re);
        free(sp.im);
        cw_stft_close(s);
    }
}

static void stft_sign(void) {
    struct cw_error err = {0};
    struct cw_stft *s = NULL;
    double x[100], re[BINS], im[BINS];
    if (!CHECK(!cw_stft_open(&s, 20, 5, &err)))
        return;
    for (int shape = 0; shape < 3; shape++) {
        /* a negative constant; a constant; a wave at half the sampling rate: real spectra of either sign */
        for (int i = 0; i < 100; i++)
            x[i] = shape == 0 ? -0.25 : shape == 1 ? 0.25 : (i % 2 ? 0.5 : -0.5);
        for (size_t t = 0; t < 21; t++) {
            cw_stft_analyse(s, x, 100, t, re, im);
            for (int k = 0; k < BINS; k++)
                CHECKF(im[k] != 0 || !signbit(im[k]), "shape %d frame %zu bin %d: -0", shape, t, k);
            CHECK(atan2(im[0], re[0]) == (re[0] < 0 ? M_PI : 0));
            CHECK(atan2(im[10], re[10]) == (re[10] < 0 ? M_PI : 0));
            if (shape == 0)
                CHECK(re[0] < -2 && atan2(im[0], re[0]) == M_PI);
        }
    }
    cw_stft_close(s);
    CHECK_REFUSED(cw_stft_open(&s, 21, 5, &err), &err, "stft", "even", "21");
    CHECK_REFUSED(cw_stft_open(&s, 20, 11, &err), &err, "stft", "hop 11");
    CHECK_REFUSED(cw_stft_open(&s, 4096, 5, &err), &err, "stft", "2048", "4096");
}

/* ---- source ------------------------------------------------------------------------------------------------------------ */

static double *source_run(const struct cw_source *s, struct cw_device *d, const float *f0, int frames, uint64_t seed) {
    void *scratch = malloc(cw_source_scratch(s, frames));
    double *x = malloc(sizeof *x * (size_t)frames * (size_t)s->hop);
    cw_source_run(s, d, f0, frames, seed, scratch, x);
    free(scratch);
    return x;
}

/* torch.nn.functional.interpolate(mode="linear", align_corners=False) by a factor of to / from */
static void interpolate(const double *x, size_t from, double *y, size_t to) {
    for (size_t i = 0; i < to; i++) {
        const double at = fmax(0, ((double)i + 0.5) * (double)from / (double)to - 0.5);
        const size_t a = (size_t)at, b = a + 1 < from ? a + 1 : from - 1;
        y[i] = x[a] + (at - (double)a) * (x[b] - x[a]);
    }
}

/* The published equations, one operation after the other, on whole arrays. */
static void source_naive(const struct cw_source *s, const float *f0, size_t T, double *x) {
    const size_t N = T * (size_t)s->hop;
    double *up = malloc(sizeof *up * N), *low = malloc(sizeof *low * T);
    for (size_t n = 0; n < N; n++)
        x[n] = s->bias;
    for (int h = 0; h < s->harmonics; h++) {
        for (size_t n = 0; n < N; n++) {
            const double r = (double)f0[n / (size_t)s->hop] * (h + 1) / s->sample_rate;
            up[n] = r - floor(r);
        }
        interpolate(up, N, low, T);
        for (size_t t = 1; t < T; t++)
            low[t] += low[t - 1];
        for (size_t t = 0; t < T; t++)
            low[t] *= s->hop;
        interpolate(low, T, up, N);
        for (size_t n = 0; n < N; n++) {
            if ((double)f0[n / (size_t)s->hop] > s->threshold)
                x[n] += s->weight[h] * s->sine_amp * sin(2 * M_PI * up[n]);
        }
    }
    for (size_t n = 0; n < N; n++)
        x[n] = tanh(x[n]);
    free(up);
    free(low);
}

static void source_equations(void) {
    struct cw_device *d = device_open(NULL, 2);
    struct reference r;
    if (!d)
        return;
    for (int number = 0; number < 2; number++) {
        if (!reference_open(&r, number))
            continue;
        const struct cw_source s = source_of(&r);
        const size_t N = (size_t)r.f0.cols * HOP;
        double *x = source_run(&s, d, r.f0.data, r.f0.cols, 1), worst = 0;
        CHECK((size_t)r.source.cols == N);
        for (size_t n = 0; n < N; n++)
            worst = fmax(worst, fabs(x[n] - (double)r.source.data[n]));
        CHECKF(worst < 5e-5, "case %d: %g from the published source", number, worst); /* its phases are floats of up to 300 rad */
        free(x);
        free(r.file);
    }

    /* made-up speech: glides, jumps, unvoiced and negative F0, F0 above the Nyquist frequency, one frame */
    struct cw_source s = {.sample_rate = RATE, .hop = HOP, .harmonics = 9, .sine_amp = 0.1, .threshold = 10, .bias = 0.01};
    for (int h = 0; h < 9; h++)
        s.weight[h] = uniform((uint64_t)h);
    float f0[401];
    for (int t = 0; t < 401; t++) {
        f0[t] = (float)(180 + 120 * sin(t * 0.05));
        if (t % 50 < 12)
            f0[t] = (float)(9 * uniform((uint64_t)(100 + t)));
        if (t % 97 == 0)
            f0[t] = 13001.7f;
    }
    f0[5] = 10.0f; /* not above the threshold */
    static const int lengths[] = {1, 2, 31, 33, 401};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t T = (size_t)lengths[i], N = T * HOP;
        double *x = source_run(&s, d, f0, lengths[i], 1), *want = malloc(sizeof *want * N), worst = 0;
        source_naive(&s, f0, T, want);
        for (size_t n = 0; n < N; n++)
            worst = fmax(worst, fabs(x[n] - want[n]));
        CHECKF(worst < 1e-9, "%zu frames: %g from the equations", T, worst);
        free(x);
        free(want);
    }
    cw_device_close(d);
}

static void source_phase(void) {
    enum { T = 60 * 80 };
    struct cw_device *d = device_open(NULL, 2);
    struct cw_source s = {.sample_rate = RATE, .hop = HOP, .harmonics = 9, .sine_amp = 0.1, .threshold = 10};
    float *f0 = malloc(sizeof *f0 * T);
    if (!d)
        return;
    s.weight[8] = 1;
    for (int t = 0; t < T; t++)
        f0[t] = 200;
    double *x = source_run(&s, d, f0, T, 1), worst = 0;
    /* 1800 Hz: 0.075 turns a sample, a period of 40 samples; sample n stands at 0.075 (n + 150.5) turns */
    for (uint64_t n = 59 * RATE; n < 60 * RATE - HOP; n++) {
        const double turns = (double)((75 * (2 * n + 301)) % 2000) / 2000;
        const double sine = atanh(x[n]) / s.sine_amp, off = sine - sin(2 * M_PI * turns), slope = 2 * M_PI * cos(2 * M_PI * turns);
        if (fabs(slope) > 1)
            worst = fmax(worst, fabs(off / slope));
    }
    CHECKF(worst < 1e-10, "after a minute the ninth harmonic is off by %g turns", worst);
    free(x);
    free(f0);
    cw_device_close(d);
}

static void source_noise(void) {
    enum { T = 1600, N = T * HOP };
    struct cw_device *d = device_open(NULL, 2), *one = device_open(NULL, 1);
    struct cw_source s = {.sample_rate = RATE,
                          .hop = HOP,
                          .harmonics = 9,
                          .sine_amp = 0.1,
                          .voiced_std = 0.003,
                          .unvoiced_std = 0.1 / 3,
                          .threshold = 10,
                          .bias = -0.1};
    double norm = 0;
    float *f0 = malloc(sizeof *f0 * T);
    if (!d || !one)
        return;
    for (int h = 0; h < 9; h++) {
        s.weight[h] = 0.3 + 0.1 * h;
        norm += s.weight[h] * s.weight[h];
    }
    norm = sqrt(norm);
    for (int t = 0; t < T; t++)
        f0[t] = t % 20 < 10 ? 150 : 0;
    double *x = source_run(&s, d, f0, T, 7), *again = source_run(&s, one, f0, T, 7), *other = source_run(&s, d, f0, T, 8);
    double *want = malloc(sizeof *want * N);
    source_naive(&s, f0, T, want);
    CHECK(!memcmp(x, again, sizeof *x * N));

    for (int voiced = 0; voiced < 2; voiced++) {
        const double std = (voiced ? 0.003 : 0.1 / 3) * norm;
        double sum = 0, square = 0, third = 0, fourth = 0, lag = 0, cross = 0, before = 0;
        size_t n = 0, same = 0;
        for (size_t i = 0; i < N; i++) {
            if ((f0[i / HOP] > 10) != voiced)
                continue;
            const double e = (atanh(x[i]) - atanh(want[i])) / std; /* the sum over the harmonics of weight * noise */
            const double f = (atanh(other[i]) - atanh(want[i])) / std;
            sum += e;
            square += e * e;
            third += e * e * e;
            fourth += e * e * e * e;
            lag += e * before;
            cross += e * f;
            same += x[i] == other[i];
            before = e;
            n++;
        }
        const double m = sum / (double)n, v = square / (double)n, se = 1 / sqrt((double)n);
        CHECK(n == N / 2);
        CHECKF(fabs(m) < 5 * se, "mean %g", m);
        CHECKF(fabs(v - 1) < 5 * sqrt(2) * se, "variance %g of what the published source has", v);
        CHECKF(fabs(third / (double)n) < 5 * sqrt(15) * se, "skewness %g", third / (double)n);
        CHECKF(fabs(fourth / (double)n - 3) < 5 * sqrt(96) * se, "kurtosis %g, a Gaussian has 3", fourth / (double)n);
        CHECKF(fabs(lag / (double)n) < 5 * se, "neighbours correlate by %g", lag / (double)n);
        CHECKF(fabs(cross / (double)n) < 5 * se, "two seeds correlate by %g", cross / (double)n);
        CHECKF(same < n / 1000, "%zu of %zu samples are the same for another seed", same, n);
    }
    free(x);
    free(again);
    free(other);
    free(want);
    free(f0);
    cw_device_close(d);
    cw_device_close(one);
}

static void source_spectrum(void) {
    struct cw_device *d = device_open(NULL, 2);
    struct cw_error err = {0};
    struct cw_stft *stft = NULL;
    struct reference r;
    if (!d || !CHECK(!cw_stft_open(&stft, 20, 5, &err)))
        return;
    for (int number = 0; number < 2; number++) {
        if (!reference_open(&r, number))
            continue;
        const struct cw_source s = source_of(&r);
        const size_t N = (size_t)r.f0.cols * HOP, rows = cw_stft_frames(stft, N);
        double *x = source_run(&s, d, r.f0.data, r.f0.cols, 1), re[BINS], im[BINS], diff = 0, norm = 0, worst = 0;
        size_t compared = 0;
        CHECK(rows == (size_t)r.har.rows && r.har.cols == HAR);
        for (size_t t = 0; t < rows; t++) {
            const float *want = r.har.data + t * HAR;
            cw_stft_analyse(stft, x, N, t, re, im);
            for (int k = 0; k < BINS; k++) {
                const double magnitude = hypot(re[k], im[k]), phase = atan2(im[k], re[k]);
                diff += pow(magnitude - (double)want[k], 2);
                norm += pow((double)want[k], 2);
                if ((double)want[k] < 1e-2)
                    continue; /* the phase of almost nothing is arbitrary */
                worst = fmax(worst, fabs(remainder(phase - (double)want[BINS + k], 2 * M_PI)));
                compared++;
            }
        }
        CHECKF(sqrt(diff / norm) < 1e-4, "case %d: magnitudes off by %g", number, sqrt(diff / norm));
        CHECKF(compared > rows && worst < 1e-2, "case %d: %zu phases off by at most %g rad", number, compared, worst);
        free(x);
        free(r.file);
    }
    cw_stft_close(stft);
    cw_device_close(d);
}

/* ---- the generator ----------------------------------------------------------------------------------------------------- */

static bool model_path(char *path) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX];
    if (!CHECK(!cw_models_dir(dir, &err)) || !CHECK(!cw_path_join(path, dir, "kokoro.gguf", &err)))
        return false;
    if (cw_file_exists(path))
        return true;
    cw_test_skip("kokoro.gguf is not there");
    return false;
}

struct taps {
    const struct reference *r;
    double har, ups[2], norms[2], conv_post; /* relative L2 */
    int shapes;                              /* stages of the right shape */
};

static void tap(void *arg, const char *stage, struct cw_mat m) {
    struct taps *t = arg;
    const int T = t->r->frames.rows;
    if (!strcmp(stage, "har")) {
        t->shapes += m.rows == 60 * T + 1 && m.cols == HAR;
        t->har = 0;
        for (int i = 0; i < m.rows; i++)
            t->har += relative(m.data + (size_t)i * (size_t)m.stride, t->r->har.data + (size_t)i * HAR, HAR);
        return;
    }
    const int up = !strcmp(stage, "ups.1");
    if (up || !strcmp(stage, "ups.0")) {
        const int step = up ? 16 : 4;
        const struct cw_mat want = t->r->ups[up];
        double d = 0, w = 0, all = 0;
        t->shapes += m.rows == (up ? 60 : 10) * T && m.cols == (up ? 128 : 256) && want.rows == (m.rows + step - 1) / step;
        for (int i = 0; i < m.rows; i++) {
            for (int c = 0; c < m.cols; c++) {
                const double x = (double)m.data[(size_t)i * (size_t)m.stride + (size_t)c];
                all += x * x;
                if (i % step)
                    continue;
                const double y = (double)want.data[(size_t)(i / step) * (size_t)want.stride + (size_t)c];
                d += (x - y) * (x - y);
                w += y * y;
            }
        }
        t->ups[up] = sqrt(d / w);
        t->norms[up] = fabs(sqrt(all) / (double)t->r->norms.data[up] - 1);
    } else if (!strcmp(stage, "conv_post")) {
        double d = 0, w = 0;
        t->shapes += m.rows == 60 * T + 1 && m.cols == HAR;
        for (int i = 0; i < m.rows; i++) {
            for (int c = 0; c < m.cols; c++) {
                const double y = (double)t->r->conv_post.data[i * HAR + c],
                             e = (double)m.data[(size_t)i * (size_t)m.stride + (size_t)c] - y;
                d += e * e;
                w += y * y;
            }
        }
        t->conv_post = sqrt(d / w);
    }
}

#ifdef __SANITIZE_ADDRESS__
enum { GENERATOR_CASES = 1 }; /* numbers are for the plain build to hold */
#else
enum { GENERATOR_CASES = 2 };
#endif

static void generator_parity(void) {
    char path[CW_PATH_MAX];
    if (!model_path(path))
        return;
    for (const char *const *isa = test_sounding_isas(); *isa; isa++) {
        struct cw_error err = {0};
        struct cw_device *d = device_open(*isa, 2);
        struct cw_vocoder *v = NULL;
        struct cw_vocoder_session *s = NULL;
        if (d && CHECKF(!cw_vocoder_open(&v, d, path, &err), "%s", err.text) &&
            CHECKF(!cw_vocoder_session_open(&s, v, &err), "%s", err.text)) {
            for (int number = 0; number < GENERATOR_CASES; number++) {
                struct reference r;
                if (!reference_open(&r, number))
                    continue;
                const struct cw_frames f = frames_of(&r);
                const float *samples = NULL;
                size_t n = 0;
                struct taps t = {.r = &r};
                cw_vocoder_session_tap(s, tap, &t);
                cw_vocoder_session_force_source(s, r.har.data, r.har.rows);
                if (CHECKF(!cw_vocoder_run(s, &f, 1, &samples, &n, &err), "%s", err.text)) {
                    CHECK(t.shapes == 4);
                    CHECK(t.har == 0);
                    const double loose = looseness(*isa);
                    CHECKF(t.ups[0] < loose * 1e-5, "%s case %d: ups.0 off by %g", *isa, number, t.ups[0]);
                    CHECKF(t.ups[1] < loose * 1e-5, "%s case %d: ups.1 off by %g", *isa, number, t.ups[1]);
                    CHECKF(t.norms[0] < loose * 1e-6 && t.norms[1] < loose * 1e-6, "%s case %d: norms off by %g, %g", *isa, number,
                           t.norms[0], t.norms[1]);
                    CHECKF(t.conv_post < loose * 1e-5, "%s case %d: conv_post off by %g", *isa, number, t.conv_post);
                    if (CHECK(n == (size_t)f.count * HOP && n == (size_t)r.audio.cols)) {
                        const double all = relative(samples, r.audio.data, n);
                        CHECKF(all < loose * 1e-4, "%s case %d: audio off by %g", *isa, number, all);
                        /* where fewer windows overlap, the division must follow */
                        double loudest = 0, ends = 0;
                        for (size_t i = 0; i < n; i++)
                            loudest = fmax(loudest, fabs((double)r.audio.data[i]));
                        for (size_t i = 0; i < 20; i++) {
                            ends = fmax(ends, fabs((double)samples[i] - (double)r.audio.data[i]));
                            ends = fmax(ends, fabs((double)samples[n - 1 - i] - (double)r.audio.data[n - 1 - i]));
                        }
                        CHECKF(ends < loose * 2e-4 * loudest, "%s case %d: ends off by %g of %g", *isa, number, ends, loudest);
                    }
                }
                cw_vocoder_session_force_source(s, NULL, 0);
                free(r.file);
            }
        }
        cw_vocoder_session_close(s);
        cw_vocoder_close(v);
        cw_device_close(d);
    }
}

/* Whole short sentences (tests/make_kokoro_reference.py). */
struct sentence {
    const struct cw_reference *r;
    const char *name;
    double distance[3];
};

static const char *const stages[3] = {"ups.0", "ups.1", "conv_post"};

static void sentence_tap(void *arg, const char *stage, struct cw_mat m) {
    struct sentence *t = arg;
    char name[64];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s/%s", t->name, stage);
        if (!strcmp(stage, stages[i]))
            t->distance[i] = cw_reference_distance(t->r, name, m);
    }
}

static void sentences_on(const char *isa) {
    const double loose = looseness(isa);
    char path[CW_PATH_MAX], name[64];
    struct cw_error err = {0};
    struct cw_reference *r = NULL;
    struct cw_vocoder *v = NULL;
    struct cw_vocoder_session *s = NULL;
    struct cw_device *d = NULL;
    if (!model_path(path))
        return;
    if (!CHECKF(!cw_reference_open(&r, "kokoro_generator.bin", &err), "%s", err.text))
        return;
    d = device_open(isa, 2);
    if (!d || !CHECKF(!cw_vocoder_open(&v, d, path, &err), "%s", err.text))
        goto done;
    if (!CHECKF(!cw_vocoder_session_open(&s, v, &err), "%s", err.text))
        goto done;
    for (int i = 0; i < 2; i++) {
        const char *const parts[5] = {"x", "F0", "style", "har", "audio"};
        const float *data[5];
        int count[5] = {0};
        const float *samples = NULL;
        size_t n = 0;
        struct sentence t = {r, i ? "B" : "A", {INFINITY, INFINITY, INFINITY}};
        for (int k = 0; k < 5; k++) {
            snprintf(name, sizeof name, "%s/%s", t.name, parts[k]);
            data[k] = cw_reference_floats(r, name, &count[k]);
            if (!CHECKF(data[k] != NULL, "no record %s", name))
                goto done;
        }
        const int T = count[1];
        if (!CHECK(count[0] == 512 * T && count[2] == 128 && count[3] == HAR * (60 * T + 1) && count[4] == HOP * T))
            goto done;
        const struct cw_frames f = {.kind = "kokoro-istftnet",
                                    .count = T,
                                    .channels = 512,
                                    .data = data[0],
                                    .f0 = data[1],
                                    .style = data[2],
                                    .style_len = 128,
                                    .sample_rate = RATE,
                                    .hop = HOP};
        cw_vocoder_session_tap(s, sentence_tap, &t);
        cw_vocoder_session_force_source(s, data[3], 60 * T + 1);
        if (!CHECKF(!cw_vocoder_run(s, &f, 1, &samples, &n, &err), "%s", err.text))
            goto done;
        for (int k = 0; k < 3; k++)
            CHECKF(t.distance[k] < loose * 1e-5, "%s, %s: %s off by %g", isa, t.name, stages[k], t.distance[k]);
        snprintf(name, sizeof name, "%s/audio", t.name);
        const double audio = cw_reference_distance_whole(r, name, samples, (int)n);
        CHECKF(audio < loose * 1e-4, "%s, %s: audio off by %g", isa, t.name, audio);
    }
done:
    cw_vocoder_session_close(s);
    cw_vocoder_close(v);
    cw_device_close(d);
    cw_reference_close(r);
}

/* On the fastest instruction sets down to the first of float32. */
static void sentences(void) {
    for (const char *const *isa = cw_device_isas(); *isa; isa++) {
        sentences_on(*isa);
        if (looseness(*isa) == 1)
            break;
    }
}

/* frames of case 0 repeated to `count` frames, as a longer utterance */
static float *longer(const struct reference *r, int count, float *f0) {
    float *data = malloc(sizeof *data * 512 * (size_t)count);
    for (int t = 0; t < count; t++) {
        memcpy(data + (size_t)t * 512, r->frames.data + (size_t)(t % r->frames.rows) * 512, sizeof *data * 512);
        f0[t] = r->f0.data[t % r->frames.rows];
    }
    return data;
}

static void generator_same_bytes(void) {
    static const int lengths[] = {1, 2, 15, 33};
    char path[CW_PATH_MAX];
    struct reference r;
    struct cw_error err = {0};
    if (!model_path(path))
        return;
    if (!reference_open(&r, 0))
        return;
    struct cw_device *d[2] = {device_open(NULL, 1), device_open(NULL, 2)};
    struct cw_vocoder *v[2] = {NULL, NULL};
    struct cw_vocoder_session *s[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        if (!d[i] || !CHECKF(!cw_vocoder_open(&v[i], d[i], path, &err), "%s", err.text))
            goto done;
        if (!CHECKF(!cw_vocoder_session_open(&s[i], v[i], &err), "%s", err.text))
            goto done;
    }
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        float f0[64];
        float *data = longer(&r, lengths[l], f0);
        struct cw_frames f = frames_of(&r);
        const float *x = NULL, *y = NULL;
        size_t n = 0, m = 0;
        f.count = lengths[l];
        f.data = data;
        f.f0 = f0;
        const bool ran = !cw_vocoder_run(s[0], &f, 5, &x, &n, &err) && !cw_vocoder_run(s[1], &f, 5, &y, &m, &err);
        if (CHECKF(ran, "%s", err.text) && CHECK(n == (size_t)lengths[l] * HOP && m == n)) {
            float *first = malloc(sizeof *first * n), peak = 0;
            memcpy(first, x, sizeof *first * n);
            CHECKF(!memcmp(x, y, sizeof *x * n), "%d frames: one and two threads differ", lengths[l]);
            for (size_t i = 0; i < n; i++)
                peak = fmaxf(peak, fabsf(x[i]));
            CHECKF(peak > 1e-4f && peak < 2, "%d frames: peak %g", lengths[l], (double)peak);
            if (CHECK(!cw_vocoder_run(s[0], &f, 6, &x, &n, &err))) {
                CHECKF(memcmp(first, x, sizeof *x * n), "%d frames: another seed gave the same bytes", lengths[l]);
            }
            if (CHECK(!cw_vocoder_run(s[0], &f, 5, &x, &n, &err)))
                CHECK(!memcmp(first, x, sizeof *x * n));
            free(first);
        }
        free(data);
    }
done:
    for (int i = 0; i < 2; i++) {
        cw_vocoder_session_close(s[i]);
        cw_vocoder_close(v[i]);
        cw_device_close(d[i]);
    }
    free(r.file);
}

static void generator_refusals(void) {
    char path[CW_PATH_MAX];
    struct reference r;
    struct cw_error err = {0};
    struct cw_vocoder *v = NULL;
    struct cw_vocoder_session *s = NULL;
    const float *x = NULL;
    size_t n = 0;
    if (!model_path(path))
        return;
    if (!reference_open(&r, 1))
        return;
    struct cw_device *d = device_open(NULL, 1);
    if (!d || !CHECK(!cw_vocoder_open(&v, d, path, &err)) || !CHECK(!cw_vocoder_session_open(&s, v, &err)))
        goto done;

    struct cw_frames f = frames_of(&r);
    f.kind = "mel";
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "kokoro-istftnet", "mel");
    f.kind = NULL;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "kokoro-istftnet", "none");
    f = frames_of(&r);
    f.channels = 80;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "channels", "512", "80");
    f = frames_of(&r);
    f.sample_rate = 22050;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "24000", "22050");
    f = frames_of(&r);
    f.hop = 256;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "300", "256");
    f = frames_of(&r);
    f.style_len = 256;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "style", "128", "256");
    f = frames_of(&r);
    f.style = NULL;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "style", "128");
    f = frames_of(&r);
    f.f0 = NULL;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "F0");
    f = frames_of(&r);
    f.count = 0;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "frames", "found 0");
    f.count = 51201;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "51200", "51201");
    f = frames_of(&r);
    const float bad[3] = {100, NAN, 100};
    f.f0 = bad;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "F0[1]", "nan");
    f = frames_of(&r);
    r.frames.data[700] = INFINITY;
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "data[700]", "inf");
    r.frames.data[700] = 0;
    cw_vocoder_session_force_source(s, r.har.data, r.har.rows - 1);
    CHECK_REFUSED(cw_vocoder_run(s, &f, 1, &x, &n, &err), &err, "forced source", "181", "180");
    CHECK(x == NULL && n == 0);
    cw_vocoder_session_force_source(s, NULL, 0);
    CHECKF(!cw_vocoder_run(s, &f, 1, &x, &n, &err), "%s", err.text); /* a refusal leaves the session usable */
    CHECK(n == 900);
done:
    cw_vocoder_session_close(s);
    cw_vocoder_close(v);
    cw_device_close(d);
    free(r.file);
}

static void add_u32(struct cw_text *t, uint32_t x) {
    cw_text_add_n(t, (const char *)&x, sizeof x);
}

static void add_u64(struct cw_text *t, uint64_t x) {
    cw_text_add_n(t, (const char *)&x, sizeof x);
}

static void add_string(struct cw_text *t, const char *s) {
    add_u64(t, strlen(s));
    cw_text_add(t, s);
}

/* A GGUF of Kokoro's constants (n_fft given) and, if named, one tensor [1, n] of zeros. */
static const char *tiny_gguf(const char *name, const char *architecture, uint32_t n_fft, const char *tensor, uint64_t n) {
    enum { GGUF_UINT32 = 4, GGUF_INT32 = 5, GGUF_FLOAT32 = 6, GGUF_STRING = 8, GGUF_ARRAY = 9 };
    static char path[CW_PATH_MAX];
    static const struct {
        const char *key;
        uint32_t count, values[3];
    } ints[] = {{"kokoro.sample_rate", 0, {24000}},
                {"kokoro.unit_samples", 0, {600}},
                {"kokoro.istft.hop", 0, {5}},
                {"kokoro.harmonics", 0, {8}},
                {"kokoro.upsample_rates", 2, {10, 6}},
                {"kokoro.upsample_kernels", 2, {20, 12}},
                {"kokoro.resblock_kernels", 3, {3, 7, 11}},
                {"kokoro.resblock_dilations", 3, {1, 3, 5}}};
    static const struct {
        const char *key;
        float value;
    } floats[] = {{"kokoro.sine_amp", 0.1f}, {"kokoro.noise_std", 0.003f}, {"kokoro.voiced_threshold", 10}};
    struct cw_error err = {0};
    struct cw_text t = {0};
    cw_text_add_n(&t, "GGUF", 4);
    add_u32(&t, 3);
    add_u64(&t, tensor ? 1 : 0);
    add_u64(&t, 2 + sizeof ints / sizeof *ints + sizeof floats / sizeof *floats);
    add_string(&t, "general.architecture");
    add_u32(&t, GGUF_STRING);
    add_string(&t, architecture);
    add_string(&t, "kokoro.istft.n_fft");
    add_u32(&t, GGUF_UINT32);
    add_u32(&t, n_fft);
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        add_string(&t, ints[i].key);
        add_u32(&t, ints[i].count ? GGUF_ARRAY : GGUF_UINT32);
        if (ints[i].count) {
            add_u32(&t, GGUF_INT32);
            add_u64(&t, ints[i].count);
        }
        for (uint32_t k = 0; k < ints[i].count + !ints[i].count; k++)
            add_u32(&t, ints[i].values[k]);
    }
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        add_string(&t, floats[i].key);
        add_u32(&t, GGUF_FLOAT32);
        cw_text_add_n(&t, (const char *)&floats[i].value, sizeof floats[i].value);
    }
    if (tensor) {
        add_string(&t, tensor);
        add_u32(&t, 2);
        add_u64(&t, n);
        add_u64(&t, 1);
        add_u32(&t, 0); /* float32 */
        add_u64(&t, 0);
    }
    while (t.len % 32)
        cw_text_add_n(&t, "", 1);
    for (uint64_t i = 0; tensor && i < (n + 7) / 8 * 8; i++)
        add_u32(&t, 0);
    CHECK(!cw_path_join(path, cw_test_dir(), name, &err));
    CHECKF(!cw_file_write(path, t.data, t.len, &err), "%s", err.text);
    cw_text_free(&t);
    return path;
}

static void model_refusals(void) {
    const char *linear = "decoder.generator.m_source.l_linear.weight";
    struct cw_device *d = device_open(NULL, 1);
    struct cw_vocoder *v = NULL;
    struct cw_error err = {0};
    if (!d)
        return;
    CHECK_REFUSED(cw_vocoder_open(&v, d, tiny_gguf("a.gguf", "bigvgan", 20, NULL, 0), &err), &err, "a.gguf", "kokoro", "bigvgan");
    CHECK_REFUSED(cw_vocoder_open(&v, d, tiny_gguf("b.gguf", "kokoro", 16, NULL, 0), &err), &err, "b.gguf", "kokoro.istft.n_fft", "20",
                  "16");
    CHECK_REFUSED(cw_vocoder_open(&v, d, tiny_gguf("c.gguf", "kokoro", 20, NULL, 0), &err), &err, "c.gguf", linear);
    CHECK_REFUSED(cw_vocoder_open(&v, d, tiny_gguf("d.gguf", "kokoro", 20, linear, 8), &err), &err, "d.gguf", linear, "9", "8");
    CHECK_REFUSED(cw_vocoder_open(&v, d, tiny_gguf("e.gguf", "kokoro", 20, linear, 9), &err), &err, "m_source.l_linear.bias");
    CHECK_REFUSED(cw_vocoder_open(&v, d, "/nowhere/kokoro.gguf", &err), &err, "/nowhere/kokoro.gguf");
    CHECK(v == NULL);
    cw_device_close(d);
}

const struct cw_test cw_tests_vocoder[] = {
    {"vocoder.stft", "the STFT is the DFT of its definition, and its inverse gives the signal back to 1e-12", stft_naive},
    {"vocoder.stft_sign", "a real negative bin has the phase +pi, never -pi", stft_sign},
    {"vocoder.source_equations", "the source follows the published equations and the published module", source_equations},
    {"vocoder.source_phase", "after a minute the ninth harmonic is in phase to 1e-10 of a turn", source_phase},
    {"vocoder.source_noise", "the noise is Gaussian, as loud as published, and decided by its seed", source_noise},
    {"vocoder.source_spectrum", "the source's spectrum is the reference's, where it is not arbitrary", source_spectrum},
    {"vocoder.generator", "every stage of the generator equals the reference's, on every instruction set", generator_parity},
    {"vocoder.sentences", "whole short sentences equal the reference's, sample by sample", sentences},
    {"vocoder.same_bytes", "lengths are exact; threads do not change a byte, a seed does", generator_same_bytes},
    {"vocoder.refusals", "frames of another kind, shape or with NaN are refused by name", generator_refusals},
    {"vocoder.model_refusals", "a wrong or incomplete model file is refused by tensor", model_refusals},
    {0},
};
