//! A project's versions as Jira sends them, and which of them is meant by what a person or a model
//! calls it. Pure.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::skills::jira::issue::text;

/// How many versions a report names where the one asked for does not exist.
const KNOWN: usize = 5;

/// A version of the project. Only the id, which requests are made with, and the name are sure to be
/// there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) state: VersionState,
    pub(super) start: Option<Date>,
    pub(super) release: Option<Date>,
    /// Where it stands in Jira's list, which people keep in the order of their releases.
    pub(super) place: usize,
}

/// Whether a version is out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VersionState {
    #[default]
    Unreleased,
    Released,
    /// Put away, whether it was released or not.
    Archived,
}

impl Version {
    /// `None` without an id and a name.
    pub(super) fn read(place: usize, value: &Value) -> Option<Self> {
        let id = match value.get("id")? {
            Value::Number(id) => id.to_string(),
            _ => text(value, "/id")?,
        };
        let is = |field| value.get(field).and_then(Value::as_bool) == Some(true);
        // Dates are days, but some servers write moments.
        let date = |pointer| {
            let text = text(value, pointer)?;
            text.get(..10)?.parse().ok()
        };
        Some(Self {
            id,
            name: text(value, "/name")?,
            description: text(value, "/description"),
            state: match (is("archived"), is("released")) {
                (true, _) => VersionState::Archived,
                (false, true) => VersionState::Released,
                (false, false) => VersionState::Unreleased,
            },
            start: date("/startDate"),
            release: date("/releaseDate"),
            place,
        })
    }

    /// How new it is: what has no date yet comes after everything, what was released without one
    /// before.
    pub(super) fn age(&self) -> (bool, Option<Date>, usize) {
        let is_open = self.release.is_none() && self.state == VersionState::Unreleased;
        (is_open, self.release, self.place)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) version: Option<&'a Version>,
    /// What else is called so.
    pub(super) others: Vec<&'a Version>,
}

/// The version that is called so, or `latest` or `next`; where none is named, the latest. Nothing
/// was released yet where there is no latest one, and the next is meant.
pub(super) fn find<'a>(name: Option<&str>, versions: &'a [Version]) -> Found<'a> {
    let only = |version| Found {
        version,
        ..Found::default()
    };
    let Some(name) = name else {
        return only(latest(versions).or_else(|| next(versions)));
    };
    let wanted = parts(name);
    let mut fitting: Vec<(usize, &Version)> = versions
        .iter()
        .filter_map(|version| Some((likeness(name, &wanted, &version.name)?, version)))
        .collect();
    let best = fitting.iter().map(|(likeness, _)| *likeness).min();
    // A version can be called `Next`, and `Next generation` is not what `next` means.
    match wanted.as_slice() {
        [one] if is_latest(one) && best.is_none_or(|best| best > 1) => {
            return only(latest(versions).or_else(|| next(versions)));
        }
        [one] if is_next(one) && best.is_none_or(|best| best > 1) => return only(next(versions)),
        _ => {}
    }
    fitting.retain(|(likeness, _)| Some(*likeness) == best);
    fitting.sort_by_key(|(_, version)| (version.state != VersionState::Archived, version.age()));
    let mut fitting = fitting.into_iter().rev().map(|(_, version)| version);
    Found {
        version: fitting.next(),
        others: fitting.collect(),
    }
}

pub(super) fn is_latest(word: &str) -> bool {
    matches!(
        word,
        "latest" | "last" | "previous" | "newest" | "current" | "recent" | "released"
    )
}

pub(super) fn is_next(word: &str) -> bool {
    matches!(word, "next" | "upcoming" | "coming" | "unreleased")
}

/// The released version that came last.
pub(super) fn latest(versions: &[Version]) -> Option<&Version> {
    let released = |version: &&Version| version.state == VersionState::Released;
    versions.iter().filter(released).max_by_key(|v| v.age())
}

/// The unreleased version that comes first, also if its day is over; but not what should have come
/// before the latest one, which is left behind rather than next.
pub(super) fn next(versions: &[Version]) -> Option<&Version> {
    let unreleased = |version: &&Version| version.state == VersionState::Unreleased;
    let latest = latest(versions).and_then(|version| version.release);
    let is_ahead = |version: &&Version| version.release.is_none_or(|on| Some(on) >= latest);
    let open = versions.iter().filter(unreleased);
    let ahead = open.clone().filter(is_ahead).min_by_key(|v| v.age());
    ahead.or_else(|| open.max_by_key(|v| v.age()))
}

/// The names of the newest versions that are not put away.
pub(super) fn newest(versions: &[Version]) -> Vec<String> {
    let mut versions: Vec<&Version> = versions
        .iter()
        .filter(|version| version.state != VersionState::Archived)
        .collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.age()));
    let names = versions.into_iter().map(|version| version.name.clone());
    names.take(KNOWN).collect()
}

/// How well a name fits, the best first; `None` if it does not.
fn likeness(asked: &str, wanted: &[String], name: &str) -> Option<usize> {
    if asked.trim().to_lowercase() == name.to_lowercase() {
        return Some(0);
    }
    if wanted.is_empty() {
        return None;
    }
    let name = parts(name);
    if name == wanted {
        return Some(1);
    }
    if let Some(at) = name.windows(wanted.len()).position(|part| part == wanted) {
        let ends = at + wanted.len() == name.len();
        return Some(if ends { 2 } else { 3 });
    }
    // Where there is no 2.4, its only correction 2.4.1 is meant.
    let (last, before) = wanted.split_last()?;
    let is_number = last
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let narrower = |part: &[String]| {
        part.split_last().is_some_and(|(end, start)| {
            start == before
                && end
                    .strip_prefix(last)
                    .is_some_and(|more| more.starts_with('.'))
        })
    };
    (is_number && name.windows(wanted.len()).any(narrower)).then_some(4)
}

/// The words and numbers of a name in lower case: `v2.4.0` is `2.4`, and `version` says nothing
/// beside a number.
fn parts(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let mut parts: Vec<String> = name
        .split(|c: char| !c.is_alphanumeric() && c != '.')
        .map(|part| part.trim_matches('.'))
        .filter(|part| !part.is_empty())
        .map(|part| {
            let bare = part.strip_prefix('v').unwrap_or(part);
            let is_number = bare
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            if bare.is_empty() || !is_number {
                return part.to_owned();
            }
            let mut number = bare;
            while let Some(shorter) = number.strip_suffix(".0") {
                number = shorter;
            }
            number.to_owned()
        })
        .collect();
    if parts.len() > 1 {
        parts.retain(|part| !matches!(part.as_str(), "version" | "release" | "v" | "the"));
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn versions(all: &[Value]) -> Vec<Version> {
        all.iter()
            .enumerate()
            .filter_map(|(place, value)| Version::read(place, value))
            .collect()
    }

    fn found<'a>(name: &str, versions: &'a [Version]) -> Option<&'a str> {
        let found = find(Some(name), versions);
        found.version.map(|version| version.name.as_str())
    }

    #[test]
    fn a_version_of_which_only_id_and_name_are_known_is_read() {
        let nulls = json!({"id": "1", "name": "2.4", "description": null, "archived": null, "released": null,
            "startDate": null, "releaseDate": null});
        let wrong = json!({"id": 1, "name": "2.4", "description": 7, "archived": "yes", "released": [],
            "startDate": 20261201, "releaseDate": "soon"});
        for value in [nulls, wrong] {
            let version = Version::read(0, &value).unwrap();
            assert_eq!(version.state, VersionState::Unreleased);
            assert_eq!(
                (version.description, version.start, version.release),
                (None, None, None)
            );
        }
        let moment = json!({"id": "1", "name": "a", "releaseDate": "2026-12-03T00:00:00.000+0100"});
        let date = Version::read(0, &moment).unwrap().release;
        assert_eq!(date, Some("2026-12-03".parse().unwrap()));
        for value in [
            json!({"id": "1"}),
            json!({"name": "a"}),
            json!("a"),
            json!({"id": {}, "name": " "}),
        ] {
            assert_eq!(Version::read(0, &value), None, "{value}");
        }
    }

    #[test]
    fn the_version_that_is_called_so_is_found() {
        let versions = versions(&[
            json!({"id": "1", "name": "v2.3.0", "released": true, "releaseDate": "2026-09-01"}),
            json!({"id": "2", "name": "Checkout 2.4", "released": true, "releaseDate": "2026-10-01"}),
            json!({"id": "3", "name": "Checkout 2.5 (Dec)", "releaseDate": "2026-12-01"}),
            json!({"id": "4", "name": "3.0.1"}),
            json!({"id": "5", "name": "Mobile 2.4-rc1"}),
            json!({"id": "6", "name": "Next generation"}),
        ]);
        for (asked, name) in [
            ("2.3", "v2.3.0"),
            ("V2.3.0", "v2.3.0"),
            ("version 2.3", "v2.3.0"),
            ("2.4", "Checkout 2.4"),
            ("checkout 2.4", "Checkout 2.4"),
            ("release checkout-2.4", "Checkout 2.4"),
            ("2.4-rc1", "Mobile 2.4-rc1"),
            ("2.5", "Checkout 2.5 (Dec)"),
            ("3.0", "3.0.1"),
            ("next generation", "Next generation"),
            ("next", "Checkout 2.5 (Dec)"),
            ("latest", "Checkout 2.4"),
            ("upcoming", "Checkout 2.5 (Dec)"),
        ] {
            assert_eq!(found(asked, &versions), Some(name), "{asked}");
        }
        for asked in ["", "2", "4.2", "24", ".", "\"", "2.4\" OR 1=1"] {
            let is_loose = asked == "2";
            assert_eq!(found(asked, &versions).is_some(), is_loose, "{asked}");
        }
    }

    #[test]
    fn an_exact_name_comes_before_what_it_means() {
        let versions = versions(&[
            json!({"id": "1", "name": "Next"}),
            json!({"id": "2", "name": "1.0", "releaseDate": "2026-01-01"}),
        ]);
        assert_eq!(found("next", &versions), Some("Next"));
        assert_eq!(found("upcoming", &versions), Some("1.0"));
    }

    #[test]
    fn of_several_with_one_name_the_newest_is_meant_and_the_others_are_told() {
        let versions = versions(&[
            json!({"id": "1", "name": "Web 2.4", "released": true, "releaseDate": "2026-10-01"}),
            json!({"id": "2", "name": "App 2.4", "released": true, "releaseDate": "2026-11-01"}),
            json!({"id": "3", "name": "Old 2.4", "archived": true, "releaseDate": "2026-12-01"}),
        ]);
        let found = find(Some("2.4"), &versions);
        assert_eq!(found.version.unwrap().name, "App 2.4");
        let others: Vec<&str> = found
            .others
            .iter()
            .map(|other| other.name.as_str())
            .collect();
        assert_eq!(others, ["Web 2.4", "Old 2.4"]);
    }

    #[test]
    fn latest_is_by_date_and_next_is_what_comes_first() {
        let versions = versions(&[
            json!({"id": "1", "name": "1.0", "released": true, "releaseDate": "2026-01-01"}),
            json!({"id": "2", "name": "1.0.1", "released": true, "releaseDate": "2026-05-01"}),
            json!({"id": "3", "name": "1.1", "released": true}),
            json!({"id": "4", "name": "someday"}),
            json!({"id": "5", "name": "2.0", "releaseDate": "2027-01-01"}),
            json!({"id": "6", "name": "1.9", "releaseDate": "2026-12-01"}),
            json!({"id": "7", "name": "0.9", "archived": true, "releaseDate": "2026-06-01"}),
        ]);
        assert_eq!(latest(&versions).unwrap().name, "1.0.1");
        assert_eq!(next(&versions).unwrap().name, "1.9");
        assert_eq!(newest(&versions), ["someday", "2.0", "1.9", "1.0.1", "1.0"]);
        assert_eq!(find(None, &versions[3..4]).version.unwrap().name, "someday");
        assert!(find(None, &[]).version.is_none());
    }

    #[test]
    fn what_was_overtaken_is_not_next() {
        let with = |late: &str| {
            versions(&[
                json!({"id": "1", "name": "1.0", "released": true, "releaseDate": "2026-05-01"}),
                json!({"id": "2", "name": "late", "releaseDate": late}),
                json!({"id": "3", "name": "2.0", "releaseDate": "2027-01-01"}),
            ])
        };
        assert_eq!(next(&with("2026-05-01")).unwrap().name, "late");
        assert_eq!(next(&with("2026-04-30")).unwrap().name, "2.0");
        assert_eq!(next(&with("2026-04-30")[..2]).unwrap().name, "late");
    }
}
