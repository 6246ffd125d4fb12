#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests several processes of bsm-trainer, each with a GPU of its own. The GPUs are emulated, and NCCL
is a stand-in (tests/cuda/stand_ins).

gpus_test.py BSM_TRAINER BSM_SEPARATE BSM_MODEL --mpi MPIRUN MODULE_FOLDER NCCL_FOLDER
"""

import os
import signal
import subprocess
import sys
import unittest

import trainer_test
from trainer_test import TRAINER, TrainerTest, read_safetensors, relative_distance

MODULE, NCCL = map(os.path.abspath, sys.argv[-2:])
STEPS = 3
SETTINGS = ('training.device=cuda', 'training.batch_size=3',
            'training.gradient_accumulation_steps=1', 'training.num_epochs=1',
            f'training.steps_per_epoch={STEPS}', 'validation.every_n_epochs=0')


class GpusTest(TrainerTest):
    """Only the tests of this class are run; see load_tests."""

    @staticmethod
    def launcher(processes, nccl=NCCL, goes_wrong=''):
        return [trainer_test.MPIRUN, '-n', str(processes), '--allow-run-as-root', '--oversubscribe',
                'env', 'LD_LIBRARY_PATH=' + ':'.join((MODULE, nccl)), 'BSM_FAKE_NCCL=' + goes_wrong]

    def train_on(self, launcher, code=0):
        result = self.run_trainer(*self.options(*SETTINGS), launcher=launcher)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stderr

    def checkpoint(self, folder):
        return read_safetensors(os.path.join(folder, f'checkpoint-{STEPS:09}.safetensors'))[1]

    def assert_as_one(self, launcher, line):
        """Check that two processes, with three examples a step, get the same result as one."""
        single = os.path.join(self.shared, 'single')
        if not os.path.exists(single):
            two, self.out = self.out, single
            self.assertNotIn('gradients: ', self.train_on(self.launcher(1)))
            self.out = two
        error = self.train_on(launcher)
        self.assertIn('device: cuda (played by the host)', error)
        lines = [text for text in error.splitlines() if text.startswith('gradients: ')]
        self.assertEqual(len(lines), 1, error)
        self.assertRegex(lines[0], line)
        expected, found = self.checkpoint(single), self.checkpoint(self.out)
        self.assertEqual(found.keys(), expected.keys())
        for prefix in ('layers', 'band_split', 'mask', 'ema', 'first_moment', 'second_moment'):
            names = [n for n in expected if n.startswith(prefix)]
            distance = relative_distance([expected[n] for n in names], [found[n] for n in names])
            self.assertLess(distance, 1e-5, prefix)

    def test_on_the_gpus(self):
        self.assert_as_one(self.launcher(2), '^gradients: summed on the GPUs, by NCCL 2.9.5$')

    def test_without_nccl(self):
        """The library cannot be opened, is too old, or fails at the start."""
        broken = os.path.join(self.folder, 'broken')
        os.mkdir(broken)
        with open(os.path.join(broken, 'libnccl.so.2'), 'w', encoding='ascii') as file:
            file.write('not a library')
        cases = ((self.launcher(2, nccl=broken), 'NCCL: .*libnccl.so.2: .*'),
                 (self.launcher(2, goes_wrong='old'), 'NCCL: .*too old, 2.9 is needed'),
                 (self.launcher(2, goes_wrong='join'), 'NCCL 2.9.5: joining the processes: .*'))
        for number, (launcher, why) in enumerate(cases):
            self.out = os.path.join(self.folder, str(number))
            self.assert_as_one(launcher, r'^gradients: summed on the host, over MPI \(' + why)

    def assert_ends(self, launcher, why, code):
        lines = [line for line in self.train_on(launcher, code).splitlines()
                 if line.startswith('bsm-trainer: ')]
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], why)

    def test_failures_end_all(self):
        for number, (processes, goes_wrong, why, code) in enumerate((
                (2, 'sum', 'NCCL 2.9.5: summing: invalid argument', 6),
                (2, 'lost', 'NCCL 2.9.5: another process of the training was lost: remote', 1),
                (2, 'absent', 'NCCL 2.9.5: another process did not join in', 1),
                (3, '', '3 processes, 2 emulated GPUs', 2))):
            self.out = os.path.join(self.folder, str(number))
            self.assert_ends(self.launcher(processes, goes_wrong=goes_wrong), why, code)

    def test_lost_peer(self):
        command = [*self.launcher(2), TRAINER,
                   *self.options(*SETTINGS, 'training.num_epochs=100000')]
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


def load_tests(_loader, _tests, _pattern):
    return unittest.TestSuite(map(GpusTest, (
        'test_on_the_gpus', 'test_without_nccl', 'test_failures_end_all', 'test_lost_peer')))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
