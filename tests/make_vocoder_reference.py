#!/usr/bin/env python3
"""Reference numbers for tests/test_vocoder.c: the published generator on short stretches of frames, every stage laid open.

    make_vocoder_reference.py --reference kokoro_reference.py --models DIR [--out tests/data]

kokoro_reference.py loads the published PyTorch modules with the weights of DIR/kokoro-f32.onnx (see docs/quality.md). The
generator runs on a few frames cut out of a sentence, so whole tensors are small enough to commit; its noise is switched off,
everything else is the published code. Written: vocoder_N.bin, a list of named float32 matrices [rows, cols]:
"CWREF001", then per matrix: 16 bytes of name, int32 rows, int32 cols, rows * cols floats; little-endian.
"""
import argparse, importlib.util, os, struct
import numpy as np

PHONEMES = "jˈɛs, ðɛɹwˌɜː twˈɛlv ʌv ˌʌs ɪnðə ɹˈuːm."
CUTS = [(18, 33), (30, 33)]  # frames [from, to): the onset of a voice after unvoiced frames; three voiced frames
UPS_STEP = (4, 16)           # every n-th row of ups.0 and ups.1 is kept


def matrix(f, name, m):
    m = np.ascontiguousarray(m, np.float32)
    assert m.ndim == 2 and np.isfinite(m).all(), name
    f.write(struct.pack("<16sii", name.encode(), *m.shape) + m.tobytes())


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--reference", required=True)
    ap.add_argument("--models", required=True)
    ap.add_argument("--voice", default="af_heart")
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))
    a = ap.parse_args()

    import torch
    spec = importlib.util.spec_from_file_location("kokoro_reference", a.reference)
    ref = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ref)
    m, vocab, _ = ref.load(a.models + "/kokoro-f32.onnx")
    torch.randn_like = torch.zeros_like  # no noise
    d, g, seen = m.decoder, m.decoder.generator, {}
    keep = lambda name: (lambda mod, i, o: seen.__setitem__(name, o.detach()))
    d.decode[3].register_forward_hook(keep("decode.3"))
    g.ups[0].register_forward_hook(keep("ups.0"))
    g.ups[1].register_forward_hook(keep("ups.1"))
    g.conv_post.register_forward_hook(keep("conv_post"))
    g.m_source.register_forward_hook(lambda mod, i, o: seen.__setitem__("source", o[0].detach()))
    g.noise_convs[0].register_forward_pre_hook(lambda mod, i: seen.__setitem__("har", i[0].detach()))

    ids = [0] + [vocab[p] for p in PHONEMES] + [0]
    pack = np.fromfile(f"{a.models}/voices/{a.voice}.bin", np.float32).reshape(510, 256)
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
        d(m.text_encoder(x, n, mask)[:, :, idx], f0, energy, style[:, :128])
        frames = seen["decode.3"].clone()
        for number, (begin, end) in enumerate(CUTS):
            audio = g(frames[:, :, begin:end], style[:, :128], f0[:, begin:end])
            t = lambda name: seen[name][0].T.numpy()
            path = os.path.join(a.out, f"vocoder_{number}.bin")
            with open(path, "wb") as f:
                f.write(b"CWREF001")
                matrix(f, "frames", frames[0, :, begin:end].T.numpy())
                matrix(f, "f0", f0[:, begin:end].numpy())
                matrix(f, "style", style[:, :128].numpy())
                matrix(f, "l_linear", torch.cat([g.m_source.l_linear.weight, g.m_source.l_linear.bias[None]], 1).detach().numpy())
                matrix(f, "source", seen["source"].reshape(1, -1).numpy())
                matrix(f, "har", t("har"))
                for name, step in zip(("ups.0", "ups.1"), UPS_STEP):
                    matrix(f, name, t(name)[::step])
                matrix(f, "norms", np.array([[np.linalg.norm(t(name).astype(np.float64)) for name in ("ups.0", "ups.1")]]))
                matrix(f, "conv_post", t("conv_post"))
                matrix(f, "audio", audio.reshape(1, -1).numpy())
            print(path, os.path.getsize(path), "bytes; F0", np.round(f0[0, begin:end].numpy(), 1))


main()
