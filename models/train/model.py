"""Our mel model, as PyTorch trains it; tts/melnet.c runs the same graph.

    ids + positions ─▶ encoder ─┬─▶ durations (log frames)
        style ─▶ every norm     ├─▶ F0, voicing, energy of each symbol ─▶ added back
                                └─▶ each symbol's rows repeated, where in the symbol they are ─▶ decoder ─▶ mel

After FastSpeech 2 (Ren et al., 2020) and FastPitch (Łańcucki, 2020), conditioned on the 256 numbers of a Kokoro voice's style by layer norms
whose gain and shift they give (AdaSpeech, Chen et al., 2021). P symbols, T frames, C = width.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

EPS = 1e-5
PLACES = 6  # numbers that tell a frame where in its symbol it is
CURVES = 3  # voicing times normalised log F0, voicing, normalised energy
CONFIG = {"symbols": 178, "style": 256, "bands": 80, "width": 256, "heads": 4, "hidden": 1024, "encoder": 4, "decoder": 6, "predictor": 256}


def positions(count, width, device=None):
    """Sinusoids [P, C] (Vaswani et al., 2017): sines, then cosines."""
    rate = torch.exp(torch.arange(width // 2, device=device) * (-math.log(10000) / (width // 2)))
    angle = torch.arange(count, device=device)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1)


def places(durations, frames):
    """durations [B, P] in frames -> which symbol each frame is of [B, T], and where in it [B, T, PLACES]."""
    ends = durations.cumsum(1)
    t = torch.arange(frames, device=durations.device).expand(len(durations), -1).contiguous()
    symbol = torch.searchsorted(ends, t, right=True).clamp(max=durations.shape[1] - 1)
    length = durations.gather(1, symbol).clamp(min=1)
    at = (t - (ends.gather(1, symbol) - length) + 0.5) / length
    waves = [torch.cos(math.pi * k * at) for k in range(1, PLACES)]
    return symbol, torch.stack([*waves, torch.log(length.float()) - 2], 2)


class StyledNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, 2 * width)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x, style):  # [B, T, C], [B, C]
        gain, shift = self.fc(style)[:, None].chunk(2, -1)
        return F.layer_norm(x, x.shape[-1:], eps=EPS) * (1 + gain) + shift


def conv(layer, x):  # three taps over time, [B, T, C], as one product: on a CPU thrice as fast as the layer itself, backward included
    x = F.pad(x, (0, 0, 1, 1))
    taps = torch.cat([x[:, :-2], x[:, 1:-1], x[:, 2:]], 2)
    return F.linear(taps, layer.weight.permute(0, 2, 1).flatten(1), layer.bias)


def attention(q, k, v, keep):  # [B, H, T, C / H]; written out, since the fused one's backward is slow in bfloat16
    absent = torch.zeros(keep.shape, dtype=q.dtype, device=q.device).masked_fill_(~keep, -1e4)[:, None, None]
    with torch.autocast(q.device.type, enabled=False):
        scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2)) + absent
        return torch.matmul(torch.softmax(scores, -1), v)


class Block(nn.Module):
    """x + attention(norm(x)), then x + a convolution of three taps and a linear layer of norm(x)."""

    def __init__(self, c):
        super().__init__()
        w = c["width"]
        self.heads = c["heads"]
        self.norm1, self.norm2 = StyledNorm(w), StyledNorm(w)
        self.qkv, self.out = nn.Linear(w, 3 * w), nn.Linear(w, w)
        self.wide, self.narrow = nn.Conv1d(w, c["hidden"], 3, padding=1), nn.Linear(c["hidden"], w)

    def forward(self, x, style, keep, drop=0.0):  # keep [B, T]: rows that are there
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm1(x, style)).reshape(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        y = attention(q, k, v, keep)
        x = x + F.dropout(self.out(y.transpose(1, 2).reshape(b, t, w)), drop, self.training)
        y = self.norm2(x, style) * keep[..., None]  # beyond the end a convolution sees zeros, as at synthesis
        y = self.narrow(F.gelu(conv(self.wide, y), approximate="tanh"))
        return x + F.dropout(y, drop, self.training)


class Predictor(nn.Module):
    def __init__(self, c, outputs):
        super().__init__()
        w, p = c["width"], c["predictor"]
        self.conv1, self.conv2 = nn.Conv1d(w, p, 3, padding=1), nn.Conv1d(p, p, 3, padding=1)
        self.norm1, self.norm2 = nn.LayerNorm(p, EPS), nn.LayerNorm(p, EPS)
        self.out = nn.Linear(p, outputs)

    def forward(self, x, keep, drop=0.0):  # [B, P, C] -> [B, P, outputs]
        for layer, norm in (self.conv1, self.norm1), (self.conv2, self.norm2):
            x = norm(F.gelu(conv(layer, x * keep[..., None]), approximate="tanh"))
            x = F.dropout(x, drop, self.training)
        return self.out(x)


class MelNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        c = self.config = {**CONFIG, **config}
        w = c["width"]
        for name, count in (("style", c["style"]), ("mel", c["bands"]), ("curve", 2)):  # of the data: curve: log F0 (voiced), energy
            self.register_buffer(name + "_mean", torch.zeros(count))
            self.register_buffer(name + "_spread", torch.ones(count))
        self.embed = nn.Embedding(c["symbols"], w)
        nn.init.normal_(self.embed.weight, std=0.3)
        self.style1, self.style2 = nn.Linear(c["style"], w), nn.Linear(w, w)
        self.encoder = nn.ModuleList(Block(c) for _ in range(c["encoder"]))
        self.encoded = StyledNorm(w)
        self.durations, self.curves = Predictor(c, 1), Predictor(c, CURVES)
        self.from_curves = nn.Conv1d(CURVES, w, 3, padding=1)
        self.place = nn.Linear(PLACES, w)
        self.decoder = nn.ModuleList(Block(c) for _ in range(c["decoder"]))
        self.decoded = StyledNorm(w)
        self.out = nn.Linear(w, c["bands"])

    def voice(self, style):  # [B, 256] -> [B, C]
        return F.gelu(self.style2(F.gelu(self.style1((style - self.style_mean) / self.style_spread), approximate="tanh")), approximate="tanh")

    def encode(self, ids, keep, style, drop=0.0):  # -> x [B, P, C], log frames [B, P], curves [B, P, 3]
        x = self.embed(ids) + positions(ids.shape[1], self.config["width"], ids.device)
        for block in self.encoder:
            x = block(x, style, keep, drop)
        x = self.encoded(x, style)
        return x, self.durations(x, keep, drop)[..., 0], self.curves(x, keep, drop)

    def decode(self, x, curves, durations, keep, frames, style, drop=0.0):  # -> normalised mel [B, T, bands], keep [B, T]
        x = x + conv(self.from_curves, curves * keep[..., None])
        symbol, where = places(durations * keep, frames)
        x = x.gather(1, symbol[..., None].expand(-1, -1, x.shape[2])) + self.place(where)
        keep = torch.arange(frames, device=x.device)[None] < (durations * keep).sum(1)[:, None]
        for block in self.decoder:
            x = block(x, style, keep, drop)
        return self.out(self.decoded(x, style)), keep

    @torch.no_grad()
    def speak(self, ids, style, speed=1.0, stages=None):
        """One utterance, as tts/melnet.c does it: ids [P] with padding, style [256] -> mel [T, bands], durations [P] in frames. stages: a dict
        that is given what lies between."""
        keep = torch.ones(1, len(ids), dtype=torch.bool)
        voice = self.voice(style[None])
        x, lengths, curves = self.encode(ids[None], keep, voice)
        frames = lengths.clamp(-2, 5).exp()[0]
        frames[1:-1] /= speed
        ends = frames.double().cumsum(0).round().long()
        durations = torch.diff(ends, prepend=torch.zeros(1, dtype=torch.long))[None]
        total = int(ends[-1])
        mel, _ = self.decode(x, curves, durations, keep, total, voice)
        mel = mel * self.mel_spread + self.mel_mean
        if stages is not None:
            stages.update(voice=voice, encoded=x[0], lengths=lengths[0][:, None], curves=curves[0], durations=durations[0].int(), mel=mel[0])
        return mel[0], durations[0]
