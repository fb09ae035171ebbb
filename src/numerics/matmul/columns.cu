// Column reductions: the product 1ᵀ·Y, and γ's gradient with it.
//
// A block of threads has a few columns, threads across, and computes as many blocks of 256 rows side by side as it has
// threads down; the first row of threads adds their chains ascending. fma(1, x, acc) is acc + x: both round the same sum
// once.

struct ColumnsArguments {
    const float *y;
    const float *x;     // for γ's gradient, with `stats`; else null
    const float *stats; // mean and reciprocal deviation of each row
    float *out;
    float *out_gain;
    u64 rows, columns, row_stride;
};

#define BLOCK_OF_ROWS 256

template <bool WITH_GAIN>
DEVICE void columns_of(const ColumnsArguments &a) {
    __shared__ float sums[256], gains[256];
    const u64 column = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    const u32 place = threadIdx.y * blockDim.x + threadIdx.x;
    float sum = 0.0f, gain = 0.0f;
    for (u64 round = 0; round < a.rows; round += (u64)blockDim.y * BLOCK_OF_ROWS) {
        const u64 start = round + (u64)threadIdx.y * BLOCK_OF_ROWS;
        const u64 end = start + BLOCK_OF_ROWS < a.rows ? start + BLOCK_OF_ROWS : a.rows;
        float chain = 0.0f, gain_chain = 0.0f;
        if (column < a.columns) {
#pragma unroll 8
            for (u64 row = start; row < end; ++row) {
                const float y = a.y[row * a.row_stride + column];
                chain = chain + y;
                if (WITH_GAIN) {
                    const float normal = (a.x[row * a.row_stride + column] - a.stats[2 * row]) * a.stats[2 * row + 1];
                    gain_chain = __fmaf_rn(y, normal, gain_chain);
                }
            }
        }
        sums[place] = chain;
        if (WITH_GAIN) gains[place] = gain_chain;
        __syncthreads();
        if (threadIdx.y == 0) {
            for (u32 y = 0; y < blockDim.y && round + (u64)y * BLOCK_OF_ROWS < a.rows; ++y) {
                const bool first = round == 0 && y == 0;
                const u32 at = y * blockDim.x + threadIdx.x;
                sum = first ? sums[at] : sum + sums[at];
                if (WITH_GAIN) gain = first ? gains[at] : gain + gains[at];
            }
        }
        __syncthreads();
    }
    if (threadIdx.y == 0 && column < a.columns) {
        a.out[column] = sum;
        if (WITH_GAIN) a.out_gain[column] = gain;
    }
}

KERNEL(column_sums, ColumnsArguments, 256) { columns_of<false>(a); }
KERNEL(norm_parameter_gradients, ColumnsArguments, 256) { columns_of<true>(a); }
