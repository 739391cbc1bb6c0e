/* voices, doctor: what there is, what is missing. */
#include "cli/cli.h"
#include "kernels/kernels.h"
#include "models/catalogue.h"
#include "voices/voices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

int cli_voices(const struct cli_command *c, int argc, char **argv) {
    bool json = false;
    const struct cli_option options[] = {{"--json", NULL, "for programs", CLI_FLAG, &json, 0, 0}, {0}};
    const char *action = NULL;
    int count, code = cli_parse(c, options, argc, argv, &action, 1, &count);
    if (code >= 0)
        return code;
    if (count != 1 || strcmp(action, "list") != 0)
        return cli_usage(c, "expected: list");
    struct cw_error err = {0};
    struct cw_voice_info *list = NULL;
    size_t n = 0;
    char dir[CW_PATH_MAX];
    if (cw_model_path("voices", dir, &err) != 0 || cw_voices_list(dir, &list, &n, &err) != 0)
        return cli_error(c, &err);
    json_t *all = json ? json_array() : NULL;
    if (!json)
        printf("%-16s %-8s %-22s %-8s %s\n", "VOICE", "CODE", "LANGUAGE", "GENDER", "SPEAKS NOW");
    for (size_t i = 0; i < n; i++) {
        if (json)
            json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", list[i].name, "language", list[i].language,
                                                 "language_name", list[i].language_name, "gender", list[i].gender, "speaks",
                                                 list[i].has_front_end));
        else
            printf("%-16s %-8s %-22s %-8s %s\n", list[i].name, list[i].language, list[i].language_name, list[i].gender,
                   list[i].has_front_end ? "yes" : "no front end for this language yet");
    }
    if (json) {
        json_dumpf(all, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(all);
    } else
        printf("\nMix them with weights: \"af_heart*0.6 + af_bella*0.4\"\n");
    free(list);
    return 0;
}

int cli_doctor(const struct cli_command *c, int argc, char **argv) {
    const struct cli_option options[] = {{0}};
    const char *none = NULL;
    int count, code = cli_parse(c, options, argc, argv, &none, 0, &count);
    if (code >= 0)
        return code;
    struct cw_error err = {0};
    struct cw_device *d = NULL;
    code = 0;
    printf("castwright %s\n\nprocessor\n", CW_VERSION);
    if (cw_device_open(&d, cw_device_params_default(), &err) != 0)
        return cli_error(c, &err);
    printf("  threads             %d\n  kernels used        %s\n  kernels possible   ", cw_device_threads(d), cw_device_isa(d));
    for (const char *const *isa = cw_device_isas(); *isa; isa++)
        printf(" %s", *isa);
    printf("\n");
    if (cw_device_note())
        printf("  note                %s\n", cw_device_note());
    cw_device_close(d);
    char dir[CW_PATH_MAX];
    if (cw_models_dir(dir, &err) != 0)
        return cli_error(c, &err);
    printf("\nmodels in %s\n", dir);
    size_t n;
    const struct cw_model *m = cw_models(&n);
    for (size_t i = 0; i < n; i++) {
        enum cw_model_state s = cw_model_look(&m[i]);
        if (m[i].group != CW_MODEL_GROUP_EPISODE && s == CW_MODEL_MISSING)
            continue;
        printf("  %-19s %s\n", m[i].name,
               s == CW_MODEL_PRESENT ? "ok"
               : s == CW_MODEL_WRONG ? "wrong size or content: castwright models verify"
                                     : "MISSING: castwright models fetch");
        if (s != CW_MODEL_PRESENT)
            code = CW_NO_MODEL;
    }
    printf("\nsound\n");
    const char *device = cw_play_device(&err);
    if (device)
        printf("  output device       %s\n", device);
    else
        printf("  output device       none (%s); files are made all the same\n", err.text);
    printf("\n%s\n", code ? "something is missing, see above" : "all is there: castwright make \"a topic\"");
    return code;
}
