/* vocode */
#include "cli/cli.h"

#include <stdio.h>

#include <jansson.h>

int cli_vocode(const struct cli_command *c, int argc, char **argv) {
    bool json = false;
    long threads = 0;
    struct cw_vocode_params p = cw_vocode_params_default();
    const struct cli_option options[] = {{"--out,-o", "FILE", "the .wav or .flac to write", CLI_TEXT, &p.out, 0, 0},
                                         {"--vocoder", "NAME|FILE", "a model's name or a GGUF (hifigan)", CLI_TEXT, &p.vocoder, 0, 0},
                                         {"--threads", "N", "how many to use (all)", CLI_INT, &threads, 1, 256},
                                         {"--json", NULL, "what it took, for programs", CLI_FLAG, &json, 0, 0},
                                         {0}};
    const char *args[1];
    int count, code = cli_parse(c, options, argc, argv, args, 1, &count);
    if (code >= 0)
        return code;
    if (count != 1)
        return cli_usage(c, "expected a recording");
    if (!p.out)
        return cli_usage(c, "expected -o FILE");
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    struct cw_studio_params sp = cw_studio_params_default();
    struct cw_vocode_report r = {0};
    sp.threads = (int)threads;
    int failed = cw_studio_open(&studio, sp, &err) != 0 || cw_vocode(studio, args[0], p, &r, &err) != 0;
    cw_studio_close(studio);
    if (r.name[0])
        fprintf(stderr, "%s, licence: %s. %s\n", r.name, r.licence[0] ? r.licence : "not said", r.terms);
    if (failed)
        return cli_error(c, &err);
    double factor = r.vocoder_seconds / r.seconds;
    if (json) {
        json_t *j = json_pack("{s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "file", p.out, "sample_rate", r.sample_rate, "frames", r.frames,
                              "seconds", r.seconds, "mel_seconds", r.mel_seconds, "vocoder_seconds", r.vocoder_seconds,
                              "vocoder_cpu_seconds", r.vocoder_cpu_seconds, "real_time_factor", factor);
        json_dumpf(j, stdout, 0);
        putchar('\n');
        json_decref(j);
    } else {
        printf("%s: %.1f s, vocoder %.3f times real time's length\n", p.out, r.seconds, factor);
    }
    return 0;
}
