//! What a training is computed by that is not portable.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The profile of a training whose bits are those of one class of GPUs: arithmetic, class, and revision of the kernels.
///
/// As text `bf16/sm_90/1`. The one arithmetic so far is `bf16`: operands of the linear layers of transformer blocks are
/// rounded to bfloat16, and tensor cores multiply and add them. Bits are equal on GPUs of that compute capability and
/// nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DeviceProfile {
    class: DeviceClass,
}

/// A class of GPUs of NVIDIA's, by compute capability: major and minor number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct DeviceClass(u32, u32);

/// Why a text is not a profile that this program computes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is none.
    #[error("`{0}` is not ARITHMETIC/CLASS/REVISION, such as `bf16/sm_90/1`")]
    Form(String),
    /// There is no such arithmetic.
    #[error("there is no arithmetic `{0}`; there is `bf16`")]
    Arithmetic(String),
    /// There is no such class, or it has no tensor cores for bfloat16.
    #[error("`{0}` is not a class of GPUs that multiply bfloat16: `sm_80` or a later one")]
    Class(String),
    /// The kernels are of another revision.
    #[error("there is no revision `{0}` of it; this program computes revision `1`")]
    Revision(String),
}

impl DeviceProfile {
    const ARITHMETIC: &str = "bf16";
    /// Raised when the kernels may give other bits.
    const REVISION: &str = "1";

    /// The profile of GPUs of a class, if they multiply bfloat16.
    pub fn of(class: DeviceClass) -> Option<Self> {
        (class >= DeviceClass::FIRST).then_some(Self { class })
    }

    /// The class of GPUs whose bits it gives.
    pub const fn class(self) -> DeviceClass {
        self.class
    }
}

impl DeviceClass {
    /// The first that multiplies bfloat16.
    const FIRST: Self = Self(8, 0);

    /// The class of this compute capability.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self(major, minor)
    }
}

impl FromStr for DeviceProfile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let parts: Vec<&str> = text.split('/').collect();
        let [arithmetic, class, revision] = parts[..] else {
            return Err(ProfileError::Form(text.to_owned()));
        };
        if arithmetic != Self::ARITHMETIC {
            return Err(ProfileError::Arithmetic(arithmetic.to_owned()));
        }
        let class: DeviceClass = class.parse()?;
        let profile = Self::of(class).ok_or_else(|| ProfileError::Class(class.to_string()))?;
        if revision != Self::REVISION {
            return Err(ProfileError::Revision(revision.to_owned()));
        }
        Ok(profile)
    }
}

impl FromStr for DeviceClass {
    type Err = ProfileError;

    /// Reads `sm_90`: the last digit is the minor number.
    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let number = text.strip_prefix("sm_").and_then(|number| number.parse::<u16>().ok());
        let class = number.map(|number| Self(u32::from(number / 10), u32::from(number % 10)));
        // One spelling: no sign, no leading zero.
        class
            .filter(|class| class.to_string() == text)
            .ok_or_else(|| ProfileError::Class(text.to_owned()))
    }
}

impl fmt::Display for DeviceProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", Self::ARITHMETIC, self.class, Self::REVISION)
    }
}

impl fmt::Display for DeviceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sm_{}{}", self.0, self.1)
    }
}

impl From<DeviceProfile> for String {
    fn from(profile: DeviceProfile) -> Self {
        profile.to_string()
    }
}

impl TryFrom<String> for DeviceProfile {
    type Error = ProfileError;

    fn try_from(text: String) -> Result<Self, ProfileError> {
        text.parse()
    }
}

impl From<DeviceClass> for String {
    fn from(class: DeviceClass) -> Self {
        class.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_one_spelling_and_others_are_refused() {
        for text in ["bf16/sm_80/1", "bf16/sm_90/1", "bf16/sm_120/1"] {
            assert_eq!(text.parse::<DeviceProfile>().unwrap().to_string(), text);
        }
        let refused = |text: &str| text.parse::<DeviceProfile>().unwrap_err();
        for text in ["", "bf16", "bf16/sm_90", "bf16/sm_90/1/", "bf16 sm_90 1"] {
            assert_eq!(refused(text), ProfileError::Form(text.to_owned()));
        }
        assert_eq!(refused("tf32/sm_90/1"), ProfileError::Arithmetic("tf32".to_owned()));
        for class in ["sm_75", "sm_090", "sm_+90", "sm_9.0", "sm_", "SM_90", "gfx942", ""] {
            assert_eq!(refused(&format!("bf16/{class}/1")), ProfileError::Class(class.to_owned()));
        }
        for revision in ["0", "2", "01", ""] {
            let error = ProfileError::Revision(revision.to_owned());
            assert_eq!(refused(&format!("bf16/sm_90/{revision}")), error);
        }
    }
}
