#!/usr/bin/env python3
"""Reference numbers for tests/test_train.c: the whole decoder of the published modules on a short stretch, with PyTorch's gradients
of the training loss by everything that can be learnt, and the predictor on a sentence with the gradient by its style, in double precision.

    make_training_reference.py --reference kokoro_reference.py --models DIR [--out tests/data/training.bin]
                               [--prosody-out tests/data/training_prosody.bin]

asr [T, 512] and har [T', 22] f16 (rounded for both sides), f0, energy, style, target f32: what goes in; wave, loss, dwave, dstyle;
for each layer NAME with a bias: b/NAME f32, every 7th of the gradient by the bias, and n/NAME f64 its length;
for each layer of low rank (16; numbers of `hashed` below): d/NAME and u/NAME, every 53rd of the gradients by down and up, and dn/, un/.

The predictor: ids (padding included), given (the durations that F0 and energy are predicted for), style; durations, F0, energy;
gradient of the sum of w * output by the style, w = hashed(n, 1, 2), hashed(n, 2, 0.02) and hashed(n, 3, 2).
"""
import argparse, importlib.util, os, sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from make_kokoro_reference import write

PHONEMES = "jˈɛs, ðɛɹwˌɜː twˈɛlv ʌv ˌʌs ɪnðə ɹˈuːm."
FROM, UNITS, RANK = 17, 5, 16
LOW_RANK = ["asr_res.0", "encode.conv1", "decode.1.conv2", "decode.3.conv1x1", "generator.noise_convs.0", "generator.resblocks.1.convs1.2",
            "generator.resblocks.5.convs2.0", "generator.conv_post"]
RESOLUTIONS = [(512, 40), (1024, 80), (2048, 120)]


def hashed(n, salt, scale):
    """tests/test_train.c computes the same."""
    v = np.sin(np.arange(n) * 12.9898 + salt) * 43758.5453
    return ((v - np.floor(v) - 0.5) * scale).astype(np.float32)


def prosody(m, ids, d_en, style, out):
    """m in double precision; d_en [1, 512, P], style [1, 128]."""
    import torch
    s = style.double().requires_grad_()
    n, mask = torch.tensor([len(ids)]), torch.zeros((1, len(ids)), dtype=torch.bool)
    given = torch.tensor([2 + (7 * i) % 4 for i in range(len(ids))])
    dd = m.predictor.text_encoder(d_en.double(), s, n, mask)
    h, _ = m.predictor.lstm(dd)
    durations = torch.sigmoid(m.predictor.duration_proj(h)).sum(-1)[0]
    f0, energy = m.predictor.F0Ntrain(dd.transpose(-1, -2)[:, :, torch.repeat_interleave(torch.arange(len(given)), given)], s)
    outputs = durations, f0[0], energy[0]
    sum((torch.from_numpy(hashed(len(v), 1 + i, k)).double() * v).sum() for i, (v, k) in enumerate(zip(outputs, (2, 0.02, 2)))).backward()
    f = lambda v: v.detach().numpy().astype(np.float32).reshape(-1)
    write(out, {"ids": np.array(ids, np.int32), "given": given.numpy().astype(np.int32), "style": f(style), "durations": f(durations),
                "F0": f(f0), "energy": f(energy), "dstyle": f(s.grad)})


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--reference", required=True)
    ap.add_argument("--models", required=True)
    ap.add_argument("--out", default=os.path.join(HERE, "data", "training.bin"))
    ap.add_argument("--prosody-out", default=os.path.join(HERE, "data", "training_prosody.bin"))
    a = ap.parse_args()
    import librosa, torch
    spec = importlib.util.spec_from_file_location("kokoro_reference", a.reference)
    ref = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ref)
    m, vocab, _ = ref.load(a.models + "/kokoro-f32.onnx")
    torch.randn_like = torch.zeros_like  # no noise
    d, g, seen = m.decoder, m.decoder.generator, {}
    ids = [0] + [vocab[p] for p in PHONEMES] + [0]
    pack = np.fromfile(f"{a.models}/voices/af_heart.bin", np.float32).reshape(510, 256)
    style = torch.from_numpy(pack[len(ids) - 3])[None]
    with torch.no_grad():
        x = torch.tensor(ids)[None]
        n, mask = torch.tensor([len(ids)]), torch.zeros(x.shape, dtype=torch.bool)
        d_en = m.bert_encoder(m.bert(x, attention_mask=(~mask).int())).transpose(-1, -2)
        dd = m.predictor.text_encoder(d_en, style[:, 128:], n, mask)
        h, _ = m.predictor.lstm(dd)
        dur = torch.round(torch.sigmoid(m.predictor.duration_proj(h)).sum(-1)).clamp(min=1).long()[0]
        idx = torch.repeat_interleave(torch.arange(len(dur)), dur)
        f0, energy = m.predictor.F0Ntrain(dd.transpose(-1, -2)[:, :, idx], style[:, 128:])
        asr = m.text_encoder(x, n, mask)[:, :, idx]
        half = lambda v: v.half().float()
        asr, f0, energy = half(asr[:, :, FROM:FROM + UNITS]), f0[:, 2 * FROM:2 * (FROM + UNITS)], energy[:, 2 * FROM:2 * (FROM + UNITS)]
        hook = g.noise_convs[0].register_forward_pre_hook(lambda mod, i: seen.update(har=half(i[0].detach())))
        d(asr, f0, energy, style[:, :128])
    hook.remove()
    har = seen["har"]
    records = {"asr": asr[0].T.numpy().astype(np.float16), "har": har[0].T.numpy().astype(np.float16), "f0": f0[0].numpy(),
               "energy": energy[0].numpy(), "style": style[0, :128].numpy()}

    m.double()
    g.stft.window = g.stft.window.double()
    g.stft.transform = lambda x: (har[:, :11].double(), har[:, 11:].double())
    m.requires_grad_(False)
    prosody(m, ids, d_en, style[:, 128:], a.prosody_out)
    modules = dict(d.named_modules())
    biased = {k: mod for k, mod in modules.items() if getattr(mod, "bias", None) is not None and "norm" not in k.split(".")[-1]}
    for mod in biased.values():
        mod.bias.requires_grad_()
    low = {}
    for i, name in enumerate(LOW_RANK):
        w = modules[name].weight
        down = torch.from_numpy(hashed(RANK * w.shape[1] * w.shape[2], 1 + i, 0.1)).double().reshape(RANK, -1).requires_grad_()
        up = torch.from_numpy(hashed(RANK * w.shape[0], 101 + i, 0.1)).double().reshape(RANK, -1).requires_grad_()
        low[name] = down, up
        del modules[name]._parameters["weight"]
        modules[name].weight = w.detach() + (up.T @ down).reshape(w.shape)
    s = style[:, :128].double().requires_grad_()
    wave = d(asr.double(), f0.double(), energy.double(), s).reshape(-1)
    wave.retain_grad()
    target = torch.from_numpy(hashed(wave.numel(), 55, 0.2))
    t = torch.arange(wave.numel())
    target = (target * 0.2 + 0.05 * torch.sin(t * 0.05) * torch.sin(t * 0.003)).float()
    loss = 0
    for size, bands in RESOLUTIONS:
        mel = torch.from_numpy(librosa.filters.mel(sr=24000, n_fft=size, n_mels=bands, fmin=0, fmax=7600, htk=True, norm=None, dtype=np.float64))
        M, R = (mel @ torch.stft(v, size, size // 4, window=torch.hann_window(size, dtype=torch.float64), return_complex=True).abs()
                for v in (wave, target.double()))
        f = (0.03 * R.mean(-1, keepdim=True)).clamp(min=2e-3)
        loss = loss + ((M + f).log() - (R + f).log()).abs().mean() + (M - R).norm() / R.norm()
    loss = loss / len(RESOLUTIONS)
    loss.backward()

    f = lambda v: v.detach().numpy().astype(np.float32).reshape(-1)
    norm = lambda v: np.array([v.norm().item()], np.float64)
    records.update(target=target.numpy(), wave=f(wave), loss=np.array([loss.item()], np.float64), dwave=f(wave.grad), dstyle=f(s.grad))
    for k, mod in biased.items():
        if mod.bias.grad is not None:
            records[f"b/decoder.{k}"], records[f"n/decoder.{k}"] = f(mod.bias.grad)[::7].copy(), norm(mod.bias.grad)
    for k, (down, up) in low.items():
        records[f"d/decoder.{k}"], records[f"dn/decoder.{k}"] = f(down.grad)[::53].copy(), norm(down.grad)
        records[f"u/decoder.{k}"], records[f"un/decoder.{k}"] = f(up.grad)[::53].copy(), norm(up.grad)
    print(sum(mod.bias.numel() for mod in biased.values()), "bias numbers; loss", loss.item(), "F0", np.round(f0[0].numpy(), 1))
    write(a.out, records)


main()
