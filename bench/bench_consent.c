/* What the consent check hears. Lines of the standard input: "say RECORDING<tab>TEXT<tab>CODE_WORDS" (are these the words?) or
 * "like RECORDING<tab>RECORDING" (is it one speaker?). bench/consent.sh makes them. */
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

static int embed(const struct cw_encoder *e, const char *path, float x[CW_EMBEDDING], struct cw_error *err) {
    struct cw_recording r = {0};
    int result = cw_recording_read(&r, path, err) != 0 ? -1 : cw_encoder_listen(e, r.samples, r.count, r.rate, x, err);
    cw_recording_free(&r);
    return result;
}

static int like(const struct cw_encoder *e, char *line, struct cw_error *err) {
    const char *a = strsep(&line, "\t"), *b = strsep(&line, "\t");
    float x[CW_EMBEDDING], y[CW_EMBEDDING];
    if (!a || !b)
        return cw_fail(err, CW_BAD_INPUT, "expected RECORDING<tab>RECORDING");
    if (embed(e, a, x, err) != 0 || embed(e, b, y, err) != 0)
        return -1;
    printf("like\t%s\t%s\t%.4f\n", a, b, cw_embedding_cosine(x, y));
    return 0;
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
                                          : strncmp(line, "like ", 5) != 0 || like(encoder, line + 5, &err) != 0) {
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
