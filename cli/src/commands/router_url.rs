//! Where an environment's router answers.

use t3nets_router::outbound;
use url::Url;

use crate::aws::{AwsEnvironment, Name};
use crate::config::environment::PlatformKind;
use crate::config::running;
use crate::context::Context;
use crate::error::CliError;

/// Where the router of the environment in use answers: what `t3nets.toml` or Terraform says, or the
/// `dev` that runs.
///
/// # Errors
/// Not ready if none is known, or none runs.
pub(crate) async fn own_url(context: &Context) -> Result<Url, CliError> {
    let environment = context.settings.environment()?;
    match environment.platform {
        PlatformKind::Aws => match environment.names.contains_key(Name::Url.key()) {
            // Nothing of AWS is needed for it.
            true => AwsEnvironment::without_state(environment).url(),
            false => context.aws_environment().await?.url(),
        }
        .map_err(|error| error.hint("or give `--url`")),
        PlatformKind::Local => {
            let running = running::find(&environment.home)?;
            running.map(|dev| dev.url).ok_or_else(|| {
                CliError::not_ready(format!(
                    "no router is running for the environment `{}`",
                    environment.name
                ))
                .hint_command("dev", "starts one in another terminal")
            })
        }
    }
}

/// An address that was given with `--url`.
///
/// # Errors
/// Usage if it is none of the web.
pub(crate) fn checked(url: Url) -> Result<Url, CliError> {
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() {
        return Ok(url);
    }
    Err(
        CliError::usage(format!("`--url {url}` is not a web address"))
            .hint("for example `--url http://127.0.0.1:8080`"),
    )
}

/// Whether others on the network can read what is sent there.
pub(crate) fn is_readable_on_the_way(url: &Url) -> bool {
    url.scheme() == "http" && !outbound::is_loopback(url)
}
