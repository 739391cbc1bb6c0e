#!/usr/bin/env python3
"""Trains the mel model on shards of make_data (README.md has the recipe).

    train.py DATA OUT [--steps 20000] [...]            goes on from OUT/last.pt where there is one, as if it had never stopped
    train.py DATA OUT --init FROM [...]                starts from the weights of FROM, a checkpoint or an exported GGUF, not from chance
    train.py DATA OUT --adversarial FROM [...]         second phase: the decoder of FROM against discriminators of mels

First phase: L1 on normalised mels by the teacher's durations and curves, squared error of the predictors. A mean over all ways to say a thing
is smooth, and a vocoder makes it hum: in the second phase discriminators that see windows of 32, 64 and 128 frames (after Chen et al., "HiFiSinger",
2020; least squares, with feature matching) keep the texture. That costs nothing at synthesis, where a flow would have to be followed in steps.

OUT: last.pt and NNNNNN.pt (all there is to go on from), log.tsv. SIGINT or SIGTERM: the step is finished and saved. In bfloat16 where the
processor multiplies it.
"""
import argparse
import math
import os
import random
import signal
import sys
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from export import load_gguf, made_by
from model import MelNet
from shard import Data, batch, statistics

HELD_OUT = 32  # every so many lines, one is never trained on
WINDOWS = (32, 64, 128)
PREDICTED = 0.1  # weight of durations and curves in the loss


class Discriminator(nn.Module):
    """One window of a mel as a picture [B, 1, T, bands] -> judgements, and the features that led to them."""

    def __init__(self):
        super().__init__()
        sizes = [1, 32, 64, 128, 128]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(sizes, sizes[1:]))
        self.out = nn.Conv2d(sizes[-1], 1, 3, padding=1)

    def forward(self, x):
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.out(x), features


def windows(mels, lengths, size):
    """The same random window of each mel in `mels` ([B, T, bands] all), as pictures."""
    starts = [random.randrange(max(int(n) - size, 0) + 1) for n in lengths]
    cut = [torch.stack([F.pad(m[i, s:s + size], (0, 0, 0, max(0, s + size - m.shape[1]))) for i, s in enumerate(starts)]) for m in mels]
    return [c[:, None] for c in cut]


def order(data, numbers, frames, seed, epoch):
    """Batches of an epoch, of about as many frames each with padding, by seed and epoch alone."""
    r = random.Random(f"{seed} {epoch}")
    numbers = numbers[:]
    r.shuffle(numbers)
    batches = []
    for i in range(0, len(numbers), 512):  # of like length
        pool, one = sorted(numbers[i:i + 512], key=data.frames), []
        for n in pool:
            if one and (len(one) + 1) * data.frames(n) > frames:
                batches.append(one)
                one = []
            one.append(n)
        batches.append(one)
    r.shuffle(batches)
    return batches


def losses(model, b, drop, autocast):
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        voice = model.voice(b["style"])
        x, lengths, curves = model.encode(b["ids"], b["keep"], voice, drop)
        mel, keep = model.decode(x, b["curves"], b["durations"], b["keep"], b["mel"].shape[1], voice, drop)
    mel, there, symbols = mel.float(), keep[..., None].float(), b["keep"].float()
    count = symbols.sum()
    off = (mel - b["mel"]).abs() * there
    return mel * there, there, {
        "mel": off.sum() / there.sum() / mel.shape[2],
        "durations": ((lengths.float() - b["lengths"]) ** 2 * symbols).sum() / count,
        "curves": ((curves.float() - b["curves"]) ** 2 * symbols[..., None]).sum() / count / 3,
    }


def start_workers(count, out):
    """Forks the others, each a session of its own; this one is worker 0, which saves. Returns its own number."""
    meeting, number = os.path.join(os.path.abspath(out), ".meeting"), 0
    if os.path.exists(meeting):
        os.remove(meeting)
    for i in range(1, count):
        if os.fork() == 0:
            os.setsid()
            number = i
            break
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=number, world_size=count)
    return number


def share(learnt, stopped=()):
    """Means of all workers' gradients, in the place of each one's own -> whether any worker was asked to stop."""
    flat = torch.cat([p.grad.flatten() for p in learnt] + [torch.tensor([float(bool(stopped))])])
    dist.all_reduce(flat)
    at = 0
    for p in learnt:
        p.grad.copy_(flat[at:at + p.numel()].view_as(p)).div_(dist.get_world_size())
        at += p.numel()
    return flat[-1].item() > 0


def weights_of(path):
    """config, symbols, averaged weights, how they were made, of a checkpoint or of an exported model."""
    if path.endswith(".gguf"):
        return load_gguf(path)
    state = torch.load(path, map_location="cpu", weights_only=False)
    return state["config"], state["symbols"], state["averaged"], made_by(state)


def multiplies_bfloat16():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return not {"avx512_bf16", "amx_bf16"}.isdisjoint(f.read().split())


def validate(model, data, numbers, frames, autocast):
    """Weighted by frames, with the averaged weights."""
    model.eval()
    sums, total = {}, 0
    with torch.no_grad():
        for one in order(data, numbers, frames, 0, 0):
            b = batch(data, one, model)
            _, there, parts = losses(model, b, 0, autocast)
            for k, v in parts.items():
                sums[k] = sums.get(k, 0) + v.item() * there.sum().item()
            total += there.sum().item()
    return {k: v / total for k, v in sums.items()}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("data")
    ap.add_argument("out")
    ap.add_argument("--steps", type=int, default=6000, help="the cosine ends there")
    ap.add_argument("--frames", type=int, default=8000, help="of a batch, padding included")
    ap.add_argument("--rate", type=float, default=1e-3)
    ap.add_argument("--warm", type=int, default=400, help="steps until the full rate")
    ap.add_argument("--drop", type=float, default=0.05)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--workers", type=int, default=1, help="processes, each with --threads and batches of its own: faster than as many threads")
    ap.add_argument("--validate", type=int, default=200, help="steps between validations, which save last.pt")
    ap.add_argument("--keep", type=int, default=1000, help="steps between checkpoints that are kept")
    ap.add_argument("--float32", action="store_true", help="no bfloat16, even where the processor multiplies it")
    ap.add_argument("--init", metavar="FROM", help="weights to start from, .pt or .gguf; the optimiser starts afresh, and last.pt goes before it")
    ap.add_argument("--adversarial", metavar="FROM")
    ap.add_argument("--judges", metavar="FROM", help="second phase: discriminators to start from, a checkpoint of an earlier second phase")
    ap.add_argument("--against", type=float, default=0.2, help="second phase: weight of what the discriminators say")
    ap.add_argument("--matching", type=float, default=0.5, help="second phase: weight of their features' differences")
    ap.add_argument("--set", action="append", default=[], metavar="NAME=N", help="of the model's shape, as in model.CONFIG; first start only")
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    worker = start_workers(a.workers, a.out) if a.workers > 1 else 0
    torch.set_num_threads(a.threads)
    random.seed(a.seed)
    torch.manual_seed(a.seed)
    torch.use_deterministic_algorithms(True)
    autocast = not a.float32 and multiplies_bfloat16()

    data = Data(a.data)
    held = [i for i in range(len(data)) if data.line(i) % HELD_OUT == 5]
    numbers = [i for i in range(len(data)) if data.line(i) % HELD_OUT != 5]
    last, start, given, before = os.path.join(a.out, "last.pt"), None, None, ""
    if os.path.exists(last):
        start = torch.load(last, map_location="cpu", weights_only=False)
        config, symbols, before = start["config"], start["symbols"], start.get("before", "")
    elif a.adversarial or a.init:
        config, symbols, given, before = weights_of(a.adversarial or a.init)
    else:
        config, symbols = {"symbols": len(data.symbols), "bands": data.bands, "style": data.style}, data.symbols
        config.update((k, int(v)) for k, v in (s.split("=") for s in a.set))
    if symbols != data.symbols:
        sys.exit(f"{a.data}: expected the symbols that the weights were trained on, found others")
    model, averaged = MelNet(config), MelNet(config)
    if given:
        model.load_state_dict(given)
    elif not start:
        for k, v in statistics(data).items():
            getattr(model, k).copy_(torch.from_numpy(v))
    averaged.load_state_dict(model.state_dict())
    judges = nn.ModuleList(Discriminator() for _ in WINDOWS) if a.adversarial else None
    if judges and a.judges and not start:
        judges.load_state_dict(torch.load(a.judges, map_location="cpu", weights_only=False)["judges"])
    if a.adversarial:  # what is heard before the decoder stays as it was
        for name, p in model.named_parameters():
            p.requires_grad_(name.startswith(("decode", "from_curves", "place", "out.")))
    learnt = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(learnt, a.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    adam_judges = torch.optim.AdamW(judges.parameters(), a.rate, betas=(0.8, 0.99)) if judges else None
    step, epoch, at, spent = 0, 0, 0, 0.0
    if start:
        model.load_state_dict(start["model"])
        averaged.load_state_dict(start["averaged"])
        adam.load_state_dict(start["adam"])
        if judges:
            judges.load_state_dict(start["judges"])
            adam_judges.load_state_dict(start["adam_judges"])
        step, epoch, at, spent = start["step"], start["epoch"], start["at"], start["seconds"]
        torch.set_rng_state(start["torch_random"])
        random.setstate(start["random"])
        if start["utterances"] != len(data):
            print(f"{a.data}: {len(data)} utterances, {start['utterances']} at the checkpoint: their order is another one from here", flush=True)
    start = given = None
    if worker > 0:  # the same weights, other numbers dropped
        torch.manual_seed(a.seed + 1000003 * worker + step)

    stopped = []
    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, lambda *_: stopped.append(True))
    recipe = (f"{len(data)} utterances, {sum(map(data.frames, range(len(data)))) * 256 / 22050 / 3600:.2f} h ({data.recipe}); steps {a.steps}, frames {a.frames}, "
              f"rate {a.rate:g}, warm {a.warm}, drop {a.drop:g}, seed {a.seed}{f', {a.workers} workers' if a.workers > 1 else ''}{f', adversarial {a.against:g} {a.matching:g}' if judges else ''}{f', judges of {a.judges}' if judges and a.judges else ''}, torch {torch.__version__}")
    if worker == 0:
        print(f"{recipe}; {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M weights, {len(held)} utterances held out, at step {step}", flush=True)

    def save(path):
        state = {"config": model.config, "symbols": data.symbols, "recipe": recipe, "before": before, "step": step, "epoch": epoch, "at": at, "seconds": spent,
                 "utterances": len(data), "model": model.state_dict(), "averaged": averaged.state_dict(), "adam": adam.state_dict(),
                 "torch_random": torch.get_rng_state(), "random": random.getstate()}
        if judges:
            state.update(judges=judges.state_dict(), adam_judges=adam_judges.state_dict())
        torch.save(state, path + ".part")
        os.replace(path + ".part", path)

    log_path = os.path.join(a.out, "log.tsv")
    if worker == 0 and not os.path.exists(log_path):
        with open(log_path, "w", encoding="utf-8") as f:
            f.write("step\tepoch\trate\thours\tmel\tdurations\tcurves\theld_mel\theld_durations\theld_curves\tjudge\tagainst\tmatching\n")
    sums, many, saved = {}, 0, step
    batches = order(data, numbers, a.frames, a.seed, epoch)
    model.train()
    began = time.time()
    while step < a.steps and not stopped:
        if at + a.workers > len(batches):
            epoch, at = epoch + 1, 0
            batches = order(data, numbers, a.frames, a.seed, epoch)
        rate = a.rate * min(1, (step + 1) / a.warm) * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * min(1, step / a.steps))))
        for group in (*adam.param_groups, *(adam_judges.param_groups if judges else ())):
            group["lr"] = rate
        b = batch(data, batches[at + worker], model)
        mel, there, parts = losses(model, b, a.drop, autocast)
        loss = parts["mel"] + PREDICTED * (parts["durations"] + parts["curves"])
        if judges:
            lengths = there.sum((1, 2))
            pairs = [windows((b["mel"], mel), lengths, size) for size in WINDOWS]
            adam_judges.zero_grad(set_to_none=True)
            judge = sum(((j(real)[0] - 1) ** 2).mean() + (j(fake.detach())[0] ** 2).mean() for j, (real, fake) in zip(judges, pairs)) / len(WINDOWS)
            judge.backward()
            if a.workers > 1:
                share(list(judges.parameters()))
            adam_judges.step()
            parts["judge"], parts["against"], parts["matching"] = judge, 0, 0
            for j, (real, fake) in zip(judges, pairs):
                with torch.no_grad():
                    wanted = j(real)[1]
                verdict, features = j(fake)
                parts["against"] = parts["against"] + ((verdict - 1) ** 2).mean() / len(WINDOWS)
                parts["matching"] = parts["matching"] + sum((f - w).abs().mean() for f, w in zip(features, wanted)) / len(WINDOWS) / len(wanted)
            loss = loss + a.against * parts["against"] + a.matching * parts["matching"]
        adam.zero_grad(set_to_none=True)
        loss.backward()
        if a.workers > 1 and share(learnt, stopped) and not stopped:
            stopped.append(True)
        length = nn.utils.clip_grad_norm_(learnt, 1.0)
        if not torch.isfinite(length):
            sys.exit(f"step {step}: the gradient is no finite number; last.pt is what there was before")
        adam.step()
        step, at = step + 1, at + a.workers
        if worker > 0:  # worker 0 keeps the average, the log and the checkpoints
            continue
        decay = min(0.999, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)
        for k, v in parts.items():
            sums[k] = sums.get(k, 0) + v.item()
        many += 1
        if step % a.validate == 0 or step == a.steps or stopped:
            now = time.time()
            spent, began = spent + now - began, now
            found = validate(averaged, data, held, a.frames, autocast) if held else {}
            row = [step, epoch, f"{rate:.3g}", f"{spent / 3600:.3f}", *(f"{sums[k] / many:.4f}" for k in ("mel", "durations", "curves")),
                   *(f"{found.get(k, math.nan):.4f}" for k in ("mel", "durations", "curves")),
                   *(f"{sums[k] / many:.4f}" if k in sums else "" for k in ("judge", "against", "matching"))]
            with open(log_path, "a", encoding="utf-8") as f:
                f.write("\t".join(map(str, row)) + "\n")
            print("\t".join(map(str, row)), flush=True)
            sums, many = {}, 0
            save(last)
            saved = step
        if step % a.keep == 0 or step == a.steps:
            save(os.path.join(a.out, f"{step:06d}.pt"))
    if worker == 0 and saved != step:
        spent += time.time() - began
        save(last)
    if a.workers > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
