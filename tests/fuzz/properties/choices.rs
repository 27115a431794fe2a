//! Choices made by a fuzzer's bytes: a small change of the bytes is a small change of what is made.

use serde_json::{Map, Value};

/// Bytes that choose. Past their end every choice is the first one.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// Below `bound`, which is at most 256 and not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    pub fn of<T: Clone>(&mut self, several: &[T]) -> T {
        several[self.below(several.len())].clone()
    }

    /// Up to `most` bytes as they are.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.below(most + 1).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    /// Some JSON value.
    pub fn value(&mut self, depth: usize) -> Value {
        let kinds = if depth == 0 { 10 } else { 12 };
        match self.below(kinds) {
            0 => Value::Null,
            1 => Value::Bool(self.flag()),
            2 => i64::from(self.byte() as i8).into(),
            3 => self.of(&[i64::MAX, i64::MIN, 1 << 53, 0]).into(),
            4 => self.of(&[1e308, -1e308, 0.5, 1e-320, 3e15]).into(),
            5 => u64::MAX.into(),
            6 => self
                .of(&[
                    "",
                    "2026-11-20T09:00:00.000+0000",
                    "-1",
                    "1e999",
                    "\u{202e}",
                    "error",
                    "stop",
                    "active",
                ])
                .into(),
            7 => self.byte().to_string().into(),
            8 | 9 => self.text(12).into(),
            10 => (0..self.below(3)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let mut object = Map::new();
                for _ in 0..self.below(3) {
                    object.insert(self.text(8), self.value(depth - 1));
                }
                object.into()
            }
        }
    }

    /// The bytes in pieces.
    pub fn cut<'b>(&mut self, bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let mut rest = bytes;
        let mut pieces = Vec::new();
        for _ in 0..self.below(6) {
            let (piece, behind) = rest.split_at(self.below(64).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        pieces
    }
}
