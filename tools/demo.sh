#!/bin/sh
# SPDX-License-Identifier: ISC
# Install what is needed, build programs and library (not the tests), separate a song into demo/, and draw it: demo.sh [FILE]
# Without a file, use the song with the most vocals in Debian's fretsonfire-songs-muldjord. Prints how loud the
# vocals are relative to the rest, and the names of the files that it wrote.
set -eu
[ $# -eq 0 ] || set -- "$(realpath "$1")"
cd "$(dirname "$0")/.."
song_package=fretsonfire-songs-muldjord

# shellcheck disable=SC2046 # a list of words
sh tools/packages.sh $(cat tools/build-packages.txt) $([ $# -gt 0 ] || echo $song_package)
[ -f build/build.ninja ] || setup=$(meson setup build) || { echo "$setup"; exit 1; }
meson compile -C build programs >build/compile.log 2>&1 || { tail -n 40 build/compile.log; exit 1; }

song=${1:-$(dpkg -L $song_package | grep '/mutilated_mime/song\.ogg$')}
mkdir -p demo
build/standalone/bsm-separate --force --picture --output demo "$song"
