/* libFuzzer: any bytes as a turn's text (byte 0: language, chunk length and split), through the whole front end. The front end's own
 * promises are checked on the way: chunks no longer than asked, words inside their chunks and their text. */
#include "tts/front.h"
#include "tts/speech.h"

#include <stdlib.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cw_error err = {0};
    struct cw_text spoken = {0};
    struct cw_utterance u;
    struct cw_speech_params params = cw_speech_params_default();
    open_once();
    if (size < 1) {
        return 0;
    }
    params.language = data[0] & 1 ? "en-gb" : "en-us";
    params.max_symbols = 20 + (data[0] >> 1) * 3;
    char *text = malloc(size);
    if (!text) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    size_t length = strlen(text);
    if (cw_normalise_in(text, params.language, &spoken, &err) == 0) {
        demand(cw_utf8_invalid(spoken.data, spoken.len) < 0 && spoken.len > 0);
    } else {
        demand(err.code == CW_BAD_INPUT && err.text[0]);
    }
    if (speech && cw_speech_plan(speech, text, params, &u, &err) == 0) {
        for (int c = 0; c < u.chunk_count; c++) {
            demand(u.chunks[c].symbols <= params.max_symbols && u.chunks[c].symbols == cw_symbols_count(u.chunks[c].phonemes));
        }
        for (int i = 0; i < u.word_count; i++) {
            const struct cw_spoken_word *w = &u.words[i];
            demand(w->chunk >= 0 && w->chunk < u.chunk_count && w->first >= 0 && w->first + w->count <= u.chunks[w->chunk].symbols);
            demand(w->offset + strlen(w->text) <= length && memcmp(text + w->offset, w->text, strlen(w->text)) == 0);
        }
        cw_utterance_free(&u);
    } else if (speech) {
        demand(err.code == CW_BAD_INPUT && err.text[0]);
    }
    cw_text_free(&spoken);
    free(text);
    return 0;
}
