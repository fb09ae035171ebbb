#!/usr/bin/env bash
# Builds every target with the stable compiler: coverage by LLVM's pass, no sanitizer, checksums of `png` off.
# usage: tests/fuzz/build.sh [CARGO ARGUMENTS]; TARGET_DIR (default target/fuzz) holds what is built.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR=${TARGET_DIR:-../../target/fuzz}
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table"
# A target of its own keeps the flags away from build scripts and procedural macros.
exec cargo build --release --target "$(rustc -vV | sed -n 's/^host: //p')" "$@"
