// Runs kernels on the processor, without a GPU: what their sources need of CUDA, in plain C++.
//
// The threads of a block are fibres on one thread of the system; they change places only where threads of a GPU wait for
// each other: at `__syncthreads` and in shuffles. In which order they run between two such places can be chosen: a
// missing `__syncthreads` shows as another result. Blocks run one after the other, and what one leaves in shared memory
// the next one finds. A block whose threads wait at different places, or for threads that have ended, is reported: on a
// GPU it would hang, or be undefined.
//
// What this cannot show is what CUDA's compilers and a GPU's arithmetic make of the sources; + − × ÷ √ and fma are
// correctly rounded on both, as IEEE 754 says.
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

struct float4 {
    float x, y, z, w;
} __attribute__((aligned(16)));
static inline float4 make_float4(float x, float y, float z, float w) { return float4{x, y, z, w}; }

struct Dimensions {
    unsigned x, y, z;
};
static Dimensions threadIdx, blockIdx, blockDim, gridDim;

#define __device__
#define __forceinline__ inline
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static

static inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}
static inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    return bits;
}
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline float sqrtf(float x) { return __builtin_sqrtf(x); }
static inline double sqrt(double x) { return __builtin_sqrt(x); }
static inline void atomicAdd(unsigned long long *to, unsigned long long x) { *to += x; }
static inline void atomicMin(unsigned *to, unsigned x) {
    if (x < *to) *to = x;
}

namespace emulator {

const unsigned MOST_THREADS = 1024, WARP = 32;
const size_t STACK = 1 << 16;

enum State { RUNS, WAITS_FOR_WARP, WAITS_FOR_BLOCK, ENDED };

struct Fibre {
    ucontext_t start;
    jmp_buf at;
    char *stack;
    State state;
    unsigned shuffles;
};

static Fibre fibres[MOST_THREADS];
static jmp_buf scheduler;
static unsigned current;
static void (*body)(const void *);
static const void *arguments;
static unsigned long long slots[2][MOST_THREADS];

static void wait(State state) {
    Fibre &self = fibres[current];
    self.state = state;
    if (_setjmp(self.at) == 0) _longjmp(scheduler, 1);
}

static void live() {
    for (;;) {
        body(arguments);
        wait(ENDED);
    }
}

static void resume(unsigned thread) {
    Fibre &fibre = fibres[thread];
    current = thread;
    threadIdx.x = thread % blockDim.x;
    threadIdx.y = thread / blockDim.x % blockDim.y;
    threadIdx.z = thread / blockDim.x / blockDim.y;
    if (_setjmp(scheduler) != 0) return;
    if (fibre.stack) _longjmp(fibre.at, 1);
    fibre.stack = (char *)malloc(STACK);
    getcontext(&fibre.start);
    fibre.start.uc_stack.ss_sp = fibre.stack;
    fibre.start.uc_stack.ss_size = STACK;
    fibre.start.uc_link = 0;
    makecontext(&fibre.start, live, 0);
    setcontext(&fibre.start);
}

static bool all(unsigned first, unsigned end, State state) {
    for (unsigned i = first; i < end; ++i)
        if (fibres[i].state != state) return false;
    return true;
}

// Runs the threads of a warp as far as they come without the rest of the block.
static void run_warp(unsigned first, unsigned end, bool backwards) {
    for (;;) {
        for (unsigned i = first; i < end; ++i) {
            const unsigned thread = backwards ? end - 1 - (i - first) : i;
            if (fibres[thread].state == RUNS) resume(thread);
        }
        if (!all(first, end, WAITS_FOR_WARP)) return;
        for (unsigned i = first; i < end; ++i) fibres[i].state = RUNS;
    }
}

// Copies that a thread has begun, by group. Threads from last to first have them as late as they may come, when they are
// awaited: what does not wait for them shows.
struct Pending {
    float *to;
    const float *from;
    int count, group;
};
static Pending pending[MOST_THREADS][64];
static int begun[MOST_THREADS], groups[MOST_THREADS];
static bool late;
// What a thread did that a GPU refuses.
static const char *refused;

static void copy(bool wanted, float *to, const float *from, int count) {
    if (!wanted) return;
    if ((size_t)to % (sizeof *to * count) || (size_t)from % (sizeof *from * count)) refused = "a copy is not aligned";
    const Pending one = {to, from, count, groups[current]};
    if (late) pending[current][begun[current]++] = one;
    else memcpy(to, from, sizeof *to * count);
}

static void await(int most) {
    int kept = 0;
    for (int i = 0; i < begun[current]; ++i) {
        const Pending &one = pending[current][i];
        if (one.group + most >= groups[current]) pending[current][kept++] = one;
        else memcpy(one.to, one.from, sizeof *one.to * one.count);
    }
    begun[current] = kept;
}

static const char *run_block(bool backwards) {
    const unsigned threads = blockDim.x * blockDim.y * blockDim.z, warps = threads / WARP;
    for (unsigned i = 0; i < threads; ++i) {
        fibres[i].state = RUNS;
        begun[i] = 0;
    }
    late = backwards;
    for (;;) {
        for (unsigned w = 0; w < warps; ++w) {
            const unsigned first = (backwards ? warps - 1 - w : w) * WARP;
            run_warp(first, first + WARP, backwards);
        }
        if (refused) return refused;
        if (all(0, threads, ENDED)) return 0;
        if (!all(0, threads, WAITS_FOR_BLOCK)) return "threads of a block wait at different places";
        for (unsigned i = 0; i < threads; ++i) fibres[i].state = RUNS;
    }
}

// `dimensions`: those of the grid, then those of a block. Returns null, or what went wrong.
static const char *run(const unsigned *dimensions, bool backwards, void (*what)(const void *), const void *with) {
    const unsigned *d = dimensions;
    gridDim = Dimensions{d[0], d[1], d[2]};
    blockDim = Dimensions{d[3], d[4], d[5]};
    const unsigned threads = d[3] * d[4] * d[5];
    if (threads == 0 || threads % WARP || threads > MOST_THREADS) return "a block is not whole warps";
    if (d[1] > 65535 || d[2] > 65535 || d[0] > 2147483647u) return "a grid is too large";
    body = what;
    arguments = with;
    refused = 0;
    for (unsigned z = 0; z < d[2]; ++z)
        for (unsigned y = 0; y < d[1]; ++y)
            for (unsigned x = 0; x < d[0]; ++x) {
                blockIdx = Dimensions{x, y, z};
                if (const char *wrong = run_block(backwards)) return wrong;
            }
    return 0;
}

// The most threads of a kernel.
static constexpr unsigned first(unsigned threads, unsigned = 0) { return threads; }

}  // namespace emulator

typedef float *SharedPlace;
static inline SharedPlace shared_place(float *at) { return at; }
static inline SharedPlace behind(SharedPlace place, unsigned bytes) { return (float *)((char *)place + bytes); }
template <int FURTHER>
static inline void copy_one(bool wanted, SharedPlace to, const float *from) {
    emulator::copy(wanted, to + FURTHER, from, 1);
}
template <int FURTHER>
static inline void copy_four(bool wanted, SharedPlace to, const float *from) {
    emulator::copy(wanted, to + FURTHER, from, 4);
}
static inline void read_if(bool wanted, float4 &to, const float *from) {
    if ((size_t)from % sizeof to && wanted) emulator::refused = "a read is not aligned";
    else if (wanted) memcpy(&to, from, sizeof to);
}
static inline unsigned this_thread() { return threadIdx.x; }
static inline void end_of_copies() { ++emulator::groups[emulator::current]; }
template <int GROUPS>
static inline void await_copies() { emulator::await(GROUPS); }

// Blocks run one after the other: whose turn it is has come.
static inline void await_turn(const unsigned *at, unsigned turn) {
    if (*at != turn) emulator::refused = "a turn is awaited that never comes";
}
static inline void pass_turn(unsigned *at, unsigned turn) { *at = turn; }
template <class T>
static inline T read_others(const T *at) { return *at; }
static inline float read_only(const float *at) { return *at; }

static inline void __syncthreads() { emulator::wait(emulator::WAITS_FOR_BLOCK); }

static inline void __syncwarp() { emulator::wait(emulator::WAITS_FOR_WARP); }

// The value of the lane whose number differs in the bits of `bits`. A thread is never more than one shuffle ahead of its
// warp, so two sets of slots do.
template <class T>
static T __shfl_xor_sync(unsigned, T value, int bits, int) {
    using namespace emulator;
    const unsigned self = current;
    unsigned long long *set = slots[fibres[self].shuffles++ % 2];
    memcpy(&set[self], &value, sizeof value);
    wait(WAITS_FOR_WARP);
    T other;
    memcpy(&other, &set[self ^ (unsigned)bits], sizeof other);
    return other;
}

// Four lines of eight bfloat16 a lane of eight: lane l gets of matrix i the pair l mod 4 of the line that lane 8·i + l ÷ 4
// names.
static inline void read_matrices(unsigned pairs[4], const unsigned *line) {
    using namespace emulator;
    const unsigned self = current, first = self / WARP * WARP, lane = self % WARP;
    unsigned long long *set = slots[fibres[self].shuffles++ % 2];
    set[self] = (unsigned long long)line;
    wait(WAITS_FOR_WARP);
    for (unsigned i = 0; i < 4; ++i) pairs[i] = ((const unsigned *)set[first + 8 * i + lane / 4])[lane % 4];
}

// The bits of a tensor core are the device's own: here 16 products, exact, and the sum are added in binary64 and rounded
// once. Which operands meet is that of PTX's tables for m16n8k16.
static inline void multiply_bf16(float sums[4], const unsigned a[4], const unsigned b[2]) {
    using namespace emulator;
    static unsigned operands[2][MOST_THREADS][6];
    const unsigned self = current, first = self / WARP * WARP, lane = self % WARP;
    unsigned (*set)[6] = operands[fibres[self].shuffles++ % 2];
    for (int i = 0; i < 4; ++i) set[self][i] = a[i];
    for (int i = 0; i < 2; ++i) set[self][4 + i] = b[i];
    wait(WAITS_FOR_WARP);
    for (unsigned e = 0; e < 4; ++e) {
        const unsigned row = lane / 4 + e / 2 * 8, column = lane % 4 * 2 + e % 2;
        double sum = sums[e];
        for (unsigned k = 0; k < 16; ++k) {
            const unsigned pair = k % 8 / 2, shift = k % 2 * 16;
            const unsigned of_a = set[first + row % 8 * 4 + pair][row / 8 + k / 8 * 2] >> shift << 16;
            const unsigned of_b = set[first + column * 4 + pair][4 + k / 8] >> shift << 16;
            sum += (double)__uint_as_float(of_a) * __uint_as_float(of_b);
        }
        sums[e] = (float)sum;
    }
}

// Shared memory that a launch asks for; more than any kernel does.
#define SHARED(name) static float name[1 << 16] __attribute__((aligned(16)))

#define KERNEL(name, Arguments, ...)                                                                  \
    static void name##_thread(const Arguments &a);                                                     \
    extern "C" const char *name(const unsigned *d, int backwards, const void *from, size_t size) {     \
        if (size != sizeof(Arguments)) return "arguments of another size";                             \
        if (d[3] * d[4] * d[5] > emulator::first(__VA_ARGS__)) return "more threads than the kernel allows"; \
        return emulator::run(                                                                          \
            d, backwards, [](const void *b) { name##_thread(*(const Arguments *)b); }, from            \
        );                                                                                             \
    }                                                                                                  \
    static void name##_thread(const Arguments &a)
