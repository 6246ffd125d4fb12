#!/bin/sh
# SPDX-License-Identifier: ISC
# Install what is needed, build, and run all tests but that of suite long: as users build it, under
# the address and undefined-behaviour sanitizers (but for what is slow, plays in real time or needs
# CUDA), the threaded parts and the kernels (suite threads) under the thread sanitizer, and the
# network (suite plain) without oneDNN. Ends in "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
# shellcheck disable=SC2046 # a list of words
sh tools/packages.sh $(cat tools/build-packages.txt tools/test-packages.txt)

passed=0 failed=0

# prepare FOLDER "SETUP OPTIONS"
prepare() {
    # shellcheck disable=SC2086 # a list of words
    [ -f "$1/build.ninja" ] || meson setup "$1" -Dwerror=true -Dtests=enabled $2 >/dev/null
}

# build_tests FOLDER "SETUP OPTIONS" "TEST OPTIONS": what run_tests would build, at low priority
build_tests() {
    prepare "$1" "$2"
    # shellcheck disable=SC2086 # a list of words
    nice -n 19 meson test -C "$1" --wrapper true $3 >"$1/compile.log" 2>&1 || true
}

# run_tests FOLDER "SETUP OPTIONS" "TEST OPTIONS": builds what the tests need
run_tests() {
    echo "== $1 $3"
    prepare "$1" "$2"
    # shellcheck disable=SC2086 # a list of words
    meson test -C "$1" --print-errorlogs $3 >"$1/test.log" 2>&1 || true
    grep -v '^\[[0-9]*/[0-9]*\] \(Compiling\|Linking\|Generating\)' "$1/test.log"
    ok=$(sed -n 's/^Ok: *\([0-9]*\).*/\1/p' "$1/test.log")
    bad=$(sed -n 's/^\(Fail\|Timeout\|Unexpected Pass\): *\([0-9]*\).*/\2/p' "$1/test.log" |
        paste -sd+ | sed 's/^$/0/')
    passed=$((passed + ${ok:-0}))
    failed=$((failed + ${bad:-1}))
    [ "${ok:-0}" -gt 0 ] || failed=$((failed + 1))
}

command -v nvcc >/dev/null || echo "nvcc is not installed: the CUDA module is neither built nor tested"
with_asan="-Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
    -Dc_args=-g1 -Dcpp_args=-g1 -Dcuda=disabled"
with_tsan="-Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized
    -Dc_args=-g1 -Dcpp_args=-g1 -Dcuda=disabled -Dplugin=disabled"
under_asan="--suite unit --suite integration --no-suite slow --no-suite realtime --timeout-multiplier 4"
under_tsan="--suite threads --timeout-multiplier 4"
with_plain="-Donednn=disabled -Dcuda=disabled -Dplugin=disabled -Dtrainer=disabled"
run_tests build-test "" "--no-suite long --no-suite realtime"
# What plays in real time mostly waits: the next builds take the time that it leaves.
{
    build_tests build-asan "$with_asan" "$under_asan"
    build_tests build-tsan "$with_tsan" "$under_tsan"
    build_tests build-plain "$with_plain" "--suite plain"
} &
run_tests build-test "" "--suite realtime"
wait
run_tests build-asan "$with_asan" "$under_asan"
run_tests build-tsan "$with_tsan" "$under_tsan"
run_tests build-plain "$with_plain" "--suite plain"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
