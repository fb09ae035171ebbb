// Column reductions: the product 1ᵀ·Y, and γ's gradient with it; for each gradient chunk, a layer of the grid, by itself.
//
// A block of threads has a few columns, threads across, and computes as many blocks of 256 rows side by side as it has
// threads down; the first row of threads adds their chains ascending. Where there are more blocks of rows, those are blocks
// of threads of their own, which leave their chains for `join_columns`. fma(1, x, acc) is acc + x: both round the same
// sum once.

struct ColumnsArguments {
    const float *y;
    const float *x;     // for γ's gradient, with `stats`; else null
    const float *stats; // mean and reciprocal deviation of each row
    float *out;
    float *out_gain;
    float *parts, *gain_parts; // a chain for each block of rows and column, or null
    u64 rows, columns, row_stride; // rows of a chunk
    u64 out_chunk; // from the results of a chunk to those of the next
};

#define BLOCK_OF_ROWS 256

DEVICE u64 blocks_of_rows(const ColumnsArguments &a) { return (a.rows + BLOCK_OF_ROWS - 1) / BLOCK_OF_ROWS; }

// What is the chunk's.
DEVICE ColumnsArguments of_chunk(ColumnsArguments a) {
    const u64 chunk = blockIdx.z, first = chunk * a.rows;
    a.y += first * a.row_stride;
    a.out += chunk * a.out_chunk;
    if (a.x) {
        a.x += first * a.row_stride;
        a.stats += 2 * first;
        a.out_gain += chunk * a.out_chunk;
    }
    if (a.parts) {
        a.parts += chunk * blocks_of_rows(a) * a.columns;
        a.gain_parts += chunk * blocks_of_rows(a) * a.columns;
    }
    return a;
}

// The chains of one column over the rows of a block.
template <bool WITH_GAIN>
DEVICE void chains_of(const ColumnsArguments &a, u64 column, u64 start, float &chain, float &gain_chain) {
    const u64 end = start + BLOCK_OF_ROWS < a.rows ? start + BLOCK_OF_ROWS : a.rows;
    chain = 0.0f, gain_chain = 0.0f;
#pragma unroll 16
    for (u64 row = start; row < end; ++row) {
        const float y = a.y[row * a.row_stride + column];
        chain = chain + y;
        if (WITH_GAIN) {
            const float normal = (a.x[row * a.row_stride + column] - a.stats[2 * row]) * a.stats[2 * row + 1];
            gain_chain = __fmaf_rn(y, normal, gain_chain);
        }
    }
}

template <bool WITH_GAIN>
DEVICE void columns_of(const ColumnsArguments &a) {
    __shared__ float sums[256], gains[256];
    const u64 column = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    const u32 place = threadIdx.y * blockDim.x + threadIdx.x;
    const u64 block = (u64)blockIdx.y * blockDim.y + threadIdx.y, start = block * BLOCK_OF_ROWS;
    float chain = 0.0f, gain_chain = 0.0f;
    if (column < a.columns) chains_of<WITH_GAIN>(a, column, start, chain, gain_chain);
    if (a.parts) {
        if (column < a.columns && start < a.rows) {
            a.parts[block * a.columns + column] = chain;
            if (WITH_GAIN) a.gain_parts[block * a.columns + column] = gain_chain;
        }
        return;
    }
    sums[place] = chain;
    if (WITH_GAIN) gains[place] = gain_chain;
    __syncthreads();
    if (threadIdx.y > 0 || column >= a.columns) return;
    for (u32 y = 1; y < blockDim.y && (u64)y * BLOCK_OF_ROWS < a.rows; ++y) {
        const u32 at = y * blockDim.x + threadIdx.x;
        chain = chain + sums[at];
        if (WITH_GAIN) gain_chain = gain_chain + gains[at];
    }
    a.out[column] = chain;
    if (WITH_GAIN) a.out_gain[column] = gain_chain;
}

KERNEL(column_sums, ColumnsArguments, 256) { columns_of<false>(of_chunk(a)); }
KERNEL(norm_parameter_gradients, ColumnsArguments, 256) { columns_of<true>(of_chunk(a)); }

// Adds the chains of the blocks of rows, ascending; those of gains in the second row of the grid.
KERNEL(join_columns, ColumnsArguments, 256) {
    const ColumnsArguments own = of_chunk(a);
    const u64 blocks = blocks_of_rows(a);
    const float *parts = blockIdx.y ? own.gain_parts : own.parts;
    float *out = blockIdx.y ? own.out_gain : own.out;
    for (u64 column = first_place(); column < a.columns; column += stride_of_places()) {
        float sum = parts[column];
#pragma unroll 16
        for (u64 block = 1; block < blocks; ++block) sum = sum + parts[block * a.columns + column];
        out[column] = sum;
    }
}
