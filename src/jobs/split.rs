//! Which samples a classifier learns from, is chosen by and is measured on: drawn by named streams, and written down.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::evaluate::{classless, unreadable};
use super::files::{read_text, unfit, write_text};
use super::{JobContext, JobError};
use crate::action::params::{Clip, Shots, Split};
use crate::data::{Dataset, Memory};
use crate::numerics::random::Streams;
use crate::plot::table::Table;

/// One sample of one of the data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    set: usize,
    sample: usize,
    /// Its class.
    pub(super) label: u32,
}

/// The data sets of a classifier and its class names.
pub(super) struct Material {
    /// By the names of the inputs: first `dataset`, then `train-0`, ….
    sets: Vec<(String, Dataset)>,
    classes: Vec<String>,
}

/// Disjoint parts of the samples, each in the order of the data sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// Learned from.
    pub(super) train: Vec<Place>,
    /// Set aside to choose by.
    pub(super) validation: Vec<Place>,
    /// Measured on.
    pub(super) test: Vec<Place>,
}

impl Material {
    /// Reads the inputs of a classifier on top of a model.
    pub(super) fn read(
        context: &JobContext<'_>,
        clip: &Clip,
        split: Split,
    ) -> Result<Self, JobError> {
        let names = std::iter::once("dataset".to_owned()).chain(split.train_inputs());
        let read = |name: String| {
            let dataset = super::evaluate::dataset(&name, clip, Memory::default(), context)?;
            Ok((name, dataset))
        };
        let sets = names.map(read).collect::<Result<_, JobError>>()?;
        let classes = read_text(context, "classes")?.lines().map(str::to_owned).collect();
        Ok(Self { sets, classes })
    }

    /// The class names by number.
    pub(super) fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The data sets.
    pub(super) fn sets(&self) -> impl Iterator<Item = &Dataset> {
        self.sets.iter().map(|(_, dataset)| dataset)
    }

    /// The image of a sample.
    pub(super) fn image(&self, place: Place) -> Result<Cow<'_, [u8]>, JobError> {
        let (name, dataset) = &self.sets[place.set];
        dataset.image(place.sample).map_err(|error| unreadable(name, &error))
    }

    /// Whether every image is in memory.
    pub(super) fn is_held(&self) -> bool {
        self.sets().all(Dataset::is_held)
    }

    /// Cuts the samples into parts; `validation_percent` of those to learn from are set aside first.
    pub(super) fn parts(
        &self,
        split: Split,
        shots: Shots,
        seed: u64,
        validation_percent: Option<u64>,
    ) -> Result<Parts, JobError> {
        let own = self.places(0)?;
        let (test, train) = match split {
            Split::Within { test_percent, seed } => {
                cut(&own, test_percent, Streams::new(seed), "test split")
            }
            Split::Apart { .. } => {
                let mut train = Vec::new();
                for set in 1..self.sets.len() {
                    train.extend(self.places(set)?);
                }
                (own, train)
            }
        };
        let streams = Streams::new(seed);
        let (validation, train) = match validation_percent {
            Some(percent) => cut(&train, percent, streams, "validation split"),
            None => (Vec::new(), train),
        };
        let too_few = |what| JobError::Unfit(format!("no class has enough samples to {what}"));
        if test.is_empty() {
            return Err(too_few("measure on"));
        }
        if validation.is_empty() && validation_percent.is_some() {
            return Err(too_few("choose by"));
        }
        let train = self.shots(train, &test, shots, streams)?;
        Ok(Parts { train, validation, test })
    }

    /// Every sample of a data set with its class.
    fn places(&self, set: usize) -> Result<Vec<Place>, JobError> {
        let (name, dataset) = &self.sets[set];
        let place = |sample| {
            let known = dataset.sample(sample).map_err(|error| unreadable(name, &error))?;
            let label = known.label.ok_or_else(|| classless(name, &known.key))?;
            if label as usize >= self.classes.len() {
                let count = self.classes.len();
                let reason = format!("sample {sample} has class {label}, but there are {count}");
                return Err(unfit(name, &reason));
            }
            Ok(Place { set, sample, label })
        };
        (0..dataset.len()).map(place).collect()
    }

    /// The samples that are learned from, if every class that occurs has enough.
    fn shots(
        &self,
        train: Vec<Place>,
        test: &[Place],
        shots: Shots,
        streams: Streams,
    ) -> Result<Vec<Place>, JobError> {
        let least = match shots {
            Shots::PerClass(count) => count,
            Shots::UpTo(_) | Shots::Full => 1,
        };
        let mut counts: BTreeMap<u32, u64> = test.iter().map(|place| (place.label, 0)).collect();
        for place in &train {
            *counts.entry(place.label).or_default() += 1;
        }
        if let Some((&label, &count)) =
            counts.iter().filter(|(_, count)| **count < least).min_by_key(|(_, count)| **count)
        {
            let class = &self.classes[label as usize];
            return Err(JobError::Unfit(format!(
                "class `{class}` has {count} samples to learn from, and {least} are asked for"
            )));
        }
        let (Shots::PerClass(count) | Shots::UpTo(count)) = shots else { return Ok(train) };
        let mut taken: BTreeMap<u32, u64> = BTreeMap::new();
        let order = streams.named("few-shot", 0).permutation(train.len());
        let mut chosen: Vec<Place> = order.into_iter().map(|index| train[index]).collect();
        chosen.retain(|place| {
            let taken = taken.entry(place.label).or_default();
            *taken += 1;
            *taken <= count
        });
        chosen.sort_unstable();
        Ok(chosen)
    }

    /// Writes `samples.csv`: a row a sample, by part and in the order of the data sets.
    pub(super) fn write(&self, parts: &Parts, context: &JobContext<'_>) -> Result<(), JobError> {
        let parts =
            [("train", &parts.train), ("validation", &parts.validation), ("test", &parts.test)];
        let mut rows = Vec::new();
        for (part, places) in parts {
            for place in places {
                let (input, dataset) = &self.sets[place.set];
                let known =
                    dataset.sample(place.sample).map_err(|error| unreadable(input, &error))?;
                let (key, class) = (&known.key, &self.classes[place.label as usize]);
                let sample = place.sample.to_string();
                rows.push([part, input, &sample, key, class].map(str::to_owned).to_vec());
            }
        }
        let columns = ["part", "input", "sample", "key", "class"].map(str::to_owned).to_vec();
        let table = Table::new(columns, rows).expect("every row has a cell a column");
        write_text(context, "samples.csv", &table.to_csv())
    }
}

/// Shots under `CLIP_benchmark`'s name; −1 for all samples.
#[allow(clippy::cast_precision_loss, reason = "shots are checked to be few")]
pub(super) fn fewshot_k(shots: Shots) -> (String, f64) {
    let count = match shots {
        Shots::PerClass(count) | Shots::UpTo(count) => count as f64,
        Shots::Full => -1.0,
    };
    ("fewshot_k".to_owned(), count)
}

/// Of each class of n samples, the `n · percent div 100` that come first in the permutation of the class's stream; and
/// the others. Both in the order of `places`.
fn cut(places: &[Place], percent: u64, streams: Streams, name: &str) -> (Vec<Place>, Vec<Place>) {
    let mut by_class: BTreeMap<u32, Vec<Place>> = BTreeMap::new();
    for place in places {
        by_class.entry(place.label).or_default().push(*place);
    }
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for (label, places) in by_class {
        let share = places.len() as u64 * percent / 100;
        let order = streams.named(name, u64::from(label)).permutation(places.len());
        for (rank, index) in (0..).zip(order) {
            let part = if rank < share { &mut first } else { &mut others };
            part.push(places[index]);
        }
    }
    first.sort_unstable();
    others.sort_unstable();
    (first, others)
}
