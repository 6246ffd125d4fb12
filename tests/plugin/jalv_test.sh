#!/bin/sh
# SPDX-License-Identifier: ISC
# Tests that jalv runs the plugins, on a JACK server without a sound card: jalv_test.sh MAKE_IDENTITY
set -eu
for tool in jalv jackd jack_lsp; do
    command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
folder=$(mktemp -d)
export JACK_DEFAULT_SERVER="bsm-jalv-$$" JACK_NO_START_SERVER=1 JACK_NO_AUDIO_RESERVATION=1
python3 "$(dirname "$0")/../support/jack_server.py"
jackd --no-realtime -n "$JACK_DEFAULT_SERVER" -d dummy -r 48000 -p 512 >"$folder/jackd" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait; rm -rf "$folder"' EXIT
tries=0
until jack_lsp >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat "$folder/jackd"; echo "no JACK server"; exit 1; }
    sleep 0.1
done

"$1" "$folder/identity.safetensors"
export BSM_MODEL="$folder/identity.safetensors"
for plugin in remix stems; do
    # jalv's prompt reads these commands: list the controls, set a gain and a look-ahead, then quit.
    { sleep 1; echo controls; echo 'set vocals -60'; echo 'set lookahead 0'; sleep 2; echo controls
      echo monitors; sleep 0.5; echo quit; } |
        timeout 20 jalv -n "bsm-$plugin" "https://bsm-audio.org/lv2/$plugin" >"$folder/log" 2>&1 ||
        { cat "$folder/log"; exit 1; }
    for text in 'vocals = -60' 'lookahead = 0' 'latency = 13821'; do
        grep -q "$text" "$folder/log" || { cat "$folder/log"; echo "$plugin: no '$text'"; exit 1; }
    done
done
