//! Which tensor of a state dict is which parameter.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::Layout;
use crate::tensor::checkpoint::{Described, Element};

/// What distributed training puts before every name.
const MODULE: &str = "module.";

/// What `CustomTextCLIP` puts before the names of the text tower.
const TEXT: &str = "text.";

/// Entries of older state dicts that are no parameters: the causal mask, and sizes that the configuration states.
const LEGACY: [&str; 5] =
    ["attn_mask", "text.attn_mask", "input_resolution", "context_length", "vocab_size"];

/// The tensors of a state dict that are a model's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Of each parameter, in the order of the layout, the name of its tensor.
    pub tensors: Vec<String>,
    /// Names of older files that were passed over.
    pub ignored: Vec<String>,
}

/// How a state dict differs from what its configuration describes: everything at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mismatch {
    /// Parameters without a tensor, and their shapes.
    pub missing: Vec<(String, Vec<usize>)>,
    /// Tensors that are no parameter.
    pub unexpected: Vec<String>,
    /// Tensors of another shape: name, the parameter's shape, the tensor's.
    pub misshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Parameters whose elements are not fractions.
    pub mistyped: Vec<String>,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tensors are not those that the configuration describes")?;
        for (name, shape) in &self.missing {
            write!(f, "\n  missing: `{name}` {shape:?}")?;
        }
        for name in &self.unexpected {
            write!(f, "\n  unexpected: `{}`", name.escape_debug())?;
        }
        for (name, expected, actual) in &self.misshaped {
            write!(f, "\n  of another shape: `{name}` is {actual:?}, not {expected:?}")?;
        }
        for name in &self.mistyped {
            write!(f, "\n  not a fraction: `{name}` holds integers")?;
        }
        Ok(())
    }
}

/// Finds the parameters of `layout` among the tensors of a state dict, with `module.` before every name or not, and
/// with `text.` before those of the text tower or not.
pub fn match_tensors(
    layout: &Layout,
    described: &BTreeMap<String, Described>,
) -> Result<Matched, Mismatch> {
    let is_distributed = described.keys().all(|name| name.starts_with(MODULE));
    let mut found: BTreeMap<String, (&String, &Described)> = BTreeMap::new();
    let mut mismatch = Mismatch::default();
    let mut ignored = Vec::new();
    for (name, tensor) in described {
        let plain = if is_distributed { &name[MODULE.len()..] } else { name };
        if LEGACY.contains(&plain) {
            ignored.push(name.clone());
            continue;
        }
        let own = plain.strip_prefix(TEXT).filter(|rest| layout.find(rest).is_some());
        let own = own.filter(|rest| !rest.starts_with("visual.") && *rest != "logit_scale");
        let own = own.unwrap_or(plain);
        if layout.find(own).is_none() || found.contains_key(own) {
            mismatch.unexpected.push(name.clone());
        } else {
            found.insert(own.to_owned(), (name, tensor));
        }
    }
    let mut tensors = Vec::new();
    for parameter in layout.parameters() {
        let Some((name, tensor)) = found.get(&parameter.name) else {
            mismatch.missing.push((parameter.name.clone(), parameter.shape.clone()));
            continue;
        };
        // The scale may be a vector of one element.
        let is_scalar = parameter.shape.is_empty() && tensor.shape == [1];
        if tensor.shape != parameter.shape && !is_scalar {
            let (expected, actual) = (parameter.shape.clone(), tensor.shape.clone());
            mismatch.misshaped.push((parameter.name.clone(), expected, actual));
        } else if matches!(tensor.element, Element::Whole(_)) {
            mismatch.mistyped.push(parameter.name.clone());
        }
        tensors.push((*name).clone());
    }
    if mismatch == Mismatch::default() { Ok(Matched { tensors, ignored }) } else { Err(mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OpenClipConfig;

    fn layout() -> Layout {
        let config = br#"{"embed_dim": 4,
            "vision_cfg": {"image_size": 4, "patch_size": 2, "width": 6, "layers": 1, "head_width": 3},
            "text_cfg": {"context_length": 3, "vocab_size": 5, "width": 4, "heads": 2, "layers": 1}}"#;
        Layout::of(&OpenClipConfig::parse(config).unwrap().model).unwrap()
    }

    fn state_dict(layout: &Layout, name: impl Fn(&str) -> String) -> BTreeMap<String, Described> {
        let described =
            |shape: &[usize]| Described { element: Element::F16, shape: shape.to_vec() };
        layout.parameters().iter().map(|p| (name(&p.name), described(&p.shape))).collect()
    }

    #[test]
    fn prefixes_of_known_wrappers_are_seen_through() {
        let layout = layout();
        let names: Vec<&str> = layout.parameters().iter().map(|p| p.name.as_str()).collect();
        let custom = |name: &str| match name {
            name if name.starts_with("visual.") || name == "logit_scale" => name.to_owned(),
            name => format!("text.{name}"),
        };
        let plain = match_tensors(&layout, &state_dict(&layout, str::to_owned)).unwrap();
        assert_eq!(plain.tensors, names);
        let module = |name: &str| format!("module.{name}");
        let wrapped = match_tensors(&layout, &state_dict(&layout, module)).unwrap();
        assert_eq!(wrapped.tensors, names.iter().map(|name| module(name)).collect::<Vec<_>>());
        let both = |name: &str| module(&custom(name));
        let wrapped = match_tensors(&layout, &state_dict(&layout, both)).unwrap();
        assert_eq!(wrapped.tensors, names.iter().map(|name| both(name)).collect::<Vec<_>>());
    }

    #[test]
    fn legacy_entries_are_passed_over_and_named() {
        let layout = layout();
        let mut described = state_dict(&layout, str::to_owned);
        let whole = Described { element: Element::Whole(8), shape: vec![] };
        described.insert("input_resolution".to_owned(), whole.clone());
        described.insert("attn_mask".to_owned(), Described { shape: vec![3, 3], ..whole });
        described.get_mut("logit_scale").unwrap().shape = vec![1];
        let matched = match_tensors(&layout, &described).unwrap();
        assert_eq!(matched.ignored, ["attn_mask", "input_resolution"]);
    }

    #[test]
    fn everything_that_does_not_fit_is_said_at_once() {
        let layout = layout();
        let mut described = state_dict(&layout, str::to_owned);
        let tensor = described.remove("ln_final.bias").unwrap();
        described.insert("visual.attn_pool.query".to_owned(), tensor.clone());
        described.insert("text.visual.proj".to_owned(), tensor);
        described.get_mut("visual.positional_embedding").unwrap().shape = vec![10, 6];
        described.get_mut("text_projection").unwrap().element = Element::Whole(1);
        insta::assert_snapshot!(match_tensors(&layout, &described).unwrap_err(), @"
        the tensors are not those that the configuration describes
          missing: `ln_final.bias` [4]
          unexpected: `text.visual.proj`
          unexpected: `visual.attn_pool.query`
          of another shape: `visual.positional_embedding` is [10, 6], not [5, 6]
          not a fraction: `text_projection` holds integers
        ");
    }
}
