/* The orchestrator, on the real models: builds are addressed by content, whole or not there, and the same bytes every time. */
#include "tests/test.h"

#include "castwright.h"
#include "episode/cache.h"
#include "episode/crew.h"
#include "episode/level.h"
#include "episode/master.h"
#include "episode/timeline.h"
#include "episode/turn.h"
#include "models/catalogue.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <sndfile.h>

int cw_example(void);

static const char script_head[] =
    "---\ntitle: A test\nlanguage: en-us\nseed: 7\ncast:\n  Maya: af_heart\n  Tom: am_michael\n---\n\n# One\n\n";
static const char script_turns[] = "Maya: Is it four?\nTom: [pause 100ms] It is \"four!\"\n\n# Two\n\nMaya: [overlap 100ms] Well then.\n";
static const char script_edited[] = "Maya: Is it four?\nTom: [pause 100ms] It was five.\n\n# Two\n\nMaya: [overlap 100ms] Well then.\n";

static bool no_models(void) {
    static const char *const names[] = {"kokoro", "voices", "lexicon"};
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (cw_model_path(names[i], path, &err) != 0) {
            cw_test_skip("the voice model, voices or lexicon are not here");
            return true;
        }
    }
    return false;
}

/* dir/name; a few static buffers, so that two can stand in one expression. */
static const char *in(const char *dir, const char *name) {
    static char paths[8][CW_PATH_MAX];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, CW_PATH_MAX, "%s/%s", dir, name);
    return p;
}

static const char *write_script(const char *name, const char *turns) {
    struct cw_error err = {0};
    struct cw_text t = {0};
    const char *path = in(cw_test_dir(), name);
    cw_text_add(&t, script_head);
    cw_text_add(&t, turns);
    CHECKF(cw_file_write(path, t.data, t.len, &err) == 0, "%s", err.text);
    cw_text_free(&t);
    return path;
}

/* Lines of the log. */
struct log {
    char text[8192];
    int progress;
    double fraction;
    bool fell;
};
static void on_line(void *arg, const char *text) {
    struct log *l = arg;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s\n", text);
}
static bool on_progress(void *arg, const struct cw_progress *p) {
    struct log *l = arg;
    l->progress++;
    l->fell = l->fell || p->fraction < l->fraction - 0.15; /* the length left is an estimate until the last turn */
    l->fraction = p->fraction;
    return true;
}

static struct cw_studio *open_studio(int threads) {
    struct cw_error err = {0};
    struct cw_studio *s = NULL;
    struct cw_studio_params p = cw_studio_params_default();
    p.threads = threads;
    CHECKF(cw_studio_open(&s, p, &err) == 0, "%s", err.text);
    return s;
}

static bool render(struct cw_studio *s, const char *script, const char *out, struct log *log, struct cw_report *report) {
    struct cw_error err = {0};
    struct cw_render_params p = cw_render_params_default();
    p.out_dir = out;
    p.listen = (struct cw_listener){on_progress, on_line, log};
    memset(log, 0, sizeof *log);
    return CHECKF(cw_render(s, script, p, report, &err) == 0, "%s", err.text);
}

static int count(const char *text, const char *word) {
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
        n++;
    return n;
}

static bool same_file(const char *a, const char *b) {
    char sa[65] = "a", sb[65] = "b";
    struct cw_error err = {0};
    return cw_sha256_file(a, sa, &err) == 0 && cw_sha256_file(b, sb, &err) == 0 && strcmp(sa, sb) == 0;
}

/* The manifest without its costs, which are about one run. */
static json_t *manifest(const char *dir) {
    json_t *root = json_load_file(in(dir, "manifest.json"), 0, NULL);
    json_object_del(root, "costs");
    return root;
}

/* Every published file and every turn file of `a` has the same bytes in `b`, and the other way about. */
static void check_same_episode(const char *a, const char *b) {
    static const char *const names[] = {"episode.mp3", "transcript.vtt", "transcript.json", "chapters.json", "script.md"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECKF(same_file(in(a, names[i]), in(b, names[i])), "%s differs between %s and %s", names[i], a, b);
    json_t *ma = manifest(a), *mb = manifest(b);
    CHECK(ma && mb && json_equal(ma, mb));
    json_decref(ma);
    json_decref(mb);
    for (int turn_about = 0; turn_about < 2; turn_about++) {
        const char *from = turn_about ? b : a, *to = turn_about ? a : b;
        DIR *d = opendir(in(from, "turns"));
        if (!CHECK(d != NULL))
            return;
        int files = 0;
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            char path[300];
            if (e->d_name[0] == '.' && (e->d_name[1] == '\0' || e->d_name[1] == '.'))
                continue;
            snprintf(path, sizeof path, "turns/%.200s", e->d_name);
            CHECKF(same_file(in(from, path), in(to, path)), "%s differs between %s and %s", path, from, to);
            files++;
        }
        closedir(d);
        CHECK(files > 0);
    }
}

/* Names, sizes, times and sums of the turn files, sorted: what must not change. */
static void list_turns(const char *dir, struct cw_text *out) {
    struct dirent **names = NULL;
    struct cw_error err = {0};
    int n = scandir(in(dir, "turns"), &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        struct stat st;
        char path[300], sum[65] = "";
        snprintf(path, sizeof path, "turns/%.200s", names[i]->d_name);
        if (names[i]->d_name[0] != '.' && stat(in(dir, path), &st) == 0 && cw_sha256_file(in(dir, path), sum, &err) == 0)
            cw_text_printf(out, "%s %s %lld.%09ld\n", names[i]->d_name, sum, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
        free(names[i]);
    }
    free(names);
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------------------ */

static void test_timeline(void) {
    enum { MS = CW_STUDIO_RATE / 1000 };
    static const struct {
        int speaker, overlap_ms, length_ms;
        bool segment;
        const char *text;
        int start_ms; /* by hand */
    } rows[] = {
        {0, 0, 1000, false, "One.", 250},        /* the lead-in */
        {1, 0, 500, false, "Two?", 1530},        /* 1250 + 280 after a statement */
        {0, 0, 400, false, "(three!)", 2230},    /* 2030 + 200 after a question */
        {0, 0, 600, false, "And four...", 2880}, /* 2630 + 250: the same speaker goes on */
        {1, 0, 300, false, "But —", 3830},       /* 3480 + 350 after trailing off */
        {0, 0, 300, false, "“Six!”", 4190},      /* 4130 + 60 after a cut-off */
        {1, 200, 700, false, "seven", 4290},     /* 200 before 4490 */
        {0, 0, 100, false, "eight,", 5250},      /* 4990 + 260 after no mark */
        {1, 5000, 100, false, "nine", 5250},     /* not before the turn before */
        {1, 0, 50, true, "Ten.", 6250},          /* 5350 + 900: a new segment */
        {1, 40, 50, false, "Eleven.", 6300},     /* a speaker does not talk over himself */
    };
    struct cw_timeline t = {0};
    int64_t before = -1;
    CHECK(cw_timeline_total(&t) == 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cw_timeline_turn turn = {rows[i].speaker, rows[i].overlap_ms, rows[i].segment};
        int64_t next = cw_timeline_next(&t, turn);
        int64_t start = cw_timeline_add(&t, turn, (int64_t)rows[i].length_ms * MS, cw_timeline_mark(rows[i].text));
        CHECKF(start == (int64_t)rows[i].start_ms * MS, "turn %zu starts at %g ms, expected %d", i + 1, (double)start / MS,
               rows[i].start_ms);
        CHECK(next == start && start >= before);
        before = start;
    }
    CHECK(cw_timeline_total(&t) == (int64_t)(6350 + 600) * MS);
    CHECK(cw_timeline_mark("") == 0 && cw_timeline_mark("\"…”") == 0x2026 && cw_timeline_mark("a.b") == 'b');
}

/* A chunk as the model makes them: hiss, a tone that is the speech, hiss, a burst where only punctuation is. */
static void test_cut(void) {
    enum { N = 48000, FROM = 12000, TO = 30000, BURST = 38000 };
    float *x = calloc(N, sizeof *x);
    if (!CHECK(x != NULL))
        return;
    uint64_t seed = cw_test_seed();
    cw_gauss(seed, 1, 0, N, x);
    for (int i = 0; i < N; i++) {
        x[i] *= 1e-4F;
        if ((i >= FROM && i < TO) || (i >= BURST && i < BURST + 4000))
            x[i] += 0.2F * sinf(0.05F * (float)i);
    }
    /* the durations say: speech from 2000 samples later than it starts, to 2400 samples later than it ends */
    struct cw_cut cut = cw_turn_cut(x, N, FROM + 2000, TO + 2400);
    CHECKF(cut.first >= FROM - 1200 && cut.first <= FROM - 600, "first %lld", (long long)cut.first);
    CHECKF(cut.last >= TO + 1440 && cut.last <= TO + 2100, "last %lld", (long long)cut.last);
    /* speech that sounds to the last phoneme's end is followed by junk: the bound is the durations' */
    cut = cw_turn_cut(x, BURST + 4000, FROM + 2000, BURST + 500);
    CHECKF(cut.last <= BURST + 500 + 480, "junk kept to %lld", (long long)cut.last);
    /* silence, and bounds past both ends */
    memset(x, 0, N * sizeof *x);
    cut = cw_turn_cut(x, N, 100, N + 5000);
    CHECK(cut.first >= 0 && cut.first <= cut.last && cut.last <= N);
    cut = cw_turn_cut(x, 0, 0, 0);
    CHECK(cut.first == 0 && cut.last == 0);
    free(x);
}

static void test_cache(void) {
    struct cw_error err = {0};
    const char *dir = cw_test_dir();
    char path[CW_PATH_MAX], key[65];
    struct cw_cache_file *f = NULL;
    struct cw_take back = {0};
    struct cw_word_mark words[] = {{(char *)(uintptr_t) "naïve", 0, 40}, {(char *)(uintptr_t) "\"quoted\"", 40, 99}};
    struct cw_take take = {.samples = 1000, .retakes = 3, .doubts = CW_DOUBT_LOST, .words = words, .word_count = 2};
    bool found = true;
    float x[1000];
    cw_gauss(cw_test_seed(), 2, 0, 1000, x);
    cw_sha256_of("a", 1, key);
    CHECK(cw_cache_find(dir, key, path, &back, &found, &err) == 0 && !found);
    for (int round = 0; round < 2; round++) { /* the second time over a damaged file */
        if (!CHECKF(cw_cache_begin(&f, dir, key, &err) == 0, "%s", err.text))
            return;
        struct cw_sink sink = cw_cache_sink(f);
        CHECK(sink.write(sink.arg, x, 400, &err) == 0 && sink.write(sink.arg, x + 400, 600, &err) == 0);
        CHECK(!cw_file_exists(path) || round == 1);
        CHECKF(cw_cache_end(f, &take, &err) == 0, "%s", err.text);
        CHECK(cw_cache_find(dir, key, path, &back, &found, &err) == 0 && found);
        if (CHECK(found && back.samples == 1000 && back.word_count == 2)) {
            CHECK_STR(back.words[0].text, "naïve");
            CHECK_STR(back.words[1].text, "\"quoted\"");
            CHECK(back.words[1].start == 40 && back.words[1].end == 99);
            CHECK(back.retakes == 3 && back.doubts == CW_DOUBT_LOST);
        }
        cw_take_free(&back);
        int fd = open(path, O_WRONLY); /* one byte of the sound */
        CHECK(fd >= 0 && pwrite(fd, "!", 1, 2000) == 1);
        close(fd);
        CHECK(cw_cache_find(dir, key, path, &back, &found, &err) == 0 && !found);
    }
    /* a length that is not what was written is refused, and leaves nothing */
    cw_sha256_of("b", 1, key);
    if (CHECK(cw_cache_begin(&f, dir, key, &err) == 0)) {
        struct cw_sink sink = cw_cache_sink(f);
        CHECK(sink.write(sink.arg, x, 400, &err) == 0);
        CHECK_REFUSED(cw_cache_end(f, &take, &err), &err, "expected 1000 samples", "found 400");
        CHECK(cw_cache_find(dir, key, path, &back, &found, &err) == 0 && !found && !cw_file_exists(path));
    }
}

/* ---- builds --------------------------------------------------------------------------------------------------------------- */

/* Turn files: exact silence at both ends, sound soon after the start and near the end, words in order inside. */
static void check_turns(const char *dir) {
    json_t *root = json_load_file(in(dir, "manifest.json"), 0, NULL), *turns = json_object_get(root, "turns"), *t;
    size_t i;
    CHECK(json_array_size(turns) == 3);
    json_array_foreach(turns, i, t) {
        char name[100];
        SF_INFO info = {0};
        snprintf(name, sizeof name, "turns/%.64s.wav", json_string_value(json_object_get(t, "key")));
        SNDFILE *file = sf_open(in(dir, name), SFM_READ, &info);
        if (!CHECK(file && info.samplerate == 24000 && info.channels == 1 && info.frames > 4800)) {
            if (file)
                sf_close(file);
            continue;
        }
        float *x = malloc((size_t)info.frames * sizeof *x);
        if (CHECK(x && sf_readf_float(file, x, info.frames) == info.frames)) {
            int64_t n = info.frames, first = 0, last = n - 1;
            double peak = 0;
            for (int64_t k = 0; k < n; k++)
                peak = fmax(peak, fabs((double)x[k]));
            while (first < n && fabs((double)x[first]) < 0.01 * peak)
                first++;
            while (last > 0 && fabs((double)x[last]) < 0.01 * peak)
                last--;
            int pause = i == 1 ? 2400 : 0; /* the script's own [pause 100ms] */
            CHECK(peak > 0.05 && peak < 1.5);
            CHECKF(x[0] == 0 && x[n - 1] == 0, "turn %zu begins at %g and ends at %g", i + 1, (double)x[0], (double)x[n - 1]);
            CHECKF(first - pause > 240 && first - pause < 2400, "turn %zu: %lld samples of silence first", i + 1, (long long)first);
            CHECKF(n - last > 240 && n - last < 3600, "turn %zu: %lld samples of silence last", i + 1, (long long)(n - last));
        }
        free(x);
        sf_close(file);
    }
    json_decref(root);

    root = json_load_file(in(dir, "transcript.json"), 0, NULL);
    char *text = json_dumps(root, 0);
    CHECK(text && strstr(text, "Maya") && strstr(text, "four"));
    free(text);
    json_decref(root);
}

static void test_render(void) {
    if (no_models())
        return;
    struct log log;
    struct cw_report r;
    struct cw_text before = {0}, after = {0};
    char a[CW_PATH_MAX], b[CW_PATH_MAX], script[CW_PATH_MAX], edited[CW_PATH_MAX];
    snprintf(a, sizeof a, "%s/a", cw_test_dir());
    snprintf(b, sizeof b, "%s/b", cw_test_dir());
    snprintf(script, sizeof script, "%s", write_script("s.md", script_turns));
    snprintf(edited, sizeof edited, "%s", write_script("e.md", script_edited));

    struct cw_studio *one = open_studio(1), *two = open_studio(2);
    if (!one || !two || !render(one, script, a, &log, &r))
        goto done;
    CHECK(strstr(log.text, "turn 1/3 rendered (Maya, ") && strstr(log.text, "turn 2/3 rendered (Tom, ") && strstr(log.text, " s)\n"));
    CHECK(r.turns == 3 && r.rendered == 3 && r.reused == 0 && r.speech_seconds > 2 && r.first_sound_seconds < 0);
    CHECKF(fabs(r.loudness_lufs + 16) <= 0.5 && r.true_peak_dbtp <= -1, "%g LUFS, %g dBTP", r.loudness_lufs, r.true_peak_dbtp);
    CHECK(log.progress > 5 && log.fraction == 1 && !log.fell);
    CHECK(same_file(script, in(a, "script.md")) && !cw_file_exists(in(a, ".lock")));
    check_turns(a);

    if (render(two, script, b, &log, &r)) /* two threads, another folder */
        check_same_episode(a, b);

    list_turns(a, &before);
    char mp3[65], again[65], manifest_before[65], manifest_after[65];
    struct cw_error err = {0};
    CHECK(cw_sha256_file(in(a, "episode.mp3"), mp3, &err) == 0 && cw_sha256_file(in(a, "manifest.json"), manifest_before, &err) == 0);
    if (render(two, script, a, &log, &r)) { /* nothing to do */
        CHECK(r.rendered == 0 && r.reused == 3 && count(log.text, " reused\n") == 3);
        list_turns(a, &after);
        CHECK_STR(after.data, before.data);
        CHECK(cw_sha256_file(in(a, "episode.mp3"), again, &err) == 0 && strcmp(mp3, again) == 0);
        CHECK(cw_sha256_file(in(a, "manifest.json"), manifest_after, &err) == 0 && strcmp(manifest_before, manifest_after) == 0);
    }

    if (render(two, edited, a, &log, &r)) { /* one turn edited */
        CHECK(r.rendered == 1 && r.reused == 2);
        CHECK(strstr(log.text, "turn 1/3 reused\n") && strstr(log.text, "turn 2/3 rendered (Tom, ") &&
              strstr(log.text, "turn 3/3 reused\n"));
        cw_text_clear(&after);
        list_turns(a, &after);
        CHECKF(count(after.data, ".wav ") == 4 && count(after.data, ".json ") == 4, "turn files:\n%s", after.data);
        int kept = 0, lines = 0;
        for (const char *p = before.data; p && *p; lines++) {
            int n = (int)strcspn(p, "\n");
            char line[400];
            snprintf(line, sizeof line, "%.*s", n, p);
            kept += strstr(after.data, line) != NULL;
            p += n + (p[n] == '\n');
        }
        CHECKF(lines == 6 && kept == lines, "%d of %d turn files kept", kept, lines);
        CHECK(cw_sha256_file(in(a, "episode.mp3"), again, &err) == 0 && strcmp(mp3, again) != 0);
        CHECK(same_file(edited, in(a, "script.md")) && !cw_file_exists(in(a, "script.previous.md")));
    }

    /* back again, with one turn file damaged and one whose json is gone: both are made again, with the bytes they had */
    json_t *m = json_load_file(in(b, "manifest.json"), 0, NULL);
    for (size_t i = 0; i < 2; i++) {
        char name[100];
        snprintf(name, sizeof name, "turns/%.64s.%s",
                 json_string_value(json_object_get(json_array_get(json_object_get(m, "turns"), i), "key")), i ? "json" : "wav");
        CHECK(i ? unlink(in(b, name)) == 0 : truncate(in(b, name), 5000) == 0);
    }
    json_decref(m);
    CHECK(unlink(in(b, "episode.mp3")) == 0 && unlink(in(b, "manifest.json")) == 0);
    if (render(two, script, b, &log, &r) && CHECK(r.rendered == 2 && r.reused == 1)) {
        char third[CW_PATH_MAX];
        snprintf(third, sizeof third, "%s/c", cw_test_dir());
        if (render(one, script, third, &log, &r))
            check_same_episode(b, third);
    }
done:
    cw_text_free(&before);
    cw_text_free(&after);
    cw_studio_close(one);
    cw_studio_close(two);
}

/* A turn heard while it is made: its pieces, and what its file holds after them, are its sound. */
static void check_pieces(struct cw_studio *s, const struct cw_voice *voice) {
    static float heard[60 * CW_STUDIO_RATE], whole[60 * CW_STUDIO_RATE];
    char text[] =
        "The harbour was quiet at dawn, and nobody had come to see the ship leave. Three letters lay in the hold, under the grain. "
        "None of them was ever to arrive, and the men who had written them did not know it yet.";
    struct cw_span span = {0, text};
    struct cw_turn_request q = {.voice = voice, .language = "en-us", .speed = 1, .seed = 11, .spans = &span, .span_count = 1};
    struct cw_error err = {0};
    struct cw_crew *c = NULL;
    struct cw_crew_turn t = {0};
    struct cw_crew_piece piece;
    int64_t n = 0;
    int pieces = 0, got = 0;
    if (!CHECKF(cw_crew_open(&c, s, cw_test_dir(), 1, &err) == 0, "%s", err.text))
        return;
    CHECK(!cw_crew_piece(c, &piece));
    cw_crew_listen(c);
    CHECK(cw_crew_add(c, &q, true, &err) == 0);
    while ((got = cw_crew_next(c, 0.002, &t, &err)) == 0) {
        if (!cw_crew_piece(c, &piece))
            continue;
        CHECK(piece.first == n && piece.count > 0 && piece.levelled && n + piece.count <= 60 * CW_STUDIO_RATE);
        memcpy(heard + n, piece.samples, (size_t)piece.count * sizeof *heard);
        n += piece.count;
        pieces++;
        free(piece.samples);
    }
    CHECKF(got == 1, "%s", err.text);
    CHECKF(pieces > 0 && t.heard == n && n <= t.take.samples, "%d pieces, %lld samples of %lld", pieces, (long long)n,
           (long long)t.take.samples);
    SF_INFO info = {0};
    SNDFILE *file = sf_open(t.path, SFM_READ, &info);
    if (CHECK(file != NULL && sf_readf_float(file, whole, 60 * CW_STUDIO_RATE) == t.take.samples))
        CHECK(memcmp(heard, whole, (size_t)n * sizeof *heard) == 0);
    if (file)
        sf_close(file);
    cw_take_free(&t.take);
    cw_crew_close(c);
}

/* A writer on the same two cores: a turn begins at a step of one token, on one of them; a long step waits for it and gets both. */
static void check_shares(struct cw_studio *two, const struct cw_voice *voice) {
    struct cw_crew *c = NULL;
    struct cw_crew_turn t = {0};
    struct cw_error err = {0};
    char text[] = "Nobody writes while this long sentence is spoken, whatever comes next.";
    struct cw_span span = {0, text};
    struct cw_turn_request q = {.voice = voice, .language = "en-us", .speed = 1, .spans = &span, .span_count = 1, .seed = 8};
    const struct timespec nap = {.tv_nsec = 1000000};
    if (!CHECKF(cw_studio_need_plans(two, &err) == 0 && cw_crew_open(&c, two, cw_test_dir(), 1, &err) == 0, "%s", err.text))
        return;
    CHECK(cw_crew_share(c, 1) == 2); /* nobody has anything to say */
    CHECK(cw_crew_add(c, &q, false, &err) == 0);
    CHECK(cw_crew_share(c, 16) == 2 && cw_crew_next(c, 0.2, &t, &err) == 0 && cw_crew_stats(c).speak_seconds == 0);
    CHECK(cw_crew_share(c, 1) == 1);
    for (int i = 0; i < 600000 && cw_crew_stats(c).speak_seconds == 0; i++)
        nanosleep(&nap, NULL);
    CHECK(cw_crew_share(c, 512) == 2 && cw_crew_next(c, 0.01, &t, &err) == 1 && t.rendered);
    cw_take_free(&t.take);
    q.seed = 9;
    CHECK(cw_crew_add(c, &q, false, &err) == 0);
    CHECK(cw_crew_next(c, 0.2, &t, &err) == 0);
    cw_crew_alone(c);
    CHECK(cw_crew_next(c, 600, &t, &err) == 1 && t.rendered);
    cw_take_free(&t.take);
    cw_crew_close(c);
}

/* Turns side by side, two of them one and the same, against one after the other. */
static void test_crew(void) {
    if (no_models())
        return;
    static const char turns[] = "Maya: Really?\nTom: Yes, and it was a long way.\nMaya: Really?\nTom: All of it on foot.\n"
                                "Maya: Then what, [pause 200ms] a boat?\nTom: Yes, and it was a long way.\n";
    struct log log;
    struct cw_report r;
    struct cw_error err = {0};
    char a[CW_PATH_MAX], b[CW_PATH_MAX], script[CW_PATH_MAX];
    snprintf(a, sizeof a, "%s/a", cw_test_dir());
    snprintf(b, sizeof b, "%s/b", cw_test_dir());
    snprintf(script, sizeof script, "%s", write_script("s.md", turns));
    struct cw_studio *one = open_studio(1), *four = open_studio(4);
    if (!one || !four)
        goto done;
    if (render(four, script, a, &log, &r)) {
        CHECKF(r.turns == 6 && r.rendered == 4 && r.reused == 2, "%d rendered, %d reused", r.rendered, r.reused);
        CHECKF(strstr(log.text, "turn 3/6 reused\n") && strstr(log.text, "turn 6/6 reused\n"), "%s", log.text);
        CHECK(!log.fell);
        if (render(one, script, b, &log, &r)) {
            CHECKF(r.rendered == 4 && r.reused == 2, "%d rendered, %d reused", r.rendered, r.reused);
            check_same_episode(a, b);
        }
    }
    /* what cannot be spoken is told with its turn, and the workers stop */
    struct cw_crew *c = NULL;
    struct cw_crew_turn t = {0};
    struct cw_voice voice = {0};
    char text[] = "Nobody waits for this.", none[] = "...";
    struct cw_span spans[] = {{0, text}, {0, none}};
    CHECKF(cw_voice_open(&voice, four->voices_dir, "af_heart", &err) == 0, "%s", err.text);
    struct cw_turn_request q = {.voice = &voice, .language = "en-us", .speed = 1, .spans = spans, .span_count = 1};
    CHECKF(cw_crew_open(&c, four, cw_test_dir(), 3, &err) == 0, "%s", err.text);
    CHECK(c && cw_crew_next(c, 5, &t, &err) == 0); /* nothing is under way: no wait */
    CHECK(cw_crew_add(c, &q, false, &err) == 0);
    q.span_count = 2;
    CHECK(cw_crew_add(c, &q, false, &err) == 0);
    CHECK(cw_crew_next(c, 600, &t, &err) == 1 && t.rendered && t.take.samples > 12000 && cw_file_exists(t.path));
    cw_take_free(&t.take);
    CHECK_REFUSED(cw_crew_next(c, 600, &t, &err), &err, "speak");
    q.span_count = 1;
    q.seed = 7;
    CHECK(cw_crew_add(c, &q, true, &err) == 0);
    cw_crew_close(c); /* in the middle */
    check_pieces(four, &voice);
    struct cw_studio *two = open_studio(2);
    if (two)
        check_shares(two, &voice);
    cw_studio_close(two);
    CHECK_REFUSED(cw_crew_open(&c, four, cw_test_dir(), 0, &err), &err, "1 to 8");
    cw_voice_close(&voice);
done:
    cw_studio_close(one);
    cw_studio_close(four);
}

/* Starts `castwright render`; at most `limit` bytes in a file when > 0. */
static pid_t start_program(const char *script, const char *out, rlim_t limit) {
    pid_t pid = fork();
    if (pid == 0) {
        if (limit > 0) {
            struct rlimit r = {limit, limit};
            setrlimit(RLIMIT_FSIZE, &r);
        }
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, 1);
        dup2(quiet, 2);
        execl(CW_PROGRAM, CW_PROGRAM, "render", script, "-o", out, "--quiet", (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void test_killed(void) {
    if (no_models())
        return;
    char script[CW_PATH_MAX], whole[CW_PATH_MAX], cut[CW_PATH_MAX];
    int status = 0;
    snprintf(script, sizeof script, "%s", write_script("s.md", script_turns));
    snprintf(whole, sizeof whole, "%s/whole", cw_test_dir());
    snprintf(cut, sizeof cut, "%s/cut", cw_test_dir());
    double start = cw_seconds();
    pid_t pid = start_program(script, whole, 0);
    if (!CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return;
    double length = cw_seconds() - start;
    int killed = 0;
    for (int i = 0; i < 4; i++) { /* each run takes up what the one before left */
        uint32_t word[4];
        cw_philox(cw_test_seed(), 3, (uint64_t)i, word);
        double wait = length * (0.1 + 0.7 * word[0] / 4294967296.0);
        struct timespec nap = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
        pid = start_program(script, cut, 0);
        if (!CHECK(pid > 0))
            return;
        nanosleep(&nap, NULL);
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        killed += WIFSIGNALED(status);
    }
    CHECKF(killed > 0, "no run lasted long enough to be killed");
    pid = start_program(script, cut, 0);
    if (CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0))
        check_same_episode(whole, cut);
}

/* Names in a folder that are neither whole files of `whole` nor temporary. */
static int strangers(const char *dir, const char *whole, const char *sub) {
    int n = 0;
    DIR *d = opendir(in(dir, sub));
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[300];
        struct stat st;
        snprintf(path, sizeof path, "%s/%.200s", sub, e->d_name);
        if (e->d_name[0] == '.' || stat(in(dir, path), &st) != 0 || S_ISDIR(st.st_mode))
            continue;
        n += !same_file(in(dir, path), in(whole, path));
    }
    if (d)
        closedir(d);
    return n;
}

static void test_full_disk(void) {
    if (no_models())
        return;
    char script[CW_PATH_MAX], whole[CW_PATH_MAX], full[CW_PATH_MAX];
    struct log log;
    struct cw_report r;
    snprintf(script, sizeof script, "%s", write_script("s.md", script_turns));
    snprintf(whole, sizeof whole, "%s/whole", cw_test_dir());
    snprintf(full, sizeof full, "%s/full", cw_test_dir());
    struct cw_studio *s = open_studio(0);
    if (!s || !render(s, script, whole, &log, &r))
        goto done;
    struct stat mp3;
    CHECK(stat(in(whole, "episode.mp3"), &mp3) == 0);
    /* a turn does not fit; all turns fit and the episode does not (its files go last) */
    const rlim_t limits[] = {30000, (rlim_t)mp3.st_size - 1000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int status = 0;
        pid_t pid = start_program(script, full, limits[i]);
        if (!CHECK(pid > 0 && waitpid(pid, &status, 0) == pid))
            continue;
        CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %d with files of at most %lld bytes", status, (long long)limits[i]);
        CHECK(strangers(full, whole, ".") == 0 && strangers(full, whole, "turns") == 0);
        CHECK(!cw_file_exists(in(full, "episode.mp3")) && !cw_file_exists(in(full, "manifest.json")));
    }
    if (render(s, script, full, &log, &r))
        check_same_episode(whole, full);
done:
    cw_studio_close(s);
}

/* ---- refusals --------------------------------------------------------------------------------------------------------------- */

static void test_refusals(void) {
    if (no_models())
        return;
    struct cw_error err = {0};
    struct cw_studio *s = open_studio(0);
    char out[CW_PATH_MAX], script[CW_PATH_MAX];
    if (!s)
        return;
    snprintf(out, sizeof out, "%s/out", cw_test_dir());
    struct cw_render_params p = cw_render_params_default();
    p.out_dir = out;

    const char *bad = in(cw_test_dir(), "voice.md");
    const char text[] = "---\ntitle: T\ncast:\n  Maya: af_heart\n  Tom: af_hart\n---\n\nMaya: Hello.\nTom: Hello.\n";
    CHECK(cw_file_write(bad, text, strlen(text), &err) == 0);
    CHECK_REFUSED(cw_render(s, bad, p, NULL, &err), &err, "voice.md:5", "af_hart", "af_heart");
    CHECK(err.code == CW_BAD_INPUT);

    const char language[] = "---\ntitle: T\nlanguage: xx\ncast:\n  Maya: af_heart\n---\n\nMaya: Hello.\n";
    CHECK(cw_file_write(bad, language, strlen(language), &err) == 0);
    CHECK_REFUSED(cw_render(s, bad, p, NULL, &err), &err, "voice.md", "xx", "en-us");
    CHECK(err.code == CW_BAD_INPUT);

    CHECK_REFUSED(cw_render(s, in(cw_test_dir(), "none.md"), p, NULL, &err), &err, "none.md");
    CHECK(err.code == CW_BAD_INPUT && !cw_file_exists(out)); /* refused before a folder is made */
    snprintf(script, sizeof script, "%s", write_script("s.md", "Maya: Hello.\n"));
    p.speed = 3;
    CHECK_REFUSED(cw_render(s, script, p, NULL, &err), &err, "speed", "0.5 to 2", "3");
    p.speed = NAN;
    CHECK_REFUSED(cw_render(s, script, p, NULL, &err), &err, "speed");
    p.speed = 1;

    /* in use by another run */
    struct cw_lock lock = {-1};
    CHECK(cw_dir_make(out, &err) == 0 && cw_lock_take(&lock, out, &err) == 0);
    CHECK_REFUSED(cw_render(s, script, p, NULL, &err), &err, "in use");
    CHECK(err.code == CW_FAILED && !cw_file_exists(in(out, "manifest.json")));
    cw_lock_release(&lock);

    /* what make refuses before it opens a model */
    struct cw_write_params w = cw_write_params_default();
    w.topic = " \n";
    CHECK_REFUSED(cw_make(s, w, p, NULL, &err), &err, "topic");
    CHECK(err.code == CW_BAD_INPUT);
    w.topic = "Tides";
    w.minutes = -1;
    CHECK_REFUSED(cw_make(s, w, p, NULL, &err), &err, "minutes");
    w.minutes = 1;
    w.cast = "Maya=af_heart,Tom=nobody_here";
    CHECK_REFUSED(cw_make(s, w, p, NULL, &err), &err, "Tom", "nobody_here");

    struct cw_say_params q = cw_say_params_default();
    CHECK_REFUSED(cw_say(s, "Hello.", q, &err), &err, "file");
    q.out = in(cw_test_dir(), "x.mp4");
    CHECK_REFUSED(cw_say(s, "Hello.", q, &err), &err, "x.mp4", ".wav");
    q.out = in(cw_test_dir(), "x.wav");
    CHECK_REFUSED(cw_say(s, "", q, &err), &err, "");
    CHECK_REFUSED(cw_say(s, "bell \a", q, &err), &err, "control");
    q.voice = "jf_alpha";
    CHECK_REFUSED(cw_say(s, "Hello.", q, &err), &err, "ja");
    CHECK(err.code == CW_BAD_INPUT);
    q.voice = "af_heart";
    char *longest = malloc(100001);
    if (CHECK(longest != NULL)) {
        for (int i = 0; i < 100000; i++)
            longest[i] = i % 6 == 5 ? ' ' : 'a';
        longest[100000] = '\0';
        CHECK_REFUSED(cw_say(s, longest, q, &err), &err, "20000");
        free(longest);
    }
    CHECK(!cw_file_exists(q.out));
    cw_studio_close(s);
}

static bool stop_later(void *arg, const struct cw_progress *p) {
    (void)arg;
    return p->stage != CW_STAGE_SPEAK || p->done < 1;
}

static void test_cancel(void) {
    if (no_models())
        return;
    struct cw_error err = {0};
    struct cw_studio *s = open_studio(0);
    char out[CW_PATH_MAX], fresh[CW_PATH_MAX], script[CW_PATH_MAX];
    struct log log;
    struct cw_report r;
    snprintf(out, sizeof out, "%s/out", cw_test_dir());
    snprintf(fresh, sizeof fresh, "%s/fresh", cw_test_dir());
    snprintf(script, sizeof script, "%s", write_script("s.md", "Maya: Hello there.\nTom: Good day.\n"));
    struct cw_render_params p = cw_render_params_default();
    p.out_dir = out;
    p.listen.progress = stop_later;
    CHECK_REFUSED(cw_render(s, script, p, NULL, &err), &err, "cancelled");
    CHECK(err.code == CW_FAILED && !cw_file_exists(in(out, "episode.mp3")) && !cw_file_exists(in(out, ".lock")));
    if (render(s, script, out, &log, &r)) {
        CHECK(r.rendered == 1 && r.reused == 1);
        if (render(s, script, fresh, &log, &r))
            check_same_episode(out, fresh);
    }
    cw_studio_close(s);
}

/* What a turn rests on goes from the script to the transcript. */
static void test_traces(void) {
    static const char turns[] =
        "<!-- mine -->\n<!-- rests on [2] [5] -->\nMaya: Is it four?\n<!-- check: \"four\" in no passage it rests on -->\n"
        "Tom: It is four.\n\n<!-- passages\n[2] (a.md) Four moons.\n[5] (b \"c\".pdf) Five moons.\n-->\n";
    if (no_models())
        return;
    struct cw_studio *s = open_studio(0);
    struct log log;
    struct cw_report r;
    char out[CW_PATH_MAX];
    snprintf(out, sizeof out, "%s/out", cw_test_dir());
    if (render(s, write_script("traces.md", turns), out, &log, &r)) {
        json_t *root = json_load_file(in(out, "transcript.json"), 0, NULL);
        const json_t *list = json_object_get(root, "turns"), *first = json_array_get(list, 0), *second = json_array_get(list, 1);
        const json_t *sources = json_object_get(first, "sources"), *passages = json_object_get(root, "passages");
        CHECK(json_array_size(sources) == 2 && json_integer_value(json_array_get(sources, 0)) == 2 &&
              json_integer_value(json_array_get(sources, 1)) == 5 && !json_object_get(first, "check"));
        CHECK(!json_object_get(second, "sources") && json_is_true(json_object_get(second, "check")));
        CHECK(json_array_size(passages) == 2 && json_integer_value(json_object_get(json_array_get(passages, 1), "number")) == 5);
        CHECK_STR(json_string_value(json_object_get(json_array_get(passages, 1), "source")), "b \"c\".pdf");
        CHECK_STR(json_string_value(json_object_get(json_array_get(passages, 0), "text")), "Four moons.");
        CHECK_STR(json_string_value(json_object_get(first, "text")), "Is it four?");
        json_decref(root);
    }
    cw_studio_close(s);
}

/* ---- make ------------------------------------------------------------------------------------------------------------------- */

static bool stop_after_first(void *arg, const struct cw_progress *p) {
    (void)arg;
    return p->done < 1;
}

static void test_make(void) {
    char writer[CW_PATH_MAX], out[CW_PATH_MAX], plain[CW_PATH_MAX], half[CW_PATH_MAX];
    struct cw_error err = {0};
    if (no_models())
        return;
    if (cw_model_path("qwen2.5-coder-0.5b", writer, &err) != 0) {
        cw_test_skip("the small writer is not here");
        return;
    }
    struct cw_studio *s = NULL;
    struct cw_studio_params studio = cw_studio_params_default();
    struct cw_report r = {0};
    struct log log = {0};
    studio.writer_model = writer;
    studio.threads = 1;
    snprintf(out, sizeof out, "%s/out", cw_test_dir());
    snprintf(plain, sizeof plain, "%s/plain.md", cw_test_dir());
    if (!CHECKF(cw_studio_open(&s, studio, &err) == 0, "%s", err.text))
        return;
    struct cw_write_params w = cw_write_params_default();
    struct cw_render_params p = cw_render_params_default();
    w.topic = "Why the sea has tides";
    w.minutes = 0.25;
    p.out_dir = out;

    /* only the script; then an interrupted run; then one that takes it up and ends with that same script */
    CHECKF(cw_write(s, w, plain, &err) == 0, "%s", err.text);
    p.listen.progress = stop_after_first;
    CHECK_REFUSED(cw_make(s, w, p, NULL, &err), &err, "cancelled");
    CHECK(!cw_file_exists(in(out, "script.md")) && cw_file_exists(in(out, ".script.partial.md")));
    struct cw_report partial = {0}; /* what is there of it is a script that can be spoken */
    snprintf(half, sizeof half, "%s/half", cw_test_dir());
    CHECK(render(s, in(out, ".script.partial.md"), half, &log, &partial) && partial.turns >= 1);
    memset(&log, 0, sizeof log);
    p.listen = (struct cw_listener){on_progress, on_line, &log};
    if (!CHECKF(cw_make(s, w, p, &r, &err) == 0, "%s", err.text))
        goto done;
    /* the first turn is there; the second too, if it was done when the first was taken */
    CHECK(count(log.text, " reused\n") == r.reused && count(log.text, " rendered (") == r.rendered);
    CHECK(r.reused >= 1 && r.rendered >= 1 && r.rendered + r.reused == r.turns && r.llm_tokens > 0 && r.write_seconds > 0);
    CHECK(same_file(plain, in(out, "script.md")) && !cw_file_exists(in(out, ".script.partial.md")));

    memset(&log, 0, sizeof log); /* again: nothing is written, nothing is spoken */
    if (CHECKF(cw_make(s, w, p, &r, &err) == 0, "%s", err.text))
        CHECK(strstr(log.text, "script.md") && r.rendered == 0 && r.reused == r.turns && r.write_seconds == 0);
    w.topic = "Why the sky is blue";
    CHECK_REFUSED(cw_make(s, w, p, NULL, &err), &err, out, "another request", "castwright render", "-o");
    CHECK(err.code == CW_BAD_INPUT && same_file(plain, in(out, "script.md")));
done:
    cw_studio_close(s);
}

/* ---- say, and the header's example -------------------------------------------------------------------------------------------- */

static void test_say(void) {
    if (no_models())
        return;
    struct cw_error err = {0};
    struct cw_studio *s = open_studio(0);
    struct cw_say_params p = cw_say_params_default();
    char path[2][CW_PATH_MAX];
    for (int i = 0; i < 2; i++) {
        SF_INFO info = {0};
        snprintf(path[i], CW_PATH_MAX, "%s/%d.%s", cw_test_dir(), i, i ? "flac" : "wav");
        p.out = path[i];
        CHECKF(cw_say(s, "Two\nlines [here].", p, &err) == 0, "%s", err.text);
        SNDFILE *f = sf_open(path[i], SFM_READ, &info);
        CHECK(f && info.samplerate == 24000 && info.channels == 1 && info.frames > 12000 && info.frames < 96000);
        CHECK((info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16);
        float *x = calloc((size_t)info.frames + 1, sizeof *x);
        if (CHECK(f && x && sf_readf_float(f, x, info.frames) == info.frames)) {
            sf_count_t first = 0, last = info.frames;
            while (first < last && x[first] == 0)
                first++;
            while (last > first && x[last - 1] == 0)
                last--;
            double before = (double)first / 24000, after = (double)(info.frames - last) / 24000;
            CHECKF(before >= 0.2 && before < 0.21 && after >= 0.3 && after < 0.31, "silence: %.3f s before, %.3f s after", before, after);
        }
        free(x);
        if (f)
            sf_close(f);
    }
    struct dirent **names = NULL; /* no temporary file is left */
    int n = scandir(cw_test_dir(), &names, NULL, alphasort);
    CHECKF(n == 4, "%d names in the folder, expected 4", n);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);

    struct cw_bench_result r;
    const char *const text = "Hello.";
    struct cw_bench_params b = cw_bench_params_default();
    b.texts = &text;
    b.text_count = b.rounds = 1;
    b.writer = false;
    CHECKF(cw_bench(s, b, &r, &err) == 0, "%s", err.text);
    CHECK(r.speech_seconds > 0.2 && r.modelled_seconds >= r.speech_seconds && r.acoustic_seconds > 0 && r.vocoder_seconds > 0 &&
          r.real_time_factor > 0 && r.isa[0] && r.threads > 0);
    CHECK(r.acoustic_seconds + r.vocoder_seconds <= r.synthesis_seconds);
    CHECK(r.first_sound_seconds > 0 && r.first_sound_seconds < 60 && r.master_times_real_time > 0 && r.allocations == -1);
    CHECKF(r.gflops > 0 && r.peak_gflops > 0 && r.gflops < 4 * r.peak_gflops, "%g of %g GFLOP/s", r.gflops, r.peak_gflops);
    b.rounds = 0;
    CHECK_REFUSED(cw_bench(s, b, &r, &err), &err, "rounds");
    cw_studio_close(s);
}

/* How long a turn will take is told within a tenth by the voice's rate in its language, before anything is rendered. */
static void test_rate(void) {
    static const struct {
        const char *voice, *language, *text;
    } cases[] = {
        {"af_heart", "en-us",
         "The tides rise and fall because the Moon pulls at the water. And why twice a day? I am not sure, but fishermen knew it long "
         "before "
         "the scientists."},
        {"ef_dora", "es",
         "Las mareas suben y bajan porque la Luna tira del agua. \u00BFY por qu\u00E9 dos veces al d\u00EDa? No lo s\u00E9 con certeza, "
         "pero "
         "los pescadores lo sab\u00EDan mucho antes que los cient\u00EDficos."},
        {"ff_siwis", "fr-fr",
         "Les mar\u00E9es montent et descendent parce que la Lune attire l'eau. Et pourquoi deux fois par jour ? Je n'en suis pas "
         "s\u00FBr, "
         "mais les p\u00EAcheurs le savaient bien avant les savants."},
        {"im_nicola", "it",
         "Le maree salgono e scendono perch\u00E9 la Luna attira l'acqua. E perch\u00E9 due volte al giorno? Non ne sono sicuro, ma i "
         "pescatori lo sapevano molto prima degli scienziati."},
        {"pf_dora", "pt-br",
         "As mar\u00E9s sobem e descem porque a Lua puxa a \u00E1gua. E por que duas vezes por dia? N\u00E3o tenho certeza, mas os "
         "pescadores sabiam disso muito antes dos cientistas."},
    };
    if (no_models())
        return;
    struct cw_error err = {0};
    struct cw_studio *s = open_studio(0);
    if (!CHECKF(cw_studio_need_plans(s, &err) == 0, "%s", err.text))
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cw_voice voice = {0};
        double rate = 0;
        int64_t samples = 0;
        int symbols = 0;
        CHECKF(cw_voice_open(&voice, s->voices_dir, cases[i].voice, &err) == 0, "%s", err.text);
        CHECKF(cw_level_rate(s->booth, &voice, cases[i].language, 1, &rate, &err) == 0 &&
                   cw_turn_measure(s->booth, &voice, cases[i].language, 1, cases[i].text, (struct cw_sink){0}, &samples, &symbols, &err) ==
                       0,
               "%s", err.text);
        double took = (double)samples / CW_STUDIO_RATE, told = rate * symbols;
        printf("      %-12s %5.2f s, told %5.2f s (%+.1f %%)\n", cases[i].voice, took, told, 100 * (told / took - 1));
        CHECKF(fabs(told / took - 1) < 0.1, "%s: %.2f s, told %.2f s", cases[i].voice, took, told);
        cw_voice_close(&voice);
    }
    cw_studio_close(s);
}

/* Two voices that lie decibels apart are equally loud at their gains, in words they were not measured with. */
static void test_level(void) {
    if (no_models())
        return;
    static const char *const names[] = {"af_heart", "am_michael", "af_nicole"};
    const char *const path = "level.wav";
    struct cw_error err = {0};
    struct cw_studio *s = open_studio(0);
    char here[CW_PATH_MAX];
    if (!CHECK(getcwd(here, sizeof here) != NULL && chdir(cw_test_dir()) == 0) ||
        !CHECKF(cw_studio_need_plans(s, &err) == 0, "%s", err.text))
        return;
    double lowest = 100, highest = -100, least = 100, most = -100;
    for (int i = 0; i < 3; i++) {
        struct cw_voice voice = {0};
        double gain = 0, again = 0;
        struct cw_measured m = {0};
        CHECKF(cw_voice_open(&voice, s->voices_dir, names[i], &err) == 0, "%s", err.text);
        CHECKF(cw_level_gain(s->booth, &voice, "en-us", &gain, &err) == 0, "%s", err.text);
        CHECKF(cw_level_gain(s->booth, &voice, "en-us", &again, &err) == 0 && again == gain, "%g, then %g %s", gain, again, err.text);
        CHECKF(fabs(gain * 10 - round(gain * 10)) < 1e-9, "gain %.12f dB", gain);
        struct cw_say_params p = cw_say_params_default();
        p.voice = names[i];
        p.out = path;
        CHECKF(cw_say(s, "The harbour was quiet that morning. Nobody had told the fishermen that the storm would come back.", p, &err) == 0,
               "%s", err.text);
        CHECKF(cw_measure(path, NULL, NULL, &m, &err) == 0, "%s", err.text);
        printf("      %-12s %6.1f LUFS in one channel, gain %5.1f dB\n", names[i], m.lufs, gain);
        lowest = fmin(lowest, m.lufs + gain);
        highest = fmax(highest, m.lufs + gain);
        least = fmin(least, gain);
        most = fmax(most, gain);
        cw_voice_close(&voice);
    }
    CHECKF(most - least > 1.5, "the gains differ by %.1f dB: these voices prove nothing", most - least);
    CHECKF(highest - lowest < 1.5, "%.1f LU between the voices", highest - lowest);
    CHECKF(lowest > -19.01 - 1.5 && highest < -19.01 + 1.5, "%.1f to %.1f LUFS in one channel", lowest, highest);
    CHECK(chdir(here) == 0);
    cw_studio_close(s);
}

static void test_example(void) {
    if (no_models())
        return;
    char here[CW_PATH_MAX];
    if (!CHECK(getcwd(here, sizeof here) != NULL && chdir(cw_test_dir()) == 0))
        return;
    SF_INFO info = {0};
    CHECK(cw_example() == 0);
    SNDFILE *f = sf_open("hello.wav", SFM_READ, &info);
    CHECK(f && info.frames > 12000 && info.frames < 96000);
    if (f)
        sf_close(f);
    CHECK(chdir(here) == 0);
}

const struct cw_test cw_tests_episode[] = {
    {"episode.timeline", "gaps, overlaps and segments fall where the table says", test_timeline},
    {"episode.cut", "chunks are cut where speech begins and ends, junk after it goes", test_cut},
    {"episode.cache", "turn files come back as they went; a damaged one is not used", test_cache},
    {"episode.render", "same bytes twice and for 1 and 2 threads; an edit costs one turn; damage is mended", test_render},
    {"episode.crew", "turns side by side: the same bytes, in the same order", test_crew},
    {"episode.killed", "killed at random moments and run again: the bytes of an undisturbed run", test_killed},
    {"episode.full-disk", "a full disk is an error and leaves no half file under a final name", test_full_disk},
    {"episode.cancel", "a cancelled build keeps what was finished and goes on from there", test_cancel},
    {"episode.refusals", "bad input is refused by name, before anything is made", test_refusals},
    {"episode.traces", "what a turn rests on goes from the script to the transcript, with the passages", test_traces},
    {"episode.make", "a topic becomes an episode; interrupted and run again it is the same one", test_make},
    {"episode.say", "say writes 16-bit wav and flac; bench measures", test_say},
    {"episode.rate", "how long a turn takes is known by its voice's rate in its language", test_rate},
    {"episode.level", "voices are brought to one loudness", test_level},
    {"episode.example", "the example of castwright.h runs", test_example},
    {0},
};
