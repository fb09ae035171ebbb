// LayerNorm over rows, forward and backward, as `layer_norm.rs` defines it; gain and bias in `matmul/columns.cu`.

struct NormArguments {
    const float *x, *gain, *bias, *d_y;
    float *stats; // mean and reciprocal deviation of each row
    float *out;
    u64 rows, width;
    u32 adds; // whether the gradient is added to what is there
    u32 unused;
};

// What is done to the elements of a row by one thread, every 16th; `MOST` of them stay in registers, so that memory is read
// once and at once. MOST is 0 where there are more.
template <int MOST>
struct OfRow {
    float element[MOST];

    MEMBER void read(const float *x, u64 count) {
#pragma unroll
        for (int i = 0; i < MOST; ++i)
            if (lane_of_row() + 16 * i < count) element[i] = x[lane_of_row() + 16 * i];
    }
    MEMBER float at(const float *, u64, int i) const { return element[i]; }
};
template <>
struct OfRow<0> {
    MEMBER void read(const float *, u64) {}
    MEMBER float at(const float *x, u64 e, int) const { return x[e]; }
};

// Runs `what` for each element e of this thread, the i-th of them.
#define EACH_OF_ROW(MOST, what)                                                                   \
    if (MOST == 0) {                                                                              \
        _Pragma("unroll 4") for (u64 e = lane_of_row(), i = 0; e < count; e += 16, ++i) { what; } \
    } else {                                                                                      \
        _Pragma("unroll") for (int i = 0; i < MOST; ++i) {                                        \
            const u64 e = lane_of_row() + 16 * i;                                                 \
            if (e < count) { what; }                                                              \
        }                                                                                         \
    }

template <int MOST>
DEVICE void layer_norm(const NormArguments &a) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    const float n = (float)a.width;
    const float *x = a.x + row * a.width;
    float *y = a.out + row * a.width;
    OfRow<MOST> of_x;
    of_x.read(x, count);
    float lane = 0.0f;
    EACH_OF_ROW(MOST, lane = lane + of_x.at(x, e, i))
    const float mean = tree(lane) / n;
    lane = 0.0f;
    EACH_OF_ROW(MOST, {
        const float difference = of_x.at(x, e, i) - mean;
        lane = __fmaf_rn(difference, difference, lane);
    })
    const float variance = tree(lane) / n;
    const float r = 1.0f / sqrtf(variance + 1e-5f);
    if (row < a.rows && lane_of_row() == 0) {
        a.stats[2 * row] = mean;
        a.stats[2 * row + 1] = r;
    }
    EACH_OF_ROW(MOST, y[e] = __fmaf_rn((of_x.at(x, e, i) - mean) * r, read_only(a.gain + e), read_only(a.bias + e)))
}

template <int MOST>
DEVICE void layer_norm_gradient(const NormArguments &a) {
    const u64 row = row_of_block();
    const u64 count = row < a.rows ? a.width : 0;
    const float n = (float)a.width;
    const float *x = a.x + row * a.width, *d_y = a.d_y + row * a.width;
    float *d_x = a.out + row * a.width;
    const float mean = count ? a.stats[2 * row] : 0.0f, r = count ? a.stats[2 * row + 1] : 0.0f;
    OfRow<MOST> of_x, of_d_y;
    of_x.read(x, count);
    of_d_y.read(d_y, count);
    float sums = 0.0f, products = 0.0f;
    EACH_OF_ROW(MOST, {
        const float g = of_d_y.at(d_y, e, i) * read_only(a.gain + e);
        sums = sums + g;
        products = __fmaf_rn(g, (of_x.at(x, e, i) - mean) * r, products);
    })
    const float shift = tree(sums) / n, slope = tree(products) / n;
    EACH_OF_ROW(MOST, {
        const float g = of_d_y.at(d_y, e, i) * read_only(a.gain + e);
        const float normal = (of_x.at(x, e, i) - mean) * r;
        const float gradient = r * ((g - shift) - normal * slope);
        d_x[e] = a.adds ? d_x[e] + gradient : gradient;
    })
}

// Wide rows in registers leave a processor too few threads.
KERNEL(layer_norm_forward, NormArguments, 256) {
    if (a.width <= 64) layer_norm<4>(a);
    else layer_norm<0>(a);
}

KERNEL(layer_norm_backward, NormArguments, 256) {
    if (a.width <= 64) layer_norm_gradient<4>(a);
    else layer_norm_gradient<0>(a);
}
