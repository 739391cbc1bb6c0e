/* script-stats: a script in, its measures out. rewrite: a wish for a script in, a change to accept out. */
#include "cli/cli.h"
#include "dialogue/stats.h"

#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

enum { FILES_MAX = 64 };
static const double words_a_minute = 171; /* of twelve rendered episodes (docs/dialogue.md), each within 8 % of it */

static double about_seconds(const struct cw_script_stats *m) {
    return m->words * 60 / words_a_minute;
}

static double percent(int part, int of) {
    return of > 0 ? 100.0 * part / of : 0;
}

static void print_table(const char *path, const struct cw_script *s, const struct cw_script_stats *m, bool findings) {
    printf("%s\n", path);
    printf("  segments               %d\n  turns                  %d, mean %.1f words, variation %.2f\n  words                  %d\n",
           m->segments, m->turns, m->turn_words, m->turn_variation, m->words);
    printf("  length                 about %.0f s, at %.0f words a minute\n", about_seconds(m), words_a_minute);
    for (int i = 0; i < s->cast_count; i++)
        printf("  %-22.22s %d words (%.0f %%), %d turns\n", s->cast[i].name, m->words_by[i], percent(m->words_by[i], m->words),
               m->turns_by[i]);
    printf("  turns that ask         %d (%.0f %%)\n", m->questions, percent(m->questions, m->turns));
    printf("  greetings repeated     %d\n  goodbyes too early     %d\n", m->greetings, m->farewells);
    printf("  5-word runs repeated   %d of %d (%.1f %%)\n", m->repeated_grams, m->grams, percent(m->repeated_grams, m->grams));
    printf("  sentences repeated     %d of %d\n", m->repeated_sentences, m->sentences);
    printf("  empty openers          %d, of them used before %d\n", m->banned_openers, m->banned_twice);
    if (m->passages > 0)
        printf("  turns with sources     %d (%.0f %%), on %d passages\n"
               "  of turns that state    %d of %d (%.0f %%)\n"
               "  figures                %d, in the passage cited %d (%.0f %%), of the others flagged %d\n",
               m->traced, percent(m->traced, m->turns), m->passages, m->stating_traced, m->stating, percent(m->stating_traced, m->stating),
               m->claims, m->claims_cited, percent(m->claims_cited, m->claims), m->claims_flagged);
    for (int i = 0; findings && i < m->finding_count; i++)
        printf("  line %-5d turn %-4d %s: %s\n", m->findings[i].line, m->findings[i].turn, m->findings[i].what, m->findings[i].text);
}

static json_t *as_json(const char *path, const struct cw_script *s, const struct cw_script_stats *m) {
    json_t *j = json_pack("{ss ss si si si sf sf sf si si si}", "file", path, "title", s->title, "segments", m->segments, "turns", m->turns,
                          "words", m->words, "seconds_about", about_seconds(m), "turn_words", m->turn_words, "turn_variation",
                          m->turn_variation, "questions", m->questions, "greetings_repeated", m->greetings, "goodbyes_early", m->farewells);
    json_t *more =
        json_pack("{si si sf si si si si si si si si si si si}", "runs", m->grams, "runs_repeated", m->repeated_grams, "run_share",
                  percent(m->repeated_grams, m->grams) / 100, "sentences", m->sentences, "sentences_repeated", m->repeated_sentences,
                  "openers_banned", m->banned_openers, "openers_banned_twice", m->banned_twice, "passages", m->passages, "turns_traced",
                  m->traced, "turns_stating", m->stating, "turns_stating_traced", m->stating_traced, "figures", m->claims, "figures_cited",
                  m->claims_cited, "figures_flagged", m->claims_flagged);
    json_object_update(j, more);
    json_decref(more);
    json_t *hosts = json_array(), *findings = json_array();
    for (int i = 0; i < s->cast_count; i++)
        json_array_append_new(hosts, json_pack("{ss si si sf}", "name", s->cast[i].name, "words", m->words_by[i], "turns", m->turns_by[i],
                                               "share", percent(m->words_by[i], m->words) / 100));
    for (int i = 0; i < m->finding_count; i++)
        json_array_append_new(findings, json_pack("{si si ss ss}", "turn", m->findings[i].turn, "line", m->findings[i].line, "what",
                                                  m->findings[i].what, "text", m->findings[i].text));
    json_object_set_new(j, "hosts", hosts);
    json_object_set_new(j, "findings", findings);
    return j;
}

int cli_script_stats(const struct cli_command *c, int argc, char **argv) {
    bool json = false, brief = false;
    const struct cli_option options[] = {{"--json", NULL, "for programs: a list, one entry a script", CLI_FLAG, &json, 0, 0},
                                         {"--brief", NULL, "without the list of what was found where", CLI_FLAG, &brief, 0, 0},
                                         {0}};
    const char *paths[FILES_MAX];
    int count, code = cli_parse(c, options, argc, argv, paths, FILES_MAX, &count);
    if (code >= 0)
        return code;
    if (count == 0)
        return cli_usage(c, "expected a script");
    json_t *all = json_array();
    for (int i = 0; i < count; i++) {
        struct cw_error err = {0};
        struct cw_script s = {0};
        struct cw_script_stats m = {0};
        bool read = cw_script_read(&s, paths[i], &err) == 0 && cw_script_measure(&s, &m, &err) == 0;
        if (!read)
            code = cli_error(c, &err);
        else if (json)
            json_array_append_new(all, as_json(paths[i], &s, &m));
        else
            print_table(paths[i], &s, &m, !brief);
        cw_script_stats_free(&m);
        cw_script_free(&s);
        if (!read) {
            json_decref(all);
            return code;
        }
    }
    if (json) {
        json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(4));
        putchar('\n');
    }
    json_decref(all);
    return 0;
}

/* Asks at a terminal; elsewhere the answer is no. */
static bool accepted(void) {
    char answer[16] = "";
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    fputs("Take it? [y/N] ", stderr);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int cli_rewrite(const struct cli_command *c, int argc, char **argv) {
    struct cw_edit_params p = cw_edit_params_default();
    struct cw_studio_params studio_params = cw_studio_params_default();
    long turn = 0, segment = 0, insert = -1, from = 0, seed = 1, tries = 0;
    bool yes = false, only_diff = false;
    struct cli_list sources = {0};
    const struct cli_option options[] = {
        {"--turn", "N", "says this turn another way", CLI_INT, &turn, 1, 1e6},
        {"--segment", "N", "every turn of this segment", CLI_INT, &segment, 1, 1e6},
        {"--insert", "N", "a new turn after turn N (0: at the start)", CLI_INT, &insert, 0, 1e6},
        {"--continue", "N", "writes the rest of the talk after turn N anew", CLI_INT, &from, 1, 1e6},
        {"--say", "WISH", "what is wanted: \"shorter, with an example\" (required)", CLI_TEXT, &p.say, 0, 0},
        {"--speaker", "NAME", "who speaks a turn put in", CLI_TEXT, &p.speaker, 0, 0},
        {"--style", "STYLE", "the style it is written in (default conversation)", CLI_TEXT, &p.style, 0, 0},
        {"--from", "SOURCE", "what it may rest on beside the script's own passages; may be given several times", CLI_LIST, &sources, 0, 0},
        {"--allow-local", NULL, "addresses of this machine and private networks are sources too", CLI_FLAG, &p.allow_local, 0, 0},
        {"--seed", "N", "another seed, another try (default 1)", CLI_INT, &seed, 0, 9e15},
        {"--llm", "FILE.gguf", "the language model that writes", CLI_TEXT, &studio_params.writer_model, 0, 0},
        {"--endpoint", "URL", "or an OpenAI-compatible endpoint", CLI_TEXT, &p.endpoint, 0, 0},
        {"--llm-name", "NAME", "the endpoint's name for the model", CLI_TEXT, &p.llm_name, 0, 0},
        {"--key-file", "FILE", "its key (default: $CASTWRIGHT_API_KEY)", CLI_TEXT, &p.key_file, 0, 0},
        {"--timeout", "SECONDS", "of an endpoint's silence before a request is given up (default 60)", CLI_NUMBER, &p.timeout, 1, 3600},
        {"--tries", "N", "of a request that fails for the moment (default 5)", CLI_INT, &tries, 1, 100},
        {"--budget", "MONEY", "stops before the price table says more was spent, with the turns done until then", CLI_NUMBER, &p.budget,
         1e-6, 1e6},
        {"--yes,-y", NULL, "takes the change without asking", CLI_FLAG, &yes, 0, 0},
        {"--diff", NULL, "shows the change and leaves the file alone", CLI_FLAG, &only_diff, 0, 0},
        {0},
    };
    const char *path = NULL;
    int count, code = cli_parse(c, options, argc, argv, &path, 1, &count);
    if (code >= 0)
        return code;
    if (count != 1 || !p.say)
        return cli_usage(c, count != 1 ? "expected a script" : "expected --say WISH");
    if (yes && only_diff)
        return cli_usage(c, "expected one of --yes, --diff");
    p.turn = (int)turn;
    p.segment = (int)segment;
    p.insert = (int)insert;
    p.continue_from = (int)from;
    p.seed = (uint64_t)seed;
    p.from = sources.items;
    p.from_count = sources.count;
    p.tries = (int)tries;
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    struct cw_text after = {0}, diff = {0};
    p.listen = cli_listener(false);
    code = cw_studio_open(&studio, studio_params, &err) == 0 && cw_edit(studio, path, p, &after, &diff, &err) == 0 ? 0 : cli_error(c, &err);
    if (code == 0 || diff.len > 0) { /* also what was done before it failed */
        fputs(diff.len > 0 ? diff.data : "", stdout);
        fflush(stdout);
        if (!only_diff && (yes || accepted()))
            code = cw_file_write(path, after.data, after.len, &err) == 0 ? code : cli_error(c, &err);
        else if (!only_diff)
            fprintf(stderr, "%s is as it was (--yes takes the change)\n", path);
    }
    cw_text_free(&after);
    cw_text_free(&diff);
    cw_studio_close(studio);
    return code;
}
