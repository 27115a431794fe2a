//! The built `t3nets` binary, as an operator runs it. Each test has a home, a folder and an
//! environment of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that panics fails its test"
)]

mod aws;
mod aws_faults;
mod backup;
mod chat;
mod chat_bounds;
mod chat_terminal;
mod cost;
mod demo;
mod deploy;
mod deploy_done;
mod deploy_real;
mod deploy_replay;
mod dev;
mod doctor;
mod environments;
mod frame;
mod help;
mod infra;
mod key;
mod operator;
mod page_link;
mod prompts;
mod restore;
mod sandbox;
mod secret;
mod seed;
mod shell;
mod strangers;
mod tenant;
mod tenant_removal;
mod tenant_transfer;
mod timed_tables;
mod usage;
mod user_export;
mod widths;
