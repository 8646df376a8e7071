//! The Debian and RPM packages: one description for both, which nfpm builds.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use csms_testbed::python::Venv;
use flate2::Compression;
use serde_json::{Value, json};

use super::{
    Contents,
    commands::{BASH, FISH, ZSH},
};
use crate::cargo;

/// Where the settings, the unit and the scripts of the packages are.
fn sources() -> PathBuf {
    cargo::root().join("crates/server/packaging")
}

/// The kinds of packages, as nfpm names them.
pub(super) const KINDS: [&str; 2] = ["deb", "rpm"];

/// Builds packages of these kinds into `directory` and returns their names.
pub(super) fn build(contents: &Contents, directory: &Path, kinds: &[&str]) -> Result<Vec<String>> {
    let work = tempfile::tempdir()?;
    for (name, content) in [
        ("csms", contents.csms.as_slice()),
        ("rotate-database.zip", &contents.function),
        ("copyright", contents.copyright.as_bytes()),
    ] {
        fs::write(work.path().join(name), content)?;
    }
    for (name, content) in contents.extras.manual.iter().chain(&contents.extras.completions) {
        fs::write(work.path().join(name), content)?;
    }
    for entry in fs::read_dir(sources())? {
        let from = entry?.path();
        let to = work.path().join(from.file_name().unwrap_or_default());
        fs::copy(&from, &to)?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
    }
    // JSON is YAML.
    fs::write(work.path().join("nfpm.yaml"), description(contents).to_string())?;
    let venv = Venv::with_requirements(&cargo::root().join("crates/xtask/src/dist/requirements.txt"))?;
    let nfpm = venv.python().with_file_name("nfpm");
    let mut made = Vec::new();
    let (version, architecture) = (&contents.version, contents.architecture);
    for packager in kinds {
        let name = match *packager {
            "deb" => format!("csms_{version}_{}.deb", architecture.debian),
            _ => format!("csms-{version}.{}.{packager}", architecture.machine),
        };
        let mut command = Command::new(&nfpm);
        command.args(["package", "--config", "nfpm.yaml", "--packager", packager, "--target"]);
        command.arg(directory.join(&name)).current_dir(work.path()).stdin(Stdio::null());
        let output = command.output().with_context(|| format!("cannot run {}", nfpm.display()))?;
        if !output.status.success() {
            bail!("nfpm failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        made.push(name);
    }
    Ok(made)
}

/// What nfpm is told.
fn description(contents: &Contents) -> Value {
    let file = |from: &str, to: &str, mode: u32| {
        json!({
            "src": from, "dst": to,
            "file_info": { "mode": mode, "owner": "root", "group": "root", "mtime": contents.created },
        })
    };
    // nfpm's word for a file of one kind of package alone.
    let of = |packager: &str, mut entry: Value| {
        entry["packager"] = packager.into();
        entry
    };
    let manual =
        contents.extras.manual.iter().map(|(name, _)| file(name, &format!("/usr/share/man/man1/{name}"), 0o644));
    let completions = [
        file(BASH, "/usr/share/bash-completion/completions/csms", 0o644),
        // Debian's zsh looks for what packages bring in a directory of its own.
        of("deb", file(ZSH, "/usr/share/zsh/vendor-completions/_csms", 0o644)),
        of("rpm", file(ZSH, "/usr/share/zsh/site-functions/_csms", 0o644)),
        file(FISH, "/usr/share/fish/vendor_completions.d/csms.fish", 0o644),
    ];
    let mut settings = file("csms.toml", "/etc/csms/csms.toml", 0o644);
    settings["type"] = "config|noreplace".into();
    json!({
        "name": "csms",
        "arch": contents.architecture.debian,
        "platform": "linux",
        "version": contents.version,
        "section": "admin",
        "priority": "optional",
        "maintainer": "The csms authors",
        "description": "An open implementation of the Cloud Secret Management Service API\n\
                        It keeps secrets, and rotates the passwords of databases.",
        "license": "Apache-2.0",
        "mtime": contents.created,
        "deb": { "compression": if contents.compression == Compression::none() { "none" } else { "xz" } },
        "overrides": { "deb": { "depends": ["passwd"] }, "rpm": { "depends": ["shadow-utils"] } },
        "contents": completions.into_iter().chain(manual).chain([
            file("csms", "/usr/lib/csms/csms", 0o755),
            file("rotate-database.zip", "/usr/lib/csms/rotate-database.zip", 0o644),
            json!({ "src": "/usr/lib/csms/csms", "dst": "/usr/bin/csms", "type": "symlink", "file_info": { "mtime": contents.created } }),
            file("csms.service", "/usr/lib/systemd/system/csms.service", 0o644),
            settings,
            file("copyright", "/usr/share/doc/csms/copyright", 0o644),
        ]).collect::<Vec<_>>(),
        "scripts": {
            "postinstall": "after-install.sh",
            "preremove": "before-remove.sh",
            "postremove": "after-remove.sh",
        },
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use csms_testbed::{Server, server::Options};
    use flate2::read::GzDecoder;

    use super::*;

    const PAGE: &str = "www/docs/src/how-to/systemd.md";

    #[test]
    fn the_unit_is_the_one_of_the_book_with_the_paths_of_the_package() {
        let page = fs::read_to_string(cargo::root().join(PAGE)).unwrap();
        let unit = page.split("```ini\n").find(|block| block.starts_with("[Unit]")).unwrap();
        let unit = unit.split("```").next().unwrap().replace("/opt/csms/csms", "/usr/lib/csms/csms");
        assert_eq!(fs::read_to_string(sources().join("csms.service")).unwrap(), unit);
    }

    #[tokio::test]
    async fn the_installed_server_starts_as_its_unit_says_and_the_doctor_finds_nothing_in_its_way() {
        let Some(contents) = Contents::built() else {
            eprintln!(
                "left out: build the server and the function first (cargo build --bin csms --bin rotate-database)"
            );
            return;
        };
        let directory = tempfile::tempdir().unwrap();
        let to = directory.path().to_owned();
        let root = tokio::task::spawn_blocking(move || unpacked(&contents, &to)).await.unwrap();
        let key = directory.path().join("root.key");
        // As the script of the package makes it.
        let script = fs::read_to_string(root.join("DEBIAN/postinst")).unwrap();
        let made = script.lines().find(|line| line.contains("/dev/urandom")).unwrap();
        let made = made.replace("/etc/csms/root.key", key.to_str().unwrap());
        assert!(Command::new("sh").args(["-c", &made]).status().unwrap().success());
        let unit = fs::read_to_string(root.join("usr/lib/systemd/system/csms.service")).unwrap();
        let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let words: Vec<_> = start.split(' ').map(|word| word.replace("%d/root.key", key.to_str().unwrap())).collect();
        let in_root = |word: &String| match word.strip_prefix('/') {
            Some(path) if root.join(path).exists() => root.join(path).to_string_lossy().into_owned(),
            _ => word.clone(),
        };
        let words: Vec<_> = words.iter().map(in_root).collect();
        assert_eq!(words[1], "serve");
        let data = directory.path().join("data");
        let options = Options { binary: Some(words[0].clone().into()), data: Some(data.clone()), ..Options::default() };
        let options = words[2..].iter().fold(options, csms_testbed::server::Options::argument);
        let server = Server::start(options).await.unwrap();
        assert!(server.credentials().rotation_func_urn.is_some(), "the function lies beside the server");
        let mut doctor = Command::new(&words[0]);
        doctor.arg("doctor").args(&words[2..]).arg("--data").arg(&data);
        // The port of a test is not the one in the settings.
        doctor.args(["--listen", &server.url()["http://".len()..], "--public-url", server.url()]);
        let output = doctor.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    #[test]
    fn the_package_has_a_manual_page_of_every_command_and_completions_that_its_shells_can_read() {
        let Some(contents) = Contents::built() else { return };
        let directory = tempfile::tempdir().unwrap();
        let root = unpacked(&contents, directory.path());
        for command in ["csms", "csms-serve", "csms-secret-create", "csms-snapshot-restore"] {
            let page = root.join(format!("usr/share/man/man1/{command}.1.gz"));
            let mut text = String::new();
            GzDecoder::new(fs::File::open(&page).unwrap()).read_to_string(&mut text).unwrap();
            assert!(text.contains(".TH") && text.contains(command), "{command}");
        }
        let bash = root.join("usr/share/bash-completion/completions/csms");
        assert!(Command::new("bash").arg("-n").arg(&bash).status().unwrap().success());
        assert!(fs::read_to_string(bash).unwrap().contains("complete"));
        let zsh = fs::read_to_string(root.join("usr/share/zsh/vendor-completions/_csms")).unwrap();
        assert!(zsh.starts_with("#compdef csms"), "zsh loads it by its first line");
        let fish = fs::read_to_string(root.join("usr/share/fish/vendor_completions.d/csms.fish")).unwrap();
        assert!(fish.starts_with("complete "), "{fish}");
    }

    /// Unpacks the package and returns the directory.
    fn unpacked(contents: &Contents, into: &Path) -> PathBuf {
        let made = build(contents, into, &["deb"]).unwrap();
        let root = into.join("root");
        let status = Command::new("dpkg-deb").arg("-R").arg(into.join(&made[0])).arg(&root).status().unwrap();
        assert!(status.success());
        root
    }

    #[test]
    fn the_debian_package_has_every_file_with_its_mode_and_keeps_changed_settings() {
        let directory = tempfile::tempdir().unwrap();
        let root = unpacked(&Contents::of_test(), directory.path());
        let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("usr/lib/csms/csms"), 0o755);
        assert_eq!(mode("etc/csms/csms.toml"), 0o644);
        for path in [
            "usr/share/man/man1/csms-serve.1.gz",
            "usr/share/bash-completion/completions/csms",
            "usr/share/zsh/vendor-completions/_csms",
            "usr/share/fish/vendor_completions.d/csms.fish",
            "usr/share/doc/csms/copyright",
        ] {
            assert_eq!(mode(path), 0o644, "{path}");
        }
        assert_eq!(fs::read_link(root.join("usr/bin/csms")).unwrap(), Path::new("/usr/lib/csms/csms"));
        assert_eq!(fs::read_to_string(root.join("DEBIAN/conffiles")).unwrap().trim(), "/etc/csms/csms.toml");
        let control = fs::read_to_string(root.join("DEBIAN/control")).unwrap();
        assert!(control.contains("Version: 1.2.3") && control.contains("Architecture: amd64"), "{control}");
        for script in ["postinst", "prerm", "postrm"] {
            let path = root.join("DEBIAN").join(script);
            assert!(Command::new("sh").arg("-n").arg(&path).status().unwrap().success(), "{script}");
        }
    }
}
