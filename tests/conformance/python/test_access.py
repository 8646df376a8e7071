"""Grants, users, agencies and function templates through the official SDK."""

import ast
import unittest
import uuid

from huaweicloudsdkcsms.v1 import (
    ChangeUsersPassword,
    CreateAgencyRequest,
    CreateAgencyRequestBody,
    CreateGrantsRequest,
    CreateSecretRequest,
    CreateSecretRequestBody,
    DeleteGrantRequest,
    GrantSecretReqBody,
    ListGrantsRequest,
    ListUsersRequest,
    ShowAgencyRequest,
    ShowSecretFunctionTemplatesRequest,
    ShowUserDetailRequest,
    UpdateGrantRequest,
    UpdateUserPasswordRequest,
)

from sdk import SERVER, SdkTest, client, token


class Grants(SdkTest):
    def setUp(self):
        self.client = client()
        self.name = "granted-" + uuid.uuid4().hex
        body = CreateSecretRequestBody(name=self.name, secret_string="value")
        self.secret = self.client.create_secret(CreateSecretRequest(body)).secret

    def body(self, **fields):
        return GrantSecretReqBody(
            resource_id=self.secret.id,
            type="SECRET",
            grantee_type="0",
            grantee_target_id=SERVER["user_name"],
            **fields,
        )

    def test_a_grant_is_given_changed_listed_and_taken_away(self):
        made = self.client.create_grants(CreateGrantsRequest(self.body(validity_time="2999-12-31"))).data
        self.assertEqual((made.resource_id, made.type), (self.secret.id, "SECRET"))
        self.assertGreater(made.validity_time, made.create_time)
        changed = self.client.update_grant(UpdateGrantRequest(self.secret.id, self.body())).data
        self.assertEqual((changed.uuid, changed.validity_time), (made.uuid, None))
        listed = self.client.list_grants(ListGrantsRequest(self.secret.id)).data
        self.assertEqual((listed.id, listed.name), (self.secret.id, self.name))
        self.assertEqual([user.user_name for user in listed.grantee_user], [SERVER["user_name"]])
        self.client.delete_grant(DeleteGrantRequest(made.grantee_user, self.secret.id))
        self.assertEqual(self.client.list_grants(ListGrantsRequest(self.secret.id)).data.grantee_user, [])

    def test_groups_are_refused(self):
        body = self.body()
        body.grantee_type = "2"
        self.assertRefused(400, "CSMS.0601", lambda: self.client.create_grants(CreateGrantsRequest(body)))


class Users(SdkTest):
    def setUp(self):
        self.client = client()

    def test_the_first_user_is_listed_and_shown(self):
        found = self.client.list_users(ListUsersRequest(offset=0, limit=10, user_info=SERVER["user_name"]))
        user = next(user for user in found.users if user.user_name == SERVER["user_name"])
        shown = self.client.show_user_detail(ShowUserDetailRequest(user.user_id))
        self.assertEqual((shown.user_name, shown.disabled), (SERVER["user_name"], False))
        self.assertEqual(shown.domain_id, SERVER["domain_id"])

    def test_a_password_is_changed_by_who_knows_it(self):
        change = lambda old, new: self.client.update_user_password(
            UpdateUserPasswordRequest(ChangeUsersPassword(password=new, old_password=old))
        )
        self.assertRefused(400, "CSMS.0602", lambda: change("not the password", SERVER["password"]))
        # To the same one: other tests sign in with it.
        self.assertTrue(change(SERVER["password"], SERVER["password"]).user_id)
        self.assertTrue(token())


class Functions(SdkTest):
    def setUp(self):
        self.client = client()

    def test_agencies_exist_once_they_are_made(self):
        body = CreateAgencyRequestBody(secret_type="RDS-FG")
        made = self.client.create_agency(CreateAgencyRequest(body)).agencies
        self.assertEqual(made[0].agency_name, "CSMSAccessFunctionGraph")
        self.assertTrue(all(agency.agency_id for agency in made))
        self.assertEqual(self.client.show_agency(ShowAgencyRequest("RDS-FG")).agency_granted, "true")

    def test_a_template_is_python_with_a_handler(self):
        request = ShowSecretFunctionTemplatesRequest("RDS-FG", "SingleUser", "mysql")
        text = self.client.show_secret_function_templates(request).function_templates
        names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
        self.assertIn("handler", names)


if __name__ == "__main__":
    unittest.main()
