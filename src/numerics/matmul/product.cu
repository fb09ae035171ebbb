// The matrix product with its blocks of 256 k: C = A·B, then a finish.
//
// A block of threads computes a tile of C from tiles of A and B in shared memory, two of each so that one is filled while
// the other is used; a thread keeps 8 × 8 (8 × 4 in the small tile) chains in registers. The sum of the blocks of k
// before the running one waits in C itself, where its own thread put it: registers for it would halve the threads on a
// processor. What lies beyond K is −0 in A and +0 in B, whose product −0 leaves every sum as it is, −0 too.

#define BLOCK_OF_K 256
#define DEPTH 8

enum Finish {
    STORE,                  // c
    BIAS,                   // c + bias
    BIAS_RESIDUAL,          // other + (c + bias)
    TIMES,                  // c · other
    TIMES_NUMBER,           // c · exp(other[0])
    BIAS_GELU,              // x = c + bias: GELU'(x), and GELU(x) to `second`
    BIAS_QUICK_GELU,        // x = c + bias: x, and QuickGELU(x) to `second`
    TIMES_QUICK_DERIVATIVE, // c · QuickGELU'(other)
};

// `place` is that of an element in C and `second`, `place_other` that in `other`.
template <bool ACTIVATED, class Arguments>
DEVICE void finish(const Arguments &a, float c, u32 column, u64 place, u64 place_other) {
    if (ACTIVATED) {
        if (a.finish == TIMES_QUICK_DERIVATIVE) {
            a.out[place] = c * quick_gelu_derivative(a.other[place_other]);
            return;
        }
        const float x = c + a.bias[column];
        if (a.finish == BIAS_GELU) {
            const float twice = twice_share(x);
            a.second[place] = gelu_value(x, twice);
            a.out[place] = gelu_derivative(x, twice);
        } else {
            a.second[place] = quick_gelu(x);
            a.out[place] = x;
        }
        return;
    }
    switch (a.finish) {
        case STORE: break;
        case BIAS: c = c + a.bias[column]; break;
        case BIAS_RESIDUAL: c = a.other[place_other] + (c + a.bias[column]); break;
        case TIMES: c = c * a.other[place_other]; break;
        default: c = c * exp_of(a.other[0]); break;
    }
    a.out[place] = c;
}

// Strides are in elements: A's element (i, k) is a[i·a_row + k·a_column]. Batch z is element (z ÷ inner, z mod inner) of
// two further dimensions. Where `k_step` is not 0, batch z is part z of one long sum over `k_total`.
struct ProductArguments {
    const float *a, *b;
    float *out;
    const float *bias, *other;
    float *second;
    u64 a_row, a_column, b_row, b_column, out_row, other_row;
    u64 a_outer, a_inner, b_outer, b_inner, out_outer, out_inner;
    u64 k_total;
    u32 m, n, k, k_step, inner, finish, a_vector, b_vector;
};

// Four neighbours of an operand, along k or along its lines (rows of A, columns of B), whichever lies side by side.
template <int TILE>
DEVICE void fetch(
    float value[4], const float *from, u64 line_stride, u64 k_stride, u32 lines, u32 depth, u32 first_line, u32 first_k,
    bool vector, float beyond
) {
#pragma unroll
    for (int i = 0; i < 4; ++i) value[i] = beyond;
    if (k_stride == 1) {
        const u32 line = first_line + threadIdx.x / 2, k = first_k + threadIdx.x % 2 * 4;
        if (line >= lines) return;
        from += line * line_stride + k;
        if (vector && k + 4 <= depth) {
            const float4 four = *(const float4 *)from;
            value[0] = four.x, value[1] = four.y, value[2] = four.z, value[3] = four.w;
            return;
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (k + i < depth) value[i] = from[i];
    } else {
        const u32 k = first_k + threadIdx.x / (TILE / 4), line = first_line + threadIdx.x % (TILE / 4) * 4;
        if (k >= depth) return;
        from += k * k_stride + line * line_stride;
        if (vector && line + 4 <= lines) {
            const float4 four = *(const float4 *)from;
            value[0] = four.x, value[1] = four.y, value[2] = four.z, value[3] = four.w;
            return;
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (line + i < lines) value[i] = from[i * line_stride];
    }
}

// Puts what `fetch` brought where every thread finds it: to[k · stride + line].
template <int TILE, int STRIDE>
DEVICE void put(float *to, const float value[4], bool along_k) {
    if (along_k) {
        to += threadIdx.x % 2 * 4 * STRIDE + threadIdx.x / 2;
#pragma unroll
        for (int i = 0; i < 4; ++i) to[i * STRIDE] = value[i];
    } else {
        to += threadIdx.x / (TILE / 4) * STRIDE + threadIdx.x % (TILE / 4) * 4;
        *(float4 *)to = make_float4(value[0], value[1], value[2], value[3]);
    }
}

// Line r of a thread's chains within the tile: groups of four, spread so that a warp reads shared memory side by side.
template <int TILE, int COUNT>
DEVICE u32 line_of(u32 thread, int r) {
    return r / 4 * (TILE / (COUNT / 4)) + thread * 4 + r % 4;
}

template <int TILE, int COUNT, int STRIDE>
DEVICE void read_lines(float line[COUNT], const float *from, u32 thread) {
#pragma unroll
    for (int group = 0; group < COUNT / 4; ++group) {
        const float4 four = *(const float4 *)(from + line_of<TILE, COUNT>(thread, group * 4));
        line[group * 4] = four.x, line[group * 4 + 1] = four.y;
        line[group * 4 + 2] = four.z, line[group * 4 + 3] = four.w;
    }
}

template <int TILE, int ROWS, int COLUMNS, bool ACTIVATED>
DEVICE void product_of(const ProductArguments &a) {
    constexpr int STRIDE = TILE + 4, ACROSS = TILE / COLUMNS;
    __shared__ __align__(16) float tiles_a[2][DEPTH * STRIDE], tiles_b[2][DEPTH * STRIDE];
    const u32 z = blockIdx.z, outer = z / a.inner, inner = z % a.inner;
    const float *from_a = a.a + outer * a.a_outer + inner * a.a_inner;
    const float *from_b = a.b + outer * a.b_outer + inner * a.b_inner;
    const u64 batch = outer * a.out_outer + inner * a.out_inner;
    const u64 remaining = a.k_total - (u64)z * a.k_step;
    const u32 depth = remaining < a.k ? (u32)remaining : a.k;
    const u32 row = blockIdx.x * TILE, column = blockIdx.y * TILE;
    const u32 down = threadIdx.x / ACROSS, across = threadIdx.x % ACROSS;
    const bool a_along_k = a.a_column == 1, b_along_k = a.b_row == 1;

    float chain[ROWS][COLUMNS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int c = 0; c < COLUMNS; ++c) chain[r][c] = 0.0f;

    const u32 tiles = (depth + DEPTH - 1) / DEPTH;
    float next_a[4], next_b[4];
    if (tiles > 0) {
        fetch<TILE>(next_a, from_a, a.a_row, a.a_column, a.m, depth, row, 0, a.a_vector, -0.0f);
        fetch<TILE>(next_b, from_b, a.b_column, a.b_row, a.n, depth, column, 0, a.b_vector, 0.0f);
        put<TILE, STRIDE>(tiles_a[0], next_a, a_along_k);
        put<TILE, STRIDE>(tiles_b[0], next_b, b_along_k);
    }
    __syncthreads();
    for (u32 tile = 0; tile < tiles; ++tile) {
        const bool more = tile + 1 < tiles;
        if (more) {
            const u32 k = (tile + 1) * DEPTH;
            fetch<TILE>(next_a, from_a, a.a_row, a.a_column, a.m, depth, row, k, a.a_vector, -0.0f);
            fetch<TILE>(next_b, from_b, a.b_column, a.b_row, a.n, depth, column, k, a.b_vector, 0.0f);
        }
#pragma unroll
        for (int k = 0; k < DEPTH; ++k) {
            float line_a[ROWS], line_b[COLUMNS];
            read_lines<TILE, ROWS, STRIDE>(line_a, tiles_a[tile % 2] + k * STRIDE, down);
            read_lines<TILE, COLUMNS, STRIDE>(line_b, tiles_b[tile % 2] + k * STRIDE, across);
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
#pragma unroll
                for (int c = 0; c < COLUMNS; ++c) chain[r][c] = __fmaf_rn(line_a[r], line_b[c], chain[r][c]);
        }
        if (more && (tile + 1) % (BLOCK_OF_K / DEPTH) == 0) {
            const bool first = tile + 1 == BLOCK_OF_K / DEPTH;
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
#pragma unroll
                for (int c = 0; c < COLUMNS; ++c) {
                    const u32 i = row + line_of<TILE, ROWS>(down, r), j = column + line_of<TILE, COLUMNS>(across, c);
                    if (i < a.m && j < a.n) {
                        float *total = a.out + batch + i * a.out_row + j;
                        *total = first ? chain[r][c] : *total + chain[r][c];
                    }
                    chain[r][c] = 0.0f;
                }
        }
        if (more) {
            put<TILE, STRIDE>(tiles_a[(tile + 1) % 2], next_a, a_along_k);
            put<TILE, STRIDE>(tiles_b[(tile + 1) % 2], next_b, b_along_k);
            __syncthreads();
        }
    }
    const bool only = tiles <= BLOCK_OF_K / DEPTH;
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int c = 0; c < COLUMNS; ++c) {
            const u32 i = row + line_of<TILE, ROWS>(down, r), j = column + line_of<TILE, COLUMNS>(across, c);
            if (i >= a.m || j >= a.n) continue;
            const u64 place = batch + i * a.out_row + j;
            const float total = only ? chain[r][c] : a.out[place] + chain[r][c];
            finish<ACTIVATED>(a, total, j, place, i * a.other_row + j);
        }
}

KERNEL(product_128, ProductArguments, 256) { product_of<128, 8, 8, false>(a); }
KERNEL(product_128_activated, ProductArguments, 256) { product_of<128, 8, 8, true>(a); }
KERNEL(product_64, ProductArguments, 128) { product_of<64, 8, 4, false>(a); }
KERNEL(product_64_activated, ProductArguments, 128) { product_of<64, 8, 4, true>(a); }

// `parts` matrices of m × n, one after the other: ((part₀ + part₁) + part₂) + …, then the finish.
struct JoinArguments {
    const float *from;
    float *out;
    const float *bias, *other;
    float *second;
    u64 parts, out_row, other_row;
    u32 m, n, finish, unused;
};

template <bool ACTIVATED>
DEVICE void join(const JoinArguments &a) {
    const u64 count = (u64)a.m * a.n;
    for (u64 e = first_place(); e < count; e += stride_of_places()) {
        float total = a.from[e];
        for (u64 part = 1; part < a.parts; ++part) total = total + a.from[part * count + e];
        const u32 i = (u32)(e / a.n), j = (u32)(e % a.n);
        finish<ACTIVATED>(a, total, j, i * a.out_row + j, i * a.other_row + j);
    }
}

KERNEL(join_parts, JoinArguments, 256) { join<false>(a); }
KERNEL(join_parts_activated, JoinArguments, 256) { join<true>(a); }
