/* base: known answers of sha256 and Philox, numbers and text taken whole or not at all, files whole or not there. */
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct cw_test cw_tests_base[];

static const char *in_dir(const char *name) {
    static char path[4][CW_PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], CW_PATH_MAX, "%s/%s", cw_test_dir(), name);
    return path[turn];
}

static int count_names(const char *folder) {
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return n;
}

static void test_errors(void) {
    struct cw_error err = {0};
    CHECK(cw_fail(&err, CW_BAD_INPUT, "%s: expected %d, found \"%s\"", "a.md", 3, "one\ntwo\x01\x7f\xff") == -1);
    CHECK(err.code == CW_BAD_INPUT);
    CHECK_STR(err.text, "a.md: expected 3, found \"one?two???\"");
    CHECK(cw_fail_in(&err, "line %d", 7) == -1 && err.code == CW_BAD_INPUT);
    CHECK_STR(err.text, "line 7: a.md: expected 3, found \"one?two???\"");
    CHECK(cw_fail(&err, CW_FAILED, "again: %s", err.text) == -1); /* its own text as an argument */
    CHECK(strncmp(err.text, "again: line 7", 13) == 0);
    char *big = calloc(1, 5001);
    if (!CHECK(big != NULL))
        return;
    for (int i = 0; i < 5000; i += 2)
        memcpy(big + i, "\xc3\xa9", 2); /* é, so that the cut can fall inside a character */
    cw_fail(&err, CW_FAILED, "x%s", big);
    CHECK(strlen(err.text) >= sizeof err.text - 3 && strlen(err.text) < sizeof err.text);
    CHECK(cw_utf8_invalid(err.text, strlen(err.text)) == -1);
    cw_fail_in(&err, "%s", big);
    CHECK(strlen(err.text) < sizeof err.text && cw_utf8_invalid(err.text, strlen(err.text)) == -1);
    free(big);
    CHECK_REFUSED(cw_fail_memory(&err, "cast"), &err, "cast", "out of memory");
    CHECK(err.code == CW_FAILED);
}

static void test_text(void) {
    struct cw_text t = {0};
    struct cw_error err = {0};
    for (int i = 0; i < 1000; i++)
        cw_text_printf(&t, "%d,", i);
    CHECK(t.len == 3890 && strlen(t.data) == t.len && cw_text_check(&t, "t", &err) == 0);
    cw_text_clear(&t);
    CHECK(t.len == 0 && t.data[0] == '\0');
    static const uint32_t codes[] = {0x24, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF};
    for (size_t i = 0; i < 8; i++)
        cw_text_add_code(&t, codes[i]);
    cw_text_add_code(&t, 0xD800); /* not a character: U+FFFD */
    size_t at = 0;
    for (size_t i = 0; i < 8; i++) {
        uint32_t code = 0;
        int len = cw_utf8_next(t.data + at, t.len - at, &code);
        CHECKF(len > 0 && code == codes[i], "code %zu: %x", i, code);
        at += (size_t)len;
    }
    CHECK_STR(t.data + at, "\xef\xbf\xbd");
    cw_text_add_n(&t, "a\0b", 3);
    CHECK(t.len == at + 6);
    cw_text_free(&t);
    CHECK(t.data == NULL && t.len == 0);
    cw_text_add_n(&t, "x", SIZE_MAX - 10); /* cannot be had: refused before anything is read */
    cw_text_add(&t, "later");
    CHECK_REFUSED(cw_text_check(&t, "script", &err), &err, "script", "memory");
    cw_text_free(&t);
    char *s = cw_strndup("hello", 3);
    CHECK_STR(s, "hel");
    free(s);
}

static void test_utf8(void) {
    static const struct {
        const char *text;
        ptrdiff_t invalid;
    } cases[] = {
        {"", -1},
        {"plain", -1},
        {"\xc3\xa9t\xc3\xa9", -1},
        {"\xed\x9f\xbf\xee\x80\x80", -1},
        {"\xf4\x8f\xbf\xbf", -1},
        {"a\x80", 1},
        {"\xc0\xaf", 0},
        {"\xc1\xbf", 0},
        {"\xe0\x80\x80", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"ab\xed\xbf\xbf", 2},
        {"\xf0\x80\x80\x80", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
        {"abc\xe2\x82", 3},
        {"\xc3(", 0},
        {"\xf0\x9f\x98", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECKF(cw_utf8_invalid(cases[i].text, strlen(cases[i].text)) == cases[i].invalid, "case %zu", i);
    uint32_t code;
    CHECK(cw_utf8_next("\xe2\x82\xac", 2, &code) == 0 && cw_utf8_next("", 0, &code) == 0);
    CHECK(cw_utf8_next("\xe2\x82\xac", 3, &code) == 3 && code == 0x20AC);
}

static void test_numbers(void) {
    static const char *const bad_ints[] = {"", " 1", "1 ", "1x", "+", "-", "0x10", "9223372036854775808", "1.0", "101", "-1", "--1"};
    static const char *const bad_doubles[] = {"",   " 1",  "1 ",    "nan", "inf",   "-inf", "0x1p3", ".",
                                              "1e", "1e+", "1.2.3", "1,5", "1e999", "11",   "-.1",   "e5"};
    long i = 7;
    double x = 7;
    for (size_t k = 0; k < sizeof bad_ints / sizeof *bad_ints; k++)
        CHECKF(!cw_parse_int(bad_ints[k], 0, 100, &i) && i == 7, "\"%s\" was taken", bad_ints[k]);
    for (size_t k = 0; k < sizeof bad_doubles / sizeof *bad_doubles; k++)
        CHECKF(!cw_parse_double(bad_doubles[k], 0, 10, &x) && x == 7, "\"%s\" was taken", bad_doubles[k]);
    CHECK(cw_parse_int("0", 0, 100, &i) && i == 0);
    CHECK(cw_parse_int("+100", 0, 100, &i) && i == 100);
    CHECK(cw_parse_int("-9223372036854775808", LONG_MIN, LONG_MAX, &i) && i == LONG_MIN);
    CHECK(cw_parse_double("0.25", 0, 10, &x) && x == 0.25);
    CHECK(cw_parse_double(".5", 0, 10, &x) && x == 0.5);
    CHECK(cw_parse_double("10.", 0, 10, &x) && x == 10);
    CHECK(cw_parse_double("-1.5e-1", -1, 1, &x) && x == -0.15);
}

static void test_sha256(void) {
    static const struct {
        const char *text, *sum;
    } known[] = {
        /* FIPS 180-4's examples, and the empty message */
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    char sum[65], again[65];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cw_sha256_of(known[i].text, strlen(known[i].text), sum);
        CHECK_STR(sum, known[i].sum);
    }
    enum { MILLION = 1000000 };
    char *a = malloc(MILLION);
    if (!CHECK(a != NULL))
        return;
    memset(a, 'a', MILLION);
    cw_sha256_of(a, MILLION, sum);
    CHECK_STR(sum, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    /* any cutting gives the same sum, at every length around the padding's edges */
    for (size_t i = 0; i < MILLION; i++)
        a[i] = (char)(i * 31 + i / 251);
    for (size_t len = 0; len < 300; len++) {
        struct cw_sha256 s;
        cw_sha256_of(a, len, sum);
        cw_sha256_start(&s);
        for (size_t at = 0, step = 1; at < len; at += step, step = step % 97 + 7)
            cw_sha256_add(&s, a + at, step < len - at ? step : len - at);
        cw_sha256_end(&s, again);
        CHECKF(strcmp(sum, again) == 0, "length %zu", len);
    }
    struct cw_error err = {0};
    CHECK(cw_file_write(in_dir("a"), a, MILLION, &err) == 0 && cw_sha256_file(in_dir("a"), sum, &err) == 0);
    cw_sha256_of(a, MILLION, again);
    CHECK_STR(sum, again);
    CHECK_REFUSED(cw_sha256_file(in_dir("absent"), sum, &err), &err, "absent", "No such file");
    /* the plain twin: the same state after the same blocks */
    struct cw_sha256 fast;
    cw_sha256_start(&fast);
    uint32_t plain[8];
    memcpy(plain, fast.h, sizeof plain);
    cw_sha256_add(&fast, a, 64 * 1000);
    cw_sha256_blocks_plain(plain, (const unsigned char *)a, 1000);
    CHECK(memcmp(plain, fast.h, sizeof plain) == 0);
    free(a);
}

static void test_philox(void) {
    /* the known answers that Random123 publishes for philox4x32, 10 rounds */
    static const struct {
        uint64_t key, hi, lo;
        uint32_t out[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        cw_philox(known[i].key, known[i].hi, known[i].lo, out);
        CHECKF(memcmp(out, known[i].out, sizeof out) == 0, "vector %zu: %08x %08x %08x %08x", i, out[0], out[1], out[2], out[3]);
    }
}

static void test_gauss(void) {
    enum { N = 1 << 20 };
    float *z = malloc(N * sizeof *z), *other = malloc(N * sizeof *other);
    if (!CHECK(z && other))
        goto done;
    uint64_t key = cw_test_seed();
    cw_gauss(key, 1, 0, N, z);
    cw_gauss(key, 2, 0, N, other);
    double sum[5] = {0}, cross = 0, lag = 0;
    int beyond = 0;
    for (int i = 0; i < N; i++) {
        double x = (double)z[i], p = 1;
        for (int k = 0; k < 5; k++, p *= x)
            sum[k] += p;
        cross += x * (double)other[i];
        lag += i > 0 ? x * (double)z[i - 1] : 0;
        beyond += fabs(x) > 3;
        CHECKF(isfinite(x) && fabs(x) < 7, "element %d is %g", i, x) || (i = N);
    }
    double n = N, sigma = 1 / sqrt(n); /* five standard errors, each */
    CHECKF(fabs(sum[1] / n) < 5 * sigma, "mean %g", sum[1] / n);
    CHECKF(fabs(sum[2] / n - 1) < 5 * sigma * sqrt(2), "variance %g", sum[2] / n);
    CHECKF(fabs(sum[3] / n) < 5 * sigma * sqrt(15), "third moment %g", sum[3] / n);
    CHECKF(fabs(sum[4] / n - 3) < 5 * sigma * sqrt(96), "fourth moment %g", sum[4] / n);
    CHECKF(fabs(cross / n) < 5 * sigma && fabs(lag / n) < 5 * sigma, "correlations %g %g", cross / n, lag / n);
    CHECKF(fabs(beyond - 0.0026998 * n) < 5 * sqrt(0.0026998 * n), "%d beyond three sigma", beyond);
    /* element i is the same whoever asks, in whatever pieces */
    for (size_t first = 0, step = 1; first < 4096; first += step, step = step % 13 + 1) {
        float piece[16];
        cw_gauss(key, 1, first, step, piece);
        CHECKF(memcmp(piece, z + first, step * sizeof *z) == 0, "elements %zu + %zu", first, step);
    }
    float far[2], same[8];
    cw_gauss(key, 1, UINT64_C(1) << 40, 8, same);
    cw_gauss(key, 1, (UINT64_C(1) << 40) + 5, 2, far);
    CHECK(memcmp(far, same + 5, sizeof far) == 0);
    cw_gauss(key + 1, 1, 0, 8, same);
    CHECK(memcmp(same, z, sizeof same) != 0);
    cw_gauss(key, 1, 0, 0, NULL);
done:
    free(z);
    free(other);
}

static void test_write(void) {
    struct cw_error err = {0};
    char temp[CW_PATH_MAX], *data = NULL;
    size_t len = 0;
    const char *path = in_dir("episode.v2.mp3");
    CHECK(cw_file_write(path, "old", 3, &err) == 0 && cw_file_write(path, "newer", 5, &err) == 0);
    CHECK(cw_file_read(path, 100, &data, &len, &err) == 0 && len == 5 && strcmp(data, "newer") == 0);
    free(data);
    CHECK(count_names(cw_test_dir()) == 1);
    CHECK(cw_file_begin(path, temp, &err) == 0);
    CHECK(strcmp(temp + strlen(temp) - 4, ".mp3") == 0 && strstr(temp, "/.episode.v2.") && strstr(temp, ".tmp."));
    CHECK(count_names(cw_test_dir()) == 2);
    cw_file_discard(temp);
    CHECK(count_names(cw_test_dir()) == 1);
    CHECK(cw_file_begin(path, temp, &err) == 0 && cw_file_commit(temp, path, &err) == 0);
    CHECK(count_names(cw_test_dir()) == 1);
    CHECK(cw_file_read(path, 100, &data, &len, &err) == 0 && len == 0);
    free(data);
    CHECK(cw_file_write(in_dir("empty"), NULL, 0, &err) == 0 && cw_file_exists(in_dir("empty")));
    CHECK_REFUSED(cw_file_write(in_dir("no/such/x.txt"), "a", 1, &err), &err, "no/such/x.txt", "No such file");
    CHECK_REFUSED(cw_file_write(in_dir("empty/x.txt"), "a", 1, &err), &err, "empty/x.txt", "Not a directory");
    CHECK_REFUSED(cw_file_write("/proc/x.txt", "a", 1, &err), &err, "/proc/x.txt");
    CHECK_REFUSED(cw_file_write(in_dir(""), "a", 1, &err), &err, "expected the name of a file");
    CHECK_REFUSED(cw_file_write(in_dir("."), "a", 1, &err), &err, "expected the name of a file");
    CHECK(mkdir(in_dir("folder"), 0777) == 0);
    CHECK_REFUSED(cw_file_write(in_dir("folder"), "a", 1, &err), &err, "folder", "directory");
    CHECK(count_names(cw_test_dir()) == 3);
}

/* A disk that is full: the kernel refuses the bytes beyond a limit, the old file stays and no temporary is left. */
static void test_full_disk(void) {
    struct cw_error err = {0};
    const char *path = in_dir("turn.wav");
    CHECK(cw_file_write(path, "whole", 5, &err) == 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        static char big[100000];
        struct rlimit limit = {50000, 50000};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(99);
        bool refused = cw_file_write(path, big, sizeof big, &err) == -1 && err.code == CW_FAILED &&
                       strstr(err.text, "turn.wav: cannot write: File too large");
        _exit(refused ? 42 : 1);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42);
    char *data = NULL;
    size_t len = 0;
    CHECK(cw_file_read(path, 100, &data, &len, &err) == 0 && len == 5);
    free(data);
    CHECK(count_names(cw_test_dir()) == 1);
}

static void test_read(void) {
    struct cw_error err = {0};
    char *data = NULL;
    size_t len = 0;
    CHECK(cw_file_write(in_dir("ten"), "0123456789", 10, &err) == 0);
    CHECK(cw_file_read(in_dir("ten"), 10, &data, &len, &err) == 0 && len == 10 && data[10] == '\0');
    free(data);
    CHECK_REFUSED(cw_file_read(in_dir("ten"), 9, &data, &len, &err), &err, "ten", "at most 9 bytes", "10");
    CHECK_REFUSED(cw_file_read(in_dir("absent"), 9, &data, &len, &err), &err, "absent", "No such file");
    CHECK(err.code == CW_BAD_INPUT);
    CHECK_REFUSED(cw_file_read(cw_test_dir(), 9, &data, &len, &err), &err, "s a directory");
    CHECK_REFUSED(cw_file_read("/dev/zero", 100000, &data, &len, &err), &err, "/dev/zero", "at most 100000 bytes");
    CHECK(cw_file_read("/proc/self/stat", 100000, &data, &len, &err) == 0 && len > 10); /* a file that says it is empty */
    free(data);
    struct cw_map map;
    CHECK(cw_map_open(&map, in_dir("ten"), &err) == 0 && map.len == 10 && memcmp(map.data, "0123456789", 10) == 0);
    cw_map_close(&map);
    CHECK(map.data == NULL);
    CHECK(cw_file_write(in_dir("none"), "", 0, &err) == 0 && cw_map_open(&map, in_dir("none"), &err) == 0 && map.len == 0);
    cw_map_close(&map);
    CHECK_REFUSED(cw_map_open(&map, cw_test_dir(), &err), &err, "expected a file, found a folder");
    CHECK_REFUSED(cw_map_open(&map, in_dir("absent"), &err), &err, "absent");
}

static void test_folders(void) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX], *kept = getenv("CASTWRIGHT_MODELS");
    CHECK(cw_dir_make(in_dir("a/b//c"), &err) == 0 && cw_dir_make(in_dir("a/b/c"), &err) == 0 && cw_file_exists(in_dir("a/b/c")));
    CHECK(cw_file_write(in_dir("a/file"), "x", 1, &err) == 0);
    CHECK_REFUSED(cw_dir_make(in_dir("a/file/d"), &err), &err, "a/file", "Not a directory");
    CHECK_REFUSED(cw_dir_make("", &err), &err, "folder");
    CHECK(cw_path_join(path, "/x/", "y", &err) == 0);
    CHECK_STR(path, "/x/y");
    CHECK(cw_path_join(path, "x", "y", &err) == 0);
    CHECK_STR(path, "x/y");
    char *big = malloc(5000);
    if (CHECK(big != NULL)) {
        memset(big, 'x', 4999);
        big[4999] = '\0';
        CHECK_REFUSED(cw_path_join(path, big, "y", &err), &err, "longer than");
        CHECK_REFUSED(cw_dir_make(big, &err), &err, "4095");
        CHECK_REFUSED(cw_file_write(big, "x", 1, &err), &err, "longer than");
    }
    free(big);
    kept = kept ? cw_strdup(kept) : NULL;
    setenv("CASTWRIGHT_MODELS", "/some/where", 1);
    CHECK(cw_models_dir(path, &err) == 0);
    CHECK_STR(path, "/some/where");
    unsetenv("CASTWRIGHT_MODELS");
    CHECK(cw_models_dir(path, &err) == 0 && strstr(path, "/.cache/castwright/models"));
    if (kept)
        setenv("CASTWRIGHT_MODELS", kept, 1);
    free(kept);
}

static void test_lock(void) {
    struct cw_error err = {0};
    struct cw_lock mine, other, zeroed = {0};
    char me[32];
    cw_lock_release(&zeroed); /* never held: standard input stays open */
    CHECK(zeroed.fd == -1);
    CHECK(cw_lock_take(&mine, cw_test_dir(), &err) == 0);
    snprintf(me, sizeof me, "(pid %ld)", (long)getpid());
    CHECK_REFUSED(cw_lock_take(&other, cw_test_dir(), &err), &err, "output folder", cw_test_dir(), "in use by another run", me);
    CHECK(other.fd == -1 && err.code == CW_FAILED);
    cw_lock_release(&mine);
    CHECK(count_names(cw_test_dir()) == 0);
    /* a holder that is killed lets go */
    int ready[2];
    if (!CHECK(pipe(ready) == 0))
        return;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        bool held = cw_lock_take(&mine, cw_test_dir(), &err) == 0;
        if (write(ready[1], held ? "y" : "n", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char answer = 0;
    CHECK(read(ready[0], &answer, 1) == 1 && answer == 'y');
    snprintf(me, sizeof me, "(pid %ld)", (long)pid);
    CHECK_REFUSED(cw_lock_take(&other, cw_test_dir(), &err), &err, "in use", me);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CHECK(cw_lock_take(&other, cw_test_dir(), &err) == 0);
    cw_lock_release(&other);
    close(ready[0]);
    close(ready[1]);
    CHECK_REFUSED(cw_lock_take(&other, in_dir("absent"), &err), &err, "absent");
}

static void test_sweep(void) {
    struct cw_error err = {0};
    char temp[CW_PATH_MAX];
    CHECK(count_names(cw_test_dir()) == 0);
    fflush(NULL);
    pid_t pid = fork(); /* begins a file and is killed before it ends it */
    if (pid == 0) {
        if (cw_file_begin(in_dir("turn.0001.wav"), temp, &err) == 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    CHECK(count_names(cw_test_dir()) == 1);
    CHECK(cw_file_begin(in_dir("turn.0002.wav"), temp, &err) == 0); /* ours, and we live */
    CHECK(cw_file_write(in_dir(".notes.tmp.txt"), "x", 1, &err) == 0 && cw_file_write(in_dir("a.12-3.tmp"), "x", 1, &err) == 0);
    CHECK(count_names(cw_test_dir()) == 4);
    cw_dir_sweep(cw_test_dir());
    CHECK(count_names(cw_test_dir()) == 3 && cw_file_exists(temp) && cw_file_exists(in_dir(".notes.tmp.txt")));
    cw_file_discard(temp);
}

static void test_clocks(void) {
    double wall = cw_seconds(), cpu = cw_cpu_seconds();
    usleep(20000);
    CHECK(cw_seconds() - wall >= 0.02 && cw_seconds() - wall < 5);
    CHECK(cw_cpu_seconds() >= cpu);
    CHECK(cw_peak_rss_kib() > 500);
}

const struct cw_test cw_tests_base[] = {
    {"base.errors", "an error is one clean line of UTF-8, however it was made", test_errors},
    {"base.text", "growable text holds what was added and remembers a failure", test_text},
    {"base.utf8", "overlong, cut and surrogate sequences are refused where they begin", test_utf8},
    {"base.numbers", "a number is the whole string, finite and in range", test_numbers},
    {"base.sha256", "FIPS examples; any cutting gives the same sum; plain C and the CPU's instructions agree", test_sha256},
    {"base.philox", "Random123's known answers", test_philox},
    {"base.gauss", "normal to the fourth moment, and element i is the same in any pieces", test_gauss},
    {"base.write", "a file is whole or not there, and no temporary stays", test_write},
    {"base.full_disk", "a write that the disk refuses leaves the old file and no temporary", test_full_disk},
    {"base.read", "files are read up to a limit; folders, devices and absent files are refused by name", test_read},
    {"base.folders", "folders with parents, joined paths, the models folder", test_folders},
    {"base.lock", "one run in a folder; the refusal names the holder; a killed holder lets go", test_lock},
    {"base.sweep", "temporaries of killed runs are removed, nothing else", test_sweep},
    {"base.clocks", "wall time, CPU time and peak memory are measured", test_clocks},
    {0},
};
