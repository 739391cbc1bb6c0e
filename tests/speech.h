/* The text front end as set up on this machine, for tests; without its lexicon they are skipped. */
#ifndef CASTWRIGHT_TESTS_SPEECH_H
#define CASTWRIGHT_TESTS_SPEECH_H

#include "tests/test.h"
#include "tts/speech.h"

static inline struct cw_speech *open_speech(void) {
    char models[CW_PATH_MAX], dir[CW_PATH_MAX], file[CW_PATH_MAX];
    struct cw_error err = {0};
    struct cw_speech *s = NULL;
    if (cw_models_dir(models, &err) || cw_path_join(dir, models, "lexicon", &err) || cw_path_join(file, dir, "us.lex", &err) ||
        !cw_file_exists(file)) {
        cw_test_skip("the lexicon is not there");
        return NULL;
    }
    CHECKF(cw_speech_open(&s, dir, &err) == 0, "%s", err.text);
    return s;
}

#endif
