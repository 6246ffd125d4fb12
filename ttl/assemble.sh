#!/bin/sh
# SPDX-License-Identifier: ISC
# Copies files into a new bundle folder, and touches STAMP: assemble.sh FOLDER STAMP FILE...
set -eu
bundle=$1
stamp=$2
shift 2
rm -rf "$bundle"
mkdir -p "$bundle"
cp "$@" "$bundle"
touch "$stamp"
