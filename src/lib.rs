//! Cite an experiment again and get the same bits.

pub mod action;
pub mod data;
pub mod digest;
pub mod exec;
pub mod fs;
pub mod jobs;
pub mod metrics;
pub mod model;
pub mod numerics;
pub mod ops;
pub mod plan;
pub mod plot;
pub mod report;
pub mod source;
pub mod spec;
pub mod store;
pub mod tensor;
pub mod training;
