"""A folder of recordings with texts out of Asterisk's prompts (Debian's packages, for bench/clone.py), 16 kHz:

    apt-get download asterisk-core-sounds-en asterisk-core-sounds-en-g722
    for p in asterisk-core-sounds-en*.deb; do dpkg -x $p prompts; done
    python bench/prompts.py prompts FOLDER [en|es|fr|it]

(fr: asterisk-core-sounds-fr and -fr-g722, and so on.) Takes what is said in nine words or more and 3.5 to 22 s, and is written as it is said (no notes in brackets, nothing that starts in the
middle), one of those that begin alike, in an order that mixes them. Needs av (PyAV, for G.722), numpy, soundfile.
"""
import glob, gzip, os, re, sys, zlib
import av, numpy as np, soundfile

RATE = 16000


def lost(text):
    """A question mark in place of a letter with an accent, as the Italian list has them."""
    return re.search(r"\?\s+[a-z]|\?[a-z]", text) is not None


def main():
    root, out, language = (sys.argv[1:] + ["en"])[:3]
    os.makedirs(out, exist_ok=True)
    found, begun = [], set()
    for line in gzip.open(glob.glob(f"{root}/usr/share/doc/*/core-sounds-{language}.txt.gz")[0], "rt", encoding="utf-8", errors="replace"):
        name, _, text = line.strip().partition(": ")
        path = glob.glob(f"{root}/usr/share/asterisk/sounds/{language}_*/{glob.escape(name)}.g722")
        if not path or len(text.split()) < 9 or any(c in text for c in '([*"#\ufffd') or "..." in text or lost(text):
            continue
        with av.open(path[0], format="g722") as sound:
            x = np.concatenate([f.to_ndarray().reshape(-1) for f in sound.decode(audio=0)])
        if not 3.5 <= len(x) / RATE <= 22:
            continue
        if " ".join(text.lower().split()[:4]) not in begun:
            found.append((zlib.crc32(name.encode()), text, x))
        begun.add(" ".join(text.lower().split()[:4]))
    for i, (_, text, x) in enumerate(sorted(found, key=lambda f: f[0])):
        soundfile.write(f"{out}/{i:02}.wav", x.astype(np.int16), RATE)
        with open(f"{out}/{i:02}.txt", "w") as t:
            t.write(text + "\n")
    print(f"{len(found)} recordings, {sum(len(x) for _, _, x in found) / RATE:.0f} s")


main()
