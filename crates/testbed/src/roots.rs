//! Database servers that the machine's own Debian release lacks, unpacked into directories of the project's own.
//!
//! A root holds the packages of another release with everything they need, the C library included. Its programs start with
//! the root's own dynamic loader, as an ordinary user; the machine's packages and package lists are not touched. A root is
//! made once and kept in the build directory, so only a first run needs the archive.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Error, Result};
use crate::programs;

/// What a root is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Name of its directory.
    pub name: &'static str,
    /// The release whose packages it holds.
    pub suite: &'static str,
    /// Packages; what they depend on comes along.
    pub packages: &'static [&'static str],
    /// Programs to start with the root's own loader and libraries, below the root.
    programs: &'static [&'static str],
}

/// MySQL, which Debian has in `sid` alone.
pub const MYSQL: Recipe =
    Recipe { name: "mysql", suite: "sid", packages: &["mysql-server-core"], programs: &["usr/sbin/mysqld"] };

/// MariaDB 11.8 or newer.
pub const MARIADB: Recipe = Recipe {
    name: "mariadb",
    suite: "trixie",
    packages: &["mariadb-server-core", "mariadb-server"],
    programs: &["usr/sbin/mariadbd", "usr/bin/mariadb", "usr/bin/my_print_defaults", "usr/bin/resolveip"],
};

/// PostgreSQL 18 with the extension credcheck, and PgBouncer.
pub const POSTGRESQL: Recipe = Recipe {
    name: "postgresql",
    suite: "sid",
    packages: &["postgresql-18", "postgresql-18-credcheck", "pgbouncer"],
    programs: &["usr/lib/postgresql/18/bin/postgres", "usr/lib/postgresql/18/bin/initdb", "usr/sbin/pgbouncer"],
};

/// The PgBouncer of Debian 12.
pub const PGBOUNCER: Recipe =
    Recipe { name: "pgbouncer", suite: "bookworm", packages: &["pgbouncer"], programs: &["usr/sbin/pgbouncer"] };

/// Patroni, the etcd that it asks who leads, and their Python. It is made by the tests that take long and use it, so it is not
/// among [`ALL`].
pub const PATRONI: Recipe = Recipe {
    name: "patroni",
    suite: "bookworm",
    packages: &["patroni", "python3-etcd", "etcd-server"],
    programs: &["usr/bin/python3.11", "usr/bin/etcd"],
};

/// All roots that every run of the tests needs.
pub const ALL: [Recipe; 4] = [MYSQL, MARIADB, POSTGRESQL, PGBOUNCER];

/// Directory for the roots, instead of the one in the build directory. Servers run as an unprivileged user, who must be
/// able to read it.
const DIRECTORY: &str = "CSMS_TESTBED_ROOTS";

/// How long a failure counts, so that not every test waits for an archive that does not answer.
const FAILURE_COUNTS: Duration = Duration::from_secs(600);

/// A root that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// A file or directory below the root.
    pub fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }
}

impl Recipe {
    /// The root, made if it is not there yet. Processes that want it at the same time wait for one of them to make it.
    ///
    /// # Errors
    /// When the archive does not answer or lacks a package, and for ten minutes after that; the error names the root.
    pub fn root(&self) -> Result<Root> {
        let parent = directory()?;
        let (path, failure) = (parent.join(self.name), parent.join(format!("{}.failed", self.name)));
        let lock_path = parent.join(format!("{}.lock", self.name));
        let lock = File::create(&lock_path).map_err(Error::at("create", &lock_path))?;
        lock.lock().map_err(Error::at("lock", &lock_path))?;
        if path.is_dir() {
            return Ok(Root(path));
        }
        if let Some(reason) = recent(&failure) {
            return Err(self.missing(&reason));
        }
        let began = Instant::now();
        report(&format!("{}: fetching {} from Debian {}", self.name, self.packages.join(", "), self.suite));
        match self.make(&parent, &path) {
            Ok(()) => {
                report(&format!("{}: ready after {:.0} s", self.name, began.elapsed().as_secs_f64()));
                Ok(Root(path))
            }
            Err(error) => {
                let reason = error.to_string();
                report(&format!("{}: {reason}", self.name));
                fs::write(&failure, &reason).map_err(Error::at("write", &failure))?;
                Err(self.missing(&reason))
            }
        }
    }

    fn missing(&self, reason: &str) -> Error {
        Error::Missing {
            program: format!("the root {} (Debian {})", self.name, self.suite),
            hint: format!("the archive did not provide it: {reason}"),
        }
    }

    /// Makes the root aside and moves it into place, so that nobody sees half of one.
    fn make(&self, parent: &Path, path: &Path) -> Result<()> {
        let aside = parent.join(format!("{}.new", self.name));
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(Error::at("remove", &aside))?;
        }
        let apt = aside.join(".apt");
        for directory in ["lists/partial", "archives/partial"] {
            let directory = apt.join(directory);
            fs::create_dir_all(&directory).map_err(Error::at("create", &directory))?;
        }
        let configuration = write_configuration(&apt, self.suite)?;
        let apt_get = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.arg("-q").args(arguments).env("APT_CONFIG", &configuration);
            programs::run(&format!("apt-get {} (Debian {})", arguments.join(" "), self.suite), &mut command)
        };
        apt_get(&["update"])?;
        let mut install = vec!["-y", "--download-only", "install"];
        install.extend(self.packages);
        apt_get(&install)?;
        let archives = apt.join("archives");
        for entry in fs::read_dir(&archives).map_err(Error::at("read", &archives))?.flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "deb") {
                programs::run("dpkg-deb", Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(&aside))?;
            }
        }
        for unneeded in [".apt", "usr/share/doc", "usr/share/man", "usr/share/locale"] {
            let unneeded = aside.join(unneeded);
            if unneeded.exists() {
                fs::remove_dir_all(&unneeded).map_err(Error::at("remove", &unneeded))?;
            }
        }
        for program in self.programs {
            wrap(&aside, program)?;
        }
        fs::rename(&aside, path).map_err(Error::at("rename", &aside))
    }
}

/// Where roots are, and what is made of them.
pub(crate) fn directory() -> Result<PathBuf> {
    let directory = std::env::var_os(DIRECTORY)
        .map(PathBuf::from)
        .or_else(|| programs::build_directory().map(|build| build.join("testbed-roots")))
        .ok_or_else(|| Error::Missing {
            program: "the build directory".into(),
            hint: format!("name a directory for packages in {DIRECTORY}"),
        })?;
    fs::create_dir_all(&directory).map_err(Error::at("create", &directory))?;
    Ok(directory)
}

/// The reason of a failure that still counts.
fn recent(failure: &Path) -> Option<String> {
    let written = fs::metadata(failure).ok()?.modified().ok()?;
    let age = SystemTime::now().duration_since(written).ok()?;
    (age < FAILURE_COUNTS).then(|| fs::read_to_string(failure).ok())?
}

/// Configures apt for the directory alone: its own lists, an empty package database (so that the C library is fetched too)
/// and the archive that the machine uses.
fn write_configuration(apt: &Path, suite: &str) -> Result<PathBuf> {
    let targets = programs::run(
        "apt-get indextargets",
        Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI)"]),
    )?;
    let archive = targets.lines().find(|line| line.ends_with("/debian/")).unwrap_or("http://deb.debian.org/debian/");
    let write = |name: &str, text: String| {
        let path = apt.join(name);
        fs::write(&path, text).map_err(Error::at("write", &path))?;
        Ok(path)
    };
    write("status", String::new())?;
    write(
        "other.sources",
        format!(
            "Types: deb\nURIs: {archive}\nSuites: {suite}\nComponents: main\n\
             Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        ),
    )?;
    let apt = apt.display();
    write(
        "conf",
        format!(
            "Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{apt}\";\nDir::State \"{apt}\";\n\
             Dir::State::Status \"{apt}/status\";\nDir::Cache \"{apt}\";\nDir::Cache::Archives \"{apt}/archives\";\n\
             APT::Install-Recommends \"false\";\nAPT::Sandbox::User \"\";\nAcquire::Languages \"none\";\n\
             Acquire::Retries \"2\";\nAcquire::http::Timeout \"20\";\nAcquire::https::Timeout \"20\";\n"
        ),
    )
}

/// Puts a script in the place of a program. It starts the program with the root's own loader and libraries, wherever the
/// root lies, also when another program of the root starts it.
fn wrap(root: &Path, program: &str) -> Result<()> {
    let path = root.join(program);
    let elf = root.join(format!("{program}.elf"));
    fs::rename(&path, &elf).map_err(Error::at("rename", &path))?;
    let up = "../".repeat(program.matches('/').count());
    let (triple, loader) = match std::env::consts::ARCH {
        "aarch64" => ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
        _ => ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    };
    // Older releases keep the C library in /lib, newer ones in /usr/lib.
    let script = format!(
        "#!/bin/sh\nroot=$(cd \"${{0%/*}}/{up}\" && pwd)\nlib=$root/usr/lib/{triple}\nold=$root/lib/{triple}\n\
         loader=$lib/{loader}\n[ -e \"$loader\" ] || loader=$old/{loader}\n\
         exec \"$loader\" --library-path \"$lib:$old\" --argv0 \"$0\" \"$0.elf\" \"$@\"\n"
    );
    fs::write(&path, script).map_err(Error::at("write", &path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(Error::at("change the mode of", &path))
}

/// The server, or `None` after a line about the root that the archive does not provide. A test that goes on without it has
/// to be accompanied by one that asks for the roots themselves.
///
/// # Errors
/// Any other error of the start.
pub fn if_provided<T>(started: Result<T>) -> Result<Option<T>> {
    match started {
        Ok(server) => Ok(Some(server)),
        Err(error @ Error::Missing { .. }) => {
            report(&format!("not tested: {error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Says what takes a while. Test harnesses hold back what tests print; this goes past them.
fn report(line: &str) {
    use std::io::Write;
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "testbed: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_program_starts_with_the_loader_of_its_root() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("usr/bin/tool");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "elf").unwrap();
        wrap(root.path(), "usr/bin/tool").unwrap();
        let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
        let loader = if triple.starts_with('a') { "ld-linux-aarch64.so.1" } else { "ld-linux-x86-64.so.2" };
        let loader = root.path().join("usr/lib").join(triple).join(loader);
        fs::create_dir_all(loader.parent().unwrap()).unwrap();
        fs::write(&loader, "#!/bin/sh\necho \"$@\"\n").unwrap();
        fs::set_permissions(&loader, fs::Permissions::from_mode(0o755)).unwrap();
        let said = programs::run("the tool", Command::new(&program).arg("word")).unwrap();
        assert!(said.contains("usr/bin/tool.elf word"), "{said}");
        assert!(said.contains(&format!("--argv0 {}", program.display())), "{said}");
    }

    #[test]
    fn a_failure_counts_for_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let failure = directory.path().join("x.failed");
        assert_eq!(recent(&failure), None);
        fs::write(&failure, "no answer").unwrap();
        assert_eq!(recent(&failure).as_deref(), Some("no answer"));
        let long_ago = SystemTime::now() - 2 * FAILURE_COUNTS;
        File::options().write(true).open(&failure).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(recent(&failure), None);
    }
}
