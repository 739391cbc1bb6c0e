/* The program as a user meets it: exit codes, one-line errors, results on stdout, nothing half-written. */
#include "kernels/kernels.h"
#include "tests/test.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <sndfile.h>

extern const struct cw_test cw_tests_cli[];

struct ran {
    int code; /* exit code, or -1 - signal */
    char out[65536], err[16384];
};

static void slurp(const char *path, char *to, size_t size) {
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, size - 1, f) : 0;
    to[n] = '\0';
    if (f)
        fclose(f);
}

/* Runs the program in the test's folder; `set` is NULL or "NAME=value" for its environment; `file_limit` > 0 is the largest
 * file it may write. */
static struct ran *run_with(const char *set, long file_limit, const char *const *args) {
    static struct ran r;
    char out[CW_PATH_MAX], errors[CW_PATH_MAX];
    const char *argv[24] = {CW_PROGRAM};
    int n = 1;
    for (; args[n - 1] && n < 23; n++)
        argv[n] = args[n - 1];
    argv[n] = NULL;
    snprintf(out, sizeof out, "%s/stdout", cw_test_dir());
    snprintf(errors, sizeof errors, "%s/stderr", cw_test_dir());
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int o = open(out, O_CREAT | O_TRUNC | O_WRONLY, 0600), e = open(errors, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        if (o < 0 || e < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0 || chdir(cw_test_dir()) != 0)
            _exit(99);
        if (set)
            putenv((char *)(uintptr_t)set);
        if (file_limit > 0) {
            struct rlimit l = {(rlim_t)file_limit, (rlim_t)file_limit};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &l);
        }
        execv(CW_PROGRAM, (char *const *)(uintptr_t)argv);
        _exit(98);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1 - WTERMSIG(status);
    slurp(out, r.out, sizeof r.out);
    slurp(errors, r.err, sizeof r.err);
    return &r;
}
#define RUN(...) run_with(NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

/* One line on stderr that says all `pieces`, and this exit code. */
static void expect(const struct ran *r, int code, const char *const *pieces) {
    CHECKF(r->code == code, "exit code %d, expected %d: %s", r->code, code, r->err);
    for (; *pieces; pieces++)
        CHECKF(strstr(r->err, *pieces) != NULL, "\"%s\" does not say \"%s\"", r->err, *pieces);
    const char *line = strstr(r->err, "error:");
    CHECKF(line && strchr(line, '\n') && strchr(line, '\n')[1] == '\0', "the error is one line: %s", r->err);
}
#define EXPECT(r, code, ...) expect((r), (code), (const char *const[]){__VA_ARGS__, NULL})

static const char *write_file(const char *name, const char *text) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    snprintf(path, sizeof path, "%s/%s", cw_test_dir(), name);
    CHECK(cw_file_write(path, text, strlen(text), &err) == 0);
    return path;
}

static bool models(void) {
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    struct cw_error err = {0};
    if (cw_models_dir(dir, &err) == 0 && cw_path_join(path, dir, "kokoro.gguf", &err) == 0 && cw_file_exists(path))
        return true;
    cw_test_skip("kokoro.gguf is not there: castwright models fetch");
    return false;
}

static void test_help(void) {
    CHECK(RUN("--help")->code == 0);
    static const char *const commands[] = {"make", "write", "render", "say", "text", "play", "voices", "models", "doctor", "bench"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct ran *r = RUN(commands[i], "--help");
        CHECK(r->code == 0 && strstr(r->out, "usage: castwright") && strstr(r->out, "examples:"));
    }
    CHECK(RUN("--version")->code == 0);
}

static void test_usage(void) {
    EXPECT(RUN("sing"), 2, "unknown command \"sing\"", "make");
    EXPECT(RUN("make"), 2, "expected a topic");
    EXPECT(RUN("make", "x", "--minutes", "many"), 2, "--minutes", "0.25", "\"many\"");
    EXPECT(RUN("make", "x", "--frobnicate"), 2, "unknown option \"--frobnicate\"");
    EXPECT(RUN("render"), 2, "expected a script");
    EXPECT(RUN("say", "a", "b"), 2, "unexpected argument \"b\"");
    EXPECT(RUN("models", "fetch", "gpt-9"), 2, "unknown model \"gpt-9\"");
    EXPECT(RUN("voices", "sing"), 2, "expected list, show");
    EXPECT(RUN("render", "absent.md", "-o", "x"), 2, "absent.md");
}

static void test_missing_model(void) {
    char set[CW_PATH_MAX + 32];
    snprintf(set, sizeof set, "CASTWRIGHT_MODELS=%s/none", cw_test_dir());
    const char *const say[] = {"say", "Hello.", "-o", "x.wav", NULL};
    EXPECT(run_with(set, 0, say), 3, "models fetch");
    const char *const make[] = {"make", "Tides", "-o", "x", NULL};
    EXPECT(run_with(set, 0, make), 3, "models fetch");
}

static void test_wrong_model(void) {
    char set[CW_PATH_MAX + 32], dir[CW_PATH_MAX], from[CW_PATH_MAX], to[CW_PATH_MAX];
    struct cw_error err = {0};
    if (!models())
        return;
    snprintf(set, sizeof set, "CASTWRIGHT_MODELS=%s/wrong", cw_test_dir());
    snprintf(to, sizeof to, "%s/wrong", cw_test_dir());
    CHECK(cw_dir_make(to, &err) == 0 && cw_models_dir(dir, &err) == 0);
    static const char *const linked[] = {"voices", "lexicon"};
    for (int i = 0; i < 2; i++) {
        CHECK(cw_path_join(from, dir, linked[i], &err) == 0);
        snprintf(to, sizeof to, "%s/wrong/%s", cw_test_dir(), linked[i]);
        CHECK(symlink(from, to) == 0);
    }
    char *data = NULL;
    size_t len = 0;
    CHECK(cw_path_join(from, dir, "kokoro.gguf", &err) == 0 && cw_file_read(from, (size_t)1 << 30, &data, &len, &err) == 0);
    snprintf(to, sizeof to, "%s/wrong/kokoro.gguf", cw_test_dir());
    CHECK(data && cw_file_write(to, data, len / 2, &err) == 0);
    free(data);
    const char *const say[] = {"say", "Hello.", "-o", "x.wav", NULL};
    EXPECT(run_with(set, 0, say), 2, "kokoro.gguf");
    CHECK(access("x.wav", F_OK) != 0);
}

static void test_bad_text(void) {
    if (!models())
        return;
    EXPECT(RUN("say", "Hello.", "--voice", "af_hart", "-o", "x.wav"), 2, "af_hart", "af_heart");
    EXPECT(RUN("say", "", "-o", "x.wav"), 2, "speak");
    EXPECT(RUN("say", "...", "-o", "x.wav"), 2, "speak");
    EXPECT(RUN("say", "bell \a here", "-o", "x.wav"), 2, "control");
    EXPECT(RUN("say", "bad \xff here", "-o", "x.wav"), 2, "UTF-8", "4");
    EXPECT(RUN("say", "Konnichiwa.", "--voice", "jf_alpha", "-o", "x.wav"), 2, "front end", "en-us");
    EXPECT(RUN("say", "Hello.", "-o", "x.ogg"), 2, "x.ogg", ".wav");
    EXPECT(RUN("make", "   ", "-o", "x"), 2, "topic");
    char path[CW_PATH_MAX];
    snprintf(path, sizeof path, "%s/x.wav", cw_test_dir());
    CHECK(!cw_file_exists(path));
}

static void test_bad_script(void) {
    static const char head[] = "---\ntitle: T\nlanguage: en-us\nseed: 1\ncast:\n  Maya: af_heart\n  Tom: am_michael\n---\n\n# One\n\n";
    static const struct {
        const char *body, *piece, *where;
    } cases[] = {
        {"Tim: Hello.\n", "Tim", "bad.md:12"},
        {"Maya: Hello [shout] there.\n", "shout", "bad.md:12"},
        {"Maya: Hello [pause soon] there.\n", "pause", "bad.md:12"},
        {"Maya:\n", "", "bad.md:12"},
        {"", "turn", "bad.md"},
    };
    if (!models())
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", head, cases[i].body);
        write_file("bad.md", text);
        EXPECT(RUN("render", "bad.md", "-o", "x"), 2, cases[i].piece, cases[i].where);
    }
    struct cw_text big = {0};
    cw_text_add(&big, head);
    cw_text_add(&big, "Maya: ");
    for (int i = 0; i < 10000; i++)
        cw_text_add(&big, "a hundred ");
    write_file("bad.md", big.data);
    cw_text_free(&big);
    EXPECT(RUN("render", "bad.md", "-o", "x"), 2, "bad.md:12", "20000");
    write_file("bad.md", "---\ntitle: T\nlanguage: en-us\ncast:\n  Maya: af_nobody\n---\n\n# One\n\nMaya: Hello.\n");
    EXPECT(RUN("render", "bad.md", "-o", "x"), 2, "bad.md", "af_nobody");
    write_file("bad.md", "---\ntitle: T\nlanguage: tlh\ncast:\n  Maya: af_heart\n---\n\n# One\n\nMaya: Hello.\n");
    EXPECT(RUN("render", "bad.md", "-o", "x"), 2, "tlh", "en-us");
}

static void test_say(void) {
    if (!models())
        return;
    struct ran *r = RUN("say", "[Kokoro](/kˈOkəɹO/) costs $5.", "-o", "x.wav", "-q");
    CHECKF(r->code == 0, "%s", r->err);
    CHECK_STR(r->out, "x.wav\n");
    char path[CW_PATH_MAX];
    snprintf(path, sizeof path, "%s/x.wav", cw_test_dir());
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    CHECK(f != NULL);
    if (f) {
        CHECKF(info.samplerate == 24000 && info.channels == 1, "%d Hz, %d channels", info.samplerate, info.channels);
        CHECKF(info.frames > 24000 && info.frames < 24000 * 5, "%ld samples", (long)info.frames);
        sf_close(f);
    }
}

static void test_full_disk(void) {
    if (!models())
        return;
    const char *const say[] = {"say", "Hello there, this is too long for the disk.", "-o", "x.wav", NULL};
    EXPECT(run_with(NULL, 8192, say), 1, "x.wav");
    char path[CW_PATH_MAX];
    snprintf(path, sizeof path, "%s/x.wav", cw_test_dir());
    CHECK(!cw_file_exists(path));
}

static void test_json(void) {
    json_error_t e;
    json_t *j = json_loads(RUN("models", "list", "--json")->out, 0, &e);
    CHECKF(json_is_array(j) && json_array_size(j) >= 4, "%s", e.text);
    json_decref(j);
    if (!models())
        return;
    j = json_loads(RUN("voices", "list", "--json")->out, 0, &e);
    CHECKF(json_is_array(j) && json_array_size(j) == 54, "%s", e.text);
    json_decref(j);
}

/* What writing rests on and what directs it: wrong sources, styles, endpoints and wishes are refused by name, and leave nothing. */
static void test_direction(void) {
    static const struct {
        const char *args[8];
        const char *says;
    } cases[] = {
        {{"script-stats", "nope.md"}, "nope.md"},
        {{"write", "-o", "x.md"}, "--from"},
        {{"write", "x", "--from", "nope.pdf", "-o", "x.md"}, "nope.pdf"},
        {{"write", "x", "--from", "http://127.0.0.1:9/", "-o", "x.md"}, "--allow-local"},
        {{"write", "x", "--style", "opera", "-o", "x.md"}, "interview"},
        {{"write", "x", "--style", "./nope.style", "-o", "x.md"}, "nope.style"},
        {{"write", "x", "--endpoint", "http://h/v1", "-o", "x.md"}, "--llm-name"},
        {{"write", "x", "--budget", "-1", "-o", "x.md"}, "--budget"},
        {{"rewrite", "nope.md", "--turn", "1"}, "--say"},
        {{"rewrite", "nope.md", "--say", "x"}, "expected one of"},
        {{"rewrite", "nope.md", "--say", "x", "--turn", "1"}, "nope.md"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases && (i == 0 || models()); i++) {
        struct ran *r = run_with(NULL, 0, cases[i].args);
        CHECKF(r->code == 2 && strstr(r->err, cases[i].says) && strchr(r->err, '\n') == r->err + strlen(r->err) - 1, "%s %s: code %d, %s",
               cases[i].args[0], cases[i].args[1], r->code, r->err);
    }
    char path[CW_PATH_MAX];
    struct cw_error err = {0};
    CHECK(cw_path_join(path, cw_test_dir(), "x.md", &err) == 0 && !cw_file_exists(path));
    CHECK(cw_path_join(path, cw_test_dir(), "s.md", &err) == 0 &&
          cw_file_write(path, "---\ncast:\n  A: v\n---\nA: One two three.\nA: One two three.\n", 57, &err) == 0);
    CHECK(strstr(RUN("script-stats", "s.md")->out, "sentences repeated     1 of 2") != NULL);
    CHECK(strstr(RUN("script-stats", "s.md")->out, " s, at 171 words a minute") != NULL);
    json_t *j = json_loads(RUN("script-stats", "--json", "s.md")->out, 0, NULL);
    CHECK(json_integer_value(json_object_get(json_array_get(j, 0), "sentences_repeated")) == 1);
    json_decref(j);
}

static void test_text(void) {
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    struct cw_error err = {0};
    if (cw_models_dir(dir, &err) != 0 || cw_path_join(path, dir, "lexicon/us.lex", &err) != 0 || !cw_file_exists(path)) {
        cw_test_skip("the lexicon is not there: castwright models fetch");
        return;
    }
    CHECK_STR(RUN("text", "It costs $3.50.")->out, "It costs three dollars fifty cents.\n");
    CHECK_STR(RUN("text", "--phonemes", "Hello", "there")->out, "həlˈO ðˈɛɹ\n");
    CHECK_STR(RUN("text", "--phonemes", "--lang", "es", "sí")->out, "sˈi\n");
    CHECK_STR(RUN("text", "--phonemes", "--voice", "bf_emma", "no")->out, "nˈQ\n");
    write_file("lines.txt", "One.\n\n***\r\nAnd [2] more\n");
    CHECK_STR(RUN("text", "lines.txt")->out, "One.\n\n\nAnd [two] more\n"); /* a line for a line */
    CHECK_STR(RUN("text", "[pause 300ms] Well [overlap 1s] yes [pause 90s]")->out,
              "Well yes [pause nineties]\n"); /* what is no direction */
    write_file("own.dict", "Zxyqv = zed\n");
    CHECK_STR(RUN("text", "--dictionary", "own.dict", "Zxyqv's")->out, "zed's\n");
    CHECK_STR(RUN("text", "--suggest", "Zxyqv and Zxyqv and bread")->out, "Zxyqv = /zˈizˈIkv/\n");
    json_t *j = json_loads(RUN("text", "--json", "He paid $2 to Zxyqv.")->out, 0, NULL), *tokens = json_object_get(j, "tokens");
    CHECK(json_integer_value(json_object_get(j, "line")) == 1 && json_array_size(tokens) == 6);
    json_t *money = json_array_get(tokens, 2), *name = json_array_get(tokens, 4);
    CHECK_STR(json_string_value(json_object_get(money, "text")), "$2");
    CHECK_STR(json_string_value(json_object_get(money, "spoken")), "two dollars");
    CHECK_STR(json_string_value(json_object_get(money, "class")), "money");
    CHECK(json_array_size(json_object_get(money, "words")) == 2 && json_integer_value(json_object_get(money, "offset")) == 8);
    CHECK_STR(json_string_value(json_object_get(name, "source")), "espeak");
    json_decref(j);
    EXPECT(RUN("text", "a\xff"), 2, "byte 1: expected UTF-8");
    EXPECT(RUN("text", "***"), 2, "expected at least one word to speak");
    EXPECT(RUN("text", "--json", "--spoken", "a"), 2, "expected one of --spoken");
    EXPECT(RUN("text", "--lang", "ko", "a"), 2, "Korean");
    write_file("bad.dict", "\nno\n");
    EXPECT(RUN("text", "--dictionary", "bad.dict", "a"), 2, "bad.dict:2: expected \"word = respelling\"");
    EXPECT(RUN("say", "--dictionary", "none.dict", "a", "-o", "a.wav"), 2, "none.dict");
    struct cw_text word = {0};
    for (int i = 0; i < 1000000; i++)
        cw_text_add(&word, "abcdefghij");
    write_file("word.txt", word.data);
    EXPECT(RUN("text", "word.txt"), 2, "word.txt: ", "expected words of at most 16000 bytes");
    cw_text_free(&word);
}

/* One's own voices, from mixing to removing; what is heard of them. */
static void test_voices(void) {
    char dir[CW_PATH_MAX], path[CW_PATH_MAX], set[CW_PATH_MAX];
    struct cw_error err = {0};
    SF_INFO info = {0};
    if (!models())
        return;
    snprintf(set, sizeof set, "%s/own", cw_test_dir());
    setenv("CASTWRIGHT_VOICES", set, 1);
    struct ran *r = RUN("voices", "mix", "timbre:am_michael*0.6+bm_george*0.4 prosody:am_puck", "--name", "tom");
    CHECKF(r->code == 0 && strstr(r->out, "/own/tom.gguf") != NULL, "%s", r->err);
    EXPECT(RUN("voices", "mix", "af_heart", "--name", "tom"), 2, "expected a new name");
    EXPECT(RUN("voices", "mix", "af_heart", "--name", "bf_emma"), 2, "stock voice");
    EXPECT(RUN("voices", "mix", "af_heart"), 2, "--name NAME");
    r = RUN("voices", "show", "tom");
    CHECK(r->code == 0 && strstr(r->out, "made        mix") && strstr(r->out, "am_puck 0 1 ") && strstr(r->out, "bm_george 0.4 0 "));
    CHECK(strstr(RUN("voices", "list")->out, "\ntom ") != NULL);
    json_t *j = json_loads(RUN("voices", "list", "--json")->out, 0, NULL);
    CHECK_STR(json_string_value(json_object_get(json_array_get(j, json_array_size(j) - 1), "made")), "mix");
    json_decref(j);
    CHECK(RUN("voices", "export", "tom", "-o", "tom.gguf")->code == 0);
    EXPECT(RUN("voices", "export", "tom", "-o", "tom.gguf"), 2, "expected a new file");
    EXPECT(RUN("voices", "export", "tim", "-o", "x.gguf"), 2, "found none at");
    EXPECT(RUN("voices", "import", "tom.gguf"), 2, "--name gives it another");
    CHECK(RUN("voices", "import", "tom.gguf", "--name", "tim")->code == 0);
    EXPECT(RUN("voices", "import", write_file("bad.gguf", "GGUF?"), "--name", "bad"), 2, "bad.gguf");
    snprintf(path, sizeof path, "%s/bad.gguf", set);
    CHECK(!cw_file_exists(path));
    EXPECT(RUN("voices", "remove", "af_heart"), 2, "a voice of your own");
    EXPECT(RUN("voices", "remove", "../own/tom"), 2, "letters, digits and _");
    CHECK(RUN("say", "Yes.", "--voice", "tim", "-o", "tim.wav")->code == 0);
    CHECK(RUN("voices", "remove", "tim")->code == 0);
    EXPECT(RUN("say", "Yes.", "--voice", "tim", "-o", "tim2.wav"), 2, "voice \"tim\"");
    r = RUN("voices", "audition", "bf_emma", "tom", "--text", "Good evening.", "-o", "hear.wav");
    CHECKF(r->code == 0 && strcmp(r->out, "1: bf_emma\n2: tom\nhear.wav\n") == 0, "%s%s", r->out, r->err);
    snprintf(path, sizeof path, "%s/hear.wav", cw_test_dir());
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    if (CHECK(f != NULL)) {
        CHECKF(info.samplerate == 24000 && info.channels == 1 && info.frames > 3 * 24000 && info.frames < 10 * 24000, "%lld frames",
               (long long)info.frames);
        sf_close(f);
    }
    snprintf(path, sizeof path, "%s/hear.vtt", cw_test_dir());
    char captions[1024];
    slurp(path, captions, sizeof captions);
    CHECKF(strncmp(captions, "WEBVTT\n\n00:00:00.200 --> ", 25) == 0 && strstr(captions, "\n1: bf_emma\n") &&
               strstr(captions, "\n2: tom\n"),
           "%s", captions);
    EXPECT(RUN("voices", "audition", "jf_alpha", "-o", "x.wav"), 2, "jf_alpha");
    EXPECT(RUN("voices", "audition"), 2, "audition VOICE...");
    if (cw_models_dir(dir, &err) != 0 || cw_path_join(path, dir, "ge2e.gguf", &err) != 0 || !cw_file_exists(path)) {
        cw_test_skip("ge2e.gguf is not there: castwright models fetch");
        return;
    }
    r = RUN("voices", "map", "bf_emma", "tom", "am_michael", "--json", "-o", "v.svg");
    j = json_loads(r->out, 0, NULL);
    if (CHECKF(r->code == 0 && json_array_size(j) == 3, "%s", r->err)) {
        double emma = json_number_value(json_object_get(json_array_get(j, 0), "cosine")),
               michael = json_number_value(json_object_get(json_array_get(j, 2), "cosine"));
        CHECKF(michael > emma + 0.1 && michael < 1, "tom is like am_michael by %.3f and like bf_emma by %.3f", michael, emma);
    }
    json_decref(j);
    snprintf(path, sizeof path, "%s/v.svg", cw_test_dir());
    char svg[8192];
    slurp(path, svg, sizeof svg);
    CHECK(strstr(svg, "<svg ") && strstr(svg, ">bf_emma</text>") && strstr(svg, "</svg>"));
    EXPECT(RUN("voices", "map", "-o", "v.png"), 2, ".svg");
    EXPECT(RUN("voices", "check", "tim.wav"), 2, "tim.wav: expected");
    EXPECT(RUN("voices", "check", "absent.wav"), 2, "absent.wav", "no file");
    EXPECT(RUN("voices", "list", "--like", "none.wav"), 2, "none.wav");
    /* two hosts of one voice are warned of, two unlike ones are not */
    write_file("alike.md", "---\ntitle: T\nlanguage: en-us\nseed: 1\ncast:\n  Ann: tom\n  Bob: am_michael*0.6 + bm_george*0.4\n---\n\n# "
                           "S\n\nAnn: Yes.\n\nBob: No.\n");
    r = RUN("render", "alike.md", "-o", "alike");
    CHECKF(r->code == 0 && strstr(r->err, "Ann (tom) and Bob (am_michael*0.6 + bm_george*0.4) sound alike (0."), "%d %s", r->code, r->err);
    write_file("unlike.md",
               "---\ntitle: T\nlanguage: en-us\nseed: 1\ncast:\n  Ann: bf_emma\n  Bob: am_michael\n---\n\n# S\n\nAnn: Yes.\n\nBob: No.\n");
    r = RUN("render", "unlike.md", "-o", "unlike");
    CHECKF(r->code == 0 && !strstr(r->err, "sound alike"), "%d %s", r->code, r->err);
    setenv("CASTWRIGHT_VOICES", "/nowhere/voices", 1);
}

/* bench on one short sentence: every number that programs read (bench/against_ort.sh among them) is there and can be true. */
static void test_bench(void) {
    static const struct {
        const char *name;
        double least, most;
    } numbers[] = {{"threads", 2, 2},
                   {"load_seconds", 1e-4, 60},
                   {"speech_seconds", 0.5, 4},
                   {"modelled_seconds", 0.5, 6},
                   {"synthesis_seconds", 1e-3, 600},
                   {"acoustic_seconds", 1e-3, 600},
                   {"vocoder_seconds", 1e-3, 600},
                   {"real_time_factor", 1e-3, 600},
                   {"text_characters_per_second", 100, 1e9},
                   {"gflops", 0.1, 1e6},
                   {"peak_gflops", 0.1, 1e6},
                   {"master_times_real_time", 0.01, 1e6},
                   {"first_sound_seconds", 1e-3, 600},
                   {"cold_first_sound_seconds", 1e-3, 600},
                   {"peak_rss_kib", 10000, 1e8},
                   {"against_ratio", 0.02, 50},
                   {"against_low", 0.02, 50},
                   {"against_high", 0.02, 50}};
    if (!models())
        return;
    write_file("one.txt", "Somebody always pays.\n");
    struct ran *r =
        RUN("bench", "--only", "speech", "--rounds", "1", "--threads", "2", "--sentences", "one.txt", "--json", "--against", "am_michael");
    json_error_t e = {0};
    json_t *j = json_loads(r->out, 0, &e);
    if (CHECKF(r->code == 0 && json_is_object(j), "%d %s%s %s", r->code, r->out, r->err, e.text)) {
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            const json_t *number = json_object_get(j, numbers[i].name);
            const double x = json_number_value(number);
            CHECKF(json_is_number(number) && x >= numbers[i].least && x <= numbers[i].most, "%s: %g", numbers[i].name, x);
        }
        CHECK(json_number_value(json_object_get(j, "modelled_seconds")) >= json_number_value(json_object_get(j, "speech_seconds")));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which have malloc to themselves */
        CHECK(json_is_number(json_object_get(j, "allocations")) && json_number_value(json_object_get(j, "allocations")) == 0);
#endif
        const char *isa = json_string_value(json_object_get(j, "isa")), *note = json_string_value(json_object_get(j, "note"));
        CHECKF(isa && *isa, "no isa: %s", r->out);
        CHECKF(cw_device_note() ? note && strcmp(note, cw_device_note()) == 0 : !note, "note: %s", note ? note : "none");
        CHECK(!json_object_get(j, "prompt_tokens_per_second"));
    }
    json_decref(j);
    r = RUN("bench", "--first-sound");
    char *end = r->out;
    const double now = cw_seconds(), when = strtod(r->out, &end);
    CHECKF(r->code == 0 && strcmp(end, "\n") == 0 && when > now - 600 && when <= now, "%s%s", r->out, r->err);
    EXPECT(RUN("bench", "--only", "speech", "--rounds", "1", "--sentences", "one.txt", "--against", "nobody"), 2, "nobody");
    EXPECT(RUN("bench", "--only", "dancing"), 2, "--only", "speech or writer", "dancing");
    EXPECT(RUN("bench", "--only", "speech", "--sentences", "absent.txt"), 2, "absent.txt");
    write_file("none.txt", "\n");
    EXPECT(RUN("bench", "--only", "speech", "--sentences", "none.txt"), 2, "at least one text");
}

const struct cw_test cw_tests_cli[] = {
    {"cli.help", "every command explains itself with examples", test_help},
    {"cli.usage", "wrong usage is refused by name, exit code 2", test_usage},
    {"cli.missing-model", "a missing model gives exit code 3 and the command that fetches it", test_missing_model},
    {"cli.wrong-model", "a truncated model file is refused by name, no output appears", test_wrong_model},
    {"cli.bad-text", "unspeakable text, unknown voices and languages are refused by name", test_bad_text},
    {"cli.bad-script", "a malformed script is refused with file and line", test_bad_script},
    {"cli.say", "say writes a 24 kHz mono file of the right length", test_say},
    {"cli.text", "text shows words, phonemes, JSON and suggestions, and refuses by name", test_text},
    {"cli.voices", "voices are mixed, shown, heard, compared, shared and removed; hosts that sound alike are warned of", test_voices},
    {"cli.full-disk", "a full disk is one clear error and leaves no half-written file", test_full_disk},
    {"cli.direction", "wrong sources, styles, endpoints and wishes are refused by name; scripts are measured", test_direction},
    {"cli.json", "what programs read parses", test_json},
    {"cli.bench", "bench gives every number by name, allocates nothing inside the models, and times a cold start", test_bench},
    {0},
};
