"""What the evaluation tools' judge.py and similarity.py say of some sounds."""
import json, subprocess, sys


def judged(judge, models, language, listing, sounds, sentences):
    """{"wer": , "dnsmos": , …} of all sounds together, each of its sentence; `listing` is written for it."""
    with open(listing, "w") as f:
        f.writelines(f"{sound}\t{sentence}\n" for sound, sentence in zip(sounds, sentences))
    out = subprocess.run([sys.executable, judge, "--models", models, "--language", language, "--json", listing], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)["all"]


def alike(similarity, models, enrol, test):
    """Cosine of both sides' mean GE2E embeddings, as it is printed."""
    out = subprocess.run([sys.executable, similarity, "--models", models, "--enrol", *enrol, "--test", *test], stdout=subprocess.PIPE, check=True, text=True)
    return out.stdout.split()[1]
