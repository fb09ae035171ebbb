//! Evaluations as `CLIP_benchmark` writes its results: one JSON object a file, which its `build` command collects.

use serde_json::{Map, Value, json};

/// One evaluation of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationResult {
    /// What the model was measured on, as its run calls it.
    pub name: String,
    /// The name of the data set; other evaluations may have the same.
    pub dataset: String,
    /// The run.
    pub model: String,
    /// SHA-256 of the weights, in hexadecimal.
    pub pretrained: String,
    /// `zeroshot_classification` or another of `CLIP_benchmark`'s tasks.
    pub task: &'static str,
    /// `acc1`, `image_retrieval_recall@5` and so on: shares in `[0, 1]`.
    pub metrics: Map<String, Value>,
}

impl EvaluationResult {
    /// The name of its file; unique among the evaluations of an experiment, since `_` separates only names without it.
    pub fn file_name(&self) -> String {
        let (name, model, task) = (&self.name, &self.model, self.task);
        let is_ambiguous = name.contains('_') || model.contains('_');
        let separator = if is_ambiguous { '.' } else { '_' };
        format!("{name}{separator}{model}{separator}{task}.json")
    }

    /// The file: the fields that `CLIP_benchmark` 1.6 writes, on one line. `language` is its default: which language
    /// the prompts are in is nothing that an experiment states.
    pub fn encode(&self) -> String {
        let value = json!({
            "dataset": self.dataset,
            "model": self.model,
            "pretrained": self.pretrained,
            "task": self.task,
            "metrics": self.metrics,
            "language": "en",
        });
        value.to_string() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_the_separator_give_files_of_their_own() {
        let named = |name: &str, model: &str| {
            let (name, model) = (name.to_owned(), model.to_owned());
            let dataset = "icon143".to_owned();
            let task = "zeroshot_retrieval";
            let pretrained = "ab".repeat(32);
            let metrics = Map::new();
            EvaluationResult { name, dataset, model, pretrained, task, metrics }.file_name()
        };
        let files = [("a_b", "c"), ("a", "b_c"), ("a", "c"), ("a-b", "c")];
        let files = files.map(|(name, model)| named(name, model));
        let unique = std::collections::BTreeSet::from(files.clone());
        assert_eq!(unique.len(), files.len(), "{files:?}");
        assert_eq!(files[0], "a_b.c.zeroshot_retrieval.json");
    }

    /// The keys of `dump` in `clip_benchmark/cli.py`, version 1.6.2.
    #[test]
    fn fields_are_those_of_clip_benchmark() {
        let metrics = Map::from_iter([("acc1".to_owned(), json!(0.1 + 0.2))]);
        let result = EvaluationResult {
            name: "drawings".to_owned(),
            dataset: "icon143".to_owned(),
            model: "s".to_owned(),
            pretrained: "ab".repeat(32),
            task: "zeroshot_classification",
            metrics,
        };
        assert_eq!(result.file_name(), "drawings_s_zeroshot_classification.json");
        let read: Value = serde_json::from_str(&result.encode()).unwrap();
        let fields: Vec<&String> = read.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["dataset", "language", "metrics", "model", "pretrained", "task"]);
        assert_eq!(read["dataset"], "icon143");
        assert_eq!(read["metrics"]["acc1"], 0.300_000_000_000_000_04);
    }
}
