//! `t3nets deploy`, apart from the command itself: everything that happens to a service after its image is in the registry.
//!
//! Read in this order: [`plan`] works out the next revision of the task definition, [`rollout`] what became of a deployment;
//! both are pure. Nothing here speaks to the terminal.

pub(crate) mod plan;
pub(crate) mod rollout;
