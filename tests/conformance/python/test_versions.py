"""Versions and stages through the official SDK."""

import time
import unittest

from huaweicloudsdkcsms.v1 import (
    CreateSecretRequest,
    CreateSecretRequestBody,
    CreateSecretVersionRequest,
    CreateSecretVersionRequestBody,
    DeleteSecretStageRequest,
    ListSecretVersionsRequest,
    ShowSecretStageRequest,
    ShowSecretVersionRequest,
    UpdateSecretStageRequest,
    UpdateSecretStageRequestBody,
    UpdateVersionRequest,
    UpdateVersionRequestBody,
)

import sdk


class Versions(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.csms = sdk.client()

    def setUp(self):
        self.name = f"versions-{sdk.AUTHENTICATION}-{self._testMethodName}"[:64]
        body = CreateSecretRequestBody(name=self.name, secret_string="one")
        self.csms.create_secret(CreateSecretRequest(body=body))

    def add(self, value="more", **fields):
        if "secret_binary" not in fields:
            fields["secret_string"] = value
        body = CreateSecretVersionRequestBody(**fields)
        request = CreateSecretVersionRequest(secret_name=self.name, body=body)
        return self.csms.create_secret_version(request).version_metadata

    def read(self, version="latest"):
        request = ShowSecretVersionRequest(secret_name=self.name, version_id=version)
        return self.csms.show_secret_version(request).version

    def list(self, **query):
        return self.csms.list_secret_versions(ListSecretVersionsRequest(secret_name=self.name, **query))

    def stage(self, stage):
        return self.csms.show_secret_stage(ShowSecretStageRequest(secret_name=self.name, stage_name=stage)).stage

    def move(self, stage, version):
        body = UpdateSecretStageRequestBody(version_id=version)
        request = UpdateSecretStageRequest(secret_name=self.name, stage_name=stage, body=body)
        return self.csms.update_secret_stage(request).stage

    def remove(self, stage):
        return self.csms.delete_secret_stage(DeleteSecretStageRequest(secret_name=self.name, stage_name=stage))

    def test_a_new_version_is_current_and_the_former_previous(self):
        added = self.add("two")
        self.assertEqual((added.id, added.version_stages), ("v2", ["SYSCURRENT"]))
        self.assertEqual(self.read().secret_string, "two")
        self.assertEqual(self.read("v1").secret_string, "one")
        self.assertEqual(self.stage("SYSPREVIOUS").version_id, "v1")

    def test_named_stages_replace_the_default(self):
        self.assertEqual(self.add(version_stages=["blue", "green"]).version_stages, ["blue", "green"])
        self.assertEqual(self.stage("SYSCURRENT").version_id, "v1")

    def test_a_binary_value_comes_back_as_it_was_sent(self):
        self.add(secret_binary="AAECAwT/")
        version = self.read()
        self.assertEqual((version.secret_binary, version.secret_string), ("AAECAwT/", None))

    def test_a_value_of_32768_bytes_is_kept_and_one_more_is_refused(self):
        self.add("x" * 32_768)
        self.assertEqual(len(self.read().secret_string), 32_768)
        self.assertRefused(400, "CSMS.0002", lambda: self.add("x" * 32_769))

    def test_text_outside_ascii_survives(self):
        self.add("пароль 密码 🔑\n\t\"\\")
        self.assertEqual(self.read().secret_string, "пароль 密码 🔑\n\t\"\\")

    def test_at_most_20_versions_are_kept(self):
        for number in range(24):
            self.add(str(number))
        ids = [version.id for version in self.list().version_metadatas]
        self.assertEqual(ids, [f"v{number}" for number in range(6, 26)])
        self.assertRefused(404, "CSMS.0005", lambda: self.read("v1"))

    def test_versions_are_listed_by_number_in_pages(self):
        for number in range(10):
            self.add(str(number))
        first = self.list(limit=6)
        self.assertEqual(first.page_info.next_marker, "v6")
        rest = self.list(limit=6, marker="v6")
        self.assertEqual([version.id for version in rest.version_metadatas], ["v7", "v8", "v9", "v10", "v11"])
        self.assertIsNone(rest.page_info.next_marker)

    def test_the_expiry_is_set_in_whole_seconds_and_only_to_the_future(self):
        later = int(time.time() * 1000) + 3_600_999
        request = UpdateVersionRequest(
            secret_name=self.name, version_id="v1", body=UpdateVersionRequestBody(expire_time=later)
        )
        updated = self.csms.update_version(request).version_metadata
        self.assertEqual(updated.expire_time, later - later % 1000)
        request.body = UpdateVersionRequestBody(expire_time=1_000_000_000_000)
        self.assertRefused(400, "CSMS.0002", lambda: self.csms.update_version(request))
        self.assertEqual(self.add(expire_time=later).expire_time, later - later % 1000)

    def test_a_stage_moves_and_is_made_when_there_is_none(self):
        self.add("two")
        self.assertEqual(self.move("blue", "v1").version_id, "v1")
        self.assertEqual(self.move("blue", "v2").version_id, "v2")
        self.assertEqual(self.stage("blue").secret_name, self.name)
        self.move("SYSCURRENT", "v1")
        self.assertEqual(self.stage("SYSPREVIOUS").version_id, "v2")
        self.assertEqual(self.read().secret_string, "one")

    def test_a_stage_is_deleted_unless_it_is_built_in(self):
        self.move("blue", "v1")
        self.remove("blue")
        self.assertRefused(404, "CSMS.0005", lambda: self.stage("blue"))
        self.assertRefused(404, "CSMS.0005", lambda: self.remove("blue"))
        self.assertRefused(400, "CSMS.0105", lambda: self.remove("SYSCURRENT"))

    def test_the_13th_stage_is_refused(self):
        for number in range(11):
            self.move(f"s{number}", "v1")
        self.assertRefused(400, "CSMS.0203", lambda: self.move("s11", "v1"))

    def test_bad_names_and_missing_things_are_told_apart(self):
        self.assertRefused(400, "CSMS.0002", lambda: self.move("blue", "latest"))
        self.assertRefused(400, "CSMS.0002", lambda: self.move("bl.ue", "v1"))
        self.assertRefused(404, "CSMS.0005", lambda: self.move("blue", "v9"))
        self.assertRefused(404, "CSMS.0005", lambda: self.read("v9"))
        self.assertRefused(400, "CSMS.0002", lambda: self.read("SYSCURRENT"))
        self.assertRefused(400, "CSMS.0002", lambda: self.list(limit=0))
        self.assertRefused(400, "CSMS.0002", lambda: self.list(marker="nine"))


if __name__ == "__main__":
    unittest.main()
