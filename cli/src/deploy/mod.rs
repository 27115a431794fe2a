//! `t3nets deploy`, apart from the command itself: everything that happens to a service after its image is in the registry.
//!
//! Read in this order: [`plan`] works out the next revision of the task definition, [`rollout`] what became of a deployment;
//! both are pure. Around them: [`engine`] is the order of things ([`back`] of those after a failure), [`watch`] looks until
//! there is a verdict, [`verify`] asks from outside, [`history`] is the lock and the verified releases, and [`ecs`],
//! [`targets`] and [`logs`] are AWS. Nothing here speaks to the terminal: [`report`] is what is told.

mod back;
pub(crate) mod ecs;
pub(crate) mod engine;
pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod rollout;
pub(crate) mod target;
pub(crate) mod targets;
mod verify;
mod watch;
