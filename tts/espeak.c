/* What no lexicon has ─▶ espeak-ng ─▶ its IPA ─▶ misaki's alphabet. The only file that knows espeak-ng. Its state is global, so one lock
 * guards it for the whole process. */
#include "tts/sound.h"

#include <espeak-ng/speak_lib.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t espeak_lock = PTHREAD_MUTEX_INITIALIZER;
static int espeak_state;         /* 0 not started, 1 ready, -1 cannot */
static const char *espeak_voice; /* its language, a literal of ours; NULL: none yet */

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

/* A letter's script: Latin, Greek, Russian, Devanagari; ANY for a mark that joins any letter and for a digit; NONE for all else. */
enum script { NONE, ANY, LATIN, GREEK, RUSSIAN, DEVANAGARI };

static enum script script_of(uint32_t c, bool hindi) {
    return c >= 0x300 && c <= 0x36F                                                                            ? ANY
           : c >= '0' && c <= '9'                                                                              ? ANY
           : (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')                                                  ? LATIN
           : (c >= 0xC0 && c < 0x250 && c != 0xD7 && c != 0xF7) || (c >= 0x1E00 && c <= 0x1EFF)                ? LATIN
           : c == 0x386 || (c >= 0x388 && c <= 0x3CE && c != 0x38B && c != 0x38D && c != 0x3A2)                ? GREEK
           : (c >= 0x410 && c <= 0x44F) || c == 0x401 || c == 0x451                                            ? RUSSIAN
           : hindi && ((c >= 0x901 && c <= 0x939) || (c >= 0x93C && c <= 0x94D) || (c >= 0x958 && c <= 0x963)) ? DEVANAGARI
           : hindi && c >= 0x966 && c <= 0x96F                                                                 ? DEVANAGARI
                                                                                                               : NONE;
}

/* What espeak-ng is given: letters, digits, a point or comma inside of a number, an apostrophe inside of a word where the language has
 * some. espeak-ng 1.51 writes through a stray pointer at a sign that its dictionary has no rule for (its "match1.del_fwd", mended since),
 * and uses the rules that it borrowed from another language after it gave them back, where those meet a letter that is foreign to them. */
static void tame(struct cw_text *out, const char *words, bool apostrophes, bool hindi) {
    uint32_t before = ' ';
    for (size_t i = 0, n = strlen(words); i < n;) {
        uint32_t c = 0, after = 0;
        size_t k = (size_t)cw_utf8_next(words + i, n - i, &c);
        k = k ? k : 1;
        cw_utf8_next(words + i + k, n - i - k, &after);
        if ((c >= 0x200B && c <= 0x200D) || c == 0x2060) { /* joiners: nothing to hear */
            i += k;
            continue;
        }
        enum script now = script_of(c, hindi), last = script_of(before, hindi), next = script_of(after, hindi);
        bool digit = c >= '0' && c <= '9', digit_before = before >= '0' && before <= '9', digit_after = after >= '0' && after <= '9';
        bool within = last > ANY && next > ANY; /* of a word */
        bool kept = now || ((c == '.' || c == ',') && digit_before && digit_after) || (c == '-' && within) ||
                    (apostrophes && (c == '\'' || c == 0x2019) && within);
        if (now && last && (digit != digit_before || (now > ANY && last > ANY && now != last))) {
            cw_text_add_char(out, ' '); /* two words, where script or kind changes */
        }
        if (kept) {
            cw_text_add_n(out, c == 0x2019 ? "'" : words + i, c == 0x2019 ? 1 : k);
            before = c;
        } else if (c != '\'' && c != 0x2019) {
            cw_text_add(out, before == ' ' ? "" : " ");
            before = ' ';
        }
        i += k;
    }
}

/* Text -> espeak-ng's IPA, appended to `out`; its clauses are parted by a blank. `language`: "en-us", "fr-fr". */
static int speak_ipa(const char *words, const char *language, struct cw_text *out, struct cw_error *err) {
    int result = -1;
    struct cw_text tamed = {0};
    tame(&tamed, words, strcmp(language, "es") != 0 && strcmp(language, "pt-br") != 0 && strcmp(language, "hi") != 0,
         strcmp(language, "hi") == 0);
    pthread_mutex_lock(&espeak_lock);
    if (cw_text_check(&tamed, "text", err)) {
        goto done;
    }
    if (espeak_state == 0) {
        espeak_state = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT) > 0 ? 1 : -1;
    }
    if (espeak_state < 0) {
        cw_fail(err, CW_FAILED, "espeak-ng: expected its data to be installed (package espeak-ng-data), found none");
        goto done;
    }
    if (!espeak_voice || strcmp(espeak_voice, language) != 0) {
        espeak_voice = NULL;
        espeak_VOICE wanted = {.languages = language};
        /* not by name: names differ between releases, and a name that is not there leaves the library without a translator */
        if (espeak_SetVoiceByProperties(&wanted) != EE_OK) {
            cw_fail(err, CW_FAILED, "espeak-ng: expected voice \"%s\", found none by this name", language);
            goto done;
        }
        espeak_voice = language;
    }
    const void *text = tamed.data && tamed.len ? tamed.data : NULL;
    for (size_t k = tamed.len + 2; text && k > 0; k--) {
        const char *ipa = espeak_TextToPhonemes(&text, espeakCHARS_UTF8, espeakPHONEMES_IPA | espeakPHONEMES_TIE | ('^' << 8));
        if (ipa) {
            cw_text_add(out, out->len > 0 ? " " : "");
            cw_text_add(out, ipa);
        }
    }
    result = cw_text_check(out, "phonemes", err);
done:
    pthread_mutex_unlock(&espeak_lock);
    cw_text_free(&tamed);
    return result;
}

int espeak_word(const char *word, bool british, struct sound *p, struct cw_error *err) {
    struct cw_text ipa = {0};
    int result = speak_ipa(word, british ? "en-gb" : "en-us", &ipa, err);
    if (result == 0) {
        sound_set(p, ipa.data ? ipa.data : "", ipa.len);
        convert_ipa(p, british);
    }
    cw_text_free(&ipa);
    return result;
}

/* The pieces of espeak's IPA that Kokoro's other languages write in one letter each (misaki's espeak table, version of the 1.0 model). */
static size_t joined_letter(const char *s, const char **letter) {
    static const char *const pairs[][2] = {{"a^ɪ", "I"}, {"a^ʊ", "W"}, {"d^z", "ʣ"}, {"d^ʒ", "ʤ"}, {"e^ɪ", "A"}, {"o^ʊ", "O"},
                                           {"ə^ʊ", "Q"}, {"s^s", "S"}, {"t^s", "ʦ"}, {"t^ʃ", "ʧ"}, {"ɔ^ɪ", "Y"}};
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
        size_t n = strlen(pairs[k][0]);
        if (strncmp(s, pairs[k][0], n) == 0) {
            *letter = pairs[k][1];
            return n;
        }
    }
    return 0;
}

int espeak_clause(const char *words, const char *language, struct cw_text *out, struct cw_error *err) {
    struct cw_text ipa = {0};
    int result = speak_ipa(words, language, &ipa, err);
    bool inside = false; /* of a language switch, "(en)" */
    for (size_t i = 0; result == 0 && i < ipa.len;) {
        const char *letter = NULL;
        uint32_t c = 0;
        size_t k = (size_t)cw_utf8_next(ipa.data + i, ipa.len - i, &c), n = joined_letter(ipa.data + i, &letter);
        k = k ? k : 1;
        if (c == '(' || c == ')') {
            inside = c == '(';
        } else if (!inside && n) {
            cw_text_add(out, letter);
            k = n;
        } else if (!inside && (c == ' ' || c == '\n')) {
            if (out->len > 0 && out->data[out->len - 1] != ' ') {
                cw_text_add_char(out, ' ');
            }
        } else if (!inside && c > ' ' && cw_symbol_known(c) && (c >= 'A') && c != 0x2014 && c != 0x2026) {
            cw_text_add_n(out, ipa.data + i, k);
        }
        i += k;
    }
    while (result == 0 && out->len > 0 && out->data[out->len - 1] == ' ') {
        out->data[--out->len] = '\0';
    }
    result = result ? result : cw_text_check(out, "phonemes", err);
    cw_text_free(&ipa);
    return result;
}
