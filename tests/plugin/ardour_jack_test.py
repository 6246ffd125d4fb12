#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests real Ardour between JACK ports, on a server without hardware: music that passes a track with BSM
Remix comes out unchanged, sample by sample: ardour_jack_test.py MAKE_IDENTITY JACK_THROUGH. Exit status
77 if Ardour or JACK is not installed.

The mask of the model is 1, so all music becomes vocals. With the vocals off nothing remains, which
proves that the output comes from the network.
"""

import array
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import jack_server  # noqa: E402

URI, RATE, SECONDS = "https://bsm-audio.org/lv2/remix", 44100, 1.5  # the model's own rate
EXACT = -130  # dB
SILENT = -60  # dB: Ardour's faders take time to reach zero
SERVERS = 8  # servers that may lose their clients' requests, see Lost
ATTEMPTS = 6  # to get a result without a miss, on a machine that may be busy with other work
HERE = os.path.dirname(os.path.abspath(__file__))


def write_wav(path):
    """Write a stereo float file: a swelling sum of sines that does not repeat."""
    frames = int(RATE * SECONDS)
    samples = array.array("f", bytes(8 * frames))
    for channel, tones in enumerate(((97.3, 431.7, 1523.1, 6071.9), (61.9, 523.3, 2311.7, 9173.3))):
        for n in range(frames):
            loudness = 0.2 * math.sin(math.pi * n / frames) ** 2
            samples[2 * n + channel] = loudness * sum(
                math.sin(2 * math.pi * tone * n / RATE + tone) for tone in tones)
    data = samples.tobytes()
    with open(path, "wb") as file:
        file.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16,
                               3, 2, RATE, 8 * RATE, 8, 32, b"data", len(data)))
        file.write(data)


def end(process):
    """End an Ardour that may hang while it closes."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Lost(Exception):
    """The server has lost a request (jack_server.LOST). Ardour then hangs, whatever the plugin does."""


class Studio:
    """A JACK server with Ardour."""

    def __init__(self, folder, through):
        self.folder, self.through = folder, through
        self.session = os.path.join(folder, "jack")
        self.wave = os.path.join(folder, "music.wav")
        self.env = dict(os.environ, JACK_NO_START_SERVER="1", HOME=folder,
                        JACK_DEFAULT_SERVER=f"bsm-test-{os.getpid()}", BSM_SESSION=self.session,
                        BSM_MODEL=os.path.join(folder, "identity.safetensors"))
        self.env.pop("MALLOC_PERTURB_", None)  # makes crashes by Ardour's own double frees likelier
        self.server = self.ardour = None

    def close(self):
        if self.ardour:
            end(self.ardour)
        if self.server:
            jack_server.kill(self.server, self.env)  # after Ardour it seldom ends by itself
            jack_server.clear(self.env["JACK_DEFAULT_SERVER"])

    def new_log(self, name):
        return open(os.path.join(self.folder, name), "w", encoding="utf-8")

    def log(self, name="ardour"):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def is_lost(self):
        return jack_server.LOST in self.log("jackd")

    def fail(self, text):
        if self.is_lost():
            raise Lost(text)
        sys.exit(f"{text}\n{self.log('jackd')}\n{self.log()}")

    def wait_for(self, condition, what, process, seconds=60):
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit or process.poll() is not None or self.is_lost():
                self.fail(f"waited in vain for {what}")
            time.sleep(0.05)

    def jack(self, *command):
        return subprocess.run(command, env=self.env, text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def open(self):
        with self.new_log("jackd") as log:
            self.server = jack_server.start(self.env, log, RATE, 512)
        self.wait_for(lambda: jack_server.ports(self.env), "the JACK server", self.server)
        with self.new_log("ardour") as log:
            self.ardour = subprocess.Popen(
                ["ardour7-lua", "--", os.path.join(HERE, "ardour_jack.lua"), URI, str(RATE)],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.hear("EMPTY")

    def tell(self, word):
        with open(os.path.join(self.session, word), "w", encoding="utf-8"):
            pass

    def hear(self, word):
        self.wait_for(lambda: word in self.log(), word, self.ardour)

    def connect(self):
        for number, side in ((1, "l"), (2, "r")):
            track, master = f"ardour:music/audio_in {number}", f"ardour:Master/audio_out {number}"
            self.jack("jack_disconnect", f"system:capture_{number}", track)
            self.jack("jack_connect", f"through-play:{side}", track)
            self.jack("jack_connect", master, f"through-record:out_{side}")

    def measure(self):
        """Play the music through Ardour; return what jack_through reports."""
        through = subprocess.Popen([self.through, self.wave], env=self.env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            if through.stdout.readline() == "ready\n":
                self.connect()
            self.wait_for(lambda: through.poll() is not None, "the music", self.server)
            out, errors = through.communicate()
        finally:
            end(through)
        if through.returncode:
            self.fail(f"jack_through: {errors}")
        return json.loads(out)

    def expect_exact(self, what):
        result = self.measure()
        print(f"{what}: delay {result['delay']}, difference {result['delayed_error_db']} dB")
        if result["delayed_error_db"] > EXACT:
            self.fail(f"{what}: what comes out is not what went in: {result}")
        return result["delay"]

    def expect_silence(self, what):
        for _ in range(ATTEMPTS):
            result = self.measure()
            print(f"{what}: level {result['out_level_db']} dB")
            if result["out_level_db"] < SILENT:
                return
        self.fail(f"{what}: not silent: {result}")


def check(studio):
    studio.open()
    own = studio.expect_exact("without the plugin")
    studio.tell("plugin")
    studio.hear("LATENCY")
    latency = int(studio.log().split("LATENCY")[1].split()[0])
    delay = studio.expect_exact("with the plugin")
    print(f"latency {latency}, Ardour's own delay {own}")
    if latency < 0.5 * RATE or delay != own + latency:
        studio.fail("the delay is not the reported latency")
    studio.tell("mute")
    studio.hear("MUTED")
    studio.expect_silence("with the vocals off")
    studio.tell("end")
    studio.hear("DONE")  # Ardour 7.3 sometimes crashes when it closes, whatever the plugin


def attempt():
    with tempfile.TemporaryDirectory(prefix="bsm-ardour-", ignore_cleanup_errors=True) as folder:
        studio = Studio(folder, sys.argv[2])
        subprocess.run([sys.argv[1], studio.env["BSM_MODEL"]], check=True)
        write_wav(studio.wave)
        try:
            check(studio)
        finally:
            studio.close()


def main():
    missing = [tool for tool in ("ardour7-lua", "jackd", "jack_lsp", "jack_connect")
               if not shutil.which(tool)]
    if missing:
        print("not installed:", *missing)
        sys.exit(77)
    for _ in range(SERVERS):
        try:
            attempt()
            return
        except Lost as lost:
            print("jackd has lost its clients:", lost)
    sys.exit("jackd has lost its clients each time")


main()
