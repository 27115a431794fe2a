//! Taking out what a model thought aloud at the beginning of its answer: endpoints without a parser
//! for it send it as text, between tags.

/// The names of the tags that models use.
const NAMES: [&str; 4] = ["think", "thinking", "thought", "reasoning"];
/// The longest tag, in bytes: `</reasoning>`.
const LONGEST: usize = 12;

/// Passes on the words of an answer but for its thoughts. Only what an answer begins with is taken
/// for thoughts: later on, a tag is what the answer is about.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    place: Place,
    /// What cannot be told apart yet.
    held: String,
    /// Whether there were any: what parts them from the answer is taken out, too.
    has_thoughts: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing came but blanks and thoughts.
    #[default]
    Beginning,
    /// Within the tag of this name.
    Within(&'static str),
    Answer,
}

impl Thoughts {
    /// The words that are the answer's own among those that came.
    pub(super) fn without(&mut self, words: &str) -> String {
        self.held.push_str(words);
        loop {
            match self.place {
                Place::Answer => return std::mem::take(&mut self.held),
                Place::Beginning => {
                    let begin = self.held.trim_start();
                    let opened = NAMES.iter().find(|name| {
                        begin
                            .strip_prefix('<')
                            .and_then(|rest| rest.strip_prefix(**name))
                            .is_some_and(|rest| rest.starts_with('>'))
                    });
                    if let Some(name) = opened {
                        let rest = begin.get(name.len() + 2..).unwrap_or("").to_owned();
                        self.held = rest;
                        self.place = Place::Within(name);
                        continue;
                    }
                    let may_become_one = begin.len() < LONGEST
                        && NAMES
                            .iter()
                            .any(|name| format!("<{name}>").starts_with(begin));
                    if may_become_one {
                        return String::new();
                    }
                    if self.has_thoughts {
                        self.held = begin.to_owned();
                    }
                    self.place = Place::Answer;
                }
                Place::Within(name) => {
                    let end = format!("</{name}>");
                    let Some(at) = self.held.find(&end) else {
                        // Enough is kept to recognise a tag that is cut.
                        let keep = self.held.len().saturating_sub(LONGEST);
                        self.held.drain(..self.held.ceil_char_boundary(keep));
                        return String::new();
                    };
                    self.held.drain(..at + end.len());
                    self.has_thoughts = true;
                    self.place = Place::Beginning;
                }
            }
        }
    }

    /// What was held back, once nothing more comes: it was no tag.
    pub(super) fn finish(&mut self) -> String {
        match self.place {
            Place::Within(_) => String::new(),
            Place::Beginning | Place::Answer => std::mem::take(&mut self.held),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&str]) -> String {
        let mut thoughts = Thoughts::default();
        let mut words: String = pieces.iter().map(|piece| thoughts.without(piece)).collect();
        words.push_str(&thoughts.finish());
        words
    }

    #[test]
    fn thoughts_at_the_beginning_are_taken_out_and_tags_in_the_answer_stay() {
        for (text, answer) in [
            ("<think>so</think>\n\nHello", "Hello"),
            ("\n<think>a</think><think>b</think>Hello", "Hello"),
            ("<thinking>a < b</thinking>Hello", "Hello"),
            ("<think>never ends", ""),
            ("The tag `<think>` is", "The tag `<think>` is"),
            ("<thin", "<thin"),
            ("<b>bold</b>", "<b>bold</b>"),
            ("", ""),
        ] {
            assert_eq!(read(&[text]), answer, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_may_be_cut_anywhere(
            thought in "[a-z<>/ ]{0,20}",
            answer in "[a-zé<>/ ]{0,20}",
            cuts in prop::collection::vec(0_usize..60, 0..6),
        ) {
            let text = format!("<think>{thought}</think>{answer}");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| text.floor_char_boundary(cut)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[&text]));
        }
    }
}
