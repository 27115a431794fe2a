//! `t3nets restore --to`: the tables of an environment on AWS, to a point in time. DynamoDB is
//! [`TimedTables`], which knows what each item was when.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::operator::Operator;
use crate::timed_tables::{ItemKey, Tables, TimedTables, item};

const TENANTS: &str = "t3nets-dev-tenants";
const CONVERSATIONS: &str = "t3nets-dev-conversations";
/// 2026-11-24T10:00:00Z.
const THEN: i64 = 1_795_514_400;
const THEN_AS_TYPED: &str = "2026-11-24T10:00:00Z";
const COPY_OF_TENANTS: &str = "t3nets-dev-tenants-restored-20261124T100000Z";

/// An operator of the environment `dev`, whose tables remember.
struct Drill {
    operator: Operator,
    aws: TimedTables,
    _runtime: Runtime,
}

impl Drill {
    /// With both tables as `fill` makes them at [`THEN`]; then a day passes.
    fn new(fill: impl FnOnce(&mut Tables)) -> Self {
        let runtime = Runtime::new().unwrap();
        let aws = runtime.block_on(TimedTables::start());
        let operator = Operator::new()
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with("AWS_ENDPOINT_URL", &aws.url())
            .with("AWS_ACCESS_KEY_ID", "test")
            .with("AWS_SECRET_ACCESS_KEY", "not-to-be-shown")
            .with("T3NETS_ENVIRONMENT", "dev");
        let project = "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\n";
        operator.write("t3nets.toml", project);
        let mut tables = aws.tables();
        tables.set_clock(THEN);
        tables.create(TENANTS, true);
        tables.create(CONVERSATIONS, true);
        fill(&mut tables);
        tables.set_clock(THEN + 86_400);
        drop(tables);
        Self {
            operator,
            aws,
            _runtime: runtime,
        }
    }

    fn items(&self, table: &str) -> BTreeMap<ItemKey, Value> {
        self.aws.tables().items(table)
    }

    /// Only the two tables are there.
    fn assert_tidy(&self) {
        assert_eq!(self.aws.tables().names(), [CONVERSATIONS, TENANTS]);
    }
}

fn tenant(id: &str, name: &str) -> Value {
    item(&format!("TENANT#{id}"), "META", &[("name", name)])
}

fn user(number: usize) -> Value {
    let id = format!("USER#u-{number:05}");
    let settings = "x".repeat(100);
    let attributes = [("email", "ada@example.com"), ("settings", &settings)];
    item("TENANT#acme", &id, &attributes)
}

fn conversation(tenant: &str, session: usize, messages: &str) -> Value {
    let (pk, sk) = (format!("{tenant}#api#ada"), format!("s-{session:05}"));
    item(&pk, &sk, &[("messages", messages)])
}

#[test]
fn ten_thousand_items_are_as_they_were_after_a_mistake_an_interruption_and_a_write_meanwhile() {
    let drill = Drill::new(|tables| {
        tables.put(TENANTS, tenant("acme", "Acme"));
        for number in 0..8_000 {
            tables.put(TENANTS, user(number));
        }
        for session in 0..1_999 {
            tables.put(CONVERSATIONS, conversation("acme", session, "[]"));
        }
    });
    let tenants_then = drill.items(TENANTS);
    let conversations_then = drill.items(CONVERSATIONS);

    // The mistake.
    let mut tables = drill.aws.tables();
    tables.delete(TENANTS, "TENANT#acme", "META");
    for number in 0..900 {
        tables.delete(TENANTS, "TENANT#acme", &format!("USER#u-{number:05}"));
    }
    for number in 1_000..1_100 {
        tables.put(
            TENANTS,
            item(
                "TENANT#acme",
                &format!("USER#u-{number:05}"),
                &[("role", "x")],
            ),
        );
    }
    for session in 5_000..5_300 {
        tables.put(CONVERSATIONS, conversation("acme", session, "[wrong]"));
    }
    drop(tables);
    let mistaken = drill.items(TENANTS);

    // Interrupted in the middle of it: nothing but what was done by then is changed.
    drill
        .aws
        .at_call("PutItem", 400, |_| Some("AccessDeniedException"));
    let interrupted = drill
        .operator
        .run(&["restore", "--to", THEN_AS_TYPED, "--yes"])
        .expect_code(4)
        .says("t3nets restore --to 2026-11-24T10:00:00Z")
        .says("goes on where this ended");
    assert!(!interrupted.stderr.contains("not-to-be-shown"));
    let half_way = drill.items(TENANTS);
    assert!(half_way != mistaken && half_way != tenants_then);
    assert_eq!(drill.aws.tables().names().len(), 4, "the copies stay");

    // People go on while it is restored: one writes what is to be put back, one something new.
    let missing = tenants_then.keys().find(|key| !half_way.contains_key(key));
    let missing = missing.unwrap().clone();
    let rewritten = item(&missing.0, &missing.1, &[("email", "new@example.com")]);
    let new = conversation("acme", 9_999, "[new]");
    let written = [(TENANTS, rewritten.clone()), (CONVERSATIONS, new.clone())];
    drill.aws.at_call("CreateBackup", 1, |tables| {
        for (table, item) in written {
            tables.put(table, item);
        }
        None
    });
    let restored = drill
        .operator
        .json(&["restore", "--to", THEN_AS_TYPED, "--yes"]);
    let [tenants, conversations] = restored["tables"].as_array().unwrap().as_slice() else {
        panic!("{restored}");
    };
    assert_eq!(tenants["items_then"], 8_001);
    assert_eq!(conversations["items_then"], 1_999);
    assert_eq!(conversations["newer"], 300);
    assert_eq!(conversations["done"]["deleted"], 300);
    assert_eq!(conversations["done"]["differing"], 1, "the new one");
    assert_eq!(drill.aws.tables().calls("RestoreTableToPointInTime"), 2);

    assert_eq!(tenants["done"]["kept"], 1);
    assert_eq!(tenants["done"]["differing"], 1);
    let mut expected = tenants_then;
    expected.insert(missing, rewritten);
    assert!(drill.items(TENANTS) == expected);
    let mut expected = conversations_then;
    expected.insert(("acme#api#ada".to_owned(), "s-09999".to_owned()), new);
    assert!(drill.items(CONVERSATIONS) == expected);
    drill.assert_tidy();
    // Each run kept what it found.
    let tables = drill.aws.tables();
    assert!(tables.backups().any(|items| *items == mistaken));
}

/// After it was looked at for the last time, and before it is put back.
#[test]
fn what_somebody_writes_at_the_last_moment_stays() {
    let drill = Drill::new(|tables| {
        tables.put(TENANTS, tenant("acme", "Acme"));
        (0..3).for_each(|number| tables.put(TENANTS, user(number)));
    });
    let mut expected = drill.items(TENANTS);
    let (pk, sk) = ("TENANT#acme", "USER#u-00001");
    drill.aws.tables().delete(TENANTS, pk, sk);
    let rewritten = item(pk, sk, &[("email", "new@example.com")]);
    expected.insert((pk.to_owned(), sk.to_owned()), rewritten.clone());
    drill.aws.at_call("PutItem", 1, |tables| {
        tables.put(TENANTS, rewritten);
        None
    });
    let restored = drill
        .operator
        .json(&["restore", "--to", THEN_AS_TYPED, "--yes"]);
    assert_eq!(restored["tables"][0]["done"]["kept"], 1, "{restored}");
    assert_eq!(drill.items(TENANTS), expected);
}

#[test]
fn a_dry_run_shows_what_differs_and_changes_nothing() {
    let drill = Drill::new(|tables| {
        for id in ["acme", "globex"] {
            tables.put(TENANTS, tenant(id, "was"));
        }
    });
    let mut tables = drill.aws.tables();
    tables.delete(TENANTS, "TENANT#acme", "META");
    tables.put(TENANTS, tenant("globex", "is"));
    tables.put(TENANTS, tenant("initech", "is"));
    drop(tables);
    let before = drill.items(TENANTS);
    let arguments = ["restore", "--to", THEN_AS_TYPED, "--dry-run"];
    let shown = drill.operator.run(&arguments).expect_code(0);
    insta::assert_snapshot!(shown.stdout, @r"
    environment `dev`, now and at 2026-11-24T10:00:00Z
    TABLE          THEN  NOW  MISSING  CHANGED  NEWER
    tenants        2     2    1        1        1
    conversations  0     0    0        0        0
    tenants that will be restored: acme
    tenants that will be removed: initech
    ");
    assert_eq!(drill.items(TENANTS), before);
    assert_eq!(drill.aws.tables().calls("CreateBackup"), 0);
    drill.assert_tidy();

    let kept = drill.operator.json(&[&arguments[..], &["--keep"]].concat());
    assert_eq!(kept["tables"][0]["copy"], COPY_OF_TENANTS);
    assert_eq!(drill.aws.tables().names().len(), 4);
    let restored = drill
        .operator
        .run(&[
            "restore",
            "--to",
            THEN_AS_TYPED,
            "--yes",
            "--table",
            "tenants",
        ])
        .expect_code(0)
        .says("going on with")
        .says("--table tenants");
    assert!(
        restored.stdout.contains("backup of tenants"),
        "{restored:?}"
    );
    let [then, _] = [drill.items(TENANTS), before];
    assert_eq!(then.len(), 2);
}

#[test]
fn how_long_ago_is_said_as_the_time_that_goes_on_with_it() {
    let drill = Drill::new(|tables| tables.put(TENANTS, tenant("acme", "was")));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    drill
        .aws
        .tables()
        .set_clock(now.as_secs().try_into().unwrap());
    let arguments = ["restore", "--to", "1h", "--dry-run", "--table", "tenants"];
    let shown = drill.operator.run(&arguments).expect_code(0);
    let (_, said) = shown.stderr.split_once("`t3nets restore --to 20").unwrap();
    assert!(
        said.contains("Z --table tenants -e dev` goes on with this"),
        "{shown:?}"
    );
}

#[test]
fn one_tenants_items_come_back_and_nobody_elses_change() {
    let claim = |tenant| item("CHANNEL#slack#C1", "OWNER", &[("tenant_id", tenant)]);
    let taken = |tenant| item("CHANNEL#slack#C2", "OWNER", &[("tenant_id", tenant)]);
    let audit = |id: &str| item("TENANT#acme", &format!("AUDIT#{id}"), &[("action", id)]);
    let drill = Drill::new(|tables| {
        for id in ["acme", "globex"] {
            tables.put(TENANTS, tenant(id, "was"));
            tables.put(CONVERSATIONS, conversation(id, 1, "[was]"));
        }
        for put in [claim("acme"), taken("acme"), audit("01")] {
            tables.put(TENANTS, put);
        }
        tables.put(TENANTS, item("DEPLOY#t3nets-dev-router", "GOOD#1", &[]));
        let mut expired = conversation("acme", 2, "[expired]");
        expired["ttl"] = json!({"N": "1"});
        tables.put(CONVERSATIONS, expired);
    });
    // Removed, its id at rest, one of its channels another's by now.
    let mut tables = drill.aws.tables();
    tables.delete(TENANTS, "TENANT#acme", "META");
    tables.put(TENANTS, item("TENANT#acme", "REMOVED", &[]));
    tables.put(TENANTS, audit("02"));
    tables.delete(TENANTS, "CHANNEL#slack#C1", "OWNER");
    tables.put(TENANTS, taken("globex"));
    tables.put(TENANTS, tenant("globex", "is"));
    tables.put(TENANTS, item("DEPLOY#t3nets-dev-router", "GOOD#2", &[]));
    for session in 1..=2 {
        tables.delete(CONVERSATIONS, "acme#api#ada", &format!("s-{session:05}"));
    }
    tables.put(CONVERSATIONS, conversation("globex", 1, "[is]"));
    drop(tables);

    let arguments = ["restore", "--to", THEN_AS_TYPED, "-t", "acme", "--yes"];
    let restored = drill.operator.json(&arguments);
    assert_eq!(restored["tables"][0]["tenants_missing"], json!(["acme"]));
    let values = |table| drill.items(table).into_values().collect::<Vec<_>>();
    let mut expected = vec![
        claim("acme"),
        taken("globex"),
        item("DEPLOY#t3nets-dev-router", "GOOD#1", &[]),
        item("DEPLOY#t3nets-dev-router", "GOOD#2", &[]),
        audit("01"),
        audit("02"),
        tenant("acme", "was"),
        tenant("globex", "is"),
    ];
    assert_eq!(values(TENANTS), expected);
    expected = vec![
        conversation("acme", 1, "[was]"),
        conversation("globex", 1, "[is]"),
    ];
    assert_eq!(values(CONVERSATIONS), expected);
    // There is nothing left to do, and nothing is backed up for it.
    let again = drill.operator.run(&arguments).expect_code(0);
    assert!(again.stdout.contains("nothing differs"), "{again:?}");
    assert_eq!(drill.aws.tables().calls("CreateBackup"), 2);
    drill.assert_tidy();
}

#[test]
fn what_cannot_be_restored_to_is_said_before_anything_is_made() {
    let drill = Drill::new(|tables| tables.put(TENANTS, tenant("acme", "was")));
    drill
        .operator
        .run(&["restore", "--to", "2026-10-01T00:00:00Z", "--yes"])
        .expect_code(2)
        .says("from 2026-10-21T10:00:00Z to 2026-11-25T09:55:00Z");
    drill
        .operator
        .run(&["restore", "--to", THEN_AS_TYPED])
        .expect_code(2)
        .says("--yes");
    drill
        .operator
        .run(&["restore", "-e", "local", "--to", "2h", "--yes"])
        .expect_code(3)
        .says("is on this machine");
    drill
        .operator
        .run(&["restore", "t3nets.backup", "--to", "2h"])
        .expect_code(2);
    drill.aws.tables().create(TENANTS, false);
    drill
        .operator
        .run(&["restore", "--to", THEN_AS_TYPED, "--yes"])
        .expect_code(3)
        .says("point-in-time recovery is off")
        .says("point_in_time_recovery = true");
    drill.assert_tidy();
    // A table of the copy's name that nobody restored is never deleted.
    let mut tables = drill.aws.tables();
    tables.create(TENANTS, true);
    tables.create(COPY_OF_TENANTS, false);
    drop(tables);
    drill
        .operator
        .run(&["restore", "--to", THEN_AS_TYPED, "--yes"])
        .expect_code(1)
        .says("it was not restored from");
    assert!(drill.aws.tables().names().contains(&COPY_OF_TENANTS));
}

#[test]
fn a_protected_environment_asks_for_its_name_once_what_differs_was_shown() {
    let drill = Drill::new(|tables| tables.put(TENANTS, tenant("acme", "was")));
    let project = "[env.dev]\nplatform = \"aws\"\nregion = \"us-east-1\"\nprotected = true\n";
    drill.operator.write("t3nets.toml", project);
    drill.aws.tables().put(TENANTS, tenant("acme", "is"));
    let before = drill.items(TENANTS);
    let arguments = ["restore", "--to", THEN_AS_TYPED];
    let question = "Put 1 item back: `dev` is protected. Type its name";
    let shown = drill.operator.answering(&arguments, &[(question, "prod")]);
    assert!(shown.contains("CHANGED"), "{shown}");
    assert!(shown.contains("nothing was changed"), "{shown}");
    assert_eq!(drill.items(TENANTS), before);
    let shown = drill.operator.answering(&arguments, &[(question, "dev")]);
    assert!(shown.contains("restored environment `dev`"), "{shown}");
    assert_ne!(drill.items(TENANTS), before);
}
