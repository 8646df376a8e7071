//! What a handler knows about its function ([`Environment`]) and about one invocation ([`Context`]).
//!
//! Both can be built by hand, so a handler is tested, or used locally, without a platform.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::log::{self, Level};
use crate::{
    Credentials,
    protocol::{DEFAULT_PACKAGE, DEFAULT_TIMEOUT_SECONDS, LATEST, MAX_RESULT_BYTES, variable},
};

/// The settings of a function, as its process finds them in `RUNTIME_*` variables.
///
/// `Debug` prints the names of user variables, never their values: encrypted ones arrive decrypted.
#[derive(Clone)]
pub struct Environment {
    /// `host:port` of the runtime API; `None` outside the platform.
    pub api_addr: Option<String>,
    /// Project id.
    pub project_id: String,
    /// Package ("app").
    pub package: String,
    /// Name of the function.
    pub function_name: String,
    /// Version of the function.
    pub version: String,
    /// Handler text of the settings; a custom runtime may give it any meaning.
    pub handler: String,
    /// Longest duration of one invocation. The platform kills the process afterwards.
    pub timeout: Duration,
    /// User variables.
    pub user_data: BTreeMap<String, String>,
    /// Memory in MB.
    pub memory_mb: u32,
    /// CPU share in millicores.
    pub cpu_millicores: u32,
    /// Directory of the unpacked code, not writable on the platform.
    pub code_root: PathBuf,
    /// Largest result in bytes.
    pub max_result_bytes: usize,
}

/// A variable which the platform sets has a value which cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {variable} must be {rule}")]
pub struct EnvironmentError {
    /// Name of the variable.
    pub variable: &'static str,
    /// What it has to be.
    pub rule: &'static str,
}

impl Default for Environment {
    /// Names empty, version `latest`, package `default`, timeout 3 s, 128 MB, code in the current directory.
    fn default() -> Self {
        Self {
            api_addr: None,
            project_id: String::new(),
            package: DEFAULT_PACKAGE.to_owned(),
            function_name: String::new(),
            version: LATEST.to_owned(),
            handler: String::new(),
            timeout: Duration::from_secs(DEFAULT_TIMEOUT_SECONDS),
            user_data: BTreeMap::new(),
            memory_mb: 128,
            cpu_millicores: 300,
            code_root: PathBuf::from("."),
            max_result_bytes: MAX_RESULT_BYTES,
        }
    }
}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// A number or the user variables do not parse.
    pub fn from_process() -> Result<Self, EnvironmentError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables through `lookup`. Absent and empty ones keep the value of [`Environment::default`].
    ///
    /// # Errors
    /// A number or the user variables do not parse.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let text = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let number = |name: &'static str, default: u64| -> Result<u64, EnvironmentError> {
            text(name).map_or(Ok(default), |value| {
                value.trim().parse().map_err(|_| EnvironmentError { variable: name, rule: "a whole number" })
            })
        };
        let small = |name: &'static str, default: u32| -> Result<u32, EnvironmentError> {
            number(name, default.into()).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
        };
        let default = Self::default();
        Ok(Self {
            api_addr: text(variable::API_ADDR),
            project_id: text(variable::PROJECT_ID).unwrap_or(default.project_id),
            package: text(variable::PACKAGE).unwrap_or(default.package),
            function_name: text(variable::FUNC_NAME).unwrap_or(default.function_name),
            version: text(variable::FUNC_VERSION).unwrap_or(default.version),
            handler: text(variable::HANDLER).unwrap_or(default.handler),
            timeout: Duration::from_secs(number(variable::TIMEOUT, DEFAULT_TIMEOUT_SECONDS)?),
            user_data: text(variable::USERDATA).map_or(Ok(default.user_data), |text| parse_user_data(&text))?,
            memory_mb: small(variable::MEMORY, default.memory_mb)?,
            cpu_millicores: small(variable::CPU, default.cpu_millicores)?,
            code_root: text(variable::CODE_ROOT).map_or(default.code_root, PathBuf::from),
            max_result_bytes: usize::try_from(number(variable::MAX_RESP_BODY_SIZE, MAX_RESULT_BYTES as u64)?)
                .unwrap_or(usize::MAX),
        })
    }
}

/// A JSON object whose values are usually texts; other values keep their JSON text. `null` means no variables.
fn parse_user_data(text: &str) -> Result<BTreeMap<String, String>, EnvironmentError> {
    let parsed: Option<BTreeMap<String, serde_json::Value>> = serde_json::from_str(text)
        .map_err(|_| EnvironmentError { variable: variable::USERDATA, rule: "the text of a JSON object" })?;
    let as_text = |value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(parsed.unwrap_or_default().into_iter().map(|(key, value)| (key, as_text(value))).collect())
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("api_addr", &self.api_addr)
            .field("project_id", &self.project_id)
            .field("package", &self.package)
            .field("function_name", &self.function_name)
            .field("version", &self.version)
            .field("handler", &self.handler)
            .field("timeout", &self.timeout)
            .field("user_data", &self.user_data.keys())
            .field("memory_mb", &self.memory_mb)
            .field("cpu_millicores", &self.cpu_millicores)
            .field("code_root", &self.code_root)
            .field("max_result_bytes", &self.max_result_bytes)
            .finish()
    }
}

/// One invocation: its id, its credentials, its deadline, and the function's settings.
#[derive(Clone, Debug)]
pub struct Context {
    request_id: String,
    credentials: Option<Credentials>,
    asynchronous: bool,
    deadline: Instant,
    environment: Arc<Environment>,
}

impl Context {
    /// Starts a context for a test or for local use. The request id appears in log lines.
    #[must_use]
    pub fn builder(request_id: impl Into<String>) -> ContextBuilder {
        ContextBuilder {
            request_id: request_id.into(),
            credentials: None,
            asynchronous: false,
            received: Instant::now(),
            environment: Arc::default(),
        }
    }

    /// Id of this invocation.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// What the function may act with; `None` when it has no agency. Valid for this invocation: do not keep it.
    #[must_use]
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Whether nobody waits for the result. The platform repeats failed invocations of this kind.
    #[must_use]
    pub fn is_asynchronous(&self) -> bool {
        self.asynchronous
    }

    /// The settings of the function.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Project id.
    #[must_use]
    pub fn project_id(&self) -> &str {
        &self.environment.project_id
    }

    /// Package ("app") of the function.
    #[must_use]
    pub fn package(&self) -> &str {
        &self.environment.package
    }

    /// Name of the function.
    #[must_use]
    pub fn function_name(&self) -> &str {
        &self.environment.function_name
    }

    /// Version of the function.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.environment.version
    }

    /// One user variable.
    #[must_use]
    pub fn user_data(&self, key: &str) -> Option<&str> {
        self.environment.user_data.get(key).map(String::as_str)
    }

    /// Memory in MB.
    #[must_use]
    pub fn memory_mb(&self) -> u32 {
        self.environment.memory_mb
    }

    /// Directory of the unpacked code. The working directory is not it.
    #[must_use]
    pub fn code_root(&self) -> &Path {
        &self.environment.code_root
    }

    /// When the platform gives up: the moment the event arrived plus the function's timeout. The platform sends no
    /// deadline, and its own clock started slightly earlier; stop some time before.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time left until [`Self::deadline`]; zero once it has passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Logs what happened. One line, whatever the text holds.
    pub fn info(&self, text: impl fmt::Display) {
        log::write(&self.request_id, Level::Info, &text);
    }

    /// Logs what needs attention.
    pub fn warn(&self, text: impl fmt::Display) {
        log::write(&self.request_id, Level::Warn, &text);
    }

    /// Logs what failed.
    pub fn error(&self, text: impl fmt::Display) {
        log::write(&self.request_id, Level::Error, &text);
    }
}

/// Builds a [`Context`].
#[derive(Clone, Debug)]
pub struct ContextBuilder {
    request_id: String,
    credentials: Option<Credentials>,
    asynchronous: bool,
    received: Instant,
    environment: Arc<Environment>,
}

impl ContextBuilder {
    /// Sets or removes the credentials.
    #[must_use]
    pub fn credentials(mut self, credentials: impl Into<Option<Credentials>>) -> Self {
        self.credentials = credentials.into();
        self
    }

    /// Marks an invocation whose result nobody waits for.
    #[must_use]
    pub fn asynchronous(mut self, asynchronous: bool) -> Self {
        self.asynchronous = asynchronous;
        self
    }

    /// Sets when the event arrived; now, if not called.
    #[must_use]
    pub fn received(mut self, received: Instant) -> Self {
        self.received = received;
        self
    }

    /// Sets the function's settings.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<Arc<Environment>>) -> Self {
        self.environment = environment.into();
        self
    }

    /// The context. Its deadline is the arrival plus the timeout of the environment.
    #[must_use]
    pub fn build(self) -> Context {
        Context {
            request_id: self.request_id,
            credentials: self.credentials,
            asynchronous: self.asynchronous,
            // A timeout beyond the clock's range means no deadline in practice: a century.
            deadline: self
                .received
                .checked_add(self.environment.timeout)
                .unwrap_or_else(|| self.received + Duration::from_secs(3_153_600_000)),
            environment: self.environment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::from_lookup(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_variable_of_the_platform_is_read() {
        let environment = read(&[
            ("RUNTIME_API_ADDR", "127.0.0.1:9000"),
            ("RUNTIME_PROJECT_ID", "p"),
            ("RUNTIME_PACKAGE", "app"),
            ("RUNTIME_FUNC_NAME", "rotate"),
            ("RUNTIME_FUNC_VERSION", "v1"),
            ("RUNTIME_HANDLER", "index.handler"),
            ("RUNTIME_TIMEOUT", "60"),
            ("RUNTIME_USERDATA", r#"{"KEY":"value","NUMBER":3}"#),
            ("RUNTIME_MEMORY", "256"),
            ("RUNTIME_CPU", "400"),
            ("RUNTIME_CODE_ROOT", "/opt/function/code"),
            ("RUNTIME_MAX_RESP_BODY_SIZE", "1000"),
        ])
        .unwrap();
        let context = Context::builder("id").environment(environment).build();
        assert_eq!(context.environment().api_addr.as_deref(), Some("127.0.0.1:9000"));
        assert_eq!(context.environment().handler, "index.handler");
        assert_eq!(context.environment().timeout, Duration::from_secs(60));
        assert_eq!(context.environment().cpu_millicores, 400);
        assert_eq!(context.environment().max_result_bytes, 1000);
        assert_eq!((context.project_id(), context.package()), ("p", "app"));
        assert_eq!((context.function_name(), context.version()), ("rotate", "v1"));
        assert_eq!((context.user_data("KEY"), context.user_data("NUMBER")), (Some("value"), Some("3")));
        assert_eq!((context.user_data("OTHER"), context.memory_mb()), (None, 256));
        assert_eq!(context.code_root(), Path::new("/opt/function/code"));
    }

    #[test]
    fn absent_and_empty_variables_mean_the_defaults() {
        let environment = read(&[("RUNTIME_TIMEOUT", ""), ("RUNTIME_USERDATA", "null")]).unwrap();
        assert_eq!(environment.timeout, Duration::from_secs(3));
        assert_eq!(environment.version, "latest");
        assert!(environment.user_data.is_empty());
        assert!(environment.api_addr.is_none());
    }

    #[test]
    fn a_value_which_does_not_parse_is_named_and_not_repeated() {
        let error = read(&[("RUNTIME_USERDATA", "hunter2")]).unwrap_err();
        assert_eq!(error.to_string(), "environment variable RUNTIME_USERDATA must be the text of a JSON object");
        assert_eq!(read(&[("RUNTIME_MEMORY", "much")]).unwrap_err().variable, "RUNTIME_MEMORY");
    }

    #[test]
    fn the_deadline_counts_from_the_arrival_of_the_event() {
        let received = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        let environment = Environment { timeout: Duration::from_secs(60), ..Environment::default() };
        let context = Context::builder("id").environment(environment.clone()).received(received).build();
        assert_eq!(context.deadline(), received + Duration::from_secs(60));
        assert!(context.remaining() <= Duration::from_secs(58));

        let past = Instant::now().checked_sub(Duration::from_secs(61)).unwrap();
        let late = Context::builder("id").environment(environment).received(past).build();
        assert_eq!(late.remaining(), Duration::ZERO);
    }

    #[test]
    fn debug_shows_no_secret() {
        let environment = read(&[("RUNTIME_USERDATA", r#"{"PASSWORD":"text-1"}"#)]).unwrap();
        let credentials = Credentials::from_keys("text-2", "text-3").with_security_token("text-4");
        let shown = format!("{:?}", Context::builder("id").environment(environment).credentials(credentials).build());
        assert!(shown.contains("PASSWORD") && !shown.contains("text-"), "{shown}");
    }
}
