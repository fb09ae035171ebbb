//! Measures a model: zero-shot classification and retrieval, under `CLIP_benchmark`'s field names.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use super::files::{bad_input, read_bytes, read_text, unfit, write_text};
use super::train::broken;
use super::{JobContext, JobError, Progress, chain, released};
use crate::action::params::{Clip, Evaluate, Preprocessing, Task};
use crate::data::{DataError, Dataset, Memory, Tokenizer};
use crate::metrics::{Classification, ClassificationTally, MetricError, Retrieval, RetrievalTally};
use crate::model::{Layout, Model, Texts};
use crate::numerics::Level;
use crate::numerics::matmul::{Finish, View, column_sum, multiply};
use crate::tensor::{Buffer, Device, Planner, normalise_rows, safetensors};

/// Samples embedded at a time; no result depends on it. A device has more to do at once, as far as there is memory.
const CHUNK: usize = 16;
const MOST_ON_A_DEVICE: usize = 256;
/// What a pass may take there, in elements: 4 GiB.
const ELEMENTS: usize = 1 << 30;
/// Scores that are computed at once, unless a row has more: 256 MiB. No result depends on it.
const SCORES: usize = if cfg!(test) { 16 } else { 1 << 26 };

/// Performs the job. All inputs are read and judged before the first image is embedded, which takes longest.
pub(super) fn run(params: &Evaluate, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let dataset = dataset("dataset", &params.model, Memory::default(), context)?;
    let tokenizer = tokenizer(&params.model, &read_bytes(context, "vocabulary")?)?;
    let embedder =
        |context: &JobContext<'_>| Embedder::new(&params.model, &params.preprocessing, context);
    let image = |sample| dataset.image(sample).map_err(|error| unreadable("dataset", &error));
    let fields = match &params.task {
        Task::ZeroShotClassification { templates } => {
            let names = read_text(context, "classes")?;
            let classes: Vec<&str> = names.lines().collect();
            let labels = labels(&dataset, classes.len())?;
            let embedder = embedder(context)?;
            let prompts = embedder.classes(&tokenizer, &classes, templates)?;
            let images = embedder.images(dataset.len(), image, context)?;
            let width = embedder.model.embed_dim();
            let scores = |part| scores(context.level, &images, part, &prompts, width);
            classification_fields(&classification(&labels, classes.len(), scores)?)
        }
        Task::Retrieval { recall_at } => {
            let (texts, image_of_text) = captions(&dataset)?;
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let embedder = embedder(context)?;
            let texts = embedder.texts(&tokenizer, &texts)?;
            let images = embedder.images(dataset.len(), image, context)?;
            let width = embedder.model.embed_dim();
            let measured = retrieval(context.level, &texts, &images, width, &image_of_text)?;
            retrieval_fields(&measured, recall_at)
        }
    };
    write_text(context, "metrics.json", &to_json(&with_skipped(fields, [&dataset])))
}

/// The data set that a job reads as its input `name`, the images as the model takes them; it has samples.
pub(super) fn dataset(
    name: &str,
    clip: &Clip,
    memory: Memory,
    context: &JobContext<'_>,
) -> Result<Dataset, JobError> {
    let side = usize::try_from(clip.vision.image_size)
        .map_err(|_| JobError::BadParameters("images of 2^64 pixels".to_owned()))?;
    let dataset = Dataset::open(&context.inputs.join(name), side, memory)
        .map_err(|error| unreadable(name, &error))?;
    if dataset.is_empty() {
        return Err(unfit(name, &"it has no samples"));
    }
    Ok(dataset)
}

/// A data set that cannot be read, or is not what its manifest says.
pub(super) fn unreadable(name: &str, error: &DataError) -> JobError {
    match error {
        DataError::Io { path, source } => JobError::Io {
            path: path.display().to_string(),
            source: std::io::Error::new(source.kind(), source.to_string()),
        },
        error => bad_input(name, &chain(error)),
    }
}

/// The tokeniser of a model's vocabulary.
pub(super) fn tokenizer(clip: &Clip, vocabulary: &[u8]) -> Result<Tokenizer, JobError> {
    let context_length = usize::try_from(clip.text.context_length).unwrap_or(usize::MAX);
    let tokenizer =
        Tokenizer::new(vocabulary, context_length).map_err(|error| unfit("vocabulary", &error))?;
    if tokenizer.vocabulary_size() as u64 == clip.text.vocabulary_size {
        return Ok(tokenizer);
    }
    let reason = format!(
        "it gives {} tokens, but the model has {}",
        tokenizer.vocabulary_size(),
        clip.text.vocabulary_size
    );
    Err(unfit("vocabulary", &reason))
}

/// Looks at all of `count` samples, as many at a time as there is memory for; `pass` looks at some of them, in an arena as
/// `plan` plans it. No result depends on how many those are.
fn in_passes<T>(
    on: Device,
    count: usize,
    plan: impl Fn(&mut Planner, usize) -> T,
    mut pass: impl FnMut(&mut Buffer, Range<usize>) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let mut at_once = if on == Device::Cpu { CHUNK } else { MOST_ON_A_DEVICE };
    let mut arena = None;
    let mut done = 0;
    while done < count {
        let made = if let Some(arena) = arena.take() {
            Ok(arena)
        } else {
            let mut planner = Planner::default();
            plan(&mut planner, at_once.min(count));
            if planner.len() > ELEMENTS && at_once > CHUNK {
                at_once /= 2;
                continue;
            }
            Buffer::zeros(planner.len(), &on).map_err(broken)
        };
        let end = done + at_once.min(count - done);
        let passed = made.and_then(|mut arena| pass(&mut arena, done..end).map(|()| arena));
        match passed {
            Ok(used) => (arena, done) = (Some(used), end),
            Err(error) if error.lacks_memory() && at_once > 1 => at_once /= 2,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A model with its weights, ready to embed.
pub(super) struct Embedder {
    pub(super) model: Model,
    level: Level,
    parameters: Buffer,
}

impl Embedder {
    pub(super) fn new(
        clip: &Clip,
        preprocessing: &Preprocessing,
        context: &JobContext<'_>,
    ) -> Result<Self, JobError> {
        let model = Model::new(clip, preprocessing)
            .map_err(|error| JobError::BadParameters(error.to_string()))?;
        let elements = read_weights(clip, preprocessing, model.layout(), context)?;
        let parameters = Buffer::from_vec(elements, &context.device).map_err(broken)?;
        Ok(Self { model, level: context.level, parameters })
    }

    /// Of a model whose parameters are at hand.
    pub(super) const fn of(model: Model, level: Level, parameters: Buffer) -> Self {
        Self { model, level, parameters }
    }

    /// `[count, embed_dim]`: of what `image` gives for each of `count` samples, looked at a few at a time.
    pub(super) fn images<'i>(
        &self,
        count: usize,
        image: impl Fn(usize) -> Result<Cow<'i, [u8]>, JobError>,
        context: &mut JobContext<'_>,
    ) -> Result<Vec<f32>, JobError> {
        let mut features = Vec::new();
        let plan = |planner: &mut Planner, count| self.model.plan_images(planner, count);
        in_passes(self.parameters.device(), count, plan, |arena, part| {
            if context.cancelled.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(JobError::Cancelled);
            }
            let images = part.map(&image).collect::<Result<Vec<_>, _>>()?;
            let images: Vec<&[u8]> = images.iter().map(AsRef::as_ref).collect();
            let tower = self.model.plan_images(&mut Planner::default(), images.len());
            self.model
                .embed_images(self.level, arena, &self.parameters, &tower, &images)
                .map_err(broken)?;
            features.extend(arena.read(tower.features()).map_err(broken)?);
            let done = (features.len() / self.model.embed_dim()) as u64;
            let total = count as u64;
            (context.progress)(Progress { done, total, unit: "images".to_owned() });
            Ok(())
        })?;
        Ok(features)
    }

    /// `[texts, embed_dim]`
    fn texts(&self, tokenizer: &Tokenizer, texts: &[&str]) -> Result<Vec<f32>, JobError> {
        let mut features = Vec::new();
        let plan = |planner: &mut Planner, count| self.model.plan_texts(planner, count);
        in_passes(self.parameters.device(), texts.len(), plan, |arena, part| {
            let part = &texts[part];
            let mut encoded = Texts::new();
            for text in part {
                encoded.push(&tokenizer.encode(text).map_err(|error| unfit("vocabulary", &error))?);
            }
            let tower = self.model.plan_texts(&mut Planner::default(), part.len());
            self.model
                .embed_texts(self.level, arena, &self.parameters, &tower, &encoded)
                .map_err(broken)?;
            features.extend(arena.read(tower.features()).map_err(broken)?);
            Ok(())
        })?;
        Ok(features)
    }

    /// `[classes, embed_dim]`: the mean of each class's prompts, in template order, normalised again.
    #[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2²⁴ templates")]
    pub(super) fn classes(
        &self,
        tokenizer: &Tokenizer,
        classes: &[&str],
        templates: &[String],
    ) -> Result<Vec<f32>, JobError> {
        if templates.is_empty() {
            return Err(JobError::BadParameters("there are no templates".to_owned()));
        }
        let width = self.model.embed_dim();
        let prompts: Vec<String> = classes
            .iter()
            .flat_map(|class| templates.iter().map(move |template| template.replace("{}", class)))
            .collect();
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        let embedded = self.texts(tokenizer, &prompts)?;
        let mut means = vec![0.0; classes.len() * width];
        for (mean, prompts) in
            means.chunks_exact_mut(width).zip(embedded.chunks_exact(templates.len() * width))
        {
            column_sum(self.level, View::new(prompts, templates.len(), width), mean);
            mean.iter_mut().for_each(|sum| *sum /= templates.len() as f32);
        }
        Ok(normalise_rows(self.level, width, &means))
    }
}

/// The parameters of a model in the order of its layout: of a training, or released, which must be of this model and
/// these constants.
pub(super) fn read_weights(
    clip: &Clip,
    preprocessing: &Preprocessing,
    layout: &Layout,
    context: &JobContext<'_>,
) -> Result<Vec<f32>, JobError> {
    let path = context.inputs.join("weights");
    if path.is_dir() {
        return released::parameters(&path, clip, preprocessing, layout);
    }
    let wanted = layout
        .parameters()
        .iter()
        .map(|parameter| (parameter.name.as_str(), parameter.shape.as_slice()));
    safetensors::decode(&read_bytes(context, "weights")?, wanted)
        .map_err(|error| bad_input("weights", &error))
}

/// Shards are what they are pinned to; the experiment asks of them what they do not hold.
pub(super) fn classless(input: &str, key: &str) -> JobError {
    JobError::Unfit(format!(
        "input `{input}`: sample `{key}` has no class: its shard needs a member `{key}.cls`, or a `label` in `{key}.json`"
    ))
}

/// `rows · columnsᵀ` for some of the rows: `[part, columns]` of scores.
fn scores(
    level: Level,
    rows: &[f32],
    part: Range<usize>,
    columns: &[f32],
    width: usize,
) -> Vec<f32> {
    let (n, m) = (part.len(), columns.len() / width);
    let mut scores = vec![0.0; n * m];
    let rows = View::new(&rows[part.start * width..part.end * width], n, width);
    let columns = View::new(columns, m, width).transposed();
    multiply(level, rows, columns, Finish::Store, &mut scores, m);
    scores
}

/// Gives a matrix of scores to `push`, some rows at a time, so that the whole never is in memory; `scores` computes them.
/// There is a column.
fn in_blocks(
    [rows, columns]: [usize; 2],
    scores: impl Fn(Range<usize>) -> Vec<f32>,
    mut push: impl FnMut(&[f32]) -> Result<(), MetricError>,
) -> Result<(), MetricError> {
    let at_once = (SCORES / columns).max(1);
    (0..rows).step_by(at_once).try_for_each(|start| push(&scores(start..rows.min(start + at_once))))
}

/// Measures the scores of samples whose classes are `labels`; `scores` gives those of some samples, `[part, classes]`.
pub(super) fn classification(
    labels: &[u32],
    classes: usize,
    scores: impl Fn(Range<usize>) -> Vec<f32>,
) -> Result<Classification, JobError> {
    let refused = |error: MetricError| unfit("dataset", &error);
    let mut tally = ClassificationTally::new(labels, classes).map_err(refused)?;
    in_blocks([labels.len(), classes], scores, |block| tally.push(block)).map_err(refused)?;
    tally.finish().map_err(refused)
}

/// The class of each sample, for which there is a name.
fn labels(dataset: &Dataset, classes: usize) -> Result<Vec<u32>, JobError> {
    let label = |sample| {
        let known = dataset.sample(sample).map_err(|error| unreadable("dataset", &error))?;
        let label = known.label.ok_or_else(|| classless("dataset", &known.key))?;
        if label as usize >= classes {
            return Err(JobError::Unfit(format!(
                "input `dataset`: sample `{}` has class {label}, and there are names for {classes} classes (numbers from 0)",
                known.key
            )));
        }
        Ok(label)
    };
    (0..dataset.len()).map(label).collect()
}

/// Under `CLIP_benchmark`'s names; `acc5` is not defined with fewer than five classes.
pub(super) fn classification_fields(measured: &Classification) -> Vec<(String, f64)> {
    let mut fields = vec![("acc1".to_owned(), measured.acc1)];
    fields.extend(measured.acc5.map(|acc5| ("acc5".to_owned(), acc5)));
    fields.push(("mean_per_class_recall".to_owned(), measured.mean_per_class_recall));
    fields
}

/// The captions of all images, one after the other, and the image of each.
fn captions(dataset: &Dataset) -> Result<(Vec<String>, Vec<u32>), JobError> {
    let (mut texts, mut image_of_text) = (Vec::new(), Vec::new());
    for (image, sample) in (0_u32..).zip(0..dataset.len()) {
        let sample = dataset.sample(sample).map_err(|error| unreadable("dataset", &error))?;
        texts.extend(sample.retrieved().cloned());
        image_of_text.resize(texts.len(), image);
    }
    if texts.is_empty() && !dataset.is_empty() {
        return Err(JobError::Unfit(
            "input `dataset`: none of its samples has a caption: its shards need members `KEY.txt`, or `captions` in \
             `KEY.json`"
                .to_owned(),
        ));
    }
    Ok((texts, image_of_text))
}

/// Ranks embeddings, `[texts, width]` and `[images, width]`, where text t belongs to image `image_of_text[t]`.
fn retrieval(
    level: Level,
    texts: &[f32],
    images: &[f32],
    width: usize,
    image_of_text: &[u32],
) -> Result<Retrieval, JobError> {
    let refused = |error: MetricError| unfit("dataset", &error);
    let [rows, columns] = [texts.len() / width, images.len() / width];
    let mut tally = RetrievalTally::new(image_of_text, columns).map_err(refused)?;
    let of_texts = |part| scores(level, texts, part, images, width);
    in_blocks([rows, columns], of_texts, |block| tally.push_texts(block)).map_err(refused)?;
    // The same scores, computed again: a product of two numbers does not depend on which comes first.
    let of_images = |part| scores(level, images, part, texts, width);
    in_blocks([columns, rows], of_images, |block| tally.push_images(block)).map_err(refused)?;
    tally.finish().map_err(refused)
}

/// Recalls under `CLIP_benchmark`'s names.
fn retrieval_fields(measured: &Retrieval, recall_at: &[u64]) -> Vec<(String, f64)> {
    let fields = recall_at.iter().flat_map(|k| {
        let at = usize::try_from(*k).unwrap_or(usize::MAX);
        [
            (format!("image_retrieval_recall@{k}"), measured.image_recall_at(at)),
            (format!("text_retrieval_recall@{k}"), measured.text_recall_at(at)),
        ]
    });
    fields.collect()
}

/// The fields, and where samples were skipped how many, beside those that were read, of all `sets` together.
#[allow(clippy::cast_precision_loss, reason = "there are far fewer than 2⁵³ samples")]
pub(super) fn with_skipped<'d>(
    mut fields: Vec<(String, f64)>,
    sets: impl IntoIterator<Item = &'d Dataset>,
) -> Vec<(String, f64)> {
    let (mut samples, mut skipped) = (0, 0);
    for dataset in sets {
        samples += dataset.len();
        skipped += dataset.skipped();
    }
    if skipped > 0 {
        fields.push(("samples".to_owned(), samples as f64));
        fields.push(("skipped".to_owned(), skipped as f64));
    }
    fields
}

/// One object, fields in bytewise order, numbers in the shortest form that reads back to the same binary64.
pub(super) fn to_json(fields: &[(String, f64)]) -> String {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let mut text = "{".to_owned();
    for (index, (name, value)) in fields.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}\n  \"{name}\": {value:?}").expect("writing to a string succeeds");
    }
    text + "\n}\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::Stream;

    /// Embeddings of three whole numbers from −1 to 1: many scores are equal.
    fn embeddings(count: usize, stream: &mut Stream) -> Vec<f32> {
        let value = |_| [-1.0, 0.0, 1.0][usize::try_from(stream.bounded(3)).unwrap()];
        (0..3 * count).map(value).collect()
    }

    /// The scores of all rows at once, as one matrix.
    fn whole(rows: &[f32], columns: &[f32]) -> Vec<f32> {
        scores(Level::detect(), rows, 0..rows.len() / 3, columns, 3)
    }

    /// Eleven samples and seven classes are more scores than are computed at once.
    #[test]
    fn classifications_of_parts_are_those_of_the_whole() {
        let mut stream = Stream::new(1, 0, "test");
        for (samples, classes) in [(1, 1), (2, 3), (11, 7), (40, 5), (3, 30)] {
            let (images, prompts) =
                (embeddings(samples, &mut stream), embeddings(classes, &mut stream));
            let label = |_| u32::try_from(stream.bounded(classes as u64)).unwrap();
            let labels: Vec<u32> = (0..samples).map(label).collect();
            let by_part = |part| scores(Level::detect(), &images, part, &prompts, 3);
            let mut tally = ClassificationTally::new(&labels, classes).unwrap();
            tally.push(&whole(&images, &prompts)).unwrap();
            let measured = classification(&labels, classes, by_part).unwrap();
            assert_eq!(measured, tally.finish().unwrap());
        }
    }

    /// The whole is the scores of the texts, and those same numbers transposed.
    #[test]
    fn retrievals_of_parts_are_those_of_the_whole() {
        let mut stream = Stream::new(2, 0, "test");
        for (images, texts) in [(1, 1), (5, 3), (9, 20), (30, 30)] {
            let owner = |_| u32::try_from(stream.bounded(images as u64)).unwrap();
            let owners: Vec<u32> = (0..texts).map(owner).collect();
            let texts = embeddings(texts, &mut stream);
            let all = embeddings(images, &mut stream);
            let whole = whole(&texts, &all);
            let column = |image| whole.iter().skip(image).step_by(images).copied();
            let mut tally = RetrievalTally::new(&owners, images).unwrap();
            tally.push_texts(&whole).unwrap();
            tally.push_images(&(0..images).flat_map(column).collect::<Vec<_>>()).unwrap();
            let measured = retrieval(Level::detect(), &texts, &all, 3, &owners).unwrap();
            assert_eq!(measured, tally.finish().unwrap());
        }
    }

    /// So that the scores of the texts against the images are those of the images against the texts.
    #[test]
    fn scores_do_not_depend_on_which_comes_first() {
        let mut stream = Stream::new(3, 0, "test");
        let mut embeddings = |count: usize| -> Vec<f32> {
            let value = |_| f32::from(u16::try_from(stream.bounded(1 << 16)).unwrap()) / 7.0;
            (0..37 * count).map(value).collect()
        };
        let (texts, images) = (embeddings(21), embeddings(10));
        for level in [Level::Scalar, Level::detect()] {
            let of_texts = scores(level, &texts, 0..21, &images, 37);
            let of_images = scores(level, &images, 0..10, &texts, 37);
            for (at, score) in of_texts.iter().enumerate() {
                let same = of_images[at % 10 * 21 + at / 10];
                assert_eq!(score.to_bits(), same.to_bits());
            }
        }
    }

    #[test]
    fn scores_that_are_not_finite_are_named_by_their_place() {
        let images = [vec![0.0; 33], vec![0.0, f32::NAN, 0.0]].concat();
        let by_part = |part| scores(Level::Scalar, &images, part, &[1.0; 9], 3);
        let error = classification(&[0; 12], 3, by_part).unwrap_err().to_string();
        assert_eq!(error, "input `dataset`: score 33 is not finite");
    }

    #[test]
    fn metrics_are_sorted_and_round_trip() {
        let text = to_json(&[("b@10".to_owned(), 0.1 + 0.2), ("acc1".to_owned(), 1.0)]);
        assert_eq!(text, "{\n  \"acc1\": 1.0,\n  \"b@10\": 0.30000000000000004\n}\n");
    }
}
