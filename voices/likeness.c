/* Stock voices and mixtures ─▶ each says one sentence ─▶ GE2E ─▶ kernel ridge regression: embedding ─▶ weights.
 *
 * With k(a, b) = a . b of embeddings less their mean, weights(e) = mean + k(e, E) (K + ridge I)^-1 (W - mean). Rows of W sum to 1, so
 * what is predicted does too. Leaving one out needs no second fit (Golub, Heath and Wahba, 1979). */
#include "voices/likeness.h"

#include "voices/saying.h"
#include "voices/voices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 3, PACK_NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE, ROW = 100, VERSION = 1, RIDGES = 15 };
#define MAGIC "CWSTOCK1"
static const char heard_text[] = "The harbour was quiet before the storm, and nobody saw it coming.";

static int load_packs(struct cw_stock *s, const char *voices_dir, const char *language, struct cw_error *err) {
    struct cw_voice_info *list = NULL;
    size_t n = 0;
    int result = -1;
    if (cw_voices_list(voices_dir, &list, &n, err) != 0) {
        return -1;
    }
    s->packs = calloc((size_t)CW_STOCK_MAX * PACK_NUMBERS, sizeof(float));
    if (s->packs == NULL) {
        cw_fail_memory(err, "stock voices");
        goto done;
    }
    for (int pass = 0; pass < 2; pass++) { /* English first */
        for (size_t i = 0; i < n && s->all < CW_STOCK_MAX; i++) {
            const bool english = cw_speech_english(list[i].language);
            struct cw_voice v;
            if (strcmp(list[i].made, "stock") != 0 || english != (pass == 0) || (!english && strcmp(list[i].language, language) != 0)) {
                continue;
            }
            if (cw_voice_open(&v, voices_dir, list[i].name, err) != 0) {
                goto done;
            }
            memcpy(s->packs + (size_t)s->all * PACK_NUMBERS, v.pack, sizeof(float) * PACK_NUMBERS);
            memcpy(s->names[s->all++], list[i].name, sizeof s->names[0]);
            s->voices += pass == 0;
            cw_voice_close(&v);
        }
    }
    if (s->voices < PARTS) {
        cw_fail(err, CW_NO_MODEL, "%s: expected at least %d stock voices of English, found %d; `castwright models fetch` brings them",
                voices_dir, PARTS, s->voices);
        goto done;
    }
    result = 0;
done:
    free(list);
    return result;
}

/* Row i: a voice alone, or three of them with random weights. The same on every machine. */
static void draw_weights(struct cw_stock *s) {
    for (int i = 0; i < s->count; i++) {
        float *w = s->weights + (size_t)i * (size_t)s->voices;
        uint32_t words[4];
        double share[PARTS], sum = 0;
        if (i < s->voices) {
            w[i] = 1;
            continue;
        }
        cw_philox(VERSION, 1, (uint64_t)i, words);
        for (int k = 0; k < PARTS; k++) {
            share[k] = -log(((double)words[k] + 1) / 4294967297.0);
            sum += share[k];
        }
        cw_philox(VERSION, 2, (uint64_t)i, words);
        for (int k = 0; k < PARTS; k++) {
            w[(int)(((uint64_t)words[k] * (uint64_t)s->voices) >> 32)] += (float)(share[k] / sum);
        }
    }
}

static void key_of(const struct cw_stock *s, const char *engine_sha256, const char *isa, char hex[65]) {
    struct cw_sha256 h;
    const int version = VERSION;
    cw_sha256_start(&h);
    cw_sha256_add(&h, &version, sizeof version);
    cw_sha256_add(&h, engine_sha256, strlen(engine_sha256));
    cw_sha256_add(&h, isa, strlen(isa));
    cw_sha256_add(&h, heard_text, sizeof heard_text);
    cw_sha256_add(&h, s->packs, sizeof(float) * PACK_NUMBERS * (size_t)s->voices);
    cw_sha256_add(&h, s->weights, sizeof(float) * (size_t)s->count * (size_t)s->voices);
    cw_sha256_end(&h, hex);
}

/* magic | key | embeddings | sha256 of all before */
static bool recall(struct cw_stock *s, const char *cache, const char *key) {
    const size_t n = sizeof(float) * CW_EMBEDDING * (size_t)s->count, all = 8 + 64 + n + 64;
    struct cw_error ignored = {0};
    char *data = NULL, hex[65];
    size_t len = 0;
    bool found = false;
    if (cache == NULL || !cw_file_exists(cache) || cw_file_read(cache, all, &data, &len, &ignored) != 0) {
        return false;
    }
    if (len == all && memcmp(data, MAGIC, 8) == 0 && memcmp(data + 8, key, 64) == 0) {
        cw_sha256_of(data, all - 64, hex);
        found = memcmp(hex, data + all - 64, 64) == 0;
    }
    if (found) {
        memcpy(s->embeddings, data + 72, n);
    }
    free(data);
    return found;
}

/* What cannot be kept is heard anew the next time. */
static void keep(const struct cw_stock *s, const char *cache, const char *key) {
    const size_t n = sizeof(float) * CW_EMBEDDING * (size_t)s->count, all = 8 + 64 + n + 64;
    struct cw_error ignored = {0};
    char *data = cache != NULL ? malloc(all) : NULL, hex[65];
    if (data == NULL) {
        return;
    }
    memcpy(data, MAGIC, 8);
    memcpy(data + 8, key, 64);
    memcpy(data + 72, s->embeddings, n);
    cw_sha256_of(data, all - 64, hex);
    memcpy(data + all - 64, hex, 64);
    if (cw_file_write(cache, data, all, &ignored) != 0) {
        ignored.text[0] = '\0';
    }
    free(data);
}

static int hear_all(struct cw_stock *s, const struct cw_enrol_engine *g, bool (*progress)(void *arg, int done, int all), void *arg,
                    struct cw_error *err) {
    struct cw_saying k = {0};
    struct cw_symbols text = {0};
    struct cw_enrol_engine english = *g;
    float *pack = malloc(sizeof(float) * PACK_NUMBERS), *samples = NULL;
    size_t n = 0;
    int result = -1;
    english.language = "en-us";
    if (pack == NULL) {
        cw_fail_memory(err, "stock voices");
        goto done;
    }
    if (cw_symbols_of(&text, &english, heard_text, err) != 0 || cw_saying_open(&k, g->acoustic, g->vocoder, err) != 0) {
        goto done;
    }
    for (int i = 0; i < s->count; i++) {
        const float *w = s->weights + (size_t)i * (size_t)s->voices;
        if (progress != NULL && !progress(arg, i, s->count)) {
            cw_fail(err, CW_FAILED, "stopped");
            goto done;
        }
        memset(pack, 0, sizeof(float) * PACK_NUMBERS);
        for (int v = 0; v < s->voices; v++) {
            for (int j = 0; w[v] != 0 && j < PACK_NUMBERS; j++) {
                pack[j] += w[v] * s->packs[(size_t)v * PACK_NUMBERS + (size_t)j];
            }
        }
        if (cw_saying_run(&k, &text, pack, 1, 0, &samples, &n, err) != 0 ||
            cw_encoder_listen(g->encoder, samples, n, CW_ENROL_RATE, s->embeddings + (size_t)i * CW_EMBEDDING, err) != 0) {
            goto done;
        }
        free(samples);
        samples = NULL;
    }
    result = 0;
done:
    free(samples);
    free(pack);
    cw_symbols_free(&text);
    cw_saying_close(&k);
    return result;
}

int cw_stock_open(struct cw_stock *s, const struct cw_enrol_engine *g, const char *engine_sha256, const char *cache, int mixtures,
                  bool (*progress)(void *arg, int done, int all), void *arg, struct cw_error *err) {
    char key[65];
    int result = -1;
    *s = (struct cw_stock){0};
    if (load_packs(s, g->voices_dir, g->language, err) != 0) {
        goto done;
    }
    s->count = s->voices + mixtures;
    s->weights = calloc((size_t)s->count * (size_t)s->voices, sizeof(float));
    s->embeddings = calloc((size_t)s->count * CW_EMBEDDING, sizeof(float));
    if (s->weights == NULL || s->embeddings == NULL) {
        cw_fail_memory(err, "stock voices");
        goto done;
    }
    draw_weights(s);
    key_of(s, engine_sha256, "", key);
    if (!recall(s, cache, key)) {
        if (hear_all(s, g, progress, arg, err) != 0) {
            goto done;
        }
        keep(s, cache, key);
    }
    result = 0;
done:
    if (result != 0) {
        cw_stock_close(s);
    }
    return result;
}

void cw_stock_close(struct cw_stock *s) {
    free(s->packs);
    free(s->weights);
    free(s->embeddings);
    *s = (struct cw_stock){0};
}

int cw_stock_nearest(const struct cw_stock *s, const float embedding[CW_EMBEDDING], double *cosine) {
    int best = 0;
    double most = -2;
    for (int i = 0; i < s->voices; i++) {
        const double c = cw_embedding_cosine(s->embeddings + (size_t)i * CW_EMBEDDING, embedding);
        best = c > most ? i : best;
        most = fmax(most, c);
    }
    if (cosine != NULL) {
        *cosine = most;
    }
    return best;
}

/* a [n, n] symmetric, positive definite -> its inverse, in place; Gauss and Jordan without pivots. */
static bool invert(double *a, int n) {
    for (int k = 0; k < n; k++) {
        const double pivot = a[k * n + k];
        if (!(pivot > 1e-12)) {
            return false;
        }
        for (int j = 0; j < n; j++) {
            a[k * n + j] /= j == k ? 1 : pivot;
        }
        a[k * n + k] = 1 / pivot;
        for (int i = 0; i < n; i++) {
            const double f = a[i * n + k];
            if (i == k) {
                continue;
            }
            a[i * n + k] = -f / pivot;
            for (int j = 0; j < n; j++) {
                a[i * n + j] -= j == k ? 0 : f * a[k * n + j];
            }
        }
    }
    return true;
}

int cw_stock_like(const struct cw_stock *s, const float embedding[CW_EMBEDDING], float *weights, double *error, struct cw_error *err) {
    const int n = s->count, T = CW_PACK_TIMBRE;
    const size_t square = (size_t)n * (size_t)n;
    double mean[CW_EMBEDDING] = {0}, best = INFINITY, best_ridge = 1, spread = 0;
    double *kernel = calloc(square, sizeof *kernel), *inverse = calloc(square, sizeof *inverse), *style = NULL, *k = NULL, *mean_w = NULL;
    int result = -1;
    style = calloc((size_t)n * CW_PACK_TIMBRE, sizeof *style); /* of row ROW, less the mean */
    k = calloc((size_t)n, sizeof *k);
    mean_w = calloc((size_t)s->voices, sizeof *mean_w);
    if (!kernel || !inverse || !style || !k || !mean_w) {
        cw_fail_memory(err, "regression");
        goto done;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < CW_EMBEDDING; j++) {
            mean[j] += (double)s->embeddings[(size_t)i * CW_EMBEDDING + (size_t)j] / n;
        }
        for (int v = 0; v < s->voices; v++) {
            const double w = (double)s->weights[(size_t)i * (size_t)s->voices + (size_t)v];
            const float *row = s->packs + (size_t)v * PACK_NUMBERS + (size_t)ROW * CW_PACK_STYLE;
            mean_w[v] += w / n;
            for (int t = 0; w != 0 && t < T; t++) {
                style[i * T + t] += w * (double)row[t];
            }
        }
    }
    for (int t = 0; t < T; t++) {
        double m = 0;
        for (int i = 0; i < n; i++) {
            m += style[i * T + t] / n;
        }
        for (int i = 0; i < n; i++) {
            style[i * T + t] -= m;
            spread += style[i * T + t] * style[i * T + t];
        }
    }
    for (int i = 0; i < n; i++) {
        const float *a = s->embeddings + (size_t)i * CW_EMBEDDING;
        for (int j = 0; j < n; j++) {
            const float *b = s->embeddings + (size_t)j * CW_EMBEDDING;
            for (int c = 0; c < CW_EMBEDDING; c++) {
                kernel[i * n + j] += ((double)a[c] - mean[c]) * ((double)b[c] - mean[c]);
            }
        }
        for (int c = 0; c < CW_EMBEDDING; c++) {
            k[i] += ((double)a[c] - mean[c]) * ((double)embedding[c] - mean[c]);
        }
    }
    double ridge = 5e-4;
    for (int step = 0; step < RIDGES; step++) { /* what the rest says of each one left out */
        double wrong = 0;
        ridge *= 2;
        memcpy(inverse, kernel, sizeof *inverse * square);
        for (int i = 0; i < n; i++) {
            inverse[i * n + i] += ridge;
        }
        if (!invert(inverse, n)) {
            continue;
        }
        for (int i = 0; i < n; i++) {
            for (int t = 0; t < T; t++) {
                double sum = 0;
                for (int j = 0; j < n; j++) {
                    sum += inverse[i * n + j] * style[j * T + t];
                }
                wrong += sum * sum / (inverse[i * n + i] * inverse[i * n + i]);
            }
        }
        best_ridge = wrong < best ? ridge : best_ridge;
        best = fmin(best, wrong);
    }
    for (int i = 0; i < n; i++) {
        kernel[i * n + i] += best_ridge;
    }
    if (!invert(kernel, n)) {
        cw_fail(err, CW_FAILED, "regression: expected embeddings that differ, found equal ones");
        goto done;
    }
    for (int v = 0; v < s->voices; v++) {
        double w = mean_w[v];
        for (int i = 0; i < n; i++) {
            double a = 0;
            for (int j = 0; j < n; j++) {
                a += kernel[i * n + j] * ((double)s->weights[(size_t)j * (size_t)s->voices + (size_t)v] - mean_w[v]);
            }
            w += k[i] * a;
        }
        weights[v] = (float)w;
    }
    if (error != NULL) {
        *error = sqrt(best / fmax(1e-12, spread));
    }
    result = 0;
done:
    free(kernel);
    free(inverse);
    free(style);
    free(k);
    free(mean_w);
    return result;
}
