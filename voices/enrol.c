/* A recording -> is it fit? -> speech alone, at one level -> the same text spoken by a stock voice of that pitch and pace -> laid side
 * by side -> where each phoneme is -> utterances of whole duration units. */
#include "voices/enrol.h"

#include "voices/align.h"
#include "voices/f0.h"
#include "voices/spectrum.h"
#include "voices/voices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYMBOLS_MAX = 510, EDGE_UNITS = 6, PIECES_MIN = 6 };
enum { MARKED_PAUSE = 8, LONGEST_PAUSE = 16, SPACE_UNITS = 3 }; /* units of 25 ms */

static const double level = 0.042;           /* RMS of speech, a little above what the engine's own voices have */
static const double raised_most = 2;         /* of the energy curves: 8.7 dB */
static const double edge_seconds = 0.15;     /* kept before and after speech */
static const double high_voice = 160;        /* Hz: above it the stock voice beside is a woman's */
static const double silent = 5;              /* below the mean power, log: no speech */
static const double one_level = 6;           /* dB between the loud and the quiet: in 3 s of speech and more at least 9 (docs/voices.md) */
static const double silent_level = 0.25;     /* of a recording's frames: no sound */
static const double least_confidence = 0.20; /* of an utterance that is kept */

/* ---- is it fit? ------------------------------------------------------------------------------------------------------------------ */

/* Up to where there is sound: the highest frequency whose level over the speech is within 60 dB of the loudest band's. */
static int measure_band(const float *x, size_t n, int rate, double *band, struct cw_error *err) {
    enum { SIZE = 1024, HALF = SIZE / 2, SMOOTH = 8 };
    struct cw_spectrum *s = NULL;
    double power[HALF + 1], mean[HALF + 1] = {0}, top = 0;
    if (cw_spectrum_open(&s, SIZE, SIZE, err) != 0) {
        return -1;
    }
    for (size_t at = 0; at < n; at += SIZE) {
        cw_spectrum_power(s, x, n, (ptrdiff_t)at, power);
        for (int k = 0; k <= HALF; k++) {
            mean[k] += power[k];
        }
    }
    cw_spectrum_close(s);
    *band = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 2; k + SMOOTH <= HALF; k += SMOOTH) {
            double sum = 0;
            for (int i = 0; i < SMOOTH; i++) {
                sum += mean[k + i];
            }
            top = pass == 0 ? fmax(top, sum) : top;
            *band = pass == 1 && sum > top * 1e-6 ? (double)rate * (k + SMOOTH) / SIZE : *band;
        }
    }
    return 0;
}

/* The pieces in two groups, each nearer to its own mean: how like the two means are; 1 where there are too few. */
static double two_groups(const float *pieces, int count) {
    float mean[2][CW_EMBEDDING] = {{0}};
    int far = 0, size[2];
    if (count < PIECES_MIN) {
        return 1;
    }
    for (int p = 1; p < count; p++) {
        far = cw_embedding_cosine(pieces, pieces + (size_t)p * CW_EMBEDDING) <
                      cw_embedding_cosine(pieces, pieces + (size_t)far * CW_EMBEDDING)
                  ? p
                  : far;
    }
    memcpy(mean[0], pieces, sizeof mean[0]);
    memcpy(mean[1], pieces + (size_t)far * CW_EMBEDDING, sizeof mean[1]);
    for (int round = 0; round < 10; round++) {
        float sum[2][CW_EMBEDDING] = {{0}};
        size[0] = size[1] = 0;
        for (int p = 0; p < count; p++) {
            const float *x = pieces + (size_t)p * CW_EMBEDDING;
            int g = cw_embedding_cosine(x, mean[1]) > cw_embedding_cosine(x, mean[0]);
            size[g]++;
            for (int i = 0; i < CW_EMBEDDING; i++) {
                sum[g][i] += x[i];
            }
        }
        memcpy(mean, sum, sizeof mean);
    }
    /* a piece or two that stand apart are a cough or a pause */
    return size[0] >= count / 5 && size[1] >= count / 5 && size[0] > 1 && size[1] > 1 ? cw_embedding_cosine(mean[0], mean[1]) : 1;
}

/* From the first frame of speech to the last. */
static double spoken_frames(const struct cw_activity *a) {
    size_t first = 0, last = a->frames;
    while (first < last && !a->mask[first]) {
        first++;
    }
    while (last > first && !a->mask[last - 1]) {
        last--;
    }
    return (double)(last - first);
}

static int check_sound(const struct cw_recording *r, const float *x16, size_t n16, const struct cw_activity *a, struct cw_error *err) {
    double band, seconds = (double)n16 / CW_ENCODER_RATE, voiced = 0;
    int frames = (int)(n16 / 200), pauses = 0, result = -1;
    float *f0 = NULL;
    if (a->seconds < 1) {
        cw_fail(err, CW_BAD_INPUT, "expected speech, found %.1f s of it; record three seconds or more, and check the microphone",
                a->seconds);
        goto done;
    }
    if (a->seconds < 3) {
        cw_fail(err, CW_BAD_INPUT, "expected at least 3 seconds of speech, found %.1f; record whole sentences", a->seconds);
        goto done;
    }
    const double from_to = spoken_frames(a) * CW_ACTIVITY_FRAME / CW_ACTIVITY_RATE;
    if (from_to > CW_ENROL_FILE_SECONDS) { /* before what takes its time; only such a length can be laid beside a synthesis */
        cw_fail(err, CW_BAD_INPUT, "expected at most %d seconds with one text, found %.0f; cut it into parts, each with its own text",
                CW_ENROL_FILE_SECONDS, from_to);
        goto done;
    }
    if (a->speech_db < -48) {
        cw_fail(err, CW_BAD_INPUT, "expected speech of about -25 dBFS, found %.0f; go nearer to the microphone or turn it up",
                a->speech_db);
        goto done;
    }
    if (r->clipped > 1e-3) {
        cw_fail(err, CW_BAD_INPUT,
                "expected a recording that is not clipped, found %.1f %% of it at the top of the scale; turn the microphone down",
                100 * r->clipped);
        goto done;
    }
    if (measure_band(r->samples, r->count, r->rate, &band, err) != 0) {
        goto done;
    }
    if (band < 5000) {
        cw_fail(err, CW_BAD_INPUT,
                "expected sound up to 6 kHz at least, found it up to %.1f kHz, as telephones have; record with a microphone", band / 1000);
        goto done;
    }
    f0 = calloc((size_t)frames + 1, sizeof *f0);
    if (f0 == NULL) {
        cw_fail_memory(err, "F0");
        goto done;
    }
    if (cw_f0_track(x16, n16, CW_ENCODER_RATE, 200, f0, frames, err) != 0) {
        goto done;
    }
    for (int i = 0; i < frames; i++) {
        voiced += f0[i] > 0;
    }
    if (voiced * 200 / CW_ENCODER_RATE < 0.2 * a->seconds) {
        cw_fail(err, CW_BAD_INPUT,
                "expected speech, found sound that has a pitch for %.0f %% of its time, as noise has; check the recording",
                100 * voiced * 200 / CW_ENCODER_RATE / a->seconds);
        goto done;
    }
    for (size_t f = 0; f < a->frames; f++) {
        pauses += !a->mask[f];
    }
    if (seconds > 10 && pauses == 0) {
        cw_fail(err, CW_BAD_INPUT, "expected speech with its pauses, found %.0f s without one, as music has; record the voice alone",
                seconds);
        goto done;
    }
    if (a->speech_db - a->floor_db < one_level) { /* some seconds of speech may have no pause, but never one level */
        cw_fail(err, CW_BAD_INPUT, "expected speech, found %.0f s of sound at one level, as music has; record the voice alone", seconds);
        goto done;
    }
    if (a->speech_db - a->floor_db < 12) {
        cw_fail(err, CW_BAD_INPUT,
                "expected pauses at least 12 dB quieter than the speech, found %.0f dB: noise or music beneath it; record in a quiet room",
                a->speech_db - a->floor_db);
        goto done;
    }
    result = 0;
done:
    free(f0);
    return result;
}

int cw_enrol_check(const struct cw_recording *r, const struct cw_encoder *encoder, struct cw_error *err) {
    int result = -1, count = 0;
    float *x16 = NULL, *ready = NULL, *pieces = NULL, embedding[CW_EMBEDDING];
    size_t n16 = 0, n = 0;
    struct cw_activity a = {0};
    if (cw_resample(r->samples, r->count, r->rate, CW_ENCODER_RATE, &x16, &n16, err) != 0 || cw_activity_find(&a, x16, n16, err) != 0 ||
        check_sound(r, x16, n16, &a, err) != 0 || cw_encoder_prepare(x16, n16, CW_ENCODER_RATE, &ready, &n, err) != 0 ||
        cw_encoder_pieces(encoder, ready, n, embedding, &pieces, &count, err) != 0) {
        goto done;
    }
    double alike = two_groups(pieces, count);
    if (alike < 0.70) {
        cw_fail(err, CW_BAD_INPUT,
                "expected one speaker, found parts that sound like two (%.2f of 1 alike, one speaker's parts are above 0.75); cut the "
                "other out",
                alike);
        goto done;
    }
    result = 0;
done:
    cw_activity_free(&a);
    free(x16);
    free(ready);
    free(pieces);
    return result;
}

/* ---- the text, spoken by a stock voice -------------------------------------------------------------------------------------------- */

struct spoken_chunk {
    struct cw_text text; /* its words */
    int *ids, count;     /* [P] */
    int *durations;      /* [P + 2] of the synthesis */
};

struct speaking {
    struct cw_acoustic_session *acoustic;
    struct cw_vocoder_session *vocoder;
    struct cw_utterance text;
    struct spoken_chunk *chunks; /* [text.chunk_count] */
    float *samples;
    size_t count;
};

static void speaking_close(struct speaking *k) {
    for (int i = 0; k->chunks != NULL && i < k->text.chunk_count; i++) {
        cw_text_free(&k->chunks[i].text);
        free(k->chunks[i].ids);
        free(k->chunks[i].durations);
    }
    free(k->chunks);
    free(k->samples);
    cw_utterance_free(&k->text);
    cw_acoustic_session_close(k->acoustic);
    cw_vocoder_session_close(k->vocoder);
    *k = (struct speaking){0};
}

static int plan(const struct cw_enrol_engine *g, const char *text, struct speaking *k, struct cw_error *err) {
    struct cw_speech_params p = cw_speech_params_default();
    p.language = g->language;
    p.max_symbols = g->max_symbols > 0 ? g->max_symbols : p.max_symbols;
    if (cw_speech_plan(g->speech, text, p, &k->text, err) != 0) {
        return -1;
    }
    k->chunks = calloc((size_t)k->text.chunk_count + 1, sizeof *k->chunks);
    if (k->chunks == NULL) {
        return cw_fail_memory(err, "text");
    }
    for (int i = 0; i < k->text.chunk_count; i++) {
        struct spoken_chunk *c = &k->chunks[i];
        const char *s = k->text.chunks[i].phonemes;
        c->ids = calloc(SYMBOLS_MAX + 1, sizeof *c->ids);
        c->durations = calloc(SYMBOLS_MAX + 2, sizeof *c->durations);
        if (c->ids == NULL || c->durations == NULL) {
            return cw_fail_memory(err, "text");
        }
        for (uint32_t code; *s != '\0' && c->count < SYMBOLS_MAX;) {
            int n = cw_utf8_next(s, strlen(s), &code), id = n > 0 ? cw_acoustic_symbol(g->acoustic, code) : -1;
            if (n == 0) {
                break;
            }
            if (id >= 0) {
                c->ids[c->count++] = id;
            }
            s += n;
        }
        const char *before = NULL;
        for (int w = 0; w < k->text.word_count; w++) { /* several spoken words may share one written word */
            const struct cw_spoken_word *word = &k->text.words[w];
            if (word->chunk == i && (before == NULL || strcmp(before, word->text) != 0)) {
                cw_text_printf(&c->text, "%s%s", word->space && c->text.len > 0 ? " " : "", word->text);
                before = word->text;
            }
        }
        if (cw_text_check(&c->text, "text", err) != 0) {
            return -1;
        }
        if (c->count == 0) {
            return cw_fail(err, CW_BAD_INPUT, "expected a text that can be spoken, found none");
        }
    }
    return 0;
}

/* One chunk at a speed; its units are returned in *units; with `sound` its samples are added. */
static int speak(struct speaking *k, struct spoken_chunk *c, const struct cw_voice *voice, double speed, bool sound, int *units,
                 struct cw_error *err) {
    struct cw_acoustic_input in = {.ids = c->ids,
                                   .count = c->count,
                                   .pack = voice->pack,
                                   .pack_rows = CW_PACK_ROWS,
                                   .speed = (float)speed,
                                   .max_edge_units = EDGE_UNITS};
    struct cw_frames frames;
    const float *samples;
    size_t n;
    if (cw_acoustic_run(k->acoustic, &in, &frames, err) != 0) {
        return -1;
    }
    for (int p = 0; p < c->count + 2; p++) {
        c->durations[p] = frames.durations[p];
        *units += frames.durations[p];
    }
    if (!sound) {
        return 0;
    }
    if (cw_vocoder_run(k->vocoder, &frames, 1, &samples, &n, err) != 0) {
        return -1;
    }
    float *more = realloc(k->samples, (k->count + n) * sizeof *more);
    if (more == NULL) {
        return cw_fail_memory(err, "speech");
    }
    k->samples = more;
    memcpy(k->samples + k->count, samples, n * sizeof *samples);
    k->count += n;
    return 0;
}

/* The whole text by the stock voice `name`, as long as `seconds` where that can be had; in place of what was said before. */
static int speak_text(const struct cw_enrol_engine *g, struct speaking *k, const char *name, double seconds, struct cw_error *err) {
    struct cw_voice voice = {0};
    int units = 0, result = -1;
    k->count = 0;
    if (cw_voice_open(&voice, g->voices_dir, name, err) != 0 ||
        (k->acoustic == NULL &&
         (cw_acoustic_session_open(&k->acoustic, g->acoustic, err) != 0 || cw_vocoder_session_open(&k->vocoder, g->vocoder, err) != 0))) {
        goto done;
    }
    for (int i = 0; i < k->text.chunk_count; i++) {
        if (speak(k, &k->chunks[i], &voice, 1, false, &units, err) != 0) {
            goto done;
        }
    }
    double spoken = (double)units * CW_ENROL_UNIT / CW_ENROL_RATE;
    if (spoken > 3 * seconds || seconds > 3 * spoken) {
        cw_fail(err, CW_BAD_INPUT, "expected a recording of about %.0f s for this text, found %.0f s; is it the right text?", spoken,
                seconds);
        goto done;
    }
    double speed = fmin(1.6, fmax(0.6, spoken / seconds));
    for (int i = 0; i < k->text.chunk_count; i++) {
        if (speak(k, &k->chunks[i], &voice, speed, true, &units, err) != 0) {
            goto done;
        }
    }
    result = 0;
done:
    cw_voice_close(&voice);
    return result;
}

/* ---- one recording ------------------------------------------------------------------------------------------------------------------ */

struct prepared {
    float *x; /* [n] 24 kHz, speech and its edges, levelled */
    size_t n;
    double band, speech_seconds;
    float embedding[CW_EMBEDDING];
    float *f0; /* [frames] */
    int frames;
    double median; /* F0, Hz */
};

static void prepared_free(struct prepared *p) {
    free(p->x);
    free(p->f0);
    *p = (struct prepared){0};
}

/* Value at share q of the sorted voiced values of f0; *count of them. */
static double voiced_quantile(const float *f0, int frames, double q, float *work, int *count) {
    *count = 0;
    for (int i = 0; i < frames; i++) {
        if (f0[i] > 0) {
            work[(*count)++] = f0[i];
        }
    }
    qsort(work, (size_t)*count, sizeof *work, cw_order_floats);
    return *count > 0 ? (double)work[(int)(q * (*count - 1))] : 0;
}

static int prepare(struct prepared *p, const struct cw_enrol_engine *g, const struct cw_recording *r, struct cw_error *err) {
    int result = -1, voiced;
    float *x16 = NULL, *all = NULL, *work = NULL;
    size_t n16 = 0, n = 0, first = 0, last;
    struct cw_activity a = {0};
    double sum = 0, count = 1;
    if (cw_enrol_check(r, g->encoder, err) != 0 || cw_encoder_listen(g->encoder, r->samples, r->count, r->rate, p->embedding, err) != 0 ||
        measure_band(r->samples, r->count, r->rate, &p->band, err) != 0 ||
        cw_resample(r->samples, r->count, r->rate, CW_ENCODER_RATE, &x16, &n16, err) != 0 || cw_activity_find(&a, x16, n16, err) != 0 ||
        cw_resample(r->samples, r->count, r->rate, CW_ENROL_RATE, &all, &n, err) != 0) {
        goto done;
    }
    last = a.frames;
    while (first < last && !a.mask[first]) {
        first++;
    }
    while (last > first && !a.mask[last - 1]) {
        last--;
    }
    const double frame = (double)CW_ACTIVITY_FRAME / CW_ACTIVITY_RATE;
    double from = fmax(0, (double)first * frame - edge_seconds), to = (double)last * frame + edge_seconds;
    size_t start = (size_t)(from * CW_ENROL_RATE), end = (size_t)(to * CW_ENROL_RATE);
    end = end < n ? end : n;
    p->n = (end - start) / CW_ENROL_UNIT * CW_ENROL_UNIT;
    p->speech_seconds = a.seconds;
    p->frames = (int)(p->n / CW_ENROL_HOP);
    p->x = malloc((p->n + 1) * sizeof *p->x);
    p->f0 = calloc((size_t)p->frames + 1, sizeof *p->f0);
    work = calloc((size_t)p->frames + 1, sizeof *work);
    if (p->x == NULL || p->f0 == NULL || work == NULL) {
        cw_fail_memory(err, "recording");
        goto done;
    }
    for (size_t i = 0; i < n; i++) { /* the level of speech alone */
        size_t f = (size_t)((double)i / CW_ENROL_RATE / frame);
        if (f < a.frames && a.mask[f]) {
            sum += (double)all[i] * (double)all[i];
            count++;
        }
    }
    double gain = level / fmax(1e-5, sqrt(sum / count));
    for (size_t i = 0; i < p->n; i++) {
        p->x[i] = (float)(gain * (double)all[start + i]);
    }
    if (cw_f0_track(p->x, p->n, CW_ENROL_RATE, CW_ENROL_HOP, p->f0, p->frames, err) != 0) {
        goto done;
    }
    p->median = voiced_quantile(p->f0, p->frames, 0.5, work, &voiced);
    result = 0;
done:
    cw_activity_free(&a);
    free(x16);
    free(all);
    free(work);
    return result;
}

bool cw_enrol_is_pause(const struct cw_acoustic *a, int id) {
    static const uint32_t marks[] = {' ', '.', ',', ';', ':', '!', '?', '"', '(', ')', 0x2014, 0x2026, 0x201C, 0x201D};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (id == cw_acoustic_symbol(a, marks[i])) {
            return true;
        }
    }
    return id == 0;
}

/* [frames] where the synthesis is between words: a reader may pause there. free() it. */
static bool *find_pauses(const struct cw_enrol_engine *g, const struct speaking *k, int frames) {
    bool *pauses = calloc((size_t)frames + 1, sizeof *pauses);
    int at = 0;
    for (int c = 0; pauses != NULL && c < k->text.chunk_count; c++) {
        const struct spoken_chunk *chunk = &k->chunks[c];
        for (int p = 0; p < chunk->count + 2; p++) {
            const bool pause = p == 0 || p > chunk->count || cw_enrol_is_pause(g->acoustic, chunk->ids[p - 1]);
            for (int f = 0; f < 2 * chunk->durations[p] && at < frames; f++) {
                pauses[at++] = pause;
            }
        }
    }
    return pauses;
}

/* Unit boundaries [symbols + 1] of the recording from those of the synthesis: rounded, one unit at least, all of `total` used. */
static bool place_boundaries(const struct speaking *k, const float *places, int total, int *units) {
    int n = 0, synth = 0;
    units[n++] = 0;
    for (int c = 0; c < k->text.chunk_count; c++) {
        for (int p = 0; p < k->chunks[c].count + 2; p++) {
            synth += k->chunks[c].durations[p];
            int at = (int)lround((double)places[2 * synth] / 2);
            units[n] = at > units[n - 1] ? at : units[n - 1] + 1;
            n++;
        }
    }
    units[n - 1] = total;
    for (int i = n - 2; i > 0 && units[i] >= units[i + 1]; i--) {
        units[i] = units[i + 1] - 1;
    }
    return n - 1 <= total && (n < 2 || units[1] > 0);
}

static int silent_units(const float *levels, int first, int end) {
    int count = 0;
    for (int u = first; u < end; u++) {
        count += (double)levels[2 * u] < silent_level && (double)levels[2 * u + 1] < silent_level;
    }
    return count;
}

/* Of a pause at a mark and the space after it, the mark has all but SPACE_UNITS, as the engine has it. */
static void give_to_marks(const struct cw_enrol_engine *g, const struct speaking *k, int *units) {
    const int space = cw_acoustic_symbol(g->acoustic, ' ');
    for (int i = 0; i < k->text.chunk_count; i++) {
        const struct spoken_chunk *c = &k->chunks[i];
        for (int p = 2; p <= c->count; p++) {
            if (c->ids[p - 1] == space && c->ids[p - 2] != space && cw_enrol_is_pause(g->acoustic, c->ids[p - 2])) {
                units[p] = units[p + 1] - units[p] > SPACE_UNITS ? units[p + 1] - SPACE_UNITS : units[p];
            }
        }
        units += c->count + 2;
    }
}

/* Takes units first .. first + n out of x [all], `size` bytes a unit. */
static void cut(void *x, size_t size, int all, int first, int n) {
    memmove((char *)x + size * (size_t)first, (char *)x + size * ((size_t)first + (size_t)n), size * (size_t)(all - first - n));
}

/* Takes what is over LONGEST_PAUSE out of the middle of a pause, where it is silent. levels: of the utterance's frames. */
static void shorten_pauses(const struct cw_enrol_engine *g, struct cw_enrol_utterance *u, const float *levels) {
    for (int p = 1, from = u->durations[0], heard = from; p <= u->count; p++) {
        const int length = u->durations[p], over = length - LONGEST_PAUSE, at = from + LONGEST_PAUSE / 2;
        if (over > 0 && cw_enrol_is_pause(g->acoustic, u->ids[p - 1]) &&
            silent_units(levels, heard + at - from, heard + at - from + over) == over) {
            cut(u->f0, 2 * sizeof *u->f0, u->units, at, over);
            cut(u->energy, 2 * sizeof *u->energy, u->units, at, over);
            cut(u->samples, CW_ENROL_UNIT * sizeof *u->samples, u->units, at, over);
            u->durations[p] -= over;
            u->units -= over;
        }
        from += u->durations[p];
        heard += length;
    }
}

/* costs: of the frames of the chunk's synthesis, two a unit */
static int add_utterance(struct cw_enrolment *e, const struct cw_enrol_engine *g, const struct prepared *p,
                         const struct cw_align_side *heard, const struct spoken_chunk *c, const char *text, const int *units,
                         const float *costs, double confidence, int file, struct cw_error *err) {
    struct cw_enrol_utterance *more = realloc(e->utterances, sizeof *more * ((size_t)e->count + 1));
    if (more == NULL) {
        return cw_fail_memory(err, "enrolment");
    }
    e->utterances = more;
    struct cw_enrol_utterance *u = &e->utterances[e->count++];
    int first = units[0], all = units[c->count + 2] - first;
    *u = (struct cw_enrol_utterance){
        .text = cw_strdup(text), .count = c->count, .units = all, .confidence = (float)confidence, .file = file};
    const size_t symbols = c->count > 0 ? (size_t)c->count : 0;
    u->ids = calloc(symbols + 1, sizeof(int));
    u->durations = calloc(symbols + 2, sizeof(int));
    u->f0 = calloc(2 * (size_t)all + 1, sizeof(float));
    u->energy = calloc(2 * (size_t)all + 1, sizeof(float));
    u->cost = calloc(symbols + 2, sizeof(float));
    u->samples = calloc(CW_ENROL_UNIT * (size_t)all + 1, sizeof(float));
    if (!u->text || !u->ids || !u->durations || !u->f0 || !u->energy || !u->cost || !u->samples) {
        return cw_fail_memory(err, "enrolment");
    }
    memcpy(u->ids, c->ids, sizeof(int) * (size_t)c->count);
    for (int s = 0; s < c->count + 2; s++) {
        u->durations[s] = units[s + 1] - units[s];
        for (int f = 0; f < 2 * c->durations[s]; f++) {
            u->cost[s] += *costs++ / (float)(2 * c->durations[s]);
        }
    }
    memcpy(u->f0, p->f0 + (size_t)2 * (size_t)first, sizeof(float) * 2 * (size_t)all);
    memcpy(u->energy, heard->energy + (size_t)2 * (size_t)first, sizeof(float) * 2 * (size_t)all);
    memcpy(u->samples, p->x + (size_t)CW_ENROL_UNIT * (size_t)first, sizeof(float) * CW_ENROL_UNIT * (size_t)all);
    e->seconds += (double)all * CW_ENROL_UNIT / CW_ENROL_RATE;
    shorten_pauses(g, u, heard->level + (size_t)2 * (size_t)first);
    return 0;
}

/* How far the cepstra of the two may differ, on average: below 0.45 the words are the same, from 0.75 on they are others (measured,
 * docs/voices.md). */
static double confidence_of(double cost) {
    return fmin(1, fmax(0, (0.75 - cost) / 0.30));
}

/* A recording beside the same text as a stock voice says it. */
struct laid {
    struct cw_align_side there;
    float *places, *costs; /* [frames of the synthesis + 1] */
    int *units;            /* [symbols + 1] where each symbol of the chunks begins in the recording */
    int symbols;
};

static void laid_free(struct laid *l) {
    cw_align_side_free(&l->there);
    free(l->places);
    free(l->costs);
    free(l->units);
    *l = (struct laid){0};
}

static int lay_beside(struct laid *l, const struct cw_enrol_engine *g, struct speaking *k, const struct prepared *p,
                      const struct cw_align_side *here, struct cw_error *err) {
    bool *pauses = NULL;
    int result = -1;
    laid_free(l);
    if (speak_text(g, k,
                   g->beside != NULL         ? g->beside
                   : p->median >= high_voice ? "af_heart"
                                             : "am_michael",
                   p->speech_seconds, err) != 0 ||
        cw_align_side_make(&l->there, k->samples, k->count, p->band, err) != 0) {
        goto done;
    }
    for (int c = 0; c < k->text.chunk_count; c++) {
        l->symbols += k->chunks[c].count + 2;
    }
    l->units = calloc((size_t)l->symbols + 2, sizeof *l->units);
    l->places = calloc((size_t)l->there.frames + 1, sizeof *l->places);
    l->costs = calloc((size_t)l->there.frames + 1, sizeof *l->costs);
    pauses = find_pauses(g, k, l->there.frames);
    if (l->units == NULL || l->places == NULL || l->costs == NULL || pauses == NULL) {
        cw_fail_memory(err, "alignment");
        goto done;
    }
    if (cw_align(&l->there, here, pauses, l->places, l->costs, err) != 0) {
        goto done;
    }
    if (!place_boundaries(k, l->places, (int)(p->n / CW_ENROL_UNIT), l->units)) {
        cw_fail(err, CW_BAD_INPUT, "expected time for %d sounds, found %.1f s of speech; is it the right text?", l->symbols,
                p->speech_seconds);
        goto done;
    }
    give_to_marks(g, k, l->units);
    result = 0;
done:
    free(pauses);
    return result;
}

/* Readers pause where no comma stands. There they speak as before a comma, so one is put into the symbols; how many were put. */
static int mark_pauses(const struct cw_enrol_engine *g, struct speaking *k, const int *units, const float *levels) {
    const int space = cw_acoustic_symbol(g->acoustic, ' '), comma = cw_acoustic_symbol(g->acoustic, ',');
    int marked = 0;
    for (int i = 0; i < k->text.chunk_count; i++) {
        struct spoken_chunk *c = &k->chunks[i];
        const int symbols = c->count;
        for (int p = 1, at = 1; p <= symbols; p++, at++) { /* symbol p of the text is c->ids[at - 1] by now */
            const bool between = p > 1 && c->ids[at - 1] == space && !cw_enrol_is_pause(g->acoustic, c->ids[at - 2]);
            if (between && c->count < SYMBOLS_MAX && silent_units(levels, units[p], units[p + 1]) >= MARKED_PAUSE) {
                memmove(c->ids + at, c->ids + at - 1, sizeof *c->ids * (size_t)(c->count - at + 1));
                c->ids[at - 1] = comma;
                c->count++;
                at++;
                marked++;
            }
        }
        units += symbols + 2;
    }
    return marked;
}

static int enrol_one(struct cw_enrolment *e, const struct cw_enrol_engine *g, const struct cw_enrol_source *source, int file,
                     struct cw_text *notes, struct cw_error *err) {
    int result = -1, synth = 0;
    struct cw_recording r = {0};
    struct prepared p = {0};
    struct speaking k = {0};
    struct cw_align_side here = {0};
    struct laid l = {0};
    if (cw_recording_read(&r, source->recording, err) != 0) {
        goto done;
    }
    if (prepare(&p, g, &r, err) != 0 || plan(g, source->text, &k, err) != 0 || cw_align_side_make(&here, p.x, p.n, p.band, err) != 0 ||
        lay_beside(&l, g, &k, &p, &here, err) != 0) {
        cw_fail_in(err, "%s", source->recording);
        goto done;
    }
    if (mark_pauses(g, &k, l.units, here.level) > 0 && lay_beside(&l, g, &k, &p, &here, err) != 0) {
        cw_fail_in(err, "%s", source->recording);
        goto done;
    }
    for (int c = 0, at = 0; c < k.text.chunk_count; c++) {
        double cost = 0, power = 0;
        int frames = 0, loud = 0;
        for (int s = 0; s < k.chunks[c].count + 2; s++) {
            frames += 2 * k.chunks[c].durations[s];
        }
        for (int f = 0; f < frames; f++) {
            power += exp((double)l.there.energy[synth + f]) / frames;
        }
        for (int f = 0; f < frames; f++) { /* silence is like any silence */
            if ((double)l.there.energy[synth + f] > log(power) - silent) {
                cost += (double)l.costs[synth + f];
                loud++;
            }
        }
        double confidence = confidence_of(loud > 0 ? cost / loud : 2);
        if (confidence < least_confidence) {
            cw_text_printf(notes, "%s: \"%s\" left out: what is heard does not fit the text (confidence %.2f)\n", source->recording,
                           k.chunks[c].text.data, confidence);
        } else if (add_utterance(e, g, &p, &here, &k.chunks[c], k.chunks[c].text.data, l.units + at, l.costs + synth, confidence, file,
                                 err) != 0) {
            goto done;
        }
        synth += frames;
        at += k.chunks[c].count + 2;
    }
    e->band_hz = e->band_hz > 0 ? fmin(e->band_hz, p.band) : p.band;
    for (int i = 0; i < CW_EMBEDDING; i++) {
        e->embedding[i] += p.embedding[i];
    }
    result = 0;
done:
    cw_recording_free(&r);
    prepared_free(&p);
    speaking_close(&k);
    cw_align_side_free(&here);
    laid_free(&l);
    return result;
}

static int measure_pitch(struct cw_enrolment *e, struct cw_error *err) {
    size_t n = 0;
    int voiced;
    for (int i = 0; i < e->count; i++) {
        n += 2 * (size_t)e->utterances[i].units;
    }
    float *all = calloc(n + 1, sizeof *all), *work = calloc(n + 1, sizeof *work);
    if (all == NULL || work == NULL) {
        free(all);
        free(work);
        return cw_fail_memory(err, "F0");
    }
    n = 0;
    for (int i = 0; i < e->count; i++) {
        memcpy(all + n, e->utterances[i].f0, sizeof *all * 2 * (size_t)e->utterances[i].units);
        n += 2 * (size_t)e->utterances[i].units;
    }
    e->log_f0_median = log(fmax(1, voiced_quantile(all, (int)n, 0.5, work, &voiced)));
    e->log_f0_low = log(fmax(1, voiced_quantile(all, (int)n, 0.15, work, &voiced)));
    e->log_f0_high = log(fmax(1, voiced_quantile(all, (int)n, 0.85, work, &voiced)));
    free(all);
    free(work);
    return voiced > 0 ? 0 : cw_fail(err, CW_BAD_INPUT, "expected a voice with a pitch, found none");
}

int cw_enrol(struct cw_enrolment *e, const struct cw_enrol_engine *g, const struct cw_enrol_source *sources, int count,
             struct cw_text *notes, struct cw_error *err) {
    int result = -1;
    *e = (struct cw_enrolment){0};
    for (int i = 0; i < count; i++) {
        if (enrol_one(e, g, &sources[i], i, notes, err) != 0) {
            goto done;
        }
    }
    const double least = g->least_seconds > 0 ? g->least_seconds : CW_ENROL_LEAST;
    if (e->seconds < least) {
        cw_fail(err, CW_BAD_INPUT,
                "expected at least %.0f seconds of speech that fits its text, found %.1f; record more, or look at the text", least,
                e->seconds);
        goto done;
    }
    double squares = 0;
    for (int i = 0; i < CW_EMBEDDING; i++) {
        squares += (double)e->embedding[i] * (double)e->embedding[i];
    }
    for (int i = 0; i < CW_EMBEDDING; i++) {
        e->embedding[i] = (float)((double)e->embedding[i] / sqrt(fmax(1e-12, squares)));
    }
    result = measure_pitch(e, err);
done:
    if (result != 0) {
        cw_enrolment_free(e);
    }
    return result;
}

void cw_enrolment_raise(struct cw_enrolment *e, double energy) {
    energy = fmax(-raised_most, fmin(raised_most, energy));
    const float gain = (float)exp(energy / 2); /* energy is of the logarithm of power */
    for (int i = 0; i < e->count; i++) {
        struct cw_enrol_utterance *u = &e->utterances[i];
        for (int k = 0; k < 2 * u->units; k++) {
            u->energy[k] = (float)fmax(CW_ALIGN_LEAST_ENERGY, (double)u->energy[k] + energy);
        }
        for (int k = 0; k < CW_ENROL_UNIT * u->units; k++) {
            u->samples[k] *= gain;
        }
    }
}

void cw_enrolment_free(struct cw_enrolment *e) {
    for (int i = 0; i < e->count; i++) {
        struct cw_enrol_utterance *u = &e->utterances[i];
        free(u->text);
        free(u->ids);
        free(u->durations);
        free(u->cost);
        free(u->f0);
        free(u->energy);
        free(u->said_f0);
        free(u->said_energy);
        free(u->samples);
    }
    free(e->utterances);
    *e = (struct cw_enrolment){0};
}
