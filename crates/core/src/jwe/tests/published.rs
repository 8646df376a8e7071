//! Published examples, as far as they use what is implemented here.
//!
//! Of an example with another content encryption the key management is checked: its content key is the one that the
//! example names, or that decrypts its content.

use super::{
    super::{base64url, hazmat},
    *,
};

/// RFC 7516 appendix A.1 is sealed with RSA-OAEP; its content is `A256GCM`.
#[test]
fn the_content_of_rfc_7516_a_1_is_decrypted() {
    let key = "saH0gFSP4XM_tAP_a5rU9ooHbltwLiJpL4LLLnrqQPw";
    let header = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ";
    let ciphertext = "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A";
    let mut content = bytes(ciphertext);
    let gcm = hazmat::Gcm::new(&array(key));
    let (iv, tag) = (array("48V1_ALb6US04U3b"), array("XFBoMYUZodetZdvTiFvSkQ"));
    gcm.decrypt(&iv, header.as_bytes(), &mut content, &tag).unwrap();
    assert_eq!(content, b"The true sign of intelligence is not knowledge but imagination.");
    assert_eq!(gcm.encrypt(&iv, header.as_bytes(), &mut content), Some(tag));
    assert_eq!(base64url::encode(&content), ciphertext);
}

/// RFC 7516 appendices A.1 to A.3 and RFC 7520 section 5.9, whose algorithms are not offered here.
#[test]
fn examples_with_other_algorithms_are_refused() {
    let key = Key::Direct(AesKey::from_bytes(&[0; 32]));
    for (header, error) in [
        (r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#, OpenError::Algorithm),
        (r#"{"alg":"RSA1_5","enc":"A128CBC-HS256"}"#, OpenError::Algorithm),
        (r#"{"alg":"A128KW","enc":"A128CBC-HS256"}"#, OpenError::Algorithm),
        (
            r#"{"alg":"A128KW","kid":"81b20965-8332-43d9-a468-82160ad91ac8","enc":"A128GCM","zip":"DEF"}"#,
            OpenError::Compressed,
        ),
        (r#"{"alg":"dir","kid":"77c7e2b8-6e13-45cf-8672-617b5b45243a","enc":"A128GCM"}"#, OpenError::Encryption),
    ] {
        let refused = open_unbound(&key, &token_with_header(header), &Limits::default());
        assert_eq!(refused.unwrap_err(), error, "{header}");
    }
}

#[test]
fn the_key_agreement_of_rfc_7518_appendix_c_is_reproduced() {
    let alice = PrivateKey::from_scalar(&array("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo")).unwrap();
    let bob = PrivateKey::from_scalar(&array("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw")).unwrap();
    let coordinates = |x, y| (array(x), array(y));
    assert_eq!(
        alice.public_key().coordinates(),
        coordinates("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps")
    );
    assert_eq!(
        bob.public_key().coordinates(),
        coordinates("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ", "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck")
    );
    let agreed = alice.agree(&bob.public_key()).unwrap();
    assert_eq!(Some(&agreed), bob.agree(&alice.public_key()).as_ref());
    assert_eq!(agreed[..8], [158, 86, 217, 29, 129, 113, 53, 211]);
    let derived = hazmat::concat_kdf(&*agreed, "A128GCM", b"Alice", b"Bob", 128);
    assert_eq!(base64url::encode(&derived[..16]), "VqqN6vgjbSBcIijNcacQGg");
}

#[test]
fn the_key_wrapping_of_rfc_7520_section_5_3_is_reproduced() {
    let passphrase = "entrap_o–peter_long–credit_tun";
    let salt_input = bytes("8Q1SzinasR3xchYz6ZZcHA");
    let wrapping = hazmat::pbes2_hs512(passphrase.as_bytes(), &salt_input, 8192);
    let wrapped = array("d3qNhUWfqheyPp4H8sjOWsDYajoej4c5Je6rlUtFPWdgtURtmeDV1g");
    let key = hazmat::unwrap_a256kw(&wrapping, &wrapped).unwrap();
    assert_eq!(base64url::encode(&*key), "uwsjJXaBK407Qaf0_zpcpmr1Cs0CC50hIUEyGNEt3m0");
    assert_eq!(hazmat::wrap_a256kw(&wrapping, &key), wrapped);
}

#[test]
fn the_key_agreement_of_rfc_7520_section_5_5_is_reproduced() {
    let jwk = r#"{"kty":"EC","kid":"meriadoc.brandybuck@buckland.example","use":"enc","crv":"P-256",
        "x":"Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0","y":"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw",
        "d":"r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8"}"#;
    let Key::Private(private) = Key::for_jwk(&Jwk::parse(jwk).unwrap()).unwrap() else { panic!("not a private key") };
    let (x, y) = ("mPUKT_bAWGHIhg0TpjjqVsP1rXWQu_vwVOHHtNkdYoA", "8BQAsImGeAS46fyWw5MhYfGTT0IjBpFw2SS34Dv4Irs");
    let ephemeral = PublicKey::from_coordinates(&array(x), &array(y)).unwrap();
    let key = hazmat::concat_kdf(&*private.agree(&ephemeral).unwrap(), "A128CBC-HS256", b"", b"", 256);
    assert_eq!(base64url::encode(&*key), "hzHdlfQIAEehb8Hrd_mFRhKsKLEzPfshfXs9l6areCc");
}

#[test]
fn the_key_wrapping_of_rfc_7520_section_5_7_is_reproduced() {
    let jwk = r#"{"kty":"oct","kid":"18ec08e1-bfa9-4d95-b205-2b4dd1d4321d","use":"enc","alg":"A256GCMKW",
        "k":"qC57l_uxcm7Nm3K-ct4GFjx8tM1U8CZ0NLBvdQstiS8"}"#;
    let Key::KeyWrapping(wrapping) = Key::for_jwk(&Jwk::parse(jwk).unwrap()).unwrap() else {
        panic!("not for wrapping")
    };
    let (iv, tag) = (array("KkYT0GX_2jHlfqN_"), array("kfPduVQ3T3H6vnewt--ksw"));
    let mut key = bytes("lJf3HbOApxMEBkCMOoTnnABxs_CvTWUmZQ2ElLvYNok");
    wrapping.gcm().decrypt(&iv, b"", &mut key, &tag).unwrap();
    assert_eq!(base64url::encode(&key), "UWxARpat23nL9ReIj4WG3D1ee9I4r-Mv5QLuFXdy_rE");
}
