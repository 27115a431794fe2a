//! The person at the terminal: [`printer`] shows everything, with [`table`]s, [`bars`] and
//! [`progress`]; [`prompt`] asks, [`stdin`] reads what is piped in; [`logging`] shows what
//! `tracing` reports; [`text`] words values, and [`width`] wraps them. Nothing else in the program
//! writes to stdout or stderr.

pub(crate) mod bars;
pub(crate) mod logging;
pub(crate) mod markdown;
pub(crate) mod printer;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod stdin;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod width;
