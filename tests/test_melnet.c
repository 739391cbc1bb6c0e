/* Our own mel model against PyTorch (tests/make_melnet_reference.py), with random weights and with its own: every stage, on every
 * instruction set; and as an engine, by the program. */
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/catalogue.h"
#include "models/gguf.h"
#include "tests/test_house.h"
#include "tests/test_program.h"
#include "tests/test_reference.h"
#include "tests/test_server.h"
#include "tts/acoustic.h"
#include "voices/recording.h"
#include "voices/spoken.h"

#include <jansson.h>
#include <unistd.h>

enum { STYLE = 256, ROWS = 510 };

struct making {
    struct cw_device *d;
    struct cw_acoustic *m;
    struct cw_acoustic_session *s;
};

static bool start(struct making *a, const char *path, const char *isa, int threads) {
    struct cw_error err = {0};
    struct cw_device_params p = cw_device_params_default();
    p.isa = isa;
    p.threads = threads;
    *a = (struct making){0};
    return CHECKF(!cw_device_open(&a->d, p, &err) && !cw_acoustic_open(&a->m, a->d, path, &err) &&
                      !cw_acoustic_session_open(&a->s, a->m, &err),
                  "%s", err.text);
}

static void end(struct making *a) {
    cw_acoustic_session_close(a->s);
    cw_acoustic_close(a->m);
    cw_device_close(a->d);
}

/* The recorded utterance; the pack's row of its length is the recorded style. */
static float pack[ROWS * STYLE];
static struct cw_acoustic_input input_of(const struct cw_reference *r) {
    struct cw_acoustic_input in = {.pack = pack, .pack_rows = ROWS, .speed = 1};
    int count = 0;
    in.ids = cw_reference_ints(r, "ids", &in.count);
    const float *style = cw_reference_floats(r, "style", &count);
    if (CHECK(in.ids && style && count == STYLE && in.count <= ROWS))
        memcpy(pack + (size_t)(in.count - 1) * STYLE, style, sizeof *style * STYLE);
    return in;
}

struct watch {
    const struct cw_reference *r;
    const char *speed, *isa;
    int seen;
    double worst;
};

static double distance(const float *x, int stride, int rows, int cols, const float *want) {
    double off = 0, all = 0;
    for (int t = 0; t < rows; t++) {
        for (int c = 0; c < cols; c++) {
            const double w = (double)want[(size_t)t * (size_t)cols + (size_t)c], d = (double)x[(ptrdiff_t)t * stride + c] - w;
            off += d * d;
            all += w * w;
        }
    }
    return sqrt(off / all);
}

static void look(void *arg, const char *stage, struct cw_mat m) {
    struct watch *w = arg;
    char name[64];
    int count = 0;
    snprintf(name, sizeof name, "%s/%s", w->speed, stage);
    const float *want = cw_reference_floats(w->r, name, &count);
    if (want && !CHECKF(count == m.rows * m.cols, "%s: %d x %d, expected %d numbers", name, m.rows, m.cols, count))
        return;
    const double off = want ? distance(m.data, m.stride, m.rows, m.cols, want) : cw_reference_distance(w->r, name, m);
    w->worst = off > w->worst ? off : w->worst;
    CHECKF(off < 1e-5, "%s on %s: off by %g", name, w->isa, off);
    w->seen++;
}

static void compare(const struct cw_reference *r, const char *gguf, const char *isa, int threads, int stages, double *seconds) {
    static const char *const speeds[] = {"1", "0.8"};
    struct cw_error err = {0};
    struct making a;
    if (start(&a, gguf, isa, threads)) {
        struct cw_acoustic_input in = input_of(r);
        for (int i = 0; i < 2; i++) {
            struct watch w = {r, speeds[i], cw_device_isa(a.d), 0, 0};
            struct cw_frames f;
            char name[32];
            int count = 0;
            snprintf(name, sizeof name, "%s/durations", speeds[i]);
            const int *durations = cw_reference_ints(r, name, &count);
            in.speed = i == 0 ? 1 : 0.8f;
            cw_acoustic_session_tap(a.s, look, &w);
            if (!CHECKF(!cw_acoustic_run(a.s, &in, &f, &err), "%s", err.text))
                break;
            CHECKF(w.seen == stages, "%d stages, expected %d", w.seen, stages);
            CHECK(durations && count == f.phonemes && memcmp(durations, f.durations, sizeof *durations * (size_t)count) == 0);
            if (seconds) {
                const double from = cw_seconds(), cpu = cw_cpu_seconds();
                cw_acoustic_session_tap(a.s, NULL, NULL);
                CHECK(!cw_acoustic_run(a.s, &in, &f, &err));
                *seconds = (double)f.count * f.hop / f.sample_rate;
                printf("    %s: off by %.2g (relative L2, the worst of %d stages); %.2f s of speech in %.3f s, %.3f CPU seconds\n", w.isa,
                       w.worst, w.seen, *seconds, cw_seconds() - from, cw_cpu_seconds() - cpu);
            }
        }
    }
    end(&a);
}

static void parity(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    const char *folder = getenv("CASTWRIGHT_MELNET_REFERENCE");
    char path[CW_PATH_MAX];
    double seconds = 0;
    if (CHECKF(!cw_reference_open(&r, "melnet.bin", &err), "%s", err.text))
        for (const char *const *isa = cw_device_isas(); *isa; isa++)
            compare(r, cw_test_data("melnet.gguf"), *isa, 2, 9, NULL);
    cw_reference_close(r);
    if (!folder) /* the size that is trained, by command */
        return;
    r = NULL;
    snprintf(path, sizeof path, "%s/melnet.bin", folder);
    if (CHECKF(!cw_reference_open(&r, path, &err), "%s", err.text)) {
        snprintf(path, sizeof path, "%s/melnet.gguf", folder);
        compare(r, path, NULL, 0, 15, &seconds);
    }
    cw_reference_close(r);
}

static void own(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    double seconds = 0;
    if (CHECKF(!cw_reference_open(&r, "melnet_own.bin", &err) && !cw_model_path("mel", path, &err), "%s", err.text))
        for (const char *const *isa = cw_device_isas(); *isa; isa++)
            compare(r, path, *isa, 2, 13, isa == cw_device_isas() ? &seconds : NULL);
    cw_reference_close(r);
}

/* Threads change no byte; a voice's height does, and so do speed and the length of an edge. */
static void inputs(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    float *kept = NULL;
    if (!CHECKF(!cw_reference_open(&r, "melnet.bin", &err), "%s", err.text))
        return;
    for (int threads = 1; threads <= 3; threads += 2) {
        struct making a;
        struct cw_frames f;
        if (start(&a, cw_test_data("melnet.gguf"), NULL, threads)) {
            struct cw_acoustic_input in = input_of(r);
            if (CHECKF(!cw_acoustic_run(a.s, &in, &f, &err), "%s", err.text)) {
                const size_t bytes = sizeof *kept * (size_t)f.count * (size_t)f.channels;
                const int count = f.count, edge = f.durations[0], last = f.durations[f.phonemes - 1];
                CHECK_STR(f.kind, "mel-hifigan");
                CHECK(f.sample_rate == 22050 && f.hop == 256 && f.unit_samples == 256 && f.channels == 10 && !f.f0 && !f.style);
                if (!kept && (kept = malloc(bytes)) != NULL)
                    memcpy(kept, f.data, bytes);
                CHECKF(kept && !memcmp(kept, f.data, bytes), "%d threads: other bytes", threads);
                in.f0_slope = 1;
                CHECK(!cw_acoustic_run(a.s, &in, &f, &err) && f.count == count);
                in.f0_offset = 0.3f;
                CHECK(!cw_acoustic_run(a.s, &in, &f, &err) && f.count == count && kept && memcmp(kept, f.data, bytes) != 0);
                in.f0_slope = in.f0_offset = 0;
                in.speed = 2;
                CHECK(!cw_acoustic_run(a.s, &in, &f, &err) && f.count < count && f.count > count / 2 - 2);
                in.speed = 1;
                in.max_edge_units = 1;
                CHECK(!cw_acoustic_run(a.s, &in, &f, &err) && f.durations[0] <= 1 && f.durations[f.phonemes - 1] <= 1);
                CHECKF(edge + last >= 2 && abs(f.count - (count - edge - last + 2)) <= 1, "%d frames of %d, edges %d and %d", f.count,
                       count, edge, last);
            }
            CHECK(cw_acoustic_symbol(a.m, 'a') == 1 && cw_acoustic_symbol(a.m, 's') == 19 && cw_acoustic_symbol(a.m, 't') == -1);
            CHECK(cw_acoustic_symbol(a.m, 0) == -1 && cw_acoustic_max_phonemes(a.m) == 510);
        }
        end(&a);
    }
    free(kept);
    cw_reference_close(r);
}

static void refusals(void) {
    struct cw_reference *r = NULL;
    struct cw_error err = {0};
    struct making a;
    struct cw_frames f;
    if (!CHECKF(!cw_reference_open(&r, "melnet.bin", &err), "%s", err.text))
        return;
    if (start(&a, cw_test_data("melnet.gguf"), NULL, 1)) {
        const struct cw_acoustic_input good = input_of(r);
        struct cw_acoustic_input in = good;
        const int ids[3] = {3, 20, 4};
        in.ids = ids;
        in.count = 3;
        CHECK_REFUSED(cw_acoustic_run(a.s, &in, &f, &err), &err, "phoneme 2 of 3", "1 to 19", "found 20");
        in = good;
        in.pack_rows = 5;
        CHECK_REFUSED(cw_acoustic_run(a.s, &in, &f, &err), &err, "style for 23 symbols", "5 rows");
        in = good;
        pack[22 * STYLE + 7] = NAN;
        CHECK_REFUSED(cw_acoustic_run(a.s, &in, &f, &err), &err, "row 22, number 7", "nan");
        pack[22 * STYLE + 7] = 3e38f;
        CHECK_REFUSED(cw_acoustic_run(a.s, &in, &f, &err), &err, "voice or model", "finite");
        in.speed = NAN;
        CHECK_REFUSED(cw_acoustic_run(a.s, &in, &f, &err), &err, "speed", "nan");
        struct cw_acoustic *m = NULL;
        const struct cw_learnt learnt = {0};
        CHECK_REFUSED(cw_acoustic_open_learnt(&m, a.m, &learnt, &err), &err, "voice made of style alone");
        CHECK(m == NULL);
    }
    end(&a);
    cw_reference_close(r);
}

/* The file with one thing changed at the first place where `find` stands, `skip` bytes on. */
static const char *changed(const char *find, size_t skip, const void *with, size_t len) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    char *data = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/changed.gguf", cw_test_dir());
    if (CHECKF(!cw_file_read(cw_test_data("melnet.gguf"), 1 << 22, &data, &size, &err), "%s", err.text)) {
        char *at = find ? memmem(data, size, find, strlen(find)) : data + size - skip;
        if (CHECKF(at != NULL, "%s", find ? find : "end"))
            memcpy(find ? at + strlen(find) + skip : at, with, len);
        CHECK(!cw_file_write(path, data, size, &err));
    }
    free(data);
    return path;
}

static void files(void) {
    struct cw_error err = {0};
    struct cw_device *d = NULL;
    struct cw_acoustic *m = NULL;
    const uint32_t three = 3, five = 5, huge = 1000000, bf16 = 30, q4 = 2;
    const uint64_t turned[2] = {32, 8};
    const unsigned char nan16[2] = {0x00, 0x7E};
    if (!CHECKF(!cw_device_open(&d, cw_device_params_default(), &err), "%s", err.text))
        return;
    /* a number's type stands between key and value: 4 bytes */
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("melnet.encoder", 4, &three, 4), &err), &err, "encoder.2.norm1.fc.weight",
                  "found no such");
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("melnet.heads", 4, &five, 4), &err), &err, "heads", "16 in 5");
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("melnet.width", 4, &huge, 4), &err), &err, "melnet.width", "1000000");
    const char *named = strstr(err.text, "changed.gguf");
    CHECKF(named && !strstr(named + 1, "changed.gguf"), "%s", err.text);
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("melnet.bands", 4, &five, 4), &err), &err, "mel_mean", "[5]", "[10]");
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("general.architecture", 12, "melnot", 6), &err), &err, "kokoro, melnet", "melnot");
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("decoder.1.qkv.weigh", 0, "x", 1), &err), &err, "decoder.1.qkv.weight", "found no such");
    /* after a tensor's name: number of dimensions, dimensions, type */
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("style2.weight", 4, turned, 16), &err), &err, "style2.weight", "[16, 16]", "[8, 32]");
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed("decoder.0.out.weight", 20, &q4, 4), &err), &err, "changed.gguf");
    /* the last tensor's data, out.bias [10] in floats, is padded to 64 bytes; before it out.weight [10, 16] in halves */
    CHECK_REFUSED(cw_acoustic_open(&m, d, changed(NULL, 64 + 320, nan16, 2), &err), &err, "out.weight", "finite", "nan");
    CHECK_REFUSED(cw_acoustic_open(&m, d, cw_test_data("vocos.gguf"), &err), &err, "vocos.gguf", "melnet", "\"vocos\"");
    CHECK(m == NULL);
    /* bfloat16 is read too: the same bits are other numbers */
    CHECKF(!cw_acoustic_open(&m, d, changed("decoder.0.out.weight", 20, &bf16, 4), &err), "%s", err.text);
    cw_acoustic_close(m);
    cw_device_close(d);
}

/* ---- as an engine ------------------------------------------------------------------------------------------------------------------- */

static char said[65536];
static int run(const char *const *args) {
    return test_program_run(args, said, sizeof said);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static double level_of(const struct cw_recording *r) {
    double sum = 0;
    for (size_t i = 0; i < r->count; i++)
        sum += (double)r->samples[i] * (double)r->samples[i];
    return 10 * log10(sum / (double)r->count);
}

/* The words are there, and it is as loud and about as long as the model that taught it. */
static void hear(const char *text) {
    struct cw_error err = {0};
    struct cw_recording made = {0}, taught = {0};
    struct cw_spoken heard = {0};
    if (CHECKF(RUN("say", text, "--voice", "mel:af_heart", "-q", "-o", "mel.wav") == 0, "%s", said) &&
        CHECKF(RUN("say", text, "--voice", "af_heart", "-q", "-o", "kokoro.wav") == 0, "%s", said) &&
        CHECKF(!cw_recording_read(&made, test_house_path("mel.wav"), &err) &&
                   !cw_recording_read(&taught, test_house_path("kokoro.wav"), &err) &&
                   !cw_spoken_listen(&heard, made.samples, made.count, made.rate, text, 0, &err),
               "%s", err.text)) {
        CHECK(made.rate == 24000);
        CHECKF(heard.right * 4 >= heard.words * 3, "%d of %d words: %s", heard.right, heard.words, heard.heard);
        CHECKF(fabs(level_of(&made) - level_of(&taught)) < 3, "%.1f dB beside %.1f", level_of(&made), level_of(&taught));
        CHECKF(fabs((double)made.count / (double)taught.count - 1) < 0.12, "%zu samples beside %zu", made.count, taught.count);
    }
    cw_recording_free(&made);
    cw_recording_free(&taught);
}

static void check_manifest(void) {
    json_t *root = test_house_manifest("talk");
    const json_t *voices = json_object_get(root, "voices"), *models = json_object_get(root, "models");
    CHECK_STR(test_house_string(voices, 0, "engine"), "mel");
    CHECK_STR(test_house_string(voices, 0, "voice"), "mel:af_heart*0.25 + bf_emma*0.75");
    CHECK_STR(test_house_string(voices, 1, "engine"), "kokoro");
    CHECK_STR(test_house_string(models, 0, "name"), "kokoro");
    CHECK_STR(test_house_string(models, 1, "name"), "mel");
    CHECK_STR(test_house_string(models, 2, "name"), "hifigan");
    CHECKF(strstr(test_house_string(models, 1, "licence"), "apache-2.0") && strstr(test_house_string(models, 2, "licence"), "agpl-3.0"),
           "%s", test_house_string(models, 2, "licence"));
    CHECK(json_array_size(models) == 4);
    json_decref(root);
}

/* Another vocoder under the same name: the same sound, but of another file. */
static bool change_vocoder(void) {
    struct cw_error err = {0};
    char *data = NULL;
    size_t len = 0;
    bool ok = CHECKF(!cw_file_read(test_house_path("models/hifigan.gguf"), 1 << 26, &data, &len, &err), "%s", err.text);
    char *at = ok ? memmem(data, len, "HiFi-GAN", 8) : NULL;
    if (ok && CHECK(at != NULL)) {
        at[0] = 'h';
        ok = CHECK(unlink(test_house_path("models/hifigan.gguf")) == 0) &&
             CHECKF(!cw_file_write(test_house_path("models/hifigan.gguf"), data, len, &err), "%s", err.text);
    }
    free(data);
    return ok && at;
}

/* From a topic to an episode, every host by the engine that was asked for. */
static void make(void) {
#ifndef __SANITIZE_ADDRESS__ /* minutes, and the way of every engine */
    test_house_make("mel", NULL, said, sizeof said);
    CHECKF(strstr(said, "agpl-3.0") != NULL, "%s", said);
#endif
}

static void engine(void) {
    static const char text[] = "It costs three dollars to cross the river.", mix[] = "af_heart + bf_emma*3";
    static const char script[] =
        "---\ntitle: T\nlanguage: en-us\nseed: 1\ncast:\n  Ann: mel:af_heart + bf_emma*3\n  Bob: am_michael\n---\n\n# S\n\n"
        "Ann: It costs $3 to cross the river.\n\nBob: Who told you that?\n";
    struct cw_error err = {0};
    if (!test_house_enter(NULL))
        return;
    CHECKF(RUN("say", text, "--engine", "mel", "-o", "x.wav") == 3 && strstr(said, "run: castwright models fetch hifigan"), "%s", said);
    if (!test_house_link("hifigan"))
        goto done;
    CHECKF(RUN("say", text, "--voice", mix, "--engine", "mel", "--threads", "1", "-o", "a.wav") == 0 && strstr(said, "apache-2.0") &&
               strstr(said, "agpl-3.0") && !strstr(said, "little Hindi"),
           "%s", said);
    CHECKF(RUN("say", text, "--voice", "mel:af_heart + bf_emma*3", "-q", "--threads", "2", "-o", "b.wav") == 0, "%s", said);
    CHECK(test_house_same("a.wav", "b.wav"));
    CHECKF(RUN("say", text, "--voice", mix, "-q", "-o", "c.wav") == 0, "%s", said);
    CHECK(!test_house_same("a.wav", "c.wav"));
    hear(text);
    CHECKF(RUN("say", "Qui ?", "--voice", "mel:ff_siwis", "-o", "d.wav") == 0 && !strstr(said, "little Hindi"), "%s", said);
    CHECKF(RUN("voices", "audition", "mel:af_heart", "mel:hf_alpha", "--text", "Yes.", "-o", "e.wav") == 0 && strstr(said, "little Hindi"),
           "%s", said);
    const char *licence = strstr(said, "licence: agpl-3.0");
    CHECKF(licence && !strstr(licence + 1, "licence: agpl-3.0"), "not told once: %s", said);
    CHECKF(RUN("text", "--voice", "mel:bf_emma", "--phonemes", "Yes.") == 0, "%s", said);
    CHECKF(RUN("say", text, "--engine", "mell", "-o", "x.wav") == 2 && strstr(said, "expected kokoro, mel or f5"), "%s", said);

    /* an episode of both engines; nothing is said twice, until the vocoder is another one */
    CHECK(!cw_file_write(test_house_path("talk.md"), script, strlen(script), &err));
    CHECKF(RUN("render", "talk.md", "-o", "talk") == 0 && strstr(said, "2 rendered") && strstr(said, "agpl-3.0"), "%s", said);
    check_manifest();
    CHECKF(RUN("render", "talk.md", "-o", "talk") == 0 && strstr(said, "2 reused"), "%s", said);
    if (change_vocoder())
        CHECKF(RUN("render", "talk.md", "-o", "talk") == 0 && strstr(said, "1 rendered") && strstr(said, "1 reused"), "%s", said);
    CHECKF(RUN("render", "talk.md", "-o", "all", "--engine", "mel") == 0 && strstr(said, "2 rendered"), "%s", said);
    json_t *root = test_house_manifest("all");
    CHECK_STR(test_house_string(json_object_get(root, "voices"), 1, "engine"), "mel");
    json_decref(root);
    make();
    setenv("CASTWRIGHT_OWN_MODELS", "/nowhere", 1);
    CHECKF(RUN("say", text, "--engine", "mel", "-o", "x.wav") == 3 && strstr(said, "comes with Castwright"), "%s", said);
    unsetenv("CASTWRIGHT_OWN_MODELS");
    CHECK(!cw_file_exists(test_house_path("x.wav")));
done:
    test_house_leave();
}

const struct cw_test cw_tests_melnet[] = {
    {"melnet.parity", "every stage of our mel model equals PyTorch's, on every instruction set", parity},
    {"melnet.own", "every stage of the trained file equals PyTorch's with the same weights, on every instruction set", own},
    {"melnet.inputs", "threads change no byte; height, speed and edges do what they say", inputs},
    {"melnet.refusals", "inputs that do not fit are refused by name", refusals},
    {"melnet.files", "a file with a missing, misshapen or broken tensor is refused by name", files},
    {"melnet.engine", "speaks by the program with its own weights, alone and beside Kokoro, and tells what it needs", engine},
    {0},
};
