// Wrong uses, each of which must fail to compile: an expected error that does not come is an error itself.

import * as csms from "csms";

declare const client: csms.CsmsClient;
declare const error: csms.CsmsError;

// @ts-expect-error a secret has exactly one value
client.createSecret({ name: "a", secret_string: "x", secret_binary: "eA==" });
// @ts-expect-error a secret has a value
client.createSecret({ name: "a" });
// @ts-expect-error the type of secret is one of three
client.createSecret({ name: "a", secret_string: "x", secret_type: "RDS" });
// @ts-expect-error the window is a number
client.deleteSecretForSchedule({ secret_name: "a", recovery_window_in_days: "7" });
// @ts-expect-error there is no such operation
client.call("CreateSecrets", {});
// @ts-expect-error there is no such code
if (error.code === "CSMS.1234") throw error;
// @ts-expect-error codes are read-only
error.code = "CSMS.0002";
// @ts-expect-error a result has a value only when it is good
csms.validateCreateSecret({}).value;
// @ts-expect-error listing requests are not validated here
csms.validate("ListSecrets", {});
// @ts-expect-error passphrases are not drawn
csms.JweKey.generate("PBES2-HS512+A256KW");
// @ts-expect-error a token is bound to a name and a purpose
csms.JweKey.dataKey(new Uint8Array(32)).seal("x", { name: "demo" });
// @ts-expect-error keys are made by the functions of the class
new csms.JweKey();
// @ts-expect-error a state is one of four
csms.permits("DELETED", "ShowSecret");
// @ts-expect-error a preview needs versions
csms.previewRotation({ state: "ENABLED" });
// @ts-expect-error credentials are a key pair or a token
new csms.CsmsClient({ endpoint: "https://example.com", projectId: "p", credentials: { accessKey: "AK" } });
