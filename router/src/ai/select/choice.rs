//! What a tenant's models are for.

use super::{SelectError, SelectedModel};

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tier {
    /// To word the result of a skill that a rule chose.
    Wording,
    /// All else.
    Ai,
}

/// A tenant's models.
#[derive(Debug)]
pub struct TenantModels {
    /// The one for all that has none of its own.
    pub ai: SelectedModel,
    /// The one that words the results of skills, where it is another.
    pub wording: Option<SelectedModel>,
    /// The one that is asked while another is throttled or down.
    pub fallback: Option<SelectedModel>,
    /// Why the one that the settings name with its provider cannot be asked.
    pub fallback_problem: Option<SelectError>,
}

impl TenantModels {
    /// Those for one purpose.
    pub fn for_tier(self, tier: Tier) -> Choice {
        let first = match tier {
            Tier::Wording => self.wording.unwrap_or(self.ai),
            Tier::Ai => self.ai,
        };
        let is_other =
            |other: &SelectedModel| (other.provider, &other.id) != (first.provider, &first.id);
        Choice {
            fallback: self.fallback.filter(is_other),
            first,
        }
    }
}

/// The models for one purpose.
#[derive(Debug)]
pub struct Choice {
    /// The one that is asked.
    pub first: SelectedModel,
    /// The one that is asked while the first is throttled or down.
    pub fallback: Option<SelectedModel>,
}
