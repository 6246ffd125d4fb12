# SPDX-License-Identifier: ISC
"""Arrange a song for a band: chords, a tune to sing, and what each instrument plays, as MIDI."""
import random
from dataclasses import dataclass, field

import mido

TICKS = 480  # per quarter note
BAR = 16  # steps of a sixteenth

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
# Degrees of the scale, one chord per bar.
PROGRESSIONS = [
    (0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 3, 4, 3), (0, 3, 0, 4), (3, 0, 4, 5), (0, 6, 3, 0), (0, 2, 3, 4),
    (0, 0, 3, 4), (5, 4, 3, 4), (0, 6, 5, 4), (1, 4, 0, 0), (0, 4, 1, 3), (0, 0, 0, 0)]

# Programs of General MIDI, from 0. None of them is a voice (52 to 54, 85, 91 are left out).
PIANOS, ORGANS = (0, 1, 2, 3, 4, 5), (16, 17, 18)
CLEAN, DRIVEN, ACOUSTIC = (26, 27, 28), (29, 30), (24, 25)
BASSES, SYNTH_BASSES = (32, 33, 34, 36), (38, 39)
PADS, STRINGS, SYNTHS = (88, 89, 90, 92, 94, 95), (48, 49, 50, 51), (80, 81, 62, 63)
# Instruments that sing: what a model is most likely to take for a voice.
LEADS = (40, 41, 42, 56, 57, 59, 60, 64, 65, 66, 68, 71, 73, 75, 79, 80, 81, 82, 84, 29, 30, 21, 22, 110)


@dataclass(frozen=True)
class Style:
    name: str
    tempo: tuple  # beats per minute, least and most
    kit: tuple  # programs of the drum channel
    kick: str
    snare: str
    hat: str  # closed: x, open: o
    bass: tuple
    bass_rhythm: str
    chords: tuple  # (programs, rhythm, kind: "power", "chord", "arpeggio" or "pad")
    rap: float = 0.0  # chance that the voice speaks
    minor: float = 0.5


STYLES = [
    Style("rock", (95, 145), (0, 8, 16), "x.....x.x.......", "....x.......x...", "x.x.x.x.x.x.x.x.", BASSES, "x.x.x.x.x.x.x.x.",
          ((DRIVEN, "x.x.x.x.x.x.x.x.", "power"), (DRIVEN, "x.......x..x....", "power"), (CLEAN, "x...x...x...x...", "chord"))),
    Style("punk", (160, 210), (0, 16), "x...x...x...x...", "..x...x...x...x.", "x.x.x.x.x.x.x.x.", BASSES, "x.x.x.x.x.x.x.x.",
          ((DRIVEN, "x.x.x.x.x.x.x.x.", "power"), (DRIVEN, "x.x.x.x.x.x.x.x.", "power")), minor=0.3),
    Style("pop", (85, 128), (0, 8, 24), "x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.o.", BASSES + SYNTH_BASSES, "x.....x.x...x...",
          ((PIANOS, "x...x...x...x...", "chord"), (CLEAN + ACOUSTIC, "x..x..x.x..x..x.", "arpeggio"), (PADS, "x...............", "pad")), minor=0.4),
    Style("ballad", (60, 84), (0, 8, 40), "x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x.", BASSES, "x.......x.......",
          ((PIANOS, "x.x.x.x.x.x.x.x.", "arpeggio"), (STRINGS, "x...............", "pad"), (ACOUSTIC, "x.x.x.x.x.x.x.x.", "arpeggio"))),
    Style("folk", (80, 120), (40, 32), "x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x.", (32, 33), "x.......x.......",
          ((ACOUSTIC, "x.x.xxx.x.x.xxx.", "chord"), (ACOUSTIC, "x.x.x.x.x.x.x.x.", "arpeggio"),
           ((21, 22, 15, 105, 46), "x...x...x...x...", "arpeggio")), minor=0.3),
    Style("rap", (72, 100), (25, 24, 0), "x..x..x...x.....", "....x.......x...", "x.x.xxx.x.x.x.xx", SYNTH_BASSES, "x.....x...x.....",
          ((PIANOS + PADS, "x.......x.......", "chord"), (SYNTHS + STRINGS, "x..x..x...x..x..", "arpeggio")), rap=0.7, minor=0.9),
    Style("dance", (118, 134), (24, 25), "x...x...x...x...", "....x.......x...", "..o...o...o...o.", SYNTH_BASSES, "..x...x...x...x.",
          ((SYNTHS, "x..x..x..x..x.x.", "chord"), (PADS, "x...............", "pad"), (PIANOS, "x..x..x..x..x...", "chord")), minor=0.7),
    Style("funk", (92, 116), (0, 8), "x..x...x..x.....", "....x..x.x..x...", "xxxxxxxxxxxxxxox", (36, 37, 33), "x..x..x...xx..x.",
          (((27, 28), "..x.x.xx..x.x.x.", "chord"), (PIANOS + ORGANS, "x.....x...x.....", "chord"), ((61, 62), "......x.......x.", "chord"))),
    Style("indie", (100, 150), (0, 8), "x...x...x...x...", "....x.......x...", "x.x.x.x.x.x.x.x.", BASSES, "x.x.x.x.x.x.x.x.",
          ((CLEAN, "x.xx.xx.x.xx.xx.", "chord"), (DRIVEN + CLEAN, "x.x.x.x.x.x.x.x.", "arpeggio"), (ORGANS + PADS, "x...............", "pad"))),
    Style("metal", (100, 180), (16, 0), "x.xxx.xxx.xxx.xx", "....x.......x...", "x...x...x...x...", (33, 34), "x.xxx.xxx.xxx.xx",
          ((DRIVEN, "x.xxx.xxx.xxx.xx", "power"), (DRIVEN, "x.xxx.xxx.xxx.xx", "power")), minor=1.0),
    Style("reggae", (66, 90), (0, 8), "........x.......", "........x.......", "x.x.x.x.x.x.x.x.", BASSES, "x..x....x.x.....",
          ((CLEAN, "....x.......x...", "chord"), (ORGANS, "..x.x.x...x.x.x.", "chord"))),
    Style("swing", (100, 160), (32, 40), "x.......x.......", "....x.......x...", "x...x.x.x...x.x.", (32,), "x...x...x...x...",
          ((PIANOS, "..x.......x.....", "chord"), ((26,), "x...x...x...x...", "chord"))),
]


@dataclass
class Note:
    start: float  # quarter notes
    length: float
    pitch: int
    loud: float  # 0 to 1


@dataclass
class Part:
    channel: int
    program: int
    pan: int  # these three from 0 to 127, as MIDI has them
    volume: int
    reverb: int
    notes: list


@dataclass
class Song:
    style: Style
    tempo: float
    scale: tuple
    key: int
    bars: int
    chords: list = field(default_factory=list)  # a degree per bar
    parts: list = field(default_factory=list)
    tune: list = field(default_factory=list)  # notes to sing, monophonic
    rap: bool = False

    @property
    def seconds(self):
        return self.bars * 4 * 60 / self.tempo

    def pitch(self, degree, octave):
        return self.key + 12 * (octave + degree // 7) + self.scale[degree % 7]

    def degree_pitch(self, degree):
        return self.key + 12 * (degree // 7) + self.scale[degree % 7]


def _triad(song, degree, octave=4):
    return [song.pitch(degree + third, octave) for third in (0, 2, 4)]


def _varied(pattern, rng, chance):
    return "".join(("." if step != "." else "x") if rng.random() < chance else step for step in pattern)


def _drums(song, rng, first, last, loud):
    style, notes = song.style, []
    kick, hat = _varied(style.kick, rng, 0.06), style.hat
    cymbal = rng.choice((42, 42, 42, 51, 44))
    snare = rng.choice((38, 38, 40, 37, 39)) if style.name not in ("rock", "punk", "metal") else rng.choice((38, 40))
    for bar in range(first, last):
        fill = (bar + 1) % 4 == 0 and rng.random() < 0.5
        for step in range(BAR):
            at = 4 * bar + step / 4
            if fill and step >= 12:
                notes.append(Note(at, 0.2, rng.choice((38, 41, 43, 45, 47, 48, 50)), loud * rng.uniform(0.7, 1)))
                continue
            if kick[step] != ".":
                notes.append(Note(at, 0.2, 36, loud * rng.uniform(0.85, 1)))
            if style.snare[step] != ".":
                notes.append(Note(at, 0.2, snare, loud * rng.uniform(0.85, 1)))
            elif rng.random() < 0.03:
                notes.append(Note(at, 0.2, 38, loud * 0.3))
            if hat[step] != ".":
                strong = 1 if step % 4 == 0 else 0.7
                notes.append(Note(at, 0.2, 46 if hat[step] == "o" else cymbal, loud * strong * rng.uniform(0.6, 0.85)))
        if bar % 8 == 0:
            notes.append(Note(4 * bar, 1, rng.choice((49, 57)), loud))
    return notes


def _bass(song, rng, first, last, loud):
    rhythm = _varied(song.style.bass_rhythm, rng, 0.05)
    walk = song.style.name in ("swing", "funk")
    notes = []
    for bar in range(first, last):
        root = song.pitch(song.chords[bar], 2)
        while root > 43:
            root -= 12
        hits = [s for s in range(BAR) if rhythm[s] != "."]
        for step, following in zip(hits, hits[1:] + [BAR]):
            pitch = root + (rng.choice((0, 0, 7, 12, 5)) if walk or rng.random() < 0.1 else 0)
            notes.append(Note(4 * bar + step / 4, (following - step) / 4 * rng.uniform(0.6, 0.95), pitch,
                              loud * rng.uniform(0.8, 1)))
    return notes


def _comping(song, rng, first, last, rhythm, kind, loud, late=0.0):
    notes, octave = [], rng.choice((3, 4, 4, 5)) if kind != "power" else 3
    for bar in range(first, last):
        chord = _triad(song, song.chords[bar], octave)
        if kind == "power":
            root = chord[0] if chord[0] < 52 else chord[0] - 12
            chord = [root, root + 7, root + 12]
        elif rng.random() < 0.5:
            chord = chord[1:] + [chord[0] + 12]
        hits = [s for s in range(BAR) if rhythm[s] != "."]
        for number, (step, following) in enumerate(zip(hits, hits[1:] + [BAR])):
            length = (following - step) / 4 * (1.0 if kind == "pad" else rng.uniform(0.5, 0.98))
            pitches = [(chord + [chord[0] + 12])[number % 4]] if kind == "arpeggio" else chord
            for pitch in pitches:
                notes.append(Note(4 * bar + step / 4 + late + rng.gauss(0, 0.008), length, pitch,
                                  loud * rng.uniform(0.75, 1)))
    return notes


def _rhythm(rng, rap):
    """Steps of two bars on which syllables begin, with a rest at the end."""
    density = rng.uniform(0.6, 0.9) if rap else rng.uniform(0.18, 0.5)
    end = rng.choice((22, 24, 26, 28, 30)) if not rap else rng.choice((28, 30, 32))
    hits = [s for s in range(end) if rng.random() < density * (1.5 if s % 4 == 0 else 1.0 if s % 2 == 0 else 0.35 + 0.4 * rap)]
    return (hits or [0]), end


def melody(song, rng, bars, rap=False, low=0, span=9):
    """A tune in the song's key over the bars: phrases of two bars that come back."""
    notes, motifs = [], [_rhythm(rng, rap) for _ in range(2)]
    degree = low + rng.randrange(span)
    for pair in range(bars[0], bars[1] - 1, 2):
        if rng.random() < 0.12:
            continue
        hits, end = rng.choice(motifs)
        for step, following in zip(hits, hits[1:] + [end]):
            chord = song.chords[min(pair + step // BAR, song.bars - 1)]
            degree += rng.choice((-2, -1, -1, 0, 0, 1, 1, 2, 3, -3))
            if step % 4 == 0 and rng.random() < 0.7:  # a tone of the chord
                degree = min((d for d in range(low - 2, low + span + 2) if (d - chord) % 7 in (0, 2, 4)),
                             key=lambda d: abs(d - degree))
            degree = max(low, min(low + span, degree))
            notes.append(Note(4 * pair + step / 4, (following - step) / 4 * rng.uniform(0.8, 1.0), degree, rng.uniform(0.6, 1)))
    return notes


def arrange(seed, seconds=60):
    """A song of about so many seconds; equal seeds give equal songs."""
    rng = random.Random(seed)
    style = rng.choice(STYLES)
    tempo = rng.uniform(*style.tempo)
    bars = max(8, int(seconds * tempo / 240) // 4 * 4)
    song = Song(style, tempo, MINOR if rng.random() < style.minor else MAJOR, rng.randrange(12), bars)
    verse, chorus = rng.choice(PROGRESSIONS), rng.choice(PROGRESSIONS)
    half = bars // 2 // 4 * 4
    song.chords = [(verse if bar < half else chorus)[bar % 4] for bar in range(bars)]
    song.rap = rng.random() < style.rap
    loud = 0.8
    if style.name not in ("ballad", "folk") or rng.random() < 0.6:
        first = rng.choice((0, 0, 0, 4))
        song.parts.append(Part(9, rng.choice(style.kit), 64, rng.randint(95, 120), rng.randint(0, 50), _drums(song, rng, first, bars, 0.95)))
    song.parts.append(Part(0, rng.choice(style.bass), 64, rng.randint(85, 115), 0, _bass(song, rng, 0, bars, loud)))
    channel = 1
    for programs, rhythm, kind in style.chords:
        if rng.random() < 0.15 and channel > 1:
            continue
        program, varied = rng.choice(programs), _varied(rhythm, rng, 0.04)
        volume, reverb = rng.randint(65, 105), rng.randint(0, 70)
        first = rng.choice((0, 0, 0, half))
        if kind in ("power", "chord") and program in DRIVEN + CLEAN + ACOUSTIC and rng.random() < 0.6:
            side = rng.randint(40, 63)  # two takes, left and right
            for sign, late in ((-1, 0.0), (1, rng.uniform(-0.03, 0.03))):
                song.parts.append(Part(channel, program, 64 + sign * side, volume, reverb,
                                       _comping(song, rng, first, bars, varied, kind, loud, late)))
                channel += 1
        else:
            song.parts.append(Part(channel, program, 64 + rng.choice((-1, 1)) * rng.randint(0, 50), volume, reverb,
                                   _comping(song, rng, first, bars, varied, kind, loud)))
            channel += 1
    if rng.random() < 0.55:
        low = rng.choice((28, 35))
        tune = melody(song, rng, rng.choice(((0, bars), (half, bars), (0, half))), low=low)
        tune = [Note(n.start, n.length, song.degree_pitch(n.pitch), n.loud) for n in tune]
        song.parts.append(Part(channel, rng.choice(LEADS), 64 + rng.randint(-20, 20), rng.randint(80, 118), rng.randint(10, 80), tune))
    song.tune = melody(song, rng, (rng.choice((0, 0, 2, 4)), bars), rap=song.rap)
    return song


def write_midi(song, path, seed):
    """All parts; every note a little early or late, as people play."""
    rng = random.Random(seed)
    file = mido.MidiFile(ticks_per_beat=TICKS)
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=int(6e7 / song.tempo))])
    file.tracks.append(head)
    for part in song.parts:
        channel = part.channel
        events = [(0, mido.Message("program_change", channel=channel, program=part.program))]
        for number, value in ((7, part.volume), (10, max(0, min(127, part.pan))), (91, part.reverb), (93, rng.choice((0, 0, 40)))):
            events.append((0, mido.Message("control_change", channel=channel, control=number, value=value)))
        for note in part.notes:
            start = max(0, int(TICKS * (note.start + rng.gauss(0, 0.006))))
            end = start + max(20, int(TICKS * note.length))
            velocity = max(1, min(127, int(127 * note.loud)))
            events.append((start, mido.Message("note_on", channel=channel, note=note.pitch, velocity=velocity)))
            events.append((end, mido.Message("note_off", channel=channel, note=note.pitch, velocity=0)))
        track, now = mido.MidiTrack(), 0
        for at, message in sorted(events, key=lambda e: (e[0], e[1].type == "note_on")):
            track.append(message.copy(time=at - now))
            now = at
        file.tracks.append(track)
    file.save(path)
