#!/usr/bin/env python3
"""What a step of bench_train costs in PyTorch: the published decoder and generator, 1.5 s, gradients by the style and every bias.

    train_peer.py --reference kokoro_reference.py --models DIR [--threads N] [--steps N]

Prints seconds and CPU seconds a step (median). kokoro_reference.py: see docs/quality.md.
"""
import argparse, importlib.util, statistics, time
import torch


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--reference", required=True)
    ap.add_argument("--models", required=True)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--steps", type=int, default=5)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    spec = importlib.util.spec_from_file_location("kokoro_reference", a.reference)
    ref = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ref)
    d = ref.load(a.models + "/kokoro-f32.onnx")[0].decoder
    d.requires_grad_(False)
    biases = [m.bias.requires_grad_() for k, m in d.named_modules() if getattr(m, "bias", None) is not None and "norm" not in k.split(".")[-1]]
    torch.manual_seed(1)
    style = torch.randn(1, 128).mul(0.1).requires_grad_()
    asr, f0, energy = torch.randn(1, 512, 60), torch.full((1, 120), 150.0), torch.full((1, 120), 4.0)
    target = torch.randn(36000) * 0.04
    adam = torch.optim.Adam([style, *biases], lr=3e-3, betas=(0.8, 0.98))
    filters = [(n, torch.rand(bands, n // 2 + 1) * (torch.rand(bands, n // 2 + 1) < 0.03)) for n, bands in ((512, 40), (1024, 80), (2048, 120))]
    walls, cpus = [], []
    for _ in range(a.steps + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        adam.zero_grad()
        wave = d(asr, f0, energy, style).reshape(-1)
        loss = 0
        for n, mel in filters:
            M, R = (mel @ torch.stft(v, n, n // 4, window=torch.hann_window(n), return_complex=True).abs() for v in (wave, target))
            f = (0.03 * R.mean(-1, keepdim=True)).clamp(min=2e-3)
            loss = loss + ((M + f).log() - (R + f).log()).abs().mean() + (M - R).norm() / R.norm()
        (loss / 3).backward()
        adam.step()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    print(f"PyTorch {torch.__version__}, {a.threads} threads: {statistics.median(walls[1:]):.2f} s, {statistics.median(cpus[1:]):.2f} s of CPU a step")


main()
