#!/usr/bin/env python3
"""Reference numbers for tests/test_hifigan.c: HiFi-GAN generators in ONNX Runtime.

    make_hifigan_reference.py HIFIGAN.onnx [--out tests/data]              what is committed
    make_hifigan_reference.py HIFIGAN.onnx --recordings OUT.bin FILE...    whole recordings, for
        CASTWRIGHT_HIFIGAN_REFERENCE=OUT.bin build/release/tests/run --filter hifigan.real
    make_hifigan_reference.py --onnx OUT.onnx FAULT [KIND]                 a generator of random weights (1, V1's shape, without KIND) with a
                                                                           fault: none, missing, shape, nan, other, operator (numpy and onnx alone)

HIFIGAN.onnx: that of the catalogue (`castwright models fetch hifigan-onnx`). Needs onnxruntime, and what make_mel_reference.py needs.
Committed: hifigan_1.gguf and hifigan_2.gguf, small generators with random weights in the shapes of V1 and V3 (the latter's blocks have one
convolution a step), as models/convert/hifigan.py converts them, and hifigan.bin: 1/audio and 2/audio, every seventh sample of what they make
of the mel frames of mel.bin, each twice; 3/audio, the same of V2 in its full size, whose random weights the test has made anew by --onnx;
real/audio, what the real weights make of the first 48 frames of encoder.flac.
"""
import argparse, os, sys, tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "models", "convert"))
BANDS, STEP, FRAMES = 80, 7, 48
SHAPES = {  # channels, rates, kernels, residual block, its kernels and dilations
    1: (16, [8, 8, 2, 2], [16, 16, 4, 4], 1, [3, 7, 11], [[1, 3, 5]] * 3),
    2: (16, [8, 8, 4], [16, 16, 8], 2, [3, 5, 7], [[1, 2], [2, 6], [3, 12]]),
    3: (128, [8, 8, 2, 2], [16, 16, 4, 4], 1, [3, 7, 11], [[1, 3, 5]] * 3),
}
COMMITTED = 2  # the kinds whose weights are


def generator(kind, fault="none"):
    """The graph as the paper draws it."""
    channels, rates, kernels, block, sizes, dilations = SHAPES[kind]
    rng, nodes, tensors = np.random.default_rng(20 + kind), [], {}

    def op(name, inputs, **attributes):
        out = f"x{len(nodes)}"
        nodes.append(helper.make_node(name, inputs, [out], **attributes))
        return out

    def conv(x, name, out, into, taps, dilation=1, stride=0, gain=1.0):
        shape = (into, out, taps) if stride else (out, into, taps)
        size = into * taps / (stride or 1)
        tensors[name + ".weight"] = (rng.standard_normal(shape) * gain / np.sqrt(size)).astype(np.float32)
        tensors[name + ".bias"] = (rng.standard_normal(out) * 0.1).astype(np.float32)
        pad = (taps - stride) // 2 if stride else (taps - 1) * dilation // 2
        return op("ConvTranspose" if stride else "Conv", [x, name + ".weight", name + ".bias"], kernel_shape=[taps], pads=[pad, pad],
                  dilations=[dilation], strides=[stride or 1], group=1)

    leaky = lambda x, slope=0.1: op("LeakyRelu", [x], alpha=slope)
    x = conv("mel", "conv_pre", channels, BANDS, 7, gain=0.2)
    for i, (rate, taps) in enumerate(zip(rates, kernels)):
        x = conv(leaky(x), f"ups.{i}", channels // 2, channels, taps, stride=rate)
        channels //= 2
        total = None
        for j, size in enumerate(sizes):
            y, name = x, f"resblocks.{i * len(sizes) + j}"
            for k, dilation in enumerate(dilations[j]):
                if block == 1:
                    z = conv(leaky(y), f"{name}.convs1.{k}", channels, channels, size, dilation)
                    z = conv(leaky(z), f"{name}.convs2.{k}", channels, channels, size, gain=0.5)
                else:
                    z = conv(leaky(y), f"{name}.convs.{k}", channels, channels, size, dilation, gain=0.5)
                y = op("Add", [z, y])
            total = y if total is None else op("Add", [total, y])
        tensors["number"] = np.float32(len(sizes))
        x = op("Div", [total, "number"])
    x = op("Tanh", [conv(leaky(x, 0.01), "conv_post", 1, channels, 7, gain=0.3)])
    if fault == "missing":
        del tensors["resblocks.3.convs2.1.bias"]
    elif fault == "shape":
        tensors["ups.1.weight"] = tensors["ups.1.weight"][:, :-1]
    elif fault == "nan":
        tensors["conv_post.weight"][0, 0, 3] = np.nan
    elif fault == "other":
        tensors["conv_mid.weight"] = tensors.pop("conv_pre.weight")
    elif fault == "operator":
        x = op("Sin", [x])
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("mel", TensorProto.FLOAT, [1, BANDS, "T"])],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(np.asarray(a), n) for n, a in tensors.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def session(model):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(model if isinstance(model, str) else model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def speak(s, mel):
    return s.run(None, {"mel": np.ascontiguousarray(mel.T, np.float32)[None]})[0].reshape(-1)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--onnx")
    ap.add_argument("--out", default=os.path.join(HERE, "data"))
    ap.add_argument("--recordings")
    ap.add_argument("arguments", nargs="+")
    a = ap.parse_intermixed_args()
    if a.onnx:
        onnx.save(generator(int((a.arguments + [1])[1]), a.arguments[0]), a.onnx)
        return
    import librosa, soundfile, torch
    from make_kokoro_reference import write
    from make_mel_reference import f5_functions
    function, _ = f5_functions()

    def mel_of(path):
        x, rate = soundfile.read(path, dtype="float32")
        if a.recordings:
            x = librosa.resample(x, orig_sr=rate, target_sr=22050)
        return function(torch.from_numpy(x)[None], n_fft=1024, n_mel_channels=80, target_sample_rate=22050, hop_length=256, win_length=1024, fmin=0,
                        fmax=8000)[0].T.numpy()

    real, records = session(a.arguments[0]), {}
    if a.recordings:
        for i, path in enumerate(a.arguments[1:]):
            mel = np.ascontiguousarray(mel_of(path))
            records |= {f"{i}/mel": mel, f"{i}/audio": speak(real, mel)}
        write(a.recordings, records)
        return
    import hifigan
    mel = mel_of(os.path.join(HERE, "data", "encoder.flac"))
    slow = np.repeat(mel[::4], 2, axis=0)  # mel.bin holds every fourth frame
    for kind in SHAPES:
        with tempfile.TemporaryDirectory() as work:
            onnx.save(generator(kind), work + "/g.onnx")
            hifigan.convert(work + "/g.onnx", os.path.join(a.out if kind <= COMMITTED else work, f"hifigan_{kind}.gguf"))
        audio = speak(session(generator(kind)), slow)
        print(kind, len(audio), "samples, standard deviation", audio.std())
        records[f"{kind}/audio"] = np.ascontiguousarray(audio[::STEP])
    records["real/audio"] = speak(real, mel[:FRAMES])
    write(os.path.join(a.out, "hifigan.bin"), records)


if __name__ == "__main__":
    main()
