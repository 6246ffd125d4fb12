# SPDX-License-Identifier: ISC
"""Signal handling of the programs that tests start."""

import signal

NUMBERS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def restore():
    """Give children the default handlers, whatever the tests themselves were started with: nohup ignores
    SIGHUP, services and shells' background jobs ignore SIGINT, and children inherit that."""
    for number in NUMBERS:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def ignore():
    """For preexec_fn: ignore the signals that nohup and a shell's background job ignore."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def handled(process):
    """Return the signals that a process ignores, and those that it catches."""
    masks = {}
    with open('/proc/%d/status' % process.pid, encoding='ascii') as file:
        for line in file:
            if line.startswith(('SigIgn:', 'SigCgt:')):
                name, mask = line.split()
                masks[name] = {number for number in NUMBERS if int(mask, 16) >> (number - 1) & 1}
    return masks['SigIgn:'], masks['SigCgt:']
