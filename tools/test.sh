#!/bin/sh
# SPDX-License-Identifier: ISC
# Install what is needed, build, and run all tests but that of suite long: as users build it, under
# the address and undefined-behaviour sanitizers (but for what is slow, plays in real time or needs
# CUDA), the threaded parts and the kernels under the thread sanitizer, and the network without
# oneDNN. Ends in "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
# shellcheck disable=SC2046 # a list of words
sh tools/packages.sh $(cat tools/build-packages.txt tools/test-packages.txt)

passed=0 failed=0

# run_tests FOLDER "SETUP OPTIONS" "TEST OPTIONS": builds what the tests need
run_tests() {
    echo "== $1"
    # shellcheck disable=SC2086 # lists of words
    [ -f "$1/build.ninja" ] || meson setup "$1" -Dwerror=true -Dtests=enabled $2 >/dev/null
    # shellcheck disable=SC2086
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
run_tests build-test "" "--no-suite long"
run_tests build-asan \
    "-Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized \
    -Dc_args=-g1 -Dcpp_args=-g1 -Dcuda=disabled" \
    "--suite unit --suite integration --no-suite slow --no-suite realtime --timeout-multiplier 4"
run_tests build-tsan "-Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized \
    -Dc_args=-g1 -Dcpp_args=-g1 -Dcuda=disabled -Dplugin=disabled" \
    "stream stream-changes stream-failure stream-soak files loader pipe_threads separate cuda-exec cuda-kernels \
    cuda-band-kernels cuda-loss-kernels cuda-path-kernels cuda-scan-kernels cuda-scan-backward-kernels \
    cuda-signal-kernels cuda-sum-kernels cuda-fused-scan cuda-fused-scan-backward \
    cuda-race-without-barrier cuda-race-too-soon --timeout-multiplier 4"
run_tests build-plain "-Donednn=disabled -Dcuda=disabled -Dplugin=disabled -Dtrainer=disabled" \
    "kernels scan scan_gradients network golden-tiny training_cpu training-golden-cpu"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
