#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Make the list of keys in bsm-trainer's manual from their table in trainer/config/keys.h. Fails
if the list in the manual differs; with --write, writes it to the manual."""

import re
import sys

TABLE, MANUAL = "trainer/config/keys.h", "trainer/bsm-trainer.1"
BEGIN, END = '.\\" Made by tests/lint/keys.py.\n', '.\\" End of what it made.\n'
ROW = re.compile(r'K\(S, (\w+), (\w+), "([^"]*)", ([^,]+), ([^,]+),\s*((?:"[^"]*"\s*)+)\)')
WHERE = {"SCHEDULE": "training.schedule", "ROOT": "Entries of data.roots",
         "SILENT": "Entries of data.silent", "AUGMENT": "Entries of data.augment"}
SCHEMA = "trainer/config/schema.c"
WORDS = {"PRECISION": "float32, tf32 or bfloat16.", "FLAG": "true or false.",
         "ANY_PRECISION": "float32, tf32, bfloat16 or int8."}


def read_names():
    """Read which words each kind of key accepts."""
    with open(SCHEMA, encoding="utf-8") as file:
        source = file.read()
    fields = r"#define FIELD_(\w+)\(S, KEY, \.\.\.\) FIELD_NAMES\(S, KEY, (\w+)\)"
    for kind, names in re.findall(fields, source):
        table = re.search(r"cyaml_strval_t %s\[\] = \{\n(.*?)\n\};" % names, source, re.S)
        if table and kind not in WORDS:
            words = re.findall(r'\{"(\w+)"', table.group(1))
            WORDS[kind] = ", ".join(words[:-1]) + " or " + words[-1] + "."


def bounds(kind, low, high):
    """Return the range in words; "" if both ends are 0, or if another file names them."""
    if kind in WORDS:
        return " " + WORDS[kind]
    try:
        low, high = float(low), float(high)
    except ValueError:
        return ""
    if low == high == 0 or kind.endswith("S"):
        return ""
    most = f" to {'below ' if kind == 'BELOW' else ''}{high:g}." if high < 1e6 else " or more."
    return f" {low:g}{most}"


def paragraph(row):
    kind, key, default, low, high, text = row
    text = "".join(re.findall(r'"([^"]*)"', text)) + bounds(kind, low, high)
    text = re.sub(r"(?<=[.]) (?=[A-Z0-9f-t])", "\n", text).replace("-", "\\-")
    return f".It Cm {key}{' No = ' + default if default else ''}\n{text}\n"


def make():
    with open(TABLE, encoding="utf-8") as file:
        source = file.read().replace("\\\n", "\n").split("#ifndef")[1]
    made = ""
    for block in re.split(r"(?=#define BSM_\w+_KEYS\()", source)[1:]:
        name = re.match(r"#define BSM_(\w+)_KEYS", block).group(1)
        rows = ROW.findall(block)
        if len(rows) != len(re.findall(r"K\(S,", block)):
            sys.exit(f"{TABLE}: a row of {name} is not understood")
        made += f".Ss {WHERE.get(name, name.lower())}\n.Bl -tag -width Ds -compact\n"
        made += "".join(map(paragraph, rows)) + ".El\n"
    return made


def main():
    read_names()
    with open(MANUAL, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    old, after = rest.split(END)
    new = make()
    if "--write" in sys.argv:
        with open(MANUAL, "w", encoding="utf-8") as file:
            file.write(before + BEGIN + new + END + after)
    elif new != old:
        print(f"{MANUAL} is behind {TABLE}: python3 {sys.argv[0]} --write")
        return 1
    return 0


sys.exit(main())
