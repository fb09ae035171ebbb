//! SVG text: elements written one a line, numbers with two decimals at most, every text escaped.

use std::fmt::Write as _;

use super::text::{Line, Run, superscript};

/// SVG text under construction.
#[derive(Debug, Default)]
pub(super) struct Writer(String);

/// Where a text stands relative to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    /// Font size.
    pub(super) size: f64,
    /// Its anchor.
    pub(super) anchor: Anchor,
    /// Semi-bold.
    pub(super) strong: bool,
    /// Turned by a quarter, to be read from below.
    pub(super) upwards: bool,
}

impl Style {
    /// Upright text of a size.
    pub(super) fn new(size: f64, anchor: Anchor) -> Self {
        Self { size, anchor, strong: false, upwards: false }
    }
}

impl Writer {
    /// A line of markup.
    pub(super) fn line(&mut self, markup: &str) {
        self.0.push_str(markup);
        self.0.push('\n');
    }

    /// A straight line.
    pub(super) fn stroke(&mut self, from: (f64, f64), to: (f64, f64), attributes: &str) {
        let path =
            format!("M{} {}L{} {}", number(from.0), number(from.1), number(to.0), number(to.1));
        self.line(&format!("<path d=\"{path}\" {attributes}/>"));
    }

    /// A text.
    pub(super) fn text(&mut self, at: (f64, f64), line: &Line, style: Style) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.strong { " font-weight=\"600\"" } else { "" };
        let (x, y) = (number(at.0), number(at.1));
        let turn = if style.upwards {
            format!(" transform=\"rotate(-90 {x} {y})\"")
        } else {
            String::new()
        };
        let size = number(style.size);
        let mut markup =
            format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}{weight}{turn}>");
        let mut raised = false;
        for run in line {
            let (small, rise) = superscript(style.size);
            match run {
                Run::Plain(text) if raised => {
                    write!(markup, "<tspan dy=\"{}\">{}</tspan>", number(rise), escape(text))
                        .expect("writing to a string succeeds");
                    raised = false;
                }
                Run::Plain(text) => markup.push_str(&escape(text)),
                Run::Superscript(text) => {
                    write!(
                        markup,
                        "<tspan dy=\"{}\" font-size=\"{}\">{}</tspan>",
                        number(-rise),
                        number(small),
                        escape(text)
                    )
                    .expect("writing to a string succeeds");
                    raised = true;
                }
            }
        }
        markup.push_str("</text>");
        self.line(&markup);
    }

    /// The text so far.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Two decimals at most, no trailing zero, no negative zero.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text as XML and HTML carry it, in content and in quoted attributes. Characters that XML forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}');
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_of_one_spelling() {
        let texts = [1.0, 1.5, -0.001, 12.345_678, -3.10, 100.0].map(number);
        assert_eq!(texts, ["1", "1.5", "0", "12.35", "-3.1", "100"]);
    }

    #[test]
    fn hostile_text_is_escaped() {
        let hostile = "</text><script>alert('\"&\")</script>\u{0}\n";
        let expected =
            "&lt;/text&gt;&lt;script&gt;alert(&#39;&quot;&amp;&quot;)&lt;/script&gt;\u{fffd} ";
        assert_eq!(escape(hostile), expected);
    }

    #[test]
    fn superscripts_return_to_the_line() {
        let mut writer = Writer::default();
        let line = vec![
            Run::Plain("10".to_owned()),
            Run::Superscript("5".to_owned()),
            Run::Plain(" m".to_owned()),
        ];
        writer.text((1.0, 2.0), &line, Style::new(10.0, Anchor::Start));
        assert_eq!(
            writer.finish(),
            "<text x=\"1\" y=\"2\" font-size=\"10\">10<tspan dy=\"-3.6\" font-size=\"7.4\">5</tspan>\
             <tspan dy=\"3.6\"> m</tspan></text>\n"
        );
    }
}
