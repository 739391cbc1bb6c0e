/* Cosines -> distances -> the two largest axes of the doubly centred squares -> dots with names. */
#include "voices/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 1200, HEIGHT = 900, MARGIN = 70, LEGEND = 150, ROUNDS = 2000, GROUPS = 10 };

/* The eigenvector of the largest eigenvalue of b + shift I, by power iteration; *value is that of b. */
static void top_axis(const double *b, int n, double shift, double *x, double *work, double *value) {
    for (int i = 0; i < n; i++) {
        x[i] = 1.0 / (i + 1) - 0.5;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double norm = 0;
        for (int i = 0; i < n; i++) {
            work[i] = shift * x[i];
            for (int j = 0; j < n; j++) {
                work[i] += b[i * n + j] * x[j];
            }
            norm += work[i] * work[i];
        }
        norm = sqrt(norm);
        if (!(norm > 0)) {
            break;
        }
        for (int i = 0; i < n; i++) {
            x[i] = work[i] / norm;
        }
        *value = norm - shift;
    }
}

int cw_map_places(const double *distances, int n, double *places, struct cw_error *err) {
    int result = -1;
    double *b = calloc((size_t)n * (size_t)n + 1, sizeof *b), *row = calloc((size_t)n + 1, sizeof *row);
    double *x = calloc((size_t)n + 1, sizeof *x), *work = calloc((size_t)n + 1, sizeof *work);
    double all = 0, size = 0;
    if (b == NULL || row == NULL || x == NULL || work == NULL) {
        cw_fail_memory(err, "map of voices");
        goto done;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double d = distances[i * n + j];
            b[i * n + j] = -0.5 * d * d;
            row[i] += b[i * n + j] / n;
        }
        all += row[i] / n;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            b[i * n + j] += all - row[i] - row[j];
            size += b[i * n + j] * b[i * n + j];
        }
    }
    size = sqrt(size); /* no eigenvalue is larger, so the shifted ones are none below zero */
    for (int axis = 0; axis < 2; axis++) {
        double value = 0;
        int far = 0;
        top_axis(b, n, size, x, work, &value);
        for (int i = 0; i < n; i++) {
            far = fabs(x[i]) > fabs(x[far]) + 1e-12 ? i : far;
        }
        double scale = (value > 0 ? sqrt(value) : 0) * (n > 0 && x[far] < 0 ? -1 : 1);
        for (int i = 0; i < n; i++) {
            places[2 * i + axis] = scale * x[i];
            for (int j = 0; j < n; j++) {
                b[i * n + j] -= value * x[i] * x[j];
            }
        }
    }
    result = 0;
done:
    free(b);
    free(row);
    free(x);
    free(work);
    return result;
}

static void add_escaped(struct cw_text *t, const char *s) {
    for (; *s != '\0'; s++) {
        if (*s == '<' || *s == '&' || *s == '>') {
            cw_text_printf(t, "&#%d;", *s);
        } else {
            cw_text_add_char(t, *s);
        }
    }
}

int cw_map_draw(const struct cw_map_point *points, const double *cosines, int n, double alike, struct cw_text *svg, struct cw_error *err) {
    static const char *const colours[GROUPS] = {"#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910",
                                                "#117a8b", "#7f5539", "#c2185b", "#556b2f", "#555555"};
    int result = -1, group_count = 0;
    const char *groups[GROUPS];
    double *d = calloc((size_t)n * (size_t)n + 1, sizeof *d), *at = calloc((size_t)n * 2 + 2, sizeof *at);
    double lo[2] = {1e9, 1e9}, hi[2] = {-1e9, -1e9};
    if (d == NULL || at == NULL) {
        cw_fail_memory(err, "map of voices");
        goto done;
    }
    for (int i = 0; i < n * n; i++) {
        d[i] = sqrt(fmax(0, 2 - 2 * cosines[i])); /* between unit vectors */
    }
    if (cw_map_places(d, n, at, err) != 0) {
        goto done;
    }
    for (int i = 0; i < 2 * n; i++) {
        lo[i % 2] = fmin(lo[i % 2], at[i]);
        hi[i % 2] = fmax(hi[i % 2], at[i]);
    }
    double scale = fmin((WIDTH - 2 * MARGIN - LEGEND) / fmax(1e-9, hi[0] - lo[0]), (HEIGHT - 2 * MARGIN) / fmax(1e-9, hi[1] - lo[1]));
    for (int i = 0; i < n; i++) {
        at[2 * i] = MARGIN + (at[2 * i] - lo[0]) * scale;
        at[2 * i + 1] = MARGIN + (at[2 * i + 1] - lo[1]) * scale;
    }
    cw_text_printf(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\">\n"
        "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n"
        "<text x=\"%d\" y=\"30\" font-size=\"16\">Voices: near each other sound alike; lines join those with a cosine above %.2f</text>\n",
        WIDTH, HEIGHT, WIDTH, HEIGHT, MARGIN, alike);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            if (cosines[i * n + j] > alike) {
                cw_text_printf(svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#bbbbbb\"/>\n", at[2 * i],
                               at[2 * i + 1], at[2 * j], at[2 * j + 1]);
            }
        }
    }
    for (int i = 0; i < n; i++) {
        int g = 0;
        while (g < group_count && strcmp(groups[g], points[i].group) != 0) {
            g++;
        }
        if (g == group_count && group_count < GROUPS) {
            groups[group_count++] = points[i].group;
        }
        const char *colour = colours[g < GROUPS ? g : GROUPS - 1];
        cw_text_printf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/><text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">", at[2 * i],
                       at[2 * i + 1], colour, at[2 * i] + 6, at[2 * i + 1] + 4, colour);
        add_escaped(svg, points[i].name);
        cw_text_add(svg, "</text>\n");
    }
    for (int g = 0; g < group_count; g++) {
        cw_text_printf(svg, "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">", WIDTH - LEGEND, MARGIN + 18 * g,
                       colours[g], WIDTH - LEGEND + 10, MARGIN + 4 + 18 * g);
        add_escaped(svg, groups[g]);
        cw_text_add(svg, "</text>\n");
    }
    cw_text_add(svg, "</svg>\n");
    result = cw_text_check(svg, "map of voices", err);
done:
    free(d);
    free(at);
    return result;
}
