#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests bsm-live as its users run it, on a real JACK server without hardware.

live_test.py [--jack] [--portaudio] BSM_LIVE BSM_MODEL JACK_THROUGH
live_test.py --gpu BSM_LIVE BSM_MODEL JACK_THROUGH

With --gpu only what needs a GPU is tested; exit status 77 if there is none.
"""

import array
import fcntl
import itertools
import json
import math
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
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
import jack_server  # noqa: E402

default_signals.restore()

SYSTEMS = [word for word in sys.argv[1:] if word.startswith('--')]
LIVE, MODEL, THROUGH = [word for word in sys.argv[1:] if not word.startswith('--')][:3]
EXACT = -100  # dB: for sums in another order
CLOSE = -80   # dB: after the transform and the resampler
ATTEMPTS = 6  # to get a result without a miss, on a machine that may be busy with other work
counter = itertools.count()


def write_wav(path, rate, seconds):
    """Write a stereo float file: a swelling sum of sines from 60 Hz to 16 kHz."""
    chance, frames = random.Random(1), int(rate * seconds)
    samples = array.array('f', bytes(8 * frames))
    for channel in range(2):
        tones = [(2 * math.pi * chance.uniform(60, 16000) / rate, chance.uniform(0, 6))
                 for _ in range(8)]
        for i in range(frames):
            loudness = 0.1 * math.sin(math.pi * i / frames) ** 2
            samples[2 * i + channel] = loudness * sum(math.sin(w * i + p) for w, p in tones)
    data = samples.tobytes()
    with open(path, 'wb') as file:
        file.write(struct.pack('<4sI4s4sIHHIIHH4sI', b'RIFF', 36 + len(data), b'WAVE', b'fmt ', 16,
                               3, 2, rate, 8 * rate, 8, 32, b'data', len(data)))
        file.write(data)


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError('waited in vain for ' + what)
        time.sleep(0.02)


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which('jackd'):
            raise unittest.SkipTest('jackd is not installed')
        cls.shared = tempfile.mkdtemp(prefix='bsm-test-')
        cls.identity = os.path.join(cls.shared, 'identity.safetensors')
        identity_model.write(cls.identity)
        cls.waves = {}
        for rate in (44100, 48000):
            cls.waves[rate] = os.path.join(cls.shared, 'song%d.wav' % rate)
            write_wav(cls.waves[rate], rate, 0.8)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)
        jack_server.clear('bsm-test-%d-*' % os.getpid())

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bsm-test-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.server_name = 'bsm-test-%d-%d' % (os.getpid(), next(counter))
        self.env = dict(os.environ, BSM_MODEL=self.identity, JACK_NO_START_SERVER='1',
                        JACK_DEFAULT_SERVER=self.server_name, HOME=self.folder, TERM='xterm')

    def path(self, name):
        return os.path.join(self.folder, name)

    # ---- Processes ----

    def end(self, process, number=signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()

    def start_server(self, rate=48000, period=1024):
        log = open(self.path('jackd.log'), 'a', encoding='utf-8')
        self.addCleanup(log.close)
        self.server = jack_server.start(self.env, log, rate, period)
        self.addCleanup(self.end_server)
        wait_for(lambda: self.ports() or self.server.poll() is not None, 'the JACK server')
        self.assertIsNone(self.server.poll(), 'the JACK server has ended')

    def end_server(self):
        jack_server.end(self.server, self.env)

    def jack(self, *command):
        return subprocess.run(command, env=self.env, text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def ports(self):
        return jack_server.ports(self.env)

    def start_live(self, *arguments, output=None, **options):
        """Start bsm-live; standard output and errors go to the file `output`."""
        output = output or self.path('live.log')
        with open(output, 'a', encoding='utf-8') as log:
            process = subprocess.Popen([LIVE, '--threads', '1', *arguments], env=self.env,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.addCleanup(self.end, process)
        return process

    def log(self, name='live.log'):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def wait_log(self, text, name='live.log'):
        wait_for(lambda: text in self.log(name), repr(text))

    def stop_live(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        self.assertEqual(process.wait(20), 0, self.log())

    def through(self, wave, *arguments):
        result = subprocess.run([THROUGH, *arguments[:-1], wave, *arguments[-1:]], env=self.env,
                                text=True, timeout=60, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 0, result.stderr + self.log())
        return json.loads(result.stdout)

    def last_stats(self, name='stats'):
        with open(self.path(name), encoding='utf-8') as file:
            return json.loads(file.read().splitlines()[-1])

    def paper_model(self):
        """Return the path of the largest model there is, untrained."""
        path = self.path('paper.safetensors')
        subprocess.run([MODEL, 'create', '--dtype', 'f16', 'paper', path], check=True,
                       stdout=subprocess.DEVNULL)
        return path

    # ---- The output ----

    def check_sum(self, result):
        """Check what holds even when the network is late."""
        latency = result['latency'][0]
        self.assertGreater(latency, 0, result)
        self.assertEqual(result['latency'], [latency] * 2, result)
        self.assertEqual(result['playback_latency'], [latency] * 2, result)
        self.assertLess(result['sum_error_db'], EXACT, result)

    def check_identity(self, result):
        self.check_sum(result)
        self.assertEqual(result['delay'], result['latency'][0], result)
        self.assertLess(result['vocals_error_db'], CLOSE, result)
        self.assertLess(result['instrumental_level_db'], CLOSE, result)
        self.assertLess(result['out_error_db'], EXACT, result)

    def without_misses(self, measure):
        """Repeat `measure(attempt)` until it has 0 misses; return its result."""
        for attempt in range(ATTEMPTS):
            result, misses = measure(attempt)
            if misses == 0:
                return result
        self.fail('the network was late in each of %d attempts' % ATTEMPTS)

    def identity_once(self, rate, block):
        if os.path.exists(self.path('stats')):
            os.unlink(self.path('stats'))
        live = self.start_live('--latency', '300', '--stats', self.path('stats'))
        result = self.through(self.waves[rate], *(['--block', str(block)] if block else []), 'bsm')
        self.stop_live(live)
        self.check_sum(result)
        stats = self.last_stats()
        self.assertEqual(stats['latency_samples'], result['latency'][0])
        self.assertEqual(stats['rate'], rate)
        return result, stats['misses']

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_delays_exactly(self):
        for rate, period, changed in ((44100, 64, 1024), (44100, 1024, 64), (48000, 64, 256),
                                      (48000, 1024, 128)):
            with self.subTest(rate=rate, period=period):
                self.server_name = 'bsm-test-%d-%d' % (os.getpid(), next(counter))
                self.env['JACK_DEFAULT_SERVER'] = self.server_name
                self.start_server(rate, period)
                for block in (None, changed):
                    result = self.without_misses(lambda _: self.identity_once(rate, block))
                    self.check_identity(result)
                    self.jack('jack_bufsize', str(period))
                self.end_server()

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_freewheel_drops_nothing(self):
        self.start_server(48000, 512)
        live = self.start_live('--latency', '300', '--stats', self.path('stats'))
        self.wait_log('this machine')  # the message says whether the model fits
        misses = [0]

        def measure(_):
            result = self.through(self.waves[48000], '--freewheel', 'bsm')
            time.sleep(1.2)  # until there are new statistics
            before, misses[0] = misses[0], self.last_stats()['misses']
            return result, misses[0] - before
        self.check_identity(self.without_misses(measure))
        self.stop_live(live)

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_overload_leaves_the_music(self):
        paper = self.paper_model()
        self.start_server(48000, 1024)
        live = self.start_live('--model', paper, '--latency', '300', '--memory', 'carry',
                               '--stats', self.path('stats'))
        self.wait_log('too slow for this machine: needs ')
        for _ in range(ATTEMPTS):
            result = self.through(self.waves[48000], 'bsm')
            self.check_sum(result)
            self.assertLess(result['out_error_db'], EXACT, result)
            if result['xruns'] == 0:
                break
        self.stop_live(live)
        stats = self.last_stats()
        self.assertGreater(stats['misses'], 3)
        self.assertGreater(stats['dry_samples'], 0.5 * 48000)
        self.assertEqual(result['xruns'], 0, 'in each of %d attempts' % ATTEMPTS)

    @unittest.skipUnless('--gpu' in SYSTEMS, 'not asked for')
    def test_paper_on_a_gpu(self):
        """The largest model is fast enough."""
        paper = self.paper_model()
        self.start_server(48000, 1024)

        def measure(attempt):
            stats = 'stats%d' % attempt
            live = self.start_live('--device', 'cuda', '--model', paper, '--latency', '600',
                                   '--stats', self.path(stats))
            wait_for(lambda: 'latency' in self.log() or live.poll() is not None, 'the start')
            if re.search('no GPU|not installed', self.log()):
                self.skipTest(self.log())
            result = self.through(self.waves[48000], 'bsm')
            self.stop_live(live)
            self.check_sum(result)
            print(json.dumps(self.last_stats(stats)))
            return self.last_stats(stats), self.last_stats(stats)['misses']
        self.assertIn('cuda', self.without_misses(measure)['device'])

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_two_at_once_with_gains(self):
        self.start_server()
        wave = self.waves[48000]
        first = self.start_live('--latency', '300', '--vocals', '-6', '--instrumental', '-inf')
        wait_for(lambda: 'bsm:in_l' in self.ports(), 'the first')
        second = self.start_live('--latency', '300', '--solo', 'instrumental',
                                 '--stats', self.path('stats'))
        wait_for(lambda: 'bsm-01:in_l' in self.ports(), 'the second')

        def vocals_only(_):
            result = self.through(wave, 'bsm')
            return result, result['vocals_error_db'] > CLOSE
        result = self.without_misses(vocals_only)
        self.check_sum(result)
        self.assertAlmostEqual(result['out_level_db'], -6, delta=0.1)

        def instrumental_only(_):
            result = self.through(wave, 'bsm-01')
            return result, result['vocals_error_db'] > CLOSE
        result = self.without_misses(instrumental_only)
        self.check_sum(result)
        self.assertLess(result['out_level_db'], CLOSE)
        self.stop_live(first)
        self.assertIn('bsm-01:out_r', self.ports())
        self.stop_live(second, signal.SIGINT)
        self.assertFalse([port for port in self.ports() if port.startswith('bsm')])
        self.check_stats()

    def check_stats(self):
        with open(self.path('stats'), encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
        self.assertGreater(len(lines), 1)
        for line in lines:
            self.assertEqual(line['status'], 'success')
            self.assertEqual(line['system'], 'JACK')
            self.assertEqual(line['block'], 1024)
            self.assertEqual(line['nonfinite_samples'], 0)
        self.assertLess(lines[0]['time'], lines[-1]['time'])
        self.assertLess(lines[0]['processed_s'], lines[-1]['processed_s'])
        self.assertTrue(any(line['vocals_peak_db'] for line in lines))

    # ---- Changing the model ----

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_hangup_reloads_the_model(self):
        self.start_server()
        wave, model = self.waves[48000], self.path('model.safetensors')
        identity_model.write(model)
        live = self.start_live('--latency', '300', '--model', model)
        self.check_identity(self.without_misses(lambda _: self.measure_misses(wave)))

        identity_model.write(model, gain=0.0)
        live.send_signal(signal.SIGHUP)
        self.wait_log('model loaded again')
        result = self.through(wave, 'bsm')
        self.check_sum(result)
        self.assertLess(result['vocals_level_db'], CLOSE)

        with open(model, 'w', encoding='utf-8') as file:
            file.write('no model')
        live.send_signal(signal.SIGHUP)
        self.wait_log('the model stays as it was')

        latency = result['latency'][0]
        identity_model.write(model, bands=[100, 2048 + 1 - 100], hop=1024)
        live.send_signal(signal.SIGHUP)
        self.wait_log('the latency is')
        time.sleep(0.5)
        result = self.without_misses(lambda _: self.measure_misses(wave))
        self.check_identity(result)
        self.assertNotEqual(result['latency'][0], latency)
        self.stop_live(live)

    def measure_misses(self, wave):
        """Tell a miss from the output: the identity model's vocals are the input without one."""
        result = self.through(wave, 'bsm')
        return result, int(result['vocals_error_db'] > CLOSE)

    # ---- Ports ----

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_ports_and_names(self):
        self.start_server()
        live = self.start_live('--client', 'Karaoke', '--connect', '--latency', '300')
        names = [side + channel for side in ('in', 'vocals', 'instrumental', 'out')
                 for channel in ('_l', '_r')]
        wait_for(lambda: 'Karaoke:out_r' in self.ports(), 'the ports')
        self.assertEqual([port for port in self.ports() if port.startswith('Karaoke:')],
                         ['Karaoke:' + name for name in names])
        wait_for(lambda: self.connections().get('Karaoke:out_r'), 'the connections')
        for ours, theirs in (('in_l', 'capture_1'), ('in_r', 'capture_2'),
                             ('out_l', 'playback_1'), ('out_r', 'playback_2'), ('vocals_l', None)):
            self.assertEqual(self.connections()['Karaoke:' + ours],
                             ['system:' + theirs] if theirs else [])
        properties = self.jack('jack_property', '-l')
        for name in ('Input left', 'Vocals right', 'Instrumental left', 'Remix right'):
            self.assertIn('value: ' + name, properties)
            self.assertIn('   Karaoke:' + name, self.jack('jack_lsp', '-A'))
        self.stop_live(live)
        self.assertNotIn('Vocals right', self.jack('jack_property', '-l'))

    def connections(self):
        found, port = {}, None
        for line in self.jack('jack_lsp', '-c').splitlines():
            if line.startswith(' '):
                found[port].append(line.strip())
            else:
                port = line
                found[port] = []
        return found

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_connect_to_pattern(self):
        self.start_server()

        def measure(attempt):
            result = self.connected_by('--connect-to', 'through-(play|record):', '--connect-to',
                                       'nobody', '--stats', self.path('stats%d' % attempt))
            self.check_connected(result)
            return result, self.last_stats('stats%d' % attempt)['misses']
        self.without_misses(measure)
        self.assertIn('nothing to connect to: no port matches nobody', self.log())

    def connected_by(self, *arguments, device=''):
        """Run jack_through, to which bsm-live with these arguments connects itself.

        Skips the test if there is no such PortAudio device."""
        through = subprocess.Popen([THROUGH, self.waves[48000]], env=self.env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, through, signal.SIGTERM)
        self.assertEqual(through.stdout.readline(), 'ready\n')
        if device and device not in self.jack(LIVE, '--list-audio-devices'):
            self.skipTest('PortAudio has no device ' + device)
        live = self.start_live('--latency', '300', *arguments)
        result = json.loads(through.stdout.read())
        self.stop_live(live)
        return result

    def check_connected(self, result):
        """Check that only the remix is connected."""
        self.assertEqual(result['delay'], result['latency'][0], result)
        self.assertLess(result['out_error_db'], EXACT, result)

    # ---- The end ----

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_server_goes_away(self):
        for crash in (False, True):
            with self.subTest(crash=crash):
                self.server_name = 'bsm-test-%d-%d' % (os.getpid(), next(counter))
                self.env['JACK_DEFAULT_SERVER'] = self.server_name
                self.start_server()
                live = self.start_live('--quiet', output=self.path('gone.log'))
                wait_for(lambda: 'bsm:Remix right' in self.jack('jack_lsp', '-A'), 'the last name')
                jack_server.kill(self.server, self.env) if crash else self.end_server()
                self.assertEqual(live.wait(20), 8)
                lines = self.log('gone.log').splitlines()
                self.assertEqual(len(lines), 1, lines)
                self.assertRegex(lines[0], "^bsm-live: JACK: the server '.*' has shut us down")
                os.unlink(self.path('gone.log'))

    @staticmethod
    def osc(path, types, data):
        def pad(text):
            return text + b'\0' * (4 - len(text) % 4)
        return pad(path.encode()) + pad(b',' + types.encode()) + data

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_gains_by_osc(self):
        """A message changes the output; data that is not such a message does not."""
        self.start_server()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(('', 0))
            port = taken.getsockname()[1]
            result = subprocess.run([LIVE, '-q', '--osc', str(port)], env=self.env, text=True,
                                    timeout=60, stderr=subprocess.PIPE)
            if 'built without liblo' in result.stderr:
                self.skipTest('built without liblo')
            self.assertIn('--osc %d: cannot listen' % port, result.stderr)
            self.assertEqual(result.returncode, 1)
        live = self.start_live('--osc', str(port), '--latency', '300')
        wait_for(lambda: 'bsm:Remix right' in self.jack('jack_lsp', '-A'), 'the ports')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for message in (b'noise', b'', self.osc('/bsm/vocals', 's', b'loud'),
                            self.osc('/bsm/vocals', 'f', struct.pack('>f', float('nan'))),
                            self.osc('/bsm/solo', 'i', struct.pack('>i', 99)),
                            self.osc('/bsm/solo', 'i', struct.pack('>i', 0)),
                            self.osc('/bsm/vocals', 'f', struct.pack('>f', -100)),
                            self.osc('/bsm/instrumental', 'i', struct.pack('>i', -100))):
                sender.sendto(message, ('127.0.0.1', port))
        result = self.through(self.waves[48000], 'bsm')  # both are off
        self.check_sum(result)
        self.assertLess(result['out_level_db'], -100, result)
        self.stop_live(live)

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_server_comes_back(self):
        """Gains and solo are kept; it also waits for the first server."""
        live = self.start_live('--reconnect', '--vocals', '-3', '--solo', 'vocals')
        for crash in (False, True):
            wait_for(lambda: self.log().count('waiting for it') == 1 + crash, 'waiting')
            self.assertIsNone(live.poll())
            self.start_server()
            wait_for(lambda: 'bsm:Remix right' in self.jack('jack_lsp', '-A'), 'the ports')
            jack_server.kill(self.server, self.env) if crash else self.end_server()
        wait_for(lambda: self.log().count('waiting for it') == 3, 'waiting')
        with open('/proc/%d/cmdline' % live.pid, 'rb') as file:
            words = file.read().split(b'\0')
        self.assertEqual(words[-7:-1], [b'--vocals', b'-3', b'--instrumental', b'0', b'--solo',
                                        b'vocals'])
        self.stop_live(live)

    def fails(self, code, words, *arguments):
        result = subprocess.run([LIVE, '-q', *arguments], env=self.env, text=True, timeout=60,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, code, result.stderr)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith('bsm-live: '))
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(result.stdout, '')

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_what_cannot_start(self):
        self.fails(8, [self.server_name, 'is running'], '--jack')
        self.fails(3, ['nowhere.safetensors'], '--model', self.path('nowhere.safetensors'))
        self.fails(5, ['nowhere/stats'], '--stats', self.path('nowhere/stats'))
        self.fails(2, ['--jack-in-the-box', 'no such option'], '--jack-in-the-box')
        self.fails(2, ['--solo'], '--solo', 'drums')
        self.start_server()
        self.env['CUDA_VISIBLE_DEVICES'] = ''
        self.fails(6, ['cuda'], '--device', 'cuda')

    @staticmethod
    def processor_seconds(process):
        """Return the processor time that all threads of the process have used."""
        with open('/proc/%d/stat' % process.pid, encoding='utf-8') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_threads_sleep_while_they_wait(self):
        """Runs with several threads, like users do."""
        self.start_server()
        live = self.start_live('--threads', '2', '--latency', '300', '--stats', self.path('stats'))
        wait_for(lambda: os.path.exists(self.path('stats')) and self.log('stats'), 'statistics')
        before, first = self.processor_seconds(live), self.last_stats()
        wait_for(lambda: self.last_stats()['blocks'] >= first['blocks'] + 10, 'ten blocks')
        taken, last = self.processor_seconds(live) - before, self.last_stats()
        self.assertLess(taken, 0.5 * (last['processed_s'] - first['processed_s']))
        self.stop_live(live)

    def test_full_standard_output(self):
        for option in ('--help', '--version'):
            with open('/dev/full', 'w', encoding='utf-8') as full:
                result = subprocess.run([LIVE, option], env=self.env, stdout=full, text=True,
                                        stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(result.returncode, 5, result.stderr)
            self.assertIn('cannot write to standard output', result.stderr)

    # ---- The terminal ----

    @unittest.skipUnless('--jack' in SYSTEMS, 'built without JACK')
    def test_panel_and_keys(self):
        self.start_server()
        terminal, theirs = pty.openpty()
        self.addCleanup(os.close, terminal)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 90, 0, 0))
        before = termios.tcgetattr(theirs)
        live = subprocess.Popen([LIVE, '--threads', '1', '--latency', '300', '--connect'],
                                env=self.env, stdin=theirs, stdout=theirs, stderr=theirs,
                                start_new_session=True,
                                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.addCleanup(self.end, live)
        self.screen = ''
        self.see(terminal, 'q quit')
        for line in ('JACK bsm  48000 Hz', r'model identity\.safetensors on cpu',
                     r'load +\[[#.]+\] .* misses 0', 'fits this machine: load'):
            self.assertRegex(self.screen, line)
        for key, seen in ((b's', 'solo vocals'), (b's', 'solo instrumental'), (b's', 'remix'),
                          (b'v', r'vocals .* gain +-1.0 dB'), (b'I', r'instrumental .* \+1.0 dB'),
                          (b'b', 'BYPASS'), (b'b', 'remix'), (b'r', 'model loaded again')):
            self.screen = ''
            os.write(terminal, key)
            self.see(terminal, seen)
        self.screen = ''
        os.write(terminal, b'q')
        self.assertEqual(live.wait(20), 0)
        self.assertEqual(termios.tcgetattr(theirs), before)
        os.close(theirs)

    def see(self, terminal, pattern):
        end = time.monotonic() + 20
        while not re.search(pattern, self.screen):
            self.assertLess(time.monotonic(), end, (pattern, self.screen[-2000:]))
            if select.select([terminal], [], [], 0.1)[0]:
                self.screen += os.read(terminal, 4096).decode()

    # ---- PortAudio ----

    def ignore_leaks(self):
        """Some leaks belong to libraries that PortAudio and ALSA have unloaded."""
        options = os.environ.get('ASAN_OPTIONS', '')
        self.env['ASAN_OPTIONS'] = options + ':detect_leaks=0'

    @unittest.skipUnless('--portaudio' in SYSTEMS, 'built without PortAudio')
    def test_devices(self):
        """Devices that compute are the same in every program; audio devices have another option."""
        result = subprocess.run([LIVE, '--list-devices'], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([line.split()[0] for line in result.stdout.splitlines()], ['cpu', 'reference', 'cuda'])
        self.assertIn('--list-audio-devices', result.stderr)

    def test_portaudio_over_jack(self):
        self.ignore_leaks()
        self.start_server()

        def measure(attempt):
            stats = 'stats%d' % attempt
            result = self.connected_by('--portaudio', '--audio-input', 'through-play',
                                       '--audio-output', 'through-record',
                                       '--stats', self.path(stats),
                                       device='JACK Audio Connection Kit: through-play')
            return self.check_portaudio(result, stats), self.last_stats(stats)['misses']
        self.without_misses(measure)

    @unittest.skipUnless('--portaudio' in SYSTEMS, 'built without PortAudio')
    def test_portaudio_over_alsa(self):
        self.ignore_leaks()
        with open(self.path('.asoundrc'), 'w', encoding='utf-8') as file:
            file.write('pcm.bsmtest {\n type jack\n'
                       ' playback_ports { 0 through-record:out_l 1 through-record:out_r }\n'
                       ' capture_ports { 0 through-play:l 1 through-play:r }\n}\n')
        self.start_server()

        def measure(attempt):
            stats = 'stats%d' % attempt
            result = self.connected_by('--portaudio', '--audio-device', 'ALSA: bsmtest', '--rate',
                                       '48000', '--block', '512', '--stats', self.path(stats),
                                       device='ALSA: bsmtest')
            return self.check_portaudio(result, stats), self.last_stats(stats)['misses']
        self.without_misses(measure)

    def check_portaudio(self, result, stats):
        """Check the delay: JACK is not told the latency, and devices add a few periods of their own."""
        latency = self.last_stats(stats)['latency_samples']
        self.assertGreaterEqual(result['delay'], latency, result)
        self.assertLessEqual(result['delay'], latency + 8 * 1024, result)
        self.assertLess(result['delayed_error_db'], CLOSE, result)
        return result

    @unittest.skipUnless('--portaudio' in SYSTEMS, 'built without PortAudio')
    def test_portaudio_where_alsa_knows_nothing(self):
        """PortAudio aborts then; --list-audio-devices may also find other systems' devices."""
        self.ignore_leaks()
        self.env['ALSA_CONFIG_PATH'] = self.path('none.conf')
        for argument in ('--list-audio-devices', '--portaudio'):
            self.fails(8, ['PortAudio: no start'], argument)

    @unittest.skipUnless('--portaudio' in SYSTEMS, 'built without PortAudio')
    def test_portaudio_device_goes_away(self):
        self.ignore_leaks()
        self.fails(8, ["no input device 'nosuch'"], '--portaudio', '--audio-device', 'nosuch')
        self.start_server()
        if 'JACK' not in self.jack(LIVE, '--list-audio-devices'):
            self.skipTest('PortAudio without JACK')
        live = self.start_live('--portaudio', '--audio-device', 'JACK Audio',
                               output=self.path('gone.log'))
        self.wait_log('latency', 'gone.log')
        wait_for(lambda: len(self.ports()) > 4, 'the ports')
        jack_server.kill(self.server, self.env)
        self.assertEqual(live.wait(20), 8)
        self.assertIn('bsm-live: PortAudio: the device has stopped', self.log('gone.log'))


def main():
    names = ['LiveTest.test_paper_on_a_gpu'] if '--gpu' in SYSTEMS else []
    result = unittest.main(argv=sys.argv[:1] + names, verbosity=2, exit=False).result
    skipped = '--gpu' in SYSTEMS and result.skipped
    sys.exit(1 if not result.wasSuccessful() else 77 if skipped else 0)


if __name__ == '__main__':
    main()
