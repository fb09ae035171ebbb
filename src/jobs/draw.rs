//! Draws a figure: `points` (CSV) and `fits` (JSON) to `figure.svg`.
//!
//! The values of a column that steers marks are ordered by the quantity they end in where they have one (`glyphs-2k`,
//! `34B`, `256000`), the others after them by the smallest x they occur at. A legend is made of every such column.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::files::{bad_input, read_text, write_text};
use super::selection::{Selected, select};
use super::{JobContext, JobError};
use crate::action::params::{Axis, Draw, MarkRole, Panel, Series};
use crate::metrics::fits::{FitRecord, MethodRecord, decode};
use crate::plot::table::{Table, number_text};
use crate::plot::{self, Figure, Law, Legend, Mark, Point, Scale};

/// Reads `points` and `fits` and writes `figure.svg`.
pub(super) fn run(params: &Draw, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let points = read_text(context, "points")?;
    let table = Table::parse(&points).map_err(|error| bad_input("points", &error))?;
    let fits = decode(&read_text(context, "fits")?).map_err(|error| bad_input("fits", &error))?;
    write_text(context, "figure.svg", &svg(params, &table, &fits)?)
}

/// The SVG of the figure.
fn svg(params: &Draw, table: &Table, fits: &[FitRecord]) -> Result<String, JobError> {
    let selections = Selections::of(params, table)?;
    let marks = Marks::of(params, table, &selections)?;
    let panel = |(panel, selected): (&Panel, &Vec<Vec<Selected>>)| plot::Panel {
        title: panel.name.clone(),
        x: axis(&panel.x),
        y: axis(&panel.y),
        points: panel
            .series
            .iter()
            .zip(selected)
            .flat_map(|(series, selected)| {
                selected.iter().map(|point| marks.point(series, table, point)).collect::<Vec<_>>()
            })
            .collect(),
        laws: laws(panel, fits),
    };
    let panels = params.panels.iter().zip(&selections.0).map(panel).collect();
    let figure = Figure { title: params.title.clone(), panels, legends: marks.legends() };
    plot::svg(&figure).map_err(|error| bad_input("points", &error))
}

/// Selected rows by panel and series.
struct Selections(Vec<Vec<Vec<Selected>>>);

impl Selections {
    fn of(params: &Draw, table: &Table) -> Result<Self, JobError> {
        let select = |series: &Series| {
            select(table, &series.points).map_err(|error| bad_input("points", &error))
        };
        let panel = |panel: &Panel| panel.series.iter().map(select).collect();
        Ok(Self(params.panels.iter().map(panel).collect::<Result<_, _>>()?))
    }
}

fn axis(axis: &Axis) -> plot::Axis {
    let scale = if axis.logarithmic { Scale::Logarithmic } else { Scale::Linear };
    plot::Axis { label: axis.label.clone(), scale }
}

/// The lines of a panel, series by series. A name says what tells a line from the others of its panel.
fn laws(panel: &Panel, fits: &[FitRecord]) -> Vec<Law> {
    let fits: Vec<_> = panel
        .series
        .iter()
        .flat_map(|series| {
            fits.iter().filter(|fit| fit.panel == panel.name && fit.series == series.name)
        })
        .collect();
    let several_series = fits.iter().any(|fit| fit.series != fits[0].series);
    let label = |fit: &FitRecord| {
        let method = match fit.method {
            MethodRecord::LeastSquares => "all points",
            MethodRecord::BinnedMinimum { .. } => "bin minima",
        };
        let several_methods = fits.iter().filter(|other| other.series == fit.series).count() > 1;
        match (several_series, several_methods) {
            (true, true) => format!("{}, {method}", fit.series),
            (false, true) => method.to_owned(),
            (_, false) => fit.series.clone(),
        }
    };
    let law = |fit: &&FitRecord| Law {
        label: label(fit),
        alpha: fit.alpha,
        log10_beta: fit.log10_beta,
        x_min: fit.x_min,
        x_max: fit.x_max,
    };
    fits.iter().map(law).collect()
}

/// A column that steers marks.
struct Category {
    name: String,
    column: usize,
    /// What it steers, with the index of its first value there.
    roles: BTreeMap<MarkRole, usize>,
    values: Vec<String>,
}

struct Marks(Vec<Category>);

impl Marks {
    fn of(params: &Draw, table: &Table, selections: &Selections) -> Result<Self, JobError> {
        let mut categories: Vec<Category> = Vec::new();
        let mut occurrences: Vec<BTreeMap<&str, f64>> = Vec::new();
        for (panel, selected) in params.panels.iter().zip(&selections.0) {
            for (series, selected) in panel.series.iter().zip(selected) {
                for (&role, name) in &series.marks {
                    let column = table.column(name).map_err(|error| bad_input("points", &error))?;
                    let place = categories.iter().position(|category| category.name == *name);
                    let place = place.unwrap_or_else(|| {
                        let (name, roles, values) = (name.clone(), BTreeMap::new(), Vec::new());
                        categories.push(Category { name, column, roles, values });
                        occurrences.push(BTreeMap::new());
                        categories.len() - 1
                    });
                    categories[place].roles.entry(role).or_insert(0);
                    for point in selected {
                        let text = table.rows()[point.row][column].as_str();
                        let least = occurrences[place].entry(text).or_insert(f64::INFINITY);
                        *least = least.min(point.x);
                    }
                }
            }
        }
        let mut next: BTreeMap<MarkRole, usize> = BTreeMap::new();
        for (category, occurrences) in categories.iter_mut().zip(&occurrences) {
            category.values = in_order(occurrences);
            for (role, first) in &mut category.roles {
                let next = next.entry(*role).or_insert(0);
                *first = *next;
                *next += category.values.len();
            }
        }
        Ok(Self(categories))
    }

    fn point(&self, series: &Series, table: &Table, selected: &Selected) -> Point {
        let row = &table.rows()[selected.row];
        let mut mark = Mark::PLAIN;
        let mut texts = Vec::new();
        for category in self
            .0
            .iter()
            .filter(|category| series.marks.values().any(|name| *name == category.name))
        {
            let text = &row[category.column];
            texts.push(shown(text));
            for (role, column) in &series.marks {
                if *column == category.name {
                    category.steer(&mut mark, *role, text);
                }
            }
        }
        let at = format!("({}, {:.4})", number_text(selected.x), selected.y);
        let note = if texts.is_empty() { at } else { format!("{}: {at}", texts.join(", ")) };
        Point { x: selected.x, y: selected.y, mark, note }
    }

    fn legends(&self) -> Vec<Legend> {
        let entry = |category: &Category, text: &String| {
            let mut mark = Mark::PLAIN;
            for role in category.roles.keys() {
                category.steer(&mut mark, *role, text);
            }
            (shown(text), mark)
        };
        let legend = |category: &Category| Legend {
            title: category.name.replace('_', " "),
            entries: category.values.iter().map(|text| entry(category, text)).collect(),
        };
        self.0.iter().map(legend).collect()
    }
}

impl Category {
    /// Gives `mark` what the value `text` of this column stands for.
    fn steer(&self, mark: &mut Mark, role: MarkRole, text: &str) {
        let place = self.values.iter().position(|value| value == text).unwrap_or(0);
        let index = place + self.roles.get(&role).copied().unwrap_or(0);
        match role {
            MarkRole::Colour => mark.colour = Some(index),
            MarkRole::Marker => mark.shape = index,
            MarkRole::Size if self.values.len() > 1 => {
                mark.size = share(place, self.values.len() - 1);
            }
            MarkRole::Size => {}
        }
    }
}

/// The values of a column, each with the smallest x it occurs at, in the order of a legend.
fn in_order(occurrences: &BTreeMap<&str, f64>) -> Vec<String> {
    let mut values: Vec<_> =
        occurrences.iter().map(|(&text, &x)| (quantity(text), x, text)).collect();
    values.sort_by(|a, b| {
        let by_quantity = match (a.0, b.0) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_quantity.then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2))
    });
    values.into_iter().map(|(_, _, text)| text.to_owned()).collect()
}

/// The quantity that a text is, or ends in with a suffix of thousands: 2,000 for `glyphs-2k`.
fn quantity(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let factor = SUFFIXES.iter().find(|(_, suffix)| text.ends_with(suffix))?.0;
    let digits = &text[..text.len() - 1];
    let start = digits
        .rfind(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map_or(0, |i| i + digits[i..].chars().next().map_or(0, char::len_utf8));
    digits[start..].parse::<f64>().ok().map(|number| number * factor)
}

const SUFFIXES: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];

/// A large number in three digits with a suffix, any other text as it is.
fn shown(text: &str) -> String {
    let Some(number) = text.parse::<f64>().ok().filter(|number| *number >= 1e3 && *number < 1e15)
    else {
        return text.to_owned();
    };
    let (factor, suffix) =
        SUFFIXES.iter().find(|(factor, _)| number >= *factor).unwrap_or(&SUFFIXES[3]);
    let scaled = number / factor;
    let decimals = if scaled >= 100.0 {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    let digits = format!("{scaled:.decimals$}");
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        &digits
    };
    format!("{digits}{suffix}")
}

#[allow(clippy::cast_precision_loss, reason = "numbers of legend entries")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::canonical::Real;
    use crate::action::params::{Fit, FitMethod, FittedLine, Selection, YTransform};
    use crate::jobs::fit::fits;
    use crate::jobs::testing::{ZERO_SHOT_RESULTS, published_table};

    const BINNED: &str = "binned";

    fn selection(x: &str, y: &str, keep: &[(&str, &[&str])]) -> Selection {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Selection {
            x: x.to_owned(),
            y: y.to_owned(),
            y_transform: YTransform::OneMinus,
            keep: keep.iter().map(|(column, texts)| (column.to_string(), owned(texts))).collect(),
        }
    }

    fn panel(
        name: &str,
        x: &str,
        y: &str,
        series: Vec<(&str, Selection)>,
        marks: [&str; 3],
    ) -> Panel {
        let roles = [MarkRole::Colour, MarkRole::Marker, MarkRole::Size];
        let marks: BTreeMap<_, _> = roles.into_iter().zip(marks.map(str::to_owned)).collect();
        let axis = |label: &str| Axis { label: label.to_owned(), logarithmic: true };
        let series = series.into_iter().map(|(name, points)| Series {
            name: name.to_owned(),
            points,
            marks: marks.clone(),
        });
        Panel { name: name.to_owned(), x: axis(x), y: axis(y), series: series.collect() }
    }

    /// One line for each series of each panel and method.
    fn fit_of(draw: &Draw, methods: &[&str]) -> Fit {
        let method = |name: &str| match name {
            BINNED => FitMethod::BinnedMinimum { bins: 5, margin: Real::new(0.1).unwrap() },
            _ => FitMethod::LeastSquares,
        };
        let mut lines = Vec::new();
        for panel in &draw.panels {
            for series in &panel.series {
                lines.extend(methods.iter().map(|name| FittedLine {
                    panel: panel.name.clone(),
                    series: series.name.clone(),
                    points: series.points.clone(),
                    method: method(name),
                    interval: None,
                }));
            }
        }
        Fit { lines }
    }

    /// The `PyTorch` probe's measurements of the quick grid: model, data, samples seen, icon143 top-1, iconoir-1k R@5.
    fn probe() -> Table {
        let mut text = "model,data,samples_seen,gmacs_total,top1,image_r5,text_r5\n".to_owned();
        for (model, data, samples_seen, top1, r5) in [
            ("XS", "glyphs-36k", 16_000, 0.039, 0.024),
            ("XS", "glyphs-36k", 64_000, 0.152, 0.073),
            ("XS", "glyphs-36k", 256_000, 0.363, 0.177),
            ("S", "glyphs-36k", 16_000, 0.045, 0.026),
            ("S", "glyphs-36k", 64_000, 0.180, 0.081),
            ("S", "glyphs-36k", 256_000, 0.493, 0.199),
            ("XS", "glyphs-2k", 256_000, 0.224, 0.070),
            ("XS", "glyphs-9k", 256_000, 0.317, 0.125),
        ] {
            let macs = if model == "S" { 2.45e6 } else { 0.68e6 };
            let compute = macs * f64::from(samples_seen) / 1e9;
            let text_r5 = r5 * 1.1;
            text.push_str(&format!(
                "{model},{data},{samples_seen},{compute},{top1},{r5},{text_r5}\n"
            ));
        }
        Table::parse(&text).unwrap()
    }

    fn quick(panels: usize) -> (Draw, Table, Fit) {
        let x = "Total compute (GMACs per pair × pairs seen)";
        let marks = ["model", "data", "samples_seen"];
        let all = [
            ("icon143 zero-shot classification", "Error (1 − top-1)", "top1"),
            ("iconoir-1k image retrieval", "Error (1 − recall@5)", "image_r5"),
            ("iconoir-1k text retrieval", "Error (1 − recall@5)", "text_r5"),
        ];
        let panel = |&(name, y, column): &(&str, &str, &str)| {
            panel(name, x, y, vec![("all runs", selection("gmacs_total", column, &[]))], marks)
        };
        let panels = all[..panels].iter().map(panel).collect();
        let draw = Draw { title: "Scaling laws on pictograms".to_owned(), panels };
        let fit = fit_of(&draw, &[BINNED, "all"]);
        (draw, probe(), fit)
    }

    fn figure_1(tasks: &[(&str, &str, &str)]) -> Draw {
        let laion = &["LAION-80M", "LAION-400M", "LAION-2B"][..];
        let marks = ["arch", "upstream_dataset", "samples_seen_pretty"];
        let panel = |&(downstream, name, y): &(&str, &str, &str)| {
            let points = |upstream| {
                let keep =
                    [("downstream_dataset", &[downstream][..]), ("upstream_dataset", upstream)];
                selection("gmacs_total", y, &keep)
            };
            let series = vec![("OpenCLIP", points(laion)), ("OpenAI CLIP", points(&["CLIP-WIT"]))];
            panel(name, "Total compute (GMACs per sample × samples seen)", "Error", series, marks)
        };
        Draw { title: "Zero-shot".to_owned(), panels: tasks.iter().map(panel).collect() }
    }

    fn draw(draw: &Draw, table: &Table, fit: &Fit) -> String {
        svg(draw, table, &fits(fit, table).unwrap()).unwrap()
    }

    #[test]
    fn the_quick_figure_is_stable_to_the_byte() {
        let (params, table, fit) = quick(2);
        let text = draw(&params, &table, &fit);
        assert_eq!(text, draw(&params, &table, &fit));
        let digest = crate::digest::BlobDigest::of(text.as_bytes());
        insta::assert_snapshot!(digest.short(), @"668273e5c08c");
    }

    #[test]
    fn a_figure_names_its_lines_and_its_marks() {
        let (params, table, fit) = quick(1);
        let text = draw(&params, &table, &fit);
        for expected in [
            ">bin minima:  E = ",
            ">all points:  E = ",
            ">XS<",
            ">glyphs-9k<",
            ">256k<",
            ">samples seen<",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
        assert_eq!(text.matches("<title>").count(), 1 + 8, "the figure's and one a point");
        assert!(text.contains("<title>S, glyphs-36k, 256k: (627.2, 0.5070)</title>"));
    }

    #[test]
    fn hostile_names_stay_text() {
        let hostile = "</text><script>alert('\"&\")</script>";
        let table =
            Table::parse(&format!("m,c,a\n\"{}\",1,0.5\nb,10,0.6\n", hostile.replace('"', "\"\"")))
                .unwrap();
        let panel = panel(
            hostile,
            hostile,
            hostile,
            vec![(hostile, selection("c", "a", &[]))],
            ["m", "m", "m"],
        );
        let params = Draw { title: hostile.to_owned(), panels: vec![panel] };
        let text = draw(&params, &table, &fit_of(&params, &["all", BINNED]));
        assert!(!text.contains("<script") && !text.contains("'\"&"));
        assert!(crate::plot::png::render(&text, 1.0).is_ok());
    }

    #[test]
    fn a_point_off_the_axes_is_refused() {
        let table = Table::parse("m,c,a\nx,1,1\ny,2,0.5\n").unwrap();
        let panel = panel("p", "x", "y", vec![("s", selection("c", "a", &[]))], ["m", "m", "m"]);
        let params = Draw { title: String::new(), panels: vec![panel] };
        let error = svg(&params, &table, &[]).unwrap_err();
        assert_eq!(error.to_string(), "input `points`: panel `p`: (1, 0) has no place on its axes");
    }

    #[test]
    fn legends_are_ordered_by_quantity_then_by_compute() {
        let order = |values: &[(&'static str, f64)]| in_order(&values.iter().copied().collect());
        let data = [("LAION-2B", 3.0), ("CLIP-WIT", 1.0), ("LAION-400M", 2.0), ("LAION-80M", 9.0)];
        assert_eq!(order(&data), ["LAION-80M", "LAION-400M", "LAION-2B", "CLIP-WIT"]);
        assert_eq!(order(&[("S", 2.0), ("XS", 1.0), ("M", 2.0)]), ["XS", "M", "S"]);
        assert_eq!(order(&[("256000", 0.0), ("64000", 1.0)]), ["64000", "256000"]);
    }

    #[test]
    fn large_numbers_are_shown_short() {
        let texts =
            ["256000", "1024000", "12800000000", "34725395968", "999", "34B", "0.5"].map(shown);
        assert_eq!(texts, ["256k", "1.02M", "12.8B", "34.7B", "999", "34B", "0.5"]);
    }

    #[test]
    #[ignore = "writes pictures to look at: target/pictures"]
    fn pictures() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, svg: &str| {
            for (suffix, scale) in [("", 2.0), ("-400px", 400.0 / width_of(svg))] {
                let picture = crate::plot::png::render(svg, scale).unwrap();
                let path = folder.join(format!("{name}{suffix}.png"));
                std::io::Write::write_all(&mut std::fs::File::create(path).unwrap(), &picture)
                    .unwrap();
            }
            let path = folder.join(format!("{name}.svg"));
            std::io::Write::write_all(&mut std::fs::File::create(path).unwrap(), svg.as_bytes())
                .unwrap();
        };
        for panels in 1..=3 {
            let (params, table, fit) = quick(panels);
            write(&format!("quick-{panels}"), &draw(&params, &table, &fit));
        }
        let (params, mut table, _) = quick(3);
        table = Table::new(table.columns().to_vec(), table.rows()[..1].to_vec()).unwrap();
        write("smoke", &draw(&params, &table, &Fit { lines: Vec::new() }));
        if let Some(table) = published_table(ZERO_SHOT_RESULTS) {
            let r5 = "image_retrieval_recall@5";
            let tasks = [
                ("imagenet1k", "ImageNet", "acc1"),
                ("imagenet_robustness", "ImageNet robustness", "acc1"),
                ("mscoco_captions", "MS-COCO image retrieval", r5),
                ("flickr30k", "Flickr30K image retrieval", r5),
            ];
            for (name, tasks) in [("fig1a", &tasks[..2]), ("fig1", &tasks[..])] {
                let params = figure_1(tasks);
                let mut fit = fit_of(&params, &["all"]);
                for line in fit.lines.iter_mut().filter(|line| line.series == "OpenCLIP") {
                    line.method =
                        FitMethod::BinnedMinimum { bins: 5, margin: Real::new(0.1).unwrap() };
                }
                write(name, &draw(&params, &table, &fit));
            }
        }
    }

    fn width_of(svg: &str) -> f32 {
        svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    }
}
