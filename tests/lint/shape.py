#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Names C functions of more than 60 lines and files of more than 500, which is only advice. Fails if
one has more than twice as many: shape.py FILE..."""

import re
import sys

MAX_FUNCTION = 60
MAX_FILE = 500
FAILS_AT = 2  # times the maximum


def long_functions(lines):
    """Yield (first line, length) of each function body at the left margin that is too long."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" or re.match(r"^[A-Za-z_].*\)\s*\{$", line):
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > MAX_FUNCTION:
                yield start, number - start - 1
            start = None


def judge(where, what, length, most):
    """Return 1 if the length is a fault, otherwise 0."""
    if length <= most:
        return 0
    fault = length > FAILS_AT * most
    print(f"{where}: {what}{length} lines, {'at most' if fault else 'better not more than'} "
          f"{FAILS_AT * most if fault else most}")
    return 1 if fault else 0


def main():
    faults = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        faults += judge(path, "", len(lines), MAX_FILE)
        for start, length in long_functions(lines):
            faults += judge(f"{path}:{start}", "a function of ", length, MAX_FUNCTION)
    return 1 if faults else 0


sys.exit(main())
