#!/usr/bin/env bash
# Keeps the corpora: one archive a target in tests/fuzz/corpus, the smallest set of inputs with the same coverage.
# usage: tests/fuzz/corpus.sh unpack FOLDER          unpacks every archive to FOLDER/TARGET
#        tests/fuzz/corpus.sh pack FOLDER [TARGET…]  packs FOLDER/TARGET, made smaller by the target itself (build.sh)
set -euo pipefail
cd "$(dirname "$0")"
[ $# -ge 2 ] || { sed -n '3,4s/^# //p' "$0" >&2; exit 2; }
what=$1 folder=$(mkdir -p "$2" && cd "$2" && pwd)
shift 2
programs="${TARGET_DIR:-../../target/fuzz}/$(rustc -vV | sed -n 's/^host: //p')/release"
case $what in
unpack)
  for archive in corpus/*.tar.gz; do
    target=$(basename "$archive" .tar.gz)
    mkdir -p "$folder/$target"
    tar -xzf "$archive" -C "$folder/$target"
    echo "$target: $(find "$folder/$target" -type f | wc -l) inputs"
  done
  ;;
pack)
  [ $# -gt 0 ] || set -- $(cd fuzz_targets && basename -s .rs -- *.rs)
  mkdir -p corpus
  for target; do
    least=$(mktemp -d)
    "$programs/$target" -merge=1 -timeout=30 -rss_limit_mb=2560 "$least" "$folder/$target" 2>/dev/null
    # The same inputs give the same archive.
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r -C "$least" -cf - . |
      gzip -n9 >"corpus/$target.tar.gz"
    echo "$target: $(find "$least" -type f | wc -l) inputs"
    rm -rf "$least"
  done
  ;;
*)
  sed -n '3,4s/^# //p' "$0" >&2
  exit 2
  ;;
esac
