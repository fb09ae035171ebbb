//! Workers over gradient chunks: each owns some consecutive chunks, and they meet twice a step.
//!
//! A worker sums the gradients of complete subtrees that it owns as it goes; what remains is summed along the same tree
//! by the caller, so that no result depends on how chunks are dealt out.

use std::ops::Range;
use std::sync::{Mutex, RwLock};

use super::TrainError;
use super::samples::Batch;
use crate::model::{Chunk, GradientRegions, Model, Scratch, Texts, TouchedRows};
use crate::numerics::{Level, set_control_state};
use crate::tensor::{Add, BatchRegions, Buffer, Copy, Device, Planner, Region, tap};

/// A partial sum: the chunks `start .. start + width` of the tree, and the slot that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) width: usize,
    pub(super) slot: GradientRegions,
}

/// What workers share.
pub(super) struct Shared<'a> {
    pub(super) model: &'a Model,
    pub(super) level: Level,
    pub(super) chunk: usize,
    pub(super) state: RwLock<Buffer>,
    pub(super) batch: RwLock<Buffer>,
    pub(super) regions: BatchRegions,
}

/// One worker's chunks with everything they need.
pub(super) struct Worker {
    pub(super) arena: Buffer,
    chunks: Range<usize>,
    /// Where each chunk keeps what its passes leave. So many chunks have a place of their own; the others use these again.
    planned: Vec<Chunk>,
    places: usize,
    /// Of each place, the chunk whose forward pass was the last there.
    held: Vec<Option<usize>>,
    texts: Vec<Texts>,
    touched: Vec<TouchedRows>,
    slots: Vec<GradientRegions>,
    scratch: Scratch,
    pub(super) nodes: Vec<Node>,
}

/// Deals `chunks` out to at most `threads` workers, in order.
pub(super) fn deal(chunks: usize, threads: usize) -> Vec<Range<usize>> {
    let workers = threads.clamp(1, chunks);
    (0..workers).map(|w| w * chunks / workers..(w + 1) * chunks / workers).collect()
}

impl Worker {
    pub(super) fn new(
        model: &Model,
        chunks: Range<usize>,
        chunk: usize,
        device: Device,
    ) -> Result<Self, TrainError> {
        let mut places = chunks.len();
        loop {
            match Self::with_places(model, chunks.clone(), chunk, device, places) {
                Err(TrainError::Tensor(error)) if error.lacks_memory().is_some() && places > 1 => {
                    tracing::info!(%device, places, "too little memory to keep what chunks leave");
                    places = places.div_ceil(2);
                }
                made => return made,
            }
        }
    }

    /// A worker that keeps what the forward passes of so many chunks leave. Those of the others are computed again for
    /// their backward passes: the same bits.
    pub(super) fn with_places(
        model: &Model,
        chunks: Range<usize>,
        chunk: usize,
        device: Device,
        places: usize,
    ) -> Result<Self, TrainError> {
        let mut planner = Planner::default();
        let mut planned: Vec<Chunk> =
            (0..places).map(|_| model.plan_chunk(&mut planner, chunk)).collect();
        for index in places..chunks.len() {
            let shared = planned[index % places].clone();
            // The gradients of touched rows are gathered once all chunks are done.
            let d_rows = planner.take(shared.d_rows.len);
            planned.push(Chunk { d_rows, ..shared });
        }
        let scratch = model.plan_scratch(&mut planner, chunk);
        // The largest number of partial sums of consecutive chunks: two an order of magnitude, and the one in work.
        let slots = planned.len().min(2 * (planned.len().ilog2() as usize + 1) + 1);
        let slots = (0..slots).map(|_| model.plan_gradient(&mut planner)).collect();
        Ok(Self {
            arena: Buffer::zeros(planner.len(), &device)?,
            texts: vec![Texts::new(); planned.len()],
            touched: vec![TouchedRows::default(); planned.len()],
            chunks,
            planned,
            places,
            held: vec![None; places],
            slots,
            scratch,
            nodes: Vec::new(),
        })
    }

    /// Features of every chunk, copied to their places in the batch.
    pub(super) fn forward(
        &mut self,
        shared: &Shared<'_>,
        batch: &Batch<'_>,
    ) -> Result<(), TrainError> {
        let state = shared.state.read().expect("no worker panicked");
        for index in 0..self.planned.len() {
            let samples = self.samples(index, shared.chunk);
            let texts = &mut self.texts[index];
            texts.clear();
            let tokens = batch.tokens.get(samples).unwrap_or_default();
            tokens.iter().for_each(|tokens| texts.push(tokens));
            self.touched[index].find(texts.tokens());
            tap::chunk(Some(self.chunks.start + index));
            self.embed(index, shared, &state, batch)?;
            tap::chunk(None);
            // What another chunk will write over; the others' are copied together, so that threads wait less.
            if index + self.places < self.planned.len() {
                self.copy_features(index..index + 1, shared)?;
            }
        }
        self.copy_features(self.planned.len() - self.places..self.planned.len(), shared)
    }

    /// The forward pass of a chunk.
    fn embed(
        &mut self,
        index: usize,
        shared: &Shared<'_>,
        state: &Buffer,
        batch: &Batch<'_>,
    ) -> Result<(), TrainError> {
        let (chunk, texts) = (&self.planned[index], &self.texts[index]);
        let images = &batch.images[self.samples(index, shared.chunk)];
        let images: Vec<&[u8]> = images.iter().map(AsRef::as_ref).collect();
        let (model, level, arena) = (shared.model, shared.level, &mut self.arena);
        model.embed_images(level, arena, state, &chunk.images, &images)?;
        if model.classes().is_none() {
            model.embed_texts(level, arena, state, &chunk.texts, texts)?;
        }
        self.held[index % self.places] = Some(index);
        Ok(())
    }

    /// Copies the features of chunks to their places in the batch.
    fn copy_features(&self, chunks: Range<usize>, shared: &Shared<'_>) -> Result<(), TrainError> {
        let mut batch = shared.batch.write().expect("no worker panicked");
        for index in chunks {
            let chunk = &self.planned[index];
            let places = [
                (chunk.images.features(), shared.regions.images),
                (chunk.texts.features(), shared.regions.texts),
            ];
            for (from, of) in places {
                batch.apply_with(&self.arena, &Copy { from, to: self.part(index, from, of) })?;
            }
        }
        Ok(())
    }

    /// Gradients of every chunk, summed as far as this worker owns the tree; the last chunk first, because more of what its
    /// forward pass left is still in the caches.
    pub(super) fn backward(
        &mut self,
        shared: &Shared<'_>,
        samples: &Batch<'_>,
    ) -> Result<(), TrainError> {
        let state = shared.state.read().expect("no worker panicked");
        let batch = shared.batch.read().expect("no worker panicked");
        self.nodes.clear();
        for index in (0..self.planned.len()).rev() {
            if self.held[index % self.places] != Some(index) {
                self.embed(index, shared, &state, samples)?;
            }
            let chunk = &self.planned[index];
            for (to, of) in
                [(chunk.d_images, shared.regions.d_images), (chunk.d_texts, shared.regions.d_texts)]
            {
                let from = self.part(index, to, of);
                self.arena.apply_with(&batch, &Copy { from, to })?;
            }
            let used = |slot: &&GradientRegions| self.nodes.iter().all(|node| node.slot != **slot);
            let slot = *self.slots.iter().find(used).expect("there are enough slots");
            let texts = (&self.texts[index], &self.touched[index]);
            let level = shared.level;
            tap::chunk(Some(self.chunks.start + index));
            shared.model.backward(
                level,
                &mut self.arena,
                &state,
                chunk,
                texts,
                &slot,
                &self.scratch,
            )?;
            self.nodes.push(Node { start: self.chunks.start + index, width: 1, slot });
            tap::chunk(None);
            self.merge(shared.model)?;
        }
        self.nodes.reverse();
        Ok(())
    }

    /// Adds complete neighbours of the tree, the right one to the left one.
    fn merge(&mut self, model: &Model) -> Result<(), TrainError> {
        while let [.., right, left] = self.nodes[..] {
            let siblings = left.width == right.width && left.start.is_multiple_of(2 * left.width);
            if !siblings {
                break;
            }
            self.arena.apply(&Add { from: right.slot.region(), to: left.slot.region() })?;
            self.nodes.pop();
            self.nodes.pop();
            let sum = Node { width: 2 * left.width, ..left };
            show_sum(model, &self.arena, &sum)?;
            self.nodes.push(sum);
        }
        Ok(())
    }

    /// The touched rows of the token embedding by chunk, with where their gradients lie in the arena.
    pub(super) fn touched(&self) -> impl Iterator<Item = (&TouchedRows, Region)> {
        self.touched.iter().zip(&self.planned).map(|(touched, chunk)| (touched, chunk.d_rows))
    }

    fn samples(&self, index: usize, chunk: usize) -> Range<usize> {
        let start = (self.chunks.start + index) * chunk;
        start..start + chunk
    }

    /// The part of a batch's region that belongs to the chunk of that index.
    fn part(&self, index: usize, of_chunk: Region, of_batch: Region) -> Region {
        Region::new(of_batch.start + (self.chunks.start + index) * of_chunk.len, of_chunk.len)
    }
}

/// Shows the gradients of a partial sum, tensor by tensor.
pub(super) fn show_sum(model: &Model, arena: &Buffer, node: &Node) -> Result<(), TrainError> {
    if !tap::is_listening() {
        return Ok(());
    }
    let end = node.start + node.width;
    tap::operation(|| format!("sum of the gradients of chunks {} to {}", node.start, end - 1));
    arena.with(|arena| {
        for parameter in model.layout().parameters() {
            if parameter.region != model.embedding() {
                let gradient = node.slot.of(parameter.region).of(arena);
                let values = tap::Values::Binary32(gradient);
                tap::show(&parameter.name, &parameter.shape, values);
            }
        }
    })?;
    Ok(())
}

/// What all workers do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Forward,
    Backward,
    Stop,
}

/// Performs one phase on one worker, turning a panic into a failure so that nobody waits for it.
pub(super) fn perform(
    phase: Phase,
    worker: &Mutex<Worker>,
    shared: &Shared<'_>,
    batch: &RwLock<Batch<'_>>,
) -> Result<(), TrainError> {
    let work = || {
        let mut worker = worker.lock().expect("no worker panicked");
        match phase {
            Phase::Forward => worker.forward(shared, &batch.read().expect("no worker panicked")),
            Phase::Backward => worker.backward(shared, &batch.read().expect("no worker panicked")),
            Phase::Stop => Ok(()),
        }
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or(Err(TrainError::WorkerPanicked))
}

/// Sets the floating-point control state of a worker's thread.
pub(super) fn start() -> Result<(), TrainError> {
    Ok(set_control_state()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_is_dealt_to_one_worker() {
        for (chunks, threads) in [(8, 1), (8, 3), (8, 8), (3, 8), (7, 2)] {
            let dealt = deal(chunks, threads);
            assert_eq!(dealt.len(), threads.min(chunks));
            assert_eq!(
                dealt.into_iter().flatten().collect::<Vec<_>>(),
                (0..chunks).collect::<Vec<_>>()
            );
        }
    }
}
