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
    int retakes;     /* how often a chunk was said again, as an engine that may go astray does; see below */
    unsigned doubts; /* bits: what was still wrong with the best take of a chunk */
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

/* Several turns at once, 1 to CW_TURNS_TOGETHER, each with the same bytes as alone. All of one engine, where there is more than one, and
 * of one that takes several inputs (cw_acoustic_together). A turn that fails leaves the others alone. */
enum { CW_TURNS_TOGETHER = 4 };
struct cw_turn_speaking {
    const struct cw_turn_request *request;
    const struct cw_turn_plan *plan;
    struct cw_sink sink;
    bool (*wanted)(struct cw_turn_speaking *t); /* or NULL: asked before every run, which takes its time; false: cancelled */
    void (*over)(struct cw_turn_speaking *t);   /* or NULL: called when the turn is said or has failed, while others may go on */
    void *arg;                                  /* for these */
    /* filled: */
    int result;          /* 0, or -1 with err */
    struct cw_take take; /* the caller's where result is 0 */
    struct cw_error err;
};
void cw_turn_speak_together(struct cw_booth *b, struct cw_turn_speaking *turns, int count);

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
struct cw_cut cw_turn_trim(const float *x, int64_t n); /* by level alone */

/* An engine without durations of its own may swallow words, repeat them, or end inside one. Heard in a chunk's waveform, `sounds` in it
 * (cw_f5_weight) at `sound_seconds` each in the voice's own speech: */
enum {
    CW_DOUBT_SHORT = 1 << 0, /* less than half the time that its sounds take: words are missing */
    CW_DOUBT_LONG = 1 << 1,  /* more than twice that and a second: words are repeated, or the reference is said */
    CW_DOUBT_GAP = 1 << 2,   /* a second of silence inside */
    CW_DOUBT_HEAD = 1 << 3,  /* begins inside a sound: the end of the reference is said */
    CW_DOUBT_TAIL = 1 << 4,  /* ends inside a sound */
    CW_DOUBT_FLAT = 1 << 5,  /* one level throughout: no speech */
    /* in English, word by word (ear.h) */
    CW_DOUBT_LOST = 1 << 6,  /* a word was not heard */
    CW_DOUBT_AGAIN = 1 << 7, /* one was heard more than once */
    CW_DOUBT_DRAWN = 1 << 8, /* one takes far longer than its sounds do */
    CW_DOUBT_STRAY = 1 << 9, /* speech that is none of them: the reference's text, or none at all */
};
/* The takes of one chunk: said again while there are doubts, twice at most; the one with the fewest stays, the earliest of several. */
struct cw_takes {
    int now;         /* the take to make: 0, then as cw_takes_again says */
    int best;        /* of those heard */
    int retakes;     /* heard, but for the first */
    unsigned doubts; /* about the best */
    bool settled;    /* `now` is an earlier one: it is made once more, and stays */
};
/* Take `now` was heard, with these doubts. True: the next `now` is to be made. False: what was heard stays. */
bool cw_takes_again(struct cw_takes *t, unsigned doubts);
const char *cw_turn_doubt(unsigned bit); /* "short", "long", …; NULL beyond the last */
unsigned cw_turn_doubts(const float *x, int64_t n, double sounds, double sound_seconds);

#endif
