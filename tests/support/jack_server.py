# SPDX-License-Identifier: ISC
"""JACK servers without hardware, for tests, which leave nothing behind: the system's list of servers
has room for eight, and one that is killed stays in it.

A server's name is its environment's JACK_DEFAULT_SERVER."""

import glob
import os
import signal
import subprocess
import sys
import time

SECONDS = 20  # to begin, and to end


# The list of servers: JACK2's engine shared memory, whose layout is in its common/shm.h.
REGISTRY = '/dev/shm/jack-shm-registry'
HEADER, PLACES, PLACE, NAME = 24, 8, 264, 4


def clear_dead_servers():
    """Servers that were killed with their tests would leave no room for new ones."""
    try:
        with open(REGISTRY, 'r+b') as file:
            places = file.read(HEADER + PLACES * PLACE)[HEADER:]
            for at in range(0, len(places), PLACE):
                pid = int.from_bytes(places[at:at + NAME], sys.byteorder)
                if pid and not os.path.exists('/proc/%d' % pid):
                    file.seek(HEADER + at)
                    file.write(bytes(PLACE))
                    clear(places[at + NAME:at + PLACE].split(b':')[1].decode())  # jack-USER:SERVER:
    except OSError:  # there was none yet, or it is another user's
        pass


def start(env, log, rate, period):
    """In synchronous mode: what the machine's other work does to it is a delay."""
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
    """As a crash does. Then another server of the same name clears up what was left."""
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
    """What a killed `server`, a pattern, has left, and its clients that lived on."""
    for pattern in ('jack_%s_*', 'jack_sem.*_%s_*'):
        for name in glob.glob('/dev/shm/' + pattern % server):
            os.unlink(name)


if __name__ == '__main__':  # for tests that are shell scripts
    clear_dead_servers()
