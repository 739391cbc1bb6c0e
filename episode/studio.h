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

/* The voice model with what a voice learnt folded in. */
struct cw_folded;

struct cw_studio {
    int threads;
    char *voice_model, *writer_model; /* as asked for; NULL: the catalogue's */

    pthread_mutex_t opening; /* of all below */
    struct cw_device *device;
    struct cw_speech *speech;
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    struct cw_encoder *encoder; /* heard.c */
    struct cw_booth *booth;     /* the caller's own */
    struct cw_folded *folded;   /* those last used first */

    char model_path[CW_PATH_MAX], model_sum[65]; /* the voice model */
    char voices_dir[CW_PATH_MAX], lexicon_dir[CW_PATH_MAX];

    double load_seconds; /* wall clock, summed over the studio's life */
};

/* A booth: what one thread speaks with. Zero but for the studio at first; its sessions are opened at first need. */
struct cw_booth {
    struct cw_studio *studio;
    struct cw_acoustic_session *acoustic;
    struct cw_vocoder_session *vocoder;
    struct cw_folded *folded; /* what the sessions speak with now; NULL: the voice model as it is */
    float *scratch;           /* one chunk's waveform, for trimming */
    size_t scratch_len;
    double acoustic_seconds, vocoder_seconds; /* wall clock, summed over the booth's life */
    long (*count_allocations)(void);          /* or NULL */
    long allocations;                         /* inside the models, by that count */
};

/* What naming and planning a turn needs: front end, voices folder, device, the voice model's sum. Cheap. */
CW_MUST_CHECK int cw_studio_need_plans(struct cw_studio *s, struct cw_error *err);
/* A voice that the voice model can speak; after need_plans. */
CW_MUST_CHECK int cw_studio_voice(const struct cw_studio *s, struct cw_voice *voice, const char *expr, struct cw_error *err);
/* What synthesis needs as well: both halves of the voice model. Both from any thread. */
CW_MUST_CHECK int cw_booth_need_sound(struct cw_booth *b, struct cw_error *err);
/* The same, and the sessions ready to speak as this voice does. */
CW_MUST_CHECK int cw_booth_need_voice(struct cw_booth *b, const struct cw_voice *voice, struct cw_error *err);
void cw_booth_close(struct cw_booth *b);
/* Path of a model: a name of the catalogue, or the path of a file that is there. */
CW_MUST_CHECK int cw_studio_model(const char *asked, char path[CW_PATH_MAX], struct cw_error *err);
/* The device alone. */
CW_MUST_CHECK int cw_studio_need_device(struct cw_studio *s, struct cw_error *err);
/* libsndfile's container of a file to write, by its name's end: .wav or .flac. */
CW_MUST_CHECK int cw_studio_format(const char *out, int *format, struct cw_error *err);
/* Path of the writer's GGUF. */
CW_MUST_CHECK int cw_studio_writer(const struct cw_studio *s, char path[CW_PATH_MAX], struct cw_error *err);

#endif
