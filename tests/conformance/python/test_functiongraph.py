"""The bundled rotation function through FunctionGraph's invoke API, by the official SDK."""

import contextlib
import json
import unittest

from huaweicloudsdkcore.http.http_handler import HttpHandler
from huaweicloudsdkfunctiongraph.v2 import (
    AsyncInvokeFunctionRequest,
    FunctionGraphClient,
    InvokeFunctionRequest,
)

import sdk

URN = sdk.SERVER["rotation_func_urn"]

# Only the name of the secret is there, and that breaks its rule.
INVALID_EVENT = {"secret_name": "no name"}


class FunctionGraph(sdk.SdkTest):
    @classmethod
    def setUpClass(cls):
        cls.functions = sdk.client(kind=FunctionGraphClient)

    def invoke(self, event, urn=URN, version="v1", client=None, **headers):
        request = InvokeFunctionRequest(function_urn=urn, x_cff_request_version=version, body=event, **headers)
        return (client or self.functions).invoke_function(request)

    def assertFailedReply(self, reply, code, *words):
        self.assertEqual((reply["status"], reply["error_code"]), ("FAILED", code))
        for word in words:
            self.assertIn(word, reply["error_msg"])

    def test_v1_wraps_the_reply_of_the_function(self):
        answer = self.invoke(INVALID_EVENT)
        self.assertEqual((answer.status_code, answer.status), (200, 200))
        self.assertTrue(answer.request_id)
        reply = json.loads(answer.result)
        self.assertFailedReply(reply, "ROTATION_INVALID_EVENT", "secret_name", "operate_type is required")

    def test_v1_carries_the_log_of_the_function_when_asked(self):
        self.assertIn("ROTATION_INVALID_EVENT", self.invoke(INVALID_EVENT, x_cff_log_type="tail").log)

    def test_v0_is_the_reply_itself(self):
        raw = []
        handler = HttpHandler().add_response_handler(lambda response, **_: raw.append(response))
        client = sdk.client(kind=FunctionGraphClient, http_handler=handler)
        # The SDK's model of the answer is that of v1: it wants a number in `status`, where our reply has a word.
        with contextlib.suppress(ValueError):
            self.invoke(INVALID_EVENT, version="v0", client=client)
        self.assertEqual([response.status_code for response in raw], [200])
        self.assertFailedReply(raw[0].json(), "ROTATION_INVALID_EVENT", "secret_name")
        headers = raw[0].headers
        self.assertEqual((headers["X-Cff-Response-Version"], headers["X-Is-Func-Err"]), ("v0", "false"))
        self.assertTrue(headers["X-Cff-Request-Id"])

    def test_a_function_asks_the_service_with_the_rights_of_its_caller(self):
        # The caller may read every secret, and there is none of this name: the service says so, not the function.
        event = {"secret_name": "nowhere", "operate_type": "SINGLE_USER", "csms_endpoint": sdk.SERVER["endpoint"]}
        reply = json.loads(self.invoke(event).result)
        self.assertFailedReply(reply, "ROTATION_SERVICE_REFUSED")

    def test_an_asynchronous_call_is_accepted_with_its_identifier(self):
        request = AsyncInvokeFunctionRequest(function_urn=URN, body=INVALID_EVENT)
        answer = self.functions.async_invoke_function(request)
        self.assertEqual(answer.status_code, 202)
        self.assertTrue(answer.request_id)

    def test_an_unknown_function_is_refused(self):
        unknown = URN.replace("rotate-database", "rotate-nothing")
        self.assertRefused(404, "FSS.1051", lambda: self.invoke(INVALID_EVENT, urn=unknown))

    def test_a_bad_urn_is_refused(self):
        self.assertRefused(400, "FSS.1309", lambda: self.invoke(INVALID_EVENT, urn="urn:fss:incomplete"))
        elsewhere = URN.replace(sdk.SERVER["project_id"], "0" * 32)
        self.assertRefused(400, "FSS.1309", lambda: self.invoke(INVALID_EVENT, urn=elsewhere))

    def test_a_wrong_secret_key_is_refused(self):
        wrong = sdk.client(sdk.signature_credentials(secret_key="x" * 40), kind=FunctionGraphClient)
        self.assertRefused(401, "APIGW.0301", lambda: self.invoke(INVALID_EVENT, client=wrong))


if __name__ == "__main__":
    unittest.main()
