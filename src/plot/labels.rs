//! Texts beside points: each at the nearest of many places that touches nothing.
//!
//! They are placed one after the other, then each anew beside the others, until none moves. A place that touches
//! something is taken only where there is no other; then the one that covers least is.

use super::text::text_width;

/// The font size of labels: 6.5 points.
pub(super) const SIZE: f64 = 8.7;

/// A rectangle; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Box2 {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A text that should stand beside a mark.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// The middle of the mark.
    pub(super) at: (f64, f64),
    pub(super) radius: f64,
    pub(super) text: String,
}

/// A text with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) area: Box2,
    pub(super) text: String,
    /// A thin line from the mark, where the text is not right beside it.
    pub(super) leader: Option<((f64, f64), (f64, f64))>,
}

const DIAGONAL: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Sixteen directions, the one that is tried first first: up to the right, where falling lines leave room.
const DIRECTIONS: [(f64, f64); 16] = [
    (DIAGONAL, -DIAGONAL),
    (1.0, 0.0),
    (0.9239, -0.3827),
    (0.3827, -0.9239),
    (0.0, -1.0),
    (-DIAGONAL, DIAGONAL),
    (-1.0, 0.0),
    (-0.9239, 0.3827),
    (-0.3827, 0.9239),
    (0.0, 1.0),
    (-DIAGONAL, -DIAGONAL),
    (-0.3827, -0.9239),
    (-0.9239, -0.3827),
    (DIAGONAL, DIAGONAL),
    (0.3827, 0.9239),
    (0.9239, 0.3827),
];
/// From the edge of a mark to the text.
const DISTANCES: [f64; 9] = [2.0, 6.0, 11.0, 17.0, 24.0, 32.0, 42.0, 54.0, 68.0];
/// Rounds after the first.
const ROUNDS: usize = 6;

/// Places the texts. `marks` are the areas of all points, `traces` the corners of lines.
pub(super) fn place(
    wanted: &[Wanted],
    marks: &[Box2],
    traces: &[Vec<(f64, f64)>],
    inside: Box2,
) -> Vec<Placed> {
    let surroundings = Surroundings { marks, traces, inside };
    let mut placed: Vec<Placed> = Vec::with_capacity(wanted.len());
    for label in wanted {
        let best = surroundings.best(label, &placed);
        placed.push(best);
    }
    for _ in 0..ROUNDS {
        let mut moved = false;
        for (i, label) in wanted.iter().enumerate() {
            let mut others = placed.clone();
            others.remove(i);
            let best = surroundings.best(label, &others);
            moved |= best != placed[i];
            placed[i] = best;
        }
        if !moved {
            break;
        }
    }
    placed
}

/// What labels must not touch.
struct Surroundings<'a> {
    marks: &'a [Box2],
    traces: &'a [Vec<(f64, f64)>],
    inside: Box2,
}

impl Surroundings<'_> {
    /// The place that covers least, the first of equal ones. One that touches nothing is better than any other, however
    /// near that is and however little it covers.
    fn best(&self, label: &Wanted, others: &[Placed]) -> Placed {
        let mut best: Option<((bool, f64), Placed)> = None;
        for distance in DISTANCES {
            for direction in DIRECTIONS {
                let candidate = candidate(label, direction, distance);
                let harm = self.harm(label.at, &candidate, others);
                let cost = (harm > 0.0, harm + 1e-6 * distance);
                if best.as_ref().is_none_or(|best| cost < best.0) {
                    best = Some((cost, candidate));
                }
            }
        }
        best.expect("there are places to try").1
    }

    /// How much a place of a label at a point covers, in units of length and area; 0 for a place that touches nothing. That
    /// a leader begins inside its own mark, or one that lies on top of it, is no harm.
    fn harm(&self, at: (f64, f64), candidate: &Placed, others: &[Placed]) -> f64 {
        let (area, inside) = (&candidate.area, &self.inside);
        let outside = (inside.left - area.left).max(0.0)
            + (area.right - inside.right).max(0.0)
            + (inside.top - area.top).max(0.0)
            + (area.bottom - inside.bottom).max(0.0);
        let mut harm = 1_000.0 * outside;
        for mark in self.marks {
            harm += area.common(mark);
            if let Some((from, to)) = candidate.leader
                && !mark.contains(at)
            {
                harm += 0.5 * mark.length_inside(from, to);
            }
        }
        for other in others {
            harm += 10.0 * area.grown(0.8).common(&other.area);
            harm += other.leader.map_or(0.0, |(from, to)| 5.0 * area.length_inside(from, to));
            let own = |(from, to)| 5.0 * other.area.length_inside(from, to);
            harm += candidate.leader.map_or(0.0, own);
        }
        for corners in self.traces {
            for pair in corners.windows(2) {
                harm += area.grown(0.8).length_inside(pair[0], pair[1]);
            }
        }
        harm
    }
}

/// The text at a distance from its mark: the side or corner that faces the mark touches the ray.
fn candidate(label: &Wanted, (dx, dy): (f64, f64), distance: f64) -> Placed {
    let (width, height) = (text_width(&label.text, SIZE), SIZE * 1.1);
    let reach = label.radius + distance;
    let (x, y) = (label.at.0 + dx * reach, label.at.1 + dy * reach);
    let facing = |d: f64| (1.0 - (d * std::f64::consts::SQRT_2).clamp(-1.0, 1.0)) / 2.0;
    let (left, top) = (x - width * facing(dx), y - height * facing(dy));
    let area = Box2 { left, top, right: left + width, bottom: top + height };
    let from = (label.at.0 + dx * label.radius, label.at.1 + dy * label.radius);
    let leader = (distance > 8.0).then_some((from, (x - dx * 1.5, y - dy * 1.5)));
    Placed { area, text: label.text.clone(), leader }
}

impl Box2 {
    fn grown(self, by: f64) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }

    fn contains(&self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    /// The area that two rectangles share.
    fn common(&self, other: &Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// The length of the part of a straight line that lies inside (Liang and Barsky's clipping).
    fn length_inside(&self, from: (f64, f64), to: (f64, f64)) -> f64 {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
        for (step, room) in [
            (-dx, from.0 - self.left),
            (dx, self.right - from.0),
            (-dy, from.1 - self.top),
            (dy, self.bottom - from.1),
        ] {
            if step == 0.0 {
                if room < 0.0 {
                    return 0.0;
                }
            } else if step < 0.0 {
                enters = enters.max(room / step);
            } else {
                leaves = leaves.min(room / step);
            }
        }
        (leaves - enters).max(0.0) * libm::sqrt(dx * dx + dy * dy)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDE: Box2 = Box2 { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };

    fn mark((x, y): (f64, f64), r: f64) -> Box2 {
        Box2 { left: x - r, top: y - r, right: x + r, bottom: y + r }
    }

    #[test]
    fn the_length_inside_a_rectangle_by_hand() {
        let area = mark((0.0, 0.0), 1.0);
        assert!((area.length_inside((-5.0, 0.0), (5.0, 0.0)) - 2.0).abs() < 1e-12);
        assert_eq!(area.length_inside((-5.0, 2.0), (5.0, 2.0)), 0.0);
        assert_eq!(area.length_inside((0.0, 0.0), (0.0, 0.5)), 0.5);
        assert!((area.length_inside((-3.0, -3.0), (3.0, 3.0)) - libm::sqrt(8.0)).abs() < 1e-12);
    }

    #[test]
    fn a_lone_label_stands_right_beside_its_mark() {
        let wanted = Wanted { at: (100.0, 100.0), radius: 4.0, text: "H/14".to_owned() };
        let placed = place(&[wanted], &[mark((100.0, 100.0), 4.0)], &[], WIDE);
        assert!(placed[0].leader.is_none() && placed[0].area.bottom < 100.0, "{placed:?}");
    }

    /// No label of points near a line touches another, a mark or the line.
    fn nothing_overlaps(points: &[(f64, f64)]) {
        let marks: Vec<_> = points.iter().map(|&at| mark(at, 4.0)).collect();
        let wanted: Vec<_> = points
            .iter()
            .map(|&at| Wanted { at, radius: 3.5, text: "G/14 68B".to_owned() })
            .collect();
        let line = vec![(0.0, 20.0), (400.0, 280.0)];
        let placed = place(&wanted, &marks, &[line], WIDE);
        for (i, label) in placed.iter().enumerate() {
            assert!(marks.iter().all(|mark| label.area.common(mark) == 0.0));
            assert!(placed[..i].iter().all(|other| label.area.common(&other.area) == 0.0));
            assert_eq!(label.area.length_inside((0.0, 20.0), (400.0, 280.0)), 0.0);
        }
    }

    /// The nearest place covers so little that its nearness would outweigh it.
    #[test]
    fn a_place_that_touches_a_little_is_left_for_one_that_touches_nothing() {
        nothing_overlaps(&[
            (245.974_611_809_055_23, 205.619_776_960_924_27),
            (260.521_585_877_927_35, 201.570_655_286_642_82),
        ]);
    }

    proptest! {
        /// Up to six labels near a line find places, if their points do not crowd: one too near another is left out.
        #[test]
        fn nothing_overlaps_where_there_is_room(
            drawn in prop::collection::vec((60.0..340.0_f64, 60.0..240.0_f64), 1..10)
        ) {
            let mut points: Vec<(f64, f64)> = Vec::new();
            for (x, y) in drawn {
                let is_apart = |&(u, v): &(f64, f64)| libm::hypot(x - u, y - v) >= 40.0;
                if points.len() < 6 && points.iter().all(is_apart) {
                    points.push((x, y));
                }
            }
            nothing_overlaps(&points);
        }
    }
}
