#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests the window in real hosts: hosts_test.py HOST, jalv or ardour, on an X server (xvfb.sh).

Opens the plugin's window in the host, with a JACK server without a sound card, takes a picture of it, and
fails if the picture is blank or cut off. If $BSM_KEEP_PICTURES is a folder, the picture is kept there. Exit
status 77 if something is not installed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../support"))
import jack_server  # noqa: E402

URI = "https://bsm-audio.org/lv2/remix"
LIMIT = 120  # seconds within which Ardour is started again if it finds no JACK server
WINDOW = re.compile(r"(0x[0-9a-f]+) \"bsm\": \(\)\s+(\d+)x(\d+)")

# This configures the audio system, so that Ardour asks nothing when it starts.
CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour><Config/><Extra><AudioMIDISetup><EngineStates>
<State backend="JACK" driver="" device="" input-device="" output-device="" sample-rate="48000"
 buffer-size="1024" n-periods="2" input-latency="0" output-latency="0" lm-input="" lm-output="" active="1"
 use-buffered-io="0" midi-option="" lru="1"><MIDIDevices/></State>
</EngineStates></AudioMIDISetup></Extra></Ardour>
"""


def output_of(*command):
    """Return what a program prints; b"" if it fails."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return result.stdout


def window():
    """Return our window's number and size; None if there is none yet."""
    found = WINDOW.search(output_of("xwininfo", "-root", "-tree").decode(errors="replace"))
    return (found[1], int(found[2]), int(found[3])) if found else None


def press(*words):
    output_of("xdotool", *words)
    time.sleep(1)


def open_in_ardour():
    """Select the track, show its mixer strip, and double click the plugin in it. Ardour's window is in the
    corner of the screen, because there is no window manager."""
    if b"plugin - Ardour" in output_of("xwininfo", "-root", "-tree"):
        press("mousemove", "40", "343", "click", "1")
        press("key", "shift+e")
        press("mousemove", "50", "189", "click", "--repeat", "2", "--delay", "100", "1")


def wait_for_window(nudge, hopeless=lambda: False, seconds=100):
    """Wait until our window has been drawn, and return it; None if it does not come."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and not hopeless():
        found = window()
        if found:
            time.sleep(3)
            return window() or found
        nudge()
        time.sleep(2)
    return None


def check_picture(host, found):
    """Check that the picture is not blank, and large enough to be read."""
    number, width, height = found
    kept = os.environ.get("BSM_KEEP_PICTURES")
    if kept:
        output_of("import", "-window", number, os.path.join(kept, host + ".png"))
    picture = output_of("import", "-window", number, "-depth", "8", "ppm:-")
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", picture)
    pixels = picture[header.end():] if header else b""
    colours = {pixels[at:at + 3] for at in range(0, len(pixels), 3)}
    print(f"{host}: {width} x {height}, {len(colours)} colours")
    seen = len(pixels) / (3 * width * height)  # the part inside the host's window
    if width < 480 or height < 300 or seen < 0.98 or len(colours) < 100:
        print("picture:", header and header[0])
        sys.exit("the window is blank or cut")


def start_jack(folder):
    os.environ.update(JACK_DEFAULT_SERVER=f"bsm-hosts-{os.getpid()}", JACK_NO_START_SERVER="1",
                      JACK_NO_AUDIO_RESERVATION="1")
    with open(os.path.join(folder, "jackd"), "wb") as log:
        server = jack_server.start(os.environ, log, 48000, 1024)
    for _ in range(100):
        if jack_server.ports(os.environ):
            return server
        if server.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit("no JACK server")


def start_jalv():
    # jalv would end at the end of its standard input, so that stays open.
    return subprocess.Popen(["jalv.gtk3", URI], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def make_session(folder):
    """Make a project with the plugin. The program ends without leaving its JACK server, which may then take no
    other client for a while, so Ardour needs a new server."""
    config = os.path.join(folder, ".config", "ardour7")
    os.makedirs(config)
    with open(os.path.join(config, "config"), "w", encoding="utf-8") as file:
        file.write(CONFIG)
    open(os.path.join(config, ".a7"), "w", encoding="utf-8").close()  # as if it had been started before
    session = os.path.join(folder, "session")
    made = subprocess.run(["ardour7-lua", "--", os.path.join(HERE, "ardour_session.lua"), URI,
                           session], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          check=False)
    if b"DONE" not in made.stdout:
        sys.exit(made.stdout.decode(errors="replace"))


def start_ardour(folder):
    session = os.path.join(folder, "session")
    with open(os.path.join(folder, "ardour"), "wb") as log:
        return subprocess.Popen(["ardour", "-n", os.path.join(session, "plugin.ardour")],
                                stdout=log, stderr=log, start_new_session=True)


def is_lost(folder):
    """Tell whether Ardour has no JACK: it then waits for ever, and is started again with another server."""
    logs = []
    for name in ("jackd", "ardour"):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            logs.append(file.read())
    return jack_server.LOST in logs[0] or "Cannot open ardourprobe client" in logs[1]


def end(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def main():
    host = sys.argv[1]
    tools = ["jackd", "jack_lsp", "import", "xwininfo"]
    tools += ["jalv.gtk3"] if host == "jalv" else ["ardour", "ardour7-lua", "xdotool"]
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        print("not installed:", *missing)
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="bsm-hosts-") as folder:
        os.environ["HOME"] = folder
        os.environ.pop("MALLOC_PERTURB_", None)  # makes crashes by Ardour's own double frees likelier
        server, processes = start_jack(folder), []
        try:
            if host == "jalv":
                processes.append(start_jalv())
                found = wait_for_window(lambda: None)
            else:
                make_session(folder)
                found = None
                limit = time.monotonic() + LIMIT
                while not found and time.monotonic() < limit:
                    jack_server.kill(server, os.environ)
                    server = start_jack(folder)
                    processes.append(start_ardour(folder))
                    found = wait_for_window(open_in_ardour, lambda: is_lost(folder))
                    if not found:
                        end(processes.pop())
            if not found:
                sys.exit("the host has not shown the window")
            check_picture(host, found)
        finally:
            for process in reversed(processes):
                end(process)
            jack_server.kill(server, os.environ)  # after Ardour it seldom ends by itself


main()
