"""The shards that make_data writes, and the batches that train.py learns from.

A shard: "CWMD", version, bands, numbers of a style; then utterances: P symbols, U units of 25 ms, T frames, line (32 bits each); symbol ids [P],
units of each [P] (16 bits); in half precision the engine's durations before rounding [P], style [256], F0 in Hz and energy [2U], mel [T, bands].
"""
import glob
import mmap
import os
import struct

import numpy as np
import torch

UNIT = 600 / 24000 * 22050 / 256  # frames of a unit
VOICED = 40  # Hz; below, Kokoro says no voice


class Data:
    """Utterances by number, in order of file and place; what is mapped is read when it is asked for."""

    def __init__(self, folder):
        self.at, self.maps, self.sizes = [], [], []
        with open(os.path.join(folder, "symbols.txt"), encoding="utf-8") as f:
            self.symbols = [int(line) for line in f]
        with open(os.path.join(folder, "data.txt"), encoding="utf-8") as f:
            self.recipe = f.read().replace("\n", ", ").strip(", ")
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.shard"))):
            with open(path, "rb") as f:
                raw = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
            magic, version, self.bands, self.style = struct.unpack_from("<4s3I", raw)
            if magic != b"CWMD" or version != 1:
                raise SystemExit(f"{path}: expected a shard of version 1, found {magic!r} {version}")
            self.maps.append(raw)
            offset = 16
            while offset < len(raw):
                p, u, t, line = struct.unpack_from("<4I", raw, offset)
                self.at.append((len(self.maps) - 1, offset + 16, p, u, t, line))
                offset += 16 + 2 * (3 * p + self.style + 4 * u + t * self.bands)
            if offset != len(raw):
                raise SystemExit(f"{path}: expected {offset} bytes, found {len(raw)}")
        if not self.at:
            raise SystemExit(f"{folder}: expected shards of make_data, found none")

    def __len__(self):
        return len(self.at)

    def frames(self, i):
        return self.at[i][4]

    def line(self, i):
        return self.at[i][5]

    def take(self, i):
        """ids [P], frames of each symbol [P], log of them before rounding [P], style [256], log F0 and voicing [P], energy [P], mel [T, bands]"""
        number, offset, p, u, t, _ = self.at[i]
        whole = np.frombuffer(self.maps[number], np.uint16, 2 * p, offset).astype(np.int64)
        half = np.frombuffer(self.maps[number], np.float16, p + self.style + 4 * u + t * self.bands, offset + 4 * p).astype(np.float32)
        ids, units = whole[:p], whole[p:]
        lengths, style, f0, energy, mel = np.split(half, np.cumsum([p, self.style, 2 * u, 2 * u]))
        ends = np.minimum(np.rint(np.cumsum(units) * UNIT).astype(np.int64), t)
        ends[-1] = t  # the last fraction of a frame is the closing silence's
        symbol = np.repeat(np.arange(p), 2 * units)
        voiced = (f0 > VOICED).astype(np.float32)
        many, count = np.bincount(symbol, voiced, p), 2 * units
        pitch = np.bincount(symbol, np.log(np.maximum(f0, VOICED)) * voiced, p) / np.maximum(many, 1)
        return (ids, np.diff(ends, prepend=0), np.log(np.maximum(lengths, 0.05) * UNIT), style, pitch.astype(np.float32),
                (many / count).astype(np.float32), (np.bincount(symbol, energy, p) / count).astype(np.float32), mel.reshape(t, self.bands))


def statistics(data, most=2000):
    """Means and spreads over some utterances, for the model's buffers."""
    step = max(1, len(data) // most)
    rows = [data.take(i) for i in range(0, len(data), step)]
    styles = np.stack([r[3] for r in rows])
    mel = np.concatenate([r[7] for r in rows])
    pitch, voicing = np.concatenate([r[4] for r in rows]), np.concatenate([r[5] for r in rows])
    energy = np.concatenate([r[6] for r in rows])
    pitch = pitch[voicing > 0.3]
    return {"style_mean": styles.mean(0), "style_spread": np.maximum(styles.std(0), 1e-3), "mel_mean": mel.mean(0), "mel_spread": np.maximum(mel.std(0), 1e-3),
            "curve_mean": np.array([pitch.mean(), energy.mean()]), "curve_spread": np.array([pitch.std() + 1e-3, energy.std() + 1e-3])}


def batch(data, numbers, model):
    """Padded tensors of some utterances, curves and mels normalised by the model's buffers."""
    rows = [data.take(i) for i in numbers]
    P, T = max(len(r[0]) for r in rows), max(len(r[7]) for r in rows)
    stats = {k: v.cpu().numpy() for k, v in model.named_buffers()}

    def padded(parts, shape, kind=np.float32):
        out = np.zeros((len(parts), *shape), kind)
        for to, x in zip(out, parts):
            to[:len(x)] = x
        return torch.from_numpy(out)

    curves = []
    for r in rows:
        pitch = (r[4] - stats["curve_mean"][0]) / stats["curve_spread"][0]
        curves.append(np.stack([r[5] * pitch, r[5], (r[6] - stats["curve_mean"][1]) / stats["curve_spread"][1]], 1))
    return {"ids": padded([r[0] for r in rows], (P,), np.int64), "keep": padded([np.ones(len(r[0]), bool) for r in rows], (P,), bool),
            "durations": padded([r[1] for r in rows], (P,), np.int64), "lengths": padded([r[2] for r in rows], (P,)),
            "style": torch.from_numpy(np.stack([r[3] for r in rows])), "curves": padded(curves, (P, 3)),
            "mel": padded([(r[7] - stats["mel_mean"]) / stats["mel_spread"] for r in rows], (T, data.bands))}
