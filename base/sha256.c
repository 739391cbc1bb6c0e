/* SHA-256 as FIPS 180-4 has it: bytes in, 64 hexadecimal digits out. Uses the CPU's SHA instructions where there are any. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <cpuid.h>
#endif

/* Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n) {
    return (x >> n) | (x << (32 - n));
}

void cw_sha256_blocks_plain(uint32_t state[8], const unsigned char *p, size_t count) {
    for (; count > 0; count--, p += 64) {
        uint32_t w[64];
        for (int i = 0; i < 16; i++) {
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        }
        for (int i = 16; i < 64; i++) {
            uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
            uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        uint32_t v[8];
        memcpy(v, state, sizeof v);
        for (int i = 0; i < 64; i++) {
            uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
            uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
            uint32_t t1 = v[7] + s1 + choice + K[i] + w[i];
            uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
            uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            memmove(v + 1, v, 7 * sizeof v[0]);
            v[4] += t1;
            v[0] = t1 + s0 + majority;
        }
        for (int i = 0; i < 8; i++) {
            state[i] += v[i];
        }
    }
}

#if defined(__x86_64__)
/* Four rounds an instruction pair; the instructions keep the state as ABEF and CDGH. Message words i..i+3 of the schedule are
 * made from the four vectors before them. */
__attribute__((target("sha,sse4.1"))) static void blocks_sha(uint32_t state[8], const unsigned char *p, size_t count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    for (; count > 0; count--, p += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 16; i++) {
            if (i < 4) {
                w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), big_endian);
            } else {
                __m128i next = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
                next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
                w[i & 3] = _mm_sha256msg2_epu32(next, w[(i + 3) & 3]);
            }
            __m128i sum = _mm_add_epi32(w[i & 3], _mm_load_si128((const __m128i *)(const void *)(K + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    uint32_t x[4], y[4];
    _mm_storeu_si128((__m128i *)(void *)x, abef);
    _mm_storeu_si128((__m128i *)(void *)y, cdgh);
    state[0] = x[3], state[1] = x[2], state[4] = x[1], state[5] = x[0];
    state[2] = y[3], state[3] = y[2], state[6] = y[1], state[7] = y[0];
}

static bool have_sha(void) {
    unsigned a, b, c, d;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & (1u << 29)) == 0) {
        return false;
    }
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & (1u << 19)) != 0 && (c & (1u << 9)) != 0;
}
#endif

static void blocks(uint32_t state[8], const unsigned char *p, size_t count) {
#if defined(__x86_64__)
    static atomic_int known; /* 0: not asked yet, 1: no, 2: yes; racing threads write the same answer */
    int k = atomic_load_explicit(&known, memory_order_relaxed);
    if (k == 0) {
        k = have_sha() ? 2 : 1;
        atomic_store_explicit(&known, k, memory_order_relaxed);
    }
    if (k == 2) {
        blocks_sha(state, p, count);
        return;
    }
#endif
    cw_sha256_blocks_plain(state, p, count);
}

void cw_sha256_start(struct cw_sha256 *s) {
    static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memset(s, 0, sizeof *s);
    memcpy(s->h, h, sizeof h);
}

void cw_sha256_add(struct cw_sha256 *s, const void *data, size_t len) {
    const unsigned char *p = data;
    size_t held = (size_t)(s->len % 64);
    s->len += len;
    if (held > 0) {
        size_t n = len < 64 - held ? len : 64 - held;
        memcpy(s->block + held, p, n);
        p += n;
        len -= n;
        if (held + n < 64) {
            return;
        }
        blocks(s->h, s->block, 1);
    }
    if (len >= 64) {
        blocks(s->h, p, len / 64);
        p += len / 64 * 64;
        len %= 64;
    }
    if (len > 0) {
        memcpy(s->block, p, len);
    }
}

void cw_sha256_end(struct cw_sha256 *s, char hex[65]) {
    uint64_t bits = s->len * 8;
    size_t held = (size_t)(s->len % 64);
    s->block[held++] = 0x80;
    if (held > 56) {
        memset(s->block + held, 0, 64 - held);
        blocks(s->h, s->block, 1);
        held = 0;
    }
    memset(s->block + held, 0, 56 - held);
    for (int i = 0; i < 8; i++) {
        s->block[56 + i] = (unsigned char)(bits >> (56 - 8 * i));
    }
    blocks(s->h, s->block, 1);
    for (int i = 0; i < 64; i++) {
        hex[i] = "0123456789abcdef"[(s->h[i / 8] >> (28 - 4 * (i % 8))) & 15];
    }
    hex[64] = '\0';
}

void cw_sha256_of(const void *data, size_t len, char hex[65]) {
    struct cw_sha256 s;
    cw_sha256_start(&s);
    cw_sha256_add(&s, data, len);
    cw_sha256_end(&s, hex);
}

int cw_sha256_file(const char *path, char hex[65], struct cw_error *err) {
    int result = -1;
    enum { CHUNK = 1 << 20 };
    unsigned char *chunk = malloc(CHUNK);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (chunk == NULL) {
        cw_fail_memory(err, path);
        goto done;
    }
    if (fd < 0) {
        cw_fail(err, errno == ENOENT ? CW_BAD_INPUT : CW_FAILED, "%s: cannot open: %s", path, strerror(errno));
        goto done;
    }
    struct cw_sha256 s;
    cw_sha256_start(&s);
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            cw_fail(err, CW_FAILED, "%s: cannot read: %s", path, strerror(errno));
            goto done;
        }
        if (n == 0) {
            break;
        }
        cw_sha256_add(&s, chunk, (size_t)n);
    }
    cw_sha256_end(&s, hex);
    result = 0;
done:
    if (fd >= 0) {
        close(fd);
    }
    free(chunk);
    return result;
}
