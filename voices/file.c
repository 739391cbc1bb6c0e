/* A voice file: GGUF -> every key and tensor checked -> plain data; and back. */
#include "voices/file.h"

#include "models/gguf.h"
#include "models/gguf_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, TEXT_MAX = 65536, LIST_MAX = 64, NUMBERS_MAX = 1 << 24 };

static const char *const ways[] = {"mix", "likeness", "style", "offsets", "low-rank", "zero-shot"};

bool cw_voice_is_name(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return n > 0 && n <= CW_VOICE_NAME_MAX;
}

int cw_voices_home(char out[CW_PATH_MAX], struct cw_error *err) {
    const char *own = getenv("CASTWRIGHT_VOICES"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (own != NULL && own[0] != '\0') {
        return cw_path_join(out, own, "", err);
    }
    if (data != NULL && data[0] == '/') {
        return cw_path_join(out, data, "castwright/voices", err);
    }
    if (home == NULL || home[0] == '\0') {
        return cw_fail(err, CW_BAD_INPUT,
                       "folder of one's own voices: expected CASTWRIGHT_VOICES or HOME in the environment, found neither");
    }
    return cw_path_join(out, home, ".local/share/castwright/voices", err);
}

int cw_voices_own_path(const char *name, char out[CW_PATH_MAX], struct cw_error *err) {
    char home[CW_PATH_MAX], file[CW_VOICE_NAME_MAX + 8];
    if (!cw_voice_is_name(name, strlen(name))) {
        return cw_fail(err, CW_BAD_INPUT, "voice \"%.80s\": expected a name of letters, digits and _, at most %d", name, CW_VOICE_NAME_MAX);
    }
    snprintf(file, sizeof file, "%s.gguf", name);
    return cw_voices_home(home, err) != 0 ? -1 : cw_path_join(out, home, file, err);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------- */

static int fail_text(const char *path, const char *key, size_t most, struct cw_error *err) {
    return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected UTF-8 of at most %zu bytes", path, key, most);
}

static bool is_text(const char *s, size_t len, size_t most) {
    return len <= most && memchr(s, '\0', len) == NULL && cw_utf8_invalid(s, len) < 0;
}

static int read_text(const struct cw_gguf *g, const char *path, const char *key, char *out, size_t size, struct cw_error *err) {
    const char *s;
    size_t len;
    if (cw_gguf_string(g, key, &s, &len, err) != 0) {
        return -1;
    }
    if (!is_text(s, len, size - 1)) {
        return fail_text(path, key, size - 1, err);
    }
    memcpy(out, s, len);
    out[len] = '\0';
    return 0;
}

static int read_long_text(const struct cw_gguf *g, const char *path, const char *key, char **out, struct cw_error *err) {
    const char *s;
    size_t len;
    if (cw_gguf_string(g, key, &s, &len, err) != 0) {
        return -1;
    }
    if (!is_text(s, len, TEXT_MAX)) {
        return fail_text(path, key, TEXT_MAX, err);
    }
    *out = cw_strndup(s, len);
    return *out != NULL ? 0 : cw_fail_memory(err, path);
}

static int read_texts(const struct cw_gguf *g, const char *path, const char *key, char ***out, size_t *count, struct cw_error *err) {
    size_t n;
    if (cw_gguf_string_at(g, key, 0, NULL, NULL, &n, err) != 0) {
        return -1;
    }
    if (n > LIST_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"%s\": expected at most %d texts, found %zu", path, key, LIST_MAX, n);
    }
    *out = calloc(n + 1, sizeof **out);
    if (*out == NULL) {
        return cw_fail_memory(err, path);
    }
    for (*count = 0; *count < n; (*count)++) {
        const char *s;
        size_t len;
        if (cw_gguf_string_at(g, key, *count, &s, &len, NULL, err) != 0) {
            return -1;
        }
        if (!is_text(s, len, TEXT_MAX)) {
            return fail_text(path, key, TEXT_MAX, err);
        }
        (*out)[*count] = cw_strndup(s, len);
        if ((*out)[*count] == NULL) {
            return cw_fail_memory(err, path);
        }
    }
    return 0;
}

/* A copy of the tensor's numbers, all finite. */
static int read_numbers(const struct cw_gguf *g, const char *path, const char *name, const int *dims, int n, float **out,
                        struct cw_error *err) {
    const float *data;
    size_t count = 1;
    for (int i = 0; i < n; i++) {
        count *= (size_t)(dims[i] > 0 ? dims[i] : 0);
        if (count > NUMBERS_MAX) {
            break;
        }
    }
    if (count == 0 || count > NUMBERS_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected 1 to %d numbers, found others", path, name, NUMBERS_MAX);
    }
    if (cw_gguf_f32(g, name, dims, n, &data, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(data[i])) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": number %zu: expected a finite number, found %s", path, name, i + 1,
                           isnan(data[i]) ? "NaN" : "infinity");
        }
    }
    *out = malloc(count * sizeof **out);
    if (*out == NULL) {
        return cw_fail_memory(err, path);
    }
    memcpy(*out, data, count * sizeof **out);
    return 0;
}

static bool begins(const char *s, const char *with) {
    return strncmp(s, with, strlen(with)) == 0;
}

static int read_addition(const struct cw_gguf *g, const char *path, struct cw_voice_file *f, const char *name, struct cw_error *err) {
    struct cw_voice_addition *a = &f->additions[f->addition_count];
    int other[4], n;
    if (cw_gguf_shape(g, name, a->dims, &a->dim_count, err) != 0) {
        return -1;
    }
    int wanted = begins(name, "offset.") ? 1 : begins(name, "lora.a.") ? 3 : begins(name, "lora.b.") ? 2 : 0;
    if (wanted == 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected style, embedding, offset.*, lora.a.* or lora.b.*, found this one",
                       path, name);
    }
    if (a->dim_count != wanted) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected %d dimensions, found %d", path, name, wanted, a->dim_count);
    }
    if (wanted > 1) { /* a and b belong together and have one rank */
        char pair[sizeof a->name];
        snprintf(pair, sizeof pair, "lora.%c.%s", wanted == 3 ? 'b' : 'a', name + 7);
        if (cw_gguf_shape(g, pair, other, &n, err) != 0) {
            return -1;
        }
        int rank = a->dims[0], rank_of_pair = n > 1 ? other[0] : 0;
        if (rank != rank_of_pair || rank > 256) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"%s\": expected the rank of \"%s\" and at most 256, found %d and %d", path, name,
                           pair, rank, rank_of_pair);
        }
    }
    snprintf(a->name, sizeof a->name, "%s", name);
    f->addition_count++;
    return read_numbers(g, path, name, a->dims, a->dim_count, &a->data, err);
}

static int read_tensors(const struct cw_gguf *g, const char *path, struct cw_voice_file *f, struct cw_error *err) {
    static const int style[2] = {CW_PACK_ROWS, CW_PACK_STYLE}, embedding[1] = {256};
    size_t count = cw_gguf_tensor_count(g);
    float *e = NULL;
    if (count > CW_VOICE_ADDITIONS_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected at most %d tensors, found %zu", path, CW_VOICE_ADDITIONS_MAX, count);
    }
    f->additions = calloc(count + 1, sizeof *f->additions);
    if (f->additions == NULL) {
        return cw_fail_memory(err, path);
    }
    if (read_numbers(g, path, "style", style, 2, &f->pack, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        char name[sizeof f->additions->name];
        size_t len;
        const char *s = cw_gguf_tensor_name(g, i, &len);
        if (!is_text(s, len, sizeof name - 1)) {
            return cw_fail(err, CW_BAD_INPUT, "%s: tensor %zu: expected a name of at most %zu bytes", path, i + 1, sizeof name - 1);
        }
        memcpy(name, s, len);
        name[len] = '\0';
        if (strcmp(name, "style") == 0) {
            continue;
        }
        if (strcmp(name, "embedding") == 0) {
            if (read_numbers(g, path, name, embedding, 1, &e, err) != 0) {
                return -1;
            }
            memcpy(f->embedding, e, sizeof f->embedding);
            f->has_embedding = true;
            free(e);
            e = NULL;
        } else if (read_addition(g, path, f, name, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Of a zero-shot voice: the reference, what is said in it, and whose voice it is; nothing else. */
static int read_reference(const struct cw_gguf *g, const char *path, struct cw_voice_file *f, struct cw_error *err) {
    static const int embedding[1] = {256};
    const float *e;
    int dims[4], n;
    if (read_long_text(g, path, "voice.reference.text", &f->reference_text, err) != 0 ||
        cw_gguf_shape(g, "reference", dims, &n, err) != 0) {
        return -1;
    }
    if (n != 1 || dims[0] < CW_REFERENCE_LEAST * CW_REFERENCE_RATE || dims[0] > CW_REFERENCE_MOST * CW_REFERENCE_RATE) {
        return cw_fail(err, CW_BAD_INPUT, "%s: tensor \"reference\": expected %d to %d seconds of samples at %d Hz, found %d", path,
                       CW_REFERENCE_LEAST, CW_REFERENCE_MOST, CW_REFERENCE_RATE, n == 1 ? dims[0] : 0);
    }
    if (f->reference_text[strspn(f->reference_text, " ")] == '\0') {
        return cw_fail(err, CW_BAD_INPUT, "%s: key \"voice.reference.text\": expected what is said in the reference, found nothing", path);
    }
    if (cw_gguf_tensor_count(g) != 2) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected the tensors \"reference\" and \"embedding\" alone, found %zu", path,
                       cw_gguf_tensor_count(g));
    }
    if (cw_gguf_f32_finite(g, "embedding", embedding, 1, &e, err) != 0 ||
        read_numbers(g, path, "reference", dims, 1, &f->reference, err) != 0) {
        return -1;
    }
    memcpy(f->embedding, e, sizeof f->embedding);
    f->has_embedding = true;
    f->reference_count = dims[0];
    return 0;
}

int cw_voice_file_read(struct cw_voice_file *f, const char *path, struct cw_error *err) {
    int result = -1;
    struct cw_gguf *g = NULL;
    char architecture[32];
    int64_t version;
    *f = (struct cw_voice_file){0};
    if (cw_gguf_open(&g, path, err) != 0 || read_text(g, path, "general.architecture", architecture, sizeof architecture, err) != 0) {
        goto done;
    }
    if (strcmp(architecture, "castwright-voice") != 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: key \"general.architecture\": expected \"castwright-voice\", found \"%s\"", path, architecture);
        goto done;
    }
    if (cw_gguf_int(g, "voice.version", &version, err) != 0) {
        goto done;
    }
    if (version != VERSION) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a voice file of version %d, found %lld", path, VERSION, (long long)version);
        goto done;
    }
    if (read_text(g, path, "general.name", f->name, sizeof f->name, err) != 0 ||
        read_text(g, path, "voice.made", f->made, sizeof f->made, err) != 0 ||
        read_text(g, path, "voice.engine", f->engine, sizeof f->engine, err) != 0 ||
        read_text(g, path, "voice.engine.sha256", f->engine_sha256, sizeof f->engine_sha256, err) != 0 ||
        read_text(g, path, "voice.language", f->language, sizeof f->language, err) != 0 ||
        read_long_text(g, path, "general.license", &f->licence, err) != 0 || read_long_text(g, path, "voice.how", &f->how, err) != 0 ||
        read_long_text(g, path, "voice.seal", &f->seal, err) != 0 ||
        read_texts(g, path, "voice.parents", &f->parents, &f->parent_count, err) != 0 ||
        read_texts(g, path, "voice.consents", &f->consents, &f->consent_count, err) != 0 ||
        cw_gguf_double(g, "voice.f0_slope", &f->f0_slope, err) != 0 || cw_gguf_double(g, "voice.f0_offset", &f->f0_offset, err) != 0) {
        goto done;
    }
    bool known = false;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        known |= strcmp(f->made, ways[i]) == 0;
    }
    if (!known) {
        cw_fail(err, CW_BAD_INPUT, "%s: key \"voice.made\": expected mix, likeness, style, offsets, low-rank or zero-shot, found \"%s\"",
                path, f->made);
        goto done;
    }
    if (!cw_voice_is_name(f->name, strlen(f->name))) {
        cw_fail(err, CW_BAD_INPUT, "%s: key \"general.name\": expected letters, digits and _, found \"%s\"", path, f->name);
        goto done;
    }
    const bool zero_shot = strcmp(f->made, "zero-shot") == 0;
    if (zero_shot ? strcmp(f->engine, "f5") != 0 || f->engine_sha256[0] != '\0'
                  : strcmp(f->engine, "kokoro") != 0 || strspn(f->engine_sha256, "0123456789abcdef") != 64) {
        cw_fail(
            err, CW_BAD_INPUT,
            "%s: expected a voice for \"kokoro\" with the sha256 of its file, or a zero-shot one for \"f5\", found one (%s) for \"%s\" and "
            "\"%s\"",
            path, f->made, f->engine, f->engine_sha256);
        goto done;
    }
    if (!(f->f0_slope >= 0.1 && f->f0_slope <= 10 && fabs(f->f0_offset) <= 60)) {
        cw_fail(err, CW_BAD_INPUT, "%s: F0 map: expected a slope of 0.1 to 10 and an offset of -60 to 60, found %g and %g", path,
                f->f0_slope, f->f0_offset);
        goto done;
    }
    result = zero_shot ? read_reference(g, path, f, err) : read_tensors(g, path, f, err);
done:
    cw_gguf_close(g);
    if (result != 0) {
        cw_voice_file_free(f);
    }
    return result;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------- */

int cw_voice_file_write(const struct cw_voice_file *f, const char *path, struct cw_error *err) {
    static const int style[2] = {CW_PACK_ROWS, CW_PACK_STYLE}, embedding[1] = {256};
    struct cw_gguf_out o = {0};
    cw_gguf_out_string(&o, "general.architecture", "castwright-voice");
    cw_gguf_out_string(&o, "general.name", f->name);
    cw_gguf_out_string(&o, "general.license", f->licence != NULL ? f->licence : "");
    cw_gguf_out_uint(&o, "voice.version", VERSION);
    cw_gguf_out_string(&o, "voice.made", f->made);
    cw_gguf_out_string(&o, "voice.how", f->how != NULL ? f->how : "");
    cw_gguf_out_string(&o, "voice.engine", f->engine);
    cw_gguf_out_string(&o, "voice.engine.sha256", f->engine_sha256);
    cw_gguf_out_string(&o, "voice.language", f->language);
    cw_gguf_out_double(&o, "voice.f0_slope", f->f0_slope);
    cw_gguf_out_double(&o, "voice.f0_offset", f->f0_offset);
    cw_gguf_out_strings(&o, "voice.parents", (const char *const *)f->parents, f->parent_count);
    cw_gguf_out_strings(&o, "voice.consents", (const char *const *)f->consents, f->consent_count);
    cw_gguf_out_string(&o, "voice.seal", f->seal != NULL ? f->seal : "");
    if (f->reference != NULL) {
        cw_gguf_out_string(&o, "voice.reference.text", f->reference_text);
        cw_gguf_out_f32(&o, "reference", &f->reference_count, 1, f->reference);
    } else {
        cw_gguf_out_f32(&o, "style", style, 2, f->pack);
    }
    if (f->has_embedding) {
        cw_gguf_out_f32(&o, "embedding", embedding, 1, f->embedding);
    }
    for (size_t i = 0; i < f->addition_count; i++) {
        const struct cw_voice_addition *a = &f->additions[i];
        cw_gguf_out_f32(&o, a->name, a->dims, a->dim_count, a->data);
    }
    int result = cw_gguf_out_write(&o, path, err);
    cw_gguf_out_free(&o);
    return result;
}

void cw_voice_file_free(struct cw_voice_file *f) {
    for (size_t i = 0; i < f->parent_count; i++) {
        free(f->parents[i]);
    }
    for (size_t i = 0; i < f->consent_count; i++) {
        free(f->consents[i]);
    }
    for (size_t i = 0; i < f->addition_count; i++) {
        free(f->additions[i].data);
    }
    free(f->parents);
    free(f->consents);
    free(f->additions);
    free(f->licence);
    free(f->how);
    free(f->seal);
    free(f->pack);
    free(f->reference);
    free(f->reference_text);
    *f = (struct cw_voice_file){0};
}

void cw_voice_file_content(const struct cw_voice_file *f, char hex[65]) {
    struct cw_sha256 s;
    char line[256];
    cw_sha256_start(&s);
    if (f->reference != NULL) {
        int length = snprintf(line, sizeof line, "reference %d, text %zu\n", f->reference_count, strlen(f->reference_text));
        cw_sha256_add(&s, line, (size_t)length);
        cw_sha256_add(&s, f->reference_text, strlen(f->reference_text));
        cw_sha256_add(&s, f->reference, sizeof(float) * (size_t)f->reference_count);
        cw_sha256_end(&s, hex);
        return;
    }
    cw_sha256_add(&s, f->pack, sizeof(float) * CW_PACK_ROWS * CW_PACK_STYLE);
    int n = snprintf(line, sizeof line, "\nf0 %.17g %.17g\n", f->f0_slope, f->f0_offset);
    cw_sha256_add(&s, line, (size_t)n);
    for (size_t i = 0; i < f->addition_count; i++) {
        const struct cw_voice_addition *a = &f->additions[i];
        size_t numbers = 1;
        n = snprintf(line, sizeof line, "%s", a->name);
        for (int d = 0; d < a->dim_count; d++) {
            numbers *= (size_t)a->dims[d];
            n += snprintf(line + n, sizeof line - (size_t)n, " %d", a->dims[d]);
        }
        cw_sha256_add(&s, line, (size_t)n);
        cw_sha256_add(&s, a->data, numbers * sizeof(float));
    }
    cw_sha256_end(&s, hex);
}
