//! Debian packages that the builds and the tests need.
//!
//! What a package is needed for is looked at, not the package list, so any other way of installing
//! it does as well. Root installs what is missing; everybody else gets the command.

use std::process::Command;

use crate::error::{Error, Result};
use crate::{nginx, programs, wall_clock};

/// A package and how to see that it is not needed any more.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// Its name in Debian.
    pub name: &'static str,
    present: fn() -> bool,
}

/// The PostgreSQL server.
pub const POSTGRESQL: Package = Package { name: "postgresql", present: || programs::postgres_directory().is_some() };

/// The MariaDB server.
pub const MARIADB_SERVER: Package = Package {
    name: "mariadb-server",
    present: || ["mariadbd", "mariadb-install-db"].iter().all(|name| programs::find(name).is_some()),
};

/// The C compiler for static binaries.
pub const MUSL_TOOLS: Package = Package { name: "musl-tools", present: || programs::find("musl-gcc").is_some() };

/// Python with virtual environments.
pub const PYTHON_VENV: Package = Package {
    name: "python3-venv",
    present: || {
        programs::find("python3").is_some_and(|python| {
            programs::run("python3", Command::new(python).args(["-c", "import ensurepip, venv"])).is_ok()
        })
    },
};

/// Chromium.
pub const CHROMIUM: Package = Package { name: "chromium", present: || programs::find("chromium").is_some() };

/// The driver of Chromium for tests of WebAssembly bindings.
pub const CHROMIUM_DRIVER: Package =
    Package { name: "chromium-driver", present: || programs::find("chromedriver").is_some() };

/// Firefox.
pub const FIREFOX: Package = Package { name: "firefox-esr", present: || programs::find("firefox-esr").is_some() };

/// The reverse proxy.
pub const NGINX: Package = Package { name: "nginx", present: nginx::is_installed };

/// WebKit, the engine of Safari, and its driver.
pub const WEBKIT: Package =
    Package { name: "webkit2gtk-driver", present: || programs::find("WebKitWebDriver").is_some() };

/// Prometheus, whose `promtool` tests the alert rules.
pub const PROMETHEUS: Package = Package { name: "prometheus", present: || programs::find("promtool").is_some() };

/// The filter of JSON that pages of the book use.
pub const JQ: Package = Package { name: "jq", present: || programs::find("jq").is_some() };

/// Runs programs of other processors' architectures.
pub const QEMU_USER: Package = Package { name: "qemu-user", present: || programs::find("qemu-aarch64").is_some() };

/// A display without a screen, which WebKit draws on.
pub const XVFB: Package = Package { name: "xvfb", present: || programs::find("Xvfb").is_some() };

/// Chinese characters, for pictures of the console.
pub const CHINESE_FONT: Package = Package {
    name: "fonts-wqy-microhei",
    present: || {
        programs::run("fc-list", Command::new("fc-list").args([":lang=zh-cn", "family"]))
            .is_ok_and(|families| !families.is_empty())
    },
};

/// A wall clock that tests set.
pub const FAKETIME: Package = Package { name: "libfaketime", present: || wall_clock::library().is_some() };

/// Everything the tests need.
pub const ALL: [Package; 13] = [
    MUSL_TOOLS,
    POSTGRESQL,
    MARIADB_SERVER,
    PYTHON_VENV,
    CHROMIUM,
    CHROMIUM_DRIVER,
    FIREFOX,
    NGINX,
    WEBKIT,
    XVFB,
    PROMETHEUS,
    JQ,
    FAKETIME,
];

/// The packages of `wanted` that are missing, by name.
pub fn missing(wanted: &[Package]) -> Vec<&'static str> {
    wanted.iter().filter(|package| !(package.present)()).map(|package| package.name).collect()
}

/// Installs what is missing of `wanted` and returns the names; quick when nothing is.
///
/// # Errors
/// [`Error::Missing`] with the command to run when we are not root or this is not Debian, and
/// [`Error::Command`] when the installation fails.
pub fn ensure(wanted: &[Package]) -> Result<Vec<&'static str>> {
    let names = missing(wanted);
    if names.is_empty() {
        return Ok(names);
    }
    let Some(apt) = programs::find("apt-get").filter(|_| rustix::process::geteuid().is_root()) else {
        return Err(Error::Missing { program: names.join(", "), hint: format!("run `{}`", command_for(&names)) });
    };
    programs::run("apt-get update", quiet(Command::new(&apt).args(["-q", "update"])))?;
    let mut install = Command::new(&apt);
    programs::run(
        "apt-get install",
        quiet(install.args(["-q", "install", "-y", "--no-install-recommends"]).args(&names)),
    )?;
    match missing(wanted).as_slice() {
        [] => Ok(names),
        still => Err(Error::Missing {
            program: still.join(", "),
            hint: format!("`{}` did not bring it", command_for(still)),
        }),
    }
}

/// No questions, and no services: `invoke-rc.d` starts none in runlevel 1. A service that is started
/// all the same does no harm, as our instances use ports and directories of their own.
fn quiet(command: &mut Command) -> &mut Command {
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1")
}

fn command_for(names: &[&str]) -> String {
    format!("sudo apt-get update && sudo apt-get install -y --no-install-recommends {}", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESENT: Package = Package { name: "present", present: || true };
    const ABSENT: Package = Package { name: "absent", present: || false };

    #[test]
    fn only_what_is_absent_is_missing() {
        assert_eq!(missing(&[PRESENT, ABSENT]), ["absent"]);
    }

    #[test]
    fn nothing_is_installed_when_all_is_present() {
        assert_eq!(ensure(&[PRESENT]).unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn the_command_for_others_can_be_pasted() {
        assert_eq!(
            command_for(&["postgresql", "musl-tools"]),
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql musl-tools"
        );
    }
}
