// The matrix product of a device class: operands rounded to bfloat16, products added by tensor cores, C = A·B, then a finish.
//
// What a tensor core makes of 16 products and a sum is not written down anywhere: its bits are those of the class of GPUs,
// and nothing here is portable. All else is fixed: what is rounded, and how; which products meet in one instruction; the
// order of k, ascending; where a long sum is cut. Nothing of it depends on how many processors a GPU has.
//
// Both operands are first written to rooms of their own: lines (rows of A, columns of B) of bfloat16, neighbours along k,
// in pairs of 32 bits, the first in the lower half. Lines are whole tiles and k whole steps; what lies beyond is +0. So
// the product itself asks nothing about sizes until it finishes.

#define TILE_BF16 128
#define STEP_BF16 32 // k
#define PAIRS_BF16 (STEP_BF16 / 2)
#define STAGES_BF16 4
// Pairs from line to line of a tile in shared memory: eight lines' sixteen bytes lie in different banks.
#define LINE_BF16 (PAIRS_BF16 + 4)

// The nearest bfloat16, of two the even one; a NaN stays one.
DEVICE u32 rounded_to_bf16(float x) {
    const u32 bits = __float_as_uint(x);
    if (is_nan(x)) return bits >> 16 | 0x40;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
DEVICE u32 pair_of_bf16(float low, float high) { return rounded_to_bf16(low) | rounded_to_bf16(high) << 16; }

// to[line, k] = bfloat16 of from[line, k], one of whose strides is 1. Lines of `to` are `pairs` pairs; `all_lines` of them.
struct RoundArguments {
    const float *from;
    u32 *to;
    u64 line_stride, k_stride, pairs;
    u32 lines, all_lines, k, vector;
};

// Neighbours in memory are neighbours along k: a thread has four of them.
KERNEL(round_along_k, RoundArguments, 256) {
    const u64 fours = a.pairs / 2;
    for (u64 e = first_place(); e < a.all_lines * fours; e += stride_of_places()) {
        const u32 line = (u32)(e / fours), k = (u32)(e % fours) * 4;
        float4 four = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        if (line < a.lines && k < a.k) four = read_four(a.from + line * a.line_stride + k, a.k - k, a.vector);
        u32 *to = a.to + line * a.pairs + k / 2;
        to[0] = pair_of_bf16(four.x, four.y);
        to[1] = pair_of_bf16(four.z, four.w);
    }
}

// Neighbours in memory are neighbours among lines: threads 32 × 8 on 32 lines × 64 k, turned over in shared memory.
KERNEL(round_across_k, RoundArguments, 256) {
    __shared__ float tile[64][33];
    const u32 first_k = blockIdx.x * 64, first_line = blockIdx.y * 32;
    for (u32 y = threadIdx.y; y < 64; y += 8) {
        const u32 k = first_k + y, line = first_line + threadIdx.x;
        const bool there = k < a.k && line < a.lines;
        tile[y][threadIdx.x] = there ? a.from[k * a.k_stride + line] : 0.0f;
    }
    __syncthreads();
    const u32 pair = first_k / 2 + threadIdx.x;
    for (u32 y = threadIdx.y; y < 32; y += 8) {
        if (pair < a.pairs)
            a.to[(first_line + y) * a.pairs + pair] = pair_of_bf16(tile[2 * threadIdx.x][y], tile[2 * threadIdx.x + 1][y]);
    }
}

// A and B are rooms with lines of so many steps. Part z of a long sum has the steps from z · part_steps on, and its results
// begin `out_part` elements after those of the part before.
struct ProductBf16Arguments {
    const u32 *a, *b;
    float *out;
    const float *bias, *other;
    float *second;
    u64 out_row, other_row, out_part;
    u32 m, n, steps, part_steps, finish, vector;
};

// The copies of this thread: two times four pairs of each operand.
DEVICE void copy_step(const u32 *from, u64 line_pairs, u32 *to) {
#pragma unroll
    for (int half = 0; half < 2; ++half)
        copy_four<0>(
            true, shared_place((float *)(to + half * (TILE_BF16 / 2 * LINE_BF16))),
            (const float *)(from + half * (TILE_BF16 / 2 * line_pairs))
        );
}

// Finishes the sums of a thread: two rows of 4 × 4 pieces of a warp's 64 × 32.
template <int FINISH>
DEVICE void finish_bf16(const ProductBf16Arguments &a, const float4 *totals, u32 first_row, u32 first_column, float *out) {
    const float factor = FINISH == TIMES_NUMBER ? exp_of(a.other[0]) : 1.0f;
#pragma unroll 1
    for (u32 piece = 0; piece < 16; ++piece) {
        const u32 i = first_row + piece / 4 * 16, j = first_column + piece % 4 * 8;
        if (i >= a.m || j >= a.n) continue;
        const u32 count = a.n - j;
        float4 bias, other;
        if (has_bias(FINISH)) bias = read_four(a.bias + j, count, false);
        if (has_other(FINISH)) other = read_four(a.other + i * a.other_row + j, count, a.vector);
        const u64 place = i * a.out_row + j;
        const float4 result = finish_four<FINISH>(a, totals[piece * 256], bias, other, factor, place, count);
        write_four(out + place, result, count, a.vector);
    }
}

KERNEL(product_bf16, ProductBf16Arguments, 256, 2) {
    constexpr u32 SIZE = TILE_BF16 * LINE_BF16;
    SHARED(shared_bf16);
    u32 *tiles_a = (u32 *)shared_bf16, *tiles_b = tiles_a + STAGES_BF16 * SIZE;
    const u32 warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const u32 row = blockIdx.x * TILE_BF16, column = blockIdx.y * TILE_BF16;
    const u32 down = warp / 4 * 64, across = warp % 4 * 32;
    const u32 first = blockIdx.z * a.part_steps, left = a.steps - first;
    const u32 steps = left < a.part_steps ? left : a.part_steps;
    const u64 line_pairs = (u64)a.steps * PAIRS_BF16;
    const u32 copied_line = threadIdx.x / 4, copied_pair = threadIdx.x % 4 * 4, copied = copied_line * LINE_BF16 + copied_pair;
    const u64 start = (u64)first * PAIRS_BF16 + copied_pair;
    const u32 *from_a = a.a + (row + copied_line) * line_pairs + start;
    const u32 *from_b = a.b + (column + copied_line) * line_pairs + start;

    float sums[4][4][4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
#pragma unroll
            for (int e = 0; e < 4; ++e) sums[i][j][e] = 0.0f;

#pragma unroll
    for (u32 step = 0; step < STAGES_BF16 - 1; ++step) {
        if (step < steps) {
            copy_step(from_a, line_pairs, tiles_a + step * SIZE + copied);
            copy_step(from_b, line_pairs, tiles_b + step * SIZE + copied);
        }
        end_of_copies();
        from_a += PAIRS_BF16, from_b += PAIRS_BF16;
    }
    // The lines whose sixteen bytes this lane tells the warp where to find.
    const u32 line_a = (down + lane % 16) * LINE_BF16 + lane / 16 * 4;
    const u32 line_b = (across + lane % 8 + lane / 16 * 8) * LINE_BF16 + lane / 8 % 2 * 4;
#pragma unroll 1
    for (u32 step = 0; step < steps; ++step) {
        await_copies<STAGES_BF16 - 2>();
        __syncthreads();
        const u32 stage = step % STAGES_BF16 * SIZE, free = (step + STAGES_BF16 - 1) % STAGES_BF16 * SIZE;
        if (step + STAGES_BF16 - 1 < steps) {
            copy_step(from_a, line_pairs, tiles_a + free + copied);
            copy_step(from_b, line_pairs, tiles_b + free + copied);
        }
        end_of_copies();
        from_a += PAIRS_BF16, from_b += PAIRS_BF16;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            u32 of_a[4][4], of_b[2][4];
#pragma unroll
            for (int i = 0; i < 4; ++i)
                read_matrices(of_a[i], tiles_a + stage + line_a + i * (16 * LINE_BF16) + half * 8);
#pragma unroll
            for (int j = 0; j < 2; ++j)
                read_matrices(of_b[j], tiles_b + stage + line_b + j * (16 * LINE_BF16) + half * 8);
#pragma unroll
            for (int i = 0; i < 4; ++i)
#pragma unroll
                for (int j = 0; j < 4; ++j) multiply_bf16(sums[i][j], of_a[i], &of_b[j / 2][j % 2 * 2]);
        }
    }
    // Nobody reads the tiles any more: there the sums go, four neighbours of a row each. A pair of lanes has two rows of
    // four, each lane the half of both; they swap.
    await_copies<0>();
    __syncthreads();
    float4 *totals = (float4 *)shared_bf16 + threadIdx.x;
    const bool odd = lane % 2;
#pragma unroll
    for (int piece = 0; piece < 16; ++piece) {
        const float *own = sums[piece / 4][piece % 4];
        const float x = __shfl_xor_sync(EVERYBODY, odd ? own[0] : own[2], 1, 32);
        const float y = __shfl_xor_sync(EVERYBODY, odd ? own[1] : own[3], 1, 32);
        totals[piece * 256] = odd ? make_float4(x, y, own[2], own[3]) : make_float4(own[0], own[1], x, y);
    }
    const u32 first_row = row + down + lane / 4 + odd * 8, first_column = column + across + lane % 4 / 2 * 4;
    float *out = a.out + blockIdx.z * a.out_part;
    const u32 finish = a.finish;
#define RUN(FINISH) finish_bf16<FINISH>(a, totals, first_row, first_column, out)
    FINISHES(RUN)
#undef RUN
}
