//! What an installation is: its account, its projects and its regions. Values only; [`crate::installation`] reads and makes them.

use csms_api::policy_check::Site;
use csms_core::{ProjectId, RegionName};

/// Identity of an installation, made on its first start and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account that owns everything.
    pub domain_id: String,
    /// Its name.
    pub domain_name: String,
    /// The first project.
    pub project_id: ProjectId,
    /// Name of the home region, which is also the name of the first project.
    pub region: String,
    /// The regions that this server was started with, each with its project; the home region first.
    pub regions: Vec<Region>,
}

/// A region: a place of its own for secrets, keys, events and policies' resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name, also that of its project.
    pub name: RegionName,
    /// Its project.
    pub project: ProjectId,
}

impl Identity {
    /// The name of the region that a project belongs to: the home region, unless it is another region's.
    #[must_use]
    pub fn region_of(&self, project: &ProjectId) -> &str {
        let found = self.regions.iter().find(|region| region.project == *project);
        found.map_or(self.region.as_str(), |region| region.name.as_str())
    }

    /// What resources of the account have in their texts, wherever they are. Only a running server knows all regions.
    #[must_use]
    pub fn site(&self) -> Site {
        Site { regions: Vec::new(), account: Some(self.domain_id.clone()) }
    }

    /// The same with the regions of this server.
    #[must_use]
    pub fn site_with_regions(&self) -> Site {
        Site { regions: self.regions.iter().map(|region| region.name.to_string()).collect(), ..self.site() }
    }
}
