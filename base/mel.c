/* Triangles on a mel scale. */
#include "base/mel.h"

#include <math.h>

static double hz_to_mel(double hz, bool slaney) {
    if (!slaney) {
        return 2595 * log10(1 + hz / 700);
    }
    return hz < 1000 ? hz * 3 / 200 : 15 + log(hz / 1000) * 27 / log(6.4);
}

static double mel_to_hz(double mel, bool slaney) {
    if (!slaney) {
        return 700 * (pow(10, mel / 2595) - 1);
    }
    return mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27);
}

void cw_mel_filters(double *filters, int mels, int size, int rate, double top, bool slaney) {
    int bins = size / 2 + 1;
    double low = hz_to_mel(0, slaney), high = hz_to_mel(top, slaney), edge[3];
    for (int m = 0; m < mels; m++) {
        for (int e = 0; e < 3; e++) {
            edge[e] = mel_to_hz(low + (high - low) * (m + e) / (mels + 1), slaney);
        }
        for (int k = 0; k < bins; k++) {
            double hz = (double)rate * k / size;
            double up = (hz - edge[0]) / (edge[1] - edge[0]), down = (edge[2] - hz) / (edge[2] - edge[1]);
            double height = fmax(0, fmin(up, down));
            filters[(size_t)m * (size_t)bins + (size_t)k] = slaney ? height * 2 / (edge[2] - edge[0]) : height;
        }
    }
}
