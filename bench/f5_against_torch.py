#!/usr/bin/env python3
"""F5's graph in Base size beside PyTorch: 5 s of reference and 10 s more in 7 steps, random weights, both sides in turn.

    bench/f5_against_torch.py DIR [--threads N] [--rounds N] [--tests PROGRAM]

DIR: what tests/make_f5_reference.py --full base --out DIR wrote; the same Python. A round is one sampling of PyTorch's, warm and with its model loaded,
and one of ours, a fresh process; seconds by the clock of the sampling alone. GFLOP/s of both by the products that our graph counts.
"""
import argparse, os, re, statistics, subprocess, sys, time

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests"))
from make_f5_reference import FULL, TASK, VARIANTS, fill, published

FRAMES, GIVEN, SYMBOLS = TASK
BANDS, STEPS = 100, 7


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("dir")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--tests", default=os.path.join(HERE, "..", "build", "release", "tests", "run"))
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    DiT, CFM = published()
    cfm = CFM(fill(DiT(**FULL["base"], **VARIANTS["v1"])), mel_spec_kwargs=dict(n_mel_channels=BANDS))
    ids, reference = torch.randint(0, FULL["base"]["text_num_embeds"], (1, SYMBOLS)), torch.randn(1, GIVEN, BANDS) - 2

    def theirs(steps):
        t = time.perf_counter()
        with torch.no_grad():
            cfm.sample(reference, ids, FRAMES, steps=steps, cfg_strength=2.0, sway_sampling_coef=-1.0)
        return time.perf_counter() - t

    def ours():
        said = subprocess.run([a.tests, "--filter", "f5.parity"], env={**os.environ, "CASTWRIGHT_F5_REFERENCE": a.dir, "OMP_NUM_THREADS": str(a.threads)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        line = re.search(r"    (\w+): off by (\S+) .*?steps: ([\d.]+) s, .*?real-time factor ([\d.]+), ([\d.]+) GFLOP/s .*?; ([\d.]+) GB", said)
        if not line:
            sys.exit(f"f5.parity: expected a line about {a.dir}, found:\n{said}")
        return line.groups()

    theirs(1)
    rows = []
    for _ in range(a.rounds):
        torch_seconds = theirs(STEPS)
        isa, off, seconds, factor, rate, memory = ours()
        rows.append((torch_seconds, float(seconds)))
        print(f"PyTorch {torch_seconds:.1f} s, {isa} {seconds} s (real-time factor {factor}, {rate} GFLOP/s, off by {off}, {memory} GB): "
              f"{torch_seconds / float(seconds):.2f} times as fast", flush=True)
    flop, made = float(rate) * float(seconds), (FRAMES - GIVEN) * 256 / 24000
    p, c = (statistics.median(side) for side in zip(*rows))
    print(f"medians of {a.rounds}: PyTorch {torch.__version__} {p:.1f} s, real-time factor {p / made:.2f}, {flop / p:.0f} GFLOP/s; {isa} {c:.1f} s, "
          f"{c / made:.2f}, {flop / c:.0f} GFLOP/s; ratios {min(x / y for x, y in rows):.2f} to {max(x / y for x, y in rows):.2f}")


main()
