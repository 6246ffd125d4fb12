#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests bsm-trainer as its users run it.

trainer_test.py BSM_TRAINER BSM_SEPARATE BSM_MODEL [--mpi MPIRUN] [sanitized]
"""

import array
import glob
import json
import math
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import default_signals  # noqa: E402

default_signals.restore()

TRAINER, SEPARATE, MODEL = map(os.path.abspath, sys.argv[1:4])
SANITIZED = 'sanitized' in sys.argv[4:]
MPIRUN = sys.argv[sys.argv.index('--mpi') + 1] if '--mpi' in sys.argv else None
RATE, SECONDS = 44100, 1

CONFIG = """\
model:
  hidden_dim: 8
  num_layers: 1
  bands: [25, 40, 64]
  d_state: 4
  expand: 2
  headdim: 4
  mask_expansion: 1
audio:
  n_fft: 256
  hop_length: 128
  segment_length: 0.1
training:
  batch_size: 2
  gradient_accumulation_steps: 2
  num_epochs: 4
  steps_per_epoch: 5
  learning_rate: 0.002
  ema: 0.9
  dropout: 0.1
  device: cpu
  threads: 1
  licence: CC0-1.0
  keep_last_n_checkpoints: 0
loss:
  stft_windows: [256, 128]
data:
  sources: [vocals, other]
  polarity: 0.5
  workers: 2
sad:
  enabled: false
validation:
  every_n_epochs: 2
  duration: 0.5
"""


def write_wav(path, rng):
    """Write one second of a stereo tone and noise, different for each file."""
    pitch, samples = rng.uniform(100, 3000), array.array('f')
    for i in range(RATE * SECONDS):
        tone = 0.3 * math.sin(2 * math.pi * pitch * i / RATE)
        samples.append(tone)
        samples.append(tone / 2 + rng.uniform(-0.05, 0.05))
    data = samples.tobytes()
    with open(path, 'wb') as file:
        file.write(struct.pack('<4sI4s4sIHHIIHH4sI', b'RIFF', 36 + len(data), b'WAVE', b'fmt ', 16,
                               3, 2, RATE, 8 * RATE, 8, 32, b'data', len(data)) + data)


def read_safetensors(path):
    """Return the metadata, and each tensor's bytes."""
    with open(path, 'rb') as file:
        size, = struct.unpack('<Q', file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    metadata = header.pop('__metadata__')
    return metadata, {name: data[slice(*entry['data_offsets'])] for name, entry in header.items()}


def relative_distance(a, b):
    """Return the distance of two lists of float32 bytes, relative to the first."""
    difference = total = 0.0
    for x, y in zip(a, b):
        for u, v in zip(array.array('f', x), array.array('f', y)):
            difference += (u - v) ** 2
            total += u * u
    return math.sqrt(difference / total)


class TrainerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix='bsm-test-')
        rng = random.Random(1)
        for subset, count in (('train', 2), ('valid', 1)):
            for track in range(count):
                folder = os.path.join(cls.shared, 'data', subset, str(track))
                os.makedirs(folder)
                for source in ('vocals', 'other'):
                    write_wav(os.path.join(folder, source + '.wav'), rng)
        cls.config = os.path.join(cls.shared, 'tiny.yaml')
        with open(cls.config, 'w', encoding='utf-8') as file:
            file.write(CONFIG.replace('data:\n', f'data:\n  root: {cls.shared}/data\n'))
        cls.whole = os.path.join(cls.shared, 'whole')
        cls.first = cls.run_trainer(cls.config, '--set', 'training.output_dir=' + cls.whole)
        assert cls.first.returncode == 0, cls.first.stderr

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bsm-test-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = os.path.join(self.folder, 'a', 'out')

    @staticmethod
    def run_trainer(*args, launcher=(), **environment):
        return subprocess.run([*launcher, TRAINER, *args], capture_output=True, text=True,
                              check=False, timeout=120, env={**os.environ, **environment})

    def options(self, *settings):
        return [self.config, '--set', 'training.output_dir=' + self.out,
                *[word for setting in settings for word in ('--set', setting)]]

    def train(self, *settings, resume=False, code=0):
        result = self.run_trainer(*self.options(*settings), *(['--resume'] if resume else []))
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stderr

    def test_bfloat16(self):
        """Losses are those of float32 except for rounding if the processor has bfloat16; otherwise the
        setting is refused."""
        steps = 'training.num_epochs=1'
        rounded = self.options(steps, 'training.precision=bf16')
        refused = self.run_trainer(*rounded, BSM_WITHOUT='amx,avx512')
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertRegex(refused.stderr, 'training: .* bfloat16 .*: train in float32')
        self.assertEqual(len(refused.stderr.splitlines()), 1, refused.stderr)
        result = self.run_trainer(*rounded)
        if result.returncode == 2:
            self.skipTest('this processor multiplies bfloat16 no faster than float32')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('bfloat16 by ', result.stderr)
        exact = os.path.join(self.folder, 'exact')
        self.train(steps, 'training.output_dir=' + exact)
        losses = [[step['loss'] for step in self.log('step', folder)]
                  for folder in (self.out, exact)]
        self.assertEqual(*map(len, losses))
        self.assertGreater(len(losses[0]), 3)
        for one, other in zip(*losses):
            self.assertLess(abs(one - other), 1e-2 * other)
        self.assertNotEqual(*losses)

    def start(self, *settings, **options):
        return subprocess.Popen([TRAINER, *self.options(*settings)], stderr=subprocess.PIPE,
                                text=True, **options)

    def log(self, event, folder=None):
        with open(os.path.join(folder or self.out, 'log.jsonl'), encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
        return [line for line in lines if line['event'] == event]

    def wait_for_steps(self, count):
        path = os.path.join(self.out, 'log.jsonl')
        for _ in range(6000):
            if os.path.exists(path):
                with open(path, encoding='utf-8') as file:
                    if file.read().count('"event":"step"') >= count:
                        return
            time.sleep(0.005)
        self.fail('no step has been made')

    def assert_as_whole(self):
        """Check that the last checkpoint and the models equal those of the uninterrupted training."""
        name = 'checkpoint-000000020.safetensors'
        expected, tensors = read_safetensors(os.path.join(self.whole, name))
        metadata, found = read_safetensors(os.path.join(self.out, name))
        self.assertEqual(metadata['checkpoint'], expected['checkpoint'])
        self.assertEqual(found.keys(), tensors.keys())
        self.assertEqual([n for n in tensors if tensors[n] != found[n]], [])
        for model in ('best.safetensors', 'last.safetensors'):
            with open(os.path.join(self.out, model), 'rb') as file, \
                    open(os.path.join(self.whole, model), 'rb') as other:
                self.assertEqual(file.read(), other.read(), model)
        times = ('steps_per_second', 'audio_per_second', 'waiting')
        for event in ('step', 'epoch'):
            lines = self.log(event), self.log(event, self.whole)
            for line in lines[0] + lines[1]:
                for key in times:
                    line.pop(key, None)
            self.assertEqual(lines[0], lines[1])

    # ---- A training ----

    def test_files(self):
        names = os.listdir(self.whole)
        for name in ('best.safetensors', 'last.safetensors', 'log.jsonl',
                     'checkpoint-000000005.safetensors', 'checkpoint-000000020.safetensors'):
            self.assertIn(name, names)
        self.assertEqual([n for n in names if n.endswith('.part')], [])
        steps, epochs = self.log('step', self.whole), self.log('epoch', self.whole)
        self.assertEqual([line['step'] for line in steps], list(range(1, 21)))
        self.assertEqual([line['epoch'] for line in epochs], [1, 2, 3, 4])
        self.assertEqual(['usdr' in line for line in epochs], [False, True, False, True])
        figures = {'usdr', 'centre_usdr', 'csdr', 'missed', 'let_through', 'mixed'}
        self.assertLessEqual(figures, set(epochs[-1]))
        self.assertLess(epochs[-1]['loss'], epochs[0]['loss'])
        for line in steps:
            terms = 10 * line['time'] + sum(line['stft'].values())
            self.assertAlmostEqual(line['loss'] / terms, 1, places=6)
        self.assertRegex(self.first.stderr, r'needs \d+\.\d\d GB: ')
        self.assertRegex(self.first.stderr, r'epoch 4/4: loss .*uSDR .*missed ')

    def test_model_is_used_as_it_is(self):
        best = os.path.join(self.whole, 'best.safetensors')
        metadata, _ = read_safetensors(best)
        self.assertEqual(metadata['licence'], 'CC0-1.0')
        self.assertEqual(metadata['data'], 'data')
        self.assertRegex(metadata['training'], r'step (10|20), .*validation uSDR ')
        subprocess.run([SEPARATE, '-q', '-m', best, '-o', self.folder, '--window', '0.5',
                        os.path.join(self.shared, 'data/valid/0/vocals.wav')], check=True)
        self.assertIn('vocals.vocals.wav', os.listdir(self.folder))
        checkpoint = os.path.join(self.whole, 'checkpoint-000000020.safetensors')
        averaged = os.path.join(self.folder, 'averaged.safetensors')
        subprocess.run([MODEL, 'convert', '--ema', checkpoint, averaged], check=True)
        last = os.path.join(self.whole, 'last.safetensors')
        self.assertEqual(read_safetensors(averaged)[1], read_safetensors(last)[1])

    def test_init_from(self):
        """Fine-tuning starts with the model's weights; those of another network are refused."""
        last = os.path.join(self.whole, 'last.safetensors')
        self.train('training.init_from=' + last, 'training.num_epochs=1',
                   'training.steps_per_epoch=1', 'training.learning_rate=0',
                   'training.weight_decay=0', 'validation.every_n_epochs=0')
        self.assertEqual(read_safetensors(os.path.join(self.out, 'last.safetensors'))[1],
                         read_safetensors(last)[1])
        self.out += '2'
        error = self.train('training.init_from=' + last, 'model.d_state=8', code=3)
        self.assertIn('last.safetensors: its network is another: model.d_state is 4, not 8', error)

    # ---- Stopping and resuming ----

    def test_killed_and_resumed(self):
        with self.start() as process:
            self.wait_for_steps(12)
            process.kill()
            process.communicate()
        self.assertTrue(os.path.exists(os.path.join(self.out, 'checkpoint-000000010.safetensors')))
        self.assertIn('resuming from', self.train(resume=True))
        self.assert_as_whole()

    def test_stopped_and_resumed(self):
        """The training may be stopped repeatedly, in the middle of an epoch or of a step."""
        for steps, number in ((2, signal.SIGTERM), (7, signal.SIGHUP)):
            with self.start('training.resume_from=latest') as process:
                self.wait_for_steps(steps)
                process.send_signal(number)
                _, error = process.communicate()
            self.assertEqual(process.returncode, 130, error)
            self.assertIn('stopped by a signal in epoch', error)
        newest = max(glob.glob(os.path.join(self.out, 'checkpoint-*')))
        state = json.loads(read_safetensors(newest)[0]['checkpoint'])
        self.assertGreaterEqual(state['step'], 7)
        self.train(resume=True)
        self.assert_as_whole()

    def test_ignored_signals_stay_ignored(self):
        with self.start('training.num_epochs=1000',
                        preexec_fn=default_signals.ignore) as process:
            self.wait_for_steps(1)
            ignored, caught = default_signals.handled(process)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertLessEqual({signal.SIGHUP, signal.SIGINT}, ignored)
        self.assertIn(signal.SIGTERM, caught)

    def test_home_folder_in_paths(self):
        """A "~" is expanded in the file, after --set and after an option's equals sign."""
        home = os.path.join(self.folder, 'home')
        shutil.copytree(self.shared + '/data', os.path.join(home, 'data'))
        path = os.path.join(self.folder, 'home.yaml')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(CONFIG.replace('data:\n', 'data:\n  root: ~/data\n'))

        def run(*args):
            return subprocess.run([TRAINER, *args], capture_output=True, text=True, check=False, cwd=self.folder,
                                  env=dict(os.environ, HOME=home))
        result = run(path, '--set', 'training.output_dir=~/out', '--set', 'training.num_epochs=1')
        self.assertEqual(result.returncode, 0, result.stderr)
        result = run('--validate=~/out/last.safetensors', path, '--data=~/data', '--json-file=~/v.json')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(os.listdir(home)), ['data', 'out', 'v.json'])
        self.assertEqual(sorted(os.listdir(self.folder)), ['home', 'home.yaml'])
        result = run(path, '--set', 'training.output_dir=~nobody-of-that-name/out')
        self.assertEqual(result.returncode, 2)
        self.assertIn('~nobody-of-that-name/out: there is no home folder', result.stderr)

    def test_another_task_is_not_resumed(self):
        self.train('training.num_epochs=1', 'validation.every_n_epochs=1')
        before = sorted(os.listdir(self.out))
        for setting, change in (
                ('data.target=other', 'data.target: [vocals] -> [other]'),
                ('data.sources=[vocals, other, noise]',
                 'data.sources: [vocals, other] -> [vocals, other, noise]')):
            error = self.train('training.num_epochs=2', setting, resume=True, code=2)
            self.assertIn('is of another training (%s)' % change, error)
            self.assertEqual(sorted(os.listdir(self.out)), before)

    def test_something_is_said_before_the_first_step_ends(self):
        error = self.train('training.num_epochs=1')
        self.assertIn('training: epoch 1 of 1, from step 1 of 5 on, each of 4 examples of 0.1 s\n', error)
        self.assertLess(error.index('training: epoch 1'), error.index('epoch 1/1'))

    def test_values_that_are_not_numbers(self):
        track = os.path.join(self.folder, 'nan', 'train', 'a')
        shutil.copytree(os.path.join(self.shared, 'data', 'train', '0'), track)
        with open(os.path.join(track, 'vocals.wav'), 'r+b') as file:
            file.seek(44 + 8 * 1000)
            file.write(struct.pack('<3f', math.nan, math.inf, -math.inf))
        settings = ('training.num_epochs=1', 'sad.enabled=true', 'validation.every_n_epochs=0')
        error = self.train('data.root=' + os.path.join(self.folder, 'nan'), *settings)
        self.assertIn('vocals.wav: 3 samples are not numbers (NaN or infinite): taken as 0', error)
        self.assertNotIn('other.wav: ', error)

    def test_earlier_training_is_kept(self):
        self.train('training.num_epochs=1', 'training.steps_per_epoch=1')
        before = sorted(os.listdir(self.out))
        error = self.train(code=5)
        self.assertIn('--resume goes on with it', error)
        self.assertEqual(sorted(os.listdir(self.out)), before)
        for path in glob.glob(os.path.join(self.out, 'checkpoint-*')):
            os.remove(path)
        self.assertIn('safetensors: is there from an earlier training', self.train(code=5))

    def test_going_back(self):
        """A training resumed from an earlier checkpoint must not be lost among later ones."""
        steps = ('training.steps_per_epoch=1', 'validation.every_n_epochs=0')
        self.train('training.num_epochs=3', *steps)
        name, later = ('checkpoint-00000000%d.safetensors' % step for step in (1, 3))
        earlier = 'training.resume_from=' + os.path.join(self.out, name)
        before = sorted(os.listdir(self.out))
        error = self.train('training.num_epochs=2', earlier, *steps, code=5)
        self.assertIn(later + ': is later than the checkpoint to go on from', error)
        self.assertEqual(sorted(os.listdir(self.out)), before)
        for path in glob.glob(os.path.join(self.out, 'checkpoint-*[23].*')):
            os.remove(path)
        self.train('training.num_epochs=2', earlier, *steps)
        self.assertEqual([line['step'] for line in self.log('step')], [1, 2])

    def test_changes_are_told(self):
        self.train('training.num_epochs=1', 'training.steps_per_epoch=1')
        error = self.train('training.num_epochs=2', 'training.steps_per_epoch=1',
                           'training.learning_rate=0.001', resume=True)
        self.assertIn('changed since the checkpoint: training.learning_rate: 0.002 -> 0.001', error)
        error = self.train('model.hidden_dim=16', resume=True, code=3)
        self.assertIn('its network is another: model.hidden_dim is 8, not 16', error)

    def test_broken_checkpoints(self):
        path = os.path.join(self.folder, 'broken.safetensors')
        with open(os.path.join(self.whole, 'checkpoint-000000020.safetensors'), 'rb') as file:
            data = file.read()
        with open(path, 'wb') as file:
            file.write(data[:-100])
        error = self.train('training.resume_from=' + path, code=3)
        self.assertEqual(error.count('\n'), 1, error)
        self.assertIn('broken.safetensors', error)
        error = self.train('training.resume_from=' + self.whole + '/best.safetensors', code=3)
        self.assertIn('not a checkpoint of bsm-trainer', error)

    # ---- Errors ----

    def test_errors_are_one_line(self):
        cases = [
            (['training.batch=1'], 2, 'the nearest is training.batch_size'),
            (['data.root=/nowhere'], 4, 'bsm-trainer: /nowhere: cannot read'),
            (['validation.root=' + self.folder], 4, 'validation.every_n_epochs: 0 does without'),
            (['training.device=cuda'], 6, 'cuda'),
            (['training.output_dir=/dev/null/x'], 5, '/dev/null/x'),
            (['training.device=reference', 'training.precision=bf16'], 2, 'float32 only'),
            (['training.precision=fp16'], 2, 'of 16 bits there is bfloat16'),
            (['training.output_dir=""'], 2, 'training.output_dir: names no folder'),
            (['training.init_from=/nowhere'], 3, '/nowhere'),
            (['model.hidden_dim=1048576', 'model.num_layers=64'], (2, 7), ''),
        ]
        for settings, codes, text in cases:
            result = self.run_trainer('-q', *self.options(*settings))
            self.assertIn(result.returncode, codes if isinstance(codes, tuple) else (codes,),
                          result.stderr)
            self.assertEqual(result.stderr.count('\n'), 1, result.stderr)
            self.assertIn(text, result.stderr)

    def test_nonfinite_steps(self):
        """The weights explode: the steps are skipped and counted, until there are too many."""
        error = self.train('training.learning_rate=1e1', 'training.weight_decay=10',
                           'training.schedule.warmup_steps=0', 'training.clip_norm=0',
                           'training.num_epochs=40', 'validation.every_n_epochs=0', code=6)
        self.assertIn('is skipped: its loss or its gradients are not finite', error)
        self.assertIn('20 steps in a row', error)

    def test_command_line(self):
        result = self.run_trainer('--print-config', self.config, '--set', 'training.seed=7')
        self.assertIn('  seed: 7\n', result.stdout)
        self.assertIn('  steps_per_epoch: 5\n', result.stdout)
        self.assertEqual(self.run_trainer().returncode, 2)
        self.assertEqual(self.run_trainer(self.config, self.config).returncode, 2)
        keys = self.run_trainer('--list-keys').stdout
        self.assertIn('  steps_per_epoch: 200  # Steps of an epoch. 1 or more.', keys)
        listed = os.path.join(self.folder, 'keys.yaml')
        with open(listed, 'w', encoding='utf-8') as file:
            file.write(keys)
        published = self.run_trainer('--print-config', listed).stdout
        with open(listed, 'w', encoding='utf-8') as file:
            file.write('training:\n')
        self.assertEqual(published, self.run_trainer('--print-config', listed).stdout)
        for name, now in (('--stream', '--commit'), ('--json', '--json-file'), ('--csv', '--csv-file'),
                          ('--duration', '--window')):
            old = self.run_trainer('--validate', 'a', name, 'x')
            self.assertEqual(old.returncode, 2)
            self.assertIn('%s: is now %s' % (name, now), old.stderr)
        self.assertEqual(self.run_trainer('--help').returncode, 0)
        self.assertRegex(self.run_trainer('--version').stdout, r'^bsm-trainer \d')

    # ---- Validation ----

    def test_nothing_sounds(self):
        """A track without the stem has no ratio, so no model is the best."""
        track = os.path.join(self.folder, 'silent', 'valid', 'track')
        os.makedirs(track)
        write_wav(os.path.join(track, 'other.wav'), random.Random(2))
        with open(os.path.join(track, 'other.wav'), 'rb') as file:
            data = file.read()
        with open(os.path.join(track, 'vocals.wav'), 'wb') as file:
            file.write(data[:44] + bytes(len(data) - 44))
        error = self.train('training.num_epochs=1', 'training.steps_per_epoch=1',
                           'validation.every_n_epochs=1',
                           'validation.root=' + os.path.join(self.folder, 'silent'))
        self.assertIn('validation: no track in which "vocals" sounds', error)
        self.assertFalse(os.path.exists(os.path.join(self.out, 'best.safetensors')))
        self.assertTrue(os.path.exists(os.path.join(self.out, 'last.safetensors')))

    def test_validate(self):
        paths = [os.path.join(self.folder, 'v.' + kind) for kind in ('json', 'csv')]
        result = self.run_trainer('--validate', os.path.join(self.whole, 'best.safetensors'), '-q',
                                  '--data', self.shared + '/data', '--sources', 'vocals,other',
                                  '--window', '0.5', '--json-file', paths[0], '--csv-file', paths[1])
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(paths[0], encoding='utf-8') as file:
            mean = json.load(file)['stems']['vocals']['mean']
        self.assertIsNotNone(mean['centre_usdr'])
        with open(paths[1], encoding='utf-8') as file:
            self.assertGreater(len(file.read().splitlines()), 1)
        self.assertIn('uSDR', result.stdout)
        self.assertEqual(result.stderr, '')
        result = self.run_trainer('--validate', os.path.join(self.whole, 'best.safetensors'),
                                  self.config, '--commit', '5,5')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, '1/1: valid/0\n')
        self.assertNotIn('int8', result.stdout)
        result = self.run_trainer('--validate', os.path.join(self.whole, 'best.safetensors'),
                                  self.config, '--precision', 'int8')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('int8 or better', result.stdout)
        result = self.run_trainer('--validate', os.path.join(self.whole, 'best.safetensors'),
                                  self.config, '--precision', 'int9')
        self.assertEqual(result.returncode, 2)
        self.assertIn('validation.precision', result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        result = self.run_trainer('--validate', os.path.join(self.whole, 'best.safetensors'))
        self.assertEqual(result.returncode, 2)
        result = self.run_trainer('--validate', '/nowhere', '--data', self.shared + '/data')
        self.assertEqual(result.returncode, 3)
        result = self.run_trainer('--validate', os.path.join(self.whole, 'best.safetensors'),
                                  self.config, '--csv-file', '/dev/null/v.csv')
        self.assertEqual(result.returncode, 5)
        self.assertEqual(result.stdout, '')  # the error comes before the work


@unittest.skipUnless(MPIRUN, 'built without MPI')
@unittest.skipIf(SANITIZED, 'MPI itself does not free all its memory')
class ProcessesTest(TrainerTest):
    """Only some tests of this class are run; see load_tests."""

    launcher = [MPIRUN, '-n', '2', '--allow-run-as-root', '--oversubscribe']

    def test_two_processes_as_one(self):
        """The number of examples per step is odd, so that the processes' shares differ."""
        settings = ('training.batch_size=3', 'training.gradient_accumulation_steps=1',
                    'training.num_epochs=1', 'validation.every_n_epochs=1')
        self.train(*settings)
        single = self.out
        self.out += '2'
        result = self.run_trainer(*self.options(*settings), launcher=self.launcher)
        self.assertEqual(result.returncode, 0, result.stderr)
        name = 'checkpoint-000000005.safetensors'
        expected = read_safetensors(os.path.join(single, name))[1]
        found = read_safetensors(os.path.join(self.out, name))[1]
        self.assertEqual(found.keys(), expected.keys())
        for prefix in ('layers', 'band_split', 'mask', 'ema', 'first_moment', 'second_moment'):
            names = [n for n in expected if n.startswith(prefix)]
            distance = relative_distance([expected[n] for n in names], [found[n] for n in names])
            self.assertLess(distance, 1e-5, prefix)

    def test_lost_peer(self):
        command = [*self.launcher, TRAINER, *self.options('training.num_epochs=100000')]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            self.wait_for_steps(2)
            with open(f'/proc/{process.pid}/task/{process.pid}/children', encoding='ascii') as file:
                children = file.read().split()
            self.assertEqual(len(children), 2)
            os.kill(int(children[1]), signal.SIGKILL)
            output, error = process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn('signal 9', output + error)

    def test_error_ends_all(self):
        result = self.run_trainer(*self.options('data.root=/nowhere'), launcher=self.launcher)
        self.assertEqual(result.returncode, 4)
        lines = [line for line in result.stderr.splitlines() if line.startswith('bsm-trainer')]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertIn('/nowhere', lines[0])


def load_tests(loader, _tests, _pattern):
    suite = loader.loadTestsFromTestCase(TrainerTest)
    for name in ('test_two_processes_as_one', 'test_lost_peer', 'test_error_ends_all'):
        suite.addTest(ProcessesTest(name))
    return suite


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
