#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests that the Python module gives the same results as the programs:
bsm_test.py MODULE LIBRARY BSM_SEPARATE BSM_MODEL"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import wave

try:
    import numpy
except ImportError:
    print('numpy is not installed')
    sys.exit(77)

MODULE, LIBRARY, BSM_SEPARATE, BSM_MODEL = sys.argv[1:5]
os.environ['BSM_LIBRARY'] = LIBRARY
sys.path.insert(0, os.path.dirname(MODULE))
import bsm  # noqa: E402

SAMPLES = 100000


class PythonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='bsm-test-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.model = os.path.join(cls.folder, 'tiny.safetensors')
        subprocess.run([BSM_MODEL, 'create', 'tiny', cls.model], check=True, capture_output=True)

    def test_an_array_is_separated_as_a_file(self):
        song = numpy.random.default_rng(1).integers(-8000, 8000, (SAMPLES, 2), dtype=numpy.int16)
        path = os.path.join(self.folder, 'song.wav')
        with wave.open(path, 'wb') as file:
            file.setparams((2, 2, 44100, SAMPLES, 'NONE', ''))
            file.writeframes(song.tobytes())
        subprocess.run([BSM_SEPARATE, '--quiet', '--model', self.model, path], check=True, stdout=subprocess.DEVNULL)
        with open(path[:-4] + '.vocals.wav', 'rb') as file:
            expected = numpy.frombuffer(file.read()[-8 * SAMPLES:], numpy.float32).reshape(SAMPLES, 2)
        with bsm.Model(self.model) as model:
            self.assertEqual((model.sample_rate, model.channels), (44100, 2))
            self.assertEqual(model.stems[0], 'vocals')
            self.assertTrue(model.device.startswith('cpu'), model.device)
            stems = model.separate(song.T / numpy.float32(32768))
            self.assertEqual(sorted(stems), sorted(model.stems))
            numpy.testing.assert_array_equal(stems['vocals'], expected.T)

    def test_what_a_model_says(self):
        model = bsm.Model(self.model)
        self.assertIn('hash', model.metadata('training'))
        self.assertIsNone(model.metadata('no such key'))

    def test_errors(self):
        with self.assertRaises(bsm.Error) as caught:
            bsm.Model('/no/such/model')
        self.assertIn('/no/such/model', str(caught.exception))
        model = bsm.Model(self.model)
        with self.assertRaises(ValueError):
            model.separate(numpy.zeros(10))
        with self.assertRaises(bsm.Error):
            model.separate(numpy.zeros((3, 1000)))

    def test_version(self):
        said = subprocess.run([BSM_SEPARATE, '--version'], check=True, capture_output=True, text=True).stdout
        self.assertEqual(said.split()[-1], bsm.version())


unittest.main(argv=sys.argv[:1])
