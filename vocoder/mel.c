/* x [n] -> reflect -> STFT -> |bin| [513] -> triangles -> ln max(floor, band) -> mel [T, bands]
 *
 * In double precision, so that what a reference rounds to float32 on the way is all that can differ. A triangle touches few bins:
 * only those are summed. */
#include "vocoder/mel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mel.h"
#include "vocoder/stft.h"

struct cw_mel {
    struct cw_mel_params params;
    struct cw_stft *stft;
    int bins;
    double *filters; /* [bands, bins] */
    int (*span)[2];  /* [bands]: bins that are not zero, [first, end) */
};

struct cw_mel_params cw_mel_f5(void) {
    return (struct cw_mel_params){
        .kind = "mel-vocos", .rate = 24000, .fft = 1024, .hop = 256, .bands = 100, .top = 12000, .centred = true, .floor = 1e-5};
}

struct cw_mel_params cw_mel_vocos(void) {
    struct cw_mel_params p = cw_mel_f5();

    p.floor = 1e-7;
    return p;
}

struct cw_mel_params cw_mel_hifigan(void) {
    return (struct cw_mel_params){.kind = "mel-hifigan",
                                  .rate = 22050,
                                  .fft = 1024,
                                  .hop = 256,
                                  .bands = 80,
                                  .top = 8000,
                                  .slaney = true,
                                  .power_floor = 1e-9,
                                  .floor = 1e-5};
}

bool cw_mel_of_kind(const char *kind, struct cw_mel_params *p) {
    const struct cw_mel_params all[] = {cw_mel_vocos(), cw_mel_hifigan()};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(kind, all[i].kind) == 0) {
            *p = all[i];
            return true;
        }
    }
    return false;
}

int cw_mel_open(struct cw_mel **out, struct cw_mel_params p, struct cw_error *err) {
    int rc = -1;
    struct cw_mel *m = NULL;

    *out = NULL;
    if (p.bands < 1 || p.bands > CW_MEL_BANDS_MAX || p.rate < 1 || !(p.top > 0 && p.top <= p.rate / 2.0) || !(p.floor > 0)) {
        cw_fail(err, CW_BAD_INPUT, "mel: expected 1 to %d bands up to half the rate and a floor, found %d up to %g of %d Hz and %g",
                CW_MEL_BANDS_MAX, p.bands, p.top, p.rate, p.floor);
        goto done;
    }
    m = calloc(1, sizeof *m);
    if (!m) {
        cw_fail_memory(err, "mel");
        goto done;
    }
    m->params = p;
    if (cw_stft_open(&m->stft, p.fft, p.hop, err))
        goto done;
    m->bins = cw_stft_bins(m->stft);
    m->filters = malloc(sizeof *m->filters * (size_t)p.bands * (size_t)m->bins);
    m->span = malloc(sizeof *m->span * (size_t)p.bands);
    if (!m->filters || !m->span) {
        cw_fail_memory(err, "mel");
        goto done;
    }
    cw_mel_filters(m->filters, p.bands, p.fft, p.rate, p.top, p.slaney);
    for (int b = 0; b < p.bands; b++) {
        const double *row = m->filters + (size_t)b * (size_t)m->bins;
        int first = 0, end = m->bins;
        while (first < end && row[first] == 0)
            first++;
        while (end > first && row[end - 1] == 0)
            end--;
        m->span[b][0] = first;
        m->span[b][1] = end;
    }
    *out = m;
    m = NULL;
    rc = 0;
done:
    cw_mel_close(m);
    return rc;
}

void cw_mel_close(struct cw_mel *m) {
    if (!m)
        return;
    cw_stft_close(m->stft);
    free(m->filters);
    free(m->span);
    free(m);
}

const struct cw_mel_params *cw_mel_params(const struct cw_mel *m) {
    return &m->params;
}

/* Samples of the first frame that lie before the signal. */
static int before(const struct cw_mel_params *p) {
    return p->centred ? p->fft / 2 : (p->fft - p->hop) / 2;
}

size_t cw_mel_frames(const struct cw_mel *m, size_t n) {
    if (n <= (size_t)before(&m->params))
        return 0;
    return n / (size_t)m->params.hop + m->params.centred;
}

enum { BLOCK = 16 }; /* frames of a task */

struct job {
    const struct cw_mel *m;
    const float *x;
    ptrdiff_t n;
    struct cw_mat mel;
};

static void run_block(void *arg, int i) {
    const struct job *j = arg;
    const struct cw_mel *m = j->m;
    const struct cw_mel_params *p = &m->params;
    const int end = (i + 1) * BLOCK < j->mel.rows ? (i + 1) * BLOCK : j->mel.rows;
    double x[CW_STFT_MAX], re[CW_STFT_MAX / 2 + 1], im[CW_STFT_MAX / 2 + 1];

    for (int t = i * BLOCK; t < end; t++) {
        const ptrdiff_t start = (ptrdiff_t)t * p->hop - before(p);
        float *row = j->mel.data + (ptrdiff_t)t * j->mel.stride;
        for (int k = 0; k < p->fft; k++)
            x[k] = (double)j->x[cw_stft_reflect(start + k, j->n)];
        cw_stft_frame(m->stft, x, re, im);
        for (int k = 0; k < m->bins; k++)
            re[k] = sqrt(re[k] * re[k] + im[k] * im[k] + p->power_floor);
        for (int b = 0; b < p->bands; b++) {
            const double *filter = m->filters + (size_t)b * (size_t)m->bins;
            double sum = 0;
            for (int k = m->span[b][0]; k < m->span[b][1]; k++)
                sum += filter[k] * re[k];
            row[b] = (float)log(fmax(sum, p->floor));
        }
    }
}

int cw_mel_run(const struct cw_mel *m, struct cw_device *d, const float *x, size_t n, struct cw_mat mel, struct cw_error *err) {
    const size_t frames = cw_mel_frames(m, n);
    struct job j = {m, x, (ptrdiff_t)n, mel};

    if (frames == 0 || frames > INT32_MAX)
        return cw_fail(err, CW_BAD_INPUT, "mel: expected more than %d samples, found %zu", before(&m->params), n);
    if (mel.rows != (int)frames || mel.cols != m->params.bands)
        return cw_fail(err, CW_BAD_INPUT, "mel: expected room for %zu x %d numbers, found %d x %d", frames, m->params.bands, mel.rows,
                       mel.cols);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return cw_fail(err, CW_BAD_INPUT, "mel: sample %zu: expected a finite number, found %g", i, (double)x[i]);
    }
    cw_parallel(d, (mel.rows + BLOCK - 1) / BLOCK, run_block, &j);
    return 0;
}
