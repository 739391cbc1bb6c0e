#!/usr/bin/env python3
"""Is a run that went on from a checkpoint the run that was never stopped? Both phases, a small model, six steps: every number of both last
checkpoints compared.

    resumed.py DATA OUT
"""
import os
import shutil
import subprocess
import sys

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = [x for s in ("width=32", "hidden=64", "encoder=1", "decoder=1", "predictor=32") for x in ("--set", s)]
STEPS, STOP = 6, 3


def train(data, out, *more):
    subprocess.run([sys.executable, os.path.join(HERE, "train.py"), data, out, "--steps", str(STEPS), "--keep", str(STOP), "--validate", str(STOP),
                    "--frames", "1000", "--warm", "2", "--threads", "1", *SMALL, *more], check=True)


def numbers(path):
    """Everything of a checkpoint but the time that it took, tensors flat, by name."""
    found = {}

    def gather(name, value):
        if isinstance(value, dict):
            for k, v in value.items():
                gather(f"{name}.{k}", v)
        elif isinstance(value, (list, tuple)):
            for i, v in enumerate(value):
                gather(f"{name}.{i}", v)
        else:
            found[name] = value
    gather("", {k: v for k, v in torch.load(path, map_location="cpu", weights_only=False).items() if k != "seconds"})
    return found


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data, out = sys.argv[1:]
    for phase, more in ("first", ()), ("second", ("--adversarial", os.path.join(out, "first", "last.pt"))):
        whole, parts = os.path.join(out, phase), os.path.join(out, phase + "-resumed")
        train(data, whole, *more)
        os.makedirs(parts)
        shutil.copy(os.path.join(whole, f"{STOP:06}.pt"), os.path.join(parts, "last.pt"))
        train(data, parts, *more)
        a, b = numbers(os.path.join(whole, "last.pt")), numbers(os.path.join(parts, "last.pt"))
        other = [k for k in a if k not in b or not (torch.equal(a[k], b[k]) if torch.is_tensor(a[k]) else a[k] == b[k])]
        if other or a.keys() != b.keys() or a[".step"] != STEPS:
            sys.exit(f"{phase} phase, {len(a)} values: expected the same at step {STEPS}, found others in {other[:4] or 'names'}")
        print(f"{phase} phase: {len(a)} values, {sum(v.numel() for v in a.values() if torch.is_tensor(v))} numbers: the same at step {STEPS} as without a stop at {STOP}")


if __name__ == "__main__":
    main()
