#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests where bsm-separate reads from and writes to, and how it shares out folders.

outputs_test.py BSM_SEPARATE MAKE_AUDIO [mpi]
"""

import array
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import identity_model  # noqa: E402

SEPARATE, MAKE_AUDIO = map(os.path.abspath, sys.argv[1:3])
FAST = ['--window', '0.5', '--overlap', '0', '-t', '1']
FRAMES = 30000


class OutputsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix='bsm-test-')
        cls.model = os.path.join(cls.shared, 'half.safetensors')
        identity_model.write(cls.model, gain=0.5)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bsm-test-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.temporary = tempfile.mkdtemp(prefix='bsm-test-')
        self.addCleanup(shutil.rmtree, self.temporary)
        self.env = dict(os.environ, BSM_MODEL=self.model, TMPDIR=self.temporary)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, name, kind='wav', rate=44100):
        subprocess.run([MAKE_AUDIO, kind, str(rate), '2', str(FRAMES), self.path(name)], check=True)
        return self.path(name)

    def data(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read()

    def samples(self, name):
        data = self.data(name)
        return array.array('f', data[data.index(b'data') + 8:])

    def separate(self, *arguments, code=0, before=(), **options):
        options.setdefault('stdin', subprocess.DEVNULL)
        result = subprocess.run([*before, SEPARATE, *FAST, *arguments], env=self.env, timeout=120,
                                cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                check=False, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        result.errors = result.stderr.decode()
        return result

    def written(self):
        return sorted(name for name in os.listdir(self.folder) if name != 'in')

    # ---- Which outputs, and their names ----

    def test_only_one_part(self):
        self.make('a.wav')
        self.separate('a.wav')
        both = {part: self.data('a.%s.wav' % part) for part in ('vocals', 'instrumental')}
        for part, expected in both.items():
            os.mkdir(self.path(part))
            self.separate('--only', part, '-o', part, 'a.wav')
            self.assertEqual(os.listdir(self.path(part)), ['a.%s.wav' % part])
            self.assertEqual(self.data('%s/a.%s.wav' % (part, part)), expected)

    def test_names(self):
        self.make('a.wav')
        result = self.separate('--name', '{stem} of {name}, {ext}', 'a.wav')
        self.assertEqual(result.stdout.decode().splitlines(),
                         ['vocals of a, wav.wav', 'instrumental of a, wav.wav'])
        result = self.separate('--name', '{stem} of {name}, {ext}', 'a.wav', code=5)
        self.assertIn('exists already; --force replaces it', result.errors)

    def test_gain(self):
        self.make('a.wav')
        self.separate('a.wav')
        self.separate('--gain', '-6.0206', '-o', 'half', 'a.wav')
        for part in ('vocals', 'instrumental'):
            for plain, half in zip(self.samples('a.%s.wav' % part),
                                   self.samples('half/a.%s.wav' % part)):
                self.assertAlmostEqual(half, 0.5 * plain, delta=1e-5)

    def test_normalize(self):
        """Both outputs get one gain, with which the loudest sample is at -1 dB; nothing else changes."""
        self.make('a.wav')
        self.separate('a.wav')
        self.separate('--normalize', '-o', 'loud', 'a.wav')
        plain, loud = ([self.samples(folder + 'a.%s.wav' % part)
                        for part in ('vocals', 'instrumental')] for folder in ('', 'loud/'))
        peak = max(max(map(abs, part)) for part in plain)
        self.assertAlmostEqual(max(max(map(abs, part)) for part in loud), 10 ** -0.05, delta=1e-5)
        for before, after in zip(plain, loud):
            self.assertEqual(len(before), len(after))
            for a, b in zip(before, after):
                self.assertAlmostEqual(b, a / peak * 10 ** -0.05, delta=1e-5)
        self.assertEqual(sorted(os.listdir(self.path('loud'))),
                         ['a.instrumental.wav', 'a.vocals.wav'])
        alone = self.separate('-q', '--normalize', '--only', 'vocals', '-o', '-', 'a.wav').stdout
        self.assertAlmostEqual(max(map(abs, array.array('f', alone[44:]))), 10 ** -0.05, delta=1e-5)
        self.separate('--normalize', '--gain', '3', 'a.wav', code=2)

    def test_lossy_formats_at_any_rate(self):
        for rate, expected in ((44100, {'mp3': 44100, 'opus': 48000}),
                               (96000, {'mp3': 48000, 'opus': 48000})):
            self.make('a.wav', rate=rate)
            for kind, other in expected.items():
                self.separate('-f', '--format', kind, '--only', 'vocals', 'a.wav')
                back = self.separate('-q', '--only', 'vocals', '-o', '-', 'a.vocals.' + kind).stdout
                self.assertEqual(struct.unpack_from('<I', back, 24)[0], other)
                frames = (len(back) - 44) / 8
                self.assertAlmostEqual(frames / other, FRAMES / rate, delta=2 / 48000)

    # ---- Streams ----

    def test_standard_input_and_output(self):
        self.make('a.wav')
        self.separate('--only', 'vocals', 'a.wav')
        with open(self.path('a.wav'), 'rb') as file:
            result = self.separate('-q', '--only', 'vocals', '-o', '-', '-', stdin=file)
        self.assertEqual(result.stderr, b'')
        self.assertEqual(array.array('f', result.stdout[44:]), self.samples('a.vocals.wav'))
        self.assertEqual(result.stdout[40:44], b'\xff' * 4)
        raw = self.separate('--only', 'vocals', '-o', '-', '--format', 'raw', '--bits', '16', 'a.wav')
        self.assertEqual(len(raw.stdout), 4 * FRAMES)
        for value, expected in zip(array.array('h', raw.stdout), self.samples('a.vocals.wav')):
            self.assertLessEqual(abs(value - 32768 * expected), 0.51)
        with open(self.path('a.wav'), 'rb') as file:
            self.separate('-', stdin=file)
        self.assertIn('stdin.vocals.wav', self.written())
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertIn('stdin', self.separate('-q', '-', code=4).errors)

    def test_closed_output(self):
        self.make('a.wav')
        with open('/dev/full', 'wb') as full:
            result = subprocess.run([SEPARATE, *FAST, '-q', '--only', 'vocals', '-o', '-',
                                     self.path('a.wav')], env=self.env, stdout=full, check=False,
                                    stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual(result.returncode, 5)
        self.assertIn('standard output: cannot write: No space', result.stderr)

    def test_named_pipe(self):
        os.mkfifo(self.path('a.wav'))
        self.assertIn('a.wav: is a pipe: read it as standard input',
                      self.separate('-q', 'a.wav', code=4).errors)

    # ---- Several files ----

    def refused(self, words, *arguments):
        """Check that the arguments are refused before anything is written."""
        before = self.written()
        result = self.separate('-f', '-q', *arguments, code=2)
        for word in words:
            self.assertIn(word, result.errors)
        self.assertEqual(self.written(), before)

    def test_outputs_of_one_name(self):
        for name, kind in (('a.wav', 'wav'), ('a.flac', 'flac'), ('b.wav', 'wav')):
            self.make(name, kind)
        self.refused(['a.flac and', 'a.wav would both write'], '.')
        self.refused(['a.wav: is given twice'], 'a.wav', 'b.wav', 'a.wav')
        self.refused(['would both write'], 'a.wav', './a.wav')
        self.refused(['would both write'], 'a.wav', self.path('a.wav'))
        os.symlink('.', self.path('here'))
        self.refused(['would both write'], 'a.wav', 'here/a.wav')
        os.remove(self.path('here'))
        os.mkdir(self.path('other'))
        os.mkdir(self.path('new'))
        shutil.copy(self.path('b.wav'), self.path('other/b.wav'))
        self.refused(['would both write'], '-o', 'new', 'b.wav', 'other/b.wav')
        shutil.copy(self.path('b.wav'), self.path('b.vocals.wav'))
        self.refused(['b.vocals.wav: would be replaced by an output of b.wav'], 'b.wav',
                     'b.vocals.wav')
        self.separate('--name', '{name}.{ext}.{stem}', 'a.wav', 'a.flac')

    def test_folder_again(self):
        """Outputs with other names than the default ones are not separated again."""
        self.make('a.wav')
        for options in (['--name', '{stem} of {name}'], ['--name', '{name}_{stem}', '-f']):
            self.separate(*options, '.')
            before = self.written()
            self.make('b.wav')
            result = self.separate(*options, '-f', '.')
            self.assertIn('left out', result.errors)
            self.assertEqual(len(self.written()), len(before) + 3)
            for name in self.written():
                if name != 'a.wav':
                    os.remove(self.path(name))

    def test_summary(self):
        for name in ('1.wav', '2.wav'):
            self.make(name)
        with open(self.path('3.wav'), 'w', encoding='ascii') as file:
            file.write('no audio')
        result = self.separate('.', code=4)
        self.assertRegex(result.errors, r'1\.wav: 100 %.*; 1 of 3')
        self.assertRegex(result.errors.splitlines()[-1],
                         r'^bsm-separate: 2 of 3 files separated, 0:01 of music in \d+:\d+; the oth')

    def test_shared_over_processes(self):
        if 'mpi' not in sys.argv[4:] or not shutil.which('mpirun'):
            self.skipTest('without MPI')
        for i in range(5):
            self.make('%d.wav' % i)
        with open(self.path('1.wav'), 'w', encoding='ascii') as file:
            file.write('no audio')
        # Open MPI keeps memory until the end, which is not a leak of ours.
        self.env['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
        result = self.separate('--name', '{stem} {name}', '.', code=4, before=[
            'mpirun', '--allow-run-as-root', '--oversubscribe', '-n', '2'])
        self.assertIn('3 of 3 files', result.errors)
        self.assertIn('1 of 2 files', result.errors)
        self.assertEqual(len(self.written()), 5 + 2 * 4)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
