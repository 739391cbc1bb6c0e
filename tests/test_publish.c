/* Transcripts and chapters: exact text for a small episode, hostile strings, cues that fit a screen. */
#include "episode/publish.h"
#include "tests/test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int publish(const struct cw_transcript *t, const char *path, struct cw_error *err);

/* What it writes; free() it. */
static char *published(publish *write, const struct cw_transcript *t) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX], *data = NULL;
    size_t len = 0;
    snprintf(path, sizeof path, "%.4000s/out", cw_test_dir());
    CHECKF(write(t, path, &err) == 0, "%s", err.text);
    CHECKF(cw_file_read(path, 1 << 24, &data, &len, &err) == 0, "%s", err.text);
    return data != NULL ? data : cw_strdup("");
}

static struct cw_transcript small(void) {
    static struct cw_word_time words[] = {{"So", 0.25, 0.5}, {"somebody", 0.5, 1.0}, {"pays", 1.0, 1.5}};
    static char first[] = "So somebody pays?", second[] = "Always.";
    static struct cw_cue cues[] = {
        {.speaker = "Maya", .text = first, .start = 0.25, .end = 1.5, .words = words, .word_count = 3, .key = "ab12"},
        {.speaker = "Tom", .text = second, .start = 3661.0, .end = 3661.9996, .key = "cd34"},
    };
    static struct cw_chapter chapters[] = {{"Why", 0.0, 3600.0}, {"\"What\" & now", 3600.0, 3662.0}};
    return (struct cw_transcript){.title = "The price",
                                  .language = "en-us",
                                  .cues = cues,
                                  .cue_count = 2,
                                  .chapters = chapters,
                                  .chapter_count = 2,
                                  .seconds = 3662.0};
}

static void test_exact(void) {
    struct cw_transcript t = small(), none = {.title = "", .language = "en-us"};
    char *s = published(cw_publish_vtt, &t);
    CHECK_STR(s, "WEBVTT\n"
                 "\n00:00:00.250 --> 00:00:01.500\n<v Maya>So somebody pays?</v>\n"
                 "\n01:01:01.000 --> 01:01:02.000\n<v Tom>Always.</v>\n");
    free(s);
    s = published(cw_publish_json, &t);
    CHECK_STR(s, "{\n  \"title\": \"The price\",\n  \"language\": \"en-us\",\n  \"seconds\": 3662.000,\n  \"segments\": [\n"
                 "    {\"title\": \"Why\", \"start\": 0.000, \"end\": 3600.000},\n"
                 "    {\"title\": \"\\\"What\\\" & now\", \"start\": 3600.000, \"end\": 3662.000}\n  ],\n  \"turns\": [\n"
                 "    {\"speaker\": \"Maya\", \"start\": 0.250, \"end\": 1.500, \"key\": \"ab12\",\n"
                 "     \"text\": \"So somebody pays?\",\n"
                 "     \"words\": [{\"text\": \"So\", \"start\": 0.250, \"end\": 0.500}, {\"text\": \"somebody\", \"start\": 0.500, "
                 "\"end\": 1.000}, {\"text\": \"pays\", \"start\": 1.000, \"end\": 1.500}]},\n"
                 "    {\"speaker\": \"Tom\", \"start\": 3661.000, \"end\": 3662.000, \"key\": \"cd34\",\n"
                 "     \"text\": \"Always.\",\n     \"words\": []}\n  ]\n}\n");
    free(s);
    s = published(cw_publish_chapters, &t);
    CHECK_STR(s, "{\n  \"version\": \"1.2.0\",\n  \"title\": \"The price\",\n  \"chapters\": [\n"
                 "    {\"startTime\": 0.000, \"endTime\": 3600.000, \"title\": \"Why\"},\n"
                 "    {\"startTime\": 3600.000, \"endTime\": 3662.000, \"title\": \"\\\"What\\\" & now\"}\n  ]\n}\n");
    free(s);
    s = published(cw_publish_vtt, &none);
    CHECK_STR(s, "WEBVTT\n");
    free(s);
    publish *both[] = {cw_publish_json, cw_publish_chapters};
    for (int i = 0; i < 2; i++) {
        s = published(both[i], &none);
        json_t *json = json_loads(s, 0, NULL);
        CHECK(json != NULL && json_array_size(json_object_get(json, i == 0 ? "turns" : "chapters")) == 0);
        json_decref(json);
        free(s);
    }
}

static void test_hostile(void) {
    struct cw_transcript t = small();
    static char text[] = "a --> b & <b>c</b>\n\n00:00 \"q\" \\ \x01 é";
    static struct cw_word_time words[] = {{text, 0, 1}};
    struct cw_cue cue = {.speaker = "M<&>\nx", .text = text, .start = 1, .end = 1, .words = words, .word_count = 1};
    t.title = "t\"\\\n\x02";
    t.cues = &cue;
    t.cue_count = 1;
    char *s = published(cw_publish_vtt, &t);
    CHECK_STR(s, "WEBVTT\n\n00:00:01.000 --> 00:00:01.001\n"
                 "<v M&lt;&amp;&gt; x>a --&gt; b &amp; &lt;b&gt;c&lt;/b&gt;  00:00 \"q\" \\   é</v>\n");
    free(s);
    s = published(cw_publish_json, &t);
    json_t *json = json_loads(s, 0, NULL);
    const json_t *turn = json_array_get(json_object_get(json, "turns"), 0);
    CHECK_STR(json_string_value(json_object_get(json, "title")), t.title);
    CHECK_STR(json_string_value(json_object_get(turn, "text")), text);
    CHECK_STR(json_string_value(json_object_get(turn, "speaker")), cue.speaker);
    CHECK_STR(json_string_value(json_object_get(json_array_get(json_object_get(turn, "words"), 0), "text")), text);
    json_decref(json);
    free(s);
}

/* A long turn of random words; every cue must fit, and together they must hold all of the text, in time. */
static void test_cues(void) {
    for (uint64_t round = 0; round < 40; round++) {
        struct cw_text text = {0};
        enum { WORDS = 120 };
        static struct cw_word_time words[WORDS];
        static char names[WORDS][32];
        for (int w = 0; w < WORDS; w++) {
            uint32_t r[4];
            cw_philox(cw_test_seed(), round, (uint64_t)w, r);
            size_t n = 1 + r[0] % 12;
            for (size_t i = 0; i < n; i++) {
                names[w][i] = (char)('a' + (r[1] >> i) % 26);
            }
            names[w][n] = '\0';
            words[w] = (struct cw_word_time){names[w], 10.0 + 0.4 * w, 10.0 + 0.4 * w + 0.3};
            if (w > 0) {
                cw_text_add(&text, r[2] % 11 == 0 ? ". " : r[2] % 7 == 0 ? ", " : " ");
            }
            cw_text_add(&text, names[w]);
        }
        cw_text_add(&text, "?");
        struct cw_cue cue = {.speaker = "Maya", .text = text.data, .start = 9.9, .end = 60.0, .words = words, .word_count = WORDS};
        struct cw_transcript t = {.title = "", .language = "en-us", .cues = &cue, .cue_count = 1, .seconds = 61.0};
        char *s = published(cw_publish_vtt, &t), *at = s;
        struct cw_text joined = {0};
        double last = 0.0;
        int cues = 0;
        while ((at = strstr(at, "\n00:")) != NULL) {
            int m1, m2;
            double s1, s2;
            char body[512];
            if (!CHECK(sscanf(at, "\n00:%d:%lf --> 00:%d:%lf\n<v Maya>%500[^<]</v>\n", &m1, &s1, &m2, &s2, body) == 5)) {
                break;
            }
            double start = 60 * m1 + s1, end = 60 * m2 + s2;
            CHECKF(start >= last && end > start, "cue at %g to %g after %g", start, end, last);
            CHECKF(strlen(body) <= 84, "a cue of %zu characters", strlen(body));
            /* the words' own times: within the cue that shows them */
            char first[64] = "";
            CHECK(sscanf(body, "%60[a-z]", first) == 1);
            last = end;
            cw_text_add(&joined, cues++ > 0 ? " " : "");
            cw_text_add(&joined, body);
            at++;
        }
        CHECK_STR(joined.data, text.data);
        CHECKF(cues >= 5 && cues <= 30, "%d cues", cues);
        CHECKF(last == 60.0, "the last cue ends at %g", last);
        cw_text_free(&joined);
        cw_text_free(&text);
        free(s);
    }
    /* sentences are kept together; a cue shows while its own words are spoken */
    static char text[] =
        "This sentence is about as long as the half of a line, or a bit more. And this is the next one, which does not fit beside it.";
    static const char *const spoken[] = {"This", "sentence", "is",    "about", "as",  "long", "as",     "the",  "half", "of",
                                         "a",    "line",     "or",    "a",     "bit", "more", "And",    "this", "is",   "the",
                                         "next", "one",      "which", "does",  "not", "fit",  "beside", "it"};
    struct cw_word_time words[28];
    for (int w = 0; w < 28; w++) {
        words[w] = (struct cw_word_time){(char *)(uintptr_t)spoken[w], w, w + 0.5};
    }
    struct cw_cue cue = {.speaker = "Tom", .text = text, .start = 0, .end = 28, .words = words, .word_count = 28};
    struct cw_transcript t = {.title = "", .language = "en-us", .cues = &cue, .cue_count = 1, .seconds = 28.0};
    char *s = published(cw_publish_vtt, &t);
    CHECK_STR(s,
              "WEBVTT\n\n00:00:00.000 --> 00:00:15.500\n<v Tom>This sentence is about as long as the half of a line, or a bit more.</v>\n"
              "\n00:00:16.000 --> 00:00:28.000\n<v Tom>And this is the next one, which does not fit beside it.</v>\n");
    free(s);
    /* words that are not in the text: one cue, nothing lost */
    words[3].text = (char *)(uintptr_t) "elsewhere";
    s = published(cw_publish_vtt, &t);
    CHECK(strstr(s, "bit more. And this") != NULL);
    free(s);
}

static void test_refused(void) {
    struct cw_transcript t = small();
    struct cw_error err = {0};
    struct cw_cue cue = t.cues[0];
    static char bad[] = "a\xff";
    char path[CW_PATH_MAX];
    publish *all[] = {cw_publish_vtt, cw_publish_json, cw_publish_chapters};
    snprintf(path, sizeof path, "%.4000s/out", cw_test_dir());
    t.cues = &cue;
    t.cue_count = 1;
    for (int i = 0; i < 3; i++) {
        cue.end = NAN;
        CHECK_REFUSED(all[i](&t, path, &err), &err, "turn 1", "seconds");
        cue.end = cue.start - 0.1;
        CHECK_REFUSED(all[i](&t, path, &err), &err, "turn 1");
        cue.end = 2.0;
        cue.text = bad;
        CHECK_REFUSED(all[i](&t, path, &err), &err, "turn 1", "UTF-8", "byte 2");
        cue.text = t.cues[0].words[0].text;
        CHECK(!cw_file_exists(path));
        CHECK_REFUSED(all[i](&t, "/nowhere/out", &err), &err, "/nowhere/out");
    }
}

/* What turns rest on: numbers beside the turn, the passages themselves at the end; nothing of it where there is none. */
static void test_sources(void) {
    static const struct cw_published_passage passages[] = {{3, "a \"b\".pdf", "The Moon\tpulls."}, {7, "c.md", "It follows."}};
    struct cw_transcript t = small();
    struct cw_cue cues[2] = {t.cues[0], t.cues[1]};
    cues[0].source_count = 2;
    cues[0].sources[0] = 3;
    cues[0].sources[1] = 7;
    cues[1].flagged = true;
    t.cues = cues;
    t.passages = passages;
    t.passage_count = 2;
    char *s = published(cw_publish_json, &t);
    json_t *j = json_loads(s, 0, NULL);
    const json_t *turns = json_object_get(j, "turns"), *list = json_object_get(j, "passages");
    CHECK(json_integer_value(json_array_get(json_object_get(json_array_get(turns, 0), "sources"), 1)) == 7);
    CHECK(json_object_get(json_array_get(turns, 1), "sources") == NULL && json_is_true(json_object_get(json_array_get(turns, 1), "check")));
    CHECK(json_object_get(json_array_get(turns, 0), "check") == NULL && json_array_size(list) == 2);
    CHECK_STR(json_string_value(json_object_get(json_array_get(list, 0), "source")), "a \"b\".pdf");
    CHECK_STR(json_string_value(json_object_get(json_array_get(list, 0), "text")), "The Moon\tpulls.");
    CHECK(json_integer_value(json_object_get(json_array_get(list, 1), "number")) == 7);
    json_decref(j);
    free(s);
}

const struct cw_test cw_tests_publish[] = {
    {"publish.sources", "the passages that turns rest on stand in transcript.json", test_sources},
    {"publish.exact", "a small episode gives these very bytes", test_exact},
    {"publish.hostile", "markup, arrows, quotes and control characters in text stay text", test_hostile},
    {"publish.cues", "long turns become cues of at most 84 characters that lose nothing and keep time", test_cues},
    {"publish.refused", "impossible times, bad UTF-8 and unwritable paths are refused", test_refused},
    {0},
};
