//! Sessions and one-time links are stored as keys are, and are none where a tenant is moved or
//! counted.

use super::*;

/// A session and a link that nobody has used.
async fn signed_in(home: &Home) {
    let user: UserId = "u0000@example.com".parse().unwrap();
    let link = async || {
        let life = jiff::SignedDuration::from_hours(1);
        let link = home.admin.invite(&id("default"), &user, life).await;
        link.unwrap().stored
    };
    home.admin.open_session(&link().await).await.unwrap();
    link().await;
}

#[tokio::test]
async fn an_export_holds_neither_sessions_nor_links() {
    let home = Home::filled(1).await;
    let before = home.export("default", SecretsIn::Names).await;
    signed_in(&home).await;
    let file = home.export("default", SecretsIn::Names).await;
    assert!(!file.contains("t3s_") && !file.contains("t3i_"), "{file}");
    assert_eq!(file, before);
}

#[tokio::test]
async fn sessions_and_links_in_a_file_of_an_earlier_release_are_left_out() {
    let home = Home::filled(1).await;
    let file = home.export("default", SecretsIn::Values).await;
    let key = file.lines().find(|line| line.contains("api_key")).unwrap();
    let hash = |n: u8| format!("{n:064x}");
    let stored = key.split("\"hash\":\"").nth(1).unwrap()[..64].to_owned();
    let others = [(1, "t3s_aaaaaaaa"), (2, "t3i_bbbbbbbb")].map(|(n, prefix)| {
        let line = key.replace(&stored, &hash(n)).replace("CI", prefix);
        let at = line.find("\"prefix\":\"").unwrap() + 10;
        format!("{}{prefix}{}", &line[..at], &line[at + 12..])
    });
    let older = file
        .replace(key, &format!("{}\n{key}\n{}", others[0], others[1]))
        .replace("\"records\":8", "\"records\":10")
        .replace("\"version\":2", "\"version\":1");
    assert_eq!(older.matches("t3s_").count(), 2, "{older}");
    assert_eq!(
        check(older.as_bytes()).unwrap().counts[&RecordKind::ApiKey],
        1
    );

    let other = Home::new();
    let (summary, problems) = other.import(&older).await;
    assert_eq!(problems, []);
    assert_eq!(summary.tallies[&RecordKind::ApiKey].created, 1);
    let keys = other.admin.keys(&id("default")).await.unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(other.export("default", SecretsIn::Values).await, file);
}

#[tokio::test]
async fn sessions_and_links_are_not_counted_among_the_keys() {
    let home = Home::filled(2).await;
    signed_in(&home).await;
    let overview = home.admin.tenant_overview(&id("default")).await.unwrap();
    assert_eq!(overview.holdings.keys, 1);
    let removal = home.admin.removal_of_tenant(&id("default")).await.unwrap();
    assert_eq!(removal.holdings.keys, 1);
    assert_eq!(removal.keys.len(), 1);
    let user: UserId = "u0000@example.com".parse().unwrap();
    let removed = home
        .admin
        .remove_user(&id("default"), &user, LastAdmin::Keep)
        .await
        .unwrap();
    assert_eq!(removed.keys, 1);
    assert_eq!(home.admin.keys(&id("default")).await.unwrap(), []);
}
