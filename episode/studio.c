/* The studio: names of models -> opened models, each at first need, kept until the studio closes. */
#include "episode/studio.h"

#include "models/catalogue.h"
#include "voices/encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cw_studio_params cw_studio_params_default(void) {
    struct cw_studio_params p = {0};
    return p;
}

/* models/packed/MODEL-CLASS.weights: what opening the models makes of them, for the next start. Only of the class that this machine
 * chooses, so that trying others fills no disk. False where there is no such place. */
static bool packed_file(const struct cw_studio *s, char path[CW_PATH_MAX]) {
    struct cw_error ignored = {0};
    char models[CW_PATH_MAX], dir[CW_PATH_MAX], name[80];
    snprintf(name, sizeof name, "%.16s-%s.weights", s->model_sum, cw_device_isa(s->device));
    return strcmp(cw_device_isa(s->device), cw_device_isas()[0]) == 0 && cw_models_dir(models, &ignored) == 0 &&
           cw_path_join(dir, models, "packed", &ignored) == 0 && cw_dir_make(dir, &ignored) == 0 &&
           cw_path_join(path, dir, name, &ignored) == 0;
}

/* After the work, not before the first sound. What cannot be kept is made anew the next time. */
static void keep_packed(const struct cw_studio *s) {
    struct cw_error ignored = {0};
    if (cw_packed_save(s->device, &ignored) != 0)
        return;
}

/* ---- learnt voices ------------------------------------------------------------------------------------------------------------- */

/* Decoder and generator of one voice, about 0.3 GB; what it shares with the voice model is not in it. */
struct cw_folded {
    char sum[65]; /* of what was learnt */
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    int users; /* booths */
    struct cw_folded *next;
};
enum { FOLDED_KEPT = 2 }; /* that no booth uses at the moment: two hosts in turn */

static void close_folded(struct cw_folded *f) {
    cw_vocoder_close(f->vocoder);
    cw_acoustic_close(f->acoustic);
    free(f);
}

/* Closes those that nobody uses, but for the `keep` last used. */
static void trim_folded(struct cw_studio *s, int keep) {
    int idle = 0;
    for (struct cw_folded **at = &s->folded; *at;) {
        struct cw_folded *f = *at;
        if (f->users > 0 || idle++ < keep) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        close_folded(f);
    }
}

/* The voice's own, to the front of the list; folded now if it is not there. */
static int take_folded(struct cw_studio *s, const struct cw_voice *voice, struct cw_folded **out, struct cw_error *err) {
    struct cw_folded **at = &s->folded, *f;
    while (*at && strcmp((*at)->sum, voice->learnt_sha256) != 0)
        at = &(*at)->next;
    f = *at;
    if (f) {
        *at = f->next;
    } else {
        f = calloc(1, sizeof *f);
        if (!f)
            return cw_fail_memory(err, "voice");
        memcpy(f->sum, voice->learnt_sha256, sizeof f->sum);
        if (cw_acoustic_open_learnt(&f->acoustic, s->acoustic, &voice->learnt, err) != 0 ||
            cw_vocoder_open_learnt(&f->vocoder, s->device, s->model_path, &voice->learnt, err) != 0) {
            close_folded(f);
            return cw_fail_in(err, "voice \"%s\"", voice->name);
        }
    }
    f->next = s->folded;
    s->folded = f;
    f->users++;
    *out = f;
    return 0;
}

int cw_studio_open(struct cw_studio **out, struct cw_studio_params params, struct cw_error *err) {
    *out = NULL;
    if (params.threads < 0 || params.threads > 256)
        return cw_fail(err, CW_BAD_INPUT, "threads: expected 0 (one per core) to 256, found %d", params.threads);
    struct cw_studio *s = calloc(1, sizeof *s);
    if (!s)
        return cw_fail_memory(err, "studio");
    s->threads = params.threads;
    pthread_mutex_init(&s->opening, NULL);
    s->booth = calloc(1, sizeof *s->booth);
    if (!s->booth || (params.voice_model && !(s->voice_model = cw_strdup(params.voice_model))) ||
        (params.writer_model && !(s->writer_model = cw_strdup(params.writer_model)))) {
        cw_studio_close(s);
        return cw_fail_memory(err, "studio");
    }
    s->booth->studio = s;
    *out = s;
    return 0;
}

void cw_studio_close(struct cw_studio *s) {
    if (!s)
        return;
    if (s->booth)
        cw_booth_close(s->booth);
    free(s->booth);
    if (s->device)
        keep_packed(s);
    trim_folded(s, 0);
    cw_encoder_close(s->encoder);
    cw_vocoder_close(s->vocoder);
    cw_acoustic_close(s->acoustic);
    cw_speech_close(s->speech);
    cw_device_close(s->device);
    free(s->voice_model);
    free(s->writer_model);
    pthread_mutex_destroy(&s->opening);
    free(s);
}

/* A name of the catalogue, or a path. */
static int find_model(const char *asked, const char *standard, char path[CW_PATH_MAX], struct cw_error *err) {
    if (!asked || cw_model_find(asked))
        return cw_model_path(asked ? asked : standard, path, err);
    if (strlen(asked) >= CW_PATH_MAX)
        return cw_fail(err, CW_BAD_INPUT, "%.80s…: path longer than %d bytes", asked, CW_PATH_MAX - 1);
    if (!cw_file_exists(asked))
        return cw_fail(err, CW_NO_MODEL, "%s: expected a model's file, found nothing there", asked);
    memcpy(path, asked, strlen(asked) + 1);
    return 0;
}

int cw_studio_model(const char *asked, char path[CW_PATH_MAX], struct cw_error *err) {
    return find_model(asked, NULL, path, err);
}

int cw_studio_writer(const struct cw_studio *s, char path[CW_PATH_MAX], struct cw_error *err) {
    return find_model(s->writer_model, "qwen2.5-coder-1.5b", path, err);
}

static int open_device(struct cw_studio *s, struct cw_error *err) {
    struct cw_device_params p = cw_device_params_default();
    p.threads = s->threads;
    return s->device ? 0 : cw_device_open(&s->device, p, err);
}

int cw_studio_need_device(struct cw_studio *s, struct cw_error *err) {
    pthread_mutex_lock(&s->opening);
    int result = open_device(s, err);
    pthread_mutex_unlock(&s->opening);
    return result;
}

static int open_front(struct cw_studio *s, struct cw_error *err) {
    if (open_device(s, err) != 0)
        return -1;
    if (!s->voices_dir[0] && cw_model_path("voices", s->voices_dir, err) != 0) {
        s->voices_dir[0] = '\0';
        return -1;
    }
    if (!s->speech) {
        if (cw_model_path("lexicon", s->lexicon_dir, err) != 0 || cw_speech_open(&s->speech, s->lexicon_dir, err) != 0)
            return -1;
    }
    if (!s->model_sum[0]) {
        if (find_model(s->voice_model, "kokoro", s->model_path, err) != 0 || cw_model_sum(s->model_path, s->model_sum, err) != 0) {
            s->model_sum[0] = '\0';
            return -1;
        }
    }
    return 0;
}

int cw_studio_need_plans(struct cw_studio *s, struct cw_error *err) {
    pthread_mutex_lock(&s->opening);
    double start = cw_seconds();
    int result = open_front(s, err);
    s->load_seconds += cw_seconds() - start;
    pthread_mutex_unlock(&s->opening);
    return result;
}

int cw_studio_voice(const struct cw_studio *s, struct cw_voice *voice, const char *expr, struct cw_error *err) {
    if (cw_voice_open(voice, s->voices_dir, expr, err) != 0)
        return -1;
    if (cw_voice_fits(voice, s->model_sum, err) != 0) {
        cw_voice_close(voice);
        return -1;
    }
    return 0;
}

static int open_models(struct cw_studio *s, struct cw_error *err) {
    int result = -1;
    pthread_mutex_lock(&s->opening);
    bool was = cw_compute_alone(false); /* packing the weights is everybody's work */
    double start = cw_seconds();
    char packed[CW_PATH_MAX];
    if (!s->acoustic && !s->vocoder && packed_file(s, packed) && cw_packed_open(s->device, packed, s->model_sum, err) != 0)
        goto done;
    if ((s->acoustic || cw_acoustic_open(&s->acoustic, s->device, s->model_path, err) == 0) &&
        (s->vocoder || cw_vocoder_open(&s->vocoder, s->device, s->model_path, err) == 0))
        result = 0;
done:
    s->load_seconds += cw_seconds() - start;
    cw_compute_alone(was);
    pthread_mutex_unlock(&s->opening);
    return result;
}

int cw_booth_need_sound(struct cw_booth *b, struct cw_error *err) {
    struct cw_studio *s = b->studio;
    if (b->vocoder)
        return 0;
    if (open_models(s, err) != 0 || (!b->acoustic && cw_acoustic_session_open(&b->acoustic, s->acoustic, err) != 0))
        return -1;
    return cw_vocoder_session_open(&b->vocoder, s->vocoder, err);
}

int cw_booth_need_voice(struct cw_booth *b, const struct cw_voice *voice, struct cw_error *err) {
    struct cw_studio *s = b->studio;
    struct cw_folded *f = NULL;
    int result = -1;
    if (cw_booth_need_sound(b, err) != 0)
        return -1;
    if (voice->learnt_sha256[0] == '\0' ? !b->folded : b->folded && strcmp(b->folded->sum, voice->learnt_sha256) == 0)
        return 0;
    pthread_mutex_lock(&s->opening);
    bool was = cw_compute_alone(false);
    double start = cw_seconds();
    if (voice->learnt_sha256[0] != '\0' && take_folded(s, voice, &f, err) != 0)
        goto done;
    cw_acoustic_session_use(b->acoustic, f ? f->acoustic : s->acoustic);
    cw_vocoder_session_use(b->vocoder, f ? f->vocoder : s->vocoder);
    if (b->folded)
        b->folded->users--;
    b->folded = f;
    trim_folded(s, FOLDED_KEPT);
    result = 0;
done:
    s->load_seconds += cw_seconds() - start;
    cw_compute_alone(was);
    pthread_mutex_unlock(&s->opening);
    return result;
}

void cw_booth_close(struct cw_booth *b) {
    cw_vocoder_session_close(b->vocoder);
    cw_acoustic_session_close(b->acoustic);
    if (b->folded) {
        pthread_mutex_lock(&b->studio->opening);
        b->folded->users--;
        pthread_mutex_unlock(&b->studio->opening);
    }
    free(b->scratch);
    memset(b, 0, sizeof *b);
}
