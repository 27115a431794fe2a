//! Out of one embedded platform and into another, whole, hostile and interrupted.

mod others;
mod tokens;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::admin::Admin;
use crate::admin::faults::{Crash, CrashingStore};
use crate::admin::keys::NewKey;
use crate::admin::own_budgets::OwnBudgetEdit;
use crate::admin::seed::{TenantSeed, UserSeed};
use crate::admin::settings::{SettingEdit, SettingKey};
use crate::admin::users::{LastAdmin, UserEdits};
use crate::model::*;
use crate::ports::{Platform, StoreError};

struct Home {
    platform: Platform,
    admin: Admin,
    _folder: TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let platform = crate::local::open(folder.path()).unwrap();
        Self {
            admin: Admin::new(platform.clone(), "operator:test"),
            platform,
            _folder: folder,
        }
    }

    /// With the tenant `default`: so many users, the first with a memory and a key, two channels
    /// and two secrets.
    async fn filled(users: usize) -> Self {
        let home = Self::new();
        let mut seed = TenantSeed::new(id("default"));
        seed.settings = vec![SettingEdit::set_text(SettingKey::MessagesPerDay, "7").unwrap()];
        seed.users = (0..users)
            .map(|n| UserSeed {
                email: format!("u{n:04}@example.com"),
                id: None,
                display_name: None,
                role: UserRole::Admin,
            })
            .collect();
        seed.channels = vec![
            (ChannelKind::Dashboard, "T 1/ä".parse().unwrap()),
            (ChannelKind::Dashboard, "T2".parse().unwrap()),
        ];
        for name in ["pager", "wiki"] {
            let fields = json!({"token": "hunter2"}).as_object().unwrap().clone();
            let document = SecretDocument::new(fields);
            seed.secrets.insert(name.parse().unwrap(), document);
        }
        home.admin.seed(&seed).await.unwrap();
        let user: UserId = "u0000@example.com".parse().unwrap();
        let edits = UserEdits {
            preferences: vec![("language".to_owned(), Some("German".to_owned()))],
            ..UserEdits::default()
        };
        home.admin
            .set_user(&id("default"), &user, &edits, LastAdmin::Keep)
            .await
            .unwrap();
        let key = NewKey {
            user_id: user,
            name: Some("CI".to_owned()),
            role: None,
            expires_in: None,
            budgets: vec![OwnBudgetEdit::set_text("usd_per_day", "5").unwrap()],
        };
        home.admin.create_key(&id("default"), key).await.unwrap();
        home
    }

    async fn export(&self, tenant: &str, secrets: SecretsIn) -> String {
        let mut file = Vec::new();
        self.admin
            .export_tenant(&id(tenant), secrets, &mut file, &mut |_| ())
            .await
            .unwrap();
        String::from_utf8(file).unwrap()
    }

    async fn import(&self, file: &str) -> (ImportSummary, Vec<Problem>) {
        self.import_with(file, options("default")).await
    }

    async fn import_with(
        &self,
        file: &str,
        options: ImportOptions,
    ) -> (ImportSummary, Vec<Problem>) {
        import(&self.admin, file, &options).await.unwrap()
    }
}

async fn import(
    admin: &Admin,
    file: &str,
    options: &ImportOptions,
) -> Result<(ImportSummary, Vec<Problem>), TransferError> {
    check(file.as_bytes())?;
    let mut problems = Vec::new();
    let reader = ExportReader::begin(file.as_bytes())?;
    let summary = admin
        .import_tenant(reader, options, &mut |event| {
            if let ImportEvent::Failed(problem) = event {
                problems.push(problem);
            }
        })
        .await?;
    Ok((summary, problems))
}

fn id(text: &str) -> TenantId {
    text.parse().unwrap()
}

fn options(into: &str) -> ImportOptions {
    ImportOptions {
        into: id(into),
        overwrite: false,
        dry_run: false,
    }
}

fn total(summary: &ImportSummary, of: fn(&Tally) -> usize) -> usize {
    summary.tallies.values().map(of).sum()
}

#[tokio::test]
async fn a_tenant_is_the_same_after_its_journey() {
    let home = Home::filled(120).await;
    let file = home.export("default", SecretsIn::Values).await;
    let other = Home::new();
    let (summary, problems) = other.import(&file).await;
    assert_eq!(problems, []);
    assert_eq!(summary.tallies[&RecordKind::User].created, 120);
    assert_eq!(
        total(&summary, |tally| tally.created),
        1 + 120 + 1 + 2 + 1 + 2
    );
    assert_eq!(other.export("default", SecretsIn::Values).await, file);

    let (again, problems) = other.import(&file).await;
    assert_eq!(problems, []);
    assert_eq!(total(&again, |tally| tally.unchanged), 127);
    assert_eq!(total(&again, |tally| tally.created), 0);
}

#[tokio::test]
async fn secrets_are_named_alone_unless_their_values_are_asked_for() {
    let home = Home::filled(1).await;
    let file = home.export("default", SecretsIn::Names).await;
    assert!(!file.contains("hunter2"), "{file}");
    let other = Home::new();
    let (summary, problems) = other.import(&file).await;
    assert_eq!(problems, []);
    let missing: Vec<_> = summary
        .missing_secrets
        .iter()
        .map(|name| name.as_str())
        .collect();
    assert_eq!(missing, ["pager", "wiki"]);
}

#[tokio::test]
async fn a_tenant_of_nothing_but_itself_is_one_too() {
    let home = Home::new();
    let seed = TenantSeed::new(id("default"));
    home.admin.seed(&seed).await.unwrap();
    let file = home.export("default", SecretsIn::Values).await;
    let other = Home::new();
    let (summary, problems) = other.import(&file).await;
    assert_eq!(problems, []);
    assert_eq!(total(&summary, |tally| tally.created), 1);
    assert_eq!(other.export("default", SecretsIn::Values).await, file);
}

#[tokio::test]
async fn people_are_made_by_batches_not_one_by_one() {
    let home = Home::filled(1000).await;
    let file = home.export("default", SecretsIn::Names).await;
    let other = Home::new();
    let (platform, stores) = CrashingStore::over(&other.platform, usize::MAX, Crash::Before);
    import(
        &Admin::new(platform, "operator:test"),
        &file,
        &options("default"),
    )
    .await
    .unwrap();
    // A look at who is there; the tenant, 11 batches of users, a memory, the channels, the key; and
    // two secrets looked up.
    assert_eq!(stores.calls(), 1 + 1 + 11 + 1 + 1 + 1 + 2);
}

#[tokio::test]
async fn an_import_that_is_killed_anywhere_is_completed_by_the_next() {
    let file = Home::filled(200)
        .await
        .export("default", SecretsIn::Values)
        .await;
    for crash in [Crash::Before, Crash::After] {
        for call in 1.. {
            let home = Home::new();
            let (platform, _) = CrashingStore::over(&home.platform, call, crash);
            let dying = Admin::new(platform, "operator:test");
            let ended = import(&dying, &file, &options("default")).await.is_ok();
            let (_, problems) = home.import(&file).await;
            assert_eq!(problems, [], "{crash:?} {call}");
            assert_eq!(
                home.export("default", SecretsIn::Values).await,
                file,
                "{crash:?} {call}"
            );
            if ended {
                assert!(call > 10, "the import made only {call} calls");
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_differs_is_told_and_only_overwritten_on_request() {
    let home = Home::filled(3).await;
    let file = home.export("default", SecretsIn::Values).await;
    let mine = file
        .replace("\"display_name\":\"u0001\"", "\"display_name\":\"Mine\"")
        .replace("\"messages_per_day\":7", "\"messages_per_day\":8")
        .replace("German", "French")
        .replace("\"usd_per_day\":5", "\"usd_per_day\":6")
        .replacen("hunter2", "hunter3", 1);
    let before = home.export("default", SecretsIn::Values).await;
    let (summary, problems) = home.import(&mine).await;
    let told = problems.iter();
    let told = told.map(|one| (one.kind.as_str(), one.reason.as_str()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("tenant", "the stored record differs in messages_per_day"),
            ("memory", "the stored record differs in preferences"),
            ("user", "the stored record differs in display_name"),
            ("api_key", "the stored record differs in budgets"),
            ("secret", "the stored record differs in token"),
        ]
    );
    assert_eq!(summary.failed(), 5);
    assert_eq!(home.export("default", SecretsIn::Values).await, before);

    let overwrite = ImportOptions {
        overwrite: true,
        ..options("default")
    };
    let dry = ImportOptions {
        dry_run: true,
        ..overwrite.clone()
    };
    let (summary, _) = home.import_with(&mine, dry).await;
    assert_eq!(total(&summary, |tally| tally.overwritten), 5);
    assert_eq!(home.export("default", SecretsIn::Values).await, before);
    let (summary, problems) = home.import_with(&mine, overwrite).await;
    assert_eq!(problems, []);
    assert_eq!(total(&summary, |tally| tally.overwritten), 5);
    assert_eq!(home.export("default", SecretsIn::Values).await, mine);
}

#[tokio::test]
async fn under_another_id_what_only_one_tenant_can_have_is_told() {
    let home = Home::filled(2).await;
    let file = home.export("default", SecretsIn::Values).await;
    let (_, problems) = home.import_with(&file, options("copy")).await;
    let told: Vec<_> = problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(
        told,
        [RecordKind::Channel, RecordKind::Channel, RecordKind::ApiKey]
    );
    assert_eq!(problems[0].reason, "another tenant has it");
    let copy = home.export("copy", SecretsIn::Values).await;
    assert!(copy.contains(r#""tenant_id":"copy","user_id":"u0001@example.com""#));
    assert!(!copy.contains(r#""tenant_id":"default""#), "{copy}");
}

#[tokio::test]
async fn a_removed_tenants_id_stays_reserved() {
    let home = Home::filled(1).await;
    let file = home.export("default", SecretsIn::Names).await;
    let store = &home.platform.tenants;
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let audit = home.admin.audit(&id("default"), "tenant.remove", "default");
    store
        .remove_tenant(&id("default"), until, &audit)
        .await
        .unwrap();
    let error = import(&home.admin, &file, &options("default")).await;
    assert!(
        matches!(
            error,
            Err(TransferError::Admin(AdminError::Store(
                StoreError::Reserved { .. }
            )))
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_key_whose_user_is_nowhere_is_told_and_the_rest_imported() {
    let file = Home::filled(2)
        .await
        .export("default", SecretsIn::Names)
        .await;
    let file = file.replace(
        r#""user_id":"u0000@example.com","name":"CI""#,
        r#""user_id":"gone@example.com","name":"CI""#,
    );
    let home = Home::new();
    let (summary, problems) = home.import(&file).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].reason, "its user does not exist");
    assert_eq!(summary.tallies[&RecordKind::Channel].created, 2);
}

#[tokio::test]
async fn a_file_with_anything_wrong_is_refused_with_the_line() {
    let file = Home::filled(2)
        .await
        .export("default", SecretsIn::Values)
        .await;
    let lines: Vec<&str> = file.lines().collect();
    let with = |n: usize, line: &str| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[n - 1] = line.to_owned();
        lines.join("\n") + "\n"
    };
    let long = format!(r#"{{"type":"user","x":"{}"}}"#, "x".repeat(10_000_000));
    let cases = [
        (String::new(), "line 1: it does not begin as an export"),
        (with(1, "{}"), "line 1: it does not begin as an export"),
        (
            with(1, &"[".repeat(100_000)),
            "line 1: it does not begin as an export",
        ),
        (
            file.replace("\"version\":2", "\"version\":3"),
            "line 1: the file has version 3 of its form, and this program reads versions 1 to 2",
        ),
        (
            file.replacen(
                "\"secrets\":\"values\"",
                "\"secrets\":\"values\",\"x\":1",
                1,
            ),
            "line 1: unknown field `x`",
        ),
        (
            file[..file.len() - 5].to_owned(),
            "the file is cut off in the middle of the line",
        ),
        (
            lines[..6].join("\n") + "\n",
            "line 7: the file is cut off: its last line, which counts the records, is missing",
        ),
        (format!("{file}\n"), "something follows the last line"),
        (with(3, &long), "line 3: it is longer than 4 MiB"),
        (with(3, ""), "line 3: EOF while parsing"),
        (with(3, "[1"), "line 3: "),
        (with(3, &"[".repeat(100_000)), "line 3: "),
        (
            with(3, r#"{"type":"robot"}"#),
            "line 3: unknown variant `robot`",
        ),
        (
            with(3, &lines[2].replace("u0000@example.com", "../etc")),
            "line 3: user id must match",
        ),
        (
            with(
                3,
                &lines[2].replace("\"u0000@example.com\"", "\"anonymous\""),
            ),
            "line 3: `user_id` is the one that callers without a credential have",
        ),
        (
            with(3, &lines[2].replace("\"u0000\"", "\"\\u001b[2J\"")),
            "line 3: `display_name` must not hold control characters",
        ),
        (
            with(3, &lines[2].replace("\"role\"", "\"rule\"")),
            "line 3: unknown field `rule`",
        ),
        (
            with(3, &lines[2].replace("\"default\"", "\"other\"")),
            "line 3: it is a record of tenant `other` in an export of `default`",
        ),
        (
            with(5, lines[2]),
            "line 5: user `u0000@example.com` appears twice",
        ),
        (
            with(5, lines[3]),
            "line 5: memory `u0000@example.com` appears twice",
        ),
        (
            with(4, lines[4]),
            "line 5: user `u0001@example.com` appears twice",
        ),
        (
            with(8, lines[2]),
            "line 8: a user must not come after a channel",
        ),
        (
            with(2, lines[2]),
            "line 2: the first record, and no other, must be the tenant",
        ),
        (
            with(3, lines[1]),
            "line 3: the first record, and no other, must be the tenant",
        ),
        (
            with(
                9,
                r#"{"type":"secret","tenant_id":"default","integration":"pager","fields":"hunter2"}"#,
            ),
            "line 9: it is not a secret in this form",
        ),
        (
            with(
                9,
                r#"{"type":"secret","tenant_id":"default","integration":"pager"}"#,
            ),
            "line 9: it does not hold of the secret what the first line says",
        ),
        (
            file.replace("\"records\":9", "\"records\":8"),
            "line 11: it counts 8 records, and there are 9",
        ),
    ];
    for (hostile, says) in cases {
        let shown: String = hostile.chars().take(2000).collect();
        let error = check(hostile.as_bytes()).expect_err(says).to_string();
        assert!(
            error.contains(says),
            "{says:?} is not in {error:?} of {shown}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
    let mut latin = file.clone().into_bytes();
    let at = file.find("u0001").unwrap();
    latin[at] = 0xE9;
    let error = check(&latin[..]).unwrap_err().to_string();
    assert!(error.contains("line 5: it is not UTF-8"), "{error}");
}

#[tokio::test]
async fn a_file_edited_elsewhere_is_still_one() {
    let file = Home::filled(1)
        .await
        .export("default", SecretsIn::Names)
        .await;
    let windows = file.replace('\n', "\r\n");
    assert_eq!(
        check(windows.as_bytes()).unwrap(),
        check(file.as_bytes()).unwrap()
    );
    // Without the very last line break nothing is missing.
    assert!(check(file.trim_end().as_bytes()).is_ok());
}

#[tokio::test]
async fn people_whose_address_is_taken_are_not_imported() {
    let file = Home::filled(2)
        .await
        .export("default", SecretsIn::Names)
        .await;
    let other = Home::new();
    let mut seed = TenantSeed::new(id("default"));
    seed.users.push(UserSeed {
        email: "U0001@example.com".to_owned(),
        id: Some("admin".parse().unwrap()),
        display_name: None,
        role: UserRole::Admin,
    });
    other.admin.seed(&seed).await.unwrap();
    let (_, problems) = other.import(&file).await;
    let reasons: Vec<_> = problems.iter().map(|problem| &problem.reason).collect();
    assert!(
        reasons
            .iter()
            .any(|reason| reason.ends_with("already the address of user `admin`")),
        "{reasons:?}"
    );
}
