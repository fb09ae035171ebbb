// LayerNorm over rows, forward and backward, as `layer_norm.rs` defines it; gain and bias in `matmul/columns.cu`.

struct NormArguments {
    const float *x, *gain, *bias, *d_y;
    float *stats; // mean and reciprocal deviation of each row
    float *out;
    u64 rows, width;
    u32 adds; // whether the gradient is added to what is there
    u32 unused;
};

KERNEL(layer_norm_forward, NormArguments, 256) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    const float n = (float)a.width;
    const float *x = a.x + row * a.width;
    float *y = a.out + row * a.width;
    float lane = 0.0f;
#pragma unroll 4
    for (u64 e = lane_of_row(); e < count; e += 16) lane = lane + x[e];
    const float mean = tree(lane) / n;
    lane = 0.0f;
#pragma unroll 4
    for (u64 e = lane_of_row(); e < count; e += 16) {
        const float difference = x[e] - mean;
        lane = __fmaf_rn(difference, difference, lane);
    }
    const float variance = tree(lane) / n;
    const float r = 1.0f / sqrtf(variance + 1e-5f);
    if (row < a.rows && lane_of_row() == 0) {
        a.stats[2 * row] = mean;
        a.stats[2 * row + 1] = r;
    }
#pragma unroll 4
    for (u64 e = lane_of_row(); e < count; e += 16) y[e] = __fmaf_rn((x[e] - mean) * r, a.gain[e], a.bias[e]);
}

KERNEL(layer_norm_backward, NormArguments, 256) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    const float n = (float)a.width;
    const float *x = a.x + row * a.width, *d_y = a.d_y + row * a.width;
    float *d_x = a.out + row * a.width;
    const float mean = count ? a.stats[2 * row] : 0.0f, r = count ? a.stats[2 * row + 1] : 0.0f;
    float sums = 0.0f, products = 0.0f;
#pragma unroll 4
    for (u64 e = lane_of_row(); e < count; e += 16) {
        const float g = d_y[e] * a.gain[e];
        sums = sums + g;
        products = __fmaf_rn(g, (x[e] - mean) * r, products);
    }
    const float shift = tree(sums) / n, slope = tree(products) / n;
#pragma unroll 4
    for (u64 e = lane_of_row(); e < count; e += 16) {
        const float g = d_y[e] * a.gain[e];
        const float normal = (x[e] - mean) * r;
        const float gradient = r * ((g - shift) - normal * slope);
        d_x[e] = a.adds ? d_x[e] + gradient : gradient;
    }
}
