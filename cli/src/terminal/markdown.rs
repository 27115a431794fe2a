//! Markdown as a terminal shows it: what models answer with.

use std::fmt::Write;

use clap::builder::styling::{AnsiColor, Effects, Reset, Style};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use textwrap::core::display_width;

use super::table::grid;
use super::text::strip_control_chars;

const HEADING: Style = Style::new().bold().underline();
const STRONG: Style = Style::new().bold();
const EMPHASIS: Style = Style::new().italic();
const STRUCK: Style = Style::new().effects(Effects::STRIKETHROUGH);
const CODE: Style = AnsiColor::Cyan.on_default();
const QUOTE: Style = Style::new().dimmed();

/// The least room that text is wrapped to, however deep its list.
const LEAST_WIDTH: usize = 20;

/// Renders Markdown for a terminal of this many columns, without a line break at the end. Text of
/// unknown origin: control characters are left out. Links show where they lead.
pub(crate) fn render(markdown: &str, columns: usize, styled: bool) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let markdown = strip_control_chars(markdown);
    let mut page = Page {
        columns,
        styled,
        ..Page::default()
    };
    for event in Parser::new_ext(&markdown, options) {
        page.take(event);
    }
    page.flush();
    page.text.trim_end().to_owned()
}

/// The end of the blocks in Markdown that comes piece by piece: what follows it cannot change how
/// they are shown. A blank line ends a block, but not within a fence.
pub(crate) fn end_of_whole_blocks(markdown: &str) -> usize {
    let (mut end, mut at, mut fence) = (0, 0, None);
    for line in markdown.split_inclusive('\n') {
        at += line.len();
        let text = line.trim();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| text.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) if text.is_empty() && line.ends_with('\n') => end = at,
            _ => {}
        }
    }
    end
}

/// What lies around a block: a list's item, a quotation.
#[derive(Debug)]
struct Margin {
    /// What its first line begins with.
    first: Option<String>,
    /// What every other line begins with.
    rest: String,
}

#[derive(Debug, Default)]
struct Page {
    columns: usize,
    styled: bool,
    text: String,
    margins: Vec<Margin>,
    /// The text of the block that is being read, with its styles.
    inline: String,
    styles: Vec<Style>,
    /// The number of the next item of each list; none in a list of bullets.
    lists: Vec<Option<u64>>,
    /// Where the links lead whose text is being read.
    links: Vec<(String, usize)>,
    code: Option<String>,
    table: Option<Vec<Vec<String>>>,
    /// Whether the next block is parted from what is above it.
    parted: bool,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.inline.push_str(&text),
            },
            Event::Code(code) if self.styled && self.table.is_none() => {
                self.begin(CODE);
                self.inline.push_str(&code);
                self.end();
            }
            Event::Code(code) => {
                let _ = write!(self.inline, "`{code}`");
            }
            // Models mean the lines they write, as people in a chat do.
            Event::SoftBreak | Event::HardBreak => self.inline.push('\n'),
            Event::Rule => {
                self.flush();
                self.part();
                let room = self.room().min(40);
                self.line(&"─".repeat(room));
                self.parted = true;
            }
            Event::TaskListMarker(done) => self.inline.push_str(if done { "☑ " } else { "☐ " }),
            // HTML is shown as it was written: nothing here obeys it.
            Event::Html(html) | Event::InlineHtml(html) => self.inline.push_str(&html),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.inline.push_str(&text),
            Event::FootnoteReference(name) => {
                let _ = write!(self.inline, "[{name}]");
            }
        }
    }

    fn open(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.flush();
                self.part();
                self.begin(match level {
                    HeadingLevel::H1 | HeadingLevel::H2 => HEADING,
                    _ => STRONG,
                });
            }
            Tag::Paragraph | Tag::HtmlBlock => {
                self.flush();
                self.part();
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.part();
                let bar = self.painted(QUOTE, "│ ");
                self.margins.push(Margin {
                    first: None,
                    rest: bar,
                });
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                self.part();
                if !self.styled
                    && let CodeBlockKind::Fenced(language) = kind
                {
                    self.line(&format!("```{language}"));
                }
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.flush();
                if self.lists.is_empty() {
                    self.part();
                }
                self.parted = false;
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                self.parted = false;
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number += 1;
                        mark
                    }
                    _ => "• ".to_owned(),
                };
                let rest = " ".repeat(display_width(&mark));
                self.margins.push(Margin {
                    first: Some(mark),
                    rest,
                });
            }
            Tag::Table(_) => {
                self.flush();
                self.part();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(rows) = &mut self.table {
                    rows.push(Vec::new());
                }
            }
            Tag::Emphasis => self.begin(EMPHASIS),
            Tag::Strong => self.begin(STRONG),
            Tag::Strikethrough => self.begin(STRUCK),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.into_string(), self.inline.len()));
            }
            _ => {}
        }
    }

    fn close(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.end();
                self.flush();
                self.parted = true;
            }
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.flush();
                self.parted = true;
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.margins.pop();
                self.parted = true;
            }
            TagEnd::CodeBlock => self.close_code(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.parted = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                // An item without text still has its mark.
                if let Some(Margin { first: Some(_), .. }) = self.margins.last() {
                    self.line("");
                }
                self.margins.pop();
                self.parted = false;
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.inline);
                if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                for line in grid(self.table.take().unwrap_or_default(), self.room()).lines() {
                    self.line(line);
                }
                self.parted = true;
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => self.end(),
            TagEnd::Link | TagEnd::Image => {
                if let Some((to, from)) = self.links.pop()
                    && self.inline.get(from..) != Some(&*to)
                    && !to.is_empty()
                {
                    let _ = write!(self.inline, " ({to})");
                }
            }
            _ => {}
        }
    }

    /// Code is never wrapped: whoever copies it gets what was written.
    fn close_code(&mut self) {
        let code = self.code.take().unwrap_or_default();
        for line in code.trim_end_matches('\n').split('\n') {
            match self.styled {
                true => {
                    let painted = self.painted(CODE, line);
                    self.line(&format!("    {painted}"));
                }
                false => self.line(line),
            }
        }
        if !self.styled {
            self.line("```");
        }
        self.parted = true;
    }

    fn begin(&mut self, style: Style) {
        self.styles.push(style);
        self.restyle();
    }

    fn end(&mut self) {
        self.styles.pop();
        self.restyle();
    }

    /// Switches to the styles that hold now.
    fn restyle(&mut self) {
        // Tables measure their cells, and do not know of styles.
        if self.styled && self.table.is_none() {
            let _ = write!(self.inline, "{Reset}");
            for style in &self.styles {
                let _ = write!(self.inline, "{style}");
            }
        }
    }

    fn painted(&self, style: Style, text: &str) -> String {
        match self.styled {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// The columns that the margins leave.
    fn room(&self) -> usize {
        let margins = self
            .margins
            .iter()
            .map(|margin| display_width(&margin.rest));
        let taken: usize = margins.sum();
        self.columns.saturating_sub(taken).max(LEAST_WIDTH)
    }

    /// Writes the block that was read.
    fn flush(&mut self) {
        let inline = std::mem::take(&mut self.inline);
        if inline.trim().is_empty() {
            return;
        }
        let options = textwrap::Options::new(self.room()).break_words(false);
        let wrapped = textwrap::wrap(inline.trim(), options);
        for line in wrapped {
            self.line(&line);
        }
    }

    /// An empty line above the next block, if there is a block above it.
    fn part(&mut self) {
        if std::mem::take(&mut self.parted) && !self.text.is_empty() {
            self.line("");
        }
    }

    fn line(&mut self, text: &str) {
        let mut line = String::new();
        for margin in &mut self.margins {
            match margin.first.take() {
                Some(first) => line.push_str(&first),
                None => line.push_str(&margin.rest),
            }
        }
        line.push_str(text);
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_models_write_is_shown_as_it_is_meant() {
        let answer = "# Sprint 12\n\nThe *team* finished **8 of 12**, see [the board](https://jira.example/7).\n\n1. `PAY-1` is done\n2. blocked:\n   - PAY-2\n   - PAY-3, which waits for the review of another team\n\n> as Ada said\n\n| Key | State |\n|---|---|\n| PAY-1 | done |\n\n```sh\nmake all\n```\n";
        assert_eq!(
            render(answer, 40, false),
            "Sprint 12\n\nThe team finished 8 of 12, see the board\n(https://jira.example/7).\n\n1. `PAY-1` is done\n2. blocked:\n   • PAY-2\n   • PAY-3, which waits for the review\n     of another team\n\n│ as Ada said\n\nKey    State\nPAY-1  done\n\n```sh\nmake all\n```"
        );
    }

    #[test]
    fn styles_end_where_they_began() {
        let shown = render("a **b *c* d** `e` f", 80, true);
        assert_eq!(
            anstream::adapter::strip_str(&shown).to_string(),
            "a b c d e f"
        );
        assert!(shown.contains("\x1b[1m"), "{shown:?}");
        let after = shown.rsplit("\x1b[0m").next().unwrap();
        assert_eq!(after, " f");
    }

    #[test]
    fn code_is_not_wrapped_and_an_address_is_shown_once() {
        let long = "x".repeat(60);
        let shown = render(
            &format!("```\n{long}\n```\n\n<https://a.example/>"),
            30,
            true,
        );
        let plain = anstream::adapter::strip_str(&shown).to_string();
        assert!(plain.contains(&format!("    {long}")), "{plain}");
        assert_eq!(plain.matches("https://a.example/").count(), 1, "{plain}");
    }

    #[test]
    fn a_block_is_whole_at_a_blank_line_outside_a_fence() {
        assert_eq!(end_of_whole_blocks("one\n\ntwo"), 5);
        assert_eq!(end_of_whole_blocks("one\ntwo"), 0);
        assert_eq!(end_of_whole_blocks("```\na\n\nb"), 0);
        assert_eq!(end_of_whole_blocks("```\na\n\nb\n```\n\nc"), 14);
    }

    proptest! {
        #[test]
        fn any_text_is_shown_and_plain_words_are_all_there(
            text in "[ -~é\n]{0,200}",
            words in proptest::collection::vec("[a-z]{1,12}", 0..40),
            columns in 0_usize..100,
        ) {
            render(&text, columns, true);
            prop_assert!(end_of_whole_blocks(&text) <= text.len());
            let shown = render(&words.join(" "), columns, true);
            prop_assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), words);
        }
    }
}
