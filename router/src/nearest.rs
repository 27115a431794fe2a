//! The name that was probably meant by one that does not exist.

/// What clap asks of the names that it suggests.
const ALIKE: f64 = 0.7;

/// The most similar of the names, if one is similar at all.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro(typed, name), name))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// `; did you mean `NAME`?`, if a name is similar.
pub(crate) fn did_you_mean<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = ["ping", "sprint_status"];
        assert_eq!(nearest("pong", names), Some("ping"));
        assert_eq!(nearest("sprint-status", names), Some("sprint_status"));
        assert_eq!(nearest("weather", names), None);
    }
}
