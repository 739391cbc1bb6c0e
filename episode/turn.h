/* One turn: its spans of text + a voice -> a plan (chunks of phonemes and a key) -> sound with the time of each word. */
#ifndef CW_TURN_H
#define CW_TURN_H

#include "dialogue/script.h"
#include "episode/studio.h"

struct cw_turn_request {
    const struct cw_voice *voice;
    const char *language;
    const struct cw_dictionary *dictionary; /* the user's pronunciations, or NULL */
    double speed;
    uint64_t seed;
    const struct cw_span *spans;
    int span_count;
    int tail_pause_ms;
};

/* What decides the turn's sound. The key is the sha256 of all of it: the text as spoken (phonemes), pauses, voice, model,
 * kernel class, speed, seed, and the version of the steps in turn.c. The turn's place in the episode is not part of it. */
struct cw_turn_plan {
    struct cw_utterance *spans; /* [span_count] */
    int span_count;
    int symbols; /* phoneme symbols in all: a measure of the turn's length */
    char key[65];
};
CW_MUST_CHECK int cw_turn_plan_make(struct cw_studio *s, const struct cw_turn_request *r, struct cw_turn_plan *plan, struct cw_error *err);
void cw_turn_plan_free(struct cw_turn_plan *plan);

struct cw_word_mark {
    char *text;         /* as in the script */
    int64_t start, end; /* samples from the turn's beginning */
};
struct cw_take {
    int64_t samples;
    struct cw_word_mark *words;
    int word_count;
};
void cw_take_free(struct cw_take *take);

/* Where the sound goes, piece by piece, in order. */
struct cw_sink {
    int (*write)(void *arg, const float *samples, size_t n, struct cw_error *err);
    void *arg;
};
CW_MUST_CHECK int cw_turn_speak(struct cw_booth *b, const struct cw_turn_request *r, const struct cw_turn_plan *plan, struct cw_sink sink,
                                struct cw_take *take, struct cw_error *err);

/* One text as a turn of its own, seed 1, for measuring: `sink.write` NULL drops the sound. Samples and phoneme symbols are added to what is
 * there. */
CW_MUST_CHECK int cw_turn_measure(struct cw_booth *b, const struct cw_voice *voice, const char *language, double speed, const char *text,
                                  struct cw_sink sink, int64_t *samples, int *symbols, struct cw_error *err);
/* The key that such a turn has. */
CW_MUST_CHECK int cw_turn_measure_key(struct cw_studio *s, const struct cw_voice *voice, const char *language, double speed,
                                      const char *text, char key[65], struct cw_error *err);

/* Where speech begins and ends in one chunk's waveform; see turn.c. For the tests. */
struct cw_cut {
    int64_t first, last; /* samples [first, last) are kept */
};
struct cw_cut cw_turn_cut(const float *x, int64_t n, int64_t speech_start, int64_t speech_end);

#endif
