//! What a first start makes: the installation's identity, its first user, and the file with that user's credentials.
//!
//! Later starts read it back and keep the file's address true.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use csms_core::{FunctionUrn, ProjectId, RegionName, policy::Policy};
use csms_kms::{DerivedKey, RootKey, RootRing};
use csms_store::{
    AccessChange, AccessKeyRecord, AccessState, AnyStore, Cause, Replacement, RowKey, Store, StoreError, UserDetails,
    UserRecord,
};
use getrandom::SysRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::{
    audit::{Record, Trail, chain_key},
    auth::{
        cache::{UNBOUND_SECRET_KEY, secret_key_purpose},
        key_pair::make_key_pair,
        new_password::NewPassword,
        passwords,
    },
    clock::Clock,
    failure::{Chain, Failure},
    identity::{Identity, Region},
};

pub mod last_snapshot;
pub mod mark;
pub mod seen;
pub mod server_name;
pub mod unpacked;

/// Name under which the store keeps the domain's identifier.
pub const DOMAIN_ID: &str = "domain_id";
const PROJECT_ID: &str = "project_id";
const REGION: &str = "region";
/// Begins the names under which the store keeps the project of each region but the home region.
const REGION_PROJECT: &str = "region_project:";
/// Begins the names that say of which regions the first user has been given the project.
const REGION_GRANTED: &str = "region_granted:";
const FIRST_USER: &str = "first_user";
/// Name of the first user.
const FIRST_USER_NAME: &str = "admin";
const ROOT_KEY_CHECK: &str = "root_key_check";

/// What is sealed under [`ROOT_KEY_CHECK`]. Older releases sealed another text: where it still stands, rows are not bound to their
/// places yet. Nobody without the root key can write an older text; who puts a former blob back is found by `csms audit verify --offline`,
/// because each conversion leaves a record.
const BOUND_ROWS: &[u8] = b"csms bound rows 2";

/// The text of releases that bound users, access keys and policies, but not secrets, KMS keys and entries.
const BOUND_ACCESS_ROWS: &[u8] = b"csms bound rows 1";

/// The records that conversions leave. Each is in a trail at most once.
pub const CONVERSIONS: [&str; 2] = [BIND_ACCESS_ROWS, BIND_ROWS];
const BIND_ACCESS_ROWS: &str = "BindRows";
const BIND_ROWS: &str = "BindSecretRows";

/// Name of the domain (account) of every installation.
const DOMAIN_NAME: &str = "csms";

/// Why an installation cannot be opened.
#[derive(Debug, Error)]
pub enum InstallationError {
    /// The data was written under another root key.
    #[error(
        "the root key is not the one this data was written with; start with the right --root-key-file or CSMS_ROOT_KEY"
    )]
    WrongRootKey,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The credentials file could not be written.
    #[error("cannot write {path}", path = .0.display())]
    Credentials(PathBuf, #[source] std::io::Error),
    /// The data directory belongs to an installation whose store is not there.
    #[error(
        "{what}, but this data directory belongs to an installation (project {project}, says {mark}); put its store back, \
         from a backup if need be, or begin a new installation with --new",
        mark = .mark.display()
    )]
    Missing {
        /// What is missing and where.
        what: String,
        /// The first project of the installation.
        project: String,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The data directory belongs to another installation than the store.
    #[error(
        "the store holds another installation ({found}) than the one this data directory belongs to ({expected}, says \
         {mark}); use the right store or data directory, or give the directory to the store's installation with --new",
        mark = .mark.display()
    )]
    Foreign {
        /// The account of the store.
        found: String,
        /// The account of the data directory.
        expected: String,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The data of the embedded store was moved to another store.
    #[error(
        "the data in {database} was moved to {address}; name that with --store. `csms serve --new` uses this file again, as it \
         was when it was moved",
        database = .database.display()
    )]
    Moved {
        /// The file.
        database: PathBuf,
        /// Where the data is now, without a password.
        address: String,
    },
    /// A restore has not finished, and a start would make a new installation in its place.
    #[error(
        "there is no data yet, but {path}: a `csms snapshot restore` was ended before it was done, or is running; run it again, \
         or remove that directory to begin a new installation",
        path = .0.display()
    )]
    Unrestored(PathBuf),
    /// A new installation would write its credentials over those of another one.
    #[error(
        "the store is empty, but {path} is there, from another installation; put its store back, or move the file away to \
         begin a new installation",
        path = .0.display()
    )]
    ForeignCredentials(PathBuf),
    /// The mark of the data directory cannot be read.
    #[error("cannot read {path}, which says what installation the data directory belongs to", path = .0.display())]
    Mark(PathBuf, #[source] std::io::Error),
    /// Randomness or encryption failed.
    #[error("{}", .0.error.message)]
    Internal(Failure),
    /// What the store holds is not what a first start wrote.
    #[error("the stored {0} is not valid")]
    Damaged(&'static str),
}

impl From<Failure> for InstallationError {
    fn from(failure: Failure) -> Self {
        Self::Internal(failure)
    }
}

/// What `credentials.json` holds: all that a person or a program needs to use the server.
#[derive(Serialize, Deserialize)]
pub struct Credentials {
    /// Base address.
    pub endpoint: String,
    /// Region, which is also the project's name.
    pub region: String,
    /// The first project.
    pub project_id: String,
    /// The projects of all regions by the regions' names, where there are several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub projects: BTreeMap<String, String>,
    /// The account.
    pub domain_id: String,
    /// Its name.
    pub domain_name: String,
    /// The first user.
    pub user_name: String,
    /// The first user's password, for tokens.
    pub password: Zeroizing<String>,
    /// Access key (AK).
    pub access_key: String,
    /// Secret key (SK).
    pub secret_key: Zeroizing<String>,
    /// The bundled rotation function, where this server has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_func_urn: Option<String>,
}

/// A password and its hash, in the making.
pub type PasswordInTheMaking = JoinHandle<Result<(NewPassword, String), Failure>>;

/// Begins to make the first user's password if there is no credentials file yet. Hashing takes longer than all else that a
/// first start does, so it runs while the store opens.
#[must_use]
pub fn prepare_password(file: &Path) -> Option<PasswordInTheMaking> {
    (!file.exists()).then(|| tokio::task::spawn_blocking(make_password))
}

fn make_password() -> Result<(NewPassword, String), Failure> {
    let password = NewPassword::draw(FIRST_USER_NAME)?;
    let hash = passwords::hash(&password)?;
    Ok((password, hash))
}

/// Refuses to begin an installation beside the credentials of another one. `has_credentials` says whether the file was there
/// before the store was looked at: afterwards it may be that of a server that starts at the same time.
///
/// # Errors
/// [`InstallationError::ForeignCredentials`]; failures of the store.
pub async fn require_no_credentials(
    store: &AnyStore,
    file: &Path,
    has_credentials: bool,
) -> Result<(), InstallationError> {
    if has_credentials && store.meta(FIRST_USER).await?.is_none() {
        return Err(InstallationError::ForeignCredentials(file.to_owned()));
    }
    Ok(())
}

/// A random identifier: 32 hexadecimal digits.
///
/// # Errors
/// Failures of the random number generator.
pub fn make_id() -> Result<String, Failure> {
    Ok(csms_core::identity::make_uuid(&mut SysRng)?.replace('-', ""))
}

async fn kept(store: &AnyStore, name: &'static str, fresh: String) -> Result<String, InstallationError> {
    let value = store.put_meta_if_absent(name, fresh.into_bytes()).await?;
    String::from_utf8(value).map_err(|_| InstallationError::Damaged(name))
}

/// Whether a first start has been here, so that there is a root key this data was written with.
///
/// # Errors
/// Failures of the store.
pub async fn exists(store: &AnyStore) -> Result<bool, StoreError> {
    Ok(store.meta(ROOT_KEY_CHECK).await?.is_some())
}

/// Reads the identity, making it on the first start. A home region given later than that is not used: names and policies
/// depend on the first one.
///
/// # Errors
/// A wrong root key, failures of the store.
pub async fn open(store: &AnyStore, root: &Arc<RootRing>, region: &str) -> Result<Identity, InstallationError> {
    let seal = |text: &[u8]| root.seal(ROOT_KEY_CHECK, text, &mut SysRng).map_err(Failure::from);
    store.use_row_key(row_key(root));
    loop {
        let old = store.put_meta_if_absent(ROOT_KEY_CHECK, seal(BOUND_ROWS)?).await?;
        let text = root.open(ROOT_KEY_CHECK, &old).map_err(|_| InstallationError::WrongRootKey)?;
        let mark = |new: &[u8]| Ok::<_, Failure>(Replacement { key: ROOT_KEY_CHECK.to_owned(), old, new: seal(new)? });
        // Another server may be ahead: then nothing is converted, and what it has written is looked at.
        match text.as_slice() {
            BOUND_ROWS => break,
            BOUND_ACCESS_ROWS => bind_rows(store, root, mark(BOUND_ROWS)?).await?,
            _ => bind_access_rows(store, root, mark(BOUND_ACCESS_ROWS)?).await?,
        }
    }
    let domain_id = kept(store, DOMAIN_ID, make_id()?).await?;
    let project_id = kept(store, PROJECT_ID, make_id()?).await?;
    let region = kept(store, REGION, region.to_owned()).await?;
    let project_id = ProjectId::parse(project_id).map_err(|_| InstallationError::Damaged(PROJECT_ID))?;
    let name = RegionName::parse(region.as_str()).map_err(|_| InstallationError::Damaged(REGION))?;
    let regions = vec![Region { name, project: project_id.clone() }];
    Ok(Identity { domain_id, domain_name: DOMAIN_NAME.to_owned(), project_id, region, regions })
}

/// The keys that bind rows: of the current root key and those that were announced after it. A change of the root key binds every
/// row under the next one, so a row under a former one was written by somebody else.
#[must_use]
pub fn row_key(root: &RootRing) -> Arc<RowKey> {
    row_key_from(root, root.current())
}

/// As [`row_key`], with those of former root keys from number `least` on.
#[must_use]
pub fn row_key_from(root: &RootRing, least: u32) -> Arc<RowKey> {
    let (DerivedKey { number, key }, others) = root.derive_from(RowKey::PURPOSE, least);
    RowKey::with_others(number, key, others.into_iter().map(|other| (other.number, other.key)))
}

/// What proves the root key, sealed again under the current one in place of what is stored; `None` when it is so already.
///
/// # Errors
/// A root key that the data was not written with; failures of the store.
pub async fn resealed_check(store: &AnyStore, root: &RootRing) -> Result<Option<Replacement>, InstallationError> {
    let old = store.meta(ROOT_KEY_CHECK).await?.ok_or(InstallationError::Damaged(ROOT_KEY_CHECK))?;
    let text = root.open_kept(ROOT_KEY_CHECK, &old).map_err(|_| InstallationError::WrongRootKey)?;
    if RootKey::number_of(&old).ok() == Some(root.current()) {
        return Ok(None);
    }
    let new = root.seal(ROOT_KEY_CHECK, &text, &mut SysRng).map_err(Failure::from)?;
    Ok(Some(Replacement { key: ROOT_KEY_CHECK.to_owned(), old, new }))
}

/// Binds what an older release has written about users, access keys and policies to its rows, once. No server of an older
/// release may run on the data meanwhile or afterwards: what it writes is refused.
async fn bind_access_rows(store: &AnyStore, root: &Arc<RootRing>, mark: Replacement) -> Result<(), InstallationError> {
    let record = Record::of("csms", BIND_ACCESS_ROWS, Clock::default().now()).entry(&chain_key(root));
    let root = Arc::clone(root);
    let bind = move |state: &mut AccessState| {
        for key in &mut state.keys {
            let purpose = secret_key_purpose(&key.access_key, &key.user_id);
            // One that does not open is of no use to anybody, before or after.
            let Ok(secret_key) = root.open(UNBOUND_SECRET_KEY, &key.sealed_secret_key) else {
                tracing::warn!(access_key = key.access_key, "the secret key does not open");
                continue;
            };
            key.sealed_secret_key = root
                .seal(&purpose, &secret_key, &mut SysRng)
                .map_err(|error| StoreError::Unavailable(Cause::with("sealing a secret key", error)))?;
        }
        Ok(())
    };
    if store.convert_access(mark, bind, vec![record]).await? {
        tracing::warn!("the rows of users, access keys and policies are bound to their places from now on");
    }
    Ok(())
}

/// Binds what an older release has written about secrets, KMS keys and entries to its rows, as [`bind_access_rows`] does.
async fn bind_rows(store: &AnyStore, root: &RootRing, mark: Replacement) -> Result<(), InstallationError> {
    let record = Record::of("csms", BIND_ROWS, Clock::default().now()).entry(&chain_key(root));
    if store.bind_rows(mark, vec![record]).await? {
        tracing::warn!("the rows of secrets, keys and settings of projects are bound to their places from now on");
    }
    Ok(())
}

/// The project of a region that some start has named.
///
/// # Errors
/// Failures of the store.
pub async fn project_of(
    store: &AnyStore,
    identity: &Identity,
    region: &str,
) -> Result<Option<ProjectId>, InstallationError> {
    if region == identity.region {
        return Ok(Some(identity.project_id.clone()));
    }
    let found = store.meta(&format!("{REGION_PROJECT}{region}")).await?;
    found.map(|project| read_project(&project)).transpose()
}

fn read_project(stored: &[u8]) -> Result<ProjectId, InstallationError> {
    let project = std::str::from_utf8(stored).ok().and_then(|text| ProjectId::parse(text).ok());
    project.ok_or(InstallationError::Damaged("project of a region"))
}

/// Adds the regions to the identity, making the projects of those that no start has named before. What regions a start
/// does not name keep their projects and what is in them.
///
/// # Errors
/// Failures of the store.
pub async fn add_regions(
    store: &AnyStore,
    identity: &mut Identity,
    regions: &[RegionName],
) -> Result<(), InstallationError> {
    let (home, others) = regions.split_first().map_or((None, regions), |(home, others)| (Some(home), others));
    if let Some(home) = home.filter(|home| home.as_str() != identity.region) {
        tracing::warn!(region = %home, home = identity.region, "the home region was fixed by the first start");
    }
    for name in others.iter().filter(|name| name.as_str() != identity.region) {
        let stored = store.put_meta_if_absent(&format!("{REGION_PROJECT}{name}"), make_id()?.into_bytes()).await?;
        identity.regions.push(Region { name: name.clone(), project: read_project(&stored)? });
    }
    Ok(())
}

/// Gives the first user the projects of regions that were added after it was made, once for each region.
///
/// # Errors
/// Failures of the store.
pub async fn grant_regions(store: &AnyStore, identity: &Identity, trail: &Trail) -> Result<(), InstallationError> {
    for Region { name, project } in identity.regions.iter().skip(1) {
        let mark = format!("{REGION_GRANTED}{name}");
        if store.meta(&mark).await?.is_some() {
            continue;
        }
        if let Some(mut user) = first_user(store).await?.filter(|user| !user.projects.contains(project)) {
            user.projects.push(project.clone());
            let mut record = Record::of("csms", "AddRegion", trail.now());
            record.project = Some(project.as_str());
            record.target = Some(&user.name);
            let record = trail.entry(&record);
            store.change_access(vec![AccessChange::PutUser(user.clone())], vec![record]).await?;
        }
        store.put_meta_if_absent(&mark, Vec::new()).await?;
    }
    Ok(())
}

/// The first user, as long as its first access key is there.
async fn first_user(store: &AnyStore) -> Result<Option<UserRecord>, StoreError> {
    let Some(key) = store.meta(FIRST_USER).await?.and_then(|key| String::from_utf8(key).ok()) else { return Ok(None) };
    Ok(store.access_key(&key).await?.map(|(_, user)| user))
}

/// Makes the first user and its credentials file, or brings an existing file up to date. Returns whether it made the user. Of several servers that start on
/// one empty store, one makes the user; only that one has a credentials file then.
///
/// # Errors
/// A file that cannot be written, failures of the store.
pub async fn ensure_first_user(
    store: &AnyStore,
    root: &RootRing,
    identity: &Identity,
    endpoint: &str,
    function: Option<&FunctionUrn>,
    file: &Path,
    password: Option<PasswordInTheMaking>,
) -> Result<bool, InstallationError> {
    let function = function.map(ToString::to_string);
    let _alone = lock_directory(file).await?;
    if store.meta(FIRST_USER).await?.is_some() {
        settle_draft(store, file).await?;
        refresh(file, identity, endpoint, function)?;
        return Ok(false);
    }
    let (access_key, secret_key) = make_key_pair()?;
    let (password, password_hash) = match password {
        Some(password) => password.await.map_err(Failure::internal)??,
        None => make_password()?,
    };
    let credentials = Credentials {
        endpoint: endpoint.to_owned(),
        region: identity.region.clone(),
        project_id: identity.project_id.to_string(),
        projects: projects_of(identity),
        domain_id: identity.domain_id.clone(),
        domain_name: identity.domain_name.clone(),
        user_name: FIRST_USER_NAME.to_owned(),
        password: Zeroizing::new(password.reveal().to_owned()),
        access_key: access_key.clone(),
        secret_key: secret_key.clone(),
        rotation_func_urn: function,
    };
    let now = Clock::default().now();
    let user = UserRecord {
        id: make_id()?,
        name: credentials.user_name.clone(),
        domain_id: identity.domain_id.clone(),
        password_hash: Some(password_hash),
        projects: identity.regions.iter().map(|region| region.project.clone()).collect(),
        policies: vec![Policy::administrator()],
        attached: Vec::new(),
        enabled: true,
        details: UserDetails {
            create_time: Some(now),
            password_time: Some(now),
            password_change_time: Some(now),
            ..UserDetails::default()
        },
    };
    let purpose = secret_key_purpose(&access_key, &user.id);
    let sealed_secret_key = root.seal(&purpose, secret_key.as_bytes(), &mut SysRng).map_err(Failure::from)?;
    let key = AccessKeyRecord {
        access_key,
        sealed_secret_key,
        user_id: user.id.clone(),
        enabled: true,
        create_time: Some(now),
        expires: None,
        last_use: None,
    };
    // The keys are on disk before the user exists, and have their name once it does.
    write_draft(file, &credentials)?;
    let mut record = Record::of("csms", "CreateUser", now);
    record.target = Some(&credentials.user_name);
    let record = record.entry(&chain_key(root));
    if store.make_user_once(FIRST_USER, user, key, vec![record]).await? {
        publish_draft(file)?;
        Ok(true)
    } else {
        tracing::info!("another server made the first user; its credentials file is there");
        remove_draft(file)?;
        Ok(false)
    }
}

/// Ends what a start began that broke off around the making of the user: the draft is the credentials file if its user was
/// made, and of no use if another's was.
async fn settle_draft(store: &AnyStore, file: &Path) -> Result<(), InstallationError> {
    let draft = fs::read(draft_of(file)).ok();
    let Some(draft) = draft.and_then(|text| serde_json::from_slice::<Credentials>(&text).ok()) else { return Ok(()) };
    if !file.exists() && store.access_key(&draft.access_key).await?.is_some() {
        publish_draft(file)
    } else {
        remove_draft(file)
    }
}

/// Keeps address, regions and function of an existing file true. A file that was moved away is not made again, and one that is
/// not this installation's is left alone.
fn refresh(
    file: &Path,
    identity: &Identity,
    endpoint: &str,
    function: Option<String>,
) -> Result<(), InstallationError> {
    let Some(mut credentials) = fs::read(file).ok().and_then(|text| serde_json::from_slice::<Credentials>(&text).ok())
    else {
        return Ok(());
    };
    let projects = projects_of(identity);
    let up_to_date = credentials.endpoint == endpoint
        && credentials.rotation_func_urn == function
        && credentials.projects == projects;
    if up_to_date || credentials.project_id != identity.project_id.as_str() {
        return Ok(());
    }
    endpoint.clone_into(&mut credentials.endpoint);
    credentials.rotation_func_urn = function;
    credentials.projects = projects;
    // The address in the file is a convenience: with nothing free on the disk, the server starts all the same.
    if let Err(error) = write(file, &credentials) {
        tracing::warn!(cause = %Chain(&error), "the credentials file keeps an old address");
        let _ = fs::remove_file(draft_of(file));
    }
    Ok(())
}

/// The projects of the regions, if there are several.
fn projects_of(identity: &Identity) -> BTreeMap<String, String> {
    let regions = identity.regions.iter().filter(|_| identity.regions.len() > 1);
    regions.map(|region| (region.name.to_string(), region.project.to_string())).collect()
}

/// Writes the file whole or not at all, readable by its owner alone.
fn write(file: &Path, credentials: &Credentials) -> Result<(), InstallationError> {
    write_draft(file, credentials)?;
    publish_draft(file)
}

/// Where the file is written before it gets its name.
fn draft_of(file: &Path) -> PathBuf {
    file.with_extension("json.new")
}

fn failed(file: &Path) -> impl Fn(std::io::Error) -> InstallationError {
    move |error| InstallationError::Credentials(file.to_owned(), error)
}

fn write_draft(file: &Path, credentials: &Credentials) -> Result<(), InstallationError> {
    let mut text = Zeroizing::new(serde_json::to_vec_pretty(credentials).map_err(|error| failed(file)(error.into()))?);
    text.push(b'\n');
    let draft = draft_of(file);
    let _ = fs::remove_file(&draft);
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed(file))?;
    out.write_all(&text).map_err(failed(file))?;
    out.sync_all().map_err(failed(file))?;
    sync_directory(file)
}

fn publish_draft(file: &Path) -> Result<(), InstallationError> {
    fs::rename(draft_of(file), file).map_err(failed(file))?;
    sync_directory(file)
}

fn remove_draft(file: &Path) -> Result<(), InstallationError> {
    fs::remove_file(draft_of(file)).map_err(failed(file))
}

/// Waits until no other server is about to write the file. Servers on a shared store may have one directory.
async fn lock_directory(file: &Path) -> Result<fs::File, InstallationError> {
    let directory = fs::File::open(file.parent().unwrap_or(Path::new("."))).map_err(failed(file))?;
    let locked = tokio::task::spawn_blocking(move || directory.lock().map(|()| directory)).await;
    locked.map_err(Failure::internal)?.map_err(failed(file))
}

/// Brings the names of files to disk, too.
fn sync_directory(file: &Path) -> Result<(), InstallationError> {
    let directory = file.parent().unwrap_or(Path::new("."));
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed(file))
}
