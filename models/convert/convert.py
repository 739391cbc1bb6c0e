"""A published model file of a kind that is known here -> GGUF: finds out which it is and runs its converter.

    convert.py IN OUT.gguf [v0|v1] [--licence=ID] [--licence-file=FILE]

ONNX: Kokoro, HiFi-GAN; safetensors or PyTorch: Vocos, F5-TTS, whose variant may be said. The licence (licence.py): of all but Kokoro.
"""
import sys

import checkpoint
import f5
import licence
import vocos


def choose(source):
    with open(source, "rb") as f:
        raw = f.read(16)
    if raw[:2] == b"PK" or checkpoint.is_safetensors(raw):
        names = checkpoint.read(source)
        for kind, parts in (f5, ("text_embed.", "transformer_blocks.")), (vocos, ("backbone.", "head.out.")):
            if any(part in name for name in names for part in parts):
                return kind
        sys.exit(f"{source}: expected a checkpoint of F5-TTS or of Vocos, found {next(iter(names), 'nothing')!r} among {len(names)} tensors")
    import hifigan
    import kokoro
    import onnx
    try:
        names = {t.name for t in onnx.load(source, load_external_data=False).graph.initializer}
    except Exception as e:
        sys.exit(f"{source}: expected an ONNX file, a safetensors file or a PyTorch archive: {e}")
    return hifigan if names & {"conv_pre.weight", "conv_post.weight"} else kokoro


def convert(source, out, *variant, said=licence.Said()):
    kind = choose(source)
    if variant and kind is not f5:
        sys.exit(f"{source}: expected an F5-TTS checkpoint for the variant {variant[0]}, found another model")
    if kind.__name__ == "kokoro":
        if said != licence.Said():
            sys.exit(f"{source}: expected no licence for a Kokoro, whose own is known, found one said")
        kind.convert(source, out)
    else:
        kind.convert(source, out, *variant, said=said)


if __name__ == "__main__":
    given, told = [], {}
    for argument in sys.argv[1:]:
        option, equals, value = argument.partition("=")
        if equals and option in ("--licence", "--licence-file"):
            told["name" if option == "--licence" else "file"] = value
        else:
            given.append(argument)
    if len(given) not in (2, 3):
        sys.exit(__doc__)
    try:
        convert(*given, said=licence.Said(**told))
    except SystemExit as e:  # a library's words may take several lines; a refusal is one
        sys.exit(e.code.replace("\n", " ") if isinstance(e.code, str) else e.code)
    except Exception as e:  # what no converter foresaw in a file is a sentence about that file too
        what = f"{type(e).__name__} {e}".replace("\n", " ")
        sys.exit(f"{given[0]}: expected a checkpoint that can be converted, found one that ends in {what}")
