/* Weights packed before: the same products from a file as without one, and a file with anything wrong is as good as none. */
#include "kernels/internal.h"
#include "tests/kernels.h"

enum { OUT = 40, IN = 33, TAPS = 5, ROWS = 90 };

/* One of each kind, with two of one shape and other numbers. */
struct set {
    struct cw_weight *plain, *other, *wide, *transposed, *wide16, *transposed16;
};

static void set_close(struct set *s) {
    cw_weight_close(s->plain);
    cw_weight_close(s->other);
    cw_weight_close(s->wide);
    cw_weight_close(s->transposed);
    cw_weight_close(s->wide16);
    cw_weight_close(s->transposed16);
}

static bool set_open(struct set *s, struct cw_device *d, const float *w, const float *bias, struct cw_error *err) {
    *s = (struct set){0};
    return cw_weight_open(&s->plain, d, w, OUT, IN, 1, bias, err) == 0 && cw_weight_open(&s->other, d, w + 1, OUT, IN, 1, bias, err) == 0 &&
           cw_weight_open(&s->wide, d, w, OUT, IN, TAPS, NULL, err) == 0 &&
           cw_weight_open_transposed(&s->transposed, d, w, IN, OUT, 4, 2, bias, err) == 0 &&
           cw_weight_open_16(&s->wide16, d, w, OUT, IN, TAPS, bias, err) == 0 &&
           cw_weight_open_transposed_16(&s->transposed16, d, w, IN, OUT, 4, 2, bias, err) == 0;
}

static int borrowed(const struct set *s) {
    return s->plain->borrowed + s->other->borrowed + s->wide->borrowed + s->transposed->borrowed + s->wide16->borrowed +
           s->transposed16->borrowed;
}

/* All products one after the other: [6 * 2 ROWS, OUT]. */
static bool set_run(const struct set *s, struct cw_device *d, struct cw_mat x, struct cw_mat y, struct cw_error *err) {
    const struct cw_epilogue e = {0};
    struct cw_mat part[6];

    for (int i = 0; i < 6; i++)
        part[i] = cw_mat_rows(y, 2 * ROWS * i, i == 3 || i == 5 ? 2 * ROWS : ROWS);
    return cw_linear(d, x, s->plain, e, part[0], err) == 0 && cw_linear(d, x, s->other, e, part[1], err) == 0 &&
           cw_conv1d(d, x, s->wide, 1, 2, 1, e, part[2], err) == 0 &&
           cw_conv_transpose1d(d, x, s->transposed, 1, 0, e, part[3], err) == 0 &&
           cw_conv1d(d, x, s->wide16, 1, 2, 1, e, part[4], err) == 0 &&
           cw_conv_transpose1d(d, x, s->transposed16, 1, 0, e, part[5], err) == 0;
}

struct scene {
    const char *isa, *model;
    char path[CW_PATH_MAX];
    float *w, *bias;
    struct block x, want;
};

/* Opens, runs, compares; how many weights came from the file, or -1. */
static int play(const struct scene *s, bool save) {
    struct cw_device *d = device(s->isa, 2);
    struct block y = block_open(12 * ROWS, OUT, OUT);
    struct set set = {0};
    struct cw_error err = {0};
    int count = -1;

    memset(y.m.data, 0, sizeof(float) * 12 * ROWS * OUT);
    if (CHECKF(cw_packed_open(d, s->path, s->model, &err) == 0 && set_open(&set, d, s->w, s->bias, &err) &&
                   set_run(&set, d, s->x.m, y.m, &err),
               "%s: %s", s->isa, err.text)) {
        count = borrowed(&set);
        CHECKF(memcmp(y.m.data, s->want.m.data, sizeof(float) * 12 * ROWS * OUT) == 0, "%s: other products than without the file", s->isa);
        if (save)
            CHECKF(cw_packed_save(d, &err) == 0, "%s: %s", s->isa, err.text);
        set_close(&set);
    }
    block_close(&y);
    cw_device_close(d);
    return count;
}

static bool put(const char *path, const char *data, size_t len) { /* without waiting for the disk */
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(data, 1, len, f) == len;

    return f && fclose(f) == 0 && good;
}

static void test_class(struct scene *s) {
    struct cw_error err = {0};
    struct set set = {0};
    struct cw_device *d = device(s->isa, 1);
    char *data = NULL;
    size_t len = 0;

    memset(s->want.m.data, 0, sizeof(float) * 12 * ROWS * OUT);
    CHECKF(set_open(&set, d, s->w, s->bias, &err) && set_run(&set, d, s->x.m, s->want.m, &err), "%s: %s", s->isa, err.text);
    set_close(&set);
    cw_device_close(d);

    CHECK(play(s, true) == 0);
    CHECK(play(s, true) == 6);
    s->model = "another model";
    CHECK(play(s, false) == 0);
    s->model = "this model";
    s->w[7] += 1; /* in the sample of some weights, so those alone are others */
    d = device(s->isa, 1);
    if (CHECK(cw_packed_open(d, s->path, s->model, &err) == 0 && set_open(&set, d, s->w, s->bias, &err)))
        CHECK(borrowed(&set) < 6);
    set_close(&set);
    cw_device_close(d);
    s->w[7] -= 1;

    if (!CHECK(cw_file_read(s->path, 1 << 24, &data, &len, &err) == 0))
        return;
    for (size_t at = 0; at < len; at += at < 600 ? 37 : 1 + len / 23) { /* any byte of the file */
        data[at] ^= 0x10;
        int found = CHECK(put(s->path, data, len)) ? play(s, false) : -1;
        CHECKF(found == 0 || found == 6, "%s: byte %zu of %zu: %d of 6 from a damaged file", s->isa, at, len, found);
        CHECKF(found == 0 || (unsigned char)data[at] == 0x10, "%s: byte %zu of %zu changed, and the file was used", s->isa, at, len);
        data[at] ^= 0x10;
    }
    for (size_t i = 0; i < 12; i++) {
        const size_t cut[] = {0, 1, 15, 95, 119, 120, 200, 400, 500, len / 2, len - 64, len - 1};
        CHECK(put(s->path, data, cut[i]));
        CHECKF(play(s, false) == 0, "%s: a file of %zu of %zu bytes was used", s->isa, cut[i], len);
    }
    CHECK(play(s, true) == 0); /* a bad file is replaced */
    CHECK(play(s, false) == 6);
    free(data);
}

static void test_packed(void) {
    struct scene s = {.model = "this model", .x = block_open(ROWS, IN, IN), .want = block_open(12 * ROWS, OUT, OUT)};
    struct cw_error err = {0};
    const size_t n = (size_t)OUT * IN * TAPS + 1;
    uint64_t state = cw_test_seed();

    s.w = malloc(n * sizeof *s.w);
    s.bias = malloc(OUT * sizeof *s.bias);
    if (!s.w || !s.bias)
        abort();
    for (size_t i = 0; i < n + OUT + (size_t)ROWS * IN; i++) {
        float v = (float)((double)((state = state * 6364136223846793005U + 1) >> 40) / (1 << 23) - 1);
        *(i < n ? s.w + i : i < n + OUT ? s.bias + (i - n) : s.x.m.data + (i - n - OUT)) = v;
    }
    for (const char *const *isa = cw_device_isas(); *isa; isa++) {
        s.isa = *isa;
        if (CHECK(cw_path_join(s.path, cw_test_dir(), *isa, &err) == 0))
            test_class(&s);
    }
    block_close(&s.x);
    block_close(&s.want);
    free(s.w);
    free(s.bias);
}

const struct cw_test cw_tests_packed[] = {
    {"kernels.packed", "weights from a file are the packed ones; a damaged or foreign file is not used", test_packed},
    {0},
};
