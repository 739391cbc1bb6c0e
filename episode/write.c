/* Writing for an episode: what was asked for -> the writer -> a script, each turn timed as it will be spoken, and in `make` spoken at once.
 *
 *   brief ─▶ dialogue/ writer ─▶ turn ─▶ timed by its phonemes ─▶ NAME.partial.md, for people to watch
 *                                  └──▶ crew (make) ─▶ build.c
 */
#include "episode/brief.h"
#include "episode/build.h"
#include "episode/estimate.h"
#include "episode/level.h"
#include "episode/player.h"
#include "episode/pronounce.h"

#include "dialogue/writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOURNAL_FILE ".writing"

struct cw_write_params cw_write_params_default(void) {
    struct cw_write_params p = {.minutes = 3, .seed = 1};
    return p;
}

/* Checks what was asked for and sets up an empty script: cast, voices, language, seed. */
static int start_script(struct build *b, const struct cw_write_params *w, struct cw_brief *brief, struct cw_script *script,
                        struct cw_error *err) {
    if (cw_brief_open(brief, b->studio, w, script, err) != 0)
        return -1;
    if (script->language)
        return build_open_voices(b, script, "cast", err);
    /* the language is the first voice's own, so the voice is opened before the rest is checked */
    struct cw_voice voice = {0};
    if (cw_studio_need_plans(b->studio, err) != 0)
        return -1;
    if (cw_studio_voice(b->studio, &voice, script->cast[0].voice, err) != 0)
        return cw_fail_in(err, "cast: %s", script->cast[0].name);
    script->language = cw_strdup(voice.language);
    cw_voice_close(&voice);
    if (!script->language)
        return cw_fail_memory(err, "script");
    if (!cw_speech_english(script->language))
        return cw_fail(err, CW_BAD_INPUT,
                       "cast: %s: expected an English voice first, since scripts are written in English, found one that speaks \"%s\"",
                       script->cast[0].name, script->language);
    return build_open_voices(b, script, "cast", err);
}

struct writing {
    struct build *build;
    struct cw_render_params *speak; /* NULL: only the script */
    double turn_seconds;            /* spent in the turn callback */
    const struct cw_script *script; /* as far as it is written */
    const struct cw_brief *brief;
    double symbol_seconds[CW_CAST_MAX]; /* how long each voice takes, measured */
    struct cw_timeline timeline;        /* the talk so far by that: a script must not depend on who listens */
    char partial[CW_PATH_MAX];
    bool failed;
    struct cw_error err;
};

/* A turn's place on the timeline, by the time its voice takes. */
static int time_turn(struct writing *w, const struct cw_script *script, int segment, int turn) {
    int result = -1;
    struct build *b = w->build;
    const struct cw_turn *t = &script->segments[segment].turns[turn];
    struct cw_turn_request r = build_request(b, script, t);
    struct cw_turn_plan plan = {0};
    struct cw_text text = {0};
    if (cw_turn_plain(t, &text, &w->err) != 0 || cw_turn_plan_make(b->studio, &r, &plan, &w->err) != 0)
        goto done;
    if (!w->speak) {
        b->count++;
        build_say_what(b, script->cast[t->speaker].name, text.data ? text.data : "");
    }
    cw_timeline_add(&w->timeline, build_placing(script, segment, turn),
                    (int64_t)(plan.symbols * w->symbol_seconds[t->speaker] * CW_STUDIO_RATE), cw_timeline_mark(text.data ? text.data : ""));
    result = 0;
done:
    cw_turn_plan_free(&plan);
    cw_text_free(&text);
    return result;
}

static double on_seconds(void *arg) {
    const struct writing *w = arg;
    return (double)cw_timeline_total(&w->timeline) / CW_STUDIO_RATE;
}

/* A length that was not kept is said by name. */
static void tell_length(struct writing *w) {
    const double asked = w->brief->asked.minutes * 60, comes_to = on_seconds(w);
    if (fabs(comes_to - asked) > 0.05 * asked)
        build_tell(
            w->build,
            "length: expected %.0f s, the script comes to %.0f s: another --seed or a larger model may do better, or castwright rewrite",
            asked, comes_to);
}

/* The turns are spoken while the next ones are written, on the same cores. */
static int on_step(void *arg, int tokens) {
    struct writing *w = arg;
    if (w->build->live && !w->failed) { /* a listener does not wait for the next line */
        w->failed = build_take_turns(w->build, w->script, false, &w->err) != 0;
        w->build->stage = CW_STAGE_WRITE;
    }
    return cw_crew_share(w->build->crew, tokens);
}

static bool on_turn(void *arg, const struct cw_script *script, int segment, int turn) {
    struct writing *w = arg;
    struct build *b = w->build;
    double start = cw_seconds();
    struct cw_text text = {0};
    if (w->failed)
        return false;
    /* for people to watch; the run itself goes on from its journal */
    w->failed = time_turn(w, script, segment, turn) != 0 || cw_script_print(script, &text, &w->err) != 0 ||
                cw_file_write(w->partial, text.data, text.len, &w->err) != 0;
    if (!w->speak && !w->failed) {
        const struct cw_turn *t = &script->segments[segment].turns[turn];
        int now = (int)on_seconds(w), whole = (int)(w->brief->asked.minutes * 60);
        build_tell(b, "turn %d written (%s, %d:%02d of %d:%02d)", b->count, script->cast[t->speaker].name, now / 60, now % 60, whole / 60,
                   whole % 60);
        w->failed = build_report(b, 0, &w->err) != 0;
    } else if (!w->failed) {
        w->failed = build_order_turn(b, script, segment, turn, &w->err) != 0 || build_take_turns(b, script, false, &w->err) != 0;
        b->stage = CW_STAGE_WRITE;
    }
    cw_text_free(&text);
    w->turn_seconds += cw_seconds() - start;
    return !w->failed;
}

static void on_stage(void *arg, const char *what, double fraction) {
    struct writing *w = arg;
    struct cw_error ignored = {0};
    w->build->stage = fraction > 0 ? CW_STAGE_WRITE : CW_STAGE_PLAN;
    if (!w->speak)
        w->build->script_fraction = fraction;
    snprintf(w->build->what, sizeof w->build->what, "%s", what ? what : "");
    (void)build_report(w->build, fraction, &ignored); /* a wish to stop is heard at the next turn */
}

static void on_refused(void *arg, const char *text, const char *why) {
    struct writing *w = arg;
    (void)text;
    (void)why;
    w->build->written.asked_again++;
}

static void tell_estimate(const struct build *b, const struct cw_estimate *e) {
    char money[64] = "";
    if (e->money > 0)
        snprintf(money, sizeof money, ", %.4f by the price table", e->money);
    build_tell(b, "estimate: writing takes about %ld tokens read, %ld written, %.0f s%s (%s)", e->prompt_tokens, e->generated_tokens,
               e->seconds, money, e->by);
}

static double model_seconds(const struct cw_llm *m) {
    struct cw_llm_usage u = m ? cw_llm_usage(m) : (struct cw_llm_usage){0};
    return u.prompt_seconds + u.generate_seconds;
}

static int write_script(struct writing *k, const char *journal, const struct cw_text *request, struct cw_script *script,
                        struct cw_error *err) {
    int result = -1;
    struct build *b = k->build;
    const struct cw_write_params *w = &k->brief->asked;
    struct cw_llm *llm = NULL, *planner = NULL;
    struct cw_llm_usage usage[2] = {0};
    struct cw_writer_params params = cw_writer_params_default();
    struct cw_text timed = {0};
    char key[65];
    struct cw_writer_events events = {.arg = k, .turn = on_turn, .seconds = on_seconds, .stage = on_stage, .refused = on_refused};
    params.topic = w->topic;
    params.minutes = w->minutes;
    params.seed = w->seed;
    params.style = k->brief->style;
    params.sources = (struct cw_sources *)(uintptr_t)&k->brief->sources;
    params.no_disclosure = w->no_disclosure;
    params.journal = journal;
    params.usage = usage;
    params.budget = w->budget;
    b->stage = CW_STAGE_OPEN;
    b->expected_seconds = w->minutes * 60;
    if (build_report(b, 0, err) != 0 || cw_brief_models(k->brief, cw_device_threads(b->studio->device), &llm, &planner, err) != 0)
        goto done;
    for (int i = 0; i < 2; i++) {
        const struct cw_llm *m = i == 0 ? llm : planner;
        if (m && cw_llm_note(m)[0])
            build_tell(b, "%s", cw_llm_note(m));
    }
    k->script = script;
    params.planner = planner;
    bool whole = !journal || !cw_file_exists(journal); /* else a part of it was written by the run before */
    struct cw_estimate estimate;
    if (cw_estimate_make(k->brief, llm, planner, &estimate, err) != 0)
        goto done;
    tell_estimate(b, &estimate);
    for (int i = 0; i < script->cast_count; i++)
        if (cw_level_rate(b->studio->booth, &b->voices[i], script->language, b->params.speed, &k->symbol_seconds[i], err) != 0)
            goto done;
    /* what the turns' lengths come from is asked for, too: they decide what is asked next, and replies are kept in that order */
    cw_text_add(&timed, request->data);
    for (int i = 0; i < script->cast_count; i++)
        cw_text_printf(&timed, " %.9g", k->symbol_seconds[i]);
    cw_text_add(&timed, b->pronunciations.data ? b->pronunciations.data : "");
    if (cw_text_check(&timed, "journal", err) != 0)
        goto done;
    cw_sha256_of(timed.data, timed.len, key);
    params.journal_key = key;
    if (k->speak) {
        cw_llm_share(llm, on_step, k);
        if (planner)
            cw_llm_share(planner, on_step, k);
    }
    double start = cw_seconds(), asked = model_seconds(llm) + model_seconds(planner);
    b->writing = true;
    int written = cw_writer_run(llm, params, &events, script, err);
    b->write_seconds = b->written.seconds = cw_seconds() - start - k->turn_seconds;
    b->written.seconds -= model_seconds(llm) + model_seconds(planner) - asked; /* all runs' are in what follows */
    for (int i = 0; i < 2; i++) {
        const struct cw_llm *m = i == 0 && planner ? planner : llm;
        struct cw_writing_cost *c = &b->written.stages[i];
        snprintf(c->model, sizeof c->model, "%s", cw_llm_name(m));
        c->prompt_tokens = usage[i].prompt_tokens;
        c->generated_tokens = usage[i].generated_tokens;
        c->retries = usage[i].retries;
        c->seconds = usage[i].prompt_seconds + usage[i].generate_seconds;
        c->money = cw_llm_price(m, usage[i].prompt_tokens, usage[i].generated_tokens);
        b->written.seconds += c->seconds;
    }
    if (k->failed) {
        *err = k->err;
        goto done;
    }
    if (written != 0)
        goto done;
    if (whole)
        cw_estimate_keep(k->brief, usage[0].prompt_tokens + usage[1].prompt_tokens, usage[0].generated_tokens + usage[1].generated_tokens,
                         b->write_seconds);
    tell_length(k);
    result = 0;
done:
    cw_text_free(&timed);
    cw_llm_close(llm);
    cw_llm_close(planner);
    return result;
}

static void tell_costs(const struct build *b) {
    static const char *const names[2] = {"plan and facts", "lines"};
    for (int i = 0; i < 2; i++) {
        const struct cw_writing_cost *m = &b->written.stages[i];
        char money[64] = "";
        if (m->money > 0)
            snprintf(money, sizeof money, ", %.4f by the price table", m->money);
        build_tell(b, "%s: %s, %ld tokens read, %ld written, %.1f s%s", names[i], m->model, m->prompt_tokens, m->generated_tokens,
                   m->seconds, money);
    }
}

int cw_write(struct cw_studio *s, struct cw_write_params w, const char *out, struct cw_error *err) {
    struct build b;
    struct cw_script script = {0};
    struct cw_text text = {0}, request = {0};
    struct cw_render_params p = cw_render_params_default();
    struct cw_brief brief = {0};
    char journal[CW_PATH_MAX];
    p.out_dir = ".";
    p.listen = w.listen;
    int result = build_begin(&b, s, p, err);
    if (result != 0)
        goto done;
    result = -1;
    if (!out || !out[0]) {
        cw_fail(err, CW_BAD_INPUT, "output: expected the name of a file, found nothing");
        goto done;
    }
    struct writing k = {.build = &b, .brief = &brief};
    if (start_script(&b, &w, &brief, &script, err) != 0 || cw_manifest_request(&brief, &script, &request, err) != 0 ||
        cw_brief_beside(out, "writing", journal, err) != 0 || cw_brief_beside(out, "partial.md", k.partial, err) != 0)
        goto done;
    if (write_script(&k, journal, &request, &script, err) != 0 || cw_script_print(&script, &text, err) != 0 ||
        cw_file_write(out, text.data, text.len, err) != 0)
        goto done;
    unlink(journal);
    unlink(k.partial);
    build_tell(&b, "%d turns, %.0f s when spoken", cw_script_turns(&script), on_seconds(&k));
    tell_costs(&b);
    result = 0;
done:
    b.count = 0; /* counted, not kept */
    build_end(&b);
    cw_brief_close(&brief);
    cw_text_free(&text);
    cw_text_free(&request);
    cw_script_free(&script);
    return result;
}

/* 1: a script of this same request is there and is to be rendered; 0: nothing is; -1: another one's. */
static int find_script(const struct build *b, const char *script, const char *request, struct cw_error *err) {
    if (!cw_file_exists(script))
        return 0;
    char *there = build_read_request(b);
    bool same = there && strcmp(there, request) == 0;
    free(there);
    if (same)
        return 1;
    return cw_fail(err, CW_BAD_INPUT,
                   "%s: expected a new folder or one of the same topic, minutes, cast, style, seed and writer; found the script of another "
                   "request; to speak it: castwright render %s -o %s; or choose another folder with -o",
                   b->out_dir, script, b->out_dir);
}

int cw_make(struct cw_studio *s, struct cw_write_params w, struct cw_render_params p, struct cw_report *out, struct cw_error *err) {
    struct build b;
    struct cw_script script = {0};
    struct cw_text text = {0}, request = {0};
    char path[CW_PATH_MAX], note[CW_PATH_MAX], journal[CW_PATH_MAX];
    struct cw_brief brief = {0};
    struct writing k = {.build = &b, .speak = &p, .brief = &brief};
    if (!p.listen.progress && !p.listen.line)
        p.listen = w.listen;
    int result = build_begin(&b, s, p, err), found;
    if (result != 0)
        goto done;
    result = -1;
    if (start_script(&b, &w, &brief, &script, err) != 0 || cw_manifest_request(&brief, &script, &request, err) != 0 ||
        cw_path_join(journal, b.out_dir, JOURNAL_FILE, err) != 0 || cw_path_join(path, b.out_dir, "script.md", err) != 0 ||
        cw_path_join(note, b.out_dir, REQUEST_FILE, err) != 0 || cw_path_join(k.partial, b.out_dir, PARTIAL_FILE, err) != 0 ||
        build_open_folder(&b, err) != 0)
        goto done;
    found = find_script(&b, path, request.data, err);
    if (found < 0)
        goto done;
    if (found > 0) {
        build_tell(&b, "%s is there already, from the same request: only the sound is made", path);
        unlink(journal);                           /* of a run that was cut off just after it */
        for (; b.voice_count > 0; b.voice_count--) /* the script's own cast counts: people edit it */
            cw_voice_close(&b.voices[b.voice_count - 1]);
        result = build_render(&b, path, true, out, err);
        goto done;
    }
    if (cw_pronounce_open(&b.dictionary, NULL, p.dictionary, NULL, &b.pronunciations, err) != 0 ||
        build_keep_pronunciations(&b, err) != 0 || cw_file_write(note, request.data, request.len, err) != 0)
        goto done;
    build_open_live(&b);
    if (build_open_crew(&b, false, err) != 0)
        goto done;
    if (write_script(&k, journal, &request, &script, err) != 0 || cw_script_print(&script, &text, err) != 0 ||
        cw_manifest_keep_writing(b.out_dir, &b.written, err) != 0 || cw_file_write(path, text.data, text.len, err) != 0)
        goto done;
    unlink(k.partial);
    unlink(journal);
    b.total = b.ordered;
    b.writing = false;
    cw_crew_alone(b.crew);
    if (build_take_turns(&b, &script, true, err) != 0)
        goto done;
    if (b.live) { /* nothing more is to be made: no reason to wait any longer */
        double ready = (double)b.timeline.end / CW_STUDIO_RATE;
        cw_live_forecast(b.live, ready, ready, ready / (cw_seconds() - b.started));
    }
    struct script_file file = {.text = text.data, .len = text.len};
    cw_sha256_of(text.data, text.len, file.sum);
    result = build_finish(&b, &script, &file, out, err);
done:
    build_end(&b);
    cw_brief_close(&brief);
    cw_text_free(&text);
    cw_text_free(&request);
    cw_script_free(&script);
    return result;
}
