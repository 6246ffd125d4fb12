#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs a command with an X server of its own: xvfb.sh COMMAND...
set -eu
command -v Xvfb >/dev/null || { echo "Xvfb is not installed"; exit 77; }
folder=$(mktemp -d)
Xvfb -displayfd 3 -screen 0 1600x1000x24 -noreset -nolisten tcp 3>"$folder/display" 2>"$folder/log" &
server=$!
trap 'kill $server 2>/dev/null; wait; rm -rf "$folder"' EXIT
tries=0
until [ -s "$folder/display" ]; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { cat "$folder/log"; echo "no X server"; exit 1; }
    sleep 0.1
done
DISPLAY=:$(cat "$folder/display")
export DISPLAY
"$@"
