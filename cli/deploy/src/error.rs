//! What the parts of a deploy fail with.

use t3nets_router::ports::StoreError;

/// Kinds of [`DeployError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It was tried and failed.
    Failed,
    /// What was asked for makes no sense.
    Usage,
    /// Something has to be set up first.
    NotReady,
    /// Credentials are missing or refused, or the permission is.
    Denied,
}

/// Why a part of a deploy did not do its work.
#[derive(Debug, Clone)]
pub struct DeployError {
    /// The kind.
    pub kind: ErrorKind,
    /// What failed.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// AWS's own error, where that is all of it.
    pub store: Option<Box<StoreError>>,
}

impl DeployError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            store: None,
        }
    }

    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// What was asked for makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Something has to be set up first.
    pub fn not_ready(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotReady, message)
    }

    /// Credentials or permission.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds why: the error and what caused it in turn.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors repeat their source's text in their own.
            if !self.causes.last().is_some_and(|last| last.contains(&text)) {
                self.causes.push(text);
            }
            cause = error.source();
        }
        self
    }
}

impl From<StoreError> for DeployError {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Unauthenticated(_) | StoreError::Denied(_) => ErrorKind::Denied,
            StoreError::Misconfigured(_) => ErrorKind::NotReady,
            _ => ErrorKind::Failed,
        };
        let mut described = Self::new(kind, error.to_string());
        described.store = Some(Box::new(error));
        described
    }
}
