// What every kernel is written with. Compiled by CUDA's compilers, or as C++ under `emulator.h`.
//
// Flags that belong to the definitions: -fmad=false --prec-div=true --prec-sqrt=true --ftz=false. An fma is always
// written as one. A kernel takes one structure of arguments, which `arguments.rs` mirrors field by field; addresses
// are 8 bytes, sizes 4 or 8. Sizes of elements are in elements, not bytes.

typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned char u8;

// After the arguments: how many threads a block may have, and how many blocks shall find room on a processor.
#ifdef __CUDACC__
#define KERNEL(name, Arguments, ...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__) name(const Arguments a)
// The shared memory of a block that a launch asks for.
#define SHARED(name) extern __shared__ __align__(16) float name[]
#endif

#define DEVICE static __device__ __forceinline__
#define MEMBER __device__ __forceinline__

// All lanes of a warp take part in every shuffle.
#define EVERYBODY 0xffffffffu

// The place of this thread among all of a one-dimensional grid, and how many there are.
DEVICE u64 first_place() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE u64 stride_of_places() { return (u64)gridDim.x * blockDim.x; }

DEVICE float number(u32 bits) { return __uint_as_float(bits); }
DEVICE bool is_nan(float x) { return x != x; }

#ifdef __CUDACC__
// A place in shared memory as copies are told it.
typedef u32 SharedPlace;
DEVICE SharedPlace shared_place(const float *at) { return (u32)__cvta_generic_to_shared(at); }
DEVICE SharedPlace behind(SharedPlace place, u32 bytes) { return place + bytes; }

// Copies of one number, or of four, from global to shared memory, FURTHER elements behind a place, past the registers, if
// they are wanted; without a branch. They are begun here, and there after `await_copies`.
template <int FURTHER>
DEVICE void copy_one(bool wanted, SharedPlace to, const float *from) {
    asm volatile("{ .reg .pred p; setp.ne.u32 p, %2, 0; @p cp.async.ca.shared.global [%0 + %3], [%1], 4; }"
                 :: "r"(to), "l"(from), "r"((u32)wanted), "n"(4 * FURTHER) : "memory");
}
template <int FURTHER>
DEVICE void copy_four(bool wanted, SharedPlace to, const float *from) {
    asm volatile("{ .reg .pred p; setp.ne.u32 p, %2, 0; @p cp.async.cg.shared.global [%0 + %3], [%1], 16; }"
                 :: "r"(to), "l"(from), "r"((u32)wanted), "n"(4 * FURTHER) : "memory");
}

// Reads four numbers if they are wanted; without a branch.
DEVICE void read_if(bool wanted, float4 &to, const float *from) {
    asm volatile("{ .reg .pred p; setp.ne.u32 p, %5, 0; @p ld.global.cg.v4.f32 {%0, %1, %2, %3}, [%4]; }"
                 : "=f"(to.x), "=f"(to.y), "=f"(to.z), "=f"(to.w) : "l"(from), "r"((u32)wanted) : "memory");
}

// The thread's number in its block, asked for anew: a register less where it is not needed meanwhile.
DEVICE u32 this_thread() {
    u32 thread;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
    return thread;
}

// Ends a group of copies; waits until no more than so many groups of this thread are on their way.
DEVICE void end_of_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int GROUPS>
DEVICE void await_copies() { asm volatile("cp.async.wait_group %0;" :: "n"(GROUPS) : "memory"); }

// How blocks of threads take turns: what one wrote before it passes the turn is there for whoever awaited it. A load that
// acquires empties the processor's cache, for all of its blocks: only the last one is such a load.
DEVICE void await_turn(const u32 *at, u32 turn) {
    u32 now;
    do asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(now) : "l"(at) : "memory");
    while (now != turn);
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(now) : "l"(at) : "memory");
}
DEVICE void pass_turn(u32 *at, u32 turn) {
    asm volatile("st.release.gpu.global.u32 [%0], %1;" :: "l"(at), "r"(turn) : "memory");
}
// What another block may have written.
template <class T>
DEVICE T read_others(const T *at) { return __ldcg(at); }
// What nobody writes while the kernel runs.
DEVICE float read_only(const float *at) { return __ldg(at); }

// Four matrices of 8 × 8 bfloat16, whose lines the lanes name in turns of eight: lane l gets of each matrix the pair
// l mod 4 of line l ÷ 4.
DEVICE void read_matrices(u32 pairs[4], const u32 *line) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(pairs[0]), "=r"(pairs[1]), "=r"(pairs[2]), "=r"(pairs[3])
                 : "r"((u32)__cvta_generic_to_shared(line)) : "memory");
}
// sums += A·B of a warp, 16 × 8 sums of 16 products of bfloat16 each, by a tensor core: bits of the device's own. Nothing
// portable may use it.
DEVICE void multiply_bf16(float sums[4], const u32 a[4], const u32 b[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif
