/* A device: the best instruction set that this build has and this machine runs (or the one asked for) + a thread pool. */
#include "kernels/internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 256, PEAK_ROUNDS = 100000 };

#ifndef CW_PLAIN_C_ONLY /* a build whose compiler flags choose no instruction set: the fuzzers' */
/* __builtin_cpu_supports asks XGETBV too, so a processor with AVX under a system that does not save its registers says no. */
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}

static bool has_avx512vnni(void) {
    return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

static bool has_avx512bf16(void) {
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

static bool has_c(void) {
    return true;
}

static const struct {
    const struct cw_kernels *kernels;
    bool (*runs_here)(void);
    bool hidden; /* only when asked for by name */
} instruction_sets[] = {
/* Best first. Fixed point comes before bfloat16: as fast a product, eight times finer, and so good enough for Toom and Cook's
 * method. bfloat16 products alone are faster than float32 on some processors only, so nothing chooses them by itself. */
#ifndef CW_PLAIN_C_ONLY
    {&cw_kernels_amx, cw_amx_runs_here, false},
    {&cw_kernels_avx512vnni, has_avx512vnni, false},
    {&cw_kernels_avx512, has_avx512, false},
    {&cw_kernels_avx512bf16, has_avx512bf16, false},
    {&cw_kernels_avx2, has_avx2, false},
    {&cw_kernels_amx_emulated, has_avx512, true},
#endif
    {&cw_kernels_c, has_c, false},
};
enum { ISA_COUNT = sizeof instruction_sets / sizeof instruction_sets[0] };

static const char *names[CW_ISAS_MAX];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

void cw_device_list(const char *to[CW_ISAS_MAX]) {
    int n = 0, i;

    _Static_assert((int)ISA_COUNT < (int)CW_ISAS_MAX, "one more for the end");
    for (i = 0; i < ISA_COUNT; i++)
        if (!instruction_sets[i].hidden && instruction_sets[i].runs_here())
            to[n++] = instruction_sets[i].kernels->isa;
    to[n] = NULL;
}

static void find_names(void) {
    cw_device_list(names);
}

const char *const *cw_device_isas(void) {
    (void)pthread_once(&names_once, find_names);
    return names;
}

static int cores(void) {
    cpu_set_t set;
    int n;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

struct cw_device_params cw_device_params_default(void) {
    return (struct cw_device_params){0};
}

int cw_device_open(struct cw_device **out, struct cw_device_params params, struct cw_error *err) {
    struct cw_device *d = NULL;
    const struct cw_kernels *chosen = NULL;
    const char *isa = params.isa, *from = "instruction set";
    int threads = params.threads, status = -1, i;

    *out = NULL;
    if (!isa || !*isa) {
        isa = getenv("CASTWRIGHT_ISA");
        from = "CASTWRIGHT_ISA";
    }
    if (threads < 0 || threads > THREADS_MAX) {
        cw_fail(err, CW_BAD_INPUT, "threads: expected 1 to %d, or 0 for one per core, found %d", THREADS_MAX, threads);
        goto done;
    }
    for (i = 0; i < ISA_COUNT && !chosen; i++) {
        bool named = isa && *isa;

        if (named && strcmp(isa, instruction_sets[i].kernels->isa) != 0)
            continue;
        if (!named && instruction_sets[i].hidden)
            continue;
        if (instruction_sets[i].runs_here()) {
            chosen = instruction_sets[i].kernels;
        } else if (named) {
            cw_fail(err, CW_BAD_INPUT, "%s: this machine cannot run \"%s\"; its best is \"%s\"", from, isa, cw_device_isas()[0]);
            goto done;
        }
    }
    if (!chosen) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected \"c\", \"avx2\", \"avx512\", \"avx512vnni\", \"avx512bf16\" or \"amx\", found \"%s\"",
                from, isa);
        goto done;
    }
    d = calloc(1, sizeof *d);
    if (!d) {
        cw_fail_memory(err, "device");
        goto done;
    }
    d->kernels = chosen;
    if (cw_pool_open(&d->pool, threads ? threads : cores(), err) != 0)
        goto done;
    *out = d;
    d = NULL;
    status = 0;
done:
    cw_device_close(d);
    return status;
}

void cw_device_close(struct cw_device *d) {
    if (!d)
        return;
    cw_packed_close(d->packed);
    cw_pool_close(d->pool);
    free(d);
}

const char *cw_device_isa(const struct cw_device *d) {
    return d->kernels->isa;
}

int cw_device_threads(const struct cw_device *d) {
    return cw_pool_threads(d->pool);
}

double cw_device_products(const struct cw_device *d) {
    return (double)atomic_load_explicit(&((struct cw_device *)(uintptr_t)d)->products, memory_order_relaxed);
}

static void peak_task(void *arg, int i) {
    const struct cw_kernels *k = arg;

    (void)i;
    (void)k->peak(PEAK_ROUNDS);
}

double cw_device_peak(struct cw_device *d) {
    const struct cw_kernels *k = d->kernels;
    const int threads = cw_device_threads(d);
    double best = 0, start = cw_seconds(), products = k->peak(PEAK_ROUNDS); /* once for the clock to rise */

    while (cw_seconds() - start < 0.05) {
        double before = cw_seconds(), rate;

        cw_pool_run(d->pool, threads, peak_task, (void *)(uintptr_t)k);
        rate = products * threads / (cw_seconds() - before);
        best = rate > best ? rate : best;
    }
    return best;
}

bool cw_device_bfloat(const struct cw_device *d) {
    return d->kernels->form16 == CW_FORM_BFLOAT;
}

void cw_parallel(struct cw_device *d, int n, void (*task)(void *arg, int i), void *arg) {
    cw_pool_run(d->pool, n, task, arg);
}
