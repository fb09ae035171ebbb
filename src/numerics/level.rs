//! Which vector instructions a computation uses. Results never depend on it.

use std::fmt;

/// The code that runs for a [`Level`]: what was compiled with which instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// Plain Rust with fused multiply-add in software.
    Software,
    /// Plain Rust compiled for hardware with fused multiply-add.
    Fused,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A SIMD level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Plain Rust; any target.
    Scalar,
    /// x86-64 with AVX2, FMA and BMI2: 8 lanes.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 lanes.
    Avx512,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

impl Level {
    /// Every level that this machine has, slowest first.
    pub fn available() -> Vec<Self> {
        [Self::Scalar, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|level| level.is_available())
            .collect()
    }

    /// The fastest level that this machine has.
    pub fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::Scalar)
    }

    /// Whether this machine has the level's instructions.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Avx2 => has_avx2(),
            Self::Avx512 => has_avx512(),
        }
    }

    /// Returns the code to run.
    ///
    /// # Panics
    ///
    /// If this machine has not the level: no kernel may run without its instructions.
    #[inline]
    pub(crate) fn path(self) -> Path {
        assert!(self.is_available(), "this machine has no {self:?}");
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Path::Avx512,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Path::Avx2,
            _ if has_fused() => Path::Fused,
            _ => Path::Software,
        }
    }
}

impl Path {
    /// Every path that this machine can run, also the one that no level chooses here.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut paths = vec![Self::Software];
        paths.extend(Level::available().into_iter().map(Level::path));
        paths.dedup();
        paths
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
fn has_fused() -> bool {
    is_x86_feature_detected!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

/// Fused multiply-add belongs to every aarch64.
#[cfg(not(target_arch = "x86_64"))]
fn has_fused() -> bool {
    cfg!(target_arch = "aarch64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detected_level_is_the_last_available_one() {
        let levels = Level::available();
        assert_eq!(levels.first(), Some(&Level::Scalar));
        assert_eq!(levels.last(), Some(&Level::detect()));
        assert!(levels.is_sorted());
    }

    #[test]
    fn a_level_that_is_missing_is_never_run() {
        for level in [Level::Avx2, Level::Avx512] {
            let ran = std::panic::catch_unwind(|| level.path()).is_ok();
            assert_eq!(ran, Level::available().contains(&level));
        }
    }
}
