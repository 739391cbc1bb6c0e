/* models list|fetch|verify|convert|import */
#include "cli/cli.h"
#include "models/catalogue.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

static const char *state_name(enum cw_model_state s) {
    return s == CW_MODEL_PRESENT ? "present" : s == CW_MODEL_WRONG ? "WRONG" : "missing";
}

static const char *group_name(enum cw_model_group g) {
    return g == CW_MODEL_GROUP_EPISODE ? "episode" : g == CW_MODEL_GROUP_TEST ? "test" : "extra";
}

/* Of one that the user brought the table knows no size. */
static double size_of(const struct cw_model *m) {
    char path[CW_PATH_MAX];
    struct stat st;
    struct cw_error ignored = {0};
    return m->size == 0 && cw_model_path(m->name, path, &ignored) == 0 && stat(path, &st) == 0 ? (double)st.st_size : (double)m->size;
}

static int list(bool json) {
    size_t count;
    const struct cw_model *m = cw_models(&count);
    json_t *all = json ? json_array() : NULL;
    if (!json)
        printf("%-20s %-8s %-8s %9s  %-24s %s\n", "NAME", "STATE", "FOR", "MB", "LICENCE", "WHAT");
    for (size_t i = 0; i < count; i++) {
        const char *state = state_name(cw_model_look(&m[i]));
        if (json)
            json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:I, s:s?, s:s, s:s}", "name", m[i].name, "file", m[i].file, "state",
                                                 state, "group", group_name(m[i].group), "size", (json_int_t)size_of(&m[i]), "sha256",
                                                 m[i].sha256, "licence", m[i].licence, "what", m[i].what));
        else
            printf("%-20s %-8s %-8s %9.1f  %-24s %s\n", m[i].name, state, group_name(m[i].group), size_of(&m[i]) / 1e6, m[i].licence,
                   m[i].what);
    }
    if (json) {
        json_dumpf(all, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(all);
    } else {
        char dir[CW_PATH_MAX];
        struct cw_error err = {0};
        if (cw_models_dir(dir, &err) == 0)
            printf("\nin %s\n", dir);
    }
    return 0;
}

static void report(void *arg, const char *model, const char *step, double fraction) {
    static char last[128];
    (void)arg;
    if (isatty(STDERR_FILENO)) {
        if (fraction >= 0)
            fprintf(stderr, "\r%-20s %s %3.0f %%\033[K", model, step, fraction * 100);
        else
            fprintf(stderr, "\r%-20s %s\033[K", model, step);
        return;
    }
    char now[128];
    snprintf(now, sizeof now, "%s: %s", model, step);
    if (strcmp(now, last) != 0)
        fprintf(stderr, "%s\n", now);
    memcpy(last, now, sizeof last);
}

/* A checkpoint that the user brings; whose it is, and under which terms, is said. */
static int import(const struct cli_command *c, const char *source, struct cw_import_params p) {
    struct cw_error err = {0};
    struct cw_imported made;
    if (cw_model_import(source, p, &made, &err) != 0)
        return cli_error(c, &err);
    printf("%s\n%s: %s, licence: %s\n%s\n", made.path, made.model->name, made.name, made.licence[0] ? made.licence : "not said",
           made.terms);
    return 0;
}

int cli_models(const struct cli_command *c, int argc, char **argv) {
    bool json = false, tests = false, all = false;
    struct cw_import_params given = {0};
    const struct cli_option options[] = {
        {"--tests", NULL, "fetch: what the tests need as well", CLI_FLAG, &tests, 0, 0},
        {"--all", NULL, "fetch: everything in the list", CLI_FLAG, &all, 0, 0},
        {"--variant", "v0|v1", "import: of an F5-TTS whose path does not say it", CLI_TEXT, &given.variant, 0, 0},
        {"--licence", "ID", "import: as its publisher says; else what the checkpoint or a LICENSE beside it says", CLI_TEXT, &given.licence,
         0, 0},
        {"--licence-file", "FILE", "import: the licence's text, kept with the model", CLI_TEXT, &given.licence_file, 0, 0},
        {"--replace", NULL, "import: in the place of the one that is there", CLI_FLAG, &given.replace, 0, 0},
        {"--json", NULL, "list: for programs", CLI_FLAG, &json, 0, 0},
        {0}};
    const char *args[32];
    int count, code = cli_parse(c, options, argc, argv, args, 32, &count);
    if (code >= 0)
        return code;
    if (count == 0)
        return cli_usage(c, "expected list, fetch, verify, convert or import");
    struct cw_error err = {0};
    if (strcmp(args[0], "list") == 0)
        return count == 1 ? list(json) : cli_usage(c, "list takes no names");
    if (strcmp(args[0], "convert") == 0) {
        if (count != 3)
            return cli_usage(c, "expected: convert IN OUT.gguf");
        if (cw_model_convert(args[1], args[2], &err) != 0)
            return cli_error(c, &err);
        printf("%s\n", args[2]);
        return 0;
    }
    if (strcmp(args[0], "import") == 0) {
        if (given.variant && strcmp(given.variant, "v0") != 0 && strcmp(given.variant, "v1") != 0)
            return cli_usage(c, "--variant: expected v0 or v1, found \"%s\"", given.variant);
        return count == 2 ? import(c, args[1], given) : cli_usage(c, "expected: import CHECKPOINT");
    }
    bool fetch = strcmp(args[0], "fetch") == 0;
    if (!fetch && strcmp(args[0], "verify") != 0)
        return cli_usage(c, "unknown action \"%s\"; expected list, fetch, verify, convert or import", args[0]);
    for (int i = 1; i < count; i++)
        if (!cw_model_find(args[i]))
            return cli_usage(c, "unknown model \"%s\"; castwright models list shows the names", args[i]);
    size_t n;
    const struct cw_model *m = cw_models(&n);
    int worst = 0, seen = 0;
    for (size_t i = 0; i < n; i++) {
        bool wanted = false;
        for (int k = 1; k < count; k++)
            wanted |= strcmp(args[k], m[i].name) == 0;
        if (count == 1 && fetch)
            wanted = (all && !m[i].shipped && (!m[i].converted || m[i].from)) || m[i].group == CW_MODEL_GROUP_EPISODE ||
                     (tests && m[i].group == CW_MODEL_GROUP_TEST);
        else if (count == 1)
            wanted = cw_model_look(&m[i]) != CW_MODEL_MISSING;
        if (!wanted)
            continue;
        seen++;
        struct cw_fetch_progress progress = {.report = report};
        bool already = fetch && cw_model_look(&m[i]) == CW_MODEL_PRESENT;
        int failed = fetch ? cw_model_fetch(&m[i], &progress, &err) : cw_model_verify(&m[i], &err);
        if (isatty(STDERR_FILENO))
            fputs("\r\033[K", stderr);
        if (failed) {
            worst = cli_error(c, &err);
            if (fetch)
                return worst;
        } else if (!already)
            printf("%-20s %s\n", m[i].name, fetch ? "ready" : "right");
    }
    if (!fetch && !seen) {
        cw_fail(&err, CW_NO_MODEL, "no models here; run: castwright models fetch");
        return cli_error(c, &err);
    }
    return worst;
}
