//! The estimate that the design document of the infrastructure gives for dev, to compare with.

use serde::Serialize;

use super::service::Service;

/// One of its figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Range {
    /// As the document writes it: `~$5-10`.
    pub(crate) written: &'static str,
    /// From, in US dollars a month. Where one figure stands there, what "about" it may mean.
    pub(crate) low: f64,
    /// To, in US dollars a month.
    pub(crate) high: f64,
}

impl Range {
    /// Whether an amount agrees with it.
    pub(crate) fn contains(&self, usd: f64) -> bool {
        (self.low..=self.high).contains(&usd)
    }
}

/// The environment that it estimates.
pub(crate) const ENVIRONMENT: &str = "dev";

/// Its total, without the model.
pub(crate) const TOTAL: Range = range("~$35-50", 35.0, 50.0);

/// What it says of a service; `None` where it says nothing.
pub(crate) fn of(service: Service) -> Option<Range> {
    Some(match service {
        Service::Nat => range("~$32", 31.0, 34.0),
        Service::Fargate => range("~$5-10", 5.0, 10.0),
        Service::DynamoDb => range("~$1-2", 1.0, 2.0),
        Service::ApiGateway => range("~$1-2", 1.0, 2.0),
        // An upper bound there: half a dollar is 5 GB, and ten of this router's images are 0.2.
        Service::Ecr => range("~$0.50", 0.0, 0.5),
        Service::Secrets => range("~$0.50", 0.25, 0.75),
        Service::Logs => range("~$0.50", 0.25, 0.75),
        Service::Model => range("~$10-50", 10.0, 50.0),
        Service::Front
        | Service::PublicAddresses
        | Service::DataOut
        | Service::InterfaceEndpoints
        | Service::Backups
        | Service::Key
        | Service::Insights
        | Service::Alarms => return None,
    })
}

/// Whether the architecture described there has this service, and its estimate leaves it out.
pub(crate) fn leaves_out(service: Service) -> bool {
    matches!(service, Service::Front | Service::PublicAddresses)
}

/// What its own rows, without the model, add up to.
pub(crate) fn sum_of_rows() -> Range {
    // The single figures count as they are written: 32 and three times 0.50.
    range("$40.50 to $47.50", 40.5, 47.5)
}

const fn range(written: &'static str, low: f64, high: f64) -> Range {
    Range { written, low, high }
}
