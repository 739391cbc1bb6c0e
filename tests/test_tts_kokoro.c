/* Kokoro's acoustic half against the published model's numbers (tests/test_reference.h), and what it refuses. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_reference.h"
#include "tests/test.h"
#include "tests/test_sounding.h"
#include "tts/acoustic.h"
#include "vocoder/vocoder.h"

enum { SENTENCES = 30, STYLE = 256, PHONEMES_MAX = 510 };
#ifdef __SANITIZE_ADDRESS__
enum { PARITY_STEP = 7, ISA_SENTENCES = 1 }; /* numbers are for the plain build to hold; memory needs fewer sentences */
#else
enum { PARITY_STEP = 1, ISA_SENTENCES = 4 };
#endif

struct rig {
    struct cw_device *device;
    struct cw_acoustic *model;
    struct cw_acoustic_session *session;
    struct cw_reference *reference;
    float *pack; /* [PHONEMES_MAX, STYLE], NaN but for the row in use: reading another row cannot go unseen */
};

static void rig_close(struct rig *r) {
    cw_acoustic_session_close(r->session);
    cw_acoustic_close(r->model);
    cw_device_close(r->device);
    cw_reference_close(r->reference);
    free(r->pack);
    *r = (struct rig){0};
}

/* False when the test cannot go on: no model (skipped) or a failure (counted). */
static bool rig_open(struct rig *r, const char *isa, int threads) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    struct cw_device_params params = cw_device_params_default();
    *r = (struct rig){0};
    if (cw_models_dir(dir, &err) != 0 || cw_path_join(path, dir, "kokoro.gguf", &err) != 0 || !cw_file_exists(path)) {
        cw_test_skip("kokoro.gguf is not there");
        return false;
    }
    params.isa = isa;
    params.threads = threads;
    r->pack = malloc((size_t)PHONEMES_MAX * STYLE * sizeof *r->pack);
    bool ok = r->pack && cw_reference_open(&r->reference, "kokoro_acoustic.bin", &err) == 0 &&
              cw_device_open(&r->device, params, &err) == 0 && cw_acoustic_open(&r->model, r->device, path, &err) == 0 &&
              cw_acoustic_session_open(&r->session, r->model, &err) == 0;
    if (!CHECKF(ok, "%s", err.text))
        rig_close(r);
    return ok;
}

/* The input of one sentence of the reference; false when its records are not there. */
static bool sentence_input(struct rig *r, int sentence, struct cw_acoustic_input *in) {
    char name[32];
    int count, style_count;
    snprintf(name, sizeof name, "%03d/ids", sentence);
    const int *ids = cw_reference_ints(r->reference, name, &count);
    snprintf(name, sizeof name, "%03d/style", sentence);
    const float *style = cw_reference_floats(r->reference, name, &style_count);
    if (!CHECK(ids && style && count > 2 && count <= PHONEMES_MAX + 2 && style_count == STYLE))
        return false;
    for (int i = 0; i < PHONEMES_MAX * STYLE; i++)
        r->pack[i] = NAN;
    memcpy(r->pack + (size_t)(count - 3) * STYLE, style, STYLE * sizeof *style);
    *in = (struct cw_acoustic_input){.ids = ids + 1, .count = count - 2, .pack = r->pack, .pack_rows = PHONEMES_MAX, .speed = 1};
    return true;
}

/* ---- parity ------------------------------------------------------------------------------------------------------- */

#define TOLERANCE 1e-4 /* relative L2 distance */

/* The first instruction set whose products are all in float32. */
static const char *exact_isa(void) {
    const char *const *isa = cw_device_isas();
    while (strcmp(*isa, "amx") == 0 || strcmp(*isa, "avx512vnni") == 0 || strcmp(*isa, "avx512bf16") == 0)
        isa++;
    return *isa;
}

/* The decoder's convolutions may be in 16-bit numbers; what durations and F0 come from never is. */
static double tolerance(const char *isa, const char *stage) {
    if (strncmp(stage, "encode", 6) != 0 && strncmp(stage, "decode", 6) != 0 && strncmp(stage, "ups", 3) != 0)
        return TOLERANCE;
    return strcmp(isa, "avx512vnni") == 0 ? 2e-3 : strcmp(isa, "avx512bf16") == 0 || strncmp(isa, "amx", 3) == 0 ? 8e-3 : TOLERANCE;
}

static const struct {
    const char *name;
    bool whole; /* every number is recorded, else projections of them */
} stages[] = {
    {"d_en", false},   {"t_en", false},     {"F0", true},        {"N", true},         {"asr", false},
    {"encode", false}, {"decode.0", false}, {"decode.1", false}, {"decode.2", false}, {"decode.3", false},
};
enum { STAGES = sizeof stages / sizeof stages[0] };

struct parity {
    const char *isa;
    const struct cw_reference *reference;
    int sentence;
    bool seen[STAGES];
    double worst[STAGES];             /* over all sentences */
    double worst_length, nearest_tie; /* of durations before rounding, in units */
};

static void compare(void *arg, const char *stage, struct cw_mat m) {
    struct parity *p = arg;
    char name[32];
    snprintf(name, sizeof name, "%03d/%s", p->sentence, stage);
    for (int i = 0; i < (int)STAGES; i++) {
        if (strcmp(stages[i].name, stage) != 0)
            continue;
        bool dense = m.cols == 1 && m.stride == 1;
        double d = !stages[i].whole ? cw_reference_distance(p->reference, name, m)
                   : dense          ? cw_reference_distance_whole(p->reference, name, m.data, m.rows)
                                    : INFINITY;
        p->seen[i] = true;
        p->worst[i] = fmax(p->worst[i], d);
        double most = tolerance(p->isa, stage);
        CHECKF(d <= most, "sentence %d, %s: relative L2 distance %g, expected at most %g", p->sentence, stage, d, most);
    }
    if (strcmp(stage, "durations_float") == 0) {
        int n;
        const float *want = cw_reference_floats(p->reference, name, &n);
        if (!CHECK(want && n == m.rows))
            return;
        for (int i = 0; i < n; i++) {
            double got = (double)m.data[(size_t)i * m.stride];
            p->worst_length = fmax(p->worst_length, fabs(got - (double)want[i]));
            p->nearest_tie = fmin(p->nearest_tie, fabs(got - floor(got) - 0.5));
        }
    }
}

static void check_sentence(struct rig *r, struct parity *p, int sentence) {
    struct cw_error err = {0};
    struct cw_acoustic_input in;
    struct cw_frames frames = {0};
    char name[32];
    int n, units = 0;
    if (!sentence_input(r, sentence, &in))
        return;
    p->reference = r->reference;
    p->isa = cw_device_isa(r->device);
    p->sentence = sentence;
    memset(p->seen, 0, sizeof p->seen);
    cw_acoustic_session_tap(r->session, compare, p);
    if (!CHECKF(cw_acoustic_run(r->session, &in, &frames, &err) == 0, "sentence %d: %s", sentence, err.text))
        return;
    for (int i = 0; i < (int)STAGES; i++)
        CHECKF(p->seen[i], "sentence %d: stage %s was not shown", sentence, stages[i].name);

    snprintf(name, sizeof name, "%03d/durations", sentence);
    const int *durations = cw_reference_ints(r->reference, name, &n);
    if (!CHECK(durations && frames.phonemes == n))
        return;
    for (int i = 0; i < n; i++) {
        units += frames.durations[i];
        CHECKF(frames.durations[i] == durations[i], "sentence %d, symbol %d: lasts %d units, expected %d", sentence, i, frames.durations[i],
               durations[i]);
    }
    CHECK_STR(frames.kind, "kokoro-istftnet");
    CHECK(frames.count == 2 * units && frames.channels == 512 && frames.hop == 300 && frames.unit_samples == 600);
    CHECK(frames.sample_rate == 24000 && frames.style_len == 128);
    const float *row = in.pack + (size_t)(in.count - 1) * STYLE;
    for (int i = 0; i < 128; i++)
        CHECK(frames.style[i] == row[i]);
}

static void report(const struct parity *p, const char *what) {
    printf("      %s: worst relative L2", what);
    for (int i = 0; i < (int)STAGES; i++)
        printf("%s %s %.1e", i ? "," : "", stages[i].name, p->worst[i]);
    printf("; durations before rounding within %.1e units, nearest to a tie %.1e\n", p->worst_length, p->nearest_tie);
}

static void test_parity(void) {
    struct rig r;
    struct parity p = {.nearest_tie = 1};
    if (!rig_open(&r, exact_isa(), 0))
        return;
    for (int i = 0; i < SENTENCES; i += PARITY_STEP)
        check_sentence(&r, &p, i);
    report(&p, cw_device_isa(r.device));
    rig_close(&r);
}

static void test_isas(void) {
    for (const char *const *isa = test_sounding_isas(); *isa; isa++) {
        struct rig r;
        struct parity p = {.nearest_tie = 1};
        if (!rig_open(&r, *isa, 0))
            return;
        CHECK_STR(cw_device_isa(r.device), *isa);
        for (int i = 0; i < (strcmp(*isa, "amx-emulated") == 0 ? 1 : ISA_SENTENCES); i++)
            check_sentence(&r, &p, i);
        report(&p, *isa);
        rig_close(&r);
    }
}

static void test_threads(void) {
    struct rig r[2];
    struct cw_error err = {0};
    bool one = rig_open(&r[0], NULL, 1), two = one && rig_open(&r[1], NULL, 2);
    for (int i = 0; two && i < 3; i++) {
        struct cw_acoustic_input in;
        struct cw_frames f[2] = {{0}};
        if (!sentence_input(&r[0], 4 * i, &in))
            break;
        bool ok = cw_acoustic_run(r[0].session, &in, &f[0], &err) == 0 && cw_acoustic_run(r[1].session, &in, &f[1], &err) == 0;
        if (!CHECKF(ok, "%s", err.text) || !CHECK(f[0].count == f[1].count))
            break;
        CHECK(memcmp(f[0].data, f[1].data, (size_t)f[0].count * f[0].channels * sizeof(float)) == 0);
        CHECK(memcmp(f[0].f0, f[1].f0, (size_t)f[0].count * sizeof(float)) == 0);
    }
    if (one)
        rig_close(&r[0]);
    if (two)
        rig_close(&r[1]);
}

/* ---- both halves --------------------------------------------------------------------------------------------------- */

static void compare_upsampled(void *arg, const char *stage, struct cw_mat m) {
    struct parity *p = arg;
    char name[32];
    if (strcmp(stage, "ups.0") != 0)
        return;
    snprintf(name, sizeof name, "%03d/ups.0", p->sentence);
    double d = cw_reference_distance(p->reference, name, m);
    double most = tolerance(p->isa, stage);
    CHECKF(d <= most, "sentence %d, ups.0: relative L2 distance %g, expected at most %g", p->sentence, d, most);
    p->seen[0] = true;
}

/* The vocoder reads the frames as we mean them: its first upsampling, from our frames, is the published model's. */
static void test_upsampled(void) {
    struct rig r;
    struct cw_error err = {0};
    struct cw_vocoder *vocoder = NULL;
    struct cw_vocoder_session *session = NULL;
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    if (!rig_open(&r, NULL, 0))
        return;
    bool ok = cw_models_dir(dir, &err) == 0 && cw_path_join(path, dir, "kokoro.gguf", &err) == 0 &&
              cw_vocoder_open(&vocoder, r.device, path, &err) == 0 && cw_vocoder_session_open(&session, vocoder, &err) == 0;
    for (int i = 0; CHECKF(ok, "%s", err.text) && i < 4; i++) {
        struct parity p = {.reference = r.reference, .isa = cw_device_isa(r.device), .sentence = i};
        struct cw_acoustic_input in;
        struct cw_frames frames = {0};
        const float *samples = NULL;
        size_t count = 0;
        if (!sentence_input(&r, i, &in))
            break;
        cw_vocoder_session_tap(session, compare_upsampled, &p);
        ok = cw_acoustic_run(r.session, &in, &frames, &err) == 0 && cw_vocoder_run(session, &frames, 1, &samples, &count, &err) == 0;
        if (ok)
            CHECK(p.seen[0] && count == (size_t)frames.count * (size_t)frames.hop);
    }
    cw_vocoder_session_close(session);
    cw_vocoder_close(vocoder);
    rig_close(&r);
}

/* ---- symbols, speed, edges, length -------------------------------------------------------------------------------- */

static void test_symbols(void) {
    struct rig r;
    struct cw_error err = {0};
    char *text = NULL;
    size_t len = 0, at = 0;
    if (!rig_open(&r, NULL, 1))
        return;
    CHECK_STR(cw_acoustic_engine(r.model), "kokoro");
    CHECK(cw_acoustic_max_phonemes(r.model) == PHONEMES_MAX);
    CHECK(cw_acoustic_symbol(r.model, 0) == -1 && cw_acoustic_symbol(r.model, 0x4e00) == -1 && cw_acoustic_symbol(r.model, '7') == -1);
    if (!CHECKF(cw_file_read(cw_test_data("kokoro_phonemes.txt"), 1 << 20, &text, &len, &err) == 0, "%s", err.text))
        goto done;
    for (int i = 0; i < SENTENCES; i++) {
        char name[32];
        int count, found = 1; /* after the padding */
        snprintf(name, sizeof name, "%03d/ids", i);
        const int *ids = cw_reference_ints(r.reference, name, &count);
        if (!CHECK(ids != NULL) || !ids)
            break;
        while (at < len && text[at] != '\n') {
            uint32_t code = 0;
            int n = cw_utf8_next(text + at, len - at, &code);
            if (!CHECK(n > 0))
                goto done;
            at += (size_t)n;
            CHECKF(found < count && cw_acoustic_symbol(r.model, code) == ids[found], "sentence %d, symbol %d: U+%04X", i, found, code);
            found++;
        }
        at++;
        CHECK(found == count - 1);
    }
done:
    free(text);
    rig_close(&r);
}

static void test_speed(void) {
    struct rig r;
    struct cw_error err = {0};
    struct cw_acoustic_input in;
    struct cw_frames f = {0};
    int n, sum = 0;
    if (!rig_open(&r, NULL, 0))
        return;
    const int *own = cw_reference_ints(r.reference, "004/durations", &n);
    const float *lengths = cw_reference_floats(r.reference, "004/durations_float", &n);
    if (!CHECK(own && lengths) || !own || !lengths || !sentence_input(&r, 4, &in))
        goto done;
    static const float speeds[] = {0.5f, 0.8f, 1.7f};
    for (int k = 0; k < 3; k++) {
        in.speed = speeds[k];
        if (!CHECKF(cw_acoustic_run(r.session, &in, &f, &err) == 0, "%s", err.text))
            goto done;
        CHECK(f.durations[0] == own[0] && f.durations[n - 1] == own[n - 1]); /* the padding does not stretch */
        for (int i = 1; i < n - 1; i++) {
            double want = (double)lengths[i] / (double)speeds[k];
            CHECKF(fabs(f.durations[i] - want) <= 0.501 || (want < 0.5 && f.durations[i] == 1), "speed %g, symbol %d: %d units of %g",
                   (double)speeds[k], i, f.durations[i], want);
        }
    }
    in.speed = 1;
    in.max_edge_units = 5;
    if (!CHECKF(cw_acoustic_run(r.session, &in, &f, &err) == 0, "%s", err.text))
        goto done;
    CHECK(own[0] > 5 && f.durations[0] == 5 && f.durations[n - 1] == (own[n - 1] < 5 ? own[n - 1] : 5));
    for (int i = 1; i < n - 1; i++)
        CHECK(f.durations[i] == own[i]);
    for (int i = 0; i < n; i++)
        sum += f.durations[i];
    CHECK(f.count == 2 * sum);
done:
    rig_close(&r);
}

static void test_longest(void) {
    struct rig r;
    struct cw_error err = {0};
    struct cw_acoustic_input in;
    struct cw_frames f = {0};
    int ids[PHONEMES_MAX + 1];
    if (!rig_open(&r, NULL, 0))
        return;
    if (!sentence_input(&r, 28, &in))
        goto done;
    const float *row = in.pack + (size_t)(in.count - 1) * STYLE;
    for (int i = 0; i <= PHONEMES_MAX; i++)
        ids[i] = in.ids[i % in.count];
    memmove(r.pack + (size_t)(PHONEMES_MAX - 1) * STYLE, row, STYLE * sizeof *row);
    in.ids = ids;
    in.count = PHONEMES_MAX;
    if (CHECKF(cw_acoustic_run(r.session, &in, &f, &err) == 0, "%s", err.text))
        CHECK(f.phonemes == PHONEMES_MAX + 2 && f.count > PHONEMES_MAX);
    in.count = PHONEMES_MAX + 1;
    CHECK_REFUSED(cw_acoustic_run(r.session, &in, &f, &err), &err, "phonemes", "510", "511");
    memmove(r.pack, r.pack + (size_t)(PHONEMES_MAX - 1) * STYLE, STYLE * sizeof *row);
    in.count = 1; /* and the shortest, in the same session */
    if (CHECKF(cw_acoustic_run(r.session, &in, &f, &err) == 0, "%s", err.text))
        CHECK(f.phonemes == 3 && f.count >= 6);
done:
    rig_close(&r);
}

/* ---- refusals ----------------------------------------------------------------------------------------------------- */

static void test_bad_input(void) {
    struct rig r;
    struct cw_error err = {0};
    struct cw_acoustic_input good, in;
    struct cw_frames f = {0};
    int ids[64];
    if (!rig_open(&r, NULL, 1))
        return;
    if (!sentence_input(&r, 3, &good))
        goto done;
    memcpy(ids, good.ids, (size_t)good.count * sizeof *ids);
    good.ids = ids;
    float *row = r.pack + (size_t)(good.count - 1) * STYLE;

    in = good;
    in.count = 0;
    CHECK_REFUSED(cw_acoustic_run(r.session, &in, &f, &err), &err, "phonemes", "1 to 510", "0");
    in = good;
    in.pack_rows = good.count - 1;
    CHECK_REFUSED(cw_acoustic_run(r.session, &in, &f, &err), &err, "voice", "rows");
    static const int bad_ids[] = {-1, 0, 178, 2147483647};
    for (int i = 0; i < 4; i++) {
        int kept = ids[2];
        ids[2] = bad_ids[i];
        CHECK_REFUSED(cw_acoustic_run(r.session, &good, &f, &err), &err, "phoneme 3", "1 to 177", "found");
        ids[2] = kept;
    }
    static const float bad_speeds[] = {0, -1, NAN, INFINITY, 100};
    for (int i = 0; i < 5; i++) {
        in = good;
        in.speed = bad_speeds[i];
        CHECK_REFUSED(cw_acoustic_run(r.session, &in, &f, &err), &err, "speed", "0.25 to 4");
    }
    in = good;
    in.max_edge_units = -1;
    CHECK_REFUSED(cw_acoustic_run(r.session, &in, &f, &err), &err, "edge", "-1");
    static const float bad_numbers[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        float kept = row[200];
        row[200] = bad_numbers[i];
        CHECK_REFUSED(cw_acoustic_run(r.session, &good, &f, &err), &err, "voice", "finite", "number 200");
        row[200] = kept;
    }
    /* Finite, but far outside what a voice can be: refused or spoken, never numbers that are not finite. */
    float kept = row[10];
    row[10] = 3e38f;
    if (cw_acoustic_run(r.session, &good, &f, &err) == 0) {
        for (int i = 0; i < f.count * f.channels; i++)
            CHECK(isfinite(f.data[i]));
    } else {
        CHECK(err.code == CW_BAD_INPUT);
    }
    row[10] = kept;
    CHECKF(cw_acoustic_run(r.session, &good, &f, &err) == 0, "after refusals: %s", err.text);
done:
    rig_close(&r);
}

static void put(struct cw_text *t, const void *data, size_t n) {
    cw_text_add_n(t, data, n);
}
static void put_u32(struct cw_text *t, uint32_t v) {
    put(t, &v, sizeof v);
}
static void put_u64(struct cw_text *t, uint64_t v) {
    put(t, &v, sizeof v);
}
static void put_string(struct cw_text *t, const char *s) {
    put_u64(t, strlen(s));
    put(t, s, strlen(s));
}

static void put_int(struct cw_text *t, const char *key, uint32_t v) {
    enum { GGUF_UINT32 = 4 };
    put_string(t, key);
    put_u32(t, GGUF_UINT32);
    put_u32(t, v);
}

/* A well-formed GGUF of a few keys and one tensor [3, 64] of zeros, and what opening it as an acoustic model says. */
static int open_tiny(struct cw_device *d, const char *architecture, const char *symbol, uint32_t layers, struct cw_error *err) {
    enum { GGUF_STRING = 8, GGUF_ARRAY = 9, ROWS = 3, COLS = 64 };
    struct cw_text t = {0};
    struct cw_acoustic *m = NULL;
    static const float zeros[ROWS * COLS];
    char path[CW_PATH_MAX];
    int rc = -2;
    put(&t, "GGUF", 4);
    put_u32(&t, 3);
    put_u64(&t, 1);
    put_u64(&t, 6);
    put_int(&t, "kokoro.bert.layers", layers);
    put_int(&t, "kokoro.bert.heads", 12);
    put_int(&t, "kokoro.sample_rate", 24000);
    put_int(&t, "kokoro.unit_samples", 600);
    put_string(&t, "general.architecture");
    put_u32(&t, GGUF_STRING);
    put_string(&t, architecture);
    put_string(&t, "kokoro.vocab");
    put_u32(&t, GGUF_ARRAY);
    put_u32(&t, GGUF_STRING);
    put_u64(&t, ROWS);
    put_string(&t, "");
    put_string(&t, "a");
    put_string(&t, symbol);
    put_string(&t, "bert.embeddings.word_embeddings.weight");
    put_u32(&t, 2);
    put_u64(&t, COLS);
    put_u64(&t, ROWS);
    put_u32(&t, 0);
    put_u64(&t, 0);
    while (t.len % 32)
        put(&t, "", 1);
    put(&t, zeros, sizeof zeros);
    if (cw_text_check(&t, "test file", err) == 0 && cw_path_join(path, cw_test_dir(), "tiny.gguf", err) == 0 &&
        cw_file_write(path, t.data, t.len, err) == 0) {
        rc = cw_acoustic_open(&m, d, path, err);
    }
    cw_text_free(&t);
    cw_acoustic_close(m);
    return rc;
}

static void test_bad_files(void) {
    struct cw_error err = {0};
    struct cw_device *d = NULL;
    struct cw_acoustic *m = NULL;
    char path[CW_PATH_MAX];
    if (!CHECKF(cw_device_open(&d, cw_device_params_default(), &err) == 0, "%s", err.text))
        return;
    CHECK_REFUSED(open_tiny(d, "llama", "b", 12, &err), &err, "tiny.gguf", "general.architecture", "kokoro", "llama");
    CHECK_REFUSED(open_tiny(d, "kokoro", "b", 24, &err), &err, "tiny.gguf", "kokoro.bert.layers", "12", "24");
    CHECK_REFUSED(open_tiny(d, "kokoro", "bc", 12, &err), &err, "tiny.gguf", "kokoro.vocab", "\"bc\"");
    CHECK_REFUSED(open_tiny(d, "kokoro", "b", 12, &err), &err, "tiny.gguf", "bert.embeddings.word_embeddings.weight", "128", "64");
    if (CHECK(cw_path_join(path, cw_test_dir(), "absent.gguf", &err) == 0))
        CHECK_REFUSED(cw_acoustic_open(&m, d, path, &err), &err, "absent.gguf");
    cw_device_close(d);
}

const struct cw_test cw_tests_kokoro[] = {
    {"kokoro.parity", "thirty sentences: durations exact, every stage within 1e-4 of the published model", test_parity},
    {"kokoro.isas", "the same for every instruction set this machine has", test_isas},
    {"kokoro.threads", "one and two threads give the same bytes", test_threads},
    {"kokoro.upsampled", "the vocoder's first upsampling of our frames is the published model's", test_upsampled},
    {"kokoro.symbols", "the file's vocabulary gives the published ids", test_symbols},
    {"kokoro.speed", "speed scales real symbols only; the padding can be capped", test_speed},
    {"kokoro.longest", "510 symbols run, 511 are refused, one runs", test_longest},
    {"kokoro.bad_input", "ids, counts, speeds and voices out of range are refused by name", test_bad_input},
    {"kokoro.bad_files", "a wrong model file is refused by name", test_bad_files},
    {0},
};
