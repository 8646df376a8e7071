//! A signed, retrying, typed client of the service.
//!
//! One method for each operation. Requests are signed with `SDK-HMAC-SHA256` or carry a token; answers are the bodies
//! of `csms-api`; refusals are [`ClientError`]s with the service's code. Keeps no state between calls and caches nothing.
//!
//! ```no_run
//! use csms_client::{Client, Credentials};
//! use csms_core::{ProjectId, SecretName};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let credentials = Credentials::key_pair("AK", "SK");
//! let project = ProjectId::parse("0123456789abcdef0123456789abcdef").map_err(|rule| rule.message())?;
//! let client = Client::new("http://127.0.0.1:7070", project, credentials)?;
//! let name = SecretName::parse("demo").map_err(|rule| rule.message())?;
//! let version = client.show_version(&name, "latest").await?.version;
//! println!("{}", version.version_metadata.id);
//! # Ok(())
//! # }
//! ```

mod client;
mod credentials;
mod dry_run;
mod error;
mod exchange;
mod request;

pub use client::Client;
pub use credentials::{Credentials, Provided, Provider};
pub use error::ClientError;
pub use request::{
    CreateEventBody, CreateSecretBody, CreateVersionBody, GrantBody, ListTasksQuery, NotificationTarget,
    UpdateEventBody, UpdateSecretBody,
};
