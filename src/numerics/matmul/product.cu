// The matrix product with its blocks of 256 k: C = A·B, then a finish.
//
// A block of threads computes a tile of C from tiles of A and B in shared memory: while two of each are used, the next two
// are on their way, past the registers or, where four neighbours lie along k, through them. A thread keeps a rectangle of chains in registers, in groups of four
// neighbours, and the sums of the blocks of k before the running one in shared memory. What lies beyond K is −0 in A and
// +0 in B, whose product −0 leaves every sum as it is, −0 too.
//
// Where C has too few tiles to keep a device busy, each block of k of a tile has a block of threads of its own. They write
// their chains side by side, for `join_parts` to add, or add them to C in turns, each when the one before it has: the same
// sums in the same order. Who waits is not first: blocks of threads start by their numbers, those of a part before those of
// the next.

#define BLOCK_OF_K 256
#define DEPTH 8
#define TOGETHER 2

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

constexpr __device__ bool has_bias(int finish) {
    return finish == BIAS || finish == BIAS_RESIDUAL || finish == BIAS_GELU || finish == BIAS_QUICK_GELU;
}
constexpr __device__ bool has_other(int finish) {
    return finish == BIAS_RESIDUAL || finish == TIMES || finish == TIMES_QUICK_DERIVATIVE;
}
constexpr __device__ bool has_second(int finish) { return finish == BIAS_GELU || finish == BIAS_QUICK_GELU; }

// What is stored for c; `factor` is exp of the number, `second` what else is stored.
template <int FINISH>
DEVICE float finished(float c, float bias, float other, float factor, float &second) {
    if (FINISH == BIAS) return c + bias;
    if (FINISH == BIAS_RESIDUAL) return other + (c + bias);
    if (FINISH == TIMES) return c * other;
    if (FINISH == TIMES_NUMBER) return c * factor;
    if (FINISH == TIMES_QUICK_DERIVATIVE) return c * quick_gelu_derivative(other);
    if (FINISH == STORE) return c;
    const float x = c + bias;
    if (FINISH == BIAS_QUICK_GELU) {
        second = quick_gelu(x);
        return x;
    }
    const float twice = twice_share(x);
    second = gelu_value(x, twice);
    return gelu_derivative(x, twice);
}

// Four neighbours of a row, of which `count` are there; at once, where that may be.
DEVICE float4 read_four(const float *from, u32 count, bool vector) {
    if (vector) return read_others((const float4 *)from);
    return make_float4(
        count > 0 ? read_others(from) : 0.0f, count > 1 ? read_others(from + 1) : 0.0f,
        count > 2 ? read_others(from + 2) : 0.0f, count > 3 ? read_others(from + 3) : 0.0f
    );
}
DEVICE void write_four(float *to, float4 four, u32 count, bool vector) {
    if (vector) {
        *(float4 *)to = four;
        return;
    }
    if (count > 0) to[0] = four.x;
    if (count > 1) to[1] = four.y;
    if (count > 2) to[2] = four.z;
    if (count > 3) to[3] = four.w;
}
DEVICE float4 sum_of(float4 x, float4 y) { return make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w); }

// Finishes four neighbours; `place` is where they belong in C and `second`, of whose row `count` elements are left.
template <int FINISH, class Arguments>
DEVICE float4 finish_four(const Arguments &a, float4 c, float4 bias, float4 other, float factor, u64 place, u32 count) {
    float4 second;
    const float4 result = make_float4(
        finished<FINISH>(c.x, bias.x, other.x, factor, second.x), finished<FINISH>(c.y, bias.y, other.y, factor, second.y),
        finished<FINISH>(c.z, bias.z, other.z, factor, second.z), finished<FINISH>(c.w, bias.w, other.w, factor, second.w)
    );
    if (has_second(FINISH)) write_four(a.second + place, second, count, a.vector);
    return result;
}

#define FINISHES(run)                                        \
    switch (finish) {                                        \
        case STORE: run(STORE); break;                       \
        case BIAS: run(BIAS); break;                         \
        case BIAS_RESIDUAL: run(BIAS_RESIDUAL); break;       \
        case TIMES: run(TIMES); break;                       \
        case TIMES_NUMBER: run(TIMES_NUMBER); break;         \
        case BIAS_GELU: run(BIAS_GELU); break;               \
        case BIAS_QUICK_GELU: run(BIAS_QUICK_GELU); break;   \
        default: run(TIMES_QUICK_DERIVATIVE);                \
    }

// How the tiles of an operand are copied: number by number along k, or along its lines (rows of A, columns of B), or four
// neighbours along its lines; or four along k, by way of registers, since they are turned over.
enum Way { ALONG_K, ALONG_LINES, FOURS, FOURS_ALONG_K, ANY };

// Strides are in elements: A's element (i, k) is a[i·a_row + k·a_column]. Batch z is element (z ÷ inner, z mod inner) of
// two further dimensions. Where `k_step` is not 0, the outer one are parts of a long sum over `k_total`; with `turns`, one for
// each tile, parts add to `sums`, contiguous as C. Passes and steps are bytes: from a copy of a thread to its next within
// a tile, and from its last to the first of the next tile. `vector`: whether four elements of C and of what is read or
// written beside it may be moved at once.
struct ProductArguments {
    const float *a, *b;
    float *out;
    const float *bias, *other;
    float *second;
    float *sums;
    u32 *turns;
    u64 a_row, a_column, b_row, b_column, out_row, other_row;
    u64 a_outer, a_inner, b_outer, b_inner, out_outer, out_inner;
    u64 a_pass, a_step, b_pass, b_step;
    u64 k_total;
    u32 m, n, k, k_step, inner, finish, a_way, b_way, vector, unused;
};

// A thread's part in the copies of one operand's tiles: to[k · STRIDE + line].
template <int TILE, int THREADS, int WAY>
struct Operand {
    static constexpr int STRIDE = TILE + 4;
    static constexpr bool IN_FOURS = WAY == FOURS || WAY == FOURS_ALONG_K, HELD = WAY == FOURS_ALONG_K;
    static constexpr int MOST = TILE * DEPTH / THREADS / (IN_FOURS ? 4 : 1);
    static_assert(!HELD || MOST == 1, "a thread holds four numbers of a tile");
    const char *from;
    int lines; // from this thread's first on
    int way_at_run_time;

    MEMBER constexpr int way() const { return WAY == ANY ? way_at_run_time : WAY; }
    MEMBER constexpr bool is_along_k() const { return HELD || way() == ALONG_K; }
    MEMBER constexpr int wide() const { return HELD || way() == FOURS ? 4 : 1; }
    MEMBER constexpr int across() const { return (is_along_k() ? DEPTH : TILE) / wide(); }
    MEMBER constexpr int copies() const { return TILE * DEPTH / THREADS / wide(); }
    MEMBER constexpr int pass() const { return THREADS / across(); }
    MEMBER u32 k() const { return is_along_k() ? threadIdx.x % across() * wide() : threadIdx.x / across(); }
    MEMBER u32 line() const { return is_along_k() ? threadIdx.x / across() : threadIdx.x % across() * wide(); }
    // Of the first copy, from one to the next, and from one to the next of four.
    MEMBER u32 place() const { return k() * STRIDE + line(); }
    MEMBER constexpr int apart() const { return is_along_k() ? pass() : pass() * STRIDE; }
    MEMBER constexpr int beside() const { return is_along_k() ? STRIDE : 1; }
    MEMBER bool is_there(int i) const { return (is_along_k() ? i * pass() : 0) < lines; }

    MEMBER Operand(const float *start, u64 line_stride, u64 k_stride, u32 all, int way) : way_at_run_time(way) {
        lines = (int)(all < TILE ? all : TILE) - (int)line();
        from = (const char *)(start + k() * k_stride + line() * line_stride);
    }

    // Begins the copies from number I on of a tile whose first is at `to`, if they are wanted. Whoever may knows at compile
    // time how far a copy is from the first.
    template <int I>
    MEMBER void copy(bool wanted, SharedPlace to, u64 bytes_of_pass, u64 bytes_of_step) {
        if constexpr (I < MOST && !HELD) {
            constexpr int ACROSS = WAY == ALONG_K ? DEPTH : WAY == FOURS ? TILE / 4 : TILE;
            constexpr int NEXT = WAY == ANY ? 0 : THREADS / ACROSS * (WAY == ALONG_K ? 1 : STRIDE);
            const bool is_wanted = wanted && is_there(I);
            const SharedPlace at = WAY == ANY ? behind(to, 4 * I * apart()) : to;
            if (I < copies()) {
                if (way() == FOURS) copy_four<I * NEXT>(is_wanted, at, (const float *)from);
                else copy_one<I * NEXT>(is_wanted, at, (const float *)from);
                from += I == copies() - 1 ? bytes_of_step : bytes_of_pass;
            }
            copy<I + 1>(wanted, to, bytes_of_pass, bytes_of_step);
        }
    }

    // The same in two parts, for what is held in registers between them.
    MEMBER void fetch(bool wanted, float4 &held, u64 bytes_of_step) {
        if constexpr (HELD) {
            read_if(wanted && is_there(0), held, (const float *)from);
            from += bytes_of_step;
        }
    }
    MEMBER void put_down(bool wanted, const float4 &held, float *to) const {
        if constexpr (HELD) {
            if (wanted) to[0] = held.x, to[STRIDE] = held.y, to[2 * STRIDE] = held.z, to[3 * STRIDE] = held.w;
        }
    }

    // Puts the last tile there, of less than DEPTH k; `before` are whole.
    MEMBER void put(float *to, u64 bytes_of_pass, u64 bytes_of_step, u32 before, u32 left, float beyond) const {
        const char *source = from + before * (bytes_of_step + (copies() - 1) * bytes_of_pass);
#pragma unroll 1
        for (int i = 0; i < copies(); ++i) {
            const u32 first = k() + (is_along_k() ? 0 : i * pass());
            for (int e = 0; e < wide(); ++e) {
                const bool there = is_there(i) && first + (is_along_k() ? e : 0) < left;
                to[place() + i * apart() + e * beside()] = there ? ((const float *)source)[e] : beyond;
            }
            source += bytes_of_pass;
        }
    }
};

template <int COUNT, int APART>
DEVICE void read_lines(float line[COUNT], const float *from) {
#pragma unroll
    for (int group = 0; group < COUNT / 4; ++group) {
        const float4 four = *(const float4 *)(from + group * APART);
        line[group * 4] = four.x, line[group * 4 + 1] = four.y;
        line[group * 4 + 2] = four.z, line[group * 4 + 3] = four.w;
    }
}

// Where a thread's first sum belongs in C, and where C begins.
struct Place {
    u32 i, j;
    u64 batch;
};

// The first row and column of a thread's chains within a tile. A warp has 4 × 8 threads.
template <int WARPS_N, int ROWS>
DEVICE u32 row_of(u32 thread) { return thread / 32 / WARPS_N * (4 * ROWS) + thread % 32 / 8 * 4; }
template <int WARPS_N, int COLUMNS>
DEVICE u32 column_of(u32 thread) { return thread / 32 % WARPS_N * (8 * COLUMNS) + thread % 8 * 4; }

// Finishes the sums of a thread. Two rows at a time: what is read for them is read before anything is written.
template <int FINISH, int ROWS, int GROUPS, int THREADS>
DEVICE void finish_tile(const ProductArguments &a, const float4 *totals, Place at) {
    const float factor = FINISH == TIMES_NUMBER ? exp_of(a.other[0]) : 1.0f;
    float4 bias[GROUPS];
#pragma unroll
    for (int group = 0; group < GROUPS; ++group) {
        const u32 j = at.j + group * 32;
        if (has_bias(FINISH) && j < a.n) bias[group] = read_four(a.bias + j, a.n - j, false);
    }
#pragma unroll 1
    for (int pair = 0; pair < ROWS / 2; ++pair) {
        const u32 first = at.i + pair / 2 * 16 + pair % 2 * 2;
        float4 other[2][GROUPS];
#pragma unroll
        for (int part = 0; part < 2 * GROUPS; ++part) {
            const u32 i = first + part / GROUPS, j = at.j + part % GROUPS * 32;
            if (has_other(FINISH) && i < a.m && j < a.n)
                other[part / GROUPS][part % GROUPS] = read_four(a.other + i * a.other_row + j, a.n - j, a.vector);
        }
#pragma unroll
        for (int part = 0; part < 2 * GROUPS; ++part) {
            const int group = part % GROUPS;
            const u32 i = first + part / GROUPS, j = at.j + group * 32;
            if (i >= a.m || j >= a.n) continue;
            const float4 total = totals[(pair * 2 * GROUPS + part) * THREADS];
            const u64 place = at.batch + i * a.out_row + j;
            const float4 result =
                finish_four<FINISH>(a, total, bias[group], other[part / GROUPS][group], factor, place, a.n - j);
            write_four(a.out + place, result, a.n - j, a.vector);
        }
    }
}

// Adds the sums of a thread to what the parts before left, unless this is the first; the last part keeps them, every other
// one leaves them to the next. All is read before anything is written: others wait.
template <int ROWS, int GROUPS, int THREADS>
DEVICE void take_turn(const ProductArguments &a, float4 *totals, Place at, bool is_first, bool is_last) {
    float4 before[ROWS * GROUPS];
#pragma unroll
    for (int part = 0; part < ROWS * GROUPS; ++part) {
        const u32 r = part / GROUPS, i = at.i + r / 4 * 16 + r % 4, j = at.j + part % GROUPS * 32;
        if (!is_first && i < a.m && j < a.n) before[part] = read_others((const float4 *)(a.sums + (u64)i * a.n + j));
    }
#pragma unroll
    for (int part = 0; part < ROWS * GROUPS; ++part) {
        const u32 r = part / GROUPS, i = at.i + r / 4 * 16 + r % 4, j = at.j + part % GROUPS * 32;
        if (i >= a.m || j >= a.n) continue;
        float4 *total = totals + part * THREADS;
        const float4 sum = is_first ? *total : sum_of(before[part], *total);
        if (is_last) *total = sum;
        else *(float4 *)(a.sums + (u64)i * a.n + j) = sum;
    }
}

template <int TILE, int WARPS_N, int ROWS, int COLUMNS, int THREADS, int WAY_A, int WAY_B>
DEVICE void product_of(const ProductArguments &a) {
    static_assert(THREADS / 32 / WARPS_N * 4 * ROWS == TILE && WARPS_N * 8 * COLUMNS == TILE, "a tile is its threads'");
    constexpr int GROUPS = COLUMNS / 4;
    typedef Operand<TILE, THREADS, WAY_A> OperandA;
    typedef Operand<TILE, THREADS, WAY_B> OperandB;
    // So many tiles of each operand are in use or on their way; one more for what is left of k.
    constexpr u32 SIZE = DEPTH * (TILE + 4), BYTES = 4 * SIZE, LEFT = 2 * TOGETHER * BYTES;
    static_assert(BLOCK_OF_K % (TOGETHER * DEPTH) == 0, "tiles that are used together are of one block");
    SHARED(shared);
    float *tiles_a = shared, *tiles_b = tiles_a + (2 * TOGETHER + 1) * SIZE, *sums = tiles_b + (2 * TOGETHER + 1) * SIZE;
    const u32 z = blockIdx.z, outer = z / a.inner, inner = z % a.inner;
    const u64 remaining = a.k_total - (u64)outer * a.k_step;
    const u32 depth = remaining < a.k ? (u32)remaining : a.k;
    const u32 row = blockIdx.x * TILE, column = blockIdx.y * TILE;
    const float *start_a = a.a + outer * a.a_outer + inner * a.a_inner + row * a.a_row;
    const float *start_b = a.b + outer * a.b_outer + inner * a.b_inner + column * a.b_column;
    OperandA side_a(start_a, a.a_row, a.a_column, a.m - row, a.a_way);
    OperandB side_b(start_b, a.b_column, a.b_row, a.n - column, a.b_way);
    const u32 down = row_of<WARPS_N, ROWS>(threadIdx.x), across = column_of<WARPS_N, COLUMNS>(threadIdx.x);

    float chain[ROWS][COLUMNS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int c = 0; c < COLUMNS; ++c) chain[r][c] = 0.0f;

    const u32 tiles = (depth + DEPTH - 1) / DEPTH, whole = depth / DEPTH;
    if (whole < tiles) {
        side_a.put(tiles_a + 2 * TOGETHER * SIZE, a.a_pass, a.a_step, whole, depth % DEPTH, -0.0f);
        side_b.put(tiles_b + 2 * TOGETHER * SIZE, a.b_pass, a.b_step, whole, depth % DEPTH, 0.0f);
    }
    float *own_a = tiles_a + side_a.place(), *own_b = tiles_b + side_b.place();
    const SharedPlace place_a = shared_place(own_a), place_b = shared_place(own_b);
    float4 held_a[TOGETHER], held_b[TOGETHER];
#pragma unroll
    for (u32 tile = 0; tile < TOGETHER; ++tile) {
        side_a.template copy<0>(tile < whole, behind(place_a, tile * BYTES), a.a_pass, a.a_step);
        side_b.template copy<0>(tile < whole, behind(place_b, tile * BYTES), a.b_pass, a.b_step);
        side_a.fetch(tile < whole, held_a[tile], a.a_step);
        side_b.fetch(tile < whole, held_b[tile], a.b_step);
    }
    end_of_copies();
#pragma unroll
    for (u32 tile = 0; tile < TOGETHER; ++tile) {
        side_a.put_down(tile < whole, held_a[tile], own_a + tile * SIZE);
        side_b.put_down(tile < whole, held_b[tile], own_b + tile * SIZE);
    }
    float line_a[2][ROWS], line_b[2][COLUMNS];
    // In bytes: where the tiles begin that are used together, and the one that is read.
    u32 tile = 0, slot = 0, from = whole ? 0 : LEFT;
    const char *first_a = (const char *)(tiles_a + down), *first_b = (const char *)(tiles_b + across);
    await_copies<0>();
    __syncthreads();
    if (tiles) {
        read_lines<ROWS, 16>(line_a[0], (const float *)(first_a + from));
        read_lines<COLUMNS, 32>(line_b[0], (const float *)(first_b + from));
    }
    bool adds = false;
    do {
        const u32 end = tile + BLOCK_OF_K / DEPTH < tiles ? tile + BLOCK_OF_K / DEPTH : tiles;
#pragma unroll 1
        for (; tile < end; tile += TOGETHER) {
            const float *from_a = (const float *)(first_a + from), *from_b = (const float *)(first_b + from);
#pragma unroll
            for (int step = 0; step < TOGETHER * DEPTH; ++step) {
                const int k = step % DEPTH, nth = step / DEPTH;
                if (k == 0 && nth > 0 && tile + nth == end) break;
                if (k == DEPTH - 1) {
                    if (nth == TOGETHER - 1) slot ^= TOGETHER * BYTES;
                    from = tile + nth + 1 == whole ? LEFT : slot + (nth + 1) % TOGETHER * BYTES;
                    from_a = (const float *)(first_a + from), from_b = (const float *)(first_b + from);
                    if (nth == TOGETHER - 1) {
                        await_copies<0>();
                        __syncthreads();
                    }
                }
                read_lines<ROWS, 16>(line_a[(k + 1) % 2], from_a + (k + 1) % DEPTH * OperandA::STRIDE);
                read_lines<COLUMNS, 32>(line_b[(k + 1) % 2], from_b + (k + 1) % DEPTH * OperandB::STRIDE);
                if (step < TOGETHER) {
                    const bool wanted = tile + TOGETHER + step < whole;
                    const u32 free = (slot ^ TOGETHER * BYTES) + step * BYTES;
                    side_a.template copy<0>(wanted, behind(place_a, free), a.a_pass, a.a_step);
                    side_b.template copy<0>(wanted, behind(place_b, free), a.b_pass, a.b_step);
                    if (step == TOGETHER - 1) end_of_copies();
                }
                // A tile at a time: more would take more registers.
                const bool wanted = tile + TOGETHER + nth < whole;
                if (k == 0) {
                    side_a.fetch(wanted, held_a[0], a.a_step);
                    side_b.fetch(wanted, held_b[0], a.b_step);
                }
                if (k == DEPTH - 2) {
                    const u32 free = (slot ^ TOGETHER * BYTES) + nth * BYTES;
                    side_a.put_down(wanted, held_a[0], (float *)((char *)own_a + free));
                    side_b.put_down(wanted, held_b[0], (float *)((char *)own_b + free));
                }
                // Four rows at a time, there and back, so that most numbers are still at hand from the product before: three
                // registers of one bank are seldom read at once.
#pragma unroll
                for (int first = 0; first < ROWS; first += 4)
#pragma unroll
                    for (int c = 0; c < COLUMNS; ++c)
#pragma unroll
                        for (int i = 0; i < 4; ++i) {
                            const int r = first + (c % 2 ? 3 - i : i);
                            chain[r][c] = __fmaf_rn(line_a[k % 2][r], line_b[k % 2][c], chain[r][c]);
                        }
            }
        }
        float4 *totals = (float4 *)sums + this_thread();
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int group = 0; group < GROUPS; ++group) {
                float *sum = &chain[r][4 * group];
                float4 *total = totals + (r * GROUPS + group) * THREADS;
                const float4 four = make_float4(sum[0], sum[1], sum[2], sum[3]);
                *total = adds ? sum_of(*total, four) : four;
                sum[0] = sum[1] = sum[2] = sum[3] = 0.0f;
            }
        adds = true;
    } while (tile < tiles);

    const u32 thread = this_thread();
    float4 *totals = (float4 *)sums + thread;
    const Place place = {
        blockIdx.x * TILE + row_of<WARPS_N, ROWS>(thread), blockIdx.y * TILE + column_of<WARPS_N, COLUMNS>(thread),
        outer * a.out_outer + inner * a.out_inner
    };
    bool is_last = true;
    if (a.turns) {
        u32 *turn = a.turns + blockIdx.y * gridDim.x + blockIdx.x;
        is_last = z + 1 == gridDim.z;
        if (threadIdx.x == 0) await_turn(turn, z);
        __syncthreads();
        take_turn<ROWS, GROUPS, THREADS>(a, totals, place, z == 0, is_last);
        __syncthreads();
        if (threadIdx.x == 0) pass_turn(turn, z + 1);
    }
    const u32 finish = a.finish;
#define RUN(FINISH) finish_tile<FINISH, ROWS, GROUPS, THREADS>(a, totals, place)
    if (is_last) FINISHES(RUN)
#undef RUN
}

// A·B, and Aᵀ·B with A as it lies, in large tiles; these and A·Bᵀ in small ones, the first two also for an A whose numbers
// do not lie in fours, as scores of 77 tokens; and whatever lies as it may.
KERNEL(product_128_nn, ProductArguments, 256, 2) { product_of<128, 2, 8, 8, 256, FOURS_ALONG_K, FOURS>(a); }
KERNEL(product_128_tn, ProductArguments, 256, 2) { product_of<128, 2, 8, 8, 256, FOURS, FOURS>(a); }
KERNEL(product_64_nn, ProductArguments, 128, 4) { product_of<64, 2, 8, 4, 128, FOURS_ALONG_K, FOURS>(a); }
KERNEL(product_64_tn, ProductArguments, 128, 4) { product_of<64, 2, 8, 4, 128, FOURS, FOURS>(a); }
KERNEL(product_64_nt, ProductArguments, 128, 4) { product_of<64, 2, 8, 4, 128, FOURS_ALONG_K, FOURS_ALONG_K>(a); }
KERNEL(product_64_nn_ones, ProductArguments, 128, 4) { product_of<64, 2, 8, 4, 128, ALONG_K, FOURS>(a); }
KERNEL(product_64_tn_ones, ProductArguments, 128, 4) { product_of<64, 2, 8, 4, 128, ALONG_LINES, FOURS>(a); }
KERNEL(product_64, ProductArguments, 128, 4) { product_of<64, 2, 8, 4, 128, ANY, ANY>(a); }

// `parts` matrices of m × n, one after the other: ((part₀ + part₁) + part₂) + …, then the finish; for each gradient chunk,
// a layer of the grid, by itself.
struct JoinArguments {
    const float *from;
    float *out;
    const float *bias, *other;
    float *second;
    u64 parts, out_row, other_row;
    u64 out_chunk; // from the result of a chunk to that of the next
    u32 m, n, finish, vector;
};

template <int FINISH>
DEVICE void join(const JoinArguments &a) {
    const float factor = FINISH == TIMES_NUMBER ? exp_of(a.other[0]) : 1.0f;
    const u32 fours = (a.n + 3) / 4;
    for (u64 e = first_place(); e < (u64)a.m * fours; e += stride_of_places()) {
        const u32 i = (u32)(e / fours), j = (u32)(e % fours) * 4, count = a.n - j;
        const float *from = a.from + (blockIdx.z * a.parts * a.m + i) * a.n + j;
        float4 total = read_four(from, count, a.n % 4 == 0), bias, other;
#pragma unroll 12
        for (u64 part = 1; part < a.parts; ++part)
            total = sum_of(total, read_four(from + part * a.m * a.n, count, a.n % 4 == 0));
        if (has_bias(FINISH)) bias = read_four(a.bias + j, count, false);
        if (has_other(FINISH)) other = read_four(a.other + i * a.other_row + j, count, a.vector);
        const u64 place = i * a.out_row + j + blockIdx.z * a.out_chunk;
        write_four(a.out + place, finish_four<FINISH>(a, total, bias, other, factor, place, count), count, a.vector);
    }
}

KERNEL(join_parts, JoinArguments, 256, 2) {
    const u32 finish = a.finish;
#define RUN(FINISH) join<FINISH>(a)
    FINISHES(RUN)
#undef RUN
}

// to[j, i] = from[i, j], contiguous both: threads 32 × 8 on a tile of 32 × 32, turned over in shared memory.
struct TransposeArguments {
    const float *from;
    float *to;
    u32 rows, columns;
};

KERNEL(transpose, TransposeArguments, 256) {
    __shared__ float tile[32][33];
    const u32 left = blockIdx.x * 32, top = blockIdx.y * 32;
    for (u32 y = threadIdx.y; y < 32; y += 8) {
        const u32 r = top + y, c = left + threadIdx.x;
        if (r < a.rows && c < a.columns) tile[y][threadIdx.x] = a.from[(u64)r * a.columns + c];
    }
    __syncthreads();
    for (u32 y = threadIdx.y; y < 32; y += 8) {
        const u32 r = left + y, c = top + threadIdx.x;
        if (r < a.columns && c < a.rows) a.to[(u64)r * a.rows + c] = tile[threadIdx.x][y];
    }
}
