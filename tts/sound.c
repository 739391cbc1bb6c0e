/* Phonemes while they are made: the model's alphabet, growing and changing a word's sound, stress. */
#include "tts/sound.h"

#include <string.h>

/* ---- the alphabet ------------------------------------------------------------------------------------------------------ */

bool cw_symbol_known(uint32_t c) {
    /* the published model's vocabulary, code points in order */
    static const uint16_t symbols[] = {
        0x20,   0x21,   0x22,   0x28,   0x29,   0x2c,   0x2e,   0x3a,   0x3b,   0x3f,   0x41,   0x49,  0x4f,  0x51,  0x53,  0x54,  0x57,
        0x59,   0x61,   0x62,   0x63,   0x64,   0x65,   0x66,   0x68,   0x69,   0x6a,   0x6b,   0x6c,  0x6d,  0x6e,  0x6f,  0x70,  0x71,
        0x72,   0x73,   0x74,   0x75,   0x76,   0x77,   0x78,   0x79,   0x7a,   0xe6,   0xe7,   0xf0,  0xf8,  0x14b, 0x153, 0x250, 0x251,
        0x252,  0x254,  0x255,  0x256,  0x259,  0x25a,  0x25b,  0x25c,  0x25f,  0x261,  0x263,  0x264, 0x265, 0x268, 0x26a, 0x26f, 0x270,
        0x272,  0x273,  0x274,  0x278,  0x279,  0x27b,  0x27d,  0x27e,  0x281,  0x282,  0x283,  0x288, 0x28a, 0x28b, 0x28c, 0x28e, 0x292,
        0x294,  0x29d,  0x2a3,  0x2a4,  0x2a5,  0x2a6,  0x2a7,  0x2a8,  0x2b0,  0x2b2,  0x2c8,  0x2cc, 0x2d0, 0x303, 0x3b2, 0x3b8, 0x3c7,
        0x1d4a, 0x1d5d, 0x1d7b, 0x2014, 0x201c, 0x201d, 0x2026, 0x2192, 0x2193, 0x2197, 0x2198, 0xab67};
    size_t lo = 0, hi = sizeof symbols / sizeof symbols[0];
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (symbols[mid] == c) {
            return true;
        }
        if (symbols[mid] < c) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return false;
}

int cw_symbols_count(const char *s) {
    return (int)cw_utf8_count(s, strlen(s));
}

bool symbol_in(uint32_t c, const char *set) {
    for (size_t n = strlen(set); n > 0;) {
        uint32_t d = 0;
        int k = cw_utf8_next(set, n, &d);
        if (d == c) {
            return true;
        }
        set += k;
        n -= (size_t)k;
    }
    return false;
}

const char sound_vowels[] = "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ";
const char sound_consonants[] = "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ";

/* ---- a word's phonemes while they are made ------------------------------------------------------------------------------- */

void sound_put_n(struct sound *p, const char *s, size_t n) {
    if (p->n + n < sizeof p->s) {
        memcpy(p->s + p->n, s, n);
        p->n += n;
    }
    p->s[p->n] = '\0';
}

void sound_put(struct sound *p, const char *s) {
    sound_put_n(p, s, strlen(s));
}

void sound_set(struct sound *p, const char *s, size_t n) {
    p->n = 0;
    sound_put_n(p, s, n);
}

bool sound_has(const struct sound *p, const char *s) {
    return strstr(p->s, s) != NULL;
}

void sound_replace(struct sound *p, const char *from, const char *to) {
    struct sound q;
    size_t n = strlen(from);
    if (!sound_has(p, from)) {
        return;
    }
    sound_set(&q, "", 0);
    for (const char *s = p->s; *s;) {
        if (strncmp(s, from, n) == 0) {
            sound_put(&q, to);
            s += n;
        } else {
            sound_put_n(&q, s++, 1);
        }
    }
    sound_set(p, q.s, q.n);
}

uint32_t sound_last(const struct sound *p, int back, size_t *at) {
    size_t end = p->n;
    uint32_t c = 0;
    for (int k = 0; k <= back; k++) {
        if (end == 0) {
            return 0;
        }
        size_t start = end - 1;
        while (start > 0 && ((unsigned char)p->s[start] & 0xC0) == 0x80) {
            start--;
        }
        cw_utf8_next(p->s + start, end - start, &c);
        *at = start;
        end = start;
    }
    return c;
}

static size_t first_vowel(const struct sound *p) {
    for (size_t i = 0; i < p->n;) {
        uint32_t c = 0;
        int k = cw_utf8_next(p->s + i, p->n - i, &c);
        if (symbol_in(c, sound_vowels)) {
            return i;
        }
        i += (size_t)(k ? k : 1);
    }
    return p->n;
}

/* A mark before the first vowel of a word that has no stress. */
static void give_stress(struct sound *p, const char *mark) {
    size_t at = first_vowel(p);
    if (at == p->n) {
        return;
    }
    struct sound q;
    sound_set(&q, p->s, at);
    sound_put(&q, mark);
    sound_put(&q, p->s + at);
    sound_set(p, q.s, q.n);
}

void sound_stress(struct sound *p, float stress) {
    bool primary = sound_has(p, PRIMARY), secondary = sound_has(p, SECONDARY);
    if (stress == CW_NO_STRESS) {
        return;
    }
    if (stress < -1) {
        sound_replace(p, PRIMARY, "");
        sound_replace(p, SECONDARY, "");
    } else if (stress == -1 || ((stress == 0 || stress == -0.5F) && primary)) {
        sound_replace(p, SECONDARY, "");
        sound_replace(p, PRIMARY, SECONDARY);
    } else if ((stress == 0 || stress == 0.5F || stress == 1) && !primary && !secondary) {
        give_stress(p, SECONDARY);
    } else if (stress >= 1 && !primary && secondary) {
        sound_replace(p, SECONDARY, PRIMARY);
    } else if (stress > 1 && !primary && !secondary) {
        give_stress(p, PRIMARY);
    }
}
