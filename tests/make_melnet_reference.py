#!/usr/bin/env python3
"""Reference numbers for tests/test_melnet.c: models/train/model.py with random weights, as models/train/export.py writes them; and with
those that were trained.

    make_melnet_reference.py [--out tests/data]     melnet.gguf and melnet.bin: a small one
    make_melnet_reference.py --trained models/own/mel.gguf --pack ~/.cache/castwright/models/voices/af_heart.bin [--out tests/data]
                                                    melnet_own.bin: the file that is shipped; its weights, in half precision, are PyTorch's too
    make_melnet_reference.py --full --out FOLDER    the size that is trained, for
        CASTWRIGHT_MELNET_REFERENCE=FOLDER build/release/tests/run --filter melnet.parity

A Python with torch. Records, SPEED 1 or 0.8: SPEED/STAGE for voice, encoder.0 …, encoded, lengths, curves, durations, decoder.0 …, mel; ids, style.
Of the trained file SPEED/STAGE are projections (make_kokoro_reference.py), durations whole.
"""
import argparse
import os
import sys
import time

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "models", "train")]
import export  # noqa: E402
from make_kokoro_reference import projections, write  # noqa: E402
from model import MelNet  # noqa: E402

PHONEMES = "ˌɪt kˈɔsts θɹˈi dˈɑləɹz tə kɹˈɔs ðə ɹˈɪvəɹ, dˈʌzᵊnt ɪt?"  # as `castwright text --phonemes` has them
SMALL = {"symbols": 20, "bands": 10, "width": 16, "heads": 2, "hidden": 24, "encoder": 2, "decoder": 2, "predictor": 12}


def fill(model):
    g = torch.Generator().manual_seed(8)
    for name, p in [*model.named_parameters(), *model.named_buffers()]:
        noise = torch.randn(p.shape, generator=g)
        if name.endswith("_spread"):
            value = 1 + 0.5 * torch.rand(p.shape, generator=g)
        elif p.ndim == 1:
            value = 0.1 * noise + (1 if name.endswith("norm1.weight") or name.endswith("norm2.weight") else 0)
        else:
            value = noise * p[0].numel() ** -0.5
        p.data.copy_(value.half() if p.ndim > 1 else value)
    model.durations.out.bias.data.fill_(1.4)
    return model.eval()


def random_case(full, folder):
    """-> a model, written to the folder as well, ids, style."""
    torch.manual_seed(8)
    model = fill(MelNet({} if full else SMALL))
    symbols = model.config["symbols"]
    export.write(model, os.path.join(folder, "melnet.gguf"), [0, *range(97, 96 + symbols)], "random numbers", "random mel model")
    g = torch.Generator().manual_seed(9)
    ids = torch.randint(1, symbols, (150 if full else 23,), generator=g)
    return model, ids, torch.randn(256, generator=g)


def trained_case(path, pack):
    """-> the model of a file, ids of PHONEMES, the pack's row for so many of them."""
    config, symbols, state, _ = export.load_gguf(path)
    model = MelNet(config)
    model.load_state_dict(state)
    ids = torch.tensor([symbols.index(ord(c)) for c in PHONEMES])
    return model.eval(), ids, torch.from_numpy(np.fromfile(pack, "<f4").reshape(-1, config["style"])[len(ids) - 1].copy())


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=os.path.join(HERE, "data"))
    ap.add_argument("--full", action="store_true")
    ap.add_argument("--trained", metavar="GGUF")
    ap.add_argument("--pack")
    a = ap.parse_args()
    if (a.trained is None) != (a.pack is None):
        ap.error("--trained and --pack go together")
    model, ids, style = trained_case(a.trained, a.pack) if a.trained else random_case(a.full, a.out)
    records = {"ids": ids.int().numpy(), "style": style.numpy()}
    edge = torch.zeros(1, dtype=torch.long)
    for speed in ("1", "0.8"):
        stages = {}
        hooks = [block.register_forward_hook(lambda m, i, y, name=f"{stack}.{k}": stages.update({name: y[0]}))
                 for stack in ("encoder", "decoder") for k, block in enumerate(getattr(model, stack))]
        with torch.no_grad():
            t = time.perf_counter()
            mel, _ = model.speak(torch.cat([edge, ids, edge]), style, float(speed), stages)
            t = time.perf_counter() - t
        for h in hooks:
            h.remove()
        print(f"speed {speed}: {len(ids)} symbols, {len(mel)} frames, {t:.2f} s on {torch.get_num_threads()} threads; standard deviation {mel.std():.3f}")
        for name, x in stages.items():
            x = x.detach().numpy().copy()
            records[f"{speed}/{name}"] = projections(x) if a.trained and x.ndim == 2 else x
    write(os.path.join(a.out, "melnet_own.bin" if a.trained else "melnet.bin"), records)


if __name__ == "__main__":
    main()
