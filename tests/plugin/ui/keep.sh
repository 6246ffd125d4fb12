#!/bin/sh
# SPDX-License-Identifier: ISC
# Keeps the window's pictures as they are now, with fewer colours: keep.sh TEST_PLUGIN_FACE. Look at every one
# before it is committed: nothing cut off, nothing over anything else. Needs ImageMagick.
set -eu
pictures=$(dirname "$0")/pictures
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
BSM_KEEP_PICTURES=$folder "$1"
mkdir -p "$pictures"
for picture in "$folder"/*.png; do
    convert "$picture" +dither -colors 128 -strip "PNG8:$pictures/$(basename "$picture")"
done
