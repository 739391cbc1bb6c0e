#!/usr/bin/env python3
"""A checkpoint of train.py -> the GGUF that tts/melnet.c reads, matrices in half precision.

    export.py CHECKPOINT OUT.gguf [--name NAME]
"""
import argparse
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "convert")]
import gguf_file  # noqa: E402
from model import MelNet  # noqa: E402

KIND, RATE, HOP = "mel-hifigan", 22050, 256  # cw_mel_hifigan
TERMS = ("This voice model was trained by Castwright's makers on speech that Kokoro-82M (Apache-2.0) made; it is licensed under the Apache "
         "License 2.0 (https://www.apache.org/licenses/LICENSE-2.0).")


def write(model, path, symbols, recipe, name="Castwright mel model"):
    """symbols: the code point of each id, 0 for none."""
    c = model.config
    tensors = {k: v.detach().float().numpy() for k, v in model.state_dict().items()}
    for k, a in tensors.items():
        if not np.isfinite(a).all():
            sys.exit(f"tensor {k!r}: expected finite numbers, found NaN or infinity")
        if a.ndim > 1:
            tensors[k] = a.astype(np.float16)
            if not np.isfinite(tensors[k]).all():
                sys.exit(f"tensor {k!r}: expected numbers that fit half precision, found {np.abs(a).max():g}")
    gguf_file.write(path, {
        "general.architecture": "melnet",
        "general.name": name,
        "general.license": "apache-2.0",
        "castwright.licence": TERMS,
        "castwright.recipe": recipe,
        "melnet.kind": KIND,
        "melnet.sample_rate": RATE,
        "melnet.hop": HOP,
        **{"melnet." + k: c[k] for k in ("style", "bands", "width", "heads", "hidden", "encoder", "decoder", "predictor")},
        "melnet.symbols": [int(s) for s in symbols],
    }, tensors)
    size = os.path.getsize(path)
    print(f"{path}: {len(tensors)} tensors, {sum(a.size for a in tensors.values()) / 1e6:.1f} M weights, {size / 1e6:.1f} MB")


def made_by(state):
    """What stands in `castwright.recipe` of a checkpoint's weights: their run, and those that led to the weights that it started from."""
    return f"models/train/train.py, step {state['step']}; {state['recipe']}" + (f"; before: {state['before']}" if state.get("before") else "")


def load_gguf(path):
    """What write() wrote, weights in single precision again -> config, symbols, state of a MelNet, its recipe."""
    meta, tensors = gguf_file.read(path)
    if meta.get("general.architecture") != "melnet":
        sys.exit(f"{path}: expected a mel model, found {meta.get('general.architecture')!r}")
    names = ("style", "bands", "width", "heads", "hidden", "encoder", "decoder", "predictor")
    config = {"symbols": len(meta["melnet.symbols"]), **{k: meta["melnet." + k] for k in names}}
    return config, meta["melnet.symbols"], {k: torch.from_numpy(a.astype(np.float32)) for k, a in tensors.items()}, meta["castwright.recipe"]


def load(path):
    state = torch.load(path, map_location="cpu", weights_only=False)
    model = MelNet(state["config"])
    model.load_state_dict(state["averaged"])
    return model.eval(), state


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint")
    ap.add_argument("out")
    ap.add_argument("--name", default="Castwright mel model")
    a = ap.parse_args()
    model, state = load(a.checkpoint)
    write(model, a.out, state["symbols"], made_by(state), a.name)


if __name__ == "__main__":
    main()
