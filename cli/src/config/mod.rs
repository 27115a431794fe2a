//! What the program works by, and what it keeps on this machine.
//!
//! [`settings`] merges flags, environment variables and files once: the [`environment`]s of the
//! [`project_file`] `t3nets.toml`, and those that the Terraform in [`infra_dir`] has settings for.
//! [`home`] is the folder for this machine's state, with the operator's keys ([`keystore`],
//! [`key_origins`]) and the `dev` that runs there ([`running`]). What is somebody else's is not
//! followed ([`trust`]). Nothing here asks AWS or runs another program.

pub(crate) mod environment;
pub(crate) mod home;
pub(crate) mod infra_dir;
pub(crate) mod key_origins;
pub(crate) mod keystore;
pub(crate) mod project_file;
pub(crate) mod running;
pub(crate) mod settings;
pub(crate) mod trust;
