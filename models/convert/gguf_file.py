"""Writes, and reads again, GGUF version 3 (the container of llama.cpp): metadata, then float32 or float16 tensors, in the order given, so that the
same input gives the same bytes."""
import struct

import numpy as np

ALIGNMENT = 32
UINT32, INT32, STRING, ARRAY, FLOAT64 = 4, 5, 8, 9, 12  # GGUF's value types
TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1}  # its tensor types


def _string(s):
    raw = s.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _value(v):
    if isinstance(v, str):
        return struct.pack("<I", STRING) + _string(v)
    if isinstance(v, int) and 0 <= v < 2**32:
        return struct.pack("<II", UINT32, v)
    if isinstance(v, float):
        return struct.pack("<Id", FLOAT64, v)
    if isinstance(v, list) and v and all(isinstance(x, str) for x in v):
        return struct.pack("<IIQ", ARRAY, STRING, len(v)) + b"".join(map(_string, v))
    if isinstance(v, list) and v and all(isinstance(x, int) for x in v):
        return struct.pack("<IIQ", ARRAY, INT32, len(v)) + struct.pack(f"<{len(v)}i", *v)
    raise TypeError(f"no GGUF form for {v!r}")


def write(path, metadata, tensors):
    """metadata: {key: str, int, float, or a list of str or int}; tensors: {name: float32 or float16 array}."""
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    head += [_string(key) + _value(value) for key, value in metadata.items()]
    offset = 0
    for name, a in tensors.items():
        if a.dtype not in TYPES:
            raise TypeError(f"{name}: expected float32 or float16, found {a.dtype}")
        # GGUF lists dimensions fastest first, the reverse of numpy's and PyTorch's order
        head.append(_string(name) + struct.pack(f"<I{a.ndim}QIQ", a.ndim, *reversed(a.shape), TYPES[a.dtype], offset))
        offset += -(-a.nbytes // ALIGNMENT) * ALIGNMENT
    head = b"".join(head)
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % ALIGNMENT))
        for a in tensors.values():
            f.write(np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<"), copy=False).tobytes())
            f.write(bytes(-a.nbytes % ALIGNMENT))


def read(path):
    """What write() wrote -> metadata, tensors."""
    with open(path, "rb") as f:
        raw = f.read()
    at = 0

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, raw, at)
        at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def text():
        nonlocal at
        count = take("Q")
        at += count
        return raw[at - count:at].decode("utf-8")

    def value(kind):
        if kind == STRING:
            return text()
        if kind == ARRAY:
            inner, count = take("IQ")
            return [value(inner) for _ in range(count)]
        if kind not in (UINT32, INT32, FLOAT64):
            raise ValueError(f"{path}: value type {kind}: expected one that write() knows")
        return take({UINT32: "I", INT32: "i", FLOAT64: "d"}[kind])

    if raw[:4] != b"GGUF":
        raise ValueError(f"{path}: expected GGUF, found {raw[:4]!r}")
    at = 4
    version, tensor_count, key_count = take("IQQ")
    if version != 3:
        raise ValueError(f"{path}: expected version 3, found {version}")
    metadata = {}
    for _ in range(key_count):
        key = text()
        metadata[key] = value(take("I"))
    heads = []
    for _ in range(tensor_count):
        name = text()
        dims = [take("Q") for _ in range(take("I"))]
        heads.append((name, dims[::-1], *take("IQ")))
    at += -at % ALIGNMENT
    kinds = {number: kind for kind, number in TYPES.items()}
    return metadata, {name: np.frombuffer(raw, kinds[kind], int(np.prod(shape)), at + offset).reshape(shape) for name, shape, kind, offset in heads}
