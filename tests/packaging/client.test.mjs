// The client of the package against a server of this test, which answers as told: a fake, since what is tested here is
// what the client does with answers, failures included. The real server has its own tests with official clients.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

import { project } from "./unpack.mjs";

const PROJECT = "0123456789abcdef0123456789abcdef";
const KEY = { accessKey: "AK", secretKey: "SK" };

/** The package as installed, and a server that gives `answers` one after the other, the last one for ever. */
async function prepared(context, answers, options = {}) {
  const directory = await project(context, "node");
  const csms = await import(pathToFileURL(join(directory, "node_modules/csms/lib/node.js")));
  const requests = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === "never") return;
    if (answer === "break") return void request.socket.destroy();
    response.writeHead(answer.status ?? 200, { "x-request-id": "request-1", "content-type": "application/json", ...answer.headers });
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close().closeAllConnections());
  const endpoint = `http://127.0.0.1:${server.address().port}`;
  const client = new csms.CsmsClient({ endpoint, projectId: PROJECT, credentials: KEY, backoffMilliseconds: 1, ...options });
  return { csms, client, requests, endpoint };
}

const failure = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the call succeeded");
};

test("a request is signed as the server will receive it", async (context) => {
  const { csms, client, requests, endpoint } = await prepared(context, [{ body: { secrets: [], page_info: {} } }]);
  await client.listSecrets({ limit: 5, marker: "a_b", event_name: "an event" });
  const [{ method, url, headers }] = requests;
  assert.equal(method, "GET");
  assert.equal(url, `/v1/${PROJECT}/secrets?limit=5&marker=a_b&event_name=an%20event`);
  const { host, "x-sdk-date": date, "x-project-id": project } = headers;
  assert.equal(project, PROJECT);
  const iso = date.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z");
  const received = { "content-type": headers["content-type"], host, "x-project-id": project };
  const again = csms.signRequest({ method, url: endpoint + url, headers: received }, KEY, { date: Date.parse(iso) });
  assert.equal(headers.authorization, again.authorization);
  assert.match(headers.authorization, /SignedHeaders=content-type;host;x-project-id;x-sdk-date,/);
});

test("a token is sent in place of a signature", async (context) => {
  const token = async () => "token-1";
  const { client, requests } = await prepared(context, [{ body: { secret: {} } }], { credentials: { token } });
  await client.showSecret({ secret_name: "demo" });
  assert.equal(requests[0].headers["x-auth-token"], "token-1");
  assert.equal(requests[0].headers.authorization, undefined);
});

test("every operation is sent to its path with its members", async (context) => {
  const { csms, client, requests } = await prepared(context, [{ body: {} }]);
  const all = {
    secret_name: "demo", version_id: "v2", stage_name: "blue", name: "demo", secret_string: "x", expire_time: 1,
    recovery_window_in_days: 7,
  };
  for (const [, parameter] of Object.values(csms.OPERATIONS).flatMap(({ path }) => [...path.matchAll(/\{(\w+)\}/g)])) {
    all[parameter] ??= `some-${parameter}`;
  }
  delete all.project_id;
  for (const [name, { method, path }] of Object.entries(csms.OPERATIONS)) {
    const method_name = name[0].toLowerCase() + name.slice(1);
    await client[method_name](all);
    const request = requests.at(-1);
    const expected = path.replace("{project_id}", PROJECT).replace(/\{(\w+)\}/g, (_, parameter) => all[parameter]);
    assert.equal(`${request.method} ${request.url.split("?")[0]}`, `${method} ${expected}`, name);
  }
});

test("query parameters beside a body and of a deletion are sent in the query", async (context) => {
  const { client, requests } = await prepared(context, [{ body: { data: {} } }]);
  const grant = { resource_id: "demo", type: "SECRET", grantee_type: "0", grantee_target_id: "alice" };
  await client.updateGrant(grant);
  assert.equal(requests[0].url, `/v1/${PROJECT}/csms/grants?resource_id=demo`);
  assert.deepEqual(JSON.parse(requests[0].body), grant);
  await client.deleteGrant({ resource_id: "demo", grantee_user: "a b" });
  assert.equal(requests[1].url, `/v1/${PROJECT}/csms/grants?resource_id=demo&grantee_user=a%20b`);
  assert.equal(requests[1].body, "");
  await client.showUserDetail({ user_id: "u" });
  assert.equal(requests[2].url, "/v1/csms/users/u");
});

test("an error is typed by the catalogue, flat or nested", async (context) => {
  const flat = { status: 404, body: { error_code: "CSMS.0106", error_msg: "Secret not found" } };
  const nested = { status: 400, body: { error: { error_code: "CSMS.0503", error_msg: "running" } } };
  const invalid = { status: 400, body: { error_code: "CSMS.0002", error_msg: "Invalid parameter: name must be short" } };
  const foreign = { status: 403, body: { error_code: "KMS.0307", error_msg: "no" } };
  const { csms, client } = await prepared(context, [flat, nested, invalid, foreign]);
  const missing = await failure(client.showSecret({ secret_name: "demo" }));
  assert.ok(missing instanceof csms.CsmsError);
  assert.deepEqual([missing.code, missing.status, missing.requestId, missing.retryable], ["CSMS.0106", 404, "request-1", false]);
  const running = await failure(client.rotateSecret({ secret_name: "demo" }));
  assert.deepEqual([running.code, running.retryable], ["CSMS.0503", true]);
  const wrong = await failure(client.createSecret({ name: "", secret_string: "x" }));
  assert.deepEqual([wrong.code, wrong.field], ["CSMS.0002", "name"]);
  const other = await failure(client.showSecret({ secret_name: "demo" }));
  assert.deepEqual([other.code, other.serviceCode], ["client/unknown-code", "KMS.0307"]);
});

test("a call that may be repeated is repeated, and no other", async (context) => {
  const throttled = { status: 429, body: { error_code: "APIGW.0308", error_msg: "later" } };
  const broken = { status: 502 };
  const { client, requests } = await prepared(context, [throttled, broken, "break", { body: { secret: { id: "1" } } }, broken]);
  assert.equal((await client.showSecret({ secret_name: "demo" })).secret.id, "1");
  assert.equal(requests.length, 4);
  const error = await failure(client.createSecret({ name: "demo", secret_string: "x" }));
  assert.deepEqual([error.code, error.status, requests.length], ["client/unexpected-answer", 502, 5]);
});

test("repetition has an end", async (context) => {
  const { client, requests } = await prepared(context, [{ status: 500, body: { error_code: "CSMS.9999", error_msg: "no" } }], { retries: 2 });
  assert.equal((await failure(client.deleteSecret({ secret_name: "demo" }))).code, "CSMS.9999");
  assert.equal(requests.length, 3);
});

test("a signal and a time limit end a call", async (context) => {
  const { client } = await prepared(context, ["never"], { timeoutMilliseconds: 50, retries: 0 });
  assert.equal((await failure(client.showSecret({ secret_name: "demo" }))).code, "client/timeout");
  const controller = new AbortController();
  const call = client.showSecret({ secret_name: "demo" }, { signal: controller.signal });
  controller.abort(new Error("enough"));
  const error = await failure(call);
  assert.deepEqual([error.code, error.cause.message], ["client/aborted", "enough"]);
});

test("the pages of a list are read to the end", async (context) => {
  const page = (names, next_marker) => ({ body: { secrets: names.map((name) => ({ name })), page_info: { next_marker } } });
  const { client, requests } = await prepared(context, [page(["a", "b"], "b"), page(["c"], "c"), page([], undefined)]);
  const names = [];
  for await (const { name } of client.secrets({ limit: 2 })) names.push(name);
  assert.deepEqual(names, ["a", "b", "c"]);
  assert.deepEqual(requests.map(({ url }) => url.split("?")[1]), ["limit=2", "limit=2&marker=b", "limit=2&marker=c"]);
});

test("a deletion answers without a body, and nonsense is told as such", async (context) => {
  const { client } = await prepared(context, [{ status: 204 }, { status: 404 }]);
  assert.equal(await client.deleteSecretStage({ secret_name: "demo", stage_name: "blue" }), undefined);
  assert.equal((await failure(client.showSecret({ secret_name: "demo" }))).code, "client/unexpected-answer");
});

test("an empty answer to a read, and a data key without its name or ciphertext, is an unexpected answer", async (context) => {
  const made = { key_id: "key-1", plain_text: "00".repeat(32), cipher_text: "0200" };
  const { cipher_text: _, ...nameless } = made;
  const { client } = await prepared(context, [{ status: 200 }, { status: 204 }, { body: nameless }, { body: { ...made, key_id: 5 } }]);
  const calls = [
    () => client.showSecret({ secret_name: "demo" }),
    () => client.listSecrets(),
    () => client.createDataKey({ keyId: "key-1" }),
    () => client.createDataKey({ keyId: "key-1" }),
  ];
  for (const call of calls) assert.equal((await failure(call())).code, "client/unexpected-answer");
});

test("headers of a session take the place of the client's own, in any case", async (context) => {
  const headers = () => ({ "Content-Type": "application/json; charset=utf-8", "X-Project-Id": "other" });
  const { client, requests } = await prepared(context, [{ body: { secrets: [] } }], { credentials: { session: "include", headers } });
  await client.listSecrets();
  const { "content-type": type, "x-project-id": project } = requests[0].headers;
  assert.deepEqual([type, project], ["application/json; charset=utf-8", "other"]);
});

test("a fetch that does not hear of its signal ends with it", async (context) => {
  const { client } = await prepared(context, [{}], { fetch: () => new Promise(() => {}), timeoutMilliseconds: 50, retries: 0 });
  assert.equal((await failure(client.listSecrets())).code, "client/timeout");
  const end = new AbortController();
  const { client: patient } = await prepared(context, [{}], { fetch: () => new Promise(() => end.abort()) });
  assert.equal((await failure(patient.listSecrets({}, { signal: end.signal }))).code, "client/aborted");
});

test("a data key of the key service seals and opens", async (context) => {
  const plain_text = "00112233445566778899aabbccddeeff".repeat(2);
  const made = { body: { key_id: "key-1", plain_text, cipher_text: "0200" } };
  const { client, requests } = await prepared(context, [made, { body: { data_key: plain_text, datakey_length: "32" } }]);
  const first = await client.createDataKey({ keyId: "key-1" });
  const token = await first.key.seal("s3cr3t", { name: "demo", purpose: "console" });
  first.key.free();
  const second = await client.openDataKey(first);
  assert.equal(await second.key.openText(token, { name: "demo", purpose: "console" }), "s3cr3t");
  assert.equal(requests[0].url, `/v1.0/${PROJECT}/kms/create-datakey`);
  assert.deepEqual(JSON.parse(requests[1].body), { key_id: "key-1", cipher_text: "0200", datakey_cipher_length: "64" });
});

test("every operation on keys is a method, and sends a body even when it asks for nothing", async (context) => {
  const { csms, client, requests } = await prepared(context, [{ body: {} }]);
  for (const [name, path] of Object.entries(csms.KEY_OPERATIONS)) {
    const method = name[0].toLowerCase() + name.slice(1);
    await client[method]({ key_id: "key-1" });
    await client[method]();
    const [some, nothing] = requests.slice(-2).map(({ method, url, body }) => [method, url, body]);
    assert.deepEqual(some, ["POST", `/v1.0/${PROJECT}/kms/${path}`, '{"key_id":"key-1"}']);
    assert.deepEqual(nothing, ["POST", `/v1.0/${PROJECT}/kms/${path}`, "{}"]);
  }
});

test("a redirect is not followed, not repeated, and named with its target", async (context) => {
  const location = "https://kms.example.com/v1/p/secrets?x-token=secret";
  const { client, requests } = await prepared(context, [{ status: 302, headers: { location } }]);
  const error = await failure(client.listSecrets());
  assert.deepEqual([error.code, error.status, error.retryable, requests.length], ["client/redirect", 302, false, 1]);
  assert.match(error.message, /to https:\/\/kms\.example\.com\/v1\/p\/secrets \(status 302\)/);
  assert.ok(!error.message.includes("secret="));
});

test("a redirect to something that is no address of the web is named without it", async (context) => {
  for (const location of ["data:text/html,secret", "javascript:secret()", "http://[secret", "mailto:secret@example.com"]) {
    const { client } = await prepared(context, [{ status: 307, headers: { location } }]);
    const error = await failure(client.listSecrets());
    assert.match(error.message, /redirects elsewhere \(status 307\)/);
    assert.ok(!error.message.includes("secret"), error.message);
  }
});

test("a browser that hides where a redirect leads has it named all the same", async (context) => {
  const hidden = { type: "opaqueredirect", status: 0, headers: new Headers(), text: async () => "" };
  const { client } = await prepared(context, [{}], { fetch: async () => hidden });
  assert.equal((await failure(client.listSecrets())).code, "client/redirect");
});

test("503 is repeated when the service says so, and a long wait is left to the caller", async (context) => {
  const soon = { status: 503, headers: { "retry-after": "0" }, body: { error_code: "CSMS.0402", error_msg: "busy" } };
  const { client, requests } = await prepared(context, [soon, { body: { secrets: [], page_info: {} } }]);
  await client.listSecrets();
  assert.equal(requests.length, 2);
  const later = { ...soon, headers: { "retry-after": "3600" } };
  const away = await prepared(context, [later]);
  const error = await failure(away.client.listSecrets());
  assert.deepEqual([error.code, error.retryAfterMilliseconds, away.requests.length], ["CSMS.0402", 3_600_000, 1]);
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  const dated = await prepared(context, [{ ...soon, headers: { "retry-after": date } }]);
  assert.ok((await failure(dated.client.listSecrets())).retryAfterMilliseconds > 3_500_000);
});

test("each form of Retry-After is read as it is meant, and no other", async (context) => {
  const { csms } = await prepared(context, [{}]);
  const asked = async (value) => {
    const fetch = async () => new Response('{"error_code":"CSMS.0402"}', { status: 503, headers: { "retry-after": value } });
    const client = new csms.CsmsClient({ endpoint: "http://x", projectId: PROJECT, credentials: KEY, retries: 0, fetch });
    return (await failure(client.listSecrets())).retryAfterMilliseconds;
  };
  const moment = Date.UTC(2044, 10, 6, 8, 49, 37);
  for (const date of ["Sun, 06 Nov 2044 08:49:37 GMT", "Sunday, 06-Nov-44 08:49:37 GMT", "Sun Nov  6 08:49:37 2044"]) {
    assert.ok(Math.abs((await asked(date)) - (moment - Date.now())) < 60_000, date);
  }
  assert.equal(await asked("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
  assert.equal(await asked("120"), 120_000);
  assert.ok(Number.isFinite(await asked("9".repeat(400))));
  for (const none of ["", "1.5", "-5", "+3", "5 s", "5, 10", "0x10", "1e3", "tomorrow", "2044-11-06"]) {
    assert.equal(await asked(none), undefined, none);
  }
});

test("the wait that the service asks for is kept", async (context) => {
  const soon = { status: 503, headers: { "retry-after": "1" }, body: { error_code: "CSMS.0402", error_msg: "busy" } };
  const { client } = await prepared(context, [soon, { body: { secrets: [], page_info: {} } }]);
  const waits = [];
  const { setTimeout: real } = globalThis;
  context.mock.method(globalThis, "setTimeout", (work, wait, ...rest) => (waits.push(wait), real(work, wait === 1000 ? 0 : wait, ...rest)));
  await client.listSecrets();
  assert.ok(waits.includes(1000), `${waits}`);
});

test("engines without AbortSignal.any, AbortSignal.timeout and Symbol.dispose are served", async (context) => {
  for (const name of ["any", "timeout"]) {
    const real = AbortSignal[name];
    context.after(() => (AbortSignal[name] = real));
    AbortSignal[name] = undefined;
  }
  const { client } = await prepared(context, [{ body: { secrets: [], page_info: {} } }, "never"], { retries: 0, timeoutMilliseconds: 50 });
  const { signal } = new AbortController();
  assert.deepEqual((await client.listSecrets({}, { signal })).secrets, []);
  assert.equal((await failure(client.listSecrets({}, { signal }))).code, "client/timeout");
});

test("a call whose signal has ended before sends nothing and asks for no credentials", async (context) => {
  let asked = 0;
  const credentials = { provider: () => ({ token: `${(asked += 1)}` }) };
  const { client, requests } = await prepared(context, [{ body: {} }], { credentials });
  assert.equal((await failure(client.listSecrets({}, { signal: AbortSignal.abort() }))).code, "client/aborted");
  assert.deepEqual([requests.length, asked], [0, 0]);
});

test("a signal ends a call that waits for credentials", async (context) => {
  for (const credentials of [{ token: () => new Promise(() => {}) }, { provider: () => new Promise(() => {}) }]) {
    const { client, requests } = await prepared(context, [{ body: {} }], { credentials });
    const controller = new AbortController();
    const call = client.listSecrets({}, { signal: controller.signal });
    controller.abort(new Error("enough"));
    const error = await failure(call);
    assert.deepEqual([error.code, error.cause.message, requests.length], ["client/aborted", "enough", 0]);
  }
});

test("what no header can hold is named, and not taken for a broken connection", async (context) => {
  const { csms, requests, endpoint } = await prepared(context, [{ body: { secrets: [] } }]);
  const options = { endpoint, projectId: PROJECT, credentials: KEY, backoffMilliseconds: 1 };
  const made = (changed) => new csms.CsmsClient({ ...options, ...changed });
  for (const hidden of ["a\u200bb", "a\nb", "a\0b", "凭据"]) {
    const invalid = (field) => ({ code: "input/invalid", field });
    assert.throws(() => made({ projectId: hidden }), invalid("projectId"));
    assert.throws(() => made({ credentials: { token: hidden } }), invalid("token"));
    assert.throws(() => made({ credentials: { accessKey: hidden, secretKey: "SK" } }), invalid("accessKey"));
    assert.throws(() => made({ credentials: { ...KEY, securityToken: hidden } }), invalid("securityToken"));
    await assert.rejects(made({ credentials: { token: () => hidden } }).listSecrets(), invalid("token"));
  }
  const session = (headers) => made({ credentials: { session: "include", headers: () => headers } }).listSecrets();
  await assert.rejects(session({ "x-csrf-token": "\u200b" }), { code: "input/invalid", field: "x-csrf-token" });
  for (const headers of ["abc", 5, { "x csrf": "t" }]) await assert.rejects(session(headers), { code: "input/invalid", field: "headers" });
  assert.throws(() => made({ endpoint: "http://user:password@example.com" }), { code: "input/invalid", field: "endpoint" });
  assert.equal(requests.length, 0);
  await made({ credentials: { token: "token-1\n" } }).listSecrets();
  assert.equal(requests[0].headers["x-auth-token"], "token-1");
});

test("headers that a session gets with a delay are sent", async (context) => {
  const credentials = { session: "include", headers: async () => ({ "x-csrf-token": "t" }) };
  const { client, requests } = await prepared(context, [{ body: { secrets: [] } }], { credentials });
  await client.listSecrets();
  assert.equal(requests[0].headers["x-csrf-token"], "t");
});

test("a fetch that returns no response is named, and called once", async (context) => {
  for (const returned of [undefined, null, {}, { status: 200, json: async () => ({}) }, { status: 200, headers: new Headers(), text: async () => 5 }]) {
    let calls = 0;
    const fetch = async () => ((calls += 1), returned);
    const { client } = await prepared(context, [{}], { fetch });
    const error = await failure(client.listSecrets());
    assert.deepEqual([error.code, error.field, calls], ["input/invalid", "fetch", 1], JSON.stringify(returned));
  }
});

test("JSON that is no object is an unexpected answer", async (context) => {
  for (const body of [null, 5, "text", true, [], [{ name: "a" }]]) {
    const { client } = await prepared(context, [{ body }]);
    assert.equal((await failure(client.showSecret({ secret_name: "demo" }))).code, "client/unexpected-answer");
    assert.equal((await failure(client.createDataKey({ keyId: "key-1" }))).code, "client/unexpected-answer");
  }
});

test("markers that come again end a list", async (context) => {
  const page = (next_marker) => ({ body: { secrets: [{ name: "a" }], page_info: { next_marker } } });
  const { client, requests } = await prepared(context, [page("one"), page("two"), page("one")]);
  let count = 0;
  for await (const { name } of client.secrets()) count += name.length;
  assert.deepEqual([count, requests.length], [3, 3]);
});

test("an error of the program's own token function is passed on", async (context) => {
  const token = () => Promise.reject(new RangeError("no token"));
  const { client, requests } = await prepared(context, [{ body: {} }], { credentials: { token } });
  assert.equal((await failure(client.listSecrets())).name, "RangeError");
  const { client: other } = await prepared(context, [{ body: {} }], { credentials: { token: () => 5 } });
  assert.equal((await failure(other.listSecrets())).code, "input/invalid");
  assert.equal(requests.length, 0);
});

test("a page without its items is told as an unexpected answer", async (context) => {
  const { client } = await prepared(context, [{ body: {} }]);
  assert.equal((await failure(client.secrets().next())).code, "client/unexpected-answer");
});

test("the path of a proxy is kept and not signed", async (context) => {
  const { csms, requests, endpoint } = await prepared(context, [{ body: { secrets: [] } }]);
  const client = new csms.CsmsClient({ endpoint: `${endpoint}/api/csms/`, projectId: PROJECT, credentials: KEY });
  await client.listSecrets();
  const [{ method, url, headers }] = requests;
  const path = `/v1/${PROJECT}/secrets`;
  assert.equal(url, `/api/csms${path}`);
  const { host, "x-sdk-date": date, "x-project-id": project } = headers;
  const iso = date.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z");
  const received = { "content-type": headers["content-type"], host, "x-project-id": project };
  const again = csms.signRequest({ method, url: endpoint + path, headers: received }, KEY, { date: Date.parse(iso) });
  assert.equal(headers.authorization, again.authorization);
});

test("a provider is asked once, and again after a refusal", async (context) => {
  const refused = { status: 401, body: { error_code: "APIGW.0301", error_msg: "decrypt token fail" } };
  const good = { body: { secrets: [] } };
  let asked = 0;
  const credentials = { provider: async () => ({ token: `token ${(asked += 1)}` }) };
  const { client, requests } = await prepared(context, [refused, good], { credentials });
  await client.listSecrets();
  await Promise.all([client.listSecrets(), client.rotateSecret({ secret_name: "demo" })]);
  const sent = requests.map(({ headers }) => headers["x-auth-token"]);
  assert.deepEqual(sent, ["token 1", "token 2", "token 2", "token 2"]);
});

test("credentials that are refused twice are a failure", async (context) => {
  const refused = { status: 401, body: { error_code: "APIGW.0301", error_msg: "decrypt token fail" } };
  let asked = 0;
  const credentials = { provider: () => ({ token: `token ${(asked += 1)}` }) };
  const { client, requests } = await prepared(context, [refused], { credentials });
  assert.equal((await failure(client.rotateSecret({ secret_name: "demo" }))).status, 401);
  assert.equal(requests.length, 2);
});

test("a session sends the headers of the page and no key", async (context) => {
  const credentials = { session: "same-origin", headers: () => ({ "x-csrf-token": "t" }) };
  const { client, requests } = await prepared(context, [{ body: { secrets: [] } }], { credentials });
  await client.listSecrets();
  const [{ headers }] = requests;
  assert.equal(headers["x-csrf-token"], "t");
  assert.equal(headers.authorization ?? headers["x-auth-token"], undefined);
});

test("credentials that are none are told apart", async (context) => {
  const { csms, endpoint } = await prepared(context, [{}]);
  for (const credentials of [{ provider: 1 }, { session: "omit" }, { session: "include", headers: {} }, { token: 1 }]) {
    assert.throws(() => new csms.CsmsClient({ endpoint, projectId: PROJECT, credentials }), { code: "input/invalid" });
  }
});
