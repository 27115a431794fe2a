//! The name that was probably meant by one that does not exist.

/// What clap asks of the names that it suggests.
const ALIKE: f64 = 0.7;

/// The most similar of the names, if one is similar at all: in its letters, or but for a slip of
/// the fingers, which may exchange two letters of a short name.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &str| {
        let length = name.chars().count().max(1);
        let slips = strsim::osa_distance(typed, name);
        let by_slips = match slips <= (length / 3).max(1) {
            true => 1.0 - slips as f64 / (length as f64 + 1.0),
            false => 0.0,
        };
        strsim::jaro(typed, name).max(by_slips)
    };
    names
        .into_iter()
        .map(|name| (likeness(name), name))
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
        let names = ["dev", "local", "staging"];
        for (typed, meant) in [
            ("dve", Some("dev")),
            ("loacl", Some("local")),
            ("de", Some("dev")),
            ("prod", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }
}
