#!/usr/bin/env bash
# Puts CUDA's compilers into DIR, from Python packages (300 MB; half a minute): nvcc, to look at what the kernels become,
# and the run-time compiler, which a program built with the feature `cuda` loads. The program itself builds without them.
#
#   tests/bench/cuda/toolkit.sh DIR && source DIR/env.sh
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
DIR=$(mkdir -p "$1" && cd "$1" && pwd)
# Newer ones make PTX that drivers of CUDA 13.0 refuse.
[ -d "$DIR/venv" ] || python3 -m venv "$DIR/venv"
"$DIR/venv/bin/pip" install -q --no-compile --no-deps \
    nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-nvrtc==13.0.88 \
    nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
CU=$(echo "$DIR"/venv/lib/python3*/site-packages/nvidia/cu13)
cat > "$DIR/env.sh" <<X
export NVCC=$CU/bin/nvcc
export LD_LIBRARY_PATH=$CU/lib\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
X
echo "source $DIR/env.sh"
