/* Runs the program as a user would. */
#include "tests/test_program.h"
#include "tests/test.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void said_path(char to[CW_PATH_MAX]) {
    snprintf(to, CW_PATH_MAX, "%s/said", cw_test_dir());
}

pid_t test_program_start(const char *const *args) {
    char to[CW_PATH_MAX];
    const char *argv[40] = {CW_PROGRAM};
    int n = 1;
    for (; args[n - 1] != NULL && n < 39; n++)
        argv[n] = args[n - 1];
    said_path(to);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen(to, "w", stdout) || !freopen("/dev/null", "r", stdin) || dup2(1, 2) < 0 || chdir(cw_test_dir()) != 0)
            _exit(99);
        execv(CW_PROGRAM, (char *const *)(uintptr_t)argv);
        _exit(98);
    }
    return pid;
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
