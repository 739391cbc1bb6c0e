/* Utterances' codings, once ─▶ style of the moved mix, by the utterance's length ─▶ predictor, with real durations for F0 and energy
 *   ─▶ loss on four blocks of symbols of five ─▶ back to the style ─▶ Adam; the fifth blocks say which step is kept.
 *
 * Loss: mean |log(d + 0.3) - log(d* + 0.3)| + 2 |log of the whole length's ratio| + 5 smooth |log F0 after the map - log F0*| where the
 * recording is voiced (F0 taken as 40 Hz at least: a voice that falls silent there is far off, and does not drop out) + 0.2 |energy -
 * energy* - level| of what is loud, + the pull towards the mix. */
#include "voices/prosody_train.h"

#include "tts/train.h"
#include "voices/coding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STYLE = CW_PROSODY_STYLE, HIDDEN = CW_CODING_WIDTH, ROW = 100, BLOCK = 10, BLOCKS = 5 };
enum { FITTED, APART, PARTS };
static const double adam_1 = 0.9, adam_2 = 0.98, adam_eps = 1e-8, last_rate = 0.1;
static const double voiced_above = 40, add_units = 0.3, smooth_f0 = 0.1, smooth_length = 0.05;
static const double of_length = 2, of_f0 = 5, of_energy = 0.2;
enum { WARM_UP = 5 };

/* What there is to compare with, of FITTED and of APART. */
struct counts {
    double symbols, voiced, loud;
};

struct fit {
    const struct cw_stock *stock;
    const struct cw_enrolment *e;
    struct cw_prosody_start start;
    struct cw_prosody_trainer *trainer;
    struct cw_tape *tape;
    int used;
    float **codings; /* [used] [P + 2, 512] */
    double loud;     /* real energy above it is loud */
    struct counts counts[PARTS];
    float spread[STYLE];
    double x[STYLE], grad[STYLE], m[STYLE], v[STYLE]; /* the shift in units of the spread */
    float style[STYLE], dstyle[STYLE];
};

struct cw_prosody_train_params cw_prosody_train_params_default(void) {
    return (struct cw_prosody_train_params){.steps = 60, .rate = 0.05, .pull = 0.5, .units = 800};
}

/* ---- set-up ----------------------------------------------------------------------------------------------------------------------- */

/* Symbol p of 1 .. count of utterance i: its part. Blocks are counted through all utterances. */
static int part_of(int first, int p) {
    return ((first + p - 1) / BLOCK) % BLOCKS == BLOCKS / 2 ? APART : FITTED;
}

/* What is loud, and how much there is of everything. */
static void count(struct fit *f) {
    double sum = 0;
    int frames = 0, first = 0;
    for (int i = 0; i < f->used; i++) {
        const struct cw_enrol_utterance *u = &f->e->utterances[i];
        for (int k = 2 * u->durations[0]; k < 2 * (u->units - u->durations[u->count + 1]); k++, frames++) {
            sum += (double)u->energy[k];
        }
    }
    f->loud = sum / (frames > 0 ? frames : 1);
    for (int i = 0; i < f->used; i++) {
        const struct cw_enrol_utterance *u = &f->e->utterances[i];
        int frame = 2 * u->durations[0];
        for (int p = 1; p <= u->count; p++) {
            struct counts *c = &f->counts[part_of(first, p)];
            c->symbols++;
            for (int end = frame + 2 * u->durations[p]; frame < end; frame++) {
                c->voiced += (double)u->f0[frame] > voiced_above;
                c->loud += (double)u->energy[frame] > f->loud;
            }
        }
        first += u->count;
    }
}

static void measure_spread(struct fit *f) {
    for (int j = 0; j < STYLE; j++) {
        double sum = 0, square = 0;
        for (int v = 0; v < f->stock->all; v++) {
            const double x = (double)f->stock->packs[((size_t)v * CW_PACK_ROWS + ROW) * CW_PACK_STYLE + CW_PACK_TIMBRE + (size_t)j];
            sum += x;
            square += x * x;
        }
        const double mean = sum / f->stock->all;
        f->spread[j] = (float)sqrt(fmax(0, square / f->stock->all - mean * mean));
    }
}

/* ---- the loss --------------------------------------------------------------------------------------------------------------------- */

/* |x|, rounded off below `within`; *slope: its derivative. */
static double smooth(double x, double within, double *slope) {
    if (fabs(x) < within) {
        *slope = x / within;
        return x * x / (2 * within);
    }
    *slope = x > 0 ? 1 : -1;
    return fabs(x) - within / 2;
}

/* Of an utterance's pass through the predictor. */
static size_t tape_bytes(int units) {
    return ((size_t)units + 512) * 400000 + ((size_t)64 << 20);
}

static float *at(struct cw_mat m, int row) {
    return m.data + (ptrdiff_t)row * m.stride;
}

/* Adds an utterance's share of the loss to losses [PARTS], and the gradient of what is fitted to what was predicted. */
static void compare(const struct fit *f, const struct cw_enrol_utterance *u, int first, const struct cw_predicted *said, double *losses) {
    const struct cw_mat d = said->durations->value, dd = said->durations->grad, f0 = said->f0->value, df0 = said->f0->grad;
    const struct cw_mat energy = said->energy->value, denergy = said->energy->grad;
    double lengths[PARTS][2] = {{0}}, symbols[PARTS] = {0}, slope;
    int frame = 2 * u->durations[0];
    for (int p = 1; p <= u->count; p++) {
        const int part = part_of(first, p);
        const struct counts *c = &f->counts[part];
        const double units = (double)*at(d, p), x = log(units + add_units) - log(u->durations[p] + add_units);
        losses[part] += fabs(x) / c->symbols;
        if (part == FITTED) {
            *at(dd, p) += (float)((x > 0 ? 1 : -1) / (units + add_units) / c->symbols);
        }
        symbols[part]++;
        lengths[part][0] += units;
        lengths[part][1] += u->durations[p];
        for (int end = frame + 2 * u->durations[p]; frame < end; frame++) {
            const double hz = fmax((double)*at(f0, frame), voiced_above), level = (double)u->energy[frame];
            if ((double)u->f0[frame] > voiced_above) {
                const double y = f->start.f0_slope * log(hz) + f->start.f0_offset - log((double)u->f0[frame]);
                losses[part] += of_f0 * smooth(y, smooth_f0, &slope) / c->voiced;
                if (part == FITTED) {
                    *at(df0, frame) += (float)(of_f0 * slope * f->start.f0_slope / hz / c->voiced);
                }
            }
            if (level > f->loud) {
                losses[part] += of_energy * smooth((double)*at(energy, frame) - level - f->start.level, smooth_f0, &slope) / c->loud;
                if (part == FITTED) {
                    *at(denergy, frame) += (float)(of_energy * slope / c->loud);
                }
            }
        }
    }
    for (int part = 0; part < PARTS; part++) {
        if (symbols[part] == 0) {
            continue;
        }
        const double share = of_length * symbols[part] / f->counts[part].symbols;
        losses[part] += share * smooth(log(lengths[part][0] / lengths[part][1]), smooth_length, &slope);
        for (int p = 1; part == FITTED && p <= u->count; p++) {
            if (part_of(first, p) == FITTED) {
                *at(dd, p) += (float)(share * slope / lengths[part][0]);
            }
        }
    }
}

static int clear_grad(struct cw_tape *t, struct cw_var *v, struct cw_error *err) {
    bool add;
    if (cw_tape_grad(t, v, &add, err) != 0) {
        return -1;
    }
    for (int r = 0; r < v->grad.rows; r++) {
        *at(v->grad, r) = 0;
    }
    return 0;
}

/* Numbers of voice v's pack that an utterance of `count` symbols reads. */
static const float *row_of(const struct cw_stock *s, int v, int symbols) {
    return s->packs + ((size_t)v * CW_PACK_ROWS + (size_t)symbols - 1) * CW_PACK_STYLE + CW_PACK_TIMBRE;
}

/* Losses [PARTS] of all utterances where f->x stands; f->grad, of what is fitted. */
static int run(struct fit *f, double *losses, struct cw_error *err) {
    int first = 0;
    memset(f->grad, 0, sizeof f->grad);
    losses[FITTED] = losses[APART] = 0;
    for (int i = 0; i < f->used; i++) {
        const struct cw_enrol_utterance *u = &f->e->utterances[i];
        for (int j = 0; j < STYLE; j++) {
            double sum = (double)f->spread[j] * f->x[j];
            for (int v = 0; v < f->stock->all; v++) {
                sum += (double)f->start.weights[v] * (double)row_of(f->stock, v, u->count)[j];
            }
            f->style[j] = (float)sum;
        }
        cw_tape_start(f->tape);
        struct cw_var *style =
            cw_tape_leaf(f->tape, (struct cw_mat){f->style, 1, STYLE, STYLE}, (struct cw_mat){f->dstyle, 1, STYLE, STYLE});
        const struct cw_predicted said =
            cw_prosody_trainer_run(f->trainer, f->tape, (struct cw_mat){f->codings[i], u->count + 2, HIDDEN, HIDDEN}, u->durations, style);
        if (cw_tape_check(f->tape, err) != 0 || clear_grad(f->tape, said.durations, err) != 0 || clear_grad(f->tape, said.f0, err) != 0 ||
            clear_grad(f->tape, said.energy, err) != 0) {
            return -1;
        }
        compare(f, u, first, &said, losses);
        if (cw_tape_backward(f->tape, err) != 0) {
            return -1;
        }
        for (int j = 0; j < STYLE; j++) {
            f->grad[j] += (double)f->dstyle[j] * (double)f->spread[j];
        }
        first += u->count;
    }
    return isfinite(losses[FITTED]) && isfinite(losses[APART])
               ? 0
               : cw_fail(err, CW_FAILED, "prosody: the loss is no longer a number; take a lower rate");
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------------ */

static void move(struct fit *f, int step, const struct cw_prosody_train_params *p) {
    const double cosine = 0.5 + 0.5 * cos(M_PI * step / p->steps), up = step < WARM_UP ? (step + 1.0) / WARM_UP : 1;
    const double rate = p->rate * up * (last_rate + (1 - last_rate) * cosine);
    const double c1 = 1 - pow(adam_1, step + 1), c2 = 1 - pow(adam_2, step + 1);
    for (int j = 0; j < STYLE; j++) {
        const double g = f->grad[j] + p->pull * 2 / STYLE * f->x[j];
        f->m[j] = adam_1 * f->m[j] + (1 - adam_1) * g;
        f->v[j] = adam_2 * f->v[j] + (1 - adam_2) * g * g;
        f->x[j] -= rate * (f->m[j] / c1) / (sqrt(f->v[j] / c2) + adam_eps);
    }
}

int cw_prosody_train(struct cw_prosody_trained *out, struct cw_device *d, const char *model, const struct cw_acoustic *a,
                     const struct cw_stock *s, const struct cw_enrolment *e, struct cw_prosody_start start,
                     struct cw_prosody_train_params params, struct cw_error *err) {
    struct fit *f = calloc(1, sizeof *f);
    double losses[PARTS];
    int result = -1, units = 0, longest = 0;
    *out = (struct cw_prosody_trained){.step = 0};
    if (params.steps < 1 || params.steps > 100000 || !(params.rate > 0 && params.rate < 10) || !(params.pull >= 0 && params.pull < 1000)) {
        cw_fail(err, CW_BAD_INPUT,
                "prosody: expected 1 to 100000 steps, a rate above 0, below 10, and a pull below 1000, found %d, %g and %g", params.steps,
                params.rate, params.pull);
        goto done;
    }
    if (f == NULL || (f->codings = calloc((size_t)e->count + 1, sizeof *f->codings)) == NULL) {
        cw_fail_memory(err, "prosody");
        goto done;
    }
    f->stock = s;
    f->e = e;
    f->start = start;
    for (; f->used < e->count && (f->used == 0 || units < params.units); f->used++) {
        units += e->utterances[f->used].units;
        longest = e->utterances[f->used].units > longest ? e->utterances[f->used].units : longest;
    }
    count(f);
    measure_spread(f);
    if (!(f->counts[FITTED].voiced > 0 && f->counts[APART].voiced > 0 && f->counts[FITTED].loud > 0 && f->counts[APART].loud > 0)) {
        result = 0; /* too little to choose by: it stays where it is */
        goto done;
    }
    if (cw_code_utterances(a, "d_en", e->utterances, f->used, f->codings, err) != 0 ||
        cw_prosody_trainer_open(&f->trainer, d, model, err) != 0 || cw_tape_open(&f->tape, d, tape_bytes(longest), err) != 0) {
        goto done;
    }
    for (int step = 0; step <= params.steps; step++) {
        if (params.progress != NULL && !params.progress(params.arg, step, params.steps)) {
            cw_fail(err, CW_FAILED, "stopped");
            goto done;
        }
        if (run(f, losses, err) != 0) {
            goto done;
        }
        if (step == 0) {
            out->before = out->after = losses[APART];
        }
        if (losses[APART] < out->after) {
            out->after = losses[APART];
            out->step = step;
            for (int j = 0; j < STYLE; j++) {
                out->shift[j] = (float)(f->x[j] * (double)f->spread[j]);
            }
        }
        move(f, step, &params);
    }
    result = 0;
done:
    for (int i = 0; f != NULL && f->codings != NULL && i < e->count; i++) {
        free(f->codings[i]);
    }
    if (f != NULL) {
        free(f->codings);
        cw_prosody_trainer_close(f->trainer);
        cw_tape_close(f->tape);
    }
    free(f);
    return result;
}

/* ---- speaking --------------------------------------------------------------------------------------------------------------------- */

int cw_prosody_say(struct cw_enrolment *e, struct cw_device *d, const char *model, const struct cw_acoustic *a, const struct cw_stock *s,
                   struct cw_prosody_start start, const float *shift, struct cw_error *err) {
    struct cw_prosody_trainer *trainer = NULL;
    struct cw_tape *tape = NULL;
    float **codings = calloc((size_t)e->count + 1, sizeof *codings), style[STYLE], dstyle[STYLE] = {0};
    int result = -1, longest = 0;
    for (int i = 0; i < e->count; i++) {
        longest = e->utterances[i].units > longest ? e->utterances[i].units : longest;
    }
    if (codings == NULL) {
        cw_fail_memory(err, "prosody");
        goto done;
    }
    if (cw_code_utterances(a, "d_en", e->utterances, e->count, codings, err) != 0 ||
        cw_prosody_trainer_open(&trainer, d, model, err) != 0 || cw_tape_open(&tape, d, tape_bytes(longest), err) != 0) {
        goto done;
    }
    for (int i = 0; i < e->count; i++) {
        struct cw_enrol_utterance *u = &e->utterances[i];
        for (int j = 0; j < STYLE; j++) {
            double sum = (double)shift[j];
            for (int v = 0; v < s->all; v++) {
                sum += (double)start.weights[v] * (double)row_of(s, v, u->count)[j];
            }
            style[j] = (float)sum;
        }
        cw_tape_start(tape);
        struct cw_var *by = cw_tape_leaf(tape, (struct cw_mat){style, 1, STYLE, STYLE}, (struct cw_mat){dstyle, 1, STYLE, STYLE});
        const struct cw_predicted said =
            cw_prosody_trainer_run(trainer, tape, (struct cw_mat){codings[i], u->count + 2, HIDDEN, HIDDEN}, u->durations, by);
        if (cw_tape_check(tape, err) != 0) {
            goto done;
        }
        free(u->said_f0);
        free(u->said_energy);
        u->said_f0 = calloc(2 * (size_t)u->units, sizeof *u->said_f0);
        u->said_energy = calloc(2 * (size_t)u->units, sizeof *u->said_energy);
        if (u->said_f0 == NULL || u->said_energy == NULL) {
            cw_fail_memory(err, "prosody");
            goto done;
        }
        for (int k = 0; k < 2 * u->units; k++) {
            const double hz = (double)*at(said.f0->value, k);
            u->said_f0[k] = (float)(hz > voiced_above ? exp(start.f0_slope * log(hz) + start.f0_offset) : hz);
            u->said_energy[k] = *at(said.energy->value, k);
        }
    }
    result = 0;
done:
    for (int i = 0; i < e->count; i++) {
        if (codings != NULL) {
            free(codings[i]);
        }
        if (result != 0) { /* all or none */
            free(e->utterances[i].said_f0);
            free(e->utterances[i].said_energy);
            e->utterances[i].said_f0 = e->utterances[i].said_energy = NULL;
        }
    }
    free(codings);
    cw_prosody_trainer_close(trainer);
    cw_tape_close(tape);
    return result;
}
