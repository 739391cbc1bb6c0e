/* voice -> a text spoken -> 16 kHz -> embedding, kept in a file named by all that decides it; embeddings -> who is like whom. */
#include "episode/heard.h"

#include "dialogue/script.h"
#include "episode/turn.h"
#include "models/catalogue.h"
#include "voices/recording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for several pieces of 1.6 s; the same for all voices, whatever their language, so that only the voice differs. */
static const char heard_text[] =
    "Every story starts somewhere, and this one starts with a question. We read the reports, counted the costs, "
    "and talked to people who were there.";
static const char heard_language[] = "en-us";

int cw_studio_need_encoder(struct cw_studio *s, struct cw_error *err) {
    int result = 0;
    char path[CW_PATH_MAX];
    pthread_mutex_lock(&s->opening);
    if (s->encoder == NULL) {
        result = cw_model_path("ge2e", path, err) != 0 ? -1 : cw_encoder_open(&s->encoder, s->device, path, err);
    }
    pthread_mutex_unlock(&s->opening);
    return result;
}

/* ---- what was heard before: models/heard/KEY.f32 ------------------------------------------------------------------------------- */

static bool file_of(const char *key, bool make, char path[CW_PATH_MAX]) {
    struct cw_error ignored = {0};
    char models[CW_PATH_MAX], dir[CW_PATH_MAX], name[80];
    snprintf(name, sizeof name, "%s.f32", key);
    return cw_models_dir(models, &ignored) == 0 && cw_path_join(dir, models, "heard", &ignored) == 0 &&
           (!make || cw_dir_make(dir, &ignored) == 0) && cw_path_join(path, dir, name, &ignored) == 0;
}

static bool recall(const char *key, float embedding[CW_EMBEDDING]) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX], *data = NULL;
    size_t len = 0;
    bool known = file_of(key, false, path) && cw_file_exists(path) &&
                 cw_file_read(path, sizeof(float) * CW_EMBEDDING, &data, &len, &ignored) == 0 && len == sizeof(float) * CW_EMBEDDING;
    if (known) {
        memcpy(embedding, data, len);
        known = fabs(cw_embedding_cosine(embedding, embedding) - 1) < 1e-3;
    }
    free(data);
    return known;
}

static void keep(const char *key, const float embedding[CW_EMBEDDING]) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX];
    if (!file_of(key, true, path) || cw_file_write(path, embedding, sizeof(float) * CW_EMBEDDING, &ignored) != 0) {
        return; /* a folder that cannot be written is no reason to stop */
    }
}

struct take_all {
    float *x;
    size_t n, cap;
};

static int gather(void *arg, const float *samples, size_t n, struct cw_error *err) {
    struct take_all *t = arg;
    if (t->n + n > t->cap) {
        t->cap = (t->n + n) * 2;
        float *more = realloc(t->x, t->cap * sizeof *more);
        if (more == NULL) {
            return cw_fail_memory(err, "speech");
        }
        t->x = more;
    }
    memcpy(t->x + t->n, samples, n * sizeof *samples);
    t->n += n;
    return 0;
}

/* known: whether it was heard before; with known_only that is all that is tried. */
static int hear(struct cw_booth *b, const struct cw_voice *voice, bool known_only, float embedding[CW_EMBEDDING], bool *known,
                struct cw_error *err) {
    int result = -1, symbols = 0;
    int64_t samples = 0;
    struct take_all all = {0};
    struct cw_sha256 sum;
    char path[CW_PATH_MAX], encoder[65], key[65];
    struct cw_voice as = *voice; /* borrows all */
    if (voice->reference) {      /* its file knows who speaks there */
        memcpy(embedding, voice->embedding, sizeof voice->embedding);
        *known = true;
        return 0;
    }
    snprintf(as.engine, sizeof as.engine, "kokoro"); /* F5 speaks as Kokoro showed it, mel as Kokoro taught it */
    voice = &as;
    if (cw_model_path("ge2e", path, err) != 0 || cw_model_sum(path, encoder, err) != 0 ||
        cw_turn_measure_key(b->studio, voice, heard_language, 1, heard_text, key, err) != 0) {
        goto done;
    }
    cw_sha256_start(&sum);
    cw_sha256_add(&sum, key, 64);
    cw_sha256_add(&sum, encoder, 64);
    cw_sha256_end(&sum, key);
    *known = recall(key, embedding);
    if (*known || known_only) {
        result = 0;
        goto done;
    }
    if (cw_studio_need_encoder(b->studio, err) != 0 || cw_booth_need_voice(b, voice, heard_language, err) != 0 ||
        cw_turn_measure(b, voice, heard_language, 1, heard_text, (struct cw_sink){gather, &all}, &samples, &symbols, err) != 0 ||
        cw_encoder_listen(b->studio->encoder, all.x, all.n, CW_STUDIO_RATE, embedding, err) != 0) {
        goto done;
    }
    keep(key, embedding);
    result = 0;
done:
    free(all.x);
    return result == 0 ? 0 : cw_fail_in(err, "voice %s", voice->name);
}

int cw_voice_heard(struct cw_booth *b, const struct cw_voice *voice, float embedding[CW_EMBEDDING], struct cw_error *err) {
    bool known;
    return hear(b, voice, false, embedding, &known, err);
}

void cw_cast_alike(struct cw_booth *b, const struct cw_voice *voices, const struct cw_script *script, bool known_only,
                   struct cw_text *lines) {
    float heard[CW_CAST_MAX][CW_EMBEDDING];
    bool have[CW_CAST_MAX] = {false};
    struct cw_error ignored = {0};
    bool known;
    if (script->cast_count < 2 || cw_model_look(cw_model_find("ge2e")) != CW_MODEL_PRESENT) {
        return;
    }
    for (int i = 0; i < script->cast_count; i++) {
        have[i] = hear(b, &voices[i], known_only, heard[i], &known, &ignored) == 0 && (known || !known_only);
        for (int j = 0; j < i && have[i]; j++) {
            double alike = have[j] ? cw_embedding_cosine(heard[i], heard[j]) : 0;
            if (alike >= CW_VOICES_ALIKE) {
                cw_text_printf(lines,
                               "%s (%s) and %s (%s) sound alike (%.2f of 1): listeners may not tell who speaks; `castwright voices map` "
                               "helps to choose\n",
                               script->cast[j].name, voices[j].name, script->cast[i].name, voices[i].name, alike);
            }
        }
    }
}

/* ---- who is like whom ---------------------------------------------------------------------------------------------------------- */

/* embeddings [count, 256] of the voices by name. */
static int hear_all(struct cw_studio *s, const char *const *voices, int count, struct cw_listener listen, float *embeddings,
                    struct cw_error *err) {
    if (cw_studio_need_plans(s, err) != 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        struct cw_voice v = {0};
        struct cw_progress p = {.stage = CW_STAGE_SPEAK, .fraction = (double)i / count, .seconds_left = -1};
        if (listen.progress != NULL && !listen.progress(listen.arg, &p)) {
            return cw_fail(err, CW_FAILED, "cancelled");
        }
        if (cw_studio_voice(s, &v, voices[i], err) != 0) {
            return -1;
        }
        int result = cw_voice_heard(s->booth, &v, embeddings + (size_t)i * CW_EMBEDDING, err);
        cw_voice_close(&v);
        if (result != 0) {
            return -1;
        }
    }
    return 0;
}

int cw_voices_alike(struct cw_studio *s, const char *const *voices, int count, struct cw_listener listen, double *cosines,
                    struct cw_error *err) {
    float *e = calloc((size_t)count + 1, sizeof *e * CW_EMBEDDING);
    int result = e == NULL ? cw_fail_memory(err, "voices") : hear_all(s, voices, count, listen, e, err);
    for (int i = 0; result == 0 && i < count; i++) {
        for (int j = 0; j < count; j++) {
            cosines[i * count + j] = cw_embedding_cosine(e + (size_t)i * CW_EMBEDDING, e + (size_t)j * CW_EMBEDDING);
        }
    }
    free(e);
    return result;
}

int cw_voices_like(struct cw_studio *s, const char *recording, const char *const *voices, int count, struct cw_listener listen,
                   double *cosines, struct cw_error *err) {
    int result = -1;
    struct cw_recording r = {0};
    float who[CW_EMBEDDING], *e = calloc((size_t)count + 1, sizeof *e * CW_EMBEDDING);
    if (e == NULL) {
        cw_fail_memory(err, "voices");
        goto done;
    }
    if (cw_recording_read(&r, recording, err) != 0 || cw_studio_need_plans(s, err) != 0 || cw_studio_need_encoder(s, err) != 0) {
        goto done;
    }
    if (cw_encoder_listen(s->encoder, r.samples, r.count, r.rate, who, err) != 0) {
        cw_fail_in(err, "%s", recording);
        goto done;
    }
    if (hear_all(s, voices, count, listen, e, err) != 0) {
        goto done;
    }
    for (int i = 0; i < count; i++) {
        cosines[i] = cw_embedding_cosine(who, e + (size_t)i * CW_EMBEDDING);
    }
    result = 0;
done:
    cw_recording_free(&r);
    free(e);
    return result;
}
