/* How words sound: homographs in sentences, dictionaries of one's own, other languages, what `castwright text` is told of each word. */
#include "tests/speech.h"
#include "tests/tagger_expected.h"
#include "tts/tagger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct cw_test cw_tests_pronounce[];

/* All words' phonemes as they stand in the text. free() it. */
static char *said(const struct cw_speech *s, const char *text, const char *language, const struct cw_dictionary *d) {
    struct cw_utterance u;
    struct cw_error err = {0};
    struct cw_text out = {0};
    struct cw_speech_params p = cw_speech_params_default();
    p.language = language;
    p.dictionary = d;
    if (!CHECKF(cw_speech_words(s, text, p, &u, &err) == 0, "\"%s\": %s", text, err.text)) {
        return cw_strdup("");
    }
    for (int i = 0; i < u.word_count; i++) {
        cw_text_add(&out, u.words[i].space && out.len > 0 ? " " : "");
        cw_text_add(&out, u.words[i].phonemes);
        CHECKF(strncmp(text + u.words[i].offset, u.words[i].text, strlen(u.words[i].text)) == 0, "\"%s\" is not at %zu of \"%s\"",
               u.words[i].text, u.words[i].offset, text);
    }
    cw_utterance_free(&u);
    return out.data;
}

static void expect_said(const struct cw_speech *s, const char *text, const char *language, const struct cw_dictionary *d,
                        const char *want) {
    char *got = said(s, text, language, d);
    CHECKF(got && strcmp(got, want) == 0, "%s \"%s\": expected %s, found %s", language, text, want, got ? got : "nothing");
    free(got);
}

/* ---- homographs -------------------------------------------------------------------------------------------------------------- */

static void homographs(void) {
    static const struct {
        const char *text, *us; /* a sound that is in it */
    } cases[] = {
        {"They sang the lead part twice.", "lˈid"},
        {"The old lead pipes were dug out of the wall.", "lˈɛd"},
        {"She plays bass in a wedding band.", "bˈAs"},
        {"He caught a bass in the lake before lunch.", "bˈæs"},
        {"Please record the meeting for me.", "ɹəkˈɔɹd"},
        {"The record shows nothing of the kind.", "ɹˈɛkəɹd"},
        {"They refuse to answer.", "ɹəfjˈuz"},
        {"The refuse is collected on Mondays.", "ɹˈɛfjˌus"},
        {"We must separate the eggs.", "sˈɛpəɹˌAt"},
        {"They live in separate houses.", "sˈɛpəɹət"},
        {"Close the door.", "klˈOz"},
        {"It was a close race.", "klˈOs"},
        {"The wind blew all night.", "wˈɪnd"},
        {"You have to wind the clock every Sunday.", "wˈInd"},
        {"I have read it twice.", "ɹˈɛd"},
        {"I will read it tomorrow.", "ɹˈid"},
        {"She opened the letter and read it aloud.", "ɹˈɛd"},
        {"He wanted to sit down and read.", "ɹˈid"},
        {"The ship's bow hit the quay.", "bˈW"},
        {"She tied a bow in the ribbon.", "bˈO"},
        {"Trains from Reading were late.", "ɹˈɛdɪŋ"},
        {"Reading aloud helps.", "ɹˈidɪŋ"},
        {"Polish sausages taste of smoke.", "pˈOlɪʃ"},
        {"We polish the brass.", "pˈɑlɪʃ"},
        {"He sent his résumé on Friday.", "ɹˈɛzəmˌA"},
        {"We resume at nine.", "ɹəzˈum"},
        {"Exports rose, and they export more each year.", "ɪkspˈɔɹt"},
        {"They protest against the dam every weekend.", "pɹətˈɛst"},
    };
    struct cw_speech *s = open_speech();
    for (size_t i = 0; s && i < sizeof cases / sizeof cases[0]; i++) {
        char *got = said(s, cases[i].text, "en-us", NULL);
        CHECKF(got && strstr(got, cases[i].us), "\"%s\": expected %s in it, found %s", cases[i].text, cases[i].us, got ? got : "nothing");
        free(got);
    }
    cw_speech_close(s);
}

/* The features in C are those that the weights were trained with: the trainer's own scores come out. */
static void tagger(void) {
    struct cw_error err = {0};
    for (size_t i = 0; i < sizeof tagger_expected / sizeof tagger_expected[0]; i++) {
        struct cw_tokens t = {0};
        int score[CLASS_COUNT];
        if (!CHECKF(cw_tokens_make(&t, tagger_expected[i].text, false, &err) == 0, "%s", err.text)) {
            continue;
        }
        cw_tagger_score(&t, tagger_expected[i].token, score);
        for (int k = 0; k < CLASS_COUNT; k++) {
            CHECKF(score[k] == tagger_expected[i].score[k], "\"%s\", token %zu, class %d: expected %d, found %d", tagger_expected[i].text,
                   tagger_expected[i].token, k, tagger_expected[i].score[k], score[k]);
        }
        cw_tokens_free(&t);
    }
}

/* ---- dictionary ---------------------------------------------------------------------------------------------------------------- */

static const char *write_dictionary(const char *text) {
    static char path[CW_PATH_MAX];
    struct cw_error err = {0};
    snprintf(path, sizeof path, "%s/own.dict", cw_test_dir());
    CHECKF(cw_file_write(path, text, strlen(text), &err) == 0, "%s", err.text);
    return path;
}

static void dictionary(void) {
    struct cw_error err = {0};
    struct cw_dictionary *d = NULL;
    struct cw_speech *s = open_speech();
    const char *path =
        write_dictionary("# names\n\nNguyen = /wˈɪn/\nsql = sequel\nkubernetes = koo-ber-NET-eez\nNew York = /nˈu/\r\n"
                         "New York City = /ʤˈʌ/\nPolish = /pˈɑ/\nZürich = /zˈʊ/\ncafé = /kɑfˈA/\nC++ = see plus plus\nNguyen = /ŋwˈɪn/\n");
    if (!s || !CHECK(cw_dictionary_new(&d, &err) == 0) || !CHECKF(cw_dictionary_read(d, path, &err) == 0, "%s", err.text)) {
        goto done;
    }
    expect_said(s, "Nguyen spoke.", "en-us", d, "ŋwˈɪn spˈOk.");                          /* the last entry counts */
    expect_said(s, "nguyen", "en-us", NULL, "nˈujɛn");                                    /* no dictionary */
    expect_said(s, "Nguyen's car, Nguyen’s car", "en-us", d, "ŋwˈɪnz kˈɑɹ, ŋwˈɪnz kˈɑɹ"); /* a possessive */
    expect_said(s, "SQL and sql", "en-us", d, "sˈikwəl ænd sˈikwəl");                     /* small letters fit any case */
    expect_said(s, "Polish, polish.", "en-us", d, "pˈɑ, pˈɑlɪʃ.");                        /* a capital fits only itself */
    expect_said(s, "in New  York, and New York City.", "en-us", d, "ɪn nˈu, ænd ʤˈʌ.");   /* phrases, the longest */
    expect_said(s, "kubernetes", "en-us", d, "kubɜɹnˈɛtiz");                              /* a respelling with its stress */
    expect_said(s, "Zürich, CAFÉ", "en-us", d, "zˈʊ, kɑfˈA");
    expect_said(s, "mysql New Yorker", "en-us", d, "mˌI ɛskjuˈɛl nˈu jˈɔɹkəɹ"); /* whole words only */
    expect_said(s, "[Nguyen](/nˈu/) and Nguyen", "en-us", d, "nˈu ænd ŋwˈɪn");  /* inline wins */
    expect_said(s, "He writes C++ well.", "en-us", d, "hˌi ɹˈIts sˈi plˈʌs plˈʌs wˈɛl.");
    expect_said(s, "Nguyen habla.", "es", d, "ŋwˈɪn ˈaβla.");
done:
    cw_dictionary_close(d);
    cw_speech_close(s);
}

static void bad_dictionary(void) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"ok = fine\nno equals sign\n", ":2: expected \"word = respelling\""},
        {"\n\nword =\n", ":3: expected a respelling or /phonemes/ of 1 to 200 bytes, found 0"},
        {" = sound\n", ":1: expected a word or phrase of 1 to 200 bytes, found 0"},
        {"a = /ж/\n", "found \"ж\" (U+0436)"},
        {"a = /b\n", ":1: expected a slash after the phonemes too"},
        {"a = //\n", "found none"},
        {"a = /ˈ./\n", "found none"},
        {"a = b[c\n", "without brackets"},
        {"a = \xff\n", "byte 4: expected UTF-8"},
    };
    struct cw_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cw_dictionary *d = NULL;
        const char *path = write_dictionary(bad[i].text);
        if (CHECK(cw_dictionary_new(&d, &err) == 0)) {
            CHECK_REFUSED(cw_dictionary_read(d, path, &err), &err, "own.dict", bad[i].says);
        }
        cw_dictionary_close(d);
    }
}

/* ---- other languages ------------------------------------------------------------------------------------------------------------ */

static void languages(void) {
    struct cw_speech *s = open_speech();
    struct cw_error err = {0};
    if (!s) {
        return;
    }
    expect_said(s, "¿Quieres un café? Sí.", "es", NULL, "kjˈeɾes ˈun kafˈe? sˈi.");
    expect_said(s, "Les amis.", "fr-fr", NULL, "lez amˈi."); /* the words of a clause are read together */
    expect_said(s, "21 libri, 50%", "it", NULL, "ventˈuno lˈibrɪ, ʧinkwˈanta per ʧˈɛnto");
    expect_said(s, "«Olá» (bom dia)", "pt-br", NULL, "“olˈa” (bˈoŋ ʤˈiæ)");
    expect_said(s, "राम।", "hi", NULL, "ɾˈaːm.");
    expect_said(s, "Hola [mundo](/mˈundo/)", "es", NULL, "ˈola mˈundo");
    static const char *const known[] = {"en-us", "en-gb", "es", "fr-fr", "hi", "it", "pt-br"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        CHECK(cw_speech_language(known[i], &err) == 0);
    }
    CHECK_REFUSED(cw_speech_language("ja", &err), &err, "\"ja\" (Japanese) has no front end");
    CHECK_REFUSED(cw_speech_language("cmn", &err), &err, "Mandarin");
    CHECK_REFUSED(cw_speech_language("zh-cn", &err), &err, "Mandarin");
    CHECK_REFUSED(cw_speech_language("ko", &err), &err, "Korean");
    CHECK_REFUSED(cw_speech_language("xx", &err), &err, "expected one of: en-us", "found \"xx\"");
    struct cw_utterance u;
    struct cw_speech_params p = cw_speech_params_default();
    p.language = "es";
    CHECK_REFUSED(cw_speech_words(s, "a\xff", p, &u, &err), &err, "byte 1", "UTF-8");
    CHECK_REFUSED(cw_speech_words(s, "¿…?", p, &u, &err), &err, "at least one word");
    CHECK_REFUSED(cw_speech_words(s, "a\001", p, &u, &err), &err, "byte 1", "U+0001");
    cw_speech_close(s);
}

/* ---- what is told of each word ----------------------------------------------------------------------------------------------------- */

static void words(void) {
    static const struct {
        const char *text, *class, *source;
    } cases[] = {{"cats", "word", "rule"},
                 {"cat", "word", "lexicon"},
                 {"Dr.", "abbreviation", "lexicon"},
                 {"e.g.", "abbreviation", "lexicon"},
                 {"$3.50", "money", "lexicon"},
                 {"50%", "percent", "lexicon"},
                 {"-5kg", "measure", "lexicon"},
                 {"7:30", "time", "lexicon"},
                 {"9 p.m.", "time", "lexicon"},
                 {"May 6", "date", "lexicon"},
                 {"1990s", "date", "lexicon"},
                 {"42", "cardinal", "lexicon"},
                 {"3rd", "ordinal", "lexicon"},
                 {"2.5", "decimal", "lexicon"},
                 {"2/3", "fraction", "lexicon"},
                 {"212-555-0123", "telephone", "lexicon"},
                 {"1.2.3", "serial", "lexicon"},
                 {"14 Elm St.", "address", "lexicon"},
                 {"test.com", "electronic", "lexicon"},
                 {"XIV century", "roman", "lexicon"},
                 {"& so", "symbol", "lexicon"},
                 {"NASA", "acronym", "lexicon"},
                 {"zxyqv", "word", "espeak"},
                 {"[hi](/hˈI/)", "inline", "inline"}};
    struct cw_speech *s = open_speech();
    struct cw_error err = {0};
    for (size_t i = 0; s && i < sizeof cases / sizeof cases[0]; i++) {
        struct cw_utterance u;
        char text[64];
        snprintf(text, sizeof text, "Well, %s, yes.", cases[i].text);
        if (!CHECKF(cw_speech_words(s, text, cw_speech_params_default(), &u, &err) == 0, "%s", err.text)) {
            continue;
        }
        const struct cw_spoken_word *w = u.word_count > 2 ? &u.words[2] : NULL;
        CHECKF(w && strcmp(w->class, cases[i].class) == 0, "\"%s\": class %s", cases[i].text, w ? w->class : "none");
        CHECKF(w && strcmp(cw_word_source_name(w->source), cases[i].source) == 0, "\"%s\": source %s", cases[i].text,
               w ? cw_word_source_name(w->source) : "none");
        cw_utterance_free(&u);
    }
    cw_speech_close(s);
}

const struct cw_test cw_tests_pronounce[] = {
    {"pronounce.homographs", "words of two sounds are said as their sentence means them", homographs},
    {"pronounce.tagger", "the tagger scores as its trainer does", tagger},
    {"pronounce.dictionary", "one's own pronunciations: case, phrases, possessives, respellings", dictionary},
    {"pronounce.bad-dictionary", "a dictionary line that cannot be read is named by file and line", bad_dictionary},
    {"pronounce.languages", "the voices' other languages are spoken, or refused by name", languages},
    {"pronounce.words", "each word's class and source are told", words},
    {0},
};
