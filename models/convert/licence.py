"""Under which licence a checkpoint was published: what whoever brings it says, else what a safetensors file says of itself, else the licence
file beside it, else not known. It comes from strangers and is shown on use: short, of printable characters, with where it is from."""
import collections
import os
import re
import stat
import sys
import unicodedata

import checkpoint

TEXT_MAX, SHOWN_MAX = 64 << 10, 240  # bytes
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,62}\Z")
BESIDE = ("LICENSE", "LICENSE.txt", "LICENSE.md")

Said = collections.namedtuple("Said", "name file", defaults=(None, None))  # an identifier; the path of a text


def _checked(raw, where, refuse):
    if len(raw) > TEXT_MAX:
        refuse(f"{where}: expected a licence of at most {TEXT_MAX} bytes, found more")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        refuse(f"{where}: expected a licence in UTF-8, found other bytes after {e.start}")
    odd = next((c for c in text if unicodedata.category(c) == "Cc" and c not in "\t\n\r\f"), None)
    if odd:
        refuse(f"{where}: expected a licence's text, found the control character U+{ord(odd):04X}")
    if not text.strip():
        refuse(f"{where}: expected a licence's text, found nothing")
    return text


def _read(path, where, refuse):
    try:
        with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as f:  # a pipe would be waited for
            if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                refuse(f"{where}: expected a licence's text, found no ordinary file")
            raw = f.read(TEXT_MAX + 1)
    except (OSError, ValueError) as e:
        refuse(f"{where}: expected a licence's text: {getattr(e, 'strerror', None) or e}")
    return _checked(raw, where, refuse)


def _of_itself(source, refuse):
    told, found = checkpoint.metadata(source, refuse), {}
    for key in "license", "licence":
        value = told.get(key, "")
        if not isinstance(value, str):
            refuse(f"__metadata__ {key!r}: expected a licence's text, found {type(value).__name__}")
        if value.strip():
            found[key] = _checked(value.strip().encode("utf-8", "surrogatepass"), f"__metadata__ {key!r}", refuse)
    if len(set(found.values())) > 1:
        refuse("__metadata__: expected one licence, found another as 'license' than as 'licence'")
    return next(iter(found.values()), None)


def _shown(text):
    line = " ".join("".join(c if c.isprintable() else " " for c in text).replace('"', "'").split())
    cut = line.encode("utf-8")[:SHOWN_MAX].decode("utf-8", "ignore")
    return f'says: "{line}"' if cut == line else f'begins: "{cut} …"'


def keys(source, said, unknown, advice=""):
    """The GGUF's metadata about the licence; `advice` ends what is shown. Exits with a line that names the checkpoint otherwise."""
    def refuse(what):
        sys.exit(f"{source}: {what}")

    name, text, whence = said.name, None, ""
    if name is not None and not IDENTIFIER.match(name):
        refuse(f"--licence: expected an identifier as SPDX has them (Apache-2.0), at most 63 letters, digits, '.', '+' and '-', found {name[:80]!r}")
    if said.file is not None:
        text, whence = _read(said.file, f"licence file {said.file}", refuse), "The licence file that it was imported with"
    elif name is not None:
        whence = "So said whoever imported it; its publisher's text is not in this file."
    else:
        text = _of_itself(source, refuse)
        if text is not None and IDENTIFIER.match(text):
            name, text, whence = text, None, "So says the checkpoint of itself."
        elif text is not None:
            whence = "The checkpoint"
        else:
            beside = [os.path.join(os.path.dirname(os.path.abspath(source)), leaf) for leaf in BESIDE]
            path = next((p for p in beside if os.path.isfile(p)), None)
            if path is None:
                return {"general.license": "unknown", "castwright.licence": unknown}
            leaf = os.path.basename(path)
            text, whence = _read(path, f"{leaf} beside it", refuse), f"{leaf} beside the checkpoint"
    terms = whence if text is None else f"{whence} {_shown(text)}."
    made = {"general.license": name or "as its text says", "castwright.licence": f"{terms} {advice}".rstrip()}
    return made if text is None else {**made, "castwright.licence.text": text}
