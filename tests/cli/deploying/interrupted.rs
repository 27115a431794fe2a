//! Deploys that something else ends.
