//! What the program works by, and what it keeps on this machine.
//!
//! [`settings`] merges flags, environment variables and files once; [`project_file`] is the `t3nets.toml` among them and
//! [`home`] the folder for this machine's state, with the operator's keys ([`keystore`]) and the `dev` that runs there
//! ([`running`]). Nothing here asks AWS or runs another program.

pub(crate) mod home;
pub(crate) mod keystore;
pub(crate) mod project_file;
pub(crate) mod running;
pub(crate) mod settings;
