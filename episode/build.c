/* The orchestrator: the one place where the rooms meet. Plain data goes from room to room:
 *
 *   topic ─▶ dialogue/ writer ─▶ script ─▶ turn.c (tts/, vocoder/) ─▶ cache.c ─▶ timeline.c ─▶ master.c ─▶ publish.c
 *                                                                         └────▶ live playback
 *
 * Order of files: turns as they are made, then sound, transcripts, script.md, and manifest.json last. Nothing in them but the
 * manifest's "costs" depends on the time, the machine's load or the number of threads, so a run that was killed and taken up
 * again ends with the bytes of an undisturbed one.
 */
#include "episode/build.h"

#include "episode/heard.h"
#include "episode/master.h"
#include "episode/player.h"
#include "episode/pronounce.h"
#include "episode/publish.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double SYMBOL_SECONDS = 0.068; /* a phoneme symbol's length before any was spoken: for the time left only */
static const double MASTER_SHARE = 0.08;    /* of the progress bar */

/* ---- telling ------------------------------------------------------------------------------------------------------------ */

void build_tell(const struct build *b, const char *format, ...) {
    char text[1200];
    if (!b->listen.line)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->listen.line(b->listen.arg, text);
}

/* Reports; -1 when the listener wants to stop. `inside`: how far into the stage, where it is not counted in speech. */
int build_report(struct build *b, double inside, struct cw_error *err) {
    struct cw_crew_stats crew = b->crew ? cw_crew_stats(b->crew) : (struct cw_crew_stats){0};
    double rate = crew.speak_seconds > 0.05 ? crew.made_seconds / crew.speak_seconds : 0;
    double done = (double)b->speech / CW_STUDIO_RATE + crew.ahead_seconds, spoken = 0;
    if (b->expected_seconds > 0)
        spoken = done / b->expected_seconds > 1 ? 1 : done / b->expected_seconds;
    struct cw_progress p = {
        .stage = b->stage,
        .done = b->count,
        .total = b->total,
        .rendered = b->rendered,
        .reused = b->count - b->rendered,
        .speech_seconds = done,
        .times_real_time = rate,
        .seconds_left = -1,
        .what = b->what[0] ? b->what : NULL,
    };
    switch (b->stage) {
    case CW_STAGE_SPEAK:
    case CW_STAGE_WRITE:
        p.fraction = b->script_fraction >= 0 ? b->script_fraction : spoken * (1 - MASTER_SHARE);
        if (rate > 0 && b->expected_seconds > 0 && done > 0) {
            /* what one second of the episode cost so far: in `make`, writing is part of it */
            double cost = b->writing ? (cw_seconds() - b->started) / done : 1 / rate;
            double left = b->expected_seconds - done > 0 ? b->expected_seconds - done : 0;
            p.seconds_left = left * cost + 0.02 * b->expected_seconds;
        }
        break;
    case CW_STAGE_MASTER:
        p.fraction = 1 - MASTER_SHARE * (1 - inside);
        break;
    case CW_STAGE_PUBLISH:
    case CW_STAGE_PLAY:
        p.fraction = 1;
        break;
    default:
        break;
    }
    if (b->listen.progress && !b->listen.progress(b->listen.arg, &p))
        b->cancelled = true;
    return b->cancelled ? cw_fail(err, CW_FAILED, "cancelled; what was finished is kept") : 0;
}

void build_say_what(struct build *b, const char *speaker, const char *text) {
    size_t n = strlen(text), cut = 0;
    while (cut < n && cut < 60) {
        uint32_t code;
        int len = cw_utf8_next(text + cut, n - cut, &code);
        if (len == 0)
            break;
        cut += (size_t)len;
    }
    snprintf(b->what, sizeof b->what, "%.40s: %.*s%s", speaker, (int)cut, text, cut < n ? "…" : "");
}

/* ---- opening and closing ------------------------------------------------------------------------------------------------- */

int build_open_voices(struct build *b, const struct cw_script *script, const char *where, struct cw_error *err) {
    if (cw_studio_need_plans(b->studio, err) != 0)
        return -1;
    if (cw_speech_language(script->language, err) != 0)
        return cw_fail_in(err, "%s", where);
    for (; b->voice_count < script->cast_count; b->voice_count++) {
        const struct cw_cast_member *c = &script->cast[b->voice_count];
        if (cw_studio_voice(b->studio, &b->voices[b->voice_count], c->voice, err) != 0) {
            if (c->line > 0)
                return cw_fail_in(err, "%s:%d", where, c->line);
            return cw_fail_in(err, "%s: %s", where, c->name);
        }
    }
    struct cw_told told = {0};
    for (int i = 0; !b->compared && i < b->voice_count; i++)
        cw_studio_tell_terms(b->studio, &b->voices[i], script->language, b->listen, &told);
    if (!b->compared) {
        struct cw_text alike = {0};
        cw_cast_alike(b->studio->booth, b->voices, script, b->params.play, &alike);
        for (char *rest = alike.data, *line; !alike.failed && rest && *(line = strsep(&rest, "\n"));)
            build_tell(b, "%s", line);
        cw_text_free(&alike);
        b->compared = true;
    }
    return 0;
}

int build_open_folder(struct build *b, struct cw_error *err) {
    char mp3[CW_PATH_MAX];
    if (cw_path_join(mp3, b->out_dir, "episode.mp3", err) != 0 || cw_path_join(b->turns_dir, b->out_dir, "turns", err) != 0 ||
        cw_dir_make(b->turns_dir, err) != 0 || cw_lock_take(&b->lock, b->out_dir, err) != 0)
        return -1;
    cw_dir_sweep(b->out_dir);
    cw_dir_sweep(b->turns_dir);
    return cw_file_exists(mp3) ? 0 : cw_loudness_open(&b->loudness, CW_STUDIO_RATE, err);
}

/* The copy of the script in the folder needs its dictionary beside it; one of an earlier script does not belong there. */
int build_keep_pronunciations(struct build *b, struct cw_error *err) {
    char path[CW_PATH_MAX];
    if (cw_path_join(path, b->out_dir, "script.dict", err) != 0)
        return -1;
    if (b->pronunciations.len > 0)
        return cw_file_write(path, b->pronunciations.data, b->pronunciations.len, err);
    if (unlink(path) != 0 && errno != ENOENT)
        return cw_fail(err, CW_FAILED, "%s: cannot remove: %s", path, strerror(errno));
    return 0;
}

void build_open_live(struct build *b) {
    struct cw_error err = {0};
    if (b->params.play && cw_live_open(&b->live, CW_STUDIO_RATE, 1.0F, &err) != 0) {
        b->live = NULL;
        build_tell(b, "not playing: %s; the files are made all the same", err.text);
    }
}

/* With four cores or more, turns are spoken side by side, one core each; with fewer, one turn at a time on all of them. A listener wants
 * the next turn soonest. */
int build_open_crew(struct build *b, bool soonest, struct cw_error *err) {
    int threads = cw_device_threads(b->studio->device), workers = threads < 4 || soonest ? 1 : threads;
    if (cw_crew_open(&b->crew, b->studio, b->turns_dir, workers < CW_CREW_MAX ? workers : CW_CREW_MAX, err) != 0)
        return -1;
    if (b->live)
        cw_crew_listen(b->crew);
    return 0;
}

int build_begin(struct build *b, struct cw_studio *s, struct cw_render_params p, struct cw_error *err) {
    memset(b, 0, sizeof *b);
    b->lock.fd = -1;
    b->studio = s;
    b->params = p;
    b->listen = p.listen;
    b->started = cw_seconds();
    b->first_sound = -1;
    b->script_fraction = -1;
    if (!p.out_dir || !p.out_dir[0])
        return cw_fail(err, CW_BAD_INPUT, "output folder: expected a path, found nothing");
    if (strlen(p.out_dir) > CW_PATH_MAX - 128)
        return cw_fail(err, CW_BAD_INPUT, "output folder: expected a path of at most %d bytes, found %zu", CW_PATH_MAX - 128,
                       strlen(p.out_dir));
    if (!(p.speed >= 0.5 && p.speed <= 2))
        return cw_fail(err, CW_BAD_INPUT, "speed: expected 0.5 to 2, found %g", p.speed);
    snprintf(b->out_dir, sizeof b->out_dir, "%s", p.out_dir);
    return 0;
}

void build_end(struct build *b) {
    cw_crew_close(b->crew); /* before what its workers use */
    cw_live_close(b->live);
    cw_loudness_close(b->loudness);
    cw_lock_release(&b->lock);
    cw_dictionary_close(b->dictionary);
    cw_text_free(&b->pronunciations);
    for (int i = 0; i < b->voice_count; i++)
        cw_voice_close(&b->voices[i]);
    for (int i = 0; i < b->count; i++)
        cw_take_free(&b->turns[i].take);
    free(b->turns);
}

/* ---- turns --------------------------------------------------------------------------------------------------------------- */

struct cw_turn_request build_request(const struct build *b, const struct cw_script *script, const struct cw_turn *t) {
    struct cw_turn_request r = {
        .voice = &b->voices[t->speaker],
        .language = script->language,
        .dictionary = b->dictionary,
        .speed = b->params.speed,
        .seed = script->seed,
        .spans = t->spans,
        .span_count = t->span_count,
        .tail_pause_ms = t->tail_pause_ms,
    };
    return r;
}

static int fail_in_turn(struct build *b, const struct cw_script *script, const struct cw_turn *t, int number, struct cw_error *err) {
    if (b->cancelled)
        return -1;
    if (t->line > 0)
        return cw_fail_in(err, "turn %d (%s), line %d", number, script->cast[t->speaker].name, t->line);
    return cw_fail_in(err, "turn %d (%s)", number, script->cast[t->speaker].name);
}

struct cw_timeline_turn build_placing(const struct cw_script *script, int segment, int turn) {
    const struct cw_turn *t = &script->segments[segment].turns[turn];
    bool first = turn == 0;
    for (int i = 0; first && i < segment; i++)
        first = script->segments[i].turn_count == 0; /* nothing before it: the lead-in is its gap */
    struct cw_timeline_turn p = {t->speaker, t->overlap_ms, turn == 0 && !first};
    return p;
}

/* The turn after (segment, turn), false when the script has none yet. */
static bool following(const struct cw_script *script, int *segment, int *turn) {
    if (*turn + 1 < script->segments[*segment].turn_count) {
        ++*turn;
        return true;
    }
    for (int i = *segment + 1; i < script->segment_count; i++) {
        if (script->segments[i].turn_count > 0) {
            *segment = i;
            *turn = 0;
            return true;
        }
    }
    return false;
}

/* A clip for the loudspeaker; speech is there up to sample `made`, and nothing will be added before `horizon`. */
static void play_clip(struct build *b, const struct cw_clip *clip, int64_t made, int64_t horizon) {
    struct cw_error err = {0};
    if (cw_live_add(b->live, clip, horizon, &err) != 0) {
        build_tell(b, "playback stopped: %s; the files are made all the same", err.text);
        cw_live_close(b->live);
        b->live = NULL;
        return;
    }
    double ready = (double)made / CW_STUDIO_RATE, elapsed = cw_seconds() - b->started, rate = elapsed > 0 ? ready / elapsed : 0;
    struct cw_crew_stats crew = cw_crew_stats(b->crew);
    if (!b->writing && crew.speak_seconds > 0 && crew.made_seconds / crew.speak_seconds > rate)
        rate = crew.made_seconds / crew.speak_seconds; /* what was waited for is over */
    bool last = b->total > 0 && b->count == b->total;
    double total = b->expected_seconds > ready && !last ? b->expected_seconds : ready;
    cw_live_forecast(b->live, ready, total, rate);
}

/* What is left of a turn that is placed. */
static void play_turn(struct build *b, struct cw_clip clip, int64_t heard, int64_t horizon) {
    clip.from += heard;
    clip.start += heard;
    clip.count -= heard;
    play_clip(b, &clip, b->timeline.end, horizon);
}

/* What has come of the turn that is being spoken. A turn that the next one may begin on is heard only when its length is known. */
static void play_piece(struct build *b, const struct cw_script *script) {
    const struct spoken *s = &b->turns[b->count];
    struct cw_crew_piece piece;
    int segment = s->segment, turn = s->turn;
    if ((following(script, &segment, &turn) && script->segments[segment].turns[turn].overlap_ms > 0) || !cw_crew_piece(b->crew, &piece))
        return;
    const int64_t start = cw_timeline_next(&b->timeline, build_placing(script, s->segment, s->turn)) + piece.first;
    const struct cw_clip clip = {
        .samples = piece.samples,
        .start = start,
        .count = piece.count,
        .gain_db = piece.levelled ? piece.gain_db : b->gains_db[script->segments[s->segment].turns[s->turn].speaker],
    };
    play_clip(b, &clip, start + piece.count, start + piece.count);
}

/* Hands one turn to the crew. */
int build_order_turn(struct build *b, const struct cw_script *script, int segment, int turn, struct cw_error *err) {
    const struct cw_turn *t = &script->segments[segment].turns[turn];
    struct cw_turn_request r = build_request(b, script, t);
    if (b->ordered == b->cap) {
        int cap = b->cap ? 2 * b->cap : 64;
        struct spoken *more = realloc(b->turns, (size_t)cap * sizeof *more);
        if (!more)
            return cw_fail_memory(err, "turns");
        b->turns = more;
        b->cap = cap;
    }
    if (cw_crew_add(b->crew, &r, !b->levelled[t->speaker], err) != 0)
        return fail_in_turn(b, script, t, b->ordered + 1, err);
    b->levelled[t->speaker] = true;
    b->turns[b->ordered++] = (struct spoken){.segment = segment, .turn = turn};
    return 0;
}

/* Nothing will be placed before the next turn's start; one that is not written yet starts after this one (the writer gives no
 * overlaps). */
static int64_t settled(const struct build *b, const struct cw_script *script, const struct spoken *s) {
    int segment = s->segment, turn = s->turn;
    return following(script, &segment, &turn) ? cw_timeline_next(&b->timeline, build_placing(script, segment, turn)) : b->timeline.end;
}

/* The sound of the turn next in order is there: places it, tells. */
static int place_turn(struct build *b, const struct cw_script *script, struct cw_crew_turn *made, struct cw_error *err) {
    int result = -1, number = b->count + 1;
    struct spoken *s = &b->turns[b->count];
    const struct cw_turn *t = &script->segments[s->segment].turns[s->turn];
    const char *speaker = script->cast[t->speaker].name;
    struct cw_text plain = {0};
    char of[24] = "";
    if (cw_turn_plain(t, &plain, err) != 0)
        goto done;
    memcpy(s->key, made->key, sizeof s->key);
    s->rendered = made->rendered;
    s->take = made->take;
    memset(&made->take, 0, sizeof made->take);
    if (made->levelled)
        b->gains_db[t->speaker] = made->gain_db;
    s->start = cw_timeline_add(&b->timeline, build_placing(script, s->segment, s->turn), s->take.samples,
                               cw_timeline_mark(plain.data ? plain.data : ""));
    b->speech += s->take.samples;
    b->rendered += s->rendered;
    b->count++;
    if (b->total > 0)
        snprintf(of, sizeof of, "/%d", b->total);
    if (s->rendered)
        build_tell(b, "turn %d%s rendered (%s, %.1f s)", number, of, speaker, (double)s->take.samples / CW_STUDIO_RATE);
    else
        build_tell(b, "turn %d%s reused", number, of);
    struct cw_clip clip = {.start = s->start, .count = s->take.samples, .gain_db = b->gains_db[t->speaker]};
    snprintf(clip.path, sizeof clip.path, "%s", made->path);
    int64_t horizon = settled(b, script, s);
    if (b->loudness && (cw_loudness_add(b->loudness, &clip, err) != 0 || cw_loudness_hear(b->loudness, horizon, err) != 0))
        goto done;
    if (b->live)
        play_turn(b, clip, made->heard, horizon);
    result = 0;
done:
    cw_take_free(&made->take);
    cw_text_free(&plain);
    return result;
}

/* Takes from the crew what is ready; with `all`, waits until everything ordered is. */
int build_take_turns(struct build *b, const struct cw_script *script, bool all, struct cw_error *err) {
    while (b->count < b->ordered) {
        const struct spoken *s = &b->turns[b->count];
        const struct cw_turn *t = &script->segments[s->segment].turns[s->turn];
        struct cw_crew_turn made = {0};
        if (all) {
            struct cw_text plain = {0};
            b->stage = CW_STAGE_SPEAK;
            if (cw_turn_plain(t, &plain, err) != 0)
                return -1;
            build_say_what(b, script->cast[t->speaker].name, plain.data ? plain.data : "");
            cw_text_free(&plain);
        }
        const int number = b->count + 1; /* placing it counts it */
        int got = cw_crew_next(b->crew, all ? b->live ? 0.03 : 0.1 : 0, &made, err);
        if (got < 0 || (got > 0 && place_turn(b, script, &made, err) != 0))
            return fail_in_turn(b, script, t, number, err);
        if (got == 0 && b->live)
            play_piece(b, script);
        if (build_report(b, 0, err) != 0)
            return -1;
        if (got == 0 && !all)
            break;
    }
    return 0;
}

/* Plans every turn before the first is spoken, so that what cannot be said is known now and not in an hour. */
static int plan_turns(struct build *b, const struct cw_script *script, struct cw_error *err) {
    int number = 0;
    b->stage = CW_STAGE_PLAN;
    b->total = cw_script_turns(script);
    for (int i = 0; i < script->segment_count; i++) {
        for (int j = 0; j < script->segments[i].turn_count; j++) {
            const struct cw_turn *t = &script->segments[i].turns[j];
            struct cw_turn_request r = build_request(b, script, t);
            struct cw_turn_plan plan;
            number++;
            if (cw_turn_plan_make(b->studio, &r, &plan, err) != 0)
                return fail_in_turn(b, script, t, number, err);
            b->expected_seconds += plan.symbols * SYMBOL_SECONDS / b->params.speed;
            cw_turn_plan_free(&plan);
            if (number % 16 == 0 && build_report(b, 0, err) != 0)
                return -1;
        }
    }
    if (number == 0)
        return cw_fail(err, CW_BAD_INPUT, "expected at least one turn, found none");
    return 0;
}

/* ---- finishing ------------------------------------------------------------------------------------------------------------ */

/* The script as it was rendered goes beside its episode. One that is there, and of which no episode was made, is kept under
 * another name. When anything will change, the manifest goes first: without it the folder is not a finished episode. */
static int keep_script(struct build *b, const struct script_file *f, bool stale, const char *manifest, struct cw_error *err) {
    char path[CW_PATH_MAX], previous[CW_PATH_MAX], request[CW_PATH_MAX], written[CW_PATH_MAX], partial[CW_PATH_MAX], of_manifest[65],
        there[65] = "";
    struct stat given, kept;
    if (cw_path_join(path, b->out_dir, "script.md", err) != 0 || cw_path_join(previous, b->out_dir, "script.previous.md", err) != 0 ||
        cw_path_join(request, b->out_dir, REQUEST_FILE, err) != 0 || cw_path_join(written, b->out_dir, WRITTEN_FILE, err) != 0 ||
        cw_path_join(partial, b->out_dir, PARTIAL_FILE, err) != 0)
        return -1;
    cw_manifest_script(b->out_dir, of_manifest);
    if (stale || strcmp(of_manifest, f->sum) != 0)
        unlink(manifest);
    unlink(partial);
    if (f->from && stat(f->from, &given) == 0 && stat(path, &kept) == 0 && given.st_dev == kept.st_dev && given.st_ino == kept.st_ino)
        return 0;
    if (cw_file_exists(path) && cw_sha256_file(path, there, err) != 0)
        return -1;
    if (strcmp(there, f->sum) == 0)
        return 0;
    if (there[0] && strcmp(there, of_manifest) != 0) {
        if (rename(path, previous) != 0)
            return cw_fail(err, CW_FAILED, "%s: cannot be kept as %s", path, previous);
        build_tell(b, "%s was another script; it is kept as %s", path, previous);
    }
    unlink(request); /* this script did not come from that request, */
    unlink(written); /* and what that one took is no cost of it */
    return cw_file_write(path, f->text, f->len, err);
}

static bool on_master(void *arg, double fraction) {
    struct build *b = arg;
    struct cw_error ignored = {0};
    return build_report(b, fraction, &ignored) == 0;
}

/* Mastering, unless the files that are there were made from the same turns at the same places. */
static int master(struct build *b, const struct cw_script *script, const struct script_file *file, char inputs[65],
                  struct cw_manifest_sound *sound, struct cw_error *err) {
    int result = -1;
    char mp3[CW_PATH_MAX], flac[CW_PATH_MAX], wav[CW_PATH_MAX], manifest[CW_PATH_MAX];
    double lufs = 0;
    struct cw_text artist = {0};
    struct cw_clip *clips = calloc((size_t)b->count, sizeof *clips);
    int64_t total = cw_timeline_total(&b->timeline);
    double start = cw_seconds();
    if (!clips) {
        cw_fail_memory(err, "timeline");
        goto done;
    }
    for (int i = 0; i < b->count; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s.wav", b->turns[i].key);
        clips[i].start = b->turns[i].start;
        clips[i].count = b->turns[i].take.samples;
        clips[i].gain_db = b->gains_db[script->segments[b->turns[i].segment].turns[b->turns[i].turn].speaker];
        if (cw_path_join(clips[i].path, b->turns_dir, name, err) != 0)
            goto done;
    }
    for (int i = 0; i < script->cast_count; i++)
        cw_text_printf(&artist, "%s%s", i ? ", " : "", script->cast[i].name);
    struct cw_master_params p = cw_master_params_default();
    p.rate = CW_STUDIO_RATE;
    p.title = script->title && script->title[0] ? script->title : "Episode";
    p.artist = artist.data;
    p.comment = "Made with Castwright; the voices are synthetic.";
    p.progress = on_master;
    p.arg = b;
    char targets[64];
    snprintf(targets, sizeof targets, "%.2f LUFS %.2f dBTP", p.target_lufs, p.ceiling_dbtp);
    if (cw_text_check(&artist, "tags", err) != 0 ||
        cw_manifest_inputs(clips, (size_t)b->count, total, (const char *const[]){p.title, p.artist, p.comment, targets, NULL}, inputs,
                           err) != 0 ||
        cw_manifest_sound(b->out_dir, inputs, sound, err) != 0 || cw_path_join(mp3, b->out_dir, "episode.mp3", err) != 0 ||
        cw_path_join(flac, b->out_dir, "episode.flac", err) != 0 || cw_path_join(wav, b->out_dir, "episode.wav", err) != 0 ||
        cw_path_join(manifest, b->out_dir, "manifest.json", err) != 0)
        goto done;
    /* a file made by an earlier run stays true to the script */
    bool want_flac = b->params.flac || cw_file_exists(flac), want_wav = b->params.wav || cw_file_exists(wav);
    bool stale = !sound->mp3 || (want_flac && !sound->flac) || (want_wav && !sound->wav);
    if (keep_script(b, file, stale, manifest, err) != 0)
        goto done;
    if (stale) {
        struct cw_master_result r = {0};
        p.mp3 = mp3;
        p.flac = want_flac ? flac : NULL;
        p.wav = want_wav ? wav : NULL;
        b->stage = CW_STAGE_MASTER;
        b->what[0] = '\0';
        if (build_report(b, 0, err) != 0 || (b->loudness && cw_loudness_end(b->loudness, total, &lufs, err) != 0))
            goto done;
        p.lufs = b->loudness ? &lufs : NULL;
        if (cw_master(clips, (size_t)b->count, total, p, &r, err) != 0)
            goto done;
        sound->seconds = r.seconds;
        sound->lufs = r.loudness_lufs;
        sound->dbtp = r.true_peak_dbtp;
    }
    sound->flac = want_flac;
    sound->wav = want_wav;
    b->master_seconds = cw_seconds() - start;
    result = 0;
done:
    cw_text_free(&artist);
    free(clips);
    return result;
}

static void free_transcript(struct cw_transcript *t) {
    for (int i = 0; i < t->cue_count; i++) {
        for (int w = 0; w < t->cues[i].word_count; w++)
            free(t->cues[i].words[w].text);
        free(t->cues[i].words);
        free(t->cues[i].text);
    }
    free(t->cues);
    free(t->chapters);
    free((void *)(uintptr_t)t->passages);
    memset(t, 0, sizeof *t);
}

/* The passages that the script carries, borrowed for the transcript. */
static int list_passages(struct cw_transcript *t, const struct cw_passage *passages, int count, struct cw_error *err) {
    struct cw_published_passage *list = calloc((size_t)count + 1, sizeof *list);
    if (!list)
        return cw_fail_memory(err, "transcript");
    for (int i = 0; i < count; i++)
        list[i] = (struct cw_published_passage){passages[i].number, passages[i].source, passages[i].text};
    t->passages = list;
    t->passage_count = count;
    return 0;
}

static int make_transcript(const struct build *b, const struct cw_script *script, struct cw_transcript *t, struct cw_error *err) {
    const double rate = CW_STUDIO_RATE;
    struct cw_text plain = {0};
    int result = -1;
    t->title = script->title && script->title[0] ? script->title : "Episode";
    t->language = script->language;
    t->seconds = (double)cw_timeline_total(&b->timeline) / rate;
    t->cues = calloc((size_t)b->count, sizeof *t->cues);
    t->chapters = calloc((size_t)script->segment_count, sizeof *t->chapters);
    if (!t->cues || !t->chapters) {
        cw_fail_memory(err, "transcript");
        goto done;
    }
    for (int i = 0; i < b->count; i++) {
        const struct spoken *s = &b->turns[i];
        const struct cw_turn *turn = &script->segments[s->segment].turns[s->turn];
        struct cw_cue *cue = &t->cues[t->cue_count++];
        cue->speaker = script->cast[turn->speaker].name;
        cue->start = (double)s->start / rate;
        cue->end = (double)(s->start + s->take.samples) / rate;
        memcpy(cue->key, s->key, sizeof cue->key);
        cue->source_count = cw_turn_sources(turn, cue->sources, CW_CUE_SOURCES);
        cue->flagged = cw_turn_flagged(turn);
        cw_text_clear(&plain);
        if (cw_turn_plain(turn, &plain, err) != 0)
            goto done;
        cue->text = cw_strdup(plain.data ? plain.data : "");
        cue->words = calloc((size_t)s->take.word_count + 1, sizeof *cue->words);
        if (!cue->text || !cue->words) {
            cw_fail_memory(err, "transcript");
            goto done;
        }
        for (int w = 0; w < s->take.word_count; w++) {
            const struct cw_word_mark *mark = &s->take.words[w];
            if (!(cue->words[w].text = cw_strdup(mark->text))) {
                cw_fail_memory(err, "transcript");
                goto done;
            }
            cue->words[w].start = (double)(s->start + mark->start) / rate;
            cue->words[w].end = (double)(s->start + mark->end) / rate;
            cue->word_count++;
        }
        if (s->turn == 0 || t->chapter_count == 0) {
            const char *title = script->segments[s->segment].title;
            if (t->chapter_count > 0)
                t->chapters[t->chapter_count - 1].end = cue->start;
            struct cw_chapter *chapter = &t->chapters[t->chapter_count];
            chapter->title = title && title[0] ? title : t->title;
            chapter->start = t->chapter_count == 0 ? 0 : cue->start;
            chapter->end = t->seconds;
            t->chapter_count++;
        }
    }
    result = 0;
done:
    cw_text_free(&plain);
    return result;
}

char *build_read_request(const struct build *b) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX], *text = NULL;
    size_t len;
    if (cw_path_join(path, b->out_dir, REQUEST_FILE, &ignored) != 0 || !cw_file_exists(path) ||
        cw_file_read(path, 1 << 20, &text, &len, &ignored) != 0)
        return NULL;
    return text;
}

/* Every turn is spoken: sound, transcripts, script, manifest. */
int build_finish(struct build *b, const struct cw_script *script, const struct script_file *file, struct cw_report *out,
                 struct cw_error *err) {
    int result = -1, files = 0;
    const struct cw_crew_stats crew = cw_crew_stats(b->crew);
    char inputs[65], vtt[CW_PATH_MAX], json[CW_PATH_MAX], chapters[CW_PATH_MAX];
    struct cw_manifest_sound sound = {0};
    struct cw_transcript transcript = {0};
    struct cw_passage *passages = NULL;
    int passage_count = 0;
    struct cw_manifest_turn *turns = calloc((size_t)b->count, sizeof *turns);
    char *request = NULL;
    const char *names[8] = {0};

    if (!turns) {
        cw_fail_memory(err, "manifest");
        goto done;
    }
    if (master(b, script, file, inputs, &sound, err) != 0 || make_transcript(b, script, &transcript, err) != 0 ||
        cw_script_passages(script, &passages, &passage_count, err) != 0 || list_passages(&transcript, passages, passage_count, err) != 0)
        goto done;
    b->stage = CW_STAGE_PUBLISH;
    if (build_report(b, 1, err) != 0 || cw_path_join(vtt, b->out_dir, "transcript.vtt", err) != 0 ||
        cw_path_join(json, b->out_dir, "transcript.json", err) != 0 || cw_path_join(chapters, b->out_dir, "chapters.json", err) != 0 ||
        cw_publish_vtt(&transcript, vtt, err) != 0 || cw_publish_json(&transcript, json, err) != 0 ||
        cw_publish_chapters(&transcript, chapters, err) != 0)
        goto done;
    for (int i = 0; i < b->count; i++) {
        const struct spoken *s = &b->turns[i];
        turns[i].speaker = transcript.cues[i].speaker;
        turns[i].key = s->key;
        turns[i].seconds = (double)s->take.samples / CW_STUDIO_RATE;
        turns[i].rendered = s->rendered;
        turns[i].retakes = s->take.retakes;
        turns[i].doubts = s->take.doubts;
    }
    names[files++] = "episode.mp3";
    if (sound.flac)
        names[files++] = "episode.flac";
    if (sound.wav)
        names[files++] = "episode.wav";
    names[files++] = "transcript.vtt";
    names[files++] = "transcript.json";
    names[files++] = "chapters.json";
    request = build_read_request(b);
    cw_manifest_writing(b->out_dir, &b->written);
    struct cw_manifest m = {
        .out_dir = b->out_dir,
        .script = script,
        .script_sum = file->sum,
        .request = request,
        .studio = b->studio,
        .voices = b->voices,
        .gains_db = b->gains_db,
        .speed = b->params.speed,
        .turns = turns,
        .turn_count = b->count,
        .inputs = inputs,
        .files = names,
        .seconds = sound.seconds,
        .lufs = sound.lufs,
        .dbtp = sound.dbtp,
        .speak_seconds = crew.speak_seconds,
        .acoustic_seconds = crew.acoustic_seconds,
        .vocoder_seconds = crew.vocoder_seconds,
        .master_seconds = b->master_seconds,
        .made_seconds = crew.made_seconds,
        .writing = &b->written,
    };
    if (cw_manifest_write(&m, err) != 0)
        goto done;
    cw_lock_release(&b->lock);
    if (b->live) {
        struct cw_error trouble = {0};
        const struct timespec nap = {.tv_nsec = 50000000};
        b->stage = CW_STAGE_PLAY;
        b->what[0] = '\0';
        cw_live_end(b->live, cw_timeline_total(&b->timeline));
        while (build_report(b, 1, &trouble) == 0 && !cw_live_over(b->live))
            nanosleep(&nap, NULL);
        if (!b->cancelled && cw_live_finish(b->live, cw_timeline_total(&b->timeline), &trouble) != 0)
            build_tell(b, "playback stopped: %s", trouble.text);
        struct cw_player_stats stats = cw_live_stats(b->live);
        b->first_sound = stats.first_sound > 0 ? stats.first_sound - b->started : -1;
        b->underruns = stats.underruns;
    }
    if (out) {
        memset(out, 0, sizeof *out);
        out->speech_seconds = sound.seconds;
        out->loudness_lufs = sound.lufs;
        out->true_peak_dbtp = sound.dbtp;
        out->turns = b->count;
        out->rendered = b->rendered;
        out->reused = b->count - b->rendered;
        out->write_seconds = b->write_seconds;
        out->speak_seconds = crew.speak_seconds;
        out->master_seconds = b->master_seconds;
        out->total_seconds = cw_seconds() - b->started;
        out->first_sound_seconds = b->first_sound;
        out->underruns = b->underruns;
        for (int i = 0; i < 2; i++) {
            out->writing[i] = b->written.stages[i];
            out->llm_tokens += out->writing[i].generated_tokens;
            out->money += out->writing[i].money;
        }
        if (cw_path_join(out->episode, b->out_dir, "episode.mp3", err) != 0)
            goto done;
    }
    result = 0;
done:
    free(request);
    free(turns);
    free_transcript(&transcript);
    cw_passages_free(passages, passage_count);
    return result;
}

/* ---- render --------------------------------------------------------------------------------------------------------------- */

struct cw_render_params cw_render_params_default(void) {
    struct cw_render_params p = {.speed = 1};
    return p;
}

/* A script in a file -> the episode; the folder is ours already when `held`. */
int build_render(struct build *b, const char *path, bool held, struct cw_report *out, struct cw_error *err) {
    int result = -1;
    struct cw_script script = {0};
    char *text = NULL;
    size_t len = 0;
    b->stage = CW_STAGE_OPEN;
    if (build_report(b, 0, err) != 0 || cw_file_read(path, CW_SCRIPT_MAX_BYTES, &text, &len, err) != 0 ||
        cw_script_parse(&script, path, text, len, err) != 0 || build_open_voices(b, &script, path, err) != 0 ||
        cw_pronounce_open(&b->dictionary, path, b->params.dictionary, &script, &b->pronunciations, err) != 0)
        goto done;
    if (plan_turns(b, &script, err) != 0) {
        if (!b->cancelled)
            cw_fail_in(err, "%s", path);
        goto done;
    }
    if ((!held && build_open_folder(b, err) != 0) || build_keep_pronunciations(b, err) != 0)
        goto done;
    build_open_live(b);
    if (build_open_crew(b, b->live != NULL, err) != 0)
        goto done;
    for (int i = 0; i < script.segment_count; i++)
        for (int j = 0; j < script.segments[i].turn_count; j++)
            if (build_order_turn(b, &script, i, j, err) != 0)
                goto done;
    if (build_take_turns(b, &script, true, err) != 0)
        goto done;
    struct script_file file = {.text = text, .len = len, .from = path};
    cw_sha256_of(text, len, file.sum);
    result = build_finish(b, &script, &file, out, err);
done:
    cw_crew_close(b->crew); /* its workers read the script's language */
    b->crew = NULL;
    cw_script_free(&script);
    free(text);
    return result;
}

int cw_render(struct cw_studio *s, const char *script, struct cw_render_params p, struct cw_report *out, struct cw_error *err) {
    struct build b;
    int result = build_begin(&b, s, p, err);
    if (result == 0)
        result = build_render(&b, script, false, out, err);
    build_end(&b);
    return result;
}
