/* Recording, the same text as the voice says it ─▶ mean power of loud frames less that of quiet ones, in bands ─▶ their ratio ─▶ offsets.
 */
#include "voices/colour.h"

#include "voices/saying.h"
#include "voices/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 1024, HOP = 512, BINS = SIZE / 2 + 1, LEVEL_BANDS = 4, TEXT_SECONDS = 30 };
static const double band_width = 1200; /* Hz */
static const double most = 6;          /* dB */
static const double range = 9;         /* log: what lies so far under the loud is quiet */
static const double room_most = 0.9;   /* of a bin's power is taken for the room's */

/* Power in each band of what is spoken in x, up to `band_hz`: triangles, 2.4 kHz wide. */
static int listen(const float *x, size_t n, double band_hz, double band[CW_COLOUR_BANDS], struct cw_error *err) {
    const size_t frames = n / HOP;
    struct cw_spectrum *s = NULL;
    double *power = calloc((frames + 1) * BINS, sizeof *power), *level = calloc(frames + 1, sizeof *level);
    double *sorted = calloc(frames + 1, sizeof *sorted), loud[BINS] = {0}, quiet[BINS] = {0}, loud_frames = 0, quiet_frames = 0;
    int result = -1;
    if (power == NULL || level == NULL || sorted == NULL) {
        cw_fail_memory(err, "spectrum");
        goto done;
    }
    if (cw_spectrum_open(&s, SIZE, SIZE, err) != 0) {
        goto done;
    }
    for (size_t f = 0; f < frames; f++) {
        cw_spectrum_power(s, x, n, (ptrdiff_t)(f * HOP), power + f * BINS);
        for (int k = 4; k < BINS; k++) {
            level[f] += power[f * BINS + (size_t)k];
        }
        sorted[f] = level[f] = log(level[f] + 1e-9);
    }
    qsort(sorted, frames, sizeof *sorted, cw_order_doubles);
    const double high = sorted[frames * 9 / 10], low = fmax(sorted[frames / 20], high - range);
    for (size_t f = 0; f < frames; f++) {
        const bool is_loud = level[f] > low + 0.5 * (high - low), is_quiet = level[f] < low + 0.15 * (high - low);
        loud_frames += is_loud;
        quiet_frames += is_quiet;
        for (int k = 0; k < BINS; k++) {
            loud[k] += is_loud ? power[f * BINS + (size_t)k] : 0;
            quiet[k] += is_quiet ? power[f * BINS + (size_t)k] : 0;
        }
    }
    for (int b = 0; b < CW_COLOUR_BANDS; b++) {
        band[b] = 1e-12;
        for (int k = 2; k < BINS && (double)k * CW_ENROL_RATE / SIZE <= band_hz; k++) {
            const double all = loud[k] / fmax(1, loud_frames), room = fmin(room_most * all, quiet[k] / fmax(1, quiet_frames));
            band[b] += fmax(0, 1 - fabs((double)k * CW_ENROL_RATE / SIZE - band_width * b) / band_width) * (all - room);
        }
    }
    result = 0;
done:
    cw_spectrum_close(s);
    free(power);
    free(level);
    free(sorted);
    return result;
}

int cw_colour_match(const struct cw_enrol_engine *g, const struct cw_enrolment *e, const float *pack, float f0_slope, float f0_offset,
                    float offsets[CW_COLOUR_OFFSETS], struct cw_error *err) {
    struct cw_saying k = {0};
    struct cw_symbols text = {0};
    float *real = NULL, *said = NULL;
    double heard[CW_COLOUR_BANDS], made[CW_COLOUR_BANDS], db[CW_COLOUR_BANDS], mean = 0;
    size_t n = 0, count = 0;
    int result = -1, top = 0;
    memset(offsets, 0, sizeof *offsets * CW_COLOUR_OFFSETS);
    text.ids = calloc((size_t)e->count + 1, sizeof *text.ids); /* what they point to is the enrolment's */
    text.counts = calloc((size_t)e->count + 1, sizeof *text.counts);
    if (text.ids == NULL || text.counts == NULL) {
        cw_fail_memory(err, "text");
        goto done;
    }
    for (int i = 0; i < e->count && n < (size_t)TEXT_SECONDS * CW_ENROL_RATE; i++, text.chunks++) {
        text.ids[i] = e->utterances[i].ids;
        text.counts[i] = e->utterances[i].count;
        n += (size_t)e->utterances[i].units * CW_ENROL_UNIT;
    }
    real = malloc(sizeof *real * (n + 1));
    if (real == NULL) {
        cw_fail_memory(err, "recordings");
        goto done;
    }
    n = 0;
    for (int i = 0; i < text.chunks; i++) {
        const size_t len = (size_t)e->utterances[i].units * CW_ENROL_UNIT;
        memcpy(real + n, e->utterances[i].samples, sizeof *real * len);
        n += len;
    }
    if (cw_saying_open(&k, g->acoustic, g->vocoder, err) != 0 ||
        cw_saying_run(&k, &text, pack, f0_slope, f0_offset, &said, &count, err) != 0 || listen(real, n, e->band_hz, heard, err) != 0 ||
        listen(said, count, e->band_hz, made, err) != 0) {
        goto done;
    }
    while (top + 1 < CW_COLOUR_BANDS && band_width * (top + 1.5) <= e->band_hz) { /* bands that the recordings hold three quarters of */
        top++;
    }
    for (int b = 0; b < CW_COLOUR_BANDS; b++) {
        db[b] = b <= top ? 10 * log10(heard[b] / made[b]) : db[top];
        mean += b < LEVEL_BANDS ? db[b] / LEVEL_BANDS : 0;
    }
    for (int b = 0; b < CW_COLOUR_BANDS; b++) { /* the layer gives logarithms of magnitudes */
        offsets[b] = (float)(fmax(-most, fmin(most, db[b] - mean)) * log(10) / 20);
    }
    result = 0;
done:
    cw_saying_close(&k);
    free(text.ids);
    free(text.counts);
    free(real);
    free(said);
    return result;
}
