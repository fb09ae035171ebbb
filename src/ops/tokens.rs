//! `data tokens`: what `OpenCLIP`'s tokeniser makes of texts.

use super::error::Error;
use crate::data::{CAPTION_BYTES_MAX, OPEN_CLIP, PADDING, TokenIds, Tokenizer};

/// `OpenCLIP`'s tokeniser.
pub struct OpenClipTokens(Tokenizer);

impl OpenClipTokens {
    /// The tokeniser for texts of at most `length` tokens, start and end included.
    pub fn new(length: usize) -> Result<Self, Error> {
        let tokenizer = Tokenizer::new(OPEN_CLIP.as_bytes(), length.min(1 << 20));
        let usage = |error| Error::Usage { message: format!("{error}"), hint: None };
        Ok(Self(tokenizer.map_err(usage)?))
    }

    /// The tokens of a text, without padding.
    pub fn of(&self, text: &str) -> Result<TokenIds, Error> {
        let tokens = self.0.encode(text);
        let mut tokens =
            tokens.map_err(|error| Error::Usage { message: error.to_string(), hint: None })?;
        let end = tokens.iter().rposition(|&token| token != PADDING).map_or(0, |last| last + 1);
        tokens.truncate(end);
        Ok(tokens)
    }

    /// The text of a line that is a JSON string; `number` counts lines from 1.
    pub fn text_of_line(
        &self,
        number: usize,
        line: std::io::Result<String>,
    ) -> Result<String, Error> {
        let read = line.map_err(|error| error.to_string());
        let read = read.and_then(|line| serde_json::from_str(&line).map_err(|e| e.to_string()));
        let text = read.and_then(|text: String| match text.len() {
            ..=CAPTION_BYTES_MAX => Ok(text),
            bytes => {
                Err(format!("the text has {bytes} bytes; at most {CAPTION_BYTES_MAX} are read"))
            }
        });
        text.map_err(|error| Error::Usage {
            message: format!("standard input, line {number}: {error}"),
            hint: Some("one JSON string a line, such as: \"a photo of a cat\"".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_end_is_refused_before_it_is_cut_up() {
        let tokens = OpenClipTokens::new(77).unwrap();
        let line = |bytes: usize| Ok(format!("\"{}\"", "a".repeat(bytes)));
        assert!(tokens.text_of_line(1, line(CAPTION_BYTES_MAX)).is_ok());
        let error = tokens.text_of_line(2, line(CAPTION_BYTES_MAX + 1)).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("at most 65536"), "{error}");
    }
}
