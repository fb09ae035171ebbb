//! Texts to token ids: `OpenAI`'s byte pairs, all of them or restricted to the ids that a pinned vocabulary lists.
//!
//! The byte pairs are those of CLIP and `OpenCLIP` (48,894 merges; text in lower case, split into letters, single digits
//! and runs of other signs). What a vocabulary file is decides which tokens they become:
//!
//! * **A list** of the ids in use, ascending, one decimal number a line: the id at index `i` becomes token
//!   [`FIRST_TOKEN`]` + i`, padding is 0, start 1, end 2. Captions are taken as clean: nothing is repaired.
//! * **`OpenCLIP`'s**: the line [`OPEN_CLIP`] (the bundled set `openclip-vocabulary`), or the file that `OpenCLIP` itself reads,
//!   `bpe_simple_vocab_16e6.txt.gz`, known by its digest. Ids are tokens, start is 49406, end 49407, padding 0; and texts
//!   are made clean first as its `SimpleTokenizer` does: repaired like ftfy ([`repair`] says where it differs), HTML
//!   unescaped twice, runs of white space made one space, none at the ends, in lower case.

mod html;
mod repair;

use instant_clip_tokenizer::Token;

use crate::action::params::CONTEXT_MIN;
use crate::digest::BlobDigest;

/// The token after the end of a text.
pub const PADDING: u32 = 0;
/// The token before a text.
pub const START: u32 = 1;
/// The token after the last one of a text.
pub const END: u32 = 2;
/// The token of the vocabulary's first id.
pub const FIRST_TOKEN: u32 = 3;

/// Ids of byte pairs, without the two special tokens of CLIP.
const BYTE_PAIR_IDS: u32 = 49_406;

/// The vocabulary file that stands for all of `OpenCLIP`'s tokens.
pub const OPEN_CLIP: &str = "OpenCLIP SimpleTokenizer, 49408 tokens\n";

/// Tokens of that vocabulary: byte pairs, start and end.
pub const OPEN_CLIP_TOKENS: usize = BYTE_PAIR_IDS as usize + 2;

/// SHA-256 of the file that `OpenCLIP` reads its merges from.
const OPEN_CLIP_FILE: &str = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a";

/// A text as tokens: start, tokens, end, padding; `context_length` of them.
pub type TokenIds = Vec<u32>;

/// A vocabulary that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VocabularyError {
    /// A line that is not an id in its one spelling.
    #[error("vocabulary, line {line}: not a decimal byte-pair id below 49406")]
    NotAnId {
        /// The line, from 1.
        line: usize,
    },
    /// An id that is not larger than the one before.
    #[error("vocabulary, line {line}: the ids must ascend")]
    NotAscending {
        /// The line, from 1.
        line: usize,
    },
    /// A context that has no room for a text.
    #[error("a context of {0} tokens has no room for start, end and a token")]
    ContextLength(usize),
}

/// A text that cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A text that needs a byte pair outside the vocabulary.
    ///
    /// There is no token for the unknown: a silent one would change what a prompt means.
    #[error(
        "`{text}` needs byte pair {id}, which is not in the vocabulary; the bundled `openclip-vocabulary` (size 49408) has all"
    )]
    NotInVocabulary {
        /// The text.
        text: String,
        /// The byte-pair id.
        id: u32,
    },
}

/// Encodes texts in a pinned vocabulary.
pub struct Tokenizer {
    byte_pairs: BytePairs,
    vocabulary: Vocabulary,
    context_length: usize,
}

/// Which tokens byte pairs become.
enum Vocabulary {
    /// Ids in use, ascending.
    Listed(Vec<u32>),
    /// All of them.
    OpenClip,
}

impl Tokenizer {
    /// A tokeniser of a vocabulary file, for texts of `context_length` tokens, start and end included.
    ///
    /// Reading the merges takes some tens of milliseconds: make one and keep it.
    pub fn new(vocabulary: &[u8], context_length: usize) -> Result<Self, VocabularyError> {
        if (context_length as u64) < CONTEXT_MIN {
            return Err(VocabularyError::ContextLength(context_length));
        }
        let is_open_clip = vocabulary == OPEN_CLIP.as_bytes()
            || vocabulary.starts_with(&[0x1f, 0x8b])
                && BlobDigest::of(vocabulary).to_string() == OPEN_CLIP_FILE;
        let vocabulary = if is_open_clip {
            Vocabulary::OpenClip
        } else {
            Vocabulary::Listed(parse_vocabulary(vocabulary)?)
        };
        Ok(Self { byte_pairs: BytePairs::new(), vocabulary, context_length })
    }

    /// Tokens that [`Self::encode`] may give: rows of a token embedding.
    pub fn vocabulary_size(&self) -> usize {
        match &self.vocabulary {
            Vocabulary::Listed(ids) => FIRST_TOKEN as usize + ids.len(),
            Vocabulary::OpenClip => OPEN_CLIP_TOKENS,
        }
    }

    /// Tokens of an encoded text.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// Encodes `text`: start, its tokens, end, then [`PADDING`]. A longer text is cut; its last token is the end all the
    /// same. Byte pairs that are cut off need not be in the vocabulary.
    pub fn encode(&self, text: &str) -> Result<TokenIds, TokenizerError> {
        let room = self.context_length - 2;
        let mut tokens = Vec::with_capacity(self.context_length);
        match &self.vocabulary {
            Vocabulary::Listed(listed) => {
                tokens.push(START);
                for id in self.byte_pairs.ids(text).into_iter().take(room) {
                    let index = listed.binary_search(&id).map_err(|_| {
                        TokenizerError::NotInVocabulary { text: text.to_owned(), id }
                    })?;
                    let index = u32::try_from(index).expect("there are 49,406 ids at most");
                    tokens.push(FIRST_TOKEN + index);
                }
                tokens.push(END);
            }
            Vocabulary::OpenClip => {
                tokens.push(BYTE_PAIR_IDS);
                tokens.extend(self.byte_pairs.ids(&cleaned(text)).into_iter().take(room));
                tokens.push(BYTE_PAIR_IDS + 1);
            }
        }
        tokens.resize(self.context_length, PADDING);
        Ok(tokens)
    }
}

/// A text as `OpenCLIP`'s tokeniser cuts it: repaired, HTML unescaped twice, white space collapsed, in lower case.
pub fn cleaned(text: &str) -> String {
    let repaired = repair::repair(text);
    let once = html::unescape(&repaired);
    let twice = html::unescape(&once);
    // Python's `strip` takes four control characters for white space; ftfy has removed them, but a reference may give them.
    let words: Vec<&str> = twice.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// The whole byte-pair vocabulary of CLIP.
pub(crate) struct BytePairs(instant_clip_tokenizer::Tokenizer);

impl BytePairs {
    /// Reads the merges.
    pub(crate) fn new() -> Self {
        Self(instant_clip_tokenizer::Tokenizer::new())
    }

    /// The byte-pair ids of `text`, without start and end.
    pub(crate) fn ids(&self, text: &str) -> Vec<u32> {
        let mut tokens: Vec<Token> = Vec::new();
        self.0.encode(text, &mut tokens);
        tokens.into_iter().map(|token| u32::from(token.to_u16())).collect()
    }
}

fn parse_vocabulary(vocabulary: &[u8]) -> Result<Vec<u32>, VocabularyError> {
    let mut ids: Vec<u32> = Vec::new();
    let lines = vocabulary.strip_suffix(b"\n").unwrap_or(vocabulary);
    for (index, text) in lines.split(|&byte| byte == b'\n').enumerate() {
        let line = index + 1;
        let id = std::str::from_utf8(text)
            .ok()
            .and_then(|text| Some((text, text.parse::<u32>().ok()?)))
            .filter(|(text, id)| *id < BYTE_PAIR_IDS && id.to_string() == *text)
            .map(|(_, id)| id)
            .ok_or(VocabularyError::NotAnId { line })?;
        if ids.last().is_some_and(|&last| last >= id) {
            return Err(VocabularyError::NotAscending { line });
        }
        ids.push(id);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected ids: `tests/golden/data.py tokens` over `OpenCLIP`'s own vocabulary file, a second implementation.
    #[test]
    fn ids_are_those_of_open_clip() {
        let byte_pairs = BytePairs::new();
        let check =
            |text: &str, expected: &[u32]| assert_eq!(byte_pairs.ids(text), expected, "{text}");
        check("a photo of a cat", &[320, 1125, 539, 320, 2368]);
        check("regular arrow left circle icon", &[6307, 11149, 1823, 7117, 5646]);
        check("It's 24-hours, don't!", &[585, 568, 273, 275, 268, 2382, 267, 847, 713, 256]);
        check("curaçao flag", &[729, 559, 10067, 5703, 4859]);
        check("x_y  (ZOOM)  3d", &[343, 318, 344, 263, 13909, 264, 274, 323]);
        check("côte d’ivoire", &[66, 26815, 756, 323, 728, 503, 72, 947, 1454]);
        check("waving hand light skin tone", &[26545, 2463, 1395, 3575, 8408]);
    }

    /// Expected ids: `tests/bench/tokenizer_parity.py --goldens`, `OpenCLIP`'s tokeniser with ftfy 6.3.1.
    #[test]
    fn nasty_captions_have_open_clips_ids() {
        let goldens = include_str!("../../../tests/golden/captions.jsonl");
        let tokenizer = Tokenizer::new(OPEN_CLIP.as_bytes(), 77).unwrap();
        assert_eq!(tokenizer.vocabulary_size(), 49_408);
        for line in goldens.lines() {
            let (text, mut expected): (String, Vec<u32>) = serde_json::from_str(line).unwrap();
            expected.resize(77, 0);
            assert_eq!(tokenizer.encode(&text).unwrap(), expected, "{text:?} {:?}", cleaned(&text));
        }
        assert!(goldens.lines().count() > 200);
    }

    #[test]
    fn open_clips_texts_are_cut_at_the_end_token() {
        let tokenizer = Tokenizer::new(OPEN_CLIP.as_bytes(), 5).unwrap();
        let check = |text: &str, expected: [u32; 5]| {
            assert_eq!(tokenizer.encode(text).as_deref(), Ok(&expected[..]), "{text}");
        };
        check("a photo of a cat", [49_406, 320, 1125, 539, 49_407]);
        check("  A\tcat ", [49_406, 320, 2368, 49_407, 0]);
        check("", [49_406, 49_407, 0, 0, 0]);
    }

    /// Mistakes that are undone, and look-alikes that are none. Expected values: ftfy 6.3.1.
    #[test]
    fn misread_utf8_is_repaired() {
        let check = |text: &str, expected: &str| assert_eq!(cleaned(text), expected, "{text}");
        check("cafÃ© â€“ naÃ¯ve", "café – naïve");
        check("ä¸\u{ad}æ–‡", "中文");
        check("it\u{92}s", "it's");
        check("CAFÉ\u{a0}: 50 % ±2", "café : 50 % ±2");
    }

    #[test]
    fn text_is_framed_padded_and_cut() {
        // "a photo of a cat" without its "of".
        let tokenizer = |length| Tokenizer::new(b"320\n1125\n2368\n", length).unwrap();
        assert_eq!(tokenizer(8).vocabulary_size(), 6);
        let check = |text: &str, length, expected: &[u32]| {
            assert_eq!(tokenizer(length).encode(text).as_deref(), Ok(expected), "{text}");
        };
        check("a photo", 6, &[START, 3, 4, END, PADDING, PADDING]);
        check("A  CAT", 4, &[START, 3, 5, END]);
        check("a cat a photo", 4, &[START, 3, 5, END]);
        check("", 3, &[START, END, PADDING]);
        check("a photo of a cat", 4, &[START, 3, 4, END]);
    }

    #[test]
    fn text_outside_the_vocabulary_is_an_error() {
        let tokenizer = Tokenizer::new(b"320\n1125\n", 8).unwrap();
        for (text, id) in [("a photo of", 539), ("<end_of_text>", 49_407)] {
            let error = TokenizerError::NotInVocabulary { text: text.to_owned(), id };
            assert_eq!(tokenizer.encode(text), Err(error));
        }
    }

    #[test]
    fn vocabulary_has_one_spelling() {
        let new = |vocabulary: &[u8]| Tokenizer::new(vocabulary, 8).err();
        assert_eq!(new(b"1\n49405\n"), None);
        for wrong in [&b"1\n\n2\n"[..], b"", b"+1\n", b"01\n", b"49406\n", b"x", b"1\r\n", b"\xff"]
        {
            assert!(matches!(new(wrong), Some(VocabularyError::NotAnId { .. })), "{wrong:?}");
        }
        for wrong in [&b"2\n1\n"[..], b"1\n1\n"] {
            assert_eq!(new(wrong), Some(VocabularyError::NotAscending { line: 2 }));
        }
        let short = Tokenizer::new(b"1\n", 2).err();
        assert_eq!(short, Some(VocabularyError::ContextLength(2)));
    }
}
