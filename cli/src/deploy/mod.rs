//! `t3nets deploy`, apart from the command itself.
//!
//! Before the rollout: [`image`] builds the container image through Docker, [`registry`] pushes it to ECR; both tell a
//! [`progress::Reporter`] what they do and know neither the terminal nor ECS.
//!
//! The rollout, in this order: [`plan`] works out the next revision of the task definition ([`drift`] what of Terraform's template
//! does not run yet), [`rollout`] what became of a deployment; all are pure. Around them: [`engine`] is the order of things
//! ([`back`] of those after a failure), [`outcome`] how they end, [`watch`] looks until there is a verdict, [`verify`] asks from
//! outside, [`history`] is the lock and the verified releases, and [`ecs`], [`targets`] and [`logs`] are AWS. Nothing here speaks to the terminal: [`report`] is what is told.

pub(crate) mod back;
pub(crate) mod drift;
pub(crate) mod ecs;
pub(crate) mod engine;
pub(crate) mod history;
pub(crate) mod image;
pub(crate) mod logs;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod registry;
pub(crate) mod report;
pub(crate) mod rollout;
pub(crate) mod target;
pub(crate) mod targets;
mod verify;
mod watch;
