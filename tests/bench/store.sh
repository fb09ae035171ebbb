#!/usr/bin/env bash
# The graph of tests/bench/store.rs for make and ninja, timed; then `cargo bench --bench store` on the same machine.
# usage: tests/bench/store.sh [RUNS]; prints the median of RUNS (default 7) in milliseconds.
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-7}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Each tenth job reads the nine before it; a job writes its number, or joins what it reads.
graph() {
  awk -v n="$1" -v kind="$2" 'BEGIN {
    if (kind == "ninja") print "rule make\n  command = cat $in /dev/null > $out\nrule one\n  command = echo $out > $out"
    else { printf "all:"; for (i = 0; i < n; i++) printf " %d.csv", i; print "" }
    for (i = 0; i < n; i++) {
      inputs = ""
      if (i % 10 == 9) for (j = i - 9; j < i; j++) inputs = inputs " " j ".csv"
      else if (i == int(n / 2)) inputs = " source"
      if (kind == "ninja") printf "build %d.csv: %s%s\n", i, i % 10 == 9 ? "make" : "one", inputs
      else printf "%d.csv:%s\n\t%s\n", i, inputs, i % 10 == 9 ? "cat $^ > $@" : "echo $@ > $@"
    }
  }'
}

median() { # prepare, command
  for _ in $(seq "$runs"); do
    eval "$1"
    begun=$(date +%s%N)
    eval "$2" >/dev/null
    echo $((($(date +%s%N) - begun) / 10000))
  done | sort -n | awk '{ a[NR] = $1 } END { printf "%.2f ms\n", a[int((NR + 1) / 2)] / 100 }'
}

for n in 1000 10000; do
  for tool in make ninja; do
    command -v "$tool" >/dev/null || { echo "$tool is not here"; continue; }
    work="$folder/$tool-$n"
    mkdir "$work"
    cd "$work"
    echo 0 >source
    if [ "$tool" = make ]; then graph "$n" make >Makefile; run="make -j2 all"; else graph "$n" ninja >build.ninja; run="ninja -j2"; fi
    [ "$n" = 1000 ] && echo "$tool, cold, $n trivial jobs: $(median 'rm -f *.csv .ninja_*' "$run")"
    eval "$run" >/dev/null
    echo "$tool, nothing changed, $n: $(median : "$run")"
    [ "$n" = 1000 ] && echo "$tool, one changed of $n: $(median 'sleep 0.01; touch source' "$run")"
    cd - >/dev/null
  done
done
cargo bench --bench store -- --noplot 2>/dev/null | grep -E '^store|time:'
