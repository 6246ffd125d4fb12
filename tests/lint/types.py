#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Fails if two files define types of the same public name (bsm_...): types.py FILE...

A name may be defined a second time in a file that stands in for the real one in tests."""

import re
import sys

STAND_INS = {
    "bsm_gpu": {"cuda/gpu.c", "tests/cuda/emulated_gpu.cc"},
    "bsm_gpu_fft": {"cuda/fft.c", "tests/cuda/emulated_fft.cc"},
    "bsm_gpu_graph": {"cuda/gpu.c", "tests/cuda/emulated_gpu.cc"},
    "bsm_fft": {"engine/signal/fft.c", "tests/gpu/plain_fft.c"},
}


def defined(text):
    """Return the names of the types that a file defines at its left margin."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    names = set(re.findall(r"^(?:struct|enum|union) (\w+)\s*\{", text, flags=re.M))
    names |= set(re.findall(r"^typedef (?:struct|enum|union) (\w+)\s*\{", text, flags=re.M))
    names |= set(re.findall(r"^\} (\w+);", text, flags=re.M))
    names |= set(re.findall(r"^typedef [\w \*]*?\b(\w+)\([^;{]*\);", text, flags=re.M))
    names |= set(re.findall(r"^typedef (?!struct|enum|union)[\w \*]*?\b(\w+);", text, flags=re.M))
    return {name for name in names if name.startswith("bsm_")}


def main():
    files = {}
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for name in defined(file.read()):
                files.setdefault(name, set()).add(path)
    faults = 0
    for name, paths in sorted(files.items()):
        if len(paths) > 1 and paths != STAND_INS.get(name):
            print(f"{name} is defined in {', '.join(sorted(paths))}")
            faults += 1
    return 1 if faults else 0


sys.exit(main())
