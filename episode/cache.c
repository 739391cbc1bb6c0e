/* Turn files: KEY ─▶ KEY.wav + KEY.json, written beside their names and renamed; nothing in them depends on when or how often
 * they were made. */
#include "episode/cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <sndfile.h>

enum { FORMAT_VERSION = 1, JSON_MAX = 16 << 20 };

struct cw_cache_file {
    char wav[CW_PATH_MAX], json[CW_PATH_MAX], temp[CW_PATH_MAX];
    char key[65];
    SNDFILE *sound;
    int64_t written;
};

static int paths(const char *dir, const char *key, char wav[CW_PATH_MAX], char json[CW_PATH_MAX], struct cw_error *err) {
    char name[80];
    snprintf(name, sizeof name, "%.64s.wav", key);
    if (cw_path_join(wav, dir, name, err) != 0)
        return -1;
    snprintf(name, sizeof name, "%.64s.json", key);
    return cw_path_join(json, dir, name, err);
}

/* Fills the take from KEY.json; false when it is not what cw_cache_end writes. */
static bool read_take(const json_t *root, const char *key, struct cw_take *take, const char **sum) {
    const char *named = json_string_value(json_object_get(root, "key"));
    const json_t *words = json_object_get(root, "words"), *samples = json_object_get(root, "samples");
    *sum = json_string_value(json_object_get(root, "sha256"));
    if (json_integer_value(json_object_get(root, "version")) != FORMAT_VERSION || !named || strcmp(named, key) != 0 || !*sum ||
        !json_is_integer(samples) || !json_is_array(words))
        return false;
    take->samples = json_integer_value(samples);
    take->retakes = (int)json_integer_value(json_object_get(root, "retakes"));
    take->doubts = (unsigned)json_integer_value(json_object_get(root, "doubts"));
    size_t count = json_array_size(words);
    if (take->samples <= 0 || take->samples > (int64_t)CW_STUDIO_RATE * 86400 || count > 1 << 20)
        return false;
    take->words = calloc(count + 1, sizeof *take->words);
    if (!take->words)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *w = json_array_get(words, i);
        const char *text = json_string_value(json_array_get(w, 0));
        int64_t start = json_integer_value(json_array_get(w, 1)), end = json_integer_value(json_array_get(w, 2));
        if (!text || start < 0 || end < start || end > take->samples || !(take->words[i].text = cw_strdup(text)))
            return false;
        take->words[i].start = start;
        take->words[i].end = end;
        take->word_count = (int)i + 1;
    }
    return true;
}

int cw_cache_find(const char *dir, const char *key, char path[CW_PATH_MAX], struct cw_take *take, bool *found, struct cw_error *err) {
    char json[CW_PATH_MAX], sum[65], *data = NULL;
    const char *wanted = NULL;
    size_t len = 0;
    json_t *root = NULL;
    struct cw_error ignored = {0}; /* a file that cannot be read is one to make again */
    memset(take, 0, sizeof *take);
    *found = false;
    if (paths(dir, key, path, json, err) != 0)
        return -1;
    if (cw_file_exists(json) && cw_file_exists(path) && cw_file_read(json, JSON_MAX, &data, &len, &ignored) == 0 &&
        (root = json_loadb(data, len, 0, NULL)) != NULL && read_take(root, key, take, &wanted) &&
        cw_sha256_file(path, sum, &ignored) == 0 && strcmp(sum, wanted) == 0)
        *found = true;
    if (!*found)
        cw_take_free(take);
    json_decref(root);
    free(data);
    return 0;
}

int cw_cache_begin(struct cw_cache_file **out, const char *dir, const char *key, struct cw_error *err) {
    *out = NULL;
    struct cw_cache_file *f = calloc(1, sizeof *f);
    if (!f)
        return cw_fail_memory(err, "turn file");
    memcpy(f->key, key, sizeof f->key);
    if (paths(dir, key, f->wav, f->json, err) != 0 || cw_file_begin(f->wav, f->temp, err) != 0) {
        free(f);
        return -1;
    }
    SF_INFO info = {.samplerate = CW_STUDIO_RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    f->sound = sf_open(f->temp, SFM_WRITE, &info);
    if (!f->sound) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", f->wav, sf_strerror(NULL));
        cw_cache_abort(f);
        return -1;
    }
    sf_command(f->sound, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); /* it holds the time of writing */
    *out = f;
    return 0;
}

static int write_sound(void *arg, const float *samples, size_t n, struct cw_error *err) {
    struct cw_cache_file *f = arg;
    if (sf_writef_float(f->sound, samples, (sf_count_t)n) != (sf_count_t)n)
        return cw_fail(err, CW_FAILED, "%s: cannot write: %s", f->wav, sf_strerror(f->sound));
    f->written += (int64_t)n;
    return 0;
}

struct cw_sink cw_cache_sink(struct cw_cache_file *f) {
    struct cw_sink sink = {write_sound, f};
    return sink;
}

static int write_json(const struct cw_cache_file *f, const struct cw_take *take, const char *sum, struct cw_error *err) {
    int result = -1;
    char *text = NULL;
    json_t *words = json_array(), *root = NULL;
    for (int i = 0; i < take->word_count; i++) {
        const struct cw_word_mark *w = &take->words[i];
        if (json_array_append_new(words, json_pack("[sII]", w->text, (json_int_t)w->start, (json_int_t)w->end)) != 0) {
            cw_fail(err, CW_FAILED, "%s: cannot hold the word \"%.80s\"", f->json, w->text);
            goto done;
        }
    }
    root = json_pack("{si ss sI ss sO}", "version", FORMAT_VERSION, "key", f->key, "samples", (json_int_t)take->samples, "sha256", sum,
                     "words", words);
    if (root && take->retakes > 0)
        json_object_set_new(root, "retakes", json_integer(take->retakes));
    if (root && take->doubts)
        json_object_set_new(root, "doubts", json_integer(take->doubts));
    text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (!text) {
        cw_fail_memory(err, f->json);
        goto done;
    }
    result = cw_file_write(f->json, text, strlen(text), err);
done:
    free(text);
    json_decref(root);
    json_decref(words);
    return result;
}

int cw_cache_end(struct cw_cache_file *f, const struct cw_take *take, struct cw_error *err) {
    int result = -1;
    char sum[65];
    struct stat st;
    int closed = sf_close(f->sound);
    f->sound = NULL;
    if (f->written != take->samples) {
        cw_fail(err, CW_FAILED, "%s: expected %lld samples, found %lld", f->wav, (long long)take->samples, (long long)f->written);
        goto done;
    }
    /* libsndfile's last write can fail unseen on a full disk: the size tells */
    if (closed != 0 || stat(f->temp, &st) != 0 || st.st_size < (off_t)(take->samples * (int64_t)sizeof(float))) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", f->wav, closed != 0 ? sf_error_number(closed) : "the file is too short");
        goto done;
    }
    if (cw_sha256_file(f->temp, sum, err) != 0)
        goto done;
    int committed = cw_file_commit(f->temp, f->wav, err);
    f->temp[0] = '\0'; /* renamed, or discarded by the failed commit */
    if (committed != 0)
        goto done;
    result = write_json(f, take, sum, err);
done:
    cw_cache_abort(f);
    return result;
}

void cw_cache_abort(struct cw_cache_file *f) {
    if (!f)
        return;
    if (f->sound)
        sf_close(f->sound);
    cw_file_discard(f->temp);
    free(f);
}
