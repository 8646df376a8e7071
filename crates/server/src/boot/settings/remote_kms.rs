//! Settings of a Key Management Service elsewhere, for `csms serve` and for the commands that open the data.
//!
//! The secret key comes from a variable or a file, never from a flag.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use csms_core::{KeyId, ProjectId};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{SettingsError, together, variable};
use crate::keys::root::KmsSettings;

/// Longest time between two questions about a key, in seconds.
const MAX_RECHECK: u64 = 3600;

/// Longest file with credentials, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Flags about a Key Management Service elsewhere.
#[derive(Args, Clone, Debug, Default)]
pub struct KmsFlags {
    /// Remote Key Management Service that holds all keys instead of this server: https://, or http:// on this machine. The
    /// access keys come from CSMS_KMS_ACCESS_KEY and CSMS_KMS_SECRET_KEY, or from --kms-credentials-file
    #[arg(
        id = "kms_endpoint",
        long = "kms-endpoint",
        env = "CSMS_KMS_ENDPOINT",
        value_name = "URL",
        help_heading = "Remote KMS",
        global = true
    )]
    pub endpoint: Option<String>,

    /// Project of the remote keys
    #[arg(
        id = "kms_project_id",
        long = "kms-project-id",
        env = "CSMS_KMS_PROJECT_ID",
        value_name = "ID",
        help_heading = "Remote KMS",
        global = true
    )]
    pub project_id: Option<String>,

    /// Remote key that protects the root key and every secret created without `kms_key_id`
    #[arg(
        id = "kms_default_key",
        long = "kms-default-key",
        env = "CSMS_KMS_DEFAULT_KEY",
        value_name = "ID",
        help_heading = "Remote KMS",
        global = true
    )]
    pub default_key: Option<String>,

    /// JSON file, mode 0600, with `access_key` and `secret_key` of a user of the remote service, as `csms user create --output
    /// json` prints
    #[arg(
        id = "kms_credentials_file",
        long = "kms-credentials-file",
        env = "CSMS_KMS_CREDENTIALS_FILE",
        value_name = "FILE",
        help_heading = "Remote KMS",
        global = true
    )]
    pub credentials_file: Option<PathBuf>,

    /// PEM file with certificate authorities to trust for the remote service, in addition to the public ones
    #[arg(
        id = "kms_ca",
        long = "kms-ca",
        env = "CSMS_KMS_CA",
        value_name = "FILE",
        help_heading = "Remote KMS",
        global = true
    )]
    pub ca: Option<PathBuf>,

    /// Seconds for which a remote key is used before its state is checked again; a disabled key stops working here within
    /// this time. 0 checks at every use [default: 10]
    #[arg(
        id = "kms_recheck",
        long = "kms-recheck",
        env = "CSMS_KMS_RECHECK",
        value_name = "SECONDS",
        help_heading = "Remote KMS",
        global = true
    )]
    pub recheck: Option<u64>,
}

/// The keys of a user of the service.
#[derive(Deserialize)]
struct Credentials {
    access_key: String,
    secret_key: Zeroizing<String>,
}

impl KmsFlags {
    /// Fills in what these flags do not say from those of the file.
    pub(super) fn or(self, file: Self) -> Self {
        Self {
            endpoint: self.endpoint.or(file.endpoint),
            project_id: self.project_id.or(file.project_id),
            default_key: self.default_key.or(file.default_key),
            credentials_file: self.credentials_file.or(file.credentials_file),
            ca: self.ca.or(file.ca),
            recheck: self.recheck.or(file.recheck),
        }
    }

    /// The service, if one is named; `authorities` are trusted besides its own.
    ///
    /// # Errors
    /// What is missing beside an address, or breaks its rule.
    pub fn resolve(self, authorities: &Option<String>) -> Result<Option<KmsSettings>, SettingsError> {
        let Some(endpoint) = self.endpoint else { return Ok(None) };
        let needs = |name: &str| SettingsError::value("kms_endpoint", format!("needs {name} to be set"));
        let project = self.project_id.ok_or_else(|| needs("kms_project_id"))?;
        let project = ProjectId::parse(project)
            .map_err(|violation| SettingsError::value("kms_project_id", violation.message()))?;
        let default_key = self.default_key.ok_or_else(|| needs("kms_default_key"))?;
        let default_key = KeyId::parse(default_key)
            .map_err(|violation| SettingsError::value("kms_default_key", violation.message()))?;
        let recheck = self.recheck.unwrap_or(10);
        if recheck > MAX_RECHECK {
            return Err(SettingsError::value("kms_recheck", format!("must be 0 to {MAX_RECHECK}")));
        }
        let Credentials { access_key, secret_key } = match self.credentials_file {
            Some(path) => read_credentials(&path)?,
            None => {
                let [access_key, secret_key] = ["CSMS_KMS_ACCESS_KEY", "CSMS_KMS_SECRET_KEY"]
                    .map(|name| variable(name).ok_or_else(|| needs(&format!("{name} or kms_credentials_file"))));
                Credentials { access_key: access_key?, secret_key: secret_key?.into() }
            }
        };
        Ok(Some(KmsSettings {
            endpoint,
            project,
            default_key,
            authorities: together(authorities, "kms_ca", self.ca)?,
            access_key,
            secret_key,
            recheck: Duration::from_secs(recheck),
        }))
    }
}

fn read_credentials(path: &Path) -> Result<Credentials, SettingsError> {
    let unreadable = |error| SettingsError::Unreadable("kms_credentials_file".into(), path.to_owned(), error);
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let rule = format!("{} has mode {mode:04o}, which lets others in; run chmod 600 on it", path.display());
        return Err(SettingsError::value("kms_credentials_file", rule));
    }
    // Room from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
    file.take(MAX_FILE).read_to_end(&mut text).map_err(unreadable)?;
    serde_json::from_slice(&text).map_err(|_| {
        let rule = format!("{} must hold JSON with access_key and secret_key", path.display());
        SettingsError::value("kms_credentials_file", rule)
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn flags(credentials: &tempfile::NamedTempFile) -> KmsFlags {
        KmsFlags {
            endpoint: Some("https://kms.example.com".to_owned()),
            project_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
            default_key: Some("0d0466b0-e727-4d9c-b35d-f84bb474a37f".to_owned()),
            credentials_file: Some(credentials.path().to_owned()),
            ..KmsFlags::default()
        }
    }

    fn credentials(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    fn refused(flags: KmsFlags) -> String {
        flags.resolve(&None).unwrap_err().to_string()
    }

    #[test]
    fn the_secret_key_of_the_file_is_used_and_not_shown() {
        let file = credentials(r#"{"access_key": "AK", "secret_key": "hunter2", "user_name": "csms"}"#);
        let settings = flags(&file).resolve(&None).unwrap().unwrap();
        assert_eq!((settings.access_key.as_str(), settings.secret_key.as_str()), ("AK", "hunter2"));
        assert_eq!(settings.recheck, Duration::from_secs(10));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn credentials_that_others_may_read_are_refused() {
        let file = credentials(r#"{"access_key": "AK", "secret_key": "hunter2"}"#);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        let told = refused(flags(&file));
        assert!(told.contains("0640") && told.contains("chmod 600"), "{told}");
    }

    #[test]
    fn credentials_that_are_none_are_refused_without_being_repeated() {
        let file = credentials(r#"{"secret_key": "hunter2"}"#);
        let told = refused(flags(&file));
        assert!(told.contains("must hold JSON") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_is_missing_beside_an_address_is_named() {
        let file = credentials("{}");
        for (name, flags) in [
            ("kms_project_id", KmsFlags { project_id: None, ..flags(&file) }),
            ("kms_default_key", KmsFlags { default_key: None, ..flags(&file) }),
            ("kms_default_key", KmsFlags { default_key: Some("mine".to_owned()), ..flags(&file) }),
            ("kms_recheck", KmsFlags { recheck: Some(3601), ..flags(&file) }),
        ] {
            let told = refused(flags);
            assert!(told.contains(name), "{told}");
        }
    }

    #[test]
    fn without_an_address_there_is_no_remote_kms() {
        assert!(KmsFlags::default().resolve(&None).unwrap().is_none());
    }
}
