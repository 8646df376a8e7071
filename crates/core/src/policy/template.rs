//! Policy variables such as `${g:UserName}`, in resources and in the values of conditions.
//!
//! It reads them and puts the values of a request in their place, once: what a value holds is a plain text and never a wildcard
//! or a further variable. A variable whose key a request does not have, has several times, or that is written wrongly, cannot be
//! replaced, and then the whole text matches nothing. (<https://support.huaweicloud.com/usermanual-iam5/iam_01_1234.html>)

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{
    condition::{ConditionKey, ConditionKind, RequestContext},
    pattern::Token,
};

/// What begins a variable.
const OPENING: &str = "${";

/// Whether a text has variables.
pub(super) fn has_variables(text: &str) -> bool {
    // Most texts have no such character at all, which is found fastest.
    text.contains('$') && text.contains(OPENING)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// A text in which `*` and `?` may be wildcards.
    Written(String),
    /// One of `*`, `?` and `$`, for itself.
    Plain(char),
    Variable(Variable),
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// The key whose value takes its place; `None` if it is written wrongly or names no key.
    pub(super) key: Option<ConditionKey>,
    /// What takes its place otherwise.
    default: Option<String>,
}

impl Variable {
    const WRONG: Self = Self { key: None, default: None };
}

/// What takes the place of a variable.
pub(super) enum Replacement {
    /// This text.
    Text(String),
    /// Some text that is not known yet.
    Open,
    /// Nothing can.
    Impossible,
}

/// A text with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// Reads a text. What is written wrongly becomes a variable that cannot be replaced.
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(OPENING) {
            if !before.is_empty() {
                pieces.push(Piece::Written(before.to_owned()));
            }
            let (piece, after) =
                read_plain(behind).or_else(|| read_variable(behind)).unwrap_or((Piece::Variable(Variable::WRONG), ""));
            pieces.push(piece);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Written(rest.to_owned()));
        }
        Self(pieces)
    }

    /// The keys of the variables.
    pub(super) fn keys(&self) -> impl Iterator<Item = &ConditionKey> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => variable.key.as_ref(),
            _ => None,
        })
    }

    /// The text with the values of a request, where no character is a wildcard; `None` if a variable cannot be replaced.
    pub(super) fn text(&self, context: &RequestContext) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Written(written) => text.push_str(written),
                Piece::Plain(character) => text.push(*character),
                Piece::Variable(variable) => match variable.replace(context, &[]) {
                    Replacement::Text(value) => text.push_str(&value),
                    Replacement::Open | Replacement::Impossible => return None,
                },
            }
        }
        Some(text)
    }

    /// The pattern with the values of a request; `None` if a variable cannot be replaced. Those of the `open` kinds match any
    /// text.
    pub(super) fn pattern(&self, context: &RequestContext, open: &[ConditionKind]) -> Option<Vec<Token>> {
        self.tokens(true, |variable| variable.replace(context, open))
    }

    /// What the text may become in the requests that have the keys of some kinds; `None` if that is nothing. `is_pattern` says
    /// whether wildcards count.
    pub(super) fn any(&self, is_pattern: bool, has: &dyn Fn(ConditionKind) -> bool) -> Option<Vec<Token>> {
        self.tokens(is_pattern, |variable| match (&variable.key, &variable.default) {
            (Some(key), _) if key.is_replaceable() && has(key.kind()) => Replacement::Open,
            (_, Some(default)) => Replacement::Text(default.clone()),
            (_, None) => Replacement::Impossible,
        })
    }

    fn tokens(&self, is_pattern: bool, replace: impl Fn(&Variable) -> Replacement) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Written(written) if is_pattern => tokens.extend(written.chars().map(Token::from)),
                Piece::Written(written) => tokens.extend(written.chars().map(Token::Is)),
                Piece::Plain(character) => tokens.push(Token::Is(*character)),
                Piece::Variable(variable) => match replace(variable) {
                    Replacement::Text(value) => tokens.extend(value.chars().map(Token::Is)),
                    Replacement::Open => tokens.push(Token::Star),
                    Replacement::Impossible => return None,
                },
            }
        }
        Some(tokens)
    }
}

impl Variable {
    fn replace(&self, context: &RequestContext, open: &[ConditionKind]) -> Replacement {
        let replaceable = self.key.as_ref().filter(|key| key.is_replaceable());
        if replaceable.is_some_and(|key| open.contains(&key.kind())) {
            return Replacement::Open;
        }
        let value = replaceable.and_then(|key| key.only_value(context));
        value.or_else(|| self.default.clone()).map_or(Replacement::Impossible, Replacement::Text)
    }
}

/// Reads `*}`, `?}` or `$}`.
fn read_plain(behind: &str) -> Option<(Piece, &str)> {
    let mut characters = behind.chars();
    let character = characters.next().filter(|character| matches!(character, '*' | '?' | '$'))?;
    Some((Piece::Plain(character), characters.as_str().strip_prefix('}')?))
}

/// Reads `key}` or `key, 'default'}`, where a quote in the default is written twice.
fn read_variable(behind: &str) -> Option<(Piece, &str)> {
    let end = behind.find([',', '}'])?;
    let (name, after) = behind.split_at_checked(end)?;
    let name = name.trim();
    // A name has no blank inside, though that of a tag might.
    let key = ConditionKey::parse(name).filter(|_| !name.contains(char::is_whitespace));
    if let Some(after) = after.strip_prefix('}') {
        return Some((Piece::Variable(Variable { key, default: None }), after));
    }
    let mut rest = after.strip_prefix(',')?.trim_start().strip_prefix('\'')?;
    let mut default = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        default.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                default.push('\'');
                rest = after;
            }
            None => {
                let after = after.trim_start().strip_prefix('}')?;
                return Some((Piece::Variable(Variable { key, default: Some(default) }), after));
            }
        }
    }
}

/// What is written, with a text in place of each variable, for those who only look at what stands around them.
pub(super) fn with_each_as(text: &str, written: &str) -> String {
    let pieces = Template::parse(written).0;
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Written(written) => written.as_str(),
        Piece::Plain(_) | Piece::Variable(_) => text,
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::pattern::glob;

    fn alice() -> RequestContext {
        let tag = |key: &str, value: &str| (String::from(key), String::from(value));
        RequestContext {
            user_name: Some(String::from("alice")),
            resource_tags: Vec::from([tag("stage", "a*"), tag("empty", "")]),
            request_tags: Vec::from([tag("stage", "x")]),
            ..RequestContext::default()
        }
    }

    #[test]
    fn a_variable_becomes_the_value_of_its_key() {
        for (written, expected) in [
            ("${g:UserName}", Some("alice")),
            ("${G:username}-x", Some("alice-x")),
            ("a-${ g:UserName }-${g:UserName}", Some("a-alice-alice")),
            ("${g:ResourceTag/stage}", Some("a*")),
            ("${g:ResourceTag/empty}", Some("")),
            ("${g:UserName, 'nobody'}", Some("alice")),
            ("${ g:userid , 'No_Body' }", Some("No_Body")),
            ("${g:UserId, 'a quote is '', two are ''''.'}", Some("a quote is ', two are ''.")),
            ("${g:UserId, '${g:UserName}${*}'}", Some("${g:UserName}${*}")),
            ("${unknown:Key, 'x'}", Some("x")),
            ("${g:TagKeys, 'x'}", Some("x")),
            ("${*}${?}${$}{g:UserName}", Some("*?${g:UserName}")),
            ("$g:UserName}$", Some("$g:UserName}$")),
            ("a*", Some("a*")),
        ] {
            assert_eq!(Template::parse(written).text(&alice()).as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn a_variable_that_cannot_be_replaced_makes_the_text_nothing() {
        for written in [
            "${g:UserId}",
            "${g:ResourceTag/none}",
            "${g:TagKeys}",
            "${g:CurrentTime}",
            "x${unknown:Key}",
            "${foo",
            "${foo, 'default'",
            "${g:UserName, value}",
            "${g:UserName, 'default}",
            "${g:UserName, 'default''}",
            "${}",
            "${ }",
            "${g:User Name}",
            "${ * }",
        ] {
            let template = Template::parse(written);
            assert_eq!(template.text(&alice()), None, "{written}");
            assert_eq!(template.pattern(&alice(), &[]), None, "{written}");
        }
    }

    #[test]
    fn what_takes_the_place_of_a_variable_is_no_wildcard() {
        let matches = |written: &str, text: &str| {
            let tokens = Template::parse(written).pattern(&alice(), &[]).unwrap();
            glob(tokens.as_slice(), text)
        };
        assert!(matches("${g:ResourceTag/stage}", "a*") && !matches("${g:ResourceTag/stage}", "ab"));
        assert!(matches("${g:UserName}-*", "alice-db") && !matches("${g:UserName}-*", "bob-db"));
        assert!(matches("${*}?", "*x") && !matches("${*}?", "xx"));
        assert!(matches("${g:UserId, '*'}", "*") && !matches("${g:UserId, '*'}", "x"));
    }

    #[test]
    fn an_open_variable_may_be_any_text() {
        let open = |written: &str| Template::parse(written).pattern(&alice(), &[ConditionKind::UserName]).unwrap();
        assert!(glob(open("a-${g:UserName, 'x'}").as_slice(), "a-b"));
        assert!(!glob(open("a-${g:UserName}").as_slice(), "b"));
        let any = |written: &str| Template::parse(written).any(true, &|kind| kind == ConditionKind::UserName);
        assert_eq!(any("a${csms:Type}"), None);
        assert_eq!(any("a${csms:Type, '?'}"), Some(Vec::from([Token::Is('a'), Token::Is('?')])));
        assert_eq!(any("${g:UserName}?"), Some(Vec::from([Token::Star, Token::Any])));
    }

    #[test]
    fn what_stands_around_variables_can_be_seen() {
        assert_eq!(with_each_as("*", "iam::${g:DomainId}:agency:${x, 'a:b'}-y"), "iam::*:agency:*-y");
        assert_eq!(with_each_as("?", "obs:*:*:bucket:x"), "obs:*:*:bucket:x");
        assert_eq!(with_each_as("?", "a:${b"), "a:?");
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(written in r"[$\{\}'*?, a:g]{0,16}") {
            let template = Template::parse(&written);
            let _ = template.text(&alice());
            prop_assert!(has_variables(&written) || template.text(&alice()).as_deref() == Some(written.as_str()));
        }
    }
}
