#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests that the default model separates as well as it did when it was adopted.

default_model_test.py BSM_SEPARATE BSM_MODEL USDR MAKE_CLIP MODEL FIGURE

FIGURE is a file with the uSDR, in dB, of the vocals in the clip that MAKE_CLIP makes.
default_model_test.py BSM_SEPARATE BSM_MODEL USDR MAKE_CLIP MODEL only prints the uSDR, for
presets/models/adopt.sh.
"""

import array
import json
import os
import subprocess
import sys
import tempfile
import unittest
import wave

SEPARATE, MODEL_TOOL, USDR, MAKE_CLIP, MODEL, *FIGURE = map(os.path.abspath, sys.argv[1:])
TOLERANCE = 0.1  # dB: processors and libraries round differently


def separate(folder, *arguments):
    """Separate with the model in the environment, which is the default."""
    subprocess.run([SEPARATE, '-q', '-o', folder, *arguments], check=True, timeout=300,
                   env=dict(os.environ, BSM_MODEL=MODEL))


def usdr(folder, estimate):
    result = subprocess.run([USDR, os.path.join(folder, 'vocals.wav'), os.path.join(folder, estimate)],
                            check=True, text=True, stdout=subprocess.PIPE)
    return float(result.stdout)


def measure(folder):
    subprocess.run([MAKE_CLIP, folder], check=True)
    separate(folder, os.path.join(folder, 'mixture.wav'))
    return usdr(folder, 'mixture.vocals.wav')


class DefaultModelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='bsm-test-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_separates_the_clip_as_well_as_ever(self):
        info = subprocess.run([MODEL_TOOL, 'info', '--json', MODEL], check=True, text=True,
                              stdout=subprocess.PIPE)
        metadata = json.loads(info.stdout)['metadata']
        for key in ('training', 'data', 'licence', 'figures', 'expander'):
            self.assertTrue(metadata[key])
        result = measure(self.folder)
        with open(FIGURE[0], encoding='ascii') as file:
            self.assertAlmostEqual(result, float(file.read()), delta=TOLERANCE)
        self.assertGreater(result, max(0, usdr(self.folder, 'mixture.wav')))  # 0 dB is silence

    def test_silence_stays_silence(self):
        path = os.path.join(self.folder, 'silence.wav')
        with wave.open(path, 'wb') as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(44100)
            file.writeframes(bytes(4 * 44100 * 3))
        separate(self.folder, '--bits', '16', path)
        with wave.open(os.path.join(self.folder, 'silence.vocals.wav'), 'rb') as file:
            samples = array.array('h', file.readframes(file.getnframes()))
        self.assertEqual(len(samples), 2 * 44100 * 3)
        self.assertEqual(max(map(abs, samples)), 0)


if __name__ == '__main__':
    if not FIGURE:
        with tempfile.TemporaryDirectory(prefix='bsm-test-') as scratch:
            print('%.3f' % measure(scratch))
    else:
        unittest.main(argv=sys.argv[:1])
