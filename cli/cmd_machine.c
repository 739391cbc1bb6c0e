/* doctor, bench: what what is missing, how fast it is. */
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

int cli_bench(const struct cli_command *c, int argc, char **argv) {
    bool json = false;
    long threads = 0, rounds = 3;
    const char *voice = "af_heart", *sentences = NULL;
    const struct cli_option options[] = {
        {"--threads", "N", "threads (default: one per core)", CLI_INT, &threads, 1, 256},
        {"--rounds", "N", "rounds over the sentences (default 3)", CLI_INT, &rounds, 1, 1000},
        {"--voice", "V", "default af_heart", CLI_TEXT, &voice, 0, 0},
        {"--sentences", "FILE", "say these, one a line (default: eight of its own)", CLI_TEXT, &sentences, 0, 0},
        {"--json", NULL, "for programs", CLI_FLAG, &json, 0, 0},
        {0}};
    const char *none = NULL;
    int count, code = cli_parse(c, options, argc, argv, &none, 0, &count);
    if (code >= 0)
        return code;
    struct cw_error err = {0};
    const char *lines[1000];
    int line_count = 0;
    char *text = NULL;
    size_t len = 0;
    if (sentences) {
        if (cw_file_read(sentences, 1 << 20, &text, &len, &err) != 0)
            return cli_error(c, &err);
        char *rest = text;
        for (char *line; line_count < 1000 && (line = strsep(&rest, "\n"));)
            if (*line)
                lines[line_count++] = line;
    }
    struct cw_studio *studio = NULL;
    struct cw_studio_params p = cw_studio_params_default();
    p.threads = (int)threads;
    struct cw_bench_result r = {0};
    if (cw_studio_open(&studio, p, &err) != 0 || cw_bench(studio, line_count ? lines : NULL, line_count, (int)rounds, voice, &r, &err) != 0)
        code = cli_error(c, &err);
    else if (json) {
        printf("{\"isa\": \"%s\", \"threads\": %d, \"load_seconds\": %.3f, \"speech_seconds\": %.3f, \"synthesis_seconds\": %.3f, "
               "\"acoustic_seconds\": %.3f, \"vocoder_seconds\": %.3f, \"real_time_factor\": %.4f, \"text_characters_per_second\": %.0f, "
               "\"peak_rss_kib\": %ld}\n",
               r.isa, r.threads, r.load_seconds, r.speech_seconds, r.synthesis_seconds, r.acoustic_seconds, r.vocoder_seconds,
               r.real_time_factor, r.text_characters_per_second, r.peak_rss_kib);
        code = 0;
    } else {
        printf("kernels %s, %d threads, models opened in %.2f s\n", r.isa, r.threads, r.load_seconds);
        if (cw_device_note())
            printf("%s\n", cw_device_note());
        printf("%.1f s of speech in %.1f s: real-time factor %.3f (%.1f × real time)\n", r.speech_seconds, r.synthesis_seconds,
               r.real_time_factor, r.real_time_factor > 0 ? 1 / r.real_time_factor : 0.0);
        printf("text front end %.1f million characters a second\n", r.text_characters_per_second / 1e6);
        printf("acoustic %.1f s, vocoder %.1f s; peak memory %.0f MB\n", r.acoustic_seconds, r.vocoder_seconds,
               (double)r.peak_rss_kib / 1024);
        code = 0;
    }
    cw_studio_close(studio);
    free(text);
    return code;
}
