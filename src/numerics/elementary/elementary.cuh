// exp, log, erf, tanh and the logistic function; `mod.rs` beside this file says what they are.

#define LN_2_HIGH number(0x3f317000u)
#define LN_2_LOW number(0x3805fdf4u)
#define LOG2_E number(0x3fb8aa3bu)
#define SHIFT 12582912.0f

DEVICE float two_to(int power) { return __uint_as_float((u32)(power + 127) << 23); }

// x times 2^n, rounded once, where `shifted` is n + SHIFT: the first product is exact.
DEVICE float times_power(float x, float shifted) {
    const int power = (int)(__float_as_uint(shifted) - 0x4b400000u);
    const int half = power >> 1;
    return (x * two_to(half)) * two_to((int)((u32)power - (u32)half));
}

DEVICE float exp_of(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    const float shifted = __fmaf_rn(x, LOG2_E, SHIFT);
    const float n = shifted - SHIFT;
    float r = __fmaf_rn(-n, LN_2_HIGH, x);
    r = __fmaf_rn(-n, LN_2_LOW, r);
    float p = number(0x3ab429a9u);
    p = __fmaf_rn(p, r, number(0x3c091de8u));
    p = __fmaf_rn(p, r, number(0x3d2aadcbu));
    p = __fmaf_rn(p, r, number(0x3e2aaa47u));
    p = __fmaf_rn(p, r, number(0x3efffffcu));
    return times_power(__fmaf_rn(p, r * r, r) + 1.0f, shifted);
}

DEVICE float log_of(float x) {
    const bool subnormal = x < number(0x00800000u);
    const float scaled = subnormal ? x * 8388608.0f : x;
    const u32 bits = __float_as_uint(scaled);
    int exponent = (int)(bits - 0x3f3504f3u) >> 23;
    const float mantissa = __uint_as_float(bits - ((u32)exponent << 23));
    exponent = subnormal ? exponent - 23 : exponent;
    const float e = __uint_as_float((u32)exponent + 0x4b400000u) - SHIFT;
    const float f = mantissa - 1.0f;
    const float square = f * f;
    float p = number(0x3d88e43au);
    p = __fmaf_rn(p, f, number(0xbdeeb288u));
    p = __fmaf_rn(p, f, number(0x3df3d2a7u));
    p = __fmaf_rn(p, f, number(0xbdfe26d0u));
    p = __fmaf_rn(p, f, number(0x3e11967du));
    p = __fmaf_rn(p, f, number(0xbe2aad72u));
    p = __fmaf_rn(p, f, number(0x3e4cd2a3u));
    p = __fmaf_rn(p, f, number(0xbe800005u));
    p = __fmaf_rn(p, f, number(0x3eaaaaa3u));
    float low = __fmaf_rn(p * f, square, e * LN_2_LOW);
    low = __fmaf_rn(square, -0.5f, low);
    const float result = __fmaf_rn(e, LN_2_HIGH, f + low);
    const float infinity = number(0x7f800000u);
    if (x > 0.0f && x < infinity) return result;
    if (x == 0.0f) return -infinity;
    return x > 0.0f ? x : number(0x7fffffffu);
}

// |x| with the sign of `sign`, for x not below +0, or NaN.
DEVICE float with_sign_of(float x, float sign) {
    return __uint_as_float(__float_as_uint(x) | (__float_as_uint(sign) & 0x80000000u));
}

DEVICE float absolute(float x) { return __uint_as_float(__float_as_uint(x) & 0x7fffffffu); }

DEVICE float tanh_of(float x) {
    const float size = absolute(x);
    const float large = 1.0f - 2.0f / (exp_of(size * 2.0f) + 1.0f);
    const float square = size * size;
    float p = number(0xbbba5397u);
    p = __fmaf_rn(p, square, number(0x3ca8ec3cu));
    p = __fmaf_rn(p, square, number(0xbd5c1760u));
    p = __fmaf_rn(p, square, number(0x3e088356u));
    p = __fmaf_rn(p, square, number(0xbeaaaa98u));
    const float small = __fmaf_rn(p * square, size, size);
    return with_sign_of(size < 0.625f ? small : large, x);
}

DEVICE float sigmoid_of(float x) {
    const float z = exp_of(0.0f - absolute(x));
    const bool negative = x < 0.0f;
    const float numerator = negative ? z : 1.0f;
    const float sum = 1.0f + z;
    const float lost = z - (sum - 1.0f);
    const float quotient = numerator / sum;
    const float reciprocal = negative ? 1.0f - quotient : quotient;
    const float remainder = __fmaf_rn(-quotient, sum, numerator);
    return __fmaf_rn(__fmaf_rn(-quotient, lost, remainder), reciprocal, quotient);
}

// By coefficient, then by piece: the eight pieces of a coefficient share one sector of memory, so that a warp's
// look-up is one access.
static __device__ const u32 ERF[8][8] = {
    {0x00000000u, 0x3f0c2ad3u, 0x3f5df788u, 0x3f79cde1u, 0x3f7f5211u, 0x3f7ff4b5u, 0x3f7fff92u, 0x3f7ffffeu},
    {0x3e0375d4u, 0x3f59d57fu, 0x3ebad48du, 0x3db63f32u, 0x3c4a3128u, 0x3a7f20e8u, 0x383711aeu, 0x3595673cu},
    {0x33bb9559u, 0xbee772c3u, 0xbec681ffu, 0xbe113a26u, 0xbcd6d735u, 0xbb295123u, 0xb9112246u, 0xb6ec1b29u},
    {0xbec093e8u, 0xbdfd036fu, 0x3e1caa5bu, 0x3df7dc87u, 0x3d075221u, 0x3b8b60a5u, 0x39936011u, 0x3725f8a4u},
    {0x3784aaf3u, 0x3e3bd96fu, 0x3d44aa02u, 0xbd4977d2u, 0xbcd7a8e7u, 0xbb9e5a83u, 0xb9dcfdceu, 0x38889b72u},
    {0x3de71810u, 0xbaed4b06u, 0xbd87c0d9u, 0xbba34017u, 0x3c4cc999u, 0x3b79cbb3u, 0x39e023f8u, 0x37bae3bdu},
    {0xba054c87u, 0xbd41e6f0u, 0x3c1f97e7u, 0x3c8182c3u, 0xbb01dcdeu, 0xbae2fe4eu, 0xb94c8518u, 0xba34c30fu},
    {0xbccd9924u, 0x3bd95c12u, 0x3c4c3158u, 0xbbbaddebu, 0xbafc55d4u, 0x3a2e39d2u, 0x3965483cu, 0x37ab1e4bu},
};

DEVICE float erf_of(float x) {
    float size = absolute(x);
    size = size > 3.9375f ? 3.9375f : size;
    const float shifted = __fmaf_rn(size, 32.0f / 17.0f, 8388608.0f);
    const float k = shifted - 8388608.0f;
    const float d = __fmaf_rn(-k, 17.0f / 32.0f, size);
    const u32 piece = __float_as_uint(shifted) & 7u;
    float sum = number(ERF[7][piece]);
#pragma unroll
    for (int row = 6; row >= 1; --row) sum = __fmaf_rn(sum, d, number(ERF[row][piece]));
    const float head = k == 0.0f ? size : number(ERF[0][piece]);
    return with_sign_of(__fmaf_rn(sum, d, head), x);
}

struct MapArguments {
    const float *x;
    float *y;
    u64 count;
    u32 function;
    u32 unused;
};

// y = f(x), f one of exp, log, erf, tanh, sigmoid.
KERNEL(map_elements, MapArguments, 256) {
    for (u64 i = first_place(); i < a.count; i += stride_of_places()) {
        const float x = a.x[i];
        float y;
        switch (a.function) {
            case 0: y = exp_of(x); break;
            case 1: y = log_of(x); break;
            case 2: y = erf_of(x); break;
            case 3: y = tanh_of(x); break;
            default: y = sigmoid_of(x); break;
        }
        a.y[i] = y;
    }
}
