//! From the chunks' gradients to new parameters: loss, tree sum, clipping, `AdamW`.

use std::cell::Cell;
use std::sync::Mutex;

use super::workers::{Node, Shared, Worker, show_sum};
use super::{TrainError, decays, index, learning_rate_at, steps};
use crate::action::canonical::Real;
use crate::action::params::Train;
use crate::model::{Layout, Model};
#[cfg(any(feature = "cuda", test))]
use crate::tensor::device::{self, Address, Launched, Queue};
use crate::tensor::{
    AdamWStep, Add, Buffer, Classification, Contrastive, Copy, Device, Operation, OptimizedTensor,
    Outcome, Rates, Region, tap,
};

/// The loss of the batch, and its gradient with respect to the logit scale; leaves those of the embeddings.
pub(super) fn loss(shared: &Shared<'_>, batch: usize, step: u64) -> Result<(f32, f32), TrainError> {
    let state = shared.state.read().expect("no worker panicked");
    let mut buffer = shared.batch.write().expect("no worker panicked");
    let (level, regions, embed_dim) = (shared.level, shared.regions, shared.model.embed_dim());
    let logit_scale = shared.model.layout().region("logit_scale");
    tap::operation(|| "contrastive loss".to_owned());
    buffer.apply_with(&state, &Contrastive { level, batch, embed_dim, regions, logit_scale })?;
    let results = buffer.read(regions.results)?;
    let (loss, d_scale) = (results[0], results[1]);
    if loss.is_finite() { Ok((loss, d_scale)) } else { Err(diverged(step, "the loss")) }
}

/// The loss of a classifier's batch; leaves the gradients of embeddings and linear layer.
pub(super) fn classification_loss(
    shared: &Shared<'_>,
    labels: &[u32],
    step: u64,
) -> Result<f32, TrainError> {
    let state = shared.state.read().expect("no worker panicked");
    let mut buffer = shared.batch.write().expect("no worker panicked");
    let (level, model, regions) = (shared.level, shared.model, shared.regions);
    let head = HEAD.map(|name| model.layout().region(name));
    let classes = model.classes().expect("the model is a classifier");
    let embed_dim = model.embed_dim();
    tap::operation(|| "classification loss".to_owned());
    let operation = Classification { level, embed_dim, classes, labels, regions, head };
    buffer.apply_with(&state, &operation)?;
    let loss = buffer.read(regions.results)?[0];
    if loss.is_finite() { Ok(loss) } else { Err(diverged(step, "the loss")) }
}

/// The linear layer of a classifier, bias and weight.
const HEAD: [&str; 2] = ["head.bias", "head.weight"];

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
    logit_scale: Option<Region>,
    width: usize,
    chunks: usize,
    /// Rows of the embedding's gradient that are not +0.
    dirty: Vec<u32>,
    /// The chunks' gradients of the embedding's rows, kept so that a step allocates nothing.
    leaves: Vec<Leaf>,
    values: Vec<f32>,
}

/// Shows every parameter, or what there is for every parameter, tensor by tensor.
pub(super) fn show_parameters(layout: &Layout, prefix: &str, elements: &[f32]) {
    if !tap::is_listening() {
        return;
    }
    for parameter in layout.parameters() {
        let values = tap::Values::Binary32(parameter.region.of(elements));
        tap::show(&format!("{prefix}{}", parameter.name), &parameter.shape, values);
    }
}

/// Shows moments and parameters in the order in which `AdamW` makes them.
pub(super) fn show_state(layout: &Layout, state: &[f32]) {
    let (parameters, moments) = state.split_at(layout.len());
    let (first, second) = moments.split_at(layout.len());
    show_parameters(layout, "exp_avg of ", first);
    show_parameters(layout, "exp_avg_sq of ", second);
    show_parameters(layout, "", parameters);
}

/// The gradient of one row of the embedding in one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    row: u32,
    chunk: usize,
    /// Where its elements begin among the values.
    place: usize,
}

impl<'p> Update<'p> {
    pub(super) fn new(
        model: &Model,
        params: &'p Train,
        device: Device,
    ) -> Result<Self, TrainError> {
        let layout = model.layout();
        let tensors = layout.parameters().iter().map(|parameter| OptimizedTensor {
            region: parameter.region,
            decays: decays(parameter.decay, params.optimizer.decay_positions),
        });
        Ok(Self {
            params,
            tensors: tensors.collect(),
            names: layout.parameters().iter().map(|parameter| parameter.name.clone()).collect(),
            gradient: Buffer::zeros(layout.len(), &device)?,
            embedding: model.embedding(),
            logit_scale: layout.find("logit_scale"),
            width: model.text_width(),
            chunks: index(params.batch_size / params.gradient_chunk),
            dirty: Vec::new(),
            leaves: Vec::new(),
            values: Vec::new(),
        })
    }

    /// Sums what the workers left along the tree, with what the loss left of the linear layer: the gradient of the batch
    /// of a classifier.
    pub(super) fn gather_classifier(
        &mut self,
        shared: &Shared<'_>,
        workers: &[Mutex<Worker>],
    ) -> Result<&Buffer, TrainError> {
        self.sum_chunks(shared.model, workers)?;
        let batch = shared.batch.read().expect("no worker panicked");
        for (name, from) in HEAD.into_iter().zip(shared.regions.d_head) {
            let to = shared.model.layout().region(name);
            self.gradient.apply_with(&batch, &Copy { from, to })?;
        }
        self.shown(shared.model)
    }

    /// Sums what the workers left along the tree: the gradient of the batch.
    pub(super) fn gather(
        &mut self,
        model: &Model,
        workers: &[Mutex<Worker>],
        d_scale: f32,
    ) -> Result<&Buffer, TrainError> {
        self.sum_chunks(model, workers)?;
        if let Some(logit_scale) = self.logit_scale {
            self.gradient.apply(&Set(logit_scale, d_scale))?;
        }
        self.shown(model)
    }

    fn sum_chunks(&mut self, model: &Model, workers: &[Mutex<Worker>]) -> Result<(), TrainError> {
        let root = root(model, workers, self.chunks)?;
        let first = workers[0].lock().expect("no worker panicked");
        self.copy_dense(&first.arena, root.slot.region())?;
        drop(first);
        self.gather_rows(workers)
    }

    fn shown(&self, model: &Model) -> Result<&Buffer, TrainError> {
        tap::operation(|| "gradient of the batch".to_owned());
        if tap::is_listening() {
            self.gradient.with(|gradient| show_parameters(model.layout(), "", gradient))?;
        }
        Ok(&self.gradient)
    }

    /// Updates the parameters by the gradient that was gathered, and returns their fingerprint.
    pub(super) fn apply(&mut self, shared: &Shared<'_>, step: u64) -> Result<[u64; 2], TrainError> {
        let outcome = Cell::new(Outcome::default());
        let update = AdamWStep {
            level: shared.level,
            rates: self.rates(step),
            norm_limit: self.params.optimizer.gradient_clip_norm.map(Real::get),
            tensors: &self.tensors,
            logit_scale: self.logit_scale.unwrap_or_default(),
            outcome: &outcome,
        };
        let mut state = shared.state.write().expect("no worker panicked");
        state.apply_with(&self.gradient, &update)?;
        let outcome = outcome.get();
        if !outcome.squared_norm.is_finite() {
            return Err(diverged(step, "the gradient"));
        }
        if tap::is_listening() {
            state.with(|state| show_state(shared.model.layout(), state))?;
        }
        match outcome.not_finite {
            Some(tensor) => Err(diverged(step, &format!("parameter `{}`", self.names[tensor]))),
            None => Ok(outcome.fingerprint),
        }
    }

    fn rates(&self, step: u64) -> Rates {
        let optimizer = &self.params.optimizer;
        let rates = Rates {
            beta1: optimizer.beta1.get(),
            beta2: optimizer.beta2.get(),
            epsilon: optimizer.epsilon.get(),
            weight_decay: optimizer.weight_decay.get(),
            learning_rate: learning_rate_at(&self.params.schedule, step, steps(self.params)),
            step: step + 1,
        };
        #[cfg(feature = "faults")]
        let rates = super::faults::strike_rates(rates, step);
        rates
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
    /// never −0, so such a chunk may be passed over. The rows of a single worker are read where they are.
    fn gather_rows(&mut self, workers: &[Mutex<Worker>]) -> Result<(), TrainError> {
        self.leaves.clear();
        self.values.clear();
        let alone = workers.len() == 1;
        let mut chunk = 0;
        for worker in workers {
            let worker = worker.lock().expect("no worker panicked");
            for (rows, gradients) in worker.touched(self.width) {
                let start = if alone { gradients.start } else { self.values.len() };
                let places = (start..).step_by(self.width);
                let leaf = |(&row, place)| Leaf { row, chunk, place };
                self.leaves.extend(rows.iter().zip(places).map(leaf));
                if !alone {
                    worker
                        .arena
                        .with(|arena| self.values.extend_from_slice(gradients.of(arena)))?;
                }
                chunk += 1;
            }
        }
        self.leaves.sort_unstable();
        let sum = SumRows {
            embedding: self.embedding,
            width: self.width,
            chunks: self.chunks.next_power_of_two(),
            dirty: &self.dirty,
            leaves: &self.leaves,
            values: &self.values,
        };
        if alone {
            let worker = workers[0].lock().expect("no worker panicked");
            self.gradient.apply_with(&worker.arena, &sum)?;
        } else {
            self.gradient.apply(&sum)?;
        }
        self.dirty.clear();
        self.dirty.extend(self.leaves.iter().map(|leaf| leaf.row));
        self.dirty.dedup();
        Ok(())
    }
}

/// Clears the rows of the step before and writes the sums of this one.
struct SumRows<'a> {
    embedding: Region,
    width: usize,
    /// The width of the tree, a power of two.
    chunks: usize,
    dirty: &'a [u32],
    /// By row, then by chunk.
    leaves: &'a [Leaf],
    /// Where the leaves are, unless they are in a buffer that is read.
    values: &'a [f32],
}

impl SumRows<'_> {
    /// `sum(lo, hi) = sum(lo, mid) + sum(mid, hi)` over those leaves that there are, of `chunks` chunks from `start`
    /// on; `room` holds a row for each level of the tree.
    fn sum_tree(
        &self,
        values: &[f32],
        leaves: &[Leaf],
        (start, chunks): (usize, usize),
        sum: &mut [f32],
        room: &mut [f32],
    ) {
        if let [leaf] = leaves {
            sum.copy_from_slice(&values[leaf.place..leaf.place + self.width]);
            return;
        }
        let half = chunks / 2;
        let middle = start + half;
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| leaf.chunk < middle));
        if left.is_empty() {
            self.sum_tree(values, right, (middle, half), sum, room);
            return;
        }
        self.sum_tree(values, left, (start, half), sum, room);
        if !right.is_empty() {
            let (other, room) = room.split_at_mut(self.width);
            self.sum_tree(values, right, (middle, half), other, room);
            sum.iter_mut().zip(other).for_each(|(sum, d)| *sum += *d);
        }
    }
}

impl SumRows<'_> {
    const NAME: &'static str = "sum of embedding rows";

    fn sum(&self, target: &mut [f32], values: &[f32]) {
        let embedding = self.embedding.of_mut(target);
        let row_of = |row: u32| {
            let start = row as usize * self.width;
            start..start + self.width
        };
        for &row in self.dirty {
            embedding[row_of(row)].fill(0.0);
        }
        let mut room = vec![0.0; self.width * self.chunks.ilog2() as usize];
        for leaves in self.leaves.chunk_by(|a, b| a.row == b.row) {
            let sum = &mut embedding[row_of(leaves[0].row)];
            self.sum_tree(values, leaves, (0, self.chunks), sum, &mut room);
        }
    }

    #[cfg(any(feature = "cuda", test))]
    fn sum_on_device(&self, queue: &Queue, target: Address, values: Address) -> Launched {
        let leaves = self.leaves.iter().map(|leaf| (leaf.row, leaf.chunk, leaf.place));
        let leaves = device::optimizer::RowLeaves::new(leaves, self.chunks);
        let embedding = target.element(self.embedding.start);
        device::optimizer::sum_rows(queue, embedding, self.width, self.dirty, &leaves, values)
    }
}

impl Operation<0> for SumRows<'_> {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.sum(target, self.values);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        let values = queue.bring(device::Room::Parts, device::bytes_of(self.values))?;
        self.sum_on_device(queue, target, values)
    }
}

impl Operation<1> for SumRows<'_> {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn cpu(&self, target: &mut [f32], [values]: [&[f32]; 1]) {
        self.sum(target, values);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [values]: [Address; 1]) -> Launched {
        self.sum_on_device(queue, target, values)
    }
}

/// Sums the workers' partial sums along the tree, into the slot of the first; an absent side passes the other through.
fn root(model: &Model, workers: &[Mutex<Worker>], chunks: usize) -> Result<Node, TrainError> {
    let mut nodes: Vec<(usize, Node)> = Vec::new();
    for (index, worker) in workers.iter().enumerate() {
        nodes.extend(
            worker.lock().expect("no worker panicked").nodes.iter().map(|node| (index, *node)),
        );
    }
    let (_, root) = sum_nodes(model, workers, &nodes, 0, chunks.next_power_of_two())?
        .expect("there are chunks");
    Ok(root)
}

fn sum_nodes(
    model: &Model,
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
    let end = nodes.last().map_or(start, |(_, node)| node.start + node.width);
    let left = sum_nodes(model, workers, left, start, width / 2)?;
    let right = sum_nodes(model, workers, right, middle, width / 2)?;
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
    let sum = Node { start, width: end - start, slot: to.slot };
    show_sum(model, &target.arena, &sum)?;
    Ok(Some((to_worker, sum)))
}

/// Writes one number over a region.
struct Set(Region, f32);

impl Operation<0> for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.0.of_mut(target).fill(self.1);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        device::launch::fill(queue, target.element(self.0.start), self.0.len, self.1)
    }
}
