// What happens to elements one by one: copies, sums, constants.

struct ElementsArguments {
    const float *from;
    float *to;
    u64 count;
    float value;
    u32 unused;
};

KERNEL(copy_elements, ElementsArguments, 256) {
    for (u64 i = first_place(); i < a.count; i += stride_of_places()) a.to[i] = a.from[i];
}

KERNEL(add_elements, ElementsArguments, 256) {
    for (u64 i = first_place(); i < a.count; i += stride_of_places()) a.to[i] = a.to[i] + a.from[i];
}

KERNEL(fill_elements, ElementsArguments, 256) {
    for (u64 i = first_place(); i < a.count; i += stride_of_places()) a.to[i] = a.value;
}

// The sum over the tree of chunks: neighbours, then sums of neighbours, of as many chunks as there are, `stride` apart.
struct TreeArguments {
    const float *from;
    float *to;
    u64 count, stride;
    u32 chunks, unused;
};

#define MOST_CHUNKS 16

KERNEL(sum_chunks, TreeArguments, 256) {
    for (u64 i = first_place(); i < a.count; i += stride_of_places()) {
        float sums[MOST_CHUNKS];
#pragma unroll
        for (u32 chunk = 0; chunk < MOST_CHUNKS; ++chunk)
            sums[chunk] = chunk < a.chunks ? a.from[chunk * a.stride + i] : 0.0f;
#pragma unroll
        for (u32 width = 1; width < MOST_CHUNKS; width *= 2)
#pragma unroll
            for (u32 chunk = 0; chunk + width < MOST_CHUNKS; chunk += 2 * width)
                if (chunk + width < a.chunks) sums[chunk] = sums[chunk] + sums[chunk + width];
        a.to[i] = sums[0];
    }
}

// The gradient of the token embedding: rows of the step before are cleared, those of this one are sums over the tree of
// chunks. `values` holds the leaves' rows; leaves of a row lie side by side, by chunk. After each leaf, `joins` says how
// many sums of the tree are complete: so many times the last two numbers of the stack become one.
struct RowTreeArguments {
    const float *values;
    float *embedding;
    const u32 *cleared;
    const u32 *rows;
    const u32 *first_leaf; // of each row, and the number of leaves
    const u64 *places;
    const u32 *joins;
    u32 cleared_count, row_count, width, unused;
};

KERNEL(clear_rows, RowTreeArguments, 256) {
    const u64 count = (u64)a.cleared_count * a.width;
    for (u64 i = first_place(); i < count; i += stride_of_places())
        a.embedding[(u64)a.cleared[i / a.width] * a.width + i % a.width] = 0.0f;
}

KERNEL(sum_rows, RowTreeArguments, 256) {
    const u64 count = (u64)a.row_count * a.width;
    for (u64 i = first_place(); i < count; i += stride_of_places()) {
        const u32 row = (u32)(i / a.width), column = (u32)(i % a.width);
        float stack[33];
        u32 height = 0;
        for (u32 leaf = a.first_leaf[row]; leaf < a.first_leaf[row + 1]; ++leaf) {
            stack[height++] = a.values[a.places[leaf] + column];
            for (u32 join = 0; join < a.joins[leaf]; ++join) {
                --height;
                stack[height - 1] = stack[height - 1] + stack[height];
            }
        }
        a.embedding[(u64)a.rows[row] * a.width + column] = stack[0];
    }
}
