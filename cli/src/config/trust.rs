//! Whether what was found in a folder is to be followed. A `t3nets.toml` or an `infra/aws` above
//! the current folder may be somebody else's: in `/tmp`, or in a folder that several people write
//! to. What it says decides where keys and images go and which programs run, so that it is taken as
//! git takes a repository
//! (<https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory>): from its
//! owner, or where whoever runs the command has said so.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::CliError;

/// The variable that lists folders of others, separated by colons, whose files are followed; `*`
/// for all.
pub(crate) const VARIABLE: &str = "T3NETS_SAFE_DIRECTORY";

/// Refuses what belongs to another user.
///
/// # Errors
/// Not ready, with the way to allow it.
pub(crate) fn check(path: &Path) -> Result<(), CliError> {
    let owner = match std::fs::symlink_metadata(path) {
        Ok(found) => found.uid(),
        // Whoever reads it says so.
        Err(_) => return Ok(()),
    };
    let own = rustix::process::geteuid().as_raw();
    let folder = path.parent().unwrap_or(path);
    let safe = std::env::var(VARIABLE).unwrap_or_default();
    // With sudo, the files of whoever asked for it are theirs.
    let asked = std::env::var("SUDO_UID").ok();
    let asked = asked.filter(|_| own == 0).and_then(|id| id.parse().ok());
    if owner == own || asked == Some(owner) || is_listed(&safe, folder) {
        return Ok(());
    }
    Err(CliError::not_ready(format!(
        "`{}` belongs to another user (id {owner}) and is not followed",
        path.display()
    ))
    .hint(format!(
        "if you trust whoever can change it, set {VARIABLE}={}",
        folder.display()
    )))
}

fn is_listed(safe: &str, folder: &Path) -> bool {
    safe.split(':')
        .any(|listed| listed == "*" || (!listed.is_empty() && Path::new(listed) == folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_trusted_by_its_name_or_with_all() {
        let folder = Path::new("/srv/project");
        for (safe, is_trusted) in [
            ("", false),
            ("/srv", false),
            ("/srv/project/", true),
            ("/a:/srv/project", true),
            ("*", true),
        ] {
            assert_eq!(is_listed(safe, folder), is_trusted, "{safe}");
        }
    }
}
