//! Deploying to ECS: what `t3nets deploy`, `rollback`, `restart` and `scale` do, apart from the commands themselves.
//!
//! Before the rollout: [`build`] builds the container image through Docker, [`registry`] pushes it to ECR; both tell a
//! [`progress::Reporter`] what they do and know neither the terminal nor ECS.
//!
//! The rollout, in this order: [`plan`] works out the next revision of the task definition ([`drift`] what of Terraform's template
//! does not run yet), [`rollout`] what became of a deployment; all are pure. Around them: [`engine`] is the order of things
//! ([`back`] of those after a failure), [`outcome`] how they end, [`watch`] looks until there is a verdict, [`verify`] asks from
//! outside, [`history`] is the lock and the verified releases, and [`ecs`], [`targets`] and [`logs`] are AWS. Nothing here speaks to the terminal: [`report`] is what is told.

pub mod back;
pub mod build;
pub mod drift;
pub mod ecs;
pub mod engine;
pub mod error;
pub mod history;
pub mod image_ref;
pub mod logs;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod registry;
pub mod report;
pub mod rollout;
pub mod target;
pub mod targets;
mod verify;
mod watch;
