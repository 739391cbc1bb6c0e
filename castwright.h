/* castwright.h: a topic in, a finished multi-speaker podcast episode out, on your own machine.
 *
 * The nouns
 *   script   a text file: cast, segments (chapters), turns. People edit it.
 *   turn     what one speaker says in one go. Each turn's audio is kept under a key that hashes all that decides it.
 *   voice    a style pack or a mix of them: "af_heart", "am_michael*0.7 + bm_george*0.3".
 *   studio   opened models and a thread pool; shared by everything below. One call at a time per studio.
 *   episode  a folder: episode.mp3, script.md, transcript.vtt, transcript.json, chapters.json, manifest.json, turns/.
 *
 * An example that compiles (tests/ builds and runs it):
 *
 *     struct cw_error err = {0};
 *     struct cw_studio *studio = NULL;
 *     if (cw_studio_open(&studio, cw_studio_params_default(), &err) == 0) {
 *         struct cw_say_params p = cw_say_params_default();
 *         p.voice = "af_heart";
 *         p.out = "hello.wav";
 *         if (cw_say(studio, "Every word is right.", p, &err) != 0)
 *             fprintf(stderr, "%s\n", err.text);
 *     }
 *     cw_studio_close(studio);
 *
 * Errors: 0 ok, -1 failed; `struct cw_error` (base/base.h) says what, where, expected, found; err.code is the program's
 * exit code. Strings in parameters are borrowed for the call. Nothing here prints.
 */
#ifndef CASTWRIGHT_H
#define CASTWRIGHT_H

#include "base/base.h"

#define CW_VERSION "0.1.0"

/* ---- progress ------------------------------------------------------------------------------------------------------ */

enum cw_stage { CW_STAGE_OPEN, CW_STAGE_PLAN, CW_STAGE_WRITE, CW_STAGE_SPEAK, CW_STAGE_MASTER, CW_STAGE_PUBLISH, CW_STAGE_PLAY };

struct cw_progress {
    enum cw_stage stage;
    int done, total;        /* turns; total 0: not known yet */
    int rendered, reused;   /* turns made in this run; turns found in turns/ */
    double fraction;        /* of the whole command, [0, 1] */
    double speech_seconds;  /* of finished speech */
    double times_real_time; /* speech seconds made per second of synthesis so far; 0: none yet */
    double seconds_left;    /* < 0: not known yet */
    const char *what;       /* "Maya: So every time I ask…", NULL */
};

/* Called often, from the calling thread. Returns false to cancel: the call then fails with CW_FAILED "cancelled" and
 * everything finished so far is kept. */
struct cw_listener {
    bool (*progress)(void *arg, const struct cw_progress *p);
    void (*line)(void *arg, const char *text); /* one line for the log: turns rendered or reused, warnings */
    void *arg;
};

/* ---- studio -------------------------------------------------------------------------------------------------------- */

struct cw_studio;
struct cw_studio_params {
    int threads;             /* 0: one per core */
    const char *voice_model; /* NULL: the catalogue's "kokoro" */
    const char
        *engine;   /* that speaks where a voice's name does not say it ("mel:af_heart"): "kokoro", "mel" or "f5"; NULL: each voice's own */
    bool by_bytes; /* of F5: a text lasts by its length in bytes, as in the published code; else by its sounds */
    int f5_steps;  /* from noise to mel, 1 to 64; 5, 6, 7, 10, 12 and 16 by the published schedules, others evenly; 7 */
    const char *writer_model; /* path of a GGUF; NULL: the catalogue's default writer. Opened when first needed. */
};
struct cw_studio_params cw_studio_params_default(void);
/* Cheap: models are opened by the first call that needs them. CW_NO_MODEL then says which and how to get it. */
CW_MUST_CHECK int cw_studio_open(struct cw_studio **s, struct cw_studio_params params, struct cw_error *err);
void cw_studio_close(struct cw_studio *s);

/* ---- episodes ------------------------------------------------------------------------------------------------------ */

struct cw_write_params {
    const char *topic;       /* may be NULL when there are sources: the first one's title, then */
    const char *cast;        /* "Maya=af_heart,Tom=am_michael", or a file whose front matter has a cast; NULL: the style's own */
    const char *style;       /* a name ("conversation") or a file NAME.style; docs/dialogue.md */
    double minutes;          /* 3 */
    uint64_t seed;           /* 1 */
    const char *const *from; /* sources: files, folders, http(s) addresses */
    int from_count;
    /* An OpenAI-compatible endpoint that writes in place of the studio's writer_model, and its name for the model. The key: from a file,
     * else from $CASTWRIGHT_API_KEY or $OPENAI_API_KEY. */
    const char *endpoint, *llm_name, *key_file;
    double timeout; /* seconds of silence before a request to an endpoint is given up; 0: 60 */
    int tries;      /* of a request that fails for the moment; 0: 5 */
    /* Another model that plans and gathers facts: a GGUF file or a name of the catalogue, or an endpoint with its model. */
    const char *plan_llm, *plan_endpoint, *plan_llm_name;
    const char *plan_key_file; /* where both are endpoints of different hosts: else $CASTWRIGHT_PLAN_API_KEY, else none */
    double budget;      /* money by ~/.config/castwright/prices.json, for all runs of a script: stops before it is exceeded; 0: none */
    bool allow_local;   /* addresses of this machine and of private networks are sources as well */
    bool no_disclosure; /* leaves out the line that says that voices and script are synthetic */
    struct cw_listener listen;
};
struct cw_write_params cw_write_params_default(void);
/* Only the script, written to the file `out` (atomically). */
CW_MUST_CHECK int cw_write(struct cw_studio *s, struct cw_write_params p, const char *out, struct cw_error *err);

/* Directing a script that is there: exactly one of turn, segment, insert and continue_from is given. */
struct cw_edit_params {
    int turn;            /* is said another way, from 1 */
    int segment;         /* every turn of it is, from 1 */
    int insert;          /* a new turn after this one; 0: before the first; -1: none */
    int continue_from;   /* what comes after this turn, to the end of the talk, is written anew */
    const char *say;     /* what is wanted: "shorter, with an example" */
    const char *speaker; /* of a turn put in, or NULL */
    const char *style;
    const char *const *from; /* sources beside the passages that the script has, as in cw_write_params */
    int from_count;
    bool allow_local;
    const char *endpoint, *llm_name, *key_file; /* as in cw_write_params */
    double timeout, budget;
    int tries;
    uint64_t seed;             /* another seed, another try */
    struct cw_listener listen; /* only `line` is called: what it took */
};
struct cw_edit_params cw_edit_params_default(void);
/* The script as it would be, in `after`, and what changes, in `diff`, like `diff -u`. The file is left alone: write `after` to take it.
 * Where it fails half-way (the budget is spent, the endpoint is gone), both have what was done before, if anything was. */
CW_MUST_CHECK int cw_edit(struct cw_studio *s, const char *path, struct cw_edit_params p, struct cw_text *after, struct cw_text *diff,
                          struct cw_error *err);

struct cw_render_params {
    const char *out_dir;
    bool flac, wav;         /* beside the mp3 */
    const char *dictionary; /* a file of pronunciations (docs/script.md), or NULL; SCRIPT.dict beside the script counts anyway */
    bool play;              /* through the default audio device while rendering; no device is a warning line, not an error */
    double speed;           /* 1 */
    struct cw_listener listen;
};
struct cw_render_params cw_render_params_default(void);

struct cw_report {
    double speech_seconds; /* length of the episode */
    double loudness_lufs;  /* integrated, of the delivered file */
    double true_peak_dbtp;
    int turns, rendered, reused;
    double write_seconds, speak_seconds, master_seconds, total_seconds; /* wall clock, of this call */
    double first_sound_seconds;                                         /* from the call to the first sample played; < 0: nothing played */
    long underruns;                                                     /* of live playback */
    /* what the script took, in all the runs that wrote it */
    long llm_tokens; /* written */
    struct cw_writing_cost {
        char model[256]; /* "": nothing of the kind was done, or the script came from elsewhere */
        long prompt_tokens, generated_tokens, retries;
        double seconds, money;
    } writing[2];              /* plan and facts; lines */
    double money;              /* on endpoints, by the prices of the user's configuration */
    char episode[CW_PATH_MAX]; /* path of episode.mp3 */
};
/* A finished script -> an episode folder; renders only the turns whose key is not in turns/. `report` may be NULL. */
CW_MUST_CHECK int cw_render(struct cw_studio *s, const char *script, struct cw_render_params p, struct cw_report *report,
                            struct cw_error *err);
/* Topic -> script -> episode; each turn is spoken as soon as it is written. An interrupted run is taken up again: a
 * script.md that is whole is kept and only rendered. */
CW_MUST_CHECK int cw_make(struct cw_studio *s, struct cw_write_params w, struct cw_render_params p, struct cw_report *report,
                          struct cw_error *err);

struct cw_say_params {
    const char *voice;      /* "af_heart" */
    const char *language;   /* NULL: the voice's own */
    const char *dictionary; /* a file of pronunciations, or NULL */
    const char *out;        /* .wav or .flac path, or NULL */
    bool play;
    double speed;
    uint64_t seed;
    struct cw_listener listen;
};
struct cw_say_params cw_say_params_default(void);
CW_MUST_CHECK int cw_say(struct cw_studio *s, const char *text, struct cw_say_params p, struct cw_error *err);

/* The same text in each voice, numbered aloud, into p.out (or played); beside the file NAME.vtt says who speaks when. */
CW_MUST_CHECK int cw_audition(struct cw_studio *s, const char *text, const char *const *voices, int count, struct cw_say_params p,
                              struct cw_error *err);

/* How alike voices sound: cosines of their speaker embeddings, 1 for the same. Each voice speaks once and is then remembered. From
 * CW_VOICES_ALIKE on, what one person says cannot be told from what two say; a cast with such a pair is warned of (docs/voices.md). */
#define CW_VOICES_ALIKE 0.80
CW_MUST_CHECK int cw_voices_alike(struct cw_studio *s, const char *const *voices, int count, struct cw_listener listen,
                                  double *cosines /* [count, count] */, struct cw_error *err);
/* How like the speaker of a recording each voice is: cosines [count]. */
CW_MUST_CHECK int cw_voices_like(struct cw_studio *s, const char *recording, const char *const *voices, int count,
                                 struct cw_listener listen, double *cosines, struct cw_error *err);

/* Plays an episode folder or an audio file through the default device. */
CW_MUST_CHECK int cw_play(const char *path, struct cw_listener listen, struct cw_error *err);
/* The default output device's name (static buffer), or NULL with the reason in `err`. */
const char *cw_play_device(struct cw_error *err);

/* Copy-synthesis: a recording (any that libsndfile reads, of at most ten minutes) -> its mel spectrogram -> a neural vocoder -> a 16-bit
 * .wav or .flac at the vocoder's rate. What the way through mel frames and a vocoder costs in sound, and what a vocoder can do. */
struct cw_vocode_params {
    const char *vocoder; /* a name of the catalogue or a GGUF; NULL: "hifigan" */
    const char *out;
};
struct cw_vocode_report {
    int sample_rate, frames;             /* of the mel spectrogram */
    double seconds;                      /* of sound */
    double mel_seconds, vocoder_seconds; /* wall clock spent */
    double vocoder_cpu_seconds;          /* of all threads */
    char name[128], licence[64], terms[512];
};
struct cw_vocode_params cw_vocode_params_default(void);
/* report is filled as far as it came: who made the vocoder is known before it runs. */
CW_MUST_CHECK int cw_vocode(struct cw_studio *s, const char *recording, struct cw_vocode_params p, struct cw_vocode_report *report,
                            struct cw_error *err);

/* Speed of every stage on `texts`, after one that is not counted. */
struct cw_bench_params {
    const char *const *texts; /* default: eight of its own */
    int text_count, rounds;
    const char *voice, *against;     /* against: says the same in turn with voice; or NULL */
    bool speech, writer;             /* what is measured; both */
    long (*count_allocations)(void); /* so far in this process; or NULL */
};
struct cw_bench_params cw_bench_params_default(void);
struct cw_bench_result {
    char isa[16];
    int threads;
    double load_seconds, speech_seconds, synthesis_seconds, acoustic_seconds, vocoder_seconds, real_time_factor;
    double against_ratio, against_low, against_high; /* voice's time by against's, text by text: median, quartiles; 0: not measured */
    double modelled_seconds;           /* speech_seconds and the silence around each chunk that the models made and we cut away */
    double text_characters_per_second; /* of the text front end alone, on the same texts */
    double first_sound_seconds;        /* text to first sample of "Welcome back to the show.", models open */
    double gflops, peak_gflops;        /* of the models, counted as plain sums; of this machine's kernels on registers alone */
    double master_times_real_time;
    double prompt_tokens_per_second, generated_tokens_per_second, grammar_tokens_per_second; /* 0: not measured */
    long allocations;                                                                        /* inside the models; -1: not counted */
    long peak_rss_kib;                                                                       /* without the language model */
};
CW_MUST_CHECK int cw_bench(struct cw_studio *s, struct cw_bench_params p, struct cw_bench_result *r, struct cw_error *err);
/* Speaks that line in a studio that has opened nothing yet; cw_seconds() at its first sample. */
CW_MUST_CHECK int cw_bench_first_sound(struct cw_studio *s, const char *voice, double *when, struct cw_error *err);

#endif
