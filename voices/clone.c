/* Enrolment ─▶ what is kept apart ─▶ stock voices, regression ─▶ prosody ─▶ colour or training ─▶ voice file ─▶ three sentences, listened
 * to. */
#include "voices/clone.h"

#include "voices/colour.h"
#include "voices/learnt.h"
#include "voices/prosody.h"
#include "voices/saying.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACK_NUMBERS = CW_PACK_ROWS * CW_PACK_STYLE, ROW = 100, JUDGED = 3 };
static const double part_left_out = 0.12, least_left_out = 4, least_fitted = 12; /* of the speech; seconds */
static const double parent_least = 0.02;                                         /* weights below it are not named */

static const char *const tier_names[CW_CLONE_TIERS] = {"likeness", "style", "offsets", "low-rank"};
/* said by the voice and by the nearest stock voice; none of them is in the reading script. In another language than English: the texts of
 * what was kept apart */
static const char *const judged[JUDGED] = {"The tide turned before noon, and nobody on the pier had noticed.",
                                           "She keeps a notebook of everything that her garden taught her.",
                                           "When the lights came back, we found that the clock had stopped."};

const char *cw_clone_tier_name(enum cw_clone_tier tier) {
    return tier >= 0 && tier < CW_CLONE_TIERS ? tier_names[tier] : NULL;
}

bool cw_clone_tier_find(const char *name, enum cw_clone_tier *tier) {
    for (int i = 0; i < CW_CLONE_TIERS; i++) {
        if (strcmp(name, tier_names[i]) == 0) {
            *tier = (enum cw_clone_tier)i;
            return true;
        }
    }
    return false;
}

struct cw_clone_params cw_clone_params_default(void) {
    return (struct cw_clone_params){.tier = CW_CLONE_LOW_RANK, .mixtures = CW_MIXTURES, .sentences = JUDGED};
}

void cw_clone_report_free(struct cw_clone_report *r) {
    cw_text_free(&r->notes);
    *r = (struct cw_clone_report){0};
}

struct cloning {
    const struct cw_clone_engine *g;
    struct cw_clone_params params;
    struct cw_enrolment all;
    struct cw_enrolment fitted; /* the first of all.utterances; borrowed */
    struct cw_stock stock;
    struct cw_prosody prosody;
    const char *beside;
    float weights[CW_STOCK_MAX];                   /* of the timbre's mix */
    float from[CW_EMBEDDING], apart[CW_EMBEDDING]; /* of what is fitted to; of what is kept apart */
    float colour[CW_COLOUR_OFFSETS];               /* of the likeness alone: training has better means */
    float *preview;
    size_t preview_count;
};

static bool tell(const struct cloning *c, enum cw_clone_stage stage, int done, int all) {
    const struct cw_clone_progress p = {stage, done, all, NULL};
    return c->params.progress == NULL || c->params.progress(c->params.arg, &p);
}

static bool tell_hearing(void *arg, int done, int all) {
    return tell(arg, CW_CLONE_HEARING, done, all);
}

static bool tell_prosody(void *arg, int done, int all) {
    return tell(arg, CW_CLONE_PROSODY, done, all);
}

/* ---- preparing -------------------------------------------------------------------------------------------------------------------- */

/* Fit to be learnt from? And who of the stock voices is most like the speaker: their texts are laid beside hers. */
static int look_beside(struct cloning *c, const struct cw_enrol_source *sources, int count, struct cw_error *err) {
    struct cw_recording r = {0};
    float one[CW_EMBEDDING], sum[CW_EMBEDDING] = {0};
    int result = -1;
    for (int i = 0; i < count; i++) {
        cw_recording_free(&r);
        if (!tell(c, CW_CLONE_ENROLLING, i, count)) {
            cw_fail(err, CW_FAILED, "stopped");
            goto done;
        }
        if (cw_recording_read(&r, sources[i].recording, err) != 0) {
            goto done;
        }
        if (cw_enrol_check(&r, c->g->enrol.encoder, err) != 0 ||
            cw_encoder_listen(c->g->enrol.encoder, r.samples, r.count, r.rate, one, err) != 0) {
            cw_fail_in(err, "%s", sources[i].recording);
            goto done;
        }
        for (int k = 0; k < CW_EMBEDDING; k++) {
            sum[k] += one[k];
        }
    }
    if (cw_stock_open(&c->stock, &c->g->enrol, c->g->model_sha256, c->g->cache, c->params.mixtures, tell_hearing, c, err) != 0) {
        goto done;
    }
    c->beside = c->stock.names[cw_stock_nearest(&c->stock, sum, NULL)];
    result = 0;
done:
    cw_recording_free(&r);
    return result;
}

/* One embedding of utterances first .. end. */
static int embed(const struct cloning *c, int first, int end, float embedding[CW_EMBEDDING], struct cw_error *err) {
    size_t n = 0, at = 0;
    for (int i = first; i < end; i++) {
        n += (size_t)c->all.utterances[i].units * CW_ENROL_UNIT;
    }
    float *x = malloc(sizeof *x * (n + 1));
    if (x == NULL) {
        return cw_fail_memory(err, "recordings");
    }
    for (int i = first; i < end; i++) {
        const size_t len = (size_t)c->all.utterances[i].units * CW_ENROL_UNIT;
        memcpy(x + at, c->all.utterances[i].samples, sizeof *x * len);
        at += len;
    }
    int result = cw_encoder_listen(c->g->enrol.encoder, x, n, CW_ENROL_RATE, embedding, err);
    free(x);
    return result;
}

/* The last utterances are kept apart to judge by, where enough is left to fit to. */
static int keep_apart(struct cloning *c, struct cw_clone_report *r, struct cw_error *err) {
    const double unit = (double)CW_ENROL_UNIT / CW_ENROL_RATE;
    double apart = 0;
    int fitted = c->all.count;
    while (fitted > 1 && (apart < part_left_out * c->all.seconds || apart < least_left_out)) {
        apart += c->all.utterances[--fitted].units * unit;
    }
    r->unseen = apart >= least_left_out && c->all.seconds - apart >= least_fitted;
    if (!r->unseen) {
        fitted = c->all.count;
        apart = 0;
    }
    c->fitted = c->all;
    c->fitted.count = fitted;
    c->fitted.seconds = c->all.seconds - apart;
    r->utterances = fitted;
    r->left_out = c->all.count - fitted;
    r->seconds = c->fitted.seconds;
    r->seconds_left_out = apart;
    if (embed(c, 0, fitted, c->from, err) != 0) {
        return -1;
    }
    if (!r->unseen) {
        memcpy(c->apart, c->from, sizeof c->apart);
        return 0;
    }
    return embed(c, fitted, c->all.count, c->apart, err);
}

/* ---- the file ----------------------------------------------------------------------------------------------------------------------- */

static void mix(const struct cloning *c, float *pack) {
    memset(pack, 0, sizeof *pack * PACK_NUMBERS);
    for (int v = 0; v < c->stock.all; v++) {
        const float *from = c->stock.packs + (size_t)v * PACK_NUMBERS;
        for (int i = 0; i < PACK_NUMBERS; i++) {
            pack[i] += (i % CW_PACK_STYLE < CW_PACK_TIMBRE ? c->weights[v] : c->prosody.weights[v]) * from[i];
        }
    }
    for (int i = 0; i < PACK_NUMBERS; i++) {
        pack[i] += i % CW_PACK_STYLE < CW_PACK_TIMBRE ? 0 : c->prosody.shift[i % CW_PACK_STYLE - CW_PACK_TIMBRE];
    }
}

/* The timbre half of every row moves as row ROW's did. */
static void move(float *pack, const float *style) {
    float by[CW_PACK_TIMBRE];
    for (int i = 0; i < CW_PACK_TIMBRE; i++) {
        by[i] = style[i] - pack[ROW * CW_PACK_STYLE + i];
    }
    for (int r = 0; r < CW_PACK_ROWS; r++) {
        for (int i = 0; i < CW_PACK_TIMBRE; i++) {
            pack[r * CW_PACK_STYLE + i] += by[i];
        }
    }
}

static int name_parents(const struct cloning *c, struct cw_voice_file *f, struct cw_error *err) {
    f->parents = calloc((size_t)c->stock.all + 1, sizeof *f->parents);
    if (f->parents == NULL) {
        return cw_fail_memory(err, "voice");
    }
    for (int v = 0; v < c->stock.all; v++) {
        char sum[65], line[256];
        const double timbre = (double)c->weights[v], prosody = (double)c->prosody.weights[v];
        if (fabs(timbre) < parent_least && fabs(prosody) < parent_least) {
            continue;
        }
        cw_sha256_of(c->stock.packs + (size_t)v * PACK_NUMBERS, sizeof(float) * PACK_NUMBERS, sum);
        snprintf(line, sizeof line, "%s %.6g %.6g %s", c->stock.names[v], timbre, prosody, sum);
        f->parents[f->parent_count] = cw_strdup(line);
        if (f->parents[f->parent_count] == NULL) {
            return cw_fail_memory(err, "voice");
        }
        f->parent_count++;
    }
    return 0;
}

/* All of a voice but what it sounds like; t: NULL before any training. */
static int make_file(const struct cloning *c, enum cw_clone_tier tier, const struct cw_trained *t, struct cw_voice_file *f,
                     struct cw_error *err) {
    struct cw_text how = {0};
    *f = (struct cw_voice_file){.engine = "kokoro", .f0_slope = (double)c->prosody.f0_slope, .f0_offset = (double)c->prosody.f0_offset};
    snprintf(f->name, sizeof f->name, "%s", c->params.name);
    snprintf(f->made, sizeof f->made, "%s", tier_names[tier]);
    snprintf(f->engine_sha256, sizeof f->engine_sha256, "%s", c->g->model_sha256);
    snprintf(f->language, sizeof f->language, "%s", c->g->enrol.language);
    memcpy(f->embedding, c->from, sizeof f->embedding);
    f->has_embedding = true;
    cw_text_printf(&how, "%s from %.1f s of speech in %d utterances, seed %llu", tier_names[tier], c->fitted.seconds, c->fitted.count,
                   (unsigned long long)c->params.seed);
    if (c->prosody.steps > 0) {
        cw_text_printf(&how, "; prosody: %d steps, distance %.3f to %.3f", c->prosody.steps, c->prosody.mixed, c->prosody.after);
    }
    if (t != NULL && c->params.encoder_loss) {
        cw_text_printf(&how, ", the speaker encoder in the loss");
    }
    for (int i = 0; t != NULL && i < (int)tier && i < CW_TRAIN_TIERS; i++) {
        cw_text_printf(&how, "; %s: %d steps, held-out loss %.4f to %.4f", tier_names[i + 1], t->steps[i], t->held_out[i],
                       t->held_out[i + 1]);
    }
    f->pack = malloc(sizeof(float) * PACK_NUMBERS);
    f->licence = cw_strdup("as the speaker's consent says");
    f->how = how.failed ? NULL : cw_strdup(how.data);
    cw_text_free(&how);
    if (f->pack == NULL || f->licence == NULL || f->how == NULL) {
        return cw_fail_memory(err, "voice");
    }
    mix(c, f->pack);
    if (t == NULL) {
        struct cw_learnt_layer last = {.name = CW_COLOUR_LAYER, .out = CW_COLOUR_OFFSETS, .offset = c->colour};
        if (cw_learnt_store(&(const struct cw_learnt){&last, 1}, f, err) != 0) {
            return -1;
        }
    } else {
        move(f->pack, t->style);
        if (cw_learnt_store(&t->learnt, f, err) != 0) {
            return -1;
        }
    }
    return name_parents(c, f, err);
}

/* Adds what was measured to how it was made. */
static int tell_how(struct cw_voice_file *f, const struct cw_clone_report *r, struct cw_error *err) {
    struct cw_text how = {0};
    int result = -1;
    cw_text_printf(&how, "%s; GE2E cosine %.3f to %s, stock %.3f (%s), recordings %.3f", f->how, r->similarity,
                   r->encoder_loss ? "the speaker, whom this encoder was fitted to"
                   : r->unseen     ? "speech kept apart"
                                   : "the speech it was fitted to",
                   r->floor, r->nearest, r->ceiling);
    if (cw_text_check(&how, "voice", err) == 0) {
        free(f->how);
        f->how = how.data;
        how = (struct cw_text){0};
        result = 0;
    }
    cw_text_free(&how);
    return result;
}

static int find_colour(struct cloning *c, struct cw_error *err) {
    float *pack = malloc(sizeof *pack * PACK_NUMBERS);
    if (pack == NULL) {
        return cw_fail_memory(err, "voice");
    }
    mix(c, pack);
    int result = cw_colour_match(&c->g->enrol, &c->fitted, pack, c->prosody.f0_slope, c->prosody.f0_offset, c->colour, err);
    free(pack);
    return result;
}

/* ---- training --------------------------------------------------------------------------------------------------------------------- */

static int show_before(struct cloning *c, enum cw_clone_tier tier, const struct cw_trained *t, struct cw_error *err) {
    struct cw_voice_file f;
    char name[2 * CW_VOICE_NAME_MAX];
    int result = 0;
    if (c->params.before == NULL) {
        return 0;
    }
    if (make_file(c, tier, t, &f, err) != 0) {
        result = -1;
        goto done;
    }
    snprintf(name, sizeof name, "%s_%s", c->params.name, tier_names[tier]);
    snprintf(f.name, sizeof f.name, "%.*s", CW_VOICE_NAME_MAX, name);
    result = c->params.before(c->params.arg, &f, err);
done:
    cw_voice_file_free(&f);
    return result;
}

static int show_tier(void *arg, enum cw_train_tier tier, const struct cw_trained *t, struct cw_error *err) {
    return show_before(arg, (enum cw_clone_tier)(tier + 1), t, err);
}

static void hear(void *arg, int stretch, const float *samples, int n) {
    struct cloning *c = arg;
    if (stretch == 0) {
        c->preview_count = 0;
    }
    float *more = n > 0 ? realloc(c->preview, sizeof *more * (c->preview_count + (size_t)n)) : NULL;
    if (more == NULL) {
        return; /* a preview less */
    }
    c->preview = more;
    memcpy(more + c->preview_count, samples, sizeof *more * (size_t)n);
    c->preview_count += (size_t)n;
}

static bool training(void *arg, const struct cw_train_progress *p) {
    struct cloning *c = arg;
    struct cw_error ignored = {0};
    const struct cw_clone_progress now = {CW_CLONE_TRAINING, p->step, p->steps, p};
    if (c->params.preview != NULL && c->preview_count > 0) {
        if (cw_recording_write(c->params.preview, c->preview, c->preview_count, CW_ENROL_RATE, &ignored) != 0) {
            ignored.text[0] = '\0'; /* it is only to listen to */
        }
        c->preview_count = 0;
    }
    return c->params.progress == NULL || c->params.progress(c->params.arg, &now);
}

static int train(struct cloning *c, const float *pack, struct cw_trained *t, struct cw_clone_report *r, struct cw_error *err) {
    struct cw_train_params p = c->fitted.seconds < CW_TRAIN_LITTLE ? cw_train_params_little() : cw_train_params_default();
    for (int i = 0; i < CW_TRAIN_TIERS; i++) {
        p.steps[i] = i >= (int)c->params.tier ? 0 : c->params.steps[i] > 0 ? c->params.steps[i] : p.steps[i];
    }
    p.segment_units = c->params.segment_units > 0 ? c->params.segment_units : p.segment_units;
    p.seed = c->params.seed;
    p.encoder = c->params.encoder_loss ? c->g->encoder : NULL;
    p.like = c->from;
    p.checkpoint = c->params.checkpoint;
    p.model_sha256 = c->g->model_sha256;
    p.progress = training;
    p.hear = hear;
    p.tier = show_tier;
    p.arg = c;
    if (cw_train_run(t, c->g->device, c->g->model, &c->fitted, pack + (size_t)ROW * CW_PACK_STYLE, p, err) != 0) {
        return -1;
    }
    memcpy(r->held_out, t->held_out, sizeof r->held_out);
    memcpy(r->steps, t->steps, sizeof r->steps);
    return 0;
}

/* ---- judging ------------------------------------------------------------------------------------------------------------------------ */

/* What is said to judge a voice by; NULL after the last. */
static const char *judged_text(const struct cloning *c, int i) {
    const int first = c->fitted.count < c->all.count ? c->fitted.count : 0;
    if (cw_speech_english(c->g->enrol.language)) {
        return i < JUDGED ? judged[i] : NULL;
    }
    return first + i < c->all.count ? c->all.utterances[first + i].text : NULL;
}

/* Mean cosine of the judged sentences to what was kept apart. */
static int judge(const struct cloning *c, const struct cw_acoustic *a, const struct cw_vocoder *v, const float *pack, float slope,
                 float offset, double *similarity, struct cw_error *err) {
    struct cw_saying k = {0};
    struct cw_symbols text = {0};
    float *x = NULL, embedding[CW_EMBEDDING];
    size_t n = 0;
    int result = -1, count = 0;
    *similarity = 0;
    if (cw_saying_open(&k, a, v, err) != 0) {
        goto done;
    }
    while (count < c->params.sentences && judged_text(c, count) != NULL) {
        cw_symbols_free(&text);
        free(x);
        x = NULL;
        if (cw_symbols_of(&text, &c->g->enrol, judged_text(c, count), err) != 0 ||
            cw_saying_run(&k, &text, pack, slope, offset, &x, &n, err) != 0 ||
            cw_encoder_listen(c->g->enrol.encoder, x, n, CW_ENROL_RATE, embedding, err) != 0) {
            goto done;
        }
        *similarity += cw_embedding_cosine(embedding, c->apart);
        count++;
    }
    *similarity /= count > 0 ? count : 1;
    result = 0;
done:
    free(x);
    cw_symbols_free(&text);
    cw_saying_close(&k);
    return result;
}

static int judge_all(const struct cloning *c, const struct cw_voice_file *f, struct cw_clone_report *r, struct cw_error *err) {
    const int nearest = cw_stock_nearest(&c->stock, c->from, NULL);
    struct cw_learnt learnt = {0};
    struct cw_acoustic *a = NULL;
    struct cw_vocoder *v = NULL;
    int result = -1;
    if (!tell(c, CW_CLONE_JUDGING, 0, 2)) {
        cw_fail(err, CW_FAILED, "stopped");
        goto done;
    }
    memcpy(r->nearest, c->stock.names[nearest], sizeof r->nearest);
    r->ceiling = cw_embedding_cosine(c->from, c->apart);
    if (judge(c, c->g->enrol.acoustic, c->g->enrol.vocoder, c->stock.packs + (size_t)nearest * PACK_NUMBERS, 1, 0, &r->floor, err) != 0 ||
        cw_learnt_add(&learnt, f->additions, f->addition_count, 1, err) != 0) {
        goto done;
    }
    if (learnt.count > 0 && (cw_acoustic_open_learnt(&a, c->g->enrol.acoustic, &learnt, err) != 0 ||
                             cw_vocoder_open_learnt(&v, c->g->device, c->g->model, &learnt, err) != 0)) {
        goto done;
    }
    if (judge(c, a ? a : c->g->enrol.acoustic, v ? v : c->g->enrol.vocoder, f->pack, (float)f->f0_slope, (float)f->f0_offset,
              &r->similarity, err) != 0) {
        goto done;
    }
    r->encoder_loss = c->params.encoder_loss && c->params.tier > CW_CLONE_LIKENESS;
    r->word = r->unseen && !r->encoder_loss && r->similarity >= CW_CLONE_ALIKE && c->params.tier > CW_CLONE_LIKENESS ? "clone" : "likeness";
    result = 0;
done:
    cw_vocoder_close(v);
    cw_acoustic_close(a);
    cw_learnt_clear(&learnt);
    return result;
}

static int check(const struct cw_clone_engine *g, const struct cw_clone_params *p, int count, struct cw_error *err) {
    if (p->name == NULL || !cw_voice_is_name(p->name, strlen(p->name))) {
        return cw_fail(err, CW_BAD_INPUT, "voice \"%.80s\": expected a name of letters, digits and _, at most %d", p->name ? p->name : "",
                       CW_VOICE_NAME_MAX);
    }
    if (cw_clone_tier_name(p->tier) == NULL) {
        return cw_fail(err, CW_BAD_INPUT, "tier: expected likeness, style, offsets or low-rank, found number %d", (int)p->tier);
    }
    if (p->sentences < 1 || p->sentences > JUDGED || p->mixtures < 0 || p->mixtures > 10000) {
        return cw_fail(err, CW_BAD_INPUT, "expected 1 to %d sentences to judge by and 0 to 10000 mixtures, found %d and %d", JUDGED,
                       p->sentences, p->mixtures);
    }
    if (p->encoder_loss && g->encoder == NULL) {
        return cw_fail(err, CW_NO_MODEL, "expected the speaker encoder's file for a loss by it, found none");
    }
    return count >= 1 ? 0 : cw_fail(err, CW_BAD_INPUT, "expected at least one recording, found none");
}

int cw_clone(struct cw_voice_file *f, struct cw_clone_report *r, const struct cw_clone_engine *g, const struct cw_enrol_source *sources,
             int count, struct cw_clone_params params, struct cw_error *err) {
    struct cloning c = {.g = g, .params = params};
    struct cw_trained t = {0};
    const double began = cw_seconds();
    int result = -1;
    *f = (struct cw_voice_file){0};
    *r = (struct cw_clone_report){0};
    if (check(g, &params, count, err) != 0) {
        goto done;
    }
    if (look_beside(&c, sources, count, err) != 0) {
        goto done;
    }
    struct cw_enrol_engine enrol = g->enrol;
    enrol.beside = c.beside;
    if (cw_enrol(&c.all, &enrol, sources, count, &r->notes, err) != 0 || keep_apart(&c, r, err) != 0 ||
        cw_stock_like(&c.stock, c.from, c.weights, NULL, err) != 0 ||
        cw_prosody_fit(&c.prosody, g->device, g->model, &c.stock, g->enrol.acoustic, &c.fitted, tell_prosody, &c, err) != 0) {
        goto done;
    }
    if (c.prosody.trouble[0] != '\0') {
        cw_text_printf(&r->notes, "prosody is the mix of stock voices, not moved by gradients: %s\n", c.prosody.trouble);
    }
    cw_enrolment_raise(&c.all, (double)c.prosody.level);
    const struct cw_prosody_start own = {c.prosody.weights, (double)c.prosody.f0_slope, (double)c.prosody.f0_offset, 0};
    if (c.params.tier > CW_CLONE_LIKENESS &&
        cw_prosody_say(&c.fitted, g->device, g->model, g->enrol.acoustic, &c.stock, own, c.prosody.shift, err) != 0) {
        goto done;
    }
    if (find_colour(&c, err) != 0) {
        goto done;
    }
    r->prosody_before = c.prosody.before;
    r->prosody_after = c.prosody.after;
    if (make_file(&c, CW_CLONE_LIKENESS, NULL, f, err) != 0) {
        goto done;
    }
    if (c.params.tier > CW_CLONE_LIKENESS) {
        if (show_before(&c, CW_CLONE_LIKENESS, NULL, err) != 0 || train(&c, f->pack, &t, r, err) != 0) {
            goto done;
        }
        cw_voice_file_free(f);
        if (make_file(&c, c.params.tier, &t, f, err) != 0) {
            goto done;
        }
    }
    if (judge_all(&c, f, r, err) != 0 || tell_how(f, r, err) != 0) {
        goto done;
    }
    r->minutes = (cw_seconds() - began) / 60;
    result = 0;
done:
    cw_trained_free(&t);
    free(c.preview);
    cw_stock_close(&c.stock);
    cw_enrolment_free(&c.all);
    if (result != 0) {
        cw_voice_file_free(f);
    }
    return result;
}
