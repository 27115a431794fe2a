//! Images that earlier builds of the same tree for the same purpose left behind. What was built
//! last has no tag, so nothing else would ever take them away.

use std::collections::HashMap;

use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};

use super::{BuildRequest, BuiltImage, DockerEngine};
use crate::image_ref::Digest;

/// The label that says which tree an image was built from, and what for. It names a folder of this
/// machine, and does not go to the registry.
pub(crate) const TREE_LABEL: &str = "t3nets.build-tree";

impl BuildRequest {
    /// The value of [`TREE_LABEL`].
    pub(super) fn tree(&self) -> String {
        let root = self
            .root
            .canonicalize()
            .unwrap_or_else(|_| self.root.clone());
        let named = format!(
            "{}\n{}\n{}",
            root.display(),
            self.purpose,
            self.architecture
        );
        Digest::of(named.as_bytes()).short().to_owned()
    }
}

impl DockerEngine {
    /// Removes what earlier builds like this one left, where no tag names it and nothing uses it.
    /// An engine that will not is no failure: its disk is only fuller than it need be.
    pub async fn remove_predecessors(&self, request: &BuildRequest, image: &BuiltImage) {
        let label = format!("{TREE_LABEL}={}", request.tree());
        let filters = HashMap::from([
            ("dangling".to_owned(), vec!["true".to_owned()]),
            ("label".to_owned(), vec![label]),
        ]);
        let options = ListImagesOptions {
            filters: Some(filters),
            ..ListImagesOptions::default()
        };
        let found = self.client.list_images(Some(options)).await;
        for earlier in found.unwrap_or_default() {
            if earlier.id != image.id {
                // Without force: one that a container uses stays.
                let options = None::<RemoveImageOptions>;
                let _ = self.client.remove_image(&earlier.id, options, None).await;
            }
        }
    }
}
