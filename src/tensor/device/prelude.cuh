// What every kernel is written with. Compiled by CUDA's compilers, or as C++ under `emulator.h`.
//
// Flags that belong to the definitions: -fmad=false --prec-div=true --prec-sqrt=true --ftz=false. An fma is always
// written as one. A kernel takes one structure of arguments, which `arguments.rs` mirrors field by field; addresses
// are 8 bytes, sizes 4 or 8. Sizes of elements are in elements, not bytes.

typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned char u8;

#ifdef __CUDACC__
#define KERNEL(name, Arguments, threads) \
    extern "C" __global__ void __launch_bounds__(threads) name(const Arguments a)
#endif

#define DEVICE static __device__ __forceinline__

// All lanes of a warp take part in every shuffle.
#define EVERYBODY 0xffffffffu

// The place of this thread among all of a one-dimensional grid, and how many there are.
DEVICE u64 first_place() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE u64 stride_of_places() { return (u64)gridDim.x * blockDim.x; }

DEVICE float number(u32 bits) { return __uint_as_float(bits); }
DEVICE bool is_nan(float x) { return x != x; }
