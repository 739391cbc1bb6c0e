/* The studio: opened models and a thread pool, private to this room. Everything is opened at first need and kept. */
#ifndef CW_STUDIO_H
#define CW_STUDIO_H

#include "castwright.h"
#include "kernels/kernels.h"
#include "tts/acoustic.h"
#include "tts/speech.h"
#include "vocoder/vocoder.h"
#include "voices/voices.h"

#include <pthread.h>

enum { CW_STUDIO_RATE = 24000 };

/* Ways to speak: an acoustic model, and the vocoder of its frames. Adding one means adding a line to the table in studio.c. */
enum cw_engine_kind { CW_ENGINE_KOKORO, CW_ENGINE_MEL, CW_ENGINE_F5, CW_ENGINES };
enum { CW_STUDIO_TERMS = 3 };
struct cw_engine {
    char path[CW_PATH_MAX], sum[65]; /* of the acoustic model */
    char vocoder_path[CW_PATH_MAX], vocoder_sum[65];
    char terms[CW_STUDIO_TERMS - 1][800]; /* of models that do not come with every episode: name, licence and what it asks; "" */
    struct cw_f5_symbols *symbols;        /* what F5 can be told; NULL: phonemes */
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
};

/* The voice model with what a voice learnt folded in. */
struct cw_folded;
/* The mel of what a voice is shown by, and its text. */
struct cw_shown;

struct cw_studio {
    int threads;
    bool by_bytes;                    /* F5's time as the published code has it, for parity */
    int f5_steps;                     /* from noise to mel */
    int engine;                       /* enum cw_engine_kind, or -1: each voice's own */
    char *voice_model, *writer_model; /* as asked for; NULL: the catalogue's */

    pthread_mutex_t opening; /* of all below */
    struct cw_device *device;
    struct cw_speech *speech;
    struct cw_engine engines[CW_ENGINES];
    struct cw_encoder *encoder; /* heard.c */
    struct cw_booth *booth;     /* the caller's own */
    struct cw_folded *folded;   /* those last used first */
    struct cw_shown *shown;     /* kept until the studio closes */

    char voices_dir[CW_PATH_MAX], lexicon_dir[CW_PATH_MAX];

    double load_seconds; /* wall clock, summed over the studio's life */
};

/* A booth: what one thread speaks with. Zero but for the studio at first; its sessions are opened at first need. */
struct cw_booth {
    struct cw_studio *studio;
    struct {
        struct cw_acoustic_session *acoustic;
        struct cw_vocoder_session *vocoder;
    } sessions[CW_ENGINES];
    struct cw_ear *ear;       /* of F5, once it has said something that the ear knows */
    struct cw_folded *folded; /* what Kokoro's sessions speak with now; NULL: the model as it is */
    float *scratch;           /* one chunk's waveform, for trimming */
    size_t scratch_len;
    float *converted;                         /* one chunk at the studio's rate and level, where the engine has others */
    double acoustic_seconds, vocoder_seconds; /* wall clock, summed over the booth's life */
    double modelled_seconds;                  /* of sound that the vocoder gave, silence at its ends included; summed too */
    long (*count_allocations)(void);          /* or NULL */
    long allocations;                         /* inside the models, by that count */
};

/* What naming and planning a turn needs: front end, voices folder, device, Kokoro's sum. Cheap. */
CW_MUST_CHECK int cw_studio_need_plans(struct cw_studio *s, struct cw_error *err);
/* A voice that an engine can speak, and which: "f5:af_heart", else the studio's engine, else the voice's own; after need_plans. F5 speaks
 * as a voice of Kokoro does once Kokoro has said a sentence to it; our mel model takes the style numbers of any voice that has no more. */
CW_MUST_CHECK int cw_studio_voice(struct cw_studio *s, struct cw_voice *voice, const char *expr, struct cw_error *err);
/* The voice without the engine's name before it ("mel:af_heart"). *engine (may be NULL): the one that was named, an enum cw_engine_kind, or
 * -1. */
const char *cw_studio_unnamed(const char *expr, int *engine);
enum cw_engine_kind cw_studio_engine(const struct cw_voice *voice);
/* What the sound of the voice's engine is multiplied by. */
float cw_studio_gain(const struct cw_voice *voice);
/* Tells what has to be said when the voice speaks `language`: licences of both models, what the engine is not good at. `told`, {0} at
 * first, keeps which lines were told of which engine: each once. */
struct cw_told {
    bool line[CW_ENGINES][CW_STUDIO_TERMS];
};
void cw_studio_tell_terms(const struct cw_studio *s, const struct cw_voice *voice, const char *language, struct cw_listener listen,
                          struct cw_told *told);
/* What synthesis needs as well: both models of the voice's engine, sessions ready to speak as it does, and where F5 says a language that
 * the ear knows, the ear. From any thread. */
CW_MUST_CHECK int cw_booth_need_voice(struct cw_booth *b, const struct cw_voice *voice, const char *language, struct cw_error *err);
void cw_booth_close(struct cw_booth *b);
/* What F5 is shown for a voice; made once a voice, kept as long as the studio. */
CW_MUST_CHECK int cw_booth_reference(struct cw_booth *b, const struct cw_voice *voice, struct cw_acoustic_reference *r,
                                     struct cw_error *err);
/* Of what F5 is shown for a voice: how long it is, and how long a sound (cw_f5_weight) takes in it; the usual figures where Kokoro shows
 * the voice. Cheap; after need_plans. */
CW_MUST_CHECK int cw_studio_pace(struct cw_studio *s, const struct cw_voice *voice, double *seconds, double *sound_seconds,
                                 struct cw_error *err);
/* Path of a model: a name of the catalogue, or the path of a file that is there. */
CW_MUST_CHECK int cw_studio_model(const char *asked, char path[CW_PATH_MAX], struct cw_error *err);
/* The device alone. */
CW_MUST_CHECK int cw_studio_need_device(struct cw_studio *s, struct cw_error *err);
/* libsndfile's container of a file to write, by its name's end: .wav or .flac. */
CW_MUST_CHECK int cw_studio_format(const char *out, int *format, struct cw_error *err);
/* Path of the writer's GGUF. */
CW_MUST_CHECK int cw_studio_writer(const struct cw_studio *s, char path[CW_PATH_MAX], struct cw_error *err);

#endif
