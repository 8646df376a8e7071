//! Reading requests: from JSON bodies, query and path parameters to parsed types.

pub mod batch;
pub mod checker;
pub mod event;
pub mod grant;
pub mod observed;
pub mod password;
pub mod query;
pub mod replica;
pub mod rotation;
pub mod secret;
pub mod tag;
pub mod token;
pub mod user;
pub mod version;

use csms_core::{ValueLimit, period::DEFAULT_MIN_SECONDS};

/// What a reader of requests has to know besides the request.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Least rotation period, in seconds: 4 hours by default; older documentation says 6.
    pub min_rotation_period_seconds: u64,
    /// Most bytes of a value as it is sent.
    pub max_value: ValueLimit,
}

impl Default for Rules {
    fn default() -> Self {
        Self { min_rotation_period_seconds: DEFAULT_MIN_SECONDS, max_value: ValueLimit::default() }
    }
}
