/* The studio: names of models -> opened models, each at first need, kept until the studio closes. */
#include "episode/studio.h"

#include "episode/ear.h"
#include "episode/turn.h"
#include "models/catalogue.h"
#include "models/gguf.h"
#include "tts/f5.h"
#include "tts/f5_text.h"
#include "vocoder/mel.h"
#include "voices/encoder.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The engines: their names, and where the catalogue has their models. */
static const struct {
    const char *name, *acoustic, *vocoder; /* vocoder NULL: in the acoustic model's file */
    float gain;                            /* of the vocoder's sound */
    const char *weak;                      /* what has to be said where it speaks weak_in; NULL: nothing */
    const char *weak_in;                   /* NULL: any language but English */
} engines[CW_ENGINES] = {
    [CW_ENGINE_KOKORO] = {"kokoro", "kokoro", NULL, 1, NULL, NULL},
    [CW_ENGINE_MEL] = {"mel", "mel", "hifigan", 0.5F, /* it learnt mels of twice the sound (models/train/make_data.c) */
                       "the mel engine has learnt little Hindi: expect words that are not understood, or take --engine kokoro", "hi"},
    [CW_ENGINE_F5] = {"f5", "f5", "vocos", 1,
                      "what F5 says is heard back in English only: in other languages, listen for words left out or said twice", NULL},
};

/* The engine whose name the n bytes at s are, or -1. */
static int engine_named(const char *s, size_t n) {
    for (int e = 0; e < CW_ENGINES; e++)
        if (strlen(engines[e].name) == n && memcmp(engines[e].name, s, n) == 0)
            return e;
    return -1;
}

const char *cw_studio_unnamed(const char *expr, int *engine) {
    const char *name = expr + strspn(expr, " "), *colon = strchr(name, ':');
    const int named = colon ? engine_named(name, (size_t)(colon - name)) : -1;
    if (engine)
        *engine = named;
    return named < 0 ? expr : colon + 1;
}

enum cw_engine_kind cw_studio_engine(const struct cw_voice *voice) {
    int e = engine_named(voice->engine, strlen(voice->engine));
    return e < 0 ? CW_ENGINE_KOKORO : (enum cw_engine_kind)e;
}

float cw_studio_gain(const struct cw_voice *voice) {
    return engines[cw_studio_engine(voice)].gain;
}

/* Line 0 to CW_STUDIO_TERMS - 1, or NULL where there is nothing to say. */
static const char *terms_of(const struct cw_studio *s, enum cw_engine_kind kind, const char *language, int line) {
    if (line == CW_STUDIO_TERMS - 1) {
        const char *in = engines[kind].weak_in;
        return (in ? strcmp(language, in) == 0 : !cw_speech_english(language)) ? engines[kind].weak : NULL;
    }
    const char *terms = s->engines[kind].terms[line];
    return terms[0] ? terms : NULL;
}

void cw_studio_tell_terms(const struct cw_studio *s, const struct cw_voice *voice, const char *language, struct cw_listener listen,
                          struct cw_told *told) {
    const enum cw_engine_kind kind = cw_studio_engine(voice);
    for (int line = 0; listen.line && line < CW_STUDIO_TERMS; line++) {
        const char *terms = terms_of(s, kind, language, line);
        bool *had = &told->line[kind][line];
        if (terms && !*had)
            listen.line(listen.arg, terms);
        *had |= terms != NULL;
    }
}

struct cw_studio_params cw_studio_params_default(void) {
    struct cw_studio_params p = {.f5_steps = 7};
    return p;
}

/* models/packed/MODEL-CLASS.weights: what opening the models makes of them, for the next start. Only of the class that this machine
 * chooses, so that trying others fills no disk. False where there is no such place. */
static bool packed_file(const struct cw_studio *s, char path[CW_PATH_MAX]) {
    struct cw_error ignored = {0};
    char models[CW_PATH_MAX], dir[CW_PATH_MAX], name[80];
    snprintf(name, sizeof name, "%.16s-%s.weights", s->engines[CW_ENGINE_KOKORO].sum, cw_device_isa(s->device));
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
        const struct cw_engine *e = &s->engines[CW_ENGINE_KOKORO];
        if (cw_acoustic_open_learnt(&f->acoustic, e->acoustic, &voice->learnt, err) != 0 ||
            cw_vocoder_open_learnt(&f->vocoder, s->device, e->path, &voice->learnt, err) != 0) {
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

/* ---- what F5 is shown ---------------------------------------------------------------------------------------------------------- */

struct cw_shown {
    char sum[65]; /* of the voice */
    struct cw_acoustic_reference reference;
    float *mel;
    char *text;
    struct cw_shown *next;
};

static void free_shown(struct cw_shown *k) {
    if (k) {
        free(k->mel);
        free(k->text);
        free(k);
    }
}

static void close_shown(struct cw_studio *s) {
    for (struct cw_shown *k = s->shown, *next; k; k = next) {
        next = k->next;
        free_shown(k);
    }
}

/* What Kokoro says to show one of its voices: vowels, stops and hisses of all kinds, statement and question, six seconds. */
static const char shown_text[] =
    "The kettle was already warm when she sat down. Would you like a little sugar, or just the milk? He thought for a "
    "moment, and then chose both.";
static const double shown_level = 0.1; /* RMS, as the model was trained with */

struct gathered {
    float *x;
    size_t n;
};

static int gather(void *arg, const float *samples, size_t n, struct cw_error *err) {
    struct gathered *g = arg;
    float *more = realloc(g->x, sizeof *more * (g->n + n + 1));
    if (!more)
        return cw_fail_memory(err, "reference");
    g->x = more;
    memcpy(more + g->n, samples, sizeof *more * n);
    g->n += n;
    return 0;
}

/* The language in which what shows a voice is said. */
static const char *shown_language(const struct cw_voice *voice) {
    return cw_speech_english(voice->language) ? voice->language : "en-us";
}

/* A voice of Kokoro, shown by its own speech. */
static int speak_reference(struct cw_booth *b, const struct cw_voice *voice, struct gathered *g, struct cw_error *err) {
    struct cw_voice as = *voice; /* borrows all */
    int64_t samples = 0;
    int symbols = 0;
    double sum = 0;
    snprintf(as.engine, sizeof as.engine, "%s", engines[CW_ENGINE_KOKORO].name);
    if (cw_turn_measure(b, &as, shown_language(voice), 1, shown_text, (struct cw_sink){gather, g}, &samples, &symbols, err) != 0)
        return -1;
    for (size_t i = 0; i < g->n; i++)
        sum += (double)g->x[i] * (double)g->x[i];
    const double gain = sum > 0 ? shown_level / sqrt(sum / (double)g->n) : 1;
    for (size_t i = 0; i < g->n; i++)
        g->x[i] = (float)(gain * (double)g->x[i]);
    return 0;
}

/* The sounds of a text, as F5's time is counted. */
static int weigh(struct cw_studio *s, const char *text, const char *language, double *weight, struct cw_error *err) {
    struct cw_speech_params p = cw_speech_params_default();
    struct cw_utterance u = {0};
    *weight = 0;
    p.language = language;
    if (cw_speech_plan(s->speech, text, p, &u, err) != 0)
        return -1;
    for (int i = 0; i < u.chunk_count; i++)
        *weight += cw_f5_weight_of(u.chunks[i].phonemes);
    cw_utterance_free(&u);
    return 0;
}

int cw_studio_pace(struct cw_studio *s, const struct cw_voice *voice, double *seconds, double *sound_seconds, struct cw_error *err) {
    double weight = 0;
    *seconds = 8; /* Kokoro's voices: shown_text takes less */
    *sound_seconds = 0.07;
    if (!voice->reference)
        return 0;
    if (weigh(s, voice->reference_text, shown_language(voice), &weight, err) != 0)
        return cw_fail_in(err, "voice \"%s\"", voice->name);
    *seconds = (double)voice->reference_count / CW_REFERENCE_RATE;
    *sound_seconds = *seconds / fmax(1, weight);
    return 0;
}

static int make_shown(struct cw_booth *b, const struct cw_voice *voice, struct cw_shown *k, struct cw_error *err) {
    struct gathered g = {0};
    struct cw_mel *mel = NULL;
    const float *x = voice->reference;
    size_t n = (size_t)voice->reference_count;
    int result = -1;
    memcpy(k->sum, voice->sha256, sizeof k->sum);
    k->text = cw_strdup(x ? voice->reference_text : shown_text);
    if (!k->text) {
        cw_fail_memory(err, "reference");
        goto done;
    }
    if (!x && speak_reference(b, voice, &g, err) != 0)
        goto done;
    x = x ? x : g.x;
    n = voice->reference ? n : g.n;
    struct cw_acoustic_reference *r = &k->reference;
    if (cw_mel_open(&mel, cw_mel_f5(), err) != 0 || weigh(b->studio, k->text, shown_language(voice), &r->weight, err) != 0)
        goto done;
    const int frames = (int)cw_mel_frames(mel, n), bands = cw_mel_params(mel)->bands;
    if (frames < 2) {
        cw_fail(err, CW_BAD_INPUT, "expected a reference of some seconds, found %zu samples", n);
        goto done;
    }
    k->mel = malloc(sizeof *k->mel * (size_t)frames * (size_t)bands);
    if (!k->mel) {
        cw_fail_memory(err, "reference");
        goto done;
    }
    if (cw_mel_run(mel, b->studio->device, x, n, (struct cw_mat){k->mel, frames, bands, bands}, err) != 0)
        goto done;
    r->mel = k->mel;
    r->frames = frames - 1; /* the last one looks beyond the end */
    r->bands = bands;
    r->text = k->text;
    result = 0;
done:
    cw_mel_close(mel);
    free(g.x);
    return result;
}

int cw_booth_reference(struct cw_booth *b, const struct cw_voice *voice, struct cw_acoustic_reference *r, struct cw_error *err) {
    struct cw_studio *s = b->studio;
    struct cw_shown *made = NULL;
    for (;;) {
        pthread_mutex_lock(&s->opening);
        struct cw_shown *k = s->shown;
        while (k && strcmp(k->sum, voice->sha256) != 0)
            k = k->next;
        if (!k && made) {
            made->next = s->shown;
            s->shown = k = made;
            made = NULL;
        }
        if (k)
            *r = k->reference;
        pthread_mutex_unlock(&s->opening);
        free_shown(made); /* another booth was faster; it made the same */
        if (k)
            return 0;
        made = calloc(1, sizeof *made);
        if (!made)
            return cw_fail_memory(err, "reference");
        if (make_shown(b, voice, made, err) != 0) {
            free_shown(made);
            return cw_fail_in(err, "voice \"%s\"", voice->name);
        }
    }
}

int cw_studio_open(struct cw_studio **out, struct cw_studio_params params, struct cw_error *err) {
    *out = NULL;
    if (params.threads < 0 || params.threads > 256)
        return cw_fail(err, CW_BAD_INPUT, "threads: expected 0 (one per core) to 256, found %d", params.threads);
    int engine = params.engine ? engine_named(params.engine, strlen(params.engine)) : -1;
    if (params.engine && engine < 0)
        return cw_fail(err, CW_BAD_INPUT, "engine: expected kokoro, mel or f5, found \"%.40s\"", params.engine);
    if (params.f5_steps < 1 || params.f5_steps > CW_F5_STEPS_MAX)
        return cw_fail(err, CW_BAD_INPUT, "f5_steps: expected 1 to %d, found %d", CW_F5_STEPS_MAX, params.f5_steps);
    struct cw_studio *s = calloc(1, sizeof *s);
    if (!s)
        return cw_fail_memory(err, "studio");
    s->threads = params.threads;
    s->engine = engine;
    s->by_bytes = params.by_bytes;
    s->f5_steps = params.f5_steps;
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
    close_shown(s);
    for (int e = 0; e < CW_ENGINES; e++) {
        cw_vocoder_close(s->engines[e].vocoder);
        cw_acoustic_close(s->engines[e].acoustic);
        cw_f5_symbols_close(s->engines[e].symbols);
    }
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

/* "F5-TTS v1, licence: unknown. …", as the file has it. */
static void take_terms(const struct cw_gguf *g, char *to, size_t size) {
    static const char *const keys[3] = {"general.name", "general.license", "castwright.licence"};
    const char *s[3];
    size_t len[3];
    struct cw_error ignored = {0};
    for (int i = 0; i < 3; i++)
        if (cw_gguf_string(g, keys[i], &s[i], &len[i], &ignored) != 0 || len[i] > size / 2) {
            s[i] = "not said";
            len[i] = strlen(s[i]);
        }
    snprintf(to, size, "%.*s, licence: %.*s. %.*s", (int)len[0], s[0], (int)len[1], s[1], (int)len[2], s[2]);
}

/* Where the engine's models are, their sums, whose they are: all that a plan and its key need. */
static int name_engine(struct cw_studio *s, enum cw_engine_kind kind, struct cw_error *err) {
    struct cw_engine *e = &s->engines[kind];
    struct cw_gguf *g = NULL;
    int result = -1;
    if (e->sum[0])
        return 0;
    if (find_model(kind == CW_ENGINE_KOKORO ? s->voice_model : NULL, engines[kind].acoustic, e->path, err) != 0)
        return -1;
    if (!engines[kind].vocoder)
        return cw_model_sum(e->path, e->sum, err);
    const char *const paths[2] = {e->path, e->vocoder_path};
    if (cw_model_path(engines[kind].vocoder, e->vocoder_path, err) != 0 || cw_model_sum(e->vocoder_path, e->vocoder_sum, err) != 0)
        goto done;
    for (int i = 0; i < 2; i++) {
        if (cw_gguf_open(&g, paths[i], err) != 0)
            goto done;
        take_terms(g, e->terms[i], sizeof e->terms[i]);
        if (i == 0 && kind == CW_ENGINE_F5 && !e->symbols && cw_f5_symbols_open(&e->symbols, g, err) != 0)
            goto done;
        cw_gguf_close(g);
        g = NULL;
    }
    result = cw_model_sum(e->path, e->sum, err);
done:
    if (result != 0)
        e->sum[0] = '\0';
    cw_gguf_close(g);
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
    return name_engine(s, CW_ENGINE_KOKORO, err);
}

int cw_studio_need_plans(struct cw_studio *s, struct cw_error *err) {
    pthread_mutex_lock(&s->opening);
    double start = cw_seconds();
    int result = open_front(s, err);
    s->load_seconds += cw_seconds() - start;
    pthread_mutex_unlock(&s->opening);
    return result;
}

/* What is said in the voice's reference must be of the model's symbols, as all that it is told. */
static int check_reference(const struct cw_studio *s, const struct cw_voice *voice, struct cw_error *err) {
    struct cw_text text = {0};
    int count = 0;
    cw_f5_write(voice->reference ? voice->reference_text : shown_text, &text);
    int result = cw_text_check(&text, "reference", err) != 0 ||
                         cw_f5_symbols_of(s->engines[CW_ENGINE_F5].symbols, text.data ? text.data : "", NULL, INT_MAX, &count, err) != 0
                     ? -1
                     : 0;
    cw_text_free(&text);
    return result;
}

/* A voice of Kokoro, or one that F5 is shown, is spoken by another engine than Kokoro. */
static int use_engine(struct cw_studio *s, enum cw_engine_kind kind, struct cw_voice *voice, struct cw_error *err) {
    struct cw_text name = {0};
    pthread_mutex_lock(&s->opening);
    int result = name_engine(s, kind, err);
    pthread_mutex_unlock(&s->opening);
    if (result != 0 || (kind == CW_ENGINE_F5 && check_reference(s, voice, err) != 0))
        return cw_fail_in(err, "voice \"%s\"", voice->name);
    if (voice->reference)
        return 0;
    cw_text_printf(&name, "%s:%s", engines[kind].name, voice->name);
    if (cw_text_check(&name, "voice", err) != 0)
        return -1;
    free(voice->name);
    voice->name = name.data;
    snprintf(voice->engine, sizeof voice->engine, "%s", engines[kind].name);
    return 0;
}

int cw_studio_voice(struct cw_studio *s, struct cw_voice *voice, const char *expr, struct cw_error *err) {
    int wanted = -1;
    expr = cw_studio_unnamed(expr, &wanted);
    if (wanted < 0)
        wanted = s->engine;
    if (cw_voice_open(voice, s->voices_dir, expr, err) != 0)
        return -1;
    const enum cw_engine_kind own = cw_studio_engine(voice);
    if (own == CW_ENGINE_F5 && (wanted == CW_ENGINE_KOKORO || wanted == CW_ENGINE_MEL)) {
        cw_fail(err, CW_BAD_INPUT,
                "voice \"%s\": expected a voice of kokoro, found one of f5, which is shown a recording; `castwright voices "
                "clone` learns one for kokoro",
                voice->name);
        goto failed;
    }
    if (wanted == CW_ENGINE_MEL && voice->learnt_sha256[0] != '\0') {
        cw_fail(err, CW_BAD_INPUT,
                "voice \"%s\": expected a voice of style numbers alone for engine mel, found one that learnt weights of kokoro's; leave "
                "the engine to the voice, or learn one with `castwright voices clone --tier style`",
                voice->name);
        goto failed;
    }
    const enum cw_engine_kind kind = wanted < 0 ? own : (enum cw_engine_kind)wanted;
    if (cw_voice_fits(voice, s->engines[CW_ENGINE_KOKORO].sum, err) != 0 ||
        (kind != CW_ENGINE_KOKORO && use_engine(s, kind, voice, err) != 0))
        goto failed;
    return 0;
failed:
    cw_voice_close(voice);
    return -1;
}

static int open_models(struct cw_studio *s, enum cw_engine_kind kind, struct cw_error *err) {
    int result = -1;
    struct cw_engine *e = &s->engines[kind];
    pthread_mutex_lock(&s->opening);
    const atomic_bool *was = cw_compute_alone(NULL); /* packing the weights is everybody's work */
    double start = cw_seconds();
    char packed[CW_PATH_MAX];
    if (kind == CW_ENGINE_KOKORO && !e->acoustic && !e->vocoder && packed_file(s, packed) &&
        cw_packed_open(s->device, packed, e->sum, err) != 0)
        goto done;
    const bool keeps = cw_packed_use(s->device, kind == CW_ENGINE_KOKORO); /* the file is Kokoro's alone */
    if ((e->acoustic || cw_acoustic_open(&e->acoustic, s->device, e->path, err) == 0) &&
        (e->vocoder || cw_vocoder_open(&e->vocoder, s->device, engines[kind].vocoder ? e->vocoder_path : e->path, err) == 0))
        result = 0;
    (void)cw_packed_use(s->device, keeps);
done:
    s->load_seconds += cw_seconds() - start;
    cw_compute_alone(was);
    pthread_mutex_unlock(&s->opening);
    return result;
}

static int need_sessions(struct cw_booth *b, enum cw_engine_kind kind, struct cw_error *err) {
    struct cw_studio *s = b->studio;
    if (b->sessions[kind].vocoder)
        return 0;
    if (open_models(s, kind, err) != 0 ||
        (!b->sessions[kind].acoustic && cw_acoustic_session_open(&b->sessions[kind].acoustic, s->engines[kind].acoustic, err) != 0))
        return -1;
    return cw_vocoder_session_open(&b->sessions[kind].vocoder, s->engines[kind].vocoder, err);
}

int cw_booth_need_voice(struct cw_booth *b, const struct cw_voice *voice, const char *language, struct cw_error *err) {
    struct cw_studio *s = b->studio;
    struct cw_folded *f = NULL;
    const enum cw_engine_kind kind = cw_studio_engine(voice);
    const struct cw_engine *e = &s->engines[kind];
    int result = -1;
    if (need_sessions(b, kind, err) != 0)
        return -1;
    if (kind == CW_ENGINE_F5 && !b->ear && cw_ear_knows(language)) {
        pthread_mutex_lock(&s->opening);
        result = cw_ear_open(&b->ear, err);
        pthread_mutex_unlock(&s->opening);
        return result;
    }
    if (kind != CW_ENGINE_KOKORO)
        return 0;
    if (voice->learnt_sha256[0] == '\0' ? !b->folded : b->folded && strcmp(b->folded->sum, voice->learnt_sha256) == 0)
        return 0;
    pthread_mutex_lock(&s->opening);
    const atomic_bool *was = cw_compute_alone(NULL);
    double start = cw_seconds();
    if (voice->learnt_sha256[0] != '\0' && take_folded(s, voice, &f, err) != 0)
        goto done;
    cw_acoustic_session_use(b->sessions[kind].acoustic, f ? f->acoustic : e->acoustic);
    cw_vocoder_session_use(b->sessions[kind].vocoder, f ? f->vocoder : e->vocoder);
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
    for (int e = 0; e < CW_ENGINES; e++) {
        cw_vocoder_session_close(b->sessions[e].vocoder);
        cw_acoustic_session_close(b->sessions[e].acoustic);
    }
    if (b->folded) {
        pthread_mutex_lock(&b->studio->opening);
        b->folded->users--;
        pthread_mutex_unlock(&b->studio->opening);
    }
    cw_ear_close(b->ear);
    free(b->scratch);
    free(b->converted);
    memset(b, 0, sizeof *b);
}
