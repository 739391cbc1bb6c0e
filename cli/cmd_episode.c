/* make, write, render, say, play: options -> castwright.h -> a few result lines on stdout. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

/* "Why the sea has tides" -> "episodes/why-the-sea-has-tides" */
static void default_folder(const char *topic, char *out, size_t size) {
    size_t n = (size_t)snprintf(out, size, "episodes/"), start = n;
    for (const char *p = topic; *p && n - start < 60 && n + 2 < size; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[n++] = c;
        else if (n > start && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > start && out[n - 1] == '-')
        n--;
    if (n == start)
        n += (size_t)snprintf(out + n, size - n, "episode");
    out[n] = '\0';
}

struct options {
    const char *out, *cast, *style, *engine, *voice, *language, *llm, *dictionary;
    const char *endpoint, *llm_name, *key_file, *plan_llm, *plan_endpoint, *plan_llm_name, *plan_key_file;
    double minutes, speed, budget, timeout;
    long seed, threads, tries, steps;
    bool play, flac, wav, json, quiet, allow_local, no_disclosure, by_bytes;
    struct cli_list from;
};

static struct options options_default(void) {
    struct cw_write_params w = cw_write_params_default();
    struct options o = {.minutes = w.minutes, .seed = (long)w.seed, .style = w.style, .speed = 1, .voice = cw_say_params_default().voice};
    return o;
}

#define OUT_DIR                                                                                                                            \
    { "--out,-o", "DIR", "the episode's folder (default: episodes/NAME)", CLI_TEXT, &o.out, 0, 0 }
#define ENGINE                                                                                                                             \
    {"--engine", "ENGINE",  "kokoro, mel (fast) or f5, where a voice does not say it (mel:af_heart; default: each voice's own)",           \
     CLI_TEXT,   &o.engine, 0,                                                                                                             \
     0},                                                                                                                                   \
        {"--by-bytes",                                                                                                                     \
         NULL,                                                                                                                             \
         "f5 takes as long as the published code would, by a text's bytes (default: by its sounds)",                                       \
         CLI_FLAG,                                                                                                                         \
         &o.by_bytes,                                                                                                                      \
         0,                                                                                                                                \
         0},                                                                                                                               \
    {                                                                                                                                      \
        "--steps", "N", "of f5 from noise to sound: fewer are faster (default 7; 5, 6, 10, 12 and 16 are published as well)", CLI_INT,     \
            &o.steps, 1, 64                                                                                                                \
    }
#define COMMON                                                                                                                             \
    {"--threads", "N", "threads (default: one per core)", CLI_INT, &o.threads, 1, 256}, {                                                  \
        "--quiet,-q", NULL, "no progress", CLI_FLAG, &o.quiet, 0, 0                                                                        \
    }
#define WRITING                                                                                                                            \
    {"--minutes", "N", "length (default 3)", CLI_NUMBER, &o.minutes, 0.25, 180},                                                           \
        {"--cast", "LIST", "Name=voice,… or a file with a cast in its front matter (default: the style's)", CLI_TEXT, &o.cast, 0, 0},      \
        {"--style", "STYLE", "conversation, interview, debate, explainer, news, story, monologue, or a FILE.style", CLI_TEXT, &o.style,    \
         0,         0},                                                                                                                    \
        {"--from", "SOURCE", "what it rests on: a file, folder or http(s) address; may be given several times", CLI_LIST, &o.from, 0, 0},  \
        {"--allow-local", NULL, "addresses of this machine and private networks are sources too", CLI_FLAG, &o.allow_local, 0, 0},         \
        {"--no-disclosure", NULL, "leaves out the line that says that the talk is synthetic", CLI_FLAG, &o.no_disclosure, 0, 0},           \
        {"--seed", "N", "another seed, another script (default 1)", CLI_INT, &o.seed, 0, 9e15},                                            \
        {"--llm", "FILE.gguf", "the language model that writes", CLI_TEXT, &o.llm, 0, 0},                                                  \
        {"--endpoint", "URL", "or an OpenAI-compatible endpoint: https://host/v1", CLI_TEXT, &o.endpoint, 0, 0},                           \
        {"--llm-name", "NAME", "the endpoint's name for the model", CLI_TEXT, &o.llm_name, 0, 0},                                          \
        {"--key-file", "FILE", "its key (default: $CASTWRIGHT_API_KEY)", CLI_TEXT, &o.key_file, 0, 0},                                     \
        {"--timeout", "SECONDS", "of an endpoint's silence before a request is given up (default 60)", CLI_NUMBER, &o.timeout, 1, 3600},   \
        {"--tries", "N", "of a request that fails for the moment (default 5)", CLI_INT, &o.tries, 1, 100},                                 \
        {"--plan-llm", "FILE.gguf", "another model for plan and facts", CLI_TEXT, &o.plan_llm, 0, 0},                                      \
        {"--plan-endpoint", "URL", "or another endpoint for them", CLI_TEXT, &o.plan_endpoint, 0, 0},                                      \
        {"--plan-llm-name", "NAME", "its model", CLI_TEXT, &o.plan_llm_name, 0, 0},                                                        \
        {"--plan-key-file", "FILE", "its key at another host (default: $CASTWRIGHT_PLAN_API_KEY)", CLI_TEXT, &o.plan_key_file, 0, 0}, {    \
        "--budget", "MONEY", "stops before the script, all its runs, costs more by the price table", CLI_NUMBER, &o.budget, 1e-6, 1e6      \
    }
#define SOUND                                                                                                                              \
    {"--play", NULL, "listen while it is made", CLI_FLAG, &o.play, 0, 0},                                                                  \
        {"--dictionary", "FILE", "pronunciations, \"word = respelling\" or \"word = /phonemes/\"", CLI_TEXT, &o.dictionary, 0, 0},         \
        {"--flac", NULL, "episode.flac as well", CLI_FLAG, &o.flac, 0, 0}, {"--wav", NULL, "episode.wav as well", CLI_FLAG, &o.wav, 0, 0}, \
        {"--speed", "X", "speaking speed, 0.5 to 2 (default 1)", CLI_NUMBER, &o.speed, 0.5, 2}, {                                          \
        "--json", NULL, "the report as JSON on stdout", CLI_FLAG, &o.json, 0, 0                                                            \
    }

static struct cw_studio_params studio_params(const struct options *o) {
    struct cw_studio_params p = cw_studio_params_default();
    p.threads = (int)o->threads;
    p.writer_model = o->llm;
    p.engine = o->engine;
    p.by_bytes = o->by_bytes;
    p.f5_steps = o->steps ? (int)o->steps : p.f5_steps;
    return p;
}
static struct cw_write_params write_params(const struct options *o, const char *topic) {
    struct cw_write_params p = cw_write_params_default();
    p.topic = topic;
    p.cast = o->cast;
    p.style = o->style;
    p.minutes = o->minutes;
    p.seed = (uint64_t)o->seed;
    p.from = o->from.items;
    p.from_count = o->from.count;
    p.allow_local = o->allow_local;
    p.no_disclosure = o->no_disclosure;
    p.endpoint = o->endpoint;
    p.llm_name = o->llm_name;
    p.key_file = o->key_file;
    p.timeout = o->timeout;
    p.tries = (int)o->tries;
    p.plan_llm = o->plan_llm;
    p.plan_endpoint = o->plan_endpoint;
    p.plan_llm_name = o->plan_llm_name;
    p.plan_key_file = o->plan_key_file;
    p.budget = o->budget;
    p.listen = cli_listener(o->quiet);
    return p;
}
static struct cw_render_params render_params(const struct options *o, const char *out) {
    struct cw_render_params p = cw_render_params_default();
    p.out_dir = out;
    p.play = o->play;
    p.dictionary = o->dictionary;
    p.flac = o->flac;
    p.wav = o->wav;
    p.speed = o->speed;
    p.listen = cli_listener(o->quiet);
    return p;
}

static void print_report(const struct cw_report *r, bool json) {
    cli_progress_end();
    if (json) {
        json_t *j =
            json_pack("{s:s, s:f, s:f, s:f, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:f}", "episode", r->episode, "seconds",
                      r->speech_seconds, "lufs", r->loudness_lufs, "true_peak_dbtp", r->true_peak_dbtp, "turns", r->turns, "rendered",
                      r->rendered, "reused", r->reused, "write_seconds", r->write_seconds, "speak_seconds", r->speak_seconds,
                      "master_seconds", r->master_seconds, "total_seconds", r->total_seconds, "first_sound_seconds", r->first_sound_seconds,
                      "underruns", (int)r->underruns, "llm_tokens", (int)r->llm_tokens, "money", r->money);
        if (j)
            json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(j);
        return;
    }
    printf("%s\n", r->episode);
    printf("length %d:%02d, %d turns (%d rendered, %d reused), %.1f LUFS, true peak %.1f dBTP\n", (int)r->speech_seconds / 60,
           (int)r->speech_seconds % 60, r->turns, r->rendered, r->reused, r->loudness_lufs, r->true_peak_dbtp);
    printf("took %.1f s:", r->total_seconds);
    if (r->write_seconds > 0)
        printf(" writing %.1f s,", r->write_seconds);
    printf(" speaking %.1f s, mastering %.1f s\n", r->speak_seconds, r->master_seconds);
    static const char *const stages[2] = {"plan and facts", "lines"};
    for (int i = 0; i < 2; i++) {
        const struct cw_writing_cost *w = &r->writing[i];
        if (!w->model[0])
            continue;
        printf("%s: %s, %ld tokens read, %ld written, %.1f s", stages[i], w->model, w->prompt_tokens, w->generated_tokens, w->seconds);
        if (w->money > 0)
            printf(", %.4f by the price table", w->money);
        printf("\n");
    }
    if (r->first_sound_seconds >= 0)
        printf("first sound after %.2f s, %ld underruns\n", r->first_sound_seconds, r->underruns);
    if (r->llm_tokens > 0) {
        printf("the script took, in all runs: %ld tokens written", r->llm_tokens);
        if (r->money > 0)
            printf(", %.4f by the price table", r->money);
        printf("\n");
    }
}

/* The end of a command that makes an episode: its report or its error, and the exit code. */
static int told(const struct cli_command *c, bool made, const struct cw_error *err, const struct cw_report *r, bool json) {
    if (!made)
        return cli_error(c, err);
    print_report(r, json);
    return 0;
}

int cli_make(const struct cli_command *c, int argc, char **argv) {
    struct options o = options_default();
    const struct cli_option table[] = {OUT_DIR, WRITING, ENGINE, SOUND, COMMON, {0}};
    const char *topic = NULL;
    int count, code = cli_parse(c, table, argc, argv, &topic, 1, &count);
    if (code >= 0)
        return code;
    if (count != 1 && o.from.count == 0)
        return cli_usage(c, "expected a topic, or --from SOURCE");
    char folder[256];
    default_folder(topic ? topic : o.from.items[0], folder, sizeof folder);
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    struct cw_report report = {0};
    bool made = cw_studio_open(&studio, studio_params(&o), &err) == 0 &&
                cw_make(studio, write_params(&o, topic), render_params(&o, o.out ? o.out : folder), &report, &err) == 0;
    cw_studio_close(studio);
    return told(c, made, &err, &report, o.json);
}

int cli_write(const struct cli_command *c, int argc, char **argv) {
    struct options o = options_default();
    const struct cli_option table[] = {{"--out,-o", "FILE.md", "the script (required)", CLI_TEXT, &o.out, 0, 0}, WRITING, COMMON, {0}};
    const char *topic = NULL;
    int count, code = cli_parse(c, table, argc, argv, &topic, 1, &count);
    if (code >= 0)
        return code;
    if ((count != 1 && o.from.count == 0) || !o.out)
        return cli_usage(c, o.out ? "expected a topic, or --from SOURCE" : "expected -o FILE.md");
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    if (cw_studio_open(&studio, studio_params(&o), &err) != 0 || cw_write(studio, write_params(&o, topic), o.out, &err) != 0)
        code = cli_error(c, &err);
    else {
        cli_progress_end();
        printf("%s\n", o.out);
        code = 0;
    }
    cw_studio_close(studio);
    return code;
}

int cli_render(const struct cli_command *c, int argc, char **argv) {
    struct options o = options_default();
    const struct cli_option table[] = {OUT_DIR, ENGINE, SOUND, COMMON, {0}};
    const char *script = NULL;
    int count, code = cli_parse(c, table, argc, argv, &script, 1, &count);
    if (code >= 0)
        return code;
    if (count != 1)
        return cli_usage(c, "expected a script");
    char folder[256], stem[200];
    const char *base = strrchr(script, '/');
    snprintf(stem, sizeof stem, "%s", base ? base + 1 : script);
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = '\0';
    default_folder(stem, folder, sizeof folder);
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    struct cw_report report = {0};
    bool made = cw_studio_open(&studio, studio_params(&o), &err) == 0 &&
                cw_render(studio, script, render_params(&o, o.out ? o.out : folder), &report, &err) == 0;
    cw_studio_close(studio);
    return told(c, made, &err, &report, o.json);
}

int cli_say(const struct cli_command *c, int argc, char **argv) {
    struct options o = options_default();
    struct cw_say_params p = cw_say_params_default();
    const struct cli_option table[] = {
        {"--out,-o", "FILE", "a .wav or .flac file (default: play it)", CLI_TEXT, &o.out, 0, 0},
        {"--voice", "V", "a voice or a mix, \"af_heart*0.6 + af_bella*0.4\"", CLI_TEXT, &o.voice, 0, 0},
        ENGINE,
        {"--language", "L", "en-us, en-gb, es, fr-fr, hi, it, pt-br (default: the voice's own)", CLI_TEXT, &o.language, 0, 0},
        {"--dictionary", "FILE", "pronunciations, \"word = respelling\" or \"word = /phonemes/\"", CLI_TEXT, &o.dictionary, 0, 0},
        {"--play", NULL, "through the speakers", CLI_FLAG, &o.play, 0, 0},
        {"--speed", "X", "speaking speed, 0.5 to 2 (default 1)", CLI_NUMBER, &o.speed, 0.5, 2},
        {"--seed", "N", "of the noise in the voice", CLI_INT, &o.seed, 0, 9e15},
        COMMON,
        {0}};
    const char *text = NULL;
    int count, code = cli_parse(c, table, argc, argv, &text, 1, &count);
    if (code >= 0)
        return code;
    if (count != 1)
        return cli_usage(c, "expected a text");
    p.voice = o.voice;
    p.language = o.language;
    p.dictionary = o.dictionary;
    p.out = o.out;
    p.play = o.play || !o.out;
    p.speed = o.speed;
    p.seed = (uint64_t)o.seed;
    p.listen = cli_listener(o.quiet);
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    if (cw_studio_open(&studio, studio_params(&o), &err) != 0 || cw_say(studio, text, p, &err) != 0)
        code = cli_error(c, &err);
    else {
        cli_progress_end();
        if (o.out)
            printf("%s\n", o.out);
        code = 0;
    }
    cw_studio_close(studio);
    return code;
}

int cli_play(const struct cli_command *c, int argc, char **argv) {
    bool quiet = false;
    const struct cli_option table[] = {{"--quiet,-q", NULL, "no progress", CLI_FLAG, &quiet, 0, 0}, {0}};
    const char *path = NULL;
    int count, code = cli_parse(c, table, argc, argv, &path, 1, &count);
    if (code >= 0)
        return code;
    if (count != 1)
        return cli_usage(c, "expected a folder or a file");
    struct cw_error err = {0};
    if (cw_play(path, cli_listener(quiet), &err) != 0)
        return cli_error(c, &err);
    cli_progress_end();
    return 0;
}
