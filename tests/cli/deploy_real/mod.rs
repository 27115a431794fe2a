//! `t3nets deploy` for real: the image is built by Docker, pushed to a registry and run in
//! containers by what stands in for ECS, in an account that holds what `infra/aws` makes. What that
//! cannot be made to do is in [`crate::deploy_replay`].

mod account;
mod failing;
mod faults;
mod interrupted;
mod policies;
mod released;
mod run;
