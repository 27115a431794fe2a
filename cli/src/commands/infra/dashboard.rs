//! `t3nets infra dashboard`: the environment's CloudWatch dashboard, in a browser. Its name and
//! region say where it is: AWS is not asked, and whoever opens it signs in there.

use secrecy::SecretString;
use serde::Serialize;

use crate::aws::Name;
use crate::commands::open::browser::Browser;
use crate::context::Context;
use crate::error::CliError;
use crate::terminal::printer::Output;

/// Arguments of `t3nets infra dashboard`.
#[derive(Debug, clap::Args)]
pub(crate) struct DashboardArgs {
    /// Only print the address
    #[arg(long)]
    print: bool,
}

/// The dashboard, and where it is.
#[derive(Debug, Serialize)]
pub(crate) struct Dashboard {
    dashboard: String,
    region: String,
    url: String,
}

impl Output for Dashboard {
    fn text(&self) -> String {
        self.url.clone()
    }

    fn is_verbatim(&self) -> bool {
        true
    }
}

impl Dashboard {
    /// As `infra/aws/dashboard.tf` names it.
    fn of(project: &str, environment: &str, region: &str) -> Self {
        let dashboard = format!("{project}-{environment}");
        let console = match region {
            _ if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
            _ if region.starts_with("cn-") => "console.amazonaws.cn",
            _ => "console.aws.amazon.com",
        };
        Self {
            url: format!(
                "https://{region}.{console}/cloudwatch/home?region={region}#dashboards/dashboard/{dashboard}"
            ),
            region: region.to_owned(),
            dashboard,
        }
    }
}

/// Opens the dashboard, and prints its address.
///
/// # Errors
/// Not ready if the environment is on this machine, or its region is not known.
pub(crate) async fn run(context: &Context, args: DashboardArgs) -> Result<Dashboard, CliError> {
    let environment = context.aws_environment().await?;
    let project = &environment.need(Name::Project)?.value;
    let region = &environment.need(Name::Region)?.value;
    let dashboard = Dashboard::of(project, &environment.name, region);
    let browser = Browser::find(|name| std::env::var(name).ok()).filter(|_| !args.print);
    if let Some(browser) = browser {
        let _waiting = context.printer.progress("opening the browser");
        if browser
            .open(&SecretString::from(dashboard.url.clone()))
            .await
        {
            context.printer.status("opened in the browser");
        }
    }
    Ok(dashboard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_that_of_the_regions_partition() {
        let url = |region| Dashboard::of("t3nets", "dev", region).url;
        assert_eq!(
            url("eu-west-1"),
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/t3nets-dev"
        );
        assert!(
            url("us-gov-west-1").starts_with("https://us-gov-west-1.console.amazonaws-us-gov.")
        );
    }
}
