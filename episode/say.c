/* One text, spoken: to a file or through the loudspeaker.
 *
 *   text ─▶ turn.c ─▶ float samples ─▶ 16-bit .wav or .flac, never clipped
 *                            └───────▶ player.c
 */
#include "episode/player.h"
#include "episode/pronounce.h"
#include "episode/turn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <sndfile.h>

/* Silence around what a file holds, as recordings have it: without, players clip the onset and judges miss the room. Live sound
 * starts at once. */
enum { LEAD_IN = CW_STUDIO_RATE / 5, LEAD_OUT = 3 * CW_STUDIO_RATE / 10 };

struct cw_say_params cw_say_params_default(void) {
    struct cw_say_params p = {.voice = "af_heart", .speed = 1, .seed = 1};
    return p;
}

struct saying {
    struct cw_listener listen;
    SNDFILE *file; /* float, temporary */
    const char *out;
    struct cw_player *player;
    double peak, expected_seconds, seconds, started;
    bool cancelled;
};

static int put(void *arg, const float *samples, size_t n, struct cw_error *err) {
    struct saying *k = arg;
    for (size_t i = 0; i < n; i++)
        k->peak = fmax(k->peak, fabs((double)samples[i]));
    if (k->file && sf_writef_float(k->file, samples, (sf_count_t)n) != (sf_count_t)n)
        return cw_fail(err, CW_FAILED, "%s: cannot write: %s", k->out, sf_strerror(k->file));
    if (k->player && cw_player_write(k->player, samples, n, err) != 0)
        return -1;
    k->seconds += (double)n / CW_STUDIO_RATE;
    double spent = cw_seconds() - k->started;
    struct cw_progress p = {.stage = CW_STAGE_SPEAK, .speech_seconds = k->seconds, .seconds_left = -1};
    p.fraction = k->seconds < k->expected_seconds ? k->seconds / k->expected_seconds : 1;
    p.times_real_time = spent > 0 ? k->seconds / spent : 0;
    if (k->listen.progress && !k->listen.progress(k->listen.arg, &p))
        return cw_fail(err, CW_FAILED, "cancelled");
    return 0;
}

static int put_silence(struct saying *k, sf_count_t n, struct cw_error *err) {
    static const float zero[LEAD_OUT];
    if (k->file && sf_writef_float(k->file, zero, n) != n)
        return cw_fail(err, CW_FAILED, "%s: cannot write: %s", k->out, sf_strerror(k->file));
    return 0;
}

/* The float file again, as 16 bits; louder than full scale is made quieter as a whole. */
static int deliver(const char *from, const char *out, int format, int64_t samples, double peak, struct cw_error *err) {
    int result = -1;
    char temp[CW_PATH_MAX] = "";
    SF_INFO in_info = {0}, out_info = {.samplerate = CW_STUDIO_RATE, .channels = 1, .format = format | SF_FORMAT_PCM_16};
    SNDFILE *in = sf_open(from, SFM_READ, &in_info), *to = NULL;
    const float gain = peak > 0.999 ? (float)(0.999 / peak) : 1.0F;
    int64_t moved = 0;
    if (!in || in_info.frames != samples) {
        cw_fail(err, CW_FAILED, "%s: expected %lld samples in the temporary file, found %lld", out, (long long)samples,
                in ? (long long)in_info.frames : 0LL);
        goto done;
    }
    if (cw_file_begin(out, temp, err) != 0) {
        temp[0] = '\0';
        goto done;
    }
    to = sf_open(temp, SFM_WRITE, &out_info);
    if (!to) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", out, sf_strerror(NULL));
        goto done;
    }
    for (;;) {
        float block[4096];
        sf_count_t n = sf_readf_float(in, block, 4096);
        if (n <= 0)
            break;
        for (sf_count_t i = 0; i < n; i++)
            block[i] *= gain;
        if (sf_writef_float(to, block, n) != n) {
            cw_fail(err, CW_FAILED, "%s: cannot write: %s", out, sf_strerror(to));
            goto done;
        }
        moved += n;
    }
    int closed = sf_close(to);
    to = NULL;
    SF_INFO check = {0}; /* libsndfile's last write can fail unseen on a full disk: read back what is there */
    SNDFILE *made = sf_open(temp, SFM_READ, &check);
    sf_count_t found = made ? check.frames : 0;
    struct stat st;
    if (made)
        sf_close(made);
    bool whole = format != SF_FORMAT_WAV || (stat(temp, &st) == 0 && st.st_size >= 2 * samples);
    if (closed != 0 || moved != samples || found != samples || !whole) {
        cw_fail(err, CW_FAILED, "%s: cannot write: expected %lld samples, found %lld", out, (long long)samples, (long long)found);
        goto done;
    }
    result = cw_file_commit(temp, out, err);
    temp[0] = '\0';
done:
    if (in)
        sf_close(in);
    if (to)
        sf_close(to);
    cw_file_discard(temp);
    return result;
}

int cw_studio_format(const char *out, int *format, struct cw_error *err) {
    const char *dot = strrchr(out, '.');
    if (dot && strcasecmp(dot, ".wav") == 0)
        *format = SF_FORMAT_WAV;
    else if (dot && strcasecmp(dot, ".flac") == 0)
        *format = SF_FORMAT_FLAC;
    else
        return cw_fail(err, CW_BAD_INPUT, "%s: expected a name that ends in .wav or .flac", out);
    return 0;
}

/* "Well. [pause 1s] Yes." -> two spans with a pause between them; `text` is cut up in place. [overlap …] has nothing to overlap with here.
 */
static int make_spans(char *text, struct cw_span **spans, int *count, int *tail_pause_ms, struct cw_error *err) {
    size_t n = strlen(text), most = 1;
    int waiting = 0;
    for (size_t i = 0; i < n; i++)
        most += text[i] == '[';
    *spans = calloc(most, sizeof **spans);
    if (!*spans)
        return cw_fail_memory(err, "text");
    char *from = text;
    for (size_t i = 0; i <= n; i++) {
        int pause = 0;
        size_t length = cw_direction_length(text + i, n - i, &pause);
        if (length && pause == 0)
            memset(text + i, ' ', length);
        if (i < n && pause == 0)
            continue;
        text[i] = '\0';
        if (from[strspn(from, " ")] != '\0') {
            (*spans)[(*count)++] = (struct cw_span){.pause_ms = waiting, .text = from};
            waiting = 0;
        }
        waiting = waiting + pause < CW_PAUSE_MAX_MS ? waiting + pause : CW_PAUSE_MAX_MS;
        i += length ? length - 1 : 0;
        from = text + i + (i < n);
    }
    *tail_pause_ms = waiting;
    return *count > 0 ? 0 : cw_fail(err, CW_BAD_INPUT, "text: expected at least one word to speak, found none");
}

/* Not to be heard is no trouble where a file is made. */
static int open_player(struct saying *k, struct cw_say_params p, struct cw_error *err) {
    if (!p.play)
        return 0;
    struct cw_error trouble = {0};
    struct cw_player_params player = cw_player_params_default();
    player.rate = CW_STUDIO_RATE;
    player.channels = 1;
    /* room for all of it, so that synthesis never waits for the loudspeaker */
    player.ring_seconds = fmin(600, fmax(player.ring_seconds, 2 * k->expected_seconds + 10));
    if (cw_player_open(&k->player, player, &trouble) != 0) {
        k->player = NULL;
        if (!p.out) {
            *err = trouble;
            return -1;
        }
        if (p.listen.line)
            p.listen.line(p.listen.arg, trouble.text);
    }
    return 0;
}

/* The temporary float file of what will be `out`; temp is "" where there is none. */
static int open_file(struct saying *k, const char *out, char name[CW_PATH_MAX], char temp[CW_PATH_MAX], struct cw_error *err) {
    if (!out)
        return 0;
    snprintf(name, CW_PATH_MAX, "%.*s.wav", (int)(strrchr(out, '.') - out), out);
    if (cw_file_begin(name, temp, err) != 0) {
        temp[0] = '\0';
        return -1;
    }
    SF_INFO info = {.samplerate = CW_STUDIO_RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    k->file = sf_open(temp, SFM_WRITE, &info);
    return k->file ? 0 : cw_fail(err, CW_FAILED, "%s: cannot write: %s", out, sf_strerror(NULL));
}

int cw_say(struct cw_studio *s, const char *text, struct cw_say_params p, struct cw_error *err) {
    int result = -1, format = 0;
    struct cw_voice voice = {0};
    struct cw_turn_plan plan = {0};
    struct cw_take take = {0};
    struct saying k = {.listen = p.listen, .out = p.out};
    struct cw_dictionary *own = NULL;
    struct cw_text copy = {0};
    struct cw_span *spans = NULL;
    int span_count = 0, tail_pause_ms = 0;
    char temp[CW_PATH_MAX] = "", name[CW_PATH_MAX];
    char *line = cw_strdup(text ? text : "");
    if (!line) {
        cw_fail_memory(err, "text");
        goto done;
    }
    for (char *c = line; *c; c++) /* a text of several lines is one turn */
        *c = *c == '\n' || *c == '\r' || *c == '\t' ? ' ' : *c;
    if (!p.out && !p.play) {
        cw_fail(err, CW_BAD_INPUT, "say: expected a file to write or to be played, found neither");
        goto done;
    }
    if (!(p.speed >= 0.5 && p.speed <= 2)) {
        cw_fail(err, CW_BAD_INPUT, "speed: expected 0.5 to 2, found %g", p.speed);
        goto done;
    }
    if ((p.out && cw_studio_format(p.out, &format, err) != 0) || cw_studio_need_plans(s, err) != 0 ||
        cw_studio_voice(s, &voice, p.voice ? p.voice : cw_say_params_default().voice, err) != 0 ||
        cw_speech_language(p.language ? p.language : voice.language, err) != 0)
        goto done;
    if (make_spans(line, &spans, &span_count, &tail_pause_ms, err) != 0 ||
        cw_pronounce_open(&own, NULL, p.dictionary, NULL, &copy, err) != 0)
        goto done;
    struct cw_turn_request r = {.voice = &voice,
                                .language = p.language ? p.language : voice.language,
                                .dictionary = own,
                                .speed = p.speed,
                                .seed = p.seed,
                                .spans = spans,
                                .span_count = span_count,
                                .tail_pause_ms = tail_pause_ms};
    if (cw_turn_plan_make(s, &r, &plan, err) != 0)
        goto done;
    k.expected_seconds = 0.07 * plan.symbols / p.speed;
    if (open_player(&k, p, err) != 0 || open_file(&k, p.out, name, temp, err) != 0)
        goto done;
    cw_studio_tell_terms(s, &voice, r.language, p.listen, &(struct cw_told){0});
    if (cw_booth_need_voice(s->booth, &voice, r.language, err) != 0)
        goto done;
    k.started = cw_seconds();
    if (put_silence(&k, LEAD_IN, err) != 0 || cw_turn_speak(s->booth, &r, &plan, (struct cw_sink){put, &k}, &take, err) != 0 ||
        put_silence(&k, LEAD_OUT, err) != 0)
        goto done;
    if (k.file) {
        int closed = sf_close(k.file);
        k.file = NULL;
        if (closed != 0) {
            cw_fail(err, CW_FAILED, "%s: cannot write: %s", p.out, sf_error_number(closed));
            goto done;
        }
        if (deliver(temp, p.out, format, LEAD_IN + take.samples + LEAD_OUT, k.peak, err) != 0)
            goto done;
    }
    if (k.player && cw_player_drain(k.player, err) != 0)
        goto done;
    result = 0;
done:
    if (k.file)
        sf_close(k.file);
    cw_file_discard(temp);
    cw_player_close(k.player);
    cw_take_free(&take);
    cw_turn_plan_free(&plan);
    cw_voice_close(&voice);
    cw_dictionary_close(own);
    cw_text_free(&copy);
    free(spans);
    free(line);
    return result;
}

/* ---- audition ----------------------------------------------------------------------------------------------------------- */

static void stamp(struct cw_text *t, double seconds) {
    int ms = (int)lround(seconds * 1000);
    cw_text_printf(t, "%02d:%02d:%02d.%03d", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

/* One voice: its number, then the text. */
static int audition_one(struct cw_studio *s, struct saying *k, const char *name, int number, const char *text, double speed,
                        struct cw_text *captions, int64_t *samples, struct cw_error *err) {
    int result = -1, symbols = 0;
    struct cw_voice voice = {0};
    struct cw_text line = {0};
    double start = k->seconds;
    if (cw_studio_voice(s, &voice, name, err) != 0 || cw_speech_language(voice.language, err) != 0)
        goto done;
    if (cw_speech_english(voice.language))
        cw_text_printf(&line, "Number %d. %s", number, text);
    else
        cw_text_printf(&line, "%d. %s", number, text);
    if (cw_text_check(&line, "audition", err) != 0 ||
        cw_turn_measure(s->booth, &voice, voice.language, speed, line.data, (struct cw_sink){put, k}, samples, &symbols, err) != 0)
        goto done;
    stamp(captions, start + (double)LEAD_IN / CW_STUDIO_RATE);
    cw_text_add(captions, " --> ");
    stamp(captions, k->seconds + (double)LEAD_IN / CW_STUDIO_RATE);
    cw_text_printf(captions, "\n%d: %s\n\n", number, voice.name);
    result = put(k, (const float[LEAD_OUT]){0}, LEAD_OUT, err);
    *samples += LEAD_OUT;
done:
    cw_text_free(&line);
    cw_voice_close(&voice);
    return result;
}

int cw_audition(struct cw_studio *s, const char *text, const char *const *voices, int count, struct cw_say_params p, struct cw_error *err) {
    int result = -1, format = 0;
    int64_t samples = 0;
    struct saying k = {.listen = p.listen, .out = p.out, .expected_seconds = 0.08 * (double)(strlen(text) + 10) * count};
    struct cw_text captions = {0};
    struct cw_told told = {0};
    char temp[CW_PATH_MAX] = "", name[CW_PATH_MAX];
    if (!p.out && !p.play) {
        cw_fail(err, CW_BAD_INPUT, "audition: expected a file to write or to be played, found neither");
        goto done;
    }
    if ((p.out && cw_studio_format(p.out, &format, err) != 0) || cw_studio_need_plans(s, err) != 0)
        goto done;
    for (int i = 0; i < count; i++) { /* before anything is made */
        struct cw_voice voice = {0};
        if (cw_studio_voice(s, &voice, voices[i], err) != 0)
            goto done;
        int speaks = cw_speech_language(voice.language, err);
        if (speaks != 0)
            cw_fail_in(err, "voice %s", voice.name);
        else
            cw_studio_tell_terms(s, &voice, voice.language, p.listen, &told);
        cw_voice_close(&voice);
        if (speaks != 0)
            goto done;
    }
    if (open_player(&k, p, err) != 0 || open_file(&k, p.out, name, temp, err) != 0)
        goto done;
    k.started = cw_seconds();
    cw_text_add(&captions, "WEBVTT\n\n");
    if (put_silence(&k, LEAD_IN, err) != 0)
        goto done;
    for (int i = 0; i < count; i++)
        if (audition_one(s, &k, voices[i], i + 1, text, p.speed, &captions, &samples, err) != 0)
            goto done;
    if (p.out && k.file) {
        int closed = sf_close(k.file);
        k.file = NULL;
        if (closed != 0) {
            cw_fail(err, CW_FAILED, "%s: cannot write: %s", p.out, sf_error_number(closed));
            goto done;
        }
        snprintf(name, sizeof name, "%.*s.vtt", (int)(strrchr(p.out, '.') - p.out), p.out);
        if (cw_text_check(&captions, "audition", err) != 0 || deliver(temp, p.out, format, LEAD_IN + samples, k.peak, err) != 0 ||
            cw_file_write(name, captions.data, captions.len, err) != 0)
            goto done;
    }
    if (k.player && cw_player_drain(k.player, err) != 0)
        goto done;
    result = 0;
done:
    if (k.file)
        sf_close(k.file);
    cw_file_discard(temp);
    cw_player_close(k.player);
    cw_text_free(&captions);
    return result;
}
