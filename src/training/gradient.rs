//! From the chunks' gradients to new parameters: loss, tree sum, clipping, `AdamW`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Mutex;

use super::workers::{Node, Shared, Worker};
use super::{TrainError, decays, index, learning_rate_at, steps};
use crate::action::params::Train;
use crate::model::Model;
use crate::tensor::{
    AdamWStep, Add, Buffer, Clear, Contrastive, Copy, Device, OptimizedTensor, Outcome, Rates,
    Region, squared_norm,
};

/// The loss of the batch, and its gradient with respect to the logit scale; leaves those of the embeddings.
pub(super) fn loss(shared: &Shared<'_>, batch: usize, step: u64) -> Result<(f32, f32), TrainError> {
    let state = shared.state.read().expect("no worker panicked");
    let mut buffer = shared.batch.write().expect("no worker panicked");
    let (level, regions, embed_dim) = (shared.level, shared.regions, shared.model.embed_dim());
    let logit_scale = shared.model.layout().region("logit_scale");
    buffer.apply_with(&state, &Contrastive { level, batch, embed_dim, regions, logit_scale })?;
    let (loss, d_scale) = buffer.with(|elements| {
        let results = regions.results.of(elements);
        (results[0], results[1])
    })?;
    if loss.is_finite() { Ok((loss, d_scale)) } else { Err(diverged(step, "the loss")) }
}

fn diverged(step: u64, what: &str) -> TrainError {
    TrainError::Diverged { step, what: what.to_owned() }
}

/// The optimiser with its gradient.
pub(super) struct Update<'p> {
    params: &'p Train,
    tensors: Vec<OptimizedTensor>,
    names: Vec<String>,
    gradient: Buffer,
    embedding: Region,
    logit_scale: Region,
    width: usize,
    chunks: usize,
    /// Rows of the embedding's gradient that are not +0.
    dirty: Vec<u32>,
}

impl<'p> Update<'p> {
    pub(super) fn new(model: &Model, params: &'p Train) -> Result<Self, TrainError> {
        let layout = model.layout();
        let tensors = layout.parameters().iter().map(|parameter| OptimizedTensor {
            region: parameter.region,
            decays: decays(parameter.decay, params.optimizer.decay_positions),
        });
        Ok(Self {
            params,
            tensors: tensors.collect(),
            names: layout.parameters().iter().map(|parameter| parameter.name.clone()).collect(),
            gradient: Buffer::zeros(layout.len(), &Device::Cpu)?,
            embedding: model.embedding(),
            logit_scale: layout.region("logit_scale"),
            width: model.text_width(),
            chunks: index(params.batch_size / params.gradient_chunk),
            dirty: Vec::new(),
        })
    }

    /// Sums what the workers left along the tree: the gradient of the batch.
    pub(super) fn gather(
        &mut self,
        workers: &[Mutex<Worker>],
        d_scale: f32,
    ) -> Result<&Buffer, TrainError> {
        let root = root(workers, self.chunks)?;
        let first = workers[0].lock().expect("no worker panicked");
        self.copy_dense(&first.arena, root.slot.region())?;
        drop(first);
        self.gather_rows(workers)?;
        self.gradient.apply(&Set(self.logit_scale, d_scale))?;
        Ok(&self.gradient)
    }

    /// Updates the parameters by the gradient that was gathered, and returns their fingerprint.
    pub(super) fn apply(&mut self, shared: &Shared<'_>, step: u64) -> Result<[u64; 2], TrainError> {
        let gradient_scale = self.gradient_scale(shared, step)?;
        let optimizer = &self.params.optimizer;
        let outcome = Cell::new(Outcome::default());
        let update = AdamWStep {
            level: shared.level,
            rates: Rates {
                beta1: optimizer.beta1.get(),
                beta2: optimizer.beta2.get(),
                epsilon: optimizer.epsilon.get(),
                weight_decay: optimizer.weight_decay.get(),
                learning_rate: learning_rate_at(&self.params.schedule, step, steps(self.params)),
                step: step + 1,
            },
            gradient_scale,
            tensors: &self.tensors,
            logit_scale: self.logit_scale,
            outcome: &outcome,
        };
        shared.state.write().expect("no worker panicked").apply_with(&self.gradient, &update)?;
        match outcome.get().not_finite {
            Some(tensor) => Err(diverged(step, &format!("parameter `{}`", self.names[tensor]))),
            None => Ok(outcome.get().fingerprint),
        }
    }

    /// `min(1, limit ÷ (norm + 1e-6))`, rounded once; 1 without a limit.
    #[allow(clippy::cast_possible_truncation, reason = "rounded once to binary32")]
    fn gradient_scale(&self, shared: &Shared<'_>, step: u64) -> Result<f32, TrainError> {
        let squared =
            self.gradient.with(|gradient| squared_norm(shared.level, &self.tensors, gradient))?;
        if !squared.is_finite() {
            return Err(diverged(step, "the gradient"));
        }
        let limit = self.params.optimizer.gradient_clip_norm;
        Ok(limit.map_or(1.0, |limit| (limit.get() / (squared.sqrt() + 1e-6)).min(1.0) as f32))
    }

    fn copy_dense(&mut self, arena: &Buffer, from: Region) -> Result<(), TrainError> {
        let before = self.embedding.start;
        let after = self.gradient.len() - self.embedding.end();
        let parts = [
            (Region::new(from.start, before), Region::new(0, before)),
            (Region::new(from.start + before, after), Region::new(self.embedding.end(), after)),
        ];
        for (from, to) in parts {
            self.gradient.apply_with(arena, &Copy { from, to })?;
        }
        Ok(())
    }

    /// Sums the gradients of the embedding's rows. A chunk that did not touch a row contributes +0, and a row's chain is
    /// never −0, so such a chunk may be passed over.
    fn gather_rows(&mut self, workers: &[Mutex<Worker>]) -> Result<(), TrainError> {
        for row in self.dirty.drain(..) {
            self.gradient.apply(&Clear(row_of(self.embedding, row, self.width)))?;
        }
        let workers: Vec<_> =
            workers.iter().map(|worker| worker.lock().expect("no worker panicked")).collect();
        let mut leaves: BTreeMap<u32, Vec<(usize, Vec<f32>)>> = BTreeMap::new();
        let mut chunk = 0;
        for worker in &workers {
            worker.arena.with(|arena| {
                for (touched, rows) in worker.touched() {
                    for (row, d) in touched.rows.iter().zip(rows.of(arena).chunks_exact(self.width))
                    {
                        leaves.entry(*row).or_default().push((chunk, d.to_vec()));
                    }
                    chunk += 1;
                }
            })?;
        }
        for (row, leaves) in leaves {
            let sum = sum_tree(&leaves, 0, self.chunks.next_power_of_two())
                .expect("a touched row has a leaf");
            self.gradient.apply(&Put(row_of(self.embedding, row, self.width), &sum))?;
            self.dirty.push(row);
        }
        Ok(())
    }
}

fn row_of(embedding: Region, row: u32, width: usize) -> Region {
    Region::new(embedding.start + row as usize * width, width)
}

/// `sum(lo, hi) = sum(lo, mid) + sum(mid, hi)` over those leaves that there are.
fn sum_tree(leaves: &[(usize, Vec<f32>)], start: usize, width: usize) -> Option<Vec<f32>> {
    if leaves.len() <= 1 {
        return leaves.first().map(|(_, d)| d.clone());
    }
    let middle = start + width / 2;
    let (left, right) = leaves.split_at(leaves.partition_point(|(chunk, _)| *chunk < middle));
    match (sum_tree(left, start, width / 2), sum_tree(right, middle, width / 2)) {
        (Some(mut left), Some(right)) => {
            left.iter_mut().zip(right).for_each(|(sum, d)| *sum += d);
            Some(left)
        }
        (one, None) | (None, one) => one,
    }
}

/// Sums the workers' partial sums along the tree, into the slot of the first; an absent side passes the other through.
fn root(workers: &[Mutex<Worker>], chunks: usize) -> Result<Node, TrainError> {
    let mut nodes: Vec<(usize, Node)> = Vec::new();
    for (index, worker) in workers.iter().enumerate() {
        nodes.extend(
            worker.lock().expect("no worker panicked").nodes.iter().map(|node| (index, *node)),
        );
    }
    let (_, root) =
        sum_nodes(workers, &nodes, 0, chunks.next_power_of_two())?.expect("there are chunks");
    Ok(root)
}

fn sum_nodes(
    workers: &[Mutex<Worker>],
    nodes: &[(usize, Node)],
    start: usize,
    width: usize,
) -> Result<Option<(usize, Node)>, TrainError> {
    if nodes.len() <= 1 {
        return Ok(nodes.first().copied());
    }
    let middle = start + width / 2;
    let (left, right) = nodes.split_at(nodes.partition_point(|(_, node)| node.start < middle));
    let left = sum_nodes(workers, left, start, width / 2)?;
    let right = sum_nodes(workers, right, middle, width / 2)?;
    let (Some((to_worker, to)), Some((from_worker, from))) = (left, right) else {
        return Ok(left.or(right));
    };
    let add = Add { from: from.slot.region(), to: to.slot.region() };
    let mut target = workers[to_worker].lock().expect("no worker panicked");
    if to_worker == from_worker {
        target.arena.apply(&add)?;
    } else {
        let source = workers[from_worker].lock().expect("no worker panicked");
        target.arena.apply_with(&source.arena, &add)?;
    }
    Ok(Some((to_worker, to)))
}

/// Writes one number over a region.
struct Set(Region, f32);

impl crate::tensor::Operation<0> for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.0.of_mut(target).fill(self.1);
    }
}

/// Writes numbers from main memory to a region.
struct Put<'a>(Region, &'a [f32]);

impl crate::tensor::Operation<0> for Put<'_> {
    fn name(&self) -> &'static str {
        "put"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.0.of_mut(target).copy_from_slice(self.1);
    }
}
