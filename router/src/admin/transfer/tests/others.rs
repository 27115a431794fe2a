//! What other programs store with a record and T3nets does not know.

use super::*;
use crate::ports::Change;

/// With the person's login of another program.
async fn known_to_another(home: &Home, logins: &str) {
    let user: UserId = "u0000@example.com".parse().unwrap();
    let store = &home.platform.tenants;
    let before = store.user(&id("default"), &user).await.unwrap().unwrap();
    let other = json!({"cognito_sub": {"S": "1-2-3"}, "logins": {"N": logins}});
    let after = User {
        other: serde_json::from_value(other).unwrap(),
        ..before.clone()
    };
    let audit = home.admin.audit(&id("default"), "test", "user");
    let change = Change::UpdateUser { before, after };
    store
        .commit(&id("default"), &[change], &audit)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_not_known_of_a_user_goes_along() {
    let home = Home::filled(2).await;
    known_to_another(&home, "7").await;
    let file = home.export("default", SecretsIn::Values).await;
    assert!(file.contains(r#""other":{"cognito_sub":{"S":"1-2-3"},"logins":{"N":"7"}}"#));
    let other = Home::new();
    let (_, problems) = other.import(&file).await;
    assert_eq!(problems, []);
    assert_eq!(other.export("default", SecretsIn::Values).await, file);
    let (again, _) = other.import(&file).await;
    assert_eq!(again.tallies[&RecordKind::User].unchanged, 2);
}

#[tokio::test]
async fn what_is_not_known_differs_as_fields_do_and_stays_where_a_file_does_not_name_it() {
    let home = Home::filled(1).await;
    let older = home.export("default", SecretsIn::Names).await;
    known_to_another(&home, "7").await;
    let file = home.export("default", SecretsIn::Names).await;
    let overwrite = ImportOptions {
        overwrite: true,
        ..options("default")
    };
    // A file of the first version says nothing of it.
    let older = older.replace(r#""version":2"#, r#""version":1"#);
    let (summary, problems) = home.import_with(&older, overwrite.clone()).await;
    assert_eq!(problems, []);
    assert_eq!(total(&summary, |tally| tally.overwritten), 0);
    assert_eq!(home.export("default", SecretsIn::Names).await, file);

    let mine = file.replace(r#""N":"7""#, r#""N":"8""#);
    let (_, problems) = home.import(&mine).await;
    assert_eq!(problems[0].reason, "the stored record differs in logins");
    let (_, problems) = home.import_with(&mine, overwrite).await;
    assert_eq!(problems, []);
    assert_eq!(home.export("default", SecretsIn::Names).await, mine);
}

#[tokio::test]
async fn nothing_that_is_known_comes_in_as_something_unknown() {
    let home = Home::filled(1).await;
    known_to_another(&home, "7").await;
    let file = home.export("default", SecretsIn::Names).await;
    for (hostile, says) in [
        (r#""role":{"S":"admin"}"#, "attribute `role` is a field"),
        (r#""pk":{"S":"TENANT#other"}"#, "attribute `pk` is a field"),
        (r#""made_at":{"S":"x"}"#, "attribute `made_at` is a field"),
        (r#""logins":7"#, "attribute `logins` is not written as"),
        (
            r#""logins":{"N":"x"}"#,
            "attribute `logins` is not written as",
        ),
        (r#""":{"S":"x"}"#, "has no name"),
    ] {
        let hostile = file.replace(r#""logins":{"N":"7"}"#, hostile);
        let error = check(hostile.as_bytes()).expect_err(says).to_string();
        assert!(
            error.contains("line 3: ") && error.contains(says),
            "{error}"
        );
    }
}
