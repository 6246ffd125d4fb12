#!/bin/sh
# SPDX-License-Identifier: ISC
# Install what is needed, build, and run all tests except suite long: as users build it; under the
# address and undefined-behaviour sanitizers (without tests that are slow, play in real time or need
# CUDA); the threaded parts and the kernels (suite threads) under the thread sanitizer; and the
# network (suite plain) without oneDNN. The last line is "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
# shellcheck disable=SC2046 # a list of words
sh tools/packages.sh $(cat tools/build-packages.txt tools/test-packages.txt)

passed=0 failed=0 priority=""
# One more than there are cores, since some tests mostly wait.
processes=$(($(nproc) + 1))

# prepare FOLDER "SETUP OPTIONS"
prepare() {
    # shellcheck disable=SC2086 # a list of words
    [ -f "$1/build.ninja" ] || meson setup "$1" -Dwerror=true -Dtests=enabled $2 >/dev/null
}

# run_tests FOLDER "SETUP OPTIONS" "TEST OPTIONS" LOG: build what the tests need, and run them
run_tests() {
    prepare "$1" "$2"
    # shellcheck disable=SC2086 # lists of words
    $priority meson test -C "$1" --num-processes "$processes" --print-errorlogs $3 >"$1/$4.log" 2>&1 || true
}

# report FOLDER LOG: show the results of run_tests, and count them
report() {
    echo "== $1 $2"
    grep -v '^\[[0-9]*/[0-9]*\] \(Compiling\|Linking\|Generating\)' "$1/$2.log"
    ok=$(sed -n 's/^Ok: *\([0-9]*\).*/\1/p' "$1/$2.log")
    bad=$(sed -n 's/^\(Fail\|Timeout\|Unexpected Pass\): *\([0-9]*\).*/\2/p' "$1/$2.log" |
        paste -sd+ | sed 's/^$/0/')
    passed=$((passed + ${ok:-0}))
    failed=$((failed + ${bad:-1}))
    [ "${ok:-0}" -gt 0 ] || failed=$((failed + 1))
}

command -v nvcc >/dev/null || echo "nvcc is not installed: the CUDA module is neither built nor tested"
# Nothing here runs a GPU's code, so it is compiled for one kind of GPU only.
plain="-Dgpu_architectures=90"
sanitized="-Db_lundef=false -Dbuildtype=debugoptimized -Doptimization=1 -Dc_args=-g1 -Dcpp_args=-g1 -Dcuda=disabled"

run_tests build-test "$plain" "--no-suite long --no-suite realtime" test
report build-test test

# Tests that play in real time mostly wait, so the sanitizers use the remaining time.
{
    priority="nice -n 19"
    run_tests build-asan "$sanitized -Db_sanitize=address,undefined" "--suite unit --suite integration
        --no-suite slow --no-suite realtime --timeout-multiplier 6" test
    run_tests build-tsan "$sanitized -Db_sanitize=thread -Dplugin=disabled" "--suite threads
        --timeout-multiplier 6" test
    run_tests build-plain "-Donednn=disabled -Dcuda=disabled -Dplugin=disabled -Dtrainer=disabled" \
        "--suite plain" test
} &
run_tests build-test "" "--suite realtime" realtime
report build-test realtime
wait
for folder in build-asan build-tsan build-plain; do
    report $folder test
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
