/* voices list|show|mix|audition|map|export|import|remove|check|revoke; consent is cmd_consent.c */
#include "cli/cli.h"
#include "models/catalogue.h"
#include "voices/enrol.h"
#include "voices/map.h"
#include "voices/voices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

enum { ARGS_MAX = 64 };

struct request {
    const struct cli_command *command;
    const char *const *args; /* after the action */
    int count;
    const char *out, *name, *like, *text;
    struct cli_list trust;
    double speed;
    bool json, play;
};

static int fail(const struct request *q, const struct cw_error *err) {
    return cli_error(q->command, err);
}

/* The voices there are, and the folder of the stock ones. */
static int all_voices(char dir[CW_PATH_MAX], struct cw_voice_info **list, size_t *n, struct cw_error *err) {
    return cw_model_path("voices", dir, err) != 0 || cw_voices_list(dir, list, n, err) != 0 ? -1 : 0;
}

static int open_studio(struct cw_studio **studio, struct cw_error *err) {
    return cw_studio_open(studio, cw_studio_params_default(), err);
}

/* ---- list ------------------------------------------------------------------------------------------------------------------------ */

struct ranked {
    const struct cw_voice_info *info;
    double like;
};

static int by_likeness(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    return x->like != y->like ? (x->like < y->like) - (x->like > y->like) : strcmp(x->info->name, y->info->name);
}

static void print_list(const struct request *q, const struct ranked *r, size_t n) {
    json_t *all = q->json ? json_array() : NULL;
    if (!q->json)
        printf("%s%-20s %-8s %-22s %-8s %-9s %s\n", q->like ? "LIKE   " : "", "VOICE", "CODE", "LANGUAGE", "GENDER", "MADE", "SPEAKS NOW");
    for (size_t i = 0; i < n; i++) {
        const struct cw_voice_info *v = r[i].info;
        if (q->json) {
            json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "name", v->name, "language", v->language, "language_name",
                                    v->language_name, "gender", v->gender, "made", v->made, "speaks", v->has_front_end);
            if (q->like)
                json_object_set_new(one, "like", json_real(r[i].like));
            json_array_append_new(all, one);
            continue;
        }
        if (q->like)
            printf("%.3f  ", r[i].like);
        printf("%-20s %-8s %-22s %-8s %-9s %s\n", v->name, v->language, v->language_name, v->gender, v->made,
               v->has_front_end                 ? "yes"
               : strcmp(v->made, "broken") == 0 ? "no: castwright voices show says why"
                                                : "no front end for this language yet");
    }
    if (q->json) {
        json_dumpf(all, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(all);
    } else if (q->like)
        printf("\nLIKE is the cosine of speaker embeddings: recordings of one person reach 0.8 to 0.95, of two people about 0.58.\n");
    else
        printf("\nMix them with weights: \"af_heart*0.6 + af_bella*0.4\"\n");
}

static int list(const struct request *q) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX];
    struct cw_voice_info *voices = NULL;
    struct cw_studio *studio = NULL;
    struct ranked *ranked = NULL;
    const char **names = NULL;
    double *like = NULL;
    size_t n = 0, used = 0;
    int code = -1;
    if (q->count > 0)
        return cli_usage(q->command, "list takes no names");
    if (all_voices(dir, &voices, &n, &err) != 0)
        goto done;
    ranked = calloc(n + 1, sizeof *ranked);
    names = calloc(n + 1, sizeof *names);
    like = calloc(n + 1, sizeof *like);
    if (!ranked || !names || !like) {
        cw_fail_memory(&err, "list of voices");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (q->like && strcmp(voices[i].made, "broken") == 0)
            continue;
        names[used] = voices[i].name;
        ranked[used++].info = &voices[i];
    }
    if (q->like) {
        if (open_studio(&studio, &err) != 0 || cw_voices_like(studio, q->like, names, (int)used, cli_listener(false), like, &err) != 0)
            goto done;
        cli_progress_end();
        for (size_t i = 0; i < used; i++)
            ranked[i].like = like[i];
        qsort(ranked, used, sizeof *ranked, by_likeness);
    }
    print_list(q, ranked, used);
    code = 0;
done:
    cw_studio_close(studio);
    free(like);
    free(names);
    free(ranked);
    free(voices);
    return code == 0 ? 0 : fail(q, &err);
}

/* ---- show ------------------------------------------------------------------------------------------------------------------------ */

static int show_file(const char *path, const struct cw_voice_file *f) {
    char content[65];
    cw_voice_file_content(f, content);
    printf("voice       %s\nfile        %s\nlanguage    %s\nmade        %s\nhow         %s\nlicence     %s\nengine      %s, sha256 "
           "%s\ncontent     sha256 %s\n",
           f->name, path, f->language, f->made, f->how, f->licence, f->engine, f->engine_sha256[0] ? f->engine_sha256 : "of any checkpoint",
           content);
    for (size_t i = 0; i < f->parent_count; i++)
        printf("%s %s\n", i == 0 ? "parents    " : "           ", f->parents[i]);
    if (f->reference)
        printf("reference   %.1f s: \"%s\"\n", (double)f->reference_count / CW_REFERENCE_RATE, f->reference_text);
    if (f->parent_count > 0)
        printf("            (name, weight in timbre, weight in prosody, sha256)\n");
    if (f->f0_slope != 1 || f->f0_offset != 0)
        printf("pitch       log F0 -> %.3f log F0 + %.3f\n", f->f0_slope, f->f0_offset);
    printf("additions   %zu\n", f->addition_count);
    cli_show_consents(f);
    return 0;
}

static int show(const struct request *q) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], path[CW_PATH_MAX];
    struct cw_voice_file f = {0};
    struct cw_voice v = {0};
    if (q->count != 1)
        return cli_usage(q->command, "expected: show VOICE");
    const char *name = q->args[0];
    bool own = cw_voice_is_name(name, strlen(name)) && cw_voices_own_path(name, path, &err) == 0 && cw_file_exists(path);
    if (!own && strlen(name) > 5 && strcmp(name + strlen(name) - 5, ".gguf") == 0) {
        snprintf(path, sizeof path, "%s", name);
        own = true;
    }
    if (own) {
        if (cw_voice_file_read(&f, path, &err) != 0)
            return fail(q, &err);
        int code = show_file(path, &f);
        cw_voice_file_free(&f);
        return code;
    }
    if (cw_model_path("voices", dir, &err) != 0 || cw_voice_open(&v, dir, name, &err) != 0)
        return fail(q, &err);
    printf("voice       %s\nlanguage    %s\ncontent     sha256 %s\n", v.name, v.language, v.sha256);
    cw_voice_close(&v);
    return 0;
}

/* ---- mix, export, import, remove ------------------------------------------------------------------------------------------------- */

static int engine_sum(char sum[65], struct cw_error *err) {
    char model[CW_PATH_MAX];
    return cw_model_path("kokoro", model, err) != 0 || cw_model_sum(model, sum, err) != 0 ? -1 : 0;
}

static int mix(const struct request *q) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX], home[CW_PATH_MAX], path[CW_PATH_MAX], sum[65];
    struct cw_voice_file f = {0};
    if (q->count != 1 || !q->name)
        return cli_usage(q->command, "expected: mix \"VOICE*WEIGHT + VOICE*WEIGHT\" --name NAME");
    if (cw_model_path("voices", dir, &err) != 0 || engine_sum(sum, &err) != 0 || cw_voice_mix(&f, dir, q->name, q->args[0], sum, &err) != 0)
        return fail(q, &err);
    int result = cw_voices_home(home, &err) != 0 || cw_dir_make(home, &err) != 0 || cw_voices_own_path(q->name, path, &err) != 0
                     ? -1
                     : cw_voice_file_write(&f, path, &err);
    cw_voice_file_free(&f);
    if (result != 0)
        return fail(q, &err);
    printf("%s\n", path);
    return 0;
}

static int export_voice(const struct request *q) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX], dir[CW_PATH_MAX];
    struct cw_voice_file f = {0};
    struct cw_voice v = {0};
    if (q->count != 1 || !q->out)
        return cli_usage(q->command, "expected: export VOICE -o FILE.gguf");
    if (cw_voices_own_path(q->args[0], path, &err) != 0)
        return fail(q, &err);
    if (!cw_file_exists(path)) {
        cw_fail(&err, CW_BAD_INPUT, "voice \"%s\": expected a voice of your own, found none at %s; `castwright voices mix` makes one",
                q->args[0], path);
        return fail(q, &err);
    }
    if (cw_file_exists(q->out)) {
        cw_fail(&err, CW_BAD_INPUT, "%s: expected a new file, found one that is there", q->out);
        return fail(q, &err);
    }
    /* opened as when it speaks: what may not be used is not given away */
    int result = cw_model_path("voices", dir, &err) != 0 || cw_voice_open(&v, dir, path, &err) != 0 ||
                         cw_voice_file_read(&f, path, &err) != 0 || cw_voice_file_write(&f, q->out, &err) != 0
                     ? -1
                     : 0;
    cw_voice_close(&v);
    cw_voice_file_free(&f);
    if (result != 0)
        return fail(q, &err);
    printf("%s\n", q->out);
    return 0;
}

static int import_voice(const struct request *q) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX], home[CW_PATH_MAX], dir[CW_PATH_MAX], pack[CW_PATH_MAX], stock[CW_VOICE_NAME_MAX + 8], sum[65];
    struct cw_voice_file f = {0};
    struct cw_voice v = {0};
    int result = -1;
    if (q->count != 1)
        return cli_usage(q->command, "expected: import FILE.gguf [--name NAME]");
    /* opened as it will be when it speaks, so that what cannot speak is not taken in */
    if (cw_voice_file_read(&f, q->args[0], &err) != 0 || engine_sum(sum, &err) != 0 || cw_model_path("voices", dir, &err) != 0)
        goto done;
    for (int i = 0; i < q->trust.count; i++)
        if (cli_trust(&f, q->trust.items[i], &err) != 0)
            goto done;
    if (snprintf(pack, sizeof pack, "%s%s", strchr(q->args[0], '/') ? "" : "./", q->args[0]) >= (int)sizeof pack) {
        cw_fail(&err, CW_BAD_INPUT, "%.64s…: path too long", q->args[0]);
        goto done;
    }
    if (cw_voice_open(&v, dir, pack, &err) != 0 || cw_voice_fits(&v, sum, &err) != 0)
        goto done;
    if (q->name && !cw_voice_is_name(q->name, strlen(q->name))) {
        cw_fail(&err, CW_BAD_INPUT, "voice \"%.80s\": expected a name of letters, digits and _, at most %d", q->name, CW_VOICE_NAME_MAX);
        goto done;
    }
    if (q->name)
        snprintf(f.name, sizeof f.name, "%s", q->name);
    snprintf(stock, sizeof stock, "%s.bin", f.name);
    if (cw_voices_own_path(f.name, path, &err) != 0 || cw_path_join(pack, dir, stock, &err) != 0)
        goto done;
    if (cw_file_exists(path) || cw_file_exists(pack)) {
        cw_fail(&err, CW_BAD_INPUT, "voice \"%s\": expected a new name, found one that is there; --name gives it another", f.name);
        goto done;
    }
    if (cw_voices_home(home, &err) != 0 || cw_dir_make(home, &err) != 0 || cw_voice_file_write(&f, path, &err) != 0)
        goto done;
    printf("%s\n", path);
    result = 0;
done:
    cw_voice_close(&v);
    cw_voice_file_free(&f);
    return result == 0 ? 0 : fail(q, &err);
}

static int remove_voice(const struct request *q) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    if (q->count != 1)
        return cli_usage(q->command, "expected: remove VOICE");
    if (cw_voices_own_path(q->args[0], path, &err) != 0)
        return fail(q, &err);
    if (unlink(path) != 0) {
        if (errno == ENOENT)
            cw_fail(&err, CW_BAD_INPUT, "voice \"%s\": expected a voice of your own, found none at %s", q->args[0], path);
        else
            cw_fail(&err, CW_FAILED, "%s: cannot remove: %s", path, strerror(errno));
        return fail(q, &err);
    }
    printf("removed %s\n", path);
    return 0;
}

static int revoke_voice(const struct request *q) {
    return q->count == 1 ? cli_voices_revoke(q->command, q->args[0]) : cli_usage(q->command, "expected: revoke VOICE");
}

/* ---- audition, map --------------------------------------------------------------------------------------------------------------- */

static int audition(const struct request *q) {
    struct cw_error err = {0};
    struct cw_studio *studio = NULL;
    struct cw_say_params p = cw_say_params_default();
    p.out = q->out ? q->out : q->play ? NULL : "audition.wav";
    p.play = q->play;
    p.speed = q->speed;
    p.listen = cli_listener(false);
    if (q->count < 1)
        return cli_usage(q->command, "expected: audition VOICE... [-o FILE.wav]");
    int result = open_studio(&studio, &err) != 0 ? -1 : cw_audition(studio, q->text, q->args, q->count, p, &err);
    cw_studio_close(studio);
    cli_progress_end();
    if (result != 0)
        return fail(q, &err);
    for (int i = 0; i < q->count; i++)
        printf("%d: %s\n", i + 1, q->args[i]);
    if (p.out)
        printf("%s\n", p.out);
    return 0;
}

static const char *group_of(const struct cw_voice_info *v, char *group, size_t size) {
    snprintf(group, size, "%s, %s", v->language, v->gender);
    return group;
}

/* Every voice, or those named. */
static int map(const struct request *q) {
    struct cw_error err = {0};
    char dir[CW_PATH_MAX];
    struct cw_voice_info *voices = NULL;
    struct cw_studio *studio = NULL;
    struct cw_map_point *points = NULL;
    const char **names = NULL;
    char(*groups)[40] = NULL;
    double *cosines = NULL;
    struct cw_text svg = {0};
    size_t n = 0;
    int used = 0, result = -1;
    const char *out = q->out ? q->out : "voices.svg";
    if (strlen(out) < 5 || strcmp(out + strlen(out) - 4, ".svg") != 0)
        return cli_usage(q->command, "%s: expected a name that ends in .svg", out);
    if (all_voices(dir, &voices, &n, &err) != 0)
        goto done;
    size_t room = n + (size_t)q->count + 1;
    points = calloc(room, sizeof *points);
    names = calloc(room, sizeof *names);
    groups = calloc(room, sizeof *groups);
    cosines = calloc(room * room, sizeof *cosines);
    if (!points || !names || !groups || !cosines) {
        cw_fail_memory(&err, "map of voices");
        goto done;
    }
    for (size_t i = 0; i < n && q->count == 0; i++)
        if (strcmp(voices[i].made, "broken") != 0) {
            bool stock = strcmp(voices[i].made, "stock") == 0;
            points[used] =
                (struct cw_map_point){voices[i].name, stock ? group_of(&voices[i], groups[used], sizeof groups[used]) : "your own"};
            names[used++] = voices[i].name;
        }
    for (int i = 0; i < q->count; i++) {
        points[used] = (struct cw_map_point){q->args[i], "voices"};
        names[used++] = q->args[i];
    }
    if (open_studio(&studio, &err) != 0 || cw_voices_alike(studio, names, used, cli_listener(false), cosines, &err) != 0)
        goto done;
    cli_progress_end();
    if (cw_map_draw(points, cosines, used, CW_VOICES_ALIKE, &svg, &err) != 0 || cw_file_write(out, svg.data, svg.len, &err) != 0)
        goto done;
    if (q->json) {
        json_t *all = json_array();
        for (int i = 0; i < used; i++)
            for (int j = 0; j < i; j++)
                json_array_append_new(all, json_pack("{s:s, s:s, s:f}", "a", names[j], "b", names[i], "cosine", cosines[i * used + j]));
        json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(all);
    } else
        printf("%s\n", out);
    result = 0;
done:
    cw_text_free(&svg);
    cw_studio_close(studio);
    free(cosines);
    free(groups);
    free(names);
    free(points);
    free(voices);
    return result == 0 ? 0 : fail(q, &err);
}

/* ---- check ----------------------------------------------------------------------------------------------------------------------- */

/* Can a voice be learnt from these recordings? One line each; the worst decides the exit code. */
static int check(const struct request *q) {
    struct cw_error err = {0};
    char path[CW_PATH_MAX];
    struct cw_device *device = NULL;
    struct cw_encoder *encoder = NULL;
    int code = 0;
    if (q->count < 1)
        return cli_usage(q->command, "expected: check RECORDING...");
    if (cw_model_path("ge2e", path, &err) != 0 || cw_device_open(&device, cw_device_params_default(), &err) != 0 ||
        cw_encoder_open(&encoder, device, path, &err) != 0)
        code = fail(q, &err);
    for (int i = 0; i < q->count && encoder; i++) {
        struct cw_recording r = {0};
        if (cw_recording_read(&r, q->args[i], &err) != 0)
            code = fail(q, &err);
        else if (cw_enrol_check(&r, encoder, &err) != 0) {
            cw_fail_in(&err, "%s", q->args[i]);
            code = fail(q, &err);
        } else
            printf("%s: fit (%.1f s, %d Hz, %d channel%s)\n", q->args[i], (double)r.count / r.rate, r.rate, r.channels,
                   r.channels == 1 ? "" : "s");
        cw_recording_free(&r);
    }
    cw_encoder_close(encoder);
    cw_device_close(device);
    return code;
}

int cli_voices(const struct cli_command *c, int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(const struct request *q);
    } actions[] = {{"list", list},
                   {"show", show},
                   {"mix", mix},
                   {"audition", audition},
                   {"map", map},
                   {"export", export_voice},
                   {"import", import_voice},
                   {"remove", remove_voice},
                   {"check", check},
                   {"revoke", revoke_voice}};
    struct request q = {.command = c, .speed = 1, .text = "The tide turned before noon, and nobody on the pier had seen it coming."};
    const struct cli_option options[] = {
        {"--out,-o", "FILE", "audition: .wav or .flac (audition.wav); map: .svg (voices.svg); export", CLI_TEXT, &q.out, 0, 0},
        {"--name", "NAME", "mix, import: the voice's name", CLI_TEXT, &q.name, 0, 0},
        {"--trust", "KEY", "import: a fingerprint; voices that this key signed are accepted", CLI_LIST, &q.trust, 0, 0},
        {"--like", "RECORDING", "list: those most like its speaker first", CLI_TEXT, &q.like, 0, 0},
        {"--text", "TEXT", "audition: what is said", CLI_TEXT, &q.text, 0, 0},
        {"--speed", "X", "audition: 0.5 to 2", CLI_NUMBER, &q.speed, 0.5, 2},
        {"--play", NULL, "audition: through the loudspeaker", CLI_FLAG, &q.play, 0, 0},
        {"--json", NULL, "list, map: for programs", CLI_FLAG, &q.json, 0, 0},
        {0}};
    if (argc > 1 && strcmp(argv[1], "clone") == 0)
        return cli_voices_clone(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "script") == 0)
        return cli_voices_script(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "consent") == 0)
        return cli_voices_consent(argc - 1, argv + 1);
    const char *args[ARGS_MAX];
    int count, code = cli_parse(c, options, argc, argv, args, ARGS_MAX, &count);
    if (code >= 0)
        return code;
    q.args = args + 1;
    q.count = count - 1;
    for (size_t i = 0; count > 0 && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(args[0], actions[i].name) == 0)
            return actions[i].run(&q);
    return cli_usage(c, "expected list, show, mix, audition, map, export, import, remove, check, script, clone, consent or revoke%s%s",
                     count > 0 ? ", found " : "", count > 0 ? args[0] : "");
}
