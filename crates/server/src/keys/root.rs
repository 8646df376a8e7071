//! Where the root key comes from: its file, a variable, or a Key Management Service elsewhere.
//!
//! With a remote service, the root key is a data key of one of its keys. The store holds it wrapped, and the service unwraps it at
//! each start, so neither the store nor the machine alone reveals it. [`crate::keys::project`] handles the keys of secrets.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use csms_core::{KeyId, ProjectId};
use csms_kms::{RemoteError, RemoteKms, RemoteSettings, RootKey, RootKeyError, RootRing};
use csms_store::{AnyStore, Store, StoreError};
use getrandom::SysRng;
use thiserror::Error;
use zeroize::Zeroizing;

use super::keyring::{self, KEYRING, KmsWrapping, RingError, WrappingKey};
use crate::{
    clock::Clock,
    failure::{Chain, Failure},
    installation, outgoing,
};

/// Time for one attempt of a call. There are three, so nobody waits much longer than 12 seconds.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Name under which the store keeps the sealed root key.
const SEALED_ROOT_KEY: &str = "sealed_root_key";

/// What the sealed root key is bound to.
const ROOT_KEY_PURPOSE: &str = "csms root key v1";

/// Why there is no root key.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// Its file cannot be used.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data was first started with a remote KMS.
    #[error(
        "the root key of this data is kept by the key {0} of a remote KMS; start with --kms-endpoint and its settings"
    )]
    Remote(KeyId),
    /// The data was first started without a remote KMS.
    #[error("this data has a root key of its own; start without --kms-endpoint, or with a new data directory")]
    Embedded,
    /// The keyring does not open.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The stored key is not what a first start wrote.
    #[error("the stored root key is not valid")]
    Damaged,
    /// The settings of the remote KMS cannot be used.
    #[error("cannot use the remote KMS: {0}")]
    Settings(String),
    /// The remote KMS did not open it.
    #[error("the remote KMS at {endpoint} did not give the root key with the key {key}: {cause}; {advice}")]
    Kms {
        /// Address of the KMS.
        endpoint: String,
        /// The key that was asked for.
        key: KeyId,
        /// What went wrong.
        cause: RemoteError,
        /// What to do about it.
        advice: &'static str,
    },
}

/// The root keys, and the service that keeps the other keys if this server does not.
pub struct Keyring {
    /// The root keys.
    pub root: Arc<RootRing>,
    /// The key that the operator keeps, which opens them.
    pub wrapping: WrappingKey,
    /// The keyring, as it is stored; `None` while the operator's key is the root key.
    pub row: Option<Vec<u8>>,
    /// The remote KMS.
    pub remote: Option<RemoteKeyring>,
}

/// A remote KMS, and how it is used.
pub struct RemoteKeyring {
    /// The service.
    pub kms: RemoteKms,
    /// The key of secrets whose creator names none.
    pub default_key: KeyId,
    /// How long a key is used before the service is asked again.
    pub recheck: Duration,
}

/// A Key Management Service elsewhere.
#[derive(Clone)]
pub struct KmsSettings {
    /// Address.
    pub endpoint: String,
    /// Project of the keys there.
    pub project: ProjectId,
    /// The key for the root key, and for secrets that name none.
    pub default_key: KeyId,
    /// Certificates (PEM) of authorities to trust besides the public ones.
    pub authorities: Option<String>,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: Zeroizing<String>,
    /// How long a key is used before the service is asked again.
    pub recheck: Duration,
}

impl fmt::Debug for KmsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSettings").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Where the root key comes from: a remote KMS, or else these digits, or else this file.
#[derive(Clone, Copy)]
pub struct RootKeySource<'s> {
    /// The remote KMS.
    pub kms: Option<&'s KmsSettings>,
    /// The key itself, in hexadecimal digits.
    pub digits: Option<&'s Zeroizing<String>>,
    /// Its file.
    pub file: &'s Path,
}

/// Gets the root key, making it on the first start.
///
/// # Errors
/// What is in the way, and what to do about it.
pub async fn open(source: RootKeySource<'_>, store: &AnyStore, clock: &Clock) -> Result<Keyring, KeyringError> {
    let sealed = store.meta(SEALED_ROOT_KEY).await?.map(|bytes| read(&bytes)).transpose()?;
    let row = store.meta(KEYRING).await?;
    let exists = installation::exists(store).await?;
    let Some(kms) = source.kms else {
        if let Some(sealed) = sealed {
            return Err(KeyringError::Remote(sealed.key_id));
        }
        let root = match source.digits {
            Some(digits) => RootKey::from_hex(digits)?,
            // A missing file beside existing data is not replaced: the right key belongs there.
            None if exists => RootKey::load(source.file)?,
            None => RootKey::load_or_make(source.file, &mut SysRng)?,
        };
        return opened(WrappingKey::new(root, None), row, None);
    };
    if exists && sealed.is_none() {
        return Err(KeyringError::Embedded);
    }
    let remote = RemoteSettings {
        endpoint: kms.endpoint.clone(),
        project: kms.project.clone(),
        access_key: kms.access_key.clone(),
        secret_key: kms.secret_key.clone(),
        tls: outgoing::tls(kms.authorities.as_deref()).map_err(unreadable)?,
        timeout: TIMEOUT,
    };
    let clock = clock.clone();
    let remote =
        RemoteKms::new(remote, move || clock.now()).map_err(|error| KeyringError::Settings(error.to_string()))?;
    let failed = |key: &KeyId| {
        let (endpoint, key) = (kms.endpoint.clone(), key.clone());
        move |cause: RemoteError| KeyringError::Kms { endpoint, key, advice: advice(&cause), cause }
    };
    // A keyring names the wrappings that open it, and whoever starts now uses the newest that the service opens.
    let mut wrappings = row.as_deref().map(keyring::kms_wrappings).transpose()?.unwrap_or_default().into_iter();
    let newest = match wrappings.next().or(sealed) {
        Some(sealed) => sealed,
        None => {
            let made =
                remote.create_data_key(&kms.default_key, ROOT_KEY_PURPOSE).await.map_err(failed(&kms.default_key))?;
            let made = KmsWrapping { key_id: kms.default_key.clone(), cipher_text: made };
            let made = serde_json::to_vec(&made).map_err(|_| KeyringError::Damaged)?;
            // Of several servers that start together one makes the key and all use it.
            read(&store.put_meta_if_absent(SEALED_ROOT_KEY, made).await?)?
        }
    };
    let decrypt = async |sealed: KmsWrapping| {
        let key = remote.decrypt_data_key(&sealed.key_id, ROOT_KEY_PURPOSE, &sealed.cipher_text).await;
        let key = RootKey::from_bytes(key.map_err(failed(&sealed.key_id))?);
        Ok::<_, KeyringError>((key, sealed))
    };
    let mut opened_by = decrypt(newest).await;
    if let (Err(error), Some(former)) = (&opened_by, wrappings.next()) {
        // Until it is retired, the former one opens the same keys.
        let cause = Chain(error).to_string();
        let tried = decrypt(former).await;
        if tried.is_ok() {
            tracing::warn!(cause, "the newest key of the remote KMS does not open the root key; the former one does");
            opened_by = tried;
        }
    }
    let (key, sealed) = opened_by?;
    let remote = RemoteKeyring { kms: remote, default_key: kms.default_key.clone(), recheck: kms.recheck };
    opened(WrappingKey::new(key, Some(sealed)), row, Some(remote))
}

/// The root keys in the keyring, or the operator's key itself where there is none.
fn opened(wrapping: WrappingKey, row: Option<Vec<u8>>, remote: Option<RemoteKeyring>) -> Result<Keyring, KeyringError> {
    let root = match &row {
        Some(row) => keyring::Keyring::open(row, &wrapping)?.ring()?,
        None => wrapping.as_root().into(),
    };
    Ok(Keyring { root: Arc::new(root), wrapping, row, remote })
}

impl RemoteKeyring {
    /// Has the service make another wrapping key.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn make_wrapping_key(&self) -> Result<WrappingKey, RemoteError> {
        let cipher_text = self.kms.create_data_key(&self.default_key, ROOT_KEY_PURPOSE).await?;
        let key = self.kms.decrypt_data_key(&self.default_key, ROOT_KEY_PURPOSE, &cipher_text).await?;
        Ok(WrappingKey::new(
            RootKey::from_bytes(key),
            Some(KmsWrapping { key_id: self.default_key.clone(), cipher_text }),
        ))
    }
}

fn unreadable(failure: Failure) -> KeyringError {
    let cause = failure.cause.map(|cause| cause.to_string()).unwrap_or_default();
    KeyringError::Settings(format!("the certificates of --kms-ca cannot be read: {cause}"))
}

fn read(bytes: &[u8]) -> Result<KmsWrapping, KeyringError> {
    serde_json::from_slice(bytes).map_err(|_| KeyringError::Damaged)
}

/// What an operator can do.
const fn advice(cause: &RemoteError) -> &'static str {
    match cause {
        RemoteError::Unreachable(_) => "check that it runs, --kms-endpoint, the network and --kms-ca, and start again",
        RemoteError::Failed(_) => "start again when it works",
        RemoteError::Unauthenticated(_) => {
            "check CSMS_KMS_ACCESS_KEY and CSMS_KMS_SECRET_KEY or --kms-credentials-file, and the clocks of both machines"
        }
        RemoteError::Forbidden(_) => {
            "let its user have --kms-project-id and kms:cmk:createDataKey and kms:cmk:decryptDataKey on the key"
        }
        RemoteError::Refused(_) => {
            "check --kms-default-key and --kms-project-id, enable the key there, and start again"
        }
        RemoteError::Settings(_) | RemoteError::Malformed(_) => "check that --kms-endpoint is a KMS",
    }
}
