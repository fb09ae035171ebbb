//! Where a training's samples come from, and the batches that are made of them: at once if they are in memory, ahead of
//! the step that sees them on a thread of its own if they are read from files.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::mpsc::sync_channel;

use super::{TrainError, Visit, places, visit};
use crate::action::params::Train;
use crate::data::Order;

/// Batches that are ready before they are wanted; with the one being made and the one in use, these are in memory.
const BATCHES_AHEAD: usize = 2;

/// Samples as the towers read them. What a visit sees depends on the visit alone.
pub trait Samples: Sync {
    /// Samples of each shard.
    fn shard_sizes(&self) -> &[usize];

    /// Captions of a sample, asked for just before it is seen; 1 for a classifier, which has none to choose from.
    fn captions(&self, sample: usize) -> Result<usize, SampleError>;

    /// What `visit` sees.
    fn see(&self, visit: Visit) -> Result<Seen<'_>, SampleError>;

    /// Whether seeing takes no time.
    fn is_held(&self) -> bool;
}

/// What a visit sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<'a> {
    /// `3 · image_size²` bytes in the order (channel, row, column).
    pub image: Cow<'a, [u8]>,
    /// The caption's tokens; none for a classifier.
    pub tokens: Option<Cow<'a, [u32]>>,
    /// The class; none for a pair of towers.
    pub label: Option<u32>,
}

/// A sample that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("sample {sample} cannot be read")]
pub struct SampleError {
    /// Its number.
    pub sample: usize,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Samples that were decoded once.
#[derive(Debug, Clone, Default)]
pub struct Held<'a> {
    /// Of each sample, `3 · image_size²` bytes in the order (channel, row, column).
    pub images: Vec<Cow<'a, [u8]>>,
    /// Of each sample, each caption's tokens; empty for a classifier.
    pub captions: Vec<Vec<Vec<u32>>>,
    /// Of each sample, its class; empty for a pair of towers.
    pub labels: Vec<u32>,
    /// Samples of each shard.
    pub shard_sizes: Vec<usize>,
}

impl Samples for Held<'_> {
    fn shard_sizes(&self) -> &[usize] {
        &self.shard_sizes
    }

    fn captions(&self, sample: usize) -> Result<usize, SampleError> {
        Ok(self.captions.get(sample).map_or(1, Vec::len))
    }

    fn see(&self, visit: Visit) -> Result<Seen<'_>, SampleError> {
        let captions = self.captions.get(visit.sample);
        Ok(Seen {
            image: Cow::Borrowed(&self.images[visit.sample]),
            tokens: captions.map(|captions| Cow::Borrowed(&captions[visit.caption][..])),
            label: self.labels.get(visit.sample).copied(),
        })
    }

    fn is_held(&self) -> bool {
        true
    }
}

/// The samples of a batch, chunk after chunk: images with the tokens of a caption, or with their classes.
#[derive(Default)]
pub(super) struct Batch<'d> {
    pub(super) visits: Vec<Visit>,
    pub(super) images: Vec<Cow<'d, [u8]>>,
    pub(super) tokens: Vec<Cow<'d, [u32]>>,
    pub(super) labels: Vec<u32>,
}

impl<'d> Batch<'d> {
    /// What `visits` see.
    #[cfg(test)]
    pub(super) fn of(samples: &'d dyn Samples, visits: Vec<Visit>) -> Result<Self, SampleError> {
        let mut batch = Self::default();
        visits.into_iter().try_for_each(|visit| batch.see(samples, visit))?;
        Ok(batch)
    }

    /// Adds what a visit sees.
    fn see(&mut self, samples: &'d dyn Samples, visit: Visit) -> Result<(), SampleError> {
        let seen = samples.see(visit)?;
        self.visits.push(visit);
        self.images.push(seen.image);
        self.tokens.extend(seen.tokens);
        self.labels.extend(seen.label);
        Ok(())
    }
}

/// Makes the batches of a training.
pub(super) struct Batches<'p, 'd> {
    params: &'p Train,
    samples: &'d dyn Samples,
    order: Order,
}

impl<'p, 'd> Batches<'p, 'd> {
    pub(super) fn new(params: &'p Train, samples: &'d dyn Samples) -> Result<Self, TrainError> {
        let order = Order::new(params.order, samples.shard_sizes(), params.seed)?;
        Ok(Self { params, samples, order })
    }

    /// What step `step` sees.
    pub(super) fn make(&mut self, step: u64) -> Result<Batch<'d>, TrainError> {
        let Self { params, samples, ref mut order } = *self;
        let mut batch = Batch::default();
        for (position, sample) in places(params, order, step) {
            // One after the other, so that both look at a shard that was listed once.
            let visit = visit(params, position, sample, |sample| samples.captions(sample))?;
            #[cfg(feature = "faults")]
            let visit = {
                let count = samples.shard_sizes().iter().sum();
                super::faults::swap(step, batch.visits.len(), visit, count)
            };
            batch.see(samples, visit)?;
        }
        Ok(batch)
    }
}

/// Calls `lead` with what gives the batches of `steps`, in their order.
pub(super) fn with_batches<'d, T>(
    mut batches: Batches<'_, 'd>,
    steps: Range<u64>,
    lead: impl FnOnce(&mut dyn FnMut(u64) -> Result<Batch<'d>, TrainError>) -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    if batches.samples.is_held() {
        return lead(&mut |step| batches.make(step));
    }
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(BATCHES_AHEAD);
        let make_all = move || {
            for step in steps {
                let make = std::panic::AssertUnwindSafe(|| {
                    // Images are resized by this thread.
                    crate::numerics::set_control_state()?;
                    batches.make(step)
                });
                let made = std::panic::catch_unwind(make);
                let made = made.unwrap_or(Err(TrainError::WorkerPanicked));
                let is_last = made.is_err();
                if send.send((step, made)).is_err() || is_last {
                    return;
                }
            }
        };
        std::thread::Builder::new().spawn_scoped(scope, make_all).map_err(TrainError::Threads)?;
        // The receiver goes with this closure, and with it the thread, whether or not every batch was wanted.
        let mut next = move |step| {
            let (made_of, batch) = receive.recv().map_err(|_| TrainError::WorkerPanicked)?;
            assert_eq!(made_of, step, "batches are asked for in order");
            batch
        };
        let led = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lead(&mut next)));
        drop(next);
        led.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
