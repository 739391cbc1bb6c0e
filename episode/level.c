/* voice -> a text spoken -> meter -> loudness, kept in a file named by all that decides it. */
#include "episode/level.h"
#include "episode/turn.h"

#include <ebur128.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Statement, list, question: the ways of speaking whose levels differ. */
static char spoken_text[] =
    "Every story starts somewhere, and this one starts with a question. We read the reports, counted the costs, and "
    "talked to people who were there. So, what did we find?";
static const double most_gain_db = 24.0;

static int feed_meter(void *meter, const float *samples, size_t n, struct cw_error *err) {
    return ebur128_add_frames_float(meter, samples, n) == EBUR128_SUCCESS ? 0 : cw_fail_memory(err, "loudness meter");
}

static int measure(struct cw_booth *b, const struct cw_turn_request *r, const struct cw_turn_plan *plan, double *lufs,
                   struct cw_error *err) {
    int result = -1;
    struct cw_take take = {0};
    ebur128_state *meter = ebur128_init(1, CW_STUDIO_RATE, EBUR128_MODE_I);
    if (meter == NULL || ebur128_set_channel(meter, 0, EBUR128_DUAL_MONO) != EBUR128_SUCCESS) {
        cw_fail_memory(err, "loudness meter");
        goto done;
    }
    if (cw_turn_speak(b, r, plan, (struct cw_sink){feed_meter, meter}, &take, err) != 0) {
        goto done;
    }
    if (ebur128_loudness_global(meter, lufs) != EBUR128_SUCCESS) {
        cw_fail(err, CW_FAILED, "loudness meter: failed after %lld samples", (long long)take.samples);
        goto done;
    }
    result = 0;
done:
    cw_take_free(&take);
    if (meter != NULL) {
        ebur128_destroy(&meter);
    }
    return result;
}

/* models/levels/KEY.txt; what cannot be kept is measured anew the next time. */
static bool file_of(const char *key, bool make, char path[CW_PATH_MAX]) {
    struct cw_error ignored = {0};
    char models[CW_PATH_MAX], dir[CW_PATH_MAX], name[80];
    snprintf(name, sizeof name, "%s.txt", key);
    return cw_models_dir(models, &ignored) == 0 && cw_path_join(dir, models, "levels", &ignored) == 0 &&
           (!make || cw_dir_make(dir, &ignored) == 0) && cw_path_join(path, dir, name, &ignored) == 0;
}

static bool recall(const char *key, double *lufs) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX], *text = NULL;
    size_t len = 0;
    bool known = file_of(key, false, path) && cw_file_exists(path) && cw_file_read(path, 64, &text, &len, &ignored) == 0 && len > 0 &&
                 text[len - 1] == '\n';
    if (known) {
        text[len - 1] = '\0';
        known = cw_parse_double(text, -70, 0, lufs);
    }
    free(text);
    return known;
}

static void keep(const char *key, double lufs) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX], text[32];
    int n = snprintf(text, sizeof text, "%.1f\n", lufs);
    if (!file_of(key, true, path) || cw_file_write(path, text, (size_t)n, &ignored) != 0) {
        return; /* a folder that cannot be written is no reason to stop */
    }
}

int cw_level_gain(struct cw_booth *b, const struct cw_voice *voice, const char *language, double *gain_db, struct cw_error *err) {
    int result = -1;
    double lufs = 0.0;
    struct cw_turn_plan plan = {0};
    struct cw_span span = {0, spoken_text};
    struct cw_turn_request r = {.voice = voice, .language = language, .speed = 1, .seed = 1, .spans = &span, .span_count = 1};
    if (cw_turn_plan_make(b->studio, &r, &plan, err) != 0) {
        goto done;
    }
    /* the turn's key names all that decides its sound */
    if (!recall(plan.key, &lufs)) {
        if (measure(b, &r, &plan, &lufs, err) != 0) {
            goto done;
        }
        lufs = round(lufs * 10.0) / 10.0;
        keep(plan.key, lufs);
    }
    *gain_db = fmin(fmax(CW_LEVEL_LUFS - lufs, -most_gain_db), most_gain_db);
    result = 0;
done:
    cw_turn_plan_free(&plan);
    if (result != 0) {
        cw_fail_in(err, "level of voice %s", voice->name);
    }
    return result;
}
