"""What the consent check accepts and refuses, counted (docs/voices.md).

  make build/release/bench/bench_consent
  python bench/consent.py WORK --librispeech DIR --texts TSV --asterisk DIR

WORK keeps what is synthesised. --texts: lines RECORDING<tab>TEXT of what is said in recordings of --librispeech. --asterisk: the folder with
phonetic/ and digits/ of asterisk-core-sounds-en-g722 (a person says the code words). Wants numpy, ffmpeg."""
import argparse, os, random, subprocess, sys
import numpy as np

VOICES = "af_heart am_michael bf_emma bm_george af_sky am_adam bf_lily am_fenrir".split()
TERMS = [("Ada Byron", "a podcast about the sea", "2027-05-01"), ("Tom Reed", "my weekly news show", "2030-12-31"),
         ("Siobhan Nguyen", "the audio course of our school", "2026-12-24")]
CODES = ("alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra tango "
         "uniform victor whiskey yankee zulu").split()
DIGITS = "zero one two three four five six seven eight nine".split()

def listen(lines):
    out = subprocess.run(["build/release/bench/bench_consent"], input="\n".join(lines) + "\n", text=True, stdout=subprocess.PIPE, check=True)
    return [l.split("\t") for l in out.stdout.splitlines()]

def count(name, lines):
    rows = listen([f"say {a}\t{b}\t{n}" for a, b, n in lines])
    words = [int(r[2]) / max(1, int(r[3])) for r in rows]
    codes = [int(r[4]) for r in rows]
    print(f"{name}: {len(rows)} recordings, {sum(r[6] == 'accepted' for r in rows)} accepted; words {min(words):.2f} to {max(words):.2f}, "
          f"mean {np.mean(words):.2f}; code words {min(codes)} to {max(codes)} of {rows[0][5]}, five or more {sum(c >= 5 for c in codes)} times",
          flush=True)

def spell(work, folder, names, i):
    path = f"{work}/spelt-{i}.wav"
    if not os.path.exists(path):
        inputs = sum((["-f", "g722", "-i", f"{folder}/{n}.g722"] for n in names), [])
        chain = "".join(f"[{k}:a]" for k in range(len(names))) + f"concat=n={len(names)}:v=0:a=1"
        subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", chain, "-ar", "16000", path], check=True)
    return path

def main():
    p = argparse.ArgumentParser()
    p.add_argument("work")
    p.add_argument("--librispeech"), p.add_argument("--texts"), p.add_argument("--asterisk")
    a = p.parse_args()
    os.makedirs(a.work, exist_ok=True)
    statements = [subprocess.run(["build/castwright", "voices", "consent", "--speaker", s, "--for", f, "--until", u, "--date", "2026-11-22"], text=True,
                                 stdout=subprocess.PIPE, check=True).stdout.strip() for s, f, u in TERMS]
    right, wrong = [], []
    for v in VOICES:
        for i, text in enumerate(statements):
            path = f"{a.work}/{v}-{i}.wav"
            if not os.path.exists(path):
                subprocess.run(["build/castwright", "say", "--voice", v, text, "-o", path], check=True, stdin=subprocess.DEVNULL)
            right.append((path, text, 6))
            wrong.append((path, statements[(i + 1) % 3], 6))
    count("statements, right", right)
    count("statements, of other terms", wrong)
    if a.asterisk:
        random.seed(1)
        right, wrong = [], []
        for i in range(24):
            digits, codes = random.choices(range(10), k=4), random.sample(CODES, 6)
            path = spell(a.work, a.asterisk, [f"digits/{d}" for d in digits] + [f"phonetic/{c[0]}_p" for c in codes], i)
            said = [DIGITS[d] for d in digits]
            right.append((path, " ".join(said + codes), 6))
            wrong.append((path, " ".join(said + random.sample(CODES, 6)), 6))
        count("a person's code words, right", right)
        count("a person's code words, others", wrong)
    if a.texts:
        rows = [l.rstrip("\n").split("\t") for l in open(a.texts)]
        count("read texts, right", [(r[0], r[1], 0) for r in rows])
        count("read texts, wrong", [(r[0], rows[(i + 1) % len(rows)][1], 0) for i, r in enumerate(rows)])
        count("read texts, as a statement", [(r[0], statements[i % 3], 6) for i, r in enumerate(rows)])
    if a.librispeech:
        files, halves = sorted(f for f in os.listdir(a.librispeech) if f.endswith(".flac")), []
        for f in files:
            for half, cut in enumerate(["atrim=end=", "atrim=start="]):
                path = f"{a.work}/half-{half}-{f}.wav"
                if not os.path.exists(path):
                    length = float(subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0",
                                                   f"{a.librispeech}/{f}"], text=True, stdout=subprocess.PIPE, check=True).stdout)
                    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", f"{a.librispeech}/{f}", "-af", f"{cut}{0.6 * length}", path], check=True)
                halves.append(f"embed {path}")
        x = np.array([[float(n) for n in r[2].split()] for r in listen(halves)]).reshape(len(files), 2, 256)
        same = np.array([x[i, 0] @ x[i, 1] for i in range(len(files))])
        other = np.array([x[i, 0] @ x[j, 1] for i in range(len(files)) for j in range(len(files)) if i != j])
        print(f"speakers: {len(files)}; the same in two parts of a recording {same.min():.3f} at least, mean {same.mean():.3f}; different "
              f"{other.max():.3f} at most, mean {other.mean():.3f}")
        for t in (0.70, 0.72, 0.75, 0.78, 0.80):
            print(f"  asked {t:.2f}: same refused {np.mean(same < t):.4f}, different accepted {np.mean(other >= t):.4f}")

if __name__ == "__main__":
    sys.exit(main())
