#!/bin/sh
# SPDX-License-Identifier: ISC
# The library exports what its list says, and nothing else: symbols.sh LIBRARY LIST. Who takes a function away breaks
# programs, and has to change the soname; a new one goes into the list.
set -eu
command -v nm >/dev/null || { echo "nm is not installed"; exit 77; }
nm -D --defined-only "$1" | awk '$2 ~ /[TDBRVW]/ { print $3 }' | grep -v '^_' | LC_ALL=C sort | diff -u "$2" -
