//! The file of a snapshot: a line that names the format, a line with the manifest, a line with the manifest's MAC, and behind them
//! the database.
//!
//! The manifest has the length and the SHA-256 of the database, and its MAC is made under a key derived from the root key: the
//! digest shows damage to everybody, the MAC shows changes to whoever has the root key. What the database holds is not looked at
//! here.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use csms_cli::CliError;
use csms_core::UnixMillis;
use csms_kms::{DerivedKey, RootRing};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::commands::Failed;

/// The first line.
const FORMAT: &str = "csms snapshot 1";

/// Longest line before the database, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// What the key of the MAC is derived for.
const PURPOSE: &str = "csms snapshot v1";

/// Bytes that are read at a time.
const CHUNK: usize = 64 * 1024;

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// When it was made.
    pub time: UnixMillis,
    /// The release that made it.
    pub version: String,
    /// The account of the installation.
    pub domain_id: String,
    /// Its first project.
    pub project_id: String,
    /// The newest record of the audit trail, NUMBER:LINK.
    pub audit_head: String,
    /// Number of the root key that the MAC's key is derived from.
    pub key_number: u32,
    /// Length of the database.
    pub bytes: u64,
    /// Digest of the database, in hexadecimal digits.
    pub sha256: String,
}

/// What a manifest says beside length, digest and key.
pub struct Origin<'o> {
    /// As in [`Manifest::time`].
    pub time: UnixMillis,
    /// As in [`Manifest::domain_id`].
    pub domain_id: &'o str,
    /// As in [`Manifest::project_id`].
    pub project_id: &'o str,
    /// As in [`Manifest::audit_head`].
    pub audit_head: String,
}

/// A snapshot whose manifest has been read.
pub struct Snapshot {
    /// Its manifest.
    pub manifest: Manifest,
    line: String,
    mac: Vec<u8>,
    rest: BufReader<File>,
}

/// The MAC over the line of a manifest.
fn mac(key: &DerivedKey, line: &str) -> Result<Hmac<Sha256>, Failed> {
    Ok(Hmac::<Sha256>::new_from_slice(key.key.as_slice())?.chain_update(line))
}

/// Copies `from` into `to` and returns length and digest.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hex::encode(hash.finalize()))),
            Ok(read) => chunk.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(read);
        to.write_all(read)?;
        bytes += read.len() as u64;
    }
}

/// A new file that only its owner may read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes the snapshot of a database into a new file at `path`, whole or not at all. `work` is a private directory on the same
/// file system.
///
/// # Errors
/// A file that is there already; failures of the disk.
pub fn write(
    path: &Path,
    work: &Path,
    database: &Path,
    root: &RootRing,
    origin: &Origin<'_>,
) -> Result<Manifest, Failed> {
    let (bytes, sha256) = copy(&mut File::open(database)?, &mut io::sink())?;
    let key = root.derive_numbered(PURPOSE);
    let manifest = Manifest {
        time: origin.time,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        domain_id: origin.domain_id.to_owned(),
        project_id: origin.project_id.to_owned(),
        audit_head: origin.audit_head.clone(),
        key_number: key.number,
        bytes,
        sha256,
    };
    let line = serde_json::to_string(&manifest)?;
    let mac = hex::encode(mac(&key, &line)?.finalize().into_bytes());
    let draft = work.join("snapshot");
    let mut out = private(&draft)?;
    writeln!(out, "{FORMAT}\n{line}\n{mac}")?;
    if copy(&mut File::open(database)?, &mut out)? != (manifest.bytes, manifest.sha256.clone()) {
        return Err("the copy of the database changed while it was read".into());
    }
    out.sync_all()?;
    tempfile::TempPath::try_from_path(draft)?.persist_noclobber(path).map_err(|failed| failed.error)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all())?;
    Ok(manifest)
}

/// Opens a snapshot and reads its manifest, which is not proven yet.
///
/// # Errors
/// A file that cannot be read, which is a [`CliError::Usage`]; one that is damaged, or no snapshot that this release knows.
pub fn open(path: &Path) -> Result<Snapshot, Failed> {
    let file = File::open(path).map_err(|error| CliError::unreadable(path.display(), &error))?;
    read(file).map_err(|error| match error.downcast::<io::Error>() {
        Ok(error) => CliError::unreadable(path.display(), &error).into(),
        Err(error) => CliError::impossible(format!("{} is not a snapshot: {error}", path.display())).into(),
    })
}

fn read(file: File) -> Result<Snapshot, Failed> {
    let mut rest = BufReader::new(file);
    let mut line = || -> Result<String, Failed> {
        let mut line = Vec::new();
        rest.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err("it ends before its database begins".into());
        }
        Ok(String::from_utf8(line)?)
    };
    if line()? != FORMAT {
        return Err(format!("it does not begin with `{FORMAT}`").into());
    }
    let (text, mac) = (line()?, hex::decode(line()?)?);
    let manifest = serde_json::from_str(&text)?;
    Ok(Snapshot { manifest, line: text, mac, rest })
}

impl Snapshot {
    /// Writes the database into a new file and requires that its length and digest are those of the manifest.
    ///
    /// # Errors
    /// A snapshot that is cut off, longer or damaged; failures of the disk.
    pub fn extract(&mut self, to: &Path) -> Result<(), Failed> {
        let mut out = private(to)?;
        let (bytes, sha256) = copy(&mut self.rest, &mut out)?;
        out.sync_all()?;
        if bytes != self.manifest.bytes {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(to);
            return Err(format!("the database has {bytes} bytes, and the manifest says {}", self.manifest.bytes).into());
        }
        if sha256 != self.manifest.sha256 {
            let _ = fs::remove_file(to);
            return Err("the database is damaged: its SHA-256 is not the one in the manifest".into());
        }
        Ok(())
    }

    /// Requires that the manifest was written with this root key.
    ///
    /// # Errors
    /// A manifest that was changed, or written with another root key.
    pub fn require_root(&self, root: &RootRing) -> Result<(), Failed> {
        let (current, others) = root.derive_all(PURPOSE);
        let number = self.manifest.key_number;
        let key = others.iter().chain([&current]).find(|key| key.number == number);
        let key =
            key.ok_or_else(|| format!("the manifest names root key number {number}, which the data does not have"))?;
        let proven = mac(key, &self.line)?.verify_slice(&self.mac);
        proven.map_err(|_| "the manifest was changed, or the snapshot is of another root key".into())
    }
}

#[cfg(test)]
mod tests {
    use csms_kms::RootKey;
    use zeroize::Zeroizing;

    use super::*;

    fn root(byte: u8) -> RootRing {
        RootKey::from_bytes(Zeroizing::new([byte; 32])).into()
    }

    fn written(directory: &Path) -> Manifest {
        let database = directory.join("database");
        fs::write(&database, b"the rows\n of a store").unwrap();
        let origin = Origin {
            time: UnixMillis::new(5),
            domain_id: "domain",
            project_id: "project",
            audit_head: "3:00ff".to_owned(),
        };
        write(&directory.join("made"), directory, &database, &root(1), &origin).unwrap()
    }

    fn extracted(directory: &Path, content: &[u8]) -> Result<(), Failed> {
        let changed = directory.join("changed");
        fs::write(&changed, content).unwrap();
        let out = directory.join("out");
        let _ = fs::remove_file(&out);
        let mut snapshot = open(&changed)?;
        snapshot.require_root(&root(1))?;
        snapshot.extract(&out)
    }

    #[test]
    fn a_snapshot_gives_back_the_database_and_its_manifest() {
        let directory = tempfile::tempdir().unwrap();
        let manifest = written(directory.path());
        let mut snapshot = open(&directory.path().join("made")).unwrap();
        assert_eq!(snapshot.manifest, manifest);
        snapshot.require_root(&root(1)).unwrap();
        assert!(snapshot.require_root(&root(2)).is_err());
        let out = directory.path().join("out");
        snapshot.extract(&out).unwrap();
        assert_eq!(fs::read(out).unwrap(), fs::read(directory.path().join("database")).unwrap());
    }

    #[test]
    fn an_existing_file_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path());
        let before = fs::read(directory.path().join("made")).unwrap();
        let origin = Origin { time: UnixMillis::new(9), domain_id: "d", project_id: "p", audit_head: String::new() };
        let place = directory.path();
        assert!(write(&place.join("made"), place, &place.join("database"), &root(1), &origin).is_err());
        assert_eq!(fs::read(place.join("made")).unwrap(), before);
    }

    #[test]
    fn every_changed_cut_or_added_byte_is_found() {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path());
        let made = fs::read(directory.path().join("made")).unwrap();
        extracted(directory.path(), &made).unwrap();
        for at in 0..made.len() {
            let mut changed = made.clone();
            changed[at] ^= 1;
            assert!(extracted(directory.path(), &changed).is_err(), "changed at {at}");
            assert!(extracted(directory.path(), &made[..at]).is_err(), "cut at {at}");
        }
        assert!(extracted(directory.path(), &[made.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_a_usage_and_what_is_damaged_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let kind = |path: &Path| *open(path).err().unwrap().downcast::<CliError>().unwrap();
        assert!(matches!(kind(&directory.path().join("none")), CliError::Usage(_)));
        assert!(matches!(kind(directory.path()), CliError::Usage(_)), "a directory");
        let damaged = directory.path().join("damaged");
        fs::write(&damaged, "csms snapshot 1\n{").unwrap();
        assert!(matches!(kind(&damaged), CliError::Impossible(_)));
    }

    #[test]
    fn an_endless_line_is_not_read_to_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let long = directory.path().join("long");
        fs::write(&long, vec![b'x'; 4 * MAX_LINE as usize]).unwrap();
        assert!(open(&long).is_err());
    }
}
