// Rows of unit length, forward and backward, as `normalise.rs` defines them.

struct NormaliseArguments {
    const float *x; // forward: the argument; backward: the unit rows
    float *r;
    const float *d_y;
    float *out;
    u64 rows, width;
};

KERNEL(normalise_forward, NormaliseArguments, 256) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    const float *x = a.x + row * a.width;
    float *y = a.out + row * a.width;
    float lane = 0.0f;
    for (u64 e = lane_of_row(); e < count; e += 16) lane = __fmaf_rn(x[e], x[e], lane);
    const float length = sqrtf(tree(lane));
    const float r = 1.0f / (length < 1e-12f ? 1e-12f : length);
    if (row < a.rows && lane_of_row() == 0) a.r[row] = r;
    for (u64 e = lane_of_row(); e < count; e += 16) y[e] = x[e] * r;
}

KERNEL(normalise_backward, NormaliseArguments, 256) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    const float *y = a.x + row * a.width, *d_y = a.d_y + row * a.width;
    float *d_x = a.out + row * a.width;
    float lane = 0.0f;
    for (u64 e = lane_of_row(); e < count; e += 16) lane = __fmaf_rn(y[e], d_y[e], lane);
    const float dot = tree(lane);
    const float r = count ? a.r[row] : 0.0f;
    for (u64 e = lane_of_row(); e < count; e += 16) d_x[e] = r * (d_y[e] - y[e] * dot);
}
