/* bench: how fast it is here. */
#include "base/allocations.h"
#include "cli/cli.h"
#include "kernels/kernels.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- allocations --------------------------------------------------------------------------------------------------------- */

static long count_allocations(void) {
    return atomic_load_explicit(&cw_allocations, memory_order_relaxed);
}

/* ---- a cold start ---------------------------------------------------------------------------------------------------------- */

extern char **environ;

/* This program once more, from nothing to its first sample; -1: it did not get there. The clock is the system's, so both can read it. */
static double cold_start(const char *voice, const char *threads) {
    int ends[2], status = -1;
    pid_t child = 0;
    char line[64] = "";
    posix_spawn_file_actions_t actions;
    char *const args[] = {(char *)(uintptr_t) "castwright",
                          (char *)(uintptr_t) "bench",
                          (char *)(uintptr_t) "--first-sound",
                          (char *)(uintptr_t) "--voice",
                          (char *)(uintptr_t)voice,
                          (char *)(uintptr_t)(threads ? "--threads" : NULL),
                          (char *)(uintptr_t)threads,
                          NULL};
    if (pipe(ends) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    double start = cw_seconds(), when = -1;
    int failure = posix_spawn(&child, "/proc/self/exe", &actions, NULL, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    if (f && failure == 0 && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (!cw_parse_double(line, 0, 1e12, &when))
            when = -1;
    }
    if (f)
        fclose(f);
    else
        close(ends[0]);
    if (failure == 0)
        waitpid(child, &status, 0);
    return failure == 0 && status == 0 && when > start ? when - start : -1;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------ */

static void print_text(const struct cw_bench_result *r, double cold) {
    if (r->threads > 0) {
        printf("kernels %s, %d threads, models opened in %.3f s\n", r->isa, r->threads, r->load_seconds);
        if (cw_device_note())
            printf("%s\n", cw_device_note());
        printf("speech          %.1f s in %.1f s: real-time factor %.3f (%.1f × real time)\n", r->speech_seconds, r->synthesis_seconds,
               r->real_time_factor, r->real_time_factor > 0 ? 1 / r->real_time_factor : 0.0);
        printf("  cut away      %.1f s of silence around it\n", r->modelled_seconds - r->speech_seconds);
        printf("  front end     %.1f million characters a second\n", r->text_characters_per_second / 1e6);
        printf("  acoustic      %.2f s\n  vocoder       %.2f s\n", r->acoustic_seconds, r->vocoder_seconds);
        printf("  models        %.0f GFLOP/s of plain sums, %.2f of the %.0f that registers alone reach\n", r->gflops,
               r->peak_gflops > 0 ? r->gflops / r->peak_gflops : 0, r->peak_gflops);
        if (r->against_ratio > 0)
            printf("  against       %.3f of the other voice's time a second, text by text; %.3f to %.3f in the middle half\n",
                   r->against_ratio, r->against_low, r->against_high);
        printf("mastering       %.0f × real time\n", r->master_times_real_time);
        printf("first sound     %.0f ms with the models open", r->first_sound_seconds * 1e3);
        if (cold >= 0)
            printf(", %.0f ms from the start of a process", cold * 1e3);
        printf("\nmemory          %.0f MB at most while speaking", (double)r->peak_rss_kib / 1024);
        if (r->allocations >= 0)
            printf(", %ld allocations inside the models", r->allocations);
        printf("\n");
    }
    if (r->prompt_tokens_per_second > 0)
        printf("writer          %.1f tokens read a second, %.1f written, %.1f under a grammar\n", r->prompt_tokens_per_second,
               r->generated_tokens_per_second, r->grammar_tokens_per_second);
}

static void print_json(const struct cw_bench_result *r, double cold) {
    const struct {
        const char *name;
        double value;
        bool there;
    } numbers[] = {
        {"threads", r->threads, r->threads > 0},
        {"load_seconds", r->load_seconds, r->threads > 0},
        {"speech_seconds", r->speech_seconds, r->threads > 0},
        {"modelled_seconds", r->modelled_seconds, r->threads > 0},
        {"synthesis_seconds", r->synthesis_seconds, r->threads > 0},
        {"acoustic_seconds", r->acoustic_seconds, r->threads > 0},
        {"vocoder_seconds", r->vocoder_seconds, r->threads > 0},
        {"real_time_factor", r->real_time_factor, r->threads > 0},
        {"against_ratio", r->against_ratio, r->against_ratio > 0},
        {"against_low", r->against_low, r->against_ratio > 0},
        {"against_high", r->against_high, r->against_ratio > 0},
        {"text_characters_per_second", r->text_characters_per_second, r->threads > 0},
        {"gflops", r->gflops, r->threads > 0},
        {"peak_gflops", r->peak_gflops, r->threads > 0},
        {"master_times_real_time", r->master_times_real_time, r->threads > 0},
        {"first_sound_seconds", r->first_sound_seconds, r->threads > 0},
        {"cold_first_sound_seconds", cold, cold >= 0},
        {"peak_rss_kib", (double)r->peak_rss_kib, r->threads > 0},
        {"allocations", (double)r->allocations, r->threads > 0 && r->allocations >= 0},
        {"prompt_tokens_per_second", r->prompt_tokens_per_second, r->prompt_tokens_per_second > 0},
        {"generated_tokens_per_second", r->generated_tokens_per_second, r->prompt_tokens_per_second > 0},
        {"grammar_tokens_per_second", r->grammar_tokens_per_second, r->prompt_tokens_per_second > 0},
    };
    printf("{\"isa\": \"%s\"", r->isa);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i].there)
            printf(", \"%s\": %.8g", numbers[i].name, numbers[i].value);
    if (cw_device_note())
        printf(", \"note\": \"%s\"", cw_device_note()); /* one of our own sentences, with nothing to escape */
    printf("}\n");
}

int cli_bench(const struct cli_command *c, int argc, char **argv) {
    bool json = false, first_sound = false;
    long threads = 0, rounds = 3;
    const char *voice = "af_heart", *against = NULL, *sentences = NULL, *only = NULL, *llm = NULL;
    const struct cli_option options[] = {
        {"--threads", "N", "threads (default: one per core)", CLI_INT, &threads, 1, 256},
        {"--rounds", "N", "rounds over the sentences (default 3)", CLI_INT, &rounds, 1, 1000},
        {"--voice", "V", "default af_heart", CLI_TEXT, &voice, 0, 0},
        {"--against", "V", "another voice says the same in turn, and their times are compared", CLI_TEXT, &against, 0, 0},
        {"--sentences", "FILE", "say these, one a line (default: eight of its own)", CLI_TEXT, &sentences, 0, 0},
        {"--llm", "FILE", "the language model (default: the one that make uses)", CLI_TEXT, &llm, 0, 0},
        {"--only", "WHAT", "speech, or writer (default: both)", CLI_TEXT, &only, 0, 0},
        {"--first-sound", NULL, "say one line and print the monotonic clock at its first sample", CLI_FLAG, &first_sound, 0, 0},
        {"--json", NULL, "for programs", CLI_FLAG, &json, 0, 0},
        {0}};
    const char *none = NULL;
    int count, code = cli_parse(c, options, argc, argv, &none, 0, &count);
    if (code >= 0)
        return code;
    struct cw_error err = {0};
    struct cw_bench_params b = cw_bench_params_default();
    const char *lines[1000];
    char *text = NULL, number[24] = "";
    size_t len = 0;
    struct cw_studio *studio = NULL;
    struct cw_studio_params p = cw_studio_params_default();
    struct cw_bench_result r = {0};
    b.rounds = (int)rounds;
    b.voice = voice;
    b.against = against;
    b.speech = !only || strcmp(only, "speech") == 0;
    b.writer = !only || strcmp(only, "writer") == 0;
    if (!b.speech && !b.writer)
        return cli_usage(c, "--only: expected speech or writer, found \"%s\"", only);
    p.writer_model = llm;
    b.count_allocations = CW_ALLOCATIONS_COUNTED ? count_allocations : NULL;
    p.threads = (int)threads;
    if (sentences) {
        if (cw_file_read(sentences, 1 << 20, &text, &len, &err) != 0) {
            code = cli_error(c, &err);
            goto done;
        }
        char *rest = text;
        b.texts = lines;
        b.text_count = 0;
        for (char *line; b.text_count < 1000 && (line = strsep(&rest, "\n"));)
            if (*line)
                lines[b.text_count++] = line;
    }
    if (first_sound) {
        double when = 0;
        if (cw_studio_open(&studio, p, &err) != 0 || cw_bench_first_sound(studio, voice, &when, &err) != 0)
            code = cli_error(c, &err);
        else {
            printf("%.6f\n", when);
            code = 0;
        }
        goto done;
    }
    if (cw_studio_open(&studio, p, &err) != 0 || cw_bench(studio, b, &r, &err) != 0) {
        code = cli_error(c, &err);
        goto done;
    }
    cw_studio_close(studio); /* its memory and its threads are not the next process's burden */
    studio = NULL;
    if (threads)
        snprintf(number, sizeof number, "%ld", threads);
    double cold = b.speech ? cold_start(voice, threads ? number : NULL) : -1;
    if (json)
        print_json(&r, cold);
    else
        print_text(&r, cold);
    code = 0;
done:
    cw_studio_close(studio);
    free(text);
    return code;
}
