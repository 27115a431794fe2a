//! Credentials in one encrypted file.
//!
//! `{stem}.age` holds all secrets as JSON, encrypted (age, X25519) to the identity in `{stem}.key`,
//! which its owner alone may read: `age -d -i secrets.key secrets.age` reads it too. Every change
//! rewrites the whole file under a lock that other processes wait for (`{stem}.lock`), and every
//! read looks whether the file has changed, so that each sees the others' changes. The key is made
//! with the first secret.

mod as_list;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    IntegrationName, JsonObject, SecretDescription, SecretDocument, SecretName, TenantId, UserId,
};
use crate::ports::{Clock, PutOutcome, RECOVERY_WINDOW, SecretStore, StoreError};

use super::files::{self, FileLock, blocking, failed};
use super::known::{Known, Stamp};
use super::measured::measured;
use crate::files::{USUAL_LIMIT, open, read};

/// More than a key's file has, in bytes.
const MAX_KEY_BYTES: u64 = 64 * 1024;
/// The form of the file's content. A file in a later form is refused, not overwritten.
const FORM: u32 = 2;
/// The form of a file without users' own secrets: what knows no other can read it, too.
const FORM_OF_TENANTS: u32 = 1;

/// Secrets in one encrypted file. Cheap to make and to clone.
#[derive(Clone)]
pub struct FileSecrets {
    data: PathBuf,
    key: PathBuf,
    lock: PathBuf,
    clock: Arc<dyn Clock>,
    known: Arc<Known<Content>>,
}

/// Where the secrets named `stem` are.
pub(super) fn data_path(folder: &Path, stem: &str) -> PathBuf {
    folder.join(format!("{stem}.age"))
}

/// Where their key is.
pub(super) fn key_path(folder: &Path, stem: &str) -> PathBuf {
    folder.join(format!("{stem}.key"))
}

impl FileSecrets {
    /// The secrets in `folder` (made, mode 0700, where missing) under the file name `stem`. Checks
    /// that they can be read; writes nothing.
    ///
    /// # Errors
    /// [`StoreError::Denied`] if the key may be read by others, cannot be read or is the wrong one;
    /// [`StoreError::Unavailable`] if there are secrets and no key; [`StoreError::Corrupt`] if they
    /// cannot be understood.
    pub fn open(folder: &Path, stem: &str, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        files::create_private_folder(folder)?;
        let secrets = Self {
            data: data_path(folder, stem),
            key: key_path(folder, stem),
            lock: folder.join(format!("{stem}.lock")),
            clock,
            known: Arc::default(),
        };
        secrets.load()?;
        Ok(secrets)
    }

    /// Stores credentials that a program made for itself, under the program's name; `false`, and
    /// nothing is stored, if somebody else's are there, removed ones that can be restored included.
    /// `is_own` recognises what the program stored before owners were noted.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub async fn put_own(
        &self,
        name: &SecretName,
        document: &SecretDocument,
        owner: &str,
        is_own: fn(&SecretDocument) -> bool,
    ) -> Result<bool, StoreError> {
        let (name, fields, owner) = (name.clone(), document.fields().clone(), owner.to_owned());
        self.change(move |content, now| {
            let created_at = match content.secrets.get(&name) {
                Some(secret) if !secret.belongs_to(&owner, is_own) => return Ok((false, false)),
                Some(secret) => secret.created_at,
                None => now,
            };
            let secret = Secret {
                created_at,
                owner: Some(owner),
                ..Secret::new(fields, now)
            };
            content.secrets.insert(name, secret);
            Ok((true, true))
        })
        .await
    }

    /// Whether the credentials are those that a program made for itself, as
    /// [`put_own`](Self::put_own) understands it. What was removed is nobody's.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub async fn is_own(
        &self,
        name: &SecretName,
        owner: &str,
        is_own: fn(&SecretDocument) -> bool,
    ) -> Result<bool, StoreError> {
        let (name, owner) = (name.clone(), owner.to_owned());
        self.read(move |content| {
            Ok(content.secrets.get(&name).is_some_and(|secret| {
                secret.deleted_for_good_at.is_none() && secret.belongs_to(&owner, is_own)
            }))
        })
        .await
    }

    /// Reads the file, on a thread of its own, where it has changed since it was read last.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Content) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stamp = Stamp::of(&[&self.data, &self.key])?;
        let now = self.clock.now();
        let known = self.known.get(&stamp);
        if let Some(content) = known.filter(|content| !content.has_expired(now)) {
            return read(&content);
        }
        let this = self.clone();
        let reading = blocking(move || {
            let mut content = this.load()?;
            content.forget_expired(now);
            let content = Arc::new(content);
            this.known.keep(stamp, content.clone());
            read(&content)
        });
        measured("files", "read", reading).await
    }

    /// Runs a change under the lock and stores what it left, if it says that it changed anything.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Content, Timestamp) -> Result<(T, bool), StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let this = self.clone();
        let changing = blocking(move || {
            let _lock = FileLock::acquire(&this.lock)?;
            let mut content = this.load()?;
            let now = this.clock.now();
            content.forget_expired(now);
            let (outcome, changed) = change(&mut content, now)?;
            if changed {
                this.store(content)?;
            }
            Ok(outcome)
        });
        measured("files", "write", changing).await
    }

    fn load(&self) -> Result<Content, StoreError> {
        // The data first: whoever writes both writes the key first.
        let encrypted = match read(&self.data, USUAL_LIMIT) {
            Ok(encrypted) => Some(encrypted),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed("read", &self.data, error)),
        };
        let identity = self.identity()?;
        match (encrypted, identity) {
            (None, _) => Ok(Content::default()),
            (Some(_), None) => Err(StoreError::unavailable(format!(
                "the key `{}` of `{}` is missing; bring it back from a backup, or remove the secrets file and set the secrets again",
                self.key.display(),
                self.data.display()
            ))),
            (Some(encrypted), Some(identity)) => self.decode(&encrypted, &identity),
        }
    }

    fn decode(&self, encrypted: &[u8], identity: &Identity) -> Result<Content, StoreError> {
        let corrupt = |detail: &str| StoreError::Corrupt {
            what: format!("`{}`", self.data.display()),
            detail: detail.to_owned(),
        };
        let json = age::decrypt(identity, encrypted).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys | age::DecryptError::KeyDecryptionFailed => {
                StoreError::denied(format!(
                    "`{}` was encrypted with another key than `{}`; bring that key back from a backup, or remove both files and set the secrets again",
                    self.data.display(),
                    self.key.display()
                ))
            }
            other => corrupt(&other.to_string()),
        })?;
        // The parser's own words could quote a value, so they are left out.
        let form: Form = serde_json::from_slice(&json)
            .map_err(|_| corrupt("its content is not in the form that T3nets writes"))?;
        if !(FORM_OF_TENANTS..=FORM).contains(&form.form) {
            return Err(StoreError::unavailable(format!(
                "`{}` was written by a newer version of T3nets; use that version or a later one",
                self.data.display()
            )));
        }
        serde_json::from_slice(&json)
            .map_err(|_| corrupt("its content is not in the form that T3nets writes"))
    }

    /// The key, if there is one.
    fn identity(&self) -> Result<Option<Identity>, StoreError> {
        let file = match open(&self.key) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &self.key, error)),
        };
        if let Some(mode) = files::others_may(&file, &self.key)? {
            return Err(StoreError::denied(format!(
                "the key `{path}` can be read by others (mode {mode:04o}); run `chmod 600 {path}`, and change the credentials if someone may have read it",
                path = self.key.display()
            )));
        }
        let mut text = String::new();
        file.take(MAX_KEY_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| failed("read", &self.key, error))?;
        text.lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .and_then(|line| line.parse().ok())
            .map(Some)
            .ok_or_else(|| StoreError::Corrupt {
                what: format!("the key `{}`", self.key.display()),
                detail: "it holds no line that begins with AGE-SECRET-KEY-1".to_owned(),
            })
    }

    /// Writes everything. The caller holds the lock.
    fn store(&self, mut content: Content) -> Result<(), StoreError> {
        let identity = match self.identity()? {
            Some(identity) => identity,
            None => self.make_identity()?,
        };
        let unavailable =
            |error: String| StoreError::unavailable(format!("cannot encrypt the secrets: {error}"));
        content.form = content.least_form();
        let json = serde_json::to_vec(&content).map_err(|error| unavailable(error.to_string()))?;
        let encrypted = age::encrypt(&identity.to_public(), &json)
            .map_err(|error| unavailable(error.to_string()))?;
        files::replace(&self.data, &encrypted)
    }

    fn make_identity(&self) -> Result<Identity, StoreError> {
        let identity = Identity::generate();
        let text = format!(
            "# created: {}\n# public key: {}\n{}\n",
            self.clock.now(),
            identity.to_public(),
            identity.to_string().expose_secret()
        );
        files::replace(&self.key, text.as_bytes())?;
        Ok(identity)
    }
}

#[async_trait]
impl SecretStore for FileSecrets {
    async fn get(&self, name: &SecretName) -> Result<Option<SecretDocument>, StoreError> {
        let name = name.clone();
        self.read(move |content| {
            let secret = content.secrets.get(&name);
            Ok(secret
                .filter(|secret| secret.deleted_for_good_at.is_none())
                .map(|secret| SecretDocument::new(secret.fields.clone())))
        })
        .await
    }

    async fn put(
        &self,
        name: &SecretName,
        document: &SecretDocument,
    ) -> Result<PutOutcome, StoreError> {
        let (name, fields) = (name.clone(), document.fields().clone());
        self.change(move |content, now| {
            let Some(secret) = content.secrets.get_mut(&name) else {
                content.secrets.insert(name, Secret::new(fields, now));
                return Ok((PutOutcome::Created, true));
            };
            let was_removed = secret.deleted_for_good_at.take().is_some();
            let is_same = secret.fields == fields;
            if !is_same {
                secret.fields = fields;
                secret.updated_at = now;
                // Whoever changes them has them from now on.
                secret.owner = None;
            }
            let outcome = match (was_removed, is_same) {
                (true, _) => PutOutcome::Restored,
                (false, true) => PutOutcome::Unchanged,
                (false, false) => PutOutcome::Updated,
            };
            Ok((outcome, outcome != PutOutcome::Unchanged))
        })
        .await
    }

    async fn describe(&self, name: &SecretName) -> Result<Option<SecretDescription>, StoreError> {
        let name = name.clone();
        self.read(move |content| {
            let secret = content.secrets.get(&name);
            Ok(secret.map(|secret| secret.describe(&name)))
        })
        .await
    }

    async fn list(&self, tenant: &TenantId) -> Result<Vec<SecretDescription>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |content| {
            let of_tenant = content
                .secrets
                .iter()
                .filter(|(name, _)| name.tenant_id == tenant);
            Ok(of_tenant
                .map(|(name, secret)| secret.describe(name))
                .collect())
        })
        .await
    }

    async fn remove(&self, name: &SecretName) -> Result<Timestamp, StoreError> {
        let name = name.clone();
        self.change(move |content, now| {
            let secret = content
                .secrets
                .get_mut(&name)
                .filter(|secret| secret.deleted_for_good_at.is_none())
                .ok_or_else(|| StoreError::NotFound((&name).into()))?;
            let gone_at = now
                .saturating_add(RECOVERY_WINDOW)
                .unwrap_or(Timestamp::MAX);
            secret.deleted_for_good_at = Some(gone_at);
            Ok((gone_at, true))
        })
        .await
    }

    async fn restore(&self, name: &SecretName) -> Result<(), StoreError> {
        let name = name.clone();
        self.change(move |content, _| {
            content
                .secrets
                .get_mut(&name)
                .and_then(|secret| secret.deleted_for_good_at.take())
                .ok_or_else(|| StoreError::NotFound((&name).into()))?;
            Ok(((), true))
        })
        .await
    }

    async fn delete(&self, name: &SecretName) -> Result<(), StoreError> {
        let name = name.clone();
        self.change(move |content, _| Ok(((), content.secrets.remove(&name).is_some())))
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|_| Ok(())).await
    }
}

/// Which form a file is in: read before the rest, which a later form may have changed.
#[derive(Deserialize)]
struct Form {
    form: u32,
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Content {
    form: u32,
    #[serde(with = "as_list")]
    secrets: BTreeMap<SecretName, Secret>,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            form: FORM_OF_TENANTS,
            secrets: BTreeMap::new(),
        }
    }
}

impl Content {
    /// The oldest form that its content can be in.
    fn least_form(&self) -> u32 {
        match self.secrets.keys().any(|name| name.user_id.is_some()) {
            true => FORM,
            false => FORM_OF_TENANTS,
        }
    }

    /// Drops what is past its recovery window.
    fn forget_expired(&mut self, now: Timestamp) {
        self.secrets.retain(|_, secret| !secret.has_expired(now));
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        self.secrets.values().any(|secret| secret.has_expired(now))
    }
}

/// One secret. Deliberately without `Debug`.
#[derive(Serialize, Deserialize)]
struct Secret {
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_for_good_at: Option<Timestamp>,
    /// The program that made them for itself. Beside the fields, which others merge theirs into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    fields: JsonObject,
}

impl Secret {
    fn has_expired(&self, now: Timestamp) -> bool {
        self.deleted_for_good_at.is_some_and(|at| at <= now)
    }

    fn new(fields: JsonObject, now: Timestamp) -> Self {
        Self {
            created_at: now,
            updated_at: now,
            deleted_for_good_at: None,
            owner: None,
            fields,
        }
    }

    fn belongs_to(&self, owner: &str, is_own: fn(&SecretDocument) -> bool) -> bool {
        match &self.owner {
            Some(own) => own == owner,
            None => is_own(&SecretDocument::new(self.fields.clone())),
        }
    }

    fn describe(&self, name: &SecretName) -> SecretDescription {
        SecretDescription {
            name: name.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            deleted_for_good_at: self.deleted_for_good_at,
        }
    }
}
