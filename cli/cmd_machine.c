/* doctor: what there is, what is missing. */
#include "cli/cli.h"
#include "kernels/kernels.h"
#include "models/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

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
