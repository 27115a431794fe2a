//! What building an image needs on this machine. Without it no check fails: an image that was
//! pushed already can be deployed from anywhere.

use std::path::Path;

use indicatif::DecimalBytes;

use super::super::Check;
use crate::error::CliError;
use t3nets_deploy::build::DockerEngine;

/// How many bytes a build without any cache takes: the Rust image, its packages, the dependencies'
/// sources and what is compiled of both are about 3 GB, and the image is written once more when it
/// is exported.
const NEEDED: u64 = 4_000_000_000;

/// Docker's engine, and the free space on its disk.
pub(super) async fn checks() -> Vec<Check> {
    match DockerEngine::connect().await {
        Ok(engine) => vec![check_docker(&engine), check_disk(&engine).await],
        Err(error) => vec![
            without_docker(error.into()),
            Check::skipped("disk", "Docker's disk cannot be checked without Docker"),
        ],
    }
}

fn check_docker(engine: &DockerEngine) -> Check {
    let place = engine.place();
    let place = place.map_or_else(String::new, |place| format!(", at {place}"));
    let found = format!("{} with {}{place}", engine.version(), engine.builder());
    Check::ok("docker", found)
}

fn without_docker(error: CliError) -> Check {
    Check::warning("docker", error.in_one_line(), error.hints)
}

async fn check_disk(engine: &DockerEngine) -> Check {
    let (root, machine) = match engine.root().await {
        Ok(answer) => answer,
        Err(error) => return Check::skipped("disk", error.to_string()),
    };
    // Docker Desktop runs in a virtual machine and a socket may be forwarded: the folder is another
    // machine's then.
    let this_machine = rustix::system::uname();
    if this_machine.nodename().to_bytes() != machine.as_bytes() || !root.is_absolute() {
        return Check::skipped(
            "disk",
            format!("Docker runs on `{machine}`: its disk cannot be checked from here"),
        );
    }
    match rustix::fs::statvfs(&root) {
        Ok(disk) => free_space(disk.f_bavail.saturating_mul(disk.f_frsize), &root),
        Err(error) => Check::skipped(
            "disk",
            format!("the free space in {} is not known: {error}", root.display()),
        ),
    }
}

fn free_space(free: u64, root: &Path) -> Check {
    let found = format!("{} free in {}", DecimalBytes(free), root.display());
    if free >= NEEDED {
        return Check::ok("disk", found);
    }
    Check::warning(
        "disk",
        format!(
            "{found}; building the image without a cache takes up to {}",
            DecimalBytes(NEEDED)
        ),
        "`docker system df` shows what uses the space, `docker builder prune` and `docker image prune` free it",
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::Status;
    use super::*;

    #[test]
    fn little_space_is_a_warning_that_says_how_much_is_needed() {
        let root = Path::new("/var/lib/docker");
        assert_eq!(free_space(NEEDED, root).status, Status::Ok);
        let little = free_space(1_500_000_000, root);
        assert_eq!(little.status, Status::Warning);
        assert!(little.detail.contains("1.50 GB free"), "{little:?}");
        assert!(little.detail.contains("4.00 GB"), "{little:?}");
    }

    #[test]
    fn an_engine_that_does_not_run_is_a_warning_that_names_the_way_without_it() {
        let error = CliError::not_ready("Docker is not running").hint("start it");
        let check = without_docker(error.hint("`--image REF`"));
        assert_eq!(check.status, Status::Warning);
        assert_eq!(check.remedy.to_string(), "start it; `--image REF`");
    }
}
