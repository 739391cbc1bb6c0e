"""How like its speaker a trained voice is, on recordings that nothing was fitted to:

    python bench/clone.py --models DIR [--program build/castwright] [--work DIR] [--tier low-rank] [--steps N]
                           [--encoder-loss] [--judge JUDGE.py [--sentences FILE]] [--others DIR] [--seconds S]
                           [--language en|fr|it] FLAC-OR-FOLDER...

Needs the Python of the evaluation tools (Whisper base, Resemblyzer, librosa; DIR holds whisper-base and resemblyzer). FLAC: one utterance a
speaker. The first 60 % of each, cut at a pause, is what the voice is learnt from (its text by Whisper); the rest is what it is compared with.
FOLDER: a speaker's recordings, NAME.wav with NAME.txt (bench/prompts.py makes one). Those that come first by name, S seconds of them (60),
are what the voice is learnt from; the others, a minute of them, are what it is compared with. A line a speaker and tier:

    GE2E   cosine of Resemblyzer's embedding of each of five sentences to the rest's, their mean (GE2E is in no loss, unless --encoder-loss puts
           it there: then it flatters, and the labels say so)
    set    the same of the five embeddings' mean, as the evaluation tools' similarity.py has it: three seconds alone are heard less surely.
           The ceiling is the recording in pieces of 3.5 s
    MFCC   cosine in a space of linear discriminants of MFCC statistics, learnt from the speakers of --others (the folder of the first FLAC)
           that are not named on the command line. It hears
           the room and the microphone as well, and knows nothing of what the voice was fitted by
    WER, DNSMOS of the five sentences (with --judge), or of FILE's, one a line: stock and the highest tier; minutes of wall clock and of
    processor and peak memory (MiB) of `voices clone`, all tiers together

with the nearest stock voice as the floor and the first 60 % itself, in such pieces, as the ceiling. A speaker whose report stands in --work is not learnt again.
"""
import argparse, glob, json, os, subprocess, sys, time
import numpy as np, librosa, soundfile
from judging import judged

SENTENCES = {
    "en": ["The tide turned before noon, and nobody on the pier had noticed.",
           "My brother bought seven yellow lamps at the market last week.",
           "Would you rather read the letter now, or wait until the others come?",
           "Heavy rain is expected in the north, with strong winds along the coast.",
           "She closed the old wooden gate and walked slowly across the field."],
    "fr": ["La marée a tourné avant midi, et personne sur le quai ne l'a remarqué.",
           "Mon frère a acheté sept lampes jaunes au marché la semaine dernière.",
           "Voulez-vous lire la lettre maintenant, ou attendre que les autres arrivent ?",
           "De fortes pluies sont attendues dans le nord, avec du vent le long de la côte.",
           "Elle a fermé la vieille porte en bois et a traversé lentement le champ."],
    "it": ["La marea è cambiata prima di mezzogiorno, e nessuno sul molo se ne è accorto.",
           "Mio fratello ha comprato sette lampade gialle al mercato la settimana scorsa.",
           "Preferisci leggere la lettera adesso, o aspettare che arrivino gli altri?",
           "Si prevedono forti piogge al nord, con venti intensi lungo la costa.",
           "Ha chiuso il vecchio cancello di legno e ha attraversato lentamente il campo."]}


PIECE = 56000  # 3.5 s of 16 kHz: as long as such a sentence


def cut_at_pause(x, rate):
    """The quietest 50 ms between 55 % and 70 % of x."""
    n = rate // 20
    at = range(int(0.55 * len(x)), int(0.70 * len(x)), n // 5)
    return min(at, key=lambda i: float(np.sum(x[i:i + n] ** 2))) + n // 2


def statistics(x, rate=16000):
    """MFCC statistics of what is not silence, [76]."""
    m = librosa.feature.mfcc(y=x, sr=rate, n_mfcc=20, n_fft=512, hop_length=160, n_mels=40, fmax=7600)
    keep = m[0] > np.percentile(m[0], 30)
    m, d = m[1:, keep], librosa.feature.delta(m)[1:, keep]
    return np.concatenate([m.mean(1), m.std(1), d.std(1), np.percentile(m, 90, axis=1) - np.percentile(m, 10, axis=1)])


def discriminants(files):
    """Mean and projection: linear discriminants of 3 s pieces of each file, its level and ends cut off."""
    rows, who = [], []
    for f in files:
        x, _ = librosa.load(f, sr=16000)
        k = len(set(who))
        for i in range(0, len(x) - 48000 + 1, 24000):
            rows.append(statistics(x[i:i + 48000])); who.append(k)
    rows, who = np.array(rows), np.array(who)
    mean, scale = rows.mean(0), rows.std(0) + 1e-9
    z = (rows - mean) / scale
    within = sum(np.cov(z[who == k].T, bias=True) * np.sum(who == k) for k in set(who)) / len(z) + 0.3 * np.eye(z.shape[1])
    means = np.array([z[who == k].mean(0) for k in sorted(set(who))])
    values, vectors = np.linalg.eigh(np.linalg.solve(np.linalg.cholesky(within), np.cov(means.T)) @ np.linalg.inv(np.linalg.cholesky(within)).T)
    return mean, scale, np.linalg.inv(np.linalg.cholesky(within)).T @ vectors[:, -20:]


def place(space, x):
    mean, scale, axes = space
    v = ((statistics(x) - mean) / scale) @ axes
    return v / np.linalg.norm(v)


def folder(path, seconds):
    """Paths to learn from, their sound, and sound to compare with: 16 kHz."""
    mine, parts = [], [[], []]
    for f in sorted(glob.glob(os.path.join(path, "*.wav"))):
        k = int(sum(map(len, parts[0])) >= seconds * 16000)
        parts[k].append(librosa.load(f, sr=16000)[0])
        mine += [f] if k == 0 else []
    return mine, np.concatenate(parts[0]), np.concatenate(parts[1])[:60 * 16000]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--models", required=True)
    ap.add_argument("--program", default="build/castwright")
    ap.add_argument("--work", default="clone-bench")
    ap.add_argument("--tier", default="low-rank")
    ap.add_argument("--steps", type=int)
    ap.add_argument("--encoder-loss", action="store_true")
    ap.add_argument("--judge", help="judge.py of the evaluation tools")
    ap.add_argument("--sentences", help="thirty.txt: what WER and DNSMOS are of")
    ap.add_argument("--others", help="a folder of FLAC, one utterance a speaker")
    ap.add_argument("--language", default="en", choices=SENTENCES)
    ap.add_argument("--seconds", type=float, default=60)
    ap.add_argument("files", nargs="+")
    a = ap.parse_args()
    sys.path.insert(0, a.models)
    from faster_whisper import WhisperModel
    from resemblyzer import VoiceEncoder, preprocess_wav
    encoder = VoiceEncoder("cpu", verbose=False)
    asr = WhisperModel(a.models + "/whisper-base", device="cpu", compute_type="int8", cpu_threads=2)
    os.makedirs(a.work, exist_ok=True)
    env = dict(os.environ, CASTWRIGHT_VOICES=os.path.abspath(a.work) + "/voices", CASTWRIGHT_CONFIG=os.path.abspath(a.work) + "/config")
    code = {"en": "en-us", "fr": "fr-fr"}.get(a.language, a.language)
    named = {os.path.abspath(f) for f in a.files}
    others = a.others or next(os.path.dirname(os.path.abspath(f)) for f in a.files if os.path.isfile(f))
    others = [f for f in sorted(glob.glob(os.path.join(os.path.abspath(others), "*.flac"))) if f not in named]
    space = discriminants(others)

    def ge2e(x): return encoder.embed_utterance(preprocess_wav(x, 16000))

    def score(waves, rest):
        e = ge2e(rest); p = place(space, rest)
        g = np.array([ge2e(w) for w in waves]); m = [float(place(space, w) @ p) for w in waves]
        centre = g.mean(axis=0)
        return float(np.mean(g @ e)), float(centre @ e / np.linalg.norm(centre)), float(np.mean(m))

    def say(voice, leaf, sentences):
        waves = []
        for i, s in enumerate(sentences):
            out = f"{a.work}/{leaf}-{i}.wav"
            subprocess.run([a.program, "say", s, "--voice", voice, "--language", code, "-o", out], env=env, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            waves.append(librosa.load(out, sr=16000)[0])
        return waves

    rows, tiers = [], ["likeness", "style", "offsets", "low-rank"]
    print("speaker\tvoice\tGE2E\tset\tMFCC\tWER\tDNSMOS\tminutes\tCPU minutes\tMiB")
    for f in a.files:
        speaker = os.path.basename(f.rstrip("/")).split(".")[0]
        name = "s" + speaker.split("-")[0]
        if os.path.isdir(f):
            mine, first, rest = folder(f, a.seconds)
        else:
            x, rate = soundfile.read(f)
            at = cut_at_pause(x, rate)
            mine = [f"{a.work}/{name}.wav"]
            soundfile.write(mine[0], x[:at], rate)
            first, rest = x[:at].astype(np.float32), x[at:].astype(np.float32)
            with open(f"{a.work}/{name}.txt", "w") as t:
                t.write(" ".join(s.text.strip() for s in asr.transcribe(first, language="en", beam_size=5)[0]) + "\n")
        command = [a.program, "voices", "clone", name, *mine, "--i-am-the-speaker", "--speaker", "LibriSpeech reader", "--for",
                   "measuring voices", "--until", "2035-01-01", "--language", code, "--tier", a.tier, "--each-tier", "--json"]
        command += (["--steps", str(a.steps)] if a.steps else []) + (["--encoder-loss"] if a.encoder_loss else [])
        if not os.path.exists(f"{a.work}/{name}.report"):
            began = time.time()
            done = subprocess.Popen(command, env=env, stdout=open(f"{a.work}/{name}.json", "w"), stderr=open(f"{a.work}/{name}.log", "w"))
            _, status, used = os.wait4(done.pid, 0)
            if status != 0:
                print(f"{speaker}\tnot learnt: {open(f'{a.work}/{name}.log').read().strip().splitlines()[-1]}", flush=True)
                continue
            report = json.load(open(f"{a.work}/{name}.json"))
            report["used"] = (time.time() - began) / 60, (used.ru_utime + used.ru_stime) / 60, used.ru_maxrss / 1024
            json.dump(report, open(f"{a.work}/{name}.report", "w"))
        report = json.load(open(f"{a.work}/{name}.report"))
        minutes, cpu, memory = report["used"]
        voices = [("stock", report["nearest"])] + [(t, name if t == a.tier else f"{name}_{t.replace('-', '_')}")
                                                   for t in tiers[:tiers.index(a.tier) + 1]]
        for label, voice in voices:
            waves = say(voice, f"{name}-{label}", SENTENCES[a.language])
            extra = "\t"
            if a.judge and (not a.sentences or label in ("stock", a.tier)):
                leaf, sentences = f"{name}-{label}", SENTENCES[a.language]
                if a.sentences:
                    leaf, sentences = f"{leaf}-all", [s.strip() for s in open(a.sentences) if s.strip()]
                    say(voice, leaf, sentences)
                sounds = [f"{a.work}/{leaf}-{i}.wav" for i in range(len(sentences))]
                extra = "%(wer).3f\t%(dnsmos).2f" % judged(a.judge, a.models, a.language, f"{a.work}/{name}-{label}.tsv", sounds, sentences)
            g, whole, m = score(waves, rest)
            rows.append((label, g, whole, m, *(float(x) for x in extra.split("\t") if x)))
            last = label == a.tier
            shown = label + (" (encoder in the loss)" if a.encoder_loss and label in tiers[1:] else "")
            print(f"{speaker}\t{shown}\t{g:.3f}\t{whole:.3f}\t{m:.3f}\t{extra}\t" + (f"{minutes:.1f}\t{cpu:.1f}\t{memory:.0f}" if last else "\t\t"),
                  flush=True)
        g, whole, m = score([first[i:i + PIECE] for i in range(0, len(first) - PIECE + 1, PIECE)], rest)
        rows.append(("recording", g, whole, m))
        print(f"{speaker}\trecording\t{g:.3f}\t{whole:.3f}\t{m:.3f}", flush=True)
    for label in ["stock"] + tiers + ["recording"]:
        some = [r[1:] for r in rows if r[0] == label]
        if some:
            print(f"mean of {len(some)}\t{label}\t" + "\t".join(f"{x:.3f}" for x in np.mean(some, axis=0)))


main()
