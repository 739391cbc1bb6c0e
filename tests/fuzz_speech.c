/* libFuzzer: any bytes as a turn's text, through the whole front end. Byte 0 chooses the language and whether what stands before the first
 * tab is a dictionary file, byte 1 the chunks' length. The front end's own promises are checked on the way: chunks no longer than asked,
 * words inside their chunks and their text. */
#include "tts/front.h"
#include "tts/speech.h"

#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* espeak-ng 1.51 loses 1.3 KiB when its voice is changed after a word for which it borrowed another language's rules. */
const char *__lsan_default_suppressions(void) {
    return "leak:libespeak-ng";
}

static struct cw_speech *speech;

static void open_once(void) {
    char models[CW_PATH_MAX], dir[CW_PATH_MAX];
    struct cw_error err = {0};
    static bool tried;
    if (!tried && cw_models_dir(models, &err) == 0 && cw_path_join(dir, models, "lexicon", &err) == 0 &&
        cw_speech_open(&speech, dir, &err)) {
        speech = NULL; /* no lexicon here: the normaliser alone is fuzzed */
    }
    tried = true;
}

static void demand(bool ok) {
    if (!ok) {
        abort();
    }
}

/* The dictionary that stands before the first tab, read from a file as a user's is; *text moves on behind it. */
static struct cw_dictionary *dictionary_of(const char *data, size_t size, char **text) {
    struct cw_dictionary *d = NULL;
    struct cw_error err = {0};
    char path[64];
    const char *tab = memchr(data, '\t', size);
    if (!tab || cw_dictionary_new(&d, &err)) {
        return NULL;
    }
    snprintf(path, sizeof path, "/dev/shm/castwright-fuzz-%ld.dict", (long)getpid());
    FILE *f = fopen(path, "wb");
    if (f) {
        fwrite(data, 1, (size_t)(tab - data), f);
        fclose(f);
        if (cw_dictionary_read(d, path, &err)) {
            demand(err.code == CW_BAD_INPUT && err.text[0]);
        }
        unlink(path);
    }
    *text += tab + 1 - data;
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cw_error err = {0};
    struct cw_text spoken = {0};
    struct cw_utterance u;
    struct cw_speech_params params = cw_speech_params_default();
    open_once();
    if (size < 2) {
        return 0;
    }
    static const char *const languages[] = {"en-us", "en-gb", "en-us", "en-gb", "es", "fr-fr", "hi", "pt-br"};
    params.language = languages[data[0] & 7];
    params.max_symbols = 20 + (data[1] % 164) * 3;
    char *text = malloc(size - 1), *start = text;
    if (!text) {
        return 0;
    }
    memcpy(text, data + 2, size - 2);
    text[size - 2] = '\0';
    struct cw_dictionary *own = data[0] & 8 ? dictionary_of(text, size - 2, &start) : NULL;
    params.dictionary = own;
    size_t length = strlen(start);
    if (cw_normalise_in(start, data[0] & 1 ? "en-gb" : "en-us", &spoken, &err) == 0) {
        demand(cw_utf8_invalid(spoken.data, spoken.len) < 0 && spoken.len > 0);
    } else {
        demand(err.code == CW_BAD_INPUT && err.text[0]);
    }
    if (speech && cw_speech_plan(speech, start, params, &u, &err) == 0) {
        for (int c = 0; c < u.chunk_count; c++) {
            demand(u.chunks[c].symbols <= params.max_symbols && u.chunks[c].symbols == cw_symbols_count(u.chunks[c].phonemes));
        }
        for (int i = 0; i < u.word_count; i++) {
            const struct cw_spoken_word *w = &u.words[i];
            demand(w->chunk >= 0 && w->chunk < u.chunk_count && w->first >= 0 && w->first + w->count <= u.chunks[w->chunk].symbols);
            demand(w->offset + strlen(w->text) <= length && memcmp(start + w->offset, w->text, strlen(w->text)) == 0);
        }
        cw_utterance_free(&u);
    } else if (speech) {
        demand(err.code == CW_BAD_INPUT && err.text[0]);
    }
    if (speech && cw_speech_words(speech, start, params, &u, &err) == 0) {
        for (int i = 0; i < u.word_count; i++) {
            const struct cw_spoken_word *w = &u.words[i];
            demand(w->offset + strlen(w->text) <= length && *w->class && *cw_word_source_name(w->source));
        }
        cw_utterance_free(&u);
    }
    cw_dictionary_close(own);
    cw_text_free(&spoken);
    free(text);
    return 0;
}
