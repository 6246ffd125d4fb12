# SPDX-License-Identifier: ISC
"""JACK servers without hardware, for tests. They leave nothing behind: the system's list of servers has
room for eight, and a server that is killed stays in it.

The environment's JACK_DEFAULT_SERVER is the name of the server."""

import glob
import os
import signal
import subprocess
import sys
import time

SECONDS = 20  # the longest time to start, and to end
# In the log of a server that has read only a part of a request, and understands no request after that (1.9.21;
# github.com/jackaudio/jack2, issue 599 and pull request 548). Clients then hang.
LOST = 'CheckSize error'


# The list of servers: the shared memory of JACK2's engine, whose layout is in its common/shm.h.
REGISTRY = '/dev/shm/jack-shm-registry'
HEADER, PLACES, PLACE, NAME = 24, 8, 264, 4


def clear_dead_servers():
    """Remove servers that were killed with their tests, because they leave no room for new ones."""
    try:
        with open(REGISTRY, 'r+b') as file:
            places = file.read(HEADER + PLACES * PLACE)[HEADER:]
            for at in range(0, len(places), PLACE):
                pid = int.from_bytes(places[at:at + NAME], sys.byteorder)
                if pid and not os.path.exists('/proc/%d' % pid):
                    file.seek(HEADER + at)
                    file.write(bytes(PLACE))
                    clear(places[at + NAME:at + PLACE].split(b':')[1].decode())  # jack-USER:SERVER:
    except OSError:  # there is none yet, or it belongs to another user
        pass


def start(env, log, rate, period):
    """Start a server in synchronous mode, so that other work on the machine only delays it."""
    clear_dead_servers()
    return subprocess.Popen(
        ['jackd', '--no-realtime', '--sync', '--timeout', '2000', '-n', env['JACK_DEFAULT_SERVER'],
         '-d', 'dummy', '-r', str(rate), '-p', str(period), '-C', '2', '-P', '2'],
        env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def ports(env):
    try:
        return subprocess.run(['jack_lsp'], env=env, text=True, timeout=SECONDS, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()
    except subprocess.TimeoutExpired:
        return []


def end(process, env):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            kill(process, env)


def kill(process, env):
    """Kill a server, like a crash. Then start another of the same name, which removes what it has left."""
    process.kill()
    process.wait()
    other = start(env, subprocess.DEVNULL, 48000, 1024)
    limit = time.monotonic() + SECONDS
    while other.poll() is None and not ports(env) and time.monotonic() < limit:
        time.sleep(0.05)
    other.send_signal(signal.SIGTERM)
    try:
        other.wait(SECONDS)
    except subprocess.TimeoutExpired:
        other.kill()
        other.wait()


def clear(server):
    """Remove what a killed `server`, a pattern, and its surviving clients have left."""
    for pattern in ('jack_%s_*', 'jack_sem.*_%s_*'):
        for name in glob.glob('/dev/shm/' + pattern % server):
            os.unlink(name)


if __name__ == '__main__':  # for tests that are shell scripts
    clear_dead_servers()
