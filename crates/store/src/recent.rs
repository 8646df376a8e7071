//! Secrets whose documents this thread has read lately, so that the same text is not parsed again.
//!
//! Found by content and never by name: an entry serves only a document of exactly the same bytes, so nothing has to be
//! invalidated when a secret changes. Documents hold metadata, no values.

use std::cell::RefCell;

use csms_core::Secret;

use crate::{document, error::StoreError};

/// Entries of one thread; a document has about 3 KB at most, so together they stay below 1 MiB.
const SLOTS: usize = 128;

struct Entry {
    text: Box<[u8]>,
    secret: Secret,
}

thread_local! {
    static RECENT: RefCell<Vec<Option<Entry>>> = RefCell::new((0..SLOTS).map(|_| None).collect());
}

/// Reads a document, or answers what was read from an equal one.
pub(crate) fn secret(text: &[u8], checksum: i64) -> Result<Secret, StoreError> {
    let slot = usize::try_from(checksum.unsigned_abs()).unwrap_or_default() % SLOTS;
    let known = RECENT.with_borrow(|recent| {
        let entry = recent.get(slot)?.as_ref()?;
        // An equal text was checked against its checksum when it was read; the row's may still have been damaged.
        (*entry.text == *text && document::is_intact(text, checksum)).then(|| entry.secret.clone())
    });
    if let Some(secret) = known {
        return Ok(secret);
    }
    let secret: Secret = document::decode(text, checksum, "a secret")?;
    RECENT.with_borrow_mut(|recent| {
        if let Some(place) = recent.get_mut(slot) {
            *place = Some(Entry { text: text.into(), secret: secret.clone() });
        }
    });
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use csms_core::{
        KeyId, ProjectId, SecretId, SecretName, SecretType, UnixMillis,
        secret::{NewSecret, NewVersion},
    };

    use super::*;
    use crate::document::Document;

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

    fn read(document: &Document) -> Result<Secret, StoreError> {
        secret(document.text.as_bytes(), i64::from(document.checksum))
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
