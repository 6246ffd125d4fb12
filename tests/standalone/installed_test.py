#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests what meson install installs, as its users see it: installed_test.py BUILD PREFIX LIBDIR"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, PREFIX, LIBDIR = sys.argv[1:4]
PROGRAM = '''
#include <bsm/model.h>
#include <bsm/network.h>
#include <bsm/separate.h>
#include <bsm/stream.h>
#include <stdio.h>
int main(void) { puts(bsm_strerror(BSM_EXISTS)); return 0; }
'''


class InstalledTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix='bsm-test-')
        cls.addClassCleanup(shutil.rmtree, cls.root)
        subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--destdir', cls.root],
                       check=True, stdout=subprocess.DEVNULL)

    def path(self, name):
        return self.root + os.path.join(PREFIX, name)

    def test_files(self):
        for name in ('doc/bsm/README.md', 'doc/bsm/training.md', 'man/man1/bsm-separate.1',
                     'bash-completion/completions/bsm-separate', 'zsh/site-functions/_bsm-model',
                     'fish/vendor_completions.d/bsm-separate.fish'):
            self.assertTrue(os.path.exists(self.path('share/' + name)), name)

    def test_completion(self):
        """bash offers what begins like the word, and files if a value is expected."""
        for program, words, expected in (('bsm-separate', '--fo', '--format --force'),
                                         ('bsm-separate', '--output so', ''),
                                         ('bsm-model', 'c', 'check convert create')):
            script = 'source %s; COMP_WORDS=(%s %s); COMP_CWORD=%d; _%s; echo "${COMPREPLY[@]}"' % (
                self.path('share/bash-completion/completions/' + program), program, words,
                len(words.split()), program.replace('-', '_'))
            result = subprocess.run(['bash', '-c', script], check=True, capture_output=True, text=True)
            self.assertEqual(sorted(result.stdout.split()), sorted(expected.split()))

    def test_compiling_against_the_library(self):
        """Programs neither need nor see the libraries that libbsm uses."""
        environment = dict(os.environ, PKG_CONFIG_LIBDIR=self.path(LIBDIR + '/pkgconfig'),
                           PKG_CONFIG_SYSROOT_DIR=self.root,
                           LD_LIBRARY_PATH=self.path(LIBDIR))
        flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'bsm'], env=environment,
                               check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual([flag[:2] for flag in flags], ['-I', '-L', '-l'])
        source, program = self.path('p.c'), self.path('p')
        with open(source, 'w', encoding='ascii') as file:
            file.write(PROGRAM)
        subprocess.run(['cc', '-Wall', '-Werror', source, '-o', program, *flags], check=True)
        result = subprocess.run([program], env=environment, check=True, capture_output=True)
        self.assertTrue(result.stdout.strip())


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
