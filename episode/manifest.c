/* manifest.json, written and read back. */
#include "episode/manifest.h"

#include "episode/turn.h"
#include "models/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

enum { MANIFEST_MAX = 32 << 20 };
#define MASTERING_VERSION 4 /* to be raised when mixer.c, bus.c, master.c, resample.c or limiter.c change what is heard */

int cw_manifest_inputs(const struct cw_clip *clips, size_t count, int64_t total, const char *const *tags, char sum[65],
                       struct cw_error *err) {
    struct cw_text t = {0};
    cw_text_printf(&t, "mastering %d\ntotal %lld\n", MASTERING_VERSION, (long long)total);
    for (; *tags; tags++)
        cw_text_printf(&t, "tag %zu %s\n", strlen(*tags), *tags);
    for (size_t i = 0; i < count; i++) {
        const char *name = strrchr(clips[i].path, '/'); /* the turn's key: the folder's own place decides nothing */
        cw_text_printf(&t, "clip %s %lld %lld %.1f\n", name ? name + 1 : clips[i].path, (long long)clips[i].start,
                       (long long)clips[i].count, clips[i].gain_db);
    }
    int result = cw_text_check(&t, "manifest", err);
    if (result == 0)
        cw_sha256_of(t.data, t.len, sum);
    cw_text_free(&t);
    return result;
}

/* NULL when there is none, or one that cannot be read: it is then made anew. */
static json_t *load(const char *out_dir, const char *name) {
    struct cw_error ignored = {0};
    char path[CW_PATH_MAX], *data = NULL;
    size_t len = 0;
    json_t *root = NULL;
    if (cw_path_join(path, out_dir, name, &ignored) == 0 && cw_file_exists(path) &&
        cw_file_read(path, MANIFEST_MAX, &data, &len, &ignored) == 0)
        root = json_loadb(data, len, 0, NULL);
    free(data);
    return root;
}

/* Is NAME the file that the manifest describes? */
static int file_matches(const json_t *root, const char *out_dir, const char *name, bool *same, struct cw_error *err) {
    char path[CW_PATH_MAX], sum[65];
    *same = false;
    const json_t *files = json_object_get(root, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *f = json_array_get(files, i);
        const char *n = json_string_value(json_object_get(f, "name")), *wanted = json_string_value(json_object_get(f, "sha256"));
        if (!n || !wanted || strcmp(n, name) != 0)
            continue;
        if (cw_path_join(path, out_dir, name, err) != 0)
            return -1;
        struct cw_error ignored = {0};
        *same = cw_file_exists(path) && cw_sha256_file(path, sum, &ignored) == 0 && strcmp(sum, wanted) == 0;
    }
    return 0;
}

int cw_manifest_sound(const char *out_dir, const char *inputs, struct cw_manifest_sound *sound, struct cw_error *err) {
    int result = -1;
    memset(sound, 0, sizeof *sound);
    json_t *root = load(out_dir, "manifest.json");
    if (file_matches(root, out_dir, "episode.flac", &sound->flac, err) != 0 ||
        file_matches(root, out_dir, "episode.wav", &sound->wav, err) != 0 ||
        file_matches(root, out_dir, "episode.mp3", &sound->mp3, err) != 0)
        goto done;
    const char *found = json_string_value(json_object_get(root, "inputs"));
    const json_t *numbers = json_object_get(root, "sound");
    sound->seconds = json_number_value(json_object_get(numbers, "seconds"));
    sound->lufs = json_number_value(json_object_get(numbers, "loudness_lufs"));
    sound->dbtp = json_number_value(json_object_get(numbers, "true_peak_dbtp"));
    if (!found || strcmp(found, inputs) != 0)
        sound->mp3 = sound->flac = sound->wav = false;
    result = 0;
done:
    json_decref(root);
    return result;
}

void cw_manifest_script(const char *out_dir, char sum[65]) {
    json_t *root = load(out_dir, "manifest.json");
    const char *s = json_string_value(json_object_get(json_object_get(root, "script"), "sha256"));
    snprintf(sum, 65, "%s", s ? s : "");
    json_decref(root);
}

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

/* One sum for the files of a folder: their names and sums, in order of name. */
static int folder_sum(const char *dir, char sum[65], struct cw_error *err) {
    int result = -1;
    struct cw_text t = {0};
    struct dirent **names = NULL;
    int count = scandir(dir, &names, NULL, alphasort);
    if (count < 0) {
        cw_fail(err, CW_NO_MODEL, "%s: cannot read the folder: %s", dir, strerror(errno));
        goto done;
    }
    for (int i = 0; i < count; i++) {
        char path[CW_PATH_MAX], one[65];
        if (names[i]->d_name[0] == '.')
            continue;
        if (cw_path_join(path, dir, names[i]->d_name, err) != 0 || cw_sha256_file(path, one, err) != 0)
            goto done;
        cw_text_printf(&t, "%s %s\n", one, names[i]->d_name);
    }
    if (cw_text_check(&t, "folder sum", err) != 0)
        goto done;
    cw_sha256_of(t.data ? t.data : "", t.len, sum);
    result = 0;
done:
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    cw_text_free(&t);
    return result;
}

/* The model at `path`, with the sum of what was used: the catalogue's entry, or a file of the user's own. */
static json_t *model(const char *path, const char *sum, const char *terms) {
    size_t count = 0;
    const struct cw_model *all = cw_models(&count);
    const char *base = strrchr(path, '/');
    for (size_t i = 0; i < count; i++) {
        char standard[CW_PATH_MAX];
        struct cw_error ignored = {0};
        if (cw_model_path(all[i].name, standard, &ignored) == 0 && strcmp(standard, path) == 0)
            return json_pack("{ss ss ss ss}", "name", all[i].name, "file", all[i].file, "sha256", sum, "licence",
                             terms && terms[0] ? terms : all[i].licence);
    }
    return json_pack("{ss ss ss ss}", "name", "own", "file", base ? base + 1 : path, "sha256", sum, "licence", "not known");
}

static json_t *files(const struct cw_manifest *m, struct cw_error *err) {
    json_t *list = json_array();
    for (const char *const *name = m->files; *name; name++) {
        char path[CW_PATH_MAX], sum[65];
        struct stat st;
        if (cw_path_join(path, m->out_dir, *name, err) != 0 || cw_sha256_file(path, sum, err) != 0)
            goto failed;
        if (stat(path, &st) != 0) {
            cw_fail(err, CW_FAILED, "%s: expected the file just made, found nothing", path);
            goto failed;
        }
        json_array_append_new(list, json_pack("{ss ss sI}", "name", *name, "sha256", sum, "bytes", (json_int_t)st.st_size));
    }
    return list;
failed:
    json_decref(list);
    return NULL;
}

/* Rounded, so that the file shows what was measured and not the digits of a double. */
static json_t *number(double x, double step) {
    double n = x / step;
    n = n < 0 ? (double)(int64_t)(n - 0.5) : (double)(int64_t)(n + 0.5);
    return json_real(n / (1 / step));
}

static const char *const stage_names[2] = {"plan", "lines"};

/* What the costs have of writing. */
static json_t *writing_json(const struct cw_manifest_writing *w) {
    json_t *stages = json_object();
    long prompt_tokens = 0, generated_tokens = 0;
    double money = 0;
    for (int i = 0; i < 2; i++) {
        const struct cw_writing_cost *s = &w->stages[i];
        prompt_tokens += s->prompt_tokens;
        generated_tokens += s->generated_tokens;
        money += s->money;
        if (s->model[0])
            json_object_set_new(stages, stage_names[i],
                                json_pack("{ss sI sI sI so so}", "model", s->model, "prompt_tokens", (json_int_t)s->prompt_tokens,
                                          "generated_tokens", (json_int_t)s->generated_tokens, "retries", (json_int_t)s->retries, "seconds",
                                          number(s->seconds, 0.001), "money", number(s->money, 1e-6)));
    }
    return json_pack("{so sI sI si so so}", "writing", stages, "prompt_tokens", (json_int_t)prompt_tokens, "generated_tokens",
                     (json_int_t)generated_tokens, "lines_asked_again", w->asked_again, "money", number(money, 1e-6), "write_seconds",
                     number(w->seconds, 0.001));
}

int cw_manifest_keep_writing(const char *out_dir, const struct cw_manifest_writing *w, struct cw_error *err) {
    char path[CW_PATH_MAX];
    json_t *root = writing_json(w);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) : NULL;
    json_decref(root);
    if (!text)
        return cw_fail(err, CW_FAILED, "%s: expected the model's name to be UTF-8", WRITTEN_FILE);
    int result = cw_path_join(path, out_dir, WRITTEN_FILE, err) == 0 ? cw_file_write(path, text, strlen(text), err) : -1;
    free(text);
    return result;
}

void cw_manifest_writing(const char *out_dir, struct cw_manifest_writing *w) {
    memset(w, 0, sizeof *w);
    json_t *root = load(out_dir, WRITTEN_FILE);
    for (int i = 0; i < 2; i++) {
        const json_t *s = json_object_get(json_object_get(root, "writing"), stage_names[i]);
        struct cw_writing_cost *c = &w->stages[i];
        const char *model = json_string_value(json_object_get(s, "model"));
        snprintf(c->model, sizeof c->model, "%s", model ? model : "");
        c->prompt_tokens = (long)json_integer_value(json_object_get(s, "prompt_tokens"));
        c->generated_tokens = (long)json_integer_value(json_object_get(s, "generated_tokens"));
        c->retries = (long)json_integer_value(json_object_get(s, "retries"));
        c->seconds = json_number_value(json_object_get(s, "seconds"));
        c->money = json_number_value(json_object_get(s, "money"));
    }
    w->asked_again = (int)json_integer_value(json_object_get(root, "lines_asked_again"));
    w->seconds = json_number_value(json_object_get(root, "write_seconds"));
    json_decref(root);
}

static json_t *costs(const struct cw_manifest *m) {
    int rendered = 0;
    for (int i = 0; i < m->turn_count; i++)
        rendered += m->turns[i].rendered;
    json_t *c = json_pack("{si si si}", "threads", m->studio->device ? cw_device_threads(m->studio->device) : 0, "turns_rendered", rendered,
                          "turns_reused", m->turn_count - rendered);
    json_t *writing = writing_json(m->writing);
    json_object_update(c, writing);
    json_decref(writing);
    json_object_set_new(c, "speak_seconds", number(m->speak_seconds, 0.001));
    json_object_set_new(c, "master_seconds", number(m->master_seconds, 0.001));
    json_object_set_new(c, "acoustic_seconds", number(m->acoustic_seconds, 0.001));
    json_object_set_new(c, "vocoder_seconds", number(m->vocoder_seconds, 0.001));
    json_object_set_new(c, "cpu_seconds", number(cw_cpu_seconds(), 0.001));
    json_object_set_new(c, "peak_memory_mib", number((double)cw_peak_rss_kib() / 1024, 0.1));
    /* seconds of work for a second of sound; null where nothing of the kind was done */
    bool spoke = m->made_seconds > 0;
    json_object_set_new(c, "speak_real_time_factor", spoke ? number(m->speak_seconds / m->made_seconds, 0.0001) : json_null());
    json_object_set_new(c, "master_real_time_factor",
                        m->master_seconds > 0 && m->seconds > 0 ? number(m->master_seconds / m->seconds, 0.0001) : json_null());
    return c;
}

/* Whose voice it is, and the record of each one's consent. */
static json_t *consents(const struct cw_voice *v) {
    json_t *list = json_array();
    for (int i = 0; i < v->people_count; i++)
        json_array_append_new(list, json_pack("{ss ss ss ss}", "speaker", v->people[i].speaker, "record", v->people[i].record, "purpose",
                                              v->people[i].purpose, "until", v->people[i].until));
    return list;
}

static json_t *build(const struct cw_manifest *m, struct cw_error *err) {
    const struct cw_script *script = m->script;
    json_t *root = NULL, *request = m->request ? json_loads(m->request, 0, NULL) : NULL, *list = files(m, err);
    if (!list) {
        json_decref(request);
        return NULL;
    }
    root = json_pack("{ss ss so ss s{ss ss sI}}", "program", "castwright " CW_VERSION, "title", script->title ? script->title : "",
                     "request", request ? request : json_null(), "inputs", m->inputs, "script", "sha256", m->script_sum, "language",
                     script->language, "seed", (json_int_t)script->seed);
    json_object_set_new(root, "kernels", json_string(cw_device_isa(m->studio->device)));
    json_object_set_new(root, "speed", number(m->speed, 0.001));

    json_t *models = json_array();
    char lexicon[65];
    if (folder_sum(m->studio->lexicon_dir, lexicon, err) != 0) {
        json_decref(models);
        json_decref(list);
        json_decref(root);
        return NULL;
    }
    for (int e = 0; e < CW_ENGINES; e++) {
        const struct cw_engine *engine = &m->studio->engines[e];
        bool used = false;
        for (int i = 0; i < script->cast_count; i++) {
            const enum cw_engine_kind kind = cw_studio_engine(&m->voices[i]);
            const bool shown_by_kokoro = kind == CW_ENGINE_F5 && !m->voices[i].reference;
            used |= (int)kind == e || (e == CW_ENGINE_KOKORO && shown_by_kokoro);
        }
        if (!used)
            continue;
        json_array_append_new(models, model(engine->path, engine->sum, engine->terms[0]));
        if (engine->vocoder_path[0])
            json_array_append_new(models, model(engine->vocoder_path, engine->vocoder_sum, engine->terms[1]));
    }
    json_array_append_new(models, model(m->studio->lexicon_dir, lexicon, NULL));
    json_object_set_new(root, "models", models);

    json_t *voices = json_array();
    for (int i = 0; i < script->cast_count; i++) {
        const struct cw_voice *v = &m->voices[i];
        json_t *one = json_pack("{ss ss ss ss so}", "speaker", script->cast[i].name, "voice", v->name, "engine", v->engine, "sha256",
                                v->sha256, "gain_db", number(m->gains_db[i], 0.1));
        if (v->people_count > 0)
            json_object_set_new(one, "consents", consents(v));
        json_array_append_new(voices, one);
    }
    json_object_set_new(root, "voices", voices);
    json_t *turns = json_array();
    for (int i = 0; i < m->turn_count; i++) {
        json_t *one =
            json_pack("{ss ss so}", "speaker", m->turns[i].speaker, "key", m->turns[i].key, "seconds", number(m->turns[i].seconds, 0.001));
        if (m->turns[i].retakes > 0)
            json_object_set_new(one, "retakes", json_integer(m->turns[i].retakes));
        if (m->turns[i].doubts) {
            json_t *doubts = json_array();
            for (unsigned bit = 0; cw_turn_doubt(bit); bit++)
                if (m->turns[i].doubts >> bit & 1)
                    json_array_append_new(doubts, json_string(cw_turn_doubt(bit)));
            json_object_set_new(one, "doubts", doubts);
        }
        json_array_append_new(turns, one);
    }
    json_object_set_new(root, "turns", turns);
    json_t *sound = json_object();
    json_object_set_new(sound, "seconds", number(m->seconds, 0.001));
    json_object_set_new(sound, "loudness_lufs", number(m->lufs, 0.01));
    json_object_set_new(sound, "true_peak_dbtp", number(m->dbtp, 0.01));
    json_object_set_new(root, "sound", sound);
    json_object_set_new(root, "files", list);
    json_object_set_new(root, "costs", costs(m));
    if (!root || !json_object_get(root, "costs"))
        cw_fail_memory(err, "manifest");
    return root;
}

int cw_manifest_write(const struct cw_manifest *m, struct cw_error *err) {
    int result = -1;
    char path[CW_PATH_MAX], *text = NULL;
    json_t *old = load(m->out_dir, "manifest.json"), *old_costs = NULL, *new_costs = NULL, *root = build(m, err);
    if (!root)
        goto done;
    if (old) {
        old_costs = json_incref(json_object_get(old, "costs"));
        new_costs = json_incref(json_object_get(root, "costs"));
        json_object_del(old, "costs");
        json_object_del(root, "costs");
        if (old_costs && json_equal(old, root)) {
            result = 0;
            goto done;
        }
        json_object_set(root, "costs", new_costs);
    }
    text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    if (!text) {
        cw_fail_memory(err, "manifest.json");
        goto done;
    }
    if (cw_path_join(path, m->out_dir, "manifest.json", err) == 0)
        result = cw_file_write(path, text, strlen(text), err);
done:
    free(text);
    json_decref(old_costs);
    json_decref(new_costs);
    json_decref(old);
    json_decref(root);
    return result;
}

/* The model that writes or plans: a file with its sum, or an endpoint and its name for it. */
static json_t *language_model(const char *path, const char *endpoint, const char *name, struct cw_error *err) {
    char sum[65];
    if (endpoint)
        return json_pack("{ss ss}", "endpoint", endpoint, "name", name ? name : "");
    return cw_model_sum(path, sum, err) == 0 ? model(path, sum, NULL) : NULL;
}

int cw_manifest_request(const struct cw_brief *b, const struct cw_script *cast, struct cw_text *out, struct cw_error *err) {
    int result = -1;
    const struct cw_write_params *w = &b->asked;
    char *text = NULL;
    json_t *root = NULL, *speakers = json_array(), *from = json_array();
    json_t *writer = language_model(b->writer, w->endpoint, w->llm_name, err), *planner = NULL;
    if (!writer)
        goto done;
    if ((b->planner[0] || w->plan_endpoint) && !(planner = language_model(b->planner, w->plan_endpoint, w->plan_llm_name, err)))
        goto done;
    for (int i = 0; i < cast->cast_count; i++) {
        json_t *one = json_pack("[ss]", cast->cast[i].name, cast->cast[i].voice);
        if (cast->cast[i].persona)
            json_array_append_new(one, json_string(cast->cast[i].persona));
        if (cast->cast[i].words > 0)
            json_array_append_new(one, json_integer(cast->cast[i].words));
        for (int k = 0; k < cast->cast[i].opener_count; k++)
            json_array_append_new(one, json_pack("{ss}", "opener", cast->cast[i].openers[k]));
        json_array_append_new(speakers, one);
    }
    root = json_pack("{ss so sO ss sI sO}", "topic", w->topic, "minutes", number(w->minutes, 0.001), "cast", speakers, "style",
                     w->style ? w->style : "", "seed", (json_int_t)w->seed, "writer", writer);
    if (root && planner)
        json_object_set(root, "planner", planner);
    json_object_set_new(root, "style_sha256", json_string(cw_style_sum(b->style)));
    json_object_set_new(root, "disclosure", json_boolean(!w->no_disclosure));
    for (int i = 0; i < b->sources.name_count; i++)
        json_array_append_new(from, json_pack("{ss ss}", "name", b->sources.names[i], "sha256", b->sources.sums[i]));
    if (json_array_size(from) > 0)
        json_object_set(root, "sources", from);
    text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) : NULL;
    if (!text) {
        cw_fail(err, CW_BAD_INPUT, "topic: expected UTF-8 text");
        goto done;
    }
    cw_text_add(out, text);
    result = cw_text_check(out, "request", err);
done:
    free(text);
    json_decref(from);
    json_decref(speakers);
    json_decref(writer);
    json_decref(planner);
    json_decref(root);
    return result;
}
