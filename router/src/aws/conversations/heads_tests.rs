use serde_json::json;

use super::*;

const DAY: i64 = 24 * 60 * 60;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn owner() -> ConversationOwner {
    ConversationOwner {
        tenant_id: TenantId::usual(),
        channel: crate::model::ChannelKind::Api,
        user_id: "ada".parse().unwrap(),
        since: Some(now()),
    }
}

fn said(content: &str) -> Message {
    serde_json::from_value(json!({"role": "user", "content": content})).unwrap()
}

fn append(id: &str, content: &str) -> Append {
    Append::new(id.to_owned(), &[said(content)]).unwrap()
}

fn item(plan: &Plan) -> Item {
    let attributes = plan.head.iter();
    attributes
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

/// The head after appends of these contents.
fn head_of(contents: &[&str], now: Timestamp) -> Head {
    let mut head: Option<Head> = None;
    for (n, content) in contents.iter().enumerate() {
        let plan = plan(
            head.as_ref(),
            &append(&n.to_string(), content),
            &owner(),
            now,
        )
        .unwrap();
        head = Some(Head::read(&item(&plan)).unwrap());
    }
    head.unwrap()
}

#[test]
fn numbers_count_on_while_messages_move() {
    let half = "x".repeat(40_000);
    let head = head_of(&[&half, &half, "short", &half, &half], now());
    assert!(head.page_count >= 2);
    assert_eq!(head.first + head.messages.len() as u64, 5);
    assert!(
        head.messages
            .iter()
            .map(|raw| raw.get().len())
            .sum::<usize>()
            <= HEAD_BYTES
    );
}

#[test]
fn the_newest_message_stays_in_the_head_if_an_item_has_room() {
    let long = "x".repeat(100_000);
    let head = head_of(&["short", &long], now());
    assert_eq!((head.first, head.messages.len()), (1, 1));
    let too_long_beside_the_rest = "x".repeat(407_000);
    let head = head_of(&["short", &too_long_beside_the_rest], now());
    assert_eq!(
        (head.first, head.messages.len(), head.page_count),
        (2, 0, 2)
    );
}

#[test]
fn pages_are_renewed_rarely_and_in_time() {
    let long = "x".repeat(40_000);
    let head = head_of(&[&long, &long], now());
    let after = |days: i64| now() + jiff::SignedDuration::from_secs(days * DAY);
    let renewed = |days| {
        let plan = plan(Some(&head), &append("later", "hi"), &owner(), after(days)).unwrap();
        plan.renew_pages_until
    };
    assert_eq!(renewed(0), None);
    assert_eq!(renewed(28), None);
    // The head lives thirty days; later it is another conversation's.
    for days in 0..30 {
        let head_ends = after(days).as_second() + 30 * DAY;
        let pages_end = renewed(days).unwrap_or(head.pages_ttl);
        assert!(pages_end > head_ends, "day {days}");
    }
}

#[test]
fn an_append_is_recognised_until_many_others_came() {
    let ids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let contents: Vec<&str> = ids.iter().map(String::as_str).collect();
    let head = head_of(&contents, now());
    assert!(head.has_append("39") && head.has_append("8"));
    assert!(!head.has_append("7"));
}

#[test]
fn times_are_read_as_other_programs_write_them() {
    for text in [
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T12:00:00",
        "2026-03-01 12:00:00",
        "2026-03-01T13:00:00+01:00",
    ] {
        let item = Item::from([(UPDATED_AT.to_owned(), text_value(text))]);
        assert_eq!(updated_at(&item, None), Ok(now()), "{text}");
    }
    let without = Item::from([(TTL.to_owned(), AttributeValue::N("1772366400.7".to_owned()))]);
    let ttl = ttl_of(&without).unwrap();
    let before = now() - CONVERSATION_LIFE;
    assert_eq!(updated_at(&without, ttl), Ok(before));
}

#[test]
fn what_cannot_be_read_is_not_repeated() {
    for messages in [
        "hunter2",
        "{\"hunter2\": 1}",
        "[{\"role\": \"hunter2\"}]",
        "[\"hunter2\"]",
    ] {
        let item = Item::from([(MESSAGES.to_owned(), text_value(messages))]);
        let error = match messages_of(&item) {
            Ok(raw) => parse(&raw[0]).unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
