#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs one check of the sources that git knows: lint.sh ROOT CHECK. Exit status 77: skipped.
set -eu
cd "$1"
command -v git >/dev/null && git rev-parse --git-dir >/dev/null 2>&1 || exit 77
need() { command -v "$1" >/dev/null || { echo "$1 is not installed"; exit 77; }; }

case $2 in
format)
    need clang-format
    git ls-files '*.c' '*.h' '*.cc' '*.cu' | xargs clang-format --dry-run --Werror
    ;;
shape)
    git ls-files '*.c' '*.h' '*.cc' '*.cu' | xargs python3 tests/lint/shape.py
    ;;
types)
    git ls-files '*.c' '*.h' '*.cc' '*.cu' | xargs python3 tests/lint/types.py
    ;;
options)
    python3 tests/lint/options.py
    python3 tests/lint/keys.py
    ;;
cppcheck)
    need cppcheck
    git ls-files 'engine/*.c' 'cuda/*.c' 'standalone/*.c' 'plugin/*.c' 'trainer/*.c' |
        xargs cppcheck --quiet --std=c11 --enable=warning,performance,portability \
            --inline-suppr --suppressions-list=tests/lint/cppcheck.txt --error-exitcode=1 \
            -Iengine/include -Iengine -Icuda -Istandalone/common -Istandalone/separate -Iplugin -Itrainer \
            -DBSM_LV2_URI='""' -j 2
    ;;
cxx-headers)
    need g++
    for header in engine/include/bsm/*.h; do
        g++ -std=c++17 -Wall -Wextra -Wshadow -Wconversion -Werror -fsyntax-only \
            -Iengine/include -include stdint.h -x c++ "$header"
    done
    ;;
without-cmocka) # On a machine that only builds, the packages of the tests are missing.
    need meson
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cat >"$folder/pkg-config" <<'EOF'
#!/bin/sh
case "$*" in *cmocka*) exit 1 ;; esac
exec pkg-config "$@"
EOF
    chmod +x "$folder/pkg-config"
    CMAKE=false PKG_CONFIG=$folder/pkg-config meson setup "$folder/build" >"$folder/log" || { cat "$folder/log"; exit 1; }
    grep -q 'cmocka found: NO' "$folder/log"
    ;;
version) # The project, the news and the package must have the same version, and the same date.
    version=$(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build)
    date=$(sed -n "s/.*'DATE': '\(.*\)'.*/\1/p" meson.build)
    grep -m 1 '^[0-9]' NEWS | grep -qx "$version ($date)" || { echo "NEWS begins with another version"; exit 1; }
    head -n 1 debian/changelog | grep -q "^bsm ($version-" ||
        { echo "debian/changelog begins with another version"; exit 1; }
    ;;
spelling)
    need codespell
    git ls-files '*.c' '*.h' '*.cc' '*.cu' '*.md' '*.1' '*.py' '*.sh' '*.build' '*.in' '*.part' NEWS debian |
        xargs codespell --ignore-words=tests/lint/codespell.txt
    ;;
shell)
    need shellcheck
    git ls-files '*.sh' .ci/run | xargs shellcheck
    ;;
python)
    need pycodestyle
    need pyflakes3
    git ls-files '*.py' | xargs pyflakes3
    git ls-files '*.py' | xargs pycodestyle --max-line-length=160
    ;;
desktop)
    need desktop-file-validate
    need appstreamcli
    desktop-file-validate standalone/live/bsm-live.desktop
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    for file in standalone/live/*.xml.in plugin/*.xml.in; do
        sed 's/@VERSION@/1.0/; s/@DATE@/2026-01-01/' "$file" >"$folder/$(basename "$file" .in)"
    done
    appstreamcli validate --no-net "$folder"/*.xml
    ;;
manual)
    need mandoc
    git ls-files '*.1' | xargs mandoc -T lint -W warning
    ;;
*)
    echo "no check named $2"
    exit 2
    ;;
esac
