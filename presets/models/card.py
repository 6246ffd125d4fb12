#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What adopt.sh writes about a model, out of what it has measured (in the folder WORK).

card.py blocks BENCH                  "C,L", the blocks of a stream that bsm-bench has measured
card.py training INFO [LOG...]        one line on how the model was trained
card.py data MODELS                   one line on the data, out of MODELS/SOURCES.md
card.py figures WORK MEMORY           one line of the figures that matter most
card.py write MODELS WORK MEMORY [LOG...]   fill the tables of MODELS/CARD.md; without a LOG the curve stays
"""

import json
import os
import re
import statistics
import sys

ERRORS = ('missed', 'let_through', 'mixed')
LATENCIES = ('0.3', '0.8', '2.0')
DEFAULT = '0.8'
PRECISIONS = ('float32', 'int8')

# Vocals uSDR of MDenseNet (283 k parameters, published weights) on the songs of validation, in dB.
# Measured once, by others, on the same files; nothing here runs it.
MDENSENET = {
    'AdmiralCrumple': 10.29,
    'AntonyDellaVecchia': 0.38,
    'DaveTorre': 2.95,
    'EarlyHumans': 2.86,
    'HowToKillAConversation': 6.77,
    'JasperDegens': 11.54,
    'JohnMcKay': 6.48,
    'Piment': 8.45,
}


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return json.load(file)


def number(value, digits=2):
    return '-' if value is None else '%.*f' % (digits, value)


# ---- What was measured

def play(work, name):
    return read(work, name + '.bench')['play'][0]


def delay(work, name):
    """Seconds from input to output."""
    return play(work, name)['latency'] / 44100


def means(work, name):
    stems = read(work, name + '.json')['stems']
    return stems['vocals']['mean'], stems['rest']['mean']


def name_of(track):
    return track['track'].split('/')[-1]


def package_of(track):
    """adopt.sh names the tracks so."""
    return name_of(track).split('@')[0]


def songs(work, name):
    """The figures of the vocals of each song, by its name."""
    return {name_of(track): track for track in read(work, name + '.json')['tracks']
            if track['stem'] == 'vocals'}


def live_name(memory):
    return '-'.join((memory, DEFAULT, PRECISIONS[0]))


def residual(track, key):
    """In dB; bsm-trainer writes no number for digital silence, which counts as the faintest that 24 bits hold."""
    return -144 if track[key] is None else track[key]


def instrumental_lines(models, work):
    """What is left of music without vocals, of packages that were trained on and of others."""
    if not os.path.exists(os.path.join(work, 'instrumentals.json')):
        return []
    known = trained_packages(models)
    left = {True: [], False: []}
    for track in read(work, 'instrumentals.json')['tracks']:
        if track['stem'] == 'vocals':
            left[package_of(track) in known].append(track)
    lines = []
    for trained, label in ((True, 'it was trained on'), (False, 'it was not trained on')):
        if left[trained]:
            typical, mean = (number(statistics.median(residual(track, key) for track in left[trained]), 0)
                             for key in ('typical_residual', 'silent_residual'))
            packages = len({package_of(track) for track in left[trained]})
            lines.append('In music without vocals (30 s of each of %d tracks of %d packages that %s, '
                         'live), the median second leaves %s dB as vocals, and all seconds together, '
                         'where the loudest count, %s dB (medians over the tracks).' % (
                             len(left[trained]), packages, label, typical, mean))
    return lines


def figures(work, memory):
    whole, live = 'offline-' + PRECISIONS[0], live_name(memory)
    parts = []
    for name, label in ((whole, 'whole files'), (live, 'live, %.1f s late' % delay(work, live))):
        vocals, rest = means(work, name)
        parts.append('%s: vocals %s dB, instrumental %s dB' % (
            label, number(vocals['usdr']), number(rest['usdr'])))
    return ('mean uSDR of %d songs by acts that were not trained on (of the vocals, silence has 0 dB '
            'and centre extraction %s dB); %s' % (
                len(songs(work, whole)), number(means(work, whole)[0]['centre_usdr']),
                '; '.join(parts)))


# ---- How it was trained

def read_log(path):
    with open(path, encoding='utf-8') as file:
        return [event for event in map(json.loads, file) if event['event'] in ('step', 'epoch')]


def read_logs(paths):
    """The steps and the epochs, each as a later log has it. A log that begins at the first step is that of a run which
    began with the weights of the ones before, whose steps and epochs count before its own."""
    events = {'step': {}, 'epoch': {}}
    before = {'step': 0, 'epoch': 0}
    for path in paths:
        log = read_log(path)
        if events['step'] and log and log[0]['step'] == 1:
            before = {kind: max(found, default=0) for kind, found in events.items()}
        for event in log:
            moved = {kind: event[kind] + before[kind] for kind in before if kind in event}
            events[event['event']][moved[event['event']]] = {**event, **moved}
    if not events['step']:
        sys.exit('card.py: %s: no steps' % paths[-1])
    return events


def adopted_step(info):
    """The step whose weights these are, as bsm-trainer says in "training"."""
    found = re.search(r'\bstep (\d+)', info['metadata'].get('training', ''))
    return int(found.group(1)) if found else None


def hours_heard(events, last):
    """Of training examples, up to a step; the speeds tell how long those of a step are."""
    epochs = [e for e in events['epoch'].values() if e.get('steps_per_second')]
    if not epochs:
        return None
    seconds = epochs[-1]['audio_per_second'] / epochs[-1]['steps_per_second']
    return seconds * last / 3600


def training(info, logs):
    if not logs:
        text = info['metadata'].get('training', '')
        if '; heard ' not in text:
            sys.exit('card.py: a model that was not adopted before needs the log of its training')
        return text
    events = read_logs(logs)
    last = max(events['step']) if len(logs) > 1 else adopted_step(info) or max(events['step'])
    # Adopted once, adopted again: the trainer's own words come first.
    text = info['metadata'].get('training', 'not stated').split('; heard ')[0]
    hours = hours_heard(events, last)
    return text + ('; heard %.1f hours of examples of %g s' % (hours, info['config']['segment'])
                   if hours else '')


def trained_packages(models):
    """The folders of music that the recipe names, out of those that prepare.sh lays out."""
    with open(os.path.join(models, 'packages.tsv'), encoding='utf-8') as file:
        known = {line.split('\t')[0] for line in file if not line.startswith('#')}
    with open(os.path.join(models, 'recipe.yaml'), encoding='utf-8') as file:
        roots = re.findall(r'\{path: [^,}]*?([^/,}]+), layout: pool', file.read())
    return sorted(known.intersection(roots))


def data(models):
    packages = trained_packages(models)
    with open(os.path.join(models, 'SOURCES.md'), encoding='utf-8') as file:
        table = file.read().split('## Music without vocals')[1].split('###')[0]
    rows = re.findall(r'^\| ([a-z0-9.-]+) \|.* \| (\d+) \| (\d+) \|$', table, re.M)
    used = [(int(tracks), int(minutes)) for name, tracks, minutes in rows if name in packages]
    return ('music without vocals, %d tracks, %.1f hours, of the Debian packages %s; unaccompanied '
            'voices; speech; songs of "Everything is Free" by Software-Entwicklungskit (CC0). '
            'All sources and licences: SOURCES.md beside the model' % (
                sum(tracks for tracks, _ in used), sum(minutes for _, minutes in used) / 60,
                ', '.join(packages)))


# ---- The card

def live_row(work, memory, latency, precision):
    name = '-'.join((memory, latency, precision))
    return (name, 'live, %s, memory `%s`' % (precision, memory), '%.2f s' % delay(work, name),
            '%.3f' % play(work, name)['mean_load'])


def figure_rows(work, memory):
    other = 'bounded' if memory == 'carry' else 'carry'
    rows = []
    for precision in PRECISIONS:
        rows.append(('offline-' + precision, 'whole files, ' + precision, '', ''))
        rows += [live_row(work, memory, latency, precision) for latency in LATENCIES]
    return rows + [live_row(work, other, DEFAULT, PRECISIONS[0])]


def figure_table(models, work, memory):
    lines = ['| how | delay | vocals uSDR | vocals cSDR | missed | let through | mixed | '
             'instrumental uSDR | left in pauses | load of one core |',
             '|---|---|---|---|---|---|---|---|---|---|']
    for name, label, late, load in figure_rows(work, memory):
        vocals, rest = means(work, name)
        cells = [label, late, number(vocals['usdr']), number(vocals['csdr']),
                 *(number(vocals[key], 1) for key in ERRORS), number(rest['usdr']),
                 number(vocals['silent_residual'], 0), load]
        lines.append('| %s |' % ' | '.join(cells))
    device = play(work, live_name(memory))['device']
    lines += ['', 'All in dB but for delay and load, which is that of %s, one thread.' % device]
    return lines + instrumental_lines(models, work)


def mean(values):
    """Of all, or none."""
    return None if None in values else statistics.mean(values)


def song_row(name, cells, difference, vocals):
    cells = [name, *(number(cell) for cell in cells), '-' if difference is None else '%+.2f' % difference]
    return '| %s |' % ' | '.join(cells + [number(vocals[key], 1) for key in ERRORS])


def song_table(work, memory):
    """Each song beside what others make of it."""
    whole, live = songs(work, 'offline-' + PRECISIONS[0]), songs(work, live_name(memory))
    lines = ['| song | centre extraction | MDenseNet | bsm-live, whole files | bsm-live, live | whole files '
             'less centre extraction | missed | let through | mixed |',
             '|---|---|---|---|---|---|---|---|---|']
    rows, differences = [], []
    for name in sorted(whole):
        vocals = whole[name]
        rows.append([vocals['centre_usdr'], MDENSENET.get(name), vocals['usdr'], live[name]['usdr']])
        centre, _, own, _ = rows[-1]
        differences.append(None if None in (centre, own) else own - centre)
        lines.append(song_row(name, rows[-1], differences[-1], vocals))
    lines.append(song_row('**mean**', [mean(column) for column in zip(*rows)], mean(differences),
                          means(work, 'offline-' + PRECISIONS[0])[0]))
    return lines


def curve_table(logs):
    epochs = {key: epoch for key, epoch in read_logs(logs)['epoch'].items() if 'usdr' in epoch}
    lines = ['| epoch | steps | loss | validation uSDR | missed | let through | mixed |',
             '|---|---|---|---|---|---|---|']
    for key in sorted(epochs):
        epoch = epochs[key]
        cells = [str(key), str(epoch['step']), number(epoch['loss'], 3), number(epoch.get('usdr')),
                 *(number(epoch.get(error), 1) for error in ERRORS)]
        lines.append('| %s |' % ' | '.join(cells))
    return lines


def model_lines(models, info):
    with open(os.path.join(models, 'bsm-live.safetensors.sha256'), encoding='utf-8') as file:
        checksum = file.read().split()[0]
    metadata = info['metadata']
    return ['| | |', '|---|---|',
            '| size | %.2f million parameters, %.1f MB in float16 |' % (
                info['parameters'] / 1e6, info['bytes'] / 1e6),
            '| SHA-256 | `%s` |' % checksum,
            '| licence | %s |' % metadata['licence'],
            '| training | %s |' % metadata['training']]


def fill(text, name, lines):
    """Put lines between <!-- NAME --> and <!-- /NAME -->."""
    begin, end = '<!-- %s -->' % name, '<!-- /%s -->' % name
    before, rest = text.split(begin)
    return before + begin + '\n' + '\n'.join(lines) + '\n' + end + rest.split(end)[1]


def write(models, work, memory, logs):
    path = os.path.join(models, 'CARD.md')
    with open(path, encoding='utf-8') as file:
        text = file.read()
    text = fill(text, 'model', model_lines(models, read(work, 'info')))
    text = fill(text, 'songs', song_table(work, memory))
    text = fill(text, 'figures', figure_table(models, work, memory))
    if logs:
        text = fill(text, 'curve', curve_table(logs))
    with open(path + '.part', 'w', encoding='utf-8') as file:
        file.write(text)
    os.replace(path + '.part', path)


def main(command, *arguments):
    if command == 'blocks':
        stream = read(arguments[0])['play'][0]
        print('%d,%d' % (stream['commit'], stream['lookahead']))
    elif command == 'training':
        print(training(read(arguments[0]), arguments[1:]))
    elif command == 'data':
        print(data(arguments[0]))
    elif command == 'figures':
        print(figures(*arguments))
    elif command == 'write':
        write(*arguments[:3], arguments[3:])
    else:
        sys.exit(__doc__)


main(*(sys.argv[1:] or ['']))
