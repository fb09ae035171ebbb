// Pooling of a tower's tokens, forward and backward, as `head.rs` defines it.

// Which tokens become the vector of a sample: the mean of all (0), of the first so many (1), the one at a place (2), the
// first (3).
struct PoolArguments {
    const float *from;
    float *to;
    const u32 *counts; // of 1 and 2
    u64 samples, tokens, width;
    u32 mode, unused;
};

DEVICE void span_of(const PoolArguments &a, u64 sample, u64 &start, u64 &count) {
    start = a.mode == 2 ? a.counts[sample] : 0;
    count = a.mode == 0 ? a.tokens : a.mode == 1 ? a.counts[sample] : 1;
}

KERNEL(pool_forward, PoolArguments, 256) {
    const u64 elements = a.samples * a.width;
    for (u64 i = first_place(); i < elements; i += stride_of_places()) {
        const u64 sample = i / a.width, column = i % a.width;
        u64 start, count;
        span_of(a, sample, start, count);
        const float *x = a.from + (sample * a.tokens + start) * a.width + column;
        if (a.mode >= 2) {
            a.to[i] = x[0];
            continue;
        }
        float sum = 0.0f;
#pragma unroll 8
        for (u64 token = 0; token < count; ++token) sum = sum + x[token * a.width];
        a.to[i] = sum / (float)count;
    }
}

KERNEL(pool_backward, PoolArguments, 256) {
    const u64 elements = a.samples * a.tokens * a.width;
    for (u64 i = first_place(); i < elements; i += stride_of_places()) {
        const u64 column = i % a.width, token = i / a.width % a.tokens, sample = i / a.width / a.tokens;
        u64 start, count;
        span_of(a, sample, start, count);
        float d = 0.0f;
        if (token >= start && token < start + count) {
            d = a.from[sample * a.width + column];
            if (a.mode < 2) d = d / (float)count;
        }
        a.to[i] = d;
    }
}
