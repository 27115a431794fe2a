//! What a turn under way holds of its budgets, and what becomes of the wish to.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use super::budget::{Amounts, Budget, Payer, Standing};
use super::{LedgerAccount, TenantId};

/// What a turn under way holds of its budgets, until it is settled or expires.
#[derive(Debug, Clone)]
pub struct Hold {
    /// Of whom.
    pub tenant: TenantId,
    /// Which user and key.
    pub account: LedgerAccount,
    /// The day on which it counts, in UTC.
    pub day: Date,
    /// Which turn.
    pub id: Ulid,
    /// How much is held.
    pub amounts: Amounts,
    /// What it is held of.
    pub budgets: Vec<Budget>,
    /// When it returns to the budgets if nobody settled it.
    pub expires_at: Timestamp,
    /// Whether some of it is held already.
    pub is_extension: bool,
    /// Whether its settlement is to say how far it brought the budgets.
    pub is_watched: bool,
    /// Of a call of a model: how many of them the tenant may have under way at once; `None` if that
    /// has no limit. Only those that had one count.
    pub most_calls: Option<u64>,
}

impl Hold {
    /// How long a turn may take before what it holds returns: longer than any turn's deadline.
    pub const LIFE: SignedDuration = SignedDuration::from_mins(5);

    /// What a turn that begins now holds, once the store has reserved it.
    pub fn new(
        tenant: TenantId,
        account: LedgerAccount,
        amounts: Amounts,
        budgets: Vec<Budget>,
        now: Timestamp,
    ) -> Self {
        Self {
            tenant,
            account,
            day: now.to_zoned(TimeZone::UTC).date(),
            id: Ulid::generate(),
            amounts,
            budgets,
            expires_at: now.saturating_add(Self::LIFE).unwrap_or(Timestamp::MAX),
            is_extension: false,
            is_watched: false,
            most_calls: None,
        }
    }

    /// The budgets of one payer.
    pub fn budgets_for(&self, payer: Payer) -> impl Iterator<Item = &Budget> {
        let mut all = self.budgets.iter();
        std::iter::from_fn(move || all.by_ref().find(|budget| budget.key.payer == payer))
    }

    /// The payers that have a budget, the tenant always among them: its day counts.
    pub fn payers(&self) -> Vec<Payer> {
        let mut payers = vec![Payer::Tenant];
        payers.extend(self.budgets.iter().map(|budget| budget.key.payer));
        payers.sort_unstable();
        payers.dedup();
        payers
    }
}

/// What became of a wish to hold something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// It is held. With how much of each budget is used now.
    Held(Vec<Standing>),
    /// This budget has not that much left. Nothing is held.
    Refused(Standing),
    /// The tenant has as many calls under way as it may: so many. Nothing is held.
    TooManyCalls(u64),
}
