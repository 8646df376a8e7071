//! A server of its own for a test, and the commands that use it.

use core::time::Duration;
use std::process::{Output, Stdio};

use csms_testbed::{
    Server,
    server::{Options, binary},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// Longest wait for something that takes well under a second.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Shell {
    pub(crate) server: Server,
    pub(crate) directory: TempDir,
}

impl Shell {
    pub(crate) async fn open() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self { server: Server::start(options).await.unwrap(), directory: TempDir::new().unwrap() }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary().unwrap());
        command.args(arguments).kill_on_drop(true).stdin(Stdio::null());
        command.env("CSMS_CREDENTIALS", self.server.credentials_path()).env("LC_ALL", "C");
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        timeout(DEADLINE, self.command(arguments).output()).await.unwrap().unwrap()
    }

    /// Runs on a terminal that speaks Chinese.
    pub(crate) async fn in_chinese(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "zh_CN.UTF-8");
        timeout(DEADLINE, command.output()).await.unwrap().unwrap()
    }

    /// Runs with bytes on standard input.
    pub(crate) async fn feed(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).await.unwrap();
        timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap()
    }

    /// What a command that succeeds prints.
    pub(crate) async fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.printed(&[arguments, &["--output", "json"]].concat()).await).unwrap()
    }

    pub(crate) async fn create(&self, name: &str, value: &[u8]) {
        let output = self.feed(&["secret", "create", name], value).await;
        assert!(output.status.success(), "{output:?}");
    }

    /// Why a command failed.
    pub(crate) async fn refusal(&self, arguments: &[&str], status: i32) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}
