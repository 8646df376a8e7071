"""Users, access keys, passwords and policies through the official IAM v5 SDK."""

import json
import secrets

from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcsms.v1 import CsmsClient, ListSecretsRequest
from huaweicloudsdkiam.v5 import (
    AttachUserPolicyReqBody,
    AttachUserPolicyV5Request,
    CreateAccessKeyV5Request,
    CreateLoginProfileReqBody,
    CreateLoginProfileV5Request,
    CreatePolicyReqBody,
    CreatePolicyV5Request,
    CreatePolicyVersionReqBody,
    CreatePolicyVersionV5Request,
    CreateUserReqBody,
    CreateUserV5Request,
    DeleteAccessKeyV5Request,
    DeleteLoginProfileV5Request,
    DeletePolicyV5Request,
    DeletePolicyVersionV5Request,
    DeleteUserV5Request,
    DetachUserPolicyReqBody,
    DetachUserPolicyV5Request,
    GetPolicyV5Request,
    GetPolicyVersionV5Request,
    IamClient,
    ListAccessKeysV5Request,
    ListAttachedUserPoliciesV5Request,
    ListEntitiesForPolicyV5Request,
    ListPoliciesV5Request,
    ListPolicyVersionsV5Request,
    ListUsersV5Request,
    SetDefaultPolicyVersionV5Request,
    ShowAccessKeyLastUsedV5Request,
    ShowLoginProfileV5Request,
    ShowUserV5Request,
    UpdateAccessKeyReqBody,
    UpdateAccessKeyV5Request,
    UpdateLoginProfileReqBody,
    UpdateLoginProfileV5Request,
    UpdateUserReqBody,
    UpdateUserV5Request,
)

import sdk


def iam(access_key=None, secret_key=None):
    access_key = access_key or sdk.SERVER["access_key"]
    credentials = GlobalCredentials(access_key, secret_key or sdk.SERVER["secret_key"], sdk.SERVER["domain_id"])
    return IamClient.new_builder().with_credentials(credentials).with_endpoint(sdk.SERVER["endpoint"]).build()


def policy_document(effect, *actions):
    return json.dumps({"Version": "5.0", "Statement": [{"Effect": effect, "Action": list(actions)}]})


class Accounts(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.iam = iam()

    def setUp(self):
        self.name = f"user-{secrets.token_hex(8)}"
        body = CreateUserReqBody(name=self.name, description="for tests", enabled=True)
        self.user = self.iam.create_user_v5(CreateUserV5Request(body=body)).user
        self.id = self.user.user_id

    def refused(self, status, code, method, request):
        return self.assertRefused(status, code, lambda: method(request))

    def make_policy(self, document):
        name = f"policy-{secrets.token_hex(8)}"
        body = CreatePolicyReqBody(policy_name=name, policy_document=document, description="for tests")
        return self.iam.create_policy_v5(CreatePolicyV5Request(body=body)).policy

    def make_key(self):
        return self.iam.create_access_key_v5(CreateAccessKeyV5Request(user_id=self.id)).access_key

    def attach(self, policy_id):
        body = AttachUserPolicyReqBody(user_id=self.id)
        self.iam.attach_user_policy_v5(AttachUserPolicyV5Request(policy_id=policy_id, body=body))

    def test_a_user_is_made_shown_changed_and_deleted(self):
        self.assertEqual((self.user.user_name, self.user.enabled, self.user.is_root_user), (self.name, True, False))
        shown = self.iam.show_user_v5(ShowUserV5Request(user_id=self.id)).user
        self.assertEqual((shown.description, shown.created_at), ("for tests", self.user.created_at))
        self.assertIn(self.name, shown.urn)
        body = UpdateUserReqBody(new_user_name=self.name + "-2", enabled=False)
        changed = self.iam.update_user_v5(UpdateUserV5Request(user_id=self.id, body=body)).user
        self.assertEqual((changed.user_name, changed.enabled), (self.name + "-2", False))
        self.iam.delete_user_v5(DeleteUserV5Request(user_id=self.id))
        self.refused(404, "IAM.0005", self.iam.show_user_v5, ShowUserV5Request(user_id=self.id))

    def test_users_are_listed_page_by_page(self):
        names, marker = [], None
        while True:
            page = self.iam.list_users_v5(ListUsersV5Request(limit=2, marker=marker))
            self.assertEqual(page.page_info.current_count, len(page.users))
            names += [user.user_name for user in page.users]
            marker = page.page_info.next_marker
            if not marker:
                break
        self.assertEqual(names, sorted(names))
        self.assertIn(self.name, names)
        self.refused(400, "PAP5.0010", self.iam.list_users_v5, ListUsersV5Request(marker="bm90LW91cnM"))
        self.refused(400, "IAM.0002", self.iam.list_users_v5, ListUsersV5Request(limit=201))

    def test_an_access_key_is_made_switched_off_and_deleted(self):
        key = self.make_key()
        self.assertTrue(key.secret_access_key)
        body = UpdateAccessKeyReqBody(status="inactive")
        request = UpdateAccessKeyV5Request(user_id=self.id, access_key_id=key.access_key_id, body=body)
        self.assertEqual(self.iam.update_access_key_v5(request).access_key.status, "inactive")
        (listed,) = self.iam.list_access_keys_v5(ListAccessKeysV5Request(user_id=self.id)).access_keys
        self.assertEqual((listed.access_key_id, listed.status), (key.access_key_id, "inactive"))
        self.assertEqual(listed.created_at, key.created_at)
        request = ShowAccessKeyLastUsedV5Request(user_id=self.id, access_key_id=key.access_key_id)
        self.assertIsNone(self.iam.show_access_key_last_used_v5(request).access_key_last_used.last_used_at)
        gone = DeleteAccessKeyV5Request(user_id=self.id, access_key_id=key.access_key_id)
        self.iam.delete_access_key_v5(gone)
        self.refused(404, "IAM.0005", self.iam.delete_access_key_v5, gone)

    def test_a_password_is_the_right_to_sign_in(self):
        self.refused(404, "IAM.0005", self.iam.show_login_profile_v5, ShowLoginProfileV5Request(user_id=self.id))
        body = CreateLoginProfileReqBody(password="First Pass-Phrase 1", password_reset_required=False)
        made = self.iam.create_login_profile_v5(CreateLoginProfileV5Request(user_id=self.id, body=body)).login_profile
        self.assertEqual((made.user_id, made.password_reset_required), (self.id, False))
        self.assertTrue(sdk.token("First Pass-Phrase 1", self.name))
        body = UpdateLoginProfileReqBody(password="Second Pass-Phrase 2")
        self.iam.update_login_profile_v5(UpdateLoginProfileV5Request(user_id=self.id, body=body))
        self.assertTrue(sdk.token("Second Pass-Phrase 2", self.name))
        self.iam.delete_login_profile_v5(DeleteLoginProfileV5Request(user_id=self.id))
        with self.assertRaises(sdk.ServiceResponseException):
            sdk.token("Second Pass-Phrase 2", self.name)

    def test_who_is_attached_a_policy_may_do_what_it_allows(self):
        key = self.make_key()
        signed = BasicCredentials(key.access_key_id, key.secret_access_key, sdk.SERVER["project_id"])
        csms = CsmsClient.new_builder().with_credentials(signed).with_endpoint(sdk.SERVER["endpoint"]).build()
        self.refused(403, "CSMS.0302", csms.list_secrets, ListSecretsRequest())
        policy = self.make_policy(policy_document("Allow", "csms:*:list*"))
        self.attach(policy.policy_id)
        self.assertIsNotNone(csms.list_secrets(ListSecretsRequest(limit=1)).secrets)
        request = ListAttachedUserPoliciesV5Request(user_id=self.id)
        (attached,) = self.iam.list_attached_user_policies_v5(request).attached_policies
        self.assertEqual((attached.policy_name, attached.urn), (policy.policy_name, policy.urn))
        request = ListEntitiesForPolicyV5Request(policy_id=policy.policy_id)
        (user,) = self.iam.list_entities_for_policy_v5(request).policy_users
        self.assertEqual((user.user_id, user.attached_at), (self.id, attached.attached_at))

        body = CreatePolicyVersionReqBody(policy_document=policy_document("Deny", "*"), set_as_default=True)
        request = CreatePolicyVersionV5Request(policy_id=policy.policy_id, body=body)
        self.assertEqual(self.iam.create_policy_version_v5(request).policy_version.version_id, "v2")
        self.refused(403, "CSMS.0302", csms.list_secrets, ListSecretsRequest())
        body = DetachUserPolicyReqBody(user_id=self.id)
        self.iam.detach_user_policy_v5(DetachUserPolicyV5Request(policy_id=policy.policy_id, body=body))
        self.iam.delete_policy_v5(DeletePolicyV5Request(policy_id=policy.policy_id))
        self.refused(404, "IAM.0005", self.iam.get_policy_v5, GetPolicyV5Request(policy_id=policy.policy_id))

    def test_a_policy_has_versions_of_which_one_counts(self):
        policy = self.make_policy(policy_document("Allow", "csms:*"))
        self.assertEqual((policy.policy_type, policy.default_version_id), ("custom", "v1"))
        name = {"policy_id": policy.policy_id}
        body = CreatePolicyVersionReqBody(policy_document=policy_document("Allow", "kms:*"), set_as_default=False)
        self.iam.create_policy_version_v5(CreatePolicyVersionV5Request(body=body, **name))
        self.iam.set_default_policy_version_v5(SetDefaultPolicyVersionV5Request(version_id="v2", **name))
        versions = self.iam.list_policy_versions_v5(ListPolicyVersionsV5Request(**name)).versions
        self.assertEqual([(one.version_id, one.is_default) for one in versions], [("v1", False), ("v2", True)])
        shown = self.iam.get_policy_version_v5(GetPolicyVersionV5Request(version_id="v2", **name)).policy_version
        self.assertEqual(json.loads(shown.document), json.loads(policy_document("Allow", "kms:*")))
        counts = DeletePolicyVersionV5Request(version_id="v2", **name)
        self.refused(409, "IAM.0102", self.iam.delete_policy_version_v5, counts)
        self.iam.delete_policy_version_v5(DeletePolicyVersionV5Request(version_id="v1", **name))
        self.assertEqual(self.iam.get_policy_v5(GetPolicyV5Request(**name)).policy.default_version_id, "v2")
        body = CreatePolicyReqBody(policy_name="x", policy_document="{}")
        self.refused(400, "PAP5.0011", self.iam.create_policy_v5, CreatePolicyV5Request(body=body))

    def test_policies_of_the_system_can_be_attached(self):
        policies = self.iam.list_policies_v5(ListPoliciesV5Request(policy_type="system")).policies
        (reader,) = [policy for policy in policies if policy.policy_name == "CSMS ReadOnlyAccess"]
        self.attach(reader.policy_id)
        refused = DeletePolicyV5Request(policy_id=reader.policy_id)
        self.refused(409, "IAM.0102", self.iam.delete_policy_v5, refused)

    def test_nobody_may_do_any_of_it_without_a_policy(self):
        key = self.make_key()
        own = iam(key.access_key_id, key.secret_access_key)
        self.refused(403, "PAP5.0001", own.list_users_v5, ListUsersV5Request())
        self.refused(403, "PAP5.0001", own.list_access_keys_v5, ListAccessKeysV5Request(user_id=self.id))
        self.refused(403, "PAP5.0001", own.create_access_key_v5, CreateAccessKeyV5Request(user_id=self.id))
        body = AttachUserPolicyReqBody(user_id=self.id)
        request = AttachUserPolicyV5Request(policy_id="Administrator", body=body)
        self.refused(403, "PAP5.0001", own.attach_user_policy_v5, request)
