"""The Key Management Service through the official SDK."""

import hashlib
import json
import secrets
import unittest

from huaweicloudsdkcsms.v1 import (
    CreateSecretRequest,
    CreateSecretRequestBody,
    DeleteSecretRequest,
    ShowSecretVersionRequest,
)
from huaweicloudsdkkms.v2 import (
    AssociateAliasRequest,
    AssociateAliasRequestBody,
    CancelKeyDeletionRequest,
    CreateAliasRequest,
    CreateAliasRequestBody,
    CreateDatakeyRequest,
    CreateDatakeyRequestBody,
    CreateDatakeyWithoutPlaintextRequest,
    CreateKeyRequest,
    CreateKeyRequestBody,
    CreateRandomRequest,
    DecryptDataRequest,
    DecryptDataRequestBody,
    DecryptDatakeyRequest,
    DecryptDatakeyRequestBody,
    DeleteAliasRequest,
    DeleteAliasRequestBody,
    DeleteKeyRequest,
    DisableKeyRequest,
    EnableKeyRequest,
    EncryptDataRequest,
    EncryptDataRequestBody,
    EncryptDatakeyRequest,
    EncryptDatakeyRequestBody,
    GenRandomRequestBody,
    KmsClient,
    ListAliasesRequest,
    ListKeyDetailRequest,
    ListKeysRequest,
    ListKeysRequestBody,
    OperateKeyRequestBody,
    ScheduleKeyDeletionRequestBody,
    UpdateKeyAliasRequest,
    UpdateKeyAliasRequestBody,
    UpdateKeyDescriptionRequest,
    UpdateKeyDescriptionRequestBody,
)

import sdk


class Keys(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.kms = sdk.client(kind=KmsClient)
        cls.csms = sdk.client()

    def setUp(self):
        self.alias = f"kms-{secrets.token_hex(8)}"
        body = CreateKeyRequestBody(key_alias=self.alias, key_description="for tests")
        self.info = self.kms.create_key(CreateKeyRequest(body=body)).key_info
        self.key = self.info.key_id
        self.operate = OperateKeyRequestBody(key_id=self.key)

    def detail(self):
        return self.kms.list_key_detail(ListKeyDetailRequest(body=self.operate)).key_info

    def aliases(self, key):
        # The SDK expects a list of pages; the service's example, and this server, have the one page itself.
        listed = json.loads(self.kms.list_aliases(ListAliasesRequest(key_id=key)).raw_content)
        self.assertEqual(listed["page_info"]["current_count"], len(listed["aliases"]))
        return [alias["alias"] for alias in listed["aliases"]]

    def open_datakey(self, cipher_text, aad=None):
        body = DecryptDatakeyRequestBody(
            key_id=self.key, cipher_text=cipher_text, datakey_cipher_length="64", additional_authenticated_data=aad
        )
        return self.kms.decrypt_datakey(DecryptDatakeyRequest(body=body))

    def test_a_key_is_described_as_it_was_created(self):
        self.assertEqual(self.info.domain_id, sdk.SERVER["domain_id"])
        detail = self.detail()
        self.assertEqual((detail.key_alias, detail.key_description), (self.alias, "for tests"))
        self.assertEqual((detail.key_state, detail.default_key_flag, detail.key_spec), ("2", "0", "AES_256"))
        self.assertEqual((len(detail.creation_date), detail.scheduled_deletion_date), (13, ""))

    def test_an_alias_is_taken_once(self):
        body = CreateKeyRequestBody(key_alias=self.alias)
        self.assertRefused(400, "KMS.0101", lambda: self.kms.create_key(CreateKeyRequest(body=body)))

    def test_keys_are_listed_in_pages(self):
        def page(**fields):
            return self.kms.list_keys(ListKeysRequest(body=ListKeysRequestBody(**fields)))

        every = page()
        self.assertIn(self.key, every.keys)
        self.assertEqual((every.truncated, every.next_marker, every.total), ("false", "", len(every.keys)))
        first = page(limit="1")
        if every.total > 1:
            self.assertEqual((first.truncated, first.next_marker), ("true", "1"))
            self.assertEqual(page(limit="1", marker="1").keys, every.keys[1:2])
        self.assertNotIn(self.key, page(key_state="3").keys)

    def test_the_states_of_a_key(self):
        state = lambda answer: answer.key_info.key_state
        self.assertEqual(state(self.kms.disable_key(DisableKeyRequest(body=self.operate))), "3")
        self.assertRefused(400, "KMS.0401", lambda: self.kms.disable_key(DisableKeyRequest(body=self.operate)))
        self.assertEqual(state(self.kms.enable_key(EnableKeyRequest(body=self.operate))), "2")
        schedule = ScheduleKeyDeletionRequestBody(key_id=self.key, pending_days="7")
        self.assertEqual(self.kms.delete_key(DeleteKeyRequest(body=schedule)).key_state, "4")
        self.assertEqual(len(self.detail().scheduled_deletion_date), 13)
        cancelled = self.kms.cancel_key_deletion(CancelKeyDeletionRequest(body=self.operate))
        self.assertEqual((cancelled.key_state, self.detail().scheduled_deletion_date), ("3", ""))

    def test_a_key_is_renamed_and_described_anew(self):
        renamed = UpdateKeyAliasRequestBody(key_id=self.key, key_alias=self.alias + "-2")
        self.assertEqual(
            self.kms.update_key_alias(UpdateKeyAliasRequest(body=renamed)).key_info.key_alias, self.alias + "-2"
        )
        described = UpdateKeyDescriptionRequestBody(key_id=self.key, key_description="anew")
        self.kms.update_key_description(UpdateKeyDescriptionRequest(body=described))
        detail = self.detail()
        self.assertEqual((detail.key_alias, detail.key_description), (self.alias + "-2", "anew"))

    def test_further_aliases(self):
        name = self.alias + "-more"
        made = self.kms.create_alias(CreateAliasRequest(body=CreateAliasRequestBody(alias=name, key_id=self.key)))
        self.assertTrue(made.alias_urn.endswith(f":alias:{name}"))
        self.assertEqual(self.aliases(self.key), [name])
        other = self.kms.create_key(CreateKeyRequest(body=CreateKeyRequestBody(key_alias=self.alias + "-other")))
        target = AssociateAliasRequestBody(alias=name, target_key_id=other.key_info.key_id)
        self.kms.associate_alias(AssociateAliasRequest(body=target))
        self.assertEqual((self.aliases(self.key), self.aliases(other.key_info.key_id)), ([], [name]))
        remove = DeleteAliasRequestBody(aliases=[name], key_id=other.key_info.key_id)
        self.kms.delete_alias(DeleteAliasRequest(body=remove))
        self.assertEqual(self.aliases(other.key_info.key_id), [])

    def test_a_data_key_comes_back(self):
        body = CreateDatakeyRequestBody(key_id=self.key, key_spec="AES_256", additional_authenticated_data="here")
        made = self.kms.create_datakey(CreateDatakeyRequest(body=body))
        opened = self.open_datakey(made.cipher_text, "here")
        self.assertEqual((opened.data_key, opened.datakey_length), (made.plain_text, "32"))
        self.assertEqual(opened.datakey_dgst, hashlib.sha256(bytes.fromhex(made.plain_text)).hexdigest())
        self.assertRefused(400, "KMS.0402", lambda: self.open_datakey(made.cipher_text, "there"))

    def test_a_data_key_without_its_plaintext(self):
        body = CreateDatakeyRequestBody(key_id=self.key, datakey_length="512")
        made = self.kms.create_datakey_without_plaintext(CreateDatakeyWithoutPlaintextRequest(body=body))
        self.assertEqual(self.open_datakey(made.cipher_text).datakey_length, "64")

    def test_a_data_key_of_ones_own(self):
        key = secrets.token_bytes(32)
        plain = (key + hashlib.sha256(key).digest()).hex()
        body = EncryptDatakeyRequestBody(key_id=self.key, plain_text=plain, datakey_plain_length="32")
        sealed = self.kms.encrypt_datakey(EncryptDatakeyRequest(body=body))
        self.assertEqual(sealed.datakey_length, "32")
        self.assertEqual(self.open_datakey(sealed.cipher_text).data_key, key.hex())

    def test_small_data_come_back(self):
        for text in ("x", "ein größerer Text " * 200):
            body = EncryptDataRequestBody(key_id=self.key, plain_text=text)
            sealed = self.kms.encrypt_data(EncryptDataRequest(body=body)).cipher_text
            self.assertRegex(sealed, "^[0-9a-zA-Z+/=]{128,5648}$")
            opened = self.kms.decrypt_data(DecryptDataRequest(body=DecryptDataRequestBody(cipher_text=sealed)))
            self.assertEqual((opened.key_id, opened.plain_text), (self.key, text))

    def test_random_bytes(self):
        body = GenRandomRequestBody(random_data_length="512")
        made = {self.kms.create_random(CreateRandomRequest(body=body)).random_data for _ in range(2)}
        self.assertEqual((len(made), {len(data) for data in made}), (2, {128}))

    def test_a_wrong_request_names_its_fields(self):
        body = CreateDatakeyRequestBody(key_id="x y", datakey_length="7")
        message = self.assertRefused(400, "KMS.0002", lambda: self.kms.create_datakey(CreateDatakeyRequest(body=body)))
        self.assertTrue("key_id" in message and "datakey_length" in message, message)

    def test_a_secret_is_readable_while_its_key_is_enabled(self):
        body = CreateSecretRequestBody(name=self.alias, secret_string="value", kms_key_id=self.key)
        self.csms.create_secret(CreateSecretRequest(body=body))
        show = lambda: self.csms.show_secret_version(ShowSecretVersionRequest(self.alias, "latest")).version
        self.assertEqual(show().secret_string, "value")
        self.kms.disable_key(DisableKeyRequest(body=self.operate))
        self.assertRefused(400, "CSMS.0401", show)
        self.kms.enable_key(EnableKeyRequest(body=self.operate))
        self.assertEqual(show().secret_string, "value")
        self.csms.delete_secret(DeleteSecretRequest(secret_name=self.alias))


if __name__ == "__main__":
    unittest.main()
