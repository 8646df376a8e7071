//! When the newest snapshot was made, kept in the data directory: `csms snapshot create` writes it, and `/metrics` shows it.
//!
//! It holds a time and nothing else. Where the snapshot is, and whether it is still there, is not known here.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use csms_core::UnixMillis;
use serde::{Deserialize, Serialize};

/// File name in the data directory.
const FILE: &str = "last-snapshot.json";

#[derive(Serialize, Deserialize)]
struct Note {
    time: UnixMillis,
}

/// Notes that a snapshot was made. Everybody may read the note, because the command may run as another user than the server.
///
/// # Errors
/// A directory that cannot be written.
pub fn note(directory: &Path, time: UnixMillis) -> io::Result<()> {
    let (file, draft) = (directory.join(FILE), directory.join(format!("{FILE}.{}", std::process::id())));
    let text = serde_json::to_vec(&Note { time })?;
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&draft)?;
    let written = out.write_all(&text).and_then(|()| out.sync_all()).and_then(|()| fs::rename(&draft, &file));
    if written.is_err() {
        // Nothing more can be done about a draft that cannot be removed.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// When the newest snapshot was made, as far as this directory knows. A note that cannot be read counts as absent.
#[must_use]
pub fn time(directory: &Path) -> Option<UnixMillis> {
    let text = fs::read(directory.join(FILE)).ok()?;
    serde_json::from_slice::<Note>(&text).ok().map(|note| note.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_note_is_read_and_a_spoiled_one_is_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(time(directory.path()), None);
        for millis in [5, 7] {
            note(directory.path(), UnixMillis::new(millis)).unwrap();
            assert_eq!(time(directory.path()), Some(UnixMillis::new(millis)));
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
        fs::write(directory.path().join(FILE), "{").unwrap();
        assert_eq!(time(directory.path()), None);
    }
}
