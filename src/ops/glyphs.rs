//! Texts of figures held against the fonts that figures are drawn with.

use crate::plot::without_glyph;
use crate::spec::experiment::{Experiment, Figure};

/// Where a figure states a text with characters that PNG and PDF cannot show. What its tables hold is not looked at.
pub(super) fn check_glyphs(experiment: &Experiment) -> Vec<(String, String)> {
    let figures = experiment.figures.iter().enumerate();
    let texts = figures.flat_map(|(i, figure)| texts_of(&format!("figures[{i}]"), figure));
    let found = texts.flat_map(|(at, text)| {
        let missing = without_glyph(text).into_iter();
        missing.map(move |c| (at.clone(), message(c)))
    });
    found.collect()
}

fn message(c: char) -> String {
    format!("`{c}` (U+{:04X}) is in no font that figures are drawn with", u32::from(c))
}

/// Every text of a figure that is drawn, with its path.
fn texts_of<'e>(at: &str, figure: &'e Figure) -> Vec<(String, &'e str)> {
    let mut texts = vec![(format!("{at}.title"), figure.title.as_str())];
    for (i, legend) in figure.legends.iter().enumerate() {
        let at = format!("{at}.legends[{i}]");
        texts.push((format!("{at}.title"), &legend.title));
        let values = legend.values.iter().enumerate();
        texts.extend(values.map(|(i, v)| (format!("{at}.values[{i}].shown"), v.shown.as_str())));
    }
    for (i, panel) in figure.panels.iter().enumerate() {
        let at = format!("{at}.panels[{i}]");
        texts.push((format!("{at}.name"), &panel.name));
        texts.push((format!("{at}.x.label"), &panel.x.label));
        texts.push((format!("{at}.y.label"), &panel.y.label));
        for (i, series) in panel.series.iter().enumerate() {
            let at = format!("{at}.series[{i}]");
            texts.push((format!("{at}.name"), &series.name));
            let predictions = series.predictions.iter().enumerate();
            texts.extend(
                predictions
                    .map(|(i, p)| (format!("{at}.predictions[{i}].label"), p.label.as_str())),
            );
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::experiment::testing::example;

    #[test]
    fn a_character_without_a_glyph_is_found_where_it_is_stated() {
        let mut experiment = example();
        assert_eq!(check_glyphs(&experiment), []);
        let panel = &mut experiment.figures[0].panels[0];
        panel.x.label = "rate (s⁻¹)".to_owned();
        panel.y.label = "x₁ 猫".to_owned();
        let found = (
            "figures[0].panels[0].y.label",
            "`猫` (U+732B) is in no font that figures are drawn with",
        );
        assert_eq!(check_glyphs(&experiment), [(found.0.to_owned(), found.1.to_owned())]);
    }
}
