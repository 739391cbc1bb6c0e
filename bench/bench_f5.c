/* What a batch saves F5: turns of one length spoken together, beside the same turns one after another, in turn; medians of the rounds.
 *   bench_f5 F5.gguf [THREADS [ROUNDS]]      (a file of random weights will do: tests/make_f5_reference.py --full) */
#include "tts/f5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { REFERENCE = 469, SYMBOLS = 90, STEPS = 2, TOGETHER = 3, ROUNDS = 9, ROUNDS_MAX = 99 }; /* five seconds are shown */

/* Seconds: by the clock, of the processor. */
struct spent {
    double wall, cpu;
};

static int time_run(struct cw_f5_session *s, const struct cw_f5_input *in, int count, struct spent *spent, struct cw_error *err) {
    const float *mel[TOGETHER];
    const double t = cw_seconds(), c = cw_cpu_seconds();
    if (cw_f5_run(s, in, count, mel, err) != 0)
        return -1;
    spent->wall += cw_seconds() - t;
    spent->cpu += cw_cpu_seconds() - c;
    return 0;
}

/* Of n numbers, which are sorted by it. */
static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, cw_order_doubles);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static int compare(struct cw_f5_session *s, const struct cw_f5_input *one, int said, int rounds, struct cw_error *err) {
    struct cw_f5_input in[TOGETHER];
    double alone[ROUNDS_MAX], both[ROUNDS_MAX], wall[ROUNDS_MAX], cpu[ROUNDS_MAX];
    for (int i = 0; i < TOGETHER; i++) {
        in[i] = *one;
        in[i].frames = REFERENCE + said;
        in[i].seed = (uint64_t)i + 1;
    }
    for (int k = 0; k < rounds; k++) {
        struct spent apart = {0}, together = {0};
        for (int i = 0; i < TOGETHER; i++)
            if (time_run(s, &in[i], 1, &apart, err) != 0)
                return -1;
        if (time_run(s, in, TOGETHER, &together, err) != 0)
            return -1;
        alone[k] = apart.wall;
        both[k] = together.wall;
        wall[k] = 100 * (1 - together.wall / apart.wall);
        cpu[k] = 100 * (1 - together.cpu / apart.cpu);
    }
    const double one_by_one = median(alone, rounds), batch = median(both, rounds), saved = median(wall, rounds),
                 saved_cpu = median(cpu, rounds);
    printf(
        "%d turns of %d + %d frames, %d steps: one after another %.2f s, together %.2f s; saved %.1f %% (%.1f to %.1f), of the processor's "
        "time %.1f %% (%.1f to %.1f)\n",
        TOGETHER, REFERENCE, said, one->steps, one_by_one, batch, saved, wall[0], wall[rounds - 1], saved_cpu, cpu[0], cpu[rounds - 1]);
    fflush(stdout);
    return 0;
}

static int run(const char *path, int threads, int rounds, struct cw_error *err) {
    static const int said[] = {64, 94, 188};
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
    in.steps = STEPS; /* few, so that a round is over before the machine's mood changes */
    printf("%s, %d threads, %d rounds\n", cw_device_isa(d), cw_device_threads(d), rounds);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (compare(s, &in, said[i], rounds, err) != 0)
            goto done;
    result = 0;
done:
    free(reference);
    cw_f5_session_close(s);
    cw_f5_close(m);
    cw_device_close(d);
    return result;
}

int main(int argc, char **argv) {
    struct cw_error err = {0};
    long threads = 0, rounds = ROUNDS;
    if (argc < 2 || argc > 4 || (argc > 2 && !cw_parse_int(argv[2], 1, 64, &threads)) ||
        (argc > 3 && !cw_parse_int(argv[3], 1, ROUNDS_MAX, &rounds))) {
        fputs("usage: bench_f5 F5.gguf [THREADS [ROUNDS]]\n", stderr);
        return CW_BAD_INPUT;
    }
    if (run(argv[1], (int)threads, (int)rounds, &err) != 0) {
        fprintf(stderr, "bench_f5: %s\n", err.text);
        return err.code;
    }
    return 0;
}
