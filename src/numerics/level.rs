//! Which vector instructions a computation uses. Results never depend on it.

/// A SIMD level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Plain Rust; any target.
    Scalar,
    /// x86-64 with AVX2 and FMA: 8 lanes.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 lanes.
    Avx512,
}

impl Level {
    /// Every level that this machine has, slowest first.
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self::Avx2);
                if ["avx512f", "avx512bw", "avx512dq", "avx512vl"]
                    .iter()
                    .all(|f| match *f {
                        "avx512f" => is_x86_feature_detected!("avx512f"),
                        "avx512bw" => is_x86_feature_detected!("avx512bw"),
                        "avx512dq" => is_x86_feature_detected!("avx512dq"),
                        _ => is_x86_feature_detected!("avx512vl"),
                    })
                {
                    levels.push(Self::Avx512);
                }
            }
        }
        levels
    }

    /// The fastest level that this machine has.
    pub fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::Scalar)
    }
}
