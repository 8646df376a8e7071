//! The directories into which commands unpack snapshots: how they are called, and what a restore that was killed has left.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How their names begin.
pub const PREFIX: &str = ".csms-snapshot-";

/// A directory that a restore into this data directory has left, or works in.
#[must_use]
pub fn left_in(data: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(data).ok()?.filter_map(Result::ok);
    let found = entries.find(|entry| {
        entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.file_type().is_ok_and(|kind| kind.is_dir())
    });
    found.map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_that_name_count() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("functions")).unwrap();
        fs::write(data.path().join(".csms-snapshot-file"), "").unwrap();
        assert_eq!(left_in(data.path()), None);
        let left = data.path().join(".csms-snapshot-x7Qd2f");
        fs::create_dir(&left).unwrap();
        assert_eq!(left_in(data.path()), Some(left));
        assert_eq!(left_in(&data.path().join("none")), None);
    }
}
