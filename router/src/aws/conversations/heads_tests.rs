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
        retention: None,
    }
}

/// One whose tenant keeps conversations for so many days.
fn keeping(days: i64) -> ConversationOwner {
    ConversationOwner {
        retention: Some(SignedDuration::from_secs(days * DAY)),
        ..owner()
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
    let half = "x".repeat(HEAD_BYTES * 4 / 7);
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
    // As many turns as there may be in a life renew them no more often than every six days.
    for life in 1..30 {
        let first = plan(None, &append("first", &long), &keeping(life), now()).unwrap();
        let second = Head::read(&item(&first)).unwrap();
        let second = plan(
            Some(&second),
            &append("second", &long),
            &keeping(life),
            now(),
        );
        let head = Head::read(&item(&second.unwrap())).unwrap();
        assert!(head.page_count > 0);
        let tomorrow = plan(Some(&head), &append("x", "hi"), &keeping(life), after(0)).unwrap();
        assert_eq!(tomorrow.renew_pages_until, None, "{life}");
        let pages_end = head.pages_ttl;
        let ends = now().as_second() + life * DAY;
        assert!(pages_end >= ends + 7 * DAY && pages_end <= ends + 7.max(life) * DAY);
    }
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
fn a_head_lives_as_long_as_its_tenant_keeps_it() {
    let ends = |head: Option<&Head>, owner: &ConversationOwner| {
        let plan = plan(head, &append("next", "hi"), owner, now()).unwrap();
        Head::read(&item(&plan)).unwrap().ttl.unwrap() - now().as_second()
    };
    assert_eq!(ends(None, &owner()), 30 * DAY);
    assert_eq!(ends(None, &keeping(7)), 7 * DAY);
    // Of one that was to live longer, too; and the other way round.
    let long = head_of(&["hello"], now());
    assert_eq!(ends(Some(&long), &keeping(7)), 7 * DAY);
    let plan = plan(None, &append("first", "hello"), &keeping(7), now()).unwrap();
    let short = Head::read(&item(&plan)).unwrap();
    assert_eq!(ends(Some(&short), &owner()), 30 * DAY);

    let after = |days: i64| now() + SignedDuration::from_secs(days * DAY);
    let is_live = |owner: &ConversationOwner, days| long.is_live(owner, after(days));
    assert!(is_live(&owner(), 29) && !is_live(&owner(), 30));
    assert!(is_live(&keeping(7), 6) && !is_live(&keeping(7), 7));
}

#[test]
fn an_append_is_recognised_until_many_others_came() {
    let ids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let contents: Vec<&str> = ids.iter().map(String::as_str).collect();
    let head = head_of(&contents, now());
    assert!(head.has_append("39") && head.has_append("28"));
    assert!(!head.has_append("27"));
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

/// The bytes of an item as DynamoDB counts them, but for its key.
fn item_bytes(attributes: &[(&'static str, AttributeValue)]) -> usize {
    let sizes = attributes
        .iter()
        .map(|(name, value)| name.len() + size(value));
    sizes.sum()
}

/// A turn as the router stores it: question and answer of half a kilobyte each, and its notes.
fn turn_of_a_kilobyte(at: usize) -> [Message; 2] {
    let text = format!("{at} ")
        .repeat(512)
        .chars()
        .take(512)
        .collect::<String>();
    let question = json!({"role": "user", "content": text, "at": "2026-03-01T12:00:00.123456Z"});
    let answer = json!({
        "role": "assistant", "content": text, "at": "2026-03-01T12:00:02.123456Z",
        "request_id": "01M8D0RVNV7ESMNEB914BTG9R1", "route": "ai", "model": "claude-sonnet-5-5",
        "timing_ms": 2000,
        "usage": {"input_tokens": 1234, "output_tokens": 123, "cost_usd": 0.00123},
    });
    [question, answer].map(|message| serde_json::from_value(message).unwrap())
}

#[test]
fn a_turn_costs_few_write_units_however_long_the_conversation() {
    // A key of usual length, in bytes: `acme#dashboard#ada@example.com`, `s_01…`.
    const KEY: usize = 120;
    let units = |bytes: usize| bytes.div_ceil(1024);
    let (mut head, mut costs): (Option<Head>, Vec<usize>) = (None, Vec::new());
    let mut bytes_before = 0;
    for at in 0..1000 {
        let id = ulid::Ulid::generate().to_string();
        let append = Append::new(id, &turn_of_a_kilobyte(at)).unwrap();
        let plan = plan(head.as_ref(), &append, &owner(), now()).unwrap();
        // A write is charged for the larger of what is there before and after it.
        let bytes = KEY + item_bytes(&plan.head);
        let of_head = units(bytes.max(bytes_before));
        bytes_before = bytes;
        let of_pages: usize = plan
            .pages
            .iter()
            .map(|page| units(KEY + PAGE_OVERHEAD / 8 + page.json().len()))
            .sum();
        // A transaction costs twice as much.
        costs.push(match of_pages {
            0 => of_head,
            pages => 2 * (of_head + pages),
        });
        head = Some(Head::read(&item(&plan)).unwrap());
    }
    let mean = |costs: &[usize]| costs.iter().sum::<usize>() as f64 / costs.len() as f64;
    // Holding, settling and the line in the ledger are three more.
    for some in [&costs[..100], &costs[900..]] {
        assert!(mean(some) < 8.0, "{}", mean(some));
    }
}
