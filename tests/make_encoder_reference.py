#!/usr/bin/env python3
"""Reference numbers for tests/test_encoder.c: the published speaker encoder on four seconds of speech.

    make_encoder_reference.py SPEECH.wav [--out tests/data]     (a Python with Resemblyzer 0.1.4, librosa and soundfile)
    make_encoder_reference.py --gradient pretrained.pt [--out tests/data]     (PyTorch and librosa; the package's weights)

SPEECH.wav is any recording; the committed one is `castwright say "The tide turned before noon, and nobody on the pier had seen it
coming." --voice bf_emma`. Written: encoder.flac, its first four seconds at 16 kHz and 16 bits, and encoder.bin, what the pip package
makes of them: named float32 matrices as in make_vocoder_reference.py: mel (every eighth frame), pieces, embedding.

--gradient writes encoder_gradient.bin instead, for voices/encoder_loss.c: 1 - cosine of 0.6 s at 24 kHz and a unit vector, both by
formulas that the test knows, and every fifth number of PyTorch's gradient by the wave, in double precision.
"""
import argparse, os, struct, sys
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
MEL_STEP = 8


def hashed(n, salt):
    x = np.sin(np.arange(n) * 12.9898 + salt) * 43758.5453
    return x - np.floor(x)


def gradient(weights, out):
    import librosa, torch
    from make_kokoro_reference import write
    n = 14400
    i = np.arange(n)
    tone = sum(np.sin(2 * np.pi * 140 * h * i / 24000) / h for h in range(1, 13))
    wave = torch.tensor((0.05 * tone + 0.01 * (hashed(n, 3) - 0.5)).astype(np.float32)).double().requires_grad_()
    like = torch.tensor(hashed(256, 4).astype(np.float32)).double()
    like = (like / like.norm()).float().double()
    state = {k: v.double() for k, v in torch.load(weights, map_location="cpu", weights_only=False)["model_state"].items()}
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True).double(), torch.nn.Linear(256, 256).double()
    lstm.load_state_dict({k[5:]: v for k, v in state.items() if k.startswith("lstm.")})
    linear.load_state_dict({k[7:]: v for k, v in state.items() if k.startswith("linear.")})
    power = torch.stft(wave, 600, 240, window=torch.hann_window(600, dtype=torch.double), return_complex=True).abs() ** 2
    filters = torch.tensor(librosa.filters.mel(sr=24000, n_fft=600, n_mels=40, fmax=8000, dtype=np.float64))
    mel = (filters @ power) * (400 / 600) ** 2  # louder than -30 dBFS, so no gain
    assert wave.detach().pow(2).mean().sqrt() > 10 ** (-30 / 20)
    e = torch.relu(linear(lstm(mel.T[None])[0][0, -1]))
    loss = 1 - e @ like / e.norm()
    loss.backward()
    write(os.path.join(out, "encoder_gradient.bin"), {"loss": np.array([loss.item()], np.float32),
                                                      "gradient": wave.grad.numpy()[::5].astype(np.float32)})
    print(loss.item(), wave.grad.norm().item())


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("speech", nargs="?")
    ap.add_argument("--gradient", metavar="pretrained.pt")
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))
    a = ap.parse_args()
    if a.gradient:
        return gradient(a.gradient, a.out)
    import librosa, scipy.ndimage, soundfile, types
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
