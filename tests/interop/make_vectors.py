"""Writes the sections `keys`, `sealed` and `refused` of tests/vectors/jwe.json.

An implementation of the token format of its own, on pyca/cryptography alone: the Rust code must give the same bytes
for the same randomness. Everything here is derived from fixed seeds, so a second run changes nothing.

    python make_vectors.py ../vectors/jwe.json

Not here: tokens of other libraries (`jose.mjs make`, `jwcrypto_check.py make`).
"""

import base64
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

ABOUT = (
    "Sealed values. All byte strings are base64url without padding. "
    "'sealed': 'random' is what the random generator yields, in the order content key (not for dir), wrapping iv, salt "
    "or ephemeral private key, iv; the token must come out byte for byte (make_vectors.py, pyca/cryptography). "
    "'foreign': tokens of other libraries. 'refused': tokens wrong in one fact, and the name of the error; "
    "a binding of null means that a token without a binding is asked for. Keys are for tests only."
)
BINDING = {"name": "db-main", "purpose": "value"}
SECRET = b"s3cr3t"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def seeded(seed: str, length: int) -> bytes:
    """Bytes that look random and are always the same."""
    return hashlib.shake_256(seed.encode()).digest(length)


def public_members(private: ec.EllipticCurvePrivateKey) -> dict:
    point = private.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))}


def private_key(scalar: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())


def private_jwk(seed: str, **more) -> dict:
    scalar = seeded(seed, 32)
    return {**public_members(private_key(scalar)), "d": b64(scalar), **more}


KEYS = {
    "data key": {"jwk": {"kty": "oct", "k": b64(seeded("data key", 32))}},
    "named data key": {"jwk": {"kty": "oct", "k": b64(seeded("named data key", 32)), "alg": "dir", "kid": "data-1"}},
    "other data key": {"jwk": {"kty": "oct", "k": b64(seeded("other data key", 32)), "alg": "dir"}},
    "wrapping key": {"jwk": {"kty": "oct", "k": b64(seeded("wrapping key", 32)), "alg": "A256GCMKW"}},
    "other wrapping key": {"jwk": {"kty": "oct", "k": b64(seeded("other wrapping key", 32)), "alg": "A256GCMKW"}},
    "passphrase": {"passphrase": "correct horse battery staple"},
    "other passphrase": {"passphrase": "Correct horse battery staple"},
    "unicode passphrase": {"passphrase": "pässwörd 凭据 🔑"},
    "recipient": {"jwk": private_jwk("recipient")},
    "named recipient": {"jwk": private_jwk("named recipient", alg="ECDH-ES+A256KW", kid='kéy "1"')},
    "other recipient": {"jwk": private_jwk("other recipient")},
}


def key_bytes(name: str) -> bytes:
    return base64.urlsafe_b64decode(KEYS[name]["jwk"]["k"] + "=")


def scalar_of(name: str) -> bytes:
    return base64.urlsafe_b64decode(KEYS[name]["jwk"]["d"] + "=")


def compact_json(value: dict) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def assemble(header: bytes, wrapped: bytes, content_key: bytes, iv: bytes, plaintext: bytes) -> str:
    """A token with any text for its header, correctly encrypted."""
    encoded = b64(header)
    sealed = AESGCM(content_key).encrypt(iv, plaintext, encoded.encode())
    return ".".join([encoded, b64(wrapped), b64(iv), b64(sealed[:-16]), b64(sealed[-16:])])


def concat_kdf(agreed: bytes, apu: bytes = b"", apv: bytes = b"") -> bytes:
    fields = b"".join(struct.pack(">I", len(field)) + field for field in (b"ECDH-ES+A256KW", apu, apv))
    return hashlib.sha256(struct.pack(">I", 1) + agreed + fields + struct.pack(">I", 256)).digest()


def pbes2_key(passphrase: str, salt_input: bytes, iterations: int) -> bytes:
    salt = b"PBES2-HS512+A256KW\0" + salt_input
    return PBKDF2HMAC(hashes.SHA512(), 32, salt, iterations).derive(passphrase.encode())


class Randomness:
    """Yields seeded bytes and keeps what it yielded."""

    def __init__(self, seed: str):
        self.seed, self.drawn = seed, b""

    def draw(self, length: int) -> bytes:
        start = len(self.drawn)
        self.drawn += seeded(self.seed, start + length)[start:]
        return self.drawn[start:]


def wrap(key: str, content_key: bytes, random: Randomness, iterations: int) -> tuple[str, dict, bytes]:
    """Algorithm, header members and wrapped key for a recipient."""
    if "passphrase" in KEYS[key]:
        salt_input = random.draw(16)
        wrapping = pbes2_key(KEYS[key]["passphrase"], salt_input, iterations)
        members = {"p2s": b64(salt_input), "p2c": iterations}
        return "PBES2-HS512+A256KW", members, aes_key_wrap(wrapping, content_key)
    if "d" in KEYS[key]["jwk"]:
        ephemeral = private_key(random.draw(32))
        agreed = ephemeral.exchange(ec.ECDH(), private_key(scalar_of(key)).public_key())
        wrapped = aes_key_wrap(concat_kdf(agreed), content_key)
        return "ECDH-ES+A256KW", {"epk": public_members(ephemeral)}, wrapped
    iv = random.draw(12)
    sealed = AESGCM(key_bytes(key)).encrypt(iv, content_key, None)
    return "A256GCMKW", {"iv": b64(iv), "tag": b64(sealed[32:])}, sealed[:32]


def seal(name: str, key: str, plaintext: bytes, binding: dict = BINDING, iterations: int = 10_000) -> dict:
    random = Randomness(name)
    jwk = KEYS[key].get("jwk", {})
    if jwk.get("kty") == "oct" and jwk.get("alg") != "A256GCMKW":
        content_key, algorithm, members, wrapped = key_bytes(key), "dir", {}, b""
    else:
        content_key = random.draw(32)
        algorithm, members, wrapped = wrap(key, content_key, random, iterations)
    iv = random.draw(12)
    kid = {"kid": jwk["kid"]} if "kid" in jwk else {}
    header = {"alg": algorithm, "enc": "A256GCM", **kid, **members, "csms": binding}
    vector = {"name": name, "key": key, "binding": binding}
    if "passphrase" in KEYS[key]:
        vector["iterations"] = iterations
    try:
        vector["utf8"] = plaintext.decode()
    except UnicodeDecodeError:
        vector["base64url"] = b64(plaintext)
    vector["random"] = b64(random.drawn)
    vector["token"] = assemble(compact_json(header), wrapped, content_key, iv, plaintext)
    return vector


LONGEST = {"name": "n" * 64, "purpose": "P_-0" * 16}
SEALED = [
    seal("dir, text", "data key", SECRET),
    seal("dir, empty value", "data key", b""),
    seal("dir, text outside ASCII", "named data key", "凭据 – crédentials 🔑".encode()),
    seal("dir, bytes", "data key", bytes(range(256))),
    seal("dir, 6000 bytes", "data key", seeded("a long value", 6000)),
    seal("dir, longest binding", "data key", SECRET, LONGEST),
    seal("A256GCMKW, text", "wrapping key", SECRET),
    seal("A256GCMKW, bytes", "wrapping key", bytes(255 - n for n in range(100))),
    seal("PBES2-HS512+A256KW, least iterations", "passphrase", SECRET),
    seal("PBES2-HS512+A256KW, default iterations", "passphrase", SECRET, iterations=210_000),
    seal("PBES2-HS512+A256KW, passphrase outside ASCII", "unicode passphrase", SECRET),
    seal("ECDH-ES+A256KW, text", "recipient", SECRET),
    seal("ECDH-ES+A256KW, named key, empty value", "named recipient", b""),
]

REFUSED: list[dict] = []


def refuse(name: str, token: str, error: str, key: str = "data key", binding: dict | None = BINDING):
    REFUSED.append({"name": name, "key": key, "binding": binding, "token": token, "error": error})


def direct(header: bytes) -> str:
    """A `dir` token that is right in everything but its header."""
    return assemble(header, b"", key_bytes("data key"), seeded("iv", 12), SECRET)


def with_members(**members) -> str:
    header = {"alg": "dir", "enc": "A256GCM", **members, "csms": BINDING}
    return direct(compact_json({name: value for name, value in header.items() if value is not None}))


def refuse_headers():
    refuse("zip", with_members(zip="DEF"), "compressed")
    refuse("zip of another method", with_members(zip="none"), "compressed")
    refuse("crit", with_members(crit=["csms"]), "critical")
    refuse("empty crit", with_members(crit=[]), "critical")
    refuse("crit of an unknown extension", with_members(crit=["exp"], exp=1), "critical")

    csms = compact_json({"csms": BINDING})[1:-1]
    twice = {
        "alg twice": b'{"alg":"dir","alg":"dir","enc":"A256GCM",' + csms + b"}",
        "enc twice with different values": b'{"alg":"dir","enc":"A128GCM","enc":"A256GCM",' + csms + b"}",
        "alg twice, once escaped": b'{"alg":"dir","\\u0061lg":"dir","enc":"A256GCM",' + csms + b"}",
        "csms twice": b'{"alg":"dir","enc":"A256GCM",' + csms + b"," + csms + b"}",
        "name in csms twice": b'{"alg":"dir","enc":"A256GCM","csms":{"name":"other","name":"db-main","purpose":"value"}}',
    }
    for name, header in twice.items():
        refuse(name, direct(header), "duplicate-member")

    for member in ("exp", "jku", "jwk", "x5c", "b64", "Alg"):
        refuse(f"unknown member {member}", with_members(**{member: "x"}), "unknown-member")
    refuse("p2c with dir", with_members(p2c=10_000), "unknown-member")
    refuse("epk with dir", with_members(epk=public_members(private_key(seeded("epk", 32)))), "unknown-member")

    for name in ("none", "A256KW", "A128GCMKW", "PBES2-HS256+A128KW", "ECDH-ES", "RSA1_5", "DIR", "dir ", ""):
        refuse(f"alg {name!r}", with_members(alg=name), "algorithm")
    refuse("alg missing", with_members(alg=None), "missing-member")
    refuse("alg that is a list", with_members(alg=["dir"]), "member-form")
    for name in ("A128GCM", "A192GCM", "A256CBC-HS512", "a256gcm", ""):
        refuse(f"enc {name!r}", with_members(enc=name), "encryption")
    refuse("enc missing", with_members(enc=None), "missing-member")
    refuse("enc that is null", direct(b'{"alg":"dir","enc":null,' + csms + b"}"), "member-form")
    refuse("kid that is a number", with_members(kid=7), "member-form")
    refuse("typ that is an object", with_members(typ={}), "member-form")

    members = b'{"alg":"dir","enc":"A256GCM",' + csms
    syntax = {
        "empty header": b"",
        "header that is a list": b"[]",
        "header that is a text": b'"dir"',
        "header without an end": members,
        "header with a comma at the end": members + b",}",
        "header with something behind": members + b"}{}",
        "header with a byte order mark": b"\xef\xbb\xbf" + members + b"}",
        "header that is not UTF-8": members + b',"kid":"\xff"}',
        "header with a lone surrogate": members + b',"kid":"\\ud800"}',
        "header with a control character": members + b',"kid":"\n"}',
        "header nested deeply": members + b',"kid":' + b"[" * 1000 + b"]" * 1000 + b"}",
    }
    for name, header in syntax.items():
        refuse(name, direct(header), "header-syntax")
    refuse("header above 4096 bytes", with_members(kid="k" * 4096), "header-too-long")


def refuse_bindings():
    refuse("no binding", direct(b'{"alg":"dir","enc":"A256GCM"}'), "unbound")
    refuse("binding where none is asked for", with_members(), "bound", binding=None)
    refuse("other secret", with_members(), "other-binding", binding={"name": "db-other", "purpose": "value"})
    refuse("other purpose", with_members(), "other-binding", binding={"name": "db-main", "purpose": "backup"})
    refuse("name in other case", with_members(), "other-binding", binding={"name": "DB-main", "purpose": "value"})

    def bound_to(csms) -> str:
        return direct(compact_json({"alg": "dir", "enc": "A256GCM", "csms": csms}))

    refuse("csms that is a text", bound_to("db-main"), "member-form")
    refuse("csms without purpose", bound_to({"name": "db-main"}), "missing-member")
    refuse("csms with an invalid name", bound_to({"name": "db.main", "purpose": "value"}), "member-form")
    refuse("csms with an empty purpose", bound_to({"name": "db-main", "purpose": ""}), "member-form")
    refuse("csms with another member", bound_to({**BINDING, "version": "v1"}), "unknown-member")


def refuse_parts():
    token = with_members()
    header, _, iv, ciphertext, tag = token.split(".")
    join = ".".join
    refuse("empty text", "", "part-count")
    refuse("one part", header, "part-count")
    refuse("four parts", join([header, "", iv, ciphertext]), "part-count")
    refuse("six parts", token + ".", "part-count")
    refuse("three parts, as of a signed token", join([header, ciphertext, tag]), "part-count")
    refuse("padded header", join([header + "=", "", iv, ciphertext, tag]), "base64")
    refuse("space in the ciphertext", join([header, "", iv, ciphertext[:4] + " " + ciphertext[4:], tag]), "base64")
    refuse("line feed at the end", token + "\n", "base64")
    refuse("plus sign of plain base64", join([header, "", "+" + iv[1:], ciphertext, tag]), "base64")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = alphabet[alphabet.index(tag[-1]) | 1]
    refuse("stray bits behind the tag", join([header, "", iv, ciphertext, tag[:-1] + stray]), "base64")
    refuse("cut ciphertext group", join([header, "", iv, ciphertext + "A", tag]), "base64")
    refuse("iv of 128 bits", join([header, "", b64(bytes(16)), ciphertext, tag]), "length")
    refuse("empty iv", join([header, "", "", ciphertext, tag]), "length")
    refuse("tag of 96 bits", join([header, "", iv, ciphertext, tag[:16]]), "length")
    refuse("empty tag", join([header, "", iv, ciphertext, ""]), "length")
    refuse("wrapped key with dir", join([header, b64(bytes(40)), iv, ciphertext, tag]), "length")

    def flip(text: str) -> str:
        return ("B" if text[0] == "A" else "A") + text[1:]

    refuse("changed iv", join([header, "", flip(iv), ciphertext, tag]), "decryption")
    refuse("changed ciphertext", join([header, "", iv, flip(ciphertext), tag]), "decryption")
    refuse("changed tag", join([header, "", iv, ciphertext, flip(tag)]), "decryption")
    refuse("tag of zeros", join([header, "", iv, ciphertext, "A" * 22]), "decryption")
    refuse("no ciphertext", join([header, "", iv, "", tag]), "decryption")
    spaced = b64(compact_json({"alg": "dir", "enc": "A256GCM", "csms": BINDING}).replace(b":", b": "))
    refuse("header written in another way", join([spaced, "", iv, ciphertext, tag]), "decryption")
    refuse("other key", token, "decryption", key="other data key")
    for key in ("wrapping key", "passphrase", "recipient"):
        refuse(f"dir token, {key}", token, "key-mismatch", key=key)


def refuse_key_wrapping():
    content_key, key = seeded("content key", 32), "wrapping key"
    algorithm, good, wrapped = wrap(key, content_key, Randomness("refused, A256GCMKW"), 0)

    def token(wrapped_key: bytes = wrapped, **members) -> str:
        header = {"alg": algorithm, "enc": "A256GCM", **good, **members, "csms": BINDING}
        header = compact_json({name: value for name, value in header.items() if value is not None})
        return assemble(header, wrapped_key, content_key, seeded("iv", 12), SECRET)

    refuse("A256GCMKW, iv of 128 bits", token(iv=b64(bytes(16))), "length", key)
    refuse("A256GCMKW, tag of 96 bits", token(tag=good["tag"][:16]), "length", key)
    refuse("A256GCMKW, iv missing", token(iv=None), "missing-member", key)
    refuse("A256GCMKW, tag missing", token(tag=None), "missing-member", key)
    refuse("A256GCMKW, tag that is a number", token(tag=1), "member-form", key)
    refuse("A256GCMKW, padded iv", token(iv=good["iv"] + "=="), "base64", key)
    refuse("A256GCMKW, wrapped key of 128 bits", token(wrapped[:16]), "length", key)
    refuse("A256GCMKW, no wrapped key", token(b""), "length", key)
    refuse("A256GCMKW, changed wrapped key", token(bytes([wrapped[0] ^ 1]) + wrapped[1:]), "decryption", key)
    refuse("A256GCMKW, changed tag of the wrapped key", token(tag=b64(bytes(16))), "decryption", key)
    refuse("A256GCMKW, other key", token(), "decryption", "other wrapping key")
    refuse("A256GCMKW token, content key", token(), "key-mismatch", "data key")


def refuse_passphrases():
    content_key, key = seeded("content key", 32), "passphrase"
    algorithm, good, wrapped = wrap(key, content_key, Randomness("refused, PBES2"), 1_000)

    def token(wrapped_key: bytes = wrapped, **members) -> str:
        header = {"alg": algorithm, "enc": "A256GCM", **good, **members, "csms": BINDING}
        header = compact_json({name: value for name, value in header.items() if value is not None})
        return assemble(header, wrapped_key, content_key, seeded("iv", 12), SECRET)

    for count in (0, 1, 999, 1_000_001, 2**31, 2**32, 2**32 + 1_000, 2**63):
        refuse(f"PBES2, {count} iterations", token(p2c=count), "iteration-count", key)
    refuse("PBES2, negative iteration count", token(p2c=-1000), "member-form", key)
    refuse("PBES2, fractional iteration count", token(p2c=1000.5), "member-form", key)
    refuse("PBES2, iteration count as text", token(p2c="1000"), "member-form", key)
    refuse("PBES2, iteration count above 64 bits", token(p2c=2**64), "member-form", key)
    refuse("PBES2, no iteration count", token(p2c=None), "missing-member", key)
    refuse("PBES2, salt of 7 bytes", token(p2s=b64(bytes(7))), "length", key)
    refuse("PBES2, empty salt", token(p2s=""), "length", key)
    refuse("PBES2, salt of 129 bytes", token(p2s=b64(bytes(129))), "length", key)
    refuse("PBES2, no salt", token(p2s=None), "missing-member", key)
    refuse("PBES2, padded salt", token(p2s=good["p2s"] + "=="), "base64", key)
    refuse("PBES2, wrapped key of 256 bits", token(wrapped[:32]), "length", key)
    refuse("PBES2, changed wrapped key", token(bytes([wrapped[0] ^ 1]) + wrapped[1:]), "decryption", key)
    refuse("PBES2, other iteration count", token(p2c=1_001), "decryption", key)
    refuse("PBES2, other passphrase", token(), "decryption", "other passphrase")
    refuse("PBES2 token, private key", token(), "key-mismatch", "recipient")


def refuse_key_agreement():
    content_key, key = seeded("content key", 32), "recipient"
    algorithm, good, wrapped = wrap(key, content_key, Randomness("refused, ECDH-ES"), 0)
    point = good["epk"]

    def token(wrapped_key: bytes = wrapped, **members) -> str:
        header = {"alg": algorithm, "enc": "A256GCM", **good, **members, "csms": BINDING}
        header = compact_json({name: value for name, value in header.items() if value is not None})
        return assemble(header, wrapped_key, content_key, seeded("iv", 12), SECRET)

    zero = b64(bytes(32))
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    x = int.from_bytes(base64.urlsafe_b64decode(point["x"] + "="), "big")
    off_curve = {
        "off the curve": {**point, "y": point["x"]},
        "at the origin": {**point, "x": zero, "y": zero},
        "beyond the field": {**point, "x": b64(b"\xff" * 32)},
        "whose x is the prime": {**point, "x": b64(prime.to_bytes(32, "big")), "y": zero},
        "on another curve": {**point, "crv": "P-384"},
        "of another type": {**point, "kty": "OKP"},
    }
    for name, epk in off_curve.items():
        refuse(f"ECDH-ES, ephemeral key {name}", token(epk=epk), "ephemeral-key", key)
    short = b64(x.to_bytes(32, "big")[1:])
    refuse("ECDH-ES, coordinate of 31 bytes", token(epk={**point, "x": short}), "length", key)
    refuse("ECDH-ES, coordinate of 33 bytes", token(epk={**point, "x": b64(b"\0" + x.to_bytes(32, "big"))}), "length", key)
    refuse("ECDH-ES, ephemeral key with its private part", token(epk={**point, "d": zero}), "unknown-member", key)
    refuse("ECDH-ES, ephemeral key without y", token(epk={n: v for n, v in point.items() if n != "y"}), "missing-member", key)
    refuse("ECDH-ES, ephemeral key as text", token(epk="x"), "member-form", key)
    refuse("ECDH-ES, no ephemeral key", token(epk=None), "missing-member", key)
    refuse("ECDH-ES, apu that is not base64url", token(apu="a+b="), "base64", key)
    refuse("ECDH-ES, other apu", token(apu="QWxpY2U"), "decryption", key)
    refuse("ECDH-ES, other ephemeral key", token(epk=public_members(private_key(seeded("epk", 32)))), "decryption", key)
    refuse("ECDH-ES, changed wrapped key", token(bytes([wrapped[0] ^ 1]) + wrapped[1:]), "decryption", key)
    refuse("ECDH-ES, no wrapped key", token(b""), "length", key)
    refuse("ECDH-ES, other private key", token(), "decryption", "other recipient")
    refuse("ECDH-ES token, passphrase", token(), "key-mismatch", "passphrase")


def main(path: str):
    for make in (refuse_headers, refuse_bindings, refuse_parts, refuse_key_wrapping, refuse_passphrases, refuse_key_agreement):
        make()
    try:
        with open(path, encoding="utf-8") as file:
            foreign = json.load(file)["foreign"]
    except FileNotFoundError:
        foreign = []
    vectors = {"about": ABOUT, "keys": KEYS, "sealed": SEALED, "foreign": foreign, "refused": REFUSED}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(vectors, file, ensure_ascii=False, indent=2)
        file.write("\n")
    print(f"{len(SEALED)} sealed, {len(foreign)} foreign, {len(REFUSED)} refused")


if __name__ == "__main__":
    main(sys.argv[1])
