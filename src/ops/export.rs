//! The files of reproduced figures and tables: what `reproduce` leaves in the folder that was asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::reproduce::{Reproduced, ReproducedFigure, ReproducedSource};
use super::workspace::{Loaded, Workspace};
use crate::digest::BlobDigest;
use crate::fs::{self, Durability};
use crate::report::evaluations::EvaluationResult;
use crate::report::{checks, checks_page, claims, page};

impl Workspace {
    /// Refuses a folder that [`export`](Self::export) could not write into, before anything is executed for it.
    pub fn check_out(&self, loaded: &Loaded, out: Option<&Path>) -> Result<(), Error> {
        Ok(fs::check_dir(&self.out_folder(loaded, out))?)
    }

    /// Where [`export`](Self::export) writes.
    fn out_folder(&self, loaded: &Loaded, out: Option<&Path>) -> PathBuf {
        match out {
            Some(out) => self.settings.folder.join(out),
            None => self.settings.folder.join("out").join(loaded.folder_name()),
        }
    }

    /// Writes every figure's and table's files below `out`, or below `out/NAME` of the current folder; the folders.
    pub fn export(
        &self,
        loaded: &Loaded,
        reproduced: &Reproduced,
        out: Option<&Path>,
    ) -> Result<Vec<PathBuf>, Error> {
        let base = self.out_folder(loaded, out);
        let mut folders = Vec::new();
        for figure in &reproduced.figures {
            let is_alone = loaded.named.target.as_ref() == Some(&figure.name);
            let folder = if is_alone { base.clone() } else { base.join(&figure.name) };
            fs::create_dir(&folder)?;
            for (name, bytes) in self.files_of(loaded, reproduced, figure)? {
                fs::write_atomic(&folder.join(name), &bytes, Durability::Relaxed)?;
            }
            folders.push(folder);
        }
        for table in &reproduced.tables {
            let is_alone = loaded.named.target.as_ref() == Some(&table.name);
            let folder = if is_alone { base.clone() } else { base.join(&table.name) };
            fs::create_dir(&folder)?;
            let claims = claims::encode(&table.claims);
            let files = [
                ("table.csv", &table.csv),
                ("table.md", &table.markdown),
                ("table.tex", &table.latex),
                ("claims.json", &claims),
            ];
            for (name, text) in files {
                fs::write_atomic(&folder.join(name), text.as_bytes(), Durability::Relaxed)?;
            }
            folders.push(folder);
        }
        let has_list = fs::read_if_exists(&base.join(WRITTEN))?.is_some();
        if !reproduced.evaluations.is_empty() || has_list {
            let is_complete = reproduced.missing_evaluations.is_empty();
            write_evaluations(&base, &reproduced.name, &reproduced.evaluations, is_complete)?;
            if folders.is_empty() {
                folders.push(base.clone());
            }
        }
        if !reproduced.checks.is_empty() {
            fs::create_dir(&base)?;
            let page = checks_page::html(&checks_page::ChecksPage {
                name: &reproduced.name,
                id: reproduced.id.to_string(),
                citation: loaded.experiment.citation.as_deref(),
                checks: &reproduced.checks,
                verdict: &reproduced.verdict(),
            });
            let findings = checks::encode(&reproduced.checks);
            for (name, text) in [("findings.json", &findings), ("checks.html", &page)] {
                fs::write_atomic(&base.join(name), text.as_bytes(), Durability::Relaxed)?;
            }
            if !folders.contains(&base) {
                folders.push(base);
            }
        }
        Ok(folders)
    }

    fn files_of(
        &self,
        loaded: &Loaded,
        reproduced: &Reproduced,
        figure: &ReproducedFigure,
    ) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
        let attribution = attribution(&figure.sources);
        let page = page::Page {
            title: &figure.title,
            name: &reproduced.name,
            id: reproduced.id.to_string(),
            citation: loaded.experiment.citation.as_deref(),
            caption: figure.caption.as_deref(),
            svg: &figure.svg,
            points_csv: &figure.points_csv,
            fits: &figure.fits,
            sensitivity_csv: figure.sensitivity_csv.as_deref(),
            claims: &figure.claims,
            checks: &reproduced.checks,
            verdict: &reproduced.verdict(),
            attribution: &attribution,
        };
        let sensitivity = figure.sensitivity_csv.clone().map(String::into_bytes);
        let files = [
            ("figure.svg", figure.svg.clone().into_bytes()),
            ("figure.png", self.rendering(&figure.svg, "png", page::png)?),
            ("figure.pdf", self.rendering(&figure.svg, "pdf", page::pdf)?),
            ("points.csv", figure.points_csv.clone().into_bytes()),
            ("fits.json", figure.fits_json.clone().into_bytes()),
            ("claims.json", claims::encode(&figure.claims).into_bytes()),
            ("report.html", page::html(&page).into_bytes()),
            ("attribution.txt", attribution.into_bytes()),
        ];
        let sensitivity = sensitivity.map(|bytes| ("sensitivity.csv", bytes));
        Ok(files.into_iter().chain(sensitivity).collect())
    }

    /// The figure in another format. A rendering is remembered by the digest of its SVG, which holds its title: it
    /// takes longer than all the rest of a run with nothing to do.
    fn rendering(
        &self,
        svg: &str,
        format: &str,
        render: impl Fn(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Vec<u8>, Error> {
        let name = BlobDigest::of(svg.as_bytes());
        let folder = self.store_folder().join("renderings");
        let remembered = folder.join(format!("{name}-{}.{format}", page::RENDERING));
        if let Some(bytes) = fs::read_if_exists(&remembered)?
            && let Some(rendered) = page::unsealed(&bytes)
        {
            return Ok(rendered.to_vec());
        }
        let rendered = render(svg)
            .map_err(|reason| Error::BadResult { what: "figure.svg".to_owned(), reason })?;
        let remembering = fs::create_dir(&folder).and_then(|()| {
            fs::write_atomic(&remembered, &page::sealed(&rendered), Durability::Relaxed)
        });
        match remembering {
            Err(error) if error.is_denied() => {
                tracing::debug!(%error, "the rendering is not remembered");
                Ok(rendered)
            }
            done => Ok(done.map(|()| rendered)?),
        }
    }
}

/// The list of the files that were written into the folder of evaluations, beside it: `SHA-256 FILE NAME`, where the
/// name is that of what was reproduced.
const WRITTEN: &str = ".evaluations";

/// Writes a file for each evaluation. Whoever collects them takes all that are there: files that an earlier run wrote
/// for the same name are removed, unless they were changed since, or the store lacks evaluations that they may be of.
fn write_evaluations(
    base: &Path,
    name: &str,
    evaluations: &[EvaluationResult],
    is_complete: bool,
) -> Result<(), Error> {
    let folder = base.join("evaluations");
    fs::create_dir(&folder)?;
    let name = name.replace('\n', " ");
    let files: BTreeMap<_, _> =
        evaluations.iter().map(|of| (of.file_name(), of.encode())).collect();
    for (file, text) in &files {
        fs::write_atomic(&folder.join(file), text.as_bytes(), Durability::Relaxed)?;
    }
    let list = base.join(WRITTEN);
    let listed = fs::read_if_exists(&list)?.unwrap_or_default();
    let mut written = BTreeMap::new();
    for line in String::from_utf8_lossy(&listed).lines() {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let (digest, file, of) = (words.next(), words.next(), words.next());
        let (Some(digest), Some(file), Some(of)) = (digest, file, of) else { continue };
        let is_stale = is_complete && of == name && !files.contains_key(&file);
        if is_stale && !file.contains('/') {
            let path = folder.join(&file);
            let own = fs::read_if_exists(&path).ok().flatten();
            if own.is_some_and(|bytes| BlobDigest::of(&bytes).to_string() == digest) {
                fs::remove_file(&path)?;
            }
        }
        if !is_stale {
            written.insert(file, (digest, of));
        }
    }
    for (file, text) in files {
        written.insert(file, (BlobDigest::of(text.as_bytes()).to_string(), name.clone()));
    }
    let line =
        |(file, (digest, of)): (&String, &(String, String))| format!("{digest} {file} {of}\n");
    let text: String = written.iter().map(line).collect();
    Ok(fs::write_atomic(&list, text.as_bytes(), Durability::Relaxed)?)
}

/// What the figure stands on: published files with their places and digests; drawings with their licences and required
/// attribution.
fn attribution(sources: &[ReproducedSource]) -> String {
    let published: Vec<_> = sources.iter().filter(|source| !source.places.is_empty()).collect();
    let mut text = String::new();
    if !published.is_empty() {
        text.push_str("Published files that this figure is made from:\n");
        for source in published {
            let places = source.places.join("\n  ");
            text.push_str(&format!(
                "\n  {places}\n  sha256 {}, {} bytes\n",
                source.sha256, source.bytes
            ));
        }
    }
    if sources.iter().any(|source| source.is_drawn) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("Drawings of bundled data sets; each set is made from some of these, with their licences:\n");
        for licence in crate::data::licences() {
            text.push_str(&format!(
                "\n{} ({}): {}\n  {}\n",
                licence.title, licence.package, licence.licence, licence.attribution
            ));
        }
    }
    if text.is_empty() {
        text.push_str("This figure is made from numbers that stand in its experiment.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_evaluations_that_are_no_more_are_removed_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        let write = |name: &str, models: &[&str], is_complete: bool| {
            let of = |model: &&str| EvaluationResult {
                name: "icons".to_owned(),
                dataset: "icon143".to_owned(),
                model: (*model).to_owned(),
                pretrained: "ab".repeat(32),
                task: "zeroshot_retrieval",
                metrics: serde_json::Map::new(),
            };
            let evaluations: Vec<_> = models.iter().map(of).collect();
            write_evaluations(base, name, &evaluations, is_complete).unwrap();
        };
        let file =
            |model: &str| base.join(format!("evaluations/icons_{model}_zeroshot_retrieval.json"));
        let models = || ["a", "b", "c", "d", "e"].map(|model| file(model).exists());
        write("mine/x", &["a", "b", "c"], true);
        write("mine/y", &["d"], true);
        // A user's own, and one that a user changed.
        let own = |path: &Path| fs::write_atomic(path, b"{}", Durability::Relaxed).unwrap();
        own(&file("e"));
        own(&file("c"));
        write("mine/x", &["a"], false);
        assert_eq!(models(), [true; 5], "some may not be at hand");
        write("mine/x", &["a"], true);
        assert_eq!(models(), [true, false, true, true, true]);
        write("mine/x", &["a"], true);
        assert_eq!(models(), [true, false, true, true, true]);
    }
}
