/* Runs the program as a user would. */
#include "tests/test_program.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void said_path(char to[CW_PATH_MAX]) {
    snprintf(to, CW_PATH_MAX, "%s/said", cw_test_dir());
}

/* `in`: what it reads. */
static pid_t start(const char *const *args, const char *in) {
    char to[CW_PATH_MAX];
    const char *argv[40] = {CW_PROGRAM};
    int n = 1;
    for (; args[n - 1] != NULL && n < 39; n++)
        argv[n] = args[n - 1];
    said_path(to);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen(to, "w", stdout) || !freopen(in, "r", stdin) || dup2(1, 2) < 0 || chdir(cw_test_dir()) != 0)
            _exit(99);
        execv(CW_PROGRAM, (char *const *)(uintptr_t)argv);
        _exit(98);
    }
    return pid;
}

pid_t test_program_start(const char *const *args) {
    return start(args, "/dev/null");
}

int test_program_end(pid_t pid, char *said, size_t size) {
    char to[CW_PATH_MAX];
    int status = 0;
    said_path(to);
    waitpid(pid, &status, 0);
    FILE *f = fopen(to, "rb");
    size_t got = f ? fread(said, 1, size - 1, f) : 0;
    said[got] = '\0';
    if (f)
        fclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int test_program_run(const char *const *args, char *said, size_t size) {
    return test_program_end(test_program_start(args), said, size);
}

int test_program_typed(const char *const *args, const char *typed, char *said, size_t size) {
    static const char end[] = "\4\4"; /* Ctrl-D, for a program that asks again too */
    char name[64] = "";
    int code = -1, slave = -1, master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    said[0] = '\0';
    if (!CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0))
        goto done;
    slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC); /* held open: what is typed before the program reads is kept */
    const ssize_t n = (ssize_t)strlen(typed);
    if (!CHECK(slave >= 0 && write(master, typed, (size_t)n) == n && write(master, end, sizeof end - 1) == sizeof end - 1))
        goto done;
    code = test_program_end(start(args, name), said, size);
done:
    if (slave >= 0)
        close(slave);
    if (master >= 0)
        close(master);
    return code;
}

const char *test_program_model(void) {
    static char path[CW_PATH_MAX];
    char dir[CW_PATH_MAX];
    struct cw_error err = {0};
    if (cw_models_dir(dir, &err) == 0 && cw_path_join(path, dir, "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", &err) == 0 &&
        cw_file_exists(path))
        return path;
    cw_test_skip("the small language model is not there: castwright models fetch --tests");
    return NULL;
}
