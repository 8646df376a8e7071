"""Who is let in: signatures, tokens, projects."""

import os
import unittest

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkcore.signer.algorithm import SigningAlgorithm
from huaweicloudsdkcsms.v1 import CreateSecretRequest, CreateSecretRequestBody, CsmsClient, DeleteSecretRequest, ListSecretsRequest

import sdk


class Authentication(sdk.SdkTest):
    def list_with(self, credentials):
        return lambda: sdk.client(credentials).list_secrets(ListSecretsRequest(limit="1"))

    def test_a_wrong_secret_key_is_refused(self):
        wrong = sdk.signature_credentials(secret_key="x" * 40)
        self.assertIn("verify aksk signature fail", self.assertRefused(401, "APIGW.0301", self.list_with(wrong)))

    def test_an_unknown_access_key_is_refused(self):
        unknown = sdk.signature_credentials(access_key="A" * 20)
        self.assertRefused(401, "APIGW.0301", self.list_with(unknown))

    def test_another_project_is_refused(self):
        other = sdk.signature_credentials(project_id="0" * 32)
        self.assertRefused(403, "CSMS.0302", self.list_with(other))

    def test_a_changed_security_token_is_refused(self):
        temporary = sdk.signature_credentials().with_security_token("AAAA")
        self.assertRefused(401, "APIGW.0301", self.list_with(temporary))

    def test_a_changed_token_is_refused(self):
        token = sdk.token()
        changed = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
        credentials = sdk.TokenCredentials(changed, sdk.SERVER["project_id"])
        self.assertRefused(401, "CSMS.0301", self.list_with(credentials))

    def test_a_wrong_password_gets_no_token(self):
        for wrong in ({"password": "wrong"}, {"user": "nobody"}):
            with self.subTest(**wrong), self.assertRaises(Exception) as caught:
                sdk.token(**wrong)
            self.assertEqual(caught.exception.status_code, 401)

    def make_and_delete(self, client):
        name = f"signed-{os.urandom(8).hex()}"
        body = CreateSecretRequestBody(name=name, secret_string="\u51ed\u636e")
        self.assertEqual(client.create_secret(CreateSecretRequest(body=body)).secret.name, name)
        client.delete_secret(DeleteSecretRequest(secret_name=name))
        self.assertIsNotNone(client.list_secrets(ListSecretsRequest(limit="1")).page_info)

    def test_a_signature_by_sm3_is_accepted(self):
        config = HttpConfig(signing_algorithm=SigningAlgorithm.HMAC_SM3)
        builder = CsmsClient.new_builder().with_http_config(config).with_endpoint(sdk.SERVER["endpoint"])
        self.make_and_delete(builder.with_credentials(sdk.signature_credentials()).build())

    def test_a_signature_by_a_derived_key_is_accepted(self):
        credentials = sdk.signature_credentials().with_derived_predicate(lambda request: True)
        region = Region(sdk.SERVER["region"], sdk.SERVER["endpoint"])
        builder = CsmsClient.new_builder().with_credentials(credentials).with_region(region)
        self.make_and_delete(builder._with_derived_auth_service_name("csms").build())

    def test_the_sdk_finds_the_project_by_its_region(self):
        os.environ["HUAWEICLOUD_SDK_IAM_ENDPOINT"] = sdk.SERVER["endpoint"]
        try:
            self.assertEqual(set(sdk.SERVER["projects"]), {sdk.SERVER["region"], "away"})
            for name, project in sdk.SERVER["projects"].items():
                with self.subTest(region=name):
                    credentials = BasicCredentials(sdk.SERVER["access_key"], sdk.SERVER["secret_key"])
                    region = Region(name, sdk.SERVER["endpoint"])
                    client = CsmsClient.new_builder().with_credentials(credentials).with_region(region).build()
                    self.assertIsNotNone(client.list_secrets(ListSecretsRequest(limit="1")).page_info)
                    self.assertEqual(client.get_credentials().project_id, project)
        finally:
            del os.environ["HUAWEICLOUD_SDK_IAM_ENDPOINT"]


if __name__ == "__main__":
    unittest.main()
