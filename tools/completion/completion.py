#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Print a shell's completion of a program's options, from the table in its source:
completion.py bash|zsh|fish PROGRAM SOURCE.c [COMMAND...]
"""

import re
import sys

# An entry of a table of program_option (standalone/common/program_options.h): name, value, the rest.
ENTRY = re.compile(r"""\{"([a-z-]*)",\s*(?:'.'|0),\s*("[^"]+"|NULL),((?:"[^"]*"|[^"}])*)\}""")
OLD_SPELLING = '.set = NULL'


def read_options(path):
    """Return (name, takes a value) of each option in a program's table, without old spellings."""
    with open(path, encoding='utf-8') as file:
        options = [(name, value != 'NULL') for name, value, rest in ENTRY.findall(file.read())
                   if OLD_SPELLING not in rest]
    if not options:
        sys.exit(path + ': has no table of options')
    return options + [('help', False), ('version', False)]


def bash(program, options, commands):
    words = ' '.join('--' + name for name, _ in options)
    values = '|'.join('--' + name for name, value in options if value) or '--'
    function = '_' + program.replace('-', '_')
    first = '''    if [[ $COMP_CWORD = 1 && $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "%s" -- "$word")
    fi
''' % ' '.join(commands) if commands else ''
    return f'''{function}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    case $before in {values}) return ;; esac
    if [[ $word = -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "{words}" -- "$word")
    fi
{first}}}
complete -o default -F {function} {program}
'''


def zsh(program, options, commands):
    lines = ["'--" + name + ("=:value:_files'" if value else "'") for name, value in options]
    lines += ["'1:command:(%s)'" % ' '.join(commands)] if commands else []
    return '#compdef %s\n_arguments -S \\\n    %s\n' % (program, ' \\\n    '.join(lines + ["'*:file:_files'"]))


def fish(program, options, commands):
    lines = ['complete -c %s -l %s%s' % (program, name, ' -r' if value else '')
             for name, value in options]
    lines += ['complete -c %s -n __fish_use_subcommand -a "%s"' % (program, ' '.join(commands))] \
        if commands else []
    return '\n'.join(lines) + '\n'


def main():
    shell, program, source, *commands = sys.argv[1:]
    make = {'bash': bash, 'zsh': zsh, 'fish': fish}[shell]
    sys.stdout.write(make(program, read_options(source), commands))


if __name__ == '__main__':
    main()
