//! The Key Management Service's operations. Nearly every member is text, numbers included.

use alloc::vec::Vec;

use schemars::JsonSchema;

use super::{
    description::{Description, operation, problems},
    observe::{Field, Read, field},
};
use crate::{
    kms::{
        KmsOperation,
        request::{
            CreateDatakey, CreateKey, Crypt, ListAliases, ListKeys,
            grant::{CreateGrant, read_grant, read_list, read_retirable},
            read_alias, read_decrypt_data, read_delete_aliases, read_description, read_key_id, read_random,
            read_schedule_deletion,
            rotation::read_interval,
        },
        response::{
            AliasEntity, DescribeKeyResponse, DoneResponse, GrantIdResponse, GrantPageResponse, InstancesResponse,
            KeyInfoResponse, KeyStateResponse, KeyTagsResponse, ListAliasesResponse, ListKeysResponse,
            OpenedDataResponse, OpenedDatakeyResponse, ProjectKeyTagsResponse, QuotasResponse, RandomResponse,
            RotationStatusResponse, SealedResponse, TaggedKeysResponse,
        },
    },
    request::tag::{ChangeTags, FindResources, read_tag},
};

/// Name of the group.
pub(super) const GROUP: &str = "Keys";

/// What is sealed.
const PLAIN_TEXT: &str = "plain_text";

const SEQUENCE: (&str, &str) = ("sequence", "A number that callers may give; nothing depends on it.");
const ASSOCIATED: (&str, &str) =
    ("additional_authenticated_data", "Text that must be the same when the sealed text is opened.");
const CONTEXT: (&str, &str) = (
    "encryption_context",
    "Names and texts that must be the same when the sealed text is opened; a single text will do.",
);

fn fields<const N: usize>(named: [(&'static str, &'static str); N]) -> Vec<Field> {
    let described = |(name, about)| if name == PLAIN_TEXT { field(name, about).secret() } else { field(name, about) };
    named.into_iter().map(described).collect()
}

fn about_key(summary: &'static str) -> Description {
    let fields = fields([("key_id", "Identifier or alias of the key."), SEQUENCE]);
    operation(summary).body(&|body| problems(read_key_id(body)), &fields)
}

fn about_alias(summary: &'static str, key: &'static str, alias: &'static str) -> Description {
    let fields = fields([(key, "Identifier or alias of the key."), (alias, "The alias.")]);
    operation(summary).body(&|body| problems(read_alias(body, key, alias)), &fields)
}

fn sealing<T: JsonSchema>(
    summary: &'static str,
    read: Read<'_>,
    named: [(&'static str, &'static str); 3],
) -> Description {
    let fields: Vec<_> = fields(named).into_iter().chain(fields([ASSOCIATED, CONTEXT, SEQUENCE])).collect();
    operation(summary).body(read, &fields).answer::<T>()
}

fn about_grant(summary: &'static str) -> Description {
    let fields =
        fields([("key_id", "Identifier or alias of the key."), ("grant_id", "Identifier of the grant."), SEQUENCE]);
    operation(summary).body(&|body| problems(read_grant(body)), &fields).answer::<DoneResponse>()
}

fn tag() -> [Field; 2] {
    [field("key", "Key."), field("value", "Value; empty unless given.")]
}

pub(super) fn describe(of: KmsOperation) -> Description {
    const KEY: (&str, &str) = ("key_id", "Identifier or alias of the key.");
    match of {
        KmsOperation::CreateKey => operation("Creates a key.")
            .body(
                &|body| problems(CreateKey::read(body)),
                &fields([
                    ("key_alias", "Its alias."),
                    ("key_description", "Its description."),
                    ("enterprise_project_id", "The enterprise project that it is to belong to."),
                    ("key_spec", "Its algorithm: `AES_256`."),
                    ("key_usage", "What it is for: `ENCRYPT_DECRYPT`."),
                    ("origin", "Where its material comes from: `kms`."),
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
                    ("key_spec", "Only keys of this algorithm."),
                    ("enterprise_project_id", "Only keys of this enterprise project."),
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
            .answer::<ListAliasesResponse>(),
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
            [KEY, (PLAIN_TEXT, "The data key and its SHA-256."), ("datakey_plain_length", "Its bytes, in text.")],
        ),
        KmsOperation::DecryptDatakey => sealing::<OpenedDatakeyResponse<'_>>(
            "Unwraps a data key.",
            &|body| problems(Crypt::read_decrypt_datakey(body)),
            [KEY, ("cipher_text", "The wrapped data key."), ("datakey_cipher_length", "Bytes of the key, in text.")],
        ),
        KmsOperation::EncryptData => sealing::<SealedResponse<'_>>(
            "Seals a short text.",
            &|body| problems(Crypt::read_encrypt_data(body)),
            [KEY, (PLAIN_TEXT, "The text."), ("encryption_algorithm", "`SYMMETRIC_DEFAULT`, unless given.")],
        ),
        KmsOperation::DecryptData => sealing::<OpenedDataResponse<'_>>(
            "Opens a sealed text.",
            &|body| problems(read_decrypt_data(body)),
            [
                ("key_id", "Identifier of the key; found out without it."),
                ("cipher_text", "The sealed text."),
                ("encryption_algorithm", "`SYMMETRIC_DEFAULT`, unless given."),
            ],
        ),
        KmsOperation::BatchCreateKmsTags => operation("Adds tags to a key, or removes them.").body(
            &|body| problems(ChangeTags::read(body)),
            &[
                field("action", "`create` or `delete`."),
                field("tags", "The tags, each key once.").of(tag()),
                field(SEQUENCE.0, SEQUENCE.1),
            ],
        ),
        KmsOperation::CreateKmsTag => operation("Adds a tag to a key, or gives its key a new value.")
            .body(&|body| problems(read_tag(body)), &[field("tag", "The tag.").of(tag())]),
        KmsOperation::DeleteTag => operation("Removes a tag from a key."),
        KmsOperation::ShowKmsTags => operation("Lists the tags of a key.").answer::<KeyTagsResponse>(),
        KmsOperation::ListKmsTags => {
            operation("Lists the tags of all keys of the project.").answer::<ProjectKeyTagsResponse>()
        }
        KmsOperation::ListKmsByTags => operation("Finds keys by their tags, or counts them.")
            .body(
                &|body| problems(FindResources::read(body)),
                &[
                    field("action", "`filter` or `count`."),
                    field("limit", "Most keys of the page, in text."),
                    field("offset", "Number of keys before the page, in text."),
                    field("tags", "Tags that a key must have.")
                        .of([field("key", "Key of the tag."), field("values", "Any of these; any value without one.")]),
                    field("matches", "Parts of the alias.")
                        .of([field("key", "`resource_name`."), field("value", "A part of the alias.")]),
                    field(SEQUENCE.0, SEQUENCE.1),
                ],
            )
            .answer::<TaggedKeysResponse>(),
        KmsOperation::ShowKeyRotationStatus => {
            about_key("Shows how a key is rotated.").answer::<RotationStatusResponse>()
        }
        KmsOperation::EnableKeyRotation => {
            about_key("Has the material of a key rotated at its interval.").answer::<DoneResponse>()
        }
        KmsOperation::DisableKeyRotation => {
            about_key("Stops the rotation of a key's material.").answer::<DoneResponse>()
        }
        KmsOperation::UpdateKeyRotationInterval => operation("Changes the interval at which a key is rotated.")
            .body(
                &|body| problems(read_interval(body)),
                &fields([KEY, ("rotation_interval", "Days between two rotations."), SEQUENCE]),
            )
            .answer::<DoneResponse>(),
        KmsOperation::CreateGrant => operation("Lets a user use a key.")
            .body(
                &|body| problems(CreateGrant::read(body)),
                &fields([
                    KEY,
                    ("grantee_principal", "Identifier of the user."),
                    ("grantee_principal_type", "`user`, the one kind that is taken."),
                    ("operations", "What the user may do with the key."),
                    ("name", "Name of the grant."),
                    ("retiring_principal", "Identifier of the user who may retire the grant."),
                    SEQUENCE,
                ]),
            )
            .answer::<GrantIdResponse>(),
        KmsOperation::CancelGrant => about_grant("Revokes a grant."),
        KmsOperation::CancelSelfGrant => about_grant("Retires a grant that the caller has, or may retire."),
        KmsOperation::ListKeyGrants => operation("Lists the grants of a key, a page at a time.")
            .body(
                &|body| problems(read_list(body)),
                &fields([
                    KEY,
                    ("limit", "Most grants of the page, in text."),
                    ("marker", "Where it begins."),
                    SEQUENCE,
                ]),
            )
            .answer::<GrantPageResponse>(),
        KmsOperation::ListRetirableGrants => operation("Lists the grants that the caller may retire.")
            .body(
                &|body| problems(read_retirable(body)),
                &fields([("limit", "Most grants of the page, in text."), ("marker", "Where it begins."), SEQUENCE]),
            )
            .answer::<GrantPageResponse>(),
        KmsOperation::ShowUserQuotas => {
            operation("Shows how many keys there are and may be.").answer::<QuotasResponse>()
        }
        KmsOperation::ShowUserInstances => {
            operation("Counts the keys of the project, without its default key.").answer::<InstancesResponse>()
        }
        KmsOperation::CreateRandom => operation("Returns random bytes.")
            .body(
                &|body| problems(read_random(body)),
                &fields([("random_data_length", "How many bits, in text."), SEQUENCE]),
            )
            .answer::<RandomResponse<'_>>(),
    }
}
