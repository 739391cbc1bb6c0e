/* Fits a voice to sentences that another stock voice says, and prints the loss over time and the seconds a step takes.
 *
 *   bench_train [--voice NAME] [--start NAME] [--steps N] [--offset-steps N] [--rank-steps N] [--seed N] [--threads N] [--checkpoint F] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/synthetic.h"
#include "voices/train.h"

static const char *const sentences[] = {
    "ɪn ðə bɪɡˈɪnɪŋ, nˈOʊbˌɑdi nˈu hˌW ðə tˈIdz wˈɜɹk.",
    "ðə kwˈɪk bɹˈWn fˈɑks ʤˈʌmps ˈOvəɹ ðə lˈAzi dˈɔɡ, ænd ðə sˈʌn ɡˈOz dˈWn bəhˈInd ðə hˈɪlz.",
    "ʃi sˈɛlz sˈiʃˌɛlz bI ðə sˈiʃˌɔɹ; ðə ʃˈɛlz ʃi sˈɛlz ɑɹ ʃˈʊɹli sˈiʃˌɛlz.",
};

static const char *const tiers[] = {"style", "offsets", "low rank"};
static double began, step_wall, step_cpu, walls[4096], cpus[4096]; /* of steps that nothing was measured after */
static int plain_steps;
static int last_tier = -1;

static bool progress(void *arg, const struct cw_train_progress *p) {
    (void)arg;
    if (last_tier != (int)p->tier)
        printf("%s\n", tiers[p->tier]);
    last_tier = (int)p->tier;
    if (p->step % 10 == 0 || p->step == p->steps)
        printf("  step %3d of %d: loss %.4f, held out %.4f, best %.4f; %.1f s, %.0f s left\n", p->step, p->steps, p->loss, p->held_out,
               p->best_held_out, cw_seconds() - began, p->seconds_left);
    fflush(stdout);
    if (p->step % 10 > 1 && plain_steps < 4096) {
        walls[plain_steps] = cw_seconds() - step_wall;
        cpus[plain_steps++] = cw_cpu_seconds() - step_cpu;
    }
    step_wall = cw_seconds();
    step_cpu = cw_cpu_seconds();
    return true;
}

static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, cw_order_doubles);
    return n > 0 ? x[n / 2] : 0;
}

static float *pack_of(const char *dir, const char *name) {
    struct cw_error err = {0};
    char leaf[128], path[CW_PATH_MAX], *data = NULL;
    size_t len = 0;
    snprintf(leaf, sizeof leaf, "voices/%s.bin", name);
    if (cw_path_join(path, dir, leaf, &err) != 0 || cw_file_read(path, (size_t)1 << 24, &data, &len, &err) != 0 ||
        len < SYNTHETIC_PACK * sizeof(float)) {
        fprintf(stderr, "%s: %s\n", name, err.text[0] ? err.text : "too short");
        exit(1);
    }
    return (float *)(void *)data;
}

int main(int argc, char **argv) {
    const char *voice = "bm_george", *start = "am_michael";
    struct cw_device_params dp = cw_device_params_default();
    struct cw_train_params p = cw_train_params_default();
    struct cw_device *d = NULL;
    struct cw_enrolment e = {0};
    struct cw_trained t = {0};
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], model[CW_PATH_MAX];
    float *packs[2];

    for (int i = 1; i + 1 < argc; i += 2) {
        const int n = (int)strtol(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--voice"))
            voice = argv[i + 1];
        else if (!strcmp(argv[i], "--start"))
            start = argv[i + 1];
        else if (!strcmp(argv[i], "--steps"))
            p.steps[0] = n;
        else if (!strcmp(argv[i], "--offset-steps"))
            p.steps[1] = n;
        else if (!strcmp(argv[i], "--rank-steps"))
            p.steps[2] = n;
        else if (!strcmp(argv[i], "--seed"))
            p.seed = (uint64_t)n;
        else if (!strcmp(argv[i], "--threads"))
            dp.threads = n;
        else if (!strcmp(argv[i], "--checkpoint"))
            p.checkpoint = argv[i + 1];
    }
    p.progress = progress;
    if (cw_models_dir(dir, &err) != 0 || cw_path_join(model, dir, "kokoro.gguf", &err) != 0 || cw_device_open(&d, dp, &err) != 0)
        goto failed;
    packs[0] = pack_of(dir, voice);
    packs[1] = pack_of(dir, start);
    if (synthetic_make(&e, d, model, packs[0], sentences, sizeof sentences / sizeof *sentences, &err) != 0)
        goto failed;
    printf("%s from %s: %.1f s of speech, %s, %d threads\n", voice, start, e.seconds, cw_device_isa(d), cw_device_threads(d));
    began = cw_seconds();
    const double cpu = cw_cpu_seconds();
    if (cw_train_run(&t, d, model, &e, packs[1] + 100 * 256, p, &err) != 0)
        goto failed;
    printf("held-out loss %.4f -> %.4f -> %.4f -> %.4f; %.1f s, %.1f s of CPU in all\n", t.held_out[0], t.held_out[1], t.held_out[2],
           t.held_out[3], cw_seconds() - began, cw_cpu_seconds() - cpu);
    printf("a step: %.2f s, %.2f s of CPU (median of %d); peak memory %ld MiB\n", median(walls, plain_steps), median(cpus, plain_steps),
           plain_steps, cw_peak_rss_kib() >> 10);
    cw_trained_free(&t);
    synthetic_free(&e);
    free(packs[0]);
    free(packs[1]);
    cw_device_close(d);
    return 0;
failed:
    fprintf(stderr, "bench_train: %s\n", err.text);
    return 1;
}
