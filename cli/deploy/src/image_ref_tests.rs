//! What is read as a digest, a repository, a reference or an architecture, and what is refused.

use proptest::prelude::*;

use super::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/router";

fn repository(text: &str) -> Repository {
    text.parse().unwrap()
}

#[test]
fn a_digest_is_sha256_and_64_lower_case_digits() {
    let digest: Digest = DIGEST.parse().unwrap();
    assert_eq!(digest.as_str(), DIGEST);
    assert_eq!(digest.short(), "0123456789ab");
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of(b"").as_str(), empty);
    for bad in [
        "",
        "sha256:",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "sha256:0123",
        "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0",
        "sha256:ü123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        "md5:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ] {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
    }
}

#[test]
fn a_digest_is_found_at_the_end_of_what_it_pins() {
    let digest = DIGEST.parse().unwrap();
    for pinned in [
        format!("t3nets-dev-router:7@{DIGEST}"),
        format!("{URI}@{DIGEST}"),
        format!("{URI}:v1@{DIGEST}"),
    ] {
        assert_eq!(Digest::at_end_of(&pinned).as_ref(), Some(&digest));
    }
    for unpinned in ["", "@", DIGEST, "repo:latest", "repo@sha256:12", "a@b@c"] {
        assert_eq!(Digest::at_end_of(unpinned), None, "{unpinned}");
    }
}

#[test]
fn references_are_read_and_shown_as_they_were() {
    for (text, registry, name, tag, digest) in [
        ("router", None, "router", None, None),
        ("team/router", None, "team/router", None, None),
        ("repo:bootstrap", None, "repo", Some("bootstrap"), None),
        (
            "localhost/router:1",
            Some("localhost"),
            "router",
            Some("1"),
            None,
        ),
        (
            "localhost:4571/a/b",
            Some("localhost:4571"),
            "a/b",
            None,
            None,
        ),
        (
            "[::1]:5000/r:v1.0",
            Some("[::1]:5000"),
            "r",
            Some("v1.0"),
            None,
        ),
    ] {
        let read: ImageRef = text.parse().unwrap();
        assert_eq!(read.repository().registry(), registry, "{text}");
        assert_eq!(read.repository().name(), name, "{text}");
        assert_eq!(read.tag(), tag, "{text}");
        assert_eq!(read.digest().map(Digest::as_str), digest, "{text}");
        assert_eq!(read.to_string(), text);
    }
    for text in [
        format!("{URI}@{DIGEST}"),
        format!("{URI}:v1@{DIGEST}"),
        format!("r@{DIGEST}"),
    ] {
        let read: ImageRef = text.parse().unwrap();
        assert_eq!(read.digest().map(Digest::as_str), Some(DIGEST), "{text}");
        assert_eq!(read.to_string(), text);
    }
}

#[test]
fn what_is_not_a_reference_is_refused() {
    for bad in [
        "",
        "@",
        ":",
        "/",
        "Router",
        "two words",
        "a//b",
        "/router",
        "router/",
        "-router",
        "router:",
        "router:-v1",
        "router:ü",
        "example.com/",
        "exa mple.com/router",
        "router@",
        "router@sha256:12",
        "router@v1",
        "r@sha256:0123@sha256:0123",
    ] {
        assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
    }
}

#[test]
fn a_uri_says_in_which_account_and_region_a_repository_is() {
    assert_eq!(repository(URI).name(), "team/router");
    for host in [
        "dkr.ecr.eu-west-1.amazonaws.com",
        "dkr.ecr.eu-west-1.amazonaws.com.cn",
        "dkr.ecr-fips.eu-west-1.amazonaws.com",
        "dkr-ecr.eu-west-1.on.aws",
        "dkr-ecr-fips.eu-west-1.on.aws",
    ] {
        let repository = repository(&format!("123456789012.{host}/team/router"));
        let registry = repository.ecr().unwrap();
        assert_eq!(registry.account, "123456789012", "{host}");
        assert_eq!(registry.region, "eu-west-1", "{host}");
        let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/router";
        let image = format!("{uri}@{DIGEST}");
        assert!(repository.digest_of(&image).is_some(), "{host}");
    }
    for without in [
        "team/router",
        "localhost:4571/router",
        "example.com/router",
        "12345.dkr.ecr.us-east-1.amazonaws.com/router",
        "123456789012.dkr.ecr.Nowhere.amazonaws.com/router",
        "public.ecr.aws/t3nets/router",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example/router",
        "123456789012.dkr.ecr.us-east-1.evil.example/router",
        "123456789012.dkr.ecr.us-east-1.example.amazonaws.com/router",
    ] {
        assert_eq!(repository(without).ecr(), None, "{without}");
    }
}

#[test]
fn images_of_other_repositories_and_without_a_digest_are_none_of_its_own() {
    for own in [
        DIGEST.to_owned(),
        format!("{URI}@{DIGEST}"),
        format!("{URI}:v1@{DIGEST}"),
        repository(URI).pinned(&DIGEST.parse().unwrap()).to_string(),
    ] {
        let found = repository(URI).digest_of(&own);
        assert_eq!(found.as_ref().map(Digest::as_str), Some(DIGEST), "{own}");
    }
    for other in [
        format!("{URI}:v1"),
        format!("{URI}-two@{DIGEST}"),
        format!("example.com/team/router@{DIGEST}"),
        format!("{URI}@sha256:0123"),
        String::new(),
    ] {
        assert_eq!(repository(URI).digest_of(&other), None, "{other}");
    }
    for image in [format!("{URI}@{DIGEST}"), format!("team/router@{DIGEST}")] {
        assert_eq!(repository("team/router").digest_of(&image), None, "{image}");
    }
}

#[test]
fn architectures_are_known_by_the_names_of_ecs_and_of_images() {
    for architecture in [Architecture::X86_64, Architecture::Arm64] {
        let ecs = architecture.ecs_name();
        assert_eq!(Architecture::from_ecs(ecs), Some(architecture));
        assert_eq!(
            serde_json::to_value(architecture).unwrap(),
            serde_json::json!(ecs)
        );
        let oci = architecture.oci_name();
        assert_eq!(Architecture::from_oci(oci), Some(architecture));
        assert_eq!(architecture.docker_platform(), format!("linux/{oci}"));
    }
    for other in ["", "RISCV64", "x86_64", "amd64"] {
        assert_eq!(Architecture::from_ecs(other), None, "{other}");
    }
    for other in ["", "riscv64", "AMD64", "X86_64"] {
        assert_eq!(Architecture::from_oci(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_shown_the_same(
        text in "\\PC{0,20}|([a-z0-9._-]{0,6}[/:@]){0,4}(sha256:[0-9a-f]{63,65})?",
    ) {
        if let Ok(read) = text.parse::<ImageRef>() {
            prop_assert_eq!(read.to_string(), text.as_str());
            let pinned = read.digest().cloned();
            prop_assert_eq!(Digest::at_end_of(&text), pinned);
        }
        if let Ok(read) = text.parse::<Digest>() {
            prop_assert_eq!(read.to_string(), text.as_str());
            prop_assert!(read.short().len() == 12);
        }
    }

    #[test]
    fn any_parts_make_a_reference_that_is_read_as_them(
        host in proptest::option::of("[a-z0-9]{1,8}\\.[a-z]{2,3}(:[0-9]{2,5})?"),
        name in "[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?(/[a-z0-9]{1,5}){0,2}",
        tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
        content in proptest::option::of(any::<Vec<u8>>()),
    ) {
        // A first part with a dot before a slash is a host.
        prop_assume!(host.is_some() || !name.contains('/') || !name.contains('.'));
        prop_assume!(host.is_some() || !name.starts_with("localhost/"));
        let made = ImageRef {
            repository: Repository { registry: host, name },
            tag,
            digest: content.as_deref().map(Digest::of),
        };
        prop_assert_eq!(made.to_string().parse(), Ok(made));
    }
}
