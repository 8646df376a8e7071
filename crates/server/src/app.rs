//! What every request handler shares.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use csms_api::request::Rules;
use csms_core::Problem;
use csms_kms::RootRing;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{
    audit::{AuditedStore, Trail},
    auth::{
        Authenticator,
        new_password::{NewPassword, PasswordRule},
    },
    channels::{Channels, sink::Sink},
    clock::Clock,
    functions::Functions,
    identity::Identity,
    installation::{seen::Seen, server_name::ServerName},
    keys::{held::HeldKeyring, project::Keys},
    request::hosts::{CorsOrigin, Hosts},
    rotation::active::Rotations,
    telemetry::{access_log::AccessLog, metrics::Metrics, outage::StoreHealth, readiness::Readiness},
};

/// The parts of a running server.
pub struct App {
    /// Who this installation is.
    pub identity: Identity,
    /// Where everything is kept. Changes of secrets get their records.
    pub store: AuditedStore,
    /// The audit trail.
    pub trail: Arc<Trail>,
    /// The root keys, which open keys and tokens.
    pub root: Arc<RootRing>,
    /// Where they come from.
    pub keyring: HeldKeyring,
    /// Keys of projects.
    pub keys: Keys,
    /// Who a request comes from.
    pub authenticator: Authenticator,
    /// Rotation functions.
    pub functions: Functions,
    /// Where notifications go.
    pub channels: Channels,
    /// Where the audit trail is delivered, if the operator names a place.
    pub audit_sink: Option<Sink>,
    /// Active rotations.
    pub rotations: Rotations,
    /// Which server this is among those on the store.
    pub server: ServerName,
    /// What this server has last seen of the store.
    pub seen: Seen,
    /// Permits for passes over all secrets of a project.
    pub scans: Semaphore,
    /// The time.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// One line for each request.
    pub access_log: AccessLog,
    /// Whether the store can be read and written.
    pub health: StoreHealth,
    /// Whether it should get requests.
    pub readiness: Readiness,
    /// Limits that the operator may change while the server runs.
    pub limits: RwLock<Limits>,
    /// Address at which functions reach this server.
    pub public_url: String,
    /// Pages of which origins may call the server from a browser.
    pub allow_origins: Vec<CorsOrigin>,
    /// Directory with the console's files, instead of those in the binary.
    pub console: Option<PathBuf>,
    /// Names and pages that may reach what is open to everybody.
    pub hosts: Hosts,
}

/// Limits that the operator sets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What request readers need.
    pub rules: Rules,
    /// Which passwords users may get.
    pub password_rule: PasswordRule,
    /// Most secrets of one project.
    pub secret_quota: u64,
}

impl App {
    /// The limits that hold now.
    pub fn limits(&self) -> Limits {
        *self.limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges the member `password` of a request, for the user of this name.
    ///
    /// # Errors
    /// Every rule that it breaks, as a problem of the member; none repeats the password.
    pub fn new_password(&self, text: Zeroizing<String>, user_name: &str) -> Result<NewPassword, Vec<Problem>> {
        NewPassword::judge(text, user_name, self.limits().password_rule)
            .map_err(|violations| violations.into_iter().map(|violation| violation.at("password")).collect())
    }
}
