//! Passes over all secrets of a project, for what no index finds.
//!
//! One pass at a time in the whole server, in short pages with other work between them, and nothing is kept but what the
//! caller keeps: a pass takes as long as there are secrets, and no other request waits for it.

use csms_core::Secret;
use csms_store::Store as _;

use crate::{failure::Failure, gate::service::Call};

/// Secrets that are read in one go. The embedded store reads on the thread that serves requests.
const PAGE: u16 = 100;

/// Shows `see` every secret of the project, by name.
///
/// # Errors
/// Failures of the store.
pub(in crate::services) async fn each_secret(call: &Call, mut see: impl FnMut(Secret) + Send) -> Result<(), Failure> {
    let _alone = call.app.scans.acquire().await.map_err(Failure::internal)?;
    let mut after: Option<String> = None;
    loop {
        let page = call.app.store.list_secrets(&call.project, after.as_deref(), PAGE, None).await?;
        after = page.items.last().map(|secret| secret.name.to_string());
        page.items.into_iter().for_each(&mut see);
        if !page.more {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}
