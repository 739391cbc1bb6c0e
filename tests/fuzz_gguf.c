/* libFuzzer: any bytes as a GGUF file, opened and asked for everything. make fuzz */
#include "models/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    static int fd = -1;
    static volatile float sink;
    char path[64];
    struct cw_gguf *g = NULL;
    struct cw_error err = {0};
    if (fd < 0 && (fd = memfd_create("fuzz", 0)) < 0)
        abort();
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (cw_gguf_open(&g, path, &err) != 0)
        return 0;
    static const char *const names[] = {"w",     "b",        "general.name", "general.alignment", "n.u8", "n.i64",
                                        "n.f32", "list.i32", "list.text",    "list.lists",        "flag"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int64_t whole;
        double x;
        const char *s = "";
        size_t len = 0, count = 0;
        int32_t ints[8];
        int n, dims[4];
        const float *w;
        (void)!cw_gguf_int(g, names[i], &whole, &err);
        (void)!cw_gguf_double(g, names[i], &x, &err);
        (void)!cw_gguf_ints(g, names[i], ints, 8, &n, &err);
        if (cw_gguf_string(g, names[i], &s, &len, &err) == 0 && len > 0)
            sink += s[0] + s[len - 1];
        if (cw_gguf_string_at(g, names[i], 0, NULL, NULL, &count, &err) == 0 && count > 0 &&
            cw_gguf_string_at(g, names[i], count - 1, &s, &len, &count, &err) == 0 && len > 0)
            sink += s[0] + s[len - 1];
        if (cw_gguf_shape(g, names[i], dims, &n, &err) == 0 && cw_gguf_f32(g, names[i], dims, n, &w, &err) == 0) {
            size_t values = 1;
            for (int d = 0; d < n; d++)
                values *= (size_t)dims[d];
            sink += w[0] + w[values - 1];
        }
    }
    cw_gguf_close(g);
    return 0;
}
