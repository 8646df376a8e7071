//! Keys are read as they were printed, and refused when they are not what they say.

use std::{format, string::ToString};

use proptest::prelude::*;

use super::*;

const K: &str = "qC57l_uxcm7Nm3K-ct4GFjx8tM1U8CZ0NLBvdQstiS8";
/// The recipient's key of RFC 7518 appendix C.
const X: &str = "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ";
const Y: &str = "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck";
const D: &str = "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw";

fn refused(text: &str) -> JwkError {
    Jwk::parse(text).map(|_| ()).unwrap_err()
}

fn ec(more: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"{more}}}"#)
}

#[test]
fn keys_are_printed_as_they_were_read() {
    for text in [
        format!(r#"{{"kty":"oct","k":"{K}"}}"#),
        format!(r#"{{"kty":"oct","k":"{K}","alg":"A256GCMKW","kid":"é\"1"}}"#),
        ec(""),
        ec(&format!(r#","d":"{D}","alg":"ECDH-ES+A256KW","kid":"a""#)),
    ] {
        assert_eq!(Jwk::parse(&text).unwrap().print().as_str(), text);
    }
}

#[test]
fn members_that_webcrypto_and_others_add_are_ignored() {
    let text = ec(r#","ext":true,"key_ops":["deriveBits"],"x5c":[],"exp":-1.5,"nested":{"a":null}"#);
    assert!(matches!(Jwk::parse(&text).unwrap().material, KeyMaterial::Public(_)));
    let text = format!(r#"{{"alg":"A256GCM","ext":true,"k":"{K}","key_ops":["encrypt","decrypt"],"kty":"oct"}}"#);
    assert_eq!(Jwk::parse(&text).unwrap().algorithm, Some(Algorithm::Direct));
}

#[test]
fn a_key_for_another_use_is_refused() {
    assert!(Jwk::parse(&ec(r#","use":"enc""#)).is_ok());
    for other in [r#","use":"sig""#, r#","alg":"ES256""#, r#","alg":"ECDH-ES""#, r#","alg":"dir""#] {
        assert_eq!(refused(&ec(other)), JwkError::OtherUse, "{other}");
    }
    for other in ["HS256", "A256KW", "ECDH-ES+A256KW", "A256CBC-HS512"] {
        assert_eq!(refused(&format!(r#"{{"kty":"oct","k":"{K}","alg":"{other}"}}"#)), JwkError::OtherUse, "{other}");
    }
}

#[test]
fn keys_of_other_types_curves_and_lengths_are_refused() {
    assert_eq!(refused(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#), JwkError::KeyType);
    assert_eq!(refused(r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#), JwkError::KeyType);
    assert_eq!(refused(&ec("").replace("P-256", "P-384")), JwkError::KeyType);
    assert_eq!(refused(r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAA"}"#), JwkError::MemberForm("k"));
    assert_eq!(refused(&format!(r#"{{"kty":"oct","k":"{K}A"}}"#)), JwkError::MemberForm("k"));
    assert_eq!(refused(&format!(r#"{{"kty":"oct","k":"{K}="}}"#)), JwkError::MemberForm("k"));
    assert_eq!(refused(&ec("").replace(X, &X[..40])), JwkError::MemberForm("x"));
}

#[test]
fn points_off_the_curve_are_refused() {
    assert_eq!(refused(&ec("").replace(X, Y)), JwkError::NotOnCurve);
    let zero = "A".repeat(43);
    assert_eq!(refused(&ec("").replace(X, &zero).replace(Y, &zero)), JwkError::NotOnCurve);
}

#[test]
fn a_private_key_of_another_public_key_is_refused() {
    for other in ["0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo", &"A".repeat(43), &format!("{}8", "_".repeat(42))] {
        assert_eq!(refused(&ec(&format!(r#","d":"{other}""#))), JwkError::PrivateKey, "{other}");
    }
}

#[test]
fn text_that_is_no_key_is_refused() {
    assert_eq!(refused(""), JwkError::Syntax);
    assert_eq!(refused("[]"), JwkError::Syntax);
    assert_eq!(refused("{}"), JwkError::MissingMember("kty"));
    assert_eq!(refused(r#"{"kty":1}"#), JwkError::MemberForm("kty"));
    assert_eq!(refused(r#"{"kty":"oct"}"#), JwkError::MissingMember("k"));
    assert_eq!(refused(&format!(r#"{{"kty":"oct","k":"{K}","\u006b":"{K}"}}"#)), JwkError::DuplicateMember);
    assert_eq!(refused(&ec(r#","kid":7"#)), JwkError::MemberForm("kid"));
    let long = format!("{{\"kty\":\"oct\",\"k\":\"{K}\",\"x\":\"{}\"}}", "x".repeat(MAX_BYTES));
    assert_eq!(refused(&long), JwkError::TooLong);
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", Jwk::parse(&format!(r#"{{"kty":"oct","k":"{K}"}}"#)).unwrap());
    assert_eq!(shown, "Jwk { material: Symmetric(AesKey(hidden)), algorithm: None, key_id: None }");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}") {
        let _ = Jwk::parse(&text);
    }

    #[test]
    fn drawn_keys_are_read_as_they_were_printed(scalar: [u8; 32], key_id in proptest::option::of(".{0,20}")) {
        let Some(private) = PrivateKey::from_scalar(&scalar) else { return Ok(()) };
        let jwk = Jwk { material: KeyMaterial::Private(private), algorithm: None, key_id };
        let printed = jwk.print();
        let read = Jwk::parse(&printed).unwrap();
        prop_assert_eq!(read.print().to_string(), printed.to_string());
        prop_assert_eq!(read.key_id, jwk.key_id);
    }
}
