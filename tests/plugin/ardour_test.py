#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests real Ardour without a sound card: both plugins, all presets and a chosen model in a session that is
saved, loaded again and exported: ardour_test.py MAKE_IDENTITY. Exit status 77 if there is no ardour7-lua.

The mask of the model is 1, so all music becomes vocals. Remix therefore exports the source itself, and
Karaoke exports (nearly) silence, sample by sample, with the latency compensated.
"""

import array
import os
import shutil
import struct
import subprocess
import sys
import tempfile

LUA, EXPORT = "ardour7-lua", "ardour7-export"
URI = "https://bsm-audio.org/lv2/"
HERE = os.path.dirname(os.path.abspath(__file__))
BUSES = os.path.join(HERE, "../../docs/ardour-stems.lua")
REMIX_PRESETS = ["A cappella", 0, -60, "Vocals +3 dB", 3, 0, "Vocals -6 dB", -6, 0,
                 "Instrumental duck", 0, -9, "Remix neutral", 0, 0, "Karaoke", -60, 0]


class Failure(Exception):
    """A program of Ardour's did not do what it was told."""


class Crash(Failure):
    """A program was ended by a signal, or hung. Ardour 7.3 sometimes does so when it closes a session,
    also without any plugin. This says nothing about the plugin, so the step is tried again."""


def run(command, session):
    """Return the output of a program of Ardour's, which must end with its word for success."""
    env = dict(os.environ, BSM_SESSION=session)
    env.pop("MALLOC_PERTURB_", None)  # from meson; makes crashes by Ardour's own double frees likelier
    try:
        result = subprocess.run([str(word) for word in command], env=env, timeout=30, text=True,
                                errors="replace", stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as expired:
        raise Crash(f"{command[0]} takes more than 30 s") from expired
    if not any(word in result.stdout for word in ("DONE", "* Done.")):
        kind = Crash if result.returncode < 0 else Failure
        raise kind(f"{' '.join(map(str, command))} failed with status {result.returncode}:\n"
                   f"{result.stdout}")
    return result.stdout


def read_wav(path):
    """Return the interleaved samples of a float WAV file."""
    with open(path, "rb") as file:
        data = file.read()
    at = 12
    while data[at:at + 4] != b"data":
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    size = struct.unpack_from("<I", data, at + 4)[0]
    return array.array("f", data[at + 8:at + 8 + size])


def export(session, name):
    """Export a session. Ardour 7.3's program sometimes ends in a double free or waits for its butler
    for ever, also without any plugin, so this tries again."""
    path = os.path.join(os.path.dirname(session), name + ".wav")
    for attempt in range(8):
        try:
            run([EXPORT, "-b", "float", "-o", path, session, "noise"], session)
            return read_wav(path)
        except Failure as failure:
            print(f"{name}, attempt {attempt + 1}: {failure}")
    sys.exit(f"{name}: no export")


def music(export, source, latency):
    """Return both without the part that Ardour 7.3 loses: before an export starts, it runs for as long as
    the latency to fill the plugins, but passes silence to them (seen in run(); any plugin gets it)."""
    if len(export) != len(source):
        sys.exit(f"{len(export)} samples instead of {len(source)}")
    start = 2 * (latency + 1024)
    if start > len(source) - 48000:
        sys.exit("too little was recorded")
    return export[start:], source[start:]


def with_plugin(session, name, arguments):
    """Make a copy of the session with a plugin in it; return its path and the latency."""
    copy = os.path.join(os.path.dirname(session), name)
    for attempt in range(5):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(session, copy, symlinks=True)
        try:
            output = run([LUA, "--", os.path.join(HERE, "ardour_plugin.lua"), *arguments], copy)
            break
        except Crash as crash:
            print(f"{name}, attempt {attempt + 1}: {crash}")
    else:
        sys.exit(f"{name}: Ardour crashes each time")
    latency = int(output.split("LATENCY")[1].split()[0])
    print(f"{name}: latency {latency}")
    return copy, latency


CHOSEN_PRESET = """@prefix atom: <http://lv2plug.in/ns/ext/atom#> .
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix state: <http://lv2plug.in/ns/ext/state#> .
<urn:bsm-test:chosen> a pset:Preset ;
    lv2:appliesTo <{uri}remix> ;
    rdfs:label "Chosen model" ;
    state:state [ <{uri}model> "{model}"^^atom:Path ] .
"""


def choose_model(folder):
    """Make a user's preset that chooses a model, which then is no default any more."""
    bundle = os.path.join(folder, "lv2", "chosen.lv2")
    os.makedirs(bundle)
    model = os.environ.pop("BSM_MODEL")
    with open(os.path.join(bundle, "manifest.ttl"), "w", encoding="utf-8") as file:
        file.write(CHOSEN_PRESET.format(uri=URI, model=model))
    os.environ["LV2_PATH"] = os.path.dirname(bundle) + ":" + os.environ["LV2_PATH"]
    return bundle


def check_chosen_model(folder, session, source):
    """Check that the session keeps the chosen model: without the preset, too, it is used after loading,
    twice in a row. Another model, or none, would not change the music."""
    preset = choose_model(folder)
    chosen, latency = with_plugin(session, "chosen", [URI + "remix", 2, 0, "Chosen model", 0, 0,
                                                      "Karaoke", -60, 0])
    shutil.rmtree(preset)
    out, wanted = music(export(chosen, "chosen-export"), source, latency)
    left, all_of_it = max(map(abs, out)), max(map(abs, wanted))
    print(f"chosen model: peak {left:.3g} of {all_of_it:.3g}")
    if left > 0.2 * all_of_it:
        sys.exit("the session has lost the chosen model")


def check_tracks(folder):
    """Check mono and stereo tracks, and that Ardour prints no warning when it loads a session."""
    for plugin, channels, inputs, outputs in (("remix", 2, 2, 2), ("remix", 1, 1, 2),
                                              ("stems", 2, 2, 4), ("stems", 1, 1, 4)):
        session = os.path.join(folder, f"{plugin}-{channels}")
        for attempt in range(5):
            shutil.rmtree(session, ignore_errors=True)
            try:
                output = run([LUA, "--", os.path.join(HERE, "ardour_tracks.lua"), URI + plugin,
                              channels, inputs, outputs,
                              *([BUSES] if plugin == "stems" and channels == 2 else [])], session)
                break
            except Crash as crash:
                print(f"{session}, attempt {attempt + 1}: {crash}")
        else:
            sys.exit(f"{session}: Ardour crashes each time")
        if "non-automatable" in output:
            sys.exit(f"Ardour warns when it loads a session:\n{output}")


def check(folder):
    session = os.path.join(folder, "noise")
    run([LUA, os.path.join(HERE, "ardour_record.lua")], session)
    source = export(session, "source")
    if max(map(abs, source)) < 0.01:
        sys.exit("the source is silent")

    remix, latency = with_plugin(session, "remix", [URI + "remix", 2, 2])
    out, wanted = music(export(remix, "remix-export"), source, latency)
    worst = max(abs(x - y) for x, y in zip(out, wanted))
    print(f"remix: {len(out) // 2} frames compared, worst difference {worst:.3g}")
    if latency < 1.5 * 48000 or worst > 1e-6:
        sys.exit("remix is not the source")

    karaoke, latency = with_plugin(session, "karaoke", [URI + "remix", 2, 0, *REMIX_PRESETS])
    out, wanted = music(export(karaoke, "karaoke-export"), source, latency)
    left, all_of_it = max(map(abs, out)), max(map(abs, wanted))
    print(f"karaoke: peak {left:.3g} of {all_of_it:.3g}")
    # What remains is above 20 kHz, where the model's rate of 44.1 kHz ends.
    if latency > 0.3 * 48000 or left > 0.2 * all_of_it:
        sys.exit("karaoke is not silent")

    with_plugin(session, "stems", [URI + "stems", 4, 1, "Stems neutral", 0, 0])
    check_chosen_model(folder, session, source)
    os.environ["BSM_MODEL"] = os.path.join(HERE, "../../presets/models/bsm-live.safetensors")
    check_tracks(folder)


def main():
    if not shutil.which(LUA) or not shutil.which(EXPORT):
        print("Ardour 7 is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="bsm-ardour-") as folder:
        os.environ["HOME"] = folder
        model = os.path.join(folder, "identity.safetensors")
        subprocess.run([sys.argv[1], model], check=True)
        os.environ["BSM_MODEL"] = model
        check(folder)


main()
