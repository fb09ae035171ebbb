#!/usr/bin/env bash
# Builds with the feature `cuda` and checks and times everything that needs a GPU, in a few minutes on a machine with one:
# the golden bits; every kernel and every operation against the processor, bit for bit; whole trainings by digest, also
# one that moves from the processor to the GPU and back; trainings of an experiment against its lockfile; then speed, of
# products, of each kernel of a step, and of whole steps, beside cuBLAS and PyTorch where there is a `python3` with torch.
# Ends with the first thing that is wrong.
#
# `libcuda.so.1` comes with the driver; `libnvrtc.so` must be where the loader looks: of a toolkit, of PyTorch's packages,
# or of toolkit.sh beside this.
#
#   tests/bench/cuda/check.sh [EXPERIMENT/TARGET…]
set -euo pipefail
cd "$(dirname "$0")/../../.."
targets=("$@")
[ $# -gt 0 ] || targets=(pictogram-scaling-laws/smoke pictogram-scaling-laws/quick)
date -u
cargo build --release --features cuda
ibid=target/release/ibid
$ibid doctor
$ibid doctor | grep -q '^ok .*golden bits, cuda:0' || { echo "there is no GPU, or its bits are others" >&2; exit 1; }
cargo test --release --features cuda --lib -- tensor::device training::
store=$(mktemp -d)
trap 'rm -rf "$store"' EXIT
for target in "${targets[@]}"; do
    # In an empty store, so that everything is executed; --locked compares with what processors gave.
    $ibid reproduce "$target" --device cuda --locked --store "$store/store" --out "$store/out" --budget 3h
done
cargo test --release --features cuda --lib -- --ignored --nocapture speed_of_products
cargo test --release --features cuda --lib -- --ignored --nocapture speed_of_kernels
cargo bench --features cuda --bench training -- xs 1 avx2 cuda
cargo bench --features cuda --bench training -- s 1 avx2 cuda
cargo bench --features cuda --bench training -- b32 1 avx2 cuda
if python3 -c 'import torch; torch.cuda.get_device_name(0)' 2>/dev/null; then
    python3 tests/bench/cuda/peers.py
fi
