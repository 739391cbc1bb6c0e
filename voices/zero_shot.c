/* recording ─▶ is it fit? ─▶ beside its text, spoken: is it this text? ─▶ [longer than 12 s: a part between pauses]
 *                                                                        ─▶ trimmed, 24 kHz, 0.1 RMS ─▶ voice file */
#include "voices/zero_shot.h"

#include "tts/f5_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART_SYMBOLS = 150 };                                /* about ten seconds */
static const double least = 3, most = 12;                   /* seconds of a reference */
static const double before = 0.05, after = 0.1;             /* kept around the speech, seconds */
static const double level = 0.1;                            /* RMS, as the model was trained with */
static const double quiet_edge = 0.25, edge_seconds = 0.05; /* of the part's RMS: a cut there is in a pause */
static const double fastest_sound = 0.035, slowest = 0.18;  /* seconds for a sound; people take 0.05 to 0.11 */

void cw_zero_shot_report_free(struct cw_zero_shot_report *r) {
    cw_text_free(&r->notes);
    *r = (struct cw_zero_shot_report){0};
}

static double rms(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return n > 0 ? sqrt(sum / (double)n) : 0;
}

/* From the first speech to the last, with its edges: samples [*first, *first + *n) of x at CW_REFERENCE_RATE. */
static int trim(const float *x, size_t count, size_t *first, size_t *n, struct cw_error *err) {
    int result = -1;
    float *x16 = NULL;
    size_t n16 = 0, from = 0;
    struct cw_activity a = {0};
    if (cw_resample(x, count, CW_REFERENCE_RATE, CW_ACTIVITY_RATE, &x16, &n16, err) != 0 || cw_activity_find(&a, x16, n16, err) != 0) {
        goto done;
    }
    size_t to = a.frames;
    while (from < to && !a.mask[from]) {
        from++;
    }
    while (to > from && !a.mask[to - 1]) {
        to--;
    }
    const double frame = (double)CW_ACTIVITY_FRAME / CW_ACTIVITY_RATE;
    *first = (size_t)(fmax(0, (double)from * frame - before) * CW_REFERENCE_RATE);
    size_t end = (size_t)(((double)to * frame + after) * CW_REFERENCE_RATE);
    *n = (end < count ? end : count) - *first;
    result = 0;
done:
    cw_activity_free(&a);
    free(x16);
    return result;
}

/* The surest part of the recording between pauses; what is said in it. */
static int choose(const struct cw_enrol_engine *g, const struct cw_enrol_source *source, struct cw_zero_shot_report *r, float **x,
                  size_t *n, char **text, struct cw_error *err) {
    int result = -1, best = -1;
    double score = 0;
    struct cw_enrolment e = {0};
    struct cw_enrol_engine short_parts = *g;
    short_parts.max_symbols = PART_SYMBOLS;
    short_parts.least_seconds = least;
    if (cw_enrol(&e, &short_parts, source, 1, &r->notes, err) != 0) {
        return -1;
    }
    for (int i = 0; i < e.count; i++) {
        const struct cw_enrol_utterance *u = &e.utterances[i];
        const size_t samples = (size_t)u->units * CW_ENROL_UNIT, edge = (size_t)(edge_seconds * CW_ENROL_RATE);
        const double seconds = (double)samples / CW_ENROL_RATE, whole = rms(u->samples, samples);
        if (seconds < least || seconds > most || rms(u->samples, edge) > quiet_edge * whole ||
            rms(u->samples + samples - edge, edge) > quiet_edge * whole) {
            continue;
        }
        const double here = (double)u->confidence * fmin(seconds, 8) / 8; /* a longer one shows more of the voice */
        if (here > score) {
            score = here;
            best = i;
        }
    }
    if (best < 0) {
        cw_fail(
            err, CW_BAD_INPUT,
            "%s: expected %.0f to %.0f s between two pauses that fit their text, found none; cut such a part out of the recording and give "
            "what is said in it",
            source->recording, least, most);
        goto done;
    }
    *n = (size_t)e.utterances[best].units * CW_ENROL_UNIT;
    *x = e.utterances[best].samples;
    *text = e.utterances[best].text;
    e.utterances[best].samples = NULL;
    e.utterances[best].text = NULL;
    r->confidence = (double)e.utterances[best].confidence;
    r->cut = true;
    result = 0;
done:
    cw_enrolment_free(&e);
    return result;
}

/* A recording that is taken whole: laid beside its text, none of which may be left out. A man's voice or a woman's: by the pitch alone one
 * in fifty readers stood beside the other kind, and fitted no text. */
static int compare(const struct cw_enrol_engine *g, const struct cw_enrol_source *source, struct cw_zero_shot_report *r,
                   struct cw_error *err) {
    static const char *const voices[] = {"am_michael", "af_heart"};
    struct cw_enrol_engine whole = *g;
    int result = -1;
    bool other = true; /* the words are others */
    whole.least_seconds = 1;
    for (size_t v = 0; other && v < sizeof voices / sizeof *voices; v++) {
        struct cw_enrolment e = {0};
        struct cw_text left_out = {0};
        whole.beside = g->beside != NULL ? g->beside : voices[v];
        result = cw_enrol(&e, &whole, source, 1, &left_out, err);
        other = left_out.data != NULL && (result == 0 || err->code == CW_BAD_INPUT);
        r->confidence = 1;
        for (int i = 0; i < e.count; i++) {
            r->confidence = fmin(r->confidence, (double)e.utterances[i].confidence);
        }
        cw_text_free(&left_out);
        cw_enrolment_free(&e);
    }
    return !other ? result
                  : cw_fail(err, CW_BAD_INPUT,
                            "%s: expected what its text says, heard other words, or no speech; give what is said in it, word for word",
                            source->recording);
}

/* How long a sound of the text takes; a text that cannot be what is said is refused. */
static int measure_pace(const struct cw_enrol_engine *g, const char *recording, const char *text, double seconds, double *sound,
                        struct cw_error *err) {
    struct cw_speech_params p = cw_speech_params_default();
    struct cw_utterance u = {0};
    double weight = 0;
    p.language = g->language;
    if (cw_speech_plan(g->speech, text, p, &u, err) != 0) {
        return cw_fail_in(err, "%s: what is said in it", recording);
    }
    for (int i = 0; i < u.chunk_count; i++) {
        weight += cw_f5_weight_of(u.chunks[i].phonemes);
    }
    cw_utterance_free(&u);
    *sound = seconds / fmax(1, weight);
    if (*sound < fastest_sound || *sound > slowest) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected about %.1f s of speech for this text, found %.1f s; is it what is said, all of it?",
                       recording, 0.07 * weight, seconds);
    }
    return 0;
}

static char *squeezed(const char *text) {
    char *out = cw_strdup(text), *to = out;
    for (const char *s = text; out != NULL && *s != '\0'; s++) {
        const bool blank = *s == ' ' || *s == '\n' || *s == '\r' || *s == '\t';
        if (!blank) {
            *to++ = *s;
        } else if (to > out && to[-1] != ' ') {
            *to++ = ' ';
        }
    }
    if (out != NULL) {
        to -= to > out && to[-1] == ' ';
        *to = '\0';
    }
    return out;
}

static int describe(struct cw_voice_file *f, const struct cw_zero_shot_report *r, const struct cw_enrol_engine *g, const char *name,
                    struct cw_error *err) {
    struct cw_text how = {0};
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->made, sizeof f->made, "zero-shot");
    snprintf(f->engine, sizeof f->engine, "f5");
    snprintf(f->language, sizeof f->language, "%s", g->language);
    f->f0_slope = 1;
    cw_text_printf(&how, "shown %.1f s of a recording of %.1f s", r->seconds, r->recording_seconds);
    f->licence = cw_strdup("as the speaker's consent says");
    f->how = how.failed ? NULL : cw_strdup(how.data);
    cw_text_free(&how);
    return f->licence != NULL && f->how != NULL ? 0 : cw_fail_memory(err, "voice");
}

int cw_zero_shot(struct cw_voice_file *f, struct cw_zero_shot_report *r, const struct cw_enrol_engine *g, const char *name,
                 const struct cw_enrol_source *source, struct cw_error *err) {
    int result = -1;
    struct cw_recording recording = {0};
    float *x = NULL;
    char *part = NULL;
    size_t count = 0, first = 0, n = 0;
    *f = (struct cw_voice_file){0};
    *r = (struct cw_zero_shot_report){.confidence = 1};
    if (cw_recording_read(&recording, source->recording, err) != 0) {
        goto done;
    }
    r->recording_seconds = (double)recording.count / recording.rate;
    if (r->recording_seconds > CW_ENROL_FILE_SECONDS) {
        cw_fail(err, CW_BAD_INPUT,
                "%s: expected a recording of 3 to 12 s, or of at most %d to cut a part from, found %.0f s; cut some sentences out "
                "of it and give what is said in them",
                source->recording, CW_ENROL_FILE_SECONDS, r->recording_seconds);
        goto done;
    }
    if (cw_enrol_check(&recording, g->encoder, err) != 0 ||
        cw_encoder_listen(g->encoder, recording.samples, recording.count, recording.rate, f->embedding, err) != 0) {
        cw_fail_in(err, "%s", source->recording);
        goto done;
    }
    f->has_embedding = true;
    if (recording.channels > 2) {
        cw_text_printf(&r->notes, "%s: %d channels, of which the mean is taken; if one alone has the voice, give that one\n",
                       source->recording, recording.channels);
    }
    if (cw_resample(recording.samples, recording.count, recording.rate, CW_REFERENCE_RATE, &x, &count, err) != 0 ||
        trim(x, count, &first, &n, err) != 0) {
        goto done;
    }
    if ((double)n > (most + before + after) * CW_REFERENCE_RATE) {
        free(x);
        x = NULL;
        if (choose(g, source, r, &x, &count, &part, err) != 0 || trim(x, count, &first, &n, err) != 0) {
            goto done;
        }
        cw_text_printf(&r->notes, "%s: %.1f s of %.1f s are shown, from pause to pause: \"%s\"\n", source->recording,
                       (double)n / CW_REFERENCE_RATE, r->recording_seconds, part);
    }
    r->seconds = (double)n / CW_REFERENCE_RATE;
    f->reference_text = squeezed(part != NULL ? part : source->text);
    f->reference = malloc(sizeof *f->reference * (n + 1));
    if (f->reference == NULL || f->reference_text == NULL) {
        cw_fail_memory(err, source->recording);
        goto done;
    }
    if (measure_pace(g, source->recording, f->reference_text, r->seconds, &r->sound_seconds, err) != 0 ||
        (!r->cut && compare(g, source, r, err) != 0) || describe(f, r, g, name, err) != 0) {
        goto done;
    }
    const double gain = level / fmax(1e-6, rms(x + first, n));
    for (size_t i = 0; i < n; i++) {
        f->reference[i] = (float)(gain * (double)x[first + i]);
    }
    f->reference_count = (int)n;
    result = cw_text_check(&r->notes, source->recording, err);
done:
    cw_recording_free(&recording);
    free(x);
    free(part);
    if (result != 0) {
        cw_voice_file_free(f);
    }
    return result;
}
