//! The Key Management Service's operations. Nearly every member is text, numbers included.

use alloc::vec::Vec;

use schemars::JsonSchema;

use super::{
    description::{Description, operation, problems},
    observe::{Field, Read, field},
};
use crate::kms::{
    KmsOperation,
    request::{
        CreateDatakey, CreateKey, Crypt, ListAliases, ListKeys, read_alias, read_decrypt_data, read_delete_aliases,
        read_description, read_key_id, read_random, read_schedule_deletion,
    },
    response::{
        AliasEntity, DescribeKeyResponse, KeyInfoResponse, KeyStateResponse, ListAliasesResponse, ListKeysResponse,
        OpenedDataResponse, OpenedDatakeyResponse, RandomResponse, SealedResponse,
    },
};

/// Name of the group.
pub(super) const GROUP: &str = "Keys";

const SEQUENCE: (&str, &str) = ("sequence", "A number that callers may give; nothing depends on it.");
const ASSOCIATED: (&str, &str) =
    ("additional_authenticated_data", "Text that must be the same when the sealed text is opened.");

fn fields<const N: usize>(named: [(&'static str, &'static str); N]) -> Vec<Field> {
    named.into_iter().map(|(name, about)| field(name, about)).collect()
}

fn about_key(summary: &'static str) -> Description {
    let fields = fields([("key_id", "Identifier of the key."), SEQUENCE]);
    operation(summary).body(&|body| problems(read_key_id(body)), &fields)
}

fn about_alias(summary: &'static str, key: &'static str, alias: &'static str) -> Description {
    let fields = fields([(key, "Identifier of the key."), (alias, "The alias.")]);
    operation(summary).body(&|body| problems(read_alias(body, key, alias)), &fields)
}

fn sealing<T: JsonSchema>(
    summary: &'static str,
    read: Read<'_>,
    named: [(&'static str, &'static str); 3],
) -> Description {
    let fields: Vec<_> = fields(named).into_iter().chain(fields([ASSOCIATED, SEQUENCE])).collect();
    operation(summary).body(read, &fields).answer::<T>()
}

pub(super) fn describe(of: KmsOperation) -> Description {
    const KEY: (&str, &str) = ("key_id", "Identifier of the key.");
    match of {
        KmsOperation::CreateKey => operation("Creates a key.")
            .body(
                &|body| problems(CreateKey::read(body)),
                &fields([
                    ("key_alias", "Its alias."),
                    ("key_description", ""),
                    ("enterprise_project_id", ""),
                    ("key_spec", ""),
                    ("key_usage", ""),
                    ("origin", ""),
                    SEQUENCE,
                ]),
            )
            .answer::<KeyInfoResponse>(),
        KmsOperation::ListKeys => operation("Lists keys, a page at a time.")
            .body(
                &|body| problems(ListKeys::read(body)),
                &fields([
                    ("limit", "Maximum number of keys on the page, in text."),
                    ("marker", "Where the page begins."),
                    ("key_state", "Only keys in this state: 2 enabled, 3 disabled, 4 waiting for deletion."),
                    ("key_spec", ""),
                    ("enterprise_project_id", ""),
                    SEQUENCE,
                ]),
            )
            .answer::<ListKeysResponse>(),
        KmsOperation::ListKeyDetail => about_key("Shows a key.").answer::<DescribeKeyResponse>(),
        KmsOperation::EnableKey => about_key("Enables a key.").answer::<KeyInfoResponse>(),
        KmsOperation::DisableKey => about_key("Disables a key.").answer::<KeyInfoResponse>(),
        KmsOperation::CancelKeyDeletion => {
            about_key("Cancels the scheduled deletion of a key.").answer::<KeyStateResponse>()
        }
        KmsOperation::DeleteKey => operation("Deletes a key, and all that it protects, after some days.")
            .body(
                &|body| problems(read_schedule_deletion(body)),
                &fields([KEY, ("pending_days", "After how many days, in text."), SEQUENCE]),
            )
            .answer::<KeyStateResponse>(),
        KmsOperation::UpdateKeyAlias => {
            about_alias("Changes the alias of a key.", "key_id", "key_alias").answer::<KeyInfoResponse>()
        }
        KmsOperation::UpdateKeyDescription => operation("Changes the description of a key.")
            .body(&|body| problems(read_description(body)), &fields([KEY, ("key_description", "The new one.")]))
            .answer::<KeyInfoResponse>(),
        KmsOperation::CreateAlias => {
            about_alias("Gives a key a second alias.", "key_id", "alias").answer::<AliasEntity>()
        }
        KmsOperation::AssociateAlias => {
            about_alias("Moves an alias to another key.", "target_key_id", "alias").answer::<AliasEntity>()
        }
        KmsOperation::ListAliases => operation("Lists aliases by name, a page at a time.")
            .query(
                |pairs| problems(ListAliases::read(pairs)),
                &[
                    ("key_id", "Only the aliases of this key."),
                    ("limit", "Maximum number of items on the page; 50 by default."),
                    ("marker", "Alias after which the page begins."),
                ],
            )
            .answer::<Vec<ListAliasesResponse>>(),
        KmsOperation::DeleteAlias => operation("Deletes aliases of a key.")
            .body(&|body| problems(read_delete_aliases(body)), &fields([KEY, ("aliases", "The aliases.")])),
        KmsOperation::CreateDatakey => sealing::<SealedResponse<'_>>(
            "Creates a data key and returns it in plaintext and wrapped.",
            &|body| problems(CreateDatakey::read(body)),
            [KEY, ("key_spec", "Its kind."), ("datakey_length", "Its bits, in text.")],
        ),
        KmsOperation::CreateDatakeyWithoutPlaintext => sealing::<SealedResponse<'_>>(
            "Creates a data key and returns it wrapped only.",
            &|body| problems(CreateDatakey::read(body)),
            [KEY, ("key_spec", "Its kind."), ("datakey_length", "Its bits, in text.")],
        ),
        KmsOperation::EncryptDatakey => sealing::<SealedResponse<'_>>(
            "Wraps a data key.",
            &|body| problems(Crypt::read_encrypt_datakey(body, |_| [0; 32])),
            [KEY, ("plain_text", "The data key and its SHA-256."), ("datakey_plain_length", "Its bytes, in text.")],
        ),
        KmsOperation::DecryptDatakey => sealing::<OpenedDatakeyResponse<'_>>(
            "Unwraps a data key.",
            &|body| problems(Crypt::read_decrypt_datakey(body)),
            [KEY, ("cipher_text", "The wrapped data key."), ("datakey_cipher_length", "Bytes of the key, in text.")],
        ),
        KmsOperation::EncryptData => sealing::<SealedResponse<'_>>(
            "Seals a short text.",
            &|body| problems(Crypt::read_encrypt_data(body)),
            [KEY, ("plain_text", "The text."), ("encryption_algorithm", "")],
        ),
        KmsOperation::DecryptData => sealing::<OpenedDataResponse<'_>>(
            "Opens a sealed text.",
            &|body| problems(read_decrypt_data(body)),
            [
                ("key_id", "Identifier of the key; found out without it."),
                ("cipher_text", "The sealed text."),
                ("encryption_algorithm", ""),
            ],
        ),
        KmsOperation::CreateRandom => operation("Returns random bytes.")
            .body(
                &|body| problems(read_random(body)),
                &fields([("random_data_length", "How many bits, in text."), SEQUENCE]),
            )
            .answer::<RandomResponse<'_>>(),
    }
}
