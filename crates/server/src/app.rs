//! What every request handler shares.

use std::sync::Arc;

use csms_api::request::Rules;
use csms_core::{ProjectId, RegionName};
use csms_kms::RootKey;

use crate::{
    audit::{AuditedStore, Trail},
    auth::Authenticator,
    channels::Channels,
    clock::Clock,
    functions::Functions,
    keys::project::Keys,
    request::hosts::{CorsOrigin, Hosts},
    rotation::worker::Rotations,
    telemetry::metrics::Metrics,
};

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
}

/// The parts of a running server.
pub struct App {
    /// Who this installation is.
    pub identity: Identity,
    /// Where everything is kept. Changes of secrets get their records.
    pub store: AuditedStore,
    /// The audit trail.
    pub trail: Arc<Trail>,
    /// The root key, which opens keys and tokens.
    pub root: Arc<RootKey>,
    /// Keys of projects.
    pub keys: Keys,
    /// Who a request comes from.
    pub authenticator: Authenticator,
    /// Rotation functions.
    pub functions: Functions,
    /// Where notifications go.
    pub channels: Channels,
    /// Rotations at work.
    pub rotations: Rotations,
    /// The time.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// Settings that request readers need.
    pub rules: Rules,
    /// Most secrets of one project.
    pub secret_quota: u64,
    /// Address at which functions reach this server.
    pub public_url: String,
    /// Pages of which origins may call the server from a browser.
    pub allow_origins: Vec<CorsOrigin>,
    /// Names and pages that may reach what is open to everybody.
    pub hosts: Hosts,
}
