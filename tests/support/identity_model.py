#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Writes a model whose mask is 1, so that the whole mixture becomes vocals.

    identity_model.py OUT [--gain G] [--memory carry|bounded] [--bands BINS,BINS,...]
                      [--n-fft SAMPLES] [--hop SAMPLES]

The network is the smallest that has all parts of BSMamba2, with the paper's transform. What it
computes does not matter: the weights of the mask's last layer are 0, and its biases are [G, 0] for each
complex number and an open gate.
"""

import argparse
import json
import math
import os
import struct

DIM, DEPTH, EXPAND, HEADDIM, D_STATE, D_CONV, MASK_EXPANSION = 4, 1, 4, 4, 4, 4, 1
RATE, CHANNELS = 44100, 2
OPEN_GATE = 100.0  # its sigmoid is 1 in float32


def mixer_tensors(prefix):
    d_inner = EXPAND * DIM
    conv_dim = d_inner + 2 * D_STATE
    heads = d_inner // HEADDIM
    yield prefix + "norm.weight", [DIM], 1.0
    yield prefix + "mixer.dt_bias", [heads], -4.6
    yield prefix + "mixer.A_log", [heads], 0.0
    yield prefix + "mixer.D", [heads], 1.0
    yield prefix + "mixer.in_proj.weight", [d_inner + conv_dim + heads, DIM], 0.01
    yield prefix + "mixer.conv1d.weight", [conv_dim, 1, D_CONV], 0.25
    yield prefix + "mixer.conv1d.bias", [conv_dim], 0.0
    yield prefix + "mixer.norm.weight", [d_inner], 1.0
    yield prefix + "mixer.out_proj.weight", [DIM, d_inner], 0.01


def tensors(bands, gain):
    """Yield (name, shape, value or list of values) of every tensor in docs/model-format.md."""
    for layer in range(DEPTH):
        for path in range(2):
            prefix = f"layers.{layer}.{path}."
            yield from mixer_tensors(prefix + "forward_blocks.0.")
            yield from mixer_tensors(prefix + "backward_blocks.0.")
            yield prefix + "linear.weight", [2 * DIM, DIM, 1], 0.01
            yield prefix + "linear.bias", [DIM], 0.0
    yield "final_norm.gamma", [DIM], 1.0
    for band, bins in enumerate(bands):
        features = 2 * CHANNELS * bins
        yield f"band_split.to_features.{band}.0.gamma", [features], 1.0
        yield f"band_split.to_features.{band}.1.weight", [DIM, features], 0.01
        yield f"band_split.to_features.{band}.1.bias", [DIM], 0.0
    hidden = MASK_EXPANSION * DIM
    for band, bins in enumerate(bands):
        numbers = CHANNELS * bins
        prefix = f"mask_estimators.0.to_freqs.{band}.0."
        yield prefix + "0.weight", [hidden, DIM], 0.0
        yield prefix + "0.bias", [hidden], 0.0
        yield prefix + "2.weight", [4 * numbers, hidden], 0.0
        yield prefix + "2.bias", [4 * numbers], [gain, 0.0] * numbers + [OPEN_GATE] * 2 * numbers


def metadata(bands, hop, memory):
    numbers = {
        "dim": DIM, "depth": DEPTH, "expand": EXPAND, "headdim": HEADDIM, "d_state": D_STATE,
        "d_conv": D_CONV, "mask_expansion": MASK_EXPANSION, "n_fft": 2 * (sum(bands) - 1),
        "hop": hop, "sample_rate": RATE, "channels": CHANNELS,
    }
    pairs = {key: str(value) for key, value in numbers.items()}
    pairs["bands"] = ",".join(map(str, bands))
    pairs["stems"] = "vocals"
    pairs["memory"] = memory
    return pairs


def write(path, bands=(1025,), hop=441, gain=1.0, memory="carry"):
    """Write the model; n_fft follows from the bands."""
    header, data = {"__metadata__": metadata(bands, hop, memory)}, bytearray()
    for name, shape, value in tensors(bands, gain):
        count = math.prod(shape)
        values = value if isinstance(value, list) else [value] * count
        begin = len(data)
        data += struct.pack(f"<{count}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    os.replace(path + ".part", path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--bands", help="bins of each, with commas; one of all bins by default")
    parser.add_argument("--n-fft", type=int, default=2048)
    parser.add_argument("--hop", type=int, default=441)
    parser.add_argument("--gain", type=float, default=1.0, help="of the mask")
    parser.add_argument("--memory", choices=["carry", "bounded"], default="carry")
    args = parser.parse_args()
    bands = [int(bins) for bins in (args.bands or str(args.n_fft // 2 + 1)).split(",")]
    if sum(bands) != args.n_fft // 2 + 1:
        parser.error(f"the bands hold {sum(bands)} bins, not {args.n_fft // 2 + 1}")
    write(args.out, bands, args.hop, args.gain, args.memory)


if __name__ == "__main__":
    main()
