/* Device, vocoder and session, opened and closed together. */
#include "tests/test_sounding.h"

#include <math.h>

#include "tests/test.h"

const char *const *test_sounding_isas(void) {
    static const char *all[16];
    const char *const *isa = cw_device_isas();
    struct cw_device *d = NULL;
    struct cw_error ignored;
    struct cw_device_params p = cw_device_params_default();
    int n = 0;
    while (isa[n] && n < 14) {
        all[n] = isa[n];
        n++;
    }
    p.isa = "amx-emulated";
    p.threads = 1;
    if (cw_device_open(&d, p, &ignored) == 0)
        all[n++] = p.isa;
    all[n] = NULL;
    cw_device_close(d);
    return all;
}

bool test_sounding_start(struct test_sounding *a, const char *path, const char *isa, int threads) {
    struct cw_error err = {0};
    struct cw_device_params p = cw_device_params_default();
    p.isa = isa;
    p.threads = threads;
    *a = (struct test_sounding){0};
    return CHECKF(!cw_device_open(&a->d, p, &err) && !cw_vocoder_open(&a->v, a->d, path, &err) &&
                      !cw_vocoder_session_open(&a->s, a->v, &err),
                  "%s", err.text);
}

void test_sounding_end(struct test_sounding *a) {
    cw_vocoder_session_close(a->s);
    cw_vocoder_close(a->v);
    cw_device_close(a->d);
}

double test_sounding_distance(const float *x, size_t n, int step, const float *want, int count) {
    double off = 0, all = 0;
    if ((n + (size_t)step - 1) / (size_t)step != (size_t)count)
        return INFINITY;
    for (int i = 0; i < count; i++) {
        const double d = (double)x[(size_t)i * (size_t)step] - (double)want[i];
        off += d * d;
        all += (double)want[i] * (double)want[i];
    }
    return sqrt(off / all);
}
