#include "tests/test_house.h"

#include "models/catalogue.h"
#include "tests/test.h"
#include "tests/test_program.h"
#include "tests/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char installed[CW_PATH_MAX], *kept_models;

const char *test_house_path(const char *name) {
    static char path[4][CW_PATH_MAX];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], CW_PATH_MAX, "%s/%s", cw_test_dir(), name);
    return path[turn];
}

static bool put_link(const char *path) {
    char link[CW_PATH_MAX];
    snprintf(link, sizeof link, "%.2000s/models/%.2000s", cw_test_dir(), strrchr(path, '/') + 1);
    return CHECK(symlink(path, link) == 0);
}

bool test_house_link(const char *model) {
    char path[CW_PATH_MAX];
    const struct cw_model *m = cw_model_find(model);
    if (!CHECKF(m != NULL, "%s", model))
        return false;
    snprintf(path, sizeof path, "%.2000s/%.200s", installed, m->file);
    if (path[strlen(path) - 1] == '/')
        path[strlen(path) - 1] = '\0';
    if (access(path, F_OK) != 0) {
        cw_test_skip("a model is not there: castwright models fetch --tests");
        return false;
    }
    return put_link(path);
}

bool test_house_enter(const char *more) {
    const char *const models[] = {"kokoro", "voices", "lexicon", "ge2e", more};
    static const char *const made[] = {"kokoro.gguf.sha256", "packed", "heard"}; /* once on a machine */
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    if (cw_models_dir(installed, &err) != 0 || !CHECK(!cw_dir_make(test_house_path("models"), &err)))
        return false;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (models[i] && !test_house_link(models[i]))
            return false;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(path, sizeof path, "%.2000s/%s", installed, made[i]);
        if (access(path, F_OK) == 0 && !put_link(path))
            return false;
    }
    const char *before = getenv("CASTWRIGHT_MODELS");
    kept_models = before ? cw_strdup(before) : NULL;
    setenv("CASTWRIGHT_MODELS", test_house_path("models"), 1);
    setenv("CASTWRIGHT_VOICES", test_house_path("voices"), 1);
    setenv("CASTWRIGHT_CONFIG", test_house_path("config"), 1);
    return true;
}

void test_house_leave(void) {
    kept_models ? setenv("CASTWRIGHT_MODELS", kept_models, 1) : unsetenv("CASTWRIGHT_MODELS");
    setenv("CASTWRIGHT_VOICES", "/nowhere/voices", 1);
    setenv("CASTWRIGHT_CONFIG", "/dev/null/config", 1);
    free(kept_models);
    kept_models = NULL;
}

bool test_house_same(const char *a, const char *b) {
    char sums[2][65] = {"a", "b"};
    struct cw_error err = {0};
    return CHECKF(!cw_sha256_file(test_house_path(a), sums[0], &err) && !cw_sha256_file(test_house_path(b), sums[1], &err), "%s",
                  err.text) &&
           strcmp(sums[0], sums[1]) == 0;
}

json_t *test_house_manifest(const char *folder) {
    char path[CW_PATH_MAX], *text = NULL;
    struct cw_error err = {0};
    size_t len = 0;
    snprintf(path, sizeof path, "%s/manifest.json", test_house_path(folder));
    if (!CHECKF(!cw_file_read(path, 1 << 20, &text, &len, &err), "%s", err.text))
        return NULL;
    json_t *root = json_loadb(text, len, 0, NULL);
    free(text);
    return root;
}

const char *test_house_string(const json_t *list, size_t i, const char *key) {
    const char *s = json_string_value(json_object_get(json_array_get(list, i), key));
    return s ? s : "";
}

void test_house_make(const char *engine, const char *steps, char *said, size_t size) {
    char url[80];
    struct test_server *server = test_server_start_writer();
    if (!CHECK(server != NULL))
        return;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", test_server_port(server));
    const char *const args[] = {"make",
                                "How bees find home",
                                "--minutes",
                                "0.5",
                                "--endpoint",
                                url,
                                "--llm-name",
                                "rote",
                                "--engine",
                                engine,
                                "--cast",
                                "Ann=af_heart,Bob=am_michael",
                                "-o",
                                "made",
                                steps ? "--steps" : NULL,
                                steps,
                                NULL};
    if (CHECKF(test_program_run(args, said, size) == 0, "%s", said)) {
        json_t *root = test_house_manifest("made");
        const json_t *voices = json_object_get(root, "voices");
        CHECK(json_array_size(voices) == 2 && json_array_size(json_object_get(root, "turns")) > 3);
        CHECK_STR(test_house_string(voices, 0, "engine"), engine);
        CHECK_STR(test_house_string(voices, 1, "engine"), engine);
        json_decref(root);
    }
    test_server_stop(server);
}
