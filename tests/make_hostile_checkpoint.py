#!/usr/bin/env python3
"""A checkpoint that nobody means well with, for tests of the converters; Python's own library alone.

    make_hostile_checkpoint.py OUT FAULT
    make_hostile_checkpoint.py OUT whole FROM.safetensors       and a good one: FROM's float32 tensors as torch.save writes them during training

PyTorch archives: code (names a function), deflated (a thousand times as large unpacked), stretched (a tensor that repeats 16 numbers 2^40
times), loop (a dictionary in itself), laughs (ten dictionaries of ten, ten deep), memo (the four thousand millionth), encrypted, cut.
safetensors: depth (a header of a hundred thousand brackets), shape (a length that is no whole number), wide (a length beyond 64 bits),
foreign (a language model's).
"""
import io
import json
import math
import pickle
import struct
import sys
import zipfile


def text(s):
    return b"X" + struct.pack("<I", len(s.encode())) + s.encode()


def row(*items):
    return b"(" + b"".join(items) + b"t"


def whole(n):
    return pickle.dumps(n, 2)[2:-1]


def tensor(count, shape, strides, key="0", first=0):
    storage = row(text("storage"), b"ctorch\nFloatStorage\n", text(key), text("cpu"), whole(count)) + b"Q"
    return (b"ctorch._utils\n_rebuild_tensor_v2\n" +
            row(storage, whole(first), row(*map(whole, shape)), row(*map(whole, strides)), b"\x89", b"ccollections\nOrderedDict\n)R") + b"R")


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


def whole_archive(path):
    """The averaged weights beside the last step's and the optimiser's state; every second tensor behind another's numbers, as views are."""
    with open(path, "rb") as f:
        raw = f.read()
    size = struct.unpack_from("<Q", raw)[0]
    head, data, averaged, last = json.loads(raw[8:8 + size]), raw[8 + size:], {}, {}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        for i, (name, entry) in enumerate(head.items()):
            first, end = entry["data_offsets"]
            shape, before = entry["shape"], i % 2 * 12
            strides = [math.prod(shape[k + 1:]) for k in range(len(shape))]
            z.writestr(f"model/data/{i}", bytes(before) + data[first:end])
            averaged[name] = tensor((end - first + before) // 4, shape, strides, str(i), before // 4)
            last[name.removeprefix("ema_model.")] = tensor(16, (16,), (1,), "zeros")
        z.writestr("model/data/zeros", bytes(64))
        body = entries(model_state_dict=entries(**last), ema_model_state_dict=entries(**averaged, initted=tensor(16, (), (), "zeros")),
                       optimizer_state_dict=entries(state=b"}"), update=whole(1250000))
        z.writestr("model/data.pkl", b"\x80\x02" + body + b".")
        z.writestr("model/version", b"3\n")
    return out.getvalue()


def safetensors(fault):
    if fault == "depth":
        head = b'{"x":' + b"[" * 100000 + b"]" * 100000 + b"}"
    elif fault == "foreign":
        names = ("model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight", "model.norm.weight", "lm_head.weight")
        head = json.dumps({name: {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]} for name in names}).encode()
    else:
        shape, end = {"shape": ([4.0, 4], 64), "wide": ([0, 1 << 70], 0)}[fault]
        head = json.dumps({"transformer_blocks.0.x": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(64)


def main():
    if len(sys.argv) != (4 if sys.argv[2:3] == ["whole"] else 3):
        sys.exit(__doc__)
    fault = sys.argv[2]
    with open(sys.argv[1], "wb") as f:
        f.write(whole_archive(sys.argv[3]) if fault == "whole" else
                safetensors(fault) if fault in ("depth", "shape", "wide", "foreign") else archive(fault))


if __name__ == "__main__":
    main()
