/* What the consent check hears. Lines of the standard input: "say RECORDING<tab>TEXT<tab>CODE_WORDS" (are these the words?) or
 * "embed RECORDING" (who speaks?). bench/consent.py makes them and counts. */
#include "models/catalogue.h"
#include "voices/encoder.h"
#include "voices/recording.h"
#include "voices/spoken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int say(char *line, struct cw_error *err) {
    char *path = strsep(&line, "\t"), *text = strsep(&line, "\t"), *count = strsep(&line, "\t");
    long codes = 0;
    struct cw_recording r = {0};
    struct cw_spoken s;
    if (!path || !text || !count || !cw_parse_int(count, 0, 100, &codes))
        return cw_fail(err, CW_BAD_INPUT, "expected RECORDING<tab>TEXT<tab>CODE_WORDS");
    double from = cw_cpu_seconds();
    int result = cw_recording_read(&r, path, err) != 0 ? -1 : cw_spoken_listen(&s, r.samples, r.count, r.rate, text, (int)codes, err);
    if (result == 0)
        printf("say\t%s\t%d\t%d\t%d\t%d\t%s\t%.1f s of %.1f s\t%s\n", path, s.right, s.words, s.code_right, s.code_words,
               cw_spoken_right(&s) ? "accepted" : "refused", cw_cpu_seconds() - from, (double)r.count / r.rate, s.heard);
    cw_recording_free(&r);
    return result;
}

static int embed(const struct cw_encoder *e, const char *path, struct cw_error *err) {
    struct cw_recording r = {0};
    float x[CW_EMBEDDING];
    int result = cw_recording_read(&r, path, err) != 0 ? -1 : cw_encoder_listen(e, r.samples, r.count, r.rate, x, err);
    if (result == 0) {
        printf("embed\t%s\t", path);
        for (int i = 0; i < CW_EMBEDDING; i++)
            printf("%s%.6g", i > 0 ? " " : "", (double)x[i]);
        printf("\n");
    }
    cw_recording_free(&r);
    return result;
}

int main(void) {
    struct cw_error err = {0};
    struct cw_device *device = NULL;
    struct cw_encoder *encoder = NULL;
    char model[CW_PATH_MAX], *line = NULL;
    size_t cap = 0;
    int code = 1;
    if (cw_model_path("ge2e", model, &err) != 0 || cw_device_open(&device, cw_device_params_default(), &err) != 0 ||
        cw_encoder_open(&encoder, device, model, &err) != 0)
        goto done;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0; fflush(stdout)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "say ", 4) == 0 ? say(line + 4, &err) != 0
                                          : strncmp(line, "embed ", 6) != 0 || embed(encoder, line + 6, &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            err = (struct cw_error){0};
        }
    }
    code = 0;
done:
    if (code != 0)
        fprintf(stderr, "bench_consent: %s\n", err.text);
    free(line);
    cw_encoder_close(encoder);
    cw_device_close(device);
    return code;
}
