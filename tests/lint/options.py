#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Fails if a program's table of options and its manual do not name the same options."""

import re
import sys

sys.path.insert(0, "tools/completion")
from completion import read_options  # noqa: E402

MANUALS = {
    "standalone/bench/bench_args.c": "standalone/bench/bsm-bench.1",
    "standalone/model/bsm-model.c": "standalone/model/bsm-model.1",
    "standalone/separate/separate_args.c": "standalone/separate/bsm-separate.1",
    "standalone/live/options.c": "standalone/live/bsm-live.1",
    "trainer/args.c": "trainer/bsm-trainer.1",
}


def described(path):
    """Return the options that have a paragraph in a manual."""
    with open(path, encoding="utf-8") as file:
        items = [line for line in file if line.startswith(".It ")]
    return {name for line in items for name in re.findall(r"(?:Fl|,) -([a-z][a-z-]+)", line)}


def main():
    faults = 0
    for source, manual in MANUALS.items():
        table, text = {name for name, _ in read_options(source)}, described(manual)
        for name in sorted(table ^ text):
            print(f"--{name}: is in {source if name in table else manual} only")
            faults += 1
    return 1 if faults else 0


sys.exit(main())
