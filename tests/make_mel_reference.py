#!/usr/bin/env python3
"""Reference numbers for tests/test_mel.c: mel spectrograms by the published code.

    make_mel_reference.py [--out tests/data/mel.bin] [RECORDING...]

A Python with pip vocos 0.1.0, f5-tts 1.1.22 (no dependencies needed), torch, torchaudio, librosa and soundfile. Without a recording: what is
committed, of tests/data/encoder.flac, every fourth frame. With recordings (ten of LibriSpeech, say): whole spectrograms with the samples,
resampled to the rate of each convention, for `CASTWRIGHT_MEL_REFERENCE=FILE build/release/tests/run --filter mel.reference`.

f5: f5_tts.model.modules.get_vocos_mel_spectrogram, torchaudio's MelSpectrogram with the logarithm of what is above 1e-5.
vocos: vocos.feature_extractors.MelSpectrogramFeatures, the same above 1e-7.
Both in double: in float32 a band at 1e-7 beside a loud one is the transform's own noise, up to 1.4 away from what double gives.
hifigan: f5_tts.model.modules.get_bigvgan_mel_spectrogram, which is HiFi-GAN's own with its parameters given; in float32.
"""
import argparse, importlib.util, os, sys, types

import numpy as np

from make_kokoro_reference import write

HERE = os.path.dirname(os.path.abspath(__file__))
STEP = 4


def f5_functions():
    """Two functions alone: their module imports what only training needs."""
    package = importlib.util.find_spec("f5_tts").submodule_search_locations[0]
    with open(os.path.join(package, "model", "modules.py"), encoding="utf-8") as f:
        source = f.read()
    import torch, torchaudio, librosa
    names = {"torch": torch, "torchaudio": torchaudio, "librosa_mel_fn": librosa.filters.mel}
    exec(source[source.index("mel_basis_cache = {}"):source.index("class MelSpec")], names)
    return names["get_bigvgan_mel_spectrogram"], names["get_vocos_mel_spectrogram"]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=os.path.join(HERE, "data", "mel.bin"))
    ap.add_argument("recordings", nargs="*")
    a = ap.parse_args()
    import librosa, soundfile, torch
    if importlib.util.find_spec("encodec") is None:  # named by vocos, not used here
        sys.modules["encodec"] = types.SimpleNamespace(EncodecModel=None)
    from vocos.feature_extractors import MelSpectrogramFeatures
    torch.set_default_dtype(torch.float64)
    vocos = MelSpectrogramFeatures(sample_rate=24000, n_fft=1024, hop_length=256, n_mels=100, padding="center")
    bigvgan, f5 = f5_functions()
    hifigan = lambda x: bigvgan(x, n_fft=1024, n_mel_channels=80, target_sample_rate=22050, hop_length=256, win_length=1024, fmin=0, fmax=8000)
    records = {}
    for i, path in enumerate(a.recordings or [os.path.join(HERE, "data", "encoder.flac")]):
        x, rate = soundfile.read(path, dtype="float32")
        for name, f, to in (("f5", f5, 24000), ("vocos", vocos, 24000), ("hifigan", hifigan, 22050)):
            # the committed one is taken as if its rate were this one: one file for both
            y = librosa.resample(x, orig_sr=rate, target_sr=to) if a.recordings else x
            torch.set_default_dtype(torch.float32 if name == "hifigan" else torch.float64)
            with torch.no_grad():
                mel = f(torch.from_numpy(y).to(torch.get_default_dtype())[None])[0].T.numpy()
            if a.recordings:
                records[f"{name}/{i}/samples"] = y.astype(np.float32)
            records[f"{name}/{i}/mel"] = np.ascontiguousarray(mel if a.recordings else mel[::STEP], np.float32)
    write(a.out, records)


if __name__ == "__main__":
    main()
