"""RotateSecret and ListSecretTask through the official SDK: what is refused, and what a failed task says.

Rotations that succeed, with a real database, are in tests/rotation.
"""

import json
import time
import unittest
import uuid

from huaweicloudsdkcsms.v1 import (
    CreateSecretRequest,
    CreateSecretRequestBody,
    ListSecretTaskRequest,
    RotateSecretRequest,
    ShowSecretStageRequest,
    ShowSecretVersionRequest,
)

import sdk

ACCOUNT = {
    "engine": "postgresql",
    "host": "127.0.0.1",
    # Nothing listens on the discard port: every attempt finds the database unreachable.
    "port": 9,
    "username": f"app-{sdk.AUTHENTICATION}",
    "password": "before",
    "tls": "disable",
    "note": "kept",
}


class Rotation(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.csms = sdk.client()

    def create(self, suffix, **fields):
        name = f"rotation-{sdk.AUTHENTICATION}-{suffix}"
        fields.setdefault("secret_type", "RDS-FG")
        fields.setdefault("rotation_config", '{"InstanceId":"i","SecretSubType":"SingleUser"}')
        fields.setdefault("secret_string", json.dumps(ACCOUNT | {"username": f"{ACCOUNT['username']}-{suffix}"}))
        fields.setdefault("rotation_func_urn", sdk.SERVER["rotation_func_urn"])
        fields = {key: value for key, value in fields.items() if value is not None}
        self.csms.create_secret(CreateSecretRequest(body=CreateSecretRequestBody(name=name, **fields)))
        return name

    def rotate(self, name):
        return self.csms.rotate_secret(RotateSecretRequest(secret_name=name))

    def task(self, task_id):
        tasks = self.csms.list_secret_task(ListSecretTaskRequest(task_id=task_id)).tasks
        self.assertEqual(len(tasks), 1)
        return tasks[0]

    def test_what_cannot_be_rotated_is_refused(self):
        common = self.create("common", secret_type="COMMON", rotation_config=None, rotation_func_urn=None)
        self.assertRefused(400, "CSMS.0501", lambda: self.rotate(common))
        without = self.create("no-function", rotation_func_urn=None)
        self.assertRefused(400, "CSMS.0502", lambda: self.rotate(without))
        multi = self.create("one-account", rotation_config='{"InstanceId":"i","SecretSubType":"MultiUser"}')
        self.assertRefused(400, "CSMS.0502", lambda: self.rotate(multi))
        text = self.create("no-account", secret_string='{"password":"x"}')
        self.assertIn("host", self.assertRefused(400, "CSMS.0502", lambda: self.rotate(text)))
        self.assertRefused(404, "CSMS.0106", lambda: self.rotate("absent"))

    def test_a_task_is_visible_at_once_and_a_failed_one_says_why(self):
        name = self.create("unreachable")
        answer = self.rotate(name)
        self.assertEqual((answer.secret_name, answer.version_id), (name, "v2"))
        self.assertEqual(self.task(answer.rotation_task_id).operate_type, "SINGLE_USER")
        self.assertRefused(400, "CSMS.0503", lambda: self.rotate(name))
        pending = self.csms.show_secret_stage(ShowSecretStageRequest(secret_name=name, stage_name="SYSPENDING"))
        self.assertEqual(pending.stage.version_id, "v2")
        request = ShowSecretVersionRequest(secret_name=name, version_id="v2")
        value = json.loads(self.csms.show_secret_version(request).version.secret_string)
        account = ACCOUNT | {"username": f"{ACCOUNT['username']}-unreachable"}
        self.assertEqual(value | {"password": "before"}, account)
        self.assertEqual(len(value["password"]), 32)

        deadline = time.monotonic() + 120
        while (task := self.task(answer.rotation_task_id)).task_status not in ("SUCCESS", "FAILED"):
            self.assertLess(time.monotonic(), deadline, task)
            time.sleep(0.2)
        self.assertEqual((task.task_status, task.attempt_nums), ("FAILED", 3))
        self.assertEqual(task.task_error_code, "CSMS.0511")
        self.assertTrue(task.task_error_msg)
        self.assertNotIn(value["password"], task.task_error_msg)
        latest = self.csms.show_secret_version(ShowSecretVersionRequest(secret_name=name, version_id="latest"))
        self.assertEqual(latest.version.version_metadata.id, "v1")

        failed = self.csms.list_secret_task(ListSecretTaskRequest(secret_name=name, status="FAILED"))
        self.assertEqual([task.task_id for task in failed.tasks], [answer.rotation_task_id])
        self.assertEqual((failed.total, failed.next_marker), (1, None))
        # The next rotation goes on with the same pending version.
        self.assertEqual(self.rotate(name).version_id, "v2")

    def test_listing_tasks_checks_its_parameters(self):
        listing = self.csms.list_secret_task
        self.assertRefused(400, "CSMS.0002", lambda: listing(ListSecretTaskRequest(status="RUNNING")))
        self.assertRefused(400, "CSMS.0002", lambda: listing(ListSecretTaskRequest(limit=1001)))
        both = ListSecretTaskRequest(task_id=str(uuid.uuid4()), status="FAILED")
        self.assertRefused(400, "CSMS.0002", lambda: listing(both))
        self.assertEqual(listing(ListSecretTaskRequest(task_id=str(uuid.uuid4()))).tasks, [])


if __name__ == "__main__":
    unittest.main()
