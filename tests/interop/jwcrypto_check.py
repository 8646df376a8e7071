"""Passes tokens between this project and the Python package `jwcrypto`, both ways.

    python jwcrypto_check.py open ../vectors/jwe.json   opens every token of `sealed`, and fails if one does not open
    python jwcrypto_check.py make ../vectors/jwe.json   replaces jwcrypto's tokens in `foreign`, which the Rust tests open

`jwcrypto` checks no binding; it only has to find it in the authenticated header.
"""

import base64
import importlib.metadata
import json
import sys

from jwcrypto import jwa, jwe, jwk

GENERATOR = f"jwcrypto {importlib.metadata.version('jwcrypto')}"
ALGORITHMS = ["dir", "A256GCMKW", "PBES2-HS512+A256KW", "ECDH-ES+A256KW"]
BINDING = {"name": "db-main", "purpose": "value"}

# The library's own bound of 16384 is below what OWASP asks for PBKDF2-HMAC-SHA512.
jwa.default_max_pbkdf2_iterations = 1_000_000


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def algorithm_of(key: dict) -> str:
    """The algorithm of the tokens that a key of the vectors opens."""
    if "passphrase" in key:
        return "PBES2-HS512+A256KW"
    if key["jwk"]["kty"] == "EC":
        return "ECDH-ES+A256KW"
    return key["jwk"].get("alg", "dir")


def key_for(key: dict) -> jwk.JWK:
    """A key of the vectors as jwcrypto takes it."""
    if "passphrase" in key:
        return jwk.JWK.from_password(key["passphrase"])
    return jwk.JWK(**key["jwk"])


def open_token(vectors: dict, vector: dict) -> jwe.JWE:
    token = jwe.JWE(algs=[*ALGORITHMS, "A256GCM"])
    token.deserialize(vector["token"])
    try:
        token.decrypt(key_for(vectors["keys"][vector["key"]]))
    except jwe.InvalidJWEData:
        # The library decrypts an empty value and then takes it for a failure.
        if token.decryptlog != ["Success"] or token.plaintext != b"":
            raise
    return token


def open_all(vectors: dict, path: str):
    seen = set()
    for vector in vectors["sealed"]:
        token = open_token(vectors, vector)
        expected = vector["utf8"].encode() if "utf8" in vector else unb64(vector["base64url"])
        header = json.loads(token.objects["protected"])
        assert token.plaintext == expected, vector["name"]
        assert header["csms"] == vector["binding"], vector["name"]
        seen.add(header["alg"])
    assert seen == set(ALGORITHMS), seen
    # What we call a failed decryption is one to others too: the vectors test the token, not our opinion.
    failing = [vector for vector in vectors["refused"] if vector["error"] == "decryption"]
    for vector in failing:
        try:
            open_token(vectors, vector)
        except jwe.InvalidJWEData:
            continue
        raise AssertionError(f"opened: {vector['name']}")
    print(f"{GENERATOR} opened {len(vectors['sealed'])} tokens and refused {len(failing)}")


def make(vectors: dict, name: str, key: str, value: str, binding: dict | None = None, **header) -> dict:
    bound = {} if binding is None else {"csms": binding}
    protected = {"alg": algorithm_of(vectors["keys"][key]), "enc": "A256GCM", **header, **bound}
    token = jwe.JWE(value.encode(), json.dumps(protected), algs=[*ALGORITHMS, "A256GCM"])
    token.add_recipient(key_for(vectors["keys"][key]))
    return {
        "name": f"{name}, by jwcrypto",
        "generator": GENERATOR,
        "key": key,
        "binding": binding,
        "utf8": value,
        "token": token.serialize(compact=True),
    }


def make_all(vectors: dict, path: str):
    made = [
        make(vectors, "dir", "data key", "s3cr3t"),
        make(vectors, "dir, bound", "data key", "凭据 🔑", BINDING, typ="JWE", cty="text/plain"),
        make(vectors, "dir, empty value", "named data key", "", kid="data-1"),
        make(vectors, "A256GCMKW", "wrapping key", "s3cr3t"),
        make(vectors, "A256GCMKW, bound", "wrapping key", "s3cr3t", BINDING),
        make(vectors, "PBES2-HS512+A256KW", "passphrase", "s3cr3t"),
        make(vectors, "PBES2-HS512+A256KW, bound", "unicode passphrase", "s3cr3t", BINDING),
        make(vectors, "ECDH-ES+A256KW", "recipient", "s3cr3t"),
        make(vectors, "ECDH-ES+A256KW, bound, with apu and apv", "named recipient", "s3cr3t", BINDING,
             apu=b64(b"Alice"), apv=b64(b"Bob")),
    ]
    others = [vector for vector in vectors["foreign"] if not vector["generator"].startswith("jwcrypto ")]
    vectors["foreign"] = [*others, *made]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(vectors, file, ensure_ascii=False, indent=2)
        file.write("\n")
    print(f"{GENERATOR} made {len(made)} tokens")


if __name__ == "__main__":
    command, vectors_path = sys.argv[1:]
    with open(vectors_path, encoding="utf-8") as vectors_file:
        {"open": open_all, "make": make_all}[command](json.load(vectors_file), vectors_path)
