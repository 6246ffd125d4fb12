#!/bin/sh
# SPDX-License-Identifier: ISC
# Stores the window's present pictures with fewer colours: keep.sh TEST_PLUGIN_FACE. Look at each picture before
# you commit it: nothing may be cut off or overlap. Needs ImageMagick.
set -eu
pictures=$(dirname "$0")/pictures
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
BSM_KEEP_PICTURES=$folder "$1"
mkdir -p "$pictures"
for picture in "$folder"/*.png; do
    convert "$picture" +dither -colors 128 -strip "PNG8:$pictures/$(basename "$picture")"
done
