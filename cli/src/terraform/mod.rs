//! Terraform, of which `infra/aws` is written: [`folder`] finds and reads that folder, [`backend`]
//! says where its state is kept, [`state`] reads the outputs in it, all without the program;
//! [`run`] finds and runs it.

pub(crate) mod backend;
pub(crate) mod folder;
pub(crate) mod run;
mod s3;
pub(crate) mod state;
