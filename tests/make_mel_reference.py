#!/usr/bin/env python3
"""Reference numbers for tests/test_mel.c: mel spectrograms by the published code.

    make_mel_reference.py [--out tests/data/mel.bin] [RECORDING...]
    make_mel_reference.py --cut jfk.wav [--out tests/data/mel.bin]

A Python with pip vocos 0.1.0, f5-tts 1.1.22 (no dependencies needed), torch, torchaudio, librosa and soundfile. Without a recording: what is
committed, every fourth frame: 0 of tests/data/encoder.flac, synthetic speech taken as if its rate were each convention's; 1 of a person's, by
the file of its own rate, recording_24000.flac or recording_22050.flac. --cut makes these two first, of 2.5 s of J. F. Kennedy's inaugural
address, "And so, my fellow Americans" (1961, public domain), as it lies at 16 kHz in whisper.cpp/samples of the source of pip pywhispercpp
1.5.1. With recordings (ten of LibriSpeech, say): whole spectrograms with the samples, resampled to the rate of each convention, for
`CASTWRIGHT_MEL_REFERENCE=FILE build/release/tests/run --filter mel.reference`.

f5: f5_tts.model.modules.get_vocos_mel_spectrogram, torchaudio's MelSpectrogram with the logarithm of what is above 1e-5.
vocos: vocos.feature_extractors.MelSpectrogramFeatures, the same above 1e-7.
hifigan: f5_tts.model.modules.get_bigvgan_mel_spectrogram, which is HiFi-GAN's own with its parameters given.
All in double: in float32 a band at 1e-7 beside a loud one is the transform's own noise, up to 1.4 away from what double gives.
"""
import argparse, hashlib, importlib.util, os, sys, types

import numpy as np

from make_kokoro_reference import write

HERE = os.path.dirname(os.path.abspath(__file__))
STEP = 4
CUT, CUT_SUM = (0.25, 2.75), "59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e"


def f5_functions(double=False):
    """Two functions alone: their module imports what only training needs. double: the one that would round its filters and so its products
    to single precision leaves them as they are."""
    package = importlib.util.find_spec("f5_tts").submodule_search_locations[0]
    with open(os.path.join(package, "model", "modules.py"), encoding="utf-8") as f:
        source = f.read()
    import torch, torchaudio, librosa
    names = {"torch": torch, "torchaudio": torchaudio, "librosa_mel_fn": librosa.filters.mel}
    source = source[source.index("mel_basis_cache = {}"):source.index("class MelSpec")]
    exec(source.replace(".float()", ".double()") if double else source, names)
    return names["get_bigvgan_mel_spectrogram"], names["get_vocos_mel_spectrogram"]


def data(name):
    return os.path.join(HERE, "data", name)


def cut(path):
    import librosa, soundfile
    with open(path, "rb") as f:
        found = hashlib.sha256(f.read()).hexdigest()
    if found != CUT_SUM:
        sys.exit(f"{path}: expected the file of sha256 {CUT_SUM}, found {found}")
    x, rate = soundfile.read(path, dtype="float32")
    for to in (24000, 22050):
        y = librosa.resample(x, orig_sr=rate, target_sr=to)
        soundfile.write(data(f"recording_{to}.flac"), y[int(CUT[0] * to):int(CUT[1] * to)], to, subtype="PCM_16")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=data("mel.bin"))
    ap.add_argument("--cut", metavar="WAV")
    ap.add_argument("recordings", nargs="*")
    a = ap.parse_args()
    if a.cut:
        cut(a.cut)
    import librosa, soundfile, torch
    if importlib.util.find_spec("encodec") is None:  # named by vocos, not used here
        sys.modules["encodec"] = types.SimpleNamespace(EncodecModel=None)
    from vocos.feature_extractors import MelSpectrogramFeatures
    torch.set_default_dtype(torch.float64)
    vocos = MelSpectrogramFeatures(sample_rate=24000, n_fft=1024, hop_length=256, n_mels=100, padding="center")
    bigvgan, f5 = f5_functions(double=True)
    hifigan = lambda x: bigvgan(x, n_fft=1024, n_mel_channels=80, target_sample_rate=22050, hop_length=256, win_length=1024, fmin=0, fmax=8000)
    records = {}
    for i, path in enumerate(a.recordings or [None, None]):
        for name, f, to in (("f5", f5, 24000), ("vocos", vocos, 24000), ("hifigan", hifigan, 22050)):
            y, rate = soundfile.read(path if a.recordings else data("encoder.flac" if i == 0 else f"recording_{to}.flac"), dtype="float32")
            if a.recordings:
                y = librosa.resample(y, orig_sr=rate, target_sr=to)
            with torch.no_grad():
                mel = f(torch.from_numpy(y).double()[None])[0].T.numpy()
            if a.recordings:
                records[f"{name}/{i}/samples"] = y.astype(np.float32)
            records[f"{name}/{i}/mel"] = np.ascontiguousarray(mel if a.recordings else mel[::STEP], np.float32)
    write(a.out, records)


if __name__ == "__main__":
    main()
