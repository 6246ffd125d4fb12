#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Fails on C functions of more than 60 lines and files of more than 500: shape.py FILE..."""

import re
import sys

MAX_FUNCTION = 60
MAX_FILE = 500


def long_functions(lines):
    """(first line, length) of each function body at the left margin that is too long."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" or re.match(r"^[A-Za-z_].*\)\s*\{$", line):
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > MAX_FUNCTION:
                yield start, number - start - 1
            start = None


def main():
    faults = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if len(lines) > MAX_FILE:
            print(f"{path}: {len(lines)} lines, at most {MAX_FILE}")
            faults += 1
        for start, length in long_functions(lines):
            print(f"{path}:{start}: a function of {length} lines, at most {MAX_FUNCTION}")
            faults += 1
    return 1 if faults else 0


sys.exit(main())
