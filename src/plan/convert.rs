//! From the author's values to explicit parameters, one for one. The experiment has been checked.

use std::collections::BTreeMap;

use crate::action::canonical::Real;
use crate::action::params;
use crate::spec::experiment as spec;

/// The parameters of a training.
pub(super) fn train(train: &spec::Train) -> params::Train {
    params::Train {
        model: clip(&train.model),
        preprocessing: preprocessing(&train.preprocessing),
        seed: train.seed,
        samples_seen: train.samples_seen,
        batch_size: train.batch_size,
        gradient_chunk: train.gradient_chunk,
        optimizer: adam_w(&train.optimizer),
        schedule: schedule(&train.schedule, train.steps()),
        logit_scale_init: real(train.logit_scale_init),
        vision_positions_std: real(train.positions_std()),
        captions: match train.captions {
            spec::CaptionChoice::First => params::CaptionChoice::First,
            spec::CaptionChoice::Drawn => params::CaptionChoice::Drawn,
        },
        order: match train.order {
            spec::SampleOrder::Epochs { shuffle_shards } => {
                params::SampleOrder::Epochs { shuffle_shards }
            }
            spec::SampleOrder::WithReplacement => params::SampleOrder::WithReplacement,
        },
        checkpoint_interval_steps: train.checkpoint_interval_steps,
        crop: train.crop.as_ref().map(|crop| params::RandomResizedCrop {
            area_min: real(crop.area_min),
            area_max: real(crop.area_max),
            ratio_min: real(crop.ratio_min),
            ratio_max: real(crop.ratio_max),
        }),
        profile: train
            .profile
            .as_deref()
            .map(|text| text.parse().expect("the experiment has been checked")),
    }
}

/// The parameters of an evaluation of a model whose images go through `constants`.
pub(super) fn evaluate(
    model: &spec::Clip,
    constants: &spec::Preprocessing,
    task: &spec::Task,
) -> params::Params {
    let (model, preprocessing) = (clip(model), preprocessing(constants));
    let task = match task {
        spec::Task::ZeroShotClassification { templates, .. } => {
            params::Task::ZeroShotClassification { templates: templates.clone() }
        }
        spec::Task::Retrieval { recall_at } => {
            params::Task::Retrieval { recall_at: recall_at.clone() }
        }
        spec::Task::LinearProbe(of) => {
            return params::Params::Probe(probe(model, preprocessing, of));
        }
        spec::Task::FineTune(of) => {
            return params::Params::FineTune(fine_tune(model, preprocessing, of));
        }
    };
    params::Params::Evaluate(params::Evaluate { model, preprocessing, task })
}

/// The parameters of a linear probe of a model.
fn probe(
    model: params::Clip,
    preprocessing: params::Preprocessing,
    probe: &spec::LinearProbe,
) -> params::Probe {
    params::Probe {
        model,
        preprocessing,
        split: split(&probe.split),
        shots: shots(probe.shots),
        seed: probe.seed,
        weight_decay: match &probe.weight_decay {
            spec::WeightDecay::Fixed(value) => params::WeightDecay::Fixed(real(*value)),
            spec::WeightDecay::Validated { candidates, validation_percent } => {
                params::WeightDecay::Validated {
                    candidates: candidates.iter().map(|&candidate| real(candidate)).collect(),
                    validation_percent: *validation_percent,
                }
            }
        },
        learning_rate: real(probe.learning_rate),
        epochs: probe.epochs,
        batch_size: probe.batch_size,
        beta1: real(probe.beta1),
        beta2: real(probe.beta2),
        epsilon: real(probe.epsilon),
    }
}

/// The parameters of a fine-tuning of a model.
fn fine_tune(
    model: params::Clip,
    preprocessing: params::Preprocessing,
    tuning: &spec::FineTune,
) -> params::FineTune {
    params::FineTune {
        model,
        preprocessing,
        split: split(&tuning.split),
        shots: shots(tuning.shots),
        seed: tuning.seed,
        head: match &tuning.head {
            spec::HeadStart::Random => params::HeadStart::Random,
            spec::HeadStart::ZeroShot { templates } => {
                params::HeadStart::ZeroShot { templates: templates.clone() }
            }
        },
        samples_seen: tuning.samples_seen,
        batch_size: tuning.batch_size,
        gradient_chunk: tuning.gradient_chunk,
        optimizer: adam_w(&tuning.optimizer),
        schedule: schedule(&tuning.schedule, tuning.steps()),
    }
}

/// A schedule with its warm-up in steps.
fn schedule(schedule: &spec::Schedule, steps: u64) -> params::Schedule {
    params::Schedule {
        learning_rate_max: real(schedule.learning_rate_max),
        learning_rate_final: real(schedule.learning_rate_final),
        warm_up: params::WarmUp::Steps(schedule.warm_up.resolve(steps)),
    }
}

fn split(split: &spec::Split) -> params::Split {
    match *split {
        spec::Split::Apart { ref train } => params::Split::Apart { sets: train.len() as u64 },
        spec::Split::Within { test_percent, seed } => params::Split::Within { test_percent, seed },
    }
}

const fn shots(shots: spec::Shots) -> params::Shots {
    match shots {
        spec::Shots::PerClass(count) => params::Shots::PerClass(count),
        spec::Shots::UpTo(count) => params::Shots::UpTo(count),
        spec::Shots::Full => params::Shots::Full,
    }
}

/// The parameters of a model: what an action states of it, and what its cost is counted from.
pub fn clip(clip: &spec::Clip) -> params::Clip {
    let spec::VisionTower {
        image_size,
        patch_size,
        width,
        layers,
        heads,
        mlp_width,
        patch_bias,
        pre_norm,
        pooling,
    } = clip.vision;
    let vision = params::VisionTower {
        image_size,
        patch_size,
        width,
        layers,
        heads,
        mlp_width,
        patch_bias,
        pre_norm,
        pooling: match pooling {
            spec::VisionPooling::Mean => params::Pooling::Mean,
            spec::VisionPooling::ClassToken => params::Pooling::ClassToken,
        },
    };
    let spec::TextTower {
        context_length,
        vocabulary_size,
        width,
        layers,
        heads,
        mlp_width,
        pooling,
    } = clip.text;
    let text = params::TextTower {
        context_length,
        vocabulary_size,
        width,
        layers,
        heads,
        mlp_width,
        pooling: match pooling {
            spec::TextPooling::Mean => params::Pooling::Mean,
            spec::TextPooling::EndToken => params::Pooling::EndToken,
        },
    };
    let activation = match clip.activation {
        spec::Activation::Gelu => params::Activation::Gelu,
        spec::Activation::QuickGelu => params::Activation::QuickGelu,
    };
    params::Clip { embed_dim: clip.embed_dim, vision, text, activation }
}

/// The lines of a figure, panel by panel, series by series.
pub(super) fn fit(figure: &spec::Figure) -> params::Fit {
    let line = |panel: &spec::Panel, series: &spec::Series, fit: &spec::Fit| params::FittedLine {
        panel: panel.name.clone(),
        series: series.name.clone(),
        points: selection(&series.points),
        method: fit_method(&fit.method),
        interval: fit.interval.as_ref().map(|interval| params::Interval {
            level: real(interval.level),
            resamples: interval.resamples,
            seed: interval.seed,
        }),
    };
    let mut lines = Vec::new();
    for panel in &figure.panels {
        for series in &panel.series {
            lines.extend(series.fits.iter().map(|fit| line(panel, series, fit)));
        }
    }
    params::Fit { lines }
}

fn fit_method(method: &spec::FitMethod) -> params::FitMethod {
    match *method {
        spec::FitMethod::LeastSquares => params::FitMethod::LeastSquares,
        spec::FitMethod::BinnedMinimum { bins, margin_decades } => {
            params::FitMethod::BinnedMinimum { bins, margin: real(margin_decades) }
        }
        spec::FitMethod::BinnedMinimumAtPoint { bins, margin_decades } => {
            params::FitMethod::BinnedMinimumAtPoint { bins, margin: real(margin_decades) }
        }
        spec::FitMethod::ParetoFrontier => params::FitMethod::ParetoFrontier,
    }
}

/// The choices that are tried on the series of a figure; none if none is to be tried.
pub(super) fn sensitivity(figure: &spec::Figure) -> Option<params::Sensitivity> {
    let mut swept = Vec::new();
    for panel in &figure.panels {
        for series in &panel.series {
            swept.extend(series.sensitivity.iter().map(|choices| params::SweptSeries {
                panel: panel.name.clone(),
                series: series.name.clone(),
                points: selection(&series.points),
                bins_min: choices.bins_min,
                bins_max: choices.bins_max,
                margins: choices.margins_decades.iter().map(|&margin| real(margin)).collect(),
            }));
        }
    }
    (!swept.is_empty()).then_some(params::Sensitivity { series: swept })
}

/// What is drawn.
pub(super) fn draw(figure: &spec::Figure) -> params::Draw {
    let axis = |axis: &spec::Axis| params::Axis {
        label: axis.label.clone(),
        logarithmic: axis.logarithmic,
    };
    let series = |series: &spec::Series| params::Series {
        name: series.name.clone(),
        points: selection(&series.points),
        marks: marks(&series.marks),
        joined: series
            .joined
            .as_ref()
            .map(|joined| params::Joined { by: joined.by.clone(), dash: joined.dash.clone() }),
        predictions: series.predictions.iter().map(|p| prediction(series, p)).collect(),
    };
    let panel = |panel: &spec::Panel| params::Panel {
        name: panel.name.clone(),
        x: axis(&panel.x),
        y: axis(&panel.y),
        series: panel.series.iter().map(series).collect(),
    };
    params::Draw {
        title: figure.title.clone(),
        caption: figure.caption.clone().unwrap_or_default(),
        width: match figure.width {
            spec::FigureWidth::OneColumn => params::FigureWidth::OneColumn,
            spec::FigureWidth::TwoColumns => params::FigureWidth::TwoColumns,
        },
        legends: figure.legends.iter().map(legend).collect(),
        panels: figure.panels.iter().map(panel).collect(),
    }
}

fn legend(legend: &spec::Legend) -> params::LegendNames {
    let value = |value: &spec::LegendValue| params::LegendValue {
        text: value.text.clone(),
        shown: value.shown.clone(),
    };
    params::LegendNames {
        column: legend.column.clone(),
        title: legend.title.clone(),
        values: legend.values.iter().map(value).collect(),
    }
}

fn prediction(series: &spec::Series, prediction: &spec::Prediction) -> params::Prediction {
    let mut fits = series.fits.iter();
    let fit = fits.find(|fit| fit.method.name() == prediction.method);
    let row = prediction.row.iter();
    params::Prediction {
        label: prediction.label.clone(),
        x: real(prediction.x),
        method: fit_method(&fit.expect("checked: the series has the fit").method),
        texts: row.map(|c| (c.column.clone(), c.text.clone())).collect(),
    }
}

fn marks(marks: &spec::Marks) -> BTreeMap<params::MarkRole, String> {
    let roles = [
        (params::MarkRole::Colour, &marks.colour),
        (params::MarkRole::Marker, &marks.marker),
        (params::MarkRole::Size, &marks.size),
    ];
    roles.into_iter().filter_map(|(role, column)| Some((role, column.clone()?))).collect()
}

/// Texts that are kept form a set: their order and repetition in the experiment do not enter.
fn selection(selection: &spec::Selection) -> params::Selection {
    params::Selection {
        x: selection.x.clone(),
        y: selection.y.clone(),
        y_transform: match selection.y_transform {
            spec::Transform::Identity => params::YTransform::Identity,
            spec::Transform::OneMinus => params::YTransform::OneMinus,
        },
        keep: selection.keep.iter().map(|k| (k.column.clone(), text_set(&k.one_of))).collect(),
    }
}

pub(super) fn preprocessing(preprocessing: &spec::Preprocessing) -> params::Preprocessing {
    let three = |numbers: &[f64]| {
        let numbers: [f64; 3] = numbers.try_into().expect("checked: red, green and blue");
        numbers.map(real)
    };
    params::Preprocessing { mean: three(&preprocessing.mean), std: three(&preprocessing.std) }
}

fn adam_w(optimizer: &spec::AdamW) -> params::AdamW {
    params::AdamW {
        beta1: real(optimizer.beta1),
        beta2: real(optimizer.beta2),
        epsilon: real(optimizer.epsilon),
        weight_decay: real(optimizer.weight_decay),
        decay_positions: optimizer.decay_positions,
        gradient_clip_norm: optimizer.gradient_clip_norm.map(real),
    }
}

/// Texts sorted and without repetition.
pub(super) fn text_set(texts: &[String]) -> Vec<String> {
    let mut texts = texts.to_vec();
    texts.sort();
    texts.dedup();
    texts
}

pub(super) fn real(value: f64) -> Real {
    Real::new(value).expect("checked: a finite number")
}
