"""Tags, batches, passwords and the checker through the official SDK."""

import unittest

from huaweicloudsdkcsms.v1 import (
    BatchCreateOrDeleteTagsRequest,
    BatchCreateOrDeleteTagsRequestBody,
    BatchImportSecretsRequest,
    CheckSecretsRequest,
    CheckSecretsRequestBody,
    CreatePasswordRequestBody,
    CreateSecretRequest,
    CreateSecretRequestBody,
    CreateSecretTagRequest,
    CreateSecretTagRequestBody,
    DeleteSecretTagRequest,
    GenerateRandomPasswordRequest,
    ImportSecretsRequest,
    ListProjectSecretsTagsRequest,
    ListResourceInstancesRequest,
    ListResourceInstancesRequestBody,
    ListSecretTagsRequest,
    ShowSecretsConfigRequest,
    Tag,
    TagItem,
    TagMatches,
    UpdateSecretsConfigRequest,
    UpdateSecretsConfigRequestBody,
)

import sdk


class Tags(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.csms = sdk.client()
        cls.prefix = f"tags-{sdk.AUTHENTICATION}-"

    def create(self, name):
        body = CreateSecretRequestBody(name=self.prefix + name, secret_string="value")
        return self.csms.create_secret(CreateSecretRequest(body=body)).secret.id

    def tag(self, secret_id, key, value):
        body = CreateSecretTagRequestBody(tag=TagItem(key=key, value=value))
        self.csms.create_secret_tag(CreateSecretTagRequest(secret_id=secret_id, body=body))

    def change(self, secret_id, action, **tags):
        items = [TagItem(key=key, value=value) for key, value in tags.items()]
        body = BatchCreateOrDeleteTagsRequestBody(action=action, tags=items)
        self.csms.batch_create_or_delete_tags(BatchCreateOrDeleteTagsRequest(secret_id=secret_id, body=body))

    def tags(self, secret_id):
        listed = self.csms.list_secret_tags(ListSecretTagsRequest(secret_id=secret_id)).tags
        return {tag.key: tag.value for tag in listed}

    def find(self, **fields):
        body = ListResourceInstancesRequestBody(**fields)
        request = ListResourceInstancesRequest(resource_instances="resource_instances", body=body)
        return self.csms.list_resource_instances(request)

    def test_tags_are_added_changed_and_taken_away(self):
        secret_id = self.create("one")
        self.tag(secret_id, "env", "prod")
        self.tag(secret_id, "env", "test")
        self.change(secret_id, "create", team="a", cost="")
        self.assertEqual(self.tags(secret_id), {"env": "test", "team": "a", "cost": ""})
        self.csms.delete_secret_tag(DeleteSecretTagRequest(secret_id=secret_id, key="cost"))
        self.change(secret_id, "delete", team="")
        self.assertEqual(self.tags(secret_id), {"env": "test"})
        again = DeleteSecretTagRequest(secret_id=secret_id, key="cost")
        self.assertRefused(404, "CSMS.0005", lambda: self.csms.delete_secret_tag(again))
        self.assertRefused(400, "CSMS.0002", lambda: self.tag(secret_id, "_sys_env", "x"))
        self.assertRefused(400, "CSMS.0002", lambda: self.change(secret_id, "replace", env="x"))

    def test_secrets_are_found_by_their_tags(self):
        key = f"found-{sdk.AUTHENTICATION}"
        for name, value in (("find-a", "x"), ("find-b", "y"), ("find-c", "x")):
            self.tag(self.create(name), key, value)
        found = self.find(action="filter", tags=[Tag(key=key, values=["x"])])
        self.assertEqual([item.resource_name for item in found.resources], [self.prefix + "find-a", self.prefix + "find-c"])
        self.assertEqual(found.total_count, 2)
        self.assertEqual(found.resources[0].resource_detail.name, self.prefix + "find-a")
        by_name = [TagMatches(key="resource_name", value="FIND-B")]
        self.assertEqual(self.find(action="count", tags=[Tag(key=key, values=[])], matches=by_name).total_count, 1)
        every = self.csms.list_project_secrets_tags(ListProjectSecretsTagsRequest()).tags
        self.assertIn((key, ["x", "y"]), [(tag.key, tag.values) for tag in every])


class Batches(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.csms = sdk.client()
        cls.prefix = f"batch-{sdk.AUTHENTICATION}-"

    def test_an_import_says_what_could_not_be_created(self):
        entries = [
            CreateSecretRequestBody(name=self.prefix + name, secret_string="value") for name in ("a", "b", "a", "c.d")
        ]
        request = BatchImportSecretsRequest(body=ImportSecretsRequest(secrets=entries))
        answer = self.csms.batch_import_secrets(request)
        self.assertEqual((answer.total, answer.success, answer.failed), (4, 2, 2))
        self.assertEqual([error["name"] if isinstance(error, dict) else error.name for error in answer.error_list],
                         [self.prefix + "a", self.prefix + "c.d"])

    def test_a_password_is_drawn_as_asked_for(self):
        body = CreatePasswordRequestBody(length=20, exclude_punctuation=True, require_each_included_type=True)
        password = self.csms.generate_random_password(GenerateRandomPasswordRequest(body=body)).password
        self.assertEqual(len(password), 20)
        self.assertTrue(password.isalnum() and not password.isalpha() and not password.isdigit())
        usual = self.csms.generate_random_password(GenerateRandomPasswordRequest()).password
        self.assertEqual(len(usual), 32)
        wrong = GenerateRandomPasswordRequest(body=CreatePasswordRequestBody(length=0))
        self.assertRefused(400, "CSMS.0002", lambda: self.csms.generate_random_password(wrong))

    def test_a_password_is_judged(self):
        body = CheckSecretsRequestBody(type="password", data={"secret": "hunter2"})
        verdict = self.csms.check_secrets(CheckSecretsRequest(body=body))
        self.assertEqual((verdict.type, verdict.data["strength"]), ("password", "weak"))
        on = UpdateSecretsConfigRequestBody(checking_secret_strength=True)
        updated = self.csms.update_secrets_config(UpdateSecretsConfigRequest(body=on))
        self.assertTrue(updated.checking_secret_strength)
        self.assertTrue(self.csms.show_secrets_config(ShowSecretsConfigRequest()).checking_secret_strength)


if __name__ == "__main__":
    unittest.main()
