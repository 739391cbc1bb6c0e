#!/usr/bin/env python3
"""Reference numbers for tests/test_encoder.c: the published speaker encoder on four seconds of speech.

    make_encoder_reference.py SPEECH.wav [--out tests/data]     (a Python with Resemblyzer 0.1.4, librosa and soundfile)

SPEECH.wav is any recording; the committed one is `castwright say "The tide turned before noon, and nobody on the pier had seen it
coming." --voice bf_emma`. Written: encoder.flac, its first four seconds at 16 kHz and 16 bits, and encoder.bin, what the pip package
makes of them: named float32 matrices as in make_vocoder_reference.py: mel (every eighth frame), pieces, embedding.
"""
import argparse, os, struct
import numpy as np

MEL_STEP = 8


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("speech")
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))
    a = ap.parse_args()
    import librosa, scipy.ndimage, soundfile, sys, types
    # Resemblyzer asks SciPy for a module that is gone
    old = types.ModuleType("scipy.ndimage.morphology")
    old.binary_dilation = scipy.ndimage.binary_dilation
    sys.modules["scipy.ndimage.morphology"] = old
    from resemblyzer import VoiceEncoder, audio
    x, _ = librosa.load(a.speech, sr=16000)
    flac = os.path.join(a.out, "encoder.flac")
    soundfile.write(flac, x[:64000], 16000, subtype="PCM_16")
    x, _ = soundfile.read(flac, dtype="float32")
    embedding, pieces, _ = VoiceEncoder("cpu", verbose=False).embed_utterance(x, return_partials=True)
    with open(os.path.join(a.out, "encoder.bin"), "wb") as f:
        f.write(b"CWREF001")
        for name, m in (("mel", audio.wav_to_mel_spectrogram(x)[::MEL_STEP]), ("pieces", pieces), ("embedding", embedding[None])):
            m = np.ascontiguousarray(m, np.float32)
            f.write(struct.pack("<16sii", name.encode(), *m.shape) + m.tobytes())
    print(len(x), pieces.shape)


if __name__ == "__main__":
    main()
