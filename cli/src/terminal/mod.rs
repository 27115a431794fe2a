//! The person at the terminal: [`printer`] shows everything, [`prompt`] asks, [`logging`] shows what `tracing` reports,
//! and [`text`] words what is shown.
//! Nothing else in the program writes to stdout or stderr.

pub(crate) mod logging;
pub(crate) mod printer;
pub(crate) mod prompt;
pub(crate) mod text;
