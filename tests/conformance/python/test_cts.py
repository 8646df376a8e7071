"""The audit trail through the official CTS SDK."""

import secrets
import time

from huaweicloudsdkcsms.v1 import (
    CreateSecretRequest,
    CreateSecretRequestBody,
    ShowSecretVersionRequest,
)
from huaweicloudsdkcts.v3 import CtsClient, ListTracesRequest

import sdk


class Traces(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.cts = sdk.client(kind=CtsClient)
        cls.csms = sdk.client()

    def setUp(self):
        self.name = f"traced-{secrets.token_hex(8)}"
        body = CreateSecretRequestBody(name=self.name, secret_string="hunter2")
        self.csms.create_secret(CreateSecretRequest(body=body))
        self.csms.show_secret_version(ShowSecretVersionRequest(secret_name=self.name, version_id="latest"))

    def traces(self, **asked):
        return self.cts.list_traces(ListTracesRequest(trace_type="system", **asked))

    def test_what_was_done_with_a_secret_is_told_newest_first(self):
        answer = self.traces(resource_name=self.name)
        self.assertEqual([trace.trace_name for trace in answer.traces], ["ShowSecretVersion", "CreateSecret"])
        self.assertEqual(answer.meta_data.count, 2)
        read, made = answer.traces
        self.assertEqual((made.resource_type, made.service_type, made.code), ("secret", "CSMS", "200"))
        self.assertEqual((made.trace_rating, made.user.name), ("normal", sdk.SERVER["user_name"]))
        self.assertEqual((read.read_only, made.read_only), (True, False))
        self.assertLessEqual(abs(made.time - time.time() * 1000), 600_000)
        (alone,) = self.traces(trace_id=made.trace_id).traces
        self.assertEqual(alone.to_dict(), made.to_dict())

    def test_pages_follow_each_other_by_the_marker(self):
        first = self.traces(resource_name=self.name, limit=1)
        second = self.traces(resource_name=self.name, limit=1, next=first.meta_data.marker)
        self.assertEqual([page.traces[0].trace_name for page in (first, second)], ["ShowSecretVersion", "CreateSecret"])
        self.assertIsNone(second.meta_data.marker)

    def test_traces_are_narrowed_by_user_operation_time_and_rating(self):
        asked = {"resource_name": self.name}
        self.assertEqual(len(self.traces(user=sdk.SERVER["user_name"], **asked).traces), 2)
        self.assertEqual(len(self.traces(user="nobody", **asked).traces), 0)
        self.assertEqual(len(self.traces(trace_name="CreateSecret", **asked).traces), 1)
        self.assertEqual(len(self.traces(service_type="KMS", **asked).traces), 0)
        self.assertEqual(len(self.traces(_from=1_000_000_000_000, to=1_000_000_000_001, **asked).traces), 0)
        self.assertEqual(len(self.traces(trace_rating="warning", **asked).traces), 0)
        absent = ShowSecretVersionRequest(secret_name=self.name, version_id="v7")
        self.assertRefused(404, "CSMS.0005", lambda: self.csms.show_secret_version(absent))
        (refused,) = self.traces(trace_rating="warning", **asked).traces
        self.assertEqual(refused.code, "404")

    def test_a_bad_question_is_refused(self):
        message = self.assertRefused(400, "CSMS.0002", lambda: self.traces(limit=201, trace_rating="bad"))
        self.assertIn("limit", message)
        self.assertIn("trace_rating", message)
