"""What the evaluation tools' judge.py says of some sounds."""
import json, subprocess, sys


def judged(judge, models, language, listing, sounds, sentences):
    """{"wer": , "dnsmos": , …} of all sounds together, each of its sentence; `listing` is written for it."""
    with open(listing, "w") as f:
        f.writelines(f"{sound}\t{sentence}\n" for sound, sentence in zip(sounds, sentences))
    out = subprocess.run([sys.executable, judge, "--models", models, "--language", language, "--json", listing], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)["all"]
