"""Reads the tensors of a checkpoint, a safetensors file or a PyTorch archive (a zip, PyTorch 1.6 and later), without PyTorch: nothing that
a pickle names is run but the few types that such a file is made of."""
import collections
import json
import math
import os
import pickle
import struct
import sys
import zipfile

import numpy as np

HEAD_MAX = 100 << 20
DEPTH_MAX, ENTRIES_MAX = 8, 100000  # of dictionaries in an archive; published ones have 3, and some thousands
SAFE = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
STORAGES = {"DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": "<u2", "LongStorage": "<i8", "IntStorage": "<i4",
            "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?"}


def is_safetensors(raw):
    return len(raw) > 9 and raw[8:9] == b"{" and struct.unpack("<Q", raw[:8])[0] < HEAD_MAX


def _head(raw, size, refuse):
    try:
        return json.loads(raw[8:8 + size])
    except (ValueError, RecursionError) as e:
        refuse(f"expected a safetensors file: {e}")


def _floats(a, brain):
    """Whole numbers stay as they are; bfloat16 is the upper half of a float32."""
    return (a.astype(np.uint32) << 16).view(np.float32) if brain else a


def _safetensors(raw, refuse):
    size = struct.unpack("<Q", raw[:8])[0]
    head = _head(raw, size, refuse)
    found, data = {}, memoryview(raw)[8 + size:]
    for name, entry in head.items():
        if name == "__metadata__":
            continue
        try:
            kind, shape, (first, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
            dtype = np.dtype(SAFE[kind])
            right = 0 <= first <= end <= len(data) and end - first == math.prod(shape) * dtype.itemsize and all(n >= 0 for n in shape)
            array = np.frombuffer(data[first:end], dtype).reshape(shape) if right else None
        except (KeyError, TypeError, ValueError, OverflowError):
            right = False
        if not right:
            refuse(f"tensor {name!r}: expected a type, a shape and as many bytes in the file, found {entry}")
        found[name] = _floats(array, kind == "BF16")
    return found


class _Storage:
    def __init__(self, data, brain):
        self.data, self.brain = data, brain


class _Reader(pickle._Unpickler):  # the one in Python: the one in C takes memory for as many memos as a file names
    def __init__(self, f, archive, prefix):
        super().__init__(f)
        self.archive, self.prefix, self.storages = archive, prefix, {}

    def find_class(self, module, name):
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return self.tensor if name == "_rebuild_tensor_v2" else lambda tensor, *_: tensor
        if module == "torch" and name in STORAGES:
            return name
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        raise pickle.UnpicklingError(f"expected tensors, found {module}.{name}")

    def persistent_load(self, pid):
        _, kind, key, _, count = pid
        if key not in self.storages:
            a = np.frombuffer(self.archive.read(f"{self.prefix}data/{key}"), STORAGES[kind])
            if len(a) < count:
                raise pickle.UnpicklingError(f"storage {key}: expected {count} numbers, found {len(a)}")
            self.storages[key] = _Storage(a, kind == "BFloat16Storage")
        return self.storages[key]

    @staticmethod
    def tensor(storage, offset, shape, strides, *_):
        a = storage.data
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides))
        if math.prod(shape) and not (offset >= 0 and all(s >= 0 for s in strides) and last < len(a)):
            raise pickle.UnpicklingError("a tensor beyond its storage")
        if math.prod(shape) > len(a):  # numbers that stand for many: a small file would become a large one
            raise pickle.UnpicklingError(f"a tensor of {math.prod(shape)} numbers in a storage of {len(a)}")
        return _floats(np.lib.stride_tricks.as_strided(a[offset:], shape, [s * a.itemsize for s in strides]), storage.brain)


def _archive(source, refuse):
    found, entries = {}, 0

    def flatten(prefix, x, depth=0):
        nonlocal entries
        entries += 1
        if depth > DEPTH_MAX or entries > ENTRIES_MAX:
            raise ValueError(f"at most {ENTRIES_MAX} entries, {DEPTH_MAX} dictionaries deep, found more")
        if isinstance(x, dict):
            for key, value in x.items():
                flatten(f"{prefix}.{key}" if prefix else str(key), value, depth + 1)
        elif isinstance(x, np.ndarray):
            found[prefix] = x

    try:
        with zipfile.ZipFile(source) as z:
            members = z.infolist()
            if any(m.compress_type != zipfile.ZIP_STORED for m in members) or sum(m.file_size for m in members) > os.path.getsize(source):
                refuse("expected a PyTorch archive, whose members are not compressed, found one that unpacks to more than it is")
            names = [m.filename for m in members if m.filename.endswith("data.pkl")]
            if len(names) != 1:
                refuse(f"expected a PyTorch archive with one data.pkl, found {len(names)}")
            with z.open(names[0]) as f:
                flatten("", _Reader(f, z, names[0][: -len("data.pkl")]).load())
    except Exception as e:  # whatever a pickle's instructions lead to
        refuse(f"expected a PyTorch archive of tensors: {e or type(e).__name__}")
    return found


def metadata(source, refuse):
    """What a safetensors file says of itself; {} of another file."""
    with open(source, "rb") as f:
        raw = f.read(10)
        if not is_safetensors(raw):
            return {}
        size = struct.unpack("<Q", raw[:8])[0]
        said = _head(raw + f.read(size), size, refuse).get("__metadata__", {})
    if not isinstance(said, dict):
        refuse(f"__metadata__: expected names with texts, found {type(said).__name__}")
    return said


def read(source):
    """{name: array}; dictionaries inside dictionaries are joined by dots. Exits with a line that names the file otherwise."""
    def refuse(what):
        sys.exit(f"{source}: {what}")

    with open(source, "rb") as f:
        raw = f.read()
    if is_safetensors(raw):
        return _safetensors(raw, refuse)
    if raw[:2] == b"PK":
        return _archive(source, refuse)
    refuse("expected a safetensors file or a PyTorch archive")


def take(source, found, shapes, model, ignored=()):
    """The tensors of `shapes` as float32: every name there, every shape right, every number finite, and nothing else."""
    for name, shape in shapes.items():
        if name not in found:
            sys.exit(f"{source}: expected a tensor {name!r}, found none")
        a = found[name]
        if a.shape != tuple(shape):
            sys.exit(f"{source}: tensor {name!r}: expected shape {list(shape)}, found {list(a.shape)}")
        if a.dtype.kind != "f":
            sys.exit(f"{source}: tensor {name!r}: expected float values, found {a.dtype}")
        if not np.isfinite(a).all():
            sys.exit(f"{source}: tensor {name!r}: expected finite numbers, found NaN or infinity")
    unknown = [name for name in found if name not in shapes and name not in ignored]
    if unknown:
        sys.exit(f"{source}: expected only {model}'s tensors, found {unknown[0]!r} ({len(unknown)} unknown)")
    return {name: np.ascontiguousarray(found[name], np.float32) for name in shapes}
