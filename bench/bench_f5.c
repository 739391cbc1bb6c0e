/* What a batch saves F5. Guidance's two halves of a step are a batch of two sequences of one length: beside a step of one half alone, which
 * guidance 0 takes, they show what two turns would save that are spoken together.
 *   bench_f5 F5.gguf [THREADS]      (a file of random weights will do: tests/make_f5_reference.py --full) */
#include "tts/f5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { REFERENCE = 469, SYMBOLS = 90, STEPS = 2, ROUNDS = 2 }; /* five seconds are shown */

/* Seconds of a step: by the clock, of the processor. */
struct spent {
    double wall, cpu;
};

/* The quickest of ROUNDS; the text, which is worked on once a run, falls out. */
static int time_step(struct cw_f5_session *s, struct cw_f5_input in, struct spent *best, struct cw_error *err) {
    const float *mel = NULL;
    *best = (struct spent){INFINITY, INFINITY};
    for (int round = 0; round < ROUNDS; round++) {
        struct spent one[2];
        for (int more = 0; more < 2; more++) {
            const double t = cw_seconds(), c = cw_cpu_seconds();
            in.steps = more ? 1 + STEPS : 1;
            if (cw_f5_run(s, &in, &mel, err) != 0)
                return -1;
            one[more] = (struct spent){cw_seconds() - t, cw_cpu_seconds() - c};
        }
        best->wall = fmin(best->wall, (one[1].wall - one[0].wall) / STEPS);
        best->cpu = fmin(best->cpu, (one[1].cpu - one[0].cpu) / STEPS);
    }
    return 0;
}

static int compare(struct cw_f5_session *s, struct cw_f5_input in, struct cw_error *err) {
    static const int said[] = {64, 94, 188, 376};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct spent alone, both;
        in.frames = REFERENCE + said[i];
        in.guidance = 0;
        if (time_step(s, in, &alone, err) != 0)
            return -1;
        in.guidance = 2;
        if (time_step(s, in, &both, err) != 0)
            return -1;
        printf("%d + %d frames: a step of one sequence %.3f s (CPU %.3f), of two %.3f s (CPU %.3f): together they save %.1f %% (CPU %.1f "
               "%%)\n",
               REFERENCE, said[i], alone.wall, alone.cpu, both.wall, both.cpu, 100 * (1 - both.wall / (2 * alone.wall)),
               100 * (1 - both.cpu / (2 * alone.cpu)));
        fflush(stdout);
    }
    return 0;
}

static int run(const char *path, int threads, struct cw_error *err) {
    struct cw_device_params p = cw_device_params_default();
    struct cw_device *d = NULL;
    struct cw_f5 *m = NULL;
    struct cw_f5_session *s = NULL;
    struct cw_f5_input in = cw_f5_input_default();
    float *reference = NULL;
    int ids[SYMBOLS], result = -1;
    p.threads = threads;
    if (cw_device_open(&d, p, err) != 0 || cw_f5_open(&m, d, path, err) != 0 || cw_f5_session_open(&s, m, err) != 0)
        goto done;
    const int count = REFERENCE * cw_f5_bands(m);
    reference = malloc(sizeof *reference * (size_t)count);
    if (!reference) {
        cw_fail_memory(err, "reference");
        goto done;
    }
    for (int i = 0; i < count; i++)
        reference[i] = -2 + sinf((float)i);
    for (int i = 0; i < SYMBOLS; i++)
        ids[i] = 1 + i % 20;
    in.reference = reference;
    in.reference_frames = REFERENCE;
    in.ids = ids;
    in.count = SYMBOLS;
    printf("%s, %d threads\n", cw_device_isa(d), cw_device_threads(d));
    result = compare(s, in, err);
done:
    free(reference);
    cw_f5_session_close(s);
    cw_f5_close(m);
    cw_device_close(d);
    return result;
}

int main(int argc, char **argv) {
    struct cw_error err = {0};
    long threads = 0;
    if (argc < 2 || argc > 3 || (argc == 3 && !cw_parse_int(argv[2], 1, 64, &threads))) {
        fputs("usage: bench_f5 F5.gguf [THREADS]\n", stderr);
        return CW_BAD_INPUT;
    }
    if (run(argv[1], (int)threads, &err) != 0) {
        fprintf(stderr, "bench_f5: %s\n", err.text);
        return err.code;
    }
    return 0;
}
