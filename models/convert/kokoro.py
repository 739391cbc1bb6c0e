"""Kokoro-82M as ONNX (int8 or float32 weights) -> GGUF with float32 weights under the names of the published PyTorch modules.

    kokoro.py MODEL.onnx OUT.gguf

The ONNX file names its weights in three ways: parameters that the exporter kept are called by their PyTorch path; folded
convolution weights and transposed matrices have anonymous names, and are found by the place of their operator in the graph;
int8 weights carry a scale and a zero point beside them. Every tensor is checked against the shape that the architecture
gives it: one missing, one of another shape, or one that is not known, and nothing is written.
"""
import hashlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

import gguf_file

VERSION = 1  # of this conversion; a change of its output raises it

# The architecture of Kokoro-82M v1.0.
TOKENS, HIDDEN, STYLE, MAX_DURATION = 178, 512, 128, 50
BERT_LAYERS, BERT_HEADS, BERT_HIDDEN, BERT_FFN, BERT_EMBEDDING, BERT_POSITIONS = 12, 12, 768, 2048, 128, 512
TEXT_KERNEL, TEXT_DEPTH, PREDICTOR_LAYERS = 5, 3, 3
UPSAMPLE_RATES, UPSAMPLE_KERNELS, GENERATOR_CHANNELS = [10, 6], [20, 12], 512
RESBLOCK_KERNELS, RESBLOCK_DILATIONS = [3, 7, 11], [1, 3, 5]
N_FFT, HOP, HARMONICS = 20, 5, 8
DECODER_CHANNELS, ASR_CHANNELS = 1024, 64

# id -> symbol: misaki's phonemes, punctuation and a few marks of other languages.
VOCABULARY = {
    1: ";", 2: ":", 3: ",", 4: ".", 5: "!", 6: "?", 9: "—", 10: "…", 11: "\"", 12: "(", 13: ")", 14: "“", 15: "”", 16: " ", 17: "\u0303",
    18: "ʣ", 19: "ʥ", 20: "ʦ", 21: "ʨ", 22: "ᵝ", 23: "ꭧ", 24: "A", 25: "I", 31: "O", 33: "Q", 35: "S", 36: "T", 39: "W", 41: "Y", 42: "ᵊ",
    43: "a", 44: "b", 45: "c", 46: "d", 47: "e", 48: "f", 50: "h", 51: "i", 52: "j", 53: "k", 54: "l", 55: "m", 56: "n", 57: "o", 58: "p",
    59: "q", 60: "r", 61: "s", 62: "t", 63: "u", 64: "v", 65: "w", 66: "x", 67: "y", 68: "z", 69: "ɑ", 70: "ɐ", 71: "ɒ", 72: "æ", 75: "β",
    76: "ɔ", 77: "ɕ", 78: "ç", 80: "ɖ", 81: "ð", 82: "ʤ", 83: "ə", 85: "ɚ", 86: "ɛ", 87: "ɜ", 90: "ɟ", 92: "ɡ", 99: "ɥ", 101: "ɨ",
    102: "ɪ", 103: "ʝ", 110: "ɯ", 111: "ɰ", 112: "ŋ", 113: "ɳ", 114: "ɲ", 115: "ɴ", 116: "ø", 118: "ɸ", 119: "θ", 120: "œ", 123: "ɹ",
    125: "ɾ", 126: "ɻ", 128: "ʁ", 129: "ɽ", 130: "ʂ", 131: "ʃ", 132: "ʈ", 133: "ʧ", 135: "ʊ", 136: "ʋ", 138: "ʌ", 139: "ɣ", 140: "ɤ",
    142: "χ", 143: "ʎ", 147: "ʒ", 148: "ʔ", 156: "ˈ", 157: "ˌ", 158: "ː", 162: "ʰ", 164: "ʲ", 169: "↓", 171: "→", 172: "↗", 173: "↘",
    177: "ᵻ",
}


def expected():
    """{tensor name: shape} of the whole model, in the order of the computation."""
    shapes = {}

    def layer(name, *weight, bias=True, outputs=None):
        shapes[name + ".weight"] = weight
        if bias:
            shapes[name + ".bias"] = (outputs or weight[0],)

    def lstm(name, inputs, hidden):
        for way in ("", "_reverse"):
            shapes[f"{name}.weight_ih_l0{way}"] = (4 * hidden, inputs)
            shapes[f"{name}.weight_hh_l0{way}"] = (4 * hidden, hidden)
            shapes[f"{name}.bias_ih_l0{way}"] = shapes[f"{name}.bias_hh_l0{way}"] = (4 * hidden,)

    def style_norm(name, channels):
        layer(f"{name}.fc", 2 * channels, STYLE)

    def block(name, inputs, outputs, upsample):  # AdainResBlk1d
        layer(f"{name}.conv1", outputs, inputs, 3)
        layer(f"{name}.conv2", outputs, outputs, 3)
        style_norm(f"{name}.norm1", inputs)
        style_norm(f"{name}.norm2", outputs)
        if inputs != outputs:
            layer(f"{name}.conv1x1", outputs, inputs, 1, bias=False)
        if upsample:
            layer(f"{name}.pool", inputs, 1, 3)

    def resblock(name, channels, kernel):  # AdaINResBlock1
        for i in range(len(RESBLOCK_DILATIONS)):
            for half in (1, 2):
                layer(f"{name}.convs{half}.{i}", channels, channels, kernel)
                style_norm(f"{name}.adain{half}.{i}", channels)
                shapes[f"{name}.alpha{half}.{i}"] = (1, channels, 1)

    for table, rows in (("word", TOKENS), ("position", BERT_POSITIONS), ("token_type", 2)):
        layer(f"bert.embeddings.{table}_embeddings", rows, BERT_EMBEDDING, bias=False)
    layer("bert.embeddings.LayerNorm", BERT_EMBEDDING)
    layer("bert.encoder.embedding_hidden_mapping_in", BERT_HIDDEN, BERT_EMBEDDING)
    albert = "bert.encoder.albert_layer_groups.0.albert_layers.0."  # one layer, used BERT_LAYERS times
    for part in ("query", "key", "value", "dense"):
        layer(f"{albert}attention.{part}", BERT_HIDDEN, BERT_HIDDEN)
    layer(f"{albert}attention.LayerNorm", BERT_HIDDEN)
    layer(f"{albert}ffn", BERT_FFN, BERT_HIDDEN)
    layer(f"{albert}ffn_output", BERT_HIDDEN, BERT_FFN)
    layer(f"{albert}full_layer_layer_norm", BERT_HIDDEN)
    layer("bert_encoder", HIDDEN, BERT_HIDDEN)

    for i in range(PREDICTOR_LAYERS):
        lstm(f"predictor.text_encoder.lstms.{2 * i}", HIDDEN + STYLE, HIDDEN // 2)
        style_norm(f"predictor.text_encoder.lstms.{2 * i + 1}", HIDDEN)
    lstm("predictor.lstm", HIDDEN + STYLE, HIDDEN // 2)
    layer("predictor.duration_proj.linear_layer", MAX_DURATION, HIDDEN)
    lstm("predictor.shared", HIDDEN + STYLE, HIDDEN // 2)
    for curve in ("F0", "N"):
        block(f"predictor.{curve}.0", HIDDEN, HIDDEN, False)
        block(f"predictor.{curve}.1", HIDDEN, HIDDEN // 2, True)
        block(f"predictor.{curve}.2", HIDDEN // 2, HIDDEN // 2, False)
        layer(f"predictor.{curve}_proj", 1, HIDDEN // 2, 1)

    layer("text_encoder.embedding", TOKENS, HIDDEN, bias=False)
    for i in range(TEXT_DEPTH):
        layer(f"text_encoder.cnn.{i}.0", HIDDEN, HIDDEN, TEXT_KERNEL)
        shapes[f"text_encoder.cnn.{i}.1.gamma"] = shapes[f"text_encoder.cnn.{i}.1.beta"] = (HIDDEN,)
    lstm("text_encoder.lstm", HIDDEN, HIDDEN // 2)

    layer("decoder.asr_res.0", ASR_CHANNELS, HIDDEN, 1)
    layer("decoder.F0_conv", 1, 1, 3)
    layer("decoder.N_conv", 1, 1, 3)
    block("decoder.encode", HIDDEN + 2, DECODER_CHANNELS, False)
    inputs = DECODER_CHANNELS + ASR_CHANNELS + 2
    for i in range(4):
        block(f"decoder.decode.{i}", inputs, DECODER_CHANNELS if i < 3 else HIDDEN, i == 3)

    layer("decoder.generator.m_source.l_linear", 1, HARMONICS + 1)
    channels = GENERATOR_CHANNELS
    for i, kernel in enumerate(UPSAMPLE_KERNELS):
        layer(f"decoder.generator.ups.{i}", channels, channels // 2, kernel, outputs=channels // 2)
        channels //= 2
        rate = int(np.prod(UPSAMPLE_RATES[i + 1:]))  # of the source's frames for one frame here
        layer(f"decoder.generator.noise_convs.{i}", channels, N_FFT + 2, 2 * rate if rate > 1 else 1)
        resblock(f"decoder.generator.noise_res.{i}", channels, 7 if rate > 1 else 11)
        for j, size in enumerate(RESBLOCK_KERNELS):
            resblock(f"decoder.generator.resblocks.{i * len(RESBLOCK_KERNELS) + j}", channels, size)
    layer("decoder.generator.conv_post", N_FFT + 2, channels, 7)
    return shapes


def module(node):
    """The PyTorch path of the module that an operator belongs to: '/encoder/F0.0/conv1/Conv_quant' -> predictor.F0.0.conv1."""
    parts = node.name.strip("/").split("/")[:-1]
    if parts and parts[0] in ("encoder", "decoder"):  # the two halves that the exporter wrapped the model in
        half = parts.pop(0)
        if half == "encoder" and parts and parts[0].split(".")[0] in ("F0", "N", "F0_proj", "N_proj", "shared"):
            parts.insert(0, "predictor")
    path = []
    for part in parts:
        if path and part.startswith(path[-1] + "."):  # a list names its items again: cnn.0/cnn.0.1
            path.pop()
        path.append(part)
    name = ".".join(path)
    if ".albert_layers.0." in name:  # the shared layer's later uses are numbered: attention_3/query_3, ffn_output_3
        name = ".".join(p.rsplit("_", 1)[0] if p.rsplit("_", 1)[-1].isdigit() else p for p in name.split("."))
    return name


class Weights:
    """The initialisers of the graph, as float32."""

    def __init__(self, graph):
        self.raw = {t.name: numpy_helper.to_array(t) for t in graph.initializer}

    def __contains__(self, name):
        return name in self.raw

    def scale(self, name):
        return self.raw[name[: name.index("_quantized")] + "_scale"].astype(np.float32)

    def read(self, name, zero=None, axis=None):
        """One tensor; int8 becomes (value - zero) * scale, in float32. `axis`: the one that a row of scales runs along."""
        a = self.raw[name]

        def along(v):
            return v if v.size == 1 or axis is None else v.reshape([-1 if i == axis else 1 for i in range(a.ndim)])

        if a.dtype in (np.int8, np.uint8):
            zero = self.raw[zero].astype(np.float32) if zero else np.float32(0)
            return (a.astype(np.float32) - along(zero)) * along(self.scale(name))
        if a.dtype not in (np.float32, np.float16):
            sys.exit(f"tensor {name!r}: expected float or int8 values, found {a.dtype}")
        a = a.astype(np.float32)
        # a float file made from an int8 one may hold value - zero, with the scale still a tensor of its own
        return a * along(self.scale(name)) if name.endswith("_quantized__f") else a

    def read_lstm(self, name, scale=None, zero=None):
        """[ways, 4 * hidden, inputs]; the int8 operator keeps [ways, inputs, 4 * hidden] with scales per way or per row."""
        a = self.raw[name].astype(np.float32)
        if scale is None:
            return a
        s, z = self.raw[scale].astype(np.float32), self.raw[zero].astype(np.float32)
        s, z = (v.reshape(-1, 1, 1) if v.ndim == 1 else v[:, None, :] for v in (s, z))
        return ((a - z) * s).transpose(0, 2, 1)


def lstm(found, name, x, r, b):
    """ONNX orders the gates i, o, f, g and PyTorch i, f, g, o; ONNX keeps both biases in one row."""
    hidden = r.shape[2]

    def gates(a):
        i, o, f, g = np.split(a, 4)
        return np.concatenate([i, f, g, o])

    for way, suffix in enumerate(("", "_reverse")):
        for part, a in (("weight_ih", x[way]), ("weight_hh", r[way]), ("bias_ih", b[way][: 4 * hidden]), ("bias_hh", b[way][4 * hidden:])):
            found[f"{name}.{part}_l0{suffix}"] = gates(a)


def collect(graph):
    weights, found = Weights(graph), {}
    made_by = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        name, inputs = module(node), list(node.input)
        if "stft" in name:
            continue  # the transforms' fixed bases are computed, not learned
        if node.op_type in ("Conv", "ConvTranspose") and inputs[1] in weights:
            found[name + ".weight"] = weights.read(inputs[1], axis=0)
        elif node.op_type == "ConvInteger" and inputs[1] in weights:
            found[name + ".weight"] = weights.read(inputs[1], inputs[3] if len(inputs) > 3 else None, axis=0)
        elif node.op_type == "MatMulInteger" and inputs[1] in weights:
            found[name + ".weight"] = weights.read(inputs[1], inputs[3] if len(inputs) > 3 else None, axis=1).T
        elif node.op_type == "MatMul" and inputs[1] in weights:
            found[name + ".weight"] = weights.read(inputs[1], axis=1).T
        elif node.op_type == "Gemm" and inputs[1] in weights:
            turned = any(a.name == "transB" and a.i for a in node.attribute)
            a = weights.read(inputs[1], axis=0 if turned else 1)
            found[name + ".weight"] = a if turned else a.T
        elif node.op_type == "LSTM":
            lstm(found, name, weights.read_lstm(inputs[1]), weights.read_lstm(inputs[2]), weights.read(inputs[3]))
        elif node.op_type == "DynamicQuantizeLSTM":
            x, r = (weights.read_lstm(inputs[i], inputs[8 + 2 * (i - 1)], inputs[9 + 2 * (i - 1)]) for i in (1, 2))
            lstm(found, name, x, r, weights.read(inputs[3]))
        elif node.op_type == "DequantizeLinear" and node.input[0] in made_by:
            rows = made_by[node.input[0]]  # an embedding: rows of an int8 table, scaled after they are picked
            if rows.op_type == "Gather" and rows.input[0] in weights:
                found[module(rows) + ".weight"] = weights.read(rows.input[0], inputs[2])
    # what the exporter left under its own name
    for name, a in weights.raw.items():
        half, _, path = name.partition(".")
        if half in ("encoder", "decoder") and path.split(".")[0] in ("F0", "N", "F0_proj", "N_proj", "shared"):
            path = "predictor." + path
        if half not in ("encoder", "decoder") or "stft" in path or path in found:
            continue
        if "_quantized" in path or path.endswith(("_scale", "_zero_point")):
            continue  # parts of an int8 weight, read with their operator above
        found[path] = weights.read(name)
    return found


def convert(source, out):
    with open(source, "rb") as f:
        raw = f.read()
    try:
        model = onnx.load_from_string(raw)
    except Exception as e:
        sys.exit(f"{source}: expected an ONNX file: {e}")
    digest = hashlib.sha256(raw).hexdigest()
    del raw
    found, shapes = collect(model.graph), expected()
    missing = [name for name in shapes if name not in found]
    unknown = [name for name in found if name not in shapes]
    if missing:
        sys.exit(f"{source}: expected a tensor {missing[0]!r}, found none ({len(missing)} of {len(shapes)} missing)")
    if unknown:
        sys.exit(f"{source}: expected only Kokoro-82M's tensors, found {unknown[0]!r} ({len(unknown)} unknown)")
    for name, shape in shapes.items():
        if found[name].shape != shape:
            sys.exit(f"{source}: tensor {name!r}: expected shape {list(shape)}, found {list(found[name].shape)}")
        if not np.isfinite(found[name]).all():
            sys.exit(f"{source}: tensor {name!r}: expected finite numbers, found NaN or infinity")
    metadata = {
        "general.architecture": "kokoro",
        "general.name": "Kokoro-82M v1.0",
        "general.license": "apache-2.0",
        "castwright.source.sha256": digest,
        "castwright.converter.version": VERSION,
        "kokoro.sample_rate": 24000,
        "kokoro.unit_samples": int(np.prod(UPSAMPLE_RATES)) * HOP * 2,
        "kokoro.hidden": HIDDEN,
        "kokoro.style": STYLE,
        "kokoro.max_duration": MAX_DURATION,
        "kokoro.bert.layers": BERT_LAYERS,
        "kokoro.bert.heads": BERT_HEADS,
        "kokoro.bert.hidden": BERT_HIDDEN,
        "kokoro.bert.ffn": BERT_FFN,
        "kokoro.bert.embedding": BERT_EMBEDDING,
        "kokoro.bert.max_positions": BERT_POSITIONS,
        "kokoro.text_encoder.kernel": TEXT_KERNEL,
        "kokoro.text_encoder.depth": TEXT_DEPTH,
        "kokoro.upsample_rates": UPSAMPLE_RATES,
        "kokoro.upsample_kernels": UPSAMPLE_KERNELS,
        "kokoro.resblock_kernels": RESBLOCK_KERNELS,
        "kokoro.resblock_dilations": RESBLOCK_DILATIONS,
        "kokoro.istft.n_fft": N_FFT,
        "kokoro.istft.hop": HOP,
        "kokoro.harmonics": HARMONICS,
        "kokoro.sine_amp": 0.1,
        "kokoro.noise_std": 0.003,
        "kokoro.voiced_threshold": 10.0,
        "kokoro.vocab": [VOCABULARY.get(i, "") for i in range(TOKENS)],
    }
    gguf_file.write(out, metadata, {name: found[name] for name in shapes})
    print(f"{out}: {len(shapes)} tensors, {sum(a.size for a in found.values())} weights")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(sys.argv[1], sys.argv[2])
