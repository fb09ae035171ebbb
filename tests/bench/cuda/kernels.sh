#!/usr/bin/env bash
# Compiles the kernels for sm_90 with nvcc (needs no GPU) and holds the result against what the definitions ask for: no
# operation on floating-point numbers but those that round to nearest, no flushing of subnormal numbers, and no
# multiplication fused with an addition that the sources do not write as one. One kernel, `product_bf16`, has the one
# instruction of tensor cores that a profile of a device class asks for. Prints registers, shared memory and spills of each
# kernel.
#
#   NVCC=nvcc tests/bench/cuda/kernels.sh [DIR]
set -euo pipefail
cd "$(dirname "$0")/../../.."
NVCC=${NVCC:-nvcc}
DIR=${1:-$(mktemp -d)}
mkdir -p "$DIR"
device=src/tensor/device
# The sources in the order in which the program has them.
sed -n 's/.*include_str!("\(.*\.cuh*\)").*/\1/p' $device/sources.rs | while read -r source; do
    echo "#line 1 \"$source\""
    cat "$device/$source"
done > "$DIR/kernels.cu"
flags=(-std=c++17 -arch=sm_90 -fmad=false --prec-div=true --prec-sqrt=true --ftz=false)
"$NVCC" "${flags[@]}" -ptx -o "$DIR/kernels.ptx" "$DIR/kernels.cu"
"$NVCC" "${flags[@]}" -cubin -Xptxas -v -o "$DIR/kernels.cubin" "$DIR/kernels.cu" 2>&1 |
    awk '/Compiling entry function/ { gsub(/\047/, "", $7); name = $7 }
         /bytes stack frame/ { spills = $5 + $9 }
         /Used [0-9]+ registers/ {
             smem = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH) : "no smem"
             printf "%-28s %4d registers  %-18s %d bytes spilled\n", name, $5, smem, spills
         }'
operations=$(grep -oE '\b(abs|add|cos|div|ex2|fma|lg2|mad|max|min|mma|mul|neg|rcp|rsqrt|sin|sqrt|sub|tanh)\.[a-z0-9.]*f(16|32|64)' \
    "$DIR/kernels.ptx" | sort | uniq -c)
echo "$operations"
wrong=$(echo "$operations" | grep -vE ' (add|div|fma|mul|rcp|sqrt|sub)\.rn\.f(32|64)$| (abs|max|min|neg)\.f(32|64)$' |
    grep -vF ' mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32' || true)
if [ -n "$wrong" ]; then
    echo "operations that do not round as the definitions say:"$'\n'"$wrong" >&2
    exit 1
fi
elsewhere=$(awk '/^\.visible \.entry/ { split($3, parts, "("); name = parts[1] }
                 /mma/ && name != "product_bf16" { print name }' "$DIR/kernels.ptx" | sort -u)
[ -z "$elsewhere" ] || { echo "tensor cores in kernels that are portable: $elsewhere" >&2; exit 1; }
# Every fma of the program is one of the sources' own: allowing more of them would show as more.
"$NVCC" "${flags[@]/-fmad=false/-fmad=true}" -ptx -o "$DIR/fused.ptx" "$DIR/kernels.cu"
own=$(grep -c 'fma\.rn\.f' "$DIR/kernels.ptx") fused=$(grep -c 'fma\.rn\.f' "$DIR/fused.ptx")
echo "fused multiply-adds: $own of the sources; $fused if the compiler could make its own"
[ "$own" -lt "$fused" ] || { echo "the flag has no effect" >&2; exit 1; }
