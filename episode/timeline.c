/* Placement of turns. The gaps are what people leave in talk: a quarter of a second at a change of speaker, less after a
 * question, more after a thought that trails off, next to none after a cut-off. */
#include "episode/timeline.h"

#include <string.h>

const struct cw_gaps cw_gaps = {
    .lead_in = 250,
    .tail = 600,
    .segment = 900,
    .same = 250,
    .same_trailing = 350,
    .statement = 280,
    .question = 200,
    .exclamation = 230,
    .trailing = 350,
    .comma = 180,
    .other = 260,
    .cut_off = 60,
};

static int64_t samples_of(int ms) {
    return (int64_t)ms * (CW_STUDIO_RATE / 1000);
}

static int gap_after(const struct cw_timeline *t, struct cw_timeline_turn turn) {
    if (turn.opens_segment)
        return cw_gaps.segment;
    if (t->prev_mark == 0x2014 || t->prev_mark == 0x2013 || t->prev_mark == '-')
        return cw_gaps.cut_off;
    if (turn.speaker == t->prev_speaker)
        return t->prev_mark == 0x2026 ? cw_gaps.same_trailing : cw_gaps.same;
    switch (t->prev_mark) {
    case '.':
        return cw_gaps.statement;
    case '?':
        return cw_gaps.question;
    case '!':
        return cw_gaps.exclamation;
    case 0x2026:
        return cw_gaps.trailing;
    case ',':
    case ';':
    case ':':
        return cw_gaps.comma;
    default:
        return cw_gaps.other;
    }
}

int64_t cw_timeline_next(const struct cw_timeline *t, struct cw_timeline_turn turn) {
    if (t->turns == 0)
        return samples_of(cw_gaps.lead_in);
    if (turn.overlap_ms <= 0)
        return t->end + samples_of(gap_after(t, turn));
    int64_t start = t->prev_end - samples_of(turn.overlap_ms);
    if (start < t->prev_start)
        start = t->prev_start;
    if (turn.speaker >= 0 && turn.speaker < CW_CAST_MAX && start < t->speaker_end[turn.speaker])
        start = t->speaker_end[turn.speaker];
    return start;
}

int64_t cw_timeline_add(struct cw_timeline *t, struct cw_timeline_turn turn, int64_t samples, uint32_t mark) {
    int64_t start = cw_timeline_next(t, turn);
    t->turns++;
    t->prev_start = start;
    t->prev_end = start + samples;
    if (t->end < t->prev_end)
        t->end = t->prev_end;
    if (turn.speaker >= 0 && turn.speaker < CW_CAST_MAX && t->speaker_end[turn.speaker] < t->prev_end)
        t->speaker_end[turn.speaker] = t->prev_end;
    t->prev_speaker = turn.speaker;
    t->prev_mark = mark;
    return start;
}

int64_t cw_timeline_total(const struct cw_timeline *t) {
    return t->turns == 0 ? 0 : t->end + samples_of(cw_gaps.tail);
}

uint32_t cw_timeline_mark(const char *text) {
    uint32_t mark = 0, before = 0, earlier = 0;
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        int len = cw_utf8_next(text + i, n - i, &code);
        if (len == 0)
            break;
        i += (size_t)len;
        switch (code) {
        case ' ':
        case '\t':
        case '"':
        case '\'':
        case ')':
        case ']':
        case 0x2019:
        case 0x201D:
        case 0xBB:
            continue;
        default:
            break;
        }
        earlier = before;
        before = mark;
        mark = code;
    }
    return mark == '.' && before == '.' && earlier == '.' ? 0x2026 : mark;
}
