//! The tenant's users: `/api/admin/users`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::{budgets_seen, of_path, own_budgets};
use crate::admin::own_budgets::OwnBudgetEdit;
use crate::admin::sessions::MAX_LINK_LIFE;
use crate::admin::usage::BudgetOfOne;
use crate::admin::users::{LastAdmin, NewUser, UserEdits};
use crate::admin::views::UserView;
use crate::http::AppState;
use crate::http::auth::Administrator;
use crate::http::error::{ApiError, Errors};
use crate::http::extract::{JsonBody, QueryString};
use crate::http::fields::{Fields, FromFields};
use crate::http::paging::PageQuery;
use crate::model::{OwnBudgets, UserId, UserRole};

/// A page of the tenant's users.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Users {
    /// The users by id.
    users: Vec<UserView>,
    /// Send it as `after` for more; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// List users
#[utoipa::path(
    get,
    path = "/api/admin/users",
    tag = "administration",
    params(PageQuery),
    responses(
        (status = 200, description = "The users", body = Users),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn list(
    State(state): State<AppState>,
    Administrator { tenant, .. }: Administrator,
    QueryString(page): QueryString<PageQuery>,
) -> Result<Json<Users>, ApiError> {
    let store = &state.platform.tenants;
    let found = store.users(&tenant.id, page.into()).await?;
    Ok(Json(Users {
        users: found.items.into_iter().map(UserView::from).collect(),
        next: found.next,
    }))
}

/// A user to be added.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct NewUserBody {
    /// The e-mail address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// Unique within the tenant; the lower-cased address if absent.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// The name people read; the address up to its `@` if absent.
    display_name: Option<String>,
    /// `admin` or `member`; `member` if absent.
    #[schema(value_type = Option<String>)]
    role: Option<UserRole>,
}

impl FromFields for NewUserBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["email", "user_id", "display_name", "role"])?;
        Ok(Self {
            email: fields.required_text("email")?,
            user_id: fields.id(&["user_id"])?,
            display_name: fields.text(&["display_name"])?.map(str::to_owned),
            role: fields.id(&["role"])?,
        })
    }
}

/// Add a user
#[utoipa::path(
    post,
    path = "/api/admin/users",
    tag = "administration",
    request_body = NewUserBody,
    responses(
        (status = 201, description = "Added", body = UserView),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn add(
    Administrator { admin, tenant, .. }: Administrator,
    JsonBody(body): JsonBody<NewUserBody>,
) -> Result<(StatusCode, Json<UserView>), ApiError> {
    let new = NewUser {
        email: body.email,
        id: body.user_id,
        display_name: body.display_name,
        role: body.role.unwrap_or(UserRole::Member),
    };
    let user = admin.add_user(&tenant.id, new).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// What to change on a user. What is absent stays as it is.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct UserEditsBody {
    /// The e-mail address.
    email: Option<String>,
    /// The name people read.
    display_name: Option<String>,
    /// `admin` or `member`.
    #[schema(value_type = Option<String>)]
    role: Option<UserRole>,
    /// Preferences by name; null takes one away.
    #[schema(value_type = Option<Object>)]
    preferences: Vec<(String, Option<String>)>,
    /// Budgets of their own by name (`usd_per_day`), in place of those that each user has: a
    /// number, or `unlimited`; null takes one away.
    #[schema(value_type = Option<Object>)]
    budgets: Vec<OwnBudgetEdit>,
    /// The budgets of their own that were seen: a change of one that is another by now is refused.
    #[schema(value_type = Option<Object>)]
    budgets_seen: Option<OwnBudgets>,
}

impl FromFields for UserEditsBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&[
            "email",
            "display_name",
            "role",
            "preferences",
            "budgets",
            "budgets_seen",
        ])?;
        let preferences = fields.object("preferences")?.into_iter().flatten();
        let preferences = preferences.map(|(name, value)| {
            if value.is_null() {
                return Ok((name.clone(), None));
            }
            let text = value.as_str().map(str::to_owned);
            let text =
                text.ok_or_else(|| ApiError::invalid("a preference must be text or null"))?;
            Ok((name.clone(), Some(text)))
        });
        Ok(Self {
            email: fields.text(&["email"])?.map(str::to_owned),
            display_name: fields.text(&["display_name"])?.map(str::to_owned),
            role: fields.id(&["role"])?,
            preferences: preferences.collect::<Result<_, ApiError>>()?,
            budgets: own_budgets(fields)?,
            budgets_seen: budgets_seen(fields)?,
        })
    }
}

/// A user after a change.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ChangedUser {
    /// The fields that changed; none if nothing had to change.
    changed: Vec<String>,
    #[serde(flatten)]
    user: UserView,
}

/// Change a user
///
/// The last admin of a tenant cannot become a member.
#[utoipa::path(
    patch,
    path = "/api/admin/users/{user_id}",
    tag = "administration",
    params(("user_id" = String, Path, description = "The user's id")),
    request_body = UserEditsBody,
    responses(
        (status = 200, description = "Changed, or nothing had to change", body = ChangedUser),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn set(
    Administrator { admin, tenant, .. }: Administrator,
    Path(user_id): Path<String>,
    JsonBody(body): JsonBody<UserEditsBody>,
) -> Result<Json<ChangedUser>, ApiError> {
    let user_id: UserId = of_path("user_id", &user_id)?;
    let edits = UserEdits {
        email: body.email,
        display_name: body.display_name,
        role: body.role,
        preferences: body.preferences,
        budgets: body.budgets,
        budgets_seen: body.budgets_seen,
    };
    let edited = admin
        .set_user(&tenant.id, &user_id, &edits, LastAdmin::Keep)
        .await?;
    Ok(Json(ChangedUser {
        changed: edited.changed,
        user: edited.value.into(),
    }))
}

/// How a user's budgets stand.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct BudgetsOfUser {
    user_id: String,
    /// What was used, by unit and period, and the limits there are.
    budgets: Vec<BudgetOfOne>,
}

/// Show a user's budgets, and how much of them is used
#[utoipa::path(
    get,
    path = "/api/admin/users/{user_id}/budgets",
    tag = "administration",
    params(("user_id" = String, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The budgets, those without a limit included", body = BudgetsOfUser),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn budgets(
    Administrator { admin, tenant, .. }: Administrator,
    Path(user_id): Path<String>,
) -> Result<Json<BudgetsOfUser>, ApiError> {
    let id: UserId = of_path("user_id", &user_id)?;
    let user = admin.user(&tenant.id, &id).await?;
    Ok(Json(BudgetsOfUser {
        budgets: admin.budgets_of_user(&user).await?,
        user_id: id.to_string(),
    }))
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RemovedUser {
    user_id: String,
    /// The number of the user's keys that were revoked.
    keys_revoked: usize,
}

/// Remove a user, with their keys and conversations
///
/// The last admin of a tenant cannot be removed.
#[utoipa::path(
    delete,
    path = "/api/admin/users/{user_id}",
    tag = "administration",
    params(("user_id" = String, Path, description = "The user's id")),
    responses(
        (status = 200, description = "Removed", body = RemovedUser),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn remove(
    Administrator { admin, tenant, .. }: Administrator,
    Path(user_id): Path<String>,
) -> Result<Json<RemovedUser>, ApiError> {
    let id: UserId = of_path("user_id", &user_id)?;
    let removed = admin.remove_user(&tenant.id, &id, LastAdmin::Keep).await?;
    Ok(Json(RemovedUser {
        user_id: id.to_string(),
        keys_revoked: removed.keys,
    }))
}

/// How long an invitation works.
#[derive(Debug, ToSchema)]
pub(in crate::http) struct InvitationBody {
    /// In seconds, at most seven days; seven days if absent.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in_seconds: Option<u64>,
}

impl FromFields for InvitationBody {
    fn from_fields(fields: &Fields) -> Result<Self, ApiError> {
        fields.only(&["expires_in_seconds"])?;
        let longest = MAX_LINK_LIFE.as_secs().unsigned_abs();
        Ok(Self {
            expires_in_seconds: fields.whole_number("expires_in_seconds", 1..=longest)?,
        })
    }
}

/// What signs a user in, once.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Invitation {
    /// Whom it signs in.
    user_id: String,
    /// What stands behind `#link=` in the page's address: shown now and never again.
    link_token: String,
    /// The token's first characters, by which it is listed and revoked as a key.
    prefix: String,
    /// Until when it works.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Make a one-time link for a user
///
/// Whoever opens `/#link=` with the token behind it is signed in as the user, once. Only this
/// answer has the token.
#[utoipa::path(
    post,
    path = "/api/admin/users/{user_id}/invite",
    tag = "administration",
    params(("user_id" = String, Path, description = "The user's id")),
    request_body = InvitationBody,
    responses(
        (status = 201, description = "Made", body = Invitation),
        Errors,
    ),
    security(("key" = [])),
)]
pub(in crate::http) async fn invite(
    Administrator { admin, tenant, .. }: Administrator,
    Path(user_id): Path<String>,
    JsonBody(body): JsonBody<InvitationBody>,
) -> Result<(StatusCode, Json<Invitation>), ApiError> {
    let user_id: UserId = of_path("user_id", &user_id)?;
    let life = body.expires_in_seconds.map_or(MAX_LINK_LIFE, |seconds| {
        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
    });
    let link = admin.invite(&tenant.id, &user_id, life).await?;
    Ok((
        StatusCode::CREATED,
        Json(Invitation {
            user_id: user_id.to_string(),
            link_token: link.key.expose_secret().to_owned(),
            prefix: link.stored.prefix.clone(),
            expires_at: link.stored.expires_at.unwrap_or(Timestamp::MAX),
        }),
    ))
}
