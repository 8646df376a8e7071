"""Life cycle of secrets through the official SDK."""

import unittest

from huaweicloudsdkcsms.v1 import (
    CreateSecretRequest,
    CreateSecretRequestBody,
    DeleteSecretForScheduleRequest,
    DeleteSecretForScheduleRequestBody,
    DeleteSecretRequest,
    DownloadSecretBlobRequest,
    ListSecretsRequest,
    RestoreSecretRequest,
    ShowSecretRequest,
    ShowSecretVersionRequest,
    UpdateSecretRequest,
    UpdateSecretRequestBody,
    UploadSecretBlobRequest,
    UploadSecretBlobRequestBody,
)

import sdk

CONFIG = "{'InstanceId':'instance','SecretSubType':'SingleUser'}"
URN = "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:elsewhere:latest"


class Secrets(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.csms = sdk.client()
        cls.prefix = f"life-{sdk.AUTHENTICATION}-"

    def create(self, name, **fields):
        fields.setdefault("secret_string", "value")
        body = CreateSecretRequestBody(name=self.prefix + name, **fields)
        return self.csms.create_secret(CreateSecretRequest(body=body)).secret

    def show(self, name):
        return self.csms.show_secret(ShowSecretRequest(secret_name=self.prefix + name)).secret

    def update(self, name, **fields):
        request = UpdateSecretRequest(secret_name=self.prefix + name, body=UpdateSecretRequestBody(**fields))
        return self.csms.update_secret(request).secret

    def test_a_created_secret_is_enabled_and_protected_by_the_default_key(self):
        made = self.create("made", description="demo")
        self.assertEqual((made.state, made.secret_type, made.auto_rotation), ("ENABLED", "COMMON", False))
        self.assertEqual(len(str(made.create_time)), 13)
        self.assertEqual(made.create_time, made.update_time)
        self.assertIsNone(made.scheduled_delete_time)
        self.assertEqual(made.event_subscriptions, [])
        self.assertEqual(self.create("made-too").kms_key_id, made.kms_key_id)
        self.assertEqual(self.show("made"), made)

    def test_a_rotated_secret_keeps_its_configuration(self):
        made = self.create(
            "rotated",
            secret_type="RDS-FG",
            auto_rotation=True,
            rotation_period="30d",
            rotation_config=CONFIG,
            rotation_func_urn=URN,
        )
        self.assertEqual(made.rotation_config, '{"InstanceId":"instance","SecretSubType":"SingleUser"}')
        self.assertEqual(made.next_rotation_time - made.create_time, 30 * 86_400_000)
        self.assertEqual((made.rotation_period, made.rotation_func_urn), ("30d", URN))

    def test_every_problem_of_a_creation_is_told_at_once(self):
        text = self.assertRefused(
            400,
            "CSMS.0002",
            lambda: self.create(
                "dot.", secret_type="RDS-FG", auto_rotation=True, kms_key_id="no key", secret_binary="e30="
            ),
        )
        for part in ("name", "secret_string and secret_binary", "kms_key_id", "rotation_period", "rotation_config"):
            self.assertIn(part, text)

    def test_values_that_break_a_rule_are_refused(self):
        for fields in (
            {"secret_string": "x" * 32_769},
            {"secret_string": None, "secret_binary": "not base64"},
            {"secret_string": None},
            {"description": "x" * 2049},
            {"secret_type": "RDS"},
            {"auto_rotation": True, "rotation_period": "1d"},
            {"event_subscriptions": ["a", "b"]},
        ):
            with self.subTest(fields=list(fields)):
                self.assertRefused(400, "CSMS.0002", lambda fields=fields: self.create("refused", **fields))

    def test_a_period_outside_its_bounds_is_refused(self):
        for period in ("3h", "366d", "1w", "d"):
            with self.subTest(period=period):
                fields = {"secret_type": "RDS-FG", "rotation_config": CONFIG, "rotation_period": period}
                self.assertRefused(400, "CSMS.0002", lambda fields=fields: self.create("period", **fields))

    def test_a_key_that_does_not_exist_is_refused(self):
        key = "00000000-0000-0000-0000-000000000000"
        self.assertRefused(400, "CSMS.0401", lambda: self.create("no-key", kms_key_id=key))

    def test_a_name_is_taken_once(self):
        self.create("twice")
        self.assertRefused(400, "CSMS.0101", lambda: self.create("twice"))

    def test_metadata_is_updated_and_left_alone_where_nothing_is_said(self):
        self.create("update", description="before", secret_type="RDS-FG", rotation_config=CONFIG)
        self.assertEqual(self.update("update", rotation_period="7d").description, "before")
        updated = self.update("update", description="", auto_rotation=True)
        self.assertEqual((updated.description, updated.auto_rotation), ("", True))
        self.assertEqual(updated.next_rotation_time - updated.update_time, 7 * 86_400_000)
        self.assertRefused(400, "CSMS.0002", lambda: self.update("update", rotation_period="1s"))
        self.assertRefused(400, "CSMS.0401", lambda: self.update("update", kms_key_id="no-such-alias"))
        self.assertRefused(404, "CSMS.0106", lambda: self.update("absent", description="x"))

    def test_pages_follow_each_other_and_the_last_has_no_marker(self):
        names = [self.prefix + f"page-{number}" for number in range(5)]
        for number in range(5):
            self.create(f"page-{number}")
        seen, marker, pages = [], self.prefix + "page-", 0
        while True:
            page = self.csms.list_secrets(ListSecretsRequest(limit="2", marker=marker))
            seen += [secret.name for secret in page.secrets]
            self.assertEqual(page.page_info.current_count, len(page.secrets))
            self.assertEqual(page.page_info.previous_marker, page.secrets[0].name)
            marker, pages = page.page_info.next_marker, pages + 1
            if marker is None:
                break
            self.assertEqual(marker, page.secrets[-1].name)
        self.assertEqual([name for name in seen if name in names], names)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertGreaterEqual(pages, 3)

    def test_a_page_size_outside_its_bounds_is_refused(self):
        for limit in ("0", "1001", "ten"):
            self.assertRefused(
                400, "CSMS.0002", lambda limit=limit: self.csms.list_secrets(ListSecretsRequest(limit=limit))
            )

    def test_a_deleted_secret_is_gone_at_once(self):
        self.create("delete")
        self.csms.delete_secret(DeleteSecretRequest(secret_name=self.prefix + "delete"))
        self.assertRefused(404, "CSMS.0106", lambda: self.show("delete"))
        self.create("delete")

    def test_a_scheduled_deletion_locks_the_value_until_it_is_cancelled(self):
        self.create("schedule")
        name = self.prefix + "schedule"

        def schedule(days):
            body = DeleteSecretForScheduleRequestBody(recovery_window_in_days=days)
            return self.csms.delete_secret_for_schedule(
                DeleteSecretForScheduleRequest(secret_name=name, body=body)
            ).secret

        def restore():
            return self.csms.restore_secret(RestoreSecretRequest(secret_name=name)).secret

        self.assertRefused(400, "CSMS.0002", lambda: schedule(6))
        self.assertRefused(400, "CSMS.0108", restore)
        pending = schedule(7)
        self.assertEqual(pending.state, "PENDING_DELETE")
        self.assertEqual(pending.scheduled_delete_time - pending.update_time, 7 * 86_400_000)
        self.assertRefused(400, "CSMS.0107", lambda: schedule(7))
        self.assertRefused(400, "CSMS.0103", lambda: self.update("schedule", description="x"))
        read = ShowSecretVersionRequest(secret_name=name, version_id="latest")
        self.assertRefused(400, "CSMS.0103", lambda: self.csms.show_secret_version(read))
        self.assertEqual(self.show("schedule").state, "PENDING_DELETE")
        restored = restore()
        self.assertEqual((restored.state, restored.scheduled_delete_time), ("ENABLED", None))
        self.assertEqual(self.csms.show_secret_version(read).version.secret_string, "value")

    def test_a_backup_brings_a_deleted_secret_back(self):
        made = self.create("backup", description="kept")
        name = self.prefix + "backup"
        blob = self.csms.download_secret_blob(DownloadSecretBlobRequest(secret_name=name)).secret_blob

        def upload(text):
            body = UploadSecretBlobRequestBody(secret_blob=text)
            return self.csms.upload_secret_blob(UploadSecretBlobRequest(body=body)).secret

        self.assertRefused(400, "CSMS.0101", lambda: upload(blob))
        self.csms.delete_secret(DeleteSecretRequest(secret_name=name))
        self.assertRefused(400, "CSMS.0002", lambda: upload(blob[:-8]))
        self.assertEqual(upload(blob), made)
        read = ShowSecretVersionRequest(secret_name=name, version_id="latest")
        self.assertEqual(self.csms.show_secret_version(read).version.secret_string, "value")


if __name__ == "__main__":
    unittest.main()
