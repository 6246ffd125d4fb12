# SPDX-License-Identifier: ISC
"""Make songs that no one has recorded: bands played by fluidsynth, sung with the timbres of recorded voices, which are
placed as records place them. make_songs.py --help"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace

import numpy as np
import soundfile
from scipy.signal import butter, fftconvolve, iirpeak, lfilter, sosfilt

import arrange
import sing

RATE = sing.RATE
FONTS = "/usr/share/sounds/"
SOUNDFONTS = [FONTS + name for name in ("sf2/FluidR3_GM.sf2", "sf3/MuseScore_General_Full.sf3", "sf2/sf_GMbank.sf2", "sf2/TimGM6mb.sf2")]
DRUM_KITS = [FONTS + name for name in ("sf2/Black_Pearl_4_LV2.sf2", "sf2/Red_Zeppelin_4_LV2.sf2")]


def decibels(low, high, rng):
    return 10 ** (rng.uniform(low, high) / 20)


# ---- The band ----


def render(song, parts, font, seed, folder, seconds):
    """What fluidsynth makes of these parts of a song with a soundfont."""
    midi, wav = os.path.join(folder, "song.mid"), os.path.join(folder, "song.wav")
    arrange.write_midi(replace(song, parts=parts), midi, seed)
    subprocess.run(["fluidsynth", "-ni", "-q", "-r", str(RATE), "-g", "0.4", "-T", "wav", "-O", "float", "-F", wav, font, midi],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    audio, _ = soundfile.read(wav, always_2d=True)
    return np.pad(audio, ((0, max(0, int(seconds * RATE) - len(audio))), (0, 0)))[:int(seconds * RATE)]


def level(audio):
    return np.sqrt((audio ** 2).mean()) + 1e-9


def band(song, parts, seed, folder, seconds):
    """Most drums are those of a recorded kit, as loud as the ones of the soundfont that plays all else would be."""
    rng = random.Random(seed + 1)
    fonts, kits = [[font for font in some if os.path.exists(font)] for some in (SOUNDFONTS, DRUM_KITS)]
    if not fonts:
        sys.exit("make_songs.py: no soundfont: install fluid-soundfont-gm or musescore-general-soundfont")
    font = fonts[seed % len(fonts)]
    drums = [part for part in parts if part.channel == 9 and part.program < 24]  # from 24 on they are electronic or an orchestra's
    if not kits or not drums or rng.random() < 0.2:
        return render(song, parts, font, seed, folder, seconds)
    plain = render(song, drums, font, seed, folder, seconds)
    kit = render(song, [replace(part, channel=0, program=0) for part in drums], rng.choice(kits), seed, folder, seconds)
    audio = kit * level(plain) / level(kit) * decibels(-3, 3, rng)
    rest = [part for part in parts if part not in drums]
    return audio + render(song, rest, font, seed, folder, seconds) if rest else audio


def play(song, seed, folder, seconds):
    """The band. A synthesizer's distorted guitars sound like none, so that most songs have clean ones driven through an amplifier."""
    rng = random.Random(seed)
    driven = [part for part in song.parts if part.program in arrange.DRIVEN]
    if not driven or rng.random() < 0.2:
        return band(song, song.parts, seed, folder, seconds)
    clean = [part for part in song.parts if part not in driven]
    audio = band(song, clean, seed, folder, seconds) if clean else np.zeros((int(seconds * RATE), 2))
    sound = amplifier(rng)
    for part in driven:
        take = render(song, [replace(part, program=rng.choice(arrange.CLEAN[1:]), pan=64, reverb=0)], SOUNDFONTS[seed % 2], seed, folder, seconds).mean(1)
        audio += part.volume / 100 * decibels(-2, 4, rng) * pan(sound(take) * LOUD_GUITAR, (part.pan - 64) / 64)
    return audio


LOUD_GUITAR = 0.06  # of a driven guitar beside fluidsynth's band


def amplifier(rng):
    """A guitar's way through a preamplifier that clips twice, tone controls, and a loudspeaker that ends at 4 to 7 kHz."""
    tight = butter(1, rng.uniform(80, 500), "high", fs=RATE, output="sos")
    between = butter(1, rng.uniform(30, 120), "high", fs=RATE, output="sos")
    box = np.concatenate([butter(2, rng.uniform(60, 130), "high", fs=RATE, output="sos"),
                          butter(4, rng.uniform(3800, 7000), fs=RATE, output="sos")])
    bumps = [(rng.uniform(90, 160), decibels(0, 5, rng)), (rng.uniform(350, 800), decibels(-9, 3, rng)), (rng.uniform(1800, 3500), decibels(0, 8, rng))]
    drive, bias = decibels(10, 45, rng), rng.uniform(0, 0.3)

    def sound(take):
        driven = np.tanh(sosfilt(tight, take / level(take)) * drive * 0.3 + bias)
        driven = sosfilt(box, np.tanh(2 * sosfilt(between, driven)))
        for frequency, gain in bumps:
            b, a = iirpeak(frequency, 1.2, fs=RATE)
            driven = driven + (gain - 1) * lfilter(b, a, driven)
        return driven / level(driven)
    return sound


def master(audio, rng):
    """As loud as records: driven into a soft limit."""
    return np.tanh(audio / level(audio) * decibels(-16, -9, rng)) * 0.8


# ---- The voice ----


def pan(audio, place):
    angle = (place + 1) * np.pi / 4
    return audio[:, None] * np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2)


def echo(audio, seconds, feedback, rng, ping_pong):
    """Repeats that become quieter, from side to side if so wanted."""
    delay, wet = int(seconds * RATE), audio.copy()
    result, gain = audio.copy(), decibels(-18, -8, rng)
    for repeat in range(1, 5):
        wet = np.pad(wet, ((delay, 0), (0, 0)))[:len(audio)]
        placed = pan(wet.mean(1), 0.8 * (-1) ** repeat) if ping_pong else wet
        result += gain * placed
        gain *= feedback
    return result


def chorus(audio, rng):
    """A copy on each side whose delay sways."""
    mono, time = audio.mean(1), np.arange(len(audio)) / RATE
    result = audio.copy()
    for side in (-1, 1):
        delay = 0.015 + 0.004 * np.sin(2 * np.pi * rng.uniform(0.2, 0.9) * time + rng.uniform(0, 6))
        result += decibels(-9, -3, rng) * pan(np.interp(time - delay, time, mono, left=0), 0.9 * side)
    return result


def room(audio, rng):
    """Different noise on both sides, decaying, darker with time."""
    decay = rng.uniform(0.25, 2.5)
    time = np.arange(int(decay * RATE)) / RATE
    noise = np.random.default_rng(rng.randrange(1 << 30)).normal(size=(len(time), 2)) * (10 ** (-3 * time / decay))[:, None]
    noise = (noise + np.roll(noise, 1, 0)) / 2
    delay = int(rng.uniform(0, 0.06) * RATE)
    tail = np.stack([fftconvolve(audio.mean(1), noise[:, c])[:len(audio)] for c in (0, 1)], 1)
    tail = np.pad(tail, ((delay, 0), (0, 0)))[:len(audio)]
    return audio + tail * np.sqrt((audio ** 2).sum() / max((tail ** 2).sum(), 1e-9)) * decibels(-22, -8, rng)


def scale_steps(song, degree, steps):
    return song.degree_pitch(degree + steps)


class Singer:
    """One voice and what it sings: the tune, or for a recording that goes its own way (`free`) what was recorded."""

    def __init__(self, voice, song, rng, noise, seconds, free, speak):
        self.voice, self.song, self.noise, self.seconds, self.free = voice, song, noise, seconds, free
        self.manner = sing.draw_manner(noise, speak)
        self.first = rng.randrange(len(voice.syllables))
        mean = np.mean([song.degree_pitch(note.pitch) for note in song.tune])
        wanted = 69 + 12 * np.log2(voice.register) - 12 * np.log2(440) + rng.uniform(-2, 7)
        self.shift = 12 * round((wanted - mean) / 12) - 69

    def lead(self):
        return sing.recorded(self.voice, self.seconds) if self.free else self._sing(self.manner, 0)

    def take(self, steps=0):
        """Once more, so many steps of the scale higher."""
        manner = sing.another_take(self.manner, self.noise)
        if self.free:
            semitones = {0: 0, 2: 4, 4: 7, -3: -5, -7: -12, 7: 12}.get(steps, steps * 12 / 7)
            return sing.sing_along(self.voice, semitones, replace(manner, formants=manner.formants / self.manner.formants), self.seconds, self.noise)
        return self._sing(manner, steps)

    def _sing(self, manner, steps):
        beat = 60 / self.song.tempo
        notes = [(note.start * beat, note.length * beat, scale_steps(self.song, note.pitch, steps) + self.shift) for note in self.song.tune]
        return sing.sing(self.voice, notes, manner, self.seconds, self.noise, self.first)


def from_half(audio):
    """Only the second half, faded in: choruses have more voices than verses."""
    gate = np.clip((np.arange(len(audio)) - len(audio) // 2) / (0.2 * RATE), 0, 1)
    return audio * gate


PLACINGS = (("lead", 34), ("doubles", 24), ("harmonies", 20), ("two sides", 9), ("choir", 7), ("off the middle", 6))


def place_voices(singer, rng):
    """Lead in the middle; doubles, harmonies and choirs to the sides, in the second half at least."""
    placing = rng.choices([name for name, _ in PLACINGS], [weight for _, weight in PLACINGS])[0]
    part = from_half if rng.random() < 0.6 else (lambda audio: audio)
    lead = singer.lead()
    voices = pan(lead, rng.uniform(-0.5, 0.5) if placing == "off the middle" else rng.choice((0, 0, 0, rng.uniform(-0.1, 0.1))))
    if placing == "doubles":
        gain, side = decibels(-14, -3, rng), rng.uniform(0.5, 1)
        voices += gain * sum(pan(part(singer.take()), side * sign) for sign in (-1, 1))
    elif placing == "harmonies":
        for steps in rng.sample((2, 4, -3, 7, -7), rng.choice((1, 2))):
            gain, side = decibels(-14, -3, rng), rng.uniform(0.3, 1)
            voices += gain * sum(pan(part(singer.take(steps)), side * sign) for sign in (-1, 1))
    elif placing == "two sides":
        side = rng.uniform(0.6, 1)
        voices = voices * decibels(-30, -6, rng) + pan(lead, -side) + pan(singer.take(), side)
    elif placing == "choir":
        voices = voices * decibels(-12, 0, rng)
        for _ in range(4):
            voices += decibels(-6, 0, rng) * pan(part(singer.take(rng.choice((0, 0, 2, 4, -3)))), rng.uniform(-1, 1))
    return voices, placing


def treat(voices, song, rng):
    beat = 60 / song.tempo
    if rng.random() < 0.12:
        voices = chorus(voices, rng)
    if rng.random() < 0.3:
        voices = echo(voices, beat * rng.choice((0.5, 0.75, 1, 0.25)), rng.uniform(0.2, 0.6), rng, rng.random() < 0.6)
    if rng.random() < 0.6:
        voices = room(voices, rng)
    return voices / max(np.abs(voices).max(), 1e-6) * 0.8


# ---- Songs ----


def find_voice(files, rng, seconds):
    for _ in range(20):
        path = rng.choice(files)
        length = soundfile.info(path).duration
        voice = sing.listen(path, rng.uniform(0, max(0, length - seconds)), seconds)
        if voice:
            return path, voice
    sys.exit("make_songs.py: in 20 attempts no recording had a voice at 44.1 kHz")


def make(number, voices, folder, seconds):
    """A song in `folder`: vocals and other."""
    rng = random.Random(number)
    noise = np.random.default_rng(number)
    song = arrange.arrange(number, seconds)
    seconds = song.seconds
    path, voice = find_voice(voices, rng, min(seconds, 30))
    spoken = os.path.basename(os.path.dirname(os.path.dirname(path))) == "speech"
    free = not spoken and rng.random() < 0.25
    if not song.tune or free:
        seconds = min(seconds, len(voice.audio) / RATE)
    singer = Singer(voice, song, rng, noise, seconds, free or not song.tune, song.rap and not free)
    with tempfile.TemporaryDirectory() as work:
        band = master(play(song, number, work, seconds), rng)
    sung, placing = place_voices(singer, rng)
    sung = treat(sung, song, rng)
    partial = folder + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    for name, audio in (("vocals", sung), ("other", band)):
        soundfile.write(os.path.join(partial, name + ".flac"), audio, RATE)
    os.rename(partial, folder)
    side = ((sung[:, 0] - sung[:, 1]) ** 2).sum() / max(((sung[:, 0] + sung[:, 1]) ** 2).sum(), 1e-9)
    print(f"{os.path.basename(folder)} {song.style.name}, {os.path.basename(path)}{', as recorded' if free else ''}, {placing},"
          f" side over mid {side:.2f}", flush=True)


def make_band(number, path, seconds):
    """A song without a voice."""
    song = arrange.arrange(number, seconds)
    with tempfile.TemporaryDirectory() as work:
        band = master(play(song, number, work, song.seconds), random.Random(number))
    soundfile.write(path + ".partial", band, RATE, format="FLAC")
    os.rename(path + ".partial", path)


def make_bands(root, first, count, seconds):
    folder = os.path.join(root, "bands", "other")
    os.makedirs(folder, exist_ok=True)
    for number in range(first, first + count):
        path = os.path.join(folder, f"{number:05d}.flac")
        if not os.path.exists(path):
            make_band(number, path, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="the folder that prepare.sh made: ROOT/voices and ROOT/speech are read, ROOT/made/train/NUMBER is written")
    parser.add_argument("--songs", type=int, default=120, help="how many (default: 120)")
    parser.add_argument("--bands", type=int, default=0, help="how many songs without a voice beside them, in ROOT/bands/other (default: 0)")
    parser.add_argument("--first", type=int, default=0, help="number of the first; equal numbers give equal songs")
    parser.add_argument("--seconds", type=float, default=40, help="of each (default: 40)")
    options = parser.parse_args()
    make_bands(options.root, 100000 + options.first, options.bands, options.seconds)
    if options.songs == 0:
        return
    voices = []
    for pool, weight in (("voices", 3), ("speech", 1)):
        folder = os.path.join(options.root, pool, "vocals")
        found = sorted(os.path.join(folder, name) for name in os.listdir(folder)) if os.path.isdir(folder) else []
        voices += found * weight
    if not voices:
        parser.error(f"{options.root}: no recordings in voices/vocals or speech/vocals; run prepare.sh first")
    for number in range(options.first, options.first + options.songs):
        folder = os.path.join(options.root, "made", "train", f"{number:05d}")
        if not os.path.isdir(folder):
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            make(number, voices, folder, options.seconds)


if __name__ == "__main__":
    main()
