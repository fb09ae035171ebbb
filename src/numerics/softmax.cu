// Softmax over the rows of a loss: P in place, and each row's `lse − x_own`.

struct SoftmaxArguments {
    float *x;
    const u32 *labels; // null: row i's own element is i
    float *losses;
    u64 rows, width;
    float factor;
    u32 gradient; // whether x becomes (P − δ)·factor
};

KERNEL(softmax_loss, SoftmaxArguments, 256) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    float *x = a.x + row * a.width;
    const u64 own_place = count ? (a.labels ? a.labels[row] : row) : 0;
    const float own = count ? x[own_place] : 0.0f;
    const float maximum = row_maximum(x, count);
    // Read before any thread of the half warp writes; shuffles alone order no memory.
    __syncwarp();
    float lane = 0.0f;
    for (u64 e = lane_of_row(); e < count; e += 16) {
        const float power = exp_of((x[e] - maximum) * 1.0f);
        x[e] = power;
        lane = lane + power;
    }
    const float sum = tree(lane);
    const float share = 1.0f / sum;
    for (u64 e = lane_of_row(); e < count; e += 16) {
        float p = x[e] * share;
        if (a.gradient) p = (e == own_place ? p - 1.0f : p) * a.factor;
        x[e] = p;
    }
    if (count && lane_of_row() == 0) a.losses[row] = (maximum + log_of(sum)) - own;
}
