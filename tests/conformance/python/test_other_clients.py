"""Python clients of others: openstacksdk with the extensions of Open Telekom Cloud, and huaweicloud-csms-environ."""

import json
import os
import secrets
import unittest
from unittest import mock

import csms as environ
import openstack
from huaweicloudsdkcsms.v1 import CreateSecretRequest, CreateSecretRequestBody, DeleteSecretRequest
from otcextensions import sdk as otc

from sdk import SERVER, client


def connect():
    """As clouds.yaml would say it: everything else is found in the catalog."""
    connection = openstack.connect(
        auth_url=SERVER["endpoint"] + "/v3",
        username=SERVER["user_name"],
        password=SERVER["password"],
        user_domain_name=SERVER["domain_name"],
        project_id=SERVER["project_id"],
        region_name=SERVER["region"],
        load_envvars=False,
        load_yaml_config=False,
    )
    otc.register_otc_extensions(connection)
    return connection


class KeysOfOpenTelekomCloud(unittest.TestCase):
    def setUp(self):
        self.kms = connect().kms
        self.alias = "otc-" + secrets.token_hex(4)
        self.key = self.kms.create_key(key_alias=self.alias, key_description="of a client")
        self.addCleanup(self.kms.schedule_key_deletion, self.key, 7)

    def test_a_key_is_found_by_its_alias_and_switched(self):
        found = self.kms.find_key(self.alias)
        self.assertEqual(found.key_id, self.key.key_id)
        self.kms.disable_key(self.key)
        self.assertEqual(self.kms.get_key(self.key).key_state, "3")
        self.kms.enable_key(self.key)
        self.assertEqual(self.kms.get_key(self.key).key_state, "2")

    def test_every_key_is_in_one_of_the_pages(self):
        pages = self.kms.keys(limit=1)
        self.assertIn(self.key.key_id, [key.key_id for key in pages])

    def test_a_deletion_is_scheduled_and_cancelled(self):
        self.kms.schedule_key_deletion(self.key, 7)
        self.assertEqual(self.kms.get_key(self.key).key_state, "4")
        self.kms.cancel_key_deletion(self.key)
        self.assertEqual(self.kms.get_key(self.key).key_state, "3")

    def test_a_data_key_is_sealed_and_opened_again(self):
        made = self.kms.create_datakey(self.key, datakey_length="512")
        made.encrypt(self.kms)
        opened = self.kms.decrypt_datakey(self.key, made.cipher_text, 64)
        self.assertEqual(opened.plain_text.lower(), made.plain_text.lower())
        self.assertTrue(self.kms.create_datakey_wo_plain(self.key, datakey_length="512").cipher_text)

    def test_random_bytes_and_numbers_of_keys(self):
        self.assertEqual(len(self.kms.generate_random(512).random_data), 128)
        self.assertGreaterEqual(self.kms.get_instance_number().instance_num, 1)
        self.assertIn("CMK", [quota.type for quota in self.kms.quotas()])


class EnvironmentFromASecret(unittest.TestCase):
    def setUp(self):
        self.name = "environ-" + secrets.token_hex(4)
        value = json.dumps({"CSMS_TEST_USER": "app", "CSMS_TEST_WORD": "of the secret"})
        body = CreateSecretRequestBody(name=self.name, secret_string=value)
        client().create_secret(CreateSecretRequest(body=body))
        self.addCleanup(client().delete_secret, DeleteSecretRequest(secret_name=self.name))

    def test_members_of_a_secret_become_variables(self):
        region = SERVER["region"]
        # The variable by which the official SDK learns of a region that it does not list.
        variables = {
            "HUAWEICLOUD_SDK_REGION_CSMS_" + region.upper().replace("-", "_"): SERVER["endpoint"],
            "HUAWEICLOUD_SDK_AK": SERVER["access_key"],
            "HUAWEICLOUD_SDK_SK": SERVER["secret_key"],
            "HUAWEICLOUD_SDK_PROJECT_ID": SERVER["project_id"],
            "HUAWEICLOUD_REGION": region,
        }
        with mock.patch.dict(os.environ, variables):
            environ.load_env(self.name)
            self.assertEqual(os.environ["CSMS_TEST_WORD"], "of the secret")
            self.assertEqual(environ.get_json(self.name)["CSMS_TEST_USER"], "app")


if __name__ == "__main__":
    unittest.main()
