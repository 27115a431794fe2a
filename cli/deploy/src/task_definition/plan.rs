//! The next revision: the one that runs, or Terraform's newer template, with another image.

use serde_json::{Map, Value, json};

use super::changes::{Change, changes_to, without_read_only};
use super::{
    BUILD_INPUTS, DEPLOYED_BY, GIT_SHA, MANAGED_BY, RELEASE, Tags, TaskDefinition, VERSION,
};
use crate::image_ref::{Architecture, Digest, ImageRef, Repository};

/// The image that is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredImage {
    /// The image by its digest, which is how task definitions name it.
    pub image: ImageRef,
    /// What it was built for.
    pub architecture: Architecture,
    /// The commit it was built from, where that is known.
    pub git_sha: Option<String>,
    /// The router's version, where that is known.
    pub version: Option<String>,
    /// The digest of all that it was built from, where that is known.
    pub inputs: Option<Digest>,
}

/// The image of a plan that is only shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedImage {
    /// The registry has it.
    Built {
        /// As a task definition names it.
        image: ImageRef,
        /// What it was built for.
        architecture: Architecture,
    },
    /// It would be built first, so that its digest is not known.
    ToBeBuilt {
        /// The repository that it would be pushed to.
        repository: Repository,
    },
}

/// Why there can be no next revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The task definition does not have the router's container.
    #[error(
        "task definition `{revision}` has no container `{container}`, only {}",
        listed(found)
    )]
    NoContainer {
        /// The revision.
        revision: String,
        /// The container's name.
        container: String,
        /// The containers that it has.
        found: Vec<String>,
    },
    /// The image is not named by its digest, so that another one could be under its name tomorrow.
    #[error("`{0}` does not name an image by its digest")]
    NotPinned(ImageRef),
    /// The image would not start.
    #[error("the image is built for {image}, and the task definition runs on {wanted}")]
    WrongArchitecture {
        /// The image's.
        image: Architecture,
        /// The task definition's.
        wanted: Architecture,
    },
    /// The task definition runs on something that no image can be built for.
    #[error(
        "task definition `{revision}` runs on `{architecture}`, for which no image can be built"
    )]
    UnknownArchitecture {
        /// The revision.
        revision: String,
        /// As the revision names it.
        architecture: String,
    },
    /// With the deploy's own there would be more tags than ECS takes.
    #[error(
        "task definition `{revision}` has {count} tags with those of a deploy, and ECS takes {MAX_TAGS}"
    )]
    TooManyTags {
        /// The revision that the next one starts from.
        revision: String,
        /// How many there would be.
        count: usize,
    },
    /// A tag would not be taken again.
    #[error("tag `{key}` of task definition `{revision}` {why}")]
    InvalidTag {
        /// The revision that the next one starts from.
        revision: String,
        /// The tag's key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// How many tags a task definition can have, how long their keys and their values can be.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>
const MAX_TAGS: usize = 50;
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What a deploy would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The revision that the next one starts from.
    pub base: String,
    /// The revision that runs.
    pub running: String,
    /// What would be different from the revision that runs, apart from the release's name.
    pub changes: Vec<Change>,
}

/// What a deploy registers.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What that changes.
    pub preview: Preview,
    container: String,
    digest: Digest,
    request: Map<String, Value>,
    family: String,
}

/// The tags that a deploy sets.
const OWN_TAGS: [&str; 4] = [MANAGED_BY, GIT_SHA, VERSION, DEPLOYED_BY];

/// What the next revision starts from: the one that runs, or Terraform's template if that was
/// registered later, so that a changed setting reaches the service with the next deploy.
pub fn base<'a>(
    running: &'a TaskDefinition,
    template: Option<&'a TaskDefinition>,
) -> &'a TaskDefinition {
    match template {
        // Without a family in common their numbers say nothing; the template then is what the
        // operator configured.
        Some(template)
            if template.family() != running.family() || template.number() > running.number() =>
        {
            template
        }
        _ => running,
    }
}

/// Works out what a deploy of this image would change.
///
/// # Errors
/// If the image cannot run there, or the router's container is missing.
pub fn preview(
    running: &TaskDefinition,
    template: Option<&TaskDefinition>,
    container: &str,
    image: &PlannedImage,
) -> Result<Preview, PlanError> {
    let base = base(running, template);
    let image = match image {
        PlannedImage::Built {
            image,
            architecture,
        } => {
            check_architecture(base, *architecture)?;
            image.to_string()
        }
        PlannedImage::ToBeBuilt { repository } => format!("{repository}@(to be built)"),
    };
    check_tags(base)?;
    let request = with_image(base, container, &image)?;
    Ok(Preview {
        base: base.name(),
        running: running.name(),
        changes: changes_to(running, &request, container),
    })
}

/// Works out the next revision. `who` deploys it.
///
/// # Errors
/// As [`preview`].
pub fn plan(
    running: &TaskDefinition,
    template: Option<&TaskDefinition>,
    container: &str,
    desired: &DesiredImage,
    who: &str,
) -> Result<Plan, PlanError> {
    let base = base(running, template);
    let image = &desired.image;
    let digest = image.digest();
    let digest = digest.ok_or_else(|| PlanError::NotPinned(image.clone()))?;
    check_architecture(base, desired.architecture)?;
    let mut request = with_image(base, container, &image.to_string())?;
    request.insert("tags".to_owned(), tags(&base.tags, desired, who));
    Ok(Plan {
        preview: Preview {
            base: base.name(),
            running: running.name(),
            changes: changes_to(running, &request, container),
        },
        container: container.to_owned(),
        digest: digest.clone(),
        family: base.family().to_owned(),
        request,
    })
}

/// Whether a revision can be the next one's base, whatever its image will be: it has the router's
/// container, and tags that can be registered again. Known before an image is built.
///
/// # Errors
/// If it cannot.
pub fn check_base(base: &TaskDefinition, container: &str) -> Result<(), PlanError> {
    check_tags(base)?;
    with_image(base, container, "").map(|_| ())
}

fn check_tags(base: &TaskDefinition) -> Result<(), PlanError> {
    let mut tags = settable(&base.tags);
    for key in OWN_TAGS {
        tags.entry(key.to_owned()).or_default();
    }
    if tags.len() > MAX_TAGS {
        return Err(PlanError::TooManyTags {
            revision: base.name(),
            count: tags.len(),
        });
    }
    for (key, value) in &tags {
        let why = if key.is_empty() || key.chars().count() > MAX_TAG_KEY {
            "has a key that is not of 1 to 128 characters"
        } else if value.chars().count() > MAX_TAG_VALUE {
            "has a value of more than 256 characters"
        } else if !key.chars().chain(value.chars()).all(may_be_in_tag) {
            "has characters other than letters, digits, spaces and `+ - = . _ : / @`"
        } else {
            continue;
        };
        return Err(PlanError::InvalidTag {
            revision: base.name(),
            key: key.clone(),
            why,
        });
    }
    Ok(())
}

fn check_architecture(base: &TaskDefinition, image: Architecture) -> Result<(), PlanError> {
    // What no image can be built for may still run one that was built elsewhere.
    match base.architecture() {
        Ok(wanted) if wanted != image => Err(PlanError::WrongArchitecture { image, wanted }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The request for a revision like `base`, with another image.
fn with_image(
    base: &TaskDefinition,
    container: &str,
    image: &str,
) -> Result<Map<String, Value>, PlanError> {
    let mut request = without_read_only(&base.definition);
    let found = request
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut)
        .and_then(|containers| containers.iter_mut().find(|one| one["name"] == container));
    let Some(found) = found else {
        return Err(PlanError::NoContainer {
            revision: base.name(),
            container: container.to_owned(),
            found: base.container_names(),
        });
    };
    found["image"] = json!(image);
    Ok(request)
}

impl Plan {
    /// What the router will say it is, once its revision has this number: `family:number@sha256:…`.
    pub fn release(&self, number: u64) -> String {
        format!("{}:{number}@{}", self.family, self.digest)
    }

    /// The family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// RegisterTaskDefinition's request, for the revision that is to get this number.
    pub fn request(&self, number: u64) -> Value {
        let mut request = self.request.clone();
        let release = json!({"name": RELEASE, "value": self.release(number)});
        let container = request
            .get_mut("containerDefinitions")
            .and_then(Value::as_array_mut)
            .and_then(|all| all.iter_mut().find(|one| one["name"] == *self.container));
        if let Some(container) = container {
            let mut variables = container["environment"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            match variables.iter_mut().find(|one| one["name"] == RELEASE) {
                Some(variable) => *variable = release,
                None => variables.push(release),
            }
            container["environment"] = Value::Array(variables);
        }
        Value::Object(request)
    }
}

/// RegisterTaskDefinition's request for a copy of a revision that was deregistered: services cannot
/// be told to run that one any more.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html>
pub fn copy(definition: &TaskDefinition) -> Value {
    let mut request = without_read_only(&definition.definition);
    request.insert("tags".to_owned(), tag_list(settable(&definition.tags)));
    Value::Object(request)
}

/// The tags that may be set: those of AWS itself cannot.
fn settable(tags: &Tags) -> Tags {
    let mut tags = tags.clone();
    tags.retain(|key, _| !key.to_lowercase().starts_with("aws:"));
    tags
}

fn tags(base: &Tags, desired: &DesiredImage, who: &str) -> Value {
    let mut tags = settable(base);
    let own = [
        (MANAGED_BY, Some("t3nets")),
        (GIT_SHA, desired.git_sha.as_deref()),
        (VERSION, desired.version.as_deref()),
        (BUILD_INPUTS, desired.inputs.as_ref().map(Digest::as_str)),
        (DEPLOYED_BY, Some(who)),
    ];
    for (key, value) in own {
        // What the base's image was built from says nothing about this one.
        tags.remove(key);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            tags.insert(key.to_owned(), tag_value(value));
        }
    }
    tag_list(tags)
}

fn tag_list(tags: Tags) -> Value {
    tags.into_iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// A text as a tag's value may be: 256 letters, digits, spaces and some signs.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
fn tag_value(text: &str) -> String {
    text.chars()
        .map(|c| if may_be_in_tag(c) { c } else { '_' })
        .take(MAX_TAG_VALUE)
        .collect()
}

fn may_be_in_tag(c: char) -> bool {
    c.is_alphanumeric() || " +-=._:/@".contains(c)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
