#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests that the examples do what the programs do: examples_test.py BSM_SEPARATE BSM_MODEL FILE ARRAY LIVE"""

import array
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import wave

BSM_SEPARATE, BSM_MODEL, SEPARATE_FILE, SEPARATE_ARRAY, LIVE = sys.argv[1:6]
SAMPLES = 441000


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='bsm-test-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.model = os.path.join(cls.folder, 'tiny.safetensors')
        subprocess.run([BSM_MODEL, 'create', 'tiny', cls.model], check=True, capture_output=True)
        noise = random.Random(1)
        cls.song = array.array('h', (noise.randrange(-8000, 8000) for _ in range(2 * SAMPLES)))
        cls.path = os.path.join(cls.folder, 'song.wav')
        with wave.open(cls.path, 'wb') as file:
            file.setparams((2, 2, 44100, SAMPLES, 'NONE', ''))
            file.writeframes(cls.song.tobytes())
        subprocess.run([BSM_SEPARATE, '--quiet', '--model', cls.model, '--output', cls.path + '.d', cls.path], check=True)

    def floats(self, path):
        """Return the samples of a WAV file that bsm wrote. They end with the file."""
        with open(path, 'rb') as file:
            samples = array.array('f')
            samples.frombytes(file.read()[-8 * SAMPLES:])
        return samples

    def test_file(self):
        subprocess.run([SEPARATE_FILE, self.model, self.path], check=True, stdout=subprocess.DEVNULL)
        for part in ('vocals', 'instrumental'):
            written = os.path.join(self.folder, 'song.%s.wav' % part)
            expected = os.path.join(self.path + '.d', 'song.%s.wav' % part)
            with open(written, 'rb') as one, open(expected, 'rb') as other:
                self.assertEqual(one.read(), other.read())

    def test_array(self):
        planes = array.array('f', (s / 32768 for c in (0, 1) for s in self.song[c::2]))
        vocals = array.array('f')
        vocals.frombytes(subprocess.run([SEPARATE_ARRAY, self.model], input=planes.tobytes(), check=True,
                                        stdout=subprocess.PIPE).stdout)
        expected = self.floats(os.path.join(self.path + '.d', 'song.vocals.wav'))
        self.assertEqual(vocals[:SAMPLES], expected[0::2])
        self.assertEqual(vocals[SAMPLES:], expected[1::2])

    def test_live(self):
        """Check that the output has all whole blocks of the input, and begins with silence for the latency."""
        samples = array.array('f', (s / 32768 for s in self.song))
        result = array.array('f')
        result.frombytes(subprocess.run([LIVE, self.model], input=samples.tobytes(), check=True,
                                        stdout=subprocess.PIPE).stdout)
        self.assertEqual(len(result), len(samples) // 512 * 512)
        self.assertEqual(max(map(abs, result[:20000])), 0)
        self.assertGreater(max(map(abs, result)), 0.1)


if __name__ == '__main__':
    sys.argv[1:] = []
    unittest.main()
