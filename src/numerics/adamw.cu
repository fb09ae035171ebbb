// AdamW in place with the fingerprint of what it leaves, and the norm of a gradient, as `adamw.rs` defines them.

// A tensor among the parameters. Its elements are dealt out in parts of PART, numbered through all tensors.
struct Tensor {
    u64 start, len, first_part;
    u32 decays;
    u32 is_logit_scale;
};

#define PART 4096

// The tensor to which a part belongs.
DEVICE u32 tensor_of(const Tensor *tensors, u32 count, u64 part) {
    u32 low = 0, high = count;
    while (high - low > 1) {
        const u32 middle = low + (high - low) / 2;
        if (tensors[middle].first_part <= part) low = middle;
        else high = middle;
    }
    return low;
}

struct SquaresArguments {
    const float *gradient;
    const Tensor *tensors;
    double *sums; // one a part
    u64 parts;
    u32 count;
    u32 unused;
};

// The row reduction of the squares of each part, in binary64, half a warp a part. The square of a binary32 number is exact
// there, so that the sum rounds once.
KERNEL(squares_of_parts, SquaresArguments, 256) {
    const u64 part = row_of_block();
    double lane = 0.0;
    if (part < a.parts) {
        const Tensor tensor = a.tensors[tensor_of(a.tensors, a.count, part)];
        const u64 first = (part - tensor.first_part) * PART;
        const u64 end = first + PART < tensor.len ? first + PART : tensor.len;
        for (u64 e = first + lane_of_row(); e < end; e += 16) {
            const double x = (double)a.gradient[tensor.start + e];
            lane = lane + x * x;
        }
    }
    const double sum = tree(lane);
    if (part < a.parts && lane_of_row() == 0) a.sums[part] = sum;
}

struct ClipArguments {
    const double *sums;
    double *squared_norm;
    float *scale;
    u64 parts;
    double limit; // below 0: none
};

// The parts' sums added ascending by one thread, brought by a block of them; then min(1, limit ÷ (norm + 1e-6)), rounded
// once.
KERNEL(clip_scale, ClipArguments, 256) {
    // While one thread adds, all fetch what it adds next.
    __shared__ double sums[2][256];
    double total = 0.0;
    if (threadIdx.x < a.parts) sums[0][threadIdx.x] = a.sums[threadIdx.x];
    __syncthreads();
    for (u64 start = 0; start < a.parts; start += 256) {
        const u64 next = start + 256 + threadIdx.x;
        const u32 here = (u32)(start / 256 % 2), left = a.parts - start < 256 ? (u32)(a.parts - start) : 256;
        if (next < a.parts) sums[1 - here][threadIdx.x] = a.sums[next];
        if (threadIdx.x == 0) {
#pragma unroll 16
            for (u32 i = 0; i < left; ++i) total = total + sums[here][i];
        }
        __syncthreads();
    }
    if (threadIdx.x != 0) return;
    *a.squared_norm = total;
    if (a.limit >= 0.0) {
        const double scale = a.limit / (sqrt(total) + 1e-6);
        *a.scale = (float)(scale < 1.0 ? scale : 1.0);
    } else {
        *a.scale = 1.0f;
    }
}

struct Constants {
    float beta1, rest1, beta2, rest2, epsilon, a, c, d;
};

struct Outcome {
    u64 fingerprint[2];
    u32 not_finite; // the first tensor with such an element, or all ones
    u32 unused;
};

struct AdamWArguments {
    float *theta, *m, *v;
    const float *gradient, *scale;
    const Tensor *tensors;
    Outcome *outcome;
    Constants decaying, other;
    u32 count;
    float logit_scale_max;
};

// splitmix64's finaliser.
DEVICE u64 mix(u64 z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// Sums of integers modulo 2⁶⁴ and the least of integers: the order in which they arrive does not show.
KERNEL(adamw_update, AdamWArguments, 256) {
    __shared__ u64 sums[2][256];
    const u64 part = blockIdx.x;
    const u32 index = tensor_of(a.tensors, a.count, part);
    const Tensor tensor = a.tensors[index];
    const Constants k = tensor.decays ? a.decaying : a.other;
    const u64 first = (part - tensor.first_part) * PART;
    const u64 end = first + PART < tensor.len ? first + PART : tensor.len;
    const float scale = *a.scale;
    u64 f0 = 0, f1 = 0;
    bool finite = true;
    // Four elements at once: all is read before anything is written.
    for (u64 start = first + threadIdx.x; start < end; start += 4 * 256) {
        float gradient[4], before_m[4], before_v[4], before[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const u64 at = tensor.start + start + i * 256;
            if (start + i * 256 >= end) continue;
            gradient[i] = a.gradient[at];
            before_m[i] = a.m[at];
            before_v[i] = a.v[at];
            before[i] = a.theta[at];
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const u64 e = start + i * 256, at = tensor.start + e;
            if (e >= end) continue;
            const float g = gradient[i] * scale;
            const float m = __fmaf_rn(k.beta1, before_m[i], k.rest1 * g);
            const float v = __fmaf_rn(k.beta2, before_v[i], (k.rest2 * g) * g);
            const float direction = m / __fmaf_rn(sqrtf(v), k.c, k.epsilon);
            float theta = __fmaf_rn(-k.a, direction, before[i] * k.d);
            if (tensor.is_logit_scale) {
                if (theta < 0.0f) theta = 0.0f;
                if (theta > a.logit_scale_max) theta = a.logit_scale_max;
            }
            a.m[at] = m;
            a.v[at] = v;
            a.theta[at] = theta;
            const u32 bits = __float_as_uint(theta);
            finite = finite && (bits & 0x7f800000u) != 0x7f800000u;
            const u64 word = ((u64)bits + ((u64)index << 32)) ^ (e * 0x9E3779B97F4A7C15ull);
            f0 += mix(word);
            f1 += mix(word ^ 0xD1B54A32D192ED03ull);
        }
    }
    if (!finite) atomicMin(&a.outcome->not_finite, index);
    sums[0][threadIdx.x] = f0;
    sums[1][threadIdx.x] = f1;
    __syncthreads();
    for (u32 width = 128; width >= 1; width /= 2) {
        if (threadIdx.x < width) {
            sums[0][threadIdx.x] += sums[0][threadIdx.x + width];
            sums[1][threadIdx.x] += sums[1][threadIdx.x + width];
        }
        __syncthreads();
    }
    if (threadIdx.x < 2) atomicAdd(&a.outcome->fingerprint[threadIdx.x], sums[threadIdx.x][0]);
}
