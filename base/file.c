/* Files that are whole or not there: path -> temporary beside it -> sync -> rename -> sync of the folder. Also reading,
 * mapping, folders, and the lock that keeps two runs out of one folder. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A path that is not there, or is a folder, was named wrongly; all else is the machine's fault. */
static int read_code(int error) {
    return error == ENOENT || error == ENOTDIR || error == EISDIR || error == ENAMETOOLONG || error == EACCES ? CW_BAD_INPUT : CW_FAILED;
}

int cw_file_read(const char *path, size_t max, char **data, size_t *len, struct cw_error *err) {
    int result = -1;
    char *buffer = NULL;
    size_t held = 0, cap = 0;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        cw_fail(err, read_code(errno), "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected at most %zu bytes, found %lld", path, max, (long long)st.st_size);
        goto done;
    }
    cap = S_ISREG(st.st_mode) ? (size_t)st.st_size + 2 : 65536; /* one byte more than the file, to see its end, and the NUL */
    for (;;) {
        if (buffer == NULL || held + 1 >= cap) {
            cap = buffer == NULL ? cap : cap * 2;
            char *bigger = realloc(buffer, cap);
            if (bigger == NULL) {
                cw_fail_memory(err, path);
                goto done;
            }
            buffer = bigger;
        }
        ssize_t n = read(fd, buffer + held, cap - 1 - held);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            cw_fail(err, read_code(errno), "%s: cannot read: %s", path, strerror(errno));
            goto done;
        }
        if (n == 0) {
            break;
        }
        held += (size_t)n;
        if (held > max) {
            cw_fail(err, CW_BAD_INPUT, "%s: expected at most %zu bytes, found more", path, max);
            goto done;
        }
    }
    buffer[held] = '\0';
    *data = buffer;
    *len = held;
    buffer = NULL;
    result = 0;
done:
    if (fd >= 0) {
        close(fd);
    }
    free(buffer);
    return result;
}

/* Splits at the last '/': length of the folder part (slash included) or 0. */
static size_t folder_len(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

int cw_file_begin(const char *path, char *temp, struct cw_error *err) {
    static atomic_uint serial;
    size_t dir = folder_len(path);
    const char *name = path + dir;
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return cw_fail(err, CW_BAD_INPUT, "%s: expected the name of a file", path);
    }
    const char *dot = strrchr(name, '.');
    const char *extension = dot != NULL && dot != name ? dot : "";
    size_t stem = strlen(name) - strlen(extension);
    for (;;) {
        unsigned n = atomic_fetch_add(&serial, 1);
        int len = snprintf(temp, CW_PATH_MAX, "%.*s.%.*s.%ld-%u.tmp%s", (int)dir, path, (int)stem, name, (long)getpid(), n, extension);
        if (len < 0 || len >= CW_PATH_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "%.64s…: path longer than %d bytes", path, CW_PATH_MAX - 1);
        }
        int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            close(fd);
            return 0;
        }
        if (errno != EEXIST) {
            return cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(errno));
        }
    }
}

void cw_file_discard(const char *temp) {
    int kept = errno;
    if (temp[0] != '\0') {
        unlink(temp);
    }
    errno = kept;
}

/* Syncs the folder that holds `path`, so that the new name outlives a power cut. */
static int sync_folder(const char *path) {
    char dir[CW_PATH_MAX];
    size_t len = folder_len(path);
    if (len >= sizeof dir) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(dir, path, len);
    dir[len] = '\0';
    int fd = open(len == 0 ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == EACCES ? 0 : -1; /* a folder may be writable and not readable */
    }
    int result = fsync(fd);
    if (result != 0 && (errno == EINVAL || errno == EROFS)) {
        result = 0; /* file systems without a folder sync */
    }
    int kept = errno;
    close(fd);
    errno = kept;
    return result;
}

int cw_file_commit(const char *temp, const char *path, struct cw_error *err) {
    int fd = open(temp, O_RDONLY | O_CLOEXEC);
    int bad = fd < 0 ? errno : 0;
    if (fd >= 0) {
        if (fsync(fd) != 0) {
            bad = errno;
        }
        if (close(fd) != 0 && bad == 0) {
            bad = errno;
        }
    }
    if (bad == 0 && rename(temp, path) != 0) {
        bad = errno;
    }
    if (bad != 0) {
        cw_file_discard(temp);
        return cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(bad));
    }
    if (sync_folder(path) != 0) {
        return cw_fail(err, CW_FAILED, "%s: cannot sync its folder: %s", path, strerror(errno));
    }
    return 0;
}

int cw_file_write(const char *path, const void *data, size_t len, struct cw_error *err) {
    char temp[CW_PATH_MAX];
    if (cw_file_begin(path, temp, err) != 0) {
        return -1;
    }
    int fd = open(temp, O_WRONLY | O_TRUNC | O_CLOEXEC);
    int bad = fd < 0 ? errno : 0;
    const char *p = data;
    while (bad == 0 && len > 0) {
        ssize_t n = write(fd, p, len);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n == 0) {
            bad = ENOSPC;
        } else if (errno != EINTR) {
            bad = errno;
        }
    }
    if (fd >= 0 && close(fd) != 0 && bad == 0) {
        bad = errno;
    }
    if (bad != 0) {
        cw_file_discard(temp);
        return cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(bad));
    }
    return cw_file_commit(temp, path, err);
}

bool cw_file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

int cw_dir_make(const char *path, struct cw_error *err) {
    char part[CW_PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part) {
        return cw_fail(err, CW_BAD_INPUT, "%.64s: expected a folder's path of 1 to %d bytes, found %zu", n == 0 ? "''" : path,
                       CW_PATH_MAX - 1, n);
    }
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0777) != 0) {
            int bad = errno;
            struct stat st;
            bool there = stat(part, &st) == 0;
            if (!there || !S_ISDIR(st.st_mode)) {
                return cw_fail(err, CW_FAILED, "%s: cannot make the folder: %s", part, strerror(there ? ENOTDIR : bad));
            }
        }
        part[i] = kept;
    }
    return 0;
}

int cw_path_join(char *out, const char *dir, const char *name, struct cw_error *err) {
    size_t n = strlen(dir);
    const char *slash = n == 0 || dir[n - 1] == '/' ? "" : "/";
    int len = snprintf(out, CW_PATH_MAX, "%s%s%s", dir, slash, name);
    if (len < 0 || len >= CW_PATH_MAX) {
        return cw_fail(err, CW_BAD_INPUT, "%.64s…/%.64s: path longer than %d bytes", dir, name, CW_PATH_MAX - 1);
    }
    return 0;
}

void cw_dir_sweep(const char *dir) {
    DIR *d = opendir(dir);
    if (d == NULL) {
        return;
    }
    struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        /* .STEM.PID-N.tmp[.EXT], as cw_file_begin names them; the stem may hold dots, so look from the end */
        const char *mark = NULL;
        for (const char *p = strstr(e->d_name, ".tmp"); p != NULL; p = strstr(p + 1, ".tmp")) {
            mark = p;
        }
        if (e->d_name[0] != '.' || mark == NULL || (mark[4] != '\0' && mark[4] != '.')) {
            continue;
        }
        const char *p = mark;
        while (p > e->d_name && p[-1] >= '0' && p[-1] <= '9') {
            p--;
        }
        if (p == mark || p <= e->d_name || p[-1] != '-') {
            continue;
        }
        const char *end = --p;
        while (p > e->d_name && p[-1] >= '0' && p[-1] <= '9') {
            p--;
        }
        char digits[16];
        long pid;
        if (p == end || p <= e->d_name || p[-1] != '.' || (size_t)(end - p) >= sizeof digits) {
            continue;
        }
        memcpy(digits, p, (size_t)(end - p));
        digits[end - p] = '\0';
        if (cw_parse_int(digits, 1, 0x7FFFFFFF, &pid) && kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
            unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    closedir(d);
}

int cw_map_open(struct cw_map *m, const char *path, struct cw_error *err) {
    int result = -1;
    struct stat st;
    m->data = NULL;
    m->len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        cw_fail(err, read_code(errno), "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        cw_fail(err, CW_BAD_INPUT, "%s: expected a file, found %s", path, S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
        goto done;
    }
    if (st.st_size == 0) {
        m->data = (const unsigned char *)""; /* there is no mapping of nothing */
        result = 0;
        goto done;
    }
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        cw_fail(err, CW_FAILED, "%s: cannot map: %s", path, strerror(errno));
        goto done;
    }
    m->data = data;
    m->len = (size_t)st.st_size;
    result = 0;
done:
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

void cw_map_close(struct cw_map *m) {
    if (m->len > 0) {
        munmap((void *)(uintptr_t)m->data, m->len);
    }
    m->data = NULL;
    m->len = 0;
}

int cw_lock_take(struct cw_lock *l, const char *dir, struct cw_error *err) {
    char path[CW_PATH_MAX];
    int fd = -1, result = -1;
    l->fd = -1;
    if (cw_path_join(path, dir, ".lock", err) != 0) {
        return -1;
    }
    for (;;) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd >= 0 && fd < 3) { /* keeps 0..2 out of locks, so that a zeroed cw_lock is one that is not held */
            int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
            close(fd);
            fd = high;
        }
        if (fd < 0) {
            cw_fail(err, CW_FAILED, "%s: cannot open the lock: %s", path, strerror(errno));
            goto done;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EINTR) {
                close(fd);
                continue;
            }
            if (errno != EWOULDBLOCK) {
                cw_fail(err, CW_FAILED, "%s: cannot lock: %s", path, strerror(errno));
                goto done;
            }
            char pid[24];
            ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
            pid[n > 0 ? n : 0] = '\0';
            pid[strspn(pid, "0123456789")] = '\0';
            cw_fail(err, CW_FAILED, "output folder %s is in use by another run (pid %s)", dir, pid[0] != '\0' ? pid : "unknown");
            goto done;
        }
        /* the holder before us removes the name when it lets go: what we locked must still be what the name says */
        struct stat held, named;
        if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
            break;
        }
        close(fd);
    }
    char text[24];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        cw_fail(err, CW_FAILED, "%s: cannot write: %s", path, strerror(errno));
        unlink(path);
        goto done;
    }
    l->fd = fd;
    fd = -1;
    result = 0;
done:
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

void cw_lock_release(struct cw_lock *l) {
    if (l->fd >= 3) {
        char link[64], path[CW_PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", l->fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        if (n > 0) {
            path[n] = '\0';
            struct stat held, named;
            if (fstat(l->fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
                unlink(path);
            }
        }
        close(l->fd);
    }
    l->fd = -1;
}

int cw_models_dir(char *out, struct cw_error *err) {
    const char *dir = getenv("CASTWRIGHT_MODELS");
    if (dir != NULL && dir[0] != '\0') {
        if (strlen(dir) >= CW_PATH_MAX) {
            return cw_fail(err, CW_BAD_INPUT, "CASTWRIGHT_MODELS: path longer than %d bytes", CW_PATH_MAX - 1);
        }
        memcpy(out, dir, strlen(dir) + 1);
        return 0;
    }
    const char *home = getenv("HOME");
    char space[4096];
    struct passwd user, *found = NULL;
    if (home == NULL || home[0] == '\0') {
        if (getpwuid_r(getuid(), &user, space, sizeof space, &found) != 0 || found == NULL) {
            return cw_fail(err, CW_FAILED, "models folder: expected HOME or CASTWRIGHT_MODELS to be set, found neither");
        }
        home = user.pw_dir;
    }
    return cw_path_join(out, home, ".cache/castwright/models", err);
}
