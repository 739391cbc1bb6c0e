#!/usr/bin/env python3
"""A checkpoint that nobody means well with, for tests of the converters; Python's own library alone.

    make_hostile_checkpoint.py OUT FAULT

PyTorch archives: code (names a function), deflated (a thousand times as large unpacked), stretched (a tensor that repeats 16 numbers 2^40
times), loop (a dictionary in itself), laughs (ten dictionaries of ten, ten deep), memo (the four thousand millionth), encrypted, cut.
safetensors: depth (a header of a hundred thousand brackets), shape (a length that is no whole number), wide (a length beyond 64 bits).
"""
import io
import json
import struct
import sys
import zipfile


def text(s):
    return b"X" + struct.pack("<I", len(s.encode())) + s.encode()


def row(*items):
    return b"(" + b"".join(items) + b"t"


def whole(n):
    return b"I%d\n" % n


def tensor(count, shape, strides):
    storage = row(text("storage"), b"ctorch\nFloatStorage\n", text("0"), text("cpu"), whole(count)) + b"Q"
    return (b"ctorch._utils\n_rebuild_tensor_v2\n" +
            row(storage, whole(0), row(*map(whole, shape)), row(*map(whole, strides)), b"\x89", b"}") + b"R")


def entries(**items):
    return b"}(" + b"".join(text(k) + v for k, v in items.items()) + b"u"


def laughs():
    body = entries(x=tensor(16, (16,), (1,))) + b"q\x00"
    for level in range(10):
        body += b"0}(" + b"".join(text(str(k)) + b"h" + bytes([level]) for k in range(10)) + b"u" + b"q" + bytes([level + 1])
    return body


PICKLES = {
    "code": lambda: b"cos\nsystem\n" + row(text("touch harmed")) + b"R",
    "stretched": lambda: entries(**{"transformer_blocks.0.x": tensor(16, (1 << 40, 16), (0, 1))}),
    "loop": lambda: b"}q\x00" + text("x") + b"h\x00s",
    "laughs": laughs,
    "memo": lambda: entries(x=tensor(16, (16,), (1,))) + b"r\xff\xff\xff\xff",
}


def archive(fault):
    out = io.BytesIO()
    body = b"\x80\x02" + PICKLES.get(fault, lambda: entries(x=tensor(16, (16,), (1,))))() + b"."
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if fault == "deflated" else zipfile.ZIP_STORED) as z:
        z.writestr("archive/data.pkl", body)
        z.writestr("archive/data/0", bytes(64 << 20 if fault == "deflated" else 64))
    raw = bytearray(out.getvalue())
    if fault == "encrypted":  # the flag, in each member's own head and in the directory
        for head, at in (b"PK\x03\x04", 6), (b"PK\x01\x02", 8):
            where = raw.find(head)
            while where >= 0:
                raw[where + at] |= 1
                where = raw.find(head, where + 4)
    return bytes(raw[:len(raw) // 2] if fault == "cut" else raw)


def safetensors(fault):
    if fault == "depth":
        head = b'{"x":' + b"[" * 100000 + b"]" * 100000 + b"}"
    else:
        shape, end = {"shape": ([4.0, 4], 64), "wide": ([0, 1 << 70], 0)}[fault]
        head = json.dumps({"transformer_blocks.0.x": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(64)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "wb") as f:
        f.write(safetensors(sys.argv[2]) if sys.argv[2] in ("depth", "shape", "wide") else archive(sys.argv[2]))


if __name__ == "__main__":
    main()
