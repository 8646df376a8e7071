//! What the installation offers and where: the version document of IAM v3, and the catalog that clients find endpoints in.
//!
//! Addresses are made from the `Host` header of the request, so that a client goes on where it came in.

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::{app::App, audit::Requested, auth::Caller};

/// The services in the catalog: type, and the path that their endpoints end in.
const SERVICES: [(&str, &str); 4] = [("kms", "/v1.0"), ("csms", "/v1"), ("iam", "/v3"), ("identity", "/v3")];

/// Where the request came in: scheme and authority; empty without a `Host` header in ASCII.
fn origin(head: &HeaderMap) -> String {
    let scheme = if Requested::current().is_some_and(|request| request.is_secure()) { "https" } else { "http" };
    let host = head.get(header::HOST).and_then(|host| host.to_str().ok());
    host.map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}

/// The catalog of a caller: an endpoint of each service in each region whose project it may use.
pub(super) fn catalog(app: &App, caller: &Caller, head: &HeaderMap) -> Value {
    let origin = origin(head);
    let regions: Vec<_> = app.identity.regions.iter().filter(|region| caller.may_use(&region.project)).collect();
    let service = |(kind, path): (&str, &str)| {
        let endpoints = regions.iter().map(|region| {
            json!({
                "id": format!("{kind}-{}", region.name), "interface": "public", "region": region.name.as_str(),
                "region_id": region.name.as_str(), "url": format!("{origin}{path}"),
            })
        });
        json!({ "id": kind, "type": kind, "name": kind, "endpoints": endpoints.collect::<Vec<_>>() })
    };
    SERVICES.into_iter().map(service).collect()
}

/// The version document of IAM v3.
pub(super) fn version(head: &HeaderMap) -> Value {
    json!({ "version": described_version(head) })
}

/// The versions of IAM, for clients that are told this server's address without one.
pub(crate) fn versions(head: &HeaderMap) -> Value {
    json!({ "versions": { "values": [described_version(head)] } })
}

fn described_version(head: &HeaderMap) -> Value {
    json!({
        "id": "v3.0",
        "status": "stable",
        "updated": "2013-03-06T00:00:00Z",
        "links": [{ "rel": "self", "href": format!("{}/v3/", origin(head)) }],
        "media-types": [{ "base": "application/json", "type": "application/vnd.openstack.identity-v3+json" }],
    })
}
