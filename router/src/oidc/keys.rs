//! The keys that an issuer signs tokens with.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::token::Refused;

/// The most keys of an issuer that are looked at.
const MOST_KEYS: usize = 100;

/// An issuer's keys, as far as they can sign tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet(Vec<Key>);

/// A public key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, where the issuer says.
    algorithm: Option<Algorithm>,
    pub(super) decoding: DecodingKey,
}

impl KeySet {
    /// Reads a JSON Web Key Set (<https://www.rfc-editor.org/rfc/rfc7517#section-5>). Keys of other
    /// kinds and for other uses are left out.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<Value>,
        }
        let published: Published = serde_json::from_slice(json).ok()?;
        let keys = published.keys.into_iter().take(MOST_KEYS);
        Some(Self(keys.filter_map(Key::read).collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key of this id that signs by this algorithm; without an id, the only key there is.
    pub(super) fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, Refused> {
        let Some(id) = id else {
            return match &*self.0 {
                [only] if only.signs_by(algorithm) => Ok(only),
                [_] => Err(Refused::Algorithm),
                _ => Err(Refused::NoKeyId),
            };
        };
        let mut named = self.0.iter().filter(|key| key.id.as_deref() == Some(id));
        match named.clone().find(|key| key.signs_by(algorithm)) {
            Some(key) => Ok(key),
            None if named.next().is_some() => Err(Refused::Algorithm),
            None => Err(Refused::UnknownKey),
        }
    }
}

impl Key {
    fn read(json: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        // A secret that is published signs nothing.
        if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
            return None;
        }
        let common = &jwk.common;
        let is_for_signing = match (&common.public_key_use, &common.key_operations) {
            (Some(kind), _) => *kind == PublicKeyUse::Signature,
            (None, Some(operations)) => operations.contains(&KeyOperations::Verify),
            (None, None) => true,
        };
        let algorithm = match common.key_algorithm {
            Some(named) => Some(Algorithm::try_from(named).ok()?),
            None => None,
        };
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        is_for_signing.then_some(Self {
            id: jwk.common.key_id,
            algorithm,
            decoding,
        })
    }

    fn signs_by(&self, algorithm: Algorithm) -> bool {
        let family = algorithm.family();
        family != AlgorithmFamily::Hmac
            && family == self.decoding.family()
            && self.algorithm.is_none_or(|own| own == algorithm)
    }
}
