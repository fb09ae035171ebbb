//! One panel as SVG: its names, its axes, its lines, its points and what is written beside them.

use super::axis::Scale;
use super::figure::{INK, LABEL, Law, Panel, Point, TICK, TITLE, count};
use super::labels::{self, Box2, Placed};
use super::layout::{BELOW_NAMES, Frame, LABEL_LINE, LAW_LINE, SAMPLE, TICK_LABELS, TITLE_LINE};
use super::mark::draw_mark;
use super::svg::{Anchor, Style, Writer, escape, number};
use super::text::plain;

pub(super) fn draw_panel(writer: &mut Writer, panel: &Panel, frame: &Frame) {
    writer.line("<g>");
    draw_names(writer, panel, frame);
    draw_axes(writer, frame);
    for curve in &panel.curves {
        let corners: Vec<_> = curve.points.iter().map(|&corner| frame.place(corner)).collect();
        let attributes = curve.stroke.attributes(1.1);
        let path = path(&corners);
        let note = escape(&curve.note);
        writer.line(&format!("<path d=\"{path}\" {attributes}><title>{note}</title></path>"));
    }
    let mut traces = Vec::new();
    for law in &panel.laws {
        let pieces = [
            (law.drawn.0, law.fitted.0, false),
            (law.fitted.0, law.fitted.1, true),
            (law.fitted.1, law.drawn.1, false),
        ];
        for (from, to, is_fitted) in pieces {
            if is_fitted || from < to {
                let corners = trace(panel, frame, law, (from, to));
                let attributes = if is_fitted {
                    law.stroke.attributes(1.3)
                } else {
                    law.stroke.extrapolated().attributes(1.1)
                };
                writer.line(&format!("<path d=\"{}\" {attributes}/>", path(&corners)));
                traces.push(corners);
            }
        }
    }
    let mut points: Vec<&Point> = panel.points.iter().collect();
    // Large marks first, so that none hides a smaller one; hollow ones last.
    points.sort_by(|a, b| {
        a.mark.hollow.cmp(&b.mark.hollow).then(b.mark.size.total_cmp(&a.mark.size))
    });
    for point in points {
        draw_mark(
            writer,
            frame.place((point.x, point.y)),
            (point.mark, frame.mark_scale),
            &point.note,
        );
    }
    for label in place_labels(panel, frame, &traces) {
        draw_label(writer, &label);
    }
    writer.line("</g>");
}

/// The corners of a line between two x: its ends on two logarithmic axes, where it is straight, else 64 pieces.
fn trace(panel: &Panel, frame: &Frame, law: &Law, (from, to): (f64, f64)) -> Vec<(f64, f64)> {
    let straight = panel.x.scale == Scale::Logarithmic && panel.y.scale == Scale::Logarithmic;
    let pieces = if straight || from == to { 1 } else { 64 };
    let (first, last) = (frame.x.0.share(from), frame.x.0.share(to));
    let share = |k: usize| first + (last - first) * (count(k) / count(pieces));
    (0..=pieces)
        .map(|k| {
            // Near zero, a long linear axis has no place between the line's beginning and values without a logarithm.
            let x = frame.x.0.value(share(k)).clamp(from, to);
            frame.place((x, law.at(x)))
        })
        .collect()
}

fn path(corners: &[(f64, f64)]) -> String {
    let corner = |(i, (x, y)): (usize, &(f64, f64))| {
        format!("{}{} {}", if i == 0 { "M" } else { "L" }, number(*x), number(*y))
    };
    corners.iter().enumerate().map(corner).collect()
}

/// The labels of points, where they touch neither points nor lines nor each other, as far as there is room.
fn place_labels(panel: &Panel, frame: &Frame, traces: &[Vec<(f64, f64)>]) -> Vec<Placed> {
    let wanted: Vec<_> = panel
        .points
        .iter()
        .filter(|point| !point.label.is_empty())
        .map(|point| labels::Wanted {
            at: frame.place((point.x, point.y)),
            radius: point.mark.radius(frame.mark_scale),
            text: point.label.clone(),
        })
        .collect();
    let marks = panel.points.iter().map(|point| {
        let (x, y) = frame.place((point.x, point.y));
        let r = point.mark.radius(frame.mark_scale) + 0.5;
        Box2 { left: x - r, top: y - r, right: x + r, bottom: y + r }
    });
    let inside = Box2 {
        left: frame.left + 1.5,
        top: frame.top + 1.5,
        right: frame.left + frame.width - 1.5,
        bottom: frame.top + frame.height - 1.5,
    };
    labels::place(&wanted, &marks.collect::<Vec<_>>(), traces, inside)
}

fn draw_label(writer: &mut Writer, label: &Placed) {
    if let Some((from, to)) = label.leader {
        writer.stroke(from, to, "stroke=\"#888\" stroke-width=\"0.6\" fill=\"none\"");
    }
    let at = (label.area.left, label.area.bottom - labels::SIZE * 0.24);
    writer.text(at, &plain(&label.text), Style::new(labels::SIZE, Anchor::Start));
}

/// The title of a panel, the names of its lines, the labels of its axes.
fn draw_names(writer: &mut Writer, panel: &Panel, frame: &Frame) {
    let law_lines = count(frame.laws.iter().flatten().count());
    let laws_top = frame.top - BELOW_NAMES - LAW_LINE * law_lines;
    let title_top = laws_top - TITLE_LINE * count(frame.title.len());
    let strong = Style { strong: true, ..Style::new(TITLE, Anchor::Start) };
    for (i, text) in frame.title.iter().enumerate() {
        let at = (frame.left, title_top + TITLE_LINE * count(i) + TITLE * 0.8);
        writer.text(at, &plain(text), strong);
    }
    let mut row = 0.0;
    for (law, lines) in panel.laws.iter().zip(&frame.laws) {
        let y = laws_top + LAW_LINE * (row + 0.5);
        let sample = law.stroke.attributes(1.3);
        writer.stroke((frame.left, y), (frame.left + SAMPLE - 5.0, y), &sample);
        for line in lines {
            let at = (frame.left + SAMPLE, laws_top + LAW_LINE * (row + 0.5) + TICK * 0.36);
            writer.text(at, line, Style::new(TICK, Anchor::Start));
            row += 1.0;
        }
    }
    let middle = frame.left + frame.width / 2.0;
    let below = frame.top + frame.height + TICK_LABELS;
    for (i, text) in frame.x_label.iter().enumerate() {
        let at = (middle, below + LABEL_LINE * (count(i) + 0.8));
        writer.text(at, &plain(text), Style::new(LABEL, Anchor::Middle));
    }
    for (i, text) in frame.y_label.iter().rev().enumerate() {
        let at = (
            frame.left - frame.y_label_offset - LABEL_LINE * count(i) - 1.0,
            frame.top + frame.height / 2.0,
        );
        let style = Style { upwards: true, ..Style::new(LABEL, Anchor::Middle) };
        writer.text(at, &plain(text), style);
    }
}

fn draw_axes(writer: &mut Writer, frame: &Frame) {
    let (left, top) = (frame.left, frame.top);
    let (right, bottom) = (left + frame.width, top + frame.height);
    let x_at = |value: f64| left + frame.x.0.share(value) * frame.width;
    let y_at = |value: f64| bottom - frame.y.0.share(value) * frame.height;
    let mut grid = String::new();
    for (value, _) in &frame.x.1.major {
        grid.push_str(&format!("M{} {}V{}", number(x_at(*value)), number(top), number(bottom)));
    }
    for (value, _) in &frame.y.1.major {
        grid.push_str(&format!("M{} {}H{}", number(left), number(y_at(*value)), number(right)));
    }
    writer.line(&format!(
        "<path d=\"{grid}\" stroke=\"#e6e6e6\" stroke-width=\"0.6\" fill=\"none\"/>"
    ));
    let mut ticks =
        format!("M{} {}V{}H{}", number(left), number(top), number(bottom), number(right));
    let mut x_mark = |value: f64, length: f64| {
        ticks.push_str(&format!("M{} {}v{}", number(x_at(value)), number(bottom), number(length)));
    };
    frame.x.1.minor.iter().for_each(|value| x_mark(*value, 2.0));
    frame.x.1.major.iter().for_each(|tick| x_mark(tick.0, 4.0));
    let mut y_mark = |value: f64, length: f64| {
        ticks.push_str(&format!("M{} {}h{}", number(left), number(y_at(value)), number(-length)));
    };
    frame.y.1.minor.iter().for_each(|value| y_mark(*value, 2.0));
    frame.y.1.major.iter().for_each(|tick| y_mark(tick.0, 4.0));
    writer.line(&format!(
        "<path d=\"{ticks}\" stroke=\"{INK}\" stroke-width=\"0.8\" fill=\"none\"/>"
    ));
    for (value, label) in &frame.x.1.major {
        let at = (x_at(*value), bottom + 5.0 + TICK);
        writer.text(at, label, Style::new(TICK, Anchor::Middle));
    }
    for (value, label) in &frame.y.1.major {
        writer.text((left - 6.0, y_at(*value) + TICK * 0.35), label, Style::new(TICK, Anchor::End));
    }
}
