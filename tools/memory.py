#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Compare what a stream loses by forgetting, with carried, rolling and bounded memory.

usage: memory.py [options] BUILD MODEL SONGS...

Each folder of SONGS contains vocals.ogg and other.ogg; their sum, repeated up to --seconds, is separated
by BUILD's bsm-separate --commit. Prints one line per kind of memory: mean uSDR against the vocals, signal
to error ratio against bounded memory, both over the whole length, and processor time per second of audio.
Needs python3-numpy and python3-soundfile.
"""

import argparse
import json
import os
import resource
import struct
import subprocess
import tempfile

import numpy as np
import soundfile


def with_segment(model, seconds, out):
    """Write the same model, as if it had been trained on examples of this length."""
    with open(model, 'rb') as file:
        size = struct.unpack('<Q', file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    header['__metadata__']['segment'] = f'{seconds:g}'
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(out, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + data)
    return out


def repeated(audio, samples):
    return np.tile(audio, (-(-samples // len(audio)), 1))[:samples]


def ratio(signal, error):
    return 10 * np.log10(np.sum(signal ** 2) / np.sum(error ** 2))


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def separate(args, model, path, folder, memory):
    """Return the vocals, and the processor time per second."""
    begun = children()
    subprocess.run([os.path.join(args.build, 'standalone', 'bsm-separate'), '--quiet', '--force',
                    '--threads', '1', '--model', model, '--commit', args.commit, '--only',
                    'vocals', '--output', folder, *memory, path], check=True)
    audio = soundfile.read(os.path.join(folder, 'song.vocals.wav'), always_2d=True)[0]
    return audio, (children() - begun) / args.seconds


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('build')
    parser.add_argument('model')
    parser.add_argument('songs', nargs='+')
    parser.add_argument('--seconds', type=float, default=600)
    parser.add_argument('--segment', type=float, help='instead of what the model says')
    parser.add_argument('--commit', default='11,11', metavar='C,L')
    parser.add_argument('--warmups', default='0.5,1,2,4')
    args = parser.parse_args()
    kinds = [['--memory', 'bounded'], ['--memory', 'carry']]
    kinds += [['--memory', 'rolling', '--warmup', w] for w in args.warmups.split(',')]
    figures = [[] for _ in kinds]
    with tempfile.TemporaryDirectory() as folder:
        model = args.model
        if args.segment:
            model = with_segment(model, args.segment, os.path.join(folder, 'model.safetensors'))
        for song in args.songs:
            stems, rate = zip(*(soundfile.read(os.path.join(song, f'{stem}.ogg'), always_2d=True)
                                for stem in ('vocals', 'other')))
            samples = int(args.seconds * rate[0])
            vocals, other = (repeated(stem, samples) for stem in stems)
            path = os.path.join(folder, 'song.wav')
            soundfile.write(path, vocals + other, rate[0], subtype='FLOAT')
            truth = None
            for kind, of_kind in zip(kinds, figures):
                result, time = separate(args, model, path, folder, kind)
                truth = result if truth is None else truth
                error = truth - result
                of_kind.append((ratio(vocals, vocals - result),
                                ratio(truth, error) if np.any(error) else np.inf, time))
    print(f'{len(args.songs)} songs of {args.seconds:g} s, blocks {args.commit}')
    for kind, of_kind in zip(kinds, figures):
        usdr, error, time = np.mean(of_kind, axis=0)
        print(f'{" ".join(kind[1::2]):12} uSDR {usdr:6.3f} dB, to bounded {error:6.2f} dB, '
              f'{time:.4f} s of processor time per second')


if __name__ == '__main__':
    main()
