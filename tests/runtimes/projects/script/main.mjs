import * as csms from "csms";
import * as client from "csms/client";
import * as jwe from "csms/jwe";
import * as rules from "csms/rules";

import { prove } from "./prove.mjs";

const key = jwe.JweKey.dataKey(new Uint8Array(32));
const error = await key.seal(5, { name: "a", purpose: "b" }).catch((error) => error);
const headers = client.signRequest({ method: "GET", url: "https://kms.example.com/" }, { accessKey: "AK", secretKey: "SK" });
console.log(await prove(csms));
console.log(rules.parseRotationPeriod("24h").value.canonical, headers.authorization.split(" ")[0]);
console.log(error instanceof csms.CsmsError && error instanceof client.CsmsError, error.code);
