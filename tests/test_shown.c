/* Zero-shot voices and the engine that speaks them: text, time and doubts by themselves; recordings that make a voice and that do not; and
 * the whole way from a recording to an episode of both engines, by the program. The weights are random, so all is real but the sound; with
 * CASTWRIGHT_F5=CHECKPOINT it is a real model's, judged by its words and its speaker; CASTWRIGHT_F5_VARIANT=v0|v1 where the path does not
 * say it, CASTWRIGHT_VOCOS=CHECKPOINT where no Vocos is installed. */
#include "episode/crew.h"
#include "episode/ear.h"
#include "episode/manifest.h"
#include "episode/turn.h"
#include "models/catalogue.h"
#include "models/gguf_out.h"
#include "tests/test.h"
#include "tests/test_house.h"
#include "tests/test_program.h"
#include "tests/test_server.h"
#include "tts/f5_text.h"
#include "voices/encoder.h"
#include "voices/spoken.h"
#include "voices/zero_shot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sndfile.h>

/* ---- text, time, doubts ----------------------------------------------------------------------------------------------------------- */

static void test_text(void) {
    /* written by pip f5-tts 1.1.22 (convert_char_to_pinyin); the last three are ours alone: marks that it would leave */
    static const char *const cases[][2] = {
        {"Some call me nature, others call me mother nature. I don't really care what you call me.",
         "Some call me nature, others call me mother nature. I don't really care what you call me."},
        {"A well-known (and rather old) tale: \u201cYes,\u201d she said; then 3.5 of 12,000 went home... Really?! It cost ten%-ish.",
         "A well-known ( and rather old) tale: \"Yes,\" she said, then 3.5 of 12, 000 went home ... Really?! It cost ten%- ish."},
        {"First, second,third! Well... yes. He said:'no'. x/y and A.B. end.",
         "First, second, third! Well ... yes. He said:'no'. x/y and A.B. end."},
        {"yes--no, v2.0 and a_b", "yes -- no, v2.0 and a_b"},
        {"We \u2014 all of us \u2014 went\u2026", "We, all of us, went ..."},
        {"It\u2019s\u00a0so", "It's so"},
        {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cw_text t = {0};
        cw_f5_write(cases[i][0], &t);
        CHECK_STR(t.data ? t.data : "", cases[i][1]);
        cw_text_free(&t);
    }
    struct cw_text t = {0};
    cw_f5_write_reference("He went.  ", &t);
    CHECK_STR(t.data, "He went. ");
    cw_text_clear(&t);
    cw_f5_write_reference("Did he", &t);
    CHECK_STR(t.data, "Did he. ");
    cw_text_free(&t);
    CHECK(fabs(cw_f5_weight_of("jˈɛs.") - 6.6) < 1e-9 && fabs(cw_f5_weight_of("a, I") - 5.4) < 1e-9);
}

static void test_time(void) {
    struct cw_f5_timing t = {.reference_frames = 469, .reference_bytes = 80, .bytes = 120, .speed = 1, .by_bytes = true};
    CHECK(cw_f5_frames(&t) == 703); /* int(469 / 80 * 120 / 1), as the published code has it */
    t.bytes = 9;
    CHECK(cw_f5_frames(&t) == 175); /* int(469 / 80 * 9 / 0.3) */
    t = (struct cw_f5_timing){.reference_frames = 400, .reference_weight = 80, .weight = 60, .speed = 1};
    CHECK(cw_f5_frames(&t) == 300);
    t.speed = 2;
    CHECK(cw_f5_frames(&t) == 150);
    t.speed = 1;
    int before = 0;
    for (t.weight = 1; t.weight < 60; t.weight++) { /* more sounds, more time; short texts the most for each */
        CHECK(cw_f5_frames(&t) > before);
        before = cw_f5_frames(&t);
    }
    t.weight = 6;
    CHECK(cw_f5_frames(&t) == 70);
}

/* Two seconds of bursts with short pauses, silence at both ends. */
static void make_bursts(float *x, int n) {
    cw_gauss(1, 1, 0, (size_t)n, x);
    for (int i = 0; i < n; i++)
        x[i] *= i < 2400 || i >= n - 2400 || i % 4800 > 3600 ? 0 : 0.1F;
}

static void test_doubts(void) {
    enum { N = 48000 };
    static float x[N];
    static const char *const names[] = {"short", "long", "gap", "head", "tail", "flat", "lost", "again", "drawn", "stray"};
    make_bursts(x, N);
    CHECKF(cw_turn_doubts(x, N, 25, 0.07) == 0, "%u", cw_turn_doubts(x, N, 25, 0.07));
    CHECK(cw_turn_doubts(x, N, 100, 0.07) == CW_DOUBT_SHORT);
    CHECK(cw_turn_doubts(x, N, 4, 0.07) == CW_DOUBT_LONG);
    memset(x + 10000, 0, sizeof *x * 30000);
    CHECK(cw_turn_doubts(x, N, 25, 0.07) == CW_DOUBT_GAP);
    make_bursts(x, N);
    cw_gauss(2, 1, 0, 2400, x);
    CHECK(cw_turn_doubts(x, N, 25, 0.07) & CW_DOUBT_HEAD);
    make_bursts(x, N);
    for (int i = N - 2400; i < N; i++)
        x[i] = i % 2 ? 0.1F : -0.1F;
    CHECK(cw_turn_doubts(x, N, 25, 0.07) == CW_DOUBT_TAIL);
    cw_gauss(3, 1, 0, N, x);
    CHECK(cw_turn_doubts(x, N, 25, 0.07) == (CW_DOUBT_FLAT | CW_DOUBT_HEAD | CW_DOUBT_TAIL));
    memset(x, 0, sizeof x);
    CHECK(cw_turn_doubts(x, N, 25, 0.07) == (CW_DOUBT_SHORT | CW_DOUBT_FLAT));
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_STR(cw_turn_doubt(i), names[i]);
    CHECK(cw_turn_doubt(10) == NULL);
}

/* Takes whose doubts are given: which are made, which stays, and what is recorded. */
static void test_retakes(void) {
    enum { S = CW_DOUBT_SHORT, L = CW_DOUBT_LOST, D = CW_DOUBT_DRAWN, G = CW_DOUBT_GAP };
    static const struct {
        unsigned doubts[3]; /* of each take */
        int made[5];        /* the takes in the order in which they are made; the last stays; -1 ends them */
        int retakes;
        unsigned left;
    } cases[] = {{{0, S, S}, {0, -1}, 0, 0},
                 {{S, 0, S}, {0, 1, -1}, 1, 0},
                 {{S | L, S, 0}, {0, 1, 2, -1}, 2, 0},
                 {{S | L | D, S | L, G}, {0, 1, 2, -1}, 2, G},
                 {{S, S | L, S | L | D}, {0, 1, 2, 0, -1}, 2, S},
                 {{S | L, D, S | L | D}, {0, 1, 2, 1, -1}, 2, D},
                 {{S | L | D, D, D | G}, {0, 1, 2, 1, -1}, 2, D},
                 {{L, S, D}, {0, 1, 2, 0, -1}, 2, L}, /* of several as good the first */
                 {{S | L, D, G}, {0, 1, 2, 1, -1}, 2, D}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cw_takes t = {0};
        int n = 0;
        for (bool more = true; more; n++) {
            if (!CHECKF(n < 4 && t.now == cases[i].made[n], "case %zu: take %d as number %d", i, t.now, n))
                break;
            more = !t.settled && cw_takes_again(&t, cases[i].doubts[t.now]);
        }
        CHECKF(cases[i].made[n] == -1 && t.best == cases[i].made[n - 1], "case %zu: %d takes, the best %d", i, n, t.best);
        CHECKF(t.retakes == cases[i].retakes && t.doubts == cases[i].left, "case %zu: %d retakes, doubts %x left", i, t.retakes, t.doubts);
    }
}

/* Retakes and doubts in the manifest: of a turn that had any, as they were counted. */
static void test_recorded(void) {
    static struct cw_studio studio;
    static const struct cw_manifest_turn turns[] = {
        {"Ann", "a", 1, true, 0, 0}, {"Bob", "b", 1, true, 1, 0}, {"Ann", "c", 1, false, 5, CW_DOUBT_SHORT | CW_DOUBT_STRAY}};
    static const char *const names[] = {NULL};
    static const struct cw_manifest_writing writing;
    struct cw_script script = {.title = (char[]){"T"}, .language = (char[]){"en-us"}};
    struct cw_error err = {0};
    struct cw_manifest m = {.out_dir = cw_test_dir(),
                            .script = &script,
                            .script_sum = "s",
                            .studio = &studio,
                            .turns = turns,
                            .turn_count = 3,
                            .inputs = "i",
                            .files = names,
                            .writing = &writing};
    snprintf(studio.lexicon_dir, sizeof studio.lexicon_dir, "%s", cw_test_dir());
    if (CHECKF(!cw_device_open(&studio.device, cw_device_params_default(), &err) && !cw_manifest_write(&m, &err), "%s", err.text)) {
        json_t *root = test_house_manifest("."), *list = json_object_get(root, "turns");
        const json_t *doubts = json_object_get(json_array_get(list, 2), "doubts");
        CHECK(json_array_size(list) == 3);
        CHECK(!json_object_get(json_array_get(list, 0), "retakes") && !json_object_get(json_array_get(list, 0), "doubts"));
        CHECK(json_integer_value(json_object_get(json_array_get(list, 1), "retakes")) == 1);
        CHECK(!json_object_get(json_array_get(list, 1), "doubts"));
        CHECK(json_integer_value(json_object_get(json_array_get(list, 2), "retakes")) == 5 && json_array_size(doubts) == 2);
        CHECK_STR(json_string_value(json_array_get(doubts, 0)), "short");
        CHECK_STR(json_string_value(json_array_get(doubts, 1)), "stray");
        json_decref(root);
    }
    cw_device_close(studio.device);
}

/* ---- models of random weights ------------------------------------------------------------------------------------------------------- */

struct random {
    struct cw_gguf_out out;
    uint64_t stream;
};

/* Numbers of a size that neither fade nor grow on their way through a layer; `add` is added. */
static void put(struct random *r, const char *name, const int *dims, int n, float size, float add) {
    size_t count = 1;
    for (int i = 0; i < n; i++)
        count *= (size_t)dims[i];
    float *x = malloc(sizeof *x * count);
    if (!CHECK(x != NULL))
        return;
    cw_gauss(5, r->stream++, 0, count, x);
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] * size + add;
    cw_gguf_out_f32(&r->out, name, dims, n, x);
    free(x);
}

/* A weight of these dimensions, and its bias. */
static void put_layer(struct random *r, const char *layer, const char *at, int a, int b, int c) {
    char name[128];
    const int dims[3] = {a, b, c};
    const int n = c ? 3 : b ? 2 : 1;
    snprintf(name, sizeof name, "%s%s.weight", layer, at);
    put(r, name, dims, n, n == 1 ? 0.05F : 1 / sqrtf((float)(b * (c ? c : 1))), n == 1 ? 1 : 0);
    snprintf(name, sizeof name, "%s%s.bias", layer, at);
    put(r, name, dims, 1, 0.05F, 0);
}

/* `last`: the last symbol of printable ASCII that it knows. */
static bool make_f5(const char *path, char last) {
    enum { WIDTH = 32, HIDDEN = 64, TEXT = 32, BANDS = 100 };
    struct random r = {.stream = 1};
    struct cw_error err = {0};
    char letters[96][2];
    const char *symbols[96];
    int count = 0;
    for (char c = ' '; c <= last; c++, count++) {
        letters[count][0] = c;
        letters[count][1] = '\0';
        symbols[count] = letters[count];
    }
    cw_gguf_out_string(&r.out, "general.architecture", "f5");
    cw_gguf_out_string(&r.out, "general.name", "Random F5");
    cw_gguf_out_string(&r.out, "general.license", "cc0-1.0");
    cw_gguf_out_string(&r.out, "castwright.licence", "Numbers drawn by lot.");
    cw_gguf_out_string(&r.out, "castwright.source.sha256", "0");
    const struct {
        const char *key;
        int value;
    } keys[] = {{"f5.bands", BANDS},   {"f5.width", WIDTH},      {"f5.depth", 1},        {"f5.heads", 2},
                {"f5.hidden", HIDDEN}, {"f5.text_width", TEXT},  {"f5.text_hidden", 64}, {"f5.text_depth", 1},
                {"f5.mask_text", 1},   {"f5.vocabulary", count}, {"f5.rope_heads", 2}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cw_gguf_out_uint(&r.out, keys[i].key, (uint32_t)keys[i].value);
    cw_gguf_out_strings(&r.out, "f5.symbols", symbols, (size_t)count);
    put(&r, "text_embed.text_embed.weight", (const int[]){count + 1, TEXT}, 2, 1, 0);
    put_layer(&r, "text_embed.text_blocks.0", ".dwconv", TEXT, 1, 7);
    put_layer(&r, "text_embed.text_blocks.0", ".norm", TEXT, 0, 0);
    put_layer(&r, "text_embed.text_blocks.0", ".pwconv1", 64, TEXT, 0);
    put_layer(&r, "text_embed.text_blocks.0", ".pwconv2", TEXT, 64, 0);
    put(&r, "text_embed.text_blocks.0.grn.gamma", (const int[]){64}, 1, 0.1F, 0);
    put(&r, "text_embed.text_blocks.0.grn.beta", (const int[]){64}, 1, 0.1F, 0);
    put_layer(&r, "input_embed", ".proj", WIDTH, 2 * BANDS + TEXT, 0);
    put_layer(&r, "input_embed.conv_pos_embed.conv1d", ".0", WIDTH, WIDTH / 16, 31);
    put_layer(&r, "input_embed.conv_pos_embed.conv1d", ".2", WIDTH, WIDTH / 16, 31);
    put_layer(&r, "time_embed.time_mlp", ".0", WIDTH, 256, 0);
    put_layer(&r, "time_embed.time_mlp", ".2", WIDTH, WIDTH, 0);
    const char *const block = "transformer_blocks.0";
    put_layer(&r, block, ".attn_norm.linear", 6 * WIDTH, WIDTH, 0);
    put_layer(&r, block, ".attn.to_q", WIDTH, WIDTH, 0);
    put_layer(&r, block, ".attn.to_k", WIDTH, WIDTH, 0);
    put_layer(&r, block, ".attn.to_v", WIDTH, WIDTH, 0);
    put_layer(&r, block, ".attn.to_out.0", WIDTH, WIDTH, 0);
    put_layer(&r, block, ".ff.ff.0.0", HIDDEN, WIDTH, 0);
    put_layer(&r, block, ".ff.ff.2", WIDTH, HIDDEN, 0);
    put_layer(&r, "norm_out", ".linear", 2 * WIDTH, WIDTH, 0);
    put_layer(&r, "proj_out", "", BANDS, WIDTH, 0);
    bool made = CHECKF(!cw_gguf_out_write(&r.out, path, &err), "%s", err.text);
    cw_gguf_out_free(&r.out);
    return made;
}

static bool make_vocos(const char *path) {
    enum { WIDTH = 32, HIDDEN = 64, SIZE = 1024, BANDS = 100 };
    struct random r = {.stream = 1000};
    struct cw_error err = {0};
    cw_gguf_out_string(&r.out, "general.architecture", "vocos");
    cw_gguf_out_string(&r.out, "general.name", "Random Vocos");
    cw_gguf_out_string(&r.out, "castwright.source.sha256", "0");
    const struct {
        const char *key;
        int value;
    } keys[] = {{"vocos.sample_rate", 24000}, {"vocos.fft", SIZE},      {"vocos.hop", SIZE / 4}, {"vocos.bands", BANDS},
                {"vocos.width", WIDTH},       {"vocos.hidden", HIDDEN}, {"vocos.layers", 1}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cw_gguf_out_uint(&r.out, keys[i].key, (uint32_t)keys[i].value);
    put_layer(&r, "backbone", ".embed", WIDTH, BANDS, 7);
    put_layer(&r, "backbone", ".norm", WIDTH, 0, 0);
    put(&r, "backbone.convnext.0.gamma", (const int[]){WIDTH}, 1, 0.1F, 1);
    put_layer(&r, "backbone.convnext.0", ".dwconv", WIDTH, 1, 7);
    put_layer(&r, "backbone.convnext.0", ".norm", WIDTH, 0, 0);
    put_layer(&r, "backbone.convnext.0", ".pwconv1", HIDDEN, WIDTH, 0);
    put_layer(&r, "backbone.convnext.0", ".pwconv2", WIDTH, HIDDEN, 0);
    put_layer(&r, "backbone", ".final_layer_norm", WIDTH, 0, 0);
    put_layer(&r, "head", ".out", SIZE + 2, WIDTH, 0);
    bool made = CHECKF(!cw_gguf_out_write(&r.out, path, &err), "%s", err.text);
    cw_gguf_out_free(&r.out);
    return made;
}

/* ---- the program in a house of its own ---------------------------------------------------------------------------------------------- */

static char said[65536];
static int run(const char *const *args) {
    return test_program_run(args, said, sizeof said);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

/* ---- recordings --------------------------------------------------------------------------------------------------------------------- */

struct bench {
    struct cw_device *device;
    struct cw_acoustic *acoustic;
    struct cw_vocoder *vocoder;
    struct cw_speech *speech;
    struct cw_encoder *encoder;
    char voices[CW_PATH_MAX];
    struct cw_enrol_engine engine;
};

static bool open_bench(struct bench *b) {
    struct cw_error err = {0};
    char kokoro[CW_PATH_MAX], lexicon[CW_PATH_MAX], ge2e[CW_PATH_MAX];
    *b = (struct bench){0};
    if (!CHECKF(!cw_model_path("kokoro", kokoro, &err) && !cw_model_path("lexicon", lexicon, &err) && !cw_model_path("ge2e", ge2e, &err) &&
                    !cw_model_path("voices", b->voices, &err) && !cw_device_open(&b->device, cw_device_params_default(), &err) &&
                    !cw_acoustic_open(&b->acoustic, b->device, kokoro, &err) && !cw_vocoder_open(&b->vocoder, b->device, kokoro, &err) &&
                    !cw_speech_open(&b->speech, lexicon, &err) && !cw_encoder_open(&b->encoder, b->device, ge2e, &err),
                "%s", err.text))
        return false;
    b->engine = (struct cw_enrol_engine){.acoustic = b->acoustic,
                                         .vocoder = b->vocoder,
                                         .speech = b->speech,
                                         .encoder = b->encoder,
                                         .voices_dir = b->voices,
                                         .language = "en-us"};
    return true;
}

static void close_bench(struct bench *b) {
    cw_encoder_close(b->encoder);
    cw_speech_close(b->speech);
    cw_vocoder_close(b->vocoder);
    cw_acoustic_close(b->acoustic);
    cw_device_close(b->device);
}

static void refuse(const struct bench *b, const char *name, const float *x, size_t n, const char *text, const char *a, const char *c) {
    struct cw_error err = {0};
    struct cw_voice_file f;
    struct cw_zero_shot_report r;
    const struct cw_enrol_source source = {test_house_path(name), text};
    if (x && !CHECKF(!cw_recording_write(source.recording, x, n, CW_REFERENCE_RATE, &err), "%s", err.text))
        return;
    CHECK_REFUSED(cw_zero_shot(&f, &r, &b->engine, "me", &source, &err), &err, name, a, c);
    CHECK(err.code == CW_BAD_INPUT && f.reference == NULL && f.name[0] == '\0');
    cw_zero_shot_report_free(&r);
}

/* The recording in several channels, the voice in the last of them, `loud` times as loud and cut at full scale. */
static bool write_channels(const char *path, const float *x, size_t n, int channels, float loud) {
    SF_INFO info = {.samplerate = CW_REFERENCE_RATE, .channels = channels, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    float frame[8] = {0};
    bool whole = file != NULL;
    for (size_t i = 0; whole && i < n; i++) {
        frame[channels - 1] = fmaxf(-1, fminf(1, loud * x[i]));
        whole = sf_writef_float(file, frame, 1) == 1;
    }
    if (file)
        sf_close(file);
    return CHECK(whole);
}

#define SHORT_TEXT "The tide turned before noon, and nobody on the pier had noticed. Would you have seen it?"
#define OTHER_TEXT "She keeps a notebook of everything that her garden taught her, and reads from it when it rains."
#define LONG_TEXT SHORT_TEXT " " OTHER_TEXT " When the lights came back, we found that the clock had stopped."

static void test_recordings(void) {
    struct bench b = {0};
    struct cw_recording r = {0};
    struct cw_error err = {0};
    struct cw_voice_file f = {0};
    struct cw_zero_shot_report report = {0};
    float *x = NULL;
    if (!test_house_enter(NULL))
        return;
    if (!CHECKF(RUN("say", LONG_TEXT, "--voice", "bm_george", "-q", "-o", "long.wav") == 0, "%s", said) ||
        !CHECKF(RUN("say", SHORT_TEXT, "--voice", "bm_george", "-q", "-o", "short.wav") == 0, "%s", said) || !open_bench(&b) ||
        !CHECKF(!cw_recording_read(&r, test_house_path("short.wav"), &err), "%s", err.text))
        goto done;

    /* one that fits is taken whole, trimmed, levelled */
    struct cw_enrol_source source = {test_house_path("short.wav"), "  " SHORT_TEXT "\n"};
    if (CHECKF(!cw_zero_shot(&f, &report, &b.engine, "me", &source, &err), "%s", err.text)) {
        double sum = 0;
        for (int i = 0; i < f.reference_count; i++)
            sum += (double)f.reference[i] * (double)f.reference[i];
        CHECKF(fabs(sqrt(sum / f.reference_count) - 0.1) < 1e-4, "RMS %g", sqrt(sum / f.reference_count));
        CHECKF(report.seconds > 4 && report.seconds < (double)r.count / r.rate - 0.2, "%g of %g s", report.seconds,
               (double)r.count / r.rate);
        CHECK(!report.cut && !report.notes.data && report.sound_seconds > 0.04 && report.sound_seconds < 0.11);
        CHECKF(report.confidence > 0.5, "confidence %g", report.confidence);
        CHECK_STR(f.reference_text, SHORT_TEXT);
        CHECK(strcmp(f.engine, "f5") == 0 && strcmp(f.made, "zero-shot") == 0 && f.engine_sha256[0] == '\0' && f.has_embedding);
    }
    cw_voice_file_free(&f);
    cw_zero_shot_report_free(&report);

    /* a long one is cut at pauses, and the text with it */
    source = (struct cw_enrol_source){test_house_path("long.wav"), LONG_TEXT};
    if (CHECKF(!cw_zero_shot(&f, &report, &b.engine, "me", &source, &err), "%s", err.text)) {
        CHECKF(report.cut && report.seconds > 3 && report.seconds < 12.2 && report.recording_seconds > 12, "%g of %g s", report.seconds,
               report.recording_seconds);
        CHECKF(strstr(LONG_TEXT, f.reference_text) && strlen(f.reference_text) > 30 && strlen(f.reference_text) < strlen(LONG_TEXT), "%s",
               f.reference_text);
        CHECK(report.notes.data && strstr(report.notes.data, "from pause to pause") && report.confidence > 0.2);
    }
    cw_voice_file_free(&f);
    cw_zero_shot_report_free(&report);

    /* several channels: their mean, and a word about it */
    if (write_channels(test_house_path("eight.wav"), r.samples, r.count, 8, 1)) {
        source = (struct cw_enrol_source){test_house_path("eight.wav"), SHORT_TEXT};
        CHECKF(!cw_zero_shot(&f, &report, &b.engine, "me", &source, &err), "%s", err.text);
        CHECK(report.notes.data && strstr(report.notes.data, "8 channels"));
        cw_voice_file_free(&f);
        cw_zero_shot_report_free(&report);
    }

    const size_t most = 125 * CW_REFERENCE_RATE;
    x = calloc(most, sizeof *x);
    if (!CHECK(x != NULL))
        goto done;
    refuse(&b, "blink.wav", r.samples + CW_REFERENCE_RATE, CW_REFERENCE_RATE / 5, "Hm.", "expected speech", "found 0.");
    refuse(&b, "silence.wav", x, 5 * CW_REFERENCE_RATE, SHORT_TEXT, "expected speech", "microphone");
    for (size_t i = 0; i < most; i++)
        x[i] = r.samples[i % r.count];
    refuse(&b, "minutes.wav", x, most, LONG_TEXT, "at most 120", "cut some sentences out");
    for (size_t i = 0; i < r.count; i++)
        x[i] = fmaxf(-1, fminf(1, 40 * r.samples[i]));
    refuse(&b, "clipped.wav", x, r.count, SHORT_TEXT, "clipped", "turn the microphone down");
    if (write_channels(test_house_path("clipped_2.wav"), r.samples, r.count, 2, 40)) /* their mean touches no top */
        refuse(&b, "clipped_2.wav", NULL, 0, SHORT_TEXT, "clipped", "turn the microphone down");
    if (write_channels(test_house_path("clipped_8.wav"), r.samples, r.count, 8, 40))
        refuse(&b, "clipped_8.wav", NULL, 0, SHORT_TEXT, "clipped", "turn the microphone down");
    for (size_t i = 0; i < 11 * CW_REFERENCE_RATE; i++) { /* chords that never pause */
        x[i] = 0;
        for (int k = 1; k <= 12; k++)
            x[i] += 0.02F * sinf((float)(2 * M_PI * 110 * k * (1 + (double)(i / 12000 % 4) / 8) * (double)i / CW_REFERENCE_RATE));
        x[i] += 0.002F * sinf((float)(2 * M_PI * 7100 * (double)i / CW_REFERENCE_RATE));
    }
    refuse(&b, "music.wav", x, 11 * CW_REFERENCE_RATE, SHORT_TEXT, "as music has", "the voice alone");
    refuse(&b, "music_8.wav", x, 8 * CW_REFERENCE_RATE, SHORT_TEXT, "at one level, as music has", "the voice alone");
    refuse(&b, "music_4.wav", x, 4 * CW_REFERENCE_RATE, SHORT_TEXT, "at one level, as music has", "the voice alone");
    for (size_t i = 0; i < 8 * CW_REFERENCE_RATE; i++) { /* a tune with a beat and a rest: it pauses as speech does */
        const size_t beat = i / 10800, at = i % 10800;
        const double seconds = (double)at / CW_REFERENCE_RATE, pitch = 110 * pow(2, (double)(beat * 5 % 12) / 12);
        x[i] = 0;
        for (int k = 1; beat % 4 != 3 && at < 8400 && k <= 60 && k * pitch < 9000; k++)
            x[i] += (float)(0.1 / sqrt(k) * exp(-6 * seconds) * sin(2 * M_PI * pitch * k * seconds));
    }
    refuse(&b, "tune_8.wav", x, 8 * CW_REFERENCE_RATE, OTHER_TEXT, "heard other words, or no speech", "word for word");
    refuse(&b, "tune_4.wav", x, 4 * CW_REFERENCE_RATE, "Would you have seen it before noon?", "heard other words", "word for word");
    refuse(&b, "short.wav", NULL, 0, OTHER_TEXT, "heard other words, or no speech", "give what is said in it, word for word");
    refuse(&b, "short.wav", NULL, 0, "Yes.", "is it what is said", "0.");
    refuse(&b, "none.wav", NULL, 0, SHORT_TEXT, "expected a recording", "no file");
    CHECK(!cw_file_write(test_house_path("text.wav"), "words", 5, &err));
    refuse(&b, "text.wav", NULL, 0, SHORT_TEXT, "expected a recording", "found");
done:
    free(x);
    cw_recording_free(&r);
    cw_voice_file_free(&f);
    cw_zero_shot_report_free(&report);
    close_bench(&b);
    test_house_leave();
}

/* ---- word by word ------------------------------------------------------------------------------------------------------------------- */

#define HEARD_TEXT "She keeps a notebook of everything that her garden taught her."
struct kept {
    float x[20 * CW_STUDIO_RATE];
    size_t n;
};

static int keep(void *arg, const float *x, size_t n, struct cw_error *err) {
    struct kept *k = arg;
    if (n > sizeof k->x / sizeof *k->x - k->n)
        return cw_fail(err, CW_FAILED, "expected less than 20 s of sound");
    memcpy(k->x + k->n, x, sizeof *x * n);
    k->n += n;
    return 0;
}

/* Its loudest hundredth of a second is said `times` times. */
static void hold(struct kept *k, size_t times) {
    enum { HELD = CW_STUDIO_RATE / 100 };
    size_t loudest = 0;
    double most = 0;
    for (size_t at = 0; at + HELD < k->n; at += HELD) {
        double sum = 0;
        for (size_t i = at; i < at + HELD; i++)
            sum += (double)k->x[i] * (double)k->x[i];
        loudest = sum > most ? at : loudest;
        most = fmax(most, sum);
    }
    memmove(k->x + loudest + HELD * times, k->x + loudest, sizeof *k->x * (k->n - loudest));
    for (size_t i = 1; i < times; i++)
        memcpy(k->x + loudest + i * HELD, k->x + loudest, sizeof *k->x * HELD);
    k->n += HELD * times;
}

/* A voice says the text, and says it wrongly. */
static void hear_voice(struct cw_studio *s, struct cw_ear *ear, const char *name) {
    static const struct {
        const char *said;
        double speed, pace; /* pace: seconds a sound */
        bool lost, odd;     /* a word is, or one is again or something stray */
        bool drawn;
    } cases[] = {{HEARD_TEXT, 1, 0.07, false, false, false},
                 {"She keeps a notebook of everything that garden taught her.", 1, 0.07, true, false, false},
                 {"She keeps a notebook of that her garden taught her.", 1, 0.07, true, false, false},
                 {"She keeps a notebook of everything that her garden garden taught her.", 1, 0.07, false, true, false},
                 {"She keeps a notebook of everything that of everything that her garden taught her.", 1, 0.07, false, true, false},
                 {"The tide turned early. She keeps a notebook of everything that her garden taught her.", 1, 0.07, false, true, false},
                 {HEARD_TEXT, 0.6, 0.12, false, false, false},
                 {HEARD_TEXT, 0.6, 0.02, false, false, true}};
    static struct kept k;
    const char *language = name[0] == 'b' ? "en-gb" : "en-us";
    struct cw_error err = {0};
    struct cw_utterance u = {0};
    struct cw_speech_params p = cw_speech_params_default();
    struct cw_voice voice = {0};
    struct cw_heard h = {0};
    p.language = language;
    if (!CHECKF(!cw_studio_voice(s, &voice, name, &err) && !cw_speech_plan(s->speech, HEARD_TEXT, p, &u, &err) && u.chunk_count == 1, "%s",
                err.text))
        goto done;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t samples = 0;
        int symbols = 0;
        k.n = 0;
        if (!CHECKF(!cw_turn_measure(s->booth, &voice, language, cases[i].speed, cases[i].said, (struct cw_sink){keep, &k}, &samples,
                                     &symbols, &err) &&
                        !cw_ear_listen(ear, k.x, k.n, CW_STUDIO_RATE, &u, 0, cases[i].pace, &h, &err),
                    "%s", err.text))
            break;
        CHECKF(h.words == 11 && (h.lost > 0) == cases[i].lost && (h.again + h.stray > 0) == cases[i].odd && (h.drawn > 0) == cases[i].drawn,
               "%s: \"%s\": of %d words %d lost, %d again, %d drawn, %d stray", name, cases[i].said, h.words, h.lost, h.again, h.drawn,
               h.stray);
        if (i > 0)
            continue;
        hold(&k, 50);
        CHECKF(!cw_ear_listen(ear, k.x, k.n, CW_STUDIO_RATE, &u, 0, 0.07, &h, &err), "%s", err.text);
        CHECKF(h.drawn == 1, "%s: a sound of a word held for half a second: %d drawn", name, h.drawn);
        hold(&k, 100);
        CHECKF(!cw_ear_listen(ear, k.x, k.n, CW_STUDIO_RATE, &u, 0, 0.07, &h, &err), "%s", err.text);
        CHECKF(h.lost + h.again + h.drawn + h.stray > 0, "%s: a sound held for a second is not heard", name);
    }
done:
    cw_utterance_free(&u);
    cw_voice_close(&voice);
}

static void test_words(void) {
    struct cw_studio *s = NULL;
    struct cw_ear *ear = NULL;
    struct cw_error err = {0};
    if (CHECKF(!cw_studio_open(&s, cw_studio_params_default(), &err) && !cw_studio_need_plans(s, &err) && !cw_ear_open(&ear, &err), "%s",
               err.text)) {
        hear_voice(s, ear, "af_heart");
        hear_voice(s, ear, "bm_george");
    }
    cw_ear_close(ear);
    cw_studio_close(s);
}

/* ---- the whole way ------------------------------------------------------------------------------------------------------------------ */

/* A real checkpoint where one is named, else random weights. Its vocoder: the checkpoint that is named, else the installed one. */
static bool install(bool *real) {
    const char *f5 = getenv("CASTWRIGHT_F5"), *vocos = getenv("CASTWRIGHT_VOCOS"), *variant = getenv("CASTWRIGHT_F5_VARIANT");
    *real = f5 != NULL;
    if (!f5)
        return make_f5(test_house_path("models/f5.gguf"), '~') && make_vocos(test_house_path("models/vocos.gguf"));
    if (!CHECKF(variant ? RUN("models", "import", f5, "--variant", variant) == 0 : RUN("models", "import", f5) == 0,
                "%s(CASTWRIGHT_F5_VARIANT=v0|v1 says which F5 it is)", said))
        return false;
    return vocos ? CHECKF(RUN("models", "import", vocos) == 0, "%s", said) : test_house_link("vocos");
}

static void check_episode(bool real) {
    json_t *root = test_house_manifest("talk");
    const json_t *voices = json_object_get(root, "voices"), *models = json_object_get(root, "models"),
                 *turns = json_object_get(root, "turns");
    CHECK_STR(test_house_string(voices, 0, "engine"), "f5");
    CHECK_STR(test_house_string(voices, 0, "voice"), "me");
    CHECK_STR(test_house_string(voices, 1, "engine"), "kokoro");
    CHECK_STR(test_house_string(voices, 2, "engine"), "f5");
    CHECK_STR(test_house_string(voices, 2, "voice"), "f5:af_heart");
    const json_t *people = json_object_get(json_array_get(voices, 0), "consents");
    CHECK_STR(test_house_string(people, 0, "speaker"), "Tom Reed");
    CHECK_STR(test_house_string(models, 0, "name"), "kokoro");
    CHECK_STR(test_house_string(models, 1, "name"), "f5");
    CHECK_STR(test_house_string(models, 2, "name"), "vocos");
    CHECK(json_array_size(models) == 4 && json_array_size(turns) == 3);
    if (!real) {
        CHECK_STR(test_house_string(models, 1, "licence"), "Random F5, licence: cc0-1.0. Numbers drawn by lot.");
        /* noise is never mistaken for speech: said again twice, and what was wrong is told */
        CHECK(json_integer_value(json_object_get(json_array_get(turns, 0), "retakes")) == 2);
        const json_t *doubts = json_object_get(json_array_get(turns, 0), "doubts"), *doubt;
        size_t i, words = 0;
        json_array_foreach(doubts, i, doubt) words += strstr("lost again drawn stray", json_string_value(doubt)) != NULL;
        CHECKF(words > 0, "none of %zu doubts is of a word", json_array_size(doubts));
    }
    CHECK(json_object_get(json_array_get(turns, 1), "retakes") == NULL && json_object_get(json_array_get(turns, 1), "doubts") == NULL);
    json_decref(root);
}

#define LONG_TURN                                                                                                                          \
    "When the harbour froze, and nobody could remember such a winter, the boats were drawn up on the shore; their owners, who had "        \
    "little else to do, told one another the same old stories, and mended nets that had been mended before. By the time the thaw came, "   \
    "everybody knew by heart what the cook had said, and why the captain, for once, had not answered"

static int count_samples(void *arg, const float *x, size_t n, struct cw_error *err) {
    int64_t *count = arg;
    (void)x;
    (void)err;
    *count += (int64_t)n;
    return 0;
}

/* The turn's chunks, none of them longer with the reference than the model was trained for; 0: none. */
static int plan_long(struct cw_studio *s, const struct cw_voice *voice, const struct cw_turn_request *r, struct cw_turn_plan *plan) {
    struct cw_error err = {0};
    double shown = 0, sound = 0;
    if (!CHECKF(!cw_turn_plan_make(s, r, plan, &err) && !cw_studio_pace(s, voice, &shown, &sound, &err), "%s", err.text))
        return 0;
    const struct cw_utterance *u = &plan->spans[0];
    for (int c = 0; c < u->chunk_count; c++) {
        const double takes = cw_f5_weight_of(u->chunks[c].phonemes) * sound / r->speed;
        CHECKF(shown + takes < 26, "%g s shown, chunk %d of %g s", shown, c + 1, takes);
    }
    return u->chunk_count;
}

/* A turn too long for one go is cut at clauses by the voice's own pace, and joined. */
static void test_long(void) {
    enum { MOST = 12 * CW_REFERENCE_RATE };
    struct cw_error err = {0};
    struct cw_studio *s = NULL;
    struct cw_turn_plan quick = {0}, plan = {0};
    struct cw_take take = {0};
    struct cw_span span = {.text = (char[]){LONG_TURN}};
    struct cw_voice stock = {0}; /* naming it is what tells the studio which F5 there is */
    struct cw_voice voice = {.name = (char[]){"me"}, .language = "en-us", .engine = "f5", .reference_count = MOST, .f0_slope = 1};
    int64_t heard = 0, pauses = 0;
    voice.reference = calloc(MOST, sizeof *voice.reference);
    if (!CHECK(voice.reference != NULL) || !test_house_enter(NULL))
        goto done;
    cw_gauss(7, 1, 0, MOST, voice.reference);
    for (int i = 0; i < MOST; i++)
        voice.reference[i] *= 0.1F;
    memset(voice.sha256, '1', 64);
    struct cw_turn_request r = {.voice = &voice, .language = "en-us", .speed = 1, .seed = 1, .spans = &span, .span_count = 1};
    if (!make_f5(test_house_path("models/f5.gguf"), '~') || !make_vocos(test_house_path("models/vocos.gguf")) ||
        !CHECKF(!cw_studio_open(&s, cw_studio_params_default(), &err) && !cw_studio_need_plans(s, &err) &&
                    !cw_studio_voice(s, &stock, "f5:af_heart", &err),
                "%s", err.text))
        goto leave;
    /* the ear is opened where it knows the language, and nowhere else */
    CHECKF(!cw_booth_need_voice(s->booth, &voice, "es", &err) && !s->booth->ear, "%s", err.text);
    CHECKF(!cw_booth_need_voice(s->booth, &voice, "en-gb", &err) && s->booth->ear, "%s", err.text);
    voice.reference_text = (char[]){LONG_TEXT};
    const int few = plan_long(s, &voice, &r, &quick);
    cw_turn_plan_free(&quick);
    voice.reference_text = (char[]){"The tide turned before noon, and nobody on the pier had noticed."}; /* 0.17 s a sound */
    r.speed = 0.5;
    const int slow = plan_long(s, &voice, &r, &plan);
    CHECKF(few > 1 && slow > 2 * few, "%d and %d chunks", few, slow);
    cw_turn_plan_free(&plan);
    r.speed = 1;
    const int count = plan_long(s, &voice, &r, &plan);
    if (!CHECKF(count > few && count < slow, "%d chunks", count) ||
        !CHECKF(!cw_turn_speak(s->booth, &r, &plan, (struct cw_sink){count_samples, &heard}, &take, &err), "%s", err.text))
        goto leave;
    for (int c = 0; c + 1 < count; c++) {
        const struct cw_chunk *chunk = &plan.spans[0].chunks[c];
        CHECKF(chunk->pause_ms > 0, "chunk %d is cut inside a clause: \"%s\"", c + 1, chunk->phonemes);
        pauses += chunk->pause_ms;
    }
    CHECK(heard == take.samples && heard > pauses * CW_STUDIO_RATE / 1000);
    CHECKF(take.retakes == 2 * count && take.doubts != 0, "%d retakes of %d chunks of noise", take.retakes, count);
    CHECK(take.word_count > 60);
    CHECK_STR(take.words[0].text, "When");
    CHECK_STR(take.words[take.word_count - 1].text, "answered");
    for (int w = 0; w < take.word_count; w++)
        CHECKF(take.words[w].start >= (w ? take.words[w - 1].end : 0) && take.words[w].end <= heard, "word %d", w + 1);
leave:
    cw_voice_close(&stock);
    cw_take_free(&take);
    cw_turn_plan_free(&plan);
    cw_studio_close(s);
    test_house_leave();
done:
    free(voice.reference);
}

/* ---- turns together ------------------------------------------------------------------------------------------------------------------ */

/* Where a turn's sound goes; `room`: it fails beyond. */
struct heard_turn {
    float *x;
    size_t n, room;
    int over; /* its place among those that are over, from 1; 0: it goes on */
};
static int overs;
static bool unwanted; /* nobody has use for the sound any more */

static int hear_some(void *arg, const float *x, size_t n, struct cw_error *err) {
    struct heard_turn *h = arg;
    if (h->n + n > h->room)
        return cw_fail(err, CW_FAILED, "no room");
    memcpy(h->x + h->n, x, n * sizeof *x);
    h->n += n;
    return 0;
}

static bool turn_wanted(struct cw_turn_speaking *t) {
    (void)t;
    return !unwanted;
}

static void turn_over(struct cw_turn_speaking *t) {
    ((struct heard_turn *)t->arg)->over = ++overs;
}

/* Most rows that a step had, in frames: more than any turn's alone where they ran together. */
static void most_rows(void *arg, const char *stage, struct cw_mat m) {
    int *most = arg;
    if (strcmp(stage, "text") == 0 && m.rows > *most)
        *most = m.rows;
}

/* From the first run on nobody wants more. */
static void first_run(void *arg, const char *stage, struct cw_mat m) {
    int *runs = arg;
    (void)m;
    *runs += strcmp(stage, "text") == 0;
    unwanted = true;
}

static bool same_take(const struct cw_take *a, const struct cw_take *b) {
    bool same = a->samples == b->samples && a->retakes == b->retakes && a->doubts == b->doubts && a->word_count == b->word_count;
    for (int i = 0; same && i < a->word_count; i++)
        same = a->words[i].start == b->words[i].start && a->words[i].end == b->words[i].end && !strcmp(a->words[i].text, b->words[i].text);
    return same;
}

enum { TURNS = CW_TURNS_TOGETHER, ROOM = 60 * CW_STUDIO_RATE };

/* Turns alone, then together: the same sound and times. Then one of them has no room, which is its own affair. */
static void speak_turns(struct cw_studio *s, const struct cw_turn_request *requests, const struct cw_turn_plan *plans) {
    struct cw_booth *b = s->booth;
    struct heard_turn alone[TURNS] = {{0}}, beside[TURNS] = {{0}};
    struct cw_turn_speaking t[TURNS];
    struct cw_take takes[TURNS] = {{0}};
    struct cw_error err = {0};
    int rows_alone = 0, rows = 0;
    for (int i = 0; i < TURNS; i++) {
        alone[i] = (struct heard_turn){malloc(ROOM * sizeof(float)), 0, ROOM, 0};
        beside[i] = (struct heard_turn){malloc(ROOM * sizeof(float)), 0, ROOM, 0};
        if (!CHECK(alone[i].x && beside[i].x) ||
            !CHECKF(!cw_booth_need_voice(b, requests[i].voice, requests[i].language, &err), "%s", err.text))
            goto done;
        cw_acoustic_session_tap(b->sessions[CW_ENGINE_F5].acoustic, most_rows, &rows_alone);
        CHECKF(!cw_turn_speak(b, &requests[i], &plans[i], (struct cw_sink){hear_some, &alone[i]}, &takes[i], &err), "%s", err.text);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TURNS; i++) {
            beside[i].n = 0;
            beside[i].over = 0;
            beside[i].room = round && i == 1 ? 100 : ROOM;
            t[i] = (struct cw_turn_speaking){.request = &requests[i],
                                             .plan = &plans[i],
                                             .sink = {hear_some, &beside[i]},
                                             .wanted = turn_wanted,
                                             .over = turn_over,
                                             .arg = &beside[i]};
        }
        overs = 0;
        cw_acoustic_session_tap(b->sessions[CW_ENGINE_F5].acoustic, most_rows, &rows);
        cw_turn_speak_together(b, t, TURNS);
        CHECK(overs == TURNS);
        for (int i = 0; i < TURNS; i++) {
            if (beside[i].room < ROOM) {
                CHECKF(t[i].result == -1 && strstr(t[i].err.text, "no room") && !t[i].take.words, "turn %d: \"%s\"", i + 1, t[i].err.text);
                continue;
            }
            CHECKF(t[i].result == 0 && beside[i].over > 0, "turn %d: %s", i + 1, t[i].err.text);
            CHECKF(beside[i].n == alone[i].n && !memcmp(beside[i].x, alone[i].x, alone[i].n * sizeof(float)) &&
                       same_take(&t[i].take, &takes[i]),
                   "round %d, turn %d: other sound or times than alone", round, i + 1);
            cw_take_free(&t[i].take);
        }
    }
    /* of two halves; no batch is longer than what the longest chunk may be */
    CHECKF(rows > rows_alone && rows <= 2 * 22 * 24000 / 256 + 2, "at most %d rows alone, %d together", rows_alone, rows);
    CHECKF(beside[0].over < beside[2].over, "the shortest turn was over as number %d, the longest as number %d", beside[0].over,
           beside[2].over);
    CHECK(alone[0].n != alone[1].n && alone[2].n > 2 * alone[0].n);
    /* cancelled: no run is begun any more, neither of what is doubted nor of the next chunk */
    int runs = 0;
    cw_acoustic_session_tap(b->sessions[CW_ENGINE_F5].acoustic, first_run, &runs);
    cw_turn_speak_together(b, t, TURNS);
    unwanted = false;
    CHECKF(runs == 1, "%d runs", runs);
    for (int i = 0; i < TURNS; i++)
        CHECKF(t[i].result == -1 && strstr(t[i].err.text, "cancelled"), "turn %d: %s", i + 1, t[i].err.text);
done:
    for (int i = 0; i < TURNS; i++) {
        cw_take_free(&takes[i]);
        free(alone[i].x);
        free(beside[i].x);
    }
}

/* Sooner done. */
static struct cw_studio_params few_steps(void) {
    struct cw_studio_params p = cw_studio_params_default();
    p.f5_steps = 2;
    return p;
}

static void test_together(void) {
    static const char *const texts[TURNS] = {
        "Yes, it is.", "Nobody on the pier had noticed.",
        "When the harbour froze, and nobody could remember such a winter, the boats were drawn up on the "
        "shore; their owners, who had little else to do, told one another the same old stories, and "
        "mended nets that had been mended before, while the cook, for once, had not answered.",
        "The tide turned before noon, they said."};
    struct cw_error err = {0};
    struct cw_studio *s = NULL;
    struct cw_voice voices[2] = {{0}};
    struct cw_span spans[TURNS];
    struct cw_turn_request requests[TURNS];
    struct cw_turn_plan plans[TURNS] = {{0}};
    if (!test_house_enter(NULL))
        return;
    if (make_f5(test_house_path("models/f5.gguf"), '~') && make_vocos(test_house_path("models/vocos.gguf")) &&
        CHECKF(!cw_studio_open(&s, few_steps(), &err) && !cw_studio_need_plans(s, &err) &&
                   !cw_studio_voice(s, &voices[0], "f5:af_heart", &err) && !cw_studio_voice(s, &voices[1], "f5:bm_george", &err),
               "%s", err.text)) {
        bool planned = true;
        for (int i = 0; i < TURNS; i++) {
            spans[i] = (struct cw_span){.text = (char *)(uintptr_t)texts[i]}; /* read only */
            requests[i] = (struct cw_turn_request){.voice = &voices[i % 2],
                                                   .language = i == 0 ? "en-us" : "es", /* which the ear does not know: sooner done */
                                                   .speed = 1,
                                                   .seed = 1,
                                                   .spans = &spans[i],
                                                   .span_count = 1,
                                                   .tail_pause_ms = 10 * i};
            planned = planned && CHECKF(!cw_turn_plan_make(s, &requests[i], &plans[i], &err), "%s", err.text);
        }
        if (planned && CHECK(plans[2].spans[0].chunk_count > 1))
            speak_turns(s, requests, plans);
        for (int i = 0; i < TURNS; i++)
            cw_turn_plan_free(&plans[i]);
    }
    cw_voice_close(&voices[0]);
    cw_voice_close(&voices[1]);
    cw_studio_close(s);
    test_house_leave();
}

/* Has a crew of so many workers speak the requests into a folder of the house, and takes them all; gives how many one worker spoke at once,
 * and in t [count] what became of them. */
static int speak_by(struct cw_studio *s, const char *folder, int workers, bool listen, const struct cw_turn_request *requests, int count,
                    struct cw_crew_turn *t) {
    struct cw_error err = {0};
    struct cw_crew *c = NULL;
    int together = 0;
    if (!CHECKF(!cw_dir_make(test_house_path(folder), &err) && !cw_crew_open(&c, s, test_house_path(folder), workers, &err), "%s",
                err.text))
        return 0;
    if (listen)
        cw_crew_listen(c);
    for (int i = 0; i < count; i++)
        CHECKF(!cw_crew_add(c, &requests[i], false, &err), "%s", err.text);
    for (int i = 0; i < count; i++) {
        if (!CHECKF(cw_crew_next(c, 600, &t[i], &err) == 1, "turn %d: %s", i + 1, err.text))
            break;
        cw_take_free(&t[i].take);
    }
    together = cw_crew_stats(c).together;
    cw_crew_close(c);
    return together;
}

/* One worker speaks turns of F5 together, unless somebody listens, and several do not; the files are the same. Of two turns that are one
 * and the same the second is found; what cannot be said is told with its turn. */
static void test_batches(void) {
    enum { COUNT = 8, TWIN = 4, OTHER = 3, F5 = 7 };
    static const char *const texts[COUNT] = {"It costs three dollars to cross the river.",
                                             "Nobody did.",
                                             "Well, he should know.",
                                             "Who told you that?",
                                             "Nobody did.",
                                             "See you on the other side.",
                                             "Good-bye.",
                                             "..."};
    struct cw_error err = {0};
    struct cw_studio *s = NULL;
    struct cw_voice f5 = {0}, kokoro = {0};
    struct cw_span spans[COUNT];
    struct cw_turn_request requests[COUNT];
    struct cw_crew_turn one[COUNT] = {0}, three[COUNT] = {0}, heard[COUNT] = {0};
    if (!test_house_enter(NULL))
        return;
    if (!make_f5(test_house_path("models/f5.gguf"), '~') || !make_vocos(test_house_path("models/vocos.gguf")) ||
        !CHECKF(!cw_studio_open(&s, few_steps(), &err) && !cw_studio_need_plans(s, &err) && !cw_studio_voice(s, &f5, "f5:af_heart", &err) &&
                    !cw_studio_voice(s, &kokoro, "am_michael", &err),
                "%s", err.text))
        goto done;
    for (int i = 0; i < COUNT; i++) {
        spans[i] = (struct cw_span){.text = (char *)(uintptr_t)texts[i]}; /* read only */
        requests[i] = (struct cw_turn_request){
            .voice = i == OTHER ? &kokoro : &f5, .language = "es", .speed = 1, .seed = 1, .spans = &spans[i], .span_count = 1};
    }
    const int together = speak_by(s, "one", 1, false, requests, F5, one);
    CHECKF(together > 1 && together <= CW_TURNS_TOGETHER, "%d turns at once", together);
    CHECK(speak_by(s, "three", 3, false, requests, F5, three) == 1);
    CHECK(speak_by(s, "heard", 1, true, requests, 3, heard) == 1);
    for (int i = 0; i < F5; i++) {
        char a[160], b[160];
        snprintf(a, sizeof a, "one/%s.wav", one[i].key);
        snprintf(b, sizeof b, "%s/%s.wav", i < 3 ? "heard" : "three", one[i].key);
        CHECKF(one[i].rendered == (i != TWIN) && three[i].rendered == (i != TWIN), "turn %d", i + 1);
        CHECK_STR(one[i].key, three[i].key);
        CHECK(test_house_same(a, b));
    }
    CHECK_STR(one[TWIN].key, one[1].key);
    struct cw_crew *c = NULL;
    struct cw_crew_turn t = {0};
    if (CHECKF(!cw_crew_open(&c, s, test_house_path("one"), 1, &err) && !cw_crew_add(c, &requests[0], false, &err) &&
                   !cw_crew_add(c, &requests[F5], false, &err) && !cw_crew_add(c, &requests[2], false, &err),
               "%s", err.text)) {
        CHECK(cw_crew_next(c, 600, &t, &err) == 1 && !t.rendered);
        cw_take_free(&t.take);
        CHECK_REFUSED(cw_crew_next(c, 600, &t, &err), &err, "speak");
        CHECK(cw_crew_next(c, 600, &t, &err) == 1 && !t.rendered);
        cw_take_free(&t.take);
    }
    cw_crew_close(c);
done:
    cw_voice_close(&f5);
    cw_voice_close(&kokoro);
    cw_studio_close(s);
    test_house_leave();
}

/* A real model's sentence: its words heard by a recogniser, its speaker the one who was shown. */
static void judge(void) {
    static const char text[] = "She keeps a notebook of everything that her garden taught her, and reads from it when it rains.";
    struct cw_error err = {0};
    struct cw_recording shown = {0}, made = {0};
    struct cw_spoken heard = {0};
    struct cw_device *d = NULL;
    struct cw_encoder *e = NULL;
    char ge2e[CW_PATH_MAX];
    float a[CW_EMBEDDING], b[CW_EMBEDDING];
    if (CHECKF(RUN("say", text, "--voice", "me", "-q", "-o", "judged.wav") == 0, "%s", said) &&
        CHECKF(!cw_model_path("ge2e", ge2e, &err) && !cw_device_open(&d, cw_device_params_default(), &err) &&
                   !cw_encoder_open(&e, d, ge2e, &err) && !cw_recording_read(&shown, test_house_path("me.wav"), &err) &&
                   !cw_recording_read(&made, test_house_path("judged.wav"), &err) &&
                   !cw_encoder_listen(e, shown.samples, shown.count, shown.rate, a, &err) &&
                   !cw_encoder_listen(e, made.samples, made.count, made.rate, b, &err) &&
                   !cw_spoken_listen(&heard, made.samples, made.count, made.rate, text, 0, &err),
               "%s", err.text)) {
        printf("    %d of %d words heard (%s), cosine %.2f\n", heard.right, heard.words, heard.heard, cw_embedding_cosine(a, b));
        CHECKF(heard.right * 2 >= heard.words, "%d of %d words: %s", heard.right, heard.words, heard.heard);
        CHECKF(cw_embedding_cosine(a, b) > 0.7, "cosine %g", cw_embedding_cosine(a, b));
    }
    cw_recording_free(&shown);
    cw_recording_free(&made);
    cw_encoder_close(e);
    cw_device_close(d);
}

/* From a topic to an episode, every host by F5. */
static void make(void) {
    test_house_make("f5", "5", said, sizeof said);
}

static const char *const clone_me[] = {"voices",    "clone",    "me",    "me.wav", "--engine", "f5",         "--i-am-the-speaker",
                                       "--speaker", "Tom Reed", "--for", "tests",  "--until",  "9999-12-31", NULL};

/* A recording without a text, at a terminal: what is said in it is asked for. */
static void test_asked(void) {
    static const char *const nothing[] = {"\n", "  \t \n", "", "Ann said \xff\xfe.\n"};
    if (!test_house_enter(NULL))
        return;
    if (!CHECKF(RUN("say", SHORT_TEXT, "--voice", "bm_george", "-q", "-o", "me.wav") == 0, "%s", said))
        goto done;
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        CHECKF(test_program_typed(clone_me, nothing[i], said, sizeof said) == 2 &&
                   strstr(said, "What is said in me.wav? Write it down, word for word, and press Enter:\n") &&
                   strstr(said, "me.wav: expected what is said in it, in me.txt or by --transcript FILE, found neither"),
               "case %zu: %s", i, said);
        CHECK(!cw_file_exists(test_house_path("voices/me.gguf")));
    }
    CHECKF(test_program_typed(clone_me, "  " SHORT_TEXT " \n", said, sizeof said) == 0 && strstr(said, "What is said in me.wav?") &&
               strstr(said, "F5 is shown") && strstr(said, "\"" SHORT_TEXT "\""),
           "%s", said);
    CHECKF(RUN("voices", "show", "me") == 0 && strstr(said, "zero-shot") && strstr(said, SHORT_TEXT), "%s", said);
    /* the answer is not kept: where a text lies beside the recording, nobody is asked */
    CHECK(!cw_file_exists(test_house_path("me.txt")));
done:
    test_house_leave();
}

static void test_path(void) {
    struct cw_error err = {0};
    bool real = false;
    const char *script = "---\ntitle: T\nlanguage: en-us\nseed: 1\ncast:\n  Ann: me\n  Bob: am_michael\n  Eve: f5:af_heart\n---\n\n# S\n\n"
                         "Ann: It costs $3 to cross the river.\n\nBob: Who told you that?\n\nEve: Nobody did.\n";
    if (!test_house_enter(NULL))
        return;
    if (!CHECKF(RUN("say", SHORT_TEXT, "--voice", "bm_george", "-q", "-o", "me.wav") == 0, "%s", said))
        goto done;
    CHECKF(run(clone_me) == 2 && strstr(said, "expected what is said in it") && strstr(said, "me.txt"), "%s", said);
    if (!CHECK(!cw_file_write(test_house_path("me.txt"), SHORT_TEXT, strlen(SHORT_TEXT), &err)) || !CHECKF(run(clone_me) == 0, "%s", said))
        goto done;
    CHECKF(strstr(said, "me.gguf") && strstr(said, "F5 is shown") && strstr(said, SHORT_TEXT), "%s", said);
    CHECKF(RUN("voices", "show", "me") == 0 && strstr(said, "zero-shot") && strstr(said, "Tom Reed") && strstr(said, SHORT_TEXT) &&
               !strstr(said, "\nrefused "),
           "%s", said);
    CHECKF(RUN("voices", "list") == 0 && strstr(said, "\nme  ") && strstr(strstr(said, "\nme  "), "zero-shot"), "%s", said);
    CHECKF(RUN("say", "One, two.", "--voice", "me", "-o", "a.wav") == 3 && strstr(said, "models import"), "%s", said);
    if (!install(&real))
        goto done;
    CHECKF(RUN("say", "One, two.", "--voice", "me", "-o", "a.wav") == 0, "%s", said);
    CHECKF(strstr(said, real ? "licence: " : "Random F5, licence: cc0-1.0. Numbers drawn by lot.") &&
               (real || strstr(said, "Random Vocos")),
           "%s", said);
    CHECKF(RUN("say", "One, two.", "--voice", "me", "-q", "--threads", "1", "-o", "b.wav") == 0, "%s", said);
    CHECK(test_house_same("a.wav", "b.wav"));
    CHECKF(RUN("say", "One, two.", "--voice", "me", "-q", "--seed", "2", "-o", "c.wav") == 0, "%s", said);
    CHECK(!test_house_same("a.wav", "c.wav"));
    CHECKF(RUN("say", "One, two.", "--voice", "me", "-q", "--by-bytes", "-o", "c.wav") == 0, "%s", said);
    CHECK(!test_house_same("a.wav", "c.wav"));
    CHECKF(RUN("say", "One, two.", "--voice", "me", "-q", "--steps", "5", "-o", "c.wav") == 0, "%s", said);
    CHECK(!test_house_same("a.wav", "c.wav"));
    CHECKF(RUN("say", "One, two.", "--voice", "me", "-q", "--steps", "65", "-o", "x.wav") == 2 && strstr(said, "--steps"), "%s", said);
    CHECKF(RUN("say", "One, two.", "--voice", "af_heart", "--engine", "f5", "-q", "-o", "d.wav") == 0, "%s", said);
    if (real)
        judge();
    /* what cannot be said, or not so */
    /* a letter that neither the random model's vocabulary has nor the published one's, which knows most that Europe writes */
    CHECKF(RUN("say", "They say d\u0175r.", "--voice", "me", "-q", "-o", "x.wav") == 2 && strstr(said, "U+0175"), "%s", said);
    CHECKF(RUN("say", "One.", "--voice", "me", "--engine", "kokoro", "-o", "x.wav") == 2 && strstr(said, "expected a voice of kokoro"),
           "%s", said);
    CHECKF(RUN("say", "One.", "--voice", "me", "--engine", "mel", "-o", "x.wav") == 2 && strstr(said, "expected a voice of kokoro"), "%s",
           said);
    CHECKF(RUN("say", "One.", "--voice", "me + af_heart", "-o", "x.wav") == 2 && strstr(said, "cannot be mixed"), "%s", said);
    CHECKF(RUN("say", "One.", "--engine", "f6", "-o", "x.wav") == 2 && strstr(said, "expected kokoro, mel or f5"), "%s", said);
    CHECKF(RUN("voices", "mix", "me", "--name", "other") == 2 && strstr(said, "is a recording"), "%s", said);
    CHECK(!cw_file_exists(test_house_path("x.wav")));

    /* an episode of both engines; nothing is said twice */
    CHECK(!cw_file_write(test_house_path("talk.md"), script, strlen(script), &err));
    CHECKF(RUN("render", "talk.md", "-o", "talk") == 0 && strstr(said, "3 rendered") && strstr(said, "licence: "), "%s", said);
    check_episode(real);
    CHECKF(RUN("render", "talk.md", "-o", "talk") == 0 && strstr(said, "3 reused"), "%s", said);
    CHECKF(RUN("render", "talk.md", "-o", "talk", "--by-bytes") == 0 && strstr(said, "2 rendered") && strstr(said, "1 reused"), "%s", said);
    /* seven steps are the same turns whether asked for or not; five are others, of F5's alone */
    CHECKF(RUN("render", "talk.md", "-o", "talk", "--steps", "7") == 0 && strstr(said, "3 reused"), "%s", said);
    CHECKF(RUN("render", "talk.md", "-o", "talk", "--steps", "5") == 0 && strstr(said, "2 rendered") && strstr(said, "1 reused"), "%s",
           said);
    if (!real)
        make();
    if (!real) { /* a vocabulary that does not cover the reference's text, nor the turn's */
        if (make_f5(test_house_path("models/f5.gguf"), 'k'))
            CHECKF(RUN("say", "One.", "--voice", "me", "-o", "x.wav") == 2 && strstr(said, "voice \"me\"") &&
                       strstr(said, "model's symbols"),
                   "%s", said);
    }
    /* consent ends */
    CHECKF(RUN("voices", "revoke", "me") == 0, "%s", said);
    CHECKF(RUN("render", "talk.md", "-o", "talk") == 2 && strstr(said, "revoked"), "%s", said);
done:
    test_house_leave();
}

const struct cw_test cw_tests_shown[] = {
    {"shown.text", "texts are written as the published code writes them for the model", test_text},
    {"shown.time", "frames by sounds and by bytes, as the rules say", test_time},
    {"shown.doubts", "each way of going astray is heard, and ordinary speech is not doubted", test_doubts},
    {"shown.retakes", "a chunk is said again while it is doubted, twice at most, and the take with the fewest doubts stays", test_retakes},
    {"shown.recorded", "the manifest has each turn's retakes and the doubts that were left", test_recorded},
    {"shown.words", "a word lost, said again or drawn out is heard, and what belongs to no word; a sentence well said is not doubted",
     test_words},
    {"shown.recordings", "a recording becomes a voice, a long one is cut with its text, a bad one is refused with advice", test_recordings},
    {"shown.long", "a long turn is cut at clauses by the voice's own pace, and its parts are joined", test_long},
    {"shown.together", "turns spoken together sound as each does alone; one that fails leaves the others alone", test_together},
    {"shown.batches", "one worker speaks turns together, unless somebody listens; the files are those of several side by side",
     test_batches},
    {"shown.asked", "at a terminal what is said in a recording is asked for, and a voice is made of it; without an answer it is refused",
     test_asked},
    {"shown.path", "recording, consent, voice, turn, episode of both engines, revoked: by the program", test_path},
    {0},
};
