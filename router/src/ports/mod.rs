//! The few traits behind which a platform stands. Each has at least two real adapters, every one of
//! which passes the same conformance tests (`tests/conformance`).
//!
//! Errors are only those that any reasonable implementation could raise. SDK types stay in the
//! adapters.

mod change;
mod error;
mod model;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

pub use change::{Change, CommitLimit, CommitRoom};
pub use error::{Failure, StoreError};
pub use model::{ChatModel, Listener, ModelError, ModelEvent};

use crate::model::{
    ApiKey, AuditEntry, BudgetProgress, ChannelId, ChannelKind, ChannelMapping, ConversationKey,
    ConversationOwner, DailyUsage, Hold, KeyHash, LedgerAccount, LedgerLine, Message, NoteName,
    Reserved, SecretDescription, SecretDocument, SecretName, SessionSummary, SettledTurn,
    StoredTurn, Tenant, TenantId, TurnId, TurnProgress, User, UserId, UserMemory,
};

/// Which part of a list to return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The most items to return; at least 1. A page may hold fewer and still not be the last.
    pub limit: usize,
    /// Where the page before ended: its [`Page::next`].
    pub after: Option<String>,
}

impl PageRequest {
    /// The first page, of at most `limit` items.
    pub fn first(limit: usize) -> Self {
        Self { limit, after: None }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where to go on; `None` on the last page. Opaque: only its store can read it.
    pub next: Option<String>,
    /// What is stored among the items and cannot be read. It hides none of the others. Told on each
    /// page that it lies on, which may be two.
    pub unreadable: Vec<Unreadable>,
}

/// Something that is stored in a form that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// The key under which it is stored, as the platform has it.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads a list to its end: calls `read` with a page request until there is no next page.
pub async fn all_pages<T, E, F, Fut>(mut read: F) -> Result<Vec<T>, E>
where
    F: FnMut(PageRequest) -> Fut,
    Fut: Future<Output = Result<Page<T>, E>>,
{
    let mut items = Vec::new();
    let mut request = PageRequest::first(500);
    loop {
        let page = read(request).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => {
                request = PageRequest {
                    limit: 500,
                    after: Some(next),
                }
            }
            None => return Ok(items),
        }
    }
}

/// Tenants and all that belongs to one: users, channels, keys, the audit trail.
///
/// All reads see every write that was acknowledged before them.
#[async_trait]
pub trait TenantStore: Send + Sync {
    /// Makes all changes, which concern one tenant, and adds the audit entry; or does nothing at
    /// all.
    ///
    /// # Errors
    /// The first change that cannot be made decides; two changes of one record in one commit may be
    /// [`StoreError::Changed`]. More than the [limit](Self::commit_limit) is
    /// [`StoreError::TooLarge`].
    async fn commit(
        &self,
        tenant: &TenantId,
        changes: &[Change],
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// How much one commit may hold.
    fn commit_limit(&self) -> CommitLimit;

    /// How long a removed tenant's id has to rest before another tenant may have it, so that
    /// nothing of the old one becomes the new one's: zero where the store itself keeps them apart.
    fn id_reservation(&self) -> SignedDuration;

    /// Removes a tenant and everything stored of it but its audit trail: users, keys, channels,
    /// memory, usage. (Its conversations and secrets are other ports'.) The id cannot be used again
    /// before `reserved_until`.
    ///
    /// Safe to repeat: what an interrupted removal left is removed by the next. A tenant that is
    /// being removed reads as absent.
    async fn remove_tenant(
        &self,
        tenant: &TenantId,
        reserved_until: Timestamp,
        audit: &AuditEntry,
    ) -> Result<(), StoreError>;

    /// Until when the id of a removed tenant cannot be used; `None` if it can.
    async fn reserved_until(&self, id: &TenantId) -> Result<Option<Timestamp>, StoreError>;

    /// Lets a removed tenant's id be used again at once. [`StoreError::NotFound`] if it is not
    /// reserved.
    async fn free_id(&self, id: &TenantId, audit: &AuditEntry) -> Result<(), StoreError>;

    /// One tenant's record.
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError>;
    /// All tenants, in the store's own order. For operators: the router never lists tenants.
    async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError>;
    /// One user's record.
    async fn user(&self, tenant: &TenantId, id: &UserId) -> Result<Option<User>, StoreError>;
    /// A tenant's users by id.
    async fn users(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<User>, StoreError>;
    /// What is remembered of a user.
    async fn memory(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<UserMemory>, StoreError>;
    /// A tenant's channels, without its API keys.
    async fn channels(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<ChannelMapping>, StoreError>;
    /// Who a channel belongs to. Two owners are [`StoreError::Corrupt`], never a guess.
    async fn channel_owner(
        &self,
        kind: ChannelKind,
        id: &ChannelId,
    ) -> Result<Option<TenantId>, StoreError>;
    /// The key with this hash, expired or not.
    async fn key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError>;
    /// Whom a key lets in, expired or not, with what a turn of theirs needs to be known of them.
    async fn bearer(&self, hash: &KeyHash) -> Result<Option<Bearer>, StoreError> {
        let Some(key) = self.key(hash).await? else {
            return Ok(None);
        };
        let member = self.member(&key.tenant_id, &key.user_id).await?;
        Ok(member.map(|member| Bearer { key, member }))
    }
    /// One user, with what a turn of theirs needs to be known of them.
    async fn member(&self, tenant: &TenantId, id: &UserId) -> Result<Option<Member>, StoreError> {
        let (tenant, user, memory) = futures::try_join!(
            self.tenant(tenant),
            self.user(tenant, id),
            self.memory(tenant, id),
        )?;
        Ok(tenant.zip(user).map(|(tenant, user)| Member {
            tenant,
            user,
            memory,
        }))
    }
    /// A tenant's keys, expired ones included.
    async fn keys(&self, tenant: &TenantId, page: PageRequest) -> Result<Page<ApiKey>, StoreError>;
    /// A tenant's audit trail, newest first. Readable after the tenant was removed.
    async fn audit_trail(
        &self,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError>;
    /// Adds an audit entry that goes with no change in this store.
    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Whom a key lets in.
#[derive(Debug, Clone, PartialEq)]
pub struct Bearer {
    /// The key.
    pub key: ApiKey,
    /// Its user.
    pub member: Member,
}

/// A user with what a turn of theirs needs to be known of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The tenant.
    pub tenant: Tenant,
    /// The user.
    pub user: User,
    /// What is remembered of the user.
    pub memory: Option<UserMemory>,
}

/// Counts what tenants use, so that limits hold whatever happens at once.
#[async_trait]
pub trait UsageStore: Send + Sync {
    /// Holds what a turn may use of its budgets, unless one of them has not that much left: then
    /// nothing is held. Repeated with the same id it holds once; with larger amounts, as much more.
    async fn reserve(&self, hold: &Hold) -> Result<Reserved, StoreError>;
    /// Ends a hold: what the turn used is added to the day and to its line of the ledger. Repeated
    /// before the hold expires, it adds once. A hold that has expired is counted all the same.
    /// [`StoreError::NotFound`] if nothing was ever held on that day, or the tenant was removed.
    /// Answers how far a hold that is watched brought its budgets, where that is known: not of a
    /// settlement whose own answer was lost.
    async fn settle(
        &self,
        hold: &Hold,
        turn: &SettledTurn,
    ) -> Result<Vec<BudgetProgress>, StoreError>;
    /// Adds messages that were refused to a line of the ledger. Of a tenant that is not there any
    /// more it adds nothing. Not for each refusal: the caller gathers them.
    async fn add_refusals(
        &self,
        tenant: &TenantId,
        day: Date,
        account: &LedgerAccount,
        count: u64,
    ) -> Result<(), StoreError>;
    /// The ledger of the days from `first` to `last`, both included, by day; of one user, or of
    /// all. What was counted by a release that kept no ledger is in [`usage`](Self::usage) alone.
    async fn ledger(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
        user: Option<&UserId>,
    ) -> Result<Vec<LedgerLine>, StoreError>;
    /// What was used on the days from `first` to `last`, both included, oldest first, without days
    /// on which nothing was.
    async fn usage(
        &self,
        tenant: &TenantId,
        first: Date,
        last: Date,
    ) -> Result<Vec<DailyUsage>, StoreError>;
}

/// How much of a conversation the model is given: whichever bound is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The most messages (two a turn).
    pub messages: usize,
    /// The most bytes of content. The newest message is given even if it is longer.
    pub bytes: usize,
}

/// Conversations. What was not touched for [`CONVERSATION_LIFE`] is gone: it is neither listed nor
/// read, whether the store has already deleted it or not.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Adds messages to the end, all or none, making the conversation if need be. Appends at once
    /// to one conversation are all kept, each one's messages together.
    ///
    /// [`StoreError::NotFound`] if the owner is not there any more: the user was removed, perhaps
    /// with another of the same id made since, or the tenant was. [`StoreError::Suspended`] if a
    /// conversation would begin in a suspended tenant. Once
    /// [`remove_all`](Self::remove_all) has followed the removal, nothing of them is left, and
    /// nothing comes.
    async fn append(
        &self,
        key: &ConversationKey,
        messages: &[Message],
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// The newest messages that fit the window, oldest first; empty if there is no such
    /// conversation.
    async fn recent(
        &self,
        key: &ConversationKey,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<Message>, StoreError>;
    /// The conversation, newest messages first: the first page holds the newest messages, each page
    /// oldest first. `None` if there is no such conversation.
    async fn history(
        &self,
        key: &ConversationKey,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Option<Page<Message>>, StoreError>;
    /// The owner's conversations, each once, in descending order of id: those that the router
    /// began come newest first.
    async fn sessions(
        &self,
        owner: &ConversationOwner,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<SessionSummary>, StoreError>;
    /// Removes a conversation; `false` if there was none.
    async fn clear(&self, key: &ConversationKey, now: Timestamp) -> Result<bool, StoreError>;
    /// Removes every conversation of these users of a tenant on every channel.
    async fn remove_all(&self, tenant: &TenantId, users: &[UserId]) -> Result<(), StoreError>;
    /// Removes what other programs keep of a tenant's conversations under no user of it.
    async fn remove_shared(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let _ = tenant;
        Ok(())
    }
    /// Removes every conversation of a tenant, whoever had it. For operators: it may read the whole
    /// store.
    async fn remove_tenant(&self, tenant: &TenantId) -> Result<(), StoreError>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Turns that are answered apart from the request that asked for them, so that any process of the
/// service can tell how far one is. What was not stored anew for [`StoredTurn::LIFE`] is gone.
///
/// They go with their owner's conversations, by [`ConversationStore::remove_all`] and its like.
#[async_trait]
pub trait TurnStore: Send + Sync {
    /// Stores a turn that begins, unless there is one of this id: then returns that one.
    async fn begin(&self, turn: &StoredTurn) -> Result<Option<StoredTurn>, StoreError>;
    /// Stores how far it is, and returns whether it was asked to stop. [`StoreError::NotFound`] if
    /// it is not there any more: its owner was removed.
    async fn save(
        &self,
        owner: &ConversationOwner,
        id: &TurnId,
        progress: &TurnProgress,
    ) -> Result<bool, StoreError>;
    /// One turn.
    async fn turn(
        &self,
        owner: &ConversationOwner,
        id: &TurnId,
        now: Timestamp,
    ) -> Result<Option<StoredTurn>, StoreError>;
    /// The owner's turns, in no order.
    async fn turns(
        &self,
        owner: &ConversationOwner,
        now: Timestamp,
    ) -> Result<Vec<StoredTurn>, StoreError>;
    /// Asks whoever answers it to stop. [`StoreError::NotFound`] if there is no such turn.
    async fn ask_to_stop(&self, owner: &ConversationOwner, id: &TurnId) -> Result<(), StoreError>;
}

/// What is remembered of users for minutes or days, each taken once, by whichever process of the
/// service. It goes with its user's conversations.
#[async_trait]
pub trait NoteStore: Send + Sync {
    /// Leaves a note, unless there is one of this name whose time is not over: `false` then.
    async fn leave(
        &self,
        name: &NoteName,
        value: &SecretDocument,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Takes a note away and returns it, to one of however many at once; `None` if there is none,
    /// or its time is over.
    async fn take(
        &self,
        name: &NoteName,
        now: Timestamp,
    ) -> Result<Option<SecretDocument>, StoreError>;
}

/// How long a conversation lives after its last turn.
pub const CONVERSATION_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Tenants' credentials. Read by exact name; a secret that was removed can be restored until its
/// recovery window ends.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// The secret's content; `None` if there is none or it was removed.
    async fn get(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError>;
    /// The same as it is stored now, whatever is kept in memory.
    async fn get_now(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        self.get(name).await
    }
    /// Makes or replaces it. One that was removed is restored first.
    async fn put(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, StoreError>;
    /// What may be known of it without reading it, removed or not.
    async fn describe(&self, name: &SecretName) -> Result<Option<SecretDescription>, StoreError>;
    /// A tenant's secrets by name, removed ones and users' own included. May lag behind writes on
    /// some platforms: nothing is decided by it.
    async fn list(&self, tenant: &TenantId) -> Result<Vec<SecretDescription>, StoreError>;
    /// Removes it into its recovery window; [`StoreError::NotFound`] if there is none or it was
    /// removed already. Returns when it will be gone for good.
    async fn remove(&self, name: &SecretName) -> Result<Timestamp, StoreError>;
    /// Deletes it for good, removed or not; of what does not exist there is nothing to do.
    async fn delete(&self, name: &SecretName) -> Result<(), StoreError>;
    /// Brings back what was removed; [`StoreError::NotFound`] if there is nothing to bring back.
    async fn restore(&self, name: &SecretName) -> Result<(), StoreError>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// How long a removed secret can be restored: as long as AWS Secrets Manager keeps one by default.
pub const RECOVERY_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What [`SecretStore::put`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// No such secret existed.
    Created,
    /// Another content was replaced.
    Updated,
    /// It had this content already: nothing was written.
    Unchanged,
    /// It had been removed and is back, with this content.
    Restored,
}

/// Tells the time, so that tests can.
pub trait Clock: Send + Sync {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A platform: one adapter behind each port.
#[derive(Clone)]
pub struct Platform {
    /// Tenants, users, channels, keys, audit.
    pub tenants: Arc<dyn TenantStore>,
    /// Counters of what tenants use.
    pub usage: Arc<dyn UsageStore>,
    /// Conversations of all tenants.
    pub conversations: Arc<dyn ConversationStore>,
    /// Turns that are answered apart from their request.
    pub turns: Arc<dyn TurnStore>,
    /// What is remembered of users for minutes.
    pub notes: Arc<dyn NoteStore>,
    /// Tenants' credentials for outside systems.
    pub secrets: Arc<dyn SecretStore>,
    /// Tells the stores and the operations what time it is.
    pub clock: Arc<dyn Clock>,
}
