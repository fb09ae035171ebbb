//! Where the parts of a figure lie: a grid of frames of one size, each with its names above and its labels around it.

use super::axis::{Direction, Range, Ticks};
use super::figure::{
    EDGE, Figure, LABEL, Law, Panel, PlotError, TICK, TITLE, Width, count, heading,
};
use super::text::{Line, Run, plain, signed, width, wrap};

/// Where one panel lies.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: Vec<String>,
    /// Name and formula of each line.
    pub(super) laws: Vec<Vec<Line>>,
    /// No line where the frame below says the same.
    pub(super) x_label: Vec<String>,
    /// No line where the frame to the left says the same.
    pub(super) y_label: Vec<String>,
    pub(super) x: (Range, Ticks),
    pub(super) y: (Range, Ticks),
    /// From the left edge of the frame to the middle of the first line of the y label.
    pub(super) y_label_offset: f64,
    /// How large marks are, of what they may be: less in a small frame.
    pub(super) mark_scale: f64,
}

/// The frames of a figure, and what is above and below them.
pub(super) struct Layout {
    pub(super) width: f64,
    /// Where legends begin.
    pub(super) bottom: f64,
    /// See [`Frame::mark_scale`]; all frames are of one size.
    pub(super) mark_scale: f64,
    pub(super) heading: Vec<String>,
    pub(super) frames: Vec<Frame>,
}

/// Room for a piece of a line before its name.
pub(super) const SAMPLE: f64 = 23.0;
pub(super) const LAW_LINE: f64 = TICK * 1.4;
pub(super) const TITLE_LINE: f64 = TITLE * 1.25;
pub(super) const LABEL_LINE: f64 = LABEL * 1.2;
/// From the names above a frame to its top.
pub(super) const BELOW_NAMES: f64 = 6.0;
/// Height of the tick labels of an x axis.
pub(super) const TICK_LABELS: f64 = 7.0 + TICK * 1.25;
const COLUMN_GAP: f64 = 10.0;
const ROW_GAP: f64 = 9.0;
/// Room for the half of the last label of an x axis.
const RIGHT: f64 = 9.0;
/// The least width of a frame: a centimetre.
const FRAME_MIN: f64 = 96.0 / 2.54;

impl Layout {
    pub(super) fn of(figure: &Figure) -> Result<Self, PlotError> {
        let columns = columns(figure.width, figure.panels.len());
        let total = figure.width.units();
        let height = frame_height(figure.width, columns);
        let shows_y = |i: usize| {
            i.is_multiple_of(columns) || figure.panels[i - 1].y.label != figure.panels[i].y.label
        };
        let shows_x = |i: usize| {
            let below = figure.panels.get(i + columns);
            below.is_none_or(|below| below.x.label != figure.panels[i].x.label)
        };
        // What stands left of a frame depends on its height alone.
        let mut lefts = vec![0.0_f64; columns];
        let mut y_axes = Vec::new();
        for (i, panel) in figure.panels.iter().enumerate() {
            let axis = YAxis::of(panel, height, shows_y(i));
            lefts[i % columns] = lefts[i % columns].max(axis.room());
            y_axes.push(axis);
        }
        let rooms = lefts.iter().fold(0.0, |sum, left| sum + left);
        let gaps = COLUMN_GAP * count(columns - 1) + RIGHT;
        let width = (total - 2.0 * EDGE - rooms - gaps) / count(columns);
        if width < FRAME_MIN {
            return Err(no_room(&figure.panels, &y_axes));
        }
        let axes = figure.panels.iter().zip(y_axes).enumerate();
        let mut frames: Vec<Frame> = axes
            .map(|(i, (panel, axis))| Frame::of(panel, axis, (width, height), shows_x(i)))
            .collect();
        let (heading, heading_height) = heading(&figure.title, total - 2.0 * EDGE);
        let mut top = EDGE + heading_height;
        for row in frames.chunks_mut(columns) {
            let most = |lines: &dyn Fn(&Frame) -> f64| row.iter().map(lines).fold(0.0, f64::max);
            let titles = TITLE_LINE * most(&|frame| count(frame.title.len()));
            let laws = LAW_LINE * most(&|frame| count(frame.laws.iter().flatten().count()));
            let above = titles + laws + BELOW_NAMES;
            let labels = most(&|frame| count(frame.x_label.len()));
            let below = TICK_LABELS + LABEL_LINE * labels + ROW_GAP;
            let mut left = EDGE;
            for (frame, room) in row.iter_mut().zip(&lefts) {
                (frame.left, frame.top) = (left + room, top + above);
                left += room + width + COLUMN_GAP;
            }
            top += above + height + below;
        }
        Ok(Self { width: total, bottom: top, mark_scale: mark_scale(width), heading, frames })
    }
}

/// Names the panel whose y axis takes most room, and what of it does.
fn no_room(panels: &[Panel], y_axes: &[YAxis]) -> PlotError {
    let pairs = panels.iter().zip(y_axes);
    let widest = pairs.max_by(|a, b| a.1.room().total_cmp(&b.1.room()));
    let (panel, axis) = widest.expect("a figure has a panel");
    let what = if axis.room() > 2.0 * axis.offset {
        format!("the {} lines of its y label, which has to be shorter,", axis.label.len())
    } else {
        "the numbers along its y axis, which have too many digits,".to_owned()
    };
    PlotError::NoRoom { panel: panel.title.clone(), what }
}

fn columns(width: Width, panels: usize) -> usize {
    match (width, panels) {
        (Width::OneColumn, ..=3) | (Width::TwoColumns, 1) => 1,
        (Width::OneColumn, _) | (Width::TwoColumns, 2 | 4) => 2,
        (Width::TwoColumns, _) => 3,
    }
}

/// The height of frames, so that one is a little wider than high.
fn frame_height(width: Width, columns: usize) -> f64 {
    match (width, columns) {
        (Width::OneColumn, 1) => 200.0,
        (Width::OneColumn, _) => 105.0,
        (Width::TwoColumns, 1) => 330.0,
        (Width::TwoColumns, 2) => 225.0,
        (Width::TwoColumns, _) => 152.0,
    }
}

fn mark_scale(width: f64) -> f64 {
    (width / 260.0).clamp(0.7, 1.0)
}

/// A y axis with what is written beside it.
struct YAxis {
    range: Range,
    ticks: Ticks,
    label: Vec<String>,
    offset: f64,
}

impl YAxis {
    fn of(panel: &Panel, height: f64, shows_label: bool) -> Self {
        let values: Vec<f64> = panel.corners().into_iter().map(|corner| corner.1).collect();
        let range = Range::holding(panel.y.scale, &values);
        let ticks = range.ticks(Direction::Vertical, height, TICK);
        let widest = ticks.major.iter().map(|(_, label)| width(label, TICK)).fold(0.0, f64::max);
        let label = if shows_label { wrap(&panel.y.label, LABEL, height) } else { Vec::new() };
        Self { range, ticks, label, offset: 6.0 + widest + 4.0 }
    }

    fn room(&self) -> f64 {
        self.offset + LABEL_LINE * count(self.label.len())
    }
}

impl Frame {
    fn of(panel: &Panel, y_axis: YAxis, (width, height): (f64, f64), shows_x: bool) -> Self {
        let values: Vec<f64> = panel.corners().into_iter().map(|corner| corner.0).collect();
        let x = Range::holding(panel.x.scale, &values);
        let x_ticks = x.ticks(Direction::Horizontal, width, TICK);
        Self {
            left: 0.0,
            top: 0.0,
            width,
            height,
            title: wrap(&panel.title, TITLE * 1.04, width),
            laws: panel.laws.iter().map(|law| law.lines(width - SAMPLE)).collect(),
            x_label: if shows_x { wrap(&panel.x.label, LABEL, width) } else { Vec::new() },
            y_label: y_axis.label,
            x: (x, x_ticks),
            y: (y_axis.range, y_axis.ticks),
            y_label_offset: y_axis.offset,
            mark_scale: mark_scale(width),
        }
    }

    /// Where a value lies in the figure.
    pub(super) fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            self.left + self.x.0.share(x) * self.width,
            self.top + (1.0 - self.y.0.share(y)) * self.height,
        )
    }
}

impl Law {
    /// Its name and its formula, as one line or, where they do not fit side by side, as two.
    fn lines(&self, limit: f64) -> Vec<Line> {
        let beta = libm::pow(10.0, self.log10_beta);
        let exponent = Run::Superscript(signed(&format!("{:.2}", self.alpha)));
        // As `metrics::formula`: what two decimals do not show, or with many digits, has a power of ten.
        let scientific = format!("{beta:.2e}");
        let formula = match scientific.split_once('e') {
            Some((factor, power)) if !(0.005..1e9).contains(&beta) => vec![
                Run::Plain(format!("E = {factor}×10")),
                Run::Superscript(signed(power)),
                Run::Plain(" · C".to_owned()),
                exponent,
            ],
            _ => vec![Run::Plain(format!("E = {beta:.2} · C")), exponent],
        };
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
