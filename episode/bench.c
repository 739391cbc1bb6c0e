/* How fast it is here, stage by stage, each against the clock by itself.
 *
 *   texts ─▶ front end ─▶ acoustic ─▶ vocoder ─▶ a file ─▶ mastering        a prompt ─▶ the writer, with and without a grammar
 */
#include "dialogue/llm.h"
#include "episode/master.h"
#include "episode/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sndfile.h>

static const char *const sentences[] = {
    "Really?",
    "Somebody always pays.",
    "So every time I ask it something, a machine far away gets warm?",
    "The first thing to know is that nobody planned it this way.",
    "A ship leaves the harbour at dawn, carrying grain, copper, and three letters that will never arrive.",
    "If you measure twice and still cut once too often, the ruler was never the problem, and neither was the saw.",
    "Tides rise and fall because the moon pulls harder on the near side of the earth than on the far side, and the water is free to "
    "follow.",
    "When the committee finally met, the chairman read the report aloud, the engineers corrected his figures one by one, and the town, "
    "which had waited eleven years for a bridge, learned that it would have to wait for the twelfth.",
};
static const char greeting[] = "Welcome back to the show.";
enum { WRITER_TOKENS = 160, FIRST_SOUNDS = 5 };

struct cw_bench_params cw_bench_params_default(void) {
    return (struct cw_bench_params){.texts = sentences,
                                    .text_count = (int)(sizeof sentences / sizeof *sentences),
                                    .rounds = 3,
                                    .voice = "af_heart",
                                    .speech = true,
                                    .writer = true};
}

/* ---- speech ----------------------------------------------------------------------------------------------------------- */

/* Keeps the first sound's time, and the sound itself where there is a file. */
struct ear {
    double first;
    SNDFILE *file;
    int64_t samples;
};

static int hear(void *arg, const float *samples, size_t n, struct cw_error *err) {
    struct ear *e = arg;
    if (e->first == 0)
        e->first = cw_seconds();
    e->samples += (int64_t)n;
    if (e->file && sf_writef_float(e->file, samples, (sf_count_t)n) != (sf_count_t)n)
        return cw_fail(err, CW_FAILED, "bench: cannot write its sound: %s", sf_strerror(e->file));
    return 0;
}

static int speak(struct cw_studio *s, const struct cw_voice *voice, const char *text, struct ear *e, struct cw_error *err) {
    int64_t samples = 0;
    int symbols = 0;
    return cw_turn_measure(s->booth, voice, voice->language, 1, text, (struct cw_sink){hear, e}, &samples, &symbols, err);
}

/* The front end alone, over and over for half a second. */
static int time_text(struct cw_studio *s, const struct cw_bench_params *b, const char *language, double *characters_per_second,
                     struct cw_error *err) {
    struct cw_speech_params p = cw_speech_params_default();
    double start = cw_seconds(), characters = 0, seconds = 0;
    p.language = language;
    for (int i = 0; seconds < 0.5; i = (i + 1) % b->text_count) {
        struct cw_utterance u;
        if (cw_speech_plan(s->speech, b->texts[i], p, &u, err) != 0)
            return cw_fail_in(err, "text %d", i + 1);
        cw_utterance_free(&u);
        characters += (double)cw_utf8_count(b->texts[i], strlen(b->texts[i]));
        seconds = cw_seconds() - start;
    }
    *characters_per_second = characters / seconds;
    return 0;
}

/* Text to first sample, with all models open: the median of some. */
static int time_first_sound(struct cw_studio *s, const struct cw_voice *voice, double *seconds, struct cw_error *err) {
    double took[FIRST_SOUNDS];
    for (int i = 0; i < FIRST_SOUNDS; i++) {
        struct ear e = {0};
        double start = cw_seconds();
        if (speak(s, voice, greeting, &e, err) != 0)
            return -1;
        took[i] = e.first - start;
    }
    qsort(took, FIRST_SOUNDS, sizeof *took, cw_order_doubles);
    *seconds = took[FIRST_SOUNDS / 2];
    return 0;
}

static int time_speech(struct cw_studio *s, const struct cw_bench_params *b, const struct cw_voice *voice, SNDFILE *file,
                       struct cw_bench_result *r, struct cw_error *err) {
    struct cw_booth *booth = s->booth;
    struct ear e = {0};
    double acoustic = booth->acoustic_seconds, vocoder = booth->vocoder_seconds, modelled = booth->modelled_seconds,
           products = cw_device_products(s->device);
    booth->count_allocations = b->count_allocations;
    booth->allocations = 0;
    double start = cw_seconds();
    for (int i = 0; i < b->rounds; i++) {
        e.file = i == 0 ? file : NULL;
        for (int j = 0; j < b->text_count; j++)
            if (speak(s, voice, b->texts[j], &e, err) != 0)
                return cw_fail_in(err, "text %d", j + 1);
    }
    r->synthesis_seconds = cw_seconds() - start;
    r->speech_seconds = (double)e.samples / CW_STUDIO_RATE;
    r->acoustic_seconds = booth->acoustic_seconds - acoustic;
    r->vocoder_seconds = booth->vocoder_seconds - vocoder;
    r->modelled_seconds = booth->modelled_seconds - modelled;
    r->real_time_factor = r->speech_seconds > 0 ? r->synthesis_seconds / r->speech_seconds : 0;
    double models = r->acoustic_seconds + r->vocoder_seconds;
    r->gflops = models > 0 ? 2e-9 * (cw_device_products(s->device) - products) / models : 0;
    r->allocations = b->count_allocations ? booth->allocations : -1;
    booth->count_allocations = NULL;
    return 0;
}

/* One text: wall clock a second that the models made. */
static int time_text_spoken(struct cw_studio *s, const struct cw_voice *voice, const char *text, double *cost, struct cw_error *err) {
    struct ear e = {0};
    double modelled = s->booth->modelled_seconds, start = cw_seconds();
    if (speak(s, voice, text, &e, err) != 0)
        return -1;
    double took = cw_seconds() - start;
    modelled = s->booth->modelled_seconds - modelled;
    *cost = modelled > 0 ? took / modelled : 0;
    return 0;
}

/* Both voices say each text, one after the other, so that what else the machine does falls on both alike; who begins changes every time.
 * What a voice has learnt is folded into the weights before. */
static int time_against(struct cw_studio *s, const struct cw_bench_params *b, const struct cw_voice *voice, struct cw_bench_result *r,
                        struct cw_error *err) {
    int status = -1, count = b->rounds * b->text_count;
    struct cw_voice against = {0};
    struct ear warm = {0};
    double *ratios = calloc((size_t)count, sizeof *ratios);
    if (!ratios) {
        cw_fail_memory(err, "bench");
        goto done;
    }
    if (cw_studio_voice(s, &against, b->against, err) != 0 || cw_speech_language(against.language, err) != 0 ||
        speak(s, &against, sentences[1], &warm, err) != 0)
        goto done;
    for (int i = 0; i < count; i++) {
        const char *text = b->texts[i % b->text_count];
        double cost[2] = {0};
        for (int k = 0; k < 2; k++) {
            int who = (i + k) % 2;
            if (time_text_spoken(s, who ? &against : voice, text, &cost[who], err) != 0) {
                cw_fail_in(err, "text %d", i % b->text_count + 1);
                goto done;
            }
        }
        ratios[i] = cost[1] > 0 ? cost[0] / cost[1] : 0;
    }
    qsort(ratios, (size_t)count, sizeof *ratios, cw_order_doubles);
    r->against_ratio = ratios[count / 2];
    r->against_low = ratios[count / 4];
    r->against_high = ratios[count - 1 - count / 4];
    status = 0;
done:
    free(ratios);
    cw_voice_close(&against);
    return status;
}

/* ---- mastering ---------------------------------------------------------------------------------------------------------- */

static int time_mastering(const char *dir, const char *sound, int64_t samples, struct cw_bench_result *r, struct cw_error *err) {
    struct cw_clip clip = {.count = samples};
    struct cw_master_params p = cw_master_params_default();
    struct cw_master_result result;
    char mp3[CW_PATH_MAX];
    if (cw_path_join(mp3, dir, "bench.mp3", err) != 0)
        return -1;
    snprintf(clip.path, sizeof clip.path, "%s", sound);
    p.rate = CW_STUDIO_RATE;
    p.mp3 = mp3;
    double start = cw_seconds();
    int status = cw_master(&clip, 1, samples, p, &result, err);
    double took = cw_seconds() - start;
    unlink(mp3);
    r->master_times_real_time = took > 0 ? (double)samples / CW_STUDIO_RATE / took : 0;
    return status;
}

/* Speech and what is made of it, in a folder of its own. */
static int time_sound(struct cw_studio *s, const struct cw_bench_params *b, const struct cw_voice *voice, struct cw_bench_result *r,
                      struct cw_error *err) {
    int status = -1;
    const char *where = getenv("TMPDIR");
    char dir[CW_PATH_MAX], sound[CW_PATH_MAX] = "";
    SF_INFO info = {.samplerate = CW_STUDIO_RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    SNDFILE *file = NULL;
    if (snprintf(dir, sizeof dir, "%s/castwright-bench-XXXXXX", where && *where ? where : "/tmp") >= (int)sizeof dir || !mkdtemp(dir))
        return cw_fail(err, CW_FAILED, "%s: cannot make a folder there", where ? where : "/tmp");
    if (cw_path_join(sound, dir, "bench.wav", err) != 0)
        goto done;
    file = sf_open(sound, SFM_WRITE, &info);
    if (!file) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", sound, sf_strerror(NULL));
        goto done;
    }
    if (time_speech(s, b, voice, file, r, err) != 0)
        goto done;
    sf_close(file);
    file = NULL;
    if (time_mastering(dir, sound, (int64_t)(r->speech_seconds / b->rounds * CW_STUDIO_RATE), r, err) != 0)
        goto done;
    status = 0;
done:
    if (file)
        sf_close(file);
    unlink(sound);
    rmdir(dir);
    return status;
}

/* ---- the writer --------------------------------------------------------------------------------------------------------- */

/* As the writer's lines are held to: words between single blanks, in sentences. */
static const char line_grammar[] = "root ::= \" \" sentence (\" \" sentence){1,9} \"\\n\"\n"
                                   "sentence ::= word (\",\"? \" \" word){1,45} [.?!]\n"
                                   "word ::= [A-Za-z0-9]{1,20} (['-] [A-Za-z0-9]{1,20}){0,3}\n";

static int time_writer(struct cw_studio *s, struct cw_bench_result *r, struct cw_error *err) {
    int status = -1;
    char path[CW_PATH_MAX];
    struct cw_llm *m = NULL;
    struct cw_text prompt = {0}, reply = {0};
    struct cw_llm_params p = cw_llm_params_default();
    struct cw_llm_message messages[] = {{"system", "You write the script of a podcast."}, {"user", NULL}};
    struct cw_llm_request q = {.messages = messages, .message_count = 2, .prefill = "Maya:", .max_tokens = WRITER_TOKENS, .fresh = true};
    p.threads = s->threads;
    cw_text_add(&prompt, "These lines were said before:\n");
    for (size_t i = 0; i < 3 * sizeof sentences / sizeof *sentences; i++)
        cw_text_printf(&prompt, "%s: %s\n", i % 2 ? "Tom" : "Maya", sentences[i % (sizeof sentences / sizeof *sentences)]);
    cw_text_add(&prompt, "Write Maya's next line, a long one of ten sentences.");
    if (cw_text_check(&prompt, "bench", err) != 0 || cw_studio_writer(s, path, err) != 0 || cw_llm_open_local(&m, path, p, err) != 0)
        goto done;
    messages[1].text = prompt.data;
    for (int i = 0; i < 2; i++) {
        struct cw_llm_usage before = cw_llm_usage(m);
        q.grammar = i ? line_grammar : NULL;
        if (cw_llm_generate(m, &q, &reply, err) != 0)
            goto done;
        struct cw_llm_usage after = cw_llm_usage(m);
        double tokens = (double)(after.generated_tokens - before.generated_tokens), took = after.generate_seconds - before.generate_seconds;
        *(i ? &r->grammar_tokens_per_second : &r->generated_tokens_per_second) = took > 0 ? tokens / took : 0;
        if (i == 0)
            r->prompt_tokens_per_second = after.prompt_seconds > 0 ? (double)after.prompt_tokens / after.prompt_seconds : 0;
    }
    status = 0;
done:
    cw_llm_close(m);
    cw_text_free(&prompt);
    cw_text_free(&reply);
    return status;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------- */

static int time_voice(struct cw_studio *s, const struct cw_bench_params *b, struct cw_bench_result *r, struct cw_error *err) {
    int result = -1;
    struct cw_voice voice = {0};
    struct ear warm = {0};
    if (cw_studio_need_plans(s, err) != 0 || cw_studio_voice(s, &voice, b->voice, err) != 0 ||
        cw_speech_language(voice.language, err) != 0 || speak(s, &voice, sentences[1], &warm, err) != 0 ||
        time_text(s, b, voice.language, &r->text_characters_per_second, err) != 0 ||
        time_first_sound(s, &voice, &r->first_sound_seconds, err) != 0)
        goto done;
    r->load_seconds = s->load_seconds;
    r->threads = cw_device_threads(s->device);
    snprintf(r->isa, sizeof r->isa, "%s", cw_device_isa(s->device));
    r->peak_gflops = 2e-9 * cw_device_peak(s->device);
    if (time_sound(s, b, &voice, r, err) != 0 || (b->against && time_against(s, b, &voice, r, err) != 0))
        goto done;
    result = 0;
    r->peak_rss_kib = cw_peak_rss_kib();
done:
    cw_voice_close(&voice);
    return result;
}

int cw_bench(struct cw_studio *s, struct cw_bench_params b, struct cw_bench_result *r, struct cw_error *err) {
    memset(r, 0, sizeof *r);
    if (b.text_count < 1)
        return cw_fail(err, CW_BAD_INPUT, "bench: expected at least one text, found none");
    if (b.rounds < 1 || b.rounds > 1000)
        return cw_fail(err, CW_BAD_INPUT, "rounds: expected 1 to 1000, found %d", b.rounds);
    if (b.speech && time_voice(s, &b, r, err) != 0)
        return -1;
    return b.writer ? time_writer(s, r, err) : 0;
}

int cw_bench_first_sound(struct cw_studio *s, const char *voice_name, double *when, struct cw_error *err) {
    int result = -1;
    struct cw_voice voice = {0};
    struct ear e = {0};
    if (cw_studio_need_plans(s, err) != 0 || cw_studio_voice(s, &voice, voice_name, err) != 0 || speak(s, &voice, greeting, &e, err) != 0)
        goto done;
    *when = e.first;
    result = 0;
done:
    cw_voice_close(&voice);
    return result;
}
