"""The tagger's weights (tts/tagger_weights.c) from a corpus with hand-made tags; run by a developer, never at set-up.

    python tts/train_tagger.py UD_English-EWT tests/tagger_expected.h > tts/tagger_weights.c       needs numpy, scipy, scikit-learn

UD_English-EWT is the folder of that treebank (CC BY-SA 4.0): its *.conllu files, found in any sub-folder, are read. A tag is told from
the words around a word, by a linear model; the features below and those of tts/tagger.c are one list, kept in step by the test
`pronounce.tagger`. A feature is kept as 24 bits of its FNV-1a hash, a weight as a sixth of a unit.
"""
import collections, glob, os, sys, warnings

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

CLASS = {"NN": "N", "NNS": "N", "NNP": "N", "NNPS": "N", "JJ": "J", "JJR": "J", "JJS": "J", "RB": "J", "VB": "V", "VBP": "V",
         "VBZ": "V", "VBD": "D", "VBN": "P"}
ORDER = "VNJDP"  # of enum word_class in tts/tagger.c
FEATURES = 9000
SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
MODALS = b"to will would can could shall should may might must do does did don't doesn't didn't won't wouldn't can't cannot couldn't shouldn't let help".split()
BE = b"am is are was were be been being has have had".split()


def mark(form):
    """The sign that stands for a mark; None where it is looked through (quotes and the like)."""
    if form in (".", "!", "?", "…", "..."): return b"<.>"
    if form == ",": return b"<,>"
    if form in (";", ":", "—", "–", "--", "-"): return b"<:>"
    if form in ("(", ")", "[", "]"): return b"<(>"
    return None


def sentences(folder):
    """Lists of (token, tag): contractions and hyphenated words are one token, with the tag of the first, of the last part."""
    seen = set()
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.conllu"), recursive=True)):
        for block in open(path, encoding="utf-8").read().split("\n\n"):
            out, skip, glue, tight = [], 0, False, False
            lines = [l for l in block.split("\n") if l]
            names = [l for l in lines if l.startswith("# sent_id")]
            if names and names[0] in seen: continue
            seen.update(names)
            for cols in (l.split("\t") for l in lines if l[0] != "#"):
                if "." in cols[0]: continue
                if "-" in cols[0]:
                    skip = int(cols[0].split("-")[1])
                    out.append([cols[1], None])
                    tight = "SpaceAfter=No" in cols[9]
                    continue
                if int(cols[0]) <= skip:
                    if out[-1][1] is None: out[-1][1] = cols[4]
                    continue
                now = "SpaceAfter=No" in cols[9]
                if cols[1] == "-" and now and out and tight:
                    out[-1][0] += "-"
                    glue = True
                elif glue:
                    out[-1] = [out[-1][0] + cols[1], cols[4]]
                    glue = False
                else:
                    out.append([cols[1], cols[4]])
                tight = now
            tokens = []
            for form, tag in out:
                form = form.replace("’", "'")
                if not any(c.isalnum() for c in form):
                    if mark(form): tokens.append((mark(form), None))
                else:
                    tokens.append((b"<0>" if any(c.isdigit() for c in form) else form.encode(), tag))
            if tokens: yield tokens


def features(words, i, function):
    n = len(words)
    low = lambda k: words[i + k].lower() if 0 <= i + k < n else b"<|>"
    kind = lambda w: w if w in function or w[:1] == b"<" else b"~" + w[-2:]
    out = []
    for k in (-2, -1, 1, 2):
        w, at = low(k), b"%d" % (k + 3)
        out.append(b"w" + at + w)
        if w[:1] != b"<":
            out += [b"s" + at + w[-3:], b"t" + at + w[-2:]]
            if words[i + k][:1].isupper() and i + k > 0: out.append(b"c" + at)
            if w.endswith((b"'s", b"s'")): out.append(b"o" + at)
    out += [b"w0" + low(-3), b"w6" + low(3), b"b" + kind(low(-1)) + b"|" + kind(low(1)), b"p" + kind(low(-2)) + b"|" + kind(low(-1)),
            b"n" + kind(low(1)) + b"|" + kind(low(2))]
    me = words[i].lower()
    out += [b"m" + me[-3:], b"l" + me[-2:], b"z" + (b"s" if me.endswith(b"s") and not me.endswith(b"ss") else b"b"), b"W" + me]
    out.append(b"i" + (b"f" if i == 0 else b"c" if words[i][:1].isupper() else b"l"))
    for k in range(1, 9):  # what governs the clause so far
        w = low(-k)
        if w in (b"<.>", b"<|>"): break
        if w in MODALS:
            out += [b"gm", b"gm%d" % min(k, 4)]
            break
        if w in BE:
            out.append(b"gb")
            break
        if len(w) > 4 and w.endswith(b"ed"):
            out.append(b"ge")
            break
        if len(w) > 5 and w.endswith(b"ing"):
            out.append(b"gi")
            break
    if low(-1) in (b"and", b"or", b"<,>"):  # joined to what?
        out.append(b"j" + low(-2)[-2:] + low(-1))
        for k in range(2, 8):
            if low(-k) in function:
                out.append(b"J" + low(-k))
                break
            if low(-k) == b"<|>": break
    for k in range(1, 7):  # a verb to come in this clause?
        w = low(k)
        if w in (b"<.>", b"<,>", b"<|>"):
            out.append(b"e")
            break
        if (w in MODALS and w != b"to") or w in BE:
            out.append(b"v%d" % min(k, 3))
            break
    out.append(b"B")
    return sorted(set(out))


def fnv(feature):
    h = 2166136261
    for b in feature: h = ((h ^ b) * 16777619) & 0xFFFFFFFF
    return (h ^ (h >> 24)) & 0xFFFFFF


def digits(value, n):
    return "".join(SYMBOLS[(value >> (6 * k)) & 63] for k in range(n - 1, -1, -1))


def that_weights(data, function):
    """Is "that" a demonstrative? Its own model, its features after an "@", its answer where a verb's would be."""
    X, Y = [], []
    for s in data:
        words = [w for w, _ in s]
        for i, (w, t) in enumerate(s):
            if w.lower() in (b"that", b"that's") and t in ("DT", "IN", "WDT"):
                X.append([b"@" + f for f in features(words, i, function)])
                Y.append(t == "DT")
    seen = collections.Counter(f for F in X for f in F)
    names = sorted({fnv(f): f for f, n in seen.items() if n >= 3}.values(), key=fnv)
    index = {f: k for k, f in enumerate(names)}
    at = [(r, index[f]) for r, F in enumerate(X) for f in F if f in index]
    A = csr_matrix((np.ones(len(at), np.float32), tuple(zip(*at))), shape=(len(X), len(names)))
    Y = np.array(Y)
    test = np.arange(len(Y)) % 10 == 0
    fit = lambda A, Y: LogisticRegression(C=0.3, max_iter=200).fit(A, Y)
    print("that: %d features, %.2f %% right of those held out" % (len(names), 100 * fit(A[~test], Y[~test]).score(A[test], Y[test])), file=sys.stderr)
    model = fit(A, Y)
    whole = model.coef_[0] + model.intercept_[0] * np.array([f == b"@B" for f in names])
    put = lambda x: np.array([np.clip(round(x * 6), -31, 31) + 32] + [32] * (len(ORDER) - 1))
    return {fnv(f): put(w) for f, w in zip(names, whole) if round(w * 6)}


SAMPLE = """The committee will present its report , and the chairman can object .
They refuse to separate the eggs ( and the shells ) before lunch .
He has read all books ; she reads more and records the results .
Tom's present was wrapped by a well-known artist ."""


def write_expected(path, table, function):
    """What the C side must score, for tests/tagger_expected.h."""
    with open(path, "w") as f:
        print("/* Made by tts/train_tagger.py: the trainer's own scores. */\n#include <stddef.h>\n\nstatic const struct {\n    const char *text;\n    size_t token;\n    int score[5];\n"
              "} tagger_expected[] = {", file=f)
        for line in SAMPLE.split("\n"):
            forms = line.split()
            words = [mark(w) or (b"<0>" if w.isdigit() else w.encode()) for w in forms]
            text = line.replace(" ,", ",").replace(" .", ".").replace(" ;", ";").replace("( ", "(").replace(" )", ")")
            for i, w in enumerate(words):
                if w[:1] == b"<": continue
                score = sum((table.get(fnv(x), np.full(5, 32)) - 32 for x in features(words, i, function)), np.zeros(5, int))
                print('    {"%s", %d, {%s}},' % (text, i, ", ".join(str(int(x)) for x in score)), file=f)
        print("};", file=f)


def main():
    warnings.filterwarnings("ignore")
    data = list(sentences(sys.argv[1]))
    count, closed = collections.Counter(), collections.Counter()
    for s in data:
        for w, t in s:
            if w[:1] != b"<":
                count[w.lower()] += 1
                closed[w.lower()] += t not in CLASS and t != "VBG"
    function = {w for w, n in closed.items() if n >= 15 and n > count[w] * 0.5}
    X, Y = [], []
    for s in data:
        words = [w for w, _ in s]
        for i, (w, t) in enumerate(s):
            if t in CLASS and w[:1].isalpha() and w.lower() not in function:
                X.append(features(words, i, function))
                Y.append(ORDER.index(CLASS[t]))
    Y = np.array(Y)
    seen = collections.Counter(f for F in X for f in F)
    names = sorted(f for f, n in seen.items() if n >= 3)

    def matrix(keep):
        index = {f: k for k, f in enumerate(keep)}
        rows, cols = [], []
        for r, F in enumerate(X):
            for f in F:
                if f in index:
                    rows.append(r)
                    cols.append(index[f])
        return csr_matrix((np.ones(len(rows), np.float32), (rows, cols)), shape=(len(X), len(keep)))

    A = matrix(names)
    test = np.arange(len(Y)) % 10 == 0
    fit = lambda A, Y: LogisticRegression(C=0.3, max_iter=60).fit(A, Y)
    first = fit(A[~test], Y[~test])
    weight = np.abs(first.coef_ - first.coef_.mean(0)).max(0) * np.sqrt(np.asarray(A.sum(0)).ravel())
    keep = sorted({fnv(names[k]): names[k] for k in np.argsort(weight)[-FEATURES:]}.values(), key=fnv)
    A = matrix(keep)
    held_out = fit(A[~test], Y[~test])
    print("tagger: %d features, %.2f %% right on held-out words" % (len(keep), 100 * held_out.score(A[test], Y[test])), file=sys.stderr)
    model = fit(A, Y)
    coef = model.coef_ - model.coef_.mean(0)
    table = {fnv(f): np.clip(np.rint(coef[:, k] * 6), -31, 31).astype(int) + 32 for k, f in enumerate(keep)}
    table[fnv(b"B")] = np.clip(np.rint((coef[:, keep.index(b"B")] if b"B" in keep else 0) * 6 + model.intercept_ * 6), -31, 31).astype(int) + 32
    table.update(that_weights(data, function))
    for w in function: table.setdefault(fnv(b"F" + w), np.full(len(ORDER), 32))
    entries = ["".join([digits(h, 4)] + [SYMBOLS[x] for x in w]) for h, w in sorted(table.items())]
    print("/* Made by tts/train_tagger.py from UD_English-EWT (CC BY-SA 4.0): do not edit. %d entries of nine symbols, sorted by hash: four of a\n"
          " * feature's hash, then a weight for each class. */" % len(entries))
    print('#include "tts/tagger.h"\n\n/* clang-format off */')
    print("const size_t cw_tagger_entries = %d;\nconst char cw_tagger_table[][CW_TAGGER_ROW * CW_TAGGER_ENTRY + 1] = {" % len(entries))
    if len(sys.argv) > 2: write_expected(sys.argv[2], table, function)
    for k in range(0, len(entries), 14): print('    "%s",' % "".join(entries[k : k + 14]))
    print("};")


main()
