//! Where a project's Terraform is, `infra/aws`, and which environments it has settings for. Only
//! names are looked at: what its files say is [`crate::terraform`]'s business.

use std::path::{Path, PathBuf};

/// The folder's place in a project.
pub(crate) const PLACE: &str = "infra/aws";

/// The folder inside it with one `NAME.tfvars` per environment.
pub(crate) const ENVIRONMENTS: &str = "environments";

/// `infra/aws` in a folder or the nearest one above it.
pub(super) fn above(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .map(|folder| folder.join(PLACE))
        .find(|path| is_infra_dir(path))
}

/// Whether a folder is such a one.
pub(crate) fn is_infra_dir(path: &Path) -> bool {
    path.join(ENVIRONMENTS).is_dir() && path.join("variables.tf").is_file()
}

/// The names of the environments that it has settings for, sorted.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn environments(path: &Path) -> std::io::Result<Vec<String>> {
    let files = files_with_extension(&path.join(ENVIRONMENTS), "tfvars")?;
    let names = files
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// The files of a folder that end in `.extension`, sorted.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn files_with_extension(
    folder: &Path,
    extension: &str,
) -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    Ok(paths)
}
