#!/usr/bin/env bash
# Builds with the feature `cuda` and checks and times everything that needs a GPU, in a few minutes on a machine with
# one: the golden bits; every kernel and every operation against the processor, bit for bit; whole trainings by digest,
# also one that moves from the processor to the GPU and back; jobs by the files they leave; then speed, of products, of
# each kernel of a step, and of whole steps, beside cuBLAS and PyTorch where there is a `python3` with torch; then
# trainings of experiments against their lockfile, as they are, and bound to the GPU's class (profile `bf16`), whose lines
# are made here (`bf16.lock` of OUT) unless CLASS_LOCK is a lockfile that another GPU of the class made.
# Goes on after what is wrong, names it at the end, and exits with 1 then. All of it is also in `check.log` of OUT.
#
# `libcuda.so.1` comes with the driver; `libnvrtc.so` must be where the loader looks: of a toolkit (one in /usr/local is
# found), of PyTorch's packages, or of toolkit.sh beside this. Where there is no Rust, BUILT names the folder into which
# what pack.sh beside this made was unpacked.
#
#   [BUILT=DIR] [OUT=target/cuda] [CLASS_LOCK=FILE] tests/bench/cuda/check.sh [EXPERIMENT/TARGET…]
set -euo pipefail
[ -z "${BUILT:-}" ] || BUILT=$(realpath "$BUILT")
[ -z "${CLASS_LOCK:-}" ] || CLASS_LOCK=$(realpath "$CLASS_LOCK")
[ -z "${OUT:-}" ] || OUT=$(realpath -m "$OUT")
cd "$(dirname "$0")/../../.."
OUT=${OUT:-$PWD/target/cuda}
mkdir -p "$OUT"
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
    ibid=$PWD/target/release/ibid
    tests() { cargo test --release --features cuda --lib -- "$@"; }
    training() { cargo bench --features cuda --bench training -- "$@"; }
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

failed=()
try() {
    echo "== $*"
    "$@" || failed+=("$*")
}
golden_bits() {
    local code=0
    "$ibid" doctor > "$scratch/doctor" || code=$?
    cat "$scratch/doctor"
    grep -q '^ok .*golden bits, cuda:0' "$scratch/doctor" || { echo "there is no GPU, or its bits are others"; code=1; }
    return "$code"
}
# In an empty store, so that everything is executed; --locked compares with what processors gave.
reproduce() {
    local folder
    folder=$(mktemp -d -p "$scratch")
    "$ibid" reproduce "$1" --device cuda --locked --store "$folder/store" --out "$folder/out" --budget 3h
}
# The trainings of smoke and quick with their products on tensor cores: locked, unless they are, and executed once more.
of_the_class() (
    folder=$scratch/class name=pictogram-scaling-laws
    class=$(sed -n 's/.*, class \([0-9]*\)\.\([0-9]*\), .*/sm_\1\2/p' "$scratch/doctor" | head -n 1)
    mkdir "$folder" && cp -r experiments lockfiles "$folder" && cd "$folder" || return 1
    sed -i "s|, captions = schema.CaptionChoice.Drawn|& , profile = Some \"bf16/$class/1\"|" "experiments/$name/package.dhall"
    grep -q "bf16/$class/1" "experiments/$name/package.dhall" || { echo "the trainings are not bound"; return 1; }
    if [ -n "${CLASS_LOCK:-}" ]; then
        cp "$CLASS_LOCK" "lockfiles/$name.lock"
    else
        "$ibid" lock "$name/quick" --device cuda && "$ibid" lock "$name/smoke" --device cuda || return 1
        cp "lockfiles/$name.lock" "$OUT/bf16.lock"
    fi
    "$ibid" verify "$name/smoke" --device cuda && "$ibid" verify "$name/quick" --device cuda
)
# Without the toolkit's libraries: PyTorch brings its own.
torch() { env -u LD_LIBRARY_PATH python3 "$@"; }
check() {
    date -u
    [ -n "${BUILT:-}" ] || cargo build --release --features cuda || exit 1
    try golden_bits
    try tests tensor::device training:: jobs::tests
    try tests --ignored --nocapture speed_of_products
    try tests --ignored --nocapture speed_of_kernels
    for model in xs s b32; do
        try training "$model" 1 avx2 cuda
    done
    if torch -c 'import torch; torch.cuda.get_device_name(0)' 2> /dev/null; then
        try torch tests/bench/cuda/peers.py
    else
        echo "no PyTorch here that sees a GPU"
    fi
    for target in "${targets[@]}"; do
        try reproduce "$target"
    done
    try of_the_class
    [ ${#failed[@]} -eq 0 ] || printf 'FAILED: %s\n' "${failed[@]}"
    return $((${#failed[@]} > 0))
}
check 2>&1 | tee "$OUT/check.log"
