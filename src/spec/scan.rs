//! Cuts Dhall source into bracket groups, in one pass.
//!
//! The engine's parser reads a bracketed expression about three times a nesting level, so its cost is 3^depth. Cut into
//! groups, every byte is given to it once. The scanner is an approximation on purpose: where it is unsure, a bracket
//! stays with its parent, which costs time and never changes the tree. It knows comments, text literals, quoted labels,
//! paths and URLs, because brackets inside those are not brackets.

/// A syntax error at a byte of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Offset in bytes, at most the length of the source.
    pub(super) offset: usize,
    /// What is wrong there.
    pub(super) message: String,
}

impl SyntaxError {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

type Result<T> = std::result::Result<T, SyntaxError>;

/// How a group is written, which decides how a placeholder stands in for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The whole source.
    File,
    /// `( e )`: the expression inside.
    Parentheses,
    /// `[ … ]`, `{ … }`, `< … >`: the brackets belong to the expression.
    Brackets,
    /// `${ e }` inside a text literal: the expression inside.
    Interpolation,
    /// `'' … ''`, a text literal on several lines.
    Indented,
}

/// A bracketed piece of the source.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) shape: Shape,
    /// First byte of the opening bracket.
    pub(super) start: usize,
    /// One past the closing bracket.
    pub(super) end: usize,
    /// Groups directly inside, in order.
    pub(super) children: Vec<usize>,
}

/// The groups of `source`; the first is the file itself.
pub(super) fn groups(source: &str, depth_max: usize) -> Result<Vec<Group>> {
    let mut scanner = Scanner { source: source.as_bytes(), at: 0, groups: Vec::new(), depth_max };
    while scanner.looking_at(b"#!") {
        scanner.skip_line();
        scanner.at = (scanner.at + 1).min(source.len());
    }
    scanner.groups.push(Group {
        shape: Shape::File,
        start: 0,
        end: source.len(),
        children: Vec::new(),
    });
    scanner.body(Level::new(0, 0, None))?;
    Ok(scanner.groups)
}

struct Scanner<'a> {
    source: &'a [u8],
    at: usize,
    groups: Vec<Group>,
    depth_max: usize,
}

/// What the scanner knows about the group that it is in.
struct Level {
    group: usize,
    depth: usize,
    /// The closing byte that ends the group, and where it was opened; nothing for the file.
    closing: Option<(u8, usize)>,
    /// Open brackets that stay in this group: of binders, and of `.{a, b}`.
    transparent: Vec<(u8, usize)>,
    /// The last token was a lone `.`.
    after_dot: bool,
    /// The last token was `λ` or `∀`.
    after_binder: bool,
    /// Anything but blanks, comments and commas was seen.
    solid: bool,
}

impl Level {
    fn new(group: usize, depth: usize, closing: Option<(u8, usize)>) -> Self {
        Self {
            group,
            depth,
            closing,
            transparent: Vec::new(),
            after_dot: false,
            after_binder: false,
            solid: false,
        }
    }
}

impl Scanner<'_> {
    fn looking_at(&self, token: &[u8]) -> bool {
        self.source.get(self.at..).is_some_and(|rest| rest.starts_with(token))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.source.get(self.at + ahead).copied()
    }

    fn skip_line(&mut self) {
        self.skip_while(|byte| byte != b'\n');
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn open(&mut self, shape: Shape, parent: usize, start: usize) -> usize {
        let group = self.groups.len();
        self.groups.push(Group { shape, start, end: start, children: Vec::new() });
        self.groups[parent].children.push(group);
        group
    }

    /// Reads up to the closing byte of `level`; says whether anything solid was inside.
    fn body(&mut self, mut level: Level) -> Result<bool> {
        if level.depth > self.depth_max {
            let message = format!("brackets are nested more than {} deep", self.depth_max);
            return Err(SyntaxError::new(level.closing.map_or(0, |(_, opened)| opened), message));
        }
        while let Some(byte) = self.peek(0) {
            if self.blank()? {
                continue;
            }
            let after_dot = std::mem::take(&mut level.after_dot);
            let after_binder = std::mem::take(&mut level.after_binder);
            match byte {
                b'(' | b'[' | b'{' | b'<' => {
                    let stays = if byte == b'(' { after_binder } else { after_dot && byte == b'{' };
                    self.bracket(&mut level, byte, stays)?;
                }
                b')' | b']' | b'}' | b'>' => {
                    if self.close(&mut level, byte)? {
                        return Ok(level.solid);
                    }
                }
                _ => self.token(&mut level, byte)?,
            }
            level.solid |= byte != b',';
        }
        if let Some(&(_, opened)) = level.transparent.last() {
            return Err(SyntaxError::new(opened, "this bracket is never closed"));
        }
        match level.closing {
            None => Ok(level.solid),
            Some((_, opened)) => {
                let bracket =
                    if self.source[opened] == b'$' { "${" } else { self.bracket_at(opened) };
                Err(SyntaxError::new(opened, format!("this `{bracket}` is never closed")))
            }
        }
    }

    fn bracket_at(&self, offset: usize) -> &'static str {
        match self.source[offset] {
            b'(' => "(",
            b'[' => "[",
            b'{' => "{",
            _ => "<",
        }
    }

    /// Skips one run of white space or one comment, if there is one here.
    fn blank(&mut self) -> Result<bool> {
        match self.peek(0) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
            Some(b'-') if self.looking_at(b"--") => self.skip_line(),
            Some(b'{') if self.looking_at(b"{-") => self.block_comment()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn block_comment(&mut self) -> Result<()> {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.source.len() {
            if self.looking_at(b"{-") {
                depth += 1;
                self.at += 2;
            } else if self.looking_at(b"-}") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else {
                self.at += 1;
            }
        }
        Err(SyntaxError::new(start, "this block comment is never closed"))
    }

    fn bracket(&mut self, level: &mut Level, byte: u8, stays: bool) -> Result<()> {
        let start = self.at;
        let closing = match byte {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            _ => b'>',
        };
        self.at += 1;
        if stays {
            level.transparent.push((closing, start));
            return Ok(());
        }
        let shape = if byte == b'(' { Shape::Parentheses } else { Shape::Brackets };
        let group = self.open(shape, level.group, start);
        let solid = self.body(Level::new(group, level.depth + 1, Some((closing, start))))?;
        self.groups[group].end = self.at;
        if byte == b'[' && !solid {
            // `[] : T` is syntax of its own.
            self.groups[level.group].children.pop();
        }
        Ok(())
    }

    /// Takes a closing bracket; says whether it ends the group.
    fn close(&mut self, level: &mut Level, byte: u8) -> Result<bool> {
        let found = char::from(byte);
        if let Some((wanted, opened)) = level.transparent.pop() {
            if wanted != byte {
                let line = self.line_of(opened);
                let message =
                    format!("`{found}` does not match the bracket that was opened on line {line}");
                return Err(SyntaxError::new(self.at, message));
            }
            self.at += 1;
            return Ok(false);
        }
        match level.closing {
            Some((wanted, _)) if wanted == byte => {
                self.at += 1;
                Ok(true)
            }
            None => Err(SyntaxError::new(self.at, format!("`{found}` was never opened"))),
            Some((wanted, opened)) => {
                let (wanted, line) = (char::from(wanted), self.line_of(opened));
                let message = format!(
                    "expected `{wanted}` for the bracket that was opened on line {line}, found `{found}`"
                );
                Err(SyntaxError::new(self.at, message))
            }
        }
    }

    fn line_of(&self, offset: usize) -> usize {
        self.source[..offset].split(|&byte| byte == b'\n').count()
    }

    /// Reads any token that is neither blank nor bracket.
    fn token(&mut self, level: &mut Level, byte: u8) -> Result<()> {
        match byte {
            b'-' if self.looking_at(b"->") => self.at += 2,
            b'"' => self.text(level)?,
            b'\'' if self.looking_at(b"''") => self.indented(level)?,
            b'`' => self.quoted_label()?,
            b'\\' => {
                self.at += 1;
                level.after_binder = true;
            }
            0xCE if self.looking_at("λ".as_bytes()) => {
                self.at += "λ".len();
                level.after_binder = true;
            }
            0xE2 if self.looking_at("∀".as_bytes()) => {
                self.at += "∀".len();
                level.after_binder = true;
            }
            b'/' if self.looking_at(b"/\\") => self.at += 2,
            b'/' if self.looking_at(b"//\\\\") => self.at += 4,
            b'/' if self.looking_at(b"//") => self.at += 2,
            b'/' | b'~' => self.path(),
            b'.' if self.looking_at(b"./") || self.looking_at(b"../") => self.path(),
            b'.' => {
                self.at += 1;
                level.after_dot = true;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(level)?,
            b'0'..=b'9' => self.number(),
            _ => self.at += 1,
        }
        Ok(())
    }

    fn number(&mut self) {
        while let Some(byte) = self.peek(0) {
            let point = byte == b'.' && self.peek(1).is_some_and(|next| next.is_ascii_digit());
            if !(byte.is_ascii_alphanumeric() || point) {
                return;
            }
            self.at += 1;
        }
    }

    fn word(&mut self, level: &mut Level) -> Result<()> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/'));
        match &self.source[start..self.at] {
            b"forall" => level.after_binder = true,
            b"env" if self.looking_at(b":\"") => {
                self.at += 1;
                self.text(level)?;
            }
            b"http" | b"https" | b"env"
                if self.looking_at(b":")
                    && self
                        .peek(1)
                        .is_some_and(|next| !next.is_ascii_whitespace() && next != b':') =>
            {
                self.path();
            }
            _ => {}
        }
        Ok(())
    }

    fn quoted_label(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| byte != b'`');
        if self.peek(0).is_none() {
            return Err(SyntaxError::new(start, "this quoted label is never closed"));
        }
        self.at += 1;
        Ok(())
    }

    /// Skips a path or a URL, with its `"quoted"` components.
    fn path(&mut self) {
        while let Some(byte) = self.peek(0) {
            let before = self.source[..self.at].last().copied();
            let host = before == Some(b'@') || self.source[..self.at].ends_with(b"//");
            if byte == b'"' && before == Some(b'/') {
                self.at += 1;
                self.skip_while(|byte| byte != b'"');
                self.at = (self.at + 1).min(self.source.len());
            } else if byte == b'[' && host {
                self.skip_while(|byte| !matches!(byte, b']' | b'\n'));
                if self.peek(0) == Some(b']') {
                    self.at += 1;
                }
            } else if byte == b'/'
                || is_path_byte(byte)
                || byte == b'?' && self.peek(1).is_some_and(is_path_byte)
            {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn text(&mut self, level: &Level) -> Result<()> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.at = (self.at + 2).min(self.source.len()),
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'$' if self.looking_at(b"${") => self.interpolation(level.group, level.depth)?,
                _ => self.at += 1,
            }
        }
        Err(SyntaxError::new(start, "this text literal is never closed"))
    }

    fn interpolation(&mut self, parent: usize, depth: usize) -> Result<()> {
        let start = self.at;
        self.at += 2;
        let group = self.open(Shape::Interpolation, parent, start);
        self.body(Level::new(group, depth + 1, Some((b'}', start))))?;
        self.groups[group].end = self.at;
        Ok(())
    }

    fn indented(&mut self, level: &Level) -> Result<()> {
        let start = self.at;
        let group = self.open(Shape::Indented, level.group, start);
        self.at += 2;
        if !(self.looking_at(b"\n") || self.looking_at(b"\r\n")) {
            return Err(SyntaxError::new(start, "a line break must follow the opening ''"));
        }
        while self.peek(0).is_some() {
            if self.looking_at(b"'''") {
                self.at += 3;
            } else if self.looking_at(b"''${") {
                self.at += 4;
            } else if self.looking_at(b"''") {
                self.at += 2;
                self.groups[group].end = self.at;
                return Ok(());
            } else if self.looking_at(b"${") {
                self.interpolation(group, level.depth + 1)?;
            } else {
                self.at += 1;
            }
        }
        Err(SyntaxError::new(start, "this '' text literal is never closed"))
    }
}

/// `path-character` of the standard's grammar.
fn is_path_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x24..=0x27 | 0x2A..=0x2B | 0x2D..=0x2E | 0x30..=0x3B | 0x3D
        | 0x40..=0x5A | 0x5E..=0x7A | 0x7C | 0x7E)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(source: &str) -> Vec<&str> {
        let groups = groups(source, 200).unwrap();
        let kept = groups.iter().flat_map(|group| &group.children);
        kept.map(|&child| &source[groups[child].start..groups[child].end]).collect()
    }

    fn refusal(source: &str) -> String {
        groups(source, 200).unwrap_err().message
    }

    #[test]
    fn brackets_are_cut_and_binders_are_not() {
        assert_eq!(pieces("λ(x : { a : T }) → (x.{ a, b })"), ["{ a : T }", "(x.{ a, b })"]);
        assert_eq!(pieces("[] : List T"), [""; 0]);
        assert_eq!(pieces("\"a ${ {b = 1}.b }\""), ["${ {b = 1}.b }", "{b = 1}"]);
    }

    #[test]
    fn brackets_in_comments_labels_texts_and_paths_are_not_brackets() {
        for source in
            ["{- ( -} 1 -- (", "`a(b`", "\"(\"", "./a/\"(\"/b", "http://[::1]/a ", "''\n ( ''"]
        {
            let cut = pieces(source);
            assert!(cut.is_empty() || cut == ["''\n ( ''"], "{source}: {cut:?}");
        }
    }

    #[test]
    fn every_open_bracket_must_be_closed_by_its_own_kind() {
        assert_eq!(refusal("(1"), "this `(` is never closed");
        assert_eq!(refusal("1)"), "`)` was never opened");
        assert_eq!(
            refusal("\n[1)"),
            "expected `]` for the bracket that was opened on line 2, found `)`"
        );
        assert_eq!(refusal("\"a ${if True then 1"), "this `${` is never closed");
        assert_eq!(refusal("{- {- -}"), "this block comment is never closed");
        assert_eq!(refusal(&"(".repeat(300)), "brackets are nested more than 200 deep");
    }
}
