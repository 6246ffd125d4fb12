#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Make tiny.inference.thin.safetensors from the 11 MB of tiny.inference.safetensors.

usage: thin_golden.py tiny.inference.safetensors tiny.inference.thin.safetensors

The spectra and the mask keep bins 0, 4, 8, ... (README.md describes the layout); everything else
is kept completely.
"""
import json
import struct
import sys

STEP = 4
FEATURES_PER_BIN = 4  # L.re, L.im, R.re, R.im
SPECTRA = ("stft", "masked_stft")


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["shape"], data[begin:end])
    return metadata, tensors


def write(path, metadata, tensors):
    header, offset = {"__metadata__": metadata}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, data in tensors.values():
            file.write(data)


def thin_axis(shape, data, axis, group):
    """Keep every STEP-th run of `group` elements along an axis."""
    outer, inner = 1, 4
    for size in shape[:axis]:
        outer *= size
    for size in shape[axis + 1:]:
        inner *= size
    run = group * inner
    runs = shape[axis] // group
    parts = [data[(o * runs + r) * run:(o * runs + r + 1) * run]
             for o in range(outer) for r in range(0, runs, STEP)]
    kept = len(range(0, runs, STEP)) * group
    return shape[:axis] + [kept] + shape[axis + 1:], b"".join(parts)


def main():
    source, target = sys.argv[1:]
    metadata, tensors = read(source)
    for name, (shape, data) in tensors.items():
        if name in SPECTRA or name.startswith("stream_"):
            tensors[name] = thin_axis(shape, data, 1, 1)
        elif name == "mask":
            tensors[name] = thin_axis(shape, data, 1, FEATURES_PER_BIN)
    metadata["bin_step"] = str(STEP)
    write(target, metadata, tensors)


main()
