//! Deploying to ECS: what `t3nets deploy`, `rollback`, `restart` and `scale` do, apart from the
//! terminal. Nothing here knows a command line: what goes on is reported as events ([`report`]),
//! interrupts come through a trait ([`interrupt`]), and errors are values that the caller puts into
//! words for its commands.
//!
//! Start at [`operations`], and [`scaling`]: each operation is one function with its options, on a
//! [`ServiceSession`](session::ServiceSession). Before a rollout, [`build`] builds the image
//! through Docker, configured as [`docker_config`] finds it, and [`registry`] pushes it to ECR;
//! [`image_ref`] has their names.
//! [`task_definition`] works out the next revision, and `release` sees it through: `watch` looks at
//! the service every second until [`rollout`] has a verdict, `verify` asks from outside, `rollback`
//! goes back. The two in the middle, [`task_definition`] and [`rollout`], are pure and hold the
//! rules.
//!
//! [`lock`] keeps two deploys apart; the lock itself and the releases that were verified are the
//! router crate's [`Deploys`](t3nets_router::aws::Deploys), on its toolkit for DynamoDB. [`ecs`],
//! [`targets`] and [`logs`] are AWS; its words for states are in [`ecs::states`] alone.
//! [`dependencies`] is what a task definition refers to beside its image.

pub mod build;
pub mod child;
pub mod cloudwatch_logs;
pub mod dependencies;
pub mod deploy_target;
pub mod docker_config;
pub mod ecs;
pub mod error;
pub mod image_ref;
pub mod interrupt;
pub mod lock;
pub mod logs;
pub mod operations;
pub mod registry;
pub mod release;
pub mod report;
pub mod role_policies;
mod rollback;
pub mod rollout;
pub mod scaling;
pub mod session;
pub mod targets;
pub mod task_definition;
mod verify;
mod watch;
