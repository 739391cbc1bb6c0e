#!/usr/bin/env python3
"""Looks for what must not be in an episode: clipping, clicks, holes; and tells its pauses.

    EVAL/venv/bin/python bench/flaws.py EPISODE.wav...       a line each (EVAL as in bench/quality.sh)
    EVAL/venv/bin/python bench/flaws.py --prove EPISODE.wav  puts forty flaws of each kind into it and tells how many are found

clipped  three samples and more in a row that are equal and above half of full scale
click    half a millisecond whose energy above 6 kHz is a hundred times that of any half millisecond 1.5 to 6 ms before or after it, and
         above -60 dBFS; a plosive's burst is longer
hole     5 ms and more of digital zero between sounds that are both, in the 5 ms beside it, above -40 dBFS
pause    100 ms and more below -60 dBFS
"""
import argparse

import numpy as np
import soundfile
from scipy.signal import firwin, oaconvolve

FLAWS, LOUD, QUIET = 40, 10 ** (-40 / 20), 10 ** (-60 / 20)


def runs(flags):
    """-> starts and lengths of the stretches that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return edges[::2], edges[1::2] - edges[::2]


def levels(x, size):
    """RMS of the whole frames of x [N] -> [N / size]"""
    return np.sqrt(np.mean(x[:len(x) // size * size].reshape(-1, size) ** 2, 1))


def clipped(x):
    at, count = runs((np.diff(x) == 0) & (np.abs(x[1:]) > 0.5))
    return at[count >= 2]


def clicks(x, rate):
    frame = rate // 2000
    e = levels(oaconvolve(x, firwin(255, 6000, pass_zero=False, fs=rate), "same"), frame) ** 2
    around = np.zeros_like(e)
    for k in range(3, 13):
        around[k:] = np.maximum(around[k:], e[:-k])
        around[:-k] = np.maximum(around[:-k], e[k:])
    return runs((e > 100 * around) & (e > QUIET ** 2))[0] * frame


def holes(x, rate):
    size = rate // 200
    at, count = runs(x == 0)
    loud = [a > size and a + n + size < len(x) and levels(x[a - size:a], size)[0] > LOUD and levels(x[a + n:a + n + size], size)[0] > LOUD
            for a, n in zip(at, count)]
    return at[(count >= size) & np.array(loud, bool)]


def pauses(x, rate):
    """Seconds: starts, lengths."""
    size = rate // 100
    at, count = runs(levels(x, size) < QUIET)
    return at[count >= 10] / 100, count[count >= 10] / 100


def spoil(x, rate, kind):
    """A copy with flaws in places that are loud, far from each other -> copy, places."""
    size, random = rate // 200, np.random.default_rng(1)
    loud = np.flatnonzero(levels(x, size) > 3 * LOUD)
    places = np.sort(random.choice(loud[(loud > 2) & (loud < len(x) // size - 4)], FLAWS, replace=False)) * size
    y = x.copy()
    for at in places:
        if kind == "clipped":
            top = at + np.argmax(np.abs(y[at:at + 2 * size]))
            y[top:top + 4] = np.sign(y[top]) * 0.6
        elif kind == "click":
            y[at] += 0.5 * random.choice((-1, 1))
        else:
            y[at:at + size + 40] = 0
    return y, places


FIND = {"clipped": lambda x, rate: clipped(x), "click": clicks, "hole": holes}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--prove", action="store_true")
    ap.add_argument("episodes", nargs="+")
    a = ap.parse_args()
    for path in a.episodes:
        x, rate = soundfile.read(path, dtype="float64", always_2d=True)
        peak, x = np.abs(x).max(), x.mean(1)
        if a.prove:
            for kind, find in FIND.items():
                y, places = spoil(x, rate, kind)
                at = find(y, rate)
                found = sum(len(at) > 0 and np.abs(at - p).min() < rate // 100 for p in places)
                print(f"{path}: {kind}: {found} of {FLAWS} found")
            continue
        start, length = pauses(x, rate)
        longest = int(np.argmax(length)) if len(length) else None
        print(f"{path}: {len(x) / rate:.1f} s, peak {20 * np.log10(peak):.2f} dBFS; " +
              "; ".join(f"{kind} {len(at)}" + (f" (at {', '.join(f'{t / rate:.2f}' for t in at[:8])} s)" if len(at) else "")
                        for kind, at in ((kind, find(x, rate)) for kind, find in FIND.items())) +
              f"; {len(length)} pauses" + (f", median {np.median(length):.2f} s, longest {length[longest]:.2f} s at {start[longest]:.1f} s"
                                           if len(length) else ""))


if __name__ == "__main__":
    main()
