//! Bringing a version of the router to where it runs.
//!
//! [`image`] builds the container image through Docker, [`registry`] pushes it to ECR; both tell a [`progress::Reporter`]
//! what they do. They know neither the terminal nor ECS.

pub(crate) mod image;
pub(crate) mod progress;
pub(crate) mod registry;
