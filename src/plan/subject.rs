//! What is evaluated: the model that a run was trained to, or one whose weights others released.

use super::convert;
use super::expand::{Expansion, digest, output};
use super::graph::TreePin;
use crate::action::Input;
use crate::action::manifest::Manifest;
use crate::spec::experiment::{
    Clip, Evaluation, Label, PinnedFile, Preprocessing, ReleasedRun, Run, Vocabulary,
};

/// A model with its weights, as tables show it and evaluations read it.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) labels: &'a [Label],
    pub(super) model: &'a Clip,
    pub(super) preprocessing: &'a Preprocessing,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) evaluations: &'a [Evaluation],
    pub(super) samples_seen: Option<u64>,
    pub(super) seed: Option<u64>,
    /// What an evaluation reads them from.
    pub(super) weights: Input,
    /// Size of the weights, where they are pinned.
    pub(super) weights_bytes: u64,
}

impl<'a> Expansion<'a> {
    /// The model that a run is trained to; the training enters the plan.
    pub(super) fn trained(&mut self, run: &'a Run) -> Subject<'a> {
        let train = &run.train;
        Subject {
            name: &run.name,
            labels: &run.labels,
            model: &train.model,
            preprocessing: &train.preprocessing,
            vocabulary: &train.vocabulary,
            evaluations: &run.evaluations,
            samples_seen: Some(train.samples_seen),
            seed: Some(train.seed),
            weights: output(self.train(run), "model.safetensors"),
            weights_bytes: 0,
        }
    }

    /// A model whose weights others released: one tree of the tensors and of the configuration that goes with them.
    pub(super) fn released(&mut self, run: &'a ReleasedRun) -> Subject<'a> {
        let weights = &run.weights;
        let pin = |file: &PinnedFile| (digest(&file.sha256), file.bytes);
        let manifest = Manifest::of_weights(pin(&weights.tensors), pin(&weights.config));
        self.file(&weights.tensors);
        self.file(&weights.config);
        let tree = manifest.digest();
        let manifest = Some(manifest.canonical_bytes());
        // Each file is found by its own pin, wherever it was published.
        let folders = [].into();
        self.plan.add_tree(tree, TreePin { manifest, folders, bytes: weights.bytes() });
        Subject {
            name: &run.name,
            labels: &run.labels,
            model: &run.model,
            preprocessing: &run.preprocessing,
            vocabulary: &run.vocabulary,
            evaluations: &run.evaluations,
            samples_seen: run.samples_seen,
            seed: None,
            weights: Input::Tree(tree),
            weights_bytes: weights.bytes(),
        }
    }

    /// Every evaluation of released weights.
    pub(super) fn whole_released_run(&mut self, run: &'a ReleasedRun) {
        let subject = self.released(run);
        for evaluation in subject.evaluations {
            let measured = self.evaluate(&subject, evaluation);
            self.plan.add_target(measured);
        }
    }
}

/// What the configuration of released weights is held against: model and constants, as an action states them.
pub fn stated(
    run: &ReleasedRun,
) -> (crate::action::params::Clip, crate::action::params::Preprocessing) {
    (convert::clip(&run.model), convert::preprocessing(&run.preprocessing))
}
