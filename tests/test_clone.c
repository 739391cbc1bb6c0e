/* Cloning: the reading script, regression from embeddings, additions of voice files, voices that speak with what they learnt, and the
 * whole way from a recording to a voice, a few steps of it. */
#include "episode/studio.h"
#include "episode/turn.h"
#include "models/catalogue.h"
#include "tests/synthetic.h"
#include "tests/test.h"
#include "voices/clone.h"
#include "voices/colour.h"
#include "voices/learnt.h"
#include "voices/prosody.h"
#include "voices/reading.h"
#include "voices/saying.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the reading script ------------------------------------------------------------------------------------------------------------ */

static void test_script(void) {
    static const struct {
        const char *language, *phonemes;
    } all[] = {{"en-us", "AIOWYTbdfhijklmnpstuvwzæðŋɑɔəɛɜɡɪɹʃʊʌʒʤʧθᵊᵻˈˌ"}, {"en-gb", "AIQWYabdfhijklmnpstuvwzðŋɑɒɔəɛɜɡɪɹʃʊʌʒʤʧθːˈˌ"}};
    struct cw_error err = {0};
    struct cw_speech *speech = NULL;
    char lexicon[CW_PATH_MAX];
    size_t words = 0;
    for (int i = 0; i < CW_READING; i++) {
        for (const char *p = cw_reading[i]; *p != '\0'; p++) {
            words += *p == ' ' || p[1] == '\0';
        }
    }
    CHECKF(words > 300 && words < 420, "%zu words are no two minutes", words);
    if (cw_model_path("lexicon", lexicon, &err) != 0) {
        cw_test_skip("no lexicon: castwright models fetch");
        return;
    }
    if (!CHECKF(cw_speech_open(&speech, lexicon, &err) == 0, "%s", err.text)) {
        return;
    }
    for (size_t l = 0; l < sizeof all / sizeof *all; l++) {
        struct cw_text spoken = {0};
        for (int i = 0; i < CW_READING; i++) {
            struct cw_speech_params p = cw_speech_params_default();
            struct cw_utterance u = {0};
            p.language = all[l].language;
            CHECKF(cw_speech_plan(speech, cw_reading[i], p, &u, &err) == 0, "%s", err.text);
            for (int c = 0; c < u.chunk_count; c++) {
                cw_text_add(&spoken, u.chunks[c].phonemes);
            }
            cw_utterance_free(&u);
        }
        for (const char *p = all[l].phonemes; *p != '\0';) {
            uint32_t code;
            const int n = cw_utf8_next(p, strlen(p), &code);
            char one[8] = "";
            int found = 0;
            memcpy(one, p, n > 0 ? (size_t)n : 1);
            for (const char *at = spoken.data; at != NULL && (at = strstr(at, one)) != NULL; at++) {
                found++;
            }
            CHECKF(found >= 2, "%s: \"%s\" is read %d times", all[l].language, one, found);
            p += n > 0 ? n : 1;
        }
        cw_text_free(&spoken);
    }
    cw_speech_close(speech);
}

/* ---- regression ---------------------------------------------------------------------------------------------------------------------- */

/* Stock voices whose embeddings are a linear map of their weights: the weights of another mix come out. */
static void test_regression(void) {
    enum { VOICES = 6, COUNT = VOICES + 60, NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE };
    struct cw_error err = {0};
    struct cw_stock s = {.voices = VOICES, .all = VOICES, .count = COUNT};
    float *map = calloc((size_t)VOICES * CW_EMBEDDING, sizeof *map), found[CW_STOCK_MAX], e[CW_EMBEDDING] = {0};
    const float wanted[VOICES] = {0.5F, 0, 0.3F, 0, 0.2F, 0};
    double error, sum = 0, apart = 0, cosine;
    s.packs = calloc((size_t)VOICES * NUMBERS, sizeof *s.packs);
    s.weights = calloc((size_t)COUNT * VOICES, sizeof *s.weights);
    s.embeddings = calloc((size_t)COUNT * CW_EMBEDDING, sizeof *s.embeddings);
    if (!CHECK(map && s.packs && s.weights && s.embeddings)) {
        goto done;
    }
    cw_gauss(cw_test_seed(), 1, 0, (size_t)VOICES * CW_EMBEDDING, map);
    cw_gauss(cw_test_seed(), 2, 0, (size_t)VOICES * NUMBERS, s.packs);
    cw_gauss(cw_test_seed(), 3, 0, (size_t)COUNT * VOICES, s.weights);
    for (int i = 0; i < COUNT; i++) {
        float *w = s.weights + (size_t)i * VOICES, all = 0;
        for (int v = 0; v < VOICES; v++) {
            w[v] = i < VOICES ? (float)(i == v) : fabsf(w[v]);
            all += w[v];
        }
        for (int v = 0; v < VOICES; v++) {
            w[v] /= all;
            for (int c = 0; c < CW_EMBEDDING; c++) {
                s.embeddings[(size_t)i * CW_EMBEDDING + (size_t)c] += w[v] * map[v * CW_EMBEDDING + c];
            }
        }
    }
    for (int v = 0; v < VOICES; v++) {
        for (int c = 0; c < CW_EMBEDDING; c++) {
            e[c] += wanted[v] * map[v * CW_EMBEDDING + c];
        }
    }
    if (CHECKF(cw_stock_like(&s, e, found, &error, &err) == 0, "%s", err.text)) {
        for (int v = 0; v < VOICES; v++) {
            sum += (double)found[v];
            apart = fmax(apart, fabs((double)found[v] - (double)wanted[v]));
        }
        CHECKF(apart < 0.01 && fabs(sum - 1) < 1e-4 && error < 0.05, "weights off by %.4f, their sum is %.4f, error %.3f", apart, sum,
               error);
    }
    CHECK(cw_stock_nearest(&s, map + 4 * CW_EMBEDDING, &cosine) == 4 && cosine > 0.999);
done:
    free(map);
    cw_stock_close(&s);
}

/* ---- prosody ------------------------------------------------------------------------------------------------------------------------- */

struct stage {
    int calls, stop_at;
};

static bool go_on(void *arg, int done, int all) {
    struct stage *g = arg;
    CHECKF(done == g->calls && done < all, "step %d, then %d of %d", g->calls, done, all);
    return ++g->calls != g->stop_at;
}

static bool load_stock(struct cw_stock *s, const char *const *names, int count) {
    enum { BYTES = SYNTHETIC_PACK * sizeof(float) };
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], leaf[64], path[CW_PATH_MAX];
    *s = (struct cw_stock){.packs = malloc((size_t)BYTES * (size_t)count)};
    for (int v = 0; v < count; v++, s->voices++) {
        char *data = NULL;
        size_t len = 0;
        snprintf(leaf, sizeof leaf, "%s.bin", names[v]);
        snprintf(s->names[v], sizeof s->names[v], "%s", names[v]);
        if (!CHECKF(s->packs != NULL && cw_model_path("voices", dir, &err) == 0 && cw_path_join(path, dir, leaf, &err) == 0 &&
                        cw_file_read(path, (size_t)1 << 24, &data, &len, &err) == 0 && len == BYTES,
                    "%s", err.text)) {
            free(data);
            return false;
        }
        memcpy(s->packs + (size_t)v * SYNTHETIC_PACK, data, BYTES);
        free(data);
    }
    return true;
}

/* A stock voice's own durations, F0 and energy are the recording; three others are there to be mixed. */
static void test_prosody(void) {
    static const char *const names[] = {"af_heart", "am_michael", "bm_george", "am_puck"};
    static const char *const said[] = {"ðə tˈId tˈɜɹnd bəfˌɔɹ nˈun, ænd nˈObˌɑdi ˌɔn ðə pˈɪɹ hæd nˈOTɪst."};
    static const char *const unseen[] = {"wˌɛn ðə lˈIts kˌAm bˈæk, wi fˈWnd ðæt ðə klˈɑk hæd stˈɑpt."}, *const word[] = {"hɛlˈO."};
    struct cw_error err = {0};
    char model[CW_PATH_MAX];
    struct cw_stock s = {0};
    struct cw_enrolment e = {0}, other = {0}, little = {0};
    struct cw_prosody p[2], mix;
    struct cw_prosody_trained t;
    struct cw_prosody_train_params q = cw_prosody_train_params_default();
    struct stage g = {0, 0};
    double again = 0, before = 0, after = 0;
    if (cw_model_path("kokoro", model, &err) != 0 || cw_model_path("voices", (char[CW_PATH_MAX]){0}, &err) != 0) {
        cw_test_skip("kokoro or voices is not there: castwright models fetch");
        return;
    }
    if (!load_stock(&s, names, 4)) {
        return;
    }
    const float *puck = s.packs + (size_t)3 * SYNTHETIC_PACK;
    s.voices = s.all = 3;
    for (int i = 0; i < 2; i++) {
        struct cw_device *d = NULL;
        struct cw_acoustic *a = NULL;
        if (!CHECKF(cw_device_open(&d, (struct cw_device_params){.threads = 2 - i}, &err) == 0 &&
                        cw_acoustic_open(&a, d, model, &err) == 0 &&
                        (i > 0 || (synthetic_make(&e, d, model, puck, said, 1, &err) == 0 &&
                                   synthetic_make(&other, d, model, puck, unseen, 1, &err) == 0 &&
                                   synthetic_make(&little, d, model, puck, word, 1, &err) == 0)),
                    "%s", err.text)) {
            return;
        }
        CHECKF(cw_prosody_fit(&p[i], d, model, &s, a, &e, go_on, &g, &err) == 0, "%s", err.text);
        CHECKF(g.calls == s.voices + 4 + q.steps + 1, "%d steps", g.calls); /* two rounds of the two others; the last measurement */
        CHECKF(p[i].mixed <= p[i].before && p[i].after < 0.9 * p[i].mixed && p[i].steps > 0,
               "distance %.4f, mixed %.4f, by gradients %.4f, %d steps", p[i].before, p[i].mixed, p[i].after, p[i].steps);
        CHECKF(cw_prosody_distance(&p[i], &s, a, &e, &again, &err) == 0 && fabs(again - p[i].after) < 1e-4, "%.6f, then %.6f: %s",
               p[i].after, again, err.text);
        mix = p[i]; /* on what was not fitted to */
        memset(mix.shift, 0, sizeof mix.shift);
        CHECKF(cw_prosody_distance(&mix, &s, a, &other, &before, &err) == 0 &&
                   cw_prosody_distance(&p[i], &s, a, &other, &after, &err) == 0 && after < before,
               "unseen: %.4f, then %.4f", before, after);
        g = (struct stage){0, s.voices + 4 + 5};
        CHECK_REFUSED(cw_prosody_fit(&mix, d, model, &s, a, &e, go_on, &g, &err), &err, "stopped");
        /* gradients that fail leave the mix, with a word */
        if (CHECKF(cw_prosody_fit(&mix, d, "/nowhere/kokoro.gguf", &s, a, &e, NULL, NULL, &err) == 0, "%s", err.text)) {
            CHECKF(strstr(mix.trouble, "/nowhere/kokoro.gguf") != NULL && mix.steps == 0 && mix.shift[0] == 0.0F &&
                       mix.after == mix.mixed && mix.mixed == p[i].mixed && mix.f0_slope > 0 && p[i].trouble[0] == '\0',
                   "%d steps, distance %.4f, mixed %.4f: \"%s\"", mix.steps, mix.after, mix.mixed, mix.trouble);
        }
        g = (struct stage){0, 0};
        const struct cw_prosody_start start = {p[i].weights, 1, 0, 0};
        CHECKF(cw_prosody_train(&t, d, model, a, &s, &little, start, q, &err) == 0 && t.step == 0 && t.shift[0] == 0.0F,
               "from one word: %d steps", t.step);
        q.rate = NAN;
        CHECK_REFUSED(cw_prosody_train(&t, d, model, a, &s, &e, start, q, &err), &err, "a rate above 0", "nan");
        q = cw_prosody_train_params_default();
        memset(little.utterances[0].f0, 0, sizeof(float) * 2 * (size_t)little.utterances[0].units);
        CHECK_REFUSED(cw_prosody_fit(&mix, d, model, &s, a, &little, NULL, NULL, &err), &err, "a voice with a pitch");
        cw_acoustic_close(a);
        cw_device_close(d);
    }
    CHECKF(memcmp(p[0].shift, p[1].shift, sizeof p[0].shift) == 0 && memcmp(p[0].weights, p[1].weights, sizeof p[0].weights) == 0 &&
               p[0].after == p[1].after && p[0].f0_slope == p[1].f0_slope && p[0].level == p[1].level,
           "two threads gave another prosody than one");
    synthetic_free(&e);
    synthetic_free(&other);
    synthetic_free(&little);
    free(s.packs);
}

/* ---- additions ----------------------------------------------------------------------------------------------------------------------- */

static void test_additions(void) {
    enum { OUT = 3, IN = 2, TAPS = 2, RANK = 2 };
    static const float offset[OUT] = {1, 2, 3}, down[RANK * IN * TAPS] = {1, 2, 3, 4, 5, 6, 7, 8}, up[RANK * OUT] = {1, 0, 2, 0, 1, -1};
    struct cw_learnt_layer layer = {"decoder.a", OUT, IN, TAPS, offset, RANK, down, up};
    const struct cw_learnt one = {&layer, 1};
    struct cw_learnt mixed = {0};
    struct cw_voice_file f = {0};
    struct cw_error err = {0};
    float zero[OUT * IN * TAPS] = {0}, bias[OUT] = {10, 10, 10}, *room[2] = {NULL, NULL};
    const float *w[2] = {zero, zero}, *b[2] = {bias, bias};
    char sum[2][65];
    CHECKF(cw_learnt_store(&one, &f, &err) == 0 && f.addition_count == 3, "%s", err.text);
    CHECK(f.addition_count == 3 && strcmp(f.additions[2].name, "offset.decoder.a.bias") == 0 &&
          strcmp(f.additions[1].name, "lora.b.decoder.a.weight") == 0 && f.additions[1].dims[0] == RANK && f.additions[1].dims[1] == OUT);
    /* a quarter and three quarters of one voice are that voice */
    CHECKF(cw_learnt_add(&mixed, f.additions, f.addition_count, 0.25, &err) == 0 &&
               cw_learnt_add(&mixed, f.additions, f.addition_count, 0.75, &err) == 0,
           "%s", err.text);
    CHECK(mixed.count == 1 && mixed.layers[0].rank == 2 * RANK);
    CHECKF(cw_learnt_fold(&one, "decoder.a", OUT, IN, TAPS, &w[0], &b[0], &room[0], &err) == 0 &&
               cw_learnt_fold(&mixed, "decoder.a", OUT, IN, TAPS, &w[1], &b[1], &room[1], &err) == 0,
           "%s", err.text);
    CHECK(memcmp(w[0], w[1], sizeof zero) == 0 && memcmp(b[0], b[1], sizeof bias) == 0 && b[0][2] == 13);
    CHECK(w[0][0] == 1 && w[0][4 * 2] == 2 * 1 - 5); /* up^T down */
    cw_learnt_content(&one, sum[0]);
    cw_learnt_content(&mixed, sum[1]);
    CHECK(strcmp(sum[0], sum[1]) != 0);
    f.additions[2].dims[0] = 2;
    CHECK_REFUSED(cw_learnt_add(&mixed, f.additions, f.addition_count, 1, &err), &err, "offset.decoder.a.bias", "found 2");
    f.additions[2].dims[0] = OUT;
    f.additions[0].name[0] = 'x'; /* lora.b without its lora.a adds nothing; a lora.a without its lora.b is refused */
    cw_learnt_clear(&mixed);
    CHECK(cw_learnt_add(&mixed, f.additions, f.addition_count, 1, &err) == 0 && mixed.layers[0].rank == 0);
    f.additions[0].name[0] = 'l';
    f.additions[1].name[0] = 'x';
    CHECK_REFUSED(cw_learnt_add(&mixed, f.additions, f.addition_count, 1, &err), &err, "lora.b.decoder.a.weight", "found none");
    free(room[0]);
    free(room[1]);
    cw_learnt_clear(&mixed);
    cw_voice_file_free(&f);
}

/* ---- speaking with what was learnt -------------------------------------------------------------------------------------------------- */

struct heard {
    float *x;
    size_t n;
};

static int take(void *arg, const float *samples, size_t n, struct cw_error *err) {
    struct heard *h = arg;
    float *more = realloc(h->x, sizeof *more * (h->n + n + 1));
    if (more == NULL) {
        return cw_fail_memory(err, "speech");
    }
    h->x = more;
    memcpy(more + h->n, samples, sizeof *more * n);
    h->n += n;
    return 0;
}

static struct heard hear(struct cw_studio *s, const struct cw_voice *v) {
    struct heard h = {0};
    struct cw_error err = {0};
    int64_t samples;
    int symbols;
    CHECKF(cw_turn_measure(s->booth, v, "en-us", 1, "One, two.", (struct cw_sink){take, &h}, &samples, &symbols, &err) == 0, "%s",
           err.text);
    return h;
}

static bool same(const struct heard *a, const struct heard *b) {
    return a->n > 0 && a->n == b->n && memcmp(a->x, b->x, sizeof *a->x * a->n) == 0;
}

/* af_heart that learnt an offset of this size at one place of each half. */
static bool learn(struct cw_studio *s, struct cw_voice *v, float by) {
    float *numbers = calloc(2048, sizeof *numbers);
    struct cw_voice_addition a[2] = {{"offset.decoder.encode.norm1.fc.bias", {1028}, 1, numbers},
                                     {"offset.decoder.generator.resblocks.1.convs1.2.bias", {256}, 1, numbers}};
    struct cw_error err = {0};
    for (int i = 0; numbers && i < 2048; i++) {
        numbers[i] = by;
    }
    bool ok = CHECKF(cw_studio_voice(s, v, "af_heart", &err) == 0 && cw_learnt_add(&v->learnt, a, 2, 1, &err) == 0, "%s", err.text);
    cw_learnt_content(&v->learnt, v->learnt_sha256);
    snprintf(v->sha256, sizeof v->sha256, "%s", v->learnt_sha256);
    free(numbers);
    return ok;
}

/* Two voices that learnt different things and a stock voice take turns: each has its own sound, the same every time. */
static void test_speaks(void) {
    struct cw_studio *s = NULL;
    struct cw_error err = {0};
    struct cw_voice v[4] = {{0}};
    struct heard h[7] = {{0}};
    char path[CW_PATH_MAX];
    if (cw_model_path("kokoro", path, &err) != 0 || cw_model_path("voices", path, &err) != 0 || cw_model_path("lexicon", path, &err) != 0) {
        cw_test_skip("kokoro, voices or lexicon is not there: castwright models fetch");
        return;
    }
    if (!CHECKF(cw_studio_open(&s, cw_studio_params_default(), &err) == 0 && cw_studio_need_plans(s, &err) == 0 &&
                    cw_studio_voice(s, &v[0], "af_heart", &err) == 0,
                "%s", err.text)) {
        goto done;
    }
    if (!learn(s, &v[1], 0.05F) || !learn(s, &v[2], -0.05F) || !learn(s, &v[3], 0)) {
        goto done;
    }
    static const int turns[6] = {0, 1, 2, 1, 0, 2};
    for (int i = 0; i < 6; i++) {
        h[i] = hear(s, &v[turns[i]]);
    }
    CHECKF(same(&h[0], &h[4]), "a stock voice sounds otherwise after learnt ones spoke");
    CHECKF(same(&h[1], &h[3]) && same(&h[2], &h[5]), "a learnt voice says the same otherwise the second time");
    CHECKF(!same(&h[0], &h[1]) && !same(&h[1], &h[2]) && !same(&h[0], &h[2]), "what was learnt is not heard");
    memcpy(v[3].sha256, v[0].sha256, sizeof v[3].sha256); /* the sound's random numbers hang on it */
    h[6] = hear(s, &v[3]);
    CHECKF(same(&h[0], &h[6]), "zeros learnt are heard");
    struct heard refused = {0};
    int64_t samples;
    int symbols;
    v[3].learnt_sha256[0] ^= 1;
    memcpy(v[3].learnt.layers[0].name, "decoder.other", sizeof "decoder.other");
    CHECK_REFUSED(cw_turn_measure(s->booth, &v[3], "en-us", 1, "One.", (struct cw_sink){take, &refused}, &samples, &symbols, &err), &err,
                  "af_heart", "layers that the engine has");
    free(refused.x);
done:
    for (int i = 0; i < 7; i++) {
        free(h[i].x);
    }
    for (int i = 0; i < 4; i++) {
        cw_voice_close(&v[i]);
    }
    cw_studio_close(s);
}

/* What ann learnt is of Kokoro's weights, which our mel model has not. */
static void refuse_learnt(void) {
    struct cw_studio *s = NULL;
    struct cw_voice v = {0};
    struct cw_error err = {0};
    if (CHECKF(cw_studio_open(&s, cw_studio_params_default(), &err) == 0 && cw_studio_need_plans(s, &err) == 0, "%s", err.text))
        CHECK_REFUSED(cw_studio_voice(s, &v, "mel:ann", &err), &err, "voice \"ann\"", "engine mel", "learnt");
    cw_studio_close(s);
}

/* A low-rank voice with its consent: opened, mixed, the mix saved and opened. */
static void test_sealed(void) {
    enum { NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE };
    static float offset[1028], down[2 * 514 * 3], up[2 * 1024];
    struct cw_learnt_layer layers[2] = {{"decoder.encode.norm1.fc", 1028, 0, 0, offset, 0, NULL, NULL},
                                        {"decoder.encode.conv1", 1024, 514, 3, NULL, 2, down, up}};
    const struct cw_learnt learnt = {layers, 2};
    struct cw_voice_file f = {
        .name = "ann", .made = "low-rank", .engine = "kokoro", .language = "en-us", .f0_slope = 1.1, .f0_offset = -0.5};
    struct cw_voice v = {0}, w = {0};
    struct cw_voice_file mixed = {.name = ""};
    struct cw_consent *c = calloc(1, sizeof *c);
    struct cw_key key = {0};
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    if (cw_model_path("voices", dir, &err) != 0) {
        cw_test_skip("the voice packs are not installed");
        free(c);
        return;
    }
    setenv("CASTWRIGHT_CONFIG", cw_test_dir(), 1);
    setenv("CASTWRIGHT_VOICES", cw_test_dir(), 1);
    cw_gauss(1, 1, 0, sizeof offset / sizeof *offset, offset);
    cw_gauss(1, 2, 0, sizeof down / sizeof *down, down);
    cw_gauss(1, 3, 0, sizeof up / sizeof *up, up);
    memset(f.engine_sha256, 'a', 64);
    if (!CHECK(c != NULL) || !CHECKF(cw_voice_open(&v, dir, "af_heart", &err) == 0 && cw_key_open(&key, &err) == 0, "%s", err.text)) {
        goto done;
    }
    *c = (struct cw_consent){
        .terms = {"Ada Byron", "tests", "2026-11-22", "9999-12-31", "en-us"}, .how = "self-declared", .recording_count = 1};
    memset(c->recordings[0], 'b', 64);
    c->embedding[3] = f.embedding[3] = 1;
    f.has_embedding = true;
    f.pack = v.pack;
    f.licence = cw_strdup("as the speaker's consent says");
    f.how = cw_strdup("numbers");
    if (CHECKF(cw_path_join(path, cw_test_dir(), "ann.gguf", &err) == 0 && cw_learnt_store(&learnt, &f, &err) == 0 &&
                   cw_consent_statement(&c->terms, c->statement, &err) == 0 && cw_consent_sign(c, &key, &err) == 0 &&
                   cw_voice_seal(&f, c, 1, &key, &err) == 0 && cw_voice_file_write(&f, path, &err) == 0 &&
                   cw_voice_open(&w, dir, "ann", &err) == 0,
               "%s", err.text)) {
        CHECK(w.learnt.count == 2 && w.people_count == 1 && w.learnt_sha256[0] != '\0' && strcmp(w.sha256, v.sha256) != 0);
        refuse_learnt();
    }
    cw_voice_close(&w);
    if (CHECKF(cw_voice_mix(&mixed, dir, "half", "ann*0.5 + am_puck*0.5", f.engine_sha256, &err) == 0 &&
                   cw_path_join(path, cw_test_dir(), "half.gguf", &err) == 0 && cw_voice_file_write(&mixed, path, &err) == 0 &&
                   cw_voice_open(&w, dir, "half", &err) == 0,
               "%s", err.text)) {
        CHECK(w.people_count == 1 && w.learnt.count == 2 && mixed.addition_count == 3);
        for (int i = 0; i < w.learnt.count; i++) {
            const struct cw_learnt_layer *l = &w.learnt.layers[i];
            CHECK(l->offset ? l->offset[7] == offset[7] / 2 : l->rank == 2 && l->up[9] == up[9] / 2 && l->down[5] == down[5]);
        }
    }
    f.additions[0].data[0] += 1; /* what was learnt is sealed too */
    CHECK(cw_path_join(path, cw_test_dir(), "ann.gguf", &err) == 0 && cw_voice_file_write(&f, path, &err) == 0);
    cw_voice_close(&w);
    CHECK_REFUSED(cw_voice_open(&w, dir, "ann", &err), &err, "ann", "seal");
done:
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    setenv("CASTWRIGHT_VOICES", "/nowhere/voices", 1);
    f.pack = NULL;
    cw_voice_file_free(&f);
    cw_voice_file_free(&mixed);
    cw_voice_close(&v);
    cw_voice_close(&w);
    cw_key_close(&key);
    free(c);
}

/* ---- the whole way ------------------------------------------------------------------------------------------------------------------- */

static const char said[] = "Nobody on the pier had seen it coming, so the first wave took them all by surprise. My brother bought seven "
                           "yellow lamps at the market, and he says that purple would have looked better.";

struct rig {
    struct cw_device *device;
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    struct cw_speech *speech;
    struct cw_encoder *encoder;
    struct cw_clone_engine engine;
    char kokoro[CW_PATH_MAX], ge2e[CW_PATH_MAX], sum[65], installed[CW_PATH_MAX], voices[CW_PATH_MAX], recording[CW_PATH_MAX];
};

static void rig_close(struct rig *r) {
    cw_encoder_close(r->encoder);
    cw_speech_close(r->speech);
    cw_vocoder_close(r->vocoder);
    cw_acoustic_close(r->acoustic);
    cw_device_close(r->device);
}

/* Three stock voices alone, so that hearing them is short, and a recording of a fourth. */
static bool rig_open(struct rig *r) {
    static const char *const few[] = {"af_heart.bin", "am_michael.bin", "bm_george.bin"};
    struct cw_error err = {0};
    char lexicon[CW_PATH_MAX], from[CW_PATH_MAX], to[CW_PATH_MAX], *data = NULL;
    struct cw_saying k = {0};
    struct cw_symbols text = {0};
    float *x = NULL;
    size_t len, n = 0;
    bool ok = false;
    *r = (struct rig){0};
    if (cw_model_path("kokoro", r->kokoro, &err) != 0 || cw_model_path("lexicon", lexicon, &err) != 0 ||
        cw_model_path("ge2e", r->ge2e, &err) != 0 || cw_model_path("voices", r->installed, &err) != 0) {
        cw_test_skip("kokoro, voices, lexicon or ge2e is not there: castwright models fetch");
        return false;
    }
    snprintf(r->voices, sizeof r->voices, "%.3000s/stock", cw_test_dir());
    snprintf(r->recording, sizeof r->recording, "%.3000s/puck.wav", cw_test_dir());
    if (!CHECKF(cw_device_open(&r->device, cw_device_params_default(), &err) == 0 &&
                    cw_acoustic_open(&r->acoustic, r->device, r->kokoro, &err) == 0 &&
                    cw_vocoder_open(&r->vocoder, r->device, r->kokoro, &err) == 0 && cw_speech_open(&r->speech, lexicon, &err) == 0 &&
                    cw_encoder_open(&r->encoder, r->device, r->ge2e, &err) == 0 && cw_model_sum(r->kokoro, r->sum, &err) == 0 &&
                    cw_dir_make(r->voices, &err) == 0,
                "%s", err.text)) {
        return false;
    }
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
        CHECKF(cw_path_join(from, r->installed, few[i], &err) == 0 && cw_path_join(to, r->voices, few[i], &err) == 0 &&
                   cw_file_read(from, 1 << 24, &data, &len, &err) == 0 && cw_file_write(to, data, len, &err) == 0,
               "%s", err.text);
        free(data);
        data = NULL;
    }
    r->engine = (struct cw_clone_engine){.enrol = {r->acoustic, r->vocoder, r->speech, r->encoder, r->voices, "en-us", NULL, 0, 0},
                                         .device = r->device,
                                         .model = r->kokoro,
                                         .model_sha256 = r->sum};
    if (CHECKF(cw_path_join(from, r->installed, "am_puck.bin", &err) == 0 && cw_file_read(from, 1 << 24, &data, &len, &err) == 0 &&
                   cw_symbols_of(&text, &r->engine.enrol, said, &err) == 0 && cw_saying_open(&k, r->acoustic, r->vocoder, &err) == 0 &&
                   cw_saying_run(&k, &text, (const float *)(const void *)data, 1, 0, &x, &n, &err) == 0 &&
                   cw_recording_write(r->recording, x, n, CW_ENROL_RATE, &err) == 0,
               "%s", err.text)) {
        ok = true;
    }
    free(data);
    free(x);
    cw_symbols_free(&text);
    cw_saying_close(&k);
    return ok;
}

struct watch {
    int steps, before; /* steps of training; voices of the tiers before */
    bool stop;
};

static bool watch(void *arg, const struct cw_clone_progress *p) {
    struct watch *w = arg;
    w->steps += p->train != NULL;
    return !w->stop;
}

static int before(void *arg, struct cw_voice_file *f, struct cw_error *err) {
    struct watch *w = arg;
    static const char *const names[] = {"puck_likeness", "puck_style"};
    static const char *const made[] = {"likeness", "style"};
    (void)err;
    CHECK(w->before < 2 && strcmp(f->name, names[w->before]) == 0 && strcmp(f->made, made[w->before]) == 0 &&
          f->addition_count == (size_t)(w->before == 0));
    w->before++;
    return 0;
}

static bool equal_files(const struct cw_voice_file *a, const struct cw_voice_file *b) {
    char sums[2][65];
    cw_voice_file_content(a, sums[0]);
    cw_voice_file_content(b, sums[1]);
    return strcmp(sums[0], sums[1]) == 0 && strcmp(a->how, b->how) == 0;
}

static void test_whole_way(void) {
    struct rig r;
    struct cw_error err = {0};
    struct cw_voice_file f[2] = {{.name = ""}, {.name = ""}}, back = {.name = ""};
    struct cw_clone_report report = {0};
    struct watch w = {0};
    struct cw_clone_params p = cw_clone_params_default();
    char checkpoint[CW_PATH_MAX], preview[CW_PATH_MAX], path[CW_PATH_MAX], cache[CW_PATH_MAX];
    if (!rig_open(&r)) {
        goto done;
    }
    snprintf(checkpoint, sizeof checkpoint, "%.3000s/puck.training", cw_test_dir());
    snprintf(preview, sizeof preview, "%.3000s/preview.wav", cw_test_dir());
    snprintf(path, sizeof path, "%.3000s/puck.gguf", cw_test_dir());
    snprintf(cache, sizeof cache, "%.3000s/stock.mixtures", cw_test_dir());
    r.engine.cache = cache;
    const struct cw_enrol_source source = {r.recording, said};
    p.name = "puck";
    p.tier = CW_CLONE_OFFSETS;
    p.seed = 7;
    p.steps[0] = p.steps[1] = 2;
    p.segment_units = 12;
    p.mixtures = p.sentences = 1;
    p.checkpoint = checkpoint;
    p.preview = preview;
    p.progress = watch;
    p.before = before;
    p.arg = &w;
    p.encoder_loss = true;
    CHECK_REFUSED(cw_clone(&f[0], &report, &r.engine, &source, 1, p, &err), &err, "speaker encoder's file");
    r.engine.encoder = r.ge2e;
    w.stop = true;
    CHECK_REFUSED(cw_clone(&f[0], &report, &r.engine, &source, 1, p, &err), &err, "stopped");
    cw_clone_report_free(&report);
    CHECK(f[0].pack == NULL);
    w.stop = false;
#ifdef __SANITIZE_ADDRESS__ /* minutes; enrolment and training have tests of their own */
    goto done;
#endif
    if (!CHECKF(cw_clone(&f[0], &report, &r.engine, &source, 1, p, &err) == 0, "%s", err.text)) {
        goto done;
    }
    CHECK(report.encoder_loss && strstr(f[0].how, "the speaker encoder in the loss") != NULL); /* and so no judge */
    CHECK(w.steps == 4 && w.before == 2 && cw_file_exists(checkpoint) && cw_file_exists(preview) && cw_file_exists(cache));
    CHECK(strcmp(f[0].made, "offsets") == 0 && f[0].addition_count > 100 && f[0].has_embedding && f[0].parent_count > 0);
    CHECKF(report.seconds > 8 && !report.unseen && report.similarity > 0.4 && report.similarity < 1 && report.ceiling > 0.999 &&
               strcmp(report.word, "likeness") == 0,
           "%.1f s, similarity %.3f, ceiling %.3f, %s", report.seconds, report.similarity, report.ceiling, report.word);
    CHECKF(report.held_out[1] != report.held_out[0] && report.held_out[2] != report.held_out[1] && /* little speech: to the end */
               report.held_out[2] < 1.01 * report.held_out[0],
           "held-out loss %.4f, %.4f, %.4f", report.held_out[0], report.held_out[1], report.held_out[2]);
    CHECKF(report.prosody_after <= report.prosody_before && f[0].f0_slope >= 0.6 && f[0].f0_slope <= 1.25, "prosody %.3f, then %.3f",
           report.prosody_before, report.prosody_after);
    if (CHECKF(cw_voice_file_write(&f[0], path, &err) == 0 && cw_voice_file_read(&back, path, &err) == 0, "%s", err.text)) {
        CHECK(equal_files(&f[0], &back));
        cw_voice_file_free(&back);
    }
    cw_clone_report_free(&report);
    /* all is learnt in the checkpoint, and heard in the cache: the same voice without them being made again */
    p.preview = NULL;
    p.before = NULL;
    if (CHECKF(cw_clone(&f[1], &report, &r.engine, &source, 1, p, &err) == 0, "%s", err.text)) {
        CHECKF(w.steps == 4 && equal_files(&f[0], &f[1]), "gone on from its checkpoint, another voice:\n%s\n%s", f[0].how, f[1].how);
    }
    cw_clone_report_free(&report);
    cw_voice_file_free(&f[1]);
    p.name = "no name";
    CHECK_REFUSED(cw_clone(&f[1], &report, &r.engine, &source, 1, p, &err), &err, "no name", "letters, digits and _");
done:
    cw_clone_report_free(&report);
    cw_voice_file_free(&f[0]);
    cw_voice_file_free(&f[1]);
    rig_close(&r);
}

/* ---- the command line ---------------------------------------------------------------------------------------------------------------- */

static const char *house; /* CASTWRIGHT_CONFIG of the program; NULL: the test's folder */

/* Runs the program with these words, what it prints into `out`; gives its exit code. */
static int run(char *out, size_t size, const char *const *words) {
    const char *argv[24] = {CW_PROGRAM};
    int pipes[2], status = -1;
    size_t used = 0;
    for (int i = 0; words[i] != NULL && i < 22; i++) {
        argv[i + 1] = words[i];
    }
    if (pipe(pipes) != 0) {
        return -1;
    }
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], 1);
        dup2(pipes[1], 2);
        close(pipes[0]);
        close(pipes[1]);
        if (freopen("/dev/null", "r", stdin) == NULL) {
            _exit(125);
        }
        setenv("CASTWRIGHT_VOICES", cw_test_dir(), 1);
        setenv("CASTWRIGHT_CONFIG", house ? house : cw_test_dir(), 1);
        execv(CW_PROGRAM, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(pipes[1]);
    for (ssize_t got; used + 1 < size && (got = read(pipes[0], out + used, size - used - 1)) > 0;) {
        used += (size_t)got;
    }
    out[used] = '\0';
    close(pipes[0]);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(code, piece, ...)                                                                                                              \
    do {                                                                                                                                   \
        const int got = run(out, sizeof out, (const char *const[]){__VA_ARGS__, NULL});                                                    \
        CHECKF(got == (code) && strstr(out, (piece)) != NULL, "exit code %d, expected %d with \"%s\"; printed: %.300s", got, (code),       \
               (piece), out);                                                                                                              \
    } while (0)

static void test_command(void) {
    static char out[16384];
    char wav[CW_PATH_MAX], txt[CW_PATH_MAX], folder[CW_PATH_MAX];
    struct cw_error err = {0};
    float *x = calloc(96000, sizeof *x);
    if (!CHECK(x != NULL)) {
        return;
    }
    snprintf(wav, sizeof wav, "%.3000s/short.wav", cw_test_dir());
    snprintf(txt, sizeof txt, "%.3000s/short.txt", cw_test_dir());
    snprintf(folder, sizeof folder, "%.3000s/rec", cw_test_dir());
    CHECKF(cw_recording_write(wav, x, 96000, 48000, &err) == 0, "%s", err.text);
    free(x);
    RUN(0, cw_reading[CW_READING - 1], "voices", "script");
    RUN(0, "--consent-recording", "voices", "clone", "--help");
    RUN(2, "expected a name and recordings", "voices", "clone", "ann");
    RUN(2, "the speaker's consent", "voices", "clone", "ann", wav);
    RUN(2, "found \"best\"", "voices", "clone", "ann", wav, "--i-am-the-speaker", "--tier", "best");
    RUN(2, "has no front end", "voices", "clone", "ann", wav, "--i-am-the-speaker", "--language", "ja");
    RUN(2, "has its own terms", "voices", "clone", "ann", wav, "--consent", "a.consent", "--until", "2030-01-01");
    RUN(2, "found no file", "voices", "clone", "ann", "/nowhere.wav", "--i-am-the-speaker");
    RUN(2, "expected what is said in it", "voices", "clone", "ann", wav, "--i-am-the-speaker");
    CHECK(cw_file_write(txt, " \n", 2, &err) == 0);
    RUN(2, "found nothing", "voices", "clone", "ann", wav, "--i-am-the-speaker");
    CHECK(cw_file_write(txt, "\xff", 1, &err) == 0);
    RUN(2, "UTF-8", "voices", "clone", "ann", wav, "--i-am-the-speaker");
    CHECK(cw_file_write(txt, "Hello.", 6, &err) == 0);
    /* no microphone; or one, but nobody who presses Enter */
    const int code = run(out, sizeof out, (const char *const[]){"voices", "script", "--record", folder, NULL});
    CHECKF((code == 1 && strstr(out, "no microphone") != NULL) || (code == 2 && strstr(out, "found the end of the input") != NULL),
           "exit code %d: %s", code, out);
}

/* `voices clone --consent FILE`: a record made before is what the voice stands on, and every way in which it is none is told before
 * anything is learnt. */
static void test_consent_file(void) {
    static char out[16384];
    struct rig r;
    struct cw_error err = {0};
    struct cw_key key = {0}, stranger = {0};
    char text[CW_PATH_MAX], record[CW_PATH_MAX], altered[CW_PATH_MAX], other[CW_PATH_MAX], wav[CW_PATH_MAX], path[CW_PATH_MAX];
    char next_door[CW_PATH_MAX], *data = NULL;
    size_t len;
    if (!rig_open(&r)) {
        goto done;
    }
    snprintf(text, sizeof text, "%.3000s/puck.txt", cw_test_dir());
    snprintf(record, sizeof record, "%.3000s/puck.consent", cw_test_dir());
    snprintf(altered, sizeof altered, "%.3000s/altered.consent", cw_test_dir());
    snprintf(other, sizeof other, "%.3000s/other.wav", cw_test_dir());
    snprintf(wav, sizeof wav, "%.3000s/yes.wav", cw_test_dir());
    snprintf(next_door, sizeof next_door, "%.3000s/next_door", cw_test_dir());
    struct cw_recording sound = {0};
    if (!CHECKF(cw_file_write(text, said, sizeof said - 1, &err) == 0 && cw_recording_read(&sound, r.recording, &err) == 0 &&
                    cw_recording_write(other, sound.samples, sound.count - 100, sound.rate, &err) == 0,
                "%s", err.text)) {
        cw_recording_free(&sound);
        goto done;
    }
    cw_recording_free(&sound);
    RUN(0, "puck.consent", "voices", "consent", r.recording, "--i-am-the-speaker", "--speaker", "Ada Byron", "--for", "tests", "--until",
        "9999-12-31", "-o", record);
    RUN(0, "F5 is shown", "voices", "clone", "ada_f5", r.recording, "--engine", "f5", "--consent", record);
    RUN(0, "Ada Byron, for tests", "voices", "show", "ada_f5");
    CHECKF(strstr(out, "\nrefused ") == NULL, "%s", out);
#ifndef __SANITIZE_ADDRESS__ /* minutes */
    char cache[CW_PATH_MAX];
    if (CHECKF(cw_models_dir(path, &err) == 0 && cw_path_join(cache, path, "heard/stock.mixtures", &err) == 0, "%s", err.text) &&
        cw_file_exists(cache)) { /* else all stock voices would have to be heard first, minutes */
        RUN(0, "ada: a likeness (likeness)", "voices", "clone", "ada", r.recording, "--tier", "likeness", "--consent", record);
        RUN(0, "Ada Byron, for tests", "voices", "show", "ada");
        RUN(0, "yes.wav", "say", "Yes.", "--voice", "ada", "-o", wav);
    }
#endif
    /* not the recordings that it is about; altered; another's, whose key is trusted; another's, whose key is not; taken back */
    CHECK(cw_file_write(text, said, sizeof said - 1, &err) == 0);
    snprintf(text, sizeof text, "%.3000s/other.txt", cw_test_dir());
    CHECK(cw_file_write(text, said, sizeof said - 1, &err) == 0);
    RUN(2, "one of the 1 recordings it is about", "voices", "clone", "bea", other, "--consent", record);
    if (CHECKF(cw_file_read(record, 1 << 16, &data, &len, &err) == 0, "%s", err.text)) {
        *strstr(data, "tests") = 'j';
        CHECK(cw_file_write(altered, data, len, &err) == 0);
        RUN(2, "altered", "voices", "clone", "bea", r.recording, "--consent", altered);
        free(data);
    }
    RUN(2, "/nowhere.consent", "voices", "clone", "bea", r.recording, "--consent", "/nowhere.consent");
    setenv("CASTWRIGHT_CONFIG", cw_test_dir(), 1);
    CHECKF(cw_key_open(&key, &err) == 0, "%s", err.text);
    setenv("CASTWRIGHT_CONFIG", next_door, 1);
    CHECKF(cw_key_open(&stranger, &err) == 0, "%s", err.text);
    house = next_door;
    RUN(2, "a key you trust", "voices", "clone", "bea", r.recording, "--consent", record);
    CHECKF(cw_trust_add(key.public_hex, &err) == 0, "%s", err.text);
    RUN(2, "a record that your own key signed", "voices", "clone", "bea", r.recording, "--consent", record);
    CHECKF(strstr(out, "fitting prosody") == NULL && strstr(out, "listening to the recordings") == NULL, "%s", out);
    house = NULL;
    RUN(0, "", "voices", "revoke", "ada_f5");
    RUN(2, "revoked on", "voices", "clone", "bea", r.recording, "--consent", record);
    snprintf(path, sizeof path, "%.3000s/bea.gguf", cw_test_dir());
    CHECK(!cw_file_exists(path));
done:
    house = NULL;
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    cw_key_close(&key);
    cw_key_close(&stranger);
    rig_close(&r);
}

/* A voice's own speech through a filter that is known: its bands are found, and a voice with them sounds so. */
static void test_colour(void) {
    static const char sentence[] = "Nobody on the pier had seen it coming, so the first wave took them all by surprise.";
    struct rig r;
    struct cw_error err = {0};
    struct cw_symbols text = {0};
    struct cw_saying k = {0};
    struct cw_vocoder *folded = NULL;
    struct cw_enrol_utterance u = {.text = NULL};
    const struct cw_enrolment e = {.utterances = &u, .count = 1, .band_hz = 7600};
    char path[CW_PATH_MAX], *pack = NULL;
    float *x = NULL, offsets[CW_COLOUR_OFFSETS], again[CW_COLOUR_OFFSETS];
    size_t len, n = 0;
    double expected[CW_COLOUR_BANDS], mean = 0;
    if (!rig_open(&r) ||
        !CHECKF(cw_path_join(path, r.installed, "am_puck.bin", &err) == 0 && cw_file_read(path, 1 << 24, &pack, &len, &err) == 0 &&
                    cw_symbols_of(&text, &r.engine.enrol, sentence, &err) == 0 && cw_saying_open(&k, r.acoustic, r.vocoder, &err) == 0,
                "%s", err.text)) {
        goto done;
    }
    const float *style = (const float *)(const void *)pack;
    if (!CHECK(text.chunks == 1) || !CHECKF(cw_saying_run(&k, &text, style, 1, 0, &x, &n, &err) == 0, "%s", err.text)) {
        goto done;
    }
    for (size_t i = n; i-- > 1;) { /* what is high becomes louder */
        x[i] -= 0.6F * x[i - 1];
    }
    for (int b = 0; b < CW_COLOUR_BANDS; b++) {
        expected[b] = 10 * log10(1.36 - 1.2 * cos(2 * M_PI * 1200 * (b < 5 ? b : 5) / 24000));
        mean += b < 4 ? expected[b] / 4 : 0;
    }
    u = (struct cw_enrol_utterance){.ids = text.ids[0], .count = text.counts[0], .units = (int)(n / CW_ENROL_UNIT), .samples = x};
    if (CHECKF(cw_colour_match(&r.engine.enrol, &e, style, 1, 0, offsets, &err) == 0, "%s", err.text)) {
        for (int b = 0; b < CW_COLOUR_OFFSETS; b++) {
            const double found = (double)offsets[b] * 20 / log(10), want = b < CW_COLOUR_BANDS ? fmin(6, expected[b] - mean) : 0;
            CHECKF(fabs(found - want) < (b < CW_COLOUR_BANDS ? 1.5 : 1e-9), "offset %d: %.2f dB, expected %.2f", b, found, want);
        }
        struct cw_learnt_layer last = {.name = CW_COLOUR_LAYER, .out = CW_COLOUR_OFFSETS, .offset = offsets};
        struct cw_enrol_engine with = r.engine.enrol;
        if (CHECKF(cw_vocoder_open_learnt(&folded, r.device, r.kokoro, &(const struct cw_learnt){&last, 1}, &err) == 0, "%s", err.text)) {
            with.vocoder = folded;
            CHECKF(cw_colour_match(&with, &e, style, 1, 0, again, &err) == 0, "%s", err.text);
            double was = 0, is = 0;
            for (int b = 0; b < 5; b++) {
                was += (double)offsets[b] * (double)offsets[b];
                is += (double)again[b] * (double)again[b];
            }
            CHECKF(is < 0.25 * was, "squared distance from the recording's spectrum: %.3f, from %.3f", is, was);
        }
    }
done:
    cw_vocoder_close(folded);
    cw_saying_close(&k);
    cw_symbols_free(&text);
    free(pack);
    free(x);
    rig_close(&r);
}

const struct cw_test cw_tests_clone[] = {
    {"clone.script", "what is read aloud holds every phoneme of the front end's English at least twice", test_script},
    {"clone.regression", "the weights of a mix come out of its embedding", test_regression},
    {"clone.colour", "the long-term spectrum of a recording is found and given to a voice", test_colour},
    {"clone.prosody", "prosody by gradients comes nearer than a mix, on what was not fitted to as well; any threads, the same bytes",
     test_prosody},
    {"clone.additions", "additions of a voice file become layers, mixed by weight, and back", test_additions},
    {"clone.speaks", "voices that learnt different things take turns with a stock voice, each with the same sound every time", test_speaks},
    {"clone.sealed", "a low-rank voice speaks by its consent alone, and so does a mix with it", test_sealed},
    {"clone.whole_way", "a recording becomes a voice; once more from checkpoint and cache, the same bytes", test_whole_way},
    {"clone.consent", "a voice stands on a record made before; one that does not hold is refused before anything is learnt",
     test_consent_file},
    {"clone.command", "voices clone and script on the command line, and what they refuse", test_command},
    {0},
};
