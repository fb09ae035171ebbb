#!/usr/bin/env bash
# Builds what check.sh beside this runs and packs it into FILE (.tar.xz, some 35 MB), for a machine that has a GPU and
# this repository but no Rust:
#
#   tests/bench/cuda/pack.sh FILE          here
#   mkdir DIR && tar -xf FILE -C DIR       there, or, where there is no `xz`,
#   python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' FILE DIR
#   BUILT=DIR tests/bench/cuda/check.sh    and then, in a checkout
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
# The three have most of their bytes in common, farther apart than presets look back.
tar -C "$folder" -cf - ibid tests training | xz -T0 --lzma2=preset=2,dict=128MiB > "$file"
ls -l "$file"
