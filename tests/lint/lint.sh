#!/bin/sh
# SPDX-License-Identifier: ISC
# One check over the sources that git knows: lint.sh ROOT CHECK. Exit status 77: skipped.
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
without-cmocka) # As on a machine that only builds: the packages of the tests are not there.
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
manual)
    need mandoc
    git ls-files '*.1' | xargs mandoc -T lint -W warning
    ;;
*)
    echo "no check named $2"
    exit 2
    ;;
esac
