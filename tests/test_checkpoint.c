/* GGUF ─▶ safetensors: its header's length, the header (JSON), the data. */
#include "tests/test_checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/gguf.h"
#include "tests/test.h"

bool test_checkpoint_write(const struct test_checkpoint *c, const char *path) {
    struct cw_error err = {0};
    struct cw_gguf *g = NULL;
    struct cw_text head = {0}, data = {0}, all = {0};
    bool made = false;
    if (!CHECKF(!cw_gguf_open(&g, cw_test_data(c->gguf), &err), "%s", err.text))
        return false;
    cw_text_add_n(&data, c->extra_data, (size_t)c->extra_bytes);
    cw_text_printf(&head, "{%s", c->extra);
    if (strcmp(c->fault, "other") == 0)
        cw_text_printf(&head, "%s\"quantizer.codebook\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}", head.len > 1 ? "," : "");
    for (size_t i = 0; i < cw_gguf_tensor_count(g); i++) {
        char name[96];
        size_t len = 0, count = 1;
        const char *s = cw_gguf_tensor_name(g, i, &len);
        int dims[4], n = 0;
        const float *x = NULL, nan = NAN;
        snprintf(name, sizeof name, "%.*s", (int)len, s);
        if (!CHECK(!cw_gguf_shape(g, name, dims, &n, &err) && !cw_gguf_f32(g, name, dims, n, &x, &err)))
            goto done;
        const char *fault = strcmp(name, c->victim) == 0 ? c->fault : "none";
        if (strcmp(fault, "missing") == 0)
            continue;
        if (strcmp(fault, "shape") == 0)
            dims[0]--;
        cw_text_printf(&head, "%s\"%s%s\":{\"dtype\":\"F32\",\"shape\":[%s", head.len > 1 ? "," : "", c->prefix, name,
                       strstr(name, ".grn.") ? "1,1," : ""); /* F5's, flat in GGUF */
        for (int k = 0; k < n; k++) {
            cw_text_printf(&head, "%s%d", k ? "," : "", dims[k]);
            count *= (size_t)dims[k];
        }
        cw_text_printf(&head, "],\"data_offsets\":[%zu,%zu]}", data.len,
                       data.len + 4 * count + (strcmp(fault, "outside") == 0 ? 1U << 30 : 0));
        cw_text_add_n(&data, (const char *)x, 4 * count);
        if (strcmp(fault, "nan") == 0 && data.data)
            memcpy(data.data + data.len - sizeof nan, &nan, sizeof nan);
    }
    cw_text_add(&head, "}");
    const uint64_t size = head.len;
    cw_text_add_n(&all, (const char *)&size, sizeof size);
    cw_text_add_n(&all, head.data, head.len);
    cw_text_add_n(&all, data.data, strcmp(c->fault, "cut") == 0 ? data.len / 2 : data.len);
    made = CHECK(!cw_text_check(&all, "checkpoint", &err) && !cw_file_write(path, all.data, all.len, &err));
done:
    cw_text_free(&head);
    cw_text_free(&data);
    cw_text_free(&all);
    cw_gguf_close(g);
    return made;
}
