//! Terraform, of which `infra/aws` is written: [`folder`] finds and reads that folder, [`state`] the outputs in its state,
//! both without the program; [`run`] finds and runs it, and [`init`] says when `terraform init` is due.

pub(crate) mod folder;
pub(crate) mod init;
pub(crate) mod run;
pub(crate) mod state;
