// Softmax of score rows and its gradient; the products before and after are batches of `matmul/product.cu`.
//
// Causal rows reduce over their own prefix; what lies after it becomes exact +0.

struct AttentionArguments {
    const float *p; // backward: the probabilities
    float *scores;  // forward: scores, then probabilities; backward: gradients of probabilities, then of scores
    u64 rows;
    u32 tokens, causal;
    float scale;
    u32 unused;
};

KERNEL(attention_softmax, AttentionArguments, 256) {
    const u64 row = row_of_block();
    const u32 tokens = row < a.rows ? a.tokens : 0;
    const u32 seen = a.causal && tokens ? (u32)(row % a.tokens) + 1 : tokens;
    float *x = a.scores + row * a.tokens;
    const float maximum = row_maximum(x, seen);
    float lane = 0.0f;
    for (u32 e = lane_of_row(); e < seen; e += 16) {
        const float power = exp_of((x[e] - maximum) * a.scale);
        x[e] = power;
        lane = lane + power;
    }
    const float share = 1.0f / tree(lane);
    for (u32 e = lane_of_row(); e < tokens; e += 16) x[e] = e < seen ? x[e] * share : 0.0f;
}

KERNEL(attention_softmax_backward, AttentionArguments, 256) {
    const u64 row = row_of_block();
    const u32 tokens = row < a.rows ? a.tokens : 0;
    const u32 seen = a.causal && tokens ? (u32)(row % a.tokens) + 1 : tokens;
    const float *p = a.p + row * a.tokens;
    float *d = a.scores + row * a.tokens;
    float lane = 0.0f;
    for (u32 e = lane_of_row(); e < seen; e += 16) lane = __fmaf_rn(p[e], d[e], lane);
    const float sum = tree(lane);
    for (u32 e = lane_of_row(); e < tokens; e += 16) d[e] = e < seen ? (p[e] * (d[e] - sum)) * a.scale : 0.0f;
}
