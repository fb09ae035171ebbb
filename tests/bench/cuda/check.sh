#!/usr/bin/env bash
# Builds with the feature `cuda` and checks and times everything that needs a GPU, in a few minutes on a machine with one:
# the golden bits; every kernel and every operation against the processor, bit for bit; whole trainings by digest, also
# one that moves from the processor to the GPU and back; jobs by the files they leave; trainings of an experiment against
# its lockfile; then speed, of products, of each kernel of a step, and of whole steps, beside cuBLAS and PyTorch where
# there is a `python3` with torch.
# Ends with the first thing that is wrong.
#
# `libcuda.so.1` comes with the driver; `libnvrtc.so` must be where the loader looks: of a toolkit (one in /usr/local is
# found), of PyTorch's packages, or of toolkit.sh beside this. Where there is no Rust, BUILT names the folder into which
# what pack.sh beside this made was unpacked.
#
#   [BUILT=DIR] tests/bench/cuda/check.sh [EXPERIMENT/TARGET…]
set -euo pipefail
cd "$(dirname "$0")/../../.."
targets=("$@")
[ $# -gt 0 ] || targets=(pictogram-scaling-laws/smoke pictogram-scaling-laws/quick)
for folder in /usr/local/cuda*/targets/*/lib; do
    if ls "$folder"/libnvrtc.so* > /dev/null 2>&1; then
        export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder"
    fi
done
if [ -n "${BUILT:-}" ]; then
    ibid=$BUILT/ibid
    tests() { "$BUILT/tests" "$@"; }
    training() { "$BUILT/training" --bench "$@"; }
else
    cargo build --release --features cuda
    ibid=target/release/ibid
    tests() { cargo test --release --features cuda --lib -- "$@"; }
    training() { cargo bench --features cuda --bench training -- "$@"; }
fi
date -u
$ibid doctor
$ibid doctor | grep -q '^ok .*golden bits, cuda:0' || { echo "there is no GPU, or its bits are others" >&2; exit 1; }
tests tensor::device training:: jobs::tests
store=$(mktemp -d)
trap 'rm -rf "$store"' EXIT
for target in "${targets[@]}"; do
    # In an empty store, so that everything is executed; --locked compares with what processors gave.
    $ibid reproduce "$target" --device cuda --locked --store "$store/store" --out "$store/out" --budget 3h
done
tests --ignored --nocapture speed_of_products
tests --ignored --nocapture speed_of_kernels
for model in xs s b32; do
    training "$model" 1 avx2 cuda
done
if python3 -c 'import torch; torch.cuda.get_device_name(0)' 2>/dev/null; then
    python3 tests/bench/cuda/peers.py
fi
