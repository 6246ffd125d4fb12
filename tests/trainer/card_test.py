#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests the tables that presets/models/card.py makes from measurements.

card_test.py MODELS
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

MODELS = os.path.abspath(sys.argv[1])
SONGS = {'JasperDegens': (8.5, 7.25), 'Unknown': (1.0, 2.0)}  # uSDR, and that of centre extraction
NEEDED = ('CARD.md', 'SOURCES.md', 'packages.tsv', 'recipe.yaml', 'bsm-live.safetensors.sha256')


def figures(usdr, centre):
    return {'usdr': usdr, 'centre_usdr': centre, 'csdr': 1.5, 'missed': -7.8, 'let_through': -13.4,
            'mixed': -8.8, 'silent_residual': None, 'typical_residual': None}


def validation(worse):
    """Return a validation as bsm-trainer --validate --json writes it."""
    mean = [sum(values) / len(SONGS) for values in zip(*SONGS.values())]
    tracks = [dict(figures(usdr - worse, centre), track='valid/' + name, stem='vocals')
              for name, (usdr, centre) in SONGS.items()]
    tracks += [dict(figures(9.0, None), track='valid/' + name, stem='rest') for name in SONGS]
    return {'tracks': tracks, 'stems': {'vocals': {'mean': figures(mean[0] - worse, mean[1])},
                                        'rest': {'mean': figures(9.0, None)}}}


class CardTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='bsm-test-')
        self.addCleanup(scratch.cleanup)
        self.models, self.work = (os.path.join(scratch.name, name) for name in ('models', 'work'))
        os.mkdir(self.models)
        os.mkdir(self.work)
        for name in NEEDED:
            shutil.copy(os.path.join(MODELS, name), self.models)
        for precision in ('float32', 'int8'):
            self.write('offline-%s.json' % precision, validation(0))
            for name in ('carry-0.3', 'carry-0.8', 'carry-2.0', 'bounded-0.8'):
                self.write('%s-%s.json' % (name, precision), validation(0.25))
                self.write('%s-%s.bench' % (name, precision), {'play': [
                    {'latency': 35280, 'mean_load': 0.031, 'device': 'cpu', 'commit': 20,
                     'lookahead': 7}]})
        self.write('info', {'parameters': 1900000, 'bytes': 3900000, 'config': {'segment': 3},
                            'metadata': {'licence': 'ISC', 'training': 'long; heard 1.0 hours'}})

    def write(self, name, content):
        with open(os.path.join(self.work, name), 'w', encoding='utf-8') as file:
            json.dump(content, file)

    def card(self, *arguments):
        return subprocess.run([sys.executable, os.path.join(MODELS, 'card.py'), *arguments],
                              check=True, text=True, stdout=subprocess.PIPE).stdout

    def table(self, name):
        with open(os.path.join(self.models, 'CARD.md'), encoding='utf-8') as file:
            text = file.read().split('<!-- %s -->' % name)[1].split('<!-- /%s -->' % name)[0]
        rows = [[cell.strip() for cell in line.strip('|').split('|')]
                for line in text.splitlines() if line.startswith('|')]
        return {row[0]: row[1:] for row in rows}

    def test_songs_stand_beside_what_others_make_of_them(self):
        self.card('write', self.models, self.work, 'carry')
        songs = self.table('songs')
        errors = ['-7.8', '-13.4', '-8.8']
        self.assertEqual(songs['JasperDegens'], ['7.25', '11.54', '8.50', '8.25', '+1.25', *errors])
        self.assertEqual(songs['Unknown'], ['2.00', '-', '1.00', '0.75', '-1.00', *errors])
        self.assertEqual(songs['**mean**'], ['4.62', '-', '4.75', '4.50', '+0.12', *errors])

    def test_ways_to_use_it(self):
        self.card('write', self.models, self.work, 'carry')
        rows = self.table('figures')
        self.assertEqual(rows['whole files, float32'],
                         ['', '4.75', '1.50', '-7.8', '-13.4', '-8.8', '9.00', '-', ''])
        self.assertEqual(rows['live, float32, memory `bounded`'],
                         ['0.80 s', '4.50', '1.50', '-7.8', '-13.4', '-8.8', '9.00', '-', '0.031'])

    def test_one_line_of_figures(self):
        self.assertEqual(
            self.card('figures', self.work, 'carry').strip(),
            'mean uSDR of 2 songs by acts that were not trained on (of the vocals, silence has 0 dB and '
            'centre extraction 4.62 dB); whole files: vocals 4.75 dB, instrumental 9.00 dB; live, 0.8 s '
            'late: vocals 4.50 dB, instrumental 9.00 dB')

    def test_curve(self):
        log = os.path.join(self.work, 'log.jsonl')
        with open(log, 'w', encoding='utf-8') as file:
            for line in ({'event': 'step', 'step': 60},
                         {'event': 'epoch', 'epoch': 1, 'step': 60, 'loss': 0.5},
                         {'event': 'epoch', 'epoch': 2, 'step': 120, 'loss': 0.25, 'usdr': 3.5,
                          'missed': -7.8, 'let_through': -13.4, 'mixed': -8.8}):
                file.write(json.dumps(line) + '\n')
        self.card('write', self.models, self.work, 'carry', log)
        rows = self.table('curve')
        self.assertNotIn('1', rows)
        self.assertEqual(rows['2'], ['120', '0.250', '3.50', '-7.8', '-13.4', '-8.8'])

    def test_curve_of_runs_that_follow_each_other(self):
        logs = []
        for number, usdr in ((1, 3.5), (2, 4.0)):
            logs.append(os.path.join(self.work, 'log%d.jsonl' % number))
            with open(logs[-1], 'w', encoding='utf-8') as file:
                for line in ({'event': 'step', 'step': 1}, {'event': 'step', 'step': 60},
                             {'event': 'epoch', 'epoch': 1, 'step': 60, 'loss': 0.5, 'usdr': usdr}):
                    file.write(json.dumps(line) + '\n')
        self.card('write', self.models, self.work, 'carry', *logs)
        rows = self.table('curve')
        self.assertEqual(rows['1'], ['60', '0.500', '3.50', '-', '-', '-'])
        self.assertEqual(rows['2'], ['120', '0.500', '4.00', '-', '-', '-'])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
