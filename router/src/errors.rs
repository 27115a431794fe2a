//! Walking from an error to what caused it.

use std::error::Error;
use std::iter::successors;

/// The error and its causes, the innermost last.
pub fn chain<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    successors(Some(error), |&error| error.source())
}

/// The innermost cause. HTTP clients and SDKs say what happened there ("connection refused"); the
/// layers above it say "error sending request" or "dispatch failure".
pub fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

/// The error and its causes in one line, for a log: `outer: inner`. A cause whose words the one
/// above repeats is left out.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    for cause in chain(error).map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.ends_with(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let source = texts.get(1).map(|_| Box::new(layers(&texts[1..])));
        Layer {
            text: texts[0],
            source,
        }
    }

    #[test]
    fn the_innermost_cause_is_found() {
        assert_eq!(innermost(&layers(&["a"])).to_string(), "a");
        assert_eq!(innermost(&layers(&["a", "b", "c"])).to_string(), "c");
    }

    #[test]
    fn a_log_line_repeats_nothing() {
        assert_eq!(with_causes(&layers(&["a", "b"])), "a: b");
        assert_eq!(with_causes(&layers(&["a: b", "b", "c"])), "a: b: c");
    }
}
