"""misaki's gold dictionaries (us_gold.json, gb_gold.json) -> us.lex, gb.lex, which C searches without parsing JSON.

    lexicon.py SOURCE_FOLDER OUT_FOLDER

A .lex file is UTF-8, one entry a line, sorted by the bytes of the word so that a reader can search it by halves:

    #castwright-lexicon 1 us                                     always the first line
    word<TAB>phonemes
    word<TAB>DEFAULT=phonemes<TAB>VERB=phonemes...               pronunciations by part of speech; "None" is: at a phrase's end
    word<TAB>DEFAULT=phonemes<TAB>SPELL=NOUN                     as a noun the word is spelled letter by letter
"""
import json
import os
import re
import sys

VERSION = 1
TAG = re.compile(r"[A-Za-z]+\Z")


def entry(word, value, where):
    def clean(text, what):
        if not isinstance(text, str) or not text or any(ord(c) < 32 or c in "=\x7f" for c in text):
            sys.exit(f"{where}: {word!r}: expected {what} as printable text, found {text!r}")
        return text

    clean(word.replace("=", ""), "a word")
    if isinstance(value, str):
        return f"{word}\t{clean(value, 'phonemes')}"
    if not isinstance(value, dict) or not isinstance(value.get("DEFAULT"), str):
        sys.exit(f"{where}: {word!r}: expected phonemes, or pronunciations with a DEFAULT, found {value!r}")
    tags = ["DEFAULT"] + sorted(tag for tag, p in value.items() if tag != "DEFAULT" and p is not None)
    spelled = sorted(tag for tag, p in value.items() if p is None)
    if not all(TAG.match(tag) and tag != "SPELL" for tag in tags + spelled):
        sys.exit(f"{where}: {word!r}: expected parts of speech, found {sorted(value)}")
    fields = [f"{tag}={clean(value[tag], 'phonemes')}" for tag in tags] + [f"SPELL={tag}" for tag in spelled]
    return "\t".join([word] + fields)


def convert(source, out, language):
    with open(source, encoding="utf-8") as f:
        words = json.load(f)
    if not isinstance(words, dict) or not words:
        sys.exit(f"{source}: expected an object of words")
    first = f"#castwright-lexicon {VERSION} {language}"
    lines = [first]
    for word in sorted(words, key=lambda w: w.encode("utf-8")):
        if word.encode("utf-8") <= b"#~":
            sys.exit(f"{source}: {word!r}: expected a word that sorts after the file's first line")
        lines.append(entry(word, words[word], source))
    with open(out, "wb") as f:
        f.write(("\n".join(lines) + "\n").encode("utf-8"))
    print(f"{out}: {len(words)} words")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for name in ("us", "gb"):
        convert(os.path.join(sys.argv[1], f"{name}_gold.json"), os.path.join(sys.argv[2], f"{name}.lex"), name)
