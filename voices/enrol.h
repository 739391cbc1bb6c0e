/* Enrolment: recordings of one speaker and what is said in them -> utterances that a voice can be fitted to.
 *
 *   files ─▶ mono, 24 kHz ─▶ checks (speech, level, clipping, noise, band, one speaker) ─▶ phonemes of the transcript
 *         ─▶ alignment with a synthesis of the same text ─▶ durations, F0, energy, waveform per utterance, with a confidence
 *
 * Units are Kokoro's: one duration unit is 600 samples of 24 kHz (25 ms); F0 and energy have two values a unit (300 samples). */
#ifndef CW_ENROL_H
#define CW_ENROL_H

#include "tts/acoustic.h"
#include "tts/speech.h"
#include "vocoder/vocoder.h"
#include "voices/encoder.h"
#include "voices/recording.h"

enum { CW_ENROL_RATE = 24000, CW_ENROL_UNIT = 600, CW_ENROL_HOP = 300 };

/* One utterance, plain data. Every array is the enrolment's; freed with it. Where the reader pauses for 0.2 s and more between words, a
 * comma stands in the symbols, written or not; what is over 0.4 s of a pause is cut out of its middle. */
struct cw_enrol_utterance {
    char *text;                   /* what is said */
    int *ids;                     /* [P] the acoustic model's symbols, without padding */
    int count;                    /* P, 1 .. 510 */
    int *durations;               /* [P + 2] units, padding at both ends included, each >= 1 */
    int units;                    /* U, the sum of durations */
    float *f0;                    /* [2 U] Hz, 0 where unvoiced */
    float *energy;                /* [2 U] Kokoro's N: log of the root of summed squares over mels, see docs/voices.md */
    float *said_f0, *said_energy; /* [2 U] what a voice's prosody says for these durations (cw_prosody_say), or NULL */
    float *cost;                  /* [P + 2] how unlike the synthesis it was laid beside, 0 .. 2 (cw_align), or NULL */
    float *samples;               /* [600 U] 24 kHz mono, the enrolment's level (RMS of speech 0.042) */
    float confidence;             /* of the alignment, 0 .. 1 */
    int file;                     /* index of the recording it was cut from */
};

struct cw_enrolment {
    struct cw_enrol_utterance *utterances;
    int count;
    double seconds;       /* of all utterances */
    double band_hz;       /* what the recordings hold: a loss above it teaches nothing (16 kHz recordings: about 7,600) */
    float embedding[256]; /* GE2E, the mean over the recordings, of length 1 */
    /* log F0 of what is voiced, over all utterances: median, 15th and 85th percentile */
    double log_f0_median, log_f0_low, log_f0_high;
};

/* What enrolment works with; all opened by the caller. */
struct cw_enrol_engine {
    const struct cw_acoustic *acoustic;
    const struct cw_vocoder *vocoder;
    const struct cw_speech *speech;
    const struct cw_encoder *encoder;
    const char *voices_dir; /* of the stock voices: one of them speaks the text that a recording is laid beside */
    const char *language;   /* "en-us" */
    const char *beside;     /* the stock voice that speaks the text: the nearest one; NULL: af_heart or am_michael, by pitch */
    int max_symbols;        /* of an utterance; 0: as the front end says */
    double least_seconds;   /* of speech that fits its text; 0: CW_ENROL_LEAST */
};
struct cw_enrol_source {
    const char *recording;
    const char *text; /* what is said in it */
};

/* Is this a recording that a voice can be learnt from? CW_BAD_INPUT with what is wrong and what to do: no speech, too quiet, clipped,
 * noisy, telephone band, music, two speakers, more than CW_ENROL_FILE_SECONDS from the first word to the last. */
CW_MUST_CHECK int cw_enrol_check(const struct cw_recording *r, const struct cw_encoder *encoder, struct cw_error *err);
/* A recording that fails its check is an error; an utterance that does not fit its text is left out, with a line in `notes`; less than
 * CW_ENROL_LEAST seconds left in all is an error. */
#define CW_ENROL_COST_MOST 0.69 /* mean cost of what fits its text: confidence 0.20 */
enum { CW_ENROL_LEAST = 8, CW_ENROL_FILE_SECONDS = 120 };
CW_MUST_CHECK int cw_enrol(struct cw_enrolment *e, const struct cw_enrol_engine *g, const struct cw_enrol_source *sources, int count,
                           struct cw_text *notes, struct cw_error *err);
/* Is it a symbol of no sound: padding, a space between words, punctuation? */
bool cw_enrol_is_pause(const struct cw_acoustic *a, int id);
/* Louder by `energy` in the units of its energy curves, at most 2 either way: a decoder is then fitted to the level at which it
 * will be asked to speak. */
void cw_enrolment_raise(struct cw_enrolment *e, double energy);
void cw_enrolment_free(struct cw_enrolment *e);

#endif
