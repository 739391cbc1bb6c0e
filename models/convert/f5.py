"""An F5-TTS checkpoint (safetensors or PyTorch) with the vocab.txt beside it -> GGUF.

    f5.py IN OUT.gguf [v0|v1]

Sizes are read from the tensors; every name and shape is checked against them. What the tensors do not tell: v1 hides what is no text from the
text's blocks and turns all heads by position, v0 (and Small) hide nothing and turn one head. It is taken from the path ("F5TTS_v1_Base/…")
when not said.
"""
import hashlib
import os
import re
import sys

import numpy as np

import checkpoint
import gguf_file
import licence

VERSION = 2  # of this conversion; a change of its output raises it
GROUPS, POSITION_TAPS, TEXT_TAPS, TIME = 16, 31, 7, 256
IGNORED = re.compile(r"(.*\.)?(initted|step|update)\Z|(.*\.)?mel_spec\..*|(.*\.)?(inv_freq|freqs_cis)\Z")
ADVICE = "Speak only in voices whose owners agreed."
UNKNOWN = ("This model's file does not say under which licence it was published. The published F5-TTS weights are CC BY-NC 4.0: not for commercial use. "
           + ADVICE)


def expected(width, depth, hidden, bands, text_width, text_hidden, text_depth, symbols):
    shapes = {"text_embed.text_embed.weight": (symbols + 1, text_width)}

    def layer(name, *shape):
        shapes[name + ".weight"], shapes[name + ".bias"] = shape, (shape[0],)

    layer("time_embed.time_mlp.0", width, TIME)
    layer("time_embed.time_mlp.2", width, width)
    for i in range(text_depth):
        block = f"text_embed.text_blocks.{i}"
        layer(block + ".dwconv", text_width, 1, TEXT_TAPS)
        layer(block + ".norm", text_width)
        layer(block + ".pwconv1", text_hidden, text_width)
        shapes[block + ".grn.gamma"] = shapes[block + ".grn.beta"] = (1, 1, text_hidden)
        layer(block + ".pwconv2", text_width, text_hidden)
    layer("input_embed.proj", width, 2 * bands + text_width)
    for i in (0, 2):
        layer(f"input_embed.conv_pos_embed.conv1d.{i}", width, width // GROUPS, POSITION_TAPS)
    for i in range(depth):
        block = f"transformer_blocks.{i}"
        layer(block + ".attn_norm.linear", 6 * width, width)
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            layer(f"{block}.attn.{part}", width, width)
        layer(block + ".ff.ff.0.0", hidden, width)
        layer(block + ".ff.ff.2", width, hidden)
    layer("norm_out.linear", 2 * width, width)
    layer("proj_out", bands, width)
    return shapes


def convert(source, out, variant=None, said=licence.Said()):
    def refuse(what):
        sys.exit(f"{source}: {what}")

    terms = licence.keys(source, said, UNKNOWN, ADVICE)
    raw = checkpoint.read(source)
    with open(source, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    if any(name.startswith("ema_model_state_dict.") for name in raw):  # beside the averaged weights lie the last step's
        raw = {name.removeprefix("ema_model_state_dict."): a for name, a in raw.items() if name.startswith("ema_model_state_dict.")}
    turns = [a for name, a in raw.items() if name.endswith("rotary_embed.inv_freq")]
    found = {re.sub(r"\A(ema_model\.)?(transformer\.)?", "", name): a for name, a in raw.items() if not IGNORED.match(name)}
    for name, n in (("text_embed.text_embed.weight", 2), ("input_embed.proj.weight", 2), ("text_embed.text_blocks.0.pwconv1.weight", 2),
                    ("transformer_blocks.0.ff.ff.0.0.weight", 2), ("proj_out.weight", 2)):
        if name not in found or found[name].ndim != n:
            refuse(f"expected an F5-TTS checkpoint with a tensor {name!r} of {n} dimensions, found {'another' if name in found else 'none'}")

    def count(pattern):
        n = 0
        while pattern.format(n) in found:
            n += 1
        return n

    symbols, text_width = found["text_embed.text_embed.weight"].shape
    symbols -= 1  # row 0: no symbol
    bands, width = found["proj_out.weight"].shape
    hidden, text_hidden = found["transformer_blocks.0.ff.ff.0.0.weight"].shape[0], found["text_embed.text_blocks.0.pwconv1.weight"].shape[0]
    depth, text_depth = count("transformer_blocks.{}.attn.to_q.weight"), count("text_embed.text_blocks.{}.dwconv.weight")
    head = 2 * turns[0].size if turns else 64
    if not head or width % GROUPS or width % head:
        refuse(f"expected a width in {GROUPS} groups and in heads of {head}, found {width}")
    tensors = checkpoint.take(source, found, expected(width, depth, hidden, bands, text_width, text_hidden, text_depth, symbols), "F5-TTS")
    tensors = {name: a.reshape(-1) if ".grn." in name else a for name, a in tensors.items()}
    vocabulary = os.path.join(os.path.dirname(os.path.abspath(source)), "vocab.txt")
    try:
        with open(vocabulary, encoding="utf-8") as f:
            names = f.read().split("\n")
    except (OSError, UnicodeDecodeError) as e:
        refuse(f"expected its vocabulary in {vocabulary}: {e}")
    names = names[:-1] if names and names[-1] == "" else names
    if len(names) != symbols or len(set(names)) != len(names):
        refuse(f"expected {symbols} different symbols in {vocabulary}, one a line, found {len(set(names))} in {len(names)} lines")
    if variant is None:
        path = os.path.abspath(source).lower()
        variant = "v1" if re.search(r"v1[_./-]", path) else "v0" if re.search(r"f5tts_(base|small)|v0[_./-]", path) else None
    if variant not in ("v0", "v1"):
        refuse("expected v0 or v1 in its path (F5TTS_v1_Base/...) or said (castwright models import --variant v1), found neither")
    gguf_file.write(out, {
        "general.architecture": "f5",
        "general.name": f"F5-TTS {variant}",
        **terms,
        "castwright.source.sha256": digest,
        "castwright.converter.version": VERSION,
        "f5.bands": bands,
        "f5.width": width,
        "f5.depth": depth,
        "f5.heads": width // head,
        "f5.hidden": hidden,
        "f5.text_width": text_width,
        "f5.text_hidden": text_hidden,
        "f5.text_depth": text_depth,
        "f5.vocabulary": symbols,
        "f5.mask_text": 1 if variant == "v1" else 0,
        "f5.rope_heads": width // head if variant == "v1" else 1,
        "f5.symbols": names,
    }, tensors)
    print(f"{out}: {len(tensors)} tensors, {sum(a.size for a in tensors.values())} weights")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    convert(*sys.argv[1:])
