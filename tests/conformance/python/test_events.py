"""Events through the official SDK."""

import json
import time
import unittest

from huaweicloudsdkcsms.v1 import (
    CreateSecretEventRequest,
    CreateSecretEventRequestBody,
    CreateSecretRequest,
    CreateSecretRequestBody,
    CreateSecretVersionRequest,
    CreateSecretVersionRequestBody,
    DeleteSecretEventRequest,
    DeleteSecretRequest,
    ListNotificationRecordsRequest,
    ListSecretEventsRequest,
    ListSecretsRequest,
    Notification,
    ShowSecretEventRequest,
    UpdateSecretEventRequest,
    UpdateSecretEventRequestBody,
)

import sdk

TARGET = Notification(target_type="SMN", target_id="urn:smn:local-1:none:nowhere", target_name="nowhere")

# How long the server may take to make its first attempt.
WITHIN_SECONDS = 60


class Events(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.csms = sdk.client()
        cls.prefix = f"event-{sdk.AUTHENTICATION}-"

    def create(self, name, types=("SECRET_DELETED",), **fields):
        fields = {"state": "ENABLED", "notification": TARGET, **fields}
        body = CreateSecretEventRequestBody(name=self.prefix + name, event_types=list(types), **fields)
        return self.csms.create_secret_event(CreateSecretEventRequest(body=body)).event

    def show(self, name):
        return self.csms.show_secret_event(ShowSecretEventRequest(event_name=self.prefix + name)).event

    def delete(self, name):
        self.csms.delete_secret_event(DeleteSecretEventRequest(event_name=self.prefix + name))

    def subscribe(self, secret, event):
        body = CreateSecretRequestBody(
            name=self.prefix + secret, secret_string="value", event_subscriptions=[self.prefix + event]
        )
        return self.csms.create_secret(CreateSecretRequest(body=body)).secret

    def test_an_event_is_created_changed_and_deleted(self):
        made = self.create("life")
        self.assertEqual((made.state, made.event_types), ("ENABLED", ["SECRET_DELETED"]))
        self.assertEqual(len(str(made.create_time)), 13)
        self.assertEqual(self.show("life"), made)
        self.assertRefused(400, "CSMS.0101", lambda: self.create("life"))
        body = UpdateSecretEventRequestBody(state="DISABLED", event_types=["SECRET_ROTATED", "SECRET_ROTATED_FAILED"])
        request = UpdateSecretEventRequest(event_name=self.prefix + "life", body=body)
        updated = self.csms.update_secret_event(request).event
        self.assertEqual((updated.state, len(updated.event_types)), ("DISABLED", 2))
        self.assertEqual(updated.notification, made.notification)
        self.delete("life")
        self.assertRefused(404, "CSMS.0005", lambda: self.show("life"))
        self.assertRefused(404, "CSMS.0005", lambda: self.delete("life"))

    def test_values_that_break_a_rule_are_refused(self):
        wrong = Notification(target_type="SMS", target_id="a b", target_name="nowhere")
        for fields in ({"types": ()}, {"types": ("SECRET_LOST",)}, {"state": "ON"}, {"notification": wrong}):
            with self.subTest(fields=list(fields)):
                self.assertRefused(400, "CSMS.0002", lambda fields=fields: self.create("wrong", **fields))

    def test_events_are_listed_by_name(self):
        for name in ("page-b", "page-a", "page-c"):
            self.create(name)
        page = self.csms.list_secret_events(ListSecretEventsRequest(limit="2", marker=self.prefix + "page-"))
        self.assertEqual([event.name for event in page.events], [self.prefix + "page-a", self.prefix + "page-b"])
        self.assertEqual(page.page_info.next_marker, self.prefix + "page-b")

    def test_an_event_that_secrets_subscribe_to_stays(self):
        self.create("bound")
        self.subscribe("bound", "bound")
        listed = self.csms.list_secrets(ListSecretsRequest(event_name=self.prefix + "bound")).secrets
        self.assertEqual([secret.name for secret in listed], [self.prefix + "bound"])
        self.assertRefused(400, "CSMS.0207", lambda: self.delete("bound"))
        self.csms.delete_secret(DeleteSecretRequest(secret_name=self.prefix + "bound"))
        self.delete("bound")
        self.assertRefused(400, "CSMS.0002", lambda: self.subscribe("unbound", "bound"))

    def test_what_happens_is_recorded(self):
        self.create("told", types=("SECRET_VERSION_CREATED",))
        secret = self.subscribe("told", "told")
        version = CreateSecretVersionRequestBody(secret_string="next")
        self.csms.create_secret_version(CreateSecretVersionRequest(secret_name=secret.name, body=version))
        deadline = time.monotonic() + WITHIN_SECONDS
        while True:
            records = self.csms.list_notification_records(ListNotificationRecordsRequest()).records
            told = [record for record in records if record.secret_name == secret.name]
            if told:
                break
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        # The topic leads nowhere.
        self.assertEqual((told[0].notification_status, told[0].trigger_event_type), ("INVALID", "SECRET_VERSION_CREATED"))
        content = json.loads(told[0].notification_content)
        self.assertEqual((content["data"]["secretId"], content["data"]["versionId"]), (secret.id, "v2"))


if __name__ == "__main__":
    unittest.main()
