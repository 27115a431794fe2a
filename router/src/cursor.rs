//! Where a page of a list ended, as an opaque text; and the lists that every adapter has.

use data_encoding::BASE64URL_NOPAD;

use crate::model::{ApiKey, AuditEntry, ChannelMapping, SessionSummary, Tenant, User};
use crate::ports::{Page, PageRequest, StoreError, Unreadable};

/// A list of things that are in the order of a key of `N` parts.
pub(crate) struct List<T, const N: usize> {
    /// Keeps a cursor from being used with another list.
    name: &'static str,
    key: fn(&T) -> [String; N],
}

/// Where a page begins and how much is to be read for it.
pub(crate) struct Start<const N: usize> {
    /// The key of the item before the page's first; `None` for the first page.
    pub(crate) after: Option<[String; N]>,
    /// How many items to read: one more than the page holds, which tells whether there is a next
    /// page.
    pub(crate) count: usize,
}

pub(crate) const TENANTS: List<Tenant, 1> = List {
    name: "tenants",
    key: |tenant| [tenant.id.to_string()],
};
pub(crate) const USERS: List<User, 1> = List {
    name: "users",
    key: |user| [user.id.to_string()],
};
pub(crate) const CHANNELS: List<ChannelMapping, 2> = List {
    name: "channels",
    key: |mapping| [mapping.kind.to_string(), mapping.channel_id.to_string()],
};
pub(crate) const KEYS: List<ApiKey, 1> = List {
    name: "keys",
    key: |key| [key.hash.as_str().to_owned()],
};
pub(crate) const AUDIT: List<AuditEntry, 1> = List {
    name: "audit",
    key: |entry| [entry.id.to_string()],
};
pub(crate) const SESSIONS: List<SessionSummary, 1> = List {
    name: "sessions",
    key: |session| [session.session_id.to_string()],
};

impl<T, const N: usize> List<T, N> {
    /// Where a page begins.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`] if its cursor is not one of this list.
    pub(crate) fn start(&self, request: &PageRequest) -> Result<Start<N>, StoreError> {
        Ok(Start {
            after: decode(self.name, request)?,
            count: page_size(request) + 1,
        })
    }

    /// The page of what was read from its [start](Self::start) on.
    pub(crate) fn page(
        &self,
        request: &PageRequest,
        (mut items, unreadable): (Vec<T>, Vec<Unreadable>),
    ) -> Page<T> {
        let size = page_size(request);
        let has_more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| has_more);
        Page {
            next: last.map(|last| encode(self.name, (self.key)(last))),
            items,
            unreadable,
        }
    }
}

/// What was read of an item of a list: one that cannot be understood is noted under its key, so
/// that it does not hide the others.
pub(crate) fn readable<T>(
    read: Result<T, StoreError>,
    key: impl FnOnce() -> String,
    unreadable: &mut Vec<Unreadable>,
) -> Result<Option<T>, StoreError> {
    match read {
        Ok(item) => Ok(Some(item)),
        Err(StoreError::Corrupt { what, detail }) => {
            unreadable.push(Unreadable {
                key: key(),
                reason: format!("{what}: {detail}"),
            });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A part of a cursor, which may be anyone's.
pub(crate) fn valid<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::InvalidCursor)
}

/// The most items one page holds, whatever is asked for.
const MAX_PAGE: usize = 1000;

/// How many items to return.
pub(crate) fn page_size(request: &PageRequest) -> usize {
    request.limit.clamp(1, MAX_PAGE)
}

/// Writes the last item's key down. `list` keeps a cursor from being used with another list.
pub(crate) fn encode<const N: usize>(list: &str, key: [String; N]) -> String {
    let parts: Vec<String> = std::iter::once(list.to_owned()).chain(key).collect();
    BASE64URL_NOPAD.encode(serde_json::Value::from(parts).to_string().as_bytes())
}

/// Reads the key that [`encode`] wrote for the same list; `None` on the first page.
pub(crate) fn decode<const N: usize>(
    list: &str,
    request: &PageRequest,
) -> Result<Option<[String; N]>, StoreError> {
    let Some(cursor) = &request.after else {
        return Ok(None);
    };
    BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .ok()
        .and_then(|json| serde_json::from_slice::<Vec<String>>(&json).ok())
        .filter(|parts| parts.first().is_some_and(|first| first == list))
        .and_then(|mut parts| parts.split_off(1).try_into().ok())
        .map(Some)
        .ok_or(StoreError::InvalidCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(cursor: &str) -> PageRequest {
        PageRequest {
            limit: 1,
            after: Some(cursor.to_owned()),
        }
    }

    #[test]
    fn a_cursor_reads_back_whatever_the_key_holds() {
        let cursor = encode(
            "channels",
            ["slack".to_owned(), "a#b/\"%23\u{1F980}".to_owned()],
        );
        assert_eq!(
            decode("channels", &after(&cursor)).unwrap(),
            Some(["slack".to_owned(), "a#b/\"%23\u{1F980}".to_owned()])
        );
    }

    #[test]
    fn a_cursor_that_this_list_did_not_write_is_refused() {
        let of_another_list = encode("users", ["ada".to_owned()]);
        let of_another_shape = encode("keys", ["a".to_owned(), "b".to_owned()]);
        for bad in [
            "",
            "ada",
            "!",
            "W10",
            "bnVsbA",
            &of_another_list,
            &of_another_shape,
        ] {
            assert_eq!(
                decode::<1>("keys", &after(bad)),
                Err(StoreError::InvalidCursor),
                "{bad:?} was accepted"
            );
        }
    }

    #[test]
    fn only_a_page_with_more_behind_it_has_a_cursor() {
        const NUMBERS: List<i32, 1> = List {
            name: "numbers",
            key: |number| [number.to_string()],
        };
        let page = |items| NUMBERS.page(&PageRequest::first(2), (items, Vec::new()));
        assert_eq!(page(vec![1, 2]).next, None);
        assert_eq!(page(Vec::new()).next, None);
        let cut = page(vec![1, 2, 3]);
        assert_eq!(cut.items, [1, 2]);
        let next = PageRequest {
            limit: 2,
            after: cut.next,
        };
        let start = NUMBERS.start(&next).unwrap();
        assert_eq!(start.after, Some(["2".to_owned()]));
        assert_eq!(start.count, 3);
    }
}
