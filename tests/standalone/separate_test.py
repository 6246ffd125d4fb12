#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests bsm-separate as its users run it.

separate_test.py BSM_SEPARATE MAKE_AUDIO INSTALLED_MODEL [sanitized]
"""

import array
import fcntl
import json
import math
import os
import pty
import random
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import default_signals  # noqa: E402
import identity_model  # noqa: E402

default_signals.restore()

SEPARATE, MAKE_AUDIO, INSTALLED = map(os.path.abspath, sys.argv[1:4])
SANITIZED = 'sanitized' in sys.argv[4:]
FAST = ['--window', '0.5']  # 8 seconds are not needed for this model


def read_wav(path):
    """Return rate, channels and interleaved samples of a float WAV file."""
    with open(path, 'rb') as file:
        data = file.read()
    assert data[:4] == b'RIFF' and data[8:12] == b'WAVE', path
    assert struct.unpack_from('<I', data, 4)[0] == len(data) - 8, path
    at, rate, channels = 12, 0, 0
    while at < len(data):
        name, size = data[at:at + 4], struct.unpack_from('<I', data, at + 4)[0]
        body = data[at + 8:at + 8 + size]
        if name == b'fmt ':
            tag, channels, rate = struct.unpack_from('<HHI', body)
            assert tag == 3, tag
        if name == b'data':
            return rate, channels, array.array('f', body)
        at += 8 + size + size % 2
    raise AssertionError(path + ': no data')


def write_wav(path, rate, channels, samples):
    data = array.array('f', samples).tobytes()
    with open(path, 'wb') as file:
        file.write(struct.pack('<4sI4s4sIHHIIHH4sI', b'RIFF', 36 + len(data), b'WAVE', b'fmt ', 16,
                               3, channels, rate, 4 * channels * rate, 4 * channels, 32, b'data',
                               len(data)))
        file.write(data)


class SeparateTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix='bsm-test-')
        os.chmod(cls.shared, 0o755)
        cls.model = os.path.join(cls.shared, 'half.safetensors')
        identity_model.write(cls.model, gain=0.5)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bsm-test-')
        os.chmod(self.folder, 0o777)
        self.addCleanup(shutil.rmtree, self.folder)
        self.env = dict(os.environ, BSM_MODEL=self.model)

    def path(self, name):
        return os.path.join(self.folder, name)

    def names(self):
        return sorted(os.listdir(self.folder))

    def make(self, name, kind='wav', rate=44100, channels=2, frames=30000):
        path = self.path(name)
        code = subprocess.run([MAKE_AUDIO, kind, str(rate), str(channels), str(frames), path],
                              stderr=subprocess.DEVNULL).returncode
        if code == 77:
            self.skipTest('libsndfile does not write ' + kind)
        self.assertEqual(code, 0)
        return path

    def run_separate(self, *arguments, **options):
        return subprocess.run([SEPARATE, *arguments], env=self.env, text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def separate(self, *arguments, code=0, **options):
        result = self.run_separate(*FAST, *arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def fails(self, code, words, *arguments, **options):
        """Check that it fails with this status and one line with these words, apart from what -q omits."""
        result = self.run_separate('-q', *FAST, *arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.startswith('bsm-separate: ')]
        self.assertEqual(len(lines), 1, result.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(result.stdout, '')

    # ---- Input and output ----

    def test_balance_of_vocals_and_rest(self):
        path = self.make('song.wav')
        for gain, expected in ((0.25, 'vocals 9.5 dB below the rest'),  # 20 log10(0.25 / 0.75)
                               (0.75, 'vocals 9.5 dB above the rest'), (0.0, 'no vocals')):
            identity_model.write(self.path('model.safetensors'), gain=gain)
            result = self.separate('-f', '-m', self.path('model.safetensors'), path)
            self.assertIn('bsm-separate: %s: %s\n' % (path, expected), result.stderr)
        self.assertEqual(self.separate('-q', '-f', path).stderr, '')

    def check_sum(self, name, reference=None):
        rate, channels, vocals = read_wav(self.path(name + '.vocals.wav'))
        self.assertEqual(read_wav(self.path(name + '.instrumental.wav'))[:2], (rate, channels))
        rest = read_wav(self.path(name + '.instrumental.wav'))[2]
        self.assertEqual(len(vocals), len(rest))
        self.assertTrue(all(map(math.isfinite, vocals)))
        self.assertGreater(max(map(abs, vocals)), 0)
        if reference is not None:
            self.assertEqual(len(vocals), len(reference))
            for v, r, x in zip(vocals, rest, reference):
                self.assertLessEqual(abs(v + r - x), abs(r) * 2**-24)
        return rate, channels, len(vocals) // channels

    def test_rates_and_channels(self):
        for rate in (8000, 22050, 44100, 48000, 96000, 192000):
            for channels in (1, 2):
                frames = rate * 3 // 5 + 1
                path = self.make('song.wav', 'wav', rate, channels, frames)
                self.separate('-f', path)
                reference = read_wav(path)[2]
                self.assertEqual(self.check_sum('song', reference), (rate, channels, frames))

    def test_input_formats(self):
        for kind in ('wav16', 'flac', 'ogg', 'mp3'):
            with self.subTest(kind):
                for channels in (1, 2):
                    name = 'song%d' % channels
                    path = self.make(name + '.' + kind, kind, 48000, channels, 48000)
                    self.separate('-f', path)
                    rate, got, frames = self.check_sum(name)
                    self.assertEqual((rate, got), (48000, channels))
                    self.assertTrue(48000 <= frames <= 48000 + (3000 if kind == 'mp3' else 0))

    def test_output_formats(self):
        path = self.make('song.wav')
        for arguments, extension, magic in (
                (['--format', 'wav', '--bits', '16'], 'wav', b'RIFF'),
                (['--format', 'wav', '--bits', '24'], 'wav', b'RIFF'),
                (['--format', 'flac'], 'flac', b'fLaC'),
                (['--format', 'flac', '--bits', '16'], 'flac', b'fLaC'),
                (['--format', 'ogg'], 'ogg', b'OggS')):
            self.separate('-f', *arguments, path)
            for part in ('vocals', 'instrumental'):
                with open(self.path('song.%s.%s' % (part, extension)), 'rb') as file:
                    self.assertEqual(file.read(4), magic)

    def test_one_sample(self):
        for rate in (8000, 44100, 192000):
            path = self.make('one.wav', rate=rate, frames=1)
            self.separate('-f', path)
            sums = [a + b for a, b in zip(read_wav(self.path('one.vocals.wav'))[2],
                                          read_wav(self.path('one.instrumental.wav'))[2])]
            for total, sample in zip(sums, read_wav(path)[2]):
                self.assertAlmostEqual(total, sample, places=6)
            self.assertEqual(len(sums), 2)

    def test_ways_to_cut(self):
        path = self.make('song.wav', frames=50000)
        reference = read_wav(path)[2]
        results = []
        for way in (['--window', '8', '--overlap', '0'], ['--window', '0.3', '--overlap', '0.9'],
                    ['--commit', '25,25'], ['--commit', '1000,0'], ['-d', 'reference']):
            result = self.run_separate('-f', *way, path)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.check_sum('song', reference)
            results.append(read_wav(self.path('song.vocals.wav'))[2])
        difference = sum(abs(a - b) for a, b in zip(results[0], results[2]))
        self.assertGreater(difference, 0)

    def remembering_model(self):
        """Use random weights whose scans forget slowly, as if trained on examples of 1 s."""
        with open(self.model, 'rb') as file:
            size = struct.unpack('<Q', file.read(8))[0]
            header, data = json.loads(file.read(size)), file.read()
        chance = random.Random(1)
        values = array.array('f', (chance.uniform(-0.3, 0.3) for _ in range(len(data) // 4)))
        for name, tensor in header.items():
            if name.endswith('dt_bias'):
                first, end = (at // 4 for at in tensor['data_offsets'])
                values[first:end] = array.array('f', [-4] * (end - first))
        header['__metadata__'].update(segment='1', memory='rolling')
        text = json.dumps(header).encode()
        text += b' ' * (-len(text) % 8)
        with open(self.path('model.safetensors'), 'wb') as file:
            file.write(struct.pack('<Q', len(text)) + text + values.tobytes())
        self.env['BSM_MODEL'] = file.name

    def test_what_a_stream_remembers(self):
        path = self.make('song.wav', frames=120000)
        self.remembering_model()
        results = {}
        for memory in ('', '--memory carry', '--memory rolling', '--memory bounded',
                       '--warmup 0.4'):
            result = self.run_separate('-q', '-f', '-t', '1', '--commit', '10,10', *memory.split(),
                                       path)
            self.assertEqual(result.returncode, 0, result.stderr)
            results[memory] = read_wav(self.path('song.vocals.wav'))[2]
        self.assertEqual(results[''], results['--memory rolling'])
        self.assertEqual(len({tuple(audio) for audio in results.values()}), 4)
        until = 2 * (90 * 441 - 1024)  # nine blocks of ten frames, without the reflected part
        for memory in ('', '--warmup 0.4'):
            self.assertEqual(results[memory][:until], results['--memory carry'][:until])
        for words, arguments in ((['no room for two warm-ups of 60'],
                                  ['--commit', '10,10', '--warmup', '0.6']),
                                 (['--memory and --warmup', '--commit'], ['--memory', 'carry'])):
            result = self.run_separate('-f', *arguments, path)
            self.assertEqual(result.returncode, 2, result.stderr)
            for word in words:
                self.assertIn(word, result.stderr)

    def test_picture(self):
        path = self.make('song.wav')
        suppressions = os.path.join(self.shared, 'suppressions')
        with open(suppressions, 'w') as file:
            file.write('leak:libfontconfig\n')  # it keeps what it has read
        self.env['LSAN_OPTIONS'] = 'suppressions=' + suppressions + ':print_suppressions=0'
        result = self.run_separate(*FAST, '--picture', path)
        if 'built without cairo' in result.stderr:
            self.assertEqual(result.returncode, 2)
            return
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.splitlines()[-1], self.path('song.picture.png'))
        with open(self.path('song.picture.png'), 'rb') as file:
            data = file.read()
        self.assertEqual(data[:16], b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR')
        self.assertEqual(struct.unpack_from('>II', data, 16), (1120, 720))
        self.assertEqual(data[-8:-4], b'IEND')
        for part in ('vocals', 'instrumental'):
            os.remove(self.path('song.%s.wav' % part))
        self.fails(5, ['song.picture.png', 'exists already'], '--picture', path)
        self.assertEqual(self.names(), ['song.picture.png', 'song.wav'])
        self.separate('-f', '--picture', path)
        self.fails(4, ['none.wav'], '--picture', self.path('none.wav'))
        self.fails(5, ['song.picture.png', 'File too large'], '-f', '--picture', '--format', 'ogg',
                   path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                               (16000, 16000)))
        with open(self.path('song.picture.png'), 'rb') as file:
            self.assertEqual(file.read(), data)
        self.assertFalse([name for name in self.names() if name.endswith('.part')])

    def test_result_does_not_depend_on_threads(self):
        path = self.make('song.wav')
        files = []
        for threads in ('1', '2', '3'):
            self.separate('-f', '-t', threads, '--model', 'untrained:tiny', path)
            with open(self.path('song.vocals.wav'), 'rb') as file:
                files.append(file.read())
        self.assertEqual(files[0], files[1])
        self.assertEqual(files[0], files[2])

    def test_precision(self):
        path = self.make('song.wav')
        vocals = []
        for arguments in ([], ['--precision', 'int8']):
            result = self.separate('-f', '-d', 'cpu', '--model', 'untrained:tiny', *arguments,
                                   path)
            if arguments and 'int8' not in result.stderr:
                self.skipTest('this processor has no faster products of 8-bit integers')
            self.assertEqual('int8' in result.stderr, bool(arguments), result.stderr)
            vocals.append(read_wav(self.path('song.vocals.wav'))[2])
        wrong = sum((a - b) ** 2 for a, b in zip(*vocals))
        self.assertGreater(wrong, 0)
        self.assertLess(wrong, 0.06 ** 2 * sum(a ** 2 for a in vocals[0]))

    def test_other_folder_and_what_is_printed(self):
        path = self.make('song.wav')
        os.mkdir(self.path('out'))
        result = self.separate('-o', self.path('out'), path)
        expected = [self.path('out/song.%s.wav' % part) for part in ('vocals', 'instrumental')]
        self.assertEqual(result.stdout.splitlines(), expected)
        self.assertEqual(sorted(os.listdir(self.path('out'))),
                         ['song.instrumental.wav', 'song.vocals.wav'])
        self.assertEqual(stat.S_IMODE(os.stat(expected[0]).st_mode) & 0o600, 0o600)
        self.assertIn('100 %', result.stderr)
        result = self.separate('-q', '-f', '-o', self.path('out'), path)
        self.assertEqual((result.stdout, result.stderr), ('', ''))

    # ---- Errors in the input ----

    def test_bad_inputs(self):
        self.fails(4, ['none.wav', 'No such file'], self.path('none.wav'))
        open(self.path('empty.wav'), 'w').close()
        self.fails(4, ['empty.wav', 'empty'], self.path('empty.wav'))
        with open(self.path('text.flac'), 'w') as file:
            file.write('no audio\n' * 100)
        self.fails(4, ['text.flac', 'not an audio file'], self.path('text.flac'))
        self.fails(4, ['many.wav', '12 channels'], self.make('many.wav', channels=12))
        self.fails(4, ['zero.wav', 'no samples'], self.make('zero.wav', frames=0))
        self.fails(4, ['holds no audio files'], self.shared)
        self.assertFalse([name for name in self.names() if 'vocals' in name])

    def test_not_a_number(self):
        samples = [0.1 * math.sin(i * 0.1) for i in range(20000)]
        samples[1000], samples[1001], samples[5000] = math.nan, math.inf, -math.inf
        write_wav(self.path('nan.wav'), 44100, 2, samples)
        result = self.separate(self.path('nan.wav'))
        self.assertIn('nan.wav: warning: 3 samples are not numbers', result.stderr)
        for i in (1000, 1001, 5000):
            samples[i] = 0
        self.check_sum('nan', array.array('f', samples))

    def test_absurdly_loud(self):
        samples = [0.1 * math.sin(i * 0.1) for i in range(60000)]
        for i in range(50000, 60000):
            samples[i] = 3e38 * (-1) ** i
        write_wav(self.path('loud.wav'), 44100, 1, samples)
        self.fails(4, ['loud.wav: ', ' s: ', 'not finite'], self.path('loud.wav'))
        self.assertEqual(self.names(), ['loud.wav'])

    def test_dash_in_a_folder_is_a_file(self):
        os.rename(self.make('song.wav'), self.path('-'))
        reference = read_wav(self.path('-'))[2]
        self.separate('./-', cwd=self.folder, stdin=subprocess.DEVNULL)
        self.check_sum('-', reference)
        os.remove(self.path('-'))
        self.fails(4, ['-: ', 'No such file'], './-', cwd=self.folder, stdin=subprocess.DEVNULL)

    def test_names_with_control_characters(self):
        path = self.make('a\x1b[2J\u009bb.flac', 'flac', 44100, 2, 60000)
        os.truncate(path, os.path.getsize(path) // 2)
        model = self.path('m\x1b[2J\u009b.safetensors')
        shutil.copy(self.model, model)
        result = self.separate('-m', model, path)
        for words in ('a?[2J??b.flac: 10 %', 'a?[2J??b.flac: warning', 'm?[2J??.safetensors; dev'):
            self.assertIn(words, result.stderr)
        self.assertNotIn('\x1b', result.stderr)
        self.assertNotIn('\u009b', result.stderr)

    def test_cut_off(self):
        path = self.make('cut.flac', 'flac', 44100, 2, 60000)
        os.truncate(path, os.path.getsize(path) // 2)
        result = self.separate(path)
        self.assertIn('cut.flac: warning: the file is damaged', result.stderr)
        frames = self.check_sum('cut')[2]
        self.assertTrue(10000 < frames < 50000)

    def test_folder(self):
        for name, kind in (('a.wav', 'wav'), ('b.flac', 'flac'), ('d.wav', 'wav')):
            self.make(name, kind, frames=5000)
        with open(self.path('c.wav'), 'w') as file:
            file.write('not audio')
        open(self.path('notes.txt'), 'w').close()
        result = self.separate(self.folder, code=4)
        self.assertIn('c.wav: not an audio file', result.stderr)
        made = [name for name in self.names() if 'vocals' in name or 'instrumental' in name]
        self.assertEqual(made, ['a.instrumental.wav', 'a.vocals.wav', 'b.instrumental.wav',
                                'b.vocals.wav', 'd.instrumental.wav', 'd.vocals.wav'])
        os.remove(self.path('c.wav'))
        result = self.separate('-f', self.folder)
        self.assertEqual(len(result.stdout.splitlines()), 6)  # outputs are not separated again
        self.separate(self.folder, code=5)

    # ---- Errors in the output ----

    def test_existing_outputs(self):
        path = self.make('song.wav')
        with open(self.path('song.vocals.wav'), 'w') as file:
            file.write('precious')
        self.fails(5, ['song.vocals.wav', 'exists already'], path)
        with open(self.path('song.vocals.wav')) as file:
            self.assertEqual(file.read(), 'precious')
        self.assertEqual(len(self.names()), 2)
        self.separate('-f', path)
        self.check_sum('song', read_wav(path)[2])

    def test_folders(self):
        path = self.make('song.wav')
        self.fails(5, ['none', 'No such file'], '-o', self.path('none/new'), path)
        self.fails(5, ['song.wav', 'Not a directory'], '-o', path, path)
        self.separate('-o', self.path('new'), path)
        self.assertEqual(len(os.listdir(self.path('new'))), 2)

    def as_nobody(self):
        """Root has all permissions, so another user has to try."""
        return {'preexec_fn': lambda: os.setuid(65534)} if os.getuid() == 0 else {}

    def test_permissions(self):
        path = self.make('song.wav')
        os.mkdir(self.path('closed'), 0o555)
        if subprocess.run([SEPARATE, '--version'], stdout=subprocess.DEVNULL,
                          **self.as_nobody()).returncode:
            self.skipTest('another user cannot run the program')
        self.fails(5, ['closed', 'Permission denied'], '-o', self.path('closed'), path,
                   **self.as_nobody())
        os.chmod(path, 0)
        self.fails(4, ['song.wav', 'Permission denied'], path, **self.as_nobody())

    def test_full_disk(self):
        path = self.make('song.wav', frames=100000)

        def limit(size):
            return {'preexec_fn': lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}

        for size in (0, 1000, 400000, 800000):
            self.fails(5, ['cannot write', 'File too large'], path, **limit(size))
            self.assertEqual(self.names(), ['song.wav'])
        self.separate(path, **limit(801000))

    def test_full_standard_output(self):
        for arguments in ([self.make('song.wav')], ['--help'], ['--version']):
            with open('/dev/full', 'w') as full:
                result = subprocess.run([SEPARATE, *FAST, *arguments], env=self.env, text=True,
                                        timeout=120, stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(result.returncode, 5, result.stderr)
            lines = [line for line in result.stderr.splitlines() if 'cannot' in line]
            self.assertEqual(len(lines), 1)
            self.assertIn('bsm-separate: cannot write to standard output', lines[0])

    def test_long_names(self):
        name = 'x' * 235
        path = self.make(name + '.wav')
        self.separate(path)
        self.assertEqual(self.names(), sorted([name + '.wav', name + '.vocals.wav',
                                               name + '.instrumental.wav']))

    # ---- Stopping ----

    def start_long(self, **options):
        path = self.make('long.wav', 'wav16', 8000, 1, 8000 * 200)
        process = subprocess.Popen([SEPARATE, *FAST, path], env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   **options)
        deadline = time.monotonic() + 60
        while not any(name.endswith('.part') for name in self.names()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        time.sleep(0.3)
        return process

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.start_long()
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, errors)
            self.assertIn('long.wav: cancelled', errors)
            self.assertEqual(output, '')
            self.assertEqual(self.names(), ['long.wav'])

    def test_ignored_signals_stay_ignored(self):
        process = self.start_long(preexec_fn=default_signals.ignore)
        ignored, caught = default_signals.handled(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertLessEqual({signal.SIGHUP, signal.SIGINT}, ignored)
        self.assertIn(signal.SIGTERM, caught)

    def test_signal_before_the_first_file(self):
        path = self.make('song.wav')
        end, errors = os.pipe()  # a full pipe, so that the program waits when it prints its model
        os.set_blocking(errors, False)
        filled = 0
        try:
            while True:
                filled += os.write(errors, b'.' * 4096)
        except BlockingIOError:
            os.set_blocking(errors, True)
        process = subprocess.Popen([SEPARATE, *FAST, path], env=self.env, stderr=errors)
        os.close(errors)
        deadline = time.monotonic() + 60
        caught = 0
        while not caught >> (signal.SIGTERM - 1) & 1:
            self.assertLess(time.monotonic(), deadline)
            with open('/proc/%d/status' % process.pid) as file:
                caught = int([line for line in file if line.startswith('SigCgt')][0].split()[1], 16)
        process.terminate()
        with open(end, 'rb') as file:
            text = file.read()[filled:].decode()
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertIn('bsm-separate: cancelled\n', text)
        self.assertEqual(self.names(), ['song.wav'])

    def test_kill(self):
        process = self.start_long()
        process.kill()
        process.communicate()
        self.assertEqual([name for name in self.names() if not name.endswith('.part')],
                         ['long.wav'])

    # ---- The command line ----

    def test_usage(self):
        self.fails(2, ['--format tiff', '--help'], '--format', 'tiff', 'x.wav')
        self.fails(2, ['--window 0.001: too short'], '--window', '0.001', 'x.wav')
        self.fails(2, ['--window 3600', '60'], '--window', '3600', 'x.wav')
        result = self.run_separate('--commit', '1000000,1000000', 'x.wav')
        self.assertEqual(result.returncode, 2)
        self.assertIn('--commit 1000000,1000000: not C,L', result.stderr)
        self.assertEqual(self.run_separate().returncode, 2)
        result = self.run_separate('--help')
        self.assertEqual(result.returncode, 0)
        self.assertLess(len(result.stdout.splitlines()), 24)
        self.assertRegex(self.run_separate('--version').stdout, r'^bsm-separate \d+\.\d+\.\d+\n$')

    def test_models(self):
        path = self.make('song.wav')
        self.fails(3, ['none.ckpt'], '-m', self.path('none.ckpt'), path)
        self.fails(3, ['song.wav'], '-m', path, path)
        self.fails(2, ['--model', 'empty'], '-m', '', path)
        self.fails(2, ['--model', 'empty'], '--model=', path)
        del self.env['BSM_MODEL']
        self.env.pop('BSM_MODELS', None)
        self.env.update(HOME=self.folder, XDG_DATA_HOME=self.folder)
        tree = os.path.join(os.path.dirname(SEPARATE), '../presets/models/default.safetensors')
        if os.path.exists(tree):
            result = self.separate(path)
            self.assertIn('presets/models/default.safetensors; device', result.stderr)
        if not os.path.exists(INSTALLED):
            elsewhere = shutil.copy(SEPARATE, self.folder)
            result = subprocess.run([elsewhere, '-f', path], env=self.env, capture_output=True, text=True,
                                    check=False)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertEqual(result.stderr.count('\n'), 1, result.stderr)
            self.assertIn('there is no trained model: --model or $BSM_MODEL names one', result.stderr)
        self.separate('-f', '--model', 'untrained:tiny', path)
        self.fails(2, ['untrained:enormous'], '--model', 'untrained:enormous', path)
        self.env['BSM_MODEL'] = self.path('none.ckpt')
        self.fails(3, ['none.ckpt'], path)

    def test_bar_on_a_terminal(self):
        path = self.make('song.wav', frames=100000)
        for columns in (40, 100):
            ours, theirs = pty.openpty()
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
            process = subprocess.Popen([SEPARATE, *FAST, '-f', path], env=self.env,
                                       stdout=subprocess.DEVNULL, stderr=theirs)
            os.close(theirs)
            text = b''
            while True:
                try:
                    text += os.read(ours, 4096)
                except OSError:  # the terminal is closed
                    break
            os.close(ours)
            self.assertEqual(process.wait(), 0)
            bars = [bar.split('\x1b')[0] for bar in text.decode().split('\r') if '[' in bar[:1]]
            self.assertTrue(bars)
            for bar in bars:
                self.assertRegex(bar, r'^\[=*>? *\] +\d+ %( +[\d.e+]+x +[\d:]+ left)?$')
                self.assertLess(len(bar), columns)

    def test_memory(self):
        if SANITIZED:
            self.skipTest('sanitizers need memory of their own')
        peaks = []
        for seconds in (10, 50):
            path = self.make('long.wav', 'wav16', 8000, 1, 8000 * seconds)
            process = subprocess.Popen([SEPARATE, '-q', '-f', '--window', '1', '--overlap', '0',
                                        path], env=self.env)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            peaks.append(usage.ru_maxrss)
        self.assertLess(peaks[1] - peaks[0], 5000)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
