/* The test binary: every room's table in one run.
 *   tests [--list] [--filter TEXT] [--seed N] [--no-skips]
 * The last line reads "N passed, N failed" (and ", N skipped" when there were any). */
#include "tests/test.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
#define ROOMS(X) \
    X(base) X(models) X(kernels) X(kernels_rows) X(kernels16) X(backward) X(packed) X(hot) X(normalise) X(speech) \
    X(pronounce) X(kokoro) X(vocoder) X(mel) X(hifigan) X(vocos) X(f5) X(melnet) X(script) X(source) X(writer) X(remote) \
    X(direction) X(hostile) X(cost) X(encoder) X(enrol) X(train) X(clone) X(voices) X(consent) X(shown) X(master) X(player) X(publish) \
    X(episode) X(cli)
/* clang-format on */
#define DECLARE(room) extern const struct cw_test cw_tests_##room[];
ROOMS(DECLARE)
#define ADDRESS(room) cw_tests_##room,
static const struct cw_test *const tables[] = {ROOMS(ADDRESS)};

static int checks, failures;
static const char *skipped;
static uint64_t seed = 20261122;
static char dir[CW_PATH_MAX];

bool cw_test_check(bool ok, const char *file, int line, const char *format, ...) {
    checks++;
    if (ok)
        return true;
    if (++failures <= 20) {
        va_list ap;
        va_start(ap, format);
        printf("    %s:%d: ", file, line);
        vprintf(format, ap);
        putchar('\n');
        va_end(ap);
    }
    return false;
}

bool cw_test_check_str(const char *got, const char *want, const char *file, int line) {
    bool ok = got && want && strcmp(got, want) == 0;
    return cw_test_check(ok, file, line, "got \"%s\", want \"%s\"", got ? got : "(null)", want ? want : "(null)");
}

bool cw_test_check_refused(int result, const struct cw_error *err, const char *file, int line, const char *const *pieces) {
    if (!cw_test_check(result == -1, file, line, "was accepted; expected a refusal"))
        return false;
    for (; *pieces; pieces++)
        if (!cw_test_check(strstr(err->text, *pieces) != NULL, file, line, "the message \"%s\" does not say \"%s\"", err->text, *pieces))
            return false;
    return cw_test_check(!strchr(err->text, '\n'), file, line, "the message has several lines");
}

void cw_test_skip(const char *why) {
    skipped = why;
}

uint64_t cw_test_seed(void) {
    return seed;
}

const char *cw_test_data(const char *name) {
    static char path[CW_PATH_MAX];
    snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : CW_TEST_DATA, name[0] == '/' ? "" : "/", name);
    return path;
}

static void remove_tree(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        unlink(path);
        return;
    }
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char sub[CW_PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) < (int)sizeof sub)
            remove_tree(sub);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

const char *cw_test_dir(void) {
    if (!dir[0]) {
        const char *tmp = getenv("TMPDIR");
        snprintf(dir, sizeof dir, "%s/castwright-test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
        if (!mkdtemp(dir)) {
            perror(dir);
            exit(1);
        }
    }
    return dir;
}

int main(int argc, char **argv) {
    const char *filter = NULL;
    bool list = false, no_skips = getenv("CI") != NULL;
    for (int i = 1; i < argc; i++) {
        long n;
        if (strcmp(argv[i], "--list") == 0)
            list = true;
        else if (strcmp(argv[i], "--no-skips") == 0)
            no_skips = true;
        else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
            filter = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc && cw_parse_int(argv[i + 1], 0, 1L << 62, &n)) {
            seed = (uint64_t)n;
            i++;
        } else {
            fprintf(stderr, "usage: tests [--list] [--filter TEXT] [--seed N] [--no-skips]\n");
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CASTWRIGHT_VOICES", "/nowhere/voices", 1); /* not those of whoever runs the tests */
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    int passed = 0, failed = 0, skips = 0;
    if (!list)
        printf("seed %llu\n", (unsigned long long)seed);
    for (size_t r = 0; r < sizeof tables / sizeof *tables; r++)
        for (const struct cw_test *t = tables[r]; t->name; t++) {
            if (filter && !strstr(t->name, filter))
                continue;
            if (list) {
                printf("%-40s %s\n", t->name, t->shows);
                continue;
            }
            checks = failures = 0;
            skipped = NULL;
            double begin = cw_seconds();
            t->run();
            double seconds = cw_seconds() - begin;
            if (dir[0]) {
                remove_tree(dir);
                dir[0] = '\0';
            }
            if (skipped && !failures && !no_skips) {
                skips++;
                printf("skip  %-40s %s\n", t->name, skipped);
            } else if (failures || skipped || !checks) {
                failed++;
                printf("FAIL  %-40s %s%s\n", t->name,
                       skipped  ? skipped
                       : checks ? t->shows
                                : "made no checks",
                       skipped ? " (skips are refused)" : "");
            } else {
                passed++;
                printf("ok    %-40s %5.1f s  %d checks\n", t->name, seconds, checks);
            }
        }
    if (list)
        return 0;
    if (skips)
        printf("%d passed, %d failed, %d skipped\n", passed, failed, skips);
    else
        printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
