"""Token agreement with misaki on sentences whose parts of speech were tagged by hand (its own tagger is not in its package):

    python bench/misaki_agreement.py CORPUS... [--count 500] [--language en-us] [--program build/castwright] [--list N]

Needs a Python with `misaki[en]`. CORPUS: *.conllu files of a Universal Dependencies treebank; sentences of 4 to 40 words are drawn from all of
them by the order of their SHA-1. Prints the share of misaki's tokens (what white space parts) that come out the same, and what the others
are, by kind.
"""
import argparse, collections, difflib, hashlib, json, re, subprocess

import misaki.en as en
import misaki.token as mt
from misaki.espeak import EspeakFallback


def sentences(paths):
    """(text, [(form, tag, white space after)]), each once."""
    seen = set()
    for path in paths:
        for block in open(path, encoding="utf-8").read().split("\n\n"):
            text, tokens, skip = None, [], 0
            for line in block.split("\n"):
                if line.startswith("# text = "): text = line[9:]
                cols = line.split("\t")
                if len(cols) < 10 or "." in cols[0]: continue
                space = "" if "SpaceAfter=No" in cols[9] else " "
                if "-" in cols[0]:
                    skip, after = int(cols[0].split("-")[1]), space
                    continue
                inside = int(cols[0]) < skip
                tokens.append((cols[1], cols[4], "" if inside else after if int(cols[0]) == skip else space))
            if text and text not in seen and 4 <= len(text.split()) <= 40 and "".join(f + s for f, _, s in tokens).strip() == text:
                seen.add(text)
                yield text, tokens


def reference(british):
    g = en.G2P.__new__(en.G2P)
    g.version, g.british, g.unk, g.lexicon, g.fallback = None, british, "❓", en.Lexicon(british), EspeakFallback(british)
    make = lambda form, tag, space: mt.MToken(text=form, tag=tag, whitespace=space, _=mt.MToken.Underscore(is_head=True, num_flags="", prespace=False))
    def say(tokens):
        quotes = []
        out = []
        for form, tag, space in tokens:
            if form in ("“", '"') and tag == "``": form = "“"
            if form in ("”", '"') and tag == "''": form = "”"
            out.append(make(form, tag, space))
        g.tokenize = lambda text, t, f: out
        return g("".join(t[0] + t[2] for t in tokens))[0]
    return say


def kind(ours, theirs, word, source, text):
    bare = lambda s: re.sub(r"[ˈˌ]", "", s)
    marks = lambda s: re.sub(r"[;:,.!?—…\"“”()\s]", "", s)
    if re.search(r"\d", word): return "numbers, dates, measures: misaki's own reading or ours"
    if marks(ours) == marks(theirs): return "marks and joins"
    if "❓" in theirs: return "misaki has no sound for it"
    if source == "espeak": return "words of neither lexicon (espeak-ng 1.52 there, 1.51 here)"
    if bare(marks(ours)) == bare(marks(theirs)): return "stress alone"
    if word.isupper() or re.search(r"[a-z][A-Z]|\.", word): return "abbreviations and capitals"
    return "another sound"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("corpus", nargs="+")
    ap.add_argument("--count", type=int, default=500)
    ap.add_argument("--language", default="en-us")
    ap.add_argument("--program", default="build/castwright")
    ap.add_argument("--list", type=int, default=0)
    a = ap.parse_args()
    cases = sorted(sentences(a.corpus), key=lambda c: hashlib.sha1(c[0].encode()).hexdigest())[: a.count]
    say = reference(a.language == "en-gb")
    got = subprocess.run([a.program, "text", "--json", "--language", a.language], input="".join(t + "\n" for t, _ in cases).encode(),
                         stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    flat = subprocess.run([a.program, "text", "--phonemes", "--language", a.language], input="".join(t + "\n" for t, _ in cases).encode(),
                          stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")
    equal = total = 0
    kinds, shown = collections.Counter(), []
    for (text, tokens), line, ours in zip(cases, got, flat):
        x, y = ours.split(), say(tokens).split()
        total += len(y)
        words = [(w["phonemes"], t["text"], w.get("source", t["source"])) for t in json.loads(line)["tokens"] for w in t.get("words", [t])]
        for op, i, j, k, l in difflib.SequenceMatcher(None, x, y, False).get_opcodes():
            if op == "equal":
                equal += j - i
                continue
            mine, theirs = " ".join(x[i:j]), " ".join(y[k:l])
            near = next(((w, s) for p, w, s in words if p and s != "punctuation" and p in mine), ("", ""))
            what = kind(mine, theirs, near[0], near[1], text)
            kinds[what] += max(l - k, 1)
            shown.append((what, near[0], mine, theirs, text[:70]))
    print("%s: %d of %d tokens in %d sentences as misaki says them: %.2f %%" % (a.language, equal, total, len(cases), 100 * equal / total))
    for what, n in kinds.most_common(): print("  %4d  %s" % (n, what))
    for s in sorted(shown)[: a.list]: print("  %s | %s | ours %s | misaki %s | %s" % s)


main()
