#!/usr/bin/env bash
# Runs SEEDS seeds (default 5000) of the simulated executor; prints how often each fault happened.
# usage: SEEDS=5000 tests/bench/simulation.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
SEEDS=${SEEDS:-5000} cargo test --release --lib -- simulation --nocapture
