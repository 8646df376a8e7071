//! The system account an instance runs as.
//!
//! Database servers refuse to run as root, so root hands them to an unprivileged account of the
//! machine; everybody else runs them as themselves.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result};

/// An unprivileged account, or "as we are".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SystemUser(Option<Ids>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ids {
    user: u32,
    group: u32,
}

impl SystemUser {
    /// Whoever runs this process.
    pub(crate) const OURSELVES: Self = Self(None);

    /// `preferred` or else `nobody` when we are root; ourselves otherwise.
    pub(crate) fn unprivileged(preferred: &str) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::OURSELVES);
        }
        let path = Path::new("/etc/passwd");
        let accounts = fs::read_to_string(path).map_err(Error::at("read", path))?;
        [preferred, "nobody"].iter().find_map(|name| find(&accounts, name)).map(|ids| Self(Some(ids))).ok_or_else(
            || Error::Missing {
                program: format!("system account {preferred}"),
                hint: "root cannot run a database server; run as an ordinary user".into(),
            },
        )
    }

    /// Makes `command` run as this account, without supplementary groups.
    pub(crate) fn apply(self, command: &mut Command) {
        if let Some(ids) = self.0 {
            command.uid(ids.user).gid(ids.group);
        }
    }

    /// Gives `path` to this account.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        match self.0 {
            Some(ids) => chown(path, Some(ids.user), Some(ids.group)).map_err(Error::at("give away", path)),
            None => Ok(()),
        }
    }
}

/// Looks an account up in the text of `/etc/passwd` (`name:password:uid:gid:…`).
fn find(accounts: &str, name: &str) -> Option<Ids> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some(Ids { user, group })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str =
        "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\nbad:x\n";

    #[test]
    fn an_account_is_found_by_its_exact_name() {
        assert_eq!(find(ACCOUNTS, "postgres"), Some(Ids { user: 101, group: 104 }));
        assert_eq!(find(ACCOUNTS, "post"), None);
    }

    #[test]
    fn a_damaged_line_is_passed_over() {
        assert_eq!(find(ACCOUNTS, "bad"), None);
    }
}
