//! What a turn needs before its model is asked, read at once, and the request that is made of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::completion::CompletionRequest;
use super::engine::{Engine, Source, Turn, WINDOW_BYTES};
use super::servers::TurnServers;
use super::tools::{self, ReadySkill, TurnTools};
use super::{Caller, TurnError, TurnRequest, prompt};
use crate::ai::{Choice, SelectError, SelectedModel, Tier};
use crate::model::{ConversationKey, Message, ModelRequest, Origin};
use crate::ports::{StoreError, Window};
use crate::skills::Skill;

/// The most turns of a conversation that a model is given, whatever the tenant's settings say.
const MAX_HISTORY_TURNS: usize = 1_000;

/// A skill whose rule matches the message, with the input that the rule gives it.
pub(super) type Matched<'engine> = (&'engine Arc<dyn Skill>, Value);

/// What is read before a turn is answered by a skill or a model.
pub(super) struct Needed {
    pub(super) skills: Result<Vec<ReadySkill>, TurnError>,
    pub(super) servers: TurnServers,
    pub(super) history: Result<Vec<Message>, StoreError>,
    pub(super) chosen: Result<Choice, SelectError>,
}

impl Engine {
    /// What is read before a turn is answered by a skill or a model. Each part may have failed, and
    /// is looked at where it is needed.
    pub(super) async fn needed(
        &self,
        request: &TurnRequest,
        source: Source<'_>,
        matched: Option<&Matched<'_>>,
        now: Timestamp,
    ) -> Needed {
        let TurnRequest { caller, raw, .. } = request;
        let skills = async {
            match matched {
                Some((skill, _)) => {
                    let ready = tools::prepare(&self.platform, caller, skill).await?;
                    Ok(vec![ready])
                }
                // Whatever is called is the client's.
                None if source.client().is_some_and(CompletionRequest::must_call) => Ok(Vec::new()),
                None => tools::prepare_all(&self.platform, caller, &self.skills).await,
            }
        };
        let servers = async {
            match (matched, source.client()) {
                (Some(_), _) => TurnServers::default(),
                (None, Some(client)) if client.must_call() => TurnServers::default(),
                (None, client) => {
                    let taken = client.map(|client| &*client.tools).unwrap_or_default();
                    Box::pin(TurnServers::ready(
                        &self.platform,
                        caller,
                        &self.skills,
                        taken,
                    ))
                    .await
                }
            }
        };
        let history = async {
            match source {
                // A skill's JSON is not worded.
                Source::Stored(_) if *raw && matched.is_some() => Ok(Vec::new()),
                Source::Stored(key) => self.history(caller, key, now).await,
                Source::Client(_) => Ok(Vec::new()),
            }
        };
        let secrets = &*self.platform.secrets;
        let tier = tier_of(matched);
        let chosen = async {
            let models = self.models.all_of(&caller.tenant, secrets).await?;
            Ok(models.for_tier(tier))
        };
        let (skills, servers, history, chosen) = futures::join!(skills, servers, history, chosen);
        Needed {
            skills,
            servers,
            history,
            chosen,
        }
    }

    /// The end of the conversation, as much of it as the model is given.
    async fn history(
        &self,
        caller: &Caller,
        key: &ConversationKey,
        now: Timestamp,
    ) -> Result<Vec<Message>, StoreError> {
        match history_turns(caller) {
            0 => Ok(Vec::new()),
            turns => {
                let window = Window {
                    messages: turns * 2,
                    bytes: WINDOW_BYTES,
                };
                let conversations = &self.platform.conversations;
                conversations.recent(key, window, now).await
            }
        }
    }
}

/// What a model is for in a turn.
pub(super) fn tier_of(matched: Option<&Matched<'_>>) -> Tier {
    match matched {
        Some(_) => Tier::Wording,
        None => Tier::Ai,
    }
}

/// The most turns of a conversation that the model is given.
fn history_turns(caller: &Caller) -> usize {
    let turns = caller.tenant.settings.history_turns();
    let turns = usize::try_from(turns).unwrap_or(usize::MAX);
    turns.min(MAX_HISTORY_TURNS)
}

/// What the model is asked first: the instructions, what is remembered of the user, the end of the
/// conversation, and the new message; and how many of its messages are of earlier turns.
pub(super) fn model_request(
    turn: &Turn<'_>,
    selected: &SelectedModel,
    tools: &TurnTools,
    history: &[Message],
) -> (ModelRequest, usize) {
    let caller = &turn.request.caller;
    let mut system = prompt::system_prompt(caller, turn.now);
    system.extend(tools.servers.note());
    let request = ModelRequest {
        model: selected.id.clone(),
        system,
        messages: prompt::conversation(history, &turn.request.message),
        tools: tools.specs(),
        max_tokens: selected.max_tokens(caller.tenant.settings.max_tokens()),
        options: Default::default(),
        origin: Some(Origin {
            tenant: caller.tenant.id.clone(),
            request_id: Some(turn.request.request_id.clone()),
        }),
    };
    match turn.source.client() {
        Some(client) => client.asked(request, history_turns(caller)),
        None => {
            // The last message is this turn's.
            let earlier = request.messages.len().saturating_sub(1);
            (request, earlier)
        }
    }
}
