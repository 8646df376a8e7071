//! Runs functions on this machine, and serves FunctionGraph's invoke API for them.
//!
//! [`Host`] keeps functions and invokes them; [`router`] is the HTTP side. Each instance is a process group of its
//! own with a private runtime API on the loopback interface, a private directory, and an environment which holds
//! nothing of the host's except `PATH`, `LANG`, `LC_ALL` and `TZ`.
//!
//! It is no sandbox: a function runs as the same user, with the same network and without a memory limit. Run only
//! code which you trust as much as the program that embeds this host, or put both into a container.

mod code;
mod error;
mod exchange;
mod front;
mod function;
#[expect(clippy::module_inception, reason = "the type `Host` with its own file, next to its parts")]
mod host;
mod instance;
mod listener;
mod output;
mod process;
mod queue;
mod scratch;
mod settings;
mod urn;

pub use code::Code;
pub use error::{FunctionError, InvokeError, RegisterError};
pub use front::{CredentialSource, Front, UserFailureReply, router};
pub use host::{AsyncRetry, Host, Invocation, InvocationClass, Outcome};
pub use scratch::ScratchError;
pub use settings::{FunctionSettings, HostConfig};
pub use urn::{FunctionUrn, Qualifier, UrnError};
