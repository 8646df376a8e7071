//! Patterns with `*` and `?`, as policies write them.

/// Whether `text` matches a pattern in which `*` stands for any characters and `?` for one. The service name before
/// the first colon is compared without case, since policies write both `CSMS:` and `csms:`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.split_once(':'), text.split_once(':')) {
        (Some((pattern_service, pattern)), Some((service, text))) if !pattern_service.contains('*') => {
            pattern_service.eq_ignore_ascii_case(service) && glob(pattern.as_bytes(), text.as_bytes())
        }
        _ => glob(pattern.as_bytes(), text.as_bytes()),
    }
}

/// Matches with one point to return to: the last star. Linear in the product of the lengths at worst.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut rest, mut remaining) = (pattern, text);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (rest.split_first(), remaining.split_first()) {
            (Some((b'*', after)), _) => {
                star = Some((after, remaining));
                rest = after;
            }
            (Some((wanted, after)), Some((byte, left))) if wanted == byte || *wanted == b'?' => {
                rest = after;
                remaining = left;
            }
            (None, None) => return true,
            (_, _) => match star {
                // Let the last star take one more character, and go on behind it.
                Some((after, [_, left @ ..])) => {
                    star = Some((after, left));
                    rest = after;
                    remaining = left;
                }
                Some((_, [])) | None => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxb", true),
            ("**", "x", true),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_made_by_blanking_parts_of_a_text_matches_it(text in "[a-z]{0,12}", from in 0_usize..12, to in 0_usize..12) {
            let (from, to) = (from.min(text.len()), to.min(text.len()));
            let pattern = alloc::format!("{}*{}", &text[..from.min(to)], &text[from.max(to)..]);
            prop_assert!(glob(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn without_wildcards_only_the_same_text_matches(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
            prop_assert_eq!(glob(a.as_bytes(), b.as_bytes()), a == b);
        }
    }
}
