#!/usr/bin/env bash
# Builds what check.sh beside this runs and packs it into FILE (.tar.xz, some 60 MB), for a machine that has a GPU and this
# repository but no Rust:
#
#   tests/bench/cuda/pack.sh FILE          here
#   mkdir DIR && tar -xf FILE -C DIR       there, and then, in a checkout
#   BUILT=DIR tests/bench/cuda/check.sh
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 FILE" >&2; exit 2; }
file=$(realpath -m "$1")
cd "$(dirname "$0")/../../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
executable() { sed -n 's/.*Executable.*(\(.*\))$/\1/p'; }
cargo build --release --features cuda
tests=$(cargo test --release --features cuda --lib --no-run 2>&1 | executable)
bench=$(cargo bench --features cuda --bench training --no-run 2>&1 | executable)
strip -o "$folder/ibid" target/release/ibid
strip -o "$folder/tests" "$tests"
strip -o "$folder/training" "$bench"
tar -C "$folder" -cf - ibid tests training | xz -T0 -2 > "$file"
ls -l "$file"
