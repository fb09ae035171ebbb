//! Workers over gradient chunks: each owns some consecutive chunks, and they meet twice a step.
//!
//! In main memory a worker computes one chunk after the other. On a device several small chunks are side by side in one
//! pass, a complete subtree at a time: as many kernels for all of them as for one.
//!
//! A worker sums the gradients of complete subtrees that it owns as it goes; what remains is summed along the same tree
//! by the caller, so that no result depends on how chunks are dealt out.

use std::ops::Range;
use std::sync::{Mutex, RwLock};

use super::TrainError;
use super::samples::Batch;
use crate::model::{GradientRegions, Group, Model, Scratch, Texts, TouchedRows};
use crate::numerics::Level;
use crate::tensor::{
    Add, Arithmetic, BatchRegions, Buffer, Chunks, Copy, Device, Planner, Region, SumChunks, tap,
};

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
    groups: Vec<GroupOfChunks>,
    /// So many groups have a place of their own for what their passes leave; the others use these again.
    places: usize,
    /// Of each place, the group whose forward pass was the last there.
    held: Vec<Option<usize>>,
    slots: Vec<GradientRegions>,
    /// The first of the gradients of chunks side by side, before they are summed.
    side_by_side: GradientRegions,
    scratch: Scratch,
    pub(super) nodes: Vec<Node>,
}

/// Chunks side by side.
struct GroupOfChunks {
    chunks: Range<usize>,
    /// Where they keep what their passes leave.
    planned: Group,
    texts: Texts,
    touched: TouchedRows,
}

impl GroupOfChunks {
    /// The samples of the batch, where a chunk has so many.
    fn samples(&self, chunk: usize) -> Range<usize> {
        self.chunks.start * chunk..self.chunks.end * chunk
    }

    /// The part of a batch's region that is theirs.
    fn part(&self, of_group: Region, of_batch: Region) -> Region {
        let of_chunk = of_group.len / self.planned.count;
        Region::new(of_batch.start + self.chunks.start * of_chunk, of_group.len)
    }
}

/// How much a worker keeps at once; no result depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The most chunks side by side: a power of two.
    pub(super) side_by_side: usize,
    /// The most groups of them that keep what their forward passes leave. Those of the others are computed again for their
    /// backward passes.
    pub(super) places: usize,
}

/// What keeps a device busy, in rows of tokens, and the memory that gradients side by side may take, in elements.
const BUSY: usize = 1 << 14;
const GRADIENTS: usize = 1 << 28;

impl Extent {
    /// For so many chunks of `samples`, if there is memory for it. Where bits are those of a class of devices, sums are cut
    /// by how many rows there are: those of one chunk, whatever memory there is.
    fn of(model: &Model, chunks: usize, samples: usize, device: Device) -> Self {
        let fits = |count: usize| {
            count * samples * model.most_tokens() <= BUSY
                && count * model.layout().len() <= GRADIENTS
        };
        let several = (1..=Chunks::MOST.ilog2()).rev().map(|power| 1 << power);
        let may = device != Device::Cpu && model.arithmetic() == Arithmetic::Portable;
        let several = several.filter(|_| may).find(|&count| fits(count));
        Self { side_by_side: several.unwrap_or(1), places: chunks }
    }

    /// The next that needs less memory.
    fn less(self) -> Option<Self> {
        let Self { side_by_side, places } = self;
        match (side_by_side, places) {
            (1, 1) => None,
            (1, _) => Some(Self { places: places.div_ceil(2), ..self }),
            _ => Some(Self { side_by_side: side_by_side / 2, ..self }),
        }
    }
}

/// Deals `chunks` out to at most `threads` workers, in order.
pub(super) fn deal(chunks: usize, threads: usize) -> Vec<Range<usize>> {
    let workers = threads.clamp(1, chunks);
    (0..workers).map(|w| w * chunks / workers..(w + 1) * chunks / workers).collect()
}

/// Complete subtrees of at most `most` chunks, in order; `most` is a power of two.
fn subtrees(chunks: Range<usize>, most: usize) -> Vec<Range<usize>> {
    let mut subtrees = Vec::new();
    let mut start = chunks.start;
    while start < chunks.end {
        let widest = if start == 0 { most } else { most.min(1 << start.trailing_zeros()) };
        let width = widest.min(1 << (chunks.end - start).ilog2());
        subtrees.push(start..start + width);
        start += width;
    }
    subtrees
}

impl Worker {
    pub(super) fn new(
        model: &Model,
        chunks: Range<usize>,
        chunk: usize,
        device: Device,
    ) -> Result<Self, TrainError> {
        let mut extent = Extent::of(model, chunks.len(), chunk, device);
        loop {
            match Self::with_extent(model, chunks.clone(), chunk, device, extent) {
                Err(TrainError::Tensor(error)) if error.lacks_memory().is_some() => {
                    let Some(less) = extent.less() else { return Err(error.into()) };
                    tracing::info!(%device, ?extent, "too little memory to keep what chunks leave");
                    extent = less;
                }
                made => return made,
            }
        }
    }

    pub(super) fn with_extent(
        model: &Model,
        chunks: Range<usize>,
        chunk: usize,
        device: Device,
        extent: Extent,
    ) -> Result<Self, TrainError> {
        let mut planner = Planner::default();
        let subtrees = subtrees(chunks, extent.side_by_side);
        let places = extent.places.min(subtrees.len());
        assert!(
            places == subtrees.len() || extent.side_by_side == 1,
            "places are shared by equals"
        );
        let mut groups: Vec<GroupOfChunks> = Vec::with_capacity(subtrees.len());
        for (index, chunks) in subtrees.into_iter().enumerate() {
            let planned = if index < places {
                model.plan_group(&mut planner, chunk, chunks.len())
            } else {
                let shared = groups[index % places].planned.clone();
                // The gradients of touched rows are gathered once all chunks are done.
                let d_rows = planner.take(shared.d_rows.len);
                Group { d_rows, ..shared }
            };
            let (texts, touched) = (Texts::new(), TouchedRows::default());
            groups.push(GroupOfChunks { chunks, planned, texts, touched });
        }
        let widest = groups.iter().map(|group| group.planned.count).max().unwrap_or(1);
        let scratch = model.plan_scratch(&mut planner, widest * chunk);
        // The largest number of partial sums of consecutive groups: two an order of magnitude, and the one in work.
        let slots = groups.len().min(2 * (groups.len().ilog2() as usize + 1) + 1);
        let slots: Vec<_> = (0..slots).map(|_| model.plan_gradient(&mut planner)).collect();
        let several = if widest == 1 { 0 } else { widest };
        let several: Vec<_> = (0..several).map(|_| model.plan_gradient(&mut planner)).collect();
        // Operations take rooms as they come, each far smaller than the arena of all blocks.
        let arena = Buffer::zeros_beside(planner.len() / 8, planner.len(), &device)?;
        Ok(Self {
            arena,
            held: vec![None; places],
            groups,
            places,
            side_by_side: *several.first().unwrap_or(&slots[0]),
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
        for index in 0..self.groups.len() {
            let group = &mut self.groups[index];
            group.texts.clear();
            let tokens = batch.tokens.get(group.samples(shared.chunk)).unwrap_or_default();
            tokens.iter().for_each(|tokens| group.texts.push(tokens));
            group.touched.find(group.texts.tokens(), group.planned.count);
            tap::chunk(Some(group.chunks.start));
            self.embed(index, shared, &state, batch)?;
            tap::chunk(None);
            // What another group will write over; the others' are copied together, so that threads wait less.
            if index + self.places < self.groups.len() {
                self.copy_features(index..index + 1, shared)?;
            }
        }
        self.copy_features(self.groups.len() - self.places..self.groups.len(), shared)
    }

    /// The forward pass of a group.
    fn embed(
        &mut self,
        index: usize,
        shared: &Shared<'_>,
        state: &Buffer,
        batch: &Batch<'_>,
    ) -> Result<(), TrainError> {
        let GroupOfChunks { planned, texts, .. } = &self.groups[index];
        let images = &batch.images[self.groups[index].samples(shared.chunk)];
        let images: Vec<&[u8]> = images.iter().map(AsRef::as_ref).collect();
        let (model, level, arena) = (shared.model, shared.level, &mut self.arena);
        model.embed_images(level, arena, state, &planned.images, &images)?;
        if model.classes().is_none() {
            model.embed_texts(level, arena, state, &planned.texts, texts)?;
        }
        self.held[index % self.places] = Some(index);
        Ok(())
    }

    /// Copies the features of groups to their places in the batch.
    fn copy_features(&self, groups: Range<usize>, shared: &Shared<'_>) -> Result<(), TrainError> {
        let mut batch = shared.batch.write().expect("no worker panicked");
        for group in &self.groups[groups] {
            let places = [
                (group.planned.images.features(), shared.regions.images),
                (group.planned.texts.features(), shared.regions.texts),
            ];
            for (from, of) in places {
                batch.apply_with(&self.arena, &Copy { from, to: group.part(from, of) })?;
            }
        }
        Ok(())
    }

    /// Gradients of every chunk, summed as far as this worker owns the tree; the last group first, because more of what its
    /// forward pass left is still in the caches.
    pub(super) fn backward(
        &mut self,
        shared: &Shared<'_>,
        samples: &Batch<'_>,
    ) -> Result<(), TrainError> {
        let state = shared.state.read().expect("no worker panicked");
        let batch = shared.batch.read().expect("no worker panicked");
        self.nodes.clear();
        for index in (0..self.groups.len()).rev() {
            if self.held[index % self.places] != Some(index) {
                self.embed(index, shared, &state, samples)?;
            }
            let group = &self.groups[index];
            let (start, width) = (group.chunks.start, group.planned.count);
            for (to, of) in [
                (group.planned.d_images, shared.regions.d_images),
                (group.planned.d_texts, shared.regions.d_texts),
            ] {
                self.arena.apply_with(&batch, &Copy { from: group.part(to, of), to })?;
            }
            let used = |slot: &&GradientRegions| self.nodes.iter().all(|node| node.slot != **slot);
            let slot = *self.slots.iter().find(used).expect("there are enough slots");
            let gradients = if width == 1 { slot } else { self.side_by_side };
            tap::chunk(Some(start));
            shared.model.backward(
                shared.level,
                &mut self.arena,
                &state,
                &group.planned,
                (&group.texts, &group.touched),
                &gradients,
                &self.scratch,
            )?;
            if width > 1 {
                let chunks = gradients.chunks(width);
                let (from, to) = (gradients.region(), slot.region());
                self.arena.apply(&SumChunks { chunks, from, to })?;
            }
            self.nodes.push(Node { start, width, slot });
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

    /// The touched rows of the token embedding by chunk, with where their gradients, of `width` elements each, lie in the
    /// arena.
    pub(super) fn touched(&self, width: usize) -> impl Iterator<Item = (&[u32], Region)> {
        self.groups.iter().flat_map(move |GroupOfChunks { planned, touched, .. }| {
            (0..planned.count).map(move |chunk| {
                let rows = touched.of_chunk(chunk);
                let start = planned.d_rows.start + rows.start * width;
                (&touched.rows[rows.clone()], Region::new(start, rows.len() * width))
            })
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_side_by_side_are_complete_subtrees() {
        for (chunks, most) in [(0..8, 16), (0..8, 4), (0..7, 4), (3..8, 8), (0..1, 16), (0..23, 8)]
        {
            let of = subtrees(chunks.clone(), most);
            assert!(of.iter().cloned().flatten().eq(chunks.clone()), "{chunks:?}");
            for subtree in of {
                let width = subtree.len();
                assert!(width <= most && width.is_power_of_two(), "{subtree:?} of {chunks:?}");
                assert!(subtree.start.is_multiple_of(width), "{subtree:?} of {chunks:?}");
            }
        }
        assert_eq!(subtrees(0..7, 16), [0..4, 4..6, 6..7]);
    }

    #[test]
    fn chunks_of_a_device_class_are_alone_whatever_memory_there_is() {
        let params = crate::training::tests::tiny();
        let model = Model::new(&params.model, &params.preprocessing).unwrap();
        let gpu = Device::Emulated { processors: 1, backwards: false, memory: usize::MAX };
        let side_by_side = |model: &Model, on| Extent::of(model, 16, 2, on).side_by_side;
        assert_eq!(side_by_side(&model, gpu), 16);
        assert_eq!(side_by_side(&model, Device::Cpu), 1);
        let bound = model.with_arithmetic(Arithmetic::Bf16);
        assert_eq!(side_by_side(&bound, gpu), 1);
    }

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
