"""The GE2E speaker encoder as published with Resemblyzer (a PyTorch file of 2019) -> GGUF.

    ge2e.py pretrained.pt OUT.gguf

The file is three small pickles, one with the tensors' shapes and places, the list of storages, and their bytes; it is read here
without PyTorch, and nothing that it names is run but the few types that such a file is made of.
"""
import collections
import hashlib
import pickle
import struct
import sys

import numpy as np

import gguf_file

VERSION = 1  # of this conversion; a change of its output raises it
MELS, HIDDEN, LAYERS = 40, 256, 3
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8", "DoubleStorage": "<f8"}


def expected():
    shapes = {}
    for i in range(LAYERS):
        shapes[f"lstm.weight_ih_l{i}"] = (4 * HIDDEN, MELS if i == 0 else HIDDEN)
        shapes[f"lstm.weight_hh_l{i}"] = (4 * HIDDEN, HIDDEN)
        shapes[f"lstm.bias_ih_l{i}"] = shapes[f"lstm.bias_hh_l{i}"] = (4 * HIDDEN,)
    shapes["linear.weight"] = (HIDDEN, HIDDEN)
    shapes["linear.bias"] = (HIDDEN,)
    return shapes


class Tensor:
    def __init__(self, storage, offset, shape, strides, *_):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return Tensor
        if module == "torch" and name in TYPES:
            return name
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        raise pickle.UnpicklingError(f"expected tensors, found {module}.{name}")

    def persistent_load(self, pid):
        return pid[1], pid[2]  # type, key


def read(f, source):
    try:
        parts = [Reader(f).load() for _ in range(5)]
    except Exception as e:
        sys.exit(f"{source}: expected a PyTorch file of 2019: {e}")
    if parts[0] != 0x1950A86A20F9469CFC6C or not isinstance(parts[3], dict) or "model_state" not in parts[3]:
        sys.exit(f"{source}: expected a PyTorch file with a model_state")
    state, types, storages = parts[3]["model_state"], {}, {}

    def look(x):
        if isinstance(x, Tensor):
            types[x.storage[1]] = x.storage[0]
        elif isinstance(x, dict):
            for v in x.values():
                look(v)
        elif isinstance(x, (list, tuple)):
            for v in x:
                look(v)

    look(parts[3])
    for key in parts[4]:
        kind = np.dtype(TYPES[types[key]])
        count, = struct.unpack("<q", f.read(8))
        raw = f.read(count * kind.itemsize)
        if len(raw) != count * kind.itemsize:
            sys.exit(f"{source}: cut short")
        storages[key] = np.frombuffer(raw, kind)

    def array(t):
        a = storages[t.storage[1]][t.offset:]
        return np.lib.stride_tricks.as_strided(a, t.shape, [s * a.itemsize for s in t.strides]).astype(np.float32)

    return {name: array(t) for name, t in state.items() if isinstance(t, Tensor)}


def convert(source, out):
    with open(source, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
        f.seek(0)
        found = read(f, source)
    tensors = {}
    for name, shape in expected().items():
        if name not in found or found[name].shape != shape or not np.isfinite(found[name]).all():
            sys.exit(f"{source}: tensor {name!r}: expected finite numbers {shape}, found {found[name].shape if name in found else 'none'}")
        tensors[name] = found[name]
    gguf_file.write(out, {
        "general.architecture": "ge2e",
        "general.name": "GE2E speaker encoder of Resemblyzer",
        "general.license": "apache-2.0",
        "castwright.source.sha256": digest,
        "castwright.converter.version": VERSION,
        "ge2e.sample_rate": 16000,
        "ge2e.mels": MELS,
        "ge2e.hidden": HIDDEN,
        "ge2e.layers": LAYERS,
    }, tensors)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(*sys.argv[1:])
