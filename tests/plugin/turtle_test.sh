#!/bin/sh
# SPDX-License-Identifier: ISC
# Tests that lv2_validate and lv2info find the Turtle valid and complete: turtle_test.sh BUNDLE
set -eu
for tool in lv2_validate sord_validate lv2info; do
    command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
log=$(mktemp)
trap 'rm -f "$log"' EXIT
lv2_validate "$1"/*.ttl >"$log" 2>&1 || { cat "$log"; exit 1; }
grep -q 'Found 0 errors' "$log" || { cat "$log"; exit 1; }

# expect PLUGIN TEXT...: the output of lv2info about it must contain each text.
expect() {
    lv2info "https://bsm-audio.org/lv2/$1" >"$log" 2>&1 || { cat "$log"; exit 1; }
    shift
    for text in "$@"; do
        grep -q -- "$text" "$log" || { cat "$log"; echo "lv2info does not say: $text"; exit 1; }
    done
    # Bundles of other plugins may have errors.
    ! grep -v '/usr/\(local/\)\?lib/lv2/' "$log" | grep -i error
}
expect remix 'BSM Remix' 'Spectral' 'Author: *the bsm authors' 'latency: *yes, reported by port 10' \
    'Remix neutral' Karaoke 'A cappella' 'Vocals +3 dB' 'Vocals -6 dB' 'Instrumental duck' 'Low (0.3 s)' CUDA \
    'core#enabled' 'core#freeWheeling' 'ext/state#interface' 'ext/worker#interface'
expect stems 'BSM Stems' 'Stems neutral' 'stems#vocals' 'stems#instrumental'

# Only the entry point is visible, so that no name can clash with another plugin's.
if command -v nm >/dev/null && ! nm "$1/bsm.so" 2>/dev/null | grep -q __asan_init; then
    symbols=$(nm -D --defined-only "$1/bsm.so" | awk '{ print $3 }')
    [ "$symbols" = lv2_descriptor ] || { echo "exported: $symbols"; exit 1; }
fi
