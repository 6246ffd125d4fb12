#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Run bsm-bench on a small model, and check what it reports: bench_test.py BSM-BENCH"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

BENCH = sys.argv.pop(1)
STAGES = {'STFT', 'band split', 'time path', 'band path', 'mask', 'inverse STFT'}
PARTS = {'signals', 'forward', 'loss', 'backward', 'optimiser'}


def bench(*arguments):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=120)


class BenchTest(unittest.TestCase):
    def test_windows(self):
        result = bench('-c', 'tiny', '-d', 'all', '--seconds', '0.5,1', '--repeats', '2', '--json')
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual([window['frames'] for window in report['windows']], [51, 101] * 2)
        for window in report['windows']:
            self.assertEqual(set(window['stages_ms']), STAGES)
            # The stages are all there is, but for the mean and the median being two things.
            total = sum(window['stages_ms'].values())
            self.assertLess(window['best_ms'], 1.05 * total)
            self.assertGreater(window['gflops'], 0)
            self.assertGreater(window['peak_memory_bytes'], 1e6)
        self.assertTrue(report['windows'][2]['device'].startswith('reference'))
        for scan in report['scan']:
            self.assertGreater(scan['sequential_ms'], 0)
            self.assertGreater(scan['chunked_ms'], 0)

    def test_devices(self):
        result = bench('--devices')
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ['cpu', 'reference', 'cuda'])
        self.assertRegex(lines[2], r'^cuda +(refused: cuda: .|cuda \()')

    def test_a_bad_module_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'libbsm-cuda.so'), 'w') as file:
                file.write('not a library')
            environment = dict(os.environ, LD_LIBRARY_PATH=folder)
            result = subprocess.run([BENCH, '--devices'], capture_output=True, text=True,
                                    timeout=120, env=environment)
            self.assertRegex(result.stdout, r'cuda +refused: cuda: .*libbsm-cuda.so')
            quick = ['-c', 'tiny', '--seconds', '0.1', '--repeats', '1']
            result = subprocess.run([BENCH, *quick], capture_output=True, text=True, timeout=120,
                                    env=environment)
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stderr, r'^bsm: cuda: .*; computing on the CPU\n$')
            result = subprocess.run([BENCH, '-d', 'cuda', *quick], capture_output=True, text=True,
                                    timeout=120, env=environment)
            self.assertEqual(result.returncode, 6)

    def test_precision(self):
        self.assertEqual(bench('--precision', 'float33').returncode, 2)
        result = bench('-c', 'tiny', '-d', 'cpu', '--precision', 'bfloat16', '--seconds', '0.1',
                       '--repeats', '1')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn('int8', result.stdout)
        result = bench('-c', 'tiny', '-d', 'cpu', '--precision', 'int8', '--seconds', '0.1',
                       '--repeats', '1')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('int8)', result.stdout)

    def test_full_standard_output(self):
        with open('/dev/full', 'w') as full:
            result = subprocess.run([BENCH, '--version'], stdout=full, stderr=subprocess.PIPE,
                                    text=True, timeout=120)
        self.assertEqual(result.returncode, 5)
        self.assertIn('bsm-bench: cannot write to standard output', result.stderr)

    def test_stream(self):
        result = bench('-c', 'tiny', '--stream', '--play', '1', '--blocks', '64,1024', '--json',
                       '--memory', 'carry')
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report['call']['calls'], 1000000)
        self.assertLessEqual(report['call']['median_us'], report['call']['worst_us'])
        self.assertEqual([play['samples'] for play in report['play']], [64, 1024])
        for play in report['play']:
            self.assertGreater(play['mean_load'], 0)
            self.assertEqual(play['history'], 0)

    def test_training(self):
        result = bench('-c', 'tiny', '-d', 'cpu', '--train', '--seconds', '0.3,0.5', '--repeats',
                       '2', '--json')
        self.assertEqual(result.returncode, 0, result.stderr)
        lengths = json.loads(result.stdout)['training']
        self.assertEqual([round(one['audio_s'], 3) for one in lengths], [0.3, 0.5])
        for one in lengths:
            self.assertEqual(set(one['parts_ms']), PARTS)
            # Medians of the parts need not add up to that of the step, but nearly do.
            self.assertLess(0.5 * one['step_ms'], sum(one['parts_ms'].values()))
            self.assertGreater(one['network_ms'], 0)
            self.assertGreater(min(one['planned_bytes'].values()), 0)
        checkpointed = bench('-c', 'tiny', '-d', 'cpu', '--train', '--seconds', '0.5',
                             '--repeats', '1', '--checkpointing', '--json')
        planned = json.loads(checkpointed.stdout)['training'][0]['planned_bytes']
        self.assertLess(planned['activations'], lengths[1]['planned_bytes']['activations'] / 2)

    def test_text(self):
        result = bench('-c', 'tiny', '--seconds', '0.1', '--repeats', '1')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('RTF', result.stdout)
        self.assertIn('sequential', result.stdout)

    def test_wrong_use(self):
        for arguments in (['--nonsense'], ['--seconds', '0'], ['--blocks', '9000'], ['extra'],
                          ['--device', 'gpu'], ['--memory', 'long'],
                          ['--train', '--stream'], ['--checkpointing']):
            result = bench(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual(bench('--model', '/none.safetensors').returncode, 3)
        self.assertEqual(bench('--device', 'cuda', '-c', 'tiny').returncode, 6)
        self.assertEqual(bench('--help').returncode, 0)


unittest.main()
