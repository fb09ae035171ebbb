//! A figure as data, and its SVG: panels in rows, fitted lines named above each panel, legends below all of them.
//!
//! The text depends on the figure alone. Lengths are CSS pixels; a figure of two panels is 700 wide, so that its labels
//! are about 8 points when it is printed over two columns.

use super::axis::{Direction, Range, Scale, Ticks};
use super::legend;
use super::mark::{Mark, draw_mark, line_attributes};
use super::svg::{Anchor, Style, Writer, escape, number};
use super::text::{Line, Run, plain, signed, text_width, width, wrap};

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The title above the panels; empty for none.
    pub title: String,
    /// Its panels, row by row.
    pub panels: Vec<Panel>,
    /// What colours, shapes and sizes mean.
    pub legends: Vec<Legend>,
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
}

/// A power law `y = 10^log10_beta · x^alpha` drawn from `x_min` to `x_max`.
#[derive(Debug, Clone, PartialEq)]
pub struct Law {
    /// Its name.
    pub label: String,
    /// Its exponent.
    pub alpha: f64,
    /// The logarithm of its coefficient.
    pub log10_beta: f64,
    /// Where it begins.
    pub x_min: f64,
    /// Where it ends.
    pub x_max: f64,
}

/// What one property of the marks means.
#[derive(Debug, Clone, PartialEq)]
pub struct Legend {
    /// The name of the quantity.
    pub title: String,
    /// Its values and how they look.
    pub entries: Vec<(String, Mark)>,
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
}

const TICK: f64 = 11.5;
const LABEL: f64 = 12.5;
const TITLE: f64 = 13.5;
const HEADING: f64 = 16.0;
const EDGE: f64 = 12.0;
const GAP: f64 = 15.0;
const INK: &str = "#222";

/// The SVG of a figure.
pub fn svg(figure: &Figure) -> Result<String, PlotError> {
    if figure.panels.is_empty() {
        return Err(PlotError::NoPanel);
    }
    figure.panels.iter().try_for_each(check)?;
    let layout = Layout::of(figure);
    let legends_top = layout.top + layout.rows_height(figure.panels.len());
    let rows = legend::rows(&figure.legends, layout.width - 2.0 * EDGE);
    let height = legends_top + legend::height(&rows) + EDGE;
    let mut writer = Writer::default();
    let (width_text, height_text) = (number(layout.width), number(height));
    writer.line(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width_text}\" height=\"{height_text}\" viewBox=\"0 0 \
         {width_text} {height_text}\" role=\"img\" font-family=\"sans-serif\" fill=\"{INK}\">"
    ));
    writer.line(&format!("<title>{}</title>", escape(&figure.title)));
    writer.line(&format!(
        "<rect width=\"{width_text}\" height=\"{height_text}\" fill=\"#fff\"/>"
    ));
    for (i, text) in layout.heading.iter().enumerate() {
        let at = (EDGE, EDGE + HEADING * (0.85 + 1.25 * count(i)));
        let style = Style {
            strong: true,
            ..Style::new(HEADING, Anchor::Start)
        };
        writer.text(at, &plain(text), style);
    }
    for (i, panel) in figure.panels.iter().enumerate() {
        draw_panel(&mut writer, panel, &layout.frames[i]);
    }
    legend::draw(&mut writer, &rows, (EDGE, legends_top));
    writer.line("</svg>");
    Ok(writer.finish())
}

fn check(panel: &Panel) -> Result<(), PlotError> {
    let has_place =
        |scale, value: f64| value.is_finite() && (scale == Scale::Linear || value > 0.0);
    let misplaced =
        |&&(x, y): &&(f64, f64)| !(has_place(panel.x.scale, x) && has_place(panel.y.scale, y));
    match corners(panel).iter().find(misplaced) {
        Some(&(x, y)) => Err(PlotError::NoPlace {
            panel: panel.title.clone(),
            x,
            y,
        }),
        None => Ok(()),
    }
}

/// The points of a panel and the ends of its lines.
fn corners(panel: &Panel) -> Vec<(f64, f64)> {
    let points = panel.points.iter().map(|point| (point.x, point.y));
    let ends = panel
        .laws
        .iter()
        .flat_map(|law| [law.x_min, law.x_max].map(|x| (x, law.at(x))));
    points.chain(ends).collect()
}

impl Law {
    fn at(&self, x: f64) -> f64 {
        libm::pow(10.0, self.log10_beta + self.alpha * libm::log10(x))
    }

    /// Its name and its formula, as one line or, where they do not fit side by side, as two.
    fn lines(&self, limit: f64) -> Vec<Line> {
        let beta = format!("{:.2}", libm::pow(10.0, self.log10_beta));
        let formula = vec![
            Run::Plain(format!("E = {beta} · C")),
            Run::Superscript(signed(&format!("{:.2}", self.alpha))),
        ];
        let mut together = plain(&format!("{}:  ", self.label));
        together.extend(formula.clone());
        if self.label.is_empty() {
            vec![formula]
        } else if width(&together, TICK) <= limit {
            vec![together]
        } else {
            let mut lines: Vec<Line> = wrap(&format!("{}:", self.label), TICK, limit)
                .iter()
                .map(|text| plain(text))
                .collect();
            lines.push(formula);
            lines
        }
    }
}

/// Where one panel lies.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    title: Vec<String>,
    laws: Vec<Vec<Line>>,
    x_label: Vec<String>,
    y_label: Vec<String>,
    x: (Range, Ticks),
    y: (Range, Ticks),
    /// From the left edge of the frame to the middle of the first line of the y label.
    y_label_offset: f64,
}

struct Layout {
    width: f64,
    top: f64,
    columns: usize,
    row_height: f64,
    heading: Vec<String>,
    frames: Vec<Frame>,
}

const SAMPLE: f64 = 30.0;
const LAW_LINE: f64 = TICK * 1.45;
const TITLE_LINE: f64 = TITLE * 1.25;
const LABEL_LINE: f64 = LABEL * 1.25;

impl Layout {
    /// One to three panels stand side by side, four two by two, more in rows of three.
    fn of(figure: &Figure) -> Self {
        let columns = match figure.panels.len() {
            1 => 1,
            2 | 4 => 2,
            _ => 3,
        };
        let (width, height) = [(380.0, 290.0), (270.0, 225.0), (202.0, 186.0)][columns - 1];
        let mut frames: Vec<Frame> = figure
            .panels
            .iter()
            .map(|panel| Frame::of(panel, width, height))
            .collect();
        let most = |lines: &dyn Fn(&Frame) -> f64| frames.iter().map(lines).fold(0.0, f64::max);
        let left = most(&|frame| frame.y_label_offset + LABEL_LINE * count(frame.y_label.len()));
        let title = TITLE_LINE * most(&|frame| count(frame.title.len()));
        let above =
            title + LAW_LINE * most(&|frame| count(frame.laws.iter().flatten().count())) + 8.0;
        let below = 6.0 + TICK * 1.3 + LABEL_LINE * most(&|frame| count(frame.x_label.len())) + 8.0;
        let total = 2.0 * EDGE + count(columns) * (left + width) + count(columns - 1) * GAP + 6.0;
        let heading = wrap(&figure.title, HEADING, total - 2.0 * EDGE);
        let heading_height = HEADING * 1.25 * count(heading.len());
        let top = EDGE
            + if heading.is_empty() {
                0.0
            } else {
                heading_height + 10.0
            };
        let row_height = above + height + below + GAP;
        for (i, frame) in frames.iter_mut().enumerate() {
            let (row, column) = (count(i / columns), count(i % columns));
            frame.left = EDGE + column * (left + width + GAP) + left;
            frame.top = top + row * row_height + above;
        }
        Self {
            width: total,
            top,
            columns,
            row_height,
            heading,
            frames,
        }
    }

    fn rows_height(&self, panels: usize) -> f64 {
        count(panels.div_ceil(self.columns)) * self.row_height
    }
}

impl Frame {
    fn of(panel: &Panel, width_: f64, height: f64) -> Self {
        let (x, y): (Vec<f64>, Vec<f64>) = corners(panel).into_iter().unzip();
        let x = Range::holding(panel.x.scale, &x);
        let y = Range::holding(panel.y.scale, &y);
        let x_ticks = x.ticks(Direction::Horizontal, width_, TICK);
        let y_ticks = y.ticks(Direction::Vertical, height, TICK);
        let widest = y_ticks
            .major
            .iter()
            .map(|(_, label)| width(label, TICK))
            .fold(0.0, f64::max);
        Self {
            left: 0.0,
            top: 0.0,
            width: width_,
            height,
            title: wrap(&panel.title, TITLE * 1.04, width_),
            laws: panel
                .laws
                .iter()
                .map(|law| law.lines(width_ - SAMPLE))
                .collect(),
            x_label: wrap(&panel.x.label, LABEL, width_),
            y_label: wrap(&panel.y.label, LABEL, height),
            x: (x, x_ticks),
            y: (y, y_ticks),
            y_label_offset: 7.0 + widest + 6.0,
        }
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.left + self.x.0.share(x) * self.width,
            self.top + (1.0 - self.y.0.share(y)) * self.height,
        )
    }
}

fn draw_panel(writer: &mut Writer, panel: &Panel, frame: &Frame) {
    writer.line("<g>");
    draw_names(writer, frame);
    draw_axes(writer, frame);
    for (i, law) in panel.laws.iter().enumerate() {
        // Straight on two logarithmic axes; sampled elsewhere.
        let straight = panel.x.scale == Scale::Logarithmic && panel.y.scale == Scale::Logarithmic;
        let pieces = if straight || law.x_min == law.x_max {
            1
        } else {
            64
        };
        let (first, last) = (frame.x.0.share(law.x_min), frame.x.0.share(law.x_max));
        let mut path = String::new();
        for k in 0..=pieces {
            let x = frame
                .x
                .0
                .value(first + (last - first) * (count(k) / count(pieces)));
            let (x, y) = frame.place(x, law.at(x));
            path.push_str(&format!(
                "{}{} {}",
                if k == 0 { "M" } else { "L" },
                number(x),
                number(y)
            ));
        }
        writer.line(&format!("<path d=\"{path}\" {}/>", line_attributes(i)));
    }
    let mut points: Vec<&Point> = panel.points.iter().collect();
    // Large marks first, so that none hides a smaller one.
    points.sort_by(|a, b| b.mark.radius().total_cmp(&a.mark.radius()));
    for point in points {
        draw_mark(
            writer,
            frame.place(point.x, point.y),
            point.mark,
            &point.note,
        );
    }
    writer.line("</g>");
}

/// The title of a panel, the names of its lines, the labels of its axes.
fn draw_names(writer: &mut Writer, frame: &Frame) {
    let law_lines = count(frame.laws.iter().flatten().count());
    let laws_top = frame.top - 8.0 - LAW_LINE * law_lines;
    let title_top = laws_top - TITLE_LINE * count(frame.title.len());
    let strong = Style {
        strong: true,
        ..Style::new(TITLE, Anchor::Start)
    };
    for (i, text) in frame.title.iter().enumerate() {
        let at = (frame.left, title_top + TITLE_LINE * count(i) + TITLE * 0.8);
        writer.text(at, &plain(text), strong);
    }
    let mut row = 0.0;
    for (i, lines) in frame.laws.iter().enumerate() {
        let y = laws_top + LAW_LINE * (row + 0.5);
        writer.stroke(
            (frame.left, y),
            (frame.left + SAMPLE - 7.0, y),
            &line_attributes(i),
        );
        for line in lines {
            let at = (
                frame.left + SAMPLE,
                laws_top + LAW_LINE * (row + 0.5) + TICK * 0.36,
            );
            writer.text(at, line, Style::new(TICK, Anchor::Start));
            row += 1.0;
        }
    }
    let middle = frame.left + frame.width / 2.0;
    let below = frame.top + frame.height + 6.0 + TICK * 1.3;
    for (i, text) in frame.x_label.iter().enumerate() {
        let at = (middle, below + LABEL_LINE * (count(i) + 0.8));
        writer.text(at, &plain(text), Style::new(LABEL, Anchor::Middle));
    }
    for (i, text) in frame.y_label.iter().rev().enumerate() {
        let at = (
            frame.left - frame.y_label_offset - LABEL_LINE * count(i) - 1.0,
            frame.top + frame.height / 2.0,
        );
        let style = Style {
            upwards: true,
            ..Style::new(LABEL, Anchor::Middle)
        };
        writer.text(at, &plain(text), style);
    }
}

#[allow(clippy::too_many_lines, reason = "one statement a part of the frame")]
fn draw_axes(writer: &mut Writer, frame: &Frame) {
    let (left, top) = (frame.left, frame.top);
    let (right, bottom) = (left + frame.width, top + frame.height);
    let x_at = |value: f64| left + frame.x.0.share(value) * frame.width;
    let y_at = |value: f64| bottom - frame.y.0.share(value) * frame.height;
    let mut grid = String::new();
    for (value, _) in &frame.x.1.major {
        grid.push_str(&format!(
            "M{} {}V{}",
            number(x_at(*value)),
            number(top),
            number(bottom)
        ));
    }
    for (value, _) in &frame.y.1.major {
        grid.push_str(&format!(
            "M{} {}H{}",
            number(left),
            number(y_at(*value)),
            number(right)
        ));
    }
    writer.line(&format!(
        "<path d=\"{grid}\" stroke=\"#e4e4e4\" stroke-width=\"0.8\" fill=\"none\"/>"
    ));
    let mut ticks = format!(
        "M{} {}V{}H{}",
        number(left),
        number(top),
        number(bottom),
        number(right)
    );
    let x_marks = |values: &mut dyn Iterator<Item = f64>, length: f64, path: &mut String| {
        for value in values {
            path.push_str(&format!(
                "M{} {}v{}",
                number(x_at(value)),
                number(bottom),
                number(length)
            ));
        }
    };
    x_marks(&mut frame.x.1.minor.iter().copied(), 2.5, &mut ticks);
    x_marks(
        &mut frame.x.1.major.iter().map(|tick| tick.0),
        5.0,
        &mut ticks,
    );
    let y_marks = |values: &mut dyn Iterator<Item = f64>, length: f64, path: &mut String| {
        for value in values {
            path.push_str(&format!(
                "M{} {}h{}",
                number(left),
                number(y_at(value)),
                number(-length)
            ));
        }
    };
    y_marks(&mut frame.y.1.minor.iter().copied(), 2.5, &mut ticks);
    y_marks(
        &mut frame.y.1.major.iter().map(|tick| tick.0),
        5.0,
        &mut ticks,
    );
    writer.line(&format!(
        "<path d=\"{ticks}\" stroke=\"{INK}\" stroke-width=\"0.9\" fill=\"none\"/>"
    ));
    for (value, label) in &frame.x.1.major {
        let at = (x_at(*value), bottom + 6.0 + TICK);
        writer.text(at, label, Style::new(TICK, Anchor::Middle));
    }
    for (value, label) in &frame.y.1.major {
        writer.text(
            (left - 7.0, y_at(*value) + TICK * 0.35),
            label,
            Style::new(TICK, Anchor::End),
        );
    }
}

/// The width of a legend's text at the size legends use.
pub(super) fn legend_text_width(text: &str) -> f64 {
    text_width(text, TICK)
}

/// The size of text in legends.
pub(super) const LEGEND_SIZE: f64 = TICK;

#[allow(
    clippy::cast_precision_loss,
    reason = "numbers of panels, lines and pieces"
)]
pub(super) fn count(n: usize) -> f64 {
    n as f64
}
