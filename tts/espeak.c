/* What no lexicon has ─▶ espeak-ng ─▶ its IPA ─▶ misaki's alphabet. The only file that knows espeak-ng. Its state is global, so one lock
 * guards it for the whole process. */
#include "tts/sound.h"

#include <espeak-ng/speak_lib.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t espeak_lock = PTHREAD_MUTEX_INITIALIZER;
static int espeak_state; /* 0 not started, 1 ready, -1 cannot */
static int espeak_voice; /* 0 none, 1 en-us, 2 en-gb */

/* A language switch inside the answer, "(el)": not a sound. */
static void drop_switches(struct sound *p) {
    struct sound q;
    bool inside = false;
    sound_set(&q, "", 0);
    for (size_t i = 0; i < p->n; i++) {
        if (p->s[i] == '(') {
            inside = true;
        } else if (p->s[i] == ')') {
            inside = false;
        } else if (!inside) {
            sound_put_n(&q, p->s + i, 1);
        }
    }
    sound_set(p, q.s, q.n);
}

/* espeak's IPA (ties as '^') to misaki's alphabet. */
static void convert_ipa(struct sound *p, bool british) {
    static const char *const both[][2] = {{"ʔˌn\u0329", "ʔn"}, {"ʔn\u0329", "ʔn"}, {"a^ɪ", "I"}, {"a^ʊ", "W"},  {"d^ʒ", "ʤ"},
                                          {"e^ɪ", "A"},        {"t^ʃ", "ʧ"},       {"ɔ^ɪ", "Y"}, {"ə^l", "ᵊl"}, {"ʲo", "jo"},
                                          {"ʲə", "jə"},        {"ʲ", ""},          {"ɚ", "əɹ"},  {"r", "ɹ"},    {"x", "k"},
                                          {"ç", "k"},          {"ɐ", "ə"},         {"ɬ", "l"},   {"\u0303", ""}};
    static const char *const gb[][2] = {{"e^ə", "ɛː"}, {"iə", "ɪə"}, {"i^ə", "ɪə"}, {"ə^ʊ", "Q"}};
    static const char *const us[][2] = {{"o^ʊ", "O"}, {"ɜːɹ", "ɜɹ"}, {"ɜː", "ɜɹ"}, {"ɪə", "iə"}, {"ː", ""}};
    static const char *const after[][2] = {{"e", "A"}, {"o", "ɔ"}, {"^", ""}, {"ɾ", "T"}, {"ʔ", "t"}, {"ɹɹ", "ɹ"}};
    struct sound q;
    drop_switches(p);
    for (size_t k = 0; k < sizeof both / sizeof both[0]; k++) {
        sound_replace(p, both[k][0], both[k][1]);
    }
    /* a syllabic consonant: a small schwa goes before it */
    sound_set(&q, "", 0);
    for (size_t i = 0; i < p->n;) {
        uint32_t c = 0, mark = 0;
        size_t k = (size_t)cw_utf8_next(p->s + i, p->n - i, &c);
        k = k ? k : 1;
        if (cw_utf8_next(p->s + i + k, p->n - i - k, &mark) && mark == 0x329) {
            sound_put(&q, "ᵊ");
            sound_put_n(&q, p->s + i, k);
            i += k + 2;
        } else {
            sound_put_n(&q, p->s + i, k);
            i += k;
        }
    }
    sound_set(p, q.s, q.n);
    for (size_t k = 0; k < (british ? sizeof gb / sizeof gb[0] : sizeof us / sizeof us[0]); k++) {
        const char *const *pair = british ? gb[k] : us[k];
        sound_replace(p, pair[0], pair[1]);
    }
    for (size_t k = 0; k < sizeof after / sizeof after[0]; k++) {
        sound_replace(p, after[k][0], after[k][1]);
    }
    /* keep what the model knows */
    sound_set(&q, "", 0);
    for (size_t i = 0; i < p->n;) {
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(p->s + i, p->n - i, &c);
        k = k ? k : 1;
        if (cw_symbol_known(c) && (c >= 'A' || (c == ' ' && q.n > 0 && i + k < p->n)) && c != 0x2014 && c != 0x2026) {
            sound_put_n(&q, p->s + i, k);
        }
        i += k;
    }
    sound_set(p, q.s, q.n);
}

int espeak_word(const char *word, bool british, struct sound *p, struct cw_error *err) {
    int result = -1;
    pthread_mutex_lock(&espeak_lock);
    if (espeak_state == 0) {
        espeak_state = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT) > 0 ? 1 : -1;
    }
    if (espeak_state < 0) {
        cw_fail(err, CW_FAILED, "espeak-ng: expected its data to be installed (package espeak-ng-data), found none");
        goto done;
    }
    int voice = british ? 2 : 1;
    if (espeak_voice != voice) {
        espeak_voice = 0;
        espeak_VOICE wanted = {.languages = british ? "en-gb" : "en-us"};
        /* not by name: names differ between releases, and a name that is not there leaves the library without a translator */
        if (espeak_SetVoiceByProperties(&wanted) != EE_OK) {
            cw_fail(err, CW_FAILED, "espeak-ng: expected voice \"%s\", found none by this name", british ? "en-gb" : "en-us");
            goto done;
        }
        espeak_voice = voice;
    }
    sound_set(p, "", 0);
    const void *text = word;
    for (int k = 0; text && k < 64; k++) {
        const char *ipa = espeak_TextToPhonemes(&text, espeakCHARS_UTF8, espeakPHONEMES_IPA | espeakPHONEMES_TIE | ('^' << 8));
        if (ipa) {
            sound_put(p, ipa);
        }
    }
    result = 0;
done:
    pthread_mutex_unlock(&espeak_lock);
    if (result == 0) {
        convert_ipa(p, british);
    }
    return result;
}
