/* Training: enrolment ─▶ text encodings, once ─▶ steps: stretch ─▶ decoder ─▶ generator ─▶ loss ─▶ back ─▶ Adam ─▶ layers.
 *
 * All that is learnt stands in one array of numbers: style (in units of the stock voices' spread, from the start), offsets, low
 * rank; the layers of the networks point into it. Adam: Kingma and Ba, 2015. Low rank: Hu et al., "LoRA", 2021. */
#include "voices/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tts/train.h"
#include "vocoder/train.h"
#include "voices/coding.h"
#include "voices/encoder_loss.h"
#include "voices/loss.h"

enum {
    STYLE = CW_TRAIN_STYLE,
    HIDDEN = CW_CODING_WIDTH,
    LAYERS_MAX = 256,
    EDGE = 4,           /* units of silence at an end that are used */
    UNITS_MIN = 8,      /* of a stretch: the longest spectrum of the loss fits in */
    UNITS_MAX = 400,    /* 10 s */
    HELD_OUT_MAX = 4,   /* stretches */
    HELD_OUT_PART = 10, /* one unit in so many is held out */
    HELD_OUT_LITTLE = 20,
    DRAWS = 20,                 /* until a stretch teaches */
    TIMING = 2 * CW_ENROL_UNIT, /* samples that an aligned sound may be off by */
    WARM_UP = 10,
    CHECKPOINT_VERSION = 5
};
#define STYLE_SPREAD 0.143F /* mean standard deviation of the stock voices' style numbers */
#define ADAM_1 0.8
#define ADAM_2 0.98
#define ADAM_EPS 1e-8
#define LOUD_PART 0.6  /* of a stretch, at least */
#define LAST_RATE 0.1  /* of the cosine */
#define OLD_RATE 0.333 /* of the tiers before */

struct cw_train_params cw_train_params_default(void) {
    return (struct cw_train_params){.steps = {60, 120, 100},
                                    .rate = {0.21, 3e-3, 1e-3},
                                    .style_pull = 0.02,
                                    .segment_units = 60,
                                    .check_every = 10,
                                    .patience = 5,
                                    .encoder_weight = 0.5};
}

struct cw_train_params cw_train_params_little(void) {
    struct cw_train_params p = cw_train_params_default();
    for (int i = 0; i < CW_TRAIN_TIERS; i++)
        p.steps[i] = 60;
    p.rate[CW_TRAIN_TIER_STYLE] = 0.1;
    p.style_pull = 0.2;
    p.to_the_end = true;
    return p;
}

void cw_trained_free(struct cw_trained *t) {
    free(t->learnt.layers);
    free(t->numbers);
    *t = (struct cw_trained){0};
}

struct utterance {
    const struct cw_enrol_utterance *from;
    float *text;  /* [P + 2, 512] */
    bool *loud;   /* [units] */
    float *cost;  /* [units] of the alignment; 0 where it is not known */
    int begin;    /* first unit that is trained on: most of the silence at both ends is left out */
    int held_out; /* first unit that is not */
};

struct stretch {
    int utterance, unit, units;
    uint64_t noise; /* seed of the source's */
    bool own_f0;    /* F0 by the voice's own prosody, not the recording's */
};

struct trainer {
    struct cw_device *device;
    struct cw_train_params params;
    struct cw_acoustic_trainer *acoustic;
    struct cw_vocoder_trainer *vocoder;
    struct cw_tape *tape;
    struct cw_loss *loss;
    struct cw_encoder_loss *encoder; /* or NULL */
    struct cw_layer *layers[LAYERS_MAX];
    int layer_count;
    struct utterance *utterances;
    int count, trainable; /* utterances; units that a stretch may begin at, of all */
    struct stretch held_out[HELD_OUT_MAX];
    int held_out_count;
    float *asr; /* [units of a stretch, 512] */
    float start[STYLE], style[STYLE], dstyle[STYLE];
    /* numbers: z [128], offsets, low rank */
    size_t size, first_offset, first_low_rank;
    float *x, *grad, *m, *v, *best;
    /* where it stands */
    int tier, step, since_best; /* measurements since the best one */
    double best_loss, last_loss, losses[CW_TRAIN_TIERS + 1];
    int done[CW_TRAIN_TIERS];
    char key[65]; /* of all that decides the result */
};

/* ---- set-up ----------------------------------------------------------------------------------------------------------- */

static int check_utterance(const struct cw_enrol_utterance *u, int number, struct cw_error *err) {
    int units = 0;
    if (!u->ids || u->count < 1 || !u->durations || !u->f0 || !u->energy || !u->samples)
        return cw_fail(err, CW_BAD_INPUT, "utterance %d: expected symbols, durations, F0, energy and samples", number + 1);
    for (int p = 0; p < u->count + 2; p++) {
        if (u->durations[p] < 1 || u->durations[p] > 100000)
            return cw_fail(err, CW_BAD_INPUT, "utterance %d: expected durations of at least 1 unit, found %d", number + 1, u->durations[p]);
        units += u->durations[p];
    }
    if (units != u->units || units < UNITS_MIN)
        return cw_fail(err, CW_BAD_INPUT, "utterance %d: expected durations of %d units in all, at least %d, found %d", number + 1,
                       u->units, UNITS_MIN, units);
    for (int i = 0; i < 2 * units; i++)
        if (!isfinite(u->f0[i]) || !isfinite(u->energy[i]))
            return cw_fail(err, CW_BAD_INPUT, "utterance %d: expected finite F0 and energy", number + 1);
    for (int i = 0; i < units * CW_ENROL_UNIT; i++)
        if (!isfinite(u->samples[i]))
            return cw_fail(err, CW_BAD_INPUT, "utterance %d: expected finite samples", number + 1);
    return 0;
}

static int encode_texts(struct trainer *t, const char *model, const struct cw_enrolment *e, struct cw_error *err) {
    struct cw_acoustic *a = NULL;
    float **codings = calloc((size_t)e->count, sizeof *codings);
    int rc = -1;

    if (!codings) {
        cw_fail_memory(err, "training");
    } else if (cw_acoustic_open(&a, t->device, model, err) == 0 &&
               cw_code_utterances(a, "t_en", e->utterances, e->count, codings, err) == 0) {
        for (int i = 0; i < e->count; i++) {
            t->utterances[i].from = &e->utterances[i];
            t->utterances[i].text = codings[i];
        }
        rc = 0;
    }
    free(codings);
    cw_acoustic_close(a);
    return rc;
}

static int free_units(const struct utterance *u) {
    return u->held_out - u->begin;
}

/* Places where a stretch may begin; one for an utterance shorter than that. */
static int starts_of(const struct trainer *t, const struct utterance *u) {
    const int rest = free_units(u) - t->params.segment_units;
    return rest > 0 ? rest + 1 : free_units(u) >= UNITS_MIN ? 1 : 0;
}

/* Which units have at least a tenth of the utterance's loudness, and what their alignment cost. */
static int look_at_units(struct utterance *u, struct cw_error *err) {
    const int units = u->from->units;
    double all = 0;

    u->loud = calloc((size_t)units, sizeof *u->loud);
    u->cost = calloc((size_t)units, sizeof *u->cost);
    if (!u->loud || !u->cost)
        return cw_fail_memory(err, "training");
    for (int i = 0; i < units * CW_ENROL_UNIT; i++)
        all += (double)u->from->samples[i] * (double)u->from->samples[i];
    for (int k = 0; k < units; k++) {
        double sum = 0;
        for (int i = k * CW_ENROL_UNIT; i < (k + 1) * CW_ENROL_UNIT; i++)
            sum += (double)u->from->samples[i] * (double)u->from->samples[i];
        u->loud[k] = sum * units >= all / 100;
    }
    for (int p = 0, k = 0; u->from->cost && p < u->from->count + 2; p++)
        for (int i = 0; i < u->from->durations[p]; i++)
            u->cost[k++] = u->from->cost[p];
    return 0;
}

/* Leaves out what is silent at both ends, but for EDGE units. */
static void trim(struct utterance *u) {
    const int units = u->from->units;
    int first = units, last = -1;

    for (int k = 0; k < units; k++) {
        if (!u->loud[k])
            continue;
        first = k < first ? k : first;
        last = k;
    }
    u->begin = first > EDGE ? first - EDGE : 0;
    u->held_out = last + 1 + EDGE < units ? last + 1 + EDGE : units;
}

/* The ends of the longest utterances are held out: about a tenth of all, at least one stretch where something is left to train on. */
static void hold_out(struct trainer *t) {
    const int most = t->params.segment_units, want = t->params.to_the_end && HELD_OUT_LITTLE < most ? HELD_OUT_LITTLE : most;
    int all = 0, taken = 0;

    for (int i = 0; i < t->count; i++) {
        struct utterance *u = &t->utterances[i];
        trim(u);
        all += free_units(u);
    }
    while (t->held_out_count < HELD_OUT_MAX && (t->held_out_count == 0 || taken * HELD_OUT_PART < all)) {
        int longest = 0;
        for (int i = 1; i < t->count; i++)
            if (free_units(&t->utterances[i]) > free_units(&t->utterances[longest]))
                longest = i;
        struct utterance *u = &t->utterances[longest];
        const int units = free_units(u) / 2 < want ? free_units(u) / 3 : want;
        if (units < UNITS_MIN)
            break;
        u->held_out -= units;
        t->held_out[t->held_out_count] = (struct stretch){longest, u->held_out, units, (uint64_t)t->held_out_count, false};
        t->held_out_count++;
        taken += units;
    }
    for (int i = 0; i < t->count; i++)
        t->trainable += starts_of(t, &t->utterances[i]);
}

/* Not mostly pauses, which teach nothing but the room, and is what is loud what the text says? */
static bool teaches(const struct trainer *t, struct stretch s) {
    const struct utterance *u = &t->utterances[s.utterance];
    double cost = 0;
    int loud = 0;

    for (int k = s.unit; k < s.unit + s.units; k++) {
        loud += u->loud[k];
        cost += u->loud[k] ? (double)u->cost[k] : 0;
    }
    return loud >= LOUD_PART * s.units && cost <= CW_ENROL_COST_MOST * loud;
}

/* A stretch for a step, by the seed alone: the first of some that teaches. */
static struct stretch stretch_of(const struct trainer *t, int tier, int step) {
    struct stretch s = {0, 0, UNITS_MIN, 0, false};

    for (int draw = 0; draw < DRAWS; draw++) {
        uint32_t words[4];
        cw_philox(t->params.seed, (uint64_t)tier + 1 + ((uint64_t)draw << 32), (uint64_t)step, words);
        int at = (int)(((uint64_t)words[0] * (uint64_t)t->trainable) >> 32), i = 0;
        while (at >= starts_of(t, &t->utterances[i]))
            at -= starts_of(t, &t->utterances[i++]);
        const struct utterance *u = &t->utterances[i];
        s = (struct stretch){i, u->begin + at, free_units(u) < t->params.segment_units ? free_units(u) : t->params.segment_units,
                             (uint64_t)words[1] << 32 | words[2], (words[3] & 1) != 0};
        if (teaches(t, s))
            break;
    }
    return s;
}

static bool learns_rank(const struct trainer *t, const struct cw_layer *l) {
    return t->params.steps[CW_TRAIN_TIER_LOW_RANK] > 0 && l->may_rank && l->in >= CW_TRAIN_RANK && l->out >= CW_TRAIN_RANK;
}

/* Lays all numbers out and points the layers into them. `down` starts random, `up` at zero, so that nothing is added at first. */
static int lay_out(struct trainer *t, struct cw_error *err) {
    struct cw_layer *lists[2];
    size_t at = STYLE;
    int n[2];

    lists[0] = cw_acoustic_trainer_layers(t->acoustic, &n[0]);
    lists[1] = cw_vocoder_trainer_layers(t->vocoder, &n[1]);
    if (n[0] + n[1] > LAYERS_MAX)
        return cw_fail(err, CW_BAD_INPUT, "training: expected at most %d layers, found %d", LAYERS_MAX, n[0] + n[1]);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < n[k]; i++)
            t->layers[t->layer_count++] = &lists[k][i];
    t->first_offset = at;
    for (int i = 0; i < t->layer_count; i++)
        at += t->layers[i]->bias ? (size_t)t->layers[i]->out : 0;
    t->first_low_rank = at;
    for (int i = 0; i < t->layer_count; i++) {
        const struct cw_layer *l = t->layers[i];
        at += learns_rank(t, l) ? (size_t)CW_TRAIN_RANK * ((size_t)l->in * (size_t)l->taps + (size_t)l->out) : 0;
    }
    t->size = at;
    t->x = calloc(at, sizeof *t->x);
    t->grad = calloc(at, sizeof *t->grad);
    t->m = calloc(at, sizeof *t->m);
    t->v = calloc(at, sizeof *t->v);
    t->best = calloc(at, sizeof *t->best);
    t->asr = malloc(sizeof(float) * (size_t)t->params.segment_units * HIDDEN);
    if (!t->x || !t->grad || !t->m || !t->v || !t->best || !t->asr)
        return cw_fail_memory(err, "training");
    at = t->first_offset;
    for (int i = 0; i < t->layer_count; i++) {
        struct cw_layer *l = t->layers[i];
        if (!l->bias)
            continue;
        l->offset = t->x + at;
        l->offset_grad = t->grad + at;
        at += (size_t)l->out;
    }
    for (int i = 0; i < t->layer_count; i++) {
        struct cw_layer *l = t->layers[i];
        const size_t down = (size_t)CW_TRAIN_RANK * (size_t)l->in * (size_t)l->taps;
        if (!learns_rank(t, l))
            continue;
        cw_gauss(t->params.seed, (uint64_t)i + 1, 0, down, t->x + at);
        for (size_t k = 0; k < down; k++)
            t->x[at + k] /= sqrtf((float)(l->in * l->taps));
        l->down = t->x + at;
        l->down_grad = t->grad + at;
        l->up = t->x + at + down;
        l->up_grad = t->grad + at + down;
        at += down + (size_t)CW_TRAIN_RANK * (size_t)l->out;
    }
    return 0;
}

static int learn_room(struct trainer *t, struct cw_error *err) {
    const float **x = calloc((size_t)t->count, sizeof *x);
    int *n = calloc((size_t)t->count, sizeof *n), rc = -1;

    if (!x || !n) {
        cw_fail_memory(err, "training");
    } else {
        for (int i = 0; i < t->count; i++) {
            x[i] = t->utterances[i].from->samples;
            n[i] = t->utterances[i].from->units * CW_ENROL_UNIT;
        }
        rc = cw_loss_learn_room(t->loss, x, n, t->count, err);
    }
    free(x);
    free(n);
    return rc;
}

/* sha256 of all that decides the result: a checkpoint of something else is not gone on from. */
static void make_key(struct trainer *t, const struct cw_enrolment *e) {
    struct cw_sha256 h;
    const struct cw_train_params *p = &t->params;
    const int version = CHECKPOINT_VERSION;

    cw_sha256_start(&h);
    cw_sha256_add(&h, &version, sizeof version);
    if (p->model_sha256)
        cw_sha256_add(&h, p->model_sha256, strlen(p->model_sha256));
    cw_sha256_add(&h, &p->seed, sizeof p->seed);
    cw_sha256_add(&h, p->steps, sizeof p->steps);
    cw_sha256_add(&h, p->rate, sizeof p->rate);
    cw_sha256_add(&h, &p->style_pull, sizeof p->style_pull);
    cw_sha256_add(&h, (const int[]){p->segment_units, p->check_every, p->patience, p->to_the_end}, 4 * sizeof(int));
    cw_sha256_add(&h, &e->band_hz, sizeof e->band_hz);
    cw_sha256_add(&h, t->start, sizeof t->start);
    if (t->encoder) {
        cw_sha256_add(&h, p->like, sizeof *p->like * CW_EMBEDDING);
        cw_sha256_add(&h, &p->encoder_weight, sizeof p->encoder_weight);
    }
    cw_sha256_add(&h, &t->size, sizeof t->size);
    cw_sha256_add(&h, cw_device_isa(t->device), strlen(cw_device_isa(t->device)));
    for (int i = 0; i < e->count; i++) {
        const struct cw_enrol_utterance *u = &e->utterances[i];
        cw_sha256_add(&h, u->ids, sizeof *u->ids * (size_t)u->count);
        cw_sha256_add(&h, u->durations, sizeof *u->durations * (size_t)(u->count + 2));
        cw_sha256_add(&h, u->f0, sizeof *u->f0 * 2 * (size_t)u->units);
        cw_sha256_add(&h, u->energy, sizeof *u->energy * 2 * (size_t)u->units);
        if (u->said_f0 && u->said_energy) {
            cw_sha256_add(&h, u->said_f0, sizeof *u->said_f0 * 2 * (size_t)u->units);
            cw_sha256_add(&h, u->said_energy, sizeof *u->said_energy * 2 * (size_t)u->units);
        }
        if (u->cost)
            cw_sha256_add(&h, u->cost, sizeof *u->cost * (size_t)(u->count + 2));
        cw_sha256_add(&h, u->samples, sizeof *u->samples * CW_ENROL_UNIT * (size_t)u->units);
        cw_sha256_add(&h, t->utterances[i].text, sizeof(float) * (size_t)(u->count + 2) * HIDDEN);
    }
    cw_sha256_end(&h, t->key);
}

/* ---- checkpoint ---------------------------------------------------------------------------------------------------------- */

#define MAGIC "CWTRAIN1"
struct checkpoint_head {
    char magic[8], key[64];
    int32_t tier, step, since_best, done[CW_TRAIN_TIERS];
    double best_loss, last_loss, losses[CW_TRAIN_TIERS + 1];
    uint64_t size;
};

static int save(const struct trainer *t, struct cw_error *err) {
    const float *const parts[] = {t->x, t->m, t->v, t->best};
    const size_t bytes = sizeof(float) * t->size;
    struct checkpoint_head head = {.tier = t->tier,
                                   .step = t->step,
                                   .since_best = t->since_best,
                                   .best_loss = t->best_loss,
                                   .last_loss = t->last_loss,
                                   .size = t->size};
    char *data = NULL;
    int rc = -1;

    if (!t->params.checkpoint)
        return 0;
    memcpy(head.magic, MAGIC, sizeof head.magic);
    memcpy(head.key, t->key, sizeof head.key);
    memcpy(head.losses, t->losses, sizeof head.losses);
    for (int i = 0; i < CW_TRAIN_TIERS; i++)
        head.done[i] = t->done[i];
    data = malloc(sizeof head + 4 * bytes + 64);
    if (!data) {
        cw_fail_memory(err, "checkpoint");
        goto done;
    }
    memcpy(data, &head, sizeof head);
    for (int i = 0; i < 4; i++)
        memcpy(data + sizeof head + (size_t)i * bytes, parts[i], bytes);
    char hex[65];
    cw_sha256_of(data, sizeof head + 4 * bytes, hex);
    memcpy(data + sizeof head + 4 * bytes, hex, 64);
    rc = cw_file_write(t->params.checkpoint, data, sizeof head + 4 * bytes + 64, err);
    if (rc != 0)
        cw_fail(err, CW_FAILED, "training: %.800s; make room for %zu MB there and ask again: it goes on from where it was last kept",
                err->text, (sizeof head + 4 * bytes) / 1000000 + 1);
done:
    free(data);
    return rc;
}

/* A file that is not there, is not whole, or is of another training is no error: training then starts at the beginning. */
static void restore(struct trainer *t) {
    struct cw_error ignored = {0};
    const size_t bytes = sizeof(float) * t->size;
    float *const parts[] = {t->x, t->m, t->v, t->best};
    struct checkpoint_head head;
    char *data = NULL, hex[65];
    size_t len = 0;

    if (!t->params.checkpoint || !cw_file_exists(t->params.checkpoint) ||
        cw_file_read(t->params.checkpoint, sizeof head + 4 * bytes + 64, &data, &len, &ignored) != 0)
        return;
    if (len != sizeof head + 4 * bytes + 64)
        goto done;
    memcpy(&head, data, sizeof head);
    cw_sha256_of(data, sizeof head + 4 * bytes, hex);
    if (memcmp(hex, data + sizeof head + 4 * bytes, 64) != 0 || memcmp(head.magic, MAGIC, sizeof head.magic) != 0 ||
        memcmp(head.key, t->key, sizeof head.key) != 0 || head.size != t->size || head.tier < 0 || head.tier > CW_TRAIN_TIERS)
        goto done;
    t->tier = head.tier;
    t->step = head.step;
    t->since_best = head.since_best;
    t->best_loss = head.best_loss;
    t->last_loss = head.last_loss;
    memcpy(t->losses, head.losses, sizeof t->losses);
    for (int i = 0; i < CW_TRAIN_TIERS; i++)
        t->done[i] = head.done[i];
    for (int i = 0; i < 4; i++)
        memcpy(parts[i], data + sizeof head + (size_t)i * bytes, bytes);
done:
    free(data);
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------ */

/* Brings the numbers to the layers. Low rank takes part from its tier on: before, `up` is zero. */
static int update_layers(struct trainer *t, struct cw_error *err) {
    for (int i = 0; i < STYLE; i++)
        t->style[i] = t->start[i] + STYLE_SPREAD * t->x[i];
    for (int i = 0; i < t->layer_count; i++) {
        struct cw_layer *l = t->layers[i];
        l->rank = t->tier >= CW_TRAIN_TIER_LOW_RANK && l->down ? CW_TRAIN_RANK : 0;
        if (cw_layer_update(l, err) != 0)
            return -1;
    }
    return 0;
}

/* The loss on a stretch; its gradients are added to t->grad (t->dstyle) where `backward`. *said: its samples, until the next one. */
static int run_stretch(struct trainer *t, struct stretch s, bool backward, double *loss, const float **said, struct cw_error *err) {
    const struct utterance *u = &t->utterances[s.utterance];
    const struct cw_enrol_utterance *from = u->from;
    int unit = -s.unit, n = 0;
    double unlike = 0;
    bool add;

    for (int p = 0; p < from->count + 2; p++)
        for (int k = 0; k < from->durations[p]; k++, unit++)
            if (unit >= 0 && unit < s.units)
                memcpy(t->asr + (size_t)n++ * HIDDEN, u->text + (size_t)p * HIDDEN, sizeof(float) * HIDDEN);
    /* by the energy that its own prosody says, since it will have to speak by such; by its F0 half of the time, since harmonics that are
     * not where the recording's are teach noise */
    const bool own = from->said_f0 && from->said_energy;
    const float *f0 = (own && s.own_f0 ? from->said_f0 : from->f0) + (size_t)2 * s.unit;
    const float *energy = (own ? from->said_energy : from->energy) + (size_t)2 * s.unit;
    cw_tape_start(t->tape);
    struct cw_var *style = cw_tape_leaf(t->tape, (struct cw_mat){t->style, 1, STYLE, STYLE}, (struct cw_mat){t->dstyle, 1, STYLE, STYLE});
    struct cw_var *frames =
        cw_acoustic_trainer_run(t->acoustic, t->tape, (struct cw_mat){t->asr, s.units, HIDDEN, HIDDEN}, f0, energy, style);
    struct cw_var *wave = cw_vocoder_trainer_run(t->vocoder, t->tape, frames, style, f0, s.noise, NULL);
    if (cw_tape_check(t->tape, err) != 0 || (backward && cw_tape_grad(t->tape, wave, &add, err) != 0) ||
        cw_loss_run(t->loss, t->device, wave->value.data, from->samples + (size_t)CW_ENROL_UNIT * s.unit, s.units * CW_ENROL_UNIT, loss,
                    backward ? wave->grad.data : NULL, err) != 0 ||
        (t->encoder && cw_encoder_loss_run(t->encoder, wave->value.data, s.units * CW_ENROL_UNIT, t->params.like, &unlike,
                                           t->params.encoder_weight, backward ? wave->grad.data : NULL, err) != 0))
        return -1;
    *loss += t->params.encoder_weight * unlike;
    if (!isfinite(*loss))
        return cw_fail(err, CW_FAILED, "training: the loss is no longer a number; take a lower learning rate");
    *said = wave->value.data;
    return backward ? cw_tape_backward(t->tape, err) : 0;
}

static int measure(struct trainer *t, double *loss, struct cw_error *err) {
    double sum = 0, units = 0, one;
    const float *said;

    for (int i = 0; i < t->held_out_count; i++) {
        if (run_stretch(t, t->held_out[i], false, &one, &said, err) != 0)
            return -1;
        if (t->params.hear)
            t->params.hear(t->params.arg, i, said, t->held_out[i].units * CW_ENROL_UNIT);
        sum += one * t->held_out[i].units;
        units += t->held_out[i].units;
    }
    *loss = sum / units;
    return 0;
}

/* Warm-up, then a cosine down to LAST_RATE. */
static double rate_at(int step, int steps) {
    const double up = step < WARM_UP ? (step + 1.0) / WARM_UP : 1;
    const double part = steps > WARM_UP && step > WARM_UP ? (double)(step - WARM_UP) / (steps - WARM_UP) : 0;
    return up * (LAST_RATE + (1 - LAST_RATE) * (0.5 + 0.5 * cos(M_PI * part)));
}

static void adam(struct trainer *t, size_t first, size_t end, double rate) {
    const double c1 = 1 - pow(ADAM_1, t->step + 1), c2 = 1 - pow(ADAM_2, t->step + 1);

    for (size_t i = first; i < end; i++) {
        const double g = (double)t->grad[i];
        t->m[i] = (float)(ADAM_1 * (double)t->m[i] + (1 - ADAM_1) * g);
        t->v[i] = (float)(ADAM_2 * (double)t->v[i] + (1 - ADAM_2) * g * g);
        t->x[i] -= (float)(rate * ((double)t->m[i] / c1) / (sqrt((double)t->v[i] / c2) + ADAM_EPS));
    }
}

static int train_step(struct trainer *t, double *loss, struct cw_error *err) {
    const struct cw_train_params *p = &t->params;
    const double rate = rate_at(t->step, p->steps[t->tier]);
    const size_t edges[CW_TRAIN_TIERS + 1] = {0, t->first_offset, t->first_low_rank, t->size};

    const float *said;

    memset(t->grad, 0, sizeof *t->grad * t->size);
    if (run_stretch(t, stretch_of(t, t->tier, t->step), true, loss, &said, err) != 0)
        return -1;
    for (int i = 0; i < STYLE; i++)
        t->grad[i] = t->dstyle[i] * STYLE_SPREAD + (float)(p->style_pull * 2 / STYLE) * t->x[i];
    for (int k = 0; k <= t->tier; k++)
        adam(t, edges[k], edges[k + 1], rate * p->rate[k] * (k == t->tier ? 1 : OLD_RATE));
    t->step++;
    return update_layers(t, err);
}

static void start_tier(struct trainer *t) {
    t->step = 0;
    t->since_best = 0;
    memset(t->m, 0, sizeof *t->m * t->size);
    memset(t->v, 0, sizeof *t->v * t->size);
}

static int run_tier(struct trainer *t, struct cw_error *err) {
    const struct cw_train_params *p = &t->params;
    const int steps = p->steps[t->tier], first = t->step;
    const double began = cw_seconds();
    double loss = 0;

    while (t->step < steps && t->since_best < p->patience) {
        if (train_step(t, &loss, err) != 0)
            return -1;
        if (t->step % p->check_every == 0 || t->step == steps) {
            if (measure(t, &t->last_loss, err) != 0)
                return -1;
            t->since_best++;
            if (t->last_loss < t->best_loss || p->to_the_end) {
                t->best_loss = t->last_loss;
                t->since_best = 0;
                memcpy(t->best, t->x, sizeof *t->x * t->size);
            }
            if (save(t, err) != 0)
                return -1;
        }
        if (!p->progress)
            continue;
        int left = steps - t->step;
        for (int k = t->tier + 1; k < CW_TRAIN_TIERS; k++)
            left += p->steps[k];
        const struct cw_train_progress now = {(enum cw_train_tier)t->tier,
                                              t->step,
                                              steps,
                                              loss,
                                              t->last_loss,
                                              t->best_loss,
                                              (cw_seconds() - began) / (t->step - first) * left};
        if (!p->progress(p->arg, &now)) {
            return p->checkpoint ? cw_fail(err, CW_FAILED, "training: stopped; it goes on from \"%s\"", p->checkpoint)
                                 : cw_fail(err, CW_FAILED, "training: stopped");
        }
    }
    t->done[t->tier] = t->step;
    memcpy(t->x, t->best, sizeof *t->x * t->size);
    t->losses[t->tier + 1] = t->best_loss;
    t->tier++;
    start_tier(t);
    return update_layers(t, err);
}

/* ---- the result ---------------------------------------------------------------------------------------------------------------- */

static int take_result(const struct trainer *t, struct cw_trained *out, struct cw_error *err) {
    out->numbers = malloc(sizeof(float) * t->size);
    out->learnt.layers = calloc((size_t)t->layer_count, sizeof *out->learnt.layers);
    if (!out->numbers || !out->learnt.layers)
        return cw_fail_memory(err, "training");
    memcpy(out->numbers, t->x, sizeof(float) * t->size);
    memcpy(out->style, t->style, sizeof out->style);
    memcpy(out->held_out, t->losses, sizeof out->held_out);
    memcpy(out->steps, t->done, sizeof out->steps);
    for (int i = 0; i < t->layer_count; i++) {
        const struct cw_layer *l = t->layers[i];
        const bool offset = l->offset && t->done[CW_TRAIN_TIER_OFFSETS] + t->done[CW_TRAIN_TIER_LOW_RANK] > 0;
        const bool low = l->down && t->done[CW_TRAIN_TIER_LOW_RANK] > 0;
        if (!offset && !low)
            continue;
        struct cw_learnt_layer *to = &out->learnt.layers[out->learnt.count++];
        memcpy(to->name, l->name, sizeof to->name);
        to->out = l->out;
        to->in = l->in;
        to->taps = l->taps;
        to->offset = offset ? out->numbers + (l->offset - t->x) : NULL;
        to->rank = low ? CW_TRAIN_RANK : 0;
        to->down = low ? out->numbers + (l->down - t->x) : NULL;
        to->up = low ? out->numbers + (l->up - t->x) : NULL;
    }
    return 0;
}

/* Shows what there is after a tier, where another one follows. */
static int show_tier(const struct trainer *t, enum cw_train_tier tier, struct cw_error *err) {
    struct cw_trained now = {0};
    int left = 0, rc = 0;

    for (int k = (int)tier + 1; k < CW_TRAIN_TIERS; k++)
        left += t->params.steps[k];
    if (!t->params.tier || t->done[tier] == 0 || left == 0)
        return 0;
    rc = take_result(t, &now, err) != 0 ? -1 : t->params.tier(t->params.arg, tier, &now, err);
    cw_trained_free(&now);
    return rc;
}

static int check_params(const struct cw_train_params *p, const struct cw_enrolment *e, const float *style, struct cw_error *err) {
    for (int i = 0; i < CW_TRAIN_TIERS; i++)
        if (p->steps[i] < 0 || p->steps[i] > 100000 || !(p->rate[i] > 0 && p->rate[i] < 10))
            return cw_fail(err, CW_BAD_INPUT, "training: expected 0 to 100000 steps and a rate above 0, below 10, found %d and %g",
                           p->steps[i], p->rate[i]);
    if (p->segment_units < UNITS_MIN || p->segment_units > UNITS_MAX || p->check_every < 1 || p->patience < 1)
        return cw_fail(err, CW_BAD_INPUT, "training: expected stretches of %d to %d units, found %d", UNITS_MIN, UNITS_MAX,
                       p->segment_units);
    if (e->count < 1 || !e->utterances)
        return cw_fail(err, CW_BAD_INPUT, "training: expected at least one utterance, found none");
    if (p->encoder && (!p->like || !(p->encoder_weight > 0 && p->encoder_weight < 100)))
        return cw_fail(err, CW_BAD_INPUT, "training: expected an embedding and a weight above 0, below 100 for the encoder, found %g",
                       p->encoder_weight);
    for (int i = 0; i < STYLE; i++)
        if (!isfinite(style[i]))
            return cw_fail(err, CW_BAD_INPUT, "training: expected a finite style to start from");
    return 0;
}

int cw_train_run(struct cw_trained *out, struct cw_device *d, const char *model, const struct cw_enrolment *e, const float *style,
                 struct cw_train_params params, struct cw_error *err) {
    /* floats of a unit that a step keeps: about 1.3 million, most of them the last stage's, 120 rows of 128 for each of 100 operations */
    const size_t bytes = (size_t)params.segment_units * 4 * 2000000 + ((size_t)256 << 20);
    const double band = e->band_hz >= 1000 && e->band_hz < 11000 ? e->band_hz : 11000;
    struct trainer *t = NULL;
    int rc = -1;

    *out = (struct cw_trained){0};
    if (check_params(&params, e, style, err) != 0)
        goto done;
    t = calloc(1, sizeof *t);
    if (!t || !(t->utterances = calloc((size_t)e->count, sizeof *t->utterances))) {
        cw_fail_memory(err, "training");
        goto done;
    }
    for (int i = 0; i < e->count; i++)
        if (check_utterance(&e->utterances[i], i, err) != 0)
            goto done;
    t->device = d;
    t->params = params;
    t->count = e->count;
    memcpy(t->start, style, sizeof t->start);
    if (encode_texts(t, model, e, err) != 0)
        goto done;
    for (int i = 0; i < t->count; i++)
        if (look_at_units(&t->utterances[i], err) != 0)
            goto done;
    hold_out(t);
    if (t->held_out_count == 0 || t->trainable == 0) {
        cw_fail(err, CW_BAD_INPUT, "training: expected an utterance of at least %d ms, found none", 3 * UNITS_MIN * 25);
        goto done;
    }
    if (cw_acoustic_trainer_open(&t->acoustic, d, model, err) != 0 || cw_vocoder_trainer_open(&t->vocoder, d, model, err) != 0 ||
        cw_tape_open(&t->tape, d, bytes, err) != 0 ||
        cw_loss_open(&t->loss, CW_ENROL_RATE, band, params.segment_units * CW_ENROL_UNIT, err) != 0 || learn_room(t, err) != 0 ||
        cw_loss_forgive_timing(t->loss, TIMING, err) != 0 ||
        (params.encoder && cw_encoder_loss_open(&t->encoder, d, params.encoder, params.segment_units * CW_ENROL_UNIT, err) != 0) ||
        lay_out(t, err) != 0)
        goto done;
    make_key(t, e);
    start_tier(t);
    restore(t);
    if (update_layers(t, err) != 0)
        goto done;
    if (t->tier == 0 && t->step == 0) {
        if (measure(t, &t->best_loss, err) != 0)
            goto done;
        t->losses[0] = t->last_loss = t->best_loss;
        memcpy(t->best, t->x, sizeof *t->x * t->size);
    }
    while (t->tier < CW_TRAIN_TIERS)
        if (run_tier(t, err) != 0 || show_tier(t, (enum cw_train_tier)(t->tier - 1), err) != 0)
            goto done;
    rc = take_result(t, out, err);
done:
    if (rc != 0)
        cw_trained_free(out);
    for (int i = 0; t && t->utterances && i < t->count; i++) {
        free(t->utterances[i].text);
        free(t->utterances[i].loud);
        free(t->utterances[i].cost);
    }
    if (t) {
        cw_acoustic_trainer_close(t->acoustic);
        cw_vocoder_trainer_close(t->vocoder);
        cw_tape_close(t->tape);
        cw_loss_close(t->loss);
        cw_encoder_loss_close(t->encoder);
        free(t->utterances);
        free(t->asr);
        free(t->x);
        free(t->grad);
        free(t->m);
        free(t->v);
        free(t->best);
    }
    free(t);
    return rc;
}
