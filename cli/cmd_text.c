/* text: what would be said, one output line an input line: spoken words, phonemes, or all of it as JSON; entries for a dictionary. */
#include "cli/cli.h"
#include "dialogue/script.h"
#include "episode/studio.h"
#include "models/catalogue.h"
#include "tts/speech.h"
#include "voices/voices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

enum { INPUT_MAX = 256 << 20, PIECE_MAX = 16000 };

struct showing {
    const struct cw_speech *speech;
    struct cw_speech_params params;
    bool spoken, phonemes, json, suggest;
    json_t *suggested; /* the words already suggested */
    struct cw_text out;
    json_t *tokens;
    bool something;
};

static void join(struct cw_text *t, const char *s, bool space) {
    if (t->len > 0 && space)
        cw_text_add_char(t, ' ');
    cw_text_add(t, s);
}

/* A token of the script is an object; its spoken words, where it has several, are objects inside of it. */
static int add_json(struct showing *s, const struct cw_utterance *u, size_t base, struct cw_error *err) {
    int result = -1;
    struct cw_text spoken = {0}, phonemes = {0};
    for (int i = 0, end; i < u->word_count; i = end) {
        const struct cw_spoken_word *w = &u->words[i];
        enum cw_word_source source = w->source;
        json_t *words = json_array();
        cw_text_clear(&spoken);
        cw_text_clear(&phonemes);
        for (end = i; end < u->word_count && u->words[end].offset == w->offset && strcmp(u->words[end].text, w->text) == 0; end++) {
            const struct cw_spoken_word *k = &u->words[end];
            join(&spoken, k->spoken, k->space);
            join(&phonemes, k->phonemes, k->space);
            source = k->source == CW_WORD_ESPEAK ? k->source : source;
            json_array_append_new(words, json_pack("{s:s, s:s, s:s}", "spoken", k->spoken, "phonemes", k->phonemes, "source",
                                                   cw_word_source_name(k->source)));
        }
        if (cw_text_check(&spoken, "text", err) != 0 || cw_text_check(&phonemes, "text", err) != 0) {
            json_decref(words);
            goto done;
        }
        json_t *token = json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:s}", "text", w->text, "offset",
                                  (json_int_t)base + (json_int_t)w->offset, "length", (json_int_t)strlen(w->text), "class", w->class,
                                  "spoken", spoken.data, "phonemes", phonemes.data, "source", cw_word_source_name(source));
        if (end - i > 1)
            json_object_set(token, "words", words);
        json_decref(words);
        json_array_append_new(s->tokens, token);
    }
    result = 0;
done:
    cw_text_free(&spoken);
    cw_text_free(&phonemes);
    return result;
}

/* "word = /phonemes/" once for each word that only espeak-ng knew. */
static void add_suggestions(struct showing *s, const struct cw_utterance *u) {
    for (int i = 0; i < u->word_count; i++) {
        const struct cw_spoken_word *w = &u->words[i];
        if (w->source == CW_WORD_ESPEAK && !json_object_get(s->suggested, w->spoken)) {
            json_object_set_new(s->suggested, w->spoken, json_true());
            cw_text_printf(&s->out, "%s = /%s/\n", w->spoken, w->phonemes);
        }
    }
}

static void add_phonemes(struct showing *s, const struct cw_utterance *u) {
    for (int i = 0; i < u->word_count; i++)
        join(&s->out, u->words[i].phonemes, u->words[i].space && u->words[i].phonemes[0]);
}

/* Nothing to say in a piece is no failure: other pieces may have something. */
static int nothing_is_fine(const struct cw_error *err) {
    return err->code == CW_BAD_INPUT && strstr(err->text, "expected at least one word") ? 0 : -1;
}

static int show_spoken(struct showing *s, const char *piece, struct cw_error *err) {
    struct cw_text spoken = {0};
    int failed = cw_speech_spoken(s->speech, piece, s->params, &spoken, err);
    if (failed)
        failed = nothing_is_fine(err);
    else
        s->something = true;
    if (!failed && spoken.len > 0)
        join(&s->out, spoken.data, true);
    cw_text_free(&spoken);
    return failed;
}

/* One piece of a line, which the front end takes whole. */
static int show_piece(struct showing *s, const char *piece, size_t base, struct cw_error *err) {
    struct cw_utterance u = {0};
    if (piece[strspn(piece, " \t\r\n\v\f")] == '\0')
        return 0;
    if (!s->json && !s->suggest && !s->phonemes)
        return show_spoken(s, piece, err);
    if (cw_speech_words(s->speech, piece, s->params, &u, err) != 0)
        return nothing_is_fine(err);
    int failed = 0;
    s->something = true;
    if (s->json)
        failed = add_json(s, &u, base, err);
    else if (s->suggest)
        add_suggestions(s, &u);
    else
        add_phonemes(s, &u);
    cw_utterance_free(&u);
    return failed;
}

/* Where a long line may be cut: after the last sentence that fits, or the last blank. 0: nowhere. */
static size_t cut_of(const char *line, size_t n) {
    size_t blank = 0, sentence = 0;
    for (size_t i = 1; i < n; i++)
        if (line[i] == ' ') {
            blank = i;
            sentence = strchr(".!?", line[i - 1]) ? i : sentence;
        }
    return sentence > n / 2 ? sentence : blank;
}

static int show_line(struct showing *s, const char *line, size_t n, long number, bool only, struct cw_error *err) {
    int result = -1;
    char *piece = NULL;
    cw_text_clear(&s->out);
    if (s->json && !(s->tokens = json_array())) {
        cw_fail_memory(err, "text");
        goto done;
    }
    for (size_t at = 0; at < n;) {
        size_t take = n - at <= PIECE_MAX ? n - at : cut_of(line + at, PIECE_MAX);
        if (take == 0) {
            cw_fail(err, CW_BAD_INPUT, "expected words of at most %d bytes, found a longer one", PIECE_MAX);
            goto done;
        }
        free(piece);
        if (!(piece = cw_strndup(line + at, take))) {
            cw_fail_memory(err, "text");
            goto done;
        }
        for (size_t i = 0; i < take; i++) { /* directions are silent; places stay what they are */
            int pause;
            size_t direction = cw_direction_length(piece + i, take - i, &pause);
            memset(piece + i, ' ', direction);
            if ((unsigned char)piece[i] < ' ' || piece[i] == 0x7F)
                piece[i] = ' '; /* a stray control character hides no line from the reader */
        }
        if (show_piece(s, piece, at, err) != 0)
            goto done;
        at += take;
    }
    if (s->json) {
        json_t *all = json_pack("{s:I, s:s#, s:O}", "line", (json_int_t)number, "text", line, (int)n, "tokens", s->tokens);
        char *dump = all ? json_dumps(all, JSON_COMPACT) : NULL;
        if (dump)
            puts(dump);
        else
            cw_fail_memory(err, "text");
        free(dump);
        json_decref(all);
        if (!dump)
            goto done;
    } else if (cw_text_check(&s->out, "text", err) == 0) {
        fwrite(s->out.data ? s->out.data : "", 1, s->out.len, stdout);
        if (!s->suggest)
            putchar('\n');
    } else
        goto done;
    result = 0;
done:
    free(piece);
    json_decref(s->tokens);
    s->tokens = NULL;
    if (result != 0 && !only)
        return cw_fail_in(err, "line %ld", number);
    return result;
}

static int show_all(struct showing *s, const char *text, size_t len, struct cw_error *err) {
    if (!text)
        text = "";
    ptrdiff_t bad = cw_utf8_invalid(text, len);
    if (bad >= 0)
        return cw_fail(err, CW_BAD_INPUT, "byte %td: expected UTF-8, found an invalid sequence", bad);
    if (strlen(text) != len)
        return cw_fail(err, CW_BAD_INPUT, "byte %zu: expected text, found a zero byte", strlen(text));
    long number = 0;
    for (size_t at = 0; at < len;) {
        size_t n = strcspn(text + at, "\n"), kept = n;
        number++;
        while (kept > 0 && text[at + kept - 1] == '\r')
            kept--;
        if (show_line(s, text + at, kept, number, at == 0 && at + n >= len, err) != 0)
            return -1;
        at += n + (text[at + n] == '\n');
    }
    return s->something ? 0 : cw_fail(err, CW_BAD_INPUT, "expected at least one word to speak, found none");
}

/* Standard input, whole. */
static int read_stdin(char **data, size_t *len, struct cw_error *err) {
    struct cw_text t = {0};
    char part[65536];
    size_t n;
    while ((n = fread(part, 1, sizeof part, stdin)) > 0 && t.len + n <= INPUT_MAX)
        cw_text_add_n(&t, part, n);
    cw_text_add(&t, "");
    if (n > 0 || cw_text_check(&t, "standard input", err) != 0) {
        cw_text_free(&t);
        return n > 0 ? cw_fail(err, CW_BAD_INPUT, "standard input: expected at most %d bytes, found more", INPUT_MAX) : -1;
    }
    *data = t.data;
    *len = t.len;
    return 0;
}

/* What to show: the words of the command line, a file, or standard input. */
static int read_input(const char *const *args, int count, char **data, size_t *len, const char **where, struct cw_error *err) {
    struct cw_text t = {0};
    *where = NULL;
    if (count == 0 || (count == 1 && strcmp(args[0], "-") == 0))
        return read_stdin(data, len, err);
    if (count == 1 && cw_file_exists(args[0])) {
        *where = args[0];
        return cw_file_read(args[0], INPUT_MAX, data, len, err);
    }
    for (int i = 0; i < count; i++) {
        cw_text_add(&t, i ? " " : "");
        cw_text_add(&t, args[i]);
    }
    if (cw_text_check(&t, "text", err) != 0)
        return -1;
    *data = t.data;
    *len = t.len;
    return 0;
}

int cli_text(const struct cli_command *c, int argc, char **argv) {
    struct showing s = {.params = cw_speech_params_default()};
    const char *language = NULL, *voice = NULL, *dictionary = NULL, *where = NULL, *args[256];
    const struct cli_option options[] = {
        {"--spoken", NULL, "the words as they are said (default)", CLI_FLAG, &s.spoken, 0, 0},
        {"--phonemes", NULL, "their phonemes, in the model's alphabet", CLI_FLAG, &s.phonemes, 0, 0},
        {"--json", NULL, "tokens: class, spoken words, phonemes and their source", CLI_FLAG, &s.json, 0, 0},
        {"--suggest", NULL, "dictionary entries for the words that only espeak-ng knew", CLI_FLAG, &s.suggest, 0, 0},
        {"--language,--lang", "L", "en-us (default), en-gb, es, fr-fr, hi, it, pt-br", CLI_TEXT, &language, 0, 0},
        {"--voice", "V", "the language of this voice", CLI_TEXT, &voice, 0, 0},
        {"--dictionary", "FILE", "pronunciations of your own, \"word = respelling\" or \"word = /phonemes/\"", CLI_TEXT, &dictionary, 0, 0},
        {0}};
    int count, code = cli_parse(c, options, argc, argv, args, 256, &count);
    if (code >= 0)
        return code;
    if (s.spoken + s.phonemes + s.json + s.suggest > 1)
        return cli_usage(c, "expected one of --spoken, --phonemes, --json, --suggest");
    struct cw_error err = {0};
    struct cw_speech *speech = NULL;
    struct cw_dictionary *own = NULL;
    struct cw_voice opened = {0};
    char dir[CW_PATH_MAX], *data = NULL;
    size_t len = 0;
    int failed = -1;
    if (voice)
        voice = cw_studio_unnamed(voice, NULL); /* the words are the same whoever speaks them */
    if (voice && (cw_model_path("voices", dir, &err) != 0 || cw_voice_open(&opened, dir, voice, &err) != 0))
        goto done;
    s.params.language = language ? language : voice ? opened.language : "en-us";
    if (cw_speech_language(s.params.language, &err) != 0)
        goto done;
    if (dictionary && (cw_dictionary_new(&own, &err) != 0 || cw_dictionary_read(own, dictionary, &err) != 0))
        goto done;
    s.params.dictionary = own;
    s.suggested = json_object();
    if (read_input(args, count, &data, &len, &where, &err) != 0 || cw_model_path("lexicon", dir, &err) != 0 ||
        cw_speech_open(&speech, dir, &err) != 0)
        goto done;
    s.speech = speech;
    if (show_all(&s, data, len, &err) != 0) {
        if (where)
            cw_fail_in(&err, "%s", where);
        goto done;
    }
    failed = 0;
done:
    free(data);
    cw_text_free(&s.out);
    json_decref(s.suggested);
    cw_dictionary_close(own);
    cw_speech_close(speech);
    if (voice)
        cw_voice_close(&opened);
    return failed ? cli_error(c, &err) : 0;
}
