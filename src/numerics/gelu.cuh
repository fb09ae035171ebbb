// GELU by the error function, and QuickGELU: values and derivatives, as `gelu.rs` defines them.

DEVICE float twice_share(float x) { return 1.0f + erf_of(x * number(0x3f3504f3u)); }

DEVICE float gelu_value(float x, float twice) { return (0.5f * x) * twice; }

DEVICE float gelu_derivative(float x, float twice) {
    const float density = exp_of((-0.5f * x) * x) * number(0x3ecc422au);
    return __fmaf_rn(x, density, 0.5f * twice);
}

DEVICE float quick_gelu(float x) { return x * sigmoid_of(1.702f * x); }

DEVICE float quick_gelu_derivative(float x) {
    const float u = 1.702f * x;
    const float s = sigmoid_of(u);
    return s * __fmaf_rn(u, 1.0f - s, 1.0f);
}
