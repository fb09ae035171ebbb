//! Trainings that others did, as far as the public record tells.

use serde::{Deserialize, Serialize};

use super::{Clip, Dataset, DigestText, Label, Preprocessing, SampleOrder, Schedule, Vocabulary};

/// A model configuration by the name it was published under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Architecture {
    /// Its name, unique among the architectures.
    pub name: String,
    /// The configuration.
    pub model: Clip,
}

/// A training that others did. What they did not publish is absent, so it can be priced but not executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedRun {
    /// Its name, unique in the experiment.
    pub name: String,
    /// Texts that tables may show.
    pub labels: Vec<Label>,
    /// The model, where its configuration is public.
    pub model: Option<Clip>,
    /// What is said of its data.
    pub dataset: Option<PublishedDataset>,
    /// The token ids in use.
    pub vocabulary: Option<Vocabulary>,
    /// What its images went through.
    pub preprocessing: Option<Preprocessing>,
    /// The samples it is said to have seen: 34 billion for "34B".
    pub samples_seen_nominal: u64,
    /// Passes, as the authors count them.
    pub epochs: Option<u64>,
    /// Samples of such a pass.
    pub samples_per_epoch: Option<u64>,
    /// Pairs of a step, of all GPUs together.
    pub batch_size: Option<u64>,
    /// Pairs of a step on one GPU.
    pub batch_size_per_gpu: Option<u64>,
    /// GPUs it ran on.
    pub gpus: Option<u64>,
    /// Pairs a second, of all GPUs together, as the authors measured.
    pub samples_per_second: Option<f64>,
    /// The seed.
    pub seed: Option<u64>,
    /// The arithmetic.
    pub precision: Option<Precision>,
    /// The constants of the optimiser.
    pub optimizer: PublishedAdamW,
    /// The schedule.
    pub schedule: Option<Schedule>,
    /// How samples were ordered.
    pub order: Option<SampleOrder>,
    /// The revision of the program that trained it.
    pub commit: Option<String>,
    /// The released weights.
    pub weights: Option<PublishedWeights>,
}

/// What is said of the data that others trained on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedDataset {
    /// Its name.
    pub name: String,
    /// Its samples.
    pub samples: Option<u64>,
    /// Its shards, where their digests are public.
    pub shards: Option<Dataset>,
}

/// The arithmetic of a training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Precision {
    /// All of it in binary32.
    Float32,
    /// Matrix products in binary16.
    AmpFloat16,
    /// Matrix products in bfloat16.
    AmpBfloat16,
}

/// The constants of `AdamW` as far as they were published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedAdamW {
    /// Decay of the first moment.
    pub beta1: Option<f64>,
    /// Decay of the second moment.
    pub beta2: Option<f64>,
    /// Added to the root of the second moment.
    pub epsilon: Option<f64>,
    /// Decay of weight matrices and embeddings.
    pub weight_decay: Option<f64>,
}

/// Weights that others released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedWeights {
    /// Where.
    pub url: String,
    /// SHA-256 of their bytes.
    pub sha256: Option<DigestText>,
    /// Their size.
    pub bytes: Option<u64>,
}

impl PublishedRun {
    /// The samples it saw: epochs times samples of an epoch where both are public, else the nominal number.
    pub fn samples_seen(&self) -> u64 {
        self.samples_seen_derived().unwrap_or(self.samples_seen_nominal)
    }

    /// Epochs times samples of an epoch, where both are public.
    pub fn samples_seen_derived(&self) -> Option<u64> {
        self.epochs?.checked_mul(self.samples_per_epoch?)
    }

    /// The text of the label of that name.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.name == name).map(|label| label.text.as_str())
    }

    /// The fields that the public record leaves open, by their path in the schema, in its order.
    pub fn unknown(&self) -> Vec<&'static str> {
        let (dataset, weights) = (self.dataset.as_ref(), self.weights.as_ref());
        let optimizer = &self.optimizer;
        let open = [
            ("model", self.model.is_none()),
            ("dataset", dataset.is_none()),
            ("dataset.samples", dataset.is_some_and(|data| data.samples.is_none())),
            ("dataset.shards", dataset.is_some_and(|data| data.shards.is_none())),
            ("vocabulary", self.vocabulary.is_none()),
            ("preprocessing", self.preprocessing.is_none()),
            ("epochs", self.epochs.is_none()),
            ("samplesPerEpoch", self.samples_per_epoch.is_none()),
            ("batchSize", self.batch_size.is_none()),
            ("batchSizePerGpu", self.batch_size_per_gpu.is_none()),
            ("gpus", self.gpus.is_none()),
            ("samplesPerSecond", self.samples_per_second.is_none()),
            ("seed", self.seed.is_none()),
            ("precision", self.precision.is_none()),
            ("optimizer.beta1", optimizer.beta1.is_none()),
            ("optimizer.beta2", optimizer.beta2.is_none()),
            ("optimizer.epsilon", optimizer.epsilon.is_none()),
            ("optimizer.weightDecay", optimizer.weight_decay.is_none()),
            ("schedule", self.schedule.is_none()),
            ("order", self.order.is_none()),
            ("commit", self.commit.is_none()),
            ("weights", weights.is_none()),
            ("weights.sha256", weights.is_some_and(|weights| weights.sha256.is_none())),
            ("weights.bytes", weights.is_some_and(|weights| weights.bytes.is_none())),
        ];
        open.into_iter().filter(|(_, is_open)| *is_open).map(|(field, _)| field).collect()
    }

    /// What a `Train` states and this does not, by the path in this record; in the order of `Train`.
    ///
    /// `gradientChunk` is never public: it is this program's own unit of summation.
    pub fn missing_pins(&self) -> Vec<&'static str> {
        let optimizer = &self.optimizer;
        let shards = self.dataset.as_ref().and_then(|data| data.shards.as_ref());
        let wanted = [
            ("model", self.model.is_none()),
            ("preprocessing", self.preprocessing.is_none()),
            ("dataset.shards", shards.is_none()),
            ("vocabulary", self.vocabulary.is_none()),
            ("seed", self.seed.is_none()),
            ("batchSize", self.batch_size.is_none()),
            ("gradientChunk", true),
            ("optimizer.beta1", optimizer.beta1.is_none()),
            ("optimizer.beta2", optimizer.beta2.is_none()),
            ("optimizer.epsilon", optimizer.epsilon.is_none()),
            ("optimizer.weightDecay", optimizer.weight_decay.is_none()),
            ("schedule", self.schedule.is_none()),
            ("order", self.order.is_none()),
        ];
        wanted.into_iter().filter(|(_, is_missing)| *is_missing).map(|(field, _)| field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::published_run;
    use super::*;

    #[test]
    fn what_is_not_published_is_unknown_and_nothing_else_is() {
        let nothing = published_run("r", 1_000);
        assert_eq!(nothing.unknown().len(), 20, "every Optional field: {:?}", nothing.unknown());
        let some = PublishedRun {
            seed: Some(0),
            dataset: Some(PublishedDataset {
                name: "d".to_owned(),
                samples: Some(5),
                shards: None,
            }),
            ..nothing
        };
        let unknown = some.unknown();
        assert!(!unknown.contains(&"seed") && !unknown.contains(&"dataset"));
        assert!(unknown.contains(&"dataset.shards") && !unknown.contains(&"dataset.samples"));
    }

    #[test]
    fn samples_seen_are_derived_where_they_can_be() {
        let mut run = published_run("r", 34_000_000_000);
        assert_eq!(run.samples_seen(), 34_000_000_000);
        run.epochs = Some(256);
        assert_eq!(run.samples_seen(), 34_000_000_000);
        run.samples_per_epoch = Some(135_646_078);
        assert_eq!(run.samples_seen(), 34_725_395_968);
    }
}
