//! Using keys: data keys, small data, random bytes.

use std::sync::Arc;

use base64ct::{Base64, Encoding};
use csms_api::{
    ErrorCode,
    kms::{
        request::{
            CreateDatakey, Crypt,
            context::{Binding as Bound, Context},
            read_decrypt_data, read_random,
        },
        response::{OpenedDataResponse, OpenedDatakeyResponse, RandomResponse, SealedResponse},
    },
};
use csms_core::KeyId;
use csms_kms::{
    MasterKey,
    data::{self, Binding, EncryptionContext},
};
use csms_store::Store;
use getrandom::SysRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Named, access, no_such_key};
use crate::{
    failure::Failure,
    gate::{
        access::Kind,
        answer::Answer,
        json::Body,
        service::{Call, Prepared},
    },
    keys::project::is_gone,
};

/// A key that may be used, or why not.
async fn usable(call: &Call, id: &KeyId) -> Result<Arc<MasterKey>, Failure> {
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

/// What sealed bytes are bound to.
fn binding<'b>(call: &'b Call, kind: data::Kind, key: &'b KeyId, bound: &'b Bound) -> Binding<'b> {
    let context = match &bound.context {
        Context::None => EncryptionContext::None,
        Context::Pairs(pairs) => EncryptionContext::Pairs(pairs),
        Context::Text(text) => EncryptionContext::Text(text),
    };
    Binding { kind, project: &call.project, key, associated: &bound.associated, context }
}

async fn seal(call: &Call, kind: data::Kind, key: &KeyId, bound: &Bound, plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
    let master = usable(call, key).await?;
    let binding = binding(call, kind, key, bound);
    Ok(data::seal(&master, &binding, plaintext, &mut SysRng)?)
}

async fn open(
    call: &Call,
    kind: data::Kind,
    key: &KeyId,
    bound: &Bound,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let master = usable(call, key).await?;
    let binding = binding(call, kind, key, bound);
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

pub(super) async fn create_datakey(call: Call, body: Body, with_plaintext: bool) -> Result<Prepared, Failure> {
    let request = CreateDatakey::read(body.object()?)?;
    let named = Named::find(&call, &request.key).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id_to_seal(&call, &request.key).await?;
        let key = random_bytes(request.bytes)?;
        let sealed = seal(&call, data::Kind::DataKey, &id, &request.binding, &key).await?;
        let plain = hexadecimal(&key);
        Answer::secret(&SealedResponse {
            key_id: &id,
            plain_text: with_plaintext.then_some(plain.as_str()),
            cipher_text: hex::encode(sealed),
            datakey_length: None,
        })
    }))
}

pub(super) async fn encrypt_datakey(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = Crypt::read_encrypt_datakey(body.object()?, digest)?;
    let named = Named::find(&call, &request.key).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id_to_seal(&call, &request.key).await?;
        let sealed = seal(&call, data::Kind::DataKey, &id, &request.binding, &request.bytes).await?;
        Answer::secret(&SealedResponse {
            key_id: &id,
            plain_text: None,
            cipher_text: hex::encode(sealed),
            datakey_length: Some(request.bytes.len().to_string()),
        })
    }))
}

pub(super) async fn decrypt_datakey(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = Crypt::read_decrypt_datakey(body.object()?)?;
    let named = Named::find(&call, &request.key).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id()?;
        let key = open(&call, data::Kind::DataKey, &id, &request.binding, &request.bytes).await?;
        Answer::secret(&OpenedDatakeyResponse {
            data_key: &hexadecimal(&key),
            datakey_length: key.len().to_string(),
            datakey_dgst: hex::encode(digest(&key)),
        })
    }))
}

pub(super) async fn encrypt_data(call: Call, body: Body) -> Result<Prepared, Failure> {
    let request = Crypt::read_encrypt_data(body.object()?)?;
    let named = Named::find(&call, &request.key).await?;
    Ok(Prepared::new(vec![named.access(&call)], async move {
        let id = named.id_to_seal(&call, &request.key).await?;
        let sealed = seal(&call, data::Kind::Data, &id, &request.binding, &request.bytes).await?;
        Answer::secret(&SealedResponse {
            key_id: &id,
            plain_text: None,
            cipher_text: Base64::encode_string(&sealed),
            datakey_length: None,
        })
    }))
}

/// DecryptData: the key is the one that the sealed data name; a request that names another is refused.
pub(super) async fn decrypt_data(call: Call, body: Body) -> Result<Prepared, Failure> {
    let undecryptable = || Failure::new(ErrorCode::KmsUndecryptable, "");
    let (named, sealed, bound) = read_decrypt_data(body.object()?)?;
    let key = data::key_of(&sealed).ok();
    // A key that is named is the only one that can be used; the sealed data do not open with another.
    let named = match named {
        Some(named) => Some(Named::find(&call, &named).await?),
        None => None,
    };
    let touched = match (&named, &key) {
        (Some(named), _) => named.access(&call),
        (None, Some(key)) => access(&call, key),
        (None, None) => call.all(Kind::Key),
    };
    Ok(Prepared::new(vec![touched], async move {
        let named = named.map(Named::id).transpose()?;
        let key = key.filter(|key| named.is_none_or(|named| named == *key)).ok_or_else(undecryptable)?;
        let plain = open(&call, data::Kind::Data, &key, &bound, &sealed).await?;
        let text = std::str::from_utf8(&plain).map_err(|_| undecryptable())?;
        let base64 = Zeroizing::new(Base64::encode_string(&plain));
        Answer::secret(&OpenedDataResponse { key_id: &key, plain_text: text, plain_text_base64: &base64 })
    }))
}

pub(super) fn random(call: &Call, body: Body) -> Result<Prepared, Failure> {
    let length = read_random(body.object()?)?;
    Ok(Prepared::new(vec![call.all(Kind::Key)], async move {
        let bytes = random_bytes(length)?;
        Answer::json(&RandomResponse { random_data: hexadecimal(&bytes).as_str() })
    }))
}
