#!/usr/bin/env python3
"""A talk, for example one full of numbers, names and abbreviations, is rendered and heard back: WER against the words that a host would say.

    EVAL/venv/bin/python bench/reading.py EVAL TALK OUT [--voice V] [--phonemes FILE]

EVAL holds venv/ and models/ of the judges; OUT gets script and episode. TALK (bench/reading.tsv, bench/sentences.tsv) has each line as it is
written and, by hand, as it is said.
Whisper (base) may write no numeral and no sign, so that it writes the words it hears; OUT/heard.tsv keeps them. FILE: a front end's phonemes, a line a line of the
talk, chunks parted by tabs; they are spoken instead of ours, by the same voice.
"""
import argparse
import json
import os
import re
import subprocess

from faster_whisper import WhisperModel
from jiwer import process_words
import librosa

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


# What Whisper writes short and says long; both ways of writing sound the same.
SHORT = {"dr": "doctor", "st": "saint", "mr": "mister", "mrs": "missus", "prof": "professor", "jr": "junior", "vs": "versus",
         "ii": "the second", "iii": "the third", "viii": "the eighth", "xiii": "the thirteenth", "xi": "eleven"}


def fold(text):
    text = re.sub(r"(?<=[a-z]{2})\.(?=[a-z]{2})", " dot ", text.lower())
    text = re.sub(r"\b([a-z])\.(?=[a-z]\b)", r"\1", text.replace("’", "'").replace("-", " "))
    text = re.sub(r"\b(war) ii\b", r"\1 two", re.sub(r"\bno\.", "number", text))
    return " ".join(SHORT.get(w, w) for w in re.sub(r"[^a-z' ]", " ", text).split())


def inline(chunks):
    """Phonemes as words of a script; a chunk's last mark stays outside of them."""
    out = []
    for chunk in chunks:
        chunk = re.sub(r"[()\[\]]", "", chunk).strip()
        body = chunk.rstrip(".,;:!?…—“” ")
        out.append(f"[x](/{body}/)" + (chunk[len(body):].strip(" “”")[:1] or "."))
    return " ".join(out)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("eval")
    ap.add_argument("talk")
    ap.add_argument("out")
    ap.add_argument("--voice", default="af_heart")
    ap.add_argument("--phonemes")
    a = ap.parse_args()
    rows = [l.rstrip("\n").split("\t") for l in open(a.talk, encoding="utf-8") if l[0] != "#"]
    spoken = [written for written, _ in rows]
    if a.phonemes:
        spoken = [inline(l.rstrip("\n").split("\t")) for l in open(a.phonemes, encoding="utf-8")]
    assert len(spoken) == len(rows)
    os.makedirs(a.out, exist_ok=True)
    with open(f"{a.out}/script.md", "w", encoding="utf-8") as f:
        f.write(f"---\ntitle: Reading\nlanguage: en-us\ncast:\n  Host: {a.voice}\n---\n\n# Reading\n\n")
        f.writelines(f"Host: {s}\n\n" for s in spoken)
    subprocess.run([f"{HERE}/build/castwright", "render", f"{a.out}/script.md", "-o", f"{a.out}/episode", "-q"], check=True)
    turns = json.load(open(f"{a.out}/episode/transcript.json", encoding="utf-8"))["turns"]
    assert len(turns) == len(rows), (len(turns), len(rows))
    kept = f"{a.out}/heard.tsv"
    known = dict(l.rstrip("\n").split("\t") for l in open(kept, encoding="utf-8")) if os.path.exists(kept) else {}
    asr = WhisperModel(f"{a.eval}/models/whisper-base", device="cpu", compute_type="int8", cpu_threads=2)
    vocabulary = asr.hf_tokenizer.get_vocab()
    signs = [i for token, i in vocabulary.items() if re.search(r"[0-9$£€%°@#&+=/]", token) and not token.startswith("<|")]
    wrong = total = seconds = 0
    for (written, said), turn in zip(rows, turns):
        x, _ = librosa.load(f"{a.out}/episode/turns/{turn['key']}.wav", sr=16000)
        if turn["key"] not in known:
            segments, _ = asr.transcribe(x, language="en", beam_size=5, suppress_tokens=[-1] + signs)
            known[turn["key"]] = " ".join(" ".join(s.text for s in segments).split())
            with open(kept, "a", encoding="utf-8") as f:
                f.write(f"{turn['key']}\t{known[turn['key']]}\n")
        heard = fold(known[turn["key"]])
        result = process_words(fold(said), heard)
        errors = result.substitutions + result.insertions + result.deletions
        wrong += errors
        total += len(fold(said).split())
        seconds += len(x) / 16000
        if errors:
            print(f"{errors}\t{fold(said)}\n\t{heard}")
    print(f"{len(rows)} lines, {total} words, {seconds / 60:.1f} minutes: {wrong} errors, WER {wrong / total:.4f}")


main()
