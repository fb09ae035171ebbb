// What the contrastive loss does to whole matrices, as `loss.rs` defines it; its rows are in `softmax.cu`.

struct LogitsArguments {
    const float *products;
    const float *logit_scale;
    float *logits;    // scale · product
    float *by_row;    // the same again
    float *by_column; // transposed
    u64 n;
};

#define SIDE 32

// Threads 32 × 8 on a tile of 32 × 32, turned over in shared memory.
KERNEL(contrastive_logits, LogitsArguments, 256) {
    __shared__ float tile[SIDE][SIDE + 1];
    const float scale = exp_of(*a.logit_scale);
    const u64 left = (u64)blockIdx.x * SIDE, top = (u64)blockIdx.y * SIDE;
    for (u32 y = threadIdx.y; y < SIDE; y += 8) {
        const u64 r = top + y, c = left + threadIdx.x;
        if (r >= a.n || c >= a.n) continue;
        const float x = scale * a.products[r * a.n + c];
        a.logits[r * a.n + c] = x;
        a.by_row[r * a.n + c] = x;
        tile[y][threadIdx.x] = x;
    }
    __syncthreads();
    for (u32 y = threadIdx.y; y < SIDE; y += 8) {
        const u64 r = left + y, c = top + threadIdx.x;
        if (r < a.n && c < a.n) a.by_column[r * a.n + c] = tile[threadIdx.x][y];
    }
}

struct ContrastiveArguments {
    float *by_row; // P by rows, then G
    const float *by_column;
    const float *losses; // sums of the rows' and of the columns' losses
    float *results;
    u64 n;
    float factor;
    u32 unused;
};

// G = ((P_r − δ) + (P_c − δ))·factor.
KERNEL(contrastive_gradient, ContrastiveArguments, 256) {
    __shared__ float tile[SIDE][SIDE + 1];
    const u64 left = (u64)blockIdx.x * SIDE, top = (u64)blockIdx.y * SIDE;
    for (u32 y = threadIdx.y; y < SIDE; y += 8) {
        const u64 r = left + y, c = top + threadIdx.x;
        if (r < a.n && c < a.n) tile[threadIdx.x][y] = a.by_column[r * a.n + c];
    }
    __syncthreads();
    for (u32 y = threadIdx.y; y < SIDE; y += 8) {
        const u64 r = top + y, c = left + threadIdx.x;
        if (r >= a.n || c >= a.n) continue;
        const float one = r == c ? 1.0f : 0.0f;
        a.by_row[r * a.n + c] = ((a.by_row[r * a.n + c] - one) + (tile[y][threadIdx.x] - one)) * a.factor;
    }
}

KERNEL(contrastive_loss, ContrastiveArguments, 32) {
    if (first_place() > 0) return;
    const float batch = (float)a.n;
    a.results[0] = 0.5f * (a.losses[0] / batch + a.losses[1] / batch);
}

// The mean of a classifier's losses.
KERNEL(classification_loss, ContrastiveArguments, 32) {
    if (first_place() > 0) return;
    a.results[0] = a.losses[0] / (float)a.n;
    a.results[1] = 0.0f;
}
