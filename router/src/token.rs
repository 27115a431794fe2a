//! Unguessable tokens: API keys and the session ids of anonymous callers.

/// The operating system's random number generator failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gives no random bytes: {0}")]
pub struct NoRandomness(#[from] getrandom::Error);

/// `prefix` followed by 256 random bits in lower-case base 32 (52 characters).
pub fn random_token(prefix: &str) -> Result<String, NoRandomness> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    let mut token = data_encoding::BASE32_NOPAD.encode(&bytes);
    token.make_ascii_lowercase();
    Ok(format!("{prefix}{token}"))
}
