//! Figures of the probe and of the authors' tables.

use super::*;
use crate::action::canonical::Real;
use crate::action::params::{
    Fit, FitMethod, FittedLine, Joined, LegendNames, LegendValue, Selection, YTransform,
};
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

fn panel(name: &str, x: &str, y: &str, series: Vec<(&str, Selection)>, marks: [&str; 3]) -> Panel {
    let roles = [MarkRole::Colour, MarkRole::Marker, MarkRole::Size];
    let marks: BTreeMap<_, _> = roles.into_iter().zip(marks.map(str::to_owned)).collect();
    let axis = |label: &str| Axis { label: label.to_owned(), logarithmic: true };
    let series = series.into_iter().map(|(name, points)| Series {
        name: name.to_owned(),
        points,
        marks: marks.clone(),
        joined: None,
        predictions: Vec::new(),
    });
    Panel { name: name.to_owned(), x: axis(x), y: axis(y), series: series.collect() }
}

fn figure(title: &str, panels: Vec<Panel>) -> Draw {
    Draw {
        title: title.to_owned(),
        caption: String::new(),
        width: FigureWidth::TwoColumns,
        legends: Vec::new(),
        panels,
    }
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
        text.push_str(&format!("{model},{data},{samples_seen},{compute},{top1},{r5},{text_r5}\n"));
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
    let draw = figure("Scaling laws on pictograms", panels);
    let fit = fit_of(&draw, &[BINNED, "all"]);
    (draw, probe(), fit)
}

fn figure_1(tasks: &[(&str, &str, &str)]) -> Draw {
    let marks = ["arch", "upstream_dataset", "samples_seen_pretty"];
    let panel = |&(downstream, name, y): &(&str, &str, &str)| {
        let points = |upstream| {
            let keep = [("downstream_dataset", &[downstream][..]), ("upstream_dataset", upstream)];
            selection("gmacs_total", y, &keep)
        };
        let series = vec![("OpenCLIP", points(LAION)), ("OpenAI CLIP", points(&["CLIP-WIT"]))];
        panel(name, "Total compute (GMACs per sample × samples seen)", "Error", series, marks)
    };
    Draw { legends: legends(), ..figure("", tasks.iter().map(panel).collect()) }
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
    insta::assert_snapshot!(digest.short(), @"9b05231ec5fb");
}

/// `check` refuses more panels; a picture has 3.125 pixels a unit, and at most 16,384 on a side.
#[test]
fn a_figure_of_as_many_panels_as_there_may_be_can_be_rendered() {
    let (one, table, _) = quick(1);
    for width in [FigureWidth::OneColumn, FigureWidth::TwoColumns] {
        let panel =
            |i| Panel { name: format!("{} {i}", one.panels[0].name), ..one.panels[0].clone() };
        let params = Draw { width, panels: (0..30).map(panel).collect(), ..one.clone() };
        let text = draw(&params, &table, &fit_of(&params, &[BINNED, "all"]));
        let (_, rest) = text.split_once("viewBox=\"0 0 ").unwrap();
        let (_, height) = rest.split_once('"').unwrap().0.split_once(' ').unwrap();
        let height: f64 = height.parse().unwrap();
        assert!(height * 3.125 < 16_384.0, "{height}");
    }
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
    let params = figure(hostile, vec![panel]);
    let text = draw(&params, &table, &fit_of(&params, &["all", BINNED]));
    assert!(!text.contains("<script") && !text.contains("'\"&"));
    assert!(crate::plot::png::render(&text, 1.0).is_ok());
}

#[test]
fn a_point_off_the_axes_is_refused() {
    let table = Table::parse("m,c,a\nx,1,1\ny,2,0.5\n").unwrap();
    let panel = panel("p", "x", "y", vec![("s", selection("c", "a", &[]))], ["m", "m", "m"]);
    let params = figure("", vec![panel]);
    let error = svg(&params, &table, &[]).unwrap_err();
    assert_eq!(error.to_string(), "input `points`: panel `p`: (1, 0) has no place on its axes");
}

/// The authors' models, data sets and scales as the paper spells and orders them.
fn legends() -> Vec<LegendNames> {
    let names = |column: &str, title: &str, values: &[(&str, &str)]| LegendNames {
        column: column.to_owned(),
        title: title.to_owned(),
        values: values
            .iter()
            .map(|(text, shown)| LegendValue { text: text.to_string(), shown: shown.to_string() })
            .collect(),
    };
    let models = [
        ("ViT-B-32", "ViT B/32"),
        ("ViT-B-16", "ViT B/16"),
        ("ViT-L-14", "ViT L/14"),
        ("ViT-H-14", "ViT H/14"),
        ("ViT-g-14", "ViT g/14"),
        ("ViT-bigG-14", "ViT G/14"),
    ];
    vec![
        names("arch", "model", &models),
        names("upstream_dataset", "data set", &[("CLIP-WIT", "CLIP-WIT 400M")]),
        names("samples_seen_pretty", "samples seen", &[]),
    ]
}

const LAION: &[&str] = &["LAION-80M", "LAION-400M", "LAION-2B"];

/// Figure 8a: the line of figure 1a, left, and what it gives at more compute.
fn figure_8(table: &Table) -> (Draw, Fit) {
    let mut draw = figure_1(&[("imagenet1k", "ImageNet", "acc1")]);
    draw.panels[0].series.truncate(1);
    let method = FitMethod::BinnedMinimum { bins: 5, margin: Real::new(0.1).unwrap() };
    let large = 407_332_084.0;
    let points = [
        ("H/14, 68B", 190.97 * large * 168.0, "ViT-H-14", "68B"),
        ("g/14, 34B", 290.74 * large * 84.0, "ViT-g-14", "34B"),
        ("g/14, 68B", 290.74 * large * 168.0, "ViT-g-14", "68B"),
        ("G/14, 34B", 532.92 * large * 84.0, "ViT-bigG-14", "34B"),
        ("G/14, 68B", 532.92 * large * 168.0, "ViT-bigG-14", "68B"),
    ];
    let prediction = |&(label, x, arch, samples): &(&str, f64, &str, &str)| Prediction {
        label: label.to_owned(),
        x: Real::new(x).unwrap(),
        method: method.clone(),
        texts: BTreeMap::from([
            ("arch".to_owned(), arch.to_owned()),
            ("samples_seen_pretty".to_owned(), samples.to_owned()),
        ]),
    };
    draw.panels[0].series[0].predictions = points.iter().map(prediction).collect();
    assert!(table.column("gmacs_total").is_ok());
    let fit = fit_of(&draw, &[BINNED]);
    (draw, fit)
}

/// Many curves: `runs` models on three data sets, forty epochs each.
fn curves(runs: usize) -> (Draw, Table) {
    let mut text = "run,model,data,samples,acc\n".to_owned();
    for run in 0..runs {
        for epoch in 1..=40_u32 {
            let ceiling = 0.35 + 0.02 * f64::from(u32::try_from(run).unwrap());
            let acc = ceiling * (1.0 - libm::pow(2.0, -f64::from(epoch) / 9.0));
            let (model, data) =
                (["B/32", "B/16", "L/14"][run % 3], ["80M", "400M", "2B"][run / 3 % 3]);
            text.push_str(&format!(
                "r{run},{model},{data},{},{acc}\n",
                u64::from(epoch) * 800_000_000
            ));
        }
    }
    let points =
        Selection { y_transform: YTransform::Identity, ..selection("samples", "acc", &[]) };
    let mut panel =
        panel("ImageNet zero-shot", "Samples seen", "Top-1", vec![("runs", points)], ["", "", ""]);
    panel.x.logarithmic = false;
    panel.y.logarithmic = false;
    panel.series[0].marks = BTreeMap::from([(MarkRole::Colour, "model".to_owned())]);
    panel.series[0].joined =
        Some(Joined { by: vec!["run".to_owned()], dash: Some("data".to_owned()) });
    (figure("Learning curves", vec![panel]), Table::parse(&text).unwrap())
}

/// The boxes of all texts as the bundled font draws them (usvg's, which no code of ours computes).
fn text_boxes(svg: &str) -> Vec<(String, resvg::usvg::Rect)> {
    fn walk(group: &resvg::usvg::Group, found: &mut Vec<(String, resvg::usvg::Rect)>) {
        for node in group.children() {
            match node {
                resvg::usvg::Node::Group(group) => walk(group, found),
                resvg::usvg::Node::Text(text) => {
                    let spelled = text.chunks().iter().map(resvg::usvg::TextChunk::text).collect();
                    found.push((spelled, text.abs_bounding_box()));
                }
                _ => {}
            }
        }
    }
    let tree = crate::plot::tree_of(svg);
    let mut found = Vec::new();
    walk(tree.root(), &mut found);
    found
}

fn assert_no_text_touches_another(svg: &str) {
    let boxes = text_boxes(svg);
    assert!(boxes.len() > 10, "a figure has texts");
    let size = crate::plot::tree_of(svg).size();
    for (i, (text, area)) in boxes.iter().enumerate() {
        let inside = area.left() >= 0.0
            && area.top() >= 0.0
            && area.right() <= size.width()
            && area.bottom() <= size.height();
        assert!(inside, "`{text}` leaves the figure: {area:?}");
        for (other_text, other) in &boxes[..i] {
            let apart = area.right() <= other.left()
                || other.right() <= area.left()
                || area.bottom() <= other.top()
                || other.bottom() <= area.top();
            assert!(apart, "`{text}` {area:?} touches `{other_text}` {other:?}");
        }
    }
}

#[test]
fn no_text_touches_another() {
    for width in [FigureWidth::OneColumn, FigureWidth::TwoColumns] {
        for panels in 1..=3 {
            let (params, table, fit) = quick(panels);
            let params = Draw { width, ..params };
            assert_no_text_touches_another(&draw(&params, &table, &fit));
        }
        let (params, table) = curves(29);
        let params = Draw { width, ..params };
        assert_no_text_touches_another(&draw(&params, &table, &Fit { lines: Vec::new() }));
        if let Some(table) = published_table(ZERO_SHOT_RESULTS) {
            let (params, fit) = figure_8(&table);
            let params = Draw { width, ..params };
            assert_no_text_touches_another(&draw(&params, &table, &fit));
        }
    }
}

/// 84 and 174 mm, and no font below 6.5 points (7.4 for superscripts of 9.4: a quarter less).
#[test]
fn a_figure_is_as_wide_as_it_is_printed_and_its_text_large_enough() {
    let (params, table, fit) = quick(2);
    for (width, millimetres) in
        [(FigureWidth::OneColumn, "84mm"), (FigureWidth::TwoColumns, "174mm")]
    {
        let text = draw(&Draw { width, ..params.clone() }, &table, &fit);
        assert!(text.contains(&format!("width=\"{millimetres}\"")));
        let sizes = text.match_indices("<text ").map(|(at, _)| {
            let rest = text[at..].split("font-size=\"").nth(1).unwrap();
            rest.split('"').next().unwrap().parse::<f64>().unwrap() * 0.75
        });
        assert!(sizes.fold(f64::INFINITY, f64::min) >= 6.5);
    }
}

#[test]
fn a_line_is_dashed_beyond_what_was_observed_and_predictions_are_hollow() {
    let (mut params, table, fit) = quick(1);
    let method = FitMethod::LeastSquares;
    params.panels[0].series[0].predictions = vec![Prediction {
        label: "L at 1M".to_owned(),
        x: Real::new(9000.0).unwrap(),
        method,
        texts: BTreeMap::from([("model".to_owned(), "L".to_owned())]),
    }];
    let text = draw(&params, &table, &fit);
    for expected in [
        "stroke-dasharray=\"3.2 2.6\"",
        "fill=\"#fff\" stroke=\"#009e73\"",
        ">L at 1M<",
        ">predicted<",
        ">line beyond observations<",
        "<title>L, predicted: (9000, ",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    assert!(text.contains(">L<"), "a predicted value is in the legend");
    let unfitted = svg(&params, &table, &[]).unwrap_err();
    assert!(unfitted.to_string().contains("no line predicts `all runs`"), "{unfitted}");
}

/// A legend names what occurs, in the order asked for, then the others; what does not occur is left out.
#[test]
fn legends_hold_what_occurs_in_the_order_asked_for() {
    let (mut params, table, fit) = quick(1);
    let value =
        |text: &str, shown: &str| LegendValue { text: text.to_owned(), shown: shown.to_owned() };
    params.legends = vec![LegendNames {
        column: "data".to_owned(),
        title: "Data set".to_owned(),
        values: vec![value("glyphs-36k", "large"), value("absent", "never")],
    }];
    let text = draw(&params, &table, &fit);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
    assert!(at(">Data set<") < at(">large<"));
    assert!(at(">large<") < at(">glyphs-2k<") && at(">glyphs-2k<") < at(">glyphs-9k<"));
    assert!(!text.contains("never") && !text.contains(">glyphs-36k<"));
}

/// The second of three named models, alone, has the second colour and the middle size, which is 2.3 + 0.5 · (5.0 − 2.3);
/// where none is named, the first colour.
#[test]
fn a_value_that_is_named_looks_alike_whether_the_others_occur_or_not() {
    let (mut params, table, _) = quick(1);
    params.panels[0].series[0].marks =
        BTreeMap::from([MarkRole::Colour, MarkRole::Size].map(|role| (role, "model".to_owned())));
    let rows: Vec<_> = table.rows().iter().filter(|row| row[0] == "S").cloned().collect();
    let alone = Table::new(table.columns().to_vec(), rows).unwrap();
    let none = Fit { lines: Vec::new() };
    let text = draw(&params, &alone, &none);
    assert!(text.contains("fill=\"#0072b2\"") && !text.contains("#d55e00"), "{text}");
    let value = |text: &str| LegendValue { text: text.to_owned(), shown: format!("model {text}") };
    params.legends = vec![LegendNames {
        column: "model".to_owned(),
        title: "Model".to_owned(),
        values: vec![value("XS"), value("S"), value("M")],
    }];
    for table in [&alone, &table] {
        let text = draw(&params, table, &none);
        assert!(text.contains("r=\"3.65\" fill=\"#d55e00\""), "{text}");
        assert!(text.contains(">model S<") && !text.contains(">model M<"), "{text}");
        let has_others = table.rows().len() > alone.rows().len();
        assert_eq!(text.contains("#0072b2"), has_others, "{text}");
        assert_eq!(text.contains(">model XS<"), has_others, "{text}");
    }
}

#[test]
fn joined_points_are_curves_told_apart_by_colour_and_dash() {
    let (params, table) = curves(9);
    let text = draw(&params, &table, &Fit { lines: Vec::new() });
    assert_eq!(text.matches("<title>r").count(), 9, "a curve a run");
    assert_eq!(text.matches("<circle").count(), 0, "curves have no points");
    assert!(text.contains("stroke=\"#d55e00\"") && text.contains("stroke-dasharray=\"6 3\""));
    assert!(text.contains(">data<") && text.contains(">400M<"));
    let names: Vec<_> =
        text.match_indices("<title>r").map(|(at, _)| &text[at + 7..at + 9]).collect();
    assert_eq!(names, ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"]);
}

/// Of two rows at one place, as of one row alone, a path shows nothing.
#[test]
fn a_curve_of_one_point_is_a_mark_of_its_colour() {
    let (params, table) = curves(3);
    for alone in [1, 2] {
        let mut rows = table.rows()[39..].to_vec();
        rows.extend(vec![rows[0].clone(); alone - 1]);
        let table = Table::new(table.columns().to_vec(), rows).unwrap();
        let text = draw(&params, &table, &Fit { lines: Vec::new() });
        assert_eq!(text.matches("<circle").count(), 1);
        for expected in ["fill=\"#009e73\"", "stroke=\"#009e73\"", "<title>B/32, 80M: ("] {
            assert!(text.contains(expected), "{expected}");
        }
    }
    let mut params = params;
    params.panels[0].series[0].marks.insert(MarkRole::Marker, "model".to_owned());
    let rows = table.rows()[39..41].to_vec();
    let table = Table::new(table.columns().to_vec(), rows).unwrap();
    let text = draw(&params, &table, &Fit { lines: Vec::new() });
    assert_eq!(text.matches("<title>B/32, 80M: (").count(), 1, "a point is drawn once");
}

#[test]
fn values_that_three_digits_make_equal_are_told_apart_in_legend_and_notes() {
    let (params, _, _) = quick(1);
    let text = "model,data,samples_seen,gmacs_total,top1\nS,a,1020000,1,0.1\nS,a,1024000,2,0.2\n";
    let text = draw(&params, &Table::parse(text).unwrap(), &Fit { lines: Vec::new() });
    for expected in [">1.02M<", ">1.024M<", "<title>S, a, 1.024M: ("] {
        assert!(text.contains(expected), "{expected}");
    }
}

#[test]
fn a_label_that_leaves_no_room_is_named() {
    let (mut params, table, fit) = quick(2);
    params.panels[1].y.label = "word ".repeat(600);
    let error = svg(&params, &table, &fits(&fit, &table).unwrap()).unwrap_err().to_string();
    let name = "panel `iconoir-1k image retrieval`: the ";
    assert!(error.starts_with(name) && error.contains(" lines of its y label"), "{error}");
}

#[test]
fn lines_of_two_series_have_two_colours() {
    let Some(table) = published_table(ZERO_SHOT_RESULTS) else {
        return;
    };
    let params = figure_1(&[("imagenet1k", "ImageNet", "acc1")]);
    let text = draw(&params, &table, &fit_of(&params, &["all"]));
    for expected in ["stroke=\"#222\" stroke-width=\"1.3\"", "stroke=\"#a3195b\""] {
        assert!(text.contains(expected), "{expected}");
    }
    let at = |part: &str| text.find(part).unwrap();
    assert!(at(">ViT L/14<") < at(">ViT H/14<") && at(">ViT H/14<") < at(">ViT g/14<"));
    assert!(at(">LAION-2B<") > at(">LAION-400M<"));
}

#[test]
#[ignore = "writes pictures to look at: target/pictures"]
fn pictures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    let save = |name: String, bytes: &[u8]| {
        let mut file = std::fs::File::create(folder.join(name)).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    };
    let write = |name: &str, params: &Draw, table: &Table, fit: &Fit| {
        for (suffix, width) in [("", FigureWidth::TwoColumns), ("-column", FigureWidth::OneColumn)]
        {
            let svg = draw(&Draw { width, ..params.clone() }, table, fit);
            save(format!("{name}{suffix}.png"), &crate::plot::png::render(&svg, 3.125).unwrap());
            save(format!("{name}{suffix}.pdf"), &crate::plot::pdf::render(&svg, name).unwrap());
            save(format!("{name}{suffix}.svg"), svg.as_bytes());
        }
    };
    for panels in 1..=3 {
        let (params, table, fit) = quick(panels);
        write(&format!("quick-{panels}"), &params, &table, &fit);
    }
    let none = Fit { lines: Vec::new() };
    let (params, table) = curves(29);
    write("curves", &params, &table, &none);
    let (params, mut table, _) = quick(3);
    table = Table::new(table.columns().to_vec(), table.rows()[..1].to_vec()).unwrap();
    write("smoke", &params, &table, &none);
    let Some(table) = published_table(ZERO_SHOT_RESULTS) else {
        return;
    };
    let r5 = "image_retrieval_recall@5";
    let tasks = [
        ("imagenet1k", "ImageNet", "acc1"),
        ("imagenet_robustness", "ImageNet robustness", "acc1"),
        ("mscoco_captions", "MS-COCO image retrieval", r5),
        ("flickr30k", "Flickr30K image retrieval", r5),
        ("cars", "Cars", "acc1"),
        ("vtab/dtd", "DTD", "acc1"),
    ];
    for (name, tasks) in [("fig1a", &tasks[..2]), ("fig1", &tasks[..4]), ("grid", &tasks[..])] {
        let params = figure_1(tasks);
        let mut fit = fit_of(&params, &["all"]);
        for line in fit.lines.iter_mut().filter(|line| line.series == "OpenCLIP") {
            line.method = FitMethod::BinnedMinimum { bins: 5, margin: Real::new(0.1).unwrap() };
        }
        write(name, &params, &table, &fit);
    }
    let (params, fit) = figure_8(&table);
    write("fig8a", &params, &table, &fit);
}
