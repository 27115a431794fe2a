//! Which questions of a tenant went to the model most, so that a trigger can answer them.
//!
//! Nothing is kept for it: the conversations of the people whom the ledger has with turns of the
//! model are read when it is asked for, each turn by the route that is stored with it. How much is
//! read is bounded. Since it shows what people said, the audit trail says who looked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{Admin, AdminError};
use crate::model::text::is_steering;
use crate::model::{
    ChannelKind, ConversationKey, ConversationOwner, LedgerLine, Message, Role, Route, Tenant,
    UserId,
};
use crate::ports::{PageRequest, StoreError};
use crate::skills::rules::gist;

/// The most days that can be looked back: no conversation is kept longer.
pub const MAX_QUESTION_DAYS: u32 = 30;
/// The most turns that can be looked at.
pub const MAX_QUESTION_TURNS: usize = 100_000;

/// How many conversations or messages are read at once.
const PAGE: usize = 200;
/// How much of an example is shown, in characters.
const EXAMPLE_CHARS: usize = 120;

/// Which questions are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// How many days, today (in UTC) included.
    pub days: u32,
    /// The most turns: those of the people with the most turns of the model come first.
    pub turns: usize,
}

/// What went to the model.
#[derive(Debug, Clone, Serialize)]
pub struct QuestionsView {
    /// How many days were looked back.
    pub days: u32,
    /// How many turns were looked at.
    pub turns: usize,
    /// How many of them went to the model.
    pub by_model: usize,
    /// Whether there were no more turns than could be looked at.
    pub is_whole: bool,
    /// What was asked, most often first.
    pub questions: Vec<QuestionView>,
}

/// Questions of the same words.
#[derive(Debug, Clone, Serialize)]
pub struct QuestionView {
    /// How often it was asked.
    pub count: usize,
    /// By how many people.
    pub people: usize,
    /// The beginning of the one that was asked last.
    pub example: String,
    /// When that was.
    pub last_asked_at: Timestamp,
    /// Its words that say something, by their stems.
    pub words: Vec<String>,
    /// What the model called for it, each once.
    pub skills: BTreeSet<String>,
}

impl Admin {
    /// What went to the model in a tenant, the `limit` most frequent questions.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] unless days and turns are 1 to [`MAX_QUESTION_DAYS`] and
    /// [`MAX_QUESTION_TURNS`].
    pub async fn questions(
        &self,
        tenant: &Tenant,
        looked: Looked,
        limit: usize,
    ) -> Result<QuestionsView, AdminError> {
        let Looked { days, turns } = looked;
        for (field, given, most) in [
            ("days", days as usize, MAX_QUESTION_DAYS as usize),
            ("turns", turns, MAX_QUESTION_TURNS),
        ] {
            if !(1..=most).contains(&given) {
                return Err(AdminError::invalid(field, format!("must be 1 to {most}")));
            }
        }
        let target = format!("the last {days} days");
        let entry = self.audit(&tenant.id, "tenant.questions", &target);
        self.platform.tenants.record_audit(&entry).await?;

        let now = self.now();
        let since = now
            .checked_sub(SignedDuration::from_hours(24 * i64::from(days)))
            .unwrap_or(Timestamp::MIN);
        let mut found = Found::new(turns);
        for owner in self.askers(tenant, days).await? {
            self.look_at(&owner, since, now, &mut found).await?;
            if found.is_full() {
                break;
            }
        }
        Ok(found.view(days, limit))
    }

    /// Whose turns went to the model, on each channel where the router answers: those with the most
    /// first.
    async fn askers(
        &self,
        tenant: &Tenant,
        days: u32,
    ) -> Result<Vec<ConversationOwner>, AdminError> {
        let (first, last) = self.days(days)?;
        let ledger = self.platform.usage.ledger(&tenant.id, first, last, None);
        let mut turns = BTreeMap::<(UserId, Option<Timestamp>), u64>::new();
        let is_by_model = |line: &LedgerLine| line.account.route == Some(Route::Ai);
        for line in ledger.await?.into_iter().filter(is_by_model) {
            let account = line.account;
            let asker = turns.entry((account.user_id, account.user_since));
            *asker.or_default() += line.counts.turns;
        }
        let mut askers: Vec<_> = turns.into_iter().collect();
        askers.sort_by_key(|(_, turns)| std::cmp::Reverse(*turns));
        let owners = askers.into_iter().flat_map(|((user_id, since), _)| {
            // Callers without a credential have no record of their own: their tenant's counts.
            let is_anonymous = user_id.as_str() == UserId::ANONYMOUS;
            let since = if is_anonymous {
                Some(tenant.created_at)
            } else {
                since
            };
            ChannelKind::SERVED.map(|channel| ConversationOwner {
                tenant_id: tenant.id.clone(),
                channel,
                user_id: user_id.clone(),
                since,
                retention: tenant.retention(),
            })
        });
        Ok(owners.collect())
    }

    async fn look_at(
        &self,
        owner: &ConversationOwner,
        since: Timestamp,
        now: Timestamp,
        found: &mut Found,
    ) -> Result<(), AdminError> {
        let store = &self.platform.conversations;
        let mut request = Some(PageRequest::first(PAGE));
        while let Some(page) = request {
            let page = self.noted(store.sessions(owner, page, now).await?);
            for session in page.items {
                if session.updated_at < since {
                    continue;
                }
                let key = ConversationKey {
                    owner: owner.clone(),
                    session_id: session.session_id,
                };
                match self.turns_of(&key, since, now, found.left()).await {
                    Ok(turns) => found.add(owner, turns),
                    // It hides none of the others.
                    Err(StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                if found.is_full() {
                    return Ok(());
                }
            }
            request = page.next.map(|after| PageRequest {
                limit: PAGE,
                after: Some(after),
            });
        }
        Ok(())
    }

    /// The turns of a conversation since then, the newest of `most` and a few.
    async fn turns_of(
        &self,
        key: &ConversationKey,
        since: Timestamp,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Option<Asked>>, StoreError> {
        let store = &self.platform.conversations;
        let mut newest_first: Vec<Said> = Vec::new();
        let mut request = Some(PageRequest::first(PAGE));
        while let Some(page) = request {
            let Some(page) = store.history(key, page, now).await? else {
                break;
            };
            let is_over = page
                .items
                .first()
                .is_some_and(|oldest| oldest.at.is_some_and(|at| at < since));
            newest_first.extend(page.items.into_iter().rev().map(Said::from));
            let is_enough = is_over || newest_first.len() >= most.saturating_mul(2);
            request = page.next.filter(|_| !is_enough).map(|after| PageRequest {
                limit: PAGE,
                after: Some(after),
            });
        }
        newest_first.reverse();
        Ok(turns(&newest_first, since))
    }
}

/// What is looked at of a message.
#[derive(Debug)]
struct Said {
    role: Role,
    text: String,
    at: Option<Timestamp>,
    route: Option<String>,
    skills: Vec<String>,
    /// Whether it asks whether a tool may be run: what is said next answers that.
    asks: bool,
}

impl From<Message> for Said {
    fn from(message: Message) -> Self {
        let texts = |value: &Value| {
            let texts = value.as_array().into_iter().flatten();
            texts
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect()
        };
        let other = &message.other;
        let text = message.content;
        Self {
            role: message.role,
            // What is longer could have no trigger.
            text: text[..text.floor_char_boundary(1000)].to_owned(),
            at: message.at,
            route: other
                .get("route")
                .and_then(Value::as_str)
                .map(str::to_owned),
            skills: other.get("skills").map(texts).unwrap_or_default(),
            asks: other.contains_key("question"),
        }
    }
}

/// What went to the model.
#[derive(Debug)]
struct Asked {
    text: String,
    at: Timestamp,
    skills: Vec<String>,
}

/// The turns of a conversation since then, oldest first: `None` of one that something else
/// answered.
fn turns(messages: &[Said], since: Timestamp) -> Vec<Option<Asked>> {
    let mut turns = Vec::new();
    for (place, pair) in messages.windows(2).enumerate() {
        let [question, answer] = pair else {
            continue;
        };
        let is_turn = question.role == Role::User && answer.role == Role::Assistant;
        let Some(at) = question.at.filter(|at| is_turn && *at >= since) else {
            continue;
        };
        let before = place.checked_sub(1).and_then(|place| messages.get(place));
        let is_consent = before.is_some_and(|before| before.asks);
        let is_by_model = answer.route.as_deref() == Some(Route::Ai.as_str()) && !is_consent;
        turns.push(is_by_model.then(|| Asked {
            text: question.text.clone(),
            at,
            skills: answer.skills.clone(),
        }));
    }
    turns
}

/// What was found so far.
struct Found {
    most: usize,
    turns: usize,
    by_model: usize,
    groups: HashMap<Vec<String>, Group>,
}

struct Group {
    count: usize,
    people: BTreeSet<UserId>,
    last: Asked,
    skills: BTreeSet<String>,
}

impl Found {
    fn new(most: usize) -> Self {
        Self {
            most,
            turns: 0,
            by_model: 0,
            groups: HashMap::new(),
        }
    }

    fn left(&self) -> usize {
        self.most.saturating_sub(self.turns)
    }

    fn is_full(&self) -> bool {
        self.turns >= self.most
    }

    fn add(&mut self, owner: &ConversationOwner, turns: Vec<Option<Asked>>) {
        for turn in turns.into_iter().rev().take(self.left()) {
            self.turns += 1;
            let Some(asked) = turn else {
                continue;
            };
            self.by_model += 1;
            let words = gist(&asked.text);
            if words.is_empty() {
                continue;
            }
            let group = self.groups.entry(words).or_insert_with(|| Group {
                count: 0,
                people: BTreeSet::new(),
                last: Asked {
                    text: String::new(),
                    at: Timestamp::MIN,
                    skills: Vec::new(),
                },
                skills: BTreeSet::new(),
            });
            group.count += 1;
            group.people.insert(owner.user_id.clone());
            group.skills.extend(asked.skills.iter().cloned());
            if asked.at > group.last.at {
                group.last = asked;
            }
        }
    }

    fn view(self, days: u32, limit: usize) -> QuestionsView {
        let is_whole = !self.is_full();
        let mut questions: Vec<QuestionView> = self
            .groups
            .into_iter()
            .map(|(words, group)| QuestionView {
                count: group.count,
                people: group.people.len(),
                example: example(&group.last.text),
                last_asked_at: group.last.at,
                words,
                skills: group.skills,
            })
            .collect();
        questions.sort_by(|a, b| {
            let most = |view: &QuestionView| std::cmp::Reverse((view.count, view.people));
            (most(a), &a.words).cmp(&(most(b), &b.words))
        });
        questions.truncate(limit);
        QuestionsView {
            days,
            turns: self.turns,
            by_model: self.by_model,
            is_whole,
            questions,
        }
    }
}

/// The beginning of a question, in one line that steers no terminal.
fn example(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = line.chars().filter(|c| !is_steering(*c));
    let shown: String = shown.take(EXAMPLE_CHARS + 1).collect();
    match shown.char_indices().nth(EXAMPLE_CHARS) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(role: &str, content: &str, at: &str, other: Value) -> Said {
        let mut message = json!({"role": role, "content": content, "at": at});
        let fields = other.as_object().cloned().unwrap_or_default();
        message.as_object_mut().unwrap().extend(fields);
        let message: Message = serde_json::from_value(message).unwrap();
        message.into()
    }

    #[test]
    fn turns_count_since_a_time_and_a_yes_to_a_tool_is_no_question() {
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
        let ai = || json!({"route": "ai"});
        let messages = [
            said("user", "an old one", old, json!({})),
            said("assistant", "", old, ai()),
            said("user", "who is on call?", new, json!({})),
            said(
                "assistant",
                "",
                new,
                json!({"route": "ai", "skills": ["pager"]}),
            ),
            said("user", "sprint status", new, json!({})),
            said("assistant", "", new, json!({"route": "rule"})),
            said("user", "page them", new, json!({})),
            said("assistant", "", new, json!({"route": "ai", "question": {}})),
            said("user", "yes", new, json!({})),
            said("assistant", "", new, ai()),
            // Its answer is not there yet.
            said("user", "and now?", new, json!({})),
        ];
        let turns = turns(&messages, "2026-01-15T00:00:00Z".parse().unwrap());
        let asked: Vec<Option<&str>> = turns
            .iter()
            .map(|turn| turn.as_ref().map(|asked| asked.text.as_str()))
            .collect();
        let on_call = Some("who is on call?");
        assert_eq!(asked, [on_call, None, Some("page them"), None]);
        assert_eq!(turns[0].as_ref().unwrap().skills, ["pager"]);
    }

    #[test]
    fn an_example_is_one_line_that_steers_nothing_and_has_an_end() {
        assert_eq!(example("a\n  b\u{1b}[2J"), "a b[2J");
        let long = example(&"\u{1F980}".repeat(500));
        assert_eq!(long.chars().count(), EXAMPLE_CHARS + 1);
        assert!(long.ends_with('…'));
    }
}
