"""Our mel model beside Kokoro in the languages that are not English: words understood, sound, likeness of voice.

    python bench/languages.py --models DIR --judge JUDGE.py --similarity SIMILARITY.py [--program build/castwright] [--work DIR]

Needs the Python of the evaluation tools. bench/languages.tsv has the sentences (LANGUAGE <tab> VOICE <tab> TEXT). A line a language: WER
by Whisper base (which does not write Hindi, so that is left out) and DNSMOS of either engine, and the cosine of both sides' mean GE2E embeddings.
"""
import argparse, collections, json, os, subprocess, sys


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
        sounds, judged = {}, {}
        for engine in ("mel", "kokoro"):
            sounds[engine] = [f"{a.work}/{language}-{engine}-{i}.wav" for i in range(len(texts))]
            for out, text in zip(sounds[engine], texts):
                subprocess.run([a.program, "say", text, "--voice", voice, "--engine", engine, "-q", "-o", out], check=True,
                               stdout=subprocess.DEVNULL)
            listing = f"{a.work}/{language}-{engine}.tsv"
            with open(listing, "w") as f:
                f.writelines(f"{s}\t{t}\n" for s, t in zip(sounds[engine], texts))
            out = subprocess.run([sys.executable, a.judge, "--models", a.models, "--language", language, "--json", listing], stdout=subprocess.PIPE,
                                 check=True)
            judged[engine] = json.loads(out.stdout)["all"]
        alike = subprocess.run([sys.executable, a.similarity, "--models", a.models, "--enrol", *sounds["kokoro"], "--test", *sounds["mel"]],
                               stdout=subprocess.PIPE, check=True, text=True).stdout.split()[1]
        m, k = judged["mel"], judged["kokoro"]
        print(f"{language}\t{voice}\t{m['wer']:.3f}\t{k['wer']:.3f}\t{m['dnsmos']:.2f}\t{k['dnsmos']:.2f}\t{alike}", flush=True)


main()
