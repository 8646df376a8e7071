//! Using keys: data keys, small data, random bytes.

use std::sync::Arc;

use base64ct::{Base64, Encoding};
use csms_api::{
    ErrorCode,
    kms::{
        request::{CreateDatakey, Crypt, read_decrypt_data, read_random},
        response::{OpenedDataResponse, OpenedDatakeyResponse, RandomResponse, SealedResponse},
    },
};
use csms_core::KeyId;
use csms_kms::{
    MasterKey,
    data::{self, Binding, Kind},
};
use csms_store::Store;
use getrandom::SysRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{KmsCall, lifecycle::is_gone, no_such_key};
use crate::{failure::Failure, gate::answer::Answer};

/// An answer, and the key that was used for it.
type Used = Result<(Answer, Option<KeyId>), Failure>;

/// The key that sealed data name, as far as it can be read.
pub(super) fn key_of(call: &KmsCall) -> Option<KeyId> {
    let (_, sealed, _) = read_decrypt_data(call.body().ok()?).ok()?;
    data::key_of(&sealed).ok()
}

/// A key that may be used, or why not.
async fn usable(call: &KmsCall, id: &KeyId) -> Result<Arc<MasterKey>, Failure> {
    match call.app.keys.get(&call.project, id).await {
        Err(failure) if failure.error.code == ErrorCode::KeyUnusable => {
            let record = call.app.store.key(&call.project, id).await?;
            Err(match record.filter(|key| !is_gone(key, call.app.clock.now())) {
                None => no_such_key(),
                // Enabled, and yet the root key does not open it.
                Some(key) if key.state == csms_store::KeyState::Enabled => failure,
                Some(_) => Failure::new(ErrorCode::KmsKeyState, "it must be enabled"),
            })
        }
        found => found,
    }
}

async fn seal(call: &KmsCall, kind: Kind, key: &KeyId, associated: &str, plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
    let master = usable(call, key).await?;
    let binding = Binding { kind, project: &call.project, key, associated };
    Ok(data::seal(&master, &binding, plaintext, &mut SysRng)?)
}

async fn open(
    call: &KmsCall,
    kind: Kind,
    key: &KeyId,
    associated: &str,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let master = usable(call, key).await?;
    let binding = Binding { kind, project: &call.project, key, associated };
    // What a caller sends wrongly is no failure of the server, so there is no cause for the log.
    data::open(&master, &binding, sealed).map_err(|_| Failure::new(ErrorCode::KmsUndecryptable, ""))
}

fn random_bytes(bytes: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut made = Zeroizing::new(vec![0; bytes]);
    getrandom::fill(&mut made)?;
    Ok(made)
}

fn hexadecimal(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(hex::encode(bytes))
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(super) async fn create_datakey(call: &KmsCall, with_plaintext: bool) -> Used {
    let request = CreateDatakey::read(call.body()?)?;
    let key = random_bytes(request.bytes)?;
    let sealed = seal(call, Kind::DataKey, &request.key_id, &request.associated, &key).await?;
    let plain = hexadecimal(&key);
    let answer = Answer::secret(&SealedResponse {
        key_id: &request.key_id,
        plain_text: with_plaintext.then_some(plain.as_str()),
        cipher_text: hex::encode(sealed),
        datakey_length: None,
    })?;
    Ok((answer, Some(request.key_id)))
}

pub(super) async fn encrypt_datakey(call: &KmsCall) -> Used {
    let request = Crypt::read_encrypt_datakey(call.body()?, digest)?;
    let sealed = seal(call, Kind::DataKey, &request.key_id, &request.associated, &request.bytes).await?;
    let answer = Answer::secret(&SealedResponse {
        key_id: &request.key_id,
        plain_text: None,
        cipher_text: hex::encode(sealed),
        datakey_length: Some(request.bytes.len().to_string()),
    })?;
    Ok((answer, Some(request.key_id)))
}

pub(super) async fn decrypt_datakey(call: &KmsCall) -> Used {
    let request = Crypt::read_decrypt_datakey(call.body()?)?;
    let key = open(call, Kind::DataKey, &request.key_id, &request.associated, &request.bytes).await?;
    let answer = Answer::secret(&OpenedDatakeyResponse {
        data_key: &hexadecimal(&key),
        datakey_length: key.len().to_string(),
        datakey_dgst: hex::encode(digest(&key)),
    })?;
    Ok((answer, Some(request.key_id)))
}

pub(super) async fn encrypt_data(call: &KmsCall) -> Used {
    let request = Crypt::read_encrypt_data(call.body()?)?;
    let sealed = seal(call, Kind::Data, &request.key_id, &request.associated, &request.bytes).await?;
    let answer = Answer::secret(&SealedResponse {
        key_id: &request.key_id,
        plain_text: None,
        cipher_text: Base64::encode_string(&sealed),
        datakey_length: None,
    })?;
    Ok((answer, Some(request.key_id)))
}

pub(super) async fn decrypt_data(call: &KmsCall) -> Used {
    let undecryptable = || Failure::new(ErrorCode::KmsUndecryptable, "");
    let (named, sealed, associated) = read_decrypt_data(call.body()?)?;
    let key = data::key_of(&sealed).map_err(|_| undecryptable())?;
    // The right was asked for the key that was named: another one must not be used.
    if named.is_some_and(|named| named != key) {
        return Err(undecryptable());
    }
    let plain = open(call, Kind::Data, &key, &associated, &sealed).await?;
    let text = std::str::from_utf8(&plain).map_err(|_| undecryptable())?;
    let base64 = Zeroizing::new(Base64::encode_string(&plain));
    let answer = Answer::secret(&OpenedDataResponse { key_id: &key, plain_text: text, plain_text_base64: &base64 })?;
    Ok((answer, Some(key)))
}

pub(super) fn random(call: &KmsCall) -> Result<Answer, Failure> {
    let bytes = random_bytes(read_random(call.body()?)?)?;
    Answer::json(&RandomResponse { random_data: hexadecimal(&bytes).as_str() })
}
