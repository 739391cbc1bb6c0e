"""How often a homograph is said as its sentence means it: bench/homographs.py FOLDER [--program build/castwright] [--language en-us]

FOLDER holds wordids.tsv (homograph, wordid, label, pronunciation) and tables of sentences (homograph, wordid, sentence, start, end) in its
sub-folders, or *.tsv files given after it. A word counts as right when its phonemes are nearer to the pronunciation of its wordid than to
that of the other one, by edit distance. --half 0 or 1 takes only the sentences whose SHA-1 is even or odd.
"""
import argparse, collections, csv, glob, hashlib, json, os, subprocess, sys

# The pronunciations' alphabet to misaki's, longest first; both sides then lose length marks and what varies between them.
IPA = [("1zə", "zəz"), ("tiːɹ", "tɪɹ"), ("kjuːmənt", "kjəmənt"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("oʊ", "O"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y"), ("ɚ", "əɹ"), ("r", "ɹ"), ("'", "ˈ"), ("0", ""), ("1", ""),
       ("ː", ""), ("ɫ", "l")]
SAME = [("ː", ""), ("ᵊ", "ə"), ("ᵻ", "ə"), ("ɜ", "ə"), ("T", "t"), ("ɾ", "t"), ("ɒ", "ɑ"), ("Q", "O"), ("ɔ", "ɑ")]


def plain(s, table=()):
    for a, b in list(table) + SAME: s = s.replace(a, b)
    return s


def stress_to_vowel(s):
    """Stress marks stand before a syllable in one alphabet, before its vowel in the other."""
    out, mark = "", ""
    for c in s:
        if c in "ˈˌ": mark = c
        elif c in "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻeo": out, mark = out + mark + c, ""
        else: out += c
    return out


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def rows(path):
    with open(path, encoding="utf-8", newline="") as f: return list(csv.reader(f, delimiter="\t"))[1:]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folder")
    ap.add_argument("tables", nargs="*")
    ap.add_argument("--program", default="build/castwright")
    ap.add_argument("--language", default="en-us")
    ap.add_argument("--half", type=int)
    ap.add_argument("--errors", type=int, default=0, help="print so many of the sentences that were misread")
    ap.add_argument("--words", type=int, default=0, help="print so many of the words, worst first")
    a = ap.parse_args()
    sounds = collections.defaultdict(dict)
    for r in rows(os.path.join(a.folder, "wordids.tsv")): sounds[r[0]][r[1]] = stress_to_vowel(plain(r[3], IPA))
    cases = [r for p in a.tables or sorted(glob.glob(os.path.join(a.folder, "*", "*.tsv"))) for r in rows(p)]
    if a.half is not None: cases = [r for r in cases if int(hashlib.sha1(r[2].encode()).hexdigest(), 16) % 2 == a.half]
    text = "".join(r[2].replace("\n", " ") + "\n" for r in cases)
    got = subprocess.run([a.program, "text", "--json", "--language", a.language], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    lines = got.decode().splitlines()
    assert len(lines) == len(cases)
    right, errors = collections.defaultdict(list), []
    for r, line in zip(cases, lines):
        at = len(r[2][: int(r[3])].encode())
        said = [t["phonemes"] for t in json.loads(line)["tokens"] if t["offset"] <= at < t["offset"] + t["length"]]
        said = stress_to_vowel(plain("".join(said)))
        far = sorted((distance(said, s), w) for w, s in sounds[r[0]].items())
        ok = bool(said) and far[0][1] == r[1] and (len(far) == 1 or far[0][0] < far[1][0])
        right[r[0]].append(ok)
        if not ok: errors.append((r[0], r[1], said, r[2][max(0, int(r[3]) - 60) : int(r[4]) + 45]))
    total = sum(map(len, right.values()))
    good = sum(map(sum, right.values()))
    print("%d sentences, %d words: %.2f %% right; mean over the words %.2f %%" % (
        total, len(right), 100 * good / total, 100 * sum(sum(v) / len(v) for v in right.values()) / len(right)))
    for w, v in sorted(right.items(), key=lambda x: sum(x[1]) - len(x[1]))[: a.words]: print("  %-14s %d of %d" % (w, sum(v), len(v)))
    for e in errors[:: max(1, len(errors) // a.errors)] if a.errors else []: print("  %s, meant %s, said %s: %s" % e)


main()
