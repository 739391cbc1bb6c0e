"""Our mel model beside Kokoro in the languages that are not English: words understood, sound, likeness of voice.

    python bench/languages.py --models DIR --judge JUDGE.py --similarity SIMILARITY.py [--program build/castwright] [--work DIR]

Needs the Python of the evaluation tools. bench/languages.tsv has the sentences (LANGUAGE <tab> VOICE <tab> TEXT). A line a language: WER
by Whisper base (which does not write Hindi, so that is left out) and DNSMOS of either engine, and the cosine of both sides' mean GE2E embeddings.
"""
import argparse, collections, os, subprocess
from judging import alike, judged


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--models", required=True)
    ap.add_argument("--judge", required=True)
    ap.add_argument("--similarity", required=True)
    ap.add_argument("--program", default="build/castwright")
    ap.add_argument("--work", default="languages")
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    sentences = collections.OrderedDict()
    for line in open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "languages.tsv")):
        language, voice, text = line.rstrip("\n").split("\t")
        sentences.setdefault((language, voice), []).append(text)
    print("language\tvoice\tWER, mel\tWER, Kokoro\tDNSMOS, mel\tDNSMOS, Kokoro\tsimilarity")
    for (language, voice), texts in sentences.items():
        sounds, figures = {}, {}
        for engine in ("mel", "kokoro"):
            sounds[engine] = [f"{a.work}/{language}-{engine}-{i}.wav" for i in range(len(texts))]
            for out, text in zip(sounds[engine], texts):
                subprocess.run([a.program, "say", text, "--voice", voice, "--engine", engine, "-q", "-o", out], check=True,
                               stdout=subprocess.DEVNULL)
            figures[engine] = judged(a.judge, a.models, language, f"{a.work}/{language}-{engine}.tsv", sounds[engine], texts)
        like = alike(a.similarity, a.models, sounds["kokoro"], sounds["mel"])
        m, k = figures["mel"], figures["kokoro"]
        print(f"{language}\t{voice}\t{m['wer']:.3f}\t{k['wer']:.3f}\t{m['dnsmos']:.2f}\t{k['dnsmos']:.2f}\t{like}", flush=True)


main()
