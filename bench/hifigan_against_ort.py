#!/usr/bin/env python3
"""HiFi-GAN beside ONNX Runtime: the same mel frames, recording by recording, each side in turn; and what DNSMOS says of both.

    EVAL/venv/bin/python bench/hifigan_against_ort.py HIFIGAN.onnx OUT RECORDING... [--threads N] [--rounds N] [--isa ISA] [--no-judge]

EVAL as in bench/quality.sh; the Python needs onnxruntime, and what tests/make_mel_reference.py needs. HIFIGAN.onnx: `castwright models fetch
hifigan-onnx` puts it into the models folder. OUT keeps the sounds: recording, ours, peer (16 bits, 22.05 kHz).
Wall clock and CPU time of the vocoder alone. ONNX Runtime is warm and does not spin while it waits (spinning would count as CPU time); ours
is a fresh process each time.
"""
import argparse, json, math, os, subprocess, sys, time

import librosa, numpy as np, onnxruntime, soundfile, torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests"))
from make_mel_reference import f5_functions


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--rounds", type=int, default=2)
    ap.add_argument("--isa")
    ap.add_argument("--no-judge", action="store_true")
    ap.add_argument("model")
    ap.add_argument("out")
    ap.add_argument("recordings", nargs="+")
    a = ap.parse_intermixed_args()
    program = os.environ.get("CASTWRIGHT", os.path.join(HERE, "..", "build", "castwright"))
    environment = dict(os.environ, **({"CASTWRIGHT_ISA": a.isa} if a.isa else {}))
    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = a.threads, 1
    o.add_session_config_entry("session.intra_op.allow_spinning", "0")
    peer = onnxruntime.InferenceSession(a.model, o, providers=["CPUExecutionProvider"])
    mel_of, _ = f5_functions()
    for side in ("recording", "ours", "peer"):
        os.makedirs(os.path.join(a.out, side), exist_ok=True)
    clips = []
    for path in a.recordings:
        x, rate = soundfile.read(path, dtype="float32")
        x, name = librosa.resample(x, orig_sr=rate, target_sr=22050), os.path.splitext(os.path.basename(path))[0] + ".wav"
        soundfile.write(os.path.join(a.out, "recording", name), x, 22050, subtype="PCM_16")
        x, _ = soundfile.read(os.path.join(a.out, "recording", name), dtype="float32")  # both sides take the same numbers
        mel = mel_of(torch.from_numpy(x)[None], n_fft=1024, n_mel_channels=80, target_sample_rate=22050, hop_length=256, win_length=1024, fmin=0,
                     fmax=8000).numpy()
        clips.append((name, mel))
    peer.run(None, {"mel": clips[0][1]})
    wall, cpu, seconds, spent = [], [], 0.0, np.zeros((2, 2))
    for _ in range(a.rounds):
        for name, mel in clips:
            t, c = time.perf_counter(), time.process_time()
            y = peer.run(None, {"mel": mel})[0].reshape(-1)
            t, c = time.perf_counter() - t, time.process_time() - c
            soundfile.write(os.path.join(a.out, "peer", name), y, 22050, subtype="PCM_16")
            j = json.loads(subprocess.run([program, "vocode", os.path.join(a.out, "recording", name), "-o", os.path.join(a.out, "ours", name),
                                           "--threads", str(a.threads), "--json"], env=environment, check=True, capture_output=True).stdout)
            wall.append(t / j["vocoder_seconds"])
            cpu.append(c / j["vocoder_cpu_seconds"])
            seconds += j["seconds"]
            spent += [[j["vocoder_seconds"], j["vocoder_cpu_seconds"]], [t, c]]
    mean = lambda r: math.exp(np.mean(np.log(r)))
    print(f"{len(clips)} recordings, {a.rounds} rounds, {a.threads} threads, {a.isa or 'the default instruction set'}")
    print(f"real-time factor: ours {spent[0, 0] / seconds:.4f}, ONNX Runtime {spent[1, 0] / seconds:.4f}; CPU seconds a second of sound: {spent[0, 1] / seconds:.4f}, {spent[1, 1] / seconds:.4f}")
    print(f"faster: {mean(wall):.2f} times by the clock ({min(wall):.2f} to {max(wall):.2f}), {mean(cpu):.2f} times by CPU time ({min(cpu):.2f} to {max(cpu):.2f})")
    if a.no_judge:
        return
    from speechmos import dnsmos
    for side in ("recording", "ours", "peer"):
        scores = [dnsmos.run(np.clip(librosa.load(os.path.join(a.out, side, name), sr=16000)[0], -1, 1), 16000)["ovrl_mos"] for name, _ in clips]
        print(f"DNSMOS {side}: {np.mean(scores):.3f}")


if __name__ == "__main__":
    main()
