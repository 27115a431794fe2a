//! What an environment costs a month: arithmetic over a price table, an environment's settings and
//! a guess at its use. No AWS, no Terraform, no output; `t3nets cost` shows it.
//!
//! Reading order: [`prices`] and its data file `prices.toml`; [`environment`], the settings that
//! have a price ([`backups`] for AWS Backup's); [`usage`], what is assumed about traffic;
//! [`mod@estimate`], the sum, service by service; [`documented`], the estimate it is compared with;
//! [`mod@options`], what would change with other settings.

mod backups;
pub(crate) mod documented;
pub(crate) mod environment;
pub(crate) mod estimate;
pub(crate) mod options;
pub(crate) mod prices;
pub(crate) mod service;
pub(crate) mod usage;

/// An amount for people: `$3.07`, `-$0.40`. Nothing is `$0.00`, never `-$0.00`.
pub(crate) fn dollars(usd: f64) -> String {
    let usd = cents(usd);
    let sign = if usd < 0.0 { "-" } else { "" };
    format!("{sign}${:.2}", usd.abs())
}

/// An amount to the cent.
pub(crate) fn cents(usd: f64) -> f64 {
    // Adding zero turns a negative zero into a plain one.
    (usd * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_to_the_cent_with_their_sign() {
        assert_eq!(dollars(32.849), "$32.85");
        assert_eq!(dollars(-0.4), "-$0.40");
        assert_eq!(dollars(-0.001), "$0.00");
    }
}
