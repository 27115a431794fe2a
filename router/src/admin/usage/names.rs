//! What people call those who are in the ledger.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::{Group, GroupState, UsageBy};
use crate::admin::{Admin, AdminError};
use crate::model::{LedgerAccount, LedgerLine, Route, TenantId, TokenKind, User, UserId};
use crate::ports::StoreError;

/// Users looked up at once.
const USERS_AT_ONCE: usize = 16;

/// What people call those who are in the ledger.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of users who are there: when they were made, and their names.
    pub(super) users: HashMap<UserId, (Option<Timestamp>, String)>,
    /// Of keys that are there, by what names them in the ledger.
    pub(super) keys: HashMap<String, String>,
}

impl Group {
    pub(super) fn unnamed(label: &str, state: GroupState) -> Self {
        Self {
            id: None,
            label: label.to_owned(),
            state,
        }
    }

    fn current(id: &str, label: &str) -> Self {
        Self {
            id: Some(id.to_owned()),
            label: label.to_owned(),
            state: GroupState::Current,
        }
    }

    fn former(id: &str) -> Self {
        Self {
            state: GroupState::Former,
            ..Self::current(id, id)
        }
    }
}

impl Names {
    pub(super) fn group(&self, by: UsageBy, account: &LedgerAccount) -> Group {
        match by {
            UsageBy::User => self.user(account),
            UsageBy::Key => self.key(account.credential.as_deref()),
            UsageBy::Model => match &account.model {
                Some(model) => Group::current(model, model),
                None => Group::unnamed("no model", GroupState::None),
            },
            UsageBy::Route => match account.route {
                Some(route) => Group::current(route.as_str(), called(route)),
                None => Group::unnamed("no route", GroupState::None),
            },
        }
    }

    fn user(&self, account: &LedgerAccount) -> Group {
        let id = &account.user_id;
        if *id == UserId::anonymous() {
            return Group::current(id.as_str(), "callers without a key");
        }
        match self.users.get(id) {
            Some((since, name)) if *since == account.user_since => {
                Group::current(id.as_str(), or(name, id.as_str()))
            }
            _ => Group::former(id.as_str()),
        }
    }

    fn key(&self, credential: Option<&str>) -> Group {
        let Some(id) = credential else {
            return Group::unnamed("no key", GroupState::None);
        };
        if id == TokenKind::Session.as_str() {
            return Group::current(id, "web sessions");
        }
        match self.keys.get(id) {
            Some(name) => Group::current(id, or(name, id)),
            None => Group::former(id),
        }
    }
}

fn or<'a>(name: &'a str, otherwise: &'a str) -> &'a str {
    match name {
        "" => otherwise,
        name => name,
    }
}

fn called(route: Route) -> &'static str {
    match route {
        Route::Conversational => "small talk",
        Route::Rule => "rule",
        Route::Ai => "model",
    }
}

impl Admin {
    pub(super) async fn names_of_users(
        &self,
        tenant: &TenantId,
        lines: &[LedgerLine],
    ) -> Result<Names, StoreError> {
        let ids = lines.iter().map(|line| line.account.user_id.clone());
        let mut ids: Vec<UserId> = ids.collect();
        ids.sort();
        ids.dedup();
        let store = &self.platform.tenants;
        let users: Vec<Option<User>> = futures::stream::iter(ids)
            .map(|id| async move {
                match store.user(tenant, &id).await {
                    // It hides none of the others.
                    Err(StoreError::Corrupt { .. }) => Ok(None),
                    user => user,
                }
            })
            .buffer_unordered(USERS_AT_ONCE)
            .try_collect()
            .await?;
        let users = users.into_iter().flatten();
        Ok(Names {
            users: users
                .map(|user| (user.id, (user.created_at, user.display_name)))
                .collect(),
            keys: HashMap::new(),
        })
    }

    pub(super) async fn names_of_keys(&self, tenant: &TenantId) -> Result<Names, AdminError> {
        let keys = self.keys(tenant).await?.into_iter();
        Ok(Names {
            users: HashMap::new(),
            keys: keys
                .map(|key| (key.name_in_ledger().to_owned(), key.name))
                .collect(),
        })
    }
}
