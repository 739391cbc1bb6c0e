/* A script and a wish -> the script as it would be, and what changed: nothing is written here. */
#include "dialogue/rewrite.h"
#include "episode/brief.h"

#include <stdlib.h>

struct cw_edit_params cw_edit_params_default(void) {
    struct cw_edit_params p = {.insert = -1, .seed = 1};
    return p;
}

static void tell_cost(const struct cw_listener *listen, const struct cw_llm *m) {
    const struct cw_llm_usage u = cw_llm_usage(m);
    const double money = cw_llm_cost(m);
    struct cw_text line = {0};
    cw_text_printf(&line, "lines: %s, %ld tokens read, %ld written, %.1f s", cw_llm_name(m), u.prompt_tokens, u.generated_tokens,
                   u.prompt_seconds + u.generate_seconds);
    if (money > 0)
        cw_text_printf(&line, ", %.4f by the price table", money);
    if (listen->line && u.prompt_tokens > 0 && !line.failed)
        listen->line(listen->arg, line.data);
    cw_text_free(&line);
}

int cw_edit(struct cw_studio *s, const char *path, struct cw_edit_params p, struct cw_text *after, struct cw_text *diff,
            struct cw_error *err) {
    int result = -1, chosen = (p.turn > 0) + (p.segment > 0) + (p.insert >= 0) + (p.continue_from > 0);
    struct cw_script script = {0}, again = {0};
    struct cw_brief brief = {.asked = {.endpoint = p.endpoint,
                                       .llm_name = p.llm_name,
                                       .key_file = p.key_file,
                                       .timeout = p.timeout,
                                       .tries = p.tries,
                                       .budget = p.budget,
                                       .seed = p.seed}};
    struct cw_llm *llm = NULL, *planner = NULL;
    char *before = NULL;
    size_t len = 0;
    if (chosen != 1)
        return cw_fail(err, CW_BAD_INPUT,
                       "rewrite: expected one of a turn, a segment, a place to insert, a turn to continue from; found %d", chosen);
    struct cw_rewrite_params r = {
        .what = p.turn > 0      ? CW_REWRITE_TURN
                : p.segment > 0 ? CW_REWRITE_SEGMENT
                : p.insert >= 0 ? CW_REWRITE_INSERT
                                : CW_REWRITE_CONTINUE,
        .at = p.turn > 0      ? p.turn
              : p.segment > 0 ? p.segment
              : p.insert >= 0 ? p.insert
                              : p.continue_from,
        .say = p.say,
        .speaker = p.speaker,
        .seed = p.seed,
    };
    if (cw_file_read(path, CW_SCRIPT_MAX_BYTES, &before, &len, err) != 0 || cw_script_parse(&script, path, before, len, err) != 0 ||
        cw_style_open(&brief.style, p.style, err) != 0 || (!p.endpoint && cw_studio_writer(s, brief.writer, err) != 0) ||
        cw_brief_models(&brief, s->threads, &llm, &planner, err) != 0)
        goto done;
    if (p.listen.line && cw_llm_note(llm)[0])
        p.listen.line(p.listen.arg, cw_llm_note(llm));
    struct cw_source_params sources = cw_source_params_default();
    sources.allow_local = p.allow_local;
    for (int i = 0; i < p.from_count; i++)
        if (cw_sources_add(&brief.sources, p.from[i], sources, err) != 0)
            goto done;
    r.style = brief.style;
    r.sources = &brief.sources;
    r.budget = p.budget;
    const int rewritten = cw_rewrite(llm, &script, r, err);
    tell_cost(&p.listen, llm);
    struct cw_error unmade = {0}; /* why it failed is told, not what that leads to */
    struct cw_error *late = rewritten == 0 ? err : &unmade;
    if (cw_rewrite_text(&script, before, after, late) != 0 || cw_script_parse(&again, path, after->data, after->len, late) != 0)
        goto done;
    cw_rewrite_diff(diff, path, before, after->data);
    result = cw_text_check(diff, "diff", late) == 0 ? rewritten : -1;
done:
    cw_llm_close(llm);
    cw_brief_close(&brief);
    cw_script_free(&script);
    cw_script_free(&again);
    free(before);
    return result;
}
