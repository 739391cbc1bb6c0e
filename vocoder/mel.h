/* Mel spectrograms, by the conventions that published vocoders are trained with: samples -> reflect -> STFT -> magnitude -> mel
 * bands -> natural logarithm of what is above a floor. */
#ifndef CW_MEL_H
#define CW_MEL_H

#include "kernels/kernels.h"

struct cw_mel_params {
    const char *kind;   /* of the frames (base/frames.h); static string */
    int rate, fft, hop; /* Hz; samples, as for cw_stft_open */
    int bands;          /* 1 .. CW_MEL_BANDS_MAX */
    double top;         /* Hz, where the last band ends */
    bool slaney;        /* as for cw_mel_filters */
    bool centred;       /* frame t around sample hop * t; else its hop there lies in its middle, and n samples give n / hop frames */
    double power_floor; /* added to a bin's squared magnitude */
    double floor;       /* least magnitude of a band */
};
enum { CW_MEL_BANDS_MAX = 256 };
struct cw_mel_params cw_mel_f5(void);      /* 100 bands at 24 kHz: what F5-TTS reads and speaks through Vocos */
struct cw_mel_params cw_mel_vocos(void);   /* the same with the lower floor that Vocos itself is trained with */
struct cw_mel_params cw_mel_hifigan(void); /* 80 bands at 22.05 kHz: HiFi-GAN */

/* That of a vocoder's frames, by kind; false where there is none. */
bool cw_mel_of_kind(const char *kind, struct cw_mel_params *p);

/* Immutable, shared between threads. */
struct cw_mel;
CW_MUST_CHECK int cw_mel_open(struct cw_mel **m, struct cw_mel_params p, struct cw_error *err);
void cw_mel_close(struct cw_mel *m);
const struct cw_mel_params *cw_mel_params(const struct cw_mel *m);
/* Frames of n samples; 0: too few, no more than what is reflected beyond an end. */
size_t cw_mel_frames(const struct cw_mel *m, size_t n);
/* mel [T, bands] of x [n], T = cw_mel_frames. Refuses a sample that is no finite number. */
CW_MUST_CHECK int cw_mel_run(const struct cw_mel *m, struct cw_device *d, const float *x, size_t n, struct cw_mat mel,
                             struct cw_error *err);

#endif
