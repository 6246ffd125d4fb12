#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The default model separates as well as it did when it was adopted.

default_model_test.py BSM_SEPARATE BSM_MODEL USDR CLIP MODEL [measure]

CLIP is a folder with mixture.ogg and vocals.ogg. With "measure", only print the vocals' uSDR, which
presets/models/adopt.sh writes into the model's metadata as clip_usdr.
"""

import array
import json
import os
import subprocess
import sys
import tempfile
import unittest
import wave

SEPARATE, MODEL_TOOL, USDR, CLIP, MODEL = map(os.path.abspath, sys.argv[1:6])
TOLERANCE = 0.1  # dB: processors and libraries round differently


def separate(folder, *arguments):
    """With the model that the environment names, as the default."""
    subprocess.run([SEPARATE, '-q', '-o', folder, *arguments], check=True, timeout=300,
                   env=dict(os.environ, BSM_MODEL=MODEL))


def usdr(estimate):
    result = subprocess.run([USDR, os.path.join(CLIP, 'vocals.ogg'), estimate], check=True,
                            text=True, stdout=subprocess.PIPE)
    return float(result.stdout)


def measure(folder):
    separate(folder, os.path.join(CLIP, 'mixture.ogg'))
    return usdr(os.path.join(folder, 'mixture.vocals.wav'))


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
        self.assertAlmostEqual(result, float(metadata['clip_usdr']), delta=TOLERANCE)
        self.assertGreater(result, usdr(os.path.join(CLIP, 'mixture.ogg')))

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
    if sys.argv[6:] == ['measure']:
        with tempfile.TemporaryDirectory(prefix='bsm-test-') as scratch:
            print('%.3f' % measure(scratch))
    else:
        unittest.main(argv=sys.argv[:1])
