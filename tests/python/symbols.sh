#!/bin/sh
# SPDX-License-Identifier: ISC
# Tests that the library exports exactly what its list contains: symbols.sh LIBRARY LIST. Removing a function breaks
# programs, and requires a new soname; a new function must be added to the list.
set -eu
command -v nm >/dev/null || { echo "nm is not installed"; exit 77; }
nm -D --defined-only "$1" | awk '$2 ~ /[TDBRVW]/ { print $3 }' | grep -v '^_' | LC_ALL=C sort | diff -u "$2" -
