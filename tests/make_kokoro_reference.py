"""Makes the reference numbers that the parity tests read (tests/data/kokoro_acoustic.bin and kokoro_generator.bin) by running
the published PyTorch modules, stage by stage, on the thirty phoneme strings of tests/data/kokoro_phonemes.txt.

    make_kokoro_reference.py --models DIR --reference kokoro_reference.py [--archives DIR] [--only acoustic|generator]

DIR holds kokoro-f32.onnx and voices/af_heart.bin. --archives keeps (and uses again) the whole tensors of every sentence.

kokoro_acoustic.bin, for sentence NNN:
  NNN/ids i32 [P], NNN/style f32 [256], NNN/durations i32 [P], NNN/durations_float f32 [P], NNN/F0 and NNN/N f32 [2T]
  NNN/STAGE f64 [35] for d_en, t_en, asr, encode, decode.0-3 and ups.0: rows, columns, L2 norm, then 32 random projections
kokoro_generator.bin, for two short cases A and B, whose inputs are rounded to half precision for both sides:
  A/x f16 [2T, 512], A/F0 f32 [2T], A/style f32 [128], A/har f16 [T', 22] (the source spectrum to force), A/audio f32 [N]
  A/har.own (what the published source makes of F0 without noise), A/ups.0, A/ups.1, A/conv_post: projections as above

A projection is the sum of a stage's elements, each with a pseudo-random sign (`signs` below), so every element counts, and the
mean square of the differences of 32 projections estimates the square of the L2 norm of the difference of two stages.
"""
import argparse, importlib.util, os, struct, tempfile, types

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
STAGES = ["d_en", "t_en", "asr", "encode", "decode.0", "decode.1", "decode.2", "decode.3", "ups.0"]
PROJECTIONS = 32
KINDS = {"f4": 0, "i4": 1, "f2": 2, "f8": 3}


def signs(n):
    """Word i: the 32 signs of element i, bit set means minus. tests/test_reference.c computes the same."""
    with np.errstate(over="ignore"):
        x = (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        x ^= x >> np.uint64(32)
        x *= np.uint64(0xD6E8FEB86659FD93)
        x ^= x >> np.uint64(32)
    return (x & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def projections(a):
    """[rows, columns] -> rows, columns, norm, projections."""
    flat = a.astype(np.float64).reshape(-1)
    words = signs(flat.size)
    total = flat.sum()
    p = [total - 2 * flat[(words >> np.uint32(j)) & np.uint32(1) == 1].sum() for j in range(PROJECTIONS)]
    return np.array([*a.shape, np.linalg.norm(flat), *p], np.float64)


def write(path, records):
    """"CWREF001", then records: name length, name padded to 8 bytes, kind, dimensions, their sizes, data padded to 8 bytes."""
    with open(path + ".part", "wb") as f:
        f.write(b"CWREF001")
        for name, a in records.items():
            raw = name.encode()
            dims = list(a.shape) + [0] * (4 - a.ndim)
            f.write(struct.pack("<I", len(raw)) + raw + b"\0" * (-(4 + len(raw)) % 8))
            f.write(struct.pack("<6I", KINDS[a.dtype.str[1:]], a.ndim, *dims))
            data = np.ascontiguousarray(a).tobytes()
            f.write(data + b"\0" * (-len(data) % 8))
    os.replace(path + ".part", path)
    print(f"{path}: {os.path.getsize(path)} bytes, {len(records)} records")


def time_major(a):
    return np.ascontiguousarray(a[0].T)


class Reference:
    """The oracle's own dump(), with the model loaded once."""

    def __init__(self, script, models, archives):
        spec = importlib.util.spec_from_file_location("kokoro_reference", script)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.models, self.archives, self.loaded = models, archives, None
        self.load_model, self.module.load = self.module.load, self.load

    def load(self, path=None):
        if self.loaded is None:
            self.loaded = self.load_model(self.models + "/kokoro-f32.onnx")
        for m in self.loaded[0].modules():
            m._forward_hooks.clear()
            m._forward_pre_hooks.clear()
        return self.loaded

    def run(self, name, phonemes, speed):
        path = f"{self.archives}/{name}.npz"
        if not os.path.exists(path):
            part = f"{self.archives}/part-{name}.npz"
            self.module.dump(types.SimpleNamespace(models=self.models, voice="af_heart", phonemes=phonemes, speed=speed,
                                                   noise_seed=None, out=part))
            os.replace(part, path)
        return dict(np.load(path))


def acoustic(reference, lines, out):
    records = {}
    for i, phonemes in enumerate(lines):
        z = reference.run(f"{i:03d}", phonemes, 1.0)
        key = f"{i:03d}/"
        records[key + "ids"] = z["ids"].astype(np.int32)
        records[key + "style"] = z["style"][0]
        records[key + "durations"] = z["durations"].astype(np.int32)
        records[key + "durations_float"] = z["durations_float"]
        records[key + "F0"], records[key + "N"] = z["F0"][0], z["N"][0]
        for stage in STAGES:
            records[key + stage] = projections(time_major(z[stage]))
    write(out, records)


def generator(reference, lines, out):
    import torch
    records = {}
    for case, line, speed in (("A", 3, 3.0), ("B", 0, 4.0)):
        z = reference.run(f"generator-{case}", lines[line], speed)
        har, x = z["har"].astype(np.float16), z["decode.3"].astype(np.float16)
        model = reference.load()[0]
        g = model.decoder.generator
        got = {}
        forced = torch.from_numpy(har.astype(np.float32))
        for n in g.noise_convs:
            n.register_forward_pre_hook(lambda module, inputs: (forced,))
        for stage, module in (("ups.0", g.ups[0]), ("ups.1", g.ups[1]), ("conv_post", g.conv_post)):
            module.register_forward_hook(lambda m, i, o, stage=stage: got.__setitem__(stage, o.numpy()))
        with torch.no_grad():
            audio = g(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(z["style"][:, :128]), torch.from_numpy(z["F0"]))
        records[case + "/x"], records[case + "/har"] = time_major(x), time_major(har)
        records[case + "/F0"], records[case + "/style"] = z["F0"][0], z["style"][0, :128]
        records[case + "/audio"] = audio.numpy().reshape(-1)
        records[case + "/har.own"] = projections(time_major(z["har"]))
        for stage in got:
            records[case + "/" + stage] = projections(time_major(got[stage]))
    write(out, records)


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--models", required=True)
    ap.add_argument("--reference", required=True)
    ap.add_argument("--archives")
    ap.add_argument("--only", choices=["acoustic", "generator"])
    a = ap.parse_args()
    with open(HERE + "/data/kokoro_phonemes.txt", encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f if line.strip()]
    with tempfile.TemporaryDirectory() as temporary:
        r = Reference(a.reference, a.models, a.archives or temporary)
        if a.only != "acoustic":
            generator(r, lines, HERE + "/data/kokoro_generator.bin")
        if a.only != "generator":
            acoustic(r, lines, HERE + "/data/kokoro_acoustic.bin")
