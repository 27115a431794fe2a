//! From a host's name to its addresses.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Reach;

/// The system's resolver, except that names under `localhost` are loopback whatever DNS says, since
/// they are trusted with credentials in clear, and that what is out of reach is left out. The
/// client connects to what is found here and nowhere else, so that a name cannot mean another
/// address by then.
#[derive(Debug)]
pub(super) struct Resolver(pub(super) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let found = reach.of_name(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
