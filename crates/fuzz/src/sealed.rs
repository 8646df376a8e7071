//! Sealed bytes and tokens: nobody who lacks the key makes anything that opens.

use csms_core::{
    KeyId, ProjectId,
    jwe::{AesKey, Jwk, Key, Limits, open_unbound},
};
use csms_kms::{MasterKey, RootKey, RootRing, data};
use zeroize::Zeroizing;

use crate::text;

/// Sealed bytes of the root key, and of a master key.
pub(crate) fn sealed(bytes: &[u8]) {
    let root = RootRing::from(RootKey::from_bytes(Zeroizing::new([1; 32])));
    assert!(root.open("access-key", bytes).is_err(), "bytes that nobody sealed were opened");
    let _ = RootKey::from_hex(text(bytes));
    let key = data::key_of(bytes);
    let (Ok(project), Ok(key)) = (ProjectId::parse("0123456789abcdef0123456789abcdef"), key) else { return };
    let master = MasterKey::from_bytes(Zeroizing::new([2; 32]));
    let binding = binding(&project, &key);
    assert!(data::open(&master, &binding, bytes).is_err(), "bytes that nobody sealed were opened");
}

fn binding<'b>(project: &'b ProjectId, key: &'b KeyId) -> data::Binding<'b> {
    data::Binding { kind: data::Kind::Data, project, key, associated: "", context: data::EncryptionContext::default() }
}

/// Tokens in JWE compact serialization, and keys in JWK.
pub(crate) fn tokens(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(jwk) = Jwk::parse(text) {
        let _ = Key::for_jwk(&jwk);
    }
    let key = Key::Direct(AesKey::from_bytes(&[3; 32]));
    assert!(open_unbound(&key, text, &Limits::default()).is_err(), "a token that nobody sealed was opened");
}
