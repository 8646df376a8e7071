"""Clients of the official SDKs for a running server, with a signature or with a token.

The server is named by the variable CSMS_CREDENTIALS, the path of its credentials.json, and the way to
authenticate by CSMS_AUTHENTICATION: "signature" or "token".
"""

import json
import os
import unittest

from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.signer.signer import Signer
from huaweicloudsdkcsms.v1 import CsmsClient
from huaweicloudsdkiam.v3 import (
    IamClient,
    KeystoneCreateUserTokenByPasswordRequest,
    KeystoneCreateUserTokenByPasswordRequestBody,
    PwdAuth,
    PwdIdentity,
    PwdPassword,
    PwdPasswordUser,
    PwdPasswordUserDomain,
    AuthScope,
    AuthScopeProject,
)

with open(os.environ["CSMS_CREDENTIALS"], encoding="utf-8") as file:
    SERVER = json.load(file)

AUTHENTICATION = os.environ.get("CSMS_AUTHENTICATION", "signature")


class TokenCredentials(BasicCredentials):
    """Sends X-Auth-Token instead of a signature, as callers do who hold a token from IAM."""

    def __init__(self, token, project_id):
        super().__init__("unused", "unused", project_id)
        self._token = token

    def sign_request(self, request):
        request.header_params["X-Auth-Token"] = self._token
        request.header_params["X-Project-Id"] = self.project_id
        Signer.process_request_uri(request)
        return request


# The client builder knows credentials by the name of their class.
TokenCredentials.__name__ = BasicCredentials.__name__


def iam_client():
    credentials = GlobalCredentials(SERVER["access_key"], SERVER["secret_key"], SERVER["domain_id"])
    return IamClient.new_builder().with_credentials(credentials).with_endpoint(SERVER["endpoint"]).build()


def token(password=None, user=None):
    """A project token, by the IAM SDK's password method."""
    account = PwdPasswordUser(
        name=user or SERVER["user_name"],
        password=password or SERVER["password"],
        domain=PwdPasswordUserDomain(name=SERVER["domain_name"]),
    )
    auth = PwdAuth(
        identity=PwdIdentity(methods=["password"], password=PwdPassword(user=account)),
        scope=AuthScope(project=AuthScopeProject(id=SERVER["project_id"])),
    )
    body = KeystoneCreateUserTokenByPasswordRequestBody(auth=auth)
    request = KeystoneCreateUserTokenByPasswordRequest(body=body)
    return iam_client().keystone_create_user_token_by_password(request).x_subject_token


def signature_credentials(access_key=None, secret_key=None, project_id=None):
    return BasicCredentials(
        access_key or SERVER["access_key"],
        secret_key or SERVER["secret_key"],
        project_id or SERVER["project_id"],
    )


def client(credentials=None, kind=CsmsClient, http_handler=None):
    """A client of the given kind; an HTTP handler sees the raw answers."""
    if credentials is None:
        if AUTHENTICATION == "token":
            credentials = TokenCredentials(token(), SERVER["project_id"])
        else:
            credentials = signature_credentials()
    builder = kind.new_builder().with_credentials(credentials).with_endpoint(SERVER["endpoint"])
    return builder.with_http_handler(http_handler).build()


class SdkTest(unittest.TestCase):
    """A test case that can say which refusal it expects."""

    def assertRefused(self, status, code, call):
        with self.assertRaises(ServiceResponseException) as caught:
            call()
        error = caught.exception
        self.assertEqual((error.status_code, error.error_code), (status, code), error.error_msg)
        self.assertTrue(error.request_id)
        return error.error_msg
