/* voice -> some text spoken -> meter or clock -> a number, kept in a file named by all that decides it. */
#include "episode/level.h"
#include "episode/turn.h"

#include <ebur128.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Statement, list, question: the ways of speaking whose levels differ. */
static const char *const level_texts[] = {
    "Every story starts somewhere, and this one starts with a question. We read the reports, counted the costs, and talked to people who "
    "were there. So, what did we find?",
};
/* As turns are: a short question, two sentences, one that is long. */
static const char *const rate_texts[] = {
    "So who pays for all of that in the end?",
    "Most people would say it dried out. In truth, something inside it changed back, quietly, overnight.",
    "Take a harbour at six in the morning, when the water is low and every boat lies on its side in the mud, waiting for the sea.",
};
enum { LEVEL_TEXTS = sizeof level_texts / sizeof level_texts[0], RATE_TEXTS = sizeof rate_texts / sizeof rate_texts[0] };
static const double most_gain_db = 24.0;

/* ---- what was measured before --------------------------------------------------------------------------------------------- */

/* models/levels/KEY.txt; what cannot be kept is measured anew the next time. */
static bool file_of(const char *key, bool make, char path[CW_PATH_MAX]) {
    struct cw_error ignored = {0};
    char models[CW_PATH_MAX], dir[CW_PATH_MAX], name[80];
    snprintf(name, sizeof name, "%s.txt", key);
    return cw_models_dir(models, &ignored) == 0 && cw_path_join(dir, models, "levels", &ignored) == 0 &&
           (!make || cw_dir_make(dir, &ignored) == 0) && cw_path_join(path, dir, name, &ignored) == 0;
}

static bool recall(const char *key, double lo, double hi, double *value) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX], *text = NULL;
    size_t len = 0;
    bool known = file_of(key, false, path) && cw_file_exists(path) && cw_file_read(path, 64, &text, &len, &ignored) == 0 && len > 0 &&
                 text[len - 1] == '\n';
    if (known) {
        text[len - 1] = '\0';
        known = cw_parse_double(text, lo, hi, value);
    }
    free(text);
    return known;
}

static void keep(const char *key, double value) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX], text[40];
    int n = snprintf(text, sizeof text, "%.17g\n", value);
    if (!file_of(key, true, path) || cw_file_write(path, text, (size_t)n, &ignored) != 0) {
        return; /* a folder that cannot be written is no reason to stop */
    }
}

/* The turns' keys name all that decides their sound. */
static int key_of(struct cw_studio *s, const struct cw_voice *voice, const char *language, double speed, const char *const *texts, int n,
                  char key[65], struct cw_error *err) {
    struct cw_sha256 sum;
    cw_sha256_start(&sum);
    for (int i = 0; i < n; i++) {
        if (cw_turn_measure_key(s, voice, language, speed, texts[i], key, err) != 0) {
            return -1;
        }
        cw_sha256_add(&sum, key, 64);
    }
    cw_sha256_end(&sum, key);
    return 0;
}

/* ---- level ---------------------------------------------------------------------------------------------------------------- */

static int feed_meter(void *meter, const float *samples, size_t n, struct cw_error *err) {
    return ebur128_add_frames_float(meter, samples, n) == EBUR128_SUCCESS ? 0 : cw_fail_memory(err, "loudness meter");
}

static int measure_level(struct cw_booth *b, const struct cw_voice *voice, const char *language, double *lufs, struct cw_error *err) {
    int result = -1, symbols = 0;
    int64_t samples = 0;
    ebur128_state *meter = ebur128_init(1, CW_STUDIO_RATE, EBUR128_MODE_I);
    if (meter == NULL || ebur128_set_channel(meter, 0, EBUR128_DUAL_MONO) != EBUR128_SUCCESS) {
        cw_fail_memory(err, "loudness meter");
        goto done;
    }
    for (int i = 0; i < LEVEL_TEXTS; i++) {
        if (cw_turn_measure(b, voice, language, 1, level_texts[i], (struct cw_sink){feed_meter, meter}, &samples, &symbols, err) != 0) {
            goto done;
        }
    }
    if (ebur128_loudness_global(meter, lufs) != EBUR128_SUCCESS) {
        cw_fail(err, CW_FAILED, "loudness meter: failed after %lld samples", (long long)samples);
        goto done;
    }
    *lufs = round(*lufs * 10.0) / 10.0;
    result = 0;
done:
    if (meter != NULL) {
        ebur128_destroy(&meter);
    }
    return result;
}

int cw_level_gain(struct cw_booth *b, const struct cw_voice *voice, const char *language, double *gain_db, struct cw_error *err) {
    char key[65];
    double lufs = 0.0;
    if (key_of(b->studio, voice, language, 1, level_texts, LEVEL_TEXTS, key, err) != 0) {
        goto failed;
    }
    if (!recall(key, -70.0, 0.0, &lufs)) {
        if (measure_level(b, voice, language, &lufs, err) != 0) {
            goto failed;
        }
        keep(key, lufs);
    }
    *gain_db = fmin(fmax(CW_LEVEL_LUFS - lufs, -most_gain_db), most_gain_db);
    return 0;
failed:
    return cw_fail_in(err, "level of voice %s", voice->name);
}

/* ---- rate ----------------------------------------------------------------------------------------------------------------- */

int cw_level_rate(struct cw_booth *b, const struct cw_voice *voice, const char *language, double speed, double *symbol_seconds,
                  struct cw_error *err) {
    char key[65];
    int64_t samples = 0;
    int symbols = 0;
    if (key_of(b->studio, voice, language, speed, rate_texts, RATE_TEXTS, key, err) != 0) {
        return -1;
    }
    if (recall(key, 1e-6, 10.0, symbol_seconds)) {
        return 0;
    }
    for (int i = 0; i < RATE_TEXTS; i++) {
        if (cw_turn_measure(b, voice, language, speed, rate_texts[i], (struct cw_sink){0}, &samples, &symbols, err) != 0) {
            return -1;
        }
    }
    *symbol_seconds = (double)samples / CW_STUDIO_RATE / symbols;
    keep(key, *symbol_seconds);
    return 0;
}
