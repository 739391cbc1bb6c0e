/* Enrolment: pitch against sounds whose pitch is known, alignment against syntheses whose phonemes' times are known, and every
 * recording that a voice cannot be learnt from. */
#include "models/catalogue.h"
#include "tests/test.h"
#include "voices/align.h"
#include "voices/enrol.h"
#include "voices/f0.h"
#include "voices/voices.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char said[] = "The harbour was quiet before the storm, and the boats lay still. Nobody on the pier had seen it coming, "
                           "so the first wave took them all by surprise. We ran for the wall. Who would have thought of that?";
static const char other[] = "My brother bought seven yellow lamps at the market. He says that purple would have looked better, but "
                            "then again he always changes his mind. Which of them should I keep for the kitchen, and why?";

struct rig {
    struct cw_device *device;
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    struct cw_speech *speech;
    struct cw_encoder *encoder;
    struct cw_enrol_engine engine;
    char voices[CW_PATH_MAX];
};

static bool rig_open(struct rig *r) {
    struct cw_error err = {0};
    char kokoro[CW_PATH_MAX], lexicon[CW_PATH_MAX], ge2e[CW_PATH_MAX];
    *r = (struct rig){0};
    if (cw_model_path("kokoro", kokoro, &err) != 0 || cw_model_path("lexicon", lexicon, &err) != 0 ||
        cw_model_path("ge2e", ge2e, &err) != 0 || cw_model_path("voices", r->voices, &err) != 0) {
        cw_test_skip("kokoro, voices, lexicon or ge2e is not there: castwright models fetch");
        return false;
    }
    if (!CHECKF(cw_device_open(&r->device, cw_device_params_default(), &err) == 0 &&
                    cw_acoustic_open(&r->acoustic, r->device, kokoro, &err) == 0 &&
                    cw_vocoder_open(&r->vocoder, r->device, kokoro, &err) == 0 && cw_speech_open(&r->speech, lexicon, &err) == 0 &&
                    cw_encoder_open(&r->encoder, r->device, ge2e, &err) == 0,
                "%s", err.text)) {
        return false;
    }
    r->engine = (struct cw_enrol_engine){r->acoustic, r->vocoder, r->speech, r->encoder, r->voices, "en-us", NULL, 0, 0};
    return true;
}

static void rig_close(struct rig *r) {
    cw_encoder_close(r->encoder);
    cw_speech_close(r->speech);
    cw_vocoder_close(r->vocoder);
    cw_acoustic_close(r->acoustic);
    cw_device_close(r->device);
}

/* What a synthesis is made of. */
struct truth {
    float *x;
    size_t n;
    int ids[1024], durations[1024], symbols; /* padding, 0, included */
    float *f0, *energy;
    int frames;
};

static void truth_free(struct truth *t) {
    free(t->x);
    free(t->f0);
    free(t->energy);
    *t = (struct truth){0};
}

static void tap(void *arg, const char *stage, struct cw_mat m) {
    struct truth *t = arg;
    if (strcmp(stage, "N") == 0) {
        t->energy = realloc(t->energy, sizeof *t->energy * ((size_t)t->frames + (size_t)m.rows));
        for (int i = 0; t->energy != NULL && i < m.rows; i++) {
            t->energy[t->frames + i] = m.data[(size_t)i * (size_t)m.stride];
        }
    }
}

/* `text` by a stock voice, chunk after chunk. */
static bool synthesise(const struct rig *r, const char *text, const char *name, double speed, struct truth *t) {
    struct cw_error err = {0};
    struct cw_voice voice = {0};
    struct cw_utterance u = {0};
    struct cw_acoustic_session *a = NULL;
    struct cw_vocoder_session *v = NULL;
    struct cw_frames frames;
    struct cw_speech_params p = cw_speech_params_default();
    const float *samples;
    int ids[512], count = 0;
    bool ok = false;
    *t = (struct truth){0};
    if (CHECKF(cw_voice_open(&voice, r->voices, name, &err) == 0 && cw_speech_plan(r->speech, text, p, &u, &err) == 0 &&
                   cw_acoustic_session_open(&a, r->acoustic, &err) == 0 && cw_vocoder_session_open(&v, r->vocoder, &err) == 0,
               "%s", err.text)) {
        ok = true;
        cw_acoustic_session_tap(a, tap, t);
        for (int c = 0; ok && c < u.chunk_count; c++) {
            uint32_t code;
            size_t n = 0;
            count = 0;
            for (const char *s = u.chunks[c].phonemes; *s != '\0'; s += cw_utf8_next(s, strlen(s), &code)) {
                cw_utf8_next(s, strlen(s), &code);
                ids[count++] = cw_acoustic_symbol(r->acoustic, code);
            }
            struct cw_acoustic_input in = {
                .ids = ids, .count = count, .pack = voice.pack, .pack_rows = CW_PACK_ROWS, .speed = (float)speed};
            ok = CHECKF(cw_acoustic_run(a, &in, &frames, &err) == 0 && cw_vocoder_run(v, &frames, 5, &samples, &n, &err) == 0, "%s",
                        err.text);
            if (ok) {
                t->x = realloc(t->x, (t->n + n) * sizeof *t->x);
                t->f0 = realloc(t->f0, ((size_t)t->frames + (size_t)frames.count) * sizeof *t->f0);
                ok = CHECK(t->x && t->f0 && t->energy && t->symbols + frames.phonemes < 1024);
            }
            if (ok) {
                memcpy(t->x + t->n, samples, n * sizeof *t->x);
                memcpy(t->f0 + t->frames, frames.f0, (size_t)frames.count * sizeof *t->f0);
                memcpy(t->durations + t->symbols, frames.durations, sizeof(int) * (size_t)frames.phonemes);
                memcpy(t->ids + t->symbols + 1, ids, sizeof(int) * (size_t)count);
                t->n += n;
                t->frames += frames.count;
                t->symbols += frames.phonemes;
            }
        }
    }
    cw_acoustic_session_close(a);
    cw_vocoder_session_close(v);
    cw_utterance_free(&u);
    cw_voice_close(&voice);
    return ok;
}

static const char *write_wav(const char *name, const float *x, size_t n, int rate) {
    static char path[CW_PATH_MAX];
    SF_INFO info = {.samplerate = rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    snprintf(path, sizeof path, "%s/%s.wav", cw_test_dir(), name);
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    if (CHECK(f != NULL)) {
        sf_command(f, SFC_SET_CLIPPING, NULL, SF_TRUE);
        CHECK(sf_writef_float(f, x, (sf_count_t)n) == (sf_count_t)n);
        sf_close(f);
    }
    return path;
}

/* A gliding voice, then noise, then the voice again. `harmonics` equally loud ones, as a rough voice near the microphone has, make dozens
 * of troughs before the one that is the period. */
static void f0_of(int harmonics, bool equal) {
    enum { RATE = 24000, N = 3 * RATE, HOP = 300, FRAMES = N / HOP };
    float *x = calloc(N, sizeof *x), *noise = calloc(N, sizeof *noise), f0[FRAMES];
    struct cw_error err = {0};
    double phase = 0;
    if (!CHECK(x != NULL && noise != NULL)) {
        return;
    }
    cw_gauss(cw_test_seed(), 3, 0, N, noise);
    for (int i = 0; i < N; i++) {
        double hz = 90 * pow(2.5, (double)i / N);
        phase += hz / RATE;
        bool voiced = i < RATE || i >= 2 * RATE;
        for (int h = 1; h <= harmonics && voiced; h++) {
            x[i] += (float)(0.1 / (equal ? harmonics : h) * sin(2 * M_PI * h * phase));
        }
        x[i] += noise[i] * (voiced ? 0.003F : 0.05F);
    }
    if (CHECKF(cw_f0_track(x, N, RATE, HOP, f0, FRAMES, &err) == 0, "%s", err.text)) {
        int wrong = 0, voiced_wrong = 0;
        double worst = 0;
        for (int t = 3; t < FRAMES - 3; t++) {
            double hz = 90 * pow(2.5, (double)t / FRAMES);
            bool voiced = t < FRAMES / 3 || t >= 2 * FRAMES / 3;
            if (abs(t - FRAMES / 3) < 4 || abs(t - 2 * FRAMES / 3) < 4) {
                continue;
            }
            if (voiced != (f0[t] > 0)) {
                voiced_wrong++;
            } else if (voiced) {
                double off = fabs(log((double)f0[t] / hz));
                wrong += off > 0.06;
                worst = off < 0.06 ? fmax(worst, off) : worst;
            }
        }
        CHECKF(wrong == 0 && worst < 0.02, "%d harmonics: %d octave errors and the like, else off by %.3f at most", harmonics, wrong,
               worst);
        CHECKF(voiced_wrong <= 4, "%d harmonics: %d frames taken for voiced, or not, wrongly", harmonics, voiced_wrong);
    }
    CHECK(cw_f0_track(memset(x, 0, N * sizeof *x), N, RATE, HOP, f0, FRAMES, &err) == 0 && f0[100] == 0);
    free(x);
    free(noise);
}

static void test_f0(void) {
    f0_of(10, false);
    f0_of(40, true);
}

/* Another stock voice says it: its phonemes' times, pitch and energy are known. */
static void test_truth(void) {
    struct rig r;
    struct truth t = {0};
    struct cw_enrolment e = {0};
    struct cw_text notes = {0};
    struct cw_error err = {0};
    if (rig_open(&r) && synthesise(&r, said, "bm_george", 0.9, &t)) {
        struct cw_enrol_source source = {write_wav("said", t.x, t.n, 24000), said};
        if (CHECKF(cw_enrol(&e, &r.engine, &source, 1, &notes, &err) == 0, "%s", err.text) && CHECK(e.count >= 1)) {
            /* where silence between two chunks is cut is nobody's truth, so symbols alone are compared */
            int at = 0, off[1024], n = 0, far = 0;
            double truth = 0;
            double pitch = 0, xy = 0, xx = 0, yy = 0, mx = 0, my = 0;
            int shift = 0; /* what was cut off at the front, in units: found where energies agree best */
            double best = -1;
            for (int s = 0; s < 40; s++) {
                double c = 0, a = 0, b = 0;
                for (int i = 0; i < 2 * e.utterances[0].units && 2 * s + i < t.frames; i++) {
                    double p = (double)e.utterances[0].energy[i] + 5, q = (double)t.energy[2 * s + i] + 5;
                    c += p * q;
                    a += p * p;
                    b += q * q;
                }
                if (c / sqrt(a * b) > best) {
                    best = c / sqrt(a * b);
                    shift = s;
                }
            }
            int here = shift, same = 0, both = 0, sung = 0;
            for (int k = 0; k < e.count; k++) {
                const struct cw_enrol_utterance *u = &e.utterances[k];
                int sum = 0, start = here;
                for (int p = 0; p < u->count + 2; p++) {
                    CHECK(u->durations[p] >= 1);
                    if (p > 0 && p <= u->count && at < t.symbols) {
                        off[n++] = abs(here - (int)truth);
                    }
                    truth += at < t.symbols ? t.durations[at] : 0;
                    at++;
                    here += u->durations[p];
                    sum += u->durations[p];
                }
                CHECK(sum == u->units);
                for (int i = 0; i < 2 * u->units && 2 * start + i < t.frames; i++) {
                    double p = (double)u->energy[i], q = (double)t.energy[2 * start + i];
                    mx += p;
                    my += q;
                    xx += p * p;
                    yy += q * q;
                    xy += p * q;
                    both++;
                    bool voiced = t.f0[2 * start + i] > 40;
                    same += voiced == (u->f0[i] > 0);
                    sung += voiced && u->f0[i] > 0;
                    pitch += voiced && u->f0[i] > 0 && fabs(log((double)u->f0[i] / (double)t.f0[2 * start + i])) < 0.05;
                }
            }
            double corr = (xy - mx * my / both) / sqrt((xx - mx * mx / both) * (yy - my * my / both));
            double mean = 0;
            for (int i = 0; i < n; i++) {
                mean += (double)off[i] / n;
                far += off[i] > 4;
            }
            CHECK(n > 150);
            CHECKF(mean < 1.6 && far < n / 12, "boundaries %.2f units off in the mean, %d of %d by more than 100 ms", mean, far, n);
            CHECKF(corr > 0.95, "energy correlates by %.3f", corr);
            CHECKF(pitch > 0.8 * sung && sung > 0.4 * both, "of %d frames %d are voiced in both, and %.0f of one pitch", both, sung, pitch);
            CHECKF(same > 0.75 * both, "voicing agrees in %d of %d frames", same, both);
            CHECKF(e.utterances[0].confidence > 0.5F, "confidence %.2f", (double)e.utterances[0].confidence);
            CHECK(strncmp(e.utterances[0].text, "The harbour was quiet before the storm,", 39) == 0);

            struct cw_enrol_utterance *u = &e.utterances[0]; /* raised, what is heard is what the curve says */
            struct cw_align_side heard = {0};
            cw_enrolment_raise(&e, 1);
            if (CHECKF(cw_align_side_make(&heard, u->samples, (size_t)u->units * CW_ENROL_UNIT, e.band_hz, &err) == 0, "%s", err.text)) {
                double apart = 0;
                int loud = 0;
                for (int i = 8; i < 2 * u->units - 8; i++) {
                    if (heard.energy[i] > 2) {
                        apart += fabs((double)heard.energy[i] - (double)u->energy[i]);
                        loud++;
                    }
                }
                CHECKF(loud > 40 && apart < 0.02 * loud, "energy of %d loud frames is off by %.3f", loud, apart / (loud > 0 ? loud : 1));
            }
            cw_align_side_free(&heard);
        }
    }
    cw_text_free(&notes);
    cw_enrolment_free(&e);
    truth_free(&t);
    rig_close(&r);
}

/* What enrolment finds of x, symbol after symbol. */
static int enrolled(const struct rig *r, const char *name, const float *x, size_t n, const char *text, int durations[1024], int ids[1024]) {
    struct cw_enrol_engine g = r->engine;
    struct cw_enrol_source source = {write_wav(name, x, n, 24000), text};
    struct cw_enrolment e = {0};
    struct cw_text notes = {0};
    struct cw_error err = {0};
    int symbols = 0;
    g.beside = "am_fenrir";
    g.least_seconds = 3;
    if (CHECKF(cw_enrol(&e, &g, &source, 1, &notes, &err) == 0 && notes.len == 0, "%s%s", err.text, notes.len ? notes.data : "")) {
        for (int k = 0; k < e.count; k++) {
            for (int p = 0; p < e.utterances[k].count + 2 && symbols < 1024; p++) {
                ids[symbols] = p > 0 && p <= e.utterances[k].count ? e.utterances[k].ids[p - 1] : 0;
                durations[symbols++] = e.utterances[k].durations[p];
            }
        }
    }
    cw_text_free(&notes);
    cw_enrolment_free(&e);
    return symbols;
}

/* A reader who pauses between two words, where the text has no comma: one is put there and takes the pause, which is shortened, and every
 * sound stays what it was. */
static void test_pauses(void) {
    enum { PAUSE = 24, KEPT = 16, PAUSES = 3 }; /* 0.6 s each, of which 0.4 are kept */
    static const char text[] = "The harbour was quiet before the storm, and the boats lay still in the evening sun. Nobody had seen the "
                               "first wave coming.";
    struct rig r;
    struct truth t = {0};
    int plain[1024], paused[1024], plain_ids[1024], paused_ids[1024], at[PAUSES], spaces = 0, pauses = 0;
    float *x = NULL, *room = NULL;
    if (rig_open(&r) && synthesise(&r, text, "bm_george", 1, &t)) {
        const int space = cw_acoustic_symbol(r.acoustic, ' '), comma = cw_acoustic_symbol(r.acoustic, ',');
        const size_t all = t.n + (size_t)PAUSES * PAUSE * CW_ENROL_UNIT;
        size_t from = 0, to = 0, here = 0;
        x = calloc(all, sizeof *x);
        room = calloc(all, sizeof *room);
        if (!CHECK(x != NULL && room != NULL)) {
            goto done;
        }
        for (int s = 0; s < t.symbols; s++) { /* in the middle of every fourth space that no comma goes before */
            const size_t middle = here + (size_t)t.durations[s] * CW_ENROL_UNIT / 2;
            if (s > 0 && t.ids[s] == space && t.ids[s - 1] != comma && ++spaces % 4 == 0 && pauses < PAUSES) {
                memcpy(x + to, t.x + from, sizeof *x * (middle - from));
                to += middle - from + (size_t)PAUSE * CW_ENROL_UNIT;
                from = middle;
                at[pauses++] = s;
            }
            here += (size_t)t.durations[s] * CW_ENROL_UNIT;
        }
        memcpy(x + to, t.x + from, sizeof *x * (t.n - from));
        cw_gauss(cw_test_seed(), 4, 0, all, room);
        for (size_t i = 0; i < all; i++) {
            x[i] += 0.001F * room[i];
        }
        for (size_t i = 0; i < t.n; i++) {
            t.x[i] += 0.001F * room[i];
        }
        if (CHECK(pauses == PAUSES) && CHECK(enrolled(&r, "plain", t.x, t.n, text, plain, plain_ids) == t.symbols) &&
            CHECK(enrolled(&r, "paused", x, all, text, paused, paused_ids) == t.symbols + PAUSES)) {
            for (int s = 0, p = 0, k = 0; s < t.symbols; s++, p++) { /* symbol s without pauses is symbol p with them */
                if (k < PAUSES && s == at[k]) {
                    CHECKF(paused_ids[p] == comma, "pause %d: expected a comma before the space, found symbol %d", k, paused_ids[p]);
                    CHECKF(paused[p] == KEPT, "pause %d: expected %d units, found %d", k, KEPT, paused[p]);
                    p++;
                    k++;
                }
                CHECK(paused_ids[p] == plain_ids[s] && plain_ids[s] == t.ids[s]);
                for (int near = 0; near < PAUSES; near++) {
                    CHECKF(abs(s - at[near]) > 3 || abs(paused[p] - plain[s]) <= 2,
                           "pause %d: the symbol at %+d lasts %d units, without it %d", near, s - at[near], paused[p], plain[s]);
                }
            }
        }
    }
done:
    free(x);
    free(room);
    truth_free(&t);
    rig_close(&r);
}

static void refuse(const struct rig *r, const char *name, const float *x, size_t n, int rate, const char *text, const char *const *pieces) {
    struct cw_enrolment e = {0};
    struct cw_text notes = {0};
    struct cw_error err = {0};
    struct cw_enrol_source source = {write_wav(name, x, n, rate), text};
    cw_test_check_refused(cw_enrol(&e, &r->engine, &source, 1, &notes, &err), &err, __FILE__, __LINE__, pieces);
    CHECKF(err.code == CW_BAD_INPUT, "%s was taken, confidence %.2f", name, e.count > 0 ? (double)e.utterances[0].confidence : 0);
    cw_enrolment_free(&e);
    cw_text_free(&notes);
}
#define REFUSE(name, x, n, rate, text, ...) refuse(&r, name, x, n, rate, text, (const char *const[]){__VA_ARGS__, NULL})

static void test_refused(void) {
    struct rig r;
    struct truth t = {0}, u = {0};
    struct cw_error err = {0};
    float *x = NULL, *low = NULL, *noise = NULL;
    size_t count;
    if (rig_open(&r) && synthesise(&r, said, "bm_lewis", 1, &t) && synthesise(&r, other, "af_heart", 1, &u) &&
        CHECK((x = calloc(t.n + u.n, sizeof *x)) != NULL && (noise = calloc(t.n + u.n, sizeof *noise)) != NULL)) {
        cw_gauss(cw_test_seed(), 9, 0, t.n + u.n, noise);
        REFUSE("silence", x, t.n, 24000, said, "expected speech, found 0.0 s");
        REFUSE("short", t.x, 2 * 24000, 24000, said, "at least 3 seconds", "whole sentences");
        REFUSE("brief", t.x, 6 * 24000, 24000,
               "The harbour was quiet before the storm, and the boats lay still. Nobody on the pier had seen it coming.",
               "at least 8 seconds");
        REFUSE("wrong_text", t.x, t.n, 24000, other, "at least 8 seconds of speech that fits its text");
        REFUSE("long_text", t.x, 5 * 24000, 24000, said, "is it the right text?");
        for (size_t i = 0; i < t.n; i++) {
            x[i] = 20 * t.x[i];
        }
        REFUSE("clipped", x, t.n, 24000, said, "not clipped", "turn the microphone down");
        for (size_t i = 0; i < t.n; i++) {
            x[i] = 0.01F * t.x[i];
        }
        REFUSE("quiet", x, t.n, 24000, said, "dBFS", "nearer to the microphone");
        for (size_t i = 0; i < t.n; i++) {
            x[i] = t.x[i] + 0.03F * noise[i];
        }
        REFUSE("noisy", x, t.n, 24000, said, "quieter than the speech", "quiet room");
        for (size_t i = 0; i < t.n; i++) {
            x[i] = 0.05F * noise[i];
        }
        REFUSE("noise", x, t.n, 24000, said, "as noise has");
        if (CHECK(cw_resample(t.x, t.n, 24000, 8000, &low, &count, &err) == 0)) {
            REFUSE("telephone", low, count, 8000, said, "as telephones have");
        }
        for (size_t i = 0; i < t.n; i++) { /* chords of four tones with overtones, half a second each */
            double beat = (double)(i % 12000) / 12000, sum = 0;
            for (int k = 0; k < 4; k++) {
                double hz = 110 * pow(2, (double)((i / 12000 * 5 + (size_t)k * 4) % 24) / 12);
                for (int h = 1; h <= 30; h++) {
                    sum += sin(2 * M_PI * hz * h * (double)i / 24000) / h;
                }
            }
            x[i] = (float)(0.04 * sum * (0.6 + 0.4 * exp(-3 * beat)));
        }
        REFUSE("music", x, t.n, 24000, said, "music");
        REFUSE("music_8", x, 8 * 24000, 24000, said, "at one level, as music has"); /* too short to have to have a pause */
        REFUSE("music_4", x, 4 * 24000, 24000, said, "at one level, as music has");
        memcpy(x, t.x, t.n * sizeof *x);
        memcpy(x + t.n, u.x, u.n * sizeof *x);
        REFUSE("two", x, t.n + u.n, 24000, said, "sound like two");
        float *more = calloc((size_t)40 * 60 * 8000, sizeof *more); /* 40 minutes; and 125 s of sentences */
        if (CHECK(more != NULL)) {
            for (size_t i = 0; i < (size_t)125 * 24000; i++) {
                more[i] = t.x[i % t.n];
            }
            REFUSE("long", more, (size_t)125 * 24000, 24000, said, "at most 120 seconds", "cut it into parts");
            REFUSE("longer", more, (size_t)40 * 60 * 8000, 8000, said, "at most 10 minutes", "cut a few minutes of clear speech");
        }
        free(more);
        CHECK_REFUSED(cw_enrol_check(&(struct cw_recording){.samples = x, .count = 100, .rate = 24000}, r.encoder, &err), &err,
                      "expected speech");
    }
    free(x);
    free(low);
    free(noise);
    truth_free(&t);
    truth_free(&u);
    rig_close(&r);
}

const struct cw_test cw_tests_enrol[] = {
    {"enrol.refused", "recordings that nothing can be learnt from are refused with what to do", test_refused},
    {"enrol.f0", "pitch is found within 2 %, voice and noise told apart", test_f0},
    {"enrol.pauses", "a reader's pauses fall to what is between words", test_pauses},
    {"enrol.truth", "phonemes, pitch and energy of a recording come near the truth", test_truth},
    {0},
};
