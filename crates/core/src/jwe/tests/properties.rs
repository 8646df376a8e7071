//! What holds for every token: it opens again, only as a whole, only with its key and only under its binding.

use std::{format, string::String, vec, vec::Vec};

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use getrandom::SysRng;
use proptest::prelude::*;

use super::*;

fn limits() -> Limits {
    // Low enough for a changed iteration count not to take long.
    Limits { max_iterations: 20_000, ..Limits::default() }
}

fn sealed() -> Vec<(Key, String)> {
    let seal = |recipient: &Recipient| seal(recipient, &binding("db-main", "value"), b"s3cr3t", &mut SysRng).unwrap();
    pairs().into_iter().map(|(recipient, key)| (key, seal(&recipient))).collect()
}

fn open_ours(key: &Key, token: &str) -> Result<Vec<u8>, OpenError> {
    open(key, &binding("db-main", "value"), token, &limits()).map(|value| value.to_vec())
}

#[test]
fn values_of_every_length_open_again_for_every_algorithm() {
    for (recipient, key) in pairs() {
        for length in [0, 1, 2, 3, 15, 16, 17, 767, 768, 769, 40_000] {
            let value: Vec<u8> = (0_u8..=255).cycle().take(length).collect();
            let token = seal(&recipient, &binding("db-main", "value"), &value, &mut SysRng).unwrap();
            assert_eq!(open_ours(&key, &token).unwrap(), value, "{:?} {length}", key.algorithm());
        }
    }
}

#[test]
fn a_change_of_any_character_is_refused() {
    for (key, token) in sealed() {
        assert_eq!(open_ours(&key, &token).unwrap(), b"s3cr3t");
        for (index, old) in token.char_indices() {
            // The neighbour differs in one bit; of the others, some are of the alphabet and some break the form.
            let neighbour = char::from(token.as_bytes()[index] ^ 1);
            for new in [neighbour, ['A', '_', '.', '=', 'é'][index % 5]] {
                if new != old {
                    let mut changed = String::from(&token[..index]);
                    changed.push(new);
                    changed.push_str(&token[index + 1..]);
                    assert!(open_ours(&key, &changed).is_err(), "{:?}: {new} at {index}", key.algorithm());
                }
            }
        }
    }
}

#[test]
fn a_token_that_is_cut_or_stretched_anywhere_is_refused() {
    for (key, token) in sealed() {
        for index in 0..token.len() {
            let mut shorter = token.clone();
            shorter.remove(index);
            let mut longer = token.clone();
            longer.insert(index, 'A');
            for changed in [&token[..index], &token[index + 1..], &shorter, &longer] {
                // Removing or doubling one of several equal characters in a row is no other change than its neighbour's.
                assert!(changed == token || open_ours(&key, changed).is_err(), "{:?} {index}", key.algorithm());
            }
        }
        assert!(open_ours(&key, &format!("{token}A")).is_err());
        assert!(open_ours(&key, &format!("{token}\n")).is_err());
    }
}

#[test]
fn parts_of_two_tokens_do_not_make_a_third() {
    for ((key, one), (_, other)) in sealed().into_iter().zip(sealed()) {
        let other: Vec<&str> = other.split('.').collect();
        for index in 0..5 {
            let mut mixed: Vec<&str> = one.split('.').collect();
            if mixed[index] != other[index] {
                mixed[index] = other[index];
                assert!(open_ours(&key, &mixed.join(".")).is_err(), "{:?}: part {index}", key.algorithm());
            }
        }
    }
}

#[test]
fn a_token_opens_only_under_its_binding() {
    for (key, token) in sealed() {
        for other in [binding("db-main", "values"), binding("db-main2", "value"), binding("value", "db-main")] {
            assert_eq!(open(&key, &other, &token, &limits()).unwrap_err(), OpenError::OtherBinding);
        }
        assert_eq!(open_unbound(&key, &token, &limits()).unwrap_err(), OpenError::Bound);
    }
}

#[test]
fn a_token_opens_only_with_its_key() {
    let others = [
        Key::Direct(AesKey::from_bytes(&[9; 32])),
        Key::KeyWrapping(AesKey::from_bytes(&[9; 32])),
        Key::Passphrase(Passphrase::new("Correct horse battery staple").unwrap()),
        Key::Private(PrivateKey::from_scalar(&[9; 32]).unwrap()),
    ];
    for (sealed_for, token) in sealed() {
        for other in &others {
            let same_kind = other.algorithm() == sealed_for.algorithm();
            let error = if same_kind { OpenError::Decryption } else { OpenError::KeyMismatch };
            assert_eq!(open_ours(other, &token).unwrap_err(), error, "{:?}", other.algorithm());
        }
    }
}

#[test]
fn tokens_for_one_key_share_no_randomness() {
    for (one, other) in sealed().into_iter().zip(sealed()).map(|((_, one), (_, other))| (one, other)) {
        let (one, other): (Vec<_>, Vec<_>) = (one.split('.').collect(), other.split('.').collect());
        for index in 2..5 {
            assert_ne!(one[index], other[index], "part {index}");
        }
    }
}

#[test]
fn a_content_step_done_elsewhere_gives_the_same_token_and_value() {
    for (recipient, key) in pairs() {
        let randomness: Vec<u8> = (1..=92).collect();
        let binding = binding("db-main", "value");
        let token = seal(&recipient, &binding, b"s3cr3t", &mut Known::new(randomness.clone())).unwrap();

        let plan = begin_seal(&recipient, &binding, &mut Known::new(randomness)).unwrap();
        let elsewhere = Aes256Gcm::new(plan.content_key().into());
        let payload = Payload { msg: b"s3cr3t", aad: plan.additional_data().as_bytes() };
        let content = elsewhere.encrypt(plan.iv().into(), payload).unwrap();
        let (ciphertext, tag) = content.split_at(6);
        assert_eq!(plan.finish(ciphertext, tag.try_into().unwrap()).unwrap(), token);

        let plan = begin_open(&key, &binding, &token, &limits()).unwrap();
        let elsewhere = Aes256Gcm::new(plan.content_key().into());
        let content = [plan.ciphertext(), plan.tag()].concat();
        let payload = Payload { msg: &content, aad: plan.additional_data().as_bytes() };
        assert_eq!(elsewhere.decrypt(plan.iv().into(), payload).unwrap(), b"s3cr3t");
        assert_eq!(plan.decrypt().unwrap().as_slice(), b"s3cr3t");
    }
}

#[test]
fn a_failing_generator_is_reported_and_nothing_is_sealed() {
    for (recipient, _) in pairs() {
        let needed = match recipient.algorithm() {
            Algorithm::Direct => 12,
            Algorithm::KeyWrapping => 32 + 12 + 12,
            Algorithm::Passphrase => 32 + 16 + 12,
            Algorithm::KeyAgreement => 32 + 32 + 12,
        };
        let seal = |available| seal(&recipient, &binding("a", "b"), b"", &mut Known::new(vec![7; available]));
        assert!(seal(needed).is_ok());
        assert_eq!(seal(needed - 1).unwrap_err(), SealError::Randomness);
    }
}

#[test]
fn a_draw_that_is_no_private_key_is_drawn_again() {
    let mut randomness = vec![0xff; 32];
    randomness.extend([0; 32]);
    randomness.extend([5; 32]);
    let key = PrivateKey::make(&mut Known::new(randomness)).unwrap();
    assert_eq!(*key.expose_scalar(), [5; 32]);
}

#[test]
fn a_value_above_the_limit_is_not_sealed() {
    let (recipient, _) = pairs().remove(0);
    let value = vec![0; MAX_PLAINTEXT_BYTES + 1];
    let plan = || begin_seal(&recipient, &binding("a", "b"), &mut SysRng).unwrap();
    assert_eq!(plan().encrypt(&value).unwrap_err(), SealError::TooLong);
    assert_eq!(plan().finish(&value, &[0; 16]).unwrap_err(), SealError::TooLong);
}

#[test]
fn tokens_and_headers_above_the_limits_are_refused() {
    for (key, token) in sealed() {
        let open_with = |limits| open(&key, &binding("db-main", "value"), &token, &limits).map(|_| ());
        let header = bytes(token.split('.').next().unwrap()).len();
        let exact = Limits { max_token_bytes: token.len(), max_header_bytes: header, max_iterations: 10_000 };
        assert_eq!(open_with(exact), Ok(()));
        let shorter = Limits { max_token_bytes: token.len() - 1, ..exact };
        assert_eq!(open_with(shorter), Err(OpenError::TokenTooLong));
        assert_eq!(open_with(Limits { max_header_bytes: header - 1, ..exact }), Err(OpenError::HeaderTooLong));
        let fewer = open_with(Limits { max_iterations: 9_999, ..exact });
        let is_passphrase = key.algorithm() == Algorithm::Passphrase;
        assert_eq!(fewer, if is_passphrase { Err(OpenError::IterationCount) } else { Ok(()) });
    }
}

#[test]
fn the_longest_header_that_is_written_is_within_the_default_limit() {
    let name = "n".repeat(64);
    for (recipient, key) in pairs() {
        // A control character takes six characters when escaped.
        let recipient = recipient.with_key_id(&"\u{1}".repeat(256)).unwrap();
        let binding = binding(&name, &name);
        let token = seal(&recipient, &binding, b"s3cr3t", &mut SysRng).unwrap();
        let header = Header::of_token(&token, &Limits::default()).unwrap();
        assert_eq!((header.key_id().unwrap().len(), header.binding()), (256, Some(&binding)));
        assert!(open(&key, &binding, &token, &Limits::default()).is_ok());
    }
}

#[test]
fn a_header_tells_which_key_and_binding_a_token_asks_for() {
    for (recipient, key) in pairs() {
        let recipient = recipient.with_key_id("key-1").unwrap();
        let token = seal(&recipient, &binding("db-main", "value"), b"", &mut SysRng).unwrap();
        let header = Header::of_token(&token, &limits()).unwrap();
        assert_eq!(header.algorithm(), key.algorithm());
        assert_eq!(header.key_id(), Some("key-1"));
        assert_eq!(header.binding(), Some(&binding("db-main", "value")));
    }
}

#[test]
fn debug_shows_neither_keys_nor_contents() {
    for (recipient, key) in pairs() {
        let plan = begin_seal(&recipient, &binding("db-main", "value"), &mut SysRng).unwrap();
        assert_eq!(format!("{plan:?}"), "SealPlan(hidden)");
        let token = plan.encrypt(b"s3cr3t").unwrap();
        let plan = begin_open(&key, &binding("db-main", "value"), &token, &limits()).unwrap();
        assert_eq!(format!("{plan:?}"), "OpenPlan(hidden)");
        assert!(format!("{recipient:?}").starts_with("Recipient { algorithm: "));
        assert!(format!("{key:?}").ends_with("(hidden))"));
    }
}

#[test]
fn iteration_counts_outside_the_bounds_are_not_used() {
    use crate::Rule;
    assert_eq!(Iterations::new(9_999).unwrap_err().rule, Rule::TooSmall);
    assert!(Iterations::new(10_000).is_ok() && Iterations::new(1_000_000).is_ok());
    assert_eq!(Iterations::new(1_000_001).unwrap_err().rule, Rule::TooLarge);
    assert_eq!(Iterations::default(), Iterations::new(210_000).unwrap());
}

#[test]
fn a_key_identifier_has_1_to_256_bytes() {
    let (recipient, _) = pairs().remove(0);
    assert!(recipient.clone().with_key_id("").is_err());
    assert!(recipient.clone().with_key_id(&"k".repeat(256)).is_ok());
    assert!(recipient.with_key_id(&"k".repeat(257)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_and_binding_open_again(
        value in proptest::collection::vec(any::<u8>(), 0..300),
        secret_name in "[a-zA-Z0-9_-]{1,64}",
        purpose in "[a-zA-Z0-9_-]{1,64}",
        key_id in proptest::option::of(".{1,60}"),
        pair in 0_usize..4,
    ) {
        let (mut recipient, key) = pairs().remove(pair);
        if let Some(key_id) = &key_id {
            recipient = recipient.with_key_id(key_id).unwrap();
        }
        let binding = binding(&secret_name, &purpose);
        let token = seal(&recipient, &binding, &value, &mut SysRng).unwrap();
        let opened = open(&key, &binding, &token, &limits()).unwrap();
        prop_assert_eq!(opened.as_slice(), value.as_slice());
        let header = Header::of_token(&token, &limits()).unwrap();
        prop_assert_eq!(header.key_id(), key_id.as_deref());
    }

    #[test]
    fn any_text_is_refused_without_harm(token in ".{0,300}") {
        for (_, key) in pairs() {
            prop_assert!(open_ours(&key, &token).is_err());
            prop_assert!(open_unbound(&key, &token, &limits()).is_err());
        }
    }

    #[test]
    fn any_header_is_refused_without_harm(
        algorithm in "dir|A256GCMKW|PBES2-HS512\\+A256KW|ECDH-ES\\+A256KW|[a-z]{0,4}",
        members in proptest::collection::vec(
            ("kid|p2s|p2c|epk|iv|tag|apu|apv|csms|zip|crit|[a-z]{0,3}", "\"[A-Za-z0-9_-]{0,24}\"|[0-9]{1,6}|\\{\\}|\\[\\]|[{}\\[\\]\",:]{1,3}"),
            0..5,
        ),
        rest in "[A-Za-z0-9_.-]{0,120}",
    ) {
        let mut header = format!(r#"{{"alg":"{algorithm}","enc":"A256GCM""#);
        for (name, value) in members {
            header.push_str(&format!(r#","{name}":{value}"#));
        }
        header.push('}');
        let token = format!("{}.{rest}", super::super::base64url::encode(header.as_bytes()));
        for (_, key) in pairs() {
            prop_assert!(open_ours(&key, &token).is_err());
            prop_assert!(open_unbound(&key, &token, &limits()).is_err());
            prop_assert!(open_unbound(&key, &token_with_header(&header), &limits()).is_err());
        }
    }
}
