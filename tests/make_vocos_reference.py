#!/usr/bin/env python3
"""Reference numbers for tests/test_vocos.c: pip vocos 0.1.0 with random weights.

    make_vocos_reference.py [--out tests/data]     vocos.gguf and vocos.bin: a small one
    make_vocos_reference.py --full --out FOLDER    the published size (100 bands, width 512, 8 blocks), ten seconds, for
        CASTWRIGHT_VOCOS_REFERENCE=FOLDER build/release/tests/run --filter vocos.small
    make_vocos_reference.py --checkpoint OUT FAULT a small checkpoint (torch alone): none, safetensors, missing, shape, nan, other, filters

A Python with torch and pip vocos, and what make_mel_reference.py needs. The weights are saved by torch.save and converted by
models/convert/vocos.py. The small one reads the first 20 bands of mel.bin's frames, each ten times; every fifth sample is kept.
"""
import argparse, importlib.util, os, sys, tempfile, time, types

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
STEP = 5
SMALL, FULL = (20, 24, 72, 3, 64), (100, 512, 1536, 8, 1024)  # bands, width, hidden, blocks, transform


def model(bands, width, hidden, layers, size):
    if "encodec" not in sys.modules:
        try:
            import encodec
        except ImportError:  # named by vocos, not used here
            sys.modules["encodec"] = types.SimpleNamespace(EncodecModel=None)
    from vocos.feature_extractors import MelSpectrogramFeatures
    from vocos.heads import ISTFTHead
    from vocos.models import VocosBackbone
    from vocos.pretrained import Vocos
    m = Vocos(MelSpectrogramFeatures(24000, size, size // 4, bands), VocosBackbone(bands, width, hidden, layers), ISTFTHead(width, size, size // 4, "center"))
    g = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, p in m.named_parameters():
            fan = p[0].numel() if p.ndim > 1 else 1
            p.copy_(torch.randn(p.shape, generator=g) * (0.1 if p.ndim == 1 else fan**-0.5))
            if p.ndim == 1 and name.endswith(("norm.weight", "gamma")):
                p.add_(1 if "norm" in name else 0.5)
    return m.eval()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=os.path.join(HERE, "data"))
    ap.add_argument("--full", action="store_true")
    ap.add_argument("--checkpoint", nargs=2)
    a = ap.parse_args()
    m = model(*(FULL if a.full else SMALL))
    if a.checkpoint:
        path, fault = a.checkpoint
        state = m.state_dict()
        if fault == "missing":
            del state["backbone.convnext.1.gamma"]
        elif fault == "shape":
            state["backbone.convnext.2.dwconv.weight"] = state["backbone.convnext.2.dwconv.weight"][:, :, :5].clone()
        elif fault == "nan":
            state["head.out.bias"][7] = float("nan")
        elif fault == "other":
            state["quantizer.codebook"] = torch.zeros(4)
        elif fault == "filters":
            state["feature_extractor.mel_spec.mel_scale.fb"].mul_(2)
        if fault == "safetensors":
            import safetensors.torch
            safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, path)
        else:
            torch.save(state, path)
        return
    from make_kokoro_reference import write
    # pip's vocos is imported by now: the converter of the same name goes by another
    convert = os.path.join(HERE, "..", "models", "convert")
    sys.path.append(convert)
    spec = importlib.util.spec_from_file_location("converter", os.path.join(convert, "vocos.py"))
    converter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(converter)
    if a.full:
        import librosa, soundfile
        x, rate = soundfile.read(os.path.join(HERE, "data", "encoder.flac"), dtype="float32")
        x = librosa.resample(np.tile(x, 3), orig_sr=rate, target_sr=24000)[:240000]
        with torch.no_grad():
            mel = m.feature_extractor(torch.from_numpy(x)[None])
    else:
        import librosa, soundfile
        x, _ = soundfile.read(os.path.join(HERE, "data", "encoder.flac"), dtype="float32")
        with torch.no_grad():
            from vocos.feature_extractors import MelSpectrogramFeatures
            mel = MelSpectrogramFeatures(24000, 1024, 256, 100)(torch.from_numpy(x)[None])[:, :SMALL[0], ::4].repeat_interleave(10, 2)
    with torch.no_grad():
        m.decode(mel)
        t = time.perf_counter()
        audio = m.decode(mel)[0].numpy()
        t = time.perf_counter() - t
    print(f"{mel.shape[2]} frames, {len(audio)} samples, standard deviation {audio.std():.4f}; PyTorch {t:.3f} s on {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as work:
        torch.save(m.state_dict(), work + "/vocos.bin")
        converter.convert(work + "/vocos.bin", os.path.join(a.out, "vocos.gguf"))
    records = {"audio": np.ascontiguousarray(audio if a.full else audio[::STEP])}
    records["mel"] = np.ascontiguousarray(mel[0].T.numpy() if a.full else mel[0, :, ::10].T.numpy())
    write(os.path.join(a.out, "vocos.bin"), records)


if __name__ == "__main__":
    main()
