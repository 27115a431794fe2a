//! What a commit of tenants' records holds.

use jiff::Timestamp;

use crate::model::{ApiKey, ChannelMapping, Tenant, User, UserId, UserMemory};

/// One change to a tenant's records. Every update and removal names the value that was read: if
/// another is stored by then, nothing is changed and the answer is
/// [`StoreError::Changed`](super::StoreError::Changed).
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a handful are made at a time, and none is kept"
)]
pub enum Change {
    /// Creates a tenant. Refused for the id of a tenant that was removed lately.
    CreateTenant(Tenant),
    /// Changes a tenant; the store sets its version to one more than `before`'s.
    UpdateTenant {
        /// As it was read.
        before: Tenant,
        /// As it should be.
        after: Tenant,
    },
    /// Creates a user of an existing tenant.
    CreateUser(User),
    /// Changes a user's record.
    UpdateUser {
        /// As it was read.
        before: User,
        /// As it should be.
        after: User,
    },
    /// Removes a user with their memory. Their keys are removed by changes of their own.
    RemoveUser(User),
    /// Changes what is remembered of a user.
    PutMemory {
        /// Whose memory it is.
        user_id: UserId,
        /// As it was read; `None` if there was nothing.
        before: Option<UserMemory>,
        /// As it should be.
        after: UserMemory,
    },
    /// Maps a channel to the tenant. Refused with [`StoreError::Taken`](super::StoreError::Taken)
    /// while another tenant has it.
    MapChannel(ChannelMapping),
    /// Unmaps a channel, so that any tenant can map it.
    UnmapChannel(ChannelMapping),
    /// Creates an API key of an existing user.
    CreateKey(ApiKey),
    /// Revokes an API key.
    RevokeKey(ApiKey),
    /// Changes an API key: its name, its role, when it ends, and its budgets.
    UpdateKey {
        /// As it was read.
        before: ApiKey,
        /// As it should be.
        after: ApiKey,
    },
}

impl Change {
    /// The change as it is made at a time: a user notes when they were made.
    pub fn made_at(self, at: Timestamp) -> Self {
        match self {
            Self::CreateUser(user) => Self::CreateUser(User {
                created_at: Some(at),
                ..user
            }),
            other => other,
        }
    }
}

/// How much one commit may hold. Stores count differently, by changes or by what these write, so
/// each says how.
#[derive(Debug, Clone, Copy)]
pub struct CommitLimit {
    /// The most units of one commit.
    pub units: usize,
    /// How many units a change takes; at least one.
    pub units_of: fn(&Change) -> usize,
    /// The most bytes of records that a commit should hold. One that holds more may be refused as
    /// too large.
    pub bytes: usize,
}

impl CommitLimit {
    /// Whether one commit may hold all of these.
    pub fn allows(&self, changes: &[Change]) -> bool {
        changes.iter().map(self.units_of).sum::<usize>() <= self.units
    }

    /// The room of an empty commit.
    pub fn room(self) -> CommitRoom {
        CommitRoom {
            limit: self,
            units: 0,
            bytes: 0,
        }
    }

    /// Items in parts, in their order, that fit one commit each. `size` gives an item's units and
    /// bytes.
    pub fn split<T>(self, items: Vec<T>, size: impl Fn(&T) -> (usize, usize)) -> Vec<Vec<T>> {
        let mut parts: Vec<Vec<T>> = Vec::new();
        let mut room = self.room();
        for item in items {
            let (units, bytes) = size(&item);
            match parts.last_mut() {
                Some(part) if room.take(units, bytes) => part.push(item),
                _ => {
                    room = self.room();
                    room.take(units, bytes);
                    parts.push(vec![item]);
                }
            }
        }
        parts
    }
}

/// What is left of a commit's limit while it is being filled.
#[derive(Debug, Clone)]
pub struct CommitRoom {
    limit: CommitLimit,
    units: usize,
    bytes: usize,
}

impl CommitRoom {
    /// Takes room for something more; `false` if there is not enough. The first thing is always
    /// taken: if it is too large, the store says so.
    pub fn take(&mut self, units: usize, bytes: usize) -> bool {
        let (units, bytes) = (self.units + units, self.bytes + bytes);
        if self.units > 0 && (units > self.limit.units || bytes > self.limit.bytes) {
            return false;
        }
        (self.units, self.bytes) = (units, bytes);
        true
    }

    /// Takes room for a change; `false` if there is not enough.
    pub fn take_change(&mut self, change: &Change) -> bool {
        self.take((self.limit.units_of)(change), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_split_by_units_and_by_bytes() {
        let limit = CommitLimit {
            units: 4,
            units_of: |_| 1,
            bytes: 100,
        };
        let parts = |sizes: &[(usize, usize)]| -> Vec<usize> {
            let parts = limit.split(sizes.to_vec(), |size| *size);
            parts.iter().map(Vec::len).collect()
        };
        assert_eq!(parts(&[(2, 1), (2, 1), (1, 1)]), [2, 1]);
        assert_eq!(parts(&[(1, 60), (1, 60), (1, 40)]), [1, 2]);
        // What is too large alone is a part of its own, and the next begins another.
        assert_eq!(parts(&[(9, 1), (1, 1), (1, 200)]), [1, 1, 1]);
        assert_eq!(parts(&[]), [0; 0]);
    }
}
