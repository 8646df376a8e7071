//! Settings of the host and of one function, with the vendor's defaults and rules.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use super::error::RegisterError;
use crate::protocol::{DEFAULT_TIMEOUT_SECONDS, variable};

/// Longest timeout of a function, in seconds (API definition of CreateFunction).
const LONGEST_TIMEOUT_SECONDS: u64 = 259_200;
/// Most user variables of a function.
const MOST_VARIABLES: usize = 20;
/// Longest text of all user variables together, in characters.
const LONGEST_VARIABLES: usize = 4096;

/// Settings of a host.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Where private directories for code and instances are made; the system's temporary directory if `None`. A named
    /// directory may be shared with other processes. What killed ones left in it is removed when the host is made.
    pub scratch_parent: Option<PathBuf>,
    /// Time between SIGTERM and SIGKILL when an instance is no longer needed. The vendor documents none.
    pub stop_grace: Duration,
    /// How long an invocation waits for a free instance of a function which is at its limit.
    pub queue_timeout: Duration,
    /// Most invocations of one function and class that wait for an instance, and most asynchronous ones of one function
    /// that are accepted and not finished. Further ones are refused with [`InvokeError::QueueFull`].
    ///
    /// [`InvokeError::QueueFull`]: super::InvokeError::QueueFull
    pub max_waiting: usize,
    /// Most bytes of events of asynchronous invocations, of all functions together.
    pub max_async_bytes: usize,
    /// Most bytes of events of synchronous invocations through the API that wait, of all functions together. At least
    /// one largest event has to fit, or it could never wait.
    pub max_waiting_bytes: usize,
    /// Variables of the host's own environment which functions get too. Everything else is withheld.
    pub inherited_variables: Vec<String>,
}

impl Default for HostConfig {
    /// System temporary directory, 2 s of grace, 30 s of queueing, 64 waiting invocations, 16 MiB of asynchronous and
    /// 64 MiB of waiting synchronous events, `PATH`, `LANG`, `LC_ALL` and `TZ` inherited.
    fn default() -> Self {
        Self {
            scratch_parent: None,
            stop_grace: Duration::from_secs(2),
            queue_timeout: Duration::from_secs(30),
            max_waiting: 64,
            max_async_bytes: 16 * 1024 * 1024,
            max_waiting_bytes: 64 * 1024 * 1024,
            inherited_variables: ["PATH", "LANG", "LC_ALL", "TZ"].map(str::to_owned).to_vec(),
        }
    }
}

/// Settings of a function.
///
/// `Debug` prints the names of user variables, never their values.
#[derive(Clone)]
pub struct FunctionSettings {
    /// Longest duration of one invocation, 1 s to 259,200 s, default 3 s. The function sees it rounded up to seconds.
    pub timeout: Duration,
    /// Memory in MB which the function is told it has, default 128. Not enforced on this host.
    pub memory_mb: u32,
    /// Handler text which the function finds in `RUNTIME_HANDLER`; default `index.handler`.
    pub handler: String,
    /// User variables: at most 20, names of letters, digits and `_` starting with a letter, 4,096 characters
    /// together. The function finds them in `RUNTIME_USERDATA` and as variables of their own.
    pub user_data: BTreeMap<String, String>,
    /// How long a process may take from its start to its first poll, default 30 s.
    pub init_timeout: Duration,
    /// How long an idle instance is kept, default 60 s.
    pub idle_timeout: Duration,
    /// Most instances at the same time for [`InvocationClass::Api`], 1 to 1,000, default 4. Further invocations wait.
    ///
    /// [`InvocationClass::Api`]: super::InvocationClass::Api
    pub max_instances: usize,
    /// Most instances at the same time for [`InvocationClass::Rotation`], beside the others; 1 to 1,000, default 4.
    ///
    /// [`InvocationClass::Rotation`]: super::InvocationClass::Rotation
    pub max_rotation_instances: usize,
}

impl Default for FunctionSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(DEFAULT_TIMEOUT_SECONDS),
            memory_mb: 128,
            handler: "index.handler".to_owned(),
            user_data: BTreeMap::new(),
            init_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            max_instances: 4,
            max_rotation_instances: 4,
        }
    }
}

impl FunctionSettings {
    /// CPU share in millicores as the vendor derives it: 200, and 100 more per 128 MB.
    #[must_use]
    pub fn cpu_millicores(&self) -> u32 {
        200 + self.memory_mb.div_ceil(128).saturating_mul(100)
    }

    /// The timeout in whole seconds, rounded up.
    pub(super) fn timeout_seconds(&self) -> u64 {
        self.timeout.as_secs() + u64::from(self.timeout.subsec_nanos() > 0)
    }

    pub(super) fn check(&self) -> Result<(), RegisterError> {
        let broken = |field, rule| Err(RegisterError::Setting { field, rule });
        if self.timeout.is_zero() || self.timeout > Duration::from_secs(LONGEST_TIMEOUT_SECONDS) {
            return broken("timeout", "must be above 0 s and at most 259200 s");
        }
        if self.max_instances == 0 || self.max_instances > 1000 {
            return broken("max_instances", "must be 1 to 1000");
        }
        if self.max_rotation_instances == 0 || self.max_rotation_instances > 1000 {
            return broken("max_rotation_instances", "must be 1 to 1000");
        }
        if self.user_data.len() > MOST_VARIABLES {
            return broken("user_data", "has more than 20 variables");
        }
        let characters: usize =
            self.user_data.iter().map(|(key, value)| key.chars().count() + value.chars().count()).sum();
        if characters > LONGEST_VARIABLES {
            return broken("user_data", "is longer than 4096 characters");
        }
        for (key, value) in &self.user_data {
            let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !plain || !key.starts_with(|first: char| first.is_ascii_alphabetic()) {
                return broken("user_data", "has a name which is not letters, digits and _ starting with a letter");
            }
            if is_preset(key) {
                return broken("user_data", "has the name of a variable which the platform sets");
            }
            if value.contains('\0') {
                return broken("user_data", "has a value with a NUL character");
            }
        }
        if self.handler.contains('\0') || self.handler.len() > 128 {
            return broken("handler", "must have at most 128 bytes and no NUL character");
        }
        Ok(())
    }
}

/// Names which a user variable may not take. `PATH` and the directories are this host's own addition: it sets them.
fn is_preset(name: &str) -> bool {
    name.starts_with("RUNTIME_") || [variable::LD_LIBRARY_PATH, "PATH", "HOME", "TMPDIR"].contains(&name)
}

impl fmt::Debug for FunctionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionSettings")
            .field("timeout", &self.timeout)
            .field("memory_mb", &self.memory_mb)
            .field("handler", &self.handler)
            .field("user_data", &self.user_data.keys())
            .field("init_timeout", &self.init_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_instances", &self.max_instances)
            .field("max_rotation_instances", &self.max_rotation_instances)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_variable(key: &str, value: &str) -> FunctionSettings {
        FunctionSettings { user_data: [(key.to_owned(), value.to_owned())].into(), ..FunctionSettings::default() }
    }

    #[test]
    fn the_defaults_are_allowed() {
        assert!(FunctionSettings::default().check().is_ok());
        assert!(with_variable("KEY_1", "value").check().is_ok());
    }

    #[test]
    fn variables_which_the_platform_would_refuse_are_refused() {
        for key in ["", "1KEY", "KEY-1", "RUNTIME_TIMEOUT", "LD_LIBRARY_PATH", "PATH"] {
            assert!(with_variable(key, "value").check().is_err(), "{key}");
        }
        assert!(with_variable("KEY", &"x".repeat(4094)).check().is_err());
        assert!(with_variable("KEY", "nul\0").check().is_err());
        let many = (0..21).map(|number| (format!("KEY{number}"), String::new())).collect();
        assert!(FunctionSettings { user_data: many, ..FunctionSettings::default() }.check().is_err());
    }

    #[test]
    fn timeouts_outside_the_range_are_refused() {
        for seconds in [0, LONGEST_TIMEOUT_SECONDS + 1] {
            let settings = FunctionSettings { timeout: Duration::from_secs(seconds), ..FunctionSettings::default() };
            assert!(settings.check().is_err());
        }
    }

    #[test]
    fn the_timeout_is_rounded_up_to_seconds() {
        let settings = FunctionSettings { timeout: Duration::from_millis(1001), ..FunctionSettings::default() };
        assert_eq!(settings.timeout_seconds(), 2);
    }

    #[test]
    fn cpu_grows_with_memory() {
        assert_eq!(FunctionSettings::default().cpu_millicores(), 300);
        assert_eq!(FunctionSettings { memory_mb: 512, ..FunctionSettings::default() }.cpu_millicores(), 600);
    }

    #[test]
    fn debug_shows_no_value_of_a_user_variable() {
        let shown = format!("{:?}", with_variable("PASSWORD", "text-1"));
        assert!(shown.contains("PASSWORD") && !shown.contains("text-1"), "{shown}");
    }
}
