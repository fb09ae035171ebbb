//! What a text tower needs to know of its texts beside the tokens.

use std::ops::Range;

/// Encoded texts of one context length, side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    tokens: Vec<u32>,
    lengths: Vec<u32>,
    ends: Vec<u32>,
}

impl Texts {
    /// Makes room for no text; [`Texts::push`] adds them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text: its tokens, padded with 0 at the end. Its end is the first token that is one more than its start:
    /// so are start and end numbered in `OpenCLIP`'s vocabulary, where that is the first of the highest id, at which
    /// `OpenCLIP` pools, and in the vocabularies here. Without one, it is the last token that is not padding.
    ///
    /// # Panics
    ///
    /// If all of it is padding.
    pub fn push(&mut self, tokens: &[u32]) {
        let last =
            tokens.iter().rposition(|&token| token != 0).expect("a text has a start and an end");
        let end = tokens.iter().position(|&token| token.checked_sub(1) == Some(tokens[0]));
        let place = |at: usize| u32::try_from(at).expect("a text has fewer than 2³² tokens");
        self.tokens.extend_from_slice(tokens);
        self.lengths.push(place(last) + 1);
        self.ends.push(place(end.unwrap_or(last)));
    }

    /// Removes all texts and keeps the room.
    pub fn clear(&mut self) {
        self.tokens.clear();
        self.lengths.clear();
        self.ends.clear();
    }

    /// The tokens, text after text.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Of each text, how many tokens are not padding.
    pub fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// Of each text, the place of its end.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }
}

/// The rows of the token embedding that the texts of some chunks touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TouchedRows {
    /// The rows, a chunk's after another's, ascending within a chunk.
    pub rows: Vec<u32>,
    /// For each token, the place of its row in `rows`.
    pub slots: Vec<u32>,
    /// Where the rows of each chunk end.
    ends: Vec<usize>,
}

impl TouchedRows {
    /// Finds the rows of the `tokens` of so many chunks of equally many, in the room of an earlier answer.
    ///
    /// # Panics
    ///
    /// If there is no chunk.
    pub fn find(&mut self, tokens: &[u32], chunks: usize) {
        self.rows.clear();
        self.slots.clear();
        self.ends.clear();
        let of_chunk = tokens.len() / chunks;
        for chunk in 0..chunks {
            self.add(&tokens[chunk * of_chunk..(chunk + 1) * of_chunk]);
            self.ends.push(self.rows.len());
        }
    }

    /// Adds a chunk.
    fn add(&mut self, tokens: &[u32]) {
        let (first, slots) = (self.rows.len(), self.slots.len());
        self.slots.extend_from_slice(tokens);
        let sorted = &mut self.slots[slots..];
        sorted.sort_unstable();
        self.rows.extend(sorted.chunk_by(u32::eq).map(|same| same[0]));
        let rows = &self.rows[first..];
        for (slot, token) in self.slots[slots..].iter_mut().zip(tokens) {
            let place = first + rows.binary_search(token).expect("every token is among the rows");
            *slot = u32::try_from(place).expect("there are no more rows than tokens");
        }
    }

    /// The rows of a chunk, as a range of all.
    pub fn of_chunk(&self, chunk: usize) -> Range<usize> {
        let start = chunk.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[chunk]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_do_not_count_padding() {
        let mut texts = Texts::new();
        texts.push(&[1, 7, 2, 0, 0]);
        texts.push(&[1, 7, 8, 9, 2]);
        assert_eq!(texts.lengths(), [3, 5]);
        assert_eq!(texts.ends(), [2, 4]);
    }

    /// `OpenCLIP` takes `text.argmax(dim=-1)`, the first of the highest id: a caption may spell the end of a text.
    #[test]
    fn the_end_is_the_first_of_the_highest_id_in_open_clips_vocabulary() {
        let (start, end) = (49_406, 49_407);
        let mut texts = Texts::new();
        texts.push(&[start, 320, end, 1125, end, 0]);
        texts.push(&[start, 0, 0, end, 0, 0]);
        texts.push(&[start, end, 0, 0, 0, 0]);
        assert_eq!(texts.ends(), [2, 3, 1]);
        for (text, end) in texts.tokens().chunks(6).zip(texts.ends()) {
            let highest = text.iter().max().unwrap();
            assert_eq!(text.iter().position(|token| token == highest), Some(*end as usize));
        }
    }

    #[test]
    fn a_text_without_an_end_ends_before_its_padding() {
        let mut texts = Texts::new();
        texts.push(&[1, 7, 3, 3, 0]);
        assert_eq!(texts.ends(), [3]);
    }

    #[test]
    fn touched_rows_are_ascending_and_slots_point_at_them() {
        let mut touched = TouchedRows::default();
        touched.find(&[5, 1, 5, 0, 9, 9], 1);
        assert_eq!(touched.rows, [0, 1, 5, 9]);
        assert_eq!(touched.slots, [2, 1, 2, 0, 3, 3]);
        assert_eq!(touched.of_chunk(0), 0..4);
        touched.find(&[5, 1, 5, 0, 9, 9], 3);
        assert_eq!(touched.rows, [1, 5, 0, 5, 9]);
        assert_eq!(touched.slots, [1, 0, 3, 2, 4, 4]);
        assert_eq!([0, 1, 2].map(|chunk| touched.of_chunk(chunk)), [0..2, 2..4, 4..5]);
        touched.find(&[], 2);
        assert_eq!(touched.of_chunk(1), 0..0);
    }
}
