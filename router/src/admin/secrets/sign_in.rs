//! Signing in to an MCP server, for a user or for the whole tenant: sending the user there, and
//! taking what they come back with. In between a note is kept, which is taken once.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Admin, AdminError};
use crate::model::{
    IntegrationName, KeyHash, NoteName, Record, SecretDocument, SecretName, TenantId, UserId,
};
use crate::skills::mcp::oauth::grant::ended;
use crate::skills::mcp::oauth::{Begun, Grant, Held, scopes};
use crate::skills::mcp::own;
use crate::skills::{SkillError, SkillErrorKind, SkillSet};
use crate::token::random_token;

/// How long a user may take at the server's sign-in.
const TIME_TO_SIGN_IN: SignedDuration = SignedDuration::from_mins(10);
/// The longest name of a refusal that is repeated.
const ERROR_BYTES: usize = 40;

/// Whose token a sign-in is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The user's own.
    Users,
    /// The one that all users of the tenant share.
    Tenants,
}

/// Who signs in, and to what.
#[derive(Debug, Clone)]
pub struct SigningIn {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
    /// The session or key by which they came: with another nothing can be finished.
    pub session: KeyHash,
    /// The server's integration.
    pub integration: IntegrationName,
    /// Where the user comes back to.
    pub redirect_uri: Url,
}

/// What a user came back with.
#[derive(Clone)]
pub struct CameBack {
    /// What they were sent with.
    pub state: String,
    /// What is changed into tokens.
    pub code: Option<String>,
    /// Who says that they signed in there.
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl fmt::Debug for CameBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameBack").finish_non_exhaustive()
    }
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// An operation was refused, or a store failed.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The server, or its sign-in, cannot be used.
    #[error(transparent)]
    Server(#[from] SkillError),
    /// The user refused, or their server did.
    #[error("the sign-in at `{label}` was not completed: {why}")]
    Refused {
        /// The server.
        label: String,
        /// Why not, in words or as the server names it.
        why: String,
    },
    /// It was not begun here, or is over.
    #[error(
        "this sign-in is unknown: it was already used, took longer than 10 minutes, or was started in another session"
    )]
    Unknown,
    /// Another than whom the user was sent to answered, or the server was changed meanwhile.
    #[error("this sign-in was rejected: {0}")]
    Mismatch(&'static str),
}

/// What is remembered while the user is away.
#[derive(Serialize, Deserialize)]
struct Pending {
    integration: String,
    is_tenants: bool,
    /// The hash of the credential by which the user came.
    session: String,
    user_since: Option<Timestamp>,
    redirect_uri: Url,
    verifier: String,
    names_itself: bool,
    grant: Grant,
}

impl Admin {
    /// Begins a sign-in; returns the address to which the user goes.
    ///
    /// # Errors
    /// [`SignInError::Server`] if the server offers none that can be used.
    pub async fn begin_sign_in(
        &self,
        skills: &SkillSet,
        signing: &SigningIn,
        whose: Whose,
    ) -> Result<Url, SignInError> {
        let user = self.user(&signing.tenant, &signing.user).await?;
        let settings = self.settings_to_sign_in(signing, whose).await?;
        if settings.text("header").is_some() {
            return Err(AdminError::Refused {
                message: format!(
                    "`{}` sends its token in a header of its own, and what a sign-in gives goes into `Authorization`",
                    signing.integration
                ),
                hint: "an administrator can take its field `header` away".to_owned(),
            }
            .into());
        }
        let state = random_token("").map_err(AdminError::from)?;
        let more_scopes = self
            .more_scopes(&token_name(signing, whose), &settings)
            .await?;
        let servers = skills.servers().ok_or_else(no_way)?;
        let begun = servers.begin_sign_in(
            &signing.integration,
            &settings,
            more_scopes.clone(),
            &signing.redirect_uri,
            &state,
        );
        let Begun {
            address,
            verifier,
            authority,
            client,
        } = begun.await?;
        let pending = Pending {
            integration: signing.integration.to_string(),
            is_tenants: whose == Whose::Tenants,
            session: signing.session.as_str().to_owned(),
            user_since: user.created_at,
            redirect_uri: signing.redirect_uri.clone(),
            verifier,
            names_itself: authority.names_itself,
            grant: Grant {
                server: own::server(&settings).unwrap_or_default(),
                resource: authority.resource,
                issuer: authority.issuer,
                token_endpoint: authority.token_endpoint,
                client,
                refresh_token: None,
                expires_at: None,
                more_scopes,
                ended_at: None,
            },
        };
        let Ok(Value::Object(note)) = serde_json::to_value(&pending) else {
            return Err(SignInError::Unknown);
        };
        let now = self.now();
        let ends = now.saturating_add(TIME_TO_SIGN_IN).unwrap_or(now);
        let name = note_name(signing, &state);
        let note = SecretDocument::new(note);
        let left = self.platform.notes.leave(&name, &note, ends, now).await;
        left.map_err(AdminError::from)?;
        Ok(address)
    }

    /// Finishes a sign-in with what the user came back with, and stores the token.
    ///
    /// # Errors
    /// [`SignInError::Unknown`] unless this user began it in this session, and for each beginning
    /// but once; [`SignInError::Mismatch`] if another answered.
    pub async fn finish_sign_in(
        &self,
        skills: &SkillSet,
        signing: &SigningIn,
        back: &CameBack,
        may_administer: bool,
    ) -> Result<Whose, SignInError> {
        let user = self.user(&signing.tenant, &signing.user).await?;
        let name = note_name(signing, &back.state);
        let note = self.platform.notes.take(&name, self.now()).await;
        let note = note.map_err(AdminError::from)?;
        let pending = note.and_then(|note| {
            let fields = Value::Object(note.fields().clone());
            serde_json::from_value::<Pending>(fields).ok()
        });
        let pending = pending.filter(|pending| {
            pending.integration == signing.integration.as_str()
                && pending.user_since == user.created_at
                && pending
                    .session
                    .parse()
                    .is_ok_and(|session: KeyHash| session.matches(&signing.session))
        });
        let pending = pending.ok_or(SignInError::Unknown)?;
        let code = code_of(&pending, back)?;
        let whose = match pending.is_tenants {
            true if !may_administer => return Err(SignInError::Unknown),
            true => Whose::Tenants,
            false => Whose::Users,
        };
        let settings = self.settings_to_sign_in(signing, whose).await?;
        if own::server(&settings).as_ref() != Some(&pending.grant.server) {
            return Err(SignInError::Mismatch(
                "the server's address has changed since it was started",
            ));
        }
        let servers = skills.servers().ok_or_else(no_way)?;
        let secret = settings.text("client_secret");
        let tokens = servers.sign_ins().redeem(
            &pending.grant,
            secret.as_deref(),
            (code, &pending.verifier),
            &pending.redirect_uri,
            self.now(),
        );
        let tokens = tokens.await;
        let tokens = tokens.map_err(|problem| problem.of(&signing.integration))?;
        let grant = pending.grant.with(&tokens);
        match whose {
            Whose::Users => {
                let document = own::document(&settings, &user, &tokens.access);
                let document = grant.stored_in(&document, &tokens.access);
                let name = token_name(signing, whose);
                let put = self.platform.secrets.put(&name, &document);
                self.audited("user_secret.set", &name, put).await?;
            }
            Whose::Tenants => {
                let document = grant.stored_in(&settings, &tokens.access);
                self.put_secret(&tenants_name(signing), &document).await?;
            }
        }
        let (notes, name) = (&*self.platform.notes, token_name(signing, whose));
        if let Err(error) = scopes::forget(notes, &name, self.now()).await {
            tracing::warn!(secret = %name, %error, "what a server asked for is asked for again");
        }
        Ok(whose)
    }

    /// What a server asked for beside what is usual: at the sign-in before, and since then.
    async fn more_scopes(
        &self,
        name: &SecretName,
        settings: &SecretDocument,
    ) -> Result<Option<String>, AdminError> {
        let stored = self.platform.secrets.get_now(name).await?;
        let grant = stored.as_ref().and_then(Grant::of);
        let grant = grant.filter(|grant| own::server(settings).as_ref() == Some(&grant.server));
        let before = grant.and_then(|grant| grant.more_scopes);
        let since = scopes::wanted(&*self.platform.notes, name, self.now()).await?;
        Ok(scopes::merged(before.as_ref(), since.as_ref()))
    }

    /// Credentials for trying them: of a user's own the server's settings with the user's token,
    /// and of what came of a sign-in a token that was renewed where that was due.
    ///
    /// # Errors
    /// [`AdminError::NotFound`] if there are none; [`SkillErrorKind::Denied`] where the user has to
    /// connect again.
    pub async fn credentials_to_try(
        &self,
        skills: &SkillSet,
        name: &SecretName,
    ) -> Result<SecretDocument, SignInError> {
        let tenants = SecretName {
            user_id: None,
            ..name.clone()
        };
        let settings = self.secret_document(&tenants).await?;
        let user = match &name.user_id {
            Some(id) => Some(self.user(&name.tenant_id, id).await?),
            None => None,
        };
        let document = match &user {
            Some(_) => self.secret_document(name).await?,
            None => settings.clone(),
        };
        let is_unusable = |document: &SecretDocument| {
            let own = user.as_ref();
            own.is_some_and(|user| own::applied(&settings, document, user).is_none())
        };
        let again = || SkillError {
            kind: SkillErrorKind::Denied,
            message: format!(
                "the account at `{}` is not connected any more",
                name.integration
            ),
            hint: Some("connect it again".to_owned()),
        };
        if ended(&document, self.now()).is_some() || is_unusable(&document) {
            return Err(again().into());
        }
        let servers = skills
            .servers()
            .filter(|_| name.integration.is_mcp_server());
        let current = match servers {
            None => document,
            Some(servers) => {
                let held = Held {
                    name: name.clone(),
                    document,
                    settings: settings.clone(),
                    was_refused: false,
                };
                servers.sign_ins().current(&self.platform, held).await?
            }
        };
        match &user {
            None => Ok(current),
            Some(user) => {
                let applied = own::applied(&settings, &current, user);
                applied.ok_or_else(|| again().into())
            }
        }
    }

    /// Whether the tenant's token of a server came of a sign-in, and since when somebody has to
    /// sign in again.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn standing_of_sign_in(
        &self,
        name: &SecretName,
    ) -> Result<(bool, Option<Timestamp>), AdminError> {
        let document = self.platform.secrets.get(name).await?.unwrap_or_default();
        let is_signed_in = Grant::of(&document).is_some();
        Ok((is_signed_in, ended(&document, self.now())))
    }

    /// The server's settings, where this is whose token it is called with.
    async fn settings_to_sign_in(
        &self,
        signing: &SigningIn,
        whose: Whose,
    ) -> Result<SecretDocument, AdminError> {
        let tenant = self.tenant(&signing.tenant).await?;
        let name = tenants_name(signing);
        let settings = match tenant.mcp_servers().contains(&signing.integration) {
            true => self.platform.secrets.get_now(&name).await?,
            false => None,
        };
        let settings = settings.ok_or_else(|| AdminError::NotFound(Record::from(&name)))?;
        let (is_meant, message) = match (own::is_wanted(&settings), whose) {
            (true, Whose::Users) | (false, Whose::Tenants) => (true, ""),
            (false, Whose::Users) => (false, "does not use users' own tokens"),
            (true, Whose::Tenants) => (false, "is called with each user's own token"),
        };
        match is_meant {
            true => Ok(settings),
            false => Err(AdminError::Refused {
                message: format!("`{}` {message}", signing.integration),
                hint: format!(
                    "an administrator can change its field `{}`",
                    own::CREDENTIALS
                ),
            }),
        }
    }
}

/// The code, if the one whom the user was sent to answered, and gave one.
fn code_of<'a>(pending: &Pending, back: &'a CameBack) -> Result<&'a str, SignInError> {
    // https://www.rfc-editor.org/rfc/rfc9207#section-2.4
    match &back.issuer {
        Some(issuer) if *issuer != pending.grant.issuer => {
            return Err(SignInError::Mismatch(
                "another authorization server answered",
            ));
        }
        None if pending.names_itself => {
            return Err(SignInError::Mismatch(
                "the answer does not name its authorization server",
            ));
        }
        _ => {}
    }
    let label = pending.integration.trim_start_matches("mcp-").to_owned();
    let refused = |why: &str| SignInError::Refused {
        label: label.clone(),
        why: why.to_owned(),
    };
    match (&back.error, &back.code) {
        (Some(error), _) if error == "access_denied" => Err(refused("access was denied there")),
        (Some(error), _) => {
            let is_name = error.len() <= ERROR_BYTES
                && error
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            Err(refused(if is_name { error } else { "it failed there" }))
        }
        (None, Some(code)) => Ok(code),
        (None, None) => Err(refused("no code came back")),
    }
}

fn tenants_name(signing: &SigningIn) -> SecretName {
    token_name(signing, Whose::Tenants)
}

/// The secret that what comes of a sign-in is stored in.
fn token_name(signing: &SigningIn, whose: Whose) -> SecretName {
    SecretName {
        tenant_id: signing.tenant.clone(),
        integration: signing.integration.clone(),
        user_id: match whose {
            Whose::Tenants => None,
            Whose::Users => Some(signing.user.clone()),
        },
    }
}

/// The note of a sign-in: only who has the state finds it, and only among their own.
fn note_name(signing: &SigningIn, state: &str) -> NoteName {
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(state));
    NoteName {
        tenant_id: signing.tenant.clone(),
        user_id: signing.user.clone(),
        name: format!("sign-in/{hash}"),
    }
}

fn no_way() -> SignInError {
    SignInError::Server(SkillError {
        kind: SkillErrorKind::Configuration,
        message: "there are no MCP servers here".to_owned(),
        hint: None,
    })
}
