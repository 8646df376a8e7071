//! How many keys and grants there are and may be.

use csms_api::kms::response::{InstancesResponse, Quota, Quotas, QuotasResponse};
use csms_store::KeyRecord;

use super::{
    grants::MOST_GRANTS,
    keys,
    lifecycle::{QUOTA, is_default},
};
use crate::gate::{
    access::Kind,
    answer::Answer,
    service::{Call, Prepared},
};

/// ShowUserQuotas: the keys of the project, and the most grants that one of them has.
pub(super) fn quotas(call: Call) -> Prepared {
    Prepared::new(vec![call.all(Kind::Key)], async move {
        let keys = keys(&call).await?;
        let most_granted = keys.iter().map(|key| key.details.grants.len()).max().unwrap_or_default();
        let resources = vec![
            Quota { r#type: "CMK", used: keys.len() as u64, quota: QUOTA as u64 },
            Quota { r#type: "grant_per_CMK", used: most_granted as u64, quota: MOST_GRANTS as u64 },
        ];
        Answer::json(&QuotasResponse { quotas: Quotas { resources } })
    })
}

/// ShowUserInstances: the service's own key does not count.
pub(super) fn instances(call: Call) -> Prepared {
    Prepared::new(vec![call.all(Kind::Key)], async move {
        let own = |key: &KeyRecord| !is_default(key);
        let instance_num = keys(&call).await?.iter().filter(|key| own(key)).count() as u64;
        Answer::json(&InstancesResponse { instance_num })
    })
}
