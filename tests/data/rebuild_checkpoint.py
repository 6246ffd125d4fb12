#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Rebuild a PyTorch checkpoint from its pickle and the weights' hash (README.md says why).

usage: rebuild_checkpoint.py FOLDER OUTPUT

FOLDER contains data.pkl and, in data/, the storages that are not hash weights. OUTPUT is the zip
archive, byte for byte as it was. The archive's inner folder is FOLDER's name without its extension.
"""
import math
import pathlib
import pickle
import struct
import sys
import zlib

ALIGNMENT = 64
MASK = (1 << 64) - 1


# ---- The pickle: which storage belongs to which weight ----

class Inert:
    """Stands for any class in the pickle: accepts everything and does nothing."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        pass


class Storage:
    def __init__(self, kind, key):
        self.kind, self.key = kind, key


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, shape, stride, *rest: (storage, shape)
        if name == "OrderedDict":
            return dict
        if name.endswith("Storage"):
            return name
        return Inert

    def persistent_load(self, identity):
        _, kind, key, _, _ = identity
        return Storage(kind, key)


def find_state_dict(top):
    for key in ("state_dict", "model_state_dict"):
        if key in top:
            return top[key]
    return top


# ---- The weights (docs/model-format.md, "Untrained models") ----

def uniforms(name, count):
    seed = 0xcbf29ce484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001b3 & MASK
    for _ in range(count):
        seed = seed + 0x9e3779b97f4a7c15 & MASK
        z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9 & MASK
        z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
        yield ((z ^ z >> 31) >> 11) / (1 << 53)


def weights(name, shape):
    values = uniforms(name, math.prod(shape))
    if name.endswith("A_log"):
        return [math.log(1 + 15 * u) for u in values]
    if name.endswith("dt_bias"):
        return [-4.6 + 2.3 * (2 * u - 1) for u in values]
    if name.endswith((".D", "gamma", "norm.weight")):
        return [1 + 0.1 * (2 * u - 1) for u in values]
    if name.endswith("bias"):
        return [0.1 * (2 * u - 1) for u in values]
    if name.endswith("conv1d.weight"):
        return [0.5 * (2 * u - 1) for u in values]
    divisor = math.sqrt(shape[0 if name.endswith("linear.weight") else 1])
    return [(2 * u - 1) / divisor for u in values]


def float32(values):
    return struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))


def rebuild_storages(top, kept):
    """Return the bytes of every storage that is not `kept`, by key."""
    storages = {}

    def put(storage, values):
        code = {"FloatStorage": "f", "HalfStorage": "e"}[storage.kind]
        storages[storage.key] = struct.pack(f"<{len(values)}{code}", *values)

    parameters = []
    for name, (storage, shape) in find_state_dict(top).items():
        if storage.key not in kept:
            parameters.append(float32(weights(name.removeprefix("model."), shape)))
            put(storage, parameters[-1])
    for state in top.get("optimizer_states", []):
        for (storage, _), values in zip(state["ema"], parameters, strict=True):
            put(storage, [value / 2 for value in values])
    return storages


# ---- The archive, as torch.save writes it ----

def write_archive(path, folder, entries):
    with open(path, "wb") as file:
        directory = b""
        for name, data in entries:
            name = f"{folder}/{name}".encode()
            offset, crc = file.tell(), zlib.crc32(data)
            padding = ALIGNMENT - (offset + 30 + len(name) + 4) % ALIGNMENT
            padding %= ALIGNMENT
            file.write(struct.pack("<4s5H3I2H", b"PK\3\4", 0, 0x808, 0, 0, 0, 0, 0, 0,
                                   len(name), padding + 4))
            file.write(name + struct.pack("<2sH", b"FB", padding) + b"Z" * padding + data)
            file.write(struct.pack("<4s3I", b"PK\7\10", crc, len(data), len(data)))
            directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, 0, 0x808, 0, 0, 0, crc,
                                     len(data), len(data), len(name), 0, 0, 0, 0, 0, offset) + name
        start, count = file.tell(), len(entries)
        file.write(directory)
        file.write(struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 0x31e, 45, 0, 0, count, count,
                               len(directory), start))
        file.write(struct.pack("<4sIQI", b"PK\6\7", 0, start + len(directory), 1))
        file.write(struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), start, 0))


def main():
    source, target = pathlib.Path(sys.argv[1]), sys.argv[2]
    pickled = (source / "data.pkl").read_bytes()
    storages = {path.name: path.read_bytes() for path in (source / "data").glob("*")}
    with open(source / "data.pkl", "rb") as file:
        top = Reader(file).load()
    storages |= rebuild_storages(top, storages.keys())
    entries = [(f"data/{key}", storages[key]) for key in sorted(storages)]
    write_archive(target, source.stem, [("data.pkl", pickled), *entries, ("version", b"3\n")])


main()
