#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests bsm-separate with formats that libsndfile cannot read, or reads wrongly.

formats_test.py BSM_SEPARATE; ffmpeg makes the files
"""

import array
import base64
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import wave

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../support'))
import identity_model  # noqa: E402

SEPARATE = os.path.abspath(sys.argv[1])
FAST = ['--window', '0.5', '--overlap', '0', '-t', '1']
RATE, SECONDS = 44100, 2


class FormatsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which('ffmpeg'):
            raise unittest.SkipTest('ffmpeg is not installed')
        cls.shared = tempfile.mkdtemp(prefix='bsm-test-')
        cls.model = os.path.join(cls.shared, 'half.safetensors')
        identity_model.write(cls.model, gain=0.5)
        cls.song = os.path.join(cls.shared, 'song.wav')
        cls.ffmpeg('-f', 'lavfi', '-i', 'anoisesrc=r=%d:d=%d:a=0.3' % (RATE, SECONDS), '-ac', '2', cls.song)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='bsm-test-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.env = dict(os.environ, BSM_MODEL=self.model)

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def ffmpeg(*arguments):
        return subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-y', *arguments], check=True,
                              stdout=subprocess.PIPE).stdout

    def encode(self, name, *arguments):
        self.ffmpeg('-i', self.song, *arguments, self.path(name))
        return self.path(name)

    def cut(self, path, part=0.5):
        os.truncate(path, int(os.path.getsize(path) * part))
        return path

    def separate(self, *arguments, code=0, bits=('--bits', '16'), **options):
        result = subprocess.run([SEPARATE, '-f', *FAST, *bits, *arguments], text=True,
                                env=self.env, timeout=120, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        for line in result.stderr.splitlines():
            self.assertRegex(line, '^bsm-separate: |^model: |: +[0-9]+ %|: [0-9:]+ done')
        return result

    def frames(self, name):
        """Return the length of the vocals. Python's wave cannot read files that were prepared for 4 GB."""
        with open(self.path(name + '.vocals.wav'), 'rb') as file:
            data = file.read()
        return struct.unpack_from('<I', data, data.index(b'data') + 4)[0] // 4

    def check(self, files):
        """Check that all of each file is separated without a warning: {path: (frames, slack)}."""
        self.assertNotIn('warning', self.separate(*files).stderr)
        for path, (frames, slack) in files.items():
            got = self.frames(os.path.splitext(os.path.basename(path))[0])
            self.assertLessEqual(abs(got - frames), slack, path)

    # ---- Whole files ----

    def test_mp3_is_all_that_a_decoder_finds(self):
        files = {}
        for name, *arguments in (('vbr.mp3', '-q:a', '4', '-write_xing', '0'),
                                 ('cbr.mp3', '-b:a', '128k', '-write_xing', '0'),
                                 ('noted.mp3', '-q:a', '9'), ('two.mp2', )):
            path = self.encode(name, *arguments)
            sound = self.ffmpeg('-i', path, '-f', 's16le', '-ac', '2', '-')
            files[path] = (len(sound) // 4, 0)
        self.check(files)

    def test_through_ffmpeg(self):
        files = {}
        for name, *arguments in (('a.m4a', '-c:a', 'alac'), ('b.wv', ), ('c.mka', '-c:a', 'flac'),
                                 ('d.m4a', '-c:a', 'aac'), ('e.wma', )):
            exact = 'lac' in ''.join(arguments)
            files[self.encode(name, *arguments)] = (RATE * SECONDS, 0 if exact else 3000)
        self.check(files)

    def test_odd_names(self):
        names = ['-i.m4a', 'a:b\n%s "$(x)".m4a', 'http:x.m4a']
        for name in names:
            self.encode('x.m4a', '-c:a', 'alac')
            os.rename(self.path('x.m4a'), self.path(name))
        self.separate('--', *names, cwd=self.folder)
        for name in names:
            self.assertEqual(self.frames(name[:-4]), RATE * SECONDS)

    def test_without_ffmpeg(self):
        path = self.encode('a.m4a')
        self.env['PATH'] = self.folder
        result = self.separate('-q', path, code=4)
        self.assertRegex(result.stderr, r'^bsm-separate: \S*a\.m4a: .*install ffmpeg')
        self.assertEqual(len(result.stderr.splitlines()), 1)

    # ---- Joined and damaged files ----

    def test_joined(self):
        files = [self.encode(name) for name in ('a.mp3', 'b.ogg', 'c.opus', 'd.flac')]
        other = self.encode('e.ogg', '-c:a', 'flac')  # ffmpeg may read this one, but then all of it
        for path in [*files, other]:
            with open(path, 'rb') as file:
                data = file.read()
            with open(path, 'ab') as file:
                file.write(data)
        result = self.separate(*files)
        self.assertEqual(result.stderr.count('2 files joined'), len(files))
        self.check({other: (2 * RATE * SECONDS, 0)})
        for name in 'abcd':
            rate = 48000 if name == 'c' else RATE
            self.assertLessEqual(abs(self.frames(name) - 2 * rate * SECONDS), 2)

    def test_cut_off(self):
        files = [self.cut(self.encode(name, *arguments)) for name, *arguments in (
            ('a.wav', ), ('b.wav', '-rf64', 'always'), ('c.aiff', ), ('d.au', ), ('e.w64', ),
            ('f.flac', ), ('g.mp3', ), ('h.m4a', '-movflags', 'faststart'), ('i.mka', ),
            ('j.ogg', '-page_duration', '200000'))]
        result = self.separate(*files)
        for path in files:
            name = os.path.basename(path)
            self.assertRegex(result.stderr, name + ': warning: ')
            self.assertLess(self.frames(name[0]), RATE * SECONDS * 9 // 10)

    # Write a number of frames, of 36 bits, to the header of a FLAC file.
    def count(self, path, frames):
        with open(path, 'r+b') as file:
            file.seek(21)
            upper = file.read(1)[0] & 0xF0
            file.seek(21)
            file.write(struct.pack('>BI', upper | frames >> 32, frames & 0xFFFFFFFF))
        return path

    def test_flac_that_counts_wrong(self):
        """Everything in the file is separated; frames that were announced and are missing are reported."""
        files = {self.count(self.encode('none.flac'), 0): (RATE * SECONDS, 0),
                 self.count(self.encode('few.flac'), RATE // 2): (RATE * SECONDS, 0)}
        self.check(files)
        many = self.count(self.encode('many.flac'), RATE * 3600)
        self.assertRegex(self.separate(many).stderr, 'many.flac: warning: .* announces are missing')
        self.assertEqual(self.frames('many'), RATE * SECONDS)
        cut = self.cut(self.count(self.encode('cut.flac'), 0))
        self.assertRegex(self.separate(cut).stderr, 'cut.flac: warning: .*it was cut off')

    def test_damaged_flac(self):
        """What follows the damage keeps its position."""
        path = self.encode('a.flac')
        with open(path, 'r+b') as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(b'\x55' * 300)
        self.assertRegex(self.separate(path).stderr, 'a.flac: warning: .* silent')
        self.assertEqual(self.frames('a'), RATE * SECONDS)
        self.assertEqual(self.sum('a')[-2000:], self.sum_of(self.song)[-2000:])

    def test_nothing_that_can_be_decoded(self):
        path = self.encode('a.ogg')
        with open(path, 'r+b') as file:
            data = file.read()
            behind = data.index(b'OggS', data.index(b'vorbis', data.index(b'\x05vorbis')) + 9)
            file.seek(behind + 26)
            file.write(bytes(len(data) - behind - 26))
        self.assertRegex(self.separate(path, code=4).stderr, r'bsm-separate: \S*a\.ogg: ')
        self.assertFalse(os.path.exists(self.path('a.vocals.wav')))

    # ---- Surround sound ----

    def sum_of(self, path):
        with wave.open(path) as file:
            return array.array('h', file.readframes(file.getnframes()))

    def sum(self, name):
        parts = [self.sum_of(self.path('%s.%s.wav' % (name, part)))
                 for part in ('vocals', 'instrumental')]
        return array.array('h', [min(max(a + b, -32768), 32767) for a, b in zip(*parts)])

    def test_more_than_two_channels(self):
        """The centre goes to both sides, left channels stay left, and the downmix is reported."""
        places = {'FL': (1, 0), 'FR': (0, 1), 'FC': (1, 1), 'BL': (1, 0), 'BR': (0, 1), 'LFE': (0, 0)}
        for kind in ('wav', 'flac', 'ogg', 'opus', 'm4a'):
            names = [place + '.' + kind for place in places]
            files = [self.path(name) for name in names]
            self.ffmpeg('-i', self.song, *(word for place, path in zip(places, files) for word in
                                           ('-t', '0.5', '-af', 'pan=5.1|%s=c0' % place, path)))
            result = self.separate(*files)
            for name, expected in zip(names, places.values()):
                self.assertIn(name + ': 6 channels, mixed down to two', result.stderr)
                both = self.sum(name.split('.')[0])
                level = [sum(map(abs, both[side::2])) / (len(both) / 2) for side in (0, 1)]
                for side in (0, 1):
                    (self.assertGreater if expected[side] else self.assertLess)(level[side], 250, name)
                if all(expected):
                    self.assertAlmostEqual(level[0] / level[1], 1, delta=0.05)

    def test_what_is_no_file(self):
        for name, text, words in (
                ('a.flac', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n', 'Git LFS'),
                ('a.mp3', '\n<!DOCTYPE html><html>404</html>', 'a web page')):
            with open(self.path(name), 'w', encoding='ascii') as file:
                file.write(text)
            self.assertIn(words, self.separate(self.path(name), code=4).stderr)

    def test_film_without_sound(self):
        self.ffmpeg('-f', 'lavfi', '-i', 'color=s=32x32:d=1', self.path('a.mp4'))
        self.assertIn('has no sound', self.separate(self.path('a.mp4'), code=4).stderr)

    # ---- Other ----

    def test_quiet_is_quiet(self):
        """With -q, decoders print nothing of their own."""
        path = self.encode('a.mp3')
        with open(path, 'r+b') as file:
            data = bytearray(file.read())
            data[len(data) // 2:len(data) // 2 + 3000] = bytes(3000)
            file.seek(0)
            file.write(data + data)
        self.assertEqual(self.separate('-q', path).stderr, '')
        os.truncate(path, 100)
        self.assertEqual(len(self.separate('-q', path, code=4).stderr.splitlines()), 1)

    def test_tags(self):
        """Tags are copied from every kind of decoder to every format."""
        tags = {'title': 'S\u00f6ng', 'artist': 'Me', 'album': 'All of it', 'date': '1999', 'track': '3',
                'genre': 'Rock'}
        given = ['-t', '0.2']
        given += [word for name, text in tags.items() for word in ('-metadata', name + '=' + text)]
        files = [self.encode(name, *given) for name in ('a.flac', 'b.mp3', 'c.ogg', 'd.opus', 'e.m4a')]
        for kind in ('wav', 'flac', 'mp3', 'ogg', 'opus'):
            self.separate('--format', kind, '--only', 'vocals', *files, bits=())
            for path in files:
                shown = subprocess.run(
                    ['ffprobe', '-v', 'error', '-of', 'flat', '-show_entries',
                     'format_tags:stream_tags', os.path.splitext(path)[0] + '.vocals.' + kind],
                    check=True, capture_output=True, text=True).stdout.lower()
                for name, text in tags.items():
                    self.assertIn('.%s="%s"' % (name, text.lower()), shown, path + ' to ' + kind)

    def picture_of(self, path):
        return subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-i', path, '-an', '-c', 'copy',
                               '-f', 'image2pipe', '-'], capture_output=True).stdout

    def test_covers(self):
        """Covers are copied from every kind of decoder to the formats that have pictures, byte by byte."""
        self.ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=320x320:d=1', '-frames:v', '1', self.path('c.jpg'))
        with open(self.path('c.jpg'), 'rb') as file:
            cover = file.read()
        given = ['-i', self.path('c.jpg'), '-map', '0', '-map', '1', '-c:v', 'copy',
                 '-disposition:v', 'attached_pic', '-t', '0.2', '-metadata', 'title=Song']
        files = [self.encode(name, *given) for name in ('a.flac', 'b.mp3', 'e.m4a')]
        block = struct.pack('>II10sI', 3, 10, b'image/jpeg', 0) + bytes(16) + \
            struct.pack('>I', len(cover)) + cover
        for name in ('c.ogg', 'd.opus'):
            files.append(self.encode(name, '-t', '0.2', '-metadata', 'METADATA_BLOCK_PICTURE=' +
                                     base64.b64encode(block).decode()))
        for kind in ('flac', 'mp3', 'wav', 'ogg', 'opus'):
            result = self.separate('--format', kind, *files, bits=())
            self.assertNotIn('warning', result.stderr)
            outputs = ['%s.%s.%s' % (os.path.splitext(path)[0], part, kind)
                       for path in files for part in ('vocals', 'instrumental')]
            for output in outputs[::2]:
                shown = self.picture_of(output) if kind != 'wav' else self.chunk(output, b'id3 ')
                self.assertIn(cover, shown, output)
            self.separate('-q', '-f', '-o', self.path('again'), *outputs, bits=())

    @staticmethod
    def chunk(path, name):
        with open(path, 'rb') as file:
            data = file.read()
        at = 12
        while data[at:at + 4] != name:
            at += 8 + struct.unpack_from('<I', data, at + 4)[0] + struct.unpack_from("<I", data, at + 4)[0] % 2
        return data[at + 8:at + 8 + struct.unpack_from('<I', data, at + 4)[0]]

    def test_folder(self):
        self.encode('1.wav')
        for name in ('2.mp2', '3.m4a', '4.wma'):
            self.encode(name)
        with open(self.path('notes.txt'), 'w') as file:
            file.write('not audio')
        result = self.separate(self.folder)
        self.assertIn('left out: notes.txt', result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 8)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
