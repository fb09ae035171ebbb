// Row reductions: half a warp a row, one thread for each of the 16 lanes, so that a row is read 64 bytes at a time; the
// tree 8, 4, 2, 1 by shuffles. a + b = b + a, so every thread of the half warp ends with the sum.
//
// Kernels on rows have 256 threads, 16 rows a block. Threads of rows that there are not take part in shuffles with
// nothing to add.

#define ROWS_A_BLOCK 16

DEVICE u32 lane_of_row() { return threadIdx.x % 16; }
DEVICE u64 row_of_block() { return (u64)blockIdx.x * ROWS_A_BLOCK + threadIdx.x / 16; }

template <class Number>
DEVICE Number tree(Number lane) {
#pragma unroll
    for (int width = 8; width >= 1; width /= 2) lane = lane + __shfl_xor_sync(EVERYBODY, lane, width, 16);
    return lane;
}

// NaN if any is, else the largest plus (+0).
DEVICE float row_maximum(const float *x, u64 count) {
    float largest = number(0xff800000u);
    int nan = 0;
    for (u64 e = lane_of_row(); e < count; e += 16) {
        const float value = x[e];
        nan |= is_nan(value);
        largest = value > largest ? value : largest;
    }
#pragma unroll
    for (int width = 8; width >= 1; width /= 2) {
        const float other = __shfl_xor_sync(EVERYBODY, largest, width, 16);
        largest = other > largest ? other : largest;
        nan |= __shfl_xor_sync(EVERYBODY, nan, width, 16);
    }
    return nan ? number(0x7fffffffu) : largest + 0.0f;
}

struct RowSumsArguments {
    const float *x;
    const float *y;
    float *out;
    u64 rows;
    u64 width;
};

// out = sums of rows of x, or of products with rows of y where there is one.
KERNEL(row_sums, RowSumsArguments, 256) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    const float *x = a.x + row * a.width;
    float lane = 0.0f;
    if (a.y) {
        const float *y = a.y + row * a.width;
        for (u64 e = lane_of_row(); e < count; e += 16) lane = __fmaf_rn(x[e], y[e], lane);
    } else {
        for (u64 e = lane_of_row(); e < count; e += 16) lane = lane + x[e];
    }
    const float sum = tree(lane);
    if (row < a.rows && lane_of_row() == 0) a.out[row] = sum;
}
