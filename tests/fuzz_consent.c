/* libFuzzer: any bytes as a consent record, a trusted list or a list of revocations; and what was read, printed again. make fuzz */
#include "voices/consent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct cw_consent a, b;

/* The bytes with this process's own key and signature in them, so that what lies behind the signature is reached too. */
static void signed_record(const char *text, size_t size) {
    static struct cw_key key;
    struct cw_error err = {0};
    struct cw_text out = {0};
    if (key.public_hex[0] == '\0' && cw_key_open(&key, &err) != 0)
        abort();
    (void)!cw_consent_parse(&a, text, size, &err);
    if (a.recording_count > 0 && cw_consent_sign(&a, &key, &err) == 0 && cw_consent_print(&a, &out, &err) == 0) {
        struct cw_text again = {0};
        if (cw_consent_parse(&b, out.data, out.len, &err) == 0 &&
            (cw_consent_print(&b, &again, &err) != 0 || again.len != out.len || memcmp(again.data, out.data, out.len) != 0))
            abort(); /* what holds is written in one way */
        cw_text_free(&again);
    }
    cw_text_free(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    static char dir[] = "/tmp/castwright-fuzz.XXXXXX", path[64];
    struct cw_error err = {0};
    struct cw_trust t;
    if (path[0] == '\0') {
        if (!mkdtemp(dir) || setenv("CASTWRIGHT_CONFIG", dir, 1) != 0)
            abort();
        path[0] = '/';
    }
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    size--;
    if (data[0] % 4 > 1) {
        signed_record(text, size);
        return 0;
    }
    snprintf(path, sizeof path, "%s/%s", dir, data[0] % 4 ? "trusted" : "revoked");
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(text, 1, size, f) != size || fclose(f) != 0)
        abort();
    if (cw_trust_open(&t, &err) == 0) {
        (void)!cw_trust_revoked(&t, "");
        cw_trust_close(&t);
    }
    unlink(path);
    return 0;
}
