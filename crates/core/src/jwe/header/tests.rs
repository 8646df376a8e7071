//! Headers are read as they were written, and refused for one fact at a time.

use std::{format, vec::Vec};

use proptest::prelude::*;

use super::{super::key::PrivateKey, *};

fn read(json: &str) -> Result<Header, OpenError> {
    Header::read(json, &Limits::default())
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let info = || proptest::collection::vec(any::<u8>(), 0..40);
    let point = any::<[u8; 32]>().prop_filter_map("a private key", |scalar| PrivateKey::from_scalar(&scalar));
    prop_oneof![
        Just(Parameters::Direct),
        any::<([u8; 12], [u8; 16])>().prop_map(|(iv, tag)| Parameters::KeyWrapping { iv, tag }),
        (proptest::collection::vec(any::<u8>(), 8..=128), 1_000_u32..=1_000_000)
            .prop_map(|(salt_input, iterations)| Parameters::Passphrase { salt_input, iterations }),
        (point, info(), info()).prop_map(|(key, apu, apv)| Parameters::KeyAgreement {
            ephemeral: key.public_key(),
            apu,
            apv
        }),
    ]
}

fn binding() -> impl Strategy<Value = Binding> {
    ("[a-zA-Z0-9_-]{1,64}", "[a-zA-Z0-9_-]{1,64}")
        .prop_map(|(name, purpose)| Binding::new(SecretName::parse(name).unwrap(), Purpose::parse(purpose).unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_again(
        parameters in parameters(),
        key_id in proptest::option::of(".{0,40}"),
        binding in proptest::option::of(binding()),
    ) {
        let header = Header { parameters, key_id, binding };
        let json = header.write();
        let known: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&known["alg"], header.algorithm().name());
        prop_assert_eq!(read(&json).unwrap(), header);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}") {
        let _ = read(&text);
    }
}

#[test]
fn a_header_is_written_in_one_way() {
    let name = SecretName::parse("db-main").unwrap();
    let header = Header {
        parameters: Parameters::Direct,
        key_id: Some("a\"b".into()),
        binding: Some(Binding::new(name, Purpose::parse("value").unwrap())),
    };
    let expected = r#"{"alg":"dir","enc":"A256GCM","kid":"a\"b","csms":{"name":"db-main","purpose":"value"}}"#;
    assert_eq!(header.write(), expected);
}

#[test]
fn members_in_any_order_with_space_and_escapes_are_read() {
    let header =
        read(" {\n\"\\u0065nc\" : \"A256\\u0047CM\", \"typ\":\"JWE\", \"alg\":\"dir\",\t\"cty\":\"text\" } ").unwrap();
    assert_eq!(header.algorithm(), Algorithm::Direct);
    assert_eq!((header.key_id(), header.binding()), (None, None));
}

#[test]
fn every_registered_member_that_names_a_key_elsewhere_is_refused() {
    for member in ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "url"] {
        let json = format!(r#"{{"alg":"dir","enc":"A256GCM","{member}":"x"}}"#);
        assert_eq!(read(&json).unwrap_err(), OpenError::UnknownMember, "{member}");
    }
}

#[test]
fn parameters_of_another_algorithm_are_refused() {
    for member in [r#""p2c":1000"#, r#""iv":"AAAAAAAAAAAAAAAA""#, r#""epk":{}"#, r#""apu":"QQ""#] {
        let json = format!(r#"{{"alg":"dir","enc":"A256GCM",{member}}}"#);
        assert_eq!(read(&json).unwrap_err(), OpenError::UnknownMember, "{member}");
    }
}

#[test]
fn names_of_algorithms_are_those_registered_and_no_others() {
    for algorithm in [Algorithm::Direct, Algorithm::KeyWrapping, Algorithm::Passphrase, Algorithm::KeyAgreement] {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
    }
    let others: Vec<_> = ["", "none", "DIR", "A256KW", "A128GCMKW", "PBES2-HS256+A128KW", "ECDH-ES", "RSA1_5"].into();
    for name in others {
        assert_eq!(Algorithm::from_name(name), None, "{name}");
    }
}
