#!/bin/sh
# SPDX-License-Identifier: ISC
# Make a trained model the default one: measure it, and write it with what is known of it.
set -eu

usage="usage: adopt.sh [-b BUILD] [-m carry|bounded] [-e DB] [-l LICENCE] MODEL DATA [LOG...]

Write MODEL beside this script as bsm-live.safetensors, in float16 and with its training, data,
licence and figures in its metadata, its checksum, and the tables of CARD.md. All figures are
measured now: on the songs in DATA/songs/valid (prepare.sh made DATA), each beside centre extraction,
on a piece of each of its packages and of all of DATA/measured, and on the clip that the tests
make up. LOG is the training's log.jsonl; several, of runs that followed each other or of one that
went on elsewhere, from the oldest to the newest; none for the model that is there already.
  -b BUILD    meson's folder, with all programs and tests built (default: build)
  -m MEMORY   what the network remembers live: carry (default), all that it heard, or bounded
  -e DB       where its expander starts, below the mixture (default: 14.8; 0: none)
  -l LICENCE  of the weights (default: ISC)
Takes about five times as long as the songs last. Let nothing else run: the load is measured, too."

build="" memory=carry expander=14.8
licence="ISC, like bsm. Trained on works under the licences that SOURCES.md lists"
while getopts b:m:e:l:h option; do
    case $option in
    b) build=$(cd "$OPTARG" && pwd) ;;
    m) memory=$OPTARG ;;
    e) expander=$OPTARG ;;
    l) licence=$OPTARG ;;
    h) echo "$usage" && exit 0 ;;
    *) echo "$usage" >&2 && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { echo "$usage" >&2; exit 2; }
case $memory in
carry) other=bounded ;;
bounded) other=carry ;;
*) echo "adopt.sh: -m $memory: not carry or bounded" >&2; exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${build:-$root/build}
model=$1
data=$2
shift 2
for needed in standalone/bsm-model standalone/bsm-separate standalone/bsm-bench trainer/bsm-trainer \
    tests/standalone/usdr tests/standalone/make_clip; do
    [ -x "$build/$needed" ] || { echo "adopt.sh: $build/$needed: not built" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

card() {
    python3 "$here/card.py" "$@"
}

convert() {
    "$build/standalone/bsm-model" convert --force --dtype f16 "$@"
}

# validate NAME MODEL DATA OPTION...: to NAME.json
validate() {
    name=$1 of=$2 on=$3
    shift 3
    echo "measuring: $name" >&2
    "$build/trainer/bsm-trainer" --quiet --validate "$of" --data "$on" --sources vocals,other \
        --set validation.layout=tracks --json-file "$work/$name.json" "$@" >/dev/null
}

# live MEMORY SECONDS PRECISION: the load of one core, and then how well it separates
live() {
    name=$1-$2-$3
    "$build/standalone/bsm-bench" --model "$work/$1.safetensors" --device cpu --threads 1 --stream \
        --precision "$3" --rate 44100 --latency "$(echo "$2" | awk '{ print 1000 * $1 }')" \
        --blocks 256 --play 20 --json \
        >"$work/$name.bench"
    validate "$name" "$work/$1.safetensors" "$data/songs" --precision "$3" \
        --commit "$(card blocks "$work/$name.bench")"
}

# instrumental NAME FILE: a song without vocals
instrumental() {
    mkdir -p "$work/instrumentals/valid/$1"
    ln -s "$(realpath "$2")" "$work/instrumentals/valid/$1/other.${2##*.}"
}

# One track of each package of the training's, and all that is only measured on: PACKAGE@TRACK
lay_out_instrumentals() {
    for pool in "$data"/*/other; do
        package=$(basename "$(dirname "$pool")")
        for file in "$pool"/*; do
            [ -e "$file" ] || continue
            instrumental "$package" "$file"
            break
        done
    done
    for file in "$data"/measured/*/*; do
        [ -e "$file" ] || continue
        instrumental "$(basename "$(dirname "$file")")@$(basename "$file")" "$file"
    done
}

for kind in carry bounded; do
    convert --set memory="$kind" --set expander="$expander" "$model" "$work/$kind.safetensors"
done
clip=$(python3 "$root/tests/standalone/default_model_test.py" "$build/standalone/bsm-separate" \
    "$build/standalone/bsm-model" "$build/tests/standalone/usdr" "$build/tests/standalone/make_clip" \
    "$work/$memory.safetensors")
for precision in float32 int8; do
    validate "offline-$precision" "$work/$memory.safetensors" "$data/songs" \
        --precision "$precision" --set validation.overlap=0.5 # as bsm-separate does it
    for latency in 0.3 0.8 2.0; do
        live "$memory" "$latency" "$precision"
    done
done
live "$other" 0.8 float32
lay_out_instrumentals
if [ -d "$work/instrumentals" ]; then
    validate instrumentals "$work/$memory.safetensors" "$work/instrumentals" --max-seconds 30 \
        --commit "$(card blocks "$work/$memory-0.8-float32.bench")"
fi

"$build/standalone/bsm-model" info --json "$work/$memory.safetensors" >"$work/info"
training=$(card training "$work/info" "$@")
sources=$(card data "$here")
figures=$(card figures "$work" "$memory")
convert --set training="$training" --set data="$sources" --set licence="$licence" \
    --set figures="$figures" "$work/$memory.safetensors" "$here/bsm-live.safetensors"
echo "$clip" >"$here/bsm-live.clip-usdr"
(cd "$here" && sha256sum bsm-live.safetensors >bsm-live.safetensors.sha256)
"$build/standalone/bsm-model" info --json "$here/bsm-live.safetensors" >"$work/info"
card write "$here" "$work" "$memory" "$@"
"$build/standalone/bsm-model" info "$here/bsm-live.safetensors"
echo "adopted; for the programs to find it: meson setup --reconfigure $build" >&2
