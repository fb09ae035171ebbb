//! `init` and `new`: a workspace with the schema, and a commented experiment to start from.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::name::{NAME_BYTES_MAX, is_experiment_name};
use super::workspace::Workspace;
use crate::fs::{self, Durability};

/// The schema as this program knows it: name below `experiments/schema/v1`, text.
pub(super) const SCHEMA: &[(&str, &str)] = &include!("schema_files.in");

/// What a new experiment starts with; `NAME` stands for its name.
const TEMPLATE: &str = include_str!("new_experiment.dhall");

/// The pins of the bundled sets, as this program builds them.
const SHARDS: &str = include_str!("../../experiments/pictogram-scaling-laws/shards.dhall");

const IGNORED: &str = "/.ibid\n/out\n";

/// Makes a workspace of `folder`: the schema, folders for experiments and lockfiles, and what version control should
/// ignore. Files that are there already are kept. Gives the files that were written.
pub fn init(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let schema = folder.join("experiments/schema/v1");
    fs::create_dir(&schema)?;
    fs::create_dir(&folder.join("lockfiles"))?;
    let files = SCHEMA.iter().map(|(name, text)| (schema.join(name), *text));
    let mut written = Vec::new();
    for (path, text) in files.chain([(folder.join(".gitignore"), IGNORED)]) {
        if !path.exists() {
            fs::write_atomic(&path, text.as_bytes(), Durability::Relaxed)?;
            written.push(path);
        }
    }
    Ok(written)
}

impl Workspace {
    /// Writes a commented experiment of that name; its file.
    pub fn new_experiment(&self, name: &str) -> Result<PathBuf, Error> {
        if !is_experiment_name(name) || name == "schema" {
            let hint = match name {
                "schema" => "`experiments/schema` is the folder of the schema".to_owned(),
                _ => format!(
                    "use lower-case letters, digits and, between them, `-`: {NAME_BYTES_MAX} at most"
                ),
            };
            return Err(Error::Usage {
                message: format!("`{name}` cannot be the name of an experiment"),
                hint: Some(hint),
            });
        }
        let file = self.root()?.join("experiments").join(name).join("package.dhall");
        if file.exists() {
            return Err(Error::Usage {
                message: format!("`{}` exists already", file.display()),
                hint: None,
            });
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir(folder)?;
        fs::write_atomic(&folder.join("shards.dhall"), SHARDS.as_bytes(), Durability::Relaxed)?;
        fs::write_atomic(&file, TEMPLATE.replace("NAME", name).as_bytes(), Durability::Relaxed)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_schema_is_the_one_in_the_repository() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/schema/v1");
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, SCHEMA.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
