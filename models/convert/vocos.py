"""A Vocos vocoder of mel spectrograms (Siuzdak, "Vocos", 2023) as pip vocos saves it, PyTorch or safetensors -> GGUF.

    vocos.py IN.bin OUT.gguf

Sizes are read from the tensors; every name and shape is checked against them. The mel filters that the checkpoint carries must be those of
24 kHz with HTK's scale: the convention of the published charactr/vocos-mel-24khz, which F5-TTS speaks through.
"""
import hashlib
import sys

import numpy as np

import checkpoint
import gguf_file
import licence

VERSION = 2  # of this conversion; a change of its output raises it
RATE, TAPS = 24000, 7
FILTERS, WINDOWS = "feature_extractor.mel_spec.mel_scale.fb", ("feature_extractor.mel_spec.spectrogram.window", "head.istft.window")
UNKNOWN = "This vocoder's file does not say under which licence it was published; ask whoever published it before you share what it speaks."


def expected(bands, width, hidden, layers, size):
    shapes = {}

    def layer(name, *shape):
        shapes[name + ".weight"], shapes[name + ".bias"] = shape, (shape[0],)

    layer("backbone.embed", width, bands, TAPS)
    layer("backbone.norm", width)
    for i in range(layers):
        block = f"backbone.convnext.{i}"
        shapes[block + ".gamma"] = (width,)
        layer(block + ".dwconv", width, 1, TAPS)
        layer(block + ".norm", width)
        layer(block + ".pwconv1", hidden, width)
        layer(block + ".pwconv2", width, hidden)
    layer("backbone.final_layer_norm", width)
    layer("head.out", size + 2, width)
    return shapes


def htk_filters(bands, size):
    """[size / 2 + 1, bands]: triangles of height 1, evenly spaced in 2595 log10(1 + f / 700), from 0 to half the rate."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), bands + 2) / 2595) - 1)
    hz = np.linspace(0, RATE / 2, size // 2 + 1)[:, None]
    return np.maximum(0, np.minimum((hz - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - hz) / np.diff(edges)[1:]))


def convert(source, out, said=licence.Said()):
    def refuse(what):
        sys.exit(f"{source}: {what}")

    terms = licence.keys(source, said, UNKNOWN)
    found = checkpoint.read(source)
    with open(source, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    for name, n in (("backbone.embed.weight", 3), ("backbone.convnext.0.pwconv1.weight", 2), ("head.out.weight", 2)):
        if name not in found or found[name].ndim != n:
            refuse(f"expected a Vocos checkpoint with a tensor {name!r} of {n} dimensions, found {'another' if name in found else 'none'}")
    width, bands, _ = found["backbone.embed.weight"].shape
    hidden, size = found["backbone.convnext.0.pwconv1.weight"].shape[0], found["head.out.weight"].shape[0] - 2
    if size < 4 or size % 4:
        refuse(f"tensor 'head.out.weight': expected 2 rows more than a transform's size, which four hops make, found {size + 2}")
    layers = 0
    while f"backbone.convnext.{layers}.dwconv.weight" in found:
        layers += 1
    tensors = checkpoint.take(source, found, expected(bands, width, hidden, layers, size), "Vocos", (FILTERS, *WINDOWS))
    if FILTERS not in found or found[FILTERS].shape != (size // 2 + 1, bands) or not np.abs(found[FILTERS] - htk_filters(bands, size)).max() < 1e-3:
        refuse(f"tensor {FILTERS!r}: expected {bands} mel filters of {RATE} Hz on HTK's scale, found others")
    for name in WINDOWS:
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
        if name in found and (found[name].shape != (size,) or not np.abs(found[name] - hann).max() < 1e-4):
            refuse(f"tensor {name!r}: expected Hann's window of {size}, found another")
    gguf_file.write(out, {
        "general.architecture": "vocos",
        "general.name": "Vocos",
        **terms,
        "castwright.source.sha256": digest,
        "castwright.converter.version": VERSION,
        "vocos.sample_rate": RATE,
        "vocos.fft": size,
        "vocos.hop": size // 4,
        "vocos.bands": bands,
        "vocos.width": width,
        "vocos.hidden": hidden,
        "vocos.layers": layers,
    }, tensors)
    print(f"{out}: {len(tensors)} tensors, {sum(a.size for a in tensors.values())} weights")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(sys.argv[1], sys.argv[2])
