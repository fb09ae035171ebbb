//! The page of a figure: one HTML file that needs nothing beside it, and the figure as PNG and PDF.
//!
//! The page has no script, font, image or style from elsewhere, and every text in it is escaped; the figure is inline
//! SVG of our own. Equal results give equal bytes.

mod fits;
mod style;

use std::fmt::Write as _;

use super::checks::JudgedCheck;
use super::checks_page::checks_section;
use super::claims::{Judged, Verdict};
use crate::digest::BlobDigest;
use crate::metrics::fits::FitRecord;
use crate::plot::table::Table;
use crate::plot::{escape, pdf, png};

/// What a page is made of.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// The title of the figure; its name stands in for an empty one.
    pub title: &'a str,
    /// What was reproduced: `EXPERIMENT[/TARGET]`.
    pub name: &'a str,
    /// The semantic hash of the experiment.
    pub id: String,
    /// The work that the experiment reproduces.
    pub citation: Option<&'a str>,
    /// What the figure shows.
    pub caption: Option<&'a str>,
    /// The figure: `figure.svg`, written by `plot`.
    pub svg: &'a str,
    /// The table of points.
    pub points_csv: &'a str,
    /// The fitted lines.
    pub fits: &'a [FitRecord],
    /// How exponents move with bins and margin: `sensitivity.csv`.
    pub sensitivity_csv: Option<&'a str>,
    /// The claims, judged.
    pub claims: &'a [Judged],
    /// The checks of what it is made from, the worst first.
    pub checks: &'a [JudgedCheck],
    /// The verdict line.
    pub verdict: &'a str,
    /// Licences and attributions of the data.
    pub attribution: &'a str,
}

/// The version of what [`png()`] and [`pdf()`] give: raised when it may change.
pub const RENDERING: u32 = 2;

/// Pixels a unit of the figure, of which an inch has 96: 300 pixels an inch.
const SCALE: f32 = 3.125;

/// The figure as PNG, with a bundled font; why not, if it cannot be rendered.
pub fn png(svg: &str) -> Result<Vec<u8>, String> {
    png::render(svg, SCALE).map_err(|error| reason(&error))
}

/// The figure as PDF, text as outlines of a bundled font, with the title of the SVG; why not, if it cannot be written.
pub fn pdf(svg: &str) -> Result<Vec<u8>, String> {
    pdf::render(svg, &title_of(svg)).map_err(|error| reason(&error))
}

/// The title of a figure that `plot` wrote: its first one.
fn title_of(svg: &str) -> String {
    let title = svg.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let title = title.map_or_else(String::new, |(title, _)| title.to_owned());
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    marks.into_iter().fold(title, |text, (escaped, mark)| text.replace(escaped, mark))
}

fn reason(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Bytes with their SHA-256 before them, so that a damaged copy is not taken for them.
pub fn sealed(bytes: &[u8]) -> Vec<u8> {
    [BlobDigest::of(bytes).as_bytes(), bytes].concat()
}

/// The bytes that were [`sealed`]; none if they changed since.
pub fn unsealed(sealed: &[u8]) -> Option<&[u8]> {
    let (digest, bytes) = sealed.split_first_chunk::<32>()?;
    (BlobDigest::of(bytes).as_bytes() == digest).then_some(bytes)
}

/// The page.
pub fn html(page: &Page<'_>) -> String {
    let title = if page.title.is_empty() { page.name } else { page.title };
    let mut html = Html::opened(title, page.citation);
    html.raw(&format!("<p class=\"verdict\">{}</p>\n", escape(page.verdict)));
    html.raw("<figure>\n");
    html.raw(page.svg);
    if let Some(caption) = page.caption {
        html.element("figcaption", caption);
    }
    html.raw("</figure>\n");
    claims_section(&mut html, page.claims);
    checks_section(&mut html, page.checks);
    fits::fits_section(&mut html, page.fits);
    fits::residuals_section(&mut html, page.fits);
    if let Some(sensitivity) = page.sensitivity_csv {
        fits::sensitivity_section(&mut html, sensitivity);
    }
    points_section(&mut html, page.points_csv);
    html.element("h2", "How to reproduce this");
    html.raw(&format!("<pre>ibid reproduce {0}\nibid verify {0}</pre>\n", escape(page.name)));
    html.raw(&format!(
        "<p>The first command runs what is missing and draws the figure; the second runs everything again in an empty \
         store and compares every byte. The experiment is identified by the Dhall semantic hash of its text:</p>\n\
         <pre>{}</pre>\n",
        escape(&page.id)
    ));
    html.element("h2", "Data and licences");
    html.raw(&format!("<pre class=\"prose\">{}</pre>\n", lines(page.attribution)));
    html.raw("</main>\n</body>\n</html>\n");
    html.0
}

pub(super) struct Html(pub(super) String);

impl Html {
    /// A page up to its headline and citation.
    pub(super) fn opened(title: &str, citation: Option<&str>) -> Self {
        let mut html = Self(String::new());
        html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        html.element("title", title);
        html.raw(&format!("<style>\n{}</style>\n</head>\n<body>\n<main>\n", style::STYLE));
        html.element("h1", title);
        if let Some(citation) = citation {
            html.raw(&format!("<p class=\"quiet\">{}</p>\n", escape(citation)));
        }
        html
    }

    /// Markup of our own.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// An element that holds a text.
    pub(super) fn element(&mut self, name: &str, text: &str) {
        writeln!(self.0, "<{name}>{}</{name}>", escape(text))
            .expect("writing to a string succeeds");
    }

    /// A table; cells are markup, headings are text.
    pub(super) fn table(&mut self, headings: &[&str], rows: &[Vec<String>]) {
        self.raw("<div class=\"table\">\n<table>\n<tr>");
        for heading in headings {
            self.raw(&format!("<th>{}</th>", escape(heading)));
        }
        self.raw("</tr>\n");
        for row in rows {
            self.raw("<tr>");
            row.iter().for_each(|cell| self.raw(&format!("<td>{cell}</td>")));
            self.raw("</tr>\n");
        }
        self.raw("</table>\n</div>\n");
    }
}

fn claims_section(html: &mut Html, claims: &[Judged]) {
    html.element("h2", "Claims");
    if claims.is_empty() {
        html.element("p", "The experiment claims nothing of this figure.");
        return;
    }
    let row = |claim: &Judged| {
        let known = claim
            .known
            .as_ref()
            .map(|reason| format!("<br><small>known: {}</small>", escape(reason)));
        let class = match claim.verdict {
            _ if !claim.is_as_recorded() => "bad",
            Verdict::Met => "good",
            Verdict::Missed | Verdict::NotComputable => "known",
        };
        vec![
            format!("{}<br><small>{}</small>", escape(&claim.text), escape(&claim.r#where)),
            escape(&claim.published),
            escape(&claim.computed),
            escape(&claim.tolerance),
            format!(
                "<span class=\"{class}\">{}</span>{}",
                claim.verdict.name(),
                known.unwrap_or_default()
            ),
        ]
    };
    let rows: Vec<_> = claims.iter().map(row).collect();
    html.table(&["claim", "published", "computed", "judged by", "verdict"], &rows);
}

fn points_section(html: &mut Html, points_csv: &str) {
    html.element("h2", "Points");
    let Ok(table) = Table::parse(points_csv) else {
        html.raw(&format!("<pre>{}</pre>\n", lines(points_csv)));
        return;
    };
    let shown = table.rows().iter().take(POINTS_SHOWN);
    let rows: Vec<Vec<String>> =
        shown.map(|row| row.iter().map(|cell| escape(cell)).collect()).collect();
    let columns: Vec<&str> = table.columns().iter().map(String::as_str).collect();
    html.table(&columns, &rows);
    if table.rows().len() > POINTS_SHOWN {
        let more = table.rows().len() - POINTS_SHOWN;
        html.element("p", &format!("{more} more rows are in points.csv."));
    }
}

/// Rows of points on the page; a published table may have thousands.
const POINTS_SHOWN: usize = 100;

/// Text of several lines, escaped line by line.
fn lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Numbers with a minus sign in place of a hyphen.
fn minus(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\"><rect width=\"20\" \
                       height=\"10\" fill=\"#f00\"/></svg>\n";

    const HOSTILE: &str = "<script>alert(\"'&\")</script>";

    #[test]
    fn a_title_is_read_as_it_was_before_it_was_escaped() {
        for title in [HOSTILE, "", "&lt; & &amp;"] {
            let svg = format!("<svg>\n<title>{}</title>\n<title>b</title>", escape(title));
            assert_eq!(title_of(&svg), title);
        }
    }

    fn claim(verdict: Verdict, known: Option<&str>) -> Judged {
        let hostile = || HOSTILE.to_owned();
        Judged {
            id: hostile(),
            r#where: hostile(),
            text: hostile(),
            published: hostile(),
            computed: hostile(),
            tolerance: hostile(),
            verdict,
            known: known.map(str::to_owned),
        }
    }

    fn hostile_check() -> JudgedCheck {
        let hostile = || HOSTILE.to_owned();
        let finding = crate::metrics::checks::Finding {
            place: crate::metrics::checks::Place {
                table: hostile(),
                row: Some(1),
                column: hostile(),
            },
            key: Vec::new(),
            found: hostile(),
            expected: hostile(),
            against: None,
            message: hostile(),
        };
        let severity = crate::action::params::Severity::Error;
        let finding = crate::report::checks::JudgedFinding {
            check: hostile(),
            severity,
            standing: crate::report::checks::Standing::Known,
            reason: Some(hostile()),
            file: Some(hostile()),
            finding,
        };
        JudgedCheck { id: hostile(), text: hostile(), severity, findings: vec![finding] }
    }

    fn hostile_page(claims: &[Judged]) -> String {
        let csv =
            format!("\"{}\"\n\"{}\"\n", HOSTILE.replace('"', "\"\""), HOSTILE.replace('"', "\"\""));
        let record = format!(
            "[{{\"panel\":{0},\"series\":{0},\"x\":{0},\"y\":{0},\"y_transform\":\"identity\",\"method\":{{\"name\":\
             \"least_squares\"}},\"alpha\":-0.5,\"beta\":2.0,\"log10_beta\":0.3,\"formula\":{0},\"r_squared\":0.9,\
             \"points\":4,\"x_min\":1.0,\"x_max\":2.0,\"fitted\":[{{\"log10_x\":0.0,\"log10_y\":0.3,\
             \"residual\":0.01,\"row\":1}}],\"residual_sd\":null,\"standard_error\":null,\
             \"student_interval\":null,\"interval\":null}}]",
            serde_json::to_string(HOSTILE).unwrap()
        );
        let quoted = format!("\"{}\"", HOSTILE.replace('"', "\"\""));
        let sensitivity = format!(
            "{}\n{quoted},{quoted},binned_minimum,5,0.1,5,-0.5,0.3,0.9,0.01\n",
            crate::metrics::fits::SENSITIVITY_COLUMNS.join(",")
        );
        html(&Page {
            title: HOSTILE,
            name: HOSTILE,
            id: HOSTILE.to_owned(),
            citation: Some(HOSTILE),
            caption: Some(HOSTILE),
            svg: SVG,
            points_csv: &csv,
            fits: &crate::metrics::fits::decode(&record).unwrap(),
            sensitivity_csv: Some(&sensitivity),
            claims,
            checks: &[hostile_check()],
            verdict: HOSTILE,
            attribution: HOSTILE,
        })
    }

    #[test]
    fn no_hostile_text_becomes_markup() {
        let page =
            hostile_page(&[claim(Verdict::Met, None), claim(Verdict::Missed, Some(HOSTILE))]);
        assert!(!page.contains("<script") && !page.contains("alert(\""), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&quot;&#39;&amp;&quot;)&lt;/script&gt;"));
    }

    #[test]
    fn the_page_needs_nothing_beside_it() {
        let page = hostile_page(&[]);
        let links = ["src=", "href=", "url(", "@import"];
        assert!(links.iter().all(|link| !page.contains(link)));
        assert!(page.contains(SVG));
    }

    /// A claim that fails as it is known to is no alarm; one that unexpectedly holds is.
    #[test]
    fn verdicts_are_coloured_by_what_was_recorded() {
        let class_of = |claim| {
            let page = hostile_page(&[claim]);
            page.split("<span class=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        assert_eq!(class_of(claim(Verdict::Met, None)), "good");
        assert_eq!(class_of(claim(Verdict::NotComputable, None)), "bad");
        assert_eq!(class_of(claim(Verdict::Missed, Some("why"))), "known");
        assert_eq!(class_of(claim(Verdict::Met, Some("why"))), "bad");
    }

    #[test]
    fn a_damaged_seal_is_seen() {
        let mut bytes = sealed(b"picture");
        assert_eq!(unsealed(&bytes), Some(&b"picture"[..]));
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(unsealed(&bytes), None);
        assert_eq!(unsealed(b"short"), None);
    }

    #[test]
    fn a_picture_has_300_pixels_an_inch() {
        let picture = png(SVG).unwrap();
        assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
        // Width and height stand at bytes 16 and 20 of a PNG file (its IHDR chunk).
        let at = |i: usize| u32::from_be_bytes(picture[i..i + 4].try_into().unwrap());
        // Of 20 and 10 units, 96 an inch: 62.5 and 31.25 pixels, rounded up.
        assert_eq!((at(16), at(20)), (63, 32));
        assert!(png("<svg").is_err());
        assert!(pdf(SVG).unwrap().starts_with(b"%PDF-"));
        assert!(pdf("<svg").is_err());
    }
}
