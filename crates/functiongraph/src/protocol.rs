//! The words of the custom runtime protocol: paths, headers, variables, limits and numeric codes.
//!
//! Both ends of the protocol read them here, so they cannot drift apart. Nothing here does any work.
//! Sources: user guide "Custom Runtime" (functiongraph_01_0406) and the API reference of FunctionGraph.

/// `GET`: take the next event. The body is the raw event, the context is in the response headers.
pub const NEXT_EVENT_PATH: &str = "/v1/runtime/invocation/request";
/// `POST`, followed by the request id: report a result.
pub const RESPONSE_PATH: &str = "/v1/runtime/invocation/response/";
/// `POST`, followed by the request id: report a failure as `{"errorType","errorMessage"}`.
pub const ERROR_PATH: &str = "/v1/runtime/invocation/error/";

/// Request headers, response headers and the headers which carry the context of an event.
///
/// Written in lower case because that is what [`http::HeaderMap`] expects; comparison ignores case.
pub mod header {
    /// Id of the invocation, a UUID.
    pub const REQUEST_ID: &str = "x-cff-request-id";
    /// `sync` or `async`.
    pub const INVOKE_TYPE: &str = "x-cff-invoke-type";
    /// Access key, older spelling.
    pub const ACCESS_KEY: &str = "x-cff-access-key";
    /// Secret key, older spelling.
    pub const SECRET_KEY: &str = "x-cff-secret-key";
    /// Access key of a temporary credential.
    pub const SECURITY_ACCESS_KEY: &str = "x-cff-security-access-key";
    /// Secret key of a temporary credential.
    pub const SECURITY_SECRET_KEY: &str = "x-cff-security-secret-key";
    /// Security token of a temporary credential.
    pub const SECURITY_TOKEN: &str = "x-cff-security-token";
    /// IAM token.
    pub const AUTH_TOKEN: &str = "x-cff-auth-token";

    /// Invoke API, request: `tail` asks for the end of the log.
    pub const LOG_TYPE: &str = "x-cff-log-type";
    /// Invoke API, request: `v0` (raw result) or `v1` (JSON envelope).
    pub const REQUEST_VERSION: &str = "x-cff-request-version";
    /// Invoke API, response: `v0` or `v1`.
    pub const RESPONSE_VERSION: &str = "x-cff-response-version";
    /// Invoke API, response: JSON text with durations and memory.
    pub const INVOKE_SUMMARY: &str = "x-cff-invoke-summary";
    /// Invoke API, response: base64 of the end of the log.
    pub const FUNCTION_LOG: &str = "x-cff-function-log";
    /// Invoke API, response: billed duration.
    pub const BILLING_DURATION: &str = "x-cff-billing-duration";
    /// Invoke API, response: `0`, or the numeric code of the failure.
    pub const FUNCTION_ERROR_CODE: &str = "x-func-err-code";
    /// Invoke API, response: `true` when the function failed.
    pub const IS_FUNCTION_ERROR: &str = "x-is-func-err";
}

/// Names of the environment variables which a function finds.
pub mod variable {
    /// `host:port` of the runtime API, without a scheme.
    pub const API_ADDR: &str = "RUNTIME_API_ADDR";
    /// Project id.
    pub const PROJECT_ID: &str = "RUNTIME_PROJECT_ID";
    /// Name of the function.
    pub const FUNC_NAME: &str = "RUNTIME_FUNC_NAME";
    /// Version of the function.
    pub const FUNC_VERSION: &str = "RUNTIME_FUNC_VERSION";
    /// Package ("app") of the function.
    pub const PACKAGE: &str = "RUNTIME_PACKAGE";
    /// Handler text of the function's settings.
    pub const HANDLER: &str = "RUNTIME_HANDLER";
    /// Timeout of one invocation in seconds.
    pub const TIMEOUT: &str = "RUNTIME_TIMEOUT";
    /// User variables: the text of a JSON object.
    pub const USERDATA: &str = "RUNTIME_USERDATA";
    /// CPU share in millicores.
    pub const CPU: &str = "RUNTIME_CPU";
    /// Memory in MB.
    pub const MEMORY: &str = "RUNTIME_MEMORY";
    /// Directory of the unpacked code.
    pub const CODE_ROOT: &str = "RUNTIME_CODE_ROOT";
    /// Largest result in bytes.
    pub const MAX_RESP_BODY_SIZE: &str = "RUNTIME_MAX_RESP_BODY_SIZE";
    /// Handler text of the initializer; empty when there is none.
    pub const INITIALIZER_HANDLER: &str = "RUNTIME_INITIALIZER_HANDLER";
    /// Timeout of the initializer in seconds.
    pub const INITIALIZER_TIMEOUT: &str = "RUNTIME_INITIALIZER_TIMEOUT";
    /// Directory of the runtime itself.
    pub const ROOT: &str = "RUNTIME_ROOT";
    /// Directory for logs.
    pub const LOG_DIR: &str = "RUNTIME_LOG_DIR";
    /// Search path of the dynamic linker.
    pub const LD_LIBRARY_PATH: &str = "LD_LIBRARY_PATH";
}

/// Numeric codes of failures which concern the function, as the platform reports them.
pub mod code {
    /// The function reported an error.
    pub const USER_ERROR: u32 = 4002;
    /// The result is larger than allowed.
    pub const RESPONSE_TOO_LARGE: u32 = 4004;
    /// The invocation took longer than the function's timeout.
    pub const TIMEOUT: u32 = 4010;
    /// The event is larger than allowed.
    pub const REQUEST_TOO_LARGE: u32 = 4140;
    /// The process could not be started.
    pub const START_FAILED: u32 = 4201;
    /// `bootstrap` is missing or not executable.
    pub const BOOTSTRAP_NOT_FOUND: u32 = 4202;
    /// The process ended by itself.
    pub const PROCESS_EXITED: u32 = 4204;
    /// The process did not ask for its first event in time.
    pub const INIT_TIMEOUT: u32 = 4211;
    /// The code archive cannot be unpacked.
    pub const BAD_ARCHIVE: u32 = 4225;
    /// No free instance within the limit of the function.
    pub const INSTANCE_LIMIT: u32 = 150_429;
    /// No such function.
    pub const FUNCTION_NOT_FOUND: u32 = 150_424;
}

/// Name of the start file in the root of the code.
pub const BOOTSTRAP: &str = "bootstrap";
/// Largest event of a synchronous invocation, in bytes.
pub const MAX_SYNC_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// Largest event of an asynchronous invocation, in bytes.
pub const MAX_ASYNC_EVENT_BYTES: usize = 256 * 1024;
/// Largest result, in bytes.
pub const MAX_RESULT_BYTES: usize = 6 * 1024 * 1024;
/// Largest end of a log which an invocation returns, in bytes.
pub const MAX_LOG_TAIL_BYTES: usize = 4096;
/// Largest end of a log which fits the response header, in bytes before base64.
pub const MAX_LOG_HEADER_BYTES: usize = 2000;
/// Timeout of an invocation when nothing else is said, in seconds.
pub const DEFAULT_TIMEOUT_SECONDS: u64 = 3;
/// Version which a URN without one means.
pub const LATEST: &str = "latest";
/// Package which a URN without one means.
pub const DEFAULT_PACKAGE: &str = "default";
