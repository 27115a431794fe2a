//! Where a page of a list ended, as an opaque text.

use data_encoding::BASE64URL_NOPAD;

use crate::ports::{Page, PageRequest, StoreError};

/// The most items one page holds, whatever is asked for.
const MAX_PAGE: usize = 1000;

/// How many items to return and how many to read: one more, which tells whether there is a next page.
pub(crate) fn page_size(request: &PageRequest) -> usize {
    request.limit.clamp(1, MAX_PAGE)
}

/// Writes the last item's key down. `list` keeps a cursor from being used with another list.
pub(crate) fn encode<const N: usize>(list: &str, key: [&str; N]) -> String {
    let parts: Vec<&str> = std::iter::once(list).chain(key).collect();
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

/// Makes a page of what was read: `items` holds up to one more than fit.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    size: usize,
    cursor_after: impl FnOnce(&T) -> String,
) -> Page<T> {
    let more = items.len() > size;
    items.truncate(size);
    Page {
        next: items.last().filter(|_| more).map(cursor_after),
        items,
    }
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
        let cursor = encode("channels", ["slack", "a#b/\"%23\u{1F980}"]);
        assert_eq!(
            decode("channels", &after(&cursor)).unwrap(),
            Some(["slack".to_owned(), "a#b/\"%23\u{1F980}".to_owned()])
        );
    }

    #[test]
    fn a_cursor_that_this_list_did_not_write_is_refused() {
        let of_another_list = encode("users", ["ada"]);
        let of_another_shape = encode("keys", ["a", "b"]);
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
        assert_eq!(page(vec![1, 2], 2, i32::to_string).next, None);
        let cut = page(vec![1, 2, 3], 2, i32::to_string);
        assert_eq!((cut.items, cut.next.as_deref()), (vec![1, 2], Some("2")));
        assert_eq!(page(Vec::new(), 2, i32::to_string).next, None);
    }
}
