#!/usr/bin/env python3
"""Reference numbers for tests/test_f5.c: the transformer and the sampling of pip f5-tts 1.1.22 with random weights.

    make_f5_reference.py [--out tests/data]     f5.gguf and f5.bin: a small one
    make_f5_reference.py --full base --out FOLDER    the size of F5TTS_v1_Base, or small, of F5TTS_Small (v0): 5 s of reference and 10 s more
        in 7 steps, for CASTWRIGHT_F5_REFERENCE=FOLDER build/release/tests/run --filter f5.parity     (2 GB of weights, minutes)

A Python with torch, torchaudio, librosa and pip f5-tts, x-transformers, torchdiffeq (with --no-deps but einops, einx, loguru). Records, VARIANT
v1 or v0 (the same weights; the graphs differ): VARIANT/STAGE of the first step for text (both halves), input, block.0 …, flow; VARIANT/STEPS/mel
after so many; reference, noise, ids.
"""
import argparse, importlib.util, os, sys, tempfile, time, types

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = dict(dim=32, depth=2, heads=2, dim_head=16, ff_mult=2, mel_dim=10, text_num_embeds=40, text_dim=16, conv_layers=2)
FULL = {"base": dict(dim=1024, depth=22, heads=16, dim_head=64, ff_mult=2, mel_dim=100, text_num_embeds=2545, text_dim=512, conv_layers=4)}
TASK = (1407, 469, 200)  # of those: frames, of which given, symbols
FULL["small"] = FULL["base"] | dict(dim=768, depth=18, heads=12)
VARIANTS = {"v1": dict(text_mask_padding=True, pe_attn_head=None), "v0": dict(text_mask_padding=False, pe_attn_head=1)}


def published():
    """The two classes, without the trainer that their package imports."""
    package = importlib.util.find_spec("f5_tts").submodule_search_locations[0]
    stand_in = types.ModuleType("f5_tts.model")
    stand_in.__path__ = [os.path.join(package, "model")]
    sys.modules["f5_tts.model"] = stand_in
    for name in ("jieba", "rjieba", "pypinyin"):  # of its Chinese text, not used here
        if importlib.util.find_spec(name) is None:
            module = types.ModuleType(name)
            module.lazy_pinyin = module.Style = None
            sys.modules[name] = module
    from f5_tts.model.backbones.dit import DiT
    from f5_tts.model.cfm import CFM
    return DiT, CFM


def fill(m):
    g = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for name, p in m.named_parameters():
            p.copy_(torch.randn(p.shape, generator=g) * (0.1 if p.ndim == 1 or ".grn." in name else p[0].numel() ** -0.5))
            if p.ndim == 1 and name.endswith("norm.weight"):
                p.add_(1)
    return m.eval()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=os.path.join(HERE, "data"))
    ap.add_argument("--full", choices=list(FULL))
    a = ap.parse_args()
    from make_kokoro_reference import write
    DiT, CFM = published()
    size, bands = FULL[a.full] if a.full else SMALL, 100 if a.full else 10
    frames, given, symbols = TASK if a.full else (90, 30, 37)
    g = torch.Generator().manual_seed(9)
    ids = torch.randint(0, size["text_num_embeds"], (1, symbols), generator=g)
    reference = torch.randn(1, given, bands, generator=g) - 2
    noise = torch.randn(1, frames, bands, generator=g)
    records = {"ids": ids[0].to(torch.int32).numpy(), "reference": reference[0].numpy(), "noise": noise[0].numpy()}
    random = torch.randn
    for variant in {"base": ("v1",), "small": ("v0",)}.get(a.full, VARIANTS):
        dit = fill(DiT(**size, **VARIANTS[variant]))
        cfm = CFM(dit, mel_spec_kwargs=dict(n_mel_channels=bands))
        seen = {}
        keep = lambda name: (lambda module, inputs, output: seen.setdefault(name, []).append(output.detach()))
        hooks = [dit.text_embed.register_forward_hook(keep("text")), dit.input_embed.register_forward_hook(keep("input")),
                 dit.proj_out.register_forward_hook(keep("flow"))]
        hooks += [b.register_forward_hook(keep(f"block.{i}")) for i, b in enumerate(dit.transformer_blocks)]
        for steps in (7,) if a.full else (7, 4, 1, 5, 6, 10, 12, 16):
            seen.clear()
            torch.randn = lambda *shape, **_: noise[0].clone()  # what sampling starts from
            t = time.perf_counter()
            with torch.no_grad():
                mel, _ = cfm.sample(reference, ids, frames, steps=steps, cfg_strength=2.0, sway_sampling_coef=-1.0)
            t = time.perf_counter() - t
            torch.randn = random
            print(f"{variant}: {steps} steps, {frames} frames, {t:.2f} s on {torch.get_num_threads()} threads; standard deviation {mel.std():.3f}")
            records[f"{variant}/{steps}/mel"] = mel[0].numpy().copy()
            if steps == 7 and not a.full:
                for name in ("text", "input", *(f"block.{i}" for i in range(size["depth"])), "flow"):
                    two = torch.cat(seen[name][:2]) if name in ("text", "input") else seen[name][0]
                    records[f"{variant}/{name}"] = two.reshape(-1, two.shape[-1]).numpy().astype(np.float32).copy()
        for h in hooks:
            h.remove()
    convert = os.path.join(HERE, "..", "models", "convert")
    sys.path.append(convert)
    import f5 as converter
    with tempfile.TemporaryDirectory() as work:
        with open(work + "/vocab.txt", "w", encoding="utf-8") as f:
            f.writelines(f"{chr(0x4e00 + i) if i >= 26 else chr(97 + i)}\n" for i in range(size["text_num_embeds"]))
        torch.save({"ema_model_state_dict": {"ema_model." + k: v for k, v in cfm.state_dict().items()}}, work + "/model.pt")
        converter.convert(work + "/model.pt", os.path.join(a.out, "f5.gguf"), "v0" if a.full == "small" else "v1")
    write(os.path.join(a.out, "f5.bin"), records)


if __name__ == "__main__":
    main()
