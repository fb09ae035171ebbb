//! A table for print: Markdown with aligned columns, and LaTeX with the rules of `booktabs`.
//!
//! A column's format rounds its numbers, half to even in decimal, as Rust and C print them; cells without a format stand
//! as they are in `table.csv`. A column of numbers is set to the right.

use crate::plan::{NumberFormat, PrintedColumn};
use crate::plot::table::Table;

/// Cells as they are printed, and which columns hold nothing but numbers.
struct Printed {
    rows: Vec<Vec<String>>,
    is_numeric: Vec<bool>,
}

impl Printed {
    fn of(table: &Table, formats: &[PrintedColumn]) -> Self {
        let format = |name: &String| {
            formats.iter().find(|printed| printed.column == *name).map(|printed| printed.format)
        };
        let formats: Vec<_> = table.columns().iter().map(format).collect();
        let row =
            |row: &Vec<String>| row.iter().zip(&formats).map(|(c, f)| printed(c, *f)).collect();
        let rows: Vec<Vec<String>> = table.rows().iter().map(row).collect();
        let is_numeric = (0..table.columns().len()).map(|column| {
            let mut cells = rows.iter().map(|row| row[column].as_str());
            cells.all(|cell| cell.is_empty() || cell.parse::<f64>().is_ok())
        });
        Self { is_numeric: is_numeric.collect(), rows }
    }
}

/// A cell in a format; what is no number stays as it is.
fn printed(cell: &str, format: Option<NumberFormat>) -> String {
    let (Some(format), Ok(value)) = (format, cell.parse::<f64>()) else {
        return cell.to_owned();
    };
    let (value, decimals) = match format {
        NumberFormat::Decimals(decimals) => (value, decimals),
        NumberFormat::Percent(decimals) => (value * 100.0, decimals),
    };
    // More decimals than a binary64 number can have add nothing but zeros.
    let decimals = usize::try_from(decimals.min(1_100)).unwrap_or(1_100);
    format!("{value:.decimals$}")
}

/// Wider columns of Markdown are not aligned.
const WIDTH_MAX: usize = 1_000;

/// The table as Markdown, its title above.
pub fn markdown(title: &str, table: &Table, formats: &[PrintedColumn]) -> String {
    let cells = Printed::of(table, formats);
    let header: Vec<String> = table.columns().iter().map(|cell| markdown_text(cell)).collect();
    let rows: Vec<Vec<String>> =
        cells.rows.iter().map(|row| row.iter().map(|cell| markdown_text(cell)).collect()).collect();
    let width = |column: usize| {
        let widths = std::iter::once(&header).chain(&rows).map(|row| row[column].chars().count());
        widths.max().unwrap_or(0).clamp(3, WIDTH_MAX)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::from("|");
        for ((cell, width), is_numeric) in row.iter().zip(&widths).zip(&cells.is_numeric) {
            // By hand: a width in a format has 16 bits.
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            line += &if *is_numeric {
                format!(" {padding}{cell} |")
            } else {
                format!(" {cell}{padding} |")
            };
        }
        line + "\n"
    };
    let mut rule = String::from("|");
    for (width, is_numeric) in widths.iter().zip(&cells.is_numeric) {
        let dashes = "-".repeat(width - 1);
        rule += &if *is_numeric { format!(" {dashes}: |") } else { format!(" {dashes}- |") };
    }
    let body: String = rows.iter().map(line).collect();
    format!("{}\n\n{}{rule}\n{body}", markdown_line(title), line(&header))
}

/// A text that Markdown shows as it is.
fn markdown_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => shown.push(' '),
            '\\' | '|' | '*' | '_' | '`' | '<' | '[' | '#' | '~' => shown.extend(['\\', c]),
            '&' => shown.push_str("&amp;"),
            c => shown.push(c),
        }
    }
    shown
}

/// A text that Markdown shows as it is where it begins a line; a cell does not.
fn markdown_line(text: &str) -> String {
    let text = markdown_text(text.trim_start());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.as_bytes().get(digits).copied() {
        Some(b'.' | b')') if digits > 0 => format!("{}\\{}", &text[..digits], &text[digits..]),
        Some(b'>' | b'-' | b'+' | b'=') if digits == 0 => format!("\\{text}"),
        _ => text,
    }
}

/// The table as LaTeX: a `table` that needs the package `booktabs`.
pub fn latex(title: &str, table: &Table, formats: &[PrintedColumn]) -> String {
    let cells = Printed::of(table, formats);
    let columns: String = cells.is_numeric.iter().map(|is| if *is { 'r' } else { 'l' }).collect();
    let line = |row: &Vec<String>| {
        let row: Vec<String> = row.iter().map(|cell| latex_text(cell)).collect();
        format!("{}{} \\\\\n", guard(&row), row.join(" & "))
    };
    let body: String = cells.rows.iter().map(line).collect();
    format!(
        "% \\usepackage{{booktabs}}\n\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{}\\midrule\n{body}\
         \\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n",
        latex_text(title),
        line(&table.columns().to_vec())
    )
}

/// What stands before a row, so that the line break or rule before it does not take its beginning for an argument.
fn guard(row: &[String]) -> &'static str {
    let is_argument = |cell: &String| cell.trim_start().starts_with(['[', '*']);
    if row.first().is_some_and(is_argument) { "{}" } else { "" }
}

/// A text that LaTeX sets as it is.
fn latex_text(text: &str) -> String {
    let mut set = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => set.push(' '),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => set.extend(['\\', c]),
            '\\' => set.push_str("\\textbackslash{}"),
            '~' => set.push_str("\\textasciitilde{}"),
            '^' => set.push_str("\\textasciicircum{}"),
            '<' => set.push_str("\\textless{}"),
            '>' => set.push_str("\\textgreater{}"),
            '|' => set.push_str("\\textbar{}"),
            '−' => set.push_str("$-$"),
            c => set.push(c),
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Table, Vec<PrintedColumn>) {
        let table = Table::parse("a_b,share,n\nx|y,0.77972,3\nz & 50%,,12\n").unwrap();
        let format = |column: &str, format| PrintedColumn { column: column.to_owned(), format };
        (table, vec![format("share", NumberFormat::Percent(2))])
    }

    #[test]
    fn markdown_is_aligned_and_escaped() {
        let (table, formats) = example();
        let expected = [
            "T",
            "",
            r"| a\_b        | share |   n |",
            r"| ----------- | ----: | --: |",
            r"| x\|y        | 77.97 |   3 |",
            r"| z &amp; 50% |       |  12 |",
            "",
        ];
        assert_eq!(markdown("T", &table, &formats), expected.join("\n"));
    }

    /// A width in a format has 16 bits.
    #[test]
    fn a_cell_as_long_as_a_file_breaks_no_table() {
        let long = "a".repeat(70_000);
        let table = Table::parse(&format!("t,n\n{long},1\nb,2\n")).unwrap();
        let text = markdown("T", &table, &[]);
        let rows: Vec<_> = text.lines().skip(4).collect();
        assert_eq!(
            rows,
            [format!("| {long} |   1 |"), format!("| b{} |   2 |", " ".repeat(WIDTH_MAX - 1))]
        );
    }

    /// What opens a quote, a list, a heading or a rule (`CommonMark` 0.31), and GitHub's strikethrough.
    #[test]
    fn a_title_opens_no_block_and_no_cell_is_struck_through() {
        for (title, shown) in [
            ("> a > b", r"\> a > b"),
            ("- a - b", r"\- a - b"),
            ("+ a", r"\+ a"),
            ("===", r"\==="),
            ("# a", r"\# a"),
            ("12. a", r"12\. a"),
            ("3) a", r"3\) a"),
            ("    - a", r"\- a"),
            ("2.5 a", r"2\.5 a"),
            ("29 models", "29 models"),
            ("", ""),
        ] {
            assert_eq!(markdown_line(title), shown);
        }
        let table = Table::parse("a,b\n~~x~~,-0.5\n").unwrap();
        assert!(markdown("", &table, &[]).ends_with("| \\~\\~x\\~\\~ | -0.5 |\n"));
    }

    #[test]
    fn latex_is_escaped() {
        let (table, formats) = example();
        let expected = "% \\usepackage{booktabs}\n\\begin{table}\n\\centering\n\\caption{50\\% \\_}\n\\begin{tabular}{lrr}\n\\toprule\n\
            a\\_b & share & n \\\\\n\\midrule\nx\\textbar{}y & 77.97 & 3 \\\\\nz \\& 50\\% &  & 12 \\\\\n\
            \\bottomrule\n\\end{tabular}\n\\end{table}\n";
        assert_eq!(latex("50% _", &table, &formats), expected);
    }

    /// `\\`, `\toprule` and `\midrule` look for `[`, and `\\` for `*`, also behind spaces and a line feed.
    #[test]
    fn a_cell_that_begins_a_row_is_no_argument_of_the_line_before() {
        let table = Table::parse("[a],b\n[1],[2]\n*,*\n [x],y\na[1],*b\n").unwrap();
        let text = latex("T", &table, &[]);
        let rows: Vec<_> = text.lines().filter(|line| line.contains('&')).collect();
        let expected =
            [r"{}[a] & b \\", r"{}[1] & [2] \\", r"{}* & * \\", r"{} [x] & y \\", r"a[1] & *b \\"];
        assert_eq!(rows, expected);
    }

    /// 0.125 and 0.375 are binary fractions, so both are ties; 2.675 is not: its double lies below.
    #[test]
    fn ties_go_to_the_even_digit() {
        let texts = ["0.125", "0.375", "2.675", "-0.5", "34B", ""];
        let texts = texts.map(|text| printed(text, Some(NumberFormat::Decimals(2))));
        assert_eq!(texts, ["0.12", "0.38", "2.67", "-0.50", "34B", ""]);
        assert_eq!(printed("0.77972", Some(NumberFormat::Percent(1))), "78.0");
    }
}
