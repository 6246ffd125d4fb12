# SPDX-License-Identifier: ISC
"""Sing a tune with the timbre of a recorded voice: its syllables are put on the notes by WORLD (pyworld)."""
from dataclasses import dataclass, replace

import numpy as np
import pyworld
import soundfile

RATE, PERIOD = 44100, 0.005  # Hz, seconds per frame of WORLD
FRAMES = 1 / PERIOD


@dataclass
class Voice:
    """A recording taken apart: per frame the pitch (0: unvoiced), the envelope's power and the breath's share."""
    pitch: np.ndarray
    envelope: np.ndarray
    breath: np.ndarray
    syllables: list  # (first frame, where its vowel begins, where it ends)
    audio: np.ndarray  # as it was recorded, peak 0.5

    @property
    def register(self):
        voiced = self.pitch[self.pitch > 0]
        return float(np.median(voiced)) if len(voiced) else 200.0


def _syllables(pitch, loud):
    """Voiced stretches, divided where they become quieter, each with the consonant before it."""
    found, frame, count, last_end = [], 0, len(pitch), 0
    while frame < count:
        if pitch[frame] <= 0:
            frame += 1
            continue
        end = frame
        while end < count and pitch[end] > 0 and end - frame < 0.6 * FRAMES:
            if end - frame > 0.15 * FRAMES and loud[end] < 0.35 * loud[frame:end].max() and loud[end] <= loud[end - 1]:
                break
            end += 1
        if end - frame >= 0.05 * FRAMES:
            found.append((max(last_end, frame - int(0.12 * FRAMES)), frame, end))
        last_end = frame = end
    return found


def listen(path, start, seconds):
    """Take so many seconds of a recording apart; None if there is hardly a voice in them."""
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        file.seek(min(int(start * rate), max(0, file.frames - int(seconds * rate))))
        audio = file.read(int(seconds * rate), always_2d=True).mean(1)
    if rate != RATE or np.abs(audio).max() < 1e-3:
        return None
    audio = np.ascontiguousarray(audio / np.abs(audio).max() * 0.5)
    pitch, times = pyworld.dio(audio, RATE, f0_floor=70, f0_ceil=900, frame_period=1000 * PERIOD)
    pitch = pyworld.stonemask(audio, pitch, times, RATE)
    envelope = pyworld.cheaptrick(audio, pitch, times, RATE)
    breath = pyworld.d4c(audio, pitch, times, RATE)
    syllables = _syllables(pitch, np.sqrt(envelope.sum(1)))
    return Voice(pitch, envelope, breath, syllables, audio) if len(syllables) >= 8 else None


@dataclass(frozen=True)
class Manner:
    """How it is sung. Formants: factor of all resonances' frequencies, as of a shorter or longer throat."""
    formants: float = 1.0
    octave: int = 0
    glide: float = 0.05  # seconds between two pitches
    vibrato: float = 30.0  # cents
    vibrato_rate: float = 5.5  # Hz
    drift: float = 12.0  # cents
    natural: float = 0.4  # how much of the recording's own movement stays
    breath: float = 1.0  # exponent of the breath's share: smaller is breathier
    late: float = 0.0  # seconds
    jitter: float = 0.0  # seconds
    speak: bool = False  # the recording's own pitch and length, on the tune's rhythm


def draw_manner(rng, speak):
    return Manner(formants=float(np.exp(rng.uniform(-0.2, 0.2))), glide=float(rng.uniform(0.015, 0.09)),
                  vibrato=float(rng.choice([0, 10, 25, 45, 70])), vibrato_rate=float(rng.uniform(4.3, 6.8)),
                  drift=float(rng.uniform(4, 20)), natural=float(rng.uniform(0.1, 0.8)),
                  breath=float(rng.uniform(0.6, 1.2)), speak=speak)


def another_take(manner, rng):
    """The same singer once more: never quite at the same time and pitch."""
    return replace(manner, formants=manner.formants * float(np.exp(rng.normal(0, 0.012))), late=float(rng.normal(0, 0.012)),
                   jitter=0.02, drift=manner.drift + 6, vibrato_rate=manner.vibrato_rate * float(rng.uniform(0.9, 1.1)))


def _smooth(values, seconds):
    width = max(1, int(seconds * FRAMES))
    window = np.hanning(width + 2)[1:-1]
    padded = np.concatenate([np.full(width, values[0]), values, np.full(width, values[-1])])
    return np.convolve(padded, window / window.sum(), "same")[width:-width]


def _wander(count, seconds, rng):
    knots = rng.normal(size=int(count / FRAMES / seconds) + 4)
    return np.interp(np.arange(count) / FRAMES / seconds, np.arange(len(knots)), knots)


def _place(voice, notes, manner, rng, count, first):
    """For each frame of the result: the recording's frame (-1: silence) and the note's pitch in cents over 440 Hz."""
    source, target = np.full(count, -1.0), np.zeros(count)
    for number, (start, length, semitone) in enumerate(notes):
        onset, vowel, end = voice.syllables[(first + number) % len(voice.syllables)]
        begin = start + manner.late + rng.normal(0, manner.jitter)
        wanted = length * FRAMES
        if manner.speak:
            wanted = min(wanted, (end - vowel) * 1.3)
        at = int(begin * FRAMES) - (vowel - onset)
        head = np.arange(onset, vowel, dtype=float)
        held = int(max(wanted, 0.06 * FRAMES))
        fixed = min(vowel + int(0.05 * FRAMES), end)  # the vowel's own beginning is not stretched
        body = np.interp(np.arange(held), [0, min(fixed - vowel, held // 2), max(held - 1, 1)], [vowel, fixed, end - 1])
        frames = np.concatenate([head, body])
        inside = slice(max(at, 0), min(at + len(frames), count))
        if inside.stop <= inside.start:
            continue
        source[inside] = frames[inside.start - at:inside.stop - at]
        target[inside] = 100 * semitone
    return source, target


def _pitch(voice, source, target, manner, rng):
    """The pitch of each frame in Hz: the notes with glides, vibrato and drift, and what stays of the recording's own."""
    nearest = np.clip(source, 0, len(voice.pitch) - 1).astype(int)
    own = voice.pitch[nearest] * (source >= 0)
    voiced = own > 0
    if not voiced.any():
        return own
    cents_own = 1200 * np.log2(np.maximum(own, 50) / voice.register)
    if manner.speak:
        semitone = np.median(target[voiced]) / 100
        middle = 440 * 2 ** (semitone / 12) * 2 ** manner.octave
        return np.where(voiced, middle * 2 ** (cents_own / 1200), 0)
    held = np.interp(np.arange(len(target)), np.flatnonzero(voiced), target[voiced])
    held = _smooth(held, manner.glide)
    moving = cents_own - _smooth(np.interp(np.arange(len(own)), np.flatnonzero(voiced), cents_own[voiced]), 0.25)
    count = len(held)
    swing = np.cumsum(manner.vibrato_rate * (1 + 0.08 * _wander(count, 0.4, rng))) * PERIOD * 2 * np.pi
    change = np.abs(np.gradient(_smooth(target, 0.12)))
    depth = manner.vibrato * _smooth((change < 1).astype(float), 0.3) ** 2
    cents = held + np.clip(moving, -150, 150) * manner.natural + depth * np.sin(swing) + manner.drift * _wander(count, 0.35, rng)
    return np.where(voiced, 440 * 2 ** (cents / 1200) * 2 ** manner.octave, 0)


def _move_formants(envelope, factor):
    bins = envelope.shape[1]
    places = np.clip(np.arange(bins) / factor, 0, bins - 1)
    below = places.astype(int)
    above, part = np.minimum(below + 1, bins - 1), places - below
    return envelope[:, below] * (1 - part) + envelope[:, above] * part


def _level(audio, seconds):
    """So many seconds, compressed 2:1 because spoken syllables differ more than sung ones, at -18 dB."""
    audio = np.pad(audio, (0, max(0, int(seconds * RATE) - len(audio))))[:int(seconds * RATE)]
    hop, width = RATE // 100, RATE // 5
    squares = np.pad(np.cumsum(audio ** 2), (width // 2 + 1, width // 2), mode="edge")
    level = np.sqrt(np.maximum(squares[width::hop] - squares[:-width:hop], 0) / width)
    level = np.maximum(level / max(level.max(), 1e-6), 0.03)
    gain = np.interp(np.arange(len(audio)) / hop, np.arange(len(level)), level ** -0.5)
    audio = audio * gain
    return audio * (0.25 / max(np.sqrt((audio ** 2).mean()), 1e-6)) * 0.5


def _synthesize(voice, source, pitch, manner, seconds):
    pitch = np.clip(pitch, 0, 1400)
    pitch[(pitch > 0) & (pitch < 55)] = 0
    nearest = np.clip(source, 0, len(voice.pitch) - 1).astype(int)
    gate = _smooth((source >= 0).astype(float), 0.02)[:, None] ** 2
    envelope = _move_formants(voice.envelope[nearest], manner.formants) * gate + 1e-14
    breath = np.clip(voice.breath[nearest], 1e-6, 1) ** manner.breath
    audio = pyworld.synthesize(pitch, np.ascontiguousarray(envelope), np.ascontiguousarray(breath), RATE, 1000 * PERIOD)
    return _level(audio, seconds)


def sing(voice, notes, manner, seconds, rng, first=0):
    """Mono audio of notes: start and length in seconds, semitones over 440 Hz."""
    source, target = _place(voice, notes, manner, rng, int(seconds * FRAMES), first)
    return _synthesize(voice, source, _pitch(voice, source, target, manner, rng), manner, seconds)


def recorded(voice, seconds):
    """The recording itself."""
    return _level(voice.audio, seconds)


def sing_along(voice, semitones, manner, seconds, rng):
    """What was recorded sung once more, so many semitones higher."""
    count = int(seconds * FRAMES)
    places = np.arange(count) - FRAMES * (manner.late + manner.jitter * _wander(count, 0.5, rng))
    source = np.where((places >= 0) & (places < len(voice.pitch)), places, -1)
    own = voice.pitch[np.clip(source, 0, len(voice.pitch) - 1).astype(int)]
    cents = 100 * semitones + manner.drift * _wander(count, 0.35, rng)
    return _synthesize(voice, source, own * 2 ** (cents / 1200), manner, seconds)
