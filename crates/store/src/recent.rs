//! Secrets whose documents have been read or written lately, so that the same text is neither parsed nor proven again.
//!
//! Found by content and never by name: an entry serves only a document of exactly the same bytes with the same MAC, so nothing
//! has to be invalidated when a secret changes, and a document whose transaction failed is remembered in vain. Documents hold
//! metadata, no values.

use std::sync::{Arc, Mutex, PoisonError};

use csms_core::Secret;

use crate::{
    bound::{Binding, Columns},
    document,
    error::StoreError,
    row::StoredSecret,
};

/// Entries; a document has about 6 KB at most, and the secret in it as much, so together they stay below 4 MiB.
const SLOTS: usize = 256;

struct Entry {
    text: Box<[u8]>,
    /// The MAC that the text has under the key of this serial number.
    mac: Box<[u8]>,
    key: u64,
    secret: Secret,
}

static RECENT: [Mutex<Option<Arc<Entry>>>; SLOTS] = [const { Mutex::new(None) }; SLOTS];

fn slot(checksum: i64) -> &'static Mutex<Option<Arc<Entry>>> {
    let index = usize::try_from(checksum.unsigned_abs() % SLOTS as u64).unwrap_or_default();
    RECENT.get(index).unwrap_or(&RECENT[0])
}

/// Reads a document, or returns what was read from an equal one.
pub(crate) fn secret(stored: StoredSecret<'_>, binding: Binding<'_>) -> Result<Secret, StoreError> {
    let StoredSecret { text, checksum, mac, .. } = stored;
    let entry = slot(checksum).lock().unwrap_or_else(PoisonError::into_inner).clone();
    let known = entry.filter(|entry| {
        // An equal text was checked against its checksum when it was read; the row's may still have been damaged.
        let is_bound = entry.key == binding.serial() && mac == Some(&*entry.mac);
        *entry.text == *text && is_bound && document::is_intact(text, checksum)
    });
    if let Some(known) = known {
        return Ok(known.secret.clone());
    }
    let secret: Secret = document::decode(text, checksum, "a secret")?;
    // Only what is bound is remembered, and nothing is returned that is not.
    binding.require(&Columns::Secret { name: secret.name.as_str(), document: text }, mac)?;
    if let Some(mac) = mac {
        remember(&secret, text, checksum, mac, binding);
    }
    Ok(secret)
}

/// Remembers a secret with its document, which has this MAC.
pub(crate) fn remember(secret: &Secret, text: &[u8], checksum: i64, mac: &[u8], binding: Binding<'_>) {
    if binding.is_converting() {
        return;
    }
    let (text, mac, secret) = (text.into(), mac.into(), secret.clone());
    let entry = Arc::new(Entry { text, mac, key: binding.serial(), secret });
    *slot(checksum).lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
}

#[cfg(test)]
mod tests {
    use csms_core::{
        KeyId, ProjectId, SecretId, SecretName, SecretType, UnixMillis,
        secret::{NewSecret, NewVersion},
    };

    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        bound::{self, KnownKey, RowKey},
        document::Document,
    };

    fn demo() -> Secret {
        let new = NewSecret {
            name: SecretName::parse("demo").unwrap(),
            description: String::new(),
            secret_type: SecretType::Common,
            auto_rotation: false,
            rotation_period: None,
            rotation_config: None,
            rotation_func_urn: None,
            event_subscriptions: Vec::new(),
            enterprise_project_id: "0".to_owned(),
        };
        let id = SecretId::parse("11111111-1111-4111-8111-111111111111").unwrap();
        let key = KeyId::parse("22222222-2222-4222-8222-222222222222").unwrap();
        Secret::create(id, ProjectId::parse("0".repeat(32)).unwrap(), new, key, UnixMillis::new(1))
    }

    fn read_bound(document: &Document, row_key: &KnownKey, mac: &[u8]) -> Result<Secret, StoreError> {
        let stored = StoredSecret {
            text: document.text.as_bytes(),
            checksum: i64::from(document.checksum),
            mac: Some(mac),
            used: None,
        };
        secret(stored, bound::known(row_key).unwrap())
    }

    fn row_key() -> KnownKey {
        RowKey::new(1, Zeroizing::new([7; 32])).into()
    }

    fn mac(document: &Document, row_key: &KnownKey) -> Vec<u8> {
        let columns = Columns::Secret { name: "demo", document: document.text.as_bytes() };
        bound::known(row_key).unwrap().bind(&columns)
    }

    fn read(document: &Document) -> Result<Secret, StoreError> {
        let row_key = row_key();
        read_bound(document, &row_key, &mac(document, &row_key))
    }

    #[test]
    fn a_known_text_is_judged_again_under_another_key_or_with_another_mac() {
        let document = Document::of(&demo()).unwrap();
        let (one, other) = (row_key(), KnownKey::from(RowKey::new(1, Zeroizing::new([8; 32]))));
        let written = mac(&document, &one);
        read_bound(&document, &one, &written).unwrap();
        assert!(matches!(read_bound(&document, &other, &written), Err(StoreError::Corrupt(_))));
        assert!(matches!(read_bound(&document, &one, &mac(&document, &other)), Err(StoreError::Corrupt(_))));
        assert!(matches!(read_bound(&document, &one, b""), Err(StoreError::Corrupt(_))));
        read_bound(&document, &one, &written).unwrap();
    }

    #[test]
    fn the_same_document_is_reused_and_a_changed_one_is_read_again() {
        let mut demo = demo();
        let before = Document::of(&demo).unwrap();
        assert_eq!(read(&before).unwrap(), demo);
        assert_eq!(read(&before).unwrap(), demo);
        demo.add_version(NewVersion::default(), UnixMillis::new(2)).unwrap();
        assert_eq!(read(&Document::of(&demo).unwrap()).unwrap(), demo);
    }

    #[test]
    fn a_damaged_checksum_is_noticed_although_the_text_is_known() {
        let mut document = Document::of(&demo()).unwrap();
        read(&document).unwrap();
        document.checksum = document.checksum.wrapping_add(u32::try_from(SLOTS).unwrap());
        assert!(matches!(read(&document), Err(StoreError::Corrupt(_))));
    }
}
