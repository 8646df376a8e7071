//! Data keys and small data sealed under a master key, as the Key Management Service hands them out.
//!
//! The bytes name their key, so that small data can be opened without saying which it was:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format: 2; 1 is how bytes were sealed before encryption contexts were bound |
//! | 36 | identifier of the master key |
//! | 4 | number of the material that sealed, of format 2 alone |
//! | 12 | nonce |
//! | the rest | length (4 bytes), plaintext, zeros up to 32 bytes of plaintext; sealed, with its tag (16 bytes) |
//!
//! Bytes of format 1 were sealed while encryption contexts were ignored, so they open with any context.

use std::collections::BTreeMap;

use csms_core::{KeyId, ProjectId};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::{
    aead::{NONCE_BYTES, TAG_BYTES, push_part, random},
    error::{OpenError, SealError},
    master::{FIRST_MATERIAL, MasterKey, MaterialNumber},
};

/// Bytes that no encryption context is bound to, of the first material.
const UNBOUND: u8 = 1;

/// Bytes that their encryption context, also an absent one, is bound to.
const BOUND: u8 = 2;

const ID_BYTES: usize = 36;
const MATERIAL_BYTES: usize = size_of::<MaterialNumber>();
const LENGTH_BYTES: usize = 4;

/// The least length that is sealed: shorter plaintexts are filled up, since the official form of sealed data has at least
/// 128 characters of base64.
const LEAST_BYTES: usize = 32;

/// What is sealed. Bytes sealed as one kind do not open as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A data key.
    DataKey,
    /// Small data.
    Data,
}

/// What belongs to the sealed bytes, besides the key.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'b> {
    /// Kind.
    pub kind: Kind,
    /// Project of the master key.
    pub project: &'b ProjectId,
    /// The master key.
    pub key: &'b KeyId,
    /// The caller's additional authenticated data.
    pub associated: &'b str,
    /// The caller's encryption context.
    pub context: EncryptionContext<'b>,
}

/// An encryption context, which has to be given again to open what was sealed with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncryptionContext<'b> {
    /// None.
    #[default]
    None,
    /// Pairs of a name and a text.
    Pairs(&'b BTreeMap<String, String>),
    /// A text of the caller's own form.
    Text(&'b str),
}

impl Binding<'_> {
    /// The associated data of bytes with this format and material. A context is encoded by its form and the number of its
    /// parts, then the parts in the order of the names, each after its length, so that different contexts never have the same
    /// bytes.
    fn encode(&self, format: u8, material: MaterialNumber) -> Vec<u8> {
        let kind: &[u8] = match (self.kind, format) {
            (Kind::DataKey, UNBOUND) => b"csms kms data key v1",
            (Kind::Data, UNBOUND) => b"csms kms data v1",
            (Kind::DataKey, _) => b"csms kms data key v2",
            (Kind::Data, _) => b"csms kms data v2",
        };
        let mut out = Vec::with_capacity(256);
        for part in [kind, self.project.as_str().as_bytes(), self.key.as_str().as_bytes(), self.associated.as_bytes()] {
            push_part(&mut out, part);
        }
        if format == UNBOUND {
            return out;
        }
        push_part(&mut out, &material.to_be_bytes());
        match self.context {
            EncryptionContext::None => push_part(&mut out, b"none"),
            EncryptionContext::Text(text) => {
                push_part(&mut out, b"text");
                push_part(&mut out, text.as_bytes());
            }
            EncryptionContext::Pairs(pairs) => {
                push_part(&mut out, b"pairs");
                push_part(&mut out, &(pairs.len() as u64).to_be_bytes());
                for text in pairs.iter().flat_map(|(name, text)| [name, text]) {
                    push_part(&mut out, text.as_bytes());
                }
            }
        }
        out
    }
}

/// Seals bytes by the material in use.
///
/// # Errors
/// [`SealError`].
pub fn seal<R: TryCryptoRng + ?Sized>(
    master: &MasterKey,
    binding: &Binding<'_>,
    plaintext: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, SealError> {
    let length = u32::try_from(plaintext.len()).map_err(|_| SealError::TooLong)?;
    let nonce = random::<NONCE_BYTES, R>(rng)?;
    let mut padded = Zeroizing::new(Vec::with_capacity(LENGTH_BYTES + plaintext.len().max(LEAST_BYTES)));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plaintext);
    let whole = padded.len().max(LENGTH_BYTES + LEAST_BYTES);
    padded.resize(whole, 0);
    let (material, cipher) = master.sealing();
    let mut out = Vec::with_capacity(1 + ID_BYTES + MATERIAL_BYTES + NONCE_BYTES + padded.len() + TAG_BYTES);
    out.push(BOUND);
    out.extend_from_slice(binding.key.as_str().as_bytes());
    out.extend_from_slice(&material.to_be_bytes());
    out.extend_from_slice(&nonce);
    cipher.seal_onto(&mut out, &nonce, &binding.encode(BOUND, material), &padded)?;
    Ok(out)
}

/// The master key that sealed bytes name.
///
/// # Errors
/// [`OpenError`] for bytes that [`seal`] did not make.
pub fn key_of(sealed: &[u8]) -> Result<KeyId, OpenError> {
    split(sealed).map(|(_, key, _)| key)
}

fn split(sealed: &[u8]) -> Result<(u8, KeyId, &[u8]), OpenError> {
    let (format, rest) = sealed.split_first().ok_or(OpenError::Damaged)?;
    if !matches!(*format, UNBOUND | BOUND) {
        return Err(OpenError::UnknownFormat(*format));
    }
    let (id, rest) = rest.split_at_checked(ID_BYTES).ok_or(OpenError::Damaged)?;
    let id = std::str::from_utf8(id).ok().and_then(|id| KeyId::parse(id).ok());
    Ok((*format, id.ok_or(OpenError::Damaged)?, rest))
}

/// Opens what [`seal`] made for the same binding.
///
/// # Errors
/// [`OpenError`]: the bytes were changed, or sealed for another binding or under another key.
pub fn open(master: &MasterKey, binding: &Binding<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (format, _, rest) = split(sealed)?;
    let (material, rest) = if format == UNBOUND {
        (FIRST_MATERIAL, rest)
    } else {
        let (number, rest) = rest.split_first_chunk::<MATERIAL_BYTES>().ok_or(OpenError::Damaged)?;
        (MaterialNumber::from_be_bytes(*number), rest)
    };
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError::Damaged)?;
    let mut padded = Zeroizing::new(ciphertext.to_vec());
    master.cipher(material)?.open_in_place(nonce, &binding.encode(format, material), &mut padded, tag)?;
    let (length, plaintext) = padded.split_first_chunk::<LENGTH_BYTES>().ok_or(OpenError::Damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| OpenError::Damaged)?;
    plaintext.get(..length).map(|plaintext| Zeroizing::new(plaintext.to_vec())).ok_or(OpenError::Damaged)
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use proptest::prelude::*;

    use super::*;

    fn project() -> ProjectId {
        ProjectId::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    #[test]
    fn sealed_bytes_open_only_for_their_binding() {
        let (master, project) = (MasterKey::make(&mut SysRng).unwrap(), project());
        let (key, other_key) = (KeyId::make(&mut SysRng).unwrap(), KeyId::make(&mut SysRng).unwrap());
        let other_project = ProjectId::parse("f".repeat(32)).unwrap();
        let here = Binding {
            kind: Kind::Data,
            project: &project,
            key: &key,
            associated: "a",
            context: EncryptionContext::None,
        };
        let sealed = seal(&master, &here, b"x", &mut SysRng).unwrap();
        assert_eq!(key_of(&sealed), Ok(key.clone()));
        assert_eq!(open(&master, &here, &sealed).unwrap().as_slice(), b"x");
        for binding in [
            Binding { kind: Kind::DataKey, ..here },
            Binding { project: &other_project, ..here },
            Binding { key: &other_key, ..here },
            Binding { associated: "", ..here },
        ] {
            assert_eq!(open(&master, &binding, &sealed), Err(OpenError::Damaged));
        }
        let other = MasterKey::make(&mut SysRng).unwrap();
        assert_eq!(open(&other, &here, &sealed), Err(OpenError::Damaged));
    }

    #[test]
    fn what_the_first_release_sealed_opens() {
        let master = MasterKey::from_bytes(Zeroizing::new(*b"0123456789abcdef0123456789abcdef"));
        let (project, key) = (project(), KeyId::parse("bb6a3d22-dc93-47ac-b5bd-88df7ad35f1e").unwrap());
        for (kind, associated, plaintext, sealed) in [
            (
                Kind::Data,
                "ledger",
                b"small data".as_slice(),
                "0162623661336432322d646339332d343761632d623562642d383864663761643335663165e594f7ecfa98e5a338c8cdfcb889cf281e\
                 604bcb5f0888194d11885d74560293304d56997c74ddb6849a4ee78f962a72ceb057fed88320ac54853a32daf19859",
            ),
            (
                Kind::DataKey,
                "",
                [7; 32].as_slice(),
                "0162623661336432322d646339332d343761632d623562642d383864663761643335663165e34f0c58a331c0dbd9d05f8861c73a5709\
                 7de788dba8a4e5dfc92e4c3101b0e156c04181cde265afbbbb6c5e88e5f590dc4d2b148a3b3d95936ca99cd1c1c03b",
            ),
        ] {
            let unbound = EncryptionContext::None;
            let binding = Binding { kind, project: &project, key: &key, associated, context: unbound };
            let sealed = hex::decode(sealed).unwrap();
            assert_eq!(open(&master, &binding, &sealed).unwrap().as_slice(), plaintext);
            // Whoever sealed it may have given a context, which was ignored.
            let context = pairs(&[("a", "b")]);
            let binding = Binding { context: EncryptionContext::Pairs(&context), ..binding };
            assert_eq!(open(&master, &binding, &sealed).unwrap().as_slice(), plaintext);
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn bytes_open_with_an_equal_context_alone() {
        let (master, project) = (MasterKey::make(&mut SysRng).unwrap(), project());
        let key = KeyId::make(&mut SysRng).unwrap();
        let in_context = |context| Binding { kind: Kind::Data, project: &project, key: &key, associated: "", context };
        let (given, again) =
            (pairs(&[("tenant", "blue"), ("use", "backup")]), pairs(&[("use", "backup"), ("tenant", "blue")]));
        let (part, joined, more, none) = (
            pairs(&[("tenant", "blue")]),
            pairs(&[("tenant", "blueuse"), ("", "backup")]),
            pairs(&[("tenant", "blue"), ("use", "backup"), ("more", "")]),
            pairs(&[]),
        );
        let contexts = [
            EncryptionContext::None,
            EncryptionContext::Text("tenant"),
            EncryptionContext::Text(""),
            EncryptionContext::Pairs(&given),
            EncryptionContext::Pairs(&part),
            EncryptionContext::Pairs(&joined),
            EncryptionContext::Pairs(&more),
            EncryptionContext::Pairs(&none),
        ];
        for (at, context) in contexts.iter().enumerate() {
            let sealed = seal(&master, &in_context(*context), b"x", &mut SysRng).unwrap();
            for (other, with) in contexts.iter().enumerate() {
                let opened = open(&master, &in_context(*with), &sealed);
                assert_eq!(opened.is_ok(), at == other, "{context:?} opened with {with:?}");
            }
        }
        let mut sealed = seal(&master, &in_context(EncryptionContext::Pairs(&given)), b"x", &mut SysRng).unwrap();
        assert!(open(&master, &in_context(EncryptionContext::Pairs(&again)), &sealed).is_ok());
        // The format byte cannot be taken for the other one.
        sealed[0] = UNBOUND;
        assert_eq!(open(&master, &in_context(EncryptionContext::Pairs(&given)), &sealed), Err(OpenError::Damaged));
    }

    #[test]
    fn bytes_open_with_the_material_that_sealed_them() {
        let (root, project) = (crate::RootRing::from(crate::RootKey::make(&mut SysRng).unwrap()), project());
        let key = KeyId::make(&mut SysRng).unwrap();
        let binding = Binding {
            kind: Kind::DataKey,
            project: &project,
            key: &key,
            associated: "",
            context: EncryptionContext::None,
        };
        let mut master = MasterKey::make(&mut SysRng).unwrap();
        let before = seal(&master, &binding, b"before", &mut SysRng).unwrap();
        let later = MasterKey::make_later(&root, &project, &key, 1, &mut SysRng).unwrap();
        master.unwrap_later(&root, &project, &key, &later).unwrap();
        let master = master.sealing_by(1);
        let mut after = seal(&master, &binding, b"after", &mut SysRng).unwrap();
        assert_eq!(open(&master, &binding, &before).unwrap().as_slice(), b"before");
        assert_eq!(open(&master, &binding, &after).unwrap().as_slice(), b"after");
        after[1 + ID_BYTES + MATERIAL_BYTES - 1] = 0;
        assert_eq!(open(&master, &binding, &after), Err(OpenError::Damaged));
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_and_a_changed_byte_is_found(plaintext in proptest::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let (master, project, key) = (MasterKey::make(&mut SysRng).unwrap(), project(), KeyId::make(&mut SysRng).unwrap());
            let binding = Binding { kind: Kind::DataKey, project: &project, key: &key, associated: "", context: EncryptionContext::None };
            let mut sealed = seal(&master, &binding, &plaintext, &mut SysRng).unwrap();
            // The official form has at least 128 characters of base64.
            prop_assert!(sealed.len() >= 96);
            let opened = open(&master, &binding, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
            // The identifier in front only says which key to take; the binding authenticates the one that is used.
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(open(&master, &binding, &sealed).is_err() || (1..37).contains(&at));
        }

        #[test]
        fn arbitrary_bytes_do_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..150)) {
            let (master, project, key) = (MasterKey::make(&mut SysRng).unwrap(), project(), KeyId::make(&mut SysRng).unwrap());
            let binding = Binding { kind: Kind::Data, project: &project, key: &key, associated: "", context: EncryptionContext::None };
            prop_assert!(open(&master, &binding, &bytes).is_err());
        }
    }
}
