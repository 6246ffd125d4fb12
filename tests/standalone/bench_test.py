#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests what bsm-bench reports about a small model.

bench_test.py BSM-BENCH [FOLDER]; FOLDER has a libbsm-cuda.so with an emulated GPU
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

BENCH = sys.argv.pop(1)
PLAYED_GPU = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
STAGES = {'STFT', 'band split', 'time path', 'band path', 'mask', 'inverse STFT'}
PARTS = {'signals', 'forward', 'loss', 'backward', 'optimiser'}


# The caller's path may contain the emulated GPU; here only the tests that need it add it.
ENVIRONMENT = dict(os.environ, LD_LIBRARY_PATH=':'.join(
    folder for folder in os.environ.get('LD_LIBRARY_PATH', '').split(':')
    if folder and os.path.abspath(folder) != PLAYED_GPU))


def bench(*arguments, **environment):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=120,
                          env={**ENVIRONMENT, **environment})


class BenchTest(unittest.TestCase):
    def report(self, *arguments, **environment):
        result = bench(*arguments, '--json', **environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def assert_refused(self, arguments, code, line):
        """Check that there is one line on standard error, and nothing else."""
        result = bench(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertRegex(result.stderr, f'^bsm-bench: {line}\n$')
        self.assertEqual(result.stdout, '')

    def test_windows(self):
        report = self.report('-c', 'tiny', '-d', 'all', '--seconds', '0.5,1', '--repeats', '2')
        self.assertEqual(report['precision'], 'float32')
        self.assertEqual([window['frames'] for window in report['windows']], [51, 101] * 2)
        for window in report['windows']:
            self.assertEqual(set(window['stages_ms']), STAGES)
            # The stages add up to the whole, except that a mean and a median differ.
            total = sum(window['stages_ms'].values())
            self.assertLess(window['best_ms'], 1.05 * total)
            self.assertGreater(window['gflops'], 0)
            self.assertGreater(window['peak_memory_bytes'], 1e6)
            self.assertAlmostEqual(window['rtf'], window['median_ms'] / 1e3 / window['audio_s'])
            self.assertAlmostEqual(window['frames_per_s'] * window['median_ms'] / 1e3,
                                   window['frames'])
            self.assertNotIn('gpu_memory_bytes', window)
        self.assertTrue(report['windows'][2]['device'].startswith('reference'))
        for scan in report['scan']:
            self.assertGreater(scan['sequential_ms'], 0)
            self.assertGreater(scan['chunked_ms'], 0)
        self.assertEqual(report['device_scan'], [])

    def test_profile(self):
        result = bench('-c', 'tiny', '-d', 'cpu', '-t', '1', '--seconds', '0.5', '--repeats', '1',
                       '--profile')
        self.assertEqual(result.returncode, 0, result.stderr)
        for module in STAGES - {'STFT', 'inverse STFT'}:
            self.assertRegex(result.stdout, rf'(?m)^ +{module} +[0-9.]+ ms +[0-9.]+ GFLOP/s +'
                                            r'[0-9.]+ % of the peak, [1-9][0-9]*$')

    def test_configurations(self):
        for name, parameters, frames in (('tiny', 704348, 11), ('live', 1919452, 5)):
            report = self.report('-c', name, '-d', 'cpu', '--seconds', '0.1', '--repeats', '1')
            self.assertEqual(report['parameters'], parameters)
            self.assertEqual(report['windows'][0]['frames'], frames)

    @unittest.skipUnless(PLAYED_GPU, 'no GPU is played')
    def test_windows_on_a_gpu(self):
        gpu = {'LD_LIBRARY_PATH': PLAYED_GPU}
        options = ('-c', 'tiny', '-d', 'cuda', '--repeats', '1')
        windows = self.report(*options, '--seconds', '0.05,0.1', **gpu)['windows']
        for window in windows:
            self.assertRegex(window['device'], '^cuda ')
            self.assertGreater(min(window['stages_ms'].values()), 0)
            # At least the weights as float32.
            self.assertGreater(window['gpu_memory_bytes'], 4 * 704348)
        self.assertLess(windows[0]['gpu_memory_bytes'], windows[1]['gpu_memory_bytes'])
        result = bench(*options, '--seconds', '0.1', **gpu)
        self.assertRegex(result.stdout, r'frames/s .* MB +[0-9]+ MB of the GPU\n')

    @unittest.skipUnless(PLAYED_GPU, 'no GPU is played')
    def test_the_scan_of_a_gpu(self):
        gpu = {'LD_LIBRARY_PATH': PLAYED_GPU}
        options = ('-c', 'tiny', '-d', 'cpu', '-d', 'cuda', '--repeats', '2', '--seconds',
                   '0.05,0.1')
        for precision, most in (('float32', 1e-5), ('bfloat16', 1e-2)):
            scans = self.report(*options, '--precision', precision, **gpu)['device_scan']
            self.assertEqual([scan['audio_s'] for scan in scans], [0.05, 0.1])
            self.assertEqual([scan['frames'] for scan in scans], [6, 11])
            for scan in scans:
                self.assertRegex(scan['device'], '^cuda ')
                self.assertEqual(scan['sequences'], 7)
                self.assertGreater(scan['sequential_ms'], 0)
                self.assertGreater(scan['fast_ms'], 0)
                self.assertLess(scan['difference'], most)
        text = bench(*options, **gpu).stdout
        self.assertRegex(text, r'0\.10 s audio +scan, one thread: sequential +[0-9.]+ ms +chunked')
        self.assertRegex(text, r'0\.10 s audio +scan, 7 sequences: sequential +[0-9.]+ ms +fast '
                               r'+[0-9.]+ ms +[0-9.]+ times, off by [0-9.]+e-0[5-9]\n')

    @unittest.skipUnless(PLAYED_GPU, 'no GPU is played')
    def test_training_on_a_gpu(self):
        report = self.report('-c', 'tiny', '-d', 'cuda', '--train', '--seconds', '0.05',
                             '--repeats', '1', '--precision', 'bfloat16',
                             LD_LIBRARY_PATH=PLAYED_GPU)
        one = report['training'][0]
        self.assertRegex(one['device'], '^cuda ')
        self.assertEqual(one['gpu_memory_bytes'], sum(one['planned_bytes'].values()))
        # float32 weights, gradients, two moments and the average, and the weights in bfloat16.
        self.assertGreaterEqual(one['planned_bytes']['parameters'], 22 * 704348)
        self.assertGreater(one['host_memory_bytes'], 0)
        self.assertNotIn('used_memory_bytes', one)

    def test_devices(self):
        result = bench('--list-devices')
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ['cpu', 'reference', 'cuda'])
        self.assertRegex(lines[0], r'; bfloat16 (by|as) .+, int8 (by|as) .+')
        self.assertRegex(lines[2], r'^cuda +(refused: cuda: .|cuda \()')

    def test_a_bad_module_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'libbsm-cuda.so'), 'w') as file:
                file.write('not a library')
            bad = {'LD_LIBRARY_PATH': folder}
            result = bench('--list-devices', **bad)
            self.assertRegex(result.stdout, r'cuda +refused: cuda: .*libbsm-cuda.so')
            quick = ['-c', 'tiny', '--seconds', '0.1', '--repeats', '1']
            result = bench(*quick, **bad)
            self.assertEqual(result.returncode, 0)
            self.assertRegex(result.stderr, r'^bsm: cuda: .*; computing on the CPU\n$')
            result = bench('-d', 'cuda', *quick, **bad)
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
        self.assertEqual('int8 by ' in result.stdout, 'int8 by ' in bench('--list-devices').stdout)

    def test_instructions_left_out(self):
        result = bench('--list-devices', BSM_WITHOUT='avxvnni,amx,avx512')
        self.assertIn('; bfloat16 as float32, int8 as float32', result.stdout)

    def test_precision_of_training(self):
        quick = ('-c', 'tiny', '-d', 'cpu', '--train', '--seconds', '0.1', '--repeats', '1')
        self.assert_refused((*quick, '--precision', 'int8'), 2, 'training: .* int8; .*')
        result = bench(*quick, '--precision', 'bfloat16')
        if 'bfloat16 by ' in bench('--list-devices').stdout:
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn('bfloat16 by ', result.stdout)
        else:
            self.assertEqual(result.returncode, 2, result.stdout)
        result = bench(*quick, '--precision', 'bfloat16', BSM_WITHOUT='amx,avx512')
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertRegex(result.stderr, 'training: .* bfloat16 .*AMX.*: train in float32')
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_precision_of_a_stream(self):
        report = self.report('-c', 'tiny', '-d', 'cpu', '--stream', '--play', '0.5', '--blocks',
                             '1024', '--memory', 'carry', '--precision', 'int8')
        self.assertEqual(report['precision'], 'int8')
        self.assertEqual('int8 by ' in report['play'][0]['device'],
                         'int8 by ' in bench('--list-devices').stdout, report['play'])

    def test_full_standard_output(self):
        with open('/dev/full', 'w') as full:
            result = subprocess.run([BENCH, '--version'], stdout=full, stderr=subprocess.PIPE,
                                    text=True, timeout=120)
        self.assertEqual(result.returncode, 5)
        self.assertIn('bsm-bench: cannot write to standard output', result.stderr)

    def test_stream(self):
        result = bench('-c', 'tiny', '--stream', '--play', '3', '--blocks', '64,1024', '--json',
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
            # Medians of the parts need not add up to the median of the step, but nearly do.
            self.assertLess(0.5 * one['step_ms'], sum(one['parts_ms'].values()))
            self.assertGreater(one['network_ms'], 0)
            self.assertGreater(min(one['planned_bytes'].values()), 0)
            self.assertGreater(one['network_passes'], 0)
            self.assertNotIn('gpu_memory_bytes', one)
        cheaper = self.report('-c', 'tiny', '-d', 'cpu', '--threads', '1', '--train', '--seconds', '1',
                              '--stft-windows', '512', '--stft-hop', '2048',
                              '--repeats', '1')['training'][0]
        published = self.report('-c', 'tiny', '-d', 'cpu', '--threads', '1', '--train', '--seconds',
                                '1', '--repeats', '1')['training'][0]
        self.assertLess(cheaper['planned_bytes']['scratch'], published['planned_bytes']['scratch'])
        checkpointed = self.report('-c', 'tiny', '-d', 'cpu', '--train', '--seconds', '0.5',
                                   '--repeats', '1', '--checkpointing')['training'][0]
        planned = checkpointed['planned_bytes']
        self.assertLess(planned['activations'], lengths[1]['planned_bytes']['activations'] / 2)
        # The number of passes follows from one step and one pass.
        self.assertAlmostEqual(checkpointed['network_passes'],
                               checkpointed['step_ms'] / checkpointed['network_ms'])
        self.assertAlmostEqual(checkpointed['forward_passes'],
                               checkpointed['step_ms'] / checkpointed['parts_ms']['forward'])

    def test_training_takes_what_was_planned(self):
        """Uses one thread, because each thread needs memory of its own."""
        for name in 'tiny', 'live':
            for options in (), ('--checkpointing',):
                one = self.report('-c', name, '-d', 'cpu', '--threads', '1', '--train', '--seconds',
                                  '4', '--repeats', '1', *options)['training'][0]
                planned = sum(one['planned_bytes'].values())
                self.assertLess(abs(one['used_memory_bytes'] - planned), 0.1 * planned + 16e6,
                                (name, *options))

    def test_text(self):
        result = bench('-c', 'tiny', '--seconds', '0.1', '--repeats', '1')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('RTF', result.stdout)
        self.assertIn('sequential', result.stdout)

    def test_wrong_use(self):
        for arguments in (['--nonsense'], ['--seconds', '0'], ['--blocks', '9000'], ['extra'],
                          ['--device', 'gpu'], ['--memory', 'long'],
                          ['--train', '--stream'], ['--checkpointing'],
                          ['--train', '--stft-hop', '0'], ['--train', '--stft-windows', '1']):
            result = bench(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for arguments, said in ((['--devices'], '--devices: is now --list-devices'),
                                (['--latency', '0.8'], 'from 1 to 30000 ms')):
            result = bench(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(said, result.stderr)
        self.assertEqual(bench('--model', '/none.safetensors').returncode, 3)
        self.assertEqual(bench('--device', 'cuda', '-c', 'tiny').returncode, 6)
        self.assertEqual(bench('--help').returncode, 0)


unittest.main()
