#!/bin/sh
# SPDX-License-Identifier: ISC
# Lay out the folders that the default model is trained and measured on, from Debian packages and a
# folder of stems: prepare.sh ROOT [STEMS]. README.md beside this file says what goes where and why.
set -eu

usage="usage: prepare.sh ROOT [STEMS]

Lay out training data in ROOT: music of Debian 12 packages (music.tsv), speech of others
(speech.tsv), music to be measured on (measured.tsv), and, as links, the songs and voices of STEMS:
  STEMS/train/TRACK/SOURCE.EXT, STEMS/valid/TRACK/SOURCE.EXT, STEMS/voices/*.EXT
With STEMS it also makes songs and bands without a voice (data/README.md), 60 of each or as many as
BSM_MADE_SONGS says; both together take about 25 s of one core. What is already there is left as it is. Needs apt, dpkg-deb, python3 with
venv, sox and fluidsynth; 5 GB of disk while it works, 3 GB afterwards."

case "${1-}" in
-h | --help)
    echo "$usage"
    exit 0
    ;;
'' | -*)
    echo "$usage" >&2
    exit 2
    ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
root=$(cd "$1" && pwd)
stems=""
if [ -n "${2-}" ]; then
    stems=$(cd "$2" && pwd)
fi
work=$root/.work
tab=$(printf '\t')
# Of STEMS/voices, nothing above 9 kHz (its SOURCES.md says so): no model of a voice.
narrow="vocadito-10 vocadito-14"

fail() {
    echo "prepare.sh: $1" >&2
    exit 1
}

# entries LIST [PACKAGE]: the lines of a list, without its comments
entries() {
    awk -F '\t' -v package="${2-}" '!/^#/ && (package == "" || $1 == package)' "$here/$1"
}

# copyright_is_known PACKAGE: is its copyright file the one that was read for SOURCES.md?
copyright_is_known() {
    known=$(entries packages.tsv "$1" | cut -f 3)
    file=$work/$1/usr/share/doc/$1/copyright
    if [ "$(sha256sum <"$file" | cut -d ' ' -f 1)" != "$known" ]; then
        echo "prepare.sh: $1: the copyright file is not the one that was read for SOURCES.md," \
            "left out" >&2
        return 1
    fi
}

# fetch PACKAGE: unpack it into the work folder, wherever Debian has it
fetch() {
    mkdir -p "$work/$1"
    (cd "$work" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$1") ||
        fail "cannot download the Debian package $1 (apt-get update?)"
    archive=$(find "$work" -maxdepth 1 -name "$1_*.deb")
    dpkg-deb -x "$archive" "$work/$1"
    rm "$archive"
}

# Copy one file of a zip archive: unzip_file ARCHIVE NAME DESTINATION
unzip_file() {
    python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as file, open(sys.argv[3], "wb") as copy:
    copy.write(file.read())' "$1" "$2" "$3"
}

# flat_name PATH: a name for a file beside those of other folders
flat_name() {
    echo "$1" | awk -F / '{ print $(NF - 1) "-" $NF }' | tr ' ' '_'
}

# copy_music PACKAGE: the files that music.tsv names into the folder being made
copy_music() {
    mkdir -p "$work/new/other"
    entries music.tsv "$1" | cut -f 2 | while IFS= read -r path; do
        copy=$work/new/other/$(flat_name "$path")
        case $path in
        *+*) # of guitars and the rest, each in a file of its own
            sox -V1 -m -v 0.6 "$work/$1/${path%+*}" -v 0.6 "$work/$1/$(dirname "$path")/${path#*+}" "${copy%.ogg}.flac"
            ;;
        *!*) unzip_file "$work/$1/${path%%!*}" "${path#*!}" "$copy" ;;
        *) cp "$work/$1/$path" "$copy" ;;
        esac
    done
}

# prepare_music PACKAGE: ROOT/PACKAGE/other
prepare_music() {
    [ ! -d "$root/$1" ] || return 0
    fetch "$1"
    if copyright_is_known "$1"; then
        copy_music "$1"
        mv "$work/new" "$root/$1"
    fi
    rm -rf "${work:?}/$1" "$work/new"
}

# prepare_measured PACKAGE: ROOT/measured/PACKAGE; nothing is trained on it
prepare_measured() {
    [ ! -d "$root/measured/$1" ] || return 0
    fetch "$1"
    mkdir -p "$work/new" "$root/measured"
    entries measured.tsv "$1" | cut -f 2 | while IFS= read -r path; do
        mv "$work/$1/$path" "$work/new/$(flat_name "$path")" ||
            echo "prepare.sh: $1: $path is not in this version, left out" >&2
    done
    mv "$work/new" "$root/measured/$1"
    rm -rf "${work:?}/$1"
}

# trimmed_clips FOLDER: copy the clips below a folder at 44.1 kHz, mono, without the silence around
# them, 0.15 s apart. Formats that sox does not read and other rates are left out.
trimmed_clips() {
    find "$1" -type f \( -name '*.ogg' -o -name '*.wav' \) | sort | while IFS= read -r clip; do
        [ "$(soxi -r "$clip" 2>/dev/null)" = 44100 ] || continue
        number=$((${number:-0} + 1))
        sox -V1 "$clip" -r 44100 "$work/clips/$(printf %05d "$number").wav" remix - \
            silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse pad 0 0.15 norm -3
    done
}

# join_clips FOLDER FILE: the clips below a folder as one file, if there are ten or more
join_clips() {
    rm -rf "$work/clips"
    mkdir "$work/clips"
    trimmed_clips "$1"
    find "$work/clips" -type f -size -20k -delete # silence
    [ "$(find "$work/clips" -name '*.wav' | wc -l)" -ge 10 ] || return 0
    (cd "$work/clips" && sox -V1 ./*.wav -C 7 "$2")
}

# unzip_folder ARCHIVE FOLDER DESTINATION: the files of a zip archive that lie below a folder of it
unzip_folder() {
    python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    archive.extractall(sys.argv[3], [n for n in archive.namelist() if n.startswith(sys.argv[2] + "/")])' "$@"
}

# prepare_speech PACKAGE FOLDER: ROOT/speech/vocals/PACKAGE-SPEAKER.ogg
prepare_speech() {
    [ ! -e "$root/speech/.$1" ] || return 0
    fetch "$1"
    if copyright_is_known "$1"; then
        mkdir -p "$root/speech/vocals"
        speakers=$work/$1/$2
        case $2 in
        *!*)
            unzip_folder "$work/$1/${2%%!*}" "${2#*!}" "$work/$1/unzipped"
            speakers=$work/$1/unzipped/${2#*!}
            ;;
        esac
        for folder in "$speakers"/*/; do
            join_clips "$folder" "$root/speech/vocals/$1-$(basename "$folder").ogg"
        done
        : >"$root/speech/.$1"
    fi
    rm -rf "${work:?}/$1" "$work/clips"
}

# link_tracks SUBSET: ROOT/songs/SUBSET/TRACK
link_tracks() {
    [ -d "$stems/$1" ] || return 0
    mkdir -p "$root/songs/$1"
    for track in "$stems/$1"/*/; do
        ln -sfn "${track%/}" "$root/songs/$1/$(basename "$track")"
    done
}

# link_voices: ROOT/voices/vocals sung, ROOT/speech/vocals spoken
link_voices() {
    [ -d "$stems/voices" ] || return 0
    mkdir -p "$root/voices/vocals" "$root/speech/vocals"
    for file in "$stems"/voices/*.*; do
        name=$(basename "$file")
        case " $narrow SOURCES " in *" ${name%.*} "*) continue ;; esac
        kind=voices
        case $name in speech-*) kind=speech ;; esac
        ln -sf "$file" "$root/$kind/vocals/$name"
    done
}

# make_songs: ROOT/made/train/NUMBER, from what is in ROOT/voices and ROOT/speech
make_songs() {
    command -v fluidsynth >/dev/null ||
        fail "fluidsynth is missing (apt-get install fluidsynth fluid-soundfont-gm musescore-general-soundfont avldrums.lv2-soundfont)"
    python=$root/.python/bin/python
    if [ ! -x "$python" ]; then
        python3 -m venv "$root/.python" || fail "cannot make a Python environment (python3-venv?)"
        "$python" -m pip install --quiet numpy scipy soundfile pyworld mido ||
            fail "cannot install the Python packages of presets/models/data/README.md"
    fi
    "$python" "$here/data/make_songs.py" "$root" --songs "${BSM_MADE_SONGS:-60}" --bands "${BSM_MADE_SONGS:-60}"
}

# minutes FOLDER: how long the audio below it lasts
minutes() {
    find -L "$1" -type f -name '*.*' -exec soxi -D {} + 2>/dev/null |
        awk '{ sum += $1 } END { printf "%.1f", sum / 60 }'
}

for tool in apt-get dpkg-deb python3 sox soxi sha256sum; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

for package in $(entries music.tsv | cut -f 1 | sort -u); do
    prepare_music "$package"
done
entries speech.tsv | while IFS="$tab" read -r package folder _; do
    prepare_speech "$package" "$folder"
done
if [ -n "$stems" ]; then
    link_tracks train
    link_tracks valid
    link_voices
    make_songs
fi
for package in $(entries measured.tsv | cut -f 1 | sort -u); do
    prepare_measured "$package"
done
for folder in "$root"/*/*/; do
    [ ! -d "$folder" ] || echo "${folder#"$root"/} $(minutes "$folder") min"
done
