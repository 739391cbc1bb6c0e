#!/usr/bin/env python3
"""Reference numbers for tests/test_backward.c: PyTorch's gradients of every operation on small cases, in double precision.

    make_backward_reference.py [--out tests/data/backward.bin]

For case NAME: NAME/p i32 [8] (kind, rows, in, out, taps, stride, pad, dilation; a norm has its activation in place of `out`),
NAME/in0.. f32: what the operation is given, NAME/dy f32: the gradient by its output, NAME/grad0.. f32: the gradients by in0..
(those that the kernels give). Matrices are time-major. The layout of the file is make_kokoro_reference.py's.
"""
import argparse, os, sys
import numpy as np, torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_kokoro_reference import write

KINDS = ["conv", "transposed", "depthwise", "norm", "layer_norm", "leaky", "lstm", "repeat"]
ACTS = ["none", "leaky", "snake"]
CASES = [  # name, kind, rows, in, out, taps, stride, pad, dilation
    ("linear", "conv", 31, 33, 17, 1, 1, 0, 1),
    ("conv", "conv", 65, 9, 18, 7, 1, 9, 3),
    ("conv_long", "conv", 400, 16, 16, 11, 1, 25, 5),
    ("conv_low_rank", "conv", 129, 40, 16, 3, 1, 1, 1),
    ("conv_stride", "conv", 61, 22, 35, 12, 6, 3, 1),
    ("conv_stride2", "conv", 32, 1, 1, 3, 2, 1, 1),
    ("up10", "transposed", 13, 34, 19, 20, 10, 5, 1),
    ("up6", "transposed", 21, 16, 9, 12, 6, 3, 1),
    ("pool", "depthwise", 11, 21, 0, 3, 2, 1, 1),
    ("norm", "norm", 65, 33, 0, 0, 0, 0, 0),
    ("norm_leaky", "norm", 300, 17, 1, 0, 0, 0, 0),
    ("norm_snake", "norm", 333, 35, 2, 0, 0, 0, 0),
    ("layer_norm", "layer_norm", 9, 33, 0, 0, 0, 0, 0),
    ("leaky", "leaky", 31, 5, 0, 0, 0, 0, 0),
    ("lstm", "lstm", 12, 10, 7, 0, 0, 0, 0),
    ("repeat", "repeat", 6, 5, 0, 0, 0, 0, 0),
]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "backward.bin"))
    a = ap.parse_args()
    torch.manual_seed(7)
    records = {}
    for name, kind, rows, cin, out, taps, stride, pad, dilation in CASES:
        t = lambda *shape, scale=1.0: (torch.randn(*shape, dtype=torch.float32) * scale).double().requires_grad_()
        x = t(rows, cin)
        inputs = [x]
        if kind == "conv":
            inputs += [t(out, cin, taps, scale=(cin * taps) ** -0.5), t(out)]
            y = F.conv1d(x.T[None], inputs[1], inputs[2], stride, pad, dilation)[0].T
        elif kind == "transposed":
            inputs += [t(cin, out, taps, scale=(cin * taps / stride) ** -0.5), t(out)]
            y = F.conv_transpose1d(x.T[None], inputs[1], inputs[2], stride, pad)[0].T
        elif kind == "depthwise":
            inputs += [t(cin, 1, taps), t(cin)]
            y = F.conv_transpose1d(x.T[None], inputs[1], inputs[2], stride, pad, 1, groups=cin)[0].T
        elif kind == "norm":
            inputs += [t(cin), t(cin), t(cin)]
            if name == "norm_leaky":  # clear of the kink, where differences tell nothing
                inputs[2].data = 4 * inputs[2].data.sign() + inputs[2].data
                inputs[1].data.clamp_(-0.8, 0.8)
            v = (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt() * inputs[1] + inputs[2]
            alpha = inputs[3]
            y = {"none": v, "leaky": F.leaky_relu(v, 0.2), "snake": v + torch.sin(alpha * v) ** 2 / alpha}[ACTS[out]]
        elif kind == "layer_norm":
            inputs += [t(cin), t(cin)]
            y = F.layer_norm(x, (cin,), inputs[1], inputs[2], 1e-5)
        elif kind == "leaky":
            y = F.leaky_relu(x, 0.1)
        elif kind == "lstm":
            m = torch.nn.LSTM(cin, out, bidirectional=True, batch_first=True).double()
            for p in m.parameters():
                p.data = (p.data * 2).float().double()
            inputs += [p.detach() for p in m.parameters()]
            y = m(x[None])[0][0]
        elif kind == "repeat":
            n = torch.tensor([2, 0, 1, 3, 1, 2])
            inputs.append(n.double())
            y = x.repeat_interleave(n, 0)
        dy = torch.randn(*y.shape, dtype=torch.float32).double()
        (y * dy).sum().backward()
        f = lambda v: v.detach().numpy().astype(np.float32)
        records[f"{name}/p"] = np.array([KINDS.index(kind), rows, cin, out, taps, stride, pad, dilation], np.int32)
        records[f"{name}/dy"] = f(dy)
        for i, v in enumerate(inputs):
            records[f"{name}/in{i}"] = f(v)
            wanted = v.requires_grad and not (i == 1 and kind in ("transposed", "depthwise")) and not (kind == "norm" and i == 3)
            if wanted:
                records[f"{name}/grad{i}"] = f(v.grad)
    write(a.out, records)


main()
