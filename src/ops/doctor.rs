//! `doctor`: golden bits at every SIMD level, the floating-point state, the store, the workspace.

use serde::Serialize;

use super::workspace::Workspace;
use crate::confinement;
use crate::data::chain;
use crate::numerics::{self, Level, self_test};
use crate::store::Store;

/// What was looked at.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// One a line.
    pub findings: Vec<Diagnosed>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosed {
    /// What it is.
    pub what: String,
    /// What was seen.
    pub text: String,
    /// Whether it is as it should be.
    pub is_well: bool,
    /// The exit code if it is not.
    #[serde(skip)]
    code: u8,
}

impl Diagnosis {
    /// The exit code: 0, or the highest of what is not as it should be.
    pub fn exit_code(&self) -> u8 {
        self.findings.iter().filter(|f| !f.is_well).map(|f| f.code).max().unwrap_or(0)
    }
}

impl Workspace {
    /// Looks at all that results and runs depend on. Changes nothing but an absent store, which it makes.
    pub fn diagnose(&self) -> Diagnosis {
        let mut findings = vec![well("program", format!("ibid {}", env!("CARGO_PKG_VERSION")))];
        findings.extend(Level::available().into_iter().map(golden_bits));
        findings.push(match numerics::set_control_state() {
            Ok(()) => well("floating point", "round to nearest, subnormals kept".to_owned()),
            Err(error) => ill("floating point", error.to_string(), 3),
        });
        findings.push(match confinement::probe() {
            Ok(in_force) => well("confinement", in_force.to_string()),
            Err(error) => ill("confinement", chain(&error), 3),
        });
        findings.extend(gpus());
        let level = self.settings.level;
        findings.push(well(
            "threads",
            format!("{} at {level}, {} actions at once", self.settings.threads, self.settings.jobs),
        ));
        findings.push(match self.root() {
            Ok(root) => well("workspace", root.display().to_string()),
            Err(_) => well("workspace", "none here; files can be named".to_owned()),
        });
        let folder = self.store_folder().display();
        findings.push(match Store::open(self.store_folder()) {
            Ok(_) => well("store", folder.to_string()),
            Err(error) => {
                let code = if error.is_integrity() { 4 } else { 3 };
                ill("store", format!("{folder}: {error}"), code)
            }
        });
        for mirror in &self.settings.mirrors {
            let path = self.settings.folder.join(mirror);
            let text = path.display().to_string();
            findings.push(if path.is_dir() {
                well("mirror", text)
            } else {
                ill("mirror", format!("{text}: no such folder"), 3)
            });
        }
        Diagnosis { findings }
    }
}

/// Whether this machine computes the published bits. Other bits are an integrity error: nothing made here can be trusted.
fn golden_bits(level: Level) -> Diagnosed {
    let what = format!("golden bits, {level}");
    match self_test::differing(level) {
        differing if differing.is_empty() => {
            well(&what, format!("{} operations agree", self_test::operations()))
        }
        differing => ill(&what, format!("these operations differ: {}", differing.join(", ")), 4),
    }
}

/// The GPUs that can be named, and whether they compute the published bits.
#[cfg(feature = "cuda")]
fn gpus() -> Vec<Diagnosed> {
    use crate::tensor::Gpus;

    match crate::tensor::gpus() {
        Ok(Gpus::Absent(why)) => vec![well("GPUs", format!("none: {why}"))],
        Ok(Gpus::Each(gpus)) => gpus.into_iter().enumerate().flat_map(of_gpu).collect(),
        Err(error) => vec![ill("GPUs", chain(&error), 3)],
    }
}

#[cfg(feature = "cuda")]
fn of_gpu(
    (ordinal, gpu): (usize, Result<crate::tensor::Gpu, crate::tensor::DeviceError>),
) -> Vec<Diagnosed> {
    match gpu {
        Ok(gpu) => vec![seen(&gpu), bits_of(&gpu)],
        Err(error) => vec![ill(&format!("cuda:{ordinal}"), chain(&error), 3)],
    }
}

#[cfg(feature = "cuda")]
fn seen(gpu: &crate::tensor::Gpu) -> Diagnosed {
    let (free, all) = gpu.memory;
    let (major, minor) = gpu.class;
    let text = format!(
        "{}, class {major}.{minor}, driver of CUDA {}.{}, {} of {} MiB free",
        gpu.name,
        gpu.driver / 1000,
        gpu.driver % 1000 / 10,
        free >> 20,
        all >> 20
    );
    well(&format!("cuda:{}", gpu.ordinal), text)
}

#[cfg(feature = "cuda")]
fn bits_of(gpu: &crate::tensor::Gpu) -> Diagnosed {
    let what = format!("golden bits, cuda:{}", gpu.ordinal);
    match gpu.differing() {
        Ok((differing, tested)) if differing.is_empty() => {
            well(&what, format!("{tested} operations agree"))
        }
        Ok((differing, _)) => {
            ill(&what, format!("these operations differ: {}", differing.join(", ")), 4)
        }
        Err(error) => ill(&what, chain(&error), 3),
    }
}

#[cfg(not(feature = "cuda"))]
fn gpus() -> Vec<Diagnosed> {
    vec![well("GPUs", "not used: this program was built without CUDA".to_owned())]
}

fn well(what: &str, text: String) -> Diagnosed {
    Diagnosed { what: what.to_owned(), text, is_well: true, code: 0 }
}

fn ill(what: &str, text: String, code: u8) -> Diagnosed {
    Diagnosed { what: what.to_owned(), text, is_well: false, code }
}
