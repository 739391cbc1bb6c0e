"""Mel models beside Kokoro in voices, by sentences: words understood, sound, likeness of voice. For checkpoints of models/train, exported.

    python bench/checkpoints.py --models DIR --judge JUDGE.py --similarity SIMILARITY.py [--speak PROGRAM] [--cache DIR] [--work DIR]
                                [--voice EXPRESSION]... MODEL.gguf...

Needs the Python of the evaluation tools; the thirty sentences are those of bench/sentences.tsv, as they are written. Voices: the two of the default
hosts, two more and two mixtures, unless given. A line for each model and voice: WER by Whisper base, DNSMOS, GE2E cosine of both sides' mean
embeddings, ours and Kokoro's, and how long all is said beside Kokoro. What --work has is not said again.
"""
import argparse, glob, hashlib, os, re, subprocess, wave
from judging import alike, judged

VOICES = ["af_heart", "am_michael", "af_bella*0.5 + bm_george*0.5", "bf_emma", "am_puck", "af_sarah*0.6 + am_fenrir*0.4"]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--models", required=True)
    ap.add_argument("--judge", required=True)
    ap.add_argument("--similarity", required=True)
    ap.add_argument("--speak", default="build/release/models/train/speak")
    ap.add_argument("--cache", default=os.path.expanduser("~/.cache/castwright/models"))
    ap.add_argument("--work", default="checkpoints")
    ap.add_argument("--voice", action="append", default=[])
    ap.add_argument("model", nargs="+")
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sentences.tsv")) as f:
        sentences = [line.split("\t")[0] for line in f if not line.startswith("#")]
    texts = os.path.join(a.work, "sentences.txt")
    with open(texts, "w") as f:
        f.writelines(s + "\n" for s in sentences)

    def said(acoustic, vocoder, voice):
        """The sounds of all sentences, and what the judge says of them."""
        with open(acoustic, "rb") as f:
            sum8 = hashlib.sha256(f.read()).hexdigest()[:8]
        folder = os.path.join(a.work, f"{sum8}-{re.sub('[^a-z0-9_]+', '-', voice)}")
        sounds = sorted(glob.glob(folder + "/*.wav"))
        if len(sounds) != len(sentences):
            subprocess.run([a.speak, "--voice", voice, acoustic, vocoder, texts, folder], check=True, stdout=subprocess.DEVNULL)
            sounds = sorted(glob.glob(folder + "/*.wav"))
        seconds = sum(w.getnframes() / w.getframerate() for w in map(wave.open, sounds))
        return sounds, seconds, judged(a.judge, a.models, "en", folder + ".tsv", sounds, sentences)

    kokoro = os.path.join(a.cache, "kokoro.gguf")
    print("model\tvoice\tWER\tWER, Kokoro\tDNSMOS\tDNSMOS, Kokoro\tsimilarity\ttime beside Kokoro")
    for voice in a.voice or VOICES:
        theirs, took, k = said(kokoro, kokoro, voice)
        for model in a.model:
            ours, seconds, m = said(model, os.path.join(a.cache, "hifigan.gguf"), voice)
            print(f"{os.path.basename(model)}\t{voice}\t{m['wer']:.4f}\t{k['wer']:.4f}\t{m['dnsmos']:.3f}\t{k['dnsmos']:.3f}\t{alike(a.similarity, a.models, theirs, ours)}\t{seconds / took:.3f}", flush=True)


main()
