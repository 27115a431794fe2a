//! The tenant's API keys: `/api/admin/keys`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::{budgets_seen, own_budgets};
use crate::admin::keys::{KeyState, MAX_KEY_LIFE, NewKey};
use crate::admin::own_budgets::OwnBudgetEdit;
use crate::admin::usage::BudgetOfOne;
use crate::admin::views::KeyView;
use crate::http::AppState;
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, Errors};
use crate::http::extract::{JsonBody, QueryString};
use crate::http::fields::{Fields, FromFields};
use crate::http::paging::PageQuery;
use crate::model::{ApiKey, OwnBudgets, UserId, UserRole};

/// A page of the tenant's keys.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Keys {
    /// The keys, without the keys themselves.
    keys: Vec<ListedKey>,
    /// Send it as `after` for more; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A key of the list.
#[derive(Debug, Serialize, ToSchema)]
struct ListedKey {
    #[serde(flatten)]
    key: KeyView,
    /// Whether this call was made with it: of the sessions, the one of this browser.
    current: bool,
}

/// List keys, expired ones included
#[utoipa::path(
    get,
    path = "/api/admin/keys",
    tag = "administration",
    params(PageQuery),
    responses(
        (status = 200, description = "The keys", body = Keys),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    Administrator {
        admin, tenant, by, ..
    }: Administrator,
    QueryString(page): QueryString<PageQuery>,
) -> Result<Json<Keys>, ApiError> {
    let found = state.platform.tenants.keys(&tenant.id, page.into()).await?;
    let view = |key: ApiKey| {
        let state: KeyState = admin.key_state(&key);
        ListedKey {
            current: by.as_ref() == Some(&key.hash),
            key: KeyView::new(key, state.as_str()),
        }
    };
    Ok(Json(Keys {
        keys: found.items.into_iter().map(view).collect(),
        next: found.next,
    }))
}

/// A key to be created.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct NewKeyBody {
    /// The user it belongs to; the caller if absent.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// What it is for.
    name: Option<String>,
    /// The most it may do, `admin` or `member`; as much as its user if absent.
    #[schema(value_type = Option<String>)]
    role: Option<UserRole>,
    /// How long it works, at most ten years; it never expires if absent.
    #[schema(minimum = 1)]
    expires_in_seconds: Option<u64>,
    /// Budgets of its own by name (`usd_per_day`), in place of those that each key has: a number,
    /// or `unlimited`.
    #[schema(value_type = Option<Object>)]
    budgets: Vec<OwnBudgetEdit>,
}

impl FromFields for NewKeyBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["user_id", "name", "role", "expires_in_seconds", "budgets"])?;
        let longest = MAX_KEY_LIFE.as_secs().unsigned_abs();
        Ok(Self {
            user_id: fields.id(&["user_id"])?,
            name: fields.text(&["name"])?.map(str::to_owned),
            role: fields.id(&["role"])?,
            expires_in_seconds: fields.whole_number("expires_in_seconds", 1..=longest)?,
            budgets: own_budgets(fields)?,
        })
    }
}

/// A key that was just created.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct CreatedKey {
    /// The key: shown now and never again.
    key: String,
    #[serde(flatten)]
    view: KeyView,
}

/// Create a key
///
/// Only this answer has the key.
#[utoipa::path(
    post,
    path = "/api/admin/keys",
    tag = "administration",
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "Created", body = CreatedKey),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn create(
    Administrator {
        admin,
        tenant,
        user_id,
        ..
    }: Administrator,
    JsonBody(body): JsonBody<NewKeyBody>,
) -> Result<(StatusCode, Json<CreatedKey>), ApiError> {
    let expires_in = body.expires_in_seconds.map(|seconds| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        SignedDuration::from_secs(seconds)
    });
    let new = NewKey {
        user_id: body.user_id.unwrap_or(user_id),
        name: body.name,
        role: body.role,
        expires_in,
        budgets: body.budgets,
    };
    let created = admin.create_key(&tenant.id, new).await?;
    Ok((
        StatusCode::CREATED,
        Json(CreatedKey {
            key: created.key.expose_secret().to_owned(),
            view: KeyView::new(created.stored, KeyState::Active.as_str()),
        }),
    ))
}

/// What to change on a key. What is absent stays as it is.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct KeyEditsBody {
    /// Budgets of its own by name (`usd_per_day`), in place of those that each key has: a number,
    /// or `unlimited`; null takes one away.
    #[schema(value_type = Option<Object>)]
    budgets: Vec<OwnBudgetEdit>,
    /// The budgets of its own that were seen: a change of one that is another by now is refused.
    #[schema(value_type = Option<Object>)]
    budgets_seen: Option<OwnBudgets>,
}

impl FromFields for KeyEditsBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["budgets", "budgets_seen"])?;
        Ok(Self {
            budgets: own_budgets(fields)?,
            budgets_seen: budgets_seen(fields)?,
        })
    }
}

/// A key after a change.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ChangedKey {
    /// What changed; nothing if nothing had to change.
    changed: Vec<String>,
    #[serde(flatten)]
    key: KeyView,
}

/// Change a key's own budgets
#[utoipa::path(
    patch,
    path = "/api/admin/keys/{key}",
    tag = "administration",
    params(("key" = String, Path, description = "The key's prefix, or the start of its hash")),
    request_body = KeyEditsBody,
    responses(
        (status = 200, description = "Changed, or nothing had to change", body = ChangedKey),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn set(
    Administrator { admin, tenant, .. }: Administrator,
    Path(key): Path<String>,
    JsonBody(body): JsonBody<KeyEditsBody>,
) -> Result<Json<ChangedKey>, ApiError> {
    let mut key = admin.find_key(&tenant.id, &key).await?;
    if let Some(seen) = body.budgets_seen {
        key.budgets = seen;
    }
    let edited = admin.set_key(&key, &body.budgets).await?;
    let state = admin.key_state(&edited.value).as_str();
    Ok(Json(ChangedKey {
        changed: edited.changed,
        key: KeyView::new(edited.value, state),
    }))
}

/// How a key's budgets stand.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct BudgetsOfKey {
    /// The key's first characters.
    prefix: String,
    /// The user it speaks for.
    user_id: String,
    /// What was used, by unit and period, and the limits there are.
    budgets: Vec<BudgetOfOne>,
}

/// Show a key's budgets, and how much of them is used
#[utoipa::path(
    get,
    path = "/api/admin/keys/{key}/budgets",
    tag = "administration",
    params(("key" = String, Path, description = "The key's prefix, or the start of its hash")),
    responses(
        (status = 200, description = "The budgets, those without a limit included", body = BudgetsOfKey),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn budgets(
    Administrator { admin, tenant, .. }: Administrator,
    Path(key): Path<String>,
) -> Result<Json<BudgetsOfKey>, ApiError> {
    let key = admin.find_key(&tenant.id, &key).await?;
    Ok(Json(BudgetsOfKey {
        budgets: admin.budgets_of_key(&key).await?,
        user_id: key.user_id.to_string(),
        prefix: key.prefix,
    }))
}

/// Revoke a key
#[utoipa::path(
    delete,
    path = "/api/admin/keys/{key}",
    tag = "administration",
    params(("key" = String, Path, description = "The key's prefix, or the start of its hash")),
    responses(
        (status = 200, description = "Revoked", body = KeyView),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn revoke(
    Administrator { admin, tenant, .. }: Administrator,
    Path(key): Path<String>,
) -> Result<Json<KeyView>, ApiError> {
    let key = admin.find_key(&tenant.id, &key).await?;
    admin.revoke_key(&key).await?;
    Ok(Json(KeyView::new(key, "revoked")))
}
