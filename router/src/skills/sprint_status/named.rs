//! Which of a board's sprints is meant by what a person or a model calls it. Pure.

use std::cmp::Reverse;

use crate::skills::jira::issue::{Sprint, SprintState};

/// What the sprints are called that a report names where the one asked for does not exist.
const KNOWN: usize = 5;

/// What is called the active sprint, which is also meant where none is named.
pub(super) fn is_active(name: &str) -> bool {
    matches!(
        parts(name).as_slice(),
        [one] if matches!(one.as_str(), "active" | "current" | "this" | "now" | "latest")
    )
}

/// The sprint that is called so, if there is one: `24`, `Sprint 24` or `last`. Names that say more
/// than was asked for are found, too, but an exact one comes first; of several the active one is
/// meant, then the newest.
pub(super) fn find(name: &str, mut sprints: Vec<Sprint>) -> Option<Sprint> {
    let wanted = parts(name);
    sprints.sort_by_key(|sprint| {
        let state = match sprint.state {
            SprintState::Active => 0,
            SprintState::Future => 1,
            SprintState::Closed => 2,
        };
        (state, Reverse((sprint.start, sprint.id)))
    });
    let best = sprints
        .iter()
        .enumerate()
        .filter_map(|(at, sprint)| Some((likeness(&wanted, &parts(&sprint.name))?, at)))
        .min();
    match (best, wanted.as_slice()) {
        (Some((_, at)), _) => Some(sprints.swap_remove(at)),
        (None, [one]) if matches!(one.as_str(), "last" | "previous") => sprints
            .into_iter()
            .filter(|sprint| sprint.state == SprintState::Closed)
            .max_by_key(|sprint| (sprint.completed.or(sprint.end), sprint.id)),
        (None, [one]) if matches!(one.as_str(), "next" | "upcoming") => next(sprints),
        (None, _) => None,
    }
}

/// The same of those that no other sprint's name can fit better.
pub(super) fn find_surely(name: &str, sprints: &[Sprint]) -> Option<Sprint> {
    let wanted = parts(name);
    let fits = |sprint: &&Sprint| likeness(&wanted, &parts(&sprint.name)) == Some(0);
    find(name, sprints.iter().filter(fits).cloned().collect())
}

/// The sprint that comes next. Jira lists those to come in the order of the backlog; one with a
/// date comes before those without.
pub(super) fn next(sprints: Vec<Sprint>) -> Option<Sprint> {
    sprints
        .into_iter()
        .filter(|sprint| sprint.state == SprintState::Future)
        .min_by_key(|sprint| (sprint.start.is_none(), sprint.start))
}

/// The names of the newest sprints.
pub(super) fn newest(mut sprints: Vec<Sprint>) -> Vec<String> {
    sprints.sort_by_key(|sprint| Reverse(sprint.id));
    sprints
        .into_iter()
        .take(KNOWN)
        .map(|sprint| sprint.name)
        .collect()
}

/// How well a name fits, the best first; `None` if it does not.
fn likeness(wanted: &[String], name: &[String]) -> Option<usize> {
    if wanted.is_empty() {
        return None;
    }
    let at = name.windows(wanted.len()).position(|part| part == wanted)?;
    // The number of a sprint stands at its end, or behind a word rather than another number.
    let is_whole = name.len() == wanted.len();
    let ends = at + wanted.len() == name.len();
    let follows_number = at > 0 && is_number(&name[at - 1]);
    Some(match (is_whole, ends, follows_number) {
        (true, ..) => 0,
        (false, true, false) => 1,
        (false, false, false) => 2,
        (false, _, true) => 3,
    })
}

/// The words and numbers of a name, in lower case, without the word `sprint` and leading zeros.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut kind = None;
    for c in name.chars() {
        let is_digit = c.is_ascii_digit();
        if !c.is_alphanumeric() {
            kind = None;
            continue;
        }
        match parts.last_mut() {
            Some(part) if kind == Some(is_digit) => part.extend(c.to_lowercase()),
            _ => parts.push(c.to_lowercase().collect()),
        }
        kind = Some(is_digit);
    }
    for part in &mut parts {
        if is_number(part) {
            let number = part.trim_start_matches('0');
            *part = if number.is_empty() { "0" } else { number }.to_owned();
        }
    }
    if parts.len() > 1 {
        parts.retain(|part| part != "sprint");
    }
    parts
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sprint(id: u64, name: &str, state: SprintState) -> Sprint {
        Sprint {
            id,
            name: name.to_owned(),
            state,
            goal: None,
            start: None,
            end: None,
            completed: None,
        }
    }

    fn found(name: &str, names: &[&str]) -> Option<String> {
        let sprints = names
            .iter()
            .zip(1..)
            .map(|(name, id)| sprint(id, name, SprintState::Closed));
        find(name, sprints.collect()).map(|sprint| sprint.name)
    }

    #[test]
    fn a_sprint_is_found_by_its_number_whatever_it_is_called() {
        for name in [
            "Sprint 24",
            "sprint  024",
            "SPRINT-24",
            "Payments Sprint 24",
            "PAY 24",
            "S24",
            "Iteration 24: Checkout",
            "2026 Q4 Sprint 24",
            "Sprint 2026.24",
            "24",
        ] {
            let others = ["Sprint 2", "Sprint 240", "Sprint 124", name, "Sprint 4"];
            for asked in ["24", "Sprint 24", "sprint 024"] {
                assert_eq!(found(asked, &others).as_deref(), Some(name), "{asked}");
            }
        }
        assert_eq!(found("24", &["Sprint 2", "Sprint 240", "S 124"]), None);
        assert_eq!(found("", &["Sprint 24"]), None);
        assert_eq!(found("sprint", &["Sprint 24"]), None);
    }

    #[test]
    fn the_name_that_fits_best_comes_first() {
        for (asked, names, right) in [
            ("24", ["Sprint 3 (24 Nov)", "Sprint 24"], "Sprint 24"),
            (
                "24",
                ["Sprint 7.24", "Payments Sprint 24"],
                "Payments Sprint 24",
            ),
            ("24", ["Sprint 24 - Ops", "Ops Sprint 24"], "Ops Sprint 24"),
            ("checkout", ["Sprint 24: Checkout", "Checkout"], "Checkout"),
            (
                "Sprint 24 Ops",
                ["Sprint 24", "Sprint 24 - Ops"],
                "Sprint 24 - Ops",
            ),
            ("next", ["Next", "Sprint 24"], "Next"),
        ] {
            assert_eq!(found(asked, &names).as_deref(), Some(right), "{names:?}");
        }
    }

    #[test]
    fn of_several_the_active_one_is_meant_then_the_newest() {
        let all = [
            sprint(1, "Sprint 24", SprintState::Closed),
            sprint(2, "Sprint 24", SprintState::Active),
            sprint(3, "Sprint 24", SprintState::Closed),
        ];
        assert_eq!(find("24", all.to_vec()).map(|found| found.id), Some(2));
        let closed = [all[0].clone(), all[2].clone()];
        assert_eq!(find("24", closed.to_vec()).map(|found| found.id), Some(3));
        assert_eq!(find("last", all.to_vec()).map(|found| found.id), Some(3));
        assert_eq!(find("next", all.to_vec()), None);
        assert!(is_active("current sprint") && !is_active("Sprint 24") && !is_active(""));
    }
}
