#!/usr/bin/env bash
# Kills a run KILLS times (default 200) with SIGKILL at random points; prints each kill and what was under way.
# usage: KILLS=200 SEED=7 tests/bench/kills.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
KILLS=${KILLS:-200} SEED=${SEED:-7} cargo test --release --test stories -- kills::a_run --nocapture
