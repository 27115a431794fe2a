//! What an export holds where it may not hold everything.

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::admin::tenants::NewTenant;
use crate::admin::users::NewUser;
use crate::model::{
    ChannelKind, ConversationKey, ConversationOwner, Message, TenantStatus, UserRole,
};

async fn user_with_a_conversation() -> (Admin, User, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let platform = crate::local::open(home.path()).unwrap();
    let admin = Admin::new(platform.clone(), "operator:ada");
    let tenant: TenantId = "default".parse().unwrap();
    let new = NewTenant {
        id: tenant.clone(),
        name: None,
        status: TenantStatus::Active,
        settings: Vec::new(),
    };
    admin.add_tenant(new).await.unwrap();
    let new = NewUser {
        email: "bob@example.com".to_owned(),
        id: None,
        display_name: None,
        role: UserRole::Member,
    };
    let user = admin.add_user(&tenant, new).await.unwrap();
    let user = admin.user(&tenant, &user.id).await.unwrap();
    let key = ConversationKey {
        owner: ConversationOwner {
            tenant_id: tenant,
            channel: ChannelKind::Api,
            user_id: user.id.clone(),
            since: user.created_at,
            retention: None,
        },
        session_id: "s".parse().unwrap(),
    };
    let said = json!({"role": "user", "content": "x".repeat(1000)});
    let said: Vec<Message> = vec![serde_json::from_value(said).unwrap(); 10];
    let store = &platform.conversations;
    store.append(&key, &said, admin.now()).await.unwrap();
    (admin, user, home)
}

async fn lines(admin: &Admin, user: &User, bounds: ExportBounds) -> (usize, Vec<Value>) {
    let export = admin.export_user(&user.tenant_id, &user.id, Some(bounds));
    let mut export = export.await.unwrap();
    let (mut bytes, mut lines) = (0, Vec::new());
    while let Some(line) = export.next_line().await.unwrap() {
        bytes += line.len();
        lines.push(serde_json::from_slice(&line).unwrap());
    }
    (bytes, lines)
}

#[tokio::test]
async fn what_does_not_fit_is_left_out_and_the_last_line_says_so() {
    let (admin, user, _home) = user_with_a_conversation().await;
    let bounds = ExportBounds {
        bytes: 5_000,
        until: Instant::now() + std::time::Duration::from_secs(60),
    };
    let (bytes, mut cut) = lines(&admin, &user, bounds).await;
    let last = cut.pop().unwrap();
    let records = cut.len() - 1;
    assert_eq!(
        last,
        json!({"type": "end", "records": records, "is_complete": false})
    );
    assert_eq!(cut.last().unwrap()["type"], "message");
    assert!(bytes <= 5_000 + last.to_string().len() + 1, "{bytes}");

    let bounds = ExportBounds {
        bytes: 50_000,
        ..bounds
    };
    let (_, whole) = lines(&admin, &user, bounds).await;
    assert_eq!(whole.last().unwrap()["is_complete"], true);
    let messages = whole.iter().filter(|line| line["type"] == "message");
    assert_eq!(messages.count(), 10);
}

#[tokio::test]
async fn an_export_whose_time_is_over_ends_with_what_it_has() {
    let (admin, user, _home) = user_with_a_conversation().await;
    let bounds = ExportBounds {
        bytes: usize::MAX,
        until: Instant::now(),
    };
    let (_, lines) = lines(&admin, &user, bounds).await;
    assert_eq!(lines[0]["format"], "t3nets-user");
    assert_eq!(lines.last().unwrap()["is_complete"], false);
}
