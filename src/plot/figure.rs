//! A figure as data, and its SVG: panels in rows, fitted lines named above each panel, legends below all of them.
//!
//! The text depends on the figure alone. A figure is as wide as a journal prints it, 84 or 174 mm, and lengths are CSS
//! pixels at that size, 96 an inch: no text is smaller than 6.5 points.

use super::axis::Scale;
use super::layout::Layout;
use super::legend;
use super::mark::{Mark, Stroke};
use super::panel::draw_panel;
use super::svg::{Anchor, Style, Writer, escape, number};
use super::text::plain;

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The title above the panels; empty for none.
    pub title: String,
    /// What it shows, for readers who do not see it; empty for nothing.
    pub caption: String,
    /// The width it is printed at.
    pub width: Width,
    /// Its panels, row by row.
    pub panels: Vec<Panel>,
    /// What colours, shapes, sizes and dashes mean.
    pub legends: Vec<Legend>,
}

/// The width a figure is printed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 84 mm: up to three panels stand below each other, more in two columns.
    OneColumn,
    /// 174 mm: one to three panels stand side by side, four two by two, more in rows of three.
    TwoColumns,
}

/// One pair of axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Its title.
    pub title: String,
    /// The x axis.
    pub x: Axis,
    /// The y axis.
    pub y: Axis,
    /// Its points.
    pub points: Vec<Point>,
    /// Its curves.
    pub curves: Vec<Curve>,
    /// Its fitted lines.
    pub laws: Vec<Law>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Its label, unit included.
    pub label: String,
    /// How values are spread along it.
    pub scale: Scale,
}

/// A point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its x.
    pub x: f64,
    /// Its y.
    pub y: f64,
    /// How it looks.
    pub mark: Mark,
    /// What it says when a reader points at it.
    pub note: String,
    /// What is written beside it; empty for nothing.
    pub label: String,
}

/// Points joined by straight lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The points `(x, y)` in order.
    pub points: Vec<(f64, f64)>,
    /// How it looks.
    pub stroke: Stroke,
    /// What it says when a reader points at it.
    pub note: String,
}

/// A power law `y = 10^log10_beta · x^alpha`.
#[derive(Debug, Clone, PartialEq)]
pub struct Law {
    /// Its name.
    pub label: String,
    /// Its exponent.
    pub alpha: f64,
    /// The logarithm of its coefficient.
    pub log10_beta: f64,
    /// The least and the largest x of the points it was fitted to: there it is drawn as [`Law::stroke`] says.
    pub fitted: (f64, f64),
    /// The least and the largest x it is drawn to, dashed outside `fitted`.
    pub drawn: (f64, f64),
    /// How it looks.
    pub stroke: Stroke,
}

/// What one property of the marks means.
#[derive(Debug, Clone, PartialEq)]
pub struct Legend {
    /// The name of the quantity.
    pub title: String,
    /// Its values and how they look.
    pub entries: Vec<(String, Sample)>,
}

/// What stands before an entry of a legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
    /// A point.
    Mark(Mark),
    /// A piece of line.
    Stroke(Stroke),
}

/// A figure that cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// There is nothing to draw.
    #[error("the figure has no panel")]
    NoPanel,
    /// A point has no place on its axes.
    #[error("panel `{panel}`: ({x}, {y}) has no place on its axes")]
    NoPlace {
        /// The panel.
        panel: String,
        /// The point's x.
        x: f64,
        /// The point's y.
        y: f64,
    },
    /// What stands left of the frames takes their room.
    #[error("panel `{panel}`: {what} leave no room to draw in")]
    NoRoom {
        /// The panel.
        panel: String,
        /// What takes the room.
        what: String,
    },
}

/// Font sizes: 7 points for ticks, formulas and legends, 7.5 for axes, 8 for panels, 9.5 for the figure.
pub(super) const TICK: f64 = 9.4;
pub(super) const LABEL: f64 = 10.0;
pub(super) const TITLE: f64 = 10.8;
const HEADING: f64 = 12.7;
pub(super) const EDGE: f64 = 8.0;
pub(super) const INK: &str = "#222";

/// The SVG of a figure.
pub fn svg(figure: &Figure) -> Result<String, PlotError> {
    if figure.panels.is_empty() {
        return Err(PlotError::NoPanel);
    }
    figure.panels.iter().try_for_each(check)?;
    let layout = Layout::of(figure)?;
    let rows = legend::rows(&figure.legends, layout.width - 2.0 * EDGE);
    let height = layout.bottom + legend::height(&rows) + EDGE;
    let mut writer = Writer::default();
    let (width_text, height_text) = (number(layout.width), number(height));
    let millimetres = |units: f64| number(units * 25.4 / 96.0);
    writer.line(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {width_text} \
         {height_text}\" role=\"img\" font-family=\"sans-serif\" fill=\"{INK}\">",
        millimetres(layout.width),
        millimetres(height)
    ));
    writer.line(&format!("<title>{}</title>", escape(&figure.title)));
    if !figure.caption.is_empty() {
        writer.line(&format!("<desc>{}</desc>", escape(&figure.caption)));
    }
    writer.line(&format!("<rect width=\"{width_text}\" height=\"{height_text}\" fill=\"#fff\"/>"));
    for (i, text) in layout.heading.iter().enumerate() {
        let at = (EDGE, EDGE + HEADING * (0.85 + 1.25 * count(i)));
        let style = Style { strong: true, ..Style::new(HEADING, Anchor::Start) };
        writer.text(at, &plain(text), style);
    }
    for (panel, frame) in figure.panels.iter().zip(&layout.frames) {
        draw_panel(&mut writer, panel, frame);
    }
    legend::draw(&mut writer, &rows, (EDGE, layout.bottom), layout.mark_scale);
    writer.line("</svg>");
    Ok(writer.finish())
}

fn check(panel: &Panel) -> Result<(), PlotError> {
    let has_place = |scale, value: f64| match scale {
        // The difference of two values has to be finite, too, with room at both ends.
        Scale::Linear => value.abs() <= f64::MAX / 4.0,
        Scale::Logarithmic => value > 0.0 && value.is_finite(),
    };
    let misplaced =
        |&&(x, y): &&(f64, f64)| !(has_place(panel.x.scale, x) && has_place(panel.y.scale, y));
    match panel.corners().iter().find(misplaced) {
        Some(&(x, y)) => Err(PlotError::NoPlace { panel: panel.title.clone(), x, y }),
        None => Ok(()),
    }
}

impl Width {
    /// In CSS pixels.
    pub(super) fn units(self) -> f64 {
        match self {
            Self::OneColumn => 84.0 * 96.0 / 25.4,
            Self::TwoColumns => 174.0 * 96.0 / 25.4,
        }
    }
}

impl Panel {
    /// Everything that must lie on the axes: points, points of curves, ends of lines.
    pub(super) fn corners(&self) -> Vec<(f64, f64)> {
        let points = self.points.iter().map(|point| (point.x, point.y));
        let curves = self.curves.iter().flat_map(|curve| curve.points.iter().copied());
        let ends =
            self.laws.iter().flat_map(|law| [law.drawn.0, law.drawn.1].map(|x| (x, law.at(x))));
        points.chain(curves).chain(ends).collect()
    }
}

impl Law {
    /// Its y at x.
    pub(super) fn at(&self, x: f64) -> f64 {
        libm::pow(10.0, self.log10_beta + self.alpha * libm::log10(x))
    }
}

/// The lines and height of the figure's title.
pub(super) fn heading(title: &str, width: f64) -> (Vec<String>, f64) {
    let lines = super::text::wrap(title, HEADING, width);
    let height = if lines.is_empty() { 0.0 } else { HEADING * 1.25 * count(lines.len()) + 7.0 };
    (lines, height)
}

#[allow(clippy::cast_precision_loss, reason = "numbers of panels, lines and pieces")]
pub(super) fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::super::mark::Ink;
    use super::*;

    fn figure(x: (f64, f64), y: (f64, f64), law: Option<Law>) -> Figure {
        let axis = || Axis { label: "v".to_owned(), scale: Scale::Linear };
        let point =
            |x, y| Point { x, y, mark: Mark::PLAIN, note: String::new(), label: String::new() };
        let panel = Panel {
            title: "p".to_owned(),
            x: axis(),
            y: axis(),
            points: vec![point(x.0, y.0), point(x.1, y.1)],
            curves: Vec::new(),
            laws: law.into_iter().collect(),
        };
        Figure {
            title: String::new(),
            caption: String::new(),
            width: Width::OneColumn,
            panels: vec![panel],
            legends: Vec::new(),
        }
    }

    /// 7e14 is 7e17 times 1e-3: beside it, the line's beginning is lost in rounding.
    #[test]
    fn a_line_that_begins_near_zero_of_a_long_linear_axis_is_finite() {
        for alpha in [-0.05, 0.5] {
            let law = Law {
                label: String::new(),
                alpha,
                log10_beta: -0.3,
                fitted: (1e-3, 7e14),
                drawn: (1e-3, 7e14),
                stroke: Stroke::plain(Ink::Series(0)),
            };
            let text = svg(&figure((1e-3, 7e14), (0.1, 0.9), Some(law))).unwrap();
            assert!(!text.contains("inf") && !text.contains("NaN"), "{text}");
        }
    }

    #[test]
    fn a_frame_is_never_narrower_than_a_centimetre() {
        let mut figure = figure((1.0, 2.0), (0.1, 0.9), None);
        figure.panels[0].y.label = "word ".repeat(600);
        let error = svg(&figure).unwrap_err().to_string();
        let expected = "lines of its y label, which has to be shorter, leave no room to draw in";
        assert!(error.starts_with("panel `p`: the ") && error.ends_with(expected), "{error}");
        // Numbers of eighteen characters, twice in 84 mm.
        let point = figure.panels[0].points[0].clone();
        let near = [-1000.0, -1000.0 - 1e-11].map(|y| Point { y, ..point.clone() });
        figure.panels[0].y.label = String::new();
        figure.panels[0].points = near.to_vec();
        figure.panels = vec![figure.panels[0].clone(); 4];
        let error = svg(&figure).unwrap_err().to_string();
        assert!(error.starts_with("panel `p`: the numbers along its y axis"), "{error}");
    }

    #[test]
    fn a_coefficient_that_two_decimals_do_not_show_has_a_power_of_ten() {
        let shown = |log10_beta: f64| {
            let law = Law {
                label: String::new(),
                alpha: -0.5,
                log10_beta,
                fitted: (1.0, 2.0),
                drawn: (1.0, 2.0),
                stroke: Stroke::plain(Ink::Series(0)),
            };
            svg(&figure((1.0, 2.0), (0.1, 0.9), Some(law))).unwrap()
        };
        assert!(shown(0.0).contains(">E = 1.00 · C<"));
        assert!(shown(-5.0).contains(">E = 1.00×10<tspan"));
        assert!(shown(-5.0).contains(">−5</tspan><tspan dy=\"3.38\"> · C</tspan>"));
        assert!(shown(300.0).contains(">300</tspan>"));
    }

    #[test]
    fn values_too_far_apart_have_no_place() {
        let text = svg(&figure((-4e307, 4e307), (0.0, 1.0), None)).unwrap();
        assert!(!text.contains("inf") && !text.contains("NaN"), "{text}");
        let mut figure = figure((1e-300, 1.7e308), (0.0, 1.0), None);
        let error = svg(&figure).unwrap_err();
        assert!(matches!(error, PlotError::NoPlace { .. }), "{error}");
        figure.panels[0].x.scale = Scale::Logarithmic;
        assert!(!svg(&figure).unwrap().contains("inf"));
    }
}
