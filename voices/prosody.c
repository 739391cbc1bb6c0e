/* Utterances' durations, F0 and energy, symbol by symbol ─▶ distance from what a mix of styles says of the same symbols ─▶ the voice
 * alone that is nearest ─▶ steps towards others, as long as they come nearer ─▶ a shift by gradients (prosody_train.c), where it comes
 * nearer still ─▶ map of F0.
 *
 * Distance: mean |log(d + 0.3) - log(d* + 0.3)| + 2 |log of the whole length's ratio| + 5 mean |log F0 after the map| + 0.2 mean |energy|.
 */
#include "voices/prosody.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACK_NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE, UNITS_MOST = 400, NEAR = 4, ROUNDS = 2, FRAMES_MAX = 4096 };
static const double voiced_above = 40, slope_least = 0.6, slope_most = 1.25;

struct curves {
    double *duration, *f0, *energy; /* [symbols]; f0: mean log of what is voiced, NAN where nothing is */
    float *voiced;                  /* [voiced_count] log F0 of frames, sorted */
    int voiced_count;
    double units;
};

struct fit {
    const struct cw_stock *stock;
    struct cw_acoustic_session *session;
    const struct cw_enrolment *e;
    int used, symbols; /* utterances */
    struct curves real, said;
    float *pack;
    /* of the run in progress */
    const float *f0, *energy;
    float *kept[3]; /* durations_float, F0, N */
    int kept_count[3];
};

static void curves_free(struct curves *c) {
    free(c->duration);
    free(c->f0);
    free(c->energy);
    free(c->voiced);
}

static int curves_open(struct curves *c, int symbols, int frames, struct cw_error *err) {
    const size_t n = (size_t)symbols + 1;
    c->duration = calloc(n, sizeof *c->duration);
    c->f0 = calloc(n, sizeof *c->f0);
    c->energy = calloc(n, sizeof *c->energy);
    c->voiced = calloc((size_t)frames + 1, sizeof *c->voiced);
    return c->duration && c->f0 && c->energy && c->voiced ? 0 : cw_fail_memory(err, "prosody");
}

static void keep(void *arg, const char *stage, struct cw_mat m) {
    static const char *const stages[3] = {"durations_float", "F0", "N"};
    struct fit *f = arg;
    for (int i = 0; i < 3; i++) {
        if (strcmp(stage, stages[i]) != 0) {
            continue;
        }
        const int n = m.rows * m.cols;
        float *more = realloc(f->kept[i], sizeof *more * ((size_t)n + 1));
        f->kept_count[i] = 0;
        if (more == NULL) {
            return;
        }
        f->kept[i] = more;
        for (int r = 0; r < m.rows; r++) {
            for (int c = 0; c < m.cols; c++) {
                more[f->kept_count[i]++] = m.data[(size_t)r * (size_t)m.stride + (size_t)c];
            }
        }
    }
}

/* Symbols first .. of c from an utterance's curves: two frames a unit. The padding at both ends is silence and left out. */
static void add_symbols(struct curves *c, int first, const int *durations, const float *lengths, int count, const float *f0,
                        const float *energy, int voiced_room) {
    int frame = 2 * durations[0];
    for (int p = 1; p <= count; p++) {
        double pitch = 0, level = 0;
        int voiced = 0, frames = 2 * durations[p];
        for (int k = frame; k < frame + frames; k++) {
            level += (double)energy[k] / frames;
            if ((double)f0[k] > voiced_above) {
                pitch += log((double)f0[k]);
                voiced++;
                if (c->voiced_count < voiced_room) {
                    c->voiced[c->voiced_count++] = (float)log((double)f0[k]);
                }
            }
        }
        const int at = first + p - 1;
        c->duration[at] = lengths ? (double)lengths[p] : (double)durations[p];
        c->units += c->duration[at];
        c->f0[at] = voiced > 0 ? pitch / voiced : NAN;
        c->energy[at] = level;
        frame += frames;
    }
}

static double quantile(const struct curves *c, double q) {
    return c->voiced_count > 0 ? (double)c->voiced[(int)(q * (c->voiced_count - 1))] : 0;
}

static void map_of(const struct fit *f, double *slope, double *offset) {
    const double real = quantile(&f->real, 0.85) - quantile(&f->real, 0.15), said = quantile(&f->said, 0.85) - quantile(&f->said, 0.15);
    *slope = fmin(slope_most, fmax(slope_least, real / fmax(0.02, said)));
    *offset = quantile(&f->real, 0.5) - *slope * quantile(&f->said, 0.5);
}

/* Of the symbols that the mix says loudly: silence in a room is never as quiet as the engine's. */
static double level_of(const struct fit *f) {
    double mean = 0, sum = 0;
    int loud = 0;
    for (int p = 0; p < f->symbols; p++) {
        mean += f->said.energy[p] / f->symbols;
    }
    for (int p = 0; p < f->symbols; p++) {
        if (f->said.energy[p] > mean) {
            sum += f->said.energy[p] - f->real.energy[p];
            loud++;
        }
    }
    return loud > 0 ? sum / loud : 0;
}

/* What the mix, its style moved by shift [128] or NULL, says of the same symbols, and how far that is from the recordings. *slope and
 * *offset: the map of F0 that comes nearest, or that to go by where `given`. */
static int distance(struct fit *f, const float *weights, const float *shift, bool given, double *slope, double *offset, double *out,
                    struct cw_error *err) {
    const int room = FRAMES_MAX * 4;
    double duration = 0, pitch = 0, level = 0, level_mean = 0;
    int first = 0, voiced = 0;
    memset(f->pack, 0, sizeof(float) * PACK_NUMBERS);
    for (int v = 0; v < f->stock->all; v++) {
        for (int j = 0; weights[v] != 0 && j < PACK_NUMBERS; j++) {
            f->pack[j] += weights[v] * f->stock->packs[(size_t)v * PACK_NUMBERS + (size_t)j];
        }
    }
    for (int j = 0; shift != NULL && j < PACK_NUMBERS; j++) {
        f->pack[j] += j % CW_PACK_STYLE < CW_PACK_TIMBRE ? 0 : shift[j % CW_PACK_STYLE - CW_PACK_TIMBRE];
    }
    f->said.voiced_count = 0;
    f->said.units = 0;
    for (int i = 0; i < f->used; i++) {
        const struct cw_enrol_utterance *u = &f->e->utterances[i];
        const struct cw_acoustic_input in = {.ids = u->ids, .count = u->count, .pack = f->pack, .pack_rows = CW_PACK_ROWS, .speed = 1};
        struct cw_frames frames;
        int units = 0;
        if (cw_acoustic_run(f->session, &in, &frames, err) != 0) {
            return -1;
        }
        for (int p = 0; p < u->count + 2; p++) {
            units += frames.durations[p];
        }
        if (f->kept_count[0] < u->count + 2 || f->kept_count[1] < 2 * units || f->kept_count[2] < 2 * units) {
            return cw_fail_memory(err, "prosody");
        }
        add_symbols(&f->said, first, frames.durations, f->kept[0], u->count, f->kept[1], f->kept[2], room);
        first += u->count;
    }
    qsort(f->said.voiced, (size_t)f->said.voiced_count, sizeof *f->said.voiced, cw_order_floats);
    if (!given) {
        map_of(f, slope, offset);
    }
    for (int p = 0; p < f->symbols; p++) {
        level_mean += (f->said.energy[p] - f->real.energy[p]) / f->symbols;
    }
    for (int p = 0; p < f->symbols; p++) {
        duration += fabs(log(f->said.duration[p] + 0.3) - log(f->real.duration[p] + 0.3));
        level += fabs(f->said.energy[p] - f->real.energy[p] - level_mean);
        if (!isnan(f->said.f0[p]) && !isnan(f->real.f0[p])) {
            pitch += fabs(*slope * f->said.f0[p] + *offset - f->real.f0[p]);
            voiced++;
        }
    }
    *out = duration / f->symbols + 2 * fabs(log(f->said.units / f->real.units)) + 5 * pitch / (voiced > 0 ? voiced : 1) +
           0.2 * level / f->symbols;
    return 0;
}

static int fit_open(struct fit *f, const struct cw_stock *s, const struct cw_acoustic *a, const struct cw_enrolment *e,
                    struct cw_error *err) {
    int units = 0, first = 0;
    *f = (struct fit){.stock = s, .e = e};
    for (; f->used < e->count && (f->used == 0 || units < UNITS_MOST); f->used++) {
        units += e->utterances[f->used].units;
        f->symbols += e->utterances[f->used].count;
    }
    f->pack = malloc(sizeof(float) * PACK_NUMBERS);
    if (f->pack == NULL) {
        return cw_fail_memory(err, "prosody");
    }
    if (curves_open(&f->real, f->symbols, 2 * units, err) != 0 || curves_open(&f->said, f->symbols, FRAMES_MAX * 4, err) != 0 ||
        cw_acoustic_session_open(&f->session, a, err) != 0) {
        return -1;
    }
    cw_acoustic_session_tap(f->session, keep, f);
    for (int i = 0; i < f->used; i++) {
        const struct cw_enrol_utterance *u = &e->utterances[i];
        add_symbols(&f->real, first, u->durations, NULL, u->count, u->f0, u->energy, 2 * units);
        first += u->count;
    }
    qsort(f->real.voiced, (size_t)f->real.voiced_count, sizeof *f->real.voiced, cw_order_floats);
    return f->real.voiced_count > 0 && f->real.units > 0 ? 0 : cw_fail(err, CW_BAD_INPUT, "expected a voice with a pitch, found none");
}

static void fit_close(struct fit *f) {
    cw_acoustic_session_close(f->session);
    curves_free(&f->real);
    curves_free(&f->said);
    free(f->pack);
    for (int i = 0; i < 3; i++) {
        free(f->kept[i]);
    }
}

/* What goes with the style that was heard last. */
static void settle(struct cw_prosody *p, const struct fit *f, double slope, double offset) {
    p->f0_slope = (float)slope;
    p->f0_offset = (float)offset;
    p->level = (float)level_of(f);
}

/* Steps of gradients among all that is to be done. */
struct onward {
    bool (*progress)(void *arg, int done, int all);
    void *arg;
    int done, all;
    bool stopped;
};

static bool tell_onward(void *arg, int done, int all) {
    struct onward *o = arg;
    (void)all;
    o->stopped = !o->progress(o->arg, o->done + done, o->all);
    return !o->stopped;
}

int cw_prosody_fit(struct cw_prosody *p, struct cw_device *d, const char *model, const struct cw_stock *s, const struct cw_acoustic *a,
                   const struct cw_enrolment *e, bool (*progress)(void *arg, int done, int all), void *arg, struct cw_error *err) {
    struct fit f;
    struct cw_prosody_train_params moving = cw_prosody_train_params_default();
    struct cw_prosody_trained moved;
    float one[CW_STOCK_MAX], tried[CW_STOCK_MAX];
    double each[CW_STOCK_MAX] = {0}, now, slope, offset;
    const int all = s->all + ROUNDS * NEAR + moving.steps + 1;
    struct onward onward = {progress, arg, 0, all, false};
    int result = -1, near[NEAR], best = 0, done = 0;
    *p = (struct cw_prosody){0};
    if (fit_open(&f, s, a, e, err) != 0) {
        goto done;
    }
    for (int v = 0; v < s->all; v++) {
        memset(one, 0, sizeof one);
        one[v] = 1;
        if (progress != NULL && !progress(arg, done++, all)) {
            cw_fail(err, CW_FAILED, "stopped");
            goto done;
        }
        if (distance(&f, one, NULL, false, &slope, &offset, &each[v], err) != 0) {
            goto done;
        }
        best = each[v] < each[best] ? v : best;
    }
    p->weights[best] = 1;
    p->before = p->after = each[best];
    for (int k = 0; k < NEAR; k++) { /* the next best */
        near[k] = -1;
        for (int v = 0; v < s->all; v++) {
            bool taken = v == best;
            for (int j = 0; j < k; j++) {
                taken |= near[j] == v;
            }
            near[k] = !taken && (near[k] < 0 || each[v] < each[near[k]]) ? v : near[k];
        }
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < NEAR && near[k] >= 0; k++) {
            const float part = round == 0 ? 0.35F : 0.15F;
            for (int v = 0; v < s->all; v++) {
                tried[v] = p->weights[v] * (1 - part) + (v == near[k] ? part : 0);
            }
            if (progress != NULL && !progress(arg, done++, all)) {
                cw_fail(err, CW_FAILED, "stopped");
                goto done;
            }
            if (distance(&f, tried, NULL, false, &slope, &offset, &now, err) != 0) {
                goto done;
            }
            if (now < p->after) {
                p->after = now;
                memcpy(p->weights, tried, sizeof *tried * (size_t)s->all);
            }
        }
    }
    if (distance(&f, p->weights, NULL, false, &slope, &offset, &now, err) != 0) {
        goto done;
    }
    p->mixed = p->after;
    settle(p, &f, slope, offset);
    onward.done = done;
    moving.progress = progress != NULL ? tell_onward : NULL;
    moving.arg = &onward;
    const struct cw_prosody_start start = {p->weights, slope, offset, (double)p->level};
    struct cw_error trouble = {0}; /* the mix is good without */
    if (cw_prosody_train(&moved, d, model, a, s, e, start, moving, &trouble) != 0 ||
        (moved.step > 0 && distance(&f, p->weights, moved.shift, false, &slope, &offset, &now, &trouble) != 0)) {
        if (onward.stopped) {
            *err = trouble;
            goto done;
        }
        snprintf(p->trouble, sizeof p->trouble, "%.255s", trouble.text);
        moved.step = 0;
    }
    if (moved.step > 0 && now < p->mixed) {
        p->after = now;
        p->steps = moved.step;
        memcpy(p->shift, moved.shift, sizeof p->shift);
        settle(p, &f, slope, offset);
    }
    result = 0;
done:
    fit_close(&f);
    return result;
}

int cw_prosody_distance(const struct cw_prosody *p, const struct cw_stock *s, const struct cw_acoustic *a, const struct cw_enrolment *e,
                        double *out, struct cw_error *err) {
    struct fit f;
    double slope = (double)p->f0_slope, offset = (double)p->f0_offset;
    int result = fit_open(&f, s, a, e, err) != 0 ? -1 : distance(&f, p->weights, p->shift, true, &slope, &offset, out, err);
    fit_close(&f);
    return result;
}
