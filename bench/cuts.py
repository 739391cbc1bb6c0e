"""Two cuts of each recording, or one of a short one, from its start and to its end, with what is said in them: what bench_shown and bench_ear read.

    python bench/cuts.py --models DIR --out DIR FLAC...          (DIR of models: whisper-base, of the evaluation tools)

The first is of about 4.5 s (of every other recording 6.5 s), the second of about 11 s (8 s), as far as the recording goes; each is cut at
the quietest 50 ms near by. Texts by Whisper base. Writes OUT/NAME-1.wav, OUT/NAME-2.wav and OUT/list.tsv: sound, tab, text a line."""
import argparse, os
import numpy as np, librosa, soundfile


def quietest(x, rate, seconds):
    """The quietest 50 ms within 0.7 s of a moment."""
    n = rate // 20
    at = range(max(0, int((seconds - 0.7) * rate)), min(len(x) - n, int((seconds + 0.7) * rate)), n // 5)
    return min(at, key=lambda i: float(np.sum(x[i:i + n] ** 2))) + n // 2


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--models", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("files", nargs="+")
    a = ap.parse_args()
    from faster_whisper import WhisperModel
    asr = WhisperModel(a.models + "/whisper-base", device="cpu", compute_type="int8", cpu_threads=2)
    os.makedirs(a.out, exist_ok=True)
    with open(a.out + "/list.tsv", "w") as out:
        for k, f in enumerate(sorted(a.files)):
            x, rate = soundfile.read(f, dtype="float32")
            first, second = (4.5, 11) if k % 2 == 0 else (6.5, 8)
            at = quietest(x, rate, first) if len(x) > (first + 4) * rate else len(x)
            to = quietest(x, rate, at / rate + second) if len(x) > at + (second + 1) * rate else len(x)
            for i, part in enumerate((x[:at], x[at:to])):
                if len(part) < 3 * rate:
                    continue
                path = f"{a.out}/{os.path.basename(f).split('.')[0]}-{i + 1}.wav"
                soundfile.write(path, part, rate)
                heard = part if rate == 16000 else librosa.resample(part, orig_sr=rate, target_sr=16000)
                text = " ".join(s.text.strip() for s in asr.transcribe(heard, language="en", beam_size=5)[0])
                if text:
                    print(f"{path}\t{text}", file=out, flush=True)


main()
