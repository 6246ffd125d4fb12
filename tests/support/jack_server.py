# SPDX-License-Identifier: ISC
"""JACK servers without hardware, for tests, which leave nothing behind: the system's list of servers
has room for eight, and one that is killed stays in it.

A server's name is its environment's JACK_DEFAULT_SERVER."""

import glob
import os
import shutil
import signal
import subprocess
import time

SECONDS = 20  # to begin, and to end


def server_lives():
    """Whether any JACK server of this machine runs."""
    for comm in glob.glob('/proc/[0-9]*/comm'):
        try:
            with open(comm, encoding='utf-8') as file:
                if file.read().strip() in ('jackd', 'jackdbus'):
                    return True
        except OSError:  # it has ended
            pass
    return False


def clear_dead_servers():
    """Servers that were killed with their tests would leave no room for new ones."""
    if not server_lives():
        for name in glob.glob('/dev/shm/jack*'):
            (shutil.rmtree if os.path.isdir(name) else os.unlink)(name)


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
    """What clients have left that lived on when `server`, a pattern, was killed."""
    for name in glob.glob('/dev/shm/jack_sem.*_%s_*' % server):
        os.unlink(name)
