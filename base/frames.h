/* Acoustic frames: what tts/ hands to vocoder/, as plain data. Neither room knows the other. */
#ifndef CW_FRAMES_H
#define CW_FRAMES_H

#include <stdbool.h>

/* An acoustic model's output for one chunk of speech. Borrowed from the session that made it, valid until its next run.
 * For Kokoro: channels = 512 (the decoder's last hidden state), 80 frames a second, f0 in Hz at the same rate,
 * style = the 128 decoder numbers of the voice. For a mel model: channels = mel bands, f0 = NULL, style = NULL. */
struct cw_frames {
    const char *kind;   /* which vocoders understand it, e.g. "kokoro-istftnet"; static string */
    int count;          /* T */
    int channels;       /* C */
    const float *data;  /* [T, C] */
    const float *f0;    /* [T] Hz, <= 10 is unvoiced; or NULL */
    const float *style; /* [S] or NULL */
    int style_len;      /* S */
    int sample_rate;    /* of the waveform to come, Hz */
    int hop;            /* samples of waveform for one frame */
    /* timing: phoneme p (as given to the model, padding included) lasts durations[p] units of unit_samples samples */
    const int *durations; /* [P] */
    int phonemes;         /* P */
    int unit_samples;
    bool guessed; /* durations are shares of the whole by rule, which the sound need not keep */
};

#endif
