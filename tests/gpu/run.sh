#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs all tests that need a real GPU, on a machine that has only nvcc with cuBLAS, gcc, meson and
# ninja: builds without any other library, then tests parity with `reference`, golden numbers,
# fallbacks and times, and runs compute-sanitizer.
#
#     run.sh [BUILD FOLDER [PART...]]
#
# The parts are: right, failing, times, sanitizer. By default all are run.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build-gpu}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- right failing times sanitizer
[ -f "$build/build.ninja" ] ||
    meson setup "$build" -Dbare=true -Dcuda=enabled -Donednn=disabled
ninja -C "$build"
build=$(cd "$build" && pwd)
export LD_LIBRARY_PATH="$build/cuda${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export BSM_TEST_DATA="$PWD/tests/data"
tests=$build/tests/gpu
failed=0

# check NAME COMMAND...
check() {
    name=$1
    shift
    echo "== $name"
    status=0
    "$@" || status=$?
    case $status in
    0) echo "== $name: passed" ;;
    77) echo "== $name: skipped" ;;
    *) echo "== $name: FAILED ($status)"; failed=$((failed + 1)) ;;
    esac
}

run_right() {
    check parity "$tests/gpu_parity" 100
    check golden "$tests/gpu_golden"
    check training "$tests/gpu_training" 40
    check "golden training" "$tests/gpu_training_golden"
    check "two GPUs" "$tests/gpu_peers" lose
    check "two processes on one GPU" "$tests/gpu_peers" share lose
}

run_failing() {
    check "no GPU" env CUDA_VISIBLE_DEVICES= "$tests/gpu_fallbacks" none
    for microseconds in 0 300 1500; do
        check "a GPU that fails, $microseconds us" "$tests/gpu_failing_gpu" $microseconds
    done
    check "full memory" "$tests/gpu_fallbacks" memory
}

run_times() {
    check "times of the scan" "$tests/gpu_scan_times" 4
    check times "$tests/gpu_times" paper
    check "times of training" "$tests/gpu_training_times" paper
}

run_sanitizer() {
    sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
    if [ ! -x "$sanitizer" ]; then
        echo "== compute-sanitizer is not here: skipped"
        return
    fi
    for test in "gpu_parity 10" gpu_training_golden "gpu_training 8"; do
        # shellcheck disable=SC2086 # a name and an argument
        check "memcheck, $test" "$sanitizer" --tool memcheck --error-exitcode 1 "$tests/"$test
    done
    for test in "gpu_parity 3" "gpu_training 1" "gpu_training 0"; do
        for tool in racecheck synccheck; do
            # shellcheck disable=SC2086 # a name and an argument
            check "$tool, $test" env LD_PRELOAD="$tests/libplain-cublas.so" \
                timeout 1800 "$sanitizer" --tool $tool --error-exitcode 1 "$tests/"$test
        done
    done
}

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || true
for part; do
    case $part in
    right | failing | times | sanitizer) "run_$part" ;;
    *) echo "$part: no such part"; exit 2 ;;
    esac
done
echo "$failed failed"
[ "$failed" = 0 ]
